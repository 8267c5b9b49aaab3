"""Events, conditions, barriers and semaphores of threads and processes."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, assert_whole_file_fixed, with_app

RULE = "blocking/waits"

ENDPOINT = '@app.get("/")\nasync def home(request: Request):\n    '
AWAITING = f"{ENDPOINT}body = await request.body()\n    "
IMPORTS = """
import asyncio
import multiprocessing
import multiprocessing as mp
import threading
from threading import Event, Semaphore as Slots

import anyio
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
"""


@pytest.mark.parametrize(
    "body",
    [
        "threading.Event().wait()",
        "ready = Event()\n    ready.wait(3)",
        "ready = Event()\n    return ready.wait(timeout=3)",
        "ready = Event()\n    return ready.wait(None)",
        "ready: Event = unknown()\n    ready.wait()",
        "ready = Event()\n    if not ready.is_set():\n        ready.wait()",
        "changed = threading.Condition()\n    with changed:\n        changed.wait()",
        "changed = threading.Condition()\n    with changed:\n        changed.wait_for(bool, 3)",
        "threading.Barrier(2).wait()",
        "slots = Slots(3)\n    slots.acquire()",
        "slots = threading.BoundedSemaphore(3)\n    slots.acquire(True, 3)",
        "slots = threading.Semaphore()\n    slots.acquire(timeout=0.5)",
        "mp.Event().wait()",
        "multiprocessing.Barrier(2).wait()",
        "slots = mp.BoundedSemaphore(2)\n    slots.acquire()",
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("ready.wait()", "await run_in_threadpool(ready.wait)"),
        ("if ready.wait(3):\n        pass", "if await run_in_threadpool(ready.wait, 3):\n        pass"),
        ("return not ready.wait(timeout=3)", "return not await run_in_threadpool(ready.wait, timeout=3)"),
    ],
)
def test_the_wait_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    above = f"ready = threading.Event()\n\n\n{AWAITING}"
    assert_fixes(RULE, with_app(IMPORTS, f"{above}{body}\n"), with_app(IMPORTS, f"{above}{after}\n"))


def test_a_wait_under_its_lock_is_not_handed_over() -> None:
    """The loop would wait for the lock."""
    body = "changed = threading.Condition()\n    with changed:\n        changed.wait()\n"
    assert_unfixed(RULE, with_app(IMPORTS, f"{AWAITING}{body}"), way=Way.OFFLOAD)


def test_an_event_on_self_and_one_of_another_file() -> None:
    assert_whole_file_fixed(
        with_app(
            IMPORTS,
            """
            from app.jobs import done


            class Job:
                def __init__(self):
                    self.ready = Event()

                def finish(self):
                    self.ready.wait()


            @app.get("/")
            async def home(request: Request):
                await request.body()
                Job().finish()
                done.wait()
            """,
        ),
        files={"app/__init__.py": "", "app/jobs.py": "from threading import Event\n\ndone = Event()\n"},
    )


@pytest.mark.parametrize(
    "body",
    [
        "ready = Event()\n    ready.wait(0)",
        "ready = Event()\n    ready.wait(timeout=0)",
        "ready = Event()\n    ready.wait(timeout=0.0)",
        "ready = Event()\n    ready.set()\n    return ready.is_set()",
        "slots = Slots(3)\n    slots.acquire(False)",
        "slots = Slots(3)\n    slots.acquire(blocking=False)",
        "slots = Slots(3)\n    slots.release()",
        "with Slots(3):\n        pass",
        "lock = threading.Lock()\n    with lock:\n        pass",
        "lock = threading.RLock()\n    lock.acquire()\n    lock.release()",
        "changed = threading.Condition()\n    with changed:\n        changed.notify_all()",
        "await asyncio.Event().wait()",
        "ready = asyncio.Event()\n    await ready.wait()",
        "ready = anyio.Event()\n    await ready.wait()",
        "await asyncio.Semaphore(3).acquire()",
        "ready = Event()\n    await asyncio.to_thread(ready.wait)",
        "ready = Event()\n    await run_in_threadpool(ready.wait, 3)",
        "ready = Event()\n    await asyncio.get_running_loop().run_in_executor(None, ready.wait)",
        "ready = unknown()\n    ready.wait()",
        "unknown.acquire()",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    Event().wait()\n',
        "def work():\n    Event().wait()\n\n\nthreading.Thread(target=work).start()\n",
        "def work():\n    Event().wait()\n\n\n@app.get('/')\nasync def home():\n    threading.Thread(target=work).start()\n",
        "class Event:\n    def wait(self): ...\n\n\n@app.get('/')\nasync def home():\n    Event().wait()\n",
    ],
)
def test_what_waits_elsewhere_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))
