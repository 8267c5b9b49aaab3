"""Annotations as the types that they name, with and without quotes."""

import ast

from rules.core.syntax import walk


def unquoted(node: ast.expr) -> ast.expr | None:
    """An annotation without the quotes around it, or around types in it; the node itself stays as it is."""
    match node:
        case ast.Constant(value=str()):
            return _parsed_annotation(node)
        case ast.Subscript(value=of, slice=ast.Tuple(elts=elements) as items) if last_part(of) != "Literal":
            types = elements[:1] if last_part(of) == "Annotated" else elements
            bare = [unquoted(element) or element for element in types]
            if bare != types:
                slice_ = ast.copy_location(ast.Tuple([*bare, *elements[len(types) :]], items.ctx), items)
                return ast.copy_location(ast.Subscript(of, slice_, node.ctx), node)
        case ast.Subscript(value=of, slice=item) if last_part(of) != "Literal":
            if (type_ := unquoted(item) or item) is not item:
                return ast.copy_location(ast.Subscript(of, type_, node.ctx), node)
        case ast.BinOp(left=left, op=ast.BitOr() as either, right=right):
            one, other = unquoted(left) or left, unquoted(right) or right
            if one is not left or other is not right:
                return ast.copy_location(ast.BinOp(one, either, other), node)
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
