"""Work that is shared with copies of the process is done once, in order, and to the same end."""

import itertools
import os
import threading
import time
from collections.abc import Sequence

import pytest

from bot import forks
from bot.forks import FEWEST, in_forks
from rules import Options, analyze, read_facts

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # by the tests

SHARES = [[1] * FEWEST, [2], [3] * FEWEST, [4, 4]]

FILE = """
import time

import requests
from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session

from app.database import get_db

app = FastAPI()


def ask(name):
    return requests.get(name).json()
"""
ENDPOINT = """

@app.get("/{n}")
async def read_{n}(name: str, db: Session = Depends(get_db)):
    time.sleep({n})
    found = db.query(int).filter(name == "{n}").first()
    return ask(name), found, ask({n})
"""
DATABASE = """
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("postgresql://localhost/shop"))


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()
"""


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_cores", lambda: 2)
    monkeypatch.setattr(forks, "_threads", lambda: 1)  # others are those of the tests


def told(share: Sequence[int]) -> tuple[list[int], int]:
    return [2 * one for one in share], os.getpid()


def test_two_processes_do_what_one_does() -> None:
    results = list(in_forks(told, SHARES))

    assert [result for result, _ in results] == [told(share)[0] for share in SHARES]
    assert len({process for _, process in results}) == 2
    assert os.getpid() in {process for _, process in results}


def test_neighbouring_shares_are_done_by_the_same_process_as_far_as_may_be() -> None:
    processes = [process for _, process in in_forks(told, [[1] * 2 for _ in range(20)])]

    assert sum(one != next_ for one, next_ in itertools.pairwise(processes)) == 1


@pytest.mark.parametrize("cores", [3, 4, 5])
@pytest.mark.parametrize("count", [5, 6, 11, 40])
def test_every_share_is_done_once_by_however_many(cores: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_cores", lambda: cores)
    shares = [[place] * FEWEST for place in range(count)]

    results = list(in_forks(told, shares))

    assert [result for result, _ in results] == [told(share)[0] for share in shares]
    assert len({process for _, process in results}) == cores


def test_what_is_to_be_done_meanwhile_is_done_here_and_once() -> None:
    done: list[int] = []

    results = list(in_forks(told, SHARES, meanwhile=lambda: done.append(os.getpid())))

    assert [result for result, _ in results] == [told(share)[0] for share in SHARES]
    assert done == [os.getpid()]


def test_nothing_is_done_meanwhile_where_no_other_process_works() -> None:
    done: list[int] = []
    list(in_forks(told, [[1] * FEWEST, [2]], meanwhile=lambda: done.append(os.getpid())))
    assert not done


def test_little_work_is_done_here() -> None:
    assert {process for _, process in in_forks(told, [[1] * FEWEST, [2]])} == {os.getpid()}


def test_no_copy_is_made_beside_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy would have the locks of a thread that it has not."""
    monkeypatch.undo()
    monkeypatch.setattr(forks, "_cores", lambda: 2)
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        assert {process for _, process in in_forks(told, SHARES)} == {os.getpid()}
    finally:
        ended.set()
        thread.join()


def test_what_a_copy_leaves_undone_is_done_here() -> None:
    here = os.getpid()

    def work(share: Sequence[int]) -> tuple[list[int], int]:
        if os.getpid() != here:
            os._exit(1)
        return told(share)

    assert list(in_forks(work, SHARES)) == [told(share) for share in SHARES]


def test_no_copy_goes_on_where_this_process_fails() -> None:
    here = os.getpid()

    def work(share: Sequence[int]) -> None:
        if os.getpid() == here:
            raise KeyboardInterrupt
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        list(in_forks(work, SHARES))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_analysis_in_two_processes_is_that_in_one() -> None:
    """Findings, their fixes in order, and what was counted; also where fixes reach into files of other findings."""
    files = {
        f"app/{name}.py": (FILE + "".join(ENDPOINT.format(n=n) for n in range(8))).encode() for name in ("one", "two")
    } | {"app/database.py": DATABASE.encode()}
    facts = {path: read_facts(text) for path, text in files.items()}
    processes: list[int] = []

    def each(work, shares):  # type: ignore[no-untyped-def]
        done = list(in_forks(lambda share: (work(share), os.getpid()), shares))
        processes.extend(process for _, process in done)
        return [result for result, _ in done]

    together = analyze(facts, files, options=Options(everything=True), each=each)
    assert len(set(processes)) == 2
    assert together == analyze(facts, files, options=Options(everything=True))
    assert sum(finding.fix is not None for finding in together.findings) >= 2 * FEWEST
