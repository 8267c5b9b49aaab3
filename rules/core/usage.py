"""Who uses a function besides the framework: calls it, or hands it on as a value."""

from collections.abc import Iterator, Sequence

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Collection, Expression, Function, Import, Name
from rules.core.mentions import as_named, files_that_could_mean, names_of, sites_of
from rules.core.repository import is_offline
from rules.core.values import Module, Outside, ProjectClass, ProjectFunction, Value, Where


def is_used_by_hand(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether anything but the framework calls the function, or may.

    Tests count. A mention counts unless it is an argument of a registration; so does a call by the same name on an object
    whose type is unknown, in a file that could mean this function.
    """
    facts = contexts.project.function(function)
    if facts.owner < 0 and is_told(function.path, facts.name, contexts):
        return True
    return any(_uses(function, path, contexts) for path in sorted(files_that_could_mean(function, contexts.project)))


def calls_by_hand(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[ProjectFunction, int], ...] | None:
    """All calls of the function in the project, each as the caller and the place of the call among its sites.

    None where something else is done with it, or may be: a mention, a text that names it, a call on an unknown object, a test.
    """
    facts = contexts.project.function(function)
    if facts.owner < 0 and is_told(function.path, facts.name, contexts):
        return None
    found: list[tuple[ProjectFunction, int]] = []
    for path in sorted(files_that_could_mean(function, contexts.project)):
        names = names_of(function, path, contexts.project)
        calls = [
            (at, i, site) for at, i, site in sites_of(path, contexts.project) if as_named(site.call.callee) in names
        ]
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
    for at, _, site in sites_of(path, contexts.project) if mentions else ():
        if any(as_named(given) in names for given in given_to(site.call)) and registers(site.call, at, contexts):
            mentions -= 1
    return mentions


def is_told(path: str, name: str, contexts: Contexts) -> bool:
    """Whether a text anywhere names the name in this module: "app.tasks.send", as job queues and mocks are told."""
    module = path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]
    return f"{module}.{name}" in contexts.project.told or _is_imported_by_text(path, contexts)


def _is_imported_by_text(path: str, contexts: Contexts) -> bool:
    """Whether a text names the module itself, in a project that imports modules by their names."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join(parts[-2:]) in contexts.project.told and "import_module" in contexts.project.calling


def _uses(function: ProjectFunction, path: str, contexts: Contexts) -> bool:
    names = names_of(function, path, contexts.project)
    if any(
        _may_be(site.call.callee, names, function, at, contexts) for at, _, site in sites_of(path, contexts.project)
    ):
        return True
    return _mentioned(path, names, contexts) > 0


def _may_be(callee: Expression, names: set[str], function: ProjectFunction, where: Where, contexts: Contexts) -> bool:
    return as_named(callee) in names and contexts.project.value(callee, where) in (function, None)


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
    for path in contexts.project.stating.get("dependency_overrides", ()):
        for index, function in enumerate(contexts.project.facts[path].functions):
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


@told_once
def called_outside(function: ProjectFunction, contexts: Contexts) -> tuple[str, ...]:
    """The dotted names of the callables of libraries that a function calls."""
    where = Where(function.path, function.index)
    values = (contexts.project.value(site.call.callee, where) for site in contexts.project.function(function).sites)
    return tuple([value.name for value in values if isinstance(value, Outside)])


@told_once
def reached(function: ProjectFunction, contexts: Contexts) -> tuple[ProjectFunction, ...]:
    """The function, what is defined in it, and all of the project that it calls."""
    return tuple(_reached(function, contexts))


def _reached(function: ProjectFunction, contexts: Contexts) -> Iterator[ProjectFunction]:
    seen = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        yield current
        for found in _run_by(current, contexts):
            if found not in seen:
                seen.add(found)
                waiting.append(found)


@told_once
def _run_by(function: ProjectFunction, contexts: Contexts) -> tuple[ProjectFunction, ...]:
    """What is defined in a function, what it calls, and what stands around it."""
    functions = contexts.project.facts[function.path].functions
    nested = [ProjectFunction(function.path, i) for i, f in enumerate(functions) if f.parent == function.index]
    return (*nested, *contexts.callees(function), *wrapping(function, contexts))


def wrapping(function: ProjectFunction, contexts: Contexts) -> Iterator[ProjectFunction]:
    """The decorators of the project around a function, and the methods of its object that they call: `self.login()`."""
    if not contexts.project.function(function).decorators:
        return
    owner = contexts.project.function(function).owner
    for decorator in contexts.project.decorators(function):
        if not isinstance(decorator, ProjectFunction):
            continue
        yield decorator
        functions = contexts.project.facts[decorator.path].functions
        inner = [one for one in functions if one.parent > 0 and owner >= 0 and _lies_in(one, decorator, functions)]
        called = (site.call.callee for one in inner for site in one.sites if one.parameters)
        names = {one.name for one in called if isinstance(one, Attribute) and isinstance(one.of, Name)}
        methods = contexts.project.class_(ProjectClass(function.path, owner)).methods if owner >= 0 else {}
        yield from (ProjectFunction(function.path, methods[name]) for name in sorted(names & methods.keys()))


def _lies_in(function: Function, around: ProjectFunction, functions: Sequence[Function]) -> bool:
    """Whether a function is defined in another one of its file."""
    parent = function.parent
    while parent > 0 and parent != around.index:
        parent = functions[parent].parent
    return parent == around.index
