"""Google Cloud, Azure or MinIO is waited for on the event loop.

## What it does
Finds requests of the synchronous clients of Google Cloud (Storage, BigQuery, Firestore, Pub/Sub, Secret Manager, Vision and
others), of Azure (Blob Storage, Key Vault, Cosmos DB, AI Search, Tables, Service Bus) and of MinIO where they run on the
event loop. Clients of `azure.….aio` and `Async…Client` are left alone, and so is what only names a bucket or a document.

## Why is this bad?
Each is a request over the network, with retries; the transfer of a file takes as long as the file is large. All the while
this worker serves no other request.

## Example
```python
from fastapi import FastAPI
from google.cloud import storage

app = FastAPI()
files = storage.Client().bucket("files")


@app.get("/files/{name}")
async def read_file(name: str) -> str:
    return files.blob(name).download_as_text()
```

```python
from azure.storage.blob import BlobServiceClient
from fastapi import FastAPI, Request

app = FastAPI()
files = BlobServiceClient("https://files.example").get_container_client("files")


@app.put("/files/{name}")
async def write_file(name: str, request: Request) -> None:
    files.upload_blob(name, await request.body())
```

## Use instead
```python
from fastapi import FastAPI
from google.cloud import storage

app = FastAPI()
files = storage.Client().bucket("files")


@app.get("/files/{name}")
def read_file(name: str) -> str:
    return files.blob(name).download_as_text()
```

```python
from azure.storage.blob import BlobServiceClient
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
files = BlobServiceClient("https://files.example").get_container_client("files")


@app.put("/files/{name}")
async def write_file(name: str, request: Request) -> None:
    await run_in_threadpool(files.upload_blob, name, await request.body())
```

## Fix safety
Safe: the same client sends the same request, in a worker thread. The asynchronous clients of Azure and of Firestore live in
other classes, to which every use of the client has to move at once, so that is not done unasked.

## References
- [Azure: Asynchronous clients](https://learn.microsoft.com/en-us/azure/developer/python/sdk/azure-sdk-library-usage-patterns#asynchronous-operations)
- [Google Cloud Storage: Client](https://cloud.google.com/python/docs/reference/storage/latest)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
