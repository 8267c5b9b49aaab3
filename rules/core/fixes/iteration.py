"""Loops over what other requests change: on the event loop nothing comes between two steps of one, in a thread much does.

A dictionary or set that grows or shrinks ends the loop with a RuntimeError: https://docs.python.org/3/library/stdtypes.html#dict-views
"""

from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Element, Expression, Function, Name, Subscript
from rules.core.values import ProjectFunction

ITERATED = "it loops over something that other requests change"
VIEWS = frozenset({"items", "keys", "values"})
RESIZING = frozenset({"add", "clear", "discard", "pop", "popitem", "remove", "setdefault", "update"})


@told_once
def runs_through_shared(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a loop of the function itself runs through what the module, or the object whose method it is, keeps and others change."""
    facts = contexts.project.function(function)
    return any(_is_changed(over, facts, function, contexts) for over in set(_looped_over(facts)))


def _looped_over(facts: Function) -> Iterator[Attribute | Name]:
    """`self.rows` of `for x in self.rows` and `for k, v in self.rows.items()`, `rows` where that is no name of its own."""
    own = facts.parameters[0].name if facts.owner >= 0 and facts.parameters else ""
    for bindings in facts.bindings.values():
        for binding in bindings:
            over = _iterable(binding.value)
            if isinstance(over, Name) and over.id not in facts.bindings:
                yield over
            if isinstance(over, Attribute) and over.of == Name(own):
                yield over


def _iterable(given: Expression) -> Expression | None:
    """What is run through to give this; a part of each element counts as well."""
    while isinstance(given, Subscript):
        given = given.of
    if not isinstance(given, Element) or given.asynchronous:
        return None
    match given.of:
        case Call(callee=Attribute(of=of, name=name)) if name in VIEWS:
            return of
        case of:
            return of


def _is_changed(over: Attribute | Name, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function of the module, or another method of the class, gives it other items."""
    file = contexts.project.facts[function.path]
    if isinstance(over, Attribute):
        others = (file.functions[index] for index in file.classes[facts.owner].methods.values())
        return any(_resizes(other, _attribute(other, over.name)) for other in others if other.name != "__init__")
    if any(parameter.name == over.id for parameter in facts.parameters) or over.id not in file.functions[0].bindings:
        return False
    return any(over.id in other.writes or _resizes(other, over) for other in file.functions[1:])


def _attribute(method: Function, name: str) -> Attribute | Name:
    return Attribute(Name(method.parameters[0].name), name) if method.parameters else Name("")


def _resizes(function: Function, what: Attribute | Name) -> bool:
    if isinstance(what, Attribute) and isinstance(what.of, Name) and f"{what.of.id}.{what.name}[]" in function.bindings:
        return True
    callees = (site.call.callee for site in function.sites)
    return any(isinstance(one, Attribute) and one.name in RESIZING and one.of == what for one in callees)
