"""The ways to take blocking code off the event loop, each written as edits.

In the order in which they are tried: an awaitable twin of the call; `async def` that awaits nothing back to `def`, which
FastAPI runs in a worker thread; the call handed to a worker thread where it stands.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace

from rules.core.contexts import ALWAYS_ON_LOOP, Contexts
from rules.core.document import Document
from rules.core.facts import (
    Attribute,
    Call,
    Collection,
    Constant,
    Expression,
    Function,
    Name,
    Subscript,
    last_name,
)
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.imports import Imported, import_dotted, import_member, is_imported, orphan_edits
from rules.core.library import Twin, Weight
from rules.core.remarks import Remark
from rules.core.usage import is_taken_from, is_used_by_hand
from rules.core.values import Object, Outside, ProjectFunction, Where

THREADPOOL = ("fastapi.concurrency", "run_in_threadpool")
SHARED = "it changes what other requests share"
INTERLEAVING = "It changes what requests share, and other requests can run during the new `await`."
LOOP_MODULES = frozenset({"asyncio", "anyio", "trio"})
CONTEXT_SETTERS = frozenset({"contextvars.ContextVar.set", "structlog.contextvars.bind_contextvars"})
CHANGING = frozenset(
    {"append", "add", "update", "pop", "setdefault", "extend", "remove", "clear", "discard", "insert", "popitem"}
)


def twin(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """The call replaced by its awaitable twin, with the same arguments."""
    if remark.sink is None or remark.sink.row.twin is None or remark.site is not remark.sink.site:
        return None
    call = _awaitable_call(remark, contexts, document)
    if call is None:
        return None

    def is_wanted(name: str) -> bool:
        return is_taken_from(document.path, name, contexts)

    write = _path_twin if remark.sink.row.rule == "blocking/files" else _function_twin
    return _marked(write(call, remark.sink.row.twin, document, is_wanted), remark.function, contexts)


def _function_twin(call: ast.Call, twin_: Twin, document: Document, is_wanted: Callable[[str], bool]) -> Fix | None:
    known = (twin_.name, *twin_.instead)
    chosen = next((name for name in known if is_imported(document, name)), twin_.name)
    imported = import_dotted(document, chosen)
    if imported is None:
        return None
    edits = [
        *_parenthesised(call, document, [document.replace(document.span(call.func), f"await {imported.name}")]),
        *imported.edits,
        *orphan_edits(document, [call.func], imported, is_wanted),
    ]
    return Fix(f"Await `{chosen}`", Way.TWIN, tuple(edits), notes=twin_.notes, requires=twin_.requires)


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
        *_parenthesised(call, document, wrapped),
        *imported.edits,
        *orphan_edits(document, replaced, imported, is_wanted),
    ]
    return Fix(f"Await `{twin_.name}(…).{call.func.attr}`", Way.TWIN, tuple(edits))


def offload(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """The call handed to a worker thread: `await run_in_threadpool(f, ...)`."""
    call = _awaitable_call(remark, contexts, document)
    if call is None or remark.site is None or _is_lazy(remark, contexts):
        return None
    if _takes_func(call, remark) or _is_bound_to_thread(remark, contexts):
        return None
    hand_over = _hand_over(document)
    if hand_over is None:
        return None
    edits = _parenthesised(call, document, [_first_argument(call, document, hand_over.name)])
    fix = Fix(
        f"Hand the call to a worker thread with `{hand_over.name}`",
        Way.OFFLOAD,
        (*edits, *hand_over.edits),
        Applicability.SAFE,
        _offload_notes(remark),
    )
    return _marked(fix, remark.function, contexts)


def _takes_func(call: ast.Call, remark: Remark) -> bool:
    """Whether an argument has, or may have, the name under which the hand-over itself takes the callable."""
    named = {keyword.arg for keyword in call.keywords}
    return "func" in named or (None in named and remark.sink is not None and remark.sink.site is not remark.site)


def _is_bound_to_thread(remark: Remark, contexts: Contexts) -> bool:
    """Whether the call, or a helper behind it, must run in the thread where it runs now."""
    if remark.site is None:
        return True
    where = Where(remark.function.path, remark.function.index, remark.site.line)
    knowledge = contexts.project.knowledge
    if _is_called_on(knowledge.thread_bound | knowledge.per_thread, remark.site.call, where, contexts):
        return True
    sites = contexts.project.function(remark.function).sites
    if any(_is_used_by_others(site.call, remark.function, contexts) for site in sites):
        return True
    target = contexts.project.called_function(contexts.project.value(remark.site.call.callee, where))
    if target is None:
        return False
    return any(_thread_hazard(inner, contexts) not in {"", SHARED} for inner in _reached(target, contexts))


def _is_called_on(classes: frozenset[str], call: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a method is called on an instance of one of the library classes."""
    receiver = contexts.project.value(call.callee.of, where) if isinstance(call.callee, Attribute) else None
    if not (isinstance(receiver, Object) and isinstance(receiver.of, Outside)):
        return False
    return not classes.isdisjoint(contexts.project.knowledge.family(receiver.of.name))


def _marked(fix: Fix | None, function: ProjectFunction, contexts: Contexts) -> Fix | None:
    """The fix, unsafe where other requests can now come between what the function does to shared state."""
    if fix is None or not _touches_shared(function, contexts):
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(*fix.notes, INTERLEAVING))


def _touches_shared(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    return _shared_writes(facts, function, contexts) or any(
        _changes_global(site.call, facts, function, contexts) for site in facts.sites
    )


def _offload_notes(remark: Remark) -> tuple[str, ...]:
    if remark.rule == "databases/session":
        return ("A relationship that is loaded lazily afterwards is still read on the event loop.",)
    return ()


def _hand_over(document: Document) -> Imported | None:
    """Which function hands over: the one that the file uses already, else FastAPI's, whose pool is the larger."""
    module, member = THREADPOOL
    for dotted in (f"{module}.{member}", f"starlette.concurrency.{member}", "asyncio.to_thread"):
        written = is_imported(document, dotted)
        if written is not None and (dotted.endswith(member) or written in document.called):
            return Imported(written)
    return import_member(document, module, member)


def _first_argument(call: ast.Call, document: Document, name: str) -> Edit:
    """The callee becomes the first argument; arguments on lines of their own keep them."""
    callee = document.text_of(call.func)
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    start, after = document.span(call.func).start, document.span(call.func).end
    opening = document.between(after, document.span(call).end).index("(")
    opened = _advanced(document, after, opening + 1)
    if not given:
        return document.replace(Span(*start, *opened), f"await {name}({callee}")
    first = document.line(opened[0] + 1) if not document.line(opened[0])[opened[1] - 1 :].strip() else None
    if first is None:
        return document.replace(Span(*start, *opened), f"await {name}({callee}, ")
    indent = first[: len(first) - len(first.lstrip())]
    return document.replace(Span(*start, *opened), f"await {name}(\n{indent}{callee},")


def _advanced(document: Document, position: tuple[int, int], characters: int) -> tuple[int, int]:
    line, column = position
    text = document.between(position, (len(document.offsets) - 1, 1))[:characters]
    lines = text.count("\n")
    return (line + lines, column + characters if not lines else characters - text.rindex("\n"))


def _parenthesised(call: ast.Call, document: Document, edits: list[Edit]) -> list[Edit]:
    """The edits of a call that is awaited now, in parentheses where the awaited value is used further."""
    if not document.needs_parentheses(call):
        return edits
    first, *rest = edits
    opened = Edit(first.path, first.span, f"({first.replacement}")
    return [opened, *rest, document.insert(document.span(call).end, ")")]


def _awaitable_call(remark: Remark, contexts: Contexts, document: Document) -> ast.Call | None:
    call = document.call_at(remark.site.span) if remark.site is not None else None
    if call is None or not document.may_await(call):
        return None
    if len(call.args) == 1 and isinstance(call.args[0], ast.GeneratorExp) and not call.keywords:
        return None  # `f(x for x in y)` has no parentheses of its own to keep
    where = Where(remark.function.path, remark.function.index, call.lineno)
    facts = contexts.project.function(remark.function)
    if any(last_name(site.call.callee) == "acquire" and not site.awaited for site in facts.sites):
        return None
    if any(_is_lock(manager, where, contexts) for manager in document.managers_around(call)):
        return None  # the next request would wait for the lock, and the loop with it
    return call


def _is_lock(manager: ast.expr, where: Where, contexts: Contexts) -> bool:
    """Whether a `with` may hold a lock of threads: by its type, or where that is unknown by its name."""
    expression = _expression(manager)
    value = contexts.project.value(expression, where)
    if isinstance(value, Object) and isinstance(value.of, Outside):
        bound = contexts.project.knowledge.thread_bound
        return value.of.name.startswith(("threading.", "multiprocessing.")) or value.of.name in bound
    return value is None and any(word in last_name(expression).lower() for word in ("lock", "mutex", "semaphore"))


def _expression(node: ast.expr) -> Expression | None:
    match node:
        case ast.Name(id=name):
            return Name(name)
        case ast.Attribute(value=of, attr=name) if (inner := _expression(of)) is not None:
            return Attribute(inner, name)
        case ast.Call(func=func) if (inner := _expression(func)) is not None:
            return Call(inner)
        case _:
            return None


def _is_lazy(remark: Remark, contexts: Contexts) -> bool:
    """Whether the result does its work later, so that handing over the call alone moves nothing."""
    site = remark.site
    if site is None or site.entered or site.lazy:
        return True
    if remark.sink is not None and remark.sink.site is site:
        streamed = dict(site.call.keywords).get("stream")
        name = remark.sink.name
        row = remark.sink.row
        told = row.weight is Weight.WAIT and not site.use  # reading it later is a finding of its own
        return (
            (row.opens and not told)
            or row.lazy
            or name.endswith(".__iter__")
            or (streamed is not None and streamed != Constant(False, "bool"))
        )
    target = contexts.project.called_function(
        contexts.project.value(site.call.callee, Where(remark.function.path, remark.function.index, site.line))
    )
    if target is None:
        return True
    facts = contexts.project.function(target)
    return facts.generator or any(isinstance(result, Collection) and result.lazy for result in facts.results)


def reverse(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """`async def` to `def`: FastAPI runs it in a worker thread then, which is a right place for blocking code."""
    if refusal(remark.function, contexts):
        return None
    function = contexts.project.function(remark.function)
    definition = document.function_at(function.line)
    if not isinstance(definition, ast.AsyncFunctionDef):
        return None
    line = document.line(function.line)
    start = function.column - 1
    width = len(line[start:]) - len(line[start:].removeprefix("async").lstrip())
    if not line[start + width :].startswith("def"):
        return None
    span = Span(function.line, function.column, function.line, function.column + width)
    return Fix(
        "Drop `async`",
        Way.REVERSE,
        (document.replace(span, ""),),
        notes=("It awaits nothing, so FastAPI can run it in its thread pool, 40 calls at a time.",),
    )


def refusal(function: ProjectFunction, contexts: Contexts) -> str:
    """Why a function may not lose its `async`, in a few words; empty where it may.

    What FastAPI calls, it calls either way. But the body must await nothing and use nothing that belongs to the loop; it
    must not be called by hand; and since forty threads may run it at once, it must not change what they share.
    """
    facts = contexts.project.function(function)
    roots = [root for root in contexts.roots if root.function == function]
    if not roots or any(root.role in ALWAYS_ON_LOOP for root in roots):
        return "the framework needs it to be asynchronous"
    if facts.suspends:
        return "it awaits"
    if facts.generator:
        return "it is an asynchronous generator"
    if not contexts.project.decorators_are_known(function):
        return "a decorator is unknown"
    if is_used_by_hand(function, contexts):
        return "it is called or handed over elsewhere"
    for inner in _reached(function, contexts):
        if reason := _thread_hazard(inner, contexts):
            return reason
    return ""


def _reached(function: ProjectFunction, contexts: Contexts) -> Iterator[ProjectFunction]:
    """The function, what is defined in it, and all of the project that it calls."""
    seen = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        yield current
        functions = contexts.project.facts[current.path].functions
        nested = [ProjectFunction(current.path, i) for i, f in enumerate(functions) if f.parent == current.index]
        for found in (*nested, *contexts.callees(current)):
            if found not in seen:
                seen.add(found)
                waiting.append(found)


def _thread_hazard(function: ProjectFunction, contexts: Contexts) -> str:
    project = contexts.project
    facts = project.function(function)
    if _shared_writes(facts, function, contexts):
        return SHARED
    for site in facts.sites:
        where = Where(function.path, function.index, site.line)
        callee = project.value(site.call.callee, where)
        name = callee.name if isinstance(callee, Outside) else ""
        if name.partition(".")[0] in LOOP_MODULES:
            return "it uses the event loop"
        if name in CONTEXT_SETTERS:
            return "it sets a context variable"
        if isinstance(callee, ProjectFunction) and project.function(callee).asynchronous:
            return "it starts a coroutine"
        if name.startswith("fastapi.WebSocket"):
            return "it uses a connection that belongs to the loop"
        if _is_called_on(project.knowledge.thread_bound, site.call, where, contexts) and _is_not_own(site.call, facts):
            return "it uses what belongs to a thread"
        if _is_used_by_others(site.call, function, contexts):
            return "it uses a connection that others use at the same time"
        if _changes_global(site.call, facts, function, contexts):
            return SHARED
    return ""


def _is_used_by_others(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on a session or connection that the module keeps, and that serves one thread at a time."""
    receiver = call.callee.of if isinstance(call.callee, Attribute) else Name("")
    if isinstance(receiver, Call):
        return _is_used_by_others(receiver, function, contexts)
    if not _root_names(receiver) & _shared_names(contexts.project.function(function), function, contexts):
        return False
    where, knowledge = Where(function.path, function.index), contexts.project.knowledge
    return _is_called_on(knowledge.exclusive, call, where, contexts) and not _is_called_on(
        knowledge.per_thread, call, where, contexts
    )


def _is_not_own(call: Call, facts: Function) -> bool:
    """Whether what a method is called on was not made in the function itself."""
    return isinstance(call.callee, Attribute) and not _root_names(call.callee.of) <= facts.bindings.keys()


def _shared_writes(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it assigns to what it neither was given nor made: to globals, to the object whose method it is, or into them."""
    shared = _shared_names(facts, function, contexts)
    return any(name in shared or name.endswith(".") for name in facts.writes) or any(
        name.startswith(f"{own}.") for own in _own_name(facts) for name in facts.bindings
    )


def _own_name(facts: Function) -> set[str]:
    """The name of the object whose method a function is; of one that is only being made nobody else knows."""
    return {facts.parameters[0].name} if facts.owner >= 0 and facts.parameters and facts.name != "__init__" else set()


def _shared_names(facts: Function, function: ProjectFunction, contexts: Contexts) -> set[str]:
    """The names of the module and of the functions around it that the function does not bind itself."""
    around = contexts.project.facts[function.path].functions
    shared, index = set(around[0].bindings), facts.parent
    while index > 0:
        shared |= around[index].bindings.keys()
        index = around[index].parent
    return shared - facts.bindings.keys() - {parameter.name for parameter in facts.parameters}


def _changes_global(call: Call, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """`cache.update(...)` on what other requests see as well."""
    callee = call.callee
    if not (isinstance(callee, Attribute) and callee.name in CHANGING):
        return False
    shared = _shared_names(facts, function, contexts) | _own_name(facts)
    if not _root_names(callee.of) & shared:
        return False
    value = contexts.project.value(callee, Where(function.path, function.index))
    if isinstance(value, Outside):
        return value.name.startswith("builtins.") or not contexts.project.knowledge.is_known(value.name)
    return value is None


def _root_names(expression: Expression) -> set[str]:
    match expression:
        case Name(id=name):
            return {name}
        case Attribute(of=of) | Subscript(of=of):
            return _root_names(of)
        case _:
            return set()
