"""What an expression can turn out to be. None stands for 'no evidence' throughout."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """The place from which a name is looked up: a file, a function in it (0: the module), a line (0: its end)."""

    path: str
    function: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Outside:
    """A module, class or function of a library, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module or package of the project, by its place without suffix ("app/main")."""

    place: str


@dataclass(frozen=True, slots=True)
class ProjectClass:
    path: str
    index: int


@dataclass(frozen=True, slots=True)
class ProjectFunction:
    path: str
    index: int


@dataclass(frozen=True, slots=True)
class Object:
    """An instance of a class. `factory` is what calling it gives, where that was said when it was made."""

    of: Outside | ProjectClass
    factory: Value | None = None


@dataclass(frozen=True, slots=True)
class Coroutine:
    """What awaiting gives `result`."""

    result: Value | None


@dataclass(frozen=True, slots=True)
class Iterated:
    """What iterating gives `item`; `items` are those of a display or a tuple, each by its place."""

    item: Value | None
    asynchronous: bool = False
    items: tuple[Value | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyed:
    """A dict, by those of its keys whose values are known."""

    items: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Managed:
    """What `with` binds to `item`."""

    item: Value | None


@dataclass(frozen=True, slots=True)
class Partial:
    """`functools.partial(of, ...)`, or another wrapper that is called as `of` is."""

    of: Value


@dataclass(frozen=True, slots=True)
class Super:
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
