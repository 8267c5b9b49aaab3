"""Queues of threads that are used as pools."""

import pytest

from rules import Applicability
from tests.rules.checking import found, with_app

IMPORTS = "import contextlib\nimport queue\n\nimport requests"
ABOVE = """
class Pool:
    def __init__(self):
        self.free = queue.Queue(maxsize=4)

    def take(self):
        return self.free.get(timeout=3)

    def give(self, one):
        self.free.put(one)

    @contextlib.contextmanager
    def one(self):
        one = self.take()
        try:
            yield one
        finally:
            self.give(one)


class Lease:
    def __enter__(self):
        self.one = FREE.get()
        return self.one

    def __exit__(self, *_):
        FREE.put(self.one)


FREE = queue.LifoQueue()
JOBS = queue.Queue()
pool = Pool()


def peek():
    one = FREE.get()
    FREE.put(one)
    return one


"""
HOME = """
@app.get("/")
async def home(request: Request):
    await request.body()
    {}
"""
ASKED = "requests.get('https://a.example', timeout=3)"


def _how(body: str) -> tuple[Applicability, str]:
    source = with_app(IMPORTS, ABOVE + HOME.format(body)).replace("import FastAPI", "import FastAPI, Request")
    (finding,) = found("clients/requests", source)
    assert finding.fix is not None
    return finding.fix.applicability, " ".join(finding.fix.notes)


@pytest.mark.parametrize(
    "body",
    [
        f"one = FREE.get()\n    try:\n        {ASKED}\n    finally:\n        FREE.put(one)",
        f"one = FREE.get_nowait()\n    {ASKED}\n    FREE.put_nowait(one)",
        f"one = pool.take()\n    try:\n        {ASKED}\n    finally:\n        pool.give(one)",
        f"with pool.one():\n        {ASKED}",
        f"with Lease():\n        {ASKED}",
    ],
)
def test_what_is_put_back_below_is_taken_meanwhile(body: str) -> None:
    """On the loop the next one would wait for ever: nobody is there to put anything back."""
    how, notes = _how(body)
    assert how is Applicability.UNSAFE
    assert "taken out of the queue" in notes


@pytest.mark.parametrize(
    "body",
    [
        f"JOBS.put(1)\n    {ASKED}",
        f"job = JOBS.get_nowait()\n    {ASKED}\n    print(job)",
        f"job = JOBS.get_nowait()\n    {ASKED}\n    FREE.put(job)",
        f"one = FREE.get()\n    FREE.put(one)\n    {ASKED}",
        f"peek()\n    {ASKED}",
        f"{ASKED}\n    one = FREE.get()\n    FREE.put(one)",
        f"with pool.one():\n        pass\n    {ASKED}",
        f"one = await asyncio.Queue().get()\n    {ASKED}\n    await asyncio.Queue().put(one)",
    ],
)
def test_what_is_back_or_goes_elsewhere_is_wanted_by_nobody(body: str) -> None:
    how, _ = _how(body)
    assert how is Applicability.SAFE
