"""Files that are read and written again: no other request may come in between unsaid."""

from textwrap import dedent

import pytest

from rules import Applicability, Finding, Way
from rules.core.fixes.files.rewriting import REUSED, REWRITTEN
from tests.rules.checking import found, with_app

IMPORTS = "import json\nimport os\nfrom pathlib import Path\n\nimport boto3\nimport minio\nimport pandas as pd"
TEXT = "    path = STORE / f'{name}.json'\n"
HELPERS = """
    def load(name: str) -> list:
        path = STORE / f"{name}.json"
        return json.loads(path.read_text())


    def save(name: str, rows: list) -> None:
        path = STORE / f"{name}.json"
        path.write_text(json.dumps(rows))


    def update(name: str, row: str) -> None:
        rows = load(name)
        rows.append(row)
        save(name, rows)


    def save_terms(name: str, rows: list) -> None:
        path = STORE / f"{name}__terms.json"
        path.write_text(json.dumps(rows))


    def index(name: str) -> None:
        save_terms(name, sorted(load(name)))


    def settings() -> str:
        for path in (Path("a.env"), Path("b.env")):
            if path.exists():
                return path.read_text()
        return ""


    def dump(path: Path, rows: str) -> None:
        fresh = path.with_name(f"{uuid4()}.fresh")
        fresh.write_text(rows)
        fresh.replace(path)


    def dump_beside(path: Path, rows: str) -> None:
        fresh = path.with_suffix(".fresh")
        fresh.write_text(rows)
        fresh.replace(path)


    def log(folder: Path, rows: str) -> None:
        if settings():
            dump(folder, rows)


    def append_all(name: str, rows: str) -> None:
        for path in (STORE / name, STORE / "all"):
            dump(path, path.read_text() + rows)


    def copied(source: Path, path: Path) -> None:
        dump(path, source.read_text())
"""


def program(body: str, *, awaiting: bool = True) -> str:
    lines = ['    name = (await request.json())["name"]' if awaiting else "    name = request.query_params['name']"]
    lines += [f"    {line}" for line in dedent(body).strip().splitlines()]
    head = (
        'STORE = Path("rows")\n\n' + dedent(HELPERS) + '\n\n@app.post("/")\nasync def home(request: Request) -> None:\n'
    )
    return with_app(IMPORTS, head + "\n".join(lines) + "\n").replace("import FastAPI", "import FastAPI, Request")


@pytest.mark.parametrize(
    "body",
    [
        "path = STORE / name\nrows = path.read_text()\npath.write_text(rows + 'x')",
        "rows = load(name)\nsave(name, rows + [1])",
        "update(name, 'x')",
        "append_all(name, 'x')",
        "path = STORE / name\ncopied(path, STORE / 'copy')\ncopied(STORE / 'other', path)",
        "for source in (STORE / name, STORE / 'all'):\n    dump(source, source.read_text())",
        "table = pd.read_csv(STORE / name)\ntable.to_csv(STORE / name)",
        "path = STORE / name\nrows = path.read_text()\nPath('rows.new').write_text(rows)\nos.replace('rows.new', path)",
        "path = STORE / name\nrows = path.read_text()\nwith path.open('w') as file:\n    file.write(rows + 'x')",
    ],
)
@pytest.mark.parametrize("awaiting", [True, False])
def test_what_others_write_between_reading_and_writing_is_lost(body: str, awaiting: bool) -> None:
    """No fix is safe then, and `def`, which up to forty threads run at once, is none."""
    findings = found_in(program(body, awaiting=awaiting))
    assert any(one.fix for one in findings)
    for fix in filter(None, (fix for one in findings for fix in (one.fix, *one.alternatives))):
        assert (fix.applicability, fix.way is Way.REVERSE) == (Applicability.UNSAFE, False)
        assert REWRITTEN in fix.notes


@pytest.mark.parametrize(
    "body",
    [
        "path = STORE / f'{name}.tmp'\npath.write_bytes(b'x')\npath.rename(STORE / name)",
        "path = os.path.join('rows', name)\nPath(path).write_text('x')\nos.replace(path, 'rows.txt')",
        "path = STORE / name\nprint(path.read_text())\npath.unlink()",
        "path = STORE / place_of(name)\npath.write_bytes(b'x')\npath.rename(STORE / name)",
        "dump_beside(STORE / name, 'x')",
        "path = f'rows/{name}'\npd.DataFrame().to_csv(path)\nprint(pd.read_csv(path))",
        "path = STORE / name\npath.write_bytes(b'x')\nreturn FileResponse(path)",
        "pd.DataFrame().to_csv('all.csv')\nreturn FileResponse(filename='rows.csv', path='all.csv')",
    ],
)
@pytest.mark.parametrize("awaiting", [True, False])
def test_another_request_may_take_away_a_file_that_it_names_alike(body: str, awaiting: bool) -> None:
    findings = found_in(program(body, awaiting=awaiting))
    assert any(one.fix for one in findings)
    for fix in filter(None, (fix for one in findings for fix in (one.fix, *one.alternatives))):
        assert (fix.applicability, fix.way is Way.REVERSE) == (Applicability.UNSAFE, False)
        assert REUSED in fix.notes


@pytest.mark.parametrize(
    "body",
    [
        "path = STORE / f'{name}-{uuid4()}.tmp'\npath.write_bytes(b'x')\npath.rename(STORE / name)",
        "with tempfile.TemporaryDirectory() as folder:\n    path = Path(folder) / name\n    path.write_bytes(b'x')\n    print(path.read_text())",
        "path = STORE / f'{name}-{uuid4()}'\npath.write_bytes(b'x')\nreturn FileResponse(path)",
        "rows = (STORE / name).read_text()\n(STORE / 'copy').write_text(rows)\nreturn FileResponse(STORE / name)",
        "path = STORE / name\nif path.exists():\n    return FileResponse(path)\npath.write_bytes(b'x')",
        "rows = (STORE / name).read_text()\n(STORE / 'copy').write_text(rows)",
        "rows = load(name)\nprint(rows)",
        "index(name)",
        "log(STORE / name, 'x')",
        "dump_beside(STORE / f'{uuid4()}', (STORE / name).read_text())",
        "print(settings())\ndump(STORE / name, 'x')",
        "copied(STORE / 'one', STORE / name)",
        "print((STORE / name).read_text().replace('_', ' '), 'x y'.replace(' ', '_'))",
        "names = [name]\nprint((STORE / name).read_text())\nnames.remove(name)",
        "table = pd.read_csv(STORE / name)\ntable.to_csv('other.csv')",
        "rows = pd.read_csv(STORE / name)\nbuffer = BytesIO()\nrows.to_csv(buffer)\nrows = pd.read_csv(buffer)\nbuffer = BytesIO()\nrows.to_csv(buffer)",
        "update(name, 'x')\nprint((STORE / name / 'other').read_text())",
    ],
)
def test_files_that_are_only_read_or_only_written_are_safe_to_wait_for(body: str) -> None:
    fixes = [one.fix for one in found_in(program(body)) if one.fix]
    assert any({REUSED, REWRITTEN}.isdisjoint(fix.notes) for fix in fixes)


@pytest.mark.parametrize(
    ("body", "is_thread"),
    [
        ("file = open('all.txt', 'w')\nfile.write(rows)\nfile.close()\nreturn FileResponse('all.txt')", False),
        ("book = xlsxwriter.Workbook('all.xlsx')\nbook.close()\nreturn FileResponse(path='all.xlsx')", False),
        ("file = open(f'{uuid4()}', 'w')\nfile.write(rows)\nreturn FileResponse(file.name)", True),
        ("book = xlsxwriter.Workbook(BytesIO())\nbook.close()\nreturn FileResponse('all.xlsx')", True),
    ],
)
def test_a_file_that_is_sent_is_written_by_one_request_at_a_time(body: str, *, is_thread: bool) -> None:
    """In a thread, another request would empty it before it is sent."""
    source = program(f"rows = requests.get('https://a.example').text\n{body}", awaiting=False)
    (finding,) = found("clients/requests", source.replace("import json", "import json\nimport requests"))
    assert finding.fix is not None
    assert (finding.fix.way is Way.REVERSE) is is_thread


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("time.sleep(1)\nrows = load(name)\nsave(name, rows)", False),
        ("rows = load(name)\nsave(name, rows)\ntime.sleep(1)", False),
        ("rows = load(name)\ntime.sleep(1)\nsave(name, rows)", True),
        ("for one in name:\n    rows = load(one)\n    save(one, rows)\n    time.sleep(1)", True),
    ],
)
def test_others_come_between_only_where_something_new_is_awaited(body: str, *, is_told: bool) -> None:
    source = program(body).replace("import json", "import json\nimport time")
    (finding,) = found("blocking/sleep", source)
    assert finding.fix is not None
    assert (REWRITTEN in finding.fix.notes) is is_told


def test_it_is_told_once() -> None:
    notes = [
        one.fix.notes
        for one in found_in(program("for one in name:\n    update(one, 'x')\n    save(one, [])"))
        if one.fix
    ]
    assert notes
    assert all(one.count(REWRITTEN) <= 1 for one in notes)


def found_in(source: str) -> list[Finding]:
    return [*found("blocking/files", source), *found("blocking/computing", source)]


@pytest.mark.parametrize(
    ("path", "applicability"),
    [
        ("STORE / file.filename", Applicability.UNSAFE),
        ("STORE / os.path.basename(file.filename)", Applicability.UNSAFE),
        ("STORE / file.filename.replace(' ', '_')", Applicability.UNSAFE),
        ("STORE / str(uuid4())", Applicability.SAFE),
        ("STORE / os.path.basename(f'{uuid4()}-{file.filename}')", Applicability.SAFE),
    ],
)
def test_a_file_that_stands_open_for_writing_meanwhile(path: str, applicability: Applicability) -> None:
    """A second upload of that name would write into it."""
    body = f"""
        STORE = Path("rows")


        @app.post("/")
        async def upload(file: UploadFile) -> None:
            await file.seek(0)
            path = {path}
            with path.open("wb") as there:
                shutil.copyfileobj(file.file, there)
    """
    source = with_app("import os\nimport shutil\nfrom pathlib import Path\nfrom uuid import uuid4", body)
    findings = found("blocking/files", source.replace("import FastAPI", "import FastAPI, UploadFile"))
    assert {one.fix.applicability for one in findings if one.fix} == {applicability}


@pytest.mark.parametrize(
    ("rule", "fetching"),
    [
        ("clients/clouds", "minio.Minio('a').fget_object('rows', name, str(STORE / name))"),
        ("clients/aws", "boto3.client('s3').download_file('rows', name, str(STORE / name))"),
        ("clients/aws", "boto3.client('s3').download_file('rows', name, Filename=str(STORE / name))"),
    ],
)
def test_an_object_that_is_fetched_as_a_file_is_told(rule: str, fetching: str) -> None:
    findings = found(rule, program(f"{fetching}\nreturn FileResponse(STORE / name)"))
    assert findings
    for finding in findings:
        assert finding.fix is not None
        assert REUSED in finding.fix.notes
