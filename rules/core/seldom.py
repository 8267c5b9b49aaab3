"""What blocks in some of the methods that a call may mean, and not in others: true, and seldom to pay.

Nobody can tell which is meant: the configuration or a request does. So it is said only where everything is asked for, with
how many of them it holds for.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec

from rules.core.blocking import cost, is_for_no_request, of_root, reached_at, spoken
from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Name, Site, show
from rules.core.findings import Severity
from rules.core.library import Weight
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.roots import Root, file_of
from rules.core.sinks import Called, Sink
from rules.core.values import ProjectFunction

MOST_DERIVED = 400  # files with classes that derive from one
WAITING = (Weight.WAIT, Weight.CPU)
ADVICE = (
    "Where one of those is in use, put the call into a `def` helper and call that with `await run_in_threadpool(helper, ...)` from "
    "`fastapi.concurrency`."
)


class _Choice(msgspec.Struct, frozen=True):
    """A method, how many stand for it, and what blocks in those that do."""

    of: ProjectFunction
    several: int
    sinks: tuple[Sink, ...]


def seldom_remarks(contexts: Contexts, path: str) -> Iterator[Remark]:
    """One remark for each call of a file on the loop that blocks in some of the methods which it may mean, and in no other way."""
    behind = contexts.table("seldom", lambda: _found(contexts), file_of)
    for function in contexts.on_loop(path):
        facts, first = contexts.project.function(function), contexts.loop[function]
        if not facts.asynchronous and first.is_called:
            continue
        for place, site in enumerate(facts.sites):
            sink = _seldom_at(contexts, function, place, behind)
            arrival = contexts.arrival(function, sink.needs) if sink is not None else None
            if sink is None or arrival is None or reached_at(contexts, function, place, site) is not None:
                continue
            if not is_for_no_request(site, facts, arrival.root):
                yield _remark(contexts, function, site, sink, arrival.root, arrival.way)


def _seldom_at(
    contexts: Contexts, function: ProjectFunction, place: int, behind: Mapping[ProjectFunction, Sink]
) -> Sink | None:
    site = contexts.project.function(function).sites[place]
    for target in contexts.targets(function, place):
        if not contexts.project.function(target).asynchronous:
            if (sink := _own_at(contexts, function, site, target)) is not None:
                return sink
            if (deep := behind.get(target)) is not None and (led := contexts.led(deep, function, site)) is not None:
                return led
    return None


def _found(contexts: Contexts) -> dict[ProjectFunction, Sink]:
    """For each `def` that requests come to, the nearest call in it or behind it that may mean methods which block."""
    steps = _reached(contexts)
    owns = {function: tuple(_owns(contexts, function, called)) for function, called in steps.items()}
    return contexts.spread(steps, owns, {}, WAITING, is_sure=False)


def _reached(contexts: Contexts) -> dict[ProjectFunction, list[Called]]:
    """The `def` functions that those on the loop lead to, each with those that it calls itself, and where."""
    steps: dict[ProjectFunction, list[Called]] = {}
    waiting = [called for function in contexts.loop for called, _ in contexts.steps(function)]
    while waiting:
        function = waiting.pop()
        if function not in steps and not contexts.project.function(function).asynchronous:
            steps[function] = [] if contexts.once.runs_seldom(function) else list(contexts.steps(function))
            waiting += [called for called, _ in steps[function]]
    return steps


def _owns(contexts: Contexts, function: ProjectFunction, all_called: list[Called]) -> Iterator[Sink]:
    for called, site in all_called:
        if site is not None and (sink := _own_at(contexts, function, site, called)) is not None:
            yield sink


def _own_at(contexts: Contexts, function: ProjectFunction, site: Site, called: ProjectFunction) -> Sink | None:
    """What blocks at a call itself in some of the methods that it may mean."""
    if not contexts.project.is_abstract(called) and not _is_declared(contexts, function, site, called):
        return None
    choice = contexts.told(_choice, called)
    first = choice.sinks[0] if choice is not None and choice.sinks else None
    if first is None:
        return None
    sink = Sink(first.row, first.name, first.site, (called, *first.through), chosen=True)
    return contexts.led(sink, function, site)


def _is_declared(contexts: Contexts, function: ProjectFunction, site: Site, called: ProjectFunction) -> bool:
    """Whether a method is called on a parameter of which the class is declared: it may be of one that derives from it."""
    facts, callee = contexts.project.function(function), site.call.callee
    if (
        contexts.project.function(called).owner < 0
        or not isinstance(callee, Attribute)
        or not isinstance(callee.of, Name)
    ):
        return False
    name = callee.of.id
    if name in facts.bindings or any(one.name == name for one in facts.narrowings):
        return False
    return any(one.name == name and one.annotation is not None for one in facts.parameters)


def _choice(called: ProjectFunction, contexts: Contexts) -> _Choice | None:
    """What is to be said of the methods that stand for another one, tests left out; None where there is but one, or it is none."""
    is_method = contexts.project.function(called).owner >= 0
    methods = contexts.project.implementations(called, MOST_DERIVED) if is_method else ()
    served = [method for method in methods if not is_offline(method.path)]
    if len(served) < 2:
        return None
    found = (contexts.sink(method) for method in served if not contexts.project.function(method).asynchronous)
    sinks = [sink for sink in found if sink is not None and sink.row.weight in WAITING and not sink.needs]
    return _Choice(called, len(served), tuple(sinks))


def _chosen(contexts: Contexts, sink: Sink) -> Iterator[tuple[_Choice, ProjectFunction]]:
    """The choice on the way to what blocks, and the method by which the way goes on."""
    for called, following in pairwise(sink.through):
        choice = contexts.told(_choice, called)
        if choice is not None and any(one.through[0] == following for one in choice.sinks):
            yield choice, following


def _remark(
    contexts: Contexts,
    function: ProjectFunction,
    site: Site,
    sink: Sink,
    root: Root,
    way: tuple[ProjectFunction, ...],
) -> Remark:
    return Remark(
        rule=sink.row.rule,
        severity=Severity.INFO,
        function=function,
        remedy=Remedy.NONE,
        message=_message(contexts, site, sink, root),
        site=site,
        root=root,
        way=way,
        sink=sink,
        optional=True,
        advice=ADVICE,
    )


def _message(contexts: Contexts, site: Site, sink: Sink, root: Root) -> str:
    choice, chosen = next(_chosen(contexts, sink))
    name, method = (contexts.project.function(one).qualname for one in (choice.of, chosen))
    count = len(choice.sinks)
    some = f"at least {count}" if count < choice.several else "each"
    verb = "block" if 1 < count < choice.several else "blocks"
    return (
        f"`{show(site.call.callee)}` leads to `{name}`, and {some} of its {choice.several} implementations {verb} the event loop "
        f"{of_root(root, contexts)}, as `{method}` does in `{spoken(sink.name)}`: {cost(sink)}."
    )
