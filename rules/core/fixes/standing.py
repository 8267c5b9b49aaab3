"""What stands open or taken where a fix awaits: files that are being written, free names, locked rows, connections of a pool."""

from collections.abc import Iterator

from msgspec.structs import replace

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Expression, Name, Site, last_name
from rules.core.findings import Applicability, Fix, Span, Way
from rules.core.fixes.document import Document
from rules.core.fixes.files.loaded import loads_what_it_wrote
from rules.core.fixes.files.rewriting import LOOKED, REUSED, looks_for_a_name_before, writes_told
from rules.core.fixes.places import calls_above, names_called
from rules.core.fixes.sharing.callers import awaiting
from rules.core.fixes.sharing.hazards import difference_between
from rules.core.fixes.sharing.iteration import RESIZED, is_run_through_around
from rules.core.fixes.taken.checkouts import ASKED_BEFORE, CHECKED_OUT, is_asked_before, keeps_a_connection
from rules.core.fixes.taken.pools import GIVING_BACK, PLACE, takes_a_place
from rules.core.fixes.taken.queued import TAKEN, is_taken_meanwhile
from rules.core.fixes.taken.row_locks import (
    LOCKED,
    ROWS,
    has_changed_rows,
    has_locked_rows,
    has_rows_of_callers,
    locks_rows,
)
from rules.core.fixes.texts import Texts
from rules.core.remarks import Remark
from rules.core.values import ProjectFunction


def marked_standing(fix: Fix, remark: Remark, contexts: Contexts, document: Document, texts: Texts) -> Fix:
    """The fix; unsafe where something stands open meanwhile that other requests want, too."""
    if remark.site is None:
        return fix
    match fix.way:
        case Way.TWIN | Way.OFFLOAD:
            span, function = remark.site.span, remark.function
            found = [*standing(span, function, contexts, document, texts)]
            if fix.way is Way.OFFLOAD and locks_rows(span, function, contexts, document):
                found.append(LOCKED)
        case Way.REVERSE if is_asked_before(remark.function, contexts):
            found = [ASKED_BEFORE]
        case _:
            return fix
    notes = [difference for difference in found if difference not in fix.notes]
    return replace(fix, applicability=Applicability.UNSAFE, notes=(*notes, *fix.notes)) if notes else fix


def standing(
    span: Span, function: ProjectFunction, contexts: Contexts, document: Document, texts: Texts
) -> Iterator[str]:
    """What may differ if others come while a function awaits a call, for it and for those that await it, a sentence each."""
    found = dict.fromkeys(_differences(span, function, contexts, document))
    if ROWS not in found and has_rows_of_callers(function, contexts, texts):
        found[ROWS] = None
    yield from found
    yield from dict.fromkeys(_differences_of_callers(function, contexts, texts))


def _differences_of_callers(function: ProjectFunction, contexts: Contexts, texts: Texts) -> Iterator[str]:
    """What may differ for those that await a function which never gave way to others until now, a sentence each."""
    for caller, span, document in awaiting(function, contexts, texts):
        name = contexts.project.function(caller).name
        between = difference_between(caller, contexts, span, document)
        for difference in (between, *_differences(span, caller, contexts, document)):
            if difference and difference not in {ROWS, ASKED_BEFORE}:
                yield _said_of(name, difference)


def _said_of(name: str, difference: str) -> str:
    """What may differ, said of a function that awaits the one which is mended."""
    if (rest := difference.removeprefix("It ")) != difference:
        return f"`{name}`, which awaits this function, {rest}"
    return f"In `{name}`, which awaits this function: {difference[0].lower()}{difference[1:]}"


def _differences(span: Span, function: ProjectFunction, contexts: Contexts, document: Document) -> Iterator[str]:
    """What may differ if others come while a call is awaited, a sentence each."""
    call, sites = document.call_at(span), contexts.project.function(function).sites
    entered = {document.span(manager) for manager in document.managers_around(call)} if call is not None else set()
    around = (place for place, site in enumerate(sites) if site.entered and site.span in entered)
    open_calls = [*around, *_left_open(span, function, contexts)]
    is_written = any(writes_told(sites[place], function, contexts) for place in open_calls)
    if is_written or loads_what_it_wrote(span, function, contexts):
        yield REUSED
    if looks_for_a_name_before(span, function, contexts):
        yield LOOKED
    if call is not None and is_run_through_around(call, function, document, contexts):
        yield RESIZED
    if has_locked_rows(span, function, contexts) or has_changed_rows(span, entered, function, contexts, document):
        yield ROWS
    if keeps_a_connection(span, entered, function, contexts, document):
        yield CHECKED_OUT
    elif not any(site.awaited and site.span.end <= span.start for site in sites) and is_asked_before(
        function, contexts
    ):
        yield ASKED_BEFORE
    if is_taken_meanwhile(span, entered, function, contexts):
        yield TAKEN
    if any(takes_a_place((function, place), contexts) for place in open_calls):
        yield PLACE


def _left_open(span: Span, function: ProjectFunction, contexts: Contexts) -> Iterator[int]:
    """The places of the calls above a span that open something, outside of a `with`, where nothing is closed in between."""
    sites = contexts.project.function(function).sites
    above = calls_above(span, function, contexts)
    closed = max((place for place in _closing(function, contexts) if place in above), default=-1)
    for place in above:
        site = sites[place]
        if place > closed and not (site.entered or site.awaited or site.use):
            yield place


@told_once
def _closing(function: ProjectFunction, contexts: Contexts) -> tuple[int, ...]:
    """The places of the calls that close something, themselves or by a helper that is given it."""
    return tuple(
        place
        for place, name in enumerate(names_called(function, contexts))
        if name in GIVING_BACK or any(_closes_given(target, contexts) for target in contexts.targets(function, place))
    )


@told_once
def _closes_given(function: ProjectFunction, contexts: Contexts) -> bool:
    facts = contexts.project.function(function)
    given = {parameter.name for parameter in facts.parameters}
    return any(
        last_name(site.call.callee) in GIVING_BACK
        and any(isinstance(one, Name) and one.id in given for one in (_receiver(site), *site.call.arguments))
        for site in facts.sites
    )


def _receiver(site: Site) -> Expression | None:
    return site.call.callee.of if isinstance(site.call.callee, Attribute) else None
