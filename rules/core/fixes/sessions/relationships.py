"""Related rows are loaded where they are read: on the event loop, though a worker thread asked for the rows that have them.

https://docs.sqlalchemy.org/en/21/orm/queryguide/relationships.html#lazy-loading
"""

import ast
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from rules.core.facts import (
    Awaited,
    Call,
    Choice,
    Class,
    Collection,
    Computed,
    Constant,
    Element,
    Expression,
    Name,
    Subscript,
    Typed,
    last_name,
)
from rules.core.findings import Fix, Way
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.document import Document
from rules.core.fixes.sessions.columns import selects_columns
from rules.core.fixes.sessions.contents import without_any
from rules.core.fixes.sessions.desk import Desk
from rules.core.library import Role
from rules.core.remarks import Remark
from rules.core.values import Iterated, Object, Outside, ProjectClass, ProjectFunction, Value, Where

LAZILY = "A relationship that is loaded lazily afterwards is still read on the event loop."
_RULE = "databases/session"
_COUNTING = frozenset({"count", "exists", "rowcount", "delete", "update", "insert"})
_TABLES = frozenset({"read_sql", "read_sql_query", "read_sql_table", "to_sql"})
_PLAIN = ("builtins.", "datetime.", "decimal.", "uuid.")
_KEEPING = frozenset({"add", "refresh", "expunge", "expire"})
_VALIDATING = frozenset({"model_validate", "from_orm", "parse_obj"})
_DEEPEST = 6  # names, calls and functions, from what is handed over to what is selected


def with_relationships_noted(fix: Fix, remark: Remark, desk: Desk) -> Fix:
    """The fix; where it hands over a call that may give rows with related ones, it says what of them stays on the loop."""
    if fix.way is not Way.OFFLOAD or remark.rule != _RULE or remark.site is None:
        return fix
    place = Where(remark.function.path, remark.function.index, remark.site.line)
    asked, call = _Asked(desk), remark.site.call
    if not remark.site.statement:
        is_related = asked.may_be_related(call, place) and not _is_read_plainly(remark, desk)
    elif isinstance(desk.contexts.project.value(call.callee, place), ProjectFunction):
        is_related = any(asked.is_related_row(one, place) for one in call.arguments)
    else:
        is_related = any(asked.may_be_related(one, place) for one in call.arguments)
    if not is_related:
        return fix
    return replace(fix, notes=(*fix.notes, LAZILY))


class _Reading(msgspec.Struct, frozen=True):
    """The reading of what is done with the rows that a call gives, in the function that makes it."""

    function: ProjectFunction
    document: Document
    desk: Desk

    def is_plain(self, node: ast.expr, depth: int = 0) -> bool:
        """Whether an expression is only asked whether it is there, for its columns, or handed to its session; so are its names."""
        around = self.document.parents.get(node)
        if _is_test(node, self.document):
            return True
        match around:
            case ast.Attribute(attr=name, ctx=ctx):
                return name in self.desk.models.columns or (isinstance(ctx, ast.Store) and not self._is_related(name))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is node:
                return self._are_plain(name, around, depth)
            case ast.For(target=ast.Name(id=name), iter=run) | ast.comprehension(target=ast.Name(id=name), iter=run):
                return run is node and self._are_plain(name, around, depth)
            case ast.Call(func=ast.Attribute(attr=method) as func, args=[only]) if only is node:
                return method in _KEEPING or (method in _VALIDATING and self._makes_plain(func))
            case ast.Call(func=ast.Name(id="len")) | ast.Expr():
                return True
            case ast.Return():
                return self._is_shown_plainly()
            case _:
                return False

    def _are_plain(self, name: str, at: ast.AST, depth: int) -> bool:
        """Whether all is so that is done with a name."""
        scope = self.document.function_around(at)
        uses = (use for use in self.document.uses[name] if isinstance(use.ctx, ast.Load))
        own = (use for use in uses if self.document.lies_in(use, scope))
        return depth <= _DEEPEST and all(self.is_plain(use, depth + 1) for use in own)

    def _is_related(self, name: str) -> bool:
        return name in self.desk.models.related or name in self.desk.models.loading

    def _makes_plain(self, method: ast.Attribute) -> bool:
        """Whether a method makes a model that reads nothing which would have to be loaded."""
        at = Where(self.function.path, self.function.index, method.lineno)
        model = self.desk.contexts.project.value(as_expression(method.value), at)
        fields = self.desk.models.fields(model) if isinstance(model, ProjectClass) else None
        return fields is not None and fields.isdisjoint(self.desk.models.loading)

    def _is_shown_plainly(self) -> bool:
        """Whether a model makes the response of what is returned, and reads nothing that would have to be loaded."""
        root = self.desk.contexts.root_of(self.function)
        if root is None or root.role is not Role.ENDPOINT or not self.desk.models.is_shown_by_model(self.function):
            return False
        shown = self.desk.models.response(self.function)
        return shown is not None and shown.isdisjoint(self.desk.models.loading)


def _is_read_plainly(remark: Remark, desk: Desk) -> bool:
    """Whether nothing is read of the rows that a call gives which would have to be loaded."""
    document = desk.texts.document(remark.function.path)
    call = document.call_at(remark.site.span) if document is not None and remark.site is not None else None
    return document is not None and call is not None and _Reading(remark.function, document, desk).is_plain(call)


def _is_test(node: ast.expr, document: Document) -> bool:
    """Whether an expression is only asked whether it is there."""
    match document.parents.get(node):
        case ast.Compare(ops=[ast.Is() | ast.IsNot()]) | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.If(test=test) | ast.IfExp(test=test) | ast.Assert(test=test) | ast.While(test=test):
            return test is node
        case ast.BoolOp() as around:
            return _is_test(around, document)
        case _:
            return False


class _Asked(msgspec.Struct, frozen=True):
    """What may come of what is asked of a session."""

    desk: Desk

    def may_be_related(self, expression: Expression | None, where: Where, depth: int = 0) -> bool:
        """Whether an expression may give an object, or hold one, that loads something where it is read."""
        value = self.desk.contexts.project.value(expression, where)
        callee = self.desk.contexts.project.value(expression.callee, where) if isinstance(expression, Call) else None
        if isinstance(callee, ProjectFunction) and self.desk.contents.has_rows(callee):
            return self._has_relationships
        if (told := self._is_told(value)) is not None:
            return told
        if depth > _DEEPEST:
            return self._has_relationships
        match expression:
            case None | Constant() | Typed() | Computed():
                return False
            case Choice(options=parts) | Collection(items=parts):
                return any(self.may_be_related(part, where, depth + 1) for part in parts)
            case Awaited(of=of) | Element(of=of) | Subscript(of=of):
                return self.may_be_related(of, where, depth + 1)
            case Name(id=name):
                return self._may_name(name, where, depth)
            case Call():
                return self._may_give(expression, where, depth)
            case _:
                return self._has_relationships and not self.desk.calm.is_data(expression, where)

    def is_related_row(self, expression: Expression | None, where: Where) -> bool:
        """Whether an expression is known to give an object that loads something where it is read."""
        return self._is_told(self.desk.contexts.project.value(expression, where)) is True

    @property
    def _has_relationships(self) -> bool:
        """Whether what nothing is known of may have any: not where the project declares its tables, and no relationship."""
        return bool(self.desk.models.loading) or not self.desk.models.classes

    def _is_told(self, value: Value | None) -> bool | None:
        """Whether a value has any; None where that is not known."""
        match value:
            case Iterated(item=item, items=items):
                told = {self._is_told(one) for one in items or (item,)}
                return True if True in told else None if None in told else False
            case Object(row=row) if row is not None:
                return self._is_told(row)
            case Object(of=ProjectClass() as of) if self.desk.models.is_mapped(of):
                return self._loads(of)
            case Object(of=ProjectClass() as of) if self.desk.models.is_plain_model(of):
                return False
            case Object(of=Outside(name=name)) if name.startswith(_PLAIN) or self._is_session(name):
                return False
            case _:
                return None

    def _is_session(self, name: str) -> bool:
        knowledge = self.desk.contexts.project.knowledge
        return not {of for row in knowledge.sessions.values() for of in (row.of, row.instead)}.isdisjoint(
            knowledge.family(name)
        )

    def _loads(self, of: ProjectClass) -> bool:
        """Whether a row of a class, or of one that is derived from it, has an attribute that may load where it is read."""
        project, models = self.desk.contexts.project, self.desk.models
        if project.is_derived(of):
            return bool(models.loading)
        own = [project.class_(one) for one in project.family(of) if isinstance(one, ProjectClass)]
        declared = {name for one in models.classes for name in _members(project.class_(one))}
        named = {name for one in own for name in _members(one)}
        return bool(models.loading & (named | (models.loading - declared)))

    def _says_it_gives_data(self, function: ProjectFunction) -> bool:
        """Whether a function is annotated to give plain data."""
        facts, desk = self.desk.contexts.project.function(function), self.desk
        where = Where(function.path, facts.parent, facts.line)
        return facts.returns is not None and desk.calm.is_data_type(without_any(facts.returns), where)

    def _may_name(self, name: str, where: Where, depth: int) -> bool:
        facts = self.desk.contexts.project.function(ProjectFunction(where.path, where.function))
        values = [binding.value for binding in facts.bindings.get(name, ()) if binding.line <= where.line]
        if not values or any(parameter.name == name for parameter in facts.parameters):
            return self._has_relationships and not self.desk.calm.is_data(Name(name), where)
        return any(self.may_be_related(value, where, depth + 1) for value in values)

    def _may_give(self, call: Call, where: Where, depth: int) -> bool:
        project = self.desk.contexts.project
        called = project.called_function(project.value(call.callee, where))
        if called is not None:
            facts = project.function(called)
            if self._says_it_gives_data(called):
                return False
            at = Where(called.path, called.index, facts.end_line)
            return any(self.may_be_related(result, at, depth + 1) for result in facts.results)
        if last_name(call.callee) in _COUNTING | _TABLES or self.desk.calm.is_data(call, where):
            return False
        return self._has_relationships and not selects_columns(call, where, self.desk.contexts, self.desk.models)


def _members(class_: Class) -> Iterator[str]:
    yield from class_.bindings
    yield from class_.methods
