"""What is known to neither wait nor compute for long: the standard library, web frameworks, answers that are there already.

https://docs.python.org/3/library/, https://www.starlette.io/responses/, https://www.structlog.org/en/stable/api.html,
https://loguru.readthedocs.io/en/stable/api/logger.html and the pages of each package.
"""

from rules.core.library import Library

_BUILTINS = (
    *("print", "next", "iter", "map", "filter", "hash", "id", "ord", "chr", "format", "slice", "divmod", "pow", "bin"),
    *("bytearray", "callable", "setattr", "delattr", "hex", "object", "vars", "dir", "memoryview", "complex", "super"),
)
_RESPONSES = (
    *("Response", "JSONResponse", "PlainTextResponse", "HTMLResponse", "RedirectResponse", "StreamingResponse"),
    "FileResponse",
)
_LOGGING = ("debug", "info", "warning", "error", "exception", "critical", "log")
_LOGGER = (
    *(*_LOGGING, "warn", "fatal", "isEnabledFor", "setLevel", "getChild", "getEffectiveLevel"),
    *("bind", "unbind", "try_unbind", "new"),  # structlog
    *("success", "trace", "opt", "patch", "contextualize"),  # loguru
)
_ANSWER = ("json", "raise_for_status")
_STANDARD = (
    *(f"json.{name}" for name in ("loads", "dumps")),
    *(f"re.{name}" for name in ("compile", "match", "search", "fullmatch", "findall", "finditer", "sub", "split")),
    "re.escape",
    *(f"os.path.{name}" for name in ("join", "basename", "dirname", "splitext", "normpath", "split", "isabs")),
    *("os.getenv", "os.environ.get", "os.getpid", "os.urandom", "os.fspath"),
    *(f"datetime.datetime.{name}" for name in ("today", "fromisoformat", "strptime", "fromtimestamp", "combine")),
    *(f"datetime.date.{name}" for name in ("today", "fromisoformat")),
    *("datetime.datetime", "datetime.date", "datetime.time", "datetime.timezone"),
    *(f"uuid.{name}" for name in ("uuid1", "uuid3", "uuid5")),
    *(f"time.{name}" for name in ("perf_counter_ns", "time_ns", "monotonic_ns", "strftime", "gmtime", "localtime")),
    *(f"random.{name}" for name in ("random", "randint", "choice", "choices", "sample", "uniform", "shuffle")),
    *(f"secrets.{name}" for name in ("token_hex", "token_urlsafe", "token_bytes", "choice", "randbelow")),
    *(f"base64.{name}" for name in ("b64encode", "b64decode", "urlsafe_b64encode", "urlsafe_b64decode")),
    *(f"urllib.parse.{name}" for name in ("quote", "quote_plus", "unquote", "urlencode", "urljoin", "urlparse")),
    *("urllib.parse.parse_qs", "urllib.parse.urlsplit", "html.escape", "html.unescape", "textwrap.dedent"),
    *(f"math.{name}" for name in ("ceil", "floor", "sqrt", "log", "log2", "log10", "isclose", "isnan")),
    *(f"collections.{name}" for name in ("defaultdict", "Counter", "OrderedDict", "deque")),
    *("decimal.Decimal", "fractions.Fraction", "functools.partial", "copy.copy", "copy.deepcopy", "typing.cast"),
    *("dataclasses.asdict", "dataclasses.replace", "types.SimpleNamespace", "hmac.new", "io.BytesIO", "io.StringIO"),
    *(f"hashlib.{name}" for name in ("sha256", "sha1", "md5", "sha512", "blake2b")),
    *(f"hashlib.{name}.hexdigest" for name in ("sha256", "sha1", "md5", "sha512", "blake2b")),
)

library = Library(
    "Quick calls",
    results={
        "logging.getLogger": "logging.Logger",
        "structlog.get_logger": "logging.Logger",
        "structlog.stdlib.get_logger": "logging.Logger",
    },
    aliases={"loguru.logger": "logging.Logger"},
    quick=frozenset(
        {
            *(f"builtins.{name}" for name in _BUILTINS),
            *_STANDARD,
            *(f"logging.{name}" for name in (*_LOGGING, "getLogger")),
            *(f"logging.Logger.{name}" for name in _LOGGER),
            *(f"{module}.{name}" for module in ("fastapi.responses", "starlette.responses") for name in _RESPONSES),
            *(f"fastapi.responses.{name}" for name in ("ORJSONResponse", "UJSONResponse")),
            *(f"fastapi.{name}" for name in ("Response", "Response.set_cookie", "Response.delete_cookie")),
            *(f"fastapi.Request.{name}" for name in ("url_for", "headers.get", "cookies.get", "query_params.get")),
            *("fastapi.encoders.jsonable_encoder", "starlette.background.BackgroundTask", "fastapi.BackgroundTasks"),
            "starlette.background.BackgroundTasks.add_task",
            *(f"pydantic.BaseModel.{name}" for name in ("model_dump_json", "model_validate", "dict", "json")),
            *(f"{package}.Response.{name}" for package in ("httpx", "httpx2", "requests") for name in _ANSWER),
            *(f"{package}.Timeout" for package in ("httpx", "httpx2")),
        }
    ),
)
