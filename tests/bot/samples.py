"""Findings, fixes and pull requests for tests, made from texts."""

import difflib
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from bot.models import ChangedFile, PullRef, PullRequest, Suggestion
from rules import Applicability, Edit, Finding, Fix, Severity, Span, Step, Way

HEAD = "c0ffee"
BLOB = f"https://github.com/octo/shop/blob/{HEAD}"
"""Where files of the head are shown."""


def pull_request(**changes: Any) -> PullRequest:
    known: dict[str, Any] = {
        "ref": PullRef(installation=1, repository_id=2, repository="octo/shop", number=7),
        "head": HEAD,
        "base": "ba5e",
        "base_ref": "main",
        "head_repository": "octo/shop",
        "author": "ada",
        "page": "https://github.com/octo/shop/pull/7",
    }
    return PullRequest(**(known | changes))


def git_patch(before: str, after: str) -> str:
    """The hunks of a unified diff of two texts, as GitHub would send them (by another hand than ours)."""
    rows = list(difflib.unified_diff(lines_of(before), lines_of(after), n=3))[2:]
    return "".join(
        row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows
    ).removesuffix("\n")


def commit(text: str, suggestion: Suggestion) -> str:
    """The file after somebody pressed `Commit suggestion`."""
    lines = text.split("\n")
    chosen = suggestion.lines
    return "\n".join([*lines[: chosen.start - 1], suggestion.replacement[:-1], *lines[chosen.stop - 1 :]])


def lines_of(text: str) -> list[str]:
    """The lines with their ends; the last one may have none."""
    *lines, last = text.split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def changed(path: str, before: str, after: str) -> ChangedFile:
    return ChangedFile(path, "modified" if before else "added", patch=git_patch(before, after))


def position(text: str, offset: int) -> tuple[int, int]:
    """The line and column of a character."""
    before = text[:offset].split("\n")
    return len(before), len(before[-1]) + 1


def span_of(text: str, part: str, nth: int = 0) -> Span:
    """Where the part stands in the text, for the nth time (from 0)."""
    offset = -1
    for _ in range(nth + 1):
        offset = text.index(part, offset + 1)
    return Span(*position(text, offset), *position(text, offset + len(part)))


def edit(path: str, text: str, part: str, replacement: str, nth: int = 0) -> Edit:
    return Edit(path, span_of(text, part, nth), replacement)


def fix(*edits: Edit, way: Way = Way.TWIN, title: str = "Await it", **more: Any) -> Fix:
    return Fix(title, way, edits, **more)


def unsafe(one: Fix, *notes: str) -> Fix:
    return Fix(one.title, one.way, one.edits, Applicability.UNSAFE, notes, one.requires)


def finding(path: str, text: str, part: str, nth: int = 0, **more: Any) -> Finding:
    """A finding of `blocking/sleep` on the part of the text that stands there for the nth time."""
    span = span_of(text, part, nth)
    known: dict[str, Any] = {
        "rule": "blocking/sleep",
        "severity": Severity.ERROR,
        "path": path,
        "span": span,
        "message": f"`{part}` blocks the event loop.",
        "fingerprint": sha256(repr((path, span, more.get("rule"))).encode()).hexdigest()[:16],
        "function": "read",
    }
    return Finding(**(known | more))


def sources(**texts: str) -> Mapping[str, bytes]:
    return {f"{name}.py": text.encode() for name, text in texts.items()}


def steps(*points: tuple[str, int, str]) -> tuple[Step, ...]:
    return tuple(Step(*point) for point in points)
