"""What is read of a file: one of its functions or classes, what it binds to a name, something of its outline, or all of it;
and which files and modules there are.

Who takes a part of a file rests on that part alone. Who goes through all functions, all classes, or all names that the module
binds, has read the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast, overload

from rules.core.facts import Binding, Body, Facts, Function, Outline
from rules.core.files import Files
from rules.core.memory import FILE, Kept, Memory, Rows
from rules.core.modules import Modules, ends_of, seen_from

_T = TypeVar("_T")

FUNCTION, TOP, CLASS, GLOBAL = "function", "top", "class", "global"
CALLED, MENTION, OUTLINE = "called", "mention", "outline"
FILES, MODULES = "files", "modules"

Question = tuple[str, tuple[Any, ...]]
"""A method of modules, and what it is given."""


class NotedFiles(Files):
    """The facts of all files, of which every reading is noted."""

    def __init__(self, facts: Mapping[str, Facts], memory: Memory) -> None:
        super().__init__(facts)
        self._memory = memory
        self._noted: dict[str, _NotedFacts] = {}

    def __contains__(self, path: object) -> bool:
        self._memory.read((FILES, ""))
        return super().__contains__(path)

    def __iter__(self) -> Iterator[str]:
        self._memory.read((FILES, ""))
        return super().__iter__()

    def __len__(self) -> int:
        self._memory.read((FILES, ""))
        return super().__len__()

    def __getitem__(self, path: str) -> Facts:
        noted = self._noted.get(path)
        if noted is None:
            noted = self._noted[path] = _NotedFacts(path, self._facts[path], self._memory)
        return noted


class NotedModules(Modules):
    """The modules of a repository, of which every reading is noted: which there are may change with the files."""

    def __init__(self, of: Modules, memory: Memory) -> None:
        self._of, self._memory = of, memory

    def path(self, folder: str) -> str | None:
        self._read("path", folder)
        return self._of.path(folder)

    def is_folder(self, folder: str) -> bool:
        self._read("is_folder", folder)
        return self._of.is_folder(folder)

    def find(self, importer: str, level: int, module: str) -> str | None:
        self._read("find", seen_from(importer, module), level, module)
        return self._of.find(importer, level, module)

    def _read(self, question: str, *given: Any) -> None:
        for name in _names_of(question, given):
            self._memory.read((MODULES, (name, (question, given))))


def _names_of(question: str, given: tuple[Any, ...]) -> tuple[str, ...]:
    """Only where one of them is renewed a question may have another answer; see `Modules.renewed`."""
    return ends_of(given[-1]) if question == "find" else (given[-1].rpartition("/")[2],)


def told_otherwise(before: Modules, after: Modules, kept: Kept) -> Iterator[tuple[str, Question]]:
    """What was noted of modules, and has another answer than before."""
    names = {name for name, _ in kept.places.get(MODULES, ())} if after.renewed is None else after.renewed
    for question, given in {one for name in names for one in kept.parts.get((MODULES, name), ())}:
        if getattr(before, question)(*given) != getattr(after, question)(*given):
            yield from ((name, (question, given)) for name in _names_of(question, given))


class _NotedFacts(Facts):
    """The facts of a file, of which every reading is noted."""

    __slots__ = ("_memory", "_of", "_path")

    def __init__(self, path: str, of: Facts, memory: Memory) -> None:
        self._path, self._of, self._memory = path, of, memory
        self.outline = cast("Outline", _NotedOutline(path, of.outline, memory))
        self.functions = _Functions(FUNCTION, path, lambda: of.functions, memory)
        self.classes = _Parts(CLASS, path, lambda: of.classes, memory)

    @property
    def body(self) -> Body:
        self._memory.read((FILE, self._path))
        return self._of.body

    def bound(self, name: str) -> tuple[Binding, ...]:
        self._memory.read((GLOBAL, (self._path, name)))
        return self._of.bound(name)

    def calls(self, name: str) -> bool:
        self._memory.read((CALLED, (self._path, name)))
        return self._of.calls(name)


class _NotedOutline:
    """Stands for an outline, of which every reading is noted."""

    def __init__(self, path: str, of: Outline, memory: Memory) -> None:
        self._path, self._of, self._memory = path, of, memory

    @property
    def mentions(self) -> Mapping[str, int]:
        return _names(self._of.mentions, MENTION, self._path, self._memory)

    def __getattr__(self, name: str) -> Any:
        self._memory.read((OUTLINE, (self._path, name)))
        return getattr(self._of, name)


class _Parts(Sequence[_T]):
    """The functions or classes of a file: who takes one of them rests on it alone."""

    def __init__(self, kind: str, path: str, of: Callable[[], Sequence[_T]], memory: Memory) -> None:
        self._kind, self._path, self._of, self._memory = kind, path, of, memory

    def _all(self) -> Sequence[_T]:
        self._memory.read((FILE, self._path))
        return self._of()

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[_T]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> _T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[_T]: ...

    def __getitem__(self, index: int | slice) -> _T | Sequence[_T]:
        if isinstance(index, slice):
            return self._all()[index]
        self._memory.read((self._kind, (self._path, index)))
        return self._of()[index]


class _Functions(_Parts[Function]):
    """The functions of a file. Of the first, which is the module's own body, each thing is read for itself."""

    @overload
    def __getitem__(self, index: int) -> Function: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Function]: ...

    def __getitem__(self, index: int | slice) -> Function | Sequence[Function]:
        if index == 0 and self._of():
            return cast("Function", _NotedModule(self._path, self._of, self._memory))
        return super().__getitem__(index)


class _NotedModule:
    """Stands for the module's own body, of which every reading is noted."""

    def __init__(self, path: str, functions: Callable[[], Sequence[Function]], memory: Memory) -> None:
        self._path, self._functions, self._memory = path, functions, memory

    @property
    def bindings(self) -> Mapping[str, tuple[Binding, ...]]:
        rows = self._functions()[0].bindings
        return Rows(rows, self._memory, GLOBAL, lambda name: (self._path, name), (TOP, (self._path, "bindings")))

    def __getattr__(self, name: str) -> Any:
        self._memory.read((TOP, (self._path, name)))
        return getattr(self._functions()[0], name)


def _names(rows: Mapping[str, _T], kind: str, path: str, memory: Memory) -> Mapping[str, _T]:
    return Rows(rows, memory, kind, lambda name: (path, name), (FILE, path))
