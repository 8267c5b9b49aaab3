"""Clients that an application opens as it starts and keeps on its state, for as long as it runs: `app.state.http_client`.

https://fastapi.tiangolo.com/advanced/events/
"""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.applications import Definition, applications
from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Site, last_name
from rules.core.findings import Edit
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Wanted, import_dotted, import_module, is_imported
from rules.core.fixes.lifespan import (
    NAME,
    are_all,
    give_lifespan,
    insert_above,
    made_at_top,
    may_be_given_one,
)
from rules.core.fixes.texts import Texts
from rules.core.fixes.turning import Refused
from rules.core.repository import is_offline
from rules.core.syntax import walk
from rules.core.usage import given_to
from rules.core.values import Outside, ProjectFunction, Where

MANAGER = "contextlib.asynccontextmanager"
STANDARD = "os"
STARTING = frozenset({"TestClient", "ASGITransport", "AsyncClient"})
CLIENTS = frozenset({"fastapi.testclient.TestClient", "starlette.testclient.TestClient"})
WIDEST = 80  # characters, which the indentation comes before
TRANSPORTS = frozenset({"httpx.ASGITransport", "httpx2.ASGITransport"})


class Argument(msgspec.Struct, frozen=True):
    """A constant that a client is made with: `key=text`, or `key=Member(text)` for a `member` of the client's package.

    What is `local` is a name that only the file of the endpoint gives a meaning; what begins with a name that it imports is
    written behind that, in a file that imports the `dotted` name as well.
    """

    key: str
    text: str
    member: str = ""
    local: bool = False
    dotted: str = ""


class Opening(msgspec.Struct, frozen=True):
    """A client to open: its package, the name of its class there, and its arguments as the file at `path` has them.

    `limits` are arguments to the `Limits` of the package that it is given.
    """

    package: str
    name: str
    arguments: tuple[Argument, ...]
    path: str
    limits: str = ""


class Keeping(msgspec.Struct, frozen=True):
    """What a client is to be kept with: one of the `names` is taken that stands for nothing else, `wanted` gathers imports."""

    opening: Opening
    names: tuple[str, ...]
    contexts: Contexts
    texts: Texts
    wanted: Wanted


def application_of(function: ProjectFunction, contexts: Contexts) -> Definition:
    """The one application that serves an endpoint, by itself or through the routers that it includes. Raises Refused."""
    outer = _including(contexts)
    found, seen = set(), set[Definition]()
    waiting = [*_routers(function, contexts)]
    while waiting:
        router = waiting.pop()
        if router in seen:
            continue
        seen.add(router)
        if router in applications(contexts):
            found.add(router)
        elif None in outer.get(router, {None}):
            raise Refused("which application serves the endpoint is not seen")
        waiting += [one for one in outer.get(router, ()) if one is not None]
    if len(found) != 1:
        raise Refused("several applications serve the endpoint")
    (application,) = found
    if any(_is_mounted(application, path, contexts) for path in contexts.project.facts if not is_offline(path)):
        raise Refused("the application is mounted in another, which does not start it")
    return application


def _routers(function: ProjectFunction, contexts: Contexts) -> Iterator[Definition]:
    """What an endpoint is put on. Raises Refused."""
    project = contexts.project
    facts = project.function(function)
    where = Where(function.path, facts.parent, facts.line)
    for one, value in zip(facts.decorators, project.decorators(function), strict=True):
        if not (isinstance(value, Outside) and value.name in project.knowledge.registrations):
            continue
        on = one.callee.of if isinstance(one, Call) and isinstance(one.callee, Attribute) else None
        router = project.definition(on, where)
        if router is None or not value.name.startswith("fastapi."):
            raise Refused("what the endpoint is put on is not seen")
        yield router


def _including(contexts: Contexts) -> dict[Definition, set[Definition | None]]:
    """For each router, what includes it; None where that is not seen."""
    found: dict[Definition, set[Definition | None]] = {}
    for site, where in _sites("include_router", contexts):
        inner = contexts.project.definition(site.arguments[0], where) if site.arguments else None
        outer = site.callee.of if isinstance(site.callee, Attribute) else None
        if inner is not None:
            found.setdefault(inner, set()).add(contexts.project.definition(outer, where))
    return found


def _sites(name: str, contexts: Contexts) -> Iterator[tuple[Call, Where]]:
    for path in contexts.project.calling.get(name, ()):
        if not is_offline(path):
            yield from contexts.project.calls_named(path, name)


def _is_mounted(application: Definition, path: str, contexts: Contexts) -> bool:
    if "mount" not in contexts.project.facts[path].outline.called:
        return False
    return any(
        contexts.project.definition(given, where) == application
        for call, where in contexts.project.calls_named(path, "mount")
        for given in given_to(call)
        if given is not None
    )


def is_started_bare(contexts: Contexts) -> bool:
    """Whether tests start an application without its lifespan, so that its state would be empty."""
    for path, facts in contexts.project.facts.items():
        if not is_offline(path) or not facts.outline.called & STARTING:
            continue
        managed = "LifespanManager" in facts.outline.called
        for index, function in enumerate(facts.functions):
            for site in function.sites:
                value = contexts.project.value(site.call.callee, Where(path, index, site.line))
                if _starts(site, value.name if isinstance(value, Outside) else "", managed=managed) is False:
                    return True
    return False


def _starts(site: Site, name: str, *, managed: bool) -> bool | None:
    """Whether a call that starts an application runs its lifespan; None where it starts none. It may be `managed` apart."""
    called = last_name(site.call.callee)
    if called == "AsyncClient":
        return False if "app" in dict(site.call.keywords) else None
    if called not in STARTING:
        return None
    return managed if name in TRANSPORTS else name in CLIENTS and site.entered


def keep(keeping: Keeping, application: Definition) -> tuple[str, tuple[Edit, ...]]:
    """Under which name the state of an application holds a client, and the edits by which its lifespan opens it.

    Raises Refused.
    """
    lifespan = dict(applications(keeping.contexts)[application].keywords).get(NAME)
    if lifespan is None:
        return _begun(keeping, application)
    function = keeping.contexts.project.value(lifespan, Where(application[0]))
    if not isinstance(function, ProjectFunction):
        raise Refused("the lifespan of the application is not seen")
    return _extended(keeping, function)


def _begun(keeping: Keeping, application: Definition) -> tuple[str, tuple[Edit, ...]]:
    """A new lifespan."""
    contexts, wanted = keeping.contexts, keeping.wanted
    document = keeping.texts.document(application[0])
    made = made_at_top(application[1], document) if document is not None else None
    if document is None or made is None or not may_be_given_one(application, contexts):
        raise Refused("the application cannot be given a lifespan")
    if NAME in document.rebound or NAME in document.uses or not are_all(application, [], contexts):
        raise Refused("something else runs as the application starts, or may")
    statement, call = made
    name = _free(keeping, set())
    manager = wanted.member(document, "contextlib", "asynccontextmanager")
    iterator = wanted.member(document, "collections.abc", "AsyncIterator")
    opened, edits = _call(keeping, document)
    body = "".join(f"    {line}\n" for line in (*_lines(opened, name, "app"), "    yield"))
    head = f"@{manager}\nasync def {NAME}(app: {document.text_of(call.func)}) -> {iterator}[None]:\n"
    return name, (insert_above(statement, f"{head}{body}\n\n", document), give_lifespan(call, document), *edits)


def _extended(keeping: Keeping, function: ProjectFunction) -> tuple[str, tuple[Edit, ...]]:
    """A lifespan that is there, with the client open around its `yield`."""
    facts, document = keeping.contexts.project.function(function), keeping.texts.document(function.path)
    definition = document.function_at(facts.line) if document is not None else None
    if document is None or definition is None:
        raise Refused("the lifespan of the application is not seen")
    state = facts.parameters[0].name if facts.parameters else ""
    if keeping.contexts.project.decorators(function) != (Outside(MANAGER),) or not state or state in facts.bindings:
        raise Refused("the lifespan of the application is another than usual")
    opened, edits = _call(keeping, document)
    if (name := _opened_already(opened, definition, state)) != "":
        return name, ()
    pausing = _pausing(definition, document)
    name = _free(keeping, {node.id for node in walk(definition) if isinstance(node, ast.Name)})
    indent = document.line(pausing.lineno)[: pausing.col_offset]
    text = "".join(f"{indent}{line}\n" for line in _lines(opened, name, state)) + "    "
    return name, (document.insert((pausing.lineno, 1), text), *edits)


def _free(keeping: Keeping, taken: set[str]) -> str:
    states = {state for facts in keeping.contexts.project.facts.values() for state in facts.outline.states}
    for name in keeping.names:
        if name not in states | taken:
            return name
    raise Refused("the names for a client on the state of the application are taken")


def _call(keeping: Keeping, document: Document) -> tuple[str, tuple[Edit, ...]]:
    """The call that makes the client in a file, over three lines, and the edits that import what it names. Raises Refused.

    As many requests may wait at once as when each had a client of its own.
    """
    opening = keeping.opening
    if any(one.local for one in opening.arguments) and document.path != opening.path:
        raise Refused("the client is made with what only another file knows")
    imported = import_module(document, opening.package) if not _is_taken(opening, document) else None
    if imported is None and not _is_taken(opening, document):
        raise Refused("the name of the package of the client is taken")

    def member(name: str) -> str:
        if imported is not None:
            return f"{imported.name}.{name}"
        return keeping.wanted.member(document, opening.package, name)

    edits = [*imported.edits] if imported is not None else []
    given = [f"{a.key}={member(a.member)}({a.text})" if a.member else f"{a.key}={a.text}" for a in opening.arguments]
    for number, one in enumerate(opening.arguments):
        if one.dotted:
            written, more = _named_elsewhere(one.dotted, keeping.wanted, document)
            given[number] = f"{one.key}={written}{one.text}"
            edits += more
    if opening.limits:
        given.append(f"limits={member('Limits')}({opening.limits})")
    return _over_lines(member(opening.name), given), tuple(edits)


def _named_elsewhere(dotted: str, wanted: Wanted, document: Document) -> tuple[str, tuple[Edit, ...]]:
    """How the file writes what another one imports, with the edits that import it: of the standard library by its module."""
    module, _, name = dotted.rpartition(".")
    if module != STANDARD:
        return wanted.member(document, module, name), ()
    imported = import_dotted(document, dotted)
    if imported is None:
        raise Refused(f"the name `{module}` is taken")
    return imported.name, imported.edits


def _over_lines(callee: str, given: list[str]) -> str:
    """A call with its arguments on a line of their own, or each on one where that would be too long."""
    if not given:
        return f"{callee}()"
    at_once = ", ".join(given)
    if len(at_once) <= WIDEST:
        return f"{callee}(\n    {at_once}\n)"
    return "\n".join([f"{callee}(", *(f"    {one}," for one in given), ")"])


def _is_taken(opening: Opening, document: Document) -> bool:
    """Whether the file takes the class out of its package by name."""
    written = is_imported(document, f"{opening.package}.{opening.name}")
    return written is not None and "." not in written


def _lines(opened: str, name: str, state: str) -> list[str]:
    return [*f"async with {opened} as {name}:".split("\n"), f"    {state}.state.{name} = {name}"]


def _opened_already(opened: str, definition: ast.AST, state: str) -> str:
    """The name under which the lifespan keeps the same client already; empty where it does not."""
    text = ast.unparse(ast.parse(opened, mode="eval"))
    for node in walk(definition):
        item = node.items[0] if isinstance(node, ast.AsyncWith) and len(node.items) == 1 else None
        if not (item and isinstance(node, ast.AsyncWith) and isinstance(item.optional_vars, ast.Name)):
            continue
        name = item.optional_vars.id
        if ast.unparse(item.context_expr) == text and ast.unparse(node.body[0]) == f"{state}.state.{name} = {name}":
            return name
    return ""


def _pausing(definition: ast.AST, document: Document) -> ast.stmt:
    """The statement at which a lifespan waits while requests are served. Raises Refused."""
    found = [node for node in walk(definition) if isinstance(node, (ast.Yield, ast.YieldFrom))]
    statement = document.parents.get(found[0]) if len(found) == 1 else None
    if not isinstance(statement, ast.Expr) or statement.lineno != statement.end_lineno:
        raise Refused("where the lifespan waits is not seen")
    if document.line(statement.lineno)[: statement.col_offset].strip(" "):
        raise Refused("where the lifespan waits is not seen")
    return statement
