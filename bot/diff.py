r"""Diffs as text: what a patch of GitHub's shows, what stood there before it, and what edits change.

A patch is the `patch` of https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files: hunks without a file
header. Lines end at `\n` alone: `str.splitlines` would also split at a form feed or U+2028, which GitHub does not count.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.models import Hunk
from rules import Edit

CONTEXT = 3  # lines around a change, as GitHub shows them
NO_NEWLINE = "\\ No newline at end of file"

_HEADER = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")


class PatchMismatch(ValueError):  # noqa: N818 -- it is read as a sentence: the patch does not fit
    """The patch is malformed, or does not belong to this text."""


@dataclass(frozen=True, slots=True)
class Change:
    """Whole lines, each with its line end, that are replaced by others; `start` is the line of the first one."""

    start: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def lines(self) -> range:
        """The lines that go; empty where lines are only added before line `start`."""
        return range(self.start, self.start + len(self.before))


def hunks(patch: str) -> tuple[Hunk, ...]:
    """What the patch shows of the new file, hunk by hunk. Raises `PatchMismatch`."""
    return tuple(_shown(hunk) for hunk in _read(patch))


def restore_base(head: bytes, patch: str) -> bytes:
    """The bytes that stood before the patch, given those after it.

    Raises `PatchMismatch` where the patch does not fit. GitHub decodes a patch as UTF-8, so that it cannot be trusted for
    a text in another encoding: that raises as well.
    """
    return b"".join(_before(_split(_utf8(head)), patch))


def changes(before: str, after: str, edits: Iterable[Edit]) -> tuple[Change, ...]:
    """The lines that the edits (of this one file) change, from top to bottom; `after` is `before` with the edits made."""
    old, new, shift = before.split("\n"), after.split("\n"), 0
    found = []
    for first, last, growth in _blocks(edits):
        found.append(
            _trimmed(first, _ended(old, first - 1, last), _ended(new, first - 1 + shift, last + shift + growth))
        )
        shift += growth
    return tuple(change for change in found if change.before != change.after)


def hull(before: str, after: str, edits: Iterable[Edit]) -> Change:
    """The one contiguous change that holds all that the edits change."""
    blocks = list(_blocks(edits))
    first, last, growth = blocks[0][0], blocks[-1][1], sum(growth for _, _, growth in blocks)
    old, new = before.split("\n"), after.split("\n")
    return _trimmed(first, _ended(old, first - 1, last), _ended(new, first - 1, last + growth))


def unified(path: str, before: str, after: str, edits: Iterable[Edit]) -> str:
    """The edits of one file as a unified diff, with its header."""
    old, shown, shift = _split(before), [f"--- a/{path}\n", f"+++ b/{path}\n"], 0
    for group in _neighbours(changes(before, after, edits)):
        shown += _hunk(old, group, shift)
        shift += sum(len(change.after) - len(change.before) for change in group)
    return "".join(shown)


@dataclass(frozen=True, slots=True)
class _Row:
    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class _RawHunk:
    """`old` and `new` are the indices (from 0) of the first line in either file."""

    old: int
    new: int
    rows: tuple[_Row, ...]

    def side(self, sign: str) -> list[str]:
        return [row.text for row in self.rows if row.sign in {" ", sign}]


def _read(patch: str) -> Iterator[_RawHunk]:
    rows = patch.removesuffix("\n").split("\n")
    position = next((number for number, row in enumerate(rows) if row.startswith("@@")), len(rows))
    while position < len(rows):
        hunk, position = _read_hunk(rows, position)
        yield hunk


def _read_hunk(rows: list[str], position: int) -> tuple[_RawHunk, int]:
    header = _HEADER.match(rows[position])
    if header is None:
        raise PatchMismatch(f"row {position + 1} of the patch should start a hunk")
    old, old_count, new, new_count = (1 if group is None else int(group) for group in header.groups())
    found: list[_Row] = []
    wanted = {"-": old_count, "+": new_count}
    position += 1
    while any(wanted.values()) or _is_no_newline(rows, position):
        if position >= len(rows):
            raise PatchMismatch("the patch ends within a hunk")
        _take(rows[position], found, wanted)
        position += 1
    return _RawHunk(old - (old_count > 0), new - (new_count > 0), tuple(found)), position


def _take(row: str, found: list[_Row], wanted: dict[str, int]) -> None:
    sign, text = row[:1] or " ", row[1:]
    if sign == "\\" and found and found[-1].text.endswith("\n"):
        found[-1] = _Row(found[-1].sign, found[-1].text.removesuffix("\n"))
        return
    for side in {"-", "+"} if sign == " " else {sign}:
        if not wanted.get(side):
            raise PatchMismatch("a hunk holds other lines than it says")
        wanted[side] -= 1
    found.append(_Row(sign, text + "\n"))


def _is_no_newline(rows: list[str], position: int) -> bool:
    return position < len(rows) and rows[position].startswith("\\")


def _shown(hunk: _RawHunk) -> Hunk:
    kept = [row for row in hunk.rows if row.sign != "-"]
    first = hunk.new + 1
    added = frozenset(line for line, row in enumerate(kept, first) if row.sign == "+")
    return Hunk(range(first, first + len(kept)), added)


def _before(head: list[str], patch: str) -> Iterator[bytes]:
    position = written = 0
    for hunk in _read(patch):
        expected, untouched = hunk.side("+"), head[position : hunk.new]
        written += len(untouched)
        position = hunk.new + len(expected)
        if written != hunk.old or position > len(head) or head[hunk.new : position] != expected:
            raise PatchMismatch(f"the patch does not fit at line {hunk.new + 1}")
        written += len(hunk.side("-"))
        yield from (line.encode() for line in untouched)
        yield from (_bytes(line) for line in hunk.side("-"))
    yield from (line.encode() for line in head[position:])


def _utf8(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise PatchMismatch("the text is not UTF-8") from error


def _bytes(line: str) -> bytes:
    """A line that only the patch holds."""
    if "\ufffd" in line:
        raise PatchMismatch("a line holds U+FFFD, which may stand for bytes that are not UTF-8")
    try:
        return line.encode()
    except UnicodeEncodeError as error:
        raise PatchMismatch("the patch is no text") from error


def _split(text: str) -> list[str]:
    """The lines, each with its line end; the last one may have none."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _blocks(edits: Iterable[Edit]) -> Iterator[tuple[int, int, int]]:
    """Runs of lines that edits touch: the first, the last (inclusive), and by how many lines they grow."""
    ordered = sorted(set(edits))
    first = last = growth = 0
    for edit in ordered:
        if last and edit.span.line > last:
            yield first, last, growth
            last = growth = 0
        first = first if last else edit.span.line
        last = max(last, edit.span.end_line)
        growth += edit.replacement.count("\n") - (edit.span.end_line - edit.span.line)
    if last:
        yield first, last, growth


def _ended(lines: Sequence[str], start: int, stop: int) -> list[str]:
    r"""These of the lines of a text that was split at `\n`, with their line ends back."""
    final = len(lines) - 1
    ended = [line if number == final else line + "\n" for number, line in enumerate(lines[start:stop], start)]
    return [line for line in ended if line]


def _trimmed(first: int, before: list[str], after: list[str]) -> Change:
    start, shortest = 0, min(len(before), len(after))
    while start < shortest and before[start] == after[start]:
        start += 1
    end = 0
    while end < shortest - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return Change(first + start, tuple(before[start : len(before) - end]), tuple(after[start : len(after) - end]))


def _neighbours(found: Iterable[Change]) -> Iterator[list[Change]]:
    """Changes so near to each other that one hunk shows them."""
    group: list[Change] = []
    for change in found:
        if group and change.start - group[-1].lines.stop > 2 * CONTEXT:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _hunk(old: Sequence[str], group: Sequence[Change], shift: int) -> Iterator[str]:
    start, stop = max(1, group[0].start - CONTEXT), min(len(old) + 1, group[-1].lines.stop + CONTEXT)
    growth = sum(len(change.after) - len(change.before) for change in group)
    count = stop - start
    yield f"@@ -{_stretch(start, count)} +{_stretch(start + shift, count + growth)} @@\n"
    position = start
    for change in group:
        yield from _signed(" ", old[position - 1 : change.start - 1])
        yield from _signed("-", change.before)
        yield from _signed("+", change.after)
        position = change.lines.stop
    yield from _signed(" ", old[position - 1 : stop - 1])


def _stretch(start: int, count: int) -> str:
    """Lines in a hunk's header: where there are none, the line before is named."""
    return f"{start},{count}" if count else f"{start - 1},0"


def _signed(sign: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{NO_NEWLINE}\n"
