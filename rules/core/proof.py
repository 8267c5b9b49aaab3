"""What must hold of a fix before it is shown. A fix that fails a proof is not offered.

The edited file compiles, so that `await` stands only where it may; every name that
resolved still resolves, and no new one is left open; each function keeps its name, parameters, defaults, annotations and
decorators, and with them the API its contract; the blocking call is gone and no other came; nothing is left unawaited.
"""

import dis
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import CodeType

from rules.core.contexts import Contexts
from rules.core.edits import EditConflictError, apply_edits, decode_source
from rules.core.facts import Facts, Function
from rules.core.findings import Fix
from rules.core.reading import read_facts
from rules.core.syntax import UnreadableError, parse
from rules.core.values import ProjectFunction, Where


def objection(fix: Fix, function: ProjectFunction, contexts: Contexts, sources: Mapping[str, bytes]) -> str:
    """Why the fix of a finding in the function may not be shown, in a few words; empty where it is proved."""
    after: dict[str, bytes] = {}
    for path in {edit.path for edit in fix.edits}:
        try:
            after[path] = apply_edits(sources[path], [edit for edit in fix.edits if edit.path == path])
        except EditConflictError:
            return "edits overlap"
        except UnicodeError:
            return "not writable in the encoding of the file"
    for path, source in after.items():
        if reason := _text_objection(sources[path], source):
            return reason
    return _meaning_objection(contexts, function, {path: read_facts(source) for path, source in after.items()})


def _text_objection(before: bytes, after: bytes) -> str:
    if before == after:
        return "changes nothing"
    try:
        opened = _open_names(after) - _open_names(before)
    except (SyntaxError, ValueError, UnreadableError, RecursionError):
        return "does not parse"
    return "leaves a name unresolved" if opened else ""


@lru_cache(maxsize=16)
def _open_names(source: bytes) -> frozenset[str]:
    """The names that a module reads as globals and binds nowhere, builtins among them. Raises where it cannot compile."""
    read: set[str] = set()
    bound: set[str] = set()
    for code in _codes(compile(parse(decode_source(source)), "<fix>", "exec", dont_inherit=True)):
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                read.add(str(instruction.argval))
            elif instruction.opname in ("STORE_GLOBAL", "STORE_NAME"):
                bound.add(str(instruction.argval))
    return frozenset(read - bound)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _meaning_objection(before: Contexts, function: ProjectFunction, edited: Mapping[str, Facts]) -> str:
    project = before.project
    after = Contexts(project.with_facts(edited))
    for path, facts in edited.items():
        if facts.problem:
            return "cannot be read again"
        if [_signature(f) for f in project.facts[path].functions] != [_signature(f) for f in facts.functions]:
            return "changes a signature"
    for place in _within(function, after):
        if after.project.function(place).asynchronous and _blocking(after, place) - _blocking(before, place):
            return "blocks elsewhere"
        if _forgotten(after, place) > _forgotten(before, place):
            return "leaves a coroutine unawaited"
    return ""


def _within(function: ProjectFunction, contexts: Contexts) -> Iterator[ProjectFunction]:
    """The function and those that are defined in it."""
    inner = {function.index}
    yield function
    for index, facts in enumerate(contexts.project.facts[function.path].functions):
        if facts.parent in inner and index != function.index:
            inner.add(index)
            yield ProjectFunction(function.path, index)


def _signature(function: Function) -> object:
    return (function.qualname, function.parameters, function.returns, function.decorators, function.generator)


def _blocking(contexts: Contexts, function: ProjectFunction) -> Counter[str]:
    return Counter(sink.name for sink in contexts.own_sinks(function))


def _forgotten(contexts: Contexts, function: ProjectFunction) -> int:
    """How many calls in the function give a coroutine that nobody awaits there."""
    return sum(
        not site.awaited and contexts.awaitable(site, Where(function.path, function.index, site.line))
        for site in contexts.project.function(function).sites
    )
