"""Reads that are awaited one after the other, awaited at once: `a, b = await asyncio.gather(f(), g())`."""

import ast

from rules.core.contexts import Contexts
from rules.core.facts import Site
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.document import Document
from rules.core.fixes.imports import import_dotted
from rules.core.fixes.sharing import is_called_on, reached, touches_shared
from rules.core.remarks import Remark
from rules.core.values import Outside, ProjectFunction, Where

GATHER = "asyncio.gather"
LONGEST_LINE = 100
NOTES = (
    "Both begin at once: the second one also runs where the first one fails, and goes on to its end.",
    "What they ask has to serve both at the same time.",
)
_CLIENTS = frozenset({"httpx.AsyncClient", "httpx2.AsyncClient", "aiohttp.ClientSession"})
_OWN = frozenset({"asyncio", "anyio"})  # waits, and asks nobody


def gather(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """The statement of the remark and the one before it as one, where both only ask what bears two questions at once."""
    call = document.call_at(remark.site.span) if remark.site is not None else None
    second = _assignment(call, document)
    first = _before(second, document)
    if call is None or first is None or second is None:
        return None
    calls = [_call(first), _call(second)]
    sites = [_site(one, remark.function, document, contexts) for one in calls]
    if any(site is None or not _is_apart(site, remark.function, contexts) for site in sites):
        return None
    imported = import_dotted(document, GATHER)
    text = _joined(first, second, document, imported.name) if imported is not None else None
    if imported is None or text is None:
        return None
    span = Span(*document.span(first).start, *document.span(second).end)
    edits: tuple[Edit, ...] = (document.replace(span, text), *imported.edits)
    return Fix("Await both at once with `asyncio.gather`", Way.REPAIR, edits, Applicability.UNSAFE, NOTES)


def _assignment(call: ast.Call | None, document: Document) -> ast.Assign | None:
    """`name = await call`, a statement of its own."""
    awaited = document.parents.get(call) if call is not None else None
    around = document.parents.get(awaited) if isinstance(awaited, ast.Await) else None
    is_plain = isinstance(around, ast.Assign) and [*map(type, around.targets)] == [ast.Name]
    return around if isinstance(around, ast.Assign) and is_plain else None


def _before(second: ast.Assign | None, document: Document) -> ast.Assign | None:
    """The same in the statement above, where it stands alone with that: of three, people choose."""
    if second is None:
        return None
    body = next((part for part in _bodies(document.parents[second]) if second in part), [])
    place = body.index(second) if body else 0
    first = _awaiting(body[place - 1], document) if place else None
    others = [*body[max(place - 2, 0) : place - 1], *body[place + 1 : place + 2]]
    return None if any(_awaiting(other, document) for other in others) else first


def _awaiting(statement: ast.stmt, document: Document) -> ast.Assign | None:
    value = (
        statement.value.value if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Await) else None
    )
    return _assignment(value, document) if isinstance(value, ast.Call) else None


def _bodies(node: ast.AST) -> list[list[ast.stmt]]:
    return [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]


def _call(statement: ast.Assign) -> ast.Call | None:
    value = statement.value.value if isinstance(statement.value, ast.Await) else None
    return value if isinstance(value, ast.Call) else None


def _site(call: ast.Call | None, function: ProjectFunction, document: Document, contexts: Contexts) -> Site | None:
    span = document.span(call) if call is not None else None
    return next((site for site in contexts.project.function(function).sites if site.span == span), None)


def _is_apart(site: Site | None, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call does nothing that another one beside it could see, or could not bear: all that it awaits is known,
    nothing of it changes what others share, and no session or connection that was made elsewhere is used.
    """
    callee = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line)) if site else None
    if not isinstance(callee, ProjectFunction):
        return False
    return all(_bears_others(inner, contexts) for inner in reached(callee, contexts))


def _bears_others(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    if touches_shared(function, contexts) or facts.generator:
        return False
    for site in facts.sites:
        where = Where(function.path, function.index, site.line)
        if is_called_on(contexts.project.knowledge.exclusive, site.call, where, contexts):
            return False
        value = contexts.project.value(site.call.callee, where)
        waits = site.awaited or site.suspending
        if waits and not isinstance(value, ProjectFunction) and not _asks_only(value, contexts):
            return False
    return not facts.managers


def _asks_only(callee: object, contexts: Contexts) -> bool:
    """Whether it is an awaited method of a client that many may use at once, and only reads."""
    if not isinstance(callee, Outside):
        return False
    package, _, member = callee.name.rpartition(".")
    if callee.name.partition(".")[0] in _OWN or callee.name in _CLIENTS:
        return True
    return contexts.project.knowledge.is_coroutine(callee.name) and member in {"get", "head"} and package in _CLIENTS


def _joined(first: ast.Assign, second: ast.Assign, document: Document, name: str) -> str | None:
    """Both statements as one; None where a comment stands at them, or a call runs over several lines."""
    lines = [document.line(number) for number in range(first.lineno, (second.end_lineno or 0) + 1)]
    if len(lines) != 2 or any("#" in line or ";" in line for line in lines):
        return None
    targets = [document.text_of(statement.targets[0]) for statement in (first, second)]
    calls = [document.text_of(call) for statement in (first, second) if (call := _call(statement)) is not None]
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    head = f"{', '.join(targets)} = await {name}("
    one_line = f"{head}{', '.join(calls)})"
    if len(indent) + len(one_line) <= LONGEST_LINE:
        return one_line
    return head + "".join(f"\n{indent}    {call}," for call in calls) + f"\n{indent})"
