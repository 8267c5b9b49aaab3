"""`async def` back to `def`, which FastAPI runs in a worker thread."""

import ast

from rules.core.contexts import ALWAYS_ON_LOOP, Contexts, told_once
from rules.core.facts import last_name
from rules.core.findings import Fix, Span, Way
from rules.core.fixes.document import Document
from rules.core.fixes.files.rewriting import looks_for_a_name, rewriting
from rules.core.fixes.files.same import ONE_NAME, writes_same_file
from rules.core.fixes.responses import is_sent
from rules.core.fixes.sharing.deposits import TAKEN_OVER, takes_over
from rules.core.fixes.sharing.exclusive import is_called_on
from rules.core.fixes.sharing.handling import HANDLED, asks_for_exception, is_handling
from rules.core.fixes.sharing.hazards import BOUND, PER_THREAD, SHARED, read_from_other_threads, thread_hazard
from rules.core.fixes.sharing.in_memory import IN_MEMORY, uses_own_database
from rules.core.fixes.signatures import realigned
from rules.core.remarks import Remark
from rules.core.roots import AGENTS
from rules.core.usage import is_used_by_hand, reached
from rules.core.values import ProjectFunction, Where

CALLED = "It awaits nothing, so FastAPI can run it in its thread pool, 40 calls at a time."
_REGISTRIES = frozenset({"sqlalchemy.orm.scoped_session"})
_ENDING = frozenset({"close", "remove"})
"""Methods that end the session of a thread: https://docs.sqlalchemy.org/en/20/orm/contextual.html#sqlalchemy.orm.scoped_session.remove."""
SENT = "It awaits nothing, so the response can run through it in the thread pool, step by step."


def reverse(remark: Remark, contexts: Contexts, document: Document) -> Fix | str | None:
    """`async def` to `def`: FastAPI runs it in a worker thread then, which is a right place for blocking code."""
    if reason := refusal(remark.function, contexts):
        return reason
    function = contexts.project.function(remark.function)
    definition = document.function_at(function.line)
    if not isinstance(definition, ast.AsyncFunctionDef):
        return None
    line = document.line(function.line)
    start = function.column - 1
    width = len(line[start:]) - len(line[start:].removeprefix("async").lstrip())
    if not line[start + width :].startswith("def"):
        return None
    span = Span(function.line, function.column, function.line, function.column + width)
    edits = (document.replace(span, ""), *realigned(definition, -width, document))
    return Fix("Drop `async`", Way.REVERSE, edits, notes=(SENT if function.generator else CALLED,))


@told_once
def refusal(function: ProjectFunction, contexts: Contexts) -> str:
    """Why a function may not lose its `async`, in a few words; empty where it may.

    What FastAPI calls, it calls either way. But the body must await nothing and use nothing that belongs to the loop; it
    must not be called by hand; and since forty threads may run it at once, it must not change what they share. So it is with a
    generator that responses alone run through, of which each step may have a thread of its own.
    """
    facts = contexts.project.function(function)
    if is_sent(function, contexts):
        return _refusal_of_sent(function, contexts)
    root = contexts.root_of(function)
    if root is None or root.role in ALWAYS_ON_LOOP | AGENTS:
        return "the framework needs it to be asynchronous"
    if facts.suspends:
        return "it awaits"
    if facts.generator:
        return "it is an asynchronous generator"
    if not contexts.project.decorators_are_known(function):
        return "a decorator is unknown"
    if is_used_by_hand(function, contexts):
        return "it is called or handed over elsewhere"
    return _hazard(function, contexts)


def _refusal_of_sent(function: ProjectFunction, contexts: Contexts) -> str:
    facts = contexts.project.function(function)
    if facts.suspends:
        return "it awaits"
    if facts.returns is not None or facts.decorators:
        return "it is said to be an asynchronous generator"
    bound = contexts.project.knowledge.thread_bound | contexts.project.knowledge.per_thread
    if any(
        is_called_on(bound, site.call, Where(function.path, function.index, site.line), contexts)
        for site in facts.sites
    ):
        return BOUND
    return _hazard(function, contexts)


def _hazard(function: ProjectFunction, contexts: Contexts) -> str:
    if rewriting(function, contexts) or looks_for_a_name(function, contexts):
        return SHARED
    if writes_same_file(function, contexts):
        return ONE_NAME
    if takes_over(function, contexts):
        return TAKEN_OVER
    if read_from_other_threads(reached(function, contexts), contexts):
        return PER_THREAD
    done = {one for inner in reached(function, contexts) for one in _done_by_registry(inner, contexts)}
    if done and done.isdisjoint(_ENDING):
        return PER_THREAD  # and nobody ends it there
    if any(uses_own_database(inner, contexts) for inner in reached(function, contexts)):
        return IN_MEMORY
    if is_handling(function, contexts) and asks_for_exception(function, contexts):
        return HANDLED
    hazards = (thread_hazard(inner, contexts) for inner in reached(function, contexts))
    return next(filter(None, hazards), "")


@told_once
def _done_by_registry(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """The last names of what a function calls on what has a session for each thread."""
    sites = contexts.project.function(function).sites
    at = Where(function.path, function.index)
    return frozenset(last_name(one.call.callee) for one in sites if is_called_on(_REGISTRIES, one.call, at, contexts))
