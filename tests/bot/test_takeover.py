"""Workers on PostgreSQL that die, and a PostgreSQL that dies."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from bot.errors import NotStored
from bot.events import ReviewRequested
from bot.models import PullRef
from bot.takeover import nobodys
from tests.conftest import PostgresServer, fresh_database, postgres_server

from .workers import Crew, until

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

numbers = count(1)


def pull() -> PullRef:
    number = next(numbers)
    return PullRef(installation=number, repository_id=7, repository="octo/demo", number=number)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def outage(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Crew]:
    """A crew whose database may be stopped and started."""
    with fresh_database(server.address) as url:
        crew = await asyncio.to_thread(Crew, url, tmp_path / "log")
        yield crew
        await crew.close()


@on_postgresql
async def test_a_worker_that_never_comes_back(crew: Crew) -> None:
    """Of two workers one is killed for good: the other takes its reviews over, and begins each of them once."""
    doomed = await crew.start(seconds=600, patience=1.2, reap=1.5)
    for delivery in ("one", "two"):
        await crew.deliveries.enqueue(delivery, ReviewRequested(pull()))
    await until(lambda: len(crew.noted("begin")) == 2)
    heir = await crew.start(seconds=0, patience=1.2, reap=1.5)
    for _ in range(3):
        await asyncio.to_thread(_break_the_connections_of_locks, crew)
        await asyncio.sleep(1)
    assert len(crew.noted("begin")) == 2, "a worker that lives keeps its reviews"

    await crew.end(doomed, signal.SIGKILL)
    await until(lambda: len(crew.noted("begin", "end")) >= 6)

    after = crew.noted("begin", "end")[2:]
    assert sorted(note.word for note in after) == ["begin", "begin", "end", "end"]
    assert {note.process for note in after} == {heir.pid}


@on_postgresql
async def test_a_worker_that_is_told_to_stop(crew: Crew) -> None:
    """While it may end what it is at, nobody takes that over; then another begins it again."""
    first = await crew.start(seconds=600)
    await crew.deliveries.enqueue("guid", ReviewRequested(pull()))
    await until(lambda: crew.noted("begin"))
    second = await crew.start(seconds=0)

    await crew.end(first, signal.SIGTERM)
    await until(lambda: crew.noted("end"))

    reviews = crew.noted("begin", "cut", "end")
    assert [(note.word, note.process) for note in reviews] == [
        ("begin", first.pid),
        ("cut", first.pid),
        ("begin", second.pid),
        ("end", second.pid),
    ]


def test_jobs_that_a_worker_is_not_at() -> None:
    """They are nobody's for as long as this worker was seen not to be at them; what was taken anew is so from then on."""
    since = nobodys([("let go", 1), ("busy", 1)], {"busy"}, {}, 10.0)
    assert since == {("let go", 1): 10.0}
    assert nobodys([("let go", 1)], {"busy"}, since, 20.0) == since
    assert nobodys([("let go", 2)], {"busy"}, since, 20.0) == {("let go", 2): 20.0}


@pytest.mark.timeout(300)
async def test_a_database_that_is_away_for_a_moment(outage: Crew, server: PostgresServer) -> None:
    """Workers keep the reviews that they are at: none is begun anew, taken over, or forgotten."""
    await asyncio.gather(*(outage.start(seconds=600, patience=60) for _ in range(3)))
    for number in range(6):
        await outage.deliveries.enqueue(f"guid-{number}", ReviewRequested(pull()))
    await until(lambda: len(outage.noted("begin")) == 6)

    await asyncio.to_thread(server.stop)
    with pytest.raises(NotStored):
        await outage.deliveries.enqueue("not now", ReviewRequested(pull()))
    await asyncio.to_thread(server.start)
    await outage.deliveries.enqueue("now", ReviewRequested(pull()))
    await until(lambda: len(outage.noted("begin")) >= 7)
    await asyncio.sleep(2)
    outage.let_end()
    await until(lambda: len(outage.noted("end")) >= 7)
    await asyncio.sleep(1)

    begun = Counter(note.about for note in outage.noted("begin"))
    assert set(begun.values()) == {1}
    assert len(begun) == 7
    assert outage.noted("cut") == []


@pytest.mark.timeout(300)
async def test_a_database_that_is_away_for_long(outage: Crew, server: PostgresServer) -> None:
    """Workers let go of their reviews, since others could not know that they live, and begin them anew when it is back."""
    await asyncio.gather(*(outage.start(seconds=600) for _ in range(2)))
    for number in range(4):
        await outage.deliveries.enqueue(f"guid-{number}", ReviewRequested(pull()))
    await until(lambda: len(outage.noted("begin")) == 4)

    await asyncio.to_thread(server.stop)
    await until(lambda: len(outage.noted("cut")) == 4)
    await asyncio.to_thread(server.start)
    await until(lambda: len(outage.noted("begin")) == 8)
    outage.let_end()
    await until(lambda: len(outage.noted("end")) >= 4)
    await asyncio.sleep(1)

    words = Counter((note.word, note.about) for note in outage.noted("begin", "cut", "end"))
    assert sorted(words.values()) == [1] * 8 + [2] * 4
    assert len(outage.noted("end")) == 4


def _break_the_connections_of_locks(crew: Crew) -> None:
    """Those with which workers say that they are alive, as a proxy does that restarts."""
    with crew.store.engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
