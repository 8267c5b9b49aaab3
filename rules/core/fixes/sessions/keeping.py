"""Sessions that let rows keep what they hold after a commit: they, or the factory of them, are told `expire_on_commit=False`.

https://docs.sqlalchemy.org/en/21/orm/session_api.html#sqlalchemy.orm.Session.params.expire_on_commit
"""

from collections.abc import Iterable

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Binding, Call, Constant, Entered, Expression, Name, Typed
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

_OPTION, _OFF = "expire_on_commit", Constant(False, "bool")
_DEEPEST = 10  # names, attributes and calls, from a session to the factory that is told so


class Keeping(msgspec.Struct, frozen=True):
    """Finds out where sessions come from, and what that is told. What is not seen keeps nothing."""

    contexts: Contexts

    def is_told(self, name: str, function: ProjectFunction) -> bool:
        """Whether the session of that name in a function lets rows keep what they hold, wherever it comes from."""
        end = self.contexts.project.function(function).end_line
        return self._keeps(Name(name), Where(function.path, function.index, end), 0)

    def _keeps(self, expression: Expression | None, where: Where, depth: int) -> bool:
        """Whether that holds of a session, of what `with` makes one of, or of a factory."""
        if depth > _DEEPEST:
            return False
        match expression:
            case Entered(of=of):
                return self._keeps(of, where, depth + 1)
            case Name(id=name):
                return self._named(name, where, depth + 1)
            case Attribute(of=of, name=name):
                return self._of_object(of, name, where, depth + 1)
            case Call():
                return self._made(expression, where, depth + 1)
            case _:
                return False

    def _named(self, name: str, where: Where, depth: int) -> bool:
        project = self.contexts.project
        facts = project.function(where)
        if where.function > 0 and name in facts.bindings:
            return self._all_keep(facts.bindings[name], where.path, depth)
        for parameter in facts.parameters:
            if parameter.name == name:
                dependency = project.dependency(parameter, Where(where.path, facts.parent, facts.line))
                is_followed = isinstance(dependency, ProjectFunction) and dependency not in project.overriding
                return isinstance(dependency, ProjectFunction) and is_followed and self._given_by(dependency, depth)
        origin = project.origin(Name(name), where)
        return origin is not None and self._all_keep(project.facts[origin[0]].bound(origin[1]), origin[0], depth)

    def _of_object(self, of: Expression, name: str, where: Where, depth: int) -> bool:
        """Whether that holds of an attribute: of an object of the project, or of a module."""
        project = self.contexts.project
        owner = project.value(of, where)
        if isinstance(owner, Object) and isinstance(owner.of, ProjectClass):
            if (run := project.property(owner, name)) is not None:
                return self._given_by(run, depth)
            return self._all_keep(project.class_(owner.of).attributes.get(name, ()), owner.of.path, depth)
        origin = project.origin(Attribute(of, name), where)
        return origin is not None and self._all_keep(project.facts[origin[0]].bound(origin[1]), origin[0], depth)

    def _made(self, call: Call, where: Where, depth: int) -> bool:
        project = self.contexts.project
        if _OPTION in (told := dict(call.keywords)):
            return told[_OPTION] == _OFF
        callee = project.value(call.callee, where)
        if isinstance(callee, ProjectFunction):
            return self._given_by(callee, depth)
        is_factory = isinstance(callee, Object) and isinstance(callee.of, Outside)
        return is_factory and self._keeps(call.callee, where, depth)

    def _given_by(self, function: ProjectFunction, depth: int) -> bool:
        """Whether that holds of all that a function gives, or hands to a `with`."""
        facts = self.contexts.project.function(function)
        where = Where(function.path, function.index, facts.end_line)
        given = [one for one in (facts.yields if facts.generator else facts.results) if not _is_none(one)]
        return bool(given) and all(self._keeps(one, where, depth) for one in given)

    def _all_keep(self, bindings: Iterable[Binding], path: str, depth: int) -> bool:
        told = [one for one in bindings if not (_is_none(one.value) or isinstance(one.value, Typed))]
        return bool(told) and all(self._keeps(one.value, Where(path, one.function, one.line), depth) for one in told)


def _is_none(value: Expression) -> bool:
    return isinstance(value, Constant) and value.kind == "NoneType"
