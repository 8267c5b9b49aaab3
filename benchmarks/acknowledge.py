"""How soon a delivery is acknowledged once it is safely stored, while reviews run behind it, and what a burst does.

python -m benchmarks.acknowledge

Everything is real but GitHub: `asyncify serve` on SQLite, reviews against the fake GitHub of the tests, each in a process of
its own. The control is the same handler in the same kind of server, which stores nothing and reviews nothing.
"""

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from aiohttp import web

from benchmarks.changes import change
from benchmarks.figures import quantile, say, say_load
from benchmarks.sample import sample
from bot import intake
from bot.events import Requested
from bot.logs import configure_logs
from bot.settings import read_settings, require_credentials
from tests.bot.fake_github import FakeGitHub, encode, sign

A_SECOND = 20
ROUNDS = 6
SECONDS = 3
"""Each round is so many seconds for the one server, then for the other."""
SLOWER = 8
"""Times the control's p99 that the p99 may be."""
BURST = 1000
BURST_SECONDS = 8
SENDERS = 100
"""Connections that a burst comes through."""
OWNERS = 5
PULLS = 4
"""Pull requests for each owner."""
GITHUB, CONTROL = "--github", "--control"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Account:
    """What the fake GitHub tells of itself: the environment of a bot for it, and the payloads to deliver."""

    environ: Mapping[str, str]
    payloads: tuple[bytes, ...]

    def delivery(self, number: int) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of a delivery with an id of its own."""
        body = self.payloads[number % len(self.payloads)]
        secret, app = self.environ["GITHUB_WEBHOOK_SECRET"], int(self.environ["GITHUB_APP_ID"])
        return body, sign(body, secret, guid=str(uuid.uuid4()), app_id=app)


def main(arguments: list[str]) -> None:
    """Measure, or be one of the servers that are measured."""
    if arguments == [GITHUB]:
        asyncio.run(_be_github())
    elif arguments == [CONTROL]:
        _be_control()
    else:
        say_load()
        with TemporaryDirectory() as directory:
            asyncio.run(_measure(Path(directory)))


async def _measure(directory: Path) -> None:
    with ExitStack() as stack:
        account = stack.enter_context(_github())
        durable = stack.enter_context(_server(["-m", "bot", "serve"], directory, account))
        control = stack.enter_context(_server(["-m", "benchmarks.acknowledge", CONTROL], directory, account))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=SENDERS)) as session:
            for address in (durable, control):
                await _until_ready(session, address)
            await _say_steady(session, account, durable, control)
            await _say_burst(session, account, durable, directory / "asyncify.db")
            print(f"  meanwhile: {await _ended(session, durable)}")


async def _say_steady(session: aiohttp.ClientSession, account: Account, durable: str, control: str) -> None:
    stored: list[float] = []
    dropped: list[float] = []
    for _ in range(ROUNDS):
        stored += await _deliver_steadily(session, account, durable)
        dropped += await _deliver_steadily(session, account, control)
    for share, bound in ((0.5, None), (0.99, SLOWER)):
        ours, theirs = (quantile(times, share) * 1000 for times in (stored, dropped))
        what = f"p{share * 100:.0f} of {len(stored)} at {A_SECOND} a second / storing nothing"
        measured = f"{ours:.1f} / {theirs:.1f} ms = {ours / theirs:.1f} x"
        if bound is None:
            say(what, measured)
        else:
            say(what, measured, f"at most {bound} x", held=ours <= bound * theirs)


async def _deliver_steadily(session: aiohttp.ClientSession, account: Account, address: str) -> list[float]:
    """Seconds from each delivery to its acknowledgement; none waits for another."""
    sent = []
    for number in range(A_SECOND * SECONDS):
        sent.append(asyncio.create_task(_deliver(session, address, *account.delivery(number))))
        await asyncio.sleep(1 / A_SECOND)
    return [seconds for _, seconds in await asyncio.gather(*sent)]


async def _say_burst(session: aiohttp.ClientSession, account: Account, address: str, database: Path) -> None:
    deliveries = [account.delivery(number) for number in range(BURST)]
    start = time.perf_counter()
    answers = await asyncio.gather(*(_deliver(session, address, *one) for one in deliveries))
    seconds = time.perf_counter() - start
    taken = sum(status == 202 for status, _ in answers)
    what = f"a burst of {BURST}: {taken} acknowledged"
    held = taken == BURST and seconds <= BURST_SECONDS
    say(what, f"{seconds:.1f} s", f"all within {BURST_SECONDS} s", held=held)
    lost = {headers["x-github-delivery"] for _, headers in deliveries} - _stored(database)
    say(f"a burst of {BURST}: lost", str(len(lost)), "none", held=not lost)


async def _deliver(
    session: aiohttp.ClientSession, address: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, float]:
    start = time.perf_counter()
    async with session.post(f"{address}/webhook", data=body, headers=headers) as answer:
        await answer.read()
    return answer.status, time.perf_counter() - start


def _stored(database: Path) -> set[str]:
    """The ids of all deliveries that have a job."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT workflow_uuid FROM workflow_status WHERE name = 'delivery'")
        return {row[0].rpartition("/")[2] for row in rows}
    finally:
        connection.close()


async def _ended(session: aiohttp.ClientSession, address: str) -> str:
    """How the reviews behind the deliveries ended, as the server counts them."""
    async with session.get(f"{address}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return ", ".join(line for line in lines if line.startswith("asyncify_jobs_total")) or "no review ended"


async def _until_ready(session: aiohttp.ClientSession, address: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with session.get(f"{address}/healthz"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)


# What follows are the other processes.


@contextmanager
def _github() -> Iterator[Account]:
    """A fake GitHub with pull requests to review, in a process of its own."""
    mine = [sys.executable, "-m", "benchmarks.acknowledge", GITHUB]
    with subprocess.Popen(mine, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Account(told["environ"], tuple(payload.encode() for payload in told["payloads"]))
        process.communicate()


async def _be_github() -> None:
    """Answer until the input is closed."""
    files = sample(0.2)
    async with FakeGitHub() as github:
        shops = [github.repository(f"owner{number}/shop", files) for number in range(OWNERS)]
        pulls = [shop.open_pull(change(files, 5 + number, 1)) for shop in shops for number in range(PULLS)]
        environ = {
            "GITHUB_API_URL": github.url,
            "GITHUB_APP_ID": str(github.app.id),
            "GITHUB_PRIVATE_KEY": github.app.private_key,
            "GITHUB_WEBHOOK_SECRET": github.app.webhook_secret,
        }
        payloads = [encode(github.webhook("pull_request", "opened", pull)).decode() for pull in pulls]
        print(json.dumps({"environ": environ, "payloads": payloads}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def _server(command: Sequence[str], directory: Path, account: Account) -> Iterator[str]:
    """The address of a server in a process of its own, whose log goes to a file."""
    port = _free_port()
    here = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    environ = {**os.environ, **account.environ, "HOST": LOOPBACK, "PORT": str(port), "PYTHONPATH": here}
    environ["DATABASE_URL"] = f"sqlite:///{directory}/asyncify.db"
    with (directory / f"{port}.log").open("w") as log:
        process = subprocess.Popen([sys.executable, *command], env=environ, cwd=directory, stdout=log, stderr=log)
        try:
            yield f"http://{LOOPBACK}:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _be_control() -> None:
    """The same handler, behind which nothing is stored."""
    settings = read_settings(os.environ)
    configure_logs(settings.log_level)
    application = web.Application(client_max_size=intake.LARGEST_BODY)
    intake.add_to(application, require_credentials(settings), _store_nothing)
    web.run_app(application, host=settings.host, port=settings.port, access_log=None, print=None)


async def _store_nothing(_delivery: str, _event: Requested) -> None:
    return


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main(sys.argv[1:])
