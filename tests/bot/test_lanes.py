"""One job at a time for a pull request, and none is forgotten, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot import lanes as module
from bot import queue
from bot.lanes import Job, Lanes, read_job
from bot.models import PullRef
from bot.store import Store

REF = PullRef(installation=5, repository_id=7, repository="octo/demo", number=3)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    await asyncio.to_thread(queue.migrate, database_url, store)
    yield store
    await store.close()


@pytest.fixture
def lanes(store: Store) -> Lanes:
    return Lanes(store)


async def a_review(lanes: Lanes, delivery: str = "push") -> Job:
    return Job(REF, delivery, turn=await lanes.generation(REF))


async def waiting(lanes: Lanes, done: Job) -> list[Job]:
    return [read_job(one) for one in await lanes.finish(done)]


async def test_a_generation_moves_on_when_its_review_begins(lanes: Lanes) -> None:
    """It is the same number until a review begins, and beginning twice moves it once."""
    first = await a_review(lanes)
    assert await a_review(lanes) == first

    assert await lanes.begin(first) is None
    assert await lanes.begin(first) is None

    assert await lanes.generation(REF) == first.turn + 1


async def test_a_generation_is_asked_for_at_once(lanes: Lanes) -> None:
    """Deliveries that arrive together get the same number, also for a pull request that is not known yet."""
    assert len(set(await asyncio.gather(*(lanes.generation(REF) for _ in range(8))))) == 1


async def test_a_forgotten_pull_request_gets_no_old_number(store: Store, lanes: Lanes) -> None:
    """A number names a job for ever, so that none may come again after the pull request was forgotten."""
    first = await a_review(lanes)
    assert first.turn > 1_700_000_000
    await lanes.park(first, "it broke")
    await store.forget_installation(REF.installation)

    assert await lanes.parked() == []
    assert await lanes.generation(REF) >= first.turn


async def test_starts_are_counted_from_the_beginning(lanes: Lanes) -> None:
    """Each start of a job counts, and the next job begins at one again."""
    first = await a_review(lanes)
    await lanes.begin(first)

    assert [await lanes.count_start(first) for _ in range(3)] == [1, 2, 3]
    await lanes.begin(first)  # the same job, begun again after a crash
    assert await lanes.count_start(first) == 4
    await lanes.finish(first)
    second = await a_review(lanes)
    await lanes.begin(second)
    assert await lanes.count_start(second) == 1


async def test_a_lane_that_is_taken(lanes: Lanes) -> None:
    """Who comes second waits, and is handed the lane; two reviews that wait are one, and read what was pushed last."""
    first = await a_review(lanes)
    await lanes.begin(first)
    for delivery in ("second", "third"):
        assert await lanes.begin(await a_review(lanes, delivery)) == first.id

    (next_one,) = await waiting(lanes, first)
    assert (next_one.delivery, next_one.turn) == ("third", await lanes.generation(REF))
    assert await lanes.begin(next_one) is None
    assert await waiting(lanes, next_one) == []


async def test_a_process_that_dies_while_it_hands_the_lane_on(lanes: Lanes) -> None:
    """Who waits is told of again, until it begins."""
    first, command = await a_review(lanes), Job(REF, "comment", {"name": "fix"})
    await lanes.begin(first)
    await lanes.begin(command)

    again = replace(command, turn=1)
    assert await waiting(lanes, first) == await waiting(lanes, first) == [again]
    assert await lanes.begin(again) is None
    assert await waiting(lanes, first) == []


async def test_a_lane_whose_job_is_dead(lanes: Lanes) -> None:
    """It is taken from the job that is known to be dead, and from no other."""
    first, second = await a_review(lanes), Job(REF, "comment", {})
    await lanes.begin(first)

    assert await lanes.begin(second, dead="review/other") == first.id
    assert await lanes.begin(second, dead=first.id) is None
    assert await lanes.begin(replace(second, delivery="later"), dead=first.id) == second.id


async def test_many_at_once(lanes: Lanes) -> None:
    """Of jobs that begin together one has the lane, and all others wait."""
    jobs = [Job(REF, f"comment-{number}", {}) for number in range(8)]
    await lanes.generation(REF)

    holders = await asyncio.gather(*map(lanes.begin, jobs))

    (first,) = [job for job, holder in zip(jobs, holders, strict=True) if holder is None]
    assert {job.delivery for job in await waiting(lanes, first)} == {job.delivery for job in jobs} - {first.delivery}


async def test_parked_jobs(lanes: Lanes) -> None:
    """They are told of until one of the same kind begins."""
    review, command = await a_review(lanes), Job(REF, "comment", {"name": "fix"})
    await lanes.park(review, "it broke")
    await lanes.park(command, "it broke as well")

    told = {one.job.delivery: (one.job, one.reason) for one in await lanes.parked()}
    assert told == {"push": (review, "it broke"), "comment": (command, "it broke as well")}
    await lanes.begin(replace(review, delivery="another push", turn=review.turn + 1))
    assert [one.job for one in await lanes.parked()] == [command]


async def test_lanes_that_nobody_uses(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are forgotten, but for those in which a job runs; so is what was parked and never released."""
    running = await a_review(lanes)
    await lanes.begin(running)
    await lanes.park(replace(running, delivery="parked"), "it broke")
    await lanes.generation(replace(REF, number=4))
    monkeypatch.setattr(module, "LANES_KEPT", timedelta(days=-1))

    assert await lanes.drop_unused() == 1
    assert await lanes.parked() == []
    assert await lanes.begin(running) is None
