"""What certainly neither waits nor computes for long, so that it may stand on the event loop.

Data is what literals, parameters with plain types and answers hold, and what is made of that; its own methods are quick. A
call of anything else is quick only where a row says so, or where all of a project function is. What is unknown is not calm.
"""

import builtins

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Choice,
    Collection,
    Computed,
    Constant,
    Defined,
    Element,
    Expression,
    Name,
    Parameter,
    Site,
    Subscript,
    Typed,
)
from rules.core.fixes.sharing.hazards import touches_shared
from rules.core.library import Weight
from rules.core.usage import reached
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where

_PLAIN = (str, bytes, dict, list, set, tuple, frozenset, int, float)
_METHODS = frozenset(name for type_ in _PLAIN for name in dir(type_) if not name.startswith("_")) | {
    *("json", "raise_for_status", "model_dump", "model_dump_json", "to_dict", "isoformat", "strftime", "timestamp"),
    *("date", "time", "total_seconds", "dict"),
}
_DATA_TYPES = frozenset(f"builtins.{type_.__name__}" for type_ in (*_PLAIN, bool)) | {
    *("datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "uuid.UUID", "decimal.Decimal"),
    *("pydantic.EmailStr", "pydantic.HttpUrl", "pydantic.AnyUrl", "pydantic.SecretStr"),
}
_TOLD = frozenset(
    f"builtins.{name}"
    for name in (
        "isinstance",
        "issubclass",
        "hasattr",
        "callable",
        "len",
        "bool",
        "int",
        "float",
        "str",
        "repr",
        "any",
        "all",
        "id",
    )
) | {f"{module}.{name}" for module in ("jwt", "jose.jwt") for name in ("encode", "decode")}
"""What they give is plain, whatever they are asked of."""
_CONTAINERS = frozenset(
    f"{module}.{name}"
    for module in ("builtins", "typing", "collections.abc")
    for name in (
        *("list", "dict", "set", "tuple", "frozenset", "List", "Dict", "Set", "Tuple", "Optional", "Union"),
        *("Annotated", "Sequence", "Mapping", "Iterable", "Literal", "MutableMapping"),
    )
)
_DATA_BASES = frozenset(
    {
        *("pydantic.BaseModel", "enum.Enum", "enum.StrEnum", "enum.IntEnum", "builtins.Exception", "builtins.str"),
        *("builtins.int", "typing.TypedDict", "typing.NamedTuple", "pydantic_settings.BaseSettings"),
    }
)
_THREAD_BOUND = frozenset({"threading.local", "contextvars.ContextVar"})
_DEEPEST = 12  # steps from one expression; real code needs five


class Calm(msgspec.Struct):
    """Answers for one analysis, each worked out once."""

    contexts: Contexts
    _functions: dict[ProjectFunction, bool] = msgspec.field(default_factory=dict)
    _names: dict[tuple[str, Where], bool] = msgspec.field(default_factory=dict)
    _depth: int = 0

    def is_calm(self, function: ProjectFunction) -> bool:
        """Whether all that a `def` does is quick, from end to end."""
        if function not in self._functions:
            self._functions[function] = True  # a function that calls itself
            self._functions[function] = self._is_calm(function)
        return self._functions[function]

    def _is_calm(self, function: ProjectFunction) -> bool:
        facts = self.contexts.project.function(function)
        return not (facts.asynchronous or facts.generator) and self._runs_quickly(function)

    def _runs_quickly(self, function: ProjectFunction) -> bool:
        facts = self.contexts.project.function(function)
        return self.is_quiet(function) and all(
            self.is_quick(s, Where(function.path, function.index, s.line)) for s in facts.sites
        )

    def is_quiet(self, function: ProjectFunction) -> bool:
        """Whether, calls aside, nothing runs hidden code: no attribute that loads, no lock, nothing of one thread."""
        facts = self.contexts.project.function(function)
        if facts.managers or self.contexts.live_attributes & set(facts.reads):
            return False
        return not any(self.is_thread_bound(name, function) for name in facts.reads)

    def is_thread_bound(self, name: str, function: ProjectFunction) -> bool:
        """Whether a name stands for what is another thing in each thread or context."""
        value = self.contexts.project.name(name, Where(function.path, function.index))
        return (
            isinstance(value, Object)
            and isinstance(value.of, Outside)
            and value.of.name in (_THREAD_BOUND | self.contexts.project.knowledge.per_thread)
        )

    def is_quick(self, site: Site, where: Where) -> bool:
        """Whether a call, and what it is given to call, neither waits nor computes for long."""
        if site.is_loop:
            return isinstance(site.call.callee, Attribute) and self.is_data(site.call.callee.of, where)
        if not all(map(self.is_calm, self._handed(site.call, where))):
            return False
        if site.entered:
            return self._is_quick_manager(self.contexts.project.value(site.call.callee, where))
        return self._is_quick_callee(self.contexts.project.value(site.call.callee, where), site.call, where)

    def _is_quick_manager(self, callee: Value | None) -> bool:
        """Whether it is a context manager of the project that others may run beside, while it is entered."""
        if not isinstance(callee, ProjectFunction):
            return False
        if any(touches_shared(inner, self.contexts) for inner in reached(callee, self.contexts)):
            return False
        decorators = self.contexts.project.decorators(callee)
        return decorators == (Outside("contextlib.contextmanager"),) and self._runs_quickly(callee)

    def _handed(self, call: Call, where: Where) -> list[ProjectFunction]:
        """The functions of the project that stand among the arguments."""
        given = (*call.arguments, *(value for _, value in call.keywords))
        values = [self.contexts.project.value(g, where) for g in given if isinstance(g, (Name, Attribute, Defined))]
        return [value for value in values if isinstance(value, ProjectFunction)]

    def _is_quick_callee(self, callee: Value | None, call: Call, where: Where) -> bool:
        match callee:
            case Outside(name=name) if self._is_quick_name(name):
                return True
            case ProjectFunction():
                return not self.contexts.project.function(callee).decorators and self.is_calm(callee)
            case ProjectClass():
                return self._is_quick_class(callee)
            case Outside(name=name) if self.contexts.project.knowledge.blocking(name) is not None:
                return False
            case None | Outside():
                return self._is_method_of_data(call.callee, where)
            case _:
                return False

    def _is_quick_name(self, name: str) -> bool:
        if self.contexts.project.knowledge.is_quick(name):
            return True
        module, _, last = name.rpartition(".")
        builtin = getattr(builtins, last, None) if module == "builtins" else None
        return isinstance(builtin, type) and issubclass(builtin, BaseException)

    def _is_quick_class(self, of: ProjectClass) -> bool:
        """A class whose making runs nothing but its own quick `__init__`; models only where they validate plainly."""
        made = self.contexts.project.member(Object(of), "__init__")
        if isinstance(made, ProjectFunction):
            return self.is_calm(made)
        family = self.contexts.project.family(of)
        validating = any(self.contexts.project.class_(o).methods for o in family if isinstance(o, ProjectClass))
        return not validating and all(o.name in _DATA_BASES for o in family if isinstance(o, Outside))

    def _is_method_of_data(self, callee: Expression, where: Where) -> bool:
        return isinstance(callee, Attribute) and callee.name in _METHODS and self.is_data(callee.of, where)

    # Data

    def is_data(self, expression: Expression | None, where: Where) -> bool:
        """Whether it is data, behind which nothing waits; literals that facts do not hold are."""
        if expression is None:
            return True
        if self._depth > _DEEPEST:
            return False
        self._depth += 1
        try:
            return self._is_data(expression, where)
        finally:
            self._depth -= 1

    def _is_data(self, expression: Expression, where: Where) -> bool:
        match expression:
            case Constant(kind=kind):
                return kind != "unknown"
            case Collection(items=parts) | Computed(parts=parts) | Choice(options=parts):
                return all(self.is_data(part, where) for part in parts)
            case Name(id=name):
                return self._is_data_name(name, where)
            case Attribute(of=of, name=name):
                return f".{name}" not in self.contexts.live_attributes and self._is_inside_data(of, where)
            case Subscript(of=of) | Element(of=of):
                return self._is_inside_data(of, where)
            case Awaited(of=of):
                return self.is_data(of, where)
            case Call():
                return self._gives_data(expression, where)
            case Typed(annotation=annotation):
                return self.is_data_type(annotation, where)
            case _:
                return False

    def _is_inside_data(self, of: Expression, where: Where) -> bool:
        """Whether what lies in it is data too: not where it is a global that is filled later."""
        if isinstance(of, Name) and not self._is_local(of.id, where):
            value = self._global(of, where)
            if value is None or value[0] == Collection(()):
                return False
        return self.is_data(of, where)

    def _is_local(self, name: str, where: Where) -> bool:
        facts = self.contexts.project.function(where)
        return where.function > 0 and (name in facts.bindings or any(p.name == name for p in facts.parameters))

    def _global(self, name: Name, where: Where) -> tuple[Expression, Where] | None:
        origin = self.contexts.project.origin(name, Where(where.path))
        if origin is None:
            return None
        bindings = self.contexts.project.facts[origin[0]].bound(origin[1])
        return (bindings[0].value, Where(origin[0], 0, bindings[0].line)) if len(bindings) == 1 else None

    def _is_data_name(self, name: str, where: Where) -> bool:
        key = (name, Where(where.path, where.function))
        if key not in self._names:
            self._names[key] = True  # `x = x.strip()`
            self._names[key] = self._is_data_name_now(name, where)
        return self._names[key]

    def _is_data_name_now(self, name: str, where: Where) -> bool:
        facts = self.contexts.project.function(where)
        if where.function > 0:
            bindings = facts.bindings.get(name, ())
            parameter = next((p for p in facts.parameters if p.name == name), None)
            if parameter is not None and not self._is_data_parameter(parameter, where):
                return False
            if bindings or parameter is not None:
                return all(self.is_data(b.value, Where(where.path, where.function, b.line)) for b in bindings)
        found = self._global(Name(name), where)
        return found is not None and isinstance(found[0], (Constant, Collection, Computed)) and self.is_data(*found)

    def _is_data_parameter(self, parameter: Parameter, where: Where) -> bool:
        facts = self.contexts.project.function(where)
        outer = Where(where.path, facts.parent, facts.line)
        if parameter.annotation is not None:
            return parameter.kind == "normal" and self.is_data_type(parameter.annotation, outer)
        return isinstance(parameter.default, (Constant, Collection))

    def is_data_type(self, annotation: Expression | None, where: Where) -> bool:
        """Whether an annotation names types of plain data only."""
        match annotation:
            case None | Constant():
                return True
            case Choice(options=options):
                return all(self.is_data_type(option, where) for option in options)
            case Subscript(of=of, items=items):
                named = self.contexts.project.value(of, where)
                is_container = isinstance(named, Outside) and named.name in _CONTAINERS
                first = items[:1] if isinstance(named, Outside) and named.name.endswith("Annotated") else items
                return is_container and all(self.is_data_type(item, where) for item in first)
            case Name() | Attribute():
                return self._is_data_class(self.contexts.project.value(annotation, where))
            case _:
                return False

    def _is_data_class(self, of: Value | None) -> bool:
        if isinstance(of, Outside):
            return of.name in _DATA_TYPES
        if not isinstance(of, ProjectClass):
            return False
        family = self.contexts.project.family(of)
        bases = [owner for owner in family if isinstance(owner, Outside)]
        return bool(bases) and all(base.name in _DATA_BASES for base in bases)

    def _gives_data(self, call: Call, where: Where) -> bool:
        callee = self.contexts.project.value(call.callee, where)
        match callee:
            case Outside(name=name) if self._is_answer(name, call):
                return True
            case Outside(name=name) if name in _TOLD:
                return True
            case Outside(name=name) if name.startswith("builtins.") and self._is_quick_name(name):
                return all(self.is_data(argument, where) for argument in call.arguments)
            case Outside(name=name) if self._is_quick_name(name):
                return True
            case ProjectClass():
                return self._is_data_class(callee)
            case ProjectFunction():
                return self._returns_data(callee)
            case _:
                return self._is_method_of_data(call.callee, where)

    def _is_answer(self, name: str, call: Call) -> bool:
        """Whether a call waits for an answer, which it gives as a whole."""
        row = self.contexts.project.knowledge.blocking(name)
        streamed = dict(call.keywords).get("stream", Constant(False, "bool"))
        if row is None:
            return False
        pack = row.rule.partition("/")[0]
        whole = not (row.lazy or row.opens) and streamed == Constant(False, "bool")
        return row.weight is Weight.WAIT and whole and (pack == "clients" or row.rule == "databases/redis")

    def _returns_data(self, of: ProjectFunction) -> bool:
        facts = self.contexts.project.function(of)
        if facts.generator or facts.decorators:
            return False
        if facts.returns is not None:
            return self.is_data_type(facts.returns, Where(of.path, facts.parent, facts.line))
        return bool(facts.results) and all(self.is_data(r, Where(of.path, of.index)) for r in facts.results)
