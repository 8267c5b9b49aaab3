"""Locks of threads that a task holds while it waits."""

from textwrap import dedent, indent

import pytest

from tests.rules.checking import assert_clean, assert_unfixed

RULE = "concurrency/locks"


def served(body: str, *, above: str = "lock = threading.Lock()", imports: str = "import threading") -> str:
    """An application with an endpoint of that body."""
    body, above = indent(dedent(body).strip(), "    "), dedent(above).strip()
    return (
        f"import asyncio\n{imports}\nfrom fastapi import Depends, FastAPI\n\napp = FastAPI()\n{above}\n\n\n"
        f'@app.get("/")\nasync def read():\n{body}\n'
    )


HELD = "with lock:\n    await asyncio.sleep(1)"


@pytest.mark.parametrize(
    "source",
    [
        served(HELD),
        served(HELD, imports="from threading import Lock as L", above="lock = L()"),
        served(HELD, imports="import multiprocessing", above="lock = multiprocessing.Lock()"),
        served(HELD, above="lock = threading.Semaphore(1)"),
        served(HELD, above="lock: threading.Lock = make()"),
        served("with open('a') as file, lock:\n    await asyncio.sleep(1)"),
        served("with lock:\n    async with asyncio.timeout(1):\n        pass"),
        served("with lock:\n    if ready:\n        return [x async for x in rows()]"),
        served("task = start()\nwith lock:\n    return await task"),
        served("with app.state.lock:\n    await asyncio.sleep(1)", above="app.state.lock = threading.Lock()"),
        served("async with asyncio.Lock():\n    with lock:\n        await asyncio.sleep(1)"),
    ],
)
def test_a_lock_that_is_held_across_an_await(source: str) -> None:
    (finding,) = assert_unfixed(RULE, source)
    assert "give it back" in finding.message
    assert "asyncio.Lock" in finding.advice


def test_a_lock_of_one_thread_lets_all_tasks_in() -> None:
    (finding,) = assert_unfixed(RULE, served(HELD, above="lock = threading.RLock()"))
    assert "lets them all in" in finding.message


def test_the_finding_stands_at_the_lock() -> None:
    (finding,) = assert_unfixed(RULE, served("with lock:\n    x = 1\n    await asyncio.sleep(x)"))
    assert (finding.span.line, finding.span.column, finding.span.end_column) == (11, 10, 14)


def test_a_lock_of_an_object_that_a_helper_takes() -> None:
    store = """
        import asyncio
        import threading

        class Store:
            def __init__(self):
                self.lock = threading.Lock()

            async def load(self):
                with self.lock:
                    await asyncio.sleep(1)

        store = Store()
        """
    (finding,) = assert_unfixed(
        RULE,
        served("await store.load()", imports="from app.store import store", above=""),
        files={"app/__init__.py": "", "app/store.py": store},
    )
    assert (finding.path, finding.function) == ("app/store.py", "Store.load")
    assert [step.name for step in finding.chain][:2] == ["read", "Store.load"]


def test_the_lock_of_an_application_that_a_function_makes() -> None:
    source = """
        import threading
        from fastapi import FastAPI

        def create_app():
            app = FastAPI()
            lock = threading.Lock()

            @app.get("/")
            async def read():
                with lock:
                    return await load()

            return app

        app = create_app()
        """
    assert_unfixed(RULE, source)


def test_the_lock_of_a_dependency() -> None:
    dependency = """
        lock = threading.Lock()

        async def load():
            with lock:
                yield await asyncio.sleep(1)

        app.router.dependencies.append(Depends(load))
        """
    assert_unfixed(RULE, served("return 1", above=dependency))


@pytest.mark.parametrize(
    "source",
    [
        served("with lock:\n    x = 1\nawait asyncio.sleep(1)"),
        served("await asyncio.sleep(1)\nwith lock:\n    x = 1"),
        served("with lock:\n    async def later():\n        await asyncio.sleep(1)\nawait later()"),
        served("with lock:\n    x = asyncio.create_task(asyncio.sleep(1))\nawait x"),
        served("async with lock:\n    await asyncio.sleep(1)", above="lock = asyncio.Lock()"),
        served(HELD, above="lock = asyncio.Lock()"),
        served(HELD, imports="from elsewhere import lock", above=""),
        served(HELD, imports="import anyio", above="lock = anyio.Lock()"),
        served(f"lock = threading.Lock()\n{HELD}", above=""),
        served("lock = threading.Lock()\nasync def a():\n    with lock:\n        await b()\nawait a()", above=""),
        served("with threading.Lock():\n    await asyncio.sleep(1)"),
        served("with Lock():\n    await asyncio.sleep(1)", above="class Lock: ..."),
        served(HELD, above="class Lock:\n    def __enter__(self): ...\n\nlock = Lock()"),
        served(HELD, imports="from filelock import FileLock", above="lock = FileLock('a')"),
        served("return 1", above=f"lock = threading.Lock()\n\nasync def script():\n{indent(HELD, '    ')}"),
        served(
            "return 1",
            above=(
                "lock = threading.Lock()\n\nasync def work():\n"
                f"{indent(HELD, '    ')}\n\nthreading.Thread(target=lambda: asyncio.run(work())).start()"
            ),
        ),
        served(HELD).replace("async def read():\n", "async def read(lock):\n"),
    ],
)
def test_left_alone(source: str) -> None:
    assert_clean(RULE, source)


def test_tests_are_left_alone() -> None:
    assert_clean(RULE, served(HELD), path="tests/test_main.py")
