"""Who lets the bot in, and what it forgets when they do not any more: the real process against the fake GitHub."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from .fake_github import FakeGitHub, PullRequest, Repository
from .fake_github.tokens import Installation
from .service import Service, serving
from .test_straight_line import BLOCKING, MAIN, check_run, says_nothing

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIG = ".github/asyncify.toml"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service() -> AsyncIterator[Service]:
    async with FakeGitHub() as github, serving(github) as service:
        yield service
        assert github.refusals == []
        assert service.errors() == []


def installation_of(repository: Repository) -> Installation:
    found = repository.github.installation_of(repository)
    assert found is not None
    return found


def rows(service: Service, table: str, column: str, value: int) -> int:
    """How many rows of our own table are about something."""
    with closing(sqlite3.connect(service.database)) as database:
        counted = database.execute(f"SELECT count(*) FROM asyncify_{table} WHERE {column} = ?", (value,))
        return int(counted.fetchone()[0])


def mints(service: Service, installation: Installation) -> int:
    return sum(call.path == f"/app/installations/{installation.id}/access_tokens" for call in service.github.calls)


async def a_reviewed_pull(service: Service, name: str) -> PullRequest:
    pull = service.github.repository(name, {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    assert await service.told(pull) == "reviewed"
    return pull


async def test_suspended(service: Service) -> None:
    """A suspended installation is asked nothing and told nothing; when it is back, so is the bot."""
    pull = await a_reviewed_pull(service, "suspending/shop")
    installation = installation_of(pull.repository)
    installation.suspended_at = datetime.now(UTC)
    payload = service.github.webhook("installation", "suspend", installation)
    assert (await service.updated("installation", payload))["active"] is False
    assert rows(service, "facts", "installation_id", installation.id) == 0

    before = len(service.github.calls)
    ending = await service.ended(await service.deliver(pull, "synchronize"))
    assert (ending["result"], len(service.github.calls)) == ("dropped", before)

    installation.suspended_at = None
    payload = service.github.webhook("installation", "unsuspend", installation)
    assert (await service.updated("installation", payload))["active"] is True
    pull.push({"README.md": "# Back\n"})
    assert await service.told(pull, "synchronize") == "checked"


async def test_pushed_while_suspended(service: Service) -> None:
    """What was pushed meanwhile, of which GitHub never told, is looked at when the installation is back; what has its check run is not."""
    pull = await a_reviewed_pull(service, "resting/shop")
    other = pull.repository.open_pull({"other.py": BLOCKING.replace('"/"', '"/other"')})
    assert await service.told(other) == "reviewed"
    installation = installation_of(pull.repository)
    installation.suspended_at = datetime.now(UTC)
    await service.updated("installation", service.github.webhook("installation", "suspend", installation))
    pull.push({"third.py": BLOCKING.replace('"/"', '"/third"')})
    installation.suspended_at = None
    await service.updated("installation", service.github.webhook("installation", "unsuspend", installation))
    found = f"recovered-{pull.repository.id}-{pull.number}-{pull.head[:12]}"
    assert (await service.ended(found, "done"))["outcome"] == "reviewed"
    assert [run.conclusion for run in pull.check_runs] == ["neutral"]
    assert not [
        one
        for one in service.log
        if str(one.get("delivery", "")).startswith(f"recovered-{other.repository.id}-{other.number}-")
    ]

    await service.updated("installation", service.github.webhook("installation", "unsuspend", installation))
    assert len(service.endings(found)) == 1


async def test_just_installed(service: Service) -> None:
    """Whoever lets the bot in hears nothing of it: no call is made, nothing is posted, also in repositories that come later."""
    github = service.github
    shops = [github.repository(f"welcoming/shop-{number}", {"app.py": MAIN}) for number in range(3)]
    pulls = [shop.open_pull({"app.py": BLOCKING}) for shop in shops]
    installation = installation_of(shops[0])
    before = len(github.calls)
    status = await github.deliver(
        "installation", github.webhook("installation", "created", installation), url=f"{service.address}/webhook"
    )
    assert status == 202
    assert len(github.calls) == before
    added = github.removed_from(installation, []) | {"action": "added"}
    await service.updated("installation_repositories", added)
    own = {call.path for call in github.calls[before:]}
    assert own == {f"/app/installations/{installation.id}"}
    assert all(map(says_nothing, pulls))


async def test_new_permissions(service: Service) -> None:
    """What an owner accepts counts from then on, though the token of before is not old."""
    shop = service.github.repository("growing/shop", {"app.py": MAIN})
    shop.collaborators["ann"] = "write"
    installation = installation_of(shop)
    installation.permissions["contents"] = "read"
    pull = shop.open_pull({"app.py": BLOCKING})
    assert await service.told(pull) == "reviewed"
    for level, outcome in (("read", "confused"), ("write", "rocket")):
        installation.permissions["contents"] = level
        payload = service.github.webhook("installation", "new_permissions_accepted", installation)
        assert (await service.updated("installation", payload))["active"] is True
        said = service.github.webhook("issue_comment", "created", pull.comment("/asyncify fix", "ann"))
        assert (await service.ended(await service.send("issue_comment", said), "done"))["outcome"] == outcome


async def test_deliveries_out_of_order(service: Service) -> None:
    """What GitHub says of the installation counts, not which delivery came last."""
    pull = await a_reviewed_pull(service, "unordered/shop")
    installation = installation_of(pull.repository)
    for action in ("unsuspend", "suspend"):
        payload = service.github.webhook("installation", action, installation)
        assert (await service.updated("installation", payload))["active"] is True
    assert await service.told(pull, "synchronize") == "checked"


async def test_deleted(service: Service) -> None:
    """Nothing is left of an installation that is gone: no job, no token, no data."""
    pull = await a_reviewed_pull(service, "leaving/shop")
    installation = installation_of(pull.repository)
    payload = service.github.webhook("installation", "deleted", installation)
    service.github.faults.secondary_limit(f"GET /repos/{pull.repository.full_name}/pulls/*", retry_after=60)
    pull.push({"app.py": MAIN})
    waiting = await service.deliver(pull, "synchronize")
    assert (await service.ended(waiting))["result"] == "later"
    service.github.uninstall(pull.repository)
    await asyncio.sleep(0.5)  # the job is put back
    updated = await service.updated("installation", payload)
    assert (updated["active"], updated["dropped_jobs"]) == (False, 1)
    for table in ("facts", "pull_requests"):
        assert rows(service, table, "installation_id", installation.id) == 0
    asked = mints(service, installation)
    payload = service.github.webhook("pull_request", "synchronize", pull, installation={"id": installation.id})
    assert (await service.ended(await service.send("pull_request", payload)))["result"] == "dropped"
    assert mints(service, installation) == asked


async def test_removed_repository(service: Service) -> None:
    """What is known of a repository goes with it; its neighbour notices nothing."""
    pull = await a_reviewed_pull(service, "choosing/shop")
    neighbour = service.github.repository("choosing/site", {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
    assert await service.told(neighbour) == "reviewed"
    installation = installation_of(pull.repository)
    installation.selected = [neighbour.repository]
    await service.updated("installation_repositories", service.github.removed_from(installation, [pull.repository]))
    assert rows(service, "facts", "repository_id", pull.repository.id) == 0
    assert rows(service, "facts", "repository_id", neighbour.repository.id) > 0

    pull.push({"app.py": MAIN})
    payload = service.github.webhook("pull_request", "synchronize", pull, installation={"id": installation.id})
    assert (await service.ended(await service.send("pull_request", payload)))["result"] == "dropped"
    neighbour.push({"app.py": MAIN})
    assert await service.told(neighbour, "synchronize") == "checked"
    assert check_run(neighbour).conclusion == "success"


async def test_private_shared_configuration(service: Service) -> None:
    """What an organisation keeps in a private repository is remembered until it is pushed to."""
    shared = service.github.repository("sharing/.github", {CONFIG: "enabled = false\n"}, private=True)
    shop = service.github.repository("sharing/shop", {"app.py": MAIN})
    for _ in range(2):
        pull = shop.open_pull({"app.py": BLOCKING})
        assert await service.told(pull) == "silent"
        assert says_nothing(pull)
    before = shared.head
    shared.commit({CONFIG: 'severity = "info"\n'})
    await service.updated("push", service.github.pushed_to(shared, before))
    assert await service.told(shop.open_pull({"app.py": BLOCKING})) == "reviewed"


async def test_neighbours_share_nothing(service: Service) -> None:
    """Organisations in one process: every call for one carries a token of its own, and configurations stay at home."""
    for name in ("quiet", "loud"):
        service.github.repository(
            f"{name}/.github", {CONFIG: f"enabled = {str(name == 'loud').lower()}\n"}, private=True
        )
    shops = [service.github.repository(f"{name}/shop", {"app.py": MAIN}, private=True) for name in ("quiet", "loud")]
    for _ in range(2):  # the second time from what is remembered
        pulls = [shop.open_pull({"app.py": BLOCKING}) for shop in shops]
        assert await asyncio.gather(*map(service.told, pulls)) == ["silent", "reviewed"]
    for pull in pulls:
        own = f"/repos/{pull.repository.full_name}/"
        callers = {call.installation for call in service.github.calls if call.path.startswith(own)}
        assert callers == {installation_of(pull.repository).id}


async def test_enterprise_server() -> None:
    """Behind `/api/v3` everything works as it does elsewhere: no call and no link leaves the addresses that were given."""
    pages = "https://github.corp.example"
    async with (
        FakeGitHub(pages=pages) as github,
        serving(github, {"GITHUB_API_URL": f"{github.url}/api/v3", "GITHUB_URL": pages}) as service,
    ):
        shop = github.repository("acme/shop", {"app.py": MAIN, "helper.py": HELPER})
        shop.collaborators["ann"] = "write"
        pull = shop.open_pull({"app.py": CALLING})
        assert await service.told(pull) == "reviewed"
        for body, outcome in ((f"/asyncify explain {id_of(pull)}", "+1"), ("/asyncify fix", "rocket")):
            said = pull.comment(body, "ann")
            sent = await service.send("issue_comment", github.webhook("issue_comment", "created", said))
            assert (await service.ended(sent, "done"))["outcome"] == outcome
        assert shop.commit_at(pull.head).message.endswith("+ann@users.noreply.github.corp.example>")
        asked = {call.address.split("/")[2] for call in github.calls}
        assert asked == {"v3", "graphql"}
        assert all(call.address.startswith("/api/") for call in github.calls)
        told = "".join([*(one.body for one in (*pull.reviews, *pull.comments, *pull.issue_comments)), *summaries(shop)])
        links = set(re.findall(r"https?://[^/)\s`]+", told))
        assert links == {pages}
        assert f"{pages}/acme/shop/blob/" in told
        assert github.refusals == []


HELPER = "import time\n\n\ndef wait() -> None:\n    time.sleep(1)\n"
CALLING = MAIN.replace("import time\n", "from helper import wait\n").replace("    return", "    wait()\n    return")


def id_of(pull: PullRequest) -> str:
    return pull.comments[0].body.partition("Finding `")[2].partition("`")[0]


def summaries(repository: Repository) -> list[str]:
    return [f"{run.summary}{run.text}" for run in repository.check_runs]
