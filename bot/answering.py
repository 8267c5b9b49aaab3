"""The other ending of the line: somebody asked for something, and gets a commit, a review or an answer.

Whoever asks is judged by GitHub's word on what they may do. Everything here may run twice: what was done is looked for first.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from gidgethub import BadRequest, GitHubBroken

from bot import replies
from bot.analysis import AnalysisFailed
from bot.commands import Command
from bot.committing import Branch, CommitRefused, HeadMoved, commit, committed
from bot.config import RepositoryConfig, applies, excluded, load_config, to_options
from bot.errors import Dropped, RetryLater
from bot.events import Asked
from bot.fetch import Project, Standing, changed_files, configuration, project, standing
from bot.fixing import Made, Wish
from bot.formats import to_patch
from bot.github import Installation
from bot.markers import read_marker
from bot.models import PAUSED, Mute, PullRequest
from bot.permissions import may_write
from bot.review import Outcome, Tools, analysed, review
from bot.targets import Meant, in_thread, muted_by_name, muted_findings, named, spoken_of, thread_of
from bot.threads import disliked, muted
from rules import Analysis, all_rules

TRIES = 3
"""How often fixes are made anew where the branch moves meanwhile."""
MAX_FILES = 50
MAX_BYTES = 10_000_000

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: whether something was changed, or could not be; and what there is to say about it.

    `refused` means that it was not theirs to ask.
    """

    text: str = ""
    changed: bool = False
    failed: bool = False
    refused: bool = False


DONE, CHANGED = Answer(), Answer(changed=True)


def _failed(text: str) -> Answer:
    return Answer(text, failed=True)


def _refused(text: str) -> Answer:
    return Answer(text, failed=True, refused=True)


@dataclass(frozen=True, slots=True)
class Case:
    """Who asks, and of what. `name` is the same each time that this is answered."""

    asked: Asked
    name: str
    tools: Tools
    github: Installation
    stands: Standing
    config: RepositoryConfig

    @property
    def pull(self) -> PullRequest:
        return self.stands.pull

    async def may_write(self) -> bool:
        return await may_write(self.github, self.pull.ref.repository, self.asked.by)

    async def is_theirs(self) -> bool:
        return self.pull.author == self.asked.by or await self.may_write()


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
    await _react(github, asked, "eyes")
    case = Case(asked, _name(asked, delivery), tools, github, stands, config)
    answers = [await _answered(command, case) for command in asked.commands]
    await _reply(case, answers)
    failed, changed = any(one.failed for one in answers), any(one.changed for one in answers)
    reaction = "confused" if failed else "rocket" if changed else "+1"
    await _react(github, asked, reaction)
    return reaction


async def give_up(asked: Asked, delivery: str, tools: Tools) -> None:
    """Say that what was asked for failed, and that it is not their fault."""
    github = tools.github.installation(asked.ref.installation, asked.ref.repository_id)
    stands = await standing(github, asked.ref)
    case = Case(asked, _name(asked, delivery), tools, github, stands, RepositoryConfig())
    await _reply(case, [_failed(replies.WENT_WRONG)])
    await _react(github, asked, "confused")


def _name(asked: Asked, delivery: str) -> str:
    return str(asked.comment) if asked.comment else delivery.replace("-", "")


async def _answered(command: Command, case: Case) -> Answer:
    if command.problem:
        return _failed(replies.write_problem(command.problem))
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
        return _refused(replies.MAY_REVIEW)
    for _ in range(TRIES):
        try:
            outcome = await review(case.asked.ref, case.tools, name)
        except Dropped as dropped:
            log.info("asked review begins again", reason=dropped.reason)
            continue
        match outcome:
            case Outcome.CLOSED:
                return _failed(replies.CLOSED)
            case Outcome.NOT_ANALYSED:
                return _failed(replies.NOT_ANALYSED)
            case Outcome.REVIEWED:
                return CHANGED
        return DONE
    return _failed(replies.MOVED)


async def _pause(_command: Command, case: Case) -> Answer:
    if not await case.may_write():
        return _may_not_write(case)
    if await _is_paused(case):
        return DONE
    await case.tools.store.mute(case.asked.ref, [Mute(PAUSED)])
    return CHANGED


async def _resume(_command: Command, case: Case) -> Answer:
    if not await case.may_write():
        return _may_not_write(case)
    if not await _is_paused(case):
        return DONE
    await case.tools.store.unmute(case.asked.ref, PAUSED)
    await _bring_up_to_date(case)
    return CHANGED


async def _ignore(command: Command, case: Case) -> Answer:
    if not await case.may_write():
        return _may_not_write(case)
    mutes = await _to_mute(command, case)
    if isinstance(mutes, str):
        return _failed(mutes)
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
        analysis = (await _look(case)).analysis
    except AnalysisFailed:
        return replies.NOT_ANALYSED
    return muted_findings(analysis.findings, name) or replies.write_problem(
        " ".join(named(analysis.findings, [name]).problems) or f"`{name}` is neither a rule nor the id of a finding."
    )


async def _explain(command: Command, case: Case) -> Answer:
    thread = thread_of(case.asked.thread, case.stands.history.threads)
    if not command.targets and thread is None:
        return _failed(replies.WHICH.format(verb="explain"))
    name = command.targets[0] if command.targets else ""
    if name in all_rules():
        return Answer(replies.explain_rule(all_rules()[name]))
    try:
        found = (await _look(case)).analysis.findings
    except AnalysisFailed:
        return _failed(replies.NOT_ANALYSED)
    meant = named(found, [name]) if name else Meant(in_thread(found, thread) if thread else ())
    if not meant.findings:
        problem = " ".join(meant.problems) or "What this thread speaks of is not there any more."
        return _failed(replies.write_problem(problem))
    lead = meant.findings[0]
    return Answer(replies.explain_finding(lead, lead.fingerprint[:8], case.pull))


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


def _may_not_write(case: Case) -> Answer:
    return _refused(replies.MAY_WRITE.format(repository=case.pull.ref.repository))


# --- fixes


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to be fixed on a head: everything that is found, and what the bot speaks of by itself."""

    code: Project
    analysis: Analysis
    automatic: frozenset[str]


async def _look(case: Case) -> Look:
    """Raises AnalysisFailed."""
    files = await changed_files(case.github, case.asked.ref)
    code = await project(case.github, case.pull, files, case.tools.store, case.tools.analyst)
    analyst = case.tools.analyst
    everything = await analysed(code, case.config, analyst, everything=True)
    usual = await analyst.analyze(code.head, {}, base=code.base, options=to_options(case.config))
    mutes = await case.tools.store.mutes(case.asked.ref)
    silent = muted(usual.findings, case.stands.history.threads, mutes, code.head)
    automatic = frozenset(
        one.fingerprint
        for one in usual.findings
        if one.introduced and one.fingerprint not in silent
        if applies(one.rule, case.config) and not excluded(one.path, case.config)
    )
    return Look(code, everything, automatic)


async def _fix(command: Command, case: Case) -> Answer:
    for _ in range(TRIES):
        try:
            return await _fixed(command, case)
        except HeadMoved:
            case = replace(case, stands=await standing(case.github, case.asked.ref))
        except AnalysisFailed:
            return _failed(replies.NOT_ANALYSED)
    return _failed(replies.MOVED)


async def _fixed(command: Command, case: Case) -> Answer:
    """Raises HeadMoved and AnalysisFailed."""
    if obstacle := await _obstacle(case):
        return _failed(obstacle)
    head = await _head_client(case)
    if not await _may_fix(case, head):
        return _refused(replies.MAY_WRITE.format(repository=case.pull.head_repository))
    branch = Branch(str(case.pull.head_repository), case.pull.head_ref, case.pull.head)
    if head is not None and await committed(head, branch, case.name):
        return CHANGED
    look = await _look(case)
    meant = _meant(command, case, look)
    made = await _made(command, case, look, meant)
    said = [*map(replies.write_problem, meant.problems), *_told(command, made)]
    if not made.texts:
        return Answer("\n\n".join(said), failed=bool(said))
    if len(made.texts) > MAX_FILES or sum(map(len, made.texts.values())) > MAX_BYTES:
        return _failed(replies.too_much(len(made.texts)))
    if head is None:
        return _failed(replies.write_patch(replies.NOT_OURS, _patch(look, made), fork=True))
    return await _commit(case, head, branch, look, made, said)


async def _commit(
    case: Case, head: Installation, branch: Branch, look: Look, made: Made, said: Sequence[str]
) -> Answer:
    if (await head.permissions()).get("contents") != "write":
        return _failed(replies.write_patch(replies.NO_PERMISSION, _patch(look, made), fork=case.pull.from_fork))
    author = replies.co_author(case.asked.by, case.asked.by_id, case.pull.page)
    try:
        await commit(head, branch, made.texts, replies.write_message(made, case.name, [author]))
    except CommitRefused as refused:
        reason = replies.write_refused(refused.reason)
        return _failed(replies.write_patch(reason, _patch(look, made), fork=case.pull.from_fork))
    return Answer("\n\n".join(said), changed=True)


def _meant(command: Command, case: Case, look: Look) -> Meant:
    findings, threads = look.analysis.findings, case.stands.history.threads
    thread = thread_of(case.asked.thread, threads)
    if not command.targets and thread is not None:
        return Meant(in_thread(findings, thread))
    names = [name for name in command.targets if name.lower() != "all"]
    if not names:
        return spoken_of(findings, look.automatic, threads)
    here = [one for one in findings if one.path in look.code.sources]
    return named(here, names)


async def _made(command: Command, case: Case, look: Look, meant: Meant) -> Made:
    """What is introduced is fixed as its suggestion says; what stood there before is looked at with all the rest."""
    wish = Wish(frozenset(one.fingerprint for one in meant.findings), command.unsafe, command.way)
    if not wish.fingerprints:
        return Made({}, (), ())
    options, code = to_options(case.config), look.code
    usual = wish.fingerprints <= look.automatic
    base = code.base if usual else None
    options = options if usual else replace(options, everything=True)
    return await case.tools.analyst.fulfil(wish, code.head, code.sources, base=base, options=options)


def _told(command: Command, made: Made) -> Sequence[str]:
    """What is worth a comment: what a person has to do, and what they named and did not get."""
    asked_by_name = [name for name in command.targets if name.lower() != "all"]
    if made.done and not asked_by_name:
        made = replace(made, left=())
    return [text] if (text := replies.write_left(made, command.way)) else []


def _patch(look: Look, made: Made) -> str:
    return to_patch(look.code.sources, made.texts).decode(errors="replace")


async def _obstacle(case: Case) -> str:
    """Why there is nothing to commit to."""
    pull = case.pull
    if not pull.open:
        return replies.CLOSED
    if pull.locked:
        return replies.LOCKED
    if pull.head_repository is None or not pull.head_ref:
        return replies.NO_BRANCH
    if not pull.from_fork and pull.head_ref in {pull.head_default, pull.base_ref}:
        return replies.DEFAULT_BRANCH
    return replies.QUEUED if await _is_queued(case) else ""


async def _is_queued(case: Case) -> bool:
    owner, name = case.pull.ref.repository.split("/")
    query = (
        "query($owner: String!, $name: String!, $number: Int!) {"
        " repository(owner: $owner, name: $name) { pullRequest(number: $number) { isInMergeQueue } } }"
    )
    found = await case.github.graphql(query, owner=owner, name=name, number=case.pull.ref.number)
    return bool(((found["repository"] or {}).get("pullRequest") or {}).get("isInMergeQueue"))


async def _head_client(case: Case) -> Installation | None:
    """Our access to the repository that the pull request comes from; None for a fork in which the App is not installed."""
    pull = case.pull
    if not pull.from_fork:
        return case.github
    try:
        found = await case.github.app.getitem(f"/repos/{pull.head_repository}/installation")
    except BadRequest as error:
        if error.status_code != 404:
            raise
        return None
    return case.github.app.installation(found["id"], pull.head_id or 0)


async def _may_fix(case: Case, head: Installation | None) -> bool:
    """Whether who asks may push to the branch. Authorship alone is not enough: anybody can propose a branch of somebody else's.

    For a fork that we cannot write to there is only a patch, which the author may have as well.
    """
    if head is None:
        return await case.is_theirs()
    return await may_write(head, str(case.pull.head_repository), case.asked.by)


# --- what people see


async def _react(github: Installation, asked: Asked, content: str) -> None:
    """https://docs.github.com/rest/reactions: the same one twice is one. A button has nothing to react to.

    Raises:
        Dropped: the comment is gone.
    """
    if asked.comment is None:
        return
    part = "issues" if asked.thread is None else "pulls"
    url = f"/repos/{asked.ref.repository}/{part}/comments/{asked.comment}/reactions"
    try:
        await github.post(url, data={"content": content})
    except GitHubBroken as error:
        raise RetryLater(60, f"GitHub does not take what we write: {error}") from error
    except BadRequest as error:
        if error.status_code == 404:
            raise Dropped("the comment was deleted") from error
        if error.status_code not in {403, 422}:
            raise
        log.warning("reaction not allowed", error=str(error))


async def _reply(case: Case, answers: Sequence[Answer]) -> None:
    """One comment for all commands, unless there is nothing to say, it is said, or they got enough of them."""
    texts = [one.text for one in answers if one.text]
    if not texts:
        return
    refusal = all(one.refused for one in answers)
    if not await case.tools.store.may_answer(case.asked.ref, case.name, case.asked.by, refusal=refusal):
        log.info("answer left out", by=case.asked.by)
        return
    body = replies.write_reply(texts, case.pull.head, case.name)
    try:
        if not await _is_answered(case):
            await case.github.post(_place(case), data={"body": body})
    except GitHubBroken as error:
        raise RetryLater(5, f"GitHub does not take what we write: {error}") from error
    except BadRequest as error:
        if error.status_code not in {403, 404, 422}:
            raise
        log.warning("reply not allowed", error=str(error))


def _place(case: Case) -> str:
    ref = case.asked.ref
    if case.asked.thread is None:
        return f"/repos/{ref.repository}/issues/{ref.number}/comments"
    return f"/repos/{ref.repository}/pulls/{ref.number}/comments/{case.asked.thread}/replies"


async def _is_answered(case: Case) -> bool:
    """Whether our answer stands, written by an earlier attempt."""
    ref = case.asked.ref
    part = "issues" if case.asked.thread is None else "pulls"
    since = f"since={case.asked.at}&" if case.asked.at else ""
    url = f"/repos/{ref.repository}/{part}/{ref.number}/comments?{since}per_page=100"
    return any([_is_our_answer(comment, case.name) async for comment in case.github.getiter(url)])


def _is_our_answer(comment: Mapping[str, Any], name: str) -> bool:
    by_bot = (comment.get("user") or {}).get("type") == "Bot"
    marker = read_marker(comment.get("body") or "") if by_bot else None
    return marker is not None and marker.answer == name


_VERBS: Mapping[str, Callable[[Command, Case], Awaitable[Answer]]] = {
    "review": _review,
    "rerun": _rerun,
    "fix": _fix,
    "explain": _explain,
    "ignore": _ignore,
    "pause": _pause,
    "resume": _resume,
    "config": _show_config,
    "help": _help,
}
