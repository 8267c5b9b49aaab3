"""A synchronous Redis client waits for the server on the event loop.

## What it does
Finds the commands of `redis.Redis` and `redis.RedisCluster`, `Pipeline.execute`, locks that are taken, and subscriptions,
where they run on the event loop. Commands that a pipeline only collects are left alone, and so is `redis.asyncio`. The same for
the commands of Memcached by pymemcache.

## Why is this bad?
Redis answers fast as a rule. But each command is a round trip over the network during which this worker serves nobody, and
one that blocks (`blpop`, a lock, a server that is gone) holds the loop until its timeout.

## Example
```python
import redis

from fastapi import FastAPI

app = FastAPI()
cache = redis.Redis()


@app.get("/visits")
async def visits() -> int:
    return cache.incr("visits")
```

```python
import redis

from fastapi import FastAPI, Request

app = FastAPI()
cache = redis.Redis.from_url("redis://cache")


@app.post("/events")
async def event(request: Request) -> None:
    body = await request.body()
    pipeline = cache.pipeline()
    pipeline.lpush("events", body)
    pipeline.ltrim("events", 0, 99)
    pipeline.execute()
```

## Use instead
```python
import redis.asyncio

from fastapi import FastAPI

app = FastAPI()
cache = redis.asyncio.Redis()


@app.get("/visits")
async def visits() -> int:
    return await cache.incr("visits")
```

```python
import redis

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
cache = redis.Redis.from_url("redis://cache")


@app.post("/events")
async def event(request: Request) -> None:
    body = await request.body()
    pipeline = cache.pipeline()
    pipeline.lpush("events", body)
    pipeline.ltrim("events", 0, 99)
    await run_in_threadpool(pipeline.execute)
```

## Fix safety
Safe: `redis.asyncio` has the same commands, each awaited. It takes the place of the other client only where every use of that
is seen, is a command, and can be awaited. One that a function makes and does not close is opened by `async with`, around what uses
it: dropped, it would leave its connections to the event loop. Elsewhere the same client sends the same command in a worker thread;
it may be used by many.

## References
- [redis-py: Asyncio examples](https://redis.readthedocs.io/en/stable/examples/asyncio_examples.html)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
