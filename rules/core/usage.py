"""Who uses a function besides the framework: calls it, or hands it on as a value."""

from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Call, Expression, Facts, Import, last_name
from rules.core.values import Module, Outside, ProjectFunction, Where


def is_used_by_hand(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether anything but the framework calls the function, or may.

    Tests count. A mention counts unless it is an argument of a registration; so does a call by the same name on an object
    whose type is unknown, in a file that could mean this function.
    """
    return any(
        _uses(function, path, contexts) for path in contexts.project.facts if _could_mean(function, path, contexts)
    )


def _uses(function: ProjectFunction, path: str, contexts: Contexts) -> bool:
    facts = contexts.project.facts[path]
    name = contexts.project.function(function).name
    mentions = facts.outline.mentions.get(name, 0) + facts.outline.mentions.get(f".{name}", 0)
    for where, call in _calls(path, facts):
        if last_name(call.callee) == name and contexts.project.value(call.callee, where) in (function, None):
            return True
        if mentions and any(last_name(given) == name for given in given_to(call)) and _registers(call, where, contexts):
            mentions -= 1
    return mentions > 0


def _could_mean(function: ProjectFunction, path: str, contexts: Contexts) -> bool:
    """Whether a file names the function: it has the name, and defines it, imports it or its module; any file can name a method."""
    facts = contexts.project.function(function)
    outline = contexts.project.facts[path].outline
    if facts.name not in outline.called and not outline.mentions.keys() & {facts.name, f".{facts.name}"}:
        return False
    if path == function.path or facts.owner >= 0:
        return True
    if facts.parent > 0:
        return False
    place = function.path.removesuffix(".py").removesuffix("/__init__")
    for where, imported in _imports(path, contexts.project.facts[path]):
        if imported.name in (facts.name, "") or imported.name == place.rpartition("/")[2]:
            value = contexts.project.value(imported, where)
            if value == function or (isinstance(value, Module) and place.startswith(value.place)):
                return True
    return False


def _imports(path: str, facts: Facts) -> Iterator[tuple[Where, Import]]:
    for index, function in enumerate(facts.functions):
        for bindings in function.bindings.values():
            for binding in bindings:
                if isinstance(binding.value, Import):
                    yield Where(path, index, binding.line), binding.value
    yield from ((Where(path), Import(star.level, star.module)) for star in facts.outline.stars)


def _calls(path: str, facts: Facts) -> Iterator[tuple[Where, Call]]:
    for index, function in enumerate(facts.functions):
        for site in function.sites:
            yield Where(path, index, site.line), site.call


def _registers(call: Call, where: Where, contexts: Contexts) -> bool:
    callee = contexts.project.value(call.callee, where)
    return isinstance(callee, Outside) and callee.name in contexts.project.knowledge.registrations


def given_to(call: Call) -> tuple[Expression | None, ...]:
    """All arguments of a call."""
    return (*call.arguments, *(value for _, value in call.keywords))
