"""The hidden comment in each body that the bot posts: which findings it speaks of, and of which head.

It is how the bot knows its own words again, so that nothing is said twice. Whoever reads a marker must have made sure
that the body is our own App's: anybody can write the same.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = r"[0-9A-Za-z]+(?:[._:][0-9A-Za-z]+)*"
_MARKER = re.compile(rf"<!-- asyncify v1 head=({_WORD})(?: findings=({_WORD}(?:,{_WORD})*))? -->")
_START = "<!-- asyncify"


@dataclass(frozen=True, slots=True)
class Marker:
    """What a body of ours speaks of: findings by fingerprint, on one head (a commit SHA)."""

    fingerprints: tuple[str, ...]
    head: str


def write_marker(fingerprints: Iterable[str], head: str) -> str:
    """The marker as one line. Raises `ValueError` where a fingerprint or the head could not be read back."""
    known = list(fingerprints)
    for word in (head, *known):
        if not re.fullmatch(_WORD, word):
            raise ValueError(f"not a marker's word: {word!r}")
    findings = f" findings={','.join(known)}" if known else ""
    return f"<!-- asyncify v1 head={head}{findings} -->"


def read_marker(body: str) -> Marker | None:
    """The marker of a body, None where it has none.

    Only the last one counts, and only if it is exactly as `write_marker` writes it: ours stands at the end, whatever
    was quoted before it.
    """
    found = _MARKER.match(body, body.rindex(_START)) if _START in body else None
    if found is None:
        return None
    head, fingerprints = found.groups()
    return Marker(tuple(fingerprints.split(",")) if fingerprints else (), head)
