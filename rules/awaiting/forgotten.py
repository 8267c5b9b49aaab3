"""A coroutine that nobody awaits does nothing.

## What it does
Finds a statement in an `async def` that calls an `async def` of the project, or a coroutine function of a known library,
and drops what it gives.

## Why is this bad?
Calling a coroutine function only makes a coroutine. Its body never runs; Python says so in a warning that few people see.

## Example
```python
from fastapi import FastAPI

app = FastAPI()


async def audit(action: str) -> None:
    print(action)


@app.post("/orders")
async def order() -> None:
    audit("order")
```

## Use instead
```python
from fastapi import FastAPI

app = FastAPI()


async def audit(action: str) -> None:
    print(action)


@app.post("/orders")
async def order() -> None:
    await audit("order")
```

## Fix safety
Unsafe, since the code that never ran will run now, and the caller waits for it.

## References
- [Python: Coroutines](https://docs.python.org/3/library/asyncio-task.html#coroutines)
- [Pyright: `reportUnusedCoroutine`](https://microsoft.github.io/pyright/#/configuration)
"""

from collections.abc import Iterator

from rules.core.contexts import Contexts, is_offline
from rules.core.facts import show
from rules.core.findings import Severity
from rules.core.proof import unawaited
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.values import ProjectFunction

rule = Rule(__name__, __doc__, Severity.ERROR)


@rule.check
def forgotten(contexts: Contexts) -> Iterator[Remark]:
    """Every whole statement that makes a coroutine and drops it."""
    for path, facts in contexts.project.facts.items():
        for index, function in enumerate(facts.functions):
            if function.asynchronous and not is_offline(path):
                yield from _in_function(contexts, ProjectFunction(path, index))


def _in_function(contexts: Contexts, function: ProjectFunction) -> Iterator[Remark]:
    sites = contexts.project.function(function).sites
    for place in unawaited(contexts, function):
        if sites[place].statement:
            called = show(sites[place].call.callee)
            yield Remark(
                rule.name,
                rule.severity,
                function,
                Remedy.AWAIT,
                f"`{called}` is a coroutine function and nobody awaits this call, so its body never runs.",
                site=sites[place],
            )
