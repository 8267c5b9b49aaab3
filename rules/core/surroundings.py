"""What is found around some files holds whatever those come to say, if nothing on the way asks them.

Many fixes of one file are proved, one after the other, and each time calls are followed into the files around it. There the edited
file is out of reach: whoever asks what it says, or might come to say, gets `OutOfReachError`, and is answered anew each time.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any, TypeVar

from rules.core import noting
from rules.core.contexts import Contexts
from rules.core.facts import Facts
from rules.core.files import Files
from rules.core.memory import Recalling
from rules.core.project import Project
from rules.core.repository import USES
from rules.core.roots import TABLES, named_places
from rules.core.sinks import Called, Sink
from rules.core.values import ProjectFunction

_T = TypeVar("_T")


class OutOfReachError(Exception):
    """The answer depends on what an edited file says."""


class Surroundings:
    """A repository, some files of which are edited again and again; `contexts` are those before any edit."""

    def __init__(self, contexts: Contexts) -> None:
        self.contexts = contexts
        self._around: _Around | None = None
        self._said: dict[Callable[[str, Contexts], object], dict[str, Any]] = {}

    def said(self, ask: Callable[[str, Contexts], _T], path: str) -> _T:
        """What a file says before any edit, for those who ask again and again."""
        told: dict[str, _T] = self._said.setdefault(ask, {})
        if path not in told:
            told[path] = ask(path, self.contexts)
        return told[path]

    def after(self, edited: Mapping[str, Facts], *, has_same_api: bool = False) -> Contexts:
        """The contexts of the repository with other facts of some files.

        With `has_same_api` they are to be asked only where signatures and registrations are as they were.
        """
        project = self.contexts.project
        before = self.contexts if has_same_api else None
        if isinstance(project.memory, Recalling):
            unchanged = self._unchanged(edited) if has_same_api else ()
            return Contexts(noting.edited(project, edited, unchanged), before=before)
        if self._around is None or self._around.hidden != edited.keys():
            self._around = _Around(project, frozenset(edited))
        fits = self._around.fits(edited)
        return Contexts(project.with_facts(edited), self._around if fits else None, before)

    def _unchanged(self, edited: Mapping[str, Facts]) -> Collection[str]:
        """What all roots together make up, where edits that leave the API as it was put no lambda between two functions."""
        files = self.contexts.project.facts
        is_in_place = all(named_places(files[path]) == named_places(facts) for path, facts in edited.items())
        return TABLES if is_in_place else ()


class _Around:
    """What functions around some files, `hidden` ones, call and come to block in."""

    def __init__(self, project: Project, hidden: frozenset[str]) -> None:
        self.hidden = hidden
        self._project = project
        self._asked: set[tuple[str, str]] = set()
        self._gained: dict[str, AbstractSet[str]] = {}
        self._used = {(use, path): project.names(use, path, project.facts[path]) for use in USES for path in hidden}
        self._contexts = self._new_contexts()
        self._steps: dict[ProjectFunction, tuple[Called, ...] | None] = {}
        self._sinks: dict[ProjectFunction, tuple[Sink, ...] | None] = {}

    def _new_contexts(self) -> Contexts:
        return Contexts(_Reachable(self._project, self.hidden, self._asked, self._gained))

    def fits(self, edited: Mapping[str, Facts]) -> bool:
        """Whether what was found so far holds beside these facts of the hidden files. What is found from now on will."""
        for use in USES:
            each = (self._project.names(use, path, facts) - self._used[use, path] for path, facts in edited.items())
            self._gained[use] = frozenset().union(*each)
        old = self._project.facts
        if any(facts.outline.properties != old[path].outline.properties for path, facts in edited.items()):
            return False
        return not any(name in self._gained[use] for use, name in self._asked)

    def steps(self, function: ProjectFunction) -> tuple[Called, ...] | None:
        """What the function calls; None where that is out of reach."""
        if function not in self._steps:
            self._steps[function] = self._within_reach(lambda: tuple(self._contexts.steps(function)), function)
        return self._steps[function]

    def own_sinks(self, function: ProjectFunction) -> tuple[Sink, ...] | None:
        """The blocking calls that stand in the function; None where that is out of reach."""
        if function not in self._sinks:
            self._sinks[function] = self._within_reach(lambda: self._contexts.own_sinks(function), function)
        return self._sinks[function]

    def _within_reach(self, work_out: Callable[[], _T], function: ProjectFunction) -> _T | None:
        if function.path in self.hidden:
            return None
        try:
            return work_out()
        except OutOfReachError:
            self._contexts = self._new_contexts()  # the old ones have stopped halfway
            return None


class _Reachable(Project):
    """A repository, without what the hidden files say."""

    def __init__(
        self,
        before: Project,
        hidden: frozenset[str],
        asked: set[tuple[str, str]],
        gained: Mapping[str, AbstractSet[str]],
    ) -> None:
        self._hidden, self._asked, self._gained = hidden, asked, gained
        self._known = before
        super().__init__(_ReachableFiles(before.facts, hidden), before.knowledge, before)

    @cached_property
    def edited(self) -> list[str]:
        return sorted(self._hidden)

    @property
    def properties(self) -> frozenset[str]:
        return self._known.properties

    def _by_name(self, use: str) -> Mapping[str, list[str]]:
        if use not in self._files:
            index = self._known._by_name(use)  # noqa: SLF001 -- of another one of its kind
            self._files[use] = _Index(index, self._hidden, self._gained, use, self._asked)
        return self._files[use]


class _ReachableFiles(Files):
    """All files but the hidden ones. Which files there are no edit changes."""

    def __init__(self, facts: Mapping[str, Facts], hidden: frozenset[str]) -> None:
        super().__init__(facts)
        self._hidden = hidden

    def __getitem__(self, path: str) -> Facts:
        if path in self._hidden:
            raise OutOfReachError
        return self._facts[path]


class _Index(Mapping[str, list[str]]):
    """For each name the files that use it. Which names were asked for is noted: an edited file may come to use one."""

    def __init__(
        self,
        files: Mapping[str, list[str]],
        hidden: frozenset[str],
        gained: Mapping[str, AbstractSet[str]],
        use: str,
        asked: set[tuple[str, str]],
    ) -> None:
        self._files, self._hidden, self._gained = files, hidden, gained
        self._use, self._asked = use, asked

    def __getitem__(self, name: str) -> list[str]:
        self._asked.add((self._use, name))
        if name in self._gained[self._use]:
            raise OutOfReachError
        files = self._files[name]
        if not self._hidden.isdisjoint(files):
            raise OutOfReachError
        return files

    def __iter__(self) -> Iterator[str]:
        raise OutOfReachError

    def __len__(self) -> int:
        raise OutOfReachError
