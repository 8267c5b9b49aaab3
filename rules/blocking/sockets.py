"""Looking up a host or talking through a plain socket holds the event loop until the other side answers.

## What it does
Finds `socket.getaddrinfo`, `gethostbyname` and their kin, `create_connection`, and `connect`, `accept`, `recv`, `sendall`
of a socket that the function itself makes, where they run on the event loop. Left alone are sockets that were set not to
block, and datagram sockets: connecting one sends nothing.

## Why is this bad?
A name server that does not answer is asked again for seconds, and a connection to a host that drops packets takes minutes
to fail. Meanwhile this worker serves nobody.

## Example
```python
import socket

from fastapi import FastAPI

app = FastAPI()


@app.get("/address")
async def address(host: str) -> str:
    return socket.gethostbyname(host)
```

```python
import socket

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/pings")
async def ping(request: Request) -> None:
    host = await request.json()
    connection = socket.create_connection((host, 7), timeout=3)
    connection.close()
```

## Use instead
```python
import socket

from fastapi import FastAPI

app = FastAPI()


@app.get("/address")
def address(host: str) -> str:
    return socket.gethostbyname(host)
```

```python
import socket

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()


@app.post("/pings")
async def ping(request: Request) -> None:
    host = await request.json()
    connection = await run_in_threadpool(socket.create_connection, (host, 7), timeout=3)
    connection.close()
```

## Fix safety
Safe: the same call in a worker thread, with the same exceptions. `asyncio.open_connection` and `loop.getaddrinfo` can be
awaited, but give other results, and are left to you.

## References
- [Python: `socket`](https://docs.python.org/3/library/socket.html)
- [Python: Streams](https://docs.python.org/3/library/asyncio-stream.html)
- [Starlette: Thread pool](https://starlette.dev/threadpool/)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
