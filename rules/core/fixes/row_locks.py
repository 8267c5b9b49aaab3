"""Rows that stay locked while a function awaits: those that it has asked to lock, and those that its session has written."""

from collections.abc import Sequence

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Name, Site, last_name
from rules.core.findings import Span
from rules.core.fixes.document import Document
from rules.core.fixes.exclusive import is_called_on
from rules.core.usage import reached
from rules.core.values import ProjectFunction, Where

ROWS = (
    "Rows stay locked during the new `await`: a request that waits for them on the event loop stops all others, so hand over "
    "what locks them, too."
)
_LOCKING = frozenset({"with_for_update", "select_for_update"})
_ENDING = frozenset({"commit", "rollback"})
_LEAVING = frozenset({"commit", "close"})  # after a rollback, most raise
_FLUSHING = "flush"


def has_locked_rows(sites: Sequence[Site], span: Span) -> bool:
    """Whether rows are locked above a place, and no transaction ends in between.

    https://docs.sqlalchemy.org/en/21/orm/queryguide/query.html#sqlalchemy.orm.Query.with_for_update
    """
    above = [last_name(site.call.callee) for site in sites if site.span.end <= span.start]
    locked = max((place for place, name in enumerate(above) if name in _LOCKING), default=len(above))
    return locked < len(above) and _ENDING.isdisjoint(above[locked:])


def has_flushed_rows(
    span: Span, entered: set[Span], function: ProjectFunction, contexts: Contexts, document: Document
) -> bool:
    """Whether a session has written rows above a place, itself or in a helper that is given it, and has not committed in between.

    The database lets others wait for such rows, and for what may be there only once. Who waits on the event loop keeps the function
    from its commit, unless the call itself makes that in the thread: https://www.postgresql.org/docs/current/explicit-locking.html.
    """
    sites = contexts.project.function(function).sites
    above = [place for place, site in enumerate(sites) if site.span.end <= span.start]
    ended = max((place for place in above if _ends_transaction(place, function, contexts)), default=-1)
    if any(site.span == span and _ends_transaction(place, function, contexts) for place, site in enumerate(sites)):
        return False
    return any(
        place > ended and _flushes(place, function, contexts) and _stands_within(sites[place].span, entered, document)
        for place in above
    )


def _stands_within(span: Span, entered: set[Span], document: Document) -> bool:
    """Whether a call has no other `with` statements around it than the ones of which the managers are given."""
    call = document.call_at(span)
    return call is not None and {document.span(manager) for manager in document.managers_around(call)} <= entered


def _flushes(place: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call writes what a session holds, itself or in a helper that leaves the transaction open."""
    site = contexts.project.function(function).sites[place]
    targets = contexts.targets(function, place)
    return _is_flush(site, function, contexts) or any(_leaves_flushed(target, contexts) for target in targets)


def _is_flush(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    classes = frozenset(contexts.project.knowledge.sessions)
    where = Where(function.path, function.index, site.line)
    return last_name(site.call.callee) == _FLUSHING and is_called_on(classes, site.call, where, contexts)


@told_once
def _leaves_flushed(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function writes what a session holds that it is given, or that its object keeps, and leaves the transaction open."""
    flushed = (
        _is_flush(site, one, contexts) and _is_given(site, one, contexts)
        for one in reached(function, contexts)
        for site in contexts.project.function(one).sites
    )
    return any(flushed) and not _commits(function, contexts)


def _is_given(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on a parameter, or on an attribute."""
    match site.call.callee:
        case Attribute(of=Attribute()):
            return True
        case Attribute(of=Name(id=name)):
            return any(parameter.name == name for parameter in contexts.project.function(function).parameters)
        case _:
            return False


def _ends_transaction(place: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call ends the transaction of a session, itself or in a helper."""
    if last_name(contexts.project.function(function).sites[place].call.callee) in _LEAVING:
        return True
    return any(_commits(target, contexts) for target in contexts.targets(function, place))


@told_once
def _commits(function: ProjectFunction, contexts: Contexts) -> bool:
    inside = reached(function, contexts)
    sites = (site for one in inside for site in contexts.project.function(one).sites)
    return any(last_name(site.call.callee) in _LEAVING for site in sites)
