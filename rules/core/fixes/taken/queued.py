"""Queues of threads that are used as pools: what is taken out of one is put back, and until then whoever comes waits for it."""

from collections.abc import Iterator, Mapping

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Site, last_name
from rules.core.findings import Span
from rules.core.usage import reached
from rules.core.values import Outside, ProjectFunction, Where

TAKEN = (
    "What was taken out of the queue stays taken during the new `await`: a request that finds the queue empty waits on the event "
    "loop, so that nobody can put anything back, or fails."
)
_TAKING = frozenset({"get", "get_nowait"})
_PUTTING = frozenset({"put", "put_nowait"})


def is_taken_meanwhile(span: Span, managers: set[Span], function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function has taken something out of a queue above a place, itself or by a helper, that it puts back below.

    So has a context manager around that place, of which the spans are given.
    """
    taken = set[str]()
    for place, (out, back) in _moving(function, contexts).items():
        site = contexts.project.function(function).sites[place]
        if site.entered:
            if site.span in managers and out:
                return True
        elif site.span.end <= span.start and not site.awaited:
            taken |= out
            taken -= back
        elif site.span.start >= span.end and taken & back:
            return True
    return False


@told_once
def _moving(function: ProjectFunction, contexts: Contexts) -> Mapping[int, tuple[set[str], set[str]]]:
    """By the places of calls in a function, the queues that each, or a helper that it leads to, takes something out of or puts it
    back into.
    """
    found = {}
    for place, site in enumerate(contexts.project.function(function).sites):
        behind = (queue for target in contexts.targets(function, place) for queue in _all_moved(target, contexts))
        if moved := [*_on_queue(site, function, contexts), *behind]:
            out, back = ({name for method, name in moved if method in how} for how in (_TAKING, _PUTTING))
            found[place] = (out, back)
    return found


@told_once
def _all_moved(function: ProjectFunction, contexts: Contexts) -> frozenset[tuple[str, str]]:
    """The methods that a function, and what it calls, calls on queues."""
    inside = ((inner, site) for inner in reached(function, contexts) for site in contexts.project.function(inner).sites)
    return frozenset(one for inner, site in inside for one in _on_queue(site, inner, contexts))


def _on_queue(site: Site, function: ProjectFunction, contexts: Contexts) -> Iterator[tuple[str, str]]:
    """The method that is called on a queue of threads, with the last name of that."""
    callee = site.call.callee
    if not (isinstance(callee, Attribute) and callee.name in _TAKING | _PUTTING):
        return
    value = contexts.project.value(callee, Where(function.path, function.index, site.line))
    if isinstance(value, Outside) and value.name.startswith("queue."):
        yield callee.name, last_name(callee.of)
