"""Where a program fills its environment itself, as from a file `.env`: what is read above that does not see it.

https://pypi.org/project/python-dotenv/ and https://pypi.org/project/environs/
"""

import ast

from rules.core.contexts import Contexts
from rules.core.fixes.document import Document
from rules.core.repository import is_offline
from rules.core.syntax import walk

FILLING = ("load_dotenv", "read_env")
_ENVIRONMENT = "environ"


def last_filling(document: Document) -> ast.stmt | None:
    """The last statement of a module itself that fills the environment."""
    filling = (node for node in document.tree.body if _fills(node))
    return max(filling, key=lambda node: node.lineno, default=None)


def _fills(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    for node in walk(statement):
        if isinstance(node, ast.Call) and _last(node.func) in FILLING:
            return True
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and _last(node.value) == _ENVIRONMENT:
            return True
    return False


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def may_be_filled_later(path: str, contexts: Contexts) -> bool:
    """Whether a file may be imported before another one of the project fills the environment.

    It is not where it imports one that does so as it is imported itself, nor where that one does so above all that it imports of
    the project, nor where no file imports both: they are of different programs, or the one starts the other by its name.
    """
    project = contexts.project
    filling = {other for name in FILLING for other in project.calling.get(name, ()) if not is_offline(other)} - {path}
    around = _importers(path, contexts) if filling else set()
    for other in sorted(filling):
        others = _importers(other, contexts)
        is_filled = path in others and bool(_filled_at(other, contexts))
        if not is_filled and around & others and not _fills_first(other, contexts):
            return True
    return False


def _fills_first(path: str, contexts: Contexts) -> bool:
    """Whether a file begins a program: it fills the environment, and only then imports files of the project."""
    project, filled = contexts.project, _filled_at(path, contexts)
    imported = [
        where.line
        for where, _, one in project.imports_of(path)
        if where.function == 0 and project.modules.find(path, one.level, one.module) is not None
    ]
    return bool(filled and imported) and min(filled) < min(imported)


def _filled_at(path: str, contexts: Contexts) -> list[int]:
    """The lines at which a file fills the environment as it is imported."""
    calls = (call for name in FILLING for call in contexts.project.calls_named(path, name))
    return [where.line for _, where in calls if where.function == 0]


def _importers(path: str, contexts: Contexts) -> set[str]:
    """The files that import a file, or one that does."""
    found, waiting = {path}, [path]
    while waiting:
        for importer in contexts.project.importers_of(waiting.pop()) - found:
            found.add(importer)
            waiting.append(importer)
    return found
