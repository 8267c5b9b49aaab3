"""Logs: one JSON object a line on standard error, with the delivery it belongs to, and without secrets."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping

import structlog
from structlog.typing import EventDict, Processor

_SECRET = re.compile(
    r"gh[a-z]_[A-Za-z0-9._-]+"  # tokens of GitHub: https://github.blog/changelog/2026-05-15-github-app-installation-tokens-per-request-override-header
    r"|github_pat_\w+"
    r"|(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,}"  # an Authorization header
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=/app-manifests/)[^/\s]+"  # the code that the credentials of a new App are given for
    r"|(?<=://)[^\s:/@]*:[^\s@]+(?=@)",  # name and password within a URL
    re.DOTALL,
)


def redact(text: str) -> str:
    """The text with everything replaced that looks like a token, a key or a password."""
    return _SECRET.sub("[redacted]", text)


def configure_logs(level: str) -> None:
    """Send our logs and those of the libraries to standard error. `level` is a name such as INFO."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_all,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # It would otherwise write lines in its own form beside ours, and most of them are about itself.
    engine = logging.getLogger("dbos")
    engine.handlers, engine.propagate = [logging.NullHandler()], True
    engine.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))


def _redact_all(_logger: object, _method: str, event: MutableMapping[str, object]) -> EventDict:
    return {name: _redacted(value) for name, value in event.items()}


def _redacted(value: object) -> object:
    """The value as it will be written, within whatever holds it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {redact(str(name)): _redacted(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(inner) for inner in value]
    return redact(str(value))
