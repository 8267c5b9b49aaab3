"""A model of peewee or Django waits for the database on the event loop.

## What it does
Finds where a query of a `peewee.Model` or a Django model reaches the database (`get`, `create`, `save`, `count`, `first`,
`execute`, or a loop that runs through it) on the event loop. Building a query is left alone. The same for models of PynamoDB.

## Why is this bad?
Every query stops all requests of the worker until the database answers. Django refuses most of them with
`SynchronousOnlyOperation`, unless `DJANGO_ALLOW_ASYNC_UNSAFE` is set.

## Example
```python
import peewee
from fastapi import FastAPI

app = FastAPI()


class User(peewee.Model):
    name = peewee.CharField()


@app.get("/users/{user_id}")
async def read_user(user_id: int) -> str:
    return User.get_by_id(user_id).name
```

## Use instead
```python
import peewee
from fastapi import FastAPI

app = FastAPI()


class User(peewee.Model):
    name = peewee.CharField()


@app.get("/users/{user_id}")
def read_user(user_id: int) -> str:
    return User.get_by_id(user_id).name
```

## Fix safety
Safe where a whole function moves to a worker thread, as here. Both libraries keep a connection for each thread, so a
transaction has to begin and to end in one of them: put all of it into one `def` function.

## References
- [peewee: Thread-safety and multiple databases](https://docs.peewee-orm.com/en/latest/peewee/database.html#thread-safety)
- [Django: Async safety](https://docs.djangoproject.com/en/stable/topics/async/#async-safety)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
