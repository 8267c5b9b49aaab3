"""The bot as a process: it starts, says how it is, and stops."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.events import EVENTS

KEY = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    .decode()
)
APP = {
    "GITHUB_APP_ID": "12",
    "GITHUB_PRIVATE_KEY": KEY,
    "GITHUB_WEBHOOK_SECRET": "s3cret",
}

Get = Callable[[str], Awaitable[tuple[int, str]]]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def start(command: str, directory: Path, **environ: str) -> asyncio.subprocess.Process:
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environ |= {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), inherited.get("PYTHONPATH", "")])}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", command),
        cwd=directory,
        env=inherited | environ,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def forgetful_github(asked: list[str]) -> AsyncIterator[str]:
    """The address of an API that knows nobody, and what it was asked for."""

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"message": "Not Found"}, status=404)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def started(command: str, directory: Path, **environ: str) -> AsyncIterator[str]:
    """The address of a process that was started. It must stop cleanly when it is told to."""
    port = free_port()
    process = await start(command, directory, HOST="127.0.0.1", PORT=str(port), **environ)
    try:
        yield f"http://127.0.0.1:{port}"
    except BaseException as error:
        error.add_note((await stopped(process)).decode())
        raise
    log = await stopped(process)
    assert process.returncode == 0, log.decode()
    assert json.loads(log.splitlines()[-1])["event"] == "stopped"


async def stopped(process: asyncio.subprocess.Process) -> bytes:
    """What the process logged, after it was told to stop."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    _, log = await asyncio.wait_for(process.communicate(), 30)
    return log


async def get(address: str, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(address + path) as response:
        return response.status, await response.text()


async def answering(address: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await get(address, "/healthz")
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
            else:
                return


async def deliver(address: str, delivery: str) -> int:
    body = json.dumps(
        {
            "action": "opened",
            "installation": {"id": 5},
            "repository": {"id": 7, "full_name": "octo/demo"},
            "pull_request": {"number": 3},
        }
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={hmac.new(b's3cret', body, hashlib.sha256).hexdigest()}",
    }
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{address}/webhook", data=body) as answer,
    ):
        return answer.status


async def test_everything_in_one_process(tmp_path: Path) -> None:
    """`serve` needs no service beside it: it answers, stores, works, and stops when it is told to."""
    async with (
        forgetful_github([]) as github,
        started("serve", tmp_path, **APP | {"GITHUB_API_URL": github}) as address,
    ):
        await answering(address)
        assert await get(address, "/healthz") == (200, "ok\n")
        assert await get(address, "/readyz") == (200, "ready\n")
        assert "A GitHub App for teams" in (await get(address, "/"))[1]
        assert (await get(address, "/setup"))[0] == 404
        assert await deliver(address, "guid") == 202
        metrics = (await get(address, "/metrics"))[1]
    assert 'asyncify_webhooks_total{event="pull_request",result="202"} 1.0' in metrics
    assert 'asyncify_queue_depth{state="parked"} 0.0' in metrics
    assert (tmp_path / "asyncify.db").exists()


async def test_web_and_worker(tmp_path: Path, postgres_url: str) -> None:
    """Both start at once on an empty database; what one stores the other begins. Both tell how they are."""
    asked: list[str] = []
    async with AsyncExitStack() as stack:
        github = await stack.enter_async_context(forgetful_github(asked))
        environ = APP | {"DATABASE_URL": postgres_url, "GITHUB_API_URL": github}
        web_process, worker_process = [
            await stack.enter_async_context(started(command, tmp_path, **environ)) for command in ("web", "worker")
        ]
        await answering(web_process)
        await answering(worker_process)
        for process in (web_process, worker_process):
            assert await get(process, "/readyz") == (200, "ready\n")
        assert await deliver(web_process, "guid") == 202
        assert await deliver(worker_process, "guid") == 404
        async with asyncio.timeout(30):
            while "asyncify_jobs_total{" not in (await get(worker_process, "/metrics"))[1]:  # noqa: ASYNC110 -- another process
                await asyncio.sleep(0.1)
        assert 'asyncify_queue_depth{state="running"}' in (await get(web_process, "/metrics"))[1]

    assert "/app/installations/5/access_tokens" in asked


@pytest.mark.parametrize("command", ["serve", "web"])
async def test_set_up_mode(command: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Without an App, the process says how to get one, and does not claim to be ready."""
    environ = {} if command == "serve" else {"DATABASE_URL": str(request.getfixturevalue("postgres_url"))}
    async with started(command, tmp_path, **environ) as address:
        await answering(address)
        status, page = await get(address, "/setup")
        assert status == 200
        assert "What it will ask for" in page
        assert (await get(address, "/healthz"))[0] == 200
        assert await get(address, "/readyz") == (503, "No GitHub App is set up yet: see /setup.\n")
        assert await deliver(address, "guid") == 503
        assert (await get(address, "/metrics"))[0] == 200


@pytest.mark.parametrize(
    ("command", "environ", "said"),
    [
        ("serve", {"GITHUB_APP_ID": "12"}, "GITHUB_PRIVATE_KEY is not set"),
        ("web", APP, "a SQLite file serves one process"),
        ("worker", APP, "a SQLite file serves one process"),
        ("worker", {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "GITHUB_APP_ID is not set"),
        ("web", APP | {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "DATABASE_URL names a database that cannot"),
        ("serve", {"HOST": "192.0.2.1"}, "HOST and PORT name an address that cannot be used"),
    ],
)
async def test_an_environment_that_is_wrong(tmp_path: Path, command: str, environ: dict[str, str], said: str) -> None:
    """The process does not start, says why in a sentence, and shows no traceback."""
    process = await start(command, tmp_path, **environ)

    _, log = await process.communicate()

    assert said in log.decode()
    assert "Traceback" not in log.decode()
    assert process.returncode == 2


async def test_a_file_of_the_operator_that_is_wrong(tmp_path: Path) -> None:
    """What all repositories would inherit is held against the same rules, before the first review."""
    await asyncio.to_thread((tmp_path / "asyncify.toml").write_text, 'locked = ["enabled"]\n')
    process = await start("serve", tmp_path, **APP)

    _, log = await process.communicate()

    assert "the operator's asyncify.toml, line 1: `locked` may hold" in log.decode()
    assert "Traceback" not in log.decode()
    assert process.returncode == 2


def test_the_manifest() -> None:
    """The App asks for what it needs and no more, and for the events of it."""
    manifest = yaml.safe_load(Path("app.yaml").read_text())

    assert manifest["public"] is False
    assert manifest["default_permissions"] == {
        "metadata": "read",
        "contents": "write",
        "pull_requests": "write",
        "issues": "read",
        "checks": "write",
    }
    assert set(manifest["default_events"]) == EVENTS
