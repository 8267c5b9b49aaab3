"""Files, and folders with them, that two requests may name the same: on the event loop they write one after the other, in threads both at once.

What both write is mixed up then, or cut off: both begin where the file begins.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Site, last_name
from rules.core.findings import Applicability, Fix, Way
from rules.core.fixes.files.calls import written_by
from rules.core.fixes.files.folders import emptied_by, filled_by
from rules.core.fixes.files.moving import comes_at_once
from rules.core.fixes.files.names import MOST_REACHED, is_file, parameters_given
from rules.core.fixes.files.own_names import Names, are_own, hangs_on
from rules.core.fixes.files.rewriting import LOOKED, REUSED, REWRITTEN
from rules.core.fixes.files.same import WRITTEN_AT_ONCE
from rules.core.fixes.taken.locks import is_lock
from rules.core.remarks import Remark
from rules.core.usage import reached
from rules.core.values import ProjectFunction, Where

COLLIDING = "Where two requests name the same file, two threads may write it at once."
COLLIDING_IN_FOLDERS = "Where two requests name the same folder, two threads may write the same file in it at once."
EMPTIED = "It removes a folder in a thread: other requests may read or write what lies in it at that moment."
_NOTES = (COLLIDING, COLLIDING_IN_FOLDERS, EMPTIED)
_TOLD = frozenset({LOOKED, REUSED, REWRITTEN, WRITTEN_AT_ONCE})
"""What says more of the same file."""

_Written = tuple[Names, str]
"""The parameters that the name of a file, or of a folder, hangs on, and what is to be said of it."""


def marked_colliding(fix: Fix, remark: Remark, contexts: Contexts) -> Fix:
    """The fix; unsafe where it lets threads write files that two requests may name the same."""
    if fix.way not in {Way.REVERSE, Way.OFFLOAD} or not _TOLD.isdisjoint(fix.notes):
        return fix
    of, written = remark.function, set[_Written]()
    if fix.way is Way.REVERSE:
        written |= _written(of, contexts)
    for place, site in enumerate(contexts.project.function(of).sites) if fix.way is Way.OFFLOAD else ():
        if site == remark.site:
            written.update(_behind(of, place, contexts), (one for at, one in _own(of, contexts) if at == site))
    notes = {note for names, note in written if not are_own(names, of, contexts)}
    if not notes:
        return fix
    note = min(notes, key=_NOTES.index)
    return replace(fix, applicability=Applicability.UNSAFE, notes=(*fix.notes, note))


def _written(function: ProjectFunction, contexts: Contexts) -> frozenset[_Written]:
    return _all_written(function, contexts) or frozenset()  # while it is asked, for functions that call each other


@told_once
def _all_written(function: ProjectFunction, contexts: Contexts) -> frozenset[_Written]:
    """The files that a function writes, or what it calls, under names that others may give, and the folders that they fill so."""
    if _is_locked(function, contexts) or len(reached(function, contexts)) > MOST_REACHED:
        return frozenset()
    places = range(len(contexts.project.function(function).sites))
    own = {one for _, one in _own(function, contexts)}
    return frozenset(own.union(*(_behind(function, place, contexts) for place in places)))


def _is_locked(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a lock lets in one thread after the other."""
    facts = contexts.project.function(function)
    entered = [(site.call, site.line) for site in facts.sites if site.entered]
    managers = [*((one.of, facts.line) for one in facts.managers), *entered]
    return any(is_lock(one, Where(function.path, function.index, line), contexts) for one, line in managers)


def _behind(function: ProjectFunction, place: int, contexts: Contexts) -> Iterator[_Written]:
    """The same of what a call leads to, in the words of the caller."""
    call = contexts.project.function(function).sites[place].call
    for target in contexts.targets(function, place):
        for names, note in _written(target, contexts):
            pairs = parameters_given(call, target, contexts)
            given = [value for name, value in pairs if name.id in names]
            hanging = [hangs_on(value, function, contexts) for value in given]
            if None not in hanging:
                yield frozenset[str]().union(*filter(None, hanging)), note


@told_once
def _own(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[Site, _Written], ...]:
    """The calls of a function that write a file, or fill or remove a folder, under a name that others may give."""
    facts = contexts.project.function(function)
    written = (
        (site, path, COLLIDING)
        for site, path in written_by(function, contexts)
        if not comes_at_once(site, facts) and is_file(path, last_name(site.call.callee), facts)
    )
    filled = ((site, path, COLLIDING_IN_FOLDERS) for site, path in filled_by(function, contexts))
    emptied = ((site, path, EMPTIED) for site, path in emptied_by(function, contexts))
    named = ((site, hangs_on(path, function, contexts), note) for site, path, note in (*written, *filled, *emptied))
    return tuple((site, (names, note)) for site, names, note in named if names is not None)
