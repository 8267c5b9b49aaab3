"""A plain `with` or `for` over what is asynchronous.

## What it does
Finds `with` on an object that can only be entered by `async with`, and `for` over an asynchronous generator: those of the
project, and those of known libraries.

## Why is this bad?
An asynchronous context manager has no `__enter__`, an asynchronous generator no `__iter__`. Python raises `TypeError` when
the line is reached.

## Example
```python
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

app = FastAPI()


@asynccontextmanager
async def locked(name: str) -> AsyncIterator[str]:
    yield name


@app.post("/orders/{name}")
async def order(name: str) -> str:
    with locked(name) as held:
        return held
```

## Use instead
```python
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

app = FastAPI()


@asynccontextmanager
async def locked(name: str) -> AsyncIterator[str]:
    yield name


@app.post("/orders/{name}")
async def order(name: str) -> str:
    async with locked(name) as held:
        return held
```

## Fix safety
Unsafe, since the code that failed until today will run now. In a plain `def`, in a comprehension, and where a `with` enters
several objects, nothing is changed.

## References
- [Python: Asynchronous context managers](https://docs.python.org/3/reference/datamodel.html#asynchronous-context-managers)
- [Python: Asynchronous iterators](https://docs.python.org/3/reference/datamodel.html#asynchronous-iterators)
"""

from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Site, show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.rule import Rule
from rules.core.values import Iterated, Object, Outside, ProjectClass, ProjectFunction, Value, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

_NOTES = ("Today this line raises `TypeError`; the code below it runs now.",)


@rule.check
def synchronous(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every plain `with` or `for` over a call that gives something asynchronous, in files that have asynchronous code."""
    facts = contexts.project.facts[path]
    if is_offline(path) or not facts.outline.coroutines:
        return
    for index, function in enumerate(facts.functions):
        for site in function.sites:
            if (site.entered or site.iterated) and not site.suspending:
                yield from _at(contexts, ProjectFunction(path, index), site)


def _at(contexts: Contexts, place: ProjectFunction, site: Site) -> Iterator[Remark]:
    callee = contexts.project.value(site.call.callee, Where(place.path, place.index, site.line))
    if site.entered and _is_manager(callee, contexts):
        kind, word = "an asynchronous context manager", "with"
    elif site.iterated and _is_generator(callee, contexts):
        kind, word = "an asynchronous iterator", "for"
    else:
        return
    yield Remark(
        rule.name,
        rule.severity,
        place,
        Remedy.SUSPEND,
        f"`{show(site.call.callee)}` gives {kind}, which plain `{word}` cannot use: it raises `TypeError`.",
        site=site,
        advice=f"Use `async {word}`, in an `async def`.",
        notes=_NOTES,
    )


def _is_manager(callee: Value | None, contexts: Contexts) -> bool:
    if isinstance(callee, ProjectFunction):
        decorators = contexts.project.decorators(callee)
        return [d.name for d in decorators if isinstance(d, Outside)] == ["contextlib.asynccontextmanager"] and len(
            decorators
        ) == 1
    given = contexts.project.result(callee)
    if isinstance(given, Object) and isinstance(given.of, ProjectClass):
        return _has_only_asynchronous_entry(given, given.of, contexts)
    if isinstance(given, Object) and isinstance(given.of, Outside):
        knowledge = contexts.project.knowledge
        return knowledge.is_coroutine(knowledge.member(given.of.name, "__aenter__"))
    return False


def _has_only_asynchronous_entry(given: Object, of: ProjectClass, contexts: Contexts) -> bool:
    """Whether a class of the project, whose bases are all in it as well, has `__aenter__` and no `__enter__`."""
    project = contexts.project
    family = project.family(of)
    bases = sum(len(project.class_(owner).bases) for owner in family if isinstance(owner, ProjectClass))
    if bases != len(family) - 1 or not all(isinstance(owner, ProjectClass) for owner in family):
        return False
    entries = [project.member(given, name) for name in ("__aenter__", "__enter__")]
    return isinstance(entries[0], ProjectFunction) and entries[1] is None


def _is_generator(callee: Value | None, contexts: Contexts) -> bool:
    if not isinstance(callee, ProjectFunction):
        return False
    function = contexts.project.function(callee)
    plain = contexts.project.decorators_are_known(callee) and isinstance(contexts.project.result(callee), Iterated)
    return function.asynchronous and function.generator and plain
