"""A call that makes a client for itself, made on the asynchronous client that is at hand already."""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Call, Entered, Expression, Function, Name
from rules.core.findings import Applicability, Fix, Way
from rules.core.fixes.awaits import awaitable_call
from rules.core.fixes.clients.answers import UnknownUse, is_caught_elsewhere
from rules.core.fixes.clients.asking import Asking, differences, means_the_same, title_of
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported
from rules.core.fixes.orphans import orphan_edits
from rules.core.fixes.responses import is_sent
from rules.core.fixes.sharing.hazards import marked
from rules.core.library import Borrower
from rules.core.remarks import Remark
from rules.core.usage import is_taken_from
from rules.core.values import Object, Outside, ProjectFunction, Where

NEUTRAL = frozenset({"timeout", "limits", "http1", "http2", "follow_redirects"})  # what says nothing of the requests


class _Lender(msgspec.Struct, frozen=True):
    """A client that is at hand: its name, and the arguments that it was made with."""

    name: str
    given: frozenset[str]


def borrow(remark: Remark, contexts: Contexts, document: Document) -> Fix | None:
    """`await http.get(url)` for `httpx.get(url)`, where `http` is a client at hand that adds nothing of its own."""
    if remark.site is None or remark.sink is None or remark.sink.site is not remark.site:
        return None
    call = awaitable_call(remark.site, remark.function, contexts, document)
    for row in contexts.project.knowledge.borrowers_of(remark.sink.name) if call is not None else ():
        lender = _lender(row, remark.function, contexts)
        same = call is not None and means_the_same(call, row) and raises_the_same(row, remark.function, contexts)
        if call is not None and lender is not None and same:
            return _borrowed(call, row, lender, remark.function, contexts, document)
    return None


def raises_the_same(row: Borrower, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether nobody else sees what the call raises, where that is another thing."""
    if not row.is_other:
        return True
    is_root = contexts.root_of(function) is not None or is_sent(function, contexts)
    return is_root and not is_caught_elsewhere(function, row.name.partition(".")[0], contexts)


def _borrowed(
    call: ast.Call, row: Borrower, lender: _Lender, function: ProjectFunction, contexts: Contexts, document: Document
) -> Fix | None:
    added = {key: value for key, value in row.added.items() if row.is_other or key in lender.given}
    try:
        edits, gone = Asking(call, row, function, document, contexts).edits(f"{lender.name}.{row.method}", added)
    except UnknownUse:
        return None
    imports = [edit for edit in edits if edit.replacement.endswith("\n")]
    orphans = orphan_edits(
        document,
        [call.func, *gone],
        Imported(lender.name, tuple(imports)),
        lambda name: is_taken_from(document.path, name, contexts),
    )
    notes = (*row.notes, *filter(None, (row.pool,)), *differences(call, row, document))
    applicability = Applicability.UNSAFE if notes else Applicability.SAFE
    fix = Fix(title_of(call, row, f"{lender.name}."), Way.TWIN, (*edits, *orphans), applicability, notes)
    return marked(fix, function, contexts, document.span(call), document)


def _lender(row: Borrower, function: ProjectFunction, contexts: Contexts) -> _Lender | None:
    """The only client of the function or of the file that could make the call."""
    found = list(_given_around(row, function, contexts)) or list(_global(row, function, contexts))
    if len(found) != 1 or found[0][1] is None or not found[0][1] <= NEUTRAL:
        return None
    return _Lender(found[0][0], found[0][1])


def is_at_hand(row: Borrower, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether the function or the file has such a client, be it one that cannot be borrowed."""
    return any(_given_around(row, function, contexts)) or any(_global(row, function, contexts))


def _global(
    row: Borrower, function: ProjectFunction, contexts: Contexts
) -> Iterator[tuple[str, frozenset[str] | None]]:
    project = contexts.project
    facts = project.function(function)
    local = facts.bindings.keys() | {parameter.name for parameter in facts.parameters}
    for name in project.facts[function.path].functions[0].bindings.keys() - local:
        value = project.name(name, Where(function.path))
        if isinstance(value, Object) and isinstance(value.of, Outside) and value.of.name == row.client:
            yield name, _made_with(name, function.path, contexts)


def _given_around(
    row: Borrower, function: ProjectFunction, contexts: Contexts
) -> Iterator[tuple[str, frozenset[str] | None]]:
    """The clients that dependencies give to the function, or to those that it is defined in."""
    facts = contexts.project.function(function)
    own = facts.bindings.keys() | {parameter.name for parameter in facts.parameters}
    yield from _given(row, function, contexts)
    if facts.parent > 0:
        around = _given_around(row, ProjectFunction(function.path, facts.parent), contexts)
        yield from (one for one in around if one[0] not in own)


def _given(row: Borrower, function: ProjectFunction, contexts: Contexts) -> Iterator[tuple[str, frozenset[str] | None]]:
    """The clients that dependencies give to the function."""
    project = contexts.project
    facts = project.function(function)
    around = Where(function.path, facts.parent, facts.line)
    for parameter in facts.parameters:
        value = project.name(parameter.name, Where(function.path, function.index))
        if isinstance(value, Object) and isinstance(value.of, Outside) and value.of.name == row.client:
            dependency = project.dependency(parameter, around)
            is_bound = parameter.name in facts.bindings
            made = _made_by(dependency, row, contexts) if isinstance(dependency, ProjectFunction) else None
            yield parameter.name, None if is_bound else made


def _made_by(dependency: ProjectFunction, row: Borrower, contexts: Contexts) -> frozenset[str] | None:
    """The arguments that the client which a dependency gives was made with; None where that is not seen."""
    facts = contexts.project.function(dependency)
    given = (*facts.results, *facts.yields)
    if len(given) != 1:
        return None
    if isinstance(given[0], Name) and given[0].id not in facts.bindings:
        return _made_with(given[0].id, dependency.path, contexts)
    call = _made(given[0], facts)
    callee = contexts.project.value(call.callee, Where(dependency.path, dependency.index, facts.line)) if call else None
    if call is None or callee != Outside(row.client) or call.arguments:
        return None
    return frozenset(key for key, _ in call.keywords)


def _made(given: Expression, facts: Function) -> Call | None:
    """The call that makes what a function gives, itself or under a name."""
    if isinstance(given, Name):
        bindings = facts.bindings[given.id]
        given = bindings[-1].value if len({binding.line for binding in bindings}) == 1 else given
    call = given.of if isinstance(given, Entered) else given
    return call if isinstance(call, Call) else None


def _made_with(name: str, path: str, contexts: Contexts) -> frozenset[str] | None:
    """The arguments that a global client was made with; None where that is not seen."""
    origin = contexts.project.origin(Name(name), Where(path))
    if origin is None:
        return None
    bindings = contexts.project.facts[origin[0]].bound(origin[1])
    calls = [binding.value for binding in bindings if isinstance(binding.value, Call)]
    if len(calls) != 1 or len({binding.line for binding in bindings}) != 1 or calls[0].arguments:
        return None
    return frozenset(key for key, _ in calls[0].keywords)
