"""A file after edits, of which only the statements are read that the edits touch. All else says what it said.

A file is taken apart where statements begin at the start of a line. Each piece is then a text of its own, which Python would parse
and compile to the same as in its place, but for what only the whole tells: what was imported from `__future__`, what a `global` at
the top says of the names below it, and whether a line can be reached. Where that is in doubt, the whole has to be read.
"""

import __future__

import ast
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache

import msgspec
from msgspec.structs import replace

from rules.core.edits import apply_to_text, decode_source, line_offsets
from rules.core.facts import Facts
from rules.core.findings import Edit, Span
from rules.core.fixes.document import tree_of
from rules.core.fixes.names import Names, early_names, names_in_code, open_names
from rules.core.ignores import read_ignores
from rules.core.parts import Before, Part, joined, lowered
from rules.core.reading import LONE_RETURN, LONGEST_FILE, read_part
from rules.core.syntax import parse_now

_USUAL = {*__future__.all_feature_names} - {"barry_as_FLUFL"}
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


class Piece(msgspec.Struct, frozen=True, dict=True):
    """Some statements at the top of a file: their lines, from that on which the first begins to the next piece.

    `ignores` counts lines from the first of the piece; 0 is the file.
    """

    text: str
    line: int
    part: Part
    names: Names
    ignores: Mapping[int, tuple[str, ...]]

    def lowered(self, lines: int) -> "Piece":
        """The same so many lines further down."""
        return replace(self, line=self.line + lines, part=lowered(self.part, lines)) if lines else self


class Edited(msgspec.Struct, frozen=True, dict=True):
    """A file after edits: its facts, the names that it reads and binds nowhere, builtins among them, and those that it binds late."""

    facts: Facts
    open: frozenset[str]
    early: frozenset[str]


class Apart(msgspec.Struct, frozen=True, dict=True):
    """A file in pieces."""

    pieces: tuple[Piece, ...]
    flags: int

    @cached_property
    def open(self) -> frozenset[str]:
        """The names that the file reads and binds nowhere, builtins among them."""
        return open_names(piece.names for piece in self.pieces)

    @cached_property
    def early(self) -> frozenset[str]:
        """The names that its top level reads above the line that binds them."""
        return early_names(piece.names for piece in self.pieces)

    def edited(self, edits: Iterable[Edit], after: bytes) -> Edited | None:
        """What the file says after edits that have made it so; None where it has to be read as a whole."""
        try:
            text = decode_source(after)
        except _UNREADABLE:
            return None
        pieces = self._edited(sorted(set(edits), key=lambda edit: edit.span)) if len(after) <= LONGEST_FILE else None
        if pieces is None or "".join([piece.text for piece in pieces]) != text:
            return None
        told = joined([piece.part for piece in pieces], len(text), _ignores(pieces))
        names = [piece.names for piece in pieces]
        return Edited(Facts.passing(*told), open_names(names), early_names(names))

    def _edited(self, edits: Sequence[Edit]) -> list[Piece] | None:
        pieces: list[Piece] = []
        done = lines = 0
        for (first, last), own in self._touched(edits).items():
            old = self.pieces[first : last + 1]
            key = (first, last, tuple(own), lines)
            new = self._added.get(key) or self._read(old, own, lines, is_last=last + 1 == len(self.pieces))
            if new is None:
                return None
            if not new.part.functions:
                self._added[key] = new
            pieces += [*self._kept(done, first, lines), new]
            done, lines = last + 1, lines + new.text.count("\n") - sum(piece.text.count("\n") for piece in old)
        return [*pieces, *self._kept(done, len(self.pieces), lines)]

    def _kept(self, start: int, stop: int, lines: int) -> Sequence[Piece]:
        """Pieces that are as they were; where they last stood lower, they do so again as a rule."""
        if not lines:
            return self.pieces[start:stop]
        for place in range(start, stop):
            if self._low[place].line != self.pieces[place].line + lines:
                self._low[place] = self.pieces[place].lowered(lines)
        return self._low[start:stop]

    @cached_property
    def _added(self) -> dict[tuple[int, int, tuple[Edit, ...], int], Piece]:
        """What edits made of some pieces without functions, so many lines further down: many fixes of a file add the same import."""
        return {}

    @cached_property
    def _low(self) -> list[Piece]:
        return list(self.pieces)

    def _touched(self, edits: Sequence[Edit]) -> Mapping[tuple[int, int], list[Edit]]:
        """The edits, in order, by the first and the last of the pieces that they touch."""
        starts = [piece.line for piece in self.pieces]
        found: list[tuple[int, int, list[Edit]]] = []
        for edit in edits:
            span = edit.span
            end = span.end_line - (span.end_column == 1 and span.start < span.end)
            first, last = bisect_right(starts, span.line) - 1, bisect_right(starts, end) - 1
            if found and first <= found[-1][1]:
                before = found.pop()
                found.append((before[0], max(before[1], last), [*before[2], edit]))
            else:
                found.append((first, last, [edit]))
        return {(first, last): own for first, last, own in found}

    def _read(self, old: Sequence[Piece], edits: Iterable[Edit], lines: int, *, is_last: bool) -> Piece | None:
        """The one piece that edits make of some, so many lines further down."""
        above = old[0].line - 1
        text = apply_to_text("".join([piece.text for piece in old]), [_raised(edit, above) for edit in edits])
        if not (text.endswith("\n") or not text or is_last) or LONE_RETURN.search(text):
            return None
        try:
            body = parse_now("\n" * (above + lines) + text).body
            is_first = not above
            if _features(body) != (self.flags if is_first else 0):
                return None
            piece = _piece("\n" * (above + lines) + text, text, above + lines + 1, body, old[0].part.before, self.flags)
        except _UNREADABLE:
            return None
        is_alike = piece.part.after == old[-1].part.after and _stands_alone(piece)
        return piece if is_alike else None


@lru_cache(maxsize=4)
def taken_apart(source: bytes) -> Apart | None:
    """The file in pieces; None where it has to be read as a whole."""
    try:
        text = decode_source(source)
        if len(source) > LONGEST_FILE or LONE_RETURN.search(text):
            return None
        groups = _groups(tree_of(text).body, text.split("\n"))
        if not groups:
            return None
        flags = _features(groups[0])
        pieces = tuple(_pieces(text, groups, flags))
    except _UNREADABLE:
        return None
    return Apart(pieces, flags) if all(map(_stands_alone, pieces)) else None


def _pieces(text: str, groups: Sequence[list[ast.stmt]], flags: int) -> Iterator[Piece]:
    lines = [1, *(_first_line(group[0]) for group in groups[1:])]
    offsets = line_offsets(text)
    stops = [*(offsets[line - 1] for line in lines[1:]), len(text)]
    before = Before()
    for line, stop, group in zip(lines, stops, groups, strict=True):
        piece = _piece(text, text[offsets[line - 1] : stop], line, group, before, flags)
        yield piece
        before = piece.part.after


def _piece(whole: str, text: str, line: int, body: list[ast.stmt], before: Before, flags: int) -> Piece:
    """A piece of which the statements stand in `whole`. Raises where it cannot be compiled."""
    above: list[ast.stmt] = [] if line == 1 else [_PASS]  # below which no text is a docstring
    names = names_in_code(ast.Module([*above, *body], []), flags)
    part = read_part(whole, body, functions=before.functions, classes=before.classes, needs=before.needs)
    return Piece(text, line, part, names, read_ignores(text))


_PASS = ast.Pass(lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)


def _stands_alone(piece: Piece) -> bool:
    """Whether it says nothing of names in other pieces, and those below it are reached."""
    return piece.names.ends and not piece.part.scope.outer


def _groups(body: Sequence[ast.stmt], lines: Sequence[str]) -> list[list[ast.stmt]]:
    """The statements of each piece: those that share lines, or come before one from `__future__`, belong together."""
    last_feature = max((place for place, node in enumerate(body) if _is_feature(node)), default=0)
    groups: list[list[ast.stmt]] = []
    for place, node in enumerate(body):
        if groups and (place <= last_feature or not _begins_line(node, body[place - 1], lines)):
            groups[-1].append(node)
        else:
            groups.append([node])
    return groups


def _begins_line(node: ast.stmt, above: ast.stmt, lines: Sequence[str]) -> bool:
    """Whether a statement begins a line that continues no other one."""
    first = _first_line(node)
    mark = "@" if first != node.lineno else lines[first - 1][:1]
    is_at_start = node.col_offset == 0 and lines[first - 1].startswith(mark) and not mark.isspace()
    return is_at_start and first > (above.end_lineno or 0) and not lines[first - 2].rstrip("\r").endswith("\\")


def _first_line(node: ast.stmt) -> int:
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
    return min([node.lineno, *(one.lineno for one in decorators)])


def _is_feature(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__" and not node.level


def _features(body: Iterable[ast.stmt]) -> int:
    """The flags of the compiler for what is imported from `__future__`. Raises `ValueError` for what changes the grammar."""
    names = {
        alias.name for node in body if isinstance(node, ast.ImportFrom) and _is_feature(node) for alias in node.names
    }
    if not names <= _USUAL:
        raise ValueError(names)
    return __future__.annotations.compiler_flag if "annotations" in names else 0


def _raised(edit: Edit, lines: int) -> Edit:
    span = edit.span
    return replace(edit, span=Span(span.line - lines, span.column, span.end_line - lines, span.end_column))


def _ignores(pieces: Iterable[Piece]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for piece in pieces:
        for line, names in piece.ignores.items():
            place = line and line + piece.line - 1
            found[place] = found.get(place, ()) + names
    return found
