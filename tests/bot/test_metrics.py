"""What is counted at `/metrics`, read off the real process, and told in the guide for those who run it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families as families

from bot.events import ReviewRequested
from bot.models import PullRef
from bot.queue import Deliveries, migrate
from bot.store import Store
from bot.web import JOBS, OLDEST, metrics
from bot.wire import route

from .fake_github import FakeGitHub
from .reviewing import BLOCKING, MAIN
from .service import Service, serving

GUIDE = Path(__file__).parent.parent.parent / "docs" / "operation.md"


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Service]:
    async with FakeGitHub() as github, serving(github) as service:
        yield service


async def counted(service: Service) -> Mapping[tuple[str, frozenset[str]], float]:
    """Every sample, by its name and the values of its labels."""
    async with aiohttp.ClientSession() as session, session.get(f"{service.address}/metrics") as answer:
        text = await answer.text()
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in families(text)
        for sample in family.samples
        if sample.name.startswith("asyncify_")
    }


async def test_a_morning(service: Service) -> None:
    """A review, a command, a delivery that is nothing to us, one that is not GitHub's, and a limit: each is counted where it belongs."""
    shop = service.github.repository("acme/shop", {"app.py": MAIN})
    pull = shop.open_pull({"app.py": BLOCKING})
    assert await service.told(pull) == "reviewed"
    said = pull.comment("/asyncify help", "bob")
    sent = await service.send("issue_comment", service.github.webhook("issue_comment", "created", said))
    await service.ended(sent, "done")
    await service.send("a_thing_of_the_future", {"action": "made"})
    async with aiohttp.ClientSession() as session, session.post(f"{service.address}/webhook", json={}) as answer:
        assert answer.status == 401
    service.github.faults.secondary_limit("GET */pulls/*", retry_after=600)
    pull.push({"other.py": "import os\n"})
    await service.ended(await service.deliver(pull, "synchronize"), "later")

    async with asyncio.timeout(20):
        while not (found := await counted(service))["asyncify_queue_depth", frozenset({"waiting"})]:  # noqa: ASYNC110 -- the queue tells nobody
            await asyncio.sleep(0.1)
    installation = service.github.installation_of(shop)
    assert installation

    def value(name: str, *labels: str) -> float:
        return found[f"asyncify_{name}", frozenset(labels)]

    assert value("webhooks_total", "pull_request", "202") == 2
    assert value("webhooks_total", "issue_comment", "202") == 1
    assert value("webhooks_total", "other", "202") == 1
    assert value("webhooks_total", "other", "401") == 1
    assert value("intake_seconds_count") == 5
    assert value("jobs_total", "review", "done") == 1
    assert value("jobs_total", "command", "done") == 1
    assert value("jobs_total", "review", "later") == 1
    assert value("job_seconds_count", "review") == 2
    assert value("queue_depth", "waiting") == 1
    assert value("queue_oldest_seconds") == 0  # what waits was told to
    assert value("token_mints_total") == 1
    assert value("secondary_limit_total") == 1
    assert value("primary_limit_total") == 0
    assert 0 < value("ratelimit_remaining", str(installation.id), "core") < 5000
    assert 0 < value("ratelimit_remaining", str(installation.id), "graphql") < 5000
    assert value("comments_posted_total", "suggestion") == 1
    assert value("review_422_total") == value("comments_refused_total") == 0
    assert value("github_requests_total", "POST /repos/*/*/pulls/*/reviews", "200") == 1
    assert value("github_requests_total", "POST /repos/*/*/issues/comments/*/reactions", "201") == 2
    routes = {label for _, labels in found for label in labels if "/" in label}
    assert len(routes) > 5
    assert not [one for one in routes if re.search(r"\d|acme|shop", one)]


async def test_the_guide_names_all(service: Service) -> None:
    """Who runs the bot finds every number in the guide, and no other."""
    async with aiohttp.ClientSession() as session, session.get(f"{service.address}/metrics") as answer:
        there = set(re.findall(r"^# HELP (asyncify_\w+)", await answer.text(), re.MULTILINE))
    section = GUIDE.read_text(encoding="utf-8").partition("## What to watch")[2].partition("\n## ")[0]
    told = set(re.findall(r"asyncify_\w+", section))
    assert {name for name in there if not name.endswith("_created")} == told


async def test_without_the_database() -> None:
    """Where the queue cannot be counted, everything else still is: that is when somebody looks."""

    async def fails() -> Mapping[str, int]:
        raise sa.exc.OperationalError("SELECT", {}, Exception("connection refused"))

    async def oldest() -> float:
        return 0.0

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    application[JOBS], application[OLDEST] = fails, oldest
    async with TestClient(TestServer(application)) as client, client.get("/metrics") as answer:
        text = await answer.text()
    assert answer.status == 200
    assert "asyncify_token_mints_total" in text
    assert "asyncify_queue_oldest_seconds NaN" in text
    assert "asyncify_queue_depth{" not in text


async def test_the_oldest_job(database_url: str) -> None:
    """How long a delivery has waited that nobody takes up; nothing where none waits."""
    store = Store(database_url)
    await asyncio.to_thread(migrate, database_url, store)
    deliveries = await asyncio.to_thread(Deliveries, database_url, store)
    assert await deliveries.oldest() == 0
    await deliveries.enqueue("first", ReviewRequested(PullRef(1, 7, "octo/demo", 3)))
    await asyncio.sleep(0.6)
    await deliveries.enqueue("second", ReviewRequested(PullRef(1, 7, "octo/demo", 4)))
    assert 0.5 < await deliveries.oldest() < 30
    await deliveries.close()
    await store.close()


@pytest.mark.parametrize(
    ("path", "counted_as"),
    [
        ("/repos/app/pulls/pulls/12/files", "GET /repos/*/*/pulls/*/files"),
        ("/api/v3/repos/acme/shop/git/trees/c0ffee", "GET /repos/*/*/git/trees/*"),
        ("/api/graphql", "GET /graphql"),
        ("/repos/acme/shop/git/refs/heads/topic/commits-of-ann", "GET /repos/*/*/git/refs/heads/*/*"),
        ("/app-manifests/s3cret/conversions", "GET /app-manifests/*/conversions"),
        ("/", "GET /*"),
    ],
)
def test_routes_are_few(path: str, counted_as: str) -> None:
    """Neither names nor numbers of repositories, branches, people or codes are counted by themselves."""
    assert route("GET", path) == counted_as
