"""`await` before what cannot be awaited.

## What it does
Finds `await` before a call that certainly gives no awaitable: a plain `def` of the project that returns a simple value, a
blocking function of a library, or a method of an asynchronous object that is itself not asynchronous, as `AsyncSession.add`.

## Why is this bad?
The call is made, and then Python raises `TypeError: object NoneType can't be used in 'await' expression`.

## Example
```python
from fastapi import FastAPI

app = FastAPI()


def price(amount: int) -> dict:
    return {"total": amount * 3}


@app.get("/price")
async def quote(amount: int) -> dict:
    return await price(amount)
```

## Use instead
```python
from fastapi import FastAPI

app = FastAPI()


def price(amount: int) -> dict:
    return {"total": amount * 3}


@app.get("/price")
async def quote(amount: int) -> dict:
    return price(amount)
```

## Fix safety
Unsafe, since the code behind the call, which failed until today, will run now. The `await` of a blocking function stays:
without it the call would block the event loop.

## References
- [Python: Awaitables](https://docs.python.org/3/library/asyncio-task.html#awaitables)
- [SQLAlchemy: `AsyncSession.add`](https://docs.sqlalchemy.org/en/21/orm/extensions/asyncio.html#sqlalchemy.ext.asyncio.AsyncSession.add)
"""

from collections.abc import Iterator

from rules.core.calls import gives_plain_value, is_examined
from rules.core.contexts import Contexts
from rules.core.facts import Site, show
from rules.core.findings import Severity
from rules.core.library import Weight
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.rule import Rule
from rules.core.values import Object, Outside, ProjectFunction, Value, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

_NOTES = ("Today this line raises `TypeError`; the code behind it runs now.",)


@rule.check
def needless(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every awaited call that certainly gives something else than an awaitable."""
    facts = contexts.project.facts[path]
    if is_offline(path) or not facts.outline.coroutines:
        return
    for index, function in enumerate(facts.functions):
        for site in function.sites if function.asynchronous else ():
            if site.awaited and not is_examined(site.call.callee, function):
                yield from _at(contexts, ProjectFunction(path, index), site)


def _at(contexts: Contexts, place: ProjectFunction, site: Site) -> Iterator[Remark]:
    callee = contexts.project.value(site.call.callee, Where(place.path, place.index, site.line))
    if isinstance(callee, ProjectFunction):
        if not gives_plain_value(callee, contexts) or _has_rivals(callee, contexts):
            return
        advice = "Take the `await` away."
    elif isinstance(callee, Outside) and _is_blocking_function(callee, contexts):
        advice = "Use an awaitable instead, or hand the call to a worker thread; without `await` it would block the event loop."
    elif isinstance(callee, Outside) and _is_quick(callee, contexts) and _is_simple(contexts.project.result(callee)):
        advice = "Take the `await` away."
    else:
        return
    yield Remark(
        rule.name,
        rule.severity,
        place,
        Remedy.RELEASE,
        f"`{show(site.call.callee)}` gives nothing that can be awaited, so `await` raises `TypeError` here.",
        site=site,
        advice=advice,
        notes=_NOTES,
    )


def _is_quick(callee: Outside, contexts: Contexts) -> bool:
    """Whether no row says that it blocks: of what blocks the same library has mostly something that is awaited, by the same name."""
    return contexts.project.knowledge.exactly(callee.name) is None


def _is_simple(value: Value | None) -> bool:
    return isinstance(value, Object) and isinstance(value.of, Outside) and value.of.name.startswith("builtins.")


def _has_rivals(of: ProjectFunction, contexts: Contexts) -> bool:
    """Whether its name is bound to something else as well: by a fallback import, by a replacement at run time."""
    function = contexts.project.function(of)
    around = contexts.project.facts[of.path].functions[function.parent]
    return len(around.bindings.get(function.name, ())) != 1


def _is_blocking_function(callee: Outside, contexts: Contexts) -> bool:
    """Whether it is a blocking function of a module. A method may be called on another object than its type says."""
    row = contexts.project.knowledge.exactly(callee.name)
    is_method = any(part[:1].isupper() for part in callee.name.split("."))
    return row is not None and row.weight is not Weight.CPU and not (row.lazy or row.either or is_method)
