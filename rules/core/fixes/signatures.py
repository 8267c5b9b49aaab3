"""The lines of a signature, which move with the word that its `def` gains or loses."""

import ast
from collections.abc import Iterator

from rules.core.findings import Edit, Span
from rules.core.fixes.document import Document
from rules.core.syntax import walk

ASYNC = "async "


def realigned(definition: ast.FunctionDef | ast.AsyncFunctionDef, columns: int, document: Document) -> Iterator[Edit]:
    """The edits that move the lines which stand under the first parameter by so many columns, as far as the `def` line moves it."""
    first = document.line(definition.lineno)
    start = first.find("(", first.find("def ")) + 1
    if not start or not first[start:].strip() or first[start:].lstrip().startswith("#") or _holds_text(definition):
        return
    for number in range(definition.lineno + 1, definition.body[0].lineno):
        line = document.line(number)
        if line[:start].strip(" ") or not line.strip():
            continue
        if columns > 0:
            yield document.insert((number, 1), " " * columns)
        else:
            yield document.replace(Span(number, 1, number, 1 - columns), "")


def _holds_text(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a text over several lines stands in the signature, so that what lines begin with is part of it."""
    arguments = definition.args
    told = [one.annotation for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    parts = [*told, *arguments.defaults, *arguments.kw_defaults, definition.returns]
    nodes = (node for part in parts if part is not None for node in walk(part))
    return any(isinstance(node, (ast.Constant, ast.JoinedStr)) and node.lineno != node.end_lineno for node in nodes)
