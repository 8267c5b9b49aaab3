"""A `def` endpoint or dependency that waits for nothing needs no worker thread.

## What it does
Finds dependencies, and when asked for all also endpoints, that are plain `def` although every call in them is known to neither
wait nor compute for long.

## Why is this bad?
FastAPI runs each `def` in a thread pool of forty. A hop costs about 0.13 ms of CPU on every request, and takes one of the
forty from those that need it. For a trivial dependency that is more than the work itself.

## Example
```python
from fastapi import Depends, FastAPI

app = FastAPI()


def page(offset: int = 0, limit: int = 100) -> dict:
    return {"offset": offset, "limit": min(limit, 100)}


@app.get("/items")
async def items(page: dict = Depends(page)) -> dict:
    return page
```

## Use instead
```python
from fastapi import Depends, FastAPI

app = FastAPI()


async def page(offset: int = 0, limit: int = 100) -> dict:
    return {"offset": offset, "limit": min(limit, 100)}


@app.get("/items")
async def items(page: dict = Depends(page)) -> dict:
    return page
```

## Fix safety
Safe. FastAPI calls dependencies and endpoints either way, and the function is called by nobody else. Where a call is not
known, where a lock, a context variable or a decorator of the project's own is used, the rule is silent.

## References
- [FastAPI: Dependencies](https://fastapi.tiangolo.com/async/#dependencies)
- [Starlette: Thread pool](https://www.starlette.io/threadpool/)
"""

import sys
from collections.abc import Iterator

from rules.core.contexts import Contexts
from rules.core.facts import Call, Function, last_name
from rules.core.findings import Severity
from rules.core.library import Role
from rules.core.remarks import Remark, Remedy
from rules.core.roots import Root
from rules.core.rule import Rule
from rules.core.usage import is_used_by_hand, reached
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where

rule = Rule(__name__, __doc__, Severity.INFO)

_THREAD_BOUND = frozenset({"threading.local", "contextvars.ContextVar"})
_SESSION = "databases/session"
_INJECTING = frozenset({"Depends", "Security"})
_ROWLESS = frozenset({*sys.stdlib_module_names, "fastapi", "starlette"})
"""The packages that have no classes of rows."""
_QUICK_BASES = frozenset({"pydantic.BaseModel", "enum.Enum", "enum.StrEnum", "enum.IntEnum", "builtins.Exception"})


@rule.check
def threaded(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every `def` dependency or endpoint that is quick from end to end."""
    for root in contexts.roots_in(path):
        function = contexts.project.function(root.function)
        if root.role in (Role.DEPENDENCY, Role.ENDPOINT) and _could_be_asynchronous(function, root, contexts):
            yield Remark(
                rule.name,
                rule.severity,
                root.function,
                Remedy.CONVERT,
                f"The {root.role.value} `{function.qualname}` waits for nothing, yet FastAPI runs it in a worker thread.",
                root=root,
                optional=root.role is Role.ENDPOINT,
            )


def _could_be_asynchronous(function: Function, root: Root, contexts: Contexts) -> bool:
    return (
        not (function.asynchronous or function.generator or function.is_lambda)
        and function.owner < 0
        and contexts.project.decorators_are_known(root.function)
        and not any(d is not None for d in function.decorators if root.role is Role.DEPENDENCY)
        and not function.writes
        and is_quick(root.function, contexts)
        and not (root.role is Role.ENDPOINT and _is_given_rows(root.function, contexts))
        and not (root.role is Role.DEPENDENCY and _is_given_expired(root.function, contexts))
        and not is_used_by_hand(root.function, contexts)
        and root.function not in contexts.project.overrides
    )


def is_quick(function: ProjectFunction, contexts: Contexts, hops: int = 4) -> bool:
    """Whether every call in the function is known to neither wait nor compute for long."""
    facts = contexts.project.function(function)
    if not hops or facts.suspends or facts.generator or facts.loops or facts.managers:
        return False
    if any(_is_thread_bound(name, function, contexts) for name in facts.reads):
        return False
    if contexts.live_attributes & set(facts.reads):
        return False
    for site in facts.sites:
        value = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
        sorted_by = dict(site.call.keywords).get("key")
        if site.looped or site.entered or sorted_by or not _is_quick_call(value, contexts, hops):
            return False
    return True


def _is_given_rows(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a dependency gives it what may come from a database, and may be loaded when it is read.

    FastAPI itself reads the answer for its model, on the loop if the endpoint is asynchronous, else in the thread.
    """
    return any(
        not (isinstance(given, ProjectFunction) and _gives_nothing_to_load(given, contexts))
        for given in _given(function, contexts)
    )


def _gives_nothing_to_load(dependency: ProjectFunction, contexts: Contexts) -> bool:
    return is_quick(dependency, contexts) and not _is_given_rows(dependency, contexts)


def _is_given_expired(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a dependency gives it what may come from a database, after a commit: reading that loads it again.

    https://docs.sqlalchemy.org/en/21/orm/session_basics.html#committing
    """
    seen = {*_given(function, contexts)}
    waiting = [*seen]
    while waiting:
        given = waiting.pop()
        if isinstance(given, Object):
            continue  # one of FastAPI's, as for security
        if not isinstance(given, ProjectFunction) or any(_commits(one, contexts) for one in reached(given, contexts)):
            return True
        more = [one for one in _given(given, contexts) if one not in seen]
        seen.update(more)
        waiting += more
    return False


def _commits(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function commits on a session whose methods block."""
    for site in contexts.project.function(function).sites:
        blocked = contexts.blocking(site, Where(function.path, function.index, site.line))
        if blocked is not None and blocked[0].rule == _SESSION and last_name(site.call.callee) == "commit":
            return True
    return False


def _given(function: ProjectFunction, contexts: Contexts) -> Iterator[Value | None]:
    """The dependencies that give a function what may be a row: of each parameter whose type is none of a known library.

    None stands for one that cannot be told, as of a package outside.
    """
    facts, project = contexts.project.function(function), contexts.project
    inside, around = Where(function.path, function.index), Where(function.path, facts.parent, facts.line)
    for parameter in facts.parameters:
        given = project.dependency(parameter, around)
        is_injected = isinstance(parameter.default, Call) and last_name(parameter.default.callee) in _INJECTING
        value = project.name(parameter.name, inside) if given is not None or is_injected else None
        if (given is not None or is_injected) and not _is_of_known_library(value, contexts):
            yield given


def _is_of_known_library(value: Value | None, contexts: Contexts) -> bool:
    """Whether it is an object of a library of which there are rows, or one of Python itself."""
    name = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
    return name.partition(".")[0] in _ROWLESS or contexts.project.knowledge.is_named(name)


def _is_thread_bound(name: str, function: ProjectFunction, contexts: Contexts) -> bool:
    value = contexts.project.name(name, Where(function.path, function.index))
    return isinstance(value, Object) and isinstance(value.of, Outside) and value.of.name in _THREAD_BOUND


def _is_quick_call(callee: object, contexts: Contexts, hops: int) -> bool:
    match callee:
        case Outside(name=name):
            return contexts.project.knowledge.is_quick(name)
        case ProjectFunction():
            facts = contexts.project.function(callee)
            is_told = not (facts.asynchronous or facts.decorators or contexts.project.is_abstract(callee))
            return is_told and is_quick(callee, contexts, hops - 1)
        case ProjectClass():
            return _is_quick_class(callee, contexts, hops)
        case _:
            return False


def _is_quick_class(of: ProjectClass, contexts: Contexts, hops: int) -> bool:
    """A class whose making runs nothing but its own quick `__init__`; pydantic models only where they validate plainly."""
    made = contexts.project.member(Object(of), "__init__")
    if isinstance(made, ProjectFunction):
        return is_quick(made, contexts, hops - 1)
    family = contexts.project.family(of)
    validating = any(contexts.project.class_(owner).methods for owner in family if isinstance(owner, ProjectClass))
    return not validating and all(o.name in _QUICK_BASES for o in family if isinstance(o, Outside))
