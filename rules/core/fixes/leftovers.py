"""Imports that several fixes together leave without a use, where each of them alone had to keep them."""

import ast
from collections.abc import Mapping

from rules.core.contexts import Contexts
from rules.core.edits import apply_edits
from rules.core.findings import Edit
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported
from rules.core.fixes.orphans import orphan_edits
from rules.core.usage import is_taken_from

MOST = 20  # imports of a file that may go


def without_leftovers(before: Mapping[str, bytes], after: Mapping[str, bytes], contexts: Contexts) -> dict[str, bytes]:
    """The texts, by path, that lose an import which had a use in its file `before`, and has none `after`."""
    changed = {path: text for path, text in after.items() if text != before.get(path, text)}
    tidy = {path: _tidied(path, before[path], text, contexts) for path, text in changed.items()}
    return {path: text for path, text in tidy.items() if text != after[path]}


def _tidied(path: str, before: bytes, after: bytes, contexts: Contexts) -> bytes:
    used = Document(path, before).uses.keys()
    for _ in range(MOST):
        edits = _first_left(Document(path, after), used & _imported(Document(path, before)), contexts)
        if not edits:
            break
        after = apply_edits(after, edits)
    return after


def _first_left(document: Document, names: set[str], contexts: Contexts) -> tuple[Edit, ...]:
    """The edits that drop the first of the names which the file imports, and uses no longer."""
    for name in sorted(names & _imported(document) - document.uses.keys()):
        gone: list[ast.expr] = [ast.Name(name)]
        edits = orphan_edits(document, gone, Imported(""), lambda one: is_taken_from(document.path, one, contexts))
        if edits:
            return edits
    return ()


def _imported(document: Document) -> set[str]:
    return {alias.asname or alias.name.partition(".")[0] for node in document.imports for alias in node.names}
