"""The ways to mend asynchronous code, and to make a function asynchronous as a whole."""

import ast
from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, last_name
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported, import_dotted
from rules.core.fixes.orphans import orphan_edits
from rules.core.fixes.sharing.hazards import belonging
from rules.core.fixes.signatures import ASYNC, realigned
from rules.core.remarks import Remark
from rules.core.usage import given_to, is_taken_from, reached
from rules.core.values import Object, Outside, Where

_RUNS = "This call runs the function now; without `await` it never does."
_RUN = "These calls run their functions now; without `await` they never do."
NO_KEYWORDS = frozenset({"asyncio.AbstractEventLoop.run_in_executor", "anyio.to_thread.run_sync"})


def await_call(remark: Remark, contexts: Contexts, document: Document) -> Fix | str | None:
    """`await` before a call whose coroutine nobody awaits, and before those that belong to it."""
    call = _call(remark, document)
    if call is None or not document.may_await(call):
        return None
    if missing := _missing(remark, contexts):
        return f"the call gives nothing for `{missing}`, so that it raises `TypeError` as it is"
    calls = [call, *_dropped_beside(remark, contexts, document)]
    insertions = [(one, document.insert(document.span(one).start, "await ")) for one in calls]
    return Fix(
        "Await the call" if len(calls) == 1 else f"Await the {len(calls)} calls on `{_receiver(call)}`",
        Way.REPAIR,
        tuple(sorted(edit for one, first in insertions for edit in _parenthesised(document, one, first))),
        Applicability.UNSAFE,
        (_RUNS if len(calls) == 1 else _RUN,),
    )


def _dropped_beside(remark: Remark, contexts: Contexts, document: Document) -> Iterator[ast.Call]:
    """The other calls on the same object of a library whose coroutines are dropped: what `refresh` reads, `commit` has to write.

    https://docs.sqlalchemy.org/en/21/orm/session_state_management.html#refreshing-expiring
    """
    site = remark.site
    if site is None or not site.statement or not isinstance(site.call.callee, Attribute):
        return
    given = contexts.project.value(site.call.callee.of, _where(remark))
    if not (isinstance(given, Object) and isinstance(given.of, Outside)):
        return
    for other in contexts.project.function(remark.function).sites:
        is_alike = isinstance(other.call.callee, Attribute) and other.call.callee.of == site.call.callee.of
        if other == site or not (is_alike and other.statement) or other.awaited:
            continue
        call = document.call_at(other.span)
        where = Where(remark.function.path, remark.function.index, other.line)
        if call is not None and contexts.awaitable(other, where) and document.may_await(call):
            yield call


def _receiver(call: ast.Call) -> str:
    """What a method is called on, as it is written."""
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def release(remark: Remark, _contexts: Contexts, document: Document) -> Fix | None:
    """The call without the `await` before it."""
    call = _call(remark, document)
    around = document.parents.get(call) if call is not None else None
    if not isinstance(around, ast.Await):
        return None
    text = document.text_of(around)
    width = len(text) - len(text.removeprefix("await").lstrip(" "))
    line, column = document.span(around).start
    return _repair(remark, "Take the `await` away", [document.replace(Span(line, column, line, column + width), "")])


def suspend(remark: Remark, _contexts: Contexts, document: Document) -> Fix | None:
    """`async with` for `with`, `async for` for `for`."""
    call = _call(remark, document)
    if call is None or not document.may_await(call):
        return None
    around = document.parents.get(call)
    statement = document.parents.get(around) if isinstance(around, ast.withitem) else around
    if not (isinstance(statement, ast.For) or (isinstance(statement, ast.With) and len(statement.items) == 1)):
        return None
    word = "for" if isinstance(statement, ast.For) else "with"
    return _repair(remark, f"Use `async {word}`", [document.insert(document.span(statement).start, "async ")])


def replace_callee(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """The same call of something else."""
    call = _call(remark, document)
    imported = import_dotted(document, remark.instead) if call is not None else None
    if call is None or imported is None:
        return None
    edits = [document.replace(document.span(call.func), imported.name), *imported.edits]
    edits += _orphans(document, call.func, imported, contexts)
    return _repair(remark, f"Use `{remark.instead}`", edits)


def unwrap(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """`await f(x)` for `asyncio.run(f(x))`, and for `async_to_sync(f)(x)`."""
    call = _call(remark, document)
    if call is None or not document.may_await(call):
        return None
    wrapper = call.func if isinstance(call.func, ast.Call) else call
    if (
        len(wrapper.args) != 1
        or wrapper.keywords
        or not isinstance(wrapper.args[0], (ast.Call, ast.Name, ast.Attribute))
    ):
        return None
    whole, inner = document.span(wrapper), document.span(wrapper.args[0])
    before, after = Span(*whole.start, *inner.start), Span(*inner.end, *whole.end)
    if "#" in document.between(before.start, before.end) + document.between(after.start, after.end):
        return None
    if isinstance(document.parents.get(call), ast.Await):
        edits = [document.replace(before, ""), document.replace(after, "")]
    else:
        edits = _parenthesised(document, call, document.replace(before, "await "), document.replace(after, ""))
    return _repair(remark, "Await it", [*edits, *_orphans(document, wrapper.func, Imported(""), contexts)])


def call_directly(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """`await f(x)` for `await run_in_threadpool(f, x)`."""
    call = _call(remark, document)
    if call is None or not document.may_await(call):
        return None
    callee = contexts.project.value(remark.site.call.callee, _where(remark)) if remark.site is not None else None
    offload = contexts.project.knowledge.offloads.get(callee.name) if isinstance(callee, Outside) else None
    if offload is None or len(call.args) <= offload.argument or (call.keywords and offload.name in NO_KEYWORDS):
        return None
    handed = call.args[offload.argument]
    if not isinstance(handed, (ast.Name, ast.Attribute)):
        return None
    end = document.span(call).end
    rest: list[ast.expr | ast.keyword] = [*call.args[offload.argument + 1 :], *call.keywords]
    first = min((document.span(node).start for node in rest), default=(end[0], end[1] - 1))
    opening = Span(*document.span(call).start, *first)
    if "#" in document.between(opening.start, opening.end):
        return None
    text = f"{document.text_of(handed)}("
    if isinstance(document.parents.get(call), ast.Await):
        edits = [document.replace(opening, text)]
    else:
        edits = _parenthesised(document, call, document.replace(opening, f"await {text}"))
    return _repair(remark, "Await it instead", [*edits, *_orphans(document, call.func, Imported(""), contexts)])


def hand_over(remark: Remark, contexts: Contexts, document: Document) -> Fix | str | None:
    """`run_in_threadpool(f, x)` for `run_in_threadpool(f(x))`: the remark stands at the inner call."""
    if hindrance := _belongs_there(remark, contexts):
        return hindrance
    call = _call(remark, document)
    around = document.parents.get(call) if call is not None else None
    if call is None or not isinstance(around, ast.Call) or around.keywords or around.args[-1] is not call:
        return None
    given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if any(isinstance(node, ast.GeneratorExp) for node in call.args) or _takes_none(call, remark, contexts):
        return None
    start, end = document.span(call.func).end, document.span(call).end
    first = min((document.span(node).start for node in given), default=None)
    if first is None:
        return _repair(remark, "Hand over the function", [document.replace(Span(*start, *end), "")])
    if "#" in document.between(start, first):
        return None
    opening, closing = Span(*start, *first), Span(end[0], end[1] - 1, *end)
    return _repair(remark, "Hand over the function", [document.replace(opening, ", "), document.replace(closing, "")])


def _belongs_there(remark: Remark, contexts: Contexts) -> str:
    """Why a worker thread cannot run what the inner call leads to, as a clause; empty where it can."""
    sites = contexts.project.function(remark.function).sites
    places = (place for place, site in enumerate(sites) if site == remark.site)
    targets = [target for place in places for target in contexts.targets(remark.function, place)]
    plain = (target for target in targets if not contexts.project.function(target).asynchronous)
    return next(filter(None, (belonging(one, contexts) for target in plain for one in reached(target, contexts))), "")


def _takes_none(call: ast.Call, remark: Remark, contexts: Contexts) -> bool:
    """Whether the keywords of a call cannot go through the one that hands it over."""
    if any(keyword.arg in {"func", "limiter", None} for keyword in call.keywords):
        return True
    sites = contexts.project.function(remark.function).sites
    around = (s for s in sites if remark.site is not None and remark.site.call in s.call.arguments)
    outer = (contexts.project.value(site.call.callee, _where(remark)) for site in around)
    return bool(call.keywords) and any(isinstance(value, Outside) and value.name in NO_KEYWORDS for value in outer)


def make_asynchronous(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """`def` to `async def`, where nothing in the body waits, or where the framework awaits what it gives."""
    function = contexts.project.function(remark.function)
    definition = document.function_at(function.line)
    if not isinstance(definition, ast.FunctionDef):
        return None
    edits: list[Edit] = [document.insert((function.line, function.column), ASYNC)]
    edits += realigned(definition, len(ASYNC), document)
    edits += _awaits(remark, contexts, document)
    return Fix(
        "Make it `async def`",
        Way.CONVERT,
        tuple(edits),
        notes=remark.notes
        or ("It waits for nothing, so it needs no worker thread: one thread hop less on each request.",),
    )


def _awaits(remark: Remark, contexts: Contexts, document: Document) -> Iterator[Edit]:
    """`await` before each call that makes a coroutine, or calls the next middleware, and hands it to nobody else."""
    function = contexts.project.function(remark.function)
    handed_on = [given for site in function.sites for given in given_to(site.call)]
    for site in function.sites:
        next_one = last_name(site.call.callee) == "call_next"
        makes = contexts.awaitable(site, Where(remark.function.path, remark.function.index, site.line))
        call = document.call_at(site.span) if (makes or next_one) and site.call not in handed_on else None
        if call is not None:
            yield from _parenthesised(document, call, document.insert(document.span(call).start, "await "))


def _repair(remark: Remark, title: str, edits: list[Edit]) -> Fix:
    applicability = Applicability.UNSAFE if remark.notes else Applicability.SAFE
    return Fix(title, Way.REPAIR, tuple(edits), applicability, remark.notes)


def _call(remark: Remark, document: Document) -> ast.Call | None:
    return document.call_at(remark.site.span) if remark.site is not None else None


def _missing(remark: Remark, contexts: Contexts) -> str:
    """The parameter that the call would have to give something for."""
    site = remark.site
    value = contexts.project.value(site.call.callee, _where(remark)) if site is not None else None
    called = contexts.project.called_function(value) if value is not None else None
    return contexts.arguments.missing(called, remark.function, site) if called is not None and site is not None else ""


def _where(remark: Remark) -> Where:
    return Where(remark.function.path, remark.function.index, remark.site.line if remark.site is not None else 0)


def _parenthesised(document: Document, call: ast.Call, first: Edit, *rest: Edit) -> list[Edit]:
    """The edits of a call that is awaited now, in parentheses where the awaited value is used further."""
    if not document.needs_parentheses(call):
        return [first, *rest]
    opened = Edit(first.path, first.span, f"({first.replacement}")
    return [opened, *rest, document.insert(document.span(call).end, ")")]


def _orphans(document: Document, callee: ast.expr, imported: Imported, contexts: Contexts) -> tuple[Edit, ...]:
    """The edits that drop the import of a callee which nothing else uses."""
    return orphan_edits(document, [callee], imported, lambda name: is_taken_from(document.path, name, contexts))
