"""Objects that keep a session: their class is exchanged as a whole, with all who make such objects and call their methods."""

from collections.abc import Mapping

import pytest

from rules import Applicability, Fix, apply_edits
from tests.rules.checking import PATH, analysed, project
from tests.rules.core.fixes.sessions.test_exchange import FILES, RULE

REPOSITORY = '''from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import Part


class Parts:
    """The parts that an item has."""

    def __init__(self, db: Session, limit: int = 10) -> None:
        self.db = db
        self.limit = limit

    def sized(self, size: int) -> list[Part]:
        return self.db.query(Part).filter(Part.size == size).limit(self.limit).all()

    def count(self) -> int:
        return self.db.query(Part).count()

    def store(self, size: int) -> int:
        part = Part(size=size)
        self.db.add(part)
        self.db.commit()
        return len(self.sized(size))

    def title(self) -> str:
        return f"At most {self.limit} parts"
'''
AWAITED = (
    REPOSITORY.replace("from sqlalchemy.orm import Session", "from sqlalchemy.ext.asyncio import AsyncSession")
    .replace("import select", "import func, select")
    .replace("db: Session", "db: AsyncSession")
    .replace("    def sized", "    async def sized")
    .replace("    def count", "    async def count")
    .replace("    def store", "    async def store")
    .replace(
        "return self.db.query(Part).filter(Part.size == size).limit(self.limit).all()",
        "return (await self.db.scalars(select(Part).filter(Part.size == size).limit(self.limit))).all()",
    )
    .replace(
        "return self.db.query(Part).count()",
        "return await self.db.scalar(select(func.count()).select_from(select(Part).subquery()))",
    )
    .replace("self.db.commit()", "await self.db.commit()")
    .replace("len(self.sized(size))", "len(await self.sized(size))")
)
HEAD = """from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session

from .database import get_db
from .parts import Parts

app = FastAPI()


"""
GIVEN = """def get_parts(db: Session = Depends(get_db)) -> Parts:
    return Parts(db, limit=3)


"""
ENDPOINTS = """@app.get("/parts/{size}")
async def sized(size: int, parts: Parts = Depends(get_parts)) -> int:
    return len(parts.sized(size))


@app.post("/parts/{size}")
async def store(size: int, parts: Parts = Depends(get_parts)) -> dict[str, object]:
    return {"stored": parts.store(size), "title": parts.title()}
"""


SERVICE = """class Counting:
    def __init__(self, parts: Parts) -> None:
        self.kept = parts

    def total(self, size: int) -> int:
        return len(self.kept.sized(size)) + self.kept.count()


"""
KEEPS = "    def __init__(self, db: Session, limit: int = 10) -> None:\n        self.db = db\n"


def _files(main: str, parts: str = REPOSITORY) -> dict[str, bytes]:
    files = {path: text for path, text in FILES.items() if path != PATH}
    return project(main, {**files, "app/parts.py": parts})


def _awaited(text: str) -> str:
    """A text with sessions of the other kind, and every call of a method awaited."""
    for old, new in (
        ("from sqlalchemy.orm import Session", "from sqlalchemy.ext.asyncio import AsyncSession"),
        ("import get_db", "import get_async_db"),
        ("Session = Depends(get_db)", "AsyncSession = Depends(get_async_db)"),
        ("Annotated[Session, Depends(get_db)]", "Annotated[AsyncSession, Depends(get_async_db)]"),
        ("    def total", "    async def total"),
        *(
            (f"{kept}.{name}(", f"await {kept}.{name}(")
            for kept in KEPT
            for name in ("sized", "store", "count", "total")
        ),
    ):
        text = text.replace(old, new)
    return text


KEPT = ("self.kept", "parts", "Parts(db)", "counting")


def _exchanged(sources: Mapping[str, bytes]) -> list[tuple[str, Fix]]:
    """The fixes that exchange a session, each with the file of its finding."""
    findings = [one for one in analysed(sources).findings if one.rule == RULE]
    assert findings, "nothing was found"
    offered = [(one.path, fix) for one in findings for fix in (*((one.fix,) if one.fix else ()), *one.alternatives)]
    return [(path, fix) for path, fix in offered if fix.title.startswith("Await the session")]


def _after(sources: Mapping[str, bytes], fix: Fix) -> dict[str, str]:
    edits = {path: [edit for edit in fix.edits if edit.path == path] for path in sources}
    return {path: apply_edits(text, edits[path]).decode() for path, text in sources.items()}


WAYS = {
    "given by a function": f"{GIVEN}{ENDPOINTS}",
    "made by the endpoint": ENDPOINTS.replace("parts: Parts = Depends(get_parts)", "db: Session = Depends(get_db)")
    .replace("parts.sized", "Parts(db).sized")
    .replace("    return {", "    parts = Parts(db)\n    return {"),
    "with a session of its own beside it": GIVEN
    + ENDPOINTS.replace("(get_parts)) -> int", "(get_parts), db: Session = Depends(get_db)) -> int").replace(
        "    return len(", "    db.flush()\n    return len("
    ),
    "given to another object": GIVEN
    + SERVICE
    + "def get_counting(parts: Parts = Depends(get_parts)) -> Counting:\n    return Counting(parts)\n\n\n"
    + '@app.get("/total/{size}")\nasync def total(size: int, counting: Counting = Depends(get_counting)) -> int:\n'
    + "    return counting.total(size)\n",
    "made by another object": SERVICE.replace("parts: Parts)", "db: Session)").replace("= parts", "= Parts(db)")
    + '@app.get("/total/{size}")\nasync def total(size: int, db: Session = Depends(get_db)) -> int:\n'
    + "    counting = Counting(db)\n    return counting.total(size)\n",
}


@pytest.mark.parametrize("body", WAYS.values(), ids=WAYS)
def test_a_class_is_exchanged_with_all_that_use_it(body: str) -> None:
    sources = _files(HEAD + body)
    fixes = _exchanged(sources)
    assert len({fix.edits for _, fix in fixes}) == 1
    after = _after(sources, fixes[0][1])
    assert after["app/parts.py"] == AWAITED
    expected = (
        _awaited(HEAD + body).replace("db.flush", "await db.flush").replace(", db: Session)", ", db: AsyncSession)")
    )
    assert after[PATH] == expected
    assert {fix.applicability for _, fix in fixes} == {Applicability.SAFE}
    again = analysed({path: text.encode() for path, text in after.items()})
    assert [one.message for one in again.findings if one.rule == RULE] == []


@pytest.mark.parametrize(
    "parameter", ["parts: Parts = Depends()", "parts: Parts = Depends(Parts)", "parts: Annotated[Parts, Depends()]"]
)
def test_a_class_that_is_a_dependency_itself(parameter: str) -> None:
    head = "from typing import Annotated\n\n" + HEAD.replace("from sqlalchemy.orm import Session\n", "").replace(
        "from .database import get_db\n", ""
    )
    main = head + ENDPOINTS.replace("parts: Parts = Depends(get_parts)", parameter)
    given = "from fastapi import Depends\n\nfrom .database import get_db\n"
    parts = (given + REPOSITORY).replace("db: Session,", "db: Session = Depends(get_db),")
    sources = _files(main, parts)
    (fix, *_) = [fix for _, fix in _exchanged(sources)]
    after = _after(sources, fix)
    assert after[PATH] == _awaited(main)
    expected = (given.replace("get_db", "get_async_db") + AWAITED).replace(
        "db: AsyncSession,", "db: AsyncSession = Depends(get_async_db),"
    )
    assert after["app/parts.py"] == expected


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ("        self.db: Session = db\n", "        self.db: AsyncSession = db\n"),
        ("        self.session = db\n", "        self.session = db\n"),
    ],
)
def test_the_attribute_may_be_annotated_and_go_by_any_name(kept: str, expected: str) -> None:
    name = kept.partition("self.")[2].partition(" ")[0].removesuffix(":")
    parts = REPOSITORY.replace("        self.db = db\n", kept).replace("self.db.", f"self.{name}.")
    sources = _files(HEAD + GIVEN + ENDPOINTS, parts)
    after = _after(sources, _exchanged(sources)[0][1])
    assert after["app/parts.py"] == AWAITED.replace("        self.db = db\n", expected).replace(
        "self.db.", f"self.{name}."
    )


def test_a_session_that_the_class_declares() -> None:
    declared = "    db: Session\n\n    def __init__"
    sources = _files(HEAD + GIVEN + ENDPOINTS, REPOSITORY.replace("    def __init__", declared))
    after = _after(sources, _exchanged(sources)[0][1])
    assert after["app/parts.py"] == AWAITED.replace("    def __init__", declared.replace("Session", "AsyncSession"))


def test_what_the_class_itself_has_may_be_used() -> None:
    more = '@app.get("/most")\nasync def most(size: int) -> int:\n    return Parts.most(size)\n'
    static = "\n    @staticmethod\n    def most(size: int) -> int:\n        return size * 2\n"
    sources = _files(HEAD + GIVEN + ENDPOINTS + "\n\n" + more, REPOSITORY + static)
    after = _after(sources, _exchanged(sources)[0][1])
    assert after["app/parts.py"] == AWAITED + static


def test_what_a_commit_does_not_read_again_is_said() -> None:
    body = '@app.get("/new")\nasync def new(parts: Parts = Depends(get_parts)) -> int:\n    return parts.new()\n'
    new = "\n    def new(self) -> int:\n        part = Part(size=1)\n        self.db.add(part)\n        self.db.commit()\n        return part.id\n"
    fixes = _exchanged(_files(HEAD + GIVEN + body, REPOSITORY + new))
    assert {fix.applicability for _, fix in fixes} == {Applicability.UNSAFE}


ELSEWHERE = {
    "called by a `def` endpoint": '@app.get("/s")\ndef more(parts: Parts = Depends(get_parts)):\n    return parts.count()\n',
    "called by nobody known": "def more(parts):\n    return parts.count()\n",
    "a background task": '@app.get("/s")\nasync def more(tasks: BackgroundTasks, parts: Parts = Depends(get_parts)):\n    tasks.add_task(parts.store, 1)\n',
    "derived from": "class More(Parts):\n    def count(self) -> int:\n        return 0\n",
    "called by its class": "async def more(parts: Parts):\n    return Parts.count(parts)\n\n\nuse(more)\n",
    "under another name": "from .parts import Parts as Kept\n",
    "by its module": "import app.parts\n\nfirst = app.parts.Parts(None)\n",
    "by a name of its own": "Kept = Parts\n",
    "made by another name": "make = Parts.__call__\n",
    "handed to a decorator": '@app.get("/s")\n@use\nasync def more(db: Session = Depends(get_db)):\n    return Parts(db).count()\n',
    "handed on": 'REGISTRY = {"parts": Parts}\n',
    "made at the top": "parts = Parts(SessionLocal())\n",
    "made with another session": '@app.get("/s")\nasync def more(db: Session = Depends(get_other)):\n    return Parts(db).count()\n',
    "made with no session": "def more():\n    return Parts(None).count()\n",
    "its session is used": '@app.get("/s")\nasync def more(parts: Parts = Depends(get_parts)):\n    parts.db.rollback()\n',
    "its session may be used": "def more(parts):\n    parts.db.rollback()\n",
    "in a key": '@app.get("/s")\nasync def more(parts: Parts = Depends(get_parts)):\n    return sorted([1], key=lambda one: parts.count())\n',
    "in a generator": '@app.get("/s")\nasync def more(parts: Parts = Depends(get_parts)):\n    return sum(parts.count() for _ in "ab")\n',
    "streamed": '@app.get("/s")\nasync def more(parts: Parts = Depends(get_parts)):\n    return StreamingResponse(lines(parts))\n\n\nasync def lines(parts: Parts):\n    yield str(parts.count())\n',
    "together": '@app.get("/s")\nasync def more(parts: Parts = Depends(get_parts)):\n    return await asyncio.gather(one(parts), one(parts))\n\n\nasync def one(parts: Parts):\n    return parts.count()\n',
    "a protocol": "class Counted(Protocol):\n    def count(self) -> int: ...\n\n\ndef more(counted: Counted):\n    return counted.count()\n",
    "told by a text": "patched = 'app.parts.Parts.store'\n",
    "put in its place": "app.dependency_overrides[get_parts] = get_fake\n",
    "a cached one": "@lru_cache\ndef kept():\n    return Parts(next(get_db()))\n",
    "a row is handed to it": 'def user(db: Session = Depends(get_db)):\n    return db.get(Part, 1)\n\n\n@app.get("/s")\nasync def more(user=Depends(user), parts: Parts = Depends(get_parts)):\n    return parts.sized(user)\n',
}
IMPORTS = (
    "import asyncio\nfrom functools import lru_cache\nfrom typing import Protocol\n\n"
    "from fastapi import BackgroundTasks\nfrom fastapi.responses import StreamingResponse\n\n"
    "from elsewhere import get_fake, get_other, use\nfrom .database import SessionLocal\n"
)


@pytest.mark.parametrize("more", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_else_is_done_with_it_leaves_the_class_as_it_is(more: str) -> None:
    assert _exchanged(_files(f"{IMPORTS}{HEAD}{GIVEN}{ENDPOINTS}\n\n{more}")) == []


WITHIN = {
    "a property": ("    def count(self)", "    @property\n    def count(self)"),
    "decorated": ("    def count(self)", "    @traced\n    def count(self)"),
    "the class decorated": ("class Parts:", "@traced\nclass Parts:"),
    "the class derived": ("class Parts:", "class Parts(Base):"),
    "a special method": ("    def count(self)", "    def __len__(self)"),
    "a generator": ("return self.db.query(Part).count()", "yield self.db.query(Part).count()"),
    "a row is kept": ("self.limit = limit", "self.limit = limit\n        self.first = unknown()"),
    "a row is kept later": ("part = Part(size=size)", "part = self.last = Part(size=size)"),
    "a session by default": ("db: Session,", "db: Session = None,"),
    "kept twice": ("self.limit = limit", "self.limit = limit\n        self.other = db"),
    "used at once": ("self.limit = limit", "self.limit = limit\n        db.commit()"),
    "used at once, once kept": ("self.limit = limit", "self.limit = limit\n        self.db.commit()"),
    "handed on": ("part = Part(size=size)", "part = traced(self.db)"),
    "returned": ("part = Part(size=size)", "part = Part(size=size)\n        if size > 9:\n            return self.db"),
    "a function inside": ("part = Part(size=size)", "part = Part(size=size)\n        key = lambda: self.db.commit()"),
    "no counterpart": ("self.db.commit()", "self.db.bulk_save_objects([])"),
    "another `self`": ("    def count(self) -> int:\n", "    def count(self) -> int:\n        self = traced(self)\n"),
}


@pytest.mark.parametrize(("old", "new"), WITHIN.values(), ids=WITHIN)
def test_what_else_the_class_does_leaves_it_as_it_is(old: str, new: str) -> None:
    assert old in REPOSITORY
    parts = f"from elsewhere import Base, traced, unknown\n{REPOSITORY.replace(old, new)}"
    assert _exchanged(_files(HEAD + GIVEN + ENDPOINTS, parts)) == []


@pytest.mark.parametrize(
    "test",
    [
        "from app.parts import Parts\n\n\ndef test_it(session):\n    assert Parts(session).count() == 0\n",
        "from app.main import app, get_parts\n\napp.dependency_overrides[get_parts] = lambda: None\n",
        "from app.database import get_db\nfrom app.main import app\n\napp.dependency_overrides[get_db] = lambda: None\n",
        "def test_it(monkeypatch):\n    monkeypatch.setattr('app.parts.Parts.sized', len)\n",
    ],
)
def test_tests_that_make_such_objects_keep_the_class_as_it_is(test: str) -> None:
    assert _exchanged({**_files(HEAD + GIVEN + ENDPOINTS), "tests/test_parts.py": test.encode()}) == []


def test_a_project_without_an_asynchronous_session_keeps_the_class_as_it_is() -> None:
    sources = _files(HEAD + GIVEN + ENDPOINTS)
    blocking = sources["app/database.py"].replace(b"async def get_async", b"def get_async")
    assert _exchanged({**sources, "app/database.py": blocking.replace(b"async with", b"with")}) == []
