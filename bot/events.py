"""What a delivery asks for. Reads the few fields that matter and knows no other.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from bot.errors import MalformedPayload
from bot.models import PullRef

EVENTS = frozenset({"pull_request", "check_run", "check_suite", "push"})
ALWAYS_SENT = frozenset({"installation", "installation_repositories"})
"""Events that every App gets without asking: https://docs.github.com/webhooks/webhook-events-and-payloads#installation"""
PUSHED = frozenset({"opened", "reopened", "synchronize", "ready_for_review"})
"""Actions of `pull_request` after which there is a head to look at. So is `edited`, where another base was chosen."""

SHARED_REPOSITORY = ".github"
"""The repository of an organisation that holds what all of its repositories share."""

_Id = Annotated[int, msgspec.Meta(gt=0)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$", max_length=200)]


@dataclass(frozen=True, slots=True)
class ReviewRequested:
    """A pull request is to be looked at. Which head it has is asked when the review begins, never read here."""

    ref: PullRef


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """Something about an installation is not as it was. How it stands now is asked later, never read here.

    `removed` are the ids of the repositories that it lost.
    """

    installation: int
    removed: tuple[int, ...] = ()


Requested = ReviewRequested | InstallationChanged


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


class _RepositoryId(msgspec.Struct):
    id: _Id


class _InstallationDelivery(msgspec.Struct):
    installation: _Installation
    repositories_removed: list[_RepositoryId] = []


class _PushedRepository(msgspec.Struct):
    name: str
    default_branch: str


class _PushDelivery(msgspec.Struct):
    ref: str
    repository: _PushedRepository


class _Changes(msgspec.Struct):
    base: object = None


class _Edited(msgspec.Struct):
    changes: _Changes


class _Action(msgspec.Struct):
    action: str = ""


_ABOUT_INSTALLATIONS = ALWAYS_SENT | {"push"}


def requested(event: str, payload: object) -> Requested | None:
    """What this delivery asks for; None where it is nothing that we act on. `event` is the header `X-GitHub-Event`.

    A check that is run again names the pull requests of its commit, none where they come from a fork; the first is taken.
    Raises MalformedPayload where a field that matters is missing or of another kind.
    """
    if event not in EVENTS | ALWAYS_SENT:
        return None
    try:
        return _review(event, payload) if event not in _ABOUT_INSTALLATIONS else _installation(event, payload)
    except msgspec.ValidationError as error:
        raise MalformedPayload(f"{event}: {error}") from error


def _installation(event: str, payload: object) -> InstallationChanged | None:
    """A push counts where it may have changed what an organisation's repositories share."""
    if event == "push":
        pushed = msgspec.convert(payload, _PushDelivery)
        branch = f"refs/heads/{pushed.repository.default_branch}"
        if (pushed.repository.name, pushed.ref) != (SHARED_REPOSITORY, branch):
            return None
    elif (event, msgspec.convert(payload, _Action).action) == ("installation", "created"):
        return None  # nothing is known of it yet, and a guest does not knock on every door
    changed = msgspec.convert(payload, _InstallationDelivery)
    return InstallationChanged(changed.installation.id, tuple(one.id for one in changed.repositories_removed))


def _review(event: str, payload: object) -> ReviewRequested | None:
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
