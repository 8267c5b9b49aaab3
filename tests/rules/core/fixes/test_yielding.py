"""Functions under `@contextmanager`, entered by `async with` once they are asynchronous."""

from textwrap import dedent

import pytest

from rules import Applicability
from tests.rules.checking import EVERYTHING, assert_clean, assert_fixes, assert_unfixed, with_app

IMPORTS = """
    import time
    from collections.abc import Iterator
    from contextlib import contextmanager
"""
SLOW = """
    @contextmanager
    def slow(name: str) -> Iterator[str]:
        time.sleep(1)
        yield name
"""
QUICK = """
    @asynccontextmanager
    async def slow(name: str) -> AsyncIterator[str]:
        await asyncio.sleep(1)
        yield name
"""
THREADED = """
    @app.get("/")
    def home():
        with slow("a") as name:
            return name
"""
AWAITING = """
    @app.get("/")
    async def home(request: Request):
        with slow("a") as name:
            return name, await request.json()
"""
REQUEST = "\nfrom fastapi import Request"


def _text(*parts: str, imports: str = IMPORTS, more: str = "") -> str:
    return with_app(dedent(imports) + more, "\n\n".join(dedent(part).strip("\n") + "\n" for part in parts))


def test_a_manager_turns_with_the_endpoint_that_enters_it() -> None:
    after = _text(
        QUICK,
        THREADED.replace("def home", "async def home").replace("with", "async with"),
        imports="""
            import asyncio
            from collections.abc import AsyncIterator
            from contextlib import asynccontextmanager
        """,
    )
    assert_fixes("endpoints/upstream", _text(SLOW, THREADED), after, options=EVERYTHING)


def test_a_manager_turns_for_an_endpoint_that_awaits() -> None:
    """A thread cannot enter it, and the endpoint cannot lose its `async`."""
    after = _text(
        QUICK,
        AWAITING.replace("with", "async with"),
        imports="""
            import asyncio
            from collections.abc import AsyncIterator
            from contextlib import asynccontextmanager
        """,
        more=REQUEST,
    )
    (finding,) = assert_fixes("blocking/sleep", _text(SLOW, AWAITING, more=REQUEST), after)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize(
    ("returns", "turned"),
    [
        ("Generator[str, None, None]", "AsyncGenerator[str, None]"),
        ("Generator[str, int, None]", "AsyncGenerator[str, int]"),
        ("Generator[str]", "AsyncGenerator[str]"),
        ("Iterable[str]", "AsyncIterable[str]"),
    ],
)
def test_what_it_is_said_to_give_goes_by_its_other_name(returns: str, turned: str) -> None:
    imports = """
        import time
        from contextlib import contextmanager
        from typing import {}
    """
    before = _text(
        SLOW.replace("Iterator[str]", returns),
        AWAITING,
        imports=imports.format(returns.partition("[")[0]),
        more=REQUEST,
    )
    after = _text(
        QUICK.replace("AsyncIterator[str]", turned),
        AWAITING.replace("with", "async with"),
        imports="""
            import asyncio
            from contextlib import asynccontextmanager
            from typing import {}
        """.format(turned.partition("[")[0]),
        more=REQUEST,
    )
    assert_fixes("blocking/sleep", before, after)


def test_what_is_done_in_the_end_may_be_cut_off() -> None:
    """Behind the `yield` an `await` may find the request cancelled, so the fix is unsafe."""
    slow = """
        @contextmanager
        def slow(name: str):
            try:
                yield name
            finally:
                time.sleep(1)
    """
    quick = slow.replace("@context", "@asynccontext").replace("def slow", "async def slow")
    after = _text(
        quick.replace("time.sleep", "await asyncio.sleep"),
        AWAITING.replace("with", "async with"),
        imports="""
            import asyncio
            from collections.abc import Iterator
            from contextlib import asynccontextmanager
        """,
        more=REQUEST,
    )
    (finding,) = assert_fixes("blocking/sleep", _text(slow, AWAITING, more=REQUEST), after)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert "cancelled" in finding.fix.notes[0]


def test_a_manager_that_waits_for_nothing_stays_as_it_is() -> None:
    """It is entered as before by what turns around it."""
    timed = """
        @contextmanager
        def timed(name: str) -> Iterator[None]:
            began = time.perf_counter()
            try:
                yield
            finally:
                print(name, time.perf_counter() - began)
    """
    endpoint = """
        @app.get("/")
        def home():
            with timed("home"):
                time.sleep(1)
    """
    turned = endpoint.replace("def home", "async def home").replace("time.sleep", "await asyncio.sleep")
    after = _text(timed, turned, imports="import asyncio\n" + dedent(IMPORTS).lstrip())
    assert_fixes("endpoints/upstream", _text(timed, endpoint), after, options=EVERYTHING)


@pytest.mark.parametrize(
    "inside",
    ["rows.append(name)", "unknown()", "current.set(name)", "lock.acquire()", "cache['x'] = name"],
)
def test_a_manager_that_does_more_than_nothing_may_not_be_held_while_others_run(inside: str) -> None:
    timed = f"""
        @contextmanager
        def timed(name: str) -> Iterator[None]:
            {inside}
            yield
    """
    endpoint = """
        @app.get("/")
        def home():
            with timed("home"):
                time.sleep(1)
    """
    more = "\nfrom contextvars import ContextVar\nfrom threading import Lock\nfrom elsewhere import unknown"
    shared = "rows, cache, current, lock = [], {}, ContextVar('current'), Lock()\n"
    assert_clean("endpoints/upstream", _text(shared, timed, endpoint, more=more), options=EVERYTHING)


def test_where_nothing_is_awaited_the_endpoint_loses_its_async() -> None:
    source = _text(SLOW, THREADED.replace("def home", "async def home"))
    assert_fixes("blocking/sleep", source, _text(SLOW, THREADED))


@pytest.mark.parametrize(
    "other",
    [
        "with slow('b'):\n    pass",
        "def work():\n    with ExitStack() as stack:\n        return stack.enter_context(slow('b'))",
        "@slow('b')\ndef work():\n    return 1",
        "def work():\n    manager = slow('b')\n    with manager as name:\n        return name",
        "def work():\n    with slow('b') as name:\n        return name\n\n\nhandlers = [work]",
        "class Work:\n    def __init__(self):\n        with slow('b') as name:\n            self.name = name",
        "@app.get('/b')\ndef other(name=Depends(slow)):\n    return name",
        "@app.get('/b')\ndef other():\n    with slow('b') as one, open('x') as two:\n        return one, two.read()",
        "@app.get('/b')\ndef other():\n    with slow('b') as one:\n        return unknown(one)",
        "if __name__ == '__main__':\n    with slow('b'):\n        pass",
        "@app.get('/b')\ndef other():\n    return [name for name in slow('b')]",
        "work = partial(slow, 'b')",
    ],
)
def test_a_manager_that_somebody_enters_in_another_way_is_left_alone(other: str) -> None:
    imports = IMPORTS + "    from contextlib import ExitStack\n    from functools import partial\n"
    more = REQUEST + "\nfrom fastapi import Depends\nfrom elsewhere import unknown"
    assert_unfixed("blocking/sleep", _text(SLOW, AWAITING, other, imports=imports, more=more))


@pytest.mark.parametrize(
    "slow",
    [
        "@contextmanager\ndef slow(name: str) -> Any:\n    time.sleep(1)\n    yield name",
        "@traced\n@contextmanager\ndef slow(name: str):\n    time.sleep(1)\n    yield name",
        "@contextmanager\ndef slow(name: str):\n    time.sleep(1)\n    yield from [name]",
        "@contextmanager\ndef slow(name: str):\n    with lock:\n        time.sleep(1)\n        yield name",
        "@contextmanager\ndef slow(name: str):\n    unknown()\n    time.sleep(1)\n    yield name",
        "@contextmanager\ndef slow(name: str) -> Generator[str, None, int]:\n    time.sleep(1)\n    yield name",
        "@contextmanager\ndef slow(name: str):\n    time.sleep(1)\n    yield name\n    return 1",
    ],
)
def test_a_manager_that_cannot_be_asynchronous_is_left_alone(slow: str) -> None:
    more = REQUEST + "\nfrom typing import Any, Generator\nfrom elsewhere import lock, traced, unknown"
    assert_unfixed("blocking/sleep", _text(slow, AWAITING, more=more))


def test_a_manager_that_waits_for_nothing_is_left_alone() -> None:
    source = _text(SLOW.replace("    time.sleep(1)\n", ""), AWAITING, more=REQUEST)
    assert_clean("blocking/sleep", source, options=EVERYTHING)
