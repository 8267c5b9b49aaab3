"""A `def` endpoint that waits for another service in one of forty threads, though it could be awaited.

## What it does
Finds `def` endpoints, dependencies, exception handlers, background tasks and generators of streamed responses that wait for
another service, where all of what they do can be made asynchronous in one fix: the function, the helpers that it calls with
everybody who calls them, and the client. It is said of services that take long (language models, APIs), and when all
is asked for also of quick ones.

## Why is this bad?
It is not wrong: FastAPI runs a `def` in a thread pool, so nobody else is held up. But the pool has forty threads for everything.
While forty requests wait for half a second each, the next one waits for a thread. What is awaited needs none: with an upstream
of 500 ms and 200 requests at once an asynchronous client served two to five times as many.
A single user will notice nothing.

## Example
```python
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()


@app.get("/ask")
def ask(question: str) -> str:
    answer = client.responses.create(model="gpt-5", input=question)
    return answer.output_text
```

## Use instead
```python
from fastapi import FastAPI
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI()


@app.get("/ask")
async def ask(question: str) -> str:
    answer = await client.responses.create(model="gpt-5", input=question)
    return answer.output_text
```

## Fix safety
All or nothing: it is offered where every call of the function is known to be quick, is awaited after the fix, or is handed to a
worker thread; where all that calls the function can await it; and where the client is used nowhere else. Routes, parameters and
responses stay as they are. It is unsafe where the asynchronous client differs, where tests replace it, or where a context manager
awaits what it does behind its `yield`, which a cancelled request may cut off.

## References
- [FastAPI: Concurrency and async / await](https://fastapi.tiangolo.com/async/)
- [Starlette: Thread pool](https://www.starlette.io/threadpool/)
"""

from collections.abc import Iterator, Mapping
from functools import partial

import msgspec

from rules.core.blocking import spoken
from rules.core.contexts import ALWAYS_ON_LOOP, Contexts, told_once
from rules.core.facts import Call, Expression
from rules.core.findings import Severity
from rules.core.fixes.clients.holding import held_at
from rules.core.fixes.responses import STREAMS
from rules.core.library import Weight
from rules.core.remarks import Remark, Remedy
from rules.core.roots import AGENTS, Root
from rules.core.rule import Rule
from rules.core.sinks import Sink
from rules.core.values import Outside, ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.INFO)

_DEEPEST = 4  # calls from the endpoint to what waits
_QUICKER_IN_THREADS = frozenset({"httpx"})  # measured with many requests at once; its successors are not


@rule.check
def upstream(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every `def` that the framework runs in a thread, and that waits for what could be awaited."""
    for root in contexts.roots_in(path):
        if root.role in ALWAYS_ON_LOOP | AGENTS or contexts.project.function(root.function).asynchronous:
            continue
        found = _longest(root.function, contexts)
        if found is not None:
            yield _remark(root.function, found, contexts, root)
    for generator in contexts.table("streamed", partial(_streamed, contexts)).get(path, ()):
        found = _longest(generator, contexts)
        if found is not None:
            yield _remark(generator, found, contexts, None)


class _Wait(msgspec.Struct, frozen=True):
    """What a function waits for, and whether that is long enough to say so."""

    name: str
    pays: bool


def _remark(function: ProjectFunction, wait: _Wait, contexts: Contexts, root: Root | None) -> Remark:
    name = contexts.project.function(function).qualname
    subject = f"`{root.route}`" if root is not None and root.route else f"`{name}`"
    return Remark(
        rule.name,
        rule.severity,
        function,
        Remedy.TURN,
        f"{subject} waits for `{spoken(wait.name)}` in one of FastAPI's forty threads; it could be awaited.",
        root=root,
        optional=not wait.pays,
    )


def _pays(sink: Sink) -> bool:
    """Whether it waits for long enough: for a service that is asked over the network."""
    return sink.row.rule.startswith("clients/") and sink.name.partition(".")[0] not in _QUICKER_IN_THREADS


def _longest(function: ProjectFunction, contexts: Contexts) -> _Wait | None:
    """What a function waits for longest of all that could be awaited."""
    slowest = partial(_slowest, function, contexts)
    return contexts.project.memory.answer("longest", function.path, function.index, slowest)


def _slowest(function: ProjectFunction, contexts: Contexts) -> _Wait | None:
    if contexts.sink(function) is None:
        return None
    found = [*_waits(function, contexts)]
    return next((wait for wait in found if wait.pays), found[0] if found else None)


def _waits(function: ProjectFunction, contexts: Contexts) -> Iterator[_Wait]:
    """The calls, in the function or in what it calls, that have an awaitable twin."""
    seen, waiting = {function}, [(function, 0)]
    for current, depth in waiting:
        yield from _own_waits(current, contexts)
        for called in contexts.callees(current) if depth < _DEEPEST else ():
            if called not in seen and not contexts.project.function(called).asynchronous:
                seen.add(called)
                waiting.append((called, depth + 1))


@told_once
def _own_waits(function: ProjectFunction, contexts: Contexts) -> tuple[_Wait, ...]:
    """Those that stand in the function itself."""
    found = partial(_found_waits, function, contexts)
    return contexts.project.memory.each("own waits", function.path, function.index, found)


def _found_waits(function: ProjectFunction, contexts: Contexts) -> Iterator[_Wait]:
    for sink in contexts.own_sinks(function):
        if sink.row.weight is Weight.WAIT and _has_twin(sink, function, contexts):
            yield _Wait(sink.name, _pays(sink))


def _has_twin(sink: Sink, function: ProjectFunction, contexts: Contexts) -> bool:
    has_twin = sink.row.twin is not None and not sink.row.twin.wraps
    if has_twin or sink.name in contexts.project.knowledge.twins:
        return True
    return held_at(function, sink.site, contexts) is not None


def _streamed(contexts: Contexts) -> Mapping[str, list[ProjectFunction]]:
    """For each file its `def` generators that are handed to a streaming response."""
    calling = contexts.project.calling
    paths = {path for name in STREAMS for path in calling.get(name.rpartition(".")[2], ())}
    found: dict[str, list[ProjectFunction]] = {}
    for path in sorted(paths):
        for function in contexts.project.memory.each("streamed", path, "", partial(_streamed_in, path, contexts)):
            own = found.setdefault(function.path, [])
            if function not in own:
                own.append(function)
    return found


def _streamed_in(path: str, contexts: Contexts) -> Iterator[ProjectFunction]:
    """The `def` generators that a file hands to a streaming response."""
    for index, function in enumerate(contexts.project.facts[path].functions):
        for site in function.sites:
            where = Where(path, index, site.line)
            callee = contexts.project.value(site.call.callee, where)
            if isinstance(callee, Outside) and callee.name in STREAMS:
                for generator in _generators(site.call.arguments[:1], where, contexts):
                    if not contexts.project.function(generator).asynchronous:
                        yield generator


def _generators(given: tuple[Expression | None, ...], where: Where, contexts: Contexts) -> Iterator[ProjectFunction]:
    for argument in given:
        made = contexts.project.value(argument.callee, where) if isinstance(argument, Call) else None
        if isinstance(made, ProjectFunction) and contexts.project.function(made).generator:
            yield made
