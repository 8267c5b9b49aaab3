"""Where a function gives way to others already, whichever way it takes: what stands on both sides of such a place is parted today."""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.fixes.document import Document
from rules.core.fixes.sharing.callers import gives_way_at
from rules.core.values import ProjectFunction

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_TRYING = (ast.Try, ast.TryStar)
_LEAVING: tuple[type[ast.stmt], ...] = (ast.Break, ast.Continue)
_BRANCHING = (
    *(*_LOOPS, *_TRYING, ast.If, ast.Match, ast.match_case, ast.ExceptHandler, ast.With, ast.AsyncWith),
    *(ast.IfExp, ast.BoolOp, ast.comprehension, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
Position = tuple[int, int]
_FAR = (1 << 30, 0)


class Stretch(msgspec.Struct, frozen=True):
    """What stands between the last place above a call, and the first below it, at which others come to run in any case.

    It is `repeated` where a loop may come from the call back to it, and others do not run in between.
    """

    first: Position
    last: Position
    repeated: bool

    def holds(self, node: ast.AST) -> bool:
        """Whether a node stands in it."""
        return self.first <= _position(node) <= self.last


def stretch_around(call: ast.Call, function: ProjectFunction, contexts: Contexts, document: Document) -> Stretch:
    """The stretch of a function in which nothing but the new `await` of the call lets others run."""
    definition, statement = document.function_around(call), _statement(call, document)
    own, place = _branches(call, document), _position(call)
    loops = [one for one in own if isinstance(one[0], _LOOPS)]
    innermost = max(loops, key=lambda one: _position(one[0]), default=None)
    jumps = (node for kind in _LEAVING for node in document.nodes_of(kind))
    leaving = [_position(node) for node in jumps if document.lies_in(node, definition)]
    first, last, repeated = (0, 0), _FAR, bool(loops)
    for pause in _pauses(definition, function, contexts, document):
        branches, at = _branches(pause, document), _position(pause)
        if not branches <= own or _statement(pause, document) is statement:
            continue
        if at < place:
            first, repeated = max(first, at), repeated and innermost not in branches
        elif not any(isinstance(one, _TRYING) for one, _ in branches) and not any(place < one < at for one in leaving):
            last = min(last, at)
    return Stretch(first, last, repeated)


def _statement(node: ast.AST, document: Document) -> ast.AST:
    while not isinstance(node, ast.stmt):
        node = document.parents[node]
    return node


def _pauses(
    definition: ast.AST, function: ProjectFunction, contexts: Contexts, document: Document
) -> Iterator[ast.Await]:
    """The `await` of a function that let others run."""
    sites = contexts.project.function(function).sites
    places = {site.span: place for place, site in enumerate(sites)}
    for node in document.nodes_of(ast.Await):
        if document.function_around(node) is definition:
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
