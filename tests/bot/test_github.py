"""The client against small servers that have GitHub's habits, on real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gidgethub import BadRequest, GitHubBroken, HTTPException, QueryError, RedirectionException

from bot import pace as paces
from bot import wire
from bot.errors import Dropped, Limited, RetryLater
from bot.github import GitHub, Installation, TooLarge
from bot.pace import Pace
from bot.schema import migrate
from bot.store import Store
from bot.wire import graphql_url

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> str:
    return (
        private_key()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        .decode()
    )


class Server:
    """A GitHub that hands out tokens and answers everything else with what `answers` holds for it, in order."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.answers: list[Handler | web.StreamResponse] = []
        self.tokens: list[dict[str, object]] = []
        self.token_life = 3600.0
        self.mint_status = 201
        app = web.Application()
        app.router.add_route("POST", "/app/installations/{id}/access_tokens", self.mint)
        app.router.add_route("*", "/{path:.*}", self.answer)
        self.http = TestServer(app)

    async def mint(self, request: web.Request) -> web.Response:
        claims = jwt.decode(
            request.headers["authorization"].split()[1], private_key().public_key(), algorithms=["RS256"]
        )
        self.tokens.append({"claims": claims, "body": await request.json()})
        await asyncio.sleep(0.01)
        if self.mint_status != 201:
            return web.json_response({"message": "This installation has been suspended"}, status=self.mint_status)
        expires = datetime.now(UTC) + timedelta(seconds=self.token_life)
        granted = {
            "token": f"ghs_1_token.{len(self.tokens)}",
            "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "permissions": {"contents": "read"},
        }
        return web.json_response(granted, status=201)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        answer = self.answers.pop(0) if self.answers else web.json_response({"ok": True})
        return answer if isinstance(answer, web.StreamResponse) else await answer(request)

    def sent(self, number: int = -1) -> str:
        return f"{self.seen[number].method} {self.seen[number].path}"

    def authorization(self, number: int = -1) -> str | None:
        return self.seen[number].headers.get("authorization")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.http.start_server()
    yield server
    await server.http.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def app(server: Server, session: aiohttp.ClientSession) -> GitHub:
    url = str(server.http.make_url("")).rstrip("/")
    return GitHub(session, app_id="1", private_key=pem(), api_url=url, write_gap=0, retry_gap=0)


@pytest.fixture
async def pace(tmp_path: Path) -> AsyncIterator[Pace]:
    store = Store(f"sqlite:///{tmp_path}/asyncify.db")
    await asyncio.to_thread(migrate, store.engine)
    yield Pace(store)
    await store.close()


@pytest.fixture
def here(app: GitHub) -> Installation:
    return app.installation(7, 42)


def refused(status: int, message: str = "no", **headers: str) -> web.Response:
    return web.json_response(
        {"message": message}, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


class TestTokens:
    async def test_scoped_and_kept(self, server: Server, here: Installation) -> None:
        """A token is asked for once, for the one repository, with a JWT that was issued a minute ago."""
        await asyncio.gather(*(here.getitem("/a") for _ in range(5)))
        await here.getitem("/b")
        (minted,) = server.tokens
        assert minted["body"] == {"repository_ids": [42]}
        claims = minted["claims"]
        assert isinstance(claims, dict)
        assert claims["iss"] == "1"
        assert 50 <= time.time() - claims["iat"] <= 70
        assert claims["exp"] - claims["iat"] <= 600
        assert {request.headers["authorization"] for request in server.seen} == {"Bearer ghs_1_token.1"}

    async def test_not_shared(self, server: Server, app: GitHub) -> None:
        """Installations and repositories each have a token of their own."""
        for installation, repository in ((7, 42), (7, 43), (8, 42)):
            await app.installation(installation, repository).getitem("/a")
        assert len({request.headers["authorization"] for request in server.seen}) == 3

    async def test_renewed_in_time(self, server: Server, here: Installation) -> None:
        """A token that has less than five minutes to live is not used again."""
        server.token_life = 299
        await here.getitem("/a")
        await here.getitem("/a")
        assert len(server.tokens) == 2

    async def test_refused_token(self, server: Server, here: Installation) -> None:
        """A token that GitHub refuses is replaced once, also below a write."""
        await here.getitem("/a")
        server.answers = [refused(401, "Bad credentials"), web.json_response({"id": 5}, status=201)]
        assert await here.post("/b", data={"x": 1}) == {"id": 5}
        assert server.authorization() == "Bearer ghs_1_token.2"
        assert server.bodies[-1] == b'{"x": 1}'

    async def test_refused_twice(self, server: Server, here: Installation) -> None:
        """Where the new token is refused as well, that is told."""
        server.answers = [refused(401), refused(401)]
        with pytest.raises(BadRequest) as caught:
            await here.getitem("/a")
        assert caught.value.status_code == 401
        assert len(server.tokens) == 2

    @pytest.mark.parametrize("status", [403, 404, 422])
    async def test_gone(self, server: Server, here: Installation, status: int) -> None:
        """An installation that is suspended or gone, or lost the repository, drops the job."""
        server.mint_status = status
        with pytest.raises(Dropped):
            await here.getitem("/a")

    async def test_permissions(self, here: Installation) -> None:
        """What was granted can be asked for, and a token does not show itself in a log."""
        assert await here.permissions() == {"contents": "read"}
        assert "ghs_" not in repr(await here.app.token(7, 42))


class TestAnswers:
    async def test_version(self, server: Server, here: Installation) -> None:
        """The version of the API is always named."""
        await here.getitem("/a")
        assert server.seen[0].headers["X-GitHub-Api-Version"] == "2022-11-28"

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_redirect(self, server: Server, here: Installation, status: int) -> None:
        """A redirect within the API keeps method and body: aiohttp alone would make a GET of it and report success."""
        server.answers = [web.Response(status=status, headers={"location": "/repositories/1/x"})]
        await here.post("/repos/old/name/x", data={"a": 1})
        assert server.sent() == "POST /repositories/1/x"
        assert server.bodies[-1] == b'{"a": 1}'
        assert server.authorization() is not None

    async def test_foreign_redirect(self, server: Server, here: Installation) -> None:
        """Nobody else gets our token."""
        server.answers = [web.Response(status=302, headers={"location": "http://127.0.0.2:9/"})]
        with pytest.raises(RedirectionException):
            await here.getitem("/a")

    async def test_redirected_for_ever(self, server: Server, here: Installation) -> None:
        """A circle of redirects ends."""
        server.answers = [web.Response(status=302, headers={"location": "/a"}) for _ in range(20)]
        with pytest.raises(RedirectionException):
            await here.getitem("/a")

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(lambda: web.Response(status=520, text="?"), id="a status that no standard names"),
            pytest.param(
                lambda: web.Response(status=502, body=b"<html>", content_type="application/json"), id="HTML as JSON"
            ),
            pytest.param(
                lambda: web.Response(status=200, body=b"<html>", content_type="application/json"), id="HTML as success"
            ),
            pytest.param(
                lambda: web.Response(status=500, body="Fehler: ü".encode("latin-1"), content_type="text/html"),
                id="latin-1",
            ),
        ],
    )
    async def test_garbage(self, server: Server, here: Installation, answer: Callable[[], web.Response]) -> None:
        """What a proxy sends instead of GitHub is read again, and not shown as something else."""
        server.answers = [answer(), answer()]
        assert await here.getitem("/a") == {"ok": True}
        server.answers = [answer()]
        with pytest.raises(GitHubBroken):
            await here.post("/a", data={})

    async def test_latin_refusal(self, server: Server, here: Installation) -> None:
        """A refusal in another encoding is a refusal."""
        server.answers = [web.Response(status=400, body="ü".encode("latin-1"), headers={"content-type": "text/plain"})]
        with pytest.raises(BadRequest):
            await here.getitem("/a")

    async def test_reading_again(self, server: Server, here: Installation) -> None:
        """Reading is tried five times in all."""
        server.answers = [refused(503) for _ in range(4)]
        assert await here.getitem("/a") == {"ok": True}
        server.answers = [refused(503) for _ in range(5)]
        with pytest.raises(GitHubBroken):
            await here.getitem("/a")

    async def test_never_writing_again(self, server: Server, here: Installation) -> None:
        """A write is not repeated blindly: it may have been done."""
        server.answers = [refused(502)]
        with pytest.raises(GitHubBroken):
            await here.post("/a", data={})
        assert len(server.seen) == 1

    async def test_connection_lost(self, server: Server, here: Installation) -> None:
        """A connection that breaks is read again; of a write it is only told."""

        async def hang_up(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        server.answers = [hang_up]
        assert await here.getitem("/a") == {"ok": True}
        server.answers = [hang_up]
        with pytest.raises(GitHubBroken, match="could not be reached"):
            await here.patch("/a", data={})

    async def test_too_slow(self, server: Server, here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        """An answer that does not come is not waited for."""
        monkeypatch.setattr(wire, "TIMEOUT", 0.05)

        async def sleep(request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(0.3)
            return web.json_response({})

        server.answers = [sleep]
        with pytest.raises(GitHubBroken):
            await here.post("/a", data={})

    async def test_etag(self, server: Server, app: GitHub, here: Installation) -> None:
        """What did not change is not sent again, and what one installation saw is not given to another."""
        server.answers = [web.json_response([1], headers={"etag": '"x"'}), web.Response(status=304)]
        first = await here.getitem("/a")
        first.append(2)
        assert await here.getitem("/a") == [1]
        assert server.seen[-1].headers["if-none-match"] == '"x"'
        await app.installation(8, 42).getitem("/a")
        assert "if-none-match" not in server.seen[-1].headers
        await here.getitem("/a", accept="application/vnd.github.raw")
        assert "if-none-match" not in server.seen[-1].headers


class TestLimits:
    @pytest.mark.parametrize("status", [403, 429])
    async def test_primary(self, server: Server, here: Installation, status: int) -> None:
        """A spent limit ends the job until it is renewed, by GitHub's clock; until then nothing is sent."""
        theirs = datetime(2020, 1, 1, tzinfo=UTC)
        reset = str(int(theirs.timestamp()) + 900)
        server.answers = [
            refused(
                status,
                "API rate limit exceeded",
                x_ratelimit_remaining="0",
                x_ratelimit_limit="5000",
                x_ratelimit_reset=reset,
                date=format_datetime(theirs, usegmt=True),
            )
        ]
        with pytest.raises(RetryLater) as caught:
            await here.getitem("/a")
        assert caught.value.seconds == 901
        with pytest.raises(RetryLater):
            await here.getitem("/b")
        assert len(server.seen) == 1

    async def test_secondary(self, server: Server, here: Installation) -> None:
        """GitHub's own wish is obeyed, and where it names no time a minute is kept."""
        server.answers = [refused(403, "You have exceeded a secondary rate limit", retry_after="33")]
        with pytest.raises(RetryLater) as caught:
            await here.post("/a", data={})
        assert caught.value.seconds == 33
        other = here.app.installation(9, 42)
        server.answers = [refused(403, "You have exceeded a secondary rate limit")]
        with pytest.raises(RetryLater) as caught:
            await other.post("/a", data={})
        assert caught.value.seconds == 60

    async def test_again_and_again(self, server: Server, app: GitHub, here: Installation, pace: Pace) -> None:
        """Each limit in a row is met with more silence, until a write gets through."""
        app.pace = pace
        for seconds in (60, 120):
            server.answers = [refused(403, "You have exceeded a secondary rate limit")]
            app.silences.clear()
            with pytest.raises(Limited) as caught:
                await here.post("/a", data={})
            assert caught.value.seconds == seconds
        app.silences.clear()
        await here.post("/a", data={})
        server.answers = [refused(403, "You have exceeded a secondary rate limit")]
        with pytest.raises(Limited) as caught:
            await here.post("/a", data={})
        assert caught.value.seconds == 60

    async def test_comments_of_an_hour(
        self, server: Server, app: GitHub, here: Installation, pace: Pace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An installation that wrote much is not written to before the oldest of it is an hour old; check runs do not count."""
        monkeypatch.setattr(paces, "COMMENTS_AN_HOUR", 2)
        app.pace = pace
        for path in ("/pulls/1/reviews", "/pulls/1/comments", "/check-runs", "/check-runs"):
            await here.post(path, data={})
        with pytest.raises(Limited) as caught:
            await here.post("/pulls/1/comments", data={})
        assert 3500 < caught.value.seconds <= 3600
        assert len(server.seen) == 4

    async def test_too_quickly(self, server: Server, here: Installation) -> None:
        """A 422 that says "too quickly" is a limit."""
        server.answers = [refused(422, "Validation Failed: was submitted too quickly")]
        with pytest.raises(RetryLater):
            await here.post("/a", data={})

    async def test_short(self, server: Server, here: Installation) -> None:
        """A short limit is waited for, below a write too: what was refused was not done."""
        server.answers = [refused(429, "secondary rate limit", retry_after="0")]
        assert await here.post("/a", data={}) == {"ok": True}

    async def test_the_end_of_a_silence(
        self, server: Server, here: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is left of a longer limit is waited for once it is short."""
        monkeypatch.setattr(wire, "PATIENCE", 0.4)
        server.answers = [refused(429, "secondary rate limit", retry_after="1")]
        with pytest.raises(Limited):
            await here.post("/a", data={})
        refused_at = time.monotonic()
        await asyncio.sleep(0.7)
        await here.post("/a", data={})
        assert time.monotonic() - refused_at >= 0.95

    @pytest.mark.parametrize("status", [403, 422])
    async def test_no_limit(self, server: Server, here: Installation, status: int) -> None:
        """Other refusals are told as they are."""
        server.answers = [refused(status, "Resource not accessible by integration")]
        with pytest.raises(BadRequest, match="not accessible"):
            await here.post("/a", data={})

    async def test_writes_apart(self, server: Server, app: GitHub, here: Installation, pace: Pace) -> None:
        """Writes of one installation keep their distance, reads and other installations need none."""
        app.pace, app.write_gap = pace, 0.5
        starts: list[float] = []

        async def note(request: web.Request) -> web.StreamResponse:
            starts.append(time.monotonic())
            return web.json_response({})

        await asyncio.gather(app.token(7, 42), app.token(8, 1))
        server.answers = [note] * 4
        began = time.monotonic()
        await asyncio.gather(app.installation(8, 1).post("/a", data={}), here.getitem("/a"))
        assert time.monotonic() - began < 0.5
        await asyncio.gather(here.post("/a", data={}), app.installation(7, 42).post("/a", data={}))
        assert abs(starts[3] - starts[2]) >= 0.45


class TestGraphQL:
    @pytest.mark.parametrize(
        ("api", "graphql"),
        [
            ("https://api.github.com", "https://api.github.com/graphql"),
            ("https://api.github.com/", "https://api.github.com/graphql"),
            ("https://git.corp/api/v3", "https://git.corp/api/graphql"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1/graphql"),
        ],
    )
    def test_endpoint(self, api: str, graphql: str) -> None:
        """Enterprise Server has GraphQL beside its REST."""
        assert graphql_url(api) == graphql

    async def test_variables(self, server: Server, here: Installation) -> None:
        """A query goes to the endpoint with its variables, and comes back as data."""
        server.answers = [web.json_response({"data": {"a": 1}})]
        assert await here.graphql("query { a }", x=1) == {"a": 1}
        assert server.sent() == "POST /graphql"
        assert json.loads(server.bodies[-1]) == {"query": "query { a }", "variables": {"x": 1}}

    async def test_partly_there(self, server: Server, here: Installation) -> None:
        """What is not there, or may not be seen, is None; a mutation has no such excuse."""
        answer = {"data": {"a": None}, "errors": [{"type": "NOT_FOUND", "path": ["a"], "message": "no"}]}
        server.answers = [web.json_response(answer), web.json_response(answer)]
        assert await here.graphql("query { a }") == {"a": None}
        with pytest.raises(QueryError):
            await here.graphql("mutation { a }")

    async def test_errors(self, server: Server, here: Installation) -> None:
        """A query that is wrong is told at once; the token is never asked for twice."""
        server.answers = [web.json_response({"errors": [{"message": "Field 'x' doesn't exist"}]})]
        with pytest.raises(QueryError, match="doesn't exist"):
            await here.graphql("query { x }")
        assert len(server.seen) == 1

    async def test_limit(self, server: Server, here: Installation) -> None:
        """GraphQL refuses with status 200; its headers tell until when."""
        reset = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 100)}
        server.answers = [web.json_response({"errors": [{"type": "RATE_LIMITED", "message": "limit"}]}, headers=reset)]
        with pytest.raises(RetryLater) as caught:
            await here.graphql("query { a }")
        assert 98 <= caught.value.seconds <= 103

    async def test_text_about_limits(self, server: Server, here: Installation) -> None:
        """A file that speaks of a rate limit is no rate limit."""
        answer = {"data": {"text": "rate limit"}, "errors": [{"type": "NOT_FOUND", "message": "no"}]}
        server.answers = [web.json_response(answer)]
        assert await here.graphql("query { text }") == {"text": "rate limit"}

    async def test_again(self, server: Server, here: Installation) -> None:
        """A query that GitHub did not manage is asked again, a mutation is not."""
        server.answers = [
            refused(502),
            web.json_response({"errors": [{"message": "Something went wrong while executing your query."}]}),
            web.json_response({"data": {"a": 1}}),
        ]
        assert await here.graphql("query { a }") == {"a": 1}
        server.answers = [refused(502)]
        with pytest.raises(GitHubBroken):
            await here.graphql("mutation { a }")


class TestDownload:
    async def test_other_host(self, server: Server, here: Installation) -> None:
        """An archive lies on another host, which does not get our token."""
        content = bytes(range(256)) * 4096
        server.answers = [
            web.Response(status=302, headers={"location": f"http://localhost:{server.http.port}/archive?token=x"}),
            web.Response(body=content, content_type="application/x-gzip"),
        ]
        assert await here.download("/repos/a/b/tarball/abc", len(content)) == content
        assert server.authorization(0) == "Bearer ghs_1_token.1"
        assert server.authorization(1) is None

    async def test_too_large(self, server: Server, here: Installation) -> None:
        """A download ends where it becomes larger than it may."""
        server.answers = [web.Response(body=b"x" * 101)]
        with pytest.raises(TooLarge):
            await here.download("/x", 100)

    async def test_refused(self, server: Server, here: Installation) -> None:
        """A download is tried again where GitHub fails, and told where it refuses."""
        server.answers = [refused(502), web.Response(body=b"x")]
        assert await here.download("/x", 100) == b"x"
        server.answers = [refused(404)]
        with pytest.raises(HTTPException) as caught:
            await here.download("/x", 100)
        assert caught.value.status_code == 404

    async def test_refused_token(self, server: Server, here: Installation) -> None:
        """A download with a token that was refused is tried once with a new one."""
        server.answers = [refused(401), web.Response(body=b"x")]
        assert await here.download("/x", 100) == b"x"
        assert server.authorization() == "Bearer ghs_1_token.2"
        server.answers = [refused(401), refused(401)]
        with pytest.raises(BadRequest):
            await here.download("/x", 100)
