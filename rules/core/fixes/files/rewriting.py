"""Files that are read and written again from what was read, or written and used again under a name that others may use as well.

On the event loop nothing comes between the two, where nothing is awaited there; in threads, or around an `await`, much does.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rules.core.contexts import Contexts, told_once
from rules.core.facts import (
    Attribute,
    Call,
    Constant,
    Element,
    Expression,
    Name,
    Site,
    last_name,
)
from rules.core.findings import Span
from rules.core.fixes.files.calls import FILLED, OPENED, WORDS, is_of_files, paths_of
from rules.core.fixes.files.guarding import is_guarded
from rules.core.fixes.files.names import (
    LOOKING,
    Named,
    is_file,
    is_for_one,
    is_told,
    named,
    parameters_given,
    parts_of,
    within,
)
from rules.core.fixes.files.own_names import is_own_name
from rules.core.usage import reached
from rules.core.values import ProjectFunction, Where

REWRITTEN = "It reads a file and writes it again: what another request wrote to it in between would be lost."
REUSED = "It reads or writes a file and uses it again: another request may write, move or remove it in between."
LOOKED = "It looks for a free name and then writes a file of that name: another request may take the name in between."
_LISTING = frozenset({"iterdir", "rglob", "glob", "iglob", "listdir", "scandir"})
_NAMES = frozenset({".name", ".stem"})
_COPYING_FOLDERS = "copytree"
_CONFLICT = Constant(409, "int")
_NONE: Named = frozenset()


@dataclass(frozen=True, slots=True)
class Touched:
    """The files that a call reads, writes, moves or removes, and sends as a response, each as what names it.

    `told` are those among the read ones whose name comes from the program or from the request, so that others may have it, and
    those among the written ones that nobody makes sure to have a name of their own.
    """

    read: Named = _NONE
    written: Named = _NONE
    gone: Named = _NONE
    sent: Named = _NONE
    told: Named = _NONE

    @property
    def is_any(self) -> bool:
        """Whether it touches any."""
        return bool(self.read or self.written or self.gone or self.sent)

    def renamed(self, names: Mapping[Expression, Named], own: Named, untold: Named) -> "Touched":
        """The same, where some go by other names, or by none that others have; none is told that is made of an `own` one, or is only
        read and made of an `untold` one.
        """

        def new(part: Named) -> Named:
            return _NONE.union(*(names.get(one, {one}) for one in part))

        told = _NONE.union(
            one for one in self.told if (own if one in self.written else own | untold).isdisjoint(within(one))
        )
        return Touched(new(self.read), new(self.written), new(self.gone), new(self.sent), new(told))


@dataclass(slots=True)
class _Before:
    """What the calls before one have touched."""

    read: Named = _NONE
    written: Named = _NONE
    told: Named = _NONE

    def difference(self, touched: list[Touched], here: Touched) -> str:
        if here.read & here.written or any(self.read & one.written for one in touched):
            return REWRITTEN
        used = (((self.written & (one.read | one.sent)) | one.gone) & self.told for one in touched)
        return REUSED if any(used) else ""

    def add(self, touched: list[Touched]) -> None:
        self.read = self.read.union(*(one.read for one in touched))
        self.written = self.written.union(*(one.written for one in touched))
        self.told = self.told.union(*(one.told for one in touched))


def rewriting(function: ProjectFunction, contexts: Contexts) -> str:
    """What may differ where others run beside a function, in it or in one that it calls: a sentence; empty where nothing does."""
    inside = [*reached(function, contexts)]
    if not _overlap(inside, contexts):
        return ""
    return next(filter(None, (_between(inner, contexts) for inner in inside)), "")


def looks_for_a_name(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function, or one that it calls, looks for a free name and then writes a file of that name."""
    return any(_written_where_free(inner, contexts) for inner in reached(function, contexts))


def looks_for_a_name_before(span: Span, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function has looked for a free name above a place, and writes a file of that name there or below."""
    written = _written_where_free(function, contexts)
    return any(site.span.end >= span.end and looked.span.end <= span.start for site, looked in written)


@told_once
def _written_where_free(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[Site, Site], ...]:
    """The calls of a function that write a file, each with one that has looked whether there is one of that name."""
    facts = contexts.project.function(function)
    found: list[tuple[Site, Site]] = []
    for site in facts.sites:
        made = _made(site, Where(function.path, function.index, site.line), contexts)
        for written in (one for one in made if not is_for_one(one, facts)):
            found += [(site, one) for one in facts.sites if _looks_for(one, written, site, function, contexts)]
    return tuple(found)


def _made(site: Site, where: Where, contexts: Contexts) -> Iterable[Expression]:
    """What names the files, or the folder, that a call writes."""
    word = last_name(site.call.callee)
    if word == _COPYING_FOLDERS and len(site.call.arguments) > 1 and is_of_files(site.call, where, contexts):
        return filter(None, site.call.arguments[1:2])
    return paths_of(site, where, contexts).written if word in WORDS else ()


def _looks_for(site: Site, written: Expression, writing: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call looks for the name of a file: it gives the name, and looks itself, or another name is taken after it, and
    before the file is written.
    """
    facts, where = contexts.project.function(function), Where(function.path, function.index, site.line)
    parts = [*parts_of(written, facts)]
    if site.call in parts:
        giver = contexts.project.value(site.call.callee, where)
        inside = contexts.project.function(giver).sites if isinstance(giver, ProjectFunction) else ()
        return any(last_name(one.call.callee) in LOOKING for one in inside)
    below = [one for one in facts.sites if site.line <= one.line <= writing.line]
    if site.iterated and last_name(site.call.callee) in _LISTING:
        return not _NAMES.isdisjoint(facts.reads) and any(one.looped and _refuses(one) for one in below)
    if last_name(site.call.callee) not in LOOKING:
        return False
    given = {
        one.id: [b for b in facts.bindings.get(one.id, ()) if not isinstance(b.value, Element)]
        for one in parts
        if isinstance(one, Name)
    }
    is_searched = site.looped and not writing.looped  # a loop that has ended has found one
    changed = {
        name
        for name, bindings in given.items()
        if len(bindings) > 1 and (is_searched or any(site.line <= one.line <= writing.line for one in bindings))
    }
    asked = (*site.call.arguments, site.call.callee.of if isinstance(site.call.callee, Attribute) else None)
    names = {one.id for path in asked if path is not None for one in within(path) if isinstance(one, Name)}
    is_refused = not names.isdisjoint(given) and any(_says_taken(one.call) or _is_there(one) for one in below)
    return is_refused or not names.isdisjoint(changed)


def _says_taken(call: Call) -> bool:
    """Whether a call makes the exception that says that a name is taken."""
    given = (*call.arguments, *(value for _, value in call.keywords))
    is_conflict = any(one == _CONFLICT or last_name(one) == "HTTP_409_CONFLICT" for one in given)
    return last_name(call.callee) == "FileExistsError" or is_conflict


def _is_there(site: Site) -> bool:
    """Whether a call refuses a request since a file is there."""
    return _refuses(site) and any(f"{one}()" in site.needs and f"-{one}()" not in site.needs for one in LOOKING)


def _refuses(site: Site) -> bool:
    return last_name(site.call.callee).endswith(("Exception", "Error"))


def rewriting_between_calls(function: ProjectFunction, contexts: Contexts, span: Span | None = None) -> str:
    """What may differ where others come between two calls of a function, at a place if one is given: a sentence; empty where nothing
    does.
    """
    return _between(function, contexts, span) if _overlap([*reached(function, contexts)], contexts) else ""


def _overlap(functions: list[ProjectFunction], contexts: Contexts) -> bool:
    """Whether they may touch a file twice."""
    touched = [one for function in functions for one in _own(function, contexts).values()]
    is_read, is_gone = any(one.read for one in touched), any(one.gone for one in touched)
    is_used = is_read or is_gone or any(one.sent for one in touched)
    return (is_read and is_gone) or (is_used and any(one.written for one in touched))


def _between(function: ProjectFunction, contexts: Contexts, span: Span | None = None) -> str:
    own, before = _own(function, contexts), _Before()
    sites = contexts.project.function(function).sites
    is_looped = any(site.looped and site.span == span for site in sites)
    around = None if is_looped else span  # in a loop, what stands below comes above as well
    using: list[Site] = []
    found = ""
    for place, site in enumerate(sites):
        here = own.get(place, Touched())
        touched = [here, *_behind(function, place, contexts)]
        is_below = around is None or site.span.end >= around.start
        using += [site] if any(one.is_any for one in touched) else []
        if is_below:
            found = found or before.difference(touched, here)
        if around is None or site.span.start < around.end:
            before.add(touched)
    return "" if found and is_guarded(function, using, contexts) else found


def _behind(function: ProjectFunction, place: int, contexts: Contexts) -> Iterator[Touched]:
    """What the functions touch that a call leads to; what the call is given goes by what names it here."""
    call = contexts.project.function(function).sites[place].call
    for target in contexts.targets(function, place):
        touched = _all(target, contexts)
        if not touched.is_any:
            continue
        values: dict[Expression, Expression] = dict(parameters_given(call, target, contexts))
        given = {one: named(value, function, contexts) for one, value in values.items()}
        asked = {one: values[one] for path in touched.told for one in within(path) if one in values}
        own = _NONE.union(one for one, value in asked.items() if is_own_name(value, function, contexts))
        untold = _NONE.union(one for one, value in asked.items() if not is_told(value, function, contexts))
        yield touched.renamed(given, own, untold)


def _all(function: ProjectFunction, contexts: Contexts) -> Touched:
    """What a function touches, and all that it reaches, by what names it there."""
    return _all_by_calls(function, contexts) or _own_of(reached(function, contexts), contexts)


@told_once
def _all_by_calls(function: ProjectFunction, contexts: Contexts) -> Touched | None:
    """The same; None where it is asked for already, by one that it calls."""
    places = range(len(contexts.project.function(function).sites))
    leading = {place: targets for place in places if (targets := contexts.targets(function, place))}
    called = {inner for targets in leading.values() for one in targets for inner in reached(one, contexts)}
    beside = [inner for inner in reached(function, contexts) if inner not in called]
    return _joined(
        [_own_of(beside, contexts), *(one for place in leading for one in _behind(function, place, contexts))]
    )


def _own_of(functions: Iterable[ProjectFunction], contexts: Contexts) -> Touched:
    return _joined([one for function in functions for one in _own(function, contexts).values()])


def _joined(parts: list[Touched]) -> Touched:
    if not parts:
        return Touched()
    return Touched(
        read=_NONE.union(*(one.read for one in parts)),
        written=_NONE.union(*(one.written for one in parts)),
        gone=_NONE.union(*(one.gone for one in parts)),
        sent=_NONE.union(*(one.sent for one in parts)),
        told=_NONE.union(*(one.told for one in parts)),
    )


@told_once
def _own(function: ProjectFunction, contexts: Contexts) -> Mapping[int, Touched]:
    """What the calls of a function itself touch, each by its place."""
    facts = contexts.project.function(function)
    words = ((place, site) for place, site in enumerate(facts.sites) if last_name(site.call.callee) in WORDS)
    return {place: _touched(site, function, contexts) for place, site in words}


def _touched(site: Site, function: ProjectFunction, contexts: Contexts) -> Touched:
    paths = paths_of(site, Where(function.path, function.index, site.line), contexts)
    word, facts = last_name(site.call.callee), contexts.project.function(function)
    told = [one for one in paths.read if is_told(one, function, contexts)]
    told += [one for one in paths.written if is_file(one, word, facts) and not is_own_name(one, function, contexts)]
    names = (_NONE.union(*(named(one, function, contexts) for one in part)) for part in (*paths, told))
    return Touched(*names)


def writes_told(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call opens a file to write it whose name others may have; what is written or moved at once is done by then."""
    touched = _touched(site, function, contexts) if last_name(site.call.callee) in OPENED | FILLED else Touched()
    return bool(touched.written & touched.told)
