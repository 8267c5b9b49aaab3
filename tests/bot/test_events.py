"""What a delivery asks for, and what happens to one that makes no sense."""

import copy
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands import Command
from bot.errors import MalformedPayload
from bot.events import RERUN, UNMUTE, Asked, InstallationChanged, ReviewRequested, requested
from bot.models import PullRef

from .examples import examples

ASKED = ReviewRequested(PullRef(installation=5, repository_id=7, repository="octo/demo", number=3))


def payload(action: str, **more: Any) -> dict[str, Any]:
    """A payload as GitHub sends it, without the hundred fields that nobody reads."""
    return {
        "action": action,
        "installation": {"id": 5, "node_id": "MDIz"},
        "repository": {"id": 7, "full_name": "octo/demo", "private": True},
        "pull_request": {"number": 3, "head": {"sha": "c0ffee"}},
        **more,
    }


@pytest.mark.parametrize("action", ["opened", "reopened", "synchronize", "ready_for_review"])
def test_a_head_to_look_at(action: str) -> None:
    """Whatever brings a new head, or a head that is now to be read, asks for a review."""
    assert requested("pull_request", payload(action)) == ASKED


def test_another_base() -> None:
    """A pull request that is edited asks for a review where it got another base."""
    base = {"base": {"ref": {"from": "main"}, "sha": {"from": "c0ffee"}}}

    assert requested("pull_request", payload("edited", changes=base)) == ASKED


def test_another_title() -> None:
    """A new title changes nothing that we read."""
    assert requested("pull_request", payload("edited", changes={"title": {"from": "WIP"}})) is None


PERSON = {"login": "ann", "id": 4, "type": "User"}


def asked(*commands: Command, comment: int | None = None, thread: int | None = None, at: str = "") -> Asked:
    return Asked(ASKED.ref, "ann", 4, commands, comment, thread, at)


@pytest.mark.parametrize("check", ["check_run", "check_suite"])
def test_a_check_that_is_run_again(check: str) -> None:
    """The button on the check asks for the review once more, of the pull request that it stands on."""
    again = payload("rerequested", sender=PERSON, **{check: {"id": 1, "pull_requests": [{"id": 9, "number": 3}]}})

    assert requested(check, again) == asked(RERUN)


def test_a_check_on_a_fork() -> None:
    """GitHub names no pull request where the commit comes from a fork; what we left in the check run does."""
    run = {"pull_requests": [], "external_id": "3:abcdef"}

    assert requested("check_run", payload("rerequested", sender=PERSON, check_run=run)) == asked(RERUN)
    run["external_id"] = "of somebody else"
    assert requested("check_run", payload("rerequested", sender=PERSON, check_run=run)) is None
    run["head_sha"] = "c0ffee"
    ref = PullRef(installation=5, repository_id=7, repository="octo/demo", number=0)
    wanted = Asked(ref, "ann", 4, (RERUN,), head="c0ffee")
    assert requested("check_run", payload("rerequested", sender=PERSON, check_run=run)) == wanted


def test_all_checks_of_a_fork() -> None:
    """A suite has nothing of ours that names the pull request: its head is kept, by which it can be found."""
    suite = {"pull_requests": [], "head_sha": "c0ffee"}
    ref = PullRef(installation=5, repository_id=7, repository="octo/demo", number=0)

    again = payload("rerequested", sender=PERSON, check_suite=suite)
    assert requested("check_suite", again) == Asked(ref, "ann", 4, (RERUN,), head="c0ffee")
    suite["head_sha"] = "../../orgs"
    with pytest.raises(MalformedPayload):
        requested("check_suite", payload("rerequested", sender=PERSON, check_suite=suite))


def test_a_thread_that_was_resolved_or_opened_again() -> None:
    """A person resolved it: the check run goes along. A person opened it again: they want to hear of it. What we do is nothing new."""
    thread = {"node_id": "PRRT_1", "comments": [{"id": 9}, {"id": 10}]}
    for sender in (PERSON, {"login": "asyncify[bot]", "id": 5, "type": "Bot"}):
        resolved = payload("resolved", thread=thread, sender=sender)
        unresolved = payload("unresolved", thread=thread, sender=sender)
        ours = sender is not PERSON
        assert requested("pull_request_review_thread", resolved) == (None if ours else ASKED)
        assert requested("pull_request_review_thread", unresolved) == (None if ours else asked(UNMUTE, thread=9))


@pytest.mark.parametrize(
    ("identifier", "command"), [("fix-all", Command("fix", ("all",))), ("rerun", RERUN), ("unknown", None)]
)
def test_a_button(identifier: str, command: Command | None) -> None:
    """The buttons of our check run ask for the same as the commands do."""
    pressed = payload(
        "requested_action",
        sender=PERSON,
        requested_action={"identifier": identifier},
        check_run={"pull_requests": [], "external_id": "3:abc"},
    )

    assert requested("check_run", pressed) == (asked(command) if command else None)


def comment(body: str | None, **more: Any) -> dict[str, Any]:
    return {"id": 11, "body": body, "user": PERSON, "created_at": "2026-11-22T10:00:00Z", **more}


def on_pull(said: dict[str, Any], action: str = "created") -> dict[str, Any]:
    return payload(action, issue={"number": 3, "pull_request": {"url": "https://api.github.com/"}}, comment=said)


def test_a_command_in_the_conversation() -> None:
    """A new comment with a command asks for what the command says."""
    wanted = asked(Command("help"), comment=11, at="2026-11-22T10:00:00Z")

    assert requested("issue_comment", on_pull(comment("/asyncify help"))) == wanted


def test_a_command_in_a_thread() -> None:
    """So does an answer in a thread, which is known by its first comment."""
    reply = payload("created", comment=comment("/asyncify fix", in_reply_to_id=9))

    assert requested("pull_request_review_comment", reply) == asked(
        Command("fix"), comment=11, thread=9, at="2026-11-22T10:00:00Z"
    )


@pytest.mark.parametrize(
    "delivery",
    [
        on_pull(comment("Nice.")),
        on_pull(comment(None)),
        on_pull(comment("/asyncify help"), "edited"),
        on_pull(comment("/asyncify help"), "deleted"),
        on_pull(comment("/asyncify help", user={"login": "renovate[bot]", "id": 5, "type": "Bot"})),
        on_pull(comment("/asyncify help", user={"login": "asyncify[bot]", "id": 6, "type": "User"})),
        on_pull(comment("/asyncify help", user=None)),
        payload("created", issue={"number": 3}, comment=comment("/asyncify help")),
    ],
)
def test_comments_that_ask_for_nothing(delivery: dict[str, Any]) -> None:
    """No command, an edit, a bot, a ghost, or a plain issue."""
    assert requested("issue_comment", delivery) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "11"),
        ("body", 7),
        ("user", {"login": "a/../b", "id": 4}),
        ("created_at", None),
        ("user", {"login": "ann"}),
    ],
)
def test_a_comment_that_is_not_what_it_should_be(field: str, value: object) -> None:
    """It is refused by name, not guessed."""
    with pytest.raises(MalformedPayload):
        requested("issue_comment", on_pull(comment("/asyncify help") | {field: value}))


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("pull_request", "closed"),
        ("pull_request", "labeled"),
        ("pull_request", "a_thing_of_the_future"),
        ("check_run", "created"),
        ("check_suite", "completed"),
        ("issue_comment", "edited"),
        ("pull_request_review_comment", "deleted"),
        ("installation", "created"),
        ("installation", ""),
        ("installation", "a_thing_of_the_future"),
        ("a_thing_of_the_future", "opened"),
        ("ping", ""),
    ],
)
def test_what_is_nothing_to_us(event: str, action: str) -> None:
    """What we do not act on is no error, whatever it holds."""
    assert requested(event, {"action": action}) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("installation",), None),
        (("installation", "id"), "5"),
        (("installation", "id"), True),
        (("installation", "id"), -1),
        (("repository", "id"), 7.5),
        (("repository", "full_name"), "octo"),
        (("repository", "full_name"), "octo/../../demo"),
        (("repository", "full_name"), "octo/demo?x=y"),
        (("pull_request",), []),
        (("pull_request", "number"), 0),
        (("pull_request", "number"), None),
    ],
)
def test_a_field_that_is_not_what_it_should_be(path: tuple[str, ...], value: object) -> None:
    """It is refused by name, not guessed."""
    wrong = copy.deepcopy(payload("opened"))
    holder = wrong
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value

    with pytest.raises(MalformedPayload, match=path[-1]):
        requested("pull_request", wrong)


@pytest.mark.parametrize("name", ["installation", "repository", "pull_request"])
def test_a_field_that_is_missing(name: str) -> None:
    """So is what should be there."""
    wrong = payload("opened")
    del wrong[name]

    with pytest.raises(MalformedPayload, match=name):
        requested("pull_request", wrong)


@pytest.mark.parametrize("action", ["deleted", "suspend", "unsuspend", "new_permissions_accepted"])
def test_an_installation_that_changed(action: str) -> None:
    """How it stands is asked later: deliveries come out of order."""
    assert requested("installation", {"action": action, "installation": {"id": 5}}) == InstallationChanged(5)


@pytest.mark.parametrize("removed", [[], [7, 8]])
def test_the_repositories_of_an_installation(removed: list[int]) -> None:
    """Those that it lost are named."""
    told = {"installation": {"id": 5}, "repositories_removed": [{"id": one, "name": "demo"} for one in removed]}

    assert requested("installation_repositories", {"action": "removed", **told}) == InstallationChanged(
        5, tuple(removed)
    )


@pytest.mark.parametrize(
    ("name", "ref", "counts"),
    [
        (".github", "refs/heads/trunk", True),
        (".github", "refs/heads/topic", False),
        (".github", "refs/tags/trunk", False),
        ("demo", "refs/heads/trunk", False),
    ],
)
def test_a_push(name: str, ref: str, counts: bool) -> None:
    """Only what an organisation's repositories share is remembered, so only a push there makes anything out of date."""
    pushed = {"ref": ref, "installation": {"id": 5}, "repository": {"id": 7, "name": name, "default_branch": "trunk"}}

    assert requested("push", pushed) == (InstallationChanged(5) if counts else None)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*payload("x"), "check_run", "id", "x"]), inner),
)


@given(
    event=st.sampled_from(
        ["pull_request", "pull_request_review_thread", "check_run", "check_suite", "push", "installation"]
    ),
    garbage=json,
)
@example(event="installation", garbage={"installation": {"id": 1}})
def test_garbage(event: str, garbage: object) -> None:
    """Any JSON whatever is understood, ignored or refused, and nothing else happens."""
    with suppress(MalformedPayload):
        assert requested(event, garbage) is None


@given(garbage=json)
def test_garbage_within_a_payload(garbage: object) -> None:
    """So is a payload that goes wrong only further in."""
    with suppress(MalformedPayload):
        requested("check_run", payload("rerequested", check_run=garbage))


def read(event: str, payload: dict[str, Any]) -> str:
    """What a payload asks for, by name; those of public examples often come from no App."""
    return type(requested(event, {"installation": {"id": 1}, **payload})).__name__


def test_what_the_examples_ask_for() -> None:
    """Of GitHub's public examples those that concern us are read, each as what it is, and all others are nothing to us."""
    asked = Counter((event, payload.get("action"), read(event, payload)) for event, payload in examples())
    assert {one: number for one, number in asked.items() if one[2] != "NoneType"} == {
        ("check_run", "rerequested", "Asked"): 2,
        ("pull_request", "opened", "ReviewRequested"): 4,
        ("pull_request", "ready_for_review", "ReviewRequested"): 3,
        ("pull_request", "reopened", "ReviewRequested"): 2,
        ("pull_request", "synchronize", "ReviewRequested"): 1,
        ("pull_request_review_thread", "resolved", "ReviewRequested"): 2,
        ("pull_request_review_thread", "unresolved", "Asked"): 1,
        ("installation", "deleted", "InstallationChanged"): 2,
        ("installation", "new_permissions_accepted", "InstallationChanged"): 1,
        ("installation", "suspend", "InstallationChanged"): 1,
        ("installation", "unsuspend", "InstallationChanged"): 1,
        ("installation_repositories", "added", "InstallationChanged"): 2,
        ("installation_repositories", "removed", "InstallationChanged"): 1,
    }


def test_examples_with_a_command() -> None:
    """Every public example of a new comment asks for something once it stands in a pull request, is a person's, and holds a command."""
    kinds = []
    for event, payload in examples():
        if payload.get("action") == "created" and event in {"issue_comment", "pull_request_review_comment"}:
            payload["comment"] |= {"body": "/asyncify help", "user": payload["comment"]["user"] | {"type": "User"}}
            if event == "issue_comment":
                payload["issue"]["pull_request"] = {"url": "https://api.github.com/"}
            kinds.append(read(event, payload))
    assert kinds == ["Asked"] * 8
