"""Files that two requests may name the same: two threads would write one at once, unless something in the name is nobody else's."""

import pytest

from rules import Applicability, Way
from rules.core.fixes.files.colliding import COLLIDING, COLLIDING_IN_FOLDERS, EMPTIED
from tests.rules.checking import found, with_app

IMPORTS = """
import hashlib
import os
import shutil
import tempfile
import threading
import time
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import requests
from fastapi import BackgroundTasks, Depends, File, Request, UploadFile
from fastapi.responses import FileResponse
from pydub import AudioSegment
"""
PROGRAM = """
FOLDER = Path("kept")
UPLOAD_DIR = FOLDER / "uploads"
UPLOADS = Path("uploads")
LOCK = threading.Lock()


class Row:
    def __init__(self, title: str) -> None:
        self.title = title


class Keeper:
    def __init__(self, name: str) -> None:
        self.path = FOLDER / name

    def keep(self, text: str) -> None:
        self.path.write_text(requests.get(text).text)


ROWS: dict[str, Row] = {{}}


def find(name: str) -> Row:
    return ROWS[name]


def ask(url: str) -> bytes:
    return requests.get(url).content


def folder() -> str:
    os.makedirs("keys", exist_ok=True)
    return os.path.join("keys", "new")


def fresh(name: str) -> str:
    token = uuid4().hex
    return f"{{token}}{{name}}"


def hashed(name: str) -> str:
    digest = hashlib.sha256()
    digest.update(f"{{time.time()}}{{name}}".encode())
    return digest.hexdigest()[:32]


def digested(name: str) -> str:
    digest = hashlib.sha256()
    digest.update(name.encode())
    return digest.hexdigest()


def room() -> Path:
    return FOLDER / uuid4().hex


def store(path: str | Path, url: str) -> None:
    with open(path, "wb") as there:
        there.write(ask(url))


def stamped(url: str, place: str) -> None:
    store(os.path.join(place, datetime.now().strftime("%Y%m%d%H%M%S")), url)


def locked(name: str, url: str) -> None:
    with LOCK:
        (FOLDER / name).write_bytes(ask(url))


def copied(path: str, name: str) -> None:
    requests.get(path)
    shutil.copyfile(path, FOLDER / name)


def copied_beside(path: str, name: str) -> None:
    requests.get(path)
    shutil.copy2(src=path, dst=os.path.join(FOLDER, name))


def moved(path: str, name: str) -> None:
    with tempfile.NamedTemporaryFile(delete=False) as there:
        there.write(ask(path))
    shutil.move(there.name, FOLDER / name)


def moved_there(path: str, name: str) -> None:
    requests.get(path)
    shutil.move(os.path.join("/tmp", uuid4().hex), FOLDER / name)


def moved_after_all(path: str, name: str) -> None:
    requests.get(path)
    try:
        os.replace(path, FOLDER / name)
    except OSError:
        shutil.move(path, FOLDER / name)


def moved_beside(path: str, name: str) -> None:
    with tempfile.NamedTemporaryFile(dir=FOLDER, delete=False) as there:
        there.write(ask(path))
    shutil.move(there.name, FOLDER / name)


def moved_within(path: str, name: str) -> None:
    requests.get(path)
    shutil.move(os.path.join("/tmp", uuid4().hex), os.path.join("/tmp", name))


def moved_into(path: str, name: str) -> None:
    requests.get(path)
    folder = FOLDER / name
    shutil.copy(path, UPLOAD_DIR)
    shutil.copy(path, UPLOADS)
    shutil.copy(path, folder)
    shutil.copy(path, "kept/")
    shutil.move(os.path.join("/tmp", uuid4().hex), folder)


def kept(rows: dict[str, str], name: str) -> str:
    return rows.copy()[name] + requests.get(name).text.replace("a", name)


def packed(name: str, url: str) -> None:
    requests.get(url)
    shutil.make_archive(str(FOLDER / name), "zip", "data")


def exported(name: str, url: str) -> None:
    requests.get(url)
    AudioSegment.from_file("a.mp3").export(FOLDER / name)


def joined(name: str, url: str) -> None:
    all_of_it = AudioSegment.empty()
    all_of_it += AudioSegment.from_file(requests.get(url).raw)
    all_of_it.export(FOLDER / name)


def named(name: str, url: str) -> None:
    ask(url)
    with open(mode="wb", file=FOLDER / name) as there:
        there.write(b"")


def saved(name: str, url: str) -> None:
    ask(url)
    frame_of(name).to_csv(index=False, path_or_buf=FOLDER / name)


def shown(name: str, url: str) -> FileResponse:
    ask(url)
    frame_of(name).to_csv(index=FOLDER / name)
    return FileResponse("a.csv", filename=str(FOLDER / name))


def exported_to(target: BytesIO, url: str) -> None:
    requests.get(url)
    AudioSegment.from_file("a.mp3").export(target)


def zipped(target: BytesIO, url: str) -> None:
    with zipfile.ZipFile(target, "w") as there:
        there.writestr("a.txt", ask(url))


def appended(name: str, url: str) -> None:
    with open(FOLDER / name, "a") as there:
        there.write(requests.get(url).text)


def swapped(name: str, url: str) -> None:
    beside = FOLDER / f"{{uuid4()}}.new"
    beside.write_bytes(ask(url))
    beside.replace(FOLDER / name)


def inside(name: str, url: str) -> None:
    def write() -> None:
        (FOLDER / name).write_bytes(ask(url))

    write()


@app.post("/")
async def home(request: Request, file: UploadFile, name: str, files: list[UploadFile], own: Path = Depends(room)) -> None:
    {first}
    {body}
"""
SHARED = [
    "store(file.filename, name)",
    "store(FOLDER / os.path.basename(name), name)",
    "store(f'{name}-{int(time.time())}', name)",
    "store(FOLDER / str(datetime.now().date()), name)",
    "stamped(name, folder())",
    "store(FOLDER / hashlib.md5(name.encode()).hexdigest(), name)",
    "store(FOLDER / digested(name), name)",
    "rows = {'name': name}\nrows.update(fresh(name))\nstore(FOLDER / rows['name'], name)",
    "copied('a.txt', name)",
    "copied_beside('a.txt', name)",
    "moved(name, name)",
    "moved_there(name, name)",
    "moved_after_all(name, name)",
    "named(name, name)",
    "saved(name, name)",
    "packed(name, name)",
    "exported(name, name)",
    "joined(name, name)",
    "stamped(name, 'keys')",
    "Keeper(name).keep(name)",
    "Keeper(name=file.filename or 'x').keep(name)",
    "inside(name, name)",
    "row = find(name)\nstore(FOLDER / f'{row.id}', name)",
]
OWN = [
    "store(FOLDER / uuid4().hex / name, name)",
    "store(fresh(file.filename), name)",
    "store(FOLDER / f'{name}-{time.time()}', name)",
    "store((FOLDER / name).with_name(f'{name}.{os.getpid()}.{time.monotonic_ns()}'), name)",
    "store(FOLDER / f'{name}-{datetime.now().isoformat()}', name)",
    "store(own / name, name)",
    "data = file.file.read()\n    store(FOLDER / hashlib.md5(data).hexdigest(), name)",
    "digest = hashlib.md5()\n    digest.update(file.file.read())\n    store(FOLDER / digest.hexdigest(), name)",
    "store(FOLDER / hashed(name), name)",
    "store(tempfile.mkdtemp() + name, name)",
    "with tempfile.TemporaryDirectory() as place:\n        store(os.path.join(place, name), name)",
    "store('/dev/null', name)",
    "store(os.devnull, name)",
    "key = f'{uuid4()}'\n    rows = {'key': key}\n    store(FOLDER / rows['key'], name)",
    "row = Row(name)\n    store(FOLDER / f'{row.id}', name)",
    "row = create_row(name)\n    store(FOLDER / str(row.id), name)",
    "store(FOLDER / generate_unique_name(name), name)",
    "Keeper(str(uuid4())).keep(name)",
    "Keeper(fresh(name)).keep(name)",
    "locked(name, name)",
    "zipped(BytesIO(), name)",
    "appended(name, name)",
    "swapped(name, name)",
    "saved(uuid4().hex, name)",
    "shown(name, name)",
    "packed(uuid4().hex, name)",
    "exported_to(BytesIO(), name)",
    "copied('a.txt', f'{uuid4()}.txt')",
    "moved_beside(name, name)",
    "moved_within(name, name)",
    "moved_into('a.txt', name)",
    "kept({}, name)",
    "print(ask((FOLDER / name).read_text()))",
]


def fixes(body: str, first: str) -> dict[Way, set[tuple[Applicability, bool]]]:
    """The fixes of what waits for a server, and whether they tell of it."""
    source = with_app(IMPORTS, PROGRAM.format(first=first, body=body.replace("\n    ", "\n").replace("\n", "\n    ")))
    given = [fix for one in found("clients/requests", source) for fix in (one.fix, *one.alternatives) if fix]
    assert given
    return {
        way: {(fix.applicability, COLLIDING in fix.notes) for fix in given if fix.way is way}
        for way in {fix.way for fix in given}
    }


@pytest.mark.parametrize("body", SHARED)
def test_threads_may_write_at_once_what_two_requests_name_the_same(body: str) -> None:
    told = {(Applicability.UNSAFE, True)}
    assert fixes(body, "print(request.url)")[Way.OFFLOAD] == told
    assert fixes(body, "await request.body()") == {Way.OFFLOAD: told}


@pytest.mark.parametrize("body", OWN)
@pytest.mark.parametrize("first", ["print(request.url)", "await request.body()"])
def test_what_one_request_alone_can_name_any_thread_may_write(body: str, first: str) -> None:
    for given in fixes(body, first).values():
        assert given == {(Applicability.SAFE, False)}


FILLING = """
def fill(name: str, url: str) -> None:
    requests.get(url)
    {filling}


@app.post("/")
async def home(request: Request, name: str, file: UploadFile) -> None:
    await request.body()
    fill({given}, name)
"""
FILLED = [
    "shutil.unpack_archive('a.zip', Path('kept') / name)",
    "shutil.unpack_archive('a.zip', extract_dir=name)",
    "shutil.copytree('kept', f'kept/{name}', dirs_exist_ok=True)",
    "with zipfile.ZipFile('a.zip') as there:\n        there.extractall(path=name)",
    "with tarfile.open('a.tar') as there:\n        there.extractall(name)",
]
LEFT = [
    "shutil.unpack_archive('a.zip')",
    "shutil.unpack_archive('a.zip', 'kept')",
    "shutil.copytree('kept', f'kept/{name}')",
    "shutil.copytree('kept', f'kept/{name}', dirs_exist_ok=False)",
    "with zipfile.ZipFile('a.zip') as there:\n        there.extractall()",
    "with tempfile.TemporaryDirectory() as place:\n        shutil.unpack_archive('a.zip', place)",
    "name.extractall(name)",
]


def filled(filling: str, given: str) -> tuple[Applicability, tuple[str, ...]]:
    source = with_app(f"{IMPORTS}import tarfile\n", FILLING.format(filling=filling, given=given))
    (fix,) = [one.fix for one in found("clients/requests", source)]
    assert fix is not None
    return fix.applicability, fix.notes


@pytest.mark.parametrize("filling", FILLED)
def test_threads_may_fill_at_once_a_folder_that_two_requests_name_the_same(filling: str) -> None:
    for given in ("name", "file.filename"):
        assert filled(filling, given) == (Applicability.UNSAFE, (COLLIDING_IN_FOLDERS,))


@pytest.mark.parametrize("filling", FILLED)
def test_a_folder_that_one_request_alone_can_name_any_thread_may_fill(filling: str) -> None:
    assert filled(filling, "uuid4().hex") == (Applicability.SAFE, ())


@pytest.mark.parametrize("path", ["'kept'", "name", "f'kept/{name}'"])
def test_others_may_use_what_lies_in_a_folder_that_a_thread_removes(path: str) -> None:
    assert filled(f"shutil.rmtree({path})", "name") == (Applicability.UNSAFE, (EMPTIED,))


@pytest.mark.parametrize(
    ("removing", "given"),
    [
        ("shutil.rmtree(f'kept/{name}')", "uuid4().hex"),
        ("place = tempfile.mkdtemp()\n    shutil.rmtree(place)", "name"),
        ("name.rmtree(name)", "name"),
    ],
)
def test_a_folder_of_one_request_any_thread_may_remove(removing: str, given: str) -> None:
    assert filled(removing, given) == (Applicability.SAFE, ())


@pytest.mark.parametrize("filling", LEFT)
def test_what_fills_no_folder_that_requests_name_any_thread_may_run(filling: str) -> None:
    assert filled(filling, "name") == (Applicability.SAFE, ())


CALLING = """
class Files:
    async def keep(self, url: str, path: Path) -> None:
        await self.begin()
        store(path, url)

    async def begin(self) -> None:
        pass


files = Files()


def store(path: Path, url: str) -> None:
    path.write_bytes(requests.get(url).content)


async def prepare(url: str, key: str) -> None:
    await files.begin()
    store(Path("kept") / key, url)


@app.post("/")
async def home(tasks: BackgroundTasks, url: str, name: str) -> None:
    {body}
"""


@pytest.mark.parametrize(
    ("body", "is_own"),
    [
        ("await files.keep(url, Path(name))", False),
        ("await files.keep(url, Path(str(uuid4())))", True),
        ("await files.keep(url, path=Path(f'{name}-{uuid4()}'))", True),
        ("await files.keep(url, Path(str(uuid4())))\n    await files.keep(url, Path(name))", False),
        ("await prepare(url, name)", False),
        ("await prepare(url, uuid4().hex)", True),
        ("tasks.add_task(prepare, url, name)", False),
        ("tasks.add_task(prepare, url, uuid4().hex)", True),
        ("tasks.add_task(prepare, url, key=uuid4().hex)", True),
        ("key = str(uuid4())\n    tasks.add_task(prepare, key=key, url=url)", True),
    ],
)
def test_a_helper_writes_what_those_name_who_call_it(body: str, *, is_own: bool) -> None:
    findings = found("clients/requests", with_app(IMPORTS, CALLING.format(body=body)))
    given = [one.fix for one in findings if one.fix]
    assert {COLLIDING in fix.notes for fix in given} == {not is_own}


def test_a_call_is_rather_handed_over_where_the_rest_may_not_run_in_threads() -> None:
    body = "rows = ask(name)\n    (FOLDER / name).write_bytes(rows)"
    (finding,) = found("clients/requests", with_app(IMPORTS, PROGRAM.format(first="print(request.url)", body=body)))
    assert finding.fix is not None
    assert (finding.fix.way, finding.fix.applicability) == (Way.OFFLOAD, Applicability.SAFE)
    assert [(one.way, one.applicability) for one in finding.alternatives] == [(Way.REVERSE, Applicability.UNSAFE)]


def test_a_function_loses_its_async_where_no_way_is_safe() -> None:
    body = "with open(FOLDER / file.filename, 'wb') as there:\n        shutil.copyfileobj(file.file, there)"
    (finding,) = found("blocking/files", with_app(IMPORTS, PROGRAM.format(first="print(request.url)", body=body)))
    assert finding.fix is not None
    assert (finding.fix.way, finding.fix.applicability) == (Way.REVERSE, Applicability.UNSAFE)
