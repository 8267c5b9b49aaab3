"""Who uses a function besides the framework: calls it, or hands it on as a value."""

from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Expression, Facts, last_name
from rules.core.values import Module, Outside, ProjectFunction, Where


def is_used_by_hand(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether anything but the framework calls the function, or may.

    Tests count. A mention counts unless it is an argument of a registration; so does a call by the same name on an object
    whose type is unknown, in a file that could mean this function.
    """
    facts = contexts.project.function(function)
    if facts.owner < 0 and is_told(function.path, facts.name, contexts):
        return True
    return any(_uses(function, path, contexts) for path in sorted(_files_that_could_mean(function, contexts)))


def _files_that_could_mean(function: ProjectFunction, contexts: Contexts) -> set[str]:
    """The files that have the function's name, and define it, or import it or its module; any file can name a method.

    Under a star import, and under another name, the function may go by without its own name being read there.
    """
    project = contexts.project
    facts = project.function(function)
    named = project.naming.get(facts.name, set())
    if facts.owner >= 0:
        return named
    if facts.parent > 0:
        return {function.path}
    return {function.path} | (named & project.importers_of(function.path))


def is_told(path: str, name: str, contexts: Contexts) -> bool:
    """Whether a text anywhere names the name in this module: "app.tasks.send", as job queues and mocks are told."""
    module = path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]
    return f"{module}.{name}" in contexts.project.told


def _uses(function: ProjectFunction, path: str, contexts: Contexts) -> bool:
    facts = contexts.project.facts[path]
    names = _names(function, path, contexts)
    mentions = sum(facts.outline.mentions.get(name, 0) for name in names)
    for where, call in _calls(path, facts):
        if _may_be(call.callee, names, function, where, contexts):
            return True
        if (
            mentions
            and any(_as_named(given) in names for given in given_to(call))
            and _registers(call, where, contexts)
        ):
            mentions -= 1
    return mentions > 0


def _may_be(callee: Expression, names: set[str], function: ProjectFunction, where: Where, contexts: Contexts) -> bool:
    return _as_named(callee) in names and contexts.project.value(callee, where) in (function, None)


def _as_named(expression: Expression | None) -> str:
    """A name as mentions are counted: an attribute behind a dot."""
    return f".{last_name(expression)}" if isinstance(expression, Attribute) else last_name(expression)


def _names(function: ProjectFunction, path: str, contexts: Contexts) -> set[str]:
    """The names under which a file may speak of the function: its own, as an attribute, or as it was imported there."""
    facts = contexts.project.function(function)
    names = {f".{facts.name}"}
    if path == function.path:
        names.add(facts.name)
    for where, name, imported in contexts.project.imports_of(path):
        value = contexts.project.value(imported, where)
        if imported.name == facts.name and value == function:
            names.add(name)
        if name == "*" and isinstance(value, Module) and contexts.project.member(value, facts.name) == function:
            names.add(facts.name)
    return names


def is_taken_from(path: str, name: str, contexts: Contexts) -> bool:
    """Whether another file takes the name from this one: by an import, or in a text."""
    if is_told(path, name, contexts):
        return True
    module = path.removesuffix(".py").removesuffix("/__init__")
    for other in contexts.project.naming.get(name, ()):
        if other == path:
            continue
        for _, _, imported in contexts.project.imports_of(other):
            if (
                imported.name == name
                and contexts.project.modules.find(other, imported.level, imported.module) == module
            ):
                return True
    return False


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
