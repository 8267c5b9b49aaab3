"""Clients that are made anew on each request."""

import re

import pytest

from rules import Applicability, Severity
from rules.core.fixes.clients.certificates import EARLY
from tests.rules.checking import Files, assert_clean, assert_fixes, assert_settles, assert_unfixed, found, with_app

RULE = "concurrency/clients"

HELPERS = """
import functools
from contextlib import asynccontextmanager

import anthropic
import boto3
import httpx
import httpx2
from fastapi import BackgroundTasks, Depends, Request
from httpx import AsyncClient as Client
from openai import AsyncOpenAI
from sqlalchemy.ext.asyncio import create_async_engine


class Service:
    def __init__(self, client=None):
        self.client = httpx.AsyncClient()


async def per_request():
    async with httpx.AsyncClient(timeout=3) as client:
        yield client


def make():
    return httpx.AsyncClient()


def wrapped():
    client = httpx.AsyncClient()
    return Service(client)


async def fetch(url):
    async with httpx.AsyncClient() as client:
        return await client.get(url)


@functools.lru_cache
def cached():
    return AsyncOpenAI()


client = None


def lazily():
    global client
    if client is None:
        client = httpx.AsyncClient()
    return client


clients = {}


def by_name(name):
    clients[name] = made = httpx.AsyncClient()
    return made
"""

ENDPOINT = '@app.get("/rate")\nasync def rate(request: Request, other):\n    '


def endpoint(body: str) -> str:
    return with_app(HELPERS, f"{ENDPOINT}{body}\n")


@pytest.mark.parametrize(
    "body",
    [
        "client = AsyncOpenAI(api_key='x')",
        "client = anthropic.AsyncAnthropic()",
        "engine = create_async_engine('sqlite+aiosqlite://')",
        "s3 = boto3.client('s3')",
        "client = httpx.AsyncClient(cert='client.pem')",
        "client = httpx.AsyncClient(trust_env=False)",
        "client = httpx.AsyncClient(http2=True)",
    ],
)
def test_a_client_in_an_endpoint(body: str) -> None:
    (finding,) = assert_unfixed(RULE, endpoint(body))
    assert finding.severity is Severity.WARNING
    assert finding.route == "GET /rate"
    assert "lifespan" in finding.advice


@pytest.mark.parametrize(
    ("before", "after", "package"),
    [
        ("async with httpx.AsyncClient() as client: ...", "httpx.AsyncClient(verify=SSL_CONTEXT)", "httpx"),
        (
            "async with httpx2.AsyncClient(timeout=5) as client: ...",
            "httpx2.AsyncClient(timeout=5, verify=SSL_CONTEXT)",
            "httpx2",
        ),
        (
            "client = Client()\n    return await client.get('https://example.org')",
            "Client(verify=SSL_CONTEXT)",
            "httpx",
        ),
        (
            "return (await httpx.AsyncClient(\n        timeout=1,\n    ).get('https://a.b')).json()",
            "httpx.AsyncClient(\n        timeout=1,\n        verify=SSL_CONTEXT,\n    )",
            "httpx",
        ),
    ],
)
def test_the_certificates_are_read_once(before: str, after: str, package: str) -> None:
    """The client stays one of its own; what takes long is done when the module is imported."""
    old = re.sub(r",\s+verify=SSL_CONTEXT", "", after).replace("verify=SSL_CONTEXT", "")
    last = "import create_async_engine\n"
    wanted = endpoint(before.replace(old, after)).replace(
        last, f"{last}\nSSL_CONTEXT = {package}.create_ssl_context()\n"
    )
    (finding,) = assert_fixes(RULE, endpoint(before), wanted)
    assert finding.route == "GET /rate"
    assert finding.fix is not None
    assert "lifespan" in finding.fix.notes[0]


def test_clients_of_several_functions_share_one_context() -> None:
    body = "async with httpx.AsyncClient() as client: ...\n    return await fetch('https://example.org')"
    after = assert_settles(endpoint(body))
    assert after.count(b"create_ssl_context()") == 1
    assert after.count(b"httpx.AsyncClient(verify=SSL_CONTEXT) as client") == 2


def test_the_context_that_is_there_already() -> None:
    imports = "import httpx\n\nSSL_CONTEXT = httpx.create_ssl_context()"
    source = with_app(imports, '@app.get("/")\nasync def home():\n    async with httpx.AsyncClient() as c: ...\n')
    wanted = source.replace("AsyncClient()", "AsyncClient(verify=SSL_CONTEXT)")
    assert_fixes(RULE, source, wanted)


def test_what_only_imports_the_class() -> None:
    source = with_app(
        "from httpx import AsyncClient", '@app.get("/")\nasync def home():\n    async with AsyncClient() as c: ...\n'
    )
    wanted = source.replace("import AsyncClient", "import AsyncClient, create_ssl_context")
    wanted = wanted.replace("import FastAPI\n", "import FastAPI\n\nSSL_CONTEXT = create_ssl_context()\n")
    assert_fixes(RULE, source, wanted.replace("AsyncClient()", "AsyncClient(verify=SSL_CONTEXT)"))


CLIENT = '@app.get("/")\nasync def home():\n    async with httpx.AsyncClient() as c: ...\n'


@pytest.mark.parametrize(
    "filling",
    [
        "load_dotenv()",
        "if True:\n    dotenv.load_dotenv('.env')",
        'os.environ["SSL_CERT_FILE"] = "ca.pem"',
        "env.read_env()",
    ],
)
def test_the_certificates_that_the_environment_names_are_read(filling: str) -> None:
    """They are read below what fills it."""
    source = with_app("import httpx", f"{filling}\nTWO = 2\n\n\n{CLIENT}")
    wanted = source.replace("AsyncClient()", "AsyncClient(verify=SSL_CONTEXT)")
    wanted = wanted.replace(f"{filling}\n", f"{filling}\n\nSSL_CONTEXT = httpx.create_ssl_context()\n")
    (finding,) = assert_fixes(RULE, source, wanted)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


CONFIG = "from dotenv import load_dotenv\n\nload_dotenv()\nURL = 'x'\n"


@pytest.mark.parametrize(
    ("imports", "files", "applicability"),
    [
        (
            "import httpx",
            {"app/config.py": CONFIG, "app/run.py": "from app import config, main\n"},
            Applicability.UNSAFE,
        ),
        ("import httpx", {"app/config.py": CONFIG, "app/run.py": "from app import config\n"}, Applicability.SAFE),
        ("import httpx", {"app/run.py": "from app import main\ndef run():\n    load_dotenv()\n"}, Applicability.UNSAFE),
        ("import httpx", {"app/run.py": "from app import main\nload_dotenv()\n"}, Applicability.UNSAFE),
        ("import httpx", {"app/run.py": "load_dotenv()\nfrom app import main\n"}, Applicability.SAFE),
        ("import httpx", {"tests/test_a.py": "load_dotenv()\n"}, Applicability.SAFE),
        ("import httpx\nfrom app.config import URL", {"app/config.py": CONFIG}, Applicability.SAFE),
        (
            "import httpx\nfrom app.names import URL",
            {"app/config.py": CONFIG, "app/names.py": "from app.config import URL\n"},
            Applicability.SAFE,
        ),
        (
            "import httpx\nfrom app.config import load",
            {"app/config.py": "from dotenv import load_dotenv\n\n\ndef load():\n    load_dotenv()\n"},
            Applicability.UNSAFE,
        ),
    ],
)
def test_an_environment_that_another_file_fills(imports: str, files: Files, applicability: Applicability) -> None:
    """Where that may come later than the import, the fix says so."""
    (finding,) = found(RULE, with_app(imports, CLIENT), files)
    assert finding.fix is not None
    assert (finding.fix.applicability, EARLY in finding.fix.notes) == (
        applicability,
        applicability is Applicability.UNSAFE,
    )


BODY = '@app.get("/")\nasync def home():\n    {inside}async with httpx.AsyncClient() as c: ...\n'


@pytest.mark.parametrize(
    "source",
    [
        with_app("import httpx\n\nSSL_CONTEXT = None", BODY.format(inside="")),
        with_app("", "def make(): ...\n\n\nimport httpx\n\n\n" + BODY.format(inside="")),
        with_app("", BODY.format(inside="import httpx\n\n    ")),
        with_app("import random", "TWO = 2\n\n\n" + BODY.format(inside="import httpx\n\n    ")),
    ],
)
def test_a_context_that_cannot_be_kept(source: str) -> None:
    """Its name is taken, or the package is not there yet where the imports end."""
    assert_unfixed(RULE, source)


def test_a_client_in_a_helper() -> None:
    (finding,) = found(RULE, endpoint("return await fetch('https://example.org')"))
    assert finding.function == "fetch"


def test_a_client_in_a_dependency() -> None:
    source = '@app.get("/")\nasync def home(client=Depends(per_request)): ...\n'
    (finding,) = found(RULE, with_app(HELPERS, source))
    assert finding.function == "per_request"


@pytest.mark.parametrize(
    "body",
    [
        "client = request.app.state.client",
        "service = Service()",
        "client = cached()",
        "client = lazily()",
        "client = by_name('a')",
        "client = make()",
        "client = wrapped()",
        "request.app.state.client = httpx.AsyncClient()",
        "client = httpx.AsyncClient(verify=other)",
        "client = httpx.AsyncClient(transport=other)",
        "client = AsyncOpenAI(http_client=other)",
        "client = httpx.AsyncClient(**other)",
        "client = other.AsyncClient()",
        "f = lambda: httpx.AsyncClient()",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(HELPERS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        "client = httpx.AsyncClient()\n",
        '@app.get("/")\ndef home():\n    boto3.client("s3")\n',
        (
            "@asynccontextmanager\nasync def lifespan(app):\n    async with httpx.AsyncClient() as client:\n"
            "        yield {'client': client}\n\n\nother = FastAPI(lifespan=lifespan)\n"
        ),
        '@app.on_event("startup")\nasync def start():\n    app.state.client = httpx.AsyncClient()\n',
        "async def script():\n    async with httpx.AsyncClient() as client: ...\n",
    ],
)
def test_what_is_made_once_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(HELPERS, source))


_PROVIDER = """
class Provider:
    def __init__(self, url):
        self.url = url
        self.found = None

    async def discover(self):
        {condition}
        async with httpx.AsyncClient() as client:
            self._keep((await client.get(self.url)).json())

    def _keep(self, found):
        self.found = found


provider = Provider("https://example.org")


@app.get("/")
async def home():
    await provider.discover()
    return provider.found
"""


def test_a_client_that_is_made_once_is_left_alone() -> None:
    condition = "if self.found:\n            return"
    assert_clean(RULE, with_app(HELPERS, _PROVIDER.format(condition=condition)))


def test_a_client_that_is_made_each_time_is_found() -> None:
    condition = "if not self.found:\n            self.found = {}"
    assert found(RULE, with_app(HELPERS, _PROVIDER.format(condition=condition)))


_BORROWED = """
async def ask(url, http_client=None):
    client = http_client
    if client is None:
        client = httpx.AsyncClient()
    answer = await client.get(url)
    return answer.json()


@app.get("/")
async def home(request: Request):
    return await ask({given})
"""


@pytest.mark.parametrize("given", ['"/", request.app.state.client', '"/", http_client=request.app.state.client'])
def test_a_client_that_everybody_brings_along_is_left_alone(given: str) -> None:
    assert_clean(RULE, with_app(HELPERS, _BORROWED.format(given=given)))


@pytest.mark.parametrize("given", ['"/"', '"/", None', '"/", http_client=None'])
def test_a_client_that_nobody_brings_along_is_found(given: str) -> None:
    assert found(RULE, with_app(HELPERS, _BORROWED.format(given=given)))


KEPT = """import httpx
from fastapi import FastAPI

app = FastAPI()


def {}(seconds):
    def around(function):
        return function

    return around


@{}(300)
async def fetch():
    async with httpx.AsyncClient() as client:
        return await client.get("http://a")


@app.get("/")
async def read():
    return await fetch()
"""


def test_what_a_cache_of_the_project_keeps_is_left_alone() -> None:
    assert_clean(RULE, KEPT.format("locked_cached", "locked_cached"))


def test_a_cache_that_is_a_class_keeps_as_well() -> None:
    class_ = "class Cached:\n    def __call__(self, function):\n        return function\n\n\ndef timed"
    assert_clean(RULE, KEPT.format("timed", "Cached").replace("def timed", class_))


def test_what_another_decorator_stands_around_is_found() -> None:
    assert found(RULE, KEPT.format("timed", "timed"))
