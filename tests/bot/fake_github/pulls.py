"""Pull requests, and what is said in them: reviews, comments, threads, reactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from .accounts import Account
from .diffs import FileDiff, carry_line, compare_trees
from .errors import SuggestionRefused

if TYPE_CHECKING:
    from .checks import CheckRun
    from .github import FakeGitHub
    from .repositories import Changes, Repository

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
MAX_BODY = 65_536


@dataclass(frozen=True, slots=True)
class Reaction:
    id: int
    author: Account
    content: str
    created_at: datetime

    @property
    def node_id(self) -> str:
        return f"REA_{self.id}"


@dataclass(eq=False, slots=True, kw_only=True)
class Said:
    """What reviews and all comments share. `minimized` is the classifier under which it was hidden."""

    pull: PullRequest
    id: int
    author: Account
    body: str
    created_at: datetime
    by_app: bool = False
    minimized: str | None = None
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False, slots=True, kw_only=True)
class IssueComment(Said):
    """A comment in the conversation of a pull request."""

    @property
    def node_id(self) -> str:
        return f"IC_{self.id}"


@dataclass(eq=False, slots=True, kw_only=True)
class Review(Said):
    """A review with its comments. `state` is that of the REST API (``COMMENTED``, ``PENDING`` …)."""

    state: str
    commit_id: str
    comments: list[ReviewComment] = field(default_factory=list)

    @property
    def node_id(self) -> str:
        return f"PRR_{self.id}"


@dataclass(eq=False, slots=True, kw_only=True)
class ReviewComment(Said):
    """A comment on lines of the diff, or on a file as a whole (`subject` ``file``), or an answer in such a thread."""

    review: Review
    thread: Thread
    path: str
    line: int | None
    start_line: int | None = None
    side: str = "RIGHT"
    start_side: str | None = None
    subject: str = "line"
    diff_hunk: str = ""

    @property
    def node_id(self) -> str:
        return f"PRRC_{self.id}"

    @property
    def original_commit(self) -> str:
        return self.thread.commit

    @property
    def in_reply_to(self) -> ReviewComment | None:
        first = self.thread.comments[0]
        return None if first is self else first

    @property
    def outdated(self) -> bool:
        return self.thread.outdated

    @property
    def lines(self) -> range | None:
        """The lines that it stands on at the present head; None where it is outdated or about the whole file."""
        return self.thread.lines

    def reply(self, body: str, author: str = "ann") -> ReviewComment:
        """`author` answers in the thread."""
        return self.thread.answer(body, self.pull.github.account(author))

    def react(self, content: str, author: str = "ann") -> Reaction:
        return self.pull.react(self, content, self.pull.github.account(author))


@dataclass(eq=False, slots=True)
class Thread:
    """The comments on one place. It keeps the commit and lines that it was made for."""

    pull: PullRequest
    id: int
    commit: str
    comments: list[ReviewComment] = field(default_factory=list)
    resolved_by: Account | None = None

    @property
    def node_id(self) -> str:
        return f"PRRT_{self.id}"

    @property
    def first(self) -> ReviewComment:
        return self.comments[0]

    @property
    def resolved(self) -> bool:
        return self.resolved_by is not None

    def resolve(self, by: str = "ann") -> None:
        self.resolved_by = self.pull.github.account(by)

    @property
    def lines(self) -> range | None:
        """Where it stands at the present head: its lines are all there still, unchanged, and the diff shows them."""
        comment = self.first
        if comment.subject == "file" or comment.line is None:
            return None
        start = comment.start_line or comment.line
        carried = [self.pull.carry(self.commit, comment.path, comment.side, n) for n in range(start, comment.line + 1)]
        diff = self.pull.diff_of(comment.path)
        if diff is None or None in carried:
            return None
        found = [line for line in carried if line is not None]
        together = found == list(range(found[0], found[0] + len(found)))
        shown = all(diff.hunk_at(line, comment.side) for line in found)
        return range(found[0], found[-1] + 1) if together and shown else None

    @property
    def outdated(self) -> bool:
        if self.first.subject == "file":
            return self.pull.diff_of(self.first.path) is None
        return self.lines is None

    def answer(self, body: str, author: Account, *, by_app: bool = False) -> ReviewComment:
        """Adds an answer; GitHub wraps it in a review of its own."""
        first = self.first
        review = self.pull.add_review("", "COMMENTED", author, self.pull.head, by_app=by_app)
        comment = ReviewComment(
            pull=self.pull,
            id=self.pull.github.next_id(),
            author=author,
            body=body,
            created_at=self.pull.github.now(),
            by_app=by_app,
            review=review,
            thread=self,
            path=first.path,
            line=first.line,
            start_line=first.start_line,
            side=first.side,
            start_side=first.start_side,
            subject=first.subject,
            diff_hunk=first.diff_hunk,
        )
        review.comments.append(comment)
        self.comments.append(comment)
        self.pull.github.nodes[comment.node_id] = comment
        return comment


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a comment is wanted. `start_line` is None where a single line is meant, `line` where the whole file is."""

    path: str
    line: int | None
    start_line: int | None = None
    side: str = "RIGHT"
    start_side: str | None = None
    subject: str = "line"


@dataclass(eq=False, slots=True, kw_only=True)
class PullRequest:
    """One pull request. `base` is the tip of the base branch as of the last push, as GitHub keeps it."""

    repository: Repository
    id: int
    number: int
    title: str
    body: str | None
    author: Account
    base_ref: str
    base: str
    head_repository: Repository
    head_ref: str
    head: str
    created_at: datetime
    draft: bool = False
    state: str = "open"
    merged: bool = False
    locked: bool = False
    queued: bool = False
    maintainer_can_modify: bool = True
    reviews: list[Review] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    issue_comments: list[IssueComment] = field(default_factory=list)
    without_patch: set[str] = field(default_factory=set)
    """Paths whose patch the API leaves out, as for a diff that is too large."""
    earlier_heads: list[str] = field(default_factory=list)
    _diffs: dict[tuple[str, str], dict[str, FileDiff]] = field(default_factory=dict)
    _carried: dict[tuple[str, str, str, int], int | None] = field(default_factory=dict)

    @property
    def github(self) -> FakeGitHub:
        return self.repository.github

    @property
    def node_id(self) -> str:
        return f"PR_{self.id}"

    @property
    def from_fork(self) -> bool:
        return self.head_repository is not self.repository

    @property
    def merge_base(self) -> str:
        return self.repository.objects.merge_base(self.base, self.head) or self.base

    @property
    def comments(self) -> list[ReviewComment]:
        """The comments of submitted reviews, oldest first."""
        submitted = [review for review in self.reviews if review.state != "PENDING"]
        return sorted((each for review in submitted for each in review.comments), key=lambda each: each.id)

    @property
    def check_runs(self) -> list[CheckRun]:
        """The check runs on the present head."""
        return self.repository.check_runs_at(self.head)

    # What people do

    def push(self, changes: Changes, *, message: str = "Change more", author: str | None = None) -> str:
        """Commits to the head branch."""
        return self.head_repository.commit(
            changes, branch=self.head_ref, message=message, author=author or self.author.login
        )

    def force_push(self, changes: Changes, *, message: str = "Change it again") -> str:
        """Replaces the branch by one commit on top of the base branch."""
        base = self.repository.branches[self.base_ref]
        sha = self.repository.write(changes, parent=base, message=message, author=self.author)
        self.head_repository.move_branch(self.head_ref, sha)
        return sha

    def retarget(self, base_ref: str) -> None:
        self.base_ref = base_ref
        self.base = self.repository.branches[base_ref]

    def close(self) -> None:
        self.state = "closed"

    def reopen(self) -> None:
        self.state = "open"
        self.follow(self.head_repository, self.head_ref)

    def merge(self) -> None:
        """Merges by a merge commit and closes."""
        files = self.repository.objects.commits[self.head].tree
        sha = self.repository.objects.add_commit(
            files,
            [self.repository.branches[self.base_ref], self.head],
            f"Merge pull request #{self.number}",
            self.author.signature,
            self.github.tick(),
        )
        self.state, self.merged = "closed", True
        self.repository.move_branch(self.base_ref, sha)

    def comment(self, body: str, author: str = "ann", *, by_app: bool = False) -> IssueComment:
        """`author` writes in the conversation."""
        comment = IssueComment(
            pull=self,
            id=self.github.next_id(),
            author=self.github.account(author),
            body=body,
            created_at=self.github.now(),
            by_app=by_app,
        )
        self.issue_comments.append(comment)
        self.github.nodes[comment.node_id] = comment
        return comment

    def react(self, said: Said, content: str, author: Account) -> Reaction:
        """The reaction; the one that is there already where `author` reacted in that way before."""
        for reaction in said.reactions:
            if reaction.author == author and reaction.content == content:
                return reaction
        said.reactions.append(Reaction(self.github.next_id(), author, content, self.github.now()))
        return said.reactions[-1]

    def follow(self, repository: Repository, branch: str) -> None:
        """Takes over a push to the head branch."""
        if self.state != "open" or repository is not self.head_repository or branch != self.head_ref:
            return
        if self.head != repository.branches[branch]:
            self.earlier_heads.append(self.head)
            self.head = repository.branches[branch]
            self.base = self.repository.branches[self.base_ref]

    # What it changes

    def diff(self, commit: str | None = None) -> dict[str, FileDiff]:
        """The three-dot diff at `commit` (the head if none), by new path in git's order."""
        commit = commit or self.head
        base = self.repository.objects.merge_base(self.base, commit)
        key = (base or "", commit)
        if key not in self._diffs:
            commits = self.repository.objects.commits
            old = commits[base].tree if base else None
            found = compare_trees(self.repository.objects, old, commits[commit].tree)
            self._diffs[key] = {diff.path: diff for diff in found}
        return self._diffs[key]

    def diff_of(self, path: str) -> FileDiff | None:
        return self.diff().get(path)

    @property
    def files(self) -> list[FileDiff]:
        return list(self.diff().values())

    @property
    def commits(self) -> list[str]:
        return self.repository.objects.commits_between(self.base, self.head)

    def knows(self, commit: str) -> bool:
        """Whether `commit` is, or was before a push, a commit of this pull request."""
        return commit in self.commits or commit in self.earlier_heads or commit == self.head

    def carry(self, commit: str, path: str, side: str, line: int) -> int | None:
        """Where a line of the diff at `commit` stands in the diff at the head."""
        if commit == self.head or side == "LEFT":
            return line
        key = (commit, self.head, path, line)
        if key not in self._carried:
            old, new = self.repository.files(commit).get(path), self.repository.files(self.head).get(path)
            self._carried[key] = None if old is None or new is None else carry_line(old, new, line)
        return self._carried[key]

    def anchor_problems(self, anchor: Anchor, commit: str) -> list[str]:
        """Why GitHub refuses a comment there, in its own words; empty where it is legal."""
        diff = self.diff(commit).get(anchor.path)
        if diff is None:
            return ["Path could not be resolved"]
        if anchor.subject == "file":
            return []
        thread = "Pull request review thread"
        if anchor.line is None:
            return [f"{thread} line must be part of the diff", f"{thread} diff hunk can't be blank"]
        hunk = (
            None if diff.patch is None or anchor.path in self.without_patch else diff.hunk_at(anchor.line, anchor.side)
        )
        problems = [] if hunk else [f"{thread} line must be part of the diff"]
        if anchor.start_line is not None:
            start_side = anchor.start_side or anchor.side
            same = hunk is not None and diff.hunk_at(anchor.start_line, start_side) is hunk
            problems += [] if same else [f"{thread} start line must be part of the same hunk as the line."]
            if start_side == anchor.side and anchor.start_line >= anchor.line:
                problems.append(f"{thread} start line must precede the end line.")
        return problems if hunk else [*problems, f"{thread} diff hunk can't be blank"]

    # What is said in it

    def add_review(self, body: str, state: str, author: Account, commit: str, *, by_app: bool = False) -> Review:
        review = Review(
            pull=self,
            id=self.github.next_id(),
            author=author,
            body=body,
            created_at=self.github.now(),
            by_app=by_app,
            state=state,
            commit_id=commit,
        )
        self.reviews.append(review)
        self.github.nodes[review.node_id] = review
        return review

    def add_comment(self, review: Review, anchor: Anchor, body: str) -> ReviewComment:
        """Opens a thread at a legal anchor."""
        thread = Thread(self, self.github.next_id(), review.commit_id)
        diff = self.diff(review.commit_id)[anchor.path]
        comment = ReviewComment(
            pull=self,
            id=self.github.next_id(),
            author=review.author,
            body=body,
            created_at=self.github.now(),
            by_app=review.by_app,
            review=review,
            thread=thread,
            path=anchor.path,
            line=anchor.line,
            start_line=anchor.start_line,
            side=anchor.side,
            start_side=(anchor.start_side or anchor.side) if anchor.start_line else None,
            subject=anchor.subject,
            diff_hunk=_diff_hunk(diff, anchor),
        )
        thread.comments.append(comment)
        review.comments.append(comment)
        self.threads.append(thread)
        self.github.nodes[thread.node_id] = thread
        self.github.nodes[comment.node_id] = comment
        return comment

    def review_by(
        self, author: str, body: str, comments: Mapping[tuple[str, int], str] | None = None, *, state: str = "COMMENTED"
    ) -> Review:
        """A person reviews: `comments` maps (path, line) to what is said there."""
        review = self.add_review(body, state, self.github.account(author), self.head)
        for (path, line), text in (comments or {}).items():
            anchor = Anchor(path, line)
            if problems := self.anchor_problems(anchor, self.head):
                raise ValueError(*problems)
            self.add_comment(review, anchor, text)
        return review

    def discard(self, review: Review) -> None:
        """Removes a pending review with its comments."""
        self.reviews.remove(review)
        self.threads = [thread for thread in self.threads if thread.first.review is not review]

    # What people press

    def commit_suggestion(self, comment: ReviewComment, by: str | None = None) -> str:
        """Presses 'Commit suggestion'; returns the new head. Raises `SuggestionRefused` where GitHub offers no button."""
        return self.github.commit_suggestion(comment, by=by)

    def refuse_if_closed(self) -> None:
        if self.state != "open":
            raise SuggestionRefused("Suggestions cannot be applied while the pull request is closed.")
        if self.queued:
            raise SuggestionRefused("Suggestions cannot be applied while the pull request is queued to merge.")


def _diff_hunk(diff: FileDiff, anchor: Anchor) -> str:
    """The hunk from its header to the commented line, as GitHub shows it above a comment."""
    if anchor.line is None:
        return ""
    hunk = diff.hunk_at(anchor.line, anchor.side)
    if hunk is None:
        return ""
    shown = [hunk.header]
    old, new = hunk.old.start, hunk.new.start
    for line in hunk.lines:
        shown.append(line.rstrip(b"\n"))
        here = new if anchor.side == "RIGHT" else old
        if here == anchor.line and line[:1] != (b"-" if anchor.side == "RIGHT" else b"+"):
            break
        old += line[:1] != b"+"
        new += line[:1] != b"-"
    return b"\n".join(shown).decode(errors="replace")
