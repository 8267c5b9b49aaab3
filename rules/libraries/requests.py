"""Requests, and the responses that it gives. https://requests.readthedocs.io/en/latest/api/"""

from rules.core.library import Blocking, Library

_VERBS = ("request", "get", "options", "head", "post", "put", "patch", "delete")

library = Library(
    "Requests",
    blocking=(
        Blocking("clients/requests", tuple(f"requests.{verb}" for verb in _VERBS)),
        Blocking("clients/requests", tuple(f"requests.Session.{verb}" for verb in (*_VERBS, "send"))),
    ),
    aliases={
        **{f"requests.api.{verb}": f"requests.{verb}" for verb in _VERBS},
        "requests.sessions.Session": "requests.Session",
        "requests.session": "requests.Session",
        "requests.sessions.session": "requests.Session",
    },
    results={
        **{f"requests.{verb}": "requests.Response" for verb in _VERBS},
        **{f"requests.Session.{verb}": "requests.Response" for verb in (*_VERBS, "send")},
    },
)
