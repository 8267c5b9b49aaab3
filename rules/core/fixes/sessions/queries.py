"""`session.query(...)` written as a statement: `select(...)` with the same methods, given to a session that is awaited.

https://docs.sqlalchemy.org/en/21/changelog/migration_20.html#legacy-query-usage. A query for one class leaves out what it has given
already, so that its results are made `unique()` where anything but that class is asked for.
"""

import ast
from collections.abc import Callable, Iterator

import msgspec

from rules.core.findings import Span
from rules.core.fixes.awaits import Awaits
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Wanted
from rules.core.fixes.sessions.models import Models
from rules.core.fixes.sessions.places import is_session
from rules.core.fixes.turning import Refused
from rules.core.library import Ending, Sessions
from rules.core.syntax import walk
from rules.core.values import ProjectClass

_JOINING = frozenset({"join", "outerjoin", "options"})
_INNER = frozenset({"subquery", "scalar_subquery", "cte", "exists", "as_scalar", "label"})
_CHANGING = frozenset({"filter", "filter_by", "where"})
_WHICH = frozenset({"in_", "notin_", "not_in"})


class Asked(msgspec.Struct, frozen=True):
    """What a query is for: one class (`of`), or rows of anything (None)."""

    of: ProjectClass | None
    name: str
    is_joined: bool


class Queries(msgspec.Struct):
    """The queries of one function, to be written as statements. `means` tells what an expression of the file is."""

    session: str
    row: Sessions
    file: Awaits
    scope: ast.FunctionDef | ast.AsyncFunctionDef
    means: Callable[[ast.expr], object]
    may_await: Callable[[ast.Call], bool]
    models: Models
    wanted: Wanted
    seen: set[ast.AST] = msgspec.field(default_factory=set)
    _kept: dict[str, Asked] = msgspec.field(default_factory=dict)

    @property
    def document(self) -> Document:
        return self.file.document

    # Chains

    def write(self, made: ast.Call) -> None:
        """The query that is made there, and all that is done with it in the function. Raises Refused."""
        if made in self.seen:
            return
        self.seen.add(made)
        asked = self._asked(made)
        if asked is None:
            raise Refused("what a query is for is not seen")
        self._follow(made, made, asked)

    def _asked(self, made: ast.Call) -> Asked | None:
        if made.keywords or not made.args or any(isinstance(one, ast.Starred) for one in made.args):
            return None
        first = self.means(made.args[0])
        if len(made.args) == 1 and isinstance(first, ProjectClass):
            if not self.models.is_mapped(first):
                return None
            return Asked(first, self.document.text_of(made.args[0]), is_joined=self.models.loads_at_once(first))
        if all(self._is_column(one) for one in made.args):
            return Asked(None, "", is_joined=False)
        return None

    def _is_column(self, node: ast.expr) -> bool:
        """A class, a column of one, or what a function of the database makes: rows, whatever else they are."""
        return (
            isinstance(node, ast.Call)
            or isinstance(self.means(node), ProjectClass)
            or (isinstance(node, ast.Attribute) and isinstance(self.means(node.value), ProjectClass))
        )

    def _follow(self, made: ast.expr, base: ast.expr, asked: Asked) -> None:
        """What becomes of a query: `made` is what is written anew (the call that makes it, or nothing), `base` where it begins."""
        node, ending = base, None
        while (call := self._next(node)) is not None:
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if name not in self.row.building:
                ending = (name, call)
                break
            self._check_building(name, call)
            asked = self._joined(asked, name, call)
            node = call
        begun = made if isinstance(made, ast.Call) else None
        if ending is not None:
            self._end(begun, base, node, asked, *ending)
        else:
            self._hand_on(begun, base, node, asked)

    def _next(self, node: ast.expr) -> ast.Call | None:
        attribute = self.document.parents.get(node)
        if not isinstance(attribute, ast.Attribute):
            return None
        call = self.document.parents.get(attribute)
        if not (isinstance(call, ast.Call) and call.func is attribute):
            raise Refused("something is taken of a query")
        return call

    def _check_building(self, name: str, call: ast.Call) -> None:
        if name in {"join", "outerjoin"} and len(call.args) > 2:
            raise Refused("a query is joined in an older manner")
        if (
            any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in call.args)
            and name != "order_by"
        ):
            raise Refused("a query is told texts")

    def _joined(self, asked: Asked, name: str, call: ast.Call) -> Asked:
        """Whether anything but the one class is asked for, from there on."""
        others = (self.means(one.value) for one in walk(call) if isinstance(one, ast.Attribute))
        is_joined = name in _JOINING or any(isinstance(one, ProjectClass) and one != asked.of for one in others)
        return Asked(asked.of, asked.name, asked.is_joined or (is_joined and asked.of is not None))

    # Ends

    def _end(
        self, made: ast.Call | None, base: ast.expr, last: ast.expr, asked: Asked, name: str, call: ast.Call
    ) -> None:
        if name in self.row.endings and not call.args and not call.keywords:
            self._ask(made, base, last, asked, self.row.endings[name], call)
        elif name == "count" and not call.args and not call.keywords:
            self._count(made, base, last, call)
        elif (
            name == "get"
            and made is not None
            and base is last
            and asked.of
            and len(call.args) == 1
            and not call.keywords
        ):
            self._get(made, call)
        elif name in {"delete", "update"} and made is not None and asked.of is not None:
            self._change(made, asked, name, call)
        elif name in _INNER:
            self._select(made)
        else:
            raise Refused(f"`{name}` of a query has no counterpart")

    def _ask(
        self, made: ast.Call | None, base: ast.expr, last: ast.expr, asked: Asked, ending: Ending, call: ast.Call
    ) -> None:
        """`(await session.scalars(statement)).all()`."""
        self._check_await(call)
        method = ending.objects if asked.of is not None else ending.rows
        limited = ".limit(1)" if ending.one else ""
        unique = ".unique()" if asked.is_joined else ""
        self._open(made, base, f"(await {self.session}.{'scalars' if asked.of is not None else 'execute'}(")
        self._close(last, call, f"{limited})){unique}", f".{method}()")

    def _count(self, made: ast.Call | None, base: ast.expr, last: ast.expr, call: ast.Call) -> None:
        """`await session.scalar(select(func.count()).select_from(statement.subquery()))`."""
        self._check_await(call)
        wrapped = self.document.needs_parentheses(call)
        select, func = self._imported("select"), self._imported("func")
        opened = f"{'(' if wrapped else ''}await {self.session}.scalar({select}({func}.count()).select_from("
        self._open(made, base, opened)
        self._close(last, call, ".subquery()))" + (")" if wrapped else ""), "")

    def _get(self, made: ast.Call, call: ast.Call) -> None:
        """`await session.get(Class, key)`."""
        self._check_await(call)
        wrapped = self.document.needs_parentheses(call)
        document = self.document
        between = document.between(document.span(made.args[0]).end, document.span(call.args[0]).start)
        if "#" in between or "#" in document.between(document.span(made).start, document.span(made.args[0]).start):
            raise Refused("a comment stands in a query")
        start, first = document.span(made).start, document.span(made.args[0]).start
        opened = f"{'(' if wrapped else ''}await {self.session}.get("
        self.file.edit(document.replace(Span(*start, *first), opened))
        self.file.edit(
            document.replace(Span(*document.span(made.args[0]).end, *document.span(call.args[0]).start), ", ")
        )
        if wrapped:
            self.file.edit(document.insert(document.span(call).end, ")"))

    def _change(self, made: ast.Call, asked: Asked, name: str, call: ast.Call) -> None:
        """`(await session.execute(delete(Class).where(...))).rowcount`."""
        self._check_await(call)
        names = [one.func.attr for one in self._between(made, call) if isinstance(one.func, ast.Attribute)]
        if not {*names} <= _CHANGING or asked.is_joined:
            raise Refused("rows are changed by more than a filter")
        how = {keyword.arg: keyword.value for keyword in call.keywords}
        values = call.args[0] if name == "update" and call.args else None
        if len(call.args) != (name == "update") or not how.keys() <= {"synchronize_session"}:
            raise Refused("rows are changed in a way that has no counterpart")
        document = self.document
        is_dropped = isinstance(document.parents.get(call), ast.Expr)
        opened = f"{'' if is_dropped else '('}await {self.session}.execute("
        document_name = self._imported(name)
        self.file.edit(
            document.replace(Span(*document.span(made).start, *document.span(made.func).end), opened + document_name)
        )
        written = f".values({document.text_of(values)})" if values is not None else ""
        if "synchronize_session" in how:
            text = document.text_of(how["synchronize_session"])
            written += f".execution_options(synchronize_session={text})"
        last = call.func.value if isinstance(call.func, ast.Attribute) else call
        self._close(last, call, "", f"{written})" + ("" if is_dropped else ").rowcount"))

    def _between(self, made: ast.Call, call: ast.Call) -> Iterator[ast.Call]:
        node: ast.expr = made
        while (following := self._next(node)) is not None and following is not call:
            yield following
            node = following

    def _hand_on(self, made: ast.Call | None, base: ast.expr, last: ast.expr, asked: Asked) -> None:
        """A query that is kept, run through, or asked for within another statement."""
        around = self.document.parents.get(last)
        match around:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is last:
                self._select(made)
                self._keep(name, asked)
            case ast.For(iter=given) if given is last:
                self._iterate(made, base, last, asked)
            case ast.comprehension(iter=given) if given is last:
                self._iterate(made, base, last, asked)
            case ast.Call(func=ast.Attribute(attr=name), args=args) if name in _WHICH and last in args:
                self._select(made)
            case _:
                raise Refused("a query is used in a way that cannot be followed")

    def _iterate(self, made: ast.Call | None, base: ast.expr, last: ast.expr, asked: Asked) -> None:
        """`for row in await session.scalars(statement)`."""
        if not self.document.may_await(last, self.file.turned):
            raise Refused("a query is run through where nothing can be awaited")
        method = "scalars" if asked.of is not None else "execute"
        opened = "(" if asked.is_joined else ""
        self._open(made, base, f"{opened}await {self.session}.{method}(")
        self.file.edit(self.document.insert(self.document.span(last).end, ")).unique()" if asked.is_joined else ")"))

    # Names

    def _keep(self, name: str, asked: Asked) -> None:
        """All that is done with a name that stands for a query."""
        known = self._kept.get(name)
        if known is not None:
            if (known.of, known.name) != (asked.of, asked.name):
                raise Refused("a name stands for several queries")
            return
        bound = [node for node in walk(self.scope) if isinstance(node, ast.Name) and node.id == name]
        parameters = self.scope.args
        given = {one.arg for one in (*parameters.args, *parameters.kwonlyargs, *parameters.posonlyargs)}
        if name in given or not all(map(self._is_query, bound)):
            raise Refused("a name stands for more than a query")
        joined = asked if asked.is_joined or asked.of is None else Asked(asked.of, asked.name, is_joined=True)
        self._kept[name] = joined
        for node in bound:
            if isinstance(node.ctx, ast.Load):
                self._follow(node, node, joined)

    def _is_query(self, node: ast.Name) -> bool:
        """Whether a name is used, or is bound to what this or another query is made of."""
        if isinstance(node.ctx, ast.Load):
            return True
        around = self.document.parents.get(node)
        if not (isinstance(around, ast.Assign) and around.targets == [node]):
            return False
        inner: ast.expr = around.value
        while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            if inner.func.attr == self.row.query:
                return is_session(inner.func.value, self.session)
            inner = inner.func.value
        return isinstance(inner, ast.Name) and inner.id == node.id

    # Text

    def _check_await(self, call: ast.Call) -> None:
        if not self.may_await(call):
            raise Refused("a query is asked where nothing can be awaited")

    def _select(self, made: ast.Call | None) -> None:
        if made is not None:
            self.file.edit(self.document.replace(self.document.span(made.func), self._imported("select")))

    def _open(self, made: ast.Call | None, base: ast.expr, text: str) -> None:
        """The text before a statement, and `select` for what made the query."""
        start = self.document.span(base).start
        if made is None:
            self.file.edit(self.document.insert(start, text))
        else:
            end = self.document.span(made.func).end
            self.file.edit(self.document.replace(Span(*start, *end), text + self._imported("select")))

    def _close(self, last: ast.expr, call: ast.Call, inner: str, ending: str) -> None:
        """The text behind a statement in place of the method that asked."""
        start, end = self.document.span(last).end, self.document.span(call).end
        between = self.document.between(start, end)
        if "#" in between:
            raise Refused("a comment stands in a query")
        gap = between[: len(between) - len(between.lstrip())] if ending.startswith(".") else ""
        self.file.edit(self.document.replace(Span(*start, *end), inner + gap + ending))

    def _imported(self, member: str) -> str:
        return self.wanted.member(self.document, "sqlalchemy", member)
