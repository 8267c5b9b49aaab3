"""Requests, the sessions that other packages derive from its own, and the responses that it gives.

https://requests.readthedocs.io/en/latest/api/
"""

from collections.abc import Mapping

from rules.core.library import Blocking, Borrower, Counterpart, Library, Streaming

_VERBS = ("request", "get", "options", "head", "post", "put", "patch", "delete")
_WITH_BODY = frozenset({"post", "put", "patch", "request"})
_OAUTH = ("requests_oauthlib.OAuth1Session", "requests_oauthlib.OAuth2Session")
_DERIVED = (
    *_OAUTH,
    "requests_cache.CachedSession",
    "requests_toolbelt.sessions.BaseUrlSession",
    "authlib.integrations.requests_client.OAuth2Session",
)

_ANSWER = {name: name for name in ("json", "status_code", "content", "headers", "raise_for_status")}
_HTTPX = {
    "RequestException": ("HTTPError", "InvalidURL", "json.JSONDecodeError"),
    "HTTPError": ("HTTPStatusError",),
    "Timeout": ("TimeoutException",),
    "ConnectTimeout": ("ConnectTimeout",),
    "ReadTimeout": ("ReadTimeout",),
    "ConnectionError": ("NetworkError", "ProtocolError", "ProxyError", "ConnectTimeout"),
    "TooManyRedirects": ("TooManyRedirects",),
    "JSONDecodeError": ("json.JSONDecodeError",),
}
_AIOHTTP = {
    "RequestException": ("ClientError", "asyncio.TimeoutError", "json.JSONDecodeError"),
    "HTTPError": ("ClientResponseError",),
    "Timeout": ("asyncio.TimeoutError",),
    "ConnectionError": ("ClientConnectionError",),
    "TooManyRedirects": ("TooManyRedirects",),
    "JSONDecodeError": ("json.JSONDecodeError",),
}
"""https://www.python-httpx.org/exceptions/ and https://docs.aiohttp.org/en/stable/client_reference.html#client-exceptions."""
_POOL = "Of more than a hundred calls at once the others wait for a connection, and fail after the `pool` timeout."
_COMPACT = "HTTPX writes JSON without spaces, so that the bytes of a body, and a signature over them, are others."
_CHARSET = "Text whose charset the server does not tell is read as UTF-8; Requests guessed, or took ISO-8859-1."
_MOCKS = "Tests that replace `requests` have to replace the client instead."
_LINES = "Lines are text there, in the charset that the server tells or else UTF-8, and also end at the rarer line breaks of Unicode."
_SENT = "Chunks are sent on as they come, in other sizes than asked for."
_HTTPX_STREAM = Streaming(
    "stream",
    chunks={"iter_content": "aiter_bytes"},
    lines={"iter_lines": "aiter_lines"},
    reading=frozenset({"json.loads", "orjson.loads"}),
    copied={"raw": "aiter_raw"},
    copying=frozenset({"shutil.copyfileobj"}),
    answer={name: name for name in ("status_code", "headers", "raise_for_status")} | {"reason": "reason_phrase"},
    awaited={"content": "aread()", "close()": "aclose()"},
    exceptions=frozenset(f"requests.{name}" for name in ("RequestException", "HTTPError", "TooManyRedirects")),
    said={"iter_lines": _LINES, "sent": _SENT},
)
"""https://www.python-httpx.org/quickstart/#streaming-responses and https://requests.readthedocs.io/en/latest/user/advanced/#streaming-requests"""
_FOREVER = "aiohttp.ClientTimeout(total=None)"
_SHARED = ("params", "headers")


def _exceptions(there: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    return {f"requests.{name}": names for name, names in there.items()}


def _by_httpx(verb: str, package: str) -> Borrower:
    """https://www.python-httpx.org/compatibility/"""
    return Borrower(
        f"requests.{verb}",
        verb,
        f"{package}.AsyncClient",
        {
            **{name: name for name in (*_SHARED, "timeout")},
            "allow_redirects": "follow_redirects",
            **({"json": "json"} if verb in _WITH_BODY else {}),
        },
        {"timeout": "None", "follow_redirects": "False" if verb == "head" else "True"},
        answer=_ANSWER | {"reason": "reason_phrase"},
        exceptions=_exceptions(_HTTPX),
        response=frozenset({"HTTPStatusError"}),
        negated={"ok": "is_error"},
        shown=frozenset({"text"}),
        pool=_POOL,
        said={"json": _COMPACT, ".text": _CHARSET},
        streaming=_HTTPX_STREAM,
        places=2 if verb == "request" else 1,
        notes=(
            f"HTTPX raises `{package}.HTTPError` and its kin instead of `requests.RequestException`.",
            _MOCKS,
        ),
    )


def _by_aiohttp(verb: str) -> Borrower:
    """https://docs.aiohttp.org/en/stable/client_reference.html#aiohttp.ClientSession.request"""
    return Borrower(
        f"requests.{verb}",
        verb,
        "aiohttp.ClientSession",
        {
            **{name: name for name in (*_SHARED, "timeout", "allow_redirects")},
            **({"json": "json"} if verb in _WITH_BODY else {}),
        },
        {"timeout": _FOREVER},
        values={"timeout": "aiohttp.ClientTimeout(sock_connect={0}, sock_read={0})"},
        answer={"status_code": "status", **{name: name for name in ("headers", "reason", "ok", "raise_for_status")}},
        awaited={"json()": "json(content_type=None)", "content": "read()"},
        exceptions=_exceptions(_AIOHTTP),
        places=2 if verb == "request" else 1,
        notes=(
            "aiohttp raises `aiohttp.ClientError` and its kin instead of `requests.RequestException`.",
            "aiohttp writes the address in its canonical form.",
            _MOCKS,
        ),
    )


def _instead_of_session(
    of: str, made: Mapping[str, str], notes: tuple[str, ...], *, bound: bool = False
) -> Counterpart:
    """A client of another package, made so that it waits as long as a `Session`, and follows redirects as that does."""
    return Counterpart(
        "requests.Session",
        of,
        awaited=frozenset({*_VERBS, "close"}),
        quick=frozenset({"headers.update"}),
        renamed={} if bound else {"close": "aclose"},
        heavy=not bound,
        bound=bound,
        notes=notes,
        requires=(of.partition(".")[0],),
        asks="requests",
        made=made,
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
    borrowers=(
        *(_by_httpx(verb, package) for package in ("httpx2", "httpx") for verb in _VERBS),
        *(_by_aiohttp(verb) for verb in _VERBS),
    ),
    successors=(
        *(
            _instead_of_session(
                f"{package}.AsyncClient",
                {"timeout": "None", "follow_redirects": "True"},
                (*_by_httpx("get", package).notes, _POOL),
            )
            for package in ("httpx2", "httpx")
        ),
        _instead_of_session(
            "aiohttp.ClientSession",
            {"timeout": _FOREVER, "cookie_jar": "aiohttp.CookieJar(unsafe=True)", "trust_env": "True"},
            _by_aiohttp("get").notes,
            bound=True,
        ),
    ),
    bases=dict.fromkeys(_DERIVED, ("requests.Session",)),
    aliases={
        **{f"requests.api.{verb}": f"requests.{verb}" for verb in _VERBS},
        **{f"requests.exceptions.{name}": f"requests.{name}" for name in _HTTPX},
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
