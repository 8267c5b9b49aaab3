"""What is said of an analysis, and where: nothing that was found is dropped, and nothing is said twice.

Pure. A finding goes to the first place on this ladder that can take it: a suggestion, an inline comment, a comment on the
file, an annotation of the check run, a row of its table.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import chain

from msgspec import structs

from bot.comments import Wanted, is_added, lines_of
from bot.config import RepositoryConfig, applies, excluded
from bot.diff import PatchMismatch, hunks
from bot.models import (
    MUTED,
    ChangedFile,
    Comment,
    Conclusion,
    History,
    Hunk,
    Place,
    Placement,
    Plan,
    PullRequest,
)
from bot.suggestions import Diff
from bot.targets import short_ids
from bot.threads import thread_changes
from rules import Analysis, Finding

MAX_ANNOTATIONS = 200


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
    wanted = Wanted(diff, sources, structs.replace(config, scope="changed-files") if everything else config)
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
    told = (structs.replace(one, introduced=one.fingerprint in introduced) for one in analysis.findings)
    return structs.replace(analysis, findings=tuple(told))


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
        "changed-lines": any(is_added(path, line, diff) for path, line in _evidence(finding)),
    }
    return "" if in_scope[config.scope] else "outside the scope"


def _evidence(finding: Finding) -> Iterator[tuple[str, int]]:
    yield from ((finding.path, line) for line in lines_of(finding.span))
    yield from ((step.path, step.line) for step in finding.chain)


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
