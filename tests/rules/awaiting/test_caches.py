"""Caches that keep coroutines."""

import pytest

from tests.rules.checking import assert_clean, assert_unfixed

RULE = "awaiting/caches"

IMPORTS = """
import functools
from functools import lru_cache as remember

import cachetools
import cachetools.func
from cachetools import TTLCache
from async_lru import alru_cache
from aiocache import cached
from elsewhere import shared
"""


@pytest.mark.parametrize(
    "decorator",
    [
        "functools.lru_cache",
        "functools.lru_cache(maxsize=1)",
        "functools.cache",
        "remember()",
        "cachetools.cached(TTLCache(1, 2))",
        "cachetools.cached(cache={})",
        "cachetools.func.ttl_cache(ttl=3)",
        "shared\n@functools.cache",
    ],
)
def test_a_cache_around_a_coroutine_function(decorator: str) -> None:
    (finding,) = assert_unfixed(RULE, f"{IMPORTS}\n\n@{decorator}\nasync def settings(x=1): ...\n")
    assert "alru_cache" in finding.advice


def test_a_method_and_a_property() -> None:
    source = (
        f"{IMPORTS}\n\nclass A:\n    @functools.cached_property\n    async def x(self): ...\n\n"
        "    @functools.lru_cache\n    async def y(self): ...\n"
    )
    assert [f.function for f in assert_unfixed(RULE, source)] == ["A.x", "A.y"]


@pytest.mark.parametrize(
    "source",
    [
        "@functools.lru_cache\ndef a(): ...\n",
        "@alru_cache\nasync def a(): ...\n",
        "@cached(ttl=3)\nasync def a(): ...\n",
        "@shared\nasync def a(): ...\n",
        "@functools.cache\n@shared\nasync def a(): ...\n",
        "@functools.wraps(shared)\nasync def a(): ...\n",
        "@functools.cache\ndef a():\n    async def b(): ...\n    return b\n",
    ],
)
def test_left_alone(source: str) -> None:
    assert_clean(RULE, f"{IMPORTS}\n\n{source}")


def test_tests_are_left_alone() -> None:
    assert_clean(RULE, f"{IMPORTS}\n\n@functools.cache\nasync def a(): ...\n", path="tests/test_a.py")
