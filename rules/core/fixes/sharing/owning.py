"""What a function has made for itself, so that nobody else sees what it changes in that, and what others see as well."""

import builtins
from collections.abc import Iterable

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Choice,
    Collection,
    Computed,
    Constant,
    Element,
    Entered,
    Expression,
    Facts,
    Function,
    Import,
    Name,
    Parameter,
    Subscript,
    Typed,
    last_name,
)
from rules.core.library import Role
from rules.core.roots import MODELS
from rules.core.usage import reached
from rules.core.values import Outside, ProjectClass, ProjectFunction, Where

MOST_FOLLOWED = 5  # functions and names, from what is used to where it was made
_GLOBALS = "globals"
KEEPING = "setdefault"
"""It gives what lies in a dictionary, as `[]` does."""
_LOADED = ("load_", "open_", "read_")
_COPYING = frozenset({"deepcopy", "model_dump", "json"})
"""What gives all anew that it gives, also what lies deeper: https://docs.pydantic.dev/latest/concepts/serialization/."""
_PARSING = frozenset({"load", "loads", "safe_load"})
_UNCHANGEABLE = frozenset(
    {"str", "int", "float", "bool", "bytes", "complex", "date", "datetime", "time", "timedelta", "Decimal", "UUID"}
)
_CONTAINERS = frozenset({"dict", "list", "Dict", "List"})
_BUILTINS = frozenset(dir(builtins))
_NOBODY = Constant(None, "NoneType")
_UNKNOWN = "unknown"
_Above = frozenset[tuple[ProjectFunction, str]]
"""Names in functions that stand for what is new if what they are bound to is."""
_NOTHING: _Above = frozenset()


def holds_new(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a name stands for what was made for this call of the function, or for what lies in that: a workbook, its sheets."""
    return is_new(Name(name), function, contexts)


def is_new(
    expression: Expression | None,
    function: ProjectFunction,
    contexts: Contexts,
    above: _Above = _NOTHING,
    depth: int = 0,
) -> bool:
    """Whether what an expression gives was made for this call of the function, and all that can be changed in it."""
    match expression:
        case Name(id=name):
            return _is_named_new(name, function, contexts, above, depth)
        case Attribute(of=of) | Awaited(of=of) | Element(of=of) | Entered(of=of) | Subscript(of=of):
            return is_new(of, function, contexts, above, depth)
        case Choice(options=parts) | Collection(items=parts):
            return all(is_new(part, function, contexts, above, depth) for part in parts)
        case Constant(kind=kind):
            return kind != _UNKNOWN
        case Computed(parts=parts):  # a text, where a text is part of it
            is_text = any(isinstance(part, Constant) and part.kind == "str" for part in parts)
            return is_text or all(is_new(part, function, contexts, above, depth) for part in parts)
        case Typed(annotation=annotation):
            return is_unchangeable(annotation)
        case Call():
            return _gives_new(expression, function, contexts, above, depth)
        case _:
            return False


def _is_named_new(name: str, function: ProjectFunction, contexts: Contexts, above: _Above, depth: int) -> bool:
    if (function, name) in above:
        return True  # `row = row.next`: what it was before decides
    facts = contexts.project.function(function)
    bindings = facts.bindings.get(name, ())
    parameter = next((one for one in facts.parameters if one.name == name), None)
    if parameter is not None and not (is_unchangeable(parameter.annotation) or _is_sent(parameter, function, contexts)):
        return False
    values = [one.value for one in bindings]
    told = [one for one in values if not isinstance(one, Typed)] or values
    inside = above | {(function, name)}
    is_bound = bool(told) or parameter is not None
    return is_bound and all(is_new(value, function, contexts, inside, depth) for value in told)


def _is_sent(parameter: Parameter, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether an endpoint is given what was read from its request: a model of pydantic, a dict of a body."""
    facts = contexts.project.function(function)
    roots = (one for one in contexts.roots_in(function.path) if one.function == function)
    if not any(one.role is Role.ENDPOINT for one in roots) or any(True for _ in contexts.project.calls_of(function)):
        return False
    around = Where(function.path, facts.parent, facts.line)
    if contexts.project.dependency(parameter, around) is not None:
        return False
    of = contexts.project.value(parameter.annotation, around)
    family = contexts.project.family(of) if isinstance(of, ProjectClass) else ()
    is_model = any(isinstance(one, Outside) and one.name in MODELS for one in family)
    named = parameter.annotation.of if isinstance(parameter.annotation, Subscript) else parameter.annotation
    return is_model or last_name(named) in _CONTAINERS


def is_unchangeable(annotation: Expression | None) -> bool:
    """Whether nothing can be changed in what is of a type: a text, a number, a date."""
    match annotation:
        case Name() | Attribute():
            return last_name(annotation) in _UNCHANGEABLE
        case Choice(options=options):
            return all(option == _NOBODY or is_unchangeable(option) for option in options)
        case Subscript(of=of, items=(item,)) if last_name(of) == "Optional":
            return is_unchangeable(item)
        case _:
            return False


def _gives_new(call: Call, function: ProjectFunction, contexts: Contexts, above: _Above, depth: int) -> bool:
    callee = call.callee
    called = contexts.project.value(callee, Where(function.path, function.index))
    if isinstance(called, Outside) and _makes(called.name, contexts):
        return True
    if isinstance(called, ProjectFunction):
        return _gives_own(call, called, function, contexts, above, depth)
    if not isinstance(callee, Attribute):
        return False
    return callee.name in _COPYING or is_new(callee.of, function, contexts, above, depth)


def _gives_own(
    call: Call, called: ProjectFunction, caller: ProjectFunction, contexts: Contexts, above: _Above, depth: int
) -> bool:
    """Whether a function gives what it has made, or what it was given, where that is new."""
    facts = contexts.project.function(called)
    if facts.generator or facts.decorators or depth > MOST_FOLLOWED:
        return False
    if is_unchangeable(facts.returns):
        return True
    new = _handed_new(call, called, caller, contexts, above, depth + 1)
    return all(is_new(result, called, contexts, above | new, depth + 1) for result in facts.results)


def handed_new(
    call: Call, called: ProjectFunction, caller: ProjectFunction, own: Iterable[str], contexts: Contexts
) -> frozenset[str]:
    """The parameters of a function for which a call gives what is new, or one of the caller's `own`; none where it changes nothing
    deep in what it is given.
    """
    if not _changes_given(called, contexts):
        return frozenset()
    above = frozenset((caller, name) for name in own)
    return frozenset(name for _, name in _handed_new(call, called, caller, contexts, above, 0))


@told_once
def _changes_given(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function, or one that it calls, changes what lies deep in something that it is given."""
    inside = (contexts.project.function(one) for one in reached(function, contexts))
    return any(
        f"{parameter.name}." in facts.writes for facts in inside if facts.writes for parameter in facts.parameters
    )


def _handed_new(
    call: Call, called: ProjectFunction, caller: ProjectFunction, contexts: Contexts, above: _Above, depth: int
) -> _Above:
    facts = contexts.project.function(called)
    names = [one.name for one in facts.parameters[facts.is_bound :] if one.kind in {"positional", "normal"}]
    pairs = (*zip(names, call.arguments, strict=False), *((name, value) for name, value in call.keywords if name))
    return frozenset((called, name) for name, value in pairs if is_new(value, caller, contexts, above, depth))


def _makes(name: str, contexts: Contexts) -> bool:
    """Whether a callable of a library gives something new: a class, what reads a file, or a session that gives rows of its own."""
    last = name.rpartition(".")[2]
    is_read = last.startswith(_LOADED) or last in _COPYING | _PARSING
    return last[:1].isupper() or is_read or contexts.project.knowledge.rows(name) is not None


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
        case Attribute() | Subscript() | Element() | Import():
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
    roots = map(root_names, inner)
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
    return name == _GLOBALS or is_of_module(name, contexts.project.facts[function.path])


def is_of_module(name: str, file: Facts) -> bool:
    """Whether a module binds a name, or takes it from another one with all that this has."""
    return name in file.functions[0].bindings or (bool(file.outline.stars) and name not in _BUILTINS)


def root_names(expression: Expression) -> set[str]:
    match expression:
        case Name(id=name):
            return {name}
        case Attribute(of=of) | Subscript(of=of):
            return root_names(of)
        case Call(callee=Name(id=name)) if name == _GLOBALS:
            return {name}
        case Call(callee=Attribute(of=of, name=name)) if name == KEEPING:
            return root_names(of)
        case _:
            return set()
