"""What one fix exchanges: the functions and classes that use a session, and what is written for them."""

import ast
from collections.abc import Callable, Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Site
from rules.core.findings import Edit
from rules.core.fixes.awaits import Awaits, as_expression, awaitable_call
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Wanted, together
from rules.core.fixes.sessions.desk import Desk
from rules.core.fixes.sessions.keepers import Keeper, Keepers
from rules.core.fixes.sessions.parameters import Parameters
from rules.core.fixes.sessions.rows import Called
from rules.core.fixes.sessions.stacks import Twins
from rules.core.fixes.turning import Refused
from rules.core.library import Sessions
from rules.core.usage import is_taken_from
from rules.core.values import Object, ProjectClass, ProjectFunction, Where


class Plan(msgspec.Struct):
    """The functions and classes whose session is exchanged, each with the name of the session, and what is written for them."""

    desk: Desk
    row: Sessions
    twins: Twins
    functions: dict[ProjectFunction, str] = msgspec.field(default_factory=dict)
    files: dict[str, Awaits] = msgspec.field(default_factory=dict)
    wanted: Wanted = msgspec.field(default_factory=Wanted)
    called: dict[ast.Call, Called] = msgspec.field(default_factory=dict)
    gives: dict[ProjectFunction, Called] = msgspec.field(default_factory=dict)
    others: list[str] = msgspec.field(default_factory=list)
    opened: set[ast.expr] = msgspec.field(default_factory=set)
    begun: dict[ProjectFunction, None] = msgspec.field(default_factory=dict)
    inner: set[ProjectFunction] = msgspec.field(default_factory=set)
    keepers: dict[ProjectClass, Keeper] = msgspec.field(default_factory=dict)
    is_stale: bool = False

    @property
    def contexts(self) -> Contexts:
        """The project as it is."""
        return self.desk.contexts

    @property
    def keeping(self) -> Keepers:
        """What is known of classes that keep a session."""
        return Keepers(self.contexts, self.desk.texts)

    def definition(self, function: ProjectFunction) -> ast.FunctionDef | ast.AsyncFunctionDef:
        """Of a function, in the text of its file. Raises Refused."""
        document = self.file(function.path).document
        definition = document.function_at(self.contexts.project.function(function).line)
        if definition is None:
            raise Refused("its text is not at hand")
        return definition

    def file(self, path: str) -> Awaits:
        """What is written to a file. Raises Refused."""
        if path not in self.files:
            document = self.desk.texts.document(path)
            if document is None:
                raise Refused("its text is not at hand")
            self.files[path] = Awaits(document)
        return self.files[path]

    def value(self, node: ast.expr, function: ProjectFunction) -> object:
        """What an expression in a function stands for."""
        return self.contexts.project.value(as_expression(node), Where(function.path, function.index, node.lineno))

    def may_await(self, call: ast.Call, function: ProjectFunction) -> bool:
        """Whether a call in a function can be awaited there."""
        file = self.file(function.path)
        site = self.site(call, function, file.document)
        if site is None or site.awaited:
            return False
        return awaitable_call(site, function, self.contexts, file.document, file.turned) is not None

    def site(self, call: ast.Call, function: ProjectFunction, document: Document) -> Site | None:
        """What is known of a call in a function."""
        span = document.span(call)
        return next((s for s in self.contexts.project.function(function).sites if s.span == span), None)

    def await_at(self, caller: ProjectFunction, place: int) -> None:
        """`await` before the call that is at a place among those of a function. Raises Refused."""
        file = self.file(caller.path)
        site = self.contexts.project.function(caller).sites[place]
        call = awaitable_call(site, caller, self.contexts, file.document, file.turned)
        if call is None:
            raise Refused("a helper is called where nothing can be awaited")
        file.wait_for(call)

    def has_class(self, of: ProjectClass) -> bool:
        """Whether the objects of a class are part of the plan."""
        owners = (ProjectClass(one.path, self.contexts.project.function(one).owner) for one in self.inner)
        return of in self.keepers or of in owners

    def gives_kept(self, function: ProjectFunction) -> bool:
        """Whether what a dependency gives is an object whose uses are all seen."""
        given = self.contexts.project.injected(function)
        return isinstance(given, Object) and isinstance(given.of, ProjectClass) and self.has_class(given.of)

    def tries(self, step: Callable[[], None]) -> bool:
        """Whether a step succeeds; where it is refused, nothing of it is left."""
        saved = (dict(self.functions), dict(self.gives), dict(self.called), self.is_stale, list(self.others))
        classes = (dict(self.keepers), dict(self.begun), set(self.inner), set(self.opened))
        files = {path: file.saved() for path, file in self.files.items()}
        wanted = self.wanted.saved()
        try:
            step()
        except (Refused, LookupError):
            self.functions, self.gives, self.called, self.is_stale, self.others = saved
            self.keepers, self.begun, self.inner, self.opened = classes
            self.files = {path: self.files[path].restored(state) for path, state in files.items()}
            self.wanted.restored(wanted)
            return False
        return True

    def edits(self) -> tuple[Edit, ...]:
        """All edits of the plan, sorted."""
        made = [edit for path, file in self.files.items() for edit in self._edits_of(path, file)]
        return tuple(sorted(set(made)))

    def _edits_of(self, path: str, file: Awaits) -> Iterator[Edit]:
        Parameters(self.contexts, file, self.wanted).import_wanted()
        made = file.edits(lambda name: is_taken_from(path, name, self.contexts))
        yield from together([*made, *self.wanted.edits(file.document)])
