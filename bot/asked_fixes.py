"""`/asyncify fix`: what is meant by it, what comes of it, and the one commit that it becomes, or why it becomes none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gidgethub import BadRequest
from msgspec import structs

from bot import replies
from bot.analysis import AnalysisFailed
from bot.cases import CHANGED, Answer, Case, failed, refused
from bot.commands import Command
from bot.committing import Branch, CommitRefused, HeadMoved, commit, committed
from bot.config import to_options
from bot.fetch import Project, changed_files, project
from bot.fixing import Made, Wish
from bot.formats import to_patch
from bot.github import Installation
from bot.permissions import may_write
from bot.planning import in_scope
from bot.review import analysed
from bot.standing import standing
from bot.targets import Meant, in_thread, named, short_ids, spoken_of, thread_of
from bot.threads import muted
from rules import Analysis

TRIES = 3
"""How often fixes are made anew where the branch moves meanwhile."""
MAX_FILES = 50
MAX_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to be fixed on a head: everything that is found, what the bot speaks of by itself, and what is introduced."""

    code: Project
    analysis: Analysis
    automatic: frozenset[str]
    introduced: frozenset[str]


async def look_at(case: Case) -> Look:
    """Analyse the head. Raises AnalysisFailed."""
    files = await changed_files(case.github, case.asked.ref)
    code = await project(case.github, case.pull, files, case.tools.store, case.tools.analyst)
    analyst = case.tools.analyst
    everything = await analysed(code, case.config, analyst, everything=True)
    usual = await analyst.analyze(code.head, {}, base=code.base, options=to_options(case.config))
    mutes = await case.tools.store.mutes(case.asked.ref)
    silent = muted(usual.findings, case.stands.history.threads, mutes, code.head)
    automatic = {one.fingerprint for one in in_scope(usual.findings, files, case.config)} - silent
    introduced = frozenset(one.fingerprint for one in usual.findings if one.introduced)
    return Look(code, everything, frozenset(automatic), introduced)


async def fix(command: Command, case: Case) -> Answer:
    for _ in range(TRIES):
        try:
            return await _fixed(command, case)
        except HeadMoved:
            case = replace(case, stands=await standing(case.github, case.asked.ref))
        except AnalysisFailed as failure:
            return failed(replies.write_not_analysed(failure.reason))
    return failed(replies.MOVED)


async def _fixed(command: Command, case: Case) -> Answer:
    """Raises HeadMoved and AnalysisFailed."""
    if obstacle := await _obstacle(case):
        return failed(obstacle)
    head = await _head_client(case)
    if not await _may_fix(case, head):
        return refused(replies.MAY_WRITE.format(repository=case.pull.head_repository))
    branch = Branch(str(case.pull.head_repository), case.pull.head_ref, case.pull.head)
    if head is not None and await committed(head, branch, case.name):
        return CHANGED
    look = await look_at(case)
    meant = _meant(command, case, look)
    made = await _made(command, case, look, meant)
    said = [*map(replies.write_unknown, meant.problems), *_told(command, made, look)]
    if not made.texts:
        return Answer("\n\n".join(said), failed=bool(said))
    if len(made.texts) > MAX_FILES or sum(map(len, made.texts.values())) > MAX_BYTES:
        return failed(replies.too_much(len(made.texts)))
    if head is None:
        return failed(replies.write_patch(replies.NOT_OURS, _patch(look, made), fork=True))
    return await _commit(case, head, branch, look, made, said)


async def _commit(
    case: Case, head: Installation, branch: Branch, look: Look, made: Made, said: Sequence[str]
) -> Answer:
    if (await head.permissions()).get("contents") != "write":
        return failed(replies.write_patch(replies.NO_PERMISSION, _patch(look, made), fork=case.pull.from_fork))
    author = replies.co_author(case.asked.by, case.asked.by_id, case.pull.page)
    try:
        await commit(head, branch, made.texts, replies.write_message(made, case.name, [author]))
    except CommitRefused as refused:
        reason = replies.write_refused(refused.reason)
        return failed(replies.write_patch(reason, _patch(look, made), fork=case.pull.from_fork))
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
    base = code.base if wish.fingerprints <= look.introduced else None
    options = structs.replace(options, everything=not wish.fingerprints <= look.automatic)
    return await case.tools.analyst.fulfil(wish, code.head, code.sources, base=base, options=options)


def _told(command: Command, made: Made, look: Look) -> Sequence[str]:
    """What is worth a comment: what a person has to do, and what they named and did not get."""
    asked_by_name = [name for name in command.targets if name.lower() != "all"]
    if made.done and not asked_by_name:
        made = structs.replace(made, left=())
    return [text] if (text := replies.write_left(made, command.way, short_ids(look.analysis.findings))) else []


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
