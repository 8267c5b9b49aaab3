"""Functions made asynchronous as wholes: with their helpers, their callers and their clients, or not at all."""

import pytest

from rules import Applicability, Way
from tests.rules.checking import EVERYTHING, analysed, assert_clean, assert_fixes, found, project, with_app

RULE = "endpoints/upstream"

OPENAI = "from openai import OpenAI\n\nclient = OpenAI()"
AWAITED = "from openai import AsyncOpenAI\n\nclient = AsyncOpenAI()"
ASK = 'client.responses.create(model="x", input=q)'


def turned(body: str) -> str:
    """The body with the usual calls awaited."""
    return body.replace(ASK, f"await {ASK}").replace("(await client", "(await client")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f'@app.get("/")\ndef ask(q: str) -> str:\n    return {ASK}.output_text\n',
            f'@app.get("/")\nasync def ask(q: str) -> str:\n    return (await {ASK}).output_text\n',
        ),
        (
            f'@app.get("/", tags=["a"])\n@app.post(\n    "/",\n)\ndef ask(\n    q: str,  # why\n):\n    r = {ASK}\n    return r\n',
            (
                '@app.get("/", tags=["a"])\n@app.post(\n    "/",\n)\nasync def ask(\n    q: str,  # why\n):\n'
                f"    r = await {ASK}\n    return r\n"
            ),
        ),
        (
            f'def answer(q: str):\n    return {ASK}\n\n\n@app.get("/")\ndef ask(q: str):\n    return answer(q).output_text\n',
            (
                f"async def answer(q: str):\n    return await {ASK}\n\n\n"
                '@app.get("/")\nasync def ask(q: str):\n    return (await answer(q)).output_text\n'
            ),
        ),
        (
            f'def answer(q: str):\n    return {ASK}\n\n\n@app.get("/")\ndef ask(x=Depends(answer)):\n    return x\n',
            f'async def answer(q: str):\n    return await {ASK}\n\n\n@app.get("/")\ndef ask(x=Depends(answer)):\n    return x\n',
        ),
        (
            (
                "def answer(q: str):\n    yield client.responses.create(input=q)\n\n\n"
                '@app.get("/")\ndef ask(x=Depends(answer)):\n    return x\n'
            ),
            (
                "async def answer(q: str):\n    yield await client.responses.create(input=q)\n\n\n"
                '@app.get("/")\ndef ask(x=Depends(answer)):\n    return x\n'
            ),
        ),
        (
            (
                f"def later(q: str):\n    {ASK}\n\n\n"
                '@app.get("/")\ndef ask(q: str, tasks: BackgroundTasks):\n    tasks.add_task(later, q)\n'
            ),
            (
                f"async def later(q: str):\n    await {ASK}\n\n\n"
                '@app.get("/")\ndef ask(q: str, tasks: BackgroundTasks):\n    tasks.add_task(later, q)\n'
            ),
        ),
        (
            f"@app.exception_handler(ValueError)\ndef ask(request, q):\n    {ASK}\n    return JSONResponse({{}})\n",
            f"@app.exception_handler(ValueError)\nasync def ask(request, q):\n    await {ASK}\n    return JSONResponse({{}})\n",
        ),
        (
            (
                "def parts(q: str):\n"
                '    for part in client.responses.create(model="x", input=q, stream=True):\n        yield part.delta\n\n\n'
                '@app.get("/")\ndef ask(q: str):\n    return StreamingResponse(parts(q))\n'
            ),
            (
                "async def parts(q: str):\n"
                '    async for part in await client.responses.create(model="x", input=q, stream=True):\n'
                "        yield part.delta\n\n\n"
                '@app.get("/")\ndef ask(q: str):\n    return StreamingResponse(parts(q))\n'
            ),
        ),
        (
            (
                "def parts(q: str):\n"
                '    stream = client.responses.create(model="x", input=q, stream=True)\n'
                "    for part in stream:\n        yield part.delta\n\n\n"
                '@app.get("/")\nasync def ask(q: str):\n    return StreamingResponse(parts(q))\n'
            ),
            (
                "async def parts(q: str):\n"
                '    stream = await client.responses.create(model="x", input=q, stream=True)\n'
                "    async for part in stream:\n        yield part.delta\n\n\n"
                '@app.get("/")\nasync def ask(q: str):\n    return StreamingResponse(parts(q))\n'
            ),
        ),
        (
            (
                f"class Answer:\n    def __call__(self, q: str):\n        return {ASK}\n\n\n"
                '@app.get("/")\ndef ask(x=Depends(Answer())):\n    return x\n'
            ),
            (
                f"class Answer:\n    async def __call__(self, q: str):\n        return await {ASK}\n\n\n"
                '@app.get("/")\ndef ask(x=Depends(Answer())):\n    return x\n'
            ),
        ),
        (
            f'@app.get("/")\ndef ask(q: str):\n    return [{ASK} for q in q.split()]\n',
            f'@app.get("/")\nasync def ask(q: str):\n    return [await {ASK} for q in q.split()]\n',
        ),
        (
            f'@app.get("/")\ndef ask(q: str):\n    try:\n        r = {ASK}\n    except ValueError as e:\n        raise HTTPException(502, str(e))\n    return r\n',
            f'@app.get("/")\nasync def ask(q: str):\n    try:\n        r = await {ASK}\n    except ValueError as e:\n        raise HTTPException(502, str(e))\n    return r\n',
        ),
        (
            f'@app.get("/")\ndef ask(q: str):\n    return f"{{q}} {{len(q)}}", {ASK}, {ASK}\n',
            f'@app.get("/")\nasync def ask(q: str):\n    return f"{{q}} {{len(q)}}", await {ASK}, await {ASK}\n',
        ),
    ],
)
def test_a_function_is_made_asynchronous(before: str, after: str) -> None:
    imports = (
        "from fastapi import BackgroundTasks, Depends, HTTPException\n"
        "from fastapi.responses import JSONResponse, StreamingResponse\n"
    )
    for finding in assert_fixes(
        RULE, with_app(f"{imports}{OPENAI}", before), with_app(f"{imports}{AWAITED}", after), options=EVERYTHING
    ):
        assert finding.fix is not None
        assert finding.fix.way is Way.CONVERT
        assert finding.fix.applicability is Applicability.SAFE
        assert finding.fix.notes[0].startswith("Paths, parameters")


def test_it_is_told_unasked_of_services_and_only_when_all_is_asked_for_of_what_is_quick() -> None:
    service = with_app(OPENAI, f'@app.get("/")\ndef ask(q: str):\n    return {ASK}\n')
    (finding,) = found(RULE, service)
    assert finding.route == "GET /"
    assert str(finding.severity) == "info"
    pause = with_app("import time", '@app.get("/")\ndef ask(q: str):\n    time.sleep(1)\n')
    assert_clean(RULE, pause)
    after = with_app("import asyncio", '@app.get("/")\nasync def ask(q: str):\n    await asyncio.sleep(1)\n')
    assert_fixes(RULE, pause, after, options=EVERYTHING)


def test_helpers_clients_and_callers_of_several_files_turn_together() -> None:
    files = {
        "app/__init__.py": "",
        "app/ai.py": "from openai import OpenAI\n\nclient = OpenAI()\n",
        "app/answers.py": f"from app.ai import client\n\n\ndef answer(q: str) -> str:\n    return {ASK}.output_text\n",
        "app/other.py": (
            "from fastapi import APIRouter\n\nfrom app.answers import answer\n\nrouter = APIRouter()\n\n\n"
            '@router.get("/other")\nasync def other(q: str):\n    return answer(q)\n'
        ),
    }
    before = with_app("", 'from app.answers import answer\n\n\n@app.get("/")\ndef ask(q: str):\n    return answer(q)\n')
    sources = project(before, files)
    analysis = analysed(sources)
    (finding,) = (f for f in analysis.findings if f.rule == RULE)
    assert finding.fix is not None
    assert {edit.path for edit in finding.fix.edits} == {"app/main.py", "app/ai.py", "app/answers.py", "app/other.py"}
    assert finding.fix.title == "Make `ask` `async def`, and 1 more with it"


LEFT = {
    "an unknown call": f'@app.get("/")\ndef ask(q: str):\n    unknown(q)\n    return {ASK}',
    "a method of an unknown object": f'@app.get("/")\ndef ask(q: str):\n    thing.load(q)\n    return {ASK}',
    "a lock": f'@app.get("/")\ndef ask(q: str):\n    with lock:\n        return {ASK}',
    "a lock taken by hand": f'@app.get("/")\ndef ask(q: str):\n    lock.acquire()\n    return {ASK}',
    "a local of the thread": f'@app.get("/")\ndef ask(q: str):\n    local.q = q\n    return {ASK}, local.q',
    "a context variable": f'@app.get("/")\ndef ask(q: str):\n    current.set(q)\n    return {ASK}',
    "a file that is open": f'@app.get("/")\ndef ask(q: str):\n    with open(q) as f:\n        return {ASK}, f.read()',
    "an unknown decorator": f'@app.get("/")\n@guarded\ndef ask(q: str):\n    return {ASK}',
    "a cache": f'@functools.lru_cache\ndef ask(q: str):\n    return {ASK}\n\n\n@app.get("/")\ndef x(y=Depends(ask)): ...',
    "a call in a lambda": f'@app.get("/")\ndef ask(q: str):\n    return sorted([q], key=lambda q: {ASK})',
    "a call in a generator": f'@app.get("/")\ndef ask(q: str):\n    return sum({ASK} for q in q)',
    "a call at the top of the file": f'@app.get("/")\ndef ask(q: str):\n    return {ASK}\n\n\nask("x")',
    "a client that is handed on": f'@app.get("/")\ndef ask(q: str):\n    return {ASK}\n\n\nregister(client)',
    "a client used at the top": f'@app.get("/")\ndef ask(q: str):\n    return {ASK}\n\n\nfirst = client.models.retrieve("x")',
    "a member without counterpart": f'@app.get("/")\ndef ask(q: str):\n    client.with_options(timeout=1)\n    return {ASK}',
    "a client that is made twice": f'client = OpenAI(timeout=3)\n\n\n@app.get("/")\ndef ask(q: str):\n    return {ASK}',
    "a client made for each request": '@app.get("/")\ndef ask(q: str):\n    return OpenAI().responses.create(input=q)',
    "an event loop of its own": f'@app.get("/")\ndef ask(q: str):\n    asyncio.run(pause())\n    return {ASK}',
    "a coroutine that is started": f'@app.get("/")\ndef ask(q: str):\n    pause()\n    return {ASK}',
    "a return in a generator": f'def a(q: str):\n    yield {ASK}\n    return 1\n\n\n@app.get("/")\ndef ask(x=Depends(a)): ...',
    "another generator behind it": (
        f'def a(q: str):\n    yield from {ASK}\n\n\n@app.get("/")\ndef ask(x=Depends(a)): ...'
    ),
    "a list of what a generator yields": (
        f'def a(q: str):\n    yield {ASK}\n\n\n@app.get("/")\ndef ask(q: str):\n    return list(a(q))'
    ),
    "a method that others override": (
        f"class A:\n    def __call__(self, q: str):\n        return {ASK}\n\n\nclass B(A): ...\n\n\n"
        '@app.get("/")\ndef ask(x=Depends(A())): ...'
    ),
    "a class that is made": (
        f'class A:\n    def __init__(self, q: str):\n        self.q = {ASK}\n\n\n@app.get("/")\ndef ask(x=Depends(A)): ...'
    ),
    "a function nobody calls": f"def ask(q: str):\n    return {ASK}",
    "a websocket": f'@app.websocket("/")\ndef ask(q: str):\n    return {ASK}',
    "a model that validates": (
        f"class Item(BaseModel):\n    @field_validator('x')\n    def check(cls, v): return v\n\n\n"
        f'@app.get("/")\ndef ask(q: str):\n    return Item(x={ASK})'
    ),
    "a session": f'@app.get("/")\ndef ask(q: str, db: Session = Depends(make)):\n    return {ASK}, db.query(q).all()',
}


@pytest.mark.parametrize("body", LEFT.values(), ids=LEFT)
def test_left_alone(body: str) -> None:
    imports = f"""
import asyncio
import contextvars
import functools
import threading

from fastapi import Depends
from pydantic import BaseModel, field_validator
from sqlalchemy.orm import Session

from elsewhere import guarded, make, register, thing, unknown
{OPENAI}
lock = threading.Lock()
local = threading.local()
current = contextvars.ContextVar("current")


async def pause(): ...
"""
    assert_clean(RULE, with_app(imports, f"{body}\n"), options=EVERYTHING)


@pytest.mark.parametrize(
    "test",
    [
        "from app.main import ask\n\n\ndef test_it():\n    assert ask('x')\n",
        "from app.main import client\n\n\ndef test_it():\n    client.close()\n",
        "def test_it(mocker):\n    mocker.patch('app.main.client')\n",
        "def test_it(mocker):\n    mocker.patch('app.main.ask')\n",
    ],
)
def test_what_tests_touch_is_left_alone(test: str) -> None:
    source = with_app(OPENAI, f'@app.get("/")\ndef ask(q: str):\n    return {ASK}\n')
    assert_clean(RULE, source, files={"app/__init__.py": "", "tests/test_app.py": test})


def test_it_is_unsafe_where_tests_start_the_application() -> None:
    source = with_app(OPENAI, f'@app.get("/")\ndef ask(q: str):\n    return {ASK}\n')
    test = "from fastapi.testclient import TestClient\n\nfrom app.main import app\n\nhttp = TestClient(app)\n"
    (finding,) = found(RULE, source, files={"app/__init__.py": "", "tests/test_app.py": test})
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_what_has_no_twin_goes_to_a_thread_beside_what_has_one() -> None:
    before = with_app(
        f"import subprocess\n{OPENAI}",
        f'@app.get("/")\ndef ask(q: str):\n    subprocess.run(["date"])\n    return {ASK}\n',
    )
    after = with_app(
        f"import subprocess\n{AWAITED}",
        f'@app.get("/")\nasync def ask(q: str):\n    await run_in_threadpool(subprocess.run, ["date"])\n    return await {ASK}\n',
    ).replace("import FastAPI\n", "import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n")
    assert_fixes(RULE, before, after)


def test_a_helper_that_others_need_as_it_is_goes_to_a_thread() -> None:
    helper = 'def pause(q: str):\n    time.sleep(1)\n\n\npause("now")\n'
    before = with_app(
        f"import time\n{OPENAI}", f'{helper}\n\n@app.get("/")\ndef ask(q: str):\n    pause(q)\n    return {ASK}\n'
    )
    after = with_app(
        f"import time\n{AWAITED}",
        f'{helper}\n\n@app.get("/")\nasync def ask(q: str):\n    await run_in_threadpool(pause, q)\n    return await {ASK}\n',
    ).replace("import FastAPI\n", "import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n")
    assert_fixes(RULE, before, after)


def test_why_fixes_are_refused_is_counted() -> None:
    source = with_app(OPENAI, f'@app.get("/")\ndef ask(q: str):\n    unknown(q)\n    return {ASK}\n')
    assert analysed(project(source)).refusals == {"`unknown` may block": 1}
