"""What calls give, by what is called, and what `with` does."""

from __future__ import annotations

from rules.core.classes import MANAGERS
from rules.core.facts import (
    Expression,
)
from rules.core.members import Members
from rules.core.values import (
    Coroutine,
    Iterated,
    Managed,
    Object,
    Outside,
    Partial,
    ProjectClass,
    ProjectFunction,
    Value,
    Where,
)


class Results(Members):
    """A repository whose functions can be asked for what calling them gives."""

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
