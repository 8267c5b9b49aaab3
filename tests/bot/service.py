"""A real `asyncify serve` on an embedded database of its own, in front of the fake GitHub."""

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from .fake_github import FakeGitHub, PullRequest

START_SECONDS = 30.0
REVIEW_SECONDS = 60.0

Record = Mapping[str, Any]
"""One line of the log."""


def credentials_of(github: FakeGitHub) -> dict[str, str]:
    """The variables that make a process the App."""
    return {
        "GITHUB_APP_ID": str(github.app.id),
        "GITHUB_PRIVATE_KEY": github.app.private_key,
        "GITHUB_WEBHOOK_SECRET": github.app.webhook_secret,
    }


class Service:
    """The process, and what it logs. It may be killed and started again on the same database and port."""

    def __init__(self, github: FakeGitHub, directory: str, environment: Mapping[str, str] | None = None) -> None:
        self.github = github
        self.patience = REVIEW_SECONDS
        self.database = Path(directory, "asyncify.db")
        self.log: list[Record] = []
        self._news = asyncio.Condition()
        self.address = f"http://127.0.0.1:{_free_port()}"
        self._environment = os.environ | {
            **credentials_of(github),
            "GITHUB_API_URL": github.url,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "HOST": "127.0.0.1",
            "PORT": self.address.rpartition(":")[2],
            "LOG_LEVEL": "INFO",
            **(environment or {}),
        }
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns as soon as it is ready for deliveries, or to be set up where it has no credentials."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "serve"), env=self._environment, stderr=asyncio.subprocess.PIPE, limit=2**24
        )
        before = len(self.log)
        self._reader = asyncio.create_task(self._read_log(self._process))
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._ready(self._reader, before)
        except TimeoutError:
            raise RuntimeError(f"asyncify serve is not ready: {self.log[before:]}") from None

    async def _ready(self, reader: asyncio.Task[None], before: int) -> None:
        """With an empty database it looks for open pull requests first, and might come before a delivery."""
        async with aiohttp.ClientSession() as session:
            while not any([await _is_ready(self.address + path, session) for path in ("/readyz", "/setup")]):
                if reader.done():
                    raise RuntimeError(f"asyncify serve ended at once: {self.log[before:]}")
                await asyncio.sleep(0.05)
            if await _is_ready(self.address + "/readyz", session):
                await self.logged(lambda one: one["event"] in LOOKED, before)

    async def stop(self) -> int:
        """Tell it to stop, or kill it with `SIGKILL`. Returns its exit status."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once, whatever it does."""
        await self._end(signal.SIGKILL)

    async def deliver(self, pull: PullRequest, action: str, delivery: str = "") -> str:
        """Tell it what happened to a pull request. Returns the id of the delivery once it is stored."""
        return await self.send("pull_request", self.github.webhook("pull_request", action, pull), delivery)

    async def send(self, event: str, payload: Mapping[str, Any], delivery: str = "") -> str:
        """Deliver a payload. Returns the id of the delivery once it was taken."""
        delivery = delivery or str(uuid.uuid4())
        status = await self.github.deliver(event, dict(payload), url=f"{self.address}/webhook", guid=delivery)
        if status != 202:
            raise RuntimeError(f"The webhook was answered with {status}.")
        return delivery

    async def ended(self, delivery: str, result: str = "") -> Record:
        """What the log says of the end of the review for this delivery, whatever its result was or with this one."""
        return await self.logged(lambda one: _is_end(one, delivery) and result in {"", one["result"]})

    async def logged(self, wanted: Callable[[Record], bool], read: int = 0) -> Record:
        """The last line of the log that is wanted, after so many that were read, as soon as there is one."""
        async with asyncio.timeout(self.patience), self._news:
            while not (found := list(filter(wanted, self.log[read:]))):
                read = len(self.log)
                await self._news.wait()
        return found[-1]

    async def updated(self, event: str, payload: Mapping[str, Any]) -> Record:
        """Tell it of a change of an installation, and wait until it has learned how that stands."""
        delivery = await self.send(event, payload)
        return await self.logged(lambda one: (one["event"], one.get("delivery")) == ("installation updated", delivery))

    async def told(self, pull: PullRequest, action: str = "opened", delivery: str = "") -> str:
        """Tell it what happened to a pull request, and wait. Returns the outcome of the review."""
        return str((await self.ended(await self.deliver(pull, action, delivery), "done"))["outcome"])

    def endings(self, delivery: str) -> list[Record]:
        """What the log says of the ends of reviews for this delivery."""
        return [one for one in self.log if _is_end(one, delivery)]

    def errors(self) -> list[Record]:
        """What it logged as a warning or worse."""
        return [one for one in self.log if one["level"] != "info"]

    async def _end(self, number: signal.Signals) -> int:
        if self._process is None or self._reader is None:
            raise RuntimeError("asyncify serve was not started.")
        if self._process.returncode is None:
            self._process.send_signal(number)
        await self._reader
        return await self._process.wait()

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            raise RuntimeError("The log is not read.")
        async for line in process.stderr:
            async with self._news:
                self.log.append(_record(line))
                self._news.notify_all()


@asynccontextmanager
async def serving(github: FakeGitHub, environment: Mapping[str, str] | None = None) -> AsyncIterator[Service]:
    """A service that is ready, with an empty database; stopped at the end. `environment` stands over what it is given.

    Nothing that it said may have been edited or deleted.
    """
    with tempfile.TemporaryDirectory(prefix="asyncify-") as directory:
        service = Service(github, directory, environment)
        try:
            await service.start()
            yield service
            assert github.taken_back() == []
        finally:
            await service.stop()


LOOKED = {"looked for what was missed", "could not look for missed deliveries"}


def _is_end(one: Record, delivery: str) -> bool:
    return (one["event"], one.get("delivery")) == ("review ended", delivery)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _is_ready(url: str, session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False  # it does not listen yet


def _record(line: bytes) -> Record:
    """A line of the log; what is no JSON (the traceback of a process that could not start) is kept as it stands."""
    try:
        return dict(json.loads(line))
    except ValueError:
        return {"event": line.decode(errors="replace").rstrip(), "level": "error"}
