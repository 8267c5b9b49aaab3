"""What expressions say: calls, names, what is bound to what, and what is read, as facts."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from rules.core.annotations import unquoted
from rules.core.conditions import (
    LONGEST_TEXT,
    needed,
)
from rules.core.facts import (
    Attribute,
    Awaited,
    Call,
    Choice,
    Collection,
    Computed,
    Constant,
    Defined,
    Element,
    Expression,
    Name,
    Parameter,
    Site,
    Subscript,
    last_name,
)
from rules.core.formatted import IS_TOLD, settle
from rules.core.needs import rebound
from rules.core.parts import closed
from rules.core.scopes import Scopes, lines
from rules.core.syntax import children, walk

CONSUMERS = frozenset(
    {"list", "tuple", "set", "dict", "frozenset", "sorted", "sum", "min", "max", "any", "all", "next"}
)
HANDING_OVER = frozenset(
    {"to_thread", "run_in_threadpool", "iterate_in_threadpool", "run_sync", "run_in_executor", "submit"}
)
_CHANGE = re.compile(
    r"\s*(insert|update|delete|replace|merge)\b", re.IGNORECASE
)  # how a statement begins that writes rows
_OF_PATH = re.compile(r"(?=.*/)[\w./-]{1,60}|[\w-]*\.\w{1,8}")  # folders, or the end of a name: what tells files apart
DEEPEST = 150  # nested expressions; what lies deeper is read for its calls only
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


class Expressions(Scopes):
    """A reader of expressions, which keeps what they say for the function, or the class, that is being read."""

    def _children(self, node: ast.AST) -> None:
        for child in children(node):
            if isinstance(child, ast.expr):
                self._expression(child)

    def _needed(self, test: ast.expr) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What must hold for a condition to hold, and for it to fail, as far as parameters still hold what was given for them."""
        held, failed = needed(test)
        return (self._of_given(held), self._of_given(failed)) if self._scope.rebound else (held, failed)

    def _of_given(self, needs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(told for need in needs for told in rebound(need, self._scope.rebound))

    def _iterable(self, node: ast.expr, *, suspending: bool = False) -> Expression | None:
        if isinstance(node, ast.Call):
            return self._call(node, iterated=True, suspending=suspending)
        self._run_through.add(id(node))
        value = self._expression(node)
        if isinstance(value, (Name, Attribute)):
            method = "__aiter__" if suspending else "__iter__"
            self._keep_site(node, Call(Attribute(value, method)), iterated=True, suspending=suspending)
        return value

    def _lambda(self, node: ast.Lambda) -> Expression:
        parameters = self._parameters(node.args)
        scope = self._open("<lambda>")
        outer, around = self._scope, self._class
        self._scope, self._class = scope, None
        value = self._expression(node.body)
        self._scope, self._class = outer, around
        scope.results += [value] if value else []
        function = closed(
            scope,
            node.lineno,
            self._column(node.lineno, node.col_offset),
            node.lineno,
            node.end_lineno or node.lineno,
            parameters=parameters,
        )
        self._close(scope, function)
        return Defined(scope.index)

    def _parameters(self, arguments: ast.arguments) -> tuple[Parameter, ...]:
        if not (arguments.args or arguments.kwonlyargs or arguments.posonlyargs or arguments.vararg or arguments.kwarg):
            return ()
        plain = [*((a, "positional") for a in arguments.posonlyargs), *((a, "normal") for a in arguments.args)]
        defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
        defaults += arguments.defaults
        listed = [(a, kind, default) for (a, kind), default in zip(plain, defaults, strict=True)]
        if arguments.vararg:
            listed.append((arguments.vararg, "star", None))
        listed += [(a, "keyword", d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
        if arguments.kwarg:
            listed.append((arguments.kwarg, "mapping", None))
        return tuple(
            Parameter(
                name=argument.arg,
                annotation=self._annotation(argument.annotation),
                default=self._expression(default) if default else None,
                has_default=default is not None,
                kind=kind,
            )
            for argument, kind, default in listed
        )

    def _bind(self, target: ast.expr, value: Expression | None) -> None:
        if (given := _item_of_name(target)) in self._scope.parameters:
            self._keep(f"{given}[]", target.lineno, value)
        match target:
            case ast.Name(id=name):
                self._keep(name, target.lineno, value)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                self._keep(f"{owner}.{name}", target.lineno, value)
                self._scope.writes.add(owner)
                if owner not in {"self", "cls"}:
                    self._states.add(name)
            case ast.Subscript(value=ast.Attribute(attr="dependency_overrides"), slice=key):
                self._expression(target.value)
                self._states.add("dependency_overrides")
                self._keep(".dependency_overrides", target.lineno, Collection((self._callee(key), value)))
            case ast.Subscript(value=of, slice=key) if isinstance(key, (ast.Name, ast.Attribute)):
                self._expression(of)
                self._callee(key)  # a key is looked up by, not called
                self._scope.writes.add(_written(of))
                if (inner := _inside(target)) is not None:
                    self._keep(inner, target.lineno, value)
            case ast.Attribute(value=ast.Attribute(attr="state"), attr=name):
                self._expression(target.value)
                self._states.add(name)
                self._keep(f".state.{name}", target.lineno, value)
                self._scope.writes.add(_written(target))
            case ast.Attribute() | ast.Subscript():
                self._expression(target)
                self._scope.writes.add(_written(target))
                if self._class is None and self._scope.index and (keyed := _keyed(target)) is not None:
                    self._keep(keyed, target.lineno, value)
                if (inner := _inside(target)) is not None:
                    self._keep(inner, target.lineno, value)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for place, element in enumerate(elements):
                    self._bind(element, self._unpacked(value, place))
            case ast.Starred(value=inner):
                self._bind(inner, None)

    def _unpacked(self, value: Expression | None, place: int) -> Expression | None:
        if isinstance(value, Collection):
            return value.items[place] if place < len(value.items) else None
        return Subscript(value, (Constant(place, "int"),)) if value else None

    def _expression(self, node: ast.expr) -> Expression | None:
        handler = self._expressions.get(type(node))
        if handler is None:
            self._children(node)
            return None
        self._depth += 1
        read = handler(self, node)
        self._depth -= 1
        return read if self._depth < DEEPEST else None

    def _name(self, node: ast.Name) -> Expression:
        mentions = self._scope.mentions
        mentions[node.id] = mentions.get(node.id, 0) + 1
        return Name(node.id)

    def _constant(self, node: ast.Constant) -> Expression:
        value, kind = node.value, type(node.value).__name__
        if isinstance(value, str):
            if "." in value and _DOTTED.fullmatch(value):
                self._dotted.add(value)
            return Constant(value if len(value) <= LONGEST_TEXT and value.isprintable() else _beginning(value), kind)
        if isinstance(value, (bool, float)) or value is None or (isinstance(value, int) and abs(value) < 2**53):
            return Constant(value, kind)
        return Constant(None, kind)

    def _attribute(self, node: ast.Attribute) -> Expression | None:
        dotted, mentions = f".{node.attr}", self._scope.mentions
        mentions[dotted] = mentions.get(dotted, 0) + 1
        of = self._callee(node.value, f".{node.attr}")
        return Attribute(of, node.attr) if of else None

    def _callee(self, node: ast.expr, use: str = "called") -> Expression | None:
        """The expression, without counting its last name as mentioned."""
        if isinstance(node, ast.Name):
            return Name(node.id)
        if isinstance(node, ast.Attribute):
            of = self._callee(node.value, f".{node.attr}")
            return Attribute(of, node.attr) if of else None
        return self._used(node, use)

    def _used(self, node: ast.expr, use: str) -> Expression | None:
        """The expression, whose value is used in that way there and then."""
        return self._call(node, use=use) if isinstance(node, ast.Call) else self._expression(node)

    def _tested(self, node: ast.expr) -> Expression | None:
        """An expression whose truth is asked for."""
        match node:
            case ast.Name(id=name):
                self._scope.tested.add(name)
                return self._expression(node)
            case ast.BoolOp():
                return self._either(node, tested=True)
            case ast.NamedExpr():
                return self._named(node, "tested")
            case _:
                return self._used(node, "tested")

    def _call(
        self,
        node: ast.Call,
        *,
        statement: bool = False,
        awaited: bool = False,
        entered: bool = False,
        iterated: bool = False,
        suspending: bool = False,
        use: str = "",
    ) -> Expression | None:
        callee = self._callee(node.func)
        if not _keeps_generators(callee):
            self._run_through_here(node)
        consumes = isinstance(node.func, ast.Name) and node.func.id in CONSUMERS
        read: Callable[[ast.expr], Expression | None] = self._iterable if consumes else self._expression
        arguments = tuple([read(argument) for argument in node.args])
        keywords = tuple([(keyword.arg or "", self._expression(keyword.value)) for keyword in node.keywords])
        if callee is None:
            return None
        call = Call(callee, arguments, keywords)
        self._keep_site(node, call, awaited, statement, entered, iterated, suspending, use)
        return call

    def _run_through_here(self, node: ast.Call) -> None:
        """Note the generator expressions that a call is given: it runs through them itself."""
        for given in node.args:
            if isinstance(given, ast.GeneratorExp):
                self._run_through.add(id(given))
        for keyword in node.keywords:
            if isinstance(keyword.value, ast.GeneratorExp):
                self._run_through.add(id(keyword.value))

    def _keep_site(
        self,
        node: ast.expr,
        call: Call,
        awaited: bool = False,
        statement: bool = False,
        entered: bool = False,
        iterated: bool = False,
        suspending: bool = False,
        use: str = "",
    ) -> None:
        scope = self._scope
        end_line = node.end_lineno or node.lineno
        scope.sites.append(
            Site(
                call,
                node.lineno,
                self._column(node.lineno, node.col_offset),
                end_line,
                self._column(end_line, node.end_col_offset or 0),
                awaited,
                statement,
                scope.loops > 0,
                scope.lazy > 0,
                scope.guards > 0,
                scope.scripted > 0,
                entered,
                iterated,
                suspending,
                use,
                scope.later > 0,
                scope.needs,
            )
        )

    def _await(self, node: ast.Await) -> Expression | None:
        self._scope.suspends = True
        inner = node.value
        value = self._call(inner, awaited=True) if isinstance(inner, ast.Call) else self._expression(inner)
        return Awaited(value) if value else None

    def _subscript(self, node: ast.Subscript) -> Expression | None:
        of = self._used(node.value, "item")
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        read = tuple(self._expression(item) for item in items)
        return Subscript(of, read) if of else None

    def _either(self, node: ast.BoolOp, *, tested: bool = False) -> Expression | None:
        """Each part runs only where those before it held (`and`), or where they did not (`or`)."""
        needs = self._scope.needs
        parts = []
        for part in node.values:
            is_asked = tested or part is not node.values[-1]
            parts.append(self._tested(part) if is_asked else self._expression(part))
            held, failed = self._needed(part)
            self._scope.needs += held if isinstance(node.op, ast.And) else failed
        self._scope.needs = needs
        return _choice(parts)

    def _conditional(self, node: ast.IfExp) -> Expression | None:
        self._tested(node.test)
        held, failed = self._needed(node.test)
        needs = self._scope.needs
        self._scope.needs = needs + held
        body = self._expression(node.body)
        self._scope.needs = needs + failed
        otherwise = self._expression(node.orelse)
        self._scope.needs = needs
        return _choice([body, otherwise])

    def _binary(self, node: ast.BinOp) -> Expression | None:
        parts = [self._used(node.left, "computed"), self._used(node.right, "computed")]
        return _choice(parts) if isinstance(node.op, ast.BitOr) else _computed(parts)

    def _unary(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._tested(node.operand)
        else:
            self._used(node.operand, "computed")

    def _compare(self, node: ast.Compare) -> None:
        for part in (node.left, *node.comparators):
            self._used(part, "compared")

    def _formatted(self, node: ast.JoinedStr) -> Expression | None:
        if not IS_TOLD and any(isinstance(inner, ast.Call) for inner in walk(node)):
            settle(node, lines(self._text))
        told = _beginning(_text(node.values[0])) if node.values else None
        beginning = [Constant(told, "str")] if told is not None else []
        return _computed([*beginning, *self._parts(node)])

    def _parts(self, node: ast.JoinedStr) -> Iterator[Expression]:
        """What is shown in a formatted text, what says how wide and the like, and the texts that may be a part of a path."""
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield self._used(part.value, "formatted") or Computed(())
                if isinstance(part.format_spec, ast.JoinedStr):
                    yield from self._widths(part.format_spec)
            elif _OF_PATH.fullmatch(text := _text(part)):
                yield Constant(text, "str")

    def _widths(self, spec: ast.JoinedStr) -> Iterator[Expression]:
        for part in spec.values:
            if isinstance(part, ast.FormattedValue) and (width := self._used(part.value, "formatted")) is not None:
                yield width

    def _collection(self, node: ast.List | ast.Tuple | ast.Set) -> Expression:
        return Collection(tuple(self._expression(element) for element in node.elts))

    def _dict(self, node: ast.Dict) -> Expression:
        for key in node.keys:
            if key is not None:
                self._expression(key)
        values = tuple(self._expression(value) for value in node.values)
        if not any(isinstance(value, (Name, Attribute, Call, Awaited)) for value in values):
            return Collection(values)
        return Collection(values, keys=tuple(_text(key) for key in node.keys))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Expression | None:
        scope = self._scope
        lazy = isinstance(node, ast.GeneratorExp)
        later = lazy and id(node) not in self._run_through
        scope.looping = True
        for place, generator in enumerate(node.generators):
            scope.suspends |= bool(generator.is_async)
            iterable = self._iterable(generator.iter, suspending=bool(generator.is_async))
            if place == 0:
                scope.loops += 1
                scope.lazy += lazy
                scope.later += later
            self._bind_inner(generator.target, Element(iterable, bool(generator.is_async)) if iterable else None)
            for condition in generator.ifs:
                self._tested(condition)
        if isinstance(node, ast.DictComp):
            self._expression(node.key)
            element = self._expression(node.value)
        else:
            element = self._expression(node.elt)
        scope.loops -= 1
        scope.lazy -= lazy
        scope.later -= later
        return Collection((element,), lazy) if element or lazy else None

    def _bind_inner(self, target: ast.expr, value: Expression | None) -> None:
        """The target of a comprehension is the function's, never the class's."""
        around, self._class = self._class, None
        self._bind(target, value)
        self._class = around

    def _named(self, node: ast.NamedExpr, use: str = "") -> Expression | None:
        value = self._used(node.value, use)
        self._bind_inner(node.target, value)
        return value

    def _yield(self, node: ast.Yield) -> None:
        self._scope.generator = True
        if node.value is not None:
            value = self._expression(node.value)
            if value is not None:
                self._scope.yields.append(value)

    def _yield_from(self, node: ast.YieldFrom) -> None:
        self._scope.generator = True
        value = self._iterable(node.value)
        if value is not None:
            self._scope.yields.append(Element(value))

    def _starred(self, node: ast.Starred) -> None:
        self._iterable(node.value)

    def _annotation(self, node: ast.expr | None) -> Expression | None:
        node = unquoted(node) if node is not None else None
        return self._expression(node) if node is not None else None

    _expressions: ClassVar[dict[type[ast.expr], Callable[["Expressions", Any], Expression | None]]] = {
        ast.Call: _call,
        ast.Attribute: _attribute,
        ast.Await: _await,
        ast.Subscript: _subscript,
        ast.Constant: _constant,
        ast.Name: _name,
        ast.BoolOp: _either,
        ast.IfExp: _conditional,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.Compare: _compare,
        ast.JoinedStr: _formatted,
        ast.List: _collection,
        ast.Tuple: _collection,
        ast.Set: _collection,
        ast.Dict: _dict,
        ast.Lambda: _lambda,
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
        ast.GeneratorExp: _comprehension,
        ast.DictComp: _comprehension,
        ast.NamedExpr: _named,
        ast.Yield: _yield,
        ast.YieldFrom: _yield_from,
        ast.Starred: _starred,
    }


def _keeps_generators(callee: Expression | None) -> bool:
    """Whether a call hands what it is given to a thread, or keeps it for a response: a generator is run through there."""
    name = last_name(callee)
    return name in HANDING_OVER or name.endswith("Response")


def _text(node: ast.expr | None) -> str:
    """The text of a literal; empty for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _beginning(text: str) -> str | None:
    """What a text begins with, where it may be a statement that writes rows."""
    match = _CHANGE.match(text)
    return f"{match[1].upper()} …" if match is not None else None


def _choice(options: Iterable[Expression | None]) -> Expression | None:
    known = tuple(option for option in options if option is not None)
    return Choice(known) if known else None


def _computed(parts: Iterable[Expression | None]) -> Computed | None:
    known = tuple(part for part in parts if part is not None)
    return Computed(known) if known else None


def _root(node: ast.expr) -> str:
    """`a` of `a.b[c].d`, and of `type(a).b`."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        inner = node.func if isinstance(node, ast.Call) else node.value
        node = node.args[0] if isinstance(node, ast.Call) and _is_of_type(node) else inner
    return node.id if isinstance(node, ast.Name) else ""


def _is_of_type(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "type" and len(call.args) == 1


def _written(target: ast.expr) -> str:
    """The root of what is written to, with a dot behind it where that lies deeper than `a.b.c`, or in the class of `a`."""
    depth, node = 0, target
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        depth, node = depth + 1, node.value
    root = _root(target)
    return f"{root}." if depth > 2 or (isinstance(node, ast.Call) and _is_of_type(node)) else root


def _keyed(target: ast.expr) -> str | None:
    """`a["b"]` or `a.b["c"]` for a target that is that."""
    match target:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
            return f'{name}["{key}"]'
        case ast.Subscript(
            value=ast.Attribute(value=ast.Name(id=owner), attr=name), slice=ast.Constant(value=str(key))
        ):
            return f'{owner}.{name}["{key}"]'
        case _:
            return None


def _item_of_name(target: ast.expr) -> str:
    """`a` for a target `a[b]`, or `a[b][c]`; empty for any other."""
    node = target
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if node is not target and isinstance(node, ast.Name) else ""


def _inside(target: ast.expr) -> str | None:
    """`a.b[]` for a target that lies in `a.b`, such as `a.b[c]`."""
    node = target
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return f"{node.value.id}.{node.attr}[]"
        node = node.value
    return None
