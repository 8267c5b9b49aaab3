"""Plain `with` and `for` over what is asynchronous."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "awaiting/synchronous"

HELPERS = """
import asyncio
import contextlib
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


@contextlib.asynccontextmanager
async def held(): yield 1


@contextlib.contextmanager
def holding(): yield 1


async def numbers() -> AsyncIterator[int]:
    yield 1


def digits():
    yield 1


class Lease:
    async def __aenter__(self): ...
    async def __aexit__(self, *a): ...


class Both(Lease):
    def __enter__(self): ...
    def __exit__(self, *a): ...


class Service:
    @contextlib.asynccontextmanager
    async def held(self): yield 1

    async def numbers(self): yield 1


factory = async_sessionmaker()
service = Service()
"""

ENDPOINT = '@app.get("/")\nasync def home(other):\n    '


@pytest.mark.parametrize(
    "statement",
    [
        "with held(): ...",
        "with held() as x: ...",
        "with service.held() as x: ...",
        "with Lease(): ...",
        "with factory() as db: ...",
        "with AsyncSession() as db: ...",
        "with asyncio.timeout(3): ...",
        "with asyncio.TaskGroup() as group: ...",
        "for x in numbers(): ...",
        "for x in service.numbers(): ...",
    ],
)
def test_it_becomes_asynchronous(statement: str) -> None:
    assert_fixes(
        RULE, with_app(HELPERS, f"{ENDPOINT}{statement}\n"), with_app(HELPERS, f"{ENDPOINT}async {statement}\n")
    )


@pytest.mark.parametrize(
    "statement",
    [
        "with held(), holding(): ...",
        "x = [y for y in numbers()]",
        "x = list(numbers())",
        "x = next(numbers())",
        "def f():\n        with held(): ...\n    f()",
    ],
)
def test_where_no_word_is_enough_a_person_mends_it(statement: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}{statement}\n"))
    assert "async" in finding.advice


@pytest.mark.parametrize(
    "statement",
    [
        "async with held(): ...",
        "async with held(), Lease(): ...",
        "async for x in numbers(): ...",
        "x = [y async for y in numbers()]",
        "with holding(): ...",
        "with Both(): ...",
        "for x in digits(): ...",
        "with other(): ...",
        "for x in other(): ...",
        "async with factory() as db: ...",
        "x = numbers()",
        "with open('a') as f: ...",
        "held = holding\n    with held(): ...",
    ],
)
def test_left_alone(statement: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{statement}\n"))


@pytest.mark.parametrize(
    "source",
    [
        (
            "from elsewhere import Base\n\n\nclass A(Base):\n    async def __aenter__(self): ...\n\n\n"
            "async def b():\n    with A(): ...\n"
        ),
        "from elsewhere import wrapped\n\n\n@wrapped\nasync def a():\n    yield\n\n\nasync def b():\n    for x in a(): ...\n",
        (
            "from contextlib import asynccontextmanager\nfrom elsewhere import either\n\n\n@either\n@asynccontextmanager\n"
            "async def a():\n    yield\n\n\nasync def b():\n    with a(): ...\n"
        ),
    ],
)
def test_what_may_be_both_is_left_alone(source: str) -> None:
    assert_clean(RULE, source)


def test_a_manager_of_another_file() -> None:
    assert_fixes(
        RULE,
        "from .locks import held\n\n\nasync def b():\n    with held(): ...\n",
        "from .locks import held\n\n\nasync def b():\n    async with held(): ...\n",
        files={
            "app/__init__.py": "",
            "app/locks.py": "from contextlib import asynccontextmanager as manager\n\n\n@manager\nasync def held():\n    yield\n",
        },
    )
