"""Startup and shutdown handlers that never run, since the application has a lifespan.

## What it does
Finds functions that `@app.on_event` registers, or `app.add_event_handler`, on an application that is also given `lifespan=`.

## Why is this bad?
An application with a lifespan ignores its event handlers: they are registered, and nobody calls them. Nothing says so.

## Example
```python
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield


app = FastAPI(lifespan=lifespan)


@app.on_event("startup")
async def connect() -> None:
    print("connected")
```

## Fix safety
There is no fix: where in the lifespan the code belongs, and in which order, only the author can say. What runs at startup
stands before its `yield`, what runs at shutdown behind it.

## References
- [FastAPI: Lifespan events](https://fastapi.tiangolo.com/advanced/events/)
- [Starlette: Lifespan](https://www.starlette.io/lifespan/)
"""

from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Constant, Expression, Site, show
from rules.core.findings import Severity
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.rule import Rule
from rules.core.values import Outside, ProjectFunction, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

_APPLICATIONS = frozenset({"fastapi.FastAPI", "starlette.applications.Starlette"})
_NOTHING = (None, Constant(None, "NoneType"))
_ADVICE = "Move its code into the lifespan: before the `yield` what runs at startup, behind it what runs at shutdown."


@rule.check
def events(contexts: Contexts) -> Iterator[Remark]:
    """Every event handler of an application that has a lifespan."""
    applications = set(_with_lifespan(contexts))
    if not applications:
        return
    for path, facts in contexts.project.facts.items():
        if is_offline(path) or not (facts.outline.decorating | facts.outline.called) & {
            "on_event",
            "add_event_handler",
        }:
            continue
        for index, function in enumerate(facts.functions):
            for decorator in function.decorators:
                where = Where(path, function.parent, function.line)
                if isinstance(decorator, Call) and _registers(
                    decorator.callee, "on_event", where, applications, contexts
                ):
                    yield _remark(ProjectFunction(path, index), f"`{function.qualname}`", None)
            for site in function.sites:
                where = Where(path, index, site.line)
                if _registers(site.call.callee, "add_event_handler", where, applications, contexts):
                    yield _remark(ProjectFunction(path, index), f"What `{show(site.call.callee)}` registers", site)


def _remark(place: ProjectFunction, what: str, site: Site | None) -> Remark:
    return Remark(
        rule.name,
        rule.severity,
        place,
        Remedy.NONE,
        f"{what} never runs: an application with a `lifespan` ignores its event handlers.",
        site=site,
        advice=_ADVICE,
    )


def _with_lifespan(contexts: Contexts) -> Iterator[tuple[str, str]]:
    """The applications that are made with a lifespan, by file and name."""
    for path, facts in contexts.project.facts.items():
        if is_offline(path) or not facts.outline.called & {"FastAPI", "Starlette"}:
            continue
        for index, function in enumerate(facts.functions):
            for name, bindings in function.bindings.items():
                at_once = len({binding.line for binding in bindings}) == 1
                if at_once and any(_has_lifespan(b.value, Where(path, index, b.line), contexts) for b in bindings):
                    yield path, name if index == 0 else f"{function.qualname}.{name}"


def _has_lifespan(value: Expression, where: Where, contexts: Contexts) -> bool:
    if not isinstance(value, Call) or dict(value.keywords).get("lifespan") in _NOTHING:
        return False
    callee = contexts.project.value(value.callee, where)
    return isinstance(callee, Outside) and callee.name in _APPLICATIONS


def _registers(
    callee: Expression, name: str, where: Where, applications: set[tuple[str, str]], contexts: Contexts
) -> bool:
    if not (isinstance(callee, Attribute) and callee.name == name):
        return False
    return contexts.project.definition(callee.of, where) in applications
