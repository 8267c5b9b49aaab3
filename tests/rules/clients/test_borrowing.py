"""Calls that make a client for themselves, in a file that has an asynchronous one already."""

import pytest

from rules import Applicability, Options, Way
from tests.rules.checking import assert_fixes, assert_unfixed, found, with_app

ENDPOINT = '@app.get("/")\nasync def home(url: str):\n    '
HTTPX = "import httpx\n\nhttp = httpx.AsyncClient()"
WITH_DEFAULTS = "import httpx\n\nhttp = httpx.AsyncClient(timeout=30, follow_redirects=True)"
REQUESTS = "import requests\n\nfrom app.http import http"
FILES = {"app/__init__.py": "", "app/http.py": "import httpx\n\nhttp = httpx.AsyncClient(timeout=9)\n"}


@pytest.mark.parametrize(
    ("imports", "before", "after"),
    [
        (HTTPX, "return httpx.get(url)", "return await http.get(url)"),
        (
            HTTPX,
            "return httpx.get(url, params={'a': 1}).json()",
            "return (await http.get(url, params={'a': 1})).json()",
        ),
        (
            HTTPX,
            "r = httpx.post(\n        url,\n        json={},\n    )",
            "r = await http.post(\n        url,\n        json={},\n    )",
        ),
        (WITH_DEFAULTS, "httpx.get(url)", "await http.get(url, timeout=5.0, follow_redirects=False)"),
        (WITH_DEFAULTS, "httpx.get(url, timeout=3)", "await http.get(url, timeout=3, follow_redirects=False)"),
        ("import httpx2\n\nhttp = httpx2.AsyncClient()", "httpx2.delete(url)", "await http.delete(url)"),
    ],
)
def test_httpx_is_asked_by_the_client_at_hand(imports: str, before: str, after: str) -> None:
    source = with_app(imports, f"{ENDPOINT}{before}\n")
    rule = "clients/httpx"
    (finding,) = assert_fixes(rule, source, with_app(imports, f"{ENDPOINT}{after}\n"))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('requests.get("https://a.b", timeout=3)', 'await http.get("https://a.b", timeout=3, follow_redirects=True)'),
        ("requests.get(url).json()", "(await http.get(url, timeout=None, follow_redirects=True)).json()"),
        (
            "r = requests.post(url, json={}, allow_redirects=False)\n    r.raise_for_status()\n    print(r.json())",
            (
                "r = await http.post(url, json={}, follow_redirects=False, timeout=None)\n"
                "    r.raise_for_status()\n    print(r.json())"
            ),
        ),
        (
            'requests.get("https://a.b", params={"a": 1}, headers={"X": "y"})',
            'await http.get("https://a.b", params={"a": 1}, headers={"X": "y"}, timeout=None, follow_redirects=True)',
        ),
        (
            "requests.get(\n        url,\n        timeout=3,  # seconds\n    )",
            "await http.get(\n        url,\n        timeout=3,  # seconds\n        follow_redirects=True,\n    )",
        ),
        (
            'requests.request("DELETE", url, json={}, timeout=3)',
            'await http.request("DELETE", url, json={}, timeout=3, follow_redirects=True)',
        ),
        (
            "r = requests.get(url, timeout=3)\n    return r.ok or not r.ok",
            "r = await http.get(url, timeout=3, follow_redirects=True)\n    return not r.is_error or r.is_error",
        ),
        (
            "r = requests.get(url, timeout=3)\n    if not r.ok:\n        raise ValueError(r.text)\n    print([r.ok])",
            (
                "r = await http.get(url, timeout=3, follow_redirects=True)\n    if r.is_error:\n"
                "        raise ValueError(r.text)\n    print([(not r.is_error)])"
            ),
        ),
    ],
)
def test_what_requests_asks_can_be_asked_by_httpx_but_not_safely(before: str, after: str) -> None:
    source = with_app(REQUESTS, f"{ENDPOINT}{before}\n")
    wanted = with_app("from app.http import http", f"{ENDPOINT}{after}\n")
    (finding,) = assert_fixes("clients/requests", source, wanted, files=FILES, way=Way.TWIN)
    (fix,) = (fix for fix in finding.alternatives if fix.way is Way.TWIN)
    assert fix.applicability is Applicability.UNSAFE
    assert "requests.RequestException" in fix.notes[0]


@pytest.mark.parametrize(
    ("call", "told"),
    [("requests.post(url, json={}).json()", "without spaces"), ("r = requests.get(url)\n    print(r.text)", "charset")],
)
def test_what_differs_in_one_call_only_is_said_of_that(call: str, told: str) -> None:
    def notes(call: str) -> str:
        (finding,) = found("clients/requests", with_app(REQUESTS, f"{ENDPOINT}{call}\n"), files=FILES)
        return " ".join(note for fix in finding.alternatives if fix.way is Way.TWIN for note in fix.notes)

    assert told in notes(call)
    assert notes("requests.post(url).json()")
    assert told not in notes("requests.post(url).json()")


@pytest.mark.parametrize(
    "body",
    [
        "requests.get(url, stream=True)",
        "requests.get(url, verify=False)",
        "requests.get(url, params=url)",
        'requests.get(url, params={"a": 1})',
        'requests.get("https://a.b?x=1", params={"a": 1})',
        'requests.get("https://a.b", params={"a": None})',
        'requests.get("https://a.b", params={"a": url})',
        "requests.get(url, headers={'X': url})",
        "requests.get(url, json={})",
        "requests.post(url, data={})",
        "requests.get(url).text",
        "requests.get(url).ok",
        "r = requests.get(url)\n    return r.text",
        "r = requests.get(url)\n    raise HTTPException(502, r.text)",
        "requests.request(verb, url)",
        'requests.request("get", *url)',
        "r = requests.get(url)\n    if r:\n        print(r.json())",
        "r = requests.get(url)\n    print(r)",
        "return requests.get(url)",
        "try:\n        requests.get(url)\n    except (requests.Timeout, KeyError):\n        pass",
        "try:\n        requests.get(url)\n    except requests.exceptions.SSLError:\n        pass",
        "try:\n        requests.get(url)\n    except requests.RequestException as error:\n        print(error.request)",
        "try:\n        requests.get(url)\n    except requests.RequestException as error:\n        print(error.response.status_code)",
        "try:\n        requests.get(url)\n    except requests.HTTPError as error:\n        print(error.response.text)",
        "try:\n        requests.get(url)\n        requests.get(url, verify=False)\n    except requests.Timeout:\n        pass",
        "try:\n        requests.get(url)\n        raise requests.Timeout()\n    except requests.Timeout:\n        pass",
        "try:\n        requests.get(url)\n        load(url)\n    except requests.Timeout:\n        pass",
        "r = requests.get(url)\n    r = 1",
        "r = s = requests.get(url)",
        'requests.get(url, headers={"X": 1})',
        "try:\n        requests.get(url)\n    except OSError:\n        pass",
    ],
)
def test_what_means_something_else_there_is_left_to_threads(body: str) -> None:
    helper = "def load(url):\n    requests.get(url)\n\n\n"
    source = with_app(REQUESTS, f"{helper}{ENDPOINT}{body}\n")
    assert_unfixed("clients/requests", source, files=FILES, way=Way.TWIN)


@pytest.mark.parametrize(
    "client",
    [
        'httpx.AsyncClient(base_url="https://a.b")',
        "httpx.AsyncClient(headers={})",
        "httpx.AsyncClient(auth=('a', 'b'))",
        "httpx.AsyncClient(**options)",
        "make()",
        "httpx.Client()",
    ],
)
def test_a_client_that_adds_something_of_its_own_is_not_borrowed(client: str) -> None:
    imports = f"import httpx\n\nfrom elsewhere import make, options\n\nhttp = {client}"
    assert_unfixed("clients/httpx", with_app(imports, f"{ENDPOINT}httpx.get(url)\n"), way=Way.TWIN)


def test_of_two_clients_none_is_borrowed() -> None:
    imports = "import httpx\n\none = httpx.AsyncClient()\ntwo = httpx.AsyncClient()"
    assert_unfixed("clients/httpx", with_app(imports, f"{ENDPOINT}httpx.get(url)\n"), way=Way.TWIN)


def test_a_helper_keeps_requests_since_its_callers_may_catch_what_it_raises() -> None:
    source = with_app(
        REQUESTS,
        "async def load(url):\n    return requests.get(url).json()\n\n\n" + f"{ENDPOINT}return await load(url)\n",
    )
    assert_unfixed("clients/requests", source, files=FILES, way=Way.TWIN)


@pytest.mark.parametrize(
    ("caught", "told", "catches", "tells"),
    [
        ("requests.RequestException", "", "(httpx.HTTPError, httpx.InvalidURL, json.JSONDecodeError)", ""),
        ("requests.exceptions.HTTPError", "error.response.status_code", "httpx.HTTPStatusError", ""),
        ("requests.Timeout", "str(error)", "httpx.TimeoutException", ""),
        ("(requests.ReadTimeout, requests.ConnectTimeout)", "", "(httpx.ReadTimeout, httpx.ConnectTimeout)", ""),
        ("Exception", "str(error)", "Exception", ""),
    ],
)
def test_what_is_caught_has_another_name_there(caught: str, told: str, catches: str, tells: str) -> None:
    body = (
        "try:\n        answer = {call}\n        answer.raise_for_status()\n        return answer.json()\n"
        "    except {caught} as error:\n        raise HTTPException(502, {told}) from error\n"
    )
    endpoint = "from fastapi import HTTPException\n\n\n" + ENDPOINT
    told = told or '"no"'
    before = endpoint + body.format(call='requests.get("https://a.b")', caught=caught, told=told)
    call = 'await http.get("https://a.b", timeout=None, follow_redirects=True)'
    after = endpoint + body.format(call=call, caught=catches, told=tells or told)
    imports = "".join(f"import {name}\n" for name in ("json", "httpx") if f"{name}." in catches)
    above = "\n".join(part for part in (imports.replace("import httpx", "\nimport httpx"), "") if part)
    wanted = with_app(f"{above.strip()}\n\nfrom app.http import http" if above else "from app.http import http", after)
    (finding,) = assert_fixes("clients/requests", with_app(REQUESTS, before), wanted, files=FILES, way=Way.TWIN)
    assert [fix.applicability for fix in finding.alternatives if fix.way is Way.TWIN] == [Applicability.UNSAFE]


AIOHTTP = """
import aiohttp
import requests
from fastapi import Depends, FastAPI

app = FastAPI()


async def get_session():
    async with aiohttp.ClientSession() as session:
        yield session


@app.get("/")
async def home(url: str, session: aiohttp.ClientSession = Depends(get_session)):
    {body}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "return requests.get(url, timeout=5).json()",
            (
                "return await (await session.get(url, timeout=aiohttp.ClientTimeout(sock_connect=5, sock_read=5)))"
                ".json(content_type=None)"
            ),
        ),
        (
            (
                'r = requests.post(url, json={"a": 1}, allow_redirects=False)\n    if not r.ok:\n        return r.status_code\n'
                '    return r.json()["a"]'
            ),
            (
                'r = await session.post(url, json={"a": 1}, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=None))\n'
                '    if not r.ok:\n        return r.status\n    return (await r.json(content_type=None))["a"]'
            ),
        ),
        (
            "try:\n        return requests.get(url).content\n    except requests.Timeout:\n        return None",
            (
                "try:\n        return await (await session.get(url, timeout=aiohttp.ClientTimeout(total=None))).read()\n"
                "    except asyncio.TimeoutError:\n        return None"
            ),
        ),
    ],
)
def test_a_session_of_aiohttp_that_a_dependency_gives(before: str, after: str) -> None:
    wanted = AIOHTTP.format(body=after).replace("import requests\n", "")
    if "asyncio" in after:
        wanted = wanted.replace("import aiohttp", "import asyncio\n\nimport aiohttp", 1)
    assert_fixes("clients/requests", AIOHTTP.format(body=before), wanted, way=Way.TWIN)


@pytest.mark.parametrize(
    "body",
    [
        "requests.get(url)",
        "return requests.get(url).status_code",
        "r = requests.get(url)\n    if r.status_code == 200:\n        return r.json()",
        "return requests.get(url).text",
        "return requests.get(url, timeout=float(url)).json()",
        "return requests.get(url).json(strict=False)",
        "r = requests.get(url)\n    return [r.json() for _ in url], (lambda: r.json())",
    ],
)
def test_a_connection_that_would_not_be_given_back_and_the_like(body: str) -> None:
    assert_unfixed("clients/requests", AIOHTTP.format(body=body), way=Way.TWIN)


DEPENDENCY = """
import httpx
import httpx2
import requests
from fastapi import Depends, FastAPI

app = FastAPI()
http = httpx.AsyncClient()


def get_http() -> httpx2.AsyncClient:
    return shared


shared = httpx2.AsyncClient()


@app.get("/")
async def home(url: str, given: httpx2.AsyncClient = Depends(get_http)):
    return {call}.json()
"""


@pytest.mark.parametrize(
    ("client", "name"), [("", "given.get"), ("httpx2", "given.get"), ("httpx", "http.get"), ("aiohttp", "")]
)
def test_the_client_that_the_configuration_wants(client: str, name: str) -> None:
    """`http-client` says to which package calls may go; otherwise the most welcome that is at hand."""
    source = DEPENDENCY.format(call="requests.get(url)")
    options = Options(client=client)
    if not name:
        assert_unfixed("clients/requests", source, way=Way.TWIN, options=options)
        return
    call = f"(await {name}(url, timeout=None, follow_redirects=True))"
    wanted = DEPENDENCY.format(call=call).replace("import requests\n", "")
    assert_fixes("clients/requests", source, wanted, way=Way.TWIN, options=options)


@pytest.mark.parametrize(
    "given", ["httpx.AsyncClient(auth=('a', 'b'))", "request.app.state.http", "make()", "httpx.AsyncClient(**options)"]
)
def test_a_client_of_a_dependency_that_is_not_seen_to_be_made_plainly(given: str) -> None:
    source = with_app(
        "import httpx\n\nimport requests\n\nfrom elsewhere import make, options",
        f"""
        from fastapi import Depends


        def get_http(request) -> httpx.AsyncClient:
            return {given}


        @app.get("/")
        async def home(url: str, http: httpx.AsyncClient = Depends(get_http)):
            return requests.get(url).json()
        """,
    )
    assert_unfixed("clients/requests", source, way=Way.TWIN)
