"""The door for deliveries: who sent it, is it whole, and is it stored. Nothing else happens within the request.

https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
import structlog
from aiohttp import web
from prometheus_client import Counter, Histogram

from bot.errors import MalformedPayload, NotStored
from bot.events import ALWAYS_SENT, EVENTS, InstallationChanged, Requested, requested
from bot.settings import Credentials

LARGEST_BODY = 26 * 1024 * 1024
"""Bytes. GitHub sends at most 25 MB (https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap)."""

SMALL_BODY = 128 * 1024
"""Bytes that are checked and read on the event loop; that takes well under a millisecond."""

LARGE_AT_ONCE = 4
"""Larger bodies that are held at a time: until its signature was checked, anybody may have sent it."""

ROOM_SECONDS = 5.0
"""How long a larger body waits for those before it. After 10 GitHub waits no more."""

BODY_SECONDS = 10.0

Enqueue = Callable[[str, Requested], Awaitable[None]]
"""Stores what a delivery, given by its id, asks for. Raises NotStored."""

CREDENTIALS = web.AppKey("credentials", Credentials)
ENQUEUE: web.AppKey[Enqueue] = web.AppKey("enqueue")
ROOM = web.AppKey("room", asyncio.Semaphore)

deliveries = Counter("asyncify_webhooks", "Deliveries, by event and by what was answered", ["event", "result"])
intake_seconds = Histogram(
    "asyncify_intake_seconds", "From a delivery's head to its answer", buckets=(0.005, 0.02, 0.05, 0.1, 0.5, 2, 10)
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_Result = TypeVar("_Result")

_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,64}")
COUNTED = EVENTS | ALWAYS_SENT | {"ping"}


def add_to(application: web.Application, credentials: Credentials, enqueue: Enqueue) -> None:
    """Answer at `/webhook`."""
    application.router.add_post("/webhook", receive)
    application[CREDENTIALS] = credentials
    application[ENQUEUE] = enqueue
    application[ROOM] = asyncio.Semaphore(LARGE_AT_ONCE)


async def receive(request: web.Request) -> web.Response:
    """`POST /webhook`: 202 where the delivery was stored or is nothing to us, 200 for `ping`, else why not."""
    with intake_seconds.time():
        try:
            async with _room(request):
                response = await _answer(request)
        except web.HTTPException as refusal:
            _count(request, refusal.status)
            raise
    _count(request, response.status)
    return response


def _count(request: web.Request, status: int) -> None:
    """An event that we do not know is not named: anybody may send anything."""
    event = request.headers.get("X-GitHub-Event", "")
    deliveries.labels(event if event in COUNTED else "other", str(status)).inc()


@asynccontextmanager
async def _room(request: web.Request) -> AsyncIterator[None]:
    """Wait until there is room for the body, if it is large or does not say how large it is."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send application/json.\n")
    if (request.content_length or 0) > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, request.content_length or 0)
    if request.content_length is not None and request.content_length <= SMALL_BODY:
        yield
        return
    room = request.app[ROOM]
    try:
        async with asyncio.timeout(ROOM_SECONDS):
            await room.acquire()
    except TimeoutError:
        raise web.HTTPServiceUnavailable(text="Too many large bodies at once.\n") from None
    try:
        yield
    finally:
        room.release()


async def _answer(request: web.Request) -> web.Response:
    body = await _read_body(request)
    credentials = request.app[CREDENTIALS]
    signed = await _off_loop(body, lambda: is_signed(body, request.headers, credentials.webhook_secrets))
    ours = str(credentials.app_id)
    if not signed or request.headers.get("X-GitHub-Hook-Installation-Target-ID", ours) != ours:
        # Not raised: an exception keeps the frames that hold the body, until the garbage is collected.
        return web.Response(status=401, text="")
    delivery, event = _names(request.headers)
    try:
        asked = await _off_loop(body, lambda: requested(event, _decode(body)))
    except MalformedPayload as error:
        log.warning("malformed delivery", delivery=delivery, event_name=event, problem=str(error))
        raise web.HTTPBadRequest(text=f"{error}\n") from error
    if event == "ping":
        return web.Response(text="pong\n")
    if asked is None:
        return web.Response(status=202, text="ignored")
    return await _store(request.app[ENQUEUE], delivery, asked)


def is_signed(body: bytes, headers: Mapping[str, str], secrets: Iterable[bytes]) -> bool:
    """Whether `X-Hub-Signature-256` was made from these very bytes with one of the secrets."""
    given = headers.get("X-Hub-Signature-256", "").encode(errors="surrogateescape")
    right = [f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}".encode() for secret in secrets]
    return any([hmac.compare_digest(given, signature) for signature in right])  # noqa: C419 -- all are compared, so that time tells nothing


async def _read_body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPBadRequest(text="The body did not arrive in time.\n") from None


def _names(headers: Mapping[str, str]) -> tuple[str, str]:
    delivery, event = headers.get("X-GitHub-Delivery", ""), headers.get("X-GitHub-Event", "")
    if not _DELIVERY.fullmatch(delivery):
        raise web.HTTPBadRequest(text="X-GitHub-Delivery is missing or no delivery id.\n")
    if not event:
        raise web.HTTPBadRequest(text="X-GitHub-Event is missing.\n")
    return delivery, event


def _decode(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedPayload(f"no JSON: {error}") from error


async def _store(enqueue: Enqueue, delivery: str, asked: Requested) -> web.Response:
    try:
        await enqueue(delivery, asked)
    except NotStored as error:
        log.exception("delivery not stored", delivery=delivery)
        raise web.HTTPServiceUnavailable(text="The delivery could not be stored.\n") from error
    log.info("delivery stored", delivery=delivery, **_about(asked))
    return web.Response(status=202, text="stored")


def _about(asked: Requested) -> dict[str, object]:
    if not isinstance(asked, InstallationChanged):
        return {"repository": asked.ref.repository, "pull_request": asked.ref.number}
    return {"installation": asked.installation}


async def _off_loop(body: bytes, work: Callable[[], _Result]) -> _Result:
    """The result of `work`, done in a thread where the body is large: hashing 25 MB stops everyone else for long enough."""
    return work() if len(body) <= SMALL_BODY else await asyncio.to_thread(work)
