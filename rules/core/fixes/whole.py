"""Fixes that reach further than one call: a function made asynchronous as a whole, a client exchanged wherever it is used."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from rules.core.contexts import Contexts
from rules.core.findings import Applicability, Fix, Way
from rules.core.fixes.calm import Calm
from rules.core.fixes.clients.asking import differences_of
from rules.core.fixes.clients.certificates import EARLY
from rules.core.fixes.clients.closing import is_kept
from rules.core.fixes.clients.holding import held_at
from rules.core.fixes.clients.startup import is_started_bare
from rules.core.fixes.environment import may_be_filled_later
from rules.core.fixes.reverse import refusal
from rules.core.fixes.sessions.desk import Desk
from rules.core.fixes.sessions.exchange import asks_database, exchange_session
from rules.core.fixes.sessions.kept import exchange_kept
from rules.core.fixes.sessions.opening import exchange_opened
from rules.core.fixes.sharing.hazards import difference_between
from rules.core.fixes.standing import standing
from rules.core.fixes.texts import Texts
from rules.core.fixes.turning import Refused, Step, Turning, gives_all_at_once, is_manager
from rules.core.fixes.writing import Writing, is_lightened
from rules.core.remarks import Remark
from rules.core.repository import is_offline
from rules.core.syntax import walk
from rules.core.values import ProjectFunction, Where

CONTRACT = "Paths, parameters, status codes and responses stay as they are."
ELSEWHERE = "Tests that replace the client, or that start an event loop for each request, have to be changed with it."

CLEANING = "Where a request is cancelled, what the context manager awaits behind its `yield` may not be done."


Judge = Callable[[Fix, ProjectFunction, Contexts, Mapping[str, bytes]], str]
"""What is to be said against a fix of a finding in a function; empty where it is proved."""


@dataclass(slots=True)
class Bench:
    """What such fixes are made with. `judges` prove those fixes that change what a framework is given."""

    contexts: Contexts
    texts: Texts
    refusals: Counter[str]
    judges: dict[Fix, Judge] = field(default_factory=dict)
    _started_bare: bool | None = None
    calm: Calm = field(init=False)
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.calm = Calm(self.contexts)
        self.desk = Desk(self.contexts, self.texts, self.calm)

    @property
    def is_started_bare(self) -> bool:
        """Whether tests start an application without its lifespan; looked up once."""
        if self._started_bare is None:
            self._started_bare = is_started_bare(self.contexts)
        return self._started_bare

    def plan(self, grow: Callable[[Turning], None]) -> Turning | None:
        """The plan that begins with a step, if there is one; else why not is kept."""
        plan = Turning(self.contexts, self.texts, self.calm)
        try:
            grow(plan)
        except Refused as refusal:
            self.refusals[str(refusal)] += 1
            return None
        return plan


def turn(remark: Remark, bench: Bench) -> Fix | None:
    """`async def` for the `def` of the remark, with every blocking call that it comes to dealt with."""
    plan = bench.plan(lambda plan: plan.turn(remark.function))
    if plan is None or not plan.waits_natively:
        return None
    name = bench.contexts.project.function(remark.function).qualname
    others = len(plan.functions) - 1
    title = f"Make `{name}` `async def`" + (f", and {others} more with it" if others else "")
    return _fix(title, Way.CONVERT, plan, bench)


def exchange(remark: Remark, bench: Bench) -> Fix | None:
    """The client that the call is made on exchanged for its asynchronous counterpart, wherever it is used."""
    site, contexts = remark.site, bench.contexts
    if site is None or remark.sink is None or not remark.sink.is_direct:
        return None
    held = held_at(remark.function, site, contexts)
    plan = bench.plan(lambda plan: plan.exchange(held)) if held is not None else None
    if plan is None or held is None:
        return None
    return _fix(f"Await `{plan.clients[held].instead}`", Way.TWIN, plan, bench)


def session(remark: Remark, bench: Bench) -> Fix | None:
    """The session that the call is made on, or is given, exchanged for one that is awaited: of a dependency, opened there, or kept by an object.

    Nothing is gained by it for a call that blocks for another reason, though rows of the session be what it is given.
    """
    if not asks_database(remark):
        return None

    def refuse(reason: str) -> None:
        bench.refusals[reason] += 1

    ways = (exchange_session, exchange_opened, exchange_kept)
    return next(filter(None, (way(remark, bench.desk, refuse) for way in ways)), None)


def member(remark: Remark, bench: Bench) -> Fix | None:
    """The method of the same object that is awaited."""
    site, contexts = remark.site, bench.contexts
    if site is None or remark.sink is None or not remark.sink.is_direct:
        return None
    if remark.sink.name not in contexts.project.knowledge.twins or not gives_all_at_once(site):
        return None
    plan = Turning(contexts, bench.texts, bench.calm)
    place = contexts.project.function(remark.function).sites.index(site)
    plan.steps[remark.function, place] = Step.MEMBER
    plan.others.add(remark.function)
    twin = contexts.project.knowledge.twins[remark.sink.name].rpartition(".")[2]
    return _fix(f"Await `{twin}`", Way.TWIN, plan, bench)


def enter(remark: Remark, bench: Bench) -> Fix | None:
    """The context manager of the project that blocks, made one of `async with` wherever it is entered.

    A thread cannot enter it, so it is the only way for a function that cannot lose its `async`.
    """
    site, contexts = remark.site, bench.contexts
    if site is None or not site.entered or not refusal(remark.function, contexts):
        return None
    callee = contexts.project.value(site.call.callee, Where(remark.function.path, remark.function.index, site.line))
    if not isinstance(callee, ProjectFunction) or not is_manager(callee, contexts):
        return None
    plan = bench.plan(lambda plan: plan.turn(callee))
    if plan is None:
        return None
    return _fix(f"Enter `{contexts.project.function(callee).name}` by `async with`", Way.CONVERT, plan, bench)


def _fix(title: str, way: Way, plan: Turning, bench: Bench) -> Fix | None:
    try:
        edits = Writing(plan, bench.contexts).edits()
    except Refused as refusal:
        bench.refusals[str(refusal)] += 1
        return None
    differences = tuple(_differences(plan, bench.contexts))
    shared = (client for held, client in plan.clients.items() if is_kept(held, bench.contexts))
    limits = tuple(dict.fromkeys(note for client in shared for note in client.notes))
    worse = differences or (limits and plan.functions)  # on the loop one call at a time was made, in threads forty
    applicability = Applicability.UNSAFE if worse else Applicability.SAFE
    kept = (CONTRACT,) if plan.functions else ()
    missing = [one for one in plan.clients.values() if not one.asks or not bench.contexts.project.makes(one.instead)]
    requires = tuple(dict.fromkeys(r for client in missing for r in client.requires))
    notes = (*differences, *limits, *kept) if applicability is Applicability.UNSAFE else (*kept, *limits)
    notes = tuple(dict.fromkeys(notes))
    return Fix(title, way, edits, applicability, notes, requires)


def _differences(plan: Turning, contexts: Contexts) -> list[str]:
    """What is another way afterwards, one sentence each."""
    found: list[str] = []
    for (function, place), step in plan.steps.items():
        if step is Step.TWIN:
            site = contexts.project.function(function).sites[place]
            blocked = contexts.blocking(site, Where(function.path, function.index, site.line))
            found += blocked[0].twin.notes if blocked is not None and blocked[0].twin is not None else ()
    if any(_waits_behind_yield(function, plan, contexts) for function in plan.functions):
        found.append(CLEANING)
    for client in plan.clients.values():
        found += client.notes if client.asks else ()
    for use, held in plan.uses.values():
        document = plan.texts.document(use.function.path)
        if plan.clients[held].asks and document is not None:
            found += differences_of(use, plan.clients[held], document, contexts)
    if any(
        is_lightened(held, client) and may_be_filled_later(held.path, contexts) for held, client in plan.clients.items()
    ):
        found.append(EARLY)
    if plan.clients and _is_tested(contexts):
        found.append(ELSEWHERE)
    found += filter(None, _between(plan, contexts))
    return list(dict.fromkeys(found))


def _between(plan: Turning, contexts: Contexts) -> Iterator[str]:
    """What may differ if others come while functions await what they did not await before."""
    places = [(function, place) for function, place in plan.steps if function in plan.others]
    for function in plan.others - {function for function, _ in places}:
        yield difference_between(function, contexts)
    for function, place in places:
        document, span = plan.texts.document(function.path), contexts.project.function(function).sites[place].span
        yield difference_between(function, contexts, span, document)
        if document is not None:
            yield from standing(span, function, contexts, document, plan.texts)


def _waits_behind_yield(function: ProjectFunction, plan: Turning, contexts: Contexts) -> bool:
    """Whether a context manager awaits what it does in the end."""
    document = plan.texts.document(function.path) if is_manager(function, contexts) else None
    facts = contexts.project.function(function)
    definition = document.function_at(facts.line) if document is not None else None
    lines = [node.lineno for node in walk(definition) if isinstance(node, ast.Yield)] if definition else []
    awaited = [facts.sites[place].line for of, place in plan.steps if of == function]
    return bool(lines) and any(line > min(lines) for line in awaited)


def _is_tested(contexts: Contexts) -> bool:
    """Whether the project has tests that run the application."""
    facts = contexts.project.facts
    return any(is_offline(path) and "TestClient" in one.outline.imported for path, one in facts.items())
