"""Sessions that a function opens itself, opened by the asynchronous factory of the project.

By `with SessionLocal() as db`, by `with SessionLocal.begin() as db`, or as `db = SessionLocal()`, where a `finally` closes it.
"""

import ast
from collections.abc import Callable, Iterator

import msgspec

from rules.core.facts import Attribute, Binding, Call, Entered, Name, Typed, names_in
from rules.core.findings import Fix, Span
from rules.core.fixes.sessions.desk import Desk
from rules.core.fixes.sessions.exchange import Exchange
from rules.core.fixes.sessions.parameters import Parameters
from rules.core.fixes.sessions.plan import Plan
from rules.core.fixes.sessions.stacks import Source, Twins, Unlike, compared
from rules.core.fixes.turning import Refused
from rules.core.library import Sessions
from rules.core.remarks import Remark
from rules.core.repository import is_offline
from rules.core.syntax import walk
from rules.core.usage import is_told
from rules.core.values import Object, Outside, ProjectFunction, Where

BEGINNING = frozenset({"sqlalchemy.orm.sessionmaker.begin"})


class Opened(msgspec.Struct, frozen=True):
    """A session that a function opens under a name, in one or several places by the same call.

    One that is `begun` is in a transaction, which ends with its `with`; one that is not `entered` by any is closed by hand.
    """

    name: str
    row: Sessions
    made: Call
    line: int
    begun: bool
    entered: bool


class Factory(msgspec.Struct, frozen=True):
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
    made = Entered(remark.site.call, asynchronous=False)
    names |= {name for name, bindings in function.bindings.items() if made in (b.value for b in bindings)}
    found = (_opened_as(name, function.bindings.get(name, ()), remark.function, desk) for name in sorted(names))
    return next(filter(None, found), None)


def _opened_as(name: str, bindings: tuple[Binding, ...], function: ProjectFunction, desk: Desk) -> Opened | None:
    values = {one.value for one in bindings if not isinstance(one.value, Typed)}
    value = values.pop() if len(values) == 1 else None
    made = value.of if isinstance(value, Entered) and not value.asynchronous else value
    if not isinstance(made, Call):
        return None
    where = Where(function.path, function.index)
    callee = desk.contexts.project.value(made.callee, where)
    begun = isinstance(callee, Outside) and callee.name in BEGINNING and isinstance(made.callee, Attribute)
    inner = Call(made.callee.of) if begun and isinstance(made.callee, Attribute) else made
    row = desk.contexts.project.knowledge.sessions.get(_given(inner, where, desk))
    if row is None or (begun and made is value):
        return None
    return Opened(name, row, inner, bindings[0].line, begun, made is not value)


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
    if opened.begun and twins.instead.expires and not source.expires:
        raise Refused("a row is read after a commit, and would have to be loaded there")
    exchange = Exchange(Plan(desk, opened.row, twins))
    _open(function, opened, factory, exchange.plan)
    exchange.grow(function, opened.name)
    return exchange.fix(f"Await a session of `{factory.name}`")


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


def _open(function: ProjectFunction, opened: Opened, factory: Factory, plan: Plan) -> None:
    """`async with AsyncLocal() as db` in place of each `with SessionLocal() as db`. Raises Refused."""
    file, definition = plan.file(function.path), plan.definition(function)
    callee = opened.made.callee
    if isinstance(callee, Name):
        origin = plan.contexts.project.origin(callee, Where(function.path, function.index, opened.line))
        if origin is not None and is_told(*origin, plan.contexts):
            raise Refused("a text names the factory of the session, as mocks are told")
    parameters = Parameters(plan.contexts, file, plan.wanted)
    if any(argument.arg == opened.name for argument in walk(definition.args) if isinstance(argument, ast.arg)):
        raise Refused("the name of a session is bound again")
    if not opened.entered:
        _bind(definition, opened, factory, plan, parameters)
        return
    for node, item in _opening(definition, opened.name):
        call = _call(item.context_expr)
        if isinstance(node, ast.AsyncWith) or len(node.items) != 1:
            raise Refused("a session is opened together with something else")
        if not plan.may_await(call, function):
            raise Refused("a session is opened where nothing can be awaited")
        file.put(file.document.span(node).start, "async ")
        _call_instead(call, factory, parameters, begun=opened.begun)
        plan.opened.add(item.optional_vars or call)


def _bind(definition: ast.AST, opened: Opened, factory: Factory, plan: Plan, parameters: Parameters) -> None:
    """`db = AsyncLocal()` in place of `db = SessionLocal()`, which a `finally` closes. Raises Refused."""
    statements = [node for node in walk(definition) if isinstance(node, (ast.Assign, ast.AnnAssign))]
    found = [one for one in statements if any(_is_named(target, opened.name) for target in _targets(one))]
    if len(found) != 1 or len(_targets(found[0])) != 1:
        raise Refused("how a session is opened is not seen")
    (statement,) = found
    _check_closed(definition, opened.name)
    _call_instead(_call(statement.value), factory, parameters, begun=False)
    if isinstance(statement, ast.AnnAssign):
        parameters.rename_class(statement.annotation, plan.twins.instead.gives)
    plan.opened.update(_targets(statement))


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _check_closed(definition: ast.AST, name: str) -> None:
    """Raises Refused where a session is used outside of the one `try` that closes it in the end."""
    ending = [node for node in walk(definition) if isinstance(node, ast.Try) and _is_closed_by(node, name)]
    uses = [node for node in walk(definition) if _is_named(node, name)]
    inside = {*walk(ending[0])} if len(ending) == 1 else set()
    if any(isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node not in inside for node in uses):
        raise Refused("nothing is sure to close a session")


def _is_closed_by(node: ast.Try, name: str) -> bool:
    closing = (one.value for one in node.finalbody if isinstance(one, ast.Expr))
    return any(ast.unparse(one) == f"{name}.close()" for one in closing)


def _opening(definition: ast.AST, name: str) -> Iterator[tuple[ast.With | ast.AsyncWith, ast.withitem]]:
    """The `with` statements that bind a name, each with what binds it."""
    entering = (node for node in walk(definition) if isinstance(node, (ast.With, ast.AsyncWith)))
    for node, item in ((around, one) for around in entering for one in around.items):
        if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name:
            yield node, item


def _call_instead(call: ast.Call, factory: Factory, parameters: Parameters, *, begun: bool) -> None:
    """The other factory in place of what is called, without arguments; an import that has no use then may stay."""
    old = call.func.value if begun and isinstance(call.func, ast.Attribute) else call.func
    file, document = parameters.file, parameters.document
    name = parameters.own_name(factory.path, factory.name, old)
    if isinstance(old, ast.Name) and document.uses[old.id] != [old]:
        file.edit(document.replace(document.span(old), name))
    else:
        file.rename(old, name)
    if call.args or call.keywords:
        file.edit(document.replace(Span(*document.span(call.func).end, *document.span(call).end), "()"))


def _call(node: ast.expr | None) -> ast.Call:
    if not isinstance(node, ast.Call):
        raise Refused("how a session is opened is not seen")
    return node
