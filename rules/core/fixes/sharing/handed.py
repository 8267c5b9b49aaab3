"""What a function changes of what it is given: who hands it what requests share has that changed."""

from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Expression, Function, Name, Site, Subscript
from rules.core.fixes.files.names import MOST_REACHED, parameters_given
from rules.core.fixes.sharing.owning import is_shared, root_names
from rules.core.usage import reached
from rules.core.values import Outside, ProjectFunction, Where

_CHANGING = frozenset(
    {"append", "add", "update", "pop", "setdefault", "extend", "remove", "clear", "discard", "insert", "popitem"}
)
"""Methods of containers that change them."""
_VERBS = frozenset({"add", "append", "remove"})
"""What the methods of other objects that change them begin with: `memory.add_message(text)`."""


@told_once
def has_shared_changed(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function hands what requests share to one that changes it: `set_cached(cache, key, value)`."""
    facts = contexts.project.function(function)
    return any(
        is_shared(name, facts, function, contexts)
        for _, value in _handed(facts, function, contexts)
        for name in root_names(value)
    )


def _changed_parameters(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    return _all_changed(function, contexts) or frozenset()  # while it is asked, for functions that call each other


@told_once
def _all_changed(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """The parameters in which a function changes something, itself or by what it calls; not those that it gives another value."""
    facts = contexts.project.function(function)
    changed = {name.partition(".")[0].partition("[")[0] for name in facts.bindings if not name.isidentifier()}
    for site in facts.sites:
        if _changes(site, function, contexts):
            changed |= root_names(site.call.callee)
    if len(reached(function, contexts)) <= MOST_REACHED:
        for _, value in _handed(facts, function, contexts):
            changed |= root_names(value)
    return frozenset(
        one.name for one in facts.parameters[facts.is_bound :] if one.name in changed - facts.bindings.keys()
    )


def changes_by_name(method: str) -> bool:
    """Whether a method, of what nobody knows more, changes what it is called on."""
    return method in _CHANGING or ("_" in method and method.partition("_")[0] in _VERBS)


def _changes(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method changes the container that it is called on."""
    callee = site.call.callee
    if not isinstance(callee, Attribute) or not changes_by_name(callee.name):
        return False
    value = contexts.project.value(callee, Where(function.path, function.index, site.line))
    return value is None or (isinstance(value, Outside) and value.name.startswith("builtins."))


def _handed(facts: Function, function: ProjectFunction, contexts: Contexts) -> Iterator[tuple[str, Expression]]:
    """What a function hands to others that change it, each with the name of the parameter there."""
    for place, site in enumerate(facts.sites):
        for target in contexts.targets(function, place):
            changed = _changed_parameters(target, contexts)
            for parameter, value in parameters_given(site.call, target, contexts) if changed else ():
                if parameter.id in changed and isinstance(value, (Name, Attribute, Subscript)):
                    yield parameter.id, value
