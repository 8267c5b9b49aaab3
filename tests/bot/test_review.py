"""The whole line on a strict fake of GitHub, with the real rules."""

import pytest

from bot.analysis import Analyst
from bot.errors import Dropped, RetryLater
from bot.review import Outcome, Tools, give_up, review

from .fake_github import PullRequest, Repository
from .reviewing import BLOCKING, MAIN, Bot, ref

REVIEWS = "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews"


@pytest.fixture
def shop(bot: Bot) -> Repository:
    return bot.github.repository("acme/shop", {"app.py": MAIN, "README.md": "# Shop\n"})


def says_nothing(pull: PullRequest) -> bool:
    return not pull.reviews and not pull.check_runs and not pull.comments and not pull.issue_comments


class TestReview:
    async def test_blocking_call(self, bot: Bot, shop: Repository) -> None:
        """What blocks the event loop is said once, where it stands, with a suggestion that mends it."""
        pull = shop.open_pull({"app.py": BLOCKING}, fork=True)
        assert await bot.review(pull) is Outcome.REVIEWED
        (posted,) = pull.reviews
        assert posted.commit_id == pull.head
        (comment,) = posted.comments
        assert comment.path == "app.py"
        (run,) = pull.check_runs
        assert (run.status, run.conclusion) == ("completed", "neutral")
        pull.commit_suggestion(comment)
        assert pull.head_repository.read("app.py", pull.head).decode() != BLOCKING
        assert await bot.review(pull) is Outcome.CHECKED
        assert pull.check_runs[0].conclusion == "success"
        assert len(pull.reviews) == 1

    async def test_twice(self, bot: Bot, shop: Repository) -> None:
        """Run again on the same head, nothing is said again."""
        pull = shop.open_pull({"app.py": BLOCKING})
        await bot.review(pull)
        await bot.review(pull)
        assert len(pull.reviews) == 1
        assert len(pull.comments) == 1
        assert len(pull.check_runs) == 1

    async def test_push(self, bot: Bot, shop: Repository) -> None:
        """After a push, only what is new is said."""
        pull = shop.open_pull({"app.py": BLOCKING})
        await bot.review(pull)
        other = BLOCKING.replace("app = ", "x = 1\napp = ") + BLOCKING.partition("app = FastAPI()\n")[2].replace(
            '"/")\nasync def index', '"/other")\nasync def other'
        )
        pull.push({"app.py": other})
        await bot.review(pull)
        assert [len(posted.comments) for posted in pull.reviews] == [1, 1]
        pull.push({"README.md": "# The shop\n"})
        await bot.review(pull)
        assert len(pull.reviews) == 2
        assert len(pull.check_runs) == 1

    async def test_old_sins(self, bot: Bot) -> None:
        """What was there before is not said."""
        shop = bot.github.repository("acme/shop", {"app.py": BLOCKING})
        pull = shop.open_pull({"app.py": BLOCKING.replace("return {}", "return {'a': 'b'}")})
        assert await bot.review(pull) is Outcome.CHECKED
        assert pull.reviews == []
        assert [run.conclusion for run in pull.check_runs] == ["success"]

    async def test_renamed(self, bot: Bot) -> None:
        """A file that only gets another name introduces nothing."""
        shop = bot.github.repository("acme/shop", {"app.py": BLOCKING})
        pull = shop.open_pull({"app.py": None, "shop/app.py": BLOCKING})
        assert await bot.review(pull) is Outcome.CHECKED
        assert pull.reviews == []

    async def test_other_file(self, bot: Bot, shop: Repository) -> None:
        """What a helper in another file does is seen from the endpoint."""
        shop.commit({"helper.py": "import time\n\n\ndef pause() -> None:\n    time.sleep(1)\n"})
        text = MAIN.replace("import time\n", "from helper import pause\n").replace(
            "    return", "    pause()\n    return"
        )
        pull = shop.open_pull({"app.py": text})
        assert await bot.review(pull) is Outcome.REVIEWED
        assert {comment.path for comment in pull.comments} == {"app.py"}

    async def test_real_processes(self, bot: Bot, shop: Repository) -> None:
        """The same in the processes that the bot really uses."""
        pull = shop.open_pull({"app.py": BLOCKING})
        analyst = Analyst(1)
        try:
            assert await review(ref(pull), Tools(bot.client, bot.store, analyst)) is Outcome.REVIEWED
        finally:
            await analyst.close()

    async def test_few_calls(self, bot: Bot) -> None:
        """A pull request of fifty files whose repository is known costs seven calls, and the review stands after four in turn."""
        files = {f"m{number}.py": BLOCKING.replace('"/"', f'"/{number}"') for number in range(200)}
        shop = bot.github.repository("acme/shop", files)
        await bot.review(shop.open_pull({"m0.py": files["m0.py"] + "\n"}))
        more = {path: text.replace("sleep(1)", "sleep(2)") for path, text in list(files.items())[:50]}
        pull = shop.open_pull(more)
        bot.github.latency = 0.05
        bot.github.forget_calls()
        assert await bot.review(pull) is Outcome.REVIEWED
        assert bot.github.count() <= 7
        while str(bot.github.calls[-1]) != REVIEWS:
            bot.github.calls.pop()
        assert bot.github.round_trips() <= 4

    async def test_renamed_repository(self, bot: Bot, shop: Repository) -> None:
        """A repository that got another name meanwhile is found, and written to, through GitHub's redirects."""
        pull = shop.open_pull({"app.py": BLOCKING})
        old = ref(pull)
        shop.rename("store")
        assert await review(old, Tools(bot.client, bot.store, bot.analyst)) is Outcome.REVIEWED
        assert len(pull.comments) == 1


class TestSilence:
    async def test_no_python(self, bot: Bot, shop: Repository) -> None:
        """A pull request without Python is none of our business."""
        pull = shop.open_pull({"README.md": "# The shop\n"})
        assert await bot.review(pull) is Outcome.SILENT
        assert says_nothing(pull)

    async def test_no_fastapi(self, bot: Bot) -> None:
        """A repository without FastAPI is none of our business."""
        tool = bot.github.repository("acme/tool", {"tool.py": "import time\n"})
        pull = tool.open_pull({"tool.py": "import time\n\ntime.sleep(1)\n"})
        assert await bot.review(pull) is Outcome.SILENT
        assert says_nothing(pull)

    async def test_disabled(self, bot: Bot, shop: Repository) -> None:
        """`enabled = false` on the base branch silences the bot, and nothing is fetched."""
        shop.commit({".github/asyncify.toml": "enabled = false\n"})
        pull = shop.open_pull({"app.py": BLOCKING, ".github/asyncify.toml": "enabled = true\n"})
        assert await bot.review(pull) is Outcome.SILENT
        assert says_nothing(pull)
        assert bot.analyst.read_files == 0

    async def test_closed(self, bot: Bot, shop: Repository) -> None:
        """A closed pull request is left alone."""
        pull = shop.open_pull({"app.py": BLOCKING})
        pull.close()
        assert await bot.review(pull) is Outcome.CLOSED
        assert says_nothing(pull)

    async def test_draft(self, bot: Bot, shop: Repository) -> None:
        """A draft gets a skipped check run and no comment, until it is ready."""
        pull = shop.open_pull({"app.py": BLOCKING}, draft=True)
        assert await bot.review(pull) is Outcome.CHECKED
        assert pull.reviews == []
        assert [run.conclusion for run in pull.check_runs] == ["skipped"]
        pull.draft = False
        assert await bot.review(pull) is Outcome.REVIEWED
        assert [run.conclusion for run in pull.check_runs] == ["neutral"]

    async def test_bot(self, bot: Bot, shop: Repository) -> None:
        """A bot's pull request gets a check run only, unless it is asked for."""
        pull = shop.open_pull({"app.py": BLOCKING}, author="dependabot[bot]")
        assert await bot.review(pull) is Outcome.CHECKED
        assert pull.reviews == []
        assert pull.check_runs[0].annotations
        shop.commit({".github/asyncify.toml": "review-bots = true\n"})
        asked = shop.open_pull({"app.py": BLOCKING}, author="dependabot[bot]")
        assert await bot.review(asked) is Outcome.REVIEWED

    async def test_own_pull(self, bot: Bot, shop: Repository) -> None:
        """The bot never comments on what it opened itself, whatever is configured."""
        shop.commit({".github/asyncify.toml": "review-bots = true\n"})
        pull = shop.open_pull({"app.py": BLOCKING}, author="asyncify[bot]")
        assert await bot.review(pull) is Outcome.CHECKED
        assert pull.reviews == []
        assert pull.check_runs[0].annotations


class TestFailure:
    async def test_moved(self, bot: Bot, shop: Repository) -> None:
        """A push during the analysis leaves the word to the next job."""
        pull = shop.open_pull({"app.py": BLOCKING})
        bot.analyst.before = lambda: pull.push({"app.py": MAIN + "\n"})
        with pytest.raises(Dropped):
            await bot.review(pull)
        assert says_nothing(pull)
        bot.analyst.before = lambda: None
        assert await bot.review(pull) is Outcome.CHECKED

    async def test_closed_meanwhile(self, bot: Bot, shop: Repository) -> None:
        """What is closed during the analysis gets no review."""
        pull = shop.open_pull({"app.py": BLOCKING})
        bot.analyst.before = pull.close
        with pytest.raises(Dropped):
            await bot.review(pull)
        assert says_nothing(pull)

    async def test_failed_analysis(self, bot: Bot, shop: Repository) -> None:
        """An analysis that does not end well is told in a neutral check run, and the next one replaces it."""
        pull = shop.open_pull({"app.py": BLOCKING})
        bot.analyst.failure = "The analysis took longer than 60 seconds."
        assert await bot.review(pull) is Outcome.NOT_ANALYSED
        (run,) = pull.check_runs
        assert run.conclusion == "neutral"
        assert "longer than 60 seconds" in (run.summary or "")
        bot.analyst.failure = ""
        assert await bot.review(pull) is Outcome.REVIEWED
        assert len(pull.check_runs) == 1

    async def test_asked_again(self, bot: Bot, shop: Repository) -> None:
        """Where somebody runs the check again, its check run is written again, though it says the same: GitHub waits for it."""
        pull = shop.open_pull({"app.py": BLOCKING})
        await bot.review(pull)
        bot.github.webhook("check_run", "rerequested", pull.check_runs[0])
        assert await bot.review(pull) is Outcome.CHECKED
        (run,) = pull.check_runs
        assert len(run.history) == 2
        await bot.review(pull)
        assert len(run.history) == 2

    async def test_given_up(self, bot: Bot, shop: Repository) -> None:
        """A review that is given up is told in the check run, unless the head has its review."""
        pull = shop.open_pull({"app.py": BLOCKING})
        tools = Tools(bot.client, bot.store, bot.analyst)
        await give_up(ref(pull), tools, "It was begun 5 times and never came to an end.")
        (run,) = pull.check_runs
        assert (run.status, run.conclusion) == ("completed", "neutral")
        assert "begun 5 times" in (run.summary or "")
        await bot.review(pull)
        await give_up(ref(pull), tools, "It was begun 5 times and never came to an end.")
        assert "begun 5 times" not in (run.summary or "")

    async def test_limit(self, bot: Bot, shop: Repository) -> None:
        """A limit ends the job for now; the next run does the rest, and says nothing twice."""
        pull = shop.open_pull({"app.py": BLOCKING})
        bot.github.faults.secondary_limit("POST */check-runs", retry_after=30)
        with pytest.raises(RetryLater) as caught:
            await bot.review(pull)
        assert caught.value.seconds == 30
        bot.client.silences.clear()
        await bot.review(pull)
        assert len(pull.reviews) == 1
        assert len(pull.check_runs) == 1

    async def test_refused_comment(self, bot: Bot, shop: Repository) -> None:
        """A comment that GitHub does not take becomes an annotation of the check run."""
        pull = shop.open_pull({"app.py": BLOCKING})
        bot.github.faults.forbidden("POST */reviews", times=9)
        await bot.review(pull)
        assert pull.reviews == []
        (annotation,) = pull.check_runs[0].annotations
        assert annotation["path"] == "app.py"

    async def test_lost_answer(self, bot: Bot, shop: Repository) -> None:
        """A review whose answer was lost is not posted again."""
        pull = shop.open_pull({"app.py": BLOCKING})
        bot.github.faults.server_error("POST */reviews", after=True)
        assert await bot.review(pull) is Outcome.REVIEWED
        assert len(pull.reviews) == 1
