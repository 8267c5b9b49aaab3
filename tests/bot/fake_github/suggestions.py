"""'Commit suggestion', as a person presses it on a comment.

https://docs.github.com/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/incorporating-feedback-in-your-pull-request
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .diffs import split_lines
from .errors import SuggestionRefused
from .pulls import PullRequest, ReviewComment

_FENCE = re.compile(r"(?P<indent> {0,3})(?P<fence>`{3,}|~{3,})(?P<info>.*)")


@dataclass(frozen=True, slots=True)
class _Change:
    path: str
    lines: range
    replacement: tuple[str, ...]


def suggestions(body: str) -> list[tuple[str, ...]]:
    """The lines of each suggestion block of a comment, in order.

    A block ends at a fence of the same character that is at least as long (https://spec.commonmark.org/0.31.2/#fenced-code-blocks);
    blocks inside other fences and inside HTML comments are none.
    """
    found: list[tuple[str, ...]] = []
    lines = body.replace("\r\n", "\n").split("\n")
    index = 0
    while index < len(lines):
        if lines[index].lstrip().startswith("<!--"):
            index = next((n for n in range(index, len(lines)) if "-->" in lines[n]), len(lines)) + 1
            continue
        opening = _FENCE.fullmatch(lines[index])
        if opening is None or (opening["fence"][0] == "`" and "`" in opening["info"]):
            index += 1
            continue
        end = next((n for n in range(index + 1, len(lines)) if _closes(lines[n], opening["fence"])), len(lines))
        if opening["info"].strip() == "suggestion":
            found.append(tuple(_unindent(line, len(opening["indent"])) for line in lines[index + 1 : end]))
        index = end + 1
    return found


def _closes(line: str, fence: str) -> bool:
    text = line.strip(" \t")
    return len(line) - len(line.lstrip(" ")) <= 3 and len(text) >= len(fence) and set(text) == {fence[0]}


def _unindent(line: str, indent: int) -> str:
    return line[min(indent, len(line) - len(line.lstrip(" "))) :]


def commit(comments: Sequence[ReviewComment], by: str | None = None) -> str:
    """Commits the first suggestion of each comment to the head branch, all in one commit; returns its SHA.

    Raises:
        SuggestionRefused: With the sentence that GitHub shows; then nothing was committed.
    """
    pull = comments[0].pull
    pull.refuse_if_closed()
    changes = [_change(comment) for comment in comments]
    _refuse_overlaps(changes)
    who = by or pull.author.login
    texts = _apply(pull, changes)
    message = f"Update {changes[0].path}" if len(changes) == 1 else "Apply suggestions from code review"
    authors = dict.fromkeys(comment.author.signature for comment in comments)
    message += "\n\n" + "\n".join(f"Co-authored-by: {author}" for author in authors)
    sha = pull.head_repository.commit(texts, branch=pull.head_ref, message=message, author=who)
    for comment in comments:
        comment.thread.resolve(who)
    return sha


def _change(comment: ReviewComment) -> _Change:
    blocks = suggestions(comment.body)
    if not blocks:
        raise SuggestionRefused("The comment holds no suggestion.")
    if comment.review.state == "PENDING":
        raise SuggestionRefused("Suggestions cannot be applied from pending reviews.")
    if comment.thread.resolved:
        raise SuggestionRefused("This suggestion has been applied or marked resolved.")
    if comment.side == "LEFT" or comment.subject == "file":
        raise SuggestionRefused("Applying suggestions on deleted lines is not supported.")
    lines = comment.lines
    if lines is None:
        raise SuggestionRefused("Outdated suggestions cannot be applied.")
    change = _Change(comment.path, lines, blocks[0])
    _refuse_no_change(comment.pull, change)
    return change


def _refuse_no_change(pull: PullRequest, change: _Change) -> None:
    content = pull.head_repository.read(change.path, pull.head)
    if _replaced(content, [change]) == content:
        raise SuggestionRefused("This suggestion is invalid because no changes were made to the code.")


def _refuse_overlaps(changes: Sequence[_Change]) -> None:
    taken: set[tuple[str, int]] = set()
    for change in changes:
        lines = {(change.path, line) for line in change.lines}
        if taken & lines:
            raise SuggestionRefused("Only one suggestion per line can be applied in a batch.")
        taken |= lines


def _apply(pull: PullRequest, changes: Sequence[_Change]) -> Mapping[str, bytes]:
    paths = dict.fromkeys(change.path for change in changes)
    return {
        path: _replaced(
            pull.head_repository.read(path, pull.head), [change for change in changes if change.path == path]
        )
        for path in paths
    }


def _replaced(content: bytes, changes: Sequence[_Change]) -> bytes:
    r"""The file with the lines replaced, from the bottom up.

    A suggestion is text with ``\\n`` line ends, since that is all that a comment holds: lines of a file with ``\\r\\n`` lose
    their ``\\r``. A last line that has no line end keeps none. What GitHub does in both cases is documented nowhere.
    """
    lines = split_lines(content)
    for change in sorted(changes, key=lambda change: -change.lines.start):
        start, end = change.lines.start - 1, change.lines.stop - 1
        whole = lines[start:end][-1].endswith(b"\n")
        new = [line.encode() + b"\n" for line in change.replacement]
        if new and not whole:
            new[-1] = new[-1].removesuffix(b"\n")
        lines[start:end] = new
    return b"".join(lines)
