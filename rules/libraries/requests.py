"""Requests, the sessions that other packages derive from its own, and the responses that it gives.

https://requests.readthedocs.io/en/latest/api/
"""

from rules.core.library import Blocking, Borrower, Library

_VERBS = ("request", "get", "options", "head", "post", "put", "patch", "delete")
_OAUTH = ("requests_oauthlib.OAuth1Session", "requests_oauthlib.OAuth2Session")
_DERIVED = (
    *_OAUTH,
    "requests_cache.CachedSession",
    "requests_toolbelt.sessions.BaseUrlSession",
    "authlib.integrations.requests_client.OAuth2Session",
)

_CLIENTS = ("httpx2.AsyncClient", "httpx.AsyncClient")
_ANSWER = frozenset({"json", "status_code", "content", "headers", "raise_for_status"})
_NOTES = (
    "HTTPX raises `httpx.HTTPError` and its kin instead of `requests.RequestException`.",
    "Tests that replace `requests` have to replace the client instead.",
)

library = Library(
    "Requests",
    blocking=(
        Blocking("clients/requests", tuple(f"requests.{verb}" for verb in _VERBS)),
        Blocking("clients/requests", tuple(f"requests.Session.{verb}" for verb in (*_VERBS, "send"))),
        Blocking(
            "clients/requests",
            tuple(f"requests_oauthlib.OAuth1Session.fetch_{kind}_token" for kind in ("request", "access")),
        ),
        Blocking(
            "clients/requests", tuple(f"requests_oauthlib.OAuth2Session.{name}_token" for name in ("fetch", "refresh"))
        ),
        Blocking("clients/requests", tuple(f"{_DERIVED[-1]}.{name}_token" for name in ("fetch", "refresh"))),
    ),
    borrowers=tuple(
        Borrower(
            f"requests.{verb}",
            verb,
            _CLIENTS,
            {
                "params": "params",
                "headers": "headers",
                "timeout": "timeout",
                "allow_redirects": "follow_redirects",
                **dict.fromkeys(("json",) if verb in {"post", "put", "patch"} else (), "json"),
            },
            {"timeout": "None", "follow_redirects": "False" if verb == "head" else "True"},
            _ANSWER,
            _NOTES,
        )
        for verb in _VERBS[1:]
    ),
    bases=dict.fromkeys(_DERIVED, ("requests.Session",)),
    aliases={
        **{f"requests.api.{verb}": f"requests.{verb}" for verb in _VERBS},
        "requests.sessions.Session": "requests.Session",
        "requests.session": "requests.Session",
        "requests.sessions.session": "requests.Session",
        "requests_cache.session.CachedSession": "requests_cache.CachedSession",
        "requests_oauthlib.oauth1_session.OAuth1Session": _OAUTH[0],
        "requests_oauthlib.oauth2_session.OAuth2Session": _OAUTH[1],
    },
    results={
        **{f"requests.{verb}": "requests.Response" for verb in _VERBS},
        **{f"requests.Session.{verb}": "requests.Response" for verb in (*_VERBS, "send")},
    },
)
