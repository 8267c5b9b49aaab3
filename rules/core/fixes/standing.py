"""What stands open or taken where a fix awaits: files that are being written, free names, locked rows, places in a pool."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Expression, Name, Site, last_name
from rules.core.findings import Applicability, Fix, Span, Way
from rules.core.fixes.document import Document
from rules.core.fixes.iteration import RESIZED, is_run_through_around
from rules.core.fixes.queued import TAKEN, is_taken_meanwhile
from rules.core.fixes.rewriting import LOOKED, REUSED, looks_for_a_name_before, writes_told
from rules.core.fixes.sharing import is_called_on
from rules.core.remarks import Remark
from rules.core.usage import reached
from rules.core.values import Object, Outside, ProjectFunction, Where

ROWS = (
    "Rows stay locked during the new `await`: a request that waits for them on the event loop stops all others, so hand over "
    "what locks them, too."
)
PLACE = (
    "A connection of the pool stays taken during the new `await`: once all are, the next request waits for one on the event loop, "
    "or fails."
)
CLOSING = frozenset({"close", "putconn"})
LOCKING = frozenset({"with_for_update", "select_for_update"})
ENDING = frozenset({"commit", "rollback"})
FLUSHING = "flush"


def marked_standing(fix: Fix, remark: Remark, contexts: Contexts, document: Document) -> Fix:
    """The fix; unsafe where something stands open meanwhile that other requests want, too."""
    if fix.way not in {Way.TWIN, Way.OFFLOAD} or remark.site is None:
        return fix
    difference = _difference(remark.site.span, remark.function, contexts, document)
    if not difference or difference in fix.notes:
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(difference, *fix.notes))


def _difference(span: Span, function: ProjectFunction, contexts: Contexts, document: Document) -> str:
    """What may differ if others come while a call is awaited: a sentence; empty where nothing does."""
    call, sites = document.call_at(span), contexts.project.function(function).sites
    entered = {document.span(manager) for manager in document.managers_around(call)} if call is not None else set()
    around = (place for place, site in enumerate(sites) if site.entered and site.span in entered)
    standing = [*around, *_left_open(span, function, contexts)]
    if any(writes_told(sites[place], function, contexts) for place in standing):
        return REUSED
    if looks_for_a_name_before(span, function, contexts):
        return LOOKED
    if call is not None and is_run_through_around(call, function, document, contexts):
        return RESIZED
    if _has_locked_rows(sites, span) or _has_flushed_rows(span, entered, function, contexts, document):
        return ROWS
    if is_taken_meanwhile(span, entered, function, contexts):
        return TAKEN
    return PLACE if any(_takes_a_place(place, function, contexts) for place in standing) else ""


def _left_open(span: Span, function: ProjectFunction, contexts: Contexts) -> Iterator[int]:
    """The places of the calls above a span that open something, outside of a `with`, where nothing is closed in between."""
    sites = contexts.project.function(function).sites
    above = [place for place, site in enumerate(sites) if site.span.end <= span.start]
    closed = max((place for place in above if _closes(place, function, contexts)), default=-1)
    for place in above:
        site = sites[place]
        if place > closed and not (site.entered or site.awaited or site.use):
            yield place


def _closes(place: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call closes something, itself or by a helper that is given it."""
    if last_name(contexts.project.function(function).sites[place].call.callee) in CLOSING:
        return True
    return any(_closes_given(target, contexts) for target in contexts.targets(function, place))


@told_once
def _closes_given(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    given = {parameter.name for parameter in facts.parameters}
    return any(
        last_name(site.call.callee) in CLOSING
        and any(isinstance(one, Name) and one.id in given for one in (_receiver(site), *site.call.arguments))
        for site in facts.sites
    )


def _receiver(site: Site) -> Expression | None:
    return site.call.callee.of if isinstance(site.call.callee, Attribute) else None


def _has_locked_rows(sites: Sequence[Site], span: Span) -> bool:
    """Whether rows are locked above a place, and no transaction ends in between.

    https://docs.sqlalchemy.org/en/21/orm/queryguide/query.html#sqlalchemy.orm.Query.with_for_update
    """
    above = [last_name(site.call.callee) for site in sites if site.span.end <= span.start]
    locked = max((place for place, name in enumerate(above) if name in LOCKING), default=len(above))
    return locked < len(above) and ENDING.isdisjoint(above[locked:])


def _has_flushed_rows(
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
    return last_name(site.call.callee) == FLUSHING and is_called_on(classes, site.call, where, contexts)


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
    match _receiver(site):
        case Attribute():
            return True
        case Name(id=name):
            return any(parameter.name == name for parameter in contexts.project.function(function).parameters)
        case _:
            return False


def _ends_transaction(place: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call ends the transaction of a session, itself or in a helper. After a rollback, most raise."""
    if last_name(contexts.project.function(function).sites[place].call.callee) in {"commit", "close"}:
        return True
    return any(_commits(target, contexts) for target in contexts.targets(function, place))


@told_once
def _commits(function: ProjectFunction, contexts: Contexts) -> bool:
    inside = reached(function, contexts)
    sites = (site for one in inside for site in contexts.project.function(one).sites)
    return any(last_name(site.call.callee) in {"commit", "close"} for site in sites)


def _takes_a_place(place: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call gives one of the few connections of a pool, itself or by a helper or a context manager of the project."""
    site = contexts.project.function(function).sites[place]
    targets = contexts.targets(function, place)
    return _is_pooled(site, function, contexts) or any(_leaves_taken(target, contexts) for target in targets)


@told_once
def _leaves_taken(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function takes a connection out of a pool that its caller still has, or that stays taken until it is left."""
    inside = reached(function, contexts)
    is_manager = contexts.project.function(function).generator
    taken = (
        site
        for inner in inside
        for site in contexts.project.function(inner).sites
        if (is_manager or not site.entered) and _is_pooled(site, inner, contexts)
    )
    return any(taken) and (is_manager or not any(_gives_back(inner, contexts) for inner in inside))


def _is_pooled(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    value = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
    return isinstance(value, Outside) and value.name in contexts.project.knowledge.pooled


def _gives_back(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function closes something that may be a connection, or gives one back."""
    sites = contexts.project.function(function).sites
    closing = [site for site in sites if last_name(site.call.callee) in CLOSING]
    return any(not _is_cursor(site, Where(function.path, function.index, site.line), contexts) for site in closing)


def _is_cursor(site: Site, where: Where, contexts: Contexts) -> bool:
    value = contexts.project.value(_receiver(site), where)
    return isinstance(value, Object) and isinstance(value.of, Outside) and "cursor" in value.of.name.lower()
