"""What stands open or taken where a fix awaits: files that are being written, locked rows, places in a pool."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from rules.core.contexts import Contexts
from rules.core.facts import Site, last_name
from rules.core.findings import Applicability, Fix, Span, Way
from rules.core.fixes.document import Document
from rules.core.fixes.rewriting import REUSED, writes_told
from rules.core.remarks import Remark
from rules.core.values import Outside, ProjectFunction, Where

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
    standing = [*(site for site in sites if site.entered and site.span in entered), *_left_open(sites, span)]
    if any(writes_told(one, function, contexts) for one in standing):
        return REUSED
    if _has_locked_rows(sites, span):
        return ROWS
    return PLACE if any(_takes_a_place(one, function, contexts) for one in standing) else ""


def _left_open(sites: Sequence[Site], span: Span) -> Iterator[Site]:
    """The calls above a place that open something, outside of a `with`, where nothing is closed in between."""
    above = [site for site in sites if site.span.end <= span.start]
    closed = [place for place, site in enumerate(above) if last_name(site.call.callee) in CLOSING]
    yield from (site for site in above[max(closed, default=-1) + 1 :] if not (site.entered or site.awaited or site.use))


def _has_locked_rows(sites: Sequence[Site], span: Span) -> bool:
    """Whether rows are locked above a place, and no transaction ends in between.

    https://docs.sqlalchemy.org/en/21/orm/queryguide/query.html#sqlalchemy.orm.Query.with_for_update
    """
    above = [last_name(site.call.callee) for site in sites if site.span.end <= span.start]
    locked = max((place for place, name in enumerate(above) if name in LOCKING), default=len(above))
    return locked < len(above) and ENDING.isdisjoint(above[locked:])


def _takes_a_place(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call gives one of the few connections of a pool."""
    value = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
    return isinstance(value, Outside) and value.name in contexts.project.knowledge.pooled
