"""An answer that is read bit by bit: `async with client.stream("GET", url)` for `with requests.get(url, stream=True)`."""

import ast
from collections.abc import Collection, Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.findings import Edit, Span
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.clients.answers import CATCHING_ALL, UnknownUse, awaited_instead, kept_as_it_is, may_mean
from rules.core.fixes.clients.closing import Block, UnclosedError, block_behind, entered
from rules.core.fixes.clients.lines import Lines
from rules.core.fixes.document import Document
from rules.core.fixes.offload import hand_over
from rules.core.fixes.responses import told
from rules.core.library import Borrower, Streaming
from rules.core.syntax import walk
from rules.core.values import Outside, ProjectFunction, Where

CHUNK = "chunk"
_SIZE = "chunk_size"
_DECODED = "decode_unicode"


def row_of_stream(row: Borrower) -> Borrower:
    """The row of a call, with what may be taken of an answer before all of it was read."""
    if row.streaming is None:
        raise UnknownUse
    read = row.streaming
    raised = {old: new for old, new in row.exceptions.items() if old in read.exceptions}
    return msgspec.structs.replace(row, answer=read.answer, awaited=read.awaited, shown=frozenset(), exceptions=raised)


class Streamed(msgspec.Struct, frozen=True):
    """A call that is told to stream, in a function; the `turned` functions are taken for asynchronous ones."""

    call: ast.Call
    row: Borrower
    streaming: Streaming
    function: ProjectFunction
    document: Document
    contexts: Contexts
    turned: Collection[ast.AST] = ()

    def edits(self) -> list[Edit]:
        """The edits that enter the answer by `async with`, and read it asynchronously. Raises UnknownUse."""
        read = [edit for use in self._uses() for edit in self._use(use)]
        gone = {edit.span.line for edit in read if edit.span.column == edit.span.end_column == 1}
        return [*self._asked(), *self._entered(gone), *read]

    def _asked(self) -> Iterator[Edit]:
        """The verb before the address, and nothing that tells to stream."""
        one, document = told(self.call), self.document
        if one is None:
            raise UnknownUse
        if self.row.places == 1:
            start = document.span(self.call.args[0]).start
            yield document.insert(start, f'"{self.row.method.upper()}", ')
        yield _without(one, self.call, document)

    def _entered(self, gone: Collection[int]) -> Iterator[Edit]:
        around = self.document.parents.get(self.call)
        statement = self.document.parents.get(around) if around is not None else None
        if isinstance(statement, ast.With) and len(statement.items) == 1:
            yield self.document.insert(self.document.span(statement).start, "async ")
            return
        yield from entered(self._block(), self.document, gone)

    def _block(self) -> Block:
        """What is done with the answer under its name. Raises UnknownUse."""
        try:
            return block_behind(self.call, self.document)
        except UnclosedError as unclosed:
            raise UnknownUse from unclosed

    def _uses(self) -> list[ast.Name]:
        """Where the answer stands under its name. Raises UnknownUse where it has none, or somebody else has it too."""
        around = self.document.parents.get(self.call)
        target = around.optional_vars if isinstance(around, ast.withitem) else None
        if isinstance(around, ast.Assign):
            (target,) = around.targets
        scope = self.document.function_around(self.call)
        if not isinstance(target, ast.Name):
            raise UnknownUse
        found = [node for node in self.document.uses[target.id] if self.document.lies_in(node, scope)]
        loads = [node for node in found if isinstance(node.ctx, ast.Load)]
        if any(node is not target for node in found if node not in loads) or self._catches(target):
            raise UnknownUse
        if any(self.document.function_around(node) is not scope for node in loads):
            raise UnknownUse
        if isinstance(around, ast.withitem) and not all(map(self._is_inside, loads)):
            raise UnknownUse
        return loads

    def _is_inside(self, node: ast.AST) -> bool:
        item = self.document.parents[self.call]
        return self.document.lies_in(node, self.document.parents[item])

    def _catches(self, target: ast.Name) -> bool:
        """Whether what reading the answer raises is caught while it is read."""
        statements: list[ast.AST] = [self.document.parents[self.document.parents[target]]]
        around = self.document.parents.get(self.call)
        if isinstance(around, ast.Assign):
            statements = [*self._block().body]
        nodes = (node for one in statements for node in walk(one) if isinstance(node, ast.ExceptHandler))
        return any(self._may_catch(one) for handler in nodes for one in _caught(handler))

    def _may_catch(self, node: ast.expr) -> bool:
        value = self.contexts.project.value(as_expression(node), self._where(node))
        name = value.name if isinstance(value, Outside) else ""
        return value is None or (name not in CATCHING_ALL and may_mean(name, self.row))

    def _where(self, node: ast.expr) -> Where:
        return Where(self.function.path, self.function.index, node.lineno)

    # What is done with the answer

    def _use(self, use: ast.Name) -> list[Edit]:
        attribute = self.document.parents.get(use)
        if not isinstance(attribute, ast.Attribute):
            raise UnknownUse
        name = attribute.attr
        if name in self.streaming.chunks:
            return [*self._chunks(attribute, self.streaming.chunks[name])]
        if name in self.streaming.lines:
            return [*self._lines(attribute, self.streaming.lines[name])]
        if name in self.streaming.copied:
            return [*self._copied(attribute, self.streaming.copied[name])]
        plain = kept_as_it_is(use, attribute, self.row, self.document)
        return awaited_instead(use, attribute, self.row, self.document, self.turned) if plain is None else plain

    def _chunks(self, attribute: ast.Attribute, new: str) -> Iterator[Edit]:
        call, loop = self._loop(attribute)
        given = _given(call, _SIZE)
        if {one.arg for one in call.keywords} - {_SIZE}:
            raise UnknownUse
        size = self.document.text_of(given) if given is not None else "1"
        if is_sent_on(loop) or (isinstance(given, ast.Constant) and given.value is None):
            size = ""
        yield from self._iterated(attribute, call, loop, f".{new}({size})")

    def _lines(self, attribute: ast.Attribute, new: str) -> Iterator[Edit]:
        call, loop = self._loop(attribute)
        if {one.arg for one in call.keywords} - {_SIZE, _DECODED} or len(call.args) > 1:
            raise UnknownUse
        decoded = _given(call, _DECODED, 1)
        if decoded is not None and not (isinstance(decoded, ast.Constant) and isinstance(decoded.value, bool)):
            raise UnknownUse
        yield from self._iterated(attribute, call, loop, f".{new}()")
        if decoded is None or not decoded.value:
            yield from Lines(loop, self.document, self._reads).edits()

    def _copied(self, attribute: ast.Attribute, new: str) -> Iterator[Edit]:
        """`async for chunk in answer.aiter_raw()` for a statement that copies all of it to a file, which a thread writes."""
        document = self.document
        call = document.parents.get(attribute)
        statement = document.parents.get(call) if call is not None else None
        if not isinstance(call, ast.Call) or not isinstance(statement, ast.Expr) or not self._copies(call):
            raise UnknownUse
        line = document.line(statement.lineno)
        indent, rest = line[: statement.col_offset], line[document.span(statement).end[1] - 1 :]
        if indent.strip() or rest.strip() or statement.lineno != statement.end_lineno or CHUNK in self._names():
            raise UnknownUse
        step = "\t" if indent.startswith("\t") else "    "
        outer = indent + step if isinstance(document.parents.get(self.call), ast.Assign) else indent
        read = f"{document.text_of(attribute.value)}.{new}()"
        handing = hand_over(document, self.contexts, self.function)
        if handing is None:
            raise UnknownUse
        written = f"await {handing.name}({document.text_of(call.args[1])}.write, {CHUNK})"
        text = f"async for {CHUNK} in {read}:\n{outer}{step}{written}"
        yield document.replace(document.span(statement), text)
        yield from handing.edits

    def _copies(self, call: ast.Call) -> bool:
        """Whether a function copies what it is given first to the file of a name."""
        copy = self.contexts.project.value(as_expression(call.func), self._where(call))
        is_copy = isinstance(copy, Outside) and copy.name in self.streaming.copying and not call.keywords
        return is_copy and [*map(type, call.args)] == [ast.Attribute, ast.Name]

    def copying(self) -> Iterator[ast.expr]:
        """The names of the functions that copied the answer."""
        for use in self._uses():
            attribute = self.document.parents.get(use)
            if isinstance(attribute, ast.Attribute) and attribute.attr in self.streaming.copied:
                call = self.document.parents.get(attribute)
                yield from (call.func,) if isinstance(call, ast.Call) else ()

    def _names(self) -> set[str]:
        """The names in the function around the call."""
        nodes = walk(self.document.function_around(self.call))
        return {
            node.id if isinstance(node, ast.Name) else node.arg
            for node in nodes
            if isinstance(node, (ast.Name, ast.arg))
        }

    def _reads(self, node: ast.expr) -> bool:
        """Whether a function takes text as it takes bytes."""
        value = self.contexts.project.value(as_expression(node), self._where(node))
        return isinstance(value, Outside) and value.name in self.streaming.reading

    def _loop(self, attribute: ast.Attribute) -> tuple[ast.Call, ast.For]:
        call = self.document.parents.get(attribute)
        loop = self.document.parents.get(call) if call is not None else None
        if not (isinstance(call, ast.Call) and call.func is attribute and isinstance(loop, ast.For)):
            raise UnknownUse
        if loop.iter is not call or not isinstance(loop.target, ast.Name) or len(call.args) > 1:
            raise UnknownUse
        return call, loop

    def _iterated(self, attribute: ast.Attribute, call: ast.Call, loop: ast.For, text: str) -> Iterator[Edit]:
        start, end = self.document.span(attribute.value).end, self.document.span(call).end
        if "#" in self.document.between(start, end):
            raise UnknownUse
        yield self.document.insert(self.document.span(loop).start, "async ")
        yield self.document.replace(Span(*start, *end), text)


def is_sent_on(loop: ast.For) -> bool:
    """Whether what is read is given to somebody who waits for it, bit by bit."""
    return any(isinstance(node, (ast.Yield, ast.Await)) for part in loop.body for node in walk(part))


def differences_in_stream(call: ast.Call, streaming: Streaming, document: Document) -> Iterator[str]:
    """What differs where this answer is read, one sentence each."""
    around = document.parents.get(call)
    named = around.optional_vars if isinstance(around, ast.withitem) else None
    if isinstance(around, ast.Assign):
        named = around.targets[0]
    scope = document.function_around(call)
    uses = document.uses.get(named.id, []) if isinstance(named, ast.Name) else []
    for use in uses:
        attribute = document.parents.get(use)
        if isinstance(attribute, ast.Attribute) and document.lies_in(use, scope):
            yield streaming.said.get(attribute.attr, "")
            loop = document.parents.get(document.parents[attribute])
            if attribute.attr in streaming.chunks and isinstance(loop, ast.For) and is_sent_on(loop):
                yield streaming.said["sent"]


def _given(call: ast.Call, name: str, place: int = 0) -> ast.expr | None:
    named = next((one.value for one in call.keywords if one.arg == name), None)
    return call.args[place] if len(call.args) > place else named


def _caught(handler: ast.ExceptHandler) -> list[ast.expr]:
    if handler.type is None:
        return []
    return handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]


def _without(keyword: ast.keyword, call: ast.Call, document: Document) -> Edit:
    """The edit that takes an argument away, with the comma before it. Raises UnknownUse."""
    given = [*call.args, *(one.value for one in call.keywords if one is not keyword)]
    before = [document.span(one).end for one in given if document.span(one).end <= document.span(keyword).start]
    start, end = max(before), document.span(keyword).end
    if "#" in document.between(start, end):
        raise UnknownUse
    return document.replace(Span(*start, *end), "")
