"""Loops over what other requests change: a thread runs through it while the event loop serves them."""

import pytest

from rules import Applicability, Way
from tests.rules.checking import found

SERVICE = """import time

from fastapi import FastAPI

app = FastAPI()
NAMES = {{}}


def put(name: str):
    {elsewhere}


class Workers:
    def __init__(self):
        self.known = {{}}
        self.known["first"] = 1

    def put(self, name: str):
        {beside}

    def ask(self, name: str):
        time.sleep(1)

    def status(self):
        {loop}


workers = Workers()


@app.get("/status")
async def status():
    return workers.status()
"""

KEPT = "for name in self.known:\n            self.ask(name)"


def ways(
    loop: str, beside: str = "self.known[name] = 1", elsewhere: str = "NAMES[name] = 1"
) -> tuple[Way, Applicability]:
    """The best fix of the endpoint, and how far it can be trusted."""
    (finding,) = found("blocking/sleep", SERVICE.format(loop=loop, beside=beside, elsewhere=elsewhere))
    assert finding.fix is not None
    return finding.fix.way, finding.fix.applicability


@pytest.mark.parametrize("beside", ["self.known[name] = 1", "del self.known[name]", "self.known.pop(name, None)"])
def test_a_loop_over_what_another_method_changes_stays_on_the_loop(beside: str) -> None:
    assert ways(KEPT, beside) == (Way.OFFLOAD, Applicability.UNSAFE)


@pytest.mark.parametrize(
    "loop",
    [
        "for name, _ in self.known.items():\n            self.ask(name)",
        "return [self.ask(name) for name in self.known.values()]",
        "for name in NAMES:\n            self.ask(name)",
    ],
)
def test_each_way_of_running_through(loop: str) -> None:
    assert ways(loop) == (Way.OFFLOAD, Applicability.UNSAFE)


def test_what_differs_is_told() -> None:
    (finding,) = found("blocking/sleep", SERVICE.format(loop=KEPT, beside="self.known.clear()", elsewhere="pass"))
    assert finding.fix is not None
    assert finding.fix.notes[0].startswith("What it calls loops over something that other requests may change")


@pytest.mark.parametrize("beside", ["pass", "self.other[name] = 1", "self.known.get(name)", "self.known = {}"])
def test_what_nobody_changes_may_be_run_through_anywhere(beside: str) -> None:
    assert ways(KEPT, beside) == (Way.REVERSE, Applicability.SAFE)


@pytest.mark.parametrize(
    "loop",
    [
        "for name in list(self.known):\n            self.ask(name)",
        "for name in sorted(NAMES):\n            self.ask(name)",
        "names = {}\n        for name in names:\n            self.ask(name)",
        "return self.ask(self.known['first'])",
    ],
)
def test_a_copy_is_run_through_anywhere(loop: str) -> None:
    assert ways(loop) == (Way.REVERSE, Applicability.SAFE)
