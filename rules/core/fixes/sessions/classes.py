"""Classes whose objects keep a session, exchanged as a whole: with all who make such objects, and all who call their methods."""

import ast
from collections.abc import Callable

import msgspec

from rules.core.facts import Binding, Function
from rules.core.fixes.sessions.desk import given_by
from rules.core.fixes.sessions.keepers import Construction, Keeper
from rules.core.fixes.sessions.parameters import Injection, Parameters
from rules.core.fixes.sessions.places import parameter_given
from rules.core.fixes.sessions.plan import Plan
from rules.core.fixes.turning import Refused
from rules.core.library import Role
from rules.core.repository import is_offline
from rules.core.usage import calls_by_hand
from rules.core.values import ProjectClass, ProjectFunction, Where

ROLES = frozenset({Role.ENDPOINT, Role.DEPENDENCY, Role.WEBSOCKET})


class Classes(msgspec.Struct, frozen=True):
    """The classes of one plan. Raises Refused where one cannot be exchanged.

    `begin` exchanges the session of a function that the framework calls, `grow` all that a function does with it.
    """

    plan: Plan
    begin: Callable[[ProjectFunction, str], None]
    grow: Callable[[ProjectFunction, str], None]

    def keep(self, of: ProjectClass, name: str = "") -> None:
        """A class that is given a session (by `__init__`, as that name), with all its objects. Raises Refused."""
        if of in self.plan.keepers:
            return
        keeper = self.plan.keeping.keeper(of, name)
        self.plan.keepers[of] = keeper
        self.plan.keeping.check_kept(of, self._may_hold_row, keeper.attribute)
        self._give_to(keeper)
        for made in self.plan.keeping.constructions(keeper):
            self._construct(keeper, made)
        for method, session in self.plan.keeping.methods_using(keeper):
            self._turn_method(method, session)

    def _may_hold_row(self, place: ProjectFunction, binding: Binding) -> bool:
        return self.plan.desk.loading(place).may_hold_row(binding)

    def _give_to(self, keeper: Keeper) -> None:
        """The other kind of session for the `__init__` of a class."""
        facts, definition = self.plan.contexts.project.function(keeper.init), self.plan.definition(keeper.init)
        parameters = Parameters(self.plan.contexts, self.plan.file(keeper.of.path), self.plan.wanted)
        instead = self.plan.twins.instead
        given = next(one for one in facts.parameters if one.name == keeper.parameter)
        held = given_by(given, Where(keeper.of.path, facts.parent, facts.line), self.plan.desk)
        if held is not None and held.dependency != self.plan.twins.source.dependency:
            raise Refused("a class is given sessions by several dependencies")
        if held is not None:
            parameters.inject(definition, keeper.parameter, Injection(instead.gives, instead.dependency))
        else:
            parameters.retype(definition, keeper.parameter, instead.gives)
        if keeper.attribute:
            value, annotation = self.plan.keeping.kept_in(keeper)
            self.plan.opened.add(value)
            for one in (annotation, self.plan.keeping.declared_in(keeper)):
                if one is not None:
                    parameters.rename_class(one, instead.gives)
        self.plan.inner.add(keeper.init)
        self.grow(keeper.init, keeper.parameter)

    def taken_by(self, of: ProjectClass, call: ast.Call, node: ast.expr) -> str:
        """The parameter of `__init__` that a call of a class gives something for."""
        init = self.plan.contexts.project.class_(of).methods.get("__init__")
        if init is None:
            raise Refused("the session is handed to something unknown")
        parameters = self.plan.contexts.project.facts[of.path].functions[init].parameters[1:]
        return parameter_given(call, node, parameters)

    def _construct(self, keeper: Keeper, made: Construction) -> None:
        """An object of a class that keeps a session: whoever makes it has one of the other kind."""
        given = [
            one
            for one in (*made.call.args, *(keyword.value for keyword in made.call.keywords))
            if self.taken_by(keeper.of, made.call, one) == keeper.parameter
        ]
        if len(given) != 1 or not isinstance(given[0], (ast.Name, ast.Attribute)):
            raise Refused("an object is made with a session that is not followed")
        name, facts = ast.unparse(given[0]), self.plan.contexts.project.function(made.function)
        if made.function not in self.plan.functions:
            self._reach(made.function, name, facts)
        if self.plan.functions.get(made.function) != name:
            raise Refused("an object is made with a session that is not followed")

    def _reach(self, function: ProjectFunction, name: str, facts: Function) -> None:
        """A function that makes objects with a session of its own, or of its own object."""
        if self._own_session(function) == name:
            self.begin(function, name)
        elif facts.owner >= 0 and facts.name == "__init__":
            self.keep(ProjectClass(function.path, facts.owner), name)
        elif facts.owner >= 0 and "." in name:
            self.keep(ProjectClass(function.path, facts.owner))
        else:
            raise Refused("an object is made with a session that is not followed")

    def _own_session(self, function: ProjectFunction) -> str:
        """The parameter that the dependency gives a session for which another one takes the place of."""
        facts = self.plan.contexts.project.function(function)
        where = Where(function.path, facts.parent, facts.line)
        for parameter in facts.parameters:
            held = given_by(parameter, where, self.plan.desk)
            if held is not None and held.dependency == self.plan.twins.source.dependency:
                return parameter.name
        return ""

    def _turn_method(self, function: ProjectFunction, name: str) -> None:
        """A method that uses the session of its object, or what calls one, and all calls of it. Raises Refused."""
        if function in self.plan.functions:
            return
        facts, project = self.plan.contexts.project.function(function), self.plan.contexts.project
        if facts.decorators or facts.generator or facts.is_lambda or facts.parent > 0 or is_offline(function.path):
            raise Refused("a method is no plain function")
        if facts.owner >= 0:
            self._check_owner(ProjectClass(function.path, facts.owner), facts.name)
        calls = calls_by_hand(function, self.plan.contexts)
        if calls is None or any(root.function == function for root in self.plan.contexts.roots):
            raise Refused("a method is called by others as well")
        if isinstance(definition := self.plan.definition(function), ast.FunctionDef):
            self.plan.file(function.path).turn(definition)
        self.plan.inner.add(function)
        self.grow(function, name)
        for caller, place in calls:
            self.join(caller)
            if not project.function(caller).sites[place].awaited:
                if facts.asynchronous:
                    raise Refused("a method is started without being awaited")
                self.plan.await_at(caller, place)

    def _check_owner(self, of: ProjectClass, name: str) -> None:
        if name.startswith("__") or not self.plan.keeping.is_plain(of) or self.plan.keeping.is_expected(of, name):
            raise Refused("other code expects the method as it is")
        if of not in self.plan.keepers:
            self.plan.keeping.check_kept(of, self._may_hold_row)

    def join(self, function: ProjectFunction) -> None:
        """A function that calls what is awaited now. Raises Refused."""
        if function in self.plan.functions:
            return
        roots = [root for root in self.plan.contexts.roots if root.function == function]
        if own := self._own_session(function):
            self.begin(function, own)
        elif not roots:
            self._turn_method(function, "")
        elif all(root.role in ROLES for root in roots) and self.plan.contexts.project.function(function).asynchronous:
            if calls_by_hand(function, self.plan.contexts) != ():
                raise Refused("it is called by hand")
            self.plan.begun[function] = None
            self.grow(function, "")
        else:
            raise Refused("it is called where nothing can be awaited")
