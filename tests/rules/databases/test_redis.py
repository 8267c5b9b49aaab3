"""Redis on the event loop: commands wait, a pipeline collects, `redis.asyncio` is awaited."""

import pytest

from rules import Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, with_app

RULE = "databases/redis"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
CACHE = "import redis\n\ncache = redis.Redis()"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (CACHE, "cache.get('x')"),
        (CACHE, "cache.set('x', 1, ex=5)"),
        (CACHE, "cache.eval('return 1', 0)"),
        (CACHE, "cache.json().set('x', '$', {})"),
        (CACHE, "cache.ft('books').search('x')"),
        (CACHE, "cache.lock('x').acquire()"),
        (CACHE, "with cache.lock('x'):\n        pass"),
        (CACHE, "for key in cache.scan_iter('x'):\n        print(key)"),
        (CACHE, "cache.pipeline().set('x', 1).incr('y').execute()"),
        (CACHE, "with cache.pipeline() as p:\n        p.set('x', 1)\n        p.execute()"),
        (CACHE, "cache.pubsub().subscribe('x')"),
        ("from redis import Redis as R", "R(host='cache').ping()"),
        ("from redis import StrictRedis", "StrictRedis().hgetall('x')"),
        ("import redis", "redis.from_url('redis://x').publish('a', 'b')"),
        ("import redis", "redis.Redis.from_url('redis://x').delete('a')"),
        ("from redis.client import Redis", "Redis().exists('x')"),
        ("from redis.cluster import RedisCluster", "RedisCluster(host='x').get('x')"),
        ("from redis.sentinel import Sentinel", "Sentinel([]).master_for('x').get('x')"),
        ("import redis", "c: redis.Redis = make()\n    c.get('x')"),
    ],
)
def test_each_spelling(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), way=Way.REVERSE)


REACHED = {
    "global of another file": ("from app.cache import cache", "cache.get('x')", "cache = redis.Redis()"),
    "self": (
        "from app.cache import Cache",
        "Cache().read('x')",
        (
            "class Cache:\n    def __init__(self):\n        self.redis = redis.from_url('x')\n\n"
            "    def read(self, key):\n        return self.redis.get(key)"
        ),
    ),
    "subclass": ("from app.cache import Mine", "Mine().get('x')", "class Mine(redis.Redis): ..."),
    "helper": (
        "from app.cache import read",
        "read(1)",
        "def read(client: redis.Redis):\n    return client.get('x')",
    ),
}


@pytest.mark.parametrize(("imports", "call", "cache"), REACHED.values(), ids=REACHED)
def test_each_way_of_reaching(imports: str, call: str, cache: str) -> None:
    files = {"app/__init__.py": "", "app/cache.py": f"import redis\n\n{cache}\n"}
    before = with_app("", f"{imports}\n\n\n{ENDPOINT}return {call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files, way=Way.REVERSE)


@pytest.mark.parametrize(
    "parameter", ["cache: redis.Redis = Depends(make)", "cache: Annotated[redis.Redis, Depends(make)]"]
)
def test_a_client_from_a_dependency(parameter: str) -> None:
    before = with_app(
        "import redis\nfrom typing import Annotated\nfrom fastapi import Depends",
        f"def make(): ...\n\n\n@app.get('/')\nasync def home({parameter}):\n    return cache.get('x')\n",
    )
    assert_fixes(RULE, before, before.replace("async def", "def"), way=Way.REVERSE)


@pytest.mark.parametrize(
    "body",
    [
        "return await acache.get('x')",
        "await acache.pipeline().set('x', 1).execute()",
        "p = acache.pipeline()\n    p.set('x', 1)",
        "async with acache.lock('x'):\n        return 1",
        "p = cache.pipeline()\n    p.set('x', 1)\n    p.get('y')",
        "return cache.pubsub()",
        "return cache.lock('x')",
        "return cache.register_script('return 1')",
        "return cache.scan_iter('x')",
        "cache.close()",
        "cache.connection_pool.disconnect()",
        "await run_in_threadpool(cache.get, 'x')",
        "return unknown.get('x')",
        "cache = {}\n    return cache.get('x')",
        "cache = redis.Redis()\n    cache = unknown()\n    return cache.get('x')",
        "return cache.get",
        "return redis.ConnectionPool.from_url('x')",
        "try:\n        pass\n    except redis.RedisError:\n        raise",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
from fastapi.concurrency import run_in_threadpool

import redis.asyncio

from elsewhere import unknown
{CACHE}
acache = redis.asyncio.Redis()
"""
    assert_clean(RULE, with_app(imports, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize("imports", ["import redis.asyncio as redis", "from redis import asyncio as redis"])
def test_the_asynchronous_package_under_the_name_of_the_other(imports: str) -> None:
    assert_clean(RULE, with_app(f"{imports}\n\ncache = redis.Redis()", f"{ENDPOINT}return await cache.get('x')\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(CACHE, f"{ENDPOINT}cache.get('x')\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")


def test_commands_are_handed_over() -> None:
    before = with_app(CACHE, f"{ENDPOINT}await x.read()\n    return cache.get('x').decode()\n")
    after = before.replace("cache.get('x')", "(await run_in_threadpool(cache.get, 'x'))").replace(
        "import FastAPI\n", "import FastAPI\nfrom fastapi.concurrency import run_in_threadpool\n"
    )
    assert_fixes(RULE, before, after, way=Way.OFFLOAD)


@pytest.mark.parametrize(
    "call", ["for key in cache.scan_iter('x'):\n        print(key)", "with cache.lock('x'):\n        print(1)"]
)
def test_what_waits_later_is_not_handed_over(call: str) -> None:
    assert_unfixed(RULE, with_app(CACHE, f"{ENDPOINT}await x.read()\n    {call}\n"), way=Way.OFFLOAD)
