"""What names a file: whether it is one name in two places, and whether others may have it."""

from collections.abc import Iterable, Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Choice,
    Collection,
    Computed,
    Constant,
    Element,
    Entered,
    Expression,
    Function,
    Name,
    Subscript,
    last_name,
)
from rules.core.values import ProjectFunction

_WRAPPING = frozenset({"Path", "PurePath", "str"})
_JOINING = _WRAPPING | {
    *("join", "joinpath", "with_name", "with_suffix", "resolve", "absolute"),
    *("body", "form", "get", "json", "lower", "strip"),
    *("basename", "format", "normpath", "replace", "secure_filename", "splitext"),
}
LOOKING = frozenset({"exists", "is_file", "isfile"})
UNIQUE = frozenset(
    {
        *("uuid1", "uuid4", "uuid7", "token_hex", "token_urlsafe", "mkstemp", "mkdtemp", "mktemp", "gettempprefix"),
        *("NamedTemporaryFile", "TemporaryDirectory", "TemporaryFile", "SpooledTemporaryFile"),
    }
)

_STREAMS = frozenset({"BytesIO", "StringIO", "BufferedWriter", "SpooledTemporaryFile"})
_PATHS = frozenset({"Path", "PurePath", "join", "joinpath", "with_name", "with_suffix", "resolve", "absolute"})
_WORDS = ("path", "filename", "file_name", "dir", "folder")
_OF_PATHS = frozenset(
    {"open", "copyfile", "download_file", "download_to_filename", "fget_object", "make_archive", "run"}
    | {"write_text", "write_bytes"}
)

MOST_REACHED = 100  # functions behind one; more are not followed

Named = frozenset[Expression]
_NONE: Named = frozenset()


def parameters_given(call: Call, target: ProjectFunction, contexts: Contexts) -> Iterator[tuple[Name, Expression]]:
    """The parameters of a function, each with what a call gives for it."""
    facts = contexts.project.function(target)
    names = [one.name for one in facts.parameters[facts.is_bound :]]
    pairs = (*zip(names, call.arguments, strict=False), *call.keywords)
    yield from ((Name(name), value) for name, value in pairs if name in names and value is not None)


def named(path: Expression | None, function: ProjectFunction, contexts: Contexts) -> Named:
    """What names a file: a local name by what it is bound to, where that is one thing. One that nobody else can have is none."""
    facts = contexts.project.function(function)
    if path is None or is_for_one(path, facts):
        return _NONE
    path, followed = unwrapped(path), set[Expression]()
    while isinstance(path, Name) and path not in followed:
        followed.add(path)
        bound = {unwrapped(one.value) for one in facts.bindings.get(path.id, ())}
        bound.discard(path)  # a path that is only made a text, or the other way round, is the same one
        if len(bound) > 1 or any(isinstance(one, (Element, Entered)) for one in bound):
            return frozenset({_local(path, function)})
        path = next(iter(bound), path)
    return frozenset({path})


def unwrapped(path: Expression) -> Expression:
    """What is made a path or a text of, where it is nothing more."""
    while (
        isinstance(path, Call)
        and last_name(path.callee) in _WRAPPING
        and len(path.arguments) == 1
        and path.arguments[0]
    ):
        path = path.arguments[0]
    return path


def _local(name: Expression, function: ProjectFunction) -> Expression:
    """A name as nobody but its function knows it."""
    return Subscript(name, (Constant(f"{function.path}:{function.index}", "str"),))


def is_told(path: Expression, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether the name of a file is made of what the program or the request says, and of nothing else."""
    facts = contexts.project.function(function)
    parts = [*parts_of(path, facts)]
    if any(isinstance(one, (Element, Entered)) for one in parts) or not _called(parts) <= _JOINING:
        return False
    names = {one.id for one in parts if isinstance(one, Name)} & {parameter.name for parameter in facts.parameters}
    own = {facts.parameters[0].name} & names if facts.is_bound else set[str]()
    kept = {one.name for one in parts if isinstance(one, Attribute) and isinstance(one.of, Name) and one.of.id in own}
    if own and (not kept or not kept <= (_told_attributes(function, contexts) or set())):
        return False
    return (
        names <= own
        or contexts.root_of(function) is not None
        or names <= own | (_told_parameters(function, contexts) or set())
    )


@told_once
def _told_parameters(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """The parameters of a function for which what runs while requests are served gives what the program or the request says."""
    parameters = contexts.project.function(function).parameters
    found = set[str]()
    for call, at in contexts.project.calls_of(function):
        caller = ProjectFunction(at.path, at.function)
        if at.function == 0 or caller in contexts.loop:  # what a module makes is made for all
            given = dict(parameters_given(call, function, contexts))
            found |= {one.name for one in parameters if one.has_default and Name(one.name) not in given}
            found |= {name.id for name, value in given.items() if is_told(value, caller, contexts)}
    return frozenset(found)


@told_once
def _told_attributes(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """The attributes of the object of a method that only hold what the program or the request says."""
    class_ = contexts.project.facts[function.path].classes[contexts.project.function(function).owner]
    return frozenset(
        name
        for name, bindings in (class_.bindings | class_.attributes).items()
        if all(is_told(one.value, ProjectFunction(function.path, one.function), contexts) for one in bindings)
    )


def is_file(path: Expression, method: str, facts: Function) -> bool:
    """Whether what a method of this name writes to is certainly a file, not a place in memory."""
    if is_in_memory(path, facts):
        return False
    parts = [*parts_of(path, facts)]
    called = _called(parts)
    texts = (one.value for one in parts if isinstance(one, Constant) and isinstance(one.value, str))
    names = (last_name(one).lower() for one in parts if isinstance(one, (Name, Attribute)))
    is_told = any(set("./") & set(text) for text in texts) or any(word in name for name in names for word in _WORDS)
    is_told |= any(isinstance(one, Computed) for one in parts)
    return method in _OF_PATHS or bool(called & _PATHS) or is_told


def is_in_memory(path: Expression, facts: Function) -> bool:
    """Whether what is read or written is a stream in memory."""
    return not _called(parts_of(path, facts)).isdisjoint(_STREAMS)


def is_for_one(path: Expression, facts: Function) -> bool:
    """Whether a file or a directory has a name that nobody else is given."""
    return not _called(parts_of(path, facts)).isdisjoint(UNIQUE)


def _called(parts: Iterable[Expression]) -> set[str]:
    return {last_name(one.callee) for one in parts if isinstance(one, Call)}


def parts_of(path: Expression, facts: Function) -> Iterator[Expression]:
    """All that an expression is made of, and what the local names in it are bound to."""
    waiting: list[Expression | None] = [path]
    followed = set[str]()
    while waiting:
        one = waiting.pop()
        if one is None:
            continue
        yield one
        if isinstance(one, Name) and one.id not in followed:
            followed.add(one.id)
            waiting += [binding.value for binding in facts.bindings.get(one.id, ())]
        waiting += inside_of(one)


def within(expression: Expression) -> Iterator[Expression]:
    """The expression, and all that stands in it."""
    yield expression
    for one in inside_of(expression):
        if one is not None:
            yield from within(one)


def inside_of(expression: Expression) -> list[Expression | None]:
    """What stands in an expression: what a method is called on and given, what something is made of, not the names of functions."""
    match expression:
        case Name() | Constant():  # as most are
            return []
        case Attribute(of=of) | Awaited(of=of) | Entered(of=of) | Element(of=of):
            return [of]
        case Subscript(of=of, items=items):
            return [of, *items]
        case Call(callee=Attribute(of=of), arguments=arguments):
            return [of, *arguments]
        case Call(arguments=arguments):
            return [*arguments]
        case Choice(options=parts) | Collection(items=parts) | Computed(parts=parts):
            return [*parts]
        case _:
            return []
