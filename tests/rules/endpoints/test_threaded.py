"""Plain `def` dependencies and endpoints that need no thread."""

import pytest

from rules import Options
from tests.rules.checking import EVERYTHING, assert_clean, assert_fixes, found, not_yet, with_app

RULE = "endpoints/threaded"

IMPORTS = """
import contextvars
import functools
import logging
import os
import threading
import time
import uuid
from datetime import datetime

import requests
from fastapi import Depends, Header, HTTPException, Query, Request
from pydantic import BaseModel, field_validator

from elsewhere import guarded, unknown

cache = {}
count = 0
current = contextvars.ContextVar("current")
lock = threading.Lock()
local = threading.local()
"""

USE = '\n\n\n@app.get("/")\nasync def home(x=Depends(page)):\n    return x\n'


@pytest.mark.parametrize(
    "definition",
    [
        'def page(offset: int = 0, limit: int = 100) -> dict:\n    return {"offset": offset, "limit": min(limit, 100)}',
        "def page():\n    return 1",
        "def page(x: str = Header()):\n    if not x:\n        raise HTTPException(status_code=403)\n    return x.strip()",
        "def page(x: str = Query(default=None)):\n    return str(uuid.uuid4()) if x is None else x",
        "def page(request: Request):\n    return request.headers",
        "def page(x: int = 1):\n    return datetime.now()",
        "def inner(x):\n    return len(x)\n\n\ndef page(x: str):\n    return inner(x)",
        "class Page(BaseModel):\n    offset: int\n\n\ndef page(x: int = 1):\n    return Page(offset=x)",
        "class Page:\n    def __init__(self, offset):\n        self.offset = offset\n\n\ndef page(x: int = 1):\n    return Page(x)",
    ],
)
def test_a_trivial_dependency_becomes_async(definition: str) -> None:
    before = with_app(IMPORTS, f"{definition}{USE}")
    (finding,) = assert_fixes(RULE, before, before.replace("def page", "async def page"))
    assert str(finding.severity) == "info"


@pytest.mark.parametrize("base", ["Protocol", "ABC"])
@pytest.mark.parametrize("body", ["...", '"""One."""', "raise NotImplementedError"])
def test_a_method_that_others_stand_for_tells_nothing(base: str, body: str) -> None:
    """One of them waits for a server, the other does not."""
    classes = (
        f"class Store({base}):\n    def get(self, key: str) -> str | None:\n        {body}\n\n\n"
        "class Kept(Store):\n    def get(self, key: str) -> str | None:\n        return None\n\n\n"
        "class Remote(Store):\n    def get(self, key: str) -> str | None:\n        return requests.get(key).text\n\n\n"
    )
    route = "def store(request: Request) -> Store:\n    return request.app.state.store\n\n\n"
    ask = '@app.get("/")\ndef home(key: str, store: Store = Depends(store)):\n    return store.get(key)\n'
    imports = f"{IMPORTS}\nfrom abc import ABC\nfrom typing import Protocol\n"
    findings = found(RULE, with_app(imports, classes + route + ask), options=EVERYTHING)
    assert not [one for one in findings if one.function == "home"]


@pytest.mark.parametrize("path", ["app/served.py", "tests/test_served.py"])
def test_a_dependency_that_the_application_replaces_is_left_alone(path: str) -> None:
    source = with_app(IMPORTS, f"def page():\n    raise NotImplementedError{USE}")
    overriding = "from app.main import app, page\n\nasync def other(): ...\n\napp.dependency_overrides[page] = other\n"
    assert bool(found(RULE, source, files={path: overriding})) is (path == "tests/test_served.py")


def test_a_trivial_endpoint_is_told_only_when_all_is_asked_for() -> None:
    before = with_app("", '@app.get("/")\ndef home():\n    return {"a": 1}\n')
    assert_clean(RULE, before)
    (finding,) = assert_fixes(RULE, before, before.replace("def home", "async def home"), options=EVERYTHING)
    assert finding.route == "GET /"


def test_a_decorated_endpoint_keeps_its_decorators() -> None:
    before = with_app("", '@app.get("/")\n@app.head("/")\ndef home(x: int = 1) -> int:\n    return x\n')
    assert_fixes(RULE, before, before.replace("def home", "async def home"), options=EVERYTHING)


@pytest.mark.parametrize(
    "definition",
    [
        "async def page():\n    return 1",
        "def page():\n    yield 1",
        "def page():\n    time.sleep(1)",
        "def page():\n    return requests.get('x')",
        "def page():\n    return unknown()",
        "def page(x):\n    return x.anything()",
        "def page():\n    for x in unknown:\n        len(x)",
        "def page():\n    lock.acquire()",
        "def page():\n    current.set(1)",
        "def page():\n    local.x = 1",
        "def page():\n    cache['x'] = 1",
        "def page():\n    global count\n    count += 1",
        "def page():\n    cache.update(x=1)",
        "def page():\n    return open('x').read()",
        "def page():\n    return os.environ['x'], os.listdir('.')",
        "@functools.lru_cache\ndef page():\n    return 1",
        "@guarded\ndef page():\n    return 1",
        "def inner():\n    time.sleep(1)\n\n\ndef page():\n    return inner()",
        "def inner():\n    return unknown()\n\n\ndef page():\n    return inner()",
        "def inner():\n    return page()\n\n\ndef page():\n    return inner()",
        "class page:\n    def __init__(self):\n        self.x = 1",
        (
            "class Page(BaseModel):\n    offset: int\n\n    @field_validator('offset')\n    def check(cls, x):\n        return unknown(x)\n\n\n"
            "def page(x: int = 1):\n    return Page(offset=x)"
        ),
        "page = lambda: 1",
        "def page():\n    return 1\n\n\nvalue = page()",
        "def page():\n    return 1\n\n\nhandlers = [page]",
        "def page():\n    return 1\n\n\ndef other():\n    return page() + 1",
        "def page():\n    return [x for x in range(10**9)]\n\n\nfrom elsewhere import range",
        "def page():\n    return (lambda: time.sleep(1))()",
        "def page():\n    logging.info('x')\n    return unknown.value()",
    ],
)
def test_left_alone(definition: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{definition}{USE}"))


@pytest.mark.parametrize(
    "definition",
    [
        "def page(n: int = 1):\n    return sum(x * x for x in range(n))",
        "def page(n: int = 1):\n    while n:\n        n -= 1\n    return n",
        "class Thing:\n    def __init__(self): ...\n\n    @property\n    def slow(self):\n        time.sleep(1)\n\n\ndef page():\n    return Thing().slow",
        "def page():\n    with lock:\n        return 1",
        "def page(xs: list[int]):\n    return sorted(xs, key=unknown)",
        pytest.param(
            "def page(local_=local):\n    return local.x",
            marks=not_yet("a read of `threading.local` is not seen"),
        ),
        "def page(a=Depends(unknown)):\n    return a == 1, a + a, a[0]",
    ],
)
def test_what_is_not_known_to_be_quick_is_left_alone(definition: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{definition}{USE}"))


def test_a_method_is_left_alone() -> None:
    assert_clean(
        RULE,
        with_app(
            "from fastapi import Depends",
            """
            class Pages:
                def page(self):
                    return 1


            pages = Pages()


            @app.get("/")
            async def home(x=Depends(pages.page)):
                return x
            """,
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "from app.main import page\n\nprint(page())\n",
        "from app import main\n\nprint(main.page())\n",
        "from app.main import page as p\n\nxs = [p]\n",
        "from app.main import page\n\ndef test_page():\n    assert page() == 1\n",
    ],
)
@pytest.mark.parametrize("path", ["app/other.py", "tests/test_other.py"])
def test_a_function_that_is_called_by_hand_is_left_alone(text: str, path: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"def page():\n    return 1{USE}"), files={"app/__init__.py": "", path: text})


def test_endpoints_that_block_stay_in_threads_even_when_all_is_asked_for() -> None:
    assert_clean(
        RULE,
        with_app(IMPORTS, '@app.get("/")\ndef home():\n    return requests.get("x").json()\n'),
        options=Options(everything=True),
    )


@pytest.mark.parametrize("answer", ["user", "user.name", "{'user': user}"])
def test_what_a_dependency_may_have_from_a_database_is_left_alone(answer: str) -> None:
    """FastAPI reads the answer of an `async def` on the loop, and what is loaded lazily with it."""
    source = with_app(
        "from fastapi import Depends\nfrom app.models import User, find",
        f"def who() -> User:\n    return find()\n\n\n@app.get('/')\ndef home(user: User = Depends(who)):\n    return {answer}\n",
    )
    models = "class User:\n    name = ''\n\n\ndef find():\n    return unknown()\n"
    assert_clean(RULE, source, files={"app/__init__.py": "", "app/models.py": models}, options=EVERYTHING)


ROWS = """
class Base(DeclarativeBase): ...


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


SessionLocal = sessionmaker(create_engine("postgresql://"))


def seen(db: Session, user: User) -> None:
    user.name = "seen"
    {done}


def who(db: Session = Depends(SessionLocal)) -> User:
    user = db.scalars(select(User)).one()
    seen(db, user)
    return user


async def found(user: User = Depends(who)) -> User:
    return user


def name_of({parameter}) -> str:
    return {read}


@app.get("/")
async def home(name: str = Depends(name_of)):
    return name
"""
ROWS_ABOVE = (
    "from fastapi import Depends\nfrom fastapi.security import HTTPBasic\nfrom sqlalchemy import create_engine, select\n"
    "from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker"
)


@pytest.mark.parametrize("parameter", ["user: User = Depends(who)", "user=Depends(who)", "user: User = Depends(found)"])
def test_what_a_dependency_has_committed_is_loaded_again_where_it_is_read(parameter: str) -> None:
    source = with_app(ROWS_ABOVE, ROWS.format(done="db.commit()", parameter=parameter, read="user.name"))
    assert_clean(RULE, source)


@pytest.mark.parametrize(
    ("done", "parameter", "read"),
    [
        ("db.flush()", "user: User = Depends(who)", "user.name"),
        ("db.commit()", "user: str = Depends(who)", "user"),
        ("db.commit()", "user: User = Depends(HTTPBasic())", "user.name"),
    ],
)
def test_what_holds_what_it_has_is_read_at_once(done: str, parameter: str, read: str) -> None:
    source = with_app(ROWS_ABOVE, ROWS.format(done=done, parameter=parameter, read=read))
    assert "name_of" in {finding.function for finding in found(RULE, source)}


@pytest.mark.parametrize(
    ("path", "documented"),
    [("{$callback_url}", "told.routes"), ("/told", "told.routes"), ("{$request.body.url}/told", "[]")],
    ids=["both", "by its router", "by its path, where the router goes to another file"],
)
def test_the_documentation_of_a_callback_is_left_alone(path: str, documented: str) -> None:
    """The routes of such a router are called by nobody but tests: https://fastapi.tiangolo.com/advanced/openapi-callbacks/."""
    source = with_app(
        "from fastapi import APIRouter",
        f"""
        told = APIRouter()


        @told.post("{path}")
        def told_of(x: int = 1):
            return x


        @app.post("/", callbacks={documented})
        async def home():
            return 1
        """,
    )
    assert_clean(RULE, source, options=EVERYTHING)


def test_websockets_and_middleware_are_not_spoken_of() -> None:
    assert_clean(
        RULE,
        with_app(
            "",
            '@app.websocket("/")\ndef home(ws):\n    return 1\n\n\n@app.middleware("http")\ndef m(r, c):\n    return c(r)\n',
        ),
        options=EVERYTHING,
    )


ANSWERING = """
class Shown(BaseModel):
    name: str


@app.get("/", response_model=Shown)
def home(user{annotation} = Depends({dependency})):
    return user
"""


@pytest.mark.parametrize("annotation", ["", ": User"])
@pytest.mark.parametrize("dependency", ["company.current_user", "current_user", "missing.current_user"])
def test_what_a_dependency_of_another_package_gives_may_be_a_row(annotation: str, dependency: str) -> None:
    """FastAPI reads it for the answer, in the thread as it is."""
    imports = (
        "import company\nfrom company import User, current_user\nfrom fastapi import Depends\nfrom pydantic import BaseModel\n\n"
        "from . import missing"
    )
    source = with_app(imports, ANSWERING.format(annotation=annotation, dependency=dependency))
    assert_clean(RULE, source, options=EVERYTHING)
    assert found(RULE, source.replace(f"user{annotation} =", "user: str ="), options=EVERYTHING)
