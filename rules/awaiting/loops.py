"""A second event loop is started where one runs already.

## What it does
Finds `asyncio.run`, `run_until_complete`, `anyio.run` and `async_to_sync` in an `async def`, and in a `def` that is called on
the event loop while requests are served.

## Why is this bad?
A thread runs one event loop at a time. Python raises `RuntimeError: asyncio.run() cannot be called from a running event
loop`, and the coroutine that was given is never awaited.

## Example
```python
import asyncio

from fastapi import FastAPI

app = FastAPI()


async def load(name: str) -> str:
    await asyncio.sleep(0.1)
    return name


@app.get("/items/{name}")
async def item(name: str) -> str:
    return asyncio.run(load(name))
```

## Use instead
```python
import asyncio

from fastapi import FastAPI

app = FastAPI()


async def load(name: str) -> str:
    await asyncio.sleep(0.1)
    return name


@app.get("/items/{name}")
async def item(name: str) -> str:
    return await load(name)
```

## Fix safety
Unsafe, since the coroutine, which never ran, will run now. In a `def` nothing is changed: it would have to be `async def`, and
all who call it would have to await it. A project that patches the loop with `nest_asyncio` is left alone.

## References
- [Python: `asyncio.run`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.run)
- [asgiref: `async_to_sync`](https://github.com/django/asgiref#function-wrappers)
"""

from collections.abc import Iterator

from rules.core.calls import anywhere, calls_of
from rules.core.contexts import Contexts
from rules.core.facts import Site, last_name, show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.values import ProjectFunction

rule = Rule(__name__, __doc__, Severity.ERROR)

_STARTERS = frozenset(
    {
        "asyncio.run",
        "asyncio.AbstractEventLoop.run_until_complete",
        "asyncio.AbstractEventLoop.run_forever",
        "anyio.run",
    }
)
_WRAPPERS = frozenset({"asgiref.sync.async_to_sync", "asgiref.sync.AsyncToSync"})
_PATCHES = frozenset({"nest_asyncio.apply", "nest_asyncio2.apply"})
_ASKING = frozenset({"get_running_loop", "get_event_loop", "is_running", "current_async_library"})
_ADVICE = (
    "Make the function `async def` and await the coroutine, or hand the function to a worker thread where it is called."
)
_NOTES = ("Today this line raises `RuntimeError`; the coroutine runs now.",)


@rule.check
def loops(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every start of a loop on a loop."""
    if contexts.table("patched", lambda: {"": anywhere(_PATCHES, contexts)})[""]:
        return
    for place, site, name in calls_of(_STARTERS, contexts, path):
        if _runs_on_loop(place, contexts):
            takes_coroutine = name != "anyio.run" and not name.endswith(".run_forever")
            yield _remark(place, site, Remedy.UNWRAP if takes_coroutine else Remedy.NONE, contexts)
    for place, wrapper, _ in calls_of(_WRAPPERS, contexts, path):
        for site in contexts.project.function(place).sites if wrapper.use == "called" else ():
            if site.call.callee == wrapper.call and _runs_on_loop(place, contexts):
                yield _remark(place, site, Remedy.UNWRAP, contexts)


def _runs_on_loop(place: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it surely runs on a loop: in an `async def`, or in a `def` called from there that asks for no loop first."""
    function = contexts.project.function(place)
    if function.asynchronous:
        return True
    return place in contexts.loop and not any(last_name(site.call.callee) in _ASKING for site in function.sites)


def _remark(place: ProjectFunction, site: Site, remedy: Remedy, contexts: Contexts) -> Remark:
    asynchronous = contexts.project.function(place).asynchronous
    arrival = contexts.loop.get(place)
    return Remark(
        rule.name,
        rule.severity,
        place,
        remedy if asynchronous else Remedy.NONE,
        f"`{show(site.call.callee)}` starts an event loop where one runs already, and raises `RuntimeError`.",
        site=site,
        root=arrival.root if arrival is not None else None,
        way=contexts.way(place) if arrival is not None else (),
        advice=_ADVICE,
        notes=_NOTES,
    )
