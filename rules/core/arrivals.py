"""The ways from what the framework calls on the event loop to the functions of a project.

A way tells what is known of the parameters of the function that it ends in, so that a call which stands under a condition
counts as reached only where some way allows it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from rules.core.arguments import NOTHING_TOLD, Arguments, Told
from rules.core.facts import Site
from rules.core.needs import alternatives, rules_out, subject_of
from rules.core.roots import Root
from rules.core.values import ProjectFunction

MOST_WAYS = 6  # to one function, that differ in what is known of its parameters


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a function is reached: from which root, from which function before (None: by the framework itself), and what
    its parameters surely hold then.
    """

    function: ProjectFunction
    root: Root
    before: "Arrival | None" = None
    told: Told = NOTHING_TOLD

    @property
    def way(self) -> tuple[ProjectFunction, ...]:
        """The functions from the root to this one."""
        return (*(self.before.way if self.before is not None else ()), self.function)

    def allows(self, needs: Iterable[str]) -> bool:
        """Whether nothing that is known rules out what is needed."""
        told = dict(self.told)
        return not any(
            all(rules_out(told.get(subject_of(one), ""), one) for one in alternatives(need)) for need in needs
        )


Arrivals = Mapping[ProjectFunction, list[Arrival]]
Steps = Callable[[ProjectFunction], Iterable[tuple[ProjectFunction, Site | None]]]


def arrivals_of(roots: Iterable[Root], steps: Steps, arguments: Arguments) -> Arrivals:
    """For each function that is reached the ways to it, the shortest first."""
    found: dict[ProjectFunction, list[Arrival]] = {}
    waiting = deque(filter(None, (_kept(Arrival(root.function, root), found) for root in roots)))
    while waiting:
        for further in _further(waiting.popleft(), steps, arguments):
            if (kept := _kept(further, found)) is not None:
                waiting.append(kept)
    return found


def _further(arrival: Arrival, steps: Steps, arguments: Arguments) -> Iterator[Arrival]:
    function = arrival.function
    for called, site in steps(function):
        if site is None:
            yield Arrival(called, arrival.root, arrival)
        elif not arrival.told or arrival.allows(arguments.needs(site, function)):
            told = arguments.told(called, function, site, arrival.told)
            yield Arrival(called, arrival.root, arrival, told)


def _kept(arrival: Arrival, found: dict[ProjectFunction, list[Arrival]]) -> Arrival | None:
    """The arrival, unless another one reaches as much. Of very many nothing is told."""
    ways = found.setdefault(arrival.function, [])
    new = arrival if len(ways) < MOST_WAYS else replace(arrival, told=NOTHING_TOLD)
    if any(way.told <= new.told for way in ways):
        return None
    ways.append(new)
    return new
