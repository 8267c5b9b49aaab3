"""Commands and buttons through the real process: from a signed delivery to the commit that stands on GitHub."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from bot.models import COMMAND_TRAILER

from .examples import examples
from .fake_github import FakeGitHub, IssueComment, PullRequest, ReviewComment, webhooks
from .fake_github.faults import Fault
from .reviewing import BLOCKING, MAIN
from .service import Service, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

MENDED = BLOCKING.replace("import time", "import asyncio").replace("time.sleep", "await asyncio.sleep")
CONFIG = ".github/asyncify.toml"
numbers = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service() -> AsyncIterator[Service]:
    """A bot at work, that must log no error and ask nothing that GitHub would not understand."""
    async with FakeGitHub() as github, serving(github) as service:
        yield service
        assert github.refusals == []
        assert service.errors() == []


async def reviewed(service: Service, *, fork: bool = False) -> PullRequest:
    """A pull request with one comment, in a repository of its own; `ann` may write there."""
    number = next(numbers)
    shop = service.github.repository(f"guild-{number}/shop-{number}", {"app.py": MAIN})
    shop.collaborators["ann"] = "write"
    pull = shop.open_pull({"app.py": BLOCKING}, author="eve" if fork else "ann", fork=fork)
    assert await service.told(pull) == "reviewed"
    return pull


async def asked(service: Service, said: IssueComment | ReviewComment, delivery: str = "") -> str:
    """Tell it of a new comment, and wait. Returns the reaction that came of it."""
    event = "pull_request_review_comment" if isinstance(said, ReviewComment) else "issue_comment"
    sent = await service.send(event, service.github.webhook(event, "created", said), delivery)
    return str((await service.ended(sent, "done"))["outcome"])


def text(pull: PullRequest) -> str:
    return pull.head_repository.read("app.py", pull.head).decode()


async def test_fix_and_what_follows(service: Service) -> None:
    """A command commits; the push that GitHub tells of resolves the thread and says nothing; the same delivery is nothing new."""
    pull = await reviewed(service)
    said = pull.threads[0].first.reply("/asyncify fix", "ann")
    assert await asked(service, said, "the-very-same") == "rocket"
    assert text(pull) == MENDED
    head = pull.head
    assert await service.told(pull, "synchronize") == "checked"
    assert pull.threads[0].resolved
    assert pull.check_runs[-1].conclusion == "success"
    await service.send(
        "pull_request_review_comment",
        service.github.webhook("pull_request_review_comment", "created", said),
        "the-very-same",
    )
    assert await asked(service, said) == "rocket"
    assert pull.head == head
    assert [one.content for one in said.reactions] == ["eyes", "rocket"]
    assert len(pull.threads[0].comments) == 2
    assert not pull.issue_comments


async def test_buttons(service: Service) -> None:
    """`Fix all` commits for who may write, and tells others why not; `Re-run` says nothing twice."""
    pull = await reviewed(service)
    (run,) = pull.check_runs
    assert [one["identifier"] for one in run.actions] == ["fix-all", "rerun"]
    for sender, wanted in (("bob", BLOCKING), ("ann", MENDED)):
        payload = service.github.webhook("check_run", "requested_action", run, sender=sender)
        sent = await service.send("check_run", payload | {"requested_action": {"identifier": "fix-all"}})
        await service.ended(sent, "done")
        assert text(pull) == wanted
    assert "write access" in pull.issue_comments[0].body
    again = await service.send("check_run", service.github.webhook("check_run", "rerequested", run, sender="ann"))
    assert (await service.ended(again, "done"))["outcome"] == "+1"
    assert len(pull.comments) == 1


async def test_fork(service: Service) -> None:
    """On a fork a check run names its pull request, and `fix` answers with the patch."""
    pull = await reviewed(service, fork=True)
    assert await asked(service, pull.comment("/asyncify fix", "eve")) == "confused"
    assert "as a batch" in pull.issue_comments[-1].body
    assert text(pull) == BLOCKING
    (run,) = pull.check_runs
    assert [one["identifier"] for one in run.actions] == ["rerun"]  # a button that commits would be none
    pressed = service.github.webhook("check_run", "requested_action", run, sender="eve")
    assert pressed["check_run"]["pull_requests"] == []
    sent = await service.send("check_run", pressed | {"requested_action": {"identifier": "fix-all"}})
    assert (await service.ended(sent, "done"))["outcome"] == "confused"
    assert "as a batch" in pull.issue_comments[-1].body
    assert len(pull.issue_comments) == 3
    again = service.github.webhook("check_run", "rerequested", pull.check_runs[0], sender="eve")
    assert again["check_run"]["pull_requests"] == []
    assert (await service.ended(await service.send("check_run", again), "done"))["outcome"] == "+1"


async def test_all_checks_of_a_fork(service: Service) -> None:
    """Where all checks of a fork are run again GitHub names no pull request; ours is found, and its check run completed anew."""
    pull = await reviewed(service, fork=True)
    (run,) = pull.check_runs
    again = service.github.webhook("check_suite", "rerequested", run, sender="eve")
    assert again["check_suite"]["pull_requests"] == []
    service.github.webhook("check_run", "rerequested", run)  # the suite is put back
    before = len(run.history)
    sent = await service.send("check_suite", again)
    assert (await service.ended(sent, "done"))["outcome"] == "handed on"
    assert (await service.ended(f"{sent}-found", "done"))["outcome"] == "+1"
    assert len(run.history) == before + 1
    assert len(pull.comments) == 1


async def test_checks_of_a_fork_that_was_never_looked_at(service: Service) -> None:
    """Where we left nothing on its head that names it, the pull request is found among those that are open; one that moved on is not."""
    number = next(numbers)
    shop = service.github.repository(
        f"guild-{number}/shop-{number}", {"app.py": MAIN, CONFIG: "enabled = false\n", "other.py": "import os\n"}
    )
    before = shop.open_pull({"other.py": BLOCKING}, author="zoe", fork=True)
    pull = shop.open_pull({"app.py": BLOCKING}, author="eve", fork=True)
    assert await service.told(pull) == "silent"
    shop.commit({CONFIG: "enabled = true\n"})
    suite = webhooks.check_suite(shop, pull.head, "rerequested", "eve")
    run: dict[str, object] = {"head_sha": before.head, "external_id": None, "pull_requests": []}
    other = {key: told for key, told in suite.items() if key != "check_suite"} | {"check_run": run}
    for event, payload, found in (
        ("check_suite", suite, pull),
        ("check_run", other | {"sender": sender("zoe")}, before),
    ):
        sent = await service.send(event, payload)
        assert (await service.ended(sent, "done"))["outcome"] == "handed on"
        assert (await service.ended(f"{sent}-found", "done"))["outcome"] == "rocket"
        assert [review.commit_id for review in found.reviews] == [found.head]
        assert [run.conclusion for run in found.check_runs] == ["neutral"]
    gone = webhooks.check_suite(shop, shop.head, "rerequested", "eve")
    assert (await service.ended(await service.send("check_suite", gone), "done"))["outcome"] == "of no pull request"


def sender(login: str) -> dict[str, object]:
    return {"login": login, "id": 4, "type": "User"}


async def test_threads(service: Service) -> None:
    """Who resolves a thread sees it in the check run at once; what was opened again counts from the next push on."""
    pull = await reviewed(service)
    (thread,) = pull.threads
    for resolved, action, conclusion in ((True, "resolved", "success"), (False, "unresolved", "neutral")):
        thread.resolved_by = service.github.account("ann") if resolved else None
        sent = await service.send(
            "pull_request_review_thread", service.github.webhook("pull_request_review_thread", action, thread)
        )
        await service.ended(sent, "done")
        if not resolved:
            assert await service.told(pull, "synchronize") == "checked"
        assert (pull.check_runs[0].conclusion, thread.resolved) == (conclusion, resolved)
    assert len(pull.comments) == 1


async def test_a_thread_that_we_resolved(service: Service) -> None:
    """Who opens it again, of which GitHub tells or not, sees it stay open."""
    told, untold = [await reviewed(service) for _ in range(2)]
    for pull in (told, untold):
        pull.push({"app.py": MAIN})
        assert await service.told(pull, "synchronize") == "checked"
        assert pull.threads[0].resolved
        pull.threads[0].resolved_by = None
    event = "pull_request_review_thread"
    sent = await service.send(event, service.github.webhook(event, "unresolved", told.threads[0]))
    assert (await service.ended(sent, "done"))["outcome"] == "+1"
    for pull in (told, untold):
        pull.push({"other.py": "import os\n"})
        assert await service.told(pull, "synchronize") == "checked"
        assert not pull.threads[0].resolved


async def test_eyes_while_a_review_runs(service: Service) -> None:
    """A command that has to wait for a review of its pull request is seen to have been read at once."""
    pull = await reviewed(service)
    pull.push({"other.py": "import os\n"})
    service.github.faults.add(Fault(f"GET /repos/{pull.repository.full_name}/git/trees/*", delay=4))
    running = await service.deliver(pull, "synchronize")
    async with asyncio.timeout(20):
        while not any("/git/trees/" in call.path and not call.ended for call in service.github.calls):  # noqa: ASYNC110 -- the fake has no event for it
            await asyncio.sleep(0.02)
    said = pull.comment("/asyncify help", "bob")
    sent = await service.send("issue_comment", service.github.webhook("issue_comment", "created", said))
    async with asyncio.timeout(3):
        while not said.reactions:  # noqa: ASYNC110 -- the fake has no event for it
            await asyncio.sleep(0.02)
    assert not service.endings(running)
    assert [one.content for one in said.reactions] == ["eyes"]
    await service.ended(sent, "done")
    assert [one.content for one in said.reactions] == ["eyes", "+1"]
    assert sum(one.by_app for one in pull.issue_comments) == 1


async def test_pause(service: Service) -> None:
    """What is paused survives in the database; a push gets a check run that says so."""
    pull = await reviewed(service)
    assert await asked(service, pull.comment("/asyncify pause", "ann")) == "rocket"
    pull.push({"app.py": BLOCKING.replace("index()", 'index(name: str = "")')})
    assert await service.told(pull, "synchronize") == "paused"
    assert pull.check_runs[0].title == "Paused"
    assert await asked(service, pull.comment("/asyncify resume", "ann")) == "rocket"
    assert len(pull.comments) == 2


async def test_killed_while_it_commits() -> None:
    """A process that dies between the commit and its answer has made one commit when the next one is done."""
    async with FakeGitHub() as github, serving(github) as service:
        pull = await reviewed(service)
        github.faults.add(Fault("POST /graphql", after=True, delay=30, containing="createCommitOnBranch"))
        before = len(list(pull.repository.objects.ancestors(pull.head)))
        said = pull.comment("/asyncify fix", "ann")
        sent = await service.send("issue_comment", github.webhook("issue_comment", "created", said))
        async with asyncio.timeout(60):
            while text(pull) != MENDED:  # noqa: ASYNC110 -- the fake has no event for it
                await asyncio.sleep(0.05)
        await service.kill()
        await service.start()
        assert (await service.ended(sent, "done"))["outcome"] == "rocket"
        assert len(list(pull.repository.objects.ancestors(pull.head))) == before + 1
        assert f"{COMMAND_TRAILER}{said.id}" in pull.repository.commit_at(pull.head).message
        assert github.refusals == []


async def test_all_example_payloads(service: Service) -> None:
    """Whatever GitHub's public examples hold, signed, is taken or ignored: never a 4xx, never a 5xx."""
    statuses: dict[int, int] = {}
    for event, payload in examples():
        installed = payload if event in {"ping", "marketplace_purchase"} else {"installation": {"id": 1}, **payload}
        status = await service.github.deliver(event, installed, url=f"{service.address}/webhook")
        statuses[status] = statuses.get(status, 0) + 1
        assert status in {200, 202}, (event, payload.get("action"))
    assert sum(statuses.values()) == 329
    assert statuses[200] == 4
