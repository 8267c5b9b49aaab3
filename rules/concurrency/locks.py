"""A lock of threads that is held across an `await`.

## What it does
Finds `with lock:` in code that serves requests on the event loop, where the lock is one of `threading` or `multiprocessing`,
others can reach it, and its block awaits something.

## Why is this bad?
While the one task waits inside of the block, another one comes to the same `with`. A `Lock` or `Semaphore` makes the whole
event loop wait there, so the first task never goes on and never gives the lock back: the application hangs. An `RLock`
belongs to a thread, and all tasks of an event loop run in one: it lets them all in at once.

## Example
```python
import threading

import httpx
from fastapi import FastAPI

app = FastAPI()
client = httpx.AsyncClient()
lock = threading.Lock()
rates: dict[str, str] = {}


@app.get("/rates/{name}")
async def rate(name: str) -> str:
    with lock:
        if name not in rates:
            rates[name] = (await client.get(f"https://example.org/{name}")).text
    return rates[name]
```

## Fix safety
There is no fix: with an `asyncio.Lock` and `async with` only one task at a time comes in, but it keeps no worker thread out,
and whether one takes the lock is not to be seen everywhere. Where only `async def` functions take it, it can be replaced;
where threads do too, hold it only for what needs no `await`. A lock that the function makes itself is left alone.

## References
- [Python: asyncio.Lock](https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock)
- [Python: RLock objects](https://docs.python.org/3/library/threading.html#rlock-objects)
- [Python: Concurrency and multithreading in asyncio](https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading)
"""

from collections.abc import Iterator

from rules.core.blocking import of_root
from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Name, Site, show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.values import Object, Outside, ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

_HANGS = "the next task that wants it stops the event loop, and then this one can never give it back"
_LETS_IN = "it belongs to the thread, and all tasks of the event loop run in one, so that it lets them all in"
_CONSEQUENCES = {
    f"{module}.{name}": consequence
    for module in ("threading", "multiprocessing")
    for name, consequence in (
        ("Lock", _HANGS),
        ("Semaphore", _HANGS),
        ("BoundedSemaphore", _HANGS),
        ("RLock", _LETS_IN),
    )
}
_ADVICE = (
    "Where only `async def` functions take it, make it an `asyncio.Lock` and write `async with`. "
    "Where threads take it too, hold it only for what needs no `await`."
)


@rule.check
def locks(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every lock of threads that a task holds while it waits."""
    for place in contexts.on_loop(path):
        arrival = contexts.loop[place]
        for site in contexts.project.function(place).held:
            if (name := _lock(site, place, contexts)) is not None:
                yield Remark(
                    rule.name,
                    rule.severity,
                    place,
                    Remedy.NONE,
                    f"`{_held(site)}`, a `{name}`, is held across an `await` {of_root(arrival.root, contexts)}: {_CONSEQUENCES[name]}.",
                    site=site,
                    root=arrival.root,
                    way=contexts.way(place),
                    advice=_ADVICE,
                )


def _lock(site: Site, place: ProjectFunction, contexts: Contexts) -> str | None:
    """The type of the lock, if it is one and other tasks can come to it."""
    manager = site.call.callee.of if isinstance(site.call.callee, Attribute) else None
    if isinstance(manager, Name) and _is_made_on_request(manager.id, place, contexts):
        return None
    value = contexts.project.value(manager, Where(place.path, place.index, site.line))
    name = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
    return name if name in _CONSEQUENCES else None


def _is_made_on_request(name: str, place: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function that serves requests binds the name, so that each request has a lock of its own."""
    functions, index = contexts.project.facts[place.path].functions, place.index
    while index > 0 and name not in functions[index].bindings:
        index = functions[index].parent
    return ProjectFunction(place.path, index) in contexts.loop


def _held(site: Site) -> str:
    return show(site.call.callee).removesuffix(".__enter__")
