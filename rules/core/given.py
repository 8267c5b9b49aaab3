"""What parameters are given: by dependencies, by decorators, or by all who call the function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from rules.core.declared import Declared
from rules.core.facts import (
    Call,
    Collection,
    Expression,
    Name,
    Parameter,
)
from rules.core.repository import is_offline
from rules.core.values import (
    Coroutine,
    Iterated,
    Keyed,
    Managed,
    Object,
    Outside,
    ProjectClass,
    ProjectFunction,
    Value,
    Where,
)

DEPENDS = frozenset({"fastapi.Depends", "fastapi.Security"})
DICT = Object(Outside("builtins.dict"))
WIDEST = 40  # files that call a name, for its callers to be looked at


class Given(Declared):
    """A repository whose parameters can be asked for what they are given."""

    @cached_property
    def _called_by_name(self) -> dict[tuple[str, str], frozenset[tuple[Expression, Value | None]]]:
        return self.memory.answers()

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
        shift = int(self.function(function).is_bound)
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
        name = facts.name
        if facts.name == "__init__" and facts.owner >= 0:
            target = ProjectClass(function.path, facts.owner)
            name = self.class_(target).name
        for path in self._calling(function, name):
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

    def _calling(self, function: ProjectFunction, name: str) -> Iterable[str]:
        """The files that may call a function, which goes by a name: its own and those that import its module; any, of a method."""
        facts = self.function(function)
        if facts.owner < 0 or facts.name == "__init__":
            return {function.path, *self.importers_using(function.path, "call", name)}
        return self.few("call", name, WIDEST) or ()

    def dependency(self, parameter: Parameter, where: Where) -> Value | None:
        """What FastAPI would call for a parameter: the argument of `Depends`, in its default or its annotation."""
        for candidate, place in ((parameter.default, where), *self._metadata(parameter.annotation, where)):
            if isinstance(candidate, Call) and self.is_called(candidate, place, DEPENDS):
                target = candidate.arguments[0] if candidate.arguments else dict(candidate.keywords).get("dependency")
                return self.value(target, place) if target else self._class_of(parameter.annotation, where)
        return None

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


def _is_unkeyed(value: Value) -> bool:
    """Whether it is a dictionary of whose keys nothing is known."""
    return isinstance(value, Keyed) and not value.items
