"""Responses that run through what they are given while they send it: a plain generator in threads, an asynchronous one on the loop.

https://www.starlette.io/responses/#streamingresponse
"""

import ast
from collections.abc import Collection

from rules.core.contexts import Contexts
from rules.core.facts import Call
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.document import Document
from rules.core.usage import calls_by_hand
from rules.core.values import Outside, ProjectFunction, Value, Where

TOLD = "stream"
STREAMS = frozenset(
    f"{module}.{name}"
    for module in ("fastapi.responses", "starlette.responses", "sse_starlette", "sse_starlette.sse")
    for name in ("StreamingResponse", "EventSourceResponse")
)


def told(call: ast.Call) -> ast.keyword | None:
    """The argument that has the answer streamed."""
    given = (one for one in call.keywords if one.arg == TOLD)
    return next((one for one in given if isinstance(one.value, ast.Constant) and one.value.value is True), None)


def goes_into_response(call: Call, caller: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a response is given what a call in a function gives, straight away; and what each call like it there gives."""
    sites = contexts.project.function(caller).sites
    given = [
        other
        for other in sites
        if call in (*other.call.arguments[:1], dict(other.call.keywords).get("content"))
        and _is_stream(contexts.project.value(other.call.callee, Where(caller.path, caller.index, other.line)))
    ]
    return bool(given) and len(given) == sum(site.call == call for site in sites)


def _is_stream(value: Value | None) -> bool:
    return isinstance(value, Outside) and value.name in STREAMS


def is_sent(generator: ProjectFunction, contexts: Contexts) -> bool:
    """Whether all that is done with a generator is that responses run through it."""
    calls = calls_by_hand(generator, contexts) if contexts.project.function(generator).generator else None
    return bool(calls) and all(
        goes_into_response(contexts.project.function(caller).sites[place].call, caller, contexts)
        for caller, place in calls or ()
    )


def is_read_while_sent(
    call: ast.Call, quick: Collection[str], function: ProjectFunction, document: Document, contexts: Contexts
) -> bool:
    """Whether only responses read what a call gives, in threads; of `quick` attributes it is known that they read nothing."""
    statement = document.parents.get(call)
    if not (isinstance(statement, ast.Assign) and [*map(type, statement.targets)] == [ast.Name]):
        return False
    name = ast.unparse(statement.targets[0])
    scope = document.function_around(call)
    uses = [node for node in document.uses[name] if document.lies_in(node, scope)]
    if sum(not isinstance(node.ctx, ast.Load) for node in uses) > 1:
        return False
    reading = [node for node in uses if isinstance(node.ctx, ast.Load) and not _is_quick(node, quick, document)]
    return bool(reading) and all(_is_sent_from(node, scope, function, document, contexts) for node in reading)


def _is_quick(node: ast.Name, quick: Collection[str], document: Document) -> bool:
    around = document.parents.get(node)
    return isinstance(around, ast.Attribute) and around.attr in quick


def _is_sent_from(
    node: ast.Name, scope: ast.AST, function: ProjectFunction, document: Document, contexts: Contexts
) -> bool:
    """Whether a response runs through what stands there, or through the plain generator around it."""
    inner = document.function_around(node)
    if inner is scope:
        return _is_first_given(node, function, document, contexts)
    functions = contexts.project.facts[function.path].functions
    index = next((i for i, one in enumerate(functions) if i and one.line == getattr(inner, "lineno", 0)), 0)
    generator = ProjectFunction(function.path, index)
    is_plain = isinstance(inner, ast.FunctionDef) and index > 0 and functions[index].parent == function.index
    return is_plain and is_sent(generator, contexts)


def _is_first_given(node: ast.Name, function: ProjectFunction, document: Document, contexts: Contexts) -> bool:
    """Whether it is `StreamingResponse(answer.iter_content(...))`."""
    attribute = document.parents.get(node)
    read = document.parents.get(attribute) if attribute is not None else None
    around = document.parents.get(read) if read is not None else None
    if not (isinstance(read, ast.Call) and read.func is attribute and isinstance(around, ast.Call)):
        return False
    where = Where(function.path, function.index, around.lineno)
    return around.args[:1] == [read] and _is_stream(contexts.project.value(as_expression(around.func), where))
