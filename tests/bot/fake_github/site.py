"""The pages that a person sees: registering an App from a manifest.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import json
import secrets
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

if TYPE_CHECKING:
    from .github import FakeGitHub

FIELDS = {
    *("name", "url", "hook_attributes", "redirect_url", "callback_urls", "setup_url", "description", "public"),
    *("default_events", "default_permissions", "request_oauth_on_install", "setup_on_update"),
}
PERMISSIONS = {"metadata", "contents", "pull_requests", "issues", "checks", "statuses", "actions", "merge_queues"}
NEEDS = {
    "pull_request": "pull_requests",
    "pull_request_review_comment": "pull_requests",
    "pull_request_review_thread": "pull_requests",
    "issue_comment": "issues",
    "check_run": "checks",
    "check_suite": "checks",
    "push": "contents",
}
"""The permission without which an event cannot be subscribed to."""


def pages(github: FakeGitHub) -> web.Application:
    """The site: two addresses that take a manifest, and the button that makes an App of it."""

    async def ask(request: web.Request) -> web.Response:
        form = await request.post()
        try:
            manifest = json.loads(str(form.get("manifest", "")))
            _check(manifest)
        except (ValueError, KeyError) as error:
            github.refusals.append(f"POST {request.path}: {error}")
            return web.Response(status=422, text=f"Invalid GitHub App configuration: {error}")
        owner = request.match_info.get("org", "maker")
        hidden = {"manifest": json.dumps(manifest), "owner": owner, "state": request.query.get("state", "")}
        fields = "".join(f'<input type="hidden" name="{name}" value="{escape(text)}">' for name, text in hidden.items())
        page = (
            f'<title>Create GitHub App</title><form method="post" action="/made">{fields}<button>Create</button></form>'
        )
        return web.Response(text=page, content_type="text/html")

    async def make(request: web.Request) -> web.Response:
        form = await request.post()
        manifest = json.loads(str(form["manifest"]))
        _register(github, manifest, str(form["owner"]))
        code = secrets.token_hex(20)
        github.manifest_codes.add(code)
        back = f"{manifest['redirect_url']}?{urlencode({'code': code, 'state': form['state']})}"
        return web.Response(status=302, headers={"location": back})

    async def install(_request: web.Request) -> web.Response:
        return web.Response(text="<title>Install</title>", content_type="text/html")

    application = web.Application()
    application.router.add_post("/settings/apps/new", ask)
    application.router.add_post("/organizations/{org}/settings/apps/new", ask)
    application.router.add_post("/made", make)
    application.router.add_get("/apps/{slug}/installations/new", install)
    return application


def _check(manifest: dict[str, Any]) -> None:
    """Raises ValueError or KeyError for what GitHub would not make an App of."""
    if unknown := manifest.keys() - FIELDS:
        raise ValueError(f"unknown fields {unknown}")
    for address in (manifest["url"], manifest["hook_attributes"]["url"], manifest["redirect_url"]):
        if not address.startswith(("https://", "http://")) or "HOST" in address:
            raise ValueError(f"{address} is no address")
    permissions = manifest["default_permissions"]
    if unknown := permissions.keys() - PERMISSIONS:
        raise ValueError(f"permissions that nobody should ask for: {unknown}")
    for event in manifest["default_events"]:
        if NEEDS[event] not in permissions:
            raise ValueError(f"{event} needs {NEEDS[event]}")


def _register(github: FakeGitHub, manifest: dict[str, Any], owner: str) -> None:
    app = github.app
    app.name, app.permissions = manifest["name"], dict(manifest["default_permissions"])
    app.events, app.webhook_url = list(manifest["default_events"]), manifest["hook_attributes"]["url"]
    app.owner = github.account(owner, "User" if owner == "maker" else "Organization")
