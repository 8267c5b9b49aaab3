"""The schema of our own tables, which moves forward only.

Each entry of `MIGRATIONS` is applied once, in order, and never changed after it was released.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

MIGRATION_LOCK = 0x6173796E63
"""The advisory lock that the one migrating process holds on PostgreSQL."""

# One text serves both: SQLite takes any name of a type, and keeps bytes as bytes.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE asyncify_pull_requests (
            repository_id BIGINT NOT NULL,
            number BIGINT NOT NULL,
            installation_id BIGINT NOT NULL,
            generation BIGINT NOT NULL,
            starts BIGINT NOT NULL,
            PRIMARY KEY (repository_id, number)
        )""",
        """CREATE TABLE asyncify_facts (
            repository_id BIGINT NOT NULL,
            engine_version TEXT NOT NULL,
            blob_sha TEXT NOT NULL,
            installation_id BIGINT NOT NULL,
            last_used DATE NOT NULL,
            facts BYTEA NOT NULL,
            PRIMARY KEY (repository_id, engine_version, blob_sha)
        )""",
        "CREATE INDEX asyncify_facts_installation ON asyncify_facts (installation_id)",
        "CREATE INDEX asyncify_facts_last_used ON asyncify_facts (last_used)",
    ),
    (
        """CREATE TABLE asyncify_installations (
            installation_id BIGINT NOT NULL,
            changes BIGINT NOT NULL,
            active BOOLEAN NOT NULL,
            last_changed DATE NOT NULL,
            PRIMARY KEY (installation_id)
        )""",
    ),
    (
        "ALTER TABLE asyncify_pull_requests ADD COLUMN running TEXT",
        "ALTER TABLE asyncify_pull_requests ADD COLUMN last_used DATE",
        """CREATE TABLE asyncify_waiting (
            repository_id BIGINT NOT NULL,
            number BIGINT NOT NULL,
            name TEXT NOT NULL,
            installation_id BIGINT NOT NULL,
            job TEXT NOT NULL,
            PRIMARY KEY (repository_id, number, name)
        )""",
        """CREATE TABLE asyncify_parked (
            repository_id BIGINT NOT NULL,
            number BIGINT NOT NULL,
            name TEXT NOT NULL,
            installation_id BIGINT NOT NULL,
            job TEXT NOT NULL,
            reason TEXT NOT NULL,
            since BIGINT NOT NULL,
            PRIMARY KEY (repository_id, number, name)
        )""",
        """CREATE TABLE asyncify_silences (
            installation_id BIGINT PRIMARY KEY,
            silent_until BIGINT NOT NULL
        )""",
        """CREATE TABLE asyncify_progress (
            name TEXT PRIMARY KEY,
            reached BIGINT NOT NULL
        )""",
    ),
    (
        """CREATE TABLE asyncify_mutes (
            repository_id BIGINT NOT NULL,
            number BIGINT NOT NULL,
            name TEXT NOT NULL,
            installation_id BIGINT NOT NULL,
            kin TEXT NOT NULL,
            path TEXT NOT NULL,
            PRIMARY KEY (repository_id, number, name)
        )""",
        """CREATE TABLE asyncify_answers (
            repository_id BIGINT NOT NULL,
            number BIGINT NOT NULL,
            name TEXT NOT NULL,
            installation_id BIGINT NOT NULL,
            login TEXT NOT NULL,
            refusal BOOLEAN NOT NULL,
            given BIGINT NOT NULL,
            PRIMARY KEY (repository_id, number, name)
        )""",
    ),
    ("ALTER TABLE asyncify_installations ADD COLUMN away_since BIGINT",),
    (
        """CREATE TABLE asyncify_writes (
            installation_id BIGINT PRIMARY KEY,
            next_write BIGINT NOT NULL,
            slow_until BIGINT NOT NULL,
            limits BIGINT NOT NULL
        )""",
        """CREATE TABLE asyncify_comments (
            installation_id BIGINT NOT NULL,
            written BIGINT NOT NULL
        )""",
        "CREATE INDEX asyncify_comments_installation ON asyncify_comments (installation_id, written)",
    ),
    (
        """CREATE TABLE asyncify_closed_threads (
            repository_id BIGINT NOT NULL,
            number BIGINT NOT NULL,
            thread TEXT NOT NULL,
            installation_id BIGINT NOT NULL,
            PRIMARY KEY (repository_id, number, thread)
        )""",
    ),
)


@contextmanager
def alone(engine: sa.Engine) -> Iterator[None]:
    """Hold off every other process that migrates this PostgreSQL database. Nothing on SQLite, which one process has for itself.

    The lock is tried again and again, never waited for: `CREATE INDEX CONCURRENTLY` would wait for the waiter.
    """
    if engine.dialect.name == "sqlite":
        yield
        return
    lock, unlock = sa.func.pg_try_advisory_lock(MIGRATION_LOCK), sa.func.pg_advisory_unlock(MIGRATION_LOCK)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(sa.select(lock)):
            time.sleep(0.1)
        try:
            yield
        finally:
            connection.scalar(sa.select(unlock))


def migrate(engine: sa.Engine) -> None:
    """Bring the schema up to date. Blocks; safe only within `alone`."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":  # which else begins at the first INSERT
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS asyncify_schema (version INTEGER NOT NULL)")
        done = connection.scalar(sa.text("SELECT max(version) FROM asyncify_schema")) or 0
        for version, statements in enumerate(MIGRATIONS[done:], done + 1):
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.execute(sa.text("INSERT INTO asyncify_schema VALUES (:version)"), {"version": version})
