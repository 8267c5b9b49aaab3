"""Reads that are awaited one after the other, awaited at once: `a, b = await asyncio.gather(f(), g())`."""

import ast
import re

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Constant, Name, Site, names_in
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.calm import Calm
from rules.core.fixes.document import Document
from rules.core.fixes.imports import import_dotted
from rules.core.fixes.sharing.exclusive import is_called_on
from rules.core.fixes.sharing.hazards import touches_shared
from rules.core.remarks import Remark
from rules.core.syntax import walk
from rules.core.usage import given_to, reached
from rules.core.values import Object, Outside, ProjectFunction, Where

GATHER = "asyncio.gather"
LONGEST_LINE = 100
BEGINNING = {
    2: "Both begin at once: the second one also runs where the first one fails, and goes on to its end.",
    3: "All begin at once: each one also runs where another one fails, and goes on to its end.",
}
BEARING = {
    2: "What they ask has to serve both at the same time.",
    3: "What they ask has to serve all at the same time.",
}
READING = "A `GET` is taken to change nothing where it is asked, as HTTP has it (RFC 9110, 9.2.1)."
_DOING = re.compile(
    r"(?:^|[^a-z])(?:add|approve|auth|authorize|buy|cancel|clear|confirm|create|delete|disable|do|enable|enqueue|execute|invoke"
    r"|kill|login|logout|notify|oauth|pay|publish|push|refresh|register|remove|renew|reset|restart|retry|revoke"
    r"|rotate|run|save|send|session|signin|signout|start|stop|submit|subscribe|sync|toggle|token|trigger|unsubscribe"
    r"|update|verify|webhook)s?(?=$|[^a-z])"
)
"""Words in an address that is said to be read, and is told to do something."""
_PLAIN = frozenset({*(f"builtins.{name}" for name in ("str", "int", "float", "bool", "bytes")), "uuid.UUID"})
_TAKING = frozenset({"json", "raise_for_status"})  # what is done with an answer
_CLIENTS = frozenset({"httpx.AsyncClient", "httpx2.AsyncClient", "aiohttp.ClientSession"})
_OWN = frozenset({"asyncio", "anyio"})  # waits, and asks nobody


def gather(remark: Remark, contexts: Contexts, document: Document) -> Fix | str | None:
    """The statement of the remark and those beside it as one, where all only ask what bears several questions at once."""
    call = document.call_at(remark.site.span) if remark.site is not None else None
    last = _assignment(call, document)
    group = _group(last, remark.function, document, contexts) if last is not None else []
    if len(group) < 2:
        return "not all that is awaited there is seen only to read"
    imported = import_dotted(document, GATHER)
    text = _joined(group, document, imported.name) if imported is not None else None
    if imported is None or text is None:
        return None
    span = Span(*document.span(group[0]).start, *document.span(group[-1]).end)
    edits: tuple[Edit, ...] = (document.replace(span, text), *imported.edits)
    count = min(len(group), 3)
    asks = any(_asks(statement, remark.function, document, contexts) for statement in group)
    notes = (BEGINNING[count], BEARING[count], *((READING,) if asks else ()))
    title = f"Await {'both' if count == 2 else 'all'} at once with `asyncio.gather`"
    return Fix(title, Way.REPAIR, edits, Applicability.UNSAFE, notes)


def are_independent(
    first: tuple[str, Site], second: tuple[str, Site], function: ProjectFunction, contexts: Contexts
) -> bool:
    """Whether of two awaited calls, each with the name that its value is given, the second needs nothing of the first, and both
    share nothing but plain values.
    """
    (name, one), (other, two) = first, second
    if name in names_in(two.call) or name == other:
        return False
    shared = _given(one.call) & _given(two.call)
    return all(_is_plain(each, Where(function.path, function.index, two.line), contexts) for each in shared)


def _given(call: Call) -> set[str]:
    """The names that a call is made on and given."""
    receiver = names_in(call.callee.of) if isinstance(call.callee, Attribute) else set()
    return receiver.union(*map(names_in, given_to(call)))


def _is_plain(name: str, where: Where, contexts: Contexts) -> bool:
    value = contexts.project.value(Name(name), where)
    return isinstance(value, Object) and isinstance(value.of, Outside) and value.of.name in _PLAIN


def _group(last: ast.Assign, function: ProjectFunction, document: Document, contexts: Contexts) -> list[ast.Assign]:
    """The statements that can be one with a statement: from where they begin to follow each other, as many as go together."""
    body = next((part for part in _bodies(document.parents[last]) if last in part), [])
    group: list[ast.Assign] = []
    for statement in body:
        awaiting = _awaiting(statement, document)
        if awaiting is not None and _joins(awaiting, group, function, document, contexts):
            group.append(awaiting)
        elif last in group:
            break
        else:
            is_apart = awaiting is not None and _joins(awaiting, [], function, document, contexts)
            group = [awaiting] if awaiting is not None and is_apart else []
    return group if last in group else []


def _joins(
    statement: ast.Assign,
    group: list[ast.Assign],
    function: ProjectFunction,
    document: Document,
    contexts: Contexts,
) -> bool:
    """Whether a statement can be awaited together with all of a group, right behind which it stands."""
    named = _named(statement, function, document, contexts)
    if named is None or not _is_apart(named[1], function, document, contexts):
        return False
    if group and (group[-1].end_lineno or 0) + 1 != statement.lineno:
        return False
    others = [_named(other, function, document, contexts) for other in group]
    return all(other is not None and are_independent(other, named, function, contexts) for other in others)


def _named(
    statement: ast.Assign, function: ProjectFunction, document: Document, contexts: Contexts
) -> tuple[str, Site] | None:
    site = _site(_call(statement), function, document, contexts)
    return (document.text_of(statement.targets[0]), site) if site is not None else None


def _asks(statement: ast.Assign, function: ProjectFunction, document: Document, contexts: Contexts) -> bool:
    """Whether a statement comes to ask a service over HTTP."""
    named = _named(statement, function, document, contexts)
    callee = contexts.project.value(named[1].call.callee, Where(function.path, function.index)) if named else None
    inner = reached(callee, contexts) if isinstance(callee, ProjectFunction) else ()
    sites = ((one, site) for one in inner for site in contexts.project.function(one).sites if site.awaited)
    values = (contexts.project.value(site.call.callee, Where(one.path, one.index, site.line)) for one, site in sites)
    return any(map(_is_of_client, values))


def _assignment(call: ast.Call | None, document: Document) -> ast.Assign | None:
    """`name = await call`, a statement of its own."""
    awaited = document.parents.get(call) if call is not None else None
    around = document.parents.get(awaited) if isinstance(awaited, ast.Await) else None
    is_plain = isinstance(around, ast.Assign) and [*map(type, around.targets)] == [ast.Name]
    return around if isinstance(around, ast.Assign) and is_plain else None


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


def _is_apart(site: Site, function: ProjectFunction, document: Document, contexts: Contexts) -> bool:
    """Whether a call does nothing that another one beside it could see, or could not bear: all that it awaits is known,
    nothing of it changes what others share, and no session or connection that was made elsewhere is used.
    """
    callee = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
    if not isinstance(callee, ProjectFunction):
        return False
    return all(_bears_others(inner, document, contexts) for inner in reached(callee, contexts))


def _bears_others(function: ProjectFunction, document: Document, contexts: Contexts) -> bool:
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
        is_seen = value is not None or (isinstance(site.call.callee, Attribute) and site.call.callee.name in _TAKING)
        if not (waits or site.is_loop or is_seen or Calm(contexts).is_quick(site, where)):
            return False
        if _is_of_client(value) and not _is_read(site, document if function.path == document.path else None):
            return False
    return not facts.managers


def _asks_only(callee: object, contexts: Contexts) -> bool:
    """Whether it is an awaited method of a client that many may use at once, and only reads."""
    if not isinstance(callee, Outside):
        return False
    if callee.name.partition(".")[0] in _OWN or callee.name in _CLIENTS:
        return True
    is_reading = callee.name.rpartition(".")[2] in {"get", "head"}
    return contexts.project.knowledge.is_coroutine(callee.name) and is_reading and _is_of_client(callee)


def _is_of_client(callee: object) -> bool:
    return isinstance(callee, Outside) and callee.name.rpartition(".")[0] in _CLIENTS


def _is_read(site: Site, document: Document | None) -> bool:
    """Whether the address of a call is seen, at least in part, and nothing in it says that something is done."""
    given = site.call.arguments[0] if site.call.arguments else dict(site.call.keywords).get("url")
    texts = [given.value] if isinstance(given, Constant) and isinstance(given.value, str) else []
    call = document.call_at(site.span) if document is not None else None
    if call is not None:
        address = call.args[0] if call.args else next((one.value for one in call.keywords if one.arg == "url"), None)
        inner = walk(address) if address is not None else ()
        texts = [one.value for one in inner if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return bool(texts) and not any(_DOING.search(text.lower()) for text in texts)


def _joined(group: list[ast.Assign], document: Document, name: str) -> str | None:
    """The statements as one; None where a comment stands at them, or a call runs over several lines."""
    lines = [document.line(number) for number in range(group[0].lineno, (group[-1].end_lineno or 0) + 1)]
    if len(lines) != len(group) or any("#" in line or ";" in line for line in lines):
        return None
    targets = [document.text_of(statement.targets[0]) for statement in group]
    calls = [document.text_of(call) for statement in group if (call := _call(statement)) is not None]
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    head = f"{', '.join(targets)} = await {name}("
    one_line = f"{head}{', '.join(calls)})"
    if len(indent) + len(one_line) <= LONGEST_LINE:
        return one_line
    return head + "".join(f"\n{indent}    {call}," for call in calls) + f"\n{indent})"
