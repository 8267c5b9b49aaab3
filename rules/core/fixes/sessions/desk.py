"""What the fixes of sessions of one analysis are made with, and the sessions that dependencies give."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from rules.core.contexts import Contexts
from rules.core.facts import Call, Expression, Name, Parameter
from rules.core.findings import Fix
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.calm import Calm
from rules.core.fixes.sessions.bridging import lost_in, names_called
from rules.core.fixes.sessions.contents import Contents
from rules.core.fixes.sessions.identity import same_rows
from rules.core.fixes.sessions.loading import Loading
from rules.core.fixes.sessions.models import Models
from rules.core.fixes.sessions.rows import Called, Flow, Lost
from rules.core.fixes.sessions.stacks import Stacks, Unlike
from rules.core.fixes.texts import Texts
from rules.core.fixes.turning import Refused
from rules.core.library import Sessions
from rules.core.syntax import walk
from rules.core.values import ProjectClass, ProjectFunction, Where


class Held(msgspec.Struct, frozen=True):
    """A session that a function is given: the name of the parameter, what is known of such sessions, where it comes from."""

    name: str
    row: Sessions
    dependency: ProjectFunction


@dataclass(slots=True)
class Desk:
    """What such fixes of one analysis are made with."""

    contexts: Contexts
    texts: Texts
    calm: Calm
    stacks: Stacks = field(init=False)
    models: Models = field(init=False)
    contents: Contents = field(init=False)
    made: dict[tuple[ProjectFunction, str], Fix | str] = field(default_factory=dict)
    flows: dict[tuple[ProjectFunction, str], Flow] = field(default_factory=dict)
    helpers: dict[tuple[ProjectFunction, str], Called] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stacks = Stacks(self.contexts)
        self.models = Models(self.contexts)
        self.contents = Contents(self.contexts, self.models, self.texts)

    def made_once(
        self, key: tuple[ProjectFunction, str], make: Callable[[], Fix], refuse: Callable[[str], None]
    ) -> Fix | None:
        """The fix for a session, however many findings it stands for; where it is refused, `refuse` is told why each time."""
        if key not in self.made:
            try:
                self.made[key] = make()
            except (Refused, Unlike, LookupError) as refusal:
                self.made[key] = str(refusal.args[0])
        made = self.made[key]
        if isinstance(made, str):
            refuse(made)
            return None
        return made

    def loading(self, function: ProjectFunction) -> Loading:
        """The reading of one function."""
        return Loading(self.contexts, self.models, self.calm, self.contents, function)

    # Helpers

    def called(self, function: ProjectFunction, session: str, row: Sessions) -> dict[ast.Call, Called]:
        """What the helpers do to rows that a function hands its session to."""
        definition = self._definition(function)
        calls = [node for node in walk(definition) if isinstance(node, ast.Call)] if definition is not None else []
        helpers = ((call, self.helper_given(session, call, function)) for call in calls)
        found = (
            (call, helper, self.done(call, helper, session, row)) for call, helper in helpers if helper is not None
        )
        return {call: self._with_same_rows(done, call, helper, function) for call, helper, done in found}

    def _with_same_rows(
        self, done: Called, call: ast.Call, helper: ProjectFunction, function: ProjectFunction
    ) -> Called:
        """What a helper does, which also leaves loaded what it finds by the keys of rows of the caller."""
        definition = self._definition(helper) if done.found else None
        if definition is None:
            return done
        same = same_rows(self._given(call, helper), done.found, helper, definition, function, self.models)
        return replace(done, loaded=done.loaded.union(same))

    def helper_given(self, session: str, call: ast.Call, function: ProjectFunction) -> ProjectFunction | None:
        """The function of the project that a call hands a session to, be it by the object on which it is called."""
        if session not in self.handed(call, function):
            return None
        where = Where(function.path, function.index, call.lineno)
        callee = self.contexts.project.value(as_expression(call.func), where)
        return callee if isinstance(callee, ProjectFunction) else None

    def handed(self, call: ast.Call, function: ProjectFunction) -> list[str]:
        """The names that a call is given, and those of which the object was made on which it is made: `Service(db).save(name)`."""
        where = Where(function.path, function.index, call.lineno)
        on = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(on, ast.Call):
            return [*_names_given(call), *(_names_given(on) if self._is_class(as_expression(on.func), where) else ())]
        bound = self.contexts.project.function(function).bindings.get(on.id, ()) if isinstance(on, ast.Name) else ()
        made = bound[0].value if len(bound) == 1 else None
        if not (isinstance(made, Call) and self._is_class(made.callee, where)):
            return _names_given(call)
        given = (*made.arguments, *(value for _, value in made.keywords))
        return [*_names_given(call), *(one.id for one in given if isinstance(one, Name))]

    def _is_class(self, callee: Expression | None, where: Where) -> bool:
        return isinstance(self.contexts.project.value(callee, where), ProjectClass)

    def done(self, call: ast.Call, helper: ProjectFunction, session: str, row: Sessions) -> Called:
        """What a helper that a call hands a session to does to rows, by the names that the call gives it."""
        lost = lost_in(helper, row, self.contexts)
        given = {name: of.id for name, of in self._given(call, helper).items() if isinstance(of, ast.Name)}
        parameter = next((name for name, of in given.items() if of == session), None)
        if lost < Lost.COMMITTED or parameter is None:
            is_refreshed = lost >= Lost.COMMITTED and row.refresh in names_called(helper, self.contexts)
            return Called(lost, Lost.NOTHING if is_refreshed else min(lost, Lost.COMMITTED), lost)
        done = self._done(helper, parameter, lost, row)
        loaded = frozenset(of for name, of in given.items() if name in done.loaded)
        return replace(
            done, loaded=loaded, kept=frozenset(of for name, of in given.items() if name in done.kept) | loaded
        )

    def _done(self, helper: ProjectFunction, session: str, lost: Lost, row: Sessions) -> Called:
        """The same by the names of its parameters."""
        key = (helper, session)
        if key not in self.helpers:
            self.helpers[key] = Called(lost, Lost.COMMITTED, lost)  # for one that calls itself
            facts = self.contexts.project.function(helper)
            document, definition = self.texts.document(helper.path), self._definition(helper)
            if document is not None and definition is not None and not facts.generator:
                rows = self.loading(helper).rows(session, with_given=True)
                called = self.called(helper, session, row)
                flow = Flow(session, rows, row, document, called, columns=self.models.columns)
                flow.follow(definition)
                own = [one.name for one in facts.parameters if one.name not in facts.bindings]
                gives = flow.gives if row.refresh in names_called(helper, self.contexts) else Lost.COMMITTED
                self.helpers[key] = (
                    flow.done(own, rows.difference(own)) if flow.lost >= lost else Called(lost, gives, lost)
                )
        return self.helpers[key]

    def _given(self, call: ast.Call, helper: ProjectFunction) -> dict[str, ast.expr]:
        """What a call gives, by the parameters that stand for it."""
        facts = self.contexts.project.function(helper)
        placed = [one.name for one in facts.parameters if one.kind in {"positional", "normal"}]
        placed = placed[facts.owner >= 0 and placed[:1] in (["self"], ["cls"]) :]
        if any(isinstance(one, ast.Starred) for one in call.args):
            return {}
        given: dict[str, ast.expr] = dict(zip(placed, call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
        return given

    def _definition(self, function: ProjectFunction) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        document = self.texts.document(function.path)
        return document.function_at(self.contexts.project.function(function).line) if document is not None else None


def _names_given(call: ast.Call) -> list[str]:
    """The names that a call is given."""
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    return [one.id for one in given if isinstance(one, ast.Name)]


def given_by(parameter: Parameter, where: Where, desk: Desk) -> Held | None:
    """The session that a dependency gives for a parameter."""
    project = desk.contexts.project
    dependency = project.dependency(parameter, where)
    if not isinstance(dependency, ProjectFunction):
        return None
    row = project.knowledge.sessions.get(desk.stacks.given_by(dependency))
    return Held(parameter.name, row, dependency) if row is not None else None
