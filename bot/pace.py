"""How fast an installation is written to. GitHub counts what all of our processes write, and so does the database that they share.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""

import time

import sqlalchemy as sa

from bot.errors import Limited
from bot.store import Store, in_thread

COMMENTS_AN_HOUR = 300
"""Reviews and comments of an installation. GitHub allows 500, those made by people included."""
HOUR = 3600.0
SLOW_FOR = 3600.0
"""After a limit, an installation is written to half as fast for so many seconds."""
LONGEST_SILENCE = 900.0
"""Up to which the silence grows where GitHub refuses again and again."""
MOST_TURNS = 10
"""Writes of an installation that wait for their turn at a time. A row that tells of more was written by a clock that is wrong."""

_tables = sa.MetaData()

_writes = sa.Table(
    "asyncify_writes",
    _tables,
    sa.Column("installation_id", sa.BigInteger, primary_key=True),
    sa.Column("next_write", sa.BigInteger),
    sa.Column("slow_until", sa.BigInteger),
    sa.Column("limits", sa.BigInteger),
)

_comments = sa.Table(
    "asyncify_comments",
    _tables,
    sa.Column("installation_id", sa.BigInteger),
    sa.Column("written", sa.BigInteger),
)


class Pace:
    """The pace of all installations, in the store's database. Times there are milliseconds since the epoch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._limited_now = set[int]()

    @in_thread
    def turn(self, installation: int, gap: float, *, comment: bool) -> float:
        """Take the next turn to write. Seconds until it comes, `gap` after the one before, and twice that after a limit.

        Raises Limited where the hour has enough comments.
        """
        now = time.time()
        with self._store.engine.begin() as connection:
            row = connection.execute(self._touch(installation)).one()  # nobody else has a turn until the end
            step = gap * (2 if row.slow_until > now * 1000 else 1)
            wait: float = min(max(row.next_write / 1000 - now, 0.0), MOST_TURNS * step)
            after = int((now + wait + step) * 1000)
            connection.execute(sa.update(_writes).where(_of(_writes, installation)).values(next_write=after))
            if comment:
                _count(connection, installation, now)
        if row.limits:
            self._limited_now.add(installation)
        return wait

    @in_thread
    def limited(self, installation: int, seconds: float) -> float:
        """GitHub wants silence for so many seconds. For how many it is kept: for more each time in a row, up to a bound."""
        now = time.time()
        with self._store.engine.begin() as connection:
            row = connection.execute(self._touch(installation)).one()
            seconds = max(seconds, min(seconds * 2.0**row.limits, LONGEST_SILENCE))
            values = {"limits": row.limits + 1, "slow_until": int((now + seconds + SLOW_FOR) * 1000)}
            connection.execute(sa.update(_writes).where(_of(_writes, installation)).values(values))
        return seconds

    async def passed(self, installation: int) -> None:
        """GitHub took a write: the next limit is the first in a row."""
        if installation in self._limited_now:
            self._limited_now.discard(installation)
            await self._begin_anew(installation)

    @in_thread
    def _begin_anew(self, installation: int) -> None:
        with self._store.engine.begin() as connection:
            connection.execute(sa.update(_writes).where(_of(_writes, installation)).values(limits=0))

    def _touch(self, installation: int) -> sa.Executable:
        """Makes the row of an installation where there is none, locks it, and gives it back."""
        row = {"installation_id": installation, "next_write": 0, "slow_until": 0, "limits": 0}
        touched = self._store.insert(_writes).values(row)
        same = {"installation_id": touched.excluded.installation_id}
        return touched.on_conflict_do_update(index_elements=[_writes.c.installation_id], set_=same).returning(_writes)


def _count(connection: sa.Connection, installation: int, now: float) -> None:
    ours, old = _of(_comments, installation), int((now - HOUR) * 1000)
    connection.execute(sa.delete(_comments).where(ours, _comments.c.written <= old))
    written = sa.select(sa.func.count(), sa.func.min(_comments.c.written)).where(ours)
    count, oldest = connection.execute(written).one()
    if count >= COMMENTS_AN_HOUR:
        raise Limited(oldest / 1000 + HOUR - now, "this installation wrote as much in an hour as it may")
    connection.execute(sa.insert(_comments).values(installation_id=installation, written=int(now * 1000)))


def _of(table: sa.Table, installation: int) -> sa.ColumnElement[bool]:
    return table.c.installation_id == installation
