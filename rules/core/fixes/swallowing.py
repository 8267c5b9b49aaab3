"""Cancellations that are swallowed: each new `await` is a place where a task may be told to end, and a bare `except` lets it go on.

https://docs.python.org/3/library/asyncio-task.html#task-cancellation
"""

import ast
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from rules.core.annotations import last_part
from rules.core.findings import Applicability, Edit, Fix
from rules.core.fixes.document import Document
from rules.core.fixes.texts import Texts
from rules.core.syntax import walk

SWALLOWED = (
    "Where the task is cancelled during the new `await`, `{}` around it catches that, and the function goes on: catch `Exception` "
    "there."
)
_AWAIT = "await "
_SUSPENDING = (_AWAIT, "async with ", "async for ")
_ALL, _CANCELLED, _SUPPRESSING = "BaseException", "CancelledError", "suppress"


def marked_swallowing(fix: Fix, texts: Texts) -> Fix:
    """The fix; unsafe where a cancellation during what is awaited now would be swallowed."""
    for edit in fix.edits:
        is_suspending = any(word in edit.replacement for word in _SUSPENDING)
        document = texts.document(edit.path) if is_suspending else None
        if document is not None and _is_new(edit, document) and (catching := _catching_around(edit, document)):
            note = SWALLOWED.format(catching)
            return replace(fix, applicability=Applicability.UNSAFE, notes=(note, *fix.notes))
    return fix


def _is_new(edit: Edit, document: Document) -> bool:
    """Whether nothing is awaited yet where an edit awaits something."""
    return _AWAIT not in document.between(edit.span.start, edit.span.end)


def _catching_around(edit: Edit, document: Document) -> str:
    """What around an edit swallows that a task is cancelled, as it is written; empty where nothing does."""
    for node in document.guards:
        catching = _caught_by(node.items) if isinstance(node, ast.With) else _handled_by(node.handlers)
        if catching and _lies_in(edit, node.body, document):
            return catching
    return ""


def _handled_by(handlers: Iterable[ast.ExceptHandler]) -> str:
    """The `except` that swallows a cancellation; empty where none does, or one is told of cancellations."""
    for handler in handlers:
        named = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        parts = [last_part(one) if one is not None else "" for one in named]
        if _CANCELLED in parts:
            return ""
        if handler.type is None or _ALL in parts:
            raises = any(isinstance(statement, ast.Raise) for statement in handler.body)
            return "" if raises else "except:" if handler.type is None else f"except {_ALL}:"
    return ""


def _caught_by(items: Iterable[ast.withitem]) -> str:
    """The `suppress` that swallows a cancellation."""
    for item in items:
        match item.context_expr:
            case ast.Call(func=called, args=given) if last_part(called) == _SUPPRESSING:
                if _ALL in [last_part(one) for one in given]:
                    return f"{_SUPPRESSING}({_ALL})"
    return ""


def _lies_in(edit: Edit, body: Sequence[ast.stmt], document: Document) -> bool:
    """Whether an edit stands in some statements, and in no function that is defined there."""
    place = edit.span.start
    for statement in body:
        span = document.span(statement)
        if span.start <= place < span.end:
            return not any(
                isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef))
                and document.span(node).start <= place < document.span(node).end
                for node in walk(statement)
            )
    return False
