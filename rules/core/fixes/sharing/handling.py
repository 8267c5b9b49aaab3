"""The exception that is handled just now: who asks for it, or raises it anew, finds none in another thread.

https://docs.python.org/3/library/sys.html#sys.exc_info
"""

import ast

from rules.core.annotations import last_part
from rules.core.contexts import Contexts, told_once
from rules.core.facts import FAILURE, Collection, Constant, Expression, Name, Site, last_name
from rules.core.fixes.document import Document
from rules.core.library import Role
from rules.core.values import Outside, ProjectFunction, Where

HANDLED = "it asks for the exception that is handled there, which another thread does not have"
STOPPED = "a thread cannot pass on the `StopIteration` that is handled there"
_ASKING = frozenset({"traceback.format_exc", "traceback.print_exc", "sys.exc_info", "sys.exception"})
_TOLD_NOTHING = frozenset({"capture_exception", "report_exc_info", "notice_error", "print_exception"})
_SAYING = frozenset({"exc_info", "exception"})
"""How a logger is told to add the exception: by `True` the one that is handled, else the one that is given."""


def is_stop_handled(call: ast.Call, document: Document) -> bool:
    """Whether a call stands where a `StopIteration` is handled: a future turns one into a RuntimeError, or is never done.

    https://docs.python.org/3/library/asyncio-future.html#asyncio.Future.set_exception
    """
    node: ast.AST = call
    while not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module)):
        around = document.parents[node]
        if isinstance(around, ast.Try) and node in around.body and any(map(_handles_stop, around.handlers)):
            return True
        node = around
    return False


def _handles_stop(handler: ast.ExceptHandler) -> bool:
    named = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(one is not None and last_part(one) == "StopIteration" for one in named)


def is_handled_at(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a call may be made while an exception is handled."""
    return FAILURE in site.needs or is_handling(function, contexts)


@told_once
def is_handling(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function runs while an exception is handled: one of the framework's handlers, or called from an `except`.

    Starlette awaits its handlers where it has caught the exception: https://www.starlette.io/exceptions/.
    """
    seen = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        if contexts.project.function(current).name in {"__exit__", "__aexit__"}:
            return True
        root = contexts.root_of(current)
        if root is not None and root.role is Role.HANDLER:
            return True
        for call, at in contexts.project.calls_of(current):
            caller = ProjectFunction(at.path, at.function)
            if any(site.call == call and FAILURE in site.needs for site in contexts.project.function(caller).sites):
                return True
            if caller not in seen:
                seen.add(caller)
                waiting.append(caller)
    return False


@told_once
def asks_for_exception(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a function, or one that it calls, wants the exception that is handled by those who call it."""
    seen = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        facts = contexts.project.function(current)
        if facts.reraises:
            return True
        for place, site in enumerate(facts.sites):
            if FAILURE in site.needs:
                continue  # there it is one of its own
            if _asks(site, current, contexts):
                return True
            found = [one for one in contexts.targets(current, place) if one not in seen]
            seen.update(found)
            waiting += found
    return False


def _asks(site: Site, function: ProjectFunction, contexts: Contexts) -> bool:
    value = contexts.project.value(site.call.callee, Where(function.path, function.index, site.line))
    if isinstance(value, Outside) and value.name in _ASKING:
        return True
    said = [value for key, value in site.call.keywords if key in _SAYING]
    if said:
        return not all(_is_given(one) for one in said)
    name, is_told = last_name(site.call.callee), bool(site.call.arguments)
    return is_told if name == "exception" else name in _TOLD_NOTHING and not (is_told or site.call.keywords)


def _is_given(said: Expression | None) -> bool:
    """Whether it is an exception, or nothing: not the word for the one that is handled."""
    return isinstance(said, (Name, Collection)) or (isinstance(said, Constant) and not said.value)
