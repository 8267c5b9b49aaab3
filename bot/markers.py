"""How the bot knows its own words again: the hidden comment in each body says which findings it speaks of, and of which head.

So nothing is said twice. Whoever reads a marker must have made sure that the body is our own App's: anybody can write the same.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

_WORD = r"[0-9A-Za-z]+(?:[._:][0-9A-Za-z]+)*"
_WORDS = rf"{_WORD}(?:,{_WORD})*"
_MARKER = re.compile(
    rf"<!-- asyncify v1 head=({_WORD})(?: findings=({_WORDS}))?(?: kin=({_WORDS}))?(?: answer=({_WORD}))? -->"
)
_START = "<!-- asyncify"
_SUGGESTION = re.compile(r"^(`{3,})suggestion\n(.*?)^\1$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Marker:
    """What a body of ours speaks of: findings by fingerprint, on one head (a commit SHA).

    `kin` are the findings once more, by what they are in whatever file (`Finding.kin`). `answer` names the comment that
    asked for it, if one did.
    """

    fingerprints: tuple[str, ...]
    head: str
    kin: tuple[str, ...] = ()
    answer: str = ""


def write_marker(fingerprints: Iterable[str], head: str, *, kin: Iterable[str] = (), answer: str = "") -> str:
    """The marker as one line. Raises `ValueError` where a word of it could not be read back."""
    lists = {"findings": list(fingerprints), "kin": list(filter(None, kin)), "answer": [answer] if answer else []}
    for word in (head, *chain.from_iterable(lists.values())):
        if not re.fullmatch(_WORD, word):
            raise ValueError(f"not a marker's word: {word!r}")
    given = "".join(f" {name}={','.join(words)}" for name, words in lists.items() if words)
    return f"<!-- asyncify v1 head={head}{given} -->"


def read_marker(body: str) -> Marker | None:
    """The marker of a body, None where it has none.

    Only the last one counts, and only if it is exactly as `write_marker` writes it: ours stands at the end, whatever
    was quoted before it.
    """
    found = _MARKER.match(body, body.rindex(_START)) if _START in body else None
    if found is None:
        return None
    head, fingerprints, kin, answer = found.groups(default="")
    return Marker(_words(fingerprints), head, _words(kin), answer)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def read_suggestion(body: str) -> str | None:
    """The lines that the suggestion of a body of ours offers, each with its line end; None where it holds none."""
    found = _SUGGESTION.search(body.replace("\r\n", "\n"))
    return found[2] if found else None
