"""Other ways to ask over HTTP: niquests, httplib2, SOAP by zeep, the keys of an identity provider by PyJWT.

https://niquests.readthedocs.io/, https://httplib2.readthedocs.io/, https://docs.python-zeep.org/ and
https://pyjwt.readthedocs.io/en/stable/usage.html#retrieve-rsa-signing-keys-from-a-jwks-endpoint
"""

from rules.core.library import Blocking, Library

_VERBS = ("request", "get", "options", "head", "post", "put", "patch", "delete")
_JWKS = "jwt.PyJWKClient"

library = Library(
    "Other HTTP clients",
    blocking=(
        Blocking("clients/requests", tuple(f"niquests.{verb}" for verb in _VERBS)),
        Blocking("clients/requests", tuple(f"niquests.Session.{verb}" for verb in (*_VERBS, "send"))),
        Blocking("clients/urllib", ("httplib2.Http.request",)),
        Blocking("clients/services", ("zeep.Client", "zeep.CachingClient", "zeep.Client.service.*")),
        Blocking(
            "clients/services",
            tuple(
                f"{_JWKS}.{name}"
                for name in (
                    "get_signing_key_from_jwt",
                    "get_signing_key",
                    "get_signing_keys",
                    "get_jwk_set",
                    "fetch_data",
                )
            ),
        ),
    ),
    aliases={
        "jwt.jwks_client.PyJWKClient": _JWKS,
        "zeep.client.Client": "zeep.Client",
        "niquests.sessions.Session": "niquests.Session",
    },
    bases={"zeep.CachingClient": ("zeep.Client",)},
    results={
        **{f"niquests.{verb}": "niquests.Response" for verb in _VERBS},
        **{f"niquests.Session.{verb}": "niquests.Response" for verb in (*_VERBS, "send")},
    },
)
