"""What rows still hold where they are read: a session that commits or rolls back lets them forget, and load again.

https://docs.sqlalchemy.org/en/21/orm/session_basics.html#committing. One function is followed at a time, statement by
statement, the loops in it twice.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum

import msgspec
from msgspec.structs import replace

from rules.core.fixes.document import Document
from rules.core.fixes.sessions.places import is_session
from rules.core.library import Sessions
from rules.core.syntax import children, walk

_ALL = frozenset({"Exception", "BaseException"})
_TELLING = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


class Lost(IntEnum):
    """What rows have lost: nothing, what the database fills, what a commit takes, what a rollback takes."""

    NOTHING = 0
    FILLED = 1
    COMMITTED = 2
    ROLLED_BACK = 3


class Read(msgspec.Struct, frozen=True):
    """A row that is read though it may have lost what it held: the name that it goes by, the attribute (or none), by which calls."""

    name: str
    attribute: str
    lost: Lost
    returned: bool
    by: frozenset[ast.AST]


class Called(msgspec.Struct, frozen=True):
    """What a function that is given the session does to rows, and whether what it returns has lost anything.

    `thrown` is what rows may have lost where it raises. Of the names that it is given, it leaves those loaded, or does
    nothing to those kept; of its own, it leaves those loaded that are `found`.
    """

    lost: Lost
    gives: Lost
    thrown: Lost = Lost.NOTHING
    loaded: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    found: frozenset[str] = frozenset()
    returns: bool = True


ANYTHING = Called(Lost.ROLLED_BACK, Lost.ROLLED_BACK, Lost.ROLLED_BACK)
"""What may be done by one of which nothing is known so far: by one that calls itself, say."""


class _State(msgspec.Struct, frozen=True):
    """What is lost by now, by which calls, the names that were loaded again since, and those of rows that were deleted.

    A name that was loaded when something was lost has lost it by that alone: `since` holds what it was lost by, and by what later.
    A deleted row leaves its session with the next commit, and keeps what it holds: only a rollback brings it back.
    """

    lost: Lost = Lost.NOTHING
    fresh: frozenset[str] = frozenset()
    ended: bool = False
    by: frozenset[ast.AST] = frozenset()
    deleted: frozenset[str] = frozenset()
    since: Mapping[str, frozenset[ast.AST]] = msgspec.field(default_factory=dict)

    def after(self, lost: Lost, by: Iterable[ast.AST]) -> "_State":
        if not lost:
            return self
        kept, calls = self.deleted if lost < Lost.ROLLED_BACK else frozenset(), frozenset(by)
        since = {name: earlier | calls for name, earlier in self.since.items()} | dict.fromkeys(self.fresh, calls)
        return _State(max(lost, self.lost), kept, by=self.by | calls, deleted=kept, since=since)

    def bound(self, names: frozenset[str], *, loaded: bool) -> "_State":
        """The state where names stand for something else: for what is loaded, or for what may have lost something."""
        fresh = self.fresh | names if loaded else self.fresh - names
        since = {name: by for name, by in self.since.items() if name not in names}
        return replace(self, fresh=fresh, deleted=self.deleted - names, since=since)

    def lost_by(self, name: str) -> frozenset[ast.AST]:
        return frozenset() if name in self.fresh else self.since.get(name, self.by)

    def joined(self, other: "_State") -> "_State":
        if self.ended or other.ended:
            return other if self.ended else self
        fresh, deleted = self.fresh & other.fresh, self.deleted & other.deleted
        told = (self.since.keys() | other.since.keys() | self.fresh | other.fresh) - fresh
        since = {name: self.lost_by(name) | other.lost_by(name) for name in told}
        return _State(max(self.lost, other.lost), fresh, by=self.by | other.by, deleted=deleted, since=since)


class Flow(msgspec.Struct):
    """Follows one function. `rows` are the names that may hold rows, `called` what calls do that are given the session."""

    session: str
    rows: frozenset[str]
    row: Sessions
    document: Document
    called: Mapping[ast.Call, Called] = msgspec.field(default_factory=dict)
    reads: list[Read] = msgspec.field(default_factory=list)
    lost: Lost = Lost.NOTHING
    gives: Lost = Lost.NOTHING
    columns: frozenset[str] = frozenset()
    ends: list[_State] = msgspec.field(default_factory=list)
    thrown: list[_State] = msgspec.field(default_factory=list)

    def follow(self, definition: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Find what is read in a function after it was lost, and what it does to the rows of others."""
        end = self._block(definition.body, _State())
        self.ends += [] if end.ended else [end]

    def done(self, parameters: Iterable[str], own: Iterable[str] = ()) -> Called:
        """What it does to rows, to those that it is given, and to its own."""
        lost = max((end.lost for end in self.ends), default=Lost.NOTHING)
        loaded = [name for name in parameters if self._is_left_loaded(name)]
        found = [name for name in own if self._is_left_loaded(name)]
        kept = [name for name in parameters if all(not end.lost or name in end.fresh for end in self.ends)]
        thrown = max((one.lost for one in self.thrown), default=Lost.NOTHING)
        return Called(lost, self.gives, thrown, frozenset(loaded), frozenset(kept), frozenset(found), bool(self.ends))

    def _is_left_loaded(self, name: str) -> bool:
        return all(name in end.fresh for end in self.ends)

    def _block(self, statements: list[ast.stmt], state: _State) -> _State:
        for statement in statements:
            if not state.ended:
                state = self._statement(statement, state)
        return state

    def _statement(self, node: ast.stmt, state: _State) -> _State:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                state = self._evaluated(test, state)
                return self._block(body, state).joined(self._block(orelse, state))
            case ast.For() | ast.AsyncFor():
                return self._loop(node, state)
            case ast.While(test=test, body=body, orelse=orelse):
                for _ in range(2):
                    state = state.joined(self._block(body, self._evaluated(test, state)))
                return self._block(orelse, self._evaluated(test, state))
            case ast.Try() | ast.TryStar():
                return self._try(node, state)
            case ast.With() | ast.AsyncWith():
                return self._with(node, state)
            case ast.Match(subject=subject, cases=cases):
                state = self._evaluated(subject, state)
                after = state
                for case in cases:
                    after = after.joined(self._block(case.body, state))
                return after
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self._evaluated(node, state)
            case _:
                return self._simple(node, state)

    def _loop(self, node: ast.For | ast.AsyncFor, state: _State) -> _State:
        """A loop; one that only loads each of what it runs through leaves all of that loaded."""
        run = node.iter.id if isinstance(node.iter, ast.Name) else f"{node.lineno}:{node.col_offset}"
        if not isinstance(node.iter, ast.Name):
            state = self._evaluated(node.iter, state)
            state = state.bound(frozenset({run}), loaded=self._is_loaded(node.iter, state.fresh))
        for _ in range(2):
            body = self._block(node.body, state.bound(_stored(node.target), loaded=run in state.fresh))
            state = state.joined(replace(body, ended=False))
        target = node.target.id if isinstance(node.target, ast.Name) else ""
        loaded = len(node.body) == 1 and self._refreshed(node.body[0]) == target != ""
        state = replace(state, fresh=state.fresh | {run}) if loaded else state
        return self._block(node.orelse, state)

    def _try(self, node: ast.Try | ast.TryStar, state: _State) -> _State:
        ends, thrown = len(self.ends), len(self.thrown)
        body = self._block(node.body, state)
        caught = state
        for one in self.thrown[thrown:]:
            caught = caught.joined(one)
        if any(map(_catches_all, node.handlers)):
            del self.thrown[thrown:]
        after = self._block(node.orelse, body) if not body.ended else body
        for handler in node.handlers:
            after = after.joined(self._block(handler.body, caught))
        left = self.ends[ends:]
        del self.ends[ends:]
        self.ends += [self._block(node.finalbody, one) for one in left]
        final = self._block(node.finalbody, replace(after, ended=False))
        return replace(final, ended=final.ended or after.ended)

    def _with(self, node: ast.With | ast.AsyncWith, state: _State) -> _State:
        leaving = Lost.NOTHING
        for item in node.items:
            state = self._evaluated(item.context_expr, state, entering=True)
            leaving = max(leaving, self._loses(item.context_expr))
        ends, by = len(self.ends), [item.context_expr for item in node.items]
        left = self._block(node.body, state).after(self._noted(leaving), by)
        self.ends[ends:] = [end.after(leaving, by) for end in self.ends[ends:]]
        return replace(left, ended=self._block_ends(node.body))

    @staticmethod
    def _block_ends(body: list[ast.stmt]) -> bool:
        return isinstance(body[-1], (ast.Return, ast.Raise))

    def _simple(self, node: ast.stmt, state: _State) -> _State:
        state = self._evaluated(node, state, returned=isinstance(node, ast.Return))
        if (name := self._refreshed(node)) != "":
            return replace(state, fresh=state.fresh | {name})
        if (name := self._deleted(node)) != "":
            return replace(state, fresh=state.fresh | {name}, deleted=state.deleted | {name})
        state = state.bound(_stored(node), loaded=not self._is_given_lost(node))
        if isinstance(node, ast.Return):
            self.ends.append(state)
        if isinstance(node, ast.Raise):
            self.thrown.append(state)
        is_left = isinstance(node, (ast.Return, ast.Raise, ast.Continue, ast.Break))
        return replace(state, ended=is_left or self._never_returns(node))

    def _never_returns(self, node: ast.stmt) -> bool:
        value = node.value if isinstance(node, ast.Expr) else None
        call = value.value if isinstance(value, ast.Await) else value
        return isinstance(call, ast.Call) and call in self.called and not self.called[call].returns

    def _evaluated(self, node: ast.AST, state: _State, *, entering: bool = False, returned: bool = False) -> _State:
        """What is read in an expression, and what its calls do: reading comes before."""
        lost, by = Lost.NOTHING, list[ast.Call]()
        state = replace(state, fresh=state.fresh | set(self._run_through(node, state.fresh)))
        for inner in _run_through_first(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load) and inner.id in self.rows:
                self._read(inner, state, returned=returned)
            elif isinstance(inner, ast.Call) and not entering:
                lost = max(lost, self._loses(inner))
                by += [inner] if self._loses(inner) else []
                if inner in self.called and self.called[inner].gives and returned:
                    self.gives = max(self.gives, self.called[inner].gives)
                    self.reads.append(Read("", "", self.called[inner].gives, returned=True, by=frozenset({inner})))
        self._throw(node, state)
        state = replace(state, fresh=state.fresh | self._loaded_by_reading(node))
        kept = self._kept(by[0], state) if len(by) == 1 else frozenset()
        after = state.after(self._noted(lost), by)
        return replace(after, fresh=after.fresh | kept)

    def _throw(self, node: ast.AST, state: _State) -> None:
        """Note what is lost where something in an expression raises that is not the session itself."""
        for inner in walk(node):
            if isinstance(inner, ast.Call) and not self._method(inner) and not _is_logging(inner):
                thrown = self.called[inner].thrown if inner in self.called else Lost.NOTHING
                self.thrown.append(state.after(self._noted(thrown), [inner]))

    def _loaded_by_reading(self, node: ast.AST) -> frozenset[str]:
        """The names of which an expression certainly reads a column: all others are loaded with it."""
        return frozenset(
            inner.value.id
            for inner in _certain(node)
            if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Load) and inner.attr in self.columns
            if isinstance(inner.value, ast.Name) and inner.value.id in self.rows
        )

    def _kept(self, call: ast.Call, state: _State) -> frozenset[str]:
        """The names that stand for what is loaded after a call which makes others lose what they hold."""
        if call not in self.called:
            return frozenset()
        kept = self.called[call].kept
        return self.called[call].loaded | (kept if not state.lost else kept & state.fresh)

    def _noted(self, lost: Lost) -> Lost:
        self.lost = max(self.lost, lost)
        return lost

    def _read(self, node: ast.Name, state: _State, *, returned: bool) -> None:
        if not state.lost or node.id in state.fresh:
            return
        around = self.document.parents.get(node)
        if self._is_left_alone(node, around):
            return
        attribute = around.attr if isinstance(around, ast.Attribute) else ""
        is_whole = returned and isinstance(around, ast.Return)
        self.reads.append(Read(node.id, attribute, state.lost, is_whole, state.lost_by(node.id)))
        if is_whole:
            self.gives = max(self.gives, state.lost)

    def _is_left_alone(self, node: ast.Name, around: ast.AST | None) -> bool:
        """Whether nothing is read of a row there: it is handed to its session, looked at for being there, or set."""
        match around:
            case ast.Call(func=ast.Attribute(value=of)):
                return is_session(of, self.session) and node in around.args
            case ast.Call(func=called) if called is node:
                return True  # a row is no function
            case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
                return True
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant()]) if left is node:
                return True
            case ast.UnaryOp(op=ast.Not()) | ast.If() | ast.BoolOp():
                return True
            case ast.Attribute(ctx=ast.Store()):
                return True
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                return around.iter is node
            case _:
                return False

    def _method(self, node: ast.AST) -> str:
        """The method of the session that is called, and nothing for any other call."""
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr=name)) if is_session(of, self.session):
                return name
            case _:
                return ""

    def _loses(self, node: ast.AST) -> Lost:
        method = self._method(node)
        if isinstance(node, ast.Call) and node in self.called:
            return self.called[node].lost
        if method in self.row.losing:
            return Lost.ROLLED_BACK
        if method in self.row.expiring:
            return Lost.COMMITTED
        return Lost.FILLED if method in {"flush", "merge"} else Lost.NOTHING

    def _is_given_lost(self, node: ast.AST) -> bool:
        """Whether a helper gives something there that has lost what it held."""
        return any(isinstance(one, ast.Call) and one in self.called and self.called[one].gives for one in walk(node))

    def _is_loaded(self, node: ast.expr, fresh: frozenset[str]) -> bool:
        """Whether what an expression gives is loaded: it is asked for there and then, and not taken from rows that are not."""
        stale = self.rows - fresh
        names = (one.id for one in walk(node) if isinstance(one, ast.Name))
        return not self._is_given_lost(node) and stale.isdisjoint(names)

    def _run_through(self, node: ast.AST, fresh: frozenset[str]) -> Iterator[str]:
        """The names of a comprehension that stand for one of several rows which are loaded."""
        for inner in walk(node):
            if isinstance(inner, ast.comprehension) and self._is_loaded(inner.iter, fresh):
                yield from _stored(inner.target)

    def _deleted(self, node: ast.stmt) -> str:
        """The name of the row that a statement has its session delete."""
        return self._told_of(node, "delete")

    def _refreshed(self, node: ast.stmt) -> str:
        """The name that a statement loads again."""
        return self._told_of(node, self.row.refresh)

    def _told_of(self, node: ast.stmt, method: str) -> str:
        """The name that a statement hands to a method of the session, and nothing beside it."""
        value = node.value if isinstance(node, ast.Expr) else None
        call = value.value if isinstance(value, ast.Await) else value
        if call is not None and self._method(call) == method and isinstance(call, ast.Call) and call.args:
            first = call.args[0]
            return first.id if isinstance(first, ast.Name) and len(call.args) == 1 and not call.keywords else ""
        return ""


def _certain(node: ast.AST) -> Iterator[ast.AST]:
    """What is evaluated whenever an expression is."""
    yield node
    match node:
        case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return
        case ast.BoolOp(values=[first, *_]) | ast.IfExp(test=first) | ast.Assert(test=first):
            yield from _certain(first)
        case ast.Compare(left=left, comparators=[right, *_]):
            yield from _certain(left)
            yield from _certain(right)
        case _:
            for child in children(node):
                yield from _certain(child)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id in _ALL)


def _is_logging(call: ast.Call) -> bool:
    """Whether a call by its name only tells something."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in _TELLING


def _stored(node: ast.AST) -> frozenset[str]:
    """The names that are bound there."""
    names = (one for one in walk(node) if isinstance(one, ast.Name))
    return frozenset(one.id for one in names if isinstance(one.ctx, ast.Store))


def _run_through_first(node: ast.AST) -> list[ast.AST]:
    """All nodes of an expression; what a comprehension runs through comes before what it makes of that."""
    nodes = [*walk(node)]
    through = {part for one in nodes if isinstance(one, ast.comprehension) for part in walk(one)}
    return sorted(nodes, key=lambda one: one not in through) if through else nodes
