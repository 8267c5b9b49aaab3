"""What reaches the log, and what must not."""

import json
import subprocess
import sys
from typing import Any

import pytest

from bot.logs import redact

from .fake_github import FakeGitHub, Fault
from .fake_github.tokens import Token
from .reviewing import BLOCKING, MAIN
from .service import serving

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
        ("Authorization: Bearer 0123456789abcdef", "Authorization: Bearer [redacted]"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted]"),
        ("POST /app-manifests/a1b2c3/conversions", "POST /app-manifests/[redacted]/conversions"),
    ],
    ids=[
        "token",
        "stateless token",
        "JWT",
        "PEM",
        "cut PEM",
        "password",
        "personal token",
        "header",
        "basic header",
        "code",
    ],
)
def test_secrets(text: str, left: str) -> None:
    """What opens doors is replaced, what stands around it is not."""
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    ["the length of ghs", "https://github.com/octo/demo", "eyJ is no token", "a@b.example", "the bearer of the news"],
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
    log.info("posted", token={TOKEN!r}, places=[{{"by": {JWT!r}}}], error=ValueError({PEM!r}), status=200)
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
    assert (posted["places"], posted["error"], posted["status"]) == ([{"by": "[redacted]"}], "[redacted]", 200)
    assert (answer["event"], answer["delivery"]) == ("answer of [redacted]", "guid")
    assert failed["exception"].endswith("ValueError: [redacted]")
    assert (engine["event"], engine["logger"]) == ("engine", "dbos")


ECHO = f"rejected: Authorization: Bearer {TOKEN} signed {JWT} with {PEM} by https://bot:hunter2@proxy.example/x"
"""What a proxy between us and GitHub may answer that shows people what they sent."""


@pytest.mark.timeout(180)
async def test_the_log_of_a_bad_day() -> None:
    """With everything logged that can be, and refusals that show what was sent, neither token nor key nor secret is in the log."""
    minted: dict[str, Token] = {}
    async with FakeGitHub() as github, serving(github, {"LOG_LEVEL": "DEBUG"}) as service:
        shop = github.repository("acme/shop", {"app.py": MAIN})
        shop.collaborators["ann"] = "write"
        pull = shop.open_pull({"app.py": BLOCKING})
        said = {"message": ECHO}
        for match, status in (
            ("GET */pulls/*", 502),
            ("GET */git/trees/*", 401),
            ("POST */reviews", 422),
            ("POST */reviews", 403),
        ):
            github.faults.add(Fault(match, status, said))
        github.faults.graphql_error(ECHO, containing="pullRequest(")
        github.faults.moved("GET */git/trees/*", "https://bot:hunter2@elsewhere.example/")
        github.faults.add(Fault("GET /app/hook/deliveries", 418, said))
        for _ in range(3):
            sent = await service.deliver(pull, "synchronize")
            await service.ended(sent)
            minted |= github.tokens
        command = await service.send(
            "issue_comment", github.webhook("issue_comment", "created", pull.comment("/asyncify fix"))
        )
        github.faults.add(Fault("POST */reactions", 403, said))
        github.faults.add(Fault("POST /graphql", 403, said, containing="createCommitOnBranch"))
        await service.ended(command, "done")
        minted |= github.tokens
        malformed = {"action": "opened", "installation": {"id": ECHO}}
        assert await github.deliver("pull_request", malformed, url=f"{service.address}/webhook") == 400
        assert await service.stop() == 0
    log = json.dumps(list(map(dict, service.log)), ensure_ascii=False)
    secrets = [*minted, TOKEN, JWT, "hunter2", github.app.webhook_secret, *github.app.private_key.splitlines()[1:-1]]
    assert len(minted) > 1
    assert [secret for secret in secrets if secret in log] == []
    assert log.count("[redacted]") > 3
    assert "eyJ" not in log
