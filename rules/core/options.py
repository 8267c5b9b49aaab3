"""What an analysis is to look for."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """What to look for: names of rules or packs (none: all of them); `everything` also says what pays little.

    `client` is the package of HTTP clients that calls are to go through (empty: the one that the project has).
    `blocking` and `offloads` are what the repository declares of its own functions (see `Knowledge.with_declared`).
    """

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    everything: bool = False
    client: str = ""
    blocking: Mapping[str, str | None] = field(default_factory=dict)
    offloads: Mapping[str, int] = field(default_factory=dict)
