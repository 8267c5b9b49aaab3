"""What was missed is found: from GitHub's list of deliveries, and from the pull requests themselves."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from bot import queue
from bot.errors import NotStored
from bot.events import Requested, ReviewRequested
from bot.github import GitHub
from bot.recovery import LISTED, recover
from bot.store import Store

from .fake_github import FakeGitHub, PullRequest
from .reviewing import BLOCKING, MAIN, ref
from .service import serving


@dataclass
class Missing:
    """A GitHub with pull requests, and a bot that looks for what it missed. `full` says that nothing can be stored."""

    github: FakeGitHub
    client: GitHub
    store: Store
    taken: dict[str, Requested] = field(default_factory=dict)
    full: bool = False

    async def look(self) -> None:
        await recover(self.client, self.store, self.enqueue, self.held)

    async def held(self, deliveries: Collection[tuple[int, str]]) -> Collection[str]:
        return self.taken.keys() & {delivery for _, delivery in deliveries}

    async def enqueue(self, delivery: str, asked: Requested) -> None:
        if self.full:
            raise NotStored("the disk is full")
        self.taken[delivery] = asked

    def pull(self, name: str = "octo/shop") -> PullRequest:
        return self.github.repository(name, {"app.py": MAIN}).open_pull({"app.py": BLOCKING})

    def record(self, pull: PullRequest, status: int, guid: str) -> None:
        self.github.record(
            "pull_request", self.github.webhook("pull_request", "opened", pull), status_code=status, guid=guid
        )

    async def check(self, pull: PullRequest) -> None:
        """The bot completes its check run on the head."""
        body = {"name": "asyncify", "head_sha": pull.head, "status": "completed", "conclusion": "success"}
        one = self.client.installation(ref(pull).installation, ref(pull).repository_id)
        await one.post(f"/repos/{pull.repository.full_name}/check-runs", data=body)

    def reviews(self) -> list[int]:
        """The repositories of which a review was asked for."""
        return sorted(cast(ReviewRequested, asked).ref.repository_id for asked in self.taken.values())


@pytest.fixture
async def missing(tmp_path: Path) -> AsyncIterator[Missing]:
    url = f"sqlite:///{tmp_path}/asyncify.db"
    store = Store(url)
    await asyncio.to_thread(queue.migrate, url, store)
    async with FakeGitHub() as github, aiohttp.ClientSession() as session:
        app = github.app
        client = GitHub(
            session, app_id=str(app.id), private_key=app.private_key, api_url=github.url, retry_gap=0, write_gap=0
        )
        yield Missing(github, client, store)
        assert github.refusals == []
    await store.close()


async def test_deliveries_that_failed(missing: Missing) -> None:
    """They are taken under their own ids: those that were refused, and those that nobody answered. All others are left."""
    pull = missing.pull()
    await missing.look()
    missing.taken.clear()
    for status, guid in ((202, "taken"), (502, "refused"), (0, "unanswered"), (503, "late"), (202, "late")):
        missing.record(pull, status, guid)

    await missing.look()

    assert missing.taken == {"refused": ReviewRequested(ref(pull)), "unanswered": ReviewRequested(ref(pull))}


async def test_deliveries_that_are_stored_already(missing: Missing) -> None:
    """Each look goes back behind the one before; what that took is not fetched and counted once more."""
    pull = missing.pull()
    await missing.look()
    missing.record(pull, 502, "refused")
    await missing.look()
    missing.github.forget_calls()

    await missing.look()

    assert "refused" in missing.taken
    assert missing.github.count("GET /app/hook/deliveries") == 1
    assert missing.github.count("GET /app/hook/deliveries/{delivery_id}") == 0


async def test_deliveries_that_ask_for_nothing(missing: Missing) -> None:
    """What we would not act on, or cannot read, is passed over."""
    pull = missing.pull()
    await missing.look()
    missing.taken.clear()
    missing.github.record("pull_request", missing.github.webhook("pull_request", "labeled", pull), status_code=500)
    missing.github.record("pull_request", {"action": "opened"}, status_code=400)

    await missing.look()

    assert missing.taken == {}


async def test_many_deliveries(missing: Missing) -> None:
    """They are read page by page, no further back than the look before."""
    pull = missing.pull()
    for number in range(250):
        missing.record(pull, 502 if number % 50 == 0 else 202, f"guid-{number}")

    await missing.look()
    assert {f"guid-{number}" for number in range(0, 250, 50)} < set(missing.taken)
    assert missing.github.count("GET /app/hook/deliveries") == 3
    for delivery in missing.github.deliveries:
        delivery.delivered_at -= delivery.delivered_at - missing.github.started
    missing.github.forget_calls()
    await missing.look()

    assert missing.github.count("GET /app/hook/deliveries") == 1
    assert missing.github.count("GET /app/hook/deliveries/{delivery_id}") == 0


async def test_an_empty_database(missing: Missing) -> None:
    """Every open pull request without our check run is looked at, in all installations; the next look asks for none."""
    pulls = [missing.pull(f"{owner}/{name}") for owner in ("octo", "hexa") for name in ("shop", "bank")]
    await missing.check(pulls[0])
    pulls[1].state = "closed"

    await missing.look()
    assert missing.reviews() == [pulls[2].repository.id, pulls[3].repository.id]
    missing.github.forget_calls()
    await missing.look()

    assert missing.github.count("GET /app/installations") == 0


async def test_a_long_gap(missing: Missing) -> None:
    """After more time than GitHub lists deliveries for, the pull requests are looked at."""
    missing.pull()
    await missing.look()
    missing.taken.clear()
    reached = await missing.store.reached("deliveries")
    assert reached is not None
    await missing.store.reach("deliveries", reached - LISTED - 60)

    await missing.look()

    assert len(missing.taken) == 1


async def test_pull_requests_older_than_the_installation(missing: Missing) -> None:
    """A guest does not comment on what happened before it was let in."""
    pull = missing.pull()
    installation = missing.github.installation_of(pull.repository)
    assert installation is not None
    installation.created_at = missing.github.now().replace(year=missing.github.now().year + 1)

    await missing.look()

    assert missing.taken == {}


async def test_an_installation_that_cannot_be_looked_at(missing: Missing) -> None:
    """The others are, and the next look begins with all of them."""
    pulls = [missing.pull("octo/shop"), missing.pull("hexa/shop")]
    missing.github.faults.server_error("GET /installation/repositories", times=5)

    with pytest.raises(ExceptionGroup):
        await missing.look()
    assert missing.reviews() == [pulls[1].repository.id]
    await missing.look()

    assert missing.reviews() == [pull.repository.id for pull in pulls]


async def test_a_look_that_is_broken_off(missing: Missing) -> None:
    """What could not be stored is found again by the next look."""
    pull = missing.pull()
    await missing.check(pull)
    await missing.look()
    missing.record(pull, 502, "guid")
    missing.full = True
    with pytest.raises(NotStored):
        await missing.look()
    missing.full = False

    await missing.look()

    assert missing.taken == {"guid": ReviewRequested(ref(pull))}


@pytest.mark.timeout(300)
async def test_a_lost_database() -> None:
    """A bot that starts with an empty database says nothing twice, and finds what happened while it was away."""
    async with FakeGitHub() as github, serving(github) as service:
        pulls = [github.repository("octo/said", {"app.py": MAIN}).open_pull({"app.py": BLOCKING})]
        await service.told(pulls[0])
        await service.stop()
        for file in service.database.parent.glob("asyncify.db*"):
            file.unlink()
        pulls.append(github.repository("octo/missed", {"app.py": MAIN}).open_pull({"app.py": BLOCKING}))

        await service.start()
        await until(lambda: all(pull.check_runs for pull in pulls))
        await service.told(pulls[0], "synchronize")

        assert [len(pull.reviews) for pull in pulls] == [1, 1]
        assert [len(pull.check_runs) for pull in pulls] == [1, 1]
        assert github.refusals == []


@pytest.mark.timeout(300)
async def test_an_older_database() -> None:
    """After a backup was put back as the documentation tells, nothing is said twice, and what the backup does not know is done."""
    async with FakeGitHub() as github, serving(github) as service:
        pulls = [
            github.repository(f"octo/{name}", {"app.py": MAIN}).open_pull({"app.py": BLOCKING})
            for name in ("before", "after", "missed")
        ]
        await service.told(pulls[0])
        backup = service.database.with_name("backup.db")
        await asyncio.to_thread(_back_up, service.database, backup)
        await service.told(pulls[1])
        await service.stop()
        for file in service.database.parent.glob("asyncify.db*"):
            file.unlink()
        backup.rename(service.database)
        with closing(sqlite3.connect(service.database)) as connection, connection:
            connection.execute("DELETE FROM asyncify_progress")

        await service.start()
        await until(lambda: all(pull.check_runs for pull in pulls))
        for pull in pulls[:2]:
            await service.told(pull, "synchronize")

        assert [len(pull.reviews) for pull in pulls] == [1, 1, 1]
        assert [len(pull.check_runs) for pull in pulls] == [1, 1, 1]


def _back_up(database: Path, backup: Path) -> None:
    """What `.backup` of the command `sqlite3` does, while the bot runs."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 -- another process does it
            await asyncio.sleep(0.05)
