"""Requests waits for the network on the event loop.

## What it does
Finds `requests.get` and its kin, and the methods of a `requests.Session` (or of a session derived from it, such as that of
requests-oauthlib), where they run on the event loop.

## Why is this bad?
While the other server takes its time, this worker serves nobody. With an upstream that answers in 50 ms, an endpoint that
blocks was measured at 19 requests a second, and the same endpoint as plain `def` at 430 to 630.

## Example
```python
import requests

from fastapi import FastAPI

app = FastAPI()


@app.get("/weather")
async def weather() -> dict:
    return requests.get("https://weather.example/today", timeout=5).json()
```

```python
import requests

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/orders")
async def order(request: Request) -> dict:
    body = await request.json()
    return requests.post("https://orders.example", json=body, timeout=5).json()
```

## Use instead
```python
import requests

from fastapi import FastAPI

app = FastAPI()


@app.get("/weather")
def weather() -> dict:
    return requests.get("https://weather.example/today", timeout=5).json()
```

```python
import requests

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()


@app.post("/orders")
async def order(request: Request) -> dict:
    body = await request.json()
    return (await run_in_threadpool(requests.post, "https://orders.example", json=body, timeout=5)).json()
```

## Fix safety
Safe: the same library makes the same call, in a worker thread. An asynchronous client is not put in its place unasked:
HTTPX differs from Requests in redirects, timeouts, query strings, encodings and exceptions.

Unsafe, and only on request: a `Session` that a module or an object keeps becomes the asynchronous client that the project has
elsewhere, or that `http-client` names, wherever it is used. It waits as long, follows redirects and sends the same arguments. Each call,
each use of an answer and each exception that is caught must have a counterpart, or none of it is offered. A call of `requests.get`
and its kin in an endpoint is made, under the same conditions, on a client that is at hand, or on one that the `lifespan` of the
application opens and a dependency gives (`--as twin`). So is one with `stream=True`, which `async with client.stream(...)` enters:
`iter_content` becomes `aiter_bytes`, and `iter_lines` becomes `aiter_lines`, where every use of a line means the same of a text.
Of `.raw`, only what `shutil.copyfileobj` copies to a file has a counterpart.

A streamed answer that only a `StreamingResponse` reads is begun in a worker thread, where the response reads it anyway. An
`async def` generator that awaits nothing, and that only such responses run through, loses its `async`.

## References
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
- [HTTPX: Requests compatibility](https://www.python-httpx.org/compatibility/)
- [flake8-async: ASYNC210](https://flake8-async.readthedocs.io/en/latest/rules.html)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR, codes=("ASYNC210", "ASYNC212"))
