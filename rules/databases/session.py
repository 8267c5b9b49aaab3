"""A synchronous SQLAlchemy or SQLModel session on the event loop waits for the database.

## What it does
Finds calls of a `Session`, a `Query` or a `Connection` that reach the database (`execute`, `commit`, `first`, `exec`, ...)
where they run on the event loop. The session may come from a dependency, an `Annotated` alias, a repository's `self`, a
`with` block, a global of another file, or a helper's parameter.

## Why is this bad?
Every statement stops all requests of the worker until the database answers. Under load it is worse: a request that waits for
a free connection holds the very loop on which another would give one back, until the pool's timeout.

## Example
```python
from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session

from .database import get_db
from .models import User

app = FastAPI()


@app.get("/users/{user_id}")
async def read_user(user_id: int, db: Session = Depends(get_db)):
    return db.query(User).filter(User.id == user_id).first()
```

```python
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from .database import get_db
from .models import User

app = FastAPI()


@app.post("/users")
async def create_user(request: Request, db: Session = Depends(get_db)):
    db.add(User(**await request.json()))
    db.commit()
```

## Use instead
```python
from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session

from .database import get_db
from .models import User

app = FastAPI()


@app.get("/users/{user_id}")
def read_user(user_id: int, db: Session = Depends(get_db)):
    return db.query(User).filter(User.id == user_id).first()
```

```python
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from .database import get_db
from .models import User

app = FastAPI()


@app.post("/users")
async def create_user(request: Request, db: Session = Depends(get_db)):
    db.add(User(**await request.json()))
    await run_in_threadpool(db.commit)
```

## Fix safety
Safe. The session stays what it is and is used by one thread at a time. Where the function awaits nothing it becomes `def`;
FastAPI then runs it in a worker thread, as it does for the dependency that opened the session. Relationships that are loaded
lazily later on are not covered by a call that was handed over.

Where the project also has an `async def` dependency that yields an `AsyncSession` of the same database, that one takes the place of
the first in all that is done with it: queries become statements, helpers are awaited. So does a class whose objects keep their
session (`self.db = db`), as a whole: every object of it has to be made with a session that is exchanged too, and whoever calls its
methods has to be able to await them. A class that others derive from, whose methods are handed on, that a `def` endpoint or a test
uses, or whose objects keep rows besides is left alone. It is unsafe where a row is shown as it was before a commit, or the drivers
differ.

## References
- [SQLAlchemy: Is the Session thread-safe?](https://docs.sqlalchemy.org/en/21/orm/session_basics.html)
- [FastAPI: SQL databases](https://fastapi.tiangolo.com/tutorial/sql-databases/)
"""

from rules.core.findings import Severity
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)
