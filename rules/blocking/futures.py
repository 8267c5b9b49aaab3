"""Waiting for the result of a thread or process stops the event loop, as if it did the work itself.

## What it does
Finds on the event loop: `Future.result` and `exception` of `concurrent.futures`, `wait`, `as_completed` and `Executor.map`
where they are run through, `Executor.shutdown`, the end of a `with ThreadPoolExecutor()` that has only submitted work,
`Thread.join`, `Process.join`, and what waits of `multiprocessing.Pool`. A future that the function has asked `done()`, or
waited for with `asyncio.wrap_future`, is left alone.

## Why is this bad?
The work is elsewhere, but the loop waits for it and serves nobody. A coroutine handed to this very loop with
`run_coroutine_threadsafe` and waited for this way never ends: it needs the loop that waits.

## Example
```python
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI

app = FastAPI()
pool = ThreadPoolExecutor()


@app.get("/sum")
async def total() -> int:
    return pool.submit(sum, range(1000)).result()
```

```python
import threading

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/jobs")
async def job(request: Request) -> None:
    thread = threading.Thread(target=print, args=(await request.json(),))
    thread.start()
    thread.join()
```

## Use instead
```python
import asyncio
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI

app = FastAPI()
pool = ThreadPoolExecutor()


@app.get("/sum")
async def total() -> int:
    return await asyncio.wrap_future(pool.submit(sum, range(1000)))
```

```python
import threading

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()


@app.post("/jobs")
async def job(request: Request) -> None:
    thread = threading.Thread(target=print, args=(await request.json(),))
    thread.start()
    await run_in_threadpool(thread.join)
```

## Fix safety
Safe: the result is the same. `asyncio.wrap_future` waits for a future without a thread; for all else, and where a timeout is
given, another worker thread waits.

## References
- [Python: `concurrent.futures`](https://docs.python.org/3/library/concurrent.futures.html)
- [Python: `asyncio.wrap_future`](https://docs.python.org/3/library/asyncio-future.html#asyncio.wrap_future)
- [Starlette: Thread pool](https://starlette.dev/threadpool/)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
