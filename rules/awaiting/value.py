"""A coroutine that is used as if it were its result.

## What it does
Finds a call of a coroutine function whose value is used there and then without `await`: tested for truth, indexed,
compared, put into a text, run through, or asked for an attribute. The same for a name that holds the coroutine, and for an
endpoint that returns one.

## Why is this bad?
Without `await` the call gives a coroutine, and its body never runs. A coroutine is always true, so `if is_allowed(user):`
lets everybody in. Any other use fails when the line is reached.

## Example
```python
from fastapi import FastAPI, HTTPException

app = FastAPI()


async def is_allowed(token: str) -> bool:
    return token == "secret"


@app.get("/orders")
async def orders(token: str) -> list:
    if not is_allowed(token):
        raise HTTPException(403)
    return []
```

## Use instead
```python
from fastapi import FastAPI, HTTPException

app = FastAPI()


async def is_allowed(token: str) -> bool:
    return token == "secret"


@app.get("/orders")
async def orders(token: str) -> list:
    if not await is_allowed(token):
        raise HTTPException(403)
    return []
```

## Fix safety
Unsafe, since the code that never ran will run now. Where the coroutine is held by a name first, where the call stands in a
plain `def`, and where what it gives could not be used so either, nothing is changed.

## References
- [Python: Coroutines](https://docs.python.org/3/library/asyncio-task.html#coroutines)
- [mypy: `truthy-bool`](https://mypy.readthedocs.io/en/stable/error_code_list2.html#check-that-expression-is-not-implicitly-true-in-boolean-context-truthy-bool)
"""

from collections.abc import Iterator
from itertools import chain

from rules.core.calls import coroutine_names, is_coroutine_function, is_examined
from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Constant, Function, Name, Site, show
from rules.core.findings import Severity
from rules.core.library import Role
from rules.core.remarks import Remark, Remedy
from rules.core.repository import is_offline
from rules.core.rule import Rule
from rules.core.values import Coroutine, Iterated, Keyed, ProjectFunction, Value, Where

rule = Rule(__name__, __doc__, Severity.ERROR)

# What a coroutine, a future, or the object that a library makes to be awaited once, has itself.
OWN = frozenset(
    {
        *(".close", ".send", ".throw", ".cr_await", ".cr_code", ".cr_frame", ".cr_running", ".__await__"),
        *(".add_done_callback", ".cancel", ".cancelled", ".done", ".exception", ".result", ".set_name", ".get_name"),
    }
)
_USES = {
    "tested": "which is always true",
    "item": "which has no items",
    "compared": "which equals nothing else",
    "computed": "which no operator takes",
    "formatted": "whose text is `<coroutine object ...>`",
    "unpacked": "which cannot be unpacked",
    "called": "which cannot be called",
    "iterated": "which cannot be run through",
    "entered": "which is no context manager",
}
_OF_ANYTHING = frozenset({"tested", "compared", "formatted"})
_NOTHING = Constant(None, "NoneType")
_ELSE = "`await` alone would not mend it: what the function gives cannot be used so either."
_LOOPS = {"__iter__": "iterated", "__enter__": "entered"}


@rule.check
def used_as_value(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every coroutine that is used where it is made, held by a name that is used, or returned by an endpoint."""
    facts, known = contexts.project.facts[path], coroutine_names(contexts)
    used = chain(facts.outline.called, facts.outline.imported)
    if is_offline(path) or not (facts.outline.coroutines or any(name in known for name in used)):
        return
    for index in range(len(facts.functions)):
        place = ProjectFunction(path, index)
        if _is_anything_in(place, contexts):
            yield from _in_function(contexts, place)


def _is_anything_in(place: ProjectFunction, contexts: Contexts) -> bool:
    """Whether there is anything to say of a function."""
    memory = contexts.project.memory
    return memory.answer("misusing", place.path, place.index, lambda: any(_in_function(contexts, place)))


def _in_function(contexts: Contexts, place: ProjectFunction) -> Iterator[Remark]:
    function, root = contexts.project.function(place), contexts.root_of(place)
    is_endpoint = root is not None and root.role is Role.ENDPOINT
    returned = function.results if is_endpoint and function.asynchronous else ()
    held_calls = tuple(call for name, call in _holders(function) if not is_examined(Name(name), function))
    for site in function.sites:
        use = _use(site)
        if (
            site.awaited
            or site.scripted
            or site.statement
            or not (use or site.call in returned or site.call in held_calls)
        ):
            continue
        callee = contexts.project.value(site.call.callee, Where(place.path, place.index, site.line))
        if not is_coroutine_function(callee, contexts):
            continue
        if use and _is_wrong(use, callee):
            fails = _fails_awaited(site, use, callee, contexts)
            remedy, advice = (Remedy.NONE, _ELSE) if fails else (Remedy.AWAIT, "")
            yield _remark(place, site, _told(site, _reason(use)), remedy, advice)
        elif site.call in returned and _is_the_one(site, function, returned.count(site.call)):
            yield _remark(place, site, _told(site, "which FastAPI cannot answer with"), Remedy.AWAIT)
        elif (
            isinstance(callee, ProjectFunction)
            and _is_the_one(site, function, 1)
            and site.call in held_calls
            and (held := _misused(site, function))
        ):
            name, reason = held
            advice = f"Put `await` before the call, unless `{name}` is awaited further down: then use what that gives."
            remedy = Remedy.NONE if function.asynchronous else Remedy.AWAIT
            yield _remark(
                place, site, _told(site, f"held by `{name}`, {reason}"), remedy, advice if function.asynchronous else ""
            )


def _is_the_one(site: Site, function: Function, times: int) -> bool:
    """Whether no other call reads the same, of which the result may be used in another way: `create_task(send())`."""
    alike = [one for one in function.sites if one.call == site.call and not (one.awaited or one.statement or _use(one))]
    return len(alike) <= times


def _remark(place: ProjectFunction, site: Site, message: str, remedy: Remedy, advice: str = "") -> Remark:
    return Remark(rule.name, rule.severity, place, remedy, message, site=site, advice=advice)


def _told(site: Site, reason: str) -> str:
    called = show(site.call.callee)
    return f"`{called}` is a coroutine function: without `await` the call gives a coroutine, {reason}."


def _use(site: Site) -> str:
    if site.use:
        return site.use
    return "iterated" if site.iterated else "entered" if site.entered else ""


def _reason(use: str) -> str:
    return f"which has no `{use}`" if use.startswith(".") else _USES[use]


def _is_wrong(use: str, callee: Value | None) -> bool:
    """Whether no coroutine can be used so. What a library's call gives may be more than a coroutine: an object to be
    entered or run through as well as awaited.
    """
    if use in OWN:
        return False
    return isinstance(callee, ProjectFunction) or use not in {"iterated", "entered"}


def _fails_awaited(site: Site, use: str, callee: Value | None, contexts: Contexts) -> bool:
    """Whether what the coroutine gives cannot be used so either: nothing, or what only a plain `for` runs through."""
    if not isinstance(callee, ProjectFunction) or use in _OF_ANYTHING:
        return False
    made = contexts.project.result(callee)
    given = made.result if isinstance(made, Coroutine) else None
    is_plain = isinstance(given, Keyed) or (isinstance(given, Iterated) and not given.asynchronous)
    return (site.suspending and is_plain) or _gives_nothing(contexts.project.function(callee))


def _gives_nothing(function: Function) -> bool:
    """Whether a function returns `None`, as far as it is written: one without a body says nothing."""
    if function.returns is not None:
        return function.returns == _NOTHING
    return bool(function.sites) and all(one == _NOTHING for one in function.results)


def _holders(function: Function) -> Iterator[tuple[str, Call]]:
    """The names that hold the value of a call, each with the call, where the function binds that name only once."""
    parameters = {parameter.name for parameter in function.parameters}
    for name, bindings in function.bindings.items():
        if len(bindings) == 1 and isinstance(bindings[0].value, Call) and "." not in name and name not in parameters:
            yield name, bindings[0].value


def _misused(site: Site, function: Function) -> tuple[str, str] | None:
    """The name that holds the coroutine, and what is wrong with how it is used."""
    for name, call in _holders(function):
        if call != site.call:
            continue
        if name in function.tested:
            return name, _USES["tested"]
        for other in function.sites:
            match other.call.callee:
                case Attribute(of=Name(id=of), name=attribute) if of == name and f".{attribute}" not in OWN:
                    return name, _USES.get(_LOOPS.get(attribute, ""), f"which has no `.{attribute}`")
    return None
