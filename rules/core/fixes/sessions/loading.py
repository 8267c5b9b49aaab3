"""What a function reads of the rows that a session gave it, and what of that would have to be loaded there and then."""

import ast
import sys
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import (
    Attribute,
    Awaited,
    Binding,
    Call,
    Choice,
    Collection,
    Computed,
    Constant,
    Defined,
    DefinedClass,
    Element,
    Expression,
    Function,
    Import,
    Name,
    Parameter,
    Subscript,
    Typed,
)
from rules.core.fixes.awaits import Awaits, as_expression
from rules.core.fixes.calm import Calm
from rules.core.fixes.document import Document
from rules.core.fixes.files.names import parameters_given
from rules.core.fixes.imports import Wanted
from rules.core.fixes.sessions.columns import selects_columns
from rules.core.fixes.sessions.contents import Contents, without_any
from rules.core.fixes.sessions.models import Models
from rules.core.fixes.sessions.places import is_session
from rules.core.fixes.sharing.owning import is_unchangeable
from rules.core.fixes.turning import Refused
from rules.core.syntax import walk
from rules.core.usage import given_to, reached
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Value, Where

_METHODS = frozenset(name for type_ in (list, dict, set, str) for name in dir(type_) if not name.startswith("_"))
_COUNTING = frozenset({"count", "delete", "update", "exists", "rowcount"})
_OF_TEXTS = frozenset(
    {"replace", "strip", "lower", "upper", "title", "encode", "decode", "split", "splitlines", "isoformat"}
    | {"strftime", "hex", "digest", "hexdigest"}
)
_ONLY_OF_TEXTS = frozenset({"startswith", "endswith", "lower", "upper", "strip", "splitlines", "encode"})
_VALIDATING = frozenset({"model_validate", "from_orm", "parse_obj"})
_SHOWING = frozenset({"fastapi.encoders.jsonable_encoder", "builtins.print"})
_CALLING = frozenset({"anyio", "asyncio", "builtins", "concurrent", "contextlib", "copy", "functools", "itertools"})
_HOLDING = _CALLING | {"collections", "queue", "threading", "types", "typing", "weakref"}
_EMPTY = Collection(())
_PLACING = frozenset({"add", "merge", "refresh", "get", "get_one", "commit", "flush", "rollback", "delete"})


class Loading(msgspec.Struct, frozen=True):
    """The reading of one function."""

    contexts: Contexts
    models: Models
    calm: Calm
    contents: Contents
    function: ProjectFunction

    @property
    def facts(self) -> Function:
        return self.contexts.project.function(self.function)

    # Names

    def rows(self, session: str, *, with_given: bool) -> frozenset[str]:
        """The names that may hold rows: locals, and (with those given) parameters."""
        names = self._held()
        if with_given:
            names |= {one.name for one in self.facts.parameters if self._is_row(one)}
        return frozenset(names - {session} - {*self._used_as_texts()})

    def _used_as_texts(self) -> Iterator[str]:
        """The names that are given one thing only, and used as a text or a number is: by its methods, or for such a parameter."""
        parameters = {one.name for one in self.facts.parameters}
        for place, site in enumerate(self.facts.sites):
            callee = site.call.callee
            used = [callee.of] if isinstance(callee, Attribute) and callee.name in _ONLY_OF_TEXTS else []
            for target in self.contexts.targets(self.function, place):
                annotations = {one.name: one.annotation for one in self.contexts.project.function(target).parameters}
                given = parameters_given(site.call, target, self.contexts)
                used += [value for one, value in given if is_unchangeable(annotations[one.id])]
            for one in used:
                if isinstance(one, Name) and len(self.facts.bindings.get(one.id, ())) + (one.id in parameters) == 1:
                    yield one.id

    def may_hold_row(self, binding: Binding) -> bool:
        """Whether what the function gives a name may be a row, or hold one."""
        return self._may_hold(binding.value, binding.line, self._held())

    def _held(self) -> set[str]:
        """The locals that may hold rows: found again until no other one does, since one may stand for another, and that for it."""
        bound = {name: bindings for name, bindings in self.facts.bindings.items() if "." not in name}
        held: set[str] = set()
        while (more := {name for name, bindings in bound.items() if self._hold(bindings, held)}) != held:
            held = more
        return held

    def _hold(self, bindings: tuple[Binding, ...], held: set[str]) -> bool:
        return any(self._may_hold(binding.value, binding.line, held) for binding in bindings)

    def _may_hold(self, value: Expression | None, line: int, held: set[str]) -> bool:
        """Whether a row, or anything with rows in it, may come of an expression, where these names hold such."""
        where = Where(self.function.path, self.function.index, line)
        match value:
            case None | Constant() | Typed() | Computed() | Import() | Defined() | DefinedClass():
                return False
            case Attribute(name=read):
                return read in self.models.related or read in self.models.loading
            case Name(id=other):
                parameter = next((one for one in self.facts.parameters if one.name == other), None)
                return self._is_row(parameter) if parameter is not None else other in held
            case Awaited(of=Call(callee=Attribute(of=of))) if self._is_of_no_database(
                self.contexts.project.value(of, where)
            ):
                return False  # bytes of `await request.body()`
            case Element(of=of) | Awaited(of=of) | Subscript(of=of):
                return self._may_hold(of, line, held) and not self.calm.is_data(value, where)
            case Choice(options=parts) | Collection(items=parts):
                return any(self._may_hold(part, line, held) for part in parts)
            case Call(callee=Attribute(name=method)) if method in _COUNTING or method in _OF_TEXTS:
                return False
            case Call(callee=Attribute(of=Call(callee=Attribute(name="get"), arguments=(_, given)), name="get")) if (
                given == _EMPTY
            ):
                return False  # `row.get("metadata", {}).get("kind")`: dicts in dicts, as JSON has them
            case Call(callee=Attribute(of=of, name="get"), arguments=(Constant(value=str()), *_)):
                return self._may_hold(of, line, held) and not self._is_plain(value, where)
            case Call() if selects_columns(value, where, self.contexts, self.models):
                return False
            case Call():
                handed = any(self._may_hold(one, line, held) for one in given_to(value))
                return not self._is_plain(value, where) and (handed or not self._is_of_other_library(value, where))
            case _:
                return True

    def _is_of_other_library(self, call: Call, where: Where) -> bool:
        """Whether it calls a function of a library that is known, which has no rows of its own to give, and is given no session."""
        project = self.contexts.project
        callee = project.value(call.callee, where)
        package = callee.name.partition(".")[0] if isinstance(callee, Outside) else ""
        mapping = {name.partition(".")[0] for name in project.knowledge.sessions}
        if package not in project.knowledge.packages - mapping - project.knowledge.frameworks - _CALLING:
            return False
        return not any(self._may_lead_to_rows(project.value(one, where)) for one in given_to(call))

    def _may_lead_to_rows(self, value: Value | None) -> bool:
        """Whether something may be, or have, a session or rows: it is of the project, or a session itself."""
        return isinstance(value, (Object, ProjectFunction)) and not self._is_of_no_database(value)

    def _is_of_no_database(self, value: Value | None) -> bool:
        """Whether it is an object of a library that is no session."""
        if not (isinstance(value, Object) and isinstance(value.of, Outside)):
            return False
        knowledge = self.contexts.project.knowledge
        sessions = {name for row in knowledge.sessions.values() for name in (row.of, row.instead)}
        return sessions.isdisjoint(knowledge.family(value.of.name))

    def _is_plain(self, call: Call, where: Where) -> bool:
        value = self.contexts.project.value(call, where)
        if isinstance(value, Object) and isinstance(value.of, ProjectClass) and self.models.is_mapped(value.of):
            return False
        if isinstance(value, Object) and isinstance(value.of, ProjectClass) and self.models.is_plain_model(value.of):
            return True
        if self._validates(call, where):
            return True
        callee = self.contexts.project.value(call.callee, where)
        if isinstance(callee, ProjectFunction) and self.contents.has_rows(callee):
            return False
        if _is_of_the_standard_library(value) or self.calm.is_data(call, where):
            return True
        return isinstance(callee, ProjectFunction) and self._says_it_gives_data(callee)

    def _validates(self, call: Call, where: Where) -> bool:
        """Whether a call makes a model of pydantic of what it is given, which holds what it needs of a row: `Shown.model_validate(row)`."""
        if not (isinstance(call.callee, Attribute) and call.callee.name in _VALIDATING):
            return False
        of = self.contexts.project.value(call.callee.of, where)
        return isinstance(of, ProjectClass) and self.models.is_plain_model(of)

    def _says_it_gives_data(self, function: ProjectFunction) -> bool:
        """Whether a function is annotated to return plain data, which its decorators rarely make anything else of."""
        facts = self.contexts.project.function(function)
        if facts.generator or facts.returns is None:
            return False
        return self.calm.is_data_type(without_any(facts.returns), Where(function.path, facts.parent, facts.line))

    def _is_row(self, parameter: Parameter) -> bool:
        where = Where(self.function.path, self.facts.parent, self.facts.line)
        if parameter.annotation is not None and self.calm.is_data_type(parameter.annotation, where):
            return False
        value = self.contexts.project.name(parameter.name, Where(self.function.path, self.function.index))
        if isinstance(value, Object) and isinstance(value.of, Outside):
            return False
        if isinstance(value, Object) and isinstance(value.of, ProjectClass):
            return self.models.is_mapped(value.of) or not self.models.is_plain_model(value.of)
        return True

    # Reading

    def check(
        self,
        definition: ast.FunctionDef | ast.AsyncFunctionDef,
        file: Awaits,
        wanted: Wanted,
        session: str,
        *,
        is_root: bool,
    ) -> None:
        """Raises Refused where a row is read that is not loaded, and cannot be loaded with the statement either."""
        if not self.models.loading:
            return
        if not self.models.are_shown_plainly:
            raise Refused("a row loads others where it is printed or compared")
        rows = self.rows(session, with_given=True)
        self._check_calls(definition, rows, session, file.document)
        names = {*self._read(definition), *(self._shown() if is_root else ())}
        for name in sorted(names):
            self._load(name, definition, file, wanted, session)

    def _read(self, definition: ast.AST) -> Iterator[str]:
        """The attributes that are read of objects, and would load."""
        for node in walk(definition):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in self.models.loading:
                if not self._is_of_class(node.value):
                    yield node.attr
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
                yield from (
                    one.value for one in node.args if isinstance(one, ast.Constant) and one.value in self.models.loading
                )

    def _is_of_class(self, node: ast.expr) -> bool:
        """Whether an attribute is one of a class, as in a statement, or of what is certainly no row."""
        value = self.contexts.project.value(
            as_expression(node), Where(self.function.path, self.function.index, node.lineno)
        )
        if isinstance(value, Object) and isinstance(value.of, ProjectClass):
            return self.models.is_plain_model(value.of)
        return isinstance(value, ProjectClass) or (isinstance(value, Object) and isinstance(value.of, Outside))

    def _shown(self) -> frozenset[str]:
        """What would load where the response is made."""
        shown = self.models.response(self.function)
        if shown is None:
            raise Refused("what the response reads is not seen")
        return shown & self.models.loading

    def _check_calls(self, definition: ast.AST, rows: frozenset[str], session: str, document: Document) -> None:
        for node in walk(definition):
            if isinstance(node, ast.Call) and any(self._is_given(one, rows, document) for one in _given(node)):
                self._check_call(node, session)

    @staticmethod
    def _is_given(argument: ast.expr, rows: frozenset[str], document: Document) -> bool:
        """Whether a row stands among what a call is given, and not only what is read of it."""
        return any(
            isinstance(node, ast.Name) and node.id in rows and not isinstance(document.parents.get(node), ast.Attribute)
            for node in walk(argument)
        )

    def _check_call(self, node: ast.Call, session: str) -> None:
        callee = self.contexts.project.value(
            as_expression(node.func), Where(self.function.path, self.function.index, node.lineno)
        )
        attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        of = node.func.value if isinstance(node.func, ast.Attribute) else None
        if is_session(of, session):
            return
        if attribute in _VALIDATING and of is not None:
            model = self.contexts.project.value(as_expression(of), Where(self.function.path, self.function.index))
            self._check_model(model)
        elif isinstance(callee, ProjectFunction):
            for inner in reached(callee, self.contexts):
                reads = {read.removeprefix(".") for read in self.contexts.project.function(inner).reads}
                if reads & self.models.loading:
                    raise Refused("a helper reads related rows")
        elif isinstance(callee, ProjectClass):
            if not self.models.is_mapped(callee):
                self._check_model(callee)
        elif not (self._is_harmless(callee) or (not isinstance(callee, Outside) and attribute in _METHODS)):
            raise Refused("a row is handed to something unknown")

    def _check_model(self, model: object) -> None:
        fields = self.models.fields(model) if isinstance(model, ProjectClass) else None
        if fields is None or fields & self.models.loading:
            raise Refused("a model is made of related rows")

    def _is_harmless(self, callee: object) -> bool:
        if not isinstance(callee, Outside):
            return False
        known = self.contexts.project.knowledge.is_quick(callee.name)
        return known or callee.name in _SHOWING or callee.name.startswith(("builtins.", "logging."))

    # Loading with the statement

    def _load(
        self, name: str, definition: ast.FunctionDef | ast.AsyncFunctionDef, file: Awaits, wanted: Wanted, session: str
    ) -> None:
        """`.options(selectinload(Class.name))` on the one statement that asks for the class. Raises Refused."""
        owners = [owner for owner, _ in self.models.related.get(name, ())]
        calls = [node for node in walk(definition) if isinstance(node, ast.Call)]
        selecting = [call for call in calls if len(owners) == 1 and self._selects(call, owners[0], session)]
        if len(selecting) != 1 or self._has_other_rows(calls, owners[0], session, selecting[0]):
            raise Refused(f"`{name}` would be loaded where it is read")
        if any(isinstance(one, ast.Attribute) and one.attr == name for call in _options(calls) for one in walk(call)):
            return  # the statement says itself how it is loaded
        model = file.document.text_of(selecting[0].args[0])
        loader = wanted.member(file.document, "sqlalchemy.orm", "selectinload")
        end = file.document.span(selecting[0]).end
        file.edit(file.document.insert(end, f".options({loader}({model}.{name}))"))

    def _selects(self, call: ast.Call, model: ProjectClass, session: str) -> bool:
        if len(call.args) != 1 or call.keywords or self._class(call.args[0]) != model:
            return False
        match call.func:
            case ast.Attribute(value=of, attr="query"):
                return is_session(of, session)
            case _:
                callee = self.contexts.project.value(
                    as_expression(call.func), Where(self.function.path, self.function.index)
                )
                return isinstance(callee, Outside) and callee.name.rpartition(".")[2] == "select"

    def _has_other_rows(self, calls: list[ast.Call], model: ProjectClass, session: str, selecting: ast.Call) -> bool:
        """Whether objects of the class may come from elsewhere, or may lose what was loaded with them."""
        if any(self._is_row(one) for one in self.facts.parameters):
            return True
        for call in calls:
            of = call.func.value if isinstance(call.func, ast.Attribute) else None
            if is_session(of, session) and isinstance(call.func, ast.Attribute) and call.func.attr in _PLACING:
                return True
            given = any(is_session(one, session) for one in _given(call))
            if given or (call is not selecting and self._class(call.func) == model):
                return True
        return False

    def _class(self, node: ast.expr) -> object:
        value = self.contexts.project.value(
            as_expression(node), Where(self.function.path, self.function.index, node.lineno)
        )
        return value if isinstance(value, ProjectClass) else None


def _is_of_the_standard_library(value: Value | None) -> bool:
    """Whether it is an object of a module that has no rows, as paths and dates are, and that holds nothing it was not given as bytes or text."""
    if not (isinstance(value, Object) and isinstance(value.of, Outside)):
        return False
    module = value.of.name.partition(".")[0]
    return module in sys.stdlib_module_names and module not in _HOLDING


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _options(calls: list[ast.Call]) -> list[ast.Call]:
    return [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "options"]
