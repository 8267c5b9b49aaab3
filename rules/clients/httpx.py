"""`httpx.get` and `httpx.Client` wait for the network on the event loop.

## What it does
Finds the functions of HTTPX and HTTPX2 (`get`, `post`, `stream` and so on) and the methods of their `Client`, where they run
on the event loop. `AsyncClient` is left alone.

## Why is this bad?
While the other server takes its time, this worker serves nobody. With an upstream that answers in 50 ms, an endpoint that
blocks was measured at 19 requests a second, and the same endpoint as plain `def` at 430 to 630.

## Example
```python
import httpx

from fastapi import FastAPI

app = FastAPI()


@app.get("/weather")
async def weather() -> dict:
    return httpx.get("https://weather.example/today").json()
```

```python
import httpx

from fastapi import FastAPI, Request

app = FastAPI()
client = httpx.Client()


@app.post("/orders")
async def order(request: Request) -> dict:
    body = await request.json()
    return client.post("https://orders.example", json=body).json()
```

## Use instead
```python
import httpx

from fastapi import FastAPI

app = FastAPI()


@app.get("/weather")
def weather() -> dict:
    return httpx.get("https://weather.example/today").json()
```

```python
import httpx

from fastapi import FastAPI, Request

app = FastAPI()
client = httpx.AsyncClient()


@app.post("/orders")
async def order(request: Request) -> dict:
    body = await request.json()
    return (await client.post("https://orders.example", json=body)).json()
```

## Fix safety
Safe: a `Client` that is made once becomes an `AsyncClient` wherever every use of it is seen and can be awaited; its methods
are the same. It is unsafe where plain `def` functions become asynchronous with it: they made forty calls at a time, and of
more than a hundred at once the others fail after the `pool` timeout. Elsewhere the same call is made in a worker thread; a
`Client` may be used by several. None is made anew for each request that was not before; one that a generator or a function opens
for itself is given certificates that the module reads once. A streamed answer is read later than it is opened, so
that there only a function that awaits nothing is mended.

## References
- [HTTPX: Async support](https://www.python-httpx.org/async/)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
- [flake8-async: ASYNC210, ASYNC212](https://flake8-async.readthedocs.io/en/latest/rules.html)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR, codes=("ASYNC210", "ASYNC212"))
