"""Rows that stay locked while a function awaits: those that it has asked to lock, and those that it has written."""

from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Entered, Expression, Function, Name, Site, Subscript, last_name
from rules.core.findings import Span
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.changing import executes_change, executes_written_out, flushes_changes
from rules.core.fixes.document import Document
from rules.core.fixes.places import calls_above, names_called
from rules.core.fixes.sharing.exclusive import is_called_on
from rules.core.fixes.taken.pools import is_cursor
from rules.core.fixes.texts import Texts
from rules.core.repository import is_offline
from rules.core.usage import reached
from rules.core.values import Object, Outside, ProjectFunction, Value, Where

ROWS = (
    "Rows or tables stay locked during the new `await`: a request that waits for them on the event loop stops all others, so hand "
    "over what locks them, too."
)
LOCKED = (
    "What it locks is free again only when the commit has got a thread as well: where all threads of the pool wait for the same "
    "rows, it gets none."
)
_LOCKING = frozenset({"with_for_update", "select_for_update"})
_ENDING = frozenset({"commit", "rollback"})
_LEAVING = frozenset({"commit", "close"})  # after a rollback, most raise
_CLOSING, _FLUSHING = "close", "flush"
_CALLERS = 3  # functions that await each other, up to the one that has written rows
_DEEPEST = 3  # names, from a cursor to the connection that a function is given


def has_rows_of_callers(function: ProjectFunction, contexts: Contexts, texts: Texts, hops: int = _CALLERS) -> bool:
    """Whether one that awaits a function has asked to lock rows, or has written some, above its call, and has not committed since."""
    callers = {
        ProjectFunction(at.path, at.function): document
        for _, at in contexts.project.calls_of(function)
        if not is_offline(at.path) and (document := texts.document(at.path)) is not None
    }
    return any(
        _has_rows_at(site.span, caller, contexts, document)
        or (hops > 1 and has_rows_of_callers(caller, contexts, texts, hops - 1))
        for caller, document in callers.items()
        for place, site in enumerate(contexts.project.function(caller).sites)
        if site.awaited and function in contexts.targets(caller, place)
    )


def _has_rows_at(span: Span, function: ProjectFunction, contexts: Contexts, document: Document) -> bool:
    """Whether a function has asked to lock rows, or has written some, above a place."""
    call = document.call_at(span)
    entered = {document.span(one) for one in document.managers_around(call)} if call is not None else set()
    return has_locked_rows(span, function, contexts) or has_changed_rows(span, entered, function, contexts, document)


def has_locked_rows(span: Span, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether rows are locked above a place, and no transaction ends in between.

    https://docs.sqlalchemy.org/en/21/orm/queryguide/query.html#sqlalchemy.orm.Query.with_for_update
    """
    names = names_called(function, contexts)
    if _LOCKING.isdisjoint(names):
        return False
    above = [names[place] for place in calls_above(span, function, contexts)]
    locked = max((place for place, name in enumerate(above) if name in _LOCKING), default=len(above))
    return locked < len(above) and _ENDING.isdisjoint(above[locked:])


def locks_rows(span: Span, function: ProjectFunction, contexts: Contexts, document: Document) -> bool:
    """Whether a call itself locks rows, or writes some, which stay locked until a later call ends the transaction.

    In threads all may come to wait for one that needs one more: the pool of Starlette has 40 (https://www.starlette.io/threadpool/).
    """
    sites = contexts.project.function(function).sites
    ending = ending_transactions(function, contexts)
    at = next((place for place, site in enumerate(sites) if site.span == span), -1)
    if at < 0 or at in ending or not _ends_later(span, function, contexts):
        return False
    above = calls_above(span, function, contexts)
    ended = max((place for place in ending if place in above), default=-1)
    is_written = _changes(at, ended, function, contexts) or executes_written_out(
        sites[at], function, contexts, document
    )
    asks = any(isinstance(one, Attribute) and one.name in _LOCKING for one in _chain(sites[at].call))
    return (is_written or asks) and stands_within(span, set(), function, contexts, document)


def _ends_later(span: Span, function: ProjectFunction, contexts: Contexts, hops: int = _CALLERS) -> bool:
    """Whether a call ends the transaction behind a place: there, or where those stand that await the function."""
    sites = contexts.project.function(function).sites
    if any(sites[place].span.start >= span.end for place in ending_transactions(function, contexts)):
        return True
    return hops > 1 and any(
        site.awaited and _ends_later(site.span, caller, contexts, hops - 1)
        for _, at in contexts.project.calls_of(function)
        if not is_offline(at.path)
        for caller in (ProjectFunction(at.path, at.function),)
        for place, site in enumerate(contexts.project.function(caller).sites)
        if function in contexts.targets(caller, place)
    )


def _chain(call: Call) -> Iterator[Expression]:
    """What a call is made on, outermost first: `q.with_for_update().first`, `q.with_for_update`, `q`."""
    of: Expression | None = call.callee
    while isinstance(of, (Attribute, Call)):
        yield of
        of = of.of if isinstance(of, Attribute) else of.callee


def has_changed_rows(
    span: Span, entered: set[Span], function: ProjectFunction, contexts: Contexts, document: Document
) -> bool:
    """Whether rows were written above a place, there or in a helper that is given the connection, and not committed in between.

    The database lets others wait for such rows, and for what may be there only once. Who waits on the event loop keeps the function
    from its commit, unless the call itself makes that in the thread: https://www.postgresql.org/docs/current/explicit-locking.html.
    """
    sites = contexts.project.function(function).sites
    above = calls_above(span, function, contexts)
    ending = ending_transactions(function, contexts)
    ended = max((place for place in ending if place in above), default=-1)
    if any(sites[place].span == span for place in ending):
        return False
    return any(
        place > ended
        and (
            _changes(place, ended, function, contexts)
            or executes_written_out(sites[place], function, contexts, document)
        )
        and stands_within(sites[place].span, entered, function, contexts, document)
        for place in above
    )


def stands_within(
    span: Span, entered: set[Span], function: ProjectFunction, contexts: Contexts, document: Document
) -> bool:
    """Whether no `with` around a call ends the transaction, but for those of which the managers are given."""
    call = document.call_at(span)
    managers = document.managers_around(call) if call is not None else []
    where = Where(function.path, function.index, span.line)
    return call is not None and all(
        document.span(one) in entered or _stays_open(contexts.project.value(as_expression(one), where), contexts)
        for one in managers
    )


def _stays_open(value: Value | None, contexts: Contexts) -> bool:
    """Whether a transaction goes on where it is closed: a cursor, or what has nothing to do with a database."""
    if not (isinstance(value, Object) and isinstance(value.of, Outside)):
        return False
    knowledge = contexts.project.knowledge
    return is_cursor(value) or knowledge.transactional.isdisjoint(knowledge.family(value.of.name))


def _changes(place: int, ended: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call writes rows, itself or in a helper that leaves the transaction open; the last one was ended by a call before."""
    if _changes_itself(place, ended, function, contexts):
        return True
    return any(_leaves_changed(target, contexts) for target in contexts.targets(function, place))


def _changes_itself(place: int, ended: int, function: ProjectFunction, contexts: Contexts) -> bool:
    site = contexts.project.function(function).sites[place]
    if site.awaited:
        return False
    return (
        _is_flush(site, function, contexts)
        or executes_change(site, function, contexts)
        or flushes_changes(place, ended, function, contexts)
    )


def _is_flush(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    classes = frozenset(contexts.project.knowledge.sessions)
    where = Where(function.path, function.index, site.line)
    return last_name(site.call.callee) == _FLUSHING and is_called_on(classes, site.call, where, contexts)


@told_once
def _leaves_changed(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function writes rows by what it is given, or what its object keeps, and leaves the transaction open."""
    return any(_changes_given(one, contexts) for one in reached(function, contexts)) and not commits(function, contexts)


def _changes_given(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    return any(
        is_given(site.call.callee, facts) and _changes_itself(place, -1, function, contexts)
        for place, site in enumerate(facts.sites)
    )


def is_given(callee: Expression, facts: Function) -> bool:
    """Whether a method is called on a parameter, on an attribute, or on what comes of one."""
    of, depth = callee, 0
    while depth < _DEEPEST:
        match of:
            case Call(callee=inner) | Subscript(of=inner):
                of = inner
            case Attribute(of=Attribute()):
                return True
            case Attribute(of=inner):
                of = inner
            case Name(id=name) if any(parameter.name == name for parameter in facts.parameters):
                return True
            case Name(id=name) if bindings := facts.bindings.get(name):
                of, depth = bindings[-1].value, depth + 1
            case Entered(of=inner):
                of = inner
            case _:
                return False
    return False


@told_once
def ending_transactions(function: ProjectFunction, contexts: Contexts) -> tuple[int, ...]:
    """The places of the calls in a function that end the transaction of a connection, themselves or in a helper."""
    sites = contexts.project.function(function).sites
    return tuple(
        place
        for place, site in enumerate(sites)
        if _ends(site, function, contexts)
        or any(commits(target, contexts) for target in contexts.targets(function, place))
    )


@told_once
def commits(function: ProjectFunction, contexts: Contexts) -> bool:
    inside = reached(function, contexts)
    return any(_ends(site, one, contexts) for one in inside for site in contexts.project.function(one).sites)


def _ends(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    callee = site.call.callee
    if not isinstance(callee, Attribute) or callee.name not in _LEAVING:
        return False
    closed = contexts.project.value(callee.of, Where(function.path, function.index, site.line))
    return callee.name != _CLOSING or not _stays_open(closed, contexts)
