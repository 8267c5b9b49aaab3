"""Clients that are made anew on each request."""

import pytest

from rules import Severity
from tests.rules.checking import assert_clean, assert_unfixed, with_app

RULE = "concurrency/clients"

HELPERS = """
import functools
from contextlib import asynccontextmanager

import anthropic
import boto3
import httpx
import httpx2
from fastapi import BackgroundTasks, Depends, Request
from httpx import AsyncClient as Client
from openai import AsyncOpenAI
from sqlalchemy.ext.asyncio import create_async_engine


class Service:
    def __init__(self, client=None):
        self.client = httpx.AsyncClient()


async def per_request():
    async with httpx.AsyncClient(timeout=3) as client:
        yield client


def make():
    return httpx.AsyncClient()


def wrapped():
    client = httpx.AsyncClient()
    return Service(client)


async def fetch(url):
    async with httpx.AsyncClient() as client:
        return await client.get(url)


@functools.lru_cache
def cached():
    return AsyncOpenAI()


client = None


def lazily():
    global client
    if client is None:
        client = httpx.AsyncClient()
    return client


clients = {}


def by_name(name):
    clients[name] = made = httpx.AsyncClient()
    return made
"""

ENDPOINT = '@app.get("/rate")\nasync def rate(request: Request, other):\n    '


@pytest.mark.parametrize(
    "body",
    [
        "async with httpx.AsyncClient() as client: ...",
        "async with httpx2.AsyncClient(timeout=5) as client: ...",
        "client = Client()\n    return await client.get('https://example.org')",
        "client = AsyncOpenAI(api_key='x')",
        "client = anthropic.AsyncAnthropic()",
        "engine = create_async_engine('sqlite+aiosqlite://')",
        "s3 = boto3.client('s3')",
        "return (await httpx.AsyncClient().get('https://example.org')).json()",
    ],
)
def test_a_client_in_an_endpoint(body: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))
    assert finding.severity is Severity.WARNING
    assert finding.route == "GET /rate"
    assert "lifespan" in finding.advice


def test_a_client_in_a_helper() -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}return await fetch('https://example.org')\n"))
    assert finding.function == "fetch"


def test_a_client_in_a_dependency() -> None:
    source = '@app.get("/")\nasync def home(client=Depends(per_request)): ...\n'
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, source))
    assert finding.function == "per_request"


@pytest.mark.parametrize(
    "body",
    [
        "client = request.app.state.client",
        "service = Service()",
        "client = cached()",
        "client = lazily()",
        "client = by_name('a')",
        "client = make()",
        "client = wrapped()",
        "request.app.state.client = httpx.AsyncClient()",
        "client = httpx.AsyncClient(verify=other)",
        "client = httpx.AsyncClient(transport=other)",
        "client = AsyncOpenAI(http_client=other)",
        "client = httpx.AsyncClient(**other)",
        "client = other.AsyncClient()",
        "f = lambda: httpx.AsyncClient()",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        "client = httpx.AsyncClient()\n",
        '@app.get("/")\ndef home():\n    boto3.client("s3")\n',
        (
            "@asynccontextmanager\nasync def lifespan(app):\n    async with httpx.AsyncClient() as client:\n"
            "        yield {'client': client}\n\n\nother = FastAPI(lifespan=lifespan)\n"
        ),
        '@app.on_event("startup")\nasync def start():\n    app.state.client = httpx.AsyncClient()\n',
        "async def script():\n    async with httpx.AsyncClient() as client: ...\n",
    ],
)
def test_what_is_made_once_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(HELPERS, source))
