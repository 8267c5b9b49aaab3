"""What the bot remembers, on both databases."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot import store as stores
from bot.models import PullRef
from bot.store import Store

REF = PullRef(installation=5, repository_id=7, repository="octo/demo", number=3)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    await asyncio.to_thread(_migrate, store)
    yield store
    await store.close()


def _migrate(store: Store) -> None:
    with store.alone():
        store.migrate()


async def test_facts_come_back_by_blob(store: Store) -> None:
    """Facts are found under the repository, the engine's version and the blob that they were kept for, and nowhere else."""
    await store.keep_facts(5, 7, "v1", {"aa": b"\x00\xff", "bb": b""})

    assert await store.facts(7, "v1", ["aa", "bb", "cc"]) == {"aa": b"\x00\xff", "bb": b""}
    assert await store.facts(7, "v2", ["aa"]) == {}
    assert await store.facts(8, "v1", ["aa"]) == {}


async def test_facts_of_a_large_repository(store: Store) -> None:
    """More blobs than one statement may name are kept and found in several."""
    facts = {f"{number:040x}": str(number).encode() for number in range(2 * stores.BATCH + 1)}

    await store.keep_facts(5, 7, "v1", facts)

    assert await store.facts(7, "v1", facts.keys()) == facts


async def test_facts_kept_twice(store: Store) -> None:
    """Two reviews may keep the same blob at once: the later one counts."""
    await asyncio.gather(*(store.keep_facts(5, 7, "v1", {"aa": b"same", "bb": b"same"}) for _ in range(8)))
    await store.keep_facts(5, 7, "v1", {"aa": b"later"})

    assert await store.facts(7, "v1", ["aa", "bb"]) == {"aa": b"later", "bb": b"same"}


async def test_no_facts_asked_for(store: Store) -> None:
    """Nothing in, nothing out, and no statement without values."""
    await store.keep_facts(5, 7, "v1", {})

    assert await store.facts(7, "v1", []) == {}


async def test_forgetting_an_installation(store: Store) -> None:
    """All that came from one installation goes with it, and nothing else."""
    await store.keep_facts(5, 7, "v1", {"aa": b"1"})
    await store.keep_facts(6, 8, "v1", {"aa": b"2"})

    await store.forget_installation(5)

    assert await store.facts(7, "v1", ["aa"]) == {}
    assert await store.facts(8, "v1", ["aa"]) == {"aa": b"2"}


async def test_forgetting_a_repository(store: Store) -> None:
    """The facts of one repository go, those of its neighbour stay."""
    await store.keep_facts(5, 7, "v1", {"aa": b"1"})
    await store.keep_facts(5, 8, "v1", {"aa": b"2"})

    await store.forget_repository(7)

    assert await store.facts(7, "v1", ["aa"]) == {}
    assert await store.facts(8, "v1", ["aa"]) == {"aa": b"2"}


async def test_changes_of_an_installation_are_counted(store: Store) -> None:
    """Whoever asks learns that something changed since, and whether the installation is still there."""
    assert await store.installation(5) == (0, True)
    await store.change_installation(5, active=True)
    first, _ = await store.installation(5)
    await store.change_installation(5, active=False)

    assert await store.installation(5) == (first + 1, False)
    assert await store.installation(6) == (0, True)


async def test_departed_installations_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once no delivery of it can come any more, nothing is left of an installation; one that is there stays."""
    await store.change_installation(5, active=False)
    await store.change_installation(6, active=True)
    assert await store.drop_departed_installations() == 0
    today = stores._today()
    monkeypatch.setattr(stores, "_today", lambda: today + timedelta(days=9))

    assert await store.drop_departed_installations() == 1
    assert (await store.installation(5))[1]
    assert (await store.installation(6))[0] > 0


async def test_unused_facts_are_dropped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts that a review asked for within 30 days stay; the others go."""
    today = stores._today()
    monkeypatch.setattr(stores, "_today", lambda: today - timedelta(days=40))
    await store.keep_facts(5, 7, "v1", {"used": b"1", "unused": b"2"})
    monkeypatch.setattr(stores, "_today", lambda: today - timedelta(days=29))
    await store.facts(7, "v1", ["used"])
    monkeypatch.setattr(stores, "_today", lambda: today)

    assert await store.drop_unused_facts() == 1
    assert await store.facts(7, "v1", ["used", "unused"]) == {"used": b"1"}


async def test_a_generation_moves_on_when_it_is_claimed(store: Store) -> None:
    """It is the same number until a job claims it, and claiming it twice moves it once."""
    first = await store.generation(REF)
    assert await store.generation(REF) == first

    await store.claim(REF, first)
    await store.claim(REF, first)

    assert await store.generation(REF) == first + 1


async def test_a_generation_is_asked_for_at_once(store: Store) -> None:
    """Deliveries that arrive together get the same number, also for a pull request that is not known yet."""
    assert len(set(await asyncio.gather(*(store.generation(REF) for _ in range(8))))) == 1


async def test_a_forgotten_pull_request_gets_no_old_number(store: Store) -> None:
    """A number names a job for ever, so that none may come again after the pull request was forgotten."""
    first = await store.generation(REF)
    assert first > 1_700_000_000
    await store.forget_installation(REF.installation)

    assert await store.generation(REF) >= first


async def test_starts_are_counted_from_the_claim(store: Store) -> None:
    """Each start of a claimed job counts, and the next job begins at one again."""
    generation = await store.generation(REF)
    await store.claim(REF, generation)

    assert [await store.count_start(REF) for _ in range(3)] == [1, 2, 3]
    await store.claim(REF, generation)  # the same job, begun again after a crash
    assert await store.count_start(REF) == 4
    await store.claim(REF, generation + 1)
    assert await store.count_start(REF) == 1


async def test_migrating_twice(store: Store) -> None:
    """A second run of the migrations leaves everything where it is."""
    await store.keep_facts(5, 7, "v1", {"aa": b"1"})

    await asyncio.to_thread(_migrate, store)

    assert await store.facts(7, "v1", ["aa"]) == {"aa": b"1"}


MIGRATE = "import sys; from bot import queue, store; queue.migrate(sys.argv[1], store.Store(sys.argv[1]))"


async def test_several_processes_migrate_at_once(database_url: str) -> None:
    """Whoever starts first, the tables are made once and nobody fails."""
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, database_url) for _ in range(3)]

    assert [await process.wait() for process in started] == [0, 0, 0]
    store = Store(database_url)
    await store.check()
    await store.close()


async def test_a_check_before_the_tables_are_there(database_url: str) -> None:
    """A database without our tables is not ready."""
    store = Store(database_url)

    with pytest.raises(sa.exc.SQLAlchemyError):
        await store.check()

    await store.close()
