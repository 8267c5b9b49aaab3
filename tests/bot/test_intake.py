"""The door for deliveries, over a real socket."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot import intake
from bot.errors import NotStored
from bot.events import Requested, ReviewRequested
from bot.models import PullRef
from bot.settings import Credentials

PAYLOAD = {
    "action": "opened",
    "installation": {"id": 5},
    "repository": {"id": 7, "full_name": "octo/demo"},
    "pull_request": {"number": 3},
}
BODY = json.dumps(PAYLOAD).encode()
ASKED = ReviewRequested(PullRef(installation=5, repository_id=7, repository="octo/demo", number=3))

Stored = list[tuple[str, Requested]]
Client = TestClient[web.Request, web.Application]


def sign(body: bytes, secret: bytes = b"current") -> str:
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def headers(body: bytes = BODY, **changed: str | None) -> dict[str, str]:
    """The headers that GitHub sends with this body; `changed` by name with underscores, None leaves one out."""
    sent: dict[str, str | None] = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Hook-Installation-Target-ID": "12",
        "X-Hub-Signature-256": sign(body),
    }
    sent |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in sent.items() if value is not None}


@pytest.fixture
def stored() -> Stored:
    return []


@pytest.fixture
async def client(stored: Stored) -> AsyncIterator[Client]:
    async def enqueue(delivery: str, event: Requested) -> None:
        stored.append((delivery, event))

    application = web.Application(client_max_size=intake.LARGEST_BODY)
    intake.add_to(application, Credentials(12, "", (b"current", b"previous")), enqueue)
    async with TestClient(TestServer(application)) as client:
        yield client


async def post(client: Client, body: bytes = BODY, **changed: str | None) -> tuple[int, str]:
    async with client.post("/webhook", data=BytesIO(body), headers=headers(body, **changed)) as response:
        return response.status, await response.text()


async def test_a_delivery(client: Client, stored: Stored) -> None:
    """What asks for a review is stored under its delivery id."""
    assert await post(client) == (202, "stored")
    assert stored == [("72d3162e-cc78-11e3-81ab-4c9367dc0958", ASKED)]


async def test_the_previous_secret(client: Client, stored: Stored) -> None:
    """While the secret is rotated, deliveries that were signed with the old one are good."""
    assert (await post(client, X_Hub_Signature_256=sign(BODY, b"previous")))[0] == 202
    assert len(stored) == 1


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        sign(BODY).upper(),
        sign(BODY)[:-1],
        sign(BODY)[len("sha256=") :],
        sign(BODY, b"other"),
        sign(BODY, b""),
        sign(BODY + b" "),
        "sha256=é" + "0" * 63,
        "sha256=\udcff",
    ],
)
async def test_a_signature_that_is_wrong(client: Client, stored: Stored, signature: str | None) -> None:
    """It is refused with an empty body, whatever it holds, and nothing is stored."""
    assert await post(client, X_Hub_Signature_256=signature) == (401, "")
    assert stored == []


async def test_the_old_kind_of_signature(client: Client) -> None:
    """SHA-1 is not accepted in its place."""
    old = f"sha1={hmac.new(b'current', BODY, 'sha1').hexdigest()}"

    assert await post(client, X_Hub_Signature=old, X_Hub_Signature_256=None) == (401, "")


async def test_bytes_are_signed_not_json(client: Client, stored: Stored) -> None:
    """A body that means the same is another body."""
    status, _ = await post(client, json.dumps(PAYLOAD, indent=1).encode(), X_Hub_Signature_256=sign(BODY))

    assert (status, stored) == (401, [])


async def test_another_app(client: Client, stored: Stored) -> None:
    """A delivery that was meant for another App, or for a hook of a repository, is not ours."""
    assert await post(client, X_GitHub_Hook_Installation_Target_ID="13") == (401, "")
    assert stored == []


async def test_ping(client: Client, stored: Stored) -> None:
    """GitHub tries the address out when the App is made."""
    assert (await post(client, b'{"zen": "Keep it logically awesome."}', X_GitHub_Event="ping"))[0] == 200
    assert stored == []


@pytest.mark.parametrize(("event", "action"), [("issues", "opened"), ("pull_request", "closed"), ("star", "created")])
async def test_an_event_that_is_nothing_to_us(client: Client, stored: Stored, event: str, action: str) -> None:
    """It is taken politely and forgotten."""
    body = json.dumps(PAYLOAD | {"action": action}).encode()

    assert await post(client, body, X_GitHub_Event=event) == (202, "ignored")
    assert stored == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe{}", b'{"action": "\xff"}', b"[" * 100_000, b'{"action": "opened"}', b'"opened"'],
    ids=["nothing", "cut", "not UTF-8", "not UTF-8 within", "too deep", "fields missing", "no object"],
)
async def test_a_body_that_makes_no_sense(client: Client, stored: Stored, body: bytes) -> None:
    """Signed nonsense is malformed; it never breaks the door."""
    assert (await post(client, body))[0] == 400
    assert stored == []


@pytest.mark.parametrize(
    "changed",
    [
        {"X_GitHub_Delivery": None},
        {"X_GitHub_Delivery": ""},
        {"X_GitHub_Delivery": "a/b"},
        {"X_GitHub_Delivery": "a" * 65},
        {"X_GitHub_Event": None},
    ],
)
async def test_headers_that_are_missing(client: Client, stored: Stored, changed: dict[str, Any]) -> None:
    """A delivery without its id or event is malformed; so is an id that is none."""
    assert (await post(client, **changed))[0] == 400
    assert stored == []


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", None])
async def test_a_body_that_is_not_json(client: Client, kind: str | None) -> None:
    """A form, which GitHub also offers to send, is not understood."""
    assert (await post(client, Content_Type=kind))[0] == 415


async def test_json_with_a_charset(client: Client) -> None:
    """A parameter of the content type does no harm."""
    assert (await post(client, Content_Type="application/json; charset=utf-8"))[0] == 202


async def test_the_largest_payload(client: Client, stored: Stored) -> None:
    """GitHub sends up to 25 MB, which arrives; others are not slowed down by it."""
    body = json.dumps(PAYLOAD | {"padding": "x" * 25_000_000}).encode()

    assert (await post(client, body))[0] == 202
    assert len(stored) == 1


@pytest.mark.parametrize("announced", [True, False])
async def test_a_payload_that_is_too_large(client: Client, stored: Stored, *, announced: bool) -> None:
    """Whether it says its size or not, it is refused before anything else is done with it."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(27):
            yield b" " * 1024 * 1024

    body = BytesIO(b" " * (27 * 1024 * 1024)) if announced else pieces()
    async with client.post("/webhook", data=body, headers=headers()) as response:
        assert response.status == 413
    assert stored == []


async def test_large_bodies_that_come_together(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may send them: only a few are held at a time, others are sent away, and small ones do not wait."""
    monkeypatch.setattr(intake, "ROOM_SECONDS", 0.1)
    here, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        here.release()
        yield b" " * 200_000
        await go_on.wait()
        yield b" "

    async def send() -> int:
        async with client.post("/webhook", data=slow(), headers=headers()) as response:
            return response.status

    async with asyncio.TaskGroup() as group:
        held = [group.create_task(send()) for _ in range(intake.LARGE_AT_ONCE + 1)]
        for _ in held:
            await here.acquire()
        assert (await post(client))[0] == 202
        await asyncio.wait(held, return_when=asyncio.FIRST_COMPLETED)
        go_on.set()
    assert sorted(one.result() for one in held) == [401] * intake.LARGE_AT_ONCE + [503]
    assert (await post(client, b" " * 200_000 + BODY))[0] == 202


async def test_a_database_that_is_gone(client: Client) -> None:
    """GitHub must not believe that the delivery is safe."""

    async def enqueue(_delivery: str, _event: Requested) -> None:
        raise NotStored("disk full")

    client.app._state[intake.ENQUEUE] = enqueue

    status, text = await post(client)

    assert status == 503
    assert "disk" not in text


async def test_a_body_that_does_not_arrive(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends nothing does not keep the door open for ever."""
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.1)

    async def nothing() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(1)

    async with client.post("/webhook", data=nothing(), headers=headers()) as response:
        assert response.status == 400


async def test_only_post(client: Client) -> None:
    """There is nothing to read at the door."""
    async with client.get("/webhook") as response:
        assert response.status == 405
