"""Locks around what is done with files: who holds one while it reads and writes keeps out all that write under the same."""

from collections.abc import Collection

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Expression, Import, Name, Site
from rules.core.fixes.files.calls import WORDS, written_by
from rules.core.fixes.files.told import File, file_of
from rules.core.fixes.sharing.objects import is_kept_by_a_module
from rules.core.fixes.taken.locks import is_lock
from rules.core.repository import is_offline
from rules.core.usage import reached
from rules.core.values import Object, ProjectClass, ProjectFunction, Where

_MOST_CALLERS = 4  # functions, from one that writes to one that holds a lock around it

Lock = tuple[str | ProjectClass, str]
"""A global by its file and name, or an attribute of an object that a module keeps."""
_Writers = dict[File | None, tuple[tuple[ProjectFunction, int], ...]]


def is_guarded(function: ProjectFunction, sites: Collection[Site], contexts: Contexts) -> bool:
    """Whether a function holds one lock over all of these calls, which everything holds that writes the same files."""
    locks = _locks_over({site.line for site in sites}, function, contexts)
    if not locks:
        return False
    written = [pair for one in reached(function, contexts) for pair in _written(one, contexts)]
    untold = {one.path for file, one, _ in written if file is None}
    writers = contexts.table("writers of files", lambda: _writers(contexts))
    places = [place for file in {file for file, _, _ in written} - {None} for place in writers.get(file, ())]
    places += [place for place in writers.get(None, ()) if place[0].path in untold]
    return bool(places) and any(all(lock in locks_at(one, line, contexts) for one, line in places) for lock in locks)


def locks_at(function: ProjectFunction, line: int, contexts: Contexts) -> frozenset[Lock]:
    """The locks that are held whenever a function comes to a line."""
    return _locks_over({line}, function, contexts)


def _locks_over(lines: set[int], function: ProjectFunction, contexts: Contexts, depth: int = 0) -> frozenset[Lock]:
    """The locks that a function, or all that call it, hold without a break over these lines."""
    where = Where(function.path, function.index)
    around = (
        one.of
        for one in contexts.project.function(function).managers
        if one.first_line <= min(lines) and max(lines) <= one.last_line and is_lock(one.of, where, contexts)
    )
    own = frozenset(filter(None, (_lock(one, where, contexts) for one in around)))
    if depth > _MOST_CALLERS or contexts.root_of(function) is not None:
        return own
    calls = ((ProjectFunction(at.path, at.function), at.line) for _, at in contexts.project.calls_of(function))
    held = [_locks_over({line}, caller, contexts, depth + 1) for caller, line in calls if not is_offline(caller.path)]
    return own.union(frozenset.intersection(*held)) if held else own


def _lock(manager: Expression, where: Where, contexts: Contexts) -> Lock | None:
    """Which lock it is, where all requests have the same."""
    if isinstance(manager, Attribute):
        owner = contexts.project.value(manager.of, where)
        of = owner.of if isinstance(owner, Object) else owner
        if isinstance(of, ProjectClass):
            is_one = manager.name in contexts.project.class_(of).bindings or is_kept_by_a_module(of, contexts)
            return (of, manager.name) if is_one else None
    bound = contexts.project.function(where).bindings.get(manager.id, ()) if isinstance(manager, Name) else ()
    is_own = any(not isinstance(one.value, Import) for one in bound)
    return None if is_own else contexts.project.definition(manager, where)


@told_once
def _written(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[File | None, ProjectFunction, int], ...]:
    """The files that a function writes itself, each with the place; None where the program does not tell which."""
    return tuple(
        (file_of(path, Where(function.path, function.index, site.line), contexts), function, site.line)
        for site, path in written_by(function, contexts)
    )


def _writers(contexts: Contexts) -> _Writers:
    """Where each file is written, in the whole program."""
    found: _Writers = {}
    for path, facts in contexts.project.facts.items():
        if is_offline(path) or facts.outline.called.isdisjoint(WORDS):
            continue
        for index in range(len(facts.functions)):
            for file, function, line in _written(ProjectFunction(path, index), contexts):
                found[file] = (*found.get(file, ()), (function, line))
    return found
