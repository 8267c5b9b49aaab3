"""What a function puts into something of its own, which then holds that itself and no copy: `row = {"names": names}`."""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.syntax import walk

_PUTTING = frozenset({"add", "append", "appendleft", "insert"})
_PLACES = frozenset({"at", "iloc", "loc"})
"""Of a table; what is a list goes there by its items: https://pandas.pydata.org/docs/user_guide/indexing.html."""
_MAKING = frozenset({"dict", "list", "set"})


class Holding(msgspec.Struct, frozen=True):
    """A local name that from a line on stands for what holds something else under a key (`[names]`; empty where it is not told).

    `deep`: what is put there only comes to hold what that holds itself.
    """

    holder: str
    key: str
    value: ast.expr
    line: int
    deep: bool = False


def holdings(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[Holding, ...]:
    """All that a function puts into what it has made, or was given."""
    nodes = [*walk(definition)]
    made = {name for node in nodes for name, value in _named(node) if _is_made(value)}
    return tuple(one for node in nodes for one in _held_from(node, made))


def _held_from(node: ast.AST, made: set[str]) -> Iterator[Holding]:
    for name, value in _named(node):
        yield from (Holding(name, key, one, value.lineno) for key, one in _parts(value))
    match node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=holder))], value=value):
            yield from _put(holder, "", value)
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=holder), slice=place)], value=value):
            yield from _put(holder, _key(place), value, deep=holder not in made)
        case ast.Assign(
            targets=[ast.Subscript(value=ast.Attribute(value=ast.Name(id=holder), attr=attribute))], value=value
        ) if attribute in _PLACES:
            yield from _put(holder, "", value, deep=True)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=holder), attr=method), args=[*_, value]) if (
            method in _PUTTING
        ):
            yield from _put(holder, "", value)
        case _:
            pass


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The name that a statement gives something, and what."""
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            | ast.NamedExpr(target=ast.Name(id=name), value=value)
        ):
            yield name, value
        case _:
            pass


def _is_made(value: ast.expr) -> bool:
    """Whether it is a list, a dictionary or the like, made there."""
    match value:
        case ast.Dict() | ast.List() | ast.Set():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in _MAKING
        case _:
            return False


def _put(holder: str, key: str, value: ast.expr, *, deep: bool = False) -> Iterator[Holding]:
    parts = list(_parts(value))
    if not parts:
        yield Holding(holder, key, value, value.lineno, deep)
    yield from (Holding(holder, key, part, value.lineno) for _, part in parts)


def _parts(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """What lies in a display, also deeper in it, each with its key: not what `*` or `**` copies from something else."""
    match value:
        case ast.Dict(keys=keys, values=values):
            pairs = [(_key(key), one) for key, one in zip(keys, values, strict=True) if key is not None]
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            pairs = [("", one) for one in parts]
        case _:
            pairs = []
    for key, one in pairs:
        if isinstance(one, (ast.Name, ast.Attribute)):
            yield key, one
        yield from ((key, inner) for _, inner in _parts(one))


def _key(node: ast.expr) -> str:
    return f"[{node.value}]" if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
