"""Event handlers of an application, called by a lifespan instead: the handlers stay, the decorators go.

Beside a lifespan no event handler runs, so it is offered only where all of them are seen: those of one application, in the
file that makes it, and nobody else is given the application who might register more.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from rules.core.applications import Definition, EventHandler, applications, event_handlers
from rules.core.contexts import Contexts
from rules.core.edits import EditConflictError, apply_edits
from rules.core.facts import Attribute, Call, Constant, Facts, Function, Name, Site, last_name
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.document import Document
from rules.core.fixes.imports import added_at_once, import_member
from rules.core.fixes.proof import read_edited
from rules.core.remarks import Remark
from rules.core.repository import is_offline
from rules.core.usage import given_to
from rules.core.values import Object, Outside, ProjectFunction, Where

NAME = "lifespan"
REGISTERING = frozenset({"on_event", "add_event_handler"})
SINCE = "fastapi>=0.93"
IGNORED = "FastAPI has known `lifespan` since 0.93; an older one ignores it, and no handler is called."
_RECENT = frozenset({"pydantic_settings"})
_OF_PYDANTIC = frozenset(
    {
        *("AfterValidator", "BeforeValidator", "ConfigDict", "RootModel", "TypeAdapter", "computed_field"),
        *("field_serializer", "field_validator", "model_serializer", "model_validator"),
    }
)
EVENTS = ("startup", "shutdown")
RUNNING = frozenset({"uvicorn.run", "fastapi.testclient.TestClient", "starlette.testclient.TestClient"})
"""Whoever is given an application by these registers nothing with it."""


def move(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """One `lifespan` that calls what `on_event` has called."""
    handlers = list(event_handlers(contexts))
    application = next((one.application for one in handlers if one.place == remark.function), None)
    if application is None or application[0] != document.path or not are_all(application, handlers, contexts):
        return None
    made = made_at_top(application[1], document)
    handlers = [one for one in handlers if one.application == application]
    definitions = [_definition(handler, document, contexts) for handler in handlers]
    taken = NAME in document.rebound or NAME in document.uses
    if made is None or taken or not may_be_given_one(application, contexts) or None in definitions:
        return None
    imports = [
        import_member(document, *of)
        for of in (("collections.abc", "AsyncIterator"), ("contextlib", "asynccontextmanager"))
    ]
    if None in imports:
        return None
    statement, call = made
    text = _text([one for one in definitions if one is not None], handlers, contexts, document.text_of(call.func))
    edits = [
        insert_above(statement, text, document),
        give_lifespan(call, document),
        *(_without_decorator(one, document) for one in definitions if one is not None),
        *(edit for imported in imports if imported is not None for edit in imported.edits),
    ]
    fix = Fix("Call the event handlers in a `lifespan`", Way.REPAIR, tuple(added_at_once(edits)))
    if _is_recent(contexts):
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(IGNORED,), requires=(SINCE,))


def _is_recent(contexts: Contexts) -> bool:
    """Whether the project imports what came with or after the FastAPI that knows `lifespan`: Pydantic 2 needs 0.100.

    https://fastapi.tiangolo.com/release-notes/#0930
    """
    imports = (one for facts in contexts.project.facts.values() for one in facts.outline.imports)
    return any(one.module in _RECENT or (one.module == "pydantic" and one.name in _OF_PYDANTIC) for one in imports)


# Whether all is seen


def are_all(application: Definition, handlers: list[EventHandler], contexts: Contexts) -> bool:
    """Whether these are all handlers that anything registers, and nobody else can register more, or runs them by hand."""
    path, made = application[0], applications(contexts)
    mine = [one for one in handlers if one.application == application]
    if any(one.site is not None or one.place.path != path for one in mine):
        return False
    known = Counter(one.place.path for one in handlers if one.application in made)
    facts = {other: one for other, one in contexts.project.facts.items() if not is_offline(other)}
    if any(_registered(one) != known[other] for other, one in facts.items() if other == path or _registers(one)):
        return False
    near = {path} | contexts.project.importers_of(path)
    if any(_runs_by_hand(one) for other, one in contexts.project.facts.items() if other in near):
        return False
    return not any(is_given_away(application, other, one, contexts) for other, one in facts.items())


def _registered(facts: Facts) -> int:
    """How many handlers a file registers, with whatever it may be."""
    return sum(last_name(site.call.callee) in REGISTERING for f in facts.functions for site in f.sites)


def _registers(facts: Facts) -> bool:
    return bool((facts.outline.called | facts.outline.decorating) & REGISTERING)


def _runs_by_hand(facts: Facts) -> bool:
    """Whether anything is done with the lists of handlers, or they are run: `await app.router.startup()`."""
    if {".on_startup", ".on_shutdown"} & facts.outline.mentions.keys():
        return True
    called = (site.call.callee for function in facts.functions for site in function.sites)
    return any(isinstance(callee, Attribute) and _is_of_handlers(callee) for callee in called)


def _is_of_handlers(callee: Attribute) -> bool:
    if callee.name in EVENTS:
        return True
    return isinstance(callee.of, Attribute) and callee.of.name in {"on_startup", "on_shutdown"}


def is_given_away(application: Definition, path: str, facts: Facts, contexts: Contexts) -> bool:
    """Whether the file gives the application to somebody unknown, or includes a router that is not known to be plain."""
    if path != application[0] and path not in contexts.project.importers_of(application[0]):
        return False
    for index, function in enumerate(facts.functions):
        for site in function.sites:
            where = Where(path, index, site.line)
            if any(contexts.project.definition(one, where) == application for one in _names_given(site.call)):
                callee = contexts.project.value(site.call.callee, where)
                if not (isinstance(callee, Outside) and callee.name in RUNNING):
                    return True
            if last_name(site.call.callee) == "include_router" and not _is_router(site, where, contexts):
                return True
    return False


def _names_given(call: Call) -> Iterator[Name | Attribute]:
    yield from (one for one in given_to(call) if isinstance(one, (Name, Attribute)))


def _is_router(site: Site, where: Where, contexts: Contexts) -> bool:
    given = given_to(site.call)[:1]
    value = contexts.project.value(given[0], where) if given and given[0] is not None else None
    return isinstance(value, Object) and value.of == Outside("fastapi.APIRouter")


def may_be_given_one(application: Definition, contexts: Contexts) -> bool:
    """Whether the call that makes the application has room for a lifespan."""
    call = applications(contexts).get(application)
    callee = contexts.project.value(call.callee, Where(application[0])) if call is not None else None
    keywords = dict(call.keywords).keys() if call is not None else set()
    return callee == Outside("fastapi.FastAPI") and not {"lifespan", "on_startup", "on_shutdown", ""} & keywords


# Text


def made_at_top(name: str, document: Document) -> tuple[ast.stmt, ast.Call] | None:
    """The statement at the top of the file that makes the application, and the call in it."""
    for statement in document.tree.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and isinstance(statement.value, ast.Call):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if [one.id for one in targets if isinstance(one, ast.Name)] == [name] and not statement.value.args:
                return statement, statement.value
    return None


def _definition(
    handler: EventHandler, document: Document, contexts: Contexts
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The function of a handler, where it stands at the top, has this decorator alone on a line, and takes nothing."""
    facts = contexts.project.function(handler.place)
    node = document.function_at(facts.line)
    if node is None or node not in document.tree.body or _event(facts) is None or facts.parameters or facts.generator:
        return None
    decorator = node.decorator_list[0]
    lines = [document.line(n).strip() for n in range(decorator.lineno, (decorator.end_lineno or 0) + 1)]
    alone = lines[0].startswith("@") and lines[-1].endswith(")") and not any("#" in line for line in lines)
    return node if alone and len(node.decorator_list) == 1 else None


def _event(facts: Function) -> str | None:
    (decorator, *_) = facts.decorators
    given = decorator.arguments if isinstance(decorator, Call) and not decorator.keywords else ()
    event = given[0].value if len(given) == 1 and isinstance(given[0], Constant) else None
    return event if isinstance(event, str) and event in EVENTS else None


def _text(
    definitions: list[ast.FunctionDef | ast.AsyncFunctionDef],
    handlers: list[EventHandler],
    contexts: Contexts,
    application: str,
) -> str:
    calls: dict[str, list[str]] = {event: [] for event in EVENTS}
    ordered = sorted(zip(definitions, handlers, strict=True), key=lambda pair: pair[0].lineno)
    for node, handler in ordered:
        word = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
        calls[_event(contexts.project.function(handler.place)) or ""].append(f"    {word}{node.name}()\n")
    body = "".join([*calls["startup"], "    yield\n", *calls["shutdown"]])
    return f"@asynccontextmanager\nasync def {NAME}(_: {application}) -> AsyncIterator[None]:\n{body}\n\n"


def insert_above(statement: ast.stmt, text: str, document: Document) -> Edit:
    """The text above a statement, its decorators and its comments, two lines below what is there."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    line = min([statement.lineno, *(one.lineno for one in decorators)])
    while line > 1 and document.line(line - 1).startswith("#"):
        line -= 1
    blank = next((n for n in range(3) if line - n > 1 and document.line(line - n - 1).strip()), 2)
    return document.insert((line, 1), "\n" * (2 - blank) + text)


def give_lifespan(call: ast.Call, document: Document) -> Edit:
    """`lifespan=lifespan` as the last argument of the call that makes an application."""
    if not call.keywords:
        line, column = document.span(call).end
        return document.insert((line, column - 1), f"{NAME}={NAME}")
    return document.append(call.keywords[-1], f"{NAME}={NAME}")


def _without_decorator(node: ast.FunctionDef | ast.AsyncFunctionDef, document: Document) -> Edit:
    decorator = node.decorator_list[0]
    return document.replace(Span(decorator.lineno, 1, (decorator.end_lineno or 0) + 1, 1), "")


# Proof


def objection(fix: Fix, _: ProjectFunction, contexts: Contexts, sources: Mapping[str, bytes]) -> str:
    """Why it may not be shown; empty where only the decorators are gone, one function came, and it is what runs."""
    (path,) = {edit.path for edit in fix.edits}
    try:
        text = apply_edits(sources[path], fix.edits)
    except EditConflictError:
        return "edits overlap"
    after = read_edited(sources[path], text, fix.edits)
    if isinstance(after, str):
        return after
    before = contexts.project.facts[path]
    if _contract(before.functions) != _contract(one for one in after.functions if one.qualname != NAME):
        return "changes a signature"
    changed = Contexts(contexts.project.with_facts({path: after}))
    made = [call for name, call in applications(changed).items() if name[0] == path]
    has_one = any(dict(call.keywords).get(NAME) == Name(NAME) for call in made)
    left = any(handler.place.path == path for handler in event_handlers(changed))
    return "" if has_one and not left else "leaves handlers that do not run"


def _contract(functions: Iterable[Function]) -> list[object]:
    return [
        (one.qualname, one.asynchronous, one.parameters, one.returns, [*filter(_is_kept, one.decorators)])
        for one in functions
        if not one.is_lambda
    ]


def _is_kept(decorator: object) -> bool:
    return not (isinstance(decorator, Call) and last_name(decorator.callee) == "on_event")
