"""Workers that die: each says that it is alive with a lock in the database, and the others take over what a dead one left.

A worker that is killed, or whose machine is gone, loses its connection and so its lock. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import asyncio
from contextlib import suppress

import psycopg
import structlog
from dbos import DBOS

REAP_SECONDS = 5.0
"""How often a worker looks for workers that died."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def announce(url: str, executor: str) -> psycopg.AsyncConnection:
    """A connection that says, for as long as it is open, that this executor is alive."""
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, keepalives_idle=10)
    await connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (_alive(executor),))
    return connection


def _alive(executor: str) -> str:
    return f"asyncify worker {executor}"


async def take_over(url: str, me: str, connection: psycopg.AsyncConnection) -> None:
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
            return await announce(url, me)


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
