"""The calls of a project that a check asks for by name, and what is certain of their results."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from rules.core.contexts import Contexts
from rules.core.facts import (
    Choice,
    Collection,
    Computed,
    Constant,
    Expression,
    Facts,
    Function,
    Import,
    Site,
    Subscript,
    last_name,
)
from rules.core.repository import is_offline
from rules.core.values import Coroutine, Object, Outside, ProjectClass, ProjectFunction, Value, Where

_ANYTHING = frozenset({"builtins.object", "builtins.type"})
_EXAMINING = frozenset({"isasyncgen", "isasyncgenfunction", "isawaitable", "iscoroutine", "iscoroutinefunction"})
_ASKED = frozenset({"async", "asynchronous", "awaitable", "coroutine", "coroutinefunction"})
"""What the names of other functions that ask so speak of: `is_coroutine_callable`, `_is_async`."""


def calls_of(names: frozenset[str], contexts: Contexts, path: str) -> Iterator[tuple[ProjectFunction, Site, str]]:
    """Every call in a file of the library functions of these dotted names, with its name, where requests may be served."""
    last = _last_names(names)
    facts = contexts.project.facts[path]
    if is_offline(path) or not (facts.outline.called & last or any(one.name in last for one in facts.outline.imports)):
        return
    written = last | _renamed(facts, last)
    for index, function in enumerate(facts.functions):
        for site in function.sites:
            if last_name(site.call.callee) in written and not site.scripted:
                callee = contexts.project.value(site.call.callee, Where(path, index, site.line))
                if isinstance(callee, Outside) and callee.name in names:
                    yield ProjectFunction(path, index), site, callee.name


def anywhere(names: frozenset[str], contexts: Contexts) -> bool:
    """Whether any of these library functions is called, wherever requests may be served."""
    paths = contexts.project.calling_or_importing(_last_names(names))
    return any(True for path in paths for _ in calls_of(names, contexts, path))


@lru_cache(maxsize=64)
def _last_names(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for name in names)


def coroutine_names(contexts: Contexts) -> Mapping[str, bool]:
    """The names of all `async def` functions of the project."""
    return contexts.table("coroutines", lambda: dict.fromkeys(_coroutine_names(contexts), True))


def _coroutine_names(contexts: Contexts) -> frozenset[str]:
    return frozenset().union(*(facts.outline.coroutines for facts in contexts.project.facts.values()))


def _renamed(facts: Facts, names: frozenset[str]) -> set[str]:
    """The names under which a file imports any of these: `run as start`."""
    return {
        name
        for function in (facts.functions if facts.outline.imported & names else ())
        for name, bindings in function.bindings.items()
        for binding in bindings
        if isinstance(binding.value, Import) and binding.value.name in names
    }


def is_coroutine_function(callee: Value | None, contexts: Contexts) -> bool:
    """Whether calling it certainly gives a coroutine: an `async def` of the project, or one that a library is known for.

    Of a method that derived classes have as well, each has to be one.
    """
    if isinstance(callee, ProjectFunction):
        is_method = contexts.project.function(callee).owner >= 0
        others = contexts.project.implementations(callee) if is_method else ()
        return all(_gives_coroutine(one, contexts) for one in (callee, *others))
    return isinstance(callee, Outside) and contexts.project.knowledge.is_coroutine(callee.name)


def _gives_coroutine(of: ProjectFunction, contexts: Contexts) -> bool:
    asynchronous = contexts.project.function(of).asynchronous
    return asynchronous and isinstance(contexts.project.result(of), Coroutine)


def is_examined(of: Expression, function: Function) -> bool:
    """Whether the function asks at run time if something can be awaited: it minds both (`inspect.isawaitable` and its kin)."""
    return any(_examines(last_name(site.call.callee)) and of in site.call.arguments for site in function.sites)


def _examines(name: str) -> bool:
    first, *words = name.lower().strip("_").split("_")
    return name in _EXAMINING or (first == "is" and not _ASKED.isdisjoint(words))


def gives_plain_value(of: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function of the project certainly returns what can neither be awaited nor called."""
    function = contexts.project.function(of)
    if function.asynchronous or function.generator or function.is_lambda or function.decorators or function.owner >= 0:
        return False
    if function.returns is not None:
        return _is_plain(function.returns, Where(of.path, function.parent, function.line), contexts)
    return all(isinstance(result, (Constant, Collection, Computed)) for result in function.results)


def _is_plain(annotation: Expression | None, where: Where, contexts: Contexts) -> bool:
    if isinstance(annotation, Choice):
        return all(_is_plain(option, where, contexts) for option in annotation.options)
    named = contexts.project.value(annotation.of if isinstance(annotation, Subscript) else annotation, where)
    if isinstance(named, ProjectClass):
        return not any(contexts.project.member(Object(named), name) for name in ("__await__", "__call__"))
    is_builtin = isinstance(named, Outside) and named.name.startswith("builtins.") and named.name not in _ANYTHING
    return annotation == Constant(None, "NoneType") or is_builtin
