"""Drivers on the event loop: what waits for the database, and what does not."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "databases/drivers"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
PSYCOPG = "import psycopg\n\nconnection = psycopg.Connection()"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import psycopg", "psycopg.connect('app').close()"),
        ("from psycopg import connect", "connect('app')"),
        ("from psycopg import Connection", "Connection.connect('app')"),
        ("import psycopg as pg", "with pg.connect('app') as c:\n        c.execute('SELECT 1')"),
        ("import psycopg", "with psycopg.connect('app') as c, c.cursor() as cur:\n        cur.execute('SELECT 1')"),
        ("import psycopg", "psycopg.Connection().commit()"),
        (
            "from psycopg_pool import ConnectionPool\n\npool = ConnectionPool('app')",
            "with pool.connection() as c:\n        c.execute('x')",
        ),
        ("import psycopg2", "psycopg2.connect('app').cursor().execute('SELECT 1')"),
        ("import psycopg2.extras", "psycopg2.extras.execute_values(x, 'INSERT', [])"),
        ("import pymysql", "pymysql.connect(host='db').rollback()"),
        ("import pymysql", "with pymysql.connect(host='db').cursor() as c:\n        c.executemany('x', [])"),
        ("import MySQLdb", "MySQLdb.connect('db').commit()"),
        ("import mysql.connector", "mysql.connector.connect(host='db').cursor().fetchall()"),
        ("import pyodbc", "pyodbc.connect('db').execute('SELECT 1').fetchall()"),
        ("import oracledb", "oracledb.connect('db').cursor().execute('x')"),
        ("import cx_Oracle", "cx_Oracle.connect('db').commit()"),
        ("import pymssql", "pymssql.connect('db').cursor().fetchone()"),
        ("import snowflake.connector", "snowflake.connector.connect().cursor().execute('x').fetchall()"),
        ("import clickhouse_connect", "clickhouse_connect.get_client().query('x')"),
        ("from clickhouse_driver import Client", "Client('db').execute('x')"),
        ("import duckdb", "duckdb.connect('x.db').execute('SELECT 1')"),
    ],
)
def test_each_driver(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


REACHED = {
    "self": (
        "from app.store import Store",
        "Store().names()",
        (
            "class Store:\n    def __init__(self):\n        self.connection = psycopg2.connect('app')\n\n"
            "    def names(self):\n        cursor = self.connection.cursor()\n        cursor.execute('x')\n"
            "        return cursor.fetchall()"
        ),
    ),
    "method of another file": (
        "from app.store import connected",
        "connected().commit()",
        "def connected():\n    return psycopg2.connect('app')",
    ),
    "helper with an annotation": (
        "from app.store import names",
        "names(1)",
        "from psycopg2.extensions import connection\n\n\ndef names(db: connection):\n    db.cursor().execute('x')",
    ),
}


@pytest.mark.parametrize(("imports", "call", "store"), REACHED.values(), ids=REACHED)
def test_each_way_of_reaching(imports: str, call: str, store: str) -> None:
    files = {"app/__init__.py": "", "app/store.py": f"import psycopg2\n\n{store}\n"}
    before = with_app("", f"{imports}\n\n\n{ENDPOINT}return {call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


def test_a_connection_from_a_dependency() -> None:
    before = with_app(
        "import psycopg\nfrom fastapi import Depends",
        """
        def connection():
            with psycopg.connect("app") as made:
                yield made


        @app.get("/")
        async def home(db=Depends(connection)):
            return db.execute("SELECT 1").fetchone()
        """,
    )
    assert_fixes(RULE, before, before.replace("async def home", "def home"))


def test_statements_are_handed_over_one_by_one() -> None:
    before = with_app(
        PSYCOPG,
        """
        @app.post("/")
        async def home(request, connection: psycopg.Connection):
            body = await request.json()
            connection.execute("INSERT", body)
            connection.commit()
        """,
    )
    after = (
        before.replace("connection.execute(", "await run_in_threadpool(connection.execute, ")
        .replace("connection.commit()", "await run_in_threadpool(connection.commit)")
        .replace("import FastAPI\n", "import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n")
    )
    assert_fixes(RULE, before, after)


@pytest.mark.parametrize(
    "body",
    [
        "await sleep(1)\n    connection.commit()",
        "connection.execute('x')",
        "with connection.cursor() as cursor:\n        cursor.execute('x')",
        "db = psycopg.connect('x')\n    db.execute('x')\n    connection.commit()",
        "save()",
    ],
)
def test_a_connection_that_requests_share_stays_on_the_loop(body: str) -> None:
    """In threads, or with an `await` between, one request would commit what another has half written."""
    save = "def save():\n    connection.commit()"
    before = with_app(f"from asyncio import sleep\n{PSYCOPG}", f"{save}\n\n\n{ENDPOINT}{body}\n")
    assert_unfixed(RULE, before)


@pytest.mark.parametrize(
    "body",
    [
        "async with await psycopg.AsyncConnection.connect('app') as c:\n        await c.execute('x')",
        "async with AsyncConnectionPool('app').connection() as c:\n        await c.execute('x')",
        "await run_in_threadpool(psycopg.connect, 'app')",
        "return connection.cursor()",
        "return connection.cursor().fetchall()",  # the rows are here since `execute`
        "connection.close()",
        "return sqlite3.connect('x.db')",  # opens the file when it is first asked
        "return duckdb.connect('x.db').sql('SELECT 1')",
        "async with aiosqlite.connect('x.db') as c:\n        await c.execute('x')",
        "return await oracledb.connect_async('db')",
        "return unknown.execute('x')",
        "connection = unknown\n    return connection.execute('x')",
        "return psycopg.sql.SQL('x')",
        "return connection.info.status",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
import sqlite3

import aiosqlite
import duckdb
import oracledb
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import AsyncConnectionPool

from elsewhere import unknown
{PSYCOPG}
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_is_left_alone() -> None:
    assert_clean(RULE, with_app(PSYCOPG, f"{ENDPOINT}connection.commit()\n".replace("async def", "def")))


def test_a_test_is_left_alone() -> None:
    assert_clean(RULE, with_app(PSYCOPG, f"{ENDPOINT}connection.commit()\n"), path="tests/test_app.py")


SQLITE = "import sqlite3\n\nconnection = sqlite3.connect('x.db')"


@pytest.mark.parametrize(
    "call", ["connection.execute('x')", "connection.commit()", "connection.cursor().executemany('x', [])"]
)
def test_a_connection_of_sqlite_stays_in_its_thread(call: str) -> None:
    """In another thread each use of it raises `sqlite3.ProgrammingError`."""
    assert_unfixed(RULE, with_app(SQLITE, f"{ENDPOINT}await x.read()\n    {call}\n"))


def test_a_helper_with_a_connection_of_its_own_may_move() -> None:
    before = with_app(
        "import sqlite3",
        """
        def names():
            connection = sqlite3.connect("x.db")
            return connection.execute("x").fetchall()


        @app.get("/")
        async def home(request):
            await request.body()
            return names()
        """,
    )
    after = before.replace("return names()", "return await run_in_threadpool(names)").replace(
        "import FastAPI\n", "import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n"
    )
    assert_fixes(RULE, before, after)
