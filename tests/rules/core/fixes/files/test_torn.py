"""Files that the event loop writes while a thread reads them."""

import pytest

from rules import Fix, Way
from rules.core.fixes.files.torn import TORN, TORN_BY_THREADS
from tests.rules.checking import found, with_app

IMPORTS = "import json\nimport os\nfrom pathlib import Path\nfrom uuid import uuid4\n\nimport requests\nfrom fastapi import Request"
PROGRAM = """
FOLDER = Path("kept")
INDEX = FOLDER / "index.json"


class Store:
    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> list:
        return json.loads(self.path.read_text())


store = Store(INDEX)


def path_of(name: str) -> Path:
    return FOLDER / f"{{name}}.json"


def load() -> list:
    with open(INDEX) as file:
        return json.load(file)


def asked(name: str) -> list:
    requests.get("https://a.example")
    return {read}


@app.get("/")
async def shown(request: Request) -> list:
    {first}
    return asked(request.url.path)


@app.put("/")
async def kept(request: Request) -> None:
    text = await request.body()
    {write}
"""


def told(read: str, write: str, first: str) -> set[bool]:
    """Whether the fixes of what reads tell of it."""
    source = with_app(IMPORTS, PROGRAM.format(read=read, write=write, first=first))
    own = [one for one in found("clients/requests", source) if one.fix]
    assert own
    return {TORN in fix.notes for one in own for fix in (one.fix, *one.alternatives) if fix}


@pytest.mark.parametrize("first", ["print(request.url)", "await request.body()"])
@pytest.mark.parametrize(
    ("read", "write"),
    [
        ("json.loads(INDEX.read_text())", "INDEX.write_bytes(text)"),
        ("load()", "INDEX.write_bytes(text)"),
        ("json.loads((FOLDER / 'index.json').read_text())", "(FOLDER / 'index.json').write_bytes(text)"),
        ("store.load()", "store.path.write_bytes(text)"),
        ("json.loads(Path('a.json').read_text())", "with open('a.json', 'wb') as file:\n        file.write(text)"),
        ("json.loads((FOLDER / name).read_text())", "(FOLDER / request.url.path).write_bytes(text)"),
        ("json.loads(path_of(name).read_text())", "path_of(request.url.path).write_bytes(text)"),
        (
            "json.loads(Path(f'kept/{name}.json').read_text())",
            "Path(f'kept/{request.url.path}.json').write_bytes(text)",
        ),
        (
            "json.loads(Path('kept/{}.json'.format(name)).read_text())",
            "Path('kept/{}.json'.format(request.url.path)).write_bytes(text)",
        ),
        (
            "json.loads(Path(os.path.join('kept', name)).read_text())",
            "target = os.path.join('kept', request.url.path)\n    Path(target).write_bytes(text)",
        ),
    ],
)
def test_a_thread_may_find_a_file_half_written(read: str, write: str, first: str) -> None:
    assert told(read, write, first) == {True}


@pytest.mark.parametrize("first", ["print(request.url)", "await request.body()"])
@pytest.mark.parametrize(
    ("read", "write"),
    [
        ("json.loads(INDEX.read_text())", "(FOLDER / 'other.json').write_bytes(text)"),
        ("json.loads((FOLDER / 'index.json').read_text())", "(FOLDER / 'other.json').write_bytes(text)"),
        ("load()", "fresh = FOLDER / 'fresh.json'\n    fresh.write_bytes(text)\n    os.replace(fresh, INDEX)"),
        ("json.loads(Path(name).read_text())", "Path(request.url.path).write_bytes(text)"),
        ("store.load()", "print(text)"),
        ("json.loads((FOLDER / name).read_text())", "(FOLDER / uuid4().hex).write_bytes(text)"),
        ("json.loads((FOLDER / name).read_text())", "Path(request.url.path).write_bytes(text)"),
        (
            "json.loads(Path(f'kept/{name}.json').read_text())",
            "Path(f'other/{request.url.path}.json').write_bytes(text)",
        ),
        (
            "json.loads(Path(f'{FOLDER}/read/{name}.json').read_text())",
            "Path(f'{FOLDER}/written/{request.url.path}.json').write_bytes(text)",
        ),
        (
            "json.loads(Path(f'{FOLDER}/all{name == FOLDER}.json').read_text())",
            "Path(f'{FOLDER}/none{request == FOLDER}.json').write_bytes(text)",
        ),
        ("json.loads(Path(f'{name}/').read_text())", "Path(f'{request.url.path}/').write_bytes(text)"),
    ],
)
def test_what_nobody_writes_there_step_by_step_is_whole(read: str, write: str, first: str) -> None:
    assert told(read, write, first) == {False}


ALONE = """
INDEX = Path("index.html")


def report(name: str) -> str:
    {body}


@app.get("/{{name}}")
async def shown(name: str, request: Request) -> str:
    await request.body()
    return report(name)


@app.put("/{{name}}")
async def other(name: str, request: Request) -> str:
    await request.body()
    {other}
"""


def handed_over(body: str, other: str) -> Fix:
    """What hands over the helper."""
    findings = found("clients/requests", with_app(IMPORTS, ALONE.format(body=body, other=other)))
    (fix, *_) = [one.fix for one in findings if one.fix is not None and one.fix.way is Way.OFFLOAD]
    return fix


WRITING = "text = INDEX.read_text()\n    requests.get(name)\n    INDEX.write_text(name)\n    return text"
APPENDING = "INDEX.write_text(requests.get(name).text)\n    return INDEX.read_text()"


@pytest.mark.parametrize(
    ("body", "other", "is_told"),
    [
        (WRITING, "pass", False),
        (APPENDING, "pass", False),
        (WRITING, "INDEX.write_text(name)", True),
        (WRITING, "report(name)", True),
    ],
)
def test_what_only_the_helper_itself_writes_the_event_loop_does_not(body: str, other: str, *, is_told: bool) -> None:
    fix = handed_over(body, other)
    assert (TORN in fix.notes) is is_told
    assert fix.notes


def test_threads_may_find_half_written_what_threads_write() -> None:
    """Where nothing else tells it."""
    fix = handed_over(APPENDING, "pass")
    assert TORN_BY_THREADS in fix.notes
