"""Sessions that are awaited, in place of those that block, in a function and in the helpers that it hands them to.

Only where the project has both, for the same database (`stacks`), and only where all that is done with a session is
understood: each method has a counterpart, each query is written as a statement, and no row is read where it would have to
be loaded.
"""

import ast
from collections.abc import Callable, Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Site, names_in
from rules.core.findings import Applicability, Edit, Fix, Span, Way
from rules.core.fixes.awaits import Awaits, as_expression, awaitable_call
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Wanted, together
from rules.core.fixes.sessions.bridging import Bridging
from rules.core.fixes.sessions.classes import ROLES, Classes
from rules.core.fixes.sessions.desk import Desk, Held, given_by
from rules.core.fixes.sessions.keepers import Keeper, Keepers
from rules.core.fixes.sessions.loading import Loading
from rules.core.fixes.sessions.neighbours import Neighbours
from rules.core.fixes.sessions.parameters import Injection, Parameters
from rules.core.fixes.sessions.places import Place, parameter_given, uses_in
from rules.core.fixes.sessions.queries import Queries
from rules.core.fixes.sessions.rows import Called, Flow, Lost
from rules.core.fixes.sessions.stacks import Twins, Unlike
from rules.core.fixes.sharing import difference_between
from rules.core.fixes.turning import MOST_TURNED, Refused
from rules.core.library import Role, Sessions
from rules.core.remarks import Remark
from rules.core.usage import calls_by_hand, is_taken_from, overridden
from rules.core.values import Object, ProjectClass, ProjectFunction, Where

CONTRACT = "Paths, parameters, status codes and responses stay as they are."
FLUSHING = "The two kinds of session differ in `autoflush`: in whether they write what is pending before they ask."
CONNECTING = "The two engines connect with other arguments (`connect_args`): timeouts and the like may differ."
STALE = (
    "What the database itself changes when a row is written (rounding, triggers) is not read again after the commit."
)
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
    exchange = Exchange(desk, held.row, twins)
    exchange.begin(function, held.name)
    name = desk.contexts.project.function(twins.instead.dependency).name
    others = len(exchange.functions) - 1
    return exchange.fix(f"Await the session of `{name}`" + (f", in {others} more with it" if others else ""))


class Exchange(msgspec.Struct):
    """A plan: the functions whose session is exchanged, each with the name of the session, and what is written for it."""

    desk: Desk
    row: Sessions
    twins: Twins
    functions: dict[ProjectFunction, str] = msgspec.field(default_factory=dict)
    files: dict[str, Awaits] = msgspec.field(default_factory=dict)
    wanted: Wanted = msgspec.field(default_factory=Wanted)
    called: dict[ast.Call, Called] = msgspec.field(default_factory=dict)
    gives: dict[ProjectFunction, Called] = msgspec.field(default_factory=dict)
    others: list[str] = msgspec.field(default_factory=list)
    opened: set[ast.expr] = msgspec.field(default_factory=set)
    begun: dict[ProjectFunction, None] = msgspec.field(default_factory=dict)
    inner: set[ProjectFunction] = msgspec.field(default_factory=set)
    keepers: dict[ProjectClass, Keeper] = msgspec.field(default_factory=dict)
    is_stale: bool = False

    @property
    def contexts(self) -> Contexts:
        return self.desk.contexts

    @property
    def classes(self) -> Classes:
        """The classes of the plan."""
        return Classes(self)

    @property
    def keeping(self) -> Keepers:
        return Keepers(self.contexts, self.desk.texts)

    @property
    def _bridging(self) -> Bridging:
        return Bridging(self.contexts, self.row, lambda helper: self.desk.given_back(helper, self.row))

    # Functions

    def begin(self, function: ProjectFunction, name: str) -> None:
        """Exchange the session of a function that the framework calls. Raises Refused."""
        roots = [root for root in self.contexts.roots if root.function == function]
        if not roots or any(root.role not in ROLES for root in roots) or calls_by_hand(function, self.contexts) != ():
            raise Refused("it is called by hand")
        if not self.contexts.project.decorators_are_known(function):
            raise Refused("a decorator may use the session as well")
        self.begun[function] = None
        definition = self.definition(function)
        given = Injection(self.twins.instead.gives, self.twins.instead.dependency)
        Parameters(self.contexts, self.file(function.path), self.wanted).inject(definition, name, given)
        self.grow(function, name)

    def finish(self) -> None:
        """See that what passes between the functions is understood. Raises Refused."""
        dependency = self.twins.source.dependency
        if not {*self.functions, *self.keepers}.isdisjoint(overridden(self.contexts)):
            raise Refused("tests put another object in its place")
        neighbours = Neighbours(self.contexts, self.desk.models, dependency, self.row, self.functions)
        for function in self.begun:
            neighbours.check_tests(self.twins.instead.dependency)
            self.others += neighbours.check(function)
            if self._is_dependency(function) and not self._gives_keeper(function):
                neighbours.check_dependants(function)
        for function in [*self.functions]:
            self._give(function)

    def _is_dependency(self, function: ProjectFunction) -> bool:
        return any(root.function == function and root.role is Role.DEPENDENCY for root in self.contexts.roots)

    def _gives_keeper(self, function: ProjectFunction) -> bool:
        """Whether what a dependency gives is an object whose uses are all seen."""
        given = self.contexts.project.injected(function)
        return isinstance(given, Object) and isinstance(given.of, ProjectClass) and self._is_followed(given.of)

    def _is_followed(self, of: ProjectClass) -> bool:
        """Whether the objects of a class are part of the plan."""
        owners = (ProjectClass(one.path, self.contexts.project.function(one).owner) for one in self.inner)
        return of in self.keepers or of in owners

    def grow(self, function: ProjectFunction, name: str) -> None:
        """All that a function does with a session that it is given, or opens. Raises Refused."""
        if len(self.functions) >= (MOST_OF_CLASSES if self.keepers else MOST_TURNED):
            raise Refused("it would turn too much")
        self.functions[function] = name
        definition, file = self.definition(function), self.file(function.path)
        queries = Queries(
            name,
            self.row,
            file,
            definition,
            lambda node: self._value(node, function),
            lambda call: self.may_await(call, function),
            self.desk.models,
            self.wanted,
        )
        for node in uses_in(definition, name, file.document, self.opened):
            self._use(node, function, queries)

    def _use(self, node: Place, function: ProjectFunction, queries: Queries) -> None:
        document = queries.document
        around = document.parents.get(node)
        if isinstance(around, ast.Attribute):
            call = document.parents.get(around)
            if isinstance(call, ast.Call) and call.func is around:
                self._method(call, around.attr, function, queries)
            elif around.attr not in self.row.attributes or not isinstance(around.ctx, ast.Load):
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
        if name == self.row.query:
            queries.write(call)
        elif name in self.row.quick:
            pass
        elif name in self.row.entered:
            self._enter(call, file)
        elif self._is_awaited(name):
            if any(keyword.arg in {None, "execution_options"} for keyword in call.keywords):
                raise Refused("a statement is told how it is to be run")
            if not self.may_await(call, function):
                raise Refused("a session is used where nothing can be awaited")
            file.wait_for(call)
        else:
            raise Refused(f"`{name}` of a session has no counterpart")

    def _is_awaited(self, name: str) -> bool:
        knowledge = self.contexts.project.knowledge
        is_coroutine = knowledge.is_coroutine(knowledge.member(self.twins.instead.gives, name))
        return is_coroutine and name not in self.row.unlike

    def _enter(self, call: ast.Call, file: Awaits) -> None:
        item = file.document.parents.get(call)
        around = file.document.parents.get(item) if isinstance(item, ast.withitem) else None
        if not isinstance(around, ast.With) or len(around.items) != 1 or not file.document.may_await(call, file.turned):
            raise Refused("a transaction is begun in a way that has no counterpart")
        if isinstance(item, ast.withitem) and item.optional_vars is not None:
            raise Refused("a transaction is given a name")
        file.put(file.document.span(around).start, "async ")

    def may_await(self, call: ast.Call, function: ProjectFunction) -> bool:
        file = self.file(function.path)
        site = self._site(call, function, file.document)
        if site is None or site.awaited:
            return False
        return awaitable_call(site, function, self.contexts, file.document, file.turned) is not None

    def _site(self, call: ast.Call, function: ProjectFunction, document: Document) -> Site | None:
        span = document.span(call)
        return next((s for s in self.contexts.project.function(function).sites if s.span == span), None)

    # Helpers

    def _hand(self, node: Place, call: ast.Call, function: ProjectFunction) -> None:
        """A helper that is handed the session: exchanged as well, else run with a session of its own kind."""
        file = self.file(function.path)
        site = self._site(call, function, file.document)
        helper = self._value(call.func, function)
        if isinstance(helper, ProjectClass):
            self.classes.keep(helper, self.classes.taken_by(helper, call, node))
            return
        if site is None or not isinstance(helper, ProjectFunction):
            raise Refused("the session is handed to something unknown")
        if not self._tries(lambda: self._exchange_helper(helper, call, node, site)):
            self._bridge(helper, call, node, function)

    def _tries(self, step: Callable[[], None]) -> bool:
        saved = (dict(self.functions), dict(self.gives), dict(self.called), self.is_stale, list(self.others))
        classes = (dict(self.keepers), dict(self.begun), set(self.inner), set(self.opened))
        files = {path: file.saved() for path, file in self.files.items()}
        wanted = self.wanted.saved()
        try:
            step()
        except (Refused, LookupError):
            self.functions, self.gives, self.called, self.is_stale, self.others = saved
            self.keepers, self.begun, self.inner, self.opened = classes
            self.files = {path: self.files[path].restored(state) for path, state in files.items()}
            self.wanted.restored(wanted)
            return False
        return True

    def _exchange_helper(self, helper: ProjectFunction, call: ast.Call, node: Place, site: Site) -> None:
        facts = self.contexts.project.function(helper)
        name = parameter_given(call, node, facts.parameters)
        if self.functions.get(helper, name) != name or not name:
            raise Refused("a helper is handed several sessions")
        if helper not in self.functions:
            self._turn(helper, name)
        if facts.asynchronous and not site.awaited:
            raise Refused("a helper is started without being awaited")
        self.called[call] = self.gives.get(helper, Called(Lost.ROLLED_BACK, Lost.ROLLED_BACK))

    def _turn(self, helper: ProjectFunction, name: str) -> None:
        """A helper and all calls of it. Raises Refused."""
        facts = self.contexts.project.function(helper)
        if facts.owner >= 0 or facts.parent > 0 or facts.decorators or facts.generator or facts.is_lambda:
            raise Refused("a helper is no plain function")
        calls = calls_by_hand(helper, self.contexts)
        if calls is None or any(caller not in self.functions for caller, _ in calls):
            raise Refused("a helper is called by others as well")
        definition, file = self.definition(helper), self.file(helper.path)
        Parameters(self.contexts, file, self.wanted).retype(definition, name, self.twins.instead.gives)
        if isinstance(definition, ast.FunctionDef):
            file.turn(definition)
            for caller, place in calls:
                self.await_at(caller, place)
        self.inner.add(helper)
        self.grow(helper, name)
        self._give(helper)

    def await_at(self, caller: ProjectFunction, place: int) -> None:
        """`await` before the call that is at a place among those of a function. Raises Refused."""
        file = self.file(caller.path)
        site = self.contexts.project.function(caller).sites[place]
        call = awaitable_call(site, caller, self.contexts, file.document, file.turned)
        if call is None:
            raise Refused("a helper is called where nothing can be awaited")
        file.wait_for(call)

    def _bridge(self, helper: ProjectFunction, call: ast.Call, node: Place, function: ProjectFunction) -> None:
        """`await session.run_sync(helper, ...)`: the helper as it is, with a session of its own kind."""
        file, name = self.file(function.path), self.functions[function]
        document = file.document
        if not call.args or call.args[0] is not node or not self.may_await(call, function):
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
        written = f"{name}.{self.row.bridge}({document.text_of(call.func)}{separator}"
        file.edit(document.replace(Span(*document.span(call).start, *rest), written))
        self.called[call] = self._bridging.lost(helper)

    # Rows

    def _give(self, function: ProjectFunction) -> None:
        """What a function does to rows, after all that it calls."""
        if function in self.gives:
            return
        self.gives[function] = Called(Lost.ROLLED_BACK, Lost.ROLLED_BACK)  # for one that calls itself
        document = self.file(function.path).document
        for site in self.contexts.project.function(function).sites:
            where = Where(function.path, function.index, site.line)
            target = self.contexts.project.value(site.call.callee, where)
            call = document.call_at(site.span) if isinstance(target, ProjectFunction) else None
            if isinstance(target, ProjectFunction) and call is not None and target in self.inner:
                self._give(target)
                self.called.setdefault(call, self.gives[target])
        is_root = function not in self.inner and not self._gives_keeper(function)
        self._read(function, self.functions[function], is_root=is_root)

    def _flow(self, function: ProjectFunction, name: str, document: Document, *, is_root: bool) -> Flow:
        loading = Loading(self.contexts, self.desk.models, self.desk.calm, function)
        rows = loading.rows(name, with_given=not is_root)
        followed = {one for one in rows if self._names_followed(one, function)}
        return Flow(name, rows - followed, self.row, document, self.called)

    def _names_followed(self, name: str, function: ProjectFunction) -> bool:
        """Whether a name stands for an object whose class is part of the plan."""
        value = self.contexts.project.name(name, Where(function.path, function.index))
        return isinstance(value, Object) and isinstance(value.of, ProjectClass) and self._is_followed(value.of)

    def _read(self, function: ProjectFunction, name: str, *, is_root: bool) -> None:
        """Raises Refused where a row is read that would have to be loaded there."""
        document, definition = self.file(function.path).document, self.definition(function)
        flow = self._flow(function, name, document, is_root=is_root)
        flow.follow(definition)
        self.gives[function] = Called(flow.lost, flow.gives)
        loading = Loading(self.contexts, self.desk.models, self.desk.calm, function)
        loading.check(definition, self.file(function.path), self.wanted, name, is_root=is_root)
        for read in flow.reads:
            if read.returned and not is_root:
                continue
            if read.lost is Lost.ROLLED_BACK:
                raise Refused("a row is read after a rollback")
            if read.lost is Lost.COMMITTED:
                self._read_after_commit(read.returned, read.attribute, function)
            elif read.attribute in self.desk.models.filled or (read.returned and self._shows_filled(function)):
                raise Refused("what the database fills is read without being loaded")

    def _read_after_commit(self, returned: bool, attribute: str, function: ProjectFunction) -> None:
        if self.twins.instead.expires:
            raise Refused("a row is read after a commit, and would have to be loaded there")
        if attribute in self.desk.models.filled or (returned and self._shows_filled(function)):
            raise Refused("what the database fills is read without being loaded")
        if returned and not self._is_shown_by_model(function):
            raise Refused("a row is returned after a commit, and would be shown as it was")
        self.is_stale = True

    def _shows_filled(self, function: ProjectFunction) -> bool:
        shown = self.desk.models.response(function)
        return shown is None or bool(shown & self.desk.models.filled)

    def _is_shown_by_model(self, function: ProjectFunction) -> bool:
        """Whether a model of pydantic, that is no table, reads what an endpoint returns."""
        return self.desk.models.is_shown_by_model(function)

    def _changes(self, function: ProjectFunction) -> bool:
        """Whether a function leaves anything pending in the session, or a helper may."""
        nodes = [*ast.walk(self.definition(function))]
        called = {
            node.func.attr for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        is_set = any(isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) for node in nodes)
        return is_set or bool(called & {*self.row.quick, "delete", "merge"}) or bool(self.called)

    # Writing

    def fix(self, title: str) -> Fix:
        """The plan as a fix. Raises Refused."""
        self.finish()
        notes = tuple(dict.fromkeys(self.notes()))
        applicability = Applicability.UNSAFE if notes else Applicability.SAFE
        return Fix(title, Way.TWIN, self.edits(), applicability, (*notes, CONTRACT))

    def definition(self, function: ProjectFunction) -> ast.FunctionDef | ast.AsyncFunctionDef:
        document = self.file(function.path).document
        definition = document.function_at(self.contexts.project.function(function).line)
        if definition is None:
            raise Refused("its text is not at hand")
        return definition

    def file(self, path: str) -> Awaits:
        if path not in self.files:
            document = self.desk.texts.document(path)
            if document is None:
                raise Refused("its text is not at hand")
            self.files[path] = Awaits(document)
        return self.files[path]

    def _value(self, node: ast.expr, function: ProjectFunction) -> object:
        return self.contexts.project.value(as_expression(node), Where(function.path, function.index, node.lineno))

    def edits(self) -> tuple[Edit, ...]:
        """All edits of the plan, sorted."""
        made = [edit for path, file in self.files.items() for edit in self._edits_of(path, file)]
        return tuple(sorted(set(made)))

    def _edits_of(self, path: str, file: Awaits) -> Iterator[Edit]:
        Parameters(self.contexts, file, self.wanted).import_wanted()
        made = file.edits(lambda name: is_taken_from(path, name, self.contexts))
        yield from together([*made, *self.wanted.edits(file.document)])

    def notes(self) -> Iterator[str]:
        """What differs afterwards, one sentence each."""
        yield from self.others
        if not self.twins.is_same_address:
            one, other = self.twins.source.address.written, self.twins.instead.address.written
            yield f"`{one}` and `{other}` must name the same database."
        yield from _of_drivers(self.twins, self.row)
        if self.is_stale:
            yield STALE
        if "autoflush" in self.twins.unlike and any(map(self._changes, self.functions)):
            yield FLUSHING
        if "engine connect_args" in self.twins.unlike:
            yield CONNECTING
        differences = (difference_between(function, self.contexts) for function in self.functions)
        yield from dict.fromkeys(filter(None, differences))


def _of_drivers(twins: Twins, row: Sessions) -> Iterator[str]:
    """A sentence where another driver may take values in another way."""
    before, after = twins.source.address.drivers, twins.instead.address.drivers
    if twins.is_same_address and before == after:
        return
    pairs = {(one, other) for one in before for other in after}
    new = sorted(other for other in after if other not in before)
    unlike = [other for other in new if not any((one, other) in row.same for one in before)]
    if unlike:
        yield (
            f"Another driver, `{unlike[0]}`, takes the values: it may be stricter about their types, as asyncpg is "
            "(a text for a date is an error)."
        )
    elif not pairs:
        yield "Another driver takes the values, and may be stricter about their types."
