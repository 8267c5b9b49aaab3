"""What reaches the log, and what must not."""

import json
import subprocess
import sys
from typing import Any

import pytest

from bot.logs import redact

TOKEN = "ghs_" + "a1B2" * 9
STATELESS = "ghs_12345_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMiJ9.c2ln-bmF0_dXJl"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMiJ9.c2ln-bmF0_dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"token {TOKEN}, and more", "token [redacted], and more"),
        (f"Bearer {STATELESS}", "Bearer [redacted]"),
        (f"'{JWT}'", "'[redacted]'"),
        (f"key: {PEM}!", "key: [redacted]!"),
        (PEM[:60], "[redacted]"),
        ("postgresql://bot:hunter2@db/asyncify", "postgresql://[redacted]@db/asyncify"),
        ("github_pat_11ABC_xyz", "[redacted]"),
    ],
    ids=["token", "stateless token", "JWT", "PEM", "cut PEM", "password", "personal token"],
)
def test_secrets(text: str, left: str) -> None:
    """What opens doors is replaced, what stands around it is not."""
    assert redact(text) == left


@pytest.mark.parametrize(
    "text", ["the length of ghs", "https://github.com/octo/demo", "eyJ is no token", "a@b.example"]
)
def test_what_is_no_secret(text: str) -> None:
    """Words that only look a little like secrets stay."""
    assert redact(text) == text


PROGRAM = f"""
import logging, structlog
from bot.logs import configure_logs
configure_logs("INFO")
log = structlog.get_logger("bot.review")
with structlog.contextvars.bound_contextvars(delivery="guid"):
    log.info("posted", token={TOKEN!r})
    logging.getLogger("aiohttp.server").error("answer of %s", {JWT!r})
    try:
        raise ValueError({TOKEN!r})
    except ValueError:
        log.exception("failed")
logging.getLogger("dbos").warning("engine")
log.debug("silent")
"""


def logged() -> list[dict[str, Any]]:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stderr.splitlines()]


def test_a_log() -> None:
    """One JSON object a line, ours and the libraries' alike, with the delivery, and without secrets."""
    posted, answer, failed, engine = logged()

    assert (posted["event"], posted["delivery"], posted["level"], posted["token"]) == (
        "posted",
        "guid",
        "info",
        "[redacted]",
    )
    assert (answer["event"], answer["delivery"]) == ("answer of [redacted]", "guid")
    assert failed["exception"].endswith("ValueError: [redacted]")
    assert (engine["event"], engine["logger"]) == ("engine", "dbos")
