"""Hand-overs of the wrong thing."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, found, with_app

RULE = "awaiting/offloads"

HELPERS = """
import asyncio
from functools import partial

import anyio
from fastapi import BackgroundTasks
from fastapi.concurrency import iterate_in_threadpool, run_in_threadpool
from sqlalchemy.orm import Session


def work(x=1, *, y=2) -> int: ...


def worker():
    return work


def rows():
    yield 1


async def later(x=1): ...
"""

ENDPOINT = '@app.get("/")\nasync def home(tasks: BackgroundTasks, db: Session, other):\n    '


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("await run_in_threadpool(work())", "await run_in_threadpool(work)"),
        ("await run_in_threadpool(work(1))", "await run_in_threadpool(work, 1)"),
        ("await run_in_threadpool(work(1, y=3))", "await run_in_threadpool(work, 1, y=3)"),
        ("await run_in_threadpool(work(\n        1,\n    ))", "await run_in_threadpool(work, 1,\n    )"),
        ("await asyncio.to_thread(work(*other))", "await asyncio.to_thread(work, *other)"),
        ("await anyio.to_thread.run_sync(work(1))", "await anyio.to_thread.run_sync(work, 1)"),
        (
            "await asyncio.get_running_loop().run_in_executor(None, work(1))",
            "await asyncio.get_running_loop().run_in_executor(None, work, 1)",
        ),
        ("tasks.add_task(work(1))", "tasks.add_task(work, 1)"),
        ("tasks.add_task(later(1))", "tasks.add_task(later, 1)"),
        ("await run_in_threadpool(later)", "await later()"),
        ("await run_in_threadpool(later, 1)", "await later(1)"),
        ("await run_in_threadpool(later, x=1)", "await later(x=1)"),
        ("x = (await asyncio.to_thread(later, 1)).name", "x = (await later(1)).name"),
        ("await asyncio.get_running_loop().run_in_executor(None, later, 1)", "await later(1)"),
        ("await run_in_threadpool(later(1))", "await later(1)"),
    ],
)
def test_it_is_mended(before: str, after: str) -> None:
    before, after = (
        with_app(HELPERS, f"{ENDPOINT}{text}\n    other(run_in_threadpool, asyncio)\n") for text in (before, after)
    )
    assert_fixes(RULE, before, after)


@pytest.mark.parametrize(
    "body",
    [
        "await anyio.to_thread.run_sync(work(y=1))",
        "await asyncio.get_running_loop().run_in_executor(None, work(y=1))",
        "await run_in_threadpool(work(1), 2)",
        "await anyio.to_thread.run_sync(later, abandon_on_cancel=True)",
        "tasks.add_task(work(x for x in other))",
    ],
)
def test_what_cannot_be_written_is_left_to_a_person(body: str) -> None:
    (finding,) = found(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))
    assert finding.fix is None
    assert finding.advice


@pytest.mark.parametrize(
    "body",
    [
        "await run_in_threadpool(work)",
        "await run_in_threadpool(work, 1)",
        "await run_in_threadpool(partial(work, 1))",
        "await run_in_threadpool(worker())",
        "await run_in_threadpool(lambda: work())",
        "await run_in_threadpool(other())",
        "await run_in_threadpool(other)",
        "await run_in_threadpool(work, work())",
        "await run_in_threadpool(db.commit)",
        "await run_in_threadpool(asyncio.run, later())",
        "await run_in_threadpool()",
        "tasks.add_task(later)",
        "tasks.add_task(later, 1)",
        "tasks.add_task(work, work(1))",
        "tasks.add_task(worker())",
        "tasks.add_task(partial(later, 1))",
        "tasks.add_task(await later(1))",
        "other.add_task(work())",
        "async for x in iterate_in_threadpool(rows()): ...",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


def test_a_function_of_another_file() -> None:
    assert_fixes(
        RULE,
        "import asyncio\n\nfrom .jobs import work\n\n\nasync def b():\n    await asyncio.to_thread(work(1))\n",
        "import asyncio\n\nfrom .jobs import work\n\n\nasync def b():\n    await asyncio.to_thread(work, 1)\n",
        files={"app/__init__.py": "", "app/jobs.py": "def work(x) -> None: ...\n"},
    )


def test_what_is_handed_over_wrongly_is_no_blocking_call_as_well() -> None:
    source = with_app(
        "import time\n\nfrom fastapi.concurrency import run_in_threadpool",
        """
        @app.get("/")
        async def home():
            await run_in_threadpool(time.sleep(1))
    """,
    )
    assert_fixes(RULE, source, source.replace("time.sleep(1)", "time.sleep, 1"))
    assert found("blocking/sleep", source) == ()


EXECUTOR = """
from concurrent.futures import Executor, ThreadPoolExecutor


async def later(): ...


{own}async def give(pool: Executor):
    pool.submit(later)
"""


def test_a_coroutine_function_given_to_an_executor_never_runs() -> None:
    (finding,) = found(RULE, EXECUTOR.format(own=""))
    assert "whose body never runs" in finding.message


def test_an_executor_of_the_project_may_run_it() -> None:
    own = "class Pool(ThreadPoolExecutor):\n    def submit(self, f):\n        return super().submit(run, f)\n\n\n"
    assert_clean(RULE, EXECUTOR.format(own=own))


BACKGROUND = """
kept = set()


async def send(name: str) -> None:
    await asyncio.sleep(1)


def notify(name: str) -> None:
    {body}


@app.post("/")
async def order(name: str, tasks: BackgroundTasks) -> None:
    tasks.add_task(notify(name))
"""


def test_what_starts_a_coroutine_is_not_handed_to_a_thread() -> None:
    source = with_app("import asyncio\n\nfrom fastapi import BackgroundTasks", BACKGROUND)
    assert_unfixed(RULE, source.format(body="kept.add(asyncio.create_task(send(name)))"))
    (finding,) = found(RULE, source.format(body="print(name)"))
    assert finding.fix is not None
    assert finding.fix.notes == (
        "`notify` runs where `tasks.add_task` takes it, in a worker thread if it is a `def`, no longer before.",
    )
