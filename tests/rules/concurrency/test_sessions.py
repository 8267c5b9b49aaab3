"""One AsyncSession in several tasks."""

import pytest

from tests.rules.checking import assert_clean, assert_unfixed, with_app

RULE = "concurrency/sessions"

HELPERS = """
import asyncio
from asyncio import gather
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker
from sqlalchemy.orm import Session

factory = async_sessionmaker()


async def get_session():
    async with factory() as session:
        yield session


Db = Annotated[AsyncSession, Depends(get_session)]


async def user(db: AsyncSession, key=1): ...


async def other(key=1): ...


async def own():
    async with factory() as session:
        return await session.get(int, 1)


class Repository:
    def __init__(self, db: AsyncSession):
        self.db = db

    async def all(self):
        return await asyncio.gather(self.db.scalar(1), self.db.scalar(2))


class Safe:
    def __init__(self, db: AsyncSession):
        self.db = db
"""
CLEAN = HELPERS[: HELPERS.index("class Repository")]
ENDPOINT = '@app.get("/")\nasync def home(db: Db, scoped: async_scoped_session, sync: Session, keys, unknown):\n    '


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.gather(db.scalar(1), db.scalar(2))",
        "await gather(user(db), user(db, 2))",
        "await asyncio.gather(user(db=db), db.commit(), other())",
        "await asyncio.gather(*[user(db, key) for key in keys])",
        "await asyncio.gather(*(user(db, key) for key in keys))",
        "await asyncio.gather(other(), *(db.get(int, key) for key in keys))",
        "first = user(db)\n    second = user(db, 2)\n    await asyncio.gather(first, second)",
        "async with factory() as s:\n        await asyncio.gather(s.scalar(1), s.scalar(2), return_exceptions=True)",
        "for key in keys:\n        await asyncio.gather(user(db, key), db.scalar(1))",
        "return await asyncio.gather(\n        user(db),\n        user(db),\n    )",
    ],
)
def test_a_session_in_several_arms(body: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(CLEAN, f"{ENDPOINT}{body}\n"))
    assert "AsyncSession" in finding.message


def test_a_session_on_self() -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, ""))
    assert "`self.db`" in finding.message
    assert finding.function == "Repository.all"


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.gather(db.scalar(1), other())",
        "await asyncio.gather(own(), own())",
        "await asyncio.gather(*(own() for key in keys))",
        "await asyncio.gather(*(other(key) for key in keys), db.scalar(1))",
        "async with factory() as a, factory() as b:\n        await asyncio.gather(a.scalar(1), b.scalar(2))",
        "await asyncio.gather(scoped.scalar(1), scoped.scalar(2))",
        "await asyncio.gather(unknown.scalar(1), unknown.scalar(2))",
        "await asyncio.gather(asyncio.to_thread(sync.get, 1), asyncio.to_thread(sync.get, 2))",
        "await unknown.gather(db.scalar(1), db.scalar(2))",
        "await asyncio.gather(*unknown)",
        "await db.scalar(1)\n    await db.scalar(2)",
        "for key in keys:\n        await asyncio.gather(user(db, key), other(key))",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(CLEAN, f"{ENDPOINT}{body}\n"))


def test_tests_are_left_alone() -> None:
    assert_clean(RULE, with_app(HELPERS, ""), path="tests/test_a.py")
