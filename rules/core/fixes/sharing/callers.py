"""Those that await a function which never gave way to others until now: what held for them from one step to the next holds no longer."""

from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.findings import Span
from rules.core.fixes.document import Document
from rules.core.fixes.texts import Texts
from rules.core.repository import is_offline
from rules.core.values import ProjectFunction

_MOST = 3  # functions that await each other


def awaiting(
    function: ProjectFunction, contexts: Contexts, texts: Texts, hops: int = _MOST
) -> Iterator[tuple[ProjectFunction, Span, Document]]:
    """The functions that await one which never gave way, each with the place where it does so and its file; then those that await them.

    A coroutine that awaits nothing but coroutines of this kind runs to its end before the event loop does anything else:
    https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading.
    """
    if gives_way(function, contexts) or not hops:
        return
    callers = dict.fromkeys(ProjectFunction(at.path, at.function) for _, at in contexts.project.calls_of(function))
    for caller in callers:
        document = texts.document(caller.path) if not is_offline(caller.path) else None
        spans = _awaited_at(function, caller, contexts) if document is not None else []
        if document is not None and spans:
            yield from ((caller, span, document) for span in spans)
            yield from awaiting(caller, contexts, texts, hops - 1)


def _awaited_at(function: ProjectFunction, caller: ProjectFunction, contexts: Contexts) -> list[Span]:
    sites = contexts.project.function(caller).sites
    return [
        site.span for place, site in enumerate(sites) if site.awaited and function in contexts.targets(caller, place)
    ]


@told_once
def those_above(function: ProjectFunction, contexts: Contexts) -> frozenset[ProjectFunction]:
    """The functions that call one, and those that call them, some steps up."""
    found, last = {function}, {function}
    for _ in range(_MOST):
        last = {
            ProjectFunction(at.path, at.function) for one in last for _, at in contexts.project.calls_of(one)
        } - found
        found |= last
    return frozenset(found - {function})


@told_once
def gives_way(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a coroutine lets the event loop do other things before it ends: it awaits more than what never does so."""
    facts = contexts.project.function(function)
    if facts.generator or not facts.suspends:
        return facts.generator
    places = [place for place, site in enumerate(facts.sites) if site.awaited or site.suspending]
    return not places or any(gives_way_at(place, function, contexts) for place in places)


def gives_way_at(place: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it may do so at one of its calls, which it awaits."""
    targets = contexts.targets(function, place)
    if contexts.project.function(function).sites[place].suspending or not targets:
        return True
    return any(gives_way(one, contexts) for one in targets)
