"""What a worker thread changes while the event loop serves other requests."""

import pytest

from rules import Applicability, Finding
from tests.rules.checking import found

ABOVE = """import time

from fastapi import FastAPI
from fastapi_sqlalchemy import db

app = FastAPI()
CACHE: dict[str, int] = {}


class Counter:
    def __init__(self):
        self.seen = 0
        self.fill()

    def fill(self):
        self.rows = []

    def count(self):
        time.sleep(1)
        self.seen += 1

    def look(self):
        time.sleep(1)
        return self.seen

    def both(self):
        self.count()


counter = Counter()


def keep(name: str):
    time.sleep(1)
    CACHE[name] = 1


def count_anew():
    mine = Counter()
    mine.both()
    return mine.seen


@app.get("/{name}")
async def read(name: str):
    await load(name)
"""


def only(body: str, rule: str = "blocking/sleep") -> Finding:
    (finding,) = found(rule, f"{ABOVE}    {body}\n")
    return finding


@pytest.mark.parametrize("body", ["counter.count()", "counter.both()", "keep(name)"])
def test_what_is_changed_behind_a_call_is_told(body: str) -> None:
    fix = only(body).fix
    assert fix is not None
    assert fix.applicability is Applicability.UNSAFE
    assert any("changes what requests share" in note for note in fix.notes)


@pytest.mark.parametrize(
    "body", ["counter.look()", "mine = Counter()\n    mine.both()", "Counter().count()", "count_anew()"]
)
def test_what_only_the_caller_knows_is_changed_safely(body: str) -> None:
    fix = only(body).fix
    assert fix is not None
    assert fix.applicability is Applicability.SAFE


def test_the_session_of_a_request_is_shared_with_no_other() -> None:
    finding = only("return db.session.get(int, 1)", "databases/session")
    assert finding.fix is not None
    assert any("run_in_threadpool(db.session.get, " in edit.replacement for edit in finding.fix.edits)
