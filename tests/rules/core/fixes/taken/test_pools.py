"""Connections of a pool: threads ask for more of them at once than the event loop did."""

import pytest

from rules import Applicability, Fix, Way
from rules.core.fixes.taken.pools import EXHAUSTED, FEWER, ONE_FOR_ALL
from tests.rules.checking import found, with_app

IMPORTS = """
import asyncio
import sys

import psycopg2
from mysql.connector.pooling import MySQLConnectionPool
from psycopg2.pool import SimpleConnectionPool, ThreadedConnectionPool
from psycopg_pool import ConnectionPool
"""
PROGRAM = """
MOST = 20
pool = {pool}


def opened():
    return {taken}


def read() -> list:
    one = opened()
    cursor = one.cursor()
    cursor.execute("SELECT 1")
    rows = cursor.fetchall()
    one.close()
    return rows


@app.get("/")
async def home() -> list:
    {body}
"""
WAITED = "await asyncio.sleep(0)\n    return read()"
THREADED = ("ThreadedConnectionPool(1, 10)", "pool.getconn()")
MYSQL = ("MySQLConnectionPool(pool_size=5)", "pool.get_connection()")
WAITING = ("ConnectionPool('')", "pool.getconn()")
NONE = ("None", "psycopg2.connect('')")


def fixes(made: tuple[str, str], body: str) -> list[Fix]:
    pool, taken = made
    findings = found("databases/drivers", with_app(IMPORTS, PROGRAM.format(pool=pool, taken=taken, body=body)))
    return [fix for one in findings if one.fix for fix in (one.fix, *one.alternatives)]


@pytest.mark.parametrize("made", [THREADED, MYSQL])
@pytest.mark.parametrize("body", [WAITED, "return read()"])
def test_a_pool_that_fails_where_it_has_none_left_may_have_too_few_for_all_threads(
    made: tuple[str, str], body: str
) -> None:
    offered = fixes(made, body)
    assert offered
    assert {fix.applicability for fix in offered} == {Applicability.UNSAFE}
    assert all(FEWER.format(10 if made == THREADED else 5) in fix.notes for fix in offered)


@pytest.mark.parametrize("size", ["", "1, int(sys.argv[1])", "1, MOST"])
def test_a_pool_that_does_not_tell_how_many_it_has_may_have_too_few(size: str) -> None:
    offered = fixes((f"ThreadedConnectionPool({size})", "pool.getconn()"), WAITED)
    assert all((FEWER.format(20) if "MOST" in size else EXHAUSTED) in fix.notes for fix in offered)


@pytest.mark.parametrize("size", ["1, 40", "1, maxconn=100", "minconn=1, maxconn=100, dsn=''"])
@pytest.mark.parametrize("body", [WAITED, "return read()"])
def test_a_pool_that_has_one_for_each_thread_fails_for_nobody(size: str, body: str) -> None:
    offered = fixes((f"ThreadedConnectionPool({size})", "pool.getconn()"), body)
    assert offered
    assert {fix.applicability for fix in offered} == {Applicability.SAFE}


@pytest.mark.parametrize("made", [WAITING, NONE])
@pytest.mark.parametrize("body", [WAITED, "return read()"])
def test_a_pool_that_waits_and_a_connection_of_its_own_fail_for_nobody(made: tuple[str, str], body: str) -> None:
    offered = fixes(made, body)
    assert offered
    assert {fix.applicability for fix in offered} == {Applicability.SAFE}


@pytest.mark.parametrize("body", [WAITED, "return read()"])
def test_a_pool_that_threads_must_not_share_stays_on_the_loop(body: str) -> None:
    assert not fixes(("SimpleConnectionPool(1, 10)", "pool.getconn()"), body)


def test_what_is_done_on_a_connection_of_that_pool_may_be_handed_over() -> None:
    body = "one = opened()\n    cursor = one.cursor()\n    cursor.execute('SELECT 1')\n    return cursor.fetchall()"
    (fix,) = fixes(("SimpleConnectionPool(1, 10)", "pool.getconn()"), body)
    assert fix.way is Way.OFFLOAD
    assert fix.notes[0].startswith("A connection of the pool stays taken")


ENGINE = """
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import NullPool, StaticPool

engine = create_engine("sqlite://", connect_args={{"check_same_thread": False}}, poolclass={pool})
SessionLocal = sessionmaker(engine)
"""
ASKING = """
def rename() -> None:
    with SessionLocal() as db:
        db.execute(text("SELECT 1"))


@app.get("/")
async def home() -> None:
    {body}
"""


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("rename()", True),
        ("await asyncio.sleep(0)\n    rename()", True),
        ("await asyncio.sleep(0)\n    with SessionLocal() as db:\n        db.execute(text('SELECT 1'))", True),
        ("time.sleep(1)", False),
    ],
)
@pytest.mark.parametrize("path", ["app/database.py", "tests/database.py"])
def test_threads_that_share_one_connection_end_what_others_have_begun(body: str, path: str, *, is_told: bool) -> None:
    imports = "import asyncio\nimport time\n\nfrom app.database import SessionLocal\nfrom sqlalchemy import text"
    files = {"app/database.py": ENGINE.format(pool="NullPool").replace(", StaticPool", "")}
    files[path] = ENGINE.format(pool="StaticPool")
    rule = "databases/session" if is_told else "blocking/sleep"
    findings = found(rule, with_app(imports, ASKING.format(body=body)), files=files)
    offered = [fix for one in findings if one.fix for fix in (one.fix, *one.alternatives)]
    assert offered
    of_threads = [fix for fix in offered if fix.way in {Way.REVERSE, Way.OFFLOAD}]
    assert of_threads
    assert {ONE_FOR_ALL in fix.notes for fix in of_threads} == {is_told and path == "app/database.py"}
