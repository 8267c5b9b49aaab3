"""What waits for other threads and processes to finish."""

import pytest

from rules import Applicability, Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, assert_whole_file_fixed, found, with_app

RULE = "blocking/futures"

ENDPOINT = '@app.get("/")\nasync def home(request: Request):\n    '
AWAITING = f"{ENDPOINT}body = await request.body()\n    "
IMPORTS = """
import asyncio
import concurrent.futures
import multiprocessing
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed, wait
from multiprocessing import Pool, Process
from multiprocessing.pool import ThreadPool

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from elsewhere import work
"""


@pytest.mark.parametrize(
    "body",
    [
        "with ThreadPoolExecutor() as pool:\n        return pool.submit(work).result(timeout=3)",
        "pool = ProcessPoolExecutor()\n    future = pool.submit(work)\n    return future.exception()",
        "for future in as_completed(work()):\n        print(future)",
        "concurrent.futures.wait(work())",
        "done, rest = wait(work(), timeout=3)",
        "for n in ThreadPoolExecutor().map(work, range(3)):\n        print(n)",
        "with ThreadPoolExecutor() as pool:\n        return list(pool.map(work, range(3)))",
        "ThreadPoolExecutor().shutdown()",
        "ThreadPoolExecutor().shutdown(wait=True)",
        "t = threading.Thread(target=work)\n    t.start()\n    t.join()",
        "t = threading.Timer(3, work)\n    t.join(timeout=3)",
        "p = Process(target=work)\n    p.start()\n    p.join()",
        "with Pool() as pool:\n        return pool.map(work, range(3))",
        "with multiprocessing.Pool(2) as pool:\n        return pool.starmap(work, [])",
        "with ThreadPool() as pool:\n        return list(pool.imap(work, range(3)))",
        "with Pool() as pool:\n        return pool.apply_async(work).get()",
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (
            "future = pool.submit(work)\n    return future.result(3) + 1",
            "future = pool.submit(work)\n    return await run_in_threadpool(future.result, 3) + 1",
        ),
        (
            "futures = [pool.submit(work)]\n    wait(futures)\n    return [f.result() for f in futures]",
            "futures = [pool.submit(work)]\n    await run_in_threadpool(wait, futures)\n    return [f.result() for f in futures]",
        ),
        (
            "thread = threading.Thread(target=work)\n    thread.join()",
            "thread = threading.Thread(target=work)\n    await run_in_threadpool(thread.join)",
        ),
    ],
)
def test_the_wait_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    above = f"pool = ThreadPoolExecutor()\n\n\n{AWAITING}"
    assert_fixes(RULE, with_app(IMPORTS, f"{above}{body}\n"), with_app(IMPORTS, f"{above}{after}\n"))


@pytest.mark.parametrize(
    "body",
    ["for x in pool.map(work, body):\n        print(x)", "for f in as_completed(body):\n        print(f)"],
)
def test_what_waits_later_is_not_handed_over(body: str) -> None:
    assert_unfixed(RULE, with_app(IMPORTS, f"pool = ThreadPoolExecutor()\n\n\n{AWAITING}{body}\n"))


@pytest.mark.parametrize("base", ["threading.Thread", "Process"])
def test_a_thread_of_the_project(base: str) -> None:
    assert_whole_file_fixed(
        with_app(
            IMPORTS,
            f"""
            class Worker({base}):
                def run(self):
                    work()


            @app.get("/")
            async def home(request: Request):
                await request.body()
                worker = Worker()
                worker.start()
                worker.join()
            """,
        )
    )


def test_a_pool_of_another_file_through_a_helper() -> None:
    assert_whole_file_fixed(
        with_app(IMPORTS, f"from app.pool import run\n\n\n{AWAITING}return run(body)\n"),
        files={
            "app/__init__.py": "",
            "app/pool.py": "from concurrent.futures import ThreadPoolExecutor\n\npool = ThreadPoolExecutor()\n\n\n"
            "def run(x):\n    return pool.submit(len, x).result()\n",
        },
    )


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (
            "return ThreadPoolExecutor().submit(work, 1).result()",
            "return await asyncio.wrap_future(ThreadPoolExecutor().submit(work, 1))",
        ),
        (
            "future: Future[int] = work()\n    return future.result()",
            "future: Future[int] = work()\n    return await asyncio.wrap_future(future)",
        ),
        (
            "futures = [ThreadPoolExecutor().submit(work, n) for n in range(3)]\n    return [f.result() for f in futures]",
            "futures = [ThreadPoolExecutor().submit(work, n) for n in range(3)]\n    return [await asyncio.wrap_future(f) for f in futures]",
        ),
        ("return Future().result()['a']", "return (await asyncio.wrap_future(Future()))['a']"),
        ("return Future().result(\n    ).a", "return (await asyncio.wrap_future(Future())).a"),
    ],
)
def test_a_future_is_awaited(body: str, after: str) -> None:
    """It needs no thread that waits for it."""
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    (finding,) = assert_fixes(RULE, before, with_app(IMPORTS, f"{ENDPOINT}{after}\n"))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize("body", ["return any(f.result() for f in work())", "return Future().result(  # now\n    )"])
def test_a_future_that_cannot_be_awaited_there(body: str) -> None:
    typed = body.replace("work()", "[Future()]")
    assert_unfixed(RULE, with_app(IMPORTS, f"{ENDPOINT}{typed}\n"), way=Way.TWIN)


def test_a_coroutine_handed_to_the_loop_from_the_loop() -> None:
    body = "future = asyncio.run_coroutine_threadsafe(work(), loop)\n    return future.result()\n"
    before = with_app(IMPORTS, f"from elsewhere import loop\n\n\n{AWAITING}{body}")
    assert_fixes(RULE, before, before.replace("future.result()", "await asyncio.wrap_future(future)"))


@pytest.mark.parametrize(
    "body",
    [
        "pool = ThreadPoolExecutor()\n    pool.submit(work)",
        "pool = ThreadPoolExecutor()\n    return await asyncio.get_running_loop().run_in_executor(pool, work)",
        "with ThreadPoolExecutor() as pool:\n        await asyncio.get_running_loop().run_in_executor(pool, work)",
        "future = ThreadPoolExecutor().submit(work)\n    return await asyncio.wrap_future(future)",
        "future = ThreadPoolExecutor().submit(work)\n    await asyncio.wrap_future(future)\n    return future.result()",
        "future = ThreadPoolExecutor().submit(work)\n    return future.result() if future.done() else None",
        "future = ThreadPoolExecutor().submit(work)\n    return future.result(timeout=0)",
        "future = ThreadPoolExecutor().submit(work)\n    return future.cancel()",
        "future = ThreadPoolExecutor().submit(work)\n    future.add_done_callback(print)",
        "return ThreadPoolExecutor().map(work, [])",
        "ThreadPoolExecutor().shutdown(wait=False)",
        "ThreadPoolExecutor().shutdown(False)",
        "thread = threading.Thread(target=work)\n    thread.start()",
        "thread = threading.Thread(target=work)\n    thread.join(0)",
        "thread = threading.Thread(target=work)\n    thread.join(timeout=0)",
        "thread = threading.Thread(target=work)\n    await asyncio.to_thread(thread.join)",
        "thread = threading.Thread(target=work)\n    await run_in_threadpool(thread.join, 3)",
        "task = asyncio.create_task(work())\n    await task\n    return task.result()",
        "future = asyncio.get_running_loop().create_future()\n    return future.result()",
        "done, rest = await asyncio.wait([work()])\n    return [f.result() for f in done]",
        "for f in asyncio.as_completed([work()]):\n        await f",
        "with Pool() as pool:\n        pool.apply_async(work)",
        "with Pool() as pool:\n        return pool.imap(work, [])",
        "unknown.result()",
        "unknown.join()",
        "return ', '.join(['a'])",
        "return map(work, [])",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    return ThreadPoolExecutor().submit(work).result()\n',
        (
            "def report(future: Future):\n    future.result()\n\n\n@app.get('/')\nasync def home():\n"
            "    ThreadPoolExecutor().submit(work).add_done_callback(report)\n"
        ),
        '@app.on_event("shutdown")\nasync def stop():\n    ThreadPoolExecutor().shutdown()\n',
    ],
)
def test_what_is_not_on_the_loop_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))


@pytest.mark.parametrize(
    "body",
    [
        "with ThreadPoolExecutor() as pool:\n        pool.submit(print)",
        "with ProcessPoolExecutor(2) as pool:\n        [pool.submit(print, name) for name in 'ab']",
    ],
)
def test_the_end_of_a_pool_waits(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    "body",
    [
        "with ThreadPoolExecutor() as pool:\n        await asyncio.get_running_loop().run_in_executor(pool, print)",
        "with ThreadPoolExecutor() as pool:\n        await asyncio.wrap_future(pool.submit(print))",
        "pool = ThreadPoolExecutor()\n    pool.submit(print)",
        "with ThreadPoolExecutor() as pool:\n        print(pool)",
    ],
)
def test_the_end_of_a_pool_that_is_done_is_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


def test_the_result_of_a_pool_is_told_once() -> None:
    body = "with ThreadPoolExecutor() as pool:\n        return pool.submit(print).result()"
    assert len(found(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))) == 1
