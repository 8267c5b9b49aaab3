"""A pull request that was reviewed, and people who ask the bot for something in it."""

from dataclasses import dataclass
from itertools import count

from bot.answering import answer
from bot.events import Asked, requested

from .fake_github import IssueComment, PullRequest, Repository, ReviewComment
from .reviewing import BLOCKING, MAIN, Bot

HANDLER = '\n\n@app.get("/{name}")\nasync def {name}() -> dict[str, str]:\n    time.sleep(1)\n    return {{}}\n'
TWO = BLOCKING + HANDLER.format(name="two")
MENDED = BLOCKING.replace("import time", "import asyncio").replace("time.sleep", "await asyncio.sleep")
numbers = count(1)


@dataclass
class Scene:
    """A pull request that was reviewed, in a repository in which `ann` may write and `bob` may read."""

    bot: Bot
    shop: Repository
    pull: PullRequest

    async def ask(self, body: str, by: str = "ann", *, on: ReviewComment | None = None) -> IssueComment | ReviewComment:
        """Somebody comments, and the bot answers. Returns the comment."""
        said = on.reply(body, by) if on else self.pull.comment(body, by)
        await self.deliver(said)
        return said

    async def deliver(self, said: IssueComment | ReviewComment, delivery: str = "") -> str:
        event = "pull_request_review_comment" if isinstance(said, ReviewComment) else "issue_comment"
        asked = requested(event, self.bot.github.webhook(event, "created", said))
        assert isinstance(asked, Asked)
        return await answer(asked, delivery or f"delivery-{next(numbers)}", self.bot.tools)

    async def press(self, identifier: str, by: str = "ann") -> None:
        """Somebody presses a button of the check run."""
        payload = self.bot.github.webhook("check_run", "requested_action", self.pull.check_runs[-1], sender=by)
        asked = requested("check_run", payload | {"requested_action": {"identifier": identifier}})
        assert isinstance(asked, Asked)
        await answer(asked, f"delivery-{next(numbers)}", self.bot.tools)

    def replies(self) -> list[str]:
        """What the bot answered, in the conversation and in threads."""
        told = [one.body for one in self.pull.issue_comments if one.by_app]
        return told + [one.body for thread in self.pull.threads for one in thread.comments[1:] if one.by_app]

    def text(self, path: str = "app.py") -> str:
        return self.pull.head_repository.read(path, self.pull.head).decode()

    def message(self) -> str:
        return self.pull.head_repository.commit_at(self.pull.head).message

    def id(self) -> str:
        """The id of the finding of the first comment."""
        return self.pull.comments[0].body.partition("Finding `")[2].partition("`")[0]


def reactions(said: IssueComment | ReviewComment) -> list[str]:
    return [one.content for one in said.reactions]


async def a_scene(bot: Bot, text: str = BLOCKING, *, fork: bool = False) -> Scene:
    """The pull request comes from `ann`, or from the fork of `eve`."""
    shop = bot.github.repository(f"acme{next(numbers)}/shop", {"app.py": MAIN})
    shop.collaborators["ann"] = "write"
    pull = shop.open_pull({"app.py": text}, author="eve" if fork else "ann", fork=fork)
    await bot.review(pull)
    return Scene(bot, shop, pull)
