"""What is written as before may say something else: where a name, or what gives a parameter, was touched."""

import pytest

from tests.rules.core.fixes.test_proof import objected

SOURCE = """
import httpx
from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session

from app.config import engine

app = FastAPI()
Client = httpx.Client


def opened():
    return Session(engine)


def get_db():
    yield opened()


def get_name():
    return "a" + "b"


def make_app():
    Inner = httpx.Client
    made = FastAPI(dependencies=[Depends(get_db)])

    @made.get("/inner")
    async def inner(client: Inner):
        return 1

    return made


class Service:
    def ask(self, client: Client):
        return 2


@app.get("/")
async def home(db=Depends(get_db), name=Depends(get_name)):
    return 3
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("yield opened()", "yield app"),
        ("return Session(engine)", "return app"),
        ("Client = httpx.Client\n\n\ndef", "Client = FastAPI\n\n\ndef"),
        ("    Inner = httpx.Client", "    Inner = FastAPI"),
    ],
)
def test_a_signature_changes_that_is_written_as_before(before: str, after: str) -> None:
    assert objected(before, after, SOURCE) == "changes a signature"


def test_routes_change_that_are_written_as_before() -> None:
    source = SOURCE.replace("db=Depends(get_db), ", "")
    assert objected("yield opened()", "yield opened(), 1", source) == "changes the routes"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('return "a" + "b"', 'return "ab"'),
        ("return 1", "return 11"),
        ("return 2", "return 22"),
        ("return 3", "return 33"),
        ("Session(engine)", "Session(engine, autoflush=False)"),
        ("import httpx\n", "import asyncio\nimport httpx\n"),
        ("    Inner = httpx.Client", "    Inner = httpx.AsyncClient"),
    ],
)
def test_what_says_the_same_is_no_objection(before: str, after: str) -> None:
    assert objected(before, after, SOURCE) == ""
