"""A session of Requests that is kept, exchanged for the asynchronous client that the project has."""

import pytest

from rules import Applicability, Options, Way
from tests.rules.checking import EVERYTHING, assert_fixes, assert_unfixed, found, with_app

RULE = "clients/requests"
HAS = {"app/__init__.py": "", "app/other.py": "import httpx\n\nclient = httpx.AsyncClient()\n"}
AIOHTTP = {
    "app/__init__.py": "",
    "app/other.py": "import aiohttp\n\n\nasync def make():\n    return aiohttp.ClientSession()\n",
}
SESSION = "import requests\n\nsession = requests.Session()"
CLIENT = "import httpx\n\nsession = httpx.AsyncClient(timeout=None, follow_redirects=True)"
ENDPOINT = '@app.get("/")\nasync def home(url: str):\n    await pause()\n    '
PAUSE = "async def pause(): ...\n\n\n"


def _text(imports: str, body: str, *, endpoint: str = ENDPOINT) -> str:
    return with_app(imports, f"{PAUSE}{endpoint}{body}\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return session.get(url).json()", "return (await session.get(url)).json()"),
        ('session.post("https://a.b", json={})', 'await session.post("https://a.b", json={})'),
        (
            "return session.head(url).status_code",
            "return (await session.head(url, follow_redirects=False)).status_code",
        ),
        (
            "session.get(url, allow_redirects=False, timeout=3)",
            "await session.get(url, follow_redirects=False, timeout=3)",
        ),
        (
            'session.headers.update({"X": "y"})\n    r = session.get(url)\n    r.raise_for_status()\n    return r.content',
            'session.headers.update({"X": "y"})\n    r = await session.get(url)\n    r.raise_for_status()\n    return r.content',
        ),
        ('session.get(url, headers={"X": f"Bearer {url}"})', 'await session.get(url, headers={"X": f"Bearer {url}"})'),
        (
            "return session.request('PUT', url, json={}).status_code",
            "return (await session.request('PUT', url, json={})).status_code",
        ),
        ("session.get(url)\n    session.close()", "await session.get(url)\n    await session.aclose()"),
    ],
)
def test_a_session_of_the_module(before: str, after: str) -> None:
    (finding, *_) = assert_fixes(RULE, _text(SESSION, before), _text(CLIENT, after), files=HAS, way=Way.TWIN)
    (fix,) = (fix for fix in (finding.fix, *finding.alternatives) if fix is not None and fix.way is Way.TWIN)
    assert fix.applicability is Applicability.UNSAFE
    assert "requests.RequestException" in fix.notes[0]
    assert fix.requires == ()


@pytest.mark.parametrize(("call", "is_told"), [("session.put(url, json={})", True), ("session.put(url)", False)])
def test_what_httpx_writes_otherwise_is_told_where_it_is_written(call: str, is_told: bool) -> None:
    (finding,) = found(RULE, _text(SESSION, call), HAS)
    notes = [note for fix in finding.alternatives if fix.way is Way.TWIN for note in fix.notes]
    assert any("without spaces" in note for note in notes) == is_told


def test_a_session_that_the_module_gives_headers() -> None:
    told = '\nsession.headers.update({"X": "y"})'
    before, after = _text(SESSION + told, "session.get(url)"), _text(CLIENT + told, "await session.get(url)")
    assert_fixes(RULE, before, after, files=HAS, way=Way.TWIN)


def test_what_several_calls_raise_is_caught_once() -> None:
    body = (
        "try:\n        r = {call}\n        r.raise_for_status()\n        {other}\n"
        "    except {error} as error:\n        return str(error)\n"
    )
    before = body.format(call="session.get(url)", other="session.delete(url)", error="requests.HTTPError")
    after = body.format(call="await session.get(url)", other="await session.delete(url)", error="httpx.HTTPStatusError")
    assert_fixes(RULE, _text(SESSION, before), _text(CLIENT, after), files=HAS, way=Way.TWIN)


def test_a_session_of_an_object_that_the_module_makes() -> None:
    body = (
        "class Api:\n    def __init__(self) -> None:\n        self.session = requests.Session()\n\n"
        "    def load(self, url: str):\n        return self.session.get(url).json()\n\n\n"
        'api = Api()\n\n\n@app.get("/")\ndef home(url: str):\n    return api.load(url)\n'
    )
    turned = (
        body.replace("requests.Session()", "httpx.AsyncClient(timeout=None, follow_redirects=True)")
        .replace("    def load", "    async def load")
        .replace("self.session.get(url)", "(await self.session.get(url))")
        .replace("def home", "async def home")
        .replace("return api", "return await api")
    )
    before, after = with_app("import requests", body), with_app("import httpx", turned)
    assert_fixes("endpoints/upstream", before, after, files=HAS, options=EVERYTHING)


def test_a_session_that_is_opened_for_a_request_is_one_of_aiohttp() -> None:
    """It is made in no time; a client of HTTPX takes too long to be made on the event loop."""
    before = "with requests.Session() as s:\n        r = s.get(url, timeout=3)\n        return r.json(), r.status_code"
    after = (
        "async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), "
        "cookie_jar=aiohttp.CookieJar(unsafe=True), trust_env=True) as s:\n"
        "        r = await s.get(url, timeout=aiohttp.ClientTimeout(sock_connect=3, sock_read=3))\n"
        "        return await r.json(content_type=None), r.status"
    )
    assert_fixes(RULE, _text("import requests", before), _text("import aiohttp", after), files=AIOHTTP, way=Way.TWIN)
    assert_unfixed(RULE, _text("import requests", before), HAS, way=Way.TWIN)


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        (SESSION, "session.get(url, stream=True)"),
        (SESSION, "session.get(url, verify=False)"),
        (SESSION, "session.get(url, params=url)"),
        (SESSION, "return session.get(url).text"),
        (SESSION, "return session.get(url)"),
        (SESSION, "session.request(verb, url)"),
        (SESSION, "session.request('GET', url, stream=True)"),
        (SESSION, "session.headers.update({'X': url})\n    session.get(url)"),
        (SESSION, "session.headers['X'] = url\n    session.get(url)"),
        (SESSION, "session.verify = False\n    session.get(url)"),
        (SESSION, "session.cookies.get('a')\n    session.get(url)"),
        (SESSION, "session.get(url)\n    print(session)"),
        (SESSION, "try:\n        session.get(url)\n    except OSError:\n        pass"),
        (SESSION, "try:\n        session.get(url)\n    except requests.exceptions.SSLError:\n        pass"),
        (f"{SESSION}\nsession.mount('https://', adapter())", "session.get(url)"),
        (f"{SESSION}\nsession.get('https://a.b')", "session.get(url)"),
        (f"{SESSION}\nsession.headers.update({{'X': 1}})", "session.get(url)"),
        (f"{SESSION}\nsession.headers.update(more())", "session.get(url)"),
        (f"{SESSION}\nseen = session.headers.update({{}})", "session.get(url)"),
        (f"{SESSION}\nother = session", "session.get(url)"),
        (f"{SESSION}\n\n\ndef more(s=session):\n    return s.get('x')", "session.get(url)"),
        (f"{SESSION}\n\n\ndef text(url):\n    return session.get(url).text", "session.get(url)"),
        ("import requests", "s = requests.Session()\n    s.get(url)"),
        ("from requests_oauthlib import OAuth2Session\n\nsession = OAuth2Session('x')", "session.get(url)"),
        (f"{SESSION}\nif True:\n    session = requests.Session()", "session.get(url)"),
    ],
)
def test_what_has_no_counterpart_is_left_to_threads(imports: str, body: str) -> None:
    assert_unfixed(RULE, _text(imports, body), HAS, way=Way.TWIN)


@pytest.mark.parametrize(
    "more",
    [
        "@app.exception_handler(requests.RequestException)\nasync def failed(request, error):\n    return None\n",
        "@app.exception_handler(OSError)\nasync def failed(request, error):\n    return None\n",
    ],
)
def test_what_a_handler_of_the_application_catches_is_not_raised_anew(more: str) -> None:
    source = f"{_text(SESSION, 'session.get(url)')}\n\n{more}"
    assert_unfixed(RULE, source, HAS, way=Way.TWIN)
    assert_fixes(
        RULE,
        source.replace(more.partition("(")[2].partition(")")[0], "ValueError2"),
        source.replace(more.partition("(")[2].partition(")")[0], "ValueError2")
        .replace(SESSION, CLIENT)
        .replace("session.get", "await session.get"),
        files=HAS,
        way=Way.TWIN,
    )


@pytest.mark.parametrize("call", ["load(url)", "try:\n        load(url)\n    except Exception:\n        pass"])
def test_a_helper_is_asked_who_catches_what_it_raises(call: str) -> None:
    load = "def load(url: str):\n    session.get(url)\n\n\n"
    before = _text(
        SESSION, call, endpoint=load + ENDPOINT.replace("async def", "def").replace("    await pause()\n", "")
    )
    findings = found("endpoints/upstream", before, HAS, options=EVERYTHING)
    assert bool(findings) == ("try" not in call)


def test_each_request_would_make_a_client_of_its_own() -> None:
    body = (
        "from fastapi import Depends\n\n\n"
        "class Api:\n    def __init__(self) -> None:\n        self.session = requests.Session()\n\n"
        "    def load(self, url: str):\n        return self.session.get(url).json()\n\n\n"
        '@app.get("/")\ndef home(url: str, api: Api = Depends()):\n    return api.load(url)\n'
    )
    assert not found("endpoints/upstream", with_app("import requests", body), HAS, options=EVERYTHING)


def test_a_project_without_an_asynchronous_client_keeps_its_own() -> None:
    test = {"tests/test_app.py": "import httpx\n\nclient = httpx.AsyncClient()\n", "app/__init__.py": ""}
    assert_unfixed(RULE, _text(SESSION, "session.get(url)"), test, way=Way.TWIN)


@pytest.mark.parametrize("package", ["httpx2", "httpx"])
def test_the_client_that_the_configuration_wants_has_to_be_installed(package: str) -> None:
    client = CLIENT.replace("httpx", package)
    (finding,) = assert_fixes(
        RULE,
        _text(SESSION, "session.get(url)"),
        _text(client, "await session.get(url)"),
        way=Way.TWIN,
        options=Options(client=package),
    )
    (fix,) = (fix for fix in (finding.fix, *finding.alternatives) if fix is not None and fix.way is Way.TWIN)
    assert fix.requires == (package,)


def test_a_client_of_aiohttp_cannot_be_kept_by_a_module() -> None:
    assert_unfixed(RULE, _text(SESSION, "session.get(url)"), AIOHTTP, way=Way.TWIN)
