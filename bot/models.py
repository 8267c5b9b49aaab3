"""The words of a review, as data: what was proposed, what was found, what is said about it.

Pure. Lines start at 1 and end at a line feed alone, as GitHub counts them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from rules import Finding, Fix

Conclusion = Literal["success", "neutral", "failure", "skipped"]


@dataclass(frozen=True, slots=True)
class PullRef:
    """Which pull request: enough to ask GitHub about it. `repository` is `owner/name`."""

    installation: int
    repository_id: int
    repository: str
    number: int


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as GitHub described it when it was fetched.

    `head` and `base` are commit SHAs, `base_ref` is the name of the branch it would be merged into,
    `head_repository` is `owner/name` of the repository that its commits come from (None where that was deleted),
    `page` the address of the pull request for a browser (GitHub's `html_url`; empty: as on github.com).
    """

    ref: PullRef
    head: str
    base: str
    base_ref: str
    head_repository: str | None
    author: str
    open: bool = True
    draft: bool = False
    by_bot: bool = False
    page: str = ""

    @property
    def from_fork(self) -> bool:
        return self.head_repository != self.ref.repository

    @property
    def repository_page(self) -> str:
        """The address of the repository that the pull request is in, for a browser, without a final slash."""
        return self.page.rpartition("/pull/")[0] or f"https://github.com/{self.ref.repository}"


@dataclass(frozen=True, slots=True)
class Hunk:
    """The lines of the new file that one hunk of a diff shows (context included), and those that it adds."""

    lines: range
    added: frozenset[int]


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that the pull request changes. `patch` is None where GitHub left it out (too large, or no text)."""

    path: str
    status: str
    sha: str | None = None
    previous_path: str | None = None
    patch: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A finding that a comment of our own in the pull request speaks of.

    `comment` is the comment's id where it is known: several findings may share one. `whole_file` is true for a comment
    on a file rather than on lines.
    """

    fingerprint: str
    head: str
    comment: int | None = None
    whole_file: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What our own App said in this pull request before, as its markers tell.

    `reviewed` holds the heads that have a review, `check_run` is the id of our check run on the present head.
    """

    said: tuple[Said, ...] = ()
    reviewed: frozenset[str] = frozenset()
    check_run: int | None = None
    check_completed: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A fix as GitHub can commit it: `replacement` (whole lines, each with its line end) for `lines`."""

    lines: range
    replacement: str


class Place(Enum):
    """Where a finding is said; a silent one is only counted in the check run."""

    SUGGESTION = "suggestion"
    COMMENT = "comment"
    FILE = "file comment"
    ANNOTATION = "annotation"
    SUMMARY = "summary"
    EARLIER = "earlier comment"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to fix a finding: `diff` is its unified diff ("" where a text was not at hand).

    `obstacle` says in one clause why it is no suggestion ("it changes 2 files"), and is empty where it is one.
    """

    fix: Fix
    diff: str
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """What will be said at one place of the diff. `lines` is None for a comment on the whole file.

    The first of `findings` leads. `suggestion`, where there is one, is for exactly these lines, and is what `fix` does.
    """

    path: str
    lines: range | None
    findings: tuple[Finding, ...]
    suggestion: Suggestion | None = None
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """A finding and the place where it is said."""

    finding: Finding
    place: Place
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be said on one head: comments in the order in which they are posted, and where every finding went.

    `placements` holds every finding of the analysis once, in its order. `problems` are sentences about the repository's
    configuration. By fingerprint: `ids` are the short names by which people call findings, `offers` the ways to fix
    those that are spoken of, the best first. `conclusion` is that of the check run.
    `lacking` are the permissions to write that the App does not have here ("checks").
    """

    head: str
    comments: tuple[Comment, ...] = ()
    file_comments: tuple[Comment, ...] = ()
    annotations: tuple[Finding, ...] = ()
    placements: tuple[Placement, ...] = ()
    problems: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)
    conclusion: Conclusion = "success"
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PostedComment:
    """One comment of a review, as GitHub wants it. `start` is the first line, None where a single line is meant."""

    path: str
    line: int
    body: str
    start: int | None = None


@dataclass(frozen=True, slots=True)
class PostedFileComment:
    """A comment on a whole file, as GitHub wants it."""

    path: str
    body: str


@dataclass(frozen=True, slots=True)
class Review:
    """One review, in Markdown, on one commit.

    GitHub takes no comment on a whole file inside a review: `file_comments` are posted one by one. Where `comments` is
    empty, only they are posted.
    """

    head: str
    body: str
    comments: tuple[PostedComment, ...] = ()
    file_comments: tuple[PostedFileComment, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRun:
    """The check run that tells the rest. `annotations` are already in GitHub's shape."""

    conclusion: Conclusion
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Mapping[str, object], ...] = ()
