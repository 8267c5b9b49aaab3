"""What stands open or taken where a fix awaits."""

import pytest

from rules import Applicability
from rules.core.fixes.taken.row_locks import ROWS
from tests.rules.checking import found, with_app

IMPORTS = """
import asyncio
import dbm
import os
import shelve
import shutil
import sys
import tarfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import requests
from fastapi import Depends
from psycopg2.pool import ThreadedConnectionPool
from psycopg_pool import ConnectionPool
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker(create_engine("postgresql://"))
pool = ConnectionPool("x")


def get_db():
    with SessionLocal() as db:
        yield db


threaded = None


def start():
    global threaded
    threaded = ThreadedConnectionPool(1, 10)


@contextmanager
def kept_open():
    one = threaded.getconn()
    try:
        yield one
    finally:
        threaded.putconn(one)


def taken():
    one = threaded.getconn()
    cursor = one.cursor()
    cursor.execute("SET a TO b")
    cursor.close()
    return one


def given_back(one):
    threaded.putconn(one)


def read():
    with kept_open() as one:
        return one.cursor()


def read_alone():
    one = taken()
    try:
        return one.closed
    finally:
        given_back(one)


def added(db: Session, one):
    db.add(one)
    db.flush()


def added_for_good(db: Session, one):
    added(db, one)
    db.commit()


def added_apart(one):
    with SessionLocal() as db:
        added(db, one)
        db.commit()


def added_at_once(one):
    with SessionLocal.begin() as db:
        db.add(one)
        db.flush()


class Taken:
    def __enter__(self):
        self.one = threaded.getconn()
        return self.one

    def __exit__(self, *_):
        threaded.putconn(self.one)
"""
HOME = """
@app.get("/{{name}}")
async def home(name: str, db: Session = Depends(get_db)):
    await asyncio.sleep(0)
    {}
"""
ASKED = 'got = requests.get("https://a.example")'


def applicability(body: str) -> tuple[Applicability, str]:
    (finding,) = found("clients/requests", with_app(IMPORTS, HOME.format(body)))
    assert finding.fix is not None
    return finding.fix.applicability, " ".join(finding.fix.notes)


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (f"with open(f'/data/{{name}}', 'w') as kept:\n        {ASKED}", "reads or writes a file"),
        (f"with zipfile.ZipFile(f'/data/{{name}}', 'w') as kept:\n        {ASKED}", "reads or writes a file"),
        (f"with tarfile.open(f'/data/{{name}}', 'w') as kept:\n        {ASKED}", "reads or writes a file"),
        (f"with pd.ExcelWriter(f'/data/{{name}}') as kept:\n        {ASKED}", "reads or writes a file"),
        (f"with shelve.open(f'/data/{{name}}') as kept:\n        {ASKED}", "reads or writes a file"),
        (f"kept = open(f'/data/{{name}}', 'w')\n    {ASKED}\n    kept.close()", "reads or writes a file"),
        (f"row = db.query(int).with_for_update().first()\n    {ASKED}", "Rows or tables stay locked"),
        (f"row = db.execute(select(int).with_for_update())\n    {ASKED}", "Rows or tables stay locked"),
        (f"db.add(name)\n    db.flush()\n    {ASKED}", "Rows or tables stay locked"),
        (f"added(db, name)\n    {ASKED}\n    db.commit()", "Rows or tables stay locked"),
        (f"with SessionLocal() as own:\n        own.flush()\n        {ASKED}", "Rows or tables stay locked"),
        (f"with pool.connection() as one:\n        {ASKED}", "A connection of the pool"),
        (f"one = pool.getconn()\n    {ASKED}\n    pool.putconn(one)", "A connection of the pool"),
        (f"with kept_open() as one:\n        {ASKED}", "A connection of the pool"),
        (f"with Taken() as one:\n        {ASKED}", "A connection of the pool"),
        (f"one = taken()\n    {ASKED}\n    threaded.putconn(one)", "A connection of the pool"),
    ],
)
def test_what_others_want_too_stays_taken_meanwhile(body: str, note: str) -> None:
    how, notes = applicability(body)
    assert how is Applicability.UNSAFE
    assert note in notes


@pytest.mark.parametrize(
    "body",
    [
        f"with zipfile.ZipFile(f'/data/{{name}}') as kept:\n        {ASKED}",
        f"with dbm.open(f'/data/{{name}}', 'r') as kept:\n        {ASKED}",
        f"kept = open(f'/data/{{name}}', 'w')\n    kept.close()\n    {ASKED}",
        f"Path(f'/data/{{name}}').write_text(name)\n    {ASKED}",
        f"shutil.move(name, f'/data/{{name}}')\n    {ASKED}",
        f"{ASKED}\n    row = db.query(int).with_for_update().first()",
        f"row = db.query(int).with_for_update().first()\n    db.commit()\n    {ASKED}",
        f"{ASKED}\n    db.flush()",
        f"db.flush()\n    db.commit()\n    {ASKED}",
        f"db.flush()\n    db.close()\n    {ASKED}",
        f"added_for_good(db, name)\n    {ASKED}",
        f"added_apart(name)\n    {ASKED}",
        f"added_at_once(name)\n    {ASKED}",
        f"added(db, name)\n    db.commit()\n    {ASKED}",
        f"with SessionLocal() as own:\n        own.flush()\n    {ASKED}",
        f"print('', flush=True)\n    sys.stdout.flush()\n    {ASKED}",
        f"one = pool.getconn()\n    pool.putconn(one)\n    {ASKED}",
        f"with pool.connection() as one:\n        pass\n    {ASKED}",
        f"with kept_open() as one:\n        pass\n    {ASKED}",
        f"told = read()\n    {ASKED}",
        f"told = read_alone()\n    {ASKED}",
        f"one = taken()\n    given_back(one)\n    {ASKED}",
    ],
)
def test_what_is_closed_or_not_yet_open_is_wanted_by_nobody(body: str) -> None:
    how, _ = applicability(body)
    assert how is Applicability.SAFE


COMMITTED = """
@app.post("/{name}")
async def home(name: str, db: Session = Depends(get_db)):
    await asyncio.sleep(0)
    added(db, name)
    db.commit()
"""


def test_a_thread_that_ends_the_transaction_needs_no_event_loop_to_free_the_rows() -> None:
    (first, last) = found("databases/session", with_app(IMPORTS, COMMITTED))
    assert first.fix is not None
    assert last.fix is not None
    assert "Rows or tables stay locked" not in " ".join((*first.fix.notes, *last.fix.notes))


SHARED = """
WEATHER = {}


def look_up(name: str) -> str:
    if name not in WEATHER:
        WEATHER[name] = requests.get("https://a.example").text
    return WEATHER[name]
"""


def test_what_stays_taken_is_also_told_of_a_fix_that_is_unsafe_for_another_reason() -> None:
    body = "with pool.connection():\n        return {'weather': look_up(name)}"
    (finding,) = found("clients/requests", with_app(IMPORTS + SHARED, HOME.format(body)))
    assert finding.fix is not None
    taken, shared, *_ = finding.fix.notes
    assert taken.startswith("A connection of the pool")
    assert shared.startswith("What it calls changes what requests may share")


def test_all_that_stands_open_is_told() -> None:
    body = f"with pool.connection(), open(f'/data/{{name}}', 'w') as kept:\n        {ASKED}"
    how, notes = applicability(body)
    assert how is Applicability.UNSAFE
    assert "reads or writes a file" in notes
    assert "A connection of the pool" in notes


CALLED = """
async def tell() -> None:
    {asked}


async def tell_all() -> None:
    await tell()


@app.get("/{{name}}")
async def home(name: str, db: Session = Depends(get_db)) -> None:
    {body}
"""


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("added(db, name)\n    await tell()\n    db.commit()", True),
        ("db.add(name)\n    db.flush()\n    await tell_all()\n    db.commit()", True),
        ("db.scalars(select(1).with_for_update())\n    await tell()", True),
        ("db.execute(text('ALTER TABLE a ADD b int'))\n    await tell()\n    db.commit()", True),
        ("db.execute(text(f'DROP TABLE {name}'))\n    await tell()\n    db.commit()", True),
        ("db.execute(text('SELECT 1'))\n    await tell()\n    db.commit()", False),
        ("added(db, name)\n    db.commit()\n    await tell()", False),
        ("added_at_once(name)\n    await tell_all()", False),
        ("await tell()\n    added(db, name)\n    db.commit()", False),
    ],
)
def test_rows_that_a_caller_has_written_stay_locked_as_well(body: str, *, is_told: bool) -> None:
    (finding,) = found("clients/requests", with_app(IMPORTS, CALLED.format(asked=ASKED, body=body)))
    assert finding.fix is not None
    assert (ROWS in finding.fix.notes) is is_told
