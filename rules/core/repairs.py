"""The ways to mend asynchronous code, and to make a function asynchronous as a whole."""

import ast

from rules.core.contexts import Contexts
from rules.core.document import Document
from rules.core.findings import Applicability, Edit, Fix, Way
from rules.core.remarks import Remark


def await_call(remark: Remark, _contexts: Contexts, document: Document) -> Fix | None:
    """`await` before a call whose coroutine nobody awaits."""
    call = document.call_at(remark.site.span) if remark.site is not None else None
    if call is None or not document.may_await(call):
        return None
    edit = document.insert(document.span(call).start, "await ")
    return Fix(
        "Await the call",
        Way.REPAIR,
        (edit,),
        Applicability.UNSAFE,
        ("The function runs now; until today its body was never executed.",),
    )


def make_asynchronous(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """`def` to `async def`, where nothing in the body waits."""
    function = contexts.project.function(remark.function)
    definition = document.function_at(function.line)
    if not isinstance(definition, ast.FunctionDef):
        return None
    edits: list[Edit] = [document.insert((function.line, function.column), "async ")]
    return Fix(
        "Make it `async def`",
        Way.CONVERT,
        tuple(edits),
        notes=("It waits for nothing, so it needs no worker thread: one thread hop less on each request.",),
    )
