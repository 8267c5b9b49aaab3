"""Objects of libraries that write what they are asked into a memory that they were given, which others may share."""

from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Expression, Name
from rules.core.fixes.sharing.objects import serves_all
from rules.core.fixes.sharing.owning import own_name
from rules.core.values import Outside, ProjectClass, ProjectFunction, Where


def changes_memory(callee: Attribute, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is one of an object with a memory, where it, or that memory, serves all requests."""
    knowledge = contexts.project.knowledge
    value = contexts.project.value(callee, Where(function.path, function.index))
    name = knowledge.remembering.get(value.name.rpartition(".")[0]) if isinstance(value, Outside) else None
    if name is None:
        return False
    memories = [
        (memory, at)
        for call, at in _making(callee.of, function, contexts)
        if (memory := dict(call.keywords).get(name)) is not None
    ]
    if not memories:
        return False
    return serves_all(callee.of, function, contexts) or any(serves_all(one, at, contexts) for one, at in memories)


def _making(of: Expression, function: ProjectFunction, contexts: Contexts) -> Iterator[tuple[Call, ProjectFunction]]:
    """The calls that make an object: also those whose results a name, or an attribute of the own object, was given."""
    facts = contexts.project.function(function)
    match of:
        case Call():
            yield of, function
            return
        case Name(id=name):
            bound = facts.bindings.get(name) or contexts.project.facts[function.path].bound(name)
        case Attribute(of=Name(id=owner), name=name) if owner in own_name(facts):
            bound = contexts.project.class_(ProjectClass(function.path, facts.owner)).attributes.get(name, ())
        case _:
            return
    yield from (
        (one.value, ProjectFunction(function.path, one.function)) for one in bound if isinstance(one.value, Call)
    )
