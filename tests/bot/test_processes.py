"""`web` and two workers as processes of their own on PostgreSQL, in front of the fake GitHub."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from benchmarks.fleet import Fleet
from tests.conftest import PostgresServer, fresh_database, postgres_server

from .fake_github import FakeGitHub, PullRequest
from .reviewing import BLOCKING, MAIN
from .workers import until

PULLS = 8
WRITES = {"POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews", "POST /repos/{owner}/{repo}/check-runs"}


@pytest.fixture
async def power() -> AsyncIterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def fleet(github: FakeGitHub, power: PostgresServer, tmp_path: Path) -> AsyncIterator[Fleet]:
    with fresh_database(power.address) as url:
        fleet = Fleet(github, url, tmp_path, 2, hurried=True)
        try:
            await fleet.start_all()
            yield fleet
        finally:
            await fleet.stop()
            print(fleet.logs())  # noqa: T201 -- pytest shows it where a test failed


async def told(fleet: Fleet, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(fleet.address + path) as answer:
        return answer.status, await answer.text()


async def deliver(fleet: Fleet, github: FakeGitHub, pull: PullRequest) -> int:
    return await github.deliver(
        "pull_request", github.webhook("pull_request", "opened", pull), url=f"{fleet.address}/webhook"
    )


async def idle(fleet: Fleet) -> None:
    while not await fleet.idle():  # noqa: ASYNC110 -- the queue tells nobody
        await asyncio.sleep(0.2)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", [1, 7], ids=["for a moment", "for long"])
async def test_a_database_that_goes_away(
    github: FakeGitHub, fleet: Fleet, power: PostgresServer, seconds: float
) -> None:
    """Deliveries are refused meanwhile and found later; reviews that ran are ended: all of them once, by processes that never ended."""
    shops = [github.repository(f"owner{number}/shop", {"app.py": MAIN}) for number in range(PULLS)]
    pulls = [shop.open_pull({"app.py": BLOCKING}) for shop in shops]
    for shop in shops:
        github.faults.slow(f"GET /repos/{shop.full_name}/git/trees/*", 2)
    before, meanwhile = pulls[: PULLS // 2], pulls[PULLS // 2 :]
    assert [await deliver(fleet, github, pull) for pull in before] == [202] * len(before)
    await until(lambda: github.count("GET /repos/{owner}/{repo}/git/trees/{tree_sha}") >= 2)

    await asyncio.to_thread(power.stop)
    assert [await deliver(fleet, github, pull) for pull in meanwhile] == [503] * len(meanwhile)
    assert await told(fleet, "/readyz") == (503, "The database does not answer.\n")
    assert (await told(fleet, "/healthz"))[0] == 200
    await asyncio.sleep(seconds)
    await asyncio.to_thread(power.start)
    await until(lambda: all(pull.check_runs for pull in pulls), seconds=200)
    await fleet.ready()
    await idle(fleet)

    assert [len(pull.reviews) for pull in pulls] == [1] * PULLS
    assert [[run.status for run in pull.check_runs] for pull in pulls] == [["completed"]] * PULLS
    assert all(process is not None and process.is_alive() for process in fleet.processes.values())
    assert (await fleet.metrics())['asyncify_queue_depth{state="parked"}'] == 0


@pytest.mark.timeout(300)
async def test_writes_of_all_workers_keep_their_distance(github: FakeGitHub, fleet: Fleet) -> None:
    """GitHub counts what an installation writes, whichever process does: a write a second, and no more."""
    shop = github.repository("octo/shop", {"app.py": MAIN})
    pulls = [shop.open_pull({"app.py": BLOCKING}) for _ in range(4)]
    for pull in pulls:
        assert await deliver(fleet, github, pull) == 202
    await until(lambda: all(pull.check_runs for pull in pulls), seconds=200)
    await idle(fleet)

    writes = [call for call in github.calls if str(call) in WRITES]
    starts = sorted(call.started for call in writes)
    assert len(writes) == 2 * len(pulls)
    assert starts[-1] - starts[0] > 0.75 * (len(starts) - 1)
