"""Files that are read, and written again from what was read: what another request writes in between is lost.

On the event loop nothing comes between the two, where nothing is awaited there; in threads, or around an `await`, much does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Constant, Element, Entered, Expression, Name, Site, last_name
from rules.core.usage import reached
from rules.core.values import Outside, ProjectFunction, Where

REWRITTEN = "It reads a file and writes it again: what another request writes to it in between is lost."
_LOADED = ("read_csv", "read_excel", "read_json", "read_parquet", "read_pickle", "load_workbook")
_SAVED = ("to_csv", "to_excel", "to_json", "to_parquet", "to_pickle", "save", "write_csv", "write_parquet")
_READ = frozenset({"read_text", "read_bytes"})
_WRITTEN = frozenset({"write_text", "write_bytes"})
_MOVED = frozenset({"move", "rename", "replace"})
_WORDS = frozenset({"open", *_LOADED, *_SAVED, *_READ, *_WRITTEN, *_MOVED})


@dataclass(frozen=True, slots=True)
class Touched:
    """The files that a call reads and writes, each as what names it."""

    read: frozenset[Expression] = frozenset()
    written: frozenset[Expression] = frozenset()


def rewrites_a_file(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function, or one that it calls, reads a file and writes it again."""
    inside = [*reached(function, contexts)]
    own = [one for inner in inside for one in _own(inner, contexts).values()]
    return _overlap(own) and any(_straddles(inner, contexts) for inner in inside)


def rewrites_between_calls(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether one call in a function reads a file, itself or by what it calls, and a later one writes it."""
    own = [one for inner in reached(function, contexts) for one in _own(inner, contexts).values()]
    return _overlap(own) and _straddles(function, contexts)


def _overlap(touched: list[Touched]) -> bool:
    read = frozenset[Expression]().union(*(one.read for one in touched))
    return any(read & one.written for one in touched)


def _straddles(function: ProjectFunction, contexts: Contexts) -> bool:
    own = _own(function, contexts)
    read = frozenset[Expression]()
    for place, _ in enumerate(contexts.project.function(function).sites):
        here = own.get(place, Touched())
        touched = [here, *_behind(function, place, contexts)]
        if here.read & here.written or any(read & one.written for one in touched):
            return True
        read = read.union(*(one.read for one in touched))
    return False


def _behind(function: ProjectFunction, place: int, contexts: Contexts) -> Iterator[Touched]:
    """What the functions touch that a call leads to."""
    for target in contexts.targets(function, place):
        for inner in reached(target, contexts):
            yield from _own(inner, contexts).values()


def _own(function: ProjectFunction, contexts: Contexts) -> dict[int, Touched]:
    """What the calls of a function itself touch, each by its place."""
    facts = contexts.project.function(function)
    words = ((place, site) for place, site in enumerate(facts.sites) if last_name(site.call.callee) in _WORDS)
    found = ((place, _touched(site, function, contexts)) for place, site in words)
    return {place: touched for place, touched in found if touched.read or touched.written}


def _touched(site: Site, function: ProjectFunction, contexts: Contexts) -> Touched:
    call, word = site.call, last_name(site.call.callee)
    given = call.arguments
    if word == "open":
        path, mode = _opened(call, Where(function.path, function.index, site.line), contexts)
        return _both(_named(path, function, contexts), mode)
    if word in _READ or word in _WRITTEN:
        of = _named(call.callee.of, function, contexts) if isinstance(call.callee, Attribute) else frozenset()
        return Touched(of) if word in _READ else Touched(written=of)
    if word in _LOADED:
        return Touched(_named(given[0] if given else None, function, contexts))
    there = given[1:2] if word in _MOVED else given[:1]
    return Touched(written=_named(there[0] if there else None, function, contexts))


def _opened(call: Call, where: Where, contexts: Contexts) -> tuple[Expression | None, str]:
    """What names the file that a call opens, and in which mode: `open(path, "w")`, `path.open("w")`."""
    given = [*call.arguments, None, None]
    value = contexts.project.value(call.callee, where)
    name = value.name if isinstance(value, Outside) else ""
    path, mode = given[0], given[1]
    if isinstance(call.callee, Attribute) and (not name or name.startswith("pathlib.")):
        path, mode = call.callee.of, given[0]
    mode = dict(call.keywords).get("mode", mode)
    return path, str(mode.value) if isinstance(mode, Constant) else "r"


def _both(of: frozenset[Expression], mode: str) -> Touched:
    return Touched(of if set(mode) & set("r+") else frozenset(), of if set(mode) & set("w+") else frozenset())


def _named(path: Expression | None, function: ProjectFunction, contexts: Contexts) -> frozenset[Expression]:
    """What names a file: a local name by what it is bound to, where that is one thing."""
    if path is None:
        return frozenset()
    if isinstance(path, Name):
        bindings = contexts.project.function(function).bindings.get(path.id, ())
        bound = {one.value for one in bindings}
        only = next(iter(bound)) if len(bound) == 1 else None
        return frozenset({path if only is None or isinstance(only, (Element, Entered)) else only})
    return frozenset({path}) if not isinstance(path, Call) or path.arguments else frozenset()
