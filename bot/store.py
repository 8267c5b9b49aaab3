"""What is kept of repositories and installations, in the database that `DATABASE_URL` names."""

import asyncio
import math
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from itertools import islice
from typing import Any, ParamSpec, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.models import Mute, PullRef

_P = ParamSpec("_P")
_T = TypeVar("_T")

BATCH = 500
"""Rows a statement: far below the variables that either database allows in one."""

DEPARTED_KEPT = timedelta(days=8)
"""How long it is remembered that an installation is gone: as long as a delivery of it can still come."""

ANSWERS = 10
"""How many answers somebody gets in an hour, in one pull request."""

FACTS_KEPT = timedelta(days=30)
"""How long facts are kept that no review asked for."""

ANSWERS_KEPT = timedelta(days=90)
"""How long it is kept that somebody was answered."""

_OF_INSTALLATIONS = tuple(
    sa.table(name, sa.column("installation_id"))
    for name in ("asyncify_silences", "asyncify_writes", "asyncify_comments")
)

_OF_PULL_REQUESTS = tuple(
    sa.table(name, sa.column("installation_id"), sa.column("repository_id"))
    for name in ("asyncify_pull_requests", "asyncify_waiting", "asyncify_parked")
)

_tables = sa.MetaData()

_facts = sa.Table(
    "asyncify_facts",
    _tables,
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("engine_version", sa.Text, primary_key=True),
    sa.Column("blob_sha", sa.Text, primary_key=True),
    sa.Column("installation_id", sa.BigInteger),
    sa.Column("last_used", sa.Date),
    sa.Column("facts", sa.LargeBinary),
)

_installations = sa.Table(
    "asyncify_installations",
    _tables,
    sa.Column("installation_id", sa.BigInteger, primary_key=True),
    sa.Column("changes", sa.BigInteger),
    sa.Column("active", sa.Boolean),
    sa.Column("last_changed", sa.Date),
    sa.Column("away_since", sa.BigInteger),
)

_silences = sa.Table(
    "asyncify_silences",
    _tables,
    sa.Column("installation_id", sa.BigInteger, primary_key=True),
    sa.Column("silent_until", sa.BigInteger),
)

_progress = sa.Table(
    "asyncify_progress",
    _tables,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("reached", sa.BigInteger),
)


_mutes = sa.Table(
    "asyncify_mutes",
    _tables,
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("installation_id", sa.BigInteger),
    sa.Column("kin", sa.Text),
    sa.Column("path", sa.Text),
)

_answers = sa.Table(
    "asyncify_answers",
    _tables,
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("installation_id", sa.BigInteger),
    sa.Column("login", sa.Text),
    sa.Column("refusal", sa.Boolean),
    sa.Column("given", sa.BigInteger),
)

_closed_threads = sa.Table(
    "asyncify_closed_threads",
    _tables,
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("thread", sa.Text, primary_key=True),
    sa.Column("installation_id", sa.BigInteger),
)


def in_thread(work: Callable[_P, _T]) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """A coroutine function that runs its statements in a worker thread; the event loop does not wait for the database."""

    @wraps(work)
    async def done(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await asyncio.to_thread(work, *args, **kwargs)

    return done


class Store:
    """What the bot remembers between reviews."""

    def __init__(self, url: str) -> None:
        self.engine = _connect(url)

    @in_thread
    def close(self) -> None:
        self.engine.dispose()

    @in_thread
    def check(self) -> None:
        """Ask the database for something of ours. Raises sqlalchemy.exc.SQLAlchemyError where it cannot answer."""
        with self.engine.connect() as connection:
            connection.execute(sa.select(_progress.c.name).limit(1))

    @in_thread
    def silence(self, installation: int, seconds: float) -> float:
        """GitHub wants to hear nothing from this installation for so many seconds, whichever process would ask.

        Returns for how many it is to be left alone: the end is kept in whole seconds.
        """
        now = time.time()
        end = math.ceil(now + seconds)
        self._put(_silences, installation, end)
        return end - now

    @in_thread
    def silent_for(self, installation: int) -> float:
        """Seconds for which this installation is to be left alone; 0 where it is not."""
        until = self._get(_silences, installation)
        return max(0.0, (until or 0) - time.time())

    @in_thread
    def reached(self, name: str) -> int | None:
        """How far what is called `name` has come, as `reach` was told; None where it never began."""
        return self._get(_progress, name)

    @in_thread
    def reach(self, name: str, point: int) -> None:
        """Remember how far what is called `name` has come."""
        self._put(_progress, name, point)

    @in_thread
    def facts(self, repository_id: int, version: str, shas: Collection[str]) -> dict[str, bytes]:
        """Facts by blob SHA, as `keep_facts` got them under the same engine version; unknown ones are left out."""
        found: dict[str, bytes] = {}
        with self.engine.begin() as connection:
            for batch in batches(shas):
                ours = (
                    _facts.c.repository_id == repository_id,
                    _facts.c.engine_version == version,
                    _facts.c.blob_sha.in_(batch),
                )
                rows = connection.execute(
                    sa.select(_facts.c.blob_sha, _facts.c.facts, _facts.c.last_used).where(*ours)
                ).all()
                found |= {row.blob_sha: row.facts for row in rows}
                if any(row.last_used < today() for row in rows):
                    connection.execute(sa.update(_facts).where(*ours).values(last_used=today()))
        return found

    @in_thread
    def keep_facts(self, installation: int, repository_id: int, version: str, facts: Mapping[str, bytes]) -> None:
        """Keep encoded facts by blob SHA, to be forgotten with the repository or its installation."""
        insert = self.insert(_facts)
        insert = insert.on_conflict_do_update(
            index_elements=list(_facts.primary_key),
            set_={name: insert.excluded[name] for name in ("installation_id", "last_used", "facts")},
        )
        with self.engine.begin() as connection:
            for batch in batches(sorted(facts)):  # in one order everywhere, or two processes could wait for each other
                rows = [(repository_id, version, sha, installation, today(), facts[sha]) for sha in batch]
                connection.execute(insert.values(rows))

    @in_thread
    def mutes(self, ref: PullRef) -> list[Mute]:
        """What people do not want to hear of in a pull request."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(_mutes).where(*of(_mutes, ref)).order_by(_mutes.c.name)).all()
        return [Mute(row.name, row.kin, row.path) for row in rows]

    @in_thread
    def mute(self, ref: PullRef, mutes: Iterable[Mute]) -> None:
        """Say no more of these in a pull request. Doing so twice changes nothing."""
        rows = [row_of(ref) | {**asdict(mute)} for mute in mutes]
        with self.engine.begin() as connection:
            for row in rows:
                connection.execute(self.insert(_mutes).values(row).on_conflict_do_nothing())

    @in_thread
    def unmute(self, ref: PullRef, name: str) -> None:
        """Speak of it again."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(_mutes).where(*of(_mutes, ref), _mutes.c.name == name))

    @in_thread
    def closed_threads(self, ref: PullRef) -> frozenset[str]:
        """The threads (by node id) that were seen closed in a pull request and that we did not open again ourselves."""
        with self.engine.connect() as connection:
            found = sa.select(_closed_threads.c.thread).where(*of(_closed_threads, ref))
            return frozenset(connection.scalars(found))

    @in_thread
    def note_closed(self, ref: PullRef, threads: Collection[str]) -> None:
        """Remember that these threads were closed, by whomever."""
        with self.engine.begin() as connection:
            for thread in sorted(threads):
                row = row_of(ref) | {"thread": thread}
                connection.execute(self.insert(_closed_threads).values(row).on_conflict_do_nothing())

    @in_thread
    def note_opened(self, ref: PullRef, threads: Collection[str]) -> None:
        """Forget that these threads were closed, since we open them ourselves."""
        those = (*of(_closed_threads, ref), _closed_threads.c.thread.in_(sorted(threads)))
        with self.engine.begin() as connection:
            connection.execute(sa.delete(_closed_threads).where(*those))

    @in_thread
    def may_answer(self, ref: PullRef, name: str, login: str, *, refusal: bool) -> bool:
        """Whether somebody gets one more answer in a pull request; it is counted. The same answer (by `name`) counts once.

        `ANSWERS` an hour, and one that refuses.
        """
        now, mine = int(time.time()), (*of(_answers, ref), _answers.c.login == login)
        with self.engine.begin() as connection:
            if connection.scalar(sa.select(_answers.c.name).where(*of(_answers, ref), _answers.c.name == name)):
                return True
            given = sa.select(sa.func.count()).select_from(_answers).where(*mine)
            recent = connection.scalar(given.where(_answers.c.given > now - 3600)) or 0
            refused = connection.scalar(given.where(_answers.c.refusal)) or 0
            if recent >= ANSWERS or (refusal and refused):
                return False
            row = row_of(ref) | {"name": name, "login": login}
            connection.execute(self.insert(_answers).values(row | {"refusal": refusal, "given": now}))
            return True

    @in_thread
    def installation(self, installation: int) -> tuple[int, bool]:
        """How often an installation is known to have changed, and whether we may still work for it."""
        known = sa.select(_installations.c.changes, _installations.c.active)
        with self.engine.connect() as connection:
            row = connection.execute(known.where(_installations.c.installation_id == installation)).one_or_none()
        return (int(row.changes), bool(row.active)) if row else (0, True)

    @in_thread
    def change_installation(self, installation: int, *, active: bool, gone: bool = False) -> None:
        """Count one more change of an installation, for all processes to see. One that is `gone` does not come back."""
        left = None if active or gone else int(time.time())
        now = {"active": active, "last_changed": today()}
        changed = self.insert(_installations).values(
            installation_id=installation, changes=int(time.time()), away_since=left, **now
        )
        counted = changed.on_conflict_do_update(
            index_elements=list(_installations.primary_key),
            set_={
                "changes": _installations.c.changes + 1,
                "away_since": None if gone else sa.func.coalesce(_installations.c.away_since, left),
                **now,
            },
        )
        with self.engine.begin() as connection:
            connection.execute(counted)

    @in_thread
    def away_since(self, installation: int) -> int | None:
        """When it was learned that it is suspended, in seconds since the epoch, until `caught_up` is told; else None."""
        with self.engine.connect() as connection:
            return connection.scalar(
                sa.select(_installations.c.away_since).where(_installations.c.installation_id == installation)
            )

    @in_thread
    def caught_up(self, installation: int) -> None:
        """What was missed while an installation was suspended is taken care of."""
        done = sa.update(_installations).where(_installations.c.installation_id == installation)
        with self.engine.begin() as connection:
            connection.execute(done.values(away_since=None))

    @in_thread
    def drop_departed_installations(self) -> int:
        """Forget that installations are gone which left long ago; how many they were. Those that are suspended may come back."""
        gone = sa.and_(~_installations.c.active, _installations.c.away_since.is_(None))
        old = sa.and_(gone, _installations.c.last_changed < today() - DEPARTED_KEPT)
        with self.engine.begin() as connection:
            return connection.execute(sa.delete(_installations).where(old)).rowcount

    @in_thread
    def forget_installation(self, installation: int) -> None:
        """Delete all that came from one installation."""
        self._forget("installation_id", installation)

    @in_thread
    def forget_repository(self, repository_id: int) -> None:
        """Delete all that came from one repository."""
        self._forget("repository_id", repository_id)

    @in_thread
    def departed(self) -> list[int]:
        """The installations that are known to be suspended or gone."""
        with self.engine.connect() as connection:
            gone = sa.select(_installations.c.installation_id).where(~_installations.c.active)
            return list(connection.scalars(gone))

    @in_thread
    def drop_unused(self) -> int:
        """Delete the facts that no review asked for in 30 days, and answers of long ago; how many facts they were."""
        with self.engine.begin() as connection:
            old = time.time() - ANSWERS_KEPT.total_seconds()
            connection.execute(sa.delete(_answers).where(_answers.c.given < old))
            return connection.execute(sa.delete(_facts).where(_facts.c.last_used < today() - FACTS_KEPT)).rowcount

    def _get(self, table: sa.Table, key: int | str) -> int | None:
        name, value = table.columns
        with self.engine.connect() as connection:
            return connection.scalar(sa.select(value).where(name == key))

    def _put(self, table: sa.Table, key: int | str, point: int) -> None:
        name, value = table.columns
        insert = self.insert(table).values({name: key, value: point})
        with self.engine.begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=[name], set_={value: point}))

    def _forget(self, column: str, value: int) -> None:
        with self.engine.begin() as connection:
            if column == "installation_id":
                for table in _OF_INSTALLATIONS:
                    connection.execute(sa.delete(table).where(table.c.installation_id == value))
            for table in (_facts, _mutes, _answers, _closed_threads, *_OF_PULL_REQUESTS):
                connection.execute(sa.delete(table).where(table.c[column] == value))

    def insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        return sqlite.insert(table) if self.engine.dialect.name == "sqlite" else postgresql.insert(table)


def _connect(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed)
        sa.event.listen(engine, "connect", _tune_sqlite)
        return engine
    return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)


@sa.event.listens_for(sa.Engine, "handle_error")
def _know_lost_connections(failure: sa.ExceptionContext) -> None:
    """Every connection that cannot be made counts as lost: DBOS waits for what is lost, and fails at all else."""
    if failure.connection is None and isinstance(failure.original_exception, psycopg.OperationalError):
        failure.is_disconnect = True


def _tune_sqlite(connection: Any, _record: object) -> None:
    """Readers beside one writer, writers that wait for each other (https://sqlite.org/wal.html). The mode stays with the file."""
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA journal_mode=WAL")


def of(table: sa.Table, ref: PullRef) -> tuple[sa.ColumnElement[bool], ...]:
    """What the rows of a table hold that speak of one pull request."""
    return table.c.repository_id == ref.repository_id, table.c.number == ref.number


def row_of(ref: PullRef) -> dict[str, Any]:
    """The columns of a row that tell of which pull request it speaks."""
    return {"repository_id": ref.repository_id, "number": ref.number, "installation_id": ref.installation}


def batches(names: Iterable[str]) -> Iterator[Sequence[str]]:
    """The names, as many at once as a statement takes."""
    rest = iter(names)
    while batch := list(islice(rest, BATCH)):
        yield batch


def today() -> date:
    """The day that rows were last used on, by the clock of UTC."""
    return datetime.now(UTC).date()
