"""Files of unknown size on the event loop."""

import pytest

from rules import Way
from rules.core.fixes.sharing.hazards import INTERLEAVING
from tests.rules.checking import (
    assert_clean,
    assert_fixes,
    assert_unfixed,
    assert_whole_file_fixed,
    found,
    with_app,
)

RULE = "blocking/files"

ENDPOINT = '@app.get("/{name}")\nasync def read(name: str):\n    '


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return Path(name).read_text()", "return await anyio.Path(name).read_text()"),
        ("return Path(name).read_bytes()[:3]", "return (await anyio.Path(name).read_bytes())[:3]"),
        ("return Path('a', name).read_text().strip()", "return (await anyio.Path('a', name).read_text()).strip()"),
        ("Path(name).write_text(name)", "await anyio.Path(name).write_text(name)"),
        (
            "Path(name).write_text('größe', encoding='utf-8')",
            "await anyio.Path(name).write_text('größe', encoding='utf-8')",
        ),
    ],
)
def test_a_path_made_for_the_call_becomes_an_anyio_path(before: str, after: str) -> None:
    assert_fixes(
        RULE,
        f"from pathlib import Path\n\nimport anyio\n{with_app('', ENDPOINT + before)}\n",
        f"import anyio\n{with_app('', ENDPOINT + after)}\n",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "path = Path(name)\n    return path.read_text()",
            "path = Path(name)\n    return await anyio.Path(path).read_text()",
        ),
        (
            "path: Path = find(name)\n    path.write_bytes(b'')",
            "path: Path = find(name)\n    await anyio.Path(path).write_bytes(b'')",
        ),
        ("return [ROOT.read_text() for _ in name]", "return [await anyio.Path(ROOT).read_text() for _ in name]"),
    ],
)
def test_a_path_from_elsewhere_is_wrapped(before: str, after: str) -> None:
    imports = "from pathlib import Path\n\nimport anyio\nfrom elsewhere import find\n"
    above = f"{imports}{with_app('', 'ROOT = Path(find())')}\n\n"
    assert_fixes(RULE, f"{above}{ENDPOINT}{before}\n", f"{above}{ENDPOINT}{after}\n")


@pytest.mark.parametrize(
    "call",
    [
        "ROOT.joinpath(name).read_text()",
        "ROOT.joinpath(name).with_suffix('.txt').read_text()",
        "Path(name).parent.read_text()",
        "(ROOT / name).read_text()",
        "(ROOT / 'a' / name).read_text()",
    ],
)
def test_paths_that_are_worked_out_are_seen(call: str) -> None:
    assert_whole_file_fixed(
        f"from pathlib import Path\n{with_app('', 'ROOT = Path(__file__)')}\n\n{ENDPOINT}return {call}\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        "shutil.copy(name, 'b')",
        "shutil.rmtree(name)",
        "shutil.copyfileobj(upload.file, target)",
        "with open(name) as f:\n        return f.read()",
        "for line in name:\n        with open('log.txt', 'a') as f:\n            f.write(line)",
        "with open(file=name) as f:\n        return f.read()",
        "return open(name).read()",
        "with Path(name).open() as f:\n        return f.read()",
        "for x in os.walk(name):\n        print(x)",
        "return [p for p in Path(name).rglob('*')]",
        "with io.open(name) as f:\n        return f.read()",
        "f = open(name)\n    f.read()\n    return StreamingResponse(f)",
        "return StreamingResponse(open(name).readlines())",
    ],
)
def test_a_function_that_only_reads_files_becomes_def(body: str) -> None:
    imports = "import io\nimport os\nimport shutil\nfrom pathlib import Path\n\nfrom elsewhere import target, upload\nfrom fastapi.responses import StreamingResponse"
    before = with_app(imports, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), way=Way.REVERSE)


@pytest.mark.parametrize(
    "body",
    [
        "with open(name) as f:\n        return f.read()",
        "return open(name).read()",
        "for x in os.walk(name):\n        print(x)",
        "return [p for p in Path(name).rglob('*')]",
        "f = Path(name).open()",
    ],
)
def test_what_works_later_is_not_handed_over(body: str) -> None:
    """`open` alone in a thread would still read on the loop."""
    assert_unfixed(
        RULE, with_app("import os\nfrom pathlib import Path", f"{ENDPOINT}{body}\n    await pause()\n"), way=Way.OFFLOAD
    )


def test_a_copy_is_handed_over() -> None:
    above = "import shutil\n\nfrom fastapi import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n\napp = FastAPI()\n\n\n"
    assert_fixes(
        RULE,
        f'{above}@app.post("/")\nasync def up(file: UploadFile):\n    await file.read()\n    shutil.copy("a", "b")\n',
        f'{above}@app.post("/")\nasync def up(file: UploadFile):\n    await file.read()\n'
        '    await run_in_threadpool(shutil.copy, "a", "b")\n',
    )


def test_it_warns() -> None:
    (finding,) = assert_unfixed(
        RULE, with_app("", f"{ENDPOINT}with open(name) as f:\n        await send(f.read())\n"), way=Way.TWIN
    )
    assert str(finding.severity) == "warning"


@pytest.mark.parametrize(
    "body",
    [
        "with open('template.html') as f:\n        return f.read()",
        "return Path('template.html').read_text()",
        "return Path('a', 'template.html').read_text()",
        "return ROOT.read_text()",
        "return ROOT.joinpath('a').read_text()",
        "return open(PAGE).read()",
        "with open('log.txt', 'a') as f:\n        f.write(name)",
        "return Path(name).exists()",
        "return Path(name).stat()",
        "Path(name).unlink()",
        "Path(name).mkdir(parents=True)",
        "os.remove(name)",
        "return os.path.exists(name)",
        "return await anyio.Path(name).read_text()",
        "async with await anyio.open_file(name) as f:\n        return await f.read()",
        "async with aiofiles.open(name) as f:\n        return await f.read()",
        "return await asyncio.to_thread(Path(name).read_text)",
        "return await asyncio.to_thread(shutil.copy, name, 'b')",
        "return await asyncio.to_thread(list, Path(name).rglob('*'))",
        "return opened.read_text()",
        "open = len\n    return open(name)",
        "return unknown.open(name)",
        "return name.read_text()",
        "return FileResponse(name)",
        "return StreamingResponse(open(name, 'rb'), media_type='a/b')",
        "f = open(name, 'rb')\n    return StreamingResponse(content=f)",
        "open(name, 'w')",
        "Path(name).open('w')",
        "with open(name, 'wb') as f:\n        await asyncio.to_thread(shutil.copyfileobj, opened, f)",
    ],
)
def test_left_alone(body: str) -> None:
    imports = """
        import asyncio
        import os
        import shutil
        from pathlib import Path

        import aiofiles
        import anyio
        from fastapi.responses import FileResponse, StreamingResponse

        from elsewhere import opened, unknown

        PAGE = "page.html"
        ROOT = Path(__file__)
    """
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


def test_an_open_of_the_project_is_left_alone() -> None:
    assert_clean(
        RULE,
        with_app("", f"from app.files import open\n\n\n{ENDPOINT}return open(name)\n"),
        files={"app/__init__.py": "", "app/files.py": "def open(name): ...\n"},
    )


def test_the_small_file_of_a_helper_is_left_alone() -> None:
    assert_clean(
        RULE,
        with_app("", f"from app.files import template\n\n\n{ENDPOINT}return template()\n"),
        files={"app/__init__.py": "", "app/files.py": "def template():\n    return open('page.html').read()\n"},
    )


def test_a_wait_is_told_before_a_file() -> None:
    """A helper that reads a file and sleeps is told by its sleep."""
    assert_clean(
        RULE,
        with_app("", f"from app.work import work\n\n\n{ENDPOINT}return work(name)\n"),
        files={
            "app/__init__.py": "",
            "app/work.py": "import time\n\ndef work(name):\n    open(name).read()\n    time.sleep(1)\n",
        },
    )


def test_a_file_whose_reads_are_all_handed_over_is_left_alone() -> None:
    opened = f"{ENDPOINT}with open(name, 'rb') as file:\n        "
    read = "data = await asyncio.to_thread(file.read, 100)"
    assert_clean(RULE, with_app("import asyncio", f"{opened}{read}\n"))
    for used in ("file.seek(0)", "json.load(file)", "for line in file:\n            print(line)"):
        assert_unfixed(RULE, with_app("import asyncio\nimport json", f"{opened}{read}\n        {used}\n"))


KEPT = """
class Context:
    def __init__(self, name, rows=None):
        if rows:
            time.sleep(len(rows))


def load(name, rows=None, *, fresh=False):
    if name and rows is not None:
        time.sleep(1)
    if fresh:
        refresh()


def refresh():
    requests.get("https://example.org")


def hand_on(name, rows=None):
    return load(name, rows)


def seen(name, rows=None):
    return rows is not None and refresh()


def known(name, rows=None):
    return len(rows) if rows is not None else refresh()


def early(name, rows=None):
    if not rows:
        return
    refresh()


def checked(name, rows=None):
    if rows is not None and not refresh():
        raise ValueError(name)


def anyway(name, rows=None):
    if rows:
        time.sleep(1)
    refresh()


def renewed(name, rows=None):
    rows = rows or [name]
    if rows:
        time.sleep(1)
"""


def _kept(call: str) -> str:
    return with_app("import time\n\nimport requests", f"{KEPT}\n\n{ENDPOINT}return {call}\n")


@pytest.mark.parametrize(
    "call",
    [
        "Context(name)",
        "Context(name, None)",
        "Context(name, rows=None)",
        "load(name)",
        "load(name, fresh=False)",
        "hand_on(name)",
        "hand_on(name, rows=None)",
        "seen(name)",
        "known(name, [1])",
        "early(name)",
        "checked(name)",
    ],
)
def test_what_the_arguments_rule_out_is_left_alone(call: str) -> None:
    for rule in ("blocking/sleep", "clients/requests"):
        assert_clean(rule, _kept(call))


@pytest.mark.parametrize(
    "call",
    [
        "Context(name, [1])",
        "Context(name, name)",
        "Context(*name)",
        "Context(name, **name)",
        "load(name, rows=name)",
        "hand_on(name, name)",
        "renewed(name)",
    ],
)
def test_what_the_arguments_do_not_rule_out_is_found(call: str) -> None:
    assert found("blocking/sleep", _kept(call))


@pytest.mark.parametrize(
    "call",
    [
        "load(name, fresh=True)",
        "load(name, fresh=name)",
        "anyway(name)",
        "seen(name, 1)",
        "known(name)",
        "early(name, 1)",
        "checked(name, 1)",
    ],
)
def test_what_runs_besides_is_found(call: str) -> None:
    assert found("clients/requests", _kept(call))


MADE = """
import time

client = None


def connect():
    time.sleep(1)
    return object()


def get_client():
    global client
    {made}
    return client
"""


@pytest.mark.parametrize(
    "made",
    [
        "if client is None:\n        client = connect()",
        "if not client:\n        client = connect()",
        "if client is not None:\n        return client\n    client = connect()",
        "if client:\n        return client\n    elif True:\n        client = connect()",
    ],
)
def test_what_only_the_first_call_of_a_process_does_is_left_alone(made: str) -> None:
    files = {"clients.py": MADE.format(made=made)}
    assert_clean(
        "blocking/sleep", with_app("from clients import get_client", f"{ENDPOINT}return get_client()\n"), files
    )


@pytest.mark.parametrize(
    "made",
    [
        "if client is not None:\n        client = connect()",
        "if client is None or client.closed:\n        client = connect()",
        "if client is None:\n        return None\n    client = connect()",
        "client = connect()",
    ],
)
def test_what_each_call_does_is_found(made: str) -> None:
    files = {"clients.py": MADE.format(made=made)}
    assert found(
        "blocking/sleep", with_app("from clients import get_client", f"{ENDPOINT}return get_client()\n"), files
    )


def test_an_empty_file_is_left_alone() -> None:
    assert_clean(RULE, with_app("", f"{ENDPOINT}open(name, 'w').close()\n"))


def test_the_chain_prefers_what_does_not_wait_for_a_failure() -> None:
    files = {
        "saving.py": """
        import time

        def save():
            try:
                return insert()
            except ValueError:
                time.sleep(1)

        def insert():
            time.sleep(2)
        """
    }
    (finding,) = found("blocking/sleep", with_app("from saving import save", f"{ENDPOINT}return save()\n"), files)
    assert [step.name for step in finding.chain] == ["read", "save", "insert", "time.sleep"]


@pytest.mark.parametrize(
    "body",
    [
        "return open(f'/proc/{name}/stat').read()",
        "return open('/proc/' + name).read()",
        "return Path(f'/proc/{name}/stat').read_text()",
        "path = Path(f'/sys/{name}')\n    return path.read_text()",
    ],
)
def test_what_the_kernel_makes_in_memory_is_left_alone(body: str) -> None:
    assert_clean(RULE, with_app("from pathlib import Path", f"{ENDPOINT}{body}\n"))
    assert found(
        RULE,
        with_app("from pathlib import Path", f"{ENDPOINT}{body}\n".replace("/proc", "/data").replace("/sys", "/data")),
    )


@pytest.mark.parametrize("look", ["if not Path(name).is_dir():\n        ", ""])
def test_taking_away_a_directory_that_was_looked_for_may_meet_another_request(look: str) -> None:
    source = with_app(
        "import shutil\nfrom pathlib import Path\n\nimport anyio",
        f"{ENDPOINT}await anyio.sleep(0)\n    {look}shutil.rmtree(f'{{name}}/tmp')\n",
    )
    (finding,) = found(RULE, source)
    assert finding.fix is not None
    assert (INTERLEAVING in finding.fix.notes) is bool(look)


def test_a_file_that_is_filled_by_a_copy_is_told_once() -> None:
    body = "with open(name, 'wb') as f:\n        shutil.copyfileobj(opened, f)"
    (finding,) = found(RULE, with_app("import shutil\n\nfrom elsewhere import opened", f"{ENDPOINT}{body}\n"))
    assert finding.message.startswith("`shutil.copyfileobj`")


def test_a_file_that_is_written_and_then_filled_is_told_twice() -> None:
    body = "with open(name, 'wb') as f:\n        f.write(opened.read())\n        shutil.copyfileobj(opened, f)"
    assert len(found(RULE, with_app("import shutil\n\nfrom elsewhere import opened", f"{ENDPOINT}{body}\n"))) == 2


FIRST_BYTES = """    with open(name, "rb") as file:
        BODY
"""


@pytest.mark.parametrize(
    "body",
    [
        "return file.read(4)",
        "head = file.read(512)\n        tail = file.read(512)\n        return head + tail",
    ],
)
def test_the_first_bytes_of_a_file_are_left_alone(body: str) -> None:
    assert_clean(RULE, with_app("", ENDPOINT.removesuffix("    ") + FIRST_BYTES.replace("BODY", body)))


@pytest.mark.parametrize(
    "body",
    [
        "return file.read()",
        "return file.read(100_000_000)",
        "while part := file.read(4):\n            print(part)",
        "head = file.read(4)\n        return head + file.read()",
        "head = file.read(4)\n        for line in file:\n            print(head, line)",
        "head = file.read(4)\n        return json.load(file), head",
    ],
)
def test_more_of_a_file_is_found(body: str) -> None:
    source = with_app("import json", ENDPOINT.removesuffix("    ") + FIRST_BYTES.replace("BODY", body))
    assert [one.span.line for one in found(RULE, source)] == [
        source.split("\n").index('    with open(name, "rb") as file:') + 1
    ]
