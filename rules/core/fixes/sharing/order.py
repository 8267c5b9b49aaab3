"""What a function runs before one of its calls, and what after it; in a loop the same may come before and after."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from rules.core.fixes.document import Document
from rules.core.syntax import children

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_GOES_ON, _LEAVES_LOOP, _LEAVES = range(3)  # how what follows a call ends


class Order(msgspec.Struct):
    """The nodes that may run before a call, and those that may run after it, or beside it in a thread.

    `before` and `after` hold the outermost of each, and stand for all that lies in them; `closing` holds those that run themselves
    after what lies in them. `parents` are those of all nodes. Where loops do not count as `repeated`, it is the order of one time through.
    """

    parents: Mapping[ast.AST, ast.AST]
    repeated: bool
    before: set[ast.AST] = msgspec.field(default_factory=set)
    after: set[ast.AST] = msgspec.field(default_factory=set)
    closing: set[ast.AST] = msgspec.field(default_factory=set)

    def is_before(self, node: ast.AST) -> bool:
        """Whether a node may run before."""
        return any(one in self.before for one in self._outwards(node))

    def is_after(self, node: ast.AST) -> bool:
        """Whether a node may run after, or beside."""
        return node in self.closing or any(one in self.after for one in self._outwards(node))

    def _outwards(self, node: ast.AST) -> Iterator[ast.AST]:
        around: ast.AST | None = node
        while around is not None:
            yield around
            around = self.parents.get(around)

    def first(self, *nodes: ast.AST) -> None:
        """Note what runs before."""
        self.before.update(nodes)

    def then(self, *nodes: ast.AST) -> None:
        """Note what runs after."""
        self.after.update(nodes)

    def both(self, *nodes: ast.AST) -> None:
        """Note what may run before and after."""
        self.first(*nodes)
        self.then(*nodes)


def order_around(call: ast.Call, document: Document, *, repeated: bool) -> Order:
    """What runs before and after a call in the function that it stands in, and before or after it in a loop that is `repeated`."""
    order, ends = Order(document.parents, repeated), _GOES_ON
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    order.first(call)
    order.then(call.func, *filter(_is_plain, given))  # what a thread is given, it uses later
    order.closing.add(call)
    node: ast.AST = call
    while (around := document.parents.get(node)) is not None:
        if isinstance(node, ast.stmt):
            ends = _in_block(node, around, ends, order)
        if isinstance(around, _FUNCTIONS):
            break
        if isinstance(around, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            ends = _in_statement(node, around, ends, order)
        else:
            _in_expression(node, around, order)
        node = around
    return order


def _is_plain(node: ast.AST) -> bool:
    """Whether it is a name, or an attribute of one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _in_expression(node: ast.AST, around: ast.AST, order: Order) -> None:
    order.closing.add(around)
    match around:
        case ast.Call(func=func) if func is not node and _is_plain(func):
            order.then(func)  # its method is run with what is awaited
        case ast.IfExp(test=test) if test is not node:
            order.first(test)
            return
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() | ast.comprehension() | ast.Dict():
            order.both(around)
            return
        case _:
            pass
    below = [
        one for one in children(around) if not (isinstance(around, ast.Call) and _is_plain(one) and one is around.func)
    ]
    _in_turn(node, below, order)


def _in_turn(node: ast.AST, nodes: Sequence[ast.AST], order: Order) -> None:
    """Note what stands on both sides of a node where one is evaluated after the other."""
    if node in nodes:
        place = nodes.index(node)
        order.first(*nodes[:place])
        order.then(*nodes[place + 1 :])


def _in_statement(node: ast.AST, around: ast.AST, ends: int, order: Order) -> int:
    """Note what of a statement runs before and after a node in it; how what follows ends."""
    match around:
        case ast.Assign(targets=targets):
            order.then(*targets)
        case ast.AnnAssign(target=target):
            order.then(target)
        case ast.AugAssign(target=target):
            order.both(target)
        case ast.If(test=test):
            if node is not test:
                order.first(test)
                return ends
            order.then(*around.body, *around.orelse)
        case ast.For(iter=asked) | ast.AsyncFor(iter=asked):
            return _in_loop(node, [asked, around.target, *around.body], around, ends, order)
        case ast.While(test=test):
            return _in_loop(node, [test, *around.body], around, ends, order)
        case ast.With() | ast.AsyncWith():
            _in_turn(node, [*around.items, *around.body] if node in around.items else [], order)
            if node not in around.items:
                order.both(*around.items)
                return ends
        case ast.Try() | ast.TryStar():
            return _in_try(node, around, ends, order)
        case ast.ExceptHandler():
            return ends
        case ast.Match() | ast.match_case():
            order.first(*(one for one in children(around) if not isinstance(one, (ast.match_case, ast.stmt))))
            return ends
        case _:
            _in_turn(node, children(around), order)
    order.closing.add(around)
    return _end_of(around)


def _in_loop(
    node: ast.AST, repeated: list[ast.AST], around: ast.For | ast.AsyncFor | ast.While, ends: int, order: Order
) -> int:
    if node in around.orelse:
        order.first(*repeated)
        return ends
    if not order.repeated and node in around.body:
        order.first(*repeated[: -len(around.body)])
        return ends
    if not order.repeated:
        _in_turn(node, repeated, order)
        return _GOES_ON
    is_asked_once = not isinstance(around, ast.While) and node is around.iter
    if not is_asked_once:
        order.first(*repeated)
    if ends != _LEAVES:
        order.then(*repeated, *around.orelse)
    return _LEAVES if ends == _LEAVES else _GOES_ON


def _in_try(node: ast.AST, around: ast.Try | ast.TryStar, ends: int, order: Order) -> int:
    if node in around.body:
        order.then(*around.handlers, *around.finalbody, *([] if ends else around.orelse))
        is_caught = any(not _end_of_block(one.body) for one in around.handlers)
        ends = _GOES_ON if is_caught else ends
    elif node in around.finalbody:
        order.first(*around.body, *around.handlers, *around.orelse)
    else:
        order.first(*around.body)
        order.then(*around.finalbody)
    return ends


def _in_block(node: ast.stmt, around: ast.AST, ends: int, order: Order) -> int:
    """Note what runs in the same block before and after a statement."""
    blocks = (getattr(around, name, None) for name in ("body", "orelse", "finalbody"))
    block: list[ast.stmt] = next((one for one in blocks if isinstance(one, list) and node in one), [])
    place = block.index(node) if block else 0
    order.first(*(part for one in block[:place] for part in _passed(one, order)))
    for one in block[place + 1 :]:
        if ends:
            break
        order.then(one)
        ends = _end_of(one)
    return ends


def _passed(statement: ast.stmt, order: Order) -> Iterable[ast.AST]:
    """What of a statement may run before what stands below it: no branch that leaves the function, or the one time through."""
    if not isinstance(statement, ast.If):
        yield statement
        return
    yield statement.test
    for block in (statement.body, statement.orelse):
        if _end_of_block(block) not in ({_LEAVES} if order.repeated else {_LEAVES, _LEAVES_LOOP}):
            for one in block:
                yield from _passed(one, order)


def _end_of(statement: ast.AST) -> int:
    """How a statement ends, whichever way is taken through it."""
    match statement:
        case ast.Return() | ast.Raise():
            return _LEAVES
        case ast.Continue() | ast.Break():
            return _LEAVES_LOOP
        case ast.If(body=body, orelse=orelse):
            return min(_end_of_block(body), _end_of_block(orelse))
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return _end_of_block(body)
        case _:
            return _GOES_ON


def _end_of_block(block: Iterable[ast.stmt]) -> int:
    return next(filter(None, map(_end_of, block)), _GOES_ON)
