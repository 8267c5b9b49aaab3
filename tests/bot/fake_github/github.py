"""The fake GitHub as tests and the demo see it: what there is, and what people do with it."""

from __future__ import annotations

import asyncio
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Self

import aiohttp

from . import endpoints, graphql, suggestions, webhooks
from .accounts import Account
from .checks import CheckRun
from .faults import Faults
from .pulls import IssueComment, PullRequest, ReviewComment, Thread
from .repositories import Changes, Repository
from .server import Call, Server
from .tokens import App, Installation, Token, private_key
from .webhooks import Delivery, Payload

__all__ = ["FakeGitHub", "endpoints", "graphql"]

EPOCH = 1_767_225_600
"""The time of the first commit, in epoch seconds; each later one is a second younger, so that SHAs are always the same."""


class FakeGitHub:
    """A GitHub on 127.0.0.1 that holds one App.

    Build repositories and pull requests at any time; `async with` (or `in_thread`) makes it answer at `url`.
    What came in is in `calls`, what GitHub would never have understood in `refusals`, which should stay empty.
    """

    def __init__(
        self,
        *,
        app_slug: str = "asyncify",
        webhook_secret: str = "it is a secret to everybody",
        permissions: Mapping[str, str] | None = None,
        stateless_tokens: bool = True,
        pages: str = "https://github.com",
    ) -> None:
        self._ids = count(1001)
        self._ticks = count(EPOCH)
        self._offset = timedelta()
        self.started = datetime.fromtimestamp(EPOCH, UTC)
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, Repository] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.nodes: dict[str, Any] = {}
        self.archives: dict[str, bytes] = {}
        self.deliveries: list[Delivery] = []
        self.redeliveries: list[Delivery] = []
        self.manifest_codes: set[str] = set()
        self.calls: list[Call] = []
        self.refusals: list[str] = []
        self.requests_made = 0
        self.faults = Faults()
        self.latency = 0.0
        self.stateless_tokens = stateless_tokens
        self.names_resolving_bots = True
        """Whether `resolvedBy`, which is a user by GitHub's schema, names a bot, or is null there."""
        self.pages = pages
        """Where the addresses for browsers lead that the API tells: those of an Enterprise Server are its own."""
        self.server = Server(self)
        self.app = App(
            id=self.next_id(),
            slug=app_slug,
            name=app_slug,
            owner=self.account("maker"),
            bot=self.account(f"{app_slug}[bot]"),
            private_key=private_key(),
            client_id="Iv23fake00000000",
            webhook_secret=webhook_secret,
            created_at=self.started,
        )
        if permissions is not None:
            self.app.permissions = dict(permissions)

    # Running

    @property
    def url(self) -> str:
        """The address of the API: what `GITHUB_API_URL` is set to."""
        return f"http://127.0.0.1:{self.server.api_port}"

    @property
    def site(self) -> str:
        """The address of the pages for people: what `GITHUB_URL` is set to. Another site than ours, as browsers see it."""
        return f"http://localhost:{self.server.site_port}"

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()

    @contextmanager
    def in_thread(self) -> Iterator[Self]:
        """Answers from a thread of its own, for code that has no event loop."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.server.start(), loop).result()
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self.server.stop(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Puts GitHub's clock forward: tokens expire."""
        self._offset += timedelta(seconds=seconds)

    def tick(self) -> int:
        return next(self._ticks)

    def next_id(self) -> int:
        return next(self._ids)

    @staticmethod
    def moment_of(when: int) -> datetime:
        return datetime.fromtimestamp(when, UTC)

    # What there is

    def account(self, login: str, kind: str | None = None) -> Account:
        """The account with this login, made where it is not there: a bot where the login ends in ``[bot]``, else a user."""
        if login not in self.accounts:
            kind = kind or ("Bot" if login.endswith("[bot]") else "User")
            self.accounts[login] = Account(self.next_id(), login, kind)
        return self.accounts[login]

    def repository(
        self,
        full_name: str,
        files: Changes | None = None,
        *,
        private: bool = False,
        default_branch: str = "main",
        owner_kind: str = "Organization",
        installed: bool = True,
    ) -> Repository:
        """A new repository with one commit; the App is installed on its owner's account unless told otherwise."""
        owner, _, name = full_name.partition("/")
        repository = Repository(
            self, self.next_id(), self.account(owner, owner_kind), name, private=private, default_branch=default_branch
        )
        self.repositories[full_name.lower()] = repository
        repository.commit(files or {"README.md": f"# {name}\n"}, message="First commit", author="ann")
        if installed and self.installation_of(repository) is None:
            self.install(owner)
        return repository

    def install(
        self, login: str, *, only: Sequence[Repository] | None = None, permissions: Mapping[str, str] | None = None
    ) -> Installation:
        """Installs the App on an account, on all of its repositories or `only` some."""
        installation = Installation(
            self.next_id(),
            self.app,
            self.account(login),
            self.started,
            dict(self.app.permissions if permissions is None else permissions),
            None if only is None else list(only),
        )
        self.installations[installation.id] = installation
        return installation

    def installation_of(self, repository: Repository) -> Installation | None:
        return next((each for each in self.installations.values() if each.covers(repository)), None)

    def uninstall(self, repository: Repository) -> None:
        """Removes the installation that covers the repository, and its tokens."""
        installation = self.installation_of(repository)
        if installation:
            del self.installations[installation.id]
            self.tokens = {text: each for text, each in self.tokens.items() if each.installation is not installation}

    def visible(self, installation: Installation) -> list[Repository]:
        return [each for each in self.repositories.values() if installation.covers(each)]

    def repository_by_id(self, number: int) -> Repository | None:
        return next((each for each in self.repositories.values() if each.id == number), None)

    # What happened

    def count(self, route: str = "") -> int:
        """How many calls came, all of them or those to one route ("GET /repos/{owner}/{repo}")."""
        return sum(1 for call in self.calls if route in {"", str(call)})

    def round_trips(self) -> int:
        """How many calls came one after another at least: the largest number of which no two were under way at once."""
        trips, free = 0, float("-inf")
        for call in sorted(self.calls, key=lambda call: call.ended):
            if call.started >= free:
                trips, free = trips + 1, call.ended
        return trips

    def taken_back(self) -> list[str]:
        """The calls that deleted something, or changed what was said in a review or a comment."""
        return [
            str(call)
            for call in self.calls
            if call.method == "DELETE"
            or (call.method in {"PATCH", "PUT"} and re.search("/(comments|reviews)/", call.route))
        ]

    def forget_calls(self) -> None:
        """Counting starts anew."""
        self.calls.clear()

    # What people press

    def commit_suggestion(self, comment: ReviewComment, *, by: str | None = None) -> str:
        """'Commit suggestion' on one comment; returns the new head. Raises `SuggestionRefused`."""
        return suggestions.commit([comment], by)

    def commit_suggestions(self, comments: Sequence[ReviewComment], *, by: str | None = None) -> str:
        """'Commit suggestions' on a batch, as one commit; returns the new head. Raises `SuggestionRefused`."""
        return suggestions.commit(comments, by)

    # What GitHub tells

    def webhook(
        self,
        event: str,
        action: str = "",
        about: PullRequest | IssueComment | ReviewComment | Thread | CheckRun | Installation | None = None,
        *,
        sender: str = "ann",
        **more: Any,
    ) -> Payload:
        """The payload of an event about something; `more` is put on top of it (``changes={…}``, ``installation=None``)."""
        payload = self._payload(event, action, about, sender)
        return {**payload, **more}

    def removed_from(self, installation: Installation, repositories: Sequence[Repository]) -> Payload:
        """The payload that tells that an installation lost repositories."""
        return webhooks.installation_repositories(self, installation, "removed", repositories, "ann")

    def pushed_to(self, repository: Repository, before: str) -> Payload:
        """The payload that tells of commits on the default branch since `before`."""
        return webhooks.push(repository, repository.default_branch, before, "ann")

    def _payload(self, event: str, action: str, about: Any, sender: str) -> Payload:
        match about:
            case PullRequest():
                return webhooks.pull_request(about, action, sender)
            case IssueComment():
                return webhooks.issue_comment(about, action or "created")
            case ReviewComment():
                return webhooks.review_comment(about, action or "created")
            case Thread():
                return webhooks.review_thread(about, action, sender)
            case CheckRun() if event == "check_suite":
                return webhooks.check_suite(about.repository, about.head_sha, action, sender)
            case CheckRun():
                return webhooks.check_run(about, action, sender)
            case Installation():
                return webhooks.installation(self, about, action, sender)
            case None:
                return webhooks.ping(self)
        raise TypeError(event, about)

    def sign(
        self, body: bytes, secret: str | None = None, *, event: str = "pull_request", guid: str | None = None
    ) -> dict[str, str]:
        """The headers of a delivery with this body; signed with the App's secret unless told otherwise."""
        return webhooks.sign(body, secret or self.app.webhook_secret, event=event, guid=guid, app_id=self.app.id)

    def record(self, event: str, payload: Payload, *, status_code: int = 200, guid: str | None = None) -> Delivery:
        """Writes a delivery into the log, as if it had been sent; 0 for one that timed out."""
        guid = guid or str(uuid.uuid4())
        headers = self.sign(webhooks.encode(payload), event=event, guid=guid)
        status = "OK" if 200 <= status_code < 400 else ("timed out" if status_code == 0 else "Invalid HTTP Response")
        seen = any(each.guid == guid for each in self.deliveries)
        delivery = Delivery(self.next_id(), guid, event, payload, headers, self.now(), status, status_code, seen)
        self.deliveries.append(delivery)
        return delivery

    async def deliver(
        self, event: str, payload: Payload, *, url: str | None = None, guid: str | None = None, patience: float = 10.0
    ) -> int:
        """POSTs a delivery to `url` (the App's webhook if none) and logs it; returns the status, 0 where nobody answered."""
        guid = guid or str(uuid.uuid4())
        body = webhooks.encode(payload)
        target = url or self.app.webhook_url
        if target is None:
            raise ValueError("The App has no webhook address.")
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=patience)) as session,
                session.post(target, data=body, headers=self.sign(body, event=event, guid=guid)) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        self.record(event, payload, status_code=status, guid=guid)
        return status
