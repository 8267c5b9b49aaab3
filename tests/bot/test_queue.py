"""Deliveries become reviews: once, one at a time, with the newest head, whatever dies in between.

The tests share one worker a database, since each start of one takes seconds. Every test has pull requests of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from itertools import count

import pytest
import pytest_asyncio

from bot import duties, history, queue, worker
from bot.duties import Duties
from bot.errors import Dropped, Limited, NotStored, RetryLater
from bot.events import InstallationChanged, ReviewRequested
from bot.lanes import Job, Lanes
from bot.models import PullRef
from bot.queue import Deliveries, prefixes
from bot.store import Store
from bot.worker import Worker
from tests.bot.workers import until
from tests.conftest import fresh_database

shared_worker = pytest.mark.asyncio(loop_scope="module")

numbers = count(1)


def pull(installation: int | None = None) -> PullRef:
    """A pull request that no other test has, of an installation that no other test has."""
    number = next(numbers)
    return PullRef(installation=installation or number, repository_id=7, repository="octo/demo", number=number)


class Bench:
    """A running queue. `review` is what its worker does."""

    def __init__(self, url: str) -> None:
        self.store = Store(url)
        queue.migrate(url, self.store)
        self.deliveries = Deliveries(url, self.store)
        self.worker = Worker(url, self.store, Duties(self.do, self.obey, self.update, self.note), poll=0.03)
        self.review: duties.Review = nothing
        self.command: duties.Command = no_command
        self.active = True
        self.given_up: list[tuple[Job, str]] = []

    async def do(self, ref: PullRef, delivery: str) -> None:
        await self.review(ref, delivery)

    async def obey(self, ref: PullRef, delivery: str, command: Mapping[str, object]) -> None:
        await self.command(ref, delivery, command)

    async def update(self, _change: InstallationChanged) -> bool:
        return self.active

    async def note(self, job: Job, reason: str) -> None:
        self.given_up.append((job, reason))

    async def deliver(self, ref: PullRef, delivery: str | None = None) -> None:
        await self.deliveries.enqueue(delivery or f"delivery-{next(numbers)}", ReviewRequested(ref))

    async def settled(self) -> None:
        """Nothing waits and nothing runs."""
        async with asyncio.timeout(60):
            while await self.deliveries._client.list_workflows_async(status=["ENQUEUED", "DELAYED", "PENDING"]):  # noqa: ASYNC110 -- the queue tells nobody
                await asyncio.sleep(0.02)

    async def taken(self) -> None:
        """No delivery waits to be turned into a review."""
        async with asyncio.timeout(60):
            while await self.deliveries._client.list_workflows_async(  # noqa: ASYNC110 -- the queue tells nobody
                status=["ENQUEUED", "PENDING"], queue_name="deliveries"
            ):
                await asyncio.sleep(0.02)

    async def waiting(self) -> None:
        """Some job waits for its time."""
        async with asyncio.timeout(60):
            while not await self.deliveries._client.list_workflows_async(status="DELAYED"):  # noqa: ASYNC110 -- the queue tells nobody
                await asyncio.sleep(0.02)

    async def parked(self) -> int:
        return (await self.deliveries.jobs())["parked"]


async def no_command(_ref: PullRef, _delivery: str, _command: Mapping[str, object]) -> None:
    raise AssertionError("no command was given")


async def nothing(_ref: PullRef, _delivery: str) -> None:
    pass


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('queue')}/asyncify.db"
        else:
            url = stack.enter_context(fresh_database(request.getfixturevalue("postgres")))
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(shared_url: str) -> AsyncIterator[Bench]:
    bench = await asyncio.to_thread(Bench, shared_url)
    await bench.worker.start()
    yield bench
    await bench.worker.stop(0)
    await bench.deliveries.close()
    await bench.store.close()


@pytest.fixture
def bench(running: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(queue, "COUNT_SECONDS", 0.0)
    monkeypatch.setitem(worker.RETRIED, "interval_seconds", 0.01)
    return running


@shared_worker
async def test_the_same_delivery_twice_is_one_job(bench: Bench) -> None:
    """A delivery that is sent again, before or after its review, changes nothing."""
    ref, ran = pull(), []

    async def review(ref: PullRef, delivery: str) -> None:
        ran.append((ref, delivery))

    bench.review = review
    await bench.deliver(ref, "guid-1")
    await bench.deliver(ref, "guid-1")
    await bench.settled()
    await bench.deliver(ref, "guid-1")
    await bench.settled()

    assert ran == [(ref, "guid-1")]


@shared_worker
async def test_ten_pushes_during_a_review(bench: Bench) -> None:
    """What is pushed while a review runs leads to one more review, and that one sees the newest head."""
    ref, head, seen, may_end = pull(), 0, [], asyncio.Event()

    async def review(_ref: PullRef, _delivery: str) -> None:
        seen.append(head)
        await may_end.wait()

    bench.review = review
    await bench.deliver(ref)
    await until(lambda: seen)
    for head in range(1, 11):  # noqa: B007 -- the review reads it
        await bench.deliver(ref)
    await bench.taken()
    may_end.set()
    await bench.settled()

    assert seen == [0, 10]


@shared_worker
async def test_one_at_a_time_for_a_pull_request(bench: Bench) -> None:
    """Reviews of one pull request never overlap; no more than the limit of an installation run at once."""
    refs = [pull(installation=1_000_000) for _ in range(4)]
    running: list[int] = []
    all_places_taken = asyncio.Event()
    most_of_one = most = ended = 0

    async def review(ref: PullRef, _delivery: str) -> None:
        nonlocal most_of_one, most, ended
        running.append(ref.number)
        most_of_one, most = max(most_of_one, running.count(ref.number)), max(most, len(running))
        if len(running) == worker.PER_INSTALLATION:
            all_places_taken.set()
        await all_places_taken.wait()
        await asyncio.sleep(0.1)
        running.remove(ref.number)
        ended += 1

    bench.review = review
    for wanted in (1, 3):
        for ref in refs:
            await bench.deliver(ref)
        await until(lambda: ended >= wanted)  # noqa: B023 -- awaited within the round
    await bench.settled()

    assert (most_of_one, most) == (1, worker.PER_INSTALLATION)


@shared_worker
async def test_a_review_that_asks_to_run_later(bench: Bench) -> None:
    """It runs again after the time that it asked for, and holds up nothing meanwhile."""
    late, other, begun, clock = (
        pull(installation=2_000_000),
        pull(installation=2_000_000),
        [],
        asyncio.get_running_loop().time,
    )

    async def review(ref: PullRef, _delivery: str) -> None:
        begun.append((ref, clock()))
        if begun == [(late, begun[0][1])]:
            raise RetryLater(3, "GitHub asked for a pause")

    bench.review = review
    await bench.deliver(late)
    await until(lambda: begun)
    await bench.deliver(other)
    await bench.settled()

    assert [ref for ref, _ in begun] == [late, other, late]
    assert begun[2][1] - begun[0][1] >= 3


@shared_worker
async def test_a_push_to_a_pull_request_that_waits(bench: Bench) -> None:
    """A review that waits for its time takes the push along: there is no second one."""
    ref, begun = pull(), []

    async def review(_ref: PullRef, delivery: str) -> None:
        begun.append(delivery)
        if len(begun) == 1:
            raise RetryLater(0.5, "GitHub asked for a pause")

    bench.review = review
    await bench.deliver(ref)
    await until(lambda: begun)
    await asyncio.sleep(0.2)
    await bench.deliver(ref)
    await bench.settled()

    assert len(begun) == 2


@shared_worker
async def test_a_push_cuts_the_wait(bench: Bench) -> None:
    """A review that was put off, for another reason than a limit of GitHub's, begins at once when there is something new."""
    ref, begun = pull(), []

    async def review(_ref: PullRef, delivery: str) -> None:
        begun.append(delivery)
        if len(begun) == 1:
            raise RetryLater(600, "GitHub does not answer")

    bench.review = review
    await bench.deliver(ref)
    await bench.waiting()
    await bench.deliver(ref)
    await bench.settled()

    assert len(begun) == 2


@shared_worker
async def test_a_limit_parks_the_installation(bench: Bench) -> None:
    """While GitHub wants silence, no job of that installation begins, also not after a push; others go on."""
    limited, neighbour, other, begun = pull(3_000_000), pull(3_000_000), pull(), []

    async def review(ref: PullRef, _delivery: str) -> None:
        begun.append(ref)
        if begun == [limited]:
            raise Limited(2, "too many requests")

    bench.review = review
    await bench.deliver(limited)
    await bench.waiting()
    started = asyncio.get_running_loop().time()
    for ref in (limited, neighbour, other):
        await bench.deliver(ref)
    await until(lambda: other in begun)
    assert begun == [limited, other]
    await bench.settled()

    assert sorted(begun[2:], key=lambda ref: ref.number) == [limited, neighbour]
    assert asyncio.get_running_loop().time() - started > 1


@shared_worker
async def test_commands_go_before_reviews(bench: Bench) -> None:
    """Where an installation has much to do, its commands are done first, two at a time; the same delivery twice is one."""
    refs, may_go = [pull(4_000_000) for _ in range(6)], asyncio.Event()
    done: list[object] = []
    begun, both_commands = asyncio.Semaphore(0), asyncio.Barrier(2)

    async def review(ref: PullRef, _delivery: str) -> None:
        begun.release()
        await may_go.wait()
        done.append(refs.index(ref))

    async def command(_ref: PullRef, _delivery: str, given: Mapping[str, object]) -> None:
        async with asyncio.timeout(60):
            await both_commands.wait()  # what comes between them would be done first
        done.append(given["name"])

    bench.review, bench.command = review, command
    for ref in refs[:4]:
        await bench.deliver(ref)
    await bench.taken()
    async with asyncio.timeout(60):
        for _ in range(2):  # as many as an installation may have at a time: no command finds a free place
            await begun.acquire()
    for name, ref in (("first", refs[4]), ("second", refs[5]), ("second", refs[5])):
        await bench.deliveries.enqueue_command(f"command {name}", ref, {"name": name})
    may_go.set()
    await bench.settled()

    assert {*done[2:4]} == {"first", "second"}
    assert {*done[:2], *done[4:]} == {0, 1, 2, 3}


@shared_worker
async def test_a_command_waits_for_the_review_of_its_pull_request(bench: Bench) -> None:
    """They never run at the same time, and neither is forgotten, nor done twice."""
    ref, done, may_go = pull(), [], asyncio.Event()

    async def review(_ref: PullRef, delivery: str) -> None:
        done.append(f"{delivery} begins")
        await may_go.wait()
        done.append(f"{delivery} ends")

    async def command(_ref: PullRef, delivery: str, _given: Mapping[str, object]) -> None:
        done.append(delivery)
        await asyncio.sleep(0.05)
        done.append(delivery)

    bench.review, bench.command = review, command
    await bench.deliver(ref, "review")
    await until(lambda: done)
    for name in ("one", "two"):
        await bench.deliveries.enqueue_command(name, ref, {})
    await asyncio.sleep(0.5)
    assert done == ["review begins"]
    may_go.set()
    await bench.settled()

    assert done[:2] == ["review begins", "review ends"]
    assert done[2:] in (["one", "one", "two", "two"], ["two", "two", "one", "one"])


@shared_worker
async def test_a_review_that_only_ever_asks_to_run_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a number of times, since GitHub's patience ends as well."""
    monkeypatch.setattr(worker, "WAITS", 1)
    begun = 0

    async def review(_ref: PullRef, _delivery: str) -> None:
        nonlocal begun
        begun += 1
        raise RetryLater(0.01, "not yet")

    bench.review = review
    await bench.deliver(pull())
    await until(lambda: begun)
    await bench.settled()

    assert begun == 2


@shared_worker
async def test_a_review_that_has_nothing_left_to_do(bench: Bench) -> None:
    """A pull request that is gone ends its job, without another try."""
    parked, begun = await bench.parked(), 0

    async def review(_ref: PullRef, _delivery: str) -> None:
        nonlocal begun
        begun += 1
        raise Dropped("the pull request is gone")

    bench.review = review
    await bench.deliver(pull())
    await bench.settled()

    assert (begun, await bench.parked()) == (1, parked)


@shared_worker
async def test_a_review_that_fails_unexpectedly(bench: Bench) -> None:
    """It is tried again a few times, then parked; the next push to the pull request is reviewed all the same."""
    ref, parked, begun = pull(), await bench.parked(), []

    async def review(_ref: PullRef, delivery: str) -> None:
        begun.append(delivery)
        if delivery == "breaks":
            raise ZeroDivisionError

    bench.review = review
    await bench.deliver(ref, "breaks")
    await bench.settled()
    assert begun == ["breaks"] * 4
    assert await bench.parked() == parked + 1
    assert bench.given_up[-1] == (
        Job(ref, "breaks", turn=bench.given_up[-1][0].turn),
        "It failed 4 times because of a mistake in asyncify.",
    )
    await bench.deliver(ref, "works")
    await bench.settled()

    assert begun[4:] == ["works"]
    assert await bench.parked() == parked


@shared_worker
async def test_a_parked_delivery_that_is_sent_again(bench: Bench) -> None:
    """That releases its job, a review as well as a command."""
    ref, done, broken = pull(), [], True

    async def review(_ref: PullRef, delivery: str) -> None:
        if broken:
            raise ZeroDivisionError
        done.append(delivery)

    async def command(ref: PullRef, delivery: str, _given: Mapping[str, object]) -> None:
        await review(ref, delivery)

    async def deliver() -> None:
        await bench.deliver(ref, "parked review")
        await bench.deliveries.enqueue_command("parked command", ref, {})
        await bench.settled()

    bench.review, bench.command = review, command
    await deliver()
    parked = await Lanes(bench.store).parked()
    assert {one.job.delivery for one in parked if one.job.ref == ref} == {"parked review", "parked command"}
    broken = False
    for _ in range(2):
        await deliver()

    assert sorted(done) == ["parked command", "parked review"]
    assert all(one.job.ref != ref for one in await Lanes(bench.store).parked())


@shared_worker
async def test_a_review_that_fails_once(bench: Bench) -> None:
    """The second try is enough."""
    parked, begun = await bench.parked(), 0

    async def review(_ref: PullRef, _delivery: str) -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise OSError("the network was away")

    bench.review = review
    await bench.deliver(pull())
    await bench.settled()

    assert (begun, await bench.parked()) == (2, parked)


@shared_worker
async def test_a_review_that_was_begun_too_often(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends its process each time is parked at last, and not begun again."""
    monkeypatch.setattr(worker, "STARTS", 0)
    parked, ran = await bench.parked(), []

    async def review(ref: PullRef, _delivery: str) -> None:
        ran.append(ref)

    bench.review = review
    await bench.deliver(pull())
    await bench.settled()

    assert (ran, await bench.parked()) == ([], parked + 1)


@shared_worker
async def test_a_job_that_an_operator_cancelled(bench: Bench) -> None:
    """Its pull request is not stuck: the next delivery gets a job of its own."""
    ref, ran = pull(), []

    async def review(_ref: PullRef, delivery: str) -> None:
        ran.append(delivery)
        if delivery == "cancelled":
            raise RetryLater(600, "GitHub asked for a long pause")

    bench.review = review
    await bench.deliver(ref, "cancelled")
    await bench.waiting()
    waiting = await bench.deliveries._client.list_workflows_async(status="DELAYED")
    await bench.deliveries._client.cancel_workflow_async(waiting[0].workflow_id)
    await bench.deliver(ref, "after")
    await bench.settled()

    assert ran == ["cancelled", "after"]


@shared_worker
@pytest.mark.parametrize("departed", [True, False], ids=["the installation", "one repository"])
async def test_jobs_of_who_left_are_cancelled(bench: Bench, departed: bool) -> None:
    """What waits for an installation that is gone, or a repository that it lost, is never begun; all else is."""
    ref, ran = pull(), []
    other = PullRef(ref.installation, 8, "octo/other", ref.number)

    async def review(ref: PullRef, delivery: str) -> None:
        ran.append((ref, delivery))
        if len(ran) <= 2:
            raise RetryLater(3, "GitHub asked for a pause")

    bench.review, bench.active = review, not departed
    await bench.deliver(ref)
    await bench.deliver(other)
    await until(lambda: len(ran) == 2)
    async with asyncio.timeout(60):
        while len(await bench.deliveries._client.list_workflows_async(status="DELAYED")) < 2:  # noqa: ASYNC110 -- the queue tells nobody
            await asyncio.sleep(0.02)
    change = InstallationChanged(ref.installation, () if departed else (ref.repository_id,))
    await bench.deliveries.enqueue(f"change-{ref.number}", change)
    await bench.settled()

    assert [one for one, _ in ran[2:]] == ([] if departed else [other])
    bench.active = True


@shared_worker
async def test_jobs_of_who_left_are_forgotten(bench: Bench) -> None:
    """Within a day nothing is left of them: what had ended goes at once, what ends later with the next tidying."""
    ref, may_end, ran = pull(), asyncio.Event(), []
    other = PullRef(ref.installation, 8, "octo/other", ref.number)
    kept = PullRef(pull().installation, 9, "octo/kept", 1)

    async def review(ref: PullRef, _delivery: str) -> None:
        ran.append(ref)
        if ref == other:
            await may_end.wait()

    async def left() -> set[str]:
        jobs = await bench.deliveries._client.list_workflows_async(workflow_id_prefix=prefixes(ref.installation))
        return {job.workflow_id.partition("/")[0] for job in jobs if job.name in {"delivery", "job"}}

    bench.review, bench.active = review, False
    for one in (ref, kept, other):
        await bench.deliver(one)
    await until(lambda: len(ran) == 3)
    await bench.taken()
    await bench.store.change_installation(ref.installation, active=False)
    await bench.deliveries.enqueue(f"change-{ref.number}", InstallationChanged(ref.installation))
    async with asyncio.timeout(60):
        while await left() != {"review"}:  # noqa: ASYNC110 -- the queue tells nobody
            await asyncio.sleep(0.02)
    may_end.set()
    await bench.settled()
    await bench.worker.tidy()

    assert await bench.deliveries._client.list_workflows_async(workflow_id_prefix=prefixes(ref.installation)) == []
    assert len(await bench.deliveries._client.list_workflows_async(workflow_id_prefix=prefixes(kept.installation))) == 2
    bench.active = True


@shared_worker
async def test_what_is_stored_is_known(bench: Bench) -> None:
    """Reviews, commands and what changes an installation, each under the id of its delivery; what others sent is not theirs."""
    ref = pull()
    mine, commanded, changed = (f"{what}-{ref.number}" for what in ("mine", "commanded", "changed"))

    async def command(_ref: PullRef, _delivery: str, _given: Mapping[str, object]) -> None:
        pass

    bench.review, bench.command, bench.active = nothing, command, True
    await bench.deliver(ref, mine)
    await bench.deliveries.enqueue_command(commanded, ref, {})
    await bench.deliveries.enqueue(changed, InstallationChanged(ref.installation))
    await bench.settled()
    asked = [(ref.installation, name) for name in (mine, commanded, changed, f"never-{ref.number}")]

    assert await bench.deliveries.held(asked) == {mine, commanded, changed}
    assert await bench.deliveries.held([(ref.installation + 1, mine)]) == frozenset()


@shared_worker
async def test_jobs_are_counted(bench: Bench) -> None:
    """A review that runs is counted as such."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def review(_ref: PullRef, _delivery: str) -> None:
        begun.set()
        await may_end.wait()

    bench.review = review
    await bench.deliver(pull())
    await begun.wait()
    jobs = await bench.deliveries.jobs()
    may_end.set()
    await bench.settled()

    assert (jobs["running"], jobs["waiting"]) == (1, 0)


@shared_worker
async def test_old_jobs_are_forgotten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that ended before anybody could deliver them again are deleted; younger ones stay."""
    bench.review = nothing
    ref = pull()
    await bench.deliver(ref, "old")
    await bench.settled()

    await bench.worker.tidy()
    assert await bench.deliveries._client.list_workflows_async(workflow_ids=[f"delivery/{ref.installation}/old"])
    monkeypatch.setattr(history, "KEPT", timedelta(seconds=-1))
    await bench.worker.tidy()

    assert await bench.deliveries._client.list_workflows_async() == []


async def test_a_queue_that_is_full(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries are refused before the disk is full, and taken again when there is room."""
    store = Store(database_url)
    await asyncio.to_thread(queue.migrate, database_url, store)
    deliveries = await asyncio.to_thread(Deliveries, database_url, store)
    monkeypatch.setattr(queue, "MOST_WAITING", 1)
    monkeypatch.setattr(queue, "COUNT_SECONDS", 0.0)

    await deliveries.enqueue("one", ReviewRequested(pull()))
    with pytest.raises(NotStored, match="1 jobs wait already"):
        await deliveries.enqueue("two", ReviewRequested(pull()))
    monkeypatch.setattr(queue, "MOST_WAITING", 2)
    await deliveries.enqueue("two", ReviewRequested(pull()))

    await deliveries.close()
    await store.close()


async def test_a_database_that_cannot_store(database_url: str) -> None:
    """A delivery that was not stored is not taken."""
    store = Store(database_url)
    await asyncio.to_thread(queue.migrate, database_url, store)
    deliveries = await asyncio.to_thread(Deliveries, database_url, store)
    with store.engine.begin() as connection:
        schema = "" if database_url.startswith("sqlite") else "dbos."
        connection.exec_driver_sql(f"ALTER TABLE {schema}workflow_status RENAME TO gone")

    with pytest.raises(NotStored):
        await deliveries.enqueue("guid", ReviewRequested(pull()))

    await deliveries.close()
    await store.close()
