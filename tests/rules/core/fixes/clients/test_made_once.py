"""One client for all requests, in place of one for each: what is written for it, and where it is not shared."""

import pytest

from bot.fixing import Project, fix_all, in_way
from rules import Applicability, Way, read_facts
from tests.rules.checking import Files, analysed, assert_fixes, assert_unfixed, encoded, project

RULE = "concurrency/clients"

BEFORE = """
import httpx
from fastapi import Depends, FastAPI, Request

app = FastAPI()


@app.get("/rate")
async def rate(day: str) -> dict:
    async with httpx.AsyncClient(timeout=10.0) as client:
        # Asked each time.
        response = await client.get("https://example.org", params={
            "day": day})

        if response.is_error:
            return {}
    return response.json()
"""
AFTER = '''
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import Depends, FastAPI, Request


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(
        timeout=10.0,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
    ) as http_client:
        app.state.http_client = http_client
        yield


app = FastAPI(lifespan=lifespan)


async def get_http_client(request: Request) -> httpx.AsyncClient:
    """The client that the application keeps for everyone."""
    return request.app.state.http_client


@app.get("/rate")
async def rate(day: str, client: httpx.AsyncClient = Depends(get_http_client)) -> dict:
    # Asked each time.
    response = await client.get("https://example.org", params={
        "day": day})

    if response.is_error:
        return {}
    return response.json()
'''
LIFESPAN = """
from contextlib import asynccontextmanager

from fastapi import FastAPI

from .routes import router


@asynccontextmanager
async def lifespan(application: FastAPI):
    print("started")
    try:
        {opened}yield {{"a": 1}}  # while it runs
    finally:
        print("stopped")


app = FastAPI(lifespan=lifespan)
app.include_router(router)
"""
ROUTES = """
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from httpx import AsyncClient, Timeout

router = APIRouter()


@router.get("/rate")
async def rate(day: Annotated[str, Query()]) -> dict:
    async with AsyncClient(timeout=Timeout(10, connect=5), base_url="https://example.org") as http:
        return (await http.get(f"/{day}")).json()
"""
GIVEN = '''
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from httpx import AsyncClient

router = APIRouter()


async def get_http_client(request: Request) -> AsyncClient:
    """The client that the application keeps for everyone."""
    return request.app.state.http_client


@router.get("/rate")
async def rate(day: Annotated[str, Query()], http: Annotated[AsyncClient, Depends(get_http_client)]) -> dict:
    return (await http.get(f"/{day}")).json()
'''


def assert_shared(before: str, after: str) -> None:
    (finding,) = assert_fixes(RULE, before, after, way=Way.TWIN)
    assert finding.fix is not None
    assert finding.fix.way is Way.REPAIR, "what is safe comes first"
    (fix,) = finding.alternatives
    assert fix.applicability is Applicability.UNSAFE
    assert "cookie" in fix.notes[0]


def assert_own(source: str, files: Files | None = None, *, wanted: str) -> None:
    """The client is not shared, for one reason only."""
    assert_unfixed(RULE, source, files, way=Way.TWIN)
    refused = analysed(project(source, files)).refusals
    assert [reason for reason in refused if wanted in reason], refused


def test_an_application_without_a_lifespan() -> None:
    assert_shared(BEFORE, AFTER)


@pytest.mark.parametrize(
    ("old", "new", "given"),
    [
        ("(day: str)", "()", "(client: httpx.AsyncClient = Depends(get_http_client))"),
        ("(day: str)", "(day: str = '')", "(day: str = '', client: httpx.AsyncClient = Depends(get_http_client))"),
        ("(day: str)", "(*, day: str)", "(*, day: str, client: httpx.AsyncClient = Depends(get_http_client))"),
        (
            "(day: str)",
            "(\n    day: str,\n)",
            "(\n    day: str,\n    client: httpx.AsyncClient = Depends(get_http_client),\n)",
        ),
    ],
)
def test_the_endpoint_is_given_it_as_its_last_parameter(old: str, new: str, given: str) -> None:
    parameters = "(day: str, client: httpx.AsyncClient = Depends(get_http_client))"
    before, after = BEFORE.replace(old, new), AFTER.replace(parameters, given)
    if new == "()":
        before, after = (text.replace('"day": day', '"day": 1') for text in (before, after))
    assert_shared(before, after)


def shared(files: Files) -> dict[str, str]:
    """The files once every client that can be is shared."""
    sources = {path: encoded(text) for path, text in files.items()}
    project = Project(sources, {path: read_facts(text) for path, text in sources.items()})
    done = fix_all(project, project.analyze(), wanted=lambda f: f.rule == RULE, unsafe=True, candidates=in_way("twin"))
    assert done.done, done.analysis.refusals
    return {path: text.decode() for path, text in done.project.sources.items()}


def in_files(routes: str, opened: str = "") -> dict[str, str]:
    return {
        "app/main.py": LIFESPAN.format(opened=opened).lstrip(),
        "app/__init__.py": "",
        "app/routes.py": routes.lstrip(),
    }


OPENED = """async with httpx.AsyncClient(
            timeout=httpx.Timeout(10, connect=5),
            base_url="https://example.org",
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        ) as http_client:
            application.state.http_client = http_client
            """


def test_an_application_with_a_lifespan_in_another_file() -> None:
    """The client is open around the `yield`; each file of routes has a dependency of its own."""
    wanted = in_files(GIVEN, OPENED)
    wanted["app/main.py"] = wanted["app/main.py"].replace(
        "from fastapi import FastAPI\n", "import httpx\nfrom fastapi import FastAPI\n"
    )
    assert shared(in_files(ROUTES)) == wanted


def test_endpoints_whose_clients_are_made_alike_share_one() -> None:
    """Also where the second is mended after the first; a client that is made otherwise is another one."""
    second = ROUTES[ROUTES.index("\n@router") :].replace("rate", "other").rstrip()
    third = second.replace("other", "third").replace("connect=5", "connect=6")
    after = shared(in_files(f"{ROUTES.rstrip()}\n{second}\n\n{third}\n"))
    assert after["app/routes.py"].count("Depends(get_http_client)") == 2
    assert after["app/routes.py"].count("Depends(get_third_client)") == 1
    assert after["app/main.py"].count("AsyncClient(") == 2
    assert "application.state.third_client = third_client" in after["app/main.py"]


HELPER = "\n\nasync def fetch(client, day):\n    return await client.get(day)\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("await client.get(", "await fetch(client, "),
        ("response = await client.get(", "given = {'Authorization': TOKEN}\n        response = await client.get("),
        ("response = await client.get(", "(response,) = await asyncio.gather(client.get(day), "),
        ("response = await client.get(", "await client.head(day)\n        response = await client.get("),
    ],
)
def test_what_may_be_done_with_a_client_that_is_shared(old: str, new: str) -> None:
    source = BEFORE.replace(old, new).replace(")\n\n        if", ")\n\n        if") + HELPER
    files = {"main.py": f"import asyncio\n{source}"}
    if "gather" in new:
        files = {"main.py": files["main.py"].replace('            "day": day})', '            "day": day}))')}
        files["main.py"] = files["main.py"].replace('"https://example.org", params=', 'client.get("b", params=')
    if "fetch" in new:
        files["main.py"] = files["main.py"].replace(', params={\n            "day": day}', "")
    assert "Depends(get_http_client)" in shared(files)["main.py"]


CALL = "httpx.AsyncClient(timeout=10.0)"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (CALL, "httpx.AsyncClient(headers={'x': day})", "no constants"),
        (CALL, "httpx.AsyncClient(auth=('a', 'b'))", "of one request"),
        (CALL, "httpx.AsyncClient(cookies={})", "of one request"),
        (CALL, "httpx.AsyncClient(timeout=app.timeout)", "no constants"),
        ("if response", "client.headers['x'] = day\n        if response", "kept, changed"),
        ("if response", "print(client.cookies)\n        if response", "kept, changed"),
        ("if response", "kept = client\n        if response", "kept, changed"),
        ("if response", "await client.aclose()\n        if response", "others would notice"),
        ("if response", "await client.get(day, cookies={})\n        if response", "others would notice"),
        ("if response", "await client.post(day)\n        if response", "cookies that are meant"),
        ("response = await client.get(", "for _ in day: response = await client.post(", "cookies that are meant"),
        ("if response", "print(client)\n        if response", "something unknown"),
        ("if response", "stream = client.stream('GET', day)\n        if response", "others would notice"),
        ("await client.get(", "await client.get(auth=('a', day), url=", "in the name of"),
        ("if response", "given = {'Authorization': day}\n        if response", "in the name of"),
        (
            "if response",
            "given = {}\n        given['X-Api-Key'] = f'{response}'\n        if response",
            "in the name of",
        ),
        ("if response", "client = None\n        if response", "bound again"),
        ("    return response", "    await client.get(day)\n    return response", "behind its end"),
        ("@app.get", "@app.websocket", "not opened in an endpoint"),
        ("@app.get", "@unknown\n@app.get", "not known"),
        ("(day: str)", "(day: str, **more)", "any arguments"),
        ("async with httpx", "async with other(), httpx", "together with something else"),
        (" as client:", " as client:  # one each", "a comment"),
        ("app = FastAPI()", "app = FastAPI()\n\n\n@app.on_event('startup')\ndef start(): ...", "something else runs"),
        ("app = FastAPI()", "app = FastAPI()\ninstrument(app)", "something else runs"),
        ("app = FastAPI()", "app = FastAPI()\nother = FastAPI()\nother.mount('/x', app)", "mounted"),
        ("app = FastAPI()", "app = FastAPI(lifespan=elsewhere)", "not seen"),
        ("app = FastAPI()", "app = APIRouter()", "which application"),
        ("app = FastAPI()", "app = FastAPI()\napp.state.http_client = app.state.rate_client = None", "are taken"),
    ],
)
def test_left_alone(old: str, new: str, wanted: str) -> None:
    source = BEFORE.replace(old, new, 1).replace("import Depends,", "import APIRouter, Depends,")
    assert_own(f"from elsewhere import elsewhere, instrument, other, unknown\n{source}", wanted=wanted)


@pytest.mark.parametrize("yielding", ["yield\n        yield", "x = yield", "if True: yield", "yield (\n            1)"])
def test_a_lifespan_that_waits_elsewhere(yielding: str) -> None:
    files = in_files(ROUTES)
    files["app/main.py"] = files["app/main.py"].replace('yield {"a": 1}  # while it runs', yielding)
    routes = files.pop("app/routes.py")
    assert_unfixed(RULE, routes, files, path="app/routes.py", way=Way.TWIN)


STARTING = """
import httpx
from fastapi.testclient import TestClient

from app.main import app


def test_home():
    {0}
"""


@pytest.mark.parametrize(
    ("test", "is_shared"),
    [
        ("client = TestClient(app)", False),
        ("client = httpx.AsyncClient(app=app)", False),
        ("client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))", False),
        ("client = httpx.AsyncClient()", True),
        ("with TestClient(app) as client: ...", True),
    ],
)
def test_tests_that_start_the_application(test: str, is_shared: bool) -> None:
    """Without its lifespan nothing is kept on its state."""
    files = {"tests/test_main.py": STARTING.format(test), "app/main.py": BEFORE}
    if is_shared:
        assert "Depends(get_http_client)" in shared(files)["app/main.py"]
    else:
        assert_own(BEFORE, {"tests/test_main.py": files["tests/test_main.py"]}, wanted="without its lifespan")


HANDED = """
import httpx
from fastapi import Depends, FastAPI, Request
{0}
app = FastAPI({lifespan})
{1}

async def fetch({2}) -> dict:
    {3}


@app.get("/one")
async def one(day: str{4}) -> dict:
    return await fetch(day{5})


@app.get("/two")
async def two(day: str{4}) -> list:
    return [await fetch(day{5}, other=2) for day in day.split()]
"""


def test_a_helper_is_handed_the_client_of_the_endpoints_that_call_it() -> None:
    opened = "async with httpx.AsyncClient(timeout=10.0) as client:\n        {0}"
    asking = 'return (await client.get(f"https://example.org/{day}")).json()'
    before = HANDED.format("\n", "", "day: str, other: int = 1", opened.format(asking), "", "", lifespan="")
    parameters = "day: str, other: int = 1, *, client: httpx.AsyncClient"
    given = ", client: httpx.AsyncClient = Depends(get_http_client)"
    between = AFTER[AFTER.index("@asynccontextmanager") : AFTER.index("app = FastAPI(")]
    giver = AFTER[AFTER.index("async def get_http_client") : AFTER.index("@app.get")].rstrip()
    after = HANDED.format(
        f"\n\n{between.rstrip()}\n\n",
        f"\n\n{giver}\n",
        parameters,
        asking,
        given,
        ", client=client",
        lifespan="lifespan=lifespan",
    ).replace("(day, client=client, other=2)", "(day, other=2, client=client)")
    head = "\nfrom collections.abc import AsyncIterator\nfrom contextlib import asynccontextmanager\n"
    assert_shared(before, f"{head}{after}")


def test_two_helpers_of_an_endpoint_share_its_parameter() -> None:
    """Also where the second is mended after the first."""
    opened = "async with httpx.AsyncClient(timeout=10.0) as client:\n        return (await client.get(day)).json()"
    source = HANDED.format("\n", "", "day, other=1", opened, "", "", lifespan="")
    helper = source[source.index("async def fetch") : source.index("@app.get")]
    source = source.replace(helper, helper + helper.replace("fetch", "second").replace("other", "more"))
    after = shared({"main.py": source.replace("await fetch(day)", "await fetch(day) | await second(day)")})["main.py"]
    assert "await fetch(day, client=client) | await second(day, client=client)" in after
    assert "async def one(day: str, client: httpx.AsyncClient = Depends(get_http_client)) -> dict:" in after
    assert after.count("AsyncClient(") == 1


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("async def fetch(", "async def fetch(*days, ", "takes any arguments"),
        ("await fetch(day)", "await fetch(**day)", "cannot be followed"),
        ("await fetch(day)", "await (lambda: fetch(day))()", "not opened in an endpoint"),
        ("await fetch(day)", "(await fetch(day)) | (client := {})", "name of the client is taken"),
        ("await fetch(day)", "await asyncio.gather(*map(fetch, day))", "by too many"),
        ("@app.get", "async def between(day):\n    return await fetch(day)\n\n\n@app.get", "not opened in an endpoint"),
        (
            "@app.get",
            "@app.middleware('http')\nasync def between(day, call):\n    return await fetch(day)\n\n\n@app.get",
            "not opened in",
        ),
        ("async def fetch", "@decorated\nasync def fetch", "no plain function"),
        (
            "return await fetch(day)",
            "return [await fetch(1), await fetch(2), await fetch(3), await fetch(4), await fetch(5)]",
            "too many",
        ),
    ],
)
def test_a_helper_that_others_call_keeps_its_client(old: str, new: str, wanted: str) -> None:
    opened = "async with httpx.AsyncClient(timeout=10.0) as client:\n        return (await client.get(day)).json()"
    source = HANDED.format("\n", "", "day, other=1", opened, "", "", lifespan="").replace(old, new, 1)
    assert_own(f"import asyncio\n\nfrom elsewhere import decorated\n{source}", wanted=wanted)


def test_an_endpoint_that_is_called_by_hand() -> None:
    assert_own(BEFORE + "\n\nasync def again():\n    return await rate('today')\n", wanted="by hand")


MODELS = """
import os

from fastapi import FastAPI, Depends, Request
from openai import AsyncOpenAI

from app.config import KEY, settings

app = FastAPI()


@app.get("/")
async def home(q: str):
    client = AsyncOpenAI(api_key={key}, max_retries=3)
    answer = await client.chat.completions.create(model="x", messages=[q])
    return answer
"""
MODELS_AFTER = '''
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Depends, Request
from openai import AsyncOpenAI

from app.config import KEY, settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncOpenAI(
        api_key={key}, max_retries=3
    ) as openai_client:
        app.state.openai_client = openai_client
        yield


app = FastAPI(lifespan=lifespan)


async def get_openai_client(request: Request) -> AsyncOpenAI:
    """The client that the application keeps for everyone."""
    return request.app.state.openai_client


@app.get("/")
async def home(q: str, client: AsyncOpenAI = Depends(get_openai_client)):
    answer = await client.chat.completions.create(model="x", messages=[q])
    return answer
'''
CONFIG = """
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    key: str = ""


settings = Settings()
KEY = "k"
"""
CONFIGURED = {"app/__init__.py": "", "app/config.py": CONFIG}
TOLD = ['os.environ["KEY"]', 'os.getenv("KEY", "x")', "settings.key", "KEY", '"k"']


@pytest.mark.parametrize("key", TOLD)
def test_a_client_of_a_language_model(key: str) -> None:
    """What it is made with comes from the environment, from the settings, or is a constant."""
    before, after = MODELS.format(key=key), MODELS_AFTER.format(key=key)
    (finding,) = assert_fixes(RULE, before, after, files=CONFIGURED, way=Way.TWIN)
    assert finding.fix is not None
    assert any("does not start" in note for note in finding.fix.notes)


@pytest.mark.parametrize("key", TOLD[:4])
@pytest.mark.parametrize("package", ["openai.AsyncOpenAI", "groq.AsyncGroq", "anthropic.AsyncAnthropic"])
def test_a_client_of_a_language_model_for_a_lifespan_in_another_file(key: str, package: str) -> None:
    """The other file imports what the client is made with."""
    module, _, name = package.partition(".")
    asked = "messages.create" if module == "anthropic" else "chat.completions.create"
    routes = MODELS.replace("chat.completions.create", asked).replace("app = FastAPI()", "router = APIRouter()")
    routes = routes.replace("import FastAPI", "import APIRouter").replace("@app", "@router").replace("openai", module)
    files = in_files(routes.format(key=key).replace("AsyncOpenAI", name)) | {"app/config.py": CONFIG}
    after = shared(files)
    assert f"async with {package}(\n            api_key={key}, max_retries=3\n        )" in after["app/main.py"]
    assert f"import {module}\n" in after["app/main.py"]
    word = "import os\n" if key.startswith("os.") else f"from app.config import {key.partition('.')[0]}\n"
    assert word in after["app/main.py"]
    assert f"client: {name} = Depends(get_{module}_client)" in after["app/routes.py"]
    assert f"{name}(api_key" not in after["app/routes.py"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("api_key={key}", "api_key=q"),
        ("api_key={key}", "api_key=request.app.key"),
        ("api_key={key}", "api_key=os.getenv(q)"),
        ("api_key={key}", "api_key=app.key"),
        ("api_key={key}", "api_key=settings.get('key')"),
        ("api_key={key}", "api_key=app.config.settings"),
        ("api_key={key}", "default_headers={{'X': q}}"),
        ("(q: str)", "(q: str, settings: int)"),
        ("    client = ", "    client = settings = "),
        ("    client = ", "    self.client = client = "),
        ("    answer = ", "    client.api_key = q\n    answer = "),
        ("    answer = ", "    print(client.api_key)\n    answer = "),
        ("    answer = ", "    client = client.with_options(timeout=1)\n    answer = "),
        ("    return answer", "    await client.close()\n    return answer"),
        ("    return answer", "    return answer, client"),
        ("chat.completions.create", "with_options(timeout=1).chat.completions.create"),
        ("messages=[q]", "messages=[q], extra_headers={{'Authorization': q}}"),
        ("    client = ", "    if q:\n        client = "),
        ("max_retries=3)", "max_retries=3)  # each time"),
        ("class Settings(BaseSettings)", "class Settings"),
        ("settings = Settings()", "settings = Settings()\nsettings = other"),
    ],
)
def test_a_client_of_a_language_model_that_each_request_keeps(old: str, new: str) -> None:
    """It is made with what a request tells, others may notice, or its line does not stand for itself."""
    assert old in MODELS + CONFIG
    source = MODELS.replace(old, new).replace("{key}", "settings.key").replace("{{", "{").replace("}}", "}")
    files = CONFIGURED | {"app/config.py": CONFIG.replace(old, new)}
    findings = analysed(project(source, files)).findings
    assert not [fix.title for one in findings for fix in (one.fix, *one.alternatives) if fix and fix.way is Way.TWIN]
