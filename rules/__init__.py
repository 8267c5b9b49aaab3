"""asyncify's rules: the text of a repository in, findings with fixes out. No GitHub, no network, no clock, no process.

What reads a text is there at once; the rules are loaded when they are first asked for.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rules.core.base import Base
from rules.core.each import Each
from rules.core.edits import apply_edits, decode_source, go_together
from rules.core.facts import Facts, decode_facts, encode_facts
from rules.core.findings import (
    Analysis,
    Applicability,
    Edit,
    Finding,
    Fix,
    Severity,
    Span,
    Step,
    Unreadable,
    Way,
)
from rules.core.options import Options
from rules.core.reading import read_facts
from rules.core.rule import Rule
from rules.core.uncollected import uncollected
from rules.core.version import engine_version

if TYPE_CHECKING:
    from rules.core.engine import Engine

DEFAULT_OPTIONS = Options()


def load() -> "Engine":
    """The engine with all rules and all libraries. To load it takes a tenth of a second, once in a process."""
    with uncollected():
        from rules.core.catalog import engine  # noqa: PLC0415 -- while others read files, or not at all

        return engine()


def all_rules() -> Mapping[str, Rule]:
    """Every rule by its name, in the order of the names."""
    return load().rules


def analyze(
    facts: Mapping[str, Facts],
    sources: Mapping[str, bytes],
    *,
    base: Base | None = None,
    options: Options = DEFAULT_OPTIONS,
    each: Each = map,
) -> Analysis:
    """The findings of a repository, by all rules. See `rules.core.engine.Engine.analyze`."""
    return load().analyze(facts, sources, base=base, options=options, each=each)


def read_base(facts: Mapping[str, Facts], *, options: Options = DEFAULT_OPTIONS) -> Base:
    """A repository before a change, for `analyze` with the same options. See `rules.core.engine.Engine.base`."""
    return load().base(facts, options)


def encode_base(base: Base) -> bytes:
    """What was worked out of a repository as bytes, for a store. See `rules.core.stored`."""
    from rules.core.stored import encode_base as encode  # noqa: PLC0415 -- few have a base

    return encode(base)


def decode_base(data: bytes, facts: Mapping[str, Facts]) -> Base:
    """The base that `encode_base` made bytes of, whose files say these facts. Raises `ValueError` where they are something else."""
    return load().decode_base(data, facts)


def without_leftovers(
    facts: Mapping[str, Facts], before: Mapping[str, bytes], after: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The texts that lose imports which fixes have left without a use. See `rules.core.fixes.leftovers`."""
    return load().without_leftovers(facts, before, after)


__all__ = [
    "Analysis",
    "Applicability",
    "Base",
    "Each",
    "Edit",
    "Facts",
    "Finding",
    "Fix",
    "Options",
    "Rule",
    "Severity",
    "Span",
    "Step",
    "Unreadable",
    "Way",
    "all_rules",
    "analyze",
    "apply_edits",
    "decode_base",
    "decode_facts",
    "decode_source",
    "encode_base",
    "encode_facts",
    "engine_version",
    "go_together",
    "load",
    "read_base",
    "read_facts",
    "without_leftovers",
]
