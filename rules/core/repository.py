"""The files of a repository: their facts, who imports whom, and where a name is used."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise

from rules.core.facts import Call, Class, Facts, Function, Import, Outline, last_name
from rules.core.library import Knowledge
from rules.core.modules import Modules
from rules.core.values import ProjectClass, ProjectFunction, Where

_TEST = re.compile(r"(^|/)(tests?|testing|migrations|alembic)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")


@lru_cache(maxsize=65_536)
def is_offline(path: str) -> bool:
    """Whether a file never serves requests: a test or a database migration, by its place."""
    return _TEST.search(path) is not None


class Repository:
    """The facts of all files, by path, and what can be asked of them before any name is looked up."""

    def __init__(self, facts: Mapping[str, Facts], knowledge: Knowledge, modules: Modules | None = None) -> None:
        self.facts = facts
        self.knowledge = knowledge
        self.modules = modules or Modules(facts, sys.stdlib_module_names | knowledge.packages, knowledge.frameworks)
        self._imports: dict[str, tuple[tuple[Where, str, Import], ...]] = {}
        self._calls: dict[str, dict[str, list[tuple[int, int]]]] = {}
        self._makes: dict[str, bool] = {}

    def function(self, of: ProjectFunction | Where) -> Function:
        """The facts of a function."""
        return self.facts[of.path].functions[of.function if isinstance(of, Where) else of.index]

    def dotted(self, of: ProjectFunction) -> str:
        """The dotted path of a function, from the top of the repository."""
        place = of.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"{place}.{self.function(of).qualname}"

    def makes(self, of: str) -> bool:
        """Whether a file other than a test imports the package of a class, given by its dotted name, and calls the class."""
        if of not in self._makes:
            package, _, name = of.rpartition(".")
            calling = (self.facts[path].outline for path in self.calling.get(name, ()) if not is_offline(path))
            self._makes[of] = any(
                one.module.partition(".")[0] == package and not one.level for file in calling for one in file.imports
            )
        return self._makes[of]

    @cached_property
    def naming(self) -> Mapping[str, set[str]]:
        """For each name, the files that call it, import it, or mention it."""
        found: dict[str, set[str]] = {}
        for path, facts in self.facts.items():
            outline = facts.outline
            for name in (*outline.called, *outline.imported, *outline.mentions):
                found.setdefault(name.removeprefix("."), set()).add(path)
        return found

    @cached_property
    def told(self) -> frozenset[str]:
        """Each two neighbours in the dotted texts of all files: "app.tasks.send" tells of `app.tasks` and `tasks.send`."""
        texts = {text for facts in self.facts.values() for text in facts.outline.dotted}
        return frozenset(".".join(pair) for text in texts for pair in pairwise(text.split(".")))

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
        return self._importers.get(path.removesuffix(".py").removesuffix("/__init__"), set())

    @cached_property
    def _importers(self) -> Mapping[str, set[str]]:
        """For each module of the project, the files that import it or from it."""
        found: dict[str, set[str]] = {}
        for path, facts in self.facts.items():
            for one in facts.outline.imports:
                place = self.modules.find(path, one.level, one.module)
                if place is not None:
                    found.setdefault(place, set()).add(path)
                    found.setdefault(f"{place}/{one.name}", set()).add(path)
        return found

    @cached_property
    def calling(self) -> Mapping[str, list[str]]:
        """For each name, the files that call something by it."""
        return _by_name(self.facts, lambda outline: outline.called)

    @cached_property
    def deriving(self) -> Mapping[str, list[str]]:
        """For each name, the files with classes that derive from something of it."""
        return _by_name(self.facts, lambda outline: outline.bases)

    @cached_property
    def _importing(self) -> Mapping[str, list[str]]:
        return _by_name(self.facts, lambda outline: outline.imported)

    def calling_or_importing(self, names: Iterable[str]) -> list[str]:
        """The files that call or import anything by these names, in order."""
        found = {path for name in names for paths in (self.calling, self._importing) for path in paths.get(name, ())}
        return sorted(found)

    def calls_named(self, path: str, name: str) -> Iterator[tuple[Call, Where]]:
        """All calls by a name in a file."""
        functions = self.facts[path].functions
        if path not in self._calls:
            self._calls[path] = _calls_by_name(functions)
        for index, place in self._calls[path].get(name, ()):
            site = functions[index].sites[place]
            yield site.call, Where(path, index, site.line)


def _calls_by_name(functions: Sequence[Function]) -> dict[str, list[tuple[int, int]]]:
    """For each name the calls by it: the places of the function and of the call in it, so that bodies may be packed again."""
    found: dict[str, list[tuple[int, int]]] = {}
    for index, function in enumerate(functions):
        for place, site in enumerate(function.sites):
            found.setdefault(last_name(site.call.callee), []).append((index, place))
    return found


def _by_name(facts: Mapping[str, Facts], names: Callable[[Outline], Iterable[str]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, one in facts.items():
        for name in names(one.outline):
            found.setdefault(name, []).append(path)
    return found
