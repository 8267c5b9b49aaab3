"""What an endpoint is given besides: a parameter, and the dependency that gives what its application keeps on its state."""

import ast
import re
from collections.abc import Iterator, Mapping

import msgspec

from rules.core.contexts import Contexts
from rules.core.edits import EditConflictError, apply_edits, decode_source
from rules.core.facts import Facts
from rules.core.findings import Edit, Fix
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Wanted, is_imported
from rules.core.fixes.lifespan import NAME as LIFESPAN
from rules.core.fixes.lifespan import insert_above
from rules.core.fixes.proof import read_edited
from rules.core.fixes.turning import Refused
from rules.core.fixes.whole import Bench
from rules.core.library import Role
from rules.core.syntax import parse, walk
from rules.core.usage import calls_by_hand
from rules.core.values import ProjectFunction

Definition = ast.FunctionDef | ast.AsyncFunctionDef
IDENTITY = re.compile(r"(?i)auth|cookie|token|key")
_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef)


class Given(msgspec.Struct, frozen=True):
    """A client that an endpoint is given: under which name, and how the file writes its class."""

    function: ProjectFunction
    definition: ast.AsyncFunctionDef
    document: Document
    name: str
    written: str


def check_endpoint(function: ProjectFunction, bench: Bench) -> None:
    """Raises Refused where the function is none that FastAPI alone calls, with whatever parameters it has."""
    contexts = bench.contexts
    facts = contexts.project.function(function)
    roles = [root.role for root in contexts.roots if root.function == function]
    if roles != [Role.ENDPOINT] or facts.owner >= 0 or facts.parent > 0 or facts.generator:
        raise Refused("the client is not opened in an endpoint")
    if not contexts.project.decorators_are_known(function):
        raise Refused("a decorator of the endpoint is not known")
    if calls_by_hand(function, contexts) != ():
        raise Refused("the endpoint is called by hand")
    if bench.is_started_bare:
        raise Refused("tests start the application without its lifespan")


def check_identity(definition: Definition) -> None:
    """Raises Refused where a function asks a server in the name of somebody: a client keeps the cookies that it is sent for that."""
    if any(_names(value) & _own_names(definition) for value in _identities(definition)):
        raise Refused("the client asks in the name of whoever asks, whose cookies others would send")


def _identities(definition: Definition) -> Iterator[ast.expr]:
    """What a function gives to tell who asks: for `auth=`, or for a header of that kind."""
    for node in walk(definition):
        match node:
            case ast.keyword(arg="auth", value=value):
                yield value
            case ast.Dict(keys=keys, values=values):
                yield from (value for key, value in zip(keys, values, strict=True) if _is_identity(key))
            case ast.Assign(targets=[ast.Subscript(slice=key)], value=value) if _is_identity(key):
                yield value


def _is_identity(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str) and bool(IDENTITY.search(key.value))


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in walk(node) if isinstance(inner, ast.Name)}


def _own_names(definition: Definition) -> set[str]:
    """The names that a function is given, or gives a meaning itself."""
    bound = (node for node in walk(definition) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load))
    return {node.id for node in bound} | {node.arg for node in walk(definition) if isinstance(node, ast.arg)}


def giver(name: str, given: Given, wanted: Wanted) -> tuple[str, tuple[Edit, ...]]:
    """The dependency that gives the client, and the edit that defines it where the file does not have it. Raises Refused."""
    document, by = given.document, f"get_{name}"
    request = wanted.member(document, "fastapi", "Request")
    text = (
        f"async def {by}(request: {request}) -> {given.written}:\n"
        f'    """The client that the application keeps for everyone."""\n'
        f"    return request.app.state.{name}\n"
    )
    there = [one for one in document.tree.body if isinstance(one, _DEFINED)]
    if any(document.text_of(one) == text.rstrip() for one in there):
        return by, ()
    if by in document.rebound or by in document.uses:
        raise Refused(f"the name `{by}` is taken")
    first = next(one for one in document.tree.body if isinstance(one, (*_DEFINED, ast.ClassDef)))
    imports = [one for one in document.tree.body if isinstance(one, (ast.Import, ast.ImportFrom))]
    if any(one.lineno > first.lineno for one in imports):
        raise Refused("the file imports behind its first definition")
    return by, (insert_above(first, f"{text}\n\n", document),)


def parameter(by: str, given: Given, wanted: Wanted) -> tuple[Edit, ...]:
    """The edit that adds the last parameter of the endpoint, which the dependency gives; none where it has it. Raises Refused."""
    document, arguments = given.document, given.definition.args
    if arguments.vararg or arguments.kwarg or getattr(given.definition, "type_params", None):
        raise Refused("the endpoint takes any arguments")
    depends = wanted.member(document, "fastapi", "Depends")
    text = f"{given.name}: {given.written} = {depends}({by})"
    annotated = is_imported(document, "typing.Annotated") or is_imported(document, "typing_extensions.Annotated")
    if annotated and not arguments.defaults:
        text = f"{given.name}: {annotated}[{given.written}, {depends}({by})]"
    if any(isinstance(node, ast.arg) and node.arg == given.name for node in walk(given.definition)):
        if f" {text}" not in document.text_of(given.definition).replace("(", "( ", 1) or _is_bound(given):
            raise Refused("the name of the client is taken")
        return ()
    return (_behind(text, given),)


def check_name(given: Given) -> None:
    """Raises Refused where the endpoint has the name from elsewhere than its parameters."""
    inside = [*walk(given.definition)]
    used = any(isinstance(node, ast.Name) and node.id == given.name for node in inside)
    if used and not any(isinstance(node, ast.arg) and node.arg == given.name for node in inside):
        raise Refused("the name of the client is taken")


def _is_bound(given: Given) -> bool:
    """Whether the body gives the name another meaning."""
    names = (node for node in walk(given.definition) if isinstance(node, ast.Name) and node.id == given.name)
    return any(not isinstance(node.ctx, ast.Load) for node in names)


def keyword(given: Given) -> Edit:
    """A parameter of a helper that is given by its name alone. Raises Refused."""
    arguments = given.definition.args
    if arguments.vararg or arguments.kwarg or getattr(given.definition, "type_params", None):
        raise Refused("the helper takes any arguments")
    return _behind(f"{given.name}: {given.written}", given, "" if arguments.kwonlyargs else "*")


def _behind(text: str, given: Given, star: str = "") -> Edit:
    """A parameter behind all others, on a line of its own where the last one has one."""
    document, arguments = given.document, given.definition.args
    own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parts = [star, text] if star else [text]
    if not own:
        line = given.definition.lineno
        column = document.line(line).find("(", document.line(line).find(given.definition.name)) + 1
        return document.insert((line, column + 1), ", ".join(parts))
    end = max([document.span(one).end for one in own] + [document.span(one).end for one in _defaults(arguments)])
    return document.append(own[-1], *parts, end=end)


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)]


# Proof


class Compared(msgspec.Struct, frozen=True):
    """One file before and after a fix, as trees without what keeps and gives a client, and the facts of it afterwards."""

    path: str
    before: ast.AST
    now: ast.AST
    after: Facts


def compared(fix: Fix, sources: Mapping[str, bytes], handed: str = "", dropped: str = "") -> Iterator[Compared | str]:
    """The files that a fix changes, which may hand on what goes by the name `handed`; or why it cannot be made.

    A statement that says no more than the text that is `dropped` may go.
    """
    for path in sorted({edit.path for edit in fix.edits}):
        edits = [edit for edit in fix.edits if edit.path == path]
        try:
            text = apply_edits(sources[path], edits)
        except EditConflictError:
            yield "edits overlap"
            return
        after = read_edited(sources[path], text, edits)
        if isinstance(after, str):
            yield after
            return
        trees = [parse(decode_source(one)) for one in (sources[path], text)]
        own = {node.name for node in trees[0].body if isinstance(node, _DEFINED)}
        before, now = (_Without(own, _givers(trees[1]), handed, dropped).visit(tree) for tree in trees)
        yield Compared(path, before, now, after)


def place_after(function: ProjectFunction, after: Facts, contexts: Contexts) -> ProjectFunction:
    """Where a function is in its file after a fix that may have defined others."""
    name = contexts.project.function(function).qualname
    index = next(index for index, new in enumerate(after.functions) if index and new.qualname == name)
    return ProjectFunction(function.path, index)


class _Without(ast.NodeTransformer):
    """A module without imports, clients that are opened, what keeps and gives them, and functions at its top but its `own`."""

    def __init__(self, own: set[str], givers: set[str], handed: str, dropped: str) -> None:
        self.own = own
        self.givers = givers
        self.handed = handed
        self.dropped = dropped

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if self.dropped and ast.unparse(node) == self.dropped else self.generic_visit(node)

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
        if self.handed and ast.unparse(node) == f"{self.handed}={self.handed}":
            return None
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
        if argument.arg == self.handed and default is None:
            return True
        parts = [one for one in (argument.annotation, default) if one is not None]
        names = {node.id for part in parts for node in walk(part) if isinstance(node, ast.Name)}
        return bool(names & self.givers)


def _givers(tree: ast.Module) -> set[str]:
    """The functions that give what an application keeps on its state."""
    functions = [one for one in tree.body if isinstance(one, ast.AsyncFunctionDef)]
    return {one.name for one in functions if ast.unparse(one.body[-1]).startswith("return request.app.state.")}
