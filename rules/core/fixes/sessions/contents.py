"""What a helper puts into the list or the dict that it gives, where it is annotated to give no more than that: rows perhaps."""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Choice,
    Constant,
    Expression,
    Name,
    Subscript,
    attributes_in,
    last_name,
    names_in,
)
from rules.core.fixes.document import Document
from rules.core.fixes.sessions.columns import selects_columns
from rules.core.fixes.sessions.models import Models
from rules.core.fixes.texts import Texts
from rules.core.syntax import walk
from rules.core.values import Iterated, Object, Outside, ProjectClass, ProjectFunction, Value, Where

_CONTAINERS = frozenset({"list", "dict", "tuple", "set", "List", "Dict", "Tuple", "Set", "Sequence", "Mapping"})
_FILLING = frozenset({"append", "add", "extend", "insert", "setdefault", "update"})
_MAKING = frozenset({"dict", "list", "tuple", "set", "sorted", "reversed"})
_COUNTING = frozenset({"count", "exists", "rowcount", "delete", "update"})
_ASKING = frozenset({"query", "execute", "scalars", "scalar", "exec"})  # of sessions that are not annotated
_NONE = Constant(None, "NoneType")


def is_vague(annotation: Expression | None) -> bool:
    """Whether an annotation names a list or a dict, and not of what: `dict`, `list[dict]`, `dict[str, Any]`."""
    match annotation:
        case Name() | Attribute():
            return last_name(annotation) in _CONTAINERS
        case Subscript(items=items):
            return any(_is_any(item) or is_vague(item) for item in items)
        case Choice(options=options):
            return any(map(is_vague, options))
        case _:
            return False


def without_any(annotation: Expression | None) -> Expression | None:
    """An annotation that says of nothing that it may be anything: `dict[str, None]` for `dict[str, Any]`."""
    match annotation:
        case Subscript(of=of, items=items):
            return Subscript(of, tuple(_NONE if _is_any(item) else without_any(item) for item in items))
        case Choice(options=options):
            return Choice(tuple(without_any(option) or option for option in options))
        case _:
            return annotation


def _is_any(annotation: Expression | None) -> bool:
    return last_name(annotation) == "Any"


class Contents(msgspec.Struct, frozen=True):
    """The contents of what functions give, each read once."""

    contexts: Contexts
    models: Models
    texts: Texts
    _told: dict[ProjectFunction, bool] = msgspec.field(default_factory=dict)

    def has_rows(self, function: ProjectFunction) -> bool:
        """Whether a function that is annotated vaguely gives rows, or something with rows in it."""
        if not is_vague(self.contexts.project.function(function).returns):
            return False
        if function not in self._told:
            self._told[function] = False  # a function that calls itself
            self._told[function] = self._has_rows(function)
        return self._told[function]

    def _has_rows(self, function: ProjectFunction) -> bool:
        document = self.texts.document(function.path)
        line = self.contexts.project.function(function).line
        definition = document.function_at(line) if document is not None else None
        if document is None or definition is None:
            return False
        return _Reading(self, function, document, definition).gives_rows()

    def is_row(self, value: Value | None) -> bool:
        """Whether a value is a row, or a list of rows."""
        match value:
            case Iterated(item=item, items=items):
                return any(map(self.is_row, (item, *items)))
            case Object(of=ProjectClass() as of):
                return self.models.is_mapped(of)
            case Object(row=row) if row is not None:
                return self.is_row(row)
            case _:
                return False


class _Reading(msgspec.Struct, frozen=True):
    """The reading of one function."""

    contents: Contents
    function: ProjectFunction
    document: Document
    definition: ast.FunctionDef | ast.AsyncFunctionDef

    def gives_rows(self) -> bool:
        """Whether a row is returned, or lies in what is returned."""
        seen = set[str]()
        waiting = [node.value for node in self._own_nodes() if isinstance(node, ast.Return) and node.value is not None]
        while waiting:
            for part in _parts(waiting.pop()):
                if isinstance(part, ast.Name) and part.id not in seen:
                    seen.add(part.id)
                    waiting += self._put_into(part.id)
                if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in _MAKING:
                    waiting += [*part.args, *(keyword.value for keyword in part.keywords)]
                elif self._is_row(part):
                    return True
        return False

    def _own_nodes(self) -> Iterator[ast.AST]:
        return (node for node in walk(self.definition) if self.document.function_around(node) is self.definition)

    def _put_into(self, name: str) -> Iterator[ast.expr]:
        """What a name is given, and what is put into that."""
        for node in self._own_nodes():
            match node:
                case ast.Assign(targets=targets, value=value) if any(_is_in(name, target) for target in targets):
                    yield value
                case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_in(name, target):
                    yield value
                case ast.AugAssign(target=target, value=value) if _is_in(name, target):
                    yield value
                case ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr=method)) if (
                    of == name and method in _FILLING
                ):
                    yield from (*node.args, *(keyword.value for keyword in node.keywords))

    def _is_row(self, node: ast.expr) -> bool:
        contexts, where = self.contents.contexts, Where(self.function.path, self.function.index, node.lineno)
        if isinstance(node, ast.Name):
            return self.contents.is_row(contexts.project.value(Name(node.id), where))
        span = self.document.span(node)
        sites = contexts.project.function(self.function).sites
        call = next((site.call for site in sites if site.span == span), None) if isinstance(node, ast.Call) else None
        if call is None:
            return False
        value = contexts.project.value(call, where)
        callee = contexts.project.value(call.callee, where)
        if isinstance(callee, ProjectFunction) and self.contents.has_rows(callee):
            return True
        if value is not None or last_name(call.callee) in _COUNTING:
            return self.contents.is_row(value)
        is_asked = any(one.name in _ASKING for one in attributes_in(call)) or any(
            self._is_session(name, where) for name in names_in(call)
        )
        return is_asked and not selects_columns(call, where, contexts, self.contents.models)

    def _is_session(self, name: str, where: Where) -> bool:
        project = self.contents.contexts.project
        value = project.name(name, where)
        of = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
        return not project.knowledge.sessions.keys().isdisjoint(project.knowledge.family(of))


def _is_in(name: str, target: ast.expr) -> bool:
    """Whether something is given a name, or put into what it stands for: `name["key"] = ...`."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return isinstance(target, ast.Name) and target.id == name


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """An expression, or what lies in the lists and dicts that it makes."""
    match node:
        case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            inner = parts
        case ast.BoolOp(values=parts):
            inner = parts
        case ast.IfExp(body=body, orelse=orelse):
            inner = [body, orelse]
        case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part) | ast.DictComp(value=part):
            inner = [part]
        case ast.Await(value=part) | ast.Starred(value=part):
            inner = [part]
        case _:
            yield node
            return
    for part in inner:
        yield from _parts(part)
