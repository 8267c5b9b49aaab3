"""The pages of the set-up: what will be asked for and why, what is sent to GitHub, and what came of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.manifest import WHY_EVENTS, WHY_PERMISSIONS, manifest, manifest_for
from bot.page import page
from bot.settings import Settings

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


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form says, as it was typed."""

    token: str = ""
    address: str = ""
    name: str = ""
    owner: str = "user"
    organisation: str = ""


def show_form(wish: Wish, problems: Mapping[str, str], status: int = 200) -> web.Response:
    """What will be asked for and why, and the form that begins it, with what is wrong in it by field."""
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


def show_confirmation(wish: Wish, action: str, github: str) -> web.Response:
    """The manifest that is sent to GitHub, at `action`, and the button that sends it."""
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


def show_success(registered: Mapping[str, Any], settings: Settings) -> web.Response:
    """What is to be done now that the App is registered."""
    body = DONE.format(
        name=escape(str(registered["name"])),
        install=escape(f"{registered['html_url']}/installations/new"),
        path=escape(str(Path(settings.credentials_file).resolve())),
    )
    return page("asyncify is set up", body)


def show_failure(reason: str, status: int) -> web.Response:
    """Why the set-up did not end, and the way back to its beginning."""
    body = f'<div role="alert">{escape(reason)}</div><p><a href="/setup">Begin again</a></p>'
    return page("The set-up did not end", body, status=status)


def _is_private(address: str) -> bool:
    """Whether GitHub surely cannot reach it."""
    host = urlsplit(address).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host
