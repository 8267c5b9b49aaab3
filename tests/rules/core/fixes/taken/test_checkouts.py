"""Connections that a session keeps while a fix awaits."""

import pytest

from rules import Finding, Fix, Way
from rules.core.fixes.taken.checkouts import ASKED_BEFORE, CHECKED_OUT
from tests.rules.checking import found, with_app

IMPORTS = """
import requests
from fastapi import Depends, Request
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool
"""
PROGRAM = """
SessionLocal = sessionmaker(create_engine("postgresql://a/b"{pool}))


{dependency} get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def count(db: Session):
    return db.execute(text("SELECT 1")).scalar()


def saved(db: Session):
    db.execute(text("SELECT 1"))
    db.commit()


def refreshed(db: Session):
    db.commit()
    db.refresh(db.new)


def refreshed_by_another(db: Session):
    saved(db)
    count(db)


@app.post("/")
async def home(request: Request, db: Session = Depends(get_db)):
    await request.body()
    {body}
"""
ASKED = "db.execute(text('SELECT 1'))"
WAITED = "requests.get('https://a.example', timeout=3)"


def told(body: str, dependency: str = "async def", pool: str = "") -> set[bool]:
    """Whether the fixes of what waits for a server say that a connection is kept."""
    body = body.replace("\n", "\n    ")
    source = with_app(IMPORTS, PROGRAM.format(dependency=dependency, pool=pool, body=body))
    return {CHECKED_OUT in fix.notes for one in found("clients/requests", source) for fix in _awaiting(one)}


def _awaiting(finding: Finding) -> list[Fix]:
    return [fix for fix in (finding.fix, *finding.alternatives) if fix and fix.way in {Way.OFFLOAD, Way.TWIN}]


@pytest.mark.parametrize(
    "body",
    [
        f"{ASKED}\n{WAITED}",
        f"count(db)\n{WAITED}",
        f"{ASKED}\n{WAITED}\ndb.commit()\nawait request.body()",
        f"with SessionLocal() as db:\n    {ASKED}\n    {WAITED}\nawait request.body()",
        f"db.commit()\n{ASKED}\n{WAITED}",
        f"refreshed(db)\n{WAITED}",
        f"refreshed_by_another(db)\n{WAITED}",
    ],
)
def test_a_session_that_has_asked_keeps_its_connection(body: str) -> None:
    assert told(body) == {True}


@pytest.mark.parametrize(
    "body",
    [
        WAITED,
        f"{WAITED}\n{ASKED}",
        f"{ASKED}\ndb.commit()\n{WAITED}",
        f"saved(db)\n{WAITED}",
        f"refreshed(db)\nsaved(db)\n{WAITED}",
        f"{ASKED}\ndb.close()\n{WAITED}",
        f"with SessionLocal() as db:\n    {ASKED}\n{WAITED}",
        f"{ASKED}\nawait request.json()\n{WAITED}",
        f"{ASKED}\n{WAITED}\nawait request.json()",
    ],
)
def test_a_connection_that_was_given_back_or_was_kept_before_is_nothing_new(body: str) -> None:
    assert told(body) == {False}


def test_a_dependency_that_is_left_in_a_thread_lets_others_come_anyway() -> None:
    """With three connections and twelve requests nine fail after half a minute, with the new `await` or without it."""
    assert told(f"{ASKED}\n{WAITED}", dependency="def") == {False}
    filtered = "query = db.query(int)\nquery = query.filter(1)\nquery = query.filter(2)\nquery.all()"
    assert told(f"{filtered}\n{WAITED}", dependency="def") == {False}
    assert told(f"with SessionLocal() as own:\n    own.{ASKED[3:]}\n    {WAITED}", dependency="def") == {True}


LED = """
async def fetched(db: Session):
    db.execute(text("SELECT 1"))
    requests.get('https://a.example', timeout=3)


@app.post("/")
async def home(request: Request):
    await request.body()
    with SessionLocal() as db:
        await fetched(db)
        {after}
"""


@pytest.mark.parametrize(("after", "is_told"), [("db.commit()", True), ("await request.json()", False)])
def test_a_session_that_a_caller_has_made_is_kept_as_well(after: str, is_told: bool) -> None:
    program = PROGRAM.partition("@app")[0].format(dependency="def", pool="") + LED.format(after=after)
    (finding,) = found("clients/requests", with_app(IMPORTS, program))
    assert [CHECKED_OUT in fix.notes for fix in _awaiting(finding)] == [is_told]


def test_a_session_that_middleware_closes_was_kept_while_others_came_in() -> None:
    program = with_app(
        IMPORTS,
        PROGRAM.format(
            dependency="async def", pool="", body=f"db: Session = request.state.db\n    {ASKED}\n    {WAITED}"
        ).replace(", db: Session = Depends(get_db)", ""),
    )
    (finding,) = found("clients/requests", program)
    assert CHECKED_OUT not in [note for fix in _awaiting(finding) for note in fix.notes]


@pytest.mark.parametrize("pool", [", poolclass=NullPool", ", pool_size=0", ", max_overflow=-1"])
def test_a_pool_without_bounds_has_enough_for_all(pool: str) -> None:
    assert told(f"{ASKED}\n{WAITED}", pool=pool) == {False}


def test_what_ends_the_transaction_in_its_thread_gives_the_connection_back_there() -> None:
    source = with_app(
        IMPORTS, PROGRAM.format(dependency="async def", pool="", body=f"{ASKED}\n    {ASKED}\n    db.commit()")
    )
    fixes = [
        (one.span.line, CHECKED_OUT in fix.notes)
        for one in found("databases/session", source)
        for fix in _awaiting(one)
    ]
    assert [kept for _, kept in sorted(fixes)] == [False, True, False]


BEFORE = """
SessionLocal = sessionmaker(create_engine("postgresql://a/b"{pool}))


{dependency} get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


async def checked(request: Request, {given} = Depends(get_db)) -> None:
    {checking}


async def fetched() -> dict:
    {waiting}return requests.get("https://a.example", timeout=3).json()


@app.post("/")
async def home(_: None = Depends(checked)) -> dict:
    return requests.get("https://a.example", timeout=3).json()


@app.get("/")
async def index(_: None = Depends(checked)) -> dict:
    return await fetched()
"""


@pytest.mark.parametrize(
    ("dependency", "checking", "pool", "is_told"),
    [
        ("async def", ASKED, "", True),
        ("async def", f"{ASKED}\n    db.close()", "", False),
        ("async def", "db.add(request)", "", False),
        ("async def", f"await request.body()\n    {ASKED}", "", False),
        ("async def", ASKED, ", poolclass=NullPool", False),
        ("def", ASKED, "", False),
    ],
)
@pytest.mark.parametrize("waiting", ["", "await asyncio.sleep(1)\n    "])
def test_a_dependency_that_has_asked_keeps_its_connection_while_a_thread_works(
    dependency: str, checking: str, pool: str, waiting: str, *, is_told: bool
) -> None:
    """Those that wait for a connection on the event loop keep the others from ending."""
    body = BEFORE.format(dependency=dependency, checking=checking, pool=pool, waiting=waiting, given="db: Session")
    findings = found("clients/requests", with_app(f"import asyncio\n{IMPORTS.lstrip()}", body))
    ways = [fix for one in findings for fix in (one.fix, *one.alternatives) if fix]
    assert {fix.way for fix in ways} == {Way.REVERSE, Way.OFFLOAD}
    of_home, of_index = (
        [note for fix in (one.fix, *one.alternatives) if fix for note in fix.notes] for one in reversed(findings)
    )
    assert (ASKED_BEFORE in of_home) is is_told
    assert (ASKED_BEFORE in of_index) is (is_told and not waiting)
