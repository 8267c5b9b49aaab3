"""The fixes of findings: each way is tried and proved, and those of one function are chosen so that they go together."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from rules.core import conversion, repairs
from rules.core.contexts import Contexts
from rules.core.document import Document
from rules.core.findings import Edit, Finding, Fix, Way
from rules.core.proof import objection
from rules.core.remarks import Remark, Remedy
from rules.core.syntax import UnreadableError
from rules.core.values import ProjectFunction

Writer = Callable[[Remark, Contexts, Document], Fix | None]

MOST_MENDED = 50  # findings of a file that get fixes: what one person can read at a time
Group = list[tuple[Finding, list[Fix]]]

WAYS: Mapping[Remedy, tuple[Writer, ...]] = {
    Remedy.UNBLOCK: (conversion.twin, conversion.reverse, conversion.offload),
    Remedy.AWAIT: (repairs.await_call,),
    Remedy.CONVERT: (repairs.make_asynchronous,),
    Remedy.RELEASE: (repairs.release,),
    Remedy.SUSPEND: (repairs.suspend,),
    Remedy.REPLACE: (repairs.replace_callee,),
    Remedy.UNWRAP: (repairs.unwrap,),
    Remedy.CALL: (repairs.call_directly,),
    Remedy.HAND_OVER: (repairs.hand_over,),
    Remedy.NONE: (),
}


def with_fixes(
    found: Iterable[tuple[Remark, Finding]], contexts: Contexts, sources: Mapping[str, bytes]
) -> Iterator[Finding]:
    """The findings with their fixes. All findings of one function are mended in ways that go together."""
    documents: dict[str, Document | None] = {}
    together: defaultdict[ProjectFunction, Group] = defaultdict(list)
    mended: Counter[str] = Counter()
    for remark, finding in found:
        if remark.remedy is Remedy.NONE:  # it stands in nobody's way
            yield finding
            continue
        path = remark.function.path
        mended[path] += 1
        document = documents[path] if path in documents else documents.setdefault(path, _document(path, sources))
        if document is None or mended[path] > MOST_MENDED:
            yield finding
            continue
        together[remark.function].append((finding, list(_written(remark, contexts, document))))
    for function, group in together.items():
        prove = partial(_is_proved, function=function, contexts=contexts, sources=sources, judged={})
        yield from _chosen([(finding, list(filter(prove, fixes))) for finding, fixes in group])


def _written(remark: Remark, contexts: Contexts, document: Document) -> Iterator[Fix]:
    for write in WAYS[remark.remedy]:
        if (fix := write(remark, contexts, document)) is not None:
            yield fix


def _is_proved(
    fix: Fix,
    *,
    function: ProjectFunction,
    contexts: Contexts,
    sources: Mapping[str, bytes],
    judged: dict[tuple[Edit, ...], str],
) -> bool:
    """Whether nothing is to be said against a fix; the same edits are judged once."""
    if fix.edits not in judged:
        judged[fix.edits] = objection(fix, function, contexts, sources)
    return not judged[fix.edits]


def _document(path: str, sources: Mapping[str, bytes]) -> Document | None:
    """The file, for fixes to be written in; None where its text is not at hand."""
    if path not in sources:
        return None
    try:
        return Document(path, sources[path])
    except (UnreadableError, SyntaxError, UnicodeError):
        return None


def _chosen(group: Group) -> Iterator[Finding]:
    """One best fix for each finding of a function, so that all of them can be made.

    A function that loses its `async` can await nothing, so either every finding of it is mended that way or none is: none
    where each has a twin of its own, and all where one has not.
    """
    reverse = _has_everywhere(Way.REVERSE, group) and not _has_everywhere(Way.TWIN, group)
    for finding, fixes in group:
        fitting = [fix for fix in fixes if (fix.way is Way.REVERSE) == reverse]
        best = fitting[0] if fitting else None
        others = tuple(fix for fix in fixes if fix is not best)
        yield replace(finding, fix=best, alternatives=others, advice=finding.advice if best is None else "")


def _has_everywhere(way: Way, group: Group) -> bool:
    return all(any(fix.way is way for fix in fixes) for _, fixes in group)
