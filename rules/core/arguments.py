"""What calls of the project give for the parameters that a blocking call needs."""

import builtins
from collections.abc import Collection, Iterator

from rules.core.facts import (
    FAILURE,
    Attribute,
    Awaited,
    Call,
    Choice,
    Computed,
    Constant,
    Defined,
    DefinedClass,
    Expression,
    Function,
    Name,
    Parameter,
    Site,
    Subscript,
    last_name,
    show,
)
from rules.core.facts import Collection as Display
from rules.core.kinds import PLAIN, TEXTS, TRUTHFUL, kinds_asked, kinds_of
from rules.core.mentions import may_be_called_unseen
from rules.core.needs import (
    DIFFERS,
    FALSE,
    MADE,
    NOTHING,
    OF_KIND,
    TRUE,
    alternatives,
    contradict,
    either,
    rules_out,
    subject_of,
    told_by_literal,
)
from rules.core.once import MOST_VALUES, Once
from rules.core.project import Project
from rules.core.values import Outside, Partial, ProjectClass, ProjectFunction, Where

Told = frozenset[tuple[str, str]]
"""What is known of parameters, each by its name (see `needs`)."""
NOTHING_TOLD: Told = frozenset()
HOPS = 3  # names that are given names
_TRUTH = frozenset({"__bool__", "__len__", "__new__"})
_ANYTHING = frozenset({"typing.Any", "typing.Optional", "typing.TypeVar", "builtins.object", "types.NoneType"})
_CONTAINERS = frozenset(
    {"Callable", "Dict", "Iterable", "Iterator", "List", "Mapping", "Sequence", "Set", "Tuple", "Type"}
)
_LEAVING = frozenset({"__exit__", "__aexit__"})  # which are given what has failed
_INJECTING = frozenset({"Depends", "Security"})


class Arguments:
    """Asked of a project's calls; what was worked out is kept."""

    def __init__(self, project: Project, once: Once) -> None:
        self._project = project
        self._once = once
        self._asked: dict[ProjectFunction, frozenset[str]] = project.memory.answers("asked")
        self._unseen: dict[ProjectFunction, bool] = project.memory.answers("unseen")

    def fit(self, called: ProjectFunction, call: Call) -> bool:
        """Whether a function takes what a call gives by name: else the call raises `TypeError`, or means another function."""
        parameters = self._project.function(called).parameters
        if any(one.kind == "mapping" for one in parameters) or not self._project.decorators_are_known(called):
            return True
        return {name for name, _ in call.keywords if name} <= {one.name for one in parameters}

    def missing(self, called: ProjectFunction, caller: ProjectFunction, site: Site) -> str:
        """The first parameter that a call gives nothing for though it has no default, so that the call raises `TypeError`."""
        named = {name for name, _ in site.call.keywords}
        callee = self._project.value(site.call.callee, Where(caller.path, caller.index, site.line))
        if "" in named or None in site.call.arguments or isinstance(callee, Partial) or not self._are_given_on(called):
            return ""
        parameters = self._project.function(called).parameters[self._is_bound_to_first(called, caller, site) :]
        placed = [one.name for one in parameters if one.kind in {"positional", "normal"}][: len(site.call.arguments)]
        needed = (one.name for one in parameters if not (one.has_default or one.kind in {"star", "mapping"}))
        return next((name for name in needed if name not in {*named, *placed}), "")

    def needs(self, site: Site, function: ProjectFunction) -> frozenset[str]:
        """What has to hold of the parameters of a function for one of its calls to be reached."""
        if not site.needs and not self._project.function(function).narrowings:
            return frozenset()
        changing = self._project.function(function).bindings.keys() if site.looped else ()
        asked = (self._parameters(function) - frozenset(changing)) | self._taken(function) | {FAILURE}
        told = [[self._in_terms_of_parameters(n, function) for n in alternatives(need)] for need in site.needs]
        if self._project.function(function).name in _LEAVING:
            told = [[FAILURE] for same in told if not any(one.startswith("-") for one in same)]
        if differing := self._once.deciding(site, function):
            told.append([f"{DIFFERS}{name}" for name in differing])
        told += ([need] for need in self._needed_kinds(site, function))
        return frozenset(either(same) for same in told if asked.issuperset(map(subject_of, same)))

    def _needed_kinds(self, site: Site, function: ProjectFunction) -> Iterator[str]:
        """What `isinstance` has told of parameters that were not given anything else."""
        facts, where = self._project.function(function), Where(function.path, function.index, site.line)
        for one in facts.narrowings:
            bound = any(binding.line < site.line for binding in facts.bindings.get(one.name, ()))
            is_asked = one.first_line <= site.line <= one.last_line and not bound
            if is_asked and (kinds := kinds_asked(one, where, self._project)):
                yield "-" * one.excluded + one.name + OF_KIND + "\n".join(sorted(kinds))

    def needs_through(
        self, needs: Collection[str], called: ProjectFunction, caller: ProjectFunction, site: Site
    ) -> frozenset[str] | None:
        """The same where the function that has the needs is called: of the parameters of the caller. None: ruled out."""
        found = set(self.needs(site, caller))
        for need in needs:
            left = [
                self._handed_on(one, called, caller, site)
                for one in alternatives(need)
                if one == FAILURE or not self._is_ruled_out(one, called, caller, site)
            ]
            if not left:
                return None
            if all(left):
                found.add(either(left))
        return None if contradict(found) else frozenset(found)

    def _handed_on(self, need: str, called: ProjectFunction, caller: ProjectFunction, site: Site) -> str:
        """The same need of the parameter that a caller hands on; empty where it gives something else."""
        if need == FAILURE:
            return need
        name = subject_of(need)
        given = self._given(name, called, caller, site)
        is_kept = isinstance(given, Name) and given.id in self._kept(caller, site)
        return need.replace(name, show(given), 1) if is_kept else ""

    def _is_ruled_out(self, need: str, called: ProjectFunction, caller: ProjectFunction, site: Site) -> bool:
        given = self._given(subject_of(need), called, caller, site)
        if need.startswith(DIFFERS):
            return self._once.is_the_same(given, caller)
        name, is_of_kind, kinds = need.removeprefix("-").partition(OF_KIND)
        if is_of_kind and name == subject_of(need):
            has = kinds_of(given, Where(caller.path, caller.index, site.line), self._project)
            return bool(has) and has.isdisjoint(kinds.split("\n")) != need.startswith("-")
        return rules_out(self._told(given, caller, site.line), need)

    def told(self, called: ProjectFunction, caller: ProjectFunction, site: Site, known: Told) -> Told:
        """What a call tells of the parameters of what it calls, where so much is known of those of the caller."""
        if called in self._unseen and self._unseen[called]:  # noqa: RUF019 -- of `get` nothing would be noted
            return NOTHING_TOLD
        told = frozenset(self._each_told(called, caller, site, dict(known)))
        return NOTHING_TOLD if told and self._is_called_unseen(called) else told

    def _each_told(
        self, called: ProjectFunction, caller: ProjectFunction, site: Site, known: dict[str, str]
    ) -> Iterator[tuple[str, str]]:
        asked = self._asked_of(called)
        kept = self._kept(caller, site) & known.keys() if asked else frozenset[str]()
        for name in asked:
            given = self._given(name, called, caller, site)
            told = known[given.id] if isinstance(given, Name) and given.id in kept else ""
            if told := told or self._told(given, caller, site.line):
                yield name, told

    def _asked_of(self, function: ProjectFunction) -> frozenset[str]:
        """The parameters that calls need, or are given."""
        if function not in self._asked:
            self._asked[function] = frozenset()
            sites = self._project.function(function).sites
            needs = (need for site in sites for need in self.needs(site, function))
            asked = {subject_of(one) for need in needs for one in alternatives(need)}
            given = {
                one.id
                for site in sites
                for one in (*site.call.arguments, *(value for _, value in site.call.keywords))
                if isinstance(one, Name)
            }
            self._asked[function] = (self._parameters(function) | self._taken(function)) & (asked | given)
        return self._asked[function]

    def _is_called_unseen(self, function: ProjectFunction) -> bool:
        if function not in self._unseen:
            self._unseen[function] = False
            self._unseen[function] = may_be_called_unseen(function, self._project)
        return self._unseen[function]

    # Parameters

    def _in_terms_of_parameters(self, need: str, function: ProjectFunction) -> str:
        """The same of the parameter which a name was given just before: `self.cached = cached`, or
        `cached = options.get("cached")` where `options` is all that is given by name.
        """
        subject = subject_of(need)
        bindings = self._project.function(function).bindings.get(subject, ())
        given = bindings[0].value if len(bindings) == 1 else None
        if isinstance(given, Name) and "." in subject:
            return need.replace(subject, given.id, 1)
        taken = _taken(given, self._project.function(function))
        return need.replace(subject, taken, 1) if taken else need

    def _taken(self, function: ProjectFunction) -> frozenset[str]:
        """What is taken of all that is given by name, each as `options[cached]`."""
        facts = self._project.function(function)
        if all(parameter.kind != "mapping" for parameter in facts.parameters):
            return frozenset()
        values = (bindings[0].value for bindings in facts.bindings.values())
        return frozenset(filter(None, (_taken(value, facts) for value in values)))

    def _parameters(self, of: ProjectFunction) -> frozenset[str]:
        return frozenset(parameter.name for parameter in self._project.function(of).parameters)

    def _are_given_on(self, of: ProjectFunction) -> bool:
        """Whether decorators give a function just what its callers gave. Of others that is likely only where it goes by its name."""
        if self._project.decorators_are_known(of):
            return True
        decorators = self._project.decorators(of)
        return all(isinstance(one, ProjectFunction) and self._gives_on(one) for one in decorators)

    def _gives_on(self, decorator: ProjectFunction) -> bool:
        """Whether a decorator of the project calls what it decorates with `*args, **kwargs` only."""
        functions = self._project.facts[decorator.path].functions
        decorated = [Name(parameter.name) for parameter in functions[decorator.index].parameters]
        calls = [
            site.call
            for inner in functions
            for site in inner.sites
            if inner.parent == decorator.index and site.call.callee in decorated
        ]
        return bool(calls) and all(
            call.arguments == (None,) and [key for key, _ in call.keywords] == [""] for call in calls
        )

    def _kept(self, of: ProjectFunction, site: Site) -> frozenset[str]:
        """The parameters that still hold that where a call stands."""
        function = self._project.function(of)
        return frozenset(name for name in self._parameters(of) if not _is_bound(name, function, site))

    def _given(self, name: str, called: ProjectFunction, caller: ProjectFunction, site: Site) -> Expression | None:
        """What a call gives for a parameter, or its default. None: unknown."""
        callee = self._project.value(site.call.callee, Where(caller.path, caller.index, site.line))
        keywords, parameters = dict(site.call.keywords), self._project.function(called).parameters
        is_unpacked = "" in keywords or None in site.call.arguments
        if is_unpacked or isinstance(callee, Partial) or self._project.called_function(callee) != called:
            return None
        if name in keywords:
            return keywords[name]
        if not self._are_given_on(called):
            return None
        if name.endswith("]"):
            return keywords.get(name.partition("[")[2][:-1], Constant(None, "NoneType"))
        place = [parameter.name for parameter in parameters].index(name)
        before = place - self._is_bound_to_first(called, caller, site)
        if before < 0 or parameters[place].kind in {"star", "mapping"}:
            return None
        given = site.call.arguments[before:]
        return given[0] if given and parameters[place].kind != "keyword" else parameters[place].default

    def _is_bound_to_first(self, called: ProjectFunction, caller: ProjectFunction, site: Site) -> bool:
        """Whether the first parameter is given by what stands before the dot, not by an argument."""
        if self._project.function(called).owner < 0:
            return False
        made_by = {one.name for one in self._project.decorators(called) if isinstance(one, Outside)}
        of = site.call.callee.of if isinstance(site.call.callee, Attribute) else None
        is_class = isinstance(self._project.value(of, Where(caller.path, caller.index, site.line)), ProjectClass)
        is_plain = "builtins.classmethod" not in made_by and self._project.function(called).name != "__init__"
        return "builtins.staticmethod" not in made_by and not (is_class and is_plain)

    # Values

    def _told(self, given: Expression | None, caller: ProjectFunction, line: int, hops: int = HOPS) -> str:
        match given:
            case Name(id=name):
                return self._told_of_name(name, caller, line, hops) if hops else ""
            case Call():
                return self._told_of_call(given, Where(caller.path, caller.index, line))
            case Awaited(of=Call() as call):
                return self._told_of_call(call, Where(caller.path, caller.index, line), awaited=True)
            case Computed():
                return MADE
            case Defined() | DefinedClass():
                return TRUE
            case _:
                return told_by_literal(given)

    def _told_of_name(self, name: str, caller: ProjectFunction, line: int, hops: int) -> str:
        function = self._project.function(caller)
        bindings = function.bindings.get(name, ())
        parameter = next((one for one in function.parameters if one.name == name), None)
        if parameter is not None:
            return "" if bindings else self._told_of_parameter(parameter, caller)
        if not bindings or len(bindings) > MOST_VALUES or bindings[0].line > line:
            return ""
        if len(bindings) > 1:
            each = {self._told(one.value, caller, one.line, hops - 1) for one in bindings}
            return "" if each & {"", NOTHING, FALSE} else MADE
        told = self._told(bindings[0].value, caller, bindings[0].line, hops - 1)
        is_filled = isinstance(bindings[0].value, Display)  # perhaps, by its methods
        return MADE if told and is_filled else told

    def _told_of_parameter(self, parameter: Parameter, function: ProjectFunction) -> str:
        """What its annotation tells of it, unless its default is another thing than that says."""
        default = parameter.default
        is_injected = isinstance(default, Call) and last_name(default.callee) in _INJECTING
        if parameter.has_default and not is_injected and told_by_literal(default) in {"", NOTHING}:
            return ""
        return self._told_by_annotation(parameter.annotation, function)

    def _told_of_call(self, call: Call, where: Where, *, awaited: bool = False) -> str:
        callee = self._project.value(call.callee, where)
        match callee:
            case ProjectClass():
                return TRUE if self._is_plain(callee) else MADE
            case Outside(name=name):
                return MADE if _is_named_like_a_class(name) or name in TEXTS else ""
            case ProjectFunction() if awaited == self._project.function(callee).asynchronous:
                return self._told_by_annotation(self._project.function(callee).returns, callee)
            case _:
                return ""

    def _is_plain(self, of: ProjectClass) -> bool:
        """Whether all objects of a class count as true: it inherits nothing that could say otherwise."""
        for owner in self._project.family(of):
            if isinstance(owner, Outside):
                if owner.name not in PLAIN:
                    return False
                continue
            class_ = self._project.class_(owner)
            where = Where(owner.path, class_.parent, class_.line)
            if not _TRUTH.isdisjoint(class_.methods) or None in [self._project.value(b, where) for b in class_.bases]:
                return False
        return True

    def _told_by_annotation(self, annotation: Expression | None, of: ProjectFunction) -> str:
        """`MADE` where it names types, and None is none of them; `TRUE` where its objects always count as true."""
        function = self._project.function(of)
        where = Where(of.path, function.parent, function.line)
        named = self._project.value(annotation, where) if isinstance(annotation, (Name, Attribute)) else None
        if isinstance(named, Outside) and named.name in TRUTHFUL:
            return TRUE
        return MADE if self._leaves_out_none(annotation, where) else ""

    def _leaves_out_none(self, annotation: Expression | None, where: Where) -> bool:
        match annotation:
            case Choice(options=options):
                return all(self._leaves_out_none(one, where) for one in options)
            case Subscript(of=of, items=items) if last_name(of) == "Annotated":
                return self._leaves_out_none(items[0] if items else None, where)
            case Subscript(of=of) | of if isinstance(of, (Name, Attribute)):
                return self._is_class(of, where)
            case _:
                return False

    def _is_class(self, named: Name | Attribute, where: Where) -> bool:
        """Whether that is a class, and not another name for several types."""
        value = self._project.value(named, where)
        if isinstance(value, ProjectClass):
            return self._project.class_(value).name == last_name(named)
        if not isinstance(value, Outside):
            return False
        module, _, name = value.name.rpartition(".")
        return name in _CONTAINERS or (module not in {"typing", "typing_extensions"} and value.name not in _ANYTHING)


def _taken(given: Expression | None, function: Function) -> str:
    """What is taken of all that is given by name, if it is left out for None: `options.get("cached")` as `options[cached]`."""
    match given:
        case Call(
            callee=Attribute(of=Name(id=of), name="get" | "pop"),
            arguments=(Constant(value=str(key)), *others),
            keywords=(),
        ) if others in ([], [Constant(None, "NoneType")]):
            is_taken = any(one.name == of and one.kind == "mapping" for one in function.parameters)
            return f"{of}[{key}]" if is_taken and of not in function.bindings else ""
        case _:
            return ""


def _is_named_like_a_class(name: str) -> bool:
    *_, around, last = ("", *name.split("."))
    if around == "builtins":
        return isinstance(getattr(builtins, last, None), type)
    return last[:1].isupper() and not around[:1].isupper()


def _is_bound(name: str, function: Function, site: Site) -> bool:
    """Whether a name may have been given something else before a call."""
    bindings = function.bindings.get(name, ())
    return any(site.looped or binding.line < site.line for binding in bindings)
