"""A repository that notes what is read of it, and one that recalls what was worked out before it was changed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from rules.core.base import Base
from rules.core.facts import Facts, Import
from rules.core.knowledge import Knowledge
from rules.core.memory import FILE, Kept, Memory, Recalling, Rows
from rules.core.moves import Move, keep_order, moves
from rules.core.project import Project
from rules.core.readings import (
    CALLED,
    CLASS,
    FILES,
    FUNCTION,
    GLOBAL,
    MENTION,
    MODULES,
    OUTLINE,
    TOP,
    NotedFiles,
    NotedModules,
    told_otherwise,
)
from rules.core.repository import USES, Repository, module_of
from rules.core.values import Where

IMPORTS, PLACES_CALLED, CLASSES_DERIVED = "imports", "places called", "classes derived"
PARTS = (FUNCTION, TOP, CLASS, GLOBAL, CALLED, MENTION, OUTLINE, IMPORTS, PLACES_CALLED, CLASSES_DERIVED)
"""The kinds of parts that are read of files. A part is told by the path, and by its place or name in the file."""
ANY, FEW, IMPORTERS = "any", "few", "importers"
"""What is asked of a name: whether any file uses it, which ones if they are few, and which of those that import a module."""
USED_BY_IMPORTERS = ("call", "name")
"""In which ways, as it is asked."""


class Noted(Project):
    """Another project, of which every reading is noted."""

    def __init__(self, of: Project, memory: Memory) -> None:
        super().__init__(of.facts, of.knowledge, of, memory)
        self.facts = NotedFiles(of.facts, memory)
        self.modules = NotedModules(of.modules, memory)
        self._of = of

    def imports_of(self, path: str) -> tuple[tuple[Where, str, Import], ...]:
        """The imports of a file."""
        self.memory.read((IMPORTS, (path, "")))
        return self._of.imports_of(path)

    def places_called(self, path: str, name: str) -> Sequence[tuple[int, int]]:
        """Where a file calls something by a name."""
        self.memory.read((PLACES_CALLED, (path, name)))
        return self._of.places_called(path, name)

    def importers_using(self, path: str, use: str, name: str) -> set[str]:
        """The files that import a module and use a name."""
        self.memory.read((IMPORTERS, (module_of(path), (use, name))))
        return self._of.importers_using(path, use, name)

    def few(self, use: str, name: str, most: int, serving: bool = False) -> Sequence[str] | None:
        """The files that use a name, where they are few."""
        self.memory.read((FEW, (name, (use, most, serving))))
        return self._of.few(use, name, most, serving)

    def classes_derived(self, path: str, name: str) -> tuple[int, ...]:
        """Which classes of a file derive from something of a name."""
        self.memory.read((CLASSES_DERIVED, (path, name)))
        return self._of.classes_derived(path, name)

    def by_name(self, use: str) -> Mapping[str, list[str]]:
        """For each name the files that use it."""
        return _Names(self._of.by_name(use), self.memory, use)


class _Names(Rows[str, list[str]]):
    """For each name the files that use it. Who asks whether any does rests on that alone."""

    def __contains__(self, name: object) -> bool:
        self._memory.read((ANY, (self._kind, name)))
        return name in self._rows


def recalling(facts: Mapping[str, Facts], knowledge: Knowledge, base: Base) -> Project:
    """The project of these facts, which recalls what was worked out of the base and rests on nothing that was changed."""
    if base.repository is None or not base.repository.is_comparable(facts, knowledge):
        return Project(facts, knowledge)
    memory = Recalling(base.kept)
    project = Project(facts, knowledge, base.repository, memory)
    _compare(base.repository, project, memory)
    return project


def edited(project: Project, facts: Mapping[str, Facts], unchanged: Collection[str] = ()) -> Project:
    """A project with other facts of some of its files. It recalls what the project does, but for what rests on them; some tables
    that all files together make up are known to be unchanged.
    """
    if not isinstance(project.memory, Recalling):
        return project.with_facts(facts)
    memory = project.memory.again(unchanged)
    after = Project({**project.facts, **facts}, project.knowledge, project, memory)
    _compare(project, after, memory)
    _ = after.properties, after.overrides  # so that they are compared: what a function calls may rest on either
    return after


def _compare(before: Repository, after: Repository, memory: Recalling) -> None:
    """Put in doubt what is another in a repository than it was."""
    changed = frozenset(after.edited)
    memory.compared(FILE, changed)
    parts = [part for path in changed for part in _parts(path, before, after, memory.kept)]
    for kind in PARTS:
        own = [(place, made) for of, place, made in parts if of == kind]
        another = [place for place, made in own if made is None]
        memory.compared(kind, another, [place for place, made in own if made and any(by for *_, by in made)])
    _compare_names(before, after, memory)
    has_same_files = after.modules is before.modules
    memory.compared(FILES, () if has_same_files else ("",))
    memory.compared(MODULES, () if has_same_files else told_otherwise(before.modules, after.modules, memory.kept))


def _compare_names(before: Repository, after: Repository, memory: Recalling) -> None:
    """Put in doubt what was asked of names that other files use now."""
    others = {use: after.used_otherwise(use, before) for use in USES}
    every = [(use, name) for use, names in others.items() for name in names]
    any_file = [(use, name) for use, name in every if (name in before.by_name(use)) != (name in after.by_name(use))]
    asked = [(name, one) for use, name in every for one in memory.kept.parts.get((FEW, name), ()) if one[0] == use]
    for use, names in others.items():
        memory.compared(use, names)
    memory.compared(ANY, any_file)
    few = [(n, (use, *given)) for n, (use, *given) in asked if before.few(use, n, *given) != after.few(use, n, *given)]
    memory.compared(FEW, few)
    memory.compared(IMPORTERS, _imported_otherwise(before, after, memory.kept))


def _imported_otherwise(before: Repository, after: Repository, kept: Kept) -> Iterator[tuple[str, tuple[str, str]]]:
    """Of which modules it was asked who imports them and uses a name, and now other files do: the module, the use and the name."""
    for path in after.using_otherwise("module", before):
        (had, has), *pairs = (
            (before.names_in(use, path), after.names_in(use, path)) for use in ("module", *USED_BY_IMPORTERS)
        )
        if had == has and all(old == new for old, new in pairs):
            continue
        uses = dict(zip(USED_BY_IMPORTERS, pairs, strict=True))
        for module in had | has:
            for use, name in kept.parts.get((IMPORTERS, module), ()):
                old, new = uses[use]
                if (module in had and name in old) != (module in has and name in new):
                    yield module, (use, name)


def _parts(
    path: str, before: Repository, after: Repository, kept: Kept
) -> list[tuple[str, tuple[str, Any], list[Move] | None]]:
    """The parts that were read of a file, by kind and place, each with how it has moved; None where it says another thing.

    Where parts have not kept their order, those that have moved count as if they said another thing.
    """
    read = [(kind, (path, key)) for kind in PARTS for key in kept.parts.get((kind, path), ())]
    each = [moves(part_of(before, kind, *one), part_of(after, kind, *one)) for kind, one in read]
    if not keep_order(move for made in each for move in made or ()):
        each = [None if any(by for *_, by in made or ()) else made for made in each]
    return [(kind, one, made) for (kind, one), made in zip(read, each, strict=True)]


def part_of(repository: Repository, kind: str, path: str, key: Any) -> object:
    """What a part of a file is; None where it has none, or is not there."""
    facts = repository.facts.get(path)
    if facts is None:
        return None
    match kind:
        case "imports":
            return repository.imports_of(path)
        case "places called":
            return repository.places_called(path, key)
        case "classes derived":
            return repository.classes_derived(path, key)
        case "function":
            return facts.functions[key] if key < len(facts.functions) else None
        case "top":
            return getattr(facts.functions[0], key) if facts.functions else None
        case "class":
            return facts.classes[key] if key < len(facts.classes) else None
        case "global":
            return facts.bound(key)
        case "called":
            return facts.calls(key)
        case "mention":
            return facts.outline.mentions.get(key)
        case _:
            return getattr(facts.outline, key)
