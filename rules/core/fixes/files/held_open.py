"""Files that are held open while a function awaits, and read line by line or by what it awaits: others may write them meanwhile.

What is read of them then is part of the old file and part of the new one.
"""

import ast
from collections.abc import Iterator

from msgspec.structs import replace

from rules.core.contexts import Contexts
from rules.core.findings import Applicability, Fix, Way
from rules.core.fixes.document import Document
from rules.core.fixes.files.calls import read_by
from rules.core.fixes.files.guarding import locks_at
from rules.core.fixes.files.rewriting import REUSED, REWRITTEN
from rules.core.fixes.files.told import File, file_of
from rules.core.fixes.files.torn import writers
from rules.core.remarks import Remark
from rules.core.syntax import walk
from rules.core.values import ProjectFunction, Where

INTERRUPTED = "It awaits between two lines of a file that it reads, and other requests may write that file meanwhile."
HANDED = "What it awaits reads a file that is open, and other requests may write that file meanwhile."
_LAZY = frozenset({"DictReader", "chain", "enumerate", "filter", "islice", "iter", "map", "reader", "zip"})
"""What reads a line only when it is asked for the next."""


def marked_reading(fix: Fix, remark: Remark, contexts: Contexts, document: Document) -> Fix:
    """The fix; unsafe where a file that requests write is read during its `await`, or on both sides of it."""
    call = document.call_at(remark.site.span) if remark.site is not None else None
    if call is None or fix.way not in {Way.OFFLOAD, Way.TWIN}:
        return fix
    notes = [
        note
        for note, file, where in _read_around(call, remark.function, contexts, document)
        if _is_written(file, where, contexts)
    ]
    if not notes or not {REUSED, REWRITTEN}.isdisjoint(fix.notes):
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(*fix.notes, notes[0]))


def _read_around(
    call: ast.Call, function: ProjectFunction, contexts: Contexts, document: Document
) -> Iterator[tuple[str, File | None, Where]]:
    """The files that are open around a call and are read by it, or by a loop around it: what is to be said of each, as what the
    program names it, and where it is opened.
    """
    opened = document.managers_around(call)
    paths = {site.span: path for site, path in read_by(function, contexts)} if opened else {}
    for manager in opened:
        span = document.span(manager)
        handle = getattr(document.parents[manager], "optional_vars", None)
        if span not in paths or not isinstance(handle, ast.Name):
            continue
        where = Where(function.path, function.index, span.line)
        around = document.function_around(call)
        if any(_runs_through(one, handle.id, around) for one in document.iterables_around(call)):
            yield INTERRUPTED, file_of(paths[span], where, contexts), where
        elif any(isinstance(one, ast.Name) and one.id == handle.id for one in _handed(call)):
            yield HANDED, file_of(paths[span], where, contexts), where


def _handed(call: ast.Call) -> Iterator[ast.AST]:
    """All that a call is given; not what other calls make of that."""
    for given in (*call.args, *(keyword.value for keyword in call.keywords)):
        if not isinstance(given, ast.Call):
            yield from walk(given)


def _runs_through(iterable: ast.expr, handle: str, definition: ast.AST) -> bool:
    """Whether an iterable gives the lines of a file as they are asked for."""
    match iterable:
        case ast.Name(id=name):
            bound = (one for one in walk(definition) if isinstance(one, ast.Assign)) if name != handle else ()
            given = (one.value for one in bound if [getattr(target, "id", "") for target in one.targets] == [name])
            return name == handle or any(
                isinstance(one, ast.Call) and _runs_through(one, handle, definition) for one in given
            )
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments) if name in _LAZY:
            return any(_runs_through(one, handle, definition) for one in arguments)
        case _:
            return False


def _is_written(file: File | None, opened: Where, contexts: Contexts) -> bool:
    """Whether requests write a file, and no lock keeps them from it."""
    locks = locks_at(ProjectFunction(opened.path, opened.function), opened.line, contexts)
    places = writers(contexts).get(file, ()) if file is not None else ()
    return any(locks.isdisjoint(locks_at(*place, contexts)) for place in places)
