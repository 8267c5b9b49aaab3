"""Tenacity's attempts."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "blocking/retries"

ENDPOINT = '@app.get("/")\nasync def home(request: Request):\n    '
AWAITING = f"{ENDPOINT}body = await request.body()\n    "
IMPORTS = """
import asyncio

import backoff
import tenacity
from fastapi import Request
from tenacity import AsyncRetrying, Retrying, Retrying as Again, retry, wait_fixed, wait_none

from elsewhere import load
"""


@pytest.mark.parametrize(
    "made",
    [
        "Retrying(wait=wait_fixed(1))",
        "Again(wait=wait_fixed(1) + wait_none(), reraise=True)",
        "tenacity.Retrying(wait=tenacity.wait_exponential())",
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(made: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}for attempt in {made}:\n        with attempt:\n            load()\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_a_helper() -> None:
    (finding,) = assert_fixes(
        RULE,
        with_app("", "from app.rates import rates\n\n\n@app.get('/')\nasync def home():\n    return rates()\n"),
        with_app("", "from app.rates import rates\n\n\n@app.get('/')\ndef home():\n    return rates()\n"),
        files={
            "app/__init__.py": "",
            "app/rates.py": "import tenacity as t\n\n\ndef rates():\n"
            "    for attempt in t.Retrying(wait=t.wait_fixed(1)):\n        with attempt:\n            pass\n",
        },
    )
    assert finding.message.startswith("`rates` leads to `Retrying`, which blocks the event loop in `GET /`")


def test_attempts_that_await_are_left_to_a_person() -> None:
    body = "for attempt in Retrying(wait=wait_fixed(1)):\n        with attempt:\n            await load()\n"
    assert_unfixed(RULE, with_app(IMPORTS, f"{AWAITING}{body}"))


@pytest.mark.parametrize(
    "body", ["Retrying(wait=wait_fixed(1))(load)", "again = Retrying(wait=wait_fixed(1))\n    again(load, 1)"]
)
def test_retrying_that_is_called(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    "body",
    [
        "for attempt in Retrying():\n        with attempt:\n            load()",
        "for attempt in Retrying(stop=unknown):\n        with attempt:\n            load()",
        "for attempt in Retrying(wait=wait_none()):\n        with attempt:\n            load()",
        "again = Retrying(wait=wait_fixed(1))",
        "async for attempt in AsyncRetrying(wait=wait_fixed(1)):\n        with attempt:\n            await load()",
        "await AsyncRetrying(wait=wait_fixed(1))(load)",
        "for attempt in unknown.Retrying(wait=wait_fixed(1)):\n        with attempt:\n            load()",
        "Retrying = range\n    for attempt in Retrying(3):\n        print(attempt)",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize("decorator", ["@retry(wait=wait_fixed(1))", "@backoff.on_exception(backoff.expo, OSError)"])
def test_a_decorated_coroutine_is_left_alone(decorator: str) -> None:
    """Both notice `async def` and await their pauses."""
    assert_clean(
        RULE,
        with_app(
            IMPORTS,
            f"{decorator}\nasync def rates():\n    return await load()\n\n\n{ENDPOINT}return await rates()\n",
        ),
    )


def test_an_endpoint_in_a_thread_is_left_alone() -> None:
    body = "@app.get('/')\ndef home():\n    for attempt in Retrying(wait=wait_fixed(1)):\n        print(attempt)\n"
    assert_clean(RULE, with_app(IMPORTS, body))
