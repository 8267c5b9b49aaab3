"""Jobs that ended, or that nothing is left to do for: how long they are kept, and how they go."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dbos import DBOS

from bot.events import InstallationChanged
from bot.queue import prefixes

ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

KEPT = timedelta(days=8)
"""Longer than a delivery can be sent again: 3 days, on Enterprise Server 7
(https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks)."""


async def forget_ended(departed: Iterable[int]) -> int:
    """Delete the jobs that ended long ago, and all that ended of the installations that left; how many they were."""
    jobs = await _forget(end_time=(datetime.now(UTC) - KEPT).isoformat())
    for installation in departed:
        jobs += await _forget(workflow_id_prefix=prefixes(installation))
    return jobs


async def _forget(**which: Any) -> int:
    """Delete the jobs that ended, of those that are meant; how many they were."""
    jobs = 0
    while found := await DBOS.list_workflows_async(
        status=ENDED, limit=500, load_input=False, load_output=False, **which
    ):
        await DBOS.delete_workflows_async([job.workflow_id for job in found])
        jobs += len(found)
    return jobs


async def drop_lost(change: InstallationChanged, active: bool) -> int:
    """Cancel the jobs that wait for a repository we may no longer see, and forget those that ended.

    One that runs learns of it with its next request.
    """
    waiting = await _lost(change, active, ["ENQUEUED", "DELAYED"])
    await DBOS.cancel_workflows_async(waiting)
    await DBOS.delete_workflows_async(await _lost(change, active, ENDED))
    return len(waiting)


async def _lost(change: InstallationChanged, active: bool, status: list[str]) -> list[str]:
    jobs = await DBOS.list_workflows_async(
        workflow_id_prefix=prefixes(change.installation), name=["delivery", "job"], status=status, load_output=False
    )
    return [job.workflow_id for job in jobs if job.input and _is_lost(job.input["args"][0], change, active)]


def _is_lost(about: Mapping[str, Any], change: InstallationChanged, active: bool) -> bool:
    return not active or about.get("ref", about)["repository_id"] in change.removed
