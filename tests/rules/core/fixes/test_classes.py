"""Methods of objects that dependencies give: asynchronous with all that call them, or not at all."""

import pytest

from tests.rules.checking import (
    EVERYTHING,
    analysed,
    assert_clean,
    assert_fixes,
    assert_unfixed,
    assert_whole_file_fixed,
    project,
    with_app,
)

RULE = "endpoints/upstream"
IMPORTS = """
from typing import Annotated

import redis
from fastapi import Depends, Request

store = redis.Redis()
"""
SERVICE = """
class Service:
    def __init__(self, key: str = "a") -> None:
        self.key = key

    def read(self) -> bytes:
        return store.get(self.key)

    def both(self) -> list[bytes]:
        return [self.read(), store.get("b")]


"""
GIVEN = """
def get_service() -> Service:
    return Service("b")


"""


def _turned(text: str) -> str:
    for old, new in (
        ("import redis", "import redis.asyncio"),
        ("redis.Redis()", "redis.asyncio.Redis()"),
        ("def read", "async def read"),
        ("def both", "async def both"),
        ("def home", "async def home"),
        ("def __call__", "async def __call__"),
        ("return store.get", "return await store.get"),
        ("self.read(), store.get", "await self.read(), await store.get"),
        ("service.both()", "await service.both()"),
        ("service.read()", "await service.read()"),
    ):
        text = text.replace(old, new)
    return text


def _text(body: str) -> str:
    return with_app(IMPORTS, f"{body.lstrip()}\n")


@pytest.mark.parametrize(
    "parameter",
    [
        "service: Service = Depends(Service)",
        "service: Service = Depends()",
        "service: Annotated[Service, Depends()]",
        "service: Annotated[Service, Depends(Service)]",
    ],
)
def test_methods_turn_with_the_endpoint(parameter: str) -> None:
    before = _text(f'{SERVICE}@app.get("/")\ndef home({parameter}):\n    return service.both()')
    assert_fixes(RULE, before, _turned(before), options=EVERYTHING)


def test_a_called_instance_turns_alone() -> None:
    """Whoever depends on it is given what it gives."""
    before = _text(
        "class Reader:\n    def __init__(self, key: str) -> None:\n        self.key = key\n\n"
        "    def __call__(self, more: str = '') -> bytes:\n        return store.get(self.key + more)\n\n\n"
        'reader = Reader("a")\n\n\n'
        '@app.get("/")\nasync def home(request: Request, read: bytes = Depends(reader)):\n    return await request.json(), read'
    )
    assert_fixes(RULE, before, _turned(before).replace("async async", "async"), options=EVERYTHING)


def test_an_object_that_a_function_gives() -> None:
    before = _text(f'{SERVICE}{GIVEN}@app.get("/")\ndef home(service=Depends(get_service)):\n    return service.both()')
    sources = project(before)
    (fix,) = (f.fix for f in analysed(sources, options=EVERYTHING).findings if f.rule == RULE)
    assert fix is not None
    assert fix.title == "Make `home` `async def`, and 2 more with it"


@pytest.mark.parametrize(
    ("service", "use"),
    [
        (SERVICE, "class Other(Service):\n    def read(self):\n        return b''"),
        (SERVICE, "keys = map(Service().read, [1])"),
        (SERVICE, "first = Service().read()"),
        (SERVICE, "def work(service):\n    return service.both()"),
        (SERVICE, "if __name__ == '__main__':\n    print(Service().both())"),
        (SERVICE, "reading = [Service.read]"),
        (SERVICE, "def work():\n    return sorted([Service()], key=lambda service: service.read())"),
        (SERVICE.replace("    def read", "    @property\n    def read").replace("read()", "read"), ""),
        (SERVICE.replace("    def read", "    @traced\n    def read"), ""),
        (SERVICE.replace("class Service:", "class Service(Base):"), ""),
        (SERVICE.replace("class Service:", "class Service(Protocol):"), ""),
        (SERVICE.replace("read(self)", "__len__(self)").replace("self.read()", "len(self)"), ""),
        (SERVICE.replace("self.key = key", "self.key = store.get(key)"), ""),
        (SERVICE.replace("self.key = key", "self.key = key\n        self.first = self.read()"), ""),
    ],
)
def test_methods_that_others_expect_as_they_are(service: str, use: str) -> None:
    more = "from typing import Protocol\nfrom elsewhere import Base, traced\n"
    endpoint = '@app.get("/")\ndef home(service: Service = Depends()):\n    return service.both()'
    assert_clean(RULE, with_app(more + IMPORTS, f"{service}{use}\n\n\n{endpoint}\n".lstrip()), options=EVERYTHING)


def test_methods_that_a_test_calls_are_left_alone() -> None:
    source = _text(f'{SERVICE}@app.get("/")\ndef home(service: Service = Depends()):\n    return service.both()')
    test = "from app.main import Service\n\n\ndef test_it():\n    assert Service().both()\n"
    assert_clean(RULE, source, {"app/__init__.py": "", "tests/test_app.py": test}, options=EVERYTHING)


def test_what_makes_an_object_is_handed_to_a_thread() -> None:
    """`__init__` cannot be awaited."""
    body = (
        "class User:\n    def __init__(self, key: str) -> None:\n        self.name = store.get(key)\n\n\n"
        '@app.get("/")\nasync def home(request: Request):\n    return {}, await request.json()'
    )
    imports = f"{IMPORTS.strip()}\n"
    fixed = assert_whole_file_fixed(with_app(imports, body.format('User("a").name') + "\n"))
    assert b'return (await run_in_threadpool(User, "a")).name, await request.json()' in fixed
    assert_unfixed("databases/redis", with_app(imports, body.format('tuple(User(key).name for key in "a")') + "\n"))


ASKED = """
from openai import OpenAI


class Api:
    def __init__(self) -> None:
        self.client = OpenAI()

    async def ask(self, q: str):
        return self.client.embeddings.create(input=q, model="m")


api = Api()
"""


@pytest.mark.parametrize(
    ("call", "fixed"), [("models.retrieve(q)", True), ("with_options(timeout=1).models.list()", False)]
)
def test_a_client_of_an_object_that_another_file_asks(call: str, *, fixed: bool) -> None:
    """It is awaited there as well, or nowhere, though that file names it only on the way to a method."""
    other = f"from app.main import api, app\n\n\n@app.get('/o')\ndef other(q: str):\n    return api.client.{call}\n"
    body = f'{ASKED}\n\n@app.get("/")\nasync def home(q: str):\n    return await api.ask(q)\n'
    sources = project(with_app("", body), {"app/__init__.py": "", "app/other.py": other})
    fixes = [f.fix for f in analysed(sources).findings if f.rule == "clients/models" and f.fix is not None]
    touched = [{edit.path for edit in fix.edits} for fix in fixes if "AsyncOpenAI" in fix.title]
    assert touched == ([{"app/main.py", "app/other.py"}] if fixed else [])
