"""Taking from an empty queue of threads stops the event loop until something is put in.

## What it does
Finds `get` and `join` of the queues of `queue` and of `multiprocessing` on the event loop, and `put` where a timeout says
that the queue may be full. `get_nowait`, `block=False` and a `get` in a function that asks `empty()` are left alone.

## Why is this bad?
The loop stands still until another thread or process puts something in. What is to put it in may itself wait for the loop.

## Example
```python
import queue

from fastapi import FastAPI

app = FastAPI()
results: queue.Queue[str] = queue.Queue()


@app.get("/results")
async def result() -> str:
    return results.get(timeout=10)
```

```python
import queue

from fastapi import FastAPI, WebSocket

app = FastAPI()
results: queue.Queue[str] = queue.Queue()


@app.websocket("/results")
async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(results.get())
```

## Use instead
```python
import queue

from fastapi import FastAPI

app = FastAPI()
results: queue.Queue[str] = queue.Queue()


@app.get("/results")
def result() -> str:
    return results.get(timeout=10)
```

```python
import queue

from fastapi import FastAPI, WebSocket
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
results: queue.Queue[str] = queue.Queue()


@app.websocket("/results")
async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await run_in_threadpool(results.get))
```

## Fix safety
Safe: a worker thread waits instead, one of forty. Where both ends are on the loop, an `asyncio.Queue` needs no thread; it is
not put in unasked, since it is not safe to use from threads.

## References
- [Python: `queue`](https://docs.python.org/3/library/queue.html)
- [Python: Queues of asyncio](https://docs.python.org/3/library/asyncio-queue.html)
- [Starlette: Thread pool](https://starlette.dev/threadpool/)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
