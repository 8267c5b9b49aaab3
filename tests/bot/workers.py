"""Workers in processes of their own, which note in a file what they do.

`python -m tests.bot.workers URL LOG SECONDS PATIENCE REAP CRON` is one: its reviews last some seconds, it goes on for so many
without its lock, looks every so many for workers that died, and sweeps by that schedule.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot import queue, takeover, worker
from bot.duties import Duties
from bot.logs import configure_logs
from bot.models import PullRef
from bot.queue import Deliveries
from bot.store import Store


@dataclass(frozen=True, slots=True)
class Note:
    """That a worker began, cut off or ended a review (`about` is the number of the pull request), or swept."""

    word: str
    about: int
    process: int
    when: float


class Crew:
    """A database and the workers on it."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self.log, self.store = url, log, Store(url)
        queue.migrate(url, self.store)
        self.deliveries = Deliveries(url, self.store)
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(
        self, seconds: float, patience: float = 1, reap: float = 0.3, cron: str = worker.RECOVER
    ) -> asyncio.subprocess.Process:
        """A worker whose reviews last some seconds."""
        command = (
            sys.executable,
            "-m",
            "tests.bot.workers",
            self.url,
            str(self.log),
            str(seconds),
            str(patience),
            str(reap),
            cron,
        )
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        self._processes.append(process)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        return process

    async def end(self, process: asyncio.subprocess.Process, number: signal.Signals) -> None:
        process.send_signal(number)
        await process.communicate()

    async def close(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                await self.end(process, signal.SIGKILL)
        await self.deliveries.close()
        await self.store.close()

    def let_end(self) -> None:
        """All reviews, also those to come, last no longer."""
        _free(self.log).touch()

    def noted(self, *words: str) -> list[Note]:
        """What was noted: all, or what was noted with one of these words."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        notes = [
            Note(word, int(about), int(process), float(when)) for word, about, process, when in map(str.split, lines)
        ]
        return [note for note in notes if not words or note.word in words]


def _free(log: Path) -> Path:
    return log.with_suffix(".free")


async def until(holds: Callable[[], object], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 -- what is waited for may happen in another process
            await asyncio.sleep(0.02)


async def _work(url: str, log: str, seconds: float) -> None:
    def note(word: str, about: int = 0) -> None:
        with Path(log).open("a") as file:
            file.write(f"{word} {about} {os.getpid()} {time.time()}\n")

    async def review(ref: PullRef, _delivery: str) -> None:
        note("begin", ref.number)
        last = time.monotonic() + seconds
        try:
            while time.monotonic() < last and not _free(Path(log)).exists():  # noqa: ASYNC110 -- another process makes it
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            note("cut", ref.number)
            raise
        note("end", ref.number)

    async def recover() -> None:
        note("recover")

    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop.set)
    mine = await worker.Worker(url, Store(url), Duties(review, recover=recover), poll=0.05).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await told_to_stop.wait()
    await mine.stop(1)


def _main(url: str, log: str, seconds: str, patience: str, reap: str, cron: str) -> None:
    takeover.REAP_SECONDS, takeover.PATIENCE_SECONDS = float(reap), float(patience)
    takeover.GRACE_SECONDS = takeover.REAP_SECONDS + takeover.ANSWER_SECONDS + takeover.PATIENCE_SECONDS
    takeover.STRANDED_SECONDS, worker.RECOVER = 1.0, cron
    configure_logs("INFO")  # not to standard output, where it says that it is ready
    asyncio.run(_work(url, log, float(seconds)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
