"""A `def` where the framework awaits.

## What it does
Finds a `def` websocket endpoint, a `def` method of a `WebSocketEndpoint`, a `def` function under `@app.middleware("http")` and a
`def dispatch` of a `BaseHTTPMiddleware`, where they return what cannot be awaited.

## Why is this bad?
FastAPI runs a `def` endpoint in a worker thread, but it awaits these as they are: each call ends in
`TypeError: object NoneType can't be used in 'await' expression`.

## Example
```python
from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.middleware("http")
def closed(request: Request, call_next) -> Response:
    return Response("closed for today", status_code=503)
```

## Use instead
```python
from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.middleware("http")
async def closed(request: Request, call_next) -> Response:
    return Response("closed for today", status_code=503)
```

## Fix safety
Safe: what fails on each call works. Calls of `call_next`, and of coroutine functions that are known, are awaited as well. A
middleware that gives back what `call_next` gives works as `def`, and is left alone.

## References
- [FastAPI: WebSockets](https://fastapi.tiangolo.com/advanced/websockets/)
- [FastAPI: Middleware](https://fastapi.tiangolo.com/tutorial/middleware/)
- [Starlette: `BaseHTTPMiddleware`](https://www.starlette.io/middleware/#basehttpmiddleware)
"""

from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Constant, Expression, Function, Name, names_in
from rules.core.findings import Severity
from rules.core.library import Role
from rules.core.remarks import Remark, Remedy
from rules.core.roots import Root
from rules.core.rule import Rule
from rules.core.values import Object, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

_NOTES = ("The framework awaits it: as a plain `def` it fails on each call.",)


@rule.check
def crashing(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every `def` that the framework awaits, and that gives nothing to await."""
    for root in contexts.roots_in(path):
        function = contexts.project.function(root.function)
        if root.role in (Role.WEBSOCKET, Role.MIDDLEWARE) and _crashes(function, root, contexts):
            yield Remark(
                rule.name,
                rule.severity,
                root.function,
                Remedy.CONVERT,
                f"The {root.role.value} `{function.qualname}` is a plain `def`, but the framework awaits it: each call fails.",
                root=root,
                advice="Make it `async def`, and await what it calls.",
                notes=_NOTES,
            )


def _crashes(function: Function, root: Root, contexts: Contexts) -> bool:
    if function.asynchronous or function.generator or function.is_lambda or function.name in {"__call__", "__init__"}:
        return False
    if not contexts.project.decorators_are_known(root.function):
        return False
    where = Where(root.function.path, root.function.index)
    return not function.results or any(_is_no_awaitable(r, function, where, contexts) for r in function.results)


def _is_no_awaitable(result: Expression, function: Function, where: Where, contexts: Contexts) -> bool:
    """Whether one of its results is certainly nothing to await: a response, or what it takes for one."""
    if isinstance(result, Constant):
        return True
    if isinstance(result, Name) and _is_next(function, result.id):
        called = any(_is_member(site.call.callee, result.id) for site in function.sites)
        return called or any(name.startswith(f"{result.id}.") for name in function.bindings)
    return isinstance(contexts.project.value(result, where), Object)


def _is_next(function: Function, name: str) -> bool:
    """Whether a name holds what `call_next` gave, never awaited."""
    bindings = function.bindings.get(name, ())
    return len(bindings) == 1 and isinstance(bindings[0].value, Call) and bindings[0].value.callee == Name("call_next")


def _is_member(callee: Expression, name: str) -> bool:
    return isinstance(callee, Attribute) and name in names_in(callee.of)
