"""Slash commands as people meet them: who may ask, what is done, what is said about it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest
import pytest_asyncio

from bot.answering import answer
from bot.errors import Dropped
from bot.events import Asked, requested
from bot.models import COMMAND_TRAILER, PAUSED, Mute

from .fake_github import IssueComment, PullRequest, Repository, ReviewComment, executable
from .reviewing import BLOCKING, MAIN, Bot, ref

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


@pytest_asyncio.fixture
async def scene(bot: Bot) -> Scene:
    return await a_scene(bot)


class TestManners:
    async def test_eyes_first(self, scene: Scene) -> None:
        """`eyes` at once, before anything of the code is read, and then what came of it."""
        said = scene.pull.comment("/asyncify explain blocking/sleep", "bob")
        scene.bot.github.forget_calls()
        await scene.deliver(said)
        (_, first, *_) = [call for call in scene.bot.github.calls if "access_tokens" not in call.path]
        assert str(first) == "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions"
        assert reactions(said) == ["eyes", "+1"]

    async def test_help(self, scene: Scene) -> None:
        """Anybody may ask what there is; `migrate` is not yet."""
        await scene.ask("/asyncify help", "bob")
        (reply,) = scene.replies()
        assert all(f"/asyncify {verb}" in reply for verb in ("fix", "explain", "ignore", "pause", "resume", "config"))
        assert "migrate" not in reply
        assert reply.count("<!-- asyncify") == 1

    async def test_unknown_verb(self, scene: Scene) -> None:
        """An unknown verb gets `confused` and the nearest match, in one reply for all commands of the comment."""
        said = await scene.ask("/asyncify fxi\n/asyncify paus")
        assert reactions(said) == ["eyes", "confused"]
        (reply,) = scene.replies()
        assert "`/asyncify fix`" in reply
        assert "`/asyncify pause`" in reply

    async def test_hostile_verb(self, scene: Scene) -> None:
        """What is quoted back cannot mention anybody, nor leave its place."""
        await scene.ask("/asyncify @octocat<!--asyncify--><img/src=x>#1[a](http://b)")
        (reply,) = scene.replies()
        assert "@octocat" not in reply.replace("`@octocat", "")
        assert reply.count("<!-- asyncify") == 1

    async def test_once(self, scene: Scene) -> None:
        """A delivery that comes again, or another one for the same comment, changes nothing more."""
        said = await scene.ask("/asyncify help\n/asyncify fix")
        head, replies = scene.pull.head, scene.replies()
        await scene.deliver(said)
        assert (scene.pull.head, scene.replies()) == (head, replies)
        assert reactions(said) == ["eyes", "rocket"]

    async def test_deleted_comment(self, scene: Scene) -> None:
        """What was asked for in a comment that is gone is not done."""
        said = scene.pull.comment("/asyncify fix")
        scene.pull.issue_comments.remove(said)
        with pytest.raises(Dropped):
            await scene.deliver(said)
        assert scene.text() == BLOCKING

    async def test_disabled(self, bot: Bot, scene: Scene) -> None:
        """Where the bot is switched off it does not answer."""
        scene.shop.commit({".github/asyncify.toml": "enabled = false\n"})
        assert reactions(await scene.ask("/asyncify help")) == []
        assert scene.replies() == []

    async def test_locked_conversation(self, scene: Scene) -> None:
        """In a locked conversation a reaction is all."""
        scene.pull.locked = True
        said = await scene.ask("/asyncify fix")
        assert reactions(said) == ["eyes", "confused"]
        assert scene.text() == BLOCKING

    async def test_lost_answer(self, scene: Scene) -> None:
        """A reply that was written although GitHub answered 502 stands once."""
        scene.bot.github.faults.server_error("POST */issues/*/comments", after=True)
        said = scene.pull.comment("/asyncify help")
        with pytest.raises(Exception, match="GitHub does not take"):
            await scene.deliver(said)
        await scene.deliver(said)
        assert len(scene.replies()) == 1
        assert reactions(said) == ["eyes", "+1"]

    async def test_words_of_others(self, scene: Scene) -> None:
        """Our mark counts in comments of our own App only: another bot that quotes it keeps nobody from an answer."""
        said = scene.pull.comment("/asyncify help")
        scene.pull.comment(f"<!-- asyncify v1 head={scene.pull.head} answer={said.id} -->", "quoting[bot]")
        await scene.deliver(said)
        assert len(scene.replies()) == 1


class TestPermissions:
    """The table, by the API's word on the commenter."""

    @pytest.mark.parametrize(
        ("command", "allowed"),
        [
            ("/asyncify fix", {"admin", "maintain", "write"}),
            ("/asyncify ignore blocking/sleep", {"admin", "maintain", "write"}),
            ("/asyncify pause", {"admin", "maintain", "write"}),
            ("/asyncify", {"admin", "maintain", "write"}),
            ("/asyncify help", {"admin", "maintain", "write", "triage", "read"}),
            ("/asyncify config", {"admin", "maintain", "write", "triage", "read"}),
            ("/asyncify explain blocking/sleep", {"admin", "maintain", "write", "triage", "read"}),
        ],
    )
    async def test_roles(self, bot: Bot, command: str, allowed: set[str]) -> None:
        for role in ("admin", "maintain", "write", "triage", "read"):
            scene = await a_scene(bot)
            scene.shop.collaborators["bob"] = role
            said = await scene.ask(command, "bob")
            assert ("confused" not in reactions(said)) == (role in allowed), role

    async def test_author_without_write_access(self, scene: Scene) -> None:
        """Who proposed it may ask for a review; a branch of the repository is not theirs to commit to (Mergify, 2026)."""
        scene.shop.collaborators["ann"] = "read"
        assert reactions(await scene.ask("/asyncify")) == ["eyes", "+1"]
        for command in ("/asyncify fix", "/asyncify ignore blocking/sleep", "/asyncify pause"):
            assert reactions(await scene.ask(command)) == ["eyes", "confused"]
        assert scene.text() == BLOCKING
        assert "write access" in scene.replies()[0]
        assert [refusal for _, _, refusal in scene.bot.store.answers] == [True] * 3

    async def test_buttons(self, scene: Scene) -> None:
        """Who presses a button is asked the same."""
        await scene.press("fix-all", "bob")
        assert scene.text() == BLOCKING
        assert "write access" in scene.replies()[0]
        await scene.press("fix-all", "ann")
        assert scene.text() == MENDED
        assert COMMAND_TRAILER in scene.message()

    async def test_rerun(self, scene: Scene) -> None:
        """`Re-run` looks again and says nothing twice; a stranger's does nothing."""
        before = len(scene.pull.check_runs[0].history)
        await scene.press("rerun", "bob")
        await scene.press("rerun", "ann")
        assert len(scene.pull.reviews) == len(scene.pull.check_runs) == 1
        assert len(scene.pull.check_runs[0].history) == before


class TestVerbs:
    async def test_review(self, bot: Bot) -> None:
        """`/asyncify` speaks of all that stands in the files that are changed, and of it once."""
        scene = await a_scene(bot, MAIN + "\nOPEN = True\n")
        scene.shop.commit({"app.py": BLOCKING})
        pull = scene.shop.open_pull({"app.py": BLOCKING.replace("{}", '{"a": "b"}')})
        await bot.review(pull)
        assert not pull.comments
        scene.pull = pull
        assert reactions(await scene.ask("/asyncify")) == ["eyes", "rocket"]
        assert len(pull.comments) == 1
        assert reactions(await scene.ask("/asyncify")) == ["eyes", "+1"]
        assert len(pull.comments) == 1
        assert scene.replies() == []

    async def test_review_of_a_draft(self, bot: Bot) -> None:
        """A draft is reviewed where somebody asks for it."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING}, draft=True)
        await bot.review(pull)
        assert not pull.comments
        await Scene(bot, shop, pull).ask("/asyncify")
        assert len(pull.comments) == 1

    async def test_review_of_a_closed_pull_request(self, scene: Scene) -> None:
        scene.pull.close()
        assert reactions(await scene.ask("/asyncify")) == ["eyes", "confused"]
        assert "closed" in scene.replies()[0]

    async def test_explain(self, scene: Scene) -> None:
        """Why, what changes, what stays: of a finding by its id, in its thread, or of a rule."""
        await scene.ask(f"/asyncify explain {scene.id()}", "bob")
        await scene.ask("/asyncify explain", "bob", on=scene.pull.comments[0])
        await scene.ask("/asyncify explain blocking/sleep", "bob")
        one, other, third = scene.replies()
        assert "What changes." in one
        assert "What stays." in one
        assert one.splitlines()[0] == third.splitlines()[0]
        assert "`time.sleep` stops the event loop" in other
        assert reactions(await scene.ask("/asyncify explain")) == ["eyes", "confused"]
        assert reactions(await scene.ask("/asyncify explain beef")) == ["eyes", "confused"]

    async def test_ignore(self, scene: Scene) -> None:
        """What is ignored is resolved, is not counted, and stays so on the next push."""
        said = await scene.ask("/asyncify ignore", on=scene.pull.comments[0])
        assert reactions(said) == ["eyes", "rocket"]
        assert scene.pull.threads[0].resolved
        assert scene.pull.check_runs[0].conclusion == "success"
        scene.pull.push({"app.py": BLOCKING.replace("index()", 'index(name: str = "")')})
        await scene.bot.review(scene.pull)
        assert len(scene.pull.comments) == 2  # ours and the command
        assert reactions(await scene.ask("/asyncify ignore blocking/sleep")) == ["eyes", "rocket"]
        assert reactions(await scene.ask("/asyncify ignore blocking/sleep")) == ["eyes", "+1"]
        assert scene.replies() == []

    async def test_ignore_by_id(self, scene: Scene) -> None:
        assert reactions(await scene.ask(f"/asyncify ignore {scene.id()}")) == ["eyes", "rocket"]
        assert scene.pull.threads[0].resolved
        assert reactions(await scene.ask("/asyncify ignore")) == ["eyes", "confused"]
        assert reactions(await scene.ask("/asyncify ignore beef")) == ["eyes", "confused"]

    async def test_ignore_by_id_of_the_check_run(self, bot: Bot) -> None:
        """What stands in the check run only can be ignored as well."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING}, draft=True)
        await bot.review(pull)
        name = (pull.check_runs[0].summary or "").partition("| `")[2].partition("`")[0]
        shop.collaborators["ann"] = "write"
        await Scene(bot, shop, pull).ask(f"/asyncify ignore {name}")
        assert "1 finding muted here" in (pull.check_runs[0].summary or "")

    async def test_pause_and_resume(self, scene: Scene) -> None:
        """Paused, pushes are not reviewed; resumed, what came meanwhile is."""
        assert reactions(await scene.ask("/asyncify pause")) == ["eyes", "rocket"]
        assert reactions(await scene.ask("/asyncify pause")) == ["eyes", "+1"]
        scene.pull.push({"app.py": TWO})
        await scene.bot.review(scene.pull)
        assert len(scene.pull.comments) == 1
        assert reactions(await scene.ask("/asyncify resume")) == ["eyes", "rocket"]
        assert len(scene.pull.comments) == 2
        assert reactions(await scene.ask("/asyncify resume")) == ["eyes", "+1"]
        assert scene.replies() == []

    async def test_resume_takes_back_what_was_ignored(self, scene: Scene) -> None:
        """First the pause ends, and what was ignored stays so; asked once more, it is spoken of again, in its thread of before."""
        await scene.ask("/asyncify ignore", on=scene.pull.comments[0])
        await scene.ask("/asyncify pause")
        assert reactions(await scene.ask("/asyncify resume")) == ["eyes", "rocket"]
        assert scene.pull.threads[0].resolved
        assert reactions(await scene.ask("/asyncify resume")) == ["eyes", "rocket"]
        assert not scene.pull.threads[0].resolved
        assert scene.pull.check_runs[0].conclusion == "neutral"
        assert len(scene.pull.threads) == 1
        assert reactions(await scene.ask("/asyncify resume")) == ["eyes", "+1"]

    @pytest.mark.parametrize(("role", "lifts"), [("write", True), ("read", False)])
    async def test_a_thread_that_is_opened_again(self, scene: Scene, role: str, lifts: bool) -> None:
        """Who may ignore a finding takes that back by opening its thread again; nobody is answered, for nobody asked."""
        await scene.ask("/asyncify ignore", on=scene.pull.comments[0])
        scene.shop.collaborators["bob"] = role
        (thread,) = scene.pull.threads
        thread.resolved_by = None
        asked = requested(
            "pull_request_review_thread",
            scene.bot.github.webhook("pull_request_review_thread", "unresolved", thread, sender="bob"),
        )
        assert isinstance(asked, Asked)
        await answer(asked, "delivery-unresolved", scene.bot.tools)
        assert scene.pull.check_runs[0].conclusion == ("neutral" if lifts else "success")
        await scene.bot.review(scene.pull)
        assert thread.resolved is not lifts
        assert scene.replies() == []

    async def test_asked_while_paused(self, scene: Scene) -> None:
        """Who asks gets a review all the same."""
        await scene.bot.store.mute(ref(scene.pull), [Mute(PAUSED)])
        scene.pull.push({"app.py": TWO})
        await scene.ask("/asyncify")
        assert len(scene.pull.comments) == 2

    async def test_config(self, scene: Scene) -> None:
        """The settings in force, and where each comes from."""
        scene.shop.commit({".github/asyncify.toml": 'severity = "error"\nblocking = {"app.load" = ""}\nodd = 1\n'})
        await scene.ask("/asyncify config", "bob")
        (reply,) = scene.replies()
        assert "| `severity` | `error` | \\.github/asyncify.toml |" in reply
        assert "| `max-comments` | `10 a review, 25 a pull request` | built-in |" in reply
        assert "unknown key `odd`" in reply


class TestFix:
    async def test_all(self, scene: Scene) -> None:
        """One commit, signed by GitHub, that names who asked, what for, and what it does."""
        before = scene.pull.head
        said = await scene.ask("/asyncify fix all")
        assert reactions(said) == ["eyes", "rocket"]
        assert scene.text() == MENDED
        assert scene.shop.commit_at(scene.pull.head).parents == (before,)
        headline, _, body = scene.message().partition("\n\n")
        assert headline == "asyncify: keep the event loop free (1 fix)"
        assert f"{scene.pull.threads[0].first.body.partition('Finding `')[2][:4]}" in body
        ann = scene.bot.github.account("ann")
        assert body.splitlines()[-2:] == [f"{COMMAND_TRAILER}{said.id}", f"Co-authored-by: {ann.signature}"]
        assert scene.replies() == []

    async def test_the_next_review(self, scene: Scene) -> None:
        """The push of our own commit gets its check run, resolves the thread and starts nothing."""
        await scene.ask("/asyncify fix", on=scene.pull.comments[0])
        await scene.bot.review(scene.pull)
        assert scene.pull.threads[0].resolved
        assert scene.pull.check_runs[0].conclusion == "success"
        assert len([one for one in scene.pull.reviews if one.body]) == 1
        assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "+1"]

    async def test_by_id_and_path(self, bot: Bot) -> None:
        """Only what is named is fixed; what is named and is nothing is told."""
        scene = await a_scene(bot, TWO)
        scene.pull.push({"more.py": BLOCKING})
        await bot.review(scene.pull)
        said = await scene.ask("/asyncify fix more.py beef")
        assert reactions(said) == ["eyes", "rocket"]
        assert scene.text("more.py") == MENDED
        assert scene.text() == TWO
        assert "beef" in scene.replies()[0]
        first = max((one for one in scene.pull.comments if one.path == "app.py"), key=lambda one: one.line or 0)
        name = first.body.partition("Finding `")[2].partition("`")[0]
        await scene.ask(f"/asyncify fix {name}")
        assert scene.text().partition("/two")[2].count("await asyncio.sleep(1)") == 1
        assert "    time.sleep(1)" in scene.text().partition("/two")[0]

    async def test_in_a_way(self, scene: Scene) -> None:
        """`--as` chooses among the ways that could be proved; another one is told."""
        await scene.ask("/asyncify fix --as twin", on=scene.pull.comments[0])
        assert "await asyncio.sleep(1)" in scene.text()
        scene.pull.push({"app.py": BLOCKING})
        assert reactions(await scene.ask(f"/asyncify fix {scene.id()} --as offload")) in (
            ["eyes", "rocket"],
            ["eyes", "confused"],
        )

    async def test_unsafe(self, bot: Bot) -> None:
        """What would behave differently is made with `--unsafe` only; without it people hear why."""
        forgotten = MAIN.replace("    return {}", '    audit("read")\n    return {}')
        scene = await a_scene(bot, "async def audit(what: str) -> None:\n    print(what)\n\n\n" + forgotten)
        assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
        assert "--unsafe" in scene.replies()[0]
        assert reactions(await scene.ask("/asyncify fix --unsafe")) == ["eyes", "rocket"]
        assert 'await audit("read")' in scene.text()

    async def test_executable_file(self, bot: Bot) -> None:
        """A file that is no plain one keeps its mode, through Git's own objects."""
        shop = bot.github.repository("acme/shop", {"app.py": executable(MAIN)})
        shop.collaborators["ann"] = "write"
        scene = Scene(bot, shop, shop.open_pull({"app.py": BLOCKING}))
        await bot.review(scene.pull)
        said = await scene.ask("/asyncify fix")
        assert reactions(said) == ["eyes", "rocket"]
        assert scene.text() == MENDED
        assert shop.entries(scene.pull.head)["app.py"].mode == "100755"
        assert scene.message().endswith(f"Co-authored-by: {bot.github.account('ann').signature}")

    @pytest.mark.parametrize("mode", ["100644", "100755"])
    async def test_lost_answer(self, bot: Bot, mode: str) -> None:
        """A commit that was made although GitHub answered 502 is made once."""
        shop = bot.github.repository("acme/shop", {"app.py": executable(MAIN) if mode == "100755" else MAIN})
        shop.collaborators["ann"] = "write"
        scene = Scene(bot, shop, shop.open_pull({"app.py": BLOCKING}))
        await bot.review(scene.pull)
        bot.github.faults.server_error("POST /graphql", containing="createCommitOnBranch", after=True)
        bot.github.faults.server_error("PATCH */git/refs/*", after=True)
        before = len(list(shop.objects.ancestors(scene.pull.head)))
        said = await scene.ask("/asyncify fix")
        assert reactions(said) == ["eyes", "rocket"]
        assert len(list(shop.objects.ancestors(scene.pull.head))) == before + 1

    async def test_moved_head(self, scene: Scene) -> None:
        """Somebody pushes meanwhile: the fixes are made anew, on what is there now."""
        scene.bot.analyst.before = _once(lambda: scene.pull.push({"other.py": "import os\n"}))
        assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "rocket"]
        assert scene.text() == MENDED
        assert scene.text("other.py") == "import os\n"

    async def test_head_that_never_stands_still(self, scene: Scene) -> None:
        """After three times we say so."""
        scene.bot.analyst.before = lambda: scene.pull.push({"other.py": f"N = {next(numbers)}\n"})
        assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
        assert "moved" in scene.replies()[0]

    async def test_closed(self, scene: Scene) -> None:
        scene.pull.close()
        assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
        assert "closed" in scene.replies()[0]

    async def test_merge_queue(self, scene: Scene) -> None:
        scene.pull.queued = True
        assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
        assert "merge queue" in scene.replies()[0]

    async def test_default_branch(self, bot: Bot) -> None:
        """A pull request from the default branch is not committed to."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        shop.collaborators["ann"] = "write"
        shop.commit({"README.md": "old"}, branch="stable")
        shop.commit({"app.py": BLOCKING})
        pull = shop.open_pull_from(
            shop, "main", "stable", title="Release", body=None, author=bot.github.account("ann"), draft=False
        )
        await bot.review(pull)
        assert reactions(await Scene(bot, shop, pull).ask("/asyncify fix")) == ["eyes", "confused"]
        assert pull.head == shop.head

    async def test_protected_branch(self, scene: Scene) -> None:
        """Where rules forbid the commit, what GitHub says is passed on, with the patch."""
        scene.shop.protected[scene.pull.head_ref] = "Changes must be made through a pull request."
        assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
        (reply,) = scene.replies()
        assert "Changes must be made through a pull request" in reply
        assert "+    await asyncio.sleep(1)" in reply

    async def test_no_permission(self, bot: Bot) -> None:
        """Without `contents: write` there is a patch, and no button that would fail."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        installation = bot.github.installation_of(shop)
        assert installation
        installation.permissions["contents"] = "read"
        shop.collaborators["ann"] = "write"
        scene = Scene(bot, shop, shop.open_pull({"app.py": BLOCKING}))
        await bot.review(scene.pull)
        assert [one["identifier"] for one in scene.pull.check_runs[0].actions] == ["rerun"]
        assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
        assert "contents: write" in scene.replies()[0]
        assert "+    await asyncio.sleep(1)" in scene.replies()[0]

    async def test_fork(self, bot: Bot) -> None:
        """On a fork without the App there is a patch and advice, for the author and who may write; for nobody else."""
        scene = await a_scene(bot, fork=True)
        assert reactions(await scene.ask("/asyncify fix", "eve")) == ["eyes", "confused"]
        (reply,) = scene.replies()
        assert "as a batch" in reply
        assert "+    await asyncio.sleep(1)" in reply
        assert reactions(await scene.ask("/asyncify fix", "bob")) == ["eyes", "confused"]
        assert "write access" in scene.replies()[1]

    async def test_fork_with_the_app(self, bot: Bot) -> None:
        """On a fork with the App its owner may have the commit, and the owner of the other repository may not."""
        scene = await a_scene(bot, fork=True)
        bot.github.install("eve")
        assert reactions(await scene.ask("/asyncify fix", "ann")) == ["eyes", "confused"]
        assert reactions(await scene.ask("/asyncify fix", "eve")) == ["eyes", "rocket"]
        assert scene.text() == MENDED

    async def test_deleted_fork(self, bot: Bot) -> None:
        """Where the fork is gone there is nothing to commit to."""
        scene = await a_scene(bot, fork=True)
        scene.pull.head_repository.delete()
        assert reactions(await scene.ask("/asyncify fix", "eve")) == ["eyes", "confused"]
        assert "gone" in scene.replies()[0]

    async def test_what_was_ignored_is_not_fixed(self, bot: Bot) -> None:
        """`all` is all that the bot speaks of."""
        scene = await a_scene(bot, TWO)
        first, _ = scene.pull.comments
        await scene.ask("/asyncify ignore", on=first)
        await scene.ask("/asyncify fix")
        assert scene.text().count("await asyncio.sleep(1)") == scene.text().count("    time.sleep(1)") == 1


def _once(do: Callable[[], object]) -> Callable[[], object]:
    left = [do]

    def run() -> None:
        if left:
            left.pop()()

    return run
