"""What else of a request has to do with a session: other dependencies that keep one of their own, those that take its rows, tests.

A row belongs to the session that gave it, and what one session has not committed another does not see. So a session is
exchanged in one function only where nothing passes between them but values.
"""

from collections.abc import Container, Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Choice,
    Collection,
    Computed,
    Element,
    Entered,
    Expression,
    Function,
    Name,
    Subscript,
)
from rules.core.fixes.sessions.models import Models
from rules.core.fixes.turning import Refused
from rules.core.library import Sessions
from rules.core.repository import is_offline
from rules.core.usage import overridden, reached
from rules.core.values import Object, Outside, ProjectFunction, Where

_DEEPEST = 3  # dependencies that hand on what another gave


class Neighbours(msgspec.Struct, frozen=True):
    """What stands around the sessions that one dependency gives, those of the `exchanged` functions left out."""

    contexts: Contexts
    models: Models
    dependency: ProjectFunction
    row: Sessions
    exchanged: Container[ProjectFunction] = ()

    def check(self, endpoint: ProjectFunction) -> list[str]:
        """What differs since other dependencies keep their session, one sentence each. Raises Refused."""
        function = self.contexts.project.function(endpoint)
        notes = []
        for name, other in self._dependencies(endpoint):
            if other == self.dependency or other in self.exchanged or self.dependency not in self._needed(other):
                continue
            if any(map(self._writes, (other, *self._needed(other)))):
                raise Refused("another dependency writes with the same session")
            self._check_values(function, name, endpoint)
            written = self.contexts.project.function(other).qualname
            notes.append(f"`{written}` keeps a session of its own, so that a request has two, and two connections.")
        return notes

    def check_dependants(self, dependency: ProjectFunction, depth: int = 0) -> None:
        """Raises Refused where those that take what a dependency gives take rows to a session of their own."""
        project = self.contexts.project
        if depth > _DEEPEST:
            raise Refused("rows of one session come into another")
        for path, facts in project.facts.items():
            if is_offline(path):
                continue
            for index, function in enumerate(facts.functions):
                place = ProjectFunction(path, index)
                for name, other in self._dependencies(place) if function.parameters else ():
                    if other == dependency:
                        self._check_values(function, name, place)
                        if any(_is_handed_on(result, name) for result in function.results):
                            self.check_dependants(place, depth + 1)

    def check_tests(self, instead: ProjectFunction) -> None:
        """Raises Refused where tests put something in the place of the one dependency, and not of the other."""
        replaced = set(overridden(self.contexts))
        if self.dependency in replaced and instead not in replaced:
            raise Refused("tests put another session in its place")

    # Dependencies

    def _dependencies(self, function: ProjectFunction) -> Iterator[tuple[str, ProjectFunction]]:
        project = self.contexts.project
        facts = project.function(function)
        where = Where(function.path, facts.parent, facts.line)
        for parameter in facts.parameters:
            value = project.dependency(parameter, where)
            called = project.called_function(value) if value is not None else None
            if called is not None:
                yield parameter.name, called

    def _needed(self, function: ProjectFunction) -> set[ProjectFunction]:
        """All dependencies of a dependency, but for what only exchanged ones need."""
        found: set[ProjectFunction] = set()
        waiting = [function]
        while waiting:
            for _, other in self._dependencies(waiting.pop()):
                if other not in found and other not in self.exchanged:
                    found.add(other)
                    waiting.append(other)
        return found

    def _writes(self, function: ProjectFunction) -> bool:
        """Whether a dependency, or a helper of it, does more with a session than to ask it."""
        project, knowledge = self.contexts.project, self.contexts.project.knowledge
        if function == self.dependency:
            return False
        changing = (self.row.quick | self.row.expiring | self.row.losing | {"merge", "delete", "flush"}) - {
            "is_modified"
        }
        for inner in reached(function, self.contexts):
            for site in project.function(inner).sites:
                callee = site.call.callee
                if not (isinstance(callee, Attribute) and callee.name in changing):
                    continue
                of = project.value(callee.of, Where(inner.path, inner.index, site.line))
                is_other = isinstance(of, Object) and not (
                    isinstance(of.of, Outside) and self.row.of in (of.of.name, *knowledge.family(of.of.name))
                )
                if not is_other:
                    return True
        return False

    # Values

    def _check_values(self, function: Function, name: str, place: ProjectFunction) -> None:
        """Raises Refused where more than a value is taken of what a parameter holds."""
        if any(f".{loading}" in function.reads for loading in self.models.loading):
            raise Refused("related rows of another session are read")
        stated: list[Expression | None] = [site.call for site in function.sites]
        stated += [binding.value for bindings in function.bindings.values() for binding in bindings]
        if any(_is_bare(one, name) for one in (*stated, *function.yields)):
            raise Refused("rows of another session are handed on")
        for result in function.results:
            if not _is_handed_on(result, name):
                if _is_bare(result, name):
                    raise Refused("rows of another session are handed on")
            elif any(root.function == place and root.route for root in self.contexts.roots):
                shown = self.models.response(place)
                if shown is None or shown & self.models.loading:
                    raise Refused("related rows of another session are shown")


def _is_handed_on(result: Expression, name: str) -> bool:
    return result == Name(name)


def _is_bare(expression: Expression | None, name: str) -> bool:
    """Whether an object itself stands in an expression, and not only what is read of it."""
    match expression:
        case Name(id=found):
            return found == name
        case Attribute(of=Name()):
            return False
        case Attribute(of=of) | Awaited(of=of) | Entered(of=of) | Element(of=of):
            return _is_bare(of, name)
        case Call(callee=callee, arguments=arguments, keywords=keywords):
            is_method = isinstance(callee, Attribute) and callee.of == Name(name)
            given = (callee, *arguments, *(value for _, value in keywords))
            return is_method or any(_is_bare(one, name) for one in given)
        case Subscript(of=of, items=items):
            return any(_is_bare(one, name) for one in (of, *items))
        case Choice(options=parts) | Collection(items=parts):
            return any(_is_bare(one, name) for one in parts)
        case Computed(parts=parts):
            return any(_is_bare(one, name) for one in parts)
        case _:
            return False
