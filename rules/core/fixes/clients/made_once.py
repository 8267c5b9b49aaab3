"""A client that an endpoint makes for each request, made once by the lifespan of its application and given by a dependency.

https://fastapi.tiangolo.com/advanced/events/ and https://www.python-httpx.org/advanced/clients/
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Facts, Site, last_name
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.clients.endpoint import (
    Definition,
    Given,
    check_endpoint,
    check_identity,
    compared,
    giver,
    parameter,
    place_after,
)
from rules.core.fixes.clients.handing import Handed, callers, handed_on, is_handed_on
from rules.core.fixes.clients.startup import Argument, Keeping, Opening, application_of, keep
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Wanted, added_at_once, is_imported
from rules.core.fixes.sessions.places import parameter_given
from rules.core.fixes.turning import Refused
from rules.core.fixes.whole import Bench
from rules.core.library import Lasting
from rules.core.remarks import Remark
from rules.core.syntax import walk
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

NAME = "http_client"
SETTINGS = frozenset({"pydantic_settings.BaseSettings", "pydantic.BaseSettings"})
ENVIRONMENT = frozenset({"os.environ", "os.getenv", "os.environ.get"})
_DEEPEST = 3  # helpers that hand the client on

COOKIES = (
    "Requests share the client, so that a cookie which its server sets is sent with later requests of others, too."
)
CONNECTIONS = "Its connections stay open from one request to the next."
STARTED = "The client is there only where the application is started with its lifespan, as servers do."
REPLACED = "Tests that replace the class of the client have to override the new dependency instead."
CONTRACT = "Paths, parameters, status codes and responses stay as they are."
NOTES = (COOKIES, CONNECTIONS, STARTED, REPLACED, CONTRACT)

_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef)


class Made(msgspec.Struct, frozen=True):
    """A client in an endpoint, which the `async with` opens, or a statement of its own makes."""

    given: Given
    statement: ast.AsyncWith | ast.Assign
    row: Lasting
    dotted: str


def share_client(remark: Remark, bench: Bench) -> Fix | None:
    """One client for all requests, in place of one for each."""
    try:
        made, opening = _made(remark, bench)
        _check(made, bench)
        is_endpoint = any(root.function == made.given.function for root in bench.contexts.roots)
        handed = [] if is_endpoint else callers(made.given, f"{opening.package}.{opening.name}", bench)
        edits = _edits(made, opening, handed, bench)
    except (Refused, LookupError) as refusal:
        bench.refusals[str(refusal.args[0])] += 1
        return None
    notes = (*NOTES[:-1], *made.row.notes, NOTES[-1])
    fix = Fix("Share one client between requests", Way.TWIN, edits, Applicability.UNSAFE, notes)
    bench.judges[fix] = partial(objection, made=made, handed=made.given.name if handed else "")
    return fix


# What is made


def _made(remark: Remark, bench: Bench) -> tuple[Made, Opening]:
    """The client of a remark, and how it is made. Raises Refused."""
    function, project = remark.function, bench.contexts.project
    document = bench.texts.document(function.path)
    call = document.call_at(remark.site.span) if document is not None and remark.site is not None else None
    if document is None or call is None:
        raise Refused("its text is not at hand")
    callee = project.value(as_expression(call.func), Where(function.path, function.index, call.lineno))
    dotted = callee.name if isinstance(callee, Outside) else ""
    row = project.knowledge.lasting.get(dotted)
    definition = document.function_at(project.function(function).line)
    if row is None or is_imported(document, dotted) != document.text_of(call.func):
        raise Refused("the client is of a class that is not shared, or that the file imports elsewhere than at its top")
    statement, target = _opening(call, document)
    if not isinstance(definition, ast.AsyncFunctionDef):
        raise Refused("the client is not opened in an endpoint")
    package, _, name = dotted.partition(".")
    arguments = tuple(_arguments(call, row, function, document, bench.contexts))
    given = Given(function, definition, document, target.id, document.text_of(call.func))
    return Made(given, statement, row, dotted), Opening(package, name, arguments, function.path, row.limits)


def _opening(call: ast.Call, document: Document) -> tuple[ast.AsyncWith | ast.Assign, ast.Name]:
    """The statement that makes a client, and the name that it gives it. Raises Refused."""
    item = document.parents.get(call)
    statement = document.parents.get(item) if isinstance(item, ast.withitem) else item
    match statement:
        case ast.AsyncWith(items=[ast.withitem(optional_vars=ast.Name() as name)]):
            return statement, name
        case ast.AsyncWith():
            raise Refused("the client is opened together with something else, or without a name")
        case ast.Assign(targets=[ast.Name() as name]) if _stands_alone(statement, document):
            return statement, name
    raise Refused("the client is not opened by `async with`")


def _stands_alone(statement: ast.Assign, document: Document) -> bool:
    """Whether its lines hold nothing else, and its block another statement."""
    before, after = document.line(statement.lineno)[: statement.col_offset], document.span(statement).end
    text = document.text_of(statement)
    return (
        not before.strip()
        and not document.line(after[0])[after[1] - 1 :].strip()
        and "#" not in text
        and len(_block_of(statement, document)) > 1
    )


def _block_of(statement: ast.stmt, document: Document) -> list[ast.stmt]:
    around = document.parents[statement]
    blocks = (getattr(around, name, None) for name in ("body", "orelse", "finalbody"))
    return next((block for block in blocks if isinstance(block, list) and statement in block), [])


def _arguments(
    call: ast.Call, row: Lasting, function: ProjectFunction, document: Document, contexts: Contexts
) -> Iterator[Argument]:
    """Raises Refused where one is no constant."""
    if call.args or not {one.arg for one in call.keywords} <= row.constant:
        raise Refused("the client is made with arguments that may be of one request")
    package = row.of.partition(".")[0]
    for keyword in call.keywords:
        key, value = keyword.arg or "", keyword.value
        where = Where(function.path, function.index, call.lineno)
        if _is_literal(value):
            yield Argument(key, document.text_of(value))
        elif isinstance(value, ast.Name) and _is_global(value.id, document):
            yield Argument(key, value.id, local=True)
        elif (named := _setting(key, value, where, document, contexts)) is not None:
            yield named
        elif isinstance(value, ast.Call) and all(map(_is_literal, (*value.args, *(k.value for k in value.keywords)))):
            if contexts.project.value(as_expression(value.func), where) != Outside(f"{package}.Timeout"):
                raise Refused("the client is made with arguments that are no constants")
            inner = document.text_of(value).removeprefix(document.text_of(value.func))
            yield Argument(key, inner.removeprefix("(").removesuffix(")"), "Timeout")
        else:
            raise Refused("the client is made with arguments that are no constants")


def _setting(key: str, value: ast.expr, where: Where, document: Document, contexts: Contexts) -> Argument | None:
    """What the environment, the settings of the project, or a module of it tells: `os.environ["KEY"]`, `settings.key`, `KEY`."""
    inner = _inner(value)
    known = contexts.project.value(as_expression(inner), where)
    if isinstance(known, Outside) and known.name in ENVIRONMENT and value is not inner:
        return Argument(key, _behind(value, inner, document), dotted=known.name)
    root = value.value if isinstance(value, ast.Attribute) else value
    if not isinstance(root, ast.Name) or root.id in _inner_names(where, contexts):
        return None
    if not (_is_settings(root, where, contexts) if root is not value else _is_bound_once(root, where, contexts)):
        return None
    imported = _imported(root.id, document) if root.id not in document.rebound else ""
    if imported:
        return Argument(key, _behind(value, root, document), dotted=imported)
    return Argument(key, document.text_of(value), local=True) if root is not value else None


def _is_settings(root: ast.Name, where: Where, contexts: Contexts) -> bool:
    """Whether a name stands for the settings of the project, which are read once."""
    value = contexts.project.value(as_expression(root), where)
    family = (
        contexts.project.family(value.of) if isinstance(value, Object) and isinstance(value.of, ProjectClass) else ()
    )
    is_settings = any(isinstance(one, Outside) and one.name in SETTINGS for one in family)
    return is_settings and _is_bound_once(root, where, contexts)


def _is_bound_once(root: ast.Name, where: Where, contexts: Contexts) -> bool:
    """Whether the module where a name comes from gives it one meaning."""
    origin = contexts.project.origin(as_expression(root), Where(where.path))
    functions = contexts.project.facts[origin[0]].functions if origin is not None else ()
    bound = functions[0].bindings.get(origin[1], ()) if origin is not None else ()
    return len({one.line for one in bound}) == 1 and not any(origin and origin[1] in one.writes for one in functions)


def _inner(value: ast.expr) -> ast.expr:
    """What is called or looked up, where all else that stands there are literals."""
    match value:
        case ast.Call(func=func, args=args, keywords=[]) if args and all(map(_is_literal, args)):
            return func
        case ast.Subscript(value=of, slice=key) if _is_literal(key):
            return of
        case _:
            return value


def _inner_names(where: Where, contexts: Contexts) -> set[str]:
    """The names that the functions around a place give a meaning."""
    found: set[str] = set()
    index = where.function
    while index > 0:
        facts = contexts.project.facts[where.path].functions[index]
        found |= facts.bindings.keys() | {parameter.name for parameter in facts.parameters}
        index = facts.parent
    return found


def _behind(value: ast.expr, inner: ast.expr, document: Document) -> str:
    return document.text_of(value).removeprefix(document.text_of(inner))


def _imported(name: str, document: Document) -> str:
    """The dotted name that a statement at the top of the file imports under a name, whatever the package; empty for others."""
    for statement in document.tree.body:
        if isinstance(statement, ast.ImportFrom) and not statement.level:
            for alias in statement.names:
                if (alias.asname or alias.name) == name == alias.name:
                    return f"{statement.module}.{name}"
    return ""


def _is_literal(node: ast.expr) -> bool:
    if node.lineno != node.end_lineno:
        return False
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def _is_global(name: str, document: Document) -> bool:
    """Whether the module gives a name a literal, and nothing in the file gives it anything else."""
    bound = [node for node in document.uses.get(name, ()) if not isinstance(node.ctx, ast.Load)]
    statement = document.parents.get(bound[0]) if len(bound) == 1 else None
    at_top = isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement in document.tree.body
    arguments = {node.arg for node in document.nodes if isinstance(node, ast.arg)}
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    return at_top and name not in arguments and value is not None and _is_literal(value)


# Whether it may be shared


def _check(made: Made, bench: Bench) -> None:
    """Raises Refused where the client is not one that others may use as well, or FastAPI cannot give it."""
    given = made.given
    asked = [*_Asked(made.row, bench).of(given.name, given.definition, given.function, given.document, made.statement)]
    if len(asked) > 1 and not made.row.reading.issuperset(asked):
        raise Refused("several requests of the client may share cookies that are meant for them alone")


class _Asked(msgspec.Struct, frozen=True):
    """What is asked of a client of a class, also by the helpers that it is handed to."""

    row: Lasting
    bench: Bench
    depth: int = 0

    def of(
        self,
        name: str,
        definition: Definition,
        function: ProjectFunction,
        document: Document,
        opened: ast.AsyncWith | ast.Assign | None,
    ) -> Iterator[str]:
        """The methods that are called on the client of that name. Raises Refused where anything else is done with it."""
        check_identity(definition)
        inside = {*walk(opened)} if isinstance(opened, ast.AsyncWith) else {*walk(definition)}
        for node in walk(definition):
            if isinstance(node, ast.arg) and node.arg == name and (opened is not None or node not in _own(definition)):
                raise Refused("the name of the client is bound again")
            if not (isinstance(node, ast.Name) and node.id == name) or node is _target(opened):
                continue
            if not isinstance(node.ctx, ast.Load) or node not in inside:
                raise Refused("the name of the client is bound again, or used behind its end")
            yield from self._use(node, function, document)

    def _use(self, node: ast.Name, function: ProjectFunction, document: Document) -> Iterator[str]:
        path, around = _path(node, document)
        call = document.parents.get(around) if isinstance(around, (ast.Attribute, ast.keyword)) else around
        if not isinstance(call, ast.Call) or (isinstance(around, ast.Attribute) and call.func is not around):
            raise Refused("the client is kept, changed, or asked for what belongs to it")
        if not isinstance(around, ast.Attribute):
            yield from self._handed(node, call, function)
            return
        given = {keyword.arg or "" for keyword in call.keywords}
        if path not in self.row.asking or given & self.row.own or (path == "send" and "stream" in given):
            raise Refused("something is done with the client that others would notice")
        if path.endswith("stream") and not isinstance(document.parents.get(call), ast.withitem):
            raise Refused("something is done with the client that others would notice")
        yield path
        if _is_repeated(call, document):
            yield path

    def _handed(self, node: ast.Name, call: ast.Call, function: ProjectFunction) -> Iterator[str]:
        """What a helper does with the client. Raises Refused."""
        contexts = self.bench.contexts
        helper = contexts.project.value(as_expression(call.func), Where(function.path, function.index, call.lineno))
        if not isinstance(helper, ProjectFunction) or self.depth == _DEEPEST:
            raise Refused("the client is handed to something unknown")
        facts = contexts.project.function(helper)
        other = self.bench.texts.document(helper.path)
        definition = other.function_at(facts.line) if other is not None else None
        name = parameter_given(call, node, facts.parameters)
        if other is None or definition is None or facts.owner >= 0 or not name:
            raise Refused("the client is handed to something unknown")
        deeper = _Asked(self.row, self.bench, self.depth + 1)
        yield from deeper.of(name, definition, helper, other, None)


def _target(opened: ast.AsyncWith | ast.Assign | None) -> ast.expr | None:
    """What stands for the name that a statement gives to a client."""
    if isinstance(opened, ast.AsyncWith):
        return opened.items[0].optional_vars
    return opened.targets[0] if opened is not None else None


def _path(node: ast.Name, document: Document) -> tuple[str, ast.AST | None]:
    """What is taken of the client there, and what ends with that; what stands around the client where nothing is."""
    names: list[str] = []
    inner: ast.AST = node
    while isinstance(around := document.parents.get(inner), ast.Attribute):
        names.append(around.attr)
        inner = around
    return ".".join(names), inner if names else document.parents.get(node)


def _own(definition: Definition) -> Collection[ast.arg]:
    return [*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs]


def _is_repeated(call: ast.Call, document: Document) -> bool:
    """Whether it stands in a loop or comprehension of its function."""
    node: ast.AST | None = document.parents.get(call)
    while node is not None and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.comprehension, ast.ListComp, ast.GeneratorExp)):
            return True
        node = document.parents.get(node)
    return False


# Text


def _edits(made: Made, opening: Opening, handed: list[Handed], bench: Bench) -> tuple[Edit, ...]:
    """Raises Refused, and LookupError where a name is taken."""
    wanted = Wanted()
    endpoints = list(dict.fromkeys(one.endpoint for one in handed)) or [made.given]
    for endpoint in endpoints:
        check_endpoint(endpoint.function, bench)
    served = {application_of(endpoint.function, bench.contexts) for endpoint in endpoints}
    if len(served) != 1:
        raise Refused("several applications serve the endpoints")
    keeping = Keeping(
        opening, (made.row.name, f"{made.given.definition.name}_client"), bench.contexts, bench.texts, wanted
    )
    name, opened = keep(keeping, served.pop())
    edits = [*opened, *_unwrapped(made), *(handed_on(made.given, handed) if handed else ())]
    for endpoint in endpoints:
        by, defined = giver(name, endpoint, wanted)
        edits += [*defined, *parameter(by, endpoint, wanted)]
    documents = filter(None, map(bench.texts.document, sorted({edit.path for edit in edits})))
    imports = [edit for one in documents for edit in wanted.edits(one)]
    return tuple(sorted(added_at_once([*edits, *imports])))


def _unwrapped(made: Made) -> Iterator[Edit]:
    """The edits by which the body stands in the place of the `async with`. Raises Refused."""
    document, statement = made.given.document, made.statement
    if isinstance(statement, ast.Assign):
        yield document.replace(Span(statement.lineno, 1, (statement.end_lineno or 0) + 1, 1), "")
        return
    item = statement.items[0]
    last = document.span(item.optional_vars or item.context_expr).end
    rest = document.line(last[0])[last[1] - 1 :]
    outer, inner = (" " * one.col_offset for one in (statement, statement.body[0]))
    if (
        rest.strip() not in {":", "):"}
        or statement.body[0].lineno <= last[0]
        or "#" in _header(statement, document, last[0])
    ):
        raise Refused("a comment stands in the `async with` of the client")
    yield document.replace(Span(statement.lineno, 1, last[0] + 1, 1), "")
    kept = {number for node in walk(statement) for number in _text_lines(node, document)}
    for number in range(last[0] + 1, (statement.end_lineno or 0) + 1):
        if document.line(number).startswith(inner) and number not in kept:
            yield document.replace(Span(number, len(outer) + 1, number, len(inner) + 1), "")


def _text_lines(node: ast.AST, document: Document) -> range:
    """The lines that a text over several lines goes on over."""
    is_text = isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )
    if not (is_text and isinstance(node, ast.expr) and re.search("\"\"\"|'''", document.text_of(node))):
        return range(0)
    return range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)


def _header(statement: ast.stmt, document: Document, last: int) -> str:
    return "\n".join(document.line(number) for number in range(statement.lineno, last + 1))


# Proof


def objection(
    fix: Fix, function: ProjectFunction, contexts: Contexts, sources: Mapping[str, bytes], made: Made, handed: str = ""
) -> str:
    """Why it may not be shown; empty where the files are the same but for who opens the client, and who gives it."""
    edited = {}
    dropped = ast.unparse(made.statement) if isinstance(made.statement, ast.Assign) else ""
    for one in compared(fix, sources, handed, dropped):
        if isinstance(one, str):
            return one
        if ast.dump(one.before) != ast.dump(one.now):
            return "changes something else"
        if one.path == function.path and _makers(made, one.after, function, contexts) != -1:
            return "leaves the client where it was"
        edited[one.path] = one.after
    changed = Contexts(contexts.project.with_facts(edited))
    helper = place_after(function, edited[function.path], contexts)
    return "leaves a call without the client" if handed and not is_handed_on(helper, handed, changed) else ""


def _makers(made: Made, after: Facts, function: ProjectFunction, contexts: Contexts) -> int:
    """How many more clients the function makes."""
    name = made.dotted.rpartition(".")[2]
    old = contexts.project.function(function)
    new = after.functions[place_after(function, after, contexts).index]
    return sum(_makes(one, name) for one in new.sites) - sum(_makes(one, name) for one in old.sites)


def _makes(site: Site, name: str) -> bool:
    return last_name(site.call.callee) == name
