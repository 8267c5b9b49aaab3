"""A client that an endpoint makes for each request, made once by the lifespan of its application and given by a dependency.

https://fastapi.tiangolo.com/advanced/events/ and https://www.python-httpx.org/advanced/clients/
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Facts
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.document import Document
from rules.core.fixes.endpoint import (
    Definition,
    Given,
    check_endpoint,
    check_identity,
    compared,
    giver,
    parameter,
    place_after,
)
from rules.core.fixes.handing import Handed, callers, handed_on, is_handed_on
from rules.core.fixes.imports import Wanted, added_at_once, is_imported
from rules.core.fixes.sessions.places import parameter_given
from rules.core.fixes.startup import Argument, Keeping, Opening, application_of, keep
from rules.core.fixes.turning import Refused
from rules.core.fixes.whole import Bench
from rules.core.remarks import Remark
from rules.core.values import Outside, ProjectFunction, Where

NAME = "http_client"
CLASSES = frozenset({"httpx.AsyncClient", "httpx2.AsyncClient"})
CONSTANT = frozenset(
    {
        *("timeout", "follow_redirects", "http1", "http2", "trust_env", "headers", "base_url", "params"),
        *("max_redirects", "default_encoding"),
    }
)  # arguments that say nothing of one request
READING = frozenset({"get", "head", "options", "stream", "build_request"})
ASKING = READING | {"post", "put", "patch", "delete", "request", "send"}
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
    """A client in an endpoint, which the `async with` opens."""

    given: Given
    statement: ast.AsyncWith


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
    fix = Fix("Share one client between requests", Way.TWIN, edits, Applicability.UNSAFE, NOTES)
    bench.judges[fix] = partial(objection, handed=made.given.name) if handed else objection
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
    item = document.parents.get(call)
    statement = document.parents.get(item) if isinstance(item, ast.withitem) else None
    definition = document.function_at(project.function(function).line)
    if dotted not in CLASSES or is_imported(document, dotted) != document.text_of(call.func):
        raise Refused("the client is of a class that is not shared, or that the file imports elsewhere than at its top")
    if not (isinstance(item, ast.withitem) and isinstance(statement, ast.AsyncWith)):
        raise Refused("the client is not opened by `async with`")
    if len(statement.items) != 1 or not isinstance(item.optional_vars, ast.Name):
        raise Refused("the client is opened together with something else, or without a name")
    if not isinstance(definition, ast.AsyncFunctionDef):
        raise Refused("the client is not opened in an endpoint")
    arguments = tuple(_arguments(call, dotted.partition(".")[0], function, document, bench.contexts))
    package, _, name = dotted.partition(".")
    given = Given(function, definition, document, item.optional_vars.id, document.text_of(call.func))
    return Made(given, statement), Opening(package, name, arguments, function.path)


def _arguments(
    call: ast.Call, package: str, function: ProjectFunction, document: Document, contexts: Contexts
) -> Iterator[Argument]:
    """Raises Refused where one is no constant."""
    if call.args or not {one.arg for one in call.keywords} <= CONSTANT:
        raise Refused("the client is made with arguments that may be of one request")
    for keyword in call.keywords:
        key, value = keyword.arg or "", keyword.value
        if _is_literal(value):
            yield Argument(key, document.text_of(value))
        elif isinstance(value, ast.Name) and _is_global(value.id, document):
            yield Argument(key, value.id, local=True)
        elif isinstance(value, ast.Call) and all(map(_is_literal, (*value.args, *(k.value for k in value.keywords)))):
            where = Where(function.path, function.index, call.lineno)
            if contexts.project.value(as_expression(value.func), where) != Outside(f"{package}.Timeout"):
                raise Refused("the client is made with arguments that are no constants")
            inner = document.text_of(value).removeprefix(document.text_of(value.func))
            yield Argument(key, inner.removeprefix("(").removesuffix(")"), "Timeout")
        else:
            raise Refused("the client is made with arguments that are no constants")


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
    asked = [*_asked(given.name, given.definition, given.function, given.document, bench, made.statement)]
    if len(asked) > 1 and not READING.issuperset(asked):
        raise Refused("several requests of the client may share cookies that are meant for them alone")


def _asked(
    name: str,
    definition: Definition,
    function: ProjectFunction,
    document: Document,
    bench: Bench,
    opened: ast.AsyncWith | None,
    depth: int = 0,
) -> Iterator[str]:
    """The methods that are called on the client, also by the helpers that it is handed to.

    Raises Refused where anything else is done with it.
    """
    check_identity(definition)
    inside = {*ast.walk(opened)} if opened is not None else {*ast.walk(definition)}
    targets = {opened.items[0].optional_vars} if opened is not None else set()
    for node in ast.walk(definition):
        if isinstance(node, ast.arg) and node.arg == name and (opened is not None or node not in _own(definition)):
            raise Refused("the name of the client is bound again")
        if not (isinstance(node, ast.Name) and node.id == name) or node in targets:
            continue
        if not isinstance(node.ctx, ast.Load) or node not in inside:
            raise Refused("the name of the client is bound again, or used behind its end")
        yield from _use(node, function, document, bench, depth)


def _own(definition: Definition) -> Collection[ast.arg]:
    return [*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs]


def _use(node: ast.Name, function: ProjectFunction, document: Document, bench: Bench, depth: int) -> Iterator[str]:
    around = document.parents.get(node)
    call = document.parents.get(around) if isinstance(around, (ast.Attribute, ast.keyword)) else around
    if not isinstance(call, ast.Call) or (isinstance(around, ast.Attribute) and call.func is not around):
        raise Refused("the client is kept, changed, or asked for what belongs to it")
    if not isinstance(around, ast.Attribute):
        yield from _handed(node, call, function, bench, depth)
        return
    given = {keyword.arg for keyword in call.keywords}
    if around.attr not in ASKING or given & {"cookies", None} or (around.attr == "send" and "stream" in given):
        raise Refused("something is done with the client that others would notice")
    if around.attr == "stream" and not isinstance(document.parents.get(call), ast.withitem):
        raise Refused("something is done with the client that others would notice")
    yield around.attr
    if _is_repeated(call, document):
        yield around.attr


def _is_repeated(call: ast.Call, document: Document) -> bool:
    """Whether it stands in a loop or comprehension of its function."""
    node: ast.AST | None = document.parents.get(call)
    while node is not None and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.comprehension, ast.ListComp, ast.GeneratorExp)):
            return True
        node = document.parents.get(node)
    return False


def _handed(node: ast.Name, call: ast.Call, function: ProjectFunction, bench: Bench, depth: int) -> Iterator[str]:
    """What a helper does with the client. Raises Refused."""
    where = Where(function.path, function.index, call.lineno)
    helper = bench.contexts.project.value(as_expression(call.func), where)
    if not isinstance(helper, ProjectFunction) or depth == _DEEPEST:
        raise Refused("the client is handed to something unknown")
    facts = bench.contexts.project.function(helper)
    other = bench.texts.document(helper.path)
    definition = other.function_at(facts.line) if other is not None else None
    name = parameter_given(call, node, facts.parameters)
    if other is None or definition is None or facts.owner >= 0 or not name:
        raise Refused("the client is handed to something unknown")
    yield from _asked(name, definition, helper, other, bench, None, depth + 1)


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
    keeping = Keeping(opening, (NAME, f"{made.given.definition.name}_client"), bench.contexts, bench.texts, wanted)
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
    item = statement.items[0]
    last = document.span(item.optional_vars or item.context_expr).end
    rest = document.line(last[0])[last[1] - 1 :]
    outer, inner = (" " * one.col_offset for one in (statement, statement.body[0]))
    if rest.strip() not in {":", "):"} or statement.body[0].lineno <= last[0] or "#" in _header(made, last[0]):
        raise Refused("a comment stands in the `async with` of the client")
    yield document.replace(Span(statement.lineno, 1, last[0] + 1, 1), "")
    kept = {number for node in ast.walk(statement) for number in _text_lines(node, document)}
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


def _header(made: Made, last: int) -> str:
    return "\n".join(made.given.document.line(number) for number in range(made.statement.lineno, last + 1))


# Proof


def objection(
    fix: Fix, function: ProjectFunction, contexts: Contexts, sources: Mapping[str, bytes], handed: str = ""
) -> str:
    """Why it may not be shown; empty where the files are the same but for who opens the client, and who gives it."""
    edited = {}
    for one in compared(fix, sources, handed):
        if isinstance(one, str):
            return one
        if ast.dump(one.before) != ast.dump(one.now):
            return "changes something else"
        if one.path == function.path and _entered(one.after, function, contexts) != -1:
            return "leaves the client where it was"
        edited[one.path] = one.after
    changed = Contexts(contexts.project.with_facts(edited))
    helper = place_after(function, edited[function.path], contexts)
    return "leaves a call without the client" if handed and not is_handed_on(helper, handed, changed) else ""


def _entered(after: Facts, function: ProjectFunction, contexts: Contexts) -> int:
    """How many more managers the function enters."""
    old = contexts.project.function(function)
    new = after.functions[place_after(function, after, contexts).index]
    return sum(site.entered for site in new.sites) - sum(site.entered for site in old.sites)
