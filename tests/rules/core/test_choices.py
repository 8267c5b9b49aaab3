"""Methods that are chosen among several: an abstract class, of which the configuration tells who stands for it."""

import pytest

from rules import Way
from tests.rules.checking import analysed, encoded

HEAD = """
import abc
import os
import sqlite3
import time

import requests
from fastapi import FastAPI

app = FastAPI()


class Store(abc.ABC):
    @abc.abstractmethod
    def save(self, name: str, text: str) -> None: ...


"""
ROUTE = """
@app.post("/notes")
async def save(name: str, text: str) -> None:
    chosen().save(name, text)
"""
KINDS = {
    "Http": 'requests.put("https://a.b", data=text)',
    "Slow": "time.sleep(1)",
    "File": 'with open("notes.txt", "w") as file:\n            file.write(text)',
    "Disk": 'with open("more.txt", "w") as file:\n            file.write(text)',
    "Memory": "print(name, text)",
    "Bound": "self.db.execute(text)\n        time.sleep(1)",
}


def _text(*kinds: str, route: str = ROUTE) -> str:
    classes = [f"class {kind}(Store):\n    def save(self, name, text):\n        {KINDS[kind]}\n\n\n" for kind in kinds]
    made = "\n        def __init__(self):\n            self.db = sqlite3.connect('a.db')\n"
    branches = [f"    if os.environ['STORE'] == '{kind}':\n        return {kind}()\n" for kind in kinds]
    text = "".join(classes).replace(
        "class Bound(Store):\n", f"class Bound(Store):{made.replace('        ', '    ', 2)}\n"
    )
    return f"{HEAD}{text}def chosen() -> Store:\n{''.join(branches)}    raise ValueError\n\n{route}"


def _said(source: str) -> list[str]:
    findings = analysed({"app/main.py": encoded(source)}).findings
    return [one.message for one in findings if "blocks the event loop" in one.message]


@pytest.mark.parametrize("kinds", [("Http", "Slow"), ("Http", "File"), ("Http", "Slow", "File"), ("File", "Http")])
def test_each_of_them_blocks(kinds: tuple[str, ...]) -> None:
    """Some wait, the others use local files: wherever the choice falls, the loop does something else meanwhile."""
    (said,) = _said(_text(*kinds))
    assert "leads to" in said


@pytest.mark.parametrize(
    "kinds",
    [
        ("Http", "Memory"),
        ("Http", "File", "Memory"),
        ("Http", "File", "Disk"),
        ("File", "Disk"),
        ("Memory",),
        ("File",),
    ],
)
def test_one_may_be_meant_that_is_quick(kinds: tuple[str, ...]) -> None:
    """One does nothing of the kind, or most of them use small files only."""
    assert _said(_text(*kinds)) == []


def test_a_way_that_is_certain_is_told_first() -> None:
    """Also where it is longer than the one that depends on a choice."""
    helpers = """
def work(name: str) -> None:
    chosen().save(name, "")
    rest()


def rest() -> None:
    more()


def more() -> None:
    time.sleep(1)


@app.post("/notes")
async def save(name: str) -> None:
    work(name)
"""
    (said,) = _said(_text("Http", "File", route=helpers))
    assert "`time.sleep`" in said


@pytest.mark.parametrize(
    ("kinds", "ways"), [(("Http", "File"), {Way.OFFLOAD, Way.REVERSE}), (("Http", "Bound"), set())]
)
def test_all_that_may_be_meant_must_be_able_to_run_in_a_thread(kinds: tuple[str, ...], ways: set[Way]) -> None:
    """A connection that belongs to its thread is no less bound behind an abstract method."""
    route = ROUTE.replace("    chosen()", "    store = chosen()\n    store")
    findings = analysed({"app/main.py": encoded(_text(*kinds, route=route))}).findings
    (finding,) = (one for one in findings if "leads to" in one.message)
    assert {fix.way for fix in (finding.fix, *finding.alternatives) if fix is not None} == ways


@pytest.mark.parametrize("first", ["work", "rest"])
def test_what_is_certain_does_not_hang_on_what_was_asked_first(first: str) -> None:
    """A helper that another route comes to as well leads to what is certain, also where what depends on a choice is known by then."""
    helpers = f"""
def work(name: str) -> None:
    chosen().save(name, "")


def rest(name: str) -> None:
    work(name)
    more()


def more() -> None:
    much()


def much() -> None:
    time.sleep(1)


@app.post("/earlier")
async def earlier(name: str) -> None:
    {first}(name)


@app.post("/notes")
async def save(name: str) -> None:
    rest(name)
"""
    assert "`time.sleep`" in _said(_text("Http", "File", route=helpers))[1]
