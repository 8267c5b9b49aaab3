"""What says the same on other lines of its file.

Whoever asks what a name means goes by the order of lines, not by their numbers. So where everything that was read has kept its order,
the answer is the same.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from rules.core.facts import Binding, Class, Function, Import, Narrowing, Site
from rules.core.parts import lower_function, lower_narrowing, lower_site
from rules.core.values import Where

Move = tuple[int, int, int]
"""Lines from the first to the last, and by how many they have moved down."""


def moves(old: Any, new: Any) -> list[Move] | None:
    """How what a part of a file says has moved; None where it says another thing."""
    if type(old) is not type(new):
        return None
    match old:
        case tuple():
            return _moves_of_all(old, new) if len(old) == len(new) else None
        case dict():
            return _moves_of_all(old.values(), new.values()) if [*old] == [*new] else None
        case Class():
            return _moves_of_class(old, new)
        case Function():
            by = new.line - old.line
            return _moved(old.first_line, old.end_line, by, looks_up=True) if lower_function(old, by) == new else None
        case Site():
            by = new.line - old.line
            return _moved(old.line, old.end_line, by) if lower_site(old, by) == new else None
        case Narrowing():
            by = new.first_line - old.first_line
            return _moved(old.first_line, old.first_line, by) if lower_narrowing(old, by) == new else None
        case Binding() | Where():
            by = new.line - old.line
            is_alike = replace(old, line=new.line) == new
            looks_up = isinstance(old, Binding) and not isinstance(old.value, Import)
            return _moved(old.line, old.line, by, looks_up=looks_up) if is_alike else None
        case _:
            return [] if old == new else None


def _moved(first: int, last: int, by: int, *, looks_up: bool = False) -> list[Move] | None:
    """Lines that have moved. What stands on the first one of a file looks names up there, all else on the line above it."""
    return None if looks_up and by and 1 in {first, first + by} else [(first, last, by)]


def _moves_of_all(old: Iterable[Any], new: Iterable[Any]) -> list[Move] | None:
    found: list[Move] = []
    for one, other in zip(old, new, strict=True):
        made = moves(one, other)
        if made is None:
            return None
        found += made
    return found


def _moves_of_class(old: Class, new: Class) -> list[Move] | None:
    if replace(old, line=new.line, bindings=new.bindings, attributes=new.attributes) != new:
        return None
    within = _moves_of_all((old.bindings, old.attributes), (new.bindings, new.attributes))
    return [(old.line, old.line, new.line - old.line), *within] if within is not None else None


def keep_order(made: Iterable[Move]) -> bool:
    """Whether each two lines are in the same order as they were, and what stood on one line does so still."""
    every = sorted(set(made), key=lambda move: (move[0], -move[1]))
    if not any(by for *_, by in every):
        return True
    ends = sorted({(line, line + by) for first, last, by in every for line in (first, last)})
    return all(a < c and b < d for (a, b), (c, d) in pairwise(ends)) and _lie_still(every)


def _lie_still(made: Iterable[Move]) -> bool:
    """Whether all that lies within other lines has moved together with them."""
    around: list[Move] = []
    for move in made:
        while around and around[-1][1] < move[0]:
            around.pop()
        if around and around[-1][2] != move[2]:
            return False
        around.append(move)
    return True
