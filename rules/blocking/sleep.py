"""`time.sleep` stops the event loop, not only this coroutine.

## What it does
Finds `time.sleep` where it runs on the event loop: in an `async def` that FastAPI calls, or in a helper of one, in any
file.

## Why is this bad?
All requests of a worker share one event loop. While `time.sleep` waits, none of them moves: a server that sleeps for one
second in each request answers one request a second. An awaited sleep gives the loop back while it waits.

## Example
```python
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/poll")
async def poll() -> str:
    time.sleep(0.5)
    return "done"
```

## Use instead
```python
import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/poll")
async def poll() -> str:
    await asyncio.sleep(0.5)
    return "done"
```

## Fix safety
Safe. Both take seconds as an `int` or `float`. `anyio.sleep` is taken where the file imports AnyIO. The sleep becomes a
point where the request can be cancelled, and where other requests run.

## References
- [Python: `asyncio.sleep`](https://docs.python.org/3/library/asyncio-task.html#asyncio.sleep)
- [FastAPI: Concurrency and async / await](https://fastapi.tiangolo.com/async/)
- [flake8-async: ASYNC251](https://flake8-async.readthedocs.io/en/latest/rules.html)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR, codes=("ASYNC251", "ASYNC101"))
