"""The HTTP side: one request after another from socket to answer, each checked, counted and, on demand, spoilt."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from aiohttp import web

from .errors import ApiError, bad_request, forbidden, invalid_request, not_found, unauthorized
from .faults import Fault
from .schema import Contract, SchemaError, contract
from .site import pages
from .tokens import Token

if TYPE_CHECKING:
    from .github import FakeGitHub
    from .repositories import Repository

VERSIONS = {"2022-11-28", "2026-03-10"}
MAX_PER_PAGE = 100
LIMIT = 5000


@dataclass(slots=True)
class Call:
    """One request that reached the fake. Times are in seconds of `time.perf_counter`."""

    method: str
    route: str
    path: str
    body: Any
    started: float
    ended: float = 0.0
    status: int = 0
    installation: int | None = None
    address: str = ""
    """The path as it was asked for, before what Enterprise Server puts in front of it is cut."""

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


@dataclass(slots=True)
class Reply:
    """An answer. `body` is JSON, bytes as they are, or None for an answer without a body."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """A request to one route, with its path values, query and JSON body. `token` is None for the App itself."""

    github: FakeGitHub
    route: Route
    values: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    url: str
    token: Token | None = None
    repository_or_none: Repository | None = None

    @property
    def repository(self) -> Repository:
        if self.repository_or_none is None:
            raise not_found()
        return self.repository_or_none

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")

    def number(self, name: str) -> int:
        """A number of the path; 404 where it is none."""
        if not self.values[name].isdecimal():
            raise not_found()
        return int(self.values[name])

    def page(self, items: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
        """The page that was asked for and its `Link` header (https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api)."""
        size = min(max(_whole(self.query.get("per_page"), 30), 1), MAX_PER_PAGE)
        number = max(_whole(self.query.get("page"), 1), 1)
        last = max(-(-len(items) // size), 1)
        pages: dict[str, int] = {}
        if number > 1:
            pages |= {"prev": number - 1, "first": 1}
        if number < last:
            pages |= {"next": number + 1, "last": last}
        links = [f'<{self.url}?{urlencode({**self.query, "page": page})}>; rel="{rel}"' for rel, page in pages.items()]
        return list(items[(number - 1) * size : number * size]), {"link": ", ".join(links)} if links else {}


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


Handler = Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A route of GitHub by its published template.

    `needs` are the permissions of which one suffices (https://docs.github.com/rest/authentication/permissions-required-for-github-apps);
    `caller` is who may ask: ``app`` (with a JWT), ``installation`` (with a token) or ``anyone``.
    """

    method: str
    template: str
    handler: Handler
    needs: tuple[str, ...] = ()
    caller: str = "installation"

    @property
    def level(self) -> str:
        return "read" if self.method == "GET" else "write"


ROUTES: list[tuple[re.Pattern[str], Route]] = []


def route(method: str, template: str, *, needs: str = "", caller: str = "installation") -> Callable[[Handler], Handler]:
    """Registers the handler of one route. `needs` are permission names, separated by spaces."""

    def register(handler: Handler) -> Handler:
        pattern = re.sub(r"\\\{(path|ref|basehead)\\\}", r"(?P<\1>.+)", re.escape(template))
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
        ROUTES.append((re.compile(pattern), Route(method, template, handler, tuple(needs.split()), caller)))
        return handler

    return register


def _find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for pattern, found in ROUTES:
        if found.method == method and (match := pattern.fullmatch(path)):
            return found, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


class Server:
    """Three sites on 127.0.0.1: the API, the host that archives are downloaded from, and the pages for people."""

    def __init__(self, github: FakeGitHub) -> None:
        self.github = github
        self._runner: web.AppRunner | None = None
        self._site: web.AppRunner | None = None
        self.api_port = 0
        self.site_port = 0
        self.archive_port = 0

    async def start(self) -> None:
        app = web.Application(client_max_size=128 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        self.api_port = await self._listen(self._runner)
        self.archive_port = await self._listen(self._runner)
        self._site = web.AppRunner(pages(self.github), access_log=None, shutdown_timeout=0.01)
        await self._site.setup()
        self.site_port = await self._listen(self._site)

    async def _listen(self, runner: web.AppRunner) -> int:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port: int = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        return port

    async def stop(self) -> None:
        for runner in (self._runner, self._site):
            if runner is not None:
                await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
        if port == self.archive_port:
            return self._archive(request)
        body = await request.read()
        path = self._canonical(request.raw_path.partition("?")[0])
        call = Call(request.method, _template(request.method, path), unquote(path), _parsed(body), time.perf_counter())
        call.address = request.path
        self.github.calls.append(call)
        try:
            reply = await self._with_faults(request, path, body, call)
            call.status = reply.status
            return self._finish(request, reply)
        finally:
            call.ended = time.perf_counter()

    def _canonical(self, path: str) -> str:
        """`/repositories/ID/…`, where renamed repositories redirect to, is `/repos/OWNER/NAME/…`; GHES's prefix is cut."""
        path = path.removeprefix("/api/v3").replace("/api/graphql", "/graphql")
        match = re.fullmatch(r"/repositories/(\d+)(/.*)?", path)
        found = self.github.repository_by_id(int(match[1])) if match else None
        return f"/repos/{found.full_name}{match[2] or ''}" if match and found else path

    async def _with_faults(self, request: web.Request, path: str, body: bytes, call: Call) -> Reply:
        fault = self.github.faults.take(request.method, unquote(path), body)
        await asyncio.sleep(self.github.latency)
        if fault is None:
            return self._reply(request, path, body, call)
        normal = self._reply(request, path, body, call) if fault.after else None
        await asyncio.sleep(fault.delay)
        if fault.reset:
            if request.transport:
                request.transport.abort()
            return Reply(status=502)
        if fault.status is None:
            return normal or self._reply(request, path, body, call)
        return _spoilt(fault, self.github.url)

    def _reply(self, request: web.Request, path: str, body: bytes, call: Call) -> Reply:
        try:
            return self._served(request, path, body, call)
        except ApiError as error:
            return Reply(error.body, error.status, error.headers)
        except SchemaError as error:
            self.github.refusals.append(f"{call}: {error}")
            refused = invalid_request(str(error))
            return Reply(refused.body, refused.status)
        except Exception as error:
            self.github.refusals.append(f"{call}: the fake itself failed: {error!r}")
            raise

    def _served(self, request: web.Request, path: str, body: bytes, call: Call) -> Reply:
        if not request.headers.get("user-agent"):
            raise forbidden(
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header"
            )
        if request.headers.get("x-github-api-version", "2022-11-28") not in VERSIONS:
            raise bad_request("The API version that was asked for is not supported.")
        found = _find(request.method, path)
        if found is None:
            self.github.refusals.append(f"{request.method} {path}: no such route")
            raise not_found()
        route, values = found
        token = self._caller(request, route)
        call.installation = token.installation.id if token else None
        repository = self._repository(route, values, token, path)
        if isinstance(repository, Reply):
            return repository
        published = contract(route.method, route.template)
        if published:
            published.check_request(body)
        parsed = _json(body)
        asked = Request(
            self.github,
            route,
            values,
            dict(request.query),
            {**{name.lower(): value for name, value in request.headers.items()}},
            parsed,
            f"{self.github.url}{path}",
            token,
            repository,
        )
        reply = route.handler(asked)
        if published and reply.status < 300 and isinstance(reply.body, (dict, list)):
            self._check_own(published, reply, call)
        return reply

    def _check_own(self, published: Contract, reply: Reply, call: Call) -> None:
        """What the fake says must be what GitHub would say; else it is the fake that is wrong."""
        try:
            published.check_response(reply.body)
        except SchemaError as error:
            self.github.refusals.append(f"{call}: the fake's answer: {error}")
            raise ApiError(500, {"message": f"the fake's answer: {error}"}) from None

    def _caller(self, request: web.Request, route: Route) -> Token | None:
        """The installation's token, or None for the App itself and for anyone."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if route.caller == "anyone":
            return None
        if kind.lower() not in {"bearer", "token"} or not secret:
            raise unauthorized("Requires authentication")
        if route.caller == "app":
            self.github.app.check(secret, self.github.now())
            return None
        token = self.github.tokens.get(secret)
        if token is None or token.expires_at <= self.github.now():
            raise unauthorized()
        if token.installation.suspended_at:
            raise forbidden("This installation has been suspended")
        return token

    def _repository(
        self, route: Route, values: Mapping[str, str], token: Token | None, path: str
    ) -> Repository | Reply | None:
        """The repository of the path, if it has one and the token may do there what the route needs."""
        if "owner" not in values or "repo" not in values:
            return None
        full_name = f"{values['owner']}/{values['repo']}".lower()
        repository = self.github.repositories.get(full_name)
        if repository is None and (moved := self.github.moved.get(full_name)):
            return self._redirect(route, path, moved)
        if repository is None:
            raise not_found()
        if token is None:
            return repository
        return self._check_access(route, repository, token)

    def _redirect(self, route: Route, path: str, moved: Repository) -> Reply:
        rest = path.split("/", 4)[4] if path.count("/") > 3 else ""
        target = f"{self.github.url}/repositories/{moved.id}" + (f"/{rest}" if rest else "")
        status = 301 if route.method == "GET" else 307
        body = {"message": "Moved Permanently", "url": target, "documentation_url": "https://docs.github.com/rest"}
        return Reply(body, status, {"location": target})

    def _check_access(self, route: Route, repository: Repository, token: Token) -> Repository:
        """Raises 404 for what the token may not know of, 403 for what it may not do."""
        if not token.covers(repository):
            if repository.private:
                raise not_found()
            if route.level == "read":
                return repository
            raise forbidden()
        if route.needs and not any(token.allows(name, route.level) for name in route.needs):
            accepted = "; ".join(f"{name}={route.level}" for name in route.needs)
            raise forbidden(x_accepted_github_permissions=accepted)
        return repository

    def _finish(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        headers = {**self._limits(request), **reply.headers}
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        if isinstance(reply.body, bytes):
            content, kind = reply.body, headers.pop("content-type", "application/octet-stream")
        else:
            content, kind = json.dumps(reply.body).encode(), "application/json; charset=utf-8"
        headers["content-type"] = kind
        if request.method == "GET" and reply.status == 200:
            tag = f'W/"{hashlib.sha256(content + request.headers.get("accept", "").encode()).hexdigest()}"'
            headers["etag"] = tag
            if request.headers.get("if-none-match") == tag:
                headers.pop("content-type")
                return web.Response(status=304, headers=headers)
        return web.Response(body=content, status=reply.status, headers=headers)

    def _limits(self, request: web.Request) -> dict[str, str]:
        resource = "graphql" if request.path.endswith("/graphql") else "core"
        self.github.requests_made += 1
        used = (
            sum(call.route == "/graphql" for call in self.github.calls)
            if resource == "graphql"
            else len(self.github.calls)
        )
        return {
            "x-ratelimit-limit": str(LIMIT),
            "x-ratelimit-remaining": str(max(LIMIT - used, 1)),
            "x-ratelimit-used": str(used),
            "x-ratelimit-reset": str(int(time.time()) + 3600),
            "x-ratelimit-resource": resource,
            "x-github-request-id": f"FAKE:{self.github.requests_made}",
            "x-github-media-type": "github.v3; format=json",
            "date": format_datetime(self.github.now(), usegmt=True),
        }

    def _archive(self, request: web.Request) -> web.StreamResponse:
        """An archive, to whoever knows its address; our secrets must not come along."""
        if "authorization" in request.headers:
            self.github.refusals.append(f"GET {request.path}: a token was sent to the archive host")
        content = self.github.archives.get(request.raw_path)
        if content is None:
            return web.Response(status=404, text="404: Not Found")
        return web.Response(body=content, content_type="application/x-gzip")


def _template(method: str, path: str) -> str:
    found = _find(method, path)
    return found[0].template if found else path


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else {}
    except ValueError:
        raise bad_request("Problems parsing JSON") from None


def _spoilt(fault: Fault, url: str) -> Reply:
    headers = dict(fault.headers)
    if headers.get("location", "").startswith("/"):
        headers["location"] = url + headers["location"]
    return Reply(fault.body, fault.status or 500, headers)
