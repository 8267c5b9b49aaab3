"""The applications that a project makes, and the event handlers that it registers on them."""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import filterfalse
from operator import itemgetter

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Expression, Facts, Site
from rules.core.members import APPLICATIONS
from rules.core.repository import is_offline
from rules.core.values import Outside, ProjectFunction, Where

Definition = tuple[str, str]
"""Where a name is bound: the file, and the name with the functions around it."""

_REGISTERING = frozenset({"on_event", "add_event_handler"})


class EventHandler(msgspec.Struct, frozen=True):
    """A function that is registered for startup or shutdown: as a decorator does, or by a call (`site`) in a function."""

    place: ProjectFunction
    application: Definition
    site: Site | None = None


def applications(contexts: Contexts) -> Mapping[Definition, Call]:
    """Each name that is bound at one line only, and to an application there, with the call that makes it."""
    return contexts.table("applications", lambda: dict(_applications(contexts)), itemgetter(0))


def _applications(contexts: Contexts) -> Iterator[tuple[Definition, Call]]:
    calling = contexts.project.calling
    paths = {path for name in ("FastAPI", "Starlette") for path in calling.get(name, ()) if not is_offline(path)}
    for path in contexts.project.facts if paths else ():
        if path in paths:
            made = partial(_applications_in, path, contexts)
            yield from contexts.project.memory.each("applications", path, "", made)


def _applications_in(path: str, contexts: Contexts) -> Iterator[tuple[Definition, Call]]:
    for index, function in enumerate(contexts.project.facts[path].functions):
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
    for path in filterfalse(is_offline, contexts.project.facts):
        yield from contexts.project.memory.answer("handlers", path, "", partial(handlers_in, path, contexts))


def first_handlers(contexts: Contexts) -> Mapping[Definition, EventHandler]:
    """For each application the first of its handlers that a decorator registers."""
    return contexts.table("first handlers", partial(_first_handlers, contexts), itemgetter(0))


def _first_handlers(contexts: Contexts) -> Mapping[Definition, EventHandler]:
    first: dict[Definition, EventHandler] = {}
    for handler in event_handlers(contexts):
        if handler.site is None:
            first.setdefault(handler.application, handler)
    return first


def handlers_in(path: str, contexts: Contexts) -> tuple[EventHandler, ...]:
    """The handlers that a file registers."""
    facts = contexts.project.facts[path]
    is_asked = (facts.outline.decorating | facts.outline.called) & _REGISTERING
    return tuple(_registered(path, facts, contexts)) if is_asked else ()


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
