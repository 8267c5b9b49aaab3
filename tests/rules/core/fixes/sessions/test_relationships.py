"""Related rows are loaded where they are read: said of what is handed to a thread only where there may be any."""

import pytest

from rules import Way
from rules.core.fixes.sessions.relationships import LAZILY
from tests.rules.checking import Files, found, with_app

RULE = "databases/session"
MODELS = """
    from sqlalchemy import ForeignKey
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


    class Base(DeclarativeBase):
        pass


    class Part(Base):
        __tablename__ = "part"
        id: Mapped[int] = mapped_column(primary_key=True)
        item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))


    class Item(Base):
        __tablename__ = "item"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        parts: Mapped[list[Part]] = relationship()
    """
WITHOUT = MODELS.replace("parts: Mapped[list[Part]] = relationship()", "size: Mapped[int]")
HELPERS = """
    from pydantic import BaseModel
    from sqlalchemy import func, select

    from .models import Item, Part


    class Shown(BaseModel):
        name: str


    class Whole(Shown):
        parts: list


    def count(db):
        return db.query(Item).filter(Item.name == "a").count()


    def name_of(db, key) -> str:
        return db.get(Item, key).name


    def shown(db, key):
        return Shown.model_validate(db.get(Item, key))


    def remove(db, key):
        db.delete(db.get(Item, key))
        db.commit()


    def item(db, key):
        return db.get(Item, key)


    def touch(db, row):
        db.add(row)
        db.commit()


    def names(db) -> list[dict[str, str]]:
        told = unknown()
        for item in db.query(Item).all():
            told.append({"name": item.name})
        return told


    def held(db) -> dict:
        return {"item": db.query(Item).first()}


    def some(db):
        found = db.query(Item).all()
        return {"items": found, "count": len(found)}
    """
IMPORTS = """
    from fastapi import Request
    from sqlalchemy import delete, func, select, text, update
    from sqlalchemy import text as as_text
    from sqlalchemy.orm import Session, selectinload

    from elsewhere import unknown
    from .helpers import Shown, Whole, count, held, item, name_of, names, remove, shown, some, touch
    from .models import Item, Part
    """


RELATED = (
    "return db.get(Item, key)",
    "return db.query(Item).all()",
    "return db.query(Item).filter(Item.id == key).first()",
    "return db.scalars(select(Item)).all()",
    "return db.execute(select(Item, Part.id)).all()",
    "rows = db.execute(select(Item)).scalars().all()\n    return rows",
    "statement = select(Item)\n    return db.scalars(statement).all()",
    "return db.scalar(unknown())",
    "return item(db, key)",
    "return some(db)",
    "return held(db)",
    "row = db.query(Item).first()\n    touch(db, row)",
    "row = db.query(Item).first()\n    if row is not None:\n        return row.parts",
    "row = db.query(Item).first()\n    return {'parts': len(row.parts)}",
    "row = db.query(Item).first()\n    return {'name': row.name, 'parts': [part.id for part in row.parts]}",
    "row = db.query(Item).first()\n    return unknown(row)",
    "row = db.query(Item).first()\n    row.parts = []",
    "rows = db.query(Item).all()\n    return [row.parts for row in rows]",
    "rows = db.query(Item).all()\n    for row in rows:\n        print(row.name)\n    return rows",
    "row = db.query(Item).first()\n    return Whole.model_validate(row)",
    "row = db.query(Item).first()\n    other = row\n    return other.parts",
    "return db.query(Item).first().parts",
    "row = db.query(Item).first()\n    return row or None",
    "row = unknown()\n    db.refresh(row)\n    return row",
)
PLAIN = (
    "row = db.query(Item).first()\n    if row.name:\n        return 1",
    "row = db.query(Item).first()\n    return {'id': row.id, 'name': row.name}",
    "row = db.query(Item).first()\n    row.name = 'a'\n    db.add(row)",
    "row = item(db, key)\n    return row.name",
    "rows = db.query(Item).all()\n    return [{'name': row.name} for row in rows]",
    "rows = db.query(Item).all()\n    for row in rows:\n        print(row.name)\n    return len(rows)",
    "row = db.query(Item).first()\n    return Shown.model_validate(row)",
    "row = db.query(Item).first()\n    other = row\n    return other.name",
    "return db.query(Item).first().name",
    "db.commit()",
    "return db.get(Part, key)",
    "return db.query(Item).count()",
    "return db.query(Item.id, Item.name).all()",
    "return db.query(func.count(Item.id)).scalar()",
    "return db.scalar(select(func.count()).select_from(Item))",
    "return db.execute(select(Item.id, Item.name.label('n'))).all()",
    "statement = select(Item.id).where(Item.name == 'a')\n    return db.scalars(statement).all()",
    "return db.execute(text('SELECT 1')).all()",
    "return db.execute(as_text('SELECT 1')).all()",
    "return db.execute(delete(Item)).rowcount",
    "return db.query(Item).filter(Item.id == key).delete()",
    "return count(db)",
    "return name_of(db, key)",
    "return shown(db, key)",
    "remove(db, key)",
    "return names(db)",
    "touch(db, unknown().attribute)",
    "row = db.query(Item).first()\n    if row is not None:\n        return 1",
    "row = db.query(Item).first()\n    if key and not row:\n        return 1",
    "row = db.query(Item).first()\n    return row is None",
)


def _noted(statements: tuple[str, ...], models: str = MODELS) -> set[str]:
    """Those of the statements, each in an endpoint of its own, that a note stands on as they are handed to a thread."""
    head = "async def home_{}(request: Request, db: Session, key: int):\n    await request.json()\n"
    endpoints = [
        f'@app.get("/{number}")\n{head.format(number)}    {statement}\n' for number, statement in enumerate(statements)
    ]
    files: Files = {"app/__init__.py": "", "app/models.py": models, "app/helpers.py": HELPERS}
    handed: dict[str, set[bool]] = {}
    for one in found(RULE, with_app(IMPORTS, "\n\n".join(endpoints)), files):
        statement = statements[int(one.function.rpartition("_")[2])]
        fixes = (*((one.fix,) if one.fix else ()), *one.alternatives)
        handed.setdefault(statement, set()).update(LAZILY in f.notes for f in fixes if f.way is Way.OFFLOAD)
    assert handed.keys() == {*statements}
    assert all(len(noted) == 1 for noted in handed.values())
    return {statement for statement, noted in handed.items() if noted == {True}}


def test_what_may_have_related_rows_is_noted() -> None:
    assert _noted(RELATED) == {*RELATED}


def test_values_have_no_related_rows() -> None:
    assert _noted(PLAIN) == set()


@pytest.mark.parametrize(("model", "is_noted"), [("Shown", False), ("Whole", True), ("Part", True)])
def test_a_model_of_the_response_tells_what_is_read(model: str, is_noted: bool) -> None:
    body = f"""
        @app.get("/", response_model={model})
        async def home(request: Request, db: Session):
            await request.json()
            row = db.query(Item).first()
            return row
    """
    files: Files = {"app/__init__.py": "", "app/models.py": MODELS, "app/helpers.py": HELPERS}
    (finding,) = found(RULE, with_app(IMPORTS, body), files)
    assert finding.fix is not None
    assert (LAZILY in finding.fix.notes) is is_noted


def test_where_the_tables_have_no_relationship_nothing_is_noted() -> None:
    assert _noted(RELATED, WITHOUT) == set()


def test_tables_of_another_package_may_have_some() -> None:
    models = "from elsewhere.models import Item, Part\n"
    asked = ("return db.query(Item).first()", "return count(db)")
    assert _noted(asked, models) == {asked[0]}
