"""The classes of a repository: what they inherit, which methods stand for which, and what decorators make of those."""

from __future__ import annotations

from collections.abc import Iterator

from rules.core.facts import (
    Call,
    Expression,
    Function,
    class_name,
    last_name,
)
from rules.core.origins import Origins
from rules.core.repository import is_offline
from rules.core.values import (
    Object,
    Outside,
    ProjectClass,
    ProjectFunction,
    Value,
    Where,
)

MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})
PROPERTIES = frozenset({"builtins.property", "functools.cached_property"})
TRANSPARENT = (
    MANAGERS
    | PROPERTIES
    | {
        "builtins.staticmethod",
        "builtins.classmethod",
        "functools.lru_cache",
        "functools.cache",
        "functools.wraps",
        "abc.abstractmethod",
        "typing.overload",
        "typing.override",
    }
)
MOST_DERIVED = 8  # files with classes that derive from one


class Classes(Origins):
    """A repository whose classes can be asked for what they have from others."""

    def family(self, of: ProjectClass) -> tuple[ProjectClass | Outside, ...]:
        """A class and all that it inherits from, depth first; library classes stand for themselves."""
        found: list[ProjectClass | Outside] = []
        waiting: list[Value | None] = [of]
        while waiting:
            current = waiting.pop(0)
            if isinstance(current, Outside) and current not in found:
                found.append(current)
            elif isinstance(current, ProjectClass) and current not in found:
                found.append(current)
                class_ = self.class_(current)
                where = Where(current.path, class_.parent, class_.line)
                waiting = [*(self.value(base, where) for base in class_.bases), *waiting]
        return tuple(found)

    def implementations(self, of: ProjectFunction, most: int = MOST_DERIVED) -> tuple[ProjectFunction, ...]:
        """The methods that stand for an abstract one in the classes that derive from its own, or look like a protocol.

        `most` is how many files may derive from a class for any of them to count.
        """
        owner = ProjectClass(of.path, self.function(of).owner)
        return self._derived_methods(of, owner, most) or self._alike(of, owner)

    def _alike(self, of: ProjectFunction, protocol: ProjectClass) -> tuple[ProjectFunction, ...]:
        """The methods of the classes that have all those of a protocol, with the same parameters."""
        class_ = self.class_(protocol)
        if "Protocol" not in map(class_name, class_.bases):
            return ()
        shapes = {name: self._shape(protocol.path, index) for name, index in class_.methods.items()}
        name = self.function(of).name
        found = [
            ProjectFunction(path, methods[name])
            for path, methods in self._having(name)
            if all(shape == self._shape(path, methods.get(one, 0)) for one, shape in shapes.items())
        ]
        return tuple(method for method in found if method != of and not self.is_abstract(method))

    def _shape(self, path: str, index: int) -> tuple[bool, tuple[str, ...]]:
        """Whether a function is `async def`, and the names of its parameters."""
        function = self.facts[path].functions[index]
        return function.asynchronous, tuple(parameter.name for parameter in function.parameters)

    def _having(self, name: str) -> Iterator[tuple[str, dict[str, int]]]:
        """The methods of every class that has one of a name, tests left out."""
        for path in self.having.get(name, ()):
            for class_ in () if is_offline(path) else self.facts[path].classes:
                if name in class_.methods:
                    yield path, class_.methods

    def _derived_methods(self, of: ProjectFunction, first: ProjectClass, most: int) -> tuple[ProjectFunction, ...]:
        function = self.function(of)
        found: list[ProjectFunction] = []
        waiting = [first]
        for owner in waiting:
            for derived in self.derived(owner, most):
                place = self.class_(derived).methods.get(function.name)
                method = ProjectFunction(derived.path, place) if place is not None else None
                if method is not None and not self.is_abstract(method):
                    found.append(method)
                elif derived not in waiting:
                    waiting.append(derived)
        return tuple(found)

    def derived(self, owner: ProjectClass, most: int) -> Iterator[ProjectClass]:
        """The classes that derive from one; none where there are many, since nobody could tell which of them is meant."""
        name = self.class_(owner).name
        for path in self.few("derive", name, most) or ():
            for derived in (ProjectClass(path, index) for index in self.classes_derived(path, name)):
                class_ = self.class_(derived)
                where = Where(path, class_.parent, class_.line)
                if any(class_name(base) == name and self.value(base, where) == owner for base in class_.bases):
                    yield derived

    def is_derived(self, of: ProjectClass) -> bool:
        """Whether any class may derive from one."""
        return self.class_(of).name in self.deriving

    def is_abstract(self, of: ProjectFunction) -> bool:
        """Whether a method is one that derived classes are to define: marked so, or with nothing in it."""
        function = self.function(of)
        if function.owner < 0:
            return False
        marked = any(isinstance(d, Outside) and d.name == "abc.abstractmethod" for d in self.decorators(of))
        raised = {last_name(site.call.callee) for site in function.sites} <= {"NotImplementedError"}
        return marked or (raised and not function.results and not function.yields and not function.bindings)

    def is_abstract_object(self, value: Value | None) -> bool:
        """Whether a value is known by a class of the project only that others are to derive from, or to look like."""
        if not (isinstance(value, Object) and isinstance(value.of, ProjectClass)):
            return False
        names = {last_name(base) for base in self.class_(value.of).bases}
        methods = self.class_(value.of).methods.values()
        return bool(names & {"ABC", "Protocol"}) or any(
            self.is_abstract(ProjectFunction(value.of.path, method)) for method in methods
        )

    def property(self, owner: Value | None, name: str) -> ProjectFunction | None:
        """The method that runs when an attribute of an object of the project is read."""
        if not (isinstance(owner, Object) and isinstance(owner.of, ProjectClass)):
            return None
        for one in self.family(owner.of):
            place = self.class_(one).methods.get(name) if isinstance(one, ProjectClass) else None
            if isinstance(one, ProjectClass) and place is not None:
                method = ProjectFunction(one.path, place)
                return method if self.is_property(method) else None
        return None

    def is_property(self, method: ProjectFunction) -> bool:
        where = Where(method.path, method.index)
        return any(self._is_decorated(self.function(method), where, name) for name in PROPERTIES)

    def decorators(self, of: ProjectFunction) -> tuple[Value | None, ...]:
        """What the decorators of a function are; of `@retry(...)` it is `retry`."""
        function = self.function(of)
        if not function.decorators:
            return ()
        where = Where(of.path, function.parent, function.line)
        bare = (d.callee if isinstance(d, Call) else d for d in function.decorators)
        return tuple(self.value(decorator, where) for decorator in bare)

    def decorators_are_known(self, of: ProjectFunction) -> bool:
        """Whether each decorator is a registration, or one that leaves the function to be called as it is."""
        if not self.function(of).decorators:
            return True
        known = self.knowledge.registrations
        return all(isinstance(d, Outside) and (d.name in TRANSPARENT or d.name in known) for d in self.decorators(of))

    def _is_decorated(self, function: Function, where: Where, name: str) -> bool:
        if not function.decorators:
            return False
        index = where.function
        return any(
            isinstance(d, Outside) and d.name == name for d in self.decorators(ProjectFunction(where.path, index))
        )

    def _named(self, expression: Expression, where: Where) -> str:
        value = self.value(expression, where)
        return value.name.replace("typing_extensions.", "typing.") if isinstance(value, Outside) else ""
