"""What two commits of a local clone differ in, as GitHub tells it of a pull request."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bot.checkout import CheckoutError, fields, git, merge_base, resolve
from bot.models import ChangedFile

# Only what makes a patch look as GitHub shows it; the user's own settings are overruled.
DIFF = (
    "diff",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--ignore-submodules",
    "--find-renames",
    "--diff-algorithm=myers",
)
PATCH = ("--patch", "--unified=3", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/")
STATUSES = {"A": "added", "C": "copied", "D": "removed", "M": "modified", "R": "renamed", "T": "changed"}


@dataclass(frozen=True, slots=True)
class Range:
    """Two commits whose difference is a pull request: `base` is the merge base."""

    base: str
    head: str


def parse_range(repository: Path, text: str) -> Range:
    """Read `BASE..HEAD` or `BASE...HEAD`; both mean what HEAD adds since it left BASE. An empty side is `HEAD`."""
    match = re.fullmatch(r"(.*?)\.{2,3}(.*)", text)
    if match is None:
        raise CheckoutError(f"`{text}` is no range of commits: write BASE..HEAD.")
    head = resolve(repository, match[2] or "HEAD")
    return Range(merge_base(repository, match[1] or "HEAD", head), head)


def changed_files(repository: Path, commits: Range) -> tuple[ChangedFile, ...]:
    """What `commits` change, in the shape in which GitHub lists the files of a pull request.

    https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
    """
    raw = fields(git(repository, *DIFF, "--raw", "-z", "--no-abbrev", commits.base, commits.head))
    sections = _sections(git(repository, *DIFF, *PATCH, commits.base, commits.head))
    return tuple(_changed_files(raw, sections))


def _changed_files(raw: Iterator[str], sections: Iterator[bytes]) -> Iterator[ChangedFile]:
    for about in raw:
        _, _, old, new, score = about.split()
        letter = score[0]
        previous = next(raw)
        path = next(raw) if letter in "RC" else previous
        patch = _patch(next(sections))
        if letter == "T":  # Git writes a file that changed its type as one removed and one added
            next(sections)
        yield ChangedFile(
            path=path,
            status=STATUSES[letter],
            sha=old if letter == "D" else new,
            previous_path=previous if letter in "RC" else None,
            patch=None if letter == "T" else patch,
        )


def _sections(diff: bytes) -> Iterator[bytes]:
    starts = [match.start() for match in re.finditer(rb"^diff --git ", diff, re.MULTILINE)]
    for start, end in zip(starts, chain(starts[1:], [len(diff)]), strict=True):
        yield diff[start:end]


def _patch(section: bytes) -> str | None:
    hunk = re.search(rb"^@@ ", section, re.MULTILINE)
    return None if hunk is None else section[hunk.start() :].decode(errors="replace").removesuffix("\n")
