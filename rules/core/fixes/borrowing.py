"""A call that makes a client for itself, made on the asynchronous client that the file has already."""

import ast
from dataclasses import dataclass

from rules.core.contexts import Contexts
from rules.core.facts import Call, Name
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.awaits import awaitable_call, parenthesised
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported, orphan_edits
from rules.core.fixes.sharing import marked
from rules.core.library import Borrower
from rules.core.remarks import Remark
from rules.core.usage import is_taken_from
from rules.core.values import Object, Outside, ProjectFunction, Where

NEUTRAL = frozenset({"timeout", "limits", "http1", "http2", "follow_redirects"})  # what says nothing of the requests
CATCHING_ALL = frozenset({"Exception", "BaseException"})


@dataclass(frozen=True, slots=True)
class _Lender:
    """A client that the file has: its name, and the arguments that it was made with."""

    name: str
    given: frozenset[str]


def borrow(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """`await http.get(url)` for `httpx.get(url)`, where `http` is a client of the file that adds nothing of its own."""
    site, function = remark.site, remark.function
    if site is None or remark.sink is None or remark.sink.site is not site:
        return None
    row = contexts.project.knowledge.borrowers.get(remark.sink.name)
    lender = _lender(row, function, contexts) if row is not None else None
    call = awaitable_call(site, function, contexts, document)
    if row is None or lender is None or call is None or not _is_same(call, row, function, contexts, document):
        return None
    edits = [document.replace(document.span(call.func), f"await {lender.name}.{row.method}")]
    edits = parenthesised(call, document, edits)
    edits += _keywords(call, row, lender, document)
    gone = orphan_edits(
        document, [call.func], Imported(lender.name), lambda n: is_taken_from(document.path, n, contexts)
    )
    applicability = Applicability.UNSAFE if row.notes else Applicability.SAFE
    fix = Fix(f"Await `{lender.name}.{row.method}`", Way.TWIN, (*edits, *gone), applicability, row.notes)
    return marked(fix, function, contexts)


def _lender(row: Borrower, function: ProjectFunction, contexts: Contexts) -> _Lender | None:
    """The only client of the file that could make the call."""
    project = contexts.project
    facts = project.function(function)
    local = facts.bindings.keys() | {parameter.name for parameter in facts.parameters}
    found = []
    for name in project.facts[function.path].functions[0].bindings.keys() - local:
        value = project.name(name, Where(function.path))
        if isinstance(value, Object) and isinstance(value.of, Outside) and value.of.name in row.clients:
            found.append((name, _made_with(name, function.path, contexts)))
    if len(found) != 1 or found[0][1] is None or not found[0][1] <= NEUTRAL:
        return None
    return _Lender(found[0][0], found[0][1])


def _made_with(name: str, path: str, contexts: Contexts) -> frozenset[str] | None:
    """The arguments that a global client was made with; None where that is not seen."""
    origin = contexts.project.origin(Name(name), Where(path))
    if origin is None:
        return None
    bindings = contexts.project.facts[origin[0]].functions[0].bindings.get(origin[1], ())
    calls = [binding.value for binding in bindings if isinstance(binding.value, Call)]
    if len(calls) != 1 or len({binding.line for binding in bindings}) != 1 or calls[0].arguments:
        return None
    return frozenset(key for key, _ in calls[0].keywords)


def _is_same(call: ast.Call, row: Borrower, function: ProjectFunction, contexts: Contexts, document: Document) -> bool:
    """Whether the arguments, what is done with the answer, and what is caught mean the same there."""
    names = [keyword.arg for keyword in call.keywords]
    if len(call.args) != 1 or isinstance(call.args[0], ast.Starred) or not {*names} <= row.keywords.keys():
        return False
    if not row.answer:
        return True
    if not any(root.function == function for root in contexts.roots):
        return False  # a caller may catch what it raises
    return (
        all(_is_plain(keyword.value) for keyword in call.keywords if keyword.arg in {"params", "headers"})
        and not ("params" in names and not _has_no_query(call.args[0]))
        and _is_caught_as(call, document)
        and _is_answer_known(call, row, document)
    )


def _is_plain(node: ast.expr) -> bool:
    """A dict of texts and numbers as they stand, which every client sends alike."""
    return isinstance(node, ast.Dict) and all(
        isinstance(value, ast.Constant) and type(value.value) in {str, int} for value in node.values
    )


def _has_no_query(url: ast.expr) -> bool:
    return isinstance(url, ast.Constant) and isinstance(url.value, str) and "?" not in url.value


def _is_caught_as(call: ast.Call, document: Document) -> bool:
    """Whether what surrounds the call catches everything or nothing: the exceptions have other names."""
    node: ast.AST = call
    while (around := document.parents.get(node)) is not None:
        if isinstance(around, ast.Try) and node in around.body:
            for handler in around.handlers:
                if handler.type is not None and document.text_of(handler.type) not in CATCHING_ALL:
                    return False
        if isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return True
        node = around
    return True


def _is_answer_known(call: ast.Call, row: Borrower, document: Document) -> bool:
    around = document.parents.get(call)
    if isinstance(around, ast.Attribute):
        return around.attr in row.answer
    if not (isinstance(around, ast.Assign) and len(around.targets) == 1 and isinstance(around.targets[0], ast.Name)):
        return isinstance(around, ast.Expr)
    name = around.targets[0].id
    uses = [document.parents.get(node) for node in document.uses[name] if isinstance(node.ctx, ast.Load)]
    return all(isinstance(use, ast.Attribute) and use.attr in row.answer for use in uses)


def _keywords(call: ast.Call, row: Borrower, lender: _Lender, document: Document) -> list[Edit]:
    """Other names for arguments, and those that keep the defaults."""
    names = {keyword.arg for keyword in call.keywords}
    edits = []
    for keyword in call.keywords:
        new = row.keywords.get(keyword.arg or "", "")
        if new != keyword.arg:
            start = document.span(keyword).start
            end = (start[0], start[1] + len(keyword.arg or ""))
            edits.append(document.replace(Span(*start, *end), new))
    taken = {row.keywords.get(name or "") for name in names}
    wanted = ((key, value) for key, value in row.added.items() if row.answer or key in lender.given)
    added = [f"{key}={value}" for key, value in wanted if key not in taken]
    if added:
        last = call.keywords[-1] if call.keywords else call.args[-1]
        edits.append(document.insert(document.span(last).end, "".join(f", {one}" for one in added)))
    return edits
