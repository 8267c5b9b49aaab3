"""Imports that a fix leaves without a use."""

import ast
from collections.abc import Callable

from rules.core.findings import Edit, Span
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported
from rules.core.fixes.members import ImportStatement, bound_name, without
from rules.core.syntax import walk

_BLOCKS = (
    *(ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.If, ast.For, ast.AsyncFor, ast.While),
    *(ast.With, ast.AsyncWith),
)


def orphan_edits(
    document: Document, replaced: list[ast.expr], imported: Imported, is_wanted: Callable[[str], bool]
) -> tuple[Edit, ...]:
    """The edits that drop the imports whose only uses were in the replaced expressions, now that another is used.

    The imports of an `__init__.py`, of a name in `__all__`, those that a comment marks, and those that are wanted
    elsewhere stay.
    """
    if document.path.endswith("__init__.py"):
        return ()
    added = {edit.span.line for edit in imported.edits}
    inside = {node for expression in replaced for node in walk(expression)}
    roots = {node.id for node in inside if isinstance(node, ast.Name)} - {imported.name.partition(".")[0]}
    edits: list[Edit] = []
    for name in sorted(roots):
        if name not in document.names_in_texts and not is_wanted(name):
            for statement in _unused(document, name, inside):
                edits += _dropped(document, statement, name, added)
    return tuple(edits)


def _unused(document: Document, name: str, replaced: set[ast.AST]) -> list[ImportStatement]:
    """The imports of a name that nothing but what is replaced has used: the only one, or such of blocks in a function."""
    found = [s for s in document.imports for alias in s.names if bound_name(s, alias) == name]
    uses = document.uses.get(name, [])
    if len(found) == 1:
        return found if replaced.issuperset(uses) else []
    unused = list[ImportStatement]()
    for statement in found:
        function, block = document.function_around(statement), _body_of(document, statement)
        own = [use for use in uses if document.lies_in(use, function)] if function is not document.tree else []
        blocks = [_body_of(document, one) for one in found if document.function_around(one) is function]
        served = [use for use in own if _lies_in_block(document, use, block)]
        is_served = all(any(_lies_in_block(document, use, one) for one in blocks) for use in own)
        if served and is_served and replaced.issuperset(served):
            unused.append(statement)
    return unused


def _lies_in_block(document: Document, node: ast.AST, block: list[ast.stmt]) -> bool:
    return any(document.lies_in(node, statement) for statement in block)


def _dropped(document: Document, statement: ImportStatement, name: str, added: set[int]) -> list[Edit]:
    if "#" in document.rest_of_line(statement):
        return []
    if not isinstance(document.parents.get(statement), _BLOCKS):
        return []  # it may be there to see whether it can be done
    if len(statement.names) > 1:
        return without(document, statement, name)
    body = _body_of(document, statement)
    if len(body) == 1:
        return []
    if not _stands_alone(document, statement):
        return []
    end_line = statement.end_lineno or statement.lineno
    above = document.line(statement.lineno - 1).strip() if statement.lineno > 1 else ""
    begins = body[0] is statement and not isinstance(document.parents.get(statement), ast.Module)
    alone = (begins or not above) and not document.line(end_line + 1).strip()
    if alone and not added & {statement.lineno, end_line + 1}:
        end_line += 1  # it was a group of its own
    return [document.replace(Span(statement.lineno, 1, end_line + 1, 1), "")]


def _body_of(document: Document, statement: ast.stmt) -> list[ast.stmt]:
    around = document.parents.get(statement)
    bodies: list[list[ast.stmt]] = [getattr(around, part, []) for part in ("body", "orelse")]
    return next((body for body in bodies if statement in body), [])


def _stands_alone(document: Document, statement: ast.stmt) -> bool:
    """Whether nothing else stands on the lines of the statement."""
    return document.has_lines_of_its_own(statement) and not document.rest_of_line(statement).strip()
