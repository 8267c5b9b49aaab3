"""Locks of threads that stay held: where something is awaited meanwhile, the next request waits for the lock, and the loop with it."""

import re
from collections.abc import Iterable

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Expression, Site, last_name
from rules.core.fixes.sharing.callers import those_above
from rules.core.usage import given_to, reached
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

_MODULES = ("threading.", "multiprocessing.")
_NAMES = ("lock", "mutex", "semaphore")
_CLASS = re.compile("R?Lock|Mutex|Semaphore")  # of files as well: filelock.FileLock, portalocker.Lock
_OF_FILES = frozenset({"flock", "lockf"})  # https://docs.python.org/3/library/fcntl.html#fcntl.flock
_ENTERING = ("__aenter__", "__enter__")
_TAKING = _OF_FILES | {"acquire"}


def is_lock(manager: Expression | None, where: Where, contexts: Contexts) -> bool:
    """Whether what a `with` enters may be a lock of threads, or holds for one thread: by its type, or where that is unknown by its name."""
    value = contexts.project.value(manager, where)
    made = contexts.project.value(manager.callee, where) if isinstance(manager, Call) else value
    if isinstance(made, Outside) and made.name in contexts.project.knowledge.thread_bound:
        return True
    if isinstance(value, Object) and isinstance(value.of, Outside):
        name = value.of.name
        is_named = _CLASS.search(name.rpartition(".")[2]) is not None
        return is_named or name.startswith(_MODULES) or name in contexts.project.knowledge.thread_bound
    if isinstance(value, Object) and isinstance(value.of, ProjectClass):
        entering = contexts.project.member(value, "__enter__")
        return isinstance(entering, ProjectFunction) and leaves_locked([entering], contexts)
    return value is None and any(word in last_name(manager).lower() for word in _NAMES)


def is_held_before(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function takes a lock somewhere by a call of its own, or before a call by one of a helper."""
    is_held = False
    for place, other in enumerate(contexts.project.function(function).sites):
        if not other.awaited and last_name(other.call.callee) in _TAKING:
            return True
        if other.span.start < site.span.start and not (other.entered or other.awaited):
            targets = contexts.targets(function, place)
            is_held = leaves_locked(targets, contexts) or (is_held and not _gives_back(targets, contexts))
    return is_held


@told_once
def is_held_around(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether those who call a function have entered what takes a lock, or it is a method of that itself: `async with` in a caller."""
    facts = contexts.project.function(function)
    if facts.owner >= 0:
        methods = contexts.project.class_(ProjectClass(function.path, facts.owner)).methods
        entering = [ProjectFunction(function.path, methods[name]) for name in _ENTERING if name in methods]
        if leaves_locked(entering, contexts):
            return True
    return any(_enters_locked(caller, contexts) for caller in those_above(function, contexts))


def _enters_locked(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function awaits something while it holds a lock."""
    facts = contexts.project.function(function)
    if any(is_lock(_entered(site), Where(function.path, function.index, site.line), contexts) for site in facts.held):
        return True
    entered = (place for place, site in enumerate(facts.sites) if site.entered and site.suspending)
    return any(leaves_locked(contexts.targets(function, place), contexts) for place in entered)


def _entered(site: Site) -> Expression:
    """What a `with` enters: what is called, or what stands there."""
    callee = site.call.callee
    return callee.of if isinstance(callee, Attribute) and callee.name == "__enter__" else site.call


def leaves_locked(functions: Iterable[ProjectFunction], contexts: Contexts) -> bool:
    """Whether one of the functions, or one that it calls, takes a lock and does not give it back itself.

    So does a pool that lets in only so many: who waits for a place stops the loop, and nobody there can leave.
    """
    return any(_leaves_locked(function, contexts) for function in functions)


@told_once
def _leaves_locked(function: ProjectFunction, contexts: Contexts) -> bool:
    return any(_stays_locked(inner, contexts) for inner in reached(function, contexts))


def _gives_back(functions: Iterable[ProjectFunction], contexts: Contexts) -> bool:
    """Whether one of the functions, or one that it calls, gives a lock back."""
    inside = (inner for function in functions for inner in reached(function, contexts))
    return any("release" in _called(inner, contexts) for inner in inside)


def _called(function: ProjectFunction, contexts: Contexts) -> set[str]:
    """The last names of what a function calls itself; of a lock of a file that is given back, `release`."""
    sites = [site for site in contexts.project.function(function).sites if not site.awaited]
    given_back = any(_unlocks(site) for site in sites)
    return {last_name(site.call.callee) for site in sites} | ({"release"} if given_back else set())


def _unlocks(site: Site) -> bool:
    flags = [last_name(one) for one in given_to(site.call) if isinstance(one, Attribute)]
    return last_name(site.call.callee) in _OF_FILES and "LOCK_UN" in flags


def _stays_locked(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    if facts.generator and any(
        is_lock(one.of, Where(function.path, function.index), contexts) for one in facts.managers
    ):
        return True
    called = _called(function, contexts)
    return bool(called & _TAKING) and "release" not in called
