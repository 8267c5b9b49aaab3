"""What a function has made for itself, so that nobody else sees what it changes in that, and what others see as well."""

from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Choice,
    Element,
    Entered,
    Expression,
    Function,
    Import,
    Name,
    Subscript,
)
from rules.core.values import Outside, ProjectFunction, Where

MOST_FOLLOWED = 5  # functions and names, from what is used to where it was made
_GLOBALS = "globals"
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


def is_made_there(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on an object that was made for the function: nothing says that it is kept for others."""
    receiver = call.callee.of if isinstance(call.callee, Attribute) else None
    return receiver is not None and not is_kept(receiver, function, contexts)


def is_kept(expression: Expression, function: ProjectFunction, contexts: Contexts, depth: int = 0) -> bool:
    """Whether an expression may give what the module, or an object, keeps; a class that is called gives a new one."""
    facts = contexts.project.function(function)
    match expression:
        case _ if depth > MOST_FOLLOWED:  # names may be given each other
            return True
        case Awaited(of=of):
            return is_kept(of, function, contexts, depth)
        case Call(callee=callee):
            called = contexts.project.value(callee, Where(function.path, function.index))
            return isinstance(called, ProjectFunction) and _gives_kept(called, contexts, depth + 1)
        case Name(id=name):
            parameter = next((one for one in facts.parameters if one.name == name), None)
            if parameter is not None:
                given = contexts.project.dependency(parameter, Where(function.path, facts.parent, facts.line))
                return not isinstance(given, ProjectFunction) or _gives_kept(given, contexts, depth + 1)
            values = [binding.value for binding in facts.bindings.get(name, ())]
            return not values or any(is_kept(one, function, contexts, depth + 1) for one in values)
        case Attribute() | Subscript() | Element():
            return True
        case _:
            return False


def _gives_kept(function: ProjectFunction, contexts: Contexts, depth: int) -> bool:
    """Whether what a function gives may be kept: it writes somewhere, a cache stands around it, or it returns such a thing."""
    facts = contexts.project.function(function)
    if facts.writes or facts.decorators:
        return True
    return any(is_kept(one, function, contexts, depth) for one in (*facts.results, *facts.yields))


def own_name(facts: Function) -> set[str]:
    """The name of the object whose method a function is; of one that is only being made nobody else knows."""
    if not facts.is_bound or not facts.parameters or facts.name == "__init__":
        return set()
    return {facts.parameters[0].name}


def is_shared(name: str, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a name in a function stands for what others see as well, or for what lies in that: `rows = cache["rows"]`."""
    if _stands_around(name, facts, function, contexts):
        return True
    values = (binding.value for binding in facts.bindings.get(name, ())) if "." not in name else ()
    inner = [value.of if isinstance(value, Element) else value for value in values]
    roots = (root_names(one) for one in inner if isinstance(one, (Name, Attribute, Subscript)))
    return any(map(is_of_application, inner)) or any(
        _stands_around(root, facts, function, contexts) for names in roots for root in names
    )


def is_of_application(expression: Expression) -> bool:
    """Whether it lies in the state of an application, be that asked of a request: `request.app.state.rows`."""
    match expression:
        case Attribute(of=Attribute(name="app"), name="state"):
            return True
        case Attribute(of=of) | Subscript(of=of):
            return is_of_application(of)
        case _:
            return False


def _stands_around(name: str, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether the module, or a function around this one, binds a name that the function itself does not, or only imports."""
    if any(parameter.name == name for parameter in facts.parameters):
        return False
    if own := facts.bindings.get(name):
        return all(isinstance(binding.value, Import) for binding in own)
    around = contexts.project.facts[function.path].functions
    index = facts.parent
    while index > 0:
        if name in around[index].bindings:
            return True
        index = around[index].parent
    return name in around[0].bindings or name == _GLOBALS


def root_names(expression: Expression) -> set[str]:
    match expression:
        case Name(id=name):
            return {name}
        case Attribute(of=of) | Subscript(of=of):
            return root_names(of)
        case Call(callee=Name(id=name)) if name == _GLOBALS:
            return {name}
        case _:
            return set()
