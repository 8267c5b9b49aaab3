"""Tasks that nobody keeps."""

import pytest

from tests.rules.checking import assert_clean, assert_unfixed, with_app

RULE = "concurrency/tasks"

HELPERS = """
import asyncio
from asyncio import create_task


async def later(): ...


tasks = set()
"""

ENDPOINT = '@app.get("/")\nasync def home(other):\n    '


@pytest.mark.parametrize(
    "body",
    [
        "asyncio.create_task(later())",
        "create_task(later(), name='x')",
        "asyncio.ensure_future(later())",
        "asyncio.get_running_loop().create_task(later())",
        "loop = asyncio.get_event_loop()\n    loop.create_task(later())",
        "if other: asyncio.create_task(later())",
    ],
)
def test_a_task_that_is_dropped(body: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))
    assert "BackgroundTasks" in finding.advice


def test_a_helper_on_the_loop() -> None:
    assert_unfixed(RULE, with_app(HELPERS, f"def fire():\n    asyncio.create_task(later())\n\n\n{ENDPOINT}fire()\n"))


STARTING = """
@app.on_event("startup")
async def start():
    {}


async def begin():
    asyncio.create_task(later())
"""


@pytest.mark.parametrize("body", ["asyncio.create_task(later())\n    tasks.clear()", "await begin()"])
def test_a_task_that_is_dropped_as_the_application_starts(body: str) -> None:
    (finding,) = assert_unfixed(RULE, with_app(HELPERS, STARTING.format(body)))
    assert "app.state" in finding.advice


@pytest.mark.parametrize(
    "body", ["app.state.task = asyncio.create_task(later())", "tasks.add(asyncio.create_task(later()))"]
)
def test_a_task_that_the_application_keeps(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, STARTING.format(body)))


@pytest.mark.parametrize(
    "body",
    [
        "task = asyncio.create_task(later())",
        "tasks.add(asyncio.create_task(later()))",
        "return asyncio.create_task(later())",
        "await asyncio.create_task(later())",
        "async with asyncio.TaskGroup() as group:\n        group.create_task(later())",
        "other.create_task(later())",
        "asyncio.create_task(later()).add_done_callback(tasks.discard)",
        "asyncio.run_coroutine_threadsafe(later(), other)",
        "other.task = asyncio.create_task(later())",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


def test_a_helper_that_is_not_known_to_be_on_a_loop_is_left_alone() -> None:
    assert_clean(RULE, with_app(HELPERS, "def fire():\n    asyncio.create_task(later())\n"))
