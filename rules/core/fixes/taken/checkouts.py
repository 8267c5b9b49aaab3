"""Connections that a session has taken out of the pool of its engine, and that stay taken while a function awaits.

A session takes one as it asks first, and gives it back as its transaction ends. Where the pool has none left, whoever asks waits,
half a minute as a rule; who does so on the event loop keeps all others from giving theirs back:
https://docs.sqlalchemy.org/en/21/orm/session_basics.html, https://docs.sqlalchemy.org/en/21/core/pooling.html.
"""

import ast
from collections.abc import Iterator, Sequence
from itertools import pairwise
from sys import maxsize

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Call,
    Choice,
    Constant,
    Element,
    Entered,
    Expression,
    Function,
    Name,
    Site,
    Subscript,
    last_name,
)
from rules.core.findings import Span
from rules.core.fixes.document import Document
from rules.core.fixes.places import calls_above
from rules.core.fixes.sessions.addresses import Addresses
from rules.core.fixes.taken.row_locks import ending_transactions, is_given, stands_within
from rules.core.library import Role
from rules.core.repository import is_offline
from rules.core.roots import Root
from rules.core.syntax import walk
from rules.core.values import Object, Outside, ProjectFunction, Value, Where

CHECKED_OUT = (
    "The session keeps a connection of its pool during the new `await`: once all are taken, the next request that asks for one stops "
    "the event loop until that fails, so hand over what asks the database above, too."
)
ASKED_BEFORE = (
    "A dependency has asked the database by then, and its connection stays taken until the request ends: once all of the pool are, "
    "the next request that asks for one on the event loop stops that until it fails."
)
_RULE, _PACKAGES = "databases/session", ("sqlalchemy.", "sqlmodel.")
_ENDING = frozenset({"commit", "rollback", "close"})
_BOUNDLESS = frozenset({"NullPool", "StaticPool", "SingletonThreadPool"})
_SERVING = frozenset({Role.ENDPOINT, Role.DEPENDENCY, Role.MIDDLEWARE, Role.HANDLER, Role.WEBSOCKET, Role.BACKGROUND})


def keeps_a_connection(
    span: Span, entered: set[Span], function: ProjectFunction, contexts: Contexts, document: Document
) -> bool:
    """Whether a session has asked above a place, and has kept its connection during no other `await`, of the program or of FastAPI."""
    sites = contexts.project.function(function).sites
    ended = ending_transactions(function, contexts)
    if any(sites[place].span == span for place in ended):
        return False
    last = max((place for place in ended if sites[place].span.end <= span.start), default=-1)
    asking = [
        place
        for place in calls_above(span, function, contexts)
        if place >= last
        and _asks((function, place), contexts)
        and stands_within(sites[place].span, entered, function, contexts, document)
    ]
    if not asking or not _is_limited(contexts):
        return False
    first = sites[asking[0]].span
    end = min((sites[place].span.start for place in ended if place > asking[0]), default=(maxsize, 0))
    if any(first.end < at < end for at in _suspensions(sites[asking[0]], function, contexts, document)):
        return False
    return any(_is_kept_anew(sites[place], function, contexts) for place in asking)


@told_once
def is_asked_before(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a dependency has had the session of a request ask on the event loop, which others do not come to today until the
    function has ended, too.
    """
    if not _is_limited(contexts):
        return False
    arrivals = (one for one in contexts.arrivals.get(function, ()) if _runs_often(one.root, contexts))
    return any(_is_led_on(one.way, contexts) and _asks_first(one.root, contexts) for one in arrivals)


def _asks_first(root: Root, contexts: Contexts) -> bool:
    """Whether one of the dependencies of a root asks, and keeps the connection, and none of them lets others come in."""
    needed = contexts.needed(root)
    if any(not one.asynchronous or one.suspends for one in map(contexts.project.function, needed)):
        return False
    return _is_injected(root, contexts) and any(_leaves_open(one, contexts) for one in needed if one != root.function)


def _is_led_on(way: Sequence[ProjectFunction], contexts: Contexts) -> bool:
    """Whether each function on a way awaits nothing but what leads on from there."""
    for caller, called in pairwise(way):
        sites = contexts.project.function(caller).sites
        awaited = (place for place, site in enumerate(sites) if site.awaited)
        if not all(called in contexts.targets(caller, place) for place in awaited):
            return False
    return True


def _suspensions(
    asking: Site, function: ProjectFunction, contexts: Contexts, document: Document
) -> Iterator[tuple[int, int]]:
    """Where a function waits, or is left for a while, inside of all `with` statements that stand around a call."""
    call = document.call_at(asking.span)
    definition = document.function_at(contexts.project.function(function).line)
    around = {*document.managers_around(call)} if call is not None else set[ast.expr]()
    for node in walk(definition) if definition is not None else ():
        if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)) and around.issubset(
            document.managers_around(node)
        ):
            yield document.span(node).start


@told_once
def _asks(call: tuple[ProjectFunction, int], contexts: Contexts) -> bool:
    """Whether a call, told by its function and its place among the calls there, makes a session ask the database, itself or in a
    helper that leaves the transaction open.
    """
    function, place = call
    if _asks_itself(contexts.project.function(function).sites[place], function, contexts):
        return True
    return any(_leaves_open(target, contexts) for target in contexts.targets(function, place))


def _asks_itself(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    found = contexts.blocking(site, Where(function.path, function.index, site.line))
    if found is None or found[0].rule != _RULE or site.entered:
        return False
    return found[1].startswith(_PACKAGES) and last_name(site.call.callee) not in _ENDING


@told_once
def _leaves_open(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function asks by what it is given, or what its object keeps, and ends no transaction afterwards."""
    facts, last = contexts.project.function(function), max(ending_transactions(function, contexts), default=-1)
    return any(
        (is_given(site.call.callee, facts) and _asks_itself(site, function, contexts))
        or any(_leaves_open(target, contexts) for target in contexts.targets(function, place))
        for place, site in enumerate(facts.sites)
        if place >= last
    )


def _is_kept_anew(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether nobody comes in today before the connection is given back."""
    is_made_there = _is_made_there(site, function, contexts)
    ways = [one for one in contexts.arrivals.get(function, ()) if _runs_often(one.root, contexts)]
    return any(is_made_there or _is_handed_down(one.way, contexts) or _is_injected(one.root, contexts) for one in ways)


def _runs_often(root: Root, contexts: Contexts) -> bool:
    """Whether several requests may run it at once; a background task that goes on and on is one."""
    goes_on = root.role is Role.BACKGROUND and contexts.project.function(root.function).loops
    return root.role in _SERVING and not goes_on


def _is_made_there(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function has made the session itself that a call asks, or hands on."""
    facts, where = contexts.project.function(function), Where(function.path, function.index, site.line)
    if _asks_itself(site, function, contexts):
        return not _comes_from_elsewhere(site.call.callee, facts)
    given = (one for one in site.call.arguments if isinstance(one, Name) and one.id in facts.bindings)
    return any(_is_session(contexts.project.value(one, where), contexts) for one in given)


def _comes_from_elsewhere(expression: Expression, facts: Function) -> bool:
    """Whether a parameter, or an attribute of something, is among what an expression is made of, step by step."""
    waiting: list[Expression] = [expression]
    followed = set[str]()
    while waiting:
        match waiting.pop():
            case Attribute(of=Attribute()):
                return True
            case Name(id=name) if any(parameter.name == name for parameter in facts.parameters):
                return True
            case Name(id=name) if name not in followed:
                followed.add(name)
                waiting += [binding.value for binding in facts.bindings.get(name, ())]
            case Call(callee=of) | Attribute(of=of) | Subscript(of=of) | Entered(of=of) | Element(of=of):
                waiting.append(of)
            case Choice(options=options):
                waiting += options
            case _:
                pass
    return False


def _is_handed_down(way: Sequence[ProjectFunction], contexts: Contexts) -> bool:
    """Whether a function on a way makes a session, and awaits nothing then but what leads on from there."""
    for caller, called in pairwise(way):
        facts = contexts.project.function(caller)
        where = Where(caller.path, caller.index, facts.end_line)
        lines = [
            bindings[0].line
            for name, bindings in facts.bindings.items()
            if name.isidentifier() and _is_session(contexts.project.value(Name(name), where), contexts)
        ]
        if lines:
            awaited = (place for place, site in enumerate(facts.sites) if site.awaited and site.line > min(lines))
            return all(called in contexts.targets(caller, place) for place in awaited)
    return False


def _is_injected(root: Root, contexts: Contexts) -> bool:
    """Whether a dependency gives a session that no thread is waited for to close.

    One that is `def` is left in a thread, and middleware has the application run in another task: others come in anyway.
    """
    needed = contexts.needed(root)
    giving = [one for one in needed if _is_session(contexts.project.injected(one), contexts)]
    return bool(giving) and all(contexts.project.function(one).asynchronous for one in giving)


def _is_session(value: Value | None, contexts: Contexts) -> bool:
    of = value.of if isinstance(value, Object) else None
    return isinstance(of, Outside) and of.name in contexts.project.knowledge.sessions


def _is_limited(contexts: Contexts) -> bool:
    """Whether an engine of the program may have a pool of which all connections can be taken."""
    return contexts.table("limited pools", lambda: {"": _finds_limited(contexts)})[""]


def _finds_limited(contexts: Contexts) -> bool:
    project = contexts.project
    engines = {name for row in project.knowledge.sessions.values() for name in row.engines}
    made = [
        (call, at)
        for word in sorted({name.rpartition(".")[2] for name in engines})
        for path in project.calling.get(word, ())
        for call, at in (project.calls_named(path, word) if not is_offline(path) else ())
    ]
    known = [(call, at) for call, at in made if project.is_called(call, at, frozenset(engines))]
    return not known or any(_has_limit(call) and not Addresses(project).is_in_memory(call, at) for call, at in known)


def _has_limit(call: Call) -> bool:
    told = dict(call.keywords)
    is_negative = told.get("max_overflow", call) is None  # of which facts do not tell the value
    is_boundless = last_name(told.get("poolclass")) in _BOUNDLESS or told.get("pool_size") == Constant(0, "int")
    return not (is_negative or is_boundless)
