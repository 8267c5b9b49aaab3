"""Startup and shutdown handlers, which FastAPI has deprecated for the lifespan.

## What it does
Finds the first function that `@app.on_event` registers on an application that has no `lifespan=`.

## Why is this bad?
FastAPI has deprecated `on_event` and warns where it is used. On the day on which someone gives the application a `lifespan=`,
its event handlers stop running, and nothing says so. A lifespan also keeps what is opened and what is closed in one function,
so that a client can be held open by `async with`.

## Example
```python
from fastapi import FastAPI

app = FastAPI()


@app.on_event("shutdown")
async def disconnect() -> None:
    print("disconnected")
```

## Use instead
```python
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await disconnect()


app = FastAPI(lifespan=lifespan)


async def disconnect() -> None:
    print("disconnected")
```

## Fix safety
Safe: the functions stay as they are, and are called in the order in which they were registered. All handlers have to move at
once, since none of them runs beside a lifespan; so it is offered where all of them are seen: they stand in the file that makes
the application, no router has one, nobody runs them by hand, and nobody else is given the application, who might register more.

## References
- [FastAPI: Lifespan events](https://fastapi.tiangolo.com/advanced/events/)
- [Starlette: Lifespan](https://www.starlette.io/lifespan/)
"""

from collections.abc import Iterator

from rules.core.applications import applications, first_handlers, handlers_in
from rules.core.contexts import Contexts
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.INFO)

_ADVICE = (
    "Move the code of all handlers into one `@asynccontextmanager` function, before its `yield` what runs at startup, "
    "behind it what runs at shutdown, and make the application with `FastAPI(lifespan=...)`."
)


@rule.check
def lifespan(contexts: Contexts, path: str) -> Iterator[Remark]:
    """The first event handler of each application that has no lifespan."""
    for handler in dict.fromkeys(handlers_in(path, contexts)):
        made = applications(contexts).get(handler.application)
        if made is None or {"lifespan", ""} & dict(made.keywords).keys():
            continue
        if first_handlers(contexts).get(handler.application) != handler:
            continue
        name = contexts.project.function(handler.place).qualname
        yield Remark(
            rule.name,
            rule.severity,
            handler.place,
            Remedy.MOVE,
            f"`{name}` is registered by `on_event`, which is deprecated, and stops running as soon as the application has a `lifespan`.",
            advice=_ADVICE,
        )
