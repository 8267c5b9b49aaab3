"""Packing or unpacking an archive holds the event loop until the last file is through.

## What it does
Finds `extract`, `extractall`, `ZipFile.write` and `TarFile.add` on the event loop, the other reading and writing methods of
an archive that the function opened by its path, and `gzip`, `bz2` and `lzma` files opened by a path. What is packed in
memory (`BytesIO`) or comes from an unknown place is left alone, and so are the tables of contents.

## Why is this bad?
Every byte is read, packed or unpacked, and written while the loop stands still. How many there are is not known before: a
small archive can hold much.

## Example
```python
import zipfile

from fastapi import FastAPI

app = FastAPI()


@app.post("/imports/{name}")
async def unpack(name: str) -> None:
    with zipfile.ZipFile(f"incoming/{name}.zip") as archive:
        archive.extractall("imported")
```

```python
import tarfile

from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/backups")
async def back_up(request: Request) -> None:
    folder = await request.json()
    with tarfile.open("backup.tar.gz", "w:gz") as archive:
        archive.add(folder)
```

## Use instead
```python
import zipfile

from fastapi import FastAPI

app = FastAPI()


@app.post("/imports/{name}")
def unpack(name: str) -> None:
    with zipfile.ZipFile(f"incoming/{name}.zip") as archive:
        archive.extractall("imported")
```

```python
import tarfile

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()


@app.post("/backups")
async def back_up(request: Request) -> None:
    folder = await request.json()
    with tarfile.open("backup.tar.gz", "w:gz") as archive:
        await run_in_threadpool(archive.add, folder)
```

## Fix safety
Safe: the same call in a worker thread. A compressed file that `with` opens is read later than it is opened, so that there
only a function that awaits nothing is mended: it becomes a plain `def`.

## References
- [Python: `zipfile`](https://docs.python.org/3/library/zipfile.html)
- [Python: `tarfile`](https://docs.python.org/3/library/tarfile.html)
- [Starlette: Thread pool](https://starlette.dev/threadpool/)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.WARNING)
