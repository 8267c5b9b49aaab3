"""Arguments that stand below the first one of a call: they move with it, as far as a fix moves what stands before it."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from rules.core.findings import Edit, Fix, Span
from rules.core.fixes.document import Document
from rules.core.fixes.texts import Texts
from rules.core.syntax import walk


def aligned(fix: Fix, texts: Texts) -> Fix:
    """The fix, with the lines moved that continue a call and stand right below its first argument.

    https://peps.python.org/pep-0008/#indentation
    """
    by_line: defaultdict[tuple[str, int], list[Edit]] = defaultdict(list)
    for edit in fix.edits:
        if edit.span.line == edit.span.end_line and "\n" not in edit.replacement:
            by_line[edit.path, edit.span.line].append(edit)
    moved = [
        one
        for (path, line), edits in by_line.items()
        if (document := texts.document(path)) is not None
        for one in _moved(line, edits, document)
    ]
    taken = {(edit.path, number) for edit in fix.edits for number in range(edit.span.line + 1, edit.span.end_line + 1)}
    taken |= {(edit.path, edit.span.line) for edit in fix.edits if edit.span.column == 1}
    moved = [one for one in moved if (one.path, one.span.line) not in taken]
    return replace(fix, edits=(*fix.edits, *moved)) if moved else fix


def _moved(line: int, edits: Sequence[Edit], document: Document) -> Iterator[Edit]:
    """The edits of the lines that continue the outermost call on a line which is written so."""
    for call in document.calls_on(line):
        opening = _opening(call, line, document)
        below = range(line + 1, (call.end_lineno or line) + 1)
        if not opening or not below or not _stands_below(document.line(line + 1), opening) or _holds_text(call):
            continue
        columns = _shift(opening, edits)
        for number in below if columns else ():
            text = document.line(number)
            if text.strip() and not text[:opening].strip(" "):
                insert = document.insert((number, 1), " " * columns)
                yield insert if columns > 0 else document.replace(Span(number, 1, number, 1 - columns), "")
        return


def _opening(call: ast.Call, line: int, document: Document) -> int:
    """The characters up to the first argument, where that stands on the line on which the callee ends; else 0."""
    end = document.span(call.func).end
    given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if end[0] != line or not given:
        return 0
    first = document.span(given[0])
    return first.column - 1 if first.line == line else 0


def _stands_below(text: str, opening: int) -> bool:
    return not text[:opening].strip(" ") and text[opening : opening + 1].strip() != ""


def _holds_text(call: ast.Call) -> bool:
    """Whether a text over several lines stands in a call, so that what lines begin with is part of it."""
    texts = (node for node in walk(call) if isinstance(node, (ast.Constant, ast.JoinedStr)))
    return any(node.lineno != node.end_lineno for node in texts)


def _shift(opening: int, edits: Sequence[Edit]) -> int:
    """How far edits of one line move what stands behind so many characters; what takes the bracket's place brings one of its own."""
    columns = 0
    for edit in edits:
        start, end = edit.span.column - 1, edit.span.end_column - 1
        if start < opening and end <= opening:
            around = len(edit.replacement) - len(edit.replacement.lstrip("("))
            bracket = edit.replacement.find("(", around) + 1 if end == opening else 0
            columns += (bracket or len(edit.replacement)) - (end - start)
    return columns
