"""Cancellations that a bare `except` around a new `await` swallows."""

import pytest

from rules import Applicability
from tests.rules.checking import found

ABOVE = """import asyncio
import contextlib
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def home():
    await load()
"""


def told(body: str) -> str:
    """What of a fix is said to swallow cancellations."""
    (finding,) = found("blocking/sleep", ABOVE + "    " + body.replace("\n", "\n    ") + "\n")
    assert finding.fix is not None
    notes = [note for note in finding.fix.notes if "cancelled" in note]
    assert bool(notes) is (finding.fix.applicability is Applicability.UNSAFE)
    return notes[0].split("`")[3] if notes else ""


@pytest.mark.parametrize(
    ("body", "catching"),
    [
        ("try:\n    time.sleep(1)\nexcept:\n    pass", "except:"),
        ("try:\n    time.sleep(1)\nexcept BaseException as error:\n    print(error)", "except BaseException:"),
        ("try:\n    time.sleep(1)\nexcept (ValueError, BaseException):\n    return 1", "except BaseException:"),
        ("try:\n    time.sleep(1)\nexcept ValueError:\n    raise\nexcept:\n    pass", "except:"),
        ("try:\n    if app:\n        time.sleep(1)\nexcept:\n    pass", "except:"),
        ("while True:\n    try:\n        time.sleep(1)\n    except:\n        continue", "except:"),
        ("try:\n    try:\n        time.sleep(1)\n    except ValueError:\n        pass\nexcept:\n    pass", "except:"),
        ("with contextlib.suppress(BaseException):\n    time.sleep(1)", "suppress(BaseException)"),
    ],
)
def test_what_swallows_a_cancellation_is_named(body: str, catching: str) -> None:
    assert told(body) == catching


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    time.sleep(1)\nexcept Exception:\n    pass",
        "try:\n    time.sleep(1)\nexcept:\n    print(1)\n    raise",
        "try:\n    time.sleep(1)\nexcept BaseException as error:\n    raise ValueError from error",
        "try:\n    time.sleep(1)\nexcept asyncio.CancelledError:\n    raise\nexcept:\n    pass",
        "try:\n    time.sleep(1)\nexcept asyncio.CancelledError:\n    return 1",
        "try:\n    print(1)\nexcept:\n    time.sleep(1)",
        "try:\n    print(1)\nexcept:\n    pass\nelse:\n    time.sleep(1)",
        "try:\n    print(1)\nexcept:\n    pass\nfinally:\n    time.sleep(1)",
        "try:\n    print(1)\nexcept:\n    pass\ntime.sleep(1)",
        "with contextlib.suppress(ValueError):\n    time.sleep(1)",
        "try:\n    async def inner():\n        time.sleep(1)\n        await load()\n    made = inner\nexcept:\n    return 1\nawait made()",
    ],
)
def test_what_lets_a_cancellation_through_is_safe(body: str) -> None:
    assert told(body) == ""


def test_an_await_that_was_there_before_is_cancelled_as_before() -> None:
    source = (
        ABOVE
        + "    try:\n        return await asyncio.get_event_loop().run_in_executor(None, print)\n    except:\n        pass\n"
    )
    fixes = [finding.fix for finding in found("awaiting/obsolete", source) if finding.fix is not None]
    assert [fix.applicability for fix in fixes] == [Applicability.SAFE]
