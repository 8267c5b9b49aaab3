"""PyMongo waits for MongoDB on the event loop.

## What it does
Finds the calls of PyMongo that reach the server (`find_one`, `insert_one`, `aggregate`, `count_documents`, ...), cursors
where they are run through, GridFS, and the documents and queries of MongoEngine, where they run on the event loop. `find`
alone asks nothing yet. `AsyncMongoClient` and Motor are left alone.

## Why is this bad?
Every query stops all requests of the worker until the server answers; where no server can be reached, for the thirty
seconds of `serverSelectionTimeoutMS`.

## Example
```python
from fastapi import Depends, FastAPI
from pymongo.database import Database

from .database import get_database

app = FastAPI()


@app.get("/books/{title}")
async def book(title: str, database: Database = Depends(get_database)):
    return database.get_collection("books").find_one({"title": title})
```

```python
from fastapi import Depends, FastAPI, Request
from pymongo.collection import Collection

from .database import get_books

app = FastAPI()


@app.post("/books")
async def add_book(request: Request, books: Collection = Depends(get_books)) -> None:
    body = await request.json()
    books.insert_one(body)
```

## Use instead
```python
from fastapi import Depends, FastAPI
from pymongo.database import Database

from .database import get_database

app = FastAPI()


@app.get("/books/{title}")
def book(title: str, database: Database = Depends(get_database)):
    return database.get_collection("books").find_one({"title": title})
```

```python
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from pymongo.collection import Collection

from .database import get_books

app = FastAPI()


@app.post("/books")
async def add_book(request: Request, books: Collection = Depends(get_books)) -> None:
    body = await request.json()
    await run_in_threadpool(books.insert_one, body)
```

## Fix safety
Safe: a `MongoClient` may be used by many threads, and the same one sends the same command. `AsyncMongoClient` is not put in
its place unasked: it belongs to one event loop, and every use of the client has to move with it.

## References
- [PyMongo: Is PyMongo thread-safe?](https://pymongo.readthedocs.io/en/stable/faq.html#is-pymongo-thread-safe)
- [PyMongo: AsyncMongoClient](https://pymongo.readthedocs.io/en/stable/api/pymongo/asynchronous/mongo_client.html)
- [FastAPI: Path operation functions](https://fastapi.tiangolo.com/async/#path-operation-functions)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
