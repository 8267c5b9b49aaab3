"""Files that a function writes and a library then works on, which is given their path: no other request may write one in between."""

from collections.abc import Iterator

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Collection, Element, Expression, Name, Site, last_name
from rules.core.findings import Span
from rules.core.fixes.files.calls import written_by
from rules.core.fixes.files.names import MOST_REACHED, Named, is_file, named, parameters_given, unwrapped
from rules.core.fixes.files.own_names import hangs_on, is_own_name
from rules.core.needs import contradict
from rules.core.usage import given_to, reached
from rules.core.values import Outside, ProjectFunction, Where

_FILLING = frozenset({"append", "add", "extend", "insert"})
_OTHERS = (
    "databases/",
    "blocking/files",
)  # they keep a path as a text; `rewriting` tells of those that open files themselves


def loads_what_it_wrote(span: Span, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function writes a file above a place, or there, that others may name alike, and has a library work on it there or
    below.
    """
    for writing, path in _written(function, contexts):
        if writing.span.end <= span.end:
            users = (site for site in _users(path, function, contexts) if site.span != writing.span)
            if any(site.span.end >= span.end and not contradict({*writing.needs, *site.needs}) for site in users):
                return True
    return False


@told_once
def _written(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[Site, Expression], ...]:
    """The calls of a function that write a file which others may name alike, themselves or by a helper, each with what stands for
    the path there.
    """
    if len(reached(function, contexts)) > MOST_REACHED:
        return ()
    facts, found = contexts.project.function(function), list[tuple[Site, Expression]]()
    for site, path in written_by(function, contexts):
        is_certain = is_file(path, last_name(site.call.callee), facts)
        if is_certain and not is_own_name(path, function, contexts):
            found.append((site, path))
    for place, site in enumerate(facts.sites):
        for target in contexts.targets(function, place):
            found += [(site, path) for path in _written_behind(site.call, target, function, contexts)]
    return tuple(found)


def _written_behind(
    call: Call, target: ProjectFunction, function: ProjectFunction, contexts: Contexts
) -> Iterator[Expression]:
    """What stands for the paths of files that a helper writes: what it is given, or the call that gives the path back."""
    given = {name.id: value for name, value in parameters_given(call, target, contexts)}
    results = contexts.project.function(target).results
    for _, path in _written(target, contexts) or ():
        names = hangs_on(path, target, contexts) or frozenset()
        if any(is_own_name(given[name], function, contexts) for name in names if name in given):
            continue
        bare = unwrapped(path)
        if isinstance(bare, Name) and bare.id in given:
            yield given[bare.id]
        elif any(not named(path, target, contexts).isdisjoint(named(one, target, contexts)) for one in results):
            yield call


def _users(path: Expression, function: ProjectFunction, contexts: Contexts) -> Iterator[Site]:
    """The calls of a function that have a library work on a file, themselves or by a helper."""
    facts = contexts.project.function(function)
    names, paths = _standing_for(path, function, contexts)
    direct = {sink.site for sink in contexts.own_sinks(function) if not sink.row.rule.startswith(_OTHERS)}
    for place, site in enumerate(facts.sites):
        of = site.call.callee.of if isinstance(site.call.callee, Attribute) else None
        given = [one for one in (of, *given_to(site.call)) if one is not None]
        if site in direct and any(_is_made_of(one, names, paths, function, contexts) for one in given):
            yield site
        for target in contexts.targets(function, place):
            handed = parameters_given(site.call, target, contexts)
            worked_on = _worked_on(target, contexts) or frozenset()
            if any(n.id in worked_on and _is_one_of(v, names, paths) for n, v in handed):
                yield site


@told_once
def _worked_on(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """The parameters that a function, or one that it calls, gives to a library as the path of a file."""
    if len(reached(function, contexts)) > MOST_REACHED:
        return frozenset()
    facts = contexts.project.function(function)
    names = (one.name for one in facts.parameters[facts.is_bound :])
    return frozenset(name for name in names if any(True for _ in _users(Name(name), function, contexts)))


def _standing_for(path: Expression, function: ProjectFunction, contexts: Contexts) -> tuple[set[str], Named]:
    """The local names by which a function knows a file, lists with it and objects of libraries made of it among them; and what the
    path is.
    """
    facts, bare = contexts.project.function(function), unwrapped(path)
    names, paths = {bare.id} if isinstance(bare, Name) else set[str](), named(path, function, contexts)
    before = -1
    while len(names) > before:
        before = len(names)
        for name, bound in facts.bindings.items():
            if any(_is_made_of(one.value, names, paths, function, contexts) for one in bound):
                names.add(name)
        filled = (
            (one.call.callee, one.call.arguments) for one in facts.sites if last_name(one.call.callee) in _FILLING
        )
        for callee, given in filled:
            is_one = any(_is_one_of(one, names, paths) for one in given if one is not None)
            if is_one and isinstance(callee, Attribute) and isinstance(callee.of, Name):
                names.add(callee.of.id)
    return names, paths


def _is_made_of(
    value: Expression, names: set[str], paths: Named, function: ProjectFunction, contexts: Contexts
) -> bool:
    """Whether something is the path, or an object of a library that is made of it: `PyPDFLoader(path)`."""
    if _is_one_of(value, names, paths):
        return True
    if not isinstance(value, Call) or not last_name(value.callee)[:1].isupper():
        return False
    is_given = any(_is_one_of(one, names, paths) for one in given_to(value) if one is not None)
    return is_given and isinstance(contexts.project.value(value.callee, Where(function.path, function.index)), Outside)


def _is_one_of(value: Expression, names: set[str], paths: Named) -> bool:
    bare = unwrapped(value)
    match bare:
        case Collection(items=items):
            return any(_is_one_of(one, names, paths) for one in items if one is not None)
        case Element(of=of):
            return _is_one_of(of, names, paths)
        case Name(id=name):
            return name in names
        case _:
            return bare in paths
