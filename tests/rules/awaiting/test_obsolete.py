"""What asyncio is giving up."""

import pytest

from rules import Applicability
from tests.rules.checking import assert_clean, assert_fixes

RULE = "awaiting/obsolete"

IMPORTS = "import asyncio\nfrom asyncio import ensure_future, get_event_loop\n\n\nasync def later(): ...\n\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("loop = asyncio.get_event_loop()", "loop = asyncio.get_running_loop()"),
        (
            "await asyncio.get_event_loop().run_in_executor(None, f)",
            "await asyncio.get_running_loop().run_in_executor(None, f)",
        ),
        ("t = asyncio.ensure_future(later())", "t = asyncio.create_task(later())"),
        ("await asyncio.ensure_future(later())", "await asyncio.create_task(later())"),
    ],
)
def test_the_successor_is_used(before: str, after: str) -> None:
    body = "async def a(f):\n    {}\n    get_event_loop, ensure_future\n"
    (finding,) = assert_fixes(RULE, IMPORTS + body.format(before), IMPORTS + body.format(after))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


def test_a_name_that_was_imported_is_imported_no_longer() -> None:
    assert_fixes(
        RULE,
        "from asyncio import get_event_loop\n\n\nasync def a():\n    return get_event_loop()\n",
        "import asyncio\n\n\nasync def a():\n    return asyncio.get_running_loop()\n",
    )


def test_a_name_that_only_the_function_imports_is_imported_no_longer() -> None:
    before = "def wrapped(f):\n    import asyncio\n\n    x = 1\n    return asyncio.iscoroutinefunction(f), x\n"
    after = "import inspect\n\ndef wrapped(f):\n    x = 1\n    return inspect.iscoroutinefunction(f), x\n"
    assert_fixes(RULE, before, after)


def test_an_import_that_is_tried_stays() -> None:
    before = (
        "def wrapped(f):\n    try:\n        import asyncio\n        x = 1\n    except ImportError: ...\n"
        "    return asyncio.iscoroutinefunction(f)\n"
    )
    after = "import inspect\n\n" + before.replace("asyncio.is", "inspect.is")
    assert_fixes(RULE, before, after)


def test_another_module_is_imported() -> None:
    (finding,) = assert_fixes(
        RULE,
        "import asyncio\n\n\ndef a(f):\n    return asyncio.iscoroutinefunction(f)\n",
        "import inspect\n\n\ndef a(f):\n    return inspect.iscoroutinefunction(f)\n",
    )
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


@pytest.mark.parametrize(
    "source",
    [
        "def a():\n    return asyncio.get_event_loop()\n",
        "loop = asyncio.get_event_loop()\n",
        "async def a():\n    return asyncio.get_running_loop()\n",
        "async def a(x):\n    return asyncio.ensure_future(x)\n",
        "from collections.abc import Awaitable\n\n\nasync def a(x: Awaitable[int]):\n    return asyncio.ensure_future(x)\n",
        "async def a(x):\n    return asyncio.ensure_future(later(), loop=x)\n",
        "async def a(x):\n    given = x or later\n    return asyncio.ensure_future(given())\n",
        "async def a():\n    asyncio.ensure_future(later())\n",
        "def a():\n    return asyncio.ensure_future(later())\n",
        "async def a(x):\n    return x.get_event_loop()\n",
        (
            "if x:\n    from inspect import iscoroutinefunction\nelse:\n    from asyncio import iscoroutinefunction\n\n\n"
            "def a(f):\n    return iscoroutinefunction(f)\n"
        ),
        "import inspect\n\n\ndef a(f):\n    return inspect.iscoroutinefunction(f)\n",
        "async def a():\n    def b():\n        return asyncio.get_event_loop()\n",
        (
            "async def a():\n    try:\n        return asyncio.get_running_loop()\n    except RuntimeError:\n"
            "        return asyncio.get_event_loop()\n"
        ),
    ],
)
def test_left_alone(source: str) -> None:
    assert_clean(RULE, IMPORTS + source)
