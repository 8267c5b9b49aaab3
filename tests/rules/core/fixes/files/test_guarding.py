"""Files that are read and written again while a lock is held: nothing comes between where all that write them take it."""

from textwrap import indent

import pytest

from rules import Applicability, Way
from rules.core.fixes.files.rewriting import REWRITTEN
from rules.core.fixes.files.torn import TORN
from tests.rules.checking import found, with_app

IMPORTS = "import asyncio\nimport json\nfrom pathlib import Path\nfrom threading import Lock\n\nimport requests\nfrom fastapi import Request"
PROGRAM = """
INDEX = Path("index.json")
LOCK = Lock()
OTHER = Lock()
AWAITED = asyncio.Lock()


def asked(name):
    return requests.get(name).json()


def load() -> dict:
    return json.loads(INDEX.read_text())


def save(rows: dict) -> None:
    INDEX.write_text(json.dumps(rows))


{helper}def sizes(name):
{body}


@app.put("/{{name}}")
async def kept(name: str, request: Request) -> None:
    await request.body()
    sizes(name)


@app.post("/{{name}}")
async def other(name: str, request: Request) -> None:
    await request.body()
    {other}
"""
STORE = """class Store:
    def __init__(self):
        self.lock = Lock()

    def changed(self, name):
        with self.lock:
            rows = load()
            rows[name] = asked(name)
            save(rows)


store = Store()


"""
CHANGED = """def changed(name) -> None:
    rows = load()
    rows[name] = asked(name)
    save(rows)


"""
GUARDED = "with LOCK:\n    rows = load()\n    rows[name] = asked(name)\n    save(rows)"


def notes(body: str, other: str = "pass") -> set[str]:
    """What is said of handing over what reads and writes the file."""
    helper = (CHANGED if "changed(name)" in body else "") + (STORE if "store" in other else "")
    source = with_app(IMPORTS, PROGRAM.format(helper=helper, body=indent(body, "    "), other=other))
    findings = [one for one in found("clients/requests", source) if "sizes" in one.message]
    fixes = [fix for one in findings for fix in (one.fix, *one.alternatives) if fix and fix.way is Way.OFFLOAD]
    assert fixes
    return {note for fix in fixes for note in fix.notes}


@pytest.mark.parametrize(
    ("body", "other"),
    [
        (GUARDED, "pass"),
        (GUARDED, "sizes(name)"),
        ("with LOCK:\n    changed(name)", "pass"),
        ("print(name)\nwith LOCK:\n    print(1)\n    changed(name)\nprint(2)", "with LOCK:\n        save({})"),
    ],
)
def test_nothing_comes_between_where_all_that_write_hold_the_lock(body: str, other: str) -> None:
    assert notes(body, other).isdisjoint({REWRITTEN, TORN})


@pytest.mark.parametrize(
    ("body", "other"),
    [
        ("changed(name)", "pass"),
        (GUARDED, "save({})"),
        (GUARDED, "INDEX.write_text('')"),
        (GUARDED, "with OTHER:\n        save({})"),
        (GUARDED, "store.changed(name)"),
        ("with LOCK:\n    rows = load()\nrows[name] = asked(name)\nwith LOCK:\n    save(rows)", "pass"),
        ("with LOCK:\n    rows = load()\nrows[name] = asked(name)\nsave(rows)", "pass"),
        ("lock = Lock()\nwith lock:\n    changed(name)", "pass"),
        ("with LOCK, OTHER:\n    pass\nchanged(name)", "pass"),
    ],
)
def test_others_come_between_where_one_that_writes_holds_no_lock_or_another_one(body: str, other: str) -> None:
    assert REWRITTEN in notes(body, other)


@pytest.mark.parametrize(
    ("lock", "is_told"), [("async with AWAITED:", False), ("async with asyncio.Lock():", True), ("if name:", True)]
)
def test_a_lock_that_is_awaited_keeps_others_out_as_well(lock: str, *, is_told: bool) -> None:
    body = f"""
        INDEX = Path("index.json")
        AWAITED = asyncio.Lock()


        @app.put("/{{name}}")
        async def kept(name: str) -> None:
            {lock}
                rows = json.loads(INDEX.read_text())
                rows[name] = requests.get(name).json()
                INDEX.write_text(json.dumps(rows))
    """
    (finding,) = found("clients/requests", with_app(IMPORTS, body))
    assert finding.fix is not None
    assert (REWRITTEN in finding.fix.notes) is is_told
    assert finding.fix.applicability is (Applicability.UNSAFE if is_told else Applicability.SAFE)
