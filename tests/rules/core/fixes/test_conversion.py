"""The ways off the event loop: when a function may lose its `async`, and how a call is handed to a thread."""

import pytest

from rules import Way
from tests.rules.checking import (
    Files,
    assert_fixes,
    assert_unfixed,
    assert_whole_file_fixed,
    with_app,
)

RULE = "clients/requests"
CALL = 'requests.get("https://example.org", timeout=5)'

# Back to `def`


@pytest.mark.parametrize(
    "source",
    [
        f'@app.get("/")\nasync def home():\n    {CALL}\n',
        f'@app.get("/", tags=["a"])\n@app.post("/")\nasync def home(x: int = 1) -> None:\n    return {CALL}\n',
        f'@app.get("/")\nasync def home(): return {CALL}\n',
        f"@app.exception_handler(ValueError)\nasync def home(request, error):\n    {CALL}\n",
        f'async def home():\n    {CALL}\n\n\n@app.get("/")\nasync def other(x=Depends(home)):\n    return x\n',
        (
            f"async def home():\n    {CALL}\n\n\n"
            '@app.get("/")\nasync def other(tasks: BackgroundTasks):\n    tasks.add_task(home)\n'
        ),
        f'async def home():\n    {CALL}\n\n\napp.add_api_route("/", home)\n',
        f'@app.get("/")\nasync def home():\n    rows = []\n    rows.append({CALL})\n    return rows\n',
        f'@app.get("/")\nasync def home(request: Request):\n    request.state.answer = {CALL}\n',
        f'@app.get("/")\nasync def home():\n    def inner():\n        return 1\n    return {CALL}, inner()\n',
        f'@app.get("/")\nasync def home():\n    total = 0\n    total += 1\n    return {CALL}\n',
        f'@app.get("/")\nasync def home():\n    global_ = {{}}\n    global_["x"] = {CALL}\n',
        f'@app.get("/")\nasync def home():\n    if len(cache) > 3:\n        return {CALL}\n    return cache.get(1)\n',
        f'@app.get("/")\nasync def home():\n\tif True:\n\t\t{CALL}\n',
        f'@app.get("/")\nasync def home():\n    raise HTTPException(status_code={CALL}.status_code)\n',
    ],
)
def test_what_awaits_nothing_becomes_def(source: str) -> None:
    imports = "import requests\nfrom fastapi import BackgroundTasks, Depends, HTTPException, Request"
    before = with_app(imports, f"cache = {{}}\n\n\n{source}")
    name = "async def home"
    (finding,) = assert_fixes(RULE, before, before.replace(name, "def home"), way=Way.REVERSE)
    assert finding.fix is not None
    assert finding.fix.way is Way.REVERSE


@pytest.mark.parametrize("gap", ["  ", "\t", " \\\n"])
def test_any_gap_behind_async_goes_with_it(gap: str) -> None:
    before = with_app("import requests", f'@app.get("/")\nasync{gap}def home():\n    {CALL}\n')
    if "\n" in gap:
        assert_unfixed(RULE, before, way=Way.REVERSE)
    else:
        assert_fixes(RULE, before, before.replace(f"async{gap}", ""))


def test_all_findings_of_a_function_become_def_together() -> None:
    before = with_app(
        "import time\nimport requests",
        f'@app.get("/")\nasync def home():\n    time.sleep(1)\n    {CALL}\n    {CALL}\n',
    )
    after = assert_whole_file_fixed(before)
    assert after.decode() == before.replace("async def", "def")


def test_findings_with_twins_only_keep_async() -> None:
    before = with_app("import time", '@app.get("/")\nasync def home():\n    time.sleep(1)\n    time.sleep(2)\n')
    assert b"async def home" in assert_whole_file_fixed(before)


def test_a_twin_beside_an_offload_where_the_function_awaits() -> None:
    before = with_app(
        "import time\nimport requests",
        f'@app.get("/")\nasync def home(request):\n    await request.json()\n    time.sleep(1)\n    {CALL}\n',
    )
    after = assert_whole_file_fixed(before)
    assert b"await asyncio.sleep(1)" in after
    assert b"await run_in_threadpool(requests.get" in after


def test_an_endpoint_and_its_dependency_each_become_def() -> None:
    before = with_app(
        "import requests\nfrom fastapi import Depends",
        f'async def user():\n    return {CALL}\n\n\n@app.get("/")\nasync def home(x=Depends(user)):\n    return {CALL}\n',
    )
    assert assert_whole_file_fixed(before).decode() == before.replace("async def", "def")


@pytest.mark.parametrize(
    ("reason", "body"),
    [
        ("awaits", f'@app.get("/")\nasync def home():\n    {CALL}\n    await pause()'),
        ("async for", f'@app.get("/")\nasync def home():\n    {CALL}\n    async for x in pause():\n        pass'),
        ("async with", f'@app.get("/")\nasync def home():\n    {CALL}\n    async with pause():\n        pass'),
        ("async comprehension", f'@app.get("/")\nasync def home():\n    {CALL}\n    return [x async for x in pause()]'),
        ("inner await", f'@app.get("/")\nasync def home():\n    {CALL}\n    return [await x for x in pause()]'),
        ("generator", f'async def home():\n    yield {CALL}\n\n\n@app.get("/")\ndef other(x=Depends(home)): ...'),
        ("streams", f'@app.get("/")\nasync def home():\n    yield {CALL}'),
        ("websocket", f'@app.websocket("/")\nasync def home(ws: WebSocket):\n    {CALL}'),
        ("middleware", f'@app.middleware("http")\nasync def home(request, call_next):\n    {CALL}'),
        (
            "awaited elsewhere",
            f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nasync def other():\n    await home()',
        ),
        ("called by hand", f'@app.get("/")\nasync def home():\n    {CALL}\n\n\ndef other():\n    asyncio.run(home())'),
        ("called in a lambda", f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nother = lambda: home()'),
        (
            "a task",
            f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nasync def x():\n    asyncio.create_task(home())',
        ),
        (
            "gathered",
            f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nasync def x():\n    await asyncio.gather(home())',
        ),
        ("in a list", f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nhandlers = [home]'),
        ("in a dict", f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nhandlers = {{"home": home}}'),
        ("as argument", f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nregister(home)'),
        ("returned", f'@app.get("/")\nasync def home():\n    {CALL}\n\n\ndef other():\n    return home'),
        ("partial", f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nother = functools.partial(home)'),
        ("another name", f'@app.get("/")\nasync def home():\n    {CALL}\n\n\nother = home'),
        ("unknown decorator", f'@app.get("/")\n@guarded\nasync def home():\n    {CALL}'),
        ("decorator of ours", f'def d(f):\n    return f\n\n\n@app.get("/")\n@d\nasync def home():\n    {CALL}'),
        ("makes a task", f'@app.get("/")\nasync def home():\n    {CALL}\n    asyncio.create_task(pause())'),
        ("asks for the loop", f'@app.get("/")\nasync def home():\n    {CALL}\n    asyncio.get_running_loop()'),
        ("uses the loop", f'@app.get("/")\nasync def home():\n    {CALL}\n    loop.call_soon(pause)'),
        ("queue of asyncio", f'@app.get("/")\nasync def home():\n    queue.put_nowait({CALL})'),
        ("event of asyncio", f'@app.get("/")\nasync def home():\n    {CALL}\n    event.set()'),
        ("gives a coroutine", f'async def x(): ...\n\n\n@app.get("/")\nasync def home():\n    {CALL}\n    return x()'),
        ("global", f'@app.get("/")\nasync def home():\n    global n\n    n = {CALL}'),
        ("counter", f'@app.get("/")\nasync def home():\n    global n\n    n += 1\n    {CALL}'),
        ("item of a global", f'@app.get("/")\nasync def home():\n    cache["x"] = {CALL}'),
        ("item deleted", f'@app.get("/")\nasync def home():\n    del cache["x"]\n    {CALL}'),
        ("deep item", f'@app.get("/")\nasync def home():\n    cache["x"]["y"].z = {CALL}'),
        ("attribute of a global", f'@app.get("/")\nasync def home():\n    state.answer = {CALL}'),
        ("attribute of a class", f'class A: ...\n\n\n@app.get("/")\nasync def home():\n    A.answer = {CALL}'),
        ("state of the app", f'@app.get("/")\nasync def home():\n    app.state.answer = {CALL}'),
        ("update", f'@app.get("/")\nasync def home():\n    cache.update(x={CALL})'),
        ("append", f'@app.get("/")\nasync def home():\n    rows.append({CALL})'),
        (
            "in a nested function",
            f'@app.get("/")\nasync def home():\n    def f():\n        cache["x"] = 1\n    f()\n    {CALL}',
        ),
        ("tuple target", f'@app.get("/")\nasync def home():\n    cache["x"], y = {CALL}, 1'),
        ("for target", f'@app.get("/")\nasync def home():\n    for cache["x"] in {CALL}:\n        pass'),
        ("with target", f'@app.get("/")\nasync def home():\n    {CALL}\n    with open_() as cache["x"]:\n        pass'),
        ("context variable", f'@app.get("/")\nasync def home():\n    current.set({CALL})'),
        ("structlog", f'@app.get("/")\nasync def home():\n    bind_contextvars(x={CALL})'),
        (
            "closure",
            f"def make():\n    hits = 0\n\n    @app.get('/')\n    async def home():\n        nonlocal hits\n        hits += 1\n        {CALL}\n",
        ),
        (
            "closure item",
            f"def make():\n    hits = {{}}\n\n    @app.get('/')\n    async def home():\n        hits['x'] = {CALL}\n",
        ),
        (
            "closure container",
            f"def make():\n    hits = []\n\n    @app.get('/')\n    async def home():\n        hits.append({CALL})\n",
        ),
        ("attribute of a container", f'@app.get("/")\nasync def home():\n    state.rows.append({CALL})'),
        ("another name of a global", f'@app.get("/")\nasync def home():\n    mine = rows\n    mine.append({CALL})'),
        ("another name of an object", f'@app.get("/")\nasync def home():\n    mine = state\n    mine.answer = {CALL}'),
        ("what lies in a global", f'@app.get("/")\nasync def home():\n    mine = rows[0]\n    mine["x"] = {CALL}'),
        ("each of a global", f'@app.get("/")\nasync def home():\n    for one in rows:\n        one.n = {CALL}'),
        (
            "helper changes a global",
            f'def bump():\n    global n\n    n += 1\n\n\n@app.get("/")\nasync def home():\n    bump()\n    {CALL}',
        ),
        (
            "helper makes a task",
            f'def start():\n    asyncio.create_task(pause())\n\n\n@app.get("/")\nasync def home():\n    start()\n    {CALL}',
        ),
        (
            "helper sets a context variable",
            f'def bind():\n    current.set(1)\n\n\n@app.get("/")\nasync def home():\n    bind()\n    {CALL}',
        ),
    ],
)
def test_what_must_stay_asynchronous(reason: str, body: str) -> None:
    """Each is found, and none may lose its `async`."""
    imports = """
        import asyncio
        import functools
        from contextvars import ContextVar

        import requests
        from fastapi import Depends, WebSocket
        from structlog.contextvars import bind_contextvars

        from elsewhere import guarded, open_, pause, register, state

        cache = {}
        rows = []
        n = 0
        current = ContextVar("current")
        queue = asyncio.Queue()
        event = asyncio.Event()
        loop = asyncio.get_event_loop()
    """
    assert_unfixed(RULE, with_app(imports, f"{body}\n"), way=Way.REVERSE)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/other.py", "from app.main import home\n\nasync def f():\n    await home()\n"),
        ("app/other.py", "from .main import home as h\n\nasync def f():\n    await h()\n"),
        ("app/other.py", "from . import main\n\nasync def f():\n    await main.home()\n"),
        ("app/other.py", "import app.main\n\nasync def f():\n    await app.main.home()\n"),
        ("app/other.py", "import app.main as m\n\nasync def f():\n    await m.home()\n"),
        ("app/other.py", "from app.main import home\n\nhandlers = [home]\n"),
        ("app/other.py", "from app.main import *\n\nasync def f():\n    await home()\n"),
        (
            "tests/test_main.py",
            "import asyncio\nfrom app.main import home\n\ndef test_it():\n    asyncio.run(home())\n",
        ),
        ("tests/test_main.py", "from app import main\n\nasync def test_it():\n    await main.home()\n"),
        (
            "scripts/run.py",
            "import asyncio\nfrom app.main import home\n\nif __name__ == '__main__':\n    asyncio.run(home())\n",
        ),
        (
            "app/other.py",
            "import importlib\n\nasync def f():\n    await getattr(importlib.import_module('app.main'), 'home')()\n",
        ),
    ],
)
def test_a_use_in_another_file_keeps_async(path: str, text: str) -> None:
    files: Files = {"app/__init__.py": "", path: text}
    assert_unfixed(
        RULE,
        with_app("import requests", f'@app.get("/")\nasync def home():\n    {CALL}\n'),
        files=files,
        way=Way.REVERSE,
    )


@pytest.mark.parametrize(
    "text",
    [
        "from app.main import other\n",
        "def home(): ...\n\nhome()\n",
        "from elsewhere import home\n\nhome()\n",
        "class A:\n    def home(self): ...\n\nA().home()\n",
    ],
)
def test_a_namesake_in_another_file_does_not_matter(text: str) -> None:
    before = with_app("import requests", f'other = 1\n\n\n@app.get("/")\nasync def home():\n    {CALL}\n')
    assert_fixes(RULE, before, before.replace("async def", "def"), files={"app/__init__.py": "", "app/other.py": text})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/api.py", "from fastapi import FastAPI\nfrom app.main import user\n\nother = FastAPI()\n"),
        (
            "app/api.py",
            (
                "from fastapi import Depends, FastAPI\nfrom app.main import user\n\nother = FastAPI()\n\n"
                "@other.get('/')\ndef me(x=Depends(user)): ...\n"
            ),
        ),
        ("tests/test_api.py", "from app.main import app, user\n\napp.dependency_overrides[user] = lambda: 1\n"),
    ],
)
def test_what_fastapi_calls_either_way_is_no_use_by_hand(path: str, text: str) -> None:
    before = with_app(
        "import requests\nfrom fastapi import Depends",
        f'async def user():\n    return {CALL}\n\n\n@app.get("/")\nasync def home(x=Depends(user)):\n    return x\n',
    )
    assert_fixes(
        RULE,
        before,
        before.replace("async def user", "def user"),
        files={"app/__init__.py": "", path: text},
        way=Way.REVERSE,
    )


def test_an_asynchronous_helper_is_no_endpoint_and_stays() -> None:
    assert_unfixed(
        RULE,
        with_app(
            "import requests",
            f'async def fetch():\n    return {CALL}\n\n\n@app.get("/")\nasync def home():\n    return await fetch()\n',
        ),
        way=Way.REVERSE,
    )


# Handed to a thread

OFFLOADS = [
    ("requests.get(url)", "await run_in_threadpool(requests.get, url)"),
    ("requests.get(url, timeout=5)", "await run_in_threadpool(requests.get, url, timeout=5)"),
    ("requests.get(url=url)", "await run_in_threadpool(requests.get, url=url)"),
    ("requests.get(url,)", "await run_in_threadpool(requests.get, url,)"),
    ("requests.get(*urls)", "await run_in_threadpool(requests.get, *urls)"),
    ("requests.get(**urls)", "await run_in_threadpool(requests.get, **urls)"),
    ("requests.get( url )", "await run_in_threadpool(requests.get,  url )"),
    ("requests.get (url)", "await run_in_threadpool(requests.get, url)"),
    ("requests . get(url)", "await run_in_threadpool(requests . get, url)"),
    (
        "requests.get(\n        url,\n        timeout=5,\n    )",
        "await run_in_threadpool(\n        requests.get,\n        url,\n        timeout=5,\n    )",
    ),
    (
        "requests.get(\n        # where it is\n        url\n    )",
        "await run_in_threadpool(\n        requests.get,\n        # where it is\n        url\n    )",
    ),
    (
        "requests.get(  # why\n        url,  # where\n        timeout=5  # soon\n    )",
        "await run_in_threadpool(\n        requests.get,  # why\n        url,  # where\n        timeout=5  # soon\n    )",
    ),
    ("requests.get(url,\n        timeout=5)", "await run_in_threadpool(requests.get, url,\n        timeout=5)"),
    ("x = requests.get(url).json()", "x = (await run_in_threadpool(requests.get, url)).json()"),
    ("x = requests.get(url).json()['a']", "x = (await run_in_threadpool(requests.get, url)).json()['a']"),
    ("x = requests.get(url)['a']", "x = (await run_in_threadpool(requests.get, url))['a']"),
    ("return requests.get(url).text", "return (await run_in_threadpool(requests.get, url)).text"),
    (
        "x = (\n        requests.get(url)\n        .json()\n    )",
        "x = (\n        (await run_in_threadpool(requests.get, url))\n        .json()\n    )",
    ),
    (
        "x = [requests.get(u).json() for u in urls]",
        "x = [(await run_in_threadpool(requests.get, u)).json() for u in urls]",
    ),
    ("x = {u: requests.get(u) for u in urls}", "x = {u: await run_in_threadpool(requests.get, u) for u in urls}"),
    ("x = list(requests.get(url))", "x = list(await run_in_threadpool(requests.get, url))"),
    ("requests.post(url, json=await more())", "await run_in_threadpool(requests.post, url, json=await more())"),
    (
        "requests.get(url, params=[u for u in urls])",
        "await run_in_threadpool(requests.get, url, params=[u for u in urls])",
    ),
    ("requests.get(url, auth=lambda r: r)", "await run_in_threadpool(requests.get, url, auth=lambda r: r)"),
    ("requests.get('größe', timeout=5)", "await run_in_threadpool(requests.get, 'größe', timeout=5)"),
    ("x = 'größe', requests.get(url), 'é'", "x = 'größe', await run_in_threadpool(requests.get, url), 'é'"),
    ("requests.get(url, stream=False)", "await run_in_threadpool(requests.get, url, stream=False)"),
    (
        "with open_() as f:\n        requests.get(f)",
        "with open_() as f:\n        await run_in_threadpool(requests.get, f)",
    ),
    ("for u in requests.get(url): pass", "for u in await run_in_threadpool(requests.get, url): pass"),
    ("if requests.get(url).ok: pass", "if (await run_in_threadpool(requests.get, url)).ok: pass"),
    ("requests.get(url); x = 1", "await run_in_threadpool(requests.get, url); x = 1"),
    ("x = not requests.get(url)", "x = not await run_in_threadpool(requests.get, url)"),
    ("x = requests.get(url) if urls else None", "x = await run_in_threadpool(requests.get, url) if urls else None"),
    ("requests.Session().get(url)", "await run_in_threadpool(requests.Session().get, url)"),
    ("http.get(url)", "await run_in_threadpool(http.get, url)"),
    (
        "print(requests.get(requests.get(url).text))",
        "print(await run_in_threadpool(requests.get, (await run_in_threadpool(requests.get, url)).text))",
    ),
    (
        "requests.get(url); requests.post(url)",
        "await run_in_threadpool(requests.get, url); await run_in_threadpool(requests.post, url)",
    ),
]


@pytest.mark.parametrize(("before", "after"), OFFLOADS)
def test_a_call_is_handed_to_a_thread(before: str, after: str) -> None:
    text = """
import requests
from elsewhere import more, open_
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
http = requests.Session()


@app.post("/")
async def home(request: Request, url: str, urls: list[str]):
    body = await request.json()
    {}
"""
    assert_fixes(RULE, text.format(before), text.format(after))


@pytest.mark.parametrize(
    ("call", "helper"),
    [
        ("requests.get(url, stream=True)", ""),
        ("requests.get(url, stream=flag)", ""),
        ("with requests.get(url) as x: pass", ""),
        ("x = any(requests.get(u) for u in urls)", ""),
        ("(requests.get)(url)", ""),
        ("requests.get(u for u in urls)", ""),
        ("for x in rows(): pass", f"def rows():\n    yield {CALL}\n"),
        ("x = list(rows())", f"def rows():\n    yield {CALL}\n"),
        ("x = sorted(urls, key=fetch)", f"def fetch(url):\n    return {CALL}\n"),
        ("with lock:\n        requests.get(url)", "lock = threading.Lock()\n"),
        ("fetch(func=url)", f"def fetch(func):\n    return {CALL}\n"),
        ("fetch(**urls)", f"def fetch(func):\n    return {CALL}\n"),
        ("x = rows()", "def rows():\n    return (requests.get(u) for u in 'ab')\n"),
    ],
)
def test_what_is_not_handed_to_a_thread(call: str, helper: str) -> None:
    source = f"""
import threading

import requests
from fastapi import FastAPI, Request

app = FastAPI()

{helper}

@app.post("/")
async def home(request: Request, url: str, urls: list[str], flag: bool):
    await request.json()
    {call}
"""
    assert_unfixed(RULE, source, way=Way.OFFLOAD)


def test_a_helper_is_handed_over_whole_at_the_highest_place() -> None:
    """One edit at the boundary, none inside a helper that synchronous code shares."""
    files: Files = {
        "app/__init__.py": "",
        "app/deep.py": f"import requests\n\ndef a(x):\n    return b(x)\n\ndef b(x):\n    return {CALL}\n",
    }
    assert_fixes(
        RULE,
        """
        from fastapi import FastAPI, Request
        from fastapi.concurrency import run_in_threadpool

        from app.deep import a

        app = FastAPI()


        @app.post("/")
        async def home(request: Request):
            return a(await request.json())
        """,
        """
        from fastapi import FastAPI, Request
        from fastapi.concurrency import run_in_threadpool

        from app.deep import a

        app = FastAPI()


        @app.post("/")
        async def home(request: Request):
            return await run_in_threadpool(a, await request.json())
        """,
        files=files,
    )


def test_a_method_is_handed_over_bound() -> None:
    before = """
    import requests
    from fastapi import FastAPI, Request
    from fastapi.concurrency import run_in_threadpool

    app = FastAPI()


    class Weather:
        def __init__(self):
            self.http = requests.Session()

        def today(self, body):
            return self.http.get("https://example.org", json=body)


    weather = Weather()


    @app.post("/")
    async def home(request: Request):
        return CALL
    """
    assert_fixes(
        RULE,
        before.replace("CALL", "weather.today(await request.json())"),
        before.replace("CALL", "await run_in_threadpool(weather.today, await request.json())"),
    )


def test_arguments_may_hold_blocking_calls_of_other_rules() -> None:
    after = assert_whole_file_fixed(
        """
        import subprocess

        import requests
        from fastapi import FastAPI, Request

        app = FastAPI()


        @app.post("/")
        async def home(request: Request):
            await request.json()
            return requests.post("https://example.org", data=subprocess.check_output(["date"]).strip()).json()
        """
    )
    assert (
        b'(await run_in_threadpool(requests.post, "https://example.org", '
        b'data=(await run_in_threadpool(subprocess.check_output, ["date"])).strip())).json()'
    ) in after


def test_a_blocking_receiver_and_a_blocking_call() -> None:
    """The whole expression goes to one thread."""
    after = assert_whole_file_fixed(
        """
        from fastapi import FastAPI, Request
        from sqlalchemy import create_engine, text

        app = FastAPI()
        engine = create_engine("sqlite:///shop.db")


        @app.post("/")
        async def home(request: Request):
            await request.json()
            engine.connect().execute(text("select 1"))
        """
    )
    assert b'await run_in_threadpool(lambda: engine.connect().execute(text("select 1")))' in after


# What a worker thread must not be given

THREADS = """
import asyncio
import contextvars
import sqlite3
import threading

import requests
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, scoped_session, sessionmaker

app = FastAPI()
lock = threading.Lock()
current = contextvars.ContextVar("current")
connection = sqlite3.connect("x")
Scoped = scoped_session(sessionmaker())


async def later(): ...


def binds():
    requests.get("x")
    current.set(1)


def starts():
    requests.get("x")
    asyncio.create_task(later())


@app.post("/")
async def home(request: Request, db: Session):
    await request.json()
    {}
"""


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        pytest.param(
            RULE,
            "lock.acquire()\n    try:\n        requests.get('x')\n    finally:\n        lock.release()",
            id="a lock taken by hand would be held while the call is awaited",
        ),
        pytest.param(
            "databases/session",
            "Scoped.execute(1)\n    Scoped.commit()",
            id="a scoped_session is another session in each thread, so the commit would reach another one",
        ),
        pytest.param(
            "databases/drivers",
            "connection.execute('select 1')",
            id="a connection of sqlite3 refuses to be used in another thread",
        ),
        pytest.param(RULE, "binds()", id="what a helper sets in a context variable would stay in the worker thread"),
        pytest.param(RULE, "starts()", id="a helper that makes a task would find no loop in a worker thread"),
        pytest.param(
            "databases/session",
            "async def one():\n        return db.get(1, 2)\n    await asyncio.gather(one(), one())",
            id="two threads would use one session at once",
        ),
    ],
)
def test_what_belongs_to_its_thread_is_not_handed_over(rule: str, body: str) -> None:
    assert_unfixed(rule, THREADS.format(body), way=Way.OFFLOAD)


def test_a_method_of_a_shared_object_that_changes_it_stays_asynchronous() -> None:
    assert_unfixed(
        RULE,
        with_app(
            "import requests\nfrom fastapi import Depends",
            f"""
            class Limit:
                def __init__(self):
                    self.rows = []

                async def check(self):
                    self.rows.append(1)
                    return {CALL}


            limit = Limit()


            @app.get("/")
            async def home(x=Depends(limit.check)):
                return x
            """,
        ),
        way=Way.REVERSE,
    )


def test_where_a_service_can_be_awaited_the_function_stays_asynchronous() -> None:
    """As `def` it would be told to become asynchronous again."""
    after = assert_whole_file_fixed(
        with_app(
            "import subprocess\n\nfrom openai import OpenAI\n\nclient = OpenAI()",
            '@app.get("/")\nasync def home(q: str):\n    subprocess.run(["date"])\n    return client.responses.create(input=q)\n',
        )
    )
    assert b"await run_in_threadpool(subprocess.run, " in after
    assert b"return await client.responses.create(input=q)" in after
