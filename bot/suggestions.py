"""What of a fix GitHub can commit with one click.

Pure. A suggestion holds all of its fix, or there is none: half a fix is never posted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from bot.diff import Change, hull, unified
from bot.models import Hunk, Suggestion
from rules import Applicability, Edit, Fix, Way, apply_edits, decode_source

MAX_SUGGESTION_LINES = 40
MAX_SUGGESTION_SIZE = 20_000  # bytes; a comment holds 65,536 characters, and other ways are shown below the suggestion

# Each is made of edits of its own, so that several of them can be made at once in one function.
ADDITIVE = frozenset({Way.TWIN, Way.OFFLOAD, Way.REPAIR})
# Lines that hold one of these might not come back from GitHub as they were sent.
UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ufeff\ud800-\udfff]")

T = TypeVar("T")

Diff = Mapping[str, tuple[Hunk, ...]]


def suggest(fix: Fix, sources: Mapping[str, bytes], diff: Diff) -> Suggestion | str:
    """The fix as one suggestion, or the clause that says why it can be none.

    The suggestion holds all of the fix: these lines, replaced, are what applying its edits makes of the file.
    """
    path, *others = sorted({edit.path for edit in fix.edits}) or [""]
    if others:
        return f"it changes {1 + len(others)} files"
    if path not in diff or path not in sources:
        return "it changes a file that this pull request does not"
    source = sources[path]
    try:
        before, after = source.decode(), apply_edits(source, fix.edits).decode()
    except (ValueError, SyntaxError):
        return "the file is not UTF-8"
    if "\r" in before or before.startswith("\ufeff"):
        return "the file has a byte-order mark or carriage returns"
    return _carried(hull(before, after, fix.edits), before.split("\n"), diff[path])


def shown_as_diff(fix: Fix, sources: Mapping[str, bytes]) -> str:
    """The fix as a unified diff of all files that it changes; "" where a text is not at hand."""
    diffs = []
    for path in sorted({edit.path for edit in fix.edits}):
        edits = [edit for edit in fix.edits if edit.path == path]
        try:
            before, after = decode_source(sources[path]), decode_source(apply_edits(sources[path], edits))
        except (KeyError, ValueError, SyntaxError):
            return ""
        diffs.append(unified(path, before, after, edits))
    return "".join(diffs)


def combined(fixes: Sequence[Fix]) -> Fix | None:
    """Fixes that can be made at once, as one; None where that is not certain.

    Each was proved by itself. Together they are sure to hold where they are equal, or where each only replaces text on
    lines that no other one touches: two that each take a name out of the same import would leave an empty one.
    """
    first = fixes[0]
    if any(set(fix.edits) != set(first.edits) for fix in fixes) and not _apart(fixes):
        return None
    safe = all(fix.applicability is Applicability.SAFE for fix in fixes)
    return Fix(
        title="; ".join(_unique(fix.title for fix in fixes)),
        way=first.way,
        edits=_unique(chain.from_iterable(fix.edits for fix in fixes)),
        applicability=Applicability.SAFE if safe else Applicability.UNSAFE,
        notes=_unique(chain.from_iterable(fix.notes for fix in fixes)),
        requires=_unique(chain.from_iterable(fix.requires for fix in fixes)),
    )


def _carried(change: Change, lines: Sequence[str], shown: tuple[Hunk, ...]) -> Suggestion | str:
    if change.before == change.after:
        return "it changes nothing"
    candidates = list(_widened(change, lines))
    fitting = next((one for one in candidates if _hunk_with(one.lines, shown)), None)
    if fitting is None:
        return "it also changes lines that the diff does not show together"
    replacement = "".join(fitting.after)
    if (
        max(len(fitting.before), len(fitting.after)) > MAX_SUGGESTION_LINES
        or len(replacement.encode()) > MAX_SUGGESTION_SIZE
    ):
        return f"it spans more than {MAX_SUGGESTION_LINES} lines"
    if not (fitting.before[-1].endswith("\n") and replacement.endswith("\n")):
        return "it reaches the last line of the file, which has no line end"
    if UNSENDABLE.search(replacement):
        return "its lines hold control characters"
    return Suggestion(fitting.lines, replacement)


def _widened(change: Change, lines: Sequence[str]) -> Iterator[Change]:
    """The change with kept lines above or below it, where it would have no line to stand on or leave only blank ones."""
    for above in (True, False):
        grown: Change | None = change
        while grown and not (grown.before and "".join(grown.after).strip()):
            grown = _with_neighbour(grown, lines, above=above)
        if grown:
            yield grown


def _with_neighbour(change: Change, lines: Sequence[str], *, above: bool) -> Change | None:
    if above and change.start > 1:
        kept = (lines[change.start - 2] + "\n",)
        return Change(change.start - 1, kept + change.before, kept + change.after)
    if not above and change.lines.stop < len(lines):
        kept = (lines[change.lines.stop - 1] + "\n",)
        return Change(change.start, change.before + kept, change.after + kept)
    return None


def _hunk_with(lines: range, shown: Iterable[Hunk]) -> Hunk | None:
    return next((hunk for hunk in shown if hunk.lines.start <= lines.start and lines.stop <= hunk.lines.stop), None)


def _apart(fixes: Sequence[Fix]) -> bool:
    """Whether each fix stands on lines of its own, but for edits that all of them make."""
    shared = set(fixes[0].edits).intersection(*(fix.edits for fix in fixes[1:]))
    own = {frozenset(fix.edits) - shared for fix in fixes}
    stretches = [set(_touched(edits)) for edits in (shared, *own)]
    return (
        len({fix.way for fix in fixes}) == 1
        and fixes[0].way in ADDITIVE
        and all(edit.replacement for edits in own for edit in edits)
        and sum(map(len, stretches)) == len(set().union(*stretches))
    )


def _touched(edits: Iterable[Edit]) -> Iterator[tuple[str, int]]:
    for edit in edits:
        yield from ((edit.path, line) for line in range(edit.span.line, edit.span.end_line + 1))


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
