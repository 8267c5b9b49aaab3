"""What the statements at the top of a file say, some at a time, and what comes of it for the whole file.

A part numbers functions and classes and counts lines as the whole file does. So those that an edit leaves as they are can be
joined again as they are, or so many lines further down.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import chain
from operator import add
from sys import maxsize
from typing import TypeVar

import msgspec
from msgspec import structs
from msgspec.structs import replace

from rules.core.facts import (
    Attribute,
    Binding,
    Body,
    Call,
    Class,
    Element,
    Expression,
    Function,
    Import,
    Manager,
    Name,
    Narrowing,
    Outline,
    Parameter,
    Site,
    Subscript,
    class_name,
    last_name,
)

_T = TypeVar("_T")


class Scope(msgspec.Struct):
    """A function that is being read."""

    name: str
    qualname: str
    index: int
    parent: int
    owner: int
    bindings: dict[str, list[Binding]] = msgspec.field(default_factory=dict)
    sites: list[Site] = msgspec.field(default_factory=list)
    results: list[Expression] = msgspec.field(default_factory=list)
    yields: list[Expression] = msgspec.field(default_factory=list)
    writes: set[str] = msgspec.field(default_factory=set)
    outer: set[str] = msgspec.field(default_factory=set)
    mentions: dict[str, int] = msgspec.field(default_factory=dict)
    managers: list[Manager] = msgspec.field(default_factory=list)
    held: list[Site] = msgspec.field(default_factory=list)
    tested: set[str] = msgspec.field(default_factory=set)
    narrowings: list[Narrowing] = msgspec.field(default_factory=list)
    branches: list[tuple[int, int, int]] = msgspec.field(default_factory=list)
    generator: bool = False
    bare: bool = False
    reraises: bool = False
    suspends: bool = False
    looping: bool = False
    loops: int = 0
    lazy: int = 0
    later: int = 0
    guards: int = 0
    scripted: int = 0
    needs: tuple[str, ...] = ()
    parameters: frozenset[str] = frozenset()
    rebound: dict[str, list[tuple[str, ...]]] = msgspec.field(default_factory=dict)
    """For each parameter that is given something else the needs of the places where it is."""


class Before(msgspec.Struct, frozen=True):
    """What stands above a part: so many functions (the module's own body among them) and classes, and what must hold to come by."""

    functions: int = 1
    classes: int = 0
    needs: tuple[str, ...] = ()


class Part(msgspec.Struct, frozen=True, dict=True):
    """What some statements at the top of a file say: `scope` is what they add to the module's own body."""

    before: Before
    scope: Scope
    functions: tuple[Function, ...]
    classes: tuple[Class, ...]
    stars: tuple[Import, ...]
    imports: tuple[Import, ...]
    states: frozenset[str]
    dotted: frozenset[str]

    @property
    def after(self) -> Before:
        """What stands above the part that follows."""
        functions, classes = self.before.functions + len(self.functions), self.before.classes + len(self.classes)
        return Before(functions, classes, self.scope.needs)

    @cached_property
    def outline(self) -> Outline:
        functions = self.functions
        sites = [*self.scope.sites, *(site for function in functions for site in function.sites)]
        return Outline(
            stars=self.stars,
            called=frozenset([last_name(site.call.callee) for site in sites]),
            decorating=frozenset(_decorating_names(functions)),
            coroutines=frozenset(f.name for f in functions if f.asynchronous),
            dropped=frozenset(
                last_name(s.call.callee) for f in functions if f.asynchronous for s in f.sites if s.statement
            ),
            imports=self.imports,
            bases=frozenset(class_name(base) for class_ in self.classes for base in class_.bases),
            states=self.states,
            properties=frozenset(f.name for f in functions if f.owner >= 0 and _is_property(f)),
            dotted=self.dotted,
            mentions=self.scope.mentions,
        )


def joined(parts: Sequence[Part], length: int, ignores: dict[int, tuple[str, ...]]) -> tuple[Outline, Body]:
    """What a file of so many characters says that consists of these parts."""
    outlines = [part.outline for part in parts]
    module = closed(_scope_of_all([part.scope for part in parts]), 1, 1, 1, length)
    outline = Outline(
        stars=_chained([one.stars for one in outlines]),
        called=frozenset().union(*[one.called for one in outlines]),
        decorating=frozenset().union(*[one.decorating for one in outlines]),
        coroutines=frozenset().union(*[one.coroutines for one in outlines]),
        dropped=frozenset().union(*[one.dropped for one in outlines]),
        imports=_chained([one.imports for one in outlines]),
        bases=frozenset().union(*[one.bases for one in outlines]),
        states=frozenset().union(*[one.states for one in outlines]),
        properties=frozenset().union(*[one.properties for one in outlines]),
        dotted=frozenset().union(*[one.dotted for one in outlines]),
        mentions=_gathered([one.mentions for one in outlines], add),
        ignores=tuple(sorted(ignores.items())),
    )
    functions = (module, *(function for part in parts for function in part.functions))
    return outline, Body(functions, _chained(part.classes for part in parts))


def closed(
    scope: Scope,
    line: int,
    column: int,
    first_line: int,
    end_line: int,
    *,
    asynchronous: bool = False,
    decorators: tuple[Expression | None, ...] = (),
    parameters: tuple[Parameter, ...] = (),
    returns: Expression | None = None,
) -> Function:
    """A function of which all was read."""
    local = scope.bindings.keys() | {parameter.name for parameter in parameters}
    writes = (scope.writes - (local - _other_names(scope)) if scope.writes else set[str]()) | scope.outer
    return Function(
        name=scope.name,
        qualname=scope.qualname,
        line=line,
        column=column,
        first_line=first_line,
        end_line=end_line,
        asynchronous=asynchronous,
        generator=scope.generator,
        suspends=scope.suspends,
        parent=scope.parent,
        owner=scope.owner,
        decorators=decorators,
        parameters=parameters,
        returns=returns,
        bindings={name: tuple(values) for name, values in scope.bindings.items() if not _is_keyed(name, local)},
        sites=tuple(scope.sites),
        results=tuple(scope.results),
        yields=tuple(scope.yields),
        writes=tuple(sorted(writes)),
        reads=tuple(sorted(scope.mentions.keys() - local)),
        managers=tuple(scope.managers),
        held=tuple(scope.held),
        loops=scope.looping,
        tested=tuple(sorted(scope.tested)),
        narrowings=tuple(scope.narrowings),
        branches=_choosing(scope),
        bare=scope.bare,
        reraises=scope.reraises,
    )


def _is_keyed(name: str, local: AbstractSet[str]) -> bool:
    """Whether it stands for what lies under a key of something local: `rows["a"]`."""
    return name.endswith('"]') and name.partition("[")[0] in local


def _other_names(scope: Scope) -> set[str]:
    """The local names that are given what another name stands for, or holds, here or in another module."""
    return {
        name
        for name, bindings in scope.bindings.items()
        if any(isinstance(binding.value, (Name, Attribute, Subscript, Element, Import)) for binding in bindings)
    }


def _choosing(scope: Scope) -> tuple[tuple[int, int, int], ...]:
    """The `if` statements of a function in which a name is given something that is given more than once."""
    if not scope.branches:
        return ()
    lines = [b.line for bindings in scope.bindings.values() if len(bindings) > 1 for b in bindings]
    return tuple(one for one in scope.branches if any(one[0] <= line <= one[2] for line in lines))


def _decorating_names(functions: Iterable[Function]) -> Iterator[str]:
    for function in functions:
        for decorator in function.decorators:
            yield last_name(decorator.callee if isinstance(decorator, Call) else decorator)


def _is_property(function: Function) -> bool:
    return any(last_name(decorator) in {"property", "cached_property"} for decorator in function.decorators)


def _scope_of_all(scopes: Sequence[Scope]) -> Scope:
    """The module's own body, from what each part adds to it."""
    if len(scopes) == 1:
        return scopes[0]
    return replace(
        scopes[0],
        bindings=_gathered([one.bindings for one in scopes], add),
        sites=[site for one in scopes for site in one.sites],
        results=[result for one in scopes for result in one.results],
        yields=[given for one in scopes for given in one.yields],
        writes=set().union(*[one.writes for one in scopes]),
        outer=set().union(*[one.outer for one in scopes]),
        mentions=_gathered([one.mentions for one in scopes], add),
        managers=[manager for one in scopes for manager in one.managers],
        held=[site for one in scopes for site in one.held],
        tested=set().union(*[one.tested for one in scopes]),
        narrowings=[narrowing for one in scopes for narrowing in one.narrowings],
        branches=[branch for one in scopes for branch in one.branches],
        generator=any(one.generator for one in scopes),
        bare=any(one.bare for one in scopes),
        reraises=any(one.reraises for one in scopes),
        suspends=any(one.suspends for one in scopes),
        looping=any(one.looping for one in scopes),
    )


def _gathered(each: Iterable[dict[str, _T]], both: Callable[[_T, _T], _T]) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for one in each:
        for name, value in one.items():
            found[name] = both(found[name], value) if name in found else value
    return found


def _chained(each: Iterable[tuple[_T, ...]]) -> tuple[_T, ...]:
    return tuple(chain.from_iterable(each))


# Further down


def lowered(part: Part, lines: int) -> Part:
    """The same so many lines further down (or up)."""
    if not lines:
        return part
    scope = replace(
        part.scope,
        bindings={name: [_lower(b, lines) for b in same] for name, same in part.scope.bindings.items()},
        sites=[lower_site(site, lines) for site in part.scope.sites],
        held=[lower_site(site, lines) for site in part.scope.held],
        managers=[_lower_manager(one, lines) for one in part.scope.managers],
        narrowings=[lower_narrowing(one, lines) for one in part.scope.narrowings],
        branches=[_lower_branch(one, lines) for one in part.scope.branches],
    )
    functions = tuple(lower_function(function, lines) for function in part.functions)
    classes = tuple(_lower_class(class_, lines) for class_ in part.classes)
    low = replace(part, scope=scope, functions=functions, classes=classes)
    low.__dict__["outline"] = part.outline  # which tells of no lines
    return low


def _lower(binding: Binding, lines: int) -> Binding:
    return Binding(binding.line + lines, binding.value, binding.function)


def _lower_all(bindings: dict[str, tuple[Binding, ...]], lines: int) -> dict[str, tuple[Binding, ...]]:
    return {name: tuple([_lower(binding, lines) for binding in same]) for name, same in bindings.items()}


def lower_site(site: Site, lines: int) -> Site:
    return structs.replace(site, line=site.line + lines, end_line=site.end_line + lines)


def lower_narrowing(one: Narrowing, lines: int) -> Narrowing:
    last_line = one.last_line if one.last_line == maxsize else one.last_line + lines
    return structs.replace(one, first_line=one.first_line + lines, last_line=last_line)


def _lower_manager(one: Manager, lines: int) -> Manager:
    return structs.replace(one, first_line=one.first_line + lines, last_line=one.last_line + lines)


def _lower_branch(branch: tuple[int, int, int], lines: int) -> tuple[int, int, int]:
    first, below, last = branch
    return first + lines, below and below + lines, last + lines


def lower_function(function: Function, lines: int) -> Function:
    """The same so many lines further down (or up)."""
    if not lines:
        return function
    return structs.replace(
        function,
        line=function.line + lines,
        first_line=function.first_line + lines,
        end_line=function.end_line + lines,
        bindings=_lower_all(function.bindings, lines),
        sites=tuple([lower_site(site, lines) for site in function.sites]),
        narrowings=tuple([lower_narrowing(one, lines) for one in function.narrowings]),
        held=tuple([lower_site(site, lines) for site in function.held]),
        managers=tuple([_lower_manager(one, lines) for one in function.managers]),
        branches=tuple([_lower_branch(one, lines) for one in function.branches]),
    )


def _lower_class(class_: Class, lines: int) -> Class:
    return structs.replace(
        class_,
        line=class_.line + lines,
        bindings=_lower_all(class_.bindings, lines),
        attributes=_lower_all(class_.attributes, lines),
    )
