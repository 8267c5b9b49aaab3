"""What is typed at a terminal."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, found, with_app

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


_AGENT = """
class Reviewer:
    def __init__(self, websocket=None, stream=None) -> None:
        self.websocket = websocket
        self.stream = stream

    async def review(self) -> str:
        {body}


@app.websocket("/reviews")
async def review(websocket: WebSocket) -> None:
    await websocket.send_text(await Reviewer(websocket).review())
"""


@pytest.mark.parametrize(
    "body",
    [
        (
            "if self.websocket and self.stream:\n            return await self.websocket.receive_text()\n"
            "        else:\n            return input()"
        ),
        "if self.websocket:\n            return await self.websocket.receive_text()\n        return input()",
        "if self.websocket is None:\n            return input()\n        return await self.websocket.receive_text()",
        "if sys.stdin.isatty():\n            return input()\n        return await self.websocket.receive_text()",
    ],
)
def test_a_terminal_that_is_asked_only_where_nobody_else_can_be_is_left_alone(body: str) -> None:
    assert_clean(RULE, with_app("import sys\n\nfrom fastapi import WebSocket", _AGENT.format(body=body)))


@pytest.mark.parametrize(
    "body",
    [
        "text = await self.websocket.receive_text()\n        return text or input()",
        "if self.websocket:\n            await self.websocket.send_text('?')\n            return input()\n        return ''",
        "text = await self.websocket.receive_text()\n        if not text:\n            text = input()\n        return text",
    ],
)
def test_a_terminal_that_is_asked_though_somebody_else_can_be_is_found(body: str) -> None:
    before = with_app("import sys\n\nfrom fastapi import WebSocket", _AGENT.format(body=body))
    assert found(RULE, before)
