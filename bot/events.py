"""What a delivery asks for. Reads the few fields that matter and knows no other.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from bot.errors import MalformedPayload
from bot.models import PullRef

EVENTS = frozenset({"pull_request", "check_run", "check_suite"})
PUSHED = frozenset({"opened", "reopened", "synchronize", "ready_for_review"})
"""Actions of `pull_request` after which there is a head to look at. So is `edited`, where another base was chosen."""

_Id = Annotated[int, msgspec.Meta(gt=0)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$", max_length=200)]


@dataclass(frozen=True, slots=True)
class ReviewRequested:
    """A pull request is to be looked at. Which head it has is asked when the review begins, never read here."""

    ref: PullRef


class _Number(msgspec.Struct):
    number: _Id


class _Installation(msgspec.Struct):
    id: _Id


class _Repository(msgspec.Struct):
    id: _Id
    full_name: _Name


class _Delivery(msgspec.Struct):
    installation: _Installation
    repository: _Repository


class _PullRequestDelivery(_Delivery):
    pull_request: _Number


class _Checked(msgspec.Struct):
    pull_requests: list[_Number]


class _CheckRunDelivery(_Delivery):
    check_run: _Checked


class _CheckSuiteDelivery(_Delivery):
    check_suite: _Checked


class _Changes(msgspec.Struct):
    base: object = None


class _Edited(msgspec.Struct):
    changes: _Changes


class _Action(msgspec.Struct):
    action: str = ""


def review_requested(event: str, payload: object) -> ReviewRequested | None:
    """What this delivery asks for; None where it is nothing that we act on. `event` is the header `X-GitHub-Event`.

    A check that is run again names the pull requests of its commit, none where they come from a fork; the first is taken.
    Raises MalformedPayload where a field that matters is missing or of another kind.
    """
    if event not in EVENTS:
        return None
    try:
        return _read(event, payload)
    except msgspec.ValidationError as error:
        raise MalformedPayload(f"{event}: {error}") from error


def _read(event: str, payload: object) -> ReviewRequested | None:
    action = msgspec.convert(payload, _Action).action
    if event == "pull_request":
        if action in PUSHED or (action == "edited" and msgspec.convert(payload, _Edited).changes.base is not None):
            pulled = msgspec.convert(payload, _PullRequestDelivery)
            return _of(pulled, pulled.pull_request)
        return None
    if action != "rerequested":
        return None
    if event == "check_run":
        run = msgspec.convert(payload, _CheckRunDelivery)
        return _of(run, *run.check_run.pull_requests)
    suite = msgspec.convert(payload, _CheckSuiteDelivery)
    return _of(suite, *suite.check_suite.pull_requests)


def _of(delivery: _Delivery, *pulls: _Number) -> ReviewRequested | None:
    if not pulls:
        return None
    repository = delivery.repository
    return ReviewRequested(PullRef(delivery.installation.id, repository.id, repository.full_name, pulls[0].number))
