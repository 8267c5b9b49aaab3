"""The pages: is it alive, can it work, what did it do, and what is it."""

import math
from collections.abc import Awaitable, Callable, Mapping

import sqlalchemy as sa
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from bot.page import page

Obstacle = Callable[[], Awaitable[str | None]]
"""Why this process cannot do its work now; None where it can."""

Jobs = Callable[[], Awaitable[Mapping[str, int]]]
"""How many jobs there are, by what they do: wait, run, or stand parked."""

OBSTACLE: web.AppKey[Obstacle] = web.AppKey("obstacle")
JOBS: web.AppKey[Jobs] = web.AppKey("jobs")
OLDEST: web.AppKey[Callable[[], Awaitable[float]]] = web.AppKey("oldest")

HOME = """<p class="lead">A GitHub App for teams that write FastAPI. It reads each pull request, finds code that stops the event
loop, and answers with one review that holds the replacement as a suggestion to commit.</p>
<pre tabindex="0" aria-label="Example"><code> @app.get("/weather")
-async def weather() -&gt; dict:
+def weather() -&gt; dict:
     return requests.get("https://weather.example/today", timeout=5).json()</code></pre>
<p><code>requests.get</code> in <code>async def</code> blocks the event loop: while it waits, this worker serves no other request.
A plain <code>def</code> runs in one of FastAPI's threads.</p>
<h2>What you can expect of it</h2>
<ul>
<li>It also finds what blocks three helpers away, in a file that the pull request does not touch.</li>
<li>It speaks only of what a change introduces, in one review, and says nothing twice.</li>
<li>It shows no fix that it could not prove: paths, parameters and responses stay as they are.</li>
<li>It never runs the code that it reads.</li>
</ul>
<h2>Talking to it</h2>
<p>A comment on a pull request that begins with <code>/asyncify help</code> lists its commands.</p>"""

queue_depth = Gauge("asyncify_queue_depth", "Jobs that wait, run, or are parked after they failed", ["state"])
queue_oldest = Gauge("asyncify_queue_oldest_seconds", "For how long the oldest job has waited that may begin now")

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def home(_request: web.Request) -> web.Response:
    """`GET /`: what the bot is."""
    return page("asyncify", HOME)


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
    if JOBS in request.app:
        await _count_jobs(request.app)
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _count_jobs(application: web.Application) -> None:
    """Where the database does not answer, all else is told as it is, and of the queue nothing rather than what it was."""
    try:
        depths, oldest = await application[JOBS](), await application[OLDEST]()
    except sa.exc.SQLAlchemyError as error:
        log.warning("jobs not counted", problem=str(error))
        depths, oldest = {}, math.nan
        queue_depth.clear()
    for state, count in depths.items():
        queue_depth.labels(state).set(count)
    queue_oldest.set(oldest)
