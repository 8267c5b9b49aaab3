"""The calls of a function that an edit may have changed: those that say something else now, or use what does.

All others mean what they meant, since nothing that they are made of has changed, and need not be asked again. Where an edit
reaches beyond the body of the function and the imports at the head of its file, any call may mean something else.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from operator import attrgetter

from msgspec.structs import astuple

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Expression, Facts, Function, Site, names_in
from rules.core.findings import Edit
from rules.core.library import always
from rules.core.project import Project
from rules.core.values import Object, Outside, ProjectFunction, Where

Places = tuple[Sequence[int], Sequence[int]]
"""The places of calls among all of their function, before edits and after them."""


def differing(
    was: ProjectFunction, place: ProjectFunction, edits: Iterable[Edit], before: Contexts, after: Contexts
) -> Places:
    """The calls of a function that may mean something else after edits, where it is at `place`."""
    old, new = before.project.function(was), after.project.function(place)
    alike = _alike(old.sites, new.sites)
    names = _names_changed(was, before.project, after.project) if _is_alone(was, edits, before, after) else None
    if names is None or not _is_in_order(old, new, alike):
        return range(len(old.sites)), range(len(new.sites))
    doubtful = {*_conditional(was, before), *_using(names, was, before)} if names else {*_conditional(was, before)}
    kept = alike.keys() - doubtful
    again = {alike[one] for one in kept}
    return _without(kept, old.sites), _without(again, new.sites)


def _without(places: Iterable[int], sites: Sequence[Site]) -> list[int]:
    left_out = {*places}
    return [place for place in range(len(sites)) if place not in left_out]


def _alike(old: Sequence[Site], new: Sequence[Site]) -> Mapping[int, int]:
    """The places of the first calls that say the same as before, and of the last ones, each with where it is now."""
    before, after = [*map(_said, old)], [*map(_said, new)]
    pairs = zip(before, after, strict=False)
    first = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    most = min(len(old), len(new)) - first
    backwards = zip(before[: -most - 1 : -1], after[: -most - 1 : -1], strict=True)
    last = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], backwards))
    shift = len(new) - len(old)
    return {place: place for place in range(first)} | {
        place: place + shift for place in range(len(old) - last, len(old))
    }


def _said(site: Site) -> tuple[object, ...]:
    """What a call says, wherever it stands."""
    call, _, _, _, _, *rest = astuple(site)
    return call, *rest


def _is_alone(was: ProjectFunction, edits: Iterable[Edit], before: Contexts, after: Contexts) -> bool:
    """Whether edits touch nothing but the body of the function itself and the head of its file, and declare nothing."""
    old, new = before.project.facts[was.path], after.project.facts[was.path]
    if len(old.classes) != len(new.classes) or [*map(_declared, old.functions)] != [*map(_declared, new.functions)]:
        return False
    function = old.functions[was.index]
    inner = [one for one in old.functions if function.line < one.first_line and one.end_line <= function.end_line]
    return all(
        edit.path == was.path
        and (
            edit.span.end_line < _head(old)
            or (_is_in(edit, function) and not any(_touches(edit, one) for one in inner))
        )
        for edit in edits
    )


def _declared(function: Function) -> tuple[object, ...]:
    return (function.name, function.asynchronous, function.generator, function.parameters, function.returns)


def _head(facts: Facts) -> int:
    """The first line of a file that belongs to a function or a class."""
    lines = [*(one.first_line for one in facts.functions[1:]), *(one.line for one in facts.classes)]
    return min(lines, default=0)


def _is_in(edit: Edit, function: Function) -> bool:
    return function.line < edit.span.line and edit.span.end_line <= function.end_line


def _touches(edit: Edit, function: Function) -> bool:
    return edit.span.line <= function.end_line and function.first_line <= edit.span.end_line


def _names_changed(was: ProjectFunction, before: Project, after: Project) -> set[str] | None:
    """The names that may be given something else in the function and in its file; None where others hear of that."""
    module = ProjectFunction(was.path, 0)
    old, new = before.function(was), after.function(was)
    if (old.writes, _narrowed(old)) != (new.writes, _narrowed(new)):
        return None
    names = {*_bound_anew(module, before, after), *_bound_anew(was, before, after)}
    grown = len(names)
    while grown:
        made = {
            n for n, bindings in new.bindings.items() if any(not names.isdisjoint(names_in(b.value)) for b in bindings)
        }
        names, grown = names | made, len(made - names)
    return None if any(not name.isidentifier() or name in new.writes for name in names) else names


def _narrowed(function: Function) -> list[tuple[str, Expression, bool]]:
    return [(one.name, one.annotation, one.excluded) for one in function.narrowings]


def _bound_anew(of: ProjectFunction, before: Project, after: Project) -> list[str]:
    old, new = before.function(of).bindings, after.function(of).bindings
    names = old.keys() | new.keys()
    return [name for name in names if [*map(_given, old.get(name, ()))] != [*map(_given, new.get(name, ()))]]


_given = attrgetter("value")


def _is_in_order(old: Function, new: Function, alike: Mapping[int, int]) -> bool:
    """Whether what says the same stands in the same order: what a name means depends on what stands above."""
    if len(old.branches) != len(new.branches):
        return False
    lines = {(old.sites[was].line, new.sites[now].line) for was, now in alike.items()}
    for name, bindings in old.bindings.items():
        lines |= {(a.line, b.line) for a, b in zip(bindings, new.bindings.get(name, ()), strict=False)}
    lines |= {pair for a, b in zip(old.branches, new.branches, strict=True) for pair in zip(a, b, strict=True)}
    for a, b in zip(old.narrowings, new.narrowings, strict=True):
        lines |= {(a.first_line, b.first_line), (a.last_line, b.last_line)}
    before, after = zip(*sorted(lines), strict=True) if lines else ((), ())
    return len({*before}) == len(lines) and [*after] == sorted({*after})


@told_once
def _names_used(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[set[str], str], ...]:
    """The names that each call of a function uses, and what has to hold for it to be reached."""
    return tuple([(names_in(site.call), "\n".join(site.needs)) for site in contexts.project.function(function).sites])


def _using(names: set[str], function: ProjectFunction, contexts: Contexts) -> list[int]:
    """The places of the calls that use any of some names."""
    return [
        place
        for place, (used, needed) in enumerate(_names_used(function, contexts))
        if not names.isdisjoint(used) or (needed and any(name in needed for name in names))
    ]


@told_once
def _conditional(function: ProjectFunction, contexts: Contexts) -> tuple[int, ...]:
    """The places of the calls of which other calls of the function tell whether they block."""
    sites = contexts.project.function(function).sites
    return tuple([place for place, site in enumerate(sites) if _is_conditional(site, function, contexts.project)])


def _is_conditional(site: Site, function: ProjectFunction, project: Project) -> bool:
    callee = project.value(site.call.callee, Where(function.path, function.index, site.line))
    if not isinstance(callee, Outside):
        return isinstance(callee, Object)
    row = project.knowledge.blocking(callee.name)
    return project.knowledge.calls_its_argument(callee.name) or (
        row is not None and (row.unknown or bool(row.first) or row.when is not always)
    )
