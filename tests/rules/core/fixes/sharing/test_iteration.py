"""Loops over what other requests change: a thread runs through it while the event loop serves them."""

import pytest

from rules import Applicability, Way
from rules.core.fixes.sharing.iteration import RESIZED
from tests.rules.checking import found, with_app

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


LOOPS = """
class Room:
    def __init__(self):
        self.members = {{}}

    def join(self, name):
        self.members[name] = 1

    async def tell(self):
        await ready()
        {in_method}


active = {{}}
kept = {{"a": 1}}


@app.post("/{{name}}")
async def join(name: str):
    active[name] = 1


@app.get("/")
async def home(request: Request):
    body = await request.json()
    {in_function}
    await Room().tell()
"""
ASK = "requests.get('https://a.example', timeout=3)"


@pytest.mark.parametrize(
    ("in_function", "in_method"),
    [
        (f"for name in active:\n        {ASK}", "pass"),
        (f"for name, one in active.items():\n        if one:\n            {ASK}", "pass"),
        (f"for place, name in enumerate(active):\n        {ASK}", "pass"),
        (f"print([{ASK} for name in active.values()])", "pass"),
        (f"print({{name: 1 for name in active if {ASK}}})", "pass"),
        ("pass", f"for name in self.members:\n            {ASK}"),
    ],
)
def test_what_is_run_through_may_change_during_a_new_await(in_function: str, in_method: str) -> None:
    source = with_app("import requests", LOOPS.format(in_function=in_function, in_method=in_method))
    (finding,) = found("clients/requests", source.replace("import FastAPI", "import FastAPI, Request"))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert RESIZED in finding.fix.notes


@pytest.mark.parametrize(
    "in_function",
    [
        f"for name in list(active):\n        {ASK}",
        f"for name in sorted(active.items()):\n        {ASK}",
        f"for name in kept:\n        {ASK}",
        f"for name in body:\n        {ASK}",
        f"for name in active:\n        print(name)\n    else:\n        {ASK}",
        f"print([name for name in {ASK}.json() if name])",
        f"active = body\n    for name in active:\n        {ASK}",
    ],
)
def test_what_nobody_changes_is_run_through_as_before(in_function: str) -> None:
    source = with_app("import requests", LOOPS.format(in_function=in_function, in_method="pass"))
    (finding,) = found("clients/requests", source.replace("import FastAPI", "import FastAPI, Request"))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


def test_an_attribute_may_be_run_through_where_no_class_is_defined() -> None:
    body = "@app.get('/')\nasync def home(request: Request):\n    await request.json()\n    for name in request.headers:\n        "
    source = with_app("import requests", body + ASK + "\n")
    (finding,) = found("clients/requests", source.replace("import FastAPI", "import FastAPI, Request"))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
