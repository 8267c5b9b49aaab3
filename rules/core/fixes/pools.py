"""Connections of a pool: what stays taken where a fix awaits, and how many threads ask for one at once.

On the event loop one call asks after the other, in threads forty do. Some pools fail where all their connections are taken:
https://www.psycopg.org/docs/pool.html#psycopg2.pool.AbstractConnectionPool.getconn.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Site, last_name
from rules.core.findings import Applicability, Fix, Way
from rules.core.remarks import Remark
from rules.core.usage import reached
from rules.core.values import Object, Outside, ProjectFunction, Value, Where

PLACE = (
    "A connection of the pool stays taken during the new `await`: once all are, the next request waits for one on the event loop, "
    "or fails."
)
EXHAUSTED = "Up to 40 threads now ask the pool for a connection at once: where it has fewer, the other calls fail."
GIVING_BACK = frozenset({"close", "putconn"})


def takes_a_place(place: int, function: ProjectFunction, contexts: Contexts) -> bool:
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
    return _is_call_of(contexts.project.knowledge.pooled, site, function, contexts)


@told_once
def _gives_back(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function closes something that may be a connection, or gives one back."""
    sites = contexts.project.function(function).sites
    closing = [site for site in sites if last_name(site.call.callee) in GIVING_BACK]
    return any(not _is_on_cursor(site, Where(function.path, function.index, site.line), contexts) for site in closing)


def _is_on_cursor(site: Site, where: Where, contexts: Contexts) -> bool:
    return isinstance(site.call.callee, Attribute) and is_cursor(contexts.project.value(site.call.callee.of, where))


def is_cursor(value: Value | None) -> bool:
    """Whether it is what a connection asks by, and others may ask by after it is closed."""
    return isinstance(value, Object) and isinstance(value.of, Outside) and "cursor" in value.of.name.lower()


def marked_exhausting(fix: Fix, remark: Remark, contexts: Contexts) -> Fix:
    """The fix; unsafe where threads now take connections that may not be enough for all of them."""
    if any(
        _takes_a_connection(inner, contexts)
        for one in _threaded(fix, remark, contexts)
        for inner in reached(one, contexts)
    ):
        return replace(fix, applicability=Applicability.UNSAFE, notes=(*fix.notes, EXHAUSTED))
    return fix


def _threaded(fix: Fix, remark: Remark, contexts: Contexts) -> Iterator[ProjectFunction]:
    """The functions that the fix lets run in threads."""
    if fix.way is Way.REVERSE:
        yield remark.function
    elif fix.way is Way.OFFLOAD:
        sites = contexts.project.function(remark.function).sites
        for place, site in enumerate(sites):
            if site == remark.site:
                yield from contexts.targets(remark.function, place)


@told_once
def _takes_a_connection(function: ProjectFunction, contexts: Contexts) -> bool:
    names, sites = contexts.project.knowledge.failing, contexts.project.function(function).sites
    return any(_is_call_of(names, site, function, contexts) for site in sites)


def _is_call_of(names: frozenset[str], site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    value = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
    return isinstance(value, Outside) and value.name in names
