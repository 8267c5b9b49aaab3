"""Connections of a pool: what stays taken where a fix awaits, and how many threads ask for one at once.

On the event loop one call asks after the other, in threads forty do. Some pools fail where all their connections are taken:
https://www.psycopg.org/docs/pool.html#psycopg2.pool.AbstractConnectionPool.getconn.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Constant, Expression, Site, last_name
from rules.core.findings import Applicability, Fix, Way
from rules.core.remarks import Remark
from rules.core.repository import is_offline
from rules.core.usage import reached
from rules.core.values import Object, Outside, ProjectFunction, Value, Where

PLACE = (
    "A connection of the pool stays taken during the new `await`: once all are, the next request waits for one on the event loop, "
    "or fails."
)
EXHAUSTED = "Up to 40 threads now ask the pool for a connection at once: where it has fewer, the other calls fail."
FEWER = "Up to 40 threads now ask the pool for a connection at once: it has {}, so the other calls fail."
THREADS = 40  # of AnyIO, in which FastAPI runs what is `def`: https://anyio.readthedocs.io/en/stable/threads.html
ONE_FOR_ALL = "Where the engine has a `StaticPool`, all threads share its one connection: one may commit or roll back what another has begun."
_STATIC = "StaticPool"
_SESSION = "databases/session"
GIVING_BACK = frozenset({"close", "putconn"})


@told_once
def takes_a_place(call: tuple[ProjectFunction, int], contexts: Contexts) -> bool:
    """Whether a call, told by its function and its place among the calls there, gives one of the few connections of a pool, itself or
    by a helper or a context manager of the project.
    """
    function, place = call
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
    return _called(site, function, contexts) in contexts.project.knowledge.pooled


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
    inside = {inner for one in threaded(fix, remark, contexts) for inner in reached(one, contexts)}
    taken = sorted({name for inner in inside for name in _taken(inner, contexts)})
    notes = dict.fromkeys(filter(None, (_shortage(name, contexts) for name in taken)))
    return replace(fix, applicability=Applicability.UNSAFE, notes=(*fix.notes, *notes)) if notes else fix


def _shortage(taking: str, contexts: Contexts) -> str:
    """What comes of it where all threads take connections so, a sentence; empty where there are enough for them."""
    sizes = contexts.table("sizes of pools", lambda: _sizes(contexts))[taking]
    if None not in sizes and min(filter(None, sizes), default=0) >= THREADS:
        return ""
    (only, *others) = sizes or {None}
    return EXHAUSTED if others or only is None else FEWER.format(only)


def _sizes(contexts: Contexts) -> dict[str, set[int | None]]:
    """How many connections the pools of the program have, by what takes one; None for those that do not tell."""
    found: dict[str, set[int | None]] = {}
    for taking, (place, keyword) in contexts.project.knowledge.failing.items():
        pool, word = taking.rpartition(".")[0], taking.split(".")[-2]
        found[taking] = {
            _number(dict(call.keywords).get(keyword, dict(enumerate(call.arguments)).get(place)), at, contexts)
            for path in contexts.project.calling.get(word, ())
            for call, at in (contexts.project.calls_named(path, word) if not is_offline(path) else ())
            if contexts.project.is_called(call, at, frozenset({pool}))
        }
    return found


def _number(told: Expression | None, where: Where, contexts: Contexts) -> int | None:
    """The number that is told, be it by the name of a global."""
    path, name = contexts.project.definition(told, where) or ("", "")
    given = [one.value for one in contexts.project.facts[path].bound(name)] if path else [told]
    only = given[0] if len(given) == 1 else None
    return only.value if isinstance(only, Constant) and isinstance(only.value, int) else None


def marked_sharing(fix: Fix, remark: Remark, contexts: Contexts) -> Fix:
    """The fix; unsafe where threads now ask a database by the one connection that an engine may have for all of them.

    https://docs.sqlalchemy.org/en/21/core/pooling.html#sqlalchemy.pool.StaticPool
    """
    if all(is_offline(path) for path in contexts.project.importing.get(_STATIC, ())):
        return fix
    inside = {inner for one in threaded(fix, remark, contexts) for inner in reached(one, contexts)}
    own = contexts.own_sinks(remark.function) if fix.way is Way.OFFLOAD else ()
    asked = [sink for inner in inside for sink in contexts.own_sinks(inner)]
    asked += [sink for sink in own if sink.site == remark.site]
    if not any(sink.row.rule == _SESSION for sink in asked):
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(*fix.notes, ONE_FOR_ALL))


def threaded(fix: Fix, remark: Remark, contexts: Contexts) -> Iterator[ProjectFunction]:
    """The functions that the fix lets run in threads."""
    if fix.way is Way.REVERSE:
        yield remark.function
    elif fix.way is Way.OFFLOAD:
        sites = contexts.project.function(remark.function).sites
        for place, site in enumerate(sites):
            if site == remark.site:
                yield from contexts.targets(remark.function, place)


@told_once
def _taken(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """By what a function takes connections out of pools that fail where none is left."""
    sites = contexts.project.function(function).sites
    names = (_called(site, function, contexts) for site in sites)
    return frozenset(name for name in names if name in contexts.project.knowledge.failing)


def _called(site: Site, function: ProjectFunction, contexts: Contexts) -> str:
    """The dotted name of what a call runs of a library, else nothing."""
    value = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
    return value.name if isinstance(value, Outside) else ""
