"""Which classes a value is an instance of, where that is certain, for what asks with `isinstance`."""

from collections.abc import Iterator

from rules.core.facts import Attribute, Call, Choice, Collection, Constant, Expression, Name, Narrowing, Subscript
from rules.core.project import Project
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where

HOPS = 3  # names that are given names
PLAIN = frozenset(
    {"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "pydantic.BaseModel", "sqlmodel.SQLModel"}
)
"""The classes of which nothing is inherited that `isinstance` or a test for truth would tell."""
TRUTHFUL = frozenset(
    {
        *(f"fastapi.{name}" for name in ("BackgroundTasks", "Request", "Response", "WebSocket")),
        *("starlette.background.BackgroundTasks", "starlette.requests.Request", "starlette.responses.Response"),
        *("sqlalchemy.orm.Session", "sqlalchemy.ext.asyncio.AsyncSession", "sqlmodel.Session"),
    }
)
"""Classes of libraries whose objects always count as true."""
_OPEN = frozenset({"abc", "collections", "numbers", "types", "typing", "typing_extensions"})
"""The modules of classes that others may be instances of without deriving from them."""
TEXTS = frozenset({"json.dumps", "builtins.repr", "os.path.join"})
"""What gives a text in any case."""
_BUILTIN = frozenset(f"builtins.{name}" for name in ("str", "int", "float", "bytes", "dict", "list", "set", "tuple"))


_GENERIC = {
    **{f"builtins.{name}": f"builtins.{name}" for name in ("dict", "list", "set", "tuple")},
    **{f"typing.{name}": f"builtins.{name.lower()}" for name in ("Dict", "List", "Set", "Tuple")},
}
"""Classes that are told in an annotation what they hold: `dict[str, int]`."""


def kinds_asked(one: Narrowing, where: Where, project: Project) -> frozenset[str]:
    """The classes of which a value must be an instance, with what they derive from, or of which it must be none; empty where
    one of them is unknown.
    """
    parts = one.annotation.items if isinstance(one.annotation, Collection) else (one.annotation,)
    options = [option for part in parts for option in (part.options if isinstance(part, Choice) else (part,))]
    names = [name for option in options for name in _asked(project.value(option, where), project, one)]
    return frozenset(names) if all(names) else frozenset()


def _asked(of: Value | None, project: Project, asking: Narrowing) -> Iterator[str]:
    if isinstance(of, ProjectClass):
        family = (of,) if asking.excluded else project.family(of)
        yield from (name for one in family if (name := _name(one, project)) not in PLAIN)
    else:
        yield of.name if isinstance(of, Outside) and _is_closed(of.name) else ""


def _is_closed(name: str) -> bool:
    """Whether only what derives from a class of a library is an instance of it."""
    if name.startswith("builtins."):
        return name != "builtins.object"
    return name.partition(".")[0] not in _OPEN and name.rpartition(".")[2][:1].isupper()


def kinds_of(given: Expression | None, where: Where, project: Project, hops: int = HOPS) -> frozenset[str]:
    """The class of a value and all that it derives from; none where that is not certain."""
    match given:
        case Constant(kind="bool"):
            return frozenset({"builtins.bool", "builtins.int"})
        case Constant(kind=kind) if kind != "unknown":
            return frozenset({f"builtins.{kind}"})
        case Call(callee=callee):
            return _made_by(project.value(callee, where), project)
        case Name(id=name) if hops:
            return _of_name(name, where, project, hops)
        case _:
            return frozenset()


def _of_name(name: str, where: Where, project: Project, hops: int) -> frozenset[str]:
    function = project.function(where)
    bindings = function.bindings.get(name, ())
    place = next((place for place, one in enumerate(function.parameters) if one.name == name), -1)
    if place < 0:
        is_told = len(bindings) == 1
        return kinds_of(bindings[0].value, where, project, hops - 1) if is_told else frozenset()
    annotation, default = function.parameters[place].annotation, function.parameters[place].default
    is_typed = isinstance(annotation, (Name, Attribute)) and default is None
    if isinstance(annotation, Subscript) and default is None and not bindings:
        of = project.value(annotation.of, Where(where.path, function.parent, function.line))
        return frozenset({_GENERIC[of.name]}) if isinstance(of, Outside) and of.name in _GENERIC else frozenset()
    if bindings or not (is_typed or (place == 0 and function.is_bound)):
        return frozenset()
    value = project.name(name, where)
    return frozenset(_names(value.of, project)) if isinstance(value, Object) else frozenset()


def _made_by(callee: Value | None, project: Project) -> frozenset[str]:
    """What a call gives: an object of the class that is called, or what a function is said to return."""
    if isinstance(callee, Outside) and callee.name in TEXTS:
        return frozenset({"builtins.str"})
    if isinstance(callee, ProjectFunction):
        function = project.function(callee)
        if function.asynchronous or not isinstance(function.returns, (Name, Attribute)):
            return frozenset()
        callee = project.value(function.returns, Where(callee.path, function.parent, function.line))
    return frozenset(_names(callee, project))


def _names(of: Value | None, project: Project) -> tuple[str, ...]:
    if isinstance(of, Outside):
        return (of.name,) if of.name in _BUILTIN else ()
    if not isinstance(of, ProjectClass):
        return ()
    names = []
    for owner in project.family(of):
        if isinstance(owner, ProjectClass):
            class_ = project.class_(owner)
            where = Where(owner.path, class_.parent, class_.line)
            if None in [project.value(base, where) for base in class_.bases]:
                return ()
        elif owner.name not in PLAIN:
            return ()
        names.append(_name(owner, project))
    return tuple(name for name in names if name not in PLAIN)


def _name(of: ProjectClass | Outside, project: Project) -> str:
    return of.name if isinstance(of, Outside) else f"{of.path}:{project.class_(of).qualname}"
