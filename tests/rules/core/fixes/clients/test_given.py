"""Clients that a function of the project gives, exchanged together with all who are given them."""

import pytest

from rules import Applicability, Way
from rules.core.fixes.clients.certificates import EARLY
from tests.rules.checking import EVERYTHING, assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "endpoints/upstream"
IMPORTS = """
import functools
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends
from openai import OpenAI
"""
MAKES = "def get_client() -> OpenAI:\n    return OpenAI()\n\n\n"
KEEPS = "shared = OpenAI()\n\n\ndef get_client() -> OpenAI:\n    return shared\n\n\n"
CACHES = "@functools.lru_cache\ndef get_client() -> OpenAI:\n    return OpenAI()\n\n\n"
ASK = "client.responses.create(input=q)"


def _endpoint(parameter: str, name: str = "home", path: str = "/") -> str:
    return f'@app.get("{path}")\ndef {name}(q: str, {parameter}):\n    return {ASK}\n'


def _turned(text: str) -> str:
    for old, new in (
        ("OpenAI", "AsyncOpenAI"),
        ("def home", "async def home"),
        ("def other", "async def other"),
        ("client.responses", "await client.responses"),
        ("get_client().responses", "await get_client().responses"),
    ):
        text = text.replace(old, new)
    return text


def _text(body: str) -> str:
    return with_app(IMPORTS, body)


@pytest.mark.parametrize("given", [MAKES, KEEPS, CACHES])
@pytest.mark.parametrize(
    "parameter",
    [
        "client: OpenAI = Depends(get_client)",
        "client: Annotated[OpenAI, Depends(get_client)]",
        "client=Depends(get_client)",
        "client: 'Client'".replace("'", ""),
    ],
)
def test_whoever_is_given_it_awaits_it(given: str, parameter: str) -> None:
    alias = "Client = Annotated[OpenAI, Depends(get_client)]\n\n\n" if "Client" in parameter else ""
    before = _text(f"{given}{alias}{_endpoint(parameter)}")
    assert_fixes(RULE, before, _turned(before), options=EVERYTHING)


def test_an_endpoint_that_awaits_has_it_awaited() -> None:
    body = (
        f'{CACHES}@app.get("/")\nasync def home(q: str, client: OpenAI = Depends(get_client)):\n'
        f"    await pause()\n    return {ASK}\n\n\nasync def pause(): ...\n"
    )
    assert_fixes("clients/models", _text(body), _turned(_text(body)).replace("async async", "async"))


@pytest.mark.parametrize(
    "body",
    [
        '@app.get("/")\ndef home(q: str):\n    return get_client().responses.create(input=q)\n',
        f'@app.get("/")\ndef home(q: str):\n    client = get_client()\n    return {ASK}\n',
    ],
)
def test_whoever_calls_for_it_awaits_it(body: str) -> None:
    """It is made once, by the first who calls; a client that takes its time must not be made on the loop for each."""
    before = _text(f"{CACHES}{body}")
    assert_fixes(RULE, before, _turned(before), options=EVERYTHING)
    assert_clean(
        RULE, _text(f"{MAKES}{body}".replace("OpenAI()", "Client()").replace("import OpenAI", "import Client"))
    )


def test_a_generator_opens_and_closes_it() -> None:
    body = (
        "def get_client() -> Iterator[Redis]:\n    client = Redis()\n    try:\n        yield client\n    finally:\n"
        "        client.close()\n\n\n"
        '@app.get("/")\ndef home(q: str, client: Redis = Depends(get_client)):\n    return client.get(q)\n'
    )
    imports = "from collections.abc import Iterator\n\nfrom redis import Redis"
    depends = "from fastapi import Depends\n\n\n"
    after = (
        body.replace("def ", "async def ")
        .replace("Iterator", "AsyncIterator")
        .replace("client.close", "await client.aclose")
        .replace("return client", "return await client")
    )
    assert_fixes(
        RULE,
        with_app(imports, depends + body),
        with_app("from collections.abc import AsyncIterator\n\nfrom redis.asyncio import Redis", depends + after),
        options=EVERYTHING,
    )


HTTPX = """
from collections.abc import Iterator
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI
"""
BY_WITH = """
def get_client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=3{more}) as client:
        yield client
"""
BY_FINALLY = """
def get_client() -> Iterator[httpx.Client]:
    client = httpx.Client()
    try:
        yield client
    finally:
        client.close()
"""
UNCLOSED = """
def get_client() -> Iterator[httpx.Client]:
    client = httpx.Client()
    yield client
"""
MADE_THERE = "httpx.AsyncClient(verify=SSL_CONTEXT)"
UNCLOSED_THERE = f"    client = {MADE_THERE}\n    yield client\n"
READERS = """

Client = Annotated[httpx.Client, Depends(get_client)]


@app.get("/")
{kind}def home(q: str, client: Client):
    return client.get(q).json()


@app.get("/lines")
{kind}def lines(q: str, client: httpx.Client = Depends(get_client)):
    with client.stream("GET", q) as answer:
        for line in answer.iter_lines():
            print(line)
"""


def _awaiting(text: str) -> str:
    for old, new in (
        ("import Iterator", "import AsyncIterator"),
        ("Iterator[httpx.Client]", "AsyncIterator[httpx.AsyncClient]"),
        ("httpx.Client", "httpx.AsyncClient"),
        ("import Depends, FastAPI\n", "import Depends, FastAPI\n\nSSL_CONTEXT = httpx.create_ssl_context()\n"),
        ("AsyncClient(timeout=3)", "AsyncClient(timeout=3, verify=SSL_CONTEXT)"),
        ("AsyncClient()", "AsyncClient(verify=SSL_CONTEXT)"),
        ("client.close()", "await client.aclose()"),
        ("with ", "async with "),
        ("for line in answer.iter_lines", "async for line in answer.aiter_lines"),
        ("client.get(q)", "(await client.get(q))"),
        ("\ndef ", "\nasync def "),
        (UNCLOSED_THERE, f"    async with {MADE_THERE} as client:\n        yield client\n"),
    ):
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("given", [BY_WITH.format(more=""), BY_FINALLY, UNCLOSED])
@pytest.mark.parametrize(("kind", "rule"), [("", RULE), ("async ", "clients/httpx")])
def test_a_generator_that_opens_a_client_of_httpx_for_each_request(given: str, kind: str, rule: str) -> None:
    """All who are given it await it; the certificates, whose reading would hold up the loop, are read once."""
    before = f"{HTTPX}\napp = FastAPI()\n\n{given}{READERS.format(kind=kind)}"
    findings = assert_fixes(rule, before, _awaiting(before), options=EVERYTHING)
    for finding in findings:
        assert finding.fix is not None
        assert finding.fix.applicability is Applicability.SAFE, finding.fix.notes


def test_certificates_that_are_read_before_the_environment_is_filled() -> None:
    source = f"{HTTPX}\napp = FastAPI()\n\n{BY_FINALLY}{READERS.format(kind='async ')}"
    files = {"app/run.py": "from dotenv import load_dotenv\n\nfrom app import main\n\nload_dotenv()\n"}
    for finding in assert_fixes(
        "clients/httpx", source, _awaiting(source), files=files, way=Way.TWIN, options=EVERYTHING
    ):
        (fix,) = (one for one in (finding.fix, *finding.alternatives) if one is not None and one.way is Way.TWIN)
        assert (fix.applicability, EARLY in fix.notes) == (Applicability.UNSAFE, True)


@pytest.mark.parametrize(
    ("given", "more"),
    [
        (BY_WITH.format(more=", verify=False"), ""),
        (BY_WITH.format(more=", http2=True"), ""),
        (BY_WITH.format(more=", transport=httpx.HTTPTransport()"), ""),
        (BY_FINALLY.replace("yield client", "yield client, 1"), ""),
        (BY_FINALLY, "SSL_CONTEXT = 1\n"),
        (BY_FINALLY, "def other(client=Depends(get_client)):\n    return use(client)\n"),
        (BY_FINALLY, "app.dependency_overrides[get_client] = use\n"),
        (BY_FINALLY, "def other():\n    return next(get_client())\n"),
    ],
)
def test_a_generator_that_keeps_its_client(given: str, more: str) -> None:
    source = f"{HTTPX}\napp = FastAPI()\n\n{given}{READERS.format(kind='async ')}\n\n{more}"
    assert_unfixed("clients/httpx", source, way=Way.TWIN)


LEFT = {
    "kept on an object": (
        MAKES,
        "class Api:\n    def __init__(self, client: OpenAI = Depends(get_client)):\n        self.client = client\n",
    ),
    "handed on": (MAKES, _endpoint("client: OpenAI = Depends(get_client)", "other", "/o").replace(ASK, "use(client)")),
    "returned": (MAKES, _endpoint("client: OpenAI = Depends(get_client)", "other", "/o").replace(ASK, "client")),
    "a member without counterpart": (
        MAKES,
        _endpoint("client: OpenAI = Depends(get_client)", "other", "/o").replace(ASK, "client.with_options(timeout=1)"),
    ),
    "bound again": (
        MAKES,
        _endpoint("client: OpenAI = Depends(get_client)", "other", "/o").replace(
            "    return", "    client = q\n    return"
        ),
    ),
    "used in a function inside": (
        MAKES,
        _endpoint("client: OpenAI = Depends(get_client)", "other", "/o").replace(
            f"return {ASK}", f"return lambda: {ASK}"
        ),
    ),
    "called at the top": (MAKES, "first = get_client().models.retrieve('x')\n"),
    "called for another": (MAKES, "def more():\n    return use(get_client())\n"),
    "passed as a value": (MAKES, "use(get_client)\n"),
    "overridden": (MAKES, "app.dependency_overrides[get_client] = use\n"),
    "one of two": (
        "def get_client(fast: bool = True) -> OpenAI:\n    if fast:\n        return OpenAI()\n    return use()\n\n\n",
        "",
    ),
    "wrapped": ("@use\ndef get_client() -> OpenAI:\n    return OpenAI()\n\n\n", ""),
    "of another type": (MAKES.replace("-> OpenAI", "-> Protocol"), ""),
    "made with a client": (MAKES.replace("OpenAI()", "OpenAI(http_client=use)"), ""),
    "another dependency": (
        MAKES,
        (
            "def get_more(client: OpenAI = Depends(get_client)):\n    return More(client)\n\n\n"
            '@app.get("/o")\ndef other(more=Depends(get_more)):\n    return more\n'
        ),
    ),
}


@pytest.mark.parametrize(("given", "more"), LEFT.values(), ids=LEFT)
def test_what_else_is_done_with_it_keeps_it_as_it_is(given: str, more: str) -> None:
    elsewhere = "from typing import Protocol\n\nfrom elsewhere import More, use\n"
    endpoint = _endpoint("client: OpenAI = Depends(get_client)")
    source = with_app(elsewhere + IMPORTS, f"{given}{more}\n\n{endpoint}")
    assert_clean(RULE, source, options=EVERYTHING)


def test_a_session_of_requests_that_each_request_makes_stays() -> None:
    """It is made in no time, and a client of HTTPX is not."""
    body = (
        "{}def get_client() -> requests.Session:\n    return requests.Session()\n\n\n"
        '@app.get("/")\nasync def home(url: str, client=Depends(get_client)):\n    await pause()\n'
        "    return client.get(url).json()\n\n\nasync def pause(): ...\n"
    )
    files = {"app/__init__.py": "", "app/other.py": "import httpx\n\nclient = httpx.AsyncClient()\n"}
    imports = "import functools\n\nimport {}\nfrom fastapi import Depends"
    before = with_app(imports.format("requests"), body.format(""))
    assert_unfixed("clients/requests", before, files, way=Way.TWIN)
    cached = body.format("@functools.lru_cache\n")
    after = (
        cached.replace("requests.Session()", "httpx.AsyncClient(timeout=None, follow_redirects=True)")
        .replace("requests.Session", "httpx.AsyncClient")
        .replace("client.get(url)", "(await client.get(url))")
    )
    before, wanted = cached.replace(" -> requests.Session", ""), after.replace(" -> httpx.AsyncClient", "")
    assert_fixes(
        "clients/requests",
        with_app(imports.format("requests"), before),
        with_app(imports.format("httpx"), wanted),
        files=files,
        way=Way.TWIN,
    )
