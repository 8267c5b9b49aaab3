"""Locks of threads that a `with` holds: where something is awaited inside, the next request waits for the lock, and the loop with it."""

from collections.abc import Iterable

from rules.core.contexts import Contexts
from rules.core.facts import Expression, last_name
from rules.core.usage import reached
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

_MODULES = ("threading.", "multiprocessing.")
_NAMES = ("lock", "mutex", "semaphore")


def is_lock(manager: Expression | None, where: Where, contexts: Contexts) -> bool:
    """Whether what a `with` enters may be a lock of threads: by its type, or where that is unknown by its name."""
    value = contexts.project.value(manager, where)
    if isinstance(value, Object) and isinstance(value.of, Outside):
        return value.of.name.startswith(_MODULES) or value.of.name in contexts.project.knowledge.thread_bound
    if isinstance(value, Object) and isinstance(value.of, ProjectClass):
        entering = contexts.project.member(value, "__enter__")
        return isinstance(entering, ProjectFunction) and leaves_locked([entering], contexts)
    return value is None and any(word in last_name(manager).lower() for word in _NAMES)


def leaves_locked(entering: Iterable[ProjectFunction], contexts: Contexts) -> bool:
    """Whether one of the functions that enter a `with`, or one that it calls, takes a lock and does not give it back itself.

    So does a pool that lets in only so many: who waits for a place stops the loop, and nobody there can leave.
    """
    return any(_stays_locked(inner, contexts) for function in entering for inner in reached(function, contexts))


def _stays_locked(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    if facts.generator and any(is_lock(one, Where(function.path, function.index), contexts) for one in facts.managers):
        return True
    called = {last_name(site.call.callee) for site in facts.sites if not site.awaited}
    return "acquire" in called and "release" not in called
