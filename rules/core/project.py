"""All files of a repository together: what names mean across them, and what type an expression has by evidence.

Evidence is an annotation, a constructor, a factory with a known result, an attribute set on `self` or on the class, a
dependency and what it returns or yields, a global of another file, the target of `with`. Where there is none, or where
names are bound again to something unknown, the answer is None.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from rules.core.classes import MANAGERS, Classes
from rules.core.facts import (
    Attribute,
    Awaited,
    Binding,
    Call,
    Choice,
    Collection,
    Computed,
    Constant,
    Defined,
    DefinedClass,
    Element,
    Entered,
    Expression,
    Facts,
    Import,
    Name,
    Parameter,
    Subscript,
    Typed,
)
from rules.core.knowledge import Knowledge
from rules.core.library import Rows
from rules.core.memory import Memory
from rules.core.repository import Repository, is_offline
from rules.core.values import (
    Coroutine,
    Iterated,
    Keyed,
    Managed,
    Module,
    Object,
    Outside,
    Partial,
    ProjectClass,
    ProjectFunction,
    Super,
    Value,
    Where,
)

DEPENDS = frozenset({"fastapi.Depends", "fastapi.Security"})
ITERABLES = frozenset(
    f"{module}.{name}"
    for module in ("typing", "collections.abc", "builtins")
    for name in (
        *("Generator", "Iterator", "Iterable", "AsyncGenerator", "AsyncIterator", "AsyncIterable", "Sequence"),
        *("List", "Set", "Tuple", "list", "set", "tuple", "frozenset"),
    )
)
DICT = Object(Outside("builtins.dict"))
PATH = Object(Outside("pathlib.Path"))
APPLICATIONS = frozenset({"fastapi.FastAPI", "starlette.applications.Starlette"})
WIDEST = 40  # files that call a name, for its callers to be looked at
MOST_ITEMS = 8  # of a display that are looked at
MOST_RIVALS = 8  # bindings of a name on other ways that are looked at
DEEPEST = 40  # steps of inference from one expression; real code needs a dozen


class _Told(msgspec.Struct, frozen=True):
    """What a test of types says of a name, which may be that nothing is known any more."""

    value: Value | None


def _is_unkeyed(value: Value) -> bool:
    """Whether it is a dictionary of whose keys nothing is known."""
    return isinstance(value, Keyed) and not value.items


class Project(Classes):
    """The facts of a whole repository, by path, and what its names mean."""

    def __init__(
        self,
        facts: Mapping[str, Facts],
        knowledge: Knowledge,
        before: Repository | None = None,
        memory: Memory | None = None,
    ) -> None:
        super().__init__(facts, knowledge, before, memory)
        self._memory: dict[object, Value | None] = self.memory.answers("meaning")
        self._memory_at_lines: dict[object, Value | None] = self.memory.answers("meaning at a line")
        self._called_by_name: dict[tuple[str, str], frozenset[tuple[Expression, Value | None]]] = self.memory.answers()
        self._depth = 0

    def with_facts(self, edited: Mapping[str, Facts]) -> Project:
        """The same project with other facts of some of its files."""
        return Project({**self.facts, **edited}, self.knowledge, self)

    def forget(self) -> None:
        """Keep only what was gathered of files, not what names mean."""
        self._memory.clear()
        self._memory_at_lines.clear()
        self._called_by_name.clear()

    # Expressions

    def value(self, expression: Expression | None, where: Where) -> Value | None:
        """What the expression is, seen from there."""
        if expression is None or self._depth > DEEPEST:
            return None
        self._depth += 1
        try:
            return self._forms[type(expression)](self, expression, where)
        finally:
            self._depth -= 1

    def _nothing(self, _expression: Expression, _where: Where) -> None:
        """What no evidence comes from."""

    def _of_name(self, expression: Name, where: Where) -> Value | None:
        return self.name(expression.id, where)

    def _of_attribute(self, expression: Attribute, where: Where) -> Value | None:
        return self._dotted(expression.of, expression.name, where)

    def _of_awaited(self, expression: Awaited, where: Where) -> Value | None:
        value = self.value(expression.of, where)
        return value.result if isinstance(value, Coroutine) else None

    def _of_entered(self, expression: Entered, where: Where) -> Value | None:
        return self._entered(self.value(expression.of, where), expression.asynchronous)

    def _of_element(self, expression: Element, where: Where) -> Value | None:
        value = self.value(expression.of, where)
        if isinstance(value, Object):
            return value.row
        return value.item if isinstance(value, Iterated) else None

    def _of_subscript(self, expression: Subscript, where: Where) -> Value | None:
        return self._item(self.value(expression.of, where), expression.items, where)

    def _of_choice(self, expression: Choice, where: Where) -> Value | None:
        return next((value for option in expression.options if (value := self.value(option, where))), None)

    def _of_collection(self, expression: Collection, where: Where) -> Value | None:
        if expression.keys:
            return self._keyed(expression.keys, expression.items, where)
        return self._display(expression.items, where) if expression.items else None

    def _of_computed(self, expression: Computed, where: Where) -> Value | None:
        value = self.value(expression.parts[0], where)
        return value if value == PATH else None  # `folder / name` is a path again

    def _of_typed(self, expression: Typed, where: Where) -> Value | None:
        return self.annotated(expression.annotation, where)

    def _of_defined(self, expression: Defined, where: Where) -> ProjectFunction:
        return ProjectFunction(where.path, expression.index)

    def _of_defined_class(self, expression: DefinedClass, where: Where) -> ProjectClass:
        return ProjectClass(where.path, expression.index)

    def _dotted(self, of: Expression, name: str, where: Where) -> Value | None:
        told = self._set_here(of, name, where)
        return told.value if told is not None else self.member(self.value(of, where), name)

    def _set_here(self, of: Expression, name: str, where: Where) -> _Told | None:
        """An attribute that this very function has set on an object, or the project on a state: that tells more than the class."""
        if isinstance(of, Name):
            function = self.function(where)
            if f"{of.id}.{name}" in function.bindings:
                key = (".set", of.id, name, where)
                if key not in self._memory_at_lines:
                    self._memory_at_lines[key] = None
                    bindings = self.function(where).bindings[f"{of.id}.{name}"]  # read for this answer
                    self._memory_at_lines[key] = self._latest(bindings, where, where.line)
                return _Told(self._memory_at_lines[key])
        if isinstance(of, Attribute) and of.name == "state":
            return _Told(self._state(name))
        return None

    def _state(self, name: str) -> Value | None:
        """What the project sets on the state of an app or a request, if it sets only one kind of thing."""
        key = (".state", name)
        if key not in self._memory:
            self._memory[key] = None
            found = {value for value in self._states_set(name) if value is not None}
            self._memory[key] = found.pop() if len(found) == 1 else None
        return self._memory[key]

    def _states_set(self, name: str) -> Iterator[Value | None]:
        for path in self.stating.get(name, ()):
            for index, function in enumerate(self.facts[path].functions):
                for binding in function.bindings.get(f".state.{name}", ()):
                    yield self._bound(binding, Where(path, index, binding.line))

    def _display(self, items: tuple[Expression | None, ...], where: Where) -> Iterated:
        """A list, tuple or the like; of a long one the first items tell."""
        values = tuple(self.value(item, where) for item in items[:MOST_ITEMS])
        return Iterated(values[0], items=values)

    def _keyed(self, keys: tuple[str, ...], items: tuple[Expression | None, ...], where: Where) -> Keyed:
        values = [(key, self.value(item, where)) for key, item in zip(keys, items, strict=True)]
        alike = {value for _, value in values}
        each = alike.pop() if len(alike) == 1 else None
        return Keyed(tuple((key, value) for key, value in values if value is not None), each)

    def _item(self, value: Value | None, items: tuple[Expression | None, ...], where: Where) -> Value | None:
        if isinstance(value, Iterated):
            place = items[0].value if items and isinstance(items[0], Constant) and items[0].kind == "int" else None
            return value.items[place] if isinstance(place, int) and 0 <= place < len(value.items) else value.item
        if isinstance(value, Keyed):
            key = items[0] if items else None
            told = (
                dict(value.items).get(key.value) if isinstance(key, Constant) and isinstance(key.value, str) else None
            )
            return told or value.each
        if isinstance(value, Outside) and value.name in self.knowledge.wrappers:  # `Provide[Container.users]`
            return self.value(items[0], where) if items else None
        if isinstance(value, Object) and isinstance(value.of, Outside):
            return self._computed_member(value.of.name, "__getitem__")
        return value if isinstance(value, (Outside, ProjectClass)) else None  # Generic[...]

    # Names

    def name(self, name: str, where: Where) -> Value | None:
        """What a name means there: a parameter, a local, one of an enclosing function, of the module, a builtin."""
        scope = self._scope(name, where)
        key = (name, scope)
        known = self._memory_at_lines if scope.line else self._memory
        if key not in known:
            known[key] = None  # a name that is defined by itself means nothing
            known[key] = self._name(name, scope)
        return known[key]

    def _scope(self, name: str, where: Where) -> Where:
        """What decides on a name: the function that knows it (or the module), and the line where that says several things of it."""
        functions = self.facts[where.path].functions
        index, line = where.function, where.line
        while index > 0:
            function = functions[index]
            bindings = function.bindings.get(name, ())
            if len(bindings) > 1 or function.narrowings:
                return Where(where.path, index, line)
            if bindings:
                return Where(where.path, index)
            for parameter in function.parameters:  # asked for each name that is read: `any` would take twice as long
                if parameter.name == name:
                    return Where(where.path, index)
            index, line = function.parent, 0
        is_one = not line or len(self.facts[where.path].bound(name)) < 2
        return Where(where.path, 0, 0 if is_one else line)

    def _name(self, name: str, where: Where) -> Value | None:
        functions = self.facts[where.path].functions
        index, line = where.function, where.line
        while index > 0:
            function = functions[index]
            if function.narrowings and (told := self._narrowed(name, Where(where.path, index, line))) is not None:
                return told.value
            place = next((p for p, parameter in enumerate(function.parameters) if parameter.name == name), None)
            bindings = function.bindings.get(name, ())
            if bindings and (place is None or not line or any(binding.line <= line for binding in bindings)):
                return self._latest(bindings, Where(where.path, index, line), line)
            if place is not None:
                return self._parameter(Where(where.path, index), place, function.parameters[place])
            index, line = function.parent, 0
        return self.global_(where.path, name, line)

    def _narrowed(self, name: str, where: Where) -> _Told | None:
        """What `isinstance` tells of a name at a line, unless the name is bound again in between."""
        function = self.function(where)
        for one in reversed(function.narrowings):
            if one.name == name and one.first_line <= where.line <= one.last_line:
                bound = any(one.first_line <= b.line < where.line for b in function.bindings.get(name, ()))
                asked = None if bound else self.annotated(one.annotation, where)
                if asked is None:
                    return None
                before = self._name(name, Where(where.path, where.function, one.first_line - 1))
                return _Told(None if before == asked else before) if one.excluded else _Told(asked)
        return None

    def global_(self, path: str, name: str, line: int = 0) -> Value | None:
        """What a module binds to a name (at its end, or as far as the line)."""
        facts = self.facts[path]
        if bindings := facts.bound(name):
            return self._latest(bindings, Where(path, 0, line), line)
        for star in facts.outline.stars:
            source = self._imported(Import(star.level, star.module), Where(path))
            if isinstance(source, Module) and (found := self.member(source, name)):
                return found
            if isinstance(source, Outside) and self.knowledge.is_named(dotted := f"{source.name}.{name}"):
                return Outside(self.knowledge.canonical(dotted))
        return Outside(f"builtins.{name}") if hasattr(builtins, name) else None

    def _latest(self, bindings: tuple[Binding, ...], where: Where, line: int) -> Value | None:
        """The value bound last before the line; of an annotation and a value on one line the annotation, if it tells."""
        telling = [b for b in bindings if not (isinstance(b.value, Constant) and b.value.kind == "NoneType")]
        earlier = [b for b in telling if b.line <= line and b.function == where.function] if line else telling
        if self._is_ambiguous(telling, where):
            return None
        for binding in (earlier or telling)[-1:]:
            found: Value | None = None
            for rival in bindings:
                if rival.line == binding.line:
                    told = self._bound(rival, where) if self._says_less(found) else None
                    found = told if self._tells_more(told, found) else found
            return found or self._otherwise(telling, binding, where, line) or self._declared(bindings, where)
        return None

    def _otherwise(self, bindings: list[Binding], last: Binding, where: Where, line: int) -> Value | None:
        """What a name holds below an `if` in whose one branch it was last given something unknown, by way of the other."""
        branches = self.facts[where.path].functions[last.function].branches if len(bindings) > 1 else ()
        waiting, seen = [(bindings, last)], {last.line}
        while waiting and len(seen) <= MOST_RIVALS:
            within, latest = waiting.pop()
            for rivals in self._on_other_ways(within, latest, branches, line):
                if rivals[-1].line not in seen:
                    seen.add(rivals[-1].line)
                    waiting.append((rivals, rivals[-1]))
                    if (found := self._bound(rivals[-1], where)) is not None:
                        return found
        return None

    def _on_other_ways(
        self, bindings: list[Binding], last: Binding, branches: tuple[tuple[int, int, int], ...], line: int
    ) -> Iterator[list[Binding]]:
        """What a name may have been given instead, at last, for each `if` around the binding but not around the line."""
        for first, other, end in branches:
            if first <= last.line <= end and not first <= line <= end:
                before = [b for b in bindings if b.function == last.function and b.line < last.line]
                opposite = [b for b in before if first <= b.line < other <= last.line]
                if rivals := opposite or [b for b in before if b.line < first]:
                    yield rivals

    def _declared(self, bindings: tuple[Binding, ...], where: Where) -> Value | None:
        """The type that an annotation gives a name, whatever is bound to it."""
        return next((self._bound(b, where) for b in bindings if isinstance(b.value, Typed)), None)

    def _says_less(self, declared: Value | None) -> bool:
        return declared is None or isinstance(declared, Iterated) or self.is_abstract_object(declared)

    def _tells_more(self, assigned: Value | None, declared: Value | None) -> bool:
        """Whether what a name is given counts for more than its annotation: a query is no list, whatever it is called."""
        if not isinstance(declared, Iterated):
            return assigned is not None
        name = assigned.of.name if isinstance(assigned, Object) and isinstance(assigned.of, Outside) else ""
        return bool(name) and self.knowledge.exactly(self.knowledge.member(name, "__iter__")) is not None

    def _is_ambiguous(self, bindings: list[Binding], where: Where) -> bool:
        """Whether a name is defined more than once: `def` here and `async def` there, or imported there."""
        defined = [b.value.index for b in bindings if isinstance(b.value, Defined)]
        if len(bindings) < 2 or not defined:
            return False
        functions = self.facts[where.path].functions
        imported = any(isinstance(b.value, Import) for b in bindings)
        return imported or len({functions[index].asynchronous for index in defined}) > 1

    def _bound(self, binding: Binding, where: Where) -> Value | None:
        """The value of a binding, looked up just before it was made."""
        before = Where(where.path, binding.function, max(binding.line - 1, 1))
        return self.value(binding.value, before) or self._built_on(binding, before)

    def _built_on(self, binding: Binding, before: Where) -> Value | None:
        """The query that a name keeps through a function that nothing is known of: `query = only_mine(query)`."""
        given = binding.value.arguments if isinstance(binding.value, Call) else ()
        for name in given:
            if isinstance(name, Name) and binding in self.function(before).bindings.get(name.id, ()):
                value = self.value(name, before)
                return value if self._is_builder(value) else None
        return None

    def _is_builder(self, value: Value | None) -> bool:
        """Whether what its methods give is of the same class, as that of a query is."""
        return (
            isinstance(value, Object)
            and isinstance(value.of, Outside)
            and self.knowledge.results.get(f"{value.of.name}.*") == "self"
        )

    def _imported(self, of: Import, where: Where) -> Value | None:
        place = self.modules.find(where.path, of.level, of.module)
        if place is None:
            if of.level:
                return None
            return Outside(self.knowledge.canonical(f"{of.module}.{of.name}" if of.name else of.module))
        return self.member(Module(place), of.name) if of.name else Module(place)

    # Parameters and annotations

    def _parameter(self, where: Where, place: int, parameter: Parameter) -> Value | None:
        function = self.function(where)
        if place == 0 and function.owner >= 0 and not self._is_decorated(function, where, "builtins.staticmethod"):
            owner = ProjectClass(where.path, function.owner)
            return owner if self._is_decorated(function, where, "builtins.classmethod") else Object(owner)
        if parameter.kind in ("star", "mapping"):
            return None
        outer = Where(where.path, function.parent, function.line)
        if parameter.annotation and (found := self.annotated(parameter.annotation, outer)):
            says_little = found == DICT or _is_unkeyed(found) or self.is_abstract_object(found)
            told = self._handed_in(where, place, parameter) if says_little or self._may_be_awaited(found) else None
            is_told = isinstance(told, Keyed) or (isinstance(told, Object) and isinstance(told.of, ProjectClass))
            return told if is_told or self._is_awaited(told) else found
        if parameter.annotation and (dependency := self.dependency(parameter, outer)) is not None:
            return self.injected(dependency)
        return self._handed_in(where, place, parameter) if parameter.annotation is None else None

    def _may_be_awaited(self, found: Value) -> bool:
        """Whether it is a session that the annotation may name wrongly: the project imports those that are awaited, too."""
        of = found.of.name if isinstance(found, Object) and isinstance(found.of, Outside) else ""
        sessions = self.knowledge.sessions.get(of)
        return sessions is not None and sessions.instead.rpartition(".")[2] in self.importing

    def _is_awaited(self, told: Value | None) -> bool:
        """Whether it is a session whose methods are awaited."""
        of = told.of.name if isinstance(told, Object) and isinstance(told.of, Outside) else ""
        return any(of == sessions.instead for sessions in self.knowledge.sessions.values())

    def _handed_in(self, where: Where, place: int, parameter: Parameter) -> Value | None:
        """What a dependency gives to a parameter, or those who call the function do."""
        dependency = self.dependency(
            parameter, Where(where.path, self.function(where).parent, self.function(where).line)
        )
        return self._given(where, place, parameter) if dependency is None else self.injected(dependency)

    def _given(self, where: Where, place: int, parameter: Parameter) -> Value | None:
        """What decorators, else callers, of the project give to a parameter without a type, if they all give the same."""
        function = ProjectFunction(where.path, where.function)
        shift = 1 if self.function(function).owner >= 0 else 0
        found = set(self._injected_by_decorators(function, place)) - {None}
        if found:
            return self._agreed(found)
        meant = (function, *self.stood_for_by(function))
        for call, at in (made for one in meant for made in self.calls_of(one)):
            given = dict(call.keywords).get(parameter.name)
            if given is None and 0 <= place - shift < len(call.arguments):
                given = call.arguments[place - shift]
            found.add(self.value(given, at) if given is not None else self._spread(call, parameter.name, at))
        return self._agreed(found)

    def stood_for_by(self, method: ProjectFunction) -> Iterator[ProjectFunction]:
        """The methods of base classes that one stands for: a call of such may be meant for it."""
        function = self.function(method)
        family = self.family(ProjectClass(method.path, function.owner)) if function.owner >= 0 else ()
        for base in family[1:] if function.name != "__init__" else ():
            place = self.class_(base).methods.get(function.name) if isinstance(base, ProjectClass) else None
            if isinstance(base, ProjectClass) and place is not None:
                yield ProjectFunction(base.path, place)

    def _agreed(self, given: set[Value | None]) -> Value | None:
        """The one value among those given; of several objects of a library the one whose class all others derive from."""
        known = [value for value in given if value is not None]
        if len(known) < 2:
            return known[0] if known else None
        classes = [value.of.name for value in known if isinstance(value, Object) and isinstance(value.of, Outside)]
        families = [self.knowledge.family(name) for name in classes]
        base = next((name for name in classes if all(name in family for family in families)), None)
        return Object(Outside(base)) if base is not None and len(classes) == len(known) else None

    def _spread(self, call: Call, name: str, where: Where) -> Value | None:
        """What a parameter is given by `**mapping`."""
        for key, mapping in call.keywords:
            if not key and isinstance(value := self.value(mapping, where), Keyed):
                return dict(value.items).get(name)
        return None

    def _injected_by_decorators(self, function: ProjectFunction, place: int) -> Iterator[Value | None]:
        """What decorators of the project give when they call what they decorate: `f(session, *args)`."""
        for decorator in self.decorators(function):
            if not isinstance(decorator, ProjectFunction) or not self.function(decorator).parameters:
                continue
            name = self.function(decorator).parameters[0].name
            for index, inner in enumerate(self.facts[decorator.path].functions):
                if inner.parent == decorator.index:
                    for site in inner.sites:
                        if site.call.callee == Name(name) and place < len(site.call.arguments):
                            yield self.value(site.call.arguments[place], Where(decorator.path, index, site.line))

    def calls_of(self, function: ProjectFunction) -> Iterator[tuple[Call, Where]]:
        """The calls of a function, over all files that can name it; those of `__init__` are calls of its class."""
        facts = self.function(function)
        target: Value = function
        name, paths = facts.name, self._naming(function)
        if facts.name == "__init__" and facts.owner >= 0:
            target = ProjectClass(function.path, facts.owner)
            name = self.class_(target).name
        for path in paths:
            called = self.facts[path].calls(name)
            for call, at in self.calls_named(path, name) if called else ():
                if self.value(call.callee, at) == target:
                    yield call, at

    def called_by_name(self, path: str, name: str) -> frozenset[tuple[Expression, Value | None]]:
        """What a file calls by a name, each as it is written there, with what it is."""
        key = (path, name)
        if key not in self._called_by_name:
            self._called_by_name[key] = frozenset()
            calls = self.calls_named(path, name)
            self._called_by_name[key] = frozenset([(call.callee, self.value(call.callee, at)) for call, at in calls])
        return self._called_by_name[key]

    def _naming(self, function: ProjectFunction) -> Iterable[str]:
        """The files that can name a function: its own and those that import its module; of a method, those that call it."""
        facts = self.function(function)
        if facts.owner < 0 or facts.name == "__init__":
            return {function.path, *self.importers_of(function.path)}
        calling = self.calling.get(facts.name, [])
        return calling if len(calling) <= WIDEST else ()

    def dependency(self, parameter: Parameter, where: Where) -> Value | None:
        """What FastAPI would call for a parameter: the argument of `Depends`, in its default or its annotation."""
        for candidate, place in ((parameter.default, where), *self._metadata(parameter.annotation, where)):
            if isinstance(candidate, Call) and self.is_called(candidate, place, DEPENDS):
                target = candidate.arguments[0] if candidate.arguments else dict(candidate.keywords).get("dependency")
                return self.value(target, place) if target else self._class_of(parameter.annotation, where)
        return None

    def _class_of(self, annotation: Expression | None, where: Where) -> Value | None:
        """The class that an annotation names."""
        value = self.annotated(annotation, where)
        return value.of if isinstance(value, Object) else None

    def is_called(self, call: Call, where: Where, names: frozenset[str]) -> bool:
        """Whether the callee is one of the library functions of these names."""
        callee = self.value(call.callee, where)
        return isinstance(callee, Outside) and callee.name in names

    def injected(self, dependency: Value) -> Value | None:
        """What a dependency gives to a parameter."""
        value = self.result(self.overrides.get(dependency, dependency))
        if isinstance(value, Coroutine):
            value = value.result
        return value.item if isinstance(value, (Iterated, Managed)) else value

    @cached_property
    def overrides(self) -> Mapping[Value, Value]:
        """What the project itself, not its tests, puts in the place of dependencies: `app.dependency_overrides[f] = g`."""
        return self.memory.table("overrides", self._overridden_dependencies)

    def _overridden_dependencies(self) -> dict[Value, Value]:
        found: dict[Value, Value] = {}
        for path in self.stating.get("dependency_overrides", ()):
            for index, function in enumerate(self.facts[path].functions if not is_offline(path) else ()):
                for binding in function.bindings.get(".dependency_overrides", ()):
                    pair = binding.value.items if isinstance(binding.value, Collection) else ()
                    replaced, by = (self.value(one, Where(path, index, binding.line)) for one in pair)
                    if replaced is not None and by is not None:
                        found[replaced] = by
        return found

    @property
    def overriding(self) -> frozenset[Value]:
        """What FastAPI calls in the place of other dependencies."""
        return frozenset(self.overrides.values())

    def _metadata(self, annotation: Expression | None, where: Where) -> tuple[tuple[Expression | None, Where], ...]:
        """What stands behind the type in `Annotated[...]`, and where, also through an alias of another file."""
        for part, place in self._aliased(annotation, where):
            if isinstance(part, Subscript) and self._named(part.of, place) == "typing.Annotated":
                return tuple((item, place) for item in part.items[1:])
        return ()

    def _aliased(self, annotation: Expression | None, where: Where) -> Iterator[tuple[Expression, Where]]:
        """The annotation, then what the name in it stands for, as often as names are aliases."""
        for _ in range(8):
            if annotation is None:
                return
            yield annotation, where
            followed = self._definition(annotation, where)
            if followed is None:
                return
            annotation, where = followed

    def annotated(self, annotation: Expression | None, where: Where) -> Value | None:
        """An object of the type that an annotation names, aliases followed."""
        for part, place in self._aliased(annotation, where):
            if (found := self._of_type(part, place)) is not None:
                return found
        return None

    def _of_type(self, annotation: Expression, where: Where) -> Value | None:
        match annotation:
            case Subscript(of=of, items=items):
                return self._generic(self.value(of, where), items, where)
            case Choice(options=options):
                return next((v for option in options if (v := self.annotated(option, where))), None)
            case Name() | Attribute():
                return self._instance(self.value(annotation, where))
            case _:
                return None

    def _instance(self, of: Value | None) -> Value | None:
        if isinstance(of, ProjectClass):
            return Object(of)
        if isinstance(of, Outside):
            return Object(of) if of.name.partition(".")[0] != "typing" else None
        if isinstance(of, Object):  # `db: SessionLocal`: the factory stands for what it makes
            return self.result(of)
        return None

    def _generic(self, of: Value | None, items: tuple[Expression | None, ...], where: Where) -> Value | None:
        first = items[0] if items else None
        if isinstance(of, ProjectClass):
            return Object(of)
        if not isinstance(of, Outside):
            return None
        match of.name.rpartition(".")[2]:
            case "Annotated" | "Optional" | "Union" | "ClassVar" | "Final" | "Mapped" | "Required" | "NotRequired":
                return next((v for item in items[:2] if (v := self.annotated(item, where))), None)
            case "Awaitable" | "Coroutine":
                return Coroutine(self.annotated(items[-1], where))
            case "AbstractContextManager" | "AbstractAsyncContextManager" | "ContextManager" | "AsyncContextManager":
                return Managed(self.annotated(first, where))
            case "type" | "Type":
                return self.value(first, where)
            case "Callable" | "Literal":
                return None
            case "dict" | "Dict" | "Mapping" | "MutableMapping" | "defaultdict" | "DefaultDict" | "OrderedDict":
                held = self.annotated(items[1], where) if len(items) > 1 else None
                return Keyed((), held) if held is not None else None
        if of.name in ITERABLES:
            fixed = of.name.endswith("uple") and not any(isinstance(item, Constant) for item in items)
            each = tuple(self.annotated(item, where) for item in items) if fixed else ()
            return Iterated(self.annotated(first, where), "Async" in of.name, each)
        return Object(of)

    # Members

    def member(self, of: Value | None, name: str) -> Value | None:
        """An attribute of a value."""
        match of:
            case Outside():
                dotted = self.knowledge.canonical(f"{of.name}.{name}")
                known = self.knowledge.attributes.get(dotted) if of.name in self.knowledge.singletons else None
                return Object(Outside(known)) if known else Outside(dotted)
            case Module():
                return self._module_member(of, name)
            case ProjectClass():
                return self._class_member(of, name, None)
            case Super(of=owner):
                return self._found_member(self.family(owner)[1:], name, Object(owner))
            case ProjectFunction():
                return self._decorated_member(of, name)
            case Object(of=ProjectClass() as owner):
                return self._class_member(owner, name, of)
            case Object(of=Outside() as owner):
                return self._library_member(owner, name)
            case _:
                return None

    def _decorated_member(self, of: ProjectFunction, name: str) -> Value | None:
        """An attribute of what a library's decorator has made of a function: `task.delay`."""
        for decorator in self.decorators(of):
            made = self.knowledge.result(decorator.name) if isinstance(decorator, Outside) else None
            if made:
                return self._library_member(Outside(made), name)
        return None

    def _module_member(self, of: Module, name: str) -> Value | None:
        path = self.modules.path(of.place)
        if path is not None:
            key = (path, name)
            if key not in self._memory:
                self._memory[key] = None
                value = self.global_(path, name)
                self._memory[key] = None if isinstance(value, Outside) and value.name == f"builtins.{name}" else value
            if (found := self._memory[key]) is not None:
                return found
        inner = f"{of.place}/{name}" if of.place else name
        return Module(inner) if self.modules.path(inner) or self.modules.is_folder(inner) else None

    def _library_member(self, owner: Outside, name: str) -> Value | None:
        dotted = self.knowledge.member(owner.name, name)
        attribute = self.knowledge.attributes.get(dotted)
        if attribute:
            return Object(Outside(attribute))
        if self.knowledge.is_known(dotted):
            return Outside(dotted)
        if owner.name in APPLICATIONS and (found := self._of_application(name)) is not None:
            return found
        return self._computed_member(owner.name, "__getattr__") or Outside(dotted)

    def _of_application(self, name: str) -> Value | None:
        """What the project sets on an application itself, if it sets only one kind of thing: `app.database = ...`."""
        key = (".app", name)
        if key not in self._memory:
            self._memory[key] = None
            found = {value for value in self._set_on_applications(name) if value is not None}
            self._memory[key] = found.pop() if len(found) == 1 else None
        return self._memory[key]

    def _set_on_applications(self, name: str) -> Iterator[Value | None]:
        for path in self.stating.get(name, ()):
            for index, function in enumerate(self.facts[path].functions):
                for key, bindings in function.bindings.items():
                    owner, _, attribute = key.rpartition(".")
                    if attribute == name and owner and self._is_application(owner, Where(path, index)):
                        yield from (self._bound(binding, Where(path, index, binding.line)) for binding in bindings)

    def _is_application(self, name: str, where: Where) -> bool:
        value = self.name(name, where)
        return isinstance(value, Object) and isinstance(value.of, Outside) and value.of.name in APPLICATIONS

    def _computed_member(self, owner: str, method: str) -> Value | None:
        """What an object of a library gives by `of["name"]` or, for any name that no row knows, by `of.name`."""
        known = self.knowledge.result(self.knowledge.member(owner, method))
        return Object(Outside(known)) if known else None

    def _class_member(self, of: ProjectClass, name: str, instance: Object | None) -> Value | None:
        key = (of, name, instance is None)
        if key not in self._memory:
            self._memory[key] = None
            self._memory[key] = self._found_member(self.family(of), name, instance)
        return self._memory[key]

    def _found_member(
        self, family: tuple[ProjectClass | Outside, ...], name: str, instance: Object | None
    ) -> Value | None:
        for owner in family:
            if isinstance(owner, Outside):
                member = self._library_member(owner, name) if instance else Outside(f"{owner.name}.{name}")
                if not isinstance(member, Outside) or self.knowledge.is_known(member.name):
                    return member
                continue
            class_ = self.class_(owner)
            if name in class_.methods:
                method = ProjectFunction(owner.path, class_.methods[name])
                return self.result(method) if instance and self.is_property(method) else method
            place = Where(owner.path, class_.parent)
            for bindings in (class_.attributes.get(name), class_.bindings.get(name)):
                if bindings and (found := self._latest(bindings, place, 0)):
                    return found
        return None

    # Calls

    def _called(self, call: Call, where: Where) -> Value | None:
        owner, callee = self._callee(call.callee, where)
        if callee is None and isinstance(call.callee, Attribute):
            return self._of_dict(owner, call.callee.name, call.arguments, where)
        if isinstance(callee, Outside):
            if callee.name == "builtins.super":
                owner = self._owner(where)
                return Super(owner) if owner is not None else None
            if callee.name in DEPENDS and call.arguments:  # an attribute of a class-based view
                dependency = self.value(call.arguments[0], where)
                return self.injected(dependency) if dependency else None
            if callee.name in self.knowledge.wrappers and call.arguments:
                inner = self.value(call.arguments[0], where)
                return Partial(inner) if inner else None
            if callee.name in self.knowledge.factories:
                given = self.value(dict(call.keywords).get("class_"), where)
                return Object(callee, factory=self._instance(given))
            if call.arguments and (found := self._of_argument(callee.name, call.arguments[0], where)):
                return found
            if kind := self.knowledge.rows(callee.name):
                return self._with_row(self.result(callee), self._row(kind, call, owner, where), kind)
            if self.knowledge.is_coroutine(callee.name) and (offload := self.knowledge.offloads.get(callee.name)):
                return Coroutine(self.result(self.value(offload.handed(call), where)))
        return self.result(callee)

    def _callee(self, callee: Expression, where: Where) -> tuple[Value | None, Value | None]:
        """What a method is called on, and what is called. Calls follow each other, `query.filter(...).filter(...)`, so that
        asking twice in each what it is called on would take twice as long with every call.
        """
        if not isinstance(callee, Attribute):
            return None, self.value(callee, where)
        owner, told = self.value(callee.of, where), self._set_here(callee.of, callee.name, where)
        return owner, told.value if told is not None else self.member(owner, callee.name)

    def _of_dict(
        self, of: Value | None, method: str, given: tuple[Expression | None, ...], where: Where
    ) -> Value | None:
        """What a method of a dict gives, where the dict is known by its values."""
        if not isinstance(of, Keyed):
            return None
        match method:
            case "values":
                return Iterated(of.each)
            case "items":
                return Iterated(Iterated(None, items=(None, of.each)))
            case "get" | "pop" | "setdefault":
                return self._item(of, given, where)
            case _:
                return None

    def _row(self, kind: Rows, call: Call, owner: Value | None, where: Where) -> Value | None:
        """A row of those that a call makes something of."""
        of = call.callee.of if isinstance(call.callee, Attribute) else None
        given = call.arguments[0] if call.arguments else None
        match kind:
            case Rows.OF_ARGUMENT if len(call.arguments) != 1:
                return None
            case Rows.OF_ARGUMENT | Rows.ONE_OF_ARGUMENT:
                return self._instance_of(self.value(given, where))
            case Rows.ASKED | Rows.ONE_ASKED:
                return self._row_of(self.value(given, where))
            case Rows.ASKED_AS_TUPLES:
                row = self._row_of(self.value(given, where))
                return Iterated(None, items=(row,)) if row is not None else None
            case Rows.KEPT_OF_TUPLES | Rows.ONE_OF_TUPLES:
                told = self._row_of(owner)
                return told.items[0] if isinstance(told, Iterated) and told.items else None
            case Rows.OF_OWNER | Rows.ONE_OF_OWNER:
                manager = of.of if isinstance(of, Attribute) else None
                return self._instance_of(owner) or self._row_of(owner) or self._instance_of(self.value(manager, where))
            case _:
                return self._row_of(owner)

    def _instance_of(self, of: Value | None) -> Object | None:
        return Object(of) if isinstance(of, ProjectClass) else None

    def _row_of(self, of: Value | None) -> Value | None:
        return of.row if isinstance(of, Object) else None

    def _with_row(self, made: Value | None, row: Value | None, kind: Rows) -> Value | None:
        """What a call gives that makes something of rows, where one of them is known."""
        if isinstance(made, Coroutine):
            return Coroutine(self._with_row(made.result, row, kind))
        if row is None:
            return made
        match kind:
            case Rows.ONE | Rows.ONE_ASKED | Rows.ONE_OF_ARGUMENT | Rows.ONE_OF_OWNER | Rows.ONE_OF_TUPLES:
                return row
            case Rows.MANY:
                return Iterated(row)
            case _:
                return Object(made.of, row=row) if isinstance(made, Object) else made

    def _of_argument(self, name: str, given: Expression | None, where: Where) -> Value | None:
        """What a function of the standard library makes of its first argument."""
        match name:
            case "builtins.next":
                return self.value(Element(given), where) if given else None
            case "typing.cast":
                text = given.value if isinstance(given, Constant) else None
                return self.annotated(Name(text) if isinstance(text, str) and text.isidentifier() else given, where)
            case "contextlib.closing" | "contextlib.aclosing":
                return Managed(self.value(given, where))
            case "contextlib.ExitStack.enter_context" | "contextlib.AsyncExitStack.enter_context":
                return self._entered(self.value(given, where), asynchronous=False)
            case "contextlib.AsyncExitStack.enter_async_context":
                return Coroutine(self._entered(self.value(given, where), asynchronous=True))
            case _:
                return None

    def _owner(self, where: Where) -> ProjectClass | None:
        """The class in whose method a place is."""
        functions = self.facts[where.path].functions
        index = where.function
        while index > 0:
            if functions[index].owner >= 0:
                return ProjectClass(where.path, functions[index].owner)
            index = functions[index].parent
        return None

    def result(self, callee: Value | None) -> Value | None:
        """What calling it gives."""
        match callee:
            case ProjectFunction():
                return self._function_result(callee)
            case ProjectClass():
                return Object(callee)
            case Outside():
                return self._library_result(callee.name)
            case Partial(of=of):
                return self.result(of)
            case Object(factory=made) if made is not None:
                return made
            case Object(of=Outside(name=name)):
                made_class = self.knowledge.factories.get(name)
                return Object(Outside(made_class)) if made_class else None
            case Object(of=ProjectClass()):
                return self.result(self.member(callee, "__call__"))
            case _:
                return None

    def called_function(self, callee: Value | None) -> ProjectFunction | None:
        """The function whose body runs when the value is called."""
        match callee:
            case ProjectFunction():
                return callee
            case ProjectClass():
                made = self.member(Object(callee), "__init__")
            case Object(of=ProjectClass()):
                made = self.member(callee, "__call__")
            case Partial(of=of):
                return self.called_function(of)
            case _:
                return None
        return made if isinstance(made, ProjectFunction) else None

    def _library_result(self, name: str) -> Value | None:
        known = self.knowledge.result(name)
        if known:
            value: Value | None = Object(Outside(known))
        else:
            value = Object(Outside(name)) if name.rpartition(".")[2][:1].isupper() else None
        return Coroutine(value) if self.knowledge.is_coroutine(name) else value

    def _function_result(self, of: ProjectFunction) -> Value | None:
        key = ("result", of)
        if key not in self._memory:
            self._memory[key] = None
            self._memory[key] = self._computed_result(of)
        return self._memory[key]

    def _computed_result(self, of: ProjectFunction) -> Value | None:
        function = self.function(of)
        outer = Where(of.path, function.parent, function.line)
        declared = self.annotated(function.returns, outer)
        if function.generator:
            item = declared.item if isinstance(declared, Iterated) else self._first(function.yields, of)
            decorators = self.decorators(of)
            if any(isinstance(d, Outside) and d.name in MANAGERS for d in decorators):
                return Managed(item)
            return Iterated(item, function.asynchronous)
        if function.asynchronous and self.is_abstract(of):  # of generators that stand for it nobody awaits the call
            if isinstance(declared, Iterated) and declared.asynchronous:
                return declared
            if any(self.function(method).generator for method in self.implementations(of)):
                return Iterated(None, asynchronous=True)
        value = declared or self._shared(function.results, of) or self._first(function.results, of)
        if self.is_abstract_object(declared):
            value = self._concrete(function.results, of) or declared
        if not function.asynchronous:
            return value
        return Coroutine(value) if self.decorators_are_known(of) else None

    def _concrete(self, results: tuple[Expression, ...], of: ProjectFunction) -> Value | None:
        """The one kind of object that a function returns, whatever it declares."""
        found = {self.value(result, Where(of.path, of.index)) for result in results} - {None}
        only = found.pop() if len(found) == 1 else None
        return only if isinstance(only, Object) else None

    def _shared(self, results: tuple[Expression, ...], of: ProjectFunction) -> Value | None:
        """An object of the nearest class that all of several kinds of objects derive from."""
        values = [self.value(result, Where(of.path, of.index)) for result in results] if len(results) > 1 else []
        classes = list(dict.fromkeys(v.of for v in values if isinstance(v, Object) and isinstance(v.of, ProjectClass)))
        if len(classes) < 2:
            return None
        first, *others = (self.family(class_) for class_ in classes)
        common = (one for one in first if isinstance(one, ProjectClass) and all(one in other for other in others))
        nearest = next(common, None)
        return Object(nearest) if nearest is not None else None

    def _first(self, expressions: tuple[Expression, ...], of: ProjectFunction) -> Value | None:
        """The first that is known. A function or coroutine only where each of them is one of its kind."""
        where = Where(of.path, of.index)
        values = [self.value(expression, where) for expression in expressions] + [None] * self.function(of).bare
        first = next((value for value in values if value), None)
        is_handed_on = isinstance(first, (ProjectFunction, Coroutine))
        return None if is_handed_on and len(set(map(self._kind, values))) > 1 else first

    def _kind(self, value: Value | None) -> tuple[type, bool]:
        return type(value), isinstance(value, ProjectFunction) and self.function(value).asynchronous

    def _entered(self, manager: Value | None, asynchronous: bool) -> Value | None:
        if isinstance(manager, Managed):
            return manager.item
        if isinstance(manager, Object) and isinstance(manager.of, ProjectClass):
            given = self.result(self.member(manager, "__aenter__" if asynchronous else "__enter__"))
            given = given.result if isinstance(given, Coroutine) else given
            return given or manager
        if isinstance(manager, Object) and isinstance(manager.of, Outside):
            if asynchronous and manager.of.name in self.knowledge.sessions:
                return None  # it has no `__aenter__`: either it is something else, or nothing behind it runs
            known = self.knowledge.result(f"{manager.of.name}.__enter__")
            return Object(Outside(known)) if known else manager
        return None

    _forms: ClassVar[Mapping[type[Expression], Callable[[Project, Any, Where], Value | None]]] = {
        Name: _of_name,
        Attribute: _of_attribute,
        Call: _called,
        Awaited: _of_awaited,
        Entered: _of_entered,
        Element: _of_element,
        Subscript: _of_subscript,
        Constant: _nothing,
        Choice: _of_choice,
        Collection: _of_collection,
        Computed: _of_computed,
        Typed: _of_typed,
        Import: _imported,
        Defined: _of_defined,
        DefinedClass: _of_defined_class,
    }
