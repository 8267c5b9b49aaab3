"""`urllib`, `http.client` and urllib3 wait for the network on the event loop.

## What it does
Finds `urllib.request.urlopen` and `urlretrieve`, `open` of an opener, `http.client` connections and their answers, and the
requests of urllib3 (`urllib3.request`, `PoolManager`, `HTTPConnectionPool`), where they run on the event loop.

## Why is this bad?
While the other server takes its time, this worker serves nobody. `urlopen` and `http.client` know no timeout unless they are
given one: a server that never answers stops the worker for good.

## Example
```python
import urllib.request

from fastapi import FastAPI

app = FastAPI()


@app.get("/weather")
async def weather() -> bytes:
    with urllib.request.urlopen("https://weather.example/today", timeout=5) as answer:
        return answer.read()
```

```python
import urllib3

from fastapi import FastAPI, Request

app = FastAPI()
http = urllib3.PoolManager()


@app.post("/orders")
async def order(request: Request) -> int:
    body = await request.body()
    return http.request("POST", "https://orders.example", body=body).status
```

## Use instead
```python
import urllib.request

from fastapi import FastAPI

app = FastAPI()


@app.get("/weather")
def weather() -> bytes:
    with urllib.request.urlopen("https://weather.example/today", timeout=5) as answer:
        return answer.read()
```

```python
import urllib3

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
http = urllib3.PoolManager()


@app.post("/orders")
async def order(request: Request) -> int:
    body = await request.body()
    return (await run_in_threadpool(http.request, "POST", "https://orders.example", body=body)).status
```

## Fix safety
Safe: the same call in a worker thread, with the same exceptions. What `with urlopen(...)` opens is read later, so that there
only a function that awaits nothing is mended.

## References
- [Python: `urllib.request`](https://docs.python.org/3/library/urllib.request.html)
- [urllib3: User guide](https://urllib3.readthedocs.io/en/stable/user-guide.html)
- [flake8-async: ASYNC210, ASYNC212](https://flake8-async.readthedocs.io/en/latest/rules.html)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR, codes=("ASYNC210", "ASYNC211", "ASYNC212"))
