"""What functions come to block in through the helpers that they call: the nearest blocking call, and the way there."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rules.core.facts import Site, names_in
from rules.core.library import Blocking, Weight
from rules.core.memory import ALONE, Together
from rules.core.project import Project
from rules.core.roots import Roots
from rules.core.sinks import Called, Known, Sink
from rules.core.values import ProjectFunction
from rules.core.waits import Waits


class _KeptSink(msgspec.Struct, frozen=True):
    """A sink without lines: the call is told by its place in the last function that leads to it."""

    row: Blocking
    name: str
    place: int
    through: tuple[ProjectFunction, ...]
    needs: frozenset[str]
    chosen: bool


class Leads(Waits):
    """The functions of a project, each with what it comes to block in."""

    def __init__(self, project: Project, roots: Roots, known: Known | None = None) -> None:
        super().__init__(project, roots, known)
        self._sinks: dict[ProjectFunction, Sink | None] = {}
        self._kept_sinks: Together[ProjectFunction, _KeptSink | None] = self._memory.together("sinks")

    def sinks_through(self, function: ProjectFunction, site: Site, target: ProjectFunction) -> Iterator[Sink]:
        """What a call comes to block in by way of a `def` that it runs, unless its arguments rule that out."""
        led = (self.led(sink, function, site) for sink in self._sinks_in(target))
        return filter(None, led)

    def _sinks_in(self, function: ProjectFunction, hops: int = 2) -> Iterator[Sink]:
        """Its sink, and where that needs an argument, what else it comes to."""
        sink = self.sink(function)
        if sink is not None:
            yield sink
        if sink is not None and sink.needs and hops:
            yield from self.own_sinks(function)
            for called, site in self.steps(function):
                deep = () if self.project.function(called).asynchronous else self._sinks_in(called, hops - 1)
                yield from filter(None, (self.led(one, function, site) for one in deep))

    def led(self, sink: Sink, caller: ProjectFunction, site: Site | None) -> Sink | None:
        """The same sink seen from a call of the function that it begins in; None where its arguments rule that out."""
        if site is None:
            return Sink(sink.row, sink.name, sink.site, (caller, *sink.through), chosen=sink.chosen)
        if self.runs_first(site, caller, sink.row.weight) or self._is_kept_for_all(sink.through[0], caller, site):
            return None
        needs = self.arguments.needs_through(sink.needs, sink.through[0], caller, site)
        if needs is None:
            return None
        chosen = sink.chosen or self._is_choice(caller, site, sink.through[0])
        return Sink(sink.row, sink.name, sink.site, (caller, *sink.through), needs, chosen)

    def _is_kept_for_all(self, called: ProjectFunction, caller: ProjectFunction, site: Site) -> bool:
        """Whether a cache keeps what a function gives, and is asked for the same by all requests: nothing that is given to
        the function comes from one.
        """
        if self.project.function(called).owner >= 0 or not self.once.runs_once_for_arguments(called):
            return False
        given = (*site.call.arguments, *(value for _, value in site.call.keywords))
        return None not in given and not any(self._comes_in(name, caller) for part in given for name in names_in(part))

    def sink(self, function: ProjectFunction) -> Sink | None:
        """What a `def` comes to block in, itself or through the helpers that it calls: waiting before files, then the
        nearest. None where nothing is known to block, or a cache keeps what the body gives.
        """
        if self.once.runs_seldom(function):
            return None
        if not self._has_sink(function):
            self._find_sinks(function)
        self._kept_sinks.taken(function)
        return self._sinks[function]

    def blocks(self, function: ProjectFunction) -> bool:
        """Whether a `def` comes to block, itself or through helpers."""
        return self.sink(function) is not None

    def _has_sink(self, function: ProjectFunction) -> bool:
        """Whether the sink of a function is known, or that there is none."""
        if function in self._sinks:
            return True
        if (kept := self._kept_sinks.known(function)) is not None:
            self._sinks[function] = self._sink_of(kept[0])
        elif self._known is not None and (known := self._known.sink(function)) is not None:
            self._sinks[function] = known[0]
        return function in self._sinks

    def _sink_of(self, kept: _KeptSink | None) -> Sink | None:
        if kept is None:
            return None
        site = self.project.function(kept.through[-1]).sites[kept.place]
        return Sink(kept.row, kept.name, site, kept.through, kept.needs, kept.chosen)

    def _kept_sink(self, sink: Sink | None) -> _KeptSink | None:
        if sink is None:
            return None
        place = self.project.function(sink.through[-1]).sites.index(sink.site)
        return _KeptSink(sink.row, sink.name, place, sink.through, sink.needs, sink.chosen)

    def _find_sinks(self, start: ProjectFunction) -> None:
        """Work out the sinks of all functions that the given one leads to: backwards from those that block."""
        steps = self._leading(start)
        found = {function: self._sinks[function] for function in steps if self._has_sink(function)}
        owns: dict[ProjectFunction, tuple[Sink, ...]] = {}
        for function in steps:
            if function not in found:
                with self._kept_sinks.within(function):
                    owns[function] = self.own_sinks(function)
        new: dict[ProjectFunction, Sink] = {}
        for weights in ((Weight.WAIT, Weight.CPU), (Weight.FILE,)):
            for is_sure in (True, False):
                known = {**found, **new}
                new |= self.spread(steps, owns, known, weights, is_sure=is_sure, together=self._kept_sinks)
        worked_out = [function for function in owns if function not in self._sinks]
        for function in worked_out:
            self._sinks[function] = new.get(function)
        self._kept_sinks.there(lambda: {one: self._kept_sink(self._sinks[one]) for one in worked_out}, steps)

    def spread(
        self,
        steps: Mapping[ProjectFunction, Sequence[Called]],
        owns: Mapping[ProjectFunction, tuple[Sink, ...]],
        known: Mapping[ProjectFunction, Sink | None],
        weights: tuple[Weight, ...],
        *,
        is_sure: bool,
        together: Together[ProjectFunction, Any] = ALONE,
    ) -> dict[ProjectFunction, Sink]:
        """The nearest sink of these weights for each function that has none; a sure one needs no argument of theirs, and no choice.

        Of several that are equally near it is that to which the first call leads, whatever was asked before.
        """
        new: dict[ProjectFunction, Sink] = {}
        near: dict[int, list[ProjectFunction]] = {}
        kept = set(self._kept_for_arguments(steps, together)) if weights == (Weight.FILE,) else set()
        for function in (one for one in steps if one not in kept):
            mine = (own for own in owns.get(function, ()) if own.row.weight in weights and (own.is_sure or not is_sure))
            sink = known.get(function) or next(mine, None)
            if sink is not None and sink.row.weight in weights and (sink.is_sure or not is_sure):
                new[function] = sink
                near.setdefault(len(sink.through), []).append(function)
        callers = _callers(steps)
        while near:
            distance = min(near)
            waiting = {
                (caller, place): (site, new[blocker])
                for blocker in near.pop(distance)
                for caller, place, site in callers.get(blocker, ())
                if caller not in kept and caller not in new and known.get(caller) is None
            }
            for caller, place in sorted(waiting, key=lambda one: one[1]):
                site, sink = waiting[caller, place]
                with together.within(caller):
                    led = self.led(sink, caller, site) if caller not in new else None
                if led is not None and (led.is_sure or not is_sure):
                    new[caller] = led
                    near.setdefault(distance + 1, []).append(caller)
        return {function: sink for function, sink in new.items() if known.get(function) is None}

    def _kept_for_arguments(
        self, functions: Iterable[ProjectFunction], together: Together[ProjectFunction, Any]
    ) -> Iterator[ProjectFunction]:
        for function in functions:
            with together.within(function):
                is_kept = self.once.runs_once_for_arguments(function)
            if is_kept:
                yield function

    def _leading(self, start: ProjectFunction) -> dict[ProjectFunction, list[Called]]:
        """The `def` functions that the given one leads to, each with those that it calls itself, and where.

        What lies behind a function whose sink is known already is left out.
        """
        steps: dict[ProjectFunction, list[Called]] = {start: []}
        waiting = deque([start])
        while waiting:
            caller = waiting.popleft()
            with self._kept_sinks.within(caller):
                steps[caller] = [one for one in self.steps(caller) if self._may_block_in(one[0])]
                for called, _ in steps[caller]:
                    self._kept_sinks.taken(called)
            for called, _ in steps[caller]:
                if called not in steps:
                    steps[called] = []
                    if not self._has_sink(called):
                        waiting.append(called)
        return steps

    def _may_block_in(self, called: ProjectFunction) -> bool:
        return not (self.project.function(called).asynchronous or self.once.runs_seldom(called))


def _callers(
    steps: Mapping[ProjectFunction, Sequence[Called]],
) -> Mapping[ProjectFunction, list[tuple[ProjectFunction, int, Site | None]]]:
    """For each function those that call it, with the place of the call among all of theirs, and the call."""
    callers: dict[ProjectFunction, list[tuple[ProjectFunction, int, Site | None]]] = {}
    for caller, all_called in steps.items():
        for place, (called, site) in enumerate(all_called):
            callers.setdefault(called, []).append((caller, place, site))
    return callers
