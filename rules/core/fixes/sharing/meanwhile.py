"""What a thread changes, or runs through, while the event loop serves other requests, which may see it as well."""

from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Expression, Subscript
from rules.core.fixes.files.rewriting import LOOKED, looks_for_a_name, rewriting
from rules.core.fixes.sharing.handed import has_shared_changed
from rules.core.fixes.sharing.hazards import changes_global, changes_process, is_unthreaded, roots_of, shared_names
from rules.core.fixes.sharing.iteration import runs_through_shared
from rules.core.fixes.sharing.objects import takes_what_serves_all, unproven
from rules.core.fixes.sharing.owning import handed_new, is_made_there, own_name
from rules.core.usage import wrapping
from rules.core.values import ProjectClass, ProjectFunction

MEANWHILE = "What it calls changes what requests may share, and other requests run meanwhile."
CROWDING = "What it calls runs library code that no two threads may run at once, and other requests run meanwhile."
TRAVERSED = (
    "What it calls loops over something that other requests may change; where a dictionary grows meanwhile, Python raises "
    "`RuntimeError`."
)
_Known = tuple[ProjectFunction, bool, frozenset[str]]
"""A function, whether the object whose method it is was made for its caller, and the parameters that stand for what was."""


def difference_meanwhile(
    function: ProjectFunction, contexts: Contexts, *, is_own: bool, new: frozenset[str] = frozenset()
) -> str:
    """What may differ if others run beside a function: it, or what it calls, changes what they see, or runs through that.

    A sentence; empty where nothing does. Of an object that `is_own`, and of what `new` parameters are given, only its caller knows.
    """
    return _difference((function, is_own, new), contexts)


@told_once
def _difference(known: _Known, contexts: Contexts) -> str:
    function, _, _ = known
    if difference := rewriting(function, contexts):
        return difference
    if looks_for_a_name(function, contexts):
        return LOOKED
    seen = {known}
    waiting = [*seen]
    while waiting:
        current, made, new = waiting.pop()
        facts = contexts.project.function(current)
        made = facts.owner >= 0 and (made or facts.name == "__init__")
        own = {facts.parameters[0].name} if made and facts.parameters else set[str]()
        if _alters(current, own | new, contexts):
            return MEANWHILE
        if is_unthreaded(current, contexts):
            return CROWDING
        if not own and runs_through_shared(current, contexts):
            return TRAVERSED
        if name := unproven(current, contexts):
            return used_by_threads(name)
        called = [
            *((one, made, frozenset[str]()) for one in wrapping(current, contexts)),
            *_called(current, own, new, contexts),
        ]
        found = [one for one in called if one not in seen]
        waiting += found
        seen.update(found)
    return ""


def used_by_threads(name: str) -> str:
    """A sentence: threads come to use one object of a class."""
    return f"All requests use the same `{name}`, and its makers do not say that several threads may use it at once."


def _called(function: ProjectFunction, own: set[str], new: frozenset[str], contexts: Contexts) -> Iterator[_Known]:
    """What a function calls, with what is known of it there."""
    for place, site in enumerate(contexts.project.function(function).sites):
        is_method = isinstance(site.call.callee, Attribute)
        is_own = is_method and roots_of(site.call) == own and not _is_taken(site.call, function, contexts)
        kept = is_own or is_made_there(site.call, function, contexts)
        for target in contexts.targets(function, place):
            yield target, kept, handed_new(site.call, target, function, new, contexts)


def _alters(function: ProjectFunction, own: set[str] | frozenset[str], contexts: Contexts) -> bool:
    """Whether a function itself changes what others see, by another name than that of what is its own."""
    facts = contexts.project.function(function)
    if any(name.rstrip(".") not in own for name in shared_names(facts, function, contexts)):
        return True
    if changes_process(function, contexts) or has_shared_changed(function, contexts):
        return True
    changed = (site.call for site in facts.sites if changes_global(site.call, facts, function, contexts))
    if any(not roots_of(call) <= own or _is_taken(call, function, contexts) for call in changed):
        return True
    items = (name.partition("[")[0].split(".") for name in facts.bindings if "[" in name)
    parts = (parts[1] for parts in items if len(parts) > 1 and parts[0] in own_name(facts))
    return any(_takes(name, function, contexts) for name in parts)


def _is_taken(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on what an object was given of what serves all: `self.seen.add(...)` where that lies in a module."""
    of: Expression = call.callee
    while isinstance(of, (Attribute, Subscript)) and isinstance(of.of, (Attribute, Subscript)):
        of = of.of
    return isinstance(of, Attribute) and _takes(of.name, function, contexts)


def _takes(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    return facts.owner >= 0 and takes_what_serves_all(name, ProjectClass(function.path, facts.owner), contexts)
