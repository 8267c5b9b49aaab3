"""Clients that a function makes for itself: their asynchronous counterparts are closed, or nothing is exchanged."""

import pytest

from rules import Way
from tests.rules.checking import (
    EVERYTHING,
    assert_clean,
    assert_fixes,
    assert_settles,
    assert_unfixed,
    assert_whole_file_fixed,
    with_app,
)

RULE = "databases/redis"
TURNED = "endpoints/upstream"
IMPORTS = "from collections.abc import Iterator\n\nimport redis\nfrom fastapi import Depends, Request\n\nfrom elsewhere import use"
MAKES = "r = redis.Redis.from_url('redis://x')"
USES = '@app.get("/")\ndef home(r: redis.Redis = Depends(get_client)):\n    return r.get("a")\n'
OPENS = "async with redis.asyncio.Redis.from_url('redis://x') as r:"


def _endpoint(body: str) -> str:
    lines = "".join(f"    {line}\n" if line else "\n" for line in body.split("\n"))
    return f'@app.get("/")\nasync def home(request: Request):\n    body = await request.json()\n{lines}'


def _app(body: str) -> str:
    return with_app(IMPORTS, body)


def _awaiting(body: str) -> str:
    """A package need not bring its modules along, so the fix imports the one that it uses."""
    return with_app(IMPORTS.replace("import redis", "import redis.asyncio"), body)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{MAKES}\nreturn r.get(body)", f"{OPENS}\n    return await r.get(body)"),
        (
            f"{MAKES}  # the cache\n\n# one of two\nr.set('a', body)\nvalue = r.get('a')\nreturn value",
            f"{OPENS}  # the cache\n    # one of two\n    await r.set('a', body)\n    value = await r.get('a')\nreturn value",
        ),
        (
            f"if body:\n    {MAKES}\n    if value := r.get('a'):\n        return value\nreturn body",
            f"if body:\n    {OPENS}\n        if value := await r.get('a'):\n            return value\nreturn body",
        ),
        (
            f"try:\n    {MAKES}\n    r.delete('a')\nexcept Exception:\n    return None\nreturn body",
            f"try:\n    {OPENS}\n        await r.delete('a')\nexcept Exception:\n    return None\nreturn body",
        ),
        (
            f"{MAKES}\nr.set(\n    'a',\n    '''one\ntwo''',\n)\nreturn body",
            f"{OPENS}\n    await r.set(\n        'a',\n        '''one\ntwo''',\n    )\nreturn body",
        ),
        (
            f"{MAKES}\nr.set(\n    'a',\n    'one'\n    'two',\n)\nreturn body",
            f"{OPENS}\n    await r.set(\n        'a',\n        'one'\n        'two',\n    )\nreturn body",
        ),
        (
            "r = redis.Redis(\n    host='a',\n)\nreturn r.get('a')",
            "async with redis.asyncio.Redis(\n    host='a',\n) as r:\n    return await r.get('a')",
        ),
    ],
)
def test_what_nobody_closes_is_opened_by_async_with(before: str, after: str) -> None:
    assert_fixes(RULE, _app(_endpoint(before)), _awaiting(_endpoint(after)))


def test_what_is_closed_whatever_happens_is_closed_as_before() -> None:
    before = f"{MAKES}\ntry:\n    return r.get('a')\nfinally:\n    r.close()"
    after = before.replace("redis.R", "redis.asyncio.R").replace("r.get", "await r.get")
    after = after.replace("r.close", "await r.aclose")
    assert_fixes(RULE, _app(_endpoint(before)), _awaiting(_endpoint(after)))


def test_a_client_that_a_dependency_gives_and_nobody_closes() -> None:
    """A generator closes it behind its `yield`."""
    before = _app(f"def get_client() -> Iterator[redis.Redis]:\n    {MAKES}\n    yield r\n\n\n{USES}")
    after = before.replace(f"    {MAKES}\n    yield r", f"    {OPENS}\n        yield r")
    for old, new in (
        ("import redis", "import redis.asyncio"),
        ("def ", "async def "),
        ("Iterator", "AsyncIterator"),
        ("redis.Redis]", "redis.asyncio.Redis]"),
        ("r: redis.Redis", "r: redis.asyncio.Redis"),
        ("return r", "return await r"),
    ):
        after = after.replace(old, new)
    assert_fixes(TURNED, before, after, options=EVERYTHING)


LEFT = {
    "closed where all goes well": f"{MAKES}\nvalue = r.get('a')\nr.close()\nreturn value",
    "used behind its block": f"if body:\n    {MAKES}\nreturn r.get('a')",
    "a statement beside it": f"{MAKES}; body = 1\nreturn r.get('a')",
    "two on a line": f"{MAKES}\nvalue = r.get('a'); body = 1\nreturn value",
    "a function inside": f"{MAKES}\nasync def later():\n    return r.get('a')\nuse(later)\nreturn r.get('b')",
}


@pytest.mark.parametrize("body", LEFT.values(), ids=LEFT)
def test_what_cannot_be_closed_goes_another_way(body: str) -> None:
    source = _app(_endpoint(body))
    assert_unfixed(RULE, source, way=Way.TWIN)
    assert_settles(source)


def test_a_client_in_the_block_of_another_is_moved_alone() -> None:
    body = f"{MAKES}\nif body:\n    q = redis.Redis()\n    r.set('a', q.get('b'))\nreturn r.get('c')"
    fixed = assert_settles(_app(_endpoint(body)))
    assert b"        async with redis.asyncio.Redis() as q:\n            await run_in_threadpool(r.set, 'a', " in fixed


def test_two_clients_are_not_both_moved_by_one_edit() -> None:
    body = f"{MAKES}\nq = redis.Redis()\nvalue = q.get('b')\nreturn r.get('a'), value"
    fixed = assert_whole_file_fixed(_app(_endpoint(body)))
    assert b"    async with redis.asyncio.Redis() as q:\n        value = await q.get('b')\n" in fixed
    assert b"    return await run_in_threadpool(r.get, 'a'), value" in fixed


GIVEN = {
    "a dependency": f"def get_client() -> redis.Redis:\n    {MAKES}\n    return r\n",
    "a dependency, at once": f"def get_client() -> redis.Redis:\n    return {MAKES[4:]}\n",
    "closed where all goes well": f"def get_client() -> Iterator[redis.Redis]:\n    {MAKES}\n    yield r\n    r.close()\n",
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_a_client_that_a_dependency_makes_for_each_request_and_nobody_closes_stays(given: str) -> None:
    assert_clean(TURNED, _app(f"{given}\n\n{USES}"), options=EVERYTHING)


def test_a_client_of_an_object_that_each_request_makes_stays() -> None:
    cache = "class Cache:\n    def __init__(self):\n        self.r = redis.Redis()\n\n    def get(self):\n        return self.r.get('a')"
    endpoint = '@app.get("/")\ndef home(cache: Cache = Depends()):\n    return cache.get()\n'
    assert_clean(TURNED, _app(f"{cache}\n\n\n{endpoint}"), options=EVERYTHING)


def test_what_closes_itself_may_be_made_for_each_request() -> None:
    """`AsyncOpenAI` has its connections closed as it is dropped; a client of HTTPX keeps them."""
    endpoint = '@app.get("/")\ndef home(c=Depends(get_client)):\n    return c.{}\n'
    openai = endpoint.format('embeddings.create(input="a", model="b")')
    made = "def get_client():\n    return {}\n\n\n"
    before = with_app("import openai\nfrom fastapi import Depends", made.format("openai.OpenAI()") + openai)
    after = before.replace("openai.OpenAI()", "openai.AsyncOpenAI()").replace("def home", "async def home")
    assert_fixes(TURNED, before, after.replace("return c", "return await c"), options=EVERYTHING)
    source = made.format("httpx.Client()") + endpoint.format("get('https://example.org').json()")
    assert_clean(TURNED, with_app("import httpx\nfrom fastapi import Depends", source), options=EVERYTHING)
