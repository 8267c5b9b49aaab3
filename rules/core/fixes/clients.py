"""A client that an endpoint makes for each request, made once by the lifespan of its application and given by a dependency.

https://fastapi.tiangolo.com/advanced/events/ and https://www.python-httpx.org/advanced/clients/
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from rules.core.contexts import Contexts
from rules.core.edits import EditConflictError, apply_edits, decode_source
from rules.core.facts import Facts
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Wanted, added_at_once, is_imported
from rules.core.fixes.lifespan import NAME as LIFESPAN
from rules.core.fixes.lifespan import insert_above
from rules.core.fixes.proof import read_edited
from rules.core.fixes.sessions.places import parameter_given
from rules.core.fixes.startup import Argument, Keeping, Opening, application_of, check_tests, keep
from rules.core.fixes.turning import Refused
from rules.core.fixes.whole import Bench
from rules.core.library import Role
from rules.core.remarks import Remark
from rules.core.syntax import parse
from rules.core.usage import calls_by_hand
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

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Made:
    """A client in an endpoint: the `async with` that opens it under a name, and how the file writes its class."""

    function: ProjectFunction
    definition: ast.AsyncFunctionDef
    statement: ast.AsyncWith
    name: str
    written: str
    document: Document


def share_client(remark: Remark, bench: Bench) -> Fix | None:
    """One client for all requests, in place of one for each."""
    try:
        made, opening = _made(remark, bench)
        _check(made, bench)
        edits = _edits(made, opening, bench)
    except (Refused, LookupError) as refusal:
        bench.refusals[str(refusal.args[0])] += 1
        return None
    return Fix("Share one client between requests", Way.TWIN, edits, Applicability.UNSAFE, NOTES)


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
    made = Made(function, definition, statement, item.optional_vars.id, document.text_of(call.func), document)
    return made, Opening(package, name, arguments, function.path)


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
    contexts = bench.contexts
    roots = [root for root in contexts.roots if root.function == made.function]
    facts = contexts.project.function(made.function)
    if [root.role for root in roots] != [Role.ENDPOINT] or facts.owner >= 0 or facts.parent > 0 or facts.generator:
        raise Refused("the client is not opened in an endpoint")
    if not contexts.project.decorators_are_known(made.function):
        raise Refused("a decorator of the endpoint is not known")
    if calls_by_hand(made.function, contexts) != ():
        raise Refused("the endpoint is called by hand")
    check_tests(contexts)
    asked = [*_asked(made.name, made.definition, made.function, made.document, bench, made.statement)]
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


def _edits(made: Made, opening: Opening, bench: Bench) -> tuple[Edit, ...]:
    """Raises Refused, and LookupError where a name is taken."""
    wanted = Wanted()
    names = (NAME, f"{made.definition.name}_client")
    keeping = Keeping(opening, names, bench.contexts, bench.texts, wanted)
    name, edits = keep(keeping, application_of(made.function, bench.contexts))
    giver, given = _giver(name, made, wanted)
    edits = (*edits, *given, _parameter(giver, made, wanted), *_unwrapped(made))
    documents = filter(None, map(bench.texts.document, sorted({edit.path for edit in edits})))
    imports = [edit for one in documents for edit in wanted.edits(one)]
    return tuple(sorted(added_at_once([*edits, *imports])))


def _giver(name: str, made: Made, wanted: Wanted) -> tuple[str, tuple[Edit, ...]]:
    """The dependency that gives the client, and the edit that defines it where the file does not have it. Raises Refused."""
    document, giver = made.document, f"get_{name}"
    request = wanted.member(document, "fastapi", "Request")
    text = (
        f"async def {giver}(request: {request}) -> {made.written}:\n"
        f'    """The client that the application keeps for all requests."""\n'
        f"    return request.app.state.{name}\n"
    )
    there = [one for one in document.tree.body if isinstance(one, _DEFINED)]
    if any(document.text_of(one) == text.rstrip() for one in there):
        return giver, ()
    if giver in document.rebound or giver in document.uses:
        raise Refused(f"the name `{giver}` is taken")
    first = next(one for one in document.tree.body if isinstance(one, (*_DEFINED, ast.ClassDef)))
    imports = [one for one in document.tree.body if isinstance(one, (ast.Import, ast.ImportFrom))]
    if any(one.lineno > first.lineno for one in imports):
        raise Refused("the file imports behind its first definition")
    return giver, (insert_above(first, f"{text}\n\n", document),)


def _parameter(giver: str, made: Made, wanted: Wanted) -> Edit:
    """The last parameter of the endpoint, which the dependency gives. Raises Refused."""
    document, arguments = made.document, made.definition.args
    if arguments.vararg or arguments.kwarg or getattr(made.definition, "type_params", None):
        raise Refused("the endpoint takes any arguments")
    depends = wanted.member(document, "fastapi", "Depends")
    text = f"{made.name}: {made.written} = {depends}({giver})"
    annotated = is_imported(document, "typing.Annotated") or is_imported(document, "typing_extensions.Annotated")
    if annotated and not arguments.defaults:
        text = f"{made.name}: {annotated}[{made.written}, {depends}({giver})]"
    own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if not own:
        line = made.definition.lineno
        column = document.line(line).find("(", document.line(line).find(made.definition.name)) + 1
        return document.insert((line, column + 1), text)
    end = max([document.span(one).end for one in own] + [document.span(one).end for one in _defaults(arguments)])
    start = document.span(own[-1]).start
    indent = document.line(start[0])[: start[1] - 1]
    return document.insert(end, f"{f',{chr(10)}{indent}' if not indent.strip() else ', '}{text}")


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)]


def _unwrapped(made: Made) -> Iterator[Edit]:
    """The edits by which the body stands in the place of the `async with`. Raises Refused."""
    document, statement = made.document, made.statement
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
    return "\n".join(made.document.line(number) for number in range(made.statement.lineno, last + 1))


# Proof


def objection(fix: Fix, function: ProjectFunction, contexts: Contexts, sources: Mapping[str, bytes]) -> str:
    """Why it may not be shown; empty where the files are the same but for who opens the client, and who gives it."""
    for path in sorted({edit.path for edit in fix.edits}):
        try:
            text = apply_edits(sources[path], [edit for edit in fix.edits if edit.path == path])
        except EditConflictError:
            return "edits overlap"
        after = read_edited(sources[path], text)
        if isinstance(after, str):
            return after
        trees = [parse(decode_source(one)) for one in (sources[path], text)]
        own = {node.name for node in trees[0].body if isinstance(node, _DEFINED)}
        before, now = (ast.dump(_Without(own, _givers(trees[1])).visit(tree)) for tree in trees)
        if before != now:
            return "changes something else"
        if path == function.path and _entered(after, function, contexts) != -1:
            return "leaves the client where it was"
    return ""


def _entered(after: Facts, function: ProjectFunction, contexts: Contexts) -> int:
    """How many more managers the function enters."""
    old = contexts.project.function(function)
    new = next(one for one in after.functions if one.qualname == old.qualname and one.line)
    return sum(site.entered for site in new.sites) - sum(site.entered for site in old.sites)


class _Without(ast.NodeTransformer):
    """A module without imports, clients that are opened, what keeps and gives them, and functions at its top but its `own`."""

    def __init__(self, own: set[str], givers: set[str]) -> None:
        self.own = own
        self.givers = givers

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = [one for one in node.body if not isinstance(one, _DEFINED) or one.name in self.own]
        return self.generic_visit(node)

    def visit_Import(self, _: ast.Import) -> None:
        """Others are imported."""

    def visit_ImportFrom(self, _: ast.ImportFrom) -> None:
        """Others are imported."""

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        name = node.items[0].optional_vars
        if (
            len(node.items) > 1
            or not isinstance(node.items[0].context_expr, ast.Call)
            or not isinstance(name, ast.Name)
        ):
            return node
        return [one for one in node.body if not ast.unparse(one).endswith(f".state.{name.id} = {name.id}")]

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        is_new = isinstance(node.value, ast.Name) and node.value.id == LIFESPAN and LIFESPAN not in self.own
        return None if node.arg == LIFESPAN and is_new else self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        defaults = [None] * (len(node.args) - len(node.defaults)) + node.defaults
        kept = [pair for pair in zip(node.args, defaults, strict=True) if not self._is_given(*pair)]
        more = [pair for pair in zip(node.kwonlyargs, node.kw_defaults, strict=True) if not self._is_given(*pair)]
        node.args, node.defaults = [one for one, _ in kept], [default for _, default in kept if default is not None]
        node.kwonlyargs, node.kw_defaults = [one for one, _ in more], [default for _, default in more]
        return self.generic_visit(node)

    def _is_given(self, argument: ast.arg, default: ast.expr | None) -> bool:
        parts = [one for one in (argument.annotation, default) if one is not None]
        names = {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)}
        return bool(names & self.givers)


def _givers(tree: ast.Module) -> set[str]:
    """The functions that give what an application keeps on its state."""
    functions = [one for one in tree.body if isinstance(one, ast.AsyncFunctionDef)]
    return {one.name for one in functions if ast.unparse(one.body[-1]).startswith("return request.app.state.")}
