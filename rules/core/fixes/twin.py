"""The call replaced by its awaitable twin, with the same arguments."""

import ast
from collections.abc import Callable

from rules.core.contexts import Contexts
from rules.core.findings import Fix, Span, Way
from rules.core.fixes.awaits import awaitable_call, parenthesised
from rules.core.fixes.document import Document
from rules.core.fixes.imports import import_dotted, is_imported
from rules.core.fixes.orphans import orphan_edits
from rules.core.fixes.sharing.hazards import marked
from rules.core.library import Twin
from rules.core.remarks import Remark
from rules.core.usage import is_taken_from


def twin(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """The call replaced by its awaitable twin, with the same arguments."""
    if remark.sink is None or remark.sink.row.twin is None or not remark.sink.is_direct:
        return None
    call = awaitable_call(remark.sink.site, remark.function, contexts, document)
    if call is None:
        return None

    def is_wanted(name: str) -> bool:
        return is_taken_from(document.path, name, contexts)

    place = remark.sink.site.span
    if remark.sink.row.twin.wraps:
        return marked(_wrapping_twin(call, remark.sink.row.twin, document), remark.function, contexts, place, document)
    write = _path_twin if remark.sink.row.rule == "blocking/files" else _function_twin
    return marked(write(call, remark.sink.row.twin, document, is_wanted), remark.function, contexts, place, document)


def _function_twin(call: ast.Call, twin_: Twin, document: Document, is_wanted: Callable[[str], bool]) -> Fix | None:
    known = (twin_.name, *twin_.instead)
    chosen = next((name for name in known if is_imported(document, name)), twin_.name)
    imported = import_dotted(document, chosen)
    if imported is None:
        return None
    edits = [
        *parenthesised(call, document, [document.replace(document.span(call.func), f"await {imported.name}")]),
        *imported.edits,
        *orphan_edits(document, [call.func], imported, is_wanted),
    ]
    return Fix(f"Await `{chosen}`", Way.TWIN, tuple(edits), notes=twin_.notes, requires=twin_.requires)


def _wrapping_twin(call: ast.Call, twin_: Twin, document: Document) -> Fix | None:
    """`asyncio.wrap_future(future)` for `future.result()`."""
    if not isinstance(call.func, ast.Attribute) or call.args or call.keywords:
        return None
    imported = import_dotted(document, twin_.name)
    start, end = document.span(call.func.value).end, document.span(call).end
    if imported is None or "#" in document.between(start, end):
        return None
    word = f"await {imported.name}("
    edits = [document.insert(document.span(call).start, word), document.replace(Span(*start, *end), ")")]
    if document.needs_parentheses(call):
        edits = [document.insert(document.span(call).start, f"({word}"), document.replace(Span(*start, *end), "))")]
    return Fix(f"Await `{twin_.name}`", Way.TWIN, (*edits, *imported.edits), notes=twin_.notes)


def _path_twin(call: ast.Call, twin_: Twin, document: Document, is_wanted: Callable[[str], bool]) -> Fix | None:
    """`path.read_text()` through `anyio.Path(path)`, which does the same in a worker thread."""
    if not isinstance(call.func, ast.Attribute):
        return None
    imported = import_dotted(document, twin_.name)
    if imported is None:
        return None
    receiver = call.func.value
    replaced: list[ast.expr] = []
    if isinstance(receiver, ast.Call) and isinstance(receiver.func, (ast.Name, ast.Attribute)):
        if not document.text_of(receiver.func).endswith("Path"):
            return None
        replaced = [receiver.func]
        wrapped = [document.replace(document.span(receiver.func), f"await {imported.name}")]
    elif isinstance(receiver, (ast.Name, ast.Attribute)):
        span = document.span(receiver)
        wrapped = [document.insert(span.start, f"await {imported.name}("), document.insert(span.end, ")")]
    else:
        return None
    edits = [
        *parenthesised(call, document, wrapped),
        *imported.edits,
        *orphan_edits(document, replaced, imported, is_wanted),
    ]
    return Fix(f"Await `{twin_.name}(…).{call.func.attr}`", Way.TWIN, tuple(edits))
