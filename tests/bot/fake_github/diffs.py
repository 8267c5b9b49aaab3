r"""Diffs in GitHub's shape: hunks of a unified diff with three lines of context, and what changed from tree to tree.

Lines end at ``\\n`` alone: ``\\r``, form feed and U+2028 stay inside a line, as in git.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from .objects import SUBMODULE, Entry, Objects

CONTEXT = 3
HEADING_BYTES = 80
RENAME_SIMILARITY = 0.5
# https://docs.github.com/repositories/creating-and-managing-repositories/repository-limits
MAX_LINES_OF_PATCH = 20_000
MAX_BYTES_OF_PATCH = 500_000

Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk. `lines` hold their mark (`` ``, ``+``, ``-``) and their line end."""

    old: range
    new: range
    heading: bytes
    lines: tuple[bytes, ...]

    @property
    def header(self) -> bytes:
        heading = b" " + self.heading if self.heading else b""
        return f"@@ -{_extent(self.old)} +{_extent(self.new)} @@".encode() + heading

    def __bytes__(self) -> bytes:
        body = b"".join(
            line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in self.lines
        )
        return self.header + b"\n" + body


def _extent(lines: range) -> str:
    start = lines.start if lines else lines.start - 1
    return f"{start}" if len(lines) == 1 else f"{start},{len(lines)}"


def split_lines(content: bytes) -> list[bytes]:
    r"""The lines of `content`, each with its ``\\n``; the last may lack it."""
    lines = content.split(b"\n")
    whole = [line + b"\n" for line in lines[:-1]]
    return [*whole, lines[-1]] if lines[-1] else whole


def opcodes(old: Sequence[bytes], new: Sequence[bytes]) -> list[Opcode]:
    """How `old` becomes `new`, as `difflib` tells it, equal stretches included."""
    start = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    most = min(len(old), len(new)) - start
    end = next((n for n in range(most) if old[-1 - n] != new[-1 - n]), most)
    middle = SequenceMatcher(None, old[start : len(old) - end], new[start : len(new) - end], autojunk=False)
    shifted = [(tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in middle.get_opcodes()]
    head: list[Opcode] = [("equal", 0, start, 0, start)] if start else []
    tail: list[Opcode] = [("equal", len(old) - end, len(old), len(new) - end, len(new))] if end else []
    return [*head, *shifted, *tail]


def _groups(codes: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """The changes with their context; changes up to twice the context apart share a hunk, as in git."""
    group: list[Opcode] = []
    for index, (tag, a, b, c, d) in enumerate(codes):
        if tag != "equal":
            group.append((tag, a, b, c, d))
            continue
        last = index == len(codes) - 1
        if group and not last and b - a <= 2 * CONTEXT:
            group.append((tag, a, b, c, d))
            continue
        if group:
            yield [*group, (tag, a, min(b, a + CONTEXT), c, min(d, c + CONTEXT))]
        group = [] if last else [(tag, max(a, b - CONTEXT), b, max(c, d - CONTEXT), d)]
    if any(tag != "equal" for tag, *_ in group):
        yield group


def _heading(old: Sequence[bytes], before: int) -> bytes:
    """The nearest line above that looks like a definition to git: it begins with a letter, `_` or `$`."""
    for line in reversed(old[:before]):
        if line[:1].isalpha() or line[:1] in {b"_", b"$"}:
            return line[:HEADING_BYTES].rstrip()
    return b""


def hunks(old: bytes, new: bytes) -> tuple[Hunk, ...]:
    """The hunks that lead from `old` to `new`."""
    before, after = split_lines(old), split_lines(new)
    return tuple(_hunk(before, after, group) for group in _groups(opcodes(before, after)))


def _hunk(before: Sequence[bytes], after: Sequence[bytes], group: Sequence[Opcode]) -> Hunk:
    lines: list[bytes] = []
    for tag, a, b, c, d in group:
        if tag == "equal":
            lines += [b" " + line for line in before[a:b]]
        else:
            lines += [b"-" + line for line in before[a:b]] + [b"+" + line for line in after[c:d]]
    _, first_old, _, first_new, _ = group[0]
    _, _, last_old, _, last_new = group[-1]
    return Hunk(
        range(first_old + 1, last_old + 1),
        range(first_new + 1, last_new + 1),
        _heading(before, first_old),
        tuple(lines),
    )


def is_binary(content: bytes) -> bool:
    """Git's own test: a NUL in the first 8,000 bytes."""
    return b"\0" in content[:8000]


@dataclass(frozen=True)
class FileDiff:
    """What a pull request changes in one file. `old` or `new` is None where the file is not there."""

    path: str
    status: str
    old: bytes | None
    new: bytes | None
    old_entry: Entry | None
    new_entry: Entry | None
    previous_path: str | None = None

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """None of them where the file is binary or a submodule."""
        entry = self.new_entry or self.old_entry
        if self.binary or (entry is not None and entry.mode == SUBMODULE):
            return ()
        return hunks(self.old or b"", self.new or b"")

    @property
    def binary(self) -> bool:
        return is_binary(self.old or b"") or is_binary(self.new or b"")

    @property
    def additions(self) -> int:
        return sum(line.startswith(b"+") for hunk in self.hunks for line in hunk.lines)

    @property
    def deletions(self) -> int:
        return sum(line.startswith(b"-") for hunk in self.hunks for line in hunk.lines)

    @property
    def sha(self) -> str:
        entry = self.new_entry or self.old_entry
        return entry.sha if entry else ""

    @cached_property
    def raw_patch(self) -> bytes:
        """The hunks as bytes, without the last line end, as GitHub shows them."""
        return b"".join(map(bytes, self.hunks)).removesuffix(b"\n")

    @property
    def patch(self) -> str | None:
        """The patch as the API answers it; None where GitHub leaves it out."""
        if not self.hunks or len(self.raw_patch) > MAX_BYTES_OF_PATCH:
            return None
        if self.additions + self.deletions > MAX_LINES_OF_PATCH:
            return None
        return self.raw_patch.decode(errors="replace")

    def hunk_at(self, line: int, side: str) -> Hunk | None:
        """The hunk that shows `line` of the new file (side ``RIGHT``) or of the old one (``LEFT``)."""
        return next((hunk for hunk in self.hunks if line in (hunk.new if side == "RIGHT" else hunk.old)), None)


def compare_trees(objects: Objects, old_tree: str | None, new_tree: str) -> list[FileDiff]:
    """What changed between two trees, in git's order, renames found as git finds them."""
    old = objects.files(old_tree) if old_tree else {}
    new = objects.files(new_tree)
    removed = {path: entry for path, entry in old.items() if path not in new}
    added = {path: entry for path, entry in new.items() if path not in old}
    origins = _renames(objects, removed, added)
    gone = set(origins.values())
    changed = [path for path, entry in new.items() if path in old and old[path] != entry]
    found = [_file_diff(objects, path, "removed", entry, None) for path, entry in removed.items() if path not in gone]
    found += [_file_diff(objects, path, "modified", old[path], new[path]) for path in changed]
    for path, entry in added.items():
        origin = origins.get(path)
        status = "renamed" if origin else "added"
        found.append(_file_diff(objects, path, status, old[origin] if origin else None, entry, origin))
    return sorted(found, key=lambda diff: diff.path.encode())


def _file_diff(
    objects: Objects, path: str, status: str, old: Entry | None, new: Entry | None, origin: str | None = None
) -> FileDiff:
    if status == "modified" and old and new and old.sha == new.sha:
        status = "changed"
    return FileDiff(path, status, _content(objects, old), _content(objects, new), old, new, origin)


def _content(objects: Objects, entry: Entry | None) -> bytes | None:
    return objects.blobs.get(entry.sha, b"") if entry else None


def _renames(objects: Objects, removed: Mapping[str, Entry], added: Mapping[str, Entry]) -> dict[str, str]:
    """New path -> old path, the most alike first."""
    pairs = [
        (_similarity(objects, old, new), after, before)
        for after, new in added.items()
        for before, old in removed.items()
        if old.mode == new.mode
    ]
    origins: dict[str, str] = {}
    for score, after, before in sorted(pairs, key=lambda pair: -pair[0]):
        if score >= RENAME_SIMILARITY and after not in origins and before not in origins.values():
            origins[after] = before
    return origins


def _similarity(objects: Objects, old: Entry, new: Entry) -> float:
    """The share of the larger file's bytes that stand in lines of both."""
    if old.sha == new.sha:
        return 1.0
    one, other = _content(objects, old) or b"", _content(objects, new) or b""
    if not one or not other or min(len(one), len(other)) < RENAME_SIMILARITY * max(len(one), len(other)):
        return 0.0
    common = Counter(split_lines(one)) & Counter(split_lines(other))
    return sum(len(line) * count for line, count in common.items()) / max(len(one), len(other))


def carry_line(old: bytes, new: bytes, line: int) -> int | None:
    """Where `line` of `old` stands in `new`; None where it was changed or removed."""
    for tag, a, b, c, _ in opcodes(split_lines(old), split_lines(new)):
        if tag == "equal" and a < line <= b:
            return line - a + c
    return None
