"""`/setup`: how a process without credentials gets a GitHub App of its own, by GitHub's manifest flow.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest

Whoever ends this flow decides which App the process is. So it takes the token that was printed in the log, and the way back
from GitHub only counts in the browser that went there (`state`, in a cookie and in the address).
"""

import asyncio
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import structlog
from aiohttp import web
from gidgethub import GitHubException

from bot.errors import RetryLater, SettingsError
from bot.github import convert_manifest
from bot.manifest import WHY_EVENTS, WHY_PERMISSIONS, manifest, manifest_for
from bot.page import page
from bot.settings import Settings, save_credentials

STATES = 32
"""Ways to GitHub that may be open at once; the oldest one is closed for one more."""
STATE_SECONDS = 3600
"""GitHub's code serves for an hour."""
COOKIE = "asyncify-setup"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_ORGANISATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,33}")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the form says, as it was typed."""

    token: str = ""
    address: str = ""
    name: str = ""
    owner: str = "user"
    organisation: str = ""


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
        return _form(_Wish(address=_own_address(request), name="asyncify"), {})

    async def send(self, request: web.Request) -> web.Response:
        """`POST /setup`: the manifest, ready to be sent to GitHub by the person's browser."""
        wish = _wish(await request.post())
        if problems := self._problems(wish):
            return _form(wish, problems, status=403 if "token" in problems else 422)
        state = self._open()
        action = f"{self.settings.github_url}{_registration(wish)}?{urlencode({'state': state})}"
        response = _confirmation(wish, action, self.settings.github_url)
        secure = wish.address.startswith("https://")
        response.set_cookie(
            COOKIE, state, max_age=STATE_SECONDS, path="/setup", httponly=True, samesite="Lax", secure=secure
        )
        return response

    async def finish(self, request: web.Request) -> web.Response:
        """`GET /setup/callback`: GitHub sent the person back with a code, which is exchanged for the App's credentials."""
        state, code = request.query.get("state", ""), request.query.get("code", "")
        if not self._is_open(state, request.cookies.get(COOKIE, "")):
            return _failure(
                "This way back from GitHub does not belong to a set-up that was begun in this browser.", 403
            )
        if not _CODE.fullmatch(code):
            return _failure("GitHub sent no code along.", 400)
        async with self._exchange:
            if self.done.done():
                raise web.HTTPNotFound
            del self._states[state]
            return await self._exchange_code(code)

    async def _exchange_code(self, code: str) -> web.Response:
        try:
            async with aiohttp.ClientSession() as session:
                registered = await convert_manifest(session, self.settings.api_url, code)
            settings = save_credentials(self.settings, registered)
        except (GitHubException, RetryLater) as error:
            log.warning("set-up failed", problem=str(error))
            return _failure("GitHub did not take the code: it serves once, and for an hour.", 502)
        except (SettingsError, OSError) as error:
            log.exception("credentials not stored")
            reason = f"The credentials could not be stored ({type(error).__name__}). The log tells more."
            return _failure(f"{reason} Delete the App on GitHub before you begin again.", 500)
        self.done.set_result(settings)
        log.info("set up", app=registered["slug"], app_id=registered["id"])
        return _success(registered, settings)

    def _problems(self, wish: _Wish) -> dict[str, str]:
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
        same = hmac.compare_digest(state.encode(), cookie.encode())
        return same and expires > asyncio.get_running_loop().time()


def _wish(form: Mapping[str, Any]) -> _Wish:
    given = {name: value.strip() for name in _Wish.__slots__ if isinstance(value := form.get(name, ""), str)}
    return _Wish(**{**given, "address": given.get("address", "").rstrip("/")})


def _registration(wish: _Wish) -> str:
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


def _is_private(address: str) -> bool:
    """Whether GitHub surely cannot reach it."""
    host = urlsplit(address).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host


# --- the pages

INTRODUCTION = """<p class="lead">No GitHub App is set up here yet. This page registers one that belongs to you: its key never
leaves this machine, and you can delete it on GitHub at any time.</p>
<h2>What it will ask for</h2>"""

FORM = """<h2>Register it</h2>
{problems}
<form method="post" action="/setup">
<fieldset><legend>Who owns the App?</legend>
<p class="hint">It can be installed on this account only.</p>
<label class="choice"><input type="radio" name="owner" value="user"{user}> My own account</label>
<label class="choice"><input type="radio" name="owner" value="organisation"{organisation}> An organisation</label>
{organisation_field}
</fieldset>
{fields}
<button type="submit">Continue</button>
</form>"""

NEXT = """<p class="lead">GitHub shows the App once more and asks you to confirm. Then it sends you back here.</p>
{warning}
<form method="post" action="{action}">
<input type="hidden" name="manifest" value="{manifest}">
<button type="submit">Continue to GitHub</button>
</form>
<h2>What is sent</h2>
<pre tabindex="0" aria-label="The manifest"><code>{pretty}</code></pre>"""

UNREACHABLE = """<div role="alert"><strong>GitHub cannot reach this address.</strong> <code>{address}</code> is known on your machine
or network only, and GitHub may refuse it. Use a public address, or a tunnel that leads here.</div>"""

DONE = """<p class="lead">The App <strong>{name}</strong> is registered and the bot is at work. Nothing needs to be restarted.</p>
<p><a class="button" href="{install}">Choose the repositories</a></p>
<h2>Good to know</h2>
<ul>
<li>Its credentials are stored in <code>{path}</code>, which only this user can read. Who has this file is the App: keep it
out of backups that others read, and out of the repository.</li>
<li>Other processes (<code>asyncify web</code>, <code>asyncify worker</code>) need the same credentials: as this file in their
working directory, or as <code>GITHUB_APP_ID</code>, <code>GITHUB_PRIVATE_KEY</code> and <code>GITHUB_WEBHOOK_SECRET</code>.</li>
<li><code>asyncify doctor</code> tells whether everything is as it should be.</li>
</ul>"""


def _form(wish: _Wish, problems: Mapping[str, str], status: int = 200) -> web.Response:
    fields = "".join(
        (
            _field("address", "Address of this bot", "Where GitHub reaches it.", wish.address, problems, kind="url"),
            _field("name", "Name of the App", "Unique on GitHub; you can still change it there.", wish.name, problems),
            _field(
                "token", "Token", "From the log of this process, to show that it is yours.", "", problems, "password"
            ),
        )
    )
    chosen = {"user": "", "organisation": "", wish.owner: " checked"}
    organisation = _field("organisation", "Organisation", "If you chose one.", wish.organisation, problems)
    form = FORM.format(
        problems=_alert(problems),
        user=chosen["user"],
        organisation=chosen["organisation"],
        organisation_field=organisation,
        fields=fields,
    )
    body = INTRODUCTION + _permissions() + _events() + form
    return page("Set up asyncify", body, sends_to=("'self'",), status=status)


def _field(name: str, label: str, hint: str, value: str, problems: Mapping[str, str], kind: str = "text") -> str:
    problem = problems.get(name)
    said = f'<p class="wrong" id="{name}-wrong">{escape(problem)}</p>' if problem else ""
    described = f"{name}-hint {name}-wrong" if problem else f"{name}-hint"
    wrong = ' aria-invalid="true"' if problem else ""
    needed = "" if name == "organisation" else " required"
    return (
        f'<label for="{name}">{label}</label><p class="hint" id="{name}-hint">{hint}</p>{said}'
        f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}" autocomplete="off" spellcheck="false" '
        f'aria-describedby="{described}"{wrong}{needed}>'
    )


def _alert(problems: Mapping[str, str]) -> str:
    if not problems:
        return ""
    items = "".join(f'<li><a href="#{name}">{escape(problem)}</a></li>' for name, problem in problems.items())
    return f'<div role="alert"><strong>Please look at this again:</strong><ul>{items}</ul></div>'


def _permissions() -> str:
    asked = manifest().permissions.items()
    rows = [(name.replace("_", " "), level, WHY_PERMISSIONS[name]) for name, level in asked]
    return _table("Permissions, in the repositories that you choose", ("Permission", "Level", "Why"), rows)


def _events() -> str:
    rows = [(name.replace("_", " "), WHY_EVENTS[name]) for name in manifest().events]
    return f"<h2>What it will be told of</h2>{_table('Events that GitHub sends', ('Event', 'What happened'), rows)}"


def _table(caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(one)}</td>" for one in rest)}</tr>'
        for first, *rest in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _confirmation(wish: _Wish, action: str, github: str) -> web.Response:
    asked = manifest_for(wish.address, wish.name)
    body = NEXT.format(
        warning=UNREACHABLE.format(address=escape(wish.address)) if _is_private(wish.address) else "",
        action=escape(action),
        manifest=escape(json.dumps(asked)),
        pretty=escape(json.dumps(asked, indent=2)),
    )
    parts = urlsplit(github)
    # GitHub may send the person straight back, and browsers hold that to `form-action` as well.
    return page("One step left", body, sends_to=("'self'", f"{parts.scheme}://{parts.netloc}"))


def _success(registered: Mapping[str, Any], settings: Settings) -> web.Response:
    body = DONE.format(
        name=escape(str(registered["name"])),
        install=escape(f"{registered['html_url']}/installations/new"),
        path=escape(str(Path(settings.credentials_file).resolve())),
    )
    return page("asyncify is set up", body)


def _failure(reason: str, status: int) -> web.Response:
    body = f'<div role="alert">{escape(reason)}</div><p><a href="/setup">Begin again</a></p>'
    return page("The set-up did not end", body, status=status)
