"""An `await` between two lines of a file, which other requests may write meanwhile."""

import pytest

from rules import Applicability, Way
from rules.core.fixes.files.held_open import HANDED, INTERRUPTED
from tests.rules.checking import found, with_app

IMPORTS = "import csv\nimport threading\n\nimport requests\nfrom fastapi import Request"
PROGRAM = """
LINES = "lines.csv"
LOCK = threading.Lock()


@app.post("/")
async def sent(request: Request) -> None:
    await request.body()
    {read}


@app.put("/")
async def kept(request: Request) -> None:
    text = await request.body()
    {write}
"""
OPENED = 'with open(LINES, newline="") as file:\n        '
SEND = 'requests.post("https://a.example", json=row)'
WRITTEN = 'with open(LINES, "wb") as file:\n        file.write(text)'


def offloads(read: str, write: str = WRITTEN) -> set[tuple[Applicability, bool]]:
    """For the fixes that hand over the request, how they may be made, and whether they tell of the file."""
    findings = found("clients/requests", with_app(IMPORTS, PROGRAM.format(read=read, write=write)))
    fixes = [fix for one in findings for fix in (one.fix, *one.alternatives) if fix and fix.way is Way.OFFLOAD]
    return {(fix.applicability, INTERRUPTED in fix.notes) for fix in fixes}


@pytest.mark.parametrize(
    "read",
    [
        f"{OPENED}for row in file:\n            {SEND}",
        f"{OPENED}for row in csv.reader(file):\n            {SEND}",
        f"{OPENED}for place, row in enumerate(csv.DictReader(file)):\n            {SEND}",
        f"{OPENED}rows = csv.reader(file)\n        for row in rows:\n            {SEND}",
        f"{OPENED}return [{SEND} for row in file]",
    ],
)
def test_others_may_write_what_is_read_line_by_line(read: str) -> None:
    assert offloads(read) == {(Applicability.UNSAFE, True)}


@pytest.mark.parametrize(
    ("read", "write"),
    [
        (f"{OPENED}for row in list(csv.reader(file)):\n            {SEND}", WRITTEN),
        (f"{OPENED}for row in file.readlines():\n            {SEND}", WRITTEN),
        (f"{OPENED}rows = file.readlines()\n        for row in rows:\n            {SEND}", WRITTEN),
        (f"{OPENED}row = file.read()\n        {SEND}", WRITTEN),
        (f"{OPENED}rows = [*file]\n    for row in rows:\n        {SEND}", WRITTEN),
        (f"{OPENED}for row in file:\n            {SEND}", "print(text)"),
        (f"{OPENED}for row in file:\n            {SEND}", WRITTEN.replace("LINES", "'other.csv'")),
        (f"{OPENED}for row in 'ab':\n            {SEND}", WRITTEN),
    ],
)
def test_what_is_read_at_once_or_never_written_is_no_matter(read: str, write: str) -> None:
    assert offloads(read, write) == {(Applicability.SAFE, False)}


SENT = 'with open(LINES, "rb") as file:\n        requests.post("https://a.example", {given})'


@pytest.mark.parametrize(
    ("given", "write", "is_told"),
    [
        ("data=file", WRITTEN, True),
        ("files={'a': file}", WRITTEN, True),
        ("data=file.read()", WRITTEN, False),
        ("data=name", WRITTEN, False),
        ("data=file", "print(text)", False),
        ("data=file", WRITTEN.replace("LINES", "'other.csv'"), False),
    ],
)
def test_others_may_write_what_is_handed_over_open(given: str, write: str, *, is_told: bool) -> None:
    source = with_app(IMPORTS, PROGRAM.format(read=SENT.format(given=given), write=write))
    (finding,) = found("clients/requests", source)
    fixes = [fix for fix in (finding.fix, *finding.alternatives) if fix and fix.way is Way.OFFLOAD]
    assert [HANDED in fix.notes for fix in fixes] == [is_told]
    assert (fixes[0].applicability is Applicability.SAFE) is not is_told
