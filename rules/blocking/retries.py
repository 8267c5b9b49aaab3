"""`tenacity.Retrying` sleeps between two attempts, and the event loop with it.

## What it does
Finds a loop over `tenacity.Retrying(...)` that has a `wait=`, where it runs on the event loop. `AsyncRetrying` is left alone,
and so is a `Retrying` without `wait=`, which tries again at once.

## Why is this bad?
Between two attempts it calls `time.sleep`. When the service behind it is down, every request sleeps on the loop, one after
the other, and the worker is down as well.

## Example
```python
from fastapi import FastAPI
from tenacity import Retrying, stop_after_attempt, wait_fixed

from app.rates import load

app = FastAPI()


@app.get("/rates")
async def rates() -> dict:
    for attempt in Retrying(stop=stop_after_attempt(3), wait=wait_fixed(1)):
        with attempt:
            found = load()
    return found
```

## Use instead
```python
from fastapi import FastAPI
from tenacity import Retrying, stop_after_attempt, wait_fixed

from app.rates import load

app = FastAPI()


@app.get("/rates")
def rates() -> dict:
    for attempt in Retrying(stop=stop_after_attempt(3), wait=wait_fixed(1)):
        with attempt:
            found = load()
    return found
```

## Fix safety
Safe: the function awaits nothing and runs in a worker thread then. One that awaits something wants
`async for attempt in AsyncRetrying(...)`, with the same arguments; that is left to you.

## References
- [Tenacity: Async and retry](https://tenacity.readthedocs.io/en/latest/#async-and-retry)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
