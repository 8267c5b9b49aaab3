"""The pages: is it alive, can it work, what did it do, and what is it."""

import html
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from bot.settings import APP_VARIABLES

Obstacle = Callable[[], Awaitable[str | None]]
"""Why this process cannot do its work now; None where it can."""

Jobs = Callable[[], Awaitable[Mapping[str, int]]]
"""How many jobs there are, by what they do: wait, run, or stand parked."""

OBSTACLE: web.AppKey[Obstacle] = web.AppKey("obstacle")
JOBS: web.AppKey[Jobs] = web.AppKey("jobs")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}</style>
<h1>{title}</h1>
{body}
</html>
"""

HOME = """<p>asyncify is a GitHub App. It reads each pull request of a FastAPI project, finds code that stops the event loop,
also through helpers in other files, and answers with one review that holds the async replacements as suggestions to commit.</p>
<p>It never runs the code that it reads.</p>"""

SET_UP = """<p>No GitHub App is set up here yet. Set these variables in the environment of this process and start it again:</p>
<ul>{variables}</ul>"""

jobs = Gauge("asyncify_jobs", "Reviews that wait, run, or are parked after they failed", ["state"])

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def home(_request: web.Request) -> web.Response:
    """`GET /`: what the bot is."""
    return _page("asyncify", HOME)


async def set_up(_request: web.Request) -> web.Response:
    """`GET /setup`: which variables to set."""
    names = "".join(f"<li><code>{html.escape(name)}</code></li>" for name in APP_VARIABLES)
    return _page("Set up asyncify", SET_UP.format(variables=names))


async def refuse_delivery(_request: web.Request) -> web.Response:
    """`POST /webhook` in set-up mode: nothing can be checked, so nothing is stored."""
    return web.Response(status=503, text="No GitHub App is set up yet: see /setup.\n")


async def healthz(_request: web.Request) -> web.Response:
    """`GET /healthz`: 200 where the process runs."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`: 200 where the process can do its work, else 503 with the reason."""
    obstacle = await request.app[OBSTACLE]()
    return web.Response(text="ready\n") if obstacle is None else web.Response(status=503, text=f"{obstacle}\n")


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: https://prometheus.io/docs/instrumenting/exposition_formats/."""
    for state, count in (await request.app[JOBS]()).items():
        jobs.labels(state).set(count)
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _page(title: str, body: str) -> web.Response:
    return web.Response(text=PAGE.format(title=title, body=body), content_type="text/html", headers=HEADERS)
