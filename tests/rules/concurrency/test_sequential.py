"""Awaits that follow each other though neither needs the other."""

import pytest

from rules import Severity
from tests.rules.checking import EVERYTHING, assert_clean, assert_unfixed, with_app

RULE = "concurrency/sequential"

HELPERS = """
import asyncio
import uuid

import httpx
from sqlalchemy.ext.asyncio import AsyncSession


async def get_price(key=1, extra=None): ...


async def get_stock(key=1, extra=None): ...


async def save(key=1): ...


def get_plain(): ...
"""

ENDPOINT = '@app.get("/")\nasync def home(key: str, ident: uuid.UUID, db: AsyncSession, other):\n    '


@pytest.mark.parametrize(
    "body",
    [
        "price = await get_price()\n    stock = await get_stock()",
        "price = await get_price(key)\n    stock = await get_stock(key)",
        "price = await get_price(ident)\n    stock = await get_stock(ident)",
        "price = await get_price(\n        key,\n    )\n    stock = await get_stock(extra=key)",
        "if key:\n        price = await get_price(key)\n        stock = await get_stock(key)",
        "price = await get_price(db)\n    stock = await get_stock(other)",
    ],
)
def test_two_reads_that_are_independent(body: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"), options=EVERYTHING)
    assert finding.severity is Severity.INFO
    assert "`get_price`" in finding.message
    assert "gather" in finding.advice


def test_it_speaks_only_when_asked_for_all() -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}price = await get_price()\n    stock = await get_stock()\n"))


@pytest.mark.parametrize(
    "body",
    [
        "price = await get_price()\n    stock = await get_stock(price)",
        "price = await get_price()\n    stock = await get_stock(extra=price.key)",
        "price = await get_price(db)\n    stock = await get_stock(db)",
        "price = await get_price(other)\n    stock = await get_stock(other)",
        "price = await get_price()\n    print(1)\n    stock = await get_stock()",
        "price = await get_price()\n    saved = await save()",
        "price = await get_price()\n    price = await get_stock()",
        "price = await get_price()\n    stock = await other.get()",
        "try:\n        price = await get_price()\n        stock = await get_stock()\n    finally: ...",
        "for x in other:\n        price = await get_price()\n        stock = await get_stock()",
        "if key:\n        price = await get_price()\n    stock = await get_stock()",
        "price, stock = await asyncio.gather(get_price(), get_stock())",
        "await get_price()\n    await get_stock()",
        "price = await get_price()\n    stock = get_plain()",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"), options=EVERYTHING)


def test_code_that_no_route_reaches_is_left_alone() -> None:
    source = "async def script():\n    price = await get_price()\n    stock = await get_stock()\n"
    assert_clean(RULE, with_app(HELPERS, source), options=EVERYTHING)
