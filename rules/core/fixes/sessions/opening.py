"""Sessions that a function opens itself, `with SessionLocal() as db`, opened by the asynchronous factory of the project."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rules.core.facts import Binding, Call, Entered, Name, names_in
from rules.core.findings import Applicability, Fix, Span, Way
from rules.core.fixes.awaits import Awaits
from rules.core.fixes.sessions.exchange import CONTRACT, Desk, Exchange
from rules.core.fixes.sessions.parameters import Parameters
from rules.core.fixes.sessions.stacks import Source, Twins, Unlike, compared
from rules.core.fixes.turning import Refused
from rules.core.library import Sessions
from rules.core.remarks import Remark
from rules.core.repository import is_offline
from rules.core.usage import is_told
from rules.core.values import Object, Outside, ProjectFunction, Where


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that a function opens under a name, in one or several places by the same call."""

    name: str
    row: Sessions
    made: Call
    line: int


@dataclass(frozen=True, slots=True)
class Factory:
    """A global that makes sessions which are awaited."""

    path: str
    name: str
    source: Source


def exchange_opened(remark: Remark, desk: Desk, refuse: Callable[[str], None]) -> Fix | None:
    """The sessions that a function opens under a name, of the asynchronous kind from then on."""
    opened = _opened(remark, desk)
    if opened is None:
        return None
    return desk.made_once((remark.function, opened.name), lambda: _exchanged(remark.function, opened, desk), refuse)


def _opened(remark: Remark, desk: Desk) -> Opened | None:
    """The session that the call of a remark is made on, or is given, if the function opens it itself."""
    function = desk.contexts.project.function(remark.function)
    if remark.site is None or not function.asynchronous:
        return None
    names = names_in(remark.site.call)
    for _ in range(3):
        bound = (b.value for name in names for b in function.bindings.get(name, ()))
        names |= {inner for value in bound for inner in names_in(value)}
    found = (_opened_as(name, function.bindings.get(name, ()), remark.function, desk) for name in sorted(names))
    return next(filter(None, found), None)


def _opened_as(name: str, bindings: tuple[Binding, ...], function: ProjectFunction, desk: Desk) -> Opened | None:
    values = {one.value for one in bindings}
    value = values.pop() if len(values) == 1 else None
    made = value.of if isinstance(value, Entered) and not value.asynchronous else None
    if not isinstance(made, Call):
        return None
    row = desk.contexts.project.knowledge.sessions.get(_given(made, Where(function.path, function.index), desk))
    return Opened(name, row, made, bindings[0].line) if row is not None else None


def _given(made: Call, where: Where, desk: Desk) -> str:
    """The library class of what a call makes."""
    value = desk.contexts.project.value(made, where)
    return value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""


def _exchanged(function: ProjectFunction, opened: Opened, desk: Desk) -> Fix:
    facts = desk.contexts.project.function(function)
    is_root = any(root.function == function for root in desk.contexts.roots)
    if facts.generator or not (is_root or not facts.results):
        raise Refused("rows may be handed to whoever calls the function")
    source = desk.stacks.opened(opened.made, function, opened.line, opened.row.of)
    factory, twins = _twin(source, opened.row, desk)
    exchange = Exchange(desk, opened.row, twins)
    _open(function, opened, factory, exchange)
    exchange.grow(function, opened.name)
    notes = tuple(dict.fromkeys(exchange.notes()))
    applicability = Applicability.UNSAFE if notes else Applicability.SAFE
    return Fix(f"Await a session of `{factory.name}`", Way.TWIN, exchange.edits(), applicability, (*notes, CONTRACT))


def _twin(source: Source, row: Sessions, desk: Desk) -> tuple[Factory, Twins]:
    """The one factory whose sessions are awaited, and otherwise alike. Raises Unlike."""
    found: list[tuple[Factory, Twins]] = []
    reason = "the project has no asynchronous factory of sessions"
    for path, name in _factories(row, desk):
        try:
            made = Call(Name(name))
            gives = _given(made, Where(path), desk)
            place = ProjectFunction(path, 0)
            line = desk.contexts.project.facts[path].functions[0].end_line
            other = desk.stacks.opened(made, place, line, gives)
            found.append((Factory(path, name, other), compared(source, other)))
        except Unlike as unlike:
            reason = str(unlike)
    if len(found) != 1:
        raise Unlike("several asynchronous factories could take its place" if found else reason)
    return found[0]


def _factories(row: Sessions, desk: Desk) -> Iterator[tuple[str, str]]:
    """The globals that make sessions which are awaited, each with its file."""
    project = desk.contexts.project
    words = {name.rpartition(".")[2] for name in row.factories}
    for path, facts in sorted(project.facts.items()):
        if is_offline(path) or not facts.outline.called & words:
            continue
        for name, bindings in facts.functions[0].bindings.items():
            if any(isinstance(one.value, Call) for one in bindings):
                family = project.knowledge.family(_given(Call(Name(name)), Where(path), desk))
                if row.instead in family:
                    yield path, name


def _open(function: ProjectFunction, opened: Opened, factory: Factory, exchange: Exchange) -> None:
    """`async with AsyncLocal() as db` in place of each `with SessionLocal() as db`. Raises Refused."""
    file, definition = exchange.file(function.path), exchange.definition(function)
    callee = opened.made.callee
    if isinstance(callee, Name):
        origin = exchange.contexts.project.origin(callee, Where(function.path, function.index, opened.line))
        if origin is not None and is_told(*origin, exchange.contexts):
            raise Refused("a text names the factory of the session, as mocks are told")
    parameters = Parameters(exchange.contexts, file, exchange.wanted)
    for node, item in _opening(definition, opened.name):
        call = _call(item)
        if isinstance(node, ast.AsyncWith) or len(node.items) != 1:
            raise Refused("a session is opened together with something else")
        if not exchange.may_await(call, function):
            raise Refused("a session is opened where nothing can be awaited")
        file.put(file.document.span(node).start, "async ")
        _call_instead(call, parameters.own_name(factory.path, factory.name, call.func), file)
        exchange.opened.add(item.optional_vars or call)
    if any(argument.arg == opened.name for argument in ast.walk(definition.args) if isinstance(argument, ast.arg)):
        raise Refused("the name of a session is bound again")


def _opening(definition: ast.AST, name: str) -> Iterator[tuple[ast.With | ast.AsyncWith, ast.withitem]]:
    """The `with` statements that bind a name, each with what binds it."""
    entering = (node for node in ast.walk(definition) if isinstance(node, (ast.With, ast.AsyncWith)))
    for node, item in ((around, one) for around in entering for one in around.items):
        if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name:
            yield node, item


def _call_instead(call: ast.Call, name: str, file: Awaits) -> None:
    """The other factory in place of what is called, without arguments; an import that has no use then may stay."""
    document = file.document
    if isinstance(call.func, ast.Name) and document.uses[call.func.id] != [call.func]:
        file.edit(document.replace(document.span(call.func), name))
    else:
        file.rename(call.func, name)
    if call.args or call.keywords:
        file.edit(document.replace(Span(*document.span(call.func).end, *document.span(call).end), "()"))


def _call(item: ast.withitem) -> ast.Call:
    if not isinstance(item.context_expr, ast.Call):
        raise Refused("how a session is opened is not seen")
    return item.context_expr
