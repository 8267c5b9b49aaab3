"""GitHub's API, as an App and as one of its installations.

Here stands who asks, and with which token: nothing outside this file knows one. What each installation may do, and how much of
it, is kept apart.
"""

import asyncio
import http
import secrets
import time
from collections.abc import AsyncIterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import structlog
from cachetools import LRUCache, TLRUCache
from gidgethub import BadRequest, GitHubBroken, HTTPException, QueryError, sansio
from prometheus_client import Counter
from yarl import URL

from bot import wire
from bot.errors import Dropped, Limited
from bot.pace import Pace
from bot.wire import (
    API_VERSION,
    ATTEMPTS,
    REDIRECTS,
    REQUESTER,
    Answer,
    Wire,
    is_passing,
    left,
    legible,
    redirect,
    unreachable,
)

DOWNLOAD_TIMEOUT = 120.0
CACHED_BYTES = 16 * 1024 * 1024
TOKEN_MARGIN = 300.0
"""A token is renewed so many seconds before GitHub lets it expire."""
WRITTEN = ("contents", "pull_requests", "checks")
"""What the App writes where it is permitted to."""
FORBIDDEN = "Resource not accessible by integration"
"""https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible"""

mints = Counter("asyncify_token_mints", "Installation tokens that GitHub made for us")
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Scope = int | str | None
"""The one repository that a token is for: its id; or its name, for one that is only to be read. None: all, to look around only."""

LOOK_AROUND = {"metadata": "read", "pull_requests": "read", "checks": "read"}


class TooLarge(Exception):  # noqa: N818 -- a fact about the download, not a failure of ours
    """A download is larger than its limit."""


@dataclass(frozen=True, slots=True)
class Token:
    """An installation token; `expires` in seconds since the epoch, `permissions` as GitHub granted them."""

    text: str
    expires: float
    permissions: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Token(…, expires={self.expires})"


@dataclass(frozen=True, slots=True)
class _Remembered:
    etag: str
    headers: Mapping[str, str]
    body: bytes


class GitHub(Wire):
    """The App itself. Its own verbs speak as the App (JWT, made and renewed by gidgethub); `installation` gives the rest.

    `pace` holds the writes of an installation `write_gap` seconds apart (None: for who writes nothing). `retry_gap` are the seconds
    before a first retry.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        app_id: str,
        private_key: str,
        api_url: str = sansio.DOMAIN,
        pace: Pace | None = None,
        write_gap: float = 1.0,
        retry_gap: float = 0.5,
    ) -> None:
        super().__init__(session, api_url, retry_gap=retry_gap, app_id=app_id, private_key=private_key)
        self.id = int(app_id)
        self.pace = pace
        self.write_gap = write_gap
        self._tokens: TLRUCache[tuple[int, Scope], Token] = TLRUCache(
            4096, ttu=lambda _key, token, _now: token.expires - TOKEN_MARGIN, timer=time.time
        )
        self._minting: WeakValueDictionary[tuple[int, Scope], asyncio.Lock] = WeakValueDictionary()
        self.changes: LRUCache[int, int] = LRUCache(4096)
        self.refused: LRUCache[int, frozenset[str]] = LRUCache(4096)
        self.silences: LRUCache[int, float] = LRUCache(4096)
        self.remembered: LRUCache[tuple[int, str, str], _Remembered] = LRUCache(
            CACHED_BYTES, getsizeof=lambda kept: len(kept.body)
        )

    def installation(self, installation: int, repository: Scope) -> "Installation":
        """The App in one repository: all that its token allows, and nothing elsewhere."""
        return Installation(self, installation, repository)

    async def token(self, installation: int, repository: Scope) -> Token:
        """A token for this one repository that is good for some minutes at least.

        https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app

        Raises:
            Dropped: the installation is gone or suspended, or no longer holds the repository.
        """
        key = (installation, repository)
        lock = self._minting.setdefault(key, asyncio.Lock())
        async with lock:
            token = self._tokens.get(key)
            if token is None:
                token = self._tokens[key] = await self._mint(installation, repository)
            return token

    async def _mint(self, installation: int, repository: Scope) -> Token:
        url = f"/app/installations/{installation}/access_tokens"
        scope: dict[str, Any] = {"repository_ids": [repository]}
        if repository is None:
            scope = {"permissions": LOOK_AROUND}
        elif isinstance(repository, str):
            scope = {"repositories": [repository], "permissions": {"contents": "read"}}
        try:
            granted = await self.post(url, data=scope)
        except BadRequest as error:
            if error.status_code in {403, 404, 422}:
                raise Dropped(f"installation {installation} gives no access to the repository: {error}") from error
            raise
        mints.inc()
        expires = datetime.fromisoformat(granted["expires_at"]).timestamp()
        return Token(granted["token"], expires, granted.get("permissions", {}))

    def renew(self, installation: int, changes: int) -> None:
        """Forget what was learned of an installation, unless that was after its latest change (the number `changes`)."""
        if self.changes.get(installation) != changes:
            self.forget_installation(installation)
            self.changes[installation] = changes

    def forget_installation(self, installation: int) -> None:
        """Drop the tokens and answers that we got for an installation."""
        self.refused.pop(installation, None)
        for resource in ("core", "graphql"):
            left.remove(str(installation), resource)
        caches: tuple[MutableMapping[Any, Any], ...] = (self._tokens, self.remembered)
        for kept in caches:
            for key in [key for key in kept if key[0] == installation]:
                kept.pop(key, None)

    def forget(self, installation: int, repository: Scope, token: Token) -> None:
        """Drop a token that GitHub refused, unless it was renewed in the meantime."""
        if self._tokens.get((installation, repository)) == token:
            self._tokens.pop((installation, repository), None)


async def convert_manifest(session: aiohttp.ClientSession, api_url: str, code: str) -> dict[str, Any]:
    """The App that a code of the manifest flow stands for, with its `pem` and `webhook_secret`. A code serves once.

    https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest
    """
    anybody = Wire(session, api_url, retry_gap=0.5)
    registered: dict[str, Any] = await anybody.post(f"/app-manifests/{code}/conversions", data={})
    if not registered.get("webhook_secret"):
        registered["webhook_secret"] = secrets.token_urlsafe(32)
        app = GitHub(session, app_id=str(registered["id"]), private_key=registered["pem"], api_url=api_url)
        await app.patch("/app/hook/config", data={"secret": registered["webhook_secret"], "content_type": "json"})
    return registered


class Installation(Wire):
    """The App in one repository. gidgethub's verbs (`getitem`, `getiter`, `post`, …) take paths below the API's URL."""

    def __init__(self, app: GitHub, installation: int, repository: Scope) -> None:
        super().__init__(app.session, app.base_url, retry_gap=app.retry_gap)
        self.app = app
        self.caller = str(installation)
        self._installation = installation
        self._repository = repository

    async def permissions(self) -> Mapping[str, str]:
        """What this installation granted, for example `{"contents": "write"}`."""
        return (await self.app.token(self._installation, self._repository)).permissions

    async def lacking(self) -> tuple[str, ...]:
        """What this installation does not let us write: not granted, or refused since it last changed."""
        granted = await self.permissions()
        refused = self.app.refused.get(self._installation, frozenset())
        return tuple(name for name in WRITTEN if granted.get(name) not in {"write", "admin"} or name in refused)

    def note_refusal(self, permission: str, error: HTTPException) -> None:
        """Remember that GitHub does not let us write something here, if that is what the error says."""
        if error.status_code == 403 and FORBIDDEN in str(error):
            self.app.refused[self._installation] = self.app.refused.get(self._installation, frozenset()) | {permission}
            log.warning("not permitted", permission=permission, installation=self._installation)

    async def manage_rate_limit(self, *, method: str, url: str) -> None:
        """Hold back while GitHub wants silence; keep writes apart.

        Raises:
            Limited: it wants more silence than can be waited for here.
        """
        if (silence := self.app.silences.get(self._installation, 0.0) - time.monotonic()) > wire.PATIENCE:
            raise Limited(silence, "GitHub asked this installation to wait")
        if silence > 0:
            await self.sleep(silence)
        if method != "GET" and url != self.graphql_url:
            await self._await_turn(comment=method == "POST" and url.endswith(("/reviews", "/comments", "/replies")))

    async def _await_turn(self, *, comment: bool) -> None:
        """https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api. Raises Limited."""
        if self.app.pace is not None:
            await self.sleep(await self.app.pace.turn(self._installation, self.app.write_gap, comment=comment))

    async def _fall_silent(self, seconds: float) -> float:
        if self.app.pace is not None:
            seconds = await self.app.pace.limited(self._installation, seconds)
        self.app.silences[self._installation] = time.monotonic() + seconds
        return seconds

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send with our token; where it was refused, once more with a new one."""
        token = await self.app.token(self._installation, self._repository)
        answer = await self._conditional(method, url, _signed(headers, token), body)
        if answer[0] == 401:
            self.app.forget(self._installation, self._repository, token)
            token = await self.app.token(self._installation, self._repository)
            answer = await self._conditional(method, url, _signed(headers, token), body)
        if self.app.pace is not None and answer[0] < 300 and method != "GET" and url != self.graphql_url:
            await self.app.pace.passed(self._installation)
        return answer

    async def _conditional(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Ask only for what changed: a 304 costs nothing of the limit. Kept apart by installation and representation."""
        if method != "GET":
            return await self._send(method, url, headers, body)
        key = (self._installation, headers["accept"], url)
        known = self.app.remembered.get(key)
        asked = headers if known is None else {**headers, "if-none-match": known.etag}
        status, answered, content = await self._send(method, url, asked, body)
        if status == 304 and known is not None:
            return 200, known.headers, known.body
        if status == 200 and "etag" in answered and len(content) < CACHED_BYTES // 16:
            self.app.remembered[key] = _Remembered(answered["etag"], answered, content)
        return status, answered, content

    async def graphql(self, query: str, *, endpoint: str = "", **variables: Any) -> Any:
        """The `data` that GraphQL answers. What a query may not see or does not find is None in it.

        Raises:
            QueryError: anything else went wrong; `response["errors"]` tells what.
        """
        url = endpoint or self.graphql_url
        question = {"query": query, "variables": variables}
        if query.lstrip().startswith("mutation"):
            await self._await_turn(comment=False)
            return _data(await self.post(url, data=question), tolerant=False)
        for attempt in range(1, ATTEMPTS):
            try:
                return _data(await self.post(url, data=question), tolerant=True)
            except (GitHubBroken, QueryError) as error:
                if isinstance(error, QueryError) and not is_passing(error):
                    raise
                await self.sleep(self._backoff(attempt))
        return _data(await self.post(url, data=question), tolerant=True)

    async def download(self, path: str, limit: int) -> bytes:
        """What lies at `path` (below the API's URL), byte for byte; redirects to other hosts are followed without our token.

        Raises:
            TooLarge: it holds more than `limit` bytes.
        """
        url = sansio.format_url(path, None, base_url=self.base_url)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._download(URL(url, encoded=True), limit)
            except HTTPException as error:
                renewed = error.status_code == 401 and attempt == 1
                if not renewed and not await self.handle_rate_limit_error(
                    method="GET", url=url, exception=error, attempt=attempt
                ):
                    raise

    async def _download(self, url: URL, limit: int) -> bytes:
        token = await self.app.token(self._installation, self._repository)
        headers = _signed({"user-agent": REQUESTER, "X-GitHub-Api-Version": API_VERSION}, token)
        origin = url.origin()
        for _ in range(REDIRECTS + 1):
            try:
                async with self.session.get(
                    url,
                    headers=headers if url.origin() == origin else {"user-agent": REQUESTER},
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=DOWNLOAD_TIMEOUT, sock_read=wire.TIMEOUT),
                ) as response:
                    if response.status == 200:
                        return await _bounded(response.content.iter_any(), limit)
                    answered = {name.lower(): value for name, value in response.headers.items()}
                    answer: Answer = response.status, answered, await _bounded(response.content.iter_any(), limit)
            except (aiohttp.ClientError, TimeoutError) as error:
                answer = unreachable(error)
            target = redirect(answer[0], url, answer[1])
            if target is None:
                break
            url = target
        if answer[0] == 401:
            self.app.forget(self._installation, self._repository, token)
        sansio.decipher_response(*legible(*answer))
        raise HTTPException(http.HTTPStatus(answer[0]), f"download of {url.path} answered {answer[0]}")


def _signed(headers: Mapping[str, str], token: Token) -> dict[str, str]:
    return {**headers, "authorization": f"Bearer {token.text}"}


async def _bounded(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise TooLarge(f"more than {limit} bytes")
    return bytes(content)


def _data(answer: Any, *, tolerant: bool) -> Any:
    """The data of a GraphQL answer, where nothing worse happened than that some of it may not be seen or is not there."""
    if not isinstance(answer, dict):
        raise GitHubBroken(http.HTTPStatus.BAD_GATEWAY, "GraphQL answered with something else than JSON")
    harmless = {"NOT_FOUND", "FORBIDDEN"} if tolerant else set()
    errors = answer.get("errors") or []
    if any(error.get("type") not in harmless for error in errors) or answer.get("data") is None:
        raise QueryError({"errors": errors or [{"message": "no data"}], "data": answer.get("data")})
    return answer["data"]
