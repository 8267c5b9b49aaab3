"""Annotations as the types that they name, with and without quotes."""

import ast

from rules.core.syntax import walk


def unquoted(node: ast.expr) -> ast.expr | None:
    """An annotation without the quotes around it, or around types in it."""
    match node:
        case ast.Constant(value=str()):
            return _parsed_annotation(node)
        case ast.Subscript(value=of, slice=ast.Tuple(elts=[first, *_] as elements) as items):
            if last_part(of) == "Annotated":
                items.elts = [unquoted(first) or first, *elements[1:]]
            elif last_part(of) != "Literal":
                items.elts = [unquoted(element) or element for element in elements]
        case ast.Subscript(value=of, slice=item) if last_part(of) != "Literal":
            node.slice = unquoted(item) or item
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            node.left, node.right = unquoted(left) or left, unquoted(right) or right
    return node


def last_part(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _parsed_annotation(node: ast.Constant) -> ast.expr | None:
    """`"User"` as the expression that it quotes, all of it where the text stands."""
    try:
        tree = ast.parse(str(node.value).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for inner in walk(tree):
        if isinstance(inner, ast.expr):
            ast.copy_location(inner, node)
    return tree
