"""Calls that make a client for themselves, in a file that has an asynchronous one already."""

import pytest

from rules import Applicability, Way
from tests.rules.checking import assert_fixes, assert_unfixed, with_app

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
        "r = requests.get(url)\n    if r:\n        print(r.json())",
        "r = requests.get(url)\n    print(r)",
        "return requests.get(url)",
        "try:\n        requests.get(url)\n    except requests.Timeout:\n        pass",
        "try:\n        requests.get(url)\n    except OSError:\n        pass",
    ],
)
def test_what_means_something_else_there_is_left_to_threads(body: str) -> None:
    source = with_app(REQUESTS, f"{ENDPOINT}{body}\n")
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
