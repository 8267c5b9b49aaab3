"""A commit that a worker thread makes lets rows forget what they hold; what is read of them afterwards is loaded on the event loop.

https://docs.sqlalchemy.org/en/21/orm/session_basics.html#committing
"""

import ast

from msgspec.structs import replace

from rules.core.facts import Name
from rules.core.findings import Applicability, Fix, Way
from rules.core.fixes.document import Document
from rules.core.fixes.sessions.bridging import names_called
from rules.core.fixes.sessions.desk import Desk
from rules.core.fixes.sessions.keeping import Keeping
from rules.core.fixes.sessions.rows import Flow, Lost, Read
from rules.core.fixes.sharing.owning import is_kept
from rules.core.library import Sessions
from rules.core.remarks import Remark
from rules.core.syntax import walk
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

_FRAMEWORKS = frozenset({"fastapi", "starlette"})
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def marked_forgetting(fix: Fix, remark: Remark, desk: Desk, document: Document) -> Fix:
    """The fix; unsafe where it hands over what lets rows forget, and they are read on the event loop afterwards."""
    call = document.call_at(remark.site.span) if remark.site is not None and fix.way is Way.OFFLOAD else None
    definition = document.function_at(desk.contexts.project.function(remark.function).line)
    if call is None or definition is None:
        return fix
    for name, row in _sessions(call, remark.function, desk):
        lost = _lost_by(call, name, row, remark.function, desk)
        is_kept = Keeping(desk.contexts).is_told(name, remark.function)
        least = Lost.ROLLED_BACK if is_kept else Lost.COMMITTED
        if lost < least:
            continue
        flow = _followed(name, row, remark.function, definition, document, desk)
        if reads := [read for read in flow.reads if read.lost >= least and call in read.by]:
            read = _telling(reads)
            done = _done(min(lost, read.lost), is_certain=not _may_commit(call, name, row, remark.function, desk))
            note = _said(read, done, is_row=_is_row(read, remark.function, desk))
            return replace(fix, applicability=Applicability.UNSAFE, notes=(note, *fix.notes))
    return fix


def _telling(reads: list[Read]) -> Read:
    """The first read of an attribute: a mere name that is read may hold anything."""
    return next((read for read in reads if read.attribute), reads[0])


def _is_row(read: Read, function: ProjectFunction, desk: Desk) -> bool:
    """Whether what is read is a row for sure, or something that lists some. Else it may be anything that a helper has made."""
    value = desk.contexts.project.name(read.name, Where(function.path, function.index)) if read.name else None
    return bool(read.attribute) or desk.contents.is_row(value)


def _may_commit(call: ast.Call, name: str, row: Sessions, function: ProjectFunction, desk: Desk) -> bool:
    """Whether a call is one of a helper that commits, and that may roll back without raising anything."""
    helper = desk.helper_given(name, call, function)
    if helper is None or desk.done(call, helper, name, row).lost < Lost.ROLLED_BACK:
        return False
    return not row.expiring.isdisjoint(names_called(helper, desk.contexts))


def _done(lost: Lost, *, is_certain: bool) -> str:
    """What lets rows forget."""
    if lost is Lost.COMMITTED:
        return "commit"
    return "rollback" if is_certain else "commit or rollback"


def _said(read: Read, done: str, *, is_row: bool) -> str:
    """What is read, and after what."""
    if not is_row:
        shown = f"`{read.name}`" if read.name else "what is returned"
        return (
            f"If {shown} holds rows, they are loaded again on the event loop after the {done}: refresh them in the "
            "worker thread."
        )
    shown = f"{read.name}.{read.attribute}" if read.attribute else read.name
    return (
        f"`{shown}` is read after the {done}, and then loaded again on the event loop: refresh it in the worker thread."
    )


def _sessions(call: ast.Call, function: ProjectFunction, desk: Desk) -> list[tuple[str, Sessions]]:
    """The sessions that a call is made on, or is given, be it by the object on which it is made."""
    project, where = desk.contexts.project, Where(function.path, function.index, call.lineno)
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    own = [receiver.id] if isinstance(receiver, ast.Name) else []
    found = []
    for name in dict.fromkeys((*own, *desk.handed(call, function))):
        value = project.name(name, where)
        of = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
        rows = (project.knowledge.sessions.get(one) for one in project.knowledge.family(of))
        row = next(filter(None, rows), None)
        if row is not None:
            found.append((name, row))
    return found


def _followed(
    name: str, row: Sessions, function: ProjectFunction, definition: _Definition, document: Document, desk: Desk
) -> Flow:
    """What the function reads of rows, with all that it hands the session to."""
    key = (function, name)
    if key not in desk.flows:
        loading = desk.loading(function)
        called = desk.called(function, name, row)
        rows = loading.rows(name, with_given=True)
        rows -= _of_other_classes(function, desk)
        rows -= _bound_apart(definition, rows | {name})
        rows -= _of_other_sessions(name, function, definition, document, desk)
        desk.flows[key] = Flow(name, rows, row, document, called, columns=desk.models.columns)
        desk.flows[key].follow(definition)
    return desk.flows[key]


def _of_other_sessions(
    session: str, function: ProjectFunction, definition: _Definition, document: Document, desk: Desk
) -> frozenset[str]:
    """The parameters that hold no row of a session, since the function makes that itself and gives it none of them."""
    facts = desk.contexts.project.function(function)
    parameters = {parameter.name for parameter in facts.parameters}
    if session in parameters or is_kept(Name(session), function, desk.contexts):
        return frozenset()
    names = [node for node in walk(definition) if isinstance(node, ast.Name)]
    given = {node.id for node in names if not isinstance(document.parents.get(node), ast.Attribute)}
    return frozenset(parameters - given)


def _of_other_classes(function: ProjectFunction, desk: Desk) -> frozenset[str]:
    """The names that hold objects of a class which is no table: one of the project that is not mapped, or an upload."""
    facts, where = desk.contexts.project.function(function), Where(function.path, function.index)
    parameters = {parameter.name for parameter in facts.parameters}
    once = {name for name, bindings in facts.bindings.items() if len(bindings) == 1 and name not in parameters}
    values = {name: desk.contexts.project.name(name, where) for name in parameters | once}
    return frozenset(
        name for name, value in values.items() if isinstance(value, Object) and _is_no_table(value.of, desk)
    )


def _is_no_table(of: ProjectClass | Outside, desk: Desk) -> bool:
    if isinstance(of, Outside):
        return of.name.partition(".")[0] in _FRAMEWORKS
    return not desk.models.is_mapped(of)


def _bound_apart(definition: _Definition, own: frozenset[str]) -> frozenset[str]:
    """The names that `with` or `async for` binds to what neither the session nor anything that may come of it has a part in."""
    bound = [(item.optional_vars, item.context_expr) for item in walk(definition) if isinstance(item, ast.withitem)]
    bound += [(node.target, node.iter) for node in walk(definition) if isinstance(node, ast.AsyncFor)]
    return frozenset(
        target.id
        for target, value in bound
        if isinstance(target, ast.Name) and not any(isinstance(one, ast.Name) and one.id in own for one in walk(value))
    )


def _lost_by(call: ast.Call, name: str, row: Sessions, function: ProjectFunction, desk: Desk) -> Lost:
    """What rows lose by the call that is handed over."""
    if (helper := desk.helper_given(name, call, function)) is not None:
        done = desk.done(call, helper, name, row)
        return max(done.lost, done.thrown)
    match call.func:
        case ast.Attribute(value=ast.Name(id=of), attr=method) if of == name and method in row.losing:
            return Lost.ROLLED_BACK
        case ast.Attribute(value=ast.Name(id=of), attr=method) if of == name and method in row.expiring:
            return Lost.COMMITTED
        case _:
            return Lost.NOTHING
