"""What a helper gives that says no more of it than `dict` or `list`."""

import pytest

from tests.rules.core.fixes.sessions.test_exchange import HEAD, app
from tests.rules.core.fixes.sessions.test_forgetting import FILES, commits

HELPER = """
def inner(db: Session) -> dict:
    return {{"item": db.get(Item, 1)}}


def plain(db: Session) -> dict:
    return {{"item": db.get(Item, 1).name}}


def told(db: Session) -> {annotation}:
    {body}


"""
READ = "await wait()\n    given = told(db)\n    db.commit()\n    return given['item'].name"


def applicability(annotation: str, body: str) -> set[str]:
    helper = HELPER.format(annotation=annotation, body=body).lstrip("\n")
    source = f"from typing import Any\n{HEAD}{helper}{app(READ).removeprefix(HEAD)}"
    return {str(fix.applicability) for fix in commits(source, FILES)}


@pytest.mark.parametrize(
    ("annotation", "body"),
    [
        ("dict", "return {'item': db.get(Item, 1)}"),
        ("dict", "item = db.query(Item).first()\n    return {'item': item, 'count': 1}"),
        ("dict", "given = {}\n    given['item'] = db.query(Item).first()\n    return given"),
        ("dict", "given = {'a': {}}\n    given['a']['b'] = db.get(Item, 1)\n    return given"),
        ("dict", "return dict(item=db.get(Item, 1))"),
        ("dict", "return {item.name: item for item in db.scalars(select(Item))}"),
        ("dict", "return inner(db)"),
        ("dict", "return {'item': unknown().query(Item).first()}"),
        ("dict[str, Any]", "return {'item': db.get(Item, 1)}"),
        ("dict[str, Any] | None", "return {'item': db.get(Item, 1)} if number else None"),
        ("dict", "return {'item': unknown(db)}"),
        ("dict[str, Item]", "return {'item': unknown()}"),
        ("list", "return [db.get(Item, 1)]"),
        ("list[dict]", "return [{'item': item} for item in db.query(Item).all()]"),
        (
            "list[dict]",
            "rows = []\n    for item in db.query(Item):\n        rows.append({'item': item})\n    return rows",
        ),
        ("tuple", "return db.get(Item, 1), 1"),
        ("list", "items = db.scalars(select(Item)).all()\n    return sorted(items)"),
    ],
)
def test_rows_that_a_helper_puts_into_what_it_gives_are_read_again(annotation: str, body: str) -> None:
    assert applicability(annotation, body) == {"unsafe"}


@pytest.mark.parametrize(
    ("annotation", "body"),
    [
        ("dict", "item = db.query(Item).first()\n    return {'item': item.name, 'count': 1}"),
        ("dict", "given = {}\n    given['item'] = db.query(Item).first().name\n    return given"),
        ("dict", "other = {}\n    other['item'] = db.get(Item, 1)\n    return {'item': len(other)}"),
        ("dict", "return {item.name: str(item) for item in db.scalars(select(Item))}"),
        ("dict", "return plain(db)"),
        ("dict", "def made():\n        return db.get(Item, 1)\n\n    return {'item': made().name}"),
        ("list", "return db.scalars(select(Item.name)).all()"),
        ("list[dict]", "return [{'item': item.name} for item in db.query(Item).all()]"),
        (
            "list[dict]",
            "rows = []\n    for item in db.query(Item):\n        rows.append({'item': item.name})\n    return rows",
        ),
        ("dict[str, Any]", "return {'item': db.get(Item, 1).name}"),
        ("list[dict[str, Any]] | None", "return [{'item': item.name} for item in db.query(Item)]"),
        ("dict", "return {'items': db.query(Item).count()}"),
        ("dict", "return {'items': unknown()}"),
        ("dict[str, str]", "return {'item': db.get(Item, 1).name}"),
        ("int", "return db.query(Item).count()"),
    ],
)
def test_what_is_read_of_rows_in_a_helper_holds_none(annotation: str, body: str) -> None:
    assert applicability(annotation, body) == {"safe"}
