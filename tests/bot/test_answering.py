"""Slash commands as people meet them: who may ask, what is done, what is said about it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot import replies, schema
from bot.answering import answer, give_up
from bot.config import OPERATOR_NAME, Layer
from bot.errors import Dropped
from bot.events import Asked, requested
from bot.models import COMMAND_TRAILER, PAUSED, Mute
from bot.standing import Inherited
from bot.store import Store

from .fake_github import IssueComment, Thread
from .reviewing import BLOCKING, MAIN, Bot, ref
from .scenes import MENDED, TWO, Scene, a_scene, reactions

CONFIG = ".github/asyncify.toml"


def _rows(reply: str) -> list[list[str]]:
    """The rows of the table in an answer."""
    return [line.split("|") for line in reply.splitlines() if line.startswith("| `")]


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


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/asyncify.db")
    await asyncio.to_thread(schema.migrate, store.engine)
    yield store
    await store.close()


async def test_too_many_answers(scene: Scene, store: Store) -> None:
    """Ten answers an hour, and one refusal; then a reaction has to do."""
    tools = replace(scene.bot.tools, store=store)

    async def ask(body: str, by: str) -> list[str]:
        said = scene.pull.comment(body, by)
        asked = requested("issue_comment", scene.bot.github.webhook("issue_comment", "created", said))
        assert isinstance(asked, Asked)
        await answer(asked, str(said.id), tools)
        return reactions(said)

    for _ in range(12):
        assert await ask("/asyncify explain blocking/sleep", "bob") == ["eyes", "+1"]
    assert len(scene.replies()) == 10
    for _ in range(2):
        assert await ask("/asyncify pause", "cleo") == ["eyes", "confused"]
    assert len(scene.replies()) == 11


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

    async def test_a_person_with_the_name_of_a_bot(self, bot: Bot) -> None:
        """Who is called like the bot that opened the pull request did not open it."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        scene = Scene(bot, shop, shop.open_pull({"app.py": BLOCKING}, author="renovate[bot]"))
        await bot.review(scene.pull)
        assert reactions(await scene.ask("/asyncify", "renovate")) == ["eyes", "confused"]
        assert not scene.pull.comments

    async def test_buttons(self, scene: Scene) -> None:
        """Who presses a button is asked the same."""
        await scene.press("fix-all", "bob")
        assert scene.text() == BLOCKING
        assert scene.replies()[0].startswith("`bob` pressed *Fix all*.\n\nThis takes write access to `")
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


class TestFailure:
    async def test_given_up(self, scene: Scene) -> None:
        """Who gave a command hears that it failed, once; who only opened a thread again does not."""
        said = scene.pull.comment("/asyncify fix")
        for _ in range(2):
            await give_up(asked_by(scene, "issue_comment", "created", said), "delivery-1", scene.bot.tools)
        assert reactions(said) == ["confused"]
        assert [reply.split("\n")[0] for reply in scene.replies()] == [replies.WENT_WRONG]
        opened = asked_by(scene, "pull_request_review_thread", "unresolved", scene.pull.threads[0])
        await give_up(opened, "delivery-2", scene.bot.tools)
        assert len(scene.replies()) == 1


def asked_by(scene: Scene, event: str, action: str, about: IssueComment | Thread) -> Asked:
    asked = requested(event, scene.bot.github.webhook(event, action, about))
    assert isinstance(asked, Asked)
    return asked


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
        assert scene.replies()[-2].startswith("`beef` is neither a rule nor the id of a finding here. IDs stand in")
        assert one.startswith(f"`{scene.id()}` at ")

    @pytest.mark.parametrize("verb", ["explain", "ignore"])
    async def test_what_is_neither_a_rule_nor_an_id(self, scene: Scene, verb: str) -> None:
        """The nearest rule is named, and what is typed stays text."""
        for name, said in (
            (
                "blocking/slep",
                "`blocking/slep` is neither a rule nor the id of a finding here. Did you mean `blocking/sleep`?",
            ),
            ("@octocat", "`@octocat` is neither a rule nor the id of a finding here."),
        ):
            assert reactions(await scene.ask(f"/asyncify {verb} {name}")) == ["eyes", "confused"]
            assert scene.replies()[-1].startswith(said)

    @pytest.mark.parametrize("command", ["fix", "explain beef", "ignore beef"])
    async def test_where_nothing_can_be_analysed(self, scene: Scene, command: str) -> None:
        """Why not is told where somebody asked."""
        scene.bot.analyst.failure = "The analysis took longer than 60 seconds."
        assert reactions(await scene.ask(f"/asyncify {command}")) == ["eyes", "confused"]
        assert scene.replies()[0].startswith(
            "This pull request could not be analysed. The analysis took longer than 60 seconds."
        )

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

    async def test_a_disliked_thread_that_is_opened_again(self, scene: Scene) -> None:
        """Nobody is fought with: the thumb that is still down does not close what somebody opened again; ignoring it does."""
        (thread,) = scene.pull.threads
        thread.first.react("-1", "ann")
        await scene.bot.review(scene.pull)
        assert thread.resolved
        thread.resolved_by = None
        event = "pull_request_review_thread"
        asked = requested(event, scene.bot.github.webhook(event, "unresolved", thread, sender="ann"))
        assert isinstance(asked, Asked)
        await answer(asked, "delivery-opened", scene.bot.tools)
        scene.pull.push({"other.py": "import os\n"})
        await scene.bot.review(scene.pull)
        assert not thread.resolved
        await scene.ask("/asyncify ignore", on=thread.first)
        assert thread.resolved
        assert reactions(await scene.ask("/asyncify resume")) == ["eyes", "rocket"]
        assert not thread.resolved
        assert reactions(await scene.ask("/asyncify resume")) == ["eyes", "+1"]

    async def test_asked_while_paused(self, scene: Scene) -> None:
        """Who asks gets a review all the same."""
        await scene.bot.store.mute(ref(scene.pull), [Mute(PAUSED)])
        scene.pull.push({"app.py": TWO})
        await scene.ask("/asyncify")
        assert len(scene.pull.comments) == 2

    async def test_where_settings_come_from(self, bot: Bot, scene: Scene) -> None:
        """The repository's value stands over the organisation's, that over the operator's; what the operator locks stands over all.

        Tables are merged, lists replaced, and every setting names its source.
        """
        operator = 'locked = ["fail-on"]\nfail-on = "error"\nseverity = "error"\nexclude = ["a/"]\nmax-comments = 3\n'
        bot.inherited = Inherited((Layer(OPERATOR_NAME, operator),))
        owner = scene.shop.owner.login
        bot.github.repository(
            f"{owner}/.github", {CONFIG: 'severity = "warning"\nexclude = ["b/"]\n[blocking]\n"crm.load" = ""\n'}
        )
        scene.shop.commit({CONFIG: 'severity = "info"\nfail-on = "never"\n[blocking]\n"crm.save" = "crm.asave"\n'})
        await scene.ask("/asyncify config", "bob")
        rows = {row[1].strip("` "): (row[2].strip("` "), row[3].strip()) for row in _rows(scene.replies()[0])}
        shared, own = f"{owner}/.github: .github/asyncify.toml", "\\.github/asyncify.toml"
        assert rows["severity"] == ("info", own)
        assert rows["exclude"] == ("b/", shared)
        assert rows["blocking"] == ("crm.load, crm.save = crm.asave", f"{shared}, .github/asyncify.toml")
        assert rows["max-comments"] == ("3 a review, 25 a pull request", OPERATOR_NAME)
        assert rows["fail-on"] == ("error", OPERATOR_NAME)
        assert rows["scope"] == ("introduced", "built-in")
        assert "locks it" in scene.replies()[0]

    async def test_config(self, scene: Scene) -> None:
        """The settings in force, and where each comes from."""
        scene.shop.commit({".github/asyncify.toml": 'severity = "error"\nblocking = {"app.load" = ""}\nodd = 1\n'})
        await scene.ask("/asyncify config", "bob")
        (reply,) = scene.replies()
        assert "| `severity` | `error` | \\.github/asyncify.toml |" in reply
        assert "| `max-comments` | `10 a review, 25 a pull request` | built-in |" in reply
        assert "| `select` | `all` | built-in |" in reply
        assert "| `ignore` | `none` | built-in |" in reply
        assert "unknown key `odd`" in reply
