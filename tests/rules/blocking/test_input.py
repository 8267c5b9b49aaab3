"""What is typed at a terminal."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, with_app

RULE = "blocking/input"

ENDPOINT = '@app.get("/")\nasync def ask(request: Request):\n    '
IMPORTS = """
import asyncio
import getpass
from getpass import getpass as secret

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
"""


@pytest.mark.parametrize("call", ["input()", 'input("? ").strip()', "getpass.getpass()", 'secret("? ")'])
def test_a_function_that_awaits_nothing_becomes_def(call: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}return {call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_it_is_handed_over_where_the_function_awaits() -> None:
    above = f"{ENDPOINT}print(await request.body())\n    "
    assert_fixes(
        RULE,
        with_app(IMPORTS, f'{above}return input("? ")\n'),
        with_app(IMPORTS, f'{above}return await run_in_threadpool(input, "? ")\n'),
    )


@pytest.mark.parametrize(
    "body",
    [
        "input = await request.json()\n    return input()",
        "input = str\n    return input()",
        "return request.input()",
        "return await asyncio.to_thread(input)",
        "return await run_in_threadpool(input, '? ')",
        "return input",
        "return getpass.getuser()",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        "from app.forms import input\n\n\n@app.get('/')\nasync def ask():\n    return input()\n",
        "@app.get('/')\ndef ask():\n    return input()\n",
        "if __name__ == '__main__':\n    input()\n",
    ],
)
def test_another_input_or_another_place_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app("", source), files={"app/__init__.py": "", "app/forms.py": "def input(): ...\n"})
