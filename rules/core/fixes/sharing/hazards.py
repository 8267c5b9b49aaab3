"""What requests share, and what belongs to one thread or to the loop: why code may not run beside others of its kind."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Binding,
    Call,
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
from rules.core.fixes.document import Document
from rules.core.fixes.files.names import is_for_one
from rules.core.fixes.files.rewriting import rewriting_between_calls
from rules.core.fixes.sharing.current_app import CURRENT, asks_for_current
from rules.core.fixes.sharing.deposits import OVERTAKEN, takes_over_below
from rules.core.fixes.sharing.exclusive import is_called_on, is_not_own, is_used_by_others
from rules.core.fixes.sharing.handed import changes_by_name, has_shared_changed
from rules.core.fixes.sharing.interleaving import Changing, comes_between
from rules.core.fixes.sharing.iteration import ITERATED, runs_through_shared
from rules.core.fixes.sharing.made_for_calls import has_own_object, is_own_attribute
from rules.core.fixes.sharing.memories import changes_memory
from rules.core.fixes.sharing.objects import serves_all, unproven
from rules.core.fixes.sharing.owning import holds_new, is_of_application, is_shared, own_name, root_names
from rules.core.fixes.sharing.programs import changes_its_folder
from rules.core.usage import called_outside, reached
from rules.core.values import Object, Outside, ProjectFunction, Where

SHARED = "it changes what other requests share"
BOUND = "it uses what belongs to a thread"
MAIN = "only the main thread may handle signals"
UNTHREADED = "it runs library code that no two threads may run at once"
UNPROVEN = (
    "it uses an object that all requests share, and its makers do not say whether several threads may use it at once"
)
CONTENDED = "it uses a connection that others use at the same time"
CONTENDING = "It uses a session or connection that all requests use, and others can come to it during the new `await`."
PER_THREAD = "each thread has a session of its own there"
INTERLEAVING = "It changes what requests may share, and other requests can run during the new `await`."
_LOCAL = frozenset({"local"})
_CONFIGURING = frozenset({"google.generativeai.configure"})
"""What tells a library something for all that use it: https://ai.google.dev/api/python/google/generativeai/configure."""
_ENVIRONMENT = frozenset({"os.environ", "os.getenv", "os.environ.get"})
_KEPT = Object(Outside("threading.local"))
LOOP_MODULES = frozenset({"asyncio", "anyio", "trio", "motor"})
LOOP_METHODS = frozenset({"set_result", "set_exception", "put_nowait", "call_soon", "create_task", "ensure_future"})
"""Of objects that are not known, as in a list of queues: https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading."""
CONTEXT_SETTERS = frozenset({"contextvars.ContextVar.set", "structlog.contextvars.bind_contextvars"})
EMPTYING = frozenset({"pop", "clear", "popitem"})
"""Those that change something though they are given nothing: `users.insert()` builds a statement."""
SETTING = frozenset({"setattr", "delattr"})
DIRECTORIES = frozenset({"shutil.rmtree", "shutil.copytree", "shutil.move"})
LOOKS = frozenset({"os.path.exists", "os.path.isdir", "pathlib.Path.exists", "pathlib.Path.is_dir"})


def marked(
    fix: Fix | None,
    function: ProjectFunction,
    contexts: Contexts,
    span: Span | None = None,
    document: Document | None = None,
) -> Fix | None:
    """The fix, unsafe where other requests can now come between what the function does to shared state: at a place, if one is given."""
    difference = difference_between(function, contexts, span, document) if fix is not None else ""
    if fix is None or not difference or difference in fix.notes:
        return fix
    return replace(fix, applicability=Applicability.UNSAFE, notes=(difference, *fix.notes))


def difference_between(
    function: ProjectFunction, contexts: Contexts, span: Span | None = None, document: Document | None = None
) -> str:
    """What may differ if other requests come between two calls in a function, at a place if one is given: a sentence; empty where
    nothing does.
    """
    if touches_shared(function, contexts) and _is_parted(function, contexts, span, document):
        return INTERLEAVING
    if is_contended(function, contexts):
        return CONTENDING
    if takes_over_below(function, contexts, span):
        return OVERTAKEN
    return rewriting_between_calls(function, contexts, span)


def _is_parted(function: ProjectFunction, contexts: Contexts, span: Span | None, document: Document | None) -> bool:
    """Whether others that come at a place may find half done what a function does to shared state."""
    facts = contexts.project.function(function)
    if span is None or document is None or _changes_surroundings(facts, function, contexts):
        return True
    return comes_between(span, function, _changing(function, contexts), contexts, document)


@told_once
def _changing(function: ProjectFunction, contexts: Contexts) -> Changing:
    facts = contexts.project.function(function)
    calls = frozenset(
        site.span
        for place, site in enumerate(facts.sites)
        if changes_global(site.call, facts, function, contexts) or changes_kept(place, function, contexts)
    )
    return Changing(calls, frozenset(name.rstrip(".") for name in shared_names(facts, function, contexts)))


@told_once
def is_contended(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function, or one that it calls, makes a call on a session or connection that others use at the same time."""
    return any(_uses_contended(inner, contexts) for inner in reached(function, contexts))


@told_once
def _uses_contended(function: ProjectFunction, contexts: Contexts) -> bool:
    sites = contexts.project.function(function).sites
    return any(is_used_by_others(site.call, function, contexts) for site in sites)


@told_once
def touches_shared(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    return (
        _shared_writes(facts, function, contexts)
        or any(changes_global(site.call, facts, function, contexts) for site in facts.sites)
        or any(changes_kept(place, function, contexts) for place in range(len(facts.sites)))
        or _changes_surroundings(facts, function, contexts)
    )


def _changes_surroundings(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it changes what the process has around it: the folder that it works in, a directory that others name."""
    return (
        changes_process(function, contexts)
        or _enters_changed_process(facts, function, contexts)
        or _replaces_a_directory(function, contexts)
    )


@told_once
def changes_process(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it changes what all threads of the process share, as the folder that they work in."""
    knowledge = contexts.project.knowledge
    called = called_outside(function, contexts)
    found = {name for name in called if knowledge.is_process_wide(name) or knowledge.is_for_main_thread(name)}
    return bool(found - _CONFIGURING) or (bool(found) and _configures_anew(function, contexts))


def _configures_anew(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function tells a library something else than the whole program does, each time: the key of one request."""
    for site in contexts.project.function(function).sites:
        called = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
        given = (*site.call.arguments, *(value for _, value in site.call.keywords))
        is_telling = isinstance(called, Outside) and called.name in _CONFIGURING
        if is_telling and not all(_is_setting(one, function, contexts) for one in given):
            return True
    return False


def _enters_changed_process(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a `with` of it changes what all threads share, as its body runs."""
    entering = (one for n, site in enumerate(facts.sites) if site.entered for one in contexts.targets(function, n))
    return any(changes_process(one, contexts) for one in entering)


def _replaces_a_directory(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it looks if a directory is there, and takes it away or puts one there: two at once find what neither left."""
    called = set(called_outside(function, contexts))
    if called.isdisjoint(DIRECTORIES) or called.isdisjoint(LOOKS):
        return False
    return all(any(_names_for_all(function, names, contexts)) for names in (DIRECTORIES, LOOKS))


def _names_for_all(function: ProjectFunction, names: frozenset[str], contexts: Contexts) -> Iterator[bool]:
    """For each call of these functions of libraries, whether it names a file or a directory that others may name as well."""
    facts, where = contexts.project.function(function), Where(function.path, function.index)
    for site in facts.sites:
        value = contexts.project.value(site.call.callee, where)
        if isinstance(value, Outside) and value.name in names:
            of = site.call.callee.of if isinstance(site.call.callee, Attribute) else None
            paths = [of] if value.name.startswith("pathlib.") else site.call.arguments
            yield not all(path is not None and is_for_one(path, facts) for path in paths)


@told_once
def thread_hazard(function: ProjectFunction, contexts: Contexts) -> str:
    """Why a function may not run in a worker thread beside others, as a clause; empty where it may."""
    facts = contexts.project.function(function)
    if _shared_writes(facts, function, contexts) or has_shared_changed(function, contexts):
        return SHARED
    if runs_through_shared(function, contexts):
        return ITERATED
    if belongs := belonging(function, contexts):
        return belongs
    if changes_process(function, contexts):
        return SHARED
    if is_unthreaded(function, contexts):
        return UNTHREADED
    if unproven(function, contexts):
        return UNPROVEN
    return SHARED if any(changes_global(site.call, facts, function, contexts) for site in facts.sites) else ""


def is_unthreaded(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it calls what no two threads may run at once."""
    return any(map(contexts.project.knowledge.is_unthreaded, called_outside(function, contexts)))


@told_once
def belonging(function: ProjectFunction, contexts: Contexts) -> str:
    """Why a function may not run in a worker thread even if it were alone, as a clause; empty where it may."""
    project = contexts.project
    facts = project.function(function)
    if any(map(project.knowledge.is_for_main_thread, called_outside(function, contexts))):
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
        if is_called_on(project.knowledge.thread_bound, site.call, where, contexts) and is_not_own(site.call, facts):
            return BOUND
        if is_used_by_others(site.call, function, contexts):
            return CONTENDED
    return CURRENT if asks_for_current(function, contexts) else ""


def roots_of(call: Call) -> set[str]:
    """The names behind which lies what a call changes: what its method is called on, or what `setattr` is given."""
    changed = call.callee.of if isinstance(call.callee, Attribute) else next(iter(call.arguments), None)
    return root_names(changed) if changed is not None else set()


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


def _shared_writes(facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it assigns to what it neither was given nor made: to globals, to the object whose method it is, or into them."""
    return any(True for _ in shared_names(facts, function, contexts))


def shared_names(facts: Function, function: ProjectFunction, contexts: Contexts) -> Iterator[str]:
    """The names of what it assigns to, or into, and neither was given nor made."""
    deeper = (n for n in facts.writes if n.endswith("."))
    yield from (n for n in deeper if not holds_new(n.rstrip("."), function, contexts))
    for name in facts.writes:
        is_told_once = name.endswith(".") or _tells_the_same(name, function, contexts)
        if not is_told_once and is_shared(name, facts, function, contexts):
            yield name
    for own in own_name(facts):
        names = (name.removeprefix(f"{own}.") for name in facts.bindings if name.startswith(f"{own}."))
        yield from (own for name in names if not _is_own_part(name, function, contexts))


def _tells_the_same(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function tells a library no more than what the whole program tells it, each time: `openai.api_key = KEY`."""
    module = contexts.project.value(Name(name), Where(function.path, function.index))
    bindings = contexts.project.function(function).bindings
    parts = [key.removeprefix(f"{name}.") for key in bindings if key.startswith(f"{name}.")]
    if not isinstance(module, Outside) or not parts:
        return False
    return all(
        _are_named(bindings[f"{name}.{part}"], bindings)
        if part.endswith("[]")
        else _is_told_alike(part, module, contexts)
        for part in parts
    )


def _are_named(items: Iterable[Binding], bindings: Mapping[str, Sequence[Binding]]) -> bool:
    """Whether each of some items is set under a key that is written out, and so told by that."""
    named = {one.line for key, bound in bindings.items() if key.endswith('"]') for one in bound}
    return named.issuperset(one.line for one in items)


def _is_told_alike(part: str, module: Outside, contexts: Contexts) -> bool:
    """Whether a program gives an attribute of the module of a library, or an item of one, the same wherever it does so."""
    told = [*_told(module, part, contexts)]
    return len({value for value, _ in told}) == 1 and all(_is_setting(value, at, contexts) for value, at in told)


def _told(module: Outside, part: str, contexts: Contexts) -> Iterator[tuple[Expression | None, ProjectFunction]]:
    """What a program gives an attribute of the module of a library, or an item of one, each with the function that does so."""
    for path, facts in contexts.project.facts.items():
        for index, function in enumerate(facts.functions if "[" in part or part in facts.outline.states else ()):
            for key, bindings in function.bindings.items():
                owner, _, last = key.partition(".")
                if last == part and contexts.project.value(Name(owner), Where(path, index)) == module:
                    yield from ((one.value, ProjectFunction(path, index)) for one in bindings)


def _is_setting(value: Expression | None, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether an expression is what a module keeps, or the environment."""
    where = Where(function.path, function.index)
    asked = value.callee if isinstance(value, Call) else value.of if isinstance(value, Subscript) else None
    if asked is not None:
        of = contexts.project.value(asked, where)
        is_environment = isinstance(of, Outside) and of.name in _ENVIRONMENT
        if isinstance(value, Subscript) and is_environment:
            return True
        if isinstance(value, Call) and not is_environment:
            return False
    return contexts.once.is_the_same(value, function)


def changes_global(call: Call, facts: Function, function: ProjectFunction, contexts: Contexts) -> bool:
    """`cache.update(...)` on what other requests see as well."""
    if changes_its_folder(call, function, contexts):
        return True
    callee = call.callee
    own = own_name(facts)
    if isinstance(callee, Name) and callee.id in SETTING:
        return any(name in own or is_shared(name, facts, function, contexts) for name in roots_of(call))
    if isinstance(callee, Attribute) and changes_memory(callee, function, contexts):
        return True
    if isinstance(callee, Attribute) and _changes_its_object(callee, function, contexts):
        return serves_all(callee.of, function, contexts)
    if not (isinstance(callee, Attribute) and changes_by_name(callee.name)):
        return False
    if callee.name not in EMPTYING and not (call.arguments or call.keywords):
        return False
    roots = root_names(callee.of)
    is_seen = any(
        name in own or is_shared(name, facts, function, contexts) or _is_given_to_all(name, function, contexts)
        for name in roots
    )
    if roots <= own and _is_own_part(_part(callee.of), function, contexts):
        return False
    if not (is_seen or is_of_application(callee.of)):
        return False
    if _is_module(callee.of, facts, contexts.project.facts[function.path]):
        return False
    value = contexts.project.value(callee, Where(function.path, function.index))
    if isinstance(value, Outside):
        return value.name.startswith("builtins.") or not contexts.project.knowledge.is_known(value.name)
    return value is None


def _is_given_to_all(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a name stands for what all are given, or for what lies in that: `memory = memory_of(user)`, `memory = self.memories[user]`."""
    bound = contexts.project.function(function).bindings.get(name, ())
    values = (one.value for one in bound if isinstance(one.value, (Call, Attribute, Subscript)))
    return any(serves_all(one, function, contexts) for one in values)


def _is_own_part(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether nobody else sees what a method sets under a name of its object, or `rows[]`: what lies in that."""
    if not has_own_object(function, contexts):
        return False
    return name.isidentifier() or is_own_attribute(name.partition("[")[0], function, contexts)


def _part(expression: Expression) -> str:
    """What a method asks of its object first, as what lies in that: `rows[]` of `self.rows.kept`."""
    while isinstance(expression, (Attribute, Subscript)) and not isinstance(expression.of, Name):
        expression = expression.of
    return f"{expression.name}[]" if isinstance(expression, Attribute) else "[]"


def changes_kept(place: int, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call has an object that serves all requests change what it keeps: `store.add(row)`."""
    callee = contexts.project.function(function).sites[place].call.callee
    if not isinstance(callee, Attribute):
        return False
    is_changing = any(_changes_own(one, contexts) for one in contexts.targets(function, place))
    return is_changing and serves_all(callee.of, function, contexts)


@told_once
def _changes_own(method: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method changes what lies in its object; not where it only sets an attribute, as one that is made when it is asked for."""
    facts = contexts.project.function(method)
    own = own_name(facts)
    if any(name.partition(".")[0] in own and "[" in name for name in facts.bindings):
        return True
    changed = (site.call for site in facts.sites if changes_global(site.call, facts, method, contexts))
    return any(not own.isdisjoint(roots_of(call)) for call in changed)


def _changes_its_object(callee: Attribute, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a method of a library makes its object another for all that use it: one that signs in, for one."""
    knowledge = contexts.project.knowledge
    if callee.name not in knowledge.changing:
        return False
    where = Where(function.path, function.index)
    value, of = contexts.project.value(callee, where), contexts.project.value(callee.of, where)
    names = [value.name] if isinstance(value, Outside) else []
    names += [f"{of.of.name}.{callee.name}"] if isinstance(of, Object) and isinstance(of.of, Outside) else []
    return any(map(knowledge.is_changing, names))


def _is_module(expression: Expression, facts: Function, file: Facts) -> bool:
    """Whether it is what `import` binds, as in `os.remove(path)`."""
    name = expression.id if isinstance(expression, Name) else ""
    bound = (*facts.bindings.get(name, ()), *file.bound(name))
    return bool(bound) and all(isinstance(one.value, Import) and not one.value.name for one in bound)
