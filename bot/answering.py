"""The other ending of the line: somebody asked for something, and gets a commit, a review or an answer.

Whoever asks is judged by GitHub's word on what they may do. Everything here may run twice: what was done is looked for first.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

import structlog

from bot import replies
from bot.analysis import AnalysisFailed
from bot.asked_fixes import TRIES, fix, look_at
from bot.cases import CHANGED, DONE, Answer, Case, failed, may_not_write, refused
from bot.commands import Command
from bot.config import RepositoryConfig, load_config
from bot.conversation import react, reply
from bot.errors import Dropped
from bot.events import UNMUTE, Asked
from bot.models import PAUSED, WANTED, Mute, PullRef
from bot.review import Outcome, Tools, review
from bot.standing import CHECK_NAME, configuration, standing
from bot.targets import Meant, in_thread, is_ambiguous, muted_by_name, muted_findings, named, short_ids, thread_of
from bot.threads import disliked
from rules import Finding, all_rules

MOST_PULLS = 1_000
"""Open pull requests, those changed last first, among which one is looked for by its head."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def answer(asked: Asked, delivery: str, tools: Tools) -> str:
    """Do what was asked for, and say so: with a reaction, and one comment where that is not enough.

    Raises:
        RetryLater: GitHub wants us to wait.
        Dropped: the pull request, the comment or our access to it is gone.
    """
    github = tools.github.installation(asked.ref.installation, asked.ref.repository_id)
    stands = await standing(github, asked.ref)
    config = load_config(await configuration(github, stands, tools.inherited))
    if not config.enabled:
        return "disabled"
    await react(github, asked, "eyes")
    case = Case(asked, _name(asked, delivery), tools, github, stands, config)
    answers = [await _answered(command, await _at(number, case)) for number, command in enumerate(asked.commands)]
    await reply(case, answers)
    reaction = _reaction(answers)
    await react(github, asked, reaction)
    return reaction


def _reaction(answers: Sequence[Answer]) -> str:
    if any(one.failed for one in answers):
        return "confused"
    return "rocket" if any(one.changed for one in answers) else "+1"


async def acknowledge(asked: Asked, tools: Tools) -> None:
    """Show that a command was seen that has to wait until something else in its pull request is done. Raises what `answer` raises."""
    github = tools.github.installation(asked.ref.installation, asked.ref.repository_id)
    stands = await standing(github, asked.ref)
    if load_config(await configuration(github, stands, tools.inherited)).enabled:
        await react(github, asked, "eyes")


async def pull_with(asked: Asked, tools: Tools) -> PullRef | None:
    """The pull request that is meant where GitHub only names its head: our check run there tells, else the list of those that are
    open. None where there is none.
    """
    github = tools.github.installation(asked.ref.installation, asked.ref.repository_id)
    query = f"check_name={CHECK_NAME}&app_id={tools.github.id}"
    runs = await github.getitem(f"/repos/{asked.ref.repository}/commits/{asked.head}/check-runs?{query}")
    for run in runs["check_runs"]:
        number = str(run["external_id"] or "").partition(":")[0]
        if number.isdecimal():
            return replace(asked.ref, number=int(number))
    latest_first = f"/repos/{asked.ref.repository}/pulls?state=open&sort=updated&direction=desc&per_page=100"
    looked_at = 0
    async for pull in github.getiter(latest_first):
        if pull["head"]["sha"] == asked.head:
            return replace(asked.ref, number=pull["number"])
        if (looked_at := looked_at + 1) >= MOST_PULLS:
            break
    return None


async def give_up(asked: Asked, delivery: str, tools: Tools) -> None:
    """Say that what was asked for failed, and that it is not their fault; nothing where nobody gave a command."""
    if asked.commands == (UNMUTE,):
        return
    github = tools.github.installation(asked.ref.installation, asked.ref.repository_id)
    stands = await standing(github, asked.ref)
    case = Case(asked, _name(asked, delivery), tools, github, stands, RepositoryConfig())
    await reply(case, [failed(replies.WENT_WRONG)])
    await react(github, asked, "confused")


def _name(asked: Asked, delivery: str) -> str:
    return str(asked.comment) if asked.comment else delivery.replace("-", "")


async def _at(number: int, case: Case) -> Case:
    """The case of one command among those of a comment, counted from 0: each leaves a mark of its own where it changes something,
    and sees what the one before it changed.
    """
    if not number:
        return case
    return replace(case, name=f"{case.name}.{number + 1}", stands=await standing(case.github, case.asked.ref))


async def _answered(command: Command, case: Case) -> Answer:
    if command.problem:
        return failed(replies.write_problem(command.problem))
    return await _VERBS[command.verb](command, case)


async def _help(_command: Command, _case: Case) -> Answer:
    return Answer(replies.HELP)


async def _show_config(_command: Command, case: Case) -> Answer:
    return Answer(replies.write_config(case.config))


async def _review(_command: Command, case: Case) -> Answer:
    return await _reviewed(case, case.name)


async def _rerun(_command: Command, case: Case) -> Answer:
    return await _reviewed(case, "")


async def _reviewed(case: Case, name: str) -> Answer:
    """A review of everything, by a name of its own, or the automatic one once more."""
    if not await case.is_theirs():
        return refused(replies.MAY_REVIEW)
    for _ in range(TRIES):
        try:
            outcome = await review(case.asked.ref, case.tools, name)
        except Dropped as dropped:
            log.info("asked review begins again", reason=dropped.reason)
            continue
        match outcome:
            case Outcome.CLOSED:
                return failed(replies.CLOSED)
            case Outcome.NOT_ANALYSED:
                return failed(replies.NOT_ANALYSED)
            case Outcome.REVIEWED:
                return CHANGED
        return DONE
    return failed(replies.MOVED)


async def _pause(_command: Command, case: Case) -> Answer:
    if not await case.may_write():
        return may_not_write(case)
    if await _is_paused(case):
        return DONE
    await case.tools.store.mute(case.asked.ref, [Mute(PAUSED)])
    return CHANGED


async def _resume(_command: Command, case: Case) -> Answer:
    """The pause ends; where nothing is paused, what was ignored is spoken of again."""
    if not await case.may_write():
        return may_not_write(case)
    names = {mute.name for mute in await case.tools.store.mutes(case.asked.ref) if not mute.name.startswith(WANTED)}
    lifted = names & {PAUSED} or names
    await _lift(lifted, case)
    if not lifted:
        return DONE
    await _bring_up_to_date(case)
    return CHANGED


async def _unmute(_command: Command, case: Case) -> Answer:
    """What somebody opens again who may mute it is spoken of again. Nobody gave a command, so nothing is said."""
    thread = thread_of(case.asked.thread, case.stands.history.threads)
    known = {mute.name for mute in await case.tools.store.mutes(case.asked.ref)}
    names = known.intersection(thread.fingerprints if thread else ())
    if names and not await case.may_write():
        return DONE
    await _lift(names, case)
    if names:
        await _bring_up_to_date(case)
    return CHANGED if names else DONE


async def _lift(names: Collection[str], case: Case) -> None:
    """Speak of these again, also where somebody still has a thumb down."""
    for name in names:
        await case.tools.store.unmute(case.asked.ref, name)
    await case.tools.store.mute(case.asked.ref, [Mute(f"{WANTED}{name}") for name in names if name != PAUSED])


async def _ignore(command: Command, case: Case) -> Answer:
    if not await case.may_write():
        return may_not_write(case)
    mutes = await _to_mute(command, case)
    if isinstance(mutes, str):
        return failed(mutes)
    known = {mute.name for mute in await case.tools.store.mutes(case.asked.ref)}
    if known.issuperset(mute.name for mute in mutes):
        return DONE
    await case.tools.store.mute(case.asked.ref, mutes)
    await _bring_up_to_date(case)
    return CHANGED


async def _to_mute(command: Command, case: Case) -> Sequence[Mute] | str:
    """What is to be muted, or why that cannot be told."""
    threads = case.stands.history.threads
    if not command.targets:
        thread = thread_of(case.asked.thread, threads)
        return disliked(thread) if thread else replies.WHICH.format(verb="ignore")
    (name,) = command.targets
    if mutes := muted_by_name(name, threads):
        return mutes
    try:
        findings = (await look_at(case)).analysis.findings
    except AnalysisFailed as failure:
        return replies.write_not_analysed(failure.reason)
    return muted_findings(findings, name) or _not_known(name, findings)


async def _explain(command: Command, case: Case) -> Answer:
    thread = thread_of(case.asked.thread, case.stands.history.threads)
    if not command.targets and thread is None:
        return failed(replies.WHICH.format(verb="explain"))
    name = command.targets[0] if command.targets else ""
    if name in all_rules():
        return Answer(replies.explain_rule(all_rules()[name]))
    try:
        found = (await look_at(case)).analysis.findings
    except AnalysisFailed as failure:
        return failed(replies.write_not_analysed(failure.reason))
    meant = named(found, [name]) if name else Meant(in_thread(found, thread) if thread else ())
    if not meant.findings:
        return failed(_not_known(name, found) if name else replies.GONE)
    lead = meant.findings[0]
    return Answer(replies.explain_finding(lead, short_ids(found)[lead.fingerprint], case.pull))


def _not_known(name: str, findings: Sequence[Finding]) -> str:
    """Why a name means nothing to commands that take one id or rule."""
    if is_ambiguous(name, findings):
        return replies.write_unknown(" ".join(named(findings, [name]).problems))
    return replies.write_unknown_name(name)


async def _bring_up_to_date(case: Case) -> None:
    """The check run and the threads, after something was muted or is spoken of again. A push that comes between does the same."""
    if await _is_paused(case):
        return
    try:
        await review(case.asked.ref, case.tools)
    except Dropped as dropped:
        log.info("left to the next review", reason=dropped.reason)


async def _is_paused(case: Case) -> bool:
    return any(mute.name == PAUSED for mute in await case.tools.store.mutes(case.asked.ref))


_VERBS: Mapping[str, Callable[[Command, Case], Awaitable[Answer]]] = {
    "review": _review,
    "rerun": _rerun,
    "fix": fix,
    "explain": _explain,
    "ignore": _ignore,
    "pause": _pause,
    "resume": _resume,
    "unmute": _unmute,
    "config": _show_config,
    "help": _help,
}
