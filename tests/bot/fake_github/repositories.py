"""Repositories: branches over git objects, forks, and the pull requests between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .accounts import Account
from .checks import CheckRun
from .objects import EXECUTABLE, SUBMODULE, SYMLINK, Commit, Entry, File, Objects
from .pulls import PullRequest

if TYPE_CHECKING:
    from .github import FakeGitHub

Content = str | bytes | File
Changes = Mapping[str, Content | None]
"""What is written at each path; None removes the file."""


def executable(text: str | bytes) -> File:
    return File(_bytes(text), EXECUTABLE)


def symlink(target: str) -> File:
    return File(target.encode(), SYMLINK)


def submodule(sha: str) -> File:
    return File(sha.encode(), SUBMODULE)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


@dataclass(eq=False, slots=True)
class Repository:
    """One repository. Forks share `objects` with the one that they come from."""

    github: FakeGitHub
    id: int
    owner: Account
    name: str
    private: bool = False
    default_branch: str = "main"
    parent: Repository | None = None
    objects: Objects = field(default_factory=Objects)
    branches: dict[str, str] = field(default_factory=dict)
    collaborators: dict[str, str] = field(default_factory=dict)
    protected: dict[str, str] = field(default_factory=dict)
    """Branches that a rule protects from commits, with what GitHub says about it."""
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    check_runs: list[CheckRun] = field(default_factory=list)
    rerequested: set[str] = field(default_factory=set)
    """Commits whose check suite waits since somebody asked for it again."""
    truncate_trees: bool = False
    archived: bool = False
    deleted: bool = False
    _numbers: int = 0

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def node_id(self) -> str:
        return f"R_{self.id}"

    @property
    def head(self) -> str:
        return self.branches[self.default_branch]

    def next_number(self) -> int:
        """The next number that issues and pull requests share."""
        self._numbers += 1
        return self._numbers

    # What stands in it

    def resolve(self, ref: str) -> str | None:
        """The commit that `ref` (SHA, branch, `refs/…`, `owner:branch`, `HEAD`) means, or None."""
        if ref in self.objects.commits:
            return ref
        if ref == "HEAD":
            return self.head
        owner, colon, branch = ref.partition(":")
        if colon:
            return next((fork.branches.get(branch) for fork in self.network if fork.owner.login == owner), None)
        name = ref.removeprefix("refs/")
        if name.startswith("pull/") and name.endswith("/head"):
            number = name.split("/")[1]
            pull = self.pulls.get(int(number)) if number.isdigit() else None
            return pull.head if pull else None
        return self.branches.get(name.removeprefix("heads/"))

    @property
    def network(self) -> list[Repository]:
        """This repository and all that share its objects."""
        return [each for each in self.github.repositories.values() if each.objects is self.objects]

    def commit_at(self, ref: str | None = None) -> Commit:
        sha = self.resolve(ref or "HEAD")
        if sha is None:
            raise LookupError(f"{self.full_name} has no {ref}")
        return self.objects.commits[sha]

    def entries(self, ref: str | None = None) -> dict[str, Entry]:
        return self.objects.files(self.commit_at(ref).tree)

    def files(self, ref: str | None = None) -> dict[str, bytes]:
        """All files at `ref` (default branch if none) by path, submodules left out."""
        entries = self.entries(ref).items()
        return {path: self.objects.blobs[entry.sha] for path, entry in entries if entry.mode != SUBMODULE}

    def read(self, path: str, ref: str | None = None) -> bytes:
        return self.files(ref)[path]

    # What changes it

    def write(
        self,
        changes: Changes,
        *,
        parent: str | None,
        message: str,
        author: Account,
        committer: Account | None = None,
        keep_modes: bool = True,
    ) -> str:
        """Stores a commit on top of `parent`; a text or bytes keeps the mode of the file that it replaces."""
        files = dict(self.objects.files(self.objects.commits[parent].tree)) if parent else {}
        for path, content in changes.items():
            if content is None:
                del files[path]
                continue
            file = content if isinstance(content, File) else File(_bytes(content))
            entry = self.objects.add_file(file)
            keep = keep_modes and path in files and not isinstance(content, File)
            files[path] = Entry(files[path].mode, entry.sha) if keep else entry
        tree = self.objects.add_tree(files)
        parents = [parent] if parent else []
        by = committer.signature if committer else None
        return self.objects.add_commit(tree, parents, message, author.signature, self.github.tick(), by)

    def commit(
        self, changes: Changes, *, branch: str | None = None, message: str = "Change files", author: str = "ann"
    ) -> str:
        """Commits `changes` to a branch (made from the default branch where it is not there); returns the SHA."""
        branch = branch or self.default_branch
        parent = self.branches.get(branch) or self.branches.get(self.default_branch)
        sha = self.write(changes, parent=parent, message=message, author=self.github.account(author))
        self.move_branch(branch, sha)
        return sha

    def move_branch(self, name: str, sha: str) -> None:
        """Points a branch at `sha`; open pull requests from it follow."""
        self.branches[name] = sha
        for repository in self.network:
            for pull in repository.pulls.values():
                pull.follow(self, name)

    def fork(self, owner: str) -> Repository:
        """`owner`'s fork of this repository; made once."""
        full_name = f"{owner}/{self.name}"
        known = self.github.repositories.get(full_name.lower())
        if known is not None:
            return known
        fork = Repository(
            self.github,
            self.github.next_id(),
            self.github.account(owner),
            self.name,
            private=self.private,
            default_branch=self.default_branch,
            parent=self,
            objects=self.objects,
            branches=dict(self.branches),
        )
        self.github.repositories[full_name.lower()] = fork
        return fork

    def rename(self, name: str) -> None:
        """The old address then redirects, as on GitHub: 301 to reads and 307 to writes."""
        del self.github.repositories[self.full_name.lower()]
        self.github.moved[self.full_name.lower()] = self
        self.name = name
        self.github.repositories[self.full_name.lower()] = self

    def delete(self) -> None:
        """The repository is gone; pull requests that came from it stay, without a head repository."""
        del self.github.repositories[self.full_name.lower()]
        self.deleted = True

    def open_pull(
        self,
        changes: Changes,
        *,
        title: str = "Change the shop",
        body: str | None = None,
        author: str = "ann",
        branch: str | None = None,
        base: str | None = None,
        draft: bool = False,
        fork: bool | str = False,
    ) -> PullRequest:
        """Opens a pull request with one commit. `fork` takes it from the author's fork, or from that of the owner named."""
        owner = fork if isinstance(fork, str) else author
        source = self.fork(owner) if fork else self
        number = self.next_number()
        base = base or self.default_branch
        branch = branch or f"change-{number}"
        who = self.github.account(author)
        start = source.branches.get(branch, self.branches[base])
        source.branches[branch] = source.write(changes, parent=start, message=title, author=who)
        return self.open_pull_from(source, branch, base, title=title, body=body, author=who, draft=draft, number=number)

    def open_pull_from(
        self,
        source: Repository,
        branch: str,
        base: str,
        *,
        title: str,
        body: str | None,
        author: Account,
        draft: bool,
        number: int | None = None,
    ) -> PullRequest:
        """Opens a pull request for a branch that is there."""
        pull = PullRequest(
            repository=self,
            id=self.github.next_id(),
            number=number or self.next_number(),
            title=title,
            body=body,
            author=author,
            base_ref=base,
            base=self.branches[base],
            head_repository=source,
            head_ref=branch,
            head=source.branches[branch],
            draft=draft,
            created_at=self.github.now(),
        )
        self.pulls[pull.number] = pull
        self.github.nodes[pull.node_id] = pull
        return pull

    def role(self, login: str) -> str:
        """What `login` may do here: ``admin``, ``maintain``, ``write``, ``triage``, ``read`` or ``none``."""
        if login == self.owner.login:
            return "admin"
        return self.collaborators.get(login, "none" if self.private else "read")

    def check_runs_at(self, sha: str) -> list[CheckRun]:
        return [run for run in self.check_runs if run.head_sha == sha]
