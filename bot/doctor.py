"""`asyncify doctor`: is everything as it should be, and if not, what is to be done. One line a check."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
from gidgethub import GitHubException

from bot.errors import RetryLater
from bot.github import GitHub
from bot.lanes import Lanes, Parked
from bot.logs import redact
from bot.manifest import lacking, manifest
from bot.settings import Credentials, Settings
from bot.store import Store
from bot.words import WITHOUT

SKEW = 30.0
"""Seconds that our clock may differ from GitHub's. GitHub refuses a JWT that was made more than a minute ahead of its time."""
DATABASE_SECONDS = 10.0
NAMED = 5
PAGES = 3
"""Pages of 100 deliveries that are looked at, the latest first."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what is to be done (empty: nothing)."""

    name: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        said = redact(" ".join(f"{self.name}: {self.found} {self.remedy}".split()))
        return f"{'mend' if self.remedy else 'fine'}  {said}"


async def examine(settings: Settings) -> list[Check]:
    """All checks, in the order in which one thing needs another."""
    checks = [_version(), *await _database(settings)]
    if settings.credentials is None:
        where = f"http://{settings.host}:{settings.port}/setup"
        return [*checks, Check("credentials", "No App is set up.", f"Start `asyncify serve` and open {where}.")]
    async with aiohttp.ClientSession() as session:
        github = _github(session, settings, settings.credentials)
        try:
            app = await github.getitem("/app")
        except (GitHubException, RetryLater) as error:
            return [*checks, *_clock(github), _refused(error, settings)]
        checks += [*_clock(github), Check("credentials", f"GitHub knows this process as {app['slug']} ({app['id']}).")]
        checks += [_permissions(app), _events(app)]
        for look in (_installations, _webhook, _deliveries):
            checks += await _told(look(github))
    return checks


def _github(session: aiohttp.ClientSession, settings: Settings, credentials: Credentials) -> GitHub:
    return GitHub(
        session,
        app_id=str(credentials.app_id),
        private_key=credentials.private_key,
        api_url=settings.api_url,
        retry_gap=0.1,
    )


async def _told(look: AsyncIterator[Check]) -> list[Check]:
    """What a look at GitHub shows; also where GitHub does not let us look."""
    try:
        return [check async for check in look]
    except (GitHubException, RetryLater) as error:
        return [Check("GitHub", f"It does not answer: {error}.", "Try again later.")]


def _version() -> Check:
    return Check("version", f"asyncify {version('asyncify-bot')} on Python {sys.version.split()[0]}.")


async def _database(settings: Settings) -> list[Check]:
    """Whether it can be used and, if it holds any, the jobs that were given up."""
    url = sa.make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():  # noqa: ASYNC240 -- nobody else waits
        return [Check("database", f"{url.database} is made at the first start.")]
    store = Store(settings.database_url)
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            await store.check()
            parked = await Lanes(store).parked()
    except (sa.exc.SQLAlchemyError, TimeoutError) as error:
        if isinstance(error, sa.exc.ProgrammingError) or "no such table" in str(error):
            return [Check("database", "It answers; its tables are made at the first start.")]
        reason = str(getattr(error, "orig", None) or "it does not answer in time")
        return [Check("database", f"It cannot be used: {reason}.", "See to the database, or correct DATABASE_URL.")]
    finally:
        await store.close()
    return [Check("database", f"{url.render_as_string()} answers."), *_parked(parked)]


def _parked(parked: Sequence[Parked]) -> list[Check]:
    """The latest of the jobs that were given up."""
    found = [
        Check(
            f"{one.job.ref.repository}#{one.job.ref.number}",
            f"A job was given up at {datetime.fromtimestamp(one.since, UTC):%Y-%m-%d %H:%M} UTC: {one.reason}",
            f"Run the check again, push, or redeliver {one.job.delivery} on the App's page.",
        )
        for one in parked[:NAMED]
    ]
    if len(parked) > NAMED:
        found.append(Check("parked jobs", f"{len(parked) - NAMED} more were given up.", "The log names them."))
    return found


def _clock(github: GitHub) -> list[Check]:
    if github.clock_ahead is None:
        return []
    ahead = github.clock_ahead
    if abs(ahead) <= SKEW:
        return [Check("clock", "It agrees with GitHub's.")]
    how = "ahead of" if ahead > 0 else "behind"
    return [Check("clock", f"It is {abs(ahead):.0f} s {how} GitHub's.", "Have the machine set its clock by NTP.")]


def _refused(error: Exception, settings: Settings) -> Check:
    status = getattr(error, "status_code", None)
    if status in {401, 404}:
        said = "GitHub does not accept them"
        return Check(
            "credentials", f"{said}: {error}.", "Compare GITHUB_APP_ID and the private key with the App's page."
        )
    return Check(
        "GitHub", f"{settings.api_url} does not answer: {error}.", "See to the network, or correct GITHUB_API_URL."
    )


def _permissions(app: Mapping[str, Any]) -> Check:
    missing = lacking(app["permissions"])
    if not missing:
        return Check("permissions", "The App asks for what app.yaml names.")
    return Check("permissions", f"The App does not ask for {_named(missing)}.", "Add it on the App's page.")


def _events(app: Mapping[str, Any]) -> Check:
    missing = [event for event in manifest().events if event not in app["events"]]
    if not missing:
        return Check("events", "GitHub tells of all events that app.yaml names.")
    return Check("events", f"GitHub does not tell of {', '.join(missing)}.", "Subscribe to it on the App's page.")


async def _installations(github: GitHub) -> AsyncIterator[Check]:
    """Those that did not accept all permissions, each with what does not work there."""
    found = [one async for one in github.getiter("/app/installations?per_page=100")]
    behind = [one for one in found if lacking(one["permissions"])]
    suspended = [one["account"]["login"] for one in found if one["suspended_at"]]
    tail = f", {len(suspended)} of them suspended ({', '.join(suspended[:NAMED])})" if suspended else ""
    yield Check("installations", f"{len(found)}{tail}.")
    for one in behind[:NAMED]:
        missing = lacking(one["permissions"])
        costs = " ".join(WITHOUT[name] for name in missing)
        remedy = f"An owner accepts it at {one['html_url']}."
        yield Check(f"installation of {one['account']['login']}", f"It lacks {_named(missing)}. {costs}", remedy)
    if len(behind) > NAMED:
        yield Check("installations", f"{len(behind) - NAMED} more lack permissions.", "Their owners accept them.")


async def _webhook(github: GitHub) -> AsyncIterator[Check]:
    """https://docs.github.com/rest/apps/webhooks#get-a-webhook-configuration-for-an-app."""
    config = await github.getitem("/app/hook/config")
    problems = _webhook_problems(config)
    address = config.get("url") or "nowhere"
    if problems:
        yield Check("webhook", f"It leads to {address}; {'; '.join(problems)}.", "Correct it on the App's page.")
    else:
        yield Check("webhook", f"It leads to {address}, signed and as JSON.")


def _webhook_problems(config: Mapping[str, Any]) -> list[str]:
    problems = {
        "the address does not end in /webhook": not str(config.get("url", "")).endswith("/webhook"),
        "it sends no JSON": config.get("content_type") != "json",
        "it is not signed": not config.get("secret"),
        "certificates are not checked": str(config.get("insecure_ssl", "0")) != "0",
    }
    return [problem for problem, holds in problems.items() if holds]


async def _deliveries(github: GitHub) -> AsyncIterator[Check]:
    """https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook. Tries of one delivery share its `guid`."""
    tries: list[Mapping[str, Any]] = []
    async for one in github.getiter("/app/hook/deliveries?per_page=100"):
        tries.append(one)
        if len(tries) == PAGES * 100:
            break
    arrived = {one["guid"] for one in tries if one["status_code"] in range(200, 400)}
    failed = {one["guid"]: one["status_code"] for one in reversed(tries) if one["guid"] not in arrived}
    if not failed:
        yield Check("deliveries", f"Of the last {len(tries)}, none failed." if tries else "There were none yet.")
        return
    answers = ", ".join(f"{count} x {code or 'no answer'}" for code, count in Counter(failed.values()).most_common())
    yield Check("deliveries", f"{len(failed)} did not arrive ({answers}).", _delivery_remedy(failed.values()))


def _delivery_remedy(codes: Sequence[int] | Any) -> str:
    if 401 in codes:
        return "Set GITHUB_WEBHOOK_SECRET to the secret on the App's page: 401 means that they differ."
    return "See that the address can be reached; a running bot fetches what it missed by itself."


def _named(permissions: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {level}" for name, level in permissions.items())
