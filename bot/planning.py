"""What is said of an analysis, and where: nothing that was found is dropped, and nothing is said twice.

Pure. A finding goes to the first place on this ladder that can take it: a suggestion, an inline comment, a comment on the
file, an annotation of the check run, a row of its table.

Which fix becomes the suggestion: the best one that a single range of one hunk can carry as a whole. Where the best one
cannot be carried (it also changes an import far away, or another file), a safe alternative that can is offered to be
committed and the best one is shown as a diff: half a fix is never posted, and what can be had with one click should not
cost behaviour.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, islice

from bot.config import Limits, RepositoryConfig, applies, excluded
from bot.diff import PatchMismatch, hunks
from bot.models import (
    MUTED,
    ChangedFile,
    Comment,
    Conclusion,
    History,
    Hunk,
    Offer,
    Place,
    Placement,
    Plan,
    PullRequest,
    Thread,
)
from bot.suggestions import ADDITIVE, Diff, combined, shown_as_diff, suggest
from bot.targets import short_ids
from bot.threads import thread_changes, worn_out
from rules import Analysis, Applicability, Finding, Fix, Span, Step

MAX_COMMENT_LINES = 10  # without a suggestion
MAX_FILE_COMMENTS = 3  # a pull request
MAX_ANNOTATIONS = 200
MAX_FINDINGS_IN_COMMENT = 50


def plan(
    analysis: Analysis,
    pull: PullRequest,
    files: Sequence[ChangedFile],
    sources: Mapping[str, bytes],
    history: History,
    config: RepositoryConfig,
    *,
    everything: bool = False,
) -> Plan:
    """Decide what is said on the pull request's head.

    `files` are those that the pull request changes, `sources` texts at the head (at least those that fixes touch),
    `history` what was said before. With `everything`, all that stands in these files is spoken of, as somebody asked for.
    """
    diff = {file.path: _hunks_of(file) for file in files if file.status != "removed"}
    wanted = _Wanted(diff, sources, replace(config, scope="changed-files") if everything else config)
    findings = {finding.fingerprint: finding for finding in analysis.findings}
    again = wanted.again(findings, history, pull.head)
    placed = {
        finding: _decided(finding, pull, diff, history, wanted.config, again.all) for finding in analysis.findings
    }
    undecided = [finding for finding, placement in placed.items() if placement is None]
    comments, overflow = _worth_it(*wanted.comments(undecided, history), again.offered)
    placed |= {placement.finding: placement for placement in chain(_said_in(comments), overflow)}
    placements = _capped(placement for placement in placed.values() if placement)
    annotated = tuple(one.finding for one in placements if one.place is Place.ANNOTATION)
    return Plan(
        head=pull.head,
        comments=tuple(sorted((one for one in comments if one.lines), key=_bottom_up)),
        file_comments=tuple(one for one in comments if not one.lines),
        annotations=annotated,
        placements=placements,
        problems=config.problems,
        ids=short_ids(one.finding for one in placements if one.place is not Place.SILENT),
        offers=wanted.offers(comments, annotated),
        conclusion=_conclusion(analysis, pull, placements, diff, config),
        changes=()
        if _is_unsure(analysis, diff)
        else tuple(thread_changes(findings, history, comments, pull.head, again.stale)),
    )


def in_scope(findings: Iterable[Finding], files: Iterable[ChangedFile], config: RepositoryConfig) -> Iterator[Finding]:
    """The findings that an automatic review speaks of."""
    diff = {file.path: _hunks_of(file) for file in files if file.status != "removed"}
    yield from (finding for finding in findings if not _silence(finding, diff, config))


def with_introduced(analysis: Analysis, new: Analysis) -> Analysis:
    """The analysis of a whole head, its findings marked as introduced where `new`, which knows the base, says so."""
    introduced = {finding.fingerprint for finding in new.findings if finding.introduced}
    told = (replace(one, introduced=one.fingerprint in introduced) for one in analysis.findings)
    return replace(analysis, findings=tuple(told))


def _hunks_of(file: ChangedFile) -> tuple[Hunk, ...]:
    """None for a patch that GitHub left out, or that cannot be read: the file is then spoken of as a whole."""
    try:
        return hunks(file.patch) if file.patch else ()
    except PatchMismatch:
        return ()


def _worth_it(
    comments: Sequence[Comment], overflow: Sequence[Placement], again: AbstractSet[str]
) -> tuple[list[Comment], list[Placement]]:
    """What was said before is said again only to offer a suggestion that can be committed."""
    idle = [one for one in comments if not one.suggestion and again >= {f.fingerprint for f in one.findings}]
    earlier = [Placement(finding, Place.EARLIER) for comment in idle for finding in comment.findings]
    rest = [
        replace(one, place=Place.EARLIER, reason="") if one.finding.fingerprint in again else one for one in overflow
    ]
    return [one for one in comments if one not in idle], earlier + rest


def _decided(
    finding: Finding, pull: PullRequest, diff: Diff, history: History, config: RepositoryConfig, again: Collection[str]
) -> Placement | None:
    """Where a finding goes that no comment is wanted for; None for the others. `again` holds what may be said once more."""
    if silence := _silence(finding, diff, config):
        return Placement(finding, Place.SILENT, silence)
    if finding.fingerprint in history.muted:
        return Placement(finding, Place.SILENT, MUTED)
    if finding.fingerprint not in again and any(said.fingerprint == finding.fingerprint for said in history.said):
        return Placement(finding, Place.EARLIER)
    if pull.draft and not config.review_drafts:
        return Placement(finding, Place.SUMMARY, "draft")
    if pull.by_bot and not config.review_bots:
        return Placement(finding, Place.ANNOTATION, "opened by a bot")
    if finding.severity < config.severity:
        return Placement(finding, Place.ANNOTATION, f"below the severity `{config.severity}`")
    return None


def _silence(finding: Finding, diff: Diff, config: RepositoryConfig) -> str:
    if not applies(finding.rule, config) or excluded(finding.path, config):
        return "excluded by the configuration"
    in_scope = {
        "introduced": finding.introduced,
        "changed-files": finding.path in diff,
        "changed-lines": any(_is_added(path, line, diff) for path, line in _evidence(finding)),
    }
    return "" if in_scope[config.scope] else "outside the scope"


def _evidence(finding: Finding) -> Iterator[tuple[str, int]]:
    yield from ((finding.path, line) for line in _lines(finding.span))
    yield from ((step.path, step.line) for step in finding.chain)


def _is_added(path: str, line: int, diff: Diff) -> bool:
    return any(line in hunk.added for hunk in diff.get(path, ()))


def _lines(span: Span) -> range:
    """The lines that a span touches; its end is exclusive."""
    touches_last = span.end_column > 1 or span.end_line == span.line
    return range(span.line, span.end_line + touches_last)


def _explained(offers: Iterable[Offer], lead: Finding, comment: Comment) -> Iterator[Offer]:
    """The best fix of a comment without a suggestion could have been one by itself, if nothing else was in its way."""
    for offer in offers:
        alone = comment.suggestion is None and offer.fix == lead.fix and not offer.obstacle
        yield replace(offer, obstacle="it cannot be committed together with another one") if alone else offer


@dataclass(frozen=True, slots=True)
class _Again:
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
class _Wanted:
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

    def again(self, findings: Mapping[str, Finding], history: History, head: str) -> "_Again":
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
        return _Again(frozenset(offered - needed), frozenset(needed), tuple(stale))

    def texts(self, findings: Sequence[Finding]) -> set[str]:
        """The lines that suggestions for these findings would hold now, in whatever way they mend them."""
        unlimited = replace(self, config=replace(self.config, max_comments=Limits(len(findings), len(findings))))
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
                if lines := _common(_lines(finding.span), hunk.lines):
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
    return min(shown, key=lambda one: (not _is_added(one[1].path, one[1].line, diff), one[0]), default=(0, None))[1]


def _is_shown(step: Step, diff: Diff) -> bool:
    return any(step.line in hunk.lines for hunk in diff.get(step.path, ()))


def _room(history: History, config: RepositoryConfig) -> int:
    """How many more comments the review may hold."""
    posted = {said.fingerprint if said.comment is None else said.comment for said in history.said}
    return max(0, min(config.max_comments.review, config.max_comments.pull_request - len(posted)))


def _said_in(comments: Iterable[Comment]) -> Iterator[Placement]:
    for comment in comments:
        yield from (Placement(finding, _place(finding, comment)) for finding in comment.findings)


def _place(finding: Finding, comment: Comment) -> Place:
    if comment.lines is None:
        return Place.FILE
    ways = (fix for fix in (finding.fix, *finding.alternatives) if fix)
    mended = comment.fix and any(set(fix.edits) <= set(comment.fix.edits) for fix in ways)
    return Place.SUGGESTION if mended else Place.COMMENT


def _capped(placements: Iterable[Placement]) -> tuple[Placement, ...]:
    """Annotations beyond what a check run may hold become rows."""
    capped, annotations = [], 0
    for one in placements:
        annotations += one.place is Place.ANNOTATION
        too_many = one.place is Place.ANNOTATION and annotations > MAX_ANNOTATIONS
        capped.append(replace(one, place=Place.SUMMARY) if too_many else one)
    return tuple(capped)


def _bottom_up(comment: Comment) -> tuple[str, int]:
    """Whoever commits suggestions one by one, in this order, never shifts the lines of the next one."""
    return comment.path, -comment.lines.stop if comment.lines else 0


def _conclusion(
    analysis: Analysis, pull: PullRequest, placements: Iterable[Placement], diff: Diff, config: RepositoryConfig
) -> Conclusion:
    """Neutral where there is something to say, and where it cannot be said that all is well."""
    spoken = [one.finding for one in placements if one.place is not Place.SILENT]
    counted = [one.severity for one in spoken if one.introduced or config.scope != "introduced"]
    if pull.draft and not config.review_drafts:
        return "skipped"
    if config.fail_on and counted and max(counted) >= config.fail_on:
        return "failure"
    unsure = config.problems or _is_unsure(analysis, diff)
    return "neutral" if spoken or unsure else "success"


def _is_unsure(analysis: Analysis, diff: Diff) -> bool:
    """Whether it cannot be said what stands in a file of the pull request."""
    return any(one.path in diff for one in analysis.unreadable)


def annotated(planned: Plan, comments: Collection[Comment], reason: str) -> Plan:
    """The plan with these comments moved to annotations of the check run."""
    moved = [finding for comment in comments for finding in comment.findings]
    return replace(
        planned,
        comments=tuple(one for one in planned.comments if one not in comments),
        file_comments=tuple(one for one in planned.file_comments if one not in comments),
        annotations=(*planned.annotations, *moved),
        placements=tuple(
            replace(one, place=Place.ANNOTATION, reason=reason) if one.finding in moved else one
            for one in planned.placements
        ),
    )
