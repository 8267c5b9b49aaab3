"""Coroutines that are used as if they were their results."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, found, with_app

RULE = "awaiting/value"

HELPERS = """
import asyncio

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession


async def check(x=None): ...


async def stream():
    yield 1


def plain(): ...


class Mailer:
    async def send(self, to=None): ...


mailer = Mailer()
"""

ENDPOINT = '@app.post("/")\nasync def home(request: Request, db: AsyncSession, other):\n    '


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if check(): ...", "if await check(): ..."),
        ("if not check(): ...", "if not await check(): ..."),
        ("if check() and other: ...", "if await check() and other: ..."),
        ("if other or not check(1): ...", "if other or not await check(1): ..."),
        ("x = check() or 1", "x = await check() or 1"),
        ("x = 1 if check() else 2", "x = 1 if await check() else 2"),
        ("while check(): ...", "while await check(): ..."),
        ("assert check()", "assert await check()"),
        ("if (x := check()): ...", "if (x := await check()): ..."),
        ("x = [y for y in other if check(y)]", "x = [y for y in other if await check(y)]"),
        ("x = check().name", "x = (await check()).name"),
        ("x = check().name()", "x = (await check()).name()"),
        ("x = check()['a']", "x = (await check())['a']"),
        ("x = check() == 1", "x = await check() == 1"),
        ("x = check() is None", "x = await check() is None"),
        ("x = check() + 1", "x = await check() + 1"),
        ("x = check() ** 2", "x = (await check()) ** 2"),
        ("x = -check()", "x = -await check()"),
        ("x, y = check()", "x, y = await check()"),
        ("check()()", "(await check())()"),
        ("for x in check(): ...", "for x in await check(): ..."),
        ("async for x in check(): ...", "async for x in await check(): ..."),
        ("async with check() as x: ...", "async with await check() as x: ..."),
        ("x = list(check())", "x = list(await check())"),
        ("if mailer.send(): ...", "if await mailer.send(): ..."),
        ("x = db.execute(1).scalars().all()", "x = (await db.execute(1)).scalars().all()"),
        ("if db.get(int, 1): ...", "if await db.get(int, 1): ..."),
        ("x = request.json()['a']", "x = (await request.json())['a']"),
        ("return check()", "return await check()"),
    ],
)
def test_a_coroutine_that_is_used_is_awaited(before: str, after: str) -> None:
    assert_fixes(RULE, with_app(HELPERS, f"{ENDPOINT}{before}\n"), with_app(HELPERS, f"{ENDPOINT}{after}\n"))


GIVEN = """
async def nothing() -> None: ...


async def done():
    print("x")


async def names() -> list[str]: ...


async def chunks() -> AsyncIterator[str]: ...
"""


@pytest.mark.parametrize(
    "use",
    [
        *("async for x in nothing(): ...", "async for x in done(): ...", "for x in done(): ...", "x = done()['a']"),
        *("async for x in names(): ...", "x = nothing().name", "x, y = done()", "async with done(): ..."),
    ],
)
def test_what_gives_nothing_of_the_kind_is_not_awaited(use: str) -> None:
    """With `await`, the line would fail as well."""
    above = f"from collections.abc import AsyncIterator\n{GIVEN}"
    (finding,) = assert_unfixed(
        RULE, with_app(above, f"{ENDPOINT.replace('request: Request, db: AsyncSession, ', '')}{use}\n")
    )
    assert "would not mend it" in finding.advice


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("async for x in chunks(): ...", "async for x in await chunks(): ..."),
        ("for x in names(): ...", "for x in await names(): ..."),
        ("if done(): ...", "if await done(): ..."),
        ('x = f"{done()}"', 'x = f"{await done()}"'),
    ],
)
def test_what_can_be_used_so_is_awaited(before: str, after: str) -> None:
    above = f"from collections.abc import AsyncIterator\n{GIVEN}"
    home = '@app.post("/")\nasync def home(other):\n    '
    assert_fixes(RULE, with_app(above, f"{home}{before}\n"), with_app(above, f"{home}{after}\n"))


def test_a_coroutine_of_another_file() -> None:
    assert_fixes(
        RULE,
        "from .auth import allowed as may\n\n\nasync def b():\n    if may(1): ...\n",
        "from .auth import allowed as may\n\n\nasync def b():\n    if await may(1): ...\n",
        files={"app/__init__.py": "", "app/auth.py": "async def allowed(x): ...\n"},
    )


def test_a_method_of_self() -> None:
    assert_fixes(
        RULE,
        "class A:\n    async def may(self): ...\n\n    async def go(self):\n        if self.may(): ...\n",
        "class A:\n    async def may(self): ...\n\n    async def go(self):\n        if await self.may(): ...\n",
    )


@pytest.mark.parametrize(
    "body",
    [
        "x = check()\n    if x: ...",
        "x = check()\n    if not x: ...",
        "x = check()\n    x.append(1)",
        "x = mailer.send()\n    return x.status()",
    ],
)
def test_a_name_that_holds_a_coroutine_is_left_to_a_person(body: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))
    assert "`x`" in finding.message
    assert "`x`" in finding.advice


@pytest.mark.parametrize("body", ["if a(): ...", "x = a()\n    for one in x: ..."])
def test_a_plain_function_cannot_await(body: str) -> None:
    (finding,) = assert_unfixed(RULE, f"async def a(): ...\n\n\ndef b():\n    {body}\n")
    assert "make `b` an `async def`" in finding.advice


def test_a_name_that_holds_a_coroutine_is_run_through() -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}x = check()\n    for one in x: ...\n"))
    assert "held by `x`, which cannot be run through" in finding.message


@pytest.mark.parametrize(
    "body",
    [
        "if await check(): ...",
        "x = await check()\n    if x: ...",
        "x = check()\n    x = await x\n    if x: ...",
        "x = check()\n    await x",
        "x = check()\n    x.close()",
        "x = check() if other else None\n    if x: await x",
        "x = None\n    if other: x = check()\n    if x: await x",
        "check().close()",
        "x = await (check() if other else check(1))",
        "x = await asyncio.gather(check(), check())",
        "x = asyncio.create_task(check())\n    if x.done(): ...",
        "return await check()",
        "return asyncio.create_task(check())",
        "x = [check(), check()]",
        "x = {'a': check()}",
        "x = [check(y) for y in other]",
        "async for x in stream(): ...",
        "if plain(): ...",
        "if other.check(): ...",
        "if plain: ...",
        "if check: ...",
        "x = stream().aclose()",
        "check = plain\n    if check(): ...",
        "x = lambda: check()",
        "yield check()",
        "other(check())",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        "async def a(): ...\n\n\nasync def b():\n    return a()\n",
        "async def a(): ...\n\n\ndef b():\n    return a()\n",
        "from elsewhere import wrapped\n\n\n@wrapped\nasync def a(): ...\n\n\nasync def b():\n    if a(): ...\n",
        "if True:\n    async def a(): ...\nelse:\n    def a(): ...\n\n\nasync def b():\n    if a(): ...\n",
        (
            "from contextlib import asynccontextmanager\n\n\n@asynccontextmanager\nasync def a():\n    yield\n\n\n"
            "async def b():\n    async with a() as x: ...\n"
        ),
        "import asyncio\n\n\ndef a() -> asyncio.Future: ...\n\n\nasync def b():\n    if a(): ...\n",
        "from collections.abc import Awaitable\n\n\ndef a() -> Awaitable[int]: ...\n\n\nasync def b():\n    a().cancel()\n",
        (
            "import inspect\n\n\nasync def a(): ...\n\n\nasync def b():\n    x = a()\n"
            "    if inspect.isasyncgen(x):\n        return [y async for y in x]\n    return await x\n"
        ),
        "import aiosqlite\n\n\nasync def b():\n    x = aiosqlite.connect('a')\n    x.daemon = True\n    await x\n",
        (
            "from abc import abstractmethod\nfrom collections.abc import AsyncIterator\n\n\nclass Rows:\n"
            "    @abstractmethod\n    async def read(self) -> AsyncIterator[int]: ...\n\n\n"
            "async def b(rows: Rows):\n    found = rows.read()\n    async for row in found: ...\n"
        ),
    ],
)
def test_what_may_be_no_coroutine_is_left_alone(source: str) -> None:
    assert_clean(RULE, source)


def test_tests_are_left_alone() -> None:
    assert_clean(RULE, "async def a(): ...\n\n\nasync def test_b():\n    if a(): ...\n", path="tests/test_a.py")


def test_a_text_names_what_is_wrong() -> None:
    (finding,) = found(RULE, with_app(HELPERS, f'{ENDPOINT}print(f"{{check()}}")\n'))
    assert "`<coroutine object ...>`" in finding.message


READERS = """
class Document:
    async def read(self) -> str:
        pass


class Text(Document):
    async def read(self):
        {body}


@app.get("/")
async def home(document: Document):
    async for part in document.read():
        print(part)
"""


def test_a_stub_that_generators_stand_for_is_run_through() -> None:
    assert_clean(RULE, with_app(HELPERS, READERS.format(body="yield await check()")))


def test_a_stub_that_coroutines_stand_for_is_not() -> None:
    assert found(RULE, with_app(HELPERS, READERS.format(body="return await check()")))


@pytest.mark.parametrize(
    "body",
    [
        "asyncio.create_task(check())\n    return check()",
        "later = check()\n    await later\n    return check()",
        "later = check()\n    if later: ...\n    await asyncio.gather(check())",
    ],
)
def test_a_call_that_reads_like_another_one_is_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


def test_a_coroutine_is_returned_though_another_one_is_awaited() -> None:
    (finding,) = found(RULE, with_app(HELPERS, f"{ENDPOINT}await check()\n    check()\n    return check()\n"))
    assert finding.span.line == with_app(HELPERS, ENDPOINT).count("\n") + 3


DERIVED = """
class Writer:
    async def lines(self, name: str):
        raise NotImplementedError(name or unknown())


class FileWriter(Writer):
    async def lines(self, name: str):
        {}


async def write(writer: Writer):
    {}
"""


def test_a_method_that_derived_classes_have_as_a_generator_is_left_alone() -> None:
    assert_clean(RULE, DERIVED.format("yield name", "async for line in writer.lines('a'):\n        print(line)"))


def test_a_method_that_is_a_coroutine_in_each_class_is_found() -> None:
    assert found(RULE, DERIVED.format("return [name]", "async for line in writer.lines('a'):\n        print(line)"))


@pytest.mark.parametrize("decorator", ["staticmethod", "classmethod", ""])
def test_what_a_method_is_given_counts_from_behind_its_object(decorator: str) -> None:
    """A static method has none, so that the second argument is its second parameter."""
    own = {"staticmethod": "", "classmethod": "cls, ", "": "self, "}[decorator]
    source = f"""
class Billing:
    {f"@{decorator}" if decorator else ""}
    async def activated({own}db: AsyncSession, payload: dict, rows):
        rows.get("a").get("b")
        return payload.get("subscription", {{}}).get("entity", {{}})


billing = Billing()


@app.post("/")
async def home(event: dict, db: AsyncSession):
    return await billing.activated(db, event.get("payload", {{}}), event)
"""
    assert_clean(RULE, with_app("from sqlalchemy.ext.asyncio import AsyncSession", source))
