"""What many organisations cost: unit costs measured here, multiplied, and a day of them played through the queue.

python -m benchmarks.scale [--organisations 1000] [--repositories 100000] [--workers 2]

Measured: bytes and CPU of facts for a megabyte of Python, bytes and CPU of a job in the engine. Assumed: what the constants below say.
Played: one day of reviews by the second, with the limits of `bot/worker.py`.
"""

import argparse
import asyncio
import heapq
import logging
import random
import sqlite3
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from benchmarks.figures import quantile, say, say_load
from benchmarks.sample import sample
from bot import history, queue, worker
from bot.duties import Duties
from bot.events import ReviewRequested
from bot.models import PullRef
from bot.store import Store
from rules import encode_facts, read_facts

PUSHES = 0.5
"""Pushes to pull requests in a repository on a working day, openings included."""
DELIVERIES = 6
"""Deliveries for each of them: comments, checks, pushes to branches."""
FASTAPI = 0.15
"""Share of the repositories that is reviewed; of the others two calls tell that there is nothing to do."""
MEGABYTES = 1.0
"""Python in a repository that is reviewed."""
VERSIONS = 1.3
"""Times the facts of a repository that 30 days of changes keep."""
CALLS, SILENT_CALLS = 7, 2
BUDGET = 5000
"""Calls an hour of the smallest installation."""
SECONDS, SILENT_SECONDS = 6.0, 1.0
"""That a job takes: mostly waiting for GitHub."""
CPU_SECONDS = 2.5
"""Of a review."""
PEAK = 0.12
"""Share of a day's pushes in its busiest hour."""
JOBS = 300
DAYS_KEPT = history.KEPT.days


@dataclass
class Units:
    """What was measured, for one megabyte of Python and for one job."""

    facts: float
    reading: float
    row_bytes: float
    job_seconds: float


def measure() -> Units:
    sources = list(sample(1).values())
    size = sum(map(len, sources)) / 1e6
    begun = time.process_time()
    facts = sum(len(encode_facts(read_facts(one))) for one in sources)
    reading = time.process_time() - begun
    with TemporaryDirectory() as directory:
        row_bytes, job_seconds = asyncio.run(_jobs(Path(directory) / "asyncify.db"))
    return Units(facts / size, reading / size, row_bytes, job_seconds)


async def _jobs(database: Path) -> tuple[float, float]:
    """Bytes and CPU seconds of a delivery and its job, with nothing to do."""
    url, store = f"sqlite:///{database}", Store(f"sqlite:///{database}")
    await asyncio.to_thread(queue.migrate, url, store)
    deliveries = await asyncio.to_thread(queue.Deliveries, url, store)
    done = 0

    async def review(_ref: PullRef, _delivery: str) -> None:
        nonlocal done
        done += 1

    jobs = await worker.Worker(url, store, Duties(review), poll=worker.POLL).start()
    empty, begun = _used(database), time.process_time()
    for number in range(JOBS):
        asked = ReviewRequested(PullRef(number % 50, number, f"owner{number % 50}/repository", 1))
        await deliveries.enqueue(f"72d3162e-cc78-11e3-81ab-{number:012}", asked)
    while done < JOBS:  # noqa: ASYNC110 -- the queue tells nobody
        await asyncio.sleep(0.05)
    seconds = time.process_time() - begun
    await jobs.stop(5)
    await deliveries.close()
    await store.close()
    return (_used(database) - empty) / JOBS, seconds / JOBS


def _used(database: Path) -> int:
    connection = sqlite3.connect(database)
    try:
        pages, free, size = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
    finally:
        connection.close()


@dataclass
class Day:
    """A day of pushes, done by so many workers. `waits` are the seconds that jobs waited."""

    organisations: int
    repositories: int
    workers: int
    waits: list[float] = field(default_factory=list)
    busiest: Counter[int] = field(default_factory=Counter)

    def play(self, chance: random.Random) -> None:
        waiting: dict[int, deque[float]] = {}
        running: Counter[int] = Counter()
        events: list[tuple[float, int, int]] = [(when, 0, org) for when, org in self._pushes(chance)]
        heapq.heapify(events)
        room, ready = self.workers * worker.PER_WORKER, deque[int]()
        while events:
            now, ended, org = heapq.heappop(events)
            if ended:
                running[org] -= 1
                room += 1
            else:
                waiting.setdefault(org, deque()).append(now)
                self.busiest[org] += 9 * 3600 <= now < 10 * 3600
            ready.append(org)
            for _ in range(len(ready)):
                one = ready.popleft()
                while room and running[one] < worker.PER_INSTALLATION and waiting.get(one):
                    self.waits.append(now - waiting[one].popleft())
                    running[one] += 1
                    room -= 1
                    took = SECONDS if chance.random() < FASTAPI else SILENT_SECONDS
                    heapq.heappush(events, (now + took * chance.uniform(0.5, 2), 1, one))
                if waiting.get(one) and running[one] < worker.PER_INSTALLATION:
                    ready.append(one)

    def _pushes(self, chance: random.Random) -> list[tuple[float, int]]:
        """When, and in which organisation; a few organisations own much, and one hour is the busiest."""
        sizes = [1 / (1 + org) ** 0.7 for org in range(self.organisations)]
        count = int(self.repositories * PUSHES)
        owners = chance.choices(range(self.organisations), sizes, k=count)
        rest = (1 - PEAK) / 23
        hours = chance.choices(range(24), [PEAK if hour == 9 else rest for hour in range(24)], k=count)
        return [(3600 * (hour + chance.random()), org) for hour, org in zip(hours, owners, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--organisations", type=int, default=1000)
    parser.add_argument("--repositories", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    say_load()
    units = measure()
    say("facts of 1 MB of Python", f"{units.facts / 1e6:.2f} MB, {units.reading:.2f} s CPU")
    say("a delivery and its job in the engine", f"{units.row_bytes / 1e3:.1f} kB, {units.job_seconds * 1e3:.0f} ms CPU")
    jobs = asked.repositories * PUSHES
    reviewed = asked.repositories * FASTAPI
    facts = reviewed * MEGABYTES * units.facts * VERSIONS
    say("reviews and silent looks a day", f"{jobs * FASTAPI:,.0f}, {jobs * (1 - FASTAPI):,.0f}")
    say("deliveries a second, in the busiest hour", f"{jobs * DELIVERIES * PEAK / 3600:.1f}")
    say("database: facts", f"{facts / 1e9:.1f} GB")
    say(f"database: jobs of {DAYS_KEPT} days", f"{jobs * DAYS_KEPT * units.row_bytes / 1e9:.1f} GB")
    cpu = jobs * PEAK * (FASTAPI * CPU_SECONDS + units.job_seconds) / 3600
    say("cores in the busiest hour", f"{cpu:.2f}")
    say("reading all repositories once", f"{reviewed * MEGABYTES * units.reading / 3600:.1f} h CPU")
    day = Day(asked.organisations, asked.repositories, asked.workers)
    day.play(random.Random(asked.seed))
    say(
        f"{asked.workers} workers: p50, p99, longest wait of a job",
        f"{quantile(day.waits, 0.5):.1f}, {quantile(day.waits, 0.99):.0f}, {max(day.waits):.0f} s",
    )
    pushes = max(day.busiest.values())
    calls = pushes * (FASTAPI * CALLS + (1 - FASTAPI) * SILENT_CALLS)
    say(
        "the largest organisation in the busiest hour",
        f"{pushes} jobs, {calls:.0f} calls",
        f"{BUDGET} calls",
        held=calls < BUDGET,
    )
    share = 1 / sum(1 / (1 + org) ** 0.7 for org in range(asked.organisations))
    owned = share * asked.repositories
    say("its repositories, looked through after a lost database", f"{owned:.0f} calls", f"{BUDGET} an hour")


if __name__ == "__main__":
    main()
