"""The applications that a project makes, and the event handlers that it registers on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Expression, Facts, Site
from rules.core.project import APPLICATIONS
from rules.core.repository import is_offline
from rules.core.values import Outside, ProjectFunction, Where

Definition = tuple[str, str]
"""Where a name is bound: the file, and the name with the functions around it."""

_REGISTERING = frozenset({"on_event", "add_event_handler"})


@dataclass(frozen=True, slots=True)
class EventHandler:
    """A function that is registered for startup or shutdown: as a decorator does, or by a call (`site`) in a function."""

    place: ProjectFunction
    application: Definition
    site: Site | None = None


def applications(contexts: Contexts) -> Mapping[Definition, Call]:
    """Each name that is bound at one line only, and to an application there, with the call that makes it."""
    return dict(_applications(contexts))


def _applications(contexts: Contexts) -> Iterator[tuple[Definition, Call]]:
    for path, facts in contexts.project.facts.items():
        if is_offline(path) or not facts.outline.called & {"FastAPI", "Starlette"}:
            continue
        for index, function in enumerate(facts.functions):
            for name, bindings in function.bindings.items():
                at_once = len({binding.line for binding in bindings}) == 1
                for binding in bindings if at_once else ():
                    if isinstance(binding.value, Call) and _is_made(
                        binding.value, Where(path, index, binding.line), contexts
                    ):
                        yield (path, name if index == 0 else f"{function.qualname}.{name}"), binding.value


def _is_made(call: Call, where: Where, contexts: Contexts) -> bool:
    callee = contexts.project.value(call.callee, where)
    return isinstance(callee, Outside) and callee.name in APPLICATIONS


def event_handlers(contexts: Contexts) -> Iterator[EventHandler]:
    """Every handler that is registered on something with a name, wherever requests may be served."""
    for path, facts in contexts.project.facts.items():
        if not is_offline(path) and (facts.outline.decorating | facts.outline.called) & _REGISTERING:
            yield from _registered(path, facts, contexts)


def _registered(path: str, facts: Facts, contexts: Contexts) -> Iterator[EventHandler]:
    for index, function in enumerate(facts.functions):
        place = ProjectFunction(path, index)
        for decorator in function.decorators:
            where = Where(path, function.parent, function.line)
            if isinstance(decorator, Call) and (on := _target(decorator.callee, "on_event", where, contexts)):
                yield EventHandler(place, on)
        for site in function.sites:
            if on := _target(site.call.callee, "add_event_handler", Where(path, index, site.line), contexts):
                yield EventHandler(place, on, site)


def _target(callee: Expression, name: str, where: Where, contexts: Contexts) -> Definition | None:
    if isinstance(callee, Attribute) and callee.name == name:
        return contexts.project.definition(callee.of, where)
    return None
