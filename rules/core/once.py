"""What runs once in the life of a process, so that no request but the first waits for it.

A cache without arguments, a global that is filled where it was found empty, an attribute that is set so on an object which
outlives the request.
"""

from collections.abc import Iterator

from rules.core.facts import Attribute, Call, Expression, Site, last_name
from rules.core.library import Role, origins
from rules.core.needs import is_nothing
from rules.core.project import Project
from rules.core.repository import is_offline
from rules.core.roots import Roots
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where

CACHES = frozenset({"functools.lru_cache", "functools.cache"})


class Once:
    """Asked of a project's functions and classes; what was worked out is kept."""

    def __init__(self, project: Project, roots: Roots) -> None:
        self._project = project
        self._roots = roots
        self._made_often: dict[ProjectClass, bool] = {}

    def runs_once(self, function: ProjectFunction) -> bool:
        """Whether a cache keeps the one result that a function can have: it takes no arguments."""
        names = {decorator.name for decorator in self._project.decorators(function) if isinstance(decorator, Outside)}
        own = 1 if "builtins.classmethod" in names else 0
        return not names.isdisjoint(CACHES) and len(self._project.function(function).parameters) == own

    def runs_first(self, site: Site, function: ProjectFunction) -> bool:
        """Whether only the first call of a process comes there: under `if it is None` of something that is kept there."""
        absent = {need[1:] for need in site.needs if need.startswith(("-", "?"))}
        if not absent:
            return False
        facts = self._project.function(function)
        return not absent.isdisjoint(facts.writes) or any(self._is_kept(name, function) for name in absent)

    def _is_kept(self, dotted: str, function: ProjectFunction) -> bool:
        """Whether an attribute is set once it was found missing, on what outlives a request."""
        facts, (owner, _, attribute) = self._project.function(function), dotted.rpartition(".")
        parameters = [parameter.name for parameter in facts.parameters]
        if owner not in parameters:
            return bool(owner) and dotted in facts.bindings and owner not in facts.bindings
        of = self._project.name(owner, Where(function.path, function.index))
        if owner != parameters[0] or facts.owner < 0 or not self._is_set_later(attribute, of):
            return False
        return isinstance(of, ProjectClass) or not self.is_made_for_requests(of)

    def _is_set_later(self, attribute: str, of: Value | None) -> bool:
        """Whether a method other than `__init__` gives an attribute of its class something."""
        owner = of.of if isinstance(of, Object) else of
        family = self._project.family(owner) if isinstance(owner, ProjectClass) else ()
        return any(
            self._project.facts[one.path].functions[binding.function].name != "__init__"
            and not is_nothing(binding.value)
            for one in family
            if isinstance(one, ProjectClass)
            for binding in self._project.class_(one).attributes.get(attribute, ())
        )

    def is_new(self, receiver: Expression, where: Where, spared: str) -> bool:
        """Whether an object was made for this very request, and without an argument of that name."""
        made = [call for call, _ in origins(receiver, self._project.function(where), where.line)]
        if not made and isinstance(receiver, Attribute):
            holder = self._project.value(receiver.of, where)
            made = self._made_by(holder, receiver.name) if self.is_made_for_requests(holder) else []
        return bool(made) and not any(spared in dict(call.keywords) for call in made)

    def _made_by(self, holder: Value | None, attribute: str) -> list[Call]:
        """The calls that an attribute is given in its class."""
        owner = holder.of if isinstance(holder, Object) else None
        bindings = self._project.class_(owner).attributes.get(attribute, ()) if isinstance(owner, ProjectClass) else ()
        return [binding.value for binding in bindings if isinstance(binding.value, Call)]

    def is_made_for_requests(self, value: Value | None) -> bool:
        """Whether a root makes such an object, or is its class, or calls a function that makes one."""
        of = value.of if isinstance(value, Object) else None
        if not isinstance(of, ProjectClass):
            return False
        if of not in self._made_often:
            self._made_often[of] = False
            roots = {root.function for root in self._roots.all if root.role is not Role.STARTUP}
            self._made_often[of] = not roots.isdisjoint(self._makers(of))
        return self._made_often[of]

    def _makers(self, of: ProjectClass) -> Iterator[ProjectFunction]:
        """The `__init__` of a class, the functions that make an instance each time, and those that call them."""
        yield ProjectFunction(of.path, self._project.class_(of).methods.get("__init__", -1))
        for at in self._instantiations(of):
            maker = ProjectFunction(at.path, at.function)
            if maker.index and not self.runs_once(maker):
                yield maker
                yield from (ProjectFunction(where.path, where.function) for _, where in self._project.calls_of(maker))

    def _instantiations(self, of: ProjectClass) -> Iterator[Where]:
        """Where a class is called, other than for something that is kept."""
        name = self._project.class_(of).name
        for path in {of.path, *self._project.importers_of(of.path)}:
            for index, function in enumerate(self._project.facts[path].functions if not is_offline(path) else ()):
                for site in function.sites:
                    where = Where(path, index, site.line)
                    if (
                        last_name(site.call.callee) == name
                        and not self.runs_first(site, ProjectFunction(path, index))
                        and self._project.value(site.call.callee, where) == of
                    ):
                        yield where
