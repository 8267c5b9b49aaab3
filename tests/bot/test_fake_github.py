"""The fake GitHub is as strict as the real one."""

import ast
import asyncio
import base64
import hashlib
import hmac
import io
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import gidgethub
import jwt
import pytest
from gidgethub.aiohttp import GitHubAPI
from gidgethub.apps import get_jwt
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bot.fake_github import (
    FakeGitHub,
    PullRequest,
    Repository,
    ReviewComment,
    SuggestionRefused,
    encode,
    executable,
    submodule,
    suggestions,
    symlink,
)
from tests.bot.fake_github.diffs import hunks, split_lines
from tests.bot.fake_github.objects import File, Objects, object_sha
from tests.bot.fake_github.pulls import Anchor
from tests.bot.fake_github.repositories import Changes
from tests.bot.fake_github.schema import Contract, SchemaError, contract
from tests.bot.fake_github.server import ROUTES

MAIN = "".join(f"line {n}\n" for n in range(1, 41))


def changed(*numbers: int, text: str = MAIN) -> str:
    """`text` with the lines of these numbers changed."""
    lines = text.split("\n")
    for number in numbers:
        lines[number - 1] = f"changed {number}"
    return "\n".join(lines)


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    return github.repository("acme/shop", {"app.py": MAIN, "other.py": "x = 1\n"})


@pytest.fixture
def pull(shop: Repository) -> PullRequest:
    """Changes lines 10 and 30: hunks show 7-13 and 27-33."""
    return shop.open_pull({"app.py": changed(10, 30)})


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def client(github: FakeGitHub, session: aiohttp.ClientSession, **scope: Any) -> GitHubAPI:
    """Gidgethub with an installation token for the first installation."""
    number = next(iter(github.installations))
    api = as_app(github, session)
    token = await api.post(f"/app/installations/{number}/access_tokens", data=scope, jwt=app_jwt(github))
    return GitHubAPI(session, "test", oauth_token=token["token"], base_url=github.url)


def as_app(github: FakeGitHub, session: aiohttp.ClientSession) -> GitHubAPI:
    return GitHubAPI(session, "test", base_url=github.url)


def app_jwt(github: FakeGitHub) -> str:
    return _jwt(str(github.app.id), github.app.private_key)


@cache
def _jwt(app_id: str, key: str) -> str:
    """Signing takes long; one serves for all tests."""
    return get_jwt(app_id=app_id, private_key=key)


@pytest.fixture
async def api(github: FakeGitHub, shop: Repository, session: aiohttp.ClientSession) -> GitHubAPI:
    return await client(github, session)


async def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(gidgethub.HTTPException) as caught:
        await call
    return int(caught.value.status_code), str(caught.value)


def git(*arguments: str | Path, cwd: Path, check: bool = True, **options: Any) -> bytes:
    done = subprocess.run(["git", *map(str, arguments)], cwd=cwd, check=check, capture_output=True, **options)
    return bytes(done.stdout)


class TestObjects:
    @given(content=st.binary(max_size=200))
    @settings(max_examples=30, deadline=None)
    def test_blob_sha(self, content: bytes) -> None:
        """A blob is named by the SHA-1 of its header and bytes."""
        assert object_sha("blob", content) == hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def test_git_agrees(self, tmp_path: Path) -> None:
        """Blobs, trees with every mode and commits get the names that git gives them."""
        git("init", "-q", cwd=tmp_path)
        content = "a\r\nb\f\u2028c".encode()
        sha = git("hash-object", "-w", "--stdin", cwd=tmp_path, input=content).decode().strip()
        objects = Objects()
        assert objects.add_blob(content) == sha
        modes = {"a.py": "100644", "a/run.sh": "100755", "a.b": "100644", "link": "120000", "a-b/c/d": "100644"}
        for path, mode in [*modes.items(), ("sub", "160000")]:
            git("update-index", "--add", "--cacheinfo", f"{mode},{sha},{path}", cwd=tmp_path)
        tree = git("write-tree", cwd=tmp_path).decode().strip()
        files = {path: objects.add_file(File(content, mode)) for path, mode in modes.items()}
        files["sub"] = objects.add_file(submodule(sha))
        assert objects.add_tree(files) == tree
        listed = git("ls-tree", "-r", "--name-only", tree, cwd=tmp_path).decode().split()
        assert list(objects.files(tree)) == listed
        who = {"NAME": "ann", "EMAIL": "ann@example.org", "DATE": "1767225600 +0000"}
        environment = {f"GIT_{role}_{key}": text for role in ("AUTHOR", "COMMITTER") for key, text in who.items()}
        made = git("commit-tree", tree, cwd=tmp_path, input=b"Hello", env=environment).decode().strip()
        assert objects.add_commit(tree, [], "Hello", "ann <ann@example.org>", 1767225600) == made


def git_patch(folder: Path, old: bytes, new: bytes) -> bytes:
    """The hunks of `git diff`, without the last line end."""
    (folder / "old").write_bytes(old)
    (folder / "new").write_bytes(new)
    shown = git("diff", "--no-index", "--no-color", "--no-indent-heuristic", "old", "new", cwd=folder, check=False)
    return shown[shown.index(b"@@") :].removesuffix(b"\n") if b"@@" in shown else b""


def patch(old: bytes, new: bytes) -> bytes:
    return b"".join(map(bytes, hunks(old, new))).removesuffix(b"\n")


ODD_LINES = st.sampled_from(
    ["", "def f():", "    return 1\r", "\fx", "a\u2028b", "class é:", "$x", "  ", "\\ No newline"]
)


@st.composite
def edits(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A file without repeated lines, and the same with lines removed, replaced, inserted, its last line end perhaps lost."""
    length = draw(st.integers(0, 60))
    old = [f"{draw(ODD_LINES)} {n}" if n % 3 else f"name_{n}" for n in range(length)]
    new: list[str] = []
    for n, line in enumerate(old):
        fate = draw(st.sampled_from(["keep"] * 8 + ["remove", "replace", "insert"]))
        new += [f"fresh {n}"] if fate in {"replace", "insert"} else []
        new += [line] if fate in {"keep", "insert"} else []
    new += draw(st.sampled_from([[], ["last"]]))
    return _joined(draw, old), _joined(draw, new)


def _joined(draw: st.DrawFn, lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines)[: None if draw(st.booleans()) else -1].encode()


class TestDiffs:
    @given(edit=edits())
    @settings(max_examples=60, deadline=None)
    def test_same_as_git(self, edit: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
        """Where only one shortest diff exists, the hunks are git's own, byte for byte."""
        old, new = edit
        assert patch(old, new) == git_patch(tmp_path_factory.getbasetemp(), old, new)

    @given(texts=st.tuples(*[st.lists(st.sampled_from(["a", "b", "", "c\r"]), max_size=25).map("\n".join)] * 2))
    @settings(max_examples=60, deadline=None)
    def test_git_applies(self, texts: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
        """With lines that repeat, git can still apply what the fake says, and gets the new file."""
        old, new = (text.encode() for text in texts)
        if old == new or not old or not new:
            return
        folder = tmp_path_factory.getbasetemp()
        (folder / "file").write_bytes(old)
        git("apply", "-", cwd=folder, input=b"--- a/file\n+++ b/file\n" + patch(old, new) + b"\n")
        assert (folder / "file").read_bytes() == new

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"", b"one\n"),
            (b"one\n", b""),
            (b"one", b"one\n"),
            (b"one\n", b"one"),
            (b"", b"one"),
            (b"a\n" * 20, b"a\n" * 19),
            (MAIN.encode(), changed(10, 17).encode()),
            (MAIN.encode(), changed(10, 18).encode()),
        ],
    )
    def test_corners(self, old: bytes, new: bytes, tmp_path: Path) -> None:
        """Empty files, lost line ends, and changes that just share a hunk or just do not are told as git tells them."""
        assert patch(old, new) == git_patch(tmp_path, old, new)

    def test_lines(self) -> None:
        r"""A line ends at \n and nowhere else."""
        assert split_lines("a\rb\fc\u2028d\x0be\n\nf".encode()) == ["a\rb\fc\u2028d\x0be\n".encode(), b"\n", b"f"]


class TestFiles:
    async def test_statuses(self, github: FakeGitHub, session: aiohttp.ClientSession) -> None:
        """Files are told by what happened to them, in git's order."""
        files: Changes = {"old.py": MAIN, "gone.py": "x\n", "mode.sh": "x\n", "same.py": MAIN + "1\n", "bin": b"\0"}
        shop = github.repository("acme/shop", files)
        changes: Changes = {"old.py": None, "new/name.py": changed(5), "gone.py": None, "mode.sh": executable("x\n")}
        pull = shop.open_pull({**changes, "added.py": "y\n", "bin": b"\0\1", "same.py": None, "moved.py": MAIN + "1\n"})
        api = await client(github, session)
        told = await api.getitem(f"/repos/acme/shop/pulls/{pull.number}/files")
        found = {each["filename"]: (each["status"], each.get("previous_filename"), "patch" in each) for each in told}
        assert found == {
            "added.py": ("added", None, True),
            "bin": ("modified", None, False),
            "gone.py": ("removed", None, True),
            "mode.sh": ("changed", None, False),
            "moved.py": ("renamed", "same.py", False),
            "new/name.py": ("renamed", "old.py", True),
        }
        assert list(found) == sorted(found)
        added = told[0]
        assert added["patch"] == "@@ -0,0 +1 @@\n+y"
        assert (added["additions"], added["deletions"], added["sha"]) == (1, 0, object_sha("blob", b"y\n"))

    async def test_three_dots(self, shop: Repository, pull: PullRequest, api: GitHubAPI) -> None:
        """What changed on the base branch meanwhile is not the pull request's."""
        shop.commit({"other.py": "x = 2\n"})
        pull.push({"app.py": changed(10)})
        told = await api.getitem(f"/repos/acme/shop/pulls/{pull.number}/files")
        assert [each["filename"] for each in told] == ["app.py"]
        compared = await api.getitem(f"/repos/acme/shop/compare/main...{pull.head}")
        assert [each["filename"] for each in compared["files"]] == ["app.py"]
        assert (compared["status"], compared["ahead_by"], compared["behind_by"]) == ("diverged", 2, 1)
        assert compared["merge_base_commit"]["sha"] == pull.merge_base

    async def test_pages(self, github: FakeGitHub, shop: Repository, api: GitHubAPI) -> None:
        """30 a page unless asked otherwise, 100 at most, and a Link header that gidgethub follows."""
        pull = shop.open_pull({f"m{n:03}.py": f"{n}\n" for n in range(230)})
        url = f"/repos/acme/shop/pulls/{pull.number}/files"
        assert len(await api.getitem(url)) == 30
        assert len(await api.getitem(f"{url}?per_page=500")) == 100
        github.forget_calls()
        assert len([each async for each in api.getiter(f"{url}?per_page=100")]) == 230
        assert github.count("GET /repos/{owner}/{repo}/pulls/{pull_number}/files") == 3

    async def test_patch_left_out(self, pull: PullRequest, api: GitHubAPI) -> None:
        """A test can say that a diff is too large to be shown; then its lines are no anchors either."""
        pull.without_patch.add("app.py")
        told = await api.getitem(f"/repos/acme/shop/pulls/{pull.number}/files")
        assert "patch" not in told[0]
        assert pull.anchor_problems(Anchor("app.py", 10), pull.head)


def review_body(pull: PullRequest, *comments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"commit_id": pull.head, "event": "COMMENT", "body": "Said.", "comments": list(comments), **more}


def at(line: int, body: str = "Look.", path: str = "app.py", **more: Any) -> dict[str, Any]:
    return {"path": path, "line": line, "side": "RIGHT", "body": body, **more}


LINE = "Pull request review thread line must be part of the diff"
HUNK = "Pull request review thread start line must be part of the same hunk as the line."
ORDER = "Pull request review thread start line must precede the end line."
BLANK = "Pull request review thread diff hunk can't be blank"
TOO_LONG = "Body is too long (maximum is 65536 characters)"


class TestReviews:
    async def test_created(self, pull: PullRequest, api: GitHubAPI) -> None:
        """A legal review stands with its comments, and is told again."""
        url = f"/repos/acme/shop/pulls/{pull.number}"
        comments = [at(7), at(13), at(33, start_line=27, start_side="RIGHT"), at(10, side="LEFT")]
        made = await api.post(f"{url}/reviews", data=review_body(pull, *comments))
        assert made["state"] == "COMMENTED"
        assert [review.body for review in pull.reviews] == ["Said."]
        assert [(comment.start_line, comment.line) for comment in pull.comments] == [
            (None, 7),
            (None, 13),
            (27, 33),
            (None, 10),
        ]
        told = await api.getitem(f"{url}/reviews/{made['id']}/comments")
        assert [comment["line"] for comment in told] == [7, 13, 33, 10]
        assert told[1]["diff_hunk"].endswith("\n line 13")
        assert (await api.getitem(f"{url}/reviews"))[0]["user"]["login"] == "asyncify[bot]"

    @pytest.mark.parametrize(
        ("comments", "text"),
        [
            ([at(6)], f"{LINE} and {BLANK}"),
            ([at(14)], f"{LINE} and {BLANK}"),
            ([at(10), at(20)], f"{LINE} and {BLANK}"),
            ([at(30, start_line=10)], HUNK),
            ([at(41, start_line=40)], f"{LINE}, {HUNK}, and {BLANK}"),
            ([at(10, start_line=10)], ORDER),
            ([at(10, start_line=12)], ORDER),
            ([at(1, path="other.py")], "Path could not be resolved"),
            ([at(10, "x" * 65_537)], TOO_LONG),
            ([at(10)] * 101, "Comments is too long (maximum is 100)"),
        ],
    )
    async def test_illegal(self, pull: PullRequest, api: GitHubAPI, comments: list[dict[str, Any]], text: str) -> None:
        """One illegal comment, and nothing is posted; the words are GitHub's."""
        url = f"/repos/acme/shop/pulls/{pull.number}/reviews"
        status, said = await refused(api.post(url, data=review_body(pull, *comments)))
        assert (status, ast.literal_eval(said.partition(": ")[2])) == (422, text)
        assert pull.reviews == []

    @pytest.mark.parametrize(
        ("more", "text"),
        [
            ({"body": ""}, "Review body can't be blank"),
            ({"body": "x" * 65_537}, TOO_LONG),
            ({"commit_id": "0" * 40}, "Commit is not part of the pull request"),
        ],
    )
    async def test_illegal_review(self, pull: PullRequest, api: GitHubAPI, more: dict[str, Any], text: str) -> None:
        """The review itself must be legal as well."""
        url = f"/repos/acme/shop/pulls/{pull.number}/reviews"
        status, said = await refused(api.post(url, data=review_body(pull, at(10), **more)))
        assert (status, ast.literal_eval(said.partition(": ")[2])) == (422, text)

    async def test_pending(self, pull: PullRequest, api: GitHubAPI) -> None:
        """A review without an event waits, alone, unseen, and may be taken back."""
        url = f"/repos/acme/shop/pulls/{pull.number}/reviews"
        made = await api.post(url, data={"comments": [at(10)]})
        assert (made["state"], pull.comments) == ("PENDING", [])
        status, said = await refused(api.post(url, data={"comments": [at(10)]}))
        assert status == 422
        assert "one pending review" in said
        await api.delete(f"{url}/{made['id']}")
        assert (pull.reviews, pull.threads) == ([], [])

    async def test_single_comments(self, pull: PullRequest, api: GitHubAPI) -> None:
        """A comment of its own may stand on a file, on lines, or answer."""
        url = f"/repos/acme/shop/pulls/{pull.number}/comments"
        place = {"commit_id": pull.head, "path": "app.py", "body": "Here."}
        on_file = await api.post(url, data={**place, "subject_type": "file"})
        assert (on_file["line"], on_file["subject_type"]) == (1, "file")
        answer = await api.post(url, data={**place, "in_reply_to": on_file["id"], "line": 999})
        assert answer["in_reply_to_id"] == on_file["id"]
        assert len(pull.threads[0].comments) == 2
        status, said = await refused(api.post(url, data={**place, "line": 20, "side": "RIGHT"}))
        assert status == 422
        assert "pull_request_review_thread.line" in said

    async def test_outdated(self, pull: PullRequest, api: GitHubAPI) -> None:
        """A comment moves with its line, and is outdated once the line is changed or no longer shown."""
        url = f"/repos/acme/shop/pulls/{pull.number}"
        await api.post(f"{url}/reviews", data=review_body(pull, at(10), at(30)))
        pull.push({"app.py": "new\n" + changed(10, 30).replace("changed 30", "line 30")})
        first, second = await api.getitem(f"{url}/comments")
        assert (first["line"], first["original_line"], first["commit_id"]) == (11, 10, pull.head)
        assert (second["line"], second["original_line"], second["commit_id"]) == (None, 30, pull.earlier_heads[0])
        assert [thread.outdated for thread in pull.threads] == [False, True]


class TestSchemas:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/pulls/1/reviews", {"event": "SHOUT", "body": "x"}),
            ("POST", "/pulls/1/reviews", {"event": "COMMENT", "body": "x", "comments": [at(10, subject_type="file")]}),
            ("POST", "/pulls/1/reviews", {"event": "COMMENT", "body": "x", "comments": [{**at(10), "line": "10"}]}),
            ("POST", "/pull/1/reviews", {"event": "COMMENT", "body": "x"}),
            ("POST", "/check-runs", {"name": "asyncify", "head_sha": "x", "status": "done"}),
            ("POST", "/check-runs", {"name": "asyncify", "head_sha": "x", "status": "completed"}),
            ("POST", "/issues/comments/1/reactions", {"content": "tada"}),
        ],
    )
    async def test_illegal_body(
        self, github: FakeGitHub, pull: PullRequest, api: GitHubAPI, method: str, path: str, body: dict[str, Any]
    ) -> None:
        """What GitHub's published schema does not know is refused and noted, so that a test can fail on it."""
        status, _ = await refused(api.post(f"/repos/acme/shop{path}", data=body))
        assert status in {404, 422}
        assert len(github.refusals) == 1
        github.refusals.clear()

    def test_own_answers(self) -> None:
        """The fake's answers are held to the same: a key too many or too few is an error."""
        published = contract("GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}")
        assert isinstance(published, Contract)
        blob = {"content": "", "encoding": "base64", "url": "u", "sha": "s", "size": 0, "node_id": "n"}
        published.check_response(blob)
        with pytest.raises(SchemaError, match="colour: not published"):
            published.check_response({**blob, "colour": "red"})
        del blob["sha"]
        with pytest.raises(SchemaError, match="sha"):
            published.check_response(blob)

    def test_routes_are_published(self) -> None:
        """The fake serves no REST route that GitHub does not have."""
        unknown = [each.template for _, each in ROUTES if contract(each.method, each.template) is None]
        assert unknown == ["/graphql"]


class TestCheckRuns:
    async def test_lifecycle(self, pull: PullRequest, api: GitHubAPI) -> None:
        """Annotations add up, a conclusion completes, and the head's run is found by name."""
        url = "/repos/acme/shop/check-runs"
        made = await api.post(url, data={"name": "asyncify", "head_sha": pull.head, "status": "in_progress"})
        one = {"path": "app.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "Look."}
        output = {"title": "t", "summary": "s", "annotations": [one] * 50}
        await api.patch(f"{url}/{made['id']}", data={"output": output})
        await api.patch(f"{url}/{made['id']}", data={"output": output, "conclusion": "neutral"})
        (run,) = pull.check_runs
        assert (run.status, run.conclusion, len(run.annotations)) == ("completed", "neutral", 100)
        told = await api.getitem(f"/repos/acme/shop/commits/{pull.head}/check-runs?check_name=asyncify")
        assert [each["id"] for each in told["check_runs"]] == [made["id"]]
        assert told["check_runs"][0]["pull_requests"][0]["number"] == pull.number
        assert len([each async for each in api.getiter(f"{url}/{made['id']}/annotations")]) == 100

    @pytest.mark.parametrize(
        "body",
        [
            {"output": {"title": "t", "summary": "x" * 65_536}},
            {
                "output": {
                    "title": "t",
                    "summary": "s",
                    "annotations": [
                        {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
                    ]
                    * 51,
                }
            },
            {"actions": [{"label": "l", "identifier": "i", "description": "d"}] * 4},
            {"actions": [{"label": "l" * 21, "identifier": "i", "description": "d"}]},
        ],
        ids=["summary", "annotations", "actions", "label"],
    )
    async def test_limits(self, github: FakeGitHub, pull: PullRequest, api: GitHubAPI, body: dict[str, Any]) -> None:
        """65,535 characters, 50 annotations, 3 buttons of 20 characters."""
        made = {"name": "asyncify", "head_sha": pull.head, "status": "completed", "conclusion": "neutral", **body}
        status, said = await refused(api.post("/repos/acme/shop/check-runs", data=made))
        assert (status, pull.check_runs) == (422, [])
        assert said.startswith("Invalid request.")
        github.refusals.clear()


class TestTokens:
    @pytest.mark.parametrize("stateless", [True, False])
    async def test_shapes(
        self, shop: Repository, github: FakeGitHub, session: aiohttp.ClientSession, stateless: bool
    ) -> None:
        """Both shapes of token serve; the new one is long and has dots."""
        github.stateless_tokens = stateless
        api = await client(github, session)
        assert (await api.getitem("/repos/acme/shop"))["full_name"] == "acme/shop"
        (text,) = github.tokens
        assert (len(text) > 400, "." in text) == (stateless, stateless)
        assert stateless or len(text) == 40

    async def test_expiry(self, github: FakeGitHub, api: GitHubAPI) -> None:
        """A token serves for an hour."""
        github.advance(3590)
        await api.getitem("/repos/acme/shop")
        github.advance(20)
        assert await refused(api.getitem("/repos/acme/shop")) == (401, "Bad credentials")

    async def test_scope(self, github: FakeGitHub, shop: Repository, session: aiohttp.ClientSession) -> None:
        """A token for one repository sees no other private one, and may not write to a public one."""
        github.repository("acme/secret", private=True)
        public = github.repository("acme/open")
        number = public.open_pull({"README.md": "Hi.\n"}).number
        api = await client(github, session, repository_ids=[shop.id])
        assert (await refused(api.getitem("/repos/acme/secret")))[0] == 404
        await api.getitem("/repos/acme/open")
        url = f"/repos/acme/open/issues/{number}/comments"
        assert await refused(api.post(url, data={"body": "x"})) == (403, "Resource not accessible by integration")

    async def test_permissions(self, github: FakeGitHub, pull: PullRequest, session: aiohttp.ClientSession) -> None:
        """What the token may not do is 403; it may not be minted for more than was granted."""
        api = await client(github, session, permissions={"pull_requests": "read", "contents": "read"})
        url = f"/repos/acme/shop/pulls/{pull.number}"
        await api.getitem(f"{url}/files")
        review = review_body(pull, at(10))
        assert await refused(api.post(f"{url}/reviews", data=review)) == (403, "Resource not accessible by integration")
        assert (await refused(api.getitem(f"/repos/acme/shop/commits/{pull.head}/check-runs")))[0] == 403
        status, _ = await refused(client(github, session, permissions={"contents": "write", "issues": "write"}))
        assert status == 422
        status, _ = await refused(client(github, session, repository_ids=[1]))
        assert status == 422

    async def test_app_token(self, github: FakeGitHub, shop: Repository, session: aiohttp.ClientSession) -> None:
        """The App speaks by a JWT that it signed, no more than ten minutes ahead, and that is no installation token."""
        api = as_app(github, session)
        assert (await api.getitem("/app", jwt=app_jwt(github)))["slug"] == "asyncify"
        now = int(time.time())
        for claims in (
            {"iat": now - 60, "exp": now + 3600},
            {"iat": now - 600, "exp": now - 60},
            {"iat": now + 300, "exp": now + 600},
        ):
            bad = jwt.encode({**claims, "iss": str(github.app.id)}, github.app.private_key, algorithm="RS256")
            assert (await refused(api.getitem("/app", jwt=bad)))[0] == 401
        assert (await refused(api.getitem("/app", jwt="nonsense")))[0] == 401
        assert (await refused(api.getitem("/repos/acme/shop", jwt=app_jwt(github))))[0] == 401

    async def test_suspended(
        self, github: FakeGitHub, shop: Repository, api: GitHubAPI, session: aiohttp.ClientSession
    ) -> None:
        """A suspended installation gives no token, and takes none."""
        installation = github.installation_of(shop)
        assert installation
        installation.suspended_at = github.now()
        assert (await refused(api.getitem("/repos/acme/shop")))[0] == 403
        assert (await refused(client(github, session)))[0] == 403


class TestContents:
    async def test_file(self, shop: Repository, api: GitHubAPI, session: aiohttp.ClientSession) -> None:
        """A small file comes as Base64, a folder as a list; nothing is 404."""
        shop.commit({"app/a b.py": "x\r\n", "link.py": symlink("app/a b.py"), "big.py": "x" * (1024**2 + 1)})
        told = await api.getitem("/repos/acme/shop/contents/app/a%20b.py")
        assert base64.b64decode(told["content"]) == b"x\r\n"
        assert (await api.getitem("/repos/acme/shop/contents/link.py"))["sha"] == told["sha"]
        assert [each["name"] for each in await api.getitem("/repos/acme/shop/contents/app")] == ["a b.py"]
        assert (await refused(api.getitem("/repos/acme/shop/contents/nothing.py")))[0] == 404
        status, said = await refused(api.getitem("/repos/acme/shop/contents/big.py"))
        assert (status, "1 MB" in said) == (403, True)

    async def test_fork(self, shop: Repository, api: GitHubAPI) -> None:
        """The head of a fork is read through the base repository."""
        pull = shop.open_pull({"app.py": "new\n"}, author="eve", fork=True)
        told = await api.getitem(f"/repos/acme/shop/contents/app.py?ref={pull.head}")
        assert base64.b64decode(told["content"]) == b"new\n"
        assert told["sha"] == pull.files[0].sha
        assert pull.head_repository.full_name == "eve/shop"

    async def test_trees_and_blobs(self, shop: Repository, api: GitHubAPI) -> None:
        """A recursive tree tells every path with mode and SHA, and may be truncated; blobs come by SHA."""
        shop.commit({"bin/run": executable("#!/bin/sh\n"), "lib": submodule("1" * 40), "l": symlink("app.py")})
        told = await api.getitem(f"/repos/acme/shop/git/trees/{shop.head}?recursive=1")
        modes = {each["path"]: (each["mode"], each["type"]) for each in told["tree"]}
        assert modes == {
            "app.py": ("100644", "blob"),
            "bin": ("040000", "tree"),
            "bin/run": ("100755", "blob"),
            "l": ("120000", "blob"),
            "lib": ("160000", "commit"),
            "other.py": ("100644", "blob"),
        }
        sha = next(each["sha"] for each in told["tree"] if each["path"] == "app.py")
        blob = await api.getitem(f"/repos/acme/shop/git/blobs/{sha}")
        assert base64.b64decode(blob["content"]) == MAIN.encode()
        shop.truncate_trees = True
        assert (await api.getitem(f"/repos/acme/shop/git/trees/{shop.head}?recursive=1"))["truncated"]

    async def test_tarball(
        self, github: FakeGitHub, shop: Repository, api: GitHubAPI, session: aiohttp.ClientSession
    ) -> None:
        """An archive lies on another host, which must never see the token."""
        shop.commit({"bin/run": executable("x"), "l": symlink("app.py")})
        (token,) = github.tokens
        headers = {"authorization": f"Bearer {token}", "user-agent": "test"}
        async with session.get(f"{github.url}/repos/acme/shop/tarball/{shop.head}", headers=headers) as answer:
            content = await answer.read()
            assert answer.history[0].status == 302
            there = answer.url
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            top = f"acme-shop-{shop.head[:7]}"
            names = {info.name: info for info in tar}
            assert {f"{top}/app.py", f"{top}/bin/run", f"{top}/l"} < set(names)
            assert names[f"{top}/bin/run"].mode & 0o111
            assert names[f"{top}/l"].linkname == "app.py"
            read = tar.extractfile(f"{top}/app.py")
            assert read
            assert read.read() == MAIN.encode()
        async with session.get(there, headers=headers) as answer:
            assert answer.status == 200
        assert len(github.refusals) == 1
        github.refusals.clear()


async def ask(api: GitHubAPI, github: FakeGitHub, query: str, **variables: Any) -> Any:
    return await api.post(f"{github.url}/graphql", data={"query": query, "variables": variables})


STANDING = """
query($number: Int!, $blob: String!) {
  viewer { login }
  repository(owner: "acme", name: "shop") {
    object(expression: $blob) { ... on Blob { oid byteSize isBinary isTruncated text } }
    pullRequest(number: $number) {
      state isDraft headRefOid baseRefOid baseRefName author { __typename login } headRepository { nameWithOwner }
      files(first: 10) { nodes { path changeType } }
      reviews(first: 10) { totalCount nodes { id state author { login } viewerDidAuthor commit { oid } } }
      reviewThreads(first: 1) {
        pageInfo { hasNextPage endCursor }
        nodes { id isResolved isOutdated path line viewerCanResolve comments(first: 1) { nodes { databaseId body } } }
      }
      commits(last: 1) { nodes { commit { oid checkSuites(first: 1) { nodes {
        checkRuns(first: 1, filterBy: {checkName: "asyncify"}) { nodes { databaseId status conclusion } } } } } } }
    }
  }
}"""
COMMIT = """
mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } ref { name } } }"""
RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved } } }"
MINIMIZE = """
mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized minimizedReason } }
}"""


class TestGraphQL:
    async def test_standing(self, github: FakeGitHub, shop: Repository, session: aiohttp.ClientSession) -> None:
        """One query tells how a pull request stands; bots have no [bot] in their names here."""
        pull = shop.open_pull({"app.py": changed(10)}, author="dependabot[bot]", fork="eve", draft=True)
        api = await client(github, session)
        url = f"/repos/acme/shop/pulls/{pull.number}/reviews"
        await api.post(url, data=review_body(pull, at(10), at(11)))
        await api.post("/repos/acme/shop/check-runs", data={"name": "asyncify", "head_sha": pull.head})
        told = await ask(api, github, STANDING, number=pull.number, blob=f"{pull.head}:app.py")
        assert "errors" not in told
        found = told["data"]["repository"]
        assert found["object"]["text"] == changed(10)
        assert found["object"]["oid"] == pull.files[0].sha
        stands = found["pullRequest"]
        assert stands["author"] == {"__typename": "Bot", "login": "dependabot"}
        assert (stands["state"], stands["isDraft"], stands["headRefOid"]) == ("OPEN", True, pull.head)
        assert stands["headRepository"] == {"nameWithOwner": "eve/shop"}
        assert stands["files"]["nodes"] == [{"path": "app.py", "changeType": "MODIFIED"}]
        assert stands["reviews"]["nodes"][0]["viewerDidAuthor"]
        threads = stands["reviewThreads"]
        assert threads["pageInfo"]["hasNextPage"]
        assert threads["nodes"][0]["line"] == 10
        suites = stands["commits"]["nodes"][0]["commit"]["checkSuites"]
        assert suites["nodes"][0]["checkRuns"]["nodes"][0]["status"] == "QUEUED"

    async def test_unknown(self, github: FakeGitHub, api: GitHubAPI) -> None:
        """A repository that is not there is null with an error; a field that is not there is a refusal."""
        told = await ask(api, github, '{ repository(owner: "acme", name: ".github") { id } }')
        assert told["data"] == {"repository": None}
        assert told["errors"][0]["type"] == "NOT_FOUND"
        assert github.refusals == []
        await ask(api, github, '{ repository(owner: "acme", name: "shop") { nonsense } }')
        await ask(
            api,
            github,
            '{ repository(owner: "acme", name: "shop") { pullRequest(number: 1) { reviews { totalCount } } } }',
        )
        await ask(api, github, COMMIT, input={"branch": {}, "message": {"headline": "x"}})
        assert len(github.refusals) >= 2
        github.refusals.clear()

    async def test_pages(self, github: FakeGitHub, pull: PullRequest, api: GitHubAPI) -> None:
        """A connection must be bounded, by 100 at most, and is read on from its cursor."""
        pull.review_by("bob", "Hm.", {("app.py", line): "Why?" for line in (9, 10, 11)})
        query = """query($after: String, $first: Int) { repository(owner: "acme", name: "shop") { pullRequest(number: 1) {
          reviewThreads(first: $first, after: $after) { nodes { line } pageInfo { endCursor hasNextPage } } } } }"""
        told = await ask(api, github, query, first=2)
        threads = told["data"]["repository"]["pullRequest"]["reviewThreads"]
        assert [each["line"] for each in threads["nodes"]] == [9, 10]
        told = await ask(api, github, query, first=2, after=threads["pageInfo"]["endCursor"])
        assert told["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"] == [{"line": 11}]
        for first in (101, None):
            assert "errors" in await ask(api, github, query, first=first)
        assert len(github.refusals) == 2
        github.refusals.clear()

    async def test_resolve(self, github: FakeGitHub, pull: PullRequest, session: aiohttp.ClientSession) -> None:
        """To resolve a thread takes contents: write as well; to hide a comment does not."""
        pull.review_by("bob", "Hm.", {("app.py", 10): "Why?"})
        thread = pull.threads[0]
        weak = await client(github, session, permissions={"pull_requests": "write", "contents": "read"})
        told = await ask(weak, github, RESOLVE, id=thread.node_id)
        assert told["errors"][0]["message"] == "Resource not accessible by integration"
        assert not thread.resolved
        told = await ask(weak, github, MINIMIZE, id=pull.comments[0].node_id)
        assert told["data"]["minimizeComment"]["minimizedComment"] == {
            "isMinimized": True,
            "minimizedReason": "outdated",
        }
        told = await ask(await client(github, session), github, RESOLVE, id=thread.node_id)
        assert told["data"]["resolveReviewThread"]["thread"]["isResolved"]
        assert thread.resolved

    async def test_commit(self, github: FakeGitHub, pull: PullRequest, api: GitHubAPI) -> None:
        """A commit goes on top of the head that was expected, byte for byte, and on no other."""
        content = base64.b64encode(b"a\r\nb").decode()
        wish = {
            "branch": {"repositoryNameWithOwner": "acme/shop", "branchName": pull.head_ref},
            "expectedHeadOid": pull.head,
            "message": {"headline": "asyncify: fix", "body": "Why."},
            "fileChanges": {
                "additions": [{"path": "app.py", "contents": content}],
                "deletions": [{"path": "other.py"}],
            },
        }
        before = pull.head
        told = await ask(api, github, COMMIT, input=wish)
        assert told["data"]["createCommitOnBranch"]["commit"]["oid"] == pull.head != before
        assert pull.repository.files(pull.head) == {"app.py": b"a\r\nb"}
        assert pull.repository.commit_at(pull.head).message == "asyncify: fix\n\nWhy."
        told = await ask(api, github, COMMIT, input=wish)
        assert told["errors"][0]["type"] == "STALE_DATA"
        assert told["errors"][0]["message"].startswith(f'Expected branch to point to "{before}" but it did not.')

    async def test_commit_to_fork(self, github: FakeGitHub, shop: Repository, api: GitHubAPI) -> None:
        """A fork outside the installation is not ours to write to."""
        pull = shop.open_pull({"app.py": "new\n"}, author="eve", fork=True)
        branch = {"repositoryNameWithOwner": "eve/shop", "branchName": pull.head_ref}
        wish = {"branch": branch, "expectedHeadOid": pull.head, "message": {"headline": "x"}}
        told = await ask(api, github, COMMIT, input=wish)
        assert told["errors"][0]["type"] == "FORBIDDEN"


class TestConversation:
    async def test_reactions(self, pull: PullRequest, api: GitHubAPI, session: aiohttp.ClientSession) -> None:
        """The same reaction twice is one; an issue comment wants issues or pull requests."""
        comment = pull.comment("/asyncify")
        url = f"/repos/acme/shop/issues/comments/{comment.id}/reactions"
        one = await api.post(url, data={"content": "eyes"})
        two = await api.post(url, data={"content": "eyes"})
        assert one["id"] == two["id"]
        assert [reaction.content for reaction in comment.reactions] == ["eyes"]
        made = await api.post(f"/repos/acme/shop/issues/{pull.number}/comments", data={"body": "Done."})
        assert made["performed_via_github_app"]["slug"] == "asyncify"
        assert [each.body for each in pull.issue_comments] == ["/asyncify", "Done."]

    async def test_permission_levels(self, shop: Repository, pull: PullRequest, api: GitHubAPI) -> None:
        """Maintain counts as write, triage as read."""
        shop.collaborators |= {"ann": "maintain", "bob": "triage"}
        shop.github.account("bob")
        shop.github.account("eve")
        url = "/repos/acme/shop/collaborators"
        levels = [(await api.getitem(f"{url}/{who}/permission"))["permission"] for who in ("ann", "bob", "eve", "acme")]
        assert levels == ["write", "read", "read", "admin"]


class TestFaults:
    async def test_created_all_the_same(self, github: FakeGitHub, pull: PullRequest, api: GitHubAPI) -> None:
        """A 502 may come after the review was made."""
        github.faults.server_error("POST */reviews", after=True)
        url = f"/repos/acme/shop/pulls/{pull.number}/reviews"
        assert (await refused(api.post(url, data=review_body(pull, at(10)))))[0] == 502
        assert len(pull.reviews) == 1
        github.faults.server_error("POST */reviews")
        assert (await refused(api.post(url, data=review_body(pull, at(10)))))[0] == 502
        assert len(pull.reviews) == 1

    async def test_limits(self, github: FakeGitHub, api: GitHubAPI) -> None:
        """Both kinds of limit come with the headers that they come with, or without."""
        github.faults.primary_limit("GET *", reset_in=60)
        with pytest.raises(gidgethub.RateLimitExceeded):
            await api.getitem("/repos/acme/shop")
        for seconds in (7, None):
            github.faults.secondary_limit("GET *", retry_after=seconds)
            with pytest.raises(gidgethub.BadRequest) as caught:
                await api.getitem("/repos/acme/shop")
            assert "secondary rate limit" in str(caught.value)
            assert caught.value.headers.get("retry-after") == (None if seconds is None else "7")
        github.faults.graphql_limit()
        assert (await ask(api, github, "{ viewer { login } }"))["errors"][0]["type"] == "RATE_LIMITED"

    async def test_not_there_yet(self, github: FakeGitHub, api: GitHubAPI) -> None:
        """404 first, then there."""
        github.faults.not_found("GET /repos/acme/shop", times=2)
        assert [(await refused(api.getitem("/repos/acme/shop")))[0] for _ in range(2)] == [404, 404]
        assert (await api.getitem("/repos/acme/shop"))["id"]

    async def test_connection(self, github: FakeGitHub, api: GitHubAPI) -> None:
        """The connection breaks, or the answer is late."""
        github.faults.connection_reset("GET *", times=2)  # aiohttp itself asks once more where a kept connection broke
        with pytest.raises(aiohttp.ClientError):
            await api.getitem("/repos/acme/shop")
        github.faults.slow("GET *", 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(api.getitem("/repos/acme/shop"), 0.05)

    async def test_renamed(
        self, github: FakeGitHub, shop: Repository, pull: PullRequest, session: aiohttp.ClientSession, api: GitHubAPI
    ) -> None:
        """A renamed repository redirects: reads by 301, writes by 307, to its number."""
        shop.rename("store")
        headers = {"authorization": f"Bearer {next(iter(github.tokens))}", "user-agent": "test"}
        url = f"{github.url}/repos/acme/shop"
        async with session.get(url, headers=headers, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["location"]) == (301, f"{github.url}/repositories/{shop.id}")
        async with session.get(url, headers=headers) as answer:
            assert (await answer.json())["full_name"] == "acme/store"
        async with session.post(f"{url}/issues/{pull.number}/comments", headers=headers, json={"body": "x"}) as answer:
            assert (answer.history[0].status, answer.status) == (307, 201)

    async def test_not_modified(self, github: FakeGitHub, api: GitHubAPI, session: aiohttp.ClientSession) -> None:
        """What did not change is 304."""
        headers = {"authorization": f"Bearer {next(iter(github.tokens))}", "user-agent": "test"}
        async with session.get(f"{github.url}/repos/acme/shop", headers=headers) as answer:
            tag = answer.headers["etag"]
        async with session.get(f"{github.url}/repos/acme/shop", headers={**headers, "if-none-match": tag}) as answer:
            assert answer.status == 304

    async def test_round_trips(self, github: FakeGitHub, api: GitHubAPI) -> None:
        """Calls at the same time are one round trip, calls one after another are several."""
        github.latency = 0.05
        github.forget_calls()
        await asyncio.gather(*(api.getitem("/repos/acme/shop") for _ in range(3)))
        assert (github.count(), github.round_trips()) == (3, 1)
        await api.getitem("/repos/acme/shop")
        assert (github.count("GET /repos/{owner}/{repo}"), github.round_trips()) == (4, 2)


def fenced(*lines: str, fence: str = "```") -> str:
    return "\n".join([f"Await it.\n\n{fence}suggestion", *lines, fence])


def suggest(pull: PullRequest, line: int, body: str, *, start: int | None = None, side: str = "RIGHT") -> ReviewComment:
    review = pull.add_review("Said.", "COMMENTED", pull.github.app.bot, pull.head)
    return pull.add_comment(review, Anchor("app.py", line, start, side), body)


@pytest.fixture
def still() -> FakeGitHub:
    """A GitHub that is not running: suggestions need no HTTP."""
    return FakeGitHub()


def pull_with(github: FakeGitHub, text: str) -> PullRequest:
    shop = github.repository("acme/shop", {"app.py": "first\n"})
    return shop.open_pull({"app.py": text})


def committed(pull: PullRequest) -> bytes:
    return pull.repository.read("app.py", pull.head)


class TestSuggestions:
    @pytest.mark.parametrize(
        ("body", "found"),
        [
            (fenced("a", "b"), [("a", "b")]),
            (fenced('"""', "```", "x", "```", '"""', fence="````"), [('"""', "```", "x", "```", '"""')]),
            (fenced(), [()]),
            (fenced(""), [("",)]),
            ("```python\n```suggestion\nx\n```", []),
            ("````\n```suggestion\nx\n```\n````", []),
            ("<!-- ```suggestion\nx\n``` -->", []),
            ("~~~suggestion\nx\n~~~", [("x",)]),
            ("  ```suggestion\n    x\n  ```", [("  x",)]),
            ("```suggestion\r\nx\r\n```\r\n", [("x",)]),
            (fenced("a") + "\n" + fenced("b"), [("a",), ("b",)]),
        ],
    )
    def test_blocks(self, body: str, found: list[tuple[str, ...]]) -> None:
        """A block is what CommonMark says it is, at any length of fence."""
        assert suggestions(body) == found

    def test_one(self, still: FakeGitHub) -> None:
        """The lines are replaced by a commit of who pressed, with the author of the comment as co-author."""
        pull = pull_with(still, "a\nb\nc\nd\n")
        comment = suggest(pull, 3, fenced("B", "BB", "C"), start=2)
        sha = still.commit_suggestion(comment, by="ann")
        assert committed(pull) == b"a\nB\nBB\nC\nd\n"
        commit = pull.repository.objects.commits[sha]
        assert commit.author.startswith("ann <")
        assert "Co-authored-by: asyncify[bot] <" in commit.message
        assert (pull.head, comment.thread.resolved) == (sha, True)

    def test_fork(self, still: FakeGitHub) -> None:
        """On a fork the commit goes to the fork."""
        shop = still.repository("acme/shop", {"app.py": "a\n"})
        pull = shop.open_pull({"app.py": "b\n"}, author="eve", fork=True)
        still.commit_suggestion(suggest(pull, 1, fenced("c")))
        assert pull.head_repository.branches[pull.head_ref] == pull.head
        assert committed(pull) == b"c\n"

    def test_line_ends(self, still: FakeGitHub) -> None:
        r"""A comment has no \r to give, so lines that had it lose it; a last line without line end keeps none."""
        pull = pull_with(still, "a\r\nb\r\nc")
        still.commit_suggestion(suggest(pull, 2, fenced("B")))
        assert committed(pull) == b"a\r\nB\nc"
        still.commit_suggestion(suggest(pull, 3, fenced("C", "D")))
        assert committed(pull) == b"a\r\nB\nC\nD"

    def test_removal(self, still: FakeGitHub) -> None:
        """An empty block removes the lines."""
        pull = pull_with(still, "a\nb\nc\n")
        still.commit_suggestion(suggest(pull, 2, fenced()))
        assert committed(pull) == b"a\nc\n"

    def test_moved(self, still: FakeGitHub) -> None:
        """The lines are found where they stand by now."""
        pull = pull_with(still, "a\nb\nc\n")
        comment = suggest(pull, 2, fenced("B"))
        pull.push({"app.py": "new\na\nb\nc\n"})
        still.commit_suggestion(comment)
        assert committed(pull) == b"new\na\nB\nc\n"

    def test_batch(self, still: FakeGitHub) -> None:
        """A batch is one commit, whatever the order of its suggestions; two on one line are refused."""
        pull = pull_with(still, "a\nb\nc\nd\n")
        one, two = suggest(pull, 1, fenced("A", "AA")), suggest(pull, 4, fenced("D"), start=3)
        before = pull.head
        sha = still.commit_suggestions([one, two])
        assert committed(pull) == b"A\nAA\nb\nD\n"
        assert pull.repository.objects.commits[sha].parents == (before,)
        clash = [suggest(pull, 2, fenced("x"), start=1), suggest(pull, 2, fenced("y"))]
        with pytest.raises(SuggestionRefused, match="Only one suggestion per line can be applied in a batch"):
            still.commit_suggestions(clash)

    def test_refusals(self, still: FakeGitHub) -> None:
        """What GitHub offers no button for is refused in its words, and nothing is committed."""
        pull = pull_with(still, "a\nb\nc\n")
        same, old, left = (
            suggest(pull, 1, fenced("a")),
            suggest(pull, 2, fenced("B")),
            suggest(pull, 1, fenced("x"), side="LEFT"),
        )
        none, done = suggest(pull, 3, "Nothing here."), suggest(pull, 3, fenced("C"))
        done.thread.resolve("ann")
        pending = suggest(pull, 3, fenced("C"))
        pending.review.state = "PENDING"
        pull.push({"app.py": "a\nb2\nc\n"})
        head = pull.head
        for comment, text in (
            (same, "no changes were made to the code"),
            (old, "Outdated suggestions cannot be applied"),
            (left, "Applying suggestions on deleted lines is not supported"),
            (none, "holds no suggestion"),
            (done, "applied or marked resolved"),
            (pending, "from pending reviews"),
        ):
            with pytest.raises(SuggestionRefused, match=text):
                still.commit_suggestion(comment)
        pull.close()
        with pytest.raises(SuggestionRefused, match="the pull request is closed"):
            still.commit_suggestion(done)
        assert pull.head == head


class TestWebhooks:
    def test_payload(self, still: FakeGitHub) -> None:
        """A payload names the installation, the repository and both sides."""
        shop = still.repository("acme/shop", {"app.py": MAIN})
        pull = shop.open_pull({"app.py": changed(10)}, author="eve", fork=True)
        pull.push({"app.py": changed(11)})
        told = still.webhook("pull_request", "synchronize", pull)
        installation = still.installation_of(shop)
        assert installation
        assert told["installation"]["id"] == installation.id
        assert (told["before"], told["after"]) == (pull.earlier_heads[0], pull.head)
        assert told["pull_request"]["head"]["repo"]["full_name"] == "eve/shop"
        assert told["pull_request"]["base"]["repo"]["id"] == told["repository"]["id"] == shop.id
        assert told["organization"]["login"] == "acme"

    def test_comments(self, still: FakeGitHub) -> None:
        """A comment on a pull request says so, and who wrote it."""
        pull = pull_with(still, "a\n")
        told = still.webhook("issue_comment", "created", pull.comment("/asyncify", "bob"))
        assert told["issue"]["pull_request"]["url"].endswith(f"/pulls/{pull.number}")
        assert (told["sender"]["login"], told["comment"]["body"]) == ("bob", "/asyncify")
        answer = suggest(pull, 1, fenced("b")).reply("/asyncify explain", "bob")
        told = still.webhook("pull_request_review_comment", "created", answer)
        assert told["comment"]["in_reply_to_id"] == pull.comments[0].id

    def test_signature(self, still: FakeGitHub) -> None:
        """The signature is the HMAC of the body."""
        body = encode({"zen": "…"})
        headers = still.sign(body, event="ping")
        expected = hmac.new(still.app.webhook_secret.encode(), body, "sha256").hexdigest()
        assert headers["x-hub-signature-256"] == f"sha256={expected}"
        assert headers["x-github-hook-installation-target-id"] == str(still.app.id)

    async def test_deliveries(self, github: FakeGitHub, pull: PullRequest, session: aiohttp.ClientSession) -> None:
        """Deliveries are logged, failed ones too, and told with their payload."""
        payload = github.webhook("pull_request", "opened", pull)
        assert await github.deliver("pull_request", payload, url="http://127.0.0.1:9/", guid="g") == 0
        github.record("pull_request", payload, guid="g")
        api = as_app(github, session)
        token = app_jwt(github)
        told = await api.getitem("/app/hook/deliveries?per_page=1", jwt=token)
        assert [(each["guid"], each["status"], each["redelivery"]) for each in told] == [("g", "OK", True)]
        told = [each async for each in api.getiter("/app/hook/deliveries?per_page=1", jwt=token)]
        assert [each["status_code"] for each in told] == [200, 0]
        whole = await api.getitem(f"/app/hook/deliveries/{told[1]['id']}", jwt=token)
        assert whole["request"]["payload"]["pull_request"]["number"] == pull.number


class TestThread:
    def test_in_thread(self) -> None:
        """Code without an event loop gets its answers from a thread."""
        github = FakeGitHub()
        with (
            github.in_thread(),
            subprocess.Popen(
                [sys.executable, "-c", f"import urllib.request as u; u.urlopen('{github.url}/app')"],
                stderr=subprocess.PIPE,
            ) as process,
        ):
            _, errors = process.communicate(timeout=20)
        assert b"401" in errors
