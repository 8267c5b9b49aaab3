"""Files of which a function reads one line after the other, and awaits in between: others may write them meanwhile.

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
from rules.core.fixes.files.told import file_of
from rules.core.fixes.files.torn import writers
from rules.core.remarks import Remark
from rules.core.syntax import walk
from rules.core.values import ProjectFunction, Where

INTERRUPTED = "It awaits between two lines of a file that it reads, and other requests may write that file meanwhile."
_LAZY = frozenset({"DictReader", "chain", "enumerate", "filter", "islice", "iter", "map", "reader", "zip"})
"""What reads a line only when it is asked for the next."""


def marked_interrupted(fix: Fix, remark: Remark, contexts: Contexts, document: Document) -> Fix:
    """The fix; unsafe where its `await` comes to stand between two lines of a file that requests write."""
    call = document.call_at(remark.site.span) if remark.site is not None else None
    if call is None or fix.way not in {Way.OFFLOAD, Way.TWIN}:
        return fix
    read = [*_read_around(call, remark.function, contexts, document)]
    if not read or not any(_is_written(*one, contexts) for one in read):
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(*fix.notes, INTERRUPTED))


def _read_around(
    call: ast.Call, function: ProjectFunction, contexts: Contexts, document: Document
) -> Iterator[tuple[object, Where]]:
    """The files whose lines a loop around a call runs through, as the program alone names them, each with where they are opened."""
    iterables = [*document.iterables_around(call)]
    opened = document.managers_around(call) if iterables else ()
    paths = {site.span: path for site, path in read_by(function, contexts)} if opened else {}
    for manager in opened:
        span = document.span(manager)
        handle = getattr(document.parents[manager], "optional_vars", None)
        if span not in paths or not isinstance(handle, ast.Name):
            continue
        where = Where(function.path, function.index, span.line)
        if any(_runs_through(one, handle.id, document.function_around(call)) for one in iterables):
            yield file_of(paths[span], where, contexts), where


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


def _is_written(file: object, opened: Where, contexts: Contexts) -> bool:
    """Whether requests write a file, and no lock keeps them from it."""
    locks = locks_at(ProjectFunction(opened.path, opened.function), opened.line, contexts)
    places = writers(contexts).get(file, ()) if file is not None else ()
    return any(locks.isdisjoint(locks_at(*place, contexts)) for place in places)
