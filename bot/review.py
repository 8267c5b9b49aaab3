"""The line: fetch, analyse, plan, write, publish.

A reconciler: it looks at how the pull request stands and does what is missing, so that running it twice, or after a crash,
ends in the same state.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import structlog
from msgspec import structs
from prometheus_client import Counter

from bot.analysis import AnalysisFailed, Analyst
from bot.asking import both
from bot.config import RepositoryConfig, load_config, to_options
from bot.errors import Dropped
from bot.fetch import FactStore, Project, changed_files, concerns_python, project
from bot.github import GitHub, Installation
from bot.models import PAUSED, Comment, History, Plan, PostedComment, PullRef, Thread, ThreadChange
from bot.permissions import Mutes, known_mutes
from bot.planning import annotated, plan, with_introduced
from bot.publish import Refused, change_threads, publish_check_run, publish_review
from bot.standing import Inherited, Standing, configuration, standing
from bot.threads import as_people_left_them, muted, unsettled, without_changes_of, worn_out
from bot.words import write_check_run, write_failed_check_run, write_paused_check_run, write_review
from rules import Analysis

unsuggested = Counter("asyncify_suggestion_rejected", "Fixes that were no suggestion, by the reason", ["reason"])
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Memory(FactStore, Mutes, Protocol):
    """What is kept between reviews. `closed_threads` are those that were closed and that we did not open again ourselves."""

    async def closed_threads(self, ref: PullRef) -> frozenset[str]: ...

    async def note_closed(self, ref: PullRef, threads: Collection[str]) -> None: ...

    async def note_opened(self, ref: PullRef, threads: Collection[str]) -> None: ...

    async def may_answer(self, ref: PullRef, name: str, login: str, *, refusal: bool) -> bool: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What a review works with."""

    github: GitHub
    store: Memory
    analyst: Analyst
    inherited: Inherited = field(default_factory=Inherited)


class Outcome(StrEnum):
    """What a review led to. Nothing is posted for a pull request that is closed, or where there is nothing to watch."""

    CLOSED = "closed"
    SILENT = "silent"
    PAUSED = "paused"
    NOT_ANALYSED = "not analysed"
    CHECKED = "checked"
    REVIEWED = "reviewed"


async def review(ref: PullRef, tools: Tools, asked: str = "") -> Outcome:
    """Look at a pull request as it stands, and say what is to be said.

    `asked` names the comment in which somebody asked for a review of all that stands in the files that it changes.

    Raises:
        RetryLater: GitHub wants us to wait.
        Dropped: the pull request is gone, or its head moved; the next job is waiting.
    """
    github = tools.github.installation(ref.installation, ref.repository_id)
    stands, files = await both(standing(github, ref), changed_files(github, ref))
    structlog.contextvars.bind_contextvars(head=stands.pull.head)
    if not stands.pull.open:
        return Outcome.CLOSED
    config = load_config(await configuration(github, stands, tools.inherited))
    spoken = bool(stands.history.reviewed)  # who has had a check run waits for the next one
    if not config.enabled or not (spoken or any(map(concerns_python, files))):
        return Outcome.SILENT
    mutes = await known_mutes(github, stands, tools.store)
    if not asked and any(mute.name == PAUSED for mute in mutes):
        await publish_check_run(github, await _unmoved(github, stands), write_paused_check_run(stands.pull.head))
        return Outcome.PAUSED
    try:
        code = await project(github, stands.pull, files, tools.store, tools.analyst)
        analysis = await analysed(code, config, tools.analyst, everything=bool(asked))
        if not asked:
            threads = worn_out(stands.history.threads, stands.pull.head)
            analysis = await _with_fixes_in_threads(analysis, threads, code, config, tools.analyst)
    except AnalysisFailed as failure:
        log.warning("not analysed", reason=failure.reason)
        await publish_check_run(
            github, await _unmoved(github, stands), write_failed_check_run(stands.pull.head, failure.reason)
        )
        return Outcome.NOT_ANALYSED
    if not analysis.concerns_fastapi:
        return Outcome.SILENT
    history = _before(stands, asked)
    history = replace(history, threads=await _threads(stands, tools.store))
    history = replace(history, muted=muted(analysis.findings, history.threads, mutes, code.head))
    if asked:
        config = structs.replace(config, review_drafts=True, review_bots=True)
    planned = plan(analysis, stands.pull, files, code.sources, history, config, everything=bool(asked))
    planned = await _sure(planned, analysis, code, config, tools.analyst)
    outcome = await _say(github, await _unmoved(github, stands), planned, analysis, asked)
    await _settle(github, ref, planned.changes, tools.store)
    return outcome


async def analysed(code: Project, config: RepositoryConfig, analyst: Analyst, *, everything: bool) -> Analysis:
    """The findings of the head, with the fixes of those that are spoken of: what is introduced, or whatever else the scope says, or
    all that pays or may be asked for.
    """
    options = structs.replace(to_options(config), everything=everything)
    if not everything and config.scope == "introduced":
        analysis = await analyst.analyze(code.head, code.sources, base=code.base, options=options)
    else:
        new = await analyst.analyze(code.head, {}, base=code.base, options=options)
        analysis = with_introduced(await analyst.analyze(code.head, code.sources, options=options), new)
    log.info("analysed", findings=len(analysis.findings), refused_fixes=analysis.refusals)
    return structs.replace(analysis, unreadable=(*analysis.unreadable, *code.unreadable))


async def _with_fixes_in_threads(
    analysis: Analysis, threads: Iterable[Thread], code: Project, config: RepositoryConfig, analyst: Analyst
) -> Analysis:
    """The analysis with fixes also for what was there before, where a thread speaks of it because somebody asked.

    What such a thread suggests may be wrong by now. Raises AnalysisFailed.
    """
    said = {name for thread in threads for name in thread.fingerprints}
    if not any(one.fingerprint in said and not one.introduced for one in analysis.findings):
        return analysis
    whole = await analyst.analyze(code.head, code.sources, options=structs.replace(to_options(config), everything=True))
    fixed = {
        one.fingerprint: structs.replace(one, introduced=False) for one in whole.findings if one.fingerprint in said
    }
    told = (one if one.introduced else fixed.get(one.fingerprint, one) for one in analysis.findings)
    return structs.replace(analysis, findings=tuple(told))


async def _sure(planned: Plan, analysis: Analysis, code: Project, config: RepositoryConfig, analyst: Analyst) -> Plan:
    """The plan that resolves only threads of what is gone for certain: also where everything is asked for."""
    threads = unsettled(planned, analysis)
    if not threads:
        return planned
    options = structs.replace(to_options(config), everything=True)
    try:
        whole = await analyst.analyze(code.head, {}, options=options)
    except AnalysisFailed as failure:
        log.warning("not analysed as a whole", reason=failure.reason)
        return without_changes_of(planned, threads)
    return without_changes_of(planned, set(threads) - set(unsettled(planned, whole)))


async def give_up(ref: PullRef, tools: Tools, reason: str) -> None:
    """Say in the check run that there will be no review of this head, and why; nothing where it has one."""
    github = tools.github.installation(ref.installation, ref.repository_id)
    stands = await standing(github, ref)
    done = stands.pull.head in stands.history.reviewed and stands.history.check_completed
    if stands.pull.open and not done:
        await publish_check_run(github, stands, write_failed_check_run(stands.pull.head, reason))


async def _unmoved(github: Installation, before: Standing) -> Standing:
    """How the pull request stands now, right before something is said of it."""
    now = await standing(github, before.pull.ref)
    if now.pull.head != before.pull.head or not now.pull.open:
        raise Dropped("the pull request moved on during the analysis")
    return now


def _before(stands: Standing, asked: str) -> History:
    """What was said on other heads. This head is planned as it was the first time, so that the check run ends up the same.

    Who asks wants to hear what was not said yet.
    """
    if asked:
        return stands.history
    said = tuple(one for one in stands.history.said if one.head != stands.pull.head)
    return replace(stands.history, said=said)


async def _threads(stands: Standing, memory: Memory) -> tuple[Thread, ...]:
    """Our threads, and which of them people opened again: GitHub does not tell that of a thread that is open."""
    ref, threads = stands.pull.ref, stands.history.threads
    closed = await memory.closed_threads(ref)
    if new := {one.id for one in threads if not one.open} - closed:
        await memory.note_closed(ref, new)
    return as_people_left_them(threads, closed)


async def _settle(github: Installation, ref: PullRef, changes: Sequence[ThreadChange], memory: Memory) -> None:
    """Close and open earlier threads. What a crash keeps from being noted is seen by the next review."""
    if opened := {change.thread.id for change in changes if change.to == "open"}:
        await memory.note_opened(ref, opened)
    made = await change_threads(github, changes)
    if closed := {change.thread.id for change in made if change.to != "open"}:
        await memory.note_closed(ref, closed)


async def _say(github: Installation, stands: Standing, planned: Plan, analysis: Analysis, asked: str) -> Outcome:
    """Post the part of the review that does not stand yet, then the check run, which tells what the review could not take."""
    pull, said = stands.pull, _said_here(stands, planned)
    planned = replace(planned, lacking=await github.lacking())
    if "pull_requests" in planned.lacking:
        every = (*planned.comments, *planned.file_comments)
        planned = annotated(planned, _without(said, every), "this App may not comment here")
    reviewed = asked in stands.history.answered if asked else pull.head in stands.history.reviewed
    if stands.own or reviewed:
        planned = annotated(planned, _without(said, planned.comments), "this head has its review")
    if stands.own:
        planned = annotated(planned, _without(said, planned.file_comments), "opened by asyncify itself")
    if not reviewed:
        _count_unsuggested(planned)
    missing = replace(
        planned,
        comments=_without(said, planned.comments),
        file_comments=_without(said, planned.file_comments),
    )
    written = write_review(missing, pull, asked)
    if written is not None:
        refused = await publish_review(github, pull, written)
        planned = annotated(planned, _behind(refused, missing), "GitHub did not take the comment")
    await publish_check_run(github, stands, write_check_run(planned, pull, analysis))
    return Outcome.REVIEWED if written else Outcome.CHECKED


def _count_unsuggested(planned: Plan) -> None:
    """Count the best fixes that were no suggestion, by why. A reason that names a number is the same with another one."""
    for offers in planned.offers.values():
        if offers and offers[0].obstacle:
            unsuggested.labels(re.sub(r"\d+", "N", offers[0].obstacle)).inc()


def _said_here(stands: Standing, planned: Plan) -> tuple[Comment, ...]:
    """The comments of the plan that stand on this head already."""
    said = {one.fingerprint for one in stands.history.said if one.head == stands.pull.head}
    every = (*planned.comments, *planned.file_comments)
    return tuple(one for one in every if {finding.fingerprint for finding in one.findings} <= said)


def _without(some: Collection[Comment], comments: Iterable[Comment]) -> tuple[Comment, ...]:
    return tuple(one for one in comments if one not in some)


def _behind(refused: Sequence[Refused], planned: Plan) -> tuple[Comment, ...]:
    """The comments of the plan that GitHub refused in their written form."""
    inline = {(one.path, one.line) for one in refused if isinstance(one, PostedComment)}
    files = {one.path for one in refused if not isinstance(one, PostedComment)}
    return (
        *(one for one in planned.comments if one.lines and (one.path, one.lines[-1]) in inline),
        *(one for one in planned.file_comments if one.path in files),
    )
