"""`/setup`: how a process without credentials gets a GitHub App of its own, by GitHub's manifest flow.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest

Whoever ends this flow decides which App the process is. So it takes the token that was printed in the log, and the way back
from GitHub only counts in the browser that went there (`state`, in a cookie and in the address).
"""

import asyncio
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import structlog
from aiohttp import web
from gidgethub import GitHubException

from bot.errors import RetryLater, SettingsError
from bot.github import convert_manifest
from bot.settings import Settings, save_credentials
from bot.setup_page import Wish, show_confirmation, show_failure, show_form, show_success

STATES = 32
"""Ways to GitHub that may be open at once; the oldest one is closed for one more."""
STATE_SECONDS = 3600
"""GitHub's code serves for an hour."""
COOKIE = "asyncify-setup"
NOT_YOURS = "This way back from GitHub does not belong to a set-up that was begun in this browser."

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_ORGANISATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,33}")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Wizard:
    """One set-up: its token, the ways to GitHub that are open, and the settings that it leads to (`done`)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.token = secrets.token_urlsafe(24)
        self.done: asyncio.Future[Settings] = asyncio.get_running_loop().create_future()
        self._states: dict[str, float] = {}
        self._exchange = asyncio.Lock()

    def add_to(self, application: web.Application) -> None:
        """Answer at `/setup`, and tell in the log how to begin."""
        application.router.add_get("/setup", self.show)
        application.router.add_post("/setup", self.send)
        application.router.add_get("/setup/callback", self.finish)
        log.warning("no GitHub App is set up: open the page and give the token", page="/setup", setup_token=self.token)

    async def show(self, request: web.Request) -> web.Response:
        """`GET /setup`: what will be asked for, why, and the form that begins it."""
        return show_form(Wish(address=_own_address(request), name="asyncify"), {})

    async def send(self, request: web.Request) -> web.Response:
        """`POST /setup`: the manifest, ready to be sent to GitHub by the person's browser."""
        wish = _wish(await request.post())
        if problems := self._problems(wish):
            return show_form(wish, problems, status=403 if "token" in problems else 422)
        state = self._open()
        action = f"{self.settings.github_url}{_registration(wish)}?{urlencode({'state': state})}"
        response = show_confirmation(wish, action, self.settings.github_url)
        secure = wish.address.startswith("https://")
        response.set_cookie(
            COOKIE, state, max_age=STATE_SECONDS, path="/setup", httponly=True, samesite="Lax", secure=secure
        )
        return response

    async def finish(self, request: web.Request) -> web.Response:
        """`GET /setup/callback`: GitHub sent the person back with a code, which is exchanged for the App's credentials."""
        state, code = request.query.get("state", ""), request.query.get("code", "")
        if not self._is_open(state, request.cookies.get(COOKIE, "")):
            return show_failure(NOT_YOURS, 403)
        if not _CODE.fullmatch(code):
            return show_failure("GitHub sent no code along.", 400)
        async with self._exchange:
            if self.done.done():
                raise web.HTTPNotFound
            if not self._states.pop(state, 0.0):  # the same way back, taken twice at a time
                return show_failure(NOT_YOURS, 403)
            return await self._exchange_code(code)

    async def _exchange_code(self, code: str) -> web.Response:
        try:
            async with aiohttp.ClientSession() as session:
                registered = await convert_manifest(session, self.settings.api_url, code)
            settings = save_credentials(self.settings, registered)
        except (GitHubException, RetryLater) as error:
            log.warning("set-up failed", problem=str(error))
            return show_failure("GitHub did not take the code: it serves once, and for an hour.", 502)
        except (SettingsError, OSError) as error:
            log.exception("credentials not stored")
            reason = f"The credentials could not be stored ({type(error).__name__}). The log tells more."
            return show_failure(f"{reason} Delete the App on GitHub before you begin again.", 500)
        self.done.set_result(settings)
        log.info("set up", app=registered["slug"], app_id=registered["id"])
        return show_success(registered, settings)

    def _problems(self, wish: Wish) -> dict[str, str]:
        """What is wrong with the form, by field."""
        if not hmac.compare_digest(wish.token.strip().encode(), self.token.encode()):
            return {"token": "This is not the token that the log shows. It is a new one after each start."}
        problems = {}
        if not _is_address(wish.address):
            problems["address"] = "Give the address as https://HOST, without a path."
        if not _NAME.fullmatch(wish.name):
            problems["name"] = "Give a name of at most 34 letters, digits, spaces and hyphens."
        if wish.owner == "organisation" and not _ORGANISATION.fullmatch(wish.organisation):
            problems["organisation"] = "Give the organisation's name as it stands in its address on GitHub."
        return problems

    def _open(self) -> str:
        now = asyncio.get_running_loop().time()
        while len(self._states) >= STATES:
            del self._states[next(iter(self._states))]
        state = secrets.token_urlsafe(24)
        self._states[state] = now + STATE_SECONDS
        return state

    def _is_open(self, state: str, cookie: str) -> bool:
        expires = self._states.get(state, 0.0)
        same = hmac.compare_digest(state.encode(), cookie.encode(errors="surrogateescape"))
        return same and expires > asyncio.get_running_loop().time()


def _wish(form: Mapping[str, Any]) -> Wish:
    given = {name: value.strip() for name in Wish.__slots__ if isinstance(value := form.get(name, ""), str)}
    return Wish(**{**given, "address": given.get("address", "").rstrip("/")})


def _registration(wish: Wish) -> str:
    if wish.owner == "organisation":
        return f"/organizations/{wish.organisation}/settings/apps/new"
    return "/settings/apps/new"


def _own_address(request: web.Request) -> str:
    """The address that the person's browser used: a guess, which is shown to be corrected."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    return f"{scheme if scheme in {'http', 'https'} else 'https'}://{request.host}"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    whole = f"{parts.scheme}://{parts.hostname or ''}{f':{port}' if port else ''}"
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and text.lower() == whole.lower()
