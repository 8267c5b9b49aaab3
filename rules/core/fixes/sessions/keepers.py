"""Classes whose objects keep a session, as repositories and services do: `self.db = db` in `__init__`.

Such a session can be exchanged only for the class as a whole: every object is made with one of the other kind, and all that
is done with the attribute is seen.
"""

import ast
from collections.abc import Callable, Container, Iterator

import msgspec

from rules.core.annotations import last_part
from rules.core.contexts import Contexts
from rules.core.facts import Binding, Expression, Function, Name, Subscript, Typed, last_name
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.clients.holding import enclosing
from rules.core.fixes.document import Document
from rules.core.fixes.sessions.models import Models
from rules.core.fixes.texts import Texts
from rules.core.fixes.turning import PLAIN_BASES, Refused
from rules.core.given import DEPENDS
from rules.core.repository import is_offline
from rules.core.syntax import walk
from rules.core.usage import is_told
from rules.core.values import Object, Outside, ProjectClass, ProjectFunction, Where

MayHoldRow = Callable[[ProjectFunction, Binding], bool]
"""Whether what a function gives a name may be a row, or hold one."""

_DEEPEST = 3  # objects in objects
_NAMING = frozenset({"builtins.isinstance", "builtins.issubclass", "typing.cast"})


class Keeper(msgspec.Struct, frozen=True):
    """A class whose objects keep the session that `__init__` is given, by the names of its parameter and of the attribute.

    Without an attribute it only hands the session on to other objects.
    """

    of: ProjectClass
    init: ProjectFunction
    parameter: str
    attribute: str


class Construction(msgspec.Struct, frozen=True):
    """A call of a class, in a function."""

    function: ProjectFunction
    call: ast.Call


class Keepers(msgspec.Struct, frozen=True):
    """Finds out what is done with such classes. Raises Refused where that is not certain."""

    contexts: Contexts
    texts: Texts

    def keeper(self, of: ProjectClass, name: str = "") -> Keeper:
        """How a class keeps a session, or the parameter of `__init__` of that name."""
        project = self.contexts.project
        class_ = project.class_(of)
        init = ProjectFunction(of.path, class_.methods.get("__init__", -1))
        if init.index < 0 or is_offline(of.path) or not self.is_plain(of):
            raise Refused("the class that keeps a session is not plain")
        names = {one.name for one in project.function(init).parameters[1:]}
        found = [
            Keeper(of, init, value.id, attribute)
            for attribute, bindings in class_.attributes.items()
            for value in (one.value for one in bindings)
            if isinstance(value, Name) and value.id in names and self._is_set_once(bindings, init)
            if (value.id == name if name else self._is_session(init, value.id))
        ]
        if not found and name in names:
            return Keeper(of, init, name, "")
        if len(found) != 1:
            raise Refused("how a class keeps its session is not seen")
        return found[0]

    @staticmethod
    def _is_set_once(bindings: tuple[Binding, ...], init: ProjectFunction) -> bool:
        values = [one for one in bindings if not isinstance(one.value, Typed)]
        return len(values) == 1 and values[0].function == init.index

    def _is_session(self, init: ProjectFunction, name: str) -> bool:
        value = self.contexts.project.name(name, Where(init.path, init.index))
        named = value.of.name if isinstance(value, Object) and isinstance(value.of, Outside) else ""
        known = self.contexts.project.knowledge.sessions
        return any(one in known for one in self.contexts.project.knowledge.family(named)) if named else False

    def is_plain(self, of: ProjectClass) -> bool:
        """Whether a class stands alone: nothing decorates it, and no other one is derived from it."""
        project = self.contexts.project
        class_, family = project.class_(of), project.family(of)
        is_alone = all(isinstance(o, Outside) and o.name in PLAIN_BASES for o in family[1:])
        definition = self._definition(of)
        is_bare = not definition.decorator_list and not definition.keywords
        return is_alone and is_bare and not project.is_derived(of) and len(class_.bases) < len(family)

    def is_expected(self, of: ProjectClass, method: str) -> bool:
        """Whether a protocol has a method of that name, so that others may call it without naming the class; or a text names it."""
        project = self.contexts.project
        if f"{project.class_(of).name}.{method}" in project.told:
            return True
        return any(
            method in class_.methods and any(_is_protocol(base) for base in class_.bases)
            for path in project.deriving.get("Protocol", ())
            for class_ in project.facts[path].classes
        )

    def _definition(self, of: ProjectClass) -> ast.ClassDef:
        class_ = self.contexts.project.class_(of)
        for node in self.document(of.path).nodes:
            if isinstance(node, ast.ClassDef) and node.name == class_.name and node.lineno == class_.line:
                return node
        raise Refused("its text is not at hand")

    def document(self, path: str) -> Document:
        """The text of a file."""
        document = self.texts.document(path)
        if document is None:
            raise Refused("its text is not at hand")
        return document

    # What objects keep besides

    def check_kept(self, of: ProjectClass, may_hold_row: MayHoldRow, *apart: str) -> None:
        """Raises Refused where objects keep rows, which may lose what they hold between two calls, in other attributes."""
        if self._keeps_rows(of, may_hold_row, apart):
            raise Refused("an object keeps rows beside its session")

    def _keeps_rows(self, of: ProjectClass, may_hold_row: MayHoldRow, apart: Container[str], depth: int = 0) -> bool:
        if depth > _DEEPEST:
            return True
        project = self.contexts.project
        for attribute, bindings in project.class_(of).attributes.items():
            for binding in bindings if attribute not in apart else ():
                place = ProjectFunction(of.path, binding.function)
                value = project.value(binding.value, Where(of.path, binding.function, binding.line))
                if isinstance(value, Object) and isinstance(value.of, Outside):
                    continue
                if isinstance(value, Object) and isinstance(value.of, ProjectClass) and not self._is_table(value.of):
                    if self._keeps_rows(value.of, may_hold_row, (), depth + 1):
                        return True
                elif may_hold_row(place, binding):
                    return True
        return False

    def _is_table(self, of: ProjectClass) -> bool:
        return Models(self.contexts).is_mapped(of)

    # Where the session stands

    def methods_using(self, keeper: Keeper) -> Iterator[tuple[ProjectFunction, str]]:
        """The methods that use the session which their object keeps, each with the name that it goes by there.

        Raises Refused where anything else does.
        """
        project = self.contexts.project
        methods = {index: name for name, index in project.class_(keeper.of).methods.items()}
        found: dict[ProjectFunction, str] = {}
        if not keeper.attribute:
            return iter(())
        for path in project.holding.get(keeper.attribute, ()):
            document = self.document(path)
            functions = project.facts[path].functions
            for node in document.nodes:
                if not (isinstance(node, ast.Attribute) and node.attr == keeper.attribute):
                    continue
                index = enclosing(node, document, functions)
                if not self._is_kept(node, keeper, path, max(index, 0)):
                    continue
                own = self._own_name(functions[index], node) if path == keeper.of.path and index in methods else ""
                if not own:
                    raise Refused("the session that an object keeps is used from outside")
                if index != keeper.init.index:
                    found[ProjectFunction(path, index)] = own
                elif isinstance(node.ctx, ast.Load):
                    raise Refused("a session is used where nothing can be awaited")
        return iter(found.items())

    def _is_kept(self, node: ast.Attribute, keeper: Keeper, path: str, index: int) -> bool:
        """Whether an attribute is, or may be, the session that an object of the class keeps."""
        project = self.contexts.project
        of = project.value(as_expression(node.value), Where(path, index, node.lineno))
        if isinstance(of, Object):
            return of.of == keeper.of
        knows = path == keeper.of.path or path in project.importers_of(keeper.of.path)
        return of is None and knows

    @staticmethod
    def _own_name(function: Function, node: ast.Attribute) -> str:
        """The name of the session in a method of the class: `self.db`."""
        own = function.parameters[0].name if function.parameters else ""
        is_own = isinstance(node.value, ast.Name) and node.value.id == own and own not in function.bindings
        return f"{own}.{node.attr}" if is_own else ""

    def kept_in(self, keeper: Keeper) -> tuple[ast.Name, ast.expr | None]:
        """Where `__init__` keeps the session: the name of the parameter there, and the annotation of the attribute."""
        document = self.document(keeper.of.path)
        definition = document.function_at(self.contexts.project.function(keeper.init).line)
        for node in walk(definition) if definition is not None else ():
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
            is_kept = [one.attr for one in targets if isinstance(one, ast.Attribute)] == [keeper.attribute]
            if is_kept and len(targets) == 1 and isinstance(value, ast.Name) and value.id == keeper.parameter:
                return value, node.annotation if isinstance(node, ast.AnnAssign) else None
        raise Refused("how a class keeps its session is not seen")

    def declared_in(self, keeper: Keeper) -> ast.expr | None:
        """The annotation of the attribute in the body of the class."""
        for statement in self._definition(keeper.of).body:
            match statement:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=None) if (
                    name == keeper.attribute
                ):
                    return annotation
                case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]) if (
                    name == keeper.attribute
                ):
                    raise Refused("how a class keeps its session is not seen")
        return None

    # Where objects are made

    def constructions(self, keeper: Keeper) -> tuple[Construction, ...]:
        """Where the project makes objects of the class; the framework may do so as well, by `Depends`.

        Raises Refused where the class itself is handed on, and for tests, which make theirs with sessions of their own.
        """
        project, name = self.contexts.project, self.contexts.project.class_(keeper.of).name
        if is_told(keeper.of.path, name, self.contexts):
            raise Refused("a text names the class that keeps a session")
        found = []
        for path in sorted({keeper.of.path, *project.naming.get(name, ())}):
            self._check_name(keeper, name, path)
            document = self.document(path)
            for node in document.nodes:
                if not isinstance(node, (ast.Name, ast.Attribute)) or last_part(node) != name:
                    continue
                if self._is_class(node, keeper, path, document):
                    made = self._construction(node, path, document)
                    found += [made] if made is not None else []
        return tuple(found)

    def _check_name(self, keeper: Keeper, name: str, path: str) -> None:
        """Raises Refused where a file imports the class under another name, under which others may import it again."""
        for where, bound, imported in self.contexts.project.imports_of(path):
            if imported.name == name != bound and self.contexts.project.value(imported, where) == keeper.of:
                raise Refused("the class that keeps a session goes by several names")

    def _is_class(self, node: ast.Name | ast.Attribute, keeper: Keeper, path: str, document: Document) -> bool:
        index = max(enclosing(node, document, self.contexts.project.facts[path].functions), 0)
        value = self.contexts.project.value(as_expression(node), Where(path, index, node.lineno))
        return value == keeper.of

    def _construction(self, node: ast.Name | ast.Attribute, path: str, document: Document) -> Construction | None:
        """The call that makes an object; None where nothing is made. Raises Refused where the class is handed on."""
        around = document.parents.get(node)
        if isinstance(around, ast.Call) and around.func is node:
            index = enclosing(around, document, self.contexts.project.facts[path].functions)
            if index <= 0 or is_offline(path):
                raise Refused("an object that keeps a session is made outside of requests")
            return Construction(ProjectFunction(path, index), around)
        if isinstance(around, ast.Attribute) and not around.attr.startswith("__"):
            return None  # a method that is called by the class is seen as one that is called
        if (isinstance(around, ast.Call) and self._only_names(around, path)) or _is_annotation(node, document):
            return None
        raise Refused("the class that keeps a session is handed on")

    def _only_names(self, call: ast.Call, path: str) -> bool:
        """Whether a call is `Depends(...)`, or asks whether something is of the class."""
        callee = self.contexts.project.value(as_expression(call.func), Where(path, 0, call.lineno))
        return isinstance(callee, Outside) and callee.name in {*_NAMING, *DEPENDS}


def _is_protocol(base: Expression | None) -> bool:
    return last_name(base.of if isinstance(base, Subscript) else base) == "Protocol"


def _is_annotation(node: ast.expr, document: Document) -> bool:
    """Whether an expression is an annotation, or part of one, also of an alias: `Annotated[Service, Depends()]`."""
    inside: ast.AST = node
    while (around := document.parents.get(inside)) is not None:
        match around:
            case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation) if annotation is inside:
                return True
            case ast.FunctionDef(returns=returns) | ast.AsyncFunctionDef(returns=returns) if returns is inside:
                return True
            case ast.Assign(value=ast.Subscript(value=of)) if last_part(of) == "Annotated":
                return True
            case ast.Subscript() | ast.Tuple() | ast.BinOp(op=ast.BitOr()):
                inside = around
            case _:
                return False
    return False
