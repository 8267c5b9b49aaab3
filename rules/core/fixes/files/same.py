"""Files that have one name for all requests, or for all of a second: on the event loop one is written after the other, in threads
two are written at once.

What two write into one file at the same time is mixed up, or cut off: both begin where the file begins.
"""

from collections.abc import Sequence

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Call,
    Choice,
    Collection,
    Computed,
    Constant,
    Expression,
    Name,
    Site,
    Subscript,
    last_name,
)
from rules.core.fixes.files.calls import written_by
from rules.core.fixes.files.names import parameters_given, parts_of
from rules.core.usage import reached
from rules.core.values import ProjectFunction, Where

WRITTEN_AT_ONCE = "It writes a file that has one name for all requests, or for all of the same second: in threads, two of them can write it at once."
ONE_NAME = "it writes a file that has one name for all requests, or for all of the same second"
_JOINING = frozenset({"Path", "PurePath", "str", "join", "joinpath", "with_name", "with_suffix", "resolve", "absolute"})
_PLACES = frozenset({"getenv", "getcwd", "cwd", "dirname", "abspath", "gettempdir", "home", "expanduser"})
_CLOCKS = frozenset({"time", "timestamp"})
_NOWHERE = "devnull"

Names = frozenset[str]


def writes_same_file(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function, or one that it calls, writes a file of which the program alone tells the name."""
    inside = reached(function, contexts)
    if not any(_written(inner, contexts) for inner in inside):
        return False
    return any(
        not all(_written(inner, contexts))
        or any(_tells(inner, place, contexts) for place in range(len(contexts.project.function(inner).sites)))
        for inner in inside
    )


def writes_same_file_at(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call does so, itself or by what it leads to."""
    written = (path for one, path in written_by(function, contexts) if one == site)
    if any(_open_names(path, function, contexts) == frozenset() for path in written):
        return True
    place = contexts.project.function(function).sites.index(site)
    targets = contexts.targets(function, place)
    return _tells(function, place, contexts) or any(writes_same_file(one, contexts) for one in targets)


@told_once
def _written(function: ProjectFunction, contexts: Contexts) -> tuple[Names, ...]:
    """For each file that a function writes under a name of the program, the parameters that are part of the name."""
    names = (_open_names(path, function, contexts) for _, path in written_by(function, contexts))
    return tuple(one for one in names if one is not None)


def _tells(function: ProjectFunction, place: int, contexts: Contexts) -> bool:
    """Whether a call leads to a function that writes a file, and gives all of its name that the program does not tell there."""
    call = contexts.project.function(function).sites[place].call
    for target in contexts.targets(function, place):
        given = dict(parameters_given(call, target, contexts))
        one_name = {name.id for name, value in given.items() if _open_names(value, function, contexts) == frozenset()}
        parameters = contexts.project.function(target).parameters
        kept = {one.name for one in parameters if one.has_default and Name(one.name) not in given}
        if any(names and names <= one_name | kept for names in _written(target, contexts)):
            return True
    return False


def _open_names(path: Expression, function: ProjectFunction, contexts: Contexts) -> Names | None:
    """The parameters among what names a file; None where more than they and the program tell it."""
    facts, top = contexts.project.function(function), contexts.project.facts[function.path].functions
    own = {parameter.name for parameter in facts.parameters}
    every = [*parts_of(path, facts)]
    parts = _without_clocks(every, function, contexts)
    names = {one.id for one in parts if isinstance(one, Name)}
    changed = {name for other in top[1:] for name in other.writes}
    is_of_program = all(
        isinstance(one, (Name, Attribute, Choice, Computed, Constant))
        or _joins(one)
        or _is_of_table(one, function, contexts)
        for one in parts
    )
    is_told = any(isinstance(one, Constant) and isinstance(one.value, str) and "." in one.value for one in parts)
    is_told |= len(parts) < len(every) or any(name not in facts.bindings for name in names)
    if any(_is_of_outer(name, function, contexts) for name in names):
        return None
    if not is_of_program or not is_told or names & changed or _NOWHERE in {last_name(one) for one in parts}:
        return None
    if any(isinstance(one, Constant) and one.value is None for one in parts):
        return None
    return frozenset(names & own)


def _is_of_outer(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a name is one of a function around it, which others call with another one."""
    facts = contexts.project.function(function)
    while facts.parent > 0 and name not in facts.bindings and name not in {one.name for one in facts.parameters}:
        facts = contexts.project.function(ProjectFunction(function.path, facts.parent))
        if name in facts.bindings or name in {one.name for one in facts.parameters}:
            return True
    return False


def _without_clocks(parts: Sequence[Expression], function: ProjectFunction, contexts: Contexts) -> Sequence[Expression]:
    """What names a file but for what tells a time in it, which two requests have in common."""
    facts = contexts.project.function(function)
    clocks = [one for one in parts if _tells_second(one) or _gives_second(one, function, contexts)]
    within = {inner for clock in clocks for inner in parts_of(clock, facts)}
    return [one for one in parts if one not in within]


def _tells_second(part: Expression) -> bool:
    """Whether a call writes a time down, without parts of a second: `datetime.now().strftime("%H%M%S")`, `int(time.time())`."""
    match part:
        case Call(callee=callee, arguments=(Constant(value=str(form)), *_)) if last_name(callee) == "strftime":
            return "%f" not in form
        case Call(callee=Name(id="int"), arguments=(Call(callee=callee),)):
            return last_name(callee) in _CLOCKS
        case _:
            return False


def _gives_second(part: Expression, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call gets a time that a helper has written down."""
    if not isinstance(part, Call) or part.arguments or part.keywords:
        return False
    helper = contexts.project.value(part.callee, Where(function.path, function.index))
    results = contexts.project.function(helper).results if isinstance(helper, ProjectFunction) else ()
    return bool(results) and all(map(_tells_second, results))


def _joins(part: Expression) -> bool:
    return isinstance(part, Call) and last_name(part.callee) in _JOINING | _PLACES


def _is_of_table(part: Expression, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether something is looked up in a table of the module: `PATHS["rows"]`, `PATHS.get("rows")`."""
    match part:
        case Subscript(of=Name(id=name)) | Call(callee=Attribute(of=Name(id=name), name="get"), arguments=(_,)):
            own = contexts.project.function(function)
            is_local = name in own.bindings or name in {one.name for one in own.parameters}
            bound = contexts.project.facts[function.path].bound(name)
            return not is_local and any(isinstance(one.value, Collection) for one in bound)
        case _:
            return False
