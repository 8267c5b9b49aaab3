"""Who uses a function besides the framework: calls it, or hands it on as a value."""

from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Collection, Expression, Import, Site, last_name
from rules.core.repository import is_offline
from rules.core.values import Module, Outside, ProjectFunction, Value, Where


def is_used_by_hand(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether anything but the framework calls the function, or may.

    Tests count. A mention counts unless it is an argument of a registration; so does a call by the same name on an object
    whose type is unknown, in a file that could mean this function.
    """
    facts = contexts.project.function(function)
    if facts.owner < 0 and is_told(function.path, facts.name, contexts):
        return True
    return any(_uses(function, path, contexts) for path in sorted(_files_that_could_mean(function, contexts)))


def calls_by_hand(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[ProjectFunction, int], ...] | None:
    """All calls of the function in the project, each as the caller and the place of the call among its sites.

    None where something else is done with it, or may be: a mention, a text that names it, a call on an unknown object, a test.
    """
    facts = contexts.project.function(function)
    if facts.owner < 0 and is_told(function.path, facts.name, contexts):
        return None
    found: list[tuple[ProjectFunction, int]] = []
    for path in sorted(_files_that_could_mean(function, contexts)):
        names = _names(function, path, contexts)
        calls = [(at, i, site) for at, i, site in _sites(path, contexts) if _as_named(site.call.callee) in names]
        certain = [(at, i) for at, i, site in calls if contexts.project.value(site.call.callee, at) == function]
        if any(contexts.project.value(site.call.callee, at) is None for at, _, site in calls):
            return None
        if (certain and is_offline(path)) or _mentioned(path, names, contexts) > 0:
            return None
        found += [(ProjectFunction(path, at.function), place) for at, place in certain]
    return tuple(found)


def _mentioned(path: str, names: set[str], contexts: Contexts) -> int:
    """How often a file speaks of the function other than to call it or to register it."""
    mentions = sum(contexts.project.facts[path].outline.mentions.get(name, 0) for name in names)
    for at, _, site in _sites(path, contexts) if mentions else ():
        if any(_as_named(given) in names for given in given_to(site.call)) and registers(site.call, at, contexts):
            mentions -= 1
    return mentions


def _sites(path: str, contexts: Contexts) -> Iterator[tuple[Where, int, Site]]:
    for index, function in enumerate(contexts.project.facts[path].functions):
        for place, site in enumerate(function.sites):
            yield Where(path, index, site.line), place, site


def _files_that_could_mean(function: ProjectFunction, contexts: Contexts) -> set[str]:
    """The files that have the function's name, and define it, or import it or its module; any file can name a method.

    Under a star import, and under another name, the function may go by without its own name being read there.
    """
    project = contexts.project
    facts = project.function(function)
    named = set(project.naming.get(facts.name, ()))
    if facts.owner >= 0:
        return named
    if facts.parent > 0:
        return {function.path}
    return {function.path} | (named & project.importers_of(function.path))


def is_told(path: str, name: str, contexts: Contexts) -> bool:
    """Whether a text anywhere names the name in this module: "app.tasks.send", as job queues and mocks are told."""
    module = path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]
    return f"{module}.{name}" in contexts.project.told or _is_imported_by_text(path, contexts)


def _is_imported_by_text(path: str, contexts: Contexts) -> bool:
    """Whether a text names the module itself, in a project that imports modules by their names."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    facts = contexts.project.facts.values()
    return ".".join(parts[-2:]) in contexts.project.told and any("import_module" in one.outline.called for one in facts)


def _uses(function: ProjectFunction, path: str, contexts: Contexts) -> bool:
    names = _names(function, path, contexts)
    if any(_may_be(site.call.callee, names, function, at, contexts) for at, _, site in _sites(path, contexts)):
        return True
    return _mentioned(path, names, contexts) > 0


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
    """Whether another file takes the name from this one: by an import, of the module itself perhaps, or in a text."""
    if is_told(path, name, contexts):
        return True
    module = path.removesuffix(".py").removesuffix("/__init__")
    for other in contexts.project.naming.get(name, ()):
        if other == path:
            continue
        for where, _, imported in contexts.project.imports_of(other):
            if contexts.project.value(imported, where) == Module(module):
                return True  # as an attribute of the module, or by a star
            if imported.name == name and _place(other, imported, contexts) == module:
                return True
        if any(not one.name and _place(other, one, contexts) == module for one in _imports(other, contexts)):
            return True
    return False


def _imports(path: str, contexts: Contexts) -> tuple[Import, ...]:
    return contexts.project.facts[path].outline.imports


def _place(path: str, imported: Import, contexts: Contexts) -> str | None:
    """The module that a file imports, or imports from."""
    return contexts.project.modules.find(path, imported.level, imported.module)


def overridden(contexts: Contexts) -> Iterator[Value]:
    """The dependencies in whose place the project or its tests put others: `app.dependency_overrides[f] = g`."""
    for path, facts in contexts.project.facts.items():
        if "dependency_overrides" not in facts.outline.states:
            continue
        for index, function in enumerate(facts.functions):
            for binding in function.bindings.get(".dependency_overrides", ()):
                pair = binding.value.items if isinstance(binding.value, Collection) else ()
                for one in pair[:1]:
                    if (value := contexts.project.value(one, Where(path, index, binding.line))) is not None:
                        yield value


def registers(call: Call, where: Where, contexts: Contexts) -> bool:
    callee = contexts.project.value(call.callee, where)
    return isinstance(callee, Outside) and callee.name in contexts.project.knowledge.registrations


def given_to(call: Call) -> tuple[Expression | None, ...]:
    """All arguments of a call."""
    return (*call.arguments, *(value for _, value in call.keywords))
