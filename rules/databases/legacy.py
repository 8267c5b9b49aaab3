"""`AsyncSession` has no `query`.

## What it does
Finds `query` and the `bulk_` methods of SQLAlchemy's `Session` where they are called on an `AsyncSession`.

## Why is this bad?
An `AsyncSession` has none of them: the line raises `AttributeError: 'AsyncSession' object has no attribute 'query'`. It comes
from a session that was made asynchronous while the statements below it stayed.

## Example
```python
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.models import User

app = FastAPI()
make_session = async_sessionmaker()


@app.get("/users")
async def users() -> int:
    async with make_session() as session:
        return len(session.query(User).all())
```

## Fix safety
There is no fix: what the statement is to become depends on how its rows are used. Build it with `select` and await
`session.scalars(...)`, or hand a function that takes the synchronous session to `await session.run_sync(...)`.

## References
- [SQLAlchemy: AsyncSession](https://docs.sqlalchemy.org/en/21/orm/extensions/asyncio.html#sqlalchemy.ext.asyncio.AsyncSession)
- [SQLAlchemy: from Query to select](https://docs.sqlalchemy.org/en/21/changelog/migration_20.html#migration-20-query-usage)
"""

from collections.abc import Iterator

from rules.core.calls import calls_of
from rules.core.contexts import Contexts
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)

_OWNERS = ("sqlalchemy.ext.asyncio.AsyncSession", "sqlmodel.ext.asyncio.session.AsyncSession")
_ABSENT = ("query", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings")
_CALLS = frozenset(f"{owner}.{name}" for owner in _OWNERS for name in _ABSENT)
_ADVICE = (
    "Build the statement with `select(...)` and await `session.scalars(...)`, or use `await session.run_sync(...)`."
)


@rule.check
def legacy(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every call of what only the synchronous session has."""
    for place, site, name in calls_of(_CALLS, contexts, path):
        message = f"`AsyncSession` has no `{name.rpartition('.')[2]}`: this raises `AttributeError`."
        yield Remark(rule.name, rule.severity, place, Remedy.NONE, message, site=site, advice=_ADVICE)
