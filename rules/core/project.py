"""All files of a repository together: what names mean across them, and what type an expression has by evidence.

Evidence is an annotation, a constructor, a factory with a known result, an attribute set on `self` or on the class, a
dependency and what it returns or yields, a global of another file, the target of `with`. Where there is none, or where
names are bound again to something unknown, the answer is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from rules.core.facts import (
    Attribute,
    Awaited,
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
    Subscript,
    Typed,
)
from rules.core.given import DEPENDS
from rules.core.library import Rows
from rules.core.results import Results
from rules.core.values import (
    Coroutine,
    Iterated,
    Keyed,
    Managed,
    Object,
    Outside,
    Partial,
    ProjectClass,
    ProjectFunction,
    Super,
    Value,
    Where,
)

PATH = Object(Outside("pathlib.Path"))
MOST_ITEMS = 8  # of a display that are looked at
DEEPEST = 40  # steps of inference from one expression; real code needs a dozen


class Project(Results):
    """The facts of a whole repository, by path, and what its names mean."""

    _depth = 0  # steps of inference so far

    def with_facts(self, edited: Mapping[str, Facts]) -> Project:
        """The same project with other facts of some of its files."""
        return Project({**self.facts, **edited}, self.knowledge, self)

    def forget(self) -> None:
        """Keep only what was gathered of files, not what names mean."""
        self._memory.clear()
        self._memory_at_lines.clear()
        self._called_by_name.clear()

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
        Import: Results.imported,
        Defined: _of_defined,
        DefinedClass: _of_defined_class,
    }
