"""Coroutines that are made and dropped."""

import pytest

from rules import Applicability
from tests.rules.checking import assert_clean, assert_fixes, assert_whole_file_fixed, found, with_app

RULE = "awaiting/forgotten"

HELPERS = """
import asyncio
import contextlib
import unittest.mock

import anyio
from fastapi import BackgroundTasks, Depends, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.ext.asyncio import AsyncSession


async def audit(action): ...


async def stream():
    yield 1


def plain(): ...


class Mailer:
    async def send(self, to): ...

    async def __call__(self): ...

    @staticmethod
    async def ping(): ...

    @classmethod
    async def pong(cls): ...

    @contextlib.asynccontextmanager
    async def held(self):
        yield 1


mailer = Mailer()
tasks = []
"""

ENDPOINT = '@app.post("/")\nasync def home(request: Request, db: AsyncSession, file: UploadFile, tg):\n    '


@pytest.mark.parametrize(
    "call",
    [
        'audit("a")',
        "audit(\n        'größe',\n    )",
        'mailer.send("a")',
        "Mailer().send('a')",
        "Mailer.ping()",
        "Mailer.pong()",
        "mailer()",
        "db.commit()",
        "db.execute(1)",
        "asyncio.sleep(1)",
        "anyio.sleep(1)",
        "asyncio.to_thread(plain)",
        "run_in_threadpool(plain)",
        "file.close()",
        "request.json()",
    ],
)
def test_a_statement_that_drops_a_coroutine_is_awaited(call: str) -> None:
    (finding,) = assert_fixes(
        RULE,
        with_app(HELPERS, f"{ENDPOINT}{call}\n"),
        with_app(HELPERS, f"{ENDPOINT}await {call}\n"),
    )
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if True: audit(1)", "if True: await audit(1)"),
        ("audit(1); audit(2)", "await audit(1); await audit(2)"),
        ("for x in (): audit(x)", "for x in (): await audit(x)"),
        (
            "try:\n        audit(1)\n    finally:\n        audit(2)",
            "try:\n        await audit(1)\n    finally:\n        await audit(2)",
        ),
        ("async with tg:\n        audit(1)", "async with tg:\n        await audit(1)"),
    ],
)
def test_everywhere_in_a_body(before: str, after: str) -> None:
    assert_fixes(RULE, with_app(HELPERS, f"{ENDPOINT}{before}\n"), with_app(HELPERS, f"{ENDPOINT}{after}\n"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("db.commit()\n    db.refresh(1)", "await db.commit()\n    await db.refresh(1)"),
        ("db.flush()\n    if 1: db.refresh(1)", "await db.flush()\n    if 1: await db.refresh(1)"),
    ],
)
def test_what_is_dropped_on_one_session_is_awaited_together(before: str, after: str) -> None:
    """`refresh` alone would ask for a row that `commit` never wrote."""
    findings = assert_fixes(RULE, with_app(HELPERS, f"{ENDPOINT}{before}\n"), with_app(HELPERS, f"{ENDPOINT}{after}\n"))
    assert len({finding.fix for finding in findings}) == 1


def test_what_is_dropped_on_several_objects_is_awaited_alone() -> None:
    findings = found(RULE, with_app(HELPERS, f"{ENDPOINT}db.commit()\n    file.close()\n    mailer.send(1)\n"))
    assert [len(finding.fix.edits) for finding in findings if finding.fix] == [1, 1, 1]


def test_a_helper_that_no_route_reaches() -> None:
    """It is wrong wherever it stands."""
    assert_fixes(
        RULE,
        "async def a(): ...\n\n\nasync def b():\n    a()\n",
        "async def a(): ...\n\n\nasync def b():\n    await a()\n",
    )


def test_a_coroutine_of_another_file_under_another_name() -> None:
    assert_fixes(
        RULE,
        "from .audit import audit as log\n\nasync def b():\n    log(1)\n",
        "from .audit import audit as log\n\nasync def b():\n    await log(1)\n",
        files={"app/__init__.py": "", "app/audit.py": "async def audit(x): ...\n"},
    )


def test_a_coroutine_of_another_file() -> None:
    assert_fixes(
        RULE,
        "from .audit import audit\n\nasync def b():\n    audit(1)\n",
        "from .audit import audit\n\nasync def b():\n    await audit(1)\n",
        files={"app/__init__.py": "", "app/audit.py": "async def audit(x): ...\n"},
    )


def test_a_method_through_super() -> None:
    assert_fixes(
        RULE,
        "class A:\n    async def save(self): ...\n\n\nclass B(A):\n    async def more(self):\n        self.save()\n",
        "class A:\n    async def save(self): ...\n\n\nclass B(A):\n    async def more(self):\n        await self.save()\n",
    )


def test_a_blocking_call_beside_it_is_mended_too() -> None:
    after = assert_whole_file_fixed(
        with_app(f"{HELPERS}\nimport time", f"{ENDPOINT}audit(1)\n    time.sleep(1)\n    audit(2)\n")
    )
    assert after.count(b"    await ") == 3


@pytest.mark.parametrize(
    "body",
    [
        "await audit(1)",
        "x = audit(1)\n    await x",
        "return audit(1)",
        "yield audit(1)",
        "asyncio.create_task(audit(1))",
        "asyncio.ensure_future(audit(1))",
        "await asyncio.gather(audit(1), audit(2))",
        "await asyncio.wait_for(audit(1), 3)",
        "tg.create_task(audit(1))",
        "tg.start_soon(audit, 1)",
        "tasks.append(audit(1))",
        "plain()",
        "stream()",
        "audit",
        "mailer.held()",
        "unknown.send(1)",
        "audit = plain\n    audit()",
        "def audit(x): ...\n    audit(1)",
        "with contextlib.suppress(Exception):\n        await audit(1)",
        "lambda: audit(1)",
        "(await audit(1)).close()",
        "db.add(1)",
        "asyncio.run(audit(1))",
        "print(1)",
        "tasks.sort()",
        "db.sync_session",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        "async def a(): ...\n\n\ndef b():\n    a()\n",
        "async def a(): ...\n\n\na()\n",
        "from elsewhere import wrapped\n\n\n@wrapped\nasync def a(): ...\n\n\nasync def b():\n    a()\n",
        (
            "import functools\n\n\ndef fire(f):\n    @functools.wraps(f)\n    def g(): ...\n    return g\n\n\n"
            "@fire\nasync def a(): ...\n\n\nasync def b():\n    a()\n"
        ),
        "class A:\n    @property\n    async def x(self): ...\n\n\nasync def b():\n    A().x\n",
        "from typing import overload\n\n\n@overload\ndef a(): ...\ndef a(): ...\n\n\nasync def b():\n    a()\n",
        "async def a(): ...\n\n\ndef a(): ...\n\n\nasync def b():\n    a()\n",
        "try:\n    from elsewhere import a\nexcept ImportError:\n    async def a(): ...\n\n\nasync def b():\n    a()\n",
        "if True:\n    async def a(): ...\nelse:\n    def a(): ...\n\n\nasync def b():\n    a()\n",
    ],
)
def test_what_may_be_no_coroutine_is_left_alone(source: str) -> None:
    assert_clean(RULE, source)


CHOSEN = """
import importlib


def pick(name, instead=None):
    if not name:
        async def nothing(*given):
            return instead
        return nothing
    return {second}


async def audit(row): ...


def plain(row): ...
"""
PICKED = "from chosen import audit, pick\n\n\nasync def run():\n    pick('save')(1)\n"


@pytest.mark.parametrize("second", ["plain", "print", "getattr(importlib.import_module(name), instead)"])
def test_what_a_function_may_or_may_not_hand_out_is_left_alone(second: str) -> None:
    assert_clean(RULE, PICKED, {"chosen.py": CHOSEN.format(second=second)})


def test_what_a_function_surely_hands_out_is_found() -> None:
    assert found(RULE, PICKED, {"chosen.py": CHOSEN.format(second="audit")})


def test_tests_are_left_alone() -> None:
    assert_clean(RULE, "async def a(): ...\n\n\nasync def test_b():\n    a()\n", path="tests/test_a.py")


def test_a_name_that_async_code_may_not_await_has_no_fix() -> None:
    """In a nested `def` there is nothing to await with, and nothing is said."""
    assert_clean(RULE, "async def a(): ...\n\n\nasync def b():\n    def c():\n        a()\n    c()\n")


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        ("audit()", "action"),
        ("mailer.send()", "to"),
        ("Mailer.send('a')", "to"),
        ("spread(1)", "b"),
        ("spread(1, d=2)", "b"),
        ("spread(1, 2)", "d"),
        ("spread(b=1, d=2)", "a"),
    ],
)
def test_a_call_that_raises_as_it_is_is_not_awaited(call: str, missing: str) -> None:
    spread = "async def spread(a, b, c=1, *rest, d, **more): ...\n\n\n"
    (finding,) = found(RULE, with_app(HELPERS, f"{spread}{ENDPOINT}{call}\n"))
    assert finding.fix is None
    assert f"gives nothing for `{missing}`" in finding.advice


@pytest.mark.parametrize(
    "call",
    [
        "spread(1, 2, d=3)",
        "spread(1, 2, 3, 4, 5, d=6, e=7)",
        "spread(a=1, b=2, d=3)",
        "spread(*tasks)",
        "spread(1, **tg)",
        "Mailer.send(mailer, 'a')",
        "handed_on()",
    ],
)
def test_a_call_that_gives_what_is_needed_is_awaited(call: str) -> None:
    spread = "async def spread(a, b, c=1, *rest, d, **more): ...\n\n\n@tg.giving\nasync def handed_on(a): ...\n\n\n"
    findings = found(RULE, with_app(HELPERS, f"{spread}{ENDPOINT}{call}\n"))
    assert all(one.fix is not None for one in findings)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("audit(1)", "This call runs the function now; without `await` it never does."),
        (
            "db.flush()\n    db.commit()",
            "These calls run their functions now; without `await` they never do.",
        ),
    ],
)
def test_it_speaks_of_the_call_since_others_may_await_the_same_function(body: str, said: str) -> None:
    source = with_app(HELPERS, f"{ENDPOINT}await audit(2)\n    await db.flush()\n    await db.commit()\n    {body}\n")
    findings = found(RULE, source)
    assert {finding.fix.notes for finding in findings if finding.fix} == {(said,)}
    assert all("so that it does nothing" in finding.message for finding in findings)


def test_it_names_the_function() -> None:
    (finding,) = assert_fixes(
        RULE,
        "async def a(): ...\n\n\nasync def b():\n    a()\n",
        "async def a(): ...\n\n\nasync def b():\n    await a()\n",
    )
    assert finding.function == "b"
    assert finding.route is None
    assert "`a` is a coroutine function" in finding.message


def test_a_generator_of_coroutines_is_no_statement() -> None:
    assert_clean(RULE, "async def a(): ...\n\n\nasync def b():\n    return [a() for _ in ()]\n")


@pytest.mark.parametrize("asked", ["is_coroutine_callable(mailer.send)", "_is_async(mailer.send)"])
def test_what_is_asked_before_whether_it_is_a_coroutine_is_left_alone(asked: str) -> None:
    body = f"if {asked}:\n        await mailer.send('a')\n    else:\n        mailer.send('a')\n"
    assert_clean(
        RULE, with_app("from elsewhere import _is_async, is_coroutine_callable", f"{HELPERS}\n\n{ENDPOINT}{body}")
    )


@pytest.mark.parametrize("asked", ["is_coroutine_callable(audit)", "is_ready(mailer.send)"])
def test_what_is_asked_of_something_else_is_found(asked: str) -> None:
    imports = "from elsewhere import is_coroutine_callable, is_ready"
    assert found(RULE, with_app(imports, f"{HELPERS}\n\n{ENDPOINT}if {asked}:\n        mailer.send('a')\n"))


SOMETIMES = """
def check(response):
    if hasattr(response, "status"):
        return checked(response)
    if response.ok:
        return{given}
    raise ValueError(response)


async def checked(response): ...
"""
FETCHED = """
from checks import check, checked


async def fetch(session):
    check(session.get("https://a.example"))
"""


def test_a_function_that_only_sometimes_gives_a_coroutine_is_left_alone() -> None:
    assert_clean(RULE, FETCHED, {"checks.py": SOMETIMES.format(given="")})


def test_a_function_that_gives_one_coroutine_or_another_is_found() -> None:
    assert found(RULE, FETCHED, {"checks.py": SOMETIMES.format(given=" checked(response)")})
