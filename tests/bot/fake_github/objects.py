"""Git objects as git stores them: named by the SHA-1 of their bytes.

https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

REGULAR, EXECUTABLE, SYMLINK, SUBMODULE, DIRECTORY = "100644", "100755", "120000", "160000", "040000"


@dataclass(frozen=True, slots=True)
class File:
    """What stands at a path: `content` in bytes and git's mode. A submodule's content is the SHA it points to."""

    content: bytes
    mode: str = REGULAR


@dataclass(frozen=True, slots=True)
class Entry:
    """A path's mode and the SHA of what lies there."""

    mode: str
    sha: str

    @property
    def kind(self) -> str:
        return {SUBMODULE: "commit", DIRECTORY: "tree"}.get(self.mode, "blob")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. `when` is in epoch seconds, authors are `Name <email>`."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: str
    committer: str
    when: int


def object_sha(kind: str, content: bytes) -> str:
    """The name that git gives to `content`, as `git hash-object -t kind` prints it."""
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Objects:
    """The objects of a repository and of all of its forks, which share them as on GitHub."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, dict[str, Entry]] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    _flat: dict[str, dict[str, Entry]] = field(default_factory=dict)

    def add_blob(self, content: bytes) -> str:
        sha = object_sha("blob", content)
        self.blobs[sha] = content
        return sha

    def add_file(self, file: File) -> Entry:
        if file.mode == SUBMODULE:
            return Entry(SUBMODULE, file.content.decode())
        return Entry(file.mode, self.add_blob(file.content))

    def add_tree(self, files: Mapping[str, Entry]) -> str:
        """Stores the tree that holds `files` (keys are whole paths) with all its folders; returns its SHA."""
        here: dict[str, Entry] = {}
        folders: dict[str, dict[str, Entry]] = {}
        for path, entry in files.items():
            name, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(name, {})[rest] = entry
            else:
                here[name] = entry
        here.update({name: Entry(DIRECTORY, self.add_tree(inner)) for name, inner in folders.items()})
        sha = object_sha("tree", _tree_bytes(here))
        self.trees[sha] = here
        return sha

    def add_commit(
        self, tree: str, parents: Sequence[str], message: str, author: str, when: int, committer: str | None = None
    ) -> str:
        committer = committer or author
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {author} {when} +0000", f"committer {committer} {when} +0000", "", message]
        sha = object_sha("commit", "\n".join(lines).encode())
        self.commits[sha] = Commit(sha, tree, tuple(parents), message, author, committer, when)
        return sha

    def files(self, tree: str) -> dict[str, Entry]:
        """Every file below `tree` by whole path, in git's order. Do not change what you get."""
        if tree not in self._flat:
            self._flat[tree] = dict(self._walk(tree, ""))
        return self._flat[tree]

    def _walk(self, tree: str, prefix: str) -> Iterator[tuple[str, Entry]]:
        for name, entry in sorted(self.trees[tree].items(), key=_git_order):
            if entry.mode == DIRECTORY:
                yield from self._walk(entry.sha, f"{prefix}{name}/")
            else:
                yield prefix + name, entry

    def every_entry(self, tree: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Like `files`, with the folders themselves, each before what it holds."""
        for name, entry in sorted(self.trees[tree].items(), key=_git_order):
            yield prefix + name, entry
            if entry.mode == DIRECTORY:
                yield from self.every_entry(entry.sha, f"{prefix}{name}/")

    def at(self, tree: str, path: str) -> Entry | None:
        """What lies at `path` (file or folder), or None."""
        entry = Entry(DIRECTORY, tree)
        for name in filter(None, path.split("/")):
            inner = self.trees.get(entry.sha, {}).get(name) if entry.mode == DIRECTORY else None
            if inner is None:
                return None
            entry = inner
        return entry

    def ancestors(self, sha: str) -> Iterator[str]:
        """`sha` and the commits that it came from, newest first."""
        seen, waiting = {sha}, [sha]
        while waiting:
            newest = max(waiting, key=lambda each: (self.commits[each].when, each == sha))
            waiting.remove(newest)
            yield newest
            for parent in self.commits[newest].parents:
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest commit that both have in their history."""
        history = set(self.ancestors(one))
        return next((sha for sha in self.ancestors(other) if sha in history), None)

    def commits_between(self, base: str, head: str) -> list[str]:
        """The commits of `head` that `base` lacks, oldest first."""
        known = set(self.ancestors(base))
        return [sha for sha in self.ancestors(head) if sha not in known][::-1]


def _git_order(item: tuple[str, Entry]) -> bytes:
    name, entry = item
    return name.encode() + (b"/" if entry.mode == DIRECTORY else b"")


def _tree_bytes(entries: Mapping[str, Entry]) -> bytes:
    return b"".join(
        f"{entry.mode.lstrip('0')} {name}\0".encode() + bytes.fromhex(entry.sha)
        for name, entry in sorted(entries.items(), key=_git_order)
    )
