"""What is being read: the functions and the class around a node, and what is kept for them."""

from functools import lru_cache

import msgspec

from rules.core.facts import (
    Binding,
    Class,
    Constant,
    Expression,
    Function,
    Import,
)
from rules.core.parts import Scope


@lru_cache(maxsize=4)
def lines(text: str) -> list[str]:
    """The lines of a text, of which many parts may be read."""
    return text.split("\n")


class ClassScope(msgspec.Struct):
    """A class whose body is being read."""

    qualname: str
    index: int
    bindings: dict[str, list[Binding]] = msgspec.field(default_factory=dict)
    methods: dict[str, int] = msgspec.field(default_factory=dict)
    attributes: dict[str, list[Binding]] = msgspec.field(default_factory=dict)


class Scopes:
    """The functions and classes of a text, as far as they are read."""

    def __init__(self, text: str, functions: int, classes: int, needs: tuple[str, ...]) -> None:
        self._text = text
        self._is_ascii = text.isascii()
        self._functions: list[Function | None] = [None] * functions
        self._classes: list[Class | None] = [None] * classes
        self._stars: list[Import] = []
        self._states: set[str] = set()
        self._dotted: set[str] = set()
        self._imports: list[Import] = []
        self._depth = 0
        self._run_through: set[int] = set()  # the generator expressions that are run through where they stand
        self._scope = self._module = Scope("<module>", "<module>", 0, -1, -1, needs=needs)
        self._class: ClassScope | None = None

    def _open(self, name: str) -> Scope:
        index = len(self._functions)
        self._functions.append(None)
        if self._class is not None:
            return Scope(name, f"{self._class.qualname}.{name}", index, self._scope.index, self._class.index)
        around = "" if self._scope.index == 0 else f"{self._scope.qualname}."
        return Scope(name, around + name, index, self._scope.index, -1)

    def _close(self, scope: Scope, function: Function) -> None:
        """Keep what was read of a function. What it reads from outside, what is around it reads as well."""
        self._functions[scope.index] = function
        outer = self._scope.mentions
        for name in function.reads:
            outer[name] = outer.get(name, 0) + scope.mentions[name]

    def _keep(self, name: str, line: int, value: Expression | None) -> None:
        scope: Scope | ClassScope = self._class if self._class is not None else self._scope
        if self._class is None and name in self._scope.outer:
            scope = self._module
        if name in self._scope.parameters:
            self._scope.rebound.setdefault(name, []).append(self._scope.needs)
        kept = scope.bindings.setdefault(name, [])
        kept.append(Binding(line, value or Constant(None, "unknown"), self._scope.index))

    def _column(self, line: int, byte: int) -> int:
        if self._is_ascii or (text := lines(self._text)[line - 1]).isascii():
            return byte + 1
        return len(text.encode()[:byte].decode(errors="replace")) + 1
