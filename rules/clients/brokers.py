"""A broker is waited for on the event loop.

## What it does
Finds what publishes to a broker or waits for it where it runs on the event loop: a Celery task's `delay` and `apply_async`
and the `get` of its result, `flush`, `poll` and `get` of the Kafka clients, Pika's `BlockingConnection`, `enqueue` of RQ, `send`
of Dramatiq, `publish` of Kombu.

## Why is this bad?
To publish takes a moment while the broker is well. When it is gone or full, the call repeats or waits, and with it every
request of the worker. To wait for a task's result holds the loop for as long as the task takes.

## Example
```python
from celery import Celery
from fastapi import FastAPI

app = FastAPI()
tasks = Celery("tasks")


@app.get("/results/{task_id}")
async def result(task_id: str):
    return tasks.AsyncResult(task_id).get(timeout=10)
```

```python
from fastapi import FastAPI, Request
from redis import Redis
from rq import Queue

app = FastAPI()
queue = Queue(connection=Redis())


@app.post("/jobs")
async def job(request: Request) -> None:
    body = await request.json()
    queue.enqueue("jobs.run", body)
```

## Use instead
```python
from celery import Celery
from fastapi import FastAPI

app = FastAPI()
tasks = Celery("tasks")


@app.get("/results/{task_id}")
def result(task_id: str):
    return tasks.AsyncResult(task_id).get(timeout=10)
```

```python
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from redis import Redis
from rq import Queue

app = FastAPI()
queue = Queue(connection=Redis())


@app.post("/jobs")
async def job(request: Request) -> None:
    body = await request.json()
    await run_in_threadpool(queue.enqueue, "jobs.run", body)
```

## Fix safety
Safe: the same message is published in the same way, from a worker thread. Pika's connections may be used by one thread at a
time only, which is so here as long as each request has its own.

## References
- [Celery: Calling tasks](https://docs.celeryq.dev/en/stable/userguide/calling.html)
- [Pika: Is Pika thread safe?](https://pika.readthedocs.io/en/stable/faq.html)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
