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


@app.on_event("startup")
async def connect() -> None:
    print("connected")
```

## Fix safety
There is no fix: all handlers have to move at once, those of routers and those that other packages register as well, since none
of them runs beside a lifespan. What runs at startup comes before its `yield`, what runs at shutdown behind it.

## References
- [FastAPI: Lifespan events](https://fastapi.tiangolo.com/advanced/events/)
- [Starlette: Lifespan](https://www.starlette.io/lifespan/)
"""

from collections.abc import Iterator

from rules.core.applications import Definition, EventHandler, applications, event_handlers
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
def lifespan(contexts: Contexts) -> Iterator[Remark]:
    """The first event handler of each application that has no lifespan."""
    made = {name for name, call in applications(contexts).items() if not {"lifespan", ""} & dict(call.keywords).keys()}
    first: dict[Definition, EventHandler] = {}
    for handler in event_handlers(contexts) if made else ():
        if handler.application in made and handler.site is None:
            first.setdefault(handler.application, handler)
    for handler in first.values():
        name = contexts.project.function(handler.place).qualname
        yield Remark(
            rule.name,
            rule.severity,
            handler.place,
            Remedy.NONE,
            f"`{name}` is registered by `on_event`, which is deprecated, and stops running as soon as the application has a `lifespan`.",
            advice=_ADVICE,
        )
