"""Drivers of SQL databases, as PEP 249 shapes them: connect, execute, fetch, commit.

What a driver has already read when `execute` returns is not fetched again, so `fetchall` has a row only where it waits.
https://peps.python.org/pep-0249/, https://docs.python.org/3/library/sqlite3.html, https://www.psycopg.org/psycopg3/docs/,
https://pymysql.readthedocs.io/, https://python-oracledb.readthedocs.io/ and the others of their kind.
"""

from rules.core.facts import Function, Site
from rules.core.library import Blocking, Library, Weight

_RULE = "databases/drivers"
_SQLITE, _SQLITE_CURSOR = "sqlite3.Connection", "sqlite3.Cursor"
_PSYCOPG, _PSYCOPG_CURSOR = "psycopg.Connection", "psycopg.Cursor"
_POOL = "psycopg_pool.ConnectionPool"
_SIMPLE_POOL = "psycopg2.pool.SimpleConnectionPool"
_MAXIMUM = (1, "maxconn")
_FAILING = {
    f"{_SIMPLE_POOL}.getconn": _MAXIMUM,
    "psycopg2.pool.ThreadedConnectionPool.getconn": _MAXIMUM,
    "mysql.connector.pooling.MySQLConnectionPool.get_connection": (0, "pool_size"),
}
_PSYCOPG2, _PSYCOPG2_CURSOR = "psycopg2.extensions.connection", "psycopg2.extensions.cursor"
_PYMYSQL, _PYMYSQL_CURSOR = "pymysql.connections.Connection", "pymysql.cursors.Cursor"
_MYSQLDB, _MYSQLDB_CURSOR = "MySQLdb.connections.Connection", "MySQLdb.cursors.Cursor"
_MYSQL, _MYSQL_CURSOR = "mysql.connector.connection.MySQLConnection", "mysql.connector.cursor.MySQLCursor"
_SNOWFLAKE, _SNOWFLAKE_CURSOR = "snowflake.connector.SnowflakeConnection", "snowflake.connector.cursor.SnowflakeCursor"
_CLICKHOUSE = "clickhouse_connect.driver.client.Client"
_DUCKDB = "duckdb.DuckDBPyConnection"

_EXECUTE = ("execute", "executemany", "callproc")
_FETCH = ("fetchone", "fetchmany", "fetchall")
_END = ("commit", "rollback")
# Drivers that wait in `execute` and in `fetchall` alike: the connection, and its cursor.
_FETCHING = (
    (_MYSQL, _MYSQL_CURSOR),
    ("pyodbc.Connection", "pyodbc.Cursor"),
    ("oracledb.Connection", "oracledb.Cursor"),
    ("cx_Oracle.Connection", "cx_Oracle.Cursor"),
    ("pymssql.Connection", "pymssql.Cursor"),
    (_SNOWFLAKE, _SNOWFLAKE_CURSOR),
    ("trino.dbapi.Connection", "trino.dbapi.Cursor"),
)
# Drivers whose ordinary cursor holds all rows once `execute` is done.
_BUFFERING = (
    (_SQLITE, _SQLITE_CURSOR),
    (_PSYCOPG, _PSYCOPG_CURSOR),
    (_PSYCOPG2, _PSYCOPG2_CURSOR),
    (_PYMYSQL, _PYMYSQL_CURSOR),
    (_MYSQLDB, _MYSQLDB_CURSOR),
)
_COMMITTING = frozenset({_SNOWFLAKE, "trino.dbapi.Connection"})  # each statement, unless they are told otherwise
_CONNECT = {
    "sqlite3.connect": _SQLITE,
    "psycopg.connect": _PSYCOPG,
    f"{_PSYCOPG}.connect": _PSYCOPG,
    "psycopg2.connect": _PSYCOPG2,
    "pymysql.connect": _PYMYSQL,
    "MySQLdb.connect": _MYSQLDB,
    "mysql.connector.connect": _MYSQL,
    "pyodbc.connect": "pyodbc.Connection",
    "oracledb.connect": "oracledb.Connection",
    "cx_Oracle.connect": "cx_Oracle.Connection",
    "pymssql.connect": "pymssql.Connection",
    "snowflake.connector.connect": _SNOWFLAKE,
    "trino.dbapi.connect": "trino.dbapi.Connection",
    "clickhouse_connect.get_client": _CLICKHOUSE,
    "duckdb.connect": _DUCKDB,
}
_AT_ONCE = frozenset({"sqlite3.connect", "trino.dbapi.connect", "duckdb.connect"})  # they ask nobody yet


def is_entered(site: Site, _function: Function) -> bool:
    """Whether the call is the manager of a `with`: what it gives waits when it is entered."""
    return site.entered


library = Library(
    "Database drivers",
    blocking=(
        Blocking(_RULE, tuple(name for name in _CONNECT if name not in _AT_ONCE)),
        Blocking(_RULE, tuple(f"{c}.{name}" for pair in _FETCHING for c in pair[1:] for name in (*_EXECUTE, *_FETCH))),
        Blocking(_RULE, tuple(f"{c}.{name}" for pair in _BUFFERING for c in pair[1:] for name in _EXECUTE)),
        Blocking(_RULE, tuple(f"{pair[0]}.{name}" for pair in (*_FETCHING, *_BUFFERING) for name in _END)),
        Blocking(_RULE, tuple(f"{_SQLITE}.{name}" for name in ("execute", "executemany", "executescript", "backup"))),
        Blocking(_RULE, (f"{_SQLITE_CURSOR}.executescript", f"{_PSYCOPG}.execute", "pyodbc.Connection.execute")),
        Blocking(_RULE, (f"{_POOL}.connection",), when=is_entered),
        Blocking(_RULE, (f"{_POOL}.getconn", f"{_POOL}.wait")),
        Blocking(_RULE, tuple(f"{_PSYCOPG2_CURSOR}.{name}" for name in ("copy_from", "copy_to", "copy_expert"))),
        Blocking(_RULE, ("psycopg2.extras.execute_values", "psycopg2.extras.execute_batch")),
        Blocking(_RULE, (f"{_SNOWFLAKE_CURSOR}.fetch_pandas_all", f"{_SNOWFLAKE}.execute_string")),
        Blocking(
            _RULE,
            tuple(
                f"{_CLICKHOUSE}.{name}"
                for name in (
                    *("query", "command", "insert", "ping", "raw_query", "raw_insert", "query_df", "insert_df"),
                    *("query_np", "query_arrow", "insert_arrow"),
                )
            ),
        ),
        Blocking(
            _RULE,
            tuple(f"clickhouse_driver.Client.{name}" for name in ("execute", "query_dataframe", "insert_dataframe")),
        ),
        Blocking(_RULE, (f"{_DUCKDB}.execute", f"{_DUCKDB}.executemany", "duckdb.execute"), Weight.CPU),
    ),
    aliases={
        "_sqlite3.connect": "sqlite3.connect",
        "sqlite3.dbapi2": "sqlite3",
        "psycopg.connection.Connection": _PSYCOPG,
        "psycopg.cursor.Cursor": _PSYCOPG_CURSOR,
        "psycopg_pool.pool.ConnectionPool": _POOL,
        "psycopg2._psycopg.connection": _PSYCOPG2,
        "psycopg2._psycopg.cursor": _PSYCOPG2_CURSOR,
        "psycopg2.extras.DictCursor": _PSYCOPG2_CURSOR,
        "psycopg2.extras.RealDictCursor": _PSYCOPG2_CURSOR,
        "pymysql.Connection": _PYMYSQL,
        "pymysql.Connect": "pymysql.connect",
        "pymysql.cursors.DictCursor": _PYMYSQL_CURSOR,
        "MySQLdb.Connect": "MySQLdb.connect",
        "MySQLdb.cursors.DictCursor": _MYSQLDB_CURSOR,
        "mysql.connector.MySQLConnection": _MYSQL,
        "mysql.connector.pooling.PooledMySQLConnection": _MYSQL,
        "oracledb.connection.Connection": "oracledb.Connection",
        "oracledb.cursor.Cursor": "oracledb.Cursor",
        "snowflake.connector.connection.SnowflakeConnection": _SNOWFLAKE,
        "clickhouse_connect.driver.Client": _CLICKHOUSE,
        "clickhouse_connect.driver.httpclient.HttpClient": _CLICKHOUSE,
        "clickhouse_driver.client.Client": "clickhouse_driver.Client",
    },
    results={
        **_CONNECT,
        **{f"{connection}.cursor": cursor for connection, cursor in (*_FETCHING, *_BUFFERING)},
        **{f"{_SQLITE}.{name}": _SQLITE_CURSOR for name in ("execute", "executemany", "executescript")},
        f"{_SQLITE_CURSOR}.execute": _SQLITE_CURSOR,
        f"{_PSYCOPG}.execute": _PSYCOPG_CURSOR,
        f"{_PSYCOPG_CURSOR}.execute": _PSYCOPG_CURSOR,
        f"{_POOL}.connection": _PSYCOPG,
        f"{_POOL}.getconn": _PSYCOPG,
        **{f"psycopg2.pool.{pool}.getconn": _PSYCOPG2 for pool in ("SimpleConnectionPool", "ThreadedConnectionPool")},
        "mysql.connector.pooling.MySQLConnectionPool.get_connection": _MYSQL,
        "pyodbc.Connection.execute": "pyodbc.Cursor",
        "pyodbc.Cursor.execute": "pyodbc.Cursor",
        **{f"{oracle}.create_pool": f"{oracle}.ConnectionPool" for oracle in ("oracledb", "cx_Oracle")},
        **{f"{oracle}.ConnectionPool.acquire": f"{oracle}.Connection" for oracle in ("oracledb", "cx_Oracle")},
        f"{_SNOWFLAKE_CURSOR}.execute": _SNOWFLAKE_CURSOR,
        f"{_DUCKDB}.execute": _DUCKDB,
        f"{_DUCKDB}.cursor": _DUCKDB,
    },
    pooled=frozenset(
        {
            *(f"{_POOL}.{name}" for name in ("connection", "getconn")),
            *_FAILING,
            "dbutils.pooled_db.PooledDB.connection",
            *(f"{oracle}.ConnectionPool.acquire" for oracle in ("oracledb", "cx_Oracle")),
        }
    ),
    failing=_FAILING,
    thread_bound=frozenset({_SIMPLE_POOL}),  # https://www.psycopg.org/docs/pool.html: not to be shared by threads
    # PEP 249 lets threads share a connection at most, and then they share its transaction: `threadsafety` is 1 or 2.
    exclusive=frozenset({name for pair in (*_FETCHING, *_BUFFERING) for name in pair} | {_DUCKDB}),
    transactional=frozenset(
        {name for pair in (*_FETCHING, *_BUFFERING) if pair[0] not in _COMMITTING for name in pair}
    ),
)
