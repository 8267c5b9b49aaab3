"""Workers that die: each says that it is alive with a lock in the database, and the others take over what a dead one left.

A worker that is killed, or whose machine is gone, loses its connection and so its lock. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS

So does one that lives, where the database or the network fails. It lets go of its jobs before others take them for left: what runs
twice could say things twice. What it let go of, and what the failure made it forget, it takes up again.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Protocol

import psycopg
import structlog
from dbos import DBOS, WorkflowStatus
from psycopg import sql

REAP_SECONDS = 5.0
"""How often a worker looks whether its own lock still stands, and for workers that died."""

ANSWER_SECONDS = 5.0
"""How long it waits for what it asks the database there."""

PATIENCE_SECONDS = 4.0
"""How long a worker without its lock goes on with its jobs while it asks for the lock again: for less than the time between
two looks of the others, which take it for dead at the second.
"""

GRACE_SECONDS = 20.0
"""After everybody may have lost their locks, nobody is taken for dead for so long: for more than the three above together."""

IDLE, INTERVAL, COUNT = 10, 5, 3
"""Seconds, seconds and tries after which either end of a silent connection knows that the other is gone: 25 s."""

STRANDED_SECONDS = 15.0
"""How long a job may be this worker's by the database, and yet nothing that it is at."""

Claim = tuple[str, int | None]
"""The id of a job, and when it was taken from its queue."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def announce(url: str, executor: str) -> psycopg.AsyncConnection:
    """A connection that says, for as long as it is open, that this executor is alive."""
    connection = await psycopg.AsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=5,
        keepalives_idle=IDLE,
        keepalives_interval=INTERVAL,
        keepalives_count=COUNT,
    )
    try:
        # The other end is the one that frees the lock.
        for name, value in (("idle", IDLE), ("interval", INTERVAL), ("count", COUNT)):
            await connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(f"tcp_keepalives_{name}"), value))
        # Shared, so that a new connection takes it before the old one is closed.
        await connection.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 0))", (_alive(executor),))
    except BaseException:
        await connection.close()
        raise
    return connection


class AtWork(Protocol):
    """What a worker is at."""

    def jobs(self) -> Collection[str]:
        """Their ids."""

    async def let_go(self) -> None:
        """Cut them off."""


def _alive(executor: str) -> str:
    return f"asyncify worker {executor}"


async def take_over(url: str, me: str, connection: psycopg.AsyncConnection, mine: AtWork) -> None:
    """Hand the jobs of dead workers back to their queues, until it is cancelled: from then on this worker counts as dead."""
    reap_from = 0.0
    try:
        while True:
            try:
                await _watch(me, connection, mine, reap_from)
            except Exception as error:
                log.warning("lost the lock that says that this worker is alive", exc_info=error)
            doubtful = connection
            connection = await _announce_again(url, me, mine)  # and only then gives up what may still be a lock
            await doubtful.close()
            reap_from = time.monotonic() + GRACE_SECONDS
    finally:
        await connection.close()


async def _watch(me: str, connection: psycopg.AsyncConnection, mine: AtWork, reap_from: float) -> None:
    """Look again and again. Raises where our own lock may be lost."""
    suspects: Collection[str] = ()
    since: Mapping[Claim, float] = {}
    while True:
        answer_by = asyncio.get_running_loop().time() + ANSWER_SECONDS
        async with asyncio.timeout_at(answer_by):
            all_have_locks = await _is_long_up(connection) and time.monotonic() >= reap_from
        try:
            async with asyncio.timeout_at(answer_by):
                running = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
                others = {job.executor_id or "" for job in running} - {me} if all_have_locks else set()
                suspects = await _resume_jobs_of_the_dead(others, suspects, connection)
                since = await _resume_stranded([job for job in running if job.executor_id == me], mine, since)
        except Exception as error:
            suspects = ()  # our own lock may stand all the same
            log.warning("could not look for jobs that nobody is at", exc_info=error)
        await _wait(connection)


async def _wait(connection: psycopg.AsyncConnection) -> None:
    """Until it is time to look again, or something comes unasked: that is the end of the connection."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    number = connection.fileno()
    loop.add_reader(number, news.set)
    try:
        async with asyncio.timeout(REAP_SECONDS):
            await news.wait()
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(number)


async def _is_long_up(connection: psycopg.AsyncConnection) -> bool:
    """Whether the database is there for long enough that everybody has a lock who lives. Raises where our own is lost."""
    question = "SELECT now() - pg_postmaster_start_time() > make_interval(secs => %s)"
    row = await (await connection.execute(question, (GRACE_SECONDS,))).fetchone()
    return row is not None and bool(row[0])


async def _announce_again(url: str, me: str, mine: AtWork) -> psycopg.AsyncConnection:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _announce_at_last(url, me)
    except TimeoutError:
        await mine.let_go()
    return await _announce_at_last(url, me)


async def _announce_at_last(url: str, me: str) -> psycopg.AsyncConnection:
    while True:
        with suppress(psycopg.OperationalError):
            return await announce(url, me)
        await asyncio.sleep(1)


async def _resume_stranded(
    running: Collection[WorkflowStatus], mine: AtWork, since: Mapping[Claim, float]
) -> dict[Claim, float]:
    """Hand back the jobs that were nobody's for long enough. Since when each of them is."""
    now, claims = time.monotonic(), {(job.workflow_id, job.dequeued_at): job for job in running}
    stranded = nobodys(claims, mine.jobs(), since, now)
    for claim, begin in stranded.items():
        if now - begin >= STRANDED_SECONDS:
            await _resume(claims[claim], "took up again what was let go of")
    return stranded


def nobodys(
    claims: Iterable[Claim], busy: Collection[str], since: Mapping[Claim, float], now: float
) -> dict[Claim, float]:
    """The claims of a worker that is not at them, and since when: what was handed back and claimed anew is new."""
    return {claim: since.get(claim, now) for claim in claims if claim[0] not in busy}


async def _resume_jobs_of_the_dead(
    executors: Iterable[str], suspects: Collection[str], connection: psycopg.AsyncConnection
) -> set[str]:
    """Hand back the jobs of who has no lock for the second time in a row. Who has none now.

    Who lives and lost it knows at once, and has a new one, or none of its jobs any more, by the time of the second look.
    """
    dead = set[str]()
    for executor in executors:
        async with connection.transaction():
            if await _is_dead(executor, connection):
                dead.add(executor)
                if executor in suspects:
                    await _resume_jobs_of(executor)
    return dead


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
        await _resume(job, "took over from a dead worker")


async def _resume(job: WorkflowStatus, why: str) -> None:
    await DBOS.resume_workflows_async([job.workflow_id], queue_name=job.queue_name)
    log.warning(why, job=job.workflow_id)
