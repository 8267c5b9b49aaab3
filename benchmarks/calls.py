"""What a review asks of GitHub's API, and how often it has to wait for an answer, against the fake GitHub of the tests.

python -m benchmarks.calls [REPOSITORY...]
"""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from benchmarks.changes import change
from benchmarks.figures import say, say_load, trees
from bot.analysis import Analyst
from bot.github import GitHub
from bot.models import PullRef
from bot.review import Outcome, Tools, review
from bot.schema import migrate
from bot.store import Store
from tests.bot.fake_github import FakeGitHub, PullRequest

CHANGED = 50
BLOCKING = 10
CALLS = 7
ROUND_TRIPS = 4
LATENCY = 0.1
"""Seconds that each answer takes, so that calls made at the same time are under way at the same time."""
REVIEWS = "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews"


def main(arguments: list[str]) -> None:
    """Count the calls of a first review of a repository, and of the next one."""
    say_load()
    for name, files in trees(arguments, 1).items():
        print(f"{name}: {len(files)} files, {CHANGED} of them changed")
        asyncio.run(_count(files))


async def _count(files: dict[str, bytes]) -> None:
    changed = change(files, CHANGED, BLOCKING)
    again = {path: text + b"\n\nCHANGED_AGAIN = True\n" for path, text in changed.items()}
    async with FakeGitHub() as github, aiohttp.ClientSession() as session:
        shop = github.repository("acme/shop", files)
        github.latency = LATENCY
        with TemporaryDirectory() as directory:
            tools = Tools(_client(github, session), _store(Path(directory)), Analyst())
            await _say("cold", shop.open_pull(changed), tools, bound=False)
            await _say("warm", shop.open_pull(again), tools, bound=True)
            await tools.analyst.close()


def _client(github: FakeGitHub, session: aiohttp.ClientSession) -> GitHub:
    return GitHub(
        session, app_id=str(github.app.id), private_key=github.app.private_key, api_url=github.url, write_gap=0
    )


def _store(directory: Path) -> Store:
    store = Store(f"sqlite:///{directory}/asyncify.db")
    migrate(store.engine)
    return store


async def _say(what: str, pull: PullRequest, tools: Tools, *, bound: bool) -> None:
    github = pull.github
    github.forget_calls()
    outcome = await review(_ref(pull), tools)
    if outcome is not Outcome.REVIEWED or github.refusals:
        raise SystemExit(f"The review went wrong: {outcome}, {github.refusals}")
    made = Counter(str(call) for call in github.calls)
    trips = _round_trips(github)
    comments = len(pull.comments)
    _say_count(f"{what}: calls ({comments} comments)", made.total(), CALLS if bound else None)
    _say_count(f"{what}: round trips until the review stands", trips, ROUND_TRIPS if bound else None)
    for call, times in made.items():
        print(f"      {times} {call}")


def _say_count(what: str, found: int, most: int | None) -> None:
    if most is None:
        say(what, str(found))
    else:
        say(what, str(found), f"at most {most}", held=found <= most)


def _round_trips(github: FakeGitHub) -> int:
    """How many calls one after another it took until the review was posted."""
    while str(github.calls[-1]) != REVIEWS:
        github.calls.pop()
    return github.round_trips()


def _ref(pull: PullRequest) -> PullRef:
    installation = pull.github.installation_of(pull.repository)
    if installation is None:
        raise LookupError("The App is not installed there.")
    return PullRef(installation.id, pull.repository.id, pull.repository.full_name, pull.number)


if __name__ == "__main__":
    main(sys.argv[1:])
