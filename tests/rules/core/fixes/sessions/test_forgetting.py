"""A commit in a worker thread is safe only where nothing of the rows is read on the event loop afterwards."""

import pytest

from rules import Fix, Way
from tests.rules.checking import Files, found
from tests.rules.core.fixes.sessions.test_exchange import FILES as BOTH
from tests.rules.core.fixes.sessions.test_exchange import HEAD, RULE, STACKS, app

BLOCKING = STACKS.replace("async def get_async", "def get_async").replace("async with AsyncLocal", "with SessionLocal")
FILES: Files = {**BOTH, "app/database.py": BLOCKING}


def commits(source: str, files: Files) -> list[Fix]:
    """The fixes that hand over what commits."""
    findings = [one for one in found(RULE, source, files) if "commit" in one.message or "helper" in one.message]
    offered = [fix for one in findings for fix in (*((one.fix,) if one.fix else ()), *one.alternatives)]
    assert offered
    return [fix for fix in offered if fix.way is Way.OFFLOAD]


@pytest.mark.parametrize(
    "body",
    [
        "db.add(Item())\n    db.commit()\n    return {'done': True}",
        "item = Item()\n    db.commit()\n    db.refresh(item)\n    return item",
        "item = Item()\n    db.commit()\n    item = db.get(Item, 1)\n    return item",
        "name = db.get(Item, 1).name\n    db.commit()\n    return name",
        "item = Item()\n    if item.name:\n        db.commit()\n        return {}\n    return item.name",
        "item = Item()\n    try:\n        db.commit()\n    except ValueError:\n        db.rollback()\n        raise\n    return 1",
        "item = Item()\n    db.commit()\n    item.name = 'x'\n    db.add(item)",
        "item = Item()\n    db.commit()\n    return item is None",
        "item = Item()\n    path = kept(item)\n    db.commit()\n    return path.name",
        "name = unknown('a')['b'].replace(' ', '')\n    db.commit()\n    return name[1]",
        "kind = unknown('a').get('labels', {}).get('kind')\n    db.commit()\n    return str(kind)",
        "mark = unknown('a').hexdigest()\n    db.commit()\n    return mark[:8]",
        "item = Item()\n    number_of = counted(item)\n    db.commit()\n    return number_of + 1",
        "names = named(db)\n    db.commit()\n    return names[0].upper()",
        "shown = all_shown(db)\n    db.commit()\n    return shown[0]",
        "with LOGS.opened() as lines:\n        db.commit()\n        return lines.pop()",
        "db.commit()\n    async for line in LOGS.opened():\n        return line.text",
        "names = db.scalars(select(Item.name)).all()\n    db.commit()\n    return [name.upper() for name in names]",
        "rows = db.query(Item.name).all()\n    db.commit()\n    for (name,) in rows:\n        print(name.upper())",
        "db.commit()\n    for item in db.scalars(select(Item)).all():\n        print(item.name)",
        "db.commit()\n    for item, name in db.execute(select(Item, Item.name)):\n        print(item.name + name)",
        "db.commit()\n    return [item.name for item in db.scalars(select(Item))]",
        "import httpx\n    import stripe\n    text = await httpx.AsyncClient().get('/')\n    told = stripe.Webhook.construct_event(text, 'a')\n    name = told.get('id')\n    db.commit()\n    return name",
        "from .log import Counter\n    db.commit()\n    Counter.count(number)",
        "def told():\n        return 1\n    db.commit()\n    return told()",
        "db.commit()\n    return await call_next(1)",
        "many = isinstance(unknown(), list)\n    db.commit()\n    return many",
        "item = db.get(Item, 1)\n    db.delete(item)\n    db.commit()\n    return {'deleted': item}",
        "a = b = None\n    for _ in 'ab':\n        a = b or a\n        b = a or b\n    db.commit()\n    return a.name",
    ],
)
def test_what_is_not_read_again_is_safe(body: str) -> None:
    helper = (
        "from pathlib import Path\n\n\ndef kept(item: Item) -> Path: ...\n\n\n"
        "def named(db: Session) -> list:\n    return db.scalars(select(Item.name)).all()\n\n\n"
        "def all_shown(db: Session) -> list:\n    return [{'name': item.name} for item in db.query(Item).all()]\n\n\n"
        "@logged('count')\ndef counted(item: Item) -> int: ...\n\n\n"
    )
    parameters = "call_next, db: Session = Depends(get_db)" if "call_next" in body else "db: Session = Depends(get_db)"
    source = HEAD + helper + app(f"await wait()\n    {body}", parameters).removeprefix(HEAD)
    assert {str(fix.applicability) for fix in commits(source, FILES)} == {"safe"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "if number:\n        db.commit()\n        raise ValueError\n    item = Item()\n    return item.name",
            {"safe"},
        ),
        (
            "item = Item()\n    if number:\n        db.commit()\n        raise ValueError\n    db.commit()\n    return item.name",
            {"safe", "unsafe"},
        ),
        (
            "item = Item()\n    db.commit()\n    db.refresh(item)\n    db.commit()\n    return item.name",
            {"safe", "unsafe"},
        ),
        (
            "item = Item()\n    db.commit()\n    if number:\n        db.refresh(item)\n    db.commit()\n    return item.name",
            {"unsafe"},
        ),
        ("item = Item()\n    db.commit()\n    db.commit()\n    return item.name", {"unsafe"}),
        (
            "for _ in 'ab':\n        item = Item()\n        db.commit()\n        db.refresh(item)\n    db.commit()\n    return item.name",
            {"safe", "unsafe"},
        ),
    ],
)
def test_only_the_commit_before_a_reading_is_told(body: str, expected: set[str]) -> None:
    source = app(f"await wait()\n    {body}", parameters="number: int, db: Session = Depends(get_db)")
    assert {str(fix.applicability) for fix in commits(source, FILES)} == expected


@pytest.mark.parametrize(("class_", "applicability"), [("Audit", "safe"), ("Item", "unsafe")])
def test_an_object_of_a_class_that_is_no_table_holds_no_row(class_: str, applicability: str) -> None:
    audit = "class Audit:\n    def __init__(self, db: Session):\n        self.db = db\n\n\n"
    body = "await wait()\n    db.commit()\n    return one.name"
    source = app(body, parameters=f"one: {class_} = Depends(find), db: Session = Depends(get_db)").removeprefix(HEAD)
    assert {str(fix.applicability) for fix in commits(HEAD + audit + source, FILES)} == {applicability}


@pytest.mark.parametrize(
    ("made", "applicability"), [("Audit(db)", "safe"), ("Item()", "unsafe"), ("unknown(db)", "unsafe")]
)
def test_an_object_made_here_of_a_class_that_is_no_table_holds_no_row(made: str, applicability: str) -> None:
    audit = "class Audit:\n    def __init__(self, db: Session):\n        self.db = db\n\n\n"
    body = f"await wait()\n    one = {made}\n    db.commit()\n    return one.name"
    source = app(body, parameters="db: Session = Depends(get_db)").removeprefix(HEAD)
    assert {str(fix.applicability) for fix in commits(HEAD + audit + source, FILES)} == {applicability}


@pytest.mark.parametrize(
    ("made", "applicability"), [("stripe.Webhook.construct_event('a')", "safe"), ("unknown('a')", "unsafe")]
)
def test_what_a_library_makes_without_the_session_holds_no_row(made: str, applicability: str) -> None:
    body = f"event = {made}\n    await wait()\n    name = event.get('id')\n    db.commit()\n    return name.text"
    source = f"import stripe\n{app(body)}"
    assert {str(fix.applicability) for fix in commits(source, FILES)} == {applicability}


@pytest.mark.parametrize(("of", "applicability"), [("UploadFile", "safe"), ("Item", "unsafe"), ("Unknown", "unsafe")])
def test_an_upload_is_no_row_and_neither_is_a_file_that_it_names(of: str, applicability: str) -> None:
    body = (
        "for one in many:\n        await wait()\n        db.commit()\n"
        "        with LOGS[one.filename].opened() as log:\n            log.add(one.size)"
    )
    called = "\n\n@app.get('/')\nasync def root(db: Session = Depends(get_db)):\n    await home(db, [])\n"
    source = app(body, parameters=f"db: Session, many: list[{of}]", route="").removeprefix(HEAD) + called
    fixes = commits(f"from fastapi import UploadFile\n{HEAD}{source}", FILES)
    assert {str(fix.applicability) for fix in fixes} == {applicability}


@pytest.mark.parametrize(("given", "applicability"), [("number: int", "safe"), ("number", "unsafe")])
def test_what_is_entered_by_a_plain_value_holds_no_row(given: str, applicability: str) -> None:
    body = "with LOGS[number].opened() as lines:\n        db.commit()\n        return lines.pop()"
    source = app(f"await wait()\n    {body}", parameters=f"{given}, db: Session = Depends(get_db)")
    assert {str(fix.applicability) for fix in commits(source, FILES)} == {applicability}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("item = Item()\n    db.commit()\n    return item.name", "`item.name` is read after the commit"),
        (
            "b = None\n    for _ in 'ab':\n        a = b or Item()\n        b = a or b\n    db.commit()\n    return b.name",
            "`b.name` is read after the commit",
        ),
        (
            "kind = told()\n    item = Item()\n    db.commit()\n    print(f'{kind}')\n    return item.name",
            "`item.name` is read after the commit",
        ),
        ("item = Item()\n    db.commit()\n    return item", "`item` is read after the commit"),
        ("item = Item()\n    db.commit()\n    return {'item': item}", "`item` is read after the commit"),
        ("for item in db.scalars(select(Item)):\n        print(item.name)\n        db.commit()", "`item.name` is read"),
        (
            "db.flush()\n    items = db.scalars(select(Item)).all()\n    for item in items:\n        print(item.name)\n        db.commit()",
            "`item.name` is read after the commit",
        ),
        (
            "items = db.scalars(select(Item)).all()\n    db.commit()\n    for _, item in enumerate(items):\n        print(item.name)",
            "`item.name` is read after the commit",
        ),
        (
            "item = db.get(Item, 1)\n    other = Item()\n    db.delete(item)\n    db.commit()\n    return item.name + other.name",
            "`other.name` is read after the commit",
        ),
        (
            "item = db.get(Item, 1)\n    db.delete(item)\n    item = Item()\n    db.commit()\n    return item.name",
            "`item.name` is read after the commit",
        ),
        ("items = db.scalars(1).all()\n    db.commit()\n    return [i.name for i in items]", "`i.name` is read"),
        (
            "item = db.get(Item, 1)\n    db.commit()\n    return [item.name for item in item.parts]",
            "`item.parts` is read",
        ),
        (
            "item = Item()\n    db.commit()\n    if item.name:\n        db.refresh(item)\n    return 1",
            "`item.name` is read",
        ),
        ("item = Item()\n    with db.begin():\n        db.commit()\n    return item.id", "`item.id` is read"),
        (
            "with opened(db) as item:\n        db.commit()\n        return item.name",
            "`item.name` is read after the commit",
        ),
        ("item = Item()\n    helper(db)\n    return item.id", "`item.id` is read after the commit"),
        (
            "items = listed(db)\n    db.commit()\n    return items[0].name",
            "If `items` holds rows, they are loaded again",
        ),
        ("items = kept(db)\n    db.commit()\n    return items[0].name", "If `items` holds rows, they are loaded again"),
        ("return helper(db)", "If what is returned holds rows, they are loaded again"),
    ],
)
def test_what_is_read_again_is_told(body: str, said: str) -> None:
    helper = (
        "def helper(db: Session):\n    item = Item()\n    db.commit()\n    return item\n\n\n"
        "def listed(db: Session) -> list:\n    return db.query(Item).all()\n\n\n"
        "def kept(db: Session) -> list:\n    items = db.scalars(select(Item)).all()\n    return items\n\n\n"
    )
    source = HEAD + helper + app(f"await wait()\n    {body}").removeprefix(HEAD)
    for fix in commits(source, FILES):
        assert str(fix.applicability) == "unsafe"
        assert fix.notes[0].startswith(said)
        assert "loaded again on the event loop" in fix.notes[0]
        assert fix.notes[0].endswith("in the worker thread.")


def test_a_session_that_lets_rows_keep_what_they_hold_is_safe() -> None:
    files = {**FILES, "app/database.py": BLOCKING.replace("(bind=engine)", "(bind=engine, expire_on_commit=False)")}
    source = app("await wait()\n    item = Item()\n    db.commit()\n    return item.name")
    assert {str(fix.applicability) for fix in commits(source, files)} == {"safe"}


def test_what_it_takes_to_await_the_database_is_said_once() -> None:
    source = app("db.flush()\n    db.commit()")
    notes = [note for one in found(RULE, source, FILES) if one.fix for note in one.fix.notes]
    (said,) = (note for note in notes if note.startswith("To await the database"))
    assert "`create_async_engine` on `postgresql+psycopg://`" in said
    assert "twin of `get_db`" in said


@pytest.mark.parametrize("settings", ['URL = "sqlite:///shop.db"\n', "URL = unknown()\n"])
def test_nothing_is_said_of_a_database_that_gains_nothing_or_is_not_seen(settings: str) -> None:
    findings = found(RULE, app("db.commit()"), {**FILES, "app/settings.py": settings})
    assert not [note for one in findings if one.fix for note in one.fix.notes if "To await the database" in note]


def test_a_session_that_requests_share_is_to_be_one_for_each() -> None:
    source = HEAD + "session = Session(1)\n\n\n" + app("await wait()\n    session.commit()").removeprefix(HEAD)
    (finding,) = found(RULE, source, FILES)
    assert finding.fix is None
    assert finding.advice.endswith(
        "Give each request a session or connection of its own, from a dependency that closes it afterwards."
    )


@pytest.mark.parametrize("read", ["await file.read()", "await request.body()"])
def test_bytes_of_a_request_are_no_rows(read: str) -> None:
    source = app(
        f"await wait()\n    data = {read}\n    db.add(Item(name=data))\n    db.commit()\n    return len(data)",
        parameters="file: UploadFile, request: Request, db: Session = Depends(get_db)",
    ).replace("from fastapi import ", "from fastapi import Request, UploadFile, ", 1)
    assert {str(fix.applicability) for fix in commits(source, FILES)} == {"safe"}


HELPER = """
def helper(db):
    item = Item()
    try:
        db.commit()
        db.refresh(item)
        return item
    except ValueError:
        db.rollback()
        return {failed}


"""


@pytest.mark.parametrize(("failed", "expected"), [("None", "safe"), ("item", "unsafe")])
def test_what_a_helper_gives_after_a_rollback_is_told_only_where_it_gives_rows(failed: str, expected: str) -> None:
    source = app("await wait()\n    item = helper(db)\n    return item.name")
    source = source.replace("@app.get", f"{HELPER.format(failed=failed).lstrip()}@app.get")
    assert {str(fix.applicability) for fix in commits(source, FILES)} == {expected}


HELPERS = """def helper(item, db):
    item.name = "x"
    {body}


@app.get"""


@pytest.mark.parametrize(
    ("body", "after", "said"),
    [
        ("db.commit()\n    db.refresh(item)", "return item.name", ""),
        ("if not item.name:\n        return\n    db.commit()\n    db.refresh(item)", "return item.name", ""),
        ("if unknown():\n        return\n    db.commit()\n    db.refresh(item)", "return item.name", ""),
        ("db.commit()\n    print(item.name)", "return item.name", ""),
        ("db.commit()\n    raise ValueError", "return item.name", ""),
        ("db.commit()\n    inner(item, db)", "return item.name", "commit"),
        ("db.commit()\n    db.refresh(item)\n    inner(item, db)", "return item.name", "commit"),
        ("if unknown():\n        db.commit()\n    db.refresh(item)", "return item.name", ""),
        ("db.commit()\n    if unknown():\n        db.refresh(item)", "return item.name", "commit"),
        ("db.commit()\n    unknown() and print(item.name)", "return item.name", "commit"),
        ("db.commit()\n    print(item.parts)", "return item.name", "commit"),
        ("db.commit()\n    item = Item()\n    db.refresh(item)", "return item.name", "commit"),
        ("try:\n        return\n    finally:\n        db.commit()", "return item.name", "commit"),
        ("with db.begin():\n        db.commit()\n        return", "return item.name", "commit"),
        (
            "try:\n        db.commit()\n    except ValueError:\n        db.rollback()\n        raise",
            "return item.name",
            "commit",
        ),
    ],
)
def test_what_a_helper_leaves_loaded_is_not_loaded_again(body: str, after: str, said: str) -> None:
    helper = "def inner(item, db):\n    db.commit()\n\n\n" + HELPERS.format(body=body)
    source = app(f"await wait()\n    item = Item()\n    helper(item, db=db)\n    {after}").replace(
        "@app.get", helper, 1
    )
    notes = [fix.notes[:1] for fix in commits(source, FILES) if str(fix.applicability) == "unsafe"]
    assert [note for (note,) in notes] == (
        [
            f"`item.name` is read after the {said}, and then loaded again on the event loop: refresh it in the worker thread."
        ]
        if said
        else []
    )


def test_what_a_helper_returns_is_lost_by_another_that_it_calls() -> None:
    helper = "def inner(db):\n    db.commit()\n\n\n" + HELPERS.format(
        body="db.refresh(item)\n    inner(db)\n    return item"
    )
    source = app("await wait()\n    item = helper(Item(), db)\n    return item.name").replace("@app.get", helper, 1)
    assert {str(fix.applicability) for fix in commits(source, FILES)} == {"unsafe"}


@pytest.mark.parametrize(
    ("tried", "handled", "expected"),
    [
        ("db.commit()\n        unknown()", "return item.name", "unsafe"),
        ("db.commit()\n        LOGS.info('done')", "return item.name", "safe"),
        ("db.commit()\n        db.refresh(item)", "return item.name", "safe"),
        ("db.commit()\n        raise ValueError", "return item.name", "unsafe"),
        (
            "try:\n            db.commit()\n            unknown()\n        except Exception:\n            pass",
            "return item.name",
            "safe",
        ),
        ("db.commit()\n        unknown()", "return 1", "safe"),
    ],
)
def test_what_is_read_where_an_error_is_caught_is_told(tried: str, handled: str, expected: str) -> None:
    source = app(
        f"await wait()\n    item = Item()\n    try:\n        {tried}\n    except ValueError:\n        {handled}"
    )
    assert {str(fix.applicability) for fix in commits(source, FILES)} == {expected}


FAILING = """def failing(db):
    try:
        db.commit()
    except ValueError:
        db.rollback()
        raise


@app.get"""


def test_what_is_read_after_a_helper_rolled_back_and_raised_is_told() -> None:
    body = "await wait()\n    item = Item()\n    try:\n        failing(db)\n    except ValueError:\n        return item.name"
    source = app(body).replace("@app.get", FAILING, 1)
    findings = [one for one in found(RULE, source, BOTH) if "failing" in one.message]
    ways = {(fix.way, str(fix.applicability)) for one in findings for fix in (one.fix, *one.alternatives) if fix}
    assert ways == {(Way.OFFLOAD, "unsafe")}
    (fix,) = (fix for one in findings for fix in (one.fix, *one.alternatives) if fix)
    assert fix.notes[0].startswith("`item.name` is read after the rollback")


def test_a_token_that_is_encoded_is_no_row() -> None:
    above = "from jose import jwt\n\n\ndef token(item):\n    encoded = jwt.encode({'sub': item.name}, 'a')\n    return encoded\n\n\n"
    body = "await wait()\n    text = token(Item())\n    db.commit()\n    return {'token': text}"
    source = app(body).replace("@app.get", f"{above}@app.get", 1)
    assert {str(fix.applicability) for fix in commits(source, FILES)} == {"safe"}


SHOWN = """class Shown(BaseModel):
    name: str


@app.get"""


@pytest.mark.parametrize(
    ("held", "read", "said"),
    [
        ("Shown.model_validate(item)", "return shown.name", ""),
        ("{'item': Shown.model_validate(item)}", "shown['done'] = True\n    return shown", ""),
        ("[Shown.from_orm(one) for one in db.query(Item)]", "return shown", ""),
        ("{'item': item}", "shown['done'] = True\n    return shown", "If `shown` holds rows"),
        ("Item.from_orm(item)", "return shown.name", "`shown.name` is read after the commit"),
        ("{'item': Shown.model_validate(item)}", "shown['name'] = item.name", "`item.name` is read after the commit"),
    ],
)
def test_a_model_that_is_made_of_a_row_holds_none(held: str, read: str, said: str) -> None:
    source = app(f"await wait()\n    item = db.get(Item, 1)\n    shown = {held}\n    db.commit()\n    {read}")
    source = f"from pydantic import BaseModel\n{source.replace('@app.get', SHOWN, 1)}"
    (fix,) = commits(source, FILES)
    assert str(fix.applicability) == ("unsafe" if said else "safe")
    assert not said or fix.notes[0].startswith(said)


def test_what_a_helper_was_given_together_with_the_session_may_hold_rows_or_not() -> None:
    helper = "async def asked(db: Session):\n    return await elsewhere(db)\n\n\n"
    body = "await wait()\n    response = await asked(db)\n    db.commit()\n    return {'response': str(response)}"
    (fix,) = commits(HEAD + helper + app(body).removeprefix(HEAD), FILES)
    assert fix.notes[0].startswith("If `response` holds rows, they are loaded again on the event loop after the commit")


SERVICE = """class Shelf:
    def __init__(self, db: Session):
        self.db = db

    def keep(self, name: str):
        item = Item(name=name)
        self.db.add(item)
        self.db.commit()
        self.db.refresh(item)
        return item

    def look(self, name: str):
        return self.db.get(Item, name)


"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("shelf = Shelf(db)\n    shelf.keep('a')\n    return item.name", "`item.name` is read after the commit"),
        ("Shelf(db).keep('a')\n    return item.name", "`item.name` is read after the commit"),
        ("Shelf(db=db).keep('a')\n    print(item.name)", "`item.name` is read after the commit"),
        ("new = Shelf(db).keep('a')\n    return new.name", ""),
        ("Shelf(SessionLocal()).keep('a')\n    return item.name", ""),
    ],
)
def test_an_object_that_holds_the_session_commits_for_all(body: str, said: str) -> None:
    source = HEAD + SERVICE + app(f"await wait()\n    item = db.get(Item, 1)\n    {body}").removeprefix(HEAD)
    kept = [fix for fix in commits(source, FILES) if "keep" in str(fix.edits)]
    assert kept
    for fix in kept:
        assert str(fix.applicability) == ("unsafe" if said else "safe"), fix.notes
        assert not said or fix.notes[0].startswith(said)


SETTING = """def set_name(db: Session, key: int, name: str):
    found = {asked}
    if found:
        found.name = name
        db.commit()
        {refreshed}
    return found


"""


@pytest.mark.parametrize(
    ("asked", "refreshed", "given", "applicability"),
    [
        ("db.query(Item).filter(Item.id == key).first()", "db.refresh(found)", "item.id", "safe"),
        ("db.get(Item, key)", "db.refresh(found)", "item.id", "safe"),
        ("db.query(Item).filter_by(id=key).first()", "db.refresh(found)", "item.id", "safe"),
        ("db.query(Item).filter(Item.id == key).first()", "pass", "item.id", "unsafe"),
        ("db.query(Item).filter(Item.name == key).first()", "db.refresh(found)", "item.id", "unsafe"),
        ("db.query(Item).filter(Item.id == key).first()", "db.refresh(found)", "number", "unsafe"),
        ("db.query(Item).filter(Item.id == key).first()", "db.refresh(found)", "item.name", "unsafe"),
        ("db.query(Part).filter(Part.id == key).first()", "db.refresh(found)", "item.id", "unsafe"),
        ("db.query(Item).filter(Item.id > key).first()", "db.refresh(found)", "item.id", "unsafe"),
    ],
)
def test_a_row_that_a_helper_loads_under_another_name_is_the_same(
    asked: str, refreshed: str, given: str, applicability: str
) -> None:
    """A session gives one object for one row."""
    body = (
        f"item = db.query(Item).first()\n    await wait()\n    set_name(db, {given}, 'x')\n    return {{'id': item.id}}"
    )
    source = app(body, parameters="number: int, db: Session = Depends(get_db)").removeprefix(HEAD)
    helper = SETTING.format(asked=asked, refreshed=refreshed)
    fixes = [
        fix
        for one in found(RULE, HEAD + helper + source, FILES)
        for fix in (*((one.fix,) if one.fix else ()), *one.alternatives)
        if "set_name" in one.message and fix.way is Way.OFFLOAD
    ]
    assert {str(fix.applicability) for fix in fixes} == {applicability}


@pytest.mark.parametrize(
    ("used", "applicability"),
    [
        ("if kind == 'a':\n        return 1", "safe"),
        ("told(kind)\n    return kind", "safe"),
        ("told(kind=kind)\n    return kind", "safe"),
        ("if kind.startswith('a'):\n        return kind", "safe"),
        ("shown(kind)\n    return kind", "unsafe"),
        ("kind = item\n    told(kind)\n    return kind", "unsafe"),
        ("return kind", "unsafe"),
        ("if kind == item:\n        return 1", "unsafe"),
    ],
)
def test_what_is_used_as_a_text_holds_no_row(used: str, applicability: str) -> None:
    helpers = "def told(kind: str | None) -> None: ...\n\n\ndef shown(one) -> None: ...\n\n\n"
    body = f"event = unknown('a')\n    kind = event.get('type')\n    db.commit()\n    {used}"
    source = app(f"await wait()\n    {body}", parameters="item, db: Session = Depends(get_db)").removeprefix(HEAD)
    assert {str(fix.applicability) for fix in commits(HEAD + helpers + source, FILES)} == {applicability}


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("db.commit()", "after the commit,"),
        ("db.rollback()", "after the rollback,"),
        ("kept(db)", "after the commit or rollback,"),
    ],
)
def test_a_helper_that_may_roll_back_may_commit_as_well(called: str, said: str) -> None:
    helper = "def kept(db: Session) -> None:\n    try:\n        db.commit()\n    except ValueError:\n        db.rollback()\n\n\n"
    source = app(f"item = db.query(Item).first()\n    await wait()\n    {called}\n    return item.name").removeprefix(
        HEAD
    )
    notes = [
        note
        for one in found(RULE, HEAD + helper + source, FILES)
        for fix in (*((one.fix,) if one.fix else ()), *one.alternatives)
        for note in fix.notes
        if "`item.name` is read" in note
    ]
    assert notes
    assert all(said in note for note in notes)


@pytest.mark.parametrize(
    ("made", "after", "applicability"),
    [
        ("db = SessionLocal()", "item.id", "safe"),
        ("db = SessionLocal()\n    db.add(Item(id=item.id))", "item.id", "safe"),
        ("db = SessionLocal()\n    db.add(item)", "item.id", "unsafe"),
        ("db = SessionLocal()\n    item = db.get(Item, 1)", "item.id", "unsafe"),
        ("db = SessionLocal()", "item", "unsafe"),
    ],
)
def test_a_row_of_another_session_is_not_forgotten(made: str, after: str, applicability: str) -> None:
    """A dependency that opens a session of its own gives rows which the one that the function opens knows nothing of."""
    helper = "from .database import SessionLocal\n\n\n"
    body = f"{made}\n    await wait()\n    db.commit()\n    return {after}"
    source = app(body, parameters="item: Item = Depends(unknown)").removeprefix(HEAD)
    fixes = commits(HEAD + helper + source, FILES)
    assert {str(fix.applicability) for fix in fixes} == {applicability}
