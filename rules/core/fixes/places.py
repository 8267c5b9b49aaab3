"""Where calls stand in their function, for those who look at what is above a place."""

from rules.core.contexts import Contexts, told_once
from rules.core.facts import last_name
from rules.core.findings import Span
from rules.core.values import ProjectFunction


def calls_above(span: Span, function: ProjectFunction, contexts: Contexts) -> list[int]:
    """The places, among all calls of a function, of those that have ended before one begins."""
    start = span.start
    return [place for place, end in enumerate(_ends(function, contexts)) if end <= start]


@told_once
def _ends(function: ProjectFunction, contexts: Contexts) -> tuple[tuple[int, int], ...]:
    """The line and the column at which each call of a function ends."""
    return tuple([(site.end_line, site.end_column) for site in contexts.project.function(function).sites])


@told_once
def names_called(function: ProjectFunction, contexts: Contexts) -> tuple[str, ...]:
    """The last name of what each call of a function calls."""
    return tuple([last_name(site.call.callee) for site in contexts.project.function(function).sites])
