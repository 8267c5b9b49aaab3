"""What runs once in the life of a process, so that no request but the first waits for it.

A cache without arguments, a global that is filled where it was found empty, an attribute that is set so on an object which
outlives the request.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from rules.core.facts import Attribute, Call, Computed, Constant, Expression, Name, Site, last_name, names_in
from rules.core.library import Role, origins
from rules.core.needs import absent, is_nothing
from rules.core.project import Project
from rules.core.repository import is_offline
from rules.core.roots import Roots
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where

CACHES = frozenset({"functools.lru_cache", "functools.cache"})
_AGEING = frozenset({"cachetools.cached", "cachetools.cachedmethod", "cachetools.func.ttl_cache"})
MOST_VALUES = 4  # that a name is given
_AGED = frozenset({"stale", "outdated", "expired"})
_FILLING = frozenset({"add", "append", "setdefault", "update"})
_EMPTYING = ("clear", "pop")


class Once:
    """Asked of a project's functions and classes; what was worked out is kept."""

    def __init__(self, project: Project, roots: Roots) -> None:
        self._project = project
        self._roots = roots
        self._made_often: dict[ProjectClass, bool] = project.memory.answers("made often")

    def runs_once(self, function: ProjectFunction) -> bool:
        """Whether a cache keeps the one result that a function can have: it takes no arguments."""
        if not self._project.function(function).decorators:
            return False
        names = self._decorators(function)
        own = 1 if "builtins.classmethod" in names else 0
        return not names.isdisjoint(CACHES) and len(self._project.function(function).parameters) == own

    def runs_seldom(self, function: ProjectFunction) -> bool:
        """The same, also where the cache forgets it after a time, or keeps it for an object that outlives a request."""
        facts = self._project.function(function)
        if self._decorators(function).isdisjoint(CACHES | _AGEING):
            return False
        if facts.owner < 0 or not facts.parameters:
            return not facts.parameters
        of = Object(ProjectClass(function.path, facts.owner))
        return len(facts.parameters) == 1 and (self.runs_once(function) or not self.is_made_for_requests(of))

    def runs_once_for_arguments(self, function: ProjectFunction) -> bool:
        """Whether a cache keeps what a function gives for the same arguments."""
        return not self._decorators(function).isdisjoint(CACHES)

    def _decorators(self, function: ProjectFunction) -> set[str]:
        return {decorator.name for decorator in self._project.decorators(function) if isinstance(decorator, Outside)}

    def runs_first(self, site: Site, function: ProjectFunction) -> bool:
        """Whether only the first call of a process comes there: under `if it is None` of something that is kept there; or one that
        finds it too old: under `if is_stale()`.
        """
        asked = (need[:-2] for need in site.needs if need.endswith("()") and not need.startswith(("-", "|")))
        if any(not _AGED.isdisjoint(name.split("_")) for name in asked):
            return True
        missing = set(absent(site.needs))
        if not missing:
            return False
        facts = self._project.function(function)
        if not missing.isdisjoint(facts.writes) or any(self._is_kept(name, function) for name in missing):
            return True
        return not (missing - facts.bindings.keys()).isdisjoint(self._written_by(site, function))

    def _written_by(self, site: Site, function: ProjectFunction) -> tuple[str, ...]:
        """The globals that the function of the same file fills which is called."""
        callee = self._project.value(site.call.callee, Where(function.path, function.index, site.line))
        called = self._project.called_function(callee)
        return self._project.function(called).writes if called is not None and called.path == function.path else ()

    def runs_first_for_key(self, site: Site, function: ProjectFunction) -> bool:
        """Whether it is done once for each key of what is kept: under `if key not in cache`, or `if cache.get(key) is None`."""
        return any(True for _ in self._keys(site, function))

    def runs_first_of_all(self, site: Site, function: ProjectFunction) -> bool:
        """Whether it is done once, since what is kept is kept under a key that is the same for all requests."""
        return any(
            self.is_the_same(key, function) and not self._is_emptied(kept, function)
            for kept, key in self._kept_under(site, function)
        )

    def _is_emptied(self, kept: str, function: ProjectFunction) -> bool:
        """Whether the file of a function takes out again what is kept."""
        facts = self._project.facts[function.path]
        return any(facts.calls(name) for name in _EMPTYING) and any(
            isinstance(call.callee, Attribute) and _text(call.callee.of) == kept
            for name in _EMPTYING
            for call, _ in self._project.calls_named(function.path, name)
        )

    def deciding(self, site: Site, function: ProjectFunction) -> tuple[str, ...]:
        """The parameters that must differ between calls for it to be done again; none where that is not for them to tell."""
        facts = self._project.function(function)
        for key in self._keys(site, function):
            asked = names_in(key) & {parameter.name for parameter in facts.parameters}
            made_of = (key, *(binding.value for name in asked for binding in facts.bindings.get(name, ())))
            if asked and all(self.is_the_same(one, function, asked) for one in made_of):
                return tuple(sorted(asked))
        return ()

    def _keys(self, site: Site, function: ProjectFunction) -> Iterator[Expression | None]:
        """The keys under which nothing was found for the call to be reached, in what the function fills and outlives it."""
        yield from (key for _, key in self._kept_under(site, function))

    def _kept_under(self, site: Site, function: ProjectFunction) -> Iterator[tuple[str, Expression | None]]:
        """The same, each behind the name of what is filled."""
        bindings = self._project.function(function).bindings
        for name in absent(site.needs):
            kept, bracket, key = name.removesuffix("]").partition("[")
            if bracket:
                if self._is_filled(kept, function):
                    word = key.removeprefix('"').removesuffix('"')
                    yield kept, Constant(word, "str") if word != key else Name(key) if key else None
                continue
            given = [b.value for b in bindings.get(kept, ()) if b.line < site.line]
            match given[-1] if given else None:
                case Call(callee=Attribute(of=of, name="get"), arguments=(asked, *_)) if self._is_filled(
                    _text(of), function
                ):
                    yield _text(of), asked

    def _is_filled(self, kept: str, function: ProjectFunction) -> bool:
        """Whether a function puts something under a key of a global, or of an attribute of what outlives a request."""
        facts, (owner, _, attribute) = self._project.function(function), kept.rpartition(".")
        if not owner:
            return kept in facts.writes
        of = self._project.name(owner, Where(function.path, function.index))
        filled = (site.call.callee for site in facts.sites if last_name(site.call.callee) in _FILLING)
        is_filled = f"{owner}.{attribute}[]" in facts.bindings or any(
            isinstance(filler, Attribute) and _text(filler.of) == kept for filler in filled
        )
        return is_filled and not self.is_made_for_requests(of)

    def is_the_same(
        self, key: Expression | None, function: ProjectFunction, given: AbstractSet[str] = frozenset(), hops: int = 3
    ) -> bool:
        """Whether an expression gives the same in every call that gives the same for these parameters: it is made of them, of
        literals, globals and calls of such.
        """
        facts = self._project.function(function)
        match key:
            case Constant(value=value):
                return value is not None
            case Name(id=name) if name in given:
                return True
            case Name(id=name):
                is_given = facts.parent > 0 or any(parameter.name == name for parameter in facts.parameters)
                values = [binding.value for binding in facts.bindings.get(name, ())]
                is_followed = not is_given and (bool(hops) or not values) and len(values) <= MOST_VALUES
                return is_followed and all(self.is_the_same(v, function, given, hops - 1) for v in values)
            case Attribute(of=of):
                set_here = facts.bindings.get(_text(key), ())
                made_of = set_here[0].value if len(set_here) == 1 else of
                return self.is_the_same(made_of, function, given, hops - (made_of is not of))
            case Call(callee=callee, arguments=arguments, keywords=named):
                parts = (callee, *arguments, *(value for _, value in named))
                return all(self.is_the_same(one, function, given, hops) for one in parts)
            case Computed(parts=parts):
                return all(self.is_the_same(one, function, given, hops) for one in parts)
            case _:
                return False

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
            self._made_often[of] = any(map(self._serves, self._makers(of)))
        return self._made_often[of]

    def _serves(self, function: ProjectFunction) -> bool:
        """Whether the framework calls a function for requests."""
        root = self._roots.by_function.get(function)
        return (root is not None and root.role is not Role.STARTUP) or function in self._roots.routes

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
        project, name = self._project, self._project.class_(of).name
        for path in {of.path, *project.importers_using(of.path, "call", name)}:
            for index, place in project.places_called(path, name) if not is_offline(path) else ():
                maker = ProjectFunction(path, index)
                site = project.function(maker).sites[place]
                where = Where(path, index, site.line)
                if not self.runs_first(site, maker) and project.value(site.call.callee, where) == of:
                    yield where


def _text(expression: Expression) -> str:
    """A name, or an attribute of one, as it is written; empty for anything else."""
    match expression:
        case Name(id=name):
            return name
        case Attribute(of=Name(id=owner), name=name):
            return f"{owner}.{name}"
        case _:
            return ""
