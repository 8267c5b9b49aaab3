"""What an expression can turn out to be. None stands for 'no evidence' throughout.

Very many are made, compared and looked up, which the structs of msgspec do fastest.
"""

from __future__ import annotations

from typing import final

import msgspec


@final
class Where(msgspec.Struct, frozen=True, gc=False):
    """The place from which a name is looked up: a file, a function in it (0: the module), a line (0: its end)."""

    path: str
    function: int = 0
    line: int = 0


class Outside(msgspec.Struct, frozen=True, gc=False):
    """A module, class or function of a library, by its dotted name."""

    name: str


class Module(msgspec.Struct, frozen=True, gc=False):
    """A module or package of the project, by its place without suffix ("app/main")."""

    place: str


class ProjectClass(msgspec.Struct, frozen=True, gc=False):
    path: str
    index: int


class ProjectFunction(msgspec.Struct, frozen=True, gc=False):
    path: str
    index: int


class Object(msgspec.Struct, frozen=True, gc=False):
    """An instance of a class. `factory` is what calling it gives, where that was said when it was made; `row` is what a query
    asks a database for, and its result holds.
    """

    of: Outside | ProjectClass
    factory: Value | None = None
    row: Value | None = None


class Coroutine(msgspec.Struct, frozen=True, gc=False):
    """What awaiting gives `result`."""

    result: Value | None


class Iterated(msgspec.Struct, frozen=True, gc=False):
    """What iterating gives `item`; `items` are those of a display or a tuple, each by its place."""

    item: Value | None
    asynchronous: bool = False
    items: tuple[Value | None, ...] = ()


class Keyed(msgspec.Struct, frozen=True, gc=False):
    """A dict, by those of its keys whose values are known; `each` is what any of its values is."""

    items: tuple[tuple[str, Value], ...]
    each: Value | None = None


class Managed(msgspec.Struct, frozen=True, gc=False):
    """What `with` binds to `item`."""

    item: Value | None


class Partial(msgspec.Struct, frozen=True, gc=False):
    """`functools.partial(of, ...)`, or another wrapper that is called as `of` is."""

    of: Value


class Super(msgspec.Struct, frozen=True, gc=False):
    """`super()` in a method of a class."""

    of: ProjectClass


Value = (
    Outside
    | Module
    | ProjectClass
    | ProjectFunction
    | Object
    | Coroutine
    | Iterated
    | Keyed
    | Managed
    | Partial
    | Super
)
