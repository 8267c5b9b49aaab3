"""What blocks at a call itself, and whether requests come to it again and again."""

from collections.abc import Iterable, Iterator

from msgspec import structs
from msgspec.structs import replace

from rules.core.conditions import PRESENT
from rules.core.facts import Attribute, Call, Constant, Expression, Parameter, Site, last_name, names_in
from rules.core.library import Blocking, Weight
from rules.core.needs import absent
from rules.core.project import Project
from rules.core.roots import Roots
from rules.core.sinks import Known, Sink
from rules.core.targets import Targets
from rules.core.values import Object, Outside, Partial, ProjectFunction, Where

WRITING = frozenset({"copy", "copy2", "copyfile", "copytree", "move", "unpack_archive", "write_bytes", "write_text"})


class Waits(Targets):
    """The calls of a project, each with what blocks there."""

    def __init__(self, project: Project, roots: Roots, known: Known | None = None) -> None:
        super().__init__(project, roots, known)
        self._own_sinks: dict[ProjectFunction, tuple[Sink, ...]] = self._memory.answers()
        self._coming: dict[tuple[str, ProjectFunction], bool] = self._memory.answers("coming")

    def blocking(self, site: Site, where: Where) -> tuple[Blocking, str] | None:
        """What blocks at a call itself: the row that says so, and the callable's name. An awaited call never does."""
        if site.awaited or site.is_idle:
            return None
        callee = self.project.value(site.call.callee, where)
        while type(callee) is Partial:
            callee = callee.of
        match callee:
            case Outside():
                pass
            case ProjectFunction():
                name = self.project.dotted(callee)
                declared = self.project.knowledge.declared(name)
                return (declared, name) if declared is not None else None
            case Object(of=Outside(name=name)):
                callee = Outside(self.project.knowledge.member(name, "__call__"))
            case _:
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

    def _is_from_outside(self, call: Call, where: Where) -> bool:
        """Whether anything that the call is given (or made on) comes from a request: from a parameter of a root."""
        given = (call.callee, *call.arguments, *(value for _, value in call.keywords))
        return self.is_of_request(given, ProjectFunction(where.path, where.function))

    def is_of_request(self, parts: Iterable[Expression | None], function: ProjectFunction) -> bool:
        """Whether anything in some expressions comes from a request."""
        return any(self._comes_in(name, function) for part in parts for name in names_in(part))

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
            if (facts.is_bound and places[name] == 0) or self._is_settled(facts.parameters[places[name]], function):
                return False
            return self._roots.by_function.get(function) is not None or self._is_given(name, places[name], function)
        made_of = {inner for binding in facts.bindings.get(name, ()) for inner in names_in(binding.value)}
        return any(self._comes_in(inner, function) for inner in made_of - {name})

    def _is_settled(self, parameter: Parameter, function: ProjectFunction) -> bool:
        """Whether what FastAPI gives for a parameter is the same for all requests: a cache keeps it, as it does settings."""
        facts = self.project.function(function)
        given = self.project.dependency(parameter, Where(function.path, facts.parent, facts.line))
        return isinstance(given, ProjectFunction) and self.once.runs_once(given)

    def _is_given(self, name: str, place: int, function: ProjectFunction) -> bool:
        shift = int(self.project.function(function).is_bound)
        for call, at in self.project.calls_of(function):
            given = dict(call.keywords).get(name)
            if given is None and 0 <= place - shift < len(call.arguments):
                given = call.arguments[place - shift]
            if any(self._comes_in(inner, ProjectFunction(at.path, at.function)) for inner in names_in(given)):
                return True
        return False


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
