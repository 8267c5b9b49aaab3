"""A client that is made anew each time, given the certificates that the module has read once."""

import ast

from rules.core.contexts import Contexts
from rules.core.findings import Applicability, Edit, Fix, Way
from rules.core.fixes.document import Document
from rules.core.fixes.environment import last_filling, may_be_filled_later
from rules.core.fixes.imports import Imported, import_member, is_imported
from rules.core.remarks import Remark
from rules.core.values import Outside, Where

NAME = "SSL_CONTEXT"
MAKER = "create_ssl_context"
PACKAGES = {f"{package}.AsyncClient": package for package in ("httpx", "httpx2")}
OTHERWISE_READ = frozenset({"verify", "cert", "trust_env", "transport", "http2", "mounts", None})
NOTES = ("One client for all requests, made in the `lifespan`, would keep its connections as well.",)
EARLY = (
    "The certificates are read as the file is imported: where the program fills its environment later, as from `.env`, what "
    "that says of `SSL_CERT_FILE` and `SSL_CERT_DIR` comes too late."
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def read_once(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """`AsyncClient(verify=SSL_CONTEXT)`, with `SSL_CONTEXT = httpx.create_ssl_context()` below the imports."""
    call = document.call_at(remark.site.span) if remark.site is not None else None
    if call is None or remark.site is None:
        return None
    where = Where(remark.function.path, remark.function.index, remark.site.line)
    callee = contexts.project.value(remark.site.call.callee, where)
    edits = shared(call, callee.name, document) if isinstance(callee, Outside) else None
    if edits is None:
        return None
    title = "Read the certificates once"
    if may_be_filled_later(document.path, contexts):
        return Fix(title, Way.REPAIR, tuple(edits), Applicability.UNSAFE, (*NOTES, EARLY))
    return Fix(title, Way.REPAIR, tuple(edits), notes=NOTES)


def shared(call: ast.Call, client: str, document: Document) -> list[Edit] | None:
    """The edits by which a call that makes a client of that class is given certificates that the module has read once.

    None where it says something of them itself, or where they cannot be kept.
    """
    package = PACKAGES.get(client)
    if package is None or call.args or {one.arg for one in call.keywords} & OTHERWISE_READ:
        return None
    kept = _kept(package, document)
    return [_given(call, document), *kept] if kept is not None else None


def _given(call: ast.Call, document: Document) -> Edit:
    """The context as the last argument."""
    line, column = document.span(call).end
    if not call.keywords:
        return document.insert((line, column - 1), f"verify={NAME}")
    return document.append(call.keywords[-1], f"verify={NAME}")


def _kept(package: str, document: Document) -> list[Edit] | None:
    """What keeps the context in the module; nothing where it does so already, None where it cannot."""
    at_top = any(isinstance(node, ast.ImportFrom) and node.module == package for node in document.tree.body)
    maker = import_member(document, package, MAKER) if at_top else None
    if (module := is_imported(document, package)) is not None:
        maker = Imported(f"{module}.{MAKER}")
    if maker is None:
        return None
    text = f"{NAME} = {maker.name}()"
    assigned = (node for node in document.tree.body if isinstance(node, ast.Assign))
    if any(document.text_of(node) == text for node in assigned):
        return []
    if NAME in document.rebound or NAME in document.uses:
        return None
    place = _below_imports(maker.name.partition(".")[0], document)
    return [*maker.edits, document.insert((place, 1), f"\n{text}\n")] if place else None


def _below_imports(name: str, document: Document) -> int:
    """The line below the imports at the top of the file, if the name is among them, or comes by what is; else 0.

    What fills the environment counts among the imports: the certificates may be named there.
    """
    body = document.tree.body
    first = next((n for n, node in enumerate(body) if isinstance(node, _DEFINITIONS)), len(body))
    imports = [n for n, node in enumerate(body[:first]) if isinstance(node, (ast.Import, ast.ImportFrom))]
    late = [node for node in body[first:] if isinstance(node, (ast.Import, ast.ImportFrom))]
    if not imports or any(
        (alias.asname or alias.name.partition(".")[0]) == name for one in late for alias in one.names
    ):
        return 0
    filling = last_filling(document)
    last = max(imports[-1], body.index(filling) if filling is not None else 0)
    if last + 1 == len(body) or body[last + 1].lineno == (end := body[last].end_lineno or body[last].lineno):
        return 0
    return end + 1
