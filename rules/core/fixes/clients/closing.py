"""Clients that a function makes each time: the other class may have to be closed, where the old one was just dropped.

A connection of asyncio stays with the event loop until somebody closes it.
https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamWriter.close
"""

import ast
import re
from collections.abc import Collection, Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.findings import Edit, Span
from rules.core.fixes.clients.holding import Held, Use, counterparts, givers_of, maker_call
from rules.core.fixes.document import Document
from rules.core.fixes.texts import Texts
from rules.core.library import Counterpart
from rules.core.syntax import walk
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

CLOSING = "close"
_ENDS_THERE = re.compile(r"\s*(#.*)?")
_MULTILINE = re.compile(r"'''|\"\"\"|\\\r?\n")


class UnclosedError(Exception):
    """Nothing would close the client."""


class Block(msgspec.Struct, frozen=True):
    """The statement that makes a client, and those behind it until the last that uses it."""

    made: ast.Assign
    body: tuple[ast.stmt, ...]


def unclosed(
    held: Held, counterpart: Counterpart, uses: Collection[Use], contexts: Contexts, texts: Texts
) -> Block | None:
    """What an `async with` has to stand around, so that the other client is closed; None where that needs nothing.

    Raises UnclosedError where it cannot be written.
    """
    if counterpart.closes or is_kept(held, contexts):
        return None
    document = texts.document(held.path)
    call = maker_call(held, contexts, document) if document is not None else None
    if document is None or call is None or not held.name or held.owner >= 0:
        raise UnclosedError
    if isinstance(document.parents.get(call), ast.withitem) or _closes(held, uses, contexts, document):
        return None
    return _block(held, call, contexts, texts, document)


def is_kept(held: Held, contexts: Contexts) -> bool:
    """Whether the client is made once, for as long as the process lives."""
    if held.owner >= 0:
        return not contexts.once.is_made_for_requests(Object(ProjectClass(held.path, held.owner)))
    return held.function == 0 or contexts.once.runs_once(ProjectFunction(held.path, held.function))


def _closes(held: Held, uses: Collection[Use], contexts: Contexts, document: Document) -> bool:
    """Whether the function closes the client itself, whatever happens. Raises UnclosedError where only if all goes well."""
    closing = [use for use in uses if use.tail == CLOSING and use.function.path == held.path]
    for use in closing:
        site = contexts.project.function(use.function).sites[use.place]
        node: ast.AST | None = document.call_at(site.span)
        while node is not None and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            around = document.parents.get(node)
            if isinstance(around, ast.Try) and node in around.finalbody:
                return True
            node = around
    if closing:
        raise UnclosedError
    return False


def _block(held: Held, call: ast.Call, contexts: Contexts, texts: Texts, document: Document) -> Block:
    if any(not contexts.project.function(of).generator for of in givers_of(held, contexts, texts)):
        raise UnclosedError  # it leaves the function
    block = block_behind(call, document)
    if _makes_another(block, held.path, contexts):
        raise UnclosedError
    return block


def block_behind(call: ast.Call, document: Document) -> Block:
    """The statement that keeps what a call gives under a name, and those behind it until the last that uses that.

    Raises UnclosedError where they cannot be indented, or where something else uses it.
    """
    made = document.parents.get(call)
    around = document.parents.get(made) if made is not None else None
    if not isinstance(made, ast.Assign) or [*map(type, made.targets)] != [ast.Name] or around is None:
        raise UnclosedError
    behind = _behind(made, around)
    names = [node for node in document.uses[ast.unparse(made.targets[0])] if isinstance(node.ctx, ast.Load)]
    scope = document.function_around(made)
    names = [node for node in names if document.lies_in(node, scope)]
    using = [i for i, one in enumerate(behind) if any(document.lies_in(node, one) for node in names)]
    body = behind[: using[-1] + 1] if using else []
    if not body or not all(any(document.lies_in(node, one) for one in body) for node in names):
        raise UnclosedError
    if any(document.function_around(node) is not scope for node in names):
        raise UnclosedError  # a function inside may run later
    block = Block(made, tuple(body))
    if not _may_be_indented(block, document):
        raise UnclosedError
    return block


def _behind(made: ast.stmt, around: ast.AST) -> list[ast.stmt]:
    """The statements behind one in its own block."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(around, name, None)
        if isinstance(block, list) and made in block:
            return block[block.index(made) + 1 :]
    return []


def _may_be_indented(block: Block, document: Document) -> bool:
    """Whether each statement stands on lines of its own."""
    for statement in (block.made, *block.body):
        start, end = _first_line(statement), document.span(statement).end
        before = document.line(start)[: statement.col_offset] if start == statement.lineno else ""
        if before.strip() or not _ENDS_THERE.fullmatch(document.line(end[0])[end[1] - 1 :]):
            return False
    return True


def _makes_another(block: Block, path: str, contexts: Contexts) -> bool:
    """Whether another client is made in the block, whose own fix could move the same lines."""
    first, last = block.body[0].lineno, block.body[-1].end_lineno or 0
    for index, function in enumerate(contexts.project.facts[path].functions):
        for site in function.sites:
            if first <= site.line <= last:
                callee = contexts.project.value(site.call.callee, Where(path, index, site.line))
                if isinstance(callee, Outside) and counterparts(callee.name, contexts):
                    return True
    return False


def entered(block: Block, document: Document, gone: Collection[int] = ()) -> Iterator[Edit]:
    """The edits by which `async with` makes the client, and the block behind it stands in that but for lines that are `gone`."""
    target = block.made.targets[0]
    start = document.span(block.made).start
    yield document.replace(Span(*start, *document.span(block.made.value).start), "async with ")
    yield document.insert(document.span(block.made).end, f" as {ast.unparse(target)}:")
    step = "\t" if document.line(start[0])[: start[1] - 1].startswith("\t") else "    "
    kept = {line for one in block.body for line in _lines_of_texts(one, document)}
    first = above = (block.made.end_lineno or 0) + 1
    while not document.line(first).strip():
        first += 1
    if first > above:
        yield document.replace(Span(above, 1, first, 1), "")
    for line in range(first, (block.body[-1].end_lineno or 0) + 1):
        if document.line(line).strip() and line not in kept and line not in gone:
            yield document.insert((line, 1), step)


def _first_line(statement: ast.stmt) -> int:
    """The line on which a statement begins, with its decorators."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return min([statement.lineno, *(decorator.lineno for decorator in statement.decorator_list)])
    return statement.lineno


def _lines_of_texts(statement: ast.stmt, document: Document) -> Iterator[int]:
    """The lines that begin within a text, so that what stands before their first word is part of it."""
    for node in walk(statement):
        is_text = isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
        )
        if is_text and isinstance(node, ast.expr) and _MULTILINE.search(document.text_of(node)):
            yield from range(node.lineno + 1, (node.end_lineno or 0) + 1)
