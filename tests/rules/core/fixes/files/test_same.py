"""Files of one name for all requests, or for all of a second: two threads would write one at once."""

import pytest

from rules import Applicability, Way
from rules.core.fixes.files.same import WRITTEN_AT_ONCE
from tests.rules.checking import found, with_app

IMPORTS = """
import json
import os
import time
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pandas as pd
import requests
from fastapi import Request
"""
PROGRAM = """
REPORT = Path("reports") / "last.json"
FOLDER = os.getenv("FOLDER", ".")
PLACES: dict[str, Path] = {{"rows": Path("reports/rows.json"), "last": REPORT}}
SEEN = {{"rows": Path("reports/rows.json")}}


def see(name: str) -> None:
    SEEN["rows"] = Path(name)


def ask(url: str) -> dict:
    return requests.get(url, timeout=3).json()


def stamp() -> str:
    return datetime.now().strftime("%Y-%m-%d-%H:%M:%S")


def stamped(name: str) -> str:
    return name + datetime.now().strftime("%H:%M:%S")


def dump(rows: dict, name: str) -> None:
    with open(os.path.join(FOLDER, name), "w") as file:
        json.dump(rows, file)


def dumped(name: str) -> None:
    rows = ask("https://a.example")
    with open(os.path.join(FOLDER, name), "w") as file:
        json.dump(rows, file)


def placed(rows: dict, kind: str) -> None:
    PLACES[kind].write_text(json.dumps(rows))


def report(url: str, target: str = "report.json") -> None:
    rows = ask(url)
    with open(target, "w") as file:
        json.dump(rows, file)


@app.post("/")
async def home(request: Request, name: str = "") -> None:
    {body}
"""


def ways(body: str) -> dict[Way, tuple[Applicability, bool]]:
    """The fixes of what waits for a server, and whether they tell of two that write at once."""
    findings = found("clients/requests", with_app(IMPORTS, PROGRAM.format(body=body.replace("\n", "\n    "))))
    fixes = [fix for one in findings for fix in (one.fix, *one.alternatives) if fix]
    return {fix.way: (fix.applicability, WRITTEN_AT_ONCE in fix.notes) for fix in fixes}


WRITING = [
    "rows = ask(name)\nPLACES['rows'].write_text(json.dumps(rows))",
    "rows = ask(name)\nplace = PLACES.get('rows')\nif place is None:\n    return\nplace.write_text(json.dumps(rows))",
    "rows = ask(name)\nPath('a/b.json').write_text(json.dumps(rows))",
    "rows = ask(name)\nREPORT.write_text(json.dumps(rows))",
    "rows = ask(name)\npd.DataFrame(rows).to_csv('rows.csv')",
    "rows = ask(name)\ntarget = f'{FOLDER}/rows.xlsx'\npd.DataFrame(rows).to_excel(target)",
    "rows = ask(name)\nwith open('rows.json', 'w') as file:\n    json.dump(rows, file)",
    "rows = ask(name)\nday = datetime.now().strftime('%Y%m%d')\npd.DataFrame(rows).to_csv(f'{day}.csv')",
    "rows = ask(name)\npd.DataFrame(rows).to_csv(f'rows-{int(time.time())}.csv')",
    "rows = ask(name)\npd.DataFrame(rows).to_csv('rows-' + stamp() + '.csv')",
    "dump(ask(name), f'{stamp()}.json')",
    "dump(ask(name), 'rows.json')",
    "dumped('rows.json')",
    "report(name)",
    "report(name, target='other.json')",
]
NAMING = [
    "rows = ask(name)\n(PLACES['rows'] / name).write_text(json.dumps(rows))",
    "rows = ask(name)\nplaces = {'rows': Path(name)}\nplaces['rows'].write_text(json.dumps(rows))",
    "rows = ask(name)\nSEEN['rows'].write_text(json.dumps(rows))",
    "placed(ask(name), name)",
    "rows = ask(name)\nPath(name).write_text(json.dumps(rows))",
    "rows = ask(name)\npd.DataFrame(rows).to_csv(f'{stamped(name)}.csv')",
    "rows = ask(name)\npd.DataFrame(rows).to_csv(f'{name}-{stamp()}.csv')",
    "dump(ask(name), name)",
    "dumped(f'{name}.json')",
    "report('https://a.example', name)",
]
OWN = [
    "rows = ask(name)\nwith open('rows.json', 'a') as file:\n    json.dump(rows, file)",
    "rows = ask(name)\nwith open(os.devnull, 'w') as file:\n    json.dump(rows, file)",
    "rows = ask(name)\npd.DataFrame(rows).to_csv(f'{uuid4()}.csv')",
    "rows = ask(name)\npd.DataFrame(rows).to_csv(f'{time.time()}.csv')",
    "rows = ask(name)\npd.DataFrame(rows).to_csv(f\"{datetime.now().strftime('%H%M%S%f')}.csv\")",
    "dump(ask(name), f'{uuid4().hex}.json')",
    "rows = ask(name)\nprint(REPORT.read_text(), rows)",
]


@pytest.mark.parametrize("body", WRITING)
def test_what_writes_a_file_of_one_name_is_no_work_for_threads(body: str) -> None:
    assert Way.REVERSE not in ways(body)


@pytest.mark.parametrize("body", NAMING)
def test_a_file_that_the_request_names_has_not_one_name_for_all(body: str) -> None:
    assert ways(body)[Way.REVERSE] == (Applicability.UNSAFE, False)


@pytest.mark.parametrize("body", OWN)
def test_a_file_of_its_own_may_be_written_in_any_thread(body: str) -> None:
    assert ways(body)[Way.REVERSE] == (Applicability.SAFE, False)


@pytest.mark.parametrize(
    ("body", "applicability", "is_told"),
    [
        (WRITING[-3], Applicability.UNSAFE, True),
        (WRITING[-2], Applicability.UNSAFE, True),
        (WRITING[0], Applicability.SAFE, False),
        ("dumped(f'{name}.json')", Applicability.UNSAFE, False),
    ],
)
def test_a_call_that_writes_one_in_its_thread_tells_so(body: str, applicability: Applicability, is_told: bool) -> None:
    """What stays on the event loop is written there as before."""
    assert ways(f"await request.body()\n{body}")[Way.OFFLOAD] == (applicability, is_told)
