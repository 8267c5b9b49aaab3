"""The wire to GitHub: requests over aiohttp, with the habits of GitHub taken care of that are the same for every caller.

gidgethub does the talking. Here stands what it leaves open: limits, redirects, retries, and answers that are not what they claim
to be.
"""

import asyncio
import http
import json
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import aiohttp
import structlog
from gidgethub import BadRequest, GitHubBroken, HTTPException, QueryError, RateLimitExceeded
from gidgethub.abc import GitHubAPI
from prometheus_client import Counter, Gauge
from yarl import URL

from bot.errors import Limited

REQUESTER = "asyncify"
API_VERSION = "2022-11-28"
TIMEOUT = 20.0
"""Seconds for one request; GitHub itself gives up after 10: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api"""
PATIENCE = 5.0
"""A limit that ends within so many seconds is waited for; a longer one ends the job for now."""
ATTEMPTS = 5
REDIRECTS = 5
LIMIT_UNSAID = 60.0
"""What GitHub asks for where a secondary limit comes without a time:
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"""

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
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers by lower-case name, body."""


class Wire(GitHubAPI):
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
            status, answered, content = unreachable(error)
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
        return legible(status, answered, content)

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
            target = redirect(status, url, answered)
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
        return is_passing(error)
    return isinstance(error, GitHubBroken) or (isinstance(error, BadRequest) and error.status_code == 401)


def _their_clock(headers: Mapping[str, str]) -> float:
    """Seconds since the epoch by GitHub's clock, which a reset time is told by; ours may be wrong."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()


def unreachable(error: Exception) -> Answer:
    message = f"GitHub could not be reached: {type(error).__name__} {error}"
    return 503, {"content-type": "application/json"}, json.dumps({"message": message}).encode()


def redirect(status: int, url: URL, headers: Mapping[str, str]) -> URL | None:
    """Where an answer sends us on to, if it does and that is no step down from https."""
    if status not in {301, 302, 307, 308} or not (location := headers.get("location")):
        return None
    try:
        target = url.join(URL(location))
    except ValueError:
        return None
    return None if target.host is None or (url.scheme == "https" and target.scheme != "https") else target


def legible(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
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


def is_passing(error: QueryError) -> bool:
    """Whether GraphQL only ran out of its 10 seconds, or of luck."""
    said = str(error).lower()
    return "something went wrong" in said or "timeout" in said or "timed out" in said
