"""A call of Requests on a client that the lifespan opens for it, where the project has such clients elsewhere, or wants them."""

import pytest

from rules import Applicability, Options, Way
from tests.rules.checking import DEFAULT, analysed, assert_fixes, assert_unfixed, project

RULE = "clients/requests"
ELSEWHERE = {"app/__init__.py": "", "app/other.py": "import httpx\n\nclient = httpx.AsyncClient(timeout=3)\n"}
WANTING = Options(client="httpx2")

BEFORE = """
import requests
from fastapi import Depends, FastAPI, HTTPException, Request

app = FastAPI()


@app.post("/orders")
async def order(request: Request) -> dict:
    body = await request.json()
    try:
        answer = requests.post("https://a.b/orders", json=body, timeout=3)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise HTTPException(502) from error
    return answer.json() if answer.ok else {}
"""
AFTER = '''
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20)
    ) as http_client:
        app.state.http_client = http_client
        yield


app = FastAPI(lifespan=lifespan)


async def get_http_client(request: Request) -> httpx.AsyncClient:
    """The client that the application keeps for everyone."""
    return request.app.state.http_client


@app.post("/orders")
async def order(request: Request, http_client: httpx.AsyncClient = Depends(get_http_client)) -> dict:
    body = await request.json()
    try:
        answer = await http_client.post("https://a.b/orders", json=body, timeout=3, follow_redirects=True)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise HTTPException(502) from error
    return answer.json() if (not answer.is_error) else {}
'''


@pytest.mark.parametrize(
    ("package", "options", "files", "requires"),
    [("httpx", DEFAULT, ELSEWHERE, ()), ("httpx2", WANTING, {}, ("httpx2",))],
)
def test_a_client_is_opened_for_it(
    package: str, options: Options, files: dict[str, str], requires: tuple[str, ...]
) -> None:
    """Where `http-client` names a package that the project does not have, the fix says that it takes it."""
    after = AFTER.replace("httpx", package)
    (finding,) = assert_fixes(RULE, BEFORE, after, files=files, way=Way.TWIN, options=options)
    assert finding.fix is not None
    assert finding.fix.way is Way.OFFLOAD, "what is safe comes first"
    (fix,) = (one for one in finding.alternatives if one.way is Way.TWIN)
    assert fix.applicability is Applicability.UNSAFE
    assert fix.requires == requires
    assert any("without spaces" in note for note in fix.notes)


def test_two_calls_of_an_endpoint_are_made_on_one_client() -> None:
    more = "    requests.get('https://a.b/stock', timeout=3)\n    return"
    asked = "    await http_client.get('https://a.b/stock', timeout=3, follow_redirects=True)\n    return"
    after = AFTER.replace("import httpx\n", "import httpx\nimport requests\n")  # which goes after all fixes
    assert_fixes(
        RULE,
        BEFORE.replace("    return", more),
        after.replace("    return answer", f"{asked} answer"),
        files=ELSEWHERE,
        way=Way.TWIN,
    )


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("json=body", "data=body", "no counterpart"),
        ("json=body", "headers={'Authorization': f'Bearer {body}'}", "in the name of"),
        ("answer.ok", "answer", "no counterpart"),
        ("async def order", "async def other():\n    return await order(1)\n\n\nasync def order", ""),
        ("body = await", "http_client = await", "name of the client is taken"),
        ("app = FastAPI()", "app = FastAPI(on_startup=[])", "cannot be given a lifespan"),
        ("import requests", "import requests\n\nhttpx = 1", "no counterpart"),
        ("async def order(request", "async def order(http: Annotated[AsyncClient, Depends(make)], request", "at hand"),
    ],
)
def test_left_to_threads(old: str, new: str, wanted: str) -> None:
    source = f"from typing import Annotated\n\nfrom elsewhere import make\nfrom httpx import AsyncClient\n{BEFORE.replace(old, new, 1)}"
    assert_unfixed(RULE, source, ELSEWHERE, way=Way.TWIN)
    refused = analysed(project(source, ELSEWHERE)).refusals
    assert [reason for reason in refused if wanted in reason], refused


def test_a_project_without_such_clients_is_left_to_threads() -> None:
    assert_unfixed(RULE, BEFORE, way=Way.TWIN)
    assert_unfixed(RULE, BEFORE, way=Way.TWIN, options=Options(client="aiohttp"))


def test_a_helper_is_left_to_threads() -> None:
    """It cannot be given a client by FastAPI."""
    source = (
        BEFORE.replace('@app.post("/orders")\n', "")
        + "\n\n@app.get('/')\nasync def home(request: Request):\n    return await order(request)\n"
    )
    assert_unfixed(RULE, source, ELSEWHERE, way=Way.TWIN)
