"""Where a session stands in a function, and which parameter takes it in another."""

import ast
from collections.abc import Collection, Iterator
from typing import TypeGuard

from rules.core.facts import Parameter
from rules.core.fixes.document import Document
from rules.core.fixes.turning import Refused
from rules.core.syntax import walk

Place = ast.Name | ast.Attribute
"""Where a session stands: under a name of its own, or as an attribute of `self`."""


def is_session(node: ast.AST | None, name: str) -> TypeGuard[Place]:
    """Whether a session of that name stands there, `db` or `self.db`."""
    match node:
        case ast.Name(id=found):
            return found == name
        case ast.Attribute(value=ast.Name(id=of), attr=attribute):
            return f"{of}.{attribute}" == name
        case _:
            return False


def uses_in(
    definition: ast.FunctionDef | ast.AsyncFunctionDef, name: str, document: Document, opened: Collection[ast.expr] = ()
) -> Iterator[Place]:
    """Where the session stands in a function, in order, but where it is `opened`. Raises Refused where that is not certain."""
    found: list[Place] = [
        node
        for statement in definition.body
        for node in walk(statement)
        if is_session(node, name) and node not in opened
    ]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset)):
        if not isinstance(node.ctx, ast.Load):
            raise Refused("the name of a session is bound again")
        inside = document.parents.get(node)
        while inside is not None and inside is not definition:
            if isinstance(inside, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                raise Refused("the session is used in an inner function")
            inside = document.parents.get(inside)
        yield node


def parameter_given(call: ast.Call, node: ast.expr, parameters: tuple[Parameter, ...]) -> str:
    """The parameter that takes the session at a call."""
    if any(isinstance(one, ast.Starred) for one in call.args):
        return ""
    for place, argument in enumerate(call.args):
        if argument is node and place < len(parameters) and parameters[place].kind in {"normal", "positional"}:
            return parameters[place].name
    names = {parameter.name for parameter in parameters}
    return next((one.arg for one in call.keywords if one.value is node and one.arg in names), "") or ""
