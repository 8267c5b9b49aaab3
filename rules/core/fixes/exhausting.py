"""Pools that fail where all their connections are taken: on the event loop one call asks after the other, in threads forty at once.

https://www.psycopg.org/docs/pool.html#psycopg2.pool.AbstractConnectionPool.getconn
"""

from collections.abc import Iterator

from msgspec.structs import replace

from rules.core.contexts import Contexts
from rules.core.findings import Applicability, Fix, Way
from rules.core.remarks import Remark
from rules.core.usage import reached
from rules.core.values import Outside, ProjectFunction, Where

EXHAUSTED = "Up to 40 threads now ask the pool for a connection at once: where it has fewer, the other calls fail."


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
            if site is remark.site:
                yield from contexts.targets(remark.function, place)


def _takes_a_connection(function: ProjectFunction, contexts: Contexts) -> bool:
    for site in contexts.project.function(function).sites:
        value = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
        if isinstance(value, Outside) and value.name in contexts.project.knowledge.failing:
            return True
    return False
