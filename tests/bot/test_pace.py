"""What is written to GitHub keeps its distance, whichever process writes it, on both databases."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from bot import pace as module
from bot.errors import Limited
from bot.pace import Pace
from bot.schema import migrate
from bot.store import Store

WRONG = 10**15


@pytest.fixture
async def stores(database_url: str) -> AsyncIterator[list[Store]]:
    """The store of each of two processes."""
    stores = [Store(database_url), Store(database_url)]
    await asyncio.to_thread(migrate, stores[0].engine)
    yield stores
    await asyncio.gather(*(store.close() for store in stores))


@pytest.fixture
def paces(stores: list[Store]) -> list[Pace]:
    return [Pace(store) for store in stores]


async def test_two_processes_take_turns(paces: list[Pace]) -> None:
    """Turns that are asked for at once come one after the other; another installation does not wait."""
    waits = await asyncio.gather(*(pace.turn(5, 10, comment=False) for pace in paces for _ in range(3)))

    assert [round(wait, -1) for wait in sorted(waits)] == [0, 10, 20, 30, 40, 50]
    assert await paces[0].turn(6, 10, comment=False) == 0


async def test_a_turn_after_a_pause(paces: list[Pace]) -> None:
    """Who did not write for a while does not wait, and saved nothing up."""
    await paces[0].turn(5, 0.01, comment=False)
    await asyncio.sleep(0.1)

    assert await paces[1].turn(5, 10, comment=False) == 0
    assert await paces[1].turn(5, 10, comment=False) > 8


async def test_comments_of_two_processes(
    paces: list[Pace], stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are counted together; where the hour has enough, it is told when the oldest of them is an hour old."""
    monkeypatch.setattr(module, "COMMENTS_AN_HOUR", 4)
    await asyncio.gather(*(pace.turn(5, 0, comment=True) for pace in paces for _ in range(2)))

    for pace in paces:
        with pytest.raises(Limited) as caught:
            await pace.turn(5, 0, comment=True)
        assert 3500 < caught.value.seconds <= 3600
    assert await paces[0].turn(5, 0, comment=False) == 0
    assert await paces[0].turn(6, 0, comment=True) == 0
    with stores[0].engine.begin() as connection:
        connection.execute(sa.update(module._comments).values(written=int((time.time() - 3601) * 1000)))
    assert await paces[1].turn(5, 0, comment=True) == 0


async def test_many_comments_at_once(paces: list[Pace], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one more than the hour allows gets through."""
    monkeypatch.setattr(module, "COMMENTS_AN_HOUR", 5)

    asked = [pace.turn(5, 0, comment=True) for pace in paces for _ in range(6)]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(isinstance(answer, Limited) for answer in answers) == 7


async def test_limits_in_a_row(paces: list[Pace], stores: list[Store]) -> None:
    """Each is met with more silence, up to a bound; afterwards writing is half as fast for an hour, then as fast as ever."""
    for number, seconds in enumerate((60, 120, 240, 480, 900, 900)):
        await paces[number % 2].turn(5, 0, comment=False)
        assert await paces[number % 2].limited(5, 60) == seconds
    assert await paces[0].limited(5, 2000) == 2000

    await paces[0].turn(5, 10, comment=False)
    assert 18 < await paces[1].turn(5, 10, comment=False) <= 20
    with stores[0].engine.begin() as connection:
        connection.execute(sa.update(module._writes).values(slow_until=0, next_write=0))
    await paces[0].turn(5, 10, comment=False)
    assert 8 < await paces[1].turn(5, 10, comment=False) <= 10


async def test_a_write_that_passed(paces: list[Pace]) -> None:
    """After it, the next limit is the first in a row again, for all processes."""
    await paces[0].limited(5, 60)
    await paces[1].passed(6)
    assert await paces[0].limited(5, 60) == 120

    await paces[1].turn(5, 0, comment=False)
    await paces[1].passed(5)

    assert await paces[0].limited(5, 60) == 60


async def test_a_clock_that_was_wrong(paces: list[Pace], stores: list[Store]) -> None:
    """A turn far in the future is not waited for."""
    await paces[0].turn(5, 1, comment=False)
    with stores[0].engine.begin() as connection:
        connection.execute(sa.update(module._writes).values(next_write=WRONG))

    assert await paces[1].turn(5, 1, comment=False) == module.MOST_TURNS
    assert await paces[1].turn(5, 1, comment=False) <= module.MOST_TURNS


async def test_an_installation_that_left(paces: list[Pace], stores: list[Store]) -> None:
    """Nothing is kept of it."""
    await paces[0].turn(5, 1, comment=True)
    await stores[0].forget_installation(5)

    with stores[0].engine.connect() as connection:
        for table in (module._writes, module._comments):
            assert connection.execute(sa.select(table)).all() == []
