"""Rows that stay locked from the thread that writes them to the one that commits."""

import pytest

from rules import Applicability
from rules.core.fixes.taken.row_locks import LOCKED
from tests.rules.checking import found, with_app

PROGRAM = """
import asyncio

import psycopg2
from fastapi import Depends
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

engine = create_engine("postgresql://")
SessionLocal = sessionmaker(engine)
TOUCH = "UPDATE users SET seen = now()"


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def get_db():
    with SessionLocal() as db:
        yield db


async def touched(db: Session):
    await asyncio.sleep(0)
    db.execute(text(TOUCH))
"""
HOME = """
@app.get("/{{name}}")
async def home(name: str, db: Session = Depends(get_db)):
    await asyncio.sleep(0)
    {}
"""
CONNECTED = 'connection = psycopg2.connect("")\n    cursor = connection.cursor()'


def told(body: str, *, hands_over: str) -> bool:
    """Whether the first blocking call of a name is said to keep rows locked until another thread commits."""
    source = with_app(PROGRAM, HOME.format(body))
    findings = [*found("databases/session", source), *found("databases/drivers", source)]
    fix = next(one.fix for one in findings if f".{hands_over}`" in one.message and one.fix is not None)
    is_told = LOCKED in fix.notes
    assert is_told <= (fix.applicability is Applicability.UNSAFE)
    return is_told


@pytest.mark.parametrize(
    ("body", "hands_over"),
    [
        ("db.execute(update(User).values(name=name))\n    db.commit()", "execute"),
        ("db.execute(text(TOUCH))\n    db.commit()", "execute"),
        ("db.add(User(name=name))\n    db.flush()\n    db.commit()", "flush"),
        ("db.add(User(name=name))\n    db.query(User).count()\n    db.commit()", "count"),
        ("db.query(User).filter(User.name == name).update({'name': ''})\n    db.commit()", "update"),
        ("db.query(User).with_for_update().first()\n    db.commit()", "first"),
        ("await touched(db)\n    db.commit()", "execute"),
        (f"{CONNECTED}\n    cursor.execute(TOUCH)\n    connection.commit()", "execute"),
        (f"{CONNECTED}\n    cursor.execute(f'DELETE FROM {{name}}')\n    connection.commit()", "execute"),
    ],
)
def test_what_a_thread_locks_waits_for_the_thread_that_commits(body: str, hands_over: str) -> None:
    assert told(body, hands_over=hands_over)


@pytest.mark.parametrize(
    ("body", "hands_over"),
    [
        ("db.execute(select(User)).all()\n    db.commit()", "execute"),
        ("db.add(User(name=name))\n    db.commit()", "commit"),
        ("db.query(User).count()\n    db.add(User(name=name))\n    db.commit()", "count"),
        ("db.query(User).filter(User.name == name).update({'name': ''})", "update"),
        ("with engine.begin() as one:\n        one.execute(text(TOUCH))", "execute"),
        (f"{CONNECTED}\n    cursor.execute('SELECT 1')\n    connection.commit()", "execute"),
        (
            f"{CONNECTED}\n    connection.autocommit = True\n    cursor.execute(TOUCH)\n    connection.commit()",
            "execute",
        ),
    ],
)
def test_what_locks_nothing_or_is_committed_on_the_event_loop_does_not_wait(body: str, hands_over: str) -> None:
    assert not told(body, hands_over=hands_over)
