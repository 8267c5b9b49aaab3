"""What only the synchronous session of SQLAlchemy has, called on an asynchronous one."""

import pytest

from tests.rules.checking import assert_clean, assert_unfixed, with_app

RULE = "databases/legacy"

ABOVE = """
from typing import Annotated

from fastapi import Depends
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession as ModelSession

make = async_sessionmaker()
User = object


async def get_db():
    async with make() as db:
        yield db


class Users:
    def __init__(self, db: AsyncSession):
        self.db = db

    async def all(self):
        return {on_self}


Db = Annotated[AsyncSession, Depends(get_db)]
"""


def _source(body: str, on_self: str = "[]") -> str:
    endpoint = f'@app.get("/")\nasync def home(db: Db, other: ModelSession, given=Depends(get_db)):\n    {body}\n'
    return with_app(ABOVE.replace("{on_self}", on_self), endpoint)


@pytest.mark.parametrize(
    "body",
    [
        "return db.query(User).all()",
        "return given.query(User).first()",
        "return await db.query(User)",
        "return other.query(User).count()",
        "db.bulk_save_objects([])",
        "async with make() as own:\n        own.bulk_insert_mappings(User, [])",
    ],
)
def test_what_is_not_there(body: str) -> None:
    assert_unfixed(RULE, _source(body))


def test_on_an_attribute() -> None:
    assert_unfixed(RULE, _source("return await Users(db).all()", "self.db.query(User).all()"))


@pytest.mark.parametrize(
    "body",
    [
        "return (await db.scalars(select(User))).all()",
        "return await db.run_sync(lambda session: session.query(User).all())",
        "return db.sync_session.query(User).all()",
        "session: Session = unknown()\n    return session.query(User).all()",
        "return unknown().query(User)",
        "db.add_all([])",
        "return await Users(db).all()",
    ],
)
def test_what_is_left_alone(body: str) -> None:
    assert_clean(RULE, _source(body))
