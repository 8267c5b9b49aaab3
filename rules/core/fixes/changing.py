"""Statements that change rows or tables: those that are executed, and those that a session sends itself before it asks for others."""

import ast
from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Computed, Constant, Expression, Name, Site, last_name, names_in
from rules.core.fixes.document import Document
from rules.core.fixes.sharing.exclusive import is_called_on
from rules.core.fixes.taken.transactions import flushes_before_asking, is_kept_open
from rules.core.usage import given_to
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

_EXECUTING = frozenset({"execute", "executemany", "exec_driver_sql", "exec"})
_CHANGES = frozenset({"insert", "update", "delete"})
_WRITING = frozenset({*_CHANGES, "replace", "merge"})
_OF_TABLES = frozenset({"alter", "drop", "lock", "reindex", "truncate"})
"""Those that lock a whole table: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES."""
_OF_QUERY = frozenset({"sqlalchemy.orm.Query.update", "sqlalchemy.orm.Query.delete"})
_ADDING = frozenset({"add", "add_all", "delete", "merge"})
_ASKING = frozenset({"execute", "scalar", "scalars", "exec", "get", "get_one"})
_ENDINGS = frozenset({"all", "first", "one", "one_or_none", "scalar", "count", "get", "update", "delete"})
_QUERY = "sqlalchemy.orm.Query."


def executes_change(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call has the database change rows or tables, in a transaction that is not ended by that."""
    if (method := last_name(site.call.callee)) not in _EXECUTING | _CHANGES:
        return False
    where = Where(function.path, function.index, site.line)
    if method in _CHANGES:
        value = contexts.project.value(site.call.callee, where)
        return isinstance(value, Outside) and value.name in _OF_QUERY and is_kept_open(value.name, contexts)
    given = given_to(site.call)
    return _stays_open(site, where, contexts) and bool(given) and _is_change(given[0], where, contexts)


def executes_written_out(site: Site, function: ProjectFunction, contexts: Contexts, document: Document) -> bool:
    """The same of a text that names are put into, which begins with what it does: `f"DROP TABLE {name}"`."""
    if last_name(site.call.callee) not in _EXECUTING:
        return False
    call, where = document.call_at(site.span), Where(function.path, function.index, site.line)
    given = call.args[0] if call is not None and call.args else None
    if isinstance(given, ast.Call) and given.args:
        given = given.args[0]  # of `text`
    first = given.values[0] if isinstance(given, ast.JoinedStr) and given.values else None
    if not (isinstance(first, ast.Constant) and _says_change(str(first.value))):
        return False
    return _stays_open(site, where, contexts)


def _stays_open(site: Site, where: Where, contexts: Contexts) -> bool:
    """Whether a call executes a statement in a transaction that is not ended by it."""
    if not is_called_on(contexts.project.knowledge.transactional, site.call, where, contexts):
        return False
    return is_kept_open(_class_of_receiver(site, where, contexts), contexts)


def _says_change(text: str) -> bool:
    """Whether a statement begins with what changes rows or tables."""
    return next(iter(text.split(maxsplit=1)), "").lower() in _WRITING | _OF_TABLES


def _class_of_receiver(site: Site, where: Where, contexts: Contexts) -> str:
    receiver = contexts.project.value(site.call.callee.of, where) if isinstance(site.call.callee, Attribute) else None
    return receiver.of.name if isinstance(receiver, Object) and isinstance(receiver.of, Outside) else ""


def _is_change(statement: Expression | None, where: Where, contexts: Contexts, depth: int = 0) -> bool:
    """Whether a statement changes rows: as a text, or as SQLAlchemy builds it."""
    match statement:
        case Constant(value=str(text)):
            return _says_change(text)
        case Computed(parts=(first, *_)):
            return _is_change(first, where, contexts, depth)
        case Call(callee=Name() | Attribute(of=Name()) as callee, arguments=given):
            value = contexts.project.value(callee, where)
            name = value.name if isinstance(value, Outside) and value.name.startswith("sqlalchemy.") else ""
            made = name.rpartition(".")[2]
            return made in _CHANGES or (made == "text" and bool(given) and _is_change(given[0], where, contexts, depth))
        case Call(callee=Attribute(of=Call() as of)):
            return _is_change(of, where, contexts, depth)
        case Name(id=name) if depth == 0:
            return any(_is_change(one, where, contexts, 1) for one in _bound(name, where, contexts))
        case _:
            return False


def _bound(name: str, where: Where, contexts: Contexts) -> Iterator[Expression]:
    """What a name is last given above a line: in the function, else in its module."""
    own = contexts.project.function(ProjectFunction(where.path, where.function)).bindings.get(name)
    bindings = own if own is not None else contexts.project.facts[where.path].bound(name)
    above = [binding for binding in bindings if own is None or binding.line <= where.line]
    yield from (binding.value for binding in above[-1:])


def flushes_changes(place: int, begin: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call asks a session that was given or changed rows since another call, which it sends before: `autoflush`.

    https://docs.sqlalchemy.org/en/21/orm/session_basics.html#flushing
    """
    facts = contexts.project.function(function)
    site = facts.sites[place]
    session = _session(site, function, contexts)
    if session is None or ".no_autoflush" in facts.reads or not flushes_before_asking(contexts):
        return False
    between = [other for other in facts.sites[begin + 1 : place] if other.span.end <= site.span.start]
    if any(_adds_to(session, other) for other in between):
        return True
    first = facts.sites[begin].line if begin >= 0 else facts.line
    return any(
        _is_row(name, session, function, contexts) for name in _set_between(first, site.line, function, contexts)
    )


def _session(site: Site, function: ProjectFunction, contexts: Contexts) -> Expression | None:
    """The session that a call asks for rows; None where it does not."""
    callee = site.call.callee
    if not isinstance(callee, Attribute) or callee.name not in _ASKING | _ENDINGS:
        return None
    where, classes = Where(function.path, function.index, site.line), frozenset(contexts.project.knowledge.sessions)
    if callee.name in _ASKING and is_called_on(classes, site.call, where, contexts):
        return callee.of
    value = contexts.project.value(callee, where)
    if not (isinstance(value, Outside) and value.name.startswith(_QUERY)):
        return None
    of: Expression = callee.of
    while isinstance(of, Call) and isinstance(of.callee, Attribute):
        of = of.callee.of
    return of


def _adds_to(session: Expression, site: Site) -> bool:
    callee = site.call.callee
    return isinstance(callee, Attribute) and callee.name in _ADDING and callee.of == session and not site.awaited


def _set_between(first: int, last: int, function: ProjectFunction, contexts: Contexts) -> Iterator[str]:
    """The names of objects of which a function sets attributes between two lines."""
    for name, bindings in contexts.project.function(function).bindings.items():
        of, dot, attribute = name.partition(".")
        if of and dot and "." not in attribute and any(first <= one.line < last for one in bindings):
            yield of


def _is_row(name: str, session: Expression, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a name stands for an object that the session has given."""
    bindings = contexts.project.function(function).bindings.get(name, ())
    value = contexts.project.name(name, Where(function.path, function.index, bindings[-1].line if bindings else 0))
    is_object = isinstance(value, Object) and isinstance(value.of, ProjectClass)
    return is_object and any(names_in(session) & names_in(binding.value) for binding in bindings)
