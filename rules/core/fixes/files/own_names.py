"""Names that nobody else gives a file: something in them is drawn at random, told by a fine clock, or counted by a database."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Collection, Constant, Expression, Name, Subscript, last_name, names_in
from rules.core.fixes.files.names import LOOKING, UNIQUE, inside_of, parameters_given
from rules.core.library import Role
from rules.core.mentions import files_that_could_mean, names_of, sites_of
from rules.core.repository import is_offline
from rules.core.values import Object, ProjectClass, ProjectFunction, Where

_DRAWN = UNIQUE | {
    *("ObjectId", "ULID", "choice", "choices", "getrandbits", "randbytes", "randint", "randrange", "sample"),
    *("token_bytes", "ulid", "urandom", "uuid6", "uuid8"),
}
_DRAWING = ("nanoid", "random", "unique", "uuid")
"""In the names of functions, parameters and attributes of which nobody sees what they give."""
_CLOCKS = frozenset(
    {"monotonic", "monotonic_ns", "now", "perf_counter", "perf_counter_ns", "time", "time_ns", "timestamp", "utcnow"}
)
_COARSE = frozenset({"date", "day", "hour", "minute", "month", "second", "year"})
_MAKING = ("add", "create", "enqueue", "generate", "insert", "make", "new", "register", "start", "submit")
_DIGESTS = frozenset({"digest", "hexdigest"})
_PUTTING = frozenset({"add", "append", "extend"})
_CONTENTS = ("blob", "body", "bytes", "content", "data", "read")
"""In what a digest is made of that names a file by what stands in it: who writes it at the same time writes the same."""
_NEW = frozenset({"devnull", "inserted_id", "lastrowid"})
_IDS = frozenset({"id", "_id", "uid", "uuid", "pk"})
_INJECTED = frozenset({"Depends", "Security"})
_REQUESTED = frozenset({Role.ENDPOINT, Role.WEBSOCKET, Role.DEPENDENCY})

Names = frozenset[str]


def hangs_on(path: Expression, function: ProjectFunction, contexts: Contexts) -> Names | None:
    """The parameters that a name is made of; None where nobody else can give it, whatever they are given."""
    facts, found = contexts.project.function(function), set[str]()
    given = {one.name for one in facts.parameters[facts.is_bound :]}
    for part, at in _parts(path, function, contexts):
        if _is_own(part, at, contexts):
            return None
        if isinstance(part, Name) and at == function and part.id in given:
            found.add(part.id)
        elif isinstance(part, Name) and at != function and are_own(frozenset({part.id}), at, contexts):
            return None
    return frozenset(found)


def is_own_name(path: Expression, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether nobody else gives this name to a file."""
    names = hangs_on(path, function, contexts)
    return names is None or are_own(names, function, contexts)


def are_own(names: Names, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether what all callers of a function give for one of these parameters is what nobody else can."""
    return any(contexts.told(_asking_for(name), function) for name in sorted(names))


@lru_cache(maxsize=256)
def _asking_for(name: str) -> Callable[[ProjectFunction, Contexts], bool]:
    """The same object each time, since what was told once is found again by what was asked."""
    return partial(_is_given_own, name)


def _is_given_own(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    facts, root = contexts.project.function(function), contexts.root_of(function)
    if any(one.name == name and _is_own_injected(one.default, function, contexts) for one in facts.parameters):
        return True
    if root is not None and root.role in _REQUESTED:
        return False
    is_called = False
    for value, at in _given(name, function, contexts):
        is_called = True
        if value is None or not is_own_name(value, ProjectFunction(at.path, at.function), contexts):
            return False
    return is_called


def _is_own_injected(default: Expression | None, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a dependency makes for each request what nobody else has."""
    if not (isinstance(default, Call) and last_name(default.callee) in _INJECTED and default.arguments):
        return False
    giver = contexts.project.value(default.arguments[0], Where(function.path, 0))
    return isinstance(giver, ProjectFunction) and _gives_own(giver, contexts)


def _given(name: str, function: ProjectFunction, contexts: Contexts) -> Iterator[tuple[Expression | None, Where]]:
    """What those give for a parameter who call the function while requests are served, or hand it on to be called."""
    for called in (function, *contexts.project.stood_for_by(function)):
        for call, at in contexts.project.calls_of(called):
            if not is_offline(at.path) and (
                at.function == 0 or _is_run(ProjectFunction(at.path, at.function), contexts)
            ):
                yield dict(parameters_given(call, function, contexts)).get(Name(name)), at
    facts = contexts.project.function(function)
    parameters = [one.name for one in facts.parameters[facts.is_bound :]]
    for path in files_that_could_mean(function, contexts.project):
        names = names_of(function, path, contexts.project)
        mentions = contexts.project.facts[path].outline.mentions
        for at, _, site in sites_of(path, contexts.project) if not is_offline(path) and names & mentions.keys() else ():
            place = _handed(site.call, function, at, contexts)
            if place is not None:
                placed = zip(parameters, site.call.arguments[place + 1 :], strict=False)
                yield dict((*placed, *site.call.keywords)).get(name), at


@told_once
def _is_run(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether anything but a test runs a function."""
    if function in contexts.loop or contexts.root_of(function) is not None:
        return True
    return any(not is_offline(at.path) for _, at in contexts.project.calls_of(function))


def _handed(call: Call, function: ProjectFunction, at: Where, contexts: Contexts) -> int | None:
    """The place of a function among the arguments of a call that hands it on, with what it is to be called with."""
    name = contexts.project.function(function).name
    named = (place for place, one in enumerate(call.arguments) if last_name(one) == name)
    return next((place for place in named if contexts.project.value(call.arguments[place], at) == function), None)


@told_once
def _gives_own(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function gives each time what nobody else has."""
    facts = contexts.project.function(function)
    given = (*facts.results, *facts.yields)
    return any(hangs_on(one, function, contexts) is None for one in given)


def _parts(
    path: Expression, function: ProjectFunction, contexts: Contexts
) -> Iterator[tuple[Expression, ProjectFunction]]:
    """All that a name is made of, each with the function where it says so; not what only tells the time roughly."""
    waiting: list[tuple[Expression | None, ProjectFunction]] = [(path, function)]
    followed = set[tuple[str, ProjectFunction]]()
    while waiting:
        one, at = waiting.pop()
        if one is None or _tells_roughly(one):
            continue
        yield one, at
        if isinstance(one, Name) and (one.id, at) not in followed:
            followed.add((one.id, at))
            waiting += _bound(one, at, contexts)
        waiting += [(inner, at) for inner in inside_of(one)]


def _bound(name: Name, at: ProjectFunction, contexts: Contexts) -> list[tuple[Expression | None, ProjectFunction]]:
    """What a name stands for, in its function or in one around it."""
    facts = contexts.project.function(at)
    if name.id in facts.bindings:
        set_in = facts.bindings.get(f"{name.id}[]", ())
        put_in = _put_in(at, contexts).get(name.id, ())
        return [*((one.value, at) for one in (*facts.bindings[name.id], *set_in)), *((one, at) for one in put_in)]
    is_given = any(one.name == name.id for one in facts.parameters)
    return [(name, ProjectFunction(at.path, facts.parent))] if facts.parent > 0 and not is_given else []


@told_once
def _put_in(function: ProjectFunction, contexts: Contexts) -> Mapping[str, tuple[Expression | None, ...]]:
    """What a function puts in lists and digests, by their names."""
    sites, found = contexts.project.function(function).sites, dict[str, tuple[Expression | None, ...]]()
    callees = (site.call.callee for site in sites)
    digests = [one.of for one in callees if isinstance(one, Attribute) and one.name in _DIGESTS]
    for site in sites:
        match site.call.callee:
            case Attribute(of=Name(id=name) as of, name=word) if word in _PUTTING or (
                word == "update" and of in digests
            ):
                given = (one for one in site.call.arguments if not isinstance(one, Collection))
                found[name] = (*found.get(name, ()), *given)
    return found


def _tells_roughly(part: Expression) -> bool:
    """Whether it tells a time that two requests may have in common: of the same second, or of the same day."""
    match part:
        case Call(callee=callee, arguments=arguments) if last_name(callee) == "strftime":
            return not any(isinstance(one, Constant) and "%f" in str(one.value) for one in arguments)
        case Call(callee=Name(id="int" | "round"), arguments=(Call(callee=callee), *_)):
            return last_name(callee) in _CLOCKS
        case Call(callee=Attribute(name="isoformat"), keywords=((_, _), *_)):
            return True
        case Attribute(of=Call(), name=name) | Call(callee=Attribute(of=Call(), name=name)):
            return name in _COARSE
        case _:
            return False


def _is_own(part: Expression, at: ProjectFunction, contexts: Contexts) -> bool:
    match part:
        case Constant(value=str(text)):
            return text.startswith("/dev/")  # where nothing is kept
        case Call(callee=callee) if last_name(callee) in _DRAWN | _CLOCKS:
            return True
        case Call(callee=Attribute(of=of, name=name)) if name in _DIGESTS:
            made_of = (last_name(one.callee if isinstance(one, Call) else one) for one, _ in _parts(of, at, contexts))
            return any(word in name.lower() for name in made_of for word in _CONTENTS)
        case Call(callee=callee):
            giver = contexts.project.value(callee, Where(at.path, at.index))
            if isinstance(giver, ProjectFunction):
                return bool(_gives_own(giver, contexts))
            return any(word in last_name(callee).lower() for word in _DRAWING)
        case Attribute(of=of, name=name):
            is_told = name in _NEW or any(word in name.lower() for word in _DRAWING)
            return is_told or (name in _IDS and _is_made(of, at, contexts)) or _is_kept_own(part, at, contexts)
        case Subscript(of=of, items=(Constant(value=str(name)),)):
            return name in _IDS and _is_made(of, at, contexts)
        case Name(id=name):
            return any(word in name.lower() for word in _DRAWING) or name in _searched(at, contexts)
        case _:
            return False


@told_once
def _searched(function: ProjectFunction, contexts: Contexts) -> Names:
    """The names that a function changes until there is no file of that name: who looks later finds another one free."""
    facts = contexts.project.function(function)
    asked = (
        expression
        for site in facts.sites
        if site.looped and last_name(site.call.callee) in LOOKING
        for expression in (site.call.callee, *site.call.arguments)
        if expression is not None
    )
    given = {one.name for one in facts.parameters}
    named = {name for expression in asked for name in names_in(expression)}
    return frozenset(name for name in named if len(facts.bindings.get(name, ())) + (name in given) > 1)


def _is_made(row: Expression, at: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a row is made there, so that what counts it is new."""
    for one, of in _parts(row, at, contexts):
        if isinstance(one, Call):
            made = contexts.project.value(one.callee, Where(of.path, of.index))
            word = last_name(one.callee).lower().lstrip("_")
            if isinstance(made, ProjectClass) or word.startswith(_MAKING):
                return True
    return False


def _is_kept_own(part: Attribute, at: ProjectFunction, contexts: Contexts) -> bool:
    """Whether an object keeps under a name what nobody else has."""
    value = contexts.project.value(part.of, Where(at.path, at.index))
    if not isinstance(value, Object) or not isinstance(value.of, ProjectClass):
        return False
    bound = contexts.project.class_(value.of).attributes.get(part.name, ())
    setting = {ProjectFunction(value.of.path, one.function) for one in bound}
    return any(
        names is None or are_own(names, method, contexts)
        for method in setting
        for names in (_kept_by(method, contexts) or {}).get(part.name, ())
    )


@told_once
def _kept_by(method: ProjectFunction, contexts: Contexts) -> Mapping[str, tuple[Names | None, ...]]:
    """What a method lets its object keep: by its name, what that hangs on."""
    facts = contexts.project.function(method)
    own = f"{facts.parameters[0].name}." if facts.is_bound and facts.parameters else " "
    return {
        name.removeprefix(own): tuple(hangs_on(one.value, method, contexts) for one in bound)
        for name, bound in facts.bindings.items()
        if name.startswith(own)
    }
