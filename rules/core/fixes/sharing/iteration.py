"""Loops over what other requests change: on the event loop nothing comes between two steps of one, in a thread much does.

A dictionary or set that grows or shrinks ends the loop with a RuntimeError: https://docs.python.org/3/library/stdtypes.html#dict-views
"""

import ast
from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Element, Expression, Function, Name, Subscript
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.document import Document
from rules.core.values import ProjectFunction

ITERATED = "it loops over something that other requests change"
RESIZED = (
    "It loops over something that other requests may change during the new `await`; where a dictionary or set grows or shrinks "
    "meanwhile, Python raises `RuntimeError`."
)
VIEWS = frozenset({"items", "keys", "values"})
_STEPPING = frozenset({"enumerate", "iter"})
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
    return _viewed(given.of)


def _viewed(given: Expression) -> Expression:
    """What is run through itself: `rows` of `rows.items()`."""
    match given:
        case Call(callee=Attribute(of=of, name=name)) if name in VIEWS:
            return of
        case _:
            return given


def is_run_through_around(call: ast.Call, function: ProjectFunction, document: Document, contexts: Contexts) -> bool:
    """Whether a loop around a call runs through what others change."""
    facts = contexts.project.function(function)
    iterables = (as_expression(_stepped(one)) for one in document.iterables_around(call))
    over = (_viewed(one) for one in iterables if one is not None)
    own = Name(facts.parameters[0].name if facts.owner >= 0 and facts.parameters else "")
    return any(
        (isinstance(one, Name) and one.id not in facts.bindings) or (isinstance(one, Attribute) and one.of == own)
        for one in over
        if isinstance(one, (Attribute, Name)) and _is_changed(one, facts, function, contexts)
    )


def _stepped(iterable: ast.expr) -> ast.expr:
    """What is run through step by step: `rows` of `enumerate(rows)`; a copy, `list(rows)`, is another thing."""
    while (
        isinstance(iterable, ast.Call)
        and isinstance(iterable.func, ast.Name)
        and iterable.func.id in _STEPPING
        and iterable.args
    ):
        iterable = iterable.args[0]
    return iterable


def _is_changed(over: Attribute | Name, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function of the module, or another method of the class, gives it other items."""
    file = contexts.project.facts[function.path]
    if isinstance(over, Attribute):
        if facts.owner < 0:
            return False
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
