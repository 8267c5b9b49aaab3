"""Every sentence that the bot says.

Pure. What comes from a repository passes through `bot.markdown` and cannot leave it.

What may be claimed was measured: that the event loop is kept free, that FastAPI's threads serve 40 calls at a time. Never
that asynchronous code is quicker by itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from bot.markdown import (
    MAX_NAME,
    MAX_SENTENCE,
    code,
    fenced,
    fenced_diff,
    folded,
    link,
    listed,
    paragraphs,
    prose,
    shortened,
    visible,
)
from bot.markers import write_marker
from bot.models import (
    MUTED,
    Button,
    CheckRun,
    Comment,
    Offer,
    Place,
    Placement,
    Plan,
    PostedComment,
    PostedFileComment,
    PullRequest,
    Review,
)
from rules import Analysis, Applicability, Finding, Fix, Severity, Step, Unreadable, Way, all_rules

MAX_BODY = 60_000  # bytes; GitHub takes 65,536 characters
MAX_OUTPUT = 65_535  # bytes of a check run's summary, and of its text
MAX_STEPS = 8
MAX_POINTS = 3

EFFECTS: Mapping[Way, str] = {
    Way.TWIN: "While it waits, the event loop serves other requests.",
    Way.REVERSE: "Other requests on this worker no longer wait for it.",
    Way.OFFLOAD: "Other requests on this worker no longer wait for it.",
    Way.CONVERT: "",
    Way.REPAIR: "",
}
PLACES: Mapping[Place, str] = {
    Place.SUGGESTION: "suggestion",
    Place.COMMENT: "comment",
    Place.FILE: "comment on the file",
    Place.ANNOTATION: "annotation",
    Place.SUMMARY: "here",
    Place.EARLIER: "earlier comment",
}
WITHOUT: Mapping[str, str] = {
    "contents": "Fixes are not committed, and settled threads are not resolved.",
    "pull_requests": "Reviews are not posted; findings stand in the check run alone.",
    "issues": "Commands in comments do not arrive.",
    "checks": "There is no check run, so that only what a review can hold is said.",
}
"""What does not work without a permission."""
WAYS = frozenset({Way.TWIN, Way.REVERSE, Way.OFFLOAD})  # those that can be asked for by name
FIX_ALL = Button("Fix all", "fix-all", "Commit all safe fixes to this branch")
RERUN = Button("Re-run", "rerun", "Review this pull request again")
LEVELS: Mapping[Severity, str] = {Severity.ERROR: "failure", Severity.WARNING: "warning", Severity.INFO: "notice"}


_CONSEQUENCE = re.compile(r": [^:]*this worker serves no other request\.$")
"""What the sentences of blocking calls end with, which a table need not say in each row."""


def write_review(plan: Plan, pull: PullRequest, asked: str = "") -> Review | None:
    """The review of a plan; None where there is nothing to say inline or on a file. `asked` names the comment that asked for it."""
    if not plan.comments and not plan.file_comments:
        return None
    return Review(
        head=plan.head,
        body=f"{_opening(plan)}\n\n{write_marker((), plan.head, answer=asked)}",
        comments=tuple(_posted(comment, plan, pull) for comment in plan.comments),
        file_comments=tuple(PostedFileComment(one.path, _body(one, plan, pull)) for one in plan.file_comments),
        asked=asked,
    )


def write_check_run(plan: Plan, pull: PullRequest, analysis: Analysis) -> CheckRun:
    """The check run of a plan: a table of every finding that is spoken of, and what could not be read or used."""
    spoken = [one for one in plan.placements if one.place is not Place.SILENT]
    marker = write_marker((), plan.head)
    facts = "\n\n".join(_fitting(_facts(plan, pull, analysis, spoken), MAX_OUTPUT // 2))
    rows = [_row(one, plan, pull) for one in spoken]
    table, rest = _table(rows, MAX_OUTPUT - _size(facts) - _size(marker) - 10)
    text, left = _table(rest, MAX_OUTPUT - 200)
    if left:
        text += f"\n\nThis is as much as a check run can hold: {_count(len(left), 'more finding')} not listed."
    return CheckRun(
        conclusion=plan.conclusion,
        title=_title(plan, analysis, spoken),
        summary="\n\n".join(part for part in (facts, table, marker) if part),
        text=text,
        annotations=tuple(_annotation(finding, plan) for finding in plan.annotations),
        buttons=tuple(_buttons(plan, pull)),
    )


def write_paused_check_run(head: str) -> CheckRun:
    """The check run of a pull request in which people want to hear nothing unless they ask."""
    summary = "Somebody wrote `/asyncify pause`: pushes are not reviewed. `/asyncify` reviews once, `/asyncify resume` goes on."
    return CheckRun("skipped", "Paused", f"{summary}\n\n{write_marker((), head)}")


def _buttons(plan: Plan, pull: PullRequest) -> Iterator[Button]:
    """`Fix all` where there is a fix that can be committed without reading on: seldom to a fork, which is not ours to write to."""
    offered = (one for one in plan.placements if one.place is not Place.SILENT and one.finding.fix)
    if not pull.from_fork and any(
        one.finding.fix.applicability is Applicability.SAFE for one in offered if one.finding.fix
    ):
        yield FIX_ALL
    yield RERUN


def write_failed_check_run(head: str, reason: str) -> CheckRun:
    """The check run of an analysis that came to no end: neutral, since it says nothing about the code."""
    summary = (
        f"{prose(reason)}\n\nThis says nothing about the code. The next push, or re-running this check, tries again."
    )
    return CheckRun("neutral", "Not analysed", f"{summary}\n\n{write_marker((), head)}", buttons=(RERUN,))


def how_to_apply(name: str, fix: Fix, obstacle: str = "", *, best: bool = True) -> str:
    """How a fix gets into the branch that is no suggestion; `name` is the finding's id."""
    because = f" It is no suggestion because {obstacle}." if obstacle else ""
    if not best and fix.way not in WAYS:
        return f"This fix of {code(name)} can be applied by hand.{because}"
    way = "" if best else f" --as {fix.way}"
    unsafe = " --unsafe" if fix.applicability is Applicability.UNSAFE else ""
    return f"{code(f'/asyncify fix {name}{way}{unsafe}')} commits this fix.{because}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _opening(plan: Plan) -> str:
    comments = len(plan.comments) + len(plan.file_comments)
    suggestions = sum(comment.suggestion is not None for comment in plan.comments)
    share = "" if comments == suggestions == 1 else ", all" if comments == suggestions else f", {suggestions}"
    offered = f"{share} with a suggestion to commit" if suggestions else ""
    if "checks" in plan.lacking:
        return f"{_count(comments, 'comment')}{offered}. {_not_permitted('checks')}"
    return f"{_count(comments, 'comment')}{offered}. The check run `asyncify` lists all findings."


def _not_permitted(name: str) -> str:
    return f"This installation does not grant {code(f'{name}: write')}. {WITHOUT[name]}"


def _posted(comment: Comment, plan: Plan, pull: PullRequest) -> PostedComment:
    lines = comment.lines or range(1, 2)
    start = lines.start if len(lines) > 1 else None
    return PostedComment(comment.path, lines.stop - 1, _body(comment, plan, pull), start)


def _body(comment: Comment, plan: Plan, pull: PullRequest) -> str:
    """What is seen at once, then as much of the rest as there is room for, folded."""
    findings = comment.findings
    marker = write_marker((one.fingerprint for one in findings), plan.head, kin=(one.kin for one in findings))
    seen = "\n\n".join(_fitting(_seen(comment, plan, pull), MAX_BODY - _size(marker) - 1_000))
    room = MAX_BODY - _size(seen) - _size(marker) - 200
    return f"{seen}\n\n{folded(_fold_title(comment, plan), _fitting(_unseen(comment, plan), room))}\n\n{marker}"


def _seen(comment: Comment, plan: Plan, pull: PullRequest) -> Iterator[str]:
    lead, *others = comment.findings
    yield prose(lead.message)
    yield _chain(lead, pull)
    yield _stands(comment, pull)
    if comment.suggestion:
        yield fenced("suggestion", comment.suggestion.replacement)
    fix = _shown_fix(comment, plan)
    if fix:
        yield "\n".join(f"- {point}" for point in islice(_points(fix), MAX_POINTS))
    else:
        yield from paragraphs(lead.advice)
    yield from _others(lead, others, pull)


def _shown_fix(comment: Comment, plan: Plan) -> Fix | None:
    """The fix that is explained: the one that is suggested, else the best one."""
    offers = plan.offers.get(comment.findings[0].fingerprint, ())
    return comment.fix or next((offer.fix for offer in offers), None)


def _chain(finding: Finding, pull: PullRequest) -> str:
    """The way from the route to the blocking call, where it has more than one step."""
    steps = finding.chain
    if len(steps) < 2:
        return ""
    shown = [_step(step, pull) for step in steps]
    if len(shown) > MAX_STEPS:
        shown[MAX_STEPS // 2 : -MAX_STEPS // 2] = ["…"]
    return " → ".join(shown)


def _step(step: Step, pull: PullRequest) -> str:
    return f"{code(step.name)} ({link(step.path, step.line, pull)})"


def _stands(comment: Comment, pull: PullRequest) -> str:
    """Where the finding stands, if the comment could not be placed there."""
    lead = comment.findings[0]
    near = comment.path == lead.path and comment.lines and lead.span.line in comment.lines
    return "" if near else f"Found at {link(lead.path, lead.span.line, pull)}."


def _others(lead: Finding, others: Sequence[Finding], pull: PullRequest) -> Iterator[str]:
    """The other findings of the comment: by place where the sentence would be much the same."""
    same = [one for one in others if (one.rule, one.function) == (lead.rule, lead.function)]
    if same:
        yield f"The same in this function: {', '.join(link(one.path, one.span.line, pull) for one in same)}."
    for one in others:
        if one not in same:
            yield f"Also {link(one.path, one.span.line, pull)}: {prose(one.message)}"


def _points(fix: Fix) -> Iterator[str]:
    """What changes, what it needs, what differs afterwards."""
    title = prose(fix.title).rstrip(".")
    yield f"{title}. {EFFECTS[fix.way]}".rstrip()
    if fix.requires:
        yield f"It needs {', '.join(code(one) for one in fix.requires)} among the project's requirements."
    unsafe = fix.applicability is Applicability.UNSAFE
    for number, note in enumerate(fix.notes):
        yield f"{'Check before committing: ' if unsafe and not number else ''}{prose(note)}"


def _fold_title(comment: Comment, plan: Plan) -> str:
    ways = list(_other_offers(comment, plan))
    if not ways:
        return "Why"
    return "Other ways, and why" if comment.suggestion else "The fix as a diff, and why"


def _unseen(comment: Comment, plan: Plan) -> Iterator[str]:
    fix = _shown_fix(comment, plan)
    if fix:
        yield "\n".join(f"- {point}" for point in islice(_points(fix), MAX_POINTS, None))
        yield from paragraphs(comment.findings[0].advice)
    for finding, offer in _other_offers(comment, plan):
        name = plan.ids.get(finding.fingerprint, "?")
        yield _offer(name, offer, explained=offer.fix == fix, best=offer.fix == finding.fix)
    yield _why(comment, plan)


def _other_offers(comment: Comment, plan: Plan) -> Iterator[tuple[Finding, Offer]]:
    """The ways that the suggestion does not hold already."""
    made = set(comment.fix.edits) if comment.fix else set()
    for finding in comment.findings:
        for offer in plan.offers.get(finding.fingerprint, ()):
            if offer.diff and not set(offer.fix.edits) <= made:
                yield finding, offer


def _offer(name: str, offer: Offer, *, explained: bool, best: bool) -> str:
    points = "" if explained else "\n".join(f"- {point}" for point in _points(offer.fix)) + "\n\n"
    return f"{points}{how_to_apply(name, offer.fix, offer.obstacle, best=best)}\n\n{fenced_diff(offer.diff)}"


def _why(comment: Comment, plan: Plan) -> str:
    names = dict.fromkeys(plan.ids.get(finding.fingerprint, "?") for finding in comment.findings)
    label = "Finding" if len(names) == 1 else "Findings"
    rules = dict.fromkeys(finding.rule for finding in comment.findings)
    return " ".join([f"{label} {', '.join(map(code, names))}.", *map(_reason, rules)])


def _reason(rule: str) -> str:
    """What a rule says, in a sentence, and where it says more."""
    page = all_rules().get(rule)
    if page is None:
        return f"Rule {code(rule)}."
    return f"Rule {code(rule)}: {prose(page.title).rstrip('.')}. {code(f'/asyncify explain {rule}')} says more."


def _fitting(parts: Iterable[str], room: int) -> Iterator[str]:
    """The parts that there is room for (in bytes)."""
    for part in filter(None, parts):
        room -= _size(part) + 2
        if room < 0:
            yield "Not all of it fits here."
            return
        yield part


def _title(plan: Plan, analysis: Analysis, spoken: Sequence[Placement]) -> str:
    if plan.conclusion == "skipped":
        return f"Draft: {_count(len(spoken), 'finding')}, nothing commented"
    if spoken:
        suggestions = sum(comment.suggestion is not None for comment in plan.comments)
        return _count(len(spoken), "finding") + (
            f", {_count(suggestions, 'suggestion')} to commit" if suggestions else ""
        )
    if plan.problems:
        return "No findings, but the configuration has a mistake"
    if analysis.unreadable:
        return f"No findings, but {_count(len(analysis.unreadable), 'file')} could not be read"
    return "No findings" if analysis.concerns_fastapi else "No FastAPI application found"


def _facts(plan: Plan, pull: PullRequest, analysis: Analysis, spoken: Sequence[Placement]) -> Iterator[str]:
    """What is to be said beside the table."""
    yield _verdict(plan, analysis, spoken)
    if plan.conclusion == "skipped":
        yield "This pull request is a draft: nothing is commented until it is ready for review."
    elif any(one.reason == "opened by a bot" for one in spoken) and pull.by_bot:
        yield "This pull request was opened by a bot: nothing is commented, all findings are here."
    yield from listed("In the configuration:", [prose(problem) for problem in plan.problems])
    yield from listed("Not analysed:", [_unread(one) for one in analysis.unreadable])
    yield from _silences(plan.placements)
    yield from map(_not_permitted, plan.lacking)


def _verdict(plan: Plan, analysis: Analysis, spoken: Sequence[Placement]) -> str:
    if spoken:
        return f"{_count(len(spoken), 'finding')} on {code(plan.head[:12])}."
    if not analysis.concerns_fastapi and not plan.problems:
        return "No file of this project registers anything with FastAPI or Starlette: there is nothing to say."
    return f"Nothing to say about {code(plan.head[:12])}."


def _unread(one: Unreadable) -> str:
    return f"{code(one.path)}: {prose(shortened(one.reason, MAX_NAME))}"


def _silences(placements: Iterable[Placement]) -> Iterator[str]:
    reasons = [one.reason for one in placements if one.place is Place.SILENT]
    for reason in sorted(set(reasons)):
        again = " Opening its thread again, or `/asyncify resume`, brings it back." if reason == MUTED else ""
        yield f"Not listed: {_count(reasons.count(reason), 'finding')} {reason}.{again}"


def _row(one: Placement, plan: Plan, pull: PullRequest) -> str:
    finding = one.finding
    place = link(finding.path, finding.span.line, pull).replace("|", "&#124;")
    said = PLACES[one.place] + (f" ({prose(one.reason, table=True)})" if one.reason else "")
    name = code(plan.ids.get(finding.fingerprint, "?"))
    what = _CONSEQUENCE.sub(".", finding.message)
    return f"| {name} | {place} | {prose(what, table=True)} | {code(finding.rule)} | {said} |"


def _table(rows: Sequence[str], room: int) -> tuple[str, Sequence[str]]:
    """A table of the rows that there is room for (in bytes), and the rows that are left."""
    table = ["| id | where | what | rule | said as |", "| --- | --- | --- | --- | --- |"]
    room -= sum(_size(line) + 1 for line in table)
    taken = 0
    while taken < len(rows) and (room := room - _size(rows[taken]) - 1) >= 0:
        taken += 1
    return "\n".join([*table, *rows[:taken]]) if taken else "", rows[taken:]


def _size(text: str) -> int:
    return len(text.encode())


def _annotation(finding: Finding, plan: Plan) -> Mapping[str, object]:
    """Plain text, as https://docs.github.com/en/rest/checks/runs#create-a-check-run takes it."""
    offer = next(iter(plan.offers.get(finding.fingerprint, ())), None)
    remedy = f"{offer.fix.title}." if offer else finding.advice
    message = "\n\n".join(part for part in (finding.message, remedy) if part)
    annotation: dict[str, object] = {
        "path": finding.path,
        "start_line": finding.span.line,
        "end_line": max(finding.span.line, finding.span.end_line),
        "annotation_level": LEVELS[finding.severity],
        "title": shortened(f"{finding.rule} ({plan.ids.get(finding.fingerprint, '?')})", MAX_NAME),
        "message": visible(shortened(message, 4 * MAX_SENTENCE)),
    }
    if offer and offer.diff and len(offer.diff) <= MAX_BODY // 4:
        annotation["raw_details"] = visible(offer.diff)
    return annotation
