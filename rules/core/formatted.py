"""Where the expressions in formatted texts stand, which Python before 3.12 does not tell.

There a formatted text is one token, and the places of what lies in it are guessed
(https://docs.python.org/3/whatsnew/3.12.html#pep-701-syntactic-formalization-of-f-strings).
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import msgspec

from rules.core.syntax import children, walk

IS_TOLD = sys.version_info >= (3, 12)
_BEFORE_EQUALS = frozenset("!<>=")


class _Field(msgspec.Struct, frozen=True):
    """`{expression:spec}`: where its expression begins and ends in the text, and the fields in its spec."""

    start: int
    end: int
    inner: tuple["_Field", ...]


class _MalformedError(ValueError):
    """The text is written in a way that is not known."""


def settle(node: ast.JoinedStr, lines: Sequence[str]) -> None:
    """Put right the places of all that lies in a formatted text; `lines` are those of the file, without their ends.

    What cannot be found in the text keeps the place that it has.
    """
    if IS_TOLD or not any(isinstance(part, ast.FormattedValue) for part in node.values):
        return
    first, last = node.lineno, node.end_lineno or node.lineno
    text = "\n".join(lines[first - 1 : last])
    start = len(lines[first - 1].encode()[: node.col_offset].decode(errors="replace"))
    try:
        fields = list(_fields_of_all(text[start:], len(lines[last - 1].encode()) - (node.end_col_offset or 0)))
        _settle_each(node, fields, text[start:], (first, start), lines)
    except (_MalformedError, SyntaxError, tokenize.TokenError, IndexError, ValueError):
        return


def _fields_of_all(text: str, rest: int) -> Iterator[_Field]:
    """The fields of texts that stand one after the other; `rest` bytes behind them belong to something else."""
    whole = text.encode()
    text = whole[: len(whole) - rest].decode()
    offsets = [0]
    for line in text.split("\n"):
        offsets.append(offsets[-1] + len(line) + 1)
    for token in tokenize.generate_tokens(io.StringIO(f"({text}\n)", newline="").readline):
        if token.type == tokenize.STRING:
            number, column = token.start
            at = offsets[number - 1] + column - (number == 1)
            yield from _fields(token.string, at)


def _fields(token: str, at: int) -> Iterator[_Field]:
    """The fields of one text, prefix and quotes included, that stands at an offset."""
    quote = min(place for place in (token.find("'"), token.find('"')) if place >= 0)
    prefix = token[:quote].lower()
    if "f" not in prefix:
        return
    width = 3 if token[quote : quote + 3] in {'"""', "'''"} else 1
    scanner = _Scanner(token, len(token) - width, "r" in prefix, at)
    yield from scanner.fields(quote + width)


class _Scanner(msgspec.Struct):
    """Reads one text up to its closing quotes."""

    text: str
    stop: int
    raw: bool
    at: int

    def fields(self, place: int) -> Iterator[_Field]:
        while place < self.stop:
            two = self.text[place : place + 2]
            if two in {"{{", "}}"}:
                place += 2
            elif two == "\\N" and not self.raw and self.text[place + 2 : place + 3] == "{":
                place = self.text.index("}", place) + 1
            elif two[0] == "\\" and not self.raw and two not in {"\\{", "\\}"}:
                place += 2
            elif two[0] == "{":
                field, place = self.field(place + 1)
                yield field
            else:
                place += 1

    def field(self, place: int) -> tuple[_Field, int]:
        """The field whose expression begins there, and where the text goes on behind it."""
        end = place = self._end_of_expression(start := place)
        while self.text[place] not in "!:}":  # `=` and blanks
            place += 1
        if self.text[place] == "!":
            place += 1
            while self.text[place] not in ":}":
                place += 1
        inner: list[_Field] = []
        if self.text[place] == ":":
            place += 1
            while self.text[place] != "}":
                if self.text[place] == "{":
                    found, place = self.field(place + 1)
                    inner.append(found)
                else:
                    place += 1
        return _Field(self.at + start, self.at + end, tuple(inner)), place + 1

    def _end_of_expression(self, place: int) -> int:
        depth = 0
        while place < self.stop:
            sign = self.text[place]
            if sign in "'\"":
                place = self._behind_text(place)
                continue
            if depth == 0 and (sign in "}:" or self._ends(place)):
                return place
            depth += (sign in "([{") - (sign in ")]}")
            place += 1
        raise _MalformedError

    def _ends(self, place: int) -> bool:
        """Whether `!r` or the `=` of `{x=}` begins there."""
        sign, following = self.text[place], self.text[place + 1]
        if sign == "!":
            return following != "="
        return sign == "=" and following != "=" and self.text[place - 1] not in _BEFORE_EQUALS

    def _behind_text(self, place: int) -> int:
        quote = self.text[place]
        width = 3 if self.text[place : place + 3] == quote * 3 else 1
        return self.text.index(quote * width, place + width) + width


def _settle_each(
    node: ast.JoinedStr, fields: Sequence[_Field], text: str, origin: tuple[int, int], lines: Sequence[str]
) -> None:
    parts = [part for part in node.values if isinstance(part, ast.FormattedValue)]
    for part, field in zip(parts, fields, strict=True):
        _move(part.value, text[field.start : field.end], _place(field.start, text, origin), lines)
        if isinstance(part.format_spec, ast.JoinedStr):
            _settle_each(part.format_spec, field.inner, text, origin, lines)


def _place(offset: int, text: str, origin: tuple[int, int]) -> tuple[int, int]:
    """The line (from 1) and the character (from 0) of an offset."""
    before = text[:offset]
    line = before.count("\n")
    if not line:
        return origin[0], origin[1] + offset
    return origin[0] + line, offset - before.rindex("\n") - 1


def _move(node: ast.expr, text: str, place: tuple[int, int], lines: Sequence[str]) -> None:
    """Give an expression the places that it has in the text, which begins at a place of the file."""
    read = ast.parse(f"({text}\n)", mode="eval").body
    pairs = list(zip_longest(walk(node), walk(read)))
    if any(type(old) is not type(new) or _words(old) != _words(new) for old, new in pairs):
        raise _MalformedError
    line, character = place
    before = len(lines[line - 1][:character].encode()) - 1  # the bracket
    for old, new in pairs:
        if isinstance(old, (ast.expr, ast.keyword, ast.arg)) and isinstance(new, (ast.expr, ast.keyword, ast.arg)):
            _take(old, new, line, before)
    for inner in _topmost(node):
        settle(inner, lines)


def _words(node: ast.AST | None) -> list[object]:
    """The names and values that a node itself holds."""
    return [getattr(node, name, None) for name in ("id", "attr", "arg", "kind", "conversion")] + (
        [node.value] if isinstance(node, ast.Constant) else []
    )


def _take(old: ast.expr | ast.keyword | ast.arg, new: ast.expr | ast.keyword | ast.arg, line: int, before: int) -> None:
    end_line = new.end_lineno or new.lineno
    old.col_offset = new.col_offset + (before if new.lineno == 1 else 0)
    old.end_col_offset = (new.end_col_offset or 0) + (before if end_line == 1 else 0)
    old.lineno, old.end_lineno = line + new.lineno - 1, line + end_line - 1


def _topmost(tree: ast.AST) -> list[ast.JoinedStr]:
    """The formatted texts that lie in no other one."""
    found: list[ast.JoinedStr] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr):
            found.append(node)
        else:
            waiting += children(node)
    return found
