"""One pass over the syntax tree of a file, from which come its facts."""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from rules.core.annotations import last_part
from rules.core.conditions import (
    always_leaves,
    is_main_guard,
    matched,
    perhaps_missing,
    type_check,
)
from rules.core.edits import decode_source
from rules.core.expressions import Expressions
from rules.core.facts import (
    CANCELLED,
    FAILURE,
    Attribute,
    Binding,
    Body,
    Call,
    Class,
    Defined,
    DefinedClass,
    Element,
    Entered,
    Facts,
    Import,
    Manager,
    Narrowing,
    Outline,
    Site,
    Typed,
    last_name,
)
from rules.core.ignores import read_ignores
from rules.core.parts import Before, Part, closed, joined
from rules.core.scopes import ClassScope
from rules.core.syntax import UnreadableError, parse, walk
from rules.core.uncollected import uncollected

LONGEST_FILE = 1_000_000  # bytes; GitHub's own views stop there as well
PACKED = 3  # times that a packed body is smaller than the text
MOST_NEEDS = 12  # conditions of one place that are kept
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


class _Reader(Expressions):
    """A reader of statements."""

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
                self._scope.managers.append(Manager(value, node.lineno, node.end_lineno or node.lineno))
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
        self._class = scope = ClassScope(around + node.name, index)
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

    def _attributes_of(self, scope: ClassScope) -> dict[str, tuple[Binding, ...]]:
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
