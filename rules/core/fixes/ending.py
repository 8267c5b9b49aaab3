"""What a streamed response does as it ends. Where the client leaves, Starlette cancels the stream, and each `await` with it.

https://www.starlette.io/responses/#streamingresponse
"""

import ast

from msgspec.structs import replace

from rules.core.annotations import last_part
from rules.core.contexts import Contexts
from rules.core.findings import Applicability, Fix
from rules.core.fixes.document import Document
from rules.core.library import Role
from rules.core.remarks import Remark
from rules.core.values import ProjectFunction

CUT_SHORT = (
    "Where the client leaves before the end, the stream is cancelled: what is awaited as it ends may then not be done."
)
_ENDINGS = frozenset({"BaseException", "CancelledError", "GeneratorExit"})
_AWAITED = frozenset({Role.DEPENDENCY, Role.STARTUP})


def marked_ending(fix: Fix, remark: Remark, contexts: Contexts, document: Document) -> Fix:
    """The fix; unsafe where what is awaited now is done today also for a client that leaves."""
    awaits = any("await " in edit.replacement for edit in fix.edits)
    if remark.site is None or not awaits or not _is_streamed(remark.function, contexts):
        return fix
    call = document.call_at(remark.site.span)
    if call is None or not _ends(call, document):
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(CUT_SHORT, *fix.notes))


def _is_streamed(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it is an asynchronous generator that no dependency and no `with` runs to its end."""
    facts = contexts.project.function(function)
    if not (facts.asynchronous and facts.generator) or facts.decorators:
        return False
    root = contexts.root_of(function)
    return root is None or root.role not in _AWAITED


def _ends(call: ast.Call, document: Document) -> bool:
    """Whether a call stands in a `finally`, or where an `except` handles that the task is cancelled."""
    node: ast.AST = call
    while not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module)):
        around = document.parents[node]
        if isinstance(around, ast.Try) and node in around.finalbody:
            return True
        if isinstance(around, ast.ExceptHandler) and _handles_cancelling(around.type):
            return True
        node = around
    return False


def _handles_cancelling(type_: ast.expr | None) -> bool:
    named = type_.elts if isinstance(type_, ast.Tuple) else [type_]
    return any(one is None or last_part(one) in _ENDINGS for one in named)
