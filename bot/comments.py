"""The comments that a review may hold: which findings stand together, where, and which fix is their suggestion.

Pure. The suggestion is the best fix that a single range of one hunk can carry as a whole. Where the best one cannot be carried (it
also changes an import far away, or another file), a safe alternative that can is offered to be committed and the best one is
shown as a diff: half a fix is never posted, and what can be had with one click should not cost behaviour.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from msgspec import structs

from bot.config import Limits, RepositoryConfig
from bot.models import Comment, History, Offer, Place, Placement, Thread
from bot.suggestions import ADDITIVE, Diff, combined, shown_as_diff, suggest
from bot.threads import worn_out
from rules import Applicability, Finding, Fix, Span, Step

MAX_COMMENT_LINES = 10  # without a suggestion
MAX_FILE_COMMENTS = 3  # a pull request
MAX_FINDINGS_IN_COMMENT = 50


@dataclass(frozen=True, slots=True)
class Again:
    """What was said before and is said once more, by fingerprint.

    `offered` stands in open threads whose lines are gone: it is said again where that offers something to commit. `needed` stands
    in no open thread any more, or in one whose suggestion would be wrong by now: those threads are `stale`.
    """

    offered: frozenset[str]
    needed: frozenset[str]
    stale: tuple[Thread, ...]

    @property
    def all(self) -> frozenset[str]:
        return self.offered | self.needed


@dataclass(frozen=True, slots=True)
class Wanted:
    """What comments are made from."""

    diff: Diff
    sources: Mapping[str, bytes]
    config: RepositoryConfig

    def comments(self, findings: Iterable[Finding], history: History) -> tuple[list[Comment], list[Placement]]:
        """The comments that the limits allow, and where the findings go that are in none."""
        room = _room(history, self.config)
        file_room = MAX_FILE_COMMENTS - sum(said.whole_file for said in history.said)
        accepted: list[Comment] = []
        overflow: list[Placement] = []
        for group in sorted(_groups(findings), key=_rank):
            comment = self.comment(group, accepted) if len(accepted) < room else None
            on_file = comment is not None and comment.lines is None
            if comment is None or (on_file and file_room <= 0):
                reason = "not in the diff" if len(accepted) < room else "over the limit of comments"
                overflow += [Placement(finding, Place.ANNOTATION, reason) for finding in group]
            else:
                _accept(comment, accepted)
                file_room -= on_file
        return accepted, overflow

    def again(self, findings: Mapping[str, Finding], history: History, head: str) -> "Again":
        """What of the things said before may, or must, be said once more."""
        offered, needed, stale = set[str](), set[str](), list[Thread]()
        for thread in worn_out(history.threads, head):
            here = [findings[name] for name in thread.fingerprints if name in findings]
            names = {finding.fingerprint for finding in here}
            if thread.open and thread.outdated:
                offered |= names
            elif here and (thread.outdated or (thread.suggestion and thread.suggestion not in self.texts(here))):
                needed |= names
                stale.append(thread)
        return Again(frozenset(offered - needed), frozenset(needed), tuple(stale))

    def texts(self, findings: Sequence[Finding]) -> set[str]:
        """The lines that suggestions for these findings would hold now, in whatever way they mend them."""
        unlimited = replace(
            self, config=structs.replace(self.config, max_comments=Limits(len(findings), len(findings)))
        )
        together, _ = unlimited.comments(findings, History())
        every = chain(self.suggestions(findings, ()), together)
        return {comment.suggestion.replacement for comment in every if comment.suggestion}

    def comment(self, group: Sequence[Finding], accepted: Sequence[Comment]) -> Comment | None:
        """One comment for findings of one rule and function; None where no line or file of the diff can hold it."""
        return next(chain(self.suggestions(group, accepted), self.plain(group)), None)

    def suggestions(self, group: Sequence[Finding], accepted: Sequence[Comment]) -> Iterator[Comment]:
        for finding, fix in self.candidates(group):
            comment = self.suggested(fix, _led_by(finding, group))
            rivals = [other for other in accepted if comment and _contradict(comment, other)]
            if comment and rivals:
                comment = self.merged(comment, rivals)
            if comment:
                yield comment

    def suggested(self, fix: Fix, findings: tuple[Finding, ...]) -> Comment | None:
        suggestion = suggest(fix, self.sources, self.diff)
        if isinstance(suggestion, str):
            return None
        return Comment(fix.edits[0].path, suggestion.lines, findings, suggestion, fix)

    def merged(self, comment: Comment, rivals: Sequence[Comment]) -> Comment | None:
        """The comment and those it overlaps, as one; None where one suggestion cannot do for all of them."""
        every = (*rivals, comment)
        findings = tuple(chain.from_iterable(one.findings for one in every))
        fix = combined([one.fix for one in every if one.fix]) if len(findings) <= MAX_FINDINGS_IN_COMMENT else None
        return self.suggested(fix, findings) if fix else None

    def candidates(self, group: Sequence[Finding]) -> Iterator[tuple[Finding, Fix]]:
        """Fixes that may become the suggestion, the most welcome first."""
        best = [(finding, finding.fix) for finding in group if finding.fix and self.allowed(finding.fix)]
        together = combined([fix for _, fix in best]) if len(best) == len(group) > 1 else None
        if together:
            yield group[0], together
        yield from best
        for finding in group:
            yield from ((finding, fix) for fix in finding.alternatives if fix.applicability is Applicability.SAFE)

    def allowed(self, fix: Fix) -> bool:
        return self.config.unsafe_suggestions or fix.applicability is Applicability.SAFE

    def plain(self, group: Sequence[Finding]) -> Iterator[Comment]:
        """Comments without a suggestion: at the finding, else on its chain, else on the file."""
        for finding in group:
            for hunk in self.diff.get(finding.path, ()):
                if lines := _common(lines_of(finding.span), hunk.lines):
                    yield Comment(finding.path, lines[:MAX_COMMENT_LINES], _led_by(finding, group))
        for finding in group:
            if step := _nearest_step(finding, self.diff):
                yield Comment(step.path, range(step.line, step.line + 1), _led_by(finding, group))
        for finding in group:
            for path in (finding.path, *(step.path for step in finding.chain)):
                if path in self.diff:
                    yield Comment(path, None, _led_by(finding, group))

    def offers(self, comments: Iterable[Comment], annotated: Iterable[Finding]) -> dict[str, tuple[Offer, ...]]:
        """All ways for the finding that leads a comment, the best one for the others."""
        offers: dict[str, tuple[Offer, ...]] = {}
        for comment in comments:
            lead, *others = comment.findings
            offers[lead.fingerprint] = tuple(_explained(self.offered(lead), lead, comment))
            offers |= {finding.fingerprint: tuple(islice(self.offered(finding), 1)) for finding in others}
        return offers | {finding.fingerprint: tuple(islice(self.offered(finding), 1)) for finding in annotated}

    def offered(self, finding: Finding) -> Iterator[Offer]:
        for fix in (finding.fix, *finding.alternatives):
            if fix and self.allowed(fix):
                suggestion = suggest(fix, self.sources, self.diff)
                yield Offer(fix, shown_as_diff(fix, self.sources), suggestion if isinstance(suggestion, str) else "")


def _explained(offers: Iterable[Offer], lead: Finding, comment: Comment) -> Iterator[Offer]:
    """The best fix of a comment without a suggestion could have been one by itself, if nothing else was in its way."""
    for offer in offers:
        alone = comment.suggestion is None and offer.fix == lead.fix and not offer.obstacle
        yield replace(offer, obstacle="it cannot be committed together with another one") if alone else offer


def _accept(comment: Comment, accepted: list[Comment]) -> None:
    """Take the comment in, instead of those whose findings it has taken over."""
    accepted[:] = [one for one in accepted if not set(one.findings) <= set(comment.findings)] + [comment]


def _contradict(one: Comment, other: Comment) -> bool:
    """Whether two suggestions cannot both be committed."""
    if not (one.fix and other.fix and one.path == other.path):
        return False
    alone = {one.fix.way, other.fix.way} - ADDITIVE
    functions = [{(finding.path, finding.function) for finding in comment.findings} for comment in (one, other)]
    overlap = one.lines and other.lines and _common(one.lines, other.lines)
    return bool(overlap) or (bool(alone) and not functions[0].isdisjoint(functions[1]))


def _groups(findings: Iterable[Finding]) -> Iterator[tuple[Finding, ...]]:
    """Findings of one rule in one function, which one comment speaks of."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule, finding.path, finding.function), []).append(finding)
    for group in groups.values():
        for start in range(0, len(group), MAX_FINDINGS_IN_COMMENT):
            yield tuple(group[start : start + MAX_FINDINGS_IN_COMMENT])


def _rank(group: Sequence[Finding]) -> tuple[int, str, Span]:
    """What matters most comes first, where not all can be said."""
    return -max(finding.severity for finding in group), group[0].path, group[0].span


def _led_by(finding: Finding, group: Iterable[Finding]) -> tuple[Finding, ...]:
    return (finding, *(other for other in group if other != finding))


def _common(some: range, others: range) -> range | None:
    return range(max(some.start, others.start), min(some.stop, others.stop)) or None


def _nearest_step(finding: Finding, diff: Diff) -> Step | None:
    """The step of the chain that the diff shows, nearest to the finding; one that the pull request adds comes first."""
    own = (
        number
        for number, step in enumerate(finding.chain)
        if step.path == finding.path and step.line <= finding.span.line
    )
    here = max(own, default=0)
    shown = [(abs(number - here), step) for number, step in enumerate(finding.chain) if _is_shown(step, diff)]
    return min(shown, key=lambda one: (not is_added(one[1].path, one[1].line, diff), one[0]), default=(0, None))[1]


def _is_shown(step: Step, diff: Diff) -> bool:
    return any(step.line in hunk.lines for hunk in diff.get(step.path, ()))


def _room(history: History, config: RepositoryConfig) -> int:
    """How many more comments the review may hold."""
    posted = {said.fingerprint if said.comment is None else said.comment for said in history.said}
    return max(0, min(config.max_comments.review, config.max_comments.pull_request - len(posted)))


def is_added(path: str, line: int, diff: Diff) -> bool:
    """Whether the pull request adds a line, counted from 1 in the head's text."""
    return any(line in hunk.added for hunk in diff.get(path, ()))


def lines_of(span: Span) -> range:
    """The lines that a span touches; its end is exclusive."""
    touches_last = span.end_column > 1 or span.end_line == span.line
    return range(span.line, span.end_line + touches_last)
