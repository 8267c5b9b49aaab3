"""A task that nobody keeps may be collected before it is done.

## What it does
Finds a statement in an `async def` that starts a task with `asyncio.create_task` or `asyncio.ensure_future` and drops it.

## Why is this bad?
The event loop holds tasks by weak references only. A task that nothing else refers to may be garbage-collected in the middle
of its work, and an exception in it is told to nobody.

## Example
```python
import asyncio

from fastapi import FastAPI

app = FastAPI()


async def audit(action: str) -> None:
    await asyncio.sleep(1)
    print(action)


@app.post("/orders")
async def order() -> None:
    asyncio.create_task(audit("order"))
```

## Fix safety
There is no fix, since it depends on who is to keep the task: FastAPI's `BackgroundTasks`, a task group, or a set of the
module from which `task.add_done_callback(tasks.discard)` takes it; one that the application starts as it starts is kept on
`app.state`.

## References
- [Python: `asyncio.create_task`](https://docs.python.org/3/library/asyncio-task.html#asyncio.create_task)
- [FastAPI: Background tasks](https://fastapi.tiangolo.com/tutorial/background-tasks/)
- [Ruff: RUF006](https://docs.astral.sh/ruff/rules/asyncio-dangling-task/)
- [flake8-async: ASYNC300](https://flake8-async.readthedocs.io/en/latest/rules.html#async300)
"""

from collections.abc import Iterator

from rules.core.calls import calls_of
from rules.core.contexts import Contexts
from rules.core.facts import show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule

rule = Rule(__name__, __doc__, Severity.WARNING, codes=("RUF006", "ASYNC300"))

_STARTERS = frozenset({"asyncio.create_task", "asyncio.ensure_future", "asyncio.AbstractEventLoop.create_task"})
_ADVICE = (
    "Keep it: `task = asyncio.create_task(...)`, `tasks.add(task)` and `task.add_done_callback(tasks.discard)` with a set "
    "of the module; or give the function to FastAPI's `BackgroundTasks`."
)


_ADVICE_FOR_STARTUP = (
    "Keep it for as long as the application runs, for example `app.state.task = asyncio.create_task(...)`, and call "
    "`app.state.task.cancel()` as it stops."
)


@rule.check
def tasks(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every task that is started and dropped on the event loop."""
    for place, site, _ in calls_of(_STARTERS, contexts, path):
        is_served = place in contexts.loop
        if site.statement and (is_served or place in contexts.starting):
            yield Remark(
                rule.name,
                rule.severity,
                place,
                Remedy.NONE,
                f"Nothing refers to the task of `{show(site.call.callee)}`, so it may be collected before it is done.",
                site=site,
                advice=_ADVICE if is_served else _ADVICE_FOR_STARTUP,
            )
