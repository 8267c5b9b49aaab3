"""What a function has made for itself: nobody else sees what it changes in that."""

from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Choice,
    Element,
    Entered,
    Expression,
    Name,
    Subscript,
)
from rules.core.values import Outside, ProjectFunction, Where

_LOADED = ("load_", "open_", "read_")


def holds_new(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a name stands for what the function has made of a class of a library, or for what lies in that: a workbook, its sheets."""
    return _is_new(Name(name), function, contexts, frozenset())


def _is_new(expression: Expression, function: ProjectFunction, contexts: Contexts, above: frozenset[str]) -> bool:
    match expression:
        case Name(id=name) if name in above:
            return True  # `row = row.next`: what it was before decides
        case Name(id=name):
            facts = contexts.project.function(function)
            bindings = facts.bindings.get(name, ())
            is_given = any(parameter.name == name for parameter in facts.parameters)
            above |= {name}
            return (
                bool(bindings) and not is_given and all(_is_new(b.value, function, contexts, above) for b in bindings)
            )
        case Attribute(of=of) | Awaited(of=of) | Element(of=of) | Entered(of=of) | Subscript(of=of):
            return _is_new(of, function, contexts, above)
        case Choice(options=options):
            return all(_is_new(option, function, contexts, above) for option in options)
        case Call(callee=callee):
            called = contexts.project.value(callee, Where(function.path, function.index))
            if isinstance(called, Outside) and _makes(called.name, contexts):
                return True
            return isinstance(callee, Attribute) and _is_new(callee.of, function, contexts, above)
        case _:
            return False


def _makes(name: str, contexts: Contexts) -> bool:
    """Whether a callable of a library gives something new: a class, what reads a file, or a session that gives rows of its own."""
    last = name.rpartition(".")[2]
    return last[:1].isupper() or last.startswith(_LOADED) or contexts.project.knowledge.rows(name) is not None
