"""Startup and shutdown handlers that never run, since the application has a lifespan.

## What it does
Finds functions that `@app.on_event` registers, or `app.add_event_handler`, on an application that is also given `lifespan=`.

## Why is this bad?
An application with a lifespan ignores its event handlers: they are registered, and nobody calls them. Nothing says so.

## Example
```python
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield


app = FastAPI(lifespan=lifespan)


@app.on_event("startup")
async def connect() -> None:
    print("connected")
```

## Fix safety
There is no fix: where in the lifespan the code belongs, and in which order, only the author can say. What runs at startup
stands before its `yield`, what runs at shutdown behind it.

## References
- [FastAPI: Lifespan events](https://fastapi.tiangolo.com/advanced/events/)
- [Starlette: Lifespan](https://www.starlette.io/lifespan/)
"""

from collections.abc import Iterator

from rules.core.applications import applications, handlers_in
from rules.core.contexts import Contexts
from rules.core.facts import Constant, show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.ERROR)

_NOTHING = (None, Constant(None, "NoneType"))
_ADVICE = "Move its code into the lifespan: before the `yield` what runs at startup, behind it what runs at shutdown."


@rule.check
def events(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every event handler of an application that has a lifespan."""
    for handler in handlers_in(path, contexts):
        made = applications(contexts).get(handler.application)
        if made is not None and dict(made.keywords).get("lifespan") not in _NOTHING:
            site = handler.site
            name = contexts.project.function(handler.place).qualname
            what = f"What `{show(site.call.callee)}` registers" if site else f"`{name}`"
            yield Remark(
                rule.name,
                rule.severity,
                handler.place,
                Remedy.NONE,
                f"{what} never runs: an application with a `lifespan` ignores its event handlers.",
                site=site,
                advice=_ADVICE,
            )
