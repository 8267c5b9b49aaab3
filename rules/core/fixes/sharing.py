"""What requests share, and what belongs to one thread or to the loop: why code may not run beside others of its kind."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Element,
    Expression,
    Facts,
    Function,
    Import,
    Name,
    Subscript,
    attributes_in,
    last_name,
)
from rules.core.findings import Applicability, Fix, Span
from rules.core.fixes.iteration import ITERATED, runs_through_shared
from rules.core.fixes.owning import holds_new
from rules.core.fixes.rewriting import LOOKED, looks_for_a_name, rewriting, rewriting_between_calls
from rules.core.repository import is_offline
from rules.core.usage import wrapping
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where

SHARED = "it changes what other requests share"
BOUND = "it uses what belongs to a thread"
MAIN = "only the main thread may handle signals"
UNTHREADED = "it uses a library that no two threads may use at once"
CONTENDED = "it uses a connection that others use at the same time"
PER_THREAD = "each thread has a session of its own there"
INTERLEAVING = "It changes what requests may share, and other requests can run during the new `await`."
MEANWHILE = "What it calls changes what requests may share, and other requests run meanwhile."
CROWDING = "What it calls uses a library that no two threads may use at once, and other requests run meanwhile."
TRAVERSED = (
    "What it calls loops over something that other requests may change; where a dictionary grows meanwhile, Python raises "
    "`RuntimeError`."
)
MOST_FOLLOWED = 5  # functions and names, from what is used to where it was made
_RUNNING = frozenset({"run", "run_until_complete"})
_LOCAL = frozenset({"local"})
_KEPT = Object(Outside("threading.local"))
LOOP_MODULES = frozenset({"asyncio", "anyio", "trio"})
LOOP_METHODS = frozenset({"set_result", "set_exception", "put_nowait", "call_soon", "create_task", "ensure_future"})
"""Of objects that are not known, as in a list of queues: https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading."""
CONTEXT_SETTERS = frozenset({"contextvars.ContextVar.set", "structlog.contextvars.bind_contextvars"})
CHANGING = frozenset(
    {"append", "add", "update", "pop", "setdefault", "extend", "remove", "clear", "discard", "insert", "popitem"}
)
SETTING = frozenset({"setattr", "delattr"})
DIRECTORIES = frozenset({"shutil.rmtree", "shutil.copytree", "shutil.move"})
LOOKS = frozenset({"os.path.exists", "os.path.isdir", "pathlib.Path.exists", "pathlib.Path.is_dir"})


def marked(fix: Fix | None, function: ProjectFunction, contexts: Contexts, span: Span | None = None) -> Fix | None:
    """The fix, unsafe where other requests can now come between what the function does to shared state: at a place, if one is given."""
    difference = difference_between(function, contexts, span) if fix is not None else ""
    if fix is None or not difference or difference in fix.notes:
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(difference, *fix.notes))


def difference_between(function: ProjectFunction, contexts: Contexts, span: Span | None = None) -> str:
    """What may differ if other requests come between two calls in a function, at a place if one is given: a sentence; empty where
    nothing does.
    """
    return INTERLEAVING if touches_shared(function, contexts) else rewriting_between_calls(function, contexts, span)


def touches_shared(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    return (
        _shared_writes(facts, function, contexts)
        or any(_changes_global(site.call, facts, function, contexts) for site in facts.sites)
        or _changes_process(facts, function, contexts)
        or _enters_changed_process(facts, function, contexts)
        or _replaces_a_directory(facts, function, contexts)
    )


def _changes_process(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it changes what all threads of the process share, as the folder that they work in."""
    knowledge = contexts.project.knowledge
    called = _called_outside(facts, function, contexts)
    return any(knowledge.is_process_wide(name) or knowledge.is_for_main_thread(name) for name in called)


def _enters_changed_process(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a `with` of it changes what all threads share, as its body runs."""
    entering = (one for n, site in enumerate(facts.sites) if site.entered for one in contexts.targets(function, n))
    return any(_changes_process(contexts.project.function(one), one, contexts) for one in entering)


def _replaces_a_directory(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it looks if a directory is there, and takes it away or puts one there: two at once find what neither left."""
    called = set(_called_outside(facts, function, contexts))
    return bool(called & DIRECTORIES) and bool(called & LOOKS)


def _called_outside(facts: Function, function: ProjectFunction, contexts: Contexts) -> Iterator[str]:
    """The dotted names of the callables of libraries that it calls."""
    where = Where(function.path, function.index)
    values = (contexts.project.value(site.call.callee, where) for site in facts.sites)
    yield from (value.name for value in values if isinstance(value, Outside))


def is_called_on(classes: frozenset[str], call: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a method is called on an instance of one of the library classes."""
    receiver = contexts.project.value(call.callee.of, where) if isinstance(call.callee, Attribute) else None
    if not (isinstance(receiver, Object) and isinstance(receiver.of, Outside)):
        return False
    return not classes.isdisjoint(contexts.project.knowledge.family(receiver.of.name))


@told_once
def thread_hazard(function: ProjectFunction, contexts: Contexts) -> str:
    """Why a function may not run in a worker thread beside others, as a clause; empty where it may."""
    facts = contexts.project.function(function)
    if _shared_writes(facts, function, contexts):
        return SHARED
    if runs_through_shared(function, contexts):
        return ITERATED
    if belongs := belonging(function, contexts):
        return belongs
    is_process_wide = contexts.project.knowledge.is_process_wide
    if any(map(is_process_wide, _called_outside(facts, function, contexts))):
        return SHARED
    if _is_unthreaded(facts, function, contexts):
        return UNTHREADED
    return SHARED if any(_changes_global(site.call, facts, function, contexts) for site in facts.sites) else ""


def _is_unthreaded(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it calls what no two threads may run at once."""
    return any(map(contexts.project.knowledge.is_unthreaded, _called_outside(facts, function, contexts)))


@told_once
def belonging(function: ProjectFunction, contexts: Contexts) -> str:
    """Why a function may not run in a worker thread even if it were alone, as a clause; empty where it may."""
    project = contexts.project
    facts = project.function(function)
    if any(map(project.knowledge.is_for_main_thread, _called_outside(facts, function, contexts))):
        return MAIN
    for site in facts.sites:
        where = Where(function.path, function.index, site.line)
        callee = project.value(site.call.callee, where)
        name = callee.name if isinstance(callee, Outside) else ""
        if name.partition(".")[0] in LOOP_MODULES or (callee is None and last_name(site.call.callee) in LOOP_METHODS):
            return "it uses the event loop"
        if name in CONTEXT_SETTERS:
            return "it sets a context variable"
        if isinstance(callee, ProjectFunction) and project.function(callee).asynchronous:
            return "it starts a coroutine"
        if name.startswith("fastapi.WebSocket"):
            return "it uses a connection that belongs to the loop"
        if is_called_on(project.knowledge.thread_bound, site.call, where, contexts) and _is_not_own(site.call, facts):
            return BOUND
        if is_used_by_others(site.call, function, contexts):
            return CONTENDED
    return ""


def difference_meanwhile(function: ProjectFunction, contexts: Contexts, *, is_own: bool) -> str:
    """What may differ if others run beside a function: it, or what it calls, changes what they see, or runs through that.

    A sentence; empty where nothing does. Of an object that `is_own` only its caller knows.
    """
    if difference := rewriting(function, contexts):
        return difference
    if looks_for_a_name(function, contexts):
        return LOOKED
    seen = {(function, is_own)}
    waiting = [*seen]
    while waiting:
        current, made = waiting.pop()
        facts = contexts.project.function(current)
        made = facts.owner >= 0 and (made or facts.name == "__init__")
        own = {facts.parameters[0].name} if made and facts.parameters else set[str]()
        if _alters(facts, current, own, contexts):
            return MEANWHILE
        if _is_unthreaded(facts, current, contexts):
            return CROWDING
        if not own and runs_through_shared(current, contexts):
            return TRAVERSED
        waiting += [(one, made) for one in wrapping(current, contexts) if (one, made) not in seen]
        seen.update(waiting)
        for place, site in enumerate(facts.sites):
            is_method = isinstance(site.call.callee, Attribute)
            kept = (is_method and _roots_of(site.call) == own) or is_made_there(site.call, current, contexts)
            for found in ((target, kept) for target in contexts.targets(current, place)):
                if found not in seen:
                    seen.add(found)
                    waiting.append(found)
    return ""


def _alters(facts: Function, function: ProjectFunction, own: set[str], contexts: Contexts) -> bool:
    """Whether a function itself does, by another name than that of an object that is its own."""
    if any(name.rstrip(".") not in own for name in _shared_names(facts, function, contexts)):
        return True
    if _changes_process(facts, function, contexts):
        return True
    changed = (site.call for site in facts.sites if _changes_global(site.call, facts, function, contexts))
    return any(not _roots_of(call) <= own for call in changed)


def is_made_there(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on an object that was made for the function: nothing says that it is kept for others."""
    receiver = call.callee.of if isinstance(call.callee, Attribute) else None
    return receiver is not None and not _is_kept(receiver, function, contexts)


def _is_kept(expression: Expression, function: ProjectFunction, contexts: Contexts, depth: int = 0) -> bool:
    """Whether an expression may give what the module, or an object, keeps; a class that is called gives a new one."""
    facts = contexts.project.function(function)
    match expression:
        case _ if depth > MOST_FOLLOWED:  # names may be given each other
            return True
        case Awaited(of=of):
            return _is_kept(of, function, contexts, depth)
        case Call(callee=callee):
            called = contexts.project.value(callee, Where(function.path, function.index))
            return isinstance(called, ProjectFunction) and _gives_kept(called, contexts, depth + 1)
        case Name(id=name):
            parameter = next((one for one in facts.parameters if one.name == name), None)
            if parameter is not None:
                given = contexts.project.dependency(parameter, Where(function.path, facts.parent, facts.line))
                return not isinstance(given, ProjectFunction) or _gives_kept(given, contexts, depth + 1)
            values = [binding.value for binding in facts.bindings.get(name, ())]
            return not values or any(_is_kept(one, function, contexts, depth + 1) for one in values)
        case Attribute() | Subscript() | Element():
            return True
        case _:
            return False


def _gives_kept(function: ProjectFunction, contexts: Contexts, depth: int) -> bool:
    """Whether what a function gives may be kept: it writes somewhere, a cache stands around it, or it returns such a thing."""
    facts = contexts.project.function(function)
    if facts.writes or facts.decorators:
        return True
    return any(_is_kept(one, function, contexts, depth) for one in (*facts.results, *facts.yields))


def _roots_of(call: Call) -> set[str]:
    """The names behind which lies what a call changes: what its method is called on, or what `setattr` is given."""
    changed = call.callee.of if isinstance(call.callee, Attribute) else next(iter(call.arguments), None)
    return _root_names(changed) if changed is not None else set()


def is_used_by_others(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on a session or connection that the module keeps, and that serves one thread at a time."""
    receiver = call.callee.of if isinstance(call.callee, Attribute) else Name("")
    if isinstance(receiver, Call) and isinstance(receiver.callee, Attribute):
        return is_used_by_others(receiver, function, contexts)
    facts = contexts.project.function(function)
    where, knowledge = Where(function.path, function.index), contexts.project.knowledge
    roots = {name: contexts.project.value(Name(name), where) for name in _root_names(receiver)}
    if any(isinstance(value, Outside) and value.name in knowledge.singletons for value in roots.values()):
        return False
    is_shared = any(_is_shared(name, facts, function, contexts) for name in roots)
    if not (is_shared or _is_given_to_all(receiver, facts, function, contexts)):
        return False
    return is_called_on(knowledge.exclusive, call, where, contexts) and not is_called_on(
        knowledge.per_thread, call, where, contexts
    )


def _is_given_to_all(receiver: Expression, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it is an attribute of an object that the module keeps, or what a cached function gives: the same for all requests."""
    match receiver:
        case Attribute(of=Name(id=owner)) if owner in _own_name(facts):
            return _is_kept_by_a_module(ProjectClass(function.path, facts.owner), contexts)
        case Name(id=name):
            around = Where(function.path, facts.parent, facts.line)
            given = [contexts.project.dependency(one, around) for one in facts.parameters if one.name == name]
            bound = (binding.value for binding in facts.bindings.get(name, ()))
            where = Where(function.path, function.index)
            given += [contexts.project.value(one.callee, where) for one in bound if isinstance(one, Call)]
            return any(isinstance(one, ProjectFunction) and contexts.once.runs_once(one) for one in given)
        case Call(callee=callee):
            given_by = contexts.project.value(callee, Where(function.path, function.index))
            return isinstance(given_by, ProjectFunction) and contexts.once.runs_once(given_by)
        case _:
            return False


def _is_kept_by_a_module(of: ProjectClass, contexts: Contexts) -> bool:
    """Whether an object of a class is made at the top of a file, by a cached function, or for a global."""
    made = ProjectFunction(of.path, contexts.project.class_(of).methods.get("__init__", 0))
    calls = contexts.project.calls_of(made) if made.index else ()
    makers = {ProjectFunction(at.path, at.function) for _, at in calls if not is_offline(at.path)}
    return any(not one.index or contexts.once.runs_once(one) or _fills_a_global(one, of, contexts) for one in makers)


def _fills_a_global(maker: ProjectFunction, of: ProjectClass, contexts: Contexts) -> bool:
    """Whether a function puts an object of the class under a name of the module."""
    facts, where = contexts.project.function(maker), Where(maker.path, maker.index)
    bound = (
        (name, binding.value) for name in facts.writes for binding in contexts.project.facts[maker.path].bound(name)
    )
    return any(isinstance(value, Call) and contexts.project.value(value.callee, where) == of for _, value in bound)


@told_once
def runs_beside_itself(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a coroutine of the function, or of one that awaits it, is made without being awaited there and then, as for `gather`.

    What a generator gives is run through, one after the other. Who makes a session hands each coroutine its own.
    """
    seen = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        if contexts.project.function(current).generator:
            continue
        for call, at in contexts.project.calls_of(current):
            caller = ProjectFunction(at.path, at.function)
            facts = contexts.project.function(caller)
            hands_on = _hands_on(call, at, contexts)
            if is_offline(at.path) or _runs_alone(call, facts) or not (hands_on or current == function):
                continue
            if contexts.project.function(current).asynchronous and _is_begun(call, facts):
                return True
            if hands_on and caller not in seen and not _makes_exclusive(caller, facts, contexts):
                seen.add(caller)
                waiting.append(caller)
    return False


def _hands_on(call: Call, where: Where, contexts: Contexts) -> bool:
    """Whether a call is given what serves one thread at a time."""
    given = (*call.arguments, *(value for _, value in call.keywords))
    return any(_is_exclusive(contexts.project.value(one, where), contexts) for one in given)


def _is_begun(call: Call, caller: Function) -> bool:
    """Whether the coroutine that a call makes is not awaited there and then."""
    return any(site.call is call and not site.awaited for site in caller.sites)


def _runs_alone(call: Call, caller: Function) -> bool:
    """Whether a call makes what a loop of its own runs: https://docs.python.org/3/library/asyncio-runner.html#asyncio.run."""
    around = (site.call for site in caller.sites if call in site.call.arguments)
    return any(last_name(one.callee) in _RUNNING for one in around)


def _makes_exclusive(function: ProjectFunction, facts: Function, contexts: Contexts) -> bool:
    """Whether a function binds a name to what serves one thread at a time."""
    where = Where(function.path, function.index, facts.end_line)
    return any(_is_exclusive(contexts.project.value(Name(name), where), contexts) for name in facts.bindings)


def _is_exclusive(value: Value | None, contexts: Contexts) -> bool:
    if not (isinstance(value, Object) and isinstance(value.of, Outside)):
        return False
    knowledge = contexts.project.knowledge
    return not knowledge.exclusive.isdisjoint(knowledge.family(value.of.name))


def uses_exclusively(call: Call, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method is called on what serves one thread at a time, and was not made in the function itself."""
    receiver = call.callee.of if isinstance(call.callee, Attribute) else None
    if isinstance(receiver, Call):
        return uses_exclusively(receiver, function, contexts)
    facts = contexts.project.function(function)
    where = Where(function.path, function.index)
    return is_called_on(contexts.project.knowledge.exclusive, call, where, contexts) and _is_not_own(call, facts)


def read_from_other_threads(functions: Iterable[ProjectFunction], contexts: Contexts) -> bool:
    """Whether functions read what each thread keeps for itself, and none of them has put it there before.

    https://docs.python.org/3/library/threading.html#thread-local-data
    """
    if not contexts.project.calling_or_importing(_LOCAL):
        return False
    read, written = set[str](), set[str]()
    for function in functions:
        facts = contexts.project.function(function)
        where = Where(function.path, function.index)
        written |= {name.rstrip(".") for name in facts.writes}
        read |= {name for name in _asked_of(facts) if contexts.project.value(Name(name), where) == _KEPT}
    return bool(read - written)


def _asked_of(facts: Function) -> set[str]:
    """The names behind which a function reads an attribute."""
    bound = (binding.value for bindings in facts.bindings.values() for binding in bindings)
    said = (*(site.call for site in facts.sites), *bound, *facts.results, *facts.yields)
    read = (attribute.of for one in said for attribute in attributes_in(one))
    return {of.id for of in read if isinstance(of, Name)}


def given_exclusively(
    call: Call, function: ProjectFunction, contexts: Contexts, *, of_callers: bool = False
) -> Iterator[bool]:
    """For each argument of a call, and what it is made on, that serves one thread at a time: whether the function has made it, or
    got it `of_callers`.
    """
    facts, where = contexts.project.function(function), Where(function.path, function.index)
    parameters = {parameter.name for parameter in facts.parameters} if of_callers else set[str]()
    receiver = call.callee.of if isinstance(call.callee, Attribute) else None
    for given in (receiver, *call.arguments, *(value for _, value in call.keywords)):
        value = contexts.project.value(given, where)
        name = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
        if given is not None and not contexts.project.knowledge.exclusive.isdisjoint(
            contexts.project.knowledge.family(name)
        ):
            is_parameter = isinstance(given, Name) and given.id in parameters and given.id not in facts.bindings
            yield is_parameter or not _is_kept(given, function, contexts)


def _is_not_own(call: Call, facts: Function) -> bool:
    """Whether what a method is called on was not made in the function itself."""
    return isinstance(call.callee, Attribute) and not _root_names(call.callee.of) <= facts.bindings.keys()


def _shared_writes(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it assigns to what it neither was given nor made: to globals, to the object whose method it is, or into them."""
    return any(True for _ in _shared_names(facts, function, contexts))


def _shared_names(facts: Function, function: ProjectFunction, contexts: Contexts) -> Iterator[str]:
    """The names of what it assigns to, or into, and neither was given nor made."""
    deeper = (n for n in facts.writes if n.endswith("."))
    yield from (n for n in deeper if not holds_new(n.rstrip("."), function, contexts))
    yield from (n for n in facts.writes if not n.endswith(".") and _is_shared(n, facts, function, contexts))
    yield from (own for own in _own_name(facts) for name in facts.bindings if name.startswith(f"{own}."))


def _own_name(facts: Function) -> set[str]:
    """The name of the object whose method a function is; of one that is only being made nobody else knows."""
    is_static = any(last_name(one) == "staticmethod" for one in facts.decorators)
    if facts.owner < 0 or not facts.parameters or is_static or facts.name == "__init__":
        return set()
    return {facts.parameters[0].name}


def _is_shared(name: str, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a name in a function stands for what others see as well, or for what lies in that: `rows = cache["rows"]`."""
    if _stands_around(name, facts, function, contexts):
        return True
    values = (binding.value for binding in facts.bindings.get(name, ())) if "." not in name else ()
    inner = (value.of if isinstance(value, Element) else value for value in values)
    roots = (_root_names(one) for one in inner if isinstance(one, (Name, Attribute, Subscript)))
    return any(_stands_around(root, facts, function, contexts) for names in roots for root in names)


def _stands_around(name: str, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether the module, or a function around this one, binds a name that the function itself does not, or only imports."""
    if any(parameter.name == name for parameter in facts.parameters):
        return False
    if own := facts.bindings.get(name):
        return all(isinstance(binding.value, Import) for binding in own)
    around = contexts.project.facts[function.path].functions
    index = facts.parent
    while index > 0:
        if name in around[index].bindings:
            return True
        index = around[index].parent
    return name in around[0].bindings


def _changes_global(call: Call, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """`cache.update(...)` on what other requests see as well."""
    callee = call.callee
    own = _own_name(facts)
    if isinstance(callee, Name) and callee.id in SETTING:
        return any(name in own or _is_shared(name, facts, function, contexts) for name in _roots_of(call))
    if not (isinstance(callee, Attribute) and callee.name in CHANGING):
        return False
    if not any(name in own or _is_shared(name, facts, function, contexts) for name in _root_names(callee.of)):
        return False
    if _is_module(callee.of, facts, contexts.project.facts[function.path]):
        return False
    value = contexts.project.value(callee, Where(function.path, function.index))
    if isinstance(value, Outside):
        return value.name.startswith("builtins.") or not contexts.project.knowledge.is_known(value.name)
    return value is None


def _is_module(expression: Expression, facts: Function, file: Facts) -> bool:
    """Whether it is what `import` binds, as in `os.remove(path)`."""
    name = expression.id if isinstance(expression, Name) else ""
    bound = (*facts.bindings.get(name, ()), *file.bound(name))
    return bool(bound) and all(isinstance(one.value, Import) and not one.value.name for one in bound)


def _root_names(expression: Expression) -> set[str]:
    match expression:
        case Name(id=name):
            return {name}
        case Attribute(of=of) | Subscript(of=of):
            return _root_names(of)
        case _:
            return set()
