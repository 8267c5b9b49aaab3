"""One AsyncSession in several tasks at once.

## What it does
Finds `asyncio.gather` where two or more of the coroutines use the same SQLAlchemy `AsyncSession`.

## Why is this bad?
A session holds one connection and one transaction, and is not safe in tasks that run at once. SQLAlchemy raises
`InvalidRequestError` ("This session is provisioning a new connection; concurrent operations are not permitted"), or
`IllegalStateChangeError`, and does so only when the tasks happen to meet.

## Example
```python
import asyncio

from fastapi import Depends, FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

app = FastAPI()
factory = async_sessionmaker(create_async_engine("postgresql+asyncpg://localhost/shop"))


async def get_session():
    async with factory() as session:
        yield session


@app.get("/counts")
async def counts(session: AsyncSession = Depends(get_session)) -> list:
    users, orders = await asyncio.gather(
        session.scalar(text("select count(*) from users")),
        session.scalar(text("select count(*) from orders")),
    )
    return [users, orders]
```

## Fix safety
There is no fix: either the statements run one after the other, or each task opens a session of its own from the factory, and
then they are no longer one transaction.

## References
- [SQLAlchemy: Using AsyncSession with concurrent tasks](https://docs.sqlalchemy.org/en/21/orm/extensions/asyncio.html#using-asyncsession-with-concurrent-tasks)
"""

from collections import Counter
from collections.abc import Iterator

from rules.core.calls import calls_of
from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Collection, Expression, Name, Site, show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.usage import given_to
from rules.core.values import Object, Outside, ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

_GATHER = frozenset({"asyncio.gather"})
_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"
_SCOPED = "sqlalchemy.ext.asyncio.async_scoped_session"  # gives each task its own
_ADVICE = (
    "Await the statements one after the other, or open a session for each task: "
    "`async with session_factory() as session:` inside of it."
)


@rule.check
def sessions(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every `gather` of coroutines that share a session."""
    for place, site, _ in calls_of(_GATHER, contexts, path):
        where = Where(place.path, place.index, site.line)
        uses = Counter(name for arm in _arms(contexts, place, site) for name in _sessions(arm, where, contexts))
        for name, count in uses.items():
            if count > 1:
                yield Remark(
                    rule.name,
                    rule.severity,
                    place,
                    Remedy.NONE,
                    f"`{name}` is one `AsyncSession`, and several of these tasks use it at once, which it cannot bear.",
                    site=site,
                    advice=_ADVICE,
                )
                break


def _arms(contexts: Contexts, place: ProjectFunction, site: Site) -> Iterator[Expression]:
    """The coroutines that are gathered; one that a generator makes stands for several."""
    function = contexts.project.function(place)
    for given in site.call.arguments:
        held = function.bindings.get(given.id, ()) if isinstance(given, Name) else ()
        if isinstance(given, Call):
            yield given
        elif len(held) == 1:
            yield held[0].value
    for inner in function.sites:
        is_made_often = inner.lazy or (inner.looped and not site.looped)
        if inner != site and inner.span in site.span and is_made_often and not inner.awaited:
            yield from (inner.call, inner.call)


def _sessions(arm: Expression, where: Where, contexts: Contexts) -> set[str]:
    return {show(part) for part in _parts(arm) if _is_session(part, where, contexts)}


def _parts(expression: Expression | None) -> Iterator[Expression]:
    """The names and attributes in a call: what it is made on, and what it is given."""
    match expression:
        case Name():
            yield expression
        case Attribute(of=of):
            yield expression
            yield from _parts(of)
        case Call(callee=callee):
            for part in (callee, *given_to(expression)):
                yield from _parts(part)
        case Collection(items=items):
            for part in items:
                yield from _parts(part)


def _is_session(part: Expression, where: Where, contexts: Contexts) -> bool:
    value = contexts.project.value(part, where)
    if not (isinstance(value, Object) and isinstance(value.of, Outside)):
        return False
    family = contexts.project.knowledge.family(value.of.name)
    return _SESSION in family and _SCOPED not in family
