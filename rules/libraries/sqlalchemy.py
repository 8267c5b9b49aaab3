"""SQLAlchemy and SQLModel: what reaches the database, and what only builds a statement.

https://docs.sqlalchemy.org/en/21/orm/session_api.html and https://sqlmodel.tiangolo.com/
"""

from msgspec.structs import replace

from rules.core.facts import Attribute, Call, Function, Name, Site, last_name, names_in
from rules.core.library import Blocking, Ending, Library, Rows, Sessions

SESSION = "sqlalchemy.orm.Session"
QUERY = "sqlalchemy.orm.Query"
ASYNC_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"

_SESSION = (
    *("execute", "scalar", "scalars", "get", "get_one", "commit", "rollback", "flush", "refresh", "merge", "close"),
    *("delete_all", "merge_all", "invalidate", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"),
)
_QUERY = (
    *("all", "first", "one", "one_or_none", "scalar", "count", "get", "delete", "update"),
    *("__iter__",),
)
_CONNECTION = ("execute", "exec_driver_sql", "scalar", "scalars", "commit", "rollback")
_AWAITED = (
    *("execute", "scalar", "scalars", "get", "get_one", "commit", "rollback", "flush", "refresh", "merge", "delete"),
    *("close", "connection", "invalidate", "reset", "stream", "stream_scalars", "run_sync", "delete_all", "merge_all"),
)
_METADATA = ("sqlalchemy.MetaData", "sqlalchemy.orm.DeclarativeBase.metadata", "sqlmodel.SQLModel.metadata")
_PAGES = ("sqlalchemy", "sqlalchemy_future", "sqlmodel")  # https://uriyyo-fastapi-pagination.netlify.app/
_TABLES = (
    "read_sql",
    "read_sql_query",
    "read_sql_table",
    "DataFrame.to_sql",
)  # https://pandas.pydata.org/docs/reference/io.html
_AT_ONCE = ("add", "add_all", "expunge", "expunge_all", "expire", "expire_all")  # of AsyncSession, yet not awaited
_QUICK = frozenset(f"{session}.{name}" for session in (SESSION, ASYNC_SESSION) for name in _AT_ONCE)

_CHANGING = frozenset({"add", "add_all", "delete", "merge"})
_ASKING = frozenset({*_SESSION, "exec", "query", *_QUERY}) - {"merge", "delete", "close"}


def commits_at_end(site: Site, function: Function) -> bool:
    """Whether a `with` over a transaction is what reaches the database first: only as it ends, to write what was added."""
    called = {last_name(other.call.callee) for other in function.sites}
    return site.entered and not site.suspending and not called.isdisjoint(_CHANGING) and called.isdisjoint(_ASKING)


def is_in_use(site: Site, function: Function) -> bool:
    """Whether a session that is rolled back may hold a connection: not where the function, whose own it is, does nothing else with
    it than to close it.
    """
    session = site.call.callee.of if isinstance(site.call.callee, Attribute) else None
    if not isinstance(session, Name) or not _is_own(session.id, function):
        return True
    others = [other.call for other in function.sites if last_name(other.call.callee) not in {"rollback", "close"}]
    parts = [part for call in others for part in (call.callee, *call.arguments, *(value for _, value in call.keywords))]
    parts += [*function.results, *function.yields]
    parts += [b.value for name, bindings in function.bindings.items() for b in bindings if name != session.id]
    return any(session.id in names_in(part) for part in parts)


def _is_own(name: str, function: Function) -> bool:
    """Whether a function makes a session itself, or it is handed one by FastAPI."""
    given = next((parameter for parameter in function.parameters if parameter.name == name), None)
    if given is None:
        return name in function.bindings
    is_handed = isinstance(given.default, Call) and last_name(given.default.callee) in {"Depends", "Security"}
    return is_handed or (bool(function.decorators) and function.owner < 0)


# https://docs.sqlalchemy.org/en/21/orm/extensions/asyncio.html and
# https://docs.sqlalchemy.org/en/21/changelog/migration_20.html#legacy-query-usage
_SESSIONS = Sessions(
    of=SESSION,
    instead=ASYNC_SESSION,
    quick=frozenset({*_AT_ONCE, "is_modified", "in_transaction", "in_nested_transaction"}),
    unlike=frozenset({"connection", "stream", "stream_scalars", "run_sync"}),
    attributes=frozenset({"new", "dirty", "deleted", "no_autoflush", "is_active", "info"}),
    entered=frozenset({"begin", "begin_nested"}),
    expiring=frozenset({"commit", "begin"}),
    losing=frozenset({"rollback", "expire", "expire_all", "begin_nested"}),
    refresh="refresh",
    bridge="run_sync",
    factories=frozenset({"sqlalchemy.orm.sessionmaker", "sqlalchemy.ext.asyncio.async_sessionmaker"}),
    engines={"sqlalchemy.create_engine": "sqlalchemy.ext.asyncio.create_async_engine"},
    query="query",
    building=frozenset(
        {
            *(
                "filter",
                "filter_by",
                "where",
                "order_by",
                "offset",
                "limit",
                "join",
                "outerjoin",
                "options",
                "group_by",
            ),
            *("having", "distinct", "with_for_update"),
        }
    ),
    endings={
        "all": Ending("all", "all"),
        "first": Ending("first", "first", one=True),
        "one": Ending("one", "one"),
        "one_or_none": Ending("one_or_none", "one_or_none"),
        "scalar": Ending("one_or_none", "scalar_one_or_none"),
    },
    drivers={
        **dict.fromkeys(("postgresql", "postgres", "psycopg2", "pg8000"), "postgresql+asyncpg"),
        "psycopg": "postgresql+psycopg",
        **dict.fromkeys(("mysql", "pymysql", "mysqldb", "mysqlconnector", "mariadb"), "mysql+asyncmy"),
        "oracle": "oracle+oracledb_async",
        "oracledb": "oracle+oracledb_async",
        "mssql": "mssql+aioodbc",
        "pyodbc": "mssql+aioodbc",
    },
    same=frozenset({("psycopg", "psycopg"), ("pysqlite", "aiosqlite"), ("sqlite", "aiosqlite")}),
)

SELECT, RESULT, SCALARS = "sqlalchemy.Select", "sqlalchemy.engine.Result", "sqlalchemy.engine.ScalarResult"
_BUILT = (
    *_SESSIONS.building,
    "select_from",
    "execution_options",
    "correlate",
    "params",
    "reset_joinpoint",
    "populate_existing",
)
_ONE = ("first", "one", "one_or_none")
_BOTH = (SESSION, ASYNC_SESSION)

library = Library(
    "SQLAlchemy",
    sessions=(
        _SESSIONS,
        replace(_SESSIONS, of="sqlmodel.Session", instead="sqlmodel.ext.asyncio.session.AsyncSession"),
    ),
    blocking=(
        Blocking(
            "databases/session", tuple(f"{SESSION}.{name}" for name in _SESSION if name not in {"close", "rollback"})
        ),
        Blocking("databases/session", (f"{SESSION}.rollback",), when=is_in_use),
        Blocking(
            "databases/session",
            ("sqlalchemy.orm.sessionmaker.begin", f"{SESSION}.begin"),
            opens=True,
            when=commits_at_end,
        ),
        Blocking("databases/session", tuple(f"pandas.{name}" for name in _TABLES)),
        Blocking("databases/session", ("sqlmodel.Session.exec",)),
        Blocking("databases/session", tuple(f"{QUERY}.{name}" for name in _QUERY)),
        Blocking("databases/session", tuple(f"sqlalchemy.engine.Connection.{name}" for name in _CONNECTION)),
        Blocking("databases/session", ("sqlalchemy_filters.apply_pagination",)),  # it counts the rows
        Blocking("databases/session", tuple(f"fastapi_pagination.ext.{name}.paginate" for name in _PAGES), either=True),
        Blocking("databases/session", ("sqlalchemy.engine.Engine.connect", "sqlalchemy.engine.Engine.begin")),
        Blocking(
            "databases/session",
            tuple(f"{metadata}.{name}" for metadata in _METADATA for name in ("create_all", "drop_all", "reflect")),
        ),
    ),
    aliases={
        "sqlalchemy.orm.session.Session": SESSION,
        "sqlalchemy.orm.session.sessionmaker": "sqlalchemy.orm.sessionmaker",
        "sqlalchemy.orm.query.Query": QUERY,
        "sqlalchemy.orm.scoping.scoped_session": "sqlalchemy.orm.scoped_session",
        "sqlmodel.orm.session.Session": "sqlmodel.Session",
        "sqlmodel.create_engine": "sqlalchemy.create_engine",
        "sqlalchemy.engine.create_engine": "sqlalchemy.create_engine",
        "sqlalchemy.engine.create.create_engine": "sqlalchemy.create_engine",
        "sqlalchemy.engine.base.Engine": "sqlalchemy.engine.Engine",
        "sqlalchemy.Engine": "sqlalchemy.engine.Engine",
        "sqlalchemy.Connection": "sqlalchemy.engine.Connection",
        "sqlalchemy.engine.base.Connection": "sqlalchemy.engine.Connection",
        "sqlalchemy.ext.asyncio.session.AsyncSession": ASYNC_SESSION,
        "sqlalchemy.ext.asyncio.engine.create_async_engine": "sqlalchemy.ext.asyncio.create_async_engine",
        "sqlalchemy.schema.MetaData": "sqlalchemy.MetaData",
        "sqlalchemy.future.select": "sqlalchemy.select",
        "sqlalchemy.sql.select": "sqlalchemy.select",
        "sqlalchemy.sql.expression.select": "sqlalchemy.select",
        "sqlalchemy.ext.asyncio.session.async_sessionmaker": "sqlalchemy.ext.asyncio.async_sessionmaker",
    },
    singletons=frozenset({"fastapi_sqlalchemy.db", "fastapi_async_sqlalchemy.db"}),
    attributes={  # https://github.com/mfreeborn/fastapi-sqlalchemy and https://github.com/h0rn3t/fastapi-async-sqlalchemy
        "fastapi_sqlalchemy.db.session": SESSION,
        "fastapi_async_sqlalchemy.db.session": ASYNC_SESSION,
    },
    bases={
        "sqlmodel.Session": (SESSION,),
        "sqlalchemy.orm.scoped_session": (SESSION,),
        "sqlmodel.ext.asyncio.session.AsyncSession": (ASYNC_SESSION,),
        "sqlalchemy.ext.asyncio.async_scoped_session": (ASYNC_SESSION,),
    },
    quick=_QUICK,
    exclusive=frozenset(
        {SESSION, ASYNC_SESSION, "sqlalchemy.engine.Connection"}
    ),  # https://docs.sqlalchemy.org/en/21/orm/session_basics.html#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks
    transactional=frozenset({SESSION, "sqlalchemy.engine.Connection"}),
    per_thread=frozenset({"sqlalchemy.orm.scoped_session"}),
    factories={
        "sqlalchemy.orm.sessionmaker": SESSION,
        "sqlalchemy.orm.scoped_session": "sqlalchemy.orm.scoped_session",
        "sqlalchemy.ext.asyncio.async_sessionmaker": ASYNC_SESSION,
    },
    results={
        "sqlalchemy_filters.apply_filters": QUERY,
        "sqlalchemy_filters.apply_sort": QUERY,
        "sqlalchemy.orm.declarative_base": "sqlalchemy.orm.DeclarativeBase",
        "sqlalchemy.orm.sessionmaker": "sqlalchemy.orm.sessionmaker",
        "sqlalchemy.orm.scoped_session": "sqlalchemy.orm.scoped_session",
        "sqlalchemy.ext.asyncio.async_sessionmaker": "sqlalchemy.ext.asyncio.async_sessionmaker",
        "sqlalchemy.orm.sessionmaker.begin": SESSION,
        f"{SESSION}.query": QUERY,
        f"{SESSION}.begin": SESSION,
        f"{SESSION}.connection": "sqlalchemy.engine.Connection",
        f"{SESSION}.execute": "sqlalchemy.engine.Result",
        f"{QUERY}.*": "self",
        **{f"{QUERY}.{name}": "sqlalchemy.orm.Loaded" for name in _QUERY},
        "sqlalchemy.create_engine": "sqlalchemy.engine.Engine",
        "sqlalchemy.ext.asyncio.create_async_engine": "sqlalchemy.ext.asyncio.AsyncEngine",
        **{f"{ASYNC_SESSION}.{name}": "builtins.NoneType" for name in _AT_ONCE},
        "sqlalchemy.ext.asyncio.AsyncEngine.begin": "sqlalchemy.ext.asyncio.AsyncConnection",
        "sqlalchemy.ext.asyncio.AsyncEngine.connect": "sqlalchemy.ext.asyncio.AsyncConnection",
        "sqlalchemy.engine.Engine.connect": "sqlalchemy.engine.Connection",
        "sqlalchemy.engine.Engine.begin": "sqlalchemy.engine.Connection",
        "sqlalchemy.select": SELECT,
        "sqlmodel.select": SELECT,
        **{f"{SELECT}.{name}": "self" for name in _BUILT},
        f"{ASYNC_SESSION}.execute": RESULT,
        **{f"{session}.scalars": SCALARS for session in _BOTH},
        "sqlmodel.Session.exec": SCALARS,
        "sqlmodel.ext.asyncio.session.AsyncSession.exec": SCALARS,
        f"{RESULT}.scalars": SCALARS,
        f"{RESULT}.unique": RESULT,
        f"{SCALARS}.unique": SCALARS,
    },
    rows={
        **dict.fromkeys(("sqlalchemy.select", "sqlmodel.select", f"{SESSION}.query"), Rows.OF_ARGUMENT),
        **{f"{query}.{name}": Rows.KEPT for query in (QUERY, SELECT) for name in _BUILT},
        **{f"{query}.{name}": Rows.ONE for query in (QUERY, SCALARS, RESULT) for name in _ONE},
        **{f"{RESULT}.{name}": Rows.ONE_OF_TUPLES for name in ("scalar", "scalar_one", "scalar_one_or_none")},
        **{f"{query}.all": Rows.MANY for query in (QUERY, SCALARS, RESULT)},
        f"{QUERY}.get": Rows.ONE,
        **{f"{session}.{name}": Rows.ONE_OF_ARGUMENT for session in _BOTH for name in ("get", "get_one")},
        **{f"{session}.execute": Rows.ASKED_AS_TUPLES for session in _BOTH},
        **{f"{session}.scalars": Rows.ASKED for session in _BOTH},
        **{f"{session}.scalar": Rows.ONE_ASKED for session in _BOTH},
        "sqlmodel.Session.exec": Rows.ASKED,
        "sqlmodel.ext.asyncio.session.AsyncSession.exec": Rows.ASKED,
        f"{RESULT}.scalars": Rows.KEPT_OF_TUPLES,
        **dict.fromkeys((f"{RESULT}.unique", f"{SCALARS}.unique"), Rows.KEPT),
    },
    coroutines=frozenset(
        {
            *(f"{ASYNC_SESSION}.{name}" for name in _AWAITED),
            "sqlmodel.ext.asyncio.session.AsyncSession.exec",
            f"{ASYNC_SESSION}.__aenter__",
            "sqlalchemy.ext.asyncio.AsyncConnection.__aenter__",
        }
    ),
)
