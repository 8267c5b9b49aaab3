"""Where functions run: on the event loop, in a worker thread, at startup, or offline.

FastAPI's registrations are the roots (https://fastapi.tiangolo.com/async/): what is `async def` runs on the loop, a `def`
endpoint, dependency, handler or background task in a worker thread. Calls carry a context on, also across files; an
offload ends it, since its callable stands among the arguments and is not called there.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rules.core.facts import (
    Attribute,
    Call,
    Collection,
    Constant,
    Expression,
    Function,
    Import,
    Name,
    Site,
    last_name,
    names_in,
)
from rules.core.library import Blocking, Registration, Role, Weight
from rules.core.project import Project
from rules.core.values import Coroutine, Object, Outside, Partial, ProjectClass, ProjectFunction, Value, Where

ALWAYS_ON_LOOP = frozenset({Role.MIDDLEWARE, Role.WEBSOCKET, Role.STARTUP})
BASES = {
    "BaseHTTPMiddleware": Role.MIDDLEWARE,
    "HTTPEndpoint": Role.ENDPOINT,
    "WebSocketEndpoint": Role.WEBSOCKET,
}
RELATIONS = frozenset({"relationship", "Relationship", "backref", "ForeignKeyField", "association_proxy"})
_METHODS = {
    Role.MIDDLEWARE: ("dispatch", "__call__"),
    Role.ENDPOINT: ("get", "post", "put", "patch", "delete", "head", "options"),
    Role.WEBSOCKET: ("on_connect", "on_receive", "on_disconnect"),
}
_TEST = re.compile(r"(^|/)(tests?|testing|migrations|alembic)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")


@dataclass(frozen=True, slots=True)
class Root:
    """A function that the framework calls. `route` is `GET /items` for an endpoint, else empty."""

    function: ProjectFunction
    role: Role
    route: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a function is reached: from which root, and by which caller (None: by the framework itself)."""

    root: Root
    caller: ProjectFunction | None = None


@dataclass(frozen=True, slots=True)
class Sink:
    """A blocking call, and the functions that lead to it, from the one that was asked about to the one that blocks."""

    row: Blocking
    name: str
    site: Site
    through: tuple[ProjectFunction, ...]


def is_offline(path: str) -> bool:
    """Whether a file never serves requests: a test or a database migration, by its place."""
    return _TEST.search(path) is not None


class Contexts:
    """The contexts of all functions of a project, worked out when asked for."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._targets: dict[tuple[str, int, int], tuple[ProjectFunction, ...]] = {}
        self._sinks: dict[ProjectFunction, Sink | None] = {}
        self._coming: dict[tuple[str, ProjectFunction], bool] = {}

    # Roots

    @cached_property
    def roots(self) -> tuple[Root, ...]:
        """Every function that the framework calls, in the order of the files."""
        found: dict[ProjectFunction, Root] = {}
        for root in self._registered():
            found.setdefault(root.function, root)
        return tuple(found.values())

    def _registered(self) -> Iterator[Root]:
        rows = [row for same in self.project.knowledge.registrations.values() for row in same]
        decorating = frozenset(row.name.rpartition(".")[2] for row in rows if row.argument is None)
        handing_over = frozenset(row.name.rpartition(".")[2] for row in rows if row.argument is not None)
        for path, facts in sorted(self.project.facts.items()):
            if is_offline(path):
                continue
            if facts.outline.decorating & decorating:
                for index, function in enumerate(facts.functions):
                    yield from self._decorated(path, index, function, decorating)
            if "" in facts.outline.called and facts.outline.called & decorating:
                yield from self._called_decorators(path, decorating)
            named = handing_over | self._renamed(path, handing_over)
            if facts.outline.called & named:
                yield from self._calls(path, named)
            if BASES.keys() & facts.outline.imported:
                for index, class_ in enumerate(facts.classes):
                    yield from self._derived(ProjectClass(path, index), class_.methods)

    def _called_decorators(self, path: str, names: frozenset[str]) -> Iterator[Root]:
        """`app.get("/items")(read_items)`: a decorator that is called by hand."""
        for index, function in enumerate(self.project.facts[path].functions):
            for site in function.sites:
                made = site.call.callee
                if not (isinstance(made, Call) and last_name(made.callee) in names and site.call.arguments):
                    continue
                where = Where(path, index, site.line)
                target = self.called_function(self.project.value(site.call.arguments[0], where))
                for row in self._registrations(made, where):
                    if row.argument is None and target is not None:
                        yield Root(target, row.role, self._route(row, made, where))

    def _renamed(self, path: str, names: frozenset[str]) -> set[str]:
        """The names under which a file imports any of these: `Depends as D`."""
        facts = self.project.facts[path]
        if not facts.outline.imported & names:
            return set()
        return {
            name
            for name, bindings in facts.functions[0].bindings.items()
            for binding in bindings
            if isinstance(binding.value, Import) and binding.value.name in names
        }

    def _derived(self, of: ProjectClass, methods: Mapping[str, int]) -> Iterator[Root]:
        """The methods that the framework calls of a class that derives from one of its own."""
        for base in self.project.family(of):
            role = BASES.get(base.name.rpartition(".")[2]) if isinstance(base, Outside) else None
            for name in _METHODS[role] if role is not None else ():
                if name in methods:
                    yield Root(ProjectFunction(of.path, methods[name]), role or Role.ENDPOINT)

    def _calls(self, path: str, names: frozenset[str]) -> Iterator[Root]:
        for index, function in enumerate(self.project.facts[path].functions):
            for site in function.sites:
                if last_name(site.call.callee) in names:
                    yield from self._handed_over(site.call, Where(path, index, site.line))

    def _decorated(self, path: str, index: int, function: Function, names: frozenset[str]) -> Iterator[Root]:
        where = Where(path, function.parent, function.line)
        for decorator in function.decorators:
            if isinstance(decorator, Call) and last_name(decorator.callee) in names:
                for row in self._registrations(decorator, where):
                    if row.argument is None:
                        yield Root(ProjectFunction(path, index), row.role, self._route(row, decorator, where))

    def _handed_over(self, call: Call, where: Where) -> Iterator[Root]:
        for row in self._registrations(call, where):
            for target in self._handed(row, call) if row.argument is not None else ():
                for function in self._entries(self.project.value(target, where), row.role):
                    yield Root(function, row.role, self._route(row, call, where))

    def _entries(self, handed: Value | None, role: Role) -> Iterator[ProjectFunction]:
        """The functions that the framework calls of what it was handed."""
        if isinstance(handed, ProjectClass) and role in _METHODS:
            for name in _METHODS[role]:
                method = self.project.member(Object(handed), name)
                if isinstance(method, ProjectFunction):
                    yield method
        elif (function := self.called_function(handed)) is not None:
            yield function

    @staticmethod
    def _handed(row: Registration, call: Call) -> tuple[Expression | None, ...]:
        given = dict(call.keywords).get(row.keyword) if row.keyword else None
        if given is None and row.argument is not None and 0 <= row.argument < len(call.arguments):
            given = call.arguments[row.argument]
        return given.items if isinstance(given, Collection) else (given,)

    def _registrations(self, call: Call, where: Where) -> tuple[Registration, ...]:
        callee = self.project.value(call.callee, where)
        if not isinstance(callee, Outside):
            return ()
        return self.project.knowledge.registrations.get(callee.name, ())

    def _route(self, row: Registration, call: Call, where: Where) -> str:
        if not row.verb:
            return ""
        path = call.arguments[0] if call.arguments else dict(call.keywords).get("path")
        own = path.value if isinstance(path, Constant) and isinstance(path.value, str) else "…"
        receiver = call.callee.of if isinstance(call.callee, Attribute) else None
        prefix = self._prefix(self.definition(receiver, where))
        return f"{row.verb} {prefix}{own}" if prefix or own else f"{row.verb} /"

    # Routers and their prefixes

    def definition(self, expression: Expression | None, where: Where) -> tuple[str, str] | None:
        """The file and the name under which a global was made, wherever it was imported from."""
        if isinstance(expression, Name) and where.function > 0:
            function = self.project.function(where)
            if expression.id in function.bindings:
                return (where.path, f"{function.qualname}.{expression.id}")
        return self.project.origin(expression, where)

    def _prefix(self, router: tuple[str, str] | None, hops: int = 6) -> str:
        if router is None or not hops:
            return ""
        own, included_in, included_as = self._routers.get(router, ("", None, ""))
        return self._prefix(included_in, hops - 1) + included_as + own

    @cached_property
    def _routers(self) -> Mapping[tuple[str, str], tuple[str, tuple[str, str] | None, str]]:
        """For each router: its own prefix, the router that includes it, and the prefix given there."""
        own: dict[tuple[str, str], str] = {}
        included: dict[tuple[str, str], tuple[tuple[str, str] | None, str]] = {}
        for path, facts in self.project.facts.items():
            if is_offline(path) or not facts.outline.called & {"APIRouter", "include_router"}:
                continue
            for index, function in enumerate(facts.functions):
                where = Where(path, index)
                scope = "" if index == 0 else f"{function.qualname}."
                for name, bindings in function.bindings.items():
                    for binding in bindings:
                        if isinstance(binding.value, Call) and last_name(binding.value.callee) == "APIRouter":
                            own[path, scope + name] = _text(binding.value, "prefix")
                for site in function.sites:
                    if last_name(site.call.callee) == "include_router" and site.call.arguments:
                        inner = self.definition(site.call.arguments[0], where)
                        outer = site.call.callee.of if isinstance(site.call.callee, Attribute) else None
                        if inner is not None:
                            included[inner] = (self.definition(outer, where), _text(site.call, "prefix"))
        return {
            router: (own.get(router, ""), *included.get(router, (None, ""))) for router in own.keys() | included.keys()
        }

    # Calls

    def targets(self, function: ProjectFunction, place: int) -> tuple[ProjectFunction, ...]:
        """The functions of the project that a call runs there and then; `place` is that of the site in its function."""
        key = (function.path, function.index, place)
        if key not in self._targets:
            site = self.project.function(function).sites[place]
            where = Where(function.path, function.index, site.line)
            self._targets[key] = tuple(self._targets_of(site, where))
        return self._targets[key]

    def _targets_of(self, site: Site, where: Where) -> Iterator[ProjectFunction]:
        """An awaited `def` was made awaitable by something unseen (a decorator, another class): nobody knows where it runs."""
        if site.scripted:
            return
        callee = self.project.value(site.call.callee, where)
        called = self.called_function(callee)
        if called is not None:
            if self._runs_at_once(called, site) and not self.project.knowledge.is_offload(self.project.dotted(called)):
                yield self._implementation(called)
        elif isinstance(callee, Outside) and self.project.knowledge.calls_its_argument(callee.name):
            for given in (*site.call.arguments[:1], dict(site.call.keywords).get("key")):
                handed = self.called_function(self.project.value(given, where))
                if handed is not None:
                    yield handed
        if site.entered:
            yield from self._managers(self.project.result(callee))

    def _implementation(self, called: ProjectFunction) -> ProjectFunction:
        """The method itself, or the only one outside of tests that stands for it where it is abstract."""
        if not self.project.is_abstract(called):
            return called
        served = [method for method in self.project.implementations(called) if not is_offline(method.path)]
        return served[0] if len(served) == 1 else called

    def _runs_at_once(self, called: ProjectFunction, site: Site) -> bool:
        """Whether the call itself runs the body. That of a generator runs when it is iterated, maybe in a thread."""
        function = self.project.function(called)
        if function.generator:
            return site.entered or site.iterated or function.asynchronous
        return not site.awaited or function.asynchronous

    def _managers(self, manager: Value | None) -> Iterator[ProjectFunction]:
        if isinstance(manager, Object) and isinstance(manager.of, ProjectClass):
            for name in ("__enter__", "__exit__", "__aenter__", "__aexit__"):
                method = self.project.member(manager, name)
                if isinstance(method, ProjectFunction):
                    yield method

    def called_function(self, callee: Value | None) -> ProjectFunction | None:
        """The function whose body runs when the value is called."""
        match callee:
            case ProjectFunction():
                return callee
            case ProjectClass():
                made = self.project.member(Object(callee), "__init__")
            case Object(of=ProjectClass()):
                made = self.project.member(callee, "__call__")
            case Partial(of=of):
                return self.called_function(of)
            case _:
                return None
        return made if isinstance(made, ProjectFunction) else None

    # The event loop

    @cached_property
    def loop(self) -> Mapping[ProjectFunction, Arrival]:
        """Every function that may run on the event loop while requests are served, by the shortest way from a root."""
        arrivals: dict[ProjectFunction, Arrival] = {}
        waiting: deque[ProjectFunction] = deque()
        for root in self.roots:
            if self.runs_on_loop(root) and root.role is not Role.STARTUP:
                arrivals.setdefault(root.function, Arrival(root))
                waiting.append(root.function)
        while waiting:
            caller = waiting.popleft()
            for called in self.callees(caller):
                if called not in arrivals:
                    arrivals[called] = Arrival(arrivals[caller].root, caller)
                    waiting.append(called)
        return arrivals

    def runs_on_loop(self, root: Root) -> bool:
        """Whether the framework calls it on the event loop."""
        return root.role in ALWAYS_ON_LOOP or self.project.function(root.function).asynchronous

    def callees(self, function: ProjectFunction) -> Iterator[ProjectFunction]:
        """The functions of the project that a function calls where it runs itself."""
        for place in range(len(self.project.function(function).sites)):
            yield from self.targets(function, place)

    def way(self, function: ProjectFunction) -> tuple[ProjectFunction, ...]:
        """The functions from the root to the given one."""
        found = [function]
        while (caller := self.loop[found[-1]].caller) is not None:
            found.append(caller)
        return tuple(reversed(found))

    # Blocking

    def blocking(self, site: Site, where: Where) -> tuple[Blocking, str] | None:
        """What blocks at a call itself: the row that says so, and the callable's name. An awaited call never does."""
        if site.awaited or site.scripted:
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
        row = self.project.knowledge.blocking(callee.name)
        iterated = site.iterated and not site.suspending  # `async for` waits by awaiting
        if row is None or (row.lazy and not iterated):
            return self._iteration(callee) if iterated else None
        if row.unknown and not (site.looped or self._is_from_outside(site.call, where)):
            return None
        return (row, callee.name) if row.when(site, self.project.function(where)) else None

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
            if facts.owner >= 0 and places[name] == 0:
                return False
            return function in self._root_functions or self._is_given(name, places[name], function)
        made_of = {inner for binding in facts.bindings.get(name, ()) for inner in names_in(binding.value)}
        return any(self._comes_in(inner, function) for inner in made_of - {name})

    def _is_given(self, name: str, place: int, function: ProjectFunction) -> bool:
        shift = 1 if self.project.function(function).owner >= 0 else 0
        for call, at in self.project.calls_of(function):
            given = dict(call.keywords).get(name)
            if given is None and 0 <= place - shift < len(call.arguments):
                given = call.arguments[place - shift]
            if any(self._comes_in(inner, ProjectFunction(at.path, at.function)) for inner in names_in(given)):
                return True
        return False

    @cached_property
    def _root_functions(self) -> frozenset[ProjectFunction]:
        return frozenset(root.function for root in self.roots)

    def _iteration(self, callee: Outside) -> tuple[Blocking, str] | None:
        """What blocks when the result of a call is run through: `for user in session.query(User)`."""
        result = self.project.result(callee)
        if not (isinstance(result, Object) and isinstance(result.of, Outside)):
            return None
        name = self.project.knowledge.member(result.of.name, "__iter__")
        row = self.project.knowledge.exactly(name)
        return (row, name) if row is not None else None

    def own_sinks(self, function: ProjectFunction) -> Iterator[Sink]:
        """The blocking calls that stand in a function itself."""
        for site in self.project.function(function).sites:
            found = self.blocking(site, Where(function.path, function.index, site.line))
            if found is not None:
                yield Sink(*found, site, (function,))

    def sink(self, function: ProjectFunction) -> Sink | None:
        """What a `def` comes to block in, itself or through the helpers that it calls: waiting before files, then the
        nearest. None where nothing is known to block.
        """
        if function not in self._sinks:
            self._find_sinks(function)
        return self._sinks[function]

    def _find_sinks(self, start: ProjectFunction) -> None:
        """Work out the sinks of all functions that the given one leads to: backwards from those that block."""
        callers = self._callers(start)
        for weights in ((Weight.WAIT, Weight.CPU), (Weight.FILE,)):
            waiting: deque[ProjectFunction] = deque()
            for function in callers:
                own = next((sink for sink in self.own_sinks(function) if sink.row.weight in weights), None)
                if own is not None and self._sinks.get(function) is None:
                    self._sinks[function] = own
                    waiting.append(function)
                elif (known := self._sinks.get(function)) is not None and known.row.weight in weights:
                    waiting.append(function)
            while waiting:
                blocker = waiting.popleft()
                sink = self._sinks[blocker]
                for caller in callers[blocker] if sink is not None else ():
                    if self._sinks.get(caller) is None and sink is not None:
                        self._sinks[caller] = Sink(sink.row, sink.name, sink.site, (caller, *sink.through))
                        waiting.append(caller)
        for function in callers:
            self._sinks.setdefault(function, None)

    def _callers(self, start: ProjectFunction) -> Mapping[ProjectFunction, list[ProjectFunction]]:
        """The `def` functions that the given one leads to, each with those among them that call it."""
        callers: dict[ProjectFunction, list[ProjectFunction]] = {start: []}
        waiting = deque([start])
        while waiting:
            caller = waiting.popleft()
            for called in self.callees(caller):
                if self.project.function(called).asynchronous:
                    continue
                if called not in callers:
                    callers[called] = []
                    waiting.append(called)
                callers[called].append(caller)
        return callers

    @cached_property
    def live_attributes(self) -> frozenset[str]:
        """The attributes, each behind a dot, that may run code when they are read: properties, related rows of an ORM."""
        found: set[str] = set()
        for facts in self.project.facts.values():
            found |= facts.outline.properties
            for class_ in facts.classes if facts.outline.called & RELATIONS else ():
                for name, bindings in class_.bindings.items():
                    if any(isinstance(b.value, Call) and last_name(b.value.callee) in RELATIONS for b in bindings):
                        found.add(name)
        return frozenset(f".{name}" for name in found)

    def awaitable(self, site: Site, where: Where) -> bool:
        """Whether the call gives a coroutine."""
        return isinstance(self.project.value(site.call, where), Coroutine)


def _text(call: Call, keyword: str) -> str:
    value = dict(call.keywords).get(keyword)
    return value.value if isinstance(value, Constant) and isinstance(value.value, str) else ""
