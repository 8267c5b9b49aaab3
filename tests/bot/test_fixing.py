"""Fixes that somebody asked for, out of all that could be made."""

import pytest

from bot.fixing import Made, Project, Wish, fulfil
from rules import read_facts

MAIN = """import asyncio
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def index() -> dict[str, str]:
    time.sleep(1)
    await asyncio.sleep(0)
    time.sleep(1)
    time.sleep(1)
    return {}
"""


def made(text: str, wanted: set[int], way: str = "") -> Made:
    """What comes of the wish to fix these findings, counted from the top."""
    project = Project({"app.py": text.encode()}, {"app.py": read_facts(text.encode())})
    findings = project.analyze().findings
    return fulfil(project, Wish(frozenset(findings[number].fingerprint for number in wanted), way=way))


def sleeps(done: Made, text: str = MAIN) -> list[bool]:
    """For each sleep of one second, whether it is awaited."""
    after = done.texts.get("app.py", text.encode()).decode()
    return ["await" in line for line in after.splitlines() if "sleep(1)" in line]


@pytest.mark.parametrize("wanted", [{0}, {1}, {2}, {0, 2}, {1, 2}])
def test_some_of_several_equal_calls(wanted: set[int]) -> None:
    """What was not asked for is left alone, even where it looks the same; what could not be done is told."""
    done = made(MAIN, wanted)
    mended = {number for number, awaited in enumerate(sleeps(done)) if awaited}
    assert mended
    assert mended <= wanted
    assert len(done.done) + len(done.left) == len(wanted)


def test_all_of_several_equal_calls() -> None:
    """All of them are done, and the import that nobody needs any more goes with the last."""
    done = made(MAIN, {0, 1, 2})
    assert sleeps(done) == [True] * 3
    assert b"import time" not in done.texts["app.py"]
    assert not done.left


def test_a_way_that_there_is_not() -> None:
    """Nothing is made, and the finding is left without a fix to name."""
    done = made(MAIN, {0}, way="def")
    assert not done.texts
    assert [fix for _, fix in done.left] == [None]
