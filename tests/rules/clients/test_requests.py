"""Requests on the event loop, however the session is reached."""

import pytest

from rules import Way
from tests.rules.checking import (
    Files,
    assert_clean,
    assert_fixes,
    assert_unfixed,
    assert_whole_file_fixed,
    with_app,
)

RULE = "clients/requests"

ENDPOINT = '@app.get("/")\nasync def home():\n    '


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import requests", 'requests.get("x")'),
        ("import requests", 'requests.request("GET", "x")'),
        ("import requests as r", 'r.post("x")'),
        ("from requests import get", 'get("x")'),
        ("from requests import get as fetch", 'fetch("x")'),
        ("import requests.api", 'requests.api.put("x")'),
        ("from requests import api", 'api.delete("x")'),
        ("import requests", 'requests.Session().get("x")'),
        ("import requests", 'requests.session().get("x")'),
        ("from requests.sessions import Session", 'Session().get("x")'),
        ("import requests", 'with requests.Session() as s:\n        s.get("x")'),
        ("import requests", 's = requests.Session()\n    s.headers.update({})\n    s.post("x")'),
        ("import requests", 's: requests.Session = make()\n    s.get("x")'),
        ("import requests", "s = requests.Session()\n    s.send(prepared)"),
        ("import requests", 'get = requests.get\n    get("x")'),
        ("from requests import Session as S", 'if isinstance(http, S):\n        pass\n    S().patch("x")'),
    ],
)
def test_each_spelling(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


REACHED = {
    "global of another file": ("from app.http import shared", "shared.get('x')", "shared = requests.Session()"),
    "global of a module": ("from app import http", "http.shared.get('x')", "shared = requests.Session()"),
    "annotated global": ("from app.http import shared", "shared.get('x')", "shared: requests.Session = make()"),
    "factory": ("from app.http import make", "make().get('x')", "def make():\n    return requests.Session()"),
    "annotated factory": (
        "from app.http import make",
        "make().get('x')",
        "def make() -> requests.Session:\n    return unknown()",
    ),
    "quoted annotation": (
        "from app.http import make",
        "make().get('x')",
        "def make() -> 'requests.Session':\n    return unknown()",
    ),
    "subclass": ("from app.http import Mine", "Mine().get('x')", "class Mine(requests.Session): ..."),
    "helper": ("from app.http import fetch", "fetch('x')", "def fetch(url):\n    return requests.get(url)"),
    "helper with a session": (
        "from app.http import fetch",
        "fetch(1)",
        "def fetch(http: requests.Session):\n    return http.get('x')",
    ),
    "self": (
        "from app.http import Api",
        "Api().fetch()",
        (
            "class Api:\n    def __init__(self):\n        self.http = requests.Session()\n\n"
            "    def fetch(self):\n        return self.http.get('x')"
        ),
    ),
    "self by annotation": (
        "from app.http import Api",
        "Api(1).fetch()",
        (
            "class Api:\n    def __init__(self, http: requests.Session):\n        self.http = http\n\n"
            "    def fetch(self):\n        return self.http.get('x')"
        ),
    ),
    "inherited": (
        "from app.http import Child",
        "Child().fetch()",
        (
            "class Api:\n    http = requests.Session()\n\n    def fetch(self):\n        return self.http.get('x')\n\n\n"
            "class Child(Api): ..."
        ),
    ),
    "inherited attribute": (
        "from app.http import Child",
        "Child().more()",
        (
            "class Api:\n    def __init__(self):\n        self.http = requests.Session()\n\n\n"
            "class Child(Api):\n    def more(self):\n        return self.http.get('x')"
        ),
    ),
    "walrus": (
        "from app.http import fetch",
        "fetch()",
        "def fetch():\n    if (s := requests.Session()):\n        return s.get('x')",
    ),
    "conditional": (
        "from app.http import fetch",
        "fetch(None)",
        "def fetch(s):\n    s = s or requests.Session()\n    return s.get('x')",
    ),
    "unpacked": (
        "from app.http import fetch",
        "fetch()",
        "def fetch():\n    s, n = requests.Session(), 1\n    return s.get('x')",
    ),
    "dependency of FastAPI": (
        "from app.http import Http",
        "Http()",
        "class Http:\n    def __init__(self):\n        requests.get('x')",
    ),
    "optional": (
        "from app.http import fetch",
        "fetch(None)",
        "def fetch(s: requests.Session | None = None):\n    return s.get('x')",
    ),
    "typing.Optional": (
        "from app.http import fetch",
        "fetch(None)",
        "from typing import Optional\n\ndef fetch(s: Optional[requests.Session] = None):\n    return s.get('x')",
    ),
    "list": (
        "from app.http import fetch",
        "fetch([])",
        "def fetch(many: list[requests.Session]):\n    for s in many:\n        s.get('x')",
    ),
    "re-exported": ("from app.facade import fetch", "fetch('x')", "def fetch(url):\n    return requests.get(url)"),
    "re-exported by a star": (
        "from app.stars import fetch",
        "fetch('x')",
        "def fetch(url):\n    return requests.get(url)",
    ),
    "module attribute": ("import app.http as h", "h.fetch('x')", "def fetch(url):\n    return requests.get(url)"),
    "inner function called": (
        "from app.http import fetch",
        "fetch()",
        "def fetch():\n    def inner():\n        return requests.get('x')\n    return inner()",
    ),
    "lambda called": ("from app.http import fetch", "fetch('x')", "fetch = lambda url: requests.get(url)"),
    "partial": (
        "from app.http import fetch",
        "fetch()",
        "import functools\n\nfetch = functools.partial(requests.get, 'x')",
    ),
    "mutual recursion": (
        "from app.http import even",
        "even(3)",
        "def even(n):\n    return odd(n - 1)\n\ndef odd(n):\n    requests.get('x')\n    return even(n - 1)",
    ),
}


@pytest.mark.parametrize(
    ("imports", "call", "helpers"),
    [pytest.param(*case, id=name) for name, case in REACHED.items()],
)
def test_each_way_of_reaching(imports: str, call: str, helpers: str) -> None:
    files: Files = {
        "app/__init__.py": "",
        "app/http.py": f"import requests\n\n{helpers}\n",
        "app/facade.py": "from .http import fetch as fetch\n" if "def fetch(url)" in helpers else "",
        "app/stars.py": "from .http import *\n",
    }
    before = with_app("", f"{imports}\n\n\n{ENDPOINT}return {call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


@pytest.mark.parametrize(
    ("parameter", "made"),
    [
        ("http: requests.Session = Depends(make)", "def make():\n    return unknown()"),
        ("http=Depends(make)", "def make():\n    return requests.Session()"),
        ("http=Depends(make)", "def make():\n    yield requests.Session()"),
        ("http=Depends(make)", "async def make():\n    yield requests.Session()"),
        ("http=Depends(make)", "async def make():\n    return requests.Session()"),
        ("http=Depends(make)", "def make() -> Iterator[requests.Session]:\n    yield unknown()"),
        ("http=Depends(make)", "def make():\n    with requests.Session() as s:\n        yield s"),
        ("http: Annotated[requests.Session, Depends(make)]", "def make(): ..."),
        ("http: Annotated[Any, Depends(make)]", "def make():\n    return requests.Session()"),
        ("http: Http", "def make(): ...\n\n\nHttp = Annotated[requests.Session, Depends(make)]"),
        ("http: Http", "def make():\n    yield requests.Session()\n\n\nHttp = Annotated[Any, Depends(make)]"),
        ("http: 'Http'", "def make(): ...\n\n\nHttp: TypeAlias = Annotated[requests.Session, Depends(make)]"),
        ("http=Depends(Make())", "class Make:\n    def __call__(self):\n        return requests.Session()"),
        ("http=Depends(lambda: requests.Session())", ""),
    ],
)
def test_each_way_of_injection(parameter: str, made: str) -> None:
    source = f"""
import requests
from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias
from fastapi import Depends, FastAPI

from elsewhere import unknown

app = FastAPI()


{made}


@app.get("/")
async def home({parameter}):
    return http.get("x").json()
"""
    assert_fixes(RULE, source, source.replace("async def home", "def home"))


def test_an_annotated_alias_in_another_file() -> None:
    before = with_app(
        "", f"from .deps import Http\n\n\n{ENDPOINT}".replace("home()", "home(http: Http)") + "http.get('x')\n"
    )
    assert_fixes(
        RULE,
        before,
        before.replace("async def", "def"),
        files={
            "app/__init__.py": "",
            "app/deps.py": """
                from typing import Annotated

                import requests
                from fastapi import Depends

                from .http import make

                Http = Annotated[requests.Session, Depends(make)]
            """,
            "app/http.py": "def make(): ...\n",
        },
    )


def test_a_chain_of_dependencies() -> None:
    before = with_app(
        "import requests\nfrom fastapi import Depends",
        """
        class Api:
            def __init__(self, http: requests.Session):
                self.http = http

            def user(self):
                return self.http.get("x")


        def session():
            return requests.Session()


        def api(http=Depends(session)):
            return Api(http)


        @app.get("/")
        async def home(api=Depends(api)):
            return api.user()
        """,
    )
    assert_fixes(RULE, before, before.replace("async def", "def"))


def test_each_dependency_that_blocks_is_told() -> None:
    before = with_app(
        "import requests\nfrom fastapi import Depends",
        """
        async def user():
            return requests.get("x")


        async def tenant(user=Depends(user)):
            return requests.get("y")


        @app.get("/", dependencies=[Depends(tenant)])
        async def home():
            return 1
        """,
    )
    findings = assert_fixes(
        RULE, before, before.replace("async def user", "def user").replace("async def tenant", "def tenant")
    )
    assert [f.function for f in findings] == ["user", "tenant"]
    assert all("in the dependency" in f.message for f in findings)


@pytest.mark.parametrize(
    "body",
    [
        "return await run_in_threadpool(requests.get, 'x')",
        "return await asyncio.to_thread(requests.get, 'x')",
        "return await asyncio.to_thread(lambda: requests.get('x'))",
        "return requests.get",
        "return requests.codes.ok",
        "return requests.Request('GET', 'x').prepare()",
        "s = requests.Session()\n    s.headers.update({})\n    s.close()",
        "return isinstance(x, requests.Response)",
        "try:\n        pass\n    except requests.RequestException:\n        raise",
        "return await httpx.AsyncClient().get('x')",
        "async with aiohttp.ClientSession() as s:\n        return await s.get('x')",
        "return unknown.get('x')",
        "return await requests.get('x')",
        "requests = {}\n    return requests.get('x')",
        "session = unknown\n    return session.get('x')",
        "session = requests.Session()\n    session = unknown()\n    return session.get('x')",
        "return {}.get('x')",
        "for requests in ():\n        requests.get('x')",
        "with unknown() as requests:\n        requests.get('x')",
        "try:\n        pass\n    except ValueError as requests:\n        requests.get('x')",
        "requests, n = unknown()\n    requests.get('x')",
        "from elsewhere import requests\n    return requests.get('x')",
        "def requests(): ...\n    return requests.get('x')",
        "match x:\n        case requests:\n            requests.get('x')",
        "return [requests.get('x') for requests in unknown]",
    ],
)
def test_left_alone(body: str) -> None:
    imports = """
        import asyncio

        import aiohttp
        import httpx
        import requests
        from fastapi.concurrency import run_in_threadpool

        from elsewhere import unknown, x
    """
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "parameter", ["requests", "requests=None", "*requests", "**requests", "requests: dict[str, str]"]
)
def test_a_parameter_of_that_name_is_left_alone(parameter: str) -> None:
    assert_clean(
        RULE, with_app("import requests", f'@app.get("/")\nasync def home({parameter}):\n    requests.get("x")\n')
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/requests.py", "def get(url): ...\n"),
        ("requests.py", "def get(url): ...\n"),
        ("requests/__init__.py", "def get(url): ...\n"),
    ],
)
def test_a_module_of_the_project_by_that_name_is_left_alone(path: str, text: str) -> None:
    """`app/requests.py` is what `import requests` means only for a script in `app`; there it may be, so nothing is said."""
    source = with_app("import requests", f"{ENDPOINT}requests.get('x')\n")
    assert_clean(RULE, source, files={path: text})


def test_a_relative_module_of_that_name_is_left_alone() -> None:
    source = with_app("", f"from . import requests\n\n\n{ENDPOINT}requests.get('x')\n")
    assert_clean(RULE, source, files={"app/__init__.py": "", "app/requests.py": "def get(url): ...\n"})


def test_a_folder_of_that_name_is_no_rival() -> None:
    """Without `__init__.py` an installed package comes first."""
    before = with_app("import requests", f"{ENDPOINT}requests.get('x')\n")
    assert_fixes(
        RULE, before, before.replace("async def", "def"), files={"requests/get.py": "x = 1\n", "app/__init__.py": ""}
    )


def test_a_streamed_response_is_advice_only() -> None:
    assert_unfixed(
        RULE,
        with_app(
            "import requests",
            '@app.get("/")\nasync def home(request):\n    url = await request.json()\n'
            "    return requests.get(url, stream=True).iter_content()\n",
        ),
        way=Way.OFFLOAD,
    )


def test_everything_in_one_endpoint() -> None:
    """Twin, offload and repair go together in one function."""
    after = assert_whole_file_fixed(
        with_app(
            "import subprocess\nimport time\nfrom pathlib import Path\n\nimport requests",
            """
            async def audit(action): ...


            @app.post("/")
            async def home(request, name: str):
                body = await request.json()
                time.sleep(1)
                audit("order")
                text = Path(name).read_text().strip()
                done = subprocess.run(["date"], check=True).stdout
                return [requests.get(u, data=text).json() for u in body], done
            """,
        )
    ).decode()
    assert "await asyncio.sleep(1)" in after
    assert "await audit" in after
    assert "(await anyio.Path(name).read_text()).strip()" in after
    assert "(await run_in_threadpool(subprocess.run" in after
    assert "[(await run_in_threadpool(requests.get, u, data=text)).json() for u in body]" in after
