"""Event loops that are started on one."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "awaiting/loops"

HELPERS = """
import asyncio

import anyio
from asgiref.sync import async_to_sync


async def later(x=1): ...
"""

ENDPOINT = '@app.get("/")\nasync def home(other):\n    '


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("asyncio.run(later())", "await later()"),
        ("x = asyncio.run(later(1)).name", "x = (await later(1)).name"),
        ("asyncio.run(\n        later(),\n    )", "await later()"),
        ("c = later()\n    asyncio.run(c)", "c = later()\n    await c"),
        (
            "loop = asyncio.get_running_loop()\n    loop.run_until_complete(later())",
            "loop = asyncio.get_running_loop()\n    await later()",
        ),
        (
            "loop = asyncio.new_event_loop()\n    return loop.run_until_complete(later())",
            "loop = asyncio.new_event_loop()\n    return await later()",
        ),
        ("x = async_to_sync(later)(1)", "x = await later(1)"),
    ],
)
def test_the_coroutine_is_awaited(before: str, after: str) -> None:
    rest = "\n    other(asyncio, async_to_sync)\n"
    assert_fixes(RULE, with_app(HELPERS, f"{ENDPOINT}{before}{rest}"), with_app(HELPERS, f"{ENDPOINT}{after}{rest}"))


def test_an_import_that_is_left_over_goes() -> None:
    assert_fixes(
        RULE,
        "import asyncio\nimport json\n\njson.loads('1')\n\n\nasync def a(): ...\n\n\nasync def b():\n    asyncio.run(a())\n",
        "import json\n\njson.loads('1')\n\n\nasync def a(): ...\n\n\nasync def b():\n    await a()\n",
    )


@pytest.mark.parametrize(
    "body", ["anyio.run(later)", "asyncio.run(later(), debug=True)", "asyncio.new_event_loop().run_forever()"]
)
def test_what_cannot_be_written_is_left_to_a_person(body: str) -> None:
    assert_unfixed(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


def test_a_helper_on_the_loop() -> None:
    source = with_app(HELPERS, f"def bridge():\n    return asyncio.run(later())\n\n\n{ENDPOINT}bridge()\n")
    (finding,) = assert_unfixed(RULE, source)
    assert [step.name for step in finding.chain] == ["home", "bridge"]


@pytest.mark.parametrize(
    "body",
    [
        "await later()",
        "await asyncio.to_thread(asyncio.run, later())",
        "await asyncio.to_thread(lambda: asyncio.run(later()))",
        "def f():\n        asyncio.run(later())\n    await asyncio.to_thread(f)",
        "other.run(later())",
        "other.run_until_complete(later())",
        "x = async_to_sync(later)",
        "asyncio.create_task(later())",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        "def main():\n    asyncio.run(later())\n\n\nif __name__ == '__main__':\n    asyncio.run(later())\n",
        '@app.get("/")\ndef home():\n    return asyncio.run(later())\n',
        "def bridge():\n    try:\n        asyncio.get_running_loop()\n    except RuntimeError:\n        return asyncio.run(later())\n\n\n"
        + ENDPOINT
        + "bridge()\n",
        "import nest_asyncio\n\nnest_asyncio.apply()\n\n\n" + ENDPOINT + "asyncio.run(later())\n",
    ],
)
def test_code_that_is_not_on_the_loop_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(HELPERS, source))
