"""What the bot remembers, on both databases."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot import schema
from bot import store as stores
from bot.models import Mute, PullRef
from bot.store import Store

REF = PullRef(installation=5, repository_id=7, repository="octo/demo", number=3)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    await asyncio.to_thread(_migrate, store)
    yield store
    await store.close()


def _migrate(store: Store) -> None:
    with schema.alone(store.engine):
        schema.migrate(store.engine)


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
    """Once no delivery of it can come any more, nothing is left of an installation; one that is there or may come back stays."""
    await store.change_installation(5, active=False, gone=True)
    await store.change_installation(6, active=True)
    await store.change_installation(7, active=False)
    assert await store.drop_departed_installations() == 0
    today = stores.today()
    monkeypatch.setattr(stores, "today", lambda: today + timedelta(days=9))

    assert await store.drop_departed_installations() == 1
    assert (await store.installation(5))[1]
    assert (await store.installation(6))[0] > 0
    assert await store.away_since(7)


async def test_an_installation_that_comes_back(store: Store) -> None:
    """It is known since when it was suspended, by whatever deliveries that was told, until what was missed is taken care of."""
    assert await store.away_since(5) is None
    await store.change_installation(5, active=False)
    since = await store.away_since(5)
    assert since
    await store.change_installation(5, active=False)
    await store.change_installation(5, active=True)
    assert await store.away_since(5) == since
    await store.caught_up(5)
    assert await store.away_since(5) is None
    await store.change_installation(5, active=False)
    await store.change_installation(5, active=False, gone=True)
    assert await store.away_since(5) is None


async def test_unused_facts_are_dropped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts that a review asked for within 30 days stay; the others go."""
    today = stores.today()
    monkeypatch.setattr(stores, "today", lambda: today - timedelta(days=40))
    await store.keep_facts(5, 7, "v1", {"used": b"1", "unused": b"2"})
    monkeypatch.setattr(stores, "today", lambda: today - timedelta(days=29))
    await store.facts(7, "v1", ["used"])
    monkeypatch.setattr(stores, "today", lambda: today)

    assert await store.drop_unused() == 1
    assert await store.facts(7, "v1", ["used", "unused"]) == {"used": b"1"}


async def test_silence_of_an_installation(store: Store) -> None:
    """It lasts as long as was asked for, counts for this installation only, and the last word counts."""
    assert await store.silent_for(5) == 0
    told = await store.silence(5, 60)
    assert 60 <= told <= 61
    assert told - 1 < await store.silent_for(5) <= told, "whoever comes back when it was told to finds it over"
    assert await store.silent_for(6) == 0

    await store.silence(5, -10)

    assert await store.silent_for(5) == 0


async def test_progress(store: Store) -> None:
    """How far something has come is remembered; before it began there is none."""
    assert await store.reached("deliveries") is None
    for point in (7, 9):
        await store.reach("deliveries", point)

    assert await store.reached("deliveries") == 9


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


async def test_mutes(store: Store) -> None:
    """What is muted in a pull request stays so until it is taken back, and counts there only."""
    mute = Mute("aa11", "bb22", "app.py")
    await store.mute(REF, [mute, Mute("blocking")])
    await store.mute(REF, [mute])

    assert await store.mutes(REF) == [mute, Mute("blocking")]
    assert await store.mutes(replace(REF, number=4)) == []
    await store.unmute(REF, "blocking")
    assert await store.mutes(REF) == [mute]
    await store.forget_installation(REF.installation)
    assert await store.mutes(REF) == []


async def test_closed_threads(store: Store) -> None:
    """A thread that was closed is known until we open it; in its pull request only, and as long as the repository is."""
    await store.note_closed(REF, ["b", "a"])
    await store.note_closed(REF, {"a"})
    await store.note_closed(replace(REF, number=4), ["c"])

    assert await store.closed_threads(REF) == {"a", "b"}
    await store.note_opened(REF, {"a", "c"})
    assert await store.closed_threads(REF) == {"b"}
    await store.forget_repository(REF.repository_id)
    assert await store.closed_threads(REF) == frozenset()


async def test_answers_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten an hour and one refusal, for each person in each pull request; the same answer counts once."""
    for number in range(stores.ANSWERS):
        assert await store.may_answer(REF, f"a{number}", "bob", refusal=False)
    assert await store.may_answer(REF, "a3", "bob", refusal=False)
    assert not await store.may_answer(REF, "more", "bob", refusal=False)
    assert await store.may_answer(REF, "r1", "cleo", refusal=True)
    assert await store.may_answer(REF, "r1", "cleo", refusal=True)
    assert not await store.may_answer(REF, "r2", "cleo", refusal=True)
    assert await store.may_answer(replace(REF, number=4), "r3", "cleo", refusal=True)
    later = time.time() + 3601
    monkeypatch.setattr("bot.store.time.time", lambda: later)
    assert await store.may_answer(REF, "more", "bob", refusal=False)
    assert not await store.may_answer(REF, "r2", "cleo", refusal=True)
    monkeypatch.setattr(stores, "ANSWERS_KEPT", timedelta(hours=-1))
    await store.drop_unused()
    assert await store.may_answer(REF, "r2", "cleo", refusal=True)
