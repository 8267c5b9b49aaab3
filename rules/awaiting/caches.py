"""A cache that keeps a coroutine instead of its result.

## What it does
Finds `functools.lru_cache`, `functools.cache`, `functools.cached_property` and the decorators of cachetools on an `async def`.

## Why is this bad?
Calling an `async def` makes a coroutine, and that is what such a cache keeps. A coroutine can be awaited once: the second
call with the same arguments raises `RuntimeError: cannot reuse already awaited coroutine`.

## Example
```python
from functools import lru_cache

from fastapi import Depends, FastAPI

app = FastAPI()


@lru_cache
async def settings() -> dict:
    return {"debug": False}


@app.get("/")
async def home(settings: dict = Depends(settings)) -> dict:
    return settings
```

## Fix safety
There is no fix: what to cache with depends on the project. `anyio.functools.lru_cache` and `anyio.functools.cache` (AnyIO
4.16) and `async_lru.alru_cache` await the coroutine once and keep its result.

## References
- [Python: `functools.lru_cache`](https://docs.python.org/3/library/functools.html#functools.lru_cache)
- [AnyIO: `anyio.functools`](https://anyio.readthedocs.io/en/stable/api.html)
- [async-lru](https://github.com/aio-libs/async-lru)
"""

from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.rule import Rule
from rules.core.values import Outside, ProjectFunction

rule = Rule(__name__, __doc__, Severity.ERROR)

CACHES = frozenset(
    {
        *("functools.lru_cache", "functools.cache", "functools.cached_property"),
        *("cachetools.cached", "cachetools.cachedmethod"),
        *(f"cachetools.func.{name}_cache" for name in ("fifo", "lfu", "lru", "mru", "rr", "ttl")),
    }
)
_NAMES = frozenset(name.rpartition(".")[2] for name in CACHES)
_ADVICE = (
    "Use `anyio.functools.lru_cache` (AnyIO 4.16) or `async_lru.alru_cache`, which keep the result, "
    "or make it a plain `def` if it awaits nothing."
)


@rule.check
def caches(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every `async def` whose coroutine a cache keeps."""
    facts = contexts.project.facts[path]
    if is_offline(path) or not (facts.outline.decorating | facts.outline.imported) & _NAMES:
        return
    for index, function in enumerate(facts.functions):
        if function.asynchronous and function.decorators:
            yield from _around(contexts, ProjectFunction(path, index))


def _around(contexts: Contexts, place: ProjectFunction) -> Iterator[Remark]:
    """A decorator below the cache that is unknown may make anything of the coroutine, also what can be awaited twice."""
    nearest = contexts.project.decorators(place)[-1]
    if isinstance(nearest, Outside) and nearest.name in CACHES:
        name = contexts.project.function(place).qualname
        yield Remark(
            rule.name,
            rule.severity,
            place,
            Remedy.NONE,
            f"`{nearest.name}` keeps the coroutine of `{name}`, and the second call that is given it raises `RuntimeError`.",
            advice=_ADVICE,
        )
