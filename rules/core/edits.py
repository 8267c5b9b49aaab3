"""Edits are made in one pass over the text; what they do not span stays as it is, to the last byte."""

import io
import tokenize
from collections.abc import Iterable
from itertools import accumulate, pairwise, repeat
from operator import add

from rules.core.findings import Edit, Span


class EditConflictError(ValueError):
    """Two edits overlap, so that they cannot both be made."""


def decode_source(source: bytes) -> str:
    """The text as Python reads it: byte-order mark dropped, coding cookie obeyed, line ends untouched.

    Raises `ValueError` (of which `UnicodeDecodeError` is one) or `SyntaxError` where the bytes are no text.
    """
    return source.decode(_encoding(source))


def apply_edits(source: bytes, edits: Iterable[Edit]) -> bytes:
    """The source with all edits made. Encoding, byte-order mark and line ends are kept.

    Raises `EditConflictError` where edits overlap, and what `decode_source` raises.
    """
    return apply_to_text(decode_source(source), edits).encode(_encoding(source))


def apply_to_text(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; an edit that is given twice is made once."""
    offsets = line_offsets(text)
    ordered = sorted({(offset(edit.span.start, offsets), offset(edit.span.end, offsets), edit) for edit in edits})
    for (_, end, first), (start, _, second) in pairwise(ordered):
        if start < end or (first.span == second.span):
            raise EditConflictError(
                f"line {second.span.line}: `{first.replacement}` and `{second.replacement}` overlap"
            )
    pieces, position = [], 0
    for start, end, edit in ordered:
        pieces += [text[position:start], edit.replacement]
        position = end
    return "".join([*pieces, text[position:]])


def go_together(fixes: Iterable[Iterable[Edit]]) -> bool:
    """Whether the edits of several fixes can all be made, and mean there what they mean alone.

    Edits that two fixes share are made once. A word that one fix puts before what another one replaces, `await` before
    a call that is handed to a thread, would stand before something else than it was meant for.
    """
    owners: dict[Edit, set[int]] = {}
    for number, edits in enumerate(fixes):
        for edit in edits:
            owners.setdefault(edit, set()).add(number)
    ordered = sorted(owners, key=lambda edit: (edit.path, edit.span))
    furthest = None
    for first, second in pairwise(ordered):
        if furthest is None or furthest.path != first.path or first.span.end > furthest.span.end:
            furthest = first
        if first.path == second.path and (second.span.start < furthest.span.end or first.span == second.span):
            return False
        apart = owners[first].isdisjoint(owners[second])
        if apart and first.path == second.path and first.span.start == second.span.start and _is_word(first):
            return False
    return True


def _is_word(edit: Edit) -> bool:
    """Whether it is put into a line."""
    return edit.span.start == edit.span.end and not edit.replacement.endswith("\n")


def line_offsets(text: str) -> list[int]:
    """At which character each line starts; line 1 is the first entry."""
    return [0, *accumulate(map(add, map(len, text.split("\n")), repeat(1)))]


def offset(position: tuple[int, int], offsets: list[int]) -> int:
    """The character offset of a line and column, both from 1."""
    line, column = position
    return offsets[line - 1] + column - 1


def text_of(span: Span, text: str, offsets: list[int]) -> str:
    """What stands in the span."""
    return text[offset(span.start, offsets) : offset(span.end, offsets)]


def _encoding(source: bytes) -> str:
    """As https://peps.python.org/pep-0263/ says; `utf-8-sig` where there is a byte-order mark."""
    return tokenize.detect_encoding(io.BytesIO(source).readline)[0]
