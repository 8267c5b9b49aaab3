"""Writing `await`, `async for` and `async with` into the files of one fix.

Calls that are chained begin at the same place, so what goes before them is gathered and written at once.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator

import msgspec
from msgspec.structs import replace

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Call, Expression, Name, Site
from rules.core.findings import Edit
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported
from rules.core.fixes.orphans import orphan_edits
from rules.core.fixes.signatures import ASYNC, realigned
from rules.core.fixes.taken.locks import is_held_around, is_held_before, is_lock, leaves_locked
from rules.core.syntax import walk
from rules.core.values import Outside, ProjectFunction, Where


class Awaits(msgspec.Struct):
    """What one fix writes into one file."""

    document: Document
    turned: set[ast.AST] = msgspec.field(default_factory=set)
    _calls: list[ast.Call] = msgspec.field(default_factory=list)
    _before: dict[tuple[int, int], str] = msgspec.field(default_factory=dict)
    _edits: list[Edit] = msgspec.field(default_factory=list)
    _replaced: list[ast.expr] = msgspec.field(default_factory=list)
    _imported: list[Imported] = msgspec.field(default_factory=list)
    _kept: list[ast.expr] = msgspec.field(default_factory=list)

    def turn(self, definition: ast.FunctionDef) -> None:
        """`async def` for `def`."""
        if definition not in self.turned:
            self.edit(*realigned(definition, len(ASYNC), self.document))
        self.turned.add(definition)
        self.put(self.document.span(definition).start, ASYNC)

    def saved(self) -> "Awaits":
        """What is written so far, to come back to."""
        return replace(
            self,
            turned=set(self.turned),
            _calls=[*self._calls],
            _before=dict(self._before),
            _edits=[*self._edits],
            _replaced=[*self._replaced],
            _imported=[*self._imported],
            _kept=[*self._kept],
        )

    def restored(self, saved: "Awaits") -> "Awaits":
        """This again, with only that written in it."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(saved, name))
        return self

    def may_await(self, call: ast.Call) -> bool:
        return self.document.may_await(call, self.turned)

    def wait_for(self, call: ast.Call) -> None:
        """`await` before the call, in parentheses where its value is used further."""
        if call not in self._calls:
            self._calls.append(call)

    def put(self, position: tuple[int, int], text: str) -> None:
        """A word before a statement, once."""
        self._before[position] = text

    def edit(self, *edits: Edit) -> None:
        self._edits += edits

    def replace(self, old: ast.expr, new: str, imported: Imported | None = None) -> None:
        """Another name for what is called."""
        self._edits.append(self.document.replace(self.document.span(old), new))
        if imported is not None:
            self._replaced.append(old)
            self._imported.append(imported)

    def rename(self, old: ast.expr, new: str) -> None:
        """Another name; the import of the old one goes with its last use."""
        self._edits.append(self.document.replace(self.document.span(old), new))
        self._replaced.append(old)

    def drop(self, *old: ast.expr) -> None:
        """What other edits have replaced; the import of it goes with its last use."""
        self._replaced += old

    def keep(self, old: ast.expr) -> None:
        """Another name, whose import took the place of the old one's."""
        self._kept.append(old)

    def edits(self, is_wanted: Callable[[str], bool]) -> list[Edit]:
        """All edits of the file, imports among them; those that nothing uses any longer are dropped."""
        made = [*self._edits, *self._awaiting()]
        made += [self.document.insert(place, text) for place, text in self._before.items()]
        added = tuple(edit for imported in self._imported for edit in imported.edits)
        roots = {imported.name.partition(".")[0] for imported in self._imported}
        gone = [node for node in self._replaced if not roots & _names(node) and node not in self._kept]
        return [*made, *added, *orphan_edits(self.document, gone, Imported("", added), is_wanted)]

    def _awaiting(self) -> Iterator[Edit]:
        starts: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
        ends: defaultdict[tuple[int, int], str] = defaultdict(str)
        for call in sorted(self._calls, key=lambda call: self.document.span(call).end, reverse=True):
            wrapped = self.document.needs_parentheses(call)
            span = self.document.span(call)
            starts[span.start].append("(await " if wrapped else "await ")
            ends[span.end] += ")" if wrapped else ""
        for place, words in starts.items():
            yield self.document.insert(place, "".join(words))
        for place, text in ends.items():
            if text:
                yield self.document.insert(place, text)


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in walk(expression) if isinstance(node, ast.Name)}


def parenthesised(call: ast.Call, document: Document, edits: list[Edit]) -> list[Edit]:
    """The edits of a call that is awaited now, in parentheses where the awaited value is used further."""
    if not document.needs_parentheses(call):
        return edits
    first, *rest = edits
    opened = Edit(first.path, first.span, f"({first.replacement}")
    return [opened, *rest, document.insert(document.span(call).end, ")")]


def awaitable_call(
    site: Site, function: ProjectFunction, contexts: Contexts, document: Document, turned: Collection[ast.AST] = ()
) -> ast.Call | None:
    """The call, if it can be awaited where it stands; the `turned` functions are taken for asynchronous ones."""
    call = document.call_at(site.span)
    if call is None or not document.may_await(call, turned):
        return None
    if len(call.args) == 1 and isinstance(call.args[0], ast.GeneratorExp) and not call.keywords:
        return None  # `f(x for x in y)` has no parentheses of its own to keep
    if (
        is_held_before(site, function, contexts)
        or is_held_around(function, contexts)
        or _is_entered_by_decorator(function, contexts)
        or any(_is_locked(manager, function, contexts, document) for manager in document.managers_around(call))
    ):
        return None  # the next request would wait for the lock, and the loop with it
    return call


def _is_entered_by_decorator(function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a decorator enters what belongs to a thread, as `@torch.no_grad()` does."""
    bound = contexts.project.knowledge.thread_bound
    decorators = contexts.project.decorators(function) if contexts.project.function(function).decorators else ()
    return any(isinstance(one, Outside) and one.name in bound for one in decorators)


def _is_locked(manager: ast.expr, function: ProjectFunction, contexts: Contexts, document: Document) -> bool:
    """Whether a `with` may hold a lock of threads, taken by what it enters or by what makes that."""
    where = Where(function.path, function.index, manager.lineno)
    span, sites = document.span(manager), contexts.project.function(function).sites
    entering = [one for n, site in enumerate(sites) if site.span == span for one in contexts.targets(function, n)]
    return is_lock(as_expression(manager), where, contexts) or leaves_locked(entering, contexts)


def as_expression(node: ast.expr) -> Expression | None:
    match node:
        case ast.Name(id=name):
            return Name(name)
        case ast.Attribute(value=of, attr=name) if (inner := as_expression(of)) is not None:
            return Attribute(inner, name)
        case ast.Call(func=func) if (inner := as_expression(func)) is not None:
            return Call(inner)
        case _:
            return None
