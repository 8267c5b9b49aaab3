"""The queue: a stored delivery becomes at most one waiting review of its pull request, and jobs survive the process.

With `worker` and `takeover` the only module that knows DBOS (https://docs.dbos.dev/python). Two queues, one after the other:

- `deliveries`: the id of the delivery is the id of the workflow, so that the same delivery twice is one.
- `jobs`: a few at a time for each installation, and for this process; commands before reviews. The id of a review holds the
  generation of its pull request, which moves on when a review begins: whatever is pushed before that falls to the review that
  waits, and it asks GitHub for the head only afterwards. What finds its pull request busy waits in its lane (`lanes`).

A job may run more than once, after a crash or a failure. What it does must bear that.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from itertools import chain
from typing import Any

import msgspec
import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from dbos import error as dbos_error

from bot import schema
from bot.errors import NotStored
from bot.events import Asked, InstallationChanged, Requested
from bot.lanes import Job, Lanes, Parked
from bot.models import PullRef
from bot.store import Store, batches, in_thread

APPLICATION = "asyncify"

COMMAND, REVIEW = 1, 2
"""Priorities: the smaller number goes first."""

STORE_SECONDS = 8.0
"""GitHub waits 10 seconds for an answer (https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks)."""

MOST_WAITING = 100_000
"""Jobs that may wait before deliveries are refused: GitHub keeps them for us, and the disk stays bounded."""

COUNT_SECONDS = 5.0
"""How long it is believed how many jobs wait, and which are parked."""


def migrate(url: str, store: Store) -> None:
    """Bring the tables of the queue and of the store up to date. Blocks; any number of processes may do so at the same time."""
    with schema.alone(store.engine):
        schema.migrate(store.engine)
        DBOS.migrate(url)


class Deliveries:
    """The end of the queue that takes in: it stores what was delivered and runs nothing."""

    def __init__(self, url: str, store: Store) -> None:
        """Connects, and so blocks. The tables must be there (`migrate`)."""
        self._store, self._lanes = store, Lanes(store)
        self._schema = "" if url.startswith("sqlite") else "dbos."
        self._waiting, self._parked, self._counted = 0, dict[str, Parked](), float("-inf")
        self._client = DBOSClient(
            system_database_url=url,
            application_name=APPLICATION,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
            system_database_pool_size=connections(url),
        )

    async def enqueue(self, delivery: str, event: Requested) -> None:
        """Store what a delivery asks for: when this returns, it will be done. The same delivery twice is one.

        A delivery whose job was parked is sent again to release it. Raises NotStored.
        """
        if isinstance(event, Asked):
            await self.enqueue_command(delivery, event.ref, msgspec.to_builtins(event))
            return
        async with self._storing():
            parked = self._parked.get(delivery)
            again = f"/{parked.since}" if parked else ""
            about = event if isinstance(event, InstallationChanged) else event.ref
            options: EnqueueOptions = {
                "workflow_name": "delivery",
                "queue_name": "deliveries",
                "workflow_id": f"delivery/{about.installation}/{delivery}{again}",
            }
            if isinstance(event, InstallationChanged):
                # What changes one installation is done one by one, like what changes one pull request.
                key = str(event.installation)
                options |= {
                    "workflow_name": "installation",
                    "queue_name": "installations",
                    "queue_partition_key": key,
                }
            await self._client.enqueue_async(options, asdict(about), delivery)

    async def enqueue_command(self, delivery: str, ref: PullRef, command: Mapping[str, Any]) -> None:
        """Store a command, given as JSON: it is done before all reviews, and after those given earlier. The same delivery
        twice is one.

        Raises NotStored.
        """
        async with self._storing():
            parked = self._parked.get(delivery)
            job = Job(ref, delivery, command, parked.job.turn + 1 if parked else 0)
            await self._client.enqueue_async(options_of(job), asdict(job))

    @in_thread
    def held(self, deliveries: Collection[tuple[int, str]]) -> frozenset[str]:
        """The ids of those deliveries, given by installation and id, that are stored."""
        names = {name: delivery for installation, delivery in deliveries for name in _names(installation, delivery)}
        job: sa.ColumnClause[str] = sa.column("workflow_uuid")
        held = sa.select(job).select_from(sa.text(f"{self._schema}workflow_status"))
        with self._store.engine.connect() as connection:
            found = [connection.scalars(held.where(job.in_(batch))).all() for batch in batches(names)]
        return frozenset(names[name] for name in chain.from_iterable(found))

    @in_thread
    def jobs(self) -> Mapping[str, int]:
        """How many jobs wait, run and are parked."""
        work = f"SELECT count(*) FROM {self._schema}workflow_status WHERE"  # noqa: S608 -- the schema is one of two names above
        counted = {
            "waiting": f"{work} status IN ('ENQUEUED', 'DELAYED') AND queue_name IN ('deliveries', 'jobs')",
            "running": f"{work} status = 'PENDING' AND queue_name = 'jobs'",
            "parked": "SELECT count(*) FROM asyncify_parked",
        }
        with self._store.engine.connect() as connection:
            return {state: connection.scalar(sa.text(query)) or 0 for state, query in counted.items()}

    @in_thread
    def oldest(self) -> float:
        """For how many seconds the oldest job has waited that may begin now; 0 where none does."""
        work = (
            f"SELECT min(created_at) FROM {self._schema}workflow_status"  # noqa: S608 -- the schema is one of two names above
            " WHERE status = 'ENQUEUED' AND queue_name IN ('deliveries', 'jobs')"
        )
        with self._store.engine.connect() as connection:
            since = connection.scalar(sa.text(work))  # in milliseconds
        return max(0.0, time.time() - since / 1000) if since else 0.0

    @in_thread
    def close(self) -> None:
        self._client.destroy()

    @asynccontextmanager
    async def _storing(self) -> AsyncIterator[None]:
        """Raises NotStored where the database fails, is too slow, or holds too much already."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._look()
                yield
        except (dbos_error.DBOSException, sa.exc.SQLAlchemyError, TimeoutError) as error:
            raise NotStored(str(error)) from error

    async def _look(self) -> None:
        """Learn, now and then, how many jobs wait and which are parked."""
        if time.monotonic() - self._counted > COUNT_SECONDS:
            self._counted = time.monotonic()
            self._waiting = (await self.jobs())["waiting"]
            self._parked = {one.job.delivery: one for one in await self._lanes.parked(limit=10_000)}
        if self._waiting >= MOST_WAITING:
            raise NotStored(f"{self._waiting} jobs wait already")


def _names(installation: int, delivery: str) -> tuple[str, str]:
    """The ids of what a delivery may have been stored as."""
    return f"delivery/{installation}/{delivery}", f"command/{installation}/{delivery}/0"


def options_of(job: Job, delay: float | None = None) -> EnqueueOptions:
    """How a job is put into the queue, to begin in `delay` seconds at the earliest."""
    options: EnqueueOptions = {
        "workflow_name": "job",
        "queue_name": "jobs",
        "workflow_id": job.id,
        "queue_partition_key": str(job.ref.installation),
        "priority": REVIEW if job.command is None else COMMAND,
    }
    if delay is not None:
        options["delay_seconds"] = delay
    return options


def prefixes(installation: int) -> list[str]:
    """How the ids of all that is done for an installation begin."""
    return [f"{kind}/{installation}/" for kind in ("delivery", "review", "command")]


def connections(url: str) -> int | None:
    """How many connections to open, None for as many as DBOS likes.

    SQLite has one writer at a time, and who finds it busy sleeps before it looks again: threads that queue for one connection wait for
    less. Measured at 20 deliveries a second with reviews running: p99 0.05-0.1 s instead of 0.4 s.
    """
    return 1 if url.startswith("sqlite") else None
