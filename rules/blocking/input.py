"""`input` waits for somebody to type, and a server has nobody who does.

## What it does
Finds `input` and `getpass.getpass` where they run on the event loop. Often they are left over from trying something out.

## Why is this bad?
The loop stands still, and every request of the worker with it, until a line is typed at its terminal. A server without a
terminal gets an `EOFError` instead.

## Example
```python
from fastapi import FastAPI

app = FastAPI()


@app.post("/orders")
async def order() -> str:
    return input("Accept? ")
```

## Use instead
```python
from fastapi import FastAPI

app = FastAPI()


@app.post("/orders")
def order() -> str:
    return input("Accept? ")
```

## Fix safety
Safe: it frees the loop. To take what is asked for from the request, or from the settings, is most often what is meant.

## References
- [Python: `input`](https://docs.python.org/3/library/functions.html#input)
- [flake8-async: ASYNC250](https://flake8-async.readthedocs.io/en/latest/rules.html)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR, codes=("ASYNC250",))
