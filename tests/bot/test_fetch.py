"""What is read of pull requests on a strict fake of GitHub."""

import io
import tarfile
from collections.abc import AsyncIterator

import pytest

from bot import fetch
from bot.analysis import AnalysisFailed
from bot.config import Layer
from bot.errors import Dropped, RetryLater
from bot.fetch import blob_sha, blobs, changed_files, configuration, project, standing
from bot.github import TooLarge
from bot.markers import write_marker
from bot.models import Said

from .fake_github import File, PullRequest, executable, submodule, symlink
from .fake_github.pulls import Anchor
from .reviewing import BLOCKING, MAIN, Bot, bot_at_work, ref

FINGERPRINT = "0123456789abcdef"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "EVENTUALLY", (0.0, 0.0, 0.0))


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with bot_at_work() as bot:
        yield bot


async def read(bot: Bot, pull: PullRequest) -> fetch.Project:
    github = bot.installation(pull)
    stands, files = await standing(github, ref(pull)), await changed_files(github, ref(pull))
    return await project(github, stands.pull, files, bot.store, bot.analyst)


async def read_configuration(bot: Bot, pull: PullRequest) -> tuple[Layer, ...]:
    github = bot.installation(pull)
    return await configuration(github, await standing(github, ref(pull)), bot.inherited)


def say(pull: PullRequest, author: str, fingerprint: str, *, subject: str = "line", state: str = "COMMENTED") -> int:
    body = write_marker([fingerprint], pull.head)
    review = pull.add_review(write_marker([], pull.head), state, pull.github.account(author), pull.head)
    line = None if subject == "file" else 1
    return pull.add_comment(review, Anchor("app.py", line, subject=subject), body).id


class TestStanding:
    async def test_pull(self, bot: Bot) -> None:
        """A pull request is told as it stands."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING}, author="dependabot[bot]", fork="ann", draft=True)
        found = (await standing(bot.installation(pull), ref(pull))).pull
        assert (found.head, found.base, found.base_ref) == (pull.head, pull.base, "main")
        assert found.head_repository == "ann/shop"
        assert found.from_fork
        assert found.draft
        assert found.by_bot
        assert found.open
        assert found.page.endswith(f"acme/shop/pull/{pull.number}")
        pull.close()
        assert not (await standing(bot.installation(pull), ref(pull))).pull.open

    async def test_head_repository_gone(self, bot: Bot) -> None:
        """A fork may be gone."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING}, fork=True)
        pull.head_repository.delete()
        assert (await standing(bot.installation(pull), ref(pull))).pull.head_repository is None

    async def test_history(self, bot: Bot) -> None:
        """Only our own words count: anybody can write a marker. What is pending was not said."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING})
        say(pull, "mallory", "ffff")
        say(pull, "asyncify[bot]", "eeee", state="PENDING")
        stands = await standing(bot.installation(pull), ref(pull))
        assert stands.history.reviewed == frozenset()
        assert FINGERPRINT not in {said.fingerprint for said in stands.history.said}
        line, file = say(pull, "asyncify[bot]", FINGERPRINT), say(pull, "asyncify[bot]", "abcd", subject="file")
        stands = await standing(bot.installation(pull), ref(pull))
        assert stands.history.reviewed == {pull.head}
        assert Said(FINGERPRINT, pull.head, line) in stands.history.said
        assert Said("abcd", pull.head, file, whole_file=True) in stands.history.said
        assert "ffff" not in {said.fingerprint for said in stands.history.said}

    async def test_many_threads(self, bot: Bot) -> None:
        """The hundred-and-first thread counts as well."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING})
        for number in range(230):
            say(pull, "asyncify[bot]", f"{number:04x}")
        stands = await standing(bot.installation(pull), ref(pull))
        assert {said.fingerprint for said in stands.history.said} == {f"{number:04x}" for number in range(230)}

    async def test_own_pull(self, bot: Bot) -> None:
        """Our own pull requests are known, and those of other bots are not taken for ours."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        ours = shop.open_pull({"app.py": BLOCKING}, author="asyncify[bot]")
        other = shop.open_pull({"app.py": BLOCKING}, author="asyncify")
        assert (await standing(bot.installation(ours), ref(ours))).own
        assert not (await standing(bot.installation(other), ref(other))).own

    async def test_configuration(self, bot: Bot) -> None:
        """The organisation's file, then that of the base branch; never that of the pull request."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN, ".github/asyncify.toml": "one = 1"})
        bot.github.repository("acme/.github", {".github/asyncify.toml": "two = 2"})
        pull = shop.open_pull({"app.py": BLOCKING, ".github/asyncify.toml": "three = 3"})
        layers = await read_configuration(bot, pull)
        assert [layer.text for layer in layers] == ["two = 2", "one = 1"]
        assert layers[0].name == "acme/.github: .github/asyncify.toml"

    async def test_private_configuration(self, bot: Bot) -> None:
        """A private `.github` repository is read with a token of its own, and not at each review."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        bot.github.repository("acme/.github", {".github/asyncify.toml": "two = 2"}, private=True)
        pull = shop.open_pull({"app.py": BLOCKING})
        assert [layer.text for layer in await read_configuration(bot, pull)] == ["two = 2"]
        bot.github.forget_calls()
        assert [layer.text for layer in await read_configuration(bot, pull)] == ["two = 2"]
        assert bot.github.count() == 1

    async def test_not_installed_configuration(self, bot: Bot) -> None:
        """What the organisation did not let us see does not count."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN}, installed=False)
        bot.github.install("acme", only=[shop])
        bot.github.repository("acme/.github", {".github/asyncify.toml": "two = 2"}, private=True)
        assert await read_configuration(bot, shop.open_pull({"app.py": BLOCKING})) == ()

    async def test_pyproject(self, bot: Bot) -> None:
        """`pyproject.toml` counts where there is no file of our own."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN, "pyproject.toml": "[tool.asyncify]"})
        pull = shop.open_pull({"app.py": BLOCKING})
        (layer,) = await read_configuration(bot, pull)
        assert (layer.name, layer.text) == ("pyproject.toml", "[tool.asyncify]")

    async def test_not_yet(self, bot: Bot) -> None:
        """What GitHub announced may take a moment; what is not there at all drops the job."""
        shop = bot.github.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": BLOCKING})
        bot.github.faults.not_found("GET */files", times=2)
        assert [file.path for file in await changed_files(bot.installation(pull), ref(pull))] == ["app.py"]
        del shop.pulls[pull.number]
        with pytest.raises(Dropped):
            await standing(bot.installation(pull), ref(pull))


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
        monkeypatch.setattr(fetch, "ARCHIVE_LIMIT", 100)
        shop = bot.github.repository("acme/shop", {f"m{number}.py": f"x = {number}\n" for number in range(300)})
        found = await read(bot, shop.open_pull({"m1.py": "y = 1\n"}))
        assert len(found.head) == 300

    async def test_truncated_tree(self, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
        """A tree that GitHub cuts off is taken from the archive; one that is too large for that is told."""
        shop = bot.github.repository("acme/shop", {f"m{number}.py": f"x = {number}\n" for number in range(20)})
        pull = shop.open_pull({"m1.py": "y = 1\n"})
        shop.truncate_trees = True
        assert len((await read(bot, pull)).head) == 20
        monkeypatch.setattr(fetch, "ARCHIVE_LIMIT", 100)
        with pytest.raises(AnalysisFailed, match="too large"):
            await read(bot, pull)

    async def test_odd_entries(self, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
        """Links and submodules are no files; a file that is too large is named."""
        monkeypatch.setattr(fetch, "FILE_LIMIT", 100)
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


class TestBlobs:
    async def test_byte_for_byte(self, bot: Bot) -> None:
        """Texts are what git holds, also where GraphQL cannot give them."""
        contents = [b"a\r\nb", "ü".encode("latin-1"), b"\xef\xbb\xbfx = 1\n", b"", b"\x00\x01", "😀\n".encode()]
        shop = bot.github.repository("acme/shop", {f"f{number}": content for number, content in enumerate(contents)})
        pull = shop.open_pull({"new": "x"})
        found = await blobs(bot.installation(pull), "acme/shop", map(blob_sha, contents))
        assert found == {blob_sha(content): content for content in contents}

    async def test_graphql_fails(self, bot: Bot) -> None:
        """Where GraphQL gives up, each is asked for alone."""
        shop = bot.github.repository("acme/shop", {"a": "1", "b": "2"})
        pull = shop.open_pull({"new": "x"})
        bot.github.faults.server_error("POST /graphql", times=20)
        found = await blobs(bot.installation(pull), "acme/shop", [blob_sha(b"1"), blob_sha(b"2")])
        assert sorted(found.values()) == [b"1", b"2"]

    def test_sha(self) -> None:
        """A SHA is what `git hash-object` prints."""
        assert blob_sha(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


class TestArchives:
    def packed(self, files: dict[str, bytes]) -> bytes:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as packed:
            for name, content in files.items():
                member = tarfile.TarInfo(f"acme-shop-abc/{name}")
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
            link = tarfile.TarInfo("acme-shop-abc/link.py")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            packed.addfile(link)
        return archive.getvalue()

    def test_python_only(self) -> None:
        """Python files are taken, links are not followed, and nothing is written anywhere."""
        assert fetch._unpacked(self.packed({"a/b.py": b"x", "c.txt": b"y"})) == {"a/b.py": b"x"}

    def test_bomb(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An archive that unpacks to too much is given up before that."""
        monkeypatch.setattr(fetch, "UNPACKED_LIMIT", 10_000)
        with pytest.raises(TooLarge):
            fetch._unpacked(self.packed({"a.bin": b"\0" * 20_000, "b.py": b"x"}))

    def test_much_python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So is one with more Python than may be held in memory."""
        monkeypatch.setattr(fetch, "TEXTS_LIMIT", 10_000)
        assert len(fetch._unpacked(self.packed({"a.py": b"#" * 9_999, "b.txt": b"#" * 9_999}))) == 1
        with pytest.raises(TooLarge):
            fetch._unpacked(self.packed({"a.py": b"#" * 9_999, "b.py": b"##"}))
