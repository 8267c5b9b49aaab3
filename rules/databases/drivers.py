"""A database driver waits for the database on the event loop.

## What it does
Finds the calls of a synchronous driver that wait: `connect`, a cursor's `execute` (and `fetchall` and its kin where the
driver reads from the network then), `commit` and `rollback`. It knows sqlite3, Psycopg 2 and 3, PyMySQL, mysqlclient,
MySQL Connector, pyodbc, python-oracledb, pymssql, Snowflake, Trino, ClickHouse and DuckDB.

## Why is this bad?
Every statement stops all requests of the worker until the database answers, and opening a connection takes several
round trips. A statement that waits for a lock stops the worker for as long as another one holds it.

## Example
```python
import psycopg

from fastapi import FastAPI

app = FastAPI()


@app.get("/users/{user_id}")
async def user(user_id: int):
    with psycopg.connect("dbname=app") as connection:
        return connection.execute("SELECT name FROM users WHERE id = %s", (user_id,)).fetchone()
```

```python
import psycopg2

from fastapi import FastAPI, Request

app = FastAPI()


def save(body: dict) -> None:
    connection = psycopg2.connect("dbname=app")
    cursor = connection.cursor()
    cursor.execute("INSERT INTO orders (item) VALUES (%s)", (body["item"],))
    connection.commit()
    connection.close()


@app.post("/orders")
async def order(request: Request) -> None:
    body = await request.json()
    save(body)
```

## Use instead
```python
import psycopg

from fastapi import FastAPI

app = FastAPI()


@app.get("/users/{user_id}")
def user(user_id: int):
    with psycopg.connect("dbname=app") as connection:
        return connection.execute("SELECT name FROM users WHERE id = %s", (user_id,)).fetchone()
```

```python
import psycopg2

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()


def save(body: dict) -> None:
    connection = psycopg2.connect("dbname=app")
    cursor = connection.cursor()
    cursor.execute("INSERT INTO orders (item) VALUES (%s)", (body["item"],))
    connection.commit()
    connection.close()


@app.post("/orders")
async def order(request: Request) -> None:
    body = await request.json()
    await run_in_threadpool(save, body)
```

## Fix safety
Safe: the same driver runs the same statements, in a worker thread, one after the other. A connection of sqlite3 belongs to
the thread that opened it, so its single calls are never handed over. An asynchronous driver is not put in a driver's place
unasked: parameters, transactions and exceptions differ.

## References
- [PEP 249: Python Database API](https://peps.python.org/pep-0249/)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
- [Python: `sqlite3.connect` and `check_same_thread`](https://docs.python.org/3/library/sqlite3.html#sqlite3.connect)
- [Psycopg: Asynchronous operations](https://www.psycopg.org/psycopg3/docs/advanced/async.html)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
