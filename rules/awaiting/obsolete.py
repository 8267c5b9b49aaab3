"""Functions of asyncio that Python is giving up.

## What it does
Finds `asyncio.get_event_loop` in an `async def`, `asyncio.ensure_future` of a coroutine, and `asyncio.iscoroutinefunction`.

## Why is this bad?
`asyncio.get_event_loop` makes a loop in some versions of Python where none runs, and raises in others; in a coroutine
`get_running_loop` says what is meant. `asyncio.create_task` is what the documentation asks for instead of `ensure_future`.
`asyncio.iscoroutinefunction` is deprecated since Python 3.14.

## Example
```python
import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/time")
async def time() -> float:
    return asyncio.get_event_loop().time()
```

## Use instead
```python
import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/time")
async def time() -> float:
    return asyncio.get_running_loop().time()
```

## Fix safety
Safe, except for `iscoroutinefunction`: `inspect.iscoroutinefunction` does not know objects that were marked for asyncio, as a
mock is.

## References
- [Python: `asyncio.get_event_loop`](https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.get_event_loop)
- [Python: `asyncio.ensure_future`](https://docs.python.org/3/library/asyncio-future.html#asyncio.ensure_future)
- [Python: `asyncio.iscoroutinefunction`](https://docs.python.org/3/library/asyncio-task.html#asyncio.iscoroutine)
"""

from collections.abc import Iterator

from rules.core.calls import calls_of
from rules.core.contexts import Contexts
from rules.core.facts import FAILURE, Call, Name, Site
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.values import Coroutine, ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.INFO)

_INSTEAD = {
    "asyncio.get_event_loop": "asyncio.get_running_loop",
    "asyncio.ensure_future": "asyncio.create_task",
    "asyncio.iscoroutinefunction": "inspect.iscoroutinefunction",
}
_GIVEN_UP = frozenset(_INSTEAD)
_REASONS = {
    "asyncio.get_event_loop": "says less than it means here",
    "asyncio.ensure_future": "is not meant for coroutines any more",
    "asyncio.iscoroutinefunction": "is deprecated since Python 3.14",
}
_MARKED = ("`inspect.iscoroutinefunction` does not know objects that were marked for asyncio, as mocks are.",)


@rule.check
def obsolete(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every call of what is given up, where its successor does the same."""
    for place, site, name in calls_of(_GIVEN_UP, contexts, path):
        if _is_chosen_by_version(site, place, contexts) or FAILURE in site.needs:
            continue
        asynchronous = contexts.project.function(place).asynchronous
        if name == "asyncio.ensure_future":
            is_meant = _is_made_here(site, place, contexts) and not site.call.keywords and not site.statement
        else:
            is_meant = name == "asyncio.iscoroutinefunction" or not site.call.arguments
        if is_meant and (asynchronous or name == "asyncio.iscoroutinefunction"):
            yield Remark(
                rule.name,
                rule.severity,
                place,
                Remedy.REPLACE,
                f"`{name}` {_REASONS[name]}; use `{_INSTEAD[name]}`.",
                site=site,
                advice=f"Use `{_INSTEAD[name]}`.",
                instead=_INSTEAD[name],
                notes=_MARKED if name == "asyncio.iscoroutinefunction" else (),
            )


def _is_made_here(site: Site, place: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it is given a coroutine that the function makes itself. What it was given may be any awaitable."""
    given = site.call.arguments[0] if site.call.arguments else None
    function = contexts.project.function(place)
    parameters = {parameter.name for parameter in function.parameters}
    if isinstance(given, Name) and given.id in parameters:
        return False
    if isinstance(given, Call) and isinstance(given.callee, Name) and given.callee.id in function.bindings:
        return False  # which of several functions it holds, and that each is a coroutine function, is not certain
    return isinstance(contexts.project.value(given, Where(place.path, place.index, site.line)), Coroutine)


def _is_chosen_by_version(site: Site, place: ProjectFunction, contexts: Contexts) -> bool:
    """Whether the file imports the name from more than one place, as for several versions of Python."""
    callee = site.call.callee
    module = contexts.project.facts[place.path].functions[0]
    return isinstance(callee, Name) and len(module.bindings.get(callee.id, ())) > 1
