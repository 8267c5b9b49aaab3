"""What an expression is, by evidence only: the idioms of real repositories."""

import pytest

from rules.core.catalog import engine
from rules.core.facts import Name
from rules.core.project import Project
from rules.core.reading import read_facts
from rules.core.values import Coroutine, Iterated, Managed, Object, Outside, ProjectFunction, Value, Where
from tests.rules.checking import Files, encoded, not_yet

SESSION = Object(Outside("sqlalchemy.orm.Session"))
ASYNC = Object(Outside("sqlalchemy.ext.asyncio.AsyncSession"))
QUERY = Object(Outside("sqlalchemy.orm.Query"))
SQLMODEL = Object(Outside("sqlmodel.Session"))

PRELUDE = """
from __future__ import annotations

import contextlib
import functools
import typing as t
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Annotated, Any, Optional, TypeAlias, Union

import sqlmodel
from fastapi import Depends, Request, Security
from sqlalchemy import create_engine, orm
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.orm.session import Session as Inner

from elsewhere import unknown

engine = create_engine("sqlite:///shop.db")
SessionLocal = sessionmaker(engine)
AsyncLocal = async_sessionmaker(create_async_engine("sqlite://"))
OldAsync = sessionmaker(class_=AsyncSession)
Scoped = scoped_session(SessionLocal)
Dep = Annotated[Session, Depends(unknown)]
AnyDep = Annotated[Any, Depends(lambda: Session())]
Alias = Dep
Explicit: TypeAlias = "Session"
session_global = SessionLocal()
typed_global: Session = unknown()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def get_typed() -> Generator[Session, None, None]:
    yield unknown()


async def get_async() -> AsyncIterator[AsyncSession]:
    yield unknown()


async def get_one() -> Session:
    return unknown()


def made():
    return SessionLocal()


@contextlib.contextmanager
def scope():
    yield SessionLocal()


@contextlib.asynccontextmanager
async def ascope() -> AsyncIterator[AsyncSession]:
    yield unknown()


class Holder:
    on_class: Session
    shared = SessionLocal()

    def __init__(self, db: Session, any_=None):
        self.db = db
        self._db = self.db
        self.any_ = any_
        self.query = db.query(1)

    @property
    def prop(self):
        return self.db

    @functools.cached_property
    def cached(self) -> Session:
        return unknown()

    def method(self):
        return self.db

    @staticmethod
    def static():
        return SessionLocal()

    @classmethod
    def create(cls):
        return cls(SessionLocal())

    def __enter__(self):
        return self.db

    def __exit__(self, *error): ...

    def itself(self) -> "Holder":
        return self


class Child(Holder):
    def more(self):
        return super().method()


def get_holder(db: Dep):
    return Holder(db)
"""


def value_of(body: str, parameters: str = "", files: Files | None = None, prelude: str = PRELUDE) -> Value | None:
    """What `x` is at the end of a function with that body."""
    source = f"{prelude}\n\nasync def probe({parameters}):\n    " + body.replace("\n", "\n    ") + "\n    x\n"
    texts = {"app/main.py": source.encode()} | {path: encoded(text) for path, text in (files or {}).items()}
    facts = {path: read_facts(text) for path, text in texts.items()}
    assert not any(f.problem for f in facts.values()), [f.problem for f in facts.values()]
    project = Project(facts, engine().knowledge)
    functions = facts["app/main.py"].functions
    index = next(i for i, f in enumerate(functions) if f.qualname == "probe")
    return project.value(Name("x"), Where("app/main.py", index, functions[index].end_line))


@pytest.mark.parametrize(
    "body",
    [
        "x = Session()",
        "x = orm.Session(engine)",
        "x = Inner()",
        "x = SessionLocal()",
        "x = Scoped",
        "x = Scoped()",
        "x: Session = unknown()",
        "x: 'Session' = unknown()",
        "x: Optional[Session] = None",
        "x: Union[Session, None] = None",
        "x: Session | None = None",
        "x: t.Optional[orm.Session] = None",
        "x: Annotated[Session, 1] = unknown()",
        "x: Dep = unknown()",
        "x: Explicit = unknown()",
        "x = session_global",
        "x = typed_global",
        "x = made()",
        "x = await get_one()",
        "with Session() as x: ...",
        "with SessionLocal() as x: ...",
        "with SessionLocal.begin() as x: ...",
        "with scope() as x: ...",
        "with Holder(Session()) as x: ...",
        "for x in get_db(): ...",
        "for x in [Session()]: ...",
        "x, y = Session(), 1",
        "x = y = Session()",
        "(x := Session())",
        "x = None or Session()",
        "x = Session() if unknown else None",
        "y = Session()\nx = y",
        "x = Holder(1).db",
        "x = Holder(1)._db",
        "x = Holder(1).on_class",
        "x = Holder(1).shared",
        "x = Holder.shared",
        "x = Holder(1).prop",
        "x = Holder(1).cached",
        "x = Holder(1).method()",
        "x = Holder.static()",
        "x = Holder.create().db",
        "x = Holder(1).itself().itself().db",
        "x = Child(1).db",
        "x = Child(1).more()",
        "x = get_holder(1).db",
        "x = functools.partial(SessionLocal)()",
        "x = [Session() for _ in y][0]",
        "def inner():\n    return Session()\nx = inner()",
        "x = (lambda: Session())()",
        "holder = Holder(1)\nholder.db = Session()\nx = holder.db",
        "x = None\nx = Session()",
        "try:\n    x = Session()\nexcept ValueError:\n    raise",
        "if unknown:\n    x = Session()\nelse:\n    x = Session()",
    ],
)
def test_evidence_in_a_body(body: str) -> None:
    value = value_of(body)
    assert value in (
        SESSION,
        Object(Outside("sqlalchemy.orm.scoped_session"), value and getattr(value, "factory", None)),
    )


@pytest.mark.parametrize(
    "parameters",
    [
        "x: Session",
        "x: 'Session'",
        "x: Session = Depends(unknown)",
        "x: SessionLocal = Depends(get_db)",
        "x=Depends(get_db)",
        "x=Depends(get_typed)",
        "x=Depends(get_one)",
        "x=Depends(made)",
        "x=Depends(SessionLocal)",
        "x=Depends(Session)",
        "x=Depends(dependency=get_db)",
        "x=Security(get_db)",
        "x: Session = Depends()",
        "x: Dep",
        "x: 'Dep'",
        "x: Alias",
        "x: AnyDep",
        "x: Optional[Dep] = None",
        "x: Annotated[Session, Depends(get_db)]",
        "x: Annotated[Any, Depends(get_db)]",
        "x: Annotated[Any, 1, Depends(get_db)]",
        "*, x: Session",
        "x: Session, /",
        "x: Session | None = None",
    ],
)
def test_evidence_in_a_parameter(parameters: str) -> None:
    assert value_of("pass", parameters) == SESSION


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("x = Session().query(1)", QUERY),
        ("x = Session().query(1).filter(2).options(3)", QUERY),
        ("x = Holder(1).query", QUERY),
        ("x = AsyncLocal()", ASYNC),
        ("x = OldAsync()", ASYNC),
        ("async with AsyncLocal() as x: ...", ASYNC),
        ("async with ascope() as x: ...", ASYNC),
        ("async for x in get_async(): ...", ASYNC),
        ("with sqlmodel.Session(engine) as x: ...", SQLMODEL),
        ("x = get_one()", Coroutine(SESSION)),
        ("x = get_db()", Iterated(SESSION)),
        ("x = get_async()", Iterated(ASYNC, asynchronous=True)),
        ("x = scope()", Managed(SESSION)),
        ("x = engine", Object(Outside("sqlalchemy.engine.Engine"))),
        ("with engine.connect() as x: ...", Object(Outside("sqlalchemy.engine.Connection"))),
        ("x = orm", Outside("sqlalchemy.orm")),
        ("x = len", Outside("builtins.len")),
        ("import a.b as c\nx = c.d", Outside("a.b.d")),
        ("import a.b\nx = a.b.d", Outside("a.b.d")),
        ("from a import b\nx = b", Outside("a.b")),
        ("x = open", Outside("builtins.open")),
    ],
)
def test_other_values(body: str, value: Value) -> None:
    assert value_of(body) == value


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        ("x = unknown()", ""),
        ("x = unknown.session", ""),
        ("pass", "x"),
        ("pass", "x=None"),
        ("pass", "x: Any"),
        ("pass", "*x: Session"),
        ("pass", "**x: Session"),
        ("pass", "x=Depends(unknown)"),
        ("x = Session()\nx = unknown()", ""),
        ("x = Session()\ndel x", ""),
        ("for x in unknown: ...", ""),
        ("with unknown() as x: ...", ""),
        ("try: ...\nexcept ValueError as x: ...", ""),
        ("match unknown:\n    case x: ...", ""),
        ("x, y = unknown()", ""),
        ("*x, y = Session(), 1", ""),
        ("x = Holder(1).any_", ""),
        ("x = Holder(1).nothing", ""),
        ("x = {}['a']", ""),
        ("Session = unknown\nx = Session()", ""),
        ("x = getattr(unknown, 'db')", ""),
        ("x = Session", "Session"),
        ("x = undefined", ""),
        ("x = x", ""),
        ("x = y\ny = x", ""),
    ],
)
def test_no_evidence_no_type(body: str, parameters: str) -> None:
    assert value_of(body, parameters) in (None, Outside("elsewhere.unknown.session"))


@pytest.mark.parametrize(
    "body",
    [
        "if unknown:\n    x = Session()\nelse:\n    x = unknown()",
        "if unknown:\n    x = Session()\nelif unknown:\n    x = unknown()\nelse:\n    x = unknown()",
        "x = Session()\nif unknown:\n    x = unknown()",
        "x = Session()\nif unknown:\n    x = unknown()\nelse:\n    print()",
        "x = Session()\nif unknown:\n    print()\nelse:\n    x = unknown()",
    ],
)
def test_what_a_name_is_on_one_of_two_ways_is_evidence(body: str) -> None:
    assert value_of(body) == SESSION


@pytest.mark.parametrize(
    "body",
    [
        "x = Session()\nif unknown:\n    x = unknown()\nelse:\n    x = unknown()",
        "x = Session()\nx = unknown()\nif unknown:\n    print()",
        "if unknown:\n    x = Session()\nx = unknown()",
        "if unknown:\n    x = Session()\n    x = unknown()\nelse:\n    x = unknown()",
    ],
)
def test_what_a_name_was_before_is_no_evidence(body: str) -> None:
    assert value_of(body) in (None, Outside("elsewhere.unknown"))


@not_yet("a rebinding on one of two ways is not seen: the last one counts")
def test_two_ways_with_different_values_are_no_evidence() -> None:
    assert value_of("if unknown:\n    x = unknown()\nelse:\n    x = Session()") is None


@pytest.mark.parametrize(
    ("imports", "files"),
    [
        ("from .db import x", {"app/db.py": "from sqlalchemy.orm import Session\nx = Session()\n"}),
        ("from app.db import x", {"app/db.py": "from sqlalchemy.orm import Session\nx = Session()\n"}),
        ("from .db import *", {"app/db.py": "from sqlalchemy.orm import Session\nx = Session()\n"}),
        ("from . import db\nx = db.y", {"app/db.py": "from sqlalchemy.orm import Session\ny = Session()\n"}),
        ("import app.db as d\nx = d.y", {"app/db.py": "from sqlalchemy.orm import Session\ny = Session()\n"}),
        ("import app.db\nx = app.db.y", {"app/db.py": "from sqlalchemy.orm import Session\ny = Session()\n"}),
        (
            "from .db import x",
            {
                "app/db/__init__.py": "from .a import x\n",
                "app/db/a.py": "import sqlalchemy.orm\nx = sqlalchemy.orm.Session()\n",
            },
        ),
        (
            "from .db import x",
            {
                "app/db/__init__.py": "from .a import *\n",
                "app/db/a.py": "import sqlalchemy.orm as o\nx = o.Session()\n",
            },
        ),
        (
            "from .db import x",
            {
                "app/db/__init__.py": "from . import a\nx = a.make()\n",
                "app/db/a.py": "from sqlalchemy.orm import Session\ndef make() -> 'Session': ...\n",
            },
        ),
        (
            "from .db import container\nx = container.db",
            {"app/db.py": "from sqlalchemy.orm import Session\nclass C:\n    db: Session\ncontainer = C()\n"},
        ),
        (
            "from .db import Base\nclass A(Base): ...\nx = A().db",
            {
                "app/db.py": "from sqlalchemy.orm import Session\nclass Base:\n    def __init__(self):\n        self.db = Session()\n"
            },
        ),
        (
            "if TYPE_CHECKING:\n    from .db import T\nx: 'T' = None",
            {"app/db.py": "from sqlalchemy.orm import Session as T\n"},
        ),
        (
            "try:\n    from .db import x\nexcept ImportError:\n    x = None",
            {"app/db.py": "from sqlalchemy.orm import Session\nx = Session()\n"},
        ),
    ],
)
def test_evidence_in_another_file(imports: str, files: Files) -> None:
    """`x` is a global there or here."""
    prelude = f"from typing import TYPE_CHECKING\n{imports}\n"
    assert value_of("pass", files={"app/__init__.py": "", **files}, prelude=prelude) == SESSION


def test_a_shadowed_global_is_not_the_one_of_the_module() -> None:
    assert value_of("def session_global(): ...\nx = session_global()") is None


def test_a_local_of_another_function_is_not_seen() -> None:
    assert value_of("def other():\n    z = Session()\nx = z") is None


def test_a_class_attribute_is_not_a_name_in_its_methods() -> None:
    source = "from sqlalchemy.orm import Session\nclass A:\n    y = Session()\n    def m(self):\n        return y\n"
    assert value_of("x = A().m()", prelude=source) is None


def test_the_function_itself() -> None:
    value = value_of("x = get_db")
    assert isinstance(value, ProjectFunction)


def test_self_is_an_object_of_its_class() -> None:
    source = (
        "from sqlalchemy.orm import Session\nclass A:\n    def __init__(self):\n        self.db = Session()\n"
        "    def a(self):\n        return self.b()\n    def b(self):\n        return self.db\n"
    )
    assert value_of("x = A().a()", prelude=source) == SESSION


def test_names_look_to_the_line_above() -> None:
    """What a name is bound to later does not matter to what stands above."""
    source = "from sqlalchemy.orm import Session\nfrom elsewhere import unknown\n"
    assert value_of("y = Session()\nx = y\ny = unknown()", prelude=source) == SESSION


@pytest.mark.parametrize(
    "body",
    [
        "while unknown:\n    x.query\n    x = Session()",
        "x = Session()\nfor _ in unknown:\n    x = x",
    ],
)
def test_loops_do_not_run_for_ever(body: str) -> None:
    value_of(body)


@pytest.mark.parametrize(
    "step",
    [
        "if unknown:\n    y.x = y.x.strip(y.x)\n",
        "if unknown:\n    if y:\n        x = x.strip(x)\n",
        "if unknown:\n    y.x = y.x.strip()\nelse:\n    y.x = y.z.strip()\ny.z = y.x or y.z\n",
    ],
)
def test_many_ways_do_not_take_for_ever(step: str) -> None:
    value_of(f"{step * 60}x = y.x")


@not_yet("`isinstance` is no evidence yet")
def test_isinstance_is_evidence() -> None:
    assert value_of("if isinstance(x, Session):\n    return x\n", "x") == SESSION
