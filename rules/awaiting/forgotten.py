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

from rules.core.calls import is_examined
from rules.core.contexts import Contexts
from rules.core.facts import show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.rule import Rule
from rules.core.values import ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.ERROR)


@rule.check
def forgotten(contexts: Contexts) -> Iterator[Remark]:
    """Every whole statement that makes a coroutine and drops it."""
    project = contexts.project
    known = frozenset().union(
        *(f.outline.coroutines for f in project.facts.values()), project.knowledge.coroutine_names
    )
    for path, facts in project.facts.items():
        maybe = facts.outline.dropped & known or (facts.outline.dropped and facts.outline.imported & known)
        if maybe and not is_offline(path):
            for index, function in enumerate(facts.functions):
                if function.asynchronous:
                    yield from _in_function(contexts, ProjectFunction(path, index))


def _in_function(contexts: Contexts, function: ProjectFunction) -> Iterator[Remark]:
    facts = contexts.project.function(function)
    for site in facts.sites:
        is_dropped = site.statement and contexts.awaitable(site, Where(function.path, function.index, site.line))
        if is_dropped and not is_examined(site.call.callee, facts):
            yield Remark(
                rule.name,
                rule.severity,
                function,
                Remedy.AWAIT,
                f"`{show(site.call.callee)}` is a coroutine function and nobody awaits this call, so its body never runs.",
                site=site,
            )
