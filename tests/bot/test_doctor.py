"""`asyncify doctor`, as the process that an operator starts, against the fake GitHub."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import queue
from bot.lanes import Job, Lanes
from bot.manifest import manifest
from bot.models import PullRef
from bot.store import Store
from bot.words import WITHOUT

from .fake_github import FakeGitHub
from .service import credentials_of

Spoil = Callable[[FakeGitHub], object]


async def doctor(github: FakeGitHub | None, directory: Path, **environ: str) -> tuple[int, str, str]:
    """Exit status, what it printed, and what it logged."""
    given = {"GITHUB_API_URL": github.url, **credentials_of(github)} if github else {}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "doctor"),
        cwd=directory,
        env={"PATH": "", "PYTHONPATH": str(Path.cwd()), **given, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, logged = await process.communicate()
    return process.returncode or 0, printed.decode(), logged.decode()


def healthy() -> FakeGitHub:
    github = FakeGitHub()
    github.repository("acme/shop")
    github.app.webhook_url = "https://bot.example/webhook"
    github.record("pull_request", {"action": "opened"}, status_code=502, guid="a")
    github.record("pull_request", {"action": "opened"}, status_code=202, guid="a")
    return github


async def test_all_is_well(tmp_path: Path) -> None:
    """One line a check, each fine, and nothing is left behind."""
    async with healthy() as github:
        status, printed, _ = await doctor(github, tmp_path)
        assert github.refusals == []

    lines = printed.splitlines()
    assert status == 0
    assert [line.split(":")[0] for line in lines] == [
        *("fine  version", "fine  database", "fine  clock", "fine  credentials", "fine  permissions"),
        *("fine  events", "fine  installations", "fine  webhook", "fine  deliveries"),
    ]
    assert not (tmp_path / "asyncify.db").exists()


def lose_contents(github: FakeGitHub) -> None:
    for installation in github.installations.values():
        installation.permissions["contents"] = "read"


def suspend(github: FakeGitHub) -> None:
    for installation in github.installations.values():
        installation.suspended_at = datetime.now(UTC)


def spoil_webhook(github: FakeGitHub) -> None:
    github.app.webhook_url = "https://bot.example/"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda github: github.app.permissions.pop("checks"),
            "mend  permissions: The App does not ask for checks: write.",
        ),
        (lambda github: github.app.events.remove("check_run"), "mend  events: GitHub does not tell of check_run."),
        (lose_contents, "mend  installation of acme: It lacks contents: write."),
        (spoil_webhook, "mend  webhook: It leads to https://bot.example/; the address does not end in /webhook."),
        (
            lambda github: github.record("push", {}, status_code=401),
            "1 did not arrive (1 x 401). Set GITHUB_WEBHOOK_SECRET",
        ),
        (lambda github: github.record("push", {}, status_code=0), "1 did not arrive (1 x no answer)."),
        (lambda github: github.advance(-42), "mend  clock: It is 4"),
        (lambda github: github.advance(950), "mend  clock: It is 9"),
        (lambda github: github.faults.unauthorized("GET /app"), "mend  credentials: GitHub does not accept them"),
        (
            lambda github: github.faults.server_error("GET /app/hook/config", times=9),
            "mend  GitHub: It does not answer",
        ),
    ],
)
async def test_what_is_to_be_mended(tmp_path: Path, spoil: Spoil, said: str) -> None:
    """What is wrong is said with its remedy, and the exit status tells that something is."""
    async with healthy() as github:
        spoil(github)
        status, printed, logged = await doctor(github, tmp_path)

    assert said in printed
    assert (status, "Traceback" in printed + logged) == (1, False)


async def test_a_suspended_installation(tmp_path: Path) -> None:
    """That is its owner's wish, and nothing to mend."""
    async with healthy() as github:
        suspend(github)
        status, printed, _ = await doctor(github, tmp_path)

    assert (status, "1, 1 of them suspended (acme)" in printed) == (0, True)


async def test_without_github(tmp_path: Path) -> None:
    """Where nobody answers, that is said once."""
    async with healthy() as github:
        status, printed, _ = await doctor(github, tmp_path, GITHUB_API_URL="http://127.0.0.1:1")

    assert (status, printed.count("mend"), "does not answer" in printed) == (1, 1, True)


async def test_before_the_set_up(tmp_path: Path) -> None:
    """The way to an App is shown."""
    status, printed, _ = await doctor(None, tmp_path)

    assert status == 1
    assert "No App is set up. Start `asyncify serve` and open http://127.0.0.1:8000/setup." in printed


async def test_settings_that_are_wrong(tmp_path: Path) -> None:
    """Where it cannot even begin, the exit status is another one."""
    status, printed, logged = await doctor(None, tmp_path, PORT="http", GITHUB_APP_ID="12")

    assert (status, printed) == (2, "")
    assert "PORT must be a number" in logged
    assert "GITHUB_PRIVATE_KEY is not set" in logged


async def test_a_database(tmp_path: Path, postgres_url: str) -> None:
    """One that answers is fine, also before its first start; one that does not is named without its password."""
    async with healthy() as github:
        _, printed, _ = await doctor(github, tmp_path, DATABASE_URL=postgres_url)
        assert "fine  database: It answers; its tables are made at the first start." in printed
        nobody = "postgresql://bot:hunter2@127.0.0.1:1/none"
        status, printed, logged = await doctor(github, tmp_path, DATABASE_URL=nobody)
    assert (status, "mend  database: It cannot be used" in printed) == (1, True)
    assert "hunter2" not in printed + logged


async def test_secrets_stay_secret(tmp_path: Path) -> None:
    """Neither the key nor the webhook's secret is ever printed."""
    async with healthy() as github:
        github.advance(900)
        _, printed, logged = await doctor(github, tmp_path)
        secrets = (github.app.webhook_secret, *github.app.private_key.splitlines()[1:-1], "eyJ")
    assert not [secret for secret in secrets if secret in printed + logged]


def test_the_guide_tells_every_permission() -> None:
    """Who installs the App reads what each permission is for, and what does not work without it."""
    guide = (Path(__file__).parent.parent.parent / "docs" / "operation.md").read_text(encoding="utf-8")
    rows = [line for line in guide.splitlines() if line.startswith("| `") and (": read`" in line or ": write`" in line)]
    assert [row.split("`")[1] for row in rows] == [f"{name}: {level}" for name, level in manifest().permissions.items()]
    assert all(sentence in guide for sentence in WITHOUT.values())


def test_every_permission_has_its_use() -> None:
    """What does not work without it can be said of each."""
    assert set(WITHOUT) == {name for name in manifest().permissions if name != "metadata"}


async def test_parked_jobs(tmp_path: Path) -> None:
    """Jobs that were given up are named, with why and how each is released."""
    url = f"sqlite:///{tmp_path}/asyncify.db"
    store = Store(url)
    await asyncio.to_thread(queue.migrate, url, store)
    for number in range(7):
        await Lanes(store).park(Job(PullRef(1, 2, "octo/shop", number + 1), f"guid-{number}"), "It broke.")
    await store.close()
    async with healthy() as github:
        status, printed, _ = await doctor(github, tmp_path, DATABASE_URL=url)

    named = [line for line in printed.splitlines() if line.startswith("mend  octo/shop#")]
    assert status == 1
    assert len(named) == 5
    assert all("UTC: It broke. Run the check again" in line and "redeliver guid-" in line for line in named)
    assert "2 more were given up." in printed
