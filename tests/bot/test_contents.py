"""Files as git has them, from a strict fake of GitHub."""

import io
import tarfile

import pytest

from bot import contents
from bot.contents import blob_sha, blobs
from bot.github import TooLarge

from .reviewing import Bot

FINGERPRINT = "0123456789abcdef"


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
        assert contents._unpacked(self.packed({"a/b.py": b"x", "c.txt": b"y"})) == {"a/b.py": b"x"}

    def test_bomb(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An archive that unpacks to too much is given up before that."""
        monkeypatch.setattr(contents, "UNPACKED_LIMIT", 10_000)
        with pytest.raises(TooLarge):
            contents._unpacked(self.packed({"a.bin": b"\0" * 20_000, "b.py": b"x"}))

    def test_much_python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So is one with more Python than may be held in memory."""
        monkeypatch.setattr(contents, "TEXTS_LIMIT", 10_000)
        assert len(contents._unpacked(self.packed({"a.py": b"#" * 9_999, "b.txt": b"#" * 9_999}))) == 1
        with pytest.raises(TooLarge):
            contents._unpacked(self.packed({"a.py": b"#" * 9_999, "b.py": b"##"}))
