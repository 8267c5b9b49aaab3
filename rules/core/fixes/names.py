"""The names that code reads and binds as globals, as the compiler sees them."""

import ast
import dis
from collections.abc import Iterable, Iterator
from types import CodeType

import msgspec

_LOAD_GLOBAL = dis.opmap["LOAD_GLOBAL"]
_READING = frozenset({_LOAD_GLOBAL, dis.opmap["LOAD_NAME"]})
_NAMING = _READING | {dis.opmap["STORE_GLOBAL"], dis.opmap["STORE_NAME"]}
_RETURNING = frozenset(dis.opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST") if name in dis.opmap)


class Names(msgspec.Struct, frozen=True):
    """The names that a module reads as globals, and those that it binds.

    `early` are those that its top level reads before it binds them, `placed` those that it binds there. `ends`: its last line
    can be reached.
    """

    read: frozenset[str]
    bound: frozenset[str]
    ends: bool
    early: frozenset[str]
    placed: frozenset[str]


def names_in_code(tree: ast.Module, flags: int = 0) -> Names:
    """The names of a module that is compiled with these flags of `__future__`. Raises where it cannot be compiled."""
    read: set[str] = set()
    bound: set[str] = set()
    early: set[str] = set()
    module = compile(tree, "<fix>", "exec", flags, dont_inherit=True)
    for operation, name in _global_names(module):
        if operation not in _READING:
            bound.add(name)
        elif name not in bound:
            early.add(name)
    placed = frozenset(bound)
    for code in _codes(module):
        for operation, name in _global_names(code):
            (read if operation in _READING else bound).add(name)
    ends = not _RETURNING.isdisjoint(module.co_code[::2])
    return Names(frozenset(read), frozenset(bound), ends, frozenset(early), placed)


def open_names(each: Iterable[Names]) -> frozenset[str]:
    """The names that are read and bound nowhere, builtins among them, in a module that consists of these."""
    every = list(each)
    return frozenset().union(*(one.read for one in every)).difference(*(one.bound for one in every))


def early_names(each: Iterable[Names]) -> frozenset[str]:
    """The names that the top level of a module, which consists of these, reads above the line that binds them."""
    early: set[str] = set()
    placed: set[str] = set()
    for one in each:
        early |= one.early - placed
        placed |= one.placed
    return frozenset(early & placed)


def _global_names(code: CodeType) -> Iterator[tuple[int, str]]:
    """Each operation of a body that reads or binds a global, and its name. `dis` tells the same, twenty times as slowly.

    An operation is two bytes, the second its argument, to which those before it may add higher bits; the lowest bit of
    that of `LOAD_GLOBAL` says something else (https://docs.python.org/3/library/dis.html#opcode-LOAD_GLOBAL).
    """
    higher = 0
    for operation, low in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        if operation == dis.EXTENDED_ARG:
            higher = (higher | low) << 8
            continue
        if operation in _NAMING:
            place = higher | low
            yield operation, code.co_names[place >> 1 if operation == _LOAD_GLOBAL else place]
        higher = 0


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
