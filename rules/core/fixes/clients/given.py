"""Clients that a function of the project gives, to those that depend on it by `Depends`, and to those that call it."""

import ast
from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Call, Entered, Expression, Name
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.document import Document
from rules.core.fixes.texts import Texts
from rules.core.repository import is_offline
from rules.core.syntax import walk
from rules.core.usage import calls_by_hand, overridden
from rules.core.values import Outside, ProjectFunction, Where


class UnseenError(Exception):
    """What is given is used in a way that cannot be followed."""


def giver(receiver: Expression, function: ProjectFunction, contexts: Contexts) -> ProjectFunction | None:
    """The function of the project that gives what an expression stands for: a parameter, a local name, or a call."""
    project = contexts.project
    facts = project.function(function)
    value: object = None
    if isinstance(receiver, Call):
        value = project.value(receiver.callee, Where(function.path, function.index, facts.end_line))
    elif isinstance(receiver, Name) and receiver.id in facts.bindings:
        made = {binding.value for binding in facts.bindings[receiver.id]}
        call = made.pop() if len(made) == 1 else None
        if isinstance(call, Call):
            value = project.value(call.callee, Where(function.path, function.index, facts.end_line))
    elif isinstance(receiver, Name):
        value = next((given for name, given in injected(function, contexts) if name == receiver.id), None)
    if not isinstance(value, ProjectFunction) or project.function(value).asynchronous:
        return None
    return value if project.decorators_are_known(value) else None


def gives(function: ProjectFunction, contexts: Contexts) -> Expression | None:
    """The one thing that a function returns or yields."""
    facts = contexts.project.function(function)
    given = {*facts.yields} if facts.generator else {*facts.results}
    one = given.pop() if len(given) == 1 else None
    return one.of if isinstance(one, Entered) else one


def injected(function: ProjectFunction, contexts: Contexts) -> Iterator[tuple[str, object]]:
    """The parameters of a function that dependencies give, each with what FastAPI calls for it."""
    facts = contexts.project.function(function)
    around = Where(function.path, facts.parent, facts.line)
    for parameter in facts.parameters:
        if (value := contexts.project.dependency(parameter, around)) is not None:
            yield parameter.name, value


def dependants(of: ProjectFunction, contexts: Contexts) -> Iterator[tuple[ProjectFunction, str]]:
    """The functions that depend on one, each with the parameter that holds what it gives."""
    for path, facts in contexts.project.facts.items():
        for index, function in enumerate(facts.functions):
            place = ProjectFunction(path, index)
            for name, value in injected(place, contexts) if function.parameters else ():
                if value == of:
                    yield place, name


def nodes_given(of: ProjectFunction, contexts: Contexts, texts: Texts) -> Iterator[tuple[str, ast.expr]]:
    """Where what a function gives stands in the project, each with its file. Raises UnseenError."""
    calls = calls_by_hand(of, contexts)
    if calls is None or of in overridden(contexts):
        raise UnseenError
    for user, name in dependants(of, contexts):
        if is_offline(user.path):
            raise UnseenError
        yield from ((user.path, node) for node in _named(name, user, contexts, texts))
    for caller, place in calls:
        call = _document(caller.path, texts).call_at(contexts.project.function(caller).sites[place].span)
        around = _document(caller.path, texts).parents.get(call) if call is not None else None
        if call is None or caller.index == 0:
            raise UnseenError
        if isinstance(around, ast.Assign) and [*map(type, around.targets)] == [ast.Name]:
            yield from ((caller.path, node) for node in _named(ast.unparse(around.targets[0]), caller, contexts, texts))
        else:
            yield caller.path, call


def _named(name: str, function: ProjectFunction, contexts: Contexts, texts: Texts) -> Iterator[ast.expr]:
    """Where a function reads a name that it is given, or binds once."""
    document = _document(function.path, texts)
    definition = document.function_at(contexts.project.function(function).line)
    if definition is None:
        raise UnseenError
    bound = 0
    for node in walk(definition):
        if isinstance(node, ast.arg) and node.arg == name:
            bound += 1
        elif isinstance(node, ast.Name) and node.id == name:
            if isinstance(node.ctx, ast.Load):
                yield node
            else:
                bound += 1
    if bound != 1:
        raise UnseenError


def types_given(of: ProjectFunction, name: str, contexts: Contexts, texts: Texts) -> Iterator[tuple[str, ast.expr]]:
    """Where annotations say that what a function gives is of a class of that dotted name. Raises UnseenError.

    They are those of what it returns, and of the parameters that hold it, also by an alias for `Annotated[...]`.
    """
    yield from _types_in(_definition(of, contexts, texts).returns, of.path, name, contexts, texts)
    for user, parameter in dependants(of, contexts):
        arguments = _definition(user, contexts, texts).args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if argument.arg == parameter:
                yield from _types_in(argument.annotation, user.path, name, contexts, texts)


def _types_in(
    annotation: ast.expr | None, path: str, name: str, contexts: Contexts, texts: Texts
) -> Iterator[tuple[str, ast.expr]]:
    if annotation is None:
        return
    match annotation:
        case ast.Name() | ast.Attribute():
            alias = contexts.project.origin(as_expression(annotation), Where(path))
            if alias is not None:
                yield from _types_in(_aliased(*alias, texts), alias[0], name, contexts, texts)
            elif contexts.project.value(as_expression(annotation), Where(path)) == Outside(name):
                yield path, annotation
            else:
                raise UnseenError
        case ast.Subscript(slice=ast.Tuple(elts=[first, *_])) | ast.Subscript(slice=first):
            yield from _types_in(first, path, name, contexts, texts)
        case _:
            raise UnseenError


def _aliased(path: str, name: str, texts: Texts) -> ast.expr:
    """What an alias stands for. Raises UnseenError."""
    for statement in _document(path, texts).tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        if [one.id for one in targets if isinstance(one, ast.Name)] == [name]:
            value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
            if isinstance(value, ast.Subscript):
                return value
    raise UnseenError


def _definition(of: ProjectFunction, contexts: Contexts, texts: Texts) -> ast.FunctionDef | ast.AsyncFunctionDef:
    found = _document(of.path, texts).function_at(contexts.project.function(of).line)
    if found is None:
        raise UnseenError
    return found


def _document(path: str, texts: Texts) -> Document:
    document = texts.document(path)
    if document is None:
        raise UnseenError
    return document
