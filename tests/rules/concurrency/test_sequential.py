"""Awaits that follow each other though neither needs the other."""

import pytest

from rules import Applicability, Severity, apply_edits
from tests.rules.checking import EVERYTHING, assert_clean, assert_fixes, assert_unfixed, found, with_app

RULE = "concurrency/sequential"

HELPERS = """
import asyncio
import uuid

import aiohttp
import httpx
from sqlalchemy.ext.asyncio import AsyncSession


async def get_price(key=1, extra=None): ...


async def get_stock(key=1, extra=None): ...


async def save(key=1): ...


def get_plain(): ...
"""

ENDPOINT = '@app.get("/")\nasync def home(key: str, ident: uuid.UUID, db: AsyncSession, other):\n    '


LONG = (
    "async def get_a_price_that_is_long(key, extra): ...\n\n\nasync def get_another_one_as_long(key, extra): ...\n\n\n"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "price = await get_price()\n    stock = await get_stock()",
            "price, stock = await asyncio.gather(get_price(), get_stock())",
        ),
        (
            "price = await get_price(ident)\n    stock = await get_stock(ident)",
            "price, stock = await asyncio.gather(get_price(ident), get_stock(ident))",
        ),
        (
            "if key:\n        price = await get_price(key)\n        stock = await get_stock(key)",
            "if key:\n        price, stock = await asyncio.gather(get_price(key), get_stock(key))",
        ),
        (
            "price = await get_a_price_that_is_long(key, ident)\n    stock = await get_another_one_as_long(key, ident)",
            (
                "price, stock = await asyncio.gather(\n        get_a_price_that_is_long(key, ident),\n"
                "        get_another_one_as_long(key, ident),\n    )"
            ),
        ),
    ],
)
def test_two_reads_that_are_independent(before: str, after: str) -> None:
    source, wanted = (with_app(HELPERS, f"{LONG}{ENDPOINT}{body}\n") for body in (before, after))
    (finding,) = assert_fixes(RULE, source, wanted, options=EVERYTHING)
    assert finding.severity is Severity.INFO
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


UNSEEN = """
session = AsyncSession()
http = httpx.AsyncClient()
seen = {}


async def get_row(key=1):
    return await session.get(dict, key)


async def get_counted(key=1):
    seen[key] = 1


async def get_unknown(key=1):
    return await unknown.load(key)


async def get_posted(key=1):
    return await http.post("https://a.b")


async def get_sent(key=1):
    async with aiohttp.ClientSession() as session:
        async with session.post("https://a.b") as answer:
            return await answer.json()


async def get_all(key=1):
    return [one async for one in unknown.rows()]


async def get_locked(key=1):
    async with unknown:
        return key


async def get_told(key=1):
    await asyncio.sleep(1)
    unknown.tell(key)


async def get_deep(key=1):
    return await get_row(key)


async def get_page(key=1):
    return (await http.get("https://a.b")).json()
"""


@pytest.mark.parametrize(
    "body",
    [
        "price = await get_price(\n        key,\n    )\n    stock = await get_stock(extra=key)",
        "price = await get_price(key)  # first\n    stock = await get_stock(extra=key)",
        "price = await get_price(key)\n    stock = await get_row(key)",
        "price = await get_deep(key)\n    stock = await get_stock(key)",
        "price = await get_counted(key)\n    stock = await get_stock(key)",
        "price = await get_unknown(key)\n    stock = await get_stock(key)",
        "price = await get_posted(key)\n    stock = await get_stock(key)",
        "price = await get_sent(key)\n    stock = await get_stock(key)",
        "price = await get_told(key)\n    stock = await get_stock(key)",
        "price = await get_all(key)\n    stock = await get_stock(key)",
        "price = await get_locked(key)\n    stock = await get_stock(key)",
    ],
)
def test_reads_of_which_not_all_is_seen(body: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS + UNSEEN, f"{ENDPOINT}{body}\n"), options=EVERYTHING)
    assert "gather" in finding.advice


def test_reads_over_a_client_that_bears_several() -> None:
    body = "price = await get_page(key)\n    stock = await get_stock(key)"
    source = with_app(HELPERS + UNSEEN, f"{ENDPOINT}{body}\n")
    wanted = source.replace(body, "price, stock = await asyncio.gather(get_page(key), get_stock(key))")
    assert_fixes(RULE, source, wanted, options=EVERYTHING)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "price = await get_price()\n    stock = await get_stock()\n    more = await get_price(1)",
            "price, stock, more = await asyncio.gather(get_price(), get_stock(), get_price(1))",
        ),
        (
            "a = await get_price(1)\n    b = await get_price(2)\n    c = await get_stock(3)\n    d = await get_stock(4)",
            "a, b, c, d = await asyncio.gather(get_price(1), get_price(2), get_stock(3), get_stock(4))",
        ),
        (
            "price = await get_price()\n    stock = await get_stock()\n    more = await get_price(stock)",
            "price, stock = await asyncio.gather(get_price(), get_stock())\n    more = await get_price(stock)",
        ),
        (
            "more = await get_row()\n    price = await get_price()\n    stock = await get_stock()",
            "more = await get_row()\n    price, stock = await asyncio.gather(get_price(), get_stock())",
        ),
        (
            "price = await get_price()\n    stock = await get_stock()\n\n    more = await get_price()",
            "price, stock = await asyncio.gather(get_price(), get_stock())\n\n    more = await get_price()",
        ),
    ],
)
def test_more_than_two_reads(before: str, after: str) -> None:
    """As many as need nothing of each other, and stand behind one another."""
    source, wanted = (with_app(HELPERS + UNSEEN, f"{ENDPOINT}{body}\n") for body in (before, after))
    findings = [one for one in found(RULE, source, options=EVERYTHING) if one.fix is not None]
    assert {one.fix.applicability for one in findings if one.fix} == {Applicability.UNSAFE}
    assert len({one.fix for one in findings}) == 1
    (fix, *_) = (one.fix for one in findings if one.fix)
    assert apply_edits(source.encode(), fix.edits).decode() == wanted


ASKING = """
http = httpx.AsyncClient()


async def get_page(key=1):
    return (await http.{}).json()
"""


@pytest.mark.parametrize(
    ("call", "fixed"),
    [
        ('get("https://a.b/items")', True),
        ('get(f"https://a.b/items/{key}")', True),
        ('head("https://a.b/posts/settings")', True),
        ("get(key)", False),
        ('get("https://a.b/jobs/start")', False),
        ('get(f"https://a.b/users/{key}/delete")', False),
        ('get("https://a.b/login?next=/")', False),
        ('get("https://a.b?action=send")', False),
        ('delete("https://a.b/items")', False),
        ('request("GET", "https://a.b/items")', False),
    ],
)
def test_a_service_is_asked_twice_at_once_only_for_what_is_read(call: str, fixed: bool) -> None:
    """An address that is not seen, or that says what is done there, may stand for more than reading."""
    body = "price = await get_page(key)\n    stock = await get_stock(key)"
    source = with_app(HELPERS + ASKING.format(call), f"{ENDPOINT}{body}\n")
    (finding,) = found(RULE, source, options=EVERYTHING)
    assert (finding.fix is not None) == fixed
    if finding.fix is not None:
        assert "RFC 9110" in finding.fix.notes[-1]


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
