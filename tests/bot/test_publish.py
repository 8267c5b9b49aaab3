"""Writing to a strict fake of GitHub that breaks in the middle."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from bot import publish
from bot.errors import Dropped, RetryLater
from bot.markers import write_marker
from bot.models import CheckRun, PostedComment, PostedFileComment, Review
from bot.publish import publish_check_run, publish_review
from bot.standing import standing

from .fake_github import PullRequest
from .reviewing import MAIN, Bot, ref

REVIEWS = "POST */reviews"
CREATE_RUN = "POST /repos/{owner}/{repo}/check-runs"
UPDATE_RUN = "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}"


@pytest.fixture
def pull(bot: Bot) -> PullRequest:
    shop = bot.github.repository("acme/shop", {"app.py": MAIN, "old.py": "x = 1\n" * 50})
    return shop.open_pull({"app.py": MAIN.replace("return {}", "x = 1\n    return {}"), "new.py": "n = 1\n" * 30})


def comment(pull: PullRequest, path: str, line: int, start: int | None = None) -> PostedComment:
    fingerprint = path.removesuffix(".py") + str(line)
    body = f"Here.\n\n{write_marker([fingerprint], pull.head)}"
    return PostedComment(path, line, body, start)


def review(pull: PullRequest, *comments: PostedComment, files: tuple[PostedFileComment, ...] = ()) -> Review:
    return Review(pull.head, f"Hello.\n\n{write_marker([], pull.head)}", comments, files)


async def post(bot: Bot, pull: PullRequest, said: Review) -> tuple[publish.Refused, ...]:
    github = bot.installation(pull)
    return await publish_review(github, (await standing(github, ref(pull))).pull, said)


async def check(bot: Bot, pull: PullRequest, run: CheckRun) -> None:
    github = bot.installation(pull)
    await publish_check_run(github, await standing(github, ref(pull)), run)


def annotation(number: int) -> Mapping[str, object]:
    return {
        "path": "app.py",
        "start_line": number,
        "end_line": number,
        "annotation_level": "warning",
        "message": f"Message {number}.",
    }


class TestReview:
    async def test_posted(self, bot: Bot, pull: PullRequest) -> None:
        """A review is one call: a comment on the commit that was analysed, with its comments on the new side."""
        said = review(pull, comment(pull, "new.py", 9, 7), comment(pull, "app.py", 10, 10))
        assert await post(bot, pull, said) == ()
        (posted,) = pull.reviews
        assert (posted.state, posted.commit_id, posted.body) == ("COMMENTED", pull.head, said.body)
        assert [(one.path, one.start_line, one.line, one.side) for one in posted.comments] == [
            ("new.py", 7, 9, "RIGHT"),
            ("app.py", None, 10, "RIGHT"),
        ]

    @pytest.mark.parametrize("how", ["502", "reset"])
    @pytest.mark.parametrize("done", [True, False])
    async def test_lost_answer(self, bot: Bot, pull: PullRequest, how: str, done: bool) -> None:
        """A review whose answer is lost stands once, whether GitHub had made it or not."""
        if how == "502":
            bot.github.faults.server_error(REVIEWS, after=done)
        else:
            bot.github.faults.connection_reset(REVIEWS, after=done)
        assert await post(bot, pull, review(pull, comment(pull, "new.py", 1))) == ()
        assert len(pull.reviews) == 1

    async def test_no_answer(self, bot: Bot, pull: PullRequest) -> None:
        """Where GitHub fails twice, the job waits."""
        bot.github.faults.server_error(REVIEWS, times=2)
        with pytest.raises(RetryLater):
            await post(bot, pull, review(pull, comment(pull, "new.py", 1)))
        assert pull.reviews == []

    async def test_illegal_line(self, bot: Bot, pull: PullRequest) -> None:
        """A comment that GitHub does not take is left out, and the others are posted, still in one review."""
        bad = comment(pull, "app.py", 1_000)
        good = comment(pull, "new.py", 5)
        before = REGISTRY.get_sample_value("asyncify_review_422_total") or 0
        assert await post(bot, pull, review(pull, bad, good)) == (bad,)
        assert REGISTRY.get_sample_value("asyncify_review_422_total") == before + 1
        (posted,) = pull.reviews
        assert [one.path for one in posted.comments] == ["new.py"]

    async def test_illegal_body(self, bot: Bot, pull: PullRequest) -> None:
        """Where the fault is not the line, one half is posted rather than nothing."""
        comments = [comment(pull, "new.py", line) for line in range(1, 7)]
        comments[4] = replace(comments[4], body="x" * 70_000)
        refused = await post(bot, pull, review(pull, *comments))
        assert comments[4] in refused
        assert len(pull.reviews) == 1
        assert len(pull.reviews[0].comments) == 3

    async def test_nothing_taken(self, bot: Bot, pull: PullRequest) -> None:
        """Where nothing is taken, all is handed back, within six calls more."""
        comments = [replace(comment(pull, "new.py", line), body="x" * 70_000) for line in range(1, 5)]
        bot.github.forget_calls()
        assert await post(bot, pull, review(pull, *comments)) == tuple(comments)
        assert bot.github.count() <= 2 + 1 + 6  # the token and how the pull request stands, the review itself, and six
        assert pull.reviews == []

    async def test_moved(self, bot: Bot, pull: PullRequest) -> None:
        """Where the head moved, the refused review is dropped: the next job speaks of the new head."""
        said = review(pull, comment(pull, "app.py", 1_000))
        github = bot.installation(pull)
        before = (await standing(github, ref(pull))).pull
        pull.push({"app.py": MAIN})
        with pytest.raises(Dropped):
            await publish_review(github, before, said)

    async def test_file_comments(self, bot: Bot, pull: PullRequest) -> None:
        """Comments on files follow the review; a lost answer does not double them."""
        body = f"There.\n\n{write_marker(['abc'], pull.head)}"
        bot.github.faults.server_error("POST */pulls/*/comments", after=True)
        assert await post(bot, pull, review(pull, files=(PostedFileComment("new.py", body),))) == ()
        assert [(one.path, one.subject) for one in pull.comments] == [("new.py", "file")]

    async def test_refused_file_comment(self, bot: Bot, pull: PullRequest) -> None:
        """A comment on a file that GitHub does not take is handed back."""
        body = f"There.\n\n{write_marker(['abc'], pull.head)}"
        bad, good = PostedFileComment("old.py", body), PostedFileComment("new.py", body)
        assert await post(bot, pull, review(pull, files=(bad, good))) == (bad,)

    async def test_not_allowed(self, bot: Bot, pull: PullRequest) -> None:
        """Where we may not comment (locked, archived, not granted), all is handed back."""
        bot.github.faults.forbidden(REVIEWS, times=9)
        said = review(pull, comment(pull, "new.py", 5))
        assert await post(bot, pull, said) == said.comments


class TestCheckRun:
    async def test_one_call(self, bot: Bot, pull: PullRequest) -> None:
        """A check run is made complete at once, and saying the same again costs nothing."""
        run = CheckRun("neutral", "1 finding", "Summary.", "Text.", (annotation(3),))
        await check(bot, pull, run)
        (made,) = pull.check_runs
        assert (made.name, made.status, made.conclusion) == ("asyncify", "completed", "neutral")
        assert (made.title, made.summary, made.text) == ("1 finding", "Summary.", "Text.")
        assert made.external_id is not None
        assert made.external_id.startswith(f"{pull.number}:")
        await check(bot, pull, run)
        assert len(made.history) == 1

    async def test_many_annotations(self, bot: Bot, pull: PullRequest) -> None:
        """Annotations come fifty at a time, two hundred at most."""
        await check(bot, pull, CheckRun("neutral", "t", "s", "", tuple(map(annotation, range(1, 231)))))
        (made,) = pull.check_runs
        assert [one["start_line"] for one in made.annotations] == list(range(1, 201))
        assert bot.github.count(CREATE_RUN) == 1
        assert bot.github.count(UPDATE_RUN) == 3

    async def test_interrupted(self, bot: Bot, pull: PullRequest) -> None:
        """A run that was cut off between two parts is completed without saying anything twice."""
        run = CheckRun("neutral", "t", "s", "", tuple(map(annotation, range(1, 121))))
        bot.github.faults.server_error("PATCH */check-runs/*", times=9)
        with pytest.raises(RetryLater):
            await check(bot, pull, run)
        bot.github.faults.waiting.clear()
        await check(bot, pull, run)
        (made,) = pull.check_runs
        assert [one["start_line"] for one in made.annotations] == list(range(1, 121))
        await check(bot, pull, run)
        assert len(made.history) == 3

    async def test_changed(self, bot: Bot, pull: PullRequest) -> None:
        """There is one check run on a head: what is new to say changes it."""
        await check(bot, pull, CheckRun("neutral", "t", "s", "", (annotation(1),)))
        await check(bot, pull, CheckRun("success", "u", "s", "", (annotation(1), annotation(2))))
        (made,) = pull.check_runs
        assert (made.conclusion, made.title) == ("success", "u")
        assert [one["start_line"] for one in made.annotations] == [1, 2]

    @pytest.mark.parametrize("done", [True, False])
    async def test_lost_answer(self, bot: Bot, pull: PullRequest, done: bool) -> None:
        """A lost answer does not double the check run."""
        bot.github.faults.server_error("POST */check-runs", after=done)
        await check(bot, pull, CheckRun("success", "t", "s"))
        assert len(pull.check_runs) == 1

    async def test_not_allowed(self, bot: Bot, pull: PullRequest) -> None:
        """Without the permission for checks there is no check run, and no failure."""
        bot.github.faults.forbidden("POST */check-runs")
        await check(bot, pull, CheckRun("success", "t", "s"))
        assert pull.check_runs == []

    async def test_too_long(self, bot: Bot, pull: PullRequest) -> None:
        """GitHub's limit for a text is kept, whatever is handed over."""
        await check(bot, pull, CheckRun("success", "t", "s" * 70_000, "t" * 70_000))
        assert len(pull.check_runs[0].summary or "") == 65_535
