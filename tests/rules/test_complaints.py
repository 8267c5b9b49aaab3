"""What users of other analysers complain of, each at its URL, and what we make of the same code."""

import pytest

from tests.rules.checking import EVERYTHING, analysed, assert_clean, assert_fixes, found, project, with_app

ENDPOINT = '@app.get("/")\nasync def home(x: str = ""):\n    '


def _nothing(source: str, files: dict[str, str] | None = None) -> None:
    """No rule at all has anything to say."""
    assert [finding.message for finding in analysed(project(source, files)).findings] == []


# Missed by others


def test_what_blocks_in_another_file() -> None:
    """https://github.com/astral-sh/ruff/issues/7807"""
    helper = "import time\n\n\ndef wait():\n    time.sleep(1)\n"
    (finding,) = found(
        "blocking/sleep", with_app("from app.helper import wait", f"{ENDPOINT}wait()\n"), {"app/helper.py": helper}
    )
    assert [step.path for step in finding.chain] == ["app/main.py", "app/helper.py", "app/helper.py"]


def test_requests_request() -> None:
    """https://github.com/astral-sh/ruff/issues/28015"""
    assert found("clients/requests", with_app("import requests", f'{ENDPOINT}requests.request("GET", x)\n'))


@pytest.mark.parametrize("client", ["httpx2.Client()", "httpx2.Client(timeout=3)"])
def test_a_client_of_httpx2(client: str) -> None:
    """https://github.com/astral-sh/ruff/issues/28063"""
    assert found("clients/httpx", with_app("import httpx2", f"{ENDPOINT}client = {client}\n    client.get(x)\n"))


@pytest.mark.parametrize("bound", ["client: httpx.Client = make()", "client: httpx.Client\n    client = make()"])
def test_a_local_with_an_annotation(bound: str) -> None:
    """https://github.com/astral-sh/ruff/pull/20091"""
    assert found("clients/httpx", with_app("import httpx", f"{ENDPOINT}{bound}\n    client.get(x)\n"))


def test_a_parameter_with_an_annotation() -> None:
    """https://github.com/astral-sh/ruff/pull/20091"""
    helper = "async def load(client: httpx.Client):\n    client.get('x')\n\n\n"
    assert found("clients/httpx", with_app("import httpx", f"{helper}{ENDPOINT}await load(None)\n"))


def test_sqlite_behind_helpers() -> None:
    """https://github.com/kirodotdev/KiroCrew/pull/7640 (35 places that no linter saw)"""
    files = {
        "app/store.py": (
            "import sqlite3\n\n\nclass Store:\n    def __init__(self, path):\n        self.path = path\n\n"
            "    def _connect(self):\n        return sqlite3.connect(self.path)\n\n"
            "    def rows(self):\n        with self._connect() as c:\n            return c.execute('select 1').fetchall()\n"
        )
    }
    source = with_app("from app.store import Store\n\nstore = Store('a.db')", f"{ENDPOINT}return store.rows()\n")
    assert found("databases/drivers", source, files)


# Complained of though right


def test_a_lazy_iterator_that_a_thread_runs_through() -> None:
    """https://github.com/astral-sh/ruff/issues/28040"""
    imports = "import asyncio\nfrom pathlib import Path"
    _nothing(with_app(imports, f'{ENDPOINT}return await asyncio.to_thread(list, Path(x).glob("**/*"))\n'))
    _nothing(with_app(imports, f"{ENDPOINT}return await asyncio.to_thread(list, (p.read_text() for p in [Path(x)]))\n"))
    assert found("blocking/files", with_app(imports, f'{ENDPOINT}return list(Path(x).glob("**/*"))\n'))


@pytest.mark.parametrize("parameter", ["timeout: float", "timeout: float = 3", "*, timeout=None"])
def test_a_parameter_called_timeout(parameter: str) -> None:
    """https://github.com/astral-sh/ruff/issues/12353 and https://github.com/XKNX/xknx/pull/1917"""
    wait = f"async def wait({parameter}):\n    await asyncio.sleep(1)\n\n\n"
    _nothing(with_app("import asyncio", f"{wait}{ENDPOINT}await wait(timeout=3)\n"))


def test_polling_what_is_elsewhere() -> None:
    """https://github.com/astral-sh/ruff/issues/25325"""
    _nothing(
        with_app(
            "import asyncio\n\nimport httpx\n\nclient = httpx.AsyncClient()",
            f"{ENDPOINT}while not (await client.get(x)).is_success:\n        await asyncio.sleep(1)\n",
        )
    )


def test_a_route_that_awaits_nothing() -> None:
    """https://github.com/astral-sh/ruff/issues/12925"""
    _nothing(with_app("", f"{ENDPOINT}return x\n"))


def test_a_route_that_awaits_nothing_in_a_factory() -> None:
    """https://github.com/astral-sh/ruff/issues/14903"""
    _nothing(
        'from fastapi import FastAPI\n\n\ndef create_app():\n    app = FastAPI()\n\n    @app.get("/")\n'
        "    async def home(x: str):\n        return x\n\n    return app\n"
    )


def test_a_method_that_its_interface_makes_asynchronous() -> None:
    """https://github.com/python-trio/flake8-async/pull/309"""
    _nothing(
        with_app(
            "from typing import Protocol",
            "class Cache(Protocol):\n    async def get(self, key: str) -> str: ...\n\n\n"
            "class Memory:\n    async def get(self, key: str) -> str:\n        return key\n\n\n"
            f"memory: Cache = Memory()\n\n\n{ENDPOINT}return await memory.get(x)\n",
        )
    )


def test_a_client_whose_timeout_is_the_default_one() -> None:
    """https://github.com/astral-sh/ruff/issues/12240"""
    _nothing(
        with_app("import httpx\n\nclient = httpx.AsyncClient()", f"{ENDPOINT}return (await client.get(x)).json()\n")
    )


@pytest.mark.parametrize(
    "body",
    [
        "task = asyncio.create_task(work())\n    await task",
        "task = asyncio.create_task(work())\n    tasks.add(task)\n    task.add_done_callback(tasks.discard)",
        "tasks.add(asyncio.create_task(work()))",
        "await asyncio.gather(asyncio.create_task(work()))",
        "return await asyncio.wait([asyncio.create_task(work())])",
    ],
)
def test_a_task_that_is_kept(body: str) -> None:
    """https://github.com/astral-sh/ruff/issues/16811"""
    work = "tasks = set()\n\n\nasync def work(): ...\n\n\n"
    assert_clean("concurrency/tasks", with_app("import asyncio", f"{work}{ENDPOINT}{body}\n"))


def test_a_task_that_is_dropped() -> None:
    """https://github.com/astral-sh/ruff/issues/16811"""
    work = "async def work(): ...\n\n\n"
    assert found("concurrency/tasks", with_app("import asyncio", f"{work}{ENDPOINT}asyncio.create_task(work())\n"))


@pytest.mark.parametrize(
    "body",
    [
        "return config.get(x)",
        "return {}.get(x)",
        "return os.environ.get(x)",
        "return request.headers.get(x)",
        "return contextvars.ContextVar('a').get()",
        "queue = unknown()\n    return queue.get()",
        "return session.get(x)",
    ],
)
def test_a_method_of_the_same_name(body: str) -> None:
    """https://github.com/python-trio/flake8-async/pull/94"""
    _nothing(
        with_app(
            "import contextvars\nimport os\n\nimport requests\nfrom app.elsewhere import config, request, session, unknown",
            f"{ENDPOINT}{body}\n",
        )
    )


@pytest.mark.parametrize(
    "body",
    [
        "return importlib.metadata.version('fastapi')",
        "return importlib.import_module('json')",
        "return linecache.getline(__file__, 1)",
        "return traceback.format_exc()",
        "return FileResponse('page.html')",
        "return Item.model_validate({}).model_dump()",
    ],
)
def test_what_a_process_reads_of_itself(body: str) -> None:
    """https://github.com/cbornet/blockbuster/issues/57 and https://github.com/fastapi/fastapi/pull/13290"""
    imports = (
        "import importlib\nimport importlib.metadata\nimport linecache\nimport traceback\n\n"
        "from fastapi.responses import FileResponse\nfrom pydantic import BaseModel"
    )
    _nothing(with_app(imports, f"class Item(BaseModel): ...\n\n\n{ENDPOINT}{body}\n"))


# FastAPI's own ways of naming a dependency


@pytest.mark.parametrize(
    ("above", "parameter"),
    [
        ("class Check:\n    async def __call__(self):\n        time.sleep(1)", "user=Depends(Check())"),
        ("async def check():\n    time.sleep(1)\n\n\nUser = Annotated[str, Depends(check)]", "user: User"),
        ("async def check():\n    time.sleep(1)\n\n\nuser_of = Depends(check)", "user=user_of"),
    ],
    ids=[
        "https://github.com/astral-sh/ruff/issues/23526",
        "https://github.com/astral-sh/ruff/issues/21075",
        "https://github.com/astral-sh/ruff/pull/26354",
    ],
)
def test_a_dependency_however_it_is_named(above: str, parameter: str) -> None:
    """A callable object, an alias of `Annotated`, a `Depends` that was made before."""
    imports = "import time\nfrom typing import Annotated\n\nfrom fastapi import Depends"
    source = with_app(imports, f"{above}\n\n\n@app.get('/{{user}}')\nasync def home({parameter}):\n    return user\n")
    assert len(found("blocking/sleep", source)) == 1


def test_a_fix_keeps_what_fastapi_accepts() -> None:
    """https://github.com/astral-sh/ruff/issues/15043 (parameters in an order that FastAPI refuses)"""
    before = with_app(
        "import asyncio\nimport time",
        "from fastapi import Depends, Query\n\n\n"
        "async def user() -> str:\n    await asyncio.sleep(0)\n    return ''\n\n\n"
        "@app.get('/')\nasync def home(q: str = Query(''), by: str = Depends(user), page: int = 1):\n"
        "    await asyncio.sleep(0)\n    time.sleep(1)\n    return q\n",
    )
    after = before.replace("time.sleep(1)", "await asyncio.sleep(1)").replace("import time\n", "")
    assert_fixes("blocking/sleep", before, after)
    names: dict[str, object] = {}
    exec(compile(after, "<after>", "exec"), names)


# Threads are a right place


def test_a_session_in_a_plain_dependency_is_left_in_its_thread() -> None:
    """https://github.com/fastapi/fastapi/issues/3205, https://github.com/fastapi/fastapi/pull/12066 and
    https://github.com/uhh-lt/dats/issues/217
    """
    source = with_app(
        "from fastapi import Depends\nfrom sqlalchemy import create_engine\nfrom sqlalchemy.orm import Session, sessionmaker\n\n"
        "make = sessionmaker(create_engine('sqlite:///shop.db'))",
        "def get_db():\n    db = make()\n    try:\n        yield db\n    finally:\n        db.close()\n\n\n"
        "@app.get('/')\ndef home(db: Session = Depends(get_db)):\n    return db.execute('select 1').scalar()\n",
    )
    assert [f.rule for f in analysed(project(source), options=EVERYTHING).findings] == []


def test_a_trivial_dependency_takes_no_thread() -> None:
    """https://github.com/fastapi/fastapi/issues/3205"""
    source = with_app(
        "from fastapi import Depends",
        "def paging(page: int = 1):\n    return {'page': page}\n\n\n"
        "@app.get('/')\nasync def home(page: dict = Depends(paging)):\n    return page\n",
    )
    assert_fixes("endpoints/threaded", source, source.replace("def paging", "async def paging"))


BLOCKING_ROUTE = with_app(
    "from sqlalchemy.orm import Session",
    "@app.get('/')\nasync def home(db: Session):\n    return db.execute('select 1').scalar()\n",
)


def test_a_plain_route_that_blocks_stays_plain() -> None:
    """https://github.com/apache/airflow/pull/43797 (routes made asynchronous, and blocking)"""
    source = BLOCKING_ROUTE.replace("async def", "def")
    assert [f.rule for f in analysed(project(source), options=EVERYTHING).findings] == []


def test_an_asynchronous_route_that_blocks_goes_back() -> None:
    """https://github.com/apache/airflow/pull/43797"""
    assert_fixes("databases/session", BLOCKING_ROUTE, BLOCKING_ROUTE.replace("async def", "def"))


# What a codemod did to the same code


def _texts(rule: str, source: str) -> list[str]:
    """All that any fix would write."""
    return [
        edit.replacement
        for finding in found(rule, source)
        for fix in (finding.fix, *finding.alternatives)
        if fix
        for edit in fix.edits
    ]


AWAITING = ENDPOINT.replace("def home", "def home") + "await asyncio.sleep(0)\n    "
HANDED = "import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n"


def _handed_over(imports: str, body: str, instead: str) -> None:
    """The call is handed to a thread just as it stands, and nothing else changes."""
    before = with_app(f"import asyncio\n{imports}", f"{AWAITING}{body}\n")
    after = before.replace(body, instead).replace("import FastAPI\n", HANDED)
    rule = "clients/requests" if "requests" in imports else "blocking/subprocess"
    assert_fixes(rule, before, after)


def test_what_a_module_makes_is_not_awaited() -> None:
    """`http = await client.Session()` at module level."""
    _handed_over(
        "import requests\n\nhttp = requests.Session()",
        "return http.get(x)",
        "return await run_in_threadpool(http.get, x)",
    )


def test_what_follows_the_call_is_asked_of_its_result() -> None:
    """`await client.get(u).json()`."""
    _handed_over(
        "import requests", "return requests.get(x).json()", "return (await run_in_threadpool(requests.get, x)).json()"
    )


def test_an_asynchronous_generator_is_not_awaited() -> None:
    """`return StreamingResponse(await agen())`."""
    before = with_app(
        "import time\n\nfrom fastapi.responses import StreamingResponse",
        "async def numbers():\n    time.sleep(1)\n    yield '1'\n\n\n"
        "@app.get('/')\nasync def home():\n    return StreamingResponse(numbers())\n",
    )
    after = before.replace("time.sleep(1)", "await asyncio.sleep(1)").replace("import time", "import asyncio")
    assert_fixes("blocking/sleep", before, after)


def test_opening_a_file_asynchronously_is_awaited() -> None:
    """`async with anyio.open_file(f) as f`."""
    source = with_app("import asyncio", f"{AWAITING}with open(x) as file:\n        return file.read()\n")
    assert found("blocking/files", source)
    assert not any("async with anyio.open_file(" in text for text in _texts("blocking/files", source))


def test_a_session_that_is_entered_stays_what_it_is() -> None:
    """`with await client.Session() as s: return s.get()`."""
    _handed_over(
        "import requests",
        "with requests.Session() as s:\n        return s.get(x)",
        "with requests.Session() as s:\n        return await run_in_threadpool(s.get, x)",
    )


def test_a_path_in_a_signature_stays_a_path() -> None:
    """`p: Path = anyio.Path("x")` in a signature; `assert_fixes` compares signatures."""
    before = with_app(
        "import asyncio\nfrom pathlib import Path\n\nimport anyio",
        "@app.get('/')\nasync def home(p: Path = Path('x')):\n    await asyncio.sleep(0)\n    return p.read_text()\n",
    )
    assert_fixes(
        "blocking/files", before, before.replace("return p.read_text()", "return await anyio.Path(p).read_text()")
    )


@pytest.mark.parametrize("imports", ["import requests", "import httpx\nimport requests"])
def test_no_client_is_made_on_each_call(imports: str) -> None:
    """The whole body within `async with AsyncClient()`."""
    source = with_app(f"import asyncio\n{imports}", f"{AWAITING}return requests.get(x).json()\n")
    assert not any("AsyncClient(" in text for text in _texts("clients/requests", source))


@pytest.mark.parametrize(
    "arguments",
    ["x, timeout=(3, 10)", "x, params={'a': None}", "x, allow_redirects=False", "x, verify=False, cert=('a', 'b')"],
)
def test_the_arguments_stay_as_they_are(arguments: str) -> None:
    """Redirects, timeouts and the meaning of `params` were dropped."""
    _handed_over(
        "import requests",
        f"return requests.get({arguments}).text",
        f"return (await run_in_threadpool(requests.get, {arguments})).text",
    )


def test_a_plain_endpoint_is_not_made_asynchronous_unless_all_of_it_can_be() -> None:
    """`def` endpoints were converted without a look at the rest of the body."""
    source = with_app(
        "import time\n\nimport pandas as pd",
        "@app.get('/')\ndef home():\n    time.sleep(1)\n    return pd.read_csv('x')\n",
    )
    for finding in found("endpoints/upstream", source, options=EVERYTHING):
        written = [edit.replacement for edit in finding.fix.edits] if finding.fix else []
        assert "asyncio.sleep" in written
        assert "run_in_threadpool(pd.read_csv, " in written


def test_no_import_is_left_without_use() -> None:
    """Imports were left behind."""
    before = with_app("import time", f"{ENDPOINT}await other()\n    time.sleep(1)\n\n\nasync def other(): ...\n")
    after = before.replace("import time", "import asyncio").replace("time.sleep(1)", "await asyncio.sleep(1)")
    assert_fixes("blocking/sleep", before, after)


def test_a_process_keeps_its_exit_status_and_its_streams() -> None:
    """`subprocess.run` became `run_process`, which raises where the process fails and captures what it writes."""
    _handed_over(
        "import subprocess",
        "return subprocess.run(['ls', x]).returncode",
        "return (await run_in_threadpool(subprocess.run, ['ls', x])).returncode",
    )
