"""One pass over the syntax tree of a file, from which come its facts."""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import msgspec

from rules.core.annotations import last_part, unquoted
from rules.core.conditions import (
    LONGEST_TEXT,
    always_leaves,
    is_main_guard,
    matched,
    needed,
    perhaps_missing,
    type_check,
)
from rules.core.edits import decode_source
from rules.core.facts import (
    CANCELLED,
    FAILURE,
    Attribute,
    Awaited,
    Binding,
    Body,
    Call,
    Choice,
    Class,
    Collection,
    Computed,
    Constant,
    Defined,
    DefinedClass,
    Element,
    Entered,
    Expression,
    Facts,
    Function,
    Import,
    Name,
    Narrowing,
    Outline,
    Parameter,
    Site,
    Subscript,
    Typed,
    last_name,
)
from rules.core.formatted import IS_TOLD, settle
from rules.core.ignores import read_ignores
from rules.core.needs import rebound
from rules.core.parts import Before, Part, Scope, closed, joined
from rules.core.syntax import UnreadableError, children, parse, walk
from rules.core.uncollected import uncollected

CONSUMERS = frozenset(
    {"list", "tuple", "set", "dict", "frozenset", "sorted", "sum", "min", "max", "any", "all", "next"}
)
HANDING_OVER = frozenset(
    {"to_thread", "run_in_threadpool", "iterate_in_threadpool", "run_sync", "run_in_executor", "submit"}
)
IN_MEMORY = ("/proc/", "/sys/")  # where files begin that the kernel makes when they are read
_CHANGE = re.compile(
    r"\s*(insert|update|delete|replace|merge)\b", re.IGNORECASE
)  # how a statement begins that writes rows
LONGEST_FILE = 1_000_000  # bytes; GitHub's own views stop there as well
PACKED = 3  # times that a packed body is smaller than the text
MOST_NEEDS = 12  # conditions of one place that are kept
DEEPEST = 150  # nested expressions; what lies deeper is read for its calls only

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
LONE_RETURN = re.compile(r"\r(?!\n)")


def read_facts(source: bytes, tree: ast.Module | None = None) -> Facts:
    """The facts of one file. Never raises for what the file holds: `problem` says what is wrong with it.

    `tree` is what `parse` made of it, where that is at hand; the places of its nodes may be put right.
    """
    if len(source) > LONGEST_FILE:
        return _unreadable(f"it is larger than {LONGEST_FILE:,} bytes")
    try:
        text = decode_source(source)
        if "\r" in text and LONE_RETURN.search(text):
            return _unreadable("it has carriage returns that end no line")
        with uncollected():
            part = read_part(text, (tree or parse(text)).body)
            return Facts.of(*joined([part], len(text), read_ignores(text)), len(text) // PACKED)
    except (UnreadableError, SyntaxError, UnicodeError, LookupError) as error:
        return _unreadable(str(error))
    except RecursionError:
        return _unreadable("it is nested too deeply to be read")


def read_part(
    text: str, body: Iterable[ast.stmt], *, functions: int = 1, classes: int = 0, needs: tuple[str, ...] = ()
) -> Part:
    """What statements at the top of a file say, which stand in the text; see `Part` for what came before them."""
    return _Reader(text, functions, classes, needs).read(body)


def _unreadable(problem: str) -> Facts:
    return Facts.of(Outline(problem), Body(), 0)


@lru_cache(maxsize=4)
def _lines(text: str) -> list[str]:
    """The lines of a text, of which many parts may be read."""
    return text.split("\n")


class _ClassScope(msgspec.Struct):
    """A class whose body is being read."""

    qualname: str
    index: int
    bindings: dict[str, list[Binding]] = msgspec.field(default_factory=dict)
    methods: dict[str, int] = msgspec.field(default_factory=dict)
    attributes: dict[str, list[Binding]] = msgspec.field(default_factory=dict)


class _Reader:
    def __init__(self, text: str, functions: int, classes: int, needs: tuple[str, ...]) -> None:
        self._text = text
        self._is_ascii = text.isascii()
        self._functions: list[Function | None] = [None] * functions
        self._classes: list[Class | None] = [None] * classes
        self._stars: list[Import] = []
        self._states: set[str] = set()
        self._dotted: set[str] = set()
        self._imports: list[Import] = []
        self._depth = 0
        self._run_through: set[int] = set()  # the generator expressions that are run through where they stand
        self._scope = self._module = Scope("<module>", "<module>", 0, -1, -1, needs=needs)
        self._class: _ClassScope | None = None

    def read(self, body: Iterable[ast.stmt]) -> Part:
        functions, classes, needs = len(self._functions), len(self._classes), self._scope.needs
        for statement in body:
            self._statement(statement)
        return Part(
            scope=self._module,
            functions=tuple(f for f in self._functions[functions:] if f),
            classes=tuple(c for c in self._classes[classes:] if c),
            stars=tuple(self._stars),
            imports=tuple(self._imports),
            states=frozenset(self._states),
            dotted=frozenset(self._dotted),
            before=Before(functions, classes, needs),
        )

    # Statements

    def _block(self, body: Iterable[ast.stmt]) -> None:
        needs, scripted = self._scope.needs, self._scope.scripted
        for statement in body:
            self._statement(statement)
        self._scope.needs, self._scope.scripted = needs, scripted

    def _statement(self, node: ast.stmt) -> None:
        handler = self._statements.get(type(node))
        if handler is not None:
            handler(self, node)
        self._scope.scripted += always_leaves(node)

    def _children(self, node: ast.AST) -> None:
        for child in children(node):
            if isinstance(child, ast.expr):
                self._expression(child)

    def _expression_statement(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._call(node.value, statement=True)
        else:
            self._expression(node.value)

    def _assign(self, node: ast.Assign) -> None:
        unpacked = isinstance(node.targets[0], (ast.Tuple, ast.List))
        value = self._used(node.value, "unpacked") if unpacked else self._expression(node.value)
        for target in node.targets:
            self._bind(target, value)

    def _annotated_assign(self, node: ast.AnnAssign) -> None:
        annotation = self._annotation(node.annotation)
        if last_name(annotation) == "TypeAlias" and node.value is not None:
            self._bind(node.target, self._annotation(node.value))
            return
        value = self._expression(node.value) if node.value else None
        self._bind(node.target, Typed(annotation) if annotation else value)
        if value is not None and annotation is not None:
            self._bind(node.target, value)

    def _type_alias(self, node: Any) -> None:
        """`type X = int`, which only Python 3.12 and newer know."""
        self._bind(node.name, self._annotation(node.value))

    def _augmented_assign(self, node: ast.AugAssign) -> None:
        self._expression(node.value)
        if isinstance(node.target, ast.Name):
            self._scope.writes.add(node.target.id)
        else:
            self._bind(node.target, None)

    def _return(self, node: ast.Return) -> None:
        self._scope.bare |= node.value is None
        if node.value is not None:
            self._run_through.add(id(node.value))  # by whoever called
            value = self._expression(node.value)
            if value is not None:
                self._scope.results.append(value)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._bind(target, None)

    def _if(self, node: ast.If) -> None:
        scripted = self._scope.index == 0 and is_main_guard(node.test)
        self._tested(node.test)
        self._narrow(node)
        held, failed = self._needed(node.test)
        needs = self._scope.needs
        self._scope.scripted += scripted
        self._scope.needs = needs + held
        self._block(node.body)
        self._scope.scripted -= scripted
        is_told = any(not need.startswith("|") for need in failed)
        otherwise = (needs + (failed if is_told else perhaps_missing(node.test) + failed))[:MOST_NEEDS]
        self._scope.needs = otherwise
        self._block(node.orelse)
        leaves = isinstance(node.body[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))
        self._scope.needs = otherwise if leaves else needs
        below = node.orelse[0].lineno if node.orelse else 0
        self._scope.branches.append((node.body[0].lineno, below, node.end_lineno or 0))

    def _needed(self, test: ast.expr) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What must hold for a condition to hold, and for it to fail, as far as parameters still hold what was given for them."""
        held, failed = needed(test)
        return (self._of_given(held), self._of_given(failed)) if self._scope.rebound else (held, failed)

    def _of_given(self, needs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(told for need in needs for told in rebound(need, self._scope.rebound))

    def _narrow(self, node: ast.If) -> None:
        """What `if isinstance(x, T)` tells of `x` in its branches, and below them where one of them leaves."""
        if (positive := type_check(node.test)) is not None:
            self._keep_narrowing(positive, node.body)
            if positive is node.test:
                self._keep_narrowing(positive, node.orelse, excluded=True)
        elif isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
            negative = type_check(node.test.operand)
            if negative is not None:
                self._keep_narrowing(negative, node.body, excluded=True)
                self._keep_narrowing(negative, node.orelse)
                if isinstance(node.body[-1], (ast.Return, ast.Raise, ast.Continue)):
                    self._keep_narrowing(negative, below=node)

    def _keep_narrowing(
        self, asked: ast.Call, body: Sequence[ast.stmt] = (), *, excluded: bool = False, below: ast.stmt | None = None
    ) -> None:
        name, annotation = asked.args[0], self._callee(asked.args[1])
        if not isinstance(name, ast.Name) or annotation is None or not (body or below):
            return
        first = body[0].lineno if body else (below.end_lineno or 0) + 1 if below else 0
        last = (body[-1].end_lineno or body[-1].lineno) if body else sys.maxsize
        self._scope.narrowings.append(Narrowing(name.id, first, last, annotation, excluded))

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        asynchronous = isinstance(node, ast.AsyncFor)
        iterable = self._iterable(node.iter, suspending=asynchronous)
        self._scope.suspends |= asynchronous
        self._bind(node.target, Element(iterable, asynchronous) if iterable else None)
        self._looped(node.body)
        self._block(node.orelse)

    def _iterable(self, node: ast.expr, *, suspending: bool = False) -> Expression | None:
        if isinstance(node, ast.Call):
            return self._call(node, iterated=True, suspending=suspending)
        self._run_through.add(id(node))
        value = self._expression(node)
        if isinstance(value, (Name, Attribute)):
            method = "__aiter__" if suspending else "__iter__"
            self._keep_site(node, Call(Attribute(value, method)), iterated=True, suspending=suspending)
        return value

    def _assert(self, node: ast.Assert) -> None:
        self._tested(node.test)
        if (asked := type_check(node.test)) is not None:
            self._keep_narrowing(asked, below=node)
        if node.msg is not None:
            self._expression(node.msg)

    def _while(self, node: ast.While) -> None:
        self._scope.loops += 1
        self._tested(node.test)
        self._scope.loops -= 1
        self._looped(node.body)
        self._block(node.orelse)

    def _looped(self, body: list[ast.stmt]) -> None:
        self._scope.looping = True
        self._scope.loops += 1
        self._block(body)
        self._scope.loops -= 1

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        asynchronous = isinstance(node, ast.AsyncWith)
        self._scope.suspends |= asynchronous
        for item in node.items:
            context = item.context_expr
            if isinstance(context, ast.Call):
                value = self._call(context, entered=True, suspending=asynchronous)
            elif (value := self._expression(context)) is not None:
                self._scope.managers.append(value)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, Entered(value, asynchronous) if value else None)
        suspended, self._scope.suspends = self._scope.suspends, False
        self._block(node.body)
        if self._scope.suspends and not asynchronous:
            self._scope.held += [site for item in node.items for site in self._entered(item.context_expr)]
        self._scope.suspends |= suspended

    def _entered(self, node: ast.expr) -> Iterator[Site]:
        """A manager that is no call, as what enters it."""
        if isinstance(node, (ast.Name, ast.Attribute)) and (value := self._callee(node)) is not None:
            end_line = node.end_lineno or node.lineno
            start, end = self._column(node.lineno, node.col_offset), self._column(end_line, node.end_col_offset or 0)
            yield Site(Call(Attribute(value, "__enter__")), node.lineno, start, end_line, end, entered=True)

    def _try(self, node: ast.Try) -> None:
        self._scope.guards += 1
        self._block(node.body)
        self._scope.guards -= 1
        for handler in node.handlers:
            if handler.type is not None:
                self._expression(handler.type)
            if handler.name:
                self._keep(handler.name, handler.lineno, None)
            needs = self._scope.needs
            is_ending = handler.type is not None and last_part(handler.type) == "CancelledError"
            self._scope.needs = (*needs, FAILURE, *([CANCELLED] if is_ending else []))
            self._block(handler.body)
            self._scope.needs = needs
        self._block(node.orelse)
        self._block(node.finalbody)

    def _raise(self, node: ast.Raise) -> None:
        self._scope.reraises |= node.exc is None and FAILURE not in self._scope.needs
        self._children(node)

    def _match(self, node: ast.Match) -> None:
        self._expression(node.subject)
        needs = self._scope.needs
        for case in node.cases:
            for pattern in walk(case.pattern):
                if isinstance(pattern, (ast.MatchAs, ast.MatchStar)) and pattern.name:
                    self._keep(pattern.name, pattern.lineno, None)
            if case.guard is not None:
                self._tested(case.guard)
            said = matched(case.pattern) if isinstance(node.subject, ast.Name) else ""
            self._scope.needs = needs + (self._of_given((f"{last_part(node.subject)}={said}",)) if said else ())
            self._block(case.body)
        self._scope.needs = needs

    def _outer(self, node: ast.Global | ast.Nonlocal) -> None:
        self._scope.outer.update(node.names)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._imports.append(Import(0, alias.name))
            if alias.asname:
                self._keep(alias.asname, node.lineno, Import(0, alias.name))
            else:
                top = alias.name.partition(".")[0]
                self._keep(top, node.lineno, Import(0, top))

    def _import_from(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            imported = Import(node.level, node.module or "", alias.name)
            self._imports.append(imported)
            if alias.name == "*":
                self._stars.append(imported)
            else:
                self._keep(alias.asname or alias.name, node.lineno, imported)

    # Definitions

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = tuple(self._expression(decorator) for decorator in node.decorator_list)
        parameters = self._parameters(node.args)
        returns = self._annotation(node.returns)
        scope = self._open(node.name)
        scope.parameters = frozenset(parameter.name for parameter in parameters)
        first_line = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        self._keep(node.name, node.lineno, Defined(scope.index))
        if self._class is not None:
            self._class.methods[node.name] = scope.index
        outer, around = self._scope, self._class
        self._scope, self._class = scope, None
        self._block(node.body)
        self._scope, self._class = outer, around
        function = closed(
            scope,
            node.lineno,
            self._column(node.lineno, node.col_offset),
            first_line,
            node.end_lineno or node.lineno,
            asynchronous=isinstance(node, ast.AsyncFunctionDef),
            decorators=decorators,
            parameters=parameters,
            returns=returns,
        )
        self._close(scope, function)

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

    def _open(self, name: str) -> Scope:
        index = len(self._functions)
        self._functions.append(None)
        if self._class is not None:
            return Scope(name, f"{self._class.qualname}.{name}", index, self._scope.index, self._class.index)
        around = "" if self._scope.index == 0 else f"{self._scope.qualname}."
        return Scope(name, around + name, index, self._scope.index, -1)

    def _close(self, scope: Scope, function: Function) -> None:
        """Keep what was read of a function. What it reads from outside, what is around it reads as well."""
        self._functions[scope.index] = function
        outer = self._scope.mentions
        for name in function.reads:
            outer[name] = outer.get(name, 0) + scope.mentions[name]

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

    def _class_definition(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self._expression(decorator)
        bases = tuple(self._expression(base) for base in node.bases)
        for keyword in node.keywords:
            self._expression(keyword.value)
        index = len(self._classes)
        self._classes.append(None)
        outer = self._class
        around = f"{outer.qualname}." if outer else "" if self._scope.index == 0 else f"{self._scope.qualname}."
        self._keep(node.name, node.lineno, DefinedClass(index))
        self._class = scope = _ClassScope(around + node.name, index)
        self._block(node.body)
        self._class = outer
        self._classes[index] = Class(
            name=node.name,
            qualname=scope.qualname,
            line=node.lineno,
            parent=self._scope.index,
            bases=bases,
            bindings={name: tuple(values) for name, values in scope.bindings.items()},
            methods=scope.methods,
            attributes=self._attributes_of(scope),
        )

    def _attributes_of(self, scope: _ClassScope) -> dict[str, tuple[Binding, ...]]:
        """What the methods of a class set on their first parameter."""
        found: dict[str, list[Binding]] = {}
        for index in scope.methods.values():
            method = self._functions[index]
            if method and method.parameters:
                dotted = f"{method.parameters[0].name}."
                for name, bindings in method.bindings.items():
                    if name.startswith(dotted):
                        found.setdefault(name.removeprefix(dotted), []).extend(bindings)
        return {name: tuple(bindings) for name, bindings in found.items()}

    # Bindings

    def _bind(self, target: ast.expr, value: Expression | None) -> None:
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

    def _keep(self, name: str, line: int, value: Expression | None) -> None:
        scope: Scope | _ClassScope = self._class if self._class is not None else self._scope
        if self._class is None and name in self._scope.outer:
            scope = self._module
        if name in self._scope.parameters:
            self._scope.rebound.setdefault(name, []).append(self._scope.needs)
        kept = scope.bindings.setdefault(name, [])
        kept.append(Binding(line, value or Constant(None, "unknown"), self._scope.index))

    # Expressions

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
            settle(node, _lines(self._text))
        start = _text(node.values[0]) if node.values else ""
        told = start if start.startswith(IN_MEMORY) else _beginning(start)
        beginning = [Constant(told, "str")] if told is not None else []
        return _computed([*beginning, *self._parts(node)])

    def _parts(self, node: ast.JoinedStr) -> Iterator[Expression | None]:
        """What is shown in a formatted text, and what says how wide and the like."""
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield self._used(part.value, "formatted")
                if isinstance(part.format_spec, ast.JoinedStr):
                    yield from self._parts(part.format_spec)

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

    def _column(self, line: int, byte: int) -> int:
        if self._is_ascii or (text := _lines(self._text)[line - 1]).isascii():
            return byte + 1
        return len(text.encode()[:byte].decode(errors="replace")) + 1

    # What reads each kind of node

    _statements: ClassVar[dict[type[ast.stmt], Callable[["_Reader", Any], None]]] = {
        ast.Expr: _expression_statement,
        ast.Assign: _assign,
        ast.AnnAssign: _annotated_assign,
        ast.AugAssign: _augmented_assign,
        ast.Return: _return,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class_definition,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.If: _if,
        ast.For: _for,
        ast.AsyncFor: _for,
        ast.While: _while,
        ast.With: _with,
        ast.AsyncWith: _with,
        ast.Try: _try,
        ast.TryStar: _try,
        ast.Match: _match,
        ast.Global: _outer,
        ast.Nonlocal: _outer,
        ast.Delete: _delete,
        ast.Raise: _raise,
        ast.Assert: _assert,
    }
    if sys.version_info >= (3, 12):
        _statements[ast.TypeAlias] = _type_alias
    _expressions: ClassVar[dict[type[ast.expr], Callable[["_Reader", Any], Expression | None]]] = {
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


def _computed(parts: Iterable[Expression | None]) -> Expression | None:
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


def _inside(target: ast.expr) -> str | None:
    """`a.b[]` for a target that lies in `a.b`, such as `a.b[c]`."""
    node = target
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return f"{node.value.id}.{node.attr}[]"
        node = node.value
    return None
