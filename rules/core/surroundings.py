"""What is found around some files holds whatever those come to say, if nothing on the way asks them.

Many fixes of one file are proved, one after the other, and each time calls are followed into the files around it. There the edited
file is out of reach: whoever asks what it says, or might come to say, gets `OutOfReachError`, and is answered anew each time.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any, TypeVar

from rules.core import noting
from rules.core.contexts import Contexts
from rules.core.facts import Facts
from rules.core.files import Files
from rules.core.memory import Memory, Recalling
from rules.core.project import Project
from rules.core.repository import USES
from rules.core.roots import TABLES, Root, Roots, named_places
from rules.core.sinks import Called, Sink
from rules.core.values import ProjectFunction

_K = TypeVar("_K", bound=Hashable)
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
        if isinstance(project.memory, Recalling):
            unchanged = self._unchanged(edited) if has_same_api else ()
            after = noting.edited(project, edited, unchanged)
            return Contexts(after, roots=self._roots(after) if has_same_api else None)
        around = self._around_edited(frozenset(edited), has_same_api=has_same_api)
        known, after = around if around.fits(edited) else None, project.with_facts(edited)
        return Contexts(after, known, self._roots(after) if has_same_api else None)

    def _roots(self, after: Project) -> Roots:
        """What the framework calls as it did before."""
        return Roots(after, (self.contexts.project, self.contexts.roots))

    def _around_edited(self, paths: frozenset[str], *, has_same_api: bool) -> "_Around":
        """What is around some files; the fixes of one come one after the other."""
        if self._around is None or (self._around.hidden, self._around.has_same_api) != (paths, has_same_api):
            self._around = _Around(self.contexts, paths, has_same_api=has_same_api)
        return self._around

    def _unchanged(self, edited: Mapping[str, Facts]) -> Collection[str]:
        """What all roots together make up, where edits that leave the API as it was put no lambda between two functions."""
        files = self.contexts.project.facts
        is_in_place = all(named_places(files[path]) == named_places(facts) for path, facts in edited.items())
        return TABLES if is_in_place else ()


class _Around:
    """What functions around some files, `hidden` ones, call and come to block in.

    With `has_same_api` the framework calls what it calls in the contexts before any edit.
    """

    def __init__(self, before: Contexts, hidden: frozenset[str], *, has_same_api: bool = False) -> None:
        self.hidden = hidden
        self.has_same_api = has_same_api
        self._project = project = before.project
        self._asked: set[tuple[str, str]] = set()
        self._gained: dict[str, AbstractSet[str]] = {}
        self._used = {(use, path): project.names(use, path, project.facts[path]) for use in USES for path in hidden}
        self._memory = _Unwinding()
        reachable = _Reachable(project, hidden, self._asked, self._gained, self._memory)
        roots = _ReachableRoots(reachable, before, hidden) if has_same_api else None
        self._contexts = Contexts(reachable, roots=roots)
        self._steps: dict[ProjectFunction, tuple[Called, ...] | None] = {}
        self._own_sinks: dict[ProjectFunction, tuple[Sink, ...] | None] = {}
        self._sinks: dict[ProjectFunction, tuple[Sink | None] | None] = {}

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
        if function not in self._own_sinks:
            self._own_sinks[function] = self._within_reach(lambda: self._contexts.own_sinks(function), function)
        return self._own_sinks[function]

    def sink(self, function: ProjectFunction) -> tuple[Sink | None] | None:
        """What the function comes to block in, if in anything; None where that is out of reach."""
        if function not in self._sinks:
            self._sinks[function] = self._within_reach(lambda: (self._contexts.sink(function),), function)
        return self._sinks[function]

    def _within_reach(self, work_out: Callable[[], _T], function: ProjectFunction) -> _T | None:
        if function.path in self.hidden:
            return None
        try:
            return work_out()
        except OutOfReachError:
            self._memory.unwind()
            return None


class _Unwinding(Memory):
    """Forgets, when the work has stopped halfway, the answers that were being worked out."""

    def __init__(self) -> None:
        self._all: list[_Answers[Any, Any]] = []

    def answers(self, kind: str = "") -> dict[_K, _T]:
        del kind
        found: _Answers[_K, _T] = _Answers()
        self._all.append(found)
        return found

    def unwind(self) -> None:
        for answers in self._all:
            answers.unwind()


class _Answers(dict[_K, _T]):
    """Answers that are set twice: before they are worked out, and after."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: set[_K] = set()

    def __setitem__(self, key: _K, value: _T) -> None:
        if key in self:
            self._begun.discard(key)
        else:
            self._begun.add(key)
        super().__setitem__(key, value)

    def unwind(self) -> None:
        for key in self._begun:
            del self[key]
        self._begun.clear()


class _Reachable(Project):
    """A repository, without what the hidden files say."""

    def __init__(
        self,
        before: Project,
        hidden: frozenset[str],
        asked: set[tuple[str, str]],
        gained: Mapping[str, AbstractSet[str]],
        memory: Memory | None = None,
    ) -> None:
        self._hidden, self._asked, self._gained = hidden, asked, gained
        self._known = before
        super().__init__(_ReachableFiles(before.facts, hidden), before.knowledge, before, memory)

    @cached_property
    def edited(self) -> list[str]:
        return sorted(self._hidden)

    @property
    def properties(self) -> frozenset[str]:
        return self._known.properties

    def by_name(self, use: str) -> Mapping[str, list[str]]:
        if use not in self._files:
            index = self._known.by_name(use)
            self._files[use] = _Index(index, self._hidden, self._gained, use, self._asked)
        return self._files[use]


class _ReachableRoots(Roots):
    """What the framework calls outside of the hidden files, as it did before any edit."""

    def __init__(self, project: Project, before: Contexts, hidden: frozenset[str]) -> None:
        super().__init__(project)
        self._known, self._hidden = before, hidden

    @cached_property
    def by_function(self) -> Mapping[ProjectFunction, Root]:
        return _Outside({root.function: root for root in self._known.roots}, self._hidden)


class _Outside(Mapping[ProjectFunction, Root]):
    """The roots outside of the hidden files."""

    def __init__(self, roots: Mapping[ProjectFunction, Root], hidden: frozenset[str]) -> None:
        self._roots, self._hidden = roots, hidden

    def __getitem__(self, function: ProjectFunction) -> Root:
        if function.path in self._hidden:
            raise OutOfReachError
        return self._roots[function]

    def __iter__(self) -> Iterator[ProjectFunction]:
        raise OutOfReachError

    def __len__(self) -> int:
        raise OutOfReachError


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
