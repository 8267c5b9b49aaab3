"""SQLAlchemy and SQLModel sessions on the event loop, however they arrive."""

import pytest

from rules import Way
from tests.rules.checking import (
    Files,
    analysed,
    assert_clean,
    assert_fixes,
    assert_unfixed,
    assert_whole_file_fixed,
    encoded,
    found,
    not_yet,
    with_app,
)

RULE = "databases/session"

DATABASE = """
    from collections.abc import Generator, Iterator
    from contextlib import contextmanager
    from typing import Annotated

    from fastapi import Depends, Request
    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
    from sqlalchemy.orm import Session, scoped_session, sessionmaker

    engine = create_engine("sqlite:///shop.db")
    SessionLocal = sessionmaker(bind=engine, autoflush=False)
    AsyncLocal = async_sessionmaker(create_async_engine("sqlite+aiosqlite://"))
    Scoped = scoped_session(SessionLocal)


    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()


    def get_typed() -> Generator[Session, None, None]:
        with Session(engine) as session:
            yield session


    def get_iterated() -> Iterator[Session]:
        yield unknown()


    async def get_async():
        async with AsyncLocal() as session:
            yield session


    @contextmanager
    def scope():
        session = SessionLocal()
        yield session
        session.commit()


    SessionDep = Annotated[Session, Depends(get_db)]
    AsyncDep = Annotated[AsyncSession, Depends(get_async)]


    class Repository:
        def __init__(self, session: Session):
            self.session = session

        def all(self):
            return self.session.query(int).all()


    class Users(Repository):
        def first(self):
            return self.session.query(int).filter_by(id=1).first()


    class Untyped:
        def __init__(self, db=Depends(get_db)):
            self.db = db

        def all(self):
            return self.db.scalars("q").all()


    def users(db: SessionDep):
        return Users(db)


    def helper(db: Session, name):
        return db.execute(name)


    def loose(db, name):
        return db.execute(name)


    async def common(db: SessionDep, page: int = 1):
        return {"db": db, "page": page}


    Common = Annotated[dict[str, int | Session], Depends(common)]
"""
FILES: Files = {"app/__init__.py": "", "app/database.py": DATABASE}

HEAD = """from typing import Annotated

from fastapi import Depends, FastAPI, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from .database import AsyncDep, AsyncLocal, Common, Scoped, SessionDep, SessionLocal, Untyped, Users, engine
from .database import get_async, get_db, get_iterated, get_typed, helper, loose, scope, users
from .models import User

app = FastAPI()


@app.get("/")
async def home({}):
    {}
"""


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        ("db: Session = Depends(get_db)", "return db.query(User).all()"),
        ("db=Depends(get_db)", "return db.query(User).all()"),
        ("db=Depends(get_typed)", "return db.get(User, 1)"),
        ("db=Depends(get_iterated)", "return db.get(User, 1)"),
        ("db: SessionLocal = Depends(get_db)", "return db.query(User).first()"),
        ("db: SessionDep", "return db.scalars(select(User)).all()"),
        ("db: 'SessionDep'", "return db.scalar(select(User))"),
        ("db: Annotated[Session, Depends(get_db)]", "db.add(User())\n    db.commit()"),
        ("db: Session | None = Depends(get_db)", "db.flush()"),
        ("*, db: Session = Depends(get_db)", "db.refresh(1)"),
        ("", "with SessionLocal() as db:\n        return db.query(User).all()"),
        ("", "with SessionLocal.begin() as db:\n        db.execute(1)"),
        ("", "with Session(engine) as db:\n        return db.get(User, 1)"),
        ("", "with Session(engine) as db, db.begin():\n        db.merge(User())"),
        ("", "db = SessionLocal()\n    return db.query(User).count()"),
        ("", "db = next(get_db())\n    return db.query(User).count()"),
        ("", "with scope() as db:\n        return db.query(User).one()"),
        ("", "Scoped.execute(1)\n    Scoped.remove()"),
        ("", "with engine.connect() as c:\n        c.execute(1)"),
        ("", "with engine.begin() as c:\n        c.execute(1)"),
        ("repository: Users = Depends(users)", "return repository.first()"),
        ("repository: Users = Depends()", "return repository.all()"),
        ("repository=Depends(Untyped)", "return repository.all()"),
        ("db: SessionDep", "return helper(db, 1)"),
        ("db: SessionDep", "q = db.query(User)\n    q = q.filter(User.id == 1)\n    return q.first()"),
        ("db: SessionDep", "return db.query(User).options(1).order_by(2).limit(3).one_or_none()"),
        ("db: SessionDep", "return Users(db).first()"),
        ("db: SessionDep", "return [db.get(User, n) for n in range(3)]"),
        ("db: SessionDep", "return loose(db, 1)"),
        ("common: Common", 'return common["db"].get(User, common["page"])'),
        ("common: Common", 'return loose(common["db"], 1)'),
        ("db: SessionDep", "return list(db.query(User))"),
        ("db: SessionDep", "for user in db.query(User):\n        print(user)"),
        pytest.param(
            "request: Request",
            "with request.app.state.sessions() as db:\n        db.execute(1)",
            marks=not_yet("what is set on `app.state` is not followed"),
        ),
    ],
)
def test_each_way_in_which_a_session_arrives(parameters: str, body: str) -> None:
    before = HEAD.format(parameters, body)
    assert_fixes(RULE, before, before.replace("async def", "def"), files=FILES)


@pytest.mark.parametrize("body", ["Scoped.execute(1)", "Scoped().execute(1)", "Scoped.add(1)\n    Scoped.commit()"])
def test_the_session_that_a_thread_has_for_itself_is_left_where_it_is_ended(body: str) -> None:
    assert_unfixed(RULE, HEAD.format("", body), files=FILES)


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        ("db: Session = Depends(get_db)", "db.exec(select(User)).all()"),
        ("db: Annotated[Session, Depends(get_db)]", "db.get(User, 1)"),
        ("", "with Session(engine) as db:\n        db.exec(1)"),
        ("db=Depends(get_db)", "db.exec(1).first()"),
    ],
)
def test_sessions_of_sqlmodel(parameters: str, body: str) -> None:
    before = f"""
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlmodel import Session, create_engine, select

app = FastAPI()
engine = create_engine("sqlite:///shop.db")


def get_db():
    with Session(engine) as session:
        yield session


@app.get("/")
async def home({parameters}):
    {body}
"""
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_calls_are_handed_over_where_the_function_awaits() -> None:
    head = """
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from .database import get_db
from .models import User

app = FastAPI()


@app.post("/")
async def home(request: Request, db: Session = Depends(get_db)):
    body = await request.json()
"""
    findings = assert_fixes(
        RULE,
        f"""{head}    user = db.query(User).filter(User.id == body["id"]).first()
    db.add(user)
    db.commit()
    db.refresh(user)
    return db.scalars(body["q"]).all()
""",
        f"""{head}    user = await run_in_threadpool(db.query(User).filter(User.id == body["id"]).first)
    db.add(user)
    await run_in_threadpool(db.commit)
    await run_in_threadpool(db.refresh, user)
    return (await run_in_threadpool(db.scalars, body["q"])).all()
""",
        files=FILES,
    )
    noted = [f.span.line for f in findings if f.fix and any("lazily" in note for note in f.fix.notes)]
    assert noted == [17, 18]


def test_a_chain_over_several_lines_is_handed_over() -> None:
    head = """
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from .database import get_db
from .models import User

app = FastAPI()


@app.post("/")
async def home(request: Request, db: Session = Depends(get_db)):
    await request.json()
"""
    assert_fixes(
        RULE,
        f"""{head}    user = (
        db.query(User)
        .filter(User.id == 1)  # the first
        .first()
    )
""",
        f"""{head}    user = await run_in_threadpool(
        db.query(User)
        .filter(User.id == 1)  # the first
        .first,
    )
""",
        files=FILES,
    )


def test_an_asynchronous_dependency_with_a_synchronous_session() -> None:
    """The most valuable single finding: it runs on every request."""
    before = """
    from fastapi import Depends, FastAPI

    from .database import SessionDep
    from .models import User

    app = FastAPI()


    async def current_user(db: SessionDep):
        return db.get(User, 1)


    @app.get("/")
    async def home(user=Depends(current_user)):
        return user
    """
    (finding,) = assert_fixes(RULE, before, before.replace("async def current_user", "def current_user"), files=FILES)
    assert "in the dependency `current_user`" in finding.message


def test_the_commit_of_an_asynchronous_generator_dependency() -> None:
    before = """
    from fastapi import Depends, FastAPI
    from fastapi.concurrency import run_in_threadpool

    from .database import SessionLocal

    app = FastAPI()


    async def transaction():
        with SessionLocal() as session:
            yield session
            COMMIT


    @app.post("/")
    async def home(session=Depends(transaction)):
        session.add(1)
    """
    assert_fixes(
        RULE,
        before.replace("COMMIT", "session.commit()"),
        before.replace("COMMIT", "await run_in_threadpool(session.commit)"),
        files=FILES,
    )


def test_a_helper_in_a_third_file_that_is_given_the_session() -> None:
    before = """
    from fastapi import Depends, FastAPI
    from sqlalchemy.orm import Session

    from . import crud
    from .database import get_db

    app = FastAPI()


    @app.get("/{name}")
    async def home(name: str, db: Session = Depends(get_db)):
        return crud.find(db, name=name)
    """
    (finding,) = assert_fixes(
        RULE,
        before,
        before.replace("async def", "def"),
        files={
            **FILES,
            "app/crud.py": """
                from sqlalchemy.orm import Session

                from .models import User

                def find(db: Session, *, name: str) -> User | None:
                    return query(db).filter(User.name == name).first()

                def query(db: Session):
                    return db.query(User)
            """,
            "app/models.py": "class User: ...\n",
        },
    )
    assert [step.name for step in finding.chain] == ["home", "find", "Query.first"]


def test_an_alias_that_comes_by_a_star() -> None:
    before = HEAD.format("db: SessionDep", "return db.get(User, 1)").replace("SessionDep, ", "", 1)
    before = before.replace("app = FastAPI()", "from .database import *\n\napp = FastAPI()")
    assert_fixes(RULE, before, before.replace("async def", "def"), files=FILES)


def test_a_generic_repository_over_three_files() -> None:
    before = """
    from fastapi import Depends, FastAPI

    from .repositories import UserRepository

    app = FastAPI()


    @app.get("/")
    async def home(users: UserRepository = Depends()):
        return users.one(1)
    """
    assert_fixes(
        RULE,
        before,
        before.replace("async def", "def"),
        files={
            **FILES,
            "app/generic.py": """
                from typing import Generic, TypeVar

                from .database import SessionDep

                T = TypeVar("T")

                class Generic_(Generic[T]):
                    model: type[T]

                    def __init__(self, session: SessionDep) -> None:
                        self.session = session

                    def one(self, id: int) -> T | None:
                        return self.session.get(self.model, id)
            """,
            "app/repositories.py": """
                from .generic import Generic_
                from .models import User

                class UserRepository(Generic_[User]):
                    model = User
            """,
            "app/models.py": "class User: ...\n",
        },
    )


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        ("db: AsyncSession = Depends(get_async)", "await db.execute(1)\n    await db.commit()"),
        ("db: AsyncDep", "return (await db.scalars(1)).all()"),
        ("db=Depends(get_async)", "await db.execute(1)"),
        ("", "async with AsyncLocal() as db:\n        await db.execute(1)"),
        ("", "async with AsyncLocal.begin() as db:\n        await db.execute(1)"),
        ("db: AsyncDep", "return await db.run_sync(helper, 1)"),
        ("db: AsyncDep", "return await db.run_sync(lambda s: s.query(User).all())"),
        ("db: SessionDep", "db.add(User())"),
        ("db: SessionDep", "db.add_all([User()])\n    db.expunge(1)"),
        ("db: SessionDep", "return select(User).where(User.id == 1)"),
        ("db: SessionDep", "return db.query(User).filter(User.id == 1)"),
        ("db: SessionDep", "return await run_in_threadpool(db.execute, 1)"),
        ("db: SessionDep", "return await run_in_threadpool(helper, db, 1)"),
        ("db: SessionDep", "return await run_in_threadpool(lambda: db.query(User).all())"),
        ("db: SessionDep", "return 1"),
        ("db: object", "return db.execute(1)"),
        ("db", "return db.execute(1)"),
        ("db: 'Elsewhere'", "return db.query(1).first()"),
        ("db: dict", "return db.get(1)"),
        ("cache=Depends(unknown)", "return cache.get(1)"),
        ("", "return {}.get(1)"),
        ("", "db = AsyncLocal()\n    return await db.get(User, 1)"),
        ("", "SessionLocal.configure(bind=engine)"),
        ("", "async with SessionLocal() as db:\n        return db.query(User).all()"),  # raises before anything waits
        ("db: SessionDep", "db = unknown()\n    return db.execute(1)"),
        ("db: SessionDep", "result = {}\n    return result.first()"),
    ],
)
def test_left_alone(parameters: str, body: str) -> None:
    source = (
        "from fastapi.concurrency import run_in_threadpool\nfrom elsewhere import unknown\n"
        "from sqlalchemy.ext.asyncio import AsyncSession\n"
    ) + HEAD.format(parameters, body)
    assert_clean(RULE, source, files=FILES)


def test_a_def_endpoint_is_left_alone() -> None:
    source = HEAD.format("db: SessionDep", "return db.query(User).all()").replace("async def", "def")
    assert_clean(RULE, source, files=FILES)


def test_an_asynchronous_maker_told_by_its_class_is_left_alone() -> None:
    """`sessionmaker(class_=AsyncSession)` was the way before `async_sessionmaker`."""
    assert_clean(
        RULE,
        with_app(
            "from sqlalchemy.ext.asyncio import AsyncSession\nfrom sqlalchemy.orm import sessionmaker\n"
            "from fastapi import Depends",
            """
            Local = sessionmaker(None, class_=AsyncSession)


            async def get_db():
                async with Local() as db:
                    yield db


            @app.get("/")
            async def home(db=Depends(get_db)):
                await db.execute(1)
                await db.commit()
                db.add(1)
                return (await db.execute(2)).scalars().all()
            """,
        ),
    )


def test_both_kinds_of_sessions_in_one_repository() -> None:
    source = HEAD.format("a: AsyncDep, db: SessionDep", "await a.commit()\n    db.commit()")
    (finding,) = assert_unfixed(RULE, source, files=FILES, way=Way.REVERSE)
    assert "Session.commit" in finding.message


def test_a_scoped_session_is_not_handed_over() -> None:
    """Each thread has another one: https://docs.sqlalchemy.org/en/20/orm/contextual.html."""
    source = HEAD.format("request: Request", "await request.json()\n    Scoped.execute(1)\n    Scoped.commit()")
    found = assert_unfixed(RULE, source, files=FILES)
    assert len(found) == 2
    for finding in found:
        assert finding.advice.startswith("No fix could be proved: each thread has a session of its own there. ")


def test_a_test_with_a_session_is_left_alone() -> None:
    assert_clean(RULE, HEAD.format("db: SessionDep", "db.commit()"), files=FILES, path="tests/app/main.py")


def test_all_of_a_file_at_once() -> None:
    after = assert_whole_file_fixed(
        HEAD.format("db: SessionDep", "db.commit()\n    return db.query(User).all()")
        + """

@app.post("/")
async def more(request: Request, db: SessionDep):
    user = User(**await request.json())
    db.add(user)
    db.commit()
    db.refresh(user)
    return Users(db).all(), helper(db, 1), Users(db).first()
""",
        files=FILES,
    )
    assert after.count(b"await run_in_threadpool(") == 5
    assert after.count(b"async def") == 1


@pytest.mark.parametrize(
    "body",
    [
        "return session.query(Item).all()",
        "session.add(Item())\n    session.commit()",
        "await request.body()\n    session.commit()",
        "await request.body()\n    return session.scalars(select(Item)).all()",
    ],
)
def test_a_session_that_requests_share_stays_on_the_loop(body: str) -> None:
    """A Session serves one thread at a time: forty of them would mix up what they write."""
    before = with_app(
        "from fastapi import Request\nfrom sqlalchemy import select\nfrom sqlalchemy.orm import Session",
        f"session = Session()\n\n\n@app.get('/')\nasync def home(request: Request, Item=None):\n    {body}\n",
    )
    assert_unfixed(RULE, before)


def test_a_session_that_a_decorator_puts_before_what_the_caller_gives() -> None:
    repository = """
        from functools import wraps

        from app.database import SessionLocal


        def with_session(f):
            @wraps(f)
            def wrapper(*args, **kwargs):
                with SessionLocal() as session:
                    return f(session, *args, **kwargs)
            return wrapper


        @with_session
        def find(session, name: str):
            return session.query(User).filter_by(name=name).first()
    """
    before = with_app(
        "from app.repository import find", '@app.get("/users")\nasync def users(name: str):\n    return find(name)\n'
    )
    files = {"app/__init__.py": "", "app/database.py": DATABASE, "app/repository.py": repository}
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


FINISHING = """
def finish():
    try:
        Scoped.commit()
    finally:
        Scoped.remove()


def save(user):
    Scoped.add(user)
    Scoped.commit()
"""


@pytest.mark.parametrize(("call", "handed"), [("finish()", False), ("save(user)", True)])
def test_a_helper_that_only_finishes_a_scoped_session_is_not_handed_over(call: str, handed: bool) -> None:
    endpoint = f'@app.post("/")\nasync def home(request: Request):\n    user = await request.json()\n    {call}\n'
    before = with_app("from fastapi import Request\n\nfrom app.database import Scoped", FINISHING + endpoint)
    files = {"app/__init__.py": "", "app/database.py": DATABASE}
    (finding,) = found(RULE, before, files)
    assert (finding.fix is not None) is handed


PAGED = """
from fastapi import Depends, FastAPI
from fastapi_pagination.ext.sqlalchemy import paginate
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.database import get_async, get_db

app = FastAPI()


@app.get("/users")
async def users({parameter}):
    return {page}
"""


def test_a_page_asks_the_database() -> None:
    before = PAGED.format(parameter="db: Session = Depends(get_db)", page="paginate(db, select(int))")
    assert_fixes(RULE, before, before.replace("async def", "def"), files=FILES)


def test_a_page_of_an_asynchronous_session_is_awaited() -> None:
    page = PAGED.format(parameter="db: AsyncSession = Depends(get_async)", page="await paginate(db, select(int))")
    sources = {"app/main.py": page, **FILES}
    assert not [finding.rule for finding in analysed({path: encoded(text) for path, text in sources.items()}).findings]


FAILING = """
from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session

from app.database import SessionDep, SessionLocal, get_db

app = FastAPI()


async def load():
    return 1


def keep(db):
    db.add(1)


@app.get("/")
async def home({parameter}):
    {first}
    try:
        return {done}
    except ValueError:
        db.rollback()
        raise
"""


@pytest.mark.parametrize("parameter", ["db: SessionDep", "db: Session = Depends(get_db)"])
@pytest.mark.parametrize("first", ["pass", "db.close()", "db.rollback()"])
def test_a_session_that_nobody_used_has_nothing_to_roll_back(parameter: str, first: str) -> None:
    assert_clean(RULE, FAILING.format(parameter=parameter, first=first, done="await load()"), FILES)
    made = FAILING.format(parameter="", first=f"db = SessionLocal()\n    {first}", done="await load()")
    assert_clean(RULE, made, FILES)


@pytest.mark.parametrize("done", ["keep(db)", "db.add(1)", "db", "[row.id for row in db.new]", "keep(db=db)"])
def test_a_session_that_is_used_has_something_to_roll_back(done: str) -> None:
    assert found(RULE, FAILING.format(parameter="db: SessionDep", first="pass", done=done), FILES)


@pytest.mark.parametrize("parameter", ["db: Session", "db: SessionDep"])
def test_a_helper_does_not_know_what_was_done_before(parameter: str) -> None:
    helper = f"def undo({parameter}):\n    db.rollback()\n\n\n@app.get"
    source = FAILING.format(parameter="db: SessionDep", first="pass", done="undo(db)").replace("@app.get", helper, 1)
    assert found(RULE, source, FILES)


BEGUN = """
from fastapi import FastAPI

from app.database import SessionDep, SessionLocal

app = FastAPI()


@app.post("/")
async def home(db: SessionDep):
    {body}
"""


@pytest.mark.parametrize(
    "body", ["with SessionLocal.begin() as own:\n        own.add(1)", "with db.begin():\n        db.add_all([1])"]
)
def test_a_transaction_that_writes_as_it_ends(body: str) -> None:
    before = BEGUN.format(body=body)
    assert_fixes(RULE, before, before.replace("async def", "def"), files=FILES)


@pytest.mark.parametrize("body", ["with SessionLocal.begin() as own:\n        print(own)", "db.add(db.begin)"])
def test_a_transaction_that_writes_nothing_is_left_alone(body: str) -> None:
    assert_clean(RULE, BEGUN.format(body=body), FILES)


@pytest.mark.parametrize("call", ['pandas.read_sql("q", engine)', 'frame.to_sql("t", engine)'])
def test_tables_of_pandas_ask_the_database(call: str) -> None:
    imports = "import pandas\n\nfrom app.database import engine"
    body = f'@app.get("/")\nasync def home(frame: pandas.DataFrame):\n    return {call}\n'
    assert_fixes(RULE, with_app(imports, body), with_app(imports, body.replace("async def", "def")), files=FILES)


ANNOTATED = """
from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, sessionmaker

app = FastAPI()
make_session, make_other = async_sessionmaker(), sessionmaker()


async def get_session():
    async with make_session() as session:
        yield session


def get_other():
    with make_other() as session:
        yield session


class Users:
    def __init__(self, session: Session):
        self.session = session

    async def save(self):
        self.session.flush()


@app.post("/")
async def post(GIVEN):
    await Users(session).save()
"""
AWAITED, BLOCKING = "session: AsyncSession = Depends(get_session)", "session: Session = Depends(get_other)"


def test_a_session_that_only_its_annotation_says_to_block_is_left_alone() -> None:
    """Whoever calls the function gives one whose methods are awaited, so the annotation is wrong."""
    source = ANNOTATED.replace("GIVEN", AWAITED)
    assert_clean(RULE, source)
    assert "nobody awaits" in found("awaiting/forgotten", source)[0].message


@pytest.mark.parametrize(
    "more", ["", f"\n\n@app.put('/')\nasync def put({AWAITED}):\n    await Users(session).save()\n"]
)
def test_a_session_that_is_annotated_as_some_callers_give_it_is_found(more: str) -> None:
    assert len(found(RULE, ANNOTATED.replace("GIVEN", BLOCKING) + more)) == 1
