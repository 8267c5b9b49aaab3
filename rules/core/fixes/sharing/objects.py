"""Objects that the program keeps for all requests, and those of libraries of which nobody knows whether threads may use one at once."""

import sys
from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Choice,
    Element,
    Expression,
    Function,
    Import,
    Name,
    Site,
    Subscript,
    last_name,
)
from rules.core.fixes.files.names import parameters_given
from rules.core.fixes.sharing.owning import KEEPING, MOST_FOLLOWED, is_of_application, is_of_module, own_name
from rules.core.library import Role
from rules.core.repository import is_offline
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

_STANDARD = sys.stdlib_module_names


@told_once
def unproven(function: ProjectFunction, contexts: Contexts) -> str:
    """The class of a library, of which a function uses an object that serves all requests, and of which nobody knows whether
    threads may use one at once: its last name; empty where there is none.
    """
    sites = contexts.project.function(function).sites
    return next(filter(None, (unproven_at(site, function, contexts) for site in sites)), "")


def unproven_at(site: Site, function: ProjectFunction, contexts: Contexts) -> str:
    """The same of what one call is made on."""
    at = Where(function.path, function.index, site.line)
    roots = (site.call.callee, *_beginnings(site.call.callee, function, contexts))
    return next(filter(None, (_unproven_root(root, at, contexts) for root in roots)), "")


def _unproven_root(root: Expression, at: Where, contexts: Contexts) -> str:
    """The same of what a chain of calls begins with."""
    knowledge = contexts.project.knowledge
    value, is_part = contexts.project.value(root, at), False
    while not isinstance(value, Object) and isinstance(root, Attribute):
        root = root.of
        value, is_part = contexts.project.value(root, at), True
    if not (isinstance(value, Object) and isinstance(value.of, Outside)):
        return ""
    name = knowledge.canonical(value.of.name)
    if is_part and not knowledge.is_unproven(name):
        return ""
    if name.partition(".")[0] in _STANDARD or knowledge.is_concurrent(name):
        return ""
    return name.rpartition(".")[2] if serves_all(root, ProjectFunction(at.path, at.function), contexts) else ""


def _beginnings(callee: Expression, function: ProjectFunction, contexts: Contexts) -> Iterator[Expression]:
    """What a chain of calls begins with, also where it is held in between: `client` in `client.users().get().execute`."""
    bindings = contexts.project.function(function).bindings
    held: Expression | None = callee
    for _ in range(MOST_FOLLOWED):
        root = _beginning(held)
        if root is None:
            return
        yield root
        bound = bindings.get(root.id, ()) if isinstance(root, Name) else ()
        held = next((one.value for one in bound if _beginning(one.value) != root and isinstance(one.value, Call)), None)


def _beginning(chain: Expression | None) -> Expression | None:
    root = chain.of if isinstance(chain, Attribute) else chain
    while isinstance(root, Call) and isinstance(root.callee, Attribute):
        root = root.callee.of
    return root


def serves_all(expression: Expression, function: ProjectFunction, contexts: Contexts, depth: int = 0) -> bool:
    """Whether what an expression gives is one object for all requests: a module keeps it, or what a module keeps, or a cache."""
    facts = contexts.project.function(function)
    match expression:
        case _ if depth > MOST_FOLLOWED:  # names may be given each other
            return False
        case Attribute() if is_of_application(expression):
            return True
        case Name(id=name) if any(one.name == name for one in facts.parameters):
            return _is_given_what_serves_all((name, function, depth), contexts)
        case Name(id=name) if name in facts.bindings and name not in facts.writes:
            values = [binding.value for binding in facts.bindings[name]]
            return any(isinstance(one, Import) or serves_all(one, function, contexts, depth + 1) for one in values)
        case Name(id=name):
            return _outlives_requests(name, facts, function, contexts)
        case Attribute(of=Name(id=owner), name=name) if owner in own_name(facts):
            of = ProjectClass(function.path, facts.owner)
            if any(last_name(one) == "classmethod" for one in facts.decorators):
                return True
            return is_kept_by_a_module(of, contexts) or takes_what_serves_all(name, of, contexts, depth + 1)
        case Attribute(of=of) | Awaited(of=of) | Element(of=of) | Subscript(of=of):
            return serves_all(of, function, contexts, depth)
        case Choice(options=options):
            return any(serves_all(one, function, contexts, depth) for one in options)
        case Call(callee=Attribute(of=of, name=name)) if name == KEEPING:
            return serves_all(of, function, contexts, depth)
        case Call(callee=callee):
            called = contexts.project.value(callee, Where(function.path, function.index))
            return isinstance(called, ProjectFunction) and _gives_to_all(called, contexts, depth + 1)
        case _:
            return False


@told_once
def _is_given_what_serves_all(parameter: tuple[str, ProjectFunction, int], contexts: Contexts) -> bool:
    """The same of a parameter of a function, so many names and functions deep."""
    name, function, depth = parameter
    facts = contexts.project.function(function)
    declared = next(one for one in facts.parameters if one.name == name)
    given = contexts.project.dependency(declared, Where(function.path, facts.parent, facts.line))
    if isinstance(given, ProjectFunction):
        return _gives_to_all(given, contexts, depth + 1)
    return any(serves_all(one, at, contexts, depth + 1) for one, at in _given_by_callers(name, function, contexts))


def _given_by_callers(
    parameter: str, function: ProjectFunction, contexts: Contexts
) -> Iterator[tuple[Expression, ProjectFunction]]:
    """What the program gives a function for a parameter, each with the function that does."""
    for call, at in contexts.project.calls_of(function):
        if not is_offline(at.path):
            given = parameters_given(call, function, contexts)
            yield from ((value, ProjectFunction(at.path, at.function)) for name, value in given if name.id == parameter)


def takes_what_serves_all(name: str, of: ProjectClass, contexts: Contexts, depth: int = 0) -> bool:
    """Whether the objects of a class have under a name what the class, or a module, keeps for all."""
    class_ = contexts.project.class_(of)
    bound = class_.attributes.get(name, ())
    values = ((one.value, ProjectFunction(of.path, one.function)) for one in bound)
    is_of_class = any(isinstance(one.value, Call) for one in class_.bindings.get(name, ()))
    return is_of_class or any(serves_all(one, at, contexts, depth) for one, at in values)


def _gives_to_all(function: ProjectFunction, contexts: Contexts, depth: int) -> bool:
    """Whether a function gives the same to all that call it: a cache stands around it, or it gives what is kept."""
    facts = contexts.project.function(function)
    if contexts.once.runs_once(function):
        return True
    return any(serves_all(one, function, contexts, depth) for one in (*facts.results, *facts.yields))


def _outlives_requests(name: str, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether the module binds a name, or a function around this one that serves no request itself."""
    around = contexts.project.facts[function.path].functions
    index = facts.parent
    while index > 0:
        if name in around[index].bindings or any(one.name == name for one in around[index].parameters):
            return not _serves(ProjectFunction(function.path, index), contexts)
        index = around[index].parent
    return is_of_module(name, contexts.project.facts[function.path])


def _serves(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether requests are served by a function, on the event loop or as a root in a thread."""
    root = contexts.root_of(function)
    return function in contexts.loop or (root is not None and root.role is not Role.STARTUP)


def is_kept_by_a_module(of: ProjectClass, contexts: Contexts) -> bool:
    """Whether an object of a class is made at the top of a file, at startup, by a cached function, for a global or for an attribute
    of the class, or by an object of which that is so; or one of a class that derives from it.
    """
    known: dict[ProjectClass, bool] = contexts.project.memory.answers("kept by modules")
    if of not in known:
        known[of] = False  # while it is asked
        known[of] = (
            _is_single(of, contexts)
            or any(_keeps(one, of, contexts) for one in _makers(of, contexts))
            or any(is_kept_by_a_module(one, contexts) for one in contexts.project.derived(of, MOST_FOLLOWED))
        )
    return known[of]


def _makers(of: ProjectClass, contexts: Contexts) -> frozenset[ProjectFunction]:
    """The functions that make objects of a class; the one at 0 of a file is the file itself."""
    project, name = contexts.project, contexts.project.class_(of).name
    calls = [
        one
        for path in {of.path, *project.importers_using(of.path, "call", name)}
        for one in project.calls_named(path, name)
    ]
    made = [at for call, at in calls if not is_offline(at.path) and project.value(call.callee, at) == of]
    return frozenset(ProjectFunction(at.path, at.function) for at in made)


def _keeps(maker: ProjectFunction, of: ProjectClass, contexts: Contexts) -> bool:
    """Whether one that a function makes is kept for all requests."""
    facts = contexts.project.function(maker)
    if not maker.index or maker in contexts.starting or contexts.once.runs_once(maker):
        return True
    if facts.name == "__init__" and facts.owner >= 0:
        return is_kept_by_a_module(ProjectClass(maker.path, facts.owner), contexts)
    return _fills_a_global(maker, of, contexts)


def _fills_a_global(maker: ProjectFunction, of: ProjectClass, contexts: Contexts) -> bool:
    """Whether a function puts an object of the class under a name of the module."""
    facts, where = contexts.project.function(maker), Where(maker.path, maker.index)
    bound = (
        (name, binding.value) for name in facts.writes for binding in contexts.project.facts[maker.path].bound(name)
    )
    return any(isinstance(value, Call) and contexts.project.value(value.callee, where) == of for _, value in bound)


def _is_single(of: ProjectClass, contexts: Contexts) -> bool:
    """Whether a method of the class puts an object of it on the class itself: `cls._instance = cls()`."""
    methods = (ProjectFunction(of.path, index) for index in contexts.project.class_(of).methods.values())
    return any(_puts_on_class(contexts.project.function(one)) for one in methods)


def _puts_on_class(facts: Function) -> bool:
    """Whether a method binds an attribute of its class to an object of that: https://docs.python.org/3/reference/datamodel.html#object.__new__."""
    own = facts.parameters[0].name if facts.parameters else ""
    bound = (one.value for name, bindings in facts.bindings.items() if name.startswith(f"{own}.") for one in bindings)
    calls = (one.callee for one in bound if isinstance(one, Call))
    return any(callee == Name(own) or last_name(callee) == "__new__" for callee in calls)
