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
    `page` the address of the pull request for a browser (GitHub's `html_url`; empty: as on github.com). `head_ref` is the
    branch that its commits come from, `head_default` the default branch of that repository, `head_id` that repository's id.
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
    head_ref: str = ""
    head_default: str = ""
    head_id: int | None = None
    locked: bool = False

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
class Thread:
    """A thread that a comment of ours began, as it stands now. `id` and `comment` are GitHub's node ids, `number` is the
    comment's id in the REST API.

    `fingerprints` and `kin` are the findings that it speaks of, on `head`; `suggestion` what it offers to commit (None: nothing).
    `closed` tells who resolved it, if anybody did; `hidden` whether it was minimised. A thread is `outdated` where its lines are
    not in the diff any more, `kept` where people want it open: they answered with more than commands and had the last word,
    or opened it again after it was closed.
    `may_close` and `may_reopen` tell what our App is allowed to do; `dislikes` are the people who gave a thumbs-down.
    """

    id: str
    comment: str
    number: int
    path: str
    head: str
    fingerprints: tuple[str, ...]
    kin: tuple[str, ...] = ()
    suggestion: str | None = None
    closed: Literal["", "us", "people"] = ""
    hidden: bool = False
    outdated: bool = False
    kept: bool = False
    may_close: bool = False
    may_reopen: bool = False
    dislikes: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        return not self.closed and not self.hidden


@dataclass(frozen=True, slots=True)
class Mute:
    """What people do not want to hear of in a pull request.

    `name` is a fingerprint, a rule, a pack, or `PAUSED` for all that is not asked for. A finding keeps its mute when its file (at
    `path`) gets another name: then its `kin` counts.
    """

    name: str
    kin: str = ""
    path: str = ""


PAUSED = "*"
WANTED = "+"
"""What the name of a mute begins with that says the opposite: somebody wants to hear of the finding, whoever dislikes it."""
MUTED = "muted here"
"""Why a finding is silent that people do not want to hear of."""


@dataclass(frozen=True, slots=True)
class History:
    """What our own App said in this pull request before, as its markers tell.

    `reviewed` holds the heads that have a review, `answered` the comments that asked for one and got it; `check_run` is the id of
    our check run on the present head. `muted` are findings (by fingerprint) that are not to be spoken of.
    """

    said: tuple[Said, ...] = ()
    reviewed: frozenset[str] = frozenset()
    check_run: int | None = None
    check_completed: bool = False
    answered: frozenset[str] = frozenset()
    threads: tuple[Thread, ...] = ()
    muted: frozenset[str] = frozenset()


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
class ThreadChange:
    """A thread that is to be resolved (or minimised, for this reason), or to be opened again."""

    thread: Thread
    to: Literal["RESOLVED", "OUTDATED", "open"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be said on one head: comments in the order in which they are posted, and where every finding went.

    `placements` holds every finding of the analysis once, in its order. `problems` are sentences about the repository's
    configuration. By fingerprint: `ids` are the short names by which people call findings, `offers` the ways to fix
    those that are spoken of, the best first. `conclusion` is that of the check run. `changes` is what becomes of the threads
    that are there. `lacking` are the permissions to write that the App does not have here ("checks").
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
    changes: tuple[ThreadChange, ...] = ()


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
    empty, only they are posted. `asked` names the comment that asked for it, if one did.
    """

    head: str
    body: str
    comments: tuple[PostedComment, ...] = ()
    file_comments: tuple[PostedFileComment, ...] = ()
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a check run: https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-checks."""

    label: str
    identifier: str
    description: str


@dataclass(frozen=True, slots=True)
class CheckRun:
    """The check run that tells the rest. `annotations` are already in GitHub's shape."""

    conclusion: Conclusion
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Mapping[str, object], ...] = ()
    buttons: tuple[Button, ...] = ()


COMMAND_TRAILER = "Asyncify-Command: "
"""How a commit names the command that asked for it."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a commit says. `command` names who asked for it; `trailers` are whole lines."""

    headline: str
    body: str
    command: str
    trailers: tuple[str, ...] = ()

    @property
    def rest(self) -> str:
        """All that stands below the headline."""
        return f"{self.body}\n\n" + "\n".join((f"{COMMAND_TRAILER}{self.command}", *self.trailers))
