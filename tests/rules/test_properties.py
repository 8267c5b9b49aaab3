"""For modules of a small grammar: fixes never raise, hold alone and together, and settle in one round."""

from textwrap import indent

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.rules.checking import assert_settles

IMPORTS = (
    "import time",
    "import time as clock",
    "from time import sleep",
    "import os, time",
    "import asyncio",
    "import anyio",
    "import requests",
    "from requests import get as fetch, post",
    "import subprocess",
    "from pathlib import Path",
    "from fastapi.concurrency import run_in_threadpool",
    "from fastapi import concurrency",
    "from fastapi import Depends, Request",
    "from sqlalchemy.orm import Session",
    "import shutil  # trees",
    "from openai import OpenAI\nclient = OpenAI()",
    "import redis\nstore = redis.Redis()",
    "import httpx\nhttp = httpx.AsyncClient()",
    "from langchain_openai import ChatOpenAI\nmodel = ChatOpenAI()",
    "if True:\n    import uuid",
)
HEADERS = (
    '@app.get("/{n}")\nasync def f{n}(request, name: str, db: "Session" = None):',
    '@app.get("/{n}")\n@app.post(\n    "/{n}",\n)\nasync def f{n}(request, name, db=None):  # größe',
    '@app.websocket("/{n}")\nasync def f{n}(request, name, db):',
    "@app.exception_handler({n})\nasync def f{n}(request, name, db=1): ",
    '@app.middleware("http")\nasync def f{n}(request, name, *, db=None):',
    '@app.get("/{n}")\ndef f{n}(request, name, db):',
    "async def f{n}(request, name, db):",
    "def f{n}(request=1, name=2, db=3):",
    '@app.get("/{n}")\ndef f{n}(request: str, name: str, db: int = 1) -> str:',
)
EXPRESSIONS = (
    "time.sleep(1)",
    "clock.sleep({e})",
    "sleep(2)",
    'requests.get("größe", params={e})',
    "fetch({e}).json()",
    "post(name)",
    'subprocess.run(["date"], check=True).stdout',
    "Path(name).read_text()[1:]",
    "open(name).read()",
    "shutil.copy(name, name)",
    "db.query(1).filter({e}).first()",
    "await request.json()",
    "await run_in_threadpool(time.sleep, 1)",
    "[{e} for x in name]",
    "(lambda: {e})",
    "any({e} for x in name)",
    'f"{{name}}"',
    "name",
    "({e})",
    "not {e}",
    "1 if {e} else 2",
    "f0({e})",
    "f1(request, name)",
    "client.responses.create(input={e}).output_text",
    "client.responses.create(input=name, stream=True)",
    "store.get({e})",
    "httpx.get({e}).json()",
    "model.invoke({e})",
    "audit()",
    "'🙂', {e}",
)
STATEMENTS = (
    "{e}",
    "x = {e}",
    "return {e}",
    "if {e}:\n    {s}",
    "for y in {e}:\n    {s}",
    "with open_(name) as z:\n    {s}",
    "try:\n    {s}\nexcept ValueError:\n    {s}",
    "{e}; {e}",
    "x = (\n    {e}\n)",
    "def inner():\n    {s}\ninner()",
    "print(\n    {e},  # why\n    {e},\n)",
    "pass",
    "cache[name] = {e}",
    "x: int = {e}",
    "assert {e}, name",
    "while {e}:\n    {s}",
)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    text: str = draw(st.sampled_from(EXPRESSIONS))
    while "{e}" in text:
        inner = draw(expressions(depth - 1)) if depth else "name"
        text = text.replace("{e}", inner.replace("{{", "{").replace("}}", "}"), 1)
    return text.replace("{{", "{").replace("}}", "}")


@st.composite
def statements(draw: st.DrawFn, depth: int = 2) -> str:
    text: str = draw(st.sampled_from(STATEMENTS if depth else STATEMENTS[:3]))
    while "{e}" in text:
        text = text.replace("{e}", draw(expressions()), 1)
    while "    {s}" in text:
        text = text.replace("    {s}", indent(draw(statements(depth - 1)), "    "), 1)
    return text


@st.composite
def modules(draw: st.DrawFn) -> str:
    imports = draw(st.lists(st.sampled_from(IMPORTS), unique=True, min_size=4, max_size=14))
    parts = [
        "\n".join(imports),
        "from fastapi import FastAPI\n\napp = FastAPI()\ncache = {}\n\n\nasync def audit(): ...",
    ]
    for n in range(draw(st.integers(1, 3))):
        header = draw(st.sampled_from(HEADERS)).replace("{n}", str(n))
        body = "\n".join(draw(st.lists(statements(), min_size=1, max_size=3)))
        parts.append(f"{header}\n{indent(body, '    ')}")
    return "\n\n\n".join(parts) + draw(st.sampled_from(["\n", "", "\n\n"]))


def is_python(text: str) -> bool:
    try:
        compile(text, "<module>", "exec")
    except SyntaxError:
        return False
    return True


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(modules().filter(is_python), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example(
    "from fastapi import FastAPI; import time; app = FastAPI()\n@app.get('/')\nasync def f(): time.sleep(1)", "\n", True
)
def test_fixes_of_any_module_hold_and_settle(module: str, end: str, mark: bool) -> None:
    source = module.replace("\n", end).encode()
    assert_settles(b"\xef\xbb\xbf" + source if mark else source)
