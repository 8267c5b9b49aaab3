"""What leads from a request to a blocking call: each idiom found, and its harmless neighbour left alone."""

import pytest

from tests.rules.checking import Files, analysed, encoded, found, with_app

HEAD = """
import abc
import contextlib
import functools
import time
from typing import Annotated, Any, Generic, Protocol, TypeAlias, TypeVar

import requests
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request, Security, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, field_validator
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, sessionmaker

from elsewhere import engine, unknown

app = FastAPI()
SessionLocal = sessionmaker(engine)


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


"""


def blocked(source: str, files: Files | None = None) -> list[str]:
    """The qualified names of the functions in which something blocks the event loop."""
    sources = {"app/main.py": (HEAD + source).encode()} | {path: encoded(text) for path, text in (files or {}).items()}
    analysis = analysed(sources)
    assert not analysis.unreadable
    return sorted({f.function for f in analysis.findings if "blocks the event loop" in f.message})


STARTED = """
class Login:
    def on_start(self, app) -> None: ...


class DatabaseLogin(Login):
    def on_start(self, app) -> None:
        @app.post("/login")
        async def login() -> None:
            time.sleep(1)


def login() -> Login:
    return unknown()


"""
ABSTRACT = """
class Users(abc.ABC):
    @abc.abstractmethod
    def get(self, id: int): ...


class SqlUsers(Users):
    def __init__(self, session: Session):
        self.session = session

    def get(self, id: int):
        return self.session.get(object, id)


"""
PROTOCOL = """
class Users(Protocol):
    def get(self, id: int): ...

    def add(self, name: str): ...


"""
SQL_USERS = """
class SqlUsers:
    def __init__(self, session: Session):
        self.session = session

    def get(self, id: int):
        return self.session.get(object, id)

    def add(self, name: str): ...


"""
IN_MEMORY = """
class MemoryUsers(Users):
    def get(self, id: int):
        return {}[id]


"""
REDIS = """
class OtherUsers(Users):
    def get(self, id: int):
        return requests.get("http://users")


"""
ENDPOINT = """

@app.get("/users/{id}")
async def read(id: int, users: Users = Depends(%s)):
    return users.get(id)
"""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(ABSTRACT + ENDPOINT % "unknown", id="the only implementation"),
        pytest.param(ABSTRACT + REDIS + ENDPOINT % "unknown", id="two implementations that block"),
        pytest.param(
            ABSTRACT
            + IN_MEMORY
            + "def users(db: Session = Depends(get_db)) -> Users:\n    return SqlUsers(db)\n"
            + ENDPOINT % "users",
            id="the one that the dependency returns",
        ),
        pytest.param(
            ABSTRACT + IN_MEMORY + "def users(db: Session = Depends(get_db)) -> Users:\n    return SqlUsers(db)\n"
            "app.dependency_overrides[Users] = users\n" + ENDPOINT % "",
            id="the one that overrides the interface",
        ),
        pytest.param(
            ABSTRACT
            + IN_MEMORY
            + """
class Service:
    def __init__(self, users: Users):
        self.users = users

    def read(self, id: int):
        return self.users.get(id)


def service(db: Session = Depends(get_db)) -> Service:
    return Service(SqlUsers(db))


@app.get("/users/{id}")
async def read(id: int, service: Annotated[Service, Depends(service)]):
    return service.read(id)
""",
            id="the one that a service is made with",
        ),
        pytest.param(
            """
class Users(Protocol):
    def get(self, id: int): ...


class SqlUsers:
    def __init__(self, session: Session):
        self.session = session

    def get(self, id: int):
        return self.session.get(object, id)


def users(db: Session = Depends(get_db)) -> Users:
    return SqlUsers(db)


@app.get("/users/{id}")
async def read(id: int, users: Users = Depends(users)):
    return users.get(id)
""",
            id="a protocol",
        ),
        pytest.param(
            """
Model = TypeVar("Model")


class Repository(Generic[Model]):
    model: type[Model]

    def __init__(self, session: Session):
        self.session = session

    def get(self, id: int) -> Model:
        return self.session.get(self.model, id)


class Users(Repository[dict]):
    model = dict


@app.get("/users/{id}")
async def read(id: int, db: Session = Depends(get_db)):
    return Users(db).get(id)
""",
            id="a generic repository",
        ),
        pytest.param(
            """
class Store(abc.ABC):
    def save(self, item):
        self._write(item)

    @abc.abstractmethod
    def _write(self, item): ...


class SqlStore(Store):
    def __init__(self, session: Session):
        self.session = session

    def _write(self, item):
        self.session.commit()


@app.post("/users")
async def read(db: Session = Depends(get_db)):
    SqlStore(db).save(1)
""",
            id="a template method",
        ),
        pytest.param(
            """
class Users:
    def __init__(self, session: Session):
        self.session = session

    def add(self, user):
        self.session.add(user)


class Unit:
    def __init__(self, factory=SessionLocal):
        self.factory = factory

    def __enter__(self):
        self.session = SessionLocal()
        self.users = Users(self.session)
        return self

    def __exit__(self, *error):
        self.session.rollback()

    def commit(self):
        self.session.commit()


@app.post("/users")
async def read(unit: Unit = Depends(Unit)):
    with unit:
        unit.users.add({})
        unit.commit()
""",
            id="a unit of work",
        ),
        pytest.param(
            """
@app.on_event("startup")
def connect():
    app.state.sessions = sessionmaker(engine)


@app.get("/users")
async def read(request: Request):
    with request.app.state.sessions() as db:
        return db.execute("select 1")
""",
            id="what startup sets on the state",
        ),
        pytest.param(
            """
@app.on_event("startup")
def connect():
    app.session = Session(engine)


@app.get("/users")
async def read(request: Request):
    return request.app.session.execute("select 1")
""",
            id="what startup sets on the application",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(db: Session = Depends(get_db)):
    users = db.query(object).filter(1)
    return [user for user in users]
""",
            id="a query that is run through later",
        ),
        pytest.param(
            """
def common(page: int = 1, db: Session = Depends(get_db)):
    return {"page": page, "db": db}


def paginate(page, db):
    return db.query(object).all()


@app.get("/users")
async def read(common: Annotated[dict, Depends(common)]):
    return paginate(**common)
""",
            id="a dictionary that is spread",
        ),
        pytest.param(
            """
stores = {"users": SessionLocal(), "other": unknown()}


@app.get("/users")
async def read():
    return stores["users"].execute("select 1")
""",
            id="a dictionary",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(db: Any = Depends(unknown)):
    if isinstance(db, Session):
        return db.execute("select 1")
""",
            id="a test of its type",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(db: Any = Depends(unknown)):
    if not isinstance(db, Session):
        raise TypeError
    return db.execute("select 1")
""",
            id="a test of its type that leaves",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(db: Any = Depends(unknown)):
    assert isinstance(db, Session)
    return db.execute("select 1")
""",
            id="an assertion of its type",
        ),
        pytest.param(
            """
Db: TypeAlias = "Annotated[Session, Depends(get_db)]"


@app.get("/users")
async def read(db: Db):
    return db.execute("select 1")
""",
            id="an alias in quotes",
        ),
        pytest.param(
            """
type Db = Annotated[Session, Depends(get_db)]


@app.get("/users")
async def read(db: Db):
    return db.execute("select 1")
""",
            id="an alias by `type`",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(db: Annotated["Session", Depends(get_db)]):
    return db.execute("select 1")
""",
            id="quotes within an annotation",
        ),
        pytest.param(
            """
def attempt(work, times: int = 3):
    for _ in range(times):
        return work()


@app.get("/users")
async def read(db: Session = Depends(get_db)):
    return attempt(lambda: db.execute("select 1"))
""",
            id="a lambda that a helper calls",
        ),
        pytest.param(
            """
def attempt(work):
    return work()


def load(url):
    return requests.get(url)


@app.get("/users")
async def read():
    return attempt(functools.partial(load, "http://users"))
""",
            id="a partial that a helper calls",
        ),
        pytest.param(
            """
async def attempt(work):
    return work()


def load():
    return requests.get("http://users")


@app.get("/users")
async def read():
    return await attempt(load)
""",
            id="a function that an asynchronous helper calls",
        ),
        pytest.param(
            """
def timed(function):
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@app.get("/users")
@timed
def read():
    return requests.get("http://users")
""",
            id="a `def` endpoint under an asynchronous wrapper",
        ),
        pytest.param(
            """
def retried(times: int):
    def decorate(function):
        @functools.wraps(function)
        async def wrapper(*args, **kwargs):
            result = function(*args, **kwargs)
            return result

        return wrapper

    return decorate


@retried(3)
def read():
    return requests.get("http://users")


@app.get("/users")
async def users():
    return await read()
""",
            id="a `def` helper under an asynchronous wrapper",
        ),
        pytest.param(
            """
class Check:
    async def __call__(self, request: Request):
        return requests.get("http://users")


@app.get("/users", dependencies=[Depends(Check())])
async def read(): ...
""",
            id="an object with an asynchronous `__call__`",
        ),
        pytest.param(
            """
class User(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def is_free(cls, name: str) -> str:
        requests.get(f"http://users/{name}")
        return name


class Team(BaseModel):
    users: list[User]


@app.post("/teams")
def read(team: Team): ...
""",
            id="a validator within the body of a `def` endpoint",
        ),
        pytest.param(
            """
class Cart:
    def __init__(self, session: Session):
        self.session = session

    @property
    def items(self):
        return self.session.query(object).all()


class Shop:
    def __init__(self, cart: Cart):
        self.cart = cart

    def total(self):
        return len(self.cart.items)


@app.get("/cart")
async def read(db: Session = Depends(get_db)):
    return Shop(Cart(db)).total()
""",
            id="a property that a helper reads",
        ),
        pytest.param(
            """
class Cart:
    def __init__(self, session: Session):
        self.session = session

    @property
    def items(self):
        return self.session.query(object).all()


@app.get("/cart")
async def read(db: Session = Depends(get_db)):
    cart = Cart(db)
    return {"items": cart.items}
""",
            id="a property",
        ),
        pytest.param(
            """
from dependency_injector import containers, providers
from dependency_injector.wiring import Provide, inject


class Users:
    def __init__(self, session: Session):
        self.session = session

    def get(self, id: int):
        return self.session.get(object, id)


class Container(containers.DeclarativeContainer):
    users = providers.Factory(Users, session=unknown)


@app.get("/users")
@inject
async def read(users=Depends(Provide[Container.users])):
    return users.get(1)
""",
            id="a container",
        ),
        pytest.param(
            PROTOCOL + SQL_USERS + "def users() -> Users:\n    return unknown()\n" + ENDPOINT % "users",
            id="the only class that looks like a protocol",
        ),
        pytest.param(
            """
@unknown(APIRouter())
class Users:
    db = Depends(get_db)

    @app.get("/users")
    async def read(self):
        return self.db.get(object, 1)
""",
            id="an attribute of a class-based view without a type",
        ),
        pytest.param(STARTED + "login().on_start(app)\n", id="a route that a class chosen at run time adds"),
    ],
)
def test_found(source: str) -> None:
    assert blocked(source)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(STARTED + "login().on_start(unknown())\n", id="a route that is added to something else"),
        pytest.param(
            ABSTRACT + IN_MEMORY + ENDPOINT % "unknown", id="two implementations, of which one does not block"
        ),
        pytest.param(
            ABSTRACT + IN_MEMORY + "def users() -> Users:\n    return MemoryUsers()\n" + ENDPOINT % "users",
            id="the implementation that the dependency returns does not block",
        ),
        pytest.param(
            ABSTRACT.replace("class SqlUsers(Users)", "class SqlUsers") + ENDPOINT % "unknown", id="no implementation"
        ),
        pytest.param(
            PROTOCOL
            + SQL_USERS.replace("def add(self, name: str)", "def add(self, user: object)")
            + ENDPOINT % "unknown",
            id="a class with other parameters than a protocol",
        ),
        pytest.param(
            PROTOCOL
            + SQL_USERS
            + SQL_USERS.replace("SqlUsers", "MemoryUsers").replace("self.session.get(object, id)", "{}")
            + ENDPOINT % "unknown",
            id="two classes that look like a protocol, of which one does not block",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(request: Request):
    return request.app.session.execute("select 1")
""",
            id="what nobody sets on the application",
        ),
        pytest.param(
            """
class Cart:
    def __init__(self, session: Session):
        self.session = session

    @property
    def items(self):
        return self.session.query(object)

    @property
    def all(self):
        return self.session.query(object).all()


class Other:
    all: list[int]


@app.get("/cart")
async def read(cart: Other, db: Session = Depends(get_db)):
    return [cart.all, Cart(db).items]
""",
            id="a property of another object, and one that does not block",
        ),
        pytest.param(
            """
@app.get("/users")
def read(db: Session = Depends(get_db)):
    users = db.query(object).filter(1)
    return [user for user in users]
""",
            id="a query in a `def` endpoint",
        ),
        pytest.param(
            """
stores = {"users": SessionLocal(), "other": unknown()}


@app.get("/users")
async def read():
    return stores["other"].execute("select 1")
""",
            id="another value of the dictionary",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(db: AsyncSession | Session = Depends(unknown)):
    if isinstance(db, AsyncSession):
        return await db.execute("select 1")
    else:
        return await run_in_threadpool(db.execute, "select 1")
""",
            id="a test of its type, and the other way",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(db: Any = Depends(unknown)):
    if isinstance(db, Session):
        return 1
    return db.execute("select 1")
""",
            id="below a test of its type",
        ),
        pytest.param(
            """
@app.get("/users")
async def read(db: Any = Depends(unknown)):
    if isinstance(db, Session):
        db = unknown()
        return db.execute("select 1")
""",
            id="another value after the test of its type",
        ),
        pytest.param(
            """
async def attempt(work):
    return await run_in_threadpool(work)


def load():
    return requests.get("http://users")


@app.get("/users")
async def read():
    return await attempt(load)
""",
            id="a function that a helper hands to a thread",
        ),
        pytest.param(
            """
def remember(work):
    unknown.append(work)


def load():
    return requests.get("http://users")


@app.get("/users")
async def read():
    return remember(load)
""",
            id="a function that a helper keeps",
        ),
        pytest.param(
            """
def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@app.get("/users")
@timed
def read():
    return requests.get("http://users")
""",
            id="a `def` endpoint under a plain wrapper",
        ),
        pytest.param(
            """
def timed(function):
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        return await run_in_threadpool(function, *args, **kwargs)

    return wrapper


@app.get("/users")
@timed
def read():
    return requests.get("http://users")
""",
            id="a `def` endpoint under a wrapper that hands it to a thread",
        ),
        pytest.param(
            """
class Check:
    def __call__(self, request: Request):
        return requests.get("http://users")


@app.get("/users", dependencies=[Depends(Check())])
async def read(): ...
""",
            id="an object with a plain `__call__`",
        ),
        pytest.param(
            """
class User(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def is_free(cls, name: str) -> str:
        requests.get(f"http://users/{name}")
        return name


@app.get("/users")
def read():
    return User(name="me")
""",
            id="a validator of what a `def` endpoint makes itself",
        ),
    ],
)
def test_left_alone(source: str) -> None:
    assert blocked(source) == []


def test_overrides_of_tests_do_not_count() -> None:
    source = ABSTRACT + IN_MEMORY + ENDPOINT % ""
    tests = """
    from app.main import SqlUsers, Users, app

    app.dependency_overrides[Users] = lambda: SqlUsers(None)
    """
    assert blocked(source, {"tests/test_users.py": tests}) == []


def test_an_alias_through_a_star() -> None:
    files = {
        "app/deps.py": """
        from typing import Annotated
        from fastapi import Depends
        from sqlalchemy.orm import Session

        def make() -> Session: ...

        Db = Annotated[Session, Depends(make)]
        """
    }
    source = (
        "from app.deps import *\n\n\n@app.get('/users')\nasync def read(db: Db):\n    return db.execute('select 1')\n"
    )
    assert blocked(source, files) == ["read"]


def told(source: str) -> list[tuple[str, str]]:
    """Severity and message of each finding of a blocking call."""
    analysis = analysed({"app/main.py": (HEAD + source).encode()})
    return [(str(f.severity), f.message) for f in analysis.findings if "blocks the event loop" in f.message]


READING = """
import shutil


async def copied(path: str):
    shutil.copyfile(path, "copy")


"""


def routes(count: int, depends: str, first: int = 1) -> str:
    """So many endpoints, each with a route of its own."""
    return "".join(f"@app.get('/{n}')\nasync def r{n}({depends}): ...\n\n\n" for n in range(first, first + count))


def test_a_dependency_names_the_routes_that_need_it() -> None:
    source = "async def user(db: Session = Depends(get_db)):\n    return db.get(object, 1)\n\n\n"
    ((severity, message),) = told(source + routes(3, "user=Depends(user)"))
    assert severity == "error"
    assert "in the dependency `user` of `GET /1` and 2 more routes:" in message


def test_a_dependency_of_another_one_names_the_routes_too() -> None:
    source = (
        "async def user(db: Session = Depends(get_db)):\n    return db.get(object, 1)\n\n\n"
        "async def admin(user=Depends(user)):\n    return user\n\n\n"
    )
    ((_, message),) = told(source + routes(1, "admin=Depends(admin)"))
    assert "of `GET /1`:" in message


def test_a_dependency_of_a_router_names_its_routes() -> None:
    source = (
        "async def user(db: Session = Depends(get_db)):\n    return db.get(object, 1)\n\n\n"
        "api = APIRouter(prefix='/api', dependencies=[Depends(user)])\n"
        "@api.get('/items')\nasync def items(): ...\n\n\napp.include_router(api)\n"
    )
    ((_, message),) = told(source)
    assert "of `GET /api/items`:" in message


@pytest.mark.parametrize(
    ("needed", "others", "severity"),
    [(2, 2, "error"), (5, 1, "error"), (1, 0, "warning"), (1, 1, "warning"), (2, 3, "warning")],
)
def test_files_weigh_more_where_half_of_all_routes_come_by(needed: int, others: int, severity: str) -> None:
    source = READING + routes(needed, "path=Depends(copied)") + routes(others, "", needed + 1)
    assert [found for found, _ in told(source)] == [severity]


def test_files_weigh_more_in_a_middleware() -> None:
    source = (
        READING + "@app.middleware('http')\nasync def copy(request, call_next):\n    await copied(request.url.path)\n"
    )
    assert [severity for severity, _ in told(source)] == ["error"]


def test_startup_is_silent() -> None:
    source = "@app.on_event('startup')\nasync def load():\n    requests.get('http://users')\n"
    assert told(source) == []


@pytest.mark.parametrize(("router", "expected"), [("VersionedAPIRouter", ["slow"]), ("Version", [])])
def test_a_versioned_router_registers_like_any_other(router: str, expected: list[str]) -> None:
    source = f"from cadwyn import {router}\n\napi = {router}(prefix='/v1')\n\n\n"
    assert blocked(source + "@api.get('/slow')\nasync def slow():\n    time.sleep(1)\n") == expected


def test_what_an_async_function_is_given_to_call_is_told_where_it_calls_it() -> None:
    """A worker thread would only make its coroutine, so the call that hands the function over has no such fix."""
    files = {"app/threads.py": "async def run(name, function):\n    return function()\n"}
    home = '@app.get("/")\nasync def home():\n    await run("x", lambda: time.sleep(1))\n    return {}\n'
    source = with_app("import time\nfrom app.threads import run", home)
    (finding,) = found("blocking/sleep", source, files)
    assert (finding.path, finding.span.line) == ("app/threads.py", 2)
    several = {"app/threads.py": f"{files['app/threads.py']}\n\nasync def other():\n    await run('y', print)\n"}
    (finding,) = found("blocking/sleep", source, several)
    assert (finding.path, finding.fix, finding.alternatives) == ("app/main.py", None, ())


KEPT = """
class Client:
    def __init__(self):
        self.rates = None
        self.ready = False

    {method}


client = Client()


@app.get("/rates")
async def read({parameter}):
    return {call}
"""
ONCE = [
    "def load(self):\n        if self.rates is None:\n            self.rates = requests.get('x')\n        return self.rates",
    "def load(self):\n        if self.rates:\n            return self.rates\n        self.rates = requests.get('x')",
    "def load(self):\n        if not hasattr(self, 'kept'):\n            self.kept = requests.get('x')\n        return self.kept",
    (
        "def load(self):\n        if self.ready and self.rates:\n            return self.rates\n"
        "        return self.make(requests.get('x'))\n\n    def make(self, rates):\n        self.rates = rates"
    ),
    "def load(self):\n        if self.ready:\n            return\n        self.rates = requests.get('x')\n        self.ready = True",
    "@property\n    def load(self):\n        if self.rates is None:\n            self.rates = requests.get('x')\n        return self.rates",
]


@pytest.mark.parametrize("method", ONCE)
def test_what_an_object_that_stays_sets_up_once_is_left_alone(method: str) -> None:
    call = "client.load" if "property" in method else "client.load()"
    assert blocked(KEPT.format(method=method, parameter="", call=call)) == []


@pytest.mark.parametrize("method", ONCE[:-1])
@pytest.mark.parametrize(
    ("parameter", "call"), [("", "Client().load()"), ("client: Client = Depends(Client)", "client.load()")]
)
def test_an_object_of_one_request_sets_it_up_for_each(method: str, parameter: str, call: str) -> None:
    assert blocked(KEPT.format(method=method, parameter=parameter, call=call)) == ["read"]


@pytest.mark.parametrize(
    "method",
    [
        "def load(self):\n        if self.rates is None:\n            return requests.get('x')\n        return self.rates",
        "def load(self):\n        if self.rates:\n            self.rates = requests.get('x')\n        return self.rates",
        "def load(self):\n        if self.ready:\n            return None\n        return requests.get('x')",
    ],
)
def test_what_is_never_kept_is_found(method: str) -> None:
    assert blocked(KEPT.format(method=method, parameter="", call="client.load()")) == ["read"]


def test_a_query_stays_one_through_a_function_of_which_nothing_is_known() -> None:
    source = """
@app.get("/users")
async def read(mine: bool, db: Session = Depends(get_db)):
    query = db.query(object)
    if mine:
        query = unknown(query)
    return query.all()
"""
    always = source.replace("    if mine:\n        query", "    query")
    for known in (source, always):
        assert blocked(known) == ["read"]
    assert blocked(source.replace("unknown(query)", "unknown(mine)")) == ["read"]  # where it is not given another one
    assert blocked(always.replace("unknown(query)", "unknown(mine)")) == []


DISPATCH = """
def work(mode, kind="plain"):
    if mode == "write":
        time.sleep(1)
    elif kind in ("slow", "slower"):
        time.sleep(2)


def early(mode):
    if mode != "write":
        return
    time.sleep(1)


def matched(mode):
    match mode:
        case "write" | "append":
            time.sleep(1)


def through(mode, kind="plain"):
    work(mode, kind)


@app.get("/")
async def read(mode):
    {call}
"""


@pytest.mark.parametrize(
    "call",
    [
        *("work('write')", "work(mode)", "work('read', 'slow')", "work('read', kind='slower')", "work('read', mode)"),
        *("early('write')", "early(mode)", "matched('append')", "matched(mode)"),
        *("through('write')", "through('read', 'slow')", "through(mode)"),
    ],
)
def test_the_text_that_leads_to_a_branch_is_found(call: str) -> None:
    assert blocked(DISPATCH.format(call=call)) == ["read"]


@pytest.mark.parametrize(
    "call",
    [
        *("work('read')", "work(None)", "work('read', 'fast')", "early('read')", "matched('read')"),
        *("through('read')", "through(mode='read', kind='fast')"),
    ],
)
def test_a_text_that_leads_to_another_branch_is_left_alone(call: str) -> None:
    assert blocked(DISPATCH.format(call=call)) == []


GLOBALS = """
client = rates = None


def load():
    global client, rates
    if {condition}:
        return rates
    client = rates = requests.get("http://rates")
    return rates


@app.get("/")
async def read():
    return load()
"""


@pytest.mark.parametrize("condition", ["rates", "client is not None and rates is not None", "client and rates"])
def test_globals_that_are_filled_once_are_left_alone(condition: str) -> None:
    assert blocked(GLOBALS.format(condition=condition)) == []


@pytest.mark.parametrize("condition", ["rates and time.time() < 9", "rates and client > rates", "unknown(rates)"])
def test_globals_that_grow_stale_are_filled_again(condition: str) -> None:
    assert blocked(GLOBALS.format(condition=condition)) == ["read"]


_ROWS = """
from sqlalchemy import select


class Account:
    def charge(self) -> None:
        time.sleep(1)


async def get_async_db():
    async with AsyncSession(engine) as db:
        yield db


@app.get("/")
async def read(db: AsyncSession = Depends(get_async_db)):
    {body}
"""


@pytest.mark.parametrize(
    "body",
    [
        "account = await db.get(Account, 1)\n    account.charge()",
        "account = await db.scalar(select(Account).where(Account.id == 1))\n    account.charge()",
        "(await db.execute(select(Account))).scalar_one_or_none().charge()",
        "(await db.execute(select(Account).order_by(1))).scalars().first().charge()",
        "for account in (await db.scalars(select(Account))).all():\n        account.charge()",
        "for account in await db.scalars(select(Account)):\n        account.charge()",
        "for (account,) in await db.execute(select(Account)):\n        account.charge()",
        "(await db.execute(select(Account))).first()[0].charge()",
        (
            "asked = select(Account)\n    asked = asked.limit(1)\n    found = await db.execute(asked)\n"
            "    [account.charge() for account in found.scalars()]"
        ),
        "(await run_in_threadpool(lambda: SessionLocal().query(Account).filter(1).first())).charge()",
    ],
)
def test_a_row_of_a_query_is_known(body: str) -> None:
    assert blocked(_ROWS.format(body=body)) == ["read"]


@pytest.mark.parametrize(
    "body",
    [
        "for account in await db.execute(select(Account)):\n        account.charge()",
        "(await db.execute(select(Account, Account.id))).first().charge()",
        "(await db.scalar(select(Account.id))).charge()",
        "(await db.scalars(select(Account))).all().charge()",
        "(await db.get(unknown, 1)).charge()",
        "await run_in_threadpool((await db.get(Account, 1)).charge)",
    ],
)
def test_what_is_no_row_of_a_class_is_left_alone(body: str) -> None:
    assert not blocked(_ROWS.format(body=body))


SWITCH = "fast = True\n\n\ndef work(name: str):\n    %s\n\n\n@app.get('/')\nasync def read(name: str):\n    return work(name)\n"


@pytest.mark.parametrize(
    "body",
    [
        "return 1\n    time.sleep(1)",
        "if True:\n        return 1\n    time.sleep(1)",
        "if name:\n        return 1\n    else:\n        raise ValueError\n    time.sleep(1)",
        "for _ in name:\n        continue\n        time.sleep(1)",
        "if name:\n        raise ValueError\n        time.sleep(1)",
    ],
)
def test_what_stands_where_nothing_comes_is_left_alone(body: str) -> None:
    assert blocked(SWITCH % body) == []


@pytest.mark.parametrize(
    "body",
    [
        "if name:\n        return 1\n    time.sleep(1)",
        "if fast:\n        return 1\n    time.sleep(1)",
        "if False:\n        return 1\n    time.sleep(1)",
        "for _ in name:\n        break\n    time.sleep(1)",
        "try:\n        return 1\n    finally:\n        time.sleep(1)",
        "try:\n        raise ValueError\n    except ValueError:\n        pass\n    time.sleep(1)",
        "if True:\n        print(1)\n    time.sleep(1)",
    ],
)
def test_what_stands_below_a_way_out_is_found(body: str) -> None:
    assert blocked(SWITCH % body) == ["read"]
