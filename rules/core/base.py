"""The repository before a change. What it is made of is loaded with the rules, and not to read a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from rules.core.facts import Facts
    from rules.core.findings import Finding
    from rules.core.memory import Kept
    from rules.core.options import Options
    from rules.core.remarks import Remark
    from rules.core.repository import Repository

Found: TypeAlias = "Sequence[tuple[Remark, Finding]]"


class Base(msgspec.Struct, frozen=True):
    """What a change is compared with: the facts of the repository before it, and what there was to say of them.

    `repository` has gathered what holds after the change as well, as far as that leaves files as they are; `kept` are the answers
    of which that can be told, for these `options`.
    """

    facts: Mapping[str, Facts]
    found: Found
    options: Options
    repository: Repository | None
    kept: Kept
