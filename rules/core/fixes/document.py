"""One file whose text is at hand, for writing fixes: where its nodes stand and what stands around them."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, TypeVar, cast

from rules.core.edits import decode_source, line_offsets, offset, text_of
from rules.core.findings import Edit, Span
from rules.core.formatted import IS_TOLD, settle
from rules.core.modules import Modules
from rules.core.syntax import parents, parse, parse_now

_N = TypeVar("_N", bound=ast.AST)
_T = TypeVar("_T")

_TYPED = frozenset({"bound", "default", "type", "type_", "annotation"})
"""The keywords that may be given a type in quotes, https://docs.python.org/3/library/typing.html#typing.TypeVar among them."""
_SAID = re.compile(r"\w\s+\w")  # words one after the other, as no name or type has them
_SHOWING = re.compile(r"[\s)]*=(?!=)")


@lru_cache(maxsize=2)
def tree_of(text: str) -> ast.Module:
    """The tree of a text, for all who look at it at once: they leave it as it is, but for settling places. Raises what
    `parse_now` raises.
    """
    return parse_now(text)


def _tree_of_any(text: str) -> ast.Module:
    try:
        return tree_of(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return parse(text)  # newer than the interpreter, or no Python


_BINDING = (
    *(ast.Name, ast.arg, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler),
    *(ast.MatchAs, ast.MatchStar, ast.MatchMapping),
)


def _names_bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) if not isinstance(node.ctx, ast.Load):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name


def _words(text: str) -> list[str]:
    return text.replace(".", " ").split()


class Document:
    """The text and the tree of a file, and the `modules` among which it stands. Raises what `decode_source` and `parse` raise."""

    def __init__(self, path: str, source: bytes, modules: Modules | None = None) -> None:
        self.path = path
        self.modules = modules
        self.text = decode_source(source)
        self.tree = _tree_of_any(self.text)
        self.offsets = line_offsets(self.text)
        self._lines = self.text.split("\n")
        self._true: dict[ast.Call, bool] = {}
        self._told: dict[str, Any] = {}
        self.parents = parents(self.tree)
        """For each node the one around it."""
        self.nodes = (self.tree, *self.parents)
        """All of the tree, what is further out first."""
        for node in self.nodes_of(ast.JoinedStr) if not IS_TOLD else ():
            if not self._lies_in_text(node):
                settle(node, self._lines)

    def told(self, what: str, say: Callable[[], _T]) -> _T:
        """What is to be said of the file, for those who ask again and again."""
        if what not in self._told:
            self._told[what] = say()
        found: _T = self._told[what]
        return found

    def nodes_of(self, kind: type[_N]) -> list[_N]:
        """All nodes of a kind, what is further out first."""
        return cast("list[_N]", self._by_kind.get(kind, []))

    @cached_property
    def _by_kind(self) -> Mapping[type[ast.AST], list[ast.AST]]:
        found = defaultdict[type[ast.AST], list[ast.AST]](list)
        for node in self.nodes:
            found[type(node)].append(node)
        return found

    def _lies_in_text(self, node: ast.JoinedStr) -> bool:
        """Whether a formatted text lies in another one."""
        around = self.parents[node]
        while isinstance(around, ast.expr) and not isinstance(around, ast.JoinedStr):
            around = self.parents[around]
        return isinstance(around, ast.JoinedStr)

    @cached_property
    def _calls(self) -> Mapping[int, list[ast.Call]]:
        """The calls by the line on which they begin."""
        found: dict[int, list[ast.Call]] = {}
        for node in self.nodes_of(ast.Call):
            found.setdefault(node.lineno, []).append(node)
        return found

    def calls_on(self, line: int) -> Iterator[ast.Call]:
        """The calls of which the callee ends on a line, what is further out first."""
        return (call for call in self.nodes_of(ast.Call) if call.func.end_lineno == line)

    @cached_property
    def uses(self) -> Mapping[str, list[ast.Name]]:
        """Every place where a name stands, by name."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.nodes_of(ast.Name):
            found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def rebound(self) -> frozenset[str]:
        """The names that anything but an import gives a meaning."""
        return frozenset(name for kind in _BINDING for node in self.nodes_of(kind) for name in _names_bound(node))

    @cached_property
    def names_in_texts(self) -> frozenset[str]:
        """The words of texts that may name something, those between dots for themselves: `__all__`, annotations, mocks.

        What is written for people names nothing: a text of several lines, one that stands alone, as docstrings do, one of several
        words, or one with values in it. Nor does a setting, `loop="asyncio"`, or the key of a dict.
        """
        idle = {id(node.value) for node in self.nodes_of(ast.keyword) if node.arg not in _TYPED}
        idle |= {id(node.value) for node in self.nodes_of(ast.Expr)}
        idle |= {id(key) for node in self.nodes_of(ast.Dict) for key in node.keys}
        idle |= {id(part) for node in self.nodes_of(ast.JoinedStr) for part in node.values}
        texts = (
            text for node, text in self._texts() if "\n" not in text and id(node) not in idle and not _SAID.search(text)
        )
        return frozenset(chain.from_iterable(map(_words, texts)))

    def _texts(self) -> Iterator[tuple[ast.AST, str]]:
        return ((n, n.value) for n in self.nodes_of(ast.Constant) if isinstance(n.value, str))

    @cached_property
    def called(self) -> frozenset[str]:
        """What the file calls, as it is written."""
        return frozenset(ast.unparse(node.func) for node in self.nodes_of(ast.Call))

    def call_at(self, span: Span) -> ast.Call | None:
        """The call that stands there; None where the text and the tree disagree."""
        same = (node for node in reversed(self._calls.get(span.line, ())) if self.span(node) == span)
        call = next(same, None)
        if call is not None and call not in self._true:
            self._true[call] = self._is_true_to_text(call)
        return call if call is not None and self._true[call] else None

    def _is_true_to_text(self, node: ast.expr) -> bool:
        try:
            again = ast.parse(f"({self.text_of(node)})", mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            return False
        return ast.dump(again) == ast.dump(node)

    def function_at(self, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function whose `def` stands on the line."""
        return self._definitions.get(line)

    @cached_property
    def _definitions(self) -> Mapping[int, ast.FunctionDef | ast.AsyncFunctionDef]:
        found = [node for node in self.nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        return {node.lineno: node for node in reversed(found)}

    def function_around(self, node: ast.AST) -> ast.AST:
        """The innermost function or lambda that a node stands in, or the module."""
        around = self.parents.get(node)
        while around is not None and not isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            around = self.parents.get(around)
        return around or self.tree

    def lies_in(self, node: ast.AST, scope: ast.AST) -> bool:
        """Whether a node is another one, or stands in it."""
        around: ast.AST | None = node
        while around is not None and around is not scope:
            around = self.parents.get(around)
        return around is scope

    @cached_property
    def guards(self) -> tuple[ast.Try | ast.TryStar | ast.With, ...]:
        """All that may catch what its body raises."""
        return tuple(node for node in self.nodes if isinstance(node, (ast.Try, ast.TryStar, ast.With)))

    @cached_property
    def imports(self) -> tuple[ast.Import | ast.ImportFrom, ...]:
        """All imports, those in functions among them."""
        return tuple(node for node in self.parents if isinstance(node, (ast.Import, ast.ImportFrom)))

    def span(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg | ast.alias) -> Span:
        """Where a node stands, decorators left out."""
        end_line = node.end_lineno or node.lineno
        return Span(
            node.lineno,
            self.column(node.lineno, node.col_offset),
            end_line,
            self.column(end_line, node.end_col_offset or 0),
        )

    def column(self, line: int, byte: int) -> int:
        """The column, in characters from 1, of a byte of the line."""
        text = self._lines[line - 1]
        return byte + 1 if text.isascii() else len(text.encode()[:byte].decode(errors="replace")) + 1

    def text_of(self, node: ast.expr | ast.stmt) -> str:
        return text_of(self.span(node), self.text, self.offsets)

    def line(self, number: int) -> str:
        """A line without its end."""
        return self._lines[number - 1].removesuffix("\r")

    def rest_of_line(self, statement: ast.stmt) -> str:
        """What stands behind a statement on its last line."""
        line = statement.end_lineno or statement.lineno
        return self.line(line)[self.column(line, statement.end_col_offset or 0) - 1 :]

    def has_lines_of_its_own(self, statement: ast.stmt) -> bool:
        """Whether nothing but a comment stands on the lines of a statement."""
        before = self.line(statement.lineno)[: statement.col_offset]
        return not before.strip() and self.rest_of_line(statement).strip()[:1] in {"", "#"}

    def between(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """The text between two positions."""
        return self.text[offset(start, self.offsets) : offset(end, self.offsets)]

    def replace(self, span: Span, replacement: str) -> Edit:
        """An edit of this file; line ends are those of the file."""
        return Edit(self.path, span, replacement.replace("\n", self.newline))

    def append(
        self, last: ast.expr | ast.keyword | ast.arg | ast.alias, *texts: str, end: tuple[int, int] | None = None
    ) -> Edit:
        """More behind the last argument, parameter or import, which ends there: on lines of their own where that one has one."""
        start, end = self.span(last).start, end or self.span(last).end
        indent, rest = self.line(start[0])[: start[1] - 1], self.line(end[0])[end[1] - 1 :]
        if indent.strip():
            return self.insert(end, "".join(f", {text}" for text in texts))
        if rest.startswith(",") and (not rest[1:].strip() or rest[1:].lstrip().startswith("#")):
            return self.insert((end[0] + 1, 1), "".join(f"{indent}{text},\n" for text in texts))
        behind = "".join(f",\n{indent}{text}" for text in texts)
        if rest.lstrip().startswith("#"):  # said of that one, and stays with it
            return self.replace(Span(*end, end[0], end[1] + len(rest.rstrip())), f",{rest.rstrip()}{behind[1:]}")
        return self.insert(end, behind)

    def insert(self, position: tuple[int, int], text: str) -> Edit:
        return self.replace(Span(*position, *position), text)

    @cached_property
    def newline(self) -> str:
        return "\r\n" if self.text.count("\r\n") * 2 > self.text.count("\n") else "\n"

    def may_await(self, call: ast.expr, turned: Collection[ast.AST] = ()) -> bool:
        """Whether `await` may stand before the expression: straight in an `async def`, with nothing between that runs later.

        The `turned` functions are taken for `async def`. Defaults and decorators of a nested function, and the first iterable of a generator expression, run at once.
        """
        node: ast.AST = call
        while (around := self.parents.get(node)) is not None:
            match around:
                case ast.AsyncFunctionDef() if node in around.body:
                    return True
                case ast.FunctionDef() if node in around.body and around in turned:
                    return True
                case ast.FunctionDef() | ast.AsyncFunctionDef() if node not in around.body:
                    pass
                case ast.Lambda() if node is around.args:
                    pass
                case ast.FunctionDef() | ast.Lambda() | ast.ClassDef() | ast.Module():
                    return False
                case ast.FormattedValue(value=value) if node is value and self._shows(value):
                    return False
                case ast.GeneratorExp():
                    if node is not around.generators[0]:
                        return False
                case ast.comprehension() if isinstance(self.parents[around], ast.GeneratorExp):
                    if node is not around.iter:
                        return False
            node = around
        return False

    def _shows(self, value: ast.expr) -> bool:
        """Whether a formatted text shows an expression as it is written, `{x=}`."""
        end = offset(self.span(value).end, self.offsets)
        return _SHOWING.match(self.text, end) is not None

    def managers_around(self, inner: ast.AST) -> list[ast.expr]:
        """What the `with` statements around a node have entered, in the function that it stands in."""
        found: list[ast.expr] = []
        node = inner
        while (around := self.parents.get(node)) is not None and not isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            if isinstance(around, ast.With) and node in around.body:
                found += [item.context_expr for item in around.items]
            node = around
        return found

    def iterables_around(self, call: ast.Call) -> Iterator[ast.expr]:
        """What the loops and comprehensions around the call run through, in the function that it stands in, while it is made."""
        node: ast.AST = call
        while (around := self.parents.get(node)) is not None and not isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            match around:
                case ast.For() if node in around.body:
                    yield around.iter
                case ast.ListComp() | ast.SetComp() | ast.DictComp() if not isinstance(node, ast.comprehension):
                    yield from (one.iter for one in around.generators)
                case ast.comprehension() if node is not around.iter:
                    yield around.iter
            node = around

    def needs_parentheses(self, call: ast.Call) -> bool:
        """Whether `await call` must be put in parentheses to mean the awaited value."""
        match self.parents.get(call):
            case ast.Attribute() | ast.Subscript(value=ast.Call()) | ast.Await():
                return True
            case ast.Call(func=func):
                return func is call
            case ast.BinOp(left=left, op=ast.Pow()):
                return left is call
            case _:
                return False
