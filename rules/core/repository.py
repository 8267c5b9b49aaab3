"""The files of a repository: their facts, who imports whom, and where a name is used."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, lru_cache
from itertools import compress, pairwise
from operator import is_not

from rules.core.facts import Call, Class, Facts, Function, Import, Outline, attributes_in, class_name, last_name
from rules.core.knowledge import Knowledge
from rules.core.memory import Memory
from rules.core.modules import Modules, ends_of
from rules.core.values import ProjectClass, ProjectFunction, Where

_TEST = re.compile(r"(^|/)(tests?|testing|migrations|alembic)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")

USES = ("call", "import", "derive", "module", "name", "state", "told", "method")
"""In which ways files use names."""


def module_of(path: str) -> str:
    """The place of the module that a file is."""
    return path.removesuffix(".py").removesuffix("/__init__")


@lru_cache(maxsize=65_536)
def is_offline(path: str) -> bool:
    """Whether a file never serves requests: a test or a database migration, by its place."""
    return _TEST.search(path) is not None


class Repository:
    """The facts of all files, by path, and what can be asked of them before any name is looked up.

    `before` is the same repository with other facts of some files, without some and with others. What it has gathered holds for
    all that are still the same, since a file says the same of itself whatever the rest says.
    """

    def __init__(
        self,
        facts: Mapping[str, Facts],
        knowledge: Knowledge,
        before: Repository | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.facts = facts
        self.knowledge = knowledge
        self.memory = memory or Memory()
        self._before = before if before is not None and before.is_comparable(facts, knowledge) else None
        self._imports: dict[str, tuple[tuple[Where, str, Import], ...]] = {}
        self._calls: dict[str, dict[str, list[tuple[int, int]]]] = {}
        self._names: dict[tuple[str, str], AbstractSet[str]] = {}
        self._makes: dict[str, bool] = self.memory.answers("made")
        self._files: dict[str, Mapping[str, list[str]]] = {}
        self.gathered: Mapping[str, Mapping[str, list[str]]] = {}
        """For each use the files by name, as far as that was worked out before; see `by_name`."""
        if self._before is not None and [*self._before.facts] == [*facts]:
            self.modules: Modules = self._before.modules
        else:
            known = self._before.modules if self._before is not None else None
            libraries = sys.stdlib_module_names | knowledge.packages
            self.modules = Modules(facts, libraries, knowledge.frameworks, known)
        if self._before is not None:
            self._take_over(self._before)

    def _take_over(self, before: Repository) -> None:
        self._imports |= before._imports
        self._calls |= before._calls
        for path in self.edited:
            self._imports.pop(path, None)
            self._calls.pop(path, None)

    def is_comparable(self, facts: Mapping[str, Facts], knowledge: Knowledge) -> bool:
        """Whether a repository of these facts has the files that both have in the same order, and a name means the same library."""
        ours, theirs = [*self.facts], [*facts]
        if ours != theirs:
            ours = [path for path in ours if path in facts]
            theirs = [path for path in theirs if path in self.facts]
        packages = (self.knowledge.packages, self.knowledge.frameworks)
        return ours == theirs and packages == (knowledge.packages, knowledge.frameworks)

    @cached_property
    def edited(self) -> list[str]:
        """The files of which the repository before had other facts, or none, and those that only that one had."""
        if self._before is None:
            return [*self.facts]
        before = self._before.facts
        if self.modules is self._before.modules:
            return list(compress(self.facts, map(is_not, self.facts.values(), before.values())))
        gone = (path for path in before if path not in self.facts)
        return [*(path for path, facts in self.facts.items() if before.get(path) is not facts), *gone]

    def function(self, of: ProjectFunction | Where) -> Function:
        """The facts of a function."""
        return self.facts[of.path].functions[of.function if type(of) is Where else of.index]

    def dotted(self, of: ProjectFunction) -> str:
        """The dotted path of a function, from the top of the repository."""
        return f"{module_of(of.path).replace('/', '.')}.{self.function(of).qualname}"

    def makes(self, of: str) -> bool:
        """Whether a file other than a test imports the package of a class, given by its dotted name, and calls the class."""
        if of not in self._makes:
            self._makes[of] = False
            package, _, name = of.rpartition(".")
            calling = (self.facts[path].outline for path in self.calling.get(name, ()) if not is_offline(path))
            self._makes[of] = any(
                one.module.partition(".")[0] == package and not one.level for file in calling for one in file.imports
            )
        return self._makes[of]

    @property
    def naming(self) -> Mapping[str, list[str]]:
        """For each name, the files that call it, import it, or mention it."""
        return self.by_name("name")

    @property
    def properties(self) -> frozenset[str]:
        """The names, each behind a dot, of all methods that are read like attributes."""
        return self._properties_of_all[""]

    @cached_property
    def _properties_of_all(self) -> Mapping[str, frozenset[str]]:
        return self.memory.table("properties", lambda: {"": self._gathered_properties()})

    def _gathered_properties(self) -> frozenset[str]:
        before = self._before
        if before is not None and all(before.properties_in(path) == self.properties_in(path) for path in self.edited):
            return before.properties
        names = frozenset().union(*(facts.outline.properties for facts in self.facts.values()))
        return frozenset(f".{name}" for name in names)

    def properties_in(self, path: str) -> Collection[str]:
        """The names of the methods in a file that are read like attributes; none where it is not there."""
        return self.facts[path].outline.properties if path in self.facts else ()

    @property
    def told(self) -> Mapping[str, list[str]]:
        """The files by each two neighbours in their dotted texts: "app.tasks.send" tells of `app.tasks` and `tasks.send`."""
        return self.by_name("told")

    @property
    def stating(self) -> Mapping[str, list[str]]:
        """For each name, the files that set an attribute of that name on a state or an application."""
        return self.by_name("state")

    @property
    def having(self) -> Mapping[str, list[str]]:
        """For each name, the files with classes that have a method of it."""
        return self.by_name("method")

    def imports_of(self, path: str) -> tuple[tuple[Where, str, Import], ...]:
        """The imports of a file, each with the name that it binds; a star binds `*`."""
        if path not in self._imports:
            facts = self.facts[path]
            named = [
                (Where(path, index, binding.line), name, binding.value)
                for index, function in enumerate(facts.functions)
                for name, bindings in function.bindings.items()
                for binding in bindings
                if isinstance(binding.value, Import)
            ]
            stars = [(Where(path), "*", Import(star.level, star.module)) for star in facts.outline.stars]
            self._imports[path] = (*named, *stars)
        return self._imports[path]

    def class_(self, of: ProjectClass) -> Class:
        """The facts of a class."""
        return self.facts[of.path].classes[of.index]

    def importers_of(self, path: str) -> set[str]:
        """The files that import a module or anything from it."""
        return set(self.by_name("module").get(module_of(path), ()))

    def importers_using(self, path: str, use: str, name: str) -> set[str]:
        """Those of them that use a name in one of the ways of `names`."""
        return self.importers_of(path).intersection(self.by_name(use).get(name, ()))

    def _modules_imported(self, path: str, outline: Outline) -> Iterator[str]:
        """The places of the modules of the project that a file imports, or imports from; what it imports from them may be one too."""
        for one in outline.imports:
            place = self.modules.find(path, one.level, one.module)
            if place is not None:
                yield place
                yield f"{place}/{one.name}"

    @property
    def calling(self) -> Mapping[str, list[str]]:
        """For each name, the files that call something by it."""
        return self.by_name("call")

    @cached_property
    def holding(self) -> Mapping[str, list[str]]:
        """For each name of an attribute, the files that read or set one, also on the way to another: `client` in `api.client.get`."""
        found: dict[str, list[str]] = {}
        for path, facts in self.facts.items():
            for name in {name for function in facts.functions for name in _attributes(function)}:
                found.setdefault(name, []).append(path)
        return found

    @property
    def importing(self) -> Mapping[str, list[str]]:
        """For each name, the files that import it."""
        return self.by_name("import")

    @property
    def deriving(self) -> Mapping[str, list[str]]:
        """For each name, the files with classes that derive from something of it."""
        return self.by_name("derive")

    def by_name(self, use: str) -> Mapping[str, list[str]]:
        """For each name the files that use it in one of the ways of `names`, in the order of all files."""
        if use not in self._files:
            if use in self.gathered:
                self._files[use] = self.gathered[use]
            else:
                self._files[use] = (
                    self._gathered(use) if self._before is None else self._gathered_again(use, self._before)
                )
        return self._files[use]

    def _gathered(self, use: str) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, facts in self.facts.items():
            for name in self.names(use, path, facts):
                found.setdefault(name, []).append(path)
        return found

    def _gathered_again(self, use: str, before: Repository) -> Mapping[str, list[str]]:
        """What was gathered before, with each edited file taken from the names that it has lost and put to those that it has got."""
        changed: dict[str, set[str]] = {}
        for path in self.using_otherwise(use, before):
            for name in before.names_in(use, path) ^ self.names_in(use, path):
                changed.setdefault(name, set()).add(path)
        if not changed:
            return before.by_name(use)
        found = dict(before.by_name(use))
        order = {path: place for place, path in enumerate(self.facts)}
        for name, others in changed.items():
            paths = sorted({*found.pop(name, ())} ^ others, key=order.__getitem__)
            if paths:
                found[name] = paths
        return found

    def used_otherwise(self, use: str, before: Repository) -> AbstractSet[str]:
        """The names that other files use in a way than did in the repository before."""
        each = self.using_otherwise(use, before)
        return frozenset().union(*(before.names_in(use, path) ^ self.names_in(use, path) for path in each))

    def few(self, use: str, name: str, most: int, serving: bool = False) -> Sequence[str] | None:
        """The files that use a name in one of the ways of `names`, in order, or only those that may be `serving` requests; None
        where they are more than so many.
        """
        paths = self.by_name(use).get(name, ())
        if serving:
            paths = [path for path in paths if not is_offline(path)]
        return paths if len(paths) <= most else None

    def using_otherwise(self, use: str, before: Repository) -> Collection[str]:
        """The files that may use names otherwise: those that are edited, and those whose imports may mean other modules."""
        if use != "module" or self.modules is before.modules:
            return self.edited
        if (names := self.modules.renewed) is None:
            return {*self.facts, *before.facts}
        return {*self.edited, *(path for name in names for path in before._importing_by_ends.get(name, ()))}

    @cached_property
    def _importing_by_ends(self) -> Mapping[str, Collection[str]]:
        """For each name, the files that import a module which begins or ends with it."""
        found: dict[str, set[str]] = {}
        for path, facts in self.facts.items():
            for name in {name for one in facts.outline.imports for name in ends_of(one.module)}:
                found.setdefault(name, set()).add(path)
        return found

    def names_in(self, use: str, path: str) -> AbstractSet[str]:
        """The names that a file uses in one of the ways of `names`; none where it is not there."""
        if (use, path) not in self._names:
            self._names[use, path] = self.names(use, path, self.facts[path]) if path in self.facts else frozenset()
        return self._names[use, path]

    def names(self, use: str, path: str, facts: Facts) -> AbstractSet[str]:
        """The names that a file calls, imports, derives classes from, states, tells of, gives methods, or has anywhere; the
        modules that it imports.
        """
        outline = facts.outline
        match use:
            case "call":
                return outline.called
            case "import":
                return outline.imported
            case "derive":
                return outline.bases
            case "module":
                return {*self._modules_imported(path, outline)}
            case "state":
                return outline.states
            case "told":
                return {".".join(pair) for text in outline.dotted for pair in pairwise(text.split("."))}
            case "method":
                return {name for class_ in facts.classes for name in class_.methods}
            case _:
                return {name.removeprefix(".") for name in (*outline.called, *outline.imported, *outline.mentions)}

    def classes_derived(self, path: str, name: str) -> tuple[int, ...]:
        """The places of the classes in a file that derive from something of a name."""
        return tuple(
            index for index, class_ in enumerate(self.facts[path].classes) if name in map(class_name, class_.bases)
        )

    def calling_or_importing(self, names: Iterable[str]) -> list[str]:
        """The files that call or import anything by these names, in order."""
        found = {path for name in names for paths in (self.calling, self.importing) for path in paths.get(name, ())}
        return sorted(found)

    def calls_named(self, path: str, name: str) -> Iterator[tuple[Call, Where]]:
        """All calls by a name in a file."""
        functions = self.facts[path].functions
        for index, place in self.places_called(path, name):
            site = functions[index].sites[place]
            yield site.call, Where(path, index, site.line)

    def places_called(self, path: str, name: str) -> Sequence[tuple[int, int]]:
        """Where a file calls anything by a name: the places of the function, and of the call in it."""
        if path not in self._calls:
            self._calls[path] = _calls_by_name(self.facts[path].functions)
        return self._calls[path].get(name, ())


def _calls_by_name(functions: Sequence[Function]) -> dict[str, list[tuple[int, int]]]:
    """For each name the calls by it: the places of the function and of the call in it, so that bodies may be packed again."""
    found: dict[str, list[tuple[int, int]]] = {}
    for index, function in enumerate(functions):
        for place, site in enumerate(function.sites):
            found.setdefault(last_name(site.call.callee), []).append((index, place))
    return found


def _attributes(function: Function) -> Iterator[str]:
    yield from (name.rpartition(".")[2] for name in (*function.reads, *function.bindings) if "." in name)
    yield from (one.name for site in function.sites for one in attributes_in(site.call))
