"""SQLite databases in memory, of which each thread has an empty one of its own."""

import pytest

from tests.rules.checking import Files, assert_unfixed, found, with_app

ENGINE = """
import os

from pydantic_settings import BaseSettings
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import NullPool, SingletonThreadPool, StaticPool


class Settings(BaseSettings):
    url: str = "sqlite://"
    other: str = os.getenv("URL", "sqlite://")
    kept: str = "sqlite:///kept.db"


settings = Settings()
URL = "sqlite:///:memory:"
engine = create_engine({})
SessionLocal = sessionmaker(engine)
"""
OWN = (
    "'sqlite://'",
    "'sqlite:///:memory:', connect_args={'check_same_thread': False}",
    "'sqlite+pysqlite:///:memory:', echo=True",
    "url=URL",
    "os.getenv('URL', 'sqlite://')",
    "os.environ.get('URL') or URL",
    "settings.url",
    "settings.other",
    "URL, poolclass=SingletonThreadPool",
)
SHARED = (
    "'sqlite:///kept.db'",
    "settings.kept",
    "os.environ['URL']",
    "URL, connect_args={'check_same_thread': False}, poolclass=StaticPool",
    "URL, poolclass=NullPool",
    "URL, **settings.more",
    "'sqlite:///file:shop?mode=memory&cache=shared&uri=true'",
)
IMPORTS = "from app.database import SessionLocal\nfrom app.models import Item"
USE = """
def rename(name: str) -> None:
    with SessionLocal() as db:
        db.get(Item, 1).name = name
        db.commit()


@app.post("/helper/{name}")
async def by_helper(name: str, request: Request) -> None:
    await request.body()
    rename(name)


@app.post("/session/{name}")
async def by_session(name: str, request: Request) -> None:
    await request.body()
    with SessionLocal() as db:
        db.get(Item, 1).name = name
        db.commit()


@app.post("/whole/{name}")
async def as_a_whole(name: str) -> None:
    with SessionLocal() as db:
        db.get(Item, 1).name = name
        db.commit()
"""
SOURCE = with_app(IMPORTS, USE).replace("import FastAPI", "import FastAPI, Request")


def _files(told: str, path: str = "app/database.py") -> Files:
    return {path: ENGINE.format(told)}


@pytest.mark.parametrize("told", OWN)
def test_its_use_stays_in_the_thread_where_it_is(told: str) -> None:
    """What was written in the one thread is not there in another."""
    assert_unfixed("databases/session", SOURCE, _files(told))


@pytest.mark.parametrize("told", SHARED)
def test_what_all_threads_share_is_asked_in_any(told: str) -> None:
    findings = found("databases/session", SOURCE, _files(told))
    assert {one.function for one in findings if one.fix} == {"by_helper", "by_session", "as_a_whole"}


def test_what_only_tests_keep_in_memory_says_nothing() -> None:
    files = {**_files("'sqlite:///kept.db'"), **_files("'sqlite://'", "tests/conftest.py")}
    assert all(one.fix for one in found("databases/session", SOURCE, files))


def test_work_without_the_database_may_go_to_a_thread() -> None:
    body = """
    @app.post("/")
    async def home(request: Request) -> None:
        with SessionLocal() as db:
            item = db.get(Item, 1)
        await request.body()
        time.sleep(3)
        print(item)
    """
    source = with_app(f"import time\n\n{IMPORTS}", body).replace("import FastAPI", "import FastAPI, Request")
    (finding,) = found("blocking/sleep", source, _files("'sqlite://'"))
    assert finding.fix is not None


@pytest.mark.parametrize(("name", "is_offered"), [(":memory:", False), ("kept.db", True)])
def test_models_of_peewee(name: str, is_offered: bool) -> None:
    body = f"""
    db = peewee.SqliteDatabase("{name}")


    class User(peewee.Model):
        name = peewee.CharField()

        class Meta:
            database = db


    @app.get("/users/{{user_id}}")
    async def read_user(user_id: int) -> str:
        return User.get_by_id(user_id).name
    """
    (finding,) = found("databases/orm", with_app("import peewee", body))
    assert (finding.fix is not None) is is_offered


@pytest.mark.parametrize(
    ("told", "is_offered"),
    [
        ("db_url='sqlite://'", False),
        ("db_url='sqlite:///kept.db'", True),
        ("db_url='sqlite://', engine_args={'poolclass': StaticPool}", True),
    ],
)
def test_the_engine_that_middleware_makes(told: str, is_offered: bool) -> None:
    body = f"""
    app.add_middleware(DBSessionMiddleware, {told})


    @app.post("/")
    async def home(request: Request) -> None:
        await request.body()
        db.session.execute(text("SELECT 1"))
    """
    imports = "from fastapi_sqlalchemy import DBSessionMiddleware, db\nfrom sqlalchemy import StaticPool, text"
    source = with_app(imports, body).replace("import FastAPI", "import FastAPI, Request")
    (finding,) = found("databases/session", source)
    assert (finding.fix is not None) is is_offered
