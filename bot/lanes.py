"""Lanes: of a pull request one job runs at a time. What finds its lane taken waits here until the job that has it is done.

Of several reviews one waits, since it reads the newest head when it begins; commands all wait. A lane outlives the process.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bot.models import PullRef
from bot.store import Store, in_thread, of, row_of, today

LANES_KEPT = timedelta(days=90)
"""How long the lane of a pull request is kept that nothing happens in, and a parked job that nobody released."""

REVIEW = ""
"""The name of a review in its lane. A command's is that of its delivery."""

_tables = sa.MetaData()

_pulls = sa.Table(
    "asyncify_pull_requests",
    _tables,
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("installation_id", sa.BigInteger),
    sa.Column("generation", sa.BigInteger),
    sa.Column("starts", sa.BigInteger),
    sa.Column("running", sa.Text),
    sa.Column("last_used", sa.Date),
)

_waiting = sa.Table(
    "asyncify_waiting",
    _tables,
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("installation_id", sa.BigInteger),
    sa.Column("job", sa.Text),
)

_parked = sa.Table(
    "asyncify_parked",
    _tables,
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("installation_id", sa.BigInteger),
    sa.Column("job", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("since", sa.BigInteger),
)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done for a pull request on behalf of a delivery: its review or, where there is one, a command.

    `turn` tells it from its earlier tries: for a review the generation of the pull request. `waits` counts how often in a row
    it asked to be run later.
    """

    ref: PullRef
    delivery: str
    command: Mapping[str, Any] | None = None
    turn: int = 0
    waits: int = 0

    @property
    def kind(self) -> str:
        return "review" if self.command is None else "command"

    @property
    def name(self) -> str:
        return REVIEW if self.command is None else self.delivery

    @property
    def id(self) -> str:
        if self.command is None:
            return f"review/{self.ref.installation}/{self.ref.repository_id}/{self.ref.number}/{self.turn}"
        return f"command/{self.ref.installation}/{self.delivery}/{self.turn}"


@dataclass(frozen=True, slots=True)
class Parked:
    """A job that was given up, why, and since when (in seconds since the epoch)."""

    job: Job
    reason: str
    since: int


def read_job(stored: Mapping[str, Any]) -> Job:
    """The job that `dataclasses.asdict` took apart."""
    return Job(**{**stored, "ref": PullRef(**stored["ref"])})


class Lanes:
    """The lanes of all pull requests, in the store's database. Each coroutine is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @in_thread
    def generation(self, ref: PullRef) -> int:
        """The turn of the next review of this pull request. It changes when a review begins, and only then."""
        with self._store.engine.begin() as connection:
            known = connection.scalar(sa.select(_pulls.c.generation).where(*of(_pulls, ref)))
            return int(known) if known is not None else self._open(connection, ref)

    @in_thread
    def begin(self, job: Job, dead: str | None = None) -> str | None:
        """Give the job its lane. None where it has it now, else the id of the job that has it, behind which it waits.

        From now on a push asks for another review. With `dead`, only the lane of that job is taken, which will never hand it on.
        """
        with self._store.engine.begin() as connection:
            running = self._lock(connection, job.ref)
            if job.command is None:
                self._claim(connection, job)
            if running not in {dead, job.id}:
                self._wait(connection, job)
                return running
            if running != job.id:
                self._set(connection, job.ref, running=job.id, starts=0)
            for table in (_waiting, _parked):
                connection.execute(sa.delete(table).where(*of(table, job.ref), table.c.name == job.name))
            return None

    @in_thread
    def skip(self, job: Job) -> None:
        """A review of this turn will never begin: the next one has another turn."""
        with self._store.engine.begin() as connection:
            self._claim(connection, job)

    @in_thread
    def count_start(self, job: Job) -> int:
        """How many times the job was started since it has its lane, this time included."""
        with self._store.engine.begin() as connection:
            mine = sa.update(_pulls).where(*of(_pulls, job.ref), _pulls.c.running == job.id)
            return int(connection.scalar(mine.values(starts=_pulls.c.starts + 1).returning(_pulls.c.starts)) or 1)

    @in_thread
    def finish(self, job: Job) -> list[dict[str, Any]]:
        """Leave the lane. The jobs that wait for it, as `dataclasses.asdict` makes them; they wait until they begin."""
        with self._store.engine.begin() as connection:
            if self._lock(connection, job.ref) == job.id:
                self._set(connection, job.ref, running=None)
            waiting = connection.scalars(sa.select(_waiting.c.job).where(*of(_waiting, job.ref))).all()
        return [json.loads(one) for one in waiting]

    @in_thread
    def park(self, job: Job, reason: str) -> None:
        """Remember a job that was given up, until one of the same name begins."""
        with self._store.engine.begin() as connection:
            told = {
                "job": json.dumps(asdict(job)),
                "reason": reason,
                "since": int(time.time()),
            }
            self._keep(connection, _parked, job, told)

    @in_thread
    def parked(self, limit: int = 100) -> list[Parked]:
        """The jobs that were given up, the latest first."""
        wanted = sa.select(_parked).order_by(_parked.c.since.desc()).limit(limit)
        with self._store.engine.connect() as connection:
            rows = connection.execute(wanted).all()
        return [Parked(read_job(json.loads(row.job)), row.reason, row.since) for row in rows]

    @in_thread
    def drop_unused(self) -> int:
        """Forget the lanes in which nothing happened for long, and what was parked as long ago; how many lanes they were."""
        old = _pulls.c.last_used < today() - LANES_KEPT
        with self._store.engine.begin() as connection:
            connection.execute(sa.delete(_parked).where(_parked.c.since < time.time() - LANES_KEPT.total_seconds()))
            return connection.execute(sa.delete(_pulls).where(old, _pulls.c.running.is_(None))).rowcount

    def _open(self, connection: sa.Connection, ref: PullRef) -> int:
        # Not 0: after a pull request was forgotten, old numbers would name jobs that are long done.
        row = row_of(ref) | {"generation": int(time.time()), "starts": 0, "last_used": today()}
        connection.execute(self._store.insert(_pulls).values(row).on_conflict_do_nothing())
        return int(connection.scalars(sa.select(_pulls.c.generation).where(*of(_pulls, ref))).one())

    def _lock(self, connection: sa.Connection, ref: PullRef) -> str | None:
        """The job that has the lane. Nobody else reads or changes the lane until the end of the transaction."""
        touch = sa.update(_pulls).where(*of(_pulls, ref)).values(last_used=today()).returning(_pulls.c.running)
        row = connection.execute(touch).first()
        if row is None:
            self._open(connection, ref)
            row = connection.execute(touch).one()
        return None if row.running is None else str(row.running)

    def _claim(self, connection: sa.Connection, job: Job) -> None:
        earlier = sa.update(_pulls).where(*of(_pulls, job.ref), _pulls.c.generation <= job.turn)
        connection.execute(earlier.values(generation=job.turn + 1))

    def _set(self, connection: sa.Connection, ref: PullRef, **values: Any) -> None:
        connection.execute(sa.update(_pulls).where(*of(_pulls, ref)).values(values))

    def _wait(self, connection: sa.Connection, job: Job) -> None:
        again = asdict(job) | {"turn": job.turn + 1}
        self._keep(connection, _waiting, job, {"job": json.dumps(again)})

    def _keep(self, connection: sa.Connection, table: sa.Table, job: Job, values: Mapping[str, Any]) -> None:
        insert = self._store.insert(table).values({**row_of(job.ref), "name": job.name, **values})
        connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=dict(values)))
