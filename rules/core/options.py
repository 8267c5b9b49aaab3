"""What an analysis is to look for."""

from collections.abc import Mapping

import msgspec


class Options(msgspec.Struct, frozen=True):
    """What to look for: names of rules or packs (none: all of them); `everything` also says what pays little.

    `client` is the package of HTTP clients that calls are to go through (empty: the one that the project has).
    `blocking` and `offloads` are what the repository declares of its own functions (see `Knowledge.with_declared`).
    """

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    everything: bool = False
    client: str = ""
    blocking: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    offloads: Mapping[str, int] = msgspec.field(default_factory=dict)
