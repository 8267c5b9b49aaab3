"""What people see of an answer: a reaction to their comment, and one comment of ours where that is not enough."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from gidgethub import BadRequest, GitHubBroken

from bot import replies
from bot.cases import Answer, Case
from bot.errors import Dropped, RetryLater
from bot.events import Asked
from bot.github import Installation
from bot.markers import read_marker

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def react(github: Installation, asked: Asked, content: str) -> None:
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


async def reply(case: Case, answers: Sequence[Answer]) -> None:
    """One comment for all commands, unless there is nothing to say, it is said, or they got enough of them."""
    texts = [one.text for one in answers if one.text]
    if not texts:
        return
    refusal = all(one.refused for one in answers)
    if not await case.tools.store.may_answer(case.asked.ref, case.name, case.asked.by, refusal=refusal):
        log.info("answer left out", by=case.asked.by)
        return
    if case.asked.comment is None:
        texts = [replies.write_pressed(case.asked.commands[0].verb, case.asked.by), *texts]
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
    return any([_is_our_answer(comment, case) async for comment in case.github.getiter(url)])


def _is_our_answer(comment: Mapping[str, Any], case: Case) -> bool:
    """Anybody, and any other bot, can quote a marker of ours."""
    ours = (comment.get("user") or {}).get("login") == f"{case.stands.me}[bot]"
    marker = read_marker(comment.get("body") or "") if ours else None
    return marker is not None and marker.answer == case.name
