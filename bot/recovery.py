"""What was missed: deliveries that did not reach us, and pull requests whose deliveries GitHub no longer keeps.

GitHub sends a delivery once (https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries) and lists what it
sent for three days. What happened earlier, or before the database was lost, is read off the pull requests themselves.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

import structlog
from gidgethub import BadRequest
from prometheus_client import Counter

from bot.errors import Dropped, MalformedPayload
from bot.events import Requested, ReviewRequested, requested
from bot.github import GitHub, Installation
from bot.models import PullRef
from bot.standing import CHECK_NAME
from bot.store import Store

LISTED = 70 * 3600
"""Seconds for which GitHub surely lists a delivery (https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook)."""

MARGIN = 600
"""Seconds by which each look goes back behind the one before."""

PROGRESS = "deliveries"

Enqueue = Callable[[str, Requested], Awaitable[None]]
"""Stores what a delivery, given by its id, asks for; the same id twice is one. Raises NotStored."""

Held = Callable[[Collection[tuple[int, str]]], Awaitable[Collection[str]]]
"""Which of these deliveries, given by installation and id, are stored: their ids."""

recovered = Counter("asyncify_recovered_deliveries", "What was missed and found later, by how it was found", ["what"])
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def recover(github: GitHub, store: Store, enqueue: Enqueue, held: Held) -> None:
    """Put into the queue what GitHub tried to tell us and could not. Doing it twice changes nothing.

    Raises whatever kept it from looking at everything; the next look then begins where this one got to.
    """
    now = int(time.time())
    reached = await store.reached(PROGRESS)
    if reached is None or reached < now - LISTED:
        await _look_at_open_pulls(github, reached or now - LISTED, enqueue)
    failed = await _failed(github, max((reached or 0) - MARGIN, now - LISTED))
    known = await held([(attempt["installation_id"], str(attempt["guid"])) for attempt in failed])
    for attempt in failed:
        if attempt["guid"] not in known:
            await _take(github, attempt, enqueue)
        await store.reach(PROGRESS, _seconds(attempt["delivered_at"]))
    await store.reach(PROGRESS, now)
    log.info("looked for what was missed")


async def _failed(github: GitHub, since: float) -> list[Mapping[str, Any]]:
    """The deliveries since then of which no attempt succeeded, one attempt of each, the oldest first.

    The filter `status=failure` leaves out those that timed out, so all are read.
    """
    attempts = []
    async for attempt in github.getiter("/app/hook/deliveries?per_page=100"):
        if _seconds(attempt["delivered_at"]) < since:
            break
        attempts.append(attempt)
    attempts.sort(key=lambda attempt: (str(attempt["guid"]), str(attempt["delivered_at"])))
    grouped = (list(same) for _, same in groupby(attempts, key=lambda attempt: attempt["guid"]))
    failed = [same[0] for same in grouped if all(one["status"] != "OK" for one in same)]
    return sorted(failed, key=lambda attempt: str(attempt["delivered_at"]))


async def _take(github: GitHub, attempt: Mapping[str, Any], enqueue: Enqueue) -> None:
    """Read what the delivery held, and store it as if it had arrived."""
    guid, event = str(attempt["guid"]), str(attempt["event"])
    whole = await github.getitem(f"/app/hook/deliveries/{attempt['id']}")
    try:
        asked = requested(event, whole["request"]["payload"])
    except MalformedPayload as error:
        log.warning("malformed delivery", delivery=guid, event_name=event, problem=str(error))
        return
    if asked is not None:
        await enqueue(guid, asked)
        recovered.labels("delivery").inc()
        log.info("missed delivery taken", delivery=guid, event_name=event, status_code=attempt["status_code"])


async def _look_at_open_pulls(github: GitHub, since: float, enqueue: Enqueue) -> None:
    """Ask for a review of every open pull request that something happened to since then, unless its head has our check run.

    What is older than the installation was never announced to us, and stays as it is.
    """
    failures: list[Exception] = []
    async for installation in github.getiter("/app/installations?per_page=100"):
        if installation["suspended_at"] is not None:
            continue
        begin = max(since, _seconds(installation["created_at"]))
        try:
            await look_at_pulls(github, installation["id"], begin, enqueue)
        except Dropped:
            continue  # it is gone since it was listed
        except Exception as error:  # noqa: BLE001 -- raised below, after the other installations
            failures.append(error)
    if failures:
        raise ExceptionGroup("not all installations could be looked at", failures)


async def look_at_pulls(github: GitHub, installation: int, since: float, enqueue: Enqueue) -> None:
    """Ask for a review of every open pull request of an installation with news since then, unless its head has our check run.

    Raises:
        Dropped: the installation is gone.
    """
    async for ref, head in _unchecked(github, installation, since):
        await enqueue(f"recovered-{ref.repository_id}-{ref.number}-{head[:12]}", ReviewRequested(ref))
        recovered.labels("pull request").inc()
        log.info("pull request without a check run", repository=ref.repository, pull_request=ref.number)


async def _unchecked(github: GitHub, installation: int, since: float) -> AsyncIterator[tuple[PullRef, str]]:
    """The open pull requests with news whose head we have not finished checking, with that head."""
    everywhere = github.installation(installation, None)
    async for repository in everywhere.getiter("/installation/repositories?per_page=100", iterable_key="repositories"):
        if repository["archived"] or not repository["open_issues_count"]:  # pull requests are counted among the issues
            continue
        name = str(repository["full_name"])
        try:
            async for pull in _news(everywhere, name, since):
                if not await _is_checked(everywhere, name, pull["head"]["sha"]):
                    yield PullRef(installation, repository["id"], name, pull["number"]), str(pull["head"]["sha"])
        except BadRequest as error:
            if error.status_code not in {403, 404}:
                raise
            log.info("repository left out", repository=name, error=str(error))


async def _news(everywhere: Installation, repository: str, since: float) -> AsyncIterator[Mapping[str, Any]]:
    latest_first = f"/repos/{repository}/pulls?state=open&sort=updated&direction=desc&per_page=100"
    async for pull in everywhere.getiter(latest_first):
        if _seconds(pull["updated_at"]) < since:
            return
        yield pull


async def _is_checked(everywhere: Installation, repository: str, head: str) -> bool:
    query = f"check_name={CHECK_NAME}&app_id={everywhere.app.id}&status=completed"
    runs = await everywhere.getitem(f"/repos/{repository}/commits/{head}/check-runs?{query}")
    return bool(runs["total_count"])


def _seconds(moment: str) -> int:
    """Seconds since the epoch."""
    return int(datetime.fromisoformat(moment).timestamp())
