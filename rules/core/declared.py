"""What annotations declare, aliases of other files followed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from rules.core.facts import (
    Attribute,
    Choice,
    Constant,
    Expression,
    Name,
    Subscript,
)
from rules.core.names import Names
from rules.core.values import (
    Coroutine,
    Iterated,
    Keyed,
    Managed,
    Object,
    Outside,
    ProjectClass,
    Value,
    Where,
)

ITERABLES = frozenset(
    f"{module}.{name}"
    for module in ("typing", "collections.abc", "builtins")
    for name in (
        *("Generator", "Iterator", "Iterable", "AsyncGenerator", "AsyncIterator", "AsyncIterable", "Sequence"),
        *("List", "Set", "Tuple", "list", "set", "tuple", "frozenset"),
    )
)


class Declared(Names):
    """A repository whose annotations can be asked for what they declare."""

    @abstractmethod
    def result(self, callee: Value | None) -> Value | None:
        """What calling it gives."""

    def annotated(self, annotation: Expression | None, where: Where) -> Value | None:
        """An object of the type that an annotation names, aliases followed."""
        for part, place in self._aliased(annotation, where):
            if (found := self._of_type(part, place)) is not None:
                return found
        return None

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

    def _metadata(self, annotation: Expression | None, where: Where) -> tuple[tuple[Expression | None, Where], ...]:
        """What stands behind the type in `Annotated[...]`, and where, also through an alias of another file."""
        for part, place in self._aliased(annotation, where):
            if isinstance(part, Subscript) and self._named(part.of, place) == "typing.Annotated":
                return tuple((item, place) for item in part.items[1:])
        return ()

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

    def _class_of(self, annotation: Expression | None, where: Where) -> Value | None:
        """The class that an annotation names."""
        value = self.annotated(annotation, where)
        return value.of if isinstance(value, Object) else None
