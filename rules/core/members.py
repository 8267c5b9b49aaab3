"""What values have: attributes of modules, classes, objects, and what the project sets on those of libraries."""

from __future__ import annotations

from collections.abc import Iterator

from rules.core.facts import (
    Attribute,
    Expression,
    Name,
)
from rules.core.given import Given
from rules.core.names import Told
from rules.core.values import (
    Module,
    Object,
    Outside,
    ProjectClass,
    ProjectFunction,
    Super,
    Value,
    Where,
)

APPLICATIONS = frozenset({"fastapi.FastAPI", "starlette.applications.Starlette"})


class Members(Given):
    """A repository whose values can be asked for what they have."""

    def member(self, of: Value | None, name: str) -> Value | None:
        """An attribute of a value."""
        match of:
            case Outside():
                dotted = self.knowledge.canonical(f"{of.name}.{name}")
                known = self.knowledge.attributes.get(dotted) if of.name in self.knowledge.singletons else None
                return Object(Outside(known)) if known else Outside(dotted)
            case Module():
                return self._module_member(of, name)
            case ProjectClass():
                return self._class_member(of, name, None)
            case Super(of=owner):
                return self._found_member(self.family(owner)[1:], name, Object(owner))
            case ProjectFunction():
                return self._decorated_member(of, name)
            case Object(of=ProjectClass() as owner):
                return self._class_member(owner, name, of)
            case Object(of=Outside() as owner):
                return self._library_member(owner, name)
            case _:
                return None

    def _decorated_member(self, of: ProjectFunction, name: str) -> Value | None:
        """An attribute of what a library's decorator has made of a function: `task.delay`."""
        for decorator in self.decorators(of):
            made = self.knowledge.result(decorator.name) if isinstance(decorator, Outside) else None
            if made:
                return self._library_member(Outside(made), name)
        return None

    def _module_member(self, of: Module, name: str) -> Value | None:
        path = self.modules.path(of.place)
        if path is not None:
            key = (path, name)
            if key not in self._memory:
                self._memory[key] = None
                value = self.global_(path, name)
                self._memory[key] = None if isinstance(value, Outside) and value.name == f"builtins.{name}" else value
            if (found := self._memory[key]) is not None:
                return found
        inner = f"{of.place}/{name}" if of.place else name
        return Module(inner) if self.modules.path(inner) or self.modules.is_folder(inner) else None

    def _library_member(self, owner: Outside, name: str) -> Value | None:
        dotted = self.knowledge.member(owner.name, name)
        attribute = self.knowledge.attributes.get(dotted)
        if attribute:
            return Object(Outside(attribute))
        if self.knowledge.is_known(dotted):
            return Outside(dotted)
        if owner.name in APPLICATIONS and (found := self._of_application(name)) is not None:
            return found
        return self._computed_member(owner.name, "__getattr__") or Outside(dotted)

    def _of_application(self, name: str) -> Value | None:
        """What the project sets on an application itself, if it sets only one kind of thing: `app.database = ...`."""
        key = (".app", name)
        if key not in self._memory:
            self._memory[key] = None
            found = {value for value in self._set_on_applications(name) if value is not None}
            self._memory[key] = found.pop() if len(found) == 1 else None
        return self._memory[key]

    def _set_on_applications(self, name: str) -> Iterator[Value | None]:
        for path in self.stating.get(name, ()):
            for index, function in enumerate(self.facts[path].functions):
                for key, bindings in function.bindings.items():
                    owner, _, attribute = key.rpartition(".")
                    if attribute == name and owner and self._is_application(owner, Where(path, index)):
                        yield from (self._bound(binding, Where(path, index, binding.line)) for binding in bindings)

    def _is_application(self, name: str, where: Where) -> bool:
        value = self.name(name, where)
        return isinstance(value, Object) and isinstance(value.of, Outside) and value.of.name in APPLICATIONS

    def _computed_member(self, owner: str, method: str) -> Value | None:
        """What an object of a library gives by `of["name"]` or, for any name that no row knows, by `of.name`."""
        known = self.knowledge.result(self.knowledge.member(owner, method))
        return Object(Outside(known)) if known else None

    def _class_member(self, of: ProjectClass, name: str, instance: Object | None) -> Value | None:
        key = (of, name, instance is None)
        if key not in self._memory:
            self._memory[key] = None
            self._memory[key] = self._found_member(self.family(of), name, instance)
        return self._memory[key]

    def _found_member(
        self, family: tuple[ProjectClass | Outside, ...], name: str, instance: Object | None
    ) -> Value | None:
        for owner in family:
            if isinstance(owner, Outside):
                member = self._library_member(owner, name) if instance else Outside(f"{owner.name}.{name}")
                if not isinstance(member, Outside) or self.knowledge.is_known(member.name):
                    return member
                continue
            class_ = self.class_(owner)
            if name in class_.methods:
                method = ProjectFunction(owner.path, class_.methods[name])
                return self.result(method) if instance and self.is_property(method) else method
            place = Where(owner.path, class_.parent)
            for bindings in (class_.attributes.get(name), class_.bindings.get(name)):
                if bindings and (found := self._latest(bindings, place, 0)):
                    return found
        return None

    def _dotted(self, of: Expression, name: str, where: Where) -> Value | None:
        told = self._set_here(of, name, where)
        return told.value if told is not None else self.member(self.value(of, where), name)

    def _set_here(self, of: Expression, name: str, where: Where) -> Told | None:
        """An attribute that this very function has set on an object, or the project on a state: that tells more than the class."""
        if type(of) is Name:
            if f"{of.id}.{name}" in self.function(where).bindings:
                key = (".set", of.id, name, where)
                if key not in self._memory_at_lines:
                    self._memory_at_lines[key] = None
                    bindings = self.function(where).bindings[f"{of.id}.{name}"]  # read for this answer
                    self._memory_at_lines[key] = self._latest(bindings, where, where.line)
                return Told(self._memory_at_lines[key])
        elif type(of) is Attribute and of.name == "state":
            return Told(self._state(name))
        return None

    def _state(self, name: str) -> Value | None:
        """What the project sets on the state of an app or a request, if it sets only one kind of thing."""
        key = (".state", name)
        if key not in self._memory:
            self._memory[key] = None
            found = {value for value in self._states_set(name) if value is not None}
            self._memory[key] = found.pop() if len(found) == 1 else None
        return self._memory[key]

    def _states_set(self, name: str) -> Iterator[Value | None]:
        for path in self.stating.get(name, ()):
            for index, function in enumerate(self.facts[path].functions):
                for binding in function.bindings.get(f".state.{name}", ()):
                    yield self._bound(binding, Where(path, index, binding.line))
