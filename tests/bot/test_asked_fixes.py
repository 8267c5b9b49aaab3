"""`/asyncify fix`: one commit, on the right branch, by the right people, once; or why there is none."""

from collections.abc import Callable

import pytest

from bot import asked_fixes, replies
from bot.models import COMMAND_TRAILER

from .fake_github import Fault, executable
from .reviewing import BLOCKING, MAIN, Bot
from .scenes import MENDED, TWO, Scene, a_scene, numbers, reactions


async def test_all(scene: Scene) -> None:
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


async def test_the_next_review(scene: Scene) -> None:
    """The push of our own commit gets its check run, resolves the thread and starts nothing."""
    await scene.ask("/asyncify fix", on=scene.pull.comments[0])
    await scene.bot.review(scene.pull)
    assert scene.pull.threads[0].resolved
    assert scene.pull.check_runs[0].conclusion == "success"
    assert len([one for one in scene.pull.reviews if one.body]) == 1
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "+1"]


async def test_by_id_and_path(bot: Bot) -> None:
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


async def test_two_in_one_comment(bot: Bot) -> None:
    """Each command of a comment makes its own commit, and each once, however often the comment is delivered."""
    scene = await a_scene(bot, TWO)
    scene.pull.push({"more.py": BLOCKING})
    await bot.review(scene.pull)
    before = len(list(scene.shop.objects.ancestors(scene.pull.head)))
    said = await scene.ask("/asyncify fix more.py\n/asyncify fix app.py")
    assert scene.text("more.py") == MENDED
    assert "    time.sleep(1)" not in scene.text()
    assert reactions(said) == ["eyes", "rocket"]
    await scene.deliver(said)
    assert len(list(scene.shop.objects.ancestors(scene.pull.head))) == before + 2


async def test_in_a_way(scene: Scene) -> None:
    """`--as` chooses among the ways that could be proved."""
    await scene.ask("/asyncify fix --as twin", on=scene.pull.comments[0])
    assert "await asyncio.sleep(1)" in scene.text()
    scene.pull.push({"app.py": BLOCKING})
    assert reactions(await scene.ask(f"/asyncify fix {scene.id()} --as offload")) == ["eyes", "rocket"]
    assert "await run_in_threadpool(time.sleep, 1)" in scene.text()


async def test_unsafe(bot: Bot) -> None:
    """What would behave differently is made with `--unsafe` only; without it people hear why."""
    forgotten = MAIN.replace("    return {}", '    audit("read")\n    return {}')
    scene = await a_scene(bot, "async def audit(what: str) -> None:\n    print(what)\n\n\n" + forgotten)
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
    assert "--unsafe" in scene.replies()[0]
    assert reactions(await scene.ask("/asyncify fix --unsafe")) == ["eyes", "rocket"]
    assert 'await audit("read")' in scene.text()


async def test_executable_file(bot: Bot) -> None:
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
async def test_lost_answer(bot: Bot, mode: str) -> None:
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


@pytest.mark.parametrize("done", [True, False])
async def test_a_mutation_that_ran_out_of_time(scene: Scene, done: bool) -> None:
    """GraphQL says with status 200 that it did not manage, and may have committed: it is looked for, and made once."""
    said = {"data": None, "errors": [{"message": "Something went wrong while executing your query."}]}
    scene.bot.github.faults.add(Fault("POST /graphql", 200, said, containing="createCommitOnBranch", after=done))
    before = len(list(scene.shop.objects.ancestors(scene.pull.head)))
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "rocket"]
    assert len(list(scene.shop.objects.ancestors(scene.pull.head))) == before + 1
    assert scene.replies() == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (MAIN.replace("\n", "\r\n").encode(), BLOCKING.replace("\n", "\r\n").encode()),
        (MAIN.encode("utf-8-sig"), BLOCKING.encode("utf-8-sig")),
        (
            f"# coding: latin-1\n{MAIN}# \xe9\n".encode("latin-1"),
            f"# coding: latin-1\n{BLOCKING}# \xe9\n".encode("latin-1"),
        ),
        (MAIN.rstrip().encode(), BLOCKING.rstrip().encode()),
    ],
    ids=["carriage returns", "byte-order mark", "latin-1", "no last line end"],
)
async def test_bytes_are_kept(bot: Bot, before: bytes, after: bytes) -> None:
    """What no suggestion could carry is committed byte for byte: only what the fix changes is another text."""
    shop = bot.github.repository("acme/shop", {"app.py": before})
    shop.collaborators["ann"] = "write"
    scene = Scene(bot, shop, shop.open_pull({"app.py": after}))
    await bot.review(scene.pull)
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "rocket"]
    made = scene.pull.head_repository.read("app.py", scene.pull.head)
    removed, added = b"import time", b"import asyncio"
    assert made == after.replace(removed, added).replace(b"    time.sleep", b"    await asyncio.sleep")


async def test_moved_head(scene: Scene) -> None:
    """Somebody pushes meanwhile: the fixes are made anew, on what is there now."""
    scene.bot.analyst.before = _once(lambda: scene.pull.push({"other.py": "import os\n"}))
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "rocket"]
    assert scene.text() == MENDED
    assert scene.text("other.py") == "import os\n"


async def test_head_that_never_stands_still(scene: Scene) -> None:
    """After three times we say so."""
    scene.bot.analyst.before = lambda: scene.pull.push({"other.py": f"N = {next(numbers)}\n"})
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
    assert "moved" in scene.replies()[0]


async def test_closed(scene: Scene) -> None:
    scene.pull.close()
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
    assert "closed" in scene.replies()[0]


async def test_merge_queue(scene: Scene) -> None:
    scene.pull.queued = True
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
    assert "merge queue" in scene.replies()[0]


async def test_default_branch(bot: Bot) -> None:
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


async def test_protected_branch(scene: Scene) -> None:
    """Where rules forbid the commit, what GitHub says is passed on, with the patch."""
    scene.shop.protected[scene.pull.head_ref] = "Changes must be made through a pull request."
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
    (reply,) = scene.replies()
    assert "Changes must be made through a pull request" in reply
    assert "+    await asyncio.sleep(1)" in reply


async def test_no_permission(bot: Bot) -> None:
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


async def test_fork(bot: Bot) -> None:
    """On a fork without the App there is a patch and advice, for the author and who may write; for nobody else."""
    scene = await a_scene(bot, fork=True)
    assert reactions(await scene.ask("/asyncify fix", "eve")) == ["eyes", "confused"]
    (reply,) = scene.replies()
    assert "as a batch" in reply
    assert "+    await asyncio.sleep(1)" in reply
    assert reactions(await scene.ask("/asyncify fix", "bob")) == ["eyes", "confused"]
    assert "write access" in scene.replies()[1]


async def test_fork_with_the_app(bot: Bot) -> None:
    """On a fork with the App its owner may have the commit, and the owner of the other repository may not."""
    scene = await a_scene(bot, fork=True)
    bot.github.install("eve")
    assert reactions(await scene.ask("/asyncify fix", "ann")) == ["eyes", "confused"]
    assert reactions(await scene.ask("/asyncify fix", "eve")) == ["eyes", "rocket"]
    assert scene.text() == MENDED


async def test_deleted_fork(bot: Bot) -> None:
    """Where the fork is gone there is nothing to commit to."""
    scene = await a_scene(bot, fork=True)
    scene.pull.head_repository.delete()
    assert reactions(await scene.ask("/asyncify fix", "eve")) == ["eyes", "confused"]
    assert "gone" in scene.replies()[0]


async def test_what_was_ignored_is_not_fixed(bot: Bot) -> None:
    """`all` is all that the bot speaks of."""
    scene = await a_scene(bot, TWO)
    first, _ = scene.pull.comments
    await scene.ask("/asyncify ignore", on=first)
    await scene.ask("/asyncify fix")
    assert scene.text().count("await asyncio.sleep(1)") == scene.text().count("    time.sleep(1)") == 1


async def test_all_in_a_wider_scope(bot: Bot) -> None:
    """Where the repository wants to hear of all that stands in changed files, `all` is that, also what no comment speaks of."""
    config = 'scope = "changed-files"\nmax-comments = 0\n'
    shop = bot.github.repository("acme/shop", {"app.py": BLOCKING, ".github/asyncify.toml": config})
    shop.collaborators["ann"] = "write"
    scene = Scene(bot, shop, shop.open_pull({"app.py": BLOCKING.replace("{}", '{"a": "b"}')}))
    await bot.review(scene.pull)
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "rocket"]
    assert scene.text() == MENDED.replace("{}", '{"a": "b"}')


async def test_one_call_for_plain_files(scene: Scene) -> None:
    """Plain files take one mutation, which says what the head must be; nothing of Git's own objects is touched."""
    before = scene.pull.head
    scene.bot.github.forget_calls()
    await scene.ask("/asyncify fix")
    (made,) = [call for call in scene.bot.github.calls if "createCommitOnBranch" in str(call.body)]
    assert made.body["variables"]["input"]["expectedHeadOid"] == before
    assert not [call for call in scene.bot.github.calls if "/git/" in call.path and call.method != "GET"]
    assert scene.shop.commit_at(scene.pull.head).author == scene.bot.github.app.bot.signature


async def executable_scene(bot: Bot) -> Scene:
    """The file is no plain one, so that the commit takes Git's own objects."""
    shop = bot.github.repository(f"acme{next(numbers)}/shop", {"app.py": executable(MAIN)})
    shop.collaborators["ann"] = "write"
    scene = Scene(bot, shop, shop.open_pull({"app.py": BLOCKING}))
    await bot.review(scene.pull)
    return scene


async def test_signed_by_github(bot: Bot) -> None:
    """A commit of Git's own objects is signed only where no author is named, and the branch is never forced."""
    scene = await executable_scene(bot)
    await scene.ask("/asyncify fix")
    sent = {
        call.route.rpartition("/git/")[2]: call.body for call in bot.github.calls if "/git/" in call.route and call.body
    }
    assert sent["commits"].keys() == {"message", "tree", "parents"}
    assert sent["refs/{ref}"]["force"] is False


async def test_moved_head_of_an_executable_file(bot: Bot) -> None:
    """Git's own objects are put on what is there now as well: a push in between is never lost."""
    scene = await executable_scene(bot)
    moved = _once(lambda: scene.pull.push({"other.py": "import os\n"}))
    scene.bot.analyst.before = moved
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "rocket"]
    assert (scene.text(), scene.text("other.py")) == (MENDED, "import os\n")


async def test_a_patch_that_is_too_long(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an answer cannot hold is not cut: it says that it is too much."""
    monkeypatch.setattr(replies, "MAX_PATCH", 50)
    scene.shop.protected[scene.pull.head_ref] = "Changes must be made through a pull request."
    await scene.ask("/asyncify fix")
    (reply,) = scene.replies()
    assert "must be made through a pull request" in reply
    assert "The fixes are too many to be shown here." in reply
    assert "```" not in reply


async def test_too_much(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one commit should not hold is refused, with the way to ask for less; and less is done."""
    monkeypatch.setattr(asked_fixes, "MAX_FILES", 1)
    scene = await a_scene(bot)
    scene.pull.push({"more.py": BLOCKING.replace('"/"', '"/more"')})
    await bot.review(scene.pull)
    head = scene.pull.head
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
    assert scene.pull.head == head
    (reply,) = scene.replies()
    assert "2 files" in reply
    assert "/asyncify fix PATH" in reply
    assert reactions(await scene.ask("/asyncify fix more.py")) == ["eyes", "rocket"]
    monkeypatch.setattr(asked_fixes, "MAX_BYTES", 10)
    assert reactions(await scene.ask("/asyncify fix app.py")) == ["eyes", "confused"]


async def test_what_github_cannot_process(bot: Bot) -> None:
    """Where Git's own objects are too large for GitHub, its reason is passed on with the patch."""
    scene = await executable_scene(bot)
    said = "Sorry, your input was too large to process"
    bot.github.faults.add(Fault("POST */git/trees", 422, {"message": said}))
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
    (reply,) = scene.replies()
    assert said in reply
    assert "+    await asyncio.sleep(1)" in reply


async def test_deleted_branch(scene: Scene) -> None:
    """Where the branch is gone there is nothing to commit to, and somebody hears so."""
    del scene.shop.branches[scene.pull.head_ref]
    assert reactions(await scene.ask("/asyncify fix")) == ["eyes", "confused"]
    assert len(scene.replies()) == 1


async def test_files_that_are_not_in_the_pull_request(bot: Bot) -> None:
    """A helper that the pull request does not touch stays as it is, whatever is asked for."""
    helper = "import time\n\n\ndef wait() -> None:\n    time.sleep(1)\n"
    shop = bot.github.repository("acme/shop", {"app.py": MAIN, "helper.py": helper, "old.py": BLOCKING})
    shop.collaborators["ann"] = "write"
    calling = MAIN.replace("import time\n", "from helper import wait\n").replace("    return", "    wait()\n    return")
    scene = Scene(bot, shop, shop.open_pull({"app.py": calling}))
    await bot.review(scene.pull)
    for command in ("/asyncify fix", "/asyncify fix helper.py old.py --unsafe", "/asyncify fix all --unsafe"):
        await scene.ask(command)
        assert (scene.text("helper.py"), scene.text("old.py")) == (helper, BLOCKING)
    assert scene.text() != calling


def _once(do: Callable[[], object]) -> Callable[[], object]:
    left = [do]

    def run() -> None:
        if left:
            left.pop()()

    return run
