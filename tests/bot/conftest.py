"""Databases for tests of the bot, SQLite and PostgreSQL, a bot at work, and workers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from bot import asking, publish
from tests.bot.reviewing import Bot, bot_at_work
from tests.bot.scenes import Scene, a_scene
from tests.bot.workers import Crew
from tests.conftest import fresh_database


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


@pytest.fixture
async def bot(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    """A bot before a fake GitHub; it does not wait for what GitHub announces before it has it."""
    monkeypatch.setattr(asking, "EVENTUALLY", (0.0, 0.0, 0.0))
    monkeypatch.setattr(publish, "LOOK_AFTER", 0.0)
    async with bot_at_work() as bot:
        yield bot


@pytest.fixture
async def scene(bot: Bot) -> Scene:
    """A pull request that was reviewed, and people who ask for something."""
    return await a_scene(bot)


@pytest.fixture
async def crew(database_url: str, tmp_path: Path) -> AsyncIterator[Crew]:
    crew = await asyncio.to_thread(Crew, database_url, tmp_path / "log")
    yield crew
    await crew.close()
