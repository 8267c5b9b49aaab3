"""What a framework calls: its registrations, and the routes of endpoints.

A registration hands a function over, as a decorator or as an argument, or a class is derived from one of the framework's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial

import msgspec
from msgspec.structs import replace

from rules.core.facts import (
    Attribute,
    Call,
    Collection,
    Constant,
    Expression,
    Facts,
    Function,
    Import,
    Name,
    Typed,
    last_name,
)
from rules.core.given import DEPENDS
from rules.core.library import Registration, Role
from rules.core.memory import ALL
from rules.core.project import Project
from rules.core.repository import is_offline
from rules.core.values import Iterated, Object, Outside, ProjectClass, ProjectFunction, Value, Where

VALIDATING = frozenset({"field_validator", "model_validator", "validator", "root_validator"})
VALIDATORS = frozenset(
    f"{module}.{name}" for module in ("pydantic", "pydantic.functional_validators") for name in VALIDATING
)
SERIALIZING = frozenset({"field_serializer", "model_serializer", "computed_field"})
SERIALIZERS = frozenset(
    f"{module}.{name}"
    for module in ("pydantic", "pydantic.functional_serializers", "pydantic.fields")
    for name in SERIALIZING
)
MODELS = frozenset({"pydantic.BaseModel", "pydantic.main.BaseModel", "sqlmodel.SQLModel", "sqlmodel.main.SQLModel"})
BASES = {
    "BaseHTTPMiddleware": Role.MIDDLEWARE,
    "HTTPEndpoint": Role.ENDPOINT,
    "WebSocketEndpoint": Role.WEBSOCKET,
    "BaseTool": Role.TOOL,
}
SERVING = frozenset({Role.ENDPOINT, Role.WEBSOCKET})
AGENTS = frozenset({Role.TOOL, Role.NODE})
MAKING = frozenset({"APIRouter", "FastAPI"})
TABLES = ("roots", "roots of files")
"""What all roots together make up, in the words of a memory."""
_ANY = "ANY"
_UNTOLD = "…"  # of a path, what only the running program knows
_METHODS = {
    Role.MIDDLEWARE: ("dispatch", "__call__"),
    Role.ENDPOINT: ("get", "post", "put", "patch", "delete", "head", "options"),
    Role.WEBSOCKET: ("on_connect", "on_receive", "on_disconnect"),
    Role.TOOL: ("_arun",),  # https://docs.langchain.com/oss/python/langchain/tools
}


Router = tuple[str, str]
"""The file and the name of a router."""


class Root(msgspec.Struct, frozen=True):
    """A function that the framework calls. `route` is `GET /items` for an endpoint, else empty.

    `dependencies` are those that its registration names, `router` the file and the name of the router that it is put on.
    `is_certain` tells that nothing else stands above it, and nothing around it: no condition, no function.
    """

    function: ProjectFunction
    role: Role
    route: str = ""
    dependencies: tuple[ProjectFunction, ...] = ()
    router: tuple[str, str] | None = None
    is_certain: bool = False


class Roots:
    """The functions of a project that a framework calls, and as what.

    `before` is the project before some files were edited, with its roots, where that left all registrations as they were.
    """

    def __init__(self, project: Project, before: tuple[Project, tuple[Root, ...]] | None = None) -> None:
        self._project = project
        self._before = before
        self._memory = project.memory
        self._models: dict[ProjectClass, tuple[tuple[Value | None, ...], tuple[ProjectFunction, ...]]] = (
            self._memory.answers("models")
        )

    @property
    def all(self) -> tuple[Root, ...]:
        """Every function that the framework calls, in the order of the files."""
        self._memory.read(ALL)
        return self._all

    @cached_property
    def by_function(self) -> Mapping[ProjectFunction, Root]:
        """Every function that the framework calls, with how it does so."""
        return self._memory.table("roots", lambda: {root.function: root for root in self._all}, file_of)

    @cached_property
    def by_file(self) -> Mapping[str, tuple[Root, ...]]:
        """For each file, its functions that the framework calls."""
        return self._memory.table("roots of files", self._in_files)

    def _in_files(self) -> dict[str, tuple[Root, ...]]:
        found: dict[str, list[Root]] = {}
        for root in self._all:
            found.setdefault(root.function.path, []).append(root)
        return {path: tuple(roots) for path, roots in found.items()}

    @cached_property
    def _all(self) -> tuple[Root, ...]:
        taken_over = self._taken_over(*self._before) if self._before is not None else None
        return taken_over if taken_over is not None else self._found_all()

    def _taken_over(self, before: Project, roots: tuple[Root, ...]) -> tuple[Root, ...] | None:
        """Those before, where they are now: lambdas may have come between. None where one of them is a lambda."""
        moved = dict(self._moved(before))
        if any(root.function not in moved for root in roots if root.function.path in self._project.edited):
            return None
        return tuple([_moved_root(root, moved) for root in roots])

    def _moved(self, before: Project) -> Iterator[tuple[ProjectFunction, ProjectFunction]]:
        for path in self._project.edited:
            old, new = (named_places(project.facts[path]) for project in (before, self._project))
            yield from (
                (ProjectFunction(path, was), ProjectFunction(path, now)) for was, now in zip(old, new, strict=True)
            )

    def _found_all(self) -> tuple[Root, ...]:
        found: dict[ProjectFunction, Root] = {}
        for root in self._answering(self._registered()):
            if root.function not in found or found[root.function].role is Role.STARTUP:
                found[root.function] = root
        if not any(root.role in SERVING for root in found.values()):  # nobody asks for what the tools find
            found = {function: root for function, root in found.items() if root.role not in AGENTS}
        registered = tuple(found.values())
        for root in (*self._overriding(), *self._validators(registered), *self._serializers(registered)):
            found.setdefault(root.function, root)
        return tuple(found.values())

    def _answering(self, roots: Iterable[Root]) -> Iterator[Root]:
        """All but the routes that an earlier one of the same router answers in any case."""
        seen: set[tuple[Router, str]] = set()
        for root in roots:
            is_whole = root.role is Role.ENDPOINT and root.is_certain and not root.route.endswith(_UNTOLD)
            if root.router is None or not is_whole:
                yield root
            elif (root.router, root.route) not in seen:
                yield root
                seen.add((root.router, root.route))

    def _overriding(self) -> Iterator[Root]:
        for value in self._project.overriding:
            function = self._project.called_function(value)
            if function is not None:
                yield Root(function, Role.DEPENDENCY)

    def _validators(self, roots: tuple[Root, ...]) -> Iterator[Root]:
        """What pydantic calls when a request is read: on the event loop, also for a `def` endpoint."""
        if not any(facts.outline.decorating & VALIDATING for facts in self._project.facts.values()):
            return
        for root in roots:
            if root.role is Role.ENDPOINT:
                for validator in self._answer("validators", root.function, self._validating):
                    yield Root(validator, Role.VALIDATOR, root.route)

    def _answer(
        self,
        kind: str,
        function: ProjectFunction,
        work: Callable[[ProjectFunction], Iterable[ProjectFunction]],
    ) -> tuple[ProjectFunction, ...]:
        return self._memory.each(kind, function.path, function.index, lambda: work(function))

    def _validating(self, endpoint: ProjectFunction) -> Iterator[ProjectFunction]:
        function = self._project.function(endpoint)
        where = Where(endpoint.path, function.parent, function.line)
        read = [
            self._project.annotated(parameter.annotation, where)
            for parameter in function.parameters
            if parameter.annotation is not None and self._project.dependency(parameter, where) is None
        ]
        return self._decorated_in(read, VALIDATORS)

    def _serializers(self, roots: tuple[Root, ...]) -> Iterator[Root]:
        """What pydantic calls when a response is written: on the event loop, also for a `def` endpoint."""
        if not any(facts.outline.decorating & SERIALIZING for facts in self._project.facts.values()):
            return
        for root in roots:
            if root.role is Role.ENDPOINT:
                for serializer in self._answer("serializers", root.function, self._serializing):
                    yield Root(serializer, Role.SERIALIZER, root.route)

    def _serializing(self, endpoint: ProjectFunction) -> Iterator[ProjectFunction]:
        return self._decorated_in([self._response(endpoint)], SERIALIZERS)

    def _response(self, endpoint: ProjectFunction) -> Value | None:
        """An object of the response model of an endpoint, or a list of them."""
        function = self._project.function(endpoint)
        given = (dict(d.keywords).get("response_model") for d in function.decorators if isinstance(d, Call))
        told = next((one for one in given if one is not None), function.returns)
        return self._project.annotated(told, Where(endpoint.path, function.parent, function.line))

    def _decorated_in(self, values: list[Value | None], names: frozenset[str]) -> Iterator[ProjectFunction]:
        """The methods so decorated of models of pydantic, and of the models that their fields hold."""
        waiting, seen = list(values), set[ProjectClass]()
        while waiting:
            value = waiting.pop()
            value = value.item if isinstance(value, Iterated) else value
            if isinstance(value, Object) and isinstance(value.of, ProjectClass) and value.of not in seen:
                seen.add(value.of)
                fields, methods = self._read_by(value.of)
                waiting += fields
                yield from (method for method in methods if not names.isdisjoint(self._decorators(method)))

    def _decorators(self, of: ProjectFunction) -> set[str]:
        return {decorator.name for decorator in self._project.decorators(of) if isinstance(decorator, Outside)}

    def _read_by(self, of: ProjectClass) -> tuple[tuple[Value | None, ...], tuple[ProjectFunction, ...]]:
        """The fields of a model of pydantic, and what it calls of its methods; neither for any other class."""
        if of not in self._models:
            self._models[of] = (), ()
            model = self._model(of) or ()
            self._models[of] = tuple(self._fields(model)), tuple(self._hooks_of(model))
        return self._models[of]

    def _model(self, of: ProjectClass) -> tuple[ProjectClass, ...] | None:
        """A model of pydantic with those of the project that it derives from; None for any other class."""
        family = self._project.family(of)
        if not any(isinstance(one, Outside) and one.name in MODELS for one in family):
            return None
        return tuple(one for one in family if isinstance(one, ProjectClass))

    def _fields(self, model: tuple[ProjectClass, ...]) -> list[Value | None]:
        return [
            self._project.annotated(binding.value.annotation, Where(owner.path, self._project.class_(owner).parent))
            for owner in model
            for bindings in self._project.class_(owner).bindings.values()
            for binding in bindings
            if isinstance(binding.value, Typed)
        ]

    def _hooks_of(self, model: tuple[ProjectClass, ...]) -> Iterator[ProjectFunction]:
        for owner in model:
            for index in self._project.class_(owner).methods.values():
                method = ProjectFunction(owner.path, index)
                if self._project.function(method).decorators and self._decorators(method) & (VALIDATORS | SERIALIZERS):
                    yield method

    def _registered(self) -> Iterator[Root]:
        rows = [row for same in self._project.knowledge.registrations.values() for row in same]
        decorating = frozenset(row.name.rpartition(".")[2] for row in rows if row.argument is None)
        handing_over = frozenset(row.name.rpartition(".")[2] for row in rows if row.argument is not None)
        for path in sorted(self._project.facts):
            if not is_offline(path):
                found = partial(self._registered_in, path, decorating, handing_over)
                yield from self._memory.each("registered", path, "", found)
        for path in self._included_from_tests():
            found = partial(self._registered_in, path, decorating, handing_over)
            for root in self._memory.each("registered", path, "", found):
                if root.router in self.routers:
                    yield root

    def _included_from_tests(self) -> list[str]:
        """The files of tests with routers that the application includes: their routes are served like any other."""
        return sorted({path for path, _ in self.routers if is_offline(path)})

    def _registered_in(self, path: str, decorating: frozenset[str], handing_over: frozenset[str]) -> Iterator[Root]:
        facts = self._project.facts[path]
        if facts.outline.decorating & decorating:
            documented = _documented(facts.functions)
            for index, function in enumerate(facts.functions):
                if not any(_registrar(one) in documented or _is_documented(one) for one in function.decorators):
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
        for index, function in enumerate(self._project.facts[path].functions):
            for site in function.sites:
                made = site.call.callee
                if not (isinstance(made, Call) and last_name(made.callee) in names and site.call.arguments):
                    continue
                where = Where(path, index, site.line)
                target = self._project.called_function(self._project.value(site.call.arguments[0], where))
                for row in self._registrations(made, where):
                    if row.argument is None and target is not None:
                        yield Root(target, row.role, self._route(row, made, where))

    def _renamed(self, path: str, names: frozenset[str]) -> set[str]:
        """The names under which a file imports any of these: `Depends as D`."""
        facts = self._project.facts[path]
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
        for base in self._project.family(of):
            role = BASES.get(base.name.rpartition(".")[2]) if isinstance(base, Outside) else None
            for name in _METHODS[role] if role is not None else ():
                if name in methods:
                    yield Root(ProjectFunction(of.path, methods[name]), role or Role.ENDPOINT)

    def _calls(self, path: str, names: frozenset[str]) -> Iterator[Root]:
        for index, function in enumerate(self._project.facts[path].functions):
            for site in function.sites:
                if last_name(site.call.callee) in names:
                    yield from self._handed_over(site.call, Where(path, index, site.line))

    def _decorated(self, path: str, index: int, function: Function, names: frozenset[str]) -> Iterator[Root]:
        where = Where(path, function.parent, function.line)
        for one in function.decorators:
            decorator = one if isinstance(one, Call) or one is None else Call(one)
            if isinstance(decorator, Call) and last_name(decorator.callee) in names:
                for row in self._registrations(decorator, where):
                    if row.argument is None and (decorator == one or row.role in AGENTS):
                        yield Root(
                            ProjectFunction(path, index),
                            row.role,
                            self._route(row, decorator, where),
                            tuple(self._listed(decorator, where)),
                            self._router(decorator, where),
                            is_certain=len(function.decorators) == 1 and function.parent == 0 and function.column == 1,
                        )

    def _router(self, call: Call, where: Where) -> tuple[str, str] | None:
        return self._project.definition(call.callee.of if isinstance(call.callee, Attribute) else None, where)

    def _listed(self, call: Call, where: Where) -> Iterator[ProjectFunction]:
        """The dependencies that a registration, a router or an application names: `dependencies=[Depends(f)]`."""
        given = dict(call.keywords).get("dependencies")
        for one in given.items if isinstance(given, Collection) else ():
            if isinstance(one, Call) and one.arguments and self._project.is_called(one, where, DEPENDS):
                function = self._project.called_function(self._project.value(one.arguments[0], where))
                if function is not None:
                    yield function

    @cached_property
    def routes(self) -> Mapping[ProjectFunction, tuple[str, ...]]:
        """For each dependency, the routes that need it: by themselves, by their router, or through other dependencies."""
        return self._memory.table("routes", self._routes_of_dependencies, file_of)

    @cached_property
    def shared(self) -> Mapping[ProjectFunction, bool]:
        """The dependencies that half of all routes need."""
        return self._memory.table("shared", self._needed_by_half, file_of)

    def _needed_by_half(self) -> dict[ProjectFunction, bool]:
        endpoints = sum(root.role is Role.ENDPOINT for root in self._all)
        return {one: True for one, routes in self.routes.items() if 2 * len(routes) >= max(endpoints, 4)}

    def _routes_of_dependencies(self) -> dict[ProjectFunction, tuple[str, ...]]:
        found: dict[ProjectFunction, list[str]] = {}
        for root in self._all:
            if root.role is Role.ENDPOINT:
                for function in self.needed(root):
                    found.setdefault(function, []).append(root.route)
        return {function: tuple(routes) for function, routes in found.items()}

    def needed(self, root: Root) -> tuple[ProjectFunction, ...]:
        """The dependencies of a route, in the order in which FastAPI calls them: those of its routers, the outermost first, its own,
        and before each those that it needs itself.
        """
        listed, router = [*root.dependencies], root.router
        for _ in range(6):
            listed = [*self._shared.get(router, ()), *listed] if router is not None else listed
            router = self.routers.get(router, ("", None, ""))[1] if router is not None else None
        found: dict[ProjectFunction, None] = {}
        waiting = [*listed, *self._answer("asked for", root.function, self._asked_for)][::-1]
        asked = set[ProjectFunction]()
        while waiting:
            function = waiting[-1]
            if function in asked:
                found.setdefault(waiting.pop())
            else:
                asked.add(function)
                waiting += [one for one in self._answer("asked for", function, self._asked_for) if one not in asked][
                    ::-1
                ]
        return tuple(found)

    def _asked_for(self, function: ProjectFunction) -> list[ProjectFunction]:
        facts = self._project.function(function)
        where = Where(function.path, facts.parent, facts.line)
        values = (self._project.dependency(parameter, where) for parameter in facts.parameters)
        called = (self._project.called_function(value) for value in values if value is not None)
        return [one for one in called if one is not None]

    @cached_property
    def _shared(self) -> Mapping[tuple[str, str], list[ProjectFunction]]:
        """The dependencies that a router or an application puts on all of its routes, by the router."""
        found: dict[tuple[str, str], list[ProjectFunction]] = {}
        for path in self._making_or_including("FastAPI"):
            for router, listed in self._memory.each("listed", path, "", partial(self._shared_in, path)):
                found.setdefault(router, []).extend(listed)
        return found

    def _making_or_including(self, *also: str) -> Iterator[str]:
        """The files that make routers, or include some, in the order of all."""
        calling = self._project.calling
        paths = {path for name in ("APIRouter", "include_router", *also) for path in calling.get(name, ())}
        return (path for path in self._project.facts if path in paths and not is_offline(path))

    def _shared_in(self, path: str) -> Iterator[tuple[Router, tuple[ProjectFunction, ...]]]:
        made = {index for name in MAKING for index, _ in self._project.places_called(path, name)}
        included = self._project.places_called(path, "include_router")
        for index in sorted(made.union(index for index, _ in included)):
            where, function = Where(path, index), self._project.facts[path].functions[index]
            scope = "" if index == 0 else f"{function.qualname}."
            for name, bindings in function.bindings.items() if index in made else ():
                for value in (binding.value for binding in bindings):
                    if isinstance(value, Call) and last_name(value.callee) in MAKING:
                        yield (path, scope + name), tuple(self._listed(value, where))
            for call in (function.sites[place].call for of, place in included if of == index):
                if call.arguments and (router := self._project.definition(call.arguments[0], where)) is not None:
                    yield router, tuple(self._listed(call, where))

    def _handed_over(self, call: Call, where: Where) -> Iterator[Root]:
        for row in self._registrations(call, where):
            for target in self._handed(row, call) if row.argument is not None else ():
                handed = self._project.value(target, where)
                is_maker = row.role is Role.MIDDLEWARE and isinstance(handed, ProjectFunction)
                role = Role.STARTUP if is_maker else row.role  # it makes one for good, as a class does
                for function in self._entries(handed, role):
                    yield Root(function, role, self._route(row, call, where, is_class=isinstance(handed, ProjectClass)))

    def _entries(self, handed: Value | None, role: Role) -> Iterator[ProjectFunction]:
        """The functions that the framework calls of what it was handed."""
        if isinstance(handed, ProjectClass) and role in _METHODS:
            for name in _METHODS[role]:
                method = self._project.member(Object(handed), name)
                if isinstance(method, ProjectFunction):
                    yield method
        elif (function := self._project.called_function(handed)) is not None:
            yield function

    @staticmethod
    def _handed(row: Registration, call: Call) -> tuple[Expression | None, ...]:
        given = dict(call.keywords).get(row.keyword) if row.keyword else None
        if given is None and row.argument is not None and 0 <= row.argument < len(call.arguments):
            given = call.arguments[row.argument]
        return given.items if isinstance(given, Collection) else (given,)

    def _registrations(self, call: Call, where: Where) -> tuple[Registration, ...]:
        callee = self._project.value(call.callee, where)
        if not isinstance(callee, Outside):
            return ()
        return self._project.knowledge.registrations.get(callee.name, ())

    def _route(self, row: Registration, call: Call, where: Where, *, is_class: bool = False) -> str:
        if not row.verb:
            return ""
        path = call.arguments[0] if call.arguments else dict(call.keywords).get("path")
        own = path.value if isinstance(path, Constant) and isinstance(path.value, str) else _UNTOLD
        receiver = call.callee.of if isinstance(call.callee, Attribute) else None
        prefix = self._prefix(self._project.definition(receiver, where))
        verb = _verb(row, call, is_class=is_class)
        return f"{verb} {prefix}{own}" if prefix or own else f"{verb} /"

    # Routers and their prefixes

    def _prefix(self, router: tuple[str, str] | None, hops: int = 6) -> str:
        if router is None or not hops:
            return ""
        own, included_in, included_as = self.routers.get(router, ("", None, ""))
        return self._prefix(included_in, hops - 1) + included_as + own

    @cached_property
    def routers(self) -> Mapping[Router, tuple[str, Router | None, str]]:
        """For each router: its own prefix, the router that includes it, and the prefix given there."""
        return self._memory.table("routers", self._routers_of_all, lambda router: router[0])

    def _routers_of_all(self) -> dict[Router, tuple[str, Router | None, str]]:
        own: dict[Router, str] = {}
        included: dict[Router, tuple[Router | None, str]] = {}
        for path in self._making_or_including():
            mine, theirs = self._memory.answer("routers", path, "", partial(self._routers_in, path))
            own |= mine
            included |= theirs
        for path in {path for path, _ in included if is_offline(path)}:
            mine, _ = self._memory.answer("routers", path, "", partial(self._routers_in, path))
            own |= {router: prefix for router, prefix in mine.items() if router in included}
        return {
            router: (own.get(router, ""), *included.get(router, (None, ""))) for router in own.keys() | included.keys()
        }

    def _routers_in(self, path: str) -> tuple[dict[Router, str], dict[Router, tuple[Router | None, str]]]:
        """The routers that a file makes, and those that it includes."""
        own: dict[Router, str] = {}
        included: dict[Router, tuple[Router | None, str]] = {}
        for index, function in enumerate(self._project.facts[path].functions):
            where = Where(path, index)
            scope = "" if index == 0 else f"{function.qualname}."
            for name, bindings in function.bindings.items():
                for binding in bindings:
                    if isinstance(binding.value, Call) and last_name(binding.value.callee) == "APIRouter":
                        own[path, scope + name] = _told_prefix(binding.value)
            for site in function.sites:
                if last_name(site.call.callee) == "include_router" and site.call.arguments:
                    inner = self._project.definition(site.call.arguments[0], where)
                    outer = site.call.callee.of if isinstance(site.call.callee, Attribute) else None
                    if inner is not None:
                        included[inner] = (self._project.definition(outer, where), _told_prefix(site.call))
        return own, included


def named_places(facts: Facts) -> list[int]:
    """The places of all functions but lambdas among those of their file."""
    return [index for index, function in enumerate(facts.functions) if not function.is_lambda]


def _moved_root(root: Root, moved: Mapping[ProjectFunction, ProjectFunction]) -> Root:
    function, dependencies = moved.get(root.function), [moved.get(one, one) for one in root.dependencies]
    return replace(root, function=function or root.function, dependencies=tuple(dependencies))


def file_of(function: ProjectFunction) -> str:
    """The path of its file."""
    return function.path


def _verb(row: Registration, call: Call, *, is_class: bool) -> str:
    """What a route is called by. A class answers to all that it has a method for."""
    if not row.methods:
        return row.verb
    given = dict(call.keywords)
    if isinstance(methods := given.get(row.methods), Collection):
        named = [one.value.upper() for one in methods.items if isinstance(one, Constant) and isinstance(one.value, str)]
        return ", ".join(named) if named and len(named) == len(methods.items) else _ANY
    place = 1 if row.argument is None else row.argument + 1
    is_usual = not given.keys() & {row.methods, ""} and len(call.arguments) <= place and not is_class
    return row.verb if is_usual else _ANY


def _told_prefix(call: Call) -> str:
    """The prefix that a call gives; what is not told by a text stands for what only the running program knows."""
    value = dict(call.keywords).get("prefix", Constant("", "str"))
    return value.value if isinstance(value, Constant) and isinstance(value.value, str) else _UNTOLD


def _documented(functions: Iterable[Function]) -> set[str]:
    """The routers whose routes are documented as `callbacks=router.routes` of another, and called by nobody.

    https://fastapi.tiangolo.com/advanced/openapi-callbacks/
    """
    decorators = (decorator for function in functions for decorator in function.decorators)
    given = (dict(one.keywords).get("callbacks") for one in decorators if isinstance(one, Call))
    return {routes.of.id for routes in given if isinstance(routes, Attribute) and isinstance(routes.of, Name)}


def _is_documented(decorator: Expression | None) -> bool:
    """Whether it names as its path what is only known where a callback is made: `@router.post("{$callback_url}")`."""
    given = decorator.arguments[0] if isinstance(decorator, Call) and decorator.arguments else None
    return isinstance(given, Constant) and isinstance(given.value, str) and given.value.startswith("{$")


def _registrar(decorator: Expression | None) -> str:
    """The name of what registers: `router` of `@router.get("/")`."""
    callee = decorator.callee if isinstance(decorator, Call) else decorator
    return callee.of.id if isinstance(callee, Attribute) and isinstance(callee.of, Name) else ""
