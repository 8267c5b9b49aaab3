"""What must hold of a fix before it is shown. A fix that fails a proof is not offered.

The edited file compiles, so that `await` stands only where it may; every name that resolved still resolves, no new one is left
open, and none is read at the top of the file above its import; each function keeps its name, parameters, defaults, annotations
and decorators, and with them the API its contract; the blocking call is gone and no other came; nothing is left unawaited.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from rules.core.blocking import sink_at
from rules.core.contexts import Contexts, told_once
from rules.core.edits import EditConflictError, apply_edits, decode_source
from rules.core.facts import (
    Facts,
    Site,
)
from rules.core.findings import Edit, Fix, Way
from rules.core.fixes.contract import contract_objection
from rules.core.fixes.differing import differing
from rules.core.fixes.names import Names, early_names, names_in_code, open_names
from rules.core.fixes.rereading import taken_apart
from rules.core.fixes.turning import MANAGER
from rules.core.fixes.yielding import ASYNCHRONOUS
from rules.core.reading import read_facts
from rules.core.surroundings import Surroundings
from rules.core.syntax import UnreadableError, parse
from rules.core.usage import calls_by_hand
from rules.core.values import Outside, ProjectFunction, Where


def objection(
    fix: Fix,
    function: ProjectFunction,
    contexts: Contexts,
    sources: Mapping[str, bytes],
    surroundings: Surroundings | None = None,
) -> str:
    """Why the fix of a finding in the function may not be shown, in a few words; empty where it is proved.

    `surroundings` are those that other fixes in the same contexts were proved in.
    """
    after: dict[str, bytes] = {}
    edits = {path: [edit for edit in fix.edits if edit.path == path] for path in {edit.path for edit in fix.edits}}
    for path, own in edits.items():
        try:
            after[path] = apply_edits(sources[path], own)
        except EditConflictError:
            return "edits overlap"
        except UnicodeError:
            return "not writable in the encoding of the file"
    edited: dict[str, Facts] = {}
    for path, source in after.items():
        read = read_edited(sources[path], source, edits[path])
        if isinstance(read, str):
            return read
        edited[path] = read
    surroundings = surroundings or Surroundings(contexts)
    changed = surroundings.after(edited, has_same_api=fix.way is not Way.REPAIR)
    return contract_objection(fix, surroundings, changed, edited) or _meaning_objection(
        contexts, changed, function, edits
    )


def read_edited(before: bytes, after: bytes, edits: Iterable[Edit]) -> Facts | str:
    """The facts of a file after edits; or why they may not be made, where it does not compile or leaves a name open."""
    if before == after:
        return "changes nothing"
    apart = taken_apart(before)
    edited = apart.edited(edits, after) if apart is not None else None
    if apart is None or edited is None:
        return _read_whole(before, after)
    return _misnamed(edited.open - apart.open, edited.early - apart.early) or edited.facts


def _misnamed(opened: Collection[str], early: Collection[str]) -> str:
    """What is wrong with names that became open, or are read at the top of the file before they are there."""
    return "leaves a name unresolved" if opened else "reads a name above the line that binds it" if early else ""


def _read_whole(before: bytes, after: bytes) -> Facts | str:
    try:
        tree = parse(decode_source(after))
        old, new = _names_of(before), [names_in_code(tree)]
    except (SyntaxError, ValueError, UnreadableError, RecursionError):
        return "does not parse"
    wrong = _misnamed(open_names(new) - open_names(old), early_names(new) - early_names(old))
    return wrong or read_facts(after, tree)


@lru_cache(maxsize=16)
def _names_of(source: bytes) -> tuple[Names, ...]:
    return (names_in_code(parse(decode_source(source))),)


def _meaning_objection(
    before: Contexts, after: Contexts, function: ProjectFunction, edits: Mapping[str, Sequence[Edit]]
) -> str:
    places = dict(_places(before, after, {*edits, function.path}))
    changed = dict.fromkeys((*_within(function, before), *_changed(places, before, after)))
    every = [edit for own in edits.values() for edit in own]
    said = (objection_in(old, places[old], before, after, every) for old in changed if old in places)
    return next(filter(None, said), "")


def _places(
    before: Contexts, after: Contexts, paths: Iterable[str]
) -> Iterator[tuple[ProjectFunction, ProjectFunction]]:
    """Where each function is afterwards; lambdas may have come between."""
    for path in paths:
        pair = (before.project.facts[path].functions, after.project.facts[path].functions)
        old, new = ([i for i, function in enumerate(functions) if not function.is_lambda] for functions in pair)
        yield from ((ProjectFunction(path, i), ProjectFunction(path, j)) for i, j in zip(old, new, strict=True))


def objection_in(
    was: ProjectFunction, place: ProjectFunction, before: Contexts, after: Contexts, edits: Iterable[Edit]
) -> str:
    """What is wrong with one function that was changed by some edits."""
    old, new = before.project.function(was), after.project.function(place)
    there, here = differing(was, place, edits, before, after)
    on_loop = here if new.asynchronous else ()
    blocking = Counter(sink.name for one in on_loop if (sink := sink_at(place, one, after)) is not None)
    if blocking and blocking - (_blocking(there, was, before) if old.asynchronous else Counter()):
        return "blocks elsewhere"
    if (forgotten := _forgotten(here, place, after)) and forgotten > _forgotten(there, was, before):
        return "leaves a coroutine unawaited"
    if not old.suspends and any(_awaits_nothing(site, place, after) for site in new.sites if site.awaited):
        return "awaits what is no coroutine"
    if new.asynchronous and not old.asynchronous and not _is_followed(place, after):
        return "is called where nothing awaits it"
    return ""


def _changed(
    places: Mapping[ProjectFunction, ProjectFunction], before: Contexts, after: Contexts
) -> Iterator[ProjectFunction]:
    """The functions of the edited files that do something else now."""
    for was, place in places.items():
        old, new = before.project.function(was), after.project.function(place)
        if old.asynchronous != new.asynchronous or _does_otherwise(old.sites, new.sites):
            yield was


def _does_otherwise(old: Sequence[Site], new: Sequence[Site]) -> bool:
    """Whether calls are others than before, or are awaited otherwise, wherever they stand."""
    return len(old) != len(new) or any(
        (was.call is not now.call and was.call != now.call)
        or was.awaited != now.awaited
        or was.suspending != now.suspending
        for was, now in zip(old, new, strict=True)
    )


def _awaits_nothing(site: Site, place: ProjectFunction, contexts: Contexts) -> bool:
    """Whether what an awaited call gives is certainly no coroutine."""
    callee = contexts.project.value(site.call.callee, Where(place.path, place.index, site.line))
    if isinstance(callee, ProjectFunction):
        function = contexts.project.function(callee)
        return not function.asynchronous and not function.decorators and not function.returns
    knowledge = contexts.project.knowledge
    return isinstance(callee, Outside) and (
        knowledge.is_quick(callee.name) or knowledge.exactly(callee.name) is not None
    )


def _is_followed(turned: ProjectFunction, contexts: Contexts) -> bool:
    """Whether every call of a function that is asynchronous now awaits it, or runs through what it yields."""
    calls = calls_by_hand(turned, contexts)
    if calls is None:
        return False
    sites = [contexts.project.function(caller).sites[place] for caller, place in calls]
    if Outside(ASYNCHRONOUS[MANAGER]) in contexts.project.decorators(turned):
        return all(site.entered and site.suspending for site in sites)
    if contexts.project.function(turned).generator:
        return True  # handed to a response as it is; what iterates it was counted above
    return all(site.awaited for site in sites)


def _within(function: ProjectFunction, contexts: Contexts) -> Iterator[ProjectFunction]:
    """The function and those that are defined in it."""
    inner = {function.index}
    yield function
    for index, facts in enumerate(contexts.project.facts[function.path].functions):
        if facts.parent in inner and index != function.index:
            inner.add(index)
            yield ProjectFunction(function.path, index)


def _blocking(places: Iterable[int], function: ProjectFunction, contexts: Contexts) -> Counter[str]:
    """What blocks the loop at some calls of a function when it runs there: themselves, or the helpers that they call."""
    names = _sinks(function, contexts)
    return Counter(names[place] for place in places if place in names)


@told_once
def _sinks(function: ProjectFunction, contexts: Contexts) -> Mapping[int, str]:
    """The name of what blocks at each call of a function, by the places of the calls."""
    places = range(len(contexts.project.function(function).sites))
    return {place: sink.name for place in places if (sink := sink_at(function, place, contexts)) is not None}


def _forgotten(places: Iterable[int], function: ProjectFunction, contexts: Contexts) -> int:
    """How many of some calls in a function give a coroutine that nobody awaits there, by itself or together with others."""
    sites = contexts.project.function(function).sites
    dropped = [
        site.call
        for site in map(sites.__getitem__, places)
        if not site.awaited and contexts.awaitable(site, Where(function.path, function.index, site.line))
    ]
    if not dropped:
        return 0
    gathered = [
        given for site in sites if site.awaited for given in site.call.arguments if _gathers(site, function, contexts)
    ]
    return sum(call not in gathered for call in dropped)


def _gathers(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    where = Where(function.path, function.index, site.line)
    return contexts.project.value(site.call.callee, where) == Outside("asyncio.gather")
