"""HTTPX and HTTPX2 on the event loop, and their asynchronous clients, which may be there."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, assert_whole_file_fixed, with_app

RULE = "clients/httpx"

ENDPOINT = '@app.get("/")\nasync def home(request: Request):\n    '
AWAITING = f"{ENDPOINT}body = await request.body()\n    "
IMPORTS = """
import asyncio

import httpx
import httpx as h
import httpx2
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from httpx import AsyncClient, Client, get
from httpx2 import Client as Client2
"""


@pytest.mark.parametrize(
    "body",
    [
        'httpx.get("x")',
        'h.post("x", json={}).json()',
        'get("x")',
        'httpx.request("GET", "x")',
        'httpx.delete("x")',
        'httpx2.get("x")',
        'httpx2.query("x")',
        'httpx.Client().get("x")',
        'with Client(timeout=3) as c:\n        c.put("x")',
        'with Client2() as c:\n        c.request("GET", "x")',
        'c = httpx.Client()\n    c.send(c.build_request("GET", "x"))',
        'c: Client = make()\n    c.head("x")',
        'with httpx.stream("GET", "x") as r:\n        for chunk in r.iter_bytes():\n            print(chunk)',
        'with Client() as c, c.stream("GET", "x") as r:\n        r.read()',
    ],
)
def test_each_spelling(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), way=Way.REVERSE)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ('return httpx.get("x").json()', 'return (await run_in_threadpool(httpx.get, "x")).json()'),
        ('r = client.post("x", content=body)', 'r = await run_in_threadpool(client.post, "x", content=body)'),
        (
            'with Client() as c:\n        return c.get("x").text',
            'with Client() as c:\n        return (await run_in_threadpool(c.get, "x")).text',
        ),
    ],
)
def test_the_request_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    above = f"client = httpx.Client()\n\n\n{AWAITING}"
    assert_fixes(RULE, with_app(IMPORTS, f"{above}{body}\n"), with_app(IMPORTS, f"{above}{after}\n"), way=Way.OFFLOAD)


def test_a_stream_is_not_handed_over() -> None:
    (finding,) = assert_unfixed(
        RULE, with_app(IMPORTS, f'{AWAITING}with httpx.stream("GET", "x") as r:\n        return r.read()\n')
    )
    assert finding.message.startswith("`httpx.stream` blocks the event loop in `GET /`")


def test_a_client_on_self_a_subclass_a_dependency_and_one_of_another_file() -> None:
    assert_whole_file_fixed(
        with_app(
            f"{IMPORTS}\nfrom fastapi import Depends\n",
            """
            from app.http import shared


            class Mine(Client): ...


            class Api:
                def __init__(self, http: Client):
                    self.http = http

                def load(self):
                    return self.http.get("x")


            def make_client():
                with Client() as client:
                    yield client


            @app.get("/")
            async def home(request: Request, injected: Client = Depends(make_client)):
                await request.body()
                shared.get("x")
                Mine().get("x")
                injected.get("x")
                return Api(injected).load()
            """,
        ),
        files={"app/__init__.py": "", "app/http.py": "import httpx\n\nshared = httpx.Client()\n"},
    )


@pytest.mark.parametrize(
    "body",
    [
        'async with httpx.AsyncClient() as c:\n        await c.get("x")',
        'c = AsyncClient()\n    await c.post("x")',
        'async with httpx2.AsyncClient() as c, c.stream("GET", "x") as r:\n        await r.aread()',
        "c = AsyncClient()\n    r = await c.get('x')\n    return r.json()",
        "c: httpx.AsyncClient = make()\n    return await asyncio.gather(c.get('x'), c.get('y'))",
        "c: AsyncClient = make()\n    return [asyncio.create_task(c.get('x'))]",
        "return httpx.Client()",
        "return httpx.Client().build_request('GET', 'x')",
        "c = httpx.Client()\n    c.headers.update({})\n    c.close()",
        "return httpx.URL('x')",
        "return httpx.Timeout(3)",
        "return await asyncio.to_thread(httpx.get, 'x')",
        "return await run_in_threadpool(httpx.get, 'x')",
        "return await run_in_threadpool(lambda: httpx.get('x'))",
        "return unknown.get('x')",
        "httpx = unknown\n    return httpx.get('x')",
        "get = {}.get\n    return get('x')",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    return httpx.get("x")\n',
        '@app.on_event("startup")\nasync def start():\n    httpx.get("x")\n',
        "def main():\n    httpx.get('x')\n",
    ],
)
def test_what_is_not_on_the_loop_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))


def test_a_forgotten_await_of_the_asynchronous_client_is_told_by_its_own_rule() -> None:
    source = with_app(IMPORTS, f"{AWAITING}c = AsyncClient()\n    c.post('x')\n")
    assert_clean(RULE, source)
    assert_fixes("awaiting/forgotten", source, source.replace("c.post", "await c.post"))


def test_a_reversal_is_not_offered_where_the_function_awaits() -> None:
    assert_unfixed(RULE, with_app(IMPORTS, f"{AWAITING}httpx.get('x')\n"), way=Way.REVERSE)
