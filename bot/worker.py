"""The worker: it does the jobs of the queue, each in the lane of its pull request, within limits, and again where they fail."""

import asyncio
import fcntl
import time
import uuid
from collections.abc import Callable, Collection, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, ScheduleInput, StepOptions
from prometheus_client import Counter, Histogram

from bot.duties import Duties
from bot.errors import Dropped, Limited, RetryLater, SettingsError
from bot.events import InstallationChanged
from bot.history import ENDED, drop_lost, forget_ended
from bot.lanes import Job, Lanes, read_job
from bot.models import PullRef
from bot.queue import APPLICATION, connections, options_of
from bot.store import Store
from bot.takeover import announce, take_over

VERSION = "1"
"""Constant, so that jobs in flight go on after a deploy. The steps of a workflow keep their order, or this number changes."""

POLL = 0.25
"""Seconds between two looks at a queue."""

PER_INSTALLATION = 2
PER_WORKER = 4

STARTS = 5
"""How often one job is begun before it is parked: what kills its process must not do so for ever."""

WAITS = 50
"""How often in a row a job may ask to be run later before it is parked: a day, as the waits grow."""

LONGEST_WAIT = 1800.0

DATABASE_SECONDS = 10.0
"""How soon a job asks the database again that did not answer."""

REVIEW_SECONDS = 600.0

TELL_SECONDS = 60.0

TIDY, RECOVER = "17 3 * * *", "*/5 * * * *"
"""When to forget what is old, and when to look for what was missed: https://man7.org/linux/man-pages/man5/crontab.5.html"""

RETRIED: StepOptions = {"retries_allowed": True, "max_attempts": 4, "interval_seconds": 2.0, "backoff_rate": 3.0}

Sweep = Callable[[datetime | None, Any], Coroutine[Any, Any, None]]

jobs = Counter("asyncify_jobs", "Reviews and commands that were begun, by how they ended", ["kind", "result"])
job_seconds = Histogram(
    "asyncify_job_seconds", "How long a review or a command took", ["kind"], buckets=(1, 2, 5, 10, 30, 60, 300)
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Worker:
    """The end of the queue that runs reviews, on the event loop that starts it. One a process."""

    def __init__(self, url: str, store: Store, duties: Duties, poll: float = POLL) -> None:
        self._url, self._store, self._duties, self._poll = url, store, duties, poll
        self._lanes = Lanes(store)
        self._running: dict[asyncio.Task[Any], str] = {}
        self._reaper: asyncio.Task[None] | None = None
        self._held = ExitStack()

    async def start(self) -> Self:
        """Begin, and go on with what an earlier process left. Raises SettingsError where another process has the SQLite file."""
        shared = not self._url.startswith("sqlite")
        # No name of a process comes back, so the reaper alone decides who is dead. On SQLite the one process is always the same.
        me = uuid.uuid4().hex if shared else "local"
        lock = await announce(self._url, me) if shared else None
        if lock is None:
            self._held.enter_context(_sole_process(self._url))
        DBOS(config=self._config(me))
        tidy, recover = _register(self)
        DBOS.launch()  # on this loop, so that reviews run where the connections to GitHub live
        await self._open_queues()
        await DBOS.apply_schedules_async([_scheduled("tidy", tidy, TIDY), _scheduled("recover", recover, RECOVER)])
        await self._recover_now(shared=shared)
        if lock is not None:
            self._reaper = asyncio.create_task(take_over(self._url, me, lock, self))
        return self

    async def stop(self, seconds: int = 10) -> None:
        """Take no more jobs, give those that run some seconds, and leave the rest to the next process."""
        if seconds == 0:
            await self.let_go()
        loop, rest = asyncio.get_running_loop(), ThreadPoolExecutor(thread_name_prefix="asyncify")
        patience = seconds + 2 if seconds else 0  # what is cut off below still has to be seen to end
        destroyed = loop.run_in_executor(
            rest, lambda: DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=patience)
        )
        await asyncio.wait([destroyed], timeout=seconds)
        await self.let_go()
        if self._reaper is not None:  # until now others saw that the jobs are in good hands
            self._reaper.cancel()
            await asyncio.wait([self._reaper])
        await destroyed
        loop.set_default_executor(rest)  # DBOS put its own in its place, and that one is closed now
        self._held.close()

    def jobs(self) -> Collection[str]:
        """The ids of what runs."""
        return self._running.values()

    async def let_go(self) -> None:
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
            "sys_db_pool_size": connections(self._url),
        }

    async def _open_queues(self) -> None:
        poll = self._poll
        await DBOS.register_queue_async("deliveries", worker_concurrency=20, polling_interval_sec=poll)
        await DBOS.register_queue_async(
            "jobs", partition_concurrency=PER_INSTALLATION, worker_concurrency=PER_WORKER, polling_interval_sec=poll
        )
        await DBOS.register_queue_async("installations", partition_concurrency=1, polling_interval_sec=poll)
        await DBOS.register_queue_async("sweeps", global_concurrency=1, polling_interval_sec=1.0)

    async def _recover_now(self, *, shared: bool) -> None:
        """Look at once for what was missed while nobody was there; workers that start together do so once."""
        moment = int(time.time() / 60) if shared else time.time_ns()
        options: EnqueueOptions = {
            "workflow_name": "recover",
            "queue_name": "sweeps",
            "workflow_id": f"recover/{moment}",
        }
        await DBOS.enqueue_workflow_with_options_async(options, None, None)

    async def take(self, ref: PullRef, delivery: str) -> None:
        """Make sure that a review waits for this pull request which has not read its head yet, and that it waits no longer
        than it must.
        """
        job = Job(ref, delivery, turn=await self._generation(ref))
        while (status := await _step("status", _status, job.id)) in ENDED:
            # It ended just now, or an operator cancelled it before it began: its id names nothing that will run.
            await _step("skip", self._lanes.skip, job)
            job = replace(job, turn=await self._generation(ref))
        if status is None:
            await _enqueue(job)
        elif status == "DELAYED" and not await _step("silent", self._store.silent_for, ref.installation):
            await DBOS.set_workflow_delay_async(job.id, delay_seconds=0)

    async def run(self, job: Job) -> None:
        """Do the job within its lane, hand the lane on, and see to it that the job runs again where it asks to."""
        if not await self._has_lane(job):
            await self._acknowledge(job)
            return
        later: tuple[float, int] | None = None
        try:
            later = await self._work(job)
        except Exception as error:  # noqa: BLE001 -- `_park` logs it and tells of it
            await _step("park", self._park, job, _reason(error))
        for waiting in await _step("finish", self._lanes.finish, job):
            await _enqueue(read_job(waiting))
        if later is not None:
            (seconds, waits), turn = later, job.turn + 1
            if job.command is None:
                turn = await self._generation(job.ref)
            await _enqueue(replace(job, turn=turn, waits=waits), seconds)

    async def _has_lane(self, job: Job) -> bool:
        """Whether the job may begin. If not, it waits until the job ends that has its lane."""
        holder = await _step("begin", self._lanes.begin, job)
        if holder is None:
            return True
        if await _step("status", _status, holder) not in {*ENDED, None}:
            return False
        return await _step("take the lane", self._lanes.begin, job, holder) is None

    async def _acknowledge(self, job: Job) -> None:
        """Whoever gave the command sees that it was read; if that fails, they see it when its turn comes."""
        if job.command is None:
            return
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._duties.acknowledge(job)
        except Exception as error:  # noqa: BLE001 -- nothing is lost by it
            log.info("command not acknowledged", job=job.id, error=str(error))

    async def _work(self, job: Job) -> tuple[float, int] | None:
        """Do the job, again where it fails unexpectedly. Where it is to be run later: in how many seconds, and its `waits` then."""
        options: StepOptions = {
            **RETRIED,
            "name": "work",
            "timeout_seconds": REVIEW_SECONDS,
            "should_retry": _may_pass,
        }
        ref = job.ref
        with structlog.contextvars.bound_contextvars(
            job=job.id,
            delivery=job.delivery,
            installation=ref.installation,
            repository=ref.repository,
            pull_request=ref.number,
        ):
            return await DBOS.run_step_async(options, self._attempt, job)

    async def _attempt(self, job: Job) -> tuple[float, int] | None:
        try:
            return await self._begun(job)
        except sa.exc.OperationalError as error:
            log.warning("the database does not answer", exc_info=error)
            return _later(job, RetryLater(DATABASE_SECONDS, "The database does not answer."))

    async def _begun(self, job: Job) -> tuple[float, int] | None:
        if silence := await self._store.silent_for(job.ref.installation):
            return _put_off(job, silence, job.waits, "GitHub asked this installation to wait")
        starts = await self._lanes.count_start(job)
        if starts > STARTS:
            raise _ParkedError(f"It was begun {STARTS} times and never came to an end.")
        try:
            with job_seconds.labels(job.kind).time(), structlog.contextvars.bound_contextvars(attempt=starts):
                outcome = await self._do(job)
        except Limited as limited:
            silence = await self._store.silence(job.ref.installation, limited.seconds)
            return _put_off(job, silence, job.waits, limited.reason)
        except RetryLater as later:
            return _later(job, later)
        except Dropped as dropped:
            _ended(job, "dropped", reason=dropped.reason)
            return None
        except sa.exc.OperationalError:
            raise
        except Exception as error:
            jobs.labels(job.kind, "failed").inc()
            log.warning("job failed", start=starts, exc_info=error)
            raise
        _ended(job, "done", outcome=str(outcome))
        return None

    async def _do(self, job: Job) -> object:
        if job.command is None:
            return await self._duties.review(job.ref, job.delivery)
        return await self._duties.command(job.ref, job.delivery, job.command)

    async def _park(self, job: Job, reason: str) -> None:
        """Give a job up, and tell of it where people look."""
        jobs.labels(job.kind, "parked").inc()
        log.error("job parked", job=job.id, delivery=job.delivery, repository=job.ref.repository, reason=reason)
        await self._lanes.park(job, reason)
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._duties.give_up(job, reason)
        except Exception as error:
            log.warning("could not tell of a parked job", job=job.id, exc_info=error)

    async def update(self, change: InstallationChanged, delivery: str) -> None:
        """Learn how an installation stands, and drop the jobs that wait for what it no longer lets us see."""
        with structlog.contextvars.bound_contextvars(delivery=delivery, installation=change.installation):
            try:
                active = await _step("update", self._duties.update, change)
                dropped = await _step("drop jobs", drop_lost, change, active)
            except Exception:
                log.exception("installation not updated")
                raise
            log.info("installation updated", active=active, removed=len(change.removed), dropped_jobs=dropped)

    def track(self) -> None:
        """Count the present task among those that run."""
        task, job = asyncio.current_task(), DBOS.workflow_id
        assert task is not None  # noqa: S101 -- for the type checker: a coroutine runs in a task
        assert job is not None  # noqa: S101 -- and within a workflow
        self._running[task] = job
        task.add_done_callback(self._running.pop)

    async def tidy(self) -> None:
        """Forget the jobs that ended long ago or were those of an installation that left, and the facts and lanes that nobody uses."""
        jobs = await forget_ended(await self._store.departed())
        facts, lanes = await self._store.drop_unused(), await self._lanes.drop_unused()
        installations = await self._store.drop_departed_installations()
        log.info("tidied", jobs=jobs, facts=facts, lanes=lanes, installations=installations)

    async def recover(self) -> None:
        """Look for what was never delivered. A failure is told, and the next look makes up for it."""
        try:
            await self._duties.recover()
        except Exception as error:
            log.warning("could not look for missed deliveries", exc_info=error)

    async def _generation(self, ref: PullRef) -> int:
        return await _step("generation", self._lanes.generation, ref)


class _ParkedError(RuntimeError):
    """The job is not begun again."""


def _may_pass(error: BaseException) -> bool:
    return not isinstance(error, _ParkedError)


def _reason(error: Exception) -> str:
    """One sentence for people. What failed unexpectedly is a mistake of ours, and the log tells which."""
    if isinstance(error, _ParkedError):
        return str(error)
    return f"It failed {RETRIED['max_attempts']} times because of a mistake in asyncify."


def _later(job: Job, later: RetryLater) -> tuple[float, int]:
    """Run the job again, after a longer wait each time. Raises _ParkedError where it waited too often."""
    if job.waits >= WAITS:
        raise _ParkedError(f"It was put off {WAITS} times: {later.reason}") from later
    seconds = min(later.seconds * 2**job.waits, max(later.seconds, LONGEST_WAIT))
    return _put_off(job, seconds, job.waits + 1, later.reason)


def _put_off(job: Job, seconds: float, waits: int, reason: str) -> tuple[float, int]:
    _ended(job, "later", again_in=seconds, reason=reason)
    return seconds, waits


def _ended(job: Job, result: str, **words: object) -> None:
    jobs.labels(job.kind, result).inc()
    log.info("review ended", result=result, **words)


async def _enqueue(job: Job, delay: float | None = None) -> None:
    """Have the job done. One with the same id is left as it is."""
    await DBOS.enqueue_workflow_with_options_async(options_of(job, delay), asdict(job))


async def _step(name: str, do: Callable[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What `do` returns, asked once for each job. The name is stored with it, and so stays as it is."""
    return await DBOS.run_step_async({**RETRIED, "name": name}, _patient(do), *args, **kwargs)


def _patient(do: Callable[_P, Coroutine[Any, Any, _T]]) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """The same, which waits for the database as DBOS waits for it: without end."""

    async def done(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        while True:
            try:
                return await do(*args, **kwargs)
            except sa.exc.OperationalError as error:
                log.warning("the database does not answer", exc_info=error)
            await asyncio.sleep(DATABASE_SECONDS)

    return done


async def _status(job: str) -> str | None:
    """What the engine says of a job; None where it knows none of this id, or none any more."""
    status = await DBOS.get_workflow_status_async(job)
    return None if status is None else str(status.status)


def _scheduled(name: str, sweep: Sweep, cron: str) -> ScheduleInput:
    return {"schedule_name": name, "workflow_fn": sweep, "schedule": cron, "context": None, "queue_name": "sweeps"}


def _register(worker: Worker) -> tuple[Sweep, Sweep]:
    """Give the worker's parts the names under which jobs are stored. How often a job may begin is counted by the worker itself."""

    @DBOS.workflow(name="delivery", max_recovery_attempts=None)
    async def take(pull: dict[str, Any], delivery: str) -> None:
        worker.track()
        await worker.take(PullRef(**pull), delivery)

    @DBOS.workflow(name="job", max_recovery_attempts=None)
    async def run(job: dict[str, Any]) -> None:
        worker.track()
        await worker.run(read_job(job))

    @DBOS.workflow(name="installation", max_recovery_attempts=None)
    async def update(installation: dict[str, Any], delivery: str) -> None:
        worker.track()
        change = InstallationChanged(installation["installation"], tuple(installation["removed"]))
        await worker.update(change, delivery)

    @DBOS.workflow(name="tidy", max_recovery_attempts=None)
    async def tidy(_scheduled: datetime | None, _context: Any) -> None:
        worker.track()
        await _step("tidy", worker.tidy)

    @DBOS.workflow(name="recover", max_recovery_attempts=None)
    async def recover(_scheduled: datetime | None, _context: Any) -> None:
        worker.track()
        await _step("recover", worker.recover)

    return tidy, recover


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
