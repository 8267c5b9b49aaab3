"""Queues of threads and processes."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_whole_file_fixed, with_app

RULE = "blocking/queues"

ENDPOINT = '@app.get("/")\nasync def home(request: Request):\n    '
AWAITING = f"{ENDPOINT}body = await request.body()\n    "
IMPORTS = """
import asyncio
import multiprocessing
import queue
from queue import LifoQueue, Queue, SimpleQueue

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
"""


@pytest.mark.parametrize(
    "body",
    [
        "return queue.Queue().get()",
        "q = Queue()\n    return q.get(timeout=3)",
        "q = Queue()\n    return q.get(True, 3)",
        "q: Queue[str] = unknown()\n    return q.get()",
        "q = LifoQueue()\n    return q.get()",
        "q = queue.PriorityQueue()\n    return q.get()",
        "q = SimpleQueue()\n    return q.get()",
        "q = Queue()\n    q.join()",
        "q = Queue(3)\n    q.put(1, timeout=3)",
        "q = Queue(3)\n    q.put(1, True, 3)",
        "q = multiprocessing.Queue()\n    return q.get()",
        "q = multiprocessing.JoinableQueue()\n    q.join()",
        "q = multiprocessing.JoinableQueue()\n    return q.get()",
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("return jobs.get()", "return await run_in_threadpool(jobs.get)"),
        ("return jobs.get(timeout=3).name", "return (await run_in_threadpool(jobs.get, timeout=3)).name"),
        ("jobs.put(body, timeout=3)", "await run_in_threadpool(jobs.put, body, timeout=3)"),
        ("while True:\n        print(jobs.get())", "while True:\n        print(await run_in_threadpool(jobs.get))"),
    ],
)
def test_the_wait_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    above = f"jobs = Queue(3)\n\n\n{AWAITING}"
    assert_fixes(RULE, with_app(IMPORTS, f"{above}{body}\n"), with_app(IMPORTS, f"{above}{after}\n"))


def test_a_queue_of_another_file_through_a_helper() -> None:
    assert_whole_file_fixed(
        with_app(IMPORTS, f"from app.jobs import take\n\n\n{AWAITING}return take()\n"),
        files={
            "app/__init__.py": "",
            "app/jobs.py": "from queue import Queue\n\njobs = Queue()\n\n\ndef take():\n    return jobs.get()\n",
        },
    )


@pytest.mark.parametrize(
    "body",
    [
        "q = Queue()\n    return q.get_nowait()",
        "q = Queue()\n    return q.get(False)",
        "q = Queue()\n    return q.get(block=False)",
        "q = Queue()\n    return q.get(timeout=0)",
        "q = Queue()\n    while not q.empty():\n        print(q.get())",
        "q = Queue()\n    return [q.get() for _ in range(q.qsize())]",
        "q = Queue()\n    q.put(1)",
        "q = Queue(3)\n    q.put(1, block=False)",
        "q = Queue(3)\n    q.put(1, False)",
        "q = Queue(3)\n    q.put(1, timeout=0)",
        "q = Queue(3)\n    q.put_nowait(1)",
        "q = SimpleQueue()\n    q.put(1)",
        "q = multiprocessing.Queue()\n    q.put(1)",
        "q = multiprocessing.Queue()\n    q.put(1, timeout=1)",  # a thread of its own feeds the pipe
        "q = Queue()\n    q.task_done()",
        "q = asyncio.Queue()\n    return await q.get()",
        "q: asyncio.Queue[int] = unknown()\n    await q.join()",
        "q = Queue()\n    return await asyncio.to_thread(q.get)",
        "q = Queue()\n    return await run_in_threadpool(q.get, timeout=3)",
        "q = unknown()\n    return q.get()",
        "q = {}\n    return q.get(1)",
        "return request.headers.get('x')",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    return Queue().get()\n',
        "jobs = Queue()\n\n\ndef work():\n    while True:\n        jobs.get()\n",
    ],
)
def test_a_worker_of_its_own_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))
