"""What a fix leaves as it is: each function keeps its name, parameters, defaults, annotations and decorators, and the framework is
handed the same. With that the API keeps its contract.

What is written as before says the same as before, while the names in it are bound to the same and no function that gives it a
meaning was touched. Only of the rest it is worked out what it says.
"""

import builtins
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Binding,
    Call,
    Expression,
    Facts,
    Function,
    Name,
    Parameter,
    Subscript,
    last_name,
)
from rules.core.findings import Edit, Fix, Way
from rules.core.fixes.yielding import ASYNCHRONOUS
from rules.core.surroundings import Surroundings
from rules.core.usage import reached, registers
from rules.core.values import Object, Outside, ProjectFunction, Value, Where

PLAIN = {new: old for old, new in ASYNCHRONOUS.items()}


class Declared(msgspec.Struct, frozen=True):
    """Something of the contract: how it is written, what it says, and the functions whose bodies have a part in that."""

    written: object
    said: object
    through: frozenset[ProjectFunction]

    def holds(self, written: object, touched: frozenset[ProjectFunction]) -> bool:
        """Whether it is sure to say the same, with names that mean the same."""
        return written == self.written and touched.isdisjoint(self.through)


def contract_objection(fix: Fix, before: Surroundings, after: Contexts, edited: Mapping[str, Facts]) -> str:
    """What would be another API: functions with other parameters, other things handed to the framework."""
    old = before.contexts.project.facts
    if any(facts.problem for facts in edited.values()):
        return "cannot be read again"
    touched = frozenset(_touched(fix.edits, old))
    is_rebound = any(_rebinds(old[path], facts) for path, facts in edited.items())
    for path in edited:
        if _changes_signature(path, before, after, touched, is_rebound=is_rebound):
            return "changes a signature"
        if fix.way is not Way.REPAIR and _changes_routes(path, before, after, touched, is_rebound=is_rebound):
            return "changes the routes"
    return ""


def _touched(edits: Iterable[Edit], files: Mapping[str, Facts]) -> Iterator[ProjectFunction]:
    """The functions in whose lines something is edited."""
    for edit in edits:
        for index, function in enumerate(files[edit.path].functions[1:], 1):
            if function.first_line <= edit.span.end_line and edit.span.line <= function.end_line:
                yield ProjectFunction(edit.path, index)


def _rebinds(old: Facts, new: Facts) -> bool:
    """Whether a name at the top of a file, or in the body of a class, may mean something else afterwards."""
    if old.outline.stars != new.outline.stars or len(old.classes) != len(new.classes):
        return True
    names, afterwards = _values(old.functions[0].bindings), _values(new.functions[0].bindings)
    if any(hasattr(builtins, name) for name in afterwards.keys() - names.keys()):
        return True
    return any(afterwards.get(name) != values for name, values in names.items()) or any(
        (was.bases, _values(was.bindings)) != (now.bases, _values(now.bindings))
        for was, now in zip(old.classes, new.classes, strict=True)
    )


def _values(bindings: Mapping[str, Collection[Binding]]) -> Mapping[str, list[Expression]]:
    return {name: [binding.value for binding in own] for name, own in bindings.items()}


def _changes_signature(
    path: str, before: Surroundings, after: Contexts, touched: frozenset[ProjectFunction], *, is_rebound: bool
) -> bool:
    old, new = before.said(_signatures, path), [*_functions(path, after)]
    return len(old) != len(new) or any(
        (is_rebound or not was.holds(_written(place, after), touched)) and _signature(place, after) != was.said
        for was, place in zip(old, new, strict=True)
    )


def _changes_routes(
    path: str, before: Surroundings, after: Contexts, touched: frozenset[ProjectFunction], *, is_rebound: bool
) -> bool:
    old, written = before.said(_registrations, path), _calls_named(path, after)
    return (is_rebound or not old.holds(written, touched)) and _registering(path, after) != old.said


def _registrations(path: str, contexts: Contexts) -> Declared:
    """What a file hands to the framework by calling it."""
    through: set[ProjectFunction] = set()
    for index, function in enumerate(contexts.project.facts[path].functions):
        for site in function.sites:
            if last_name(site.call.callee) in contexts.project.knowledge.registering:
                where = Where(path, index, site.line)
                through.add(ProjectFunction(path, index))
                for given in site.call.arguments[:1]:
                    through.update(_giving(contexts.project.value(given, where), contexts))
    return Declared(_calls_named(path, contexts), _registering(path, contexts), frozenset(through))


def _giving(dependency: Value | None, contexts: Contexts) -> Iterable[ProjectFunction]:
    """The functions that have a part in what a dependency gives."""
    given = contexts.project.overrides.get(dependency, dependency) if dependency is not None else None
    return reached(given, contexts) if isinstance(given, ProjectFunction) else ()


def _calls_named(path: str, contexts: Contexts) -> list[Call]:
    """The calls in a file that hand something to the framework, if their names mean what they say."""
    known = contexts.project.knowledge.registering
    functions = contexts.project.facts[path].functions
    return [site.call for one in functions for site in one.sites if last_name(site.call.callee) in known]


def _registering(path: str, contexts: Contexts) -> list[object]:
    known = contexts.project.knowledge.registering
    return [
        site.call
        for index, function in enumerate(contexts.project.facts[path].functions)
        for site in function.sites
        if last_name(site.call.callee) in known and registers(site.call, Where(path, index, site.line), contexts)
        if not _gives_session(site.call, Where(path, index, site.line), contexts)
    ]


def _gives_session(call: Call, where: Where, contexts: Contexts) -> bool:
    """Whether it is `Depends` of what gives a session and asks the request for nothing: which one is nobody's business."""
    if len(call.arguments) != 1 or call.keywords:
        return False
    value = contexts.project.value(call.arguments[0], where)
    if not isinstance(value, ProjectFunction) or contexts.project.function(value).parameters:
        return False
    return _is_session(contexts.project.injected(value), contexts)


def _is_session(value: Value | None, contexts: Contexts) -> bool:
    if not (isinstance(value, Object) and isinstance(value.of, Outside)):
        return False
    known = contexts.project.knowledge.sessions.values()
    return not {value.of.name}.isdisjoint({name for row in known for name in (row.of, row.instead)})


def _is_client(value: Value | None, contexts: Contexts) -> bool:
    named = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
    return named in contexts.project.knowledge.client_classes


def _functions(path: str, contexts: Contexts) -> Iterator[ProjectFunction]:
    """Those of a file that have a name: lambdas may come between."""
    functions = enumerate(contexts.project.facts[path].functions)
    return (ProjectFunction(path, index) for index, function in functions if not function.is_lambda)


def _signatures(path: str, contexts: Contexts) -> list[Declared]:
    """What each function of a file declares."""
    return [
        Declared(_written(one, contexts), _signature(one, contexts), frozenset(_declaring(one, contexts)))
        for one in _functions(path, contexts)
    ]


def _written(place: ProjectFunction, contexts: Contexts) -> object:
    one = contexts.project.function(place)
    return (one.qualname, one.asynchronous, one.generator, one.parameters, one.returns, one.decorators)


def _declaring(place: ProjectFunction, contexts: Contexts) -> Iterator[ProjectFunction]:
    """The functions that have a part in what a signature says: those around it, and those that give what is not annotated."""
    project = contexts.project
    function = around = project.function(place)
    where = Where(place.path, function.parent, function.line)
    while around.parent > 0:
        yield ProjectFunction(place.path, around.parent)
        around = project.function(ProjectFunction(place.path, around.parent))
    for parameter in function.parameters:
        if project.annotated(parameter.annotation, where) is None:
            yield from _giving(project.dependency(parameter, where), contexts)


def _signature(place: ProjectFunction, contexts: Contexts) -> object:
    function = contexts.project.function(place)
    where = Where(place.path, function.parent, function.line)
    parameters = tuple(_parameter(parameter, where, contexts) for parameter in function.parameters)
    decorators = tuple(_decorator(one, function, where, contexts) for one in function.decorators)
    told = _iterated if function.generator else _returned
    returns = told(function, where, contexts)
    return (function.qualname, parameters, returns, decorators, function.generator)


def _returned(function: Function, where: Where, contexts: Contexts) -> object:
    return _class_told(function.returns, where, contexts)


def _iterated(function: Function, where: Where, contexts: Contexts) -> object:
    """What a generator is said to give; of `async def` by either of the two names for it."""
    of, items = (function.returns.of, function.returns.items) if isinstance(function.returns, Subscript) else (None, ())
    value = contexts.project.value(of or function.returns, where)
    name = value.name if isinstance(value, Outside) else ""
    if function.asynchronous:
        name = PLAIN.get(name, name)
    if name not in ASYNCHRONOUS:
        return _class_told(function.returns, where, contexts)
    return (name, tuple(_class_told(item, where, contexts) for item in items[:2]))


def _decorator(expression: Expression | None, function: Function, where: Where, contexts: Contexts) -> object:
    """A decorator; of two of which the one belongs to `def` and the other to `async def`, the first."""
    value = contexts.project.value(expression, where) if isinstance(expression, (Name, Attribute)) else None
    if not isinstance(value, Outside):
        return expression
    if function.asynchronous and value.name in PLAIN:
        return PLAIN[value.name]
    return value.name if value.name in ASYNCHRONOUS and not function.asynchronous else expression


def _class_told(annotation: Expression | None, where: Where, contexts: Contexts) -> object:
    """An annotation; of a client, the one whose methods block, by either of the two."""
    value = contexts.project.annotated(annotation, where)
    named = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
    return contexts.project.knowledge.client_classes.get(named, annotation)


def _parameter(parameter: Parameter, where: Where, contexts: Contexts) -> object:
    """A parameter; of a session that is injected, or handed on, only that it is one."""
    project = contexts.project
    value = project.annotated(parameter.annotation, where)
    if value is None and isinstance(dependency := project.dependency(parameter, where), ProjectFunction):
        value = project.injected(dependency)
    if _is_client(value, contexts) and parameter.annotation is not None:
        told = _class_told(parameter.annotation, where, contexts)
        return (parameter.name, parameter.kind, parameter.default, told, project.dependency(parameter, where))
    if not _is_session(value, contexts):
        return parameter
    given = project.dependency(parameter, where)
    if given is not None and not (isinstance(given, ProjectFunction) and not project.function(given).parameters):
        return parameter
    return (parameter.name, parameter.kind, parameter.has_default, given is not None)
