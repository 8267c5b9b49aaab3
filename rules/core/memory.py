"""What is remembered of a repository, so that a change of some files leaves the rest as it was worked out before.

An answer is kept with what was read for it: files, names that were looked up among all files, and rows of tables that all files
together make up. It holds as long as none of that is another. What notes the readings stands between the one who asks and the
facts: nobody has to remember to do so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

Read = tuple[str, Hashable]
"""What was read: a file, or something of an index or a table."""
_Slot = tuple[str, str, Hashable]
FILE = "file"
ALL: Read = ("all", "")
"""Whoever reads this has read more than can be told."""


def itself(key: Hashable) -> Hashable:
    """What tables are compared by where nothing else is said."""
    return key


def mask_of(places: Collection[int]) -> int:
    """A number with bits at these places."""
    if len(places) < 8:
        mask = 0
        for place in places:
            mask |= 1 << place
        return mask
    bits = bytearray(max(places) // 8 + 1)
    for place in places:
        bits[place // 8] |= 1 << place % 8
    return int.from_bytes(bits, "little")


class Memory:
    """Remembers nothing: what is asked is worked out."""

    tables: Collection[str] = ()
    """The kinds of tables that answers may rest on which are remembered."""

    def answer(self, kind: str, path: str, key: Hashable, work: Callable[[], _V]) -> _V:
        """What `work` gives: something that a file says, or that is said of it."""
        del kind, path, key
        return work()

    def each(self, kind: str, path: str, key: Hashable, work: Callable[[], Iterable[_V]]) -> tuple[_V, ...]:
        """The same of what `work` gives one after the other."""
        return self.answer(kind, path, key, lambda: tuple(work()))

    def table(
        self, kind: str, build: Callable[[], Mapping[_K, _V]], by: Callable[[_K], Hashable] = itself
    ) -> Mapping[_K, _V]:
        """What all files together make up. Its rows are compared `by` something, and those who look one up rest on that."""
        del kind, by
        return build()

    def answers(self) -> dict[_K, _V]:
        """A dict for answers, each of which is set twice: to anything before it is worked out, and to itself then."""
        return {}

    def together(self, kind: str, work: Callable[[], Iterable[Hashable]]) -> None:
        """Work out several answers at once; `work` gives their keys. Who takes one of them says so (`taken`)."""
        del kind
        work()

    def taken(self, kind: str, key: Hashable) -> None:
        """One of the answers that were worked out together is taken."""

    def read(self, what: Read) -> None:
        """Something is read."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was worked out of a repository: the answers of each kind and file with all that was read for them, and the tables.

    What was read is a number in which each thing read has a bit, at its place in `places`.
    """

    answers: Mapping[str, Mapping[str, tuple[Mapping[Any, Any], int]]]
    tables: Mapping[str, tuple[Mapping[Any, Any], Callable[[Any], Hashable]]]
    places: Mapping[str, Mapping[Any, int]]


@dataclass(slots=True)
class _Frame:
    """An answer that is being worked out: where the readings go, what was read before, and what was answered meanwhile."""

    masks: dict[Hashable, int]
    key: Hashable
    before: int
    read_before: set[int]
    first: int
    reentered: bool = False


class Noting(Memory):
    """Keeps all answers, each with what was read for it."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.mask = 0
        self._read: set[int] = set()
        self._count = 0
        self._places: dict[str, dict[Hashable, int]] = {}
        self._frames: list[_Frame] = []
        self._done: list[tuple[dict[Hashable, int], Hashable]] = []
        self._same: dict[int, int] = {}
        self._values: dict[_Slot, Any] = {}
        self._masks: dict[Hashable, int] = {}
        self._groups: dict[Hashable, int] = {}
        self._tables: dict[str, tuple[Mapping[Any, Any], Callable[[Any], Hashable]]] = {}
        for path in paths:
            self._place((FILE, path))

    def kept(self) -> Kept:
        """All that was answered so far."""
        answers: dict[str, dict[str, tuple[dict[Hashable, Any], int]]] = {}
        for slot, value in self._values.items():
            kind, path, key = slot
            of_kind = answers.setdefault(kind, {})
            values, mask = of_kind.get(path, ({}, 0))
            values[key] = value
            of_kind[path] = values, mask | self._masks[slot]
        return Kept(answers, self._tables, self._places)

    def read(self, what: Read) -> None:
        self._read.add(self._place(what))

    def _place(self, what: Read) -> int:
        kind, name = what
        of_kind = self._places.setdefault(kind, {})
        place = of_kind.get(name)
        if place is None:
            place = of_kind[name] = self._count
            self._count += 1
        return place

    def answer(self, kind: str, path: str, key: Hashable, work: Callable[[], _V]) -> _V:
        slot = (kind, path, key)
        if slot in self._masks:
            self.mask |= self._masks[slot]
            known: _V = self._values[slot]
            return known
        if any(frame.key == slot for frame in self._frames):
            self.reenter(self._masks, slot)
            return work()
        self.begin(self._masks, slot)
        value = self._values[slot] = work()
        self.end()
        return value

    def table(
        self, kind: str, build: Callable[[], Mapping[_K, _V]], by: Callable[[_K], Hashable] = itself
    ) -> Mapping[_K, _V]:
        before, self._read = (self.mask, self._read), set()
        rows = build()
        self.mask, self._read = before
        self._tables[kind] = rows, by
        return Rows(rows, self, kind, by)

    def answers(self) -> dict[_K, _V]:
        return Answers(self)

    def together(self, kind: str, work: Callable[[], Iterable[Hashable]]) -> None:
        self.begin(self._groups, kind)
        keys = [(kind, key) for key in work()]
        mask = self.end()
        for key in keys:
            self._groups[key] = self._groups.get(key, 0) | mask
            if self._frames:
                self._done.append((self._groups, key))

    def taken(self, kind: str, key: Hashable) -> None:
        self.mask |= self._groups[kind, key]

    def begin(self, masks: dict[Hashable, int], key: Hashable) -> None:
        """From now on, what is read is read for this answer."""
        self._frames.append(_Frame(masks, key, self.mask, self._read, len(self._done)))
        self.mask, self._read = 0, set()

    def end(self) -> int:
        """The answer that was begun last is there. What it rests on, the one before it does too."""
        frame, mask = self._frames.pop(), self.mask | mask_of(self._read)
        mask = self._same.setdefault(mask, mask)
        if frame.reentered:
            for masks, key in self._done[frame.first :]:
                masks[key] |= mask
        frame.masks[frame.key] = mask
        self.mask, self._read = frame.before | mask, frame.read_before
        if self._frames:
            self._done.append((frame.masks, frame.key))
        else:
            self._done.clear()
        return mask

    def reenter(self, masks: dict[Hashable, int], key: Hashable) -> None:
        """An answer is asked for while it is worked out: all that comes of it meanwhile rests on what it rests on."""
        for frame in self._frames:
            if frame.masks is masks and frame.key == key:
                frame.reentered = True


class Answers(dict[_K, _V]):
    """A dict whose values are set twice: before they are worked out, and after."""

    def __init__(self, memory: Noting) -> None:
        super().__init__()
        self._memory = memory
        self._masks: dict[Hashable, int] = {}

    def __setitem__(self, key: _K, value: _V) -> None:
        if key not in self:
            self._memory.begin(self._masks, key)
        elif key not in self._masks:
            self._memory.end()
        super().__setitem__(key, value)

    def __getitem__(self, key: _K) -> _V:
        mask = self._masks.get(key)
        if mask is None:
            self._memory.reenter(self._masks, key)
        else:
            self._memory.mask |= mask
        return super().__getitem__(key)


class Rows(Mapping[_K, _V]):
    """A table. Who looks a row up rests on it, and who looks at all of them on the `whole`."""

    def __init__(
        self,
        rows: Mapping[_K, _V],
        memory: Memory,
        kind: str,
        by: Callable[[_K], Hashable] = itself,
        whole: Read = ALL,
    ) -> None:
        self._rows = rows
        self._memory = memory
        self._kind = kind
        self._by = by
        self._whole = whole

    def __getitem__(self, key: _K) -> _V:
        self._memory.read((self._kind, self._by(key)))
        return self._rows[key]

    def __contains__(self, key: Any) -> bool:
        self._memory.read((self._kind, self._by(key)))
        return key in self._rows

    def __iter__(self) -> Iterator[_K]:
        self._memory.read(self._whole)
        return iter(self._rows)

    def __len__(self) -> int:
        self._memory.read(self._whole)
        return len(self._rows)


class Recalling(Memory):
    """Gives the answers that were kept, as far as they hold. Whatever was read for one is in doubt until it is compared."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.tables = kept.tables.keys()
        self._known = {kind: mask_of(places.values()) for kind, places in kept.places.items()}
        self._doubtful = (1 << sum(map(len, self.kept.places.values()))) - 1

    def compared(self, kind: str, changed: Iterable[Hashable]) -> None:
        """All of a kind is as it was, but for these."""
        places = self.kept.places.get(kind, {})
        self._doubtful &= ~self._known.get(kind, 0)
        self._doubtful |= mask_of([places[one] for one in changed if one in places])

    def answer(self, kind: str, path: str, key: Hashable, work: Callable[[], _V]) -> _V:
        of_kind = self.kept.answers.get(kind)
        of_file = of_kind.get(path) if of_kind is not None else None
        if of_file is not None and key in of_file[0] and not of_file[1] & self._doubtful:
            known: _V = of_file[0][key]
            return known
        return work()

    def table(
        self, kind: str, build: Callable[[], Mapping[_K, _V]], by: Callable[[_K], Hashable] = itself
    ) -> Mapping[_K, _V]:
        rows = build()
        if kind in self.kept.tables:
            old = self.kept.tables[kind][0]
            names = {*old, *rows}
            missing = object()
            self.compared(kind, {by(key) for key in names if old.get(key, missing) != rows.get(key, missing)})
        return rows
