"""Blocking calls, and the functions that lead to them."""

from typing import Protocol

import msgspec

from rules.core.facts import Site
from rules.core.library import Blocking
from rules.core.values import ProjectFunction


class Sink(msgspec.Struct, frozen=True):
    """A blocking call, and the functions that lead to it, from the one that was asked about to the one that blocks.

    `needs` are the parameters of the first of them that must be given for that; with a minus: that must be left
    out; with texts: that must be one of them, or none (see `Site`). `FAILURE` among them: only where something has failed.
    One that is `chosen` lies behind a method that is one of several which stand for an abstract one.
    """

    row: Blocking
    name: str
    site: Site
    through: tuple[ProjectFunction, ...]
    needs: frozenset[str] = frozenset()
    chosen: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether it is come to whatever is given, and whatever is chosen."""
        return not self.needs and not self.chosen

    @property
    def is_direct(self) -> bool:
        """Whether the function that was asked about blocks by itself."""
        return len(self.through) == 1


Called = tuple[ProjectFunction, Site | None]
"""What a function calls, and the call; a property is read without one."""


class Known(Protocol):
    """What is known of some functions before anything is worked out; None of all others."""

    def steps(self, function: ProjectFunction) -> tuple[Called, ...] | None:
        """What the function calls where it runs itself."""

    def own_sinks(self, function: ProjectFunction) -> tuple[Sink, ...] | None:
        """The blocking calls that stand in it."""

    def sink(self, function: ProjectFunction) -> tuple[Sink | None] | None:
        """What it comes to block in, if in anything."""
