"""Where functions run: on the event loop, in a worker thread, at startup, or offline.

FastAPI's registrations are the roots (https://fastapi.tiangolo.com/async/): what is `async def` runs on the loop, a `def`
endpoint, dependency, handler or background task in a worker thread. Calls carry a context on, also across files; an
offload ends it, since its callable stands among the arguments and is not called there.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial, wraps
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import structs
from msgspec.structs import replace

from rules.core.arguments import Arguments, Told
from rules.core.arrivals import Arrival, Arrivals, Shortest, arrivals_of, further
from rules.core.conditions import PRESENT
from rules.core.facts import (
    Attribute,
    Call,
    Constant,
    Expression,
    Name,
    Parameter,
    Site,
    attributes_in,
    last_name,
    names_in,
)
from rules.core.library import Blocking, Role, Weight
from rules.core.memory import ALONE, Together, itself
from rules.core.needs import absent
from rules.core.once import Once
from rules.core.project import Project
from rules.core.repository import is_offline
from rules.core.roots import Root, Roots, file_of
from rules.core.values import Coroutine, Object, Outside, Partial, ProjectClass, ProjectFunction, Value, Where

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

ALWAYS_ON_LOOP = frozenset({Role.MIDDLEWARE, Role.WEBSOCKET, Role.STARTUP, Role.VALIDATOR, Role.SERIALIZER})
STARTING = frozenset({"create_task", "ensure_future"})
STARTING_HOPS = 3  # functions from startup code to the one that starts a task
GATHERING = frozenset({"gather", "wait", "as_completed"})
WRITING = frozenset({"copy", "copy2", "copyfile", "copytree", "move", "unpack_archive", "write_bytes", "write_text"})
RELATIONS = frozenset({"relationship", "Relationship", "backref", "ForeignKeyField", "association_proxy"})


class Sink(msgspec.Struct, frozen=True):
    """A blocking call, and the functions that lead to it, from the one that was asked about to the one that blocks.

    `needs` are the parameters of the first of them that must be given for that; with a minus: that must be left
    out; with texts: that must be one of them, or none (see `Site`). `FAILURE` among them: only where something has failed.
    One that is `chosen` lies behind a method that is one of several which stand for an abstract one.
    """

    row: Blocking
    name: str
    site: Site
    through: tuple[ProjectFunction, ...]
    needs: frozenset[str] = frozenset()
    chosen: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether it is come to whatever is given, and whatever is chosen."""
        return not self.needs and not self.chosen

    @property
    def is_direct(self) -> bool:
        """Whether the function that was asked about blocks by itself."""
        return len(self.through) == 1


Called = tuple[ProjectFunction, Site | None]
"""What a function calls, and the call; a property is read without one."""


def _callers(
    steps: Mapping[ProjectFunction, Sequence[Called]],
) -> Mapping[ProjectFunction, list[tuple[ProjectFunction, int, Site | None]]]:
    """For each function those that call it, with the place of the call among all of theirs, and the call."""
    callers: dict[ProjectFunction, list[tuple[ProjectFunction, int, Site | None]]] = {}
    for caller, all_called in steps.items():
        for place, (called, site) in enumerate(all_called):
            callers.setdefault(called, []).append((caller, place, site))
    return callers


class _KeptSink(msgspec.Struct, frozen=True):
    """A sink without lines: the call is told by its place in the last function that leads to it."""

    row: Blocking
    name: str
    place: int
    through: tuple[ProjectFunction, ...]
    needs: frozenset[str]
    chosen: bool


class Known(Protocol):
    """What is known of some functions before anything is worked out; None of all others."""

    def steps(self, function: ProjectFunction) -> tuple[Called, ...] | None:
        """What the function calls where it runs itself."""

    def own_sinks(self, function: ProjectFunction) -> tuple[Sink, ...] | None:
        """The blocking calls that stand in it."""


def told_once(ask: "Callable[[ProjectFunction, Contexts], _V]") -> "Callable[[ProjectFunction, Contexts], _V]":
    """Decorator: what is to be said of a function in some contexts, for those who ask again and again."""

    @wraps(ask)
    def asked(function: ProjectFunction, contexts: "Contexts") -> _V:
        return contexts.told(ask, function)

    return asked


class Contexts:
    """The contexts of all functions of a project, worked out when asked for.

    `known` is what tells some of it already; `before` are those of the project before edits that left its API as it was.
    """

    def __init__(self, project: Project, known: "Known | None" = None, before: "Contexts | None" = None) -> None:
        self.project = project
        self._known = known
        self._roots = Roots(project, (before.project, before.roots) if before is not None else None)
        self.once = Once(project, self._roots)
        self.arguments = Arguments(project, self.once)
        self._memory = project.memory
        self._tables: dict[str, Mapping[Any, Any]] = {}
        self._told: dict[tuple[object, ProjectFunction], Any] = self._memory.answers()
        self._targets: dict[tuple[str, int, int], tuple[ProjectFunction, ...]] = self._memory.answers("targets")
        self._own_sinks: dict[ProjectFunction, tuple[Sink, ...]] = self._memory.answers()
        self._sinks: dict[ProjectFunction, Sink | None] = {}
        self._kept_sinks: Together[ProjectFunction, _KeptSink | None] = self._memory.together("sinks")
        self._properties: dict[ProjectFunction, tuple[tuple[Attribute, ProjectFunction, Site | None], ...]] = (
            self._memory.answers()
        )
        self._coming: dict[tuple[str, ProjectFunction], bool] = self._memory.answers("coming")

    def table(
        self, kind: str, build: Callable[[], Mapping[_K, _V]], by: Callable[[_K], Hashable] = itself
    ) -> Mapping[_K, _V]:
        """What all files together make up, as a check wants it; see `Memory.table`. It is built once."""
        if kind not in self._tables:
            self._tables[kind] = self._memory.table(kind, build, by)
        return self._tables[kind]

    def told(self, ask: "Callable[[ProjectFunction, Contexts], _V]", function: ProjectFunction) -> _V:
        """What is to be said of a function; it is asked once."""
        key = (ask, function)
        if key not in self._told:
            self._told[key] = None  # while it is asked
            self._told[key] = ask(function, self)
        found: _V = self._told[key]
        return found

    def settle(self) -> None:
        """Compare what all files make up with what they did before, so that answers hold which rest on it.

        Checks do that with what they alone ask for.
        """
        roots, project = self._roots, self.project
        tables: Mapping[str, Callable[[], object]] = {
            "overrides": lambda: project.overrides,
            "properties": lambda: project.properties,
            "live attributes": lambda: self.live_attributes,
            "routers": lambda: roots.routers,
            "roots": lambda: roots.by_function,
            "roots of files": lambda: roots.by_file,
            "routes": lambda: roots.routes,
            "shared": lambda: roots.shared,
            "starting": lambda: self.starting,
            "loop": lambda: self.arrivals,
            "loop of files": lambda: self._loop_by_file,
        }
        for kind, build in tables.items():
            if kind in self._memory.tables:
                build()

    @property
    def routes(self) -> Mapping[ProjectFunction, tuple[str, ...]]:
        """For each dependency, the routes that need it."""
        return self._roots.routes

    def is_shared(self, root: Root) -> bool:
        """Whether a request is more likely than not to pay for it: a middleware, or what half of all routes depend on."""
        if root.role is Role.DEPENDENCY:
            return root.function in self._roots.shared
        return root.role is Role.MIDDLEWARE

    @property
    def roots(self) -> tuple[Root, ...]:
        """Every function that the framework calls."""
        return self._roots.all

    def roots_in(self, path: str) -> tuple[Root, ...]:
        """The functions of a file that the framework calls."""
        return self._roots.by_file.get(path, ())

    def root_of(self, function: ProjectFunction) -> Root | None:
        """How the framework calls a function, if it does."""
        return self._roots.by_function.get(function)

    # Calls

    def targets(self, function: ProjectFunction, place: int) -> tuple[ProjectFunction, ...]:
        """The functions of the project that a call runs there and then; `place` is that of the site in its function."""
        key = (function.path, function.index, place)
        if key not in self._targets:
            self._targets[key] = ()  # while it is worked out, for methods that stand for each other
            site = self.project.function(function).sites[place]
            where = Where(function.path, function.index, site.line)
            self._targets[key] = tuple(self._targets_of(site, where))
        return self._targets[key]

    def _targets_of(self, site: Site, where: Where) -> Iterator[ProjectFunction]:
        """An awaited `def` was made awaitable by something unseen (a decorator, another class): nobody knows where it runs."""
        if site.is_idle:
            return
        callee = self.project.value(site.call.callee, where)
        called = self.project.called_function(callee)
        if called is not None:
            is_run = self._runs_at_once(called, site) and self.arguments.fit(called, site.call)
            if is_run and not self.project.knowledge.is_offload(self.project.dotted(called)):
                yield from (one for one in self._implementations(called) if not self._is_only_made(one, site))
                yield from self._called_back(called, site.call, where)
        elif isinstance(callee, Outside):
            yield from self._called_by(callee.name, site.call, where)
        if site.entered:
            yield from self._managers(self.project.result(callee))

    def _called_by(self, name: str, call: Call, where: Where) -> Iterator[ProjectFunction]:
        """The functions that a function of a library calls here and now, or on the event loop as soon as it is free."""
        knowledge = self.project.knowledge
        given: list[Value | None] = []
        if knowledge.calls_its_argument(name):
            given += [self.project.value(one, where) for one in (*call.arguments[:1], dict(call.keywords).get("key"))]
        if (place := knowledge.schedulers.get(name)) is not None:
            given += [self.project.value(one, where) for one in call.arguments[place : place + 1]]
        if operator := knowledge.operators.get(name):
            given += [self.project.member(self.project.value(one, where), operator) for one in call.arguments[:1]]
        yield from filter(None, map(self.project.called_function, given))

    def is_scheduled(self, function: ProjectFunction, site: Site) -> bool:
        """Whether a call makes the event loop call a function as soon as it is free."""
        callee = self.project.value(site.call.callee, Where(function.path, function.index, site.line))
        return isinstance(callee, Outside) and callee.name in self.project.knowledge.schedulers

    def _implementations(self, called: ProjectFunction) -> tuple[ProjectFunction, ...]:
        """The method itself, or those outside of tests that stand for it where it is abstract.

        Of several `def` methods nobody knows which is meant, so they count only where each of them blocks: most of them wait, and
        the others read or write local files.
        """
        if not self.project.is_abstract(called):
            return (called,)
        served = tuple(method for method in self.project.implementations(called) if not is_offline(method.path))
        plain = [method for method in served if not self.project.function(method).asynchronous]
        idle = [method for method in plain if self.sink(method) is None]
        if len(served) > 1 and (2 * len(idle) > len(plain) or not all(map(self._handles_files, idle))):
            return (called,)
        return served or (called,)

    def _is_choice(self, caller: ProjectFunction, site: Site, called: ProjectFunction) -> bool:
        """Whether the method that a call runs is one of several that stand for an abstract one."""
        where = Where(caller.path, caller.index, site.line)
        meant = self.project.called_function(self.project.value(site.call.callee, where))
        if meant is None or meant == called or not self.project.is_abstract(meant):
            return False
        return len(self.project.implementations(meant)) > 1

    def _handles_files(self, function: ProjectFunction) -> bool:
        """Whether a function reads or writes local files itself, be they small."""
        for site in self.project.function(function).sites:
            callee = self.project.value(site.call.callee, Where(function.path, function.index, site.line))
            row = self.project.knowledge.blocking(callee.name) if isinstance(callee, Outside) else None
            if row is not None and row.weight is Weight.FILE:
                return True
        return False

    def _called_back(self, called: ProjectFunction, call: Call, where: Where) -> Iterator[ProjectFunction]:
        """The functions that a function is given, and calls there and then.

        Where every caller gives the same to an `async def`, its own call of it tells, and that is where a remedy belongs.
        """
        names = self._parameters_called(called)
        parameters = self.project.function(called).parameters if names else ()
        shift = 1 if self.project.function(called).owner >= 0 else 0
        for place, parameter in enumerate(parameters):
            given = dict(call.keywords).get(parameter.name)
            if given is None and 0 <= place - shift < len(call.arguments):
                given = call.arguments[place - shift]
            if parameter.name in names and given is not None and not self._tells_itself(called, parameter.name):
                handed = self.project.called_function(self.project.value(given, where))
                if handed is not None and not self.project.function(handed).generator:
                    yield handed

    def _tells_itself(self, of: ProjectFunction, parameter: str) -> bool:
        inside = self.project.name(parameter, Where(of.path, of.index))
        return self.project.function(of).asynchronous and self.project.called_function(inside) is not None

    def _parameters_called(self, of: ProjectFunction) -> set[str]:
        """The parameters of a function that it calls itself."""
        function = self.project.function(of)
        called = {site.call.callee.id for site in function.sites if isinstance(site.call.callee, Name)}
        plain = {parameter.name for parameter in function.parameters if parameter.kind not in {"star", "mapping"}}
        return (called & plain) - function.bindings.keys()

    def _runs_at_once(self, called: ProjectFunction, site: Site) -> bool:
        """Whether the call itself runs the body. That of a generator runs when it is iterated, maybe in a thread; that of a
        coroutine which is dropped never does.
        """
        function = self.project.function(called)
        if function.asynchronous and site.statement and not site.awaited and self.project.decorators_are_known(called):
            return False
        if function.generator:
            return site.entered or site.iterated or function.asynchronous
        return not site.awaited or function.asynchronous or self.is_made_asynchronous(called)

    def _is_only_made(self, called: ProjectFunction, site: Site) -> bool:
        """Whether it is a generator, which the call makes and does not run; the abstract method that it stands for tells nothing."""
        return self.project.function(called).generator and not self._runs_at_once(called, site)

    def is_made_asynchronous(self, of: ProjectFunction) -> bool:
        """Whether a decorator of the project puts an `async def` around a `def`, and calls it there on the event loop."""
        if self.project.function(of).asynchronous or not self.project.function(of).decorators:
            return False
        return any(
            isinstance(decorator, ProjectFunction) and self._calls_from_coroutine(decorator)
            for decorator in self.project.decorators(of)
        )

    def _calls_from_coroutine(self, decorator: ProjectFunction) -> bool:
        functions = self.project.facts[decorator.path].functions
        around = {decorator.index: {p.name for p in functions[decorator.index].parameters[:1]}}
        for index, inner in enumerate(functions):
            if inner.parent not in around:
                continue
            names = around[inner.parent]
            around[index] = names | {p.name for p in inner.parameters[:1]} if not inner.asynchronous else names
            called = (s for s in inner.sites if isinstance(s.call.callee, Name) and s.call.callee.id in names)
            if inner.asynchronous and any(not site.awaited for site in called):
                return True
        return False

    def _managers(self, manager: Value | None) -> Iterator[ProjectFunction]:
        if isinstance(manager, Object) and isinstance(manager.of, ProjectClass):
            for name in ("__enter__", "__exit__", "__aenter__", "__aexit__"):
                method = self.project.member(manager, name)
                if isinstance(method, ProjectFunction):
                    yield method

    # The event loop

    @cached_property
    def arrivals(self) -> Arrivals:
        """Every function that may run on the event loop while requests are served, each with the ways in which it is reached."""
        return self._memory.table("loop", self._found_arrivals, file_of)

    @cached_property
    def loop(self) -> Mapping[ProjectFunction, Arrival]:
        """The same, each by the shortest way from a root."""
        return Shortest(self.arrivals)

    def _found_arrivals(self) -> dict[ProjectFunction, list[Arrival]]:
        roots = (*self.roots, *self._left_running())
        return arrivals_of(
            (one for one in roots if one.role is not Role.STARTUP and self.runs_on_loop(one)), self._further
        )

    def _further(self, function: ProjectFunction, told: Told) -> tuple[tuple[ProjectFunction, Told], ...]:
        return self._memory.each(
            "ways on",
            function.path,
            (function.index, told),
            lambda: further(function, told, self.steps, self.arguments),
        )

    @cached_property
    def _loop_by_file(self) -> Mapping[str, tuple[ProjectFunction, ...]]:
        return self._memory.table("loop of files", self._found_on_loop_by_file)

    def on_loop(self, path: str) -> tuple[ProjectFunction, ...]:
        """The functions of a file that may run on the event loop, the nearest to a root first."""
        return self._loop_by_file.get(path, ())

    def _found_on_loop_by_file(self) -> dict[str, tuple[ProjectFunction, ...]]:
        found: dict[str, list[ProjectFunction]] = {}
        for function in self.arrivals:
            found.setdefault(function.path, []).append(function)
        return {path: tuple(functions) for path, functions in found.items()}

    def arrival(self, function: ProjectFunction, needs: frozenset[str]) -> Arrival | None:
        """The shortest way to a function on which nothing rules out what is needed there; None where there is no such."""
        return next((one for one in self.arrivals.get(function, ()) if one.allows(needs)), None)

    @cached_property
    def starting(self) -> Mapping[ProjectFunction, bool]:
        """What runs before requests are served, or when that ends, as far as some calls deep."""
        return self._memory.table("starting", self._found_starting, file_of)

    def _found_starting(self) -> dict[ProjectFunction, bool]:
        reached = dict.fromkeys((root.function for root in self.roots if root.role is Role.STARTUP), True)
        last = [*reached]
        for _ in range(STARTING_HOPS - 1):
            last = [*dict.fromkeys(c for function in last for c in self.callees(function) if c not in reached)]
            reached |= dict.fromkeys(last, True)
        return reached

    def _left_running(self) -> Iterator[Root]:
        """The tasks that startup code starts, and that run on while requests are served."""
        return (Root(task, Role.BACKGROUND) for function in self.starting for task in self._tasks_of(function))

    def _tasks_of(self, function: ProjectFunction) -> tuple[ProjectFunction, ...]:
        return self._memory.each("tasks", function.path, function.index, lambda: self._tasks(function))

    def _tasks(self, function: ProjectFunction) -> Iterator[ProjectFunction]:
        """What a function makes tasks of and does not wait for, where that is more than done once."""
        sites = self.project.function(function).sites
        called = {last_name(site.call.callee) for site in sites}
        for site in sites if "cancel" in called or called.isdisjoint(GATHERING) else ():
            made = site.call.arguments[0] if site.call.arguments else None
            if last_name(site.call.callee) in STARTING and isinstance(made, Call) and not site.awaited:
                where = Where(function.path, function.index, site.line)
                task = self.project.called_function(self.project.value(made.callee, where))
                if task is not None and self._goes_on(task):
                    yield task

    def _goes_on(self, task: ProjectFunction) -> bool:
        """Whether a function waits again and again."""
        return any(site.looped and (site.awaited or site.suspending) for site in self.project.function(task).sites)

    def runs_on_loop(self, root: Root) -> bool:
        """Whether the framework calls it on the event loop."""
        return root.role in ALWAYS_ON_LOOP or self._is_asynchronous(root.function)

    def _is_asynchronous(self, function: ProjectFunction) -> bool:
        """Whether a function is `async def`, or made so by a decorator of the project."""
        return self._memory.answer(
            "asynchronous",
            function.path,
            function.index,
            lambda: self.project.function(function).asynchronous or self.is_made_asynchronous(function),
        )

    def callees(self, function: ProjectFunction) -> Iterator[ProjectFunction]:
        """The functions of the project that a function calls where it runs itself."""
        known = self._known.steps(function) if self._known is not None else None
        for called, _ in known if known is not None else self._calls_of(function):
            yield called

    def steps(self, function: ProjectFunction) -> tuple[Called, ...]:
        """What a function calls, each with its call; a property is read without one."""
        known = self._known.steps(function) if self._known is not None else None
        if known is not None:
            return known
        called = self._calls_of(function)
        sites = self.project.function(function).sites if called else ()
        return tuple([(one, sites[place] if place is not None else None) for one, place in called])

    def _calls_of(self, function: ProjectFunction) -> tuple[tuple[ProjectFunction, int | None], ...]:
        """What a function calls, each with the place of the call among its sites."""
        return self._memory.each("calls", function.path, function.index, lambda: self._found_calls(function))

    def _found_calls(self, function: ProjectFunction) -> Iterator[tuple[ProjectFunction, int | None]]:
        for place in range(len(self.project.function(function).sites)):
            for called in self.targets(function, place):
                yield called, place
        for _, run, _ in self.properties(function):
            yield run, None

    def properties(self, function: ProjectFunction) -> tuple[tuple[Attribute, ProjectFunction, Site | None], ...]:
        """The properties that a function reads, what runs then, and the call in which that stands, if it stands in one."""
        if function not in self._properties:
            self._properties[function] = ()
            names = self.project.properties & set(self.project.function(function).reads)
            self._properties[function] = tuple(self._properties_read(function, names)) if names else ()
        return self._properties[function]

    def _properties_read(
        self, function: ProjectFunction, names: frozenset[str]
    ) -> Iterator[tuple[Attribute, ProjectFunction, Site | None]]:
        facts = self.project.function(function)
        stated: list[tuple[Expression, int, Site | None]] = [(site.call, site.line, site) for site in facts.sites]
        stated += [(binding.value, binding.line, None) for same in facts.bindings.values() for binding in same]
        stated += [(result, facts.end_line, None) for result in (*facts.results, *facts.yields)]
        seen: set[Attribute] = set()
        for expression, line, site in stated:
            for read in attributes_in(expression):
                if f".{read.name}" in names and read not in seen:
                    seen.add(read)
                    owner = self.project.value(read.of, Where(function.path, function.index, line))
                    run = self.project.property(owner, read.name)
                    if run is not None:
                        yield read, run, site

    def way(self, function: ProjectFunction) -> tuple[ProjectFunction, ...]:
        """The functions from the root to the given one."""
        return self.loop[function].way

    # Blocking

    def blocking(self, site: Site, where: Where) -> tuple[Blocking, str] | None:
        """What blocks at a call itself: the row that says so, and the callable's name. An awaited call never does."""
        if site.awaited or site.is_idle:
            return None
        callee = self.project.value(site.call.callee, where)
        while isinstance(callee, Partial):
            callee = callee.of
        if isinstance(callee, ProjectFunction):
            name = self.project.dotted(callee)
            declared = self.project.knowledge.declared(name)
            return (declared, name) if declared is not None else None
        if isinstance(callee, Object) and isinstance(callee.of, Outside):
            callee = Outside(self.project.knowledge.member(callee.of.name, "__call__"))
        if not isinstance(callee, Outside):
            return None
        knowledge = self.project.knowledge
        if handed := self._handed(callee.name, site, where):
            return handed
        is_iteration = callee.name.endswith(("__iter__", "__aiter__"))  # which no row for a whole class speaks of
        row = knowledge.exactly(callee.name) if is_iteration else knowledge.blocking(callee.name)
        iterated = site.iterated and not site.suspending  # `async for` waits by awaiting
        if row is None or (row.lazy and not iterated):
            return self._iteration(callee) if iterated else None
        if row.unknown and not (site.looped or self._is_from_outside(site.call, where)):
            return None
        on = site.call.callee.of if isinstance(site.call.callee, Attribute) else site.call.callee
        if row.first and not self.once.is_new(on, where, row.first):
            return None
        return (row, callee.name) if row.when(site, self.project.function(where)) else None

    def _handed(self, name: str, site: Site, where: Where) -> tuple[Blocking, str] | None:
        """What blocks as a function of a library calls it: `list(map(time.sleep, pauses))`. To hand over that call alone, which
        may do nothing yet, would not do.
        """
        given = (
            site.call.arguments[0] if site.call.arguments and self.project.knowledge.calls_its_argument(name) else None
        )
        value = self.project.value(given, where)
        row = self.project.knowledge.blocking(value.name) if isinstance(value, Outside) else None
        if given is None or row is None or row.lazy or row.unknown or row.first or not isinstance(value, Outside):
            return None
        called = structs.replace(site, call=Call(given, (None,)))
        is_meant = row.when(called, self.project.function(where))
        return (replace(row, opens=True, twin=None), value.name) if is_meant else None

    def _is_from_outside(self, call: Call, where: Where) -> bool:
        """Whether anything that the call is given (or made on) comes from a request: from a parameter of a root."""
        given = (call.callee, *call.arguments, *(value for _, value in call.keywords))
        function = ProjectFunction(where.path, where.function)
        return any(self._comes_in(name, function) for part in given for name in names_in(part))

    def _comes_in(self, name: str, function: ProjectFunction) -> bool:
        """Whether a name is a parameter of a root, was given one, or is made from one."""
        key = (name, function)
        if key not in self._coming:
            self._coming[key] = False
            self._coming[key] = self._comes_in_now(name, function)
        return self._coming[key]

    def _comes_in_now(self, name: str, function: ProjectFunction) -> bool:
        facts = self.project.function(function)
        places = {parameter.name: place for place, parameter in enumerate(facts.parameters)}
        if name in places:
            if (facts.owner >= 0 and places[name] == 0) or self._is_settled(facts.parameters[places[name]], function):
                return False
            return self.root_of(function) is not None or self._is_given(name, places[name], function)
        made_of = {inner for binding in facts.bindings.get(name, ()) for inner in names_in(binding.value)}
        return any(self._comes_in(inner, function) for inner in made_of - {name})

    def _is_settled(self, parameter: Parameter, function: ProjectFunction) -> bool:
        """Whether what FastAPI gives for a parameter is the same for all requests: a cache keeps it, as it does settings."""
        facts = self.project.function(function)
        given = self.project.dependency(parameter, Where(function.path, facts.parent, facts.line))
        return isinstance(given, ProjectFunction) and self.once.runs_once(given)

    def _is_given(self, name: str, place: int, function: ProjectFunction) -> bool:
        shift = 1 if self.project.function(function).owner >= 0 else 0
        for call, at in self.project.calls_of(function):
            given = dict(call.keywords).get(name)
            if given is None and 0 <= place - shift < len(call.arguments):
                given = call.arguments[place - shift]
            if any(self._comes_in(inner, ProjectFunction(at.path, at.function)) for inner in names_in(given)):
                return True
        return False

    def _iteration(self, callee: Outside) -> tuple[Blocking, str] | None:
        """What blocks when the result of a call is run through: `for user in session.query(User)`."""
        result = self.project.result(callee)
        if not (isinstance(result, Object) and isinstance(result.of, Outside)):
            return None
        name = self.project.knowledge.member(result.of.name, "__iter__")
        row = self.project.knowledge.exactly(name)
        return (row, name) if row is not None else None

    def own_sinks(self, function: ProjectFunction) -> tuple[Sink, ...]:
        """The blocking calls that stand in a function itself."""
        if function not in self._own_sinks:
            self._own_sinks[function] = ()
            known = self._known.own_sinks(function) if self._known is not None else None
            self._own_sinks[function] = known if known is not None else self._own_sinks_of(function)
        return self._own_sinks[function]

    def _own_sinks_of(self, function: ProjectFunction) -> tuple[Sink, ...]:
        found = self._memory.each("blocking", function.path, function.index, lambda: self._found_blocking(function))
        sites = self.project.function(function).sites if found else ()
        return tuple([Sink(row, name, sites[place], (function,), needs) for row, name, place, needs in found])

    def _found_blocking(self, function: ProjectFunction) -> Iterator[tuple[Blocking, str, int, frozenset[str]]]:
        """The rows of the calls in a function that block, their names, their places among all, and what they need."""
        for place, site in enumerate(self.project.function(function).sites):
            found = self.blocking(site, Where(function.path, function.index, site.line))
            if found is not None and not self.runs_first(site, function, found[0].weight):
                yield (*found, place, self.arguments.needs(site, function))

    def runs_first(self, site: Site, function: ProjectFunction, weight: Weight) -> bool:
        """Whether requests seldom come to a call that blocks so: what it gives is kept. A file is short to wait for once."""
        if self.once.runs_first(site, function) or self.once.runs_first_of_all(site, function):
            return True
        if weight is not Weight.FILE:
            return self._fetches_what_is_missing(site, function)
        return self.once.runs_first_for_key(site, function) or self._makes_what_is_missing(site, function)

    def _fetches_what_is_missing(self, site: Site, function: ProjectFunction) -> bool:
        """Whether it is waited for what is then written to a file that was not there: the next one finds it there."""
        missing = _missing(site)
        return bool(missing) and any(
            other is not site and _missing(other) == missing and self._makes_what_is_missing(other, function)
            for other in self.project.function(function).sites
        )

    def _makes_what_is_missing(self, site: Site, function: ProjectFunction) -> bool:
        """Whether a file is written where there is none, of which requests tell nothing: the next one finds it there."""
        where = Where(function.path, function.index, site.line)
        return bool(_missing(site)) and _writes(site.call) and not self._is_from_outside(site.call, where)

    def _is_kept_for_all(self, called: ProjectFunction, caller: ProjectFunction, site: Site) -> bool:
        """Whether a cache keeps what a function gives, and is asked for the same by all requests: nothing that is given to
        the function comes from one.
        """
        if self.project.function(called).owner >= 0 or not self.once.runs_once_for_arguments(called):
            return False
        given = (*site.call.arguments, *(value for _, value in site.call.keywords))
        return None not in given and not any(self._comes_in(name, caller) for part in given for name in names_in(part))

    def sinks_through(self, function: ProjectFunction, site: Site, target: ProjectFunction) -> Iterator[Sink]:
        """What a call comes to block in by way of a `def` that it runs, unless its arguments rule that out."""
        led = (self.led(sink, function, site) for sink in self._sinks_in(target))
        return filter(None, led)

    def _sinks_in(self, function: ProjectFunction, hops: int = 2) -> Iterator[Sink]:
        """Its sink, and where that needs an argument, what else it comes to."""
        sink = self.sink(function)
        if sink is not None:
            yield sink
        if sink is not None and sink.needs and hops:
            yield from self.own_sinks(function)
            for called, site in self.steps(function):
                deep = () if self.project.function(called).asynchronous else self._sinks_in(called, hops - 1)
                yield from filter(None, (self.led(one, function, site) for one in deep))

    def led(self, sink: Sink, caller: ProjectFunction, site: Site | None) -> Sink | None:
        """The same sink seen from a call of the function that it begins in; None where its arguments rule that out."""
        if site is None:
            return Sink(sink.row, sink.name, sink.site, (caller, *sink.through), chosen=sink.chosen)
        if self.runs_first(site, caller, sink.row.weight) or self._is_kept_for_all(sink.through[0], caller, site):
            return None
        needs = self.arguments.needs_through(sink.needs, sink.through[0], caller, site)
        if needs is None:
            return None
        chosen = sink.chosen or self._is_choice(caller, site, sink.through[0])
        return Sink(sink.row, sink.name, sink.site, (caller, *sink.through), needs, chosen)

    def sink(self, function: ProjectFunction) -> Sink | None:
        """What a `def` comes to block in, itself or through the helpers that it calls: waiting before files, then the
        nearest. None where nothing is known to block, or a cache keeps what the body gives.
        """
        if self.once.runs_seldom(function):
            return None
        if not self._has_sink(function):
            self._find_sinks(function)
        self._kept_sinks.taken(function)
        return self._sinks[function]

    def _has_sink(self, function: ProjectFunction) -> bool:
        """Whether the sink of a function is known, or that there is none."""
        if function not in self._sinks and (kept := self._kept_sinks.known(function)) is not None:
            self._sinks[function] = self._sink_of(kept[0])
        return function in self._sinks

    def _sink_of(self, kept: _KeptSink | None) -> Sink | None:
        if kept is None:
            return None
        site = self.project.function(kept.through[-1]).sites[kept.place]
        return Sink(kept.row, kept.name, site, kept.through, kept.needs, kept.chosen)

    def _kept_sink(self, sink: Sink | None) -> _KeptSink | None:
        if sink is None:
            return None
        place = self.project.function(sink.through[-1]).sites.index(sink.site)
        return _KeptSink(sink.row, sink.name, place, sink.through, sink.needs, sink.chosen)

    def _find_sinks(self, start: ProjectFunction) -> None:
        """Work out the sinks of all functions that the given one leads to: backwards from those that block."""
        steps = self._leading(start)
        found = {function: self._sinks[function] for function in steps if self._has_sink(function)}
        owns: dict[ProjectFunction, tuple[Sink, ...]] = {}
        for function in steps:
            if function not in found:
                with self._kept_sinks.within(function):
                    owns[function] = self.own_sinks(function)
        new: dict[ProjectFunction, Sink] = {}
        for weights in ((Weight.WAIT, Weight.CPU), (Weight.FILE,)):
            for is_sure in (True, False):
                known = {**found, **new}
                new |= self.spread(steps, owns, known, weights, is_sure=is_sure, together=self._kept_sinks)
        worked_out = [function for function in owns if function not in self._sinks]
        for function in worked_out:
            self._sinks[function] = new.get(function)
        self._kept_sinks.there(lambda: {one: self._kept_sink(self._sinks[one]) for one in worked_out}, steps)

    def spread(
        self,
        steps: Mapping[ProjectFunction, Sequence[Called]],
        owns: Mapping[ProjectFunction, tuple[Sink, ...]],
        known: Mapping[ProjectFunction, Sink | None],
        weights: tuple[Weight, ...],
        *,
        is_sure: bool,
        together: Together[ProjectFunction, Any] = ALONE,
    ) -> dict[ProjectFunction, Sink]:
        """The nearest sink of these weights for each function that has none; a sure one needs no argument of theirs, and no choice.

        Of several that are equally near it is that to which the first call leads, whatever was asked before.
        """
        new: dict[ProjectFunction, Sink] = {}
        near: dict[int, list[ProjectFunction]] = {}
        kept = set(self._kept_for_arguments(steps, together)) if weights == (Weight.FILE,) else set()
        for function in (one for one in steps if one not in kept):
            mine = (own for own in owns.get(function, ()) if own.row.weight in weights and (own.is_sure or not is_sure))
            sink = known.get(function) or next(mine, None)
            if sink is not None and sink.row.weight in weights and (sink.is_sure or not is_sure):
                new[function] = sink
                near.setdefault(len(sink.through), []).append(function)
        callers = _callers(steps)
        while near:
            distance = min(near)
            waiting = {
                (caller, place): (site, new[blocker])
                for blocker in near.pop(distance)
                for caller, place, site in callers.get(blocker, ())
                if caller not in kept and caller not in new and known.get(caller) is None
            }
            for caller, place in sorted(waiting, key=lambda one: one[1]):
                site, sink = waiting[caller, place]
                with together.within(caller):
                    led = self.led(sink, caller, site) if caller not in new else None
                if led is not None and (led.is_sure or not is_sure):
                    new[caller] = led
                    near.setdefault(distance + 1, []).append(caller)
        return {function: sink for function, sink in new.items() if known.get(function) is None}

    def _kept_for_arguments(
        self, functions: Iterable[ProjectFunction], together: Together[ProjectFunction, Any]
    ) -> Iterator[ProjectFunction]:
        for function in functions:
            with together.within(function):
                is_kept = self.once.runs_once_for_arguments(function)
            if is_kept:
                yield function

    def _leading(self, start: ProjectFunction) -> dict[ProjectFunction, list[Called]]:
        """The `def` functions that the given one leads to, each with those that it calls itself, and where.

        What lies behind a function whose sink is known already is left out.
        """
        steps: dict[ProjectFunction, list[Called]] = {start: []}
        waiting = deque([start])
        while waiting:
            caller = waiting.popleft()
            with self._kept_sinks.within(caller):
                steps[caller] = [one for one in self.steps(caller) if self._may_block_in(one[0])]
                for called, _ in steps[caller]:
                    self._kept_sinks.taken(called)
            for called, _ in steps[caller]:
                if called not in steps:
                    steps[called] = []
                    if not self._has_sink(called):
                        waiting.append(called)
        return steps

    def _may_block_in(self, called: ProjectFunction) -> bool:
        return not (self.project.function(called).asynchronous or self.once.runs_seldom(called))

    @property
    def live_attributes(self) -> frozenset[str]:
        """The attributes, each behind a dot, that may run code when they are read: properties, related rows of an ORM."""
        return self._live_attributes[""]

    @cached_property
    def _live_attributes(self) -> Mapping[str, frozenset[str]]:
        return self._memory.table("live attributes", lambda: {"": self._found_live_attributes()})

    def _found_live_attributes(self) -> frozenset[str]:
        related = {path for name in RELATIONS for path in self.project.calling.get(name, ())}
        names = (self._memory.answer("related", path, "", partial(self._related_rows, path)) for path in related)
        return self.project.properties.union(*names)

    def _related_rows(self, path: str) -> frozenset[str]:
        """The attributes of the classes of a file, each behind a dot, that are rows of other tables."""
        return frozenset(
            f".{name}"
            for class_ in self.project.facts[path].classes
            for name, bindings in class_.bindings.items()
            if any(isinstance(b.value, Call) and last_name(b.value.callee) in RELATIONS for b in bindings)
        )

    def awaitable(self, site: Site, where: Where) -> bool:
        """Whether the call gives a coroutine."""
        return isinstance(self.project.value(site.call, where), Coroutine)


def _missing(site: Site) -> list[str]:
    """What was asked for a file, and has said that there is none, for a call to be reached."""
    return [name for name in absent(site.needs, "-") if name.removesuffix("()") in PRESENT]


def _writes(call: Call) -> bool:
    """Whether a call makes files: `shutil.copy` and its kin, `write_text`, `open(path, "w")`."""
    name = last_name(call.callee)
    modes = [
        one.value for one in (*call.arguments, *(value for _, value in call.keywords)) if isinstance(one, Constant)
    ]
    return name in WRITING or (name == "open" and any(str(mode).startswith(("w", "x", "a")) for mode in modes))
