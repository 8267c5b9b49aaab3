"""Where functions run, and what they come to block in."""

from itertools import permutations

import pytest

from rules import analyze, read_facts
from rules.core.catalog import engine
from rules.core.contexts import Contexts
from rules.core.library import Role
from rules.core.project import Project
from rules.core.repository import is_offline
from rules.core.values import ProjectFunction
from tests.rules.checking import Files, encoded, found, not_yet, with_app

ALIAS = not_yet("a registration that is assigned to another name is overlooked")

EQUALLY_NEAR = """
import subprocess
import time

def other():
    second()
    first()

def outer():
    first()
    second()

def second():
    run()

def first():
    sleep()

def run():
    subprocess.run("make")

def sleep():
    time.sleep(1)
"""


def contexts(files: Files) -> Contexts:
    facts = {path: read_facts(encoded(text)) for path, text in files.items()}
    assert not any(f.problem for f in facts.values())
    return Contexts(Project(facts, engine().knowledge))


def roots(source: str) -> dict[str, tuple[Role, str]]:
    """Role and route by the qualified name of each root."""
    made = contexts({"app/main.py": source})
    return {made.project.function(root.function).qualname: (root.role, root.route) for root in made.roots}


def on_loop(files: Files) -> set[str]:
    made = contexts(files)
    return {made.project.function(function).qualname for function in made.loop}


@pytest.mark.parametrize(
    ("header", "role", "route"),
    [
        ('@app.get("/a")', Role.ENDPOINT, "GET /a"),
        ('@app.post(path="/a")', Role.ENDPOINT, "POST /a"),
        ('@app.delete("/a/{b}")', Role.ENDPOINT, "DELETE /a/{b}"),
        ("@app.put(PATH)", Role.ENDPOINT, "PUT …"),
        ('@app.get("")', Role.ENDPOINT, "GET /"),
        ('@app.api_route("/a", methods=["GET"])', Role.ENDPOINT, "GET /a"),
        ('@app.api_route("/a", methods=["GET", "post"])', Role.ENDPOINT, "GET, POST /a"),
        ('@app.api_route("/a")', Role.ENDPOINT, "GET /a"),
        ('@app.api_route("/a", methods=METHODS)', Role.ENDPOINT, "ANY /a"),
        ('@app.api_route("/a", methods=["GET", PATH])', Role.ENDPOINT, "ANY /a"),
        ('@app.api_route("/a", **unknown)', Role.ENDPOINT, "ANY /a"),
        ('@app.route("/a", ["POST"])', Role.ENDPOINT, "ANY /a"),
        ('@app.websocket("/ws")', Role.WEBSOCKET, "WS /ws"),
        ('@app.middleware("http")', Role.MIDDLEWARE, ""),
        ("@app.exception_handler(404)", Role.HANDLER, ""),
        ('@app.on_event("startup")', Role.STARTUP, ""),
        ('@fastapi.FastAPI().get("/a")', Role.ENDPOINT, "GET /a"),
        ('@router.get("/a")', Role.ENDPOINT, "GET /v1/a"),
        ('@again.get("/a")', Role.ENDPOINT, "GET /v1/a"),
        ('@typed.get("/a")', Role.ENDPOINT, "GET /a"),
        ('@sub.get("/a")', Role.ENDPOINT, "GET /a"),
        ('@made().get("/a")', Role.ENDPOINT, "GET /a"),
        ('@holder.app.get("/a")', Role.ENDPOINT, "GET /a"),
    ],
)
def test_registrations_by_decorator(header: str, role: Role, route: str) -> None:
    source = f"""
import fastapi
from fastapi import APIRouter, FastAPI
from elsewhere import unknown

app = FastAPI()
router = APIRouter(prefix="/v1")
again = router
typed: FastAPI = unknown()


class Mine(FastAPI): ...


class Holder:
    def __init__(self):
        self.app = FastAPI()


sub = Mine()
holder = Holder()
PATH = "/x" + "y"


def made() -> APIRouter: ...


{header}
async def f(): ...
"""
    if header.startswith("@again"):
        assert roots(source)["f"][0] is role  # the prefix of an alias is not followed
    else:
        assert roots(source)["f"] == (role, route)


@pytest.mark.parametrize(
    "header", ['@unknown.get("/a")', "@app.get", '@cache.get("/a")', "@staticmethod", '@client.get("/a")', "@unknown"]
)
def test_what_is_no_registration(header: str) -> None:
    source = f"from elsewhere import unknown, client\n{with_app('', f'cache = {{}}{chr(10)}{header}{chr(10)}async def f(): ...')}"
    assert "f" not in roots(source)


@pytest.mark.parametrize(
    ("imports", "depends"),
    [
        ("from fastapi import FastAPI\nimport fastapi.params", "fastapi.params.Depends"),
        ("import fastapi as api\nFastAPI = api.FastAPI", "api.Depends"),
        ("from fastapi import FastAPI, Depends as D", "D"),
        pytest.param("import fastapi as api\nFastAPI, D = api.FastAPI, api.Depends", "D", marks=ALIAS),
        ("from fastapi import FastAPI\nfrom fastapi.params import Depends as D", "D"),
    ],
)
def test_registrations_under_other_names(imports: str, depends: str) -> None:
    source = f"{imports}\napp = FastAPI()\ndef dep(): ...\n@app.get('/')\nasync def f(x={depends}(dep)): ...\n"
    assert roots(source)["dep"][0] is Role.DEPENDENCY


@pytest.mark.parametrize(
    ("given", "route"),
    [
        ('app.add_api_route("/a", one)', "GET /a"),
        ('app.add_api_route("/a", one, methods=["POST"])', "POST /a"),
        ('app.add_api_route("/a", endpoint=one, methods=("GET", "PUT"))', "GET, PUT /a"),
        ('app.add_api_route("/a", one, methods=None)', "ANY /a"),
        ('app.add_route("/a", one, ["POST"])', "ANY /a"),
        ('app.add_route("/a", one)', "GET /a"),
        ('app.add_route("/a", Many)', "ANY /a"),
    ],
)
def test_routes_that_are_added_go_by_their_methods(given: str, route: str) -> None:
    """https://fastapi.tiangolo.com/reference/fastapi/#fastapi.FastAPI.add_api_route and https://www.starlette.io/routing/"""
    source = f"from fastapi import FastAPI\napp = FastAPI()\nasync def one(): ...\nclass Many:\n    async def get(self, request): ...\n{given}\n"
    assert {route for _, route in roots(source).values()} == {route}


def test_a_method_as_endpoint_and_as_dependency() -> None:
    source = """
    from fastapi import APIRouter, Depends

    class Items:
        def __init__(self):
            self.router = APIRouter()
            self.router.add_api_route("/items", self.list, methods=["GET"])

        async def list(self, x=Depends(other)): ...

    class Guard:
        async def check(self): ...

    guard = Guard()

    async def other(x=Depends(guard.check)): ...
    """
    assert {"Items.list", "other", "Guard.check"} <= roots(source).keys()


def test_a_function_made_by_another_one_as_dependency() -> None:
    source = """
    from fastapi import Depends, FastAPI

    app = FastAPI()

    def require(role):
        async def checked(): ...
        return checked

    @app.get("/", dependencies=[Depends(require("admin"))])
    async def home(): ...
    """
    assert roots(source)["require.checked"][0] is Role.DEPENDENCY


def test_routers_are_followed_through_files() -> None:
    files: Files = {
        "app/__init__.py": "",
        "app/main.py": "from fastapi import FastAPI\nfrom .api import router\napp = FastAPI()\n"
        "app.include_router(router, prefix='/api')\n",
        "app/api.py": "from fastapi import APIRouter\nfrom . import users\nrouter = APIRouter(prefix='/v2')\n"
        "router.include_router(users.router, prefix='/people')\n",
        "app/users.py": "from fastapi import APIRouter\nrouter = APIRouter(prefix='/users')\n"
        "@router.get('/{id}')\nasync def user(id): ...\n",
    }
    (root,) = contexts(files).roots
    assert root.route == "GET /api/v2/people/users/{id}"


def test_routers_that_include_each_other_end() -> None:
    source = (
        "from fastapi import APIRouter\na = APIRouter(prefix='/a')\nb = APIRouter(prefix='/b')\n"
        "a.include_router(b)\nb.include_router(a)\n@a.get('/x')\nasync def f(): ...\n"
    )
    assert roots(source)["f"][1].endswith("/a/x")


def test_loop_and_thread() -> None:
    files: Files = {
        "app/__init__.py": "",
        "app/main.py": """
            from fastapi import Depends, FastAPI
            from fastapi.concurrency import run_in_threadpool
            from .work import on_loop, in_thread, handed, both

            app = FastAPI()

            async def dependency(): ...
            def threaded_dependency(): ...

            @app.get("/")
            async def endpoint(x=Depends(dependency), y=Depends(threaded_dependency)):
                on_loop()
                both()
                await run_in_threadpool(handed)

            @app.get("/t")
            def threaded():
                in_thread()
                both()
        """,
        "app/work.py": """
            def on_loop(): deeper()
            def deeper(): ...
            def in_thread(): ...
            def handed(): ...
            def both(): ...
            def unused(): ...
        """,
    }
    assert on_loop(files) == {"dependency", "endpoint", "on_loop", "deeper", "both"}


def test_a_def_middleware_runs_on_the_loop() -> None:
    source = with_app("", '@app.middleware("http")\ndef m(request, call_next):\n    return call_next(request)\n')
    assert on_loop({"app/main.py": source}) == {"m"}


def test_startup_is_not_served_code() -> None:
    source = with_app("", '@app.on_event("startup")\nasync def start():\n    prepare()\n\n\ndef prepare(): ...\n')
    assert on_loop({"app/main.py": source}) == set()


def test_lifespan_is_startup() -> None:
    source = (
        "import contextlib\nimport time\nfrom fastapi import FastAPI\n@contextlib.asynccontextmanager\n"
        "async def lifespan(app):\n    time.sleep(1)\n    yield\n\napp = FastAPI(lifespan=lifespan)\n"
    )
    assert not found("blocking/sleep", source)


@pytest.mark.parametrize(
    ("path", "offline"),
    [
        ("tests/x.py", True),
        ("app/tests/x.py", True),
        ("test/x.py", True),
        ("app/test_x.py", True),
        ("app/x_test.py", True),
        ("conftest.py", True),
        ("alembic/versions/1.py", True),
        ("app/migrations/0001.py", True),
        ("app/contest.py", False),
        ("app/latest_x.py", False),
        ("app/attest.py", False),
        ("attests/x.py", False),
        ("app/testimonials/x.py", False),
        ("app/testing/x.py", True),
    ],
)
def test_offline_places(path: str, offline: bool) -> None:
    assert is_offline(path) is offline


def test_versions_of_an_api_are_served() -> None:
    assert not is_offline("app/api/versions/v1.py")


@pytest.mark.parametrize(
    ("source", "concerned"),
    [
        ("", False),
        ("import fastapi\n", False),
        ("def f(): ...\n", False),
        (with_app("", '@app.get("/")\ndef f(): ...\n'), True),
        ("from fastapi import APIRouter\nr = APIRouter()\n@r.get('/')\nasync def f(): ...\n", True),
        ("from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef f(): ...\n", False),
    ],
)
def test_whether_a_repository_concerns_fastapi(source: str, concerned: bool) -> None:
    assert analyze({"app.py": read_facts(source.encode())}, {}).concerns_fastapi is concerned


CACHED = "import time\nfrom functools import cache, lru_cache\n"


@pytest.mark.parametrize(
    ("helper", "call"),
    [
        ("@lru_cache\ndef helper():\n    time.sleep(1)\n", "helper()"),
        ("@lru_cache(maxsize=1)\ndef helper():\n    time.sleep(1)\n", "helper()"),
        ("@cache\ndef kept():\n    time.sleep(1)\n\n\ndef helper():\n    return kept()\n", "helper()"),
        ("class Kept:\n    @classmethod\n    @cache\n    def make(cls):\n        time.sleep(1)\n", "Kept.make()"),
        ("@lru_cache\ndef helper(name):\n    time.sleep(1)\n", 'helper("a")'),
        (
            "@lru_cache\ndef kept(**given):\n    time.sleep(1)\n\n\ndef helper():\n    return kept(**dict(a=1))\n",
            "helper()",
        ),
        (
            (
                "@lru_cache\ndef kept(key, host):\n    time.sleep(1)\n\n\n"
                "def helper(key='a'):\n    return kept(key, CACHED.host)\n"
            ),
            "helper()",
        ),
    ],
)
def test_what_blocks_once_a_process_is_left_alone(helper: str, call: str) -> None:
    assert not found(
        "blocking/sleep", with_app(CACHED, f'{helper}\n\n@app.get("/")\nasync def home():\n    return {call}\n')
    )


@pytest.mark.parametrize(
    ("helper", "call"),
    [
        ("@lru_cache\ndef helper(name):\n    time.sleep(1)\n", "helper(name)"),
        (
            "@lru_cache\ndef kept(key):\n    time.sleep(1)\n\n\ndef helper(key='a'):\n    return kept(key)\n",
            "helper(name.lower())",
        ),
        ("@unknown\ndef helper():\n    time.sleep(1)\n", "helper()"),
        ("class Kept:\n    @cache\n    def make(self):\n        time.sleep(1)\n", "Kept().make()"),
    ],
)
def test_what_a_cache_runs_again_is_found(helper: str, call: str) -> None:
    source = f'{helper}\n\n@app.get("/{{name}}")\nasync def home(name: str):\n    return {call}\n'
    assert found("blocking/sleep", with_app(CACHED, source))


def test_a_router_that_a_function_imports_keeps_its_prefix() -> None:
    files = {
        "configure.py": """
        def configure(app):
            from chat import api
            app.include_router(api, prefix="/api/chat")
        """
    }
    chat = """
    import time

    from fastapi import APIRouter

    api = APIRouter()


    @api.get("")
    async def chat():
        time.sleep(1)
    """
    (finding,) = found("blocking/sleep", chat, files, path="chat.py")
    assert "in `GET /api/chat`" in finding.message


def test_a_root_of_which_no_route_is_known_is_called_by_its_name() -> None:
    source = """
    import time

    from starlette.endpoints import WebSocketEndpoint


    class Chat(WebSocketEndpoint):
        async def on_receive(self, websocket, data):
            time.sleep(1)
    """
    (finding,) = found("blocking/sleep", source)
    assert finding.message.startswith("`time.sleep` blocks the event loop in the websocket `Chat.on_receive`:")


_ASKING = """
class Client:
    def __init__(self, cached: bool = False) -> None:
        self.cached = cached
        if self.cached:
            time.sleep(1)


@app.get("/")
async def home():
    return Client({given})
"""


@pytest.mark.parametrize("given", ["", "False", "cached=False"])
def test_what_an_attribute_of_the_same_call_rules_out_is_left_alone(given: str) -> None:
    assert not found("blocking/sleep", with_app("import time", _ASKING.format(given=given)))


@pytest.mark.parametrize("given", ["True", "cached=unknown()"])
def test_what_an_attribute_of_the_same_call_asks_for_is_found(given: str) -> None:
    assert found(
        "blocking/sleep", with_app("import time\n\nfrom elsewhere import unknown", _ASKING.format(given=given))
    )


@pytest.mark.parametrize("order", list(permutations(("first", "second", "outer", "other"))))
def test_of_two_that_are_as_near_the_first_call_tells_whatever_was_asked_before(order: tuple[str, ...]) -> None:
    made = contexts({"app/main.py": EQUALLY_NEAR})
    places = {function.name: index for index, function in enumerate(made.project.facts["app/main.py"].functions)}
    sinks = {name: made.sink(ProjectFunction("app/main.py", places[name])) for name in order}
    names = {name: sink.name for name, sink in sinks.items() if sink is not None}
    assert names == {
        "first": "time.sleep",
        "second": "subprocess.run",
        "outer": "time.sleep",
        "other": "subprocess.run",
    }
