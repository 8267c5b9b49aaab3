"""What names mean: what was bound to them last, in their function, an enclosing one, the module, or another file."""

from __future__ import annotations

import builtins
from abc import abstractmethod
from collections.abc import Iterator, Mapping

import msgspec

from rules.core.classes import Classes
from rules.core.facts import (
    Binding,
    Call,
    Constant,
    Defined,
    Expression,
    Facts,
    Import,
    Name,
    Parameter,
    Typed,
)
from rules.core.knowledge import Knowledge
from rules.core.memory import Memory
from rules.core.repository import Repository
from rules.core.values import (
    Iterated,
    Module,
    Object,
    Outside,
    Value,
    Where,
)

MOST_RIVALS = 8  # bindings of a name on other ways that are looked at


class Told(msgspec.Struct, frozen=True):
    """What a test of types says of a name, which may be that nothing is known any more."""

    value: Value | None


class Names(Classes):
    """A repository whose names can be asked for what they mean."""

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

    @abstractmethod
    def annotated(self, annotation: Expression | None, where: Where) -> Value | None:
        """An object of the type that an annotation names."""

    @abstractmethod
    def member(self, of: Value | None, name: str) -> Value | None:
        """An attribute of a value."""

    @abstractmethod
    def _parameter(self, where: Where, place: int, parameter: Parameter) -> Value | None:
        """What a parameter of the function is given."""

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

    def _narrowed(self, name: str, where: Where) -> Told | None:
        """What `isinstance` tells of a name at a line, unless the name is bound again in between."""
        function = self.function(where)
        for one in reversed(function.narrowings):
            if one.name == name and one.first_line <= where.line <= one.last_line:
                bound = any(one.first_line <= b.line < where.line for b in function.bindings.get(name, ()))
                asked = None if bound else self.annotated(one.annotation, where)
                if asked is None:
                    return None
                before = self._name(name, Where(where.path, where.function, one.first_line - 1))
                return Told(None if before == asked else before) if one.excluded else Told(asked)
        return None

    def global_(self, path: str, name: str, line: int = 0) -> Value | None:
        """What a module binds to a name (at its end, or as far as the line)."""
        facts = self.facts[path]
        if bindings := facts.bound(name):
            return self._latest(bindings, Where(path, 0, line), line)
        for star in facts.outline.stars:
            source = self.imported(Import(star.level, star.module), Where(path))
            if isinstance(source, Module) and (found := self.member(source, name)):
                return found
            if isinstance(source, Outside) and self.knowledge.is_named(dotted := f"{source.name}.{name}"):
                return Outside(self.knowledge.canonical(dotted))
        return Outside(f"builtins.{name}") if hasattr(builtins, name) else None

    def _latest(self, bindings: tuple[Binding, ...], where: Where, line: int) -> Value | None:
        """The value bound last before the line; of an annotation and a value on one line the annotation, if it tells."""
        telling = [b for b in bindings if not (type(b.value) is Constant and b.value.kind == "NoneType")]
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
        if declared is None or not isinstance(declared, Iterated):
            return assigned is not None
        name = assigned.of.name if isinstance(assigned, Object) and isinstance(assigned.of, Outside) else ""
        return bool(name) and self.knowledge.exactly(self.knowledge.member(name, "__iter__")) is not None

    def _is_ambiguous(self, bindings: list[Binding], where: Where) -> bool:
        """Whether a name is defined more than once: `def` here and `async def` there, or imported there."""
        defined = [b.value.index for b in bindings if isinstance(b.value, Defined)] if len(bindings) > 1 else ()
        if not defined:
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

    def imported(self, of: Import, where: Where) -> Value | None:
        """What an import gives: a module, what stands in one, or what a library has by that name."""
        place = self.modules.find(where.path, of.level, of.module)
        if place is None:
            if of.level:
                return None
            return Outside(self.knowledge.canonical(f"{of.module}.{of.name}" if of.name else of.module))
        return self.member(Module(place), of.name) if of.name else Module(place)
