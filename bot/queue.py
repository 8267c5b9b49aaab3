"""The queue: a stored delivery becomes at most one waiting job a pull request, and jobs survive the process.

The only module that knows DBOS (https://docs.dbos.dev/python). Three queues, one after the other:

- `deliveries`: the id of the delivery is the id of the workflow, so that the same delivery twice is one.
- `pull-request`: one job at a time for each pull request. The id holds the generation, which moves on when a job is claimed: whatever
  is pushed before the claim falls to the job that waits, and that job asks GitHub for the head only afterwards.
- `installation`: a few at a time for each installation, and for this process.

A job may run more than once, after a crash or a failure. What it does must bear that.
"""

import asyncio
import fcntl
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

import psycopg
import sqlalchemy as sa
import structlog
from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    EnqueueOptions,
    StepOptions,
    WorkflowHandleAsync,
)
from dbos import error as dbos_error
from prometheus_client import Counter, Histogram

from bot.errors import Dropped, NotStored, RetryLater, SettingsError
from bot.events import InstallationChanged, Requested
from bot.models import PullRef
from bot.store import Store

APPLICATION = "asyncify"

VERSION = "1"
"""Constant, so that jobs in flight go on after a deploy. The steps of a workflow keep their order, or this number changes."""

POLL = 0.25
"""Seconds between two looks at a queue."""

PER_INSTALLATION = 2
PER_WORKER = 4

STARTS = 8
"""How often one job is begun before it is parked: what kills its process must not do so for ever."""

WAITS = 12
"""How often in a row a job may ask to be run later before it is parked."""

REVIEW_SECONDS = 600.0

STORE_SECONDS = 8.0
"""GitHub waits 10 seconds for an answer (https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks)."""

REAP_SECONDS = 5.0
"""How often a worker looks for workers that died."""

JOBS_KEPT = timedelta(days=8)
"""Longer than a delivery can be sent again: 3 days, on Enterprise Server 7
(https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks)."""

ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

RETRIED: StepOptions = {"retries_allowed": True, "max_attempts": 4, "interval_seconds": 2.0, "backoff_rate": 3.0}

Review = Callable[[PullRef, str], Awaitable[object]]
"""Does the work for a pull request on behalf of a delivery, given by its id. May raise RetryLater and Dropped."""

Update = Callable[[InstallationChanged], Coroutine[Any, Any, bool]]
"""Brings what is known of an installation up to date; whether we may still work for it."""

reviews = Counter("asyncify_reviews", "Reviews that were begun, by how they ended", ["result"])
review_seconds = Histogram("asyncify_review_seconds", "How long a review took", buckets=(1, 2, 5, 10, 30, 60, 300))

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


def migrate(url: str, store: Store) -> None:
    """Bring the tables of the queue and of the store up to date. Blocks; any number of processes may do so at the same time."""
    with store.alone():
        store.migrate()
        DBOS.migrate(url)


class Deliveries:
    """The end of the queue that takes in: it stores what was delivered and runs nothing."""

    def __init__(self, url: str) -> None:
        """Connects, and so blocks. The tables must be there (`migrate`)."""
        self._client = DBOSClient(
            system_database_url=url,
            application_name=APPLICATION,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
            system_database_pool_size=_connections(url),
        )

    async def enqueue(self, delivery: str, event: Requested) -> None:
        """Store what a delivery asks for: when this returns, it will be done. The same delivery twice is one.

        Raises NotStored.
        """
        options: EnqueueOptions = {
            "workflow_name": "delivery",
            "queue_name": "deliveries",
            "workflow_id": f"delivery/{delivery}",
        }
        if isinstance(event, InstallationChanged):
            # What changes one installation is done one by one, like what changes one pull request.
            key = f"installation/{event.installation}"
            options |= {"workflow_name": "installation", "queue_name": "pull-request", "queue_partition_key": key}
        about = event if isinstance(event, InstallationChanged) else event.ref
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._client.enqueue_async(options, asdict(about), delivery)
        except (dbos_error.DBOSException, sa.exc.SQLAlchemyError, TimeoutError) as error:
            raise NotStored(str(error)) from error

    async def jobs(self) -> Mapping[str, int]:
        """How many reviews wait, run and are parked, up to 10,000 of each."""
        waiting = await self._count(["delivery", "pull-request"], ["ENQUEUED", "DELAYED"])
        return {
            "waiting": waiting,
            "running": await self._count(["review"], ["PENDING"]),
            "parked": await self._count(["review"], ["ERROR"]),
        }

    async def _count(self, names: list[str], status: list[str]) -> int:
        found = await self._client.list_workflows_async(
            name=names, status=status, load_input=False, load_output=False, limit=10_000
        )
        return len(found)

    async def close(self) -> None:
        await asyncio.to_thread(self._client.destroy)


class Worker:
    """The end of the queue that runs reviews, on the event loop that starts it. One a process."""

    def __init__(self, url: str, store: Store, review: Review, update: Update, poll: float = POLL) -> None:
        self._url, self._store, self._review, self._update, self._poll = url, store, review, update, poll
        self._running: set[asyncio.Task[Any]] = set()
        self._reaper: asyncio.Task[None] | None = None
        self._held = ExitStack()

    async def start(self) -> Self:
        """Begin, and go on with what an earlier process left. Raises SettingsError where another process has the SQLite file."""
        shared = not self._url.startswith("sqlite")
        # No name of a process comes back, so the reaper alone decides who is dead. On SQLite the one process is always the same.
        me = uuid.uuid4().hex if shared else "local"
        lock = await _announce(self._url, me) if shared else None
        if lock is None:
            self._held.enter_context(_sole_process(self._url))
        DBOS(config=self._config(me))
        tidy = _register(self)
        DBOS.launch()  # on this loop, so that reviews run where the connections to GitHub live
        await self._open_queues()
        await DBOS.apply_schedules_async(
            [{"schedule_name": "tidy", "workflow_fn": tidy, "schedule": "17 3 * * *", "context": None}]
        )
        if lock is not None:
            self._reaper = asyncio.create_task(_reap(self._url, me, lock))
        return self

    async def stop(self, seconds: int = 10) -> None:
        """Take no more jobs, give those that run some seconds, and leave the rest to the next process."""
        if self._reaper is not None:
            self._reaper.cancel()
            await asyncio.wait([self._reaper])
        if seconds == 0:
            await self._cut_off()
        loop, rest = asyncio.get_running_loop(), ThreadPoolExecutor(thread_name_prefix="asyncify")
        patience = seconds + 2 if seconds else 0  # what is cut off below still has to be seen to end
        destroyed = loop.run_in_executor(
            rest, lambda: DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=patience)
        )
        await asyncio.wait([destroyed], timeout=seconds)
        await self._cut_off()
        await destroyed
        loop.set_default_executor(rest)  # DBOS put its own in its place, and that one is closed now
        self._held.close()

    async def _cut_off(self) -> None:
        """Cancel what runs. DBOS records no outcome for it, so that it is begun again."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    def _config(self, executor: str) -> DBOSConfig:
        return {
            "name": APPLICATION,
            "system_database_url": self._url,
            "executor_id": executor,
            "application_version": VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "run_migrations": False,
            "log_level": "WARNING",
            "max_executor_threads": 32,
            "sys_db_pool_size": _connections(self._url),
        }

    async def _open_queues(self) -> None:
        poll = self._poll
        await DBOS.register_queue_async("deliveries", worker_concurrency=20, polling_interval_sec=poll)
        await DBOS.register_queue_async(
            "pull-request", partition_concurrency=1, worker_concurrency=100, polling_interval_sec=poll
        )
        await DBOS.register_queue_async(
            "installation",
            partition_concurrency=PER_INSTALLATION,
            worker_concurrency=PER_WORKER,
            polling_interval_sec=poll,
        )

    async def take(self, ref: PullRef, delivery: str) -> None:
        """Make sure that a job waits for this pull request which has not read its head yet."""
        while True:
            generation = await self._generation(ref)
            job = await _enqueue_pull_request(ref, delivery, generation)
            spent = await _step("has ended", _has_ended, job)
            if not spent or await self._generation(ref) != generation:
                return
            # An operator cancelled the job before it was claimed: its id names nothing that will run.
            await _step("claim", self._store.claim, ref, generation)

    async def run_alone(self, ref: PullRef, delivery: str, generation: int, waits: int) -> None:
        """Claim the job, have it run within the limits of its installation, and see to it that it runs again where it asks to."""
        await _step("claim", self._store.claim, ref, generation)
        job = await DBOS.enqueue_workflow_with_options_async(
            {
                "workflow_name": "review",
                "queue_name": "installation",
                "workflow_id": f"review/{_key(ref)}/{generation}",
                "queue_partition_key": str(ref.installation),
            },
            asdict(ref),
            delivery,
        )
        seconds = await job.get_result(polling_interval_sec=self._poll)
        if seconds is None:
            return
        if waits == WAITS:
            raise RuntimeError(f"{_key(ref)} asked {WAITS} times in a row to be run later")
        await _enqueue_pull_request(ref, delivery, await self._generation(ref), waits + 1, seconds)

    async def run(self, ref: PullRef, delivery: str) -> float | None:
        """Run the review, again where it fails unexpectedly. Seconds to wait where it is to be run later."""
        options: StepOptions = {
            **RETRIED,
            "name": "review",
            "timeout_seconds": REVIEW_SECONDS,
            "should_retry": _may_pass,
        }
        with structlog.contextvars.bound_contextvars(
            delivery=delivery, installation=ref.installation, repository=ref.repository, pull_request=ref.number
        ):
            try:
                return await DBOS.run_step_async(options, self._attempt, ref, delivery)
            except Exception:
                log.exception("review parked")
                raise

    async def _attempt(self, ref: PullRef, delivery: str) -> float | None:
        starts = await self._store.count_start(ref)
        if starts > STARTS:
            raise _ParkedError(f"begun {STARTS} times and never ended")
        try:
            with review_seconds.time():
                outcome = await self._review(ref, delivery)
        except RetryLater as later:
            return _ended("later", later.seconds, reason=later.reason)
        except Dropped as dropped:
            return _ended("dropped", None, reason=dropped.reason)
        except Exception as error:
            reviews.labels("failed").inc()
            log.warning("review failed", start=starts, exc_info=error)
            raise
        return _ended("done", None, outcome=str(outcome))

    async def update(self, change: InstallationChanged, delivery: str) -> None:
        """Learn how an installation stands, and drop the jobs that wait for what it no longer lets us see."""
        with structlog.contextvars.bound_contextvars(delivery=delivery, installation=change.installation):
            try:
                active = await _step("update", self._update, change)
                dropped = await _step("drop jobs", _drop_jobs, change, active)
            except Exception:
                log.exception("installation not updated")
                raise
            log.info("installation updated", active=active, removed=len(change.removed), dropped_jobs=dropped)

    def track(self) -> None:
        """Count the present task among those that run."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- for the type checker: a coroutine runs in a task
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def tidy(self) -> None:
        """Forget the jobs that ended long ago and the facts that nobody uses."""
        before = (datetime.now(UTC) - JOBS_KEPT).isoformat()
        jobs = 0
        while found := await DBOS.list_workflows_async(
            status=ENDED, end_time=before, limit=500, load_input=False, load_output=False
        ):
            await DBOS.delete_workflows_async([job.workflow_id for job in found])
            jobs += len(found)
        facts = await self._store.drop_unused_facts()
        installations = await self._store.drop_departed_installations()
        log.info("tidied", jobs=jobs, facts=facts, installations=installations)

    async def _generation(self, ref: PullRef) -> int:
        return await _step("generation", self._store.generation, ref)


class _ParkedError(RuntimeError):
    """The job is not begun again."""


def _may_pass(error: BaseException) -> bool:
    return not isinstance(error, _ParkedError)


def _connections(url: str) -> int | None:
    """How many connections to open, None for as many as DBOS likes.

    SQLite has one writer at a time, and who finds it busy sleeps before it looks again: threads that queue for one connection wait for
    less. Measured at 20 deliveries a second with reviews running: p99 0.05-0.1 s instead of 0.4 s.
    """
    return 1 if url.startswith("sqlite") else None


def _ended(result: str, seconds: float | None, **words: object) -> float | None:
    reviews.labels(result).inc()
    log.info("review ended", result=result, again_in=seconds, **words)
    return seconds


def _key(ref: PullRef) -> str:
    return f"{ref.repository_id}/{ref.number}"


async def _enqueue_pull_request(
    ref: PullRef, delivery: str, generation: int, waits: int = 0, delay: float | None = None
) -> WorkflowHandleAsync[None]:
    options: EnqueueOptions = {
        "workflow_name": "pull-request",
        "queue_name": "pull-request",
        "workflow_id": f"pull-request/{_key(ref)}/{generation}",
        "queue_partition_key": _key(ref),
    }
    if delay is not None:
        options["delay_seconds"] = delay
    return await DBOS.enqueue_workflow_with_options_async(options, asdict(ref), delivery, generation, waits)


async def _step(name: str, do: Callable[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What `do` returns, asked once for each job. The name is stored with it, and so stays as it is."""
    return await DBOS.run_step_async({**RETRIED, "name": name}, do, *args, **kwargs)


async def _drop_jobs(change: InstallationChanged, active: bool) -> int:
    """Cancel the jobs that wait for a repository we may no longer see. One that runs learns of it with its next request."""
    waiting = await DBOS.list_workflows_async(
        name=["delivery", "pull-request", "review"], status=["ENQUEUED", "DELAYED"], load_output=False
    )
    lost = [job.workflow_id for job in waiting if job.input and _is_lost(job.input["args"][0], change, active)]
    await DBOS.cancel_workflows_async(lost)
    return len(lost)


def _is_lost(pull: Mapping[str, Any], change: InstallationChanged, active: bool) -> bool:
    lost = not active or pull["repository_id"] in change.removed
    return lost and bool(pull["installation"] == change.installation)


async def _has_ended(job: WorkflowHandleAsync[None]) -> bool:
    return (await job.get_status()).status in ENDED


def _register(worker: Worker) -> Callable[[datetime, Any], Coroutine[Any, Any, None]]:
    """Give the worker's parts the names under which jobs are stored. How often a job may begin is counted by the worker itself."""

    @DBOS.workflow(name="delivery", max_recovery_attempts=None)
    async def take(pull: dict[str, Any], delivery: str) -> None:
        worker.track()
        await worker.take(PullRef(**pull), delivery)

    @DBOS.workflow(name="pull-request", max_recovery_attempts=None)
    async def run_alone(pull: dict[str, Any], delivery: str, generation: int, waits: int) -> None:
        worker.track()
        await worker.run_alone(PullRef(**pull), delivery, generation, waits)

    @DBOS.workflow(name="review", max_recovery_attempts=None)
    async def run(pull: dict[str, Any], delivery: str) -> float | None:
        worker.track()
        return await worker.run(PullRef(**pull), delivery)

    @DBOS.workflow(name="installation", max_recovery_attempts=None)
    async def update(installation: dict[str, Any], delivery: str) -> None:
        worker.track()
        change = InstallationChanged(installation["installation"], tuple(installation["removed"]))
        await worker.update(change, delivery)

    @DBOS.workflow(name="tidy")
    async def tidy(_scheduled: datetime, _context: Any) -> None:
        await _step("tidy", worker.tidy)

    return tidy


@contextmanager
def _sole_process(url: str) -> Iterator[None]:
    """Hold the SQLite file for this process. Raises SettingsError where another one has it."""
    path = Path(f"{sa.make_url(url).database}.lock")
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError((f"DATABASE_URL names a SQLite file that another process uses ({path})",)) from None
        yield


async def _announce(url: str, executor: str) -> psycopg.AsyncConnection:
    """A connection that says, for as long as it is open, that this executor is alive."""
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, keepalives_idle=10)
    await connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (_alive(executor),))
    return connection


def _alive(executor: str) -> str:
    return f"{APPLICATION} worker {executor}"


async def _reap(url: str, me: str, connection: psycopg.AsyncConnection) -> None:
    """Hand the jobs of dead workers back to their queues, for as long as this worker lives."""
    while True:
        try:
            async with connection:
                while True:
                    await _resume_jobs_of_the_dead(me, connection)
                    await asyncio.sleep(REAP_SECONDS)
        except Exception:
            log.exception("lost the database, will look for dead workers again")
        connection = await _announce_again(url, me)


async def _announce_again(url: str, me: str) -> psycopg.AsyncConnection:
    while True:
        await asyncio.sleep(1)
        with suppress(psycopg.OperationalError):
            return await _announce(url, me)


async def _resume_jobs_of_the_dead(me: str, connection: psycopg.AsyncConnection) -> None:
    running = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
    for executor in {job.executor_id or "" for job in running} - {me}:
        async with connection.transaction():
            if await _is_dead(executor, connection):
                await _resume_jobs_of(executor)


async def _is_dead(executor: str, connection: psycopg.AsyncConnection) -> bool:
    """Whether nobody holds the lock of this executor. If so, it is ours until the end of the transaction."""
    cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (_alive(executor),))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def _resume_jobs_of(executor: str) -> None:
    # Asked again, now that the lock is ours: another worker may have taken over in between.
    running = await DBOS.list_workflows_async(
        status="PENDING", executor_id=executor, load_input=False, load_output=False
    )
    for job in running:
        await DBOS.resume_workflows_async([job.workflow_id], queue_name=job.queue_name)
        log.warning("took over from a dead worker", job=job.workflow_id)
