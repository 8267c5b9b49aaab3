"""Waiting for an event, a condition or a semaphore of threads stops the event loop.

## What it does
Finds `Event.wait`, `Condition.wait` and `wait_for`, `Barrier.wait` and `Semaphore.acquire` of `threading` and of
`multiprocessing` on the event loop. With `blocking=False` or a timeout of 0 they do not wait and are left alone. A plain
`with lock:` is left alone: most locks are held for microseconds.

## Why is this bad?
The loop stands still until another thread acts. Where that thread needs the loop to get there, neither ever moves again.

## Example
```python
import threading

from fastapi import FastAPI

app = FastAPI()
ready = threading.Event()


@app.get("/ready")
async def is_ready() -> bool:
    return ready.wait(timeout=5)
```

```python
import threading

from fastapi import FastAPI, Request

app = FastAPI()
ready = threading.Event()


@app.post("/jobs")
async def job(request: Request) -> bytes:
    body = await request.body()
    ready.wait()
    return body
```

## Use instead
```python
import threading

from fastapi import FastAPI

app = FastAPI()
ready = threading.Event()


@app.get("/ready")
def is_ready() -> bool:
    return ready.wait(timeout=5)
```

```python
import threading

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
ready = threading.Event()


@app.post("/jobs")
async def job(request: Request) -> bytes:
    body = await request.body()
    await run_in_threadpool(ready.wait)
    return body
```

## Fix safety
Safe: a worker thread waits instead, one of forty. Where both sides run on the loop, `asyncio.Event` and its kin wait without
a thread; they are not put in unasked, since they are not safe to use from threads.

## References
- [Python: `threading`](https://docs.python.org/3/library/threading.html)
- [Python: Synchronization primitives of asyncio](https://docs.python.org/3/library/asyncio-sync.html)
- [Starlette: Thread pool](https://starlette.dev/threadpool/)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
