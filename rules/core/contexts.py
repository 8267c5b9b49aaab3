"""Where functions run: on the event loop, in a worker thread, at startup, or offline.

FastAPI's registrations are the roots (https://fastapi.tiangolo.com/async/): what is `async def` runs on the loop, a `def`
endpoint, dependency, handler or background task in a worker thread. Calls carry a context on, also across files; an
offload ends it, since its callable stands among the arguments and is not called there.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cached_property, partial, wraps
from typing import Any, TypeVar

from rules.core.arguments import Told
from rules.core.arrivals import Arrival, Arrivals, Shortest, arrivals_of, further
from rules.core.facts import Call, Site, last_name
from rules.core.leads import Leads
from rules.core.library import Role
from rules.core.memory import itself
from rules.core.project import Project
from rules.core.roots import Root, Roots, file_of
from rules.core.sinks import Known
from rules.core.values import Coroutine, ProjectFunction, Where

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

ALWAYS_ON_LOOP = frozenset({Role.MIDDLEWARE, Role.WEBSOCKET, Role.STARTUP, Role.VALIDATOR, Role.SERIALIZER})
STARTING = frozenset({"create_task", "ensure_future"})
STARTING_HOPS = 3  # functions from startup code to the one that starts a task
GATHERING = frozenset({"gather", "wait", "as_completed"})
RELATIONS = frozenset({"relationship", "Relationship", "backref", "ForeignKeyField", "association_proxy"})


def told_once(ask: "Callable[[_K, Contexts], _V]") -> "Callable[[_K, Contexts], _V]":
    """Decorator: what is to be said of a function, or of a place in one, in some contexts, for those who ask again and again."""

    @wraps(ask)
    def asked(of: _K, contexts: "Contexts") -> _V:
        return contexts.told(ask, of)

    return asked


class Contexts(Leads):
    """The contexts of all functions of a project, worked out when asked for.

    `known` is what tells some of it already, and `roots` what the framework calls.
    """

    def __init__(self, project: Project, known: "Known | None" = None, roots: Roots | None = None) -> None:
        super().__init__(project, roots or Roots(project), known)
        self._tables: dict[str, Mapping[Any, Any]] = {}
        self._told: dict[tuple[object, Hashable], Any] = self._memory.answers()

    def table(
        self, kind: str, build: Callable[[], Mapping[_K, _V]], by: Callable[[_K], Hashable] = itself
    ) -> Mapping[_K, _V]:
        """What all files together make up, as a check wants it; see `Memory.table`. It is built once."""
        if kind not in self._tables:
            self._tables[kind] = self._memory.table(kind, build, by)
        return self._tables[kind]

    def told(self, ask: "Callable[[_K, Contexts], _V]", of: _K) -> _V:
        """What is to be said of a function, or of a place in one; it is asked once."""
        key = (ask, of)
        if key not in self._told:
            self._told[key] = None  # while it is asked
            self._told[key] = ask(of, self)
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

    def needed(self, root: Root) -> tuple[ProjectFunction, ...]:
        """The dependencies of a route, in the order in which FastAPI calls them."""
        return self._roots.needed(root)

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

    def way(self, function: ProjectFunction) -> tuple[ProjectFunction, ...]:
        """The functions from the root to the given one."""
        return self.loop[function].way

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
