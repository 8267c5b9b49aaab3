"""Reading `UploadFile.file` by hand reads it on the event loop.

## What it does
Finds `upload.file.read()` and `upload.file.readlines()` on the event loop, where `upload` is an `UploadFile`. A look at the
first bytes (up to 64 KiB, outside of loops) is left alone, and so are `seek`, `tell` and `close`: they take microseconds.

## Why is this bad?
Starlette keeps an upload in memory up to a size and puts a larger one on disk. `upload.file` is that file, and reading it
holds the loop: how long is up to whoever sent it.

## Example
```python
from fastapi import FastAPI, UploadFile

app = FastAPI()


@app.post("/photos")
async def photo(file: UploadFile) -> int:
    return len(file.file.read())
```

```python
from fastapi import FastAPI, Request, UploadFile

app = FastAPI()


@app.post("/photos")
async def photo(file: UploadFile, request: Request) -> int:
    if await request.is_disconnected():
        return 0
    return len(file.file.read())
```

## Use instead
```python
from fastapi import FastAPI, UploadFile

app = FastAPI()


@app.post("/photos")
async def photo(file: UploadFile) -> int:
    return len(await file.read())
```

```python
from fastapi import FastAPI, Request, UploadFile

app = FastAPI()


@app.post("/photos")
async def photo(file: UploadFile, request: Request) -> int:
    if await request.is_disconnected():
        return 0
    return len(await file.read())
```

## Fix safety
Safe: `await file.read()` gives the same bytes. What is still in memory is read at once, what is on disk in a worker thread.
`readlines` has no such twin and is handed to a worker thread.

## References
- [FastAPI: Request files](https://fastapi.tiangolo.com/tutorial/request-files/#uploadfile)
- [Starlette: Request files](https://starlette.dev/requests/#request-files)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.WARNING)
