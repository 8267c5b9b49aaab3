"""The mapped classes of a project, by the names of their attributes: which load where they are read, which the database fills.

Whatever has an attribute of such a name is taken for an object of such a class.
"""

from collections.abc import Iterator
from functools import cached_property

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Binding,
    Call,
    Choice,
    Collection,
    Constant,
    Expression,
    Function,
    Name,
    Subscript,
    Typed,
    last_name,
)
from rules.core.repository import is_offline
from rules.core.roots import MODELS, VALIDATING
from rules.core.values import Iterated, Object, Outside, ProjectClass, ProjectFunction, Where

_MAPPED = frozenset({"relationship", "Relationship", "mapped_column", "Column", "deferred", "column_property"})
_RELATED = frozenset({"relationship", "Relationship"})
_LAZY = frozenset({"association_proxy", "deferred", "query_expression", "dynamic_loader", "backref"})
_EAGER = frozenset({"selectin", "joined", "subquery", "immediate", False})
_BY_DATABASE = frozenset({"onupdate", "server_onupdate", "server_default"})
_COMPUTED = frozenset({"Computed", "FetchedValue", "Identity"})
_RUNNING = frozenset({"property", "cached_property", "hybrid_property", "hybrid_method", "computed_field"})
_HARMLESS = frozenset(
    {"None", "Any", "dict", "Dict", "Response", "JSONResponse", "object", "str", "int", "bool", "float"}
)
_DEEPEST = 6  # models in models


class Models(msgspec.Struct, frozen=True, dict=True):
    """The mapped classes of one project."""

    contexts: Contexts

    @cached_property
    def classes(self) -> frozenset[ProjectClass]:
        """The classes that columns or related rows are declared in, mixins among them."""
        return frozenset(
            ProjectClass(path, index)
            for path, facts in self.contexts.project.facts.items()
            if not is_offline(path) and facts.outline.called & _MAPPED
            for index, class_ in enumerate(facts.classes)
            if any(map(_is_mapped, class_.bindings.values()))
        )

    @cached_property
    def related(self) -> dict[str, tuple[tuple[ProjectClass, bool], ...]]:
        """For each attribute that holds related rows, the classes that have it, each with whether it is loaded at once."""
        found: dict[str, tuple[tuple[ProjectClass, bool], ...]] = {}
        for owner in sorted(self.classes, key=lambda one: (one.path, one.index)):
            for name, bindings in self.contexts.project.class_(owner).bindings.items():
                for call in _calls(bindings):
                    if last_name(call.callee) in _RELATED:
                        found[name] = (*found.get(name, ()), (owner, _is_eager(call)))
        return found

    @cached_property
    def loading(self) -> frozenset[str]:
        """The attributes that may ask the database where they are read."""
        lazy = {name for name, owners in self.related.items() if not all(eager for _, eager in owners)}
        lazy |= {name for owner in self.classes for name in self._lazy(owner)}
        for _ in range(3):
            lazy |= {name for owner in self.classes for name in self._computed(owner, lazy)}
        return frozenset(lazy)

    def _lazy(self, owner: ProjectClass) -> Iterator[str]:
        for name, bindings in self.contexts.project.class_(owner).bindings.items():
            for call in _calls(bindings):
                keywords = dict(call.keywords)
                if last_name(call.callee) in _LAZY or keywords.get("deferred") == Constant(True, "bool"):
                    yield name
                back = keywords.get("backref")
                back = back.arguments[0] if isinstance(back, Call) and back.arguments else back
                if isinstance(back, Constant) and isinstance(back.value, str):
                    yield back.value

    def _computed(self, owner: ProjectClass, lazy: set[str]) -> Iterator[str]:
        """The properties and methods of a class that read what loads, or ask a session."""
        functions = self.contexts.project.facts[owner.path].functions
        for name, index in self.contexts.project.class_(owner).methods.items():
            function = functions[index]
            reads = {read.removeprefix(".") for read in function.reads}
            if not name.startswith("__") and reads & (lazy | {"object_session"}):
                yield name

    @cached_property
    def columns(self) -> frozenset[str]:
        """The attributes that are columns: where one of a row is asked for, all that are not loaded come with it."""
        found = (
            name
            for owner in self.classes
            for name, bindings in self.contexts.project.class_(owner).bindings.items()
            if _is_mapped(bindings) or any(isinstance(one.value, Typed) for one in bindings)
        )
        return frozenset(name for name in found if not name.startswith("_")) - self.loading - self.related.keys()

    @cached_property
    def filled(self) -> frozenset[str]:
        """The attributes that the database itself gives a value when a row is written."""
        return frozenset(
            name
            for owner in self.classes
            for name, bindings in self.contexts.project.class_(owner).bindings.items()
            if any(map(_is_filled, _calls(bindings)))
        )

    @cached_property
    def are_shown_plainly(self) -> bool:
        """Whether no class runs code that loads where one of its objects is printed, compared or counted."""
        project = self.contexts.project
        return not any(
            name.startswith("__")
            and {read.removeprefix(".") for read in project.facts[owner.path].functions[index].reads} & self.loading
            for owner in self.classes
            for name, index in project.class_(owner).methods.items()
        )

    # Responses

    def is_shown_by_model(self, endpoint: ProjectFunction) -> bool:
        """Whether models that are no tables read what an endpoint returns, attribute by attribute."""
        function = self.contexts.project.function(endpoint)
        told = [
            dict(one.keywords)["response_model"]
            for one in function.decorators
            if isinstance(one, Call) and "response_model" in dict(one.keywords)
        ]
        value = self.contexts.project.annotated((told or [function.returns])[0], Where(endpoint.path, function.parent))
        value = value.item if isinstance(value, Iterated) else value
        return isinstance(value, Object) and isinstance(value.of, ProjectClass) and self.is_plain_model(value.of)

    def fields(self, model: ProjectClass) -> frozenset[str] | None:
        """The names that a model reads of what it is made of; None where that is not seen."""
        found = self._fields(model, 0)
        return frozenset(found) if found is not None else None

    def response(self, endpoint: ProjectFunction) -> frozenset[str] | None:
        """The names that are read of what an endpoint returns; None where that is not seen."""
        function = self.contexts.project.function(endpoint)
        where = Where(endpoint.path, function.parent, function.line)
        told = [
            dict(one.keywords)["response_model"]
            for one in function.decorators
            if isinstance(one, Call) and "response_model" in dict(one.keywords)
        ]
        names: set[str] = set()
        for annotation in told or [function.returns]:
            found = self._read_by(annotation, where, 0)
            if found is None:
                return None
            names |= found
        return frozenset(names)

    def _read_by(self, annotation: Expression | None, where: Where, depth: int) -> set[str] | None:
        """The names that are read where a value is made into something of a type."""
        if depth > _DEEPEST:
            return None
        match annotation:
            case None | Constant():
                return set()
            case Subscript(of=of, items=items):
                parts = (of, *items) if isinstance(self._value(of, where), ProjectClass) else items
                return self._read_by_all(parts, where, depth)
            case Choice(options=options):
                return self._read_by_all(options, where, depth)
            case Name() | Attribute():
                return self._read_by_named(annotation, where, depth)
            case _:
                return None

    def _read_by_all(self, parts: tuple[Expression | None, ...], where: Where, depth: int) -> set[str] | None:
        found = [self._read_by(part, where, depth + 1) for part in parts]
        return None if None in found else set().union(*(one for one in found if one is not None))

    def _read_by_named(self, annotation: Expression, where: Where, depth: int) -> set[str] | None:
        value = self._value(annotation, where)
        if isinstance(value, ProjectClass):
            return self._fields(value, depth)
        if isinstance(value, Outside):
            plain = value.name.partition(".")[0] in {"builtins", "datetime", "uuid", "decimal", "enum", "typing"}
            return set() if plain or value.name.rpartition(".")[2].endswith("Response") else None
        return set() if last_name(annotation) in _HARMLESS else None

    def _value(self, expression: Expression, where: Where) -> object:
        return self.contexts.project.value(expression, where)

    def _fields(self, model: ProjectClass, depth: int) -> set[str] | None:
        """The fields of a model, those of the models in it, and what its validators read."""
        project, found = self.contexts.project, set[str]()
        family = project.family(model)
        if any(isinstance(one, Outside) and one.name == "enum.Enum" for one in family):
            return found
        for owner in (one for one in family if isinstance(one, ProjectClass)):
            class_ = project.class_(owner)
            for name, bindings in class_.bindings.items():
                typed = [b.value.annotation for b in bindings if isinstance(b.value, Typed)]
                if not typed or (
                    owner in self.classes and any(last_name(c.callee) in _RELATED for c in _calls(bindings))
                ):
                    continue
                found |= {name, *_aliases(bindings)}
                inner = self._read_by(typed[0], Where(owner.path, class_.parent, class_.line), depth + 1)
                if inner is None and owner not in self.classes:
                    return None
                found |= inner or set()
            for index in class_.methods.values():
                found |= set(_validated(project.facts[owner.path].functions[index]))
        return found

    def is_key(self, of: ProjectClass, name: str) -> bool:
        """Whether an attribute of a class, or of one that it is derived from, is a primary key."""
        family = (one for one in self.contexts.project.family(of) if isinstance(one, ProjectClass))
        bindings = (self.contexts.project.class_(one).bindings.get(name, ()) for one in family)
        calls = (call for bound in bindings for call in _calls(bound))
        return any(dict(call.keywords).get("primary_key") == Constant(True, "bool") for call in calls)

    def is_mapped(self, of: ProjectClass) -> bool:
        """Whether rows are objects of a class."""
        return any(one in self.classes for one in self.contexts.project.family(of))

    def loads_at_once(self, of: ProjectClass) -> bool:
        """Whether rows of a class come with related rows."""
        family = self.contexts.project.family(of)
        return any(eager and owner in family for owners in self.related.values() for owner, eager in owners)

    def is_plain_model(self, of: ProjectClass) -> bool:
        """Whether a class is a model of pydantic that is no table."""
        family = self.contexts.project.family(of)
        return of not in self.classes and any(isinstance(one, Outside) and one.name in MODELS for one in family)


def _is_mapped(bindings: tuple[Binding, ...]) -> bool:
    return any(last_name(call.callee) in _MAPPED | _LAZY or _is_table_field(call) for call in _calls(bindings))


def _is_table_field(call: Call) -> bool:
    keys = {key for key, _ in call.keywords}
    return last_name(call.callee) == "Field" and bool(
        keys & {"primary_key", "foreign_key", "sa_column", "sa_type", "index"}
    )


def _calls(bindings: tuple[Binding, ...]) -> list[Call]:
    return [binding.value for binding in bindings if isinstance(binding.value, Call)]


def _is_eager(call: Call) -> bool:
    keywords = dict(call.keywords)
    inner = keywords.get("sa_relationship_kwargs")
    if isinstance(inner, Collection) and inner.keys:
        keywords |= dict(zip(inner.keys, inner.items, strict=True))
    how = keywords.get("lazy")
    return isinstance(how, Constant) and how.value in _EAGER


def _is_filled(call: Call) -> bool:
    given = (*call.arguments, *(value for _, value in call.keywords))
    inner = [one for one in given if isinstance(one, Call)]
    keys = {key for key, _ in call.keywords} | {key for one in inner for key, _ in one.keywords}
    inside = {key for _, value in call.keywords if isinstance(value, Collection) for key in value.keys}
    return bool((keys | inside) & _BY_DATABASE) or any(last_name(one.callee) in _COMPUTED for one in inner)


def _aliases(bindings: tuple[Binding, ...]) -> Iterator[str]:
    """The other names that a field of a model may be read by."""
    for call in _calls(bindings):
        for _, value in call.keywords:
            if isinstance(value, Constant) and isinstance(value.value, str) and value.value.isidentifier():
                yield value.value


def _validated(function: Function) -> Iterator[str]:
    if any(
        _decorator(one) in VALIDATING | _RUNNING | {"field_serializer", "model_serializer"}
        for one in function.decorators
    ):
        yield from (read.removeprefix(".") for read in function.reads)


def _decorator(decorator: Expression | None) -> str:
    return last_name(decorator.callee if isinstance(decorator, Call) else decorator)
