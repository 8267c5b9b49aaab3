"""The ways from what the framework calls on the event loop to the functions of a project.

A way tells what is known of the parameters of the function that it ends in, so that a call which stands under a condition
counts as reached only where some way allows it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from rules.core.arguments import NOTHING_TOLD, Arguments, Told
from rules.core.facts import Site
from rules.core.needs import alternatives, rules_out, subject_of
from rules.core.roots import Root
from rules.core.values import ProjectFunction

MOST_WAYS = 6  # to one function, that differ in what is known of its parameters


class Arrival(msgspec.Struct, frozen=True):
    """How a function is reached: from which root, by which functions, from that of the root to this one, and what its
    parameters surely hold then.
    """

    root: Root
    way: tuple[ProjectFunction, ...]
    told: Told = NOTHING_TOLD

    @property
    def function(self) -> ProjectFunction:
        """What is reached."""
        return self.way[-1]

    @property
    def is_called(self) -> bool:
        """Whether another function calls it, not the framework itself."""
        return len(self.way) > 1

    def allows(self, needs: Iterable[str]) -> bool:
        """Whether nothing that is known rules out what is needed."""
        return allows(self.told, needs)


Arrivals = Mapping[ProjectFunction, list[Arrival]]
Steps = Callable[[ProjectFunction], Iterable[tuple[ProjectFunction, Site | None]]]
Further = Callable[[ProjectFunction, Told], Iterable[tuple[ProjectFunction, Told]]]
"""What a function calls of whose parameters so much is known, each with what is known of those of the called one then."""


class Shortest(Mapping[ProjectFunction, Arrival]):
    """Of all ways to a function the shortest."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    def __getitem__(self, function: ProjectFunction) -> Arrival:
        return self._arrivals[function][0]

    def __contains__(self, function: object) -> bool:
        return function in self._arrivals

    def __iter__(self) -> Iterator[ProjectFunction]:
        return iter(self._arrivals)

    def __len__(self) -> int:
        return len(self._arrivals)


def allows(told: Told, needs: Iterable[str]) -> bool:
    """Whether nothing that is known of parameters rules out what is needed."""
    known = dict(told)
    return not any(all(rules_out(known.get(subject_of(one), ""), one) for one in alternatives(need)) for need in needs)


def arrivals_of(roots: Iterable[Root], further: Further) -> dict[ProjectFunction, list[Arrival]]:
    """For each function that is reached the ways to it, the shortest first."""
    found: dict[ProjectFunction, list[Arrival]] = {}
    waiting = deque(filter(None, (_kept(root, (), root.function, NOTHING_TOLD, found) for root in roots)))
    while waiting:
        arrival = waiting.popleft()
        for called, told in further(arrival.function, arrival.told):
            if (kept := _kept(arrival.root, arrival.way, called, told, found)) is not None:
                waiting.append(kept)
    return found


def further(
    function: ProjectFunction, known: Told, steps: Steps, arguments: Arguments
) -> Iterator[tuple[ProjectFunction, Told]]:
    """What a function calls where so much is known of its parameters; see `Further`."""
    for called, site in steps(function):
        if site is None:
            yield called, NOTHING_TOLD
        elif not known or allows(known, arguments.needs(site, function)):
            yield called, arguments.told(called, function, site, known)


def _kept(
    root: Root,
    way: tuple[ProjectFunction, ...],
    called: ProjectFunction,
    told: Told,
    found: dict[ProjectFunction, list[Arrival]],
) -> Arrival | None:
    """The arrival, unless another one reaches as much. Of very many nothing is told."""
    ways = found.setdefault(called, [])
    known = told if len(ways) < MOST_WAYS else NOTHING_TOLD
    if any(one.told <= known for one in ways):
        return None
    ways.append(Arrival(root, (*way, called), known))
    return ways[-1]
