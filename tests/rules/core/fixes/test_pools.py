"""Connections of a pool: threads ask for more of them at once than the event loop did."""

import pytest

from rules import Applicability, Fix, Way
from rules.core.fixes.pools import EXHAUSTED, FEWER
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
