"""The two stacks of a project: where its synchronous sessions come from, and where those that are awaited do.

One is the twin of the other where both ask the same database, are made alike, and do alike with what a request leaves
behind. What of that cannot be seen is no reason to believe it.
"""

from collections.abc import Iterator

import msgspec

from rules.core.classes import MANAGERS
from rules.core.contexts import Contexts
from rules.core.facts import FAILURE, Attribute, Call, Constant, Entered, Expression, Function, Name, Site, show
from rules.core.fixes.sessions.addresses import Address, Addresses, is_alike
from rules.core.library import Sessions
from rules.core.repository import is_offline
from rules.core.values import Object, Outside, ProjectFunction, Where

_LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
_USUAL = {"autoflush": True, "autocommit": False, "future": True, "expire_on_commit": True}
_NEUTRAL = frozenset(
    {
        *("echo", "echo_pool", "future", "hide_parameters", "logging_name", "max_overflow", "pool_logging_name"),
        *("pool_pre_ping", "pool_recycle", "pool_reset_on_return", "pool_size", "pool_timeout", "pool_use_lifo"),
        *("poolclass", "query_cache_size", "bind", "class_", "expire_on_commit", "url"),
    }
)  # what says nothing of what a statement does


_FLUSHING, _CONNECTING = "autoflush", "engine connect_args"


class Unlike(Exception):  # noqa: N818 -- it is an answer, not a failure
    """Why there is no twin, in a few words."""


class Source(msgspec.Struct, frozen=True):
    """Where sessions come from: the dependency that gives them, the library class of them, and how they are made.

    The dependency may be a function that opens sessions itself, or a whole module that holds a factory of them. Where it `expires`, objects load again what is read of them after a commit. `options` are those that change what a session
    does, `deeds` what is done with it but to make, to close and to take back.
    """

    dependency: ProjectFunction
    gives: str
    expires: bool
    options: frozenset[tuple[str, Expression | None]]
    deeds: frozenset[str]
    address: Address


class Twins(msgspec.Struct, frozen=True):
    """A source and its asynchronous twin.

    Where theirs is not certainly the same address, both are for a person to compare. `unlike` are the options in which the two
    differ, and that a person may judge: `autoflush`, `engine connect_args`.
    """

    source: Source
    instead: Source
    is_same_address: bool
    unlike: frozenset[str]


class Stacks(msgspec.Struct):
    """The sources of one project, each worked out once."""

    contexts: Contexts
    _sources: dict[ProjectFunction, Source | str] = msgspec.field(default_factory=dict)
    _asynchronous: tuple[ProjectFunction, ...] | None = None

    @property
    def asynchronous(self) -> tuple[ProjectFunction, ...]:
        """The asynchronous generators of the project that yield a session which is awaited."""
        if self._asynchronous is None:
            self._asynchronous = tuple(self._generators())
        return self._asynchronous

    def _generators(self) -> Iterator[ProjectFunction]:
        instead = {row.instead for row in self._rows()}
        for path in sorted(self._files()):
            facts = self.contexts.project.facts[path]
            for index, function in enumerate(facts.functions):
                place = ProjectFunction(path, index)
                if function.asynchronous and function.generator and not function.decorators:
                    name = self.given_by(place)
                    if name and not instead.isdisjoint(self.contexts.project.knowledge.family(name)):
                        yield place

    def _files(self) -> set[str]:
        """The files that may have any: they, or what they import from, name what such a session is made with."""
        project = self.contexts.project
        names = {name for row in self._rows() for name in (row.instead, *row.factories, *row.engines.values())}
        words = {name.rpartition(".")[2] for name in names}
        near = {path for path, facts in project.facts.items() if facts.outline.imported & words}
        near |= {other for path in near for other in project.importers_of(path)}
        return {path for path in near if project.facts[path].outline.coroutines and not is_offline(path)}

    def _rows(self) -> tuple[Sessions, ...]:
        return tuple(self.contexts.project.knowledge.sessions.values())

    def given_by(self, dependency: ProjectFunction) -> str:
        """The library class of what a dependency gives; empty where that is something else."""
        value = self.contexts.project.injected(dependency)
        return value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""

    def twins(self, dependency: ProjectFunction) -> Twins:
        """A synchronous source, and the one asynchronous source that gives the same. Raises Unlike."""
        source = self.source(dependency)
        found: list[Twins] = []
        reasons: list[str] = []
        for other in self.asynchronous:
            try:
                found.append(compared(source, self.source(other)))
            except Unlike as unlike:
                reasons.append(str(unlike))
        near = [twins for twins in found if twins.instead.dependency.path == dependency.path]
        if len(chosen := near or found) != 1:
            raise Unlike("several asynchronous dependencies could take its place" if chosen else _said(reasons))
        return chosen[0]

    def source(self, dependency: ProjectFunction) -> Source:
        """How a dependency makes its sessions. Raises Unlike where that cannot be followed."""
        if dependency not in self._sources:
            try:
                self._sources[dependency] = self._source(dependency)
            except Unlike as unlike:
                self._sources[dependency] = str(unlike)
        found = self._sources[dependency]
        if isinstance(found, str):
            raise Unlike(found)
        return found

    def _source(self, dependency: ProjectFunction) -> Source:
        project = self.contexts.project
        if project.function(dependency).decorators or dependency in project.overriding:
            raise Unlike("the dependency of a session is decorated or put in the place of another")
        made, where, deeds = self._made(dependency)
        return self._opened(made, where, deeds, self.given_by(dependency), dependency)

    def opened(self, made: Call, function: ProjectFunction, line: int, gives: str) -> Source:
        """How the sessions are made that a function opens itself at a line. Raises Unlike."""
        return self._opened(made, Where(function.path, function.index, line), frozenset(), gives, function)

    def _opened(
        self, made: Call, where: Where, deeds: frozenset[str], gives: str, dependency: ProjectFunction
    ) -> Source:
        project = self.contexts.project
        factory, given = self._factory(made, where)
        keywords = dict(factory.keywords)
        bind = keywords.get("bind", factory.arguments[0] if factory.arguments else None)
        engines, origin = self._engines(bind, given)
        self._check_events(origin)
        self._check_events(project.origin(made.callee, where))
        options = {(key, value) for key, value in keywords.items() if not _is_usual(key, value)}
        expires = keywords.get("expire_on_commit") != Constant(False, "bool")
        addresses = {Addresses(project).address(engine, at) for engine, at in engines}
        address = addresses.pop()
        if address is None or addresses:
            raise Unlike("the address of a database is not seen")
        told = {option for engine, _ in engines for option in _engine_options(engine)}
        return Source(dependency, gives, expires, frozenset(options | told), deeds, address)

    def _made(self, dependency: ProjectFunction, depth: int = 0) -> tuple[Call, Where, frozenset[str]]:
        """The call that makes the session which a generator yields, and what else the generator does."""
        function = self.contexts.project.function(dependency)
        names = [one.id for one in function.yields if isinstance(one, Name)]
        if not function.generator or function.parameters or len(function.yields) != 1 or not names:
            raise Unlike("how a dependency makes its session is not seen")
        bindings = [b for b in function.bindings.get(names[0], ()) if not _is_none(b.value)]
        value = bindings[0].value if len(bindings) == 1 else None
        call = value.of if isinstance(value, Entered) else value
        if not isinstance(call, Call):
            raise Unlike("how a dependency makes its session is not seen")
        where = Where(dependency.path, dependency.index, bindings[0].line)
        deeds = frozenset(self._deeds(function, names[0], call))
        called = self.contexts.project.value(call.callee, where)
        if isinstance(called, ProjectFunction) and self._is_manager(called) and depth < 2 and not call.arguments:
            inner, at, more = self._made(called, depth + 1)
            return inner, at, deeds | more
        return call, where, deeds

    def _is_manager(self, function: ProjectFunction) -> bool:
        decorators = self.contexts.project.decorators(function)
        return [isinstance(d, Outside) and d.name in MANAGERS for d in decorators] == [True]

    def _deeds(self, function: Function, name: str, made: Call) -> Iterator[str]:
        """What is done with the session for a request, one word each, but what happens anyway where it is closed."""
        guards = any(site.guarded or FAILURE in site.needs for site in function.sites)
        for site in function.sites:
            if site.call == made:
                continue
            match site.call.callee:
                case Attribute(of=Name(id=of), name=method) if of == name:
                    if (deed := _deed(site, method, guards)) != "":
                        yield deed
                case Attribute(name=method) if method in _LOGGING:
                    pass
                case _:
                    yield show(site.call)

    def _factory(self, made: Call, where: Where) -> tuple[Call, Where]:
        """The call that says how sessions are made: of the factory, or of the class itself."""
        project = self.contexts.project
        callee = project.value(made.callee, where)
        if isinstance(callee, Outside) and any(callee.name in {row.of, row.instead} for row in self._rows()):
            return made, where
        origin = project.origin(made.callee, where)
        if made.arguments or made.keywords or origin is None:
            raise Unlike("how a dependency makes its session is not seen")
        call, at = self._global(origin)
        of = project.value(call.callee, at)
        if not (isinstance(of, Outside) and any(of.name in row.factories for row in self._rows())):
            raise Unlike("how a dependency makes its session is not seen")
        return call, at

    def _global(self, origin: tuple[str, str]) -> tuple[Call, Where]:
        """The one call that a global is bound to."""
        (found, *others) = self._globals(origin)
        if others:
            raise Unlike("how a factory of sessions is made is not seen")
        return found

    def _globals(self, origin: tuple[str, str]) -> list[tuple[Call, Where]]:
        """The calls that a global is bound to, one in each branch."""
        path, name = origin
        bindings = self.contexts.project.facts[path].bound(name)
        calls = [(b.value, Where(path, 0, b.line)) for b in bindings if isinstance(b.value, Call)]
        if not calls or len({b.line for b in bindings}) != len(calls):
            raise Unlike("how a factory of sessions is made is not seen")
        return calls

    def _engines(
        self, bind: Expression | None, where: Where
    ) -> tuple[list[tuple[Call, Where]], tuple[str, str] | None]:
        """The calls that make what the session asks, one in each branch, and the global that it is kept under."""
        if isinstance(bind, Call):
            return [self._engine(bind, where)], None
        origin = self.contexts.project.origin(bind, where)
        if origin is None:
            raise Unlike("the engine of a session is not seen")
        return [self._engine(call, at) for call, at in self._globals(origin)], origin

    def _engine(self, call: Expression, at: Where) -> tuple[Call, Where]:
        """The call that makes an engine, in a function that does nothing else where need be."""
        project = self.contexts.project
        known = {name for row in self._rows() for pair in row.engines.items() for name in pair}
        for _ in range(2):
            of = project.value(call.callee, at) if isinstance(call, Call) else None
            if isinstance(call, Call) and isinstance(of, Outside) and of.name in known:
                return call, at
            inner = project.function(of) if isinstance(of, ProjectFunction) else None
            if inner is None or not isinstance(of, ProjectFunction) or len(inner.results) != 1 or inner.parameters:
                break
            call, at = inner.results[0], Where(of.path, of.index, inner.end_line)
        raise Unlike("the engine of a session is not seen")

    def _check_events(self, origin: tuple[str, str] | None) -> None:
        """Raises Unlike where something listens to one engine, or to the sessions of one factory."""
        project = self.contexts.project
        for path, facts in project.facts.items():
            if origin is None or is_offline(path) or not facts.outline.called & {"listens_for", "listen"}:
                continue
            for index, function in enumerate(facts.functions):
                for site in function.sites:
                    given = site.call.arguments[0] if site.call.arguments else None
                    inner = given.of if isinstance(given, Attribute) else given
                    place = Where(path, index, site.line)
                    if origin in {project.origin(one, place) for one in (given, inner) if one is not None}:
                        raise Unlike("something listens to one of the two engines")


def compared(source: Source, other: Source) -> Twins:
    """The two as twins. Raises Unlike where one does what the other does not."""
    unlike = frozenset(key for key, _ in source.options ^ other.options)
    if unlike - {_FLUSHING, _CONNECTING} or any(map(_is_elsewhere, source.options ^ other.options)):
        raise Unlike("the two kinds of session are made with other options")
    if source.deeds != other.deeds:
        raise Unlike("the two dependencies do not end a request in the same way")
    if not is_alike(source.address, other.address):
        raise Unlike("the two engines may ask different databases")
    is_same = source.address.is_precise and source.address.meaning == other.address.meaning
    return Twins(source, other, is_same, unlike)


def _is_elsewhere(option: tuple[str, Expression | None]) -> bool:
    """Whether a connection is told where to look for tables."""
    return option[0] == _CONNECTING and "search_path" in show(option[1]) + str(option[1])


def _said(reasons: list[str]) -> str:
    """The reason that stands for all: the last that was come to, since that is nearest to a twin."""
    return reasons[-1] if reasons else "the project has no asynchronous dependency"


def _deed(site: Site, method: str, guards: bool) -> str:
    """A call on the session in a dependency, in one word; none for what closing the session does as well."""
    failed = FAILURE in site.needs
    if method in {"close", "remove"} or (method == "rollback" and failed):
        return ""
    if method == "begin" and site.entered:
        return "commit"
    if method == "commit" and not failed and (site.guarded or not guards):
        return "commit"
    return f"{method} {'after a failure' if failed else 'always'}"


def _is_usual(key: str, value: Expression | None) -> bool:
    if key in {"bind", "class_", "expire_on_commit"}:
        return True
    return isinstance(value, Constant) and key in _USUAL and value.value is _USUAL[key]


def _engine_options(engine: Call) -> frozenset[tuple[str, Expression | None]]:
    """What an engine is told that changes what a statement does."""
    return frozenset(
        (f"engine {key}", value)
        for key, value in engine.keywords
        if key not in _NEUTRAL and not (key == "connect_args" and _is_technical(value))
    )


def _is_technical(value: Expression | None) -> bool:
    """Whether the arguments of a connection are switches and numbers only, as `check_same_thread` or a timeout is."""
    items = getattr(value, "items", None)
    if not isinstance(items, tuple):
        return False
    return all(isinstance(one, Constant) and not isinstance(one.value, str) and one.kind != "unknown" for one in items)


def _is_none(value: Expression) -> bool:
    return isinstance(value, Constant) and value.kind == "NoneType"
