"""The bot's processes, as many as wanted: forked from one that has loaded everything, so that each starts in a moment.

They are the real ones, on 127.0.0.1, in front of the fake GitHub of the tests. With `hurried`, what they wait for is shorter, and
analyses run in the process itself.
"""

import asyncio
import multiprocessing
import os
import re
import socket
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import aiohttp

from bot import analysis, app, asking, github, publish, takeover, wire, worker
from bot.settings import read_settings
from tests.bot.fake_github import FakeGitHub
from tests.conftest import fresh_database, postgres_server

LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0

ROLES: Mapping[str, Callable[..., None]] = {"serve": app.serve, "web": app.web, "worker": app.worker}

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["benchmarks.fleet"])


class Fleet:
    """One `serve`, or one `web` and some workers, by name. Their log is one file a name."""

    def __init__(
        self, github: FakeGitHub, database_url: str, directory: Path, workers: int, *, hurried: bool = False
    ) -> None:
        names = ["serve"] if database_url.startswith("sqlite") else ["web", *(f"worker.{n}" for n in range(workers))]
        self.address = f"http://{LOOPBACK}:{free_port()}"
        self._directory, self._hurried = directory, hurried
        self._environ = {
            "GITHUB_APP_ID": str(github.app.id),
            "GITHUB_PRIVATE_KEY": github.app.private_key,
            "GITHUB_WEBHOOK_SECRET": github.app.webhook_secret,
            "GITHUB_API_URL": github.url,
            "DATABASE_URL": database_url,
            "HOST": LOOPBACK,
            "PORT": self.address.rpartition(":")[2],
            "LOG_LEVEL": "INFO",
        }
        self.processes: dict[str, ForkServerProcess | None] = dict.fromkeys(names)

    def start(self, name: str) -> None:
        role = name.partition(".")[0]
        log = str(self._directory / f"{name}.log")
        # A worker that is given a port listens there as well.
        environ = {key: value for key, value in self._environ.items() if role != "worker" or key != "PORT"}
        process = _forks.Process(target=_be, args=(role, environ, log, self._hurried), name=name)
        process.start()
        self.processes[name] = process

    async def start_all(self) -> None:
        """Returns when deliveries are taken."""
        for name in self.processes:
            self.start(name)
        await self.ready()

    async def ready(self) -> None:
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while not await _answers(session, f"{self.address}/readyz"):  # noqa: ASYNC110 -- another process tells nobody
                await asyncio.sleep(0.05)

    async def kill(self, name: str) -> None:
        """`kill -9`, whatever it does."""
        process = self.processes[name]
        if process is not None:
            process.kill()
            await asyncio.to_thread(process.join)

    def revive(self, besides: Collection[str]) -> int:
        """Start those that ended, but for some; how many they were."""
        ended = [name for name, one in self.processes.items() if one is not None and not one.is_alive()]
        ended = [name for name in ended if name not in besides]
        for name in ended:
            self.start(name)
        return len(ended)

    async def stop(self) -> None:
        """Tell all to stop, and kill what does not."""
        for process in filter(None, self.processes.values()):
            process.terminate()
        for process in filter(None, self.processes.values()):
            await asyncio.to_thread(process.join, 30)
            process.kill()
            await asyncio.to_thread(process.join)

    async def metrics(self) -> dict[str, float]:
        """What the process that takes deliveries in counts."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.address}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    async def idle(self) -> bool:
        """Whether no job waits and none runs."""
        counted = await self.metrics()
        return (
            not counted['asyncify_queue_depth{state="waiting"}']
            and not counted['asyncify_queue_depth{state="running"}']
        )

    def logs(self) -> str:
        """The end of what each process logged."""
        return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in sorted(self._directory.glob("*.log")))

    def memory(self) -> dict[str, int]:
        """Resident bytes of each process with its children."""
        return {
            name: sum(map(_resident, _family(process.pid or 0))) for name, process in self.processes.items() if process
        }


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of an empty database on a server of its own, or on that of TEST_DATABASE_URL."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        with fresh_database(given) as url:
            yield url
        return
    with postgres_server() as server, fresh_database(server.address) as url:
        yield url


def free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _family(process: int) -> list[int]:
    """A process and its children, by https://man7.org/linux/man-pages/man5/proc_pid_task.5.html."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = " ".join((task / "children").read_text() for task in tasks).split()
    except OSError:
        return []
    return [process, *(one for child in children for one in _family(int(child)))]


def _resident(process: int) -> int:
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


# What follows runs in the bot's processes.


def _be(role: str, environ: Mapping[str, str], log: str, hurried: bool) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, sys.stderr.fileno())
    os.dup2(descriptor, sys.stdout.fileno())
    if hurried:
        _hurry()
    ROLES[role](read_settings(environ))


def _hurry() -> None:
    shorter: Mapping[Any, Mapping[str, Any]] = {
        app: {"OUTAGE_SECONDS": 1.0, "DRAIN_SECONDS": 2},
        asking: {"EVENTUALLY": (0.2, 0.4, 0.8)},
        wire: {"LIMIT_UNSAID": 2.0, "PATIENCE": 0.5, "TIMEOUT": 3.0},
        github: {"DOWNLOAD_TIMEOUT": 10.0},
        publish: {"LOOK_AFTER": 0.3, "REFUSED_SECONDS": 1.0},
        takeover: {
            "REAP_SECONDS": 1.0,
            "ANSWER_SECONDS": 2.0,
            "PATIENCE_SECONDS": 2.0,
            "GRACE_SECONDS": 6.0,
            "STRANDED_SECONDS": 3.0,
        },
        worker: {"RECOVER": "*/3 * * * * *", "LONGEST_WAIT": 4.0, "DATABASE_SECONDS": 1.0},
    }
    for module, values in shorter.items():
        for name, value in values.items():
            assert hasattr(module, name), name
            setattr(module, name, value)
    worker.RETRIED["interval_seconds"] = 0.3
    analysis.Analyst.run = _at_once  # type: ignore[method-assign,assignment]


async def _at_once(_self: object, _deadline: float, job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(job, *args, **kwargs)
