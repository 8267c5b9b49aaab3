"""Sessions that a function opens itself, opened by the asynchronous factory where the project has one that is alike."""

import re

import pytest

from rules import Applicability, Way
from tests.rules.checking import Files, assert_fixes, found
from tests.rules.core.fixes.sessions.test_exchange import ENGINES, MODELS, SCHEMAS

RULE = "databases/session"
FACTORY = (
    "async_engine = create_async_engine(URL)\nAsyncLocal = async_sessionmaker(async_engine, expire_on_commit=False)\n"
)
FILES: Files = {
    "app/__init__.py": "",
    "app/settings.py": 'URL = "postgresql+psycopg://localhost/shop"\n',
    "app/models.py": MODELS,
    "app/schemas.py": SCHEMAS,
}
HEAD = """
from fastapi import BackgroundTasks, FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from .database import {}
from .models import Item
from .schemas import Short

app = FastAPI()


"""
OPEN = "with SessionLocal() as db:\n        "
BEGUN = "with SessionLocal.begin() as db:\n        "
CLOSED = "db = SessionLocal()\n    try:\n        {}\n    finally:\n        db.close()"
ENDPOINT = '@app.get("/")\nasync def home(name: str):\n    '


def _files(factory: str = FACTORY, **more: str) -> Files:
    return {**FILES, "app/database.py": f"{ENGINES}{factory}", **more}


def _text(body: str, imports: str = "SessionLocal", endpoint: str = ENDPOINT) -> str:
    return f"{HEAD.format(imports)}{endpoint}{body}\n"


def _asynchronous(text: str) -> str:
    return text.replace("with SessionLocal", "async with AsyncLocal").replace(
        " import SessionLocal", " import AsyncLocal"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "db.add(Item(name=name))\n        db.commit()",
            "db.add(Item(name=name))\n        await db.commit()",
        ),
        (
            "return [row.name for row in db.scalars(select(Item)).all()]",
            "return [row.name for row in (await db.scalars(select(Item))).all()]",
        ),
        (
            "item = db.get(Item, 1)\n        return item.name",
            "item = await db.get(Item, 1)\n        return item.name",
        ),
        (
            "item = Item(name=name)\n        db.add(item)\n        db.flush()\n        db.refresh(item)\n        return item.id",
            (
                "item = Item(name=name)\n        db.add(item)\n        await db.flush()\n        await db.refresh(item)\n"
                "        return item.id"
            ),
        ),
    ],
)
def test_a_session_that_an_endpoint_opens(before: str, after: str) -> None:
    source = _text(OPEN + before)
    wanted = _asynchronous(_text(OPEN + after)).replace(
        "from .database import SessionLocal", "from .database import AsyncLocal"
    )
    (finding, *_) = assert_fixes(RULE, source, wanted, files=_files(), way=Way.TWIN)
    fixes = (finding.fix, *finding.alternatives)
    (fix,) = (fix for fix in fixes if fix is not None and fix.title == "Await a session of `AsyncLocal`")
    assert fix.applicability is Applicability.SAFE


@pytest.mark.parametrize("opened", ["db = SessionLocal()", "db: Session = SessionLocal()"])
def test_a_session_that_is_closed_in_the_end(opened: str) -> None:
    body = (
        f"{opened}\n    try:\n        item = db.get(Item, 1)\n        db.delete(item)\n        db.commit()\n"
        "    except ValueError:\n        db.rollback()\n        raise\n    finally:\n        db.close()"
    )
    after = re.sub(r"\bdb\.(?=get|delete|commit|rollback|close)", "await db.", body).replace(
        "SessionLocal", "AsyncLocal"
    )
    wanted = _text(after, imports="AsyncLocal")
    if "Session =" in opened:
        wanted = wanted.replace("db: Session", "db: AsyncSession")
        wanted = wanted.replace("sqlalchemy.orm import Session", "sqlalchemy.ext.asyncio import AsyncSession")
    assert_fixes(RULE, _text(body), wanted, files=_files(), way=Way.TWIN)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("db.add(Item(name=name))", "db.add(Item(name=name))"),
        ("db.get(Item, 1).name = name", "(await db.get(Item, 1)).name = name"),
        (
            "return [row.name for row in db.scalars(select(Item)).all()]",
            "return [row.name for row in (await db.scalars(select(Item))).all()]",
        ),
    ],
)
def test_a_session_that_begins_a_transaction(before: str, after: str) -> None:
    assert_fixes(RULE, _text(BEGUN + before), _asynchronous(_text(BEGUN + after)), files=_files(), way=Way.TWIN)


def test_a_transaction_of_a_factory_that_lets_rows_forget() -> None:
    """The rows of the one may be read after the commit, those of the other may not."""
    expiring = FACTORY.replace(", expire_on_commit=False", "")
    keeping = ENGINES.replace("sessionmaker(", "sessionmaker(expire_on_commit=False, ", 1)
    source = _text(BEGUN + "item = db.get(Item, 1)\n    return item.name")
    assert _titles(source, {**FILES, "app/database.py": f"{keeping}{FACTORY}"})
    assert _titles(source, {**FILES, "app/database.py": f"{keeping}{expiring}"}) == []


def test_a_session_of_an_engine_is_one_of_the_factory() -> None:
    before = _text("with Session(engine) as db:\n        return db.get(Item, 1).name", imports="engine")
    after = _text(
        "async with AsyncLocal() as db:\n        return (await db.get(Item, 1)).name", imports="AsyncLocal, engine"
    )
    after = after.replace("from sqlalchemy.orm import Session\n", "")
    assert_fixes(RULE, before, after, files=_files(), way=Way.TWIN)


def test_a_session_that_is_opened_twice() -> None:
    body = (
        OPEN + "db.add(Item(name=name))\n        {}db.commit()\n    " + OPEN + "return {}db.scalar(select(Item.name))"
    )
    before, after = _text(body.format("", "")), _asynchronous(_text(body.format("await ", "await ")))
    assert_fixes(RULE, before, after, files=_files(), way=Way.TWIN)


def test_a_helper_that_gives_nothing_back() -> None:
    body = (
        "await audit(name)\n\n\nasync def audit(name: str) -> None:\n    "
        + OPEN
        + "db.add(Item(name=name))\n        {}db.commit()"
    )
    before, after = _text(body.format("")), _asynchronous(_text(body.format("await ")))
    assert_fixes(RULE, before, after, files=_files(), way=Way.TWIN)


def test_what_a_commit_lets_rows_forget_is_shown_as_it_was() -> None:
    """The asynchronous session does not expire rows, so the answer may be older than the row."""
    body = OPEN + "item = db.get(Item, 1)\n        item.name = name\n        db.commit()\n        return item.name"
    after = body.replace("db.get", "await db.get").replace("db.commit", "await db.commit")
    (finding, *_) = assert_fixes(RULE, _text(body), _asynchronous(_text(after)), files=_files(), way=Way.TWIN)
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix is not None and fix.title.startswith("Await")]
    assert [fix.applicability for fix in fixes] == [Applicability.UNSAFE]


def _titles(source: str, files: Files) -> list[str]:
    findings = found(RULE, source, files)
    assert findings
    fixes = [fix for finding in findings for fix in (finding.fix, *finding.alternatives) if fix is not None]
    return [fix.title for fix in fixes if fix.title.startswith("Await a session")]


@pytest.mark.parametrize(
    "body",
    [
        OPEN + "return [part.size for part in db.get(Item, 1).parts]",
        OPEN + "return db.get(Item, 1).sizes()",
        OPEN + "db.bulk_save_objects([])\n        db.commit()",
        OPEN + "db.execute(select(Item), execution_options={'a': 1})",
        OPEN + "use(db)\n        db.commit()",
        OPEN + "db.get(Item, 1)\n        return lambda: db.commit()",
        OPEN + "db.commit()\n    db = None",
        "with SessionLocal() as db, open(name) as file:\n        db.commit()",
        "with SessionLocal(autoflush=False) as db:\n        db.commit()",
        "with make(SessionLocal) as db:\n        db.commit()\n    " + OPEN + "db.commit()",
        OPEN + "item = db.get(Item, 1)\n        db.rollback()\n        return item.name",
        "with lock:\n        with SessionLocal() as db:\n            db.commit()",
        "db = SessionLocal()\n    db.commit()",
        "db = SessionLocal()\n    db.commit()\n    db.close()",
        "db = SessionLocal()\n    db.get(Item, 1)\n    try:\n        db.commit()\n    finally:\n        db.close()",
        "db = SessionLocal()\n    try:\n        db.commit()\n    except ValueError:\n        db.close()",
        "db = other = SessionLocal()\n    try:\n        db.commit()\n    finally:\n        db.close()",
        CLOSED.format("db.commit()") + "\n    db = None",
        CLOSED.format(
            "item = db.get(Item, 1)\n        item.name = name\n        db.commit()\n        return item.parts"
        ),
        BEGUN + "use(db)\n        db.get(Item, 1)",
    ],
)
def test_what_is_not_understood_stays_as_it_is(body: str) -> None:
    extra = "from threading import Lock\n\nfrom elsewhere import make, use\n\nlock = Lock()\n"
    assert _titles(extra + _text(body), _files()) == []


def test_rows_that_a_helper_gives_back_stay_with_their_session() -> None:
    body = "return (await load()).name\n\n\nasync def load() -> Item:\n    " + OPEN + "return db.get(Item, 1)"
    assert _titles(_text(body), _files()) == []


@pytest.mark.parametrize(
    "factory",
    [
        "",
        'async_engine = create_async_engine("postgresql+asyncpg://localhost/other")\nAsyncLocal = async_sessionmaker(async_engine)\n',
        FACTORY.replace("expire_on_commit=False", "autobegin=False"),
        FACTORY.replace("(URL)", '(URL, isolation_level="SERIALIZABLE")'),
        FACTORY + "OtherLocal = async_sessionmaker(async_engine, expire_on_commit=False)\n",
    ],
)
def test_a_factory_that_is_not_alike_takes_nobodys_place(factory: str) -> None:
    assert _titles(_text(OPEN + "db.commit()"), _files(factory)) == []


def test_a_factory_that_tests_replace_by_its_name_stays() -> None:
    test = "def test_it(mocker):\n    mocker.patch('app.database.SessionLocal')\n"
    assert _titles(_text(OPEN + "db.commit()"), _files(**{"tests/test_app.py": test})) == []
    assert _titles(_text(OPEN + "db.commit()"), _files())
