"""Awaits that follow each other though neither needs the other.

## What it does
When asked for all, finds two or more reads in an endpoint or what it calls that are awaited one after the other, where the later
neither uses what an earlier one gives, nor shares anything with it but plain values.

## Why is this bad?
The request takes as long as both together, where the longer of the two would do.

## Example
```python
import asyncio

from fastapi import FastAPI

app = FastAPI()


async def get_price(name: str) -> int:
    await asyncio.sleep(0.1)
    return len(name)


async def get_stock(name: str) -> int:
    await asyncio.sleep(0.1)
    return 1


@app.get("/items/{name}")
async def item(name: str) -> dict:
    price = await get_price(name)
    stock = await get_stock(name)
    return {"price": price, "stock": stock}
```

## Use instead
```python
import asyncio

from fastapi import FastAPI

app = FastAPI()


async def get_price(name: str) -> int:
    await asyncio.sleep(0.1)
    return len(name)


async def get_stock(name: str) -> int:
    await asyncio.sleep(0.1)
    return 1


@app.get("/items/{name}")
async def item(name: str) -> dict:
    price, stock = await asyncio.gather(get_price(name), get_stock(name))
    return {"price": price, "stock": stock}
```

## Fix safety
Unsafe: awaited at once, the second starts even if the first fails, and both load what they ask at the same time. A fix is
offered where all that they come to is seen: they change nothing that requests share, and use no session or connection that
was made elsewhere. Over HTTP they only ask by `GET` or `HEAD`, of an address that is seen and does not say that something is
done there. In all other cases only the author can say whether it is right.

## References
- [Python: `asyncio.gather`](https://docs.python.org/3/library/asyncio-task.html#asyncio.gather)
- [Python: Task groups](https://docs.python.org/3/library/asyncio-task.html#task-groups)
"""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Awaited, Call, Function, Site, last_name, show
from rules.core.findings import Severity
from rules.core.fixes.gathering import are_independent
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.values import ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.INFO)

_READING = ("get", "fetch", "load", "list", "find", "read", "search", "count", "lookup", "query")
_ADVICE = (
    "`first, second = await asyncio.gather(..., ...)` waits for both at once; both start even if one of them fails."
)


class _Step(msgspec.Struct, frozen=True):
    """`name = await call`, a statement of its own."""

    name: str
    site: Site

    @property
    def indent(self) -> int:
        """How far the statement stands in, as formatters write it."""
        return self.site.column - len(f"{self.name} = await ")


@rule.check
def sequential(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every awaited read right behind another one that it does not need."""
    for place in contexts.on_loop(path):
        function = contexts.project.function(place)
        if not function.suspends:
            continue
        steps = sorted(_steps(function), key=lambda step: step.site.line)
        for first, second in pairwise(steps):
            follows = first.site.end_line + 1 == second.site.line and first.indent == second.indent
            if follows and _are_independent(first, second, place, contexts):
                yield _remark(first, second, place, contexts)


def _remark(first: _Step, second: _Step, place: ProjectFunction, contexts: Contexts) -> Remark:
    called, before = show(second.site.call.callee), show(first.site.call.callee)
    return Remark(
        rule.name,
        rule.severity,
        place,
        Remedy.GATHER,
        f"`{called}` needs nothing of `{before}` and still waits for it; both could be awaited at once.",
        site=second.site,
        root=contexts.loop[place].root,
        way=contexts.way(place),
        optional=True,
        advice=_ADVICE,
    )


def _steps(function: Function) -> Iterator[_Step]:
    for name, bindings in function.bindings.items():
        for binding in bindings:
            if isinstance(binding.value, Awaited) and "." not in name:
                for site in function.sites:
                    if site.awaited and site.call == binding.value.of and site.line == binding.line:
                        yield _Step(name, site)


def _are_independent(first: _Step, second: _Step, place: ProjectFunction, contexts: Contexts) -> bool:
    if any(step.site.guarded or step.site.looped or not _reads(step.site, place, contexts) for step in (first, second)):
        return False
    return are_independent((first.name, first.site), (second.name, second.site), place, contexts)


def _reads(site: Site, place: ProjectFunction, contexts: Contexts) -> bool:
    """Whether it is a function that only reads, by its name, and stands on nothing that both could share."""
    callee = site.call.callee
    is_reading = last_name(callee).lstrip("_").startswith(_READING)
    makes = contexts.awaitable(site, Where(place.path, place.index, site.line))
    return is_reading and makes and not (isinstance(callee, Attribute) and isinstance(callee.of, Call))
