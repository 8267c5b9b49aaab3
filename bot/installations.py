"""The accounts that let us in, and what becomes of our knowledge when they do not any more.

Deliveries come late, twice and out of order. So none is believed: each only makes us ask GitHub how the installation stands.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from gidgethub import BadRequest

from bot.errors import Dropped
from bot.events import InstallationChanged
from bot.github import GitHub
from bot.recovery import MARGIN, Enqueue, look_at_pulls
from bot.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def update(change: InstallationChanged, github: GitHub, store: Store, enqueue: Enqueue) -> bool:
    """Whether we may still work for an installation. What it no longer lets us see is forgotten; what was pushed while we
    were suspended is put into the queue.

    Doing it twice changes nothing. Every process drops its tokens before its next job for the installation (`admit`).
    """
    found = await _found(github, change.installation)
    active = found is not None and found["suspended_at"] is None
    await store.change_installation(change.installation, active=active, gone=found is None)
    github.forget_installation(change.installation)
    if not active:
        await store.forget_installation(change.installation)
    for repository in change.removed:
        await store.forget_repository(repository)
    if active and (since := await store.away_since(change.installation)):
        await look_at_pulls(github, change.installation, since - MARGIN, enqueue)
        await store.caught_up(change.installation)
    return active


async def admit(installation: int, github: GitHub, store: Store) -> None:
    """Before a job: use nothing that was learned before the latest change.

    Raises:
        Dropped: the installation is suspended or gone.
    """
    changes, active = await store.installation(installation)
    github.renew(installation, changes)
    if not active:
        raise Dropped(f"installation {installation} is suspended or gone")


async def _found(github: GitHub, installation: int) -> Mapping[str, Any] | None:
    """https://docs.github.com/rest/apps/apps#get-an-installation-for-the-authenticated-app; None where it is gone."""
    try:
        found: Mapping[str, Any] = await github.getitem(f"/app/installations/{installation}")
    except BadRequest as error:
        if error.status_code == 404:
            return None
        raise
    return found
