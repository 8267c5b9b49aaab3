"""What the next push makes of what was said: nothing is said twice, what was fixed is resolved, what people closed stays so."""

import pytest
import pytest_asyncio

from bot.errors import RetryLater
from bot.models import PAUSED, Mute
from bot.review import Outcome

from .fake_github import PullRequest, Repository
from .reviewing import BLOCKING, MAIN, Bot, ref

HANDLER = '\n\n@app.get("/{name}")\nasync def {name}() -> dict[str, str]:\n    time.sleep(1)\n    return {{}}\n'
CHANGED = BLOCKING.replace("index()", 'index(name: str = "")')
"""The line that the suggestion replaces is another one; the finding is the same."""
WAITING = BLOCKING.replace("import time", "import asyncio\nimport time").replace(
    "    return", "    await asyncio.sleep(0)\n    return"
)
"""The line that the suggestion replaces is the same, and `def` would not work any more."""
HTTP = """import asyncio

import requests
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
offload, sleep = run_in_threadpool, asyncio.sleep


@app.get("/")
async def index() -> dict[str, str]:
    return requests.get("https://weather.example/today", timeout=5).json()
"""
FOUR = BLOCKING + "".join(HANDLER.format(name=name) for name in ("two", "three", "four"))


@pytest.fixture
def shop(bot: Bot) -> Repository:
    return bot.github.repository("acme/shop", {"app.py": MAIN})


@pytest_asyncio.fixture
async def pull(bot: Bot, shop: Repository) -> PullRequest:
    """A pull request with one comment that offers a suggestion."""
    pull = shop.open_pull({"app.py": BLOCKING})
    assert await bot.review(pull) is Outcome.REVIEWED
    return pull


def open_threads(pull: PullRequest) -> int:
    return sum(not thread.resolved and not thread.first.minimized for thread in pull.threads)


async def test_what_was_fixed_is_resolved(bot: Bot, pull: PullRequest) -> None:
    """The finding is gone, so its thread is resolved, without a word."""
    pull.push({"app.py": MAIN})
    assert await bot.review(pull) is Outcome.CHECKED
    (thread,) = pull.threads
    assert thread.resolved_by == bot.github.app.bot
    assert len(thread.comments) == len(pull.comments) == 1


async def test_without_the_permission_it_is_minimised(bot: Bot, shop: Repository) -> None:
    """Resolving takes `contents: write`; without it the comment is minimised as resolved."""
    installation = bot.github.installation_of(shop)
    assert installation
    installation.permissions["contents"] = "read"
    pull = shop.open_pull({"app.py": BLOCKING})
    await bot.review(pull)
    pull.push({"app.py": MAIN})
    await bot.review(pull)
    (thread,) = pull.threads
    assert not thread.resolved
    assert thread.first.minimized == "RESOLVED"
    before = bot.github.count("POST /graphql")
    await bot.review(pull)
    assert bot.github.count("POST /graphql") == before + 2  # nothing is minimised again


async def test_an_outdated_one_is_minimised_as_outdated(bot: Bot, shop: Repository) -> None:
    """Without the permission to resolve, what another suggestion replaces is hidden for what it is."""
    installation = bot.github.installation_of(shop)
    assert installation
    installation.permissions["contents"] = "read"
    pull = shop.open_pull({"app.py": BLOCKING})
    await bot.review(pull)
    pull.push({"app.py": CHANGED})
    assert await bot.review(pull) is Outcome.REVIEWED
    assert [thread.first.minimized for thread in pull.threads] == ["OUTDATED", None]


async def test_current_threads_are_left_alone(bot: Bot, pull: PullRequest) -> None:
    """A push elsewhere changes nothing: no new comment, nothing resolved, no edit."""
    pull.push({"other.py": "import os\n"})
    before = [comment.body for comment in pull.comments]
    assert await bot.review(pull) is Outcome.CHECKED
    assert [comment.body for comment in pull.comments] == before
    assert open_threads(pull) == 1


async def test_an_outdated_suggestion_is_offered_again(bot: Bot, pull: PullRequest) -> None:
    """Where the lines changed the suggestion could not be committed any more: one that can takes its place."""
    pull.push({"app.py": CHANGED})
    assert pull.threads[0].outdated
    assert await bot.review(pull) is Outcome.REVIEWED
    old, new = pull.threads
    assert old.resolved_by == bot.github.app.bot
    assert not new.resolved
    assert len(old.comments) == 1
    pull.commit_suggestion(new.first)
    assert pull.head_repository.read("app.py", pull.head).decode() == CHANGED.replace("async def", "def")


async def test_a_thread_that_people_talk_in_stays(bot: Bot, pull: PullRequest) -> None:
    """Who had the last word keeps the thread, outdated or fixed."""
    pull.threads[0].first.reply("I would rather keep this.")
    pull.push({"app.py": CHANGED})
    assert await bot.review(pull) is Outcome.CHECKED
    pull.push({"app.py": MAIN})
    await bot.review(pull)
    assert open_threads(pull) == 1


async def test_the_last_word_in_a_talk(bot: Bot, pull: PullRequest) -> None:
    """A thread in which we had the last word, or another bot, is resolved when its finding is gone."""
    (thread,) = pull.threads
    thread.first.reply("Why?", "bob")
    thread.answer("Since it blocks.", bot.github.app.bot, by_app=True)
    thread.first.reply("Noted.", "quoting[bot]")
    pull.push({"app.py": MAIN})
    await bot.review(pull)
    assert thread.resolved


async def test_an_outdated_one_for_which_nothing_can_be_offered(bot: Bot, pull: PullRequest) -> None:
    """It stays as it is: what it offered cannot be committed any more, and to say the same once more would be noise."""
    for number in range(2):
        pull.push({"app.py": WAITING.replace("index()", f"index(name{number}: str = '')")})
        assert await bot.review(pull) is Outcome.CHECKED
        (thread,) = pull.threads
        assert (thread.outdated, thread.resolved) == (True, False)


async def test_a_suggestion_that_would_be_wrong_by_now(bot: Bot, pull: PullRequest) -> None:
    """Its lines stay, but what it makes of them would not work any more: it is not left to be committed, and what can be done is shown."""
    (old,) = pull.threads
    pull.push({"app.py": WAITING})
    assert not old.outdated
    assert await bot.review(pull) is Outcome.REVIEWED
    assert [thread.resolved for thread in pull.threads] == [True, False]
    assert len(old.comments) == 1
    assert "+    await asyncio.sleep(1)" in pull.threads[1].first.body
    pull.push({"other.py": "import os\n"})
    assert await bot.review(pull) is Outcome.CHECKED
    assert len(pull.threads) == 2


async def test_a_wrong_suggestion_where_no_comment_is_left(bot: Bot, shop: Repository) -> None:
    """Also where the limits allow no other comment: then it stands in the check run, and the thread is not opened again."""
    shop.commit({".github/asyncify.toml": "max-comments = {review = 1, pull-request = 1}\n"})
    pull = shop.open_pull({"app.py": BLOCKING})
    await bot.review(pull)
    pull.push({"app.py": WAITING})
    for _ in range(2):
        assert await bot.review(pull) is Outcome.CHECKED
        assert [thread.resolved for thread in pull.threads] == [True]
        pull.push({"other.py": f"N = {len(pull.earlier_heads)}\n"})
    (run,) = pull.repository.check_runs_at(pull.earlier_heads[-1])
    assert "annotation (over the limit of comments)" in (run.summary or "")


async def test_a_suggestion_that_somebody_asked_for_and_that_would_be_wrong(bot: Bot, shop: Repository) -> None:
    """What was there before is dealt with in the same way, and left alone as long as it is right."""
    shop.commit({"app.py": BLOCKING})
    pull = shop.open_pull({"app.py": BLOCKING + "\n\nOPEN = True\n"})
    await bot.review(pull, "1")
    (thread,) = pull.threads
    pull.push({"other.py": "import os\n"})
    await bot.review(pull)
    assert not thread.resolved
    pull.push({"app.py": WAITING})
    await bot.review(pull)
    assert not thread.outdated
    assert thread.resolved


async def test_another_suggestion_on_other_lines(bot: Bot, shop: Repository) -> None:
    """Where the remedy changes, the new one is offered and the old thread is resolved without a word."""
    shop.commit(
        {
            "app.py": HTTP.replace(
                "    return requests", "    if False:\n        return {}\n    return requests"
            ).replace("requests.get", "dict")
        }
    )
    pull = shop.open_pull({"app.py": HTTP})
    await bot.review(pull)
    (old,) = pull.threads
    pull.push({"app.py": HTTP.replace("    return requests", "    await asyncio.sleep(0)\n    return requests")})
    assert not old.outdated
    assert await bot.review(pull) is Outcome.REVIEWED
    assert [thread.resolved for thread in pull.threads] == [True, False]
    pull.commit_suggestion(pull.threads[1].first)
    assert b"await run_in_threadpool(requests.get" in pull.head_repository.read("app.py", pull.head)


async def test_what_comes_back_on_other_lines_is_said_anew(bot: Bot, pull: PullRequest) -> None:
    """A fix that is taken back where the thread's lines are gone: what is there is said once more, in one open thread."""
    pull.push({"app.py": MAIN})
    await bot.review(pull)
    pull.push({"app.py": CHANGED})
    assert await bot.review(pull) is Outcome.REVIEWED
    assert [thread.resolved for thread in pull.threads] == [True, False]
    pull.push({"other.py": "import os\n"})
    assert await bot.review(pull) is Outcome.CHECKED
    assert [thread.resolved for thread in pull.threads] == [True, False]


async def test_commands_are_no_talk(bot: Bot, pull: PullRequest) -> None:
    """A thread that only got a command is resolved when its finding is gone."""
    pull.threads[0].first.reply("/asyncify fix")
    pull.push({"app.py": MAIN})
    await bot.review(pull)
    assert open_threads(pull) == 0


async def test_what_a_person_resolved_stays_muted(bot: Bot, pull: PullRequest) -> None:
    """It is not said again, wherever its lines go, and the check run does not count it."""
    pull.threads[0].resolve("ann")
    pull.push({"app.py": CHANGED})
    assert await bot.review(pull) is Outcome.CHECKED
    assert len(pull.comments) == 1
    (run,) = pull.check_runs
    assert run.conclusion == "success"
    assert "1 finding muted here. Opening its thread again, or `/asyncify resume`, brings it back." in (
        run.summary or ""
    )


async def test_what_a_person_resolved_stays_muted_in_a_renamed_file(bot: Bot, pull: PullRequest) -> None:
    """Also when its file gets another name."""
    pull.threads[0].resolve("ann")
    pull.push({"app.py": None, "shop.py": BLOCKING})
    assert await bot.review(pull) is Outcome.CHECKED
    assert len(pull.comments) == 1


async def test_a_renamed_file_moves_its_threads(bot: Bot, pull: PullRequest) -> None:
    """An open thread of a file that got another name is resolved, and one stands on the new name."""
    pull.push({"app.py": None, "shop.py": BLOCKING})
    assert await bot.review(pull) is Outcome.REVIEWED
    assert [thread.resolved for thread in pull.threads] == [True, False]
    assert pull.threads[1].first.path == "shop.py"


@pytest.mark.parametrize("named", [True, False])
async def test_what_comes_back_is_opened_again(bot: Bot, pull: PullRequest, named: bool) -> None:
    """A fix that is taken back opens its thread again, rather than a second one, as often as that happens. Whether GitHub names
    the bot that resolved it does not matter.
    """
    bot.github.names_resolving_bots = named
    for _ in range(2):
        pull.push({"app.py": MAIN})
        await bot.review(pull)
        assert open_threads(pull) == 0
        pull.push({"app.py": BLOCKING})
        assert await bot.review(pull) is Outcome.CHECKED
        assert open_threads(pull) == 1
    assert len(pull.threads) == 1


async def test_what_people_open_again_without_a_word_stays_open(bot: Bot, pull: PullRequest) -> None:
    """We resolved it, somebody sees that otherwise: nobody is fought with, whatever is pushed afterwards, and nothing is said twice."""
    (thread,) = pull.threads
    pull.push({"app.py": MAIN})
    await bot.review(pull)
    assert thread.resolved
    thread.resolved_by = None
    for text in (MAIN + "\n", BLOCKING, CHANGED, MAIN):
        pull.push({"app.py": text})
        assert await bot.review(pull) is Outcome.CHECKED
        assert not thread.resolved
    assert pull.threads == [thread]


async def test_what_was_replaced_and_is_opened_again_stays_open(bot: Bot, pull: PullRequest) -> None:
    """Also where another thread took its place; that one is dealt with as always."""
    pull.push({"app.py": CHANGED})
    await bot.review(pull)
    old, new = pull.threads
    old.resolved_by = None
    pull.push({"other.py": "import os\n"})
    await bot.review(pull)
    pull.push({"app.py": MAIN})
    await bot.review(pull)
    assert [thread.resolved for thread in (old, new)] == [False, True]
    assert len(pull.threads) == 2


async def test_what_people_show_again_is_not_minimised_again(bot: Bot, shop: Repository) -> None:
    """The same where we may not resolve."""
    installation = bot.github.installation_of(shop)
    assert installation
    installation.permissions["contents"] = "read"
    pull = shop.open_pull({"app.py": BLOCKING})
    await bot.review(pull)
    pull.push({"app.py": MAIN})
    await bot.review(pull)
    comment = pull.threads[0].first
    assert comment.minimized == "RESOLVED"
    comment.minimized = None
    pull.push({"other.py": "import os\n"})
    await bot.review(pull)
    assert comment.minimized is None


@pytest.mark.parametrize(("role", "mutes"), [("write", True), ("maintain", True), ("triage", False), ("read", False)])
async def test_thumbs_down(bot: Bot, shop: Repository, pull: PullRequest, role: str, mutes: bool) -> None:
    """A thumbs-down mutes where it comes from somebody with write access, and means nothing else otherwise."""
    shop.collaborators["bob"] = role
    pull.comments[0].react("-1", "bob")
    pull.push({"other.py": "import os\n"})
    await bot.review(pull)
    assert open_threads(pull) == (0 if mutes else 1)
    assert pull.check_runs[0].conclusion == ("success" if mutes else "neutral")
    pull.comments[0].reactions.clear()
    pull.push({"app.py": CHANGED})
    assert await bot.review(pull) is (Outcome.CHECKED if mutes else Outcome.REVIEWED)


@pytest.mark.parametrize("name", ["blocking/sleep", "blocking"])
async def test_a_muted_rule(bot: Bot, shop: Repository, name: str) -> None:
    """What is muted by name is not said, and no longer counted."""
    pull = shop.open_pull({"app.py": BLOCKING})
    await bot.store.mute(ref(pull), [Mute(name)])
    assert await bot.review(pull) is Outcome.CHECKED
    assert not pull.comments
    assert pull.check_runs[0].conclusion == "success"


async def test_paused(bot: Bot, pull: PullRequest) -> None:
    """A paused pull request gets a check run that says so, and no review; resumed, it gets what it missed."""
    await bot.store.mute(ref(pull), [Mute(PAUSED)])
    pull.push({"app.py": FOUR})
    assert await bot.review(pull) is Outcome.PAUSED
    (run,) = pull.check_runs
    assert (run.conclusion, run.title) == ("skipped", "Paused")
    assert len(pull.comments) == 1
    await bot.store.unmute(ref(pull), PAUSED)
    assert await bot.review(pull) is Outcome.REVIEWED
    assert len(pull.comments) == 4
    assert pull.check_runs == [run]
    assert run.conclusion == "neutral"


async def test_asked_for_all(bot: Bot, shop: Repository) -> None:
    """Who asks hears of what was there before, once, in one review; the next push does not repeat it."""
    shop.commit({"app.py": FOUR})
    pull = shop.open_pull({"app.py": FOUR + "\n\nOPEN = True\n"})
    assert await bot.review(pull) is Outcome.CHECKED
    assert not pull.comments
    assert await bot.review(pull, "1") is Outcome.REVIEWED
    assert await bot.review(pull, "1") is Outcome.CHECKED
    assert (
        len([review for review in pull.reviews if review.body]) == 1
    )  # GitHub wraps each comment on a file in one without text
    said = len(pull.comments)
    assert said == 4
    pull.push({"other.py": "import os\n"})
    assert await bot.review(pull) is Outcome.CHECKED
    assert len(pull.comments) == said
    assert open_threads(pull) == said
    assert await bot.review(pull, "2") is Outcome.CHECKED


async def test_limits(bot: Bot, shop: Repository) -> None:
    """Ten comments a review, twenty-five a pull request; the check run tells the rest."""
    pull = shop.open_pull({"app.py": MAIN + "".join(HANDLER.format(name=f"h{n}") for n in range(12))})
    await bot.review(pull)
    assert len(pull.comments) == 10
    for start in (12, 24, 36):
        pull.push({f"m{start}.py": MAIN + "".join(HANDLER.format(name=f"h{start + n}") for n in range(12))})
        await bot.review(pull)
    assert len(pull.comments) == 25
    (run,) = pull.check_runs
    assert (run.title or "").startswith("48 findings")
    assert f"{run.summary}{run.text}".count("| `blocking/sleep` |") == 48


async def test_a_force_push_resolves_what_it_took_away(bot: Bot, pull: PullRequest) -> None:
    """After a force push the same holds as after any other."""
    pull.force_push({"other.py": "import os\n"})
    await bot.review(pull)
    assert open_threads(pull) == 0
    pull.force_push({"app.py": BLOCKING})
    await bot.review(pull)
    assert open_threads(pull) == 1


async def test_another_base(bot: Bot, shop: Repository, pull: PullRequest) -> None:
    """On a base that holds it already the finding is no news; nothing is repeated, nothing resolved that is there."""
    shop.move_branch("next", pull.head)
    pull.push({"other.py": "import os\n"})
    pull.retarget("next")
    assert await bot.review(pull) is Outcome.CHECKED
    assert len(pull.comments) == 1
    assert pull.check_runs[0].conclusion == "success"


async def test_closed_and_reopened(bot: Bot, pull: PullRequest) -> None:
    """A pull request that was closed and is open again is not reviewed anew."""
    pull.close()
    assert await bot.review(pull) is Outcome.CLOSED
    pull.reopen()
    assert await bot.review(pull) is Outcome.CHECKED
    assert len(pull.comments) == 1


async def test_a_file_that_does_not_parse_resolves_nothing(bot: Bot, pull: PullRequest) -> None:
    """What cannot be read is not taken for fixed."""
    pull.push({"app.py": BLOCKING + "\ndef (:\n"})
    await bot.review(pull)
    assert open_threads(pull) == 1


async def test_a_thread_that_cannot_be_resolved_harms_nothing(bot: Bot, pull: PullRequest) -> None:
    """Where GitHub says no after all, the comment is minimised, and the check run stands."""
    pull.push({"app.py": MAIN})
    bot.github.faults.graphql_error("Resource not accessible", kind="FORBIDDEN", containing="resolveReviewThread")
    assert await bot.review(pull) is Outcome.CHECKED
    assert pull.threads[0].first.minimized == "RESOLVED"
    assert pull.check_runs[0].conclusion == "success"


async def test_threads_that_github_had_no_time_for(bot: Bot, pull: PullRequest) -> None:
    """What GraphQL did not manage is tried again later, and nothing is hidden in its place."""
    pull.push({"app.py": MAIN})
    bot.github.faults.graphql_error(
        "Something went wrong while executing your query.", containing="resolveReviewThread"
    )
    with pytest.raises(RetryLater):
        await bot.review(pull)
    (thread,) = pull.threads
    assert (thread.resolved, thread.first.minimized) == (False, None)
    assert await bot.review(pull) is Outcome.CHECKED
    assert thread.resolved
