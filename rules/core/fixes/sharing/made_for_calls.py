"""Objects that are made for one caller, who keeps them for nobody else: what their methods set on them, no other request sees."""

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Call, Expression, Name, last_name
from rules.core.fixes.sharing.objects import is_kept_by_a_module
from rules.core.fixes.sharing.owning import is_kept, is_new
from rules.core.usage import calls_by_hand, given_to
from rules.core.values import ProjectClass, ProjectFunction

_NO_OBJECT = frozenset({"classmethod", "staticmethod"})


@told_once
def has_own_object(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether all who call a method have made its object themselves, and hand that to nobody."""
    facts = contexts.project.function(function)
    if not facts.is_bound or any(last_name(one) in _NO_OBJECT for one in facts.decorators):
        return False
    if is_kept_by_a_module(ProjectClass(function.path, facts.owner), contexts):
        return False
    seen, waiting = {function}, [function]
    while waiting:
        current = waiting.pop()
        calls = calls_by_hand(current, contexts)
        if calls is None or contexts.root_of(current) is not None or not (calls or current != function):
            return False
        for caller, place in calls:
            callee = contexts.project.function(caller).sites[place].call.callee
            receiver = getattr(callee, "of", None)
            if _is_own_name(receiver, caller, contexts):
                if caller not in seen and contexts.project.function(caller).name != "__init__":
                    seen.add(caller)
                    waiting.append(caller)
            elif receiver is None or is_kept(receiver, caller, contexts) or _is_handed_on(receiver, caller, contexts):
                return False
    return True


def _is_own_name(receiver: Expression | None, caller: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it is the object whose method the caller is: `self`, or `super()`."""
    facts = contexts.project.function(caller)
    if not facts.is_bound or not facts.parameters:
        return False
    is_super = isinstance(receiver, Call) and last_name(receiver.callee) == "super"
    return is_super or receiver == Name(facts.parameters[0].name)


def _is_handed_on(receiver: Expression, caller: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function gives an object away, so that it may be kept elsewhere."""
    facts = contexts.project.function(caller)
    if isinstance(receiver, Name) and facts.writes:
        return True  # it puts something where others see it
    given = any(receiver in given_to(site.call) for site in facts.sites)
    bound = any(binding.value == receiver for bindings in facts.bindings.values() for binding in bindings)
    return given or bound or receiver in (*facts.results, *facts.yields)


def is_own_attribute(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether what an object has under a name was made for it: not what it was given, nor what its class has for all."""
    facts = contexts.project.function(function)
    of = contexts.project.class_(ProjectClass(function.path, facts.owner))
    bound = of.attributes.get(name, ())
    values = [(one.value, ProjectFunction(function.path, one.function)) for one in bound]
    return bool(values) and name not in of.bindings and all(is_new(one, at, contexts) for one, at in values)
