"""A plan written as edits, file by file: the words `async` and `await`, other names, other clients, imports."""

import ast
import re
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Constant, Site
from rules.core.findings import Edit, Span
from rules.core.fixes.awaits import Awaits, awaitable_call
from rules.core.fixes.clients.answers import UnknownUse
from rules.core.fixes.clients.asking import in_full, written_anew
from rules.core.fixes.clients.certificates import shared
from rules.core.fixes.clients.closing import CLOSING, entered, unclosed
from rules.core.fixes.clients.given import UnseenError, types_given
from rules.core.fixes.clients.holding import Held, givers_of, maker_call
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported, added_at_once, import_dotted, import_member, is_imported
from rules.core.fixes.offload import first_argument, hand_over
from rules.core.fixes.turning import At, Refused, Step, Turning
from rules.core.fixes.yielding import Yielding
from rules.core.library import Counterpart, Managed
from rules.core.syntax import walk
from rules.core.usage import is_taken_from
from rules.core.values import Outside, ProjectFunction, Where


class Writing(msgspec.Struct):
    """The edits of one plan. Raises Refused where the text does not allow them."""

    plan: Turning
    contexts: Contexts
    files: dict[str, Awaits] = msgspec.field(default_factory=dict)
    _renamed: dict[tuple[str, str], list[ast.expr]] = msgspec.field(default_factory=dict)

    def edits(self) -> tuple[Edit, ...]:
        """All edits of the plan, sorted."""
        try:
            return self._edits()
        except UnknownUse as unknown:
            raise Refused("what is asked of the client has no counterpart") from unknown

    def _edits(self) -> tuple[Edit, ...]:
        for function in self.plan.functions:
            self._turn(function)
        for at, step in self.plan.steps.items():
            self._write(at, step)
        self._exchange()
        for (path, new), nodes in self._renamed.items():
            rename(nodes, new, self._file(path), self.contexts)
        made = [edit for path, file in self.files.items() for edit in self._of_file(path, file)]
        return tuple(sorted(set(made)))

    def _of_file(self, path: str, file: Awaits) -> list[Edit]:
        return added_at_once(file.edits(lambda name: is_taken_from(path, name, self.contexts)))

    def _file(self, path: str) -> Awaits:
        if path not in self.files:
            document = self.plan.texts.document(path)
            if document is None:
                raise Refused("a text is not at hand")
            self.files[path] = Awaits(document)
        return self.files[path]

    def _turn(self, function: ProjectFunction) -> None:
        file = self._file(function.path)
        definition = file.document.function_at(self.contexts.project.function(function).line)
        if not isinstance(definition, ast.FunctionDef):
            raise Refused("a definition is not found")
        file.turn(definition)
        if self.contexts.project.function(function).generator:
            for node, new in Yielding(function, definition, self.contexts).names(file):
                self._renamed.setdefault((function.path, new), []).append(node)

    # Calls

    def _write(self, at: At, step: Step) -> None:
        function, place = at
        site = self.contexts.project.function(function).sites[place]
        file = self._file(function.path)
        if step is Step.STREAM:
            return
        call = awaitable_call(site, function, self.contexts, file.document, file.turned)
        if call is None:
            raise Refused("a call stands where nothing can be awaited")
        match step:
            case Step.AWAIT:
                file.wait_for(call)
            case Step.ITERATE:
                self._iterate(call, file)
            case Step.ENTER:
                self._enter(call, file)
            case Step.TWIN:
                self._twin(call, at, site, file)
            case Step.MEMBER:
                self._member(call, at, site, file)
            case Step.CLIENT:
                self._client(call, at, site, file)
            case Step.OFFLOAD:
                self._offload(call, file, function)

    def _iterate(self, node: ast.expr, file: Awaits) -> None:
        """`async for` over what stands there."""
        around = file.document.parents.get(node)
        if not isinstance(around, ast.For) or around.iter is not node:
            raise Refused("it is run through by something else than a `for` statement")
        file.put(file.document.span(around).start, "async ")

    def _twin(self, call: ast.Call, at: At, site: Site, file: Awaits) -> None:
        blocked = self.contexts.blocking(site, _where(at[0], site))
        twin = blocked[0].twin if blocked is not None else None
        if twin is None or blocked is None or blocked[0].rule == "blocking/files":
            raise Refused("it has no twin")
        chosen = next((n for n in (twin.name, *twin.instead) if is_imported(file.document, n)), twin.name)
        imported = import_dotted(file.document, chosen)
        if imported is None:
            raise Refused("the name of its twin is taken")
        file.wait_for(call)
        file.replace(call.func, imported.name, imported)

    def _member(self, call: ast.Call, at: At, site: Site, file: Awaits) -> None:
        callee = self.contexts.project.value(site.call.callee, _where(at[0], site))
        old = callee.name if isinstance(callee, Outside) else ""
        knowledge = self.contexts.project.knowledge
        rename_member(call, old, knowledge.twins[old], file)
        row = knowledge.blocking(old)
        if row is not None and row.lazy:
            self._iterate(call, file)
        else:
            file.wait_for(call)

    def _client(self, call: ast.Call, at: At, site: Site, file: Awaits) -> None:
        use, held = self.plan.uses[at]
        counterpart = self.plan.clients[held]
        if counterpart.asks and use.tail != CLOSING:
            uses = [use for use, of in self.plan.uses.values() if of == held]
            edits, gone = written_anew(use, uses, counterpart, file.document, self.contexts)
            file.edit(*edits)
            file.drop(*gone)
            return
        if use.tail in counterpart.renamed:
            rename_member(call, use.tail, counterpart.renamed[use.tail], file)
        if use.tail in counterpart.entered:
            self._enter(call, file)
            self._manage(call, counterpart.entered[use.tail], file)
        elif use.tail in counterpart.iterated:
            self._iterate(call, file)
        else:
            file.wait_for(call)
            streamed = dict(site.call.keywords).get("stream", Constant(False, "bool"))
            if streamed != Constant(False, "bool"):
                if use.tail not in counterpart.streamed or streamed != Constant(True, "bool"):
                    raise Refused("whether it streams is not certain")
                self._iterate_over(call, file)

    def _enter(self, call: ast.Call, file: Awaits) -> None:
        item = file.document.parents.get(call)
        around = file.document.parents.get(item) if isinstance(item, ast.withitem) else None
        if not isinstance(around, ast.With) or len(around.items) != 1:
            raise Refused("it is entered together with something else")
        file.put(file.document.span(around).start, "async ")

    def _manage(self, call: ast.Call, managed: Managed, file: Awaits) -> None:
        """All that is done with what the manager gives."""
        item = file.document.parents[call]
        target = item.optional_vars if isinstance(item, ast.withitem) else None
        if target is None:
            return
        scope = file.document.function_around(call)
        uses = [node for node in walk(scope) if isinstance(node, ast.Name) and node.id == _id(target)]
        for node in uses:
            if file.document.function_around(node) is not scope or not _id(target):
                raise Refused("what the manager gives is used in a function of its own")
            if isinstance(node.ctx, ast.Load):
                self._use_managed(node, managed, file)
            elif node is not target:
                raise Refused("what the manager gives is bound again")

    def _use_managed(self, node: ast.Name, managed: Managed, file: Awaits) -> None:
        attribute = file.document.parents[node]
        name = attribute.attr if isinstance(attribute, ast.Attribute) else ""
        used = attribute if isinstance(attribute, ast.Attribute) else node
        around = file.document.parents[used]
        called = around if isinstance(around, ast.Call) and around.func is used else None
        if name in managed.renamed and called is not None:
            rename_member(called, name, managed.renamed[name], file)
        if name in managed.iterated:
            self._iterate(called or used, file)
        elif name in managed.awaited and called is not None and file.may_await(called):
            file.wait_for(called)
        elif name not in managed.quick or (called and isinstance(file.document.parents[called], ast.Attribute)):
            raise Refused(f"`{name}` of what the manager gives has no counterpart")

    def _iterate_over(self, call: ast.Call, file: Awaits) -> None:
        """`async for` over the stream that the call gives, at once or under a name that is used for nothing else."""
        around = file.document.parents.get(call)
        if isinstance(around, ast.For):
            self._iterate(call, file)
            return
        if not (isinstance(around, ast.Assign) and [*map(type, around.targets)] == [ast.Name]):
            raise Refused("what it streams is used in a way that cannot be followed")
        (target,) = around.targets
        scope = file.document.function_around(around)
        uses = [node for node in walk(scope) if isinstance(node, ast.Name) and node.id == _id(target)]
        for node in uses:
            if isinstance(node.ctx, ast.Load):
                self._iterate(node, file)
            elif node is not target:
                raise Refused("what it streams is bound again")

    def _offload(self, call: ast.Call, file: Awaits, function: ProjectFunction) -> None:
        handing = hand_over(file.document, self.contexts, function)
        if handing is None:
            raise Refused("the name of what hands over is taken")
        edit = first_argument(call, file.document, handing.name)
        file.edit(Edit(edit.path, edit.span, edit.replacement.removeprefix("await ")), *handing.edits)
        file.wait_for(call)

    # Clients

    def _exchange(self) -> None:
        """Other classes for all clients that are exchanged."""
        for held, counterpart in self.plan.clients.items():
            file = self._file(held.path)
            call = maker_call(held, self.contexts, file.document)
            if call is None:
                raise Refused("where the client is made is not found")
            new = {counterpart.of: counterpart.instead, **counterpart.makers}[held.maker]
            self._renamed.setdefault((held.path, new), []).extend(_class_names(call, file.document))
            if isinstance(file.document.parents.get(call), ast.withitem):
                self._enter(call, file)
            elif counterpart.bound:
                raise Refused("nothing closes the client")
            uses = [use for use, of in self.plan.uses.values() if of == held]
            if (block := unclosed(held, counterpart, uses, self.contexts, self.plan.texts)) is not None:
                file.edit(*entered(block, file.document))
            if is_lightened(held, counterpart):
                self._lighten(call, counterpart, file)
            if counterpart.made:
                self._make(call, counterpart, file)
            for of in givers_of(held, self.contexts, self.plan.texts):
                self._retype(of, counterpart)

    @staticmethod
    def _lighten(call: ast.Call, counterpart: Counterpart, file: Awaits) -> None:
        """The certificates that the module reads once, where a function makes the client."""
        edits = shared(call, counterpart.instead, file.document)
        if edits is None:
            raise Refused("making the client would hold up the loop")
        file.edit(*edits)

    def _retype(self, of: ProjectFunction, counterpart: Counterpart) -> None:
        """The other class where annotations name the one that a function gives."""
        try:
            for path, node in types_given(of, counterpart.of, self.contexts, self.plan.texts):
                nodes = self._renamed.setdefault((path, counterpart.instead), [])
                nodes += [node] if node not in nodes else []
        except UnseenError as unseen:
            raise Refused("an annotation of the client is not plain") from unseen

    @staticmethod
    def _make(call: ast.Call, counterpart: Counterpart, file: Awaits) -> None:
        """The arguments by which the other client does as the old one did."""
        if call.args or call.keywords:
            raise Refused("the client is made with arguments")
        given = {key: in_full(value, file.document) for key, value in counterpart.made.items()}
        file.edit(*(edit for one in given.values() for edit in one.edits))
        line, column = file.document.span(call).end
        file.edit(
            file.document.insert((line, column - 1), ", ".join(f"{key}={one.name}" for key, one in given.items()))
        )


def is_lightened(held: Held, counterpart: Counterpart) -> bool:
    """Whether a function makes the client for itself, which takes long unless the module reads the certificates once."""
    return counterpart.heavy and bool(held.name) and held.function > 0 and held.owner < 0


def rename_member(call: ast.Call, old: str, new: str, file: Awaits) -> None:
    """Another path behind the same object: `models.generate` becomes `aio.models.generate`."""
    olds, news = old.split("."), new.split(".")
    while olds and news and olds[0] == news[0] and len(olds) > 1 and len(news) > 1:
        olds, news = olds[1:], news[1:]
    node: ast.expr = call.func
    for name in reversed(olds):
        if not (isinstance(node, ast.Attribute) and node.attr == name):
            raise Refused("the method is written in another way")
        node = node.value
    document = file.document
    start, end = document.span(node).end, document.span(call.func).end
    if "#" in document.between(start, end) or "\n" in document.between(start, end):
        raise Refused("a comment or a line break stands between the names")
    file.edit(document.replace(Span(*start, *end), "." + ".".join(news)))


def rename(nodes: list[ast.expr], dotted: str, file: Awaits, contexts: Contexts) -> None:
    """Another class in place of the one that is written there, imported in the same manner."""
    module, _, member = dotted.rpartition(".")
    document = file.document
    if edit := moved_import(nodes, module, member, document, contexts):
        file.edit(edit)
        return
    if not all(isinstance(node, ast.Name) for node in nodes):
        imported = import_dotted(document, dotted)
    elif edit := swapped_import(nodes, module, member, document, contexts):
        imported = Imported(member)
        file.edit(edit)
    else:
        imported = import_member(document, module, member) or import_dotted(document, dotted)
    if imported is None:
        raise Refused("the name of the other class is taken")
    swapped = imported.name == member and not imported.edits
    for node in nodes:
        file.replace(node, imported.name, None if swapped else imported)


def moved_import(
    nodes: list[ast.expr], module: str, member: str, document: Document, contexts: Contexts
) -> Edit | None:
    """The edit that makes the import of a class bring the one of the same name from another module."""
    if {_id(node) for node in nodes} != {member} or any(use not in nodes for use in document.uses[member]):
        return None
    if (
        member in document.names_in_texts
        or member in document.rebound
        or is_taken_from(document.path, member, contexts)
    ):
        return None
    for statement in document.tree.body:
        if isinstance(statement, ast.ImportFrom) and [(one.name, one.asname) for one in statement.names] == [
            (member, None)
        ]:
            line, column = document.span(statement).start
            old = re.match(r"(from\s+)([\w.]+)(?=\s+import\b)", document.line(line)[column - 1 :])
            if old is not None:
                return document.replace(Span(line, column + old.end(1), line, column + old.end(2)), module)
    return None


def swapped_import(
    nodes: list[ast.expr], module: str, member: str, document: Document, contexts: Contexts
) -> Edit | None:
    """The edit that makes the import of a class bring the other one, where nothing else uses that import."""
    name = _id(nodes[0])
    others = [use for use in document.uses.get(name, ()) if use not in nodes]
    taken = member in document.rebound or member in document.uses or is_imported(document, f"{module}.{member}")
    if others or taken or name in document.names_in_texts or is_taken_from(document.path, name, contexts):
        return None
    for statement in document.tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == module and not statement.level:
            for alias in statement.names:
                if alias.name == name and alias.asname is None:
                    line = alias.lineno
                    start, end = alias.col_offset, alias.end_col_offset or 0
                    span = Span(line, document.column(line, start), line, document.column(line, end))
                    return document.replace(span, member)
    return None


def _class_names(call: ast.Call, document: Document) -> Iterator[ast.expr]:
    """Where the class stands: in the call that makes the client, and in the annotation of the name."""
    around = document.parents.get(call)
    if isinstance(around, ast.AnnAssign):
        if ast.dump(around.annotation) != ast.dump(call.func):
            raise Refused("the annotation says something else")
        yield around.annotation
    elif not isinstance(around, (ast.Assign, ast.withitem, ast.Return, ast.Yield)):
        raise Refused("the client is not kept under a name")
    yield call.func


def _id(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _where(function: ProjectFunction, site: Site) -> Where:
    return Where(function.path, function.index, site.line)
