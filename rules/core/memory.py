"""What is remembered of a repository, so that a change of some files leaves the rest as it was worked out before.

An answer is kept with what was read for it: files, names that were looked up among all files, and rows of tables that all files
together make up. It holds as long as none of that is another. What notes the readings stands between the one who asks and the
facts: nobody has to remember to do so.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_
from typing import Any, Generic, TypeVar, cast

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

Read = tuple[str, Hashable]
"""What was read: a file, or something of an index or a table."""
_Slot = tuple[str, str, Hashable]
FILE = "file"
TELLING_LINES = frozenset({"found", "meaning at a line"})
"""The kinds of answers that tell of lines, or are told by one: of these no part of a file may have moved."""
ALL: Read = ("all", "")
"""Whoever reads this has read more than can be told."""


def itself(key: Hashable) -> Hashable:
    """What tables are compared by where nothing else is said."""
    return key


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

    def answers(self, kind: str = "") -> dict[_K, _V]:
        """A dict for answers, each of which is set twice: to anything before it is worked out, and to itself then.

        Those of a kind that is named are kept. Their keys alone say what is asked: all else has to be read for them.
        """
        del kind
        return {}

    def together(self, kind: str) -> Together[_K, _V]:
        """Answers that are worked out several at once."""
        del kind
        return Together()

    def read(self, what: Read) -> None:
        """Something is read."""


class Together(Generic[_K, _V]):
    """Answers of one kind that are worked out several at once, each from what was read for it and from others."""

    def known(self, key: _K) -> tuple[_V] | None:
        """The answer that was kept."""
        del key
        return None

    def within(self, key: _K) -> AbstractContextManager[None]:
        """What is read there is read for one of the answers."""
        del key
        return nullcontext()

    def taken(self, key: _K) -> None:
        """One of the answers is taken."""

    def there(self, answers: Callable[[], Mapping[_K, _V]], among: Iterable[_K]) -> None:
        """These answers are worked out, among others that were there."""


ALONE: Together[Any, Any] = Together()
"""For those who work out answers that nobody keeps."""


@dataclass(frozen=True, slots=True)
class Dependents:
    """What rests on what at once, by numbers: on `number` those of `all` from `first[number]` up to where the next begin."""

    first: array[int]
    all: array[int]

    @classmethod
    def of(cls, pairs: Callable[[], Iterable[tuple[int, int]]], count: int) -> Dependents:
        """Of so many numbers; `pairs` gives each that rests on another, behind that one, as often as it is asked."""
        first = array("I", bytes(4 * (count + 2)))
        for number, _ in pairs():
            first[number + 1] += 1
        for number in range(count + 1):
            first[number + 1] += first[number]
        free, found = first[:], array("I", bytes(4 * first[-1]))
        for number, dependent in pairs():
            found[free[number]] = dependent
            free[number] += 1
        return cls(first, found)

    def __getitem__(self, number: int) -> array[int]:
        return self.all[self.first[number] : self.first[number + 1]]


@dataclass(frozen=True)
class Kept:
    """What was worked out of a repository: the answers of each kind and file, those of each kind in dicts, and the tables.

    All that was read and all that was answered has a number. `places` gives those of what was read, and `dependents` for each
    number those of the answers that rest on it at once. An answer is kept with its number and the kinds of all that it rests on,
    each of which has a bit in `kinds`.
    """

    answers: Mapping[str, Mapping[str, Mapping[Any, tuple[Any, int, int]]]]
    in_dicts: Mapping[str, Mapping[Any, tuple[Any, int, int]]]
    tables: Mapping[str, Mapping[Any, Any]]
    places: Mapping[str, Mapping[Any, int]]
    dependents: Dependents
    kinds: Mapping[str, int]

    @cached_property
    def parts(self) -> Mapping[tuple[str, str], Sequence[Any]]:
        """What was read of a file, by kind and path, if it is told by the path and something else."""
        found: dict[tuple[str, str], list[Any]] = {}
        for kind, places in self.places.items():
            for one in places:
                if isinstance(one, tuple):
                    found.setdefault((kind, one[0]), []).append(one[1])
        return found

    def resting_on(self, numbers: Iterable[int]) -> Iterator[int]:
        """The numbers, and those of all answers that rest on any of them."""
        seen: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                yield number
                waiting += self.dependents[number]


@dataclass(slots=True)
class _Answer:
    """An answer that is there or being worked out: its number, and the kinds of all that it rests on."""

    number: int
    kinds: int = 0
    rests_on: Collection[int] = ()
    is_there: bool = False
    value: Any = None


@dataclass(slots=True)
class _Frame:
    """An answer that is being worked out, the one for which that is, and how many answers there had been."""

    answer: _Answer
    around: _Frame | None = None
    first: int = 0
    rests_on: set[int] = field(default_factory=set)
    reentered: bool = False


class Noting(Memory):
    """Keeps all answers, each with what was read for it."""

    def __init__(self) -> None:
        self._frame = _Frame(_Answer(-1))
        self._count = 0
        self._places: dict[str, dict[Hashable, int]] = {}
        self._kinds: dict[str, int] = {}
        self._said: dict[_Slot, _Answer] = {}
        self._tables: dict[str, Mapping[Any, Any]] = {}
        self._dicts: dict[str, Answers[Any, Any] | NotedTogether[Any, Any]] = {}
        self._all: list[_Answer] = []

    def kept(self) -> Kept:
        """All that was answered so far."""
        answers: dict[str, dict[str, dict[Hashable, tuple[Any, int, int]]]] = {}
        for (kind, path, key), one in self._said.items():
            answers.setdefault(kind, {}).setdefault(path, {})[key] = one.value, one.number, one.kinds
        dependents = Dependents.of(
            lambda: ((number, one.number) for one in self._all for number in one.rests_on), self._count
        )
        in_dicts = {kind: found.kept() for kind, found in self._dicts.items()}
        return Kept(answers, in_dicts, self._tables, self._places, dependents, self._kinds)

    def read(self, what: Read) -> None:
        kind, name = what
        places = self._places.get(kind)
        if places is None:
            places = self._places[kind] = {}
            self._kinds[kind] = 1 << len(self._kinds)
        place = places.get(name)
        if place is None:
            place = places[name] = self._new_number()
        frame = self._frame
        frame.answer.kinds |= self._kinds[kind]
        frame.rests_on.add(place)

    def _new_number(self) -> int:
        self._count += 1
        return self._count

    def answer(self, kind: str, path: str, key: Hashable, work: Callable[[], _V]) -> _V:
        slot = (kind, path, key)
        one = self._said.get(slot)
        if one is None:
            one = self._said[slot] = self.begin()
            one.value = work()
            self.end()
        elif not one.is_there:
            return work()
        else:
            self.rest_on(one)
        known: _V = one.value
        return known

    def table(
        self, kind: str, build: Callable[[], Mapping[_K, _V]], by: Callable[[_K], Hashable] = itself
    ) -> Mapping[_K, _V]:
        before, self._frame = self._frame, _Frame(_Answer(-1), self._frame)
        rows = build()
        self._frame = before
        self._tables[kind] = rows
        return Rows(rows, self, kind, by)

    def answers(self, kind: str = "") -> dict[_K, _V]:
        found: Answers[_K, _V] = Answers(self)
        if kind:
            self._dicts[kind] = found
        return found

    def together(self, kind: str) -> Together[_K, _V]:
        found: NotedTogether[_K, _V] = NotedTogether(self)
        self._dicts[kind] = found
        return found

    def begin(self) -> _Answer:
        """From now on, what is read is read for this answer."""
        answer = self.new_answer()
        self._frame = _Frame(answer, self._frame, len(self._all) - 1)
        return answer

    def new_answer(self) -> _Answer:
        """An answer for which nothing was read yet."""
        answer = _Answer(self._new_number())
        self._all.append(answer)
        return answer

    @contextmanager
    def reading_for(self, answer: _Answer) -> Iterator[None]:
        """What is read there is read for this answer as well, which is not there yet."""
        frame = self._frame = _Frame(answer, self._frame, len(self._all), {*answer.rests_on})
        yield
        answer.rests_on = frame.rests_on
        self._frame = frame.around or frame

    def end(self) -> None:
        """The answer that was begun last is there. What it was for rests on it."""
        frame = self._frame
        done = frame.answer
        done.rests_on, done.is_there = tuple(frame.rests_on), True
        if frame.reentered:
            for one in self._all[frame.first :]:
                one.kinds |= done.kinds
        self._frame = frame.around or frame
        self.rest_on(done)

    def rest_on(self, one: _Answer) -> None:
        """What is being worked out rests on an answer. Where that is not there yet, all that comes of it meanwhile rests on the same."""
        self._frame.answer.kinds |= one.kinds
        self._frame.rests_on.add(one.number)
        around: _Frame | None = self._frame if not one.is_there else None
        while around is not None:
            around.reentered = around.reentered or around.answer is one
            around = around.around


class Answers(dict[_K, _V]):
    """A dict whose values are set twice: before they are worked out, and after."""

    def __init__(self, memory: Noting) -> None:
        super().__init__()
        self._memory = memory
        self._notes: dict[_K, _Answer] = {}

    def __setitem__(self, key: _K, value: _V) -> None:
        note = self._notes.get(key)
        if note is None:
            self._notes[key] = self._memory.begin()
        elif not note.is_there:
            self._memory.end()
        super().__setitem__(key, value)

    def __getitem__(self, key: _K) -> _V:
        self._memory.rest_on(self._notes[key])
        return super().__getitem__(key)

    def kept(self) -> dict[_K, tuple[_V, int, int]]:
        """All that are there."""
        pairs = (
            (note, key, super(Answers, self).__getitem__(key)) for key, note in self._notes.items() if note.is_there
        )
        return {key: (value, note.number, note.kinds) for note, key, value in pairs}


class NotedTogether(Together[_K, _V]):
    """Notes what is read for each. Those that are worked out at once may rest on each other, so that they rest on the same kinds."""

    def __init__(self, memory: Noting) -> None:
        self._memory = memory
        self._notes: dict[_K, _Answer] = {}

    def _note(self, key: _K) -> _Answer:
        note = self._notes.get(key)
        if note is None:
            note = self._notes[key] = self._memory.new_answer()
        return note

    def within(self, key: _K) -> AbstractContextManager[None]:
        return self._memory.reading_for(self._note(key))

    def taken(self, key: _K) -> None:
        self._memory.rest_on(self._note(key))

    def there(self, answers: Callable[[], Mapping[_K, _V]], among: Iterable[_K]) -> None:
        notes = [self._note(key) for key in among]
        kinds = reduce(or_, (note.kinds for note in notes), 0)
        for note in notes:
            note.kinds = kinds
        for key, value in answers().items():
            self._notes[key].value, self._notes[key].is_there = value, True

    def kept(self) -> dict[_K, tuple[_V, int, int]]:
        """All that are there."""
        return {key: (note.value, note.number, note.kinds) for key, note in self._notes.items() if note.is_there}


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
    """Gives the answers that were kept, as far as they hold. Whatever was read for one is in doubt until it is compared.

    What says the same on other lines, in the same order, changes no answer but those that tell of lines.
    """

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.tables = kept.tables.keys()
        self._unsure = (1 << len(kept.kinds)) - 1
        self._doubtful: set[int] = set()
        self._moved: set[int] = set()
        self._resting_on_moved: frozenset[int] | None = frozenset()

    def again(self, unchanged: Collection[str] = ()) -> Recalling:
        """The same once more, for a repository that differs further. All tables but the unchanged ones have to be compared again."""
        memory = Recalling(self.kept)
        memory._doubtful |= self._doubtful
        memory._put_elsewhere(self._moved)
        memory._unsure = self._unsure | sum(
            self.kept.kinds.get(kind, 0) for kind in self.tables if kind not in unchanged
        )
        return memory

    def compared(self, kind: str, changed: Iterable[Hashable], moved: Iterable[Hashable] = ()) -> None:
        """All of a kind is as it was, but for what has changed, and what says the same on other lines."""
        places = self.kept.places.get(kind, {})
        self._unsure &= ~self.kept.kinds.get(kind, 0)
        self._doubtful.update(self.kept.resting_on(places[one] for one in changed if one in places))
        self._put_elsewhere({places[one] for one in moved if one in places})

    def _put_elsewhere(self, moved: Collection[int]) -> None:
        if moved:
            self._moved.update(moved)
            self._resting_on_moved = None  # nobody may ask

    @property
    def _doubtful_lines(self) -> frozenset[int]:
        if self._resting_on_moved is None:
            self._resting_on_moved = frozenset(self.kept.resting_on(self._moved))
        return self._resting_on_moved

    def is_doubtful(self, kind: str, name: Hashable) -> bool:
        """Whether something that was read may be another now."""
        return bool(self._unsure & self.kept.kinds[kind]) or self.kept.places[kind][name] in self._doubtful

    def answer(self, kind: str, path: str, key: Hashable, work: Callable[[], _V]) -> _V:
        of_kind = self.kept.answers.get(kind)
        of_file = of_kind.get(path) if of_kind is not None else None
        found = of_file.get(key) if of_file is not None else None
        if found is None or not self.holds(kind, found):
            return work()
        known: _V = found[0]
        return known

    def holds(self, kind: str, found: tuple[Any, int, int]) -> bool:
        """Whether an answer that was kept is what it was."""
        _, number, kinds = found
        if kinds & self._unsure or number in self._doubtful:
            return False
        return kind not in TELLING_LINES or number not in self._doubtful_lines

    def answers(self, kind: str = "") -> dict[_K, _V]:
        return Recalled(kind, self)

    def together(self, kind: str) -> Together[_K, _V]:
        return RecalledTogether(kind, self)

    def table(
        self, kind: str, build: Callable[[], Mapping[_K, _V]], by: Callable[[_K], Hashable] = itself
    ) -> Mapping[_K, _V]:
        rows = build()
        if kind in self.kept.tables:
            old, missing = self.kept.tables[kind], object()
            names = {*old, *rows} if old != rows else ()
            self.compared(kind, {by(key) for key in names if old.get(key, missing) != rows.get(key, missing)})
        return rows


class Recalled(dict[_K, _V]):
    """A dict of answers that has those which were kept, as far as they hold, and takes more."""

    def __init__(self, kind: str, memory: Recalling) -> None:
        super().__init__()
        self._kind = kind
        self._memory = memory

    @cached_property
    def _kept(self) -> Mapping[object, tuple[_V, int, int]]:
        return self._memory.kept.in_dicts.get(self._kind, {})

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            return True
        found = self._kept.get(key)
        if found is None or not self._memory.holds(self._kind, found):
            return False
        super().__setitem__(cast("_K", key), found[0])
        return True


class RecalledTogether(Together[_K, _V]):
    """Has those that were kept, as far as they hold."""

    def __init__(self, kind: str, memory: Recalling) -> None:
        self._kind = kind
        self._memory = memory
        self._kept = memory.kept.in_dicts.get(kind, {})

    def known(self, key: _K) -> tuple[_V] | None:
        found = self._kept.get(key)
        return (found[0],) if found is not None and self._memory.holds(self._kind, found) else None
