"""Where the globals of a repository were made, whatever they are imported as."""

from __future__ import annotations

from abc import ABC, abstractmethod

from rules.core.facts import (
    Attribute,
    Expression,
    Import,
    Name,
)
from rules.core.repository import Repository
from rules.core.values import (
    Module,
    Value,
    Where,
)


class Origins(Repository, ABC):
    """A repository whose globals can be traced to where they were made."""

    @abstractmethod
    def value(self, expression: Expression | None, where: Where) -> Value | None:
        """What the expression is, seen from there."""

    def _definition(self, expression: Expression, where: Where) -> tuple[Expression, Where] | None:
        """The expression that a global is bound to, and the place of that."""
        origin = self.origin(expression, where)
        if origin is None:
            return None
        path, name = origin
        bindings = self.facts[path].bound(name)
        return (bindings[-1].value, Where(path, 0, max(bindings[-1].line - 1, 1))) if bindings else None

    def origin(self, expression: Expression | None, where: Where) -> tuple[str, str] | None:
        """The file and the name of the global that an expression means, imports followed to where it was made."""
        return self._made(self._global_place(expression, where)) if expression is not None else None

    def _made(self, found: tuple[str, str] | None) -> tuple[str, str] | None:
        """The file and the name of a global where it was made, from those of one that may be imported."""
        for _ in range(8):
            if found is None or self.facts[found[0]].problem:
                return None
            bindings = self.facts[found[0]].bound(found[1])
            imported = next((b.value for b in reversed(bindings) if isinstance(b.value, Import)), None)
            if not bindings and (starred := self._behind_star(*found)) is not None:
                return starred
            if imported is None:
                return found
            found = self._imported_from(imported, found[0])
        return None

    def _imported_from(self, imported: Import, into: str) -> tuple[str, str] | None:
        place = self.modules.find(into, imported.level, imported.module)
        path = self.modules.path(place) if place is not None else None
        return (path, imported.name) if path else None

    def definition(self, expression: Expression | None, where: Where) -> tuple[str, str] | None:
        """The file and the name under which a global was made, wherever it was imported from."""
        if isinstance(expression, Name) and where.function > 0:
            function = self.function(where)
            bindings = function.bindings.get(expression.id, ())
            if bindings and isinstance(bindings[-1].value, Import):
                return self._made(self._imported_from(bindings[-1].value, where.path))
            if bindings:
                return (where.path, f"{function.qualname}.{expression.id}")
        return self.origin(expression, where)

    def _behind_star(self, path: str, name: str) -> tuple[str, str] | None:
        """The file from which a star import takes a name."""
        for star in self.facts[path].outline.stars:
            place = self.modules.find(path, star.level, star.module)
            source = self.modules.path(place) if place is not None else None
            if source and self.facts[source].bound(name):
                return (source, name)
        return None

    def _global_place(self, expression: Expression, where: Where) -> tuple[str, str] | None:
        if isinstance(expression, Attribute):
            holder = self.value(expression.of, where)
            path = self.modules.path(holder.place) if isinstance(holder, Module) else None
            return (path, expression.name) if path else None
        return (where.path, expression.id) if isinstance(expression, Name) else None
