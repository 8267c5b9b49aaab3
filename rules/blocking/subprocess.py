"""`subprocess.run` and its kin hold the event loop until the other process ends.

## What it does
Finds `subprocess.run`, `call`, `check_call`, `check_output`, `getoutput`, `Popen.wait`, `Popen.communicate`, `os.system`,
`os.wait` and its kin, and the reading of what `os.popen` starts, where they run on the event loop. Only to start a process
is left alone, and so is `wait` after `poll`.

## Why is this bad?
The loop stands still for as long as the other process runs, and with it every request of the worker. How long that is,
is up to a program that is not yours.

## Example
```python
import subprocess

from fastapi import FastAPI

app = FastAPI()


@app.get("/version")
async def version() -> str:
    done = subprocess.run(["git", "describe"], capture_output=True, check=True)
    return done.stdout.decode()
```

## Use instead
```python
import subprocess

from fastapi import FastAPI

app = FastAPI()


@app.get("/version")
def version() -> str:
    done = subprocess.run(["git", "describe"], capture_output=True, check=True)
    return done.stdout.decode()
```

## Fix safety
Safe. A function that awaits nothing becomes a plain `def`, which FastAPI runs in a worker thread. One that awaits hands
the call over with `await run_in_threadpool(subprocess.run, ...)`: same arguments, same result, same exceptions. If the
request is cancelled meanwhile, the process still runs to its end.

## References
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
- [Starlette: Thread pool](https://www.starlette.io/threadpool/)
- [flake8-async: ASYNC220, ASYNC221, ASYNC222](https://flake8-async.readthedocs.io/en/latest/rules.html)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR, codes=("ASYNC220", "ASYNC221", "ASYNC222"))
