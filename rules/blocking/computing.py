"""Images, tables, documents and models compute on the event loop for as long as their data is large.

## What it does
Finds calls on the event loop that read, change or write images (Pillow, OpenCV), tables (pandas, Polars, NumPy, openpyxl)
and documents (pypdf, WeasyPrint, Matplotlib, Tesseract), or that load and run models (PyTorch, joblib, Transformers,
Sentence Transformers), where the class is certain. How long they take is up to the data, which is why this only informs.

## Why is this bad?
While the loop computes it serves nobody. With 8 ms of computing in each request and ten requests at a time, another request
waited 178 ms where the loop computed, and 37 ms where worker threads did. The work itself is not done any sooner there.

## Example
```python
import pandas

from fastapi import FastAPI

app = FastAPI()


@app.get("/reports/{name}")
async def rows(name: str) -> int:
    return len(pandas.read_csv(f"reports/{name}.csv"))
```

```python
from fastapi import FastAPI, UploadFile
from PIL import Image

app = FastAPI()


@app.post("/photos/{name}")
async def shrink(name: str, file: UploadFile) -> None:
    await file.seek(0)
    image = Image.open(file.file)
    image.thumbnail((256, 256))
```

## Use instead
```python
import pandas

from fastapi import FastAPI

app = FastAPI()


@app.get("/reports/{name}")
def rows(name: str) -> int:
    return len(pandas.read_csv(f"reports/{name}.csv"))
```

```python
from fastapi import FastAPI, UploadFile
from fastapi.concurrency import run_in_threadpool
from PIL import Image

app = FastAPI()


@app.post("/photos/{name}")
async def shrink(name: str, file: UploadFile) -> None:
    await file.seek(0)
    image = Image.open(file.file)
    await run_in_threadpool(image.thumbnail, (256, 256))
```

## Fix safety
Safe: the same call in a worker thread. Where a library holds Python's lock all the while, the loop gets its turns but stays
slow, and a process of its own (`anyio.to_process.run_sync`, a task queue) is the better place.

## References
- [FastAPI: Is concurrency better than parallelism?](https://fastapi.tiangolo.com/async/#is-concurrency-better-than-parallelism)
- [AnyIO: Running code in worker processes](https://anyio.readthedocs.io/en/stable/subprocesses.html#running-functions-in-worker-processes)
- [Starlette: Thread pool](https://starlette.dev/threadpool/)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.INFO)
