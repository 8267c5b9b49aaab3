"""What the databases of a project are told of transactions: to commit each statement, to send what was added only where that is asked
for. Nobody waits for what lies in memory.
"""

from collections.abc import Iterator, Mapping

from rules.core.contexts import Contexts
from rules.core.facts import Call, Constant, Name
from rules.core.repository import is_offline
from rules.core.values import Outside, Where

_OPENING = frozenset({"sqlalchemy.create_engine", "sqlite3.connect"})  # what may lie in memory
_IN_MEMORY = frozenset({":memory:", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite:///:memory:"})
_SETTING = ("set_autocommit", "set_isolation_level", "autocommit")  # of connections, by whatever name
_ADJUSTING = ("set_session", "execution_options")  # where they are told so
_TOLD = ("autocommit", "isolation_level")
_OFF = (Constant(False, "bool"), Constant(0, "int"))
_AT_ONCE = (Constant(None, "NoneType"), Constant("AUTOCOMMIT", "str"), Constant(True, "bool"))


def is_kept_open(name: str, contexts: Contexts) -> bool:
    """Whether a statement begins a transaction that others may have to wait for, by the dotted name of what executes it."""
    table = contexts.table("databases that lock nothing", lambda: _lock_nothing(contexts))
    return not (table.get("") or table.get(name.partition(".")[0]) or ("sqlmodel" in name and table.get("sqlalchemy")))


def _lock_nothing(contexts: Contexts) -> Mapping[str, bool]:
    """The packages by which a project asks databases that commit each statement, or lie in memory; an empty name for all."""
    project = contexts.project
    found = dict[str, bool]()
    stating = (path for name in _TOLD for path in project.stating.get(name, ()))
    calling = (path for name in _SETTING for path in project.calling.get(name, ()))
    adjusting = (call for name in _ADJUSTING for call, _ in _called(name, contexts))
    if not all(map(is_offline, (*stating, *calling))) or any(map(_commits_at_once, adjusting)):
        found[""] = True
    in_memory = dict[str, list[bool]]()
    for name, call, at in _connecting(contexts):
        package = name.partition(".")[0]
        if name in _OPENING:
            in_memory.setdefault(package, []).append(_lies_in_memory(call, at, contexts))
        if _commits_at_once(call):
            found[package] = True
    return found | {package: True for package, told in in_memory.items() if all(told)}


def flushes_before_asking(contexts: Contexts) -> bool:
    """Whether the sessions of a project send what was changed before they ask for rows: none is told not to."""
    return contexts.table("sessions that flush", lambda: {"": _flush_before_asking(contexts)})[""]


def _flush_before_asking(contexts: Contexts) -> bool:
    sessions = contexts.project.knowledge.sessions.values()
    words = {name.rpartition(".")[2] for row in sessions for name in (row.of, *row.factories)}
    told = (dict(call.keywords).get("autoflush") for word in sorted(words) for call, _ in _called(word, contexts))
    return all(value is None or value not in _OFF for value in told)


def _commits_at_once(call: Call) -> bool:
    return any(key in _TOLD and value in _AT_ONCE for key, value in call.keywords)


def _lies_in_memory(engine: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a database certainly lies in memory."""
    given = dict(engine.keywords).get("url", engine.arguments[0] if engine.arguments else None)
    if isinstance(given, Name) and (origin := contexts.project.origin(given, where)) is not None:
        path, name = origin
        values = {binding.value for binding in contexts.project.facts[path].bound(name)}
        given = values.pop() if len(values) == 1 else None
    return isinstance(given, Constant) and given.value in _IN_MEMORY


def _connecting(contexts: Contexts) -> Iterator[tuple[str, Call, Where]]:
    """The calls that connect to databases, or make what does, each with the name of what is called."""
    knowledge = contexts.project.knowledge
    names = {name for name, of in knowledge.results.items() if of in knowledge.transactional} | _OPENING
    for word in sorted({name.rpartition(".")[2] for name in names}):
        for call, at in _called(word, contexts):
            value = contexts.project.value(call.callee, at)
            if isinstance(value, Outside) and value.name in names:
                yield value.name, call, at


def _called(word: str, contexts: Contexts) -> Iterator[tuple[Call, Where]]:
    for path in contexts.project.calling.get(word, ()):
        if not is_offline(path):
            yield from contexts.project.calls_named(path, word)
