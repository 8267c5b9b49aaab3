"""Both sides of a pull request, read from a strict fake of GitHub."""

import pytest

from bot import contents, fetch
from bot.analysis import AnalysisFailed
from bot.errors import RetryLater
from bot.fetch import Project, changed_files, project
from bot.standing import standing

from .fake_github import File, PullRequest, executable, submodule, symlink
from .reviewing import BLOCKING, MAIN, Bot, ref

FINGERPRINT = "0123456789abcdef"


async def read(bot: Bot, pull: PullRequest) -> Project:
    github = bot.installation(pull)
    stands, files = await standing(github, ref(pull)), await changed_files(github, ref(pull))
    return await project(github, stands.pull, files, bot.store, bot.analyst)


class TestProject:
    async def test_both_sides(self, bot: Bot) -> None:
        """Both sides are what git holds at the head and at the merge base, whatever was done to the files."""
        lines = "".join(f"line_{number} = {number}\n" for number in range(50))
        before: dict[str, str | bytes | File | None] = {
            "same.py": "a = 1\n",
            "changed.py": lines,
            "windows.py": "a = 1\r\nb = 2\r\n",
            "unended.py": "a = 1",
            "removed.py": "gone = 1\n",
            "old/name.py": "x = 1\ny = 2\nz = 3\n",
            "moved.py": "m = 1\nn = 2\n",
            "latin.py": "# -*- coding: latin-1 -*-\nname = 'ü'\n".encode("latin-1"),
            "large.py": "x = 1\n" * 10,
            "run.py": executable("x = 1\n"),
            "notes.md": "n",
        }
        shop = bot.github.repository("acme/shop", before)
        pull = shop.open_pull(
            {
                "changed.py": lines.replace("line_7 =", "line_seven =").replace("line_40 = 40\n", ""),
                "windows.py": "a = 1\r\nb = 3\r\n",
                "unended.py": "a = 2",
                "removed.py": None,
                "old/name.py": None,
                "new/name.py": "x = 1\ny = 2\nz = 4\n",
                "moved.py": None,
                "there/moved.py": "m = 1\nn = 2\n",
                "latin.py": "# -*- coding: latin-1 -*-\nname = 'ö'\n".encode("latin-1"),
                "large.py": "x = 2\n" * 10,
                "run.py": executable("x = 2\n"),
                "added.py": "new = 1\n",
                "notes.md": "m",
            }
        )
        pull.without_patch.add("large.py")
        shop.commit({"same.py": "a = 2\n", "later.py": "l = 1\n"})  # the base branch goes on
        found = await read(bot, pull)
        head = {path: entry.sha for path, entry in shop.entries(pull.head).items() if path.endswith(".py")}
        base = {path: entry.sha for path, entry in shop.entries(pull.merge_base).items() if path.endswith(".py")}
        renamed = {"new/name.py": base["old/name.py"], "there/moved.py": base["moved.py"]}
        assert {path: sha for path, (sha, _) in found.head.items()} == head
        assert {path: sha for path, (sha, _) in found.base.items()} == base | renamed
        changed = {file.path for file in pull.files if file.path in head}
        assert dict(found.sources) == {path: shop.read(path, pull.head) for path in changed}

    async def test_facts(self, bot: Bot) -> None:
        """What was read once is not read again; a push costs what it changed."""
        shop = bot.github.repository("acme/shop", {f"m{number}.py": f"x = {number}\n" for number in range(20)})
        pull = shop.open_pull({"m1.py": "x = 0\ny = 1\n"})
        await read(bot, pull)
        assert bot.analyst.read_files == 21
        pull.push({"m2.py": "y = 2\n"})
        await read(bot, pull)
        assert bot.analyst.read_files == 22

    async def test_archive(self, bot: Bot) -> None:
        """A repository that was never seen comes as one archive."""
        shop = bot.github.repository("acme/shop", {f"m{number}.py": f"x = {number}\n" for number in range(300)})
        pull = shop.open_pull({"m1.py": "y = 1\n"})
        found = await read(bot, pull)
        assert len(found.head) == 300
        assert bot.github.count("GET /repos/{owner}/{repo}/tarball/{ref}") == 1
        assert bot.github.count() < 10

    async def test_archive_too_large(self, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the archive is too large, the files come one by one."""
        monkeypatch.setattr(contents, "ARCHIVE_LIMIT", 100)
        shop = bot.github.repository("acme/shop", {f"m{number}.py": f"x = {number}\n" for number in range(300)})
        found = await read(bot, shop.open_pull({"m1.py": "y = 1\n"}))
        assert len(found.head) == 300

    async def test_truncated_tree(self, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
        """A tree that GitHub cuts off is taken from the archive; one that is too large for that is told."""
        shop = bot.github.repository("acme/shop", {f"m{number}.py": f"x = {number}\n" for number in range(20)})
        pull = shop.open_pull({"m1.py": "y = 1\n"})
        shop.truncate_trees = True
        assert len((await read(bot, pull)).head) == 20
        monkeypatch.setattr(contents, "ARCHIVE_LIMIT", 100)
        with pytest.raises(AnalysisFailed, match="too large"):
            await read(bot, pull)

    @pytest.mark.parametrize("truncated", [False, True], ids=["tree", "archive"])
    async def test_installed_packages(self, bot: Bot, truncated: bool) -> None:
        """What somebody has committed of an environment is read on neither side, as little as by `asyncify check`."""
        packages = {f".venv/lib/m{number}.py": MAIN for number in range(20)}
        shop = bot.github.repository("acme/shop", {"app.py": "x = 1\n", **packages})
        pull = shop.open_pull({"app.py": "x = 2\n", ".venv/lib/m1.py": BLOCKING, "lib/site-packages/one.py": MAIN})
        shop.truncate_trees = truncated
        found = await read(bot, pull)
        assert [*found.head] == [*found.base] == [*found.sources] == ["app.py"]
        assert bot.analyst.read_files == 2

    async def test_odd_entries(self, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
        """Links and submodules are no files; a file that is too large is named."""
        monkeypatch.setattr(fetch, "FILE_LIMIT", 100)
        monkeypatch.setattr(contents, "FILE_LIMIT", 100)
        shop = bot.github.repository("acme/shop", {"app.py": MAIN[:90]})
        pull = shop.open_pull(
            {
                "link.py": symlink("app.py"),
                "module.py": submodule("a" * 40),
                "big.py": "x = 1\n" * 20,
                "ok.py": "o = 1\n",
            }
        )
        found = await read(bot, pull)
        assert found.head.keys() == {"app.py", "ok.py"}
        assert found.sources.keys() == {"ok.py"}
        assert [one.path for one in found.unreadable] == ["big.py"]

    async def test_moved_between(self, bot: Bot) -> None:
        """A list of files that belongs to another head than the pull request is not believed."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING})
        github = bot.installation(pull)
        stands = await standing(github, ref(pull))
        pull.push({"app.py": BLOCKING + "\n"})
        files = await changed_files(github, ref(pull))
        with pytest.raises(RetryLater):
            await project(github, stands.pull, files, bot.store, bot.analyst)

    async def test_many_files(self, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
        """All pages of the list are read, and what GitHub no longer lists is told."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({f"m{number}.py": f"x = {number}\n" for number in range(230)})
        assert len(await changed_files(bot.installation(pull), ref(pull))) == 230
        monkeypatch.setattr(fetch, "FILES_LIMIT", 200)
        with pytest.raises(AnalysisFailed, match="200 files"):
            await read(bot, pull)
