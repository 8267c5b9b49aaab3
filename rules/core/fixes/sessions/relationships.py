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
from rules.core.fixes.document import Document
from rules.core.fixes.sessions.columns import selects_columns
from rules.core.fixes.sessions.contents import without_any
from rules.core.fixes.sessions.desk import Desk
from rules.core.remarks import Remark
from rules.core.values import Iterated, Object, Outside, ProjectClass, ProjectFunction, Value, Where

LAZILY = "A relationship that is loaded lazily afterwards is still read on the event loop."
_RULE = "databases/session"
_COUNTING = frozenset({"count", "exists", "rowcount", "delete", "update", "insert"})
_TABLES = frozenset({"read_sql", "read_sql_query", "read_sql_table", "to_sql"})
_PLAIN = ("builtins.", "datetime.", "decimal.", "uuid.")
_DEEPEST = 6  # names, calls and functions, from what is handed over to what is selected


def with_relationships_noted(fix: Fix, remark: Remark, desk: Desk) -> Fix:
    """The fix; where it hands over a call that may give rows with related ones, it says what of them stays on the loop."""
    if fix.way is not Way.OFFLOAD or remark.rule != _RULE or remark.site is None:
        return fix
    place = Where(remark.function.path, remark.function.index, remark.site.line)
    asked, call = _Asked(desk), remark.site.call
    if not remark.site.statement:
        is_related = asked.may_be_related(call, place) and not _is_only_tested(remark, desk)
    elif isinstance(desk.contexts.project.value(call.callee, place), ProjectFunction):
        is_related = any(asked.is_related_row(one, place) for one in call.arguments)
    else:
        is_related = any(asked.may_be_related(one, place) for one in call.arguments)
    if not is_related:
        return fix
    return replace(fix, notes=(*fix.notes, LAZILY))


def _is_only_tested(remark: Remark, desk: Desk) -> bool:
    """Whether what a call gives is only looked at for being there, under the name that it is given."""
    document = desk.texts.document(remark.function.path)
    call = document.call_at(remark.site.span) if document is not None and remark.site is not None else None
    around = document.parents.get(call) if document is not None and call is not None else None
    if document is None or not (isinstance(around, ast.Assign) and len(around.targets) == 1 and around.value is call):
        return False
    target = around.targets[0]
    if not isinstance(target, ast.Name):
        return False
    scope = document.function_around(around)
    uses = [use for use in document.uses[target.id] if isinstance(use.ctx, ast.Load) and document.lies_in(use, scope)]
    return all(_is_test(use, document) for use in uses)


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
