"""What a delivery asks for. Reads the few fields that matter and knows no other.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from bot.commands import Command, read_commands
from bot.errors import MalformedPayload
from bot.models import PullRef

EVENTS = frozenset(
    {"pull_request", "issue_comment", "pull_request_review_comment", "pull_request_review_thread"}
    | {"check_run", "check_suite", "push"}
)
ALWAYS_SENT = frozenset({"installation", "installation_repositories"})
"""Events that every App gets without asking: https://docs.github.com/webhooks/webhook-events-and-payloads#installation"""
CHANGING = frozenset({"deleted", "suspend", "unsuspend", "new_permissions_accepted", "added", "removed"})
"""Actions of those events after which an installation is another. Of one that is `created` nothing is known yet, and a guest does
not knock on every door."""
PUSHED = frozenset({"opened", "reopened", "synchronize", "ready_for_review"})
"""Actions of `pull_request` after which there is a head to look at. So is `edited`, where another base was chosen."""

SHARED_REPOSITORY = ".github"
"""The repository of an organisation that holds what all of its repositories share."""

RERUN = Command("rerun")
"""What `Re-run` asks for: the automatic review once more. Nobody can write it into a comment."""
UNMUTE = Command("unmute")
"""What somebody asks for who opens a thread again that was resolved: to hear of it again."""
BUTTONS = {"fix-all": Command("fix", ("all",)), "rerun": RERUN}
"""What the buttons of our check run ask for, by their identifier."""

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


@dataclass(frozen=True, slots=True)
class Asked:
    """A person asks for something, in a comment or with a button of our check run.

    `by` is their login and `by_id` their number. `comment` is the comment's id (None: a button), `at` the time at which it
    was written, as GitHub gives it. Where it stands in a thread of a review, `thread` is the id of that thread's first comment.
    Where GitHub does not say which pull request is meant, the number in `ref` is 0 and `head` is the commit.
    """

    ref: PullRef
    by: str
    by_id: int
    commands: tuple[Command, ...]
    comment: int | None = None
    thread: int | None = None
    at: str = ""
    head: str = ""


Requested = ReviewRequested | InstallationChanged | Asked


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


class _Account(msgspec.Struct):
    login: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.\[\]-]+$", max_length=100)]
    id: _Id
    type: str = "User"


class _Comment(msgspec.Struct):
    id: _Id
    body: str | None
    user: _Account | None
    created_at: Annotated[str, msgspec.Meta(max_length=40)]
    in_reply_to_id: _Id | None = None


class _Issue(_Number):
    pull_request: object = None


class _IssueCommentDelivery(_Delivery):
    issue: _Issue
    comment: _Comment


class _ReviewCommentDelivery(_PullRequestDelivery):
    comment: _Comment


class _Checked(msgspec.Struct):
    pull_requests: list[_Number]
    head_sha: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]*$", max_length=64)] = ""
    external_id: str | None = None


class _Button(msgspec.Struct):
    identifier: str


class _Pressed(_Delivery):
    sender: _Account


class _ButtonPressed(_Pressed):
    requested_action: _Button


class _CheckRunDelivery(_Pressed):
    check_run: _Checked


class _CheckSuiteDelivery(_Pressed):
    check_suite: _Checked


class _RepositoryId(msgspec.Struct):
    id: _Id


class _Thread(msgspec.Struct):
    comments: list[_RepositoryId]


class _ThreadDelivery(_PullRequestDelivery):
    thread: _Thread
    sender: _Account


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

    A comment asks for something when it is new, written by a person, and holds a command; edits and deletions do not count.
    Raises MalformedPayload where a field that matters is missing or of another kind.
    """
    if event not in EVENTS | ALWAYS_SENT:
        return None
    try:
        return _read(event, payload) if event not in _ABOUT_INSTALLATIONS else _installation(event, payload)
    except msgspec.ValidationError as error:
        raise MalformedPayload(f"{event}: {error}") from error


def _installation(event: str, payload: object) -> InstallationChanged | None:
    """A push counts where it may have changed what an organisation's repositories share."""
    if event == "push":
        pushed = msgspec.convert(payload, _PushDelivery)
        branch = f"refs/heads/{pushed.repository.default_branch}"
        if (pushed.repository.name, pushed.ref) != (SHARED_REPOSITORY, branch):
            return None
    elif msgspec.convert(payload, _Action).action not in CHANGING:
        return None
    changed = msgspec.convert(payload, _InstallationDelivery)
    return InstallationChanged(changed.installation.id, tuple(one.id for one in changed.repositories_removed))


def _read(event: str, payload: object) -> ReviewRequested | Asked | None:
    action = msgspec.convert(payload, _Action).action
    match event, action:
        case "pull_request", _:
            return _pushed(action, payload)
        case "issue_comment", "created":
            return _said_in_conversation(payload)
        case "pull_request_review_comment", "created":
            return _said_in_thread(payload)
        case "pull_request_review_thread", "resolved" | "unresolved":
            return _settled(action, payload)
        case "check_run", "requested_action":
            pressed = msgspec.convert(payload, _ButtonPressed)
            command = BUTTONS.get(pressed.requested_action.identifier)
            return _asked_of_check(payload, command) if command else None
        case "check_run", "rerequested":
            return _asked_of_check(payload, RERUN)
        case "check_suite", "rerequested":
            suite = msgspec.convert(payload, _CheckSuiteDelivery)
            return _pressed(suite, suite.check_suite, RERUN)
    return None


def _pushed(action: str, payload: object) -> ReviewRequested | None:
    if action in PUSHED or (action == "edited" and msgspec.convert(payload, _Edited).changes.base is not None):
        pulled = msgspec.convert(payload, _PullRequestDelivery)
        return ReviewRequested(_ref(pulled, pulled.pull_request.number))
    return None


def _said_in_conversation(payload: object) -> Asked | None:
    said = msgspec.convert(payload, _IssueCommentDelivery)
    return _asked(said, said.issue.number, said.comment, None) if said.issue.pull_request else None


def _said_in_thread(payload: object) -> Asked | None:
    said = msgspec.convert(payload, _ReviewCommentDelivery)
    first = said.comment.in_reply_to_id or said.comment.id
    return _asked(said, said.pull_request.number, said.comment, first)


def _settled(action: str, payload: object) -> ReviewRequested | Asked | None:
    """A person resolved a thread, which the check run goes along with; or opened it again, and wants to hear of it."""
    told = msgspec.convert(payload, _ThreadDelivery)
    ref, by = _ref(told, told.pull_request.number), told.sender
    if _is_bot(by) or not told.thread.comments:
        return None
    if action == "resolved":
        return ReviewRequested(ref)
    return Asked(ref, by.login, by.id, (UNMUTE,), thread=told.thread.comments[0].id)


def _asked(delivery: _Delivery, number: int, comment: _Comment, thread: int | None) -> Asked | None:
    user = comment.user
    if user is None or _is_bot(user):
        return None
    commands = read_commands(comment.body or "")
    if not commands:
        return None
    return Asked(_ref(delivery, number), user.login, user.id, commands, comment.id, thread, comment.created_at)


def _asked_of_check(payload: object, command: Command) -> Asked | None:
    run = msgspec.convert(payload, _CheckRunDelivery)
    return _pressed(run, run.check_run, command)


def _pressed(delivery: _Pressed, checked: _Checked, command: Command) -> Asked | None:
    """GitHub names no pull request where the commit comes from a fork; the `external_id` of our check run does.

    A suite has none, nor has a run that we did not complete: of those there is only the head.
    """
    head = checked.head_sha
    name = (checked.external_id or "").partition(":")[0]
    numbers = [int(name)] if name.isdecimal() and name.isascii() else []
    numbers += [pull.number for pull in checked.pull_requests]
    if not (numbers or head) or _is_bot(delivery.sender):
        return None
    number = numbers[0] if numbers else 0
    by = delivery.sender
    return Asked(_ref(delivery, number), by.login, by.id, (command,), head="" if numbers else head)


def _is_bot(user: _Account) -> bool:
    return user.type != "User" or user.login.endswith("[bot]")


def _ref(delivery: _Delivery, number: int) -> PullRef:
    repository = delivery.repository
    return PullRef(delivery.installation.id, repository.id, repository.full_name, number)
