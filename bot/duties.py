"""What a worker does, as whoever wires it says: reviews, commands, and what goes with them."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import Dropped
from bot.events import InstallationChanged
from bot.lanes import Job
from bot.models import PullRef

Review = Callable[[PullRef, str], Awaitable[object]]
"""Does the work for a pull request on behalf of a delivery, given by its id. May raise RetryLater and Dropped."""

Command = Callable[[PullRef, str, Mapping[str, Any]], Awaitable[object]]
"""The same for a command, which is whatever JSON `Deliveries.enqueue_command` was given."""

Update = Callable[[InstallationChanged], Coroutine[Any, Any, bool]]
"""Brings what is known of an installation up to date; whether we may still work for it."""


async def _refuse_command(_ref: PullRef, _delivery: str, _command: Mapping[str, Any]) -> None:
    raise Dropped("nobody does commands here")


async def _keep_installation(_change: InstallationChanged) -> bool:
    return True


async def _tell_nobody(_job: Job, _reason: str) -> None:
    pass


async def _see_nothing(_job: Job) -> None:
    pass


async def _recover_nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Duties:
    """What a worker does: `acknowledge` tells people that their command waits for its turn, `give_up` that a job is parked;
    `recover` looks for what was never delivered.
    """

    review: Review
    command: Command = _refuse_command
    update: Update = _keep_installation
    give_up: Callable[[Job, str], Awaitable[None]] = _tell_nobody
    recover: Callable[[], Awaitable[None]] = _recover_nothing
    acknowledge: Callable[[Job], Awaitable[None]] = _see_nothing
