"""Workers as processes: they are killed, told to stop, and work side by side."""

import asyncio
import signal
from collections import Counter
from itertools import count

import pytest

from bot import worker
from bot.duties import Duties
from bot.errors import SettingsError
from bot.events import ReviewRequested
from bot.models import PullRef
from bot.worker import Worker

from .workers import Crew, Note, until

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

numbers = count(1)


def pull(installation: int = 5) -> PullRef:
    return PullRef(installation=installation, repository_id=7, repository="octo/demo", number=next(numbers))


async def nothing(_ref: PullRef, _delivery: str) -> None:
    pass


def told(notes: list[Note]) -> list[tuple[str, int]]:
    return [(note.word, note.process) for note in notes]


@on_sqlite
async def test_a_process_that_is_killed_during_a_review(crew: Crew) -> None:
    """After `kill -9`, the next process begins the review again and ends it."""
    first = await crew.start(seconds=600)
    await crew.deliveries.enqueue("guid", ReviewRequested(pull()))
    await until(lambda: crew.noted("begin"))

    await crew.end(first, signal.SIGKILL)
    second = await crew.start(seconds=0)
    await until(lambda: crew.noted("end"))

    reviews = crew.noted("begin", "cut", "end")
    assert told(reviews) == [("begin", first.pid), ("begin", second.pid), ("end", second.pid)]


@on_sqlite
async def test_a_review_that_is_running_when_its_process_is_told_to_stop(crew: Crew) -> None:
    """It is cut off when its time is up, and the next process begins it again."""
    first = await crew.start(seconds=600)
    await crew.deliveries.enqueue("guid", ReviewRequested(pull()))
    await until(lambda: crew.noted("begin"))

    await crew.end(first, signal.SIGTERM)
    await crew.start(seconds=0)
    await until(lambda: crew.noted("end"))

    assert [note.word for note in crew.noted("begin", "cut", "end")] == ["begin", "cut", "begin", "end"]
    assert first.returncode == 0


@on_sqlite
async def test_two_processes_on_one_file(crew: Crew) -> None:
    """SQLite serves one process: a second worker is refused with a sentence."""
    await crew.start(seconds=0)

    with pytest.raises(SettingsError, match="another process uses"):
        await Worker(crew.url, crew.store, Duties(nothing)).start()


@on_postgresql
async def test_limits_hold_for_all_workers_together(crew: Crew) -> None:
    """Of one installation two jobs run at a time, of one pull request one, however many workers there are."""
    await asyncio.gather(crew.start(seconds=600), crew.start(seconds=600))
    refs = [pull(installation=8 + number % 3) for number in range(9)]
    for pushed in ("opened", "pushed"):
        for ref in refs:
            await crew.deliveries.enqueue(f"{pushed} {ref.number}", ReviewRequested(ref))
        await until(lambda: len(crew.noted("begin")) >= 3 * worker.PER_INSTALLATION)
    await asyncio.sleep(1)

    begun = crew.noted("begin")
    installations = {ref.number: ref.installation for ref in refs}
    assert Counter(installations[note.about] for note in begun) == dict.fromkeys((8, 9, 10), worker.PER_INSTALLATION)
    assert len({note.process for note in begun}) == 2, "it is more than one worker takes"
    crew.let_end()
    await until(lambda: len(crew.noted("end")) >= len(refs))
    while any((await crew.deliveries.jobs()).values()):  # noqa: ASYNC110 -- the queue tells nobody
        await asyncio.sleep(0.05)
    running = Counter[int]()
    for note in crew.noted("begin", "end"):
        running[note.about] += 1 if note.word == "begin" else -1
        assert running[note.about] <= 1


@on_postgresql
async def test_a_sweep_is_made_once_not_once_a_worker(crew: Crew) -> None:
    """Workers that start together look once for what was missed, and each time of the schedule comes once."""
    await asyncio.gather(*(crew.start(seconds=0, cron="*/2 * * * * *") for _ in range(3)))
    await until(lambda: len(crew.noted("recover")) >= 6)

    swept = await crew.deliveries._client.list_workflows_async(name="recover", status="SUCCESS")
    at_start = [one.workflow_id for one in swept if one.workflow_id.startswith("recover/")]
    times = [one.workflow_id for one in swept if one.workflow_id.startswith("sched-recover-")]
    assert len(at_start) <= 2, "a minute may have ended between the starts"
    assert len(times) == len(set(times)) >= 3
    assert len(crew.noted("recover")) - len(swept) in {0, 1}, "one may run right now"
    assert len({note.process for note in crew.noted("recover")}) > 1, "whichever worker is there does it"
