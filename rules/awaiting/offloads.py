"""A hand-over to a worker thread that hands over the wrong thing.

## What it does
Finds `run_in_threadpool`, `asyncio.to_thread`, `run_in_executor` and `BackgroundTasks.add_task` that are given the result of
a call where they want the function, and the first three of them with an `async def`.

## Why is this bad?
`run_in_threadpool(work())` runs `work` at once, on the event loop, and then fails to call its result in the thread.
A thread that calls an `async def` only makes a coroutine: its body never runs.

## Example
```python
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


def report(name: str) -> None:
    print(name)


@app.post("/reports/{name}")
async def create(name: str, tasks: BackgroundTasks) -> str:
    tasks.add_task(report(name))
    return name
```

## Use instead
```python
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


def report(name: str) -> None:
    print(name)


@app.post("/reports/{name}")
async def create(name: str, tasks: BackgroundTasks) -> str:
    tasks.add_task(report, name)
    return name
```

## Fix safety
Unsafe: the function runs in the thread, or after the response, as the line means it to; today it runs before, or never.

## References
- [Starlette: Thread pool](https://www.starlette.io/threadpool/)
- [FastAPI: Background tasks](https://fastapi.tiangolo.com/tutorial/background-tasks/)
- [Python: `asyncio.to_thread`](https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread)
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from rules.core.calls import calls_of, gives_plain_value, is_coroutine_function
from rules.core.contexts import Contexts
from rules.core.facts import Call, Site, show
from rules.core.findings import Severity
from rules.core.knowledge import Knowledge
from rules.core.library import Role
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.values import Outside, ProjectFunction, Value, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

_ITERATORS = frozenset({"starlette.concurrency.iterate_in_threadpool"})
_ANYTHING = ("queue", "future", "thread", "primitives", "concurrent")  # such calls give what others have put in


@rule.check
def offloads(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every hand-over of a call's result, or of a coroutine function to a thread."""
    known = _arguments(contexts.project.knowledge)
    for place, site, name in calls_of(frozenset(known), contexts, path):
        given = site.call.arguments[known[name]] if known[name] < len(site.call.arguments) else None
        where = Where(place.path, place.index, site.line)
        if isinstance(given, Call):
            yield from _called(contexts, place, site, given, name)
        elif name in contexts.project.knowledge.offloads and is_coroutine_function(
            contexts.project.value(given, where), contexts
        ):
            if _may_run_coroutines(name, contexts):
                continue
            message = f"`{show(given)}` is a coroutine function: the thread only makes a coroutine of it, whose body never runs."
            notes = ("The function runs now, on the event loop; the thread never runs its body.",)
            yield _remark(place, site, message, Remedy.CALL, "Await the function itself.", notes)


def _may_run_coroutines(name: str, contexts: Contexts) -> bool:
    """Whether the project has an executor of its own, which may run what a coroutine function gives."""
    is_method = name.startswith("concurrent.futures.")
    return is_method and contexts.table("executors", lambda: {"": _has_executors(contexts)})[""]


def _has_executors(contexts: Contexts) -> bool:
    return any("Executor" in base for base in contexts.project.deriving)


@lru_cache(maxsize=4)
def _arguments(knowledge: Knowledge) -> Mapping[str, int]:
    """At which place each callable takes the function."""
    found = {name: offload.argument for name, offload in knowledge.offloads.items() if name not in _ITERATORS}
    for rows in knowledge.registrations.values():
        found |= {row.name: row.argument or 0 for row in rows if row.role is Role.BACKGROUND}
    return found


def _called(contexts: Contexts, place: ProjectFunction, site: Site, given: Call, name: str) -> Iterator[Remark]:
    project = contexts.project
    inner = next((s for s in project.function(place).sites if s.call == given and s.span in site.span), None)
    callee = project.value(given.callee, Where(place.path, place.index, site.line))
    if inner is None or inner.awaited:
        return
    called, outer = show(given.callee), show(site.call.callee)
    if is_coroutine_function(callee, contexts):
        message = f"`{outer}` wants a function, and `{called}()` is a coroutine, which cannot be called."
        notes = ("The function runs now; as it is, this call never runs its body.",)
        if name in project.knowledge.offloads:
            yield _remark(place, site, message, Remedy.UNWRAP, "Await the coroutine itself.", notes)
        else:
            yield _remark(place, inner, message, Remedy.HAND_OVER, "Give it the function and its arguments.", notes)
    elif _gives_no_function(callee, contexts):
        message = f"`{called}` runs here and now; `{outer}` is given its result, which cannot be called."
        notes = (f"`{called}` runs where `{outer}` takes it, in a worker thread if it is a `def`, no longer before.",)
        yield _remark(place, inner, message, Remedy.HAND_OVER, "Give it the function and its arguments.", notes)


def _remark(
    place: ProjectFunction, site: Site, message: str, remedy: Remedy, advice: str, notes: tuple[str, ...]
) -> Remark:
    return Remark(rule.name, rule.severity, place, remedy, message, site=site, advice=advice, notes=notes)


def _gives_no_function(callee: Value | None, contexts: Contexts) -> bool:
    if isinstance(callee, ProjectFunction):
        return gives_plain_value(callee, contexts)
    if not isinstance(callee, Outside):
        return False
    knowledge = contexts.project.knowledge
    row = knowledge.exactly(callee.name)
    made = {callee.name, knowledge.result(callee.name)}
    if row is None or any(knowledge.exactly(f"{one}.__call__") is not None for one in made):
        return False  # an object that is made here may be called there
    return not any(word in row.rule for word in _ANYTHING)
