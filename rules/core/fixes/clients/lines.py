"""Lines that were bytes and are text now: each use of them written so that it means the same."""

import ast
from collections.abc import Callable, Iterator

import msgspec

from rules.core.findings import Edit, Span
from rules.core.fixes.clients.answers import UnknownUse
from rules.core.fixes.document import Document
from rules.core.syntax import walk

ENCODINGS = frozenset({"utf-8", "utf8", "UTF-8", "ascii"})
ASKED = frozenset({"startswith", "endswith"})
MOST_STEPS = 10  # from a line to what is made of it
KEPT = frozenset({"strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace"})


class Lines(msgspec.Struct, frozen=True):
    """The lines that a loop runs through; `reads` tells which functions take text as they take bytes."""

    loop: ast.For
    document: Document
    reads: Callable[[ast.expr], bool]

    def edits(self) -> Iterator[Edit]:
        """The edits of all uses. Raises UnknownUse where one is not known to mean the same of a text."""
        if not isinstance(self.loop.target, ast.Name):
            raise UnknownUse
        yield from self._named(self.loop.target, 0)

    def _named(self, target: ast.Name, steps: int) -> Iterator[Edit]:
        """All uses of a name that stood for bytes; behind a statement that decodes it, it stood for text already."""
        scope = self.document.function_around(self.loop)
        found = [node for node in self.document.uses[target.id] if self.document.lies_in(node, scope)]
        decoding = [node for node in found if node is not target and not isinstance(node.ctx, ast.Load)]
        if any(not self.document.lies_in(node, self.loop) for node in found):
            raise UnknownUse
        for node in found:
            if isinstance(node.ctx, ast.Load) and not any(self._is_behind(node, one) for one in decoding):
                yield from self._use(node, steps)
        for one in decoding:
            yield self._dropped(one, target)

    def _is_behind(self, node: ast.expr, target: ast.Name) -> bool:
        """Whether a name stands behind a statement that decodes it, or is what that decodes."""
        statement = self.document.parents[target]
        block = _block(statement, self.document)
        behind = block[block.index(statement) :] if isinstance(statement, ast.stmt) else []
        return any(self.document.lies_in(node, one) for one in behind)

    def _dropped(self, node: ast.Name, target: ast.Name) -> Edit:
        """The edit that takes `line = line.decode()` away."""
        statement = self.document.parents[node]
        if not isinstance(statement, ast.Assign) or [*map(type, statement.targets)] != [ast.Name]:
            raise UnknownUse
        value = statement.value
        attribute = value.func if isinstance(value, ast.Call) else None
        of = attribute.value if isinstance(attribute, ast.Attribute) and attribute.attr == "decode" else None
        block = _block(statement, self.document)
        if not (isinstance(of, ast.Name) and of.id == target.id and isinstance(value, ast.Call) and _is_utf8(value)):
            raise UnknownUse
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        alone = self.document.text_of(statement) == self.document.line(first).strip() and first == last
        if len(block) == 1 or not alone:
            raise UnknownUse
        return self.document.replace(Span(first, 1, last + 1, 1), "")

    def _use(self, node: ast.expr, steps: int) -> Iterator[Edit]:
        if steps > MOST_STEPS:
            raise UnknownUse
        around = self.document.parents[node]
        match around:
            case ast.Attribute(attr=name):
                yield from self._method(node, around, name, steps + 1)
            case ast.Compare():
                yield from self._as_text([one for one in (around.left, *around.comparators) if one is not node])
            case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=None, step=None)) if value is node:
                self._check_prefix(lower)
                yield from self._use(around, steps + 1)
            case ast.Call(args=[only], keywords=[]) if only is node and self.reads(around.func):
                pass
            case ast.Assign(targets=[ast.Name() as target]) if not _is_bound_again(target, self.document):
                yield from self._named(target, steps + 1)
            case _:
                if not _is_condition(node, self.document):
                    raise UnknownUse

    def _method(self, node: ast.expr, attribute: ast.Attribute, name: str, steps: int) -> Iterator[Edit]:
        call = self.document.parents.get(attribute)
        if not isinstance(call, ast.Call) or call.func is not attribute:
            raise UnknownUse
        if name == "decode" and _is_utf8(call):
            start, end = self.document.span(node).end, self.document.span(call).end
            yield self.document.replace(Span(*start, *end), "")
        elif name in ASKED | KEPT and not call.keywords:
            yield from self._as_text(call.args)
            if name in KEPT:
                yield from self._use(call, steps)
        else:
            raise UnknownUse

    def _as_text(self, nodes: list[ast.expr]) -> Iterator[Edit]:
        """Texts for bytes of ASCII that stand there."""
        for node in nodes:
            if isinstance(node, ast.Tuple):
                yield from self._as_text(node.elts)
                continue
            written = self.document.text_of(node)
            if not isinstance(node, ast.Constant) or not isinstance(node.value, bytes) or not node.value.isascii():
                raise UnknownUse
            if written[:1] not in {"b", "B"} or written[1:2] not in {"'", '"'}:
                raise UnknownUse
            start = self.document.span(node).start
            yield self.document.replace(Span(*start, start[0], start[1] + 1), "")

    def _check_prefix(self, lower: ast.expr | None) -> None:
        """Raises UnknownUse unless as many bytes are characters: the line was asked whether it starts with them."""
        asked = (node for part in self.loop.body for node in walk(part) if isinstance(node, ast.Call))
        known = [
            len(argument.value)
            for call in asked
            if isinstance(call.func, ast.Attribute) and call.func.attr == "startswith"
            for argument in call.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, (bytes, str))
        ]
        size = lower.value if isinstance(lower, ast.Constant) and isinstance(lower.value, int) else -1
        if not 0 <= size <= max(known, default=-1):
            raise UnknownUse


def _is_utf8(call: ast.Call) -> bool:
    given = [one.value if isinstance(one, ast.Constant) else "" for one in call.args]
    return not call.keywords and len(given) <= 1 and ENCODINGS.issuperset(given)


def _is_bound_again(target: ast.Name, document: Document) -> bool:
    scope = document.function_around(target)
    return any(
        node is not target and not isinstance(node.ctx, ast.Load) and document.lies_in(node, scope)
        for node in document.uses[target.id]
    )


def _is_condition(node: ast.expr, document: Document) -> bool:
    """Whether it is only asked whether there is anything in it."""
    inner: ast.AST = node
    around = document.parents[inner]
    while isinstance(around, ast.BoolOp) or (isinstance(around, ast.UnaryOp) and isinstance(around.op, ast.Not)):
        inner, around = around, document.parents[around]
    return isinstance(around, (ast.If, ast.While, ast.IfExp)) and around.test is inner


def _block(statement: ast.AST, document: Document) -> list[ast.stmt]:
    """The statements among which one stands."""
    around = document.parents[statement]
    for name in ("body", "orelse", "finalbody"):
        block = getattr(around, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return []
