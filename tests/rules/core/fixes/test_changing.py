"""Statements that change rows, which stay locked until they are committed."""

import pytest

from rules import Applicability
from tests.rules.checking import found, with_app

IMPORTS = """
import asyncio
import sqlite3

import psycopg2
import requests
import snowflake.connector
import sqlalchemy as sa
from fastapi import Depends
from sqlalchemy import create_engine, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
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


def renamed(db: Session, name: str):
    db.execute(update(User).values(name=name))


def written(connection, name: str):
    cursor = connection.cursor()
    cursor.execute("INSERT INTO users VALUES (%s)", (name,))
    cursor.close()


def written_for_good(connection, name: str):
    written(connection, name)
    connection.commit()
"""
HOME = """
@app.get("/{{name}}")
async def home(name: str, db: Session = Depends(get_db)):
    await asyncio.sleep(0)
    {}
"""
ASKED = 'got = requests.get("https://a.example")'
CONNECTED = 'connection = psycopg2.connect("")\n    cursor = connection.cursor()'


def told(body: str, imports: str = IMPORTS) -> bool:
    """Whether rows are said to stay locked."""
    (finding,) = found("clients/requests", with_app(imports, HOME.format(body)))
    assert finding.fix is not None
    is_told = any(note.startswith("Rows or tables stay locked") for note in finding.fix.notes)
    assert is_told is (finding.fix.applicability is Applicability.UNSAFE)
    return is_told


@pytest.mark.parametrize(
    "body",
    [
        f"db.execute(update(User).where(User.name == name).values(name=''))\n    {ASKED}",
        f"db.execute(sa.delete(User))\n    {ASKED}",
        f"db.execute(upsert(User).values(name=name).on_conflict_do_nothing())\n    {ASKED}",
        f"statement = insert(User).values(name=name)\n    db.execute(statement)\n    {ASKED}",
        f"db.execute(text('UPDATE users SET name = :name'), {{'name': name}})\n    {ASKED}",
        f"db.execute(text(TOUCH))\n    {ASKED}",
        f'db.execute(text("""\n        DELETE FROM users\n        WHERE name = 1"""))\n    {ASKED}',
        f"db.query(User).filter(User.name == name).update({{'name': ''}})\n    {ASKED}",
        f"db.query(User).filter_by(name=name).delete()\n    {ASKED}",
        f"renamed(db, name)\n    {ASKED}\n    db.commit()",
        f"with engine.connect() as one:\n        one.execute(text(TOUCH))\n        {ASKED}",
        f"{CONNECTED}\n    cursor.execute('UPDATE users SET name = %s', (name,))\n    {ASKED}",
        f"{CONNECTED}\n    cursor.execute(f'INSERT INTO {{name}} VALUES (1)')\n    cursor.close()\n    {ASKED}",
        f"{CONNECTED}\n    with connection.cursor() as one:\n        one.execute(TOUCH)\n    {ASKED}",
        f"connection = sqlite3.connect('a.db')\n    connection.execute(TOUCH)\n    {ASKED}",
        f"{CONNECTED}\n    written(connection, name)\n    {ASKED}",
    ],
)
def test_rows_that_were_changed_stay_locked_meanwhile(body: str) -> None:
    assert told(body)


@pytest.mark.parametrize(
    "body",
    [
        f"{ASKED}\n    db.execute(update(User).values(name=name))",
        f"db.execute(update(User).values(name=name))\n    db.commit()\n    {ASKED}",
        f"statement = update(User).values(name=name)\n    {ASKED}\n    db.execute(statement)",
        f"rows = db.execute(select(User)).all()\n    {ASKED}",
        f"rows = db.execute(text('SELECT name FROM users')).all()\n    {ASKED}",
        f"renamed(db, name)\n    db.commit()\n    {ASKED}",
        f"with engine.begin() as one:\n        one.execute(text(TOUCH))\n    {ASKED}",
        f"with engine.connect() as one:\n        one.execute(text(TOUCH))\n        one.commit()\n    {ASKED}",
        f"{CONNECTED}\n    with connection:\n        cursor.execute(TOUCH)\n    {ASKED}",
        f"{CONNECTED}\n    cursor.execute('SELECT updated FROM users')\n    {ASKED}",
        f"{CONNECTED}\n    cursor.execute(TOUCH)\n    connection.close()\n    {ASKED}",
        f"{CONNECTED}\n    written_for_good(connection, name)\n    {ASKED}",
        f"connection = sqlite3.connect(':memory:')\n    connection.execute(TOUCH)\n    {ASKED}",
        f"connection = snowflake.connector.connect()\n    connection.cursor().execute(TOUCH)\n    {ASKED}",
        f"told = {{}}\n    told.update({{'name': name}})\n    {ASKED}",
    ],
)
def test_what_was_read_or_is_committed_locks_nothing(body: str) -> None:
    assert not told(body)


@pytest.mark.parametrize(
    "body",
    [
        f"db.add(User(name=name))\n    rows = db.query(User).all()\n    {ASKED}",
        f"db.add_all([User(name=name)])\n    one = db.get(User, 1)\n    {ASKED}",
        f"user = db.query(User).first()\n    user.name = name\n    rows = db.scalars(select(User)).all()\n    {ASKED}",
        f"user = db.get(User, 1)\n    db.delete(user)\n    left = db.query(User).count()\n    {ASKED}",
    ],
)
def test_a_session_sends_what_was_changed_before_it_asks(body: str) -> None:
    assert told(body)


@pytest.mark.parametrize(
    "body",
    [
        f"db.add(User(name=name))\n    {ASKED}",
        f"rows = db.query(User).all()\n    db.add(User(name=name))\n    {ASKED}",
        f"db.add(User(name=name))\n    db.commit()\n    rows = db.query(User).all()\n    {ASKED}",
        f"with db.no_autoflush:\n        db.add(User(name=name))\n        rows = db.query(User).all()\n    {ASKED}",
        f"user = db.get(User, 1)\n    user.name = name\n    {ASKED}",
        f"user = User(name=name)\n    user.name = ''\n    rows = db.query(User).all()\n    {ASKED}",
        f"names = set()\n    names.add(name)\n    rows = db.query(User).all()\n    {ASKED}",
    ],
)
def test_a_session_that_does_not_ask_after_a_change_sends_nothing_yet(body: str) -> None:
    assert not told(body)
