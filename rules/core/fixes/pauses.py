"""Where a function gives way to others already, whichever way it takes: what stands on both sides of such a place is parted today."""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.fixes.callers import gives_way_at
from rules.core.fixes.document import Document
from rules.core.syntax import walk
from rules.core.values import ProjectFunction

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
Position = tuple[int, int]
_FAR = (1 << 30, 0)
_BRANCHING = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.Match, ast.match_case, ast.ExceptHandler, ast.Try, ast.TryStar),
    *(ast.IfExp, ast.BoolOp, ast.comprehension, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


class Stretch(msgspec.Struct, frozen=True):
    """What stands between the last place above a call, and the first below it, at which others come to run in any case.

    Where it is `looped`, what stands below the call may run before it, and no others come in between.
    """

    call: ast.Call
    first: Position
    last: Position
    looped: bool

    def is_right_before(self, node: ast.AST) -> bool:
        """Whether a node that runs before the call may do so with nobody else in between."""
        return self._holds(node) and (self.looped or _position(node) <= _position(self.call) or self._is_within(node))

    def is_right_after(self, node: ast.AST) -> bool:
        """Whether a node that runs after the call may do so with nobody else in between."""
        return self._holds(node) and (self.looped or _position(node) >= _position(self.call) or self._is_around(node))

    def _holds(self, node: ast.AST) -> bool:
        return self.first <= _position(node) <= self.last or self._is_within(node) or self._is_around(node)

    def _is_within(self, node: ast.AST) -> bool:
        return any(one is node for one in walk(self.call))

    def _is_around(self, node: ast.AST) -> bool:
        """Whether it stands in the same statement, as what the result is given to: `kept[name] = ask()`."""
        return node.__class__ is not ast.Call and getattr(node, "lineno", 0) == self.call.lineno


def stretch_around(call: ast.Call, function: ProjectFunction, contexts: Contexts, document: Document) -> Stretch:
    """The stretch of a function in which nothing but the new `await` of the call lets others run."""
    definition = document.function_around(call)
    first, last, place = (0, 0), _FAR, _position(call)
    own = _branches(call, document)
    loops = [one for one in own if isinstance(one[0], _LOOPS)]
    is_looped = bool(loops)
    innermost = max(loops, key=lambda one: _position(one[0]), default=None)
    for pause in _pauses(definition, function, contexts, document):
        branches = _branches(pause, document)
        if branches <= own and not any(one is call for one in walk(pause)):
            end = (pause.end_lineno or pause.lineno, pause.end_col_offset or 0)
            first = max(first, end) if end <= place else first
            last = min(last, _position(pause)) if _position(pause) > place else last
            is_looped &= innermost not in branches
    return Stretch(call, first, last, is_looped)


def _pauses(
    definition: ast.AST, function: ProjectFunction, contexts: Contexts, document: Document
) -> Iterator[ast.Await]:
    """The `await` of a function that let others run."""
    sites = contexts.project.function(function).sites
    places = {site.span: place for place, site in enumerate(sites)}
    for node in walk(definition):
        if isinstance(node, ast.Await) and document.function_around(node) is definition:
            place = places.get(document.span(node.value))
            if place is None or gives_way_at(place, function, contexts):
                yield node


def _branches(node: ast.AST, document: Document) -> set[tuple[ast.AST, int]]:
    """What around a node may be left out, each with the part of it that the node stands in."""
    found = set[tuple[ast.AST, int]]()
    while (around := document.parents.get(node)) is not None and not isinstance(
        around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    ):
        if isinstance(around, _BRANCHING):
            found.add((around, _part(node, around)))
        node = around
    return found


def _part(node: ast.AST, around: ast.AST) -> int:
    """The number of the field that a node stands in."""
    for number, (_, value) in enumerate(ast.iter_fields(around)):
        if value is node or (isinstance(value, list) and any(one is node for one in value)):
            return number
    return -1


def _position(node: ast.AST) -> Position:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
