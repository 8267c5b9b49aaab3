"""urllib, http.client and urllib3 on the event loop."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, assert_whole_file_fixed, with_app

RULE = "clients/urllib"

ENDPOINT = '@app.get("/")\nasync def home(request: Request):\n    '
AWAITING = f"{ENDPOINT}body = await request.body()\n    "
IMPORTS = """
import asyncio
import http.client
import urllib
import urllib.parse
import urllib.request
from http.client import HTTPSConnection
from urllib import request as urlrequest
from urllib.request import urlopen

import urllib3
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from urllib3 import PoolManager
from urllib3.poolmanager import ProxyManager
"""


@pytest.mark.parametrize(
    "body",
    [
        'urllib.request.urlopen("x")',
        'urlopen("x", timeout=3).read()',
        'urlrequest.urlopen(urlrequest.Request("x")).status',
        'with urlopen("x") as answer:\n        return answer.read()',
        'answer = urlopen("x")\n    return answer.read()',
        'urllib.request.urlretrieve("x", "file")',
        'urllib.request.build_opener().open("x")',
        'urllib3.request("GET", "x")',
        'urllib3.PoolManager().request("GET", "x").data',
        'http_ = PoolManager()\n    http_.urlopen("GET", "x")',
        'ProxyManager("proxy").request("GET", "x")',
        'urllib3.HTTPSConnectionPool("x").request("GET", "/")',
        'urllib3.connection_from_url("x").request("GET", "/")',
        'c = HTTPSConnection("x")\n    c.request("GET", "/")',
        'c = http.client.HTTPConnection("x")\n    return c.getresponse().status',
        'c = HTTPSConnection("x")\n    answer = c.getresponse()\n    return answer.read()',
    ],
)
def test_each_spelling(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (
            'return http_.request("GET", "x").data',
            'return (await run_in_threadpool(http_.request, "GET", "x")).data',
        ),
        (
            'answer = urlopen("x")\n    return answer.read()',
            'answer = await run_in_threadpool(urlopen, "x")\n    return await run_in_threadpool(answer.read)',
        ),
        (
            'c = HTTPSConnection("x")\n    c.request("GET", "/")\n    r = c.getresponse()\n    return r.read()',
            (
                'c = HTTPSConnection("x")\n    await run_in_threadpool(c.request, "GET", "/")\n'
                "    r = await run_in_threadpool(c.getresponse)\n    return await run_in_threadpool(r.read)"
            ),
        ),
    ],
)
def test_the_request_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    above = f"http_ = PoolManager()\n\n\n{AWAITING}"
    assert_fixes(RULE, with_app(IMPORTS, f"{above}{body}\n"), with_app(IMPORTS, f"{above}{after}\n"))


@pytest.mark.parametrize(
    "body",
    [
        'with urlopen("x") as answer:\n        return answer.read()',
        'return urlopen("x").read()',
    ],
)
def test_what_is_read_later_is_not_handed_over(body: str) -> None:
    assert_unfixed(RULE, with_app(IMPORTS, f"{AWAITING}{body}\n"), way=Way.OFFLOAD)


def test_a_pool_on_self_and_one_of_another_file() -> None:
    assert_whole_file_fixed(
        with_app(
            IMPORTS,
            """
            from app.http import shared


            class Api:
                def __init__(self):
                    self.http = PoolManager()

                def load(self):
                    return self.http.request("GET", "x")


            @app.get("/")
            async def home(request: Request):
                await request.body()
                shared.request("GET", "x")
                return Api().load()
            """,
        ),
        files={"app/__init__.py": "", "app/http.py": "import urllib3\n\nshared = urllib3.PoolManager()\n"},
    )


@pytest.mark.parametrize(
    "body",
    [
        "return urllib.parse.quote('x')",
        "return urllib.request.Request('x')",
        "return urllib.request.build_opener()",
        "return PoolManager()",
        "PoolManager().clear()",
        "return urllib3.Timeout(3)",
        "return HTTPSConnection('x')",
        "c = HTTPSConnection('x')\n    c.set_debuglevel(1)\n    c.close()",
        "return await asyncio.to_thread(urlopen, 'x')",
        "return await run_in_threadpool(urllib3.request, 'GET', 'x')",
        "return await run_in_threadpool(lambda: urlopen('x').read())",
        "return unknown.urlopen('x')",
        "return unknown.request('GET', 'x')",
        "return request.read()",
        "urlopen = unknown\n    return urlopen('x')",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    return urlopen("x").read()\n',
        'PAGE = urlopen("x").read()\n',
        '@app.on_event("startup")\nasync def start():\n    urlopen("x")\n',
    ],
)
def test_what_is_not_on_the_loop_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))
