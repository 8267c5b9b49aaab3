"""Files that the event loop writes while a thread reads them: there it may find them half written, or empty.

On the event loop nothing comes between the opening of a file and the end of what is written to it.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Expression, Site
from rules.core.findings import Applicability, Fix, Span, Way
from rules.core.fixes.files.calls import read_by, written_by
from rules.core.fixes.files.guarding import locks_at
from rules.core.fixes.files.moving import comes_at_once
from rules.core.fixes.files.own_names import is_own_name
from rules.core.fixes.files.rewriting import REWRITTEN
from rules.core.fixes.files.told import File, file_of, kind_of
from rules.core.fixes.taken.pools import threaded
from rules.core.remarks import Remark
from rules.core.usage import reached
from rules.core.values import ProjectFunction, Where

TORN = "It reads a file in a thread that other requests write on the event loop: it may find it half written."
TORN_BY_THREADS = "It reads and writes a file in threads: one may find it half written by another."

_Places = tuple[tuple[ProjectFunction, int], ...]
"""Functions, each with a line in it."""


def marked_torn(fix: Fix, remark: Remark, contexts: Contexts) -> Fix:
    """The fix; unsafe where it lets a thread read what another one, or the event loop, writes."""
    if fix.way not in {Way.REVERSE, Way.OFFLOAD, Way.TWIN}:
        return fix
    inside = {inner for one in threaded(fix, remark, contexts) for inner in reached(one, contexts)}
    read = [one for inner in inside for one in _read(inner, contexts)]
    if fix.way is not Way.REVERSE:
        read += [one for one in _read(remark.function, contexts) if remark.site and one[1] == remark.site.span]
    notes = list[str]()
    for file, span, reader in read:
        locks = locks_at(reader, span.line, contexts)
        torn = [place for place in writers(contexts).get(file, ()) if locks.isdisjoint(locks_at(*place, contexts))]
        moved = [place for place in torn if _is_moved(place[0], inside, fix, remark, contexts)]
        if torn:
            notes.append(TORN_BY_THREADS if len(moved) == len(torn) else TORN)
    if not notes:
        return fix
    note = max(notes, key=(TORN_BY_THREADS, TORN).index)
    is_told = note == TORN_BY_THREADS and REWRITTEN in fix.notes
    return replace(fix, applicability=Applicability.UNSAFE, notes=fix.notes if is_told else (*fix.notes, note))


def _is_moved(
    writer: ProjectFunction, inside: AbstractSet[ProjectFunction], fix: Fix, remark: Remark, contexts: Contexts
) -> bool:
    """Whether a function writes only in threads after a fix: nothing else leads to it than what that moves there."""
    if writer not in inside:
        return False
    if fix.way is Way.REVERSE and writer == remark.function:
        return True
    calls = ((ProjectFunction(at.path, at.function), at.line) for _, at in contexts.project.calls_of(writer))
    moved = remark.site.line if remark.site is not None else 0
    return contexts.root_of(writer) is None and all(
        caller in inside or (caller, line) == (remark.function, moved) for caller, line in calls
    )


@told_once
def _read(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[File, Span, ProjectFunction], ...]:
    return tuple(_files(read_by(function, contexts), function, contexts))


def writers(contexts: Contexts) -> Mapping[File, _Places]:
    """Where files are written step by step by what runs on the event loop while requests are served."""
    return contexts.table("written files", lambda: _written_on_loop(contexts))


def _written_on_loop(contexts: Contexts) -> dict[File, _Places]:
    found: dict[File, _Places] = {}
    for function in contexts.arrivals:
        facts = contexts.project.function(function)
        written = (one for one in written_by(function, contexts) if not comes_at_once(one[0], facts))
        for file, span, _ in _files(written, function, contexts):
            found[file] = (*found.get(file, ()), (function, span.line))
    return found


def _files(
    paths: Iterable[tuple[Site, Expression]], function: ProjectFunction, contexts: Contexts
) -> Iterator[tuple[File, Span, ProjectFunction]]:
    for site, path in paths:
        where = Where(function.path, function.index, site.line)
        file = file_of(path, where, contexts)
        file = kind_of(path, where, contexts) if file is None else file
        if file is not None and not is_own_name(path, function, contexts):
            yield file, site.span, function
