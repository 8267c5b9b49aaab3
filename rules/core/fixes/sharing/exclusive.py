"""Sessions and connections that serve one thread at a time: who has one for itself, and who works on one beside others."""

from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Function, Name, last_name
from rules.core.fixes.sharing.objects import serves_all
from rules.core.fixes.sharing.owning import is_kept, root_names
from rules.core.repository import is_offline
from rules.core.values import Object, Outside, ProjectFunction, Value, Where

_RUNNING = frozenset({"run", "run_until_complete"})


def is_called_on(classes: frozenset[str], call: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a method is called on an instance of one of the library classes."""
    receiver = contexts.project.value(call.callee.of, where) if isinstance(call.callee, Attribute) else None
    if not (isinstance(receiver, Object) and isinstance(receiver.of, Outside)):
        return False
    return not classes.isdisjoint(contexts.project.knowledge.family(receiver.of.name))


def is_used_by_others(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on a session or connection that serves all requests, though only one thread at a time."""
    receiver = call.callee.of if isinstance(call.callee, Attribute) else Name("")
    chained = receiver if isinstance(receiver, Call) and isinstance(receiver.callee, Attribute) else None
    if chained is not None and is_used_by_others(chained, function, contexts):
        return True
    where, knowledge = Where(function.path, function.index), contexts.project.knowledge
    if not is_called_on(knowledge.exclusive, call, where, contexts):
        return False
    values = (contexts.project.value(Name(name), where) for name in root_names(receiver))
    if any(isinstance(value, Outside) and value.name in knowledge.singletons for value in values):
        return False
    return not is_called_on(knowledge.per_thread, call, where, contexts) and serves_all(receiver, function, contexts)


@told_once
def runs_beside_itself(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a coroutine of the function, or of one that awaits it, is made without being awaited there and then, as for `gather`.

    What a generator gives is run through, one after the other. Who makes a session hands each coroutine its own.
    """
    seen = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        if contexts.project.function(current).generator:
            continue
        for call, at in contexts.project.calls_of(current):
            caller = ProjectFunction(at.path, at.function)
            facts = contexts.project.function(caller)
            hands_on = _hands_on(call, at, contexts)
            if is_offline(at.path) or _runs_alone(call, facts) or not (hands_on or current == function):
                continue
            if contexts.project.function(current).asynchronous and _is_begun(call, facts):
                return True
            if hands_on and caller not in seen and not _makes_exclusive(caller, facts, contexts):
                seen.add(caller)
                waiting.append(caller)
    return False


def _hands_on(call: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a call is given what serves one thread at a time."""
    given = (*call.arguments, *(value for _, value in call.keywords))
    return any(_is_exclusive(contexts.project.value(one, where), contexts) for one in given)


def _is_begun(call: Call, caller: Function) -> bool:
    """Whether the coroutine that a call makes is not awaited there and then."""
    return any(site.call is call and not site.awaited for site in caller.sites)


def _runs_alone(call: Call, caller: Function) -> bool:
    """Whether a call makes what a loop of its own runs: https://docs.python.org/3/library/asyncio-runner.html#asyncio.run."""
    around = (site.call for site in caller.sites if call in site.call.arguments)
    return any(last_name(one.callee) in _RUNNING for one in around)


def _makes_exclusive(function: ProjectFunction, facts: Function, contexts: Contexts) -> bool:
    """Whether a function binds a name to what serves one thread at a time."""
    where = Where(function.path, function.index, facts.end_line)
    return any(_is_exclusive(contexts.project.value(Name(name), where), contexts) for name in facts.bindings)


def _is_exclusive(value: Value | None, contexts: Contexts) -> bool:
    if not (isinstance(value, Object) and isinstance(value.of, Outside)):
        return False
    knowledge = contexts.project.knowledge
    return not knowledge.exclusive.isdisjoint(knowledge.family(value.of.name))


def uses_exclusively(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on what serves one thread at a time, and was not made in the function itself."""
    receiver = call.callee.of if isinstance(call.callee, Attribute) else None
    if isinstance(receiver, Call):
        return uses_exclusively(receiver, function, contexts)
    facts = contexts.project.function(function)
    where = Where(function.path, function.index)
    return is_called_on(contexts.project.knowledge.exclusive, call, where, contexts) and is_not_own(call, facts)


def given_exclusively(
    call: Call, function: ProjectFunction, contexts: Contexts, *, of_callers: bool = False
) -> Iterator[bool]:
    """For each argument of a call, and what it is made on, that serves one thread at a time: whether the function has made it, or
    got it `of_callers`.
    """
    facts, where = contexts.project.function(function), Where(function.path, function.index)
    parameters = {parameter.name for parameter in facts.parameters} if of_callers else set[str]()
    receiver = call.callee.of if isinstance(call.callee, Attribute) else None
    for given in (receiver, *call.arguments, *(value for _, value in call.keywords)):
        value = contexts.project.value(given, where)
        name = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
        if given is not None and not contexts.project.knowledge.exclusive.isdisjoint(
            contexts.project.knowledge.family(name)
        ):
            is_parameter = isinstance(given, Name) and given.id in parameters and given.id not in facts.bindings
            yield is_parameter or not is_kept(given, function, contexts)


def is_not_own(call: Call, facts: Function) -> bool:
    """Whether what a method is called on was not made in the function itself."""
    return isinstance(call.callee, Attribute) and not root_names(call.callee.of) <= facts.bindings.keys()
