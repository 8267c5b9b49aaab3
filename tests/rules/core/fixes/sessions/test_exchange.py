"""A session that blocks is exchanged for one that is awaited only where all that is done with it is understood."""

import pytest

from rules import Fix, Way
from tests.rules.checking import Files, assert_fixes, assert_whole_file_fixed, found

RULE = "databases/session"

MODELS = """
    from sqlalchemy import ForeignKey, func
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


    class Base(DeclarativeBase):
        pass


    class Item(Base):
        __tablename__ = "item"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        changed: Mapped[str] = mapped_column(onupdate=func.now())
        parts: Mapped[list["Part"]] = relationship()
        tags: Mapped[list["Tag"]] = relationship(lazy="selectin")

        @property
        def label(self) -> str:
            return self.name.title()

        def sizes(self):
            return [part.size for part in self.parts]


    class Part(Base):
        __tablename__ = "part"
        id: Mapped[int] = mapped_column(primary_key=True)
        size: Mapped[int]
        item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))


    class Tag(Base):
        __tablename__ = "tag"
        id: Mapped[int] = mapped_column(primary_key=True)
        item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    """
ENGINES = """
from typing import Annotated

from fastapi import Depends
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from .settings import URL

engine = create_engine(URL)
SessionLocal = sessionmaker(bind=engine)
"""
STACKS = (
    ENGINES
    + """
async_engine = create_async_engine(URL)
AsyncLocal = async_sessionmaker(async_engine, expire_on_commit=False)


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


async def get_async_db():
    async with AsyncLocal() as db:
        yield db


Db = Annotated[Session, Depends(get_db)]
"""
)
SCHEMAS = """
    from pydantic import BaseModel


    class Short(BaseModel):
        name: str


    class Full(BaseModel):
        name: str
        parts: list[int]
    """
FILES: Files = {
    "app/__init__.py": "",
    "app/settings.py": 'URL = "postgresql+psycopg://localhost/shop"\n',
    "app/models.py": MODELS,
    "app/database.py": STACKS,
    "app/schemas.py": SCHEMAS,
}
HEAD = """from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from .database import Db, get_db
from .models import Item, Part
from .schemas import Full, Short

app = FastAPI()


"""


def app(body: str, parameters: str = "db: Session = Depends(get_db)", route: str = '@app.get("/")') -> str:
    """An application with one endpoint."""
    return f"{HEAD}{route}\nasync def home({parameters}):\n    {body}\n"


def exchanged(source: str, files: Files = FILES) -> list[Fix]:
    """The fixes of a file that exchange a session."""
    findings = found(RULE, source, files)
    assert findings, "nothing was found"
    offered = [fix for one in findings for fix in (*((one.fix,) if one.fix else ()), *one.alternatives)]
    return [fix for fix in offered if fix.title.startswith("Await the session")]


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("return db.scalar(select(Item.id))", "return await db.scalar(select(Item.id))"),
        ("return db.execute(select(Item.id)).all()", "return (await db.execute(select(Item.id))).all()"),
        ("return db.scalars(select(Item.id))[0]", "return (await db.scalars(select(Item.id)))[0]"),
        ("db.add(Item())\n    db.commit()", "db.add(Item())\n    await db.commit()"),
        (
            "with db.begin():\n        db.add(Item())\n    db.flush()",
            "async with db.begin():\n        db.add(Item())\n    await db.flush()",
        ),
        ("db.delete(db.get(Item, 1))", "await db.delete(await db.get(Item, 1))"),
        ("with db.no_autoflush:\n        db.flush()", "with db.no_autoflush:\n        await db.flush()"),
        (
            "return [one.name for one in db.scalars(select(Item))]",
            "return [one.name for one in await db.scalars(select(Item))]",
        ),
        ("return db.get(Item, 1).label", "return (await db.get(Item, 1)).label"),
        ("return db.query(Item).get(1)", "return await db.get(Item, 1)"),
    ],
)
def test_each_call_of_a_session_is_awaited_where_it_waits(body: str, after: str) -> None:
    wanted = app(after, "db: AsyncSession = Depends(get_async_db)").replace(
        "from sqlalchemy.orm import Session\n", "from sqlalchemy.ext.asyncio import AsyncSession\n"
    )
    wanted = wanted.replace("import Db, get_db\n", "import Db, get_async_db\n")
    assert_fixes(RULE, app(body), wanted, files=FILES, way=Way.TWIN)


@pytest.mark.parametrize(
    ("parameters", "after"),
    [
        ("db: Session = Depends(get_db)", "db: AsyncSession = Depends(get_async_db)"),
        ("*, db: Session = Depends(get_db)", "*, db: AsyncSession = Depends(get_async_db)"),
        ("db=Depends(get_db)", "db=Depends(get_async_db)"),
        ("db: Annotated[Session, Depends(get_db)]", "db: Annotated[AsyncSession, Depends(get_async_db)]"),
        ("db: Db", "db: Annotated[AsyncSession, Depends(get_async_db)]"),
    ],
)
def test_a_parameter_is_written_as_it_was(parameters: str, after: str) -> None:
    text = assert_whole_file_fixed(app("return db.get(Item, 1).id", parameters), FILES).decode()
    assert f"async def home({after}):" in text


def test_imports_that_come_to_one_place_are_put_there_together() -> None:
    source = app("return (\n        db.query(Item)\\\n        .filter(Item.id == 1)\\\n        .one().id\n    )")
    text = assert_whole_file_fixed(source.replace("from sqlalchemy import select\n", ""), FILES).decode()
    assert "\nfrom sqlalchemy import select\nfrom sqlalchemy.ext.asyncio import AsyncSession\n\nfrom ." in text


def test_an_alias_beside_the_other_is_taken() -> None:
    files = {**FILES, "app/database.py": STACKS + "AsyncDb = Annotated[AsyncSession, Depends(get_async_db)]\n"}
    text = assert_whole_file_fixed(app("return db.get(Item, 1).id", "db: Db"), files).decode()
    assert "async def home(db: AsyncDb):" in text
    assert "import AsyncDb, get_db" in text


@pytest.mark.parametrize(
    "body",
    [
        "return db.bind, db.scalar(1)",  # of another kind there
        "return db.connection().execute(1), db.scalar(1)",
        "db.bulk_save_objects([])",
        "await db.execute(select(Item)), db.scalar(1)",  # which fails, and is no reason to await it twice
        "db.execute(1, execution_options={'yield_per': 10})",
        "db.begin()\n    db.commit()",
        "session = db\n    return session.scalar(1)",
        "return unknown(db), db.scalar(1)",
        "def inner():\n        return db.scalar(1)\n    return inner(), db.scalar(1)",
        "return sum(db.scalar(n) for n in [1])",
        "return db.query(unknown()).from_statement(1).all()",
        "return db.query(Item).paginate(1), db.scalar(1)",
        "return db.query(Item).filter(Item.id == 1).all, db.scalar(1)",
        "return db.query('Item').all()",
        "return db.query(Item).join('parts').all()",
        "with lock:\n        db.commit()",
        "rows = await db.execute(select(Item.id))\n    return rows.all(), db.scalar(1)",  # no `await (await ...)`
    ],
)
def test_what_has_no_counterpart_is_left_alone(body: str) -> None:
    assert exchanged(app(body)) == []


@pytest.mark.parametrize(
    ("body", "route"),
    [
        ("return db.get(Item, 1).parts", '@app.get("/")'),
        ("return len(db.get(Item, 1).parts)", '@app.get("/")'),
        ("return db.get(Item, 1)", '@app.get("/", response_model=Full)'),
        ("return db.get(Item, 1)", '@app.get("/", response_model=Unknown)'),
        ("item = db.get(Item, 1)\n    return item.sizes()", '@app.get("/")'),
        ("item = db.get(Item, 1)\n    return getattr(item, 'parts')", '@app.get("/")'),
        ("item = db.get(Item, 1)\n    return Full.model_validate(item)", '@app.get("/")'),
        ("item = db.get(Item, 1)\n    return unknown(item)", '@app.get("/")'),
        ("item = Item()\n    db.add(item)\n    db.flush()\n    return item.changed", '@app.get("/")'),
        ("item = db.get(Item, 1)\n    db.rollback()\n    return item.name", '@app.get("/")'),
        ("item = db.get(Item, 1)\n    db.expire(item)\n    return item.name, db.scalar(1)", '@app.get("/")'),
        ("item = db.get(Item, 1)\n    db.commit()\n    return item", '@app.get("/")'),
        ("item = db.get(Item, 1)\n    db.commit()\n    return item.changed", '@app.get("/")'),
        (
            "for n in [1]:\n        item = db.get(Item, 1)\n        db.rollback()\n        print(item.name)",
            '@app.get("/")',
        ),
    ],
)
def test_what_would_be_loaded_where_nothing_can_be_awaited_is_left_alone(body: str, route: str) -> None:
    assert exchanged(app(body, route=route)) == []


@pytest.mark.parametrize(
    "body",
    [
        "item = db.get(Item, 1)\n    db.commit()\n    return item.name",
        "items = db.scalars(select(Item)).all()\n    db.commit()\n    return [item.name for item in items]",
    ],
)
def test_a_row_that_is_read_after_a_commit_is_told(body: str) -> None:
    (fix, *_) = exchanged(app(body))
    assert str(fix.applicability) == "unsafe"
    assert "not read again after the commit" in fix.notes[0]


@pytest.mark.parametrize(
    "body",
    [
        "item = db.get(Item, 1)\n    db.commit()\n    db.refresh(item)\n    return item.name",
        "name = db.get(Item, 1).name\n    db.commit()\n    return name",
        "item = db.get(Item, 1)\n    db.commit()\n    item = db.get(Item, 1)\n    return item.name",
        "items = db.scalars(select(Item)).all()\n    db.commit()\n    for item in items:\n        db.refresh(item)\n    return [i.name for i in items]",
        "item = db.get(Item, 1)\n    if item is None:\n        db.rollback()\n        raise ValueError\n    return item.name",
        "item = db.get(Item, 1)\n    db.commit()\n    return {'done': True}",
        "return [tag.id for tag in db.get(Item, 1).tags]",
    ],
)
def test_a_row_that_holds_what_is_read_of_it_is_safe(body: str) -> None:
    fixes = exchanged(app(body))
    assert fixes
    assert {str(fix.applicability) for fix in fixes} == {"safe"}


ASYNC_ENGINE = "create_async_engine(URL)"
UNLIKE = {
    "another database": (ASYNC_ENGINE, "create_async_engine('postgresql+psycopg://localhost/other')"),
    "an unknown database": (ASYNC_ENGINE, "create_async_engine(unknown())"),
    "two databases in memory": ("URL)", "'sqlite://')"),
    "another isolation": (ASYNC_ENGINE, "create_async_engine(URL, isolation_level='AUTOCOMMIT')"),
    "another schema": (" create_engine(URL)", " create_engine(URL, connect_args={'options': '-csearch_path=a'})"),
    "another class of queries": ("(bind=engine)", "(bind=engine, query_cls=Own)"),
    "a commit for each request": ("yield db\n    finally", "yield db\n        db.commit()\n    finally"),
    "a commit there": ("as db:\n        yield db", "as db:\n        yield db\n        await db.commit()"),
    "a failure that is told": (
        "yield db\n    finally",
        "yield db\n    except ValueError:\n        report()\n    finally",
    ),
    "it asks the request": ("def get_db():", "def get_db(tenant: str):"),
    "something listens": ("def get_db", 'event.listen(engine, "connect", print)\n\n\ndef get_db'),
    "two to choose from": (
        "\n\nDb",
        "\n\nasync def get_other():\n    async with AsyncLocal() as db:\n        yield db\n\n\nDb",
    ),
    "no asynchronous one": ("async def", "def"),
}


@pytest.mark.parametrize("change", UNLIKE.values(), ids=UNLIKE)
def test_two_stacks_that_may_differ_are_left_alone(change: tuple[str, str]) -> None:
    stack = STACKS.replace(*change)
    assert stack != STACKS
    assert exchanged(app("return db.get(Item, 1).id"), {**FILES, "app/database.py": stack}) == []


@pytest.mark.parametrize(
    "settings",
    [
        'URL = "sqlite+aiosqlite:///shop.db"\n',
        'import os\n\nURL = os.environ["DATABASE_URL"]\n',
        'import os\n\nURL = str(os.getenv("DATABASE_URL")).replace("postgres://", "postgresql+psycopg://")\n',
        'import os\n\nURL = os.environ["A"]\nif URL[0]:\n    URL = URL.replace("postgres://", "postgresql+psycopg://", 1)\n',
    ],
)
def test_one_address_for_both_is_safe(settings: str) -> None:
    fixes = exchanged(app("return db.get(Item, 1).id"), {**FILES, "app/settings.py": settings})
    assert {str(fix.applicability) for fix in fixes} == {"safe"}


@pytest.mark.parametrize(
    ("settings", "one", "other", "note"),
    [
        (
            'class S:\n    DB_URL = "x"\n    ASYNC_DB_URL = "y"\n\n\nURL = S()\n',
            "URL.DB_URL",
            "URL.ASYNC_DB_URL",
            "must name the same database",
        ),
        ('URL = "postgresql+psycopg2://localhost/shop"\n', "URL", "URL.replace('psycopg2', 'asyncpg')", "stricter"),
        ('URL = "postgresql://localhost/shop"\n', "URL", "URL.replace('localhost', 'elsewhere')", ""),
        ("URL = unknown.URL\n", "URL", "URL, connect_args={'server_settings': {'jit': 'off'}}", "connect_args"),
        ("URL = unknown.URL\n", "URL.replace('+asyncpg', '')", "URL", "stricter"),
        ("URL = unknown.URL\n", "URL", "URL.replace('+psycopg2', '+asyncpg') if URL else URL", "stricter"),
        (
            'URL = "postgresql://localhost/shop"\n',
            "URL",
            "URL.replace('postgresql:', 'postgresql+asyncpg:')",
            "stricter",
        ),
    ],
)
def test_addresses_that_are_alike_are_told(settings: str, one: str, other: str, note: str) -> None:
    stack = STACKS.replace("create_engine(URL)", f"create_engine({one})").replace(
        "create_async_engine(URL)", f"create_async_engine({other})"
    )
    fixes = exchanged(
        app("return db.get(Item, 1).id"), {**FILES, "app/settings.py": settings, "app/database.py": stack}
    )
    assert all(str(fix.applicability) == "unsafe" for fix in fixes)
    assert all(any(note in one for one in fix.notes) for fix in fixes)
    assert bool(fixes) == bool(note)


@pytest.mark.parametrize(
    ("body", "is_safe"),
    [
        ("return db.get(Item, 1).id", True),
        ("db.add(Item())\n    return db.scalar(select(Item.id))", False),
        ("item = db.get(Item, 1)\n    item.name = 'x'\n    return db.scalar(select(Item.id))", False),
    ],
)
def test_another_autoflush_is_told_where_anything_is_pending(body: str, is_safe: bool) -> None:
    stack = STACKS.replace("(bind=engine)", "(bind=engine, autoflush=False)")
    fixes = exchanged(app(body), {**FILES, "app/database.py": stack})
    assert fixes
    assert all("`autoflush`" in " ".join(fix.notes) for fix in fixes) != is_safe


USER = """

def user(db: Session = Depends(get_db)) -> Item:
    return db.get(Item, 1)


"""


@pytest.mark.parametrize(
    ("dependency", "body", "is_left"),
    [
        (USER, "return db.scalar(select(Item.id)), who.name", False),
        (USER, "db.scalar(1)", False),
        (USER, "return db.scalar(1), who.parts", True),
        (USER, "db.delete(who)\n    db.commit()", True),
        (USER, "who.name = 'x'\n    db.add(who)\n    db.commit()", True),
        (USER, "return [db.scalar(1), who]", True),
        (USER.replace("return", "db.add(Item())\n    return"), "return db.scalar(1), who.name", True),
    ],
)
def test_rows_of_another_session_stay_out_of_it(dependency: str, body: str, is_left: bool) -> None:
    endpoint = app(body, "db: Session = Depends(get_db), who: Item = Depends(user)").removeprefix(HEAD)
    fixes = exchanged(HEAD + dependency.lstrip() + endpoint)
    assert (fixes == []) == is_left
    assert all("keeps a session of its own" in " ".join(fix.notes) for fix in fixes)


@pytest.mark.parametrize(
    ("endpoint", "is_left"),
    [
        ("return who.name", False),
        ("return who.parts", True),
        ("db.delete(who)", True),
        ("return [who]", True),
        ("return helper(who)", True),
    ],
)
def test_a_dependency_gives_rows_only_to_those_who_read_them(endpoint: str, is_left: bool) -> None:
    dependency = USER.replace("def user", "async def user").lstrip()
    taking = f'@app.get("/me")\ndef me(who: Annotated[Item, Depends(user)], db: Db):\n    {endpoint}\n'
    assert (exchanged(HEAD + dependency + taking) == []) == is_left


def test_tests_that_put_another_session_in_its_place_are_heeded() -> None:
    tests = (
        "from app.database import get_db\nfrom app.main import app\n\napp.dependency_overrides[get_db] = lambda: 1\n"
    )
    assert exchanged(app("return db.get(Item, 1).id"), {**FILES, "tests/test_app.py": tests}) == []
    both = (
        tests.replace("import get_db", "import get_async_db, get_db") + "app.dependency_overrides[get_async_db] = 1\n"
    )
    assert exchanged(app("return db.get(Item, 1).id"), {**FILES, "tests/test_app.py": both})


@pytest.mark.parametrize(
    ("helper", "call"),
    [
        ("def helper(db: Session):\n    return db.scalar(select(Item.id))", "helper(db)"),
        ("async def helper(db: Session):\n    return db.scalar(select(Item.id))", "await helper(db)"),
        ("def helper(number, db: Session):\n    return db.get(Item, number).name", "helper(1, db)"),
        ("def helper(*, db):\n    return db.get(Item, 1).name", "helper(db=db)"),
        ("def inner(db: Session):\n    db.commit()\n\n\ndef helper(db: Session):\n    inner(db)", "helper(db)"),
    ],
)
def test_a_helper_that_nobody_else_calls_is_exchanged_with_it(helper: str, call: str) -> None:
    endpoint = app(f"return {call}").removeprefix(HEAD)
    text = assert_whole_file_fixed(f"{HEAD}{helper}\n\n\n{endpoint}", FILES).decode()
    assert "async def helper(" in text
    assert f"return await {call.removeprefix('await ')}" in text


@pytest.mark.parametrize(
    ("helper", "call"),
    [
        ("def helper(db):\n    return db.query(Item)", "helper(db).all()"),
        ("def helper(db: Session):\n    db.scalar(1)\n    return requests.get('x')", "helper(db)"),
        ("def helper(db: Session):\n    with Session(1) as other:\n        return other.scalar(1)", "helper(db)"),
        ("def helper(number, db: Session):\n    return db.get(Item, number).name", "helper(1, db)"),
        ("async def helper(db: Session):\n    return db.scalar(1)", "await asyncio.gather(helper(db))"),
        ("def helper(db: Session):\n    item = db.get(Item, 1)\n    db.rollback()\n    return item", "helper(db).name"),
        ("def helper(db: Session):\n    item = db.get(Item, 1)\n    return item", "helper(db).parts"),
    ],
)
def test_a_helper_that_does_more_is_left_alone(helper: str, call: str) -> None:
    other = '\n\n\n@app.get("/other")\ndef other(db: Session = Depends(get_db)):\n    return helper(db)\n'
    head = f"import asyncio\n\nimport requests\n{HEAD}{helper}\n\n\n"
    assert exchanged(head + app(f"return {call}").removeprefix(HEAD) + other) == []


def test_an_import_in_a_circle_is_not_made() -> None:
    later = "from .database import AsyncLocal\n\n\nasync def get_async_db():\n    async with AsyncLocal() as db:\n        yield db\n"
    split = {
        **FILES,
        "app/database.py": STACKS.partition("async def")[0] + "\n\nDb = Annotated[Session, Depends(get_db)]\n",
        "app/later.py": "from .main import app\n" + later,
    }
    assert exchanged(app("return db.get(Item, 1).id"), split) == []
    apart = {**split, "app/later.py": later}
    text = assert_whole_file_fixed(app("return db.get(Item, 1).id"), apart).decode()
    assert "from .later import get_async_db\n" in text


def test_what_blocks_for_another_reason_is_not_mended_by_another_session() -> None:
    source = (
        app("item = db.get(Item, 1)\n    return compare(item.name)") + "\n\ndef compare(name):\n    time.sleep(1)\n"
    )
    findings = found("blocking/sleep", f"import time\n{source}", FILES)
    titles = [fix.title for one in findings for fix in (*((one.fix,) if one.fix else ()), *one.alternatives)]
    assert titles
    assert not [title for title in titles if "session" in title]
