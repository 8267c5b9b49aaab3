"""Work that is done in shares, maybe by several processes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

_S = TypeVar("_S")
_R = TypeVar("_R")


class Each(Protocol):
    """Calls a function with each of some shares of work, as `map` does and in its order, maybe in several processes."""

    def __call__(self, work: Callable[[Sequence[_S]], _R], shares: Sequence[Sequence[_S]], /) -> Iterable[_R]: ...
