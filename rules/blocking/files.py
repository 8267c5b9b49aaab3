"""Reading or writing a file of unknown size holds the event loop until the disk is done.

## What it does
Finds `open`, `Path.read_text` and its kin, `Path.open`, `Path.copy`, the copying functions of `shutil`, `os.walk`,
`Path.rglob`, recursive globs and `hashlib.file_digest` on the event loop, where much may be read or written: which file it is comes from the caller, it stands in a loop, it is copied, or
it is a whole tree. A file that the program names itself is left alone, and so are the first bytes of any other, `exists`, `mkdir`,
`remove` and the like: they take microseconds.

## Why is this bad?
While the disk works (a network disk above all), the loop serves no other request of the worker.

## Example
```python
from pathlib import Path

from fastapi import FastAPI

app = FastAPI()


@app.get("/reports/{name}")
async def report(name: str) -> str:
    return Path("reports", name).read_text()
```

```python
import shutil

from fastapi import FastAPI

app = FastAPI()


@app.post("/backups")
async def back_up(source: str, target: str) -> None:
    shutil.copytree(source, target)
```

## Use instead
```python
import anyio
from fastapi import FastAPI

app = FastAPI()


@app.get("/reports/{name}")
async def report(name: str) -> str:
    return await anyio.Path("reports", name).read_text()
```

```python
import shutil

from fastapi import FastAPI

app = FastAPI()


@app.post("/backups")
def back_up(source: str, target: str) -> None:
    shutil.copytree(source, target)
```

## Fix safety
Safe. `anyio.Path` has the same methods with the same arguments and results, and runs them in a worker thread: the loop stays
free, a single small file is not read any faster. Without such a twin the function becomes `def` where it awaits nothing, or
hands the call to a worker thread.

## References
- [AnyIO: Asynchronous file I/O](https://anyio.readthedocs.io/en/stable/fileio.html)
- [flake8-async: ASYNC230, ASYNC240](https://flake8-async.readthedocs.io/en/latest/rules.html)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.WARNING, codes=("ASYNC230", "ASYNC231", "ASYNC232", "ASYNC240"))
