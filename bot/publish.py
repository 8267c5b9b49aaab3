"""Writing to GitHub, so that whatever breaks on the way, nothing is said twice.

A write whose answer was lost may have been done. So each looks for its own mark before it is tried again: the marker
in a review or comment, the `external_id` of a check run.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import structlog
from gidgethub import BadRequest, GitHubBroken, QueryError
from prometheus_client import Counter

from bot.asking import both
from bot.diff import PatchMismatch, hunks
from bot.errors import Dropped, RetryLater
from bot.fetch import changed_files
from bot.github import Installation
from bot.markers import read_marker, read_suggestion
from bot.models import CheckRun, PostedComment, PostedFileComment, PullRequest, Review, ThreadChange
from bot.standing import CHECK_NAME, Standing, standing
from bot.wire import passes
from bot.words import FIX_ALL

ANNOTATIONS = 50
"""Annotations in one request: https://docs.github.com/rest/checks/runs#update-a-check-run"""
ALL_ANNOTATIONS = 200
TEXT_LIMIT = 65_535
"""Characters of a check run's `summary` and `text`."""
THREADS = 20
"""Threads in one request."""
LOOK_AFTER = 2.0
"""Seconds after a lost answer until GitHub surely shows what it did."""
REFUSED_SECONDS = 60.0

Refused = PostedComment | PostedFileComment

refused_comments = Counter("asyncify_comments_refused", "Comments that GitHub did not take where we placed them")
posted = Counter("asyncify_comments_posted", "What was posted, by its place on the ladder", ["rung"])
unprocessable = Counter("asyncify_review_422", "Reviews and comments that GitHub answered with 422")
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def publish_review(github: Installation, pull: PullRequest, review: Review) -> tuple[Refused, ...]:
    """Post a review, unless it stands already. Returns the comments that GitHub did not take.

    Raises:
        Dropped: the head moved; the next job speaks of it.
        RetryLater: GitHub does not answer.
    """
    refused: list[Refused] = []
    if review.comments:
        refused += await _post_review(github, pull, review)
    for comment in review.file_comments:
        if not await _post_file_comment(github, pull, review.head, comment):
            refused.append(comment)
    every: tuple[Refused, ...] = (*review.comments, *review.file_comments)
    for one in every:
        if one not in refused:
            posted.labels(_rung(one)).inc()
    if (
        refused and "pull_requests" not in await github.lacking()
    ):  # a mistake of ours: planning only uses lines that the diff shows
        refused_comments.inc(len(refused))
        log.error("comments not taken", places=[f"{one.path}:{getattr(one, 'line', '')}" for one in refused])
    return tuple(refused)


def _rung(comment: Refused) -> str:
    if isinstance(comment, PostedFileComment):
        return "file"
    return "comment" if read_suggestion(comment.body) is None else "suggestion"


async def publish_check_run(github: Installation, stands: Standing, check: CheckRun) -> None:
    """Bring the check run of this head up to date: one call where nothing is in the way, none where it says the same already.

    Raises:
        RetryLater: GitHub does not answer.
    """
    if "checks" in await github.lacking():
        return
    try:
        await _write_check_run(github, stands, check)
    except GitHubBroken as error:
        log.info("check run written again", error=str(error))
        await asyncio.sleep(LOOK_AFTER)
        stands = await standing(github, stands.pull.ref)
        await _or_later(lambda: _write_check_run(github, stands, check))
    except BadRequest as error:
        if error.status_code != 403:
            raise
        github.note_refusal("checks", error)
        log.warning("check run not allowed", repository=stands.pull.ref.repository, error=str(error))


async def change_threads(github: Installation, changes: Sequence[ThreadChange]) -> tuple[ThreadChange, ...]:
    """Resolve, minimise or open threads, each in the way that we may. One that cannot be changed is left, and told in the log.

    Returns the changes that were surely made.

    Raises:
        RetryLater: GitHub does not answer.
    """
    made: list[ThreadChange] = []
    for start in range(0, len(changes), THREADS):
        batch = changes[start : start + THREADS]
        try:
            await _mutate(github, [_mutation(change) for change in batch])
            made += batch
        except QueryError as error:  # all the same, each as far as it goes: the permission may be less than was told
            if passes(error):
                raise RetryLater(60, f"GitHub does not take what we write: {error}") from error
            log.info("threads not resolved", threads=len(batch), error=str(error))
            await _minimise(github, [change for change in batch if change.to != "open" and change.thread.may_close])
        except GitHubBroken as error:
            raise RetryLater(60, f"GitHub does not take what we write: {error}") from error
    return tuple(made)


async def _minimise(github: Installation, changes: Sequence[ThreadChange]) -> None:
    try:
        if changes:
            await _mutate(github, [_minimisation(change) for change in changes])
    except QueryError as error:
        log.warning("threads not minimised", threads=len(changes), error=str(error))


def _mutation(change: ThreadChange) -> tuple[str, str]:
    if change.to == "open":
        return "unresolveReviewThread(input: {threadId: $%s}) { thread { id } }", change.thread.id
    if change.thread.may_close:
        return "resolveReviewThread(input: {threadId: $%s}) { thread { id } }", change.thread.id
    return _minimisation(change)


def _minimisation(change: ThreadChange) -> tuple[str, str]:
    """https://docs.github.com/graphql/reference/mutations#minimizecomment."""
    field = (
        f"minimizeComment(input: {{subjectId: $%s, classifier: {change.to}}}) {{ minimizedComment {{ isMinimized }} }}"
    )
    return field, change.thread.comment


async def _mutate(github: Installation, mutations: Sequence[tuple[str, str]]) -> None:
    """All of them in one request."""
    fields = " ".join(f"m{number}: {field % f'i{number}'}" for number, (field, _) in enumerate(mutations))
    declared = ", ".join(f"$i{number}: ID!" for number in range(len(mutations)))
    ids = {f"i{number}": subject for number, (_, subject) in enumerate(mutations)}
    await github.graphql(f"mutation({declared}) {{ {fields} }}", **ids)


async def _post_review(github: Installation, pull: PullRequest, review: Review) -> Sequence[PostedComment]:
    """Post the comments in one review; those that are returned were left out.

    GitHub takes all of them or none, and does not say which one it minds. So what the diff does not show is left out,
    and then one half: the review must stay the only one on this head.
    """
    if await _accepted(github, pull, review, review.comments):
        return ()
    if "pull_requests" in await github.lacking():
        return review.comments
    legal = await _legal(github, pull, review)
    middle = (len(legal) + 1) // 2
    for comments in dict.fromkeys((legal, legal[:middle], legal[middle:])):
        if comments and comments != review.comments and await _accepted(github, pull, review, comments):
            return [comment for comment in review.comments if comment not in comments]
    return review.comments


async def _accepted(github: Installation, pull: PullRequest, review: Review, comments: Sequence[PostedComment]) -> bool:
    """Whether GitHub took a review with these comments."""
    body = {
        "commit_id": review.head,
        "event": "COMMENT",
        "body": review.body,
        "comments": [_inline(comment) for comment in comments],
    }
    return await _written(
        github,
        lambda: github.post(f"/repos/{pull.ref.repository}/pulls/{pull.ref.number}/reviews", data=body),
        lambda: _is_reviewed(github, pull, review),
        comments,
    )


async def _post_file_comment(github: Installation, pull: PullRequest, head: str, comment: PostedFileComment) -> bool:
    """Whether GitHub took a comment on a whole file, which no review can hold."""
    body = {"commit_id": head, "path": comment.path, "body": comment.body, "subject_type": "file"}
    return await _written(
        github,
        lambda: github.post(f"/repos/{pull.ref.repository}/pulls/{pull.ref.number}/comments", data=body),
        lambda: _is_said(github, pull, comment.body),
        (comment,),
    )


async def _written(
    github: Installation,
    write: Callable[[], Awaitable[Any]],
    is_done: Callable[[], Awaitable[bool]],
    comments: Sequence[Refused],
) -> bool:
    """Write once. False where GitHub refuses what is written; where the answer was lost, look first, then write again."""
    try:
        try:
            await write()
        except GitHubBroken:
            await asyncio.sleep(LOOK_AFTER)
            if not await is_done():
                await _or_later(write)
    except BadRequest as error:
        if error.status_code not in {403, 404, 422}:
            raise
        github.note_refusal("pull_requests", error)
        unprocessable.inc(error.status_code == 422)
        log.info("comments refused", comments=len(comments), status=int(error.status_code), error=str(error))
        return False
    return True


async def _or_later(write: Callable[[], Awaitable[Any]]) -> None:
    try:
        await write()
    except GitHubBroken as error:
        raise RetryLater(REFUSED_SECONDS, f"GitHub does not take what we write: {error}") from error


async def _is_reviewed(github: Installation, pull: PullRequest, review: Review) -> bool:
    history = (await standing(github, pull.ref)).history
    return review.asked in history.answered if review.asked else review.head in history.reviewed


async def _is_said(github: Installation, pull: PullRequest, body: str) -> bool:
    marker = read_marker(body)
    said = {one.fingerprint for one in (await standing(github, pull.ref)).history.said if one.whole_file}
    return marker is not None and set(marker.fingerprints) <= said


async def _legal(github: Installation, pull: PullRequest, review: Review) -> tuple[PostedComment, ...]:
    """The comments that stand on lines which GitHub's diff shows right now. Raises Dropped where the head moved."""
    now, files = await both(standing(github, pull.ref), changed_files(github, pull.ref))
    if now.pull.head != review.head:
        raise Dropped("the head moved while the review was written")
    shown = {file.path: file.patch or "" for file in files}
    return tuple(comment for comment in review.comments if _is_shown(comment, shown.get(comment.path, "")))


def _is_shown(comment: PostedComment, patch: str) -> bool:
    first = comment.line if comment.start is None else comment.start
    try:
        return any(first in hunk.lines and comment.line in hunk.lines for hunk in hunks(patch))
    except PatchMismatch:
        return False


def _inline(comment: PostedComment) -> dict[str, Any]:
    """https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request."""
    inline = {"path": comment.path, "line": comment.line, "side": "RIGHT", "body": comment.body}
    if comment.start is not None and comment.start != comment.line:
        inline |= {"start_line": comment.start, "start_side": "RIGHT"}
    return inline


async def _write_check_run(github: Installation, stands: Standing, check: CheckRun) -> None:
    """The annotations come in parts, and only the last part carries the mark that says that all are there."""
    pull, run = stands.pull, stands.history.check_run
    mark = _mark(pull, check)
    if run is not None and stands.history.check_completed and stands.mark == mark:
        return
    url = f"/repos/{pull.ref.repository}/check-runs"
    annotations = list(check.annotations[:ALL_ANNOTATIONS])
    if run is not None and annotations:
        annotations = await _not_yet_shown(github, f"{url}/{run}/annotations", annotations)
    parts = [annotations[start : start + ANNOTATIONS] for start in range(0, len(annotations), ANNOTATIONS)] or [[]]
    permissions = await github.permissions()
    for part in parts:
        body = _state(check, part, mark if part is parts[-1] else f"{pull.ref.number}") | _actions(check, permissions)
        if run is None:
            run = (await github.post(url, data={"name": CHECK_NAME, "head_sha": pull.head, **body}))["id"]
        else:
            await github.patch(f"{url}/{run}", data=body)
        posted.labels("annotation").inc(len(part))


def _mark(pull: PullRequest, check: CheckRun) -> str:
    """The `external_id`: for which pull request (GitHub does not tell for forks), and what is said."""
    buttons = [button.identifier for button in check.buttons]
    said = [check.conclusion, check.title, check.summary, check.text, list(check.annotations), buttons]
    return f"{pull.ref.number}:{sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]}"


def _state(check: CheckRun, annotations: Sequence[Mapping[str, object]], mark: str) -> dict[str, Any]:
    output: dict[str, Any] = {"title": check.title, "summary": check.summary[:TEXT_LIMIT]}
    if check.text:
        output["text"] = check.text[:TEXT_LIMIT]
    if annotations:
        output["annotations"] = list(annotations)
    return {"status": "completed", "conclusion": check.conclusion, "external_id": mark, "output": output}


def _actions(check: CheckRun, permissions: Mapping[str, str]) -> dict[str, Any]:
    """The buttons, but for the one that commits where we may not."""
    allowed = [one for one in check.buttons if one is not FIX_ALL or permissions.get("contents") == "write"]
    return {"actions": [asdict(one) for one in allowed]}


async def _not_yet_shown(
    github: Installation, url: str, annotations: Sequence[Mapping[str, object]]
) -> list[Mapping[str, object]]:
    """GitHub adds annotations to those that are there and cannot take any away."""
    shown = {_place(annotation) async for annotation in github.getiter(f"{url}?per_page=100")}
    missing = [annotation for annotation in annotations if _place(annotation) not in shown]
    return missing[: max(0, ALL_ANNOTATIONS - len(shown))]


def _place(annotation: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(annotation.get(key) for key in ("path", "start_line", "end_line", "message"))
