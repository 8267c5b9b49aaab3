"""Coroutines that nobody can run: a `def` makes one, keeps it under a name, and hands it to nothing that could await it."""

from collections.abc import Iterator

from rules.core.facts import Attribute, Call, Choice, Collection, Expression, Function, Name, Site
from rules.core.project import Project
from rules.core.values import Outside, ProjectFunction, Where

_BUILTIN = "builtins."
_DEEPEST = 3  # functions that one hands it to the next


def is_never_run(site: Site, where: Where, project: Project) -> bool:
    """Whether the coroutine that a call gives is only kept under a name, and nothing runs it that the name is given to."""
    facts = project.function(where)
    if facts.asynchronous or facts.generator or site.awaited or not where.function:
        return False
    names = {name for name, bound in facts.bindings.items() if any(one.value == site.call for one in bound)}
    if len(names) != 1 or not next(iter(names)).isidentifier() or any(site.call in _parts(one) for one in _said(facts)):
        return False
    return _is_only_looked_at(next(iter(names)), where, project, 0)


def _is_only_looked_at(name: str, where: Where, project: Project, depth: int) -> bool:
    """Whether what a name stands for is nowhere given back, put elsewhere, or handed to what may run it."""
    facts = project.function(where)
    functions = project.facts[where.path].functions
    if depth > _DEEPEST or facts.writes or any(name in one.reads for one in functions if one.parent == where.function):
        return False
    bound = (binding.value for bindings in facts.bindings.values() for binding in bindings)
    kept = (*facts.results, *facts.yields, *(one for one in bound if not isinstance(one, Call)))
    if any(Name(name) in _parts(one) for one in kept):
        return False
    handed = ((one, at) for one in facts.sites for at in _places(one.call, name))
    return all(_only_looks(one, at, where, project, depth) for one, at in handed)


def _only_looks(site: Site, place: int | str, where: Where, project: Project, depth: int) -> bool:
    """Whether a call only looks at what it is given at a place, or under a name."""
    callee = project.value(site.call.callee, Where(where.path, where.function, site.line))
    if isinstance(callee, Outside):
        return callee.name.startswith(_BUILTIN)
    if not isinstance(callee, ProjectFunction) or project.function(callee).asynchronous:
        return False
    facts = project.function(callee)
    names = [one.name for one in facts.parameters[facts.is_bound :]]
    name = place if isinstance(place, str) else names[place] if place < len(names) else ""
    return name in names and _is_only_looked_at(name, Where(callee.path, callee.index), project, depth + 1)


def _places(call: Call, name: str) -> Iterator[int | str]:
    """Where a call is given what a name stands for, or something with that in it."""
    yield from (place for place, one in enumerate(call.arguments) if Name(name) in _parts(one))
    yield from (key for key, one in call.keywords if Name(name) in _parts(one))


def _said(facts: Function) -> Iterator[Expression | None]:
    """What a function gives back, and what it gives to what it calls."""
    yield from (*facts.results, *facts.yields)
    for site in facts.sites:
        yield from (*site.call.arguments, *(value for _, value in site.call.keywords))


def _parts(expression: Expression | None) -> Iterator[Expression]:
    """An expression, and what lies in the lists that it makes."""
    match expression:
        case None | Attribute():
            return
        case Choice(options=parts) | Collection(items=parts):
            for part in parts:
                yield from _parts(part)
        case _:
            yield expression
