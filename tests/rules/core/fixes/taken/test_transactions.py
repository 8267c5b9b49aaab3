"""What databases are told of transactions."""

import pytest

from rules import Applicability
from tests.rules.checking import found, with_app

PROGRAM = """
@app.get("/{name}")
async def home(name: str):
    await asyncio.sleep(0)
    %s
    requests.get("https://a.example")
"""
IMPORTS = """
import asyncio
import sqlite3

import psycopg2
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker
"""
URL = "MEMORY = 'sqlite://'\nADDRESS = 'postgresql://'\n"
TOUCH = "'UPDATE users SET seen = 1'"
ADDED = "with SessionLocal() as db:\n        db.add(name)\n        db.query(int).all()"


def told(top: str, body: str) -> bool:
    """Whether rows are said to stay locked."""
    program = PROGRAM % body
    if body.startswith("with "):
        program = program.replace("\n    requests.get", "\n        requests.get")
    (finding,) = found("clients/requests", with_app(IMPORTS, f"{URL}{top}\n\n{program}"))
    assert finding.fix is not None
    is_told = any(note.startswith("Rows or tables stay locked") for note in finding.fix.notes)
    assert is_told <= (finding.fix.applicability is Applicability.UNSAFE)
    return is_told


def executed(connect: str) -> str:
    return f"connection = {connect}\n    connection.cursor().execute({TOUCH})"


BY_ENGINE = f"with engine.connect() as one:\n        one.execute(text({TOUCH}))"


@pytest.mark.parametrize(
    ("top", "body"),
    [
        ("", executed("psycopg2.connect('')")),
        ("", executed("sqlite3.connect('a.db')")),
        ("", executed("sqlite3.connect('a.db', isolation_level='IMMEDIATE')")),
        ("engine = create_engine(ADDRESS)", BY_ENGINE),
        ("engine = create_engine(ADDRESS, isolation_level='SERIALIZABLE')", BY_ENGINE),
        ("engine = create_engine(ADDRESS)\nSessionLocal = sessionmaker(engine)", ADDED),
        ("engine = create_engine(ADDRESS)\nSessionLocal = sessionmaker(engine, autoflush=True)", ADDED),
    ],
)
def test_a_transaction_that_is_open_keeps_rows_locked(top: str, body: str) -> None:
    assert told(top, body)


@pytest.mark.parametrize(
    ("top", "body"),
    [
        ("", executed("sqlite3.connect('a.db', isolation_level=None)")),
        ("", executed("sqlite3.connect(':memory:')")),
        ("", executed("psycopg2.connect('')").replace(".cursor", ".autocommit = True\n    connection.cursor")),
        (
            "",
            executed("psycopg2.connect('')").replace(".cursor", ".set_session(autocommit=True)\n    connection.cursor"),
        ),
        ("engine = create_engine(MEMORY)", BY_ENGINE),
        ("engine = create_engine('sqlite:///:memory:')", BY_ENGINE),
        ("engine = create_engine(ADDRESS, isolation_level='AUTOCOMMIT')", BY_ENGINE),
        ("engine = create_engine(ADDRESS).execution_options(isolation_level='AUTOCOMMIT')", BY_ENGINE),
        ("engine = create_engine(ADDRESS)\nSessionLocal = sessionmaker(engine, autoflush=False)", ADDED),
    ],
)
def test_what_is_committed_at_once_or_not_yet_sent_locks_nothing(top: str, body: str) -> None:
    assert not told(top, body)
