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

from collections.abc import Iterable, Iterator

from rules.core.calls import coroutine_names, is_examined
from rules.core.contexts import Contexts
from rules.core.facts import show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.rule import Rule
from rules.core.values import ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.ERROR)


@rule.check
def forgotten(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every whole statement that makes a coroutine and drops it."""
    facts = contexts.project.facts[path]
    dropped = facts.outline.dropped
    if not dropped or is_offline(path) or not _may_make_coroutines((*dropped, *facts.outline.imported), contexts):
        return
    for index, function in enumerate(facts.functions):
        if function.asynchronous:
            yield from _in_function(contexts, ProjectFunction(path, index))


def _may_make_coroutines(names: Iterable[str], contexts: Contexts) -> bool:
    known, own = contexts.project.knowledge.coroutine_names, coroutine_names(contexts)
    return any(name in known or name in own for name in names)


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
                f"`{show(site.call.callee)}` is a coroutine function and nobody awaits this call, so that it does nothing.",
                site=site,
            )
