"""A parameter that a dependency gives, given by another one: its annotation, its default, and what has to be imported."""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Call, Expression, Subscript
from rules.core.findings import Edit, Span
from rules.core.fixes.awaits import Awaits, as_expression
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Wanted, swap_or_add
from rules.core.fixes.turning import Refused
from rules.core.given import DEPENDS
from rules.core.repository import is_offline
from rules.core.usage import is_taken_from
from rules.core.values import Module, Object, Outside, ProjectFunction, Where


class Injection(msgspec.Struct, frozen=True):
    """What a parameter is to be: of the library class `of`, given by a dependency of the project."""

    of: str
    dependency: ProjectFunction


class Parameters(msgspec.Struct, frozen=True):
    """Writes the parameters of one file anew. Raises Refused where they are written in a way that is not known."""

    contexts: Contexts
    file: Awaits
    wanted: Wanted

    @property
    def document(self) -> Document:
        return self.file.document

    def inject(self, definition: ast.FunctionDef | ast.AsyncFunctionDef, name: str, given: Injection) -> None:
        """The parameter of that name, given by the other dependency."""
        argument, default = _argument(definition, name)
        where = Where(self.document.path, 0, definition.lineno)
        if default is not None:
            self._depend(default, given, where)
        if argument.annotation is None:
            return
        if _is_annotated(argument.annotation, where, self.contexts):
            self._annotated(argument.annotation, given, where)
        elif default is not None:
            self.rename_class(argument.annotation, given.of)
        else:
            self._alias(argument.annotation, given, where)

    def retype(self, definition: ast.FunctionDef | ast.AsyncFunctionDef, name: str, of: str) -> None:
        """The parameter of that name, of another class."""
        argument, default = _argument(definition, name)
        if default is not None:
            raise Refused("a helper may do without a session")
        if argument.annotation is not None:
            self.rename_class(argument.annotation, of)

    def rename_class(self, annotation: ast.expr, of: str) -> None:
        """Another class in an annotation."""
        if not isinstance(annotation, (ast.Name, ast.Attribute)):
            raise Refused("the annotation of a session is not plain")
        self._rename(annotation, self._class(of))

    def _rename(self, node: ast.expr, new: str) -> None:
        self.file.rename(node, new)

    def _class(self, of: str) -> str:
        module, _, member = of.rpartition(".")
        return self.wanted.member(self.document, module, member)

    def _annotated(self, annotation: ast.expr, given: Injection, where: Where) -> None:
        items = annotation.slice if isinstance(annotation, ast.Subscript) else None
        if not (isinstance(items, ast.Tuple) and len(items.elts) == 2):
            raise Refused("the annotation of a session is not plain")
        self.rename_class(items.elts[0], given.of)
        self._depend(items.elts[1], given, where)

    def _depend(self, node: ast.expr, given: Injection, where: Where) -> None:
        if not (isinstance(node, ast.Call) and _is_depends(node, where, self.contexts)):
            raise Refused("a session is given in another way")
        if len(node.args) != 1 or node.keywords or not isinstance(node.args[0], (ast.Name, ast.Attribute)):
            raise Refused("a session is given in another way")
        self._rename(node.args[0], self.own(given.dependency, node.args[0]))

    def _alias(self, annotation: ast.expr, given: Injection, where: Where) -> None:
        """`Annotated[...]` in place of the name that stands for the other: by an alias of the same file, else in full."""
        if not isinstance(annotation, (ast.Name, ast.Attribute)):
            raise Refused("the annotation of a session is not plain")
        origin = self.contexts.project.origin(as_expression(annotation), where)
        if origin is not None:
            for name in self._aliases(origin[0], given):
                self._rename(annotation, self.own_name(origin[0], name, annotation))
                return
        annotated = self.wanted.member(self.document, "typing", "Annotated")
        depends = self.wanted.member(self.document, "fastapi", "Depends")
        written = f"{annotated}[{self._class(given.of)}, {depends}({self.own(given.dependency, None)})]"
        self._rename(annotation, written)

    def _aliases(self, path: str, given: Injection) -> Iterator[str]:
        """The names of a file that stand for such an injection."""
        project = self.contexts.project
        for name, bindings in sorted(project.facts[path].functions[0].bindings.items()):
            value = bindings[0].value if len(bindings) == 1 else None
            match value:
                case Subscript(of=of, items=(first, Call(arguments=(handed,)) as call)) if (
                    _is_typing_annotated(of, Where(path), self.contexts)
                    and project.is_called(call, Where(path), DEPENDS)
                    and not call.keywords
                ):
                    typed = project.annotated(first, Where(path))
                    is_same = isinstance(typed, Object) and typed.of == Outside(given.of)
                    if is_same and project.value(handed, Where(path)) == given.dependency:
                        yield name

    # Names of the project

    def own(self, function: ProjectFunction, near: ast.expr | None) -> str:
        """How the file writes a function of the project, which it imports if it has to."""
        facts = self.contexts.project.function(function)
        if facts.parent > 0 or facts.owner >= 0:
            raise Refused("the other dependency is no plain function")
        if function.path == self.document.path and near is not None and facts.line > near.lineno:
            raise Refused("the other dependency is defined below")
        return self.own_name(function.path, facts.name, near)

    def own_name(self, path: str, name: str, near: ast.expr | None) -> str:
        """How the file writes a global of the project; `near` is written there today, of the same module if possible."""
        if path == self.document.path:
            return name
        project, module = self.contexts.project, path.removesuffix(".py").removesuffix("/__init__")
        for where, bound, imported in project.imports_of(self.document.path):
            place = project.modules.find(self.document.path, imported.level, imported.module)
            if place == module and imported.name == name and where.function == 0:
                return bound
        if isinstance(near, ast.Attribute):
            holder = project.value(as_expression(near.value), Where(self.document.path))
            if isinstance(holder, Module) and holder.place == module:
                return f"{self.document.text_of(near.value)}.{name}"
        if name in self.document.rebound or name in self.document.uses:
            raise Refused(f"the name `{name}` is taken")
        self._import(path, module, name, near)
        return name

    def _import(self, path: str, module: str, name: str, near: ast.expr | None) -> None:
        document, modules = self.document, self.contexts.project.modules
        statements = [one for one in document.tree.body if isinstance(one, ast.ImportFrom)]
        for statement in statements:
            if modules.find(document.path, statement.level, statement.module or "") == module:
                self.wanted.instead(document, statement, name, near)
                return
        if _reaches(path, document.path, self.contexts):
            raise Refused("to import the other dependency would go in a circle")
        for statement in statements:
            if (dotted := self._beside(statement, module)) is not None:
                self.file.edit(
                    Edit(
                        document.path,
                        Span(*_below(statement), *_below(statement)),
                        f"from {dotted} import {name}{document.newline}",
                    )
                )
                return
        raise Refused("how to import the other dependency is not seen")

    def import_wanted(self) -> None:
        """The imports of the file that other functions of the project take the place of."""

        def is_wanted(other: str) -> bool:
            return is_taken_from(self.document.path, other, self.contexts)

        for statement, name, olds in self.wanted.swaps(self.document.path):
            edits, is_swapped = swap_or_add(self.document, statement, name, olds, is_wanted)
            self.file.edit(*edits)
            for old in olds:
                if is_swapped and old is not None:
                    self.file.keep(old)

    def _beside(self, statement: ast.ImportFrom, module: str) -> str | None:
        """How a statement that imports from the project would name another module of it."""
        dotted = statement.module or ""
        place = self.contexts.project.modules.find(self.document.path, statement.level, dotted)
        inner = dotted.replace(".", "/")
        if place is None or not dotted or not place.endswith(inner):
            return None
        root = place.removesuffix(inner)
        if not module.startswith(root):
            return None
        other = module.removeprefix(root).replace("/", ".")
        if self.contexts.project.modules.find(self.document.path, statement.level, other) != module:
            return None
        return "." * statement.level + other


def _below(statement: ast.stmt) -> tuple[int, int]:
    return (statement.end_lineno or statement.lineno) + 1, 1


def _argument(definition: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> tuple[ast.arg, ast.expr | None]:
    """A parameter and its default."""
    given = definition.args
    plain = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(given.defaults)) + [*given.defaults]
    for argument, default in (
        *zip(plain, defaults, strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ):
        if argument.arg == name:
            return argument, default
    raise Refused("a session is no plain parameter")


def _is_annotated(annotation: ast.expr, where: Where, contexts: Contexts) -> bool:
    return isinstance(annotation, ast.Subscript) and _is_typing_annotated(
        as_expression(annotation.value), where, contexts
    )


def _is_typing_annotated(of: Expression | None, where: Where, contexts: Contexts) -> bool:
    value = contexts.project.value(of, where)
    return isinstance(value, Outside) and value.name in {"typing.Annotated", "typing_extensions.Annotated"}


def _is_depends(call: ast.Call, where: Where, contexts: Contexts) -> bool:
    value = contexts.project.value(as_expression(call.func), where)
    return isinstance(value, Outside) and value.name in DEPENDS


def _reaches(path: str, target: str, contexts: Contexts) -> bool:
    """Whether a file imports another one, itself or through others."""
    project = contexts.project
    seen, waiting = {path}, [path]
    while waiting:
        current = waiting.pop()
        for one in project.facts[current].outline.imports:
            place = project.modules.find(current, one.level, one.module)
            for inner in (place, f"{place}/{one.name}") if place is not None else ():
                found = project.modules.path(inner or "")
                if found == target:
                    return True
                if found is not None and found not in seen and not is_offline(found):
                    seen.add(found)
                    waiting.append(found)
    return False
