"""What a call runs there and then: functions, methods that stand for abstract ones, callbacks, managers, properties."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from rules.core.arguments import Arguments
from rules.core.coroutines import is_never_run
from rules.core.facts import (
    Attribute,
    Call,
    Expression,
    Name,
    Site,
    attributes_in,
)
from rules.core.library import Role, Weight
from rules.core.once import Once
from rules.core.project import Project
from rules.core.repository import is_offline
from rules.core.roots import Roots
from rules.core.sinks import Called, Known
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where


class Targets(ABC):
    """The calls of a project, each with the functions that it runs.

    `known` is what tells some of it already.
    """

    def __init__(self, project: Project, roots: Roots, known: Known | None = None) -> None:
        self.project = project
        self._known = known
        self._roots = roots
        self.once = Once(project, roots)
        self.arguments = Arguments(project, self.once)
        self._memory = project.memory
        self._targets: dict[tuple[str, int, int], tuple[ProjectFunction, ...]] = self._memory.answers("targets")
        self._properties: dict[ProjectFunction, tuple[tuple[Attribute, ProjectFunction, Site | None], ...]] = (
            self._memory.answers()
        )

    @abstractmethod
    def blocks(self, function: ProjectFunction) -> bool:
        """Whether a `def` comes to block, itself or through helpers."""

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
            is_run = self._runs_at_once(called, site, where) and self.arguments.fit(called, site.call)
            if is_run and not self.project.knowledge.is_offload(self.project.dotted(called)):
                yield from (one for one in self._implementations(called) if not self._is_only_made(one, site, where))
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
        idle = [method for method in plain if not self.blocks(method)]
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
        names = self._parameters_called(called) if call.arguments or call.keywords else ()
        parameters = self.project.function(called).parameters if names else ()
        shift = int(self.project.function(called).is_bound)
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

    def _runs_at_once(self, called: ProjectFunction, site: Site, where: Where) -> bool:
        """Whether the call itself runs the body. That of a generator runs when it is iterated, maybe in a thread; that of a
        coroutine which is dropped, kept by a `def` that cannot await it, or given to FastAPI as an answer, never does.
        """
        function = self.project.function(called)
        is_plain = function.asynchronous and not site.awaited and self.project.decorators_are_known(called)
        if is_plain and (site.statement or (not function.generator and self._is_never_run(site, where))):
            return False
        if function.generator:
            return site.entered or site.iterated or function.asynchronous
        return not site.awaited or function.asynchronous or self.is_made_asynchronous(called)

    def _is_never_run(self, site: Site, where: Where) -> bool:
        function, root = (
            self.project.function(where),
            self._roots.by_function.get(ProjectFunction(where.path, where.function)),
        )
        is_endpoint = root is not None and root.role is Role.ENDPOINT
        if is_endpoint and function.asynchronous and site.call in function.results:
            return True
        return is_never_run(site, where, self.project)

    def _is_only_made(self, called: ProjectFunction, site: Site, where: Where) -> bool:
        """Whether it is a generator, which the call makes and does not run; the abstract method that it stands for tells nothing."""
        return self.project.function(called).generator and not self._runs_at_once(called, site, where)

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
