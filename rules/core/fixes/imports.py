"""What a fix needs to import, and where."""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator

import msgspec

from rules.core.findings import Edit, Span
from rules.core.fixes.document import Document
from rules.core.fixes.members import ImportStatement, belongs_there, besides, bound_name, without

_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Imported(msgspec.Struct, frozen=True):
    """How a dotted name is written in the file, and the edits that make it so (none where it is imported already)."""

    name: str
    edits: tuple[Edit, ...] = ()


def is_imported(document: Document, dotted: str) -> str | None:
    """How the file can write a dotted name with the imports that it has at its top level, unless it rebinds them."""
    written = _written(document, dotted)
    return written if written and written.partition(".")[0] not in document.rebound else None


def _written(document: Document, dotted: str) -> str | None:
    module, _, member = dotted.rpartition(".")
    inside = f"{_module_of(dotted)}."  # what is imported must reach so deep: a package need not know its modules
    for statement in _statements(document):
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                bound = alias.asname or alias.name
                if f"{alias.name}.".startswith(inside) and f"{dotted}.".startswith(f"{alias.name}."):
                    return bound + dotted.removeprefix(alias.name)
            elif not statement.level:
                if (statement.module, alias.name) == (module, member):
                    return alias.asname or member
                inner = f"{statement.module}.{alias.name}"
                if f"{inner}.".startswith(inside) and dotted.startswith(f"{inner}."):
                    return (alias.asname or alias.name) + dotted.removeprefix(inner)
    return None


class Wanted(msgspec.Struct):
    """The members that one fix imports, so that those of one module come by one edit. Raises LookupError where a name is taken."""

    _members: dict[tuple[str, str], list[str]] = msgspec.field(default_factory=dict)
    _instead: dict[tuple[str, str], tuple[ast.ImportFrom, list[ast.expr | None]]] = msgspec.field(default_factory=dict)

    def instead(self, document: Document, statement: ast.ImportFrom, name: str, old: ast.expr | None) -> None:
        """A statement of the file is to import the name, which takes the place of what stands at `old`."""
        self._instead.setdefault((document.path, name), (statement, []))[1].append(old)

    def swaps(self, path: str) -> Iterator[tuple[ast.ImportFrom, str, list[ast.expr | None]]]:
        """The statements of a file that import another name, with all that it takes the place of."""
        yield from ((statement, name, olds) for (of, name), (statement, olds) in self._instead.items() if of == path)

    def member(self, document: Document, module: str, member: str) -> str:
        """How the file writes the member once the edits are made."""
        if (written := is_imported(document, f"{module}.{member}")) is not None:
            return written
        if _is_bound(document, member):
            raise LookupError(f"the name `{member}` is taken")
        if is_optional(document, module):
            raise LookupError(f"`{module.partition('.')[0]}` may be absent")
        members = self._members.setdefault((document.path, module), [])
        if member not in members:
            members.append(member)
        return member

    def saved(self) -> "Wanted":
        """What is wanted so far, to come back to."""
        members = {key: [*members] for key, members in self._members.items()}
        return Wanted(members, {key: (statement, [*olds]) for key, (statement, olds) in self._instead.items()})

    def restored(self, saved: "Wanted") -> None:
        """This again, with only that wanted in it."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(saved, name))

    def edits(self, document: Document) -> Iterator[Edit]:
        """The edits of one file."""
        for (path, module), members in self._members.items():
            if path == document.path:
                yield from _imported_together(document, module, sorted(members))


def together(edits: Iterable[Edit]) -> Iterator[Edit]:
    """The edits, those that put imports at the same place as one."""
    lines: dict[Span, list[Edit]] = {}
    for edit in dict.fromkeys(edits):
        if edit.span.start == edit.span.end and edit.replacement.lstrip().startswith(("from ", "import ")):
            lines.setdefault(edit.span, []).append(edit)
        else:
            yield edit
    for same in lines.values():
        first = same[0]
        text = first.replacement
        before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        end = "\r\n" if "\r" in after else "\n"
        written = end.join(sorted((edit.replacement.strip() for edit in same), key=_rank_of_line))
        yield Edit(first.path, first.span, f"{before}{written}{after}")


def _rank_of_line(text: str) -> tuple[bool, str]:
    """What imports of one group are sorted by: `import` comes before `from`."""
    return text.lstrip().startswith("from "), text.strip()


def _imported_together(document: Document, module: str, members: list[str]) -> tuple[Edit, ...]:
    taken = (s for s in _statements(document) if isinstance(s, ast.ImportFrom) and s.module == module and not s.level)
    statement = next((one for one in taken if one.names[-1].name != "*"), None)
    if statement is not None:
        return besides(document, statement, members)
    return _added(document, f"from {module} import {', '.join(members)}", module, members[0]).edits


def swap_or_add(
    document: Document,
    statement: ast.ImportFrom,
    name: str,
    olds: list[ast.expr | None],
    is_wanted: Callable[[str], bool],
) -> tuple[tuple[Edit, ...], bool]:
    """The edits by which a statement imports the name: in place of the old one, where nothing else uses that, else besides.

    Also whether the old one is gone.
    """
    old = olds[0]
    alias = next((one for one in statement.names if isinstance(old, ast.Name) and one.name == old.id), None)
    if alias is not None and isinstance(old, ast.Name) and alias.asname is None:
        unused = all(use in olds for use in document.uses[old.id])
        alone = unused and old.id not in document.names_in_texts and not is_wanted(old.id)
        if alone and not document.path.endswith("__init__.py"):
            return _in_place(document, statement, alias, name), True
    if statement.names[-1].name == "*":
        return (), False
    return besides(document, statement, [name]), False


def _in_place(document: Document, statement: ast.ImportFrom, old: ast.alias, name: str) -> tuple[Edit, ...]:
    """The edits that import a name instead of the old one, which goes where it belongs."""
    dropped = [] if belongs_there(statement, old, name) else without(document, statement, old.name)
    if not dropped:
        return (document.replace(document.span(old), name),)
    return (*dropped, *besides(document, statement, [name]))


def import_member(document: Document, module: str, member: str) -> Imported | None:
    """`from module import member`. None where the file uses the name for something else, or the package may be absent."""
    if (written := is_imported(document, f"{module}.{member}")) is not None:
        return Imported(written)
    if _is_bound(document, member) or is_optional(document, module):
        return None
    return Imported(member, _imported_together(document, module, [member]))


def import_module(document: Document, module: str) -> Imported | None:
    """`import module`. None where the file uses the name for something else, or the package may be absent."""
    if (written := _imported_itself(document, module)) is not None:
        return Imported(written)
    if (deeper := _deepened(document, module)) is not None:
        return deeper
    if _is_bound(document, module.partition(".")[0]) or is_optional(document, module):
        return None
    return _added(document, f"import {module}", module, module)


def _imported_itself(document: Document, module: str) -> str | None:
    """How the file can write a module that it imports: a package need not bring it along."""
    parent, _, name = module.rpartition(".")
    for statement in _statements(document):
        for alias in statement.names:
            written = ""
            if isinstance(statement, ast.ImportFrom):
                if not statement.level and (statement.module, alias.name) == (parent, name):
                    written = alias.asname or name
            elif alias.name == module:
                written = alias.asname or module
            elif alias.asname is None and alias.name.startswith(f"{module}."):
                written = module
            if written and written.partition(".")[0] not in document.rebound:
                return written
    return None


def _deepened(document: Document, module: str) -> Imported | None:
    """`import package.module` in place of `import package`, which it brings as well."""
    package = module.partition(".")[0]
    if package == module or package in document.rebound:
        return None
    for statement in _statements(document):
        for alias in statement.names if isinstance(statement, ast.Import) else ():
            if (alias.name, alias.asname) == (package, None):
                line, start, end = alias.lineno, alias.col_offset, alias.end_col_offset or 0
                span = Span(line, document.column(line, start), line, document.column(line, end))
                return Imported(module, (document.replace(span, module),))
    return None


def import_dotted(document: Document, dotted: str) -> Imported | None:
    """A member of a module, written in full where the file does not import it: `import asyncio`, `asyncio.sleep`."""
    if (written := is_imported(document, dotted)) is not None:
        return Imported(written)
    module = _module_of(dotted)
    added = import_module(document, module)
    return Imported(added.name + dotted.removeprefix(module), added.edits) if added is not None else None


def _module_of(dotted: str) -> str:
    """The module in which a name stands; a class is none."""
    parts = dotted.split(".")
    last = next((i for i, part in enumerate(parts) if part[:1].isupper()), len(parts) - 1)
    return ".".join(parts[: max(last, 1)])


def added_at_once(edits: Iterable[Edit]) -> list[Edit]:
    """The edits, of which those that add lines at the same place are one: a group of its own comes first."""
    lines: dict[tuple[str, Span], list[str]] = {}
    rest = []
    for edit in dict.fromkeys(edits):
        if edit.span.start == edit.span.end and edit.replacement.endswith("\n"):
            lines.setdefault((edit.path, edit.span), []).append(edit.replacement)
        else:
            rest.append(edit)
    for (path, span), texts in lines.items():
        rest.append(Edit(path, span, _as_groups(texts)))
    return rest


def _as_groups(texts: list[str]) -> str:
    """Lines that are added at one place: imports, each kind a group of its own, and behind them what is none."""
    if len(texts) == 1:
        return texts[0]
    imports = [text for text in texts if text.split()[:1] in (["import"], ["from"])]
    newline = "\r\n" if any("\r" in text for text in texts) else "\n"
    groups: dict[int, list[str]] = {}
    for text in sorted(imports, key=_rank_of_line):
        groups.setdefault(_rank(_kind(text.split()[1])), []).append(text)
    parts = [of_one for _, of_one in sorted(groups.items())]
    above = newline * any(text != text.lstrip() for text in parts[0]) if parts else ""
    below = newline * any(text.endswith(newline * 2) for text in parts[-1]) if parts else ""
    block = newline.join("".join(text.strip() + newline for text in of_one) for of_one in parts)
    return above + block + below + "".join(text for text in texts if text not in imports)


def _added(document: Document, line: str, module: str, name: str) -> Imported:
    place, text = _place(document, line, module)
    return Imported(name, (document.insert((place, 1), text),))


def _place(document: Document, line: str, module: str) -> tuple[int, str]:
    """The line at which an import belongs, and its text: beside its own package, else in its group, else apart."""
    statements = [s for s in _head(document) if document.has_lines_of_its_own(s) and not _is_future(s)]
    kin = [s for s in statements if _module(s).partition(".")[0] == module.partition(".")[0] and not _level(s)]
    kinds = {s: _kind_there(s, document) for s in statements}
    section = [s for s in statements if kinds[s] == (kinds[kin[0]] if kin else _kind(module))]
    is_mixed = any(_is_mixed([s for s in statements if kinds[s] == kind]) for kind in {*kinds.values()})
    alike = [s for s in section if is_mixed or isinstance(s, ast.ImportFrom) == line.startswith("from ")]
    if section and not alike:
        return _below(section[-1]) if line.startswith("from ") else section[0].lineno, f"{line}\n"
    if group := [s for s in kin if s in alike] or alike:
        key = _order(group)
        following = next((s for s in group if key(_module(s)) > key(module)), None)
        return (following.lineno, f"{line}\n") if following is not None else (_below(group[-1]), f"{line}\n")
    rank = _rank(_kind(module))
    later = next((s for s in statements if _rank(kinds[s]) > rank), None)
    if later is not None:
        is_apart = later is statements[0] or not document.line(later.lineno - 1).strip()
        return later.lineno, f"{line}\n\n" if is_apart else f"{line}\n"
    if statements:
        return _below(statements[-1]), f"\n{line}\n"
    return _first_line(document), f"{line}\n\n"


def _is_mixed(section: list[ImportStatement]) -> bool:
    """Whether a group is sorted by modules alone: by default `import` comes before `from`.

    https://docs.astral.sh/ruff/settings/#lint_isort_force-sort-within-sections
    """
    modules = [_module(s).casefold() for s in section]
    is_from = [isinstance(s, ast.ImportFrom) for s in section]
    return modules == sorted(modules) and is_from != sorted(is_from)


def _order(group: list[ImportStatement]) -> Callable[[str], str]:
    """What the modules of a group are sorted by: capitals count for nothing, unless they do in that group."""
    modules = [_module(s) for s in group]
    by_capitals = modules == sorted(modules) != sorted(modules, key=str.casefold)
    return str if by_capitals else str.casefold


def _below(statement: ast.stmt) -> int:
    return (statement.end_lineno or statement.lineno) + 1


def _first_line(document: Document) -> int:
    """The line for a first import: behind the docstring and the `__future__` imports, before all else."""
    last = 0
    for statement in document.tree.body:
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (docstring or _is_future(statement)):
            decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
            return min([statement.lineno, *(decorator.lineno for decorator in decorators)])
        last = statement.end_lineno or last
    return last + 1


def _statements(document: Document) -> list[ImportStatement]:
    """The imports at the top level of the file."""
    return [s for s in document.tree.body if isinstance(s, (ast.Import, ast.ImportFrom))]


def _head(document: Document) -> Iterator[ImportStatement]:
    """The imports before anything is defined, so that all of the file may use what is imported there."""
    for statement in document.tree.body:
        if isinstance(statement, _DEFINING):
            return
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement


def is_optional(document: Document, module: str) -> bool:
    """Whether the file does without the package until it needs it: all that it imports of it is imported later, or tried."""
    package = module.partition(".")[0]
    own = [statement for statement in document.imports if not _level(statement) and _imports(statement, package)]
    return bool(own) and package not in sys.stdlib_module_names and not any(one in document.tree.body for one in own)


def _imports(statement: ImportStatement, package: str) -> bool:
    modules = (
        [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else [statement.module or ""]
    )
    return any(module.partition(".")[0] == package for module in modules)


def _is_bound(document: Document, name: str) -> bool:
    """Whether the file uses the name for anything."""
    imported = {bound_name(s, alias) for s in document.imports for alias in s.names}
    return name in document.rebound or name in document.uses or name in imported


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _module(statement: ImportStatement) -> str:
    return (statement.module or "") if isinstance(statement, ast.ImportFrom) else statement.names[0].name


def _kind(module: str) -> str:
    return "standard" if module.partition(".")[0] in sys.stdlib_module_names else "package"


def _kind_there(statement: ImportStatement, document: Document) -> str:
    """The kind of an import of the file; one of the project's own packages is found beside the file, or around it."""
    package, path = _module(statement).partition(".")[0], document.path
    is_found = document.modules is not None and document.modules.find(path, 0, package) is not None
    is_own = bool(_level(statement)) or package in path.split("/")[:-1] or is_found
    return "own" if is_own else _kind(_module(statement))


def _rank(kind: str) -> int:
    return ("standard", "package", "own").index(kind)


def _level(statement: ImportStatement) -> int:
    return statement.level if isinstance(statement, ast.ImportFrom) else 0
