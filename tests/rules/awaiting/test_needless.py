"""`await` before what cannot be awaited."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "awaiting/needless"

HELPERS = """
import asyncio
import time

import requests
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session


def total() -> int: ...


def nothing():
    print(1)


def table(x):
    return {"x": x}


def maybe() -> "int | None": ...


def unknown(x):
    return x


def task():
    return asyncio.create_task(later())


def typed() -> "asyncio.Task[int]": ...


async def later(): ...


class Order: ...


def order() -> Order: ...


class Promise:
    def __await__(self): yield


def promise() -> Promise: ...


class Hook:
    def before(self): ...
"""

ENDPOINT = '@app.get("/")\nasync def home(db: AsyncSession, sync: Session, hook: Hook, other):\n    '


@pytest.mark.parametrize(
    "call",
    [
        "total()",
        "nothing()",
        "table(\n        1\n    )",
        "maybe()",
        "order()",
        "db.add(1)",
        "db.add_all([1])",
        "db.expunge(1)",
    ],
)
def test_the_await_goes(call: str) -> None:
    assert_fixes(RULE, with_app(HELPERS, f"{ENDPOINT}await {call}\n"), with_app(HELPERS, f"{ENDPOINT}{call}\n"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = await  total() + 1", "x = total() + 1"),
        ("x = (await table(1))['x']", "x = (table(1))['x']"),
        ("await later(); await total()", "await later(); total()"),
    ],
)
def test_everywhere_in_an_expression(before: str, after: str) -> None:
    assert_fixes(RULE, with_app(HELPERS, f"{ENDPOINT}{before}\n"), with_app(HELPERS, f"{ENDPOINT}{after}\n"))


@pytest.mark.parametrize("call", ["time.sleep(1)", "requests.get('https://example.org')"])
def test_what_would_block_is_left_to_a_person(call: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}await {call}\n"))
    assert "block" in finding.advice


@pytest.mark.parametrize(
    "body",
    [
        "await later()",
        "await unknown(later())",
        "await task()",
        "await typed()",
        "await promise()",
        "await other()",
        "await other.total()",
        "await hook.before()",
        "await db.execute(1)",
        "await db.commit()",
        "await sync.commit()",
        "await asyncio.gather(later())",
        "await asyncio.create_task(later())",
        "await db.begin()",
        "total()",
        "total = later\n    await total()",
        "await db.unknown()",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        "from elsewhere import wrapped\n\n\n@wrapped\ndef a(): ...\n\n\nasync def b():\n    await a()\n",
        "try:\n    from elsewhere import a\nexcept ImportError:\n    def a(): ...\n\n\nasync def b():\n    await a()\n",
        "def a(): ...\n\n\nif True:\n    async def a(): ...\n\n\nasync def b():\n    await a()\n",
        "def a():\n    yield\n\n\nasync def b():\n    await a()\n",
        "def a() -> object: ...\n\n\nasync def b():\n    await a()\n",
        (
            "import inspect\n\n\ndef a() -> int: ...\n\n\nasync def b():\n    do = a\n"
            "    if inspect.iscoroutinefunction(do):\n        await do()\n"
        ),
        "from typing import Any\n\n\ndef a() -> Any: ...\n\n\nasync def b():\n    await a()\n",
    ],
)
def test_what_may_be_awaitable_is_left_alone(source: str) -> None:
    assert_clean(RULE, source)


def test_what_is_awaited_of_another_kind_of_client_is_left_alone() -> None:
    """A client whose type is seen only where one of two kinds is made."""
    source = """
        import redis
        from fastapi import FastAPI

        app = FastAPI()


        def connected(url: str, is_awaited: bool):
            if is_awaited:
                return unknown(url)
            return redis.Redis.from_url(url)


        @app.get("/")
        async def home():
            pipe = connected("redis://a", True).pipeline()
            return await pipe.execute()
        """
    assert_clean(RULE, source)
