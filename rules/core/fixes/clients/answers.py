"""What is done with the answer of another package: what is taken of it, and which of its exceptions are caught."""

import ast
from collections.abc import Collection, Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Call, last_name
from rules.core.findings import Edit, Span
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported, import_dotted
from rules.core.library import Borrower
from rules.core.repository import is_offline
from rules.core.syntax import walk
from rules.core.usage import calls_by_hand
from rules.core.values import Outside, ProjectFunction, Where

CATCHING_ALL = frozenset({"builtins.Exception", "builtins.BaseException"})
TELLING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "print"})
ANSWERING = frozenset({"HTTPException"})  # what tells it to whoever asked
_BASES = frozenset(
    f"builtins.{name}" for name in ("OSError", "IOError", "EnvironmentError", "ValueError", "RuntimeError")
)


class UnknownUse(Exception):  # noqa: N818 -- it is an answer, not a failure
    """Something is done with an answer, or with an exception, that has no counterpart."""


def uses_of_answer(call: ast.Call, document: Document) -> list[ast.expr]:
    """The expressions that stand for the answer. Raises UnknownUse where it goes where nobody can follow."""
    around = document.parents.get(call)
    if isinstance(around, ast.Attribute):
        return [call]
    if isinstance(around, ast.Expr):
        return []
    if not (isinstance(around, ast.Assign) and [*map(type, around.targets)] == [ast.Name]):
        raise UnknownUse
    (target,) = around.targets
    name = target.id if isinstance(target, ast.Name) else ""
    scope = document.function_around(call)
    found = [use for use in document.uses[name] if document.lies_in(use, scope)]
    inner = any(document.function_around(use) is not scope for use in found)
    if inner or any(use is not target and not isinstance(use.ctx, ast.Load) for use in found):
        raise UnknownUse
    return [use for use in found if isinstance(use.ctx, ast.Load)]


def rewritten(
    call: ast.Call, row: Borrower, document: Document, turned: Collection[ast.AST] = ()
) -> tuple[list[Edit], str]:
    """The edits at every use of the answer; and the word that goes before the call itself, where it is used at once.

    Raises UnknownUse.
    """
    edits: list[Edit] = []
    before = ""
    reads = False
    uses = uses_of_answer(call, document)
    for use in uses:
        attribute = document.parents.get(use)
        if not isinstance(attribute, ast.Attribute):
            raise UnknownUse
        plain = kept_as_it_is(use, attribute, row, document, is_named=use is not call)
        if plain is not None:
            edits += plain
            continue
        whole, _ = _awaited(attribute, row, document, turned)
        reads |= _stands_beside(whole, call, document)
        made = awaited_instead(use, attribute, row, document, turned)
        if use is call:
            before = made.pop(0).replacement
        edits += made
    if row.awaited and not reads:
        raise UnknownUse  # its connection would not be given back
    return edits, before


def kept_as_it_is(
    use: ast.expr, attribute: ast.Attribute, row: Borrower, document: Document, *, is_named: bool = True
) -> list[Edit] | None:
    """The edits of what is taken of an answer without `await`; None where something else is. Raises UnknownUse.

    What is `is_named` may be written anew as a whole.
    """
    name = attribute.attr
    if name in row.answer:
        return _renamed(use, attribute, row.answer[name], document)
    if name in row.negated and is_named:
        return _negated(use, attribute, row.negated[name], document)
    if name in row.shown and is_named:
        if not _is_shown(attribute, document):
            raise UnknownUse
        return []
    return None


def awaited_instead(
    use: ast.expr, attribute: ast.Attribute, row: Borrower, document: Document, turned: Collection[ast.AST]
) -> list[Edit]:
    """The edits of what is awaited there, the one with the word that goes before it first. Raises UnknownUse."""
    whole, new = _awaited(attribute, row, document, turned)
    word, end = ("(await ", ")") if _needs_parentheses(whole, document) else ("await ", "")
    start = document.span(use).end
    return [
        document.insert(document.span(use).start, word),
        document.replace(Span(*start, *document.span(whole).end), f".{new}{end}"),
    ]


def _renamed(use: ast.expr, attribute: ast.Attribute, new: str, document: Document) -> list[Edit]:
    if new == attribute.attr:
        return []
    return [document.replace(Span(*document.span(use).end, *document.span(attribute).end), f".{new}")]


def _negated(use: ast.expr, attribute: ast.Attribute, new: str, document: Document) -> list[Edit]:
    """`not answer.is_error` for `answer.ok`, `answer.is_error` for `not answer.ok`."""
    around = document.parents.get(attribute)
    whole = around if isinstance(around, ast.UnaryOp) and isinstance(around.op, ast.Not) else attribute
    text = f"{document.text_of(use)}.{new}"
    if whole is attribute:
        is_plain = isinstance(around, (ast.If, ast.While, ast.Return, ast.Assign, ast.BoolOp, ast.keyword))
        text = f"not {text}" if is_plain else f"(not {text})"
    return [document.replace(document.span(whole), text)]


def _is_shown(node: ast.expr, document: Document) -> bool:
    """Whether it is read by people only: in what is raised, logged or printed."""
    around: ast.AST | None = document.parents.get(node)
    while around is not None and not isinstance(around, ast.stmt):
        if isinstance(around, ast.Call) and _is_telling(around.func):
            return True
        around = document.parents.get(around)
    raised = around.exc if isinstance(around, ast.Raise) else None
    return isinstance(raised, ast.Call) and _name(raised.func) not in ANSWERING


def _is_telling(function: ast.expr) -> bool:
    return _name(function) in TELLING


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def taken_of_answer(call: ast.Call, document: Document) -> list[str]:
    """The attributes that are taken of the answer."""
    around = (document.parents.get(use) for use in uses_of_answer(call, document))
    return [one.attr for one in around if isinstance(one, ast.Attribute)]


def _awaited(
    attribute: ast.Attribute, row: Borrower, document: Document, turned: Collection[ast.AST]
) -> tuple[ast.expr, str]:
    """The whole expression that is awaited there, and what it is called."""
    around = document.parents.get(attribute)
    called = isinstance(around, ast.Call) and around.func is attribute
    if isinstance(around, ast.Call) and called and (around.args or around.keywords):
        raise UnknownUse
    new = row.awaited.get(f"{attribute.attr}()" if called else attribute.attr)
    whole = around if isinstance(around, ast.Call) and called else attribute
    if new is None or not document.may_await(whole, turned):
        raise UnknownUse
    return whole, new


def _needs_parentheses(node: ast.expr, document: Document) -> bool:
    match document.parents.get(node):
        case ast.Attribute() | ast.Await() | ast.BinOp():
            return True
        case ast.Subscript(value=of):
            return of is node
        case ast.Call(func=func):
            return func is node
        case _:
            return False


def _stands_beside(node: ast.expr, call: ast.Call, document: Document) -> bool:
    """Whether it certainly runs where the call does: in the same block, or in the same statement."""
    return document.parents.get(_statement(node, document)) is document.parents.get(_statement(call, document))


def _statement(node: ast.AST, document: Document) -> ast.AST:
    while not isinstance(node, ast.stmt):
        node = document.parents[node]
    return node


# Exceptions


def recaught(
    call: ast.Call,
    row: Borrower,
    function: ProjectFunction,
    document: Document,
    contexts: Contexts,
    together: Collection[Span] = (),
) -> tuple[list[Edit], list[ast.expr]]:
    """The edits that have every `except` around the call catch what stands for it there; and the names that they replace.

    The calls at the places `together` raise the same from then on. Raises UnknownUse.
    """
    edits: list[Edit] = []
    replaced: list[ast.expr] = []
    for statement in _tries_around(call, document):
        for handler in statement.handlers:
            if handler.type is None:
                continue
            old = _caught(handler.type, function, contexts)
            if set(old) <= CATCHING_ALL or not any(may_mean(name, row) for name in old):
                continue
            others = {document.span(call), *together}
            if not set(old) <= row.exceptions.keys() or _raises_elsewhere(
                statement, others, row, function, document, contexts
            ):
                raise UnknownUse
            new = _names_there(old, row, decodes=_decodes(statement))
            _check_told(handler, new, row)
            imported = [_written(name, row, document) for name in new]
            text = imported[0].name if len(new) == 1 else f"({', '.join(one.name for one in imported)})"
            edits.append(document.replace(document.span(handler.type), text))
            edits += [edit for one in imported for edit in one.edits if edit not in edits]
            replaced.append(handler.type)
    return edits, replaced


def is_caught_elsewhere(function: ProjectFunction, package: str, contexts: Contexts) -> bool:
    """Whether what a function raises of a package may be caught by others: by whoever calls it, or by a handler."""
    if any(_is_of(name, package) for name in _handled(contexts)):
        return True
    seen, waiting = {function}, [function]
    for current in waiting:
        calls = calls_by_hand(current, contexts)
        if calls is None or not (calls or any(root.function == current for root in contexts.roots)):
            return True
        if any(contexts.project.function(caller).sites[place].guarded for caller, place in calls):
            return True
        new = {caller for caller, _ in calls} - seen
        seen |= new
        waiting += new
    return False


def _handled(contexts: Contexts) -> Iterator[str]:
    """The dotted names of the exceptions that the application has handlers for; empty for what is unknown."""
    for path, facts in contexts.project.facts.items():
        if is_offline(path) or not {"exception_handler", "add_exception_handler"} & (
            facts.outline.called | facts.outline.decorating
        ):
            continue
        for index, function in enumerate(facts.functions):
            where = Where(path, function.parent, function.line)
            made = [(one, where) for one in function.decorators if isinstance(one, Call)]
            made += [(site.call, Where(path, index, site.line)) for site in function.sites]
            for call, at in made:
                if last_name(call.callee) in {"exception_handler", "add_exception_handler"} and call.arguments:
                    value = contexts.project.value(call.arguments[0], at)
                    yield value.name if isinstance(value, Outside) else ""


def _is_of(name: str, package: str) -> bool:
    return name.partition(".")[0] == package or name in _BASES


def _tries_around(call: ast.Call, document: Document) -> Iterator[ast.Try]:
    """The `try` statements of the function whose body the call stands in."""
    node: ast.AST = call
    while not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        around = document.parents.get(node)
        if around is None:
            return
        if isinstance(around, ast.Try) and node in around.body:
            yield around
        node = around


def _caught(node: ast.expr, function: ProjectFunction, contexts: Contexts) -> list[str]:
    """The dotted names of what an `except` catches. Raises UnknownUse where one is not known."""
    nodes = node.elts if isinstance(node, ast.Tuple) else [node]
    values = [contexts.project.value(as_expression(n), Where(function.path, function.index, n.lineno)) for n in nodes]
    if any(value is None for value in values):
        raise UnknownUse
    return [value.name if isinstance(value, Outside) else "" for value in values]


def may_mean(name: str, row: Borrower) -> bool:
    """Whether it is one of the old package's own exceptions, or of Python's own from which such derive."""
    return _is_of(name, row.name.partition(".")[0])


def _raises_elsewhere(
    statement: ast.Try,
    others: set[Span],
    row: Borrower,
    function: ProjectFunction,
    document: Document,
    contexts: Contexts,
) -> bool:
    """Whether anything else in the `try` may raise what the old package raises: another call of it, or of the project."""
    spans = [document.span(one) for part in statement.body for one in walk(part) if isinstance(one, ast.Call)]
    facts = contexts.project.function(function)
    for place, site in enumerate(facts.sites):
        if site.span not in spans or site.span in others:
            continue
        where = Where(function.path, function.index, site.line)
        callee = contexts.project.value(site.call.callee, where)
        raised = isinstance(callee, Outside) and callee.name in row.exceptions
        if raised or contexts.blocking(site, where) is not None or contexts.targets(function, place):
            return True
    return False


def _decodes(statement: ast.Try) -> bool:
    """Whether an answer is read as JSON in the body."""
    nodes = (node for part in statement.body for node in walk(part))
    return any(isinstance(node, ast.Attribute) and node.attr == "json" for node in nodes)


def _names_there(old: list[str], row: Borrower, *, decodes: bool) -> list[str]:
    new = dict.fromkeys(name for one in old for name in row.exceptions[one])
    return [name for name in new if decodes or name != "json.JSONDecodeError" or len(new) == 1]


def _check_told(handler: ast.ExceptHandler, new: list[str], row: Borrower) -> None:
    """Raises UnknownUse where more is asked of the exception than what it says."""
    nodes = [node for part in handler.body for node in walk(part)]
    for node in nodes:
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == handler.name):
            continue
        if node.attr != "response" or not set(new) <= row.response:
            raise UnknownUse
    for node in nodes:
        if isinstance(node, ast.Attribute) and _is_response(node.value, handler.name) and node.attr not in row.answer:
            raise UnknownUse


def _is_response(node: ast.expr, name: str | None) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "response"
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


def _written(name: str, row: Borrower, document: Document) -> Imported:
    imported = import_dotted(document, name if "." in name else f"{row.package}.{name}")
    if imported is None:
        raise UnknownUse
    return imported
