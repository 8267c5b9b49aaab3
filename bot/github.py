"""GitHub's API, as an App and as one of its installations.

gidgethub does the talking. Here stands what GitHub's habits ask for beyond it: tokens, limits, redirects, retries,
and answers that are not what they claim to be. Nothing outside this file knows a token.
"""

import asyncio
import http
import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import structlog
from cachetools import LRUCache, TLRUCache
from gidgethub import BadRequest, GitHubBroken, HTTPException, QueryError, RateLimitExceeded, sansio
from gidgethub.abc import GitHubAPI
from prometheus_client import Counter, Gauge
from yarl import URL

from bot.errors import Dropped, Limited
from bot.pace import Pace

REQUESTER = "asyncify"
API_VERSION = "2022-11-28"
TIMEOUT = 20.0
"""Seconds for one request; GitHub itself gives up after 10: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api"""
DOWNLOAD_TIMEOUT = 120.0
PATIENCE = 5.0
"""A limit that ends within so many seconds is waited for; a longer one ends the job for now."""
ATTEMPTS = 5
REDIRECTS = 5
CACHED_BYTES = 16 * 1024 * 1024
TOKEN_MARGIN = 300.0
"""A token is renewed so many seconds before GitHub lets it expire."""
LIMIT_UNSAID = 60.0
"""What GitHub asks for where a secondary limit comes without a time:
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"""

WRITTEN = ("contents", "pull_requests", "checks")
"""What the App writes where it is permitted to."""
FORBIDDEN = "Resource not accessible by integration"
"""https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible"""

ROUTE_WORDS = frozenset(
    {
        "access_tokens",
        "annotations",
        "app",
        "app-manifests",
        "blobs",
        "check-runs",
        "collaborators",
        "comments",
        "commits",
    }
    | {"compare", "config", "conversions", "deliveries", "files", "git", "graphql", "heads", "hook", "installation"}
    | {"installations", "permission", "pulls", "reactions", "refs", "replies", "repos", "repositories", "reviews"}
    | {"issues", "tarball", "trees"}
)
"""What stays of a path when it is counted; all else is a name or a number."""

requests = Counter(
    "asyncify_github_requests", "Requests to GitHub, by route and by what was answered", ["route", "status"]
)
left = Gauge(
    "asyncify_ratelimit_remaining", "What GitHub said is left of an hour's requests", ["installation", "resource"]
)
primary = Counter("asyncify_primary_limit", "Requests that GitHub refused because those of the hour were used up")
secondary = Counter("asyncify_secondary_limit", "Requests that GitHub refused because they were too many at once")
mints = Counter("asyncify_token_mints", "Installation tokens that GitHub made for us")
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers by lower-case name, body."""

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


class _Wire(GitHubAPI):
    """gidgethub's client over aiohttp, with the habits of GitHub taken care of. `caller` is who asks, as it is counted."""

    caller = "app"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api_url: str,
        *,
        retry_gap: float,
        app_id: str | None = None,
        private_key: str | None = None,
    ) -> None:
        super().__init__(REQUESTER, base_url=api_url, app_id=app_id, private_key=private_key)
        self.session = session
        self.retry_gap = retry_gap
        self.graphql_url = graphql_url(api_url)
        self.clock_ahead: float | None = None

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        return await self._send(method, url, headers, body)

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request and its answer; a GitHub that cannot be reached answers 503."""
        headers = {**headers, "X-GitHub-Api-Version": API_VERSION}
        try:
            status, answered, content = await self._follow(method, URL(url, encoded=True), headers, body)
            self.clock_ahead = time.time() - _their_clock(answered)
        except (aiohttp.ClientError, TimeoutError) as error:
            status, answered, content = _unreachable(error)
        requests.labels(route(method, URL(url).path), status).inc()
        self._note_limit(answered)
        if status >= 400:
            log.info(
                "github refused",
                method=method,
                path=URL(url).path,
                status=status,
                request_id=answered.get("x-github-request-id"),
                accepted_permissions=answered.get("x-accepted-github-permissions"),
            )
        if url == self.graphql_url and status == 200 and _speaks_of_limit(content):
            status = 429
        return _legible(status, answered, content)

    def _note_limit(self, headers: Mapping[str, str]) -> None:
        """https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit"""
        if (remaining := headers.get("x-ratelimit-remaining", "")).isdecimal():
            left.labels(self.caller, headers.get("x-ratelimit-resource", "core")).set(int(remaining))

    async def _follow(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send, and follow redirects within the same origin, with the same method and body.

        aiohttp would turn a POST into a GET without a body at 301 and 302, and that would succeed.
        """
        for _ in range(REDIRECTS + 1):
            async with self.session.request(
                method,
                url,
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            ) as response:
                content = await response.read()
                answered = {name.lower(): value for name, value in response.headers.items()}
                status = response.status
            target = _redirect(status, url, answered)
            if target is None or target.origin() != url.origin():
                break
            url = target
        return status, answered, content

    async def handle_rate_limit_error(
        self,
        *,
        method: str,
        url: str,  # noqa: ARG002 -- gidgethub hands it over
        exception: HTTPException,
        attempt: int,
    ) -> bool:
        """Whether to ask again: after a short limit, and where reading failed for no fault of ours.

        Raises:
            Limited: GitHub asked for a longer silence.
        """
        if (seconds := limit_seconds(exception)) is not None:
            (primary if exception.headers.get("x-ratelimit-remaining") == "0" else secondary).inc()
            if seconds > PATIENCE or attempt >= ATTEMPTS:
                seconds = await self._fall_silent(seconds)
                raise Limited(seconds, f"GitHub limits our requests: {exception}") from exception
            await self.sleep(seconds)
            return True
        if method == "GET" and exception.status_code >= 500 and attempt < ATTEMPTS:
            await self.sleep(self._backoff(attempt))
            return True
        return False

    async def _fall_silent(self, seconds: float) -> float:
        """Remember that nothing is to be sent for so many seconds, or for longer where this happens again and again."""
        return seconds

    def _backoff(self, attempt: int) -> float:
        return self.retry_gap * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 -- spreads load, hides nothing


class GitHub(_Wire):
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
    wire = _Wire(session, api_url, retry_gap=0.5)
    registered: dict[str, Any] = await wire.post(f"/app-manifests/{code}/conversions", data={})
    if not registered.get("webhook_secret"):
        registered["webhook_secret"] = secrets.token_urlsafe(32)
        app = GitHub(session, app_id=str(registered["id"]), private_key=registered["pem"], api_url=api_url)
        await app.patch("/app/hook/config", data={"secret": registered["webhook_secret"], "content_type": "json"})
    return registered


class Installation(_Wire):
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
        if (silence := self.app.silences.get(self._installation, 0.0) - time.monotonic()) > PATIENCE:
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
                if isinstance(error, QueryError) and not _passing(error):
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
                    timeout=aiohttp.ClientTimeout(total=DOWNLOAD_TIMEOUT, sock_read=TIMEOUT),
                ) as response:
                    if response.status == 200:
                        return await _bounded(response.content.iter_any(), limit)
                    answered = {name.lower(): value for name, value in response.headers.items()}
                    answer: Answer = response.status, answered, await _bounded(response.content.iter_any(), limit)
            except (aiohttp.ClientError, TimeoutError) as error:
                answer = _unreachable(error)
            target = _redirect(answer[0], url, answer[1])
            if target is None:
                break
            url = target
        if answer[0] == 401:
            self.app.forget(self._installation, self._repository, token)
        sansio.decipher_response(*_legible(*answer))
        raise HTTPException(http.HTTPStatus(answer[0]), f"download of {url.path} answered {answer[0]}")


def route(method: str, path: str) -> str:
    """The request without names and numbers ("GET /repos/*/*/pulls/*/files"), so that there are few of them."""
    parts = path.removeprefix("/api/v3").removeprefix("/api").strip("/").split("/")
    named = {1, 2} if parts[0] == "repos" else set()
    return f"{method} /" + "/".join(
        part if part in ROUTE_WORDS and place not in named else "*" for place, part in enumerate(parts)
    )


def graphql_url(api_url: str) -> str:
    """`https://HOST/api/graphql` for `https://HOST/api/v3` (GitHub Enterprise Server), else `API_URL/graphql`."""
    api_url = api_url.rstrip("/")
    return f"{api_url.removesuffix('/v3')}/graphql" if api_url.endswith("/api/v3") else f"{api_url}/graphql"


def limit_seconds(error: HTTPException) -> float | None:
    """How long GitHub wants us to wait, or None where `error` is not about a limit.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    """
    headers, said = error.headers, str(error).lower()
    spent = headers.get("x-ratelimit-remaining") == "0"
    asked = headers.get("retry-after")
    if error.status_code not in {403, 422, 429} or not (
        error.status_code == 429
        or isinstance(error, RateLimitExceeded)
        or (error.status_code == 403 and (spent or asked is not None or "rate limit" in said or "abuse" in said))
        or "submitted too quickly" in said
    ):
        return None
    if asked is not None and asked.isdecimal():
        return float(asked)
    reset = headers.get("x-ratelimit-reset", "")
    if spent and reset.isdecimal():
        return max(1.0, float(reset) - _their_clock(headers) + 1.0)
    return LIMIT_UNSAID


def passes(error: Exception) -> bool:
    """Whether the same may succeed later without anybody's doing: GitHub is away, or does not know us (yet, or any more)."""
    if isinstance(error, QueryError):
        return _passing(error)
    return isinstance(error, GitHubBroken) or (isinstance(error, BadRequest) and error.status_code == 401)


def _their_clock(headers: Mapping[str, str]) -> float:
    """Seconds since the epoch by GitHub's clock, which a reset time is told by; ours may be wrong."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()


def _signed(headers: Mapping[str, str], token: Token) -> dict[str, str]:
    return {**headers, "authorization": f"Bearer {token.text}"}


def _unreachable(error: Exception) -> Answer:
    message = f"GitHub could not be reached: {type(error).__name__} {error}"
    return 503, {"content-type": "application/json"}, json.dumps({"message": message}).encode()


def _redirect(status: int, url: URL, headers: Mapping[str, str]) -> URL | None:
    """Where an answer sends us on to, if it does and that is no step down from https."""
    if status not in {301, 302, 307, 308} or not (location := headers.get("location")):
        return None
    try:
        target = url.join(URL(location))
    except ValueError:
        return None
    return None if target.host is None or (url.scheme == "https" and target.scheme != "https") else target


async def _bounded(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise TooLarge(f"more than {limit} bytes")
    return bytes(content)


def _legible(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """The same answer such that gidgethub can read it.

    Proxies send statuses that no standard names, pages of HTML that claim to be JSON, and text in other encodings.
    """
    try:
        http.HTTPStatus(status)
    except ValueError:
        status = {2: 200, 4: 400}.get(status // 100, 503)
    kind = headers.get("content-type", "")
    claims_json = "json" in kind
    if claims_json and body and not body.lstrip().startswith((b"{", b"[", b'"', b"n", b"t", b"f")):
        return (502 if status < 400 else status), {**headers, "content-type": "text/plain; charset=latin-1"}, body
    try:
        body.decode("utf-8")
        charset = "utf-8"
    except UnicodeDecodeError:
        charset = "latin-1"
    return (
        status,
        {**headers, "content-type": f"{'application/json' if claims_json else 'text/plain'}; charset={charset}"},
        body,
    )


def _speaks_of_limit(body: bytes) -> bool:
    """Whether this is GraphQL's way to refuse: status 200 and an error.

    https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#exceeding-the-rate-limit
    """
    if b'"errors"' not in body or not any(word in body for word in (b"RATE_LIMIT", b"rate limit")):
        return False
    try:
        errors = json.loads(body).get("errors") or []
    except (ValueError, AttributeError):
        return False
    return any("RATE_LIMIT" in str(error.get("type")) or "rate limit" in str(error.get("message")) for error in errors)


def _data(answer: Any, *, tolerant: bool) -> Any:
    """The data of a GraphQL answer, where nothing worse happened than that some of it may not be seen or is not there."""
    if not isinstance(answer, dict):
        raise GitHubBroken(http.HTTPStatus.BAD_GATEWAY, "GraphQL answered with something else than JSON")
    harmless = {"NOT_FOUND", "FORBIDDEN"} if tolerant else set()
    errors = answer.get("errors") or []
    if any(error.get("type") not in harmless for error in errors) or answer.get("data") is None:
        raise QueryError({"errors": errors or [{"message": "no data"}], "data": answer.get("data")})
    return answer["data"]


def _passing(error: QueryError) -> bool:
    """Whether GraphQL only ran out of its 10 seconds, or of luck."""
    said = str(error).lower()
    return "something went wrong" in said or "timeout" in said or "timed out" in said
