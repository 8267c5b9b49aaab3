"""boto3 waits for AWS on the event loop.

## What it does
Finds the operations of a boto3 client, resource, paginator or waiter where they run on the event loop. Presigned URLs are
made without asking AWS, a paginator asks when its pages are run through: both are left alone by themselves.

## Why is this bad?
Each operation is a request over the network, with retries; the transfer of a file takes as long as the file is large. All
the while this worker serves no other request.

## Example
```python
import boto3

from fastapi import FastAPI

app = FastAPI()
s3 = boto3.client("s3")


@app.get("/files")
async def files() -> list:
    return s3.list_objects_v2(Bucket="files")["Contents"]
```

```python
import boto3

from fastapi import FastAPI, Request

app = FastAPI()
queue = boto3.client("sqs")


@app.post("/jobs")
async def job(request: Request) -> None:
    body = await request.body()
    queue.send_message(QueueUrl="https://sqs.example/jobs", MessageBody=body.decode())
```

## Use instead
```python
import boto3

from fastapi import FastAPI

app = FastAPI()
s3 = boto3.client("s3")


@app.get("/files")
def files() -> list:
    return s3.list_objects_v2(Bucket="files")["Contents"]
```

```python
import boto3

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
queue = boto3.client("sqs")


@app.post("/jobs")
async def job(request: Request) -> None:
    body = await request.body()
    await run_in_threadpool(queue.send_message, QueueUrl="https://sqs.example/jobs", MessageBody=body.decode())
```

## Fix safety
Safe: boto3's clients may be used by many threads; its resources may not be shared between them, but are used by one at a
time here. The body of what `get_object` returns is read later, and that read is not covered by a call that was handed over.
An asynchronous client needs another package (aiobotocore), so it is not put in boto3's place unasked.

## References
- [boto3: Multithreading with clients](https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
