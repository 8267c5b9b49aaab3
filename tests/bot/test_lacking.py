"""What an installation does not permit is said, done another way, and not tried again and again."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.events import InstallationChanged, Requested
from bot.installations import update
from bot.review import Outcome
from bot.schema import migrate
from bot.store import Store

from .fake_github import PullRequest
from .fake_github.tokens import ALL_PERMISSIONS
from .reviewing import BLOCKING, MAIN, Bot, ref

REVIEWS = "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews"
CHECK_RUNS = "POST /repos/{owner}/{repo}/check-runs"


def opened(bot: Bot, permissions: Mapping[str, str]) -> PullRequest:
    shop = bot.github.repository("acme/shop", {"app.py": MAIN}, installed=False)
    bot.github.install("acme", permissions=permissions)
    return shop.open_pull({"app.py": BLOCKING})


async def test_no_review(bot: Bot) -> None:
    """Where the App may not comment, the check run says what it would have said, and why it stands there."""
    pull = opened(bot, ALL_PERMISSIONS | {"pull_requests": "read"})
    assert await bot.review(pull) is Outcome.CHECKED
    assert (bot.github.count(REVIEWS), pull.reviews) == (0, [])
    (run,) = pull.check_runs
    assert [one["path"] for one in run.annotations] == ["app.py"]
    assert "this App may not comment here" in (run.summary or "")
    assert "does not grant `pull_requests: write`. Reviews are not posted" in (run.summary or "")


async def test_no_check_run(bot: Bot) -> None:
    """Where the App may post no check run, the review does not refer to one."""
    pull = opened(bot, ALL_PERMISSIONS | {"checks": "read"})
    assert await bot.review(pull) is Outcome.REVIEWED
    assert (bot.github.count(CHECK_RUNS), pull.check_runs) == (0, [])
    (review,) = pull.reviews
    assert "does not grant `checks: write`. There is no check run" in review.body
    assert "lists all findings" not in review.body


async def test_only_to_read(bot: Bot) -> None:
    """Where fixes cannot be committed, that is said once, where all findings stand."""
    pull = opened(bot, ALL_PERMISSIONS | {"contents": "read"})
    assert await bot.review(pull) is Outcome.REVIEWED
    (run,) = pull.check_runs
    assert (run.summary or "").count("does not grant `contents: write`. Fixes are not committed") == 1


async def test_all_is_permitted(bot: Bot) -> None:
    """Nothing is said of what is not missing."""
    pull = opened(bot, ALL_PERMISSIONS)
    await bot.review(pull)
    assert "does not grant" not in f"{pull.check_runs[0].summary}{pull.reviews[0].body}"


@pytest.mark.parametrize(("route", "path"), [(REVIEWS, "*/reviews"), (CHECK_RUNS, "*/check-runs")])
async def test_a_refusal_is_remembered(bot: Bot, route: str, path: str) -> None:
    """What GitHub refused although it seemed granted is not tried again, until the installation changes."""
    pull = opened(bot, ALL_PERMISSIONS)
    bot.github.faults.forbidden(f"POST {path}")
    await bot.review(pull)
    pull.push({"other.py": BLOCKING.replace('"/"', '"/other"')})
    await bot.review(pull)
    assert bot.github.count(route) == 1

    bot.client.renew(ref(pull).installation, 1)
    pull.push({"third.py": BLOCKING.replace('"/"', '"/third"')})
    await bot.review(pull)
    assert bot.github.count(route) == 2


async def test_what_is_known_of_a_suspended_installation(bot: Bot, tmp_path: Path) -> None:
    """Neither tokens nor answers of GitHub stay in memory."""
    pull = opened(bot, ALL_PERMISSIONS)
    await bot.review(pull)
    installation = bot.github.installation_of(pull.repository)
    assert installation

    def known() -> set[object]:
        return {key[0] for key in (*bot.client._tokens, *bot.client.remembered)}

    assert known() == {installation.id}
    store = Store(f"sqlite:///{tmp_path}/asyncify.db")
    await asyncio.to_thread(migrate, store.engine)
    installation.suspended_at = bot.github.now()
    assert not await update(InstallationChanged(installation.id), bot.client, store, no_more)
    assert known() == set()
    await store.close()


async def no_more(_delivery: str, _asked: Requested) -> None:
    raise AssertionError("nothing is to be done")
