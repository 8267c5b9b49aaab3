"""SQLite databases in memory, where each thread has one of its own: what one thread writes there, no other finds.

https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#using-a-memory-database-in-multiple-threads
"""

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Call, Constant, Site, last_name
from rules.core.fixes.sessions.addresses import Addresses
from rules.core.repository import is_offline
from rules.core.values import Outside, ProjectFunction, Where

IN_MEMORY = "the database lies in memory, and each thread has an empty one of its own"
_POOL = "SingletonThreadPool"  # what an engine of such a database has, if it is told of no other
_EMBEDDED = "peewee.Sqlite"
_ADDING, _MIDDLEWARE = "add_middleware", Outside("fastapi_sqlalchemy.DBSessionMiddleware")
_SQL, _ORM = "databases/session", "databases/orm"


def asks_own_database(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call asks a database of which each thread has one of its own."""
    rules = contexts.table("databases in memory", lambda: {"": _in_memory(contexts)})[""]
    found = contexts.blocking(site, Where(function.path, function.index, site.line)) if rules else None
    return found is not None and found[0].rule in rules


@told_once
def uses_own_database(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call in a function asks a database of which each thread has one of its own."""
    return any(asks_own_database(site, function, contexts) for site in contexts.project.function(function).sites)


def _in_memory(contexts: Contexts) -> frozenset[str]:
    """The rules that speak of what the program keeps in such a database."""
    project = contexts.project
    engines = {name for row in project.knowledge.sessions.values() for name in row.engines}
    words = sorted(
        {_ADDING} | {name.rpartition(".")[2] for name in engines} | {one for one in project.calling if "Sqlite" in one}
    )
    found = set[str]()
    for word in words:
        for path in project.calling.get(word, ()):
            if is_offline(path):
                continue
            for call, at in project.calls_named(path, word):
                of = project.value(call.callee, at)
                name = of.name if isinstance(of, Outside) else ""
                if word == _ADDING and _keeps_in_memory(call, at, contexts):
                    found.add(_SQL)
                if name in engines and _has_own_pool(call) and Addresses(project).is_in_memory(call, at):
                    found.add(_SQL)
                if name.startswith(_EMBEDDED) and call.arguments[:1] == (Constant(":memory:", "str"),):
                    found.add(_ORM)
    return frozenset(found)


def _keeps_in_memory(adding: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a call adds middleware that makes an engine of such a database."""
    added = contexts.project.value(adding.arguments[0], where) if adding.arguments else None
    told = dict(adding.keywords)
    if added != _MIDDLEWARE or "engine_args" in told:
        return False
    return Addresses(contexts.project).is_in_memory(Call(adding.callee, (told.get("db_url"),)), where)


def _has_own_pool(call: Call) -> bool:
    """Whether an engine keeps a connection for each thread: it is told of no pool."""
    told = dict(call.keywords)
    pool = told.get("poolclass")
    return "" not in told and "pool" not in told and (pool is None or last_name(pool) == _POOL)
