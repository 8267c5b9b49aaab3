"""Sessions that are awaited, in place of those that block, in a function and in the helpers that it hands them to.

Only where the project has both, for the same database (`stacks`), and only where all that is done with a session is
understood: each method has a counterpart, each query is written as a statement, and no row is read where it would have to
be loaded.
"""

import ast
from collections.abc import Callable

import msgspec

from rules.core.facts import Site, names_in
from rules.core.findings import Applicability, Fix, Span, Way
from rules.core.fixes.awaits import Awaits
from rules.core.fixes.sessions.bridging import Bridging
from rules.core.fixes.sessions.classes import ROLES, Classes
from rules.core.fixes.sessions.desk import Desk, Held, given_by
from rules.core.fixes.sessions.differences import differences
from rules.core.fixes.sessions.freshness import Freshness
from rules.core.fixes.sessions.neighbours import Neighbours
from rules.core.fixes.sessions.parameters import Injection, Parameters
from rules.core.fixes.sessions.places import Place, parameter_given, uses_in
from rules.core.fixes.sessions.plan import Plan
from rules.core.fixes.sessions.queries import Queries
from rules.core.fixes.sessions.rows import ANYTHING
from rules.core.fixes.sessions.stacks import Unlike
from rules.core.fixes.turning import MOST_TURNED, Refused
from rules.core.library import Role
from rules.core.remarks import Remark
from rules.core.usage import calls_by_hand, overridden
from rules.core.values import ProjectClass, ProjectFunction, Where

CONTRACT = "Paths, parameters, status codes and responses stay as they are."
_PROSPECT = (
    "To await the database instead takes `create_async_engine` on `{driver}://`, an "
    "`async_sessionmaker(..., expire_on_commit=False)` and an `async def` twin of `{name}` that yields its `AsyncSession`."
)
MOST_OF_CLASSES = 40  # functions, where classes are exchanged as a whole


def exchange_session(remark: Remark, desk: Desk, refuse: Callable[[str], None]) -> Fix | None:
    """The session of a function exchanged for one that is awaited, wherever the function uses it."""
    held = _held(remark, desk)
    if held is None or not desk.stacks.asynchronous:
        return None
    return desk.made_once((remark.function, held.name), lambda: _exchanged(remark.function, held, desk), refuse)


def asks_database(remark: Remark) -> bool:
    """Whether what blocks waits for a database."""
    return remark.rule.startswith("databases/")


def prospect(remark: Remark, desk: Desk) -> str:
    """What to have besides, for the session of a remark to be awaited, in one sentence; empty where the project has it.

    Nothing is said of a database whose drivers gain nothing, and of one that is not seen.
    """
    held = _held(remark, desk) if asks_database(remark) else None
    if held is None or desk.stacks.asynchronous:
        return ""
    try:
        source = desk.stacks.source(held.dependency)
    except Unlike:
        return ""
    driver = next((held.row.drivers[one] for one in sorted(source.address.drivers) if one in held.row.drivers), "")
    name = desk.contexts.project.function(held.dependency).name
    return _PROSPECT.format(driver=driver, name=name) if driver else ""


def _held(remark: Remark, desk: Desk) -> Held | None:
    """The session that the call of a remark is made on, or is given, if a dependency gives it to the function."""
    project = desk.contexts.project
    function = project.function(remark.function)
    if remark.site is None or not function.asynchronous:
        return None
    names = names_in(remark.site.call)
    for _ in range(3):
        bound = (b.value for name in names for b in function.bindings.get(name, ()))
        names |= {inner for value in bound for inner in names_in(value)}
    where = Where(remark.function.path, function.parent, function.line)
    for parameter in function.parameters:
        if parameter.name in names and (held := given_by(parameter, where, desk)) is not None:
            return held
    return None


def _exchanged(function: ProjectFunction, held: Held, desk: Desk) -> Fix:
    twins = desk.stacks.twins(held.dependency)
    exchange = Exchange(Plan(desk, held.row, twins))
    exchange.begin(function, held.name)
    name = desk.contexts.project.function(twins.instead.dependency).name
    others = len(exchange.plan.functions) - 1
    return exchange.fix(f"Await the session of `{name}`" + (f", in {others} more with it" if others else ""))


class Exchange(msgspec.Struct, frozen=True):
    """Carries out a plan, function by function. Raises Refused where one cannot be exchanged."""

    plan: Plan

    @property
    def classes(self) -> Classes:
        """The classes of the plan."""
        return Classes(self.plan, self.begin, self.grow)

    @property
    def freshness(self) -> Freshness:
        """The rows of the plan."""
        return Freshness(self.plan)

    @property
    def _bridging(self) -> Bridging:
        return Bridging(self.plan.contexts, self.plan.row)

    # Functions

    def begin(self, function: ProjectFunction, name: str) -> None:
        """Exchange the session of a function that the framework calls. Raises Refused."""
        roots = [root for root in self.plan.contexts.roots if root.function == function]
        if (
            not roots
            or any(root.role not in ROLES for root in roots)
            or calls_by_hand(function, self.plan.contexts) != ()
        ):
            raise Refused("it is called by hand")
        if not self.plan.contexts.project.decorators_are_known(function):
            raise Refused("a decorator may use the session as well")
        self.plan.begun[function] = None
        definition = self.plan.definition(function)
        given = Injection(self.plan.twins.instead.gives, self.plan.twins.instead.dependency)
        Parameters(self.plan.contexts, self.plan.file(function.path), self.plan.wanted).inject(definition, name, given)
        self.grow(function, name)

    def finish(self) -> None:
        """See that what passes between the functions is understood. Raises Refused."""
        dependency = self.plan.twins.source.dependency
        if not {*self.plan.functions, *self.plan.keepers}.isdisjoint(overridden(self.plan.contexts)):
            raise Refused("tests put another object in its place")
        neighbours = Neighbours(
            self.plan.contexts, self.plan.desk.models, dependency, self.plan.row, self.plan.functions
        )
        for function in self.plan.begun:
            neighbours.check_tests(self.plan.twins.instead.dependency)
            self.plan.others += neighbours.check(function)
            if self._is_dependency(function) and not self.plan.gives_kept(function):
                neighbours.check_dependants(function)
        for function in [*self.plan.functions]:
            self.freshness.check(function)

    def _is_dependency(self, function: ProjectFunction) -> bool:
        return any(root.function == function and root.role is Role.DEPENDENCY for root in self.plan.contexts.roots)

    def grow(self, function: ProjectFunction, name: str) -> None:
        """All that a function does with a session that it is given, or opens. Raises Refused."""
        if len(self.plan.functions) >= (MOST_OF_CLASSES if self.plan.keepers else MOST_TURNED):
            raise Refused("it would turn too much")
        self.plan.functions[function] = name
        definition, file = self.plan.definition(function), self.plan.file(function.path)
        queries = Queries(
            name,
            self.plan.row,
            file,
            definition,
            lambda node: self.plan.value(node, function),
            lambda call: self.plan.may_await(call, function),
            self.plan.desk.models,
            self.plan.wanted,
        )
        for node in uses_in(definition, name, file.document, self.plan.opened):
            self._use(node, function, queries)

    def _use(self, node: Place, function: ProjectFunction, queries: Queries) -> None:
        document = queries.document
        around = document.parents.get(node)
        if isinstance(around, ast.Attribute):
            call = document.parents.get(around)
            if isinstance(call, ast.Call) and call.func is around:
                self._method(call, around.attr, function, queries)
            elif around.attr not in self.plan.row.attributes or not isinstance(around.ctx, ast.Load):
                raise Refused(f"`{around.attr}` of a session has no counterpart")
        elif isinstance(around, ast.Call):
            self._hand(node, around, function)
        elif isinstance(around, ast.keyword) and isinstance(call := document.parents.get(around), ast.Call):
            self._hand(node, call, function)
        else:
            raise Refused("the session is used in a way that cannot be followed")

    def _method(self, call: ast.Call, name: str, function: ProjectFunction, queries: Queries) -> None:
        file = queries.file
        if isinstance(queries.document.parents.get(call), ast.Await):
            raise Refused("a session that blocks is awaited already")
        if name == self.plan.row.query:
            queries.write(call)
        elif name in self.plan.row.quick:
            pass
        elif name in self.plan.row.entered:
            self._enter(call, file)
        elif self._is_awaited(name):
            if any(keyword.arg in {None, "execution_options"} for keyword in call.keywords):
                raise Refused("a statement is told how it is to be run")
            if not self.plan.may_await(call, function):
                raise Refused("a session is used where nothing can be awaited")
            file.wait_for(call)
        else:
            raise Refused(f"`{name}` of a session has no counterpart")

    def _is_awaited(self, name: str) -> bool:
        knowledge = self.plan.contexts.project.knowledge
        is_coroutine = knowledge.is_coroutine(knowledge.member(self.plan.twins.instead.gives, name))
        return is_coroutine and name not in self.plan.row.unlike

    def _enter(self, call: ast.Call, file: Awaits) -> None:
        item = file.document.parents.get(call)
        around = file.document.parents.get(item) if isinstance(item, ast.withitem) else None
        if not isinstance(around, ast.With) or len(around.items) != 1 or not file.document.may_await(call, file.turned):
            raise Refused("a transaction is begun in a way that has no counterpart")
        if isinstance(item, ast.withitem) and item.optional_vars is not None:
            raise Refused("a transaction is given a name")
        file.put(file.document.span(around).start, "async ")

    # Helpers

    def _hand(self, node: Place, call: ast.Call, function: ProjectFunction) -> None:
        """A helper that is handed the session: exchanged as well, else run with a session of its own kind."""
        file = self.plan.file(function.path)
        site = self.plan.site(call, function, file.document)
        helper = self.plan.value(call.func, function)
        if isinstance(helper, ProjectClass):
            self.classes.keep(helper, self.classes.taken_by(helper, call, node))
            return
        if site is None or not isinstance(helper, ProjectFunction):
            raise Refused("the session is handed to something unknown")
        if not self.plan.tries(lambda: self._exchange_helper(helper, call, node, site)):
            self._bridge(helper, call, node, function)

    def _exchange_helper(self, helper: ProjectFunction, call: ast.Call, node: Place, site: Site) -> None:
        facts = self.plan.contexts.project.function(helper)
        name = parameter_given(call, node, facts.parameters)
        if self.plan.functions.get(helper, name) != name or not name:
            raise Refused("a helper is handed several sessions")
        if helper not in self.plan.functions:
            self._turn(helper, name)
        if facts.asynchronous and not site.awaited:
            raise Refused("a helper is started without being awaited")
        self.plan.called[call] = self.plan.gives.get(helper, ANYTHING)

    def _turn(self, helper: ProjectFunction, name: str) -> None:
        """A helper and all calls of it. Raises Refused."""
        facts = self.plan.contexts.project.function(helper)
        if facts.owner >= 0 or facts.parent > 0 or facts.decorators or facts.generator or facts.is_lambda:
            raise Refused("a helper is no plain function")
        calls = calls_by_hand(helper, self.plan.contexts)
        if calls is None or any(caller not in self.plan.functions for caller, _ in calls):
            raise Refused("a helper is called by others as well")
        definition, file = self.plan.definition(helper), self.plan.file(helper.path)
        Parameters(self.plan.contexts, file, self.plan.wanted).retype(definition, name, self.plan.twins.instead.gives)
        if isinstance(definition, ast.FunctionDef):
            file.turn(definition)
            for caller, place in calls:
                self.plan.await_at(caller, place)
        self.plan.inner.add(helper)
        self.grow(helper, name)
        self.freshness.check(helper)

    def _bridge(self, helper: ProjectFunction, call: ast.Call, node: Place, function: ProjectFunction) -> None:
        """`await session.run_sync(helper, ...)`: the helper as it is, with a session of its own kind."""
        file, name = self.plan.file(function.path), self.plan.functions[function]
        document = file.document
        if not call.args or call.args[0] is not node or not self.plan.may_await(call, function):
            raise Refused("a helper is handed the session in another place than the first")
        self._bridging.check(helper)
        if len(call.args) == 1 and not call.keywords:
            end = document.span(call).end
            rest = (end[0], end[1] - 1)
        else:
            given: list[ast.expr | ast.keyword] = [*call.args[1:], *call.keywords]
            rest = min(document.span(one).start for one in given)
        between = document.between(document.span(call.func).end, rest)
        if "#" in between or "\n" in between:
            raise Refused("a comment or a line break stands before what a helper is given")
        file.wait_for(call)
        separator = ", " if len(call.args) > 1 or call.keywords else ""
        written = f"{name}.{self.plan.row.bridge}({document.text_of(call.func)}{separator}"
        file.edit(document.replace(Span(*document.span(call).start, *rest), written))
        self.plan.called[call] = self.plan.desk.done(call, helper, name, self.plan.row)

    def fix(self, title: str) -> Fix:
        """The plan as a fix. Raises Refused."""
        self.finish()
        notes = tuple(dict.fromkeys(differences(self.plan)))
        applicability = Applicability.UNSAFE if notes else Applicability.SAFE
        return Fix(title, Way.TWIN, self.plan.edits(), applicability, (*notes, CONTRACT))
