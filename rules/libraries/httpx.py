"""HTTPX and HTTPX2, which share their names: functions and `Client` wait, `AsyncClient` is awaited.

https://www.python-httpx.org/api/
"""

from rules.core.library import Blocking, Borrower, Counterpart, Lasting, Library, Managed

_PACKAGES = ("httpx", "httpx2")
_VERBS = ("request", "get", "options", "head", "post", "put", "patch", "delete", "stream")
_FUNCTIONS = tuple(f"httpx.{verb}" for verb in _VERBS) + tuple(f"httpx2.{verb}" for verb in (*_VERBS, "query"))
_METHODS = tuple(f"httpx.Client.{verb}" for verb in (*_VERBS, "send")) + tuple(
    f"httpx2.Client.{verb}" for verb in (*_VERBS, "send", "query")
)
_BODIES = (
    (("get", "options", "head", "delete"), ()),
    (("post", "put", "patch"), ("json", "data", "content", "files")),
)
_AWAITED = ("request", "get", "options", "head", "post", "put", "patch", "delete", "send", "aclose")


_POOL = "Of more than a hundred calls at once the others wait for a connection, and fail after the `pool` timeout."


def _response(name: str) -> str:
    return f"{name.partition('.')[0]}.Response"


_STREAM = Managed(
    iterated=frozenset({"iter_bytes", "iter_lines", "iter_raw", "iter_text"}),
    awaited=frozenset({"read", "close"}),
    quick=frozenset({"status_code", "headers", "raise_for_status", "is_error", "is_success", "url", "http_version"}),
    renamed={
        **{f"iter_{kind}": f"aiter_{kind}" for kind in ("bytes", "lines", "raw", "text")},
        "read": "aread",
        "close": "aclose",
    },
)


_READING = frozenset({"get", "head", "options", "stream", "build_request"})
_CONSTANT = frozenset(
    {
        *("timeout", "follow_redirects", "http1", "http2", "trust_env", "headers", "base_url", "params"),
        *("max_redirects", "default_encoding"),
    }
)


library = Library(
    "HTTPX",
    blocking=(Blocking("clients/httpx", _FUNCTIONS), Blocking("clients/httpx", _METHODS)),
    aliases={
        **{
            f"{package}._client.{name}": f"{package}.{name}"
            for package in _PACKAGES
            for name in ("Client", "AsyncClient")
        },
        **{f"{package}._api.{verb}": f"{package}.{verb}" for package in _PACKAGES for verb in _VERBS},
        **{f"{package}._models.Response": f"{package}.Response" for package in _PACKAGES},
    },
    results={name: _response(name) for name in (*_FUNCTIONS, *_METHODS)},
    counterparts=tuple(
        Counterpart(
            f"{package}.Client",
            f"{package}.AsyncClient",
            awaited=frozenset({*_AWAITED[:-2], "close"}),
            entered={"stream": _STREAM},
            quick=frozenset({"headers.update", "headers.get", "cookies.set", "cookies.get", "build_request"}),
            renamed={"close": "aclose"},
            refused=frozenset({"transport", "mounts", "event_hooks", "auth", "app", "proxies"}),
            heavy=True,
            notes=(_POOL,),
        )
        for package in _PACKAGES
    ),
    borrowers=tuple(
        Borrower(
            f"{package}.{verb}",
            verb,
            f"{package}.AsyncClient",
            {name: name for name in ("params", "headers", "timeout", "follow_redirects", *body)},
            {"timeout": "5.0", "follow_redirects": "False"},
        )
        for package in _PACKAGES
        for verbs, body in _BODIES
        for verb in verbs
    ),
    lasting=tuple(
        Lasting(
            f"{package}.AsyncClient",
            "http_client",
            _CONSTANT,
            _READING | {"post", "put", "patch", "delete", "request", "send"},
            _READING,
            own=frozenset({"cookies", ""}),
            limits="max_connections=None, max_keepalive_connections=20",
        )
        for package in _PACKAGES
    ),
    coroutines=frozenset(f"{package}.AsyncClient.{name}" for package in _PACKAGES for name in _AWAITED),
)
