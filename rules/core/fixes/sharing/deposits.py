"""What a dependency leaves for a request where all requests see it: in a global, or in an object that a module keeps.

FastAPI calls asynchronous dependencies one after the other, and then the endpoint: on the event loop nothing comes between them
where nothing is awaited. In a thread, or around an `await`, another request can, and leaves its own:
https://fastapi.tiangolo.com/async/#dependencies.
"""

from collections.abc import Iterable, Iterator, Sequence
from sys import maxsize
from typing import NamedTuple

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Call,
    Constant,
    Expression,
    Function,
    Import,
    Name,
    attributes_in,
    last_name,
    names_in,
)
from rules.core.findings import Span
from rules.core.fixes.sharing.objects import is_kept_by_a_module
from rules.core.fixes.sharing.owning import own_name
from rules.core.library import Role
from rules.core.roots import Root
from rules.core.usage import reached
from rules.core.values import Object, ProjectClass, ProjectFunction, Where

TAKEN_OVER = "it reads what a dependency leaves for it, and other requests would leave theirs meanwhile"
OVERTAKEN = (
    "A dependency leaves for the request what is read during or after the new `await`, and other requests leave theirs in the same "
    "place meanwhile."
)
_SETTING = "setattr"
_FILLING = "update"
_CALLED = "__call__"  # of middleware that is no BaseHTTPMiddleware, which has a task of its own
_APPLICATION = "app"

Deposit = tuple[str, int, str]
"""Where something is left: a file, the class in it whose object keeps it (-1: the module does), and a name."""
_NOTHING: frozenset[Deposit] = frozenset()


Kept = tuple[int, Expression, tuple[Expression | None, ...]]
"""A line where something is set or filled, what that is, and what it is given."""


class Passed(NamedTuple):
    """What lies there as the framework calls a function, and what of it is read by those that it calls afterwards."""

    left: frozenset[Deposit] = _NOTHING
    read_later: frozenset[Deposit] = _NOTHING


def takes_over(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether something is left for a function that the framework calls, and read while that runs or later."""
    passed = _passed(function, contexts)
    return bool(passed.read_later) or any(_read(passed.left, function, 0, contexts))


def takes_over_below(function: ProjectFunction, contexts: Contexts, span: Span | None) -> bool:
    """Whether something is left for the request that is read at a place in a function, or below it; anywhere if none is given."""
    for arrival in contexts.arrivals.get(function, ()):
        root = arrival.root.function
        passed = _passed(root, contexts)
        line = _line(span, root, contexts) if root == function else _line_of_call(arrival.way[1], root, contexts)
        inside = any(_read(passed.left, function, _line(span, function, contexts), contexts))
        if passed.read_later or inside or any(_read(passed.left, root, line, contexts)):
            return True
    return False


def _line(span: Span | None, function: ProjectFunction, contexts: Contexts) -> int:
    """From which line on a function runs after a place; in a loop all does."""
    sites = contexts.project.function(function).sites
    return 0 if span is None or any(site.looped and site.span == span for site in sites) else span.line


def _line_of_call(called: ProjectFunction, function: ProjectFunction, contexts: Contexts) -> int:
    """From which line on a function runs after it has called another one."""
    sites = contexts.project.function(function).sites
    calls = (site for place, site in enumerate(sites) if called in contexts.targets(function, place))
    return min((_line(site.span, function, contexts) for site in calls), default=0)


@told_once
def _passed(function: ProjectFunction, contexts: Contexts) -> Passed:
    """What the framework passes by way of a function, on all routes that lead to it."""
    each = [_passed_on(route, function, contexts) for route in _routes_with(function, contexts)]
    left, read_later = (_NOTHING.union(*(passed[part] for passed in each)) for part in (0, 1))
    return Passed(left, read_later)


def _passed_on(route: Root, function: ProjectFunction, contexts: Contexts) -> Passed:
    called = (*contexts.needed(route), route.function)
    place = called.index(function)
    left = _of_middleware(contexts)
    for one in called[:place]:
        waits = not contexts.project.function(one).asynchronous
        left = _NOTHING if waits else left | _deposits(one, contexts)
    return Passed(left, _NOTHING.union(*(_read(left, one, 0, contexts) for one in called[place + 1 :])))


def _routes_with(function: ProjectFunction, contexts: Contexts) -> Sequence[Root]:
    """The routes that call a function: its own, or those that need it."""
    roots = [one for one in contexts.roots_in(function.path) if one.function == function]
    own = [one for one in roots if one.role is Role.ENDPOINT]
    if not any(one.role is Role.DEPENDENCY for one in roots):
        return own
    return [*own, *contexts.table("needing", lambda: _routes_needing(contexts)).get(function, ())]


def _routes_needing(contexts: Contexts) -> dict[ProjectFunction, list[Root]]:
    found: dict[ProjectFunction, list[Root]] = {}
    for route in contexts.roots:
        for one in contexts.needed(route) if route.role is Role.ENDPOINT else ():
            found.setdefault(one, []).append(route)
    return found


def _of_middleware(contexts: Contexts) -> frozenset[Deposit]:
    """What middleware leaves that calls the application itself; any other lets requests come between anyway."""
    return contexts.table("left by middleware", lambda: {"": _found_of_middleware(contexts)})[""]


def _found_of_middleware(contexts: Contexts) -> frozenset[Deposit]:
    middleware = [root.function for root in contexts.roots if root.role is Role.MIDDLEWARE]
    if any(contexts.project.function(one).name != _CALLED for one in middleware):
        return _NOTHING
    return _NOTHING.union(*(_deposits(one, contexts) for one in middleware))


@told_once
def _deposits(function: ProjectFunction, contexts: Contexts) -> frozenset[Deposit]:
    """What a function leaves of a request, itself or by what it calls, without an `await` of its own behind it."""
    sites = contexts.project.function(function).sites
    behind = (
        (site.line, deposit)
        for place, site in enumerate(sites)
        for inner in dict.fromkeys(one for at in contexts.targets(function, place) for one in reached(at, contexts))
        for deposit in _unawaited(_left(inner, contexts), inner, contexts)
    )
    return frozenset(_unawaited([*_left(function, contexts), *behind], function, contexts))


def _unawaited(left: Iterable[tuple[int, Deposit]], function: ProjectFunction, contexts: Contexts) -> Iterator[Deposit]:
    """Those of what is left at lines of a function behind which it awaits nothing; middleware awaits the application."""
    sites = contexts.project.function(function).sites
    end = max((site.line for site in sites if last_name(site.call.callee) == _APPLICATION), default=maxsize)
    last = max((site.line for site in sites if site.awaited and site.line < end), default=0)
    yield from (deposit for line, deposit in left if last <= line < end)


@told_once
def _left(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[int, Deposit], ...]:
    """What a function leaves of a request itself, each with the line."""
    facts = contexts.project.function(function)
    return tuple(
        (line, place)
        for line, kept, values in _kept(facts, function, contexts)
        if contexts.is_of_request(values, function)
        and (place := _place(kept, Where(function.path, function.index, line), contexts)) is not None
        and _is_seen_by_all(kept, Where(function.path, function.index, line), contexts)
    )


def _kept(facts: Function, function: ProjectFunction, contexts: Contexts) -> Iterator[Kept]:
    """What a function sets or fills as a whole, or under a key that it names: `now.user = user`, `now["user"] = user`."""
    for name in facts.writes:
        bindings = contexts.project.facts[function.path].bound(name)
        yield from ((one.line, Name(name), (one.value,)) for one in bindings if one.function == function.index)
    for dotted, bindings in facts.bindings.items():
        kept = _expression(dotted) if not dotted.endswith("[]") else None
        yield from ((one.line, kept, (one.value,)) for one in bindings if kept is not None)
    for site in facts.sites:
        match site.call:
            case Call(callee=Attribute(of=Name() | Attribute() as of, name=name)) if name == _FILLING:
                yield site.line, of, _given(site.call)
            case Call(callee=Name(id=name), arguments=(of, Constant(value=str(attribute)), value)) if (
                name == _SETTING and of
            ):
                yield site.line, Attribute(of, attribute), (value,)


def _given(call: Call) -> tuple[Expression | None, ...]:
    return (*call.arguments, *(value for _, value in call.keywords))


def _expression(dotted: str) -> Expression | None:
    """What is kept in, of `a.b`, `a.b["c"]` and `a["b"]`; of a plain name nothing."""
    path, bracket, _ = dotted.partition("[")
    first, *rest = path.split(".")
    if not first or len(rest) > 1 or not (rest or bracket):
        return None
    return Attribute(Name(first), rest[0]) if rest else Name(first)


def _is_seen_by_all(kept: Expression, where: Where, contexts: Contexts) -> bool:
    """Whether other requests see what is kept there: an attribute of one object that a module keeps, of a class, or a global."""
    value = contexts.project.value(kept.of, where) if isinstance(kept, Attribute) else None
    of = value.of if isinstance(value, Object) else None
    return not isinstance(of, ProjectClass) or is_kept_by_a_module(of, contexts)


def _read(left: frozenset[Deposit], function: ProjectFunction, line: int, contexts: Contexts) -> Iterator[Deposit]:
    """What of that a function reads from a line on, itself or by what it calls there."""
    facts = contexts.project.function(function) if left else None
    if facts is None:
        return
    yield from left & _reads(facts, function, line, contexts)
    sites = enumerate(facts.sites)
    below = (one for place, site in sites if site.end_line >= line for one in contexts.targets(function, place))
    inside = dict.fromkeys(inner for target in below for inner in reached(target, contexts))
    for inner in inside:
        yield from left & _reads(contexts.project.function(inner), inner, 0, contexts)


def _reads(facts: Function, function: ProjectFunction, line: int, contexts: Contexts) -> frozenset[Deposit]:
    """The places that a function itself reads from a line on. Nobody knows where it reads what only a condition names."""
    bound = ((binding.line, binding.value) for bindings in facts.bindings.values() for binding in bindings)
    called = ((site.end_line, site.call) for site in facts.sites)
    given = ((facts.end_line, one) for one in (*facts.results, *facts.yields))
    said = [*bound, *called, *given]
    located = {name for _, one in said for name in names_in(one)}
    where = Where(function.path, function.index)
    below = [one for at, one in said if at >= line]
    read: set[Expression] = {attribute for one in below for attribute in attributes_in(one)}
    read |= {Name(name) for one in below for name in names_in(one)}
    read |= {Name(name) for name in facts.reads if not name.startswith(".") and name not in located}
    attributes = {attribute.name for _, one in said for attribute in attributes_in(one)}
    asked = {name[1:] for name in facts.reads if name.startswith(".")} - attributes
    read |= {Attribute(Name(own), name) for own in own_name(facts) for name in asked}
    return frozenset(filter(None, (_place(one, where, contexts) for one in read)))


def _place(kept: Expression, where: Where, contexts: Contexts) -> Deposit | None:
    """The place that an expression means: an attribute of an object of the project, a global, or an attribute of one."""
    facts = contexts.project.function(where)
    local = {name for name, given in facts.bindings.items() if not all(isinstance(one.value, Import) for one in given)}
    local |= {parameter.name for parameter in facts.parameters}
    match kept:
        case Attribute(of=of, name=name):
            value = contexts.project.value(of, where)
            of_class = value.of if isinstance(value, Object) else value
            if isinstance(of_class, ProjectClass):
                family = [one for one in contexts.project.family(of_class) if isinstance(one, ProjectClass)]
                return (family[-1].path, family[-1].index, name)
            if isinstance(of, Name) and of.id in local:
                return None
            if (made := contexts.project.definition(kept, where)) is not None:
                return (made[0], -1, made[1])
            around = contexts.project.definition(of, where) if isinstance(of, Name) else None
            return (around[0], -1, f"{around[1]}.{name}") if around is not None else None
        case Name(id=name) if name not in local:
            made = contexts.project.definition(kept, where)
            return (made[0], -1, made[1]) if made is not None else None
        case _:
            return None
