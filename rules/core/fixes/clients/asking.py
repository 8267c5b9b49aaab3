"""One call over HTTP written for the client of another package: its arguments, its answer, what it raises."""

import ast
from collections.abc import Collection, Iterator, Mapping

import msgspec

from rules.core.contexts import Contexts
from rules.core.findings import Edit, Span
from rules.core.fixes.clients.answers import UnknownUse, is_caught_elsewhere, recaught, rewritten, taken_of_answer
from rules.core.fixes.clients.closing import CLOSING
from rules.core.fixes.clients.holding import Use
from rules.core.fixes.clients.streaming import Streamed, differences_in_stream, row_of_stream
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported, added_at_once, import_dotted
from rules.core.fixes.responses import told
from rules.core.library import Borrower, Counterpart
from rules.core.values import ProjectFunction


class Asking(msgspec.Struct, frozen=True):
    """A call in a function, and the row that tells how it is written for the other client.

    `together` are the places of the calls that are written for it at the same time, `turned` functions are taken for
    asynchronous ones.
    """

    call: ast.Call
    row: Borrower
    function: ProjectFunction
    document: Document
    contexts: Contexts
    together: Collection[Span] = ()
    turned: Collection[ast.AST] = ()

    def edits(self, name: str, added: Mapping[str, str]) -> tuple[list[Edit], list[ast.expr]]:
        """The edits by which the method of that name is awaited, with arguments `added`; and the names that they replace.

        Raises UnknownUse.
        """
        call, row, document = self.call, self.row, self.document
        if told(call) is not None:
            return self._streamed(name, added)
        taken, before = rewritten(call, row, document, self.turned) if row.is_other else ([], "")
        gone: list[ast.expr] = []
        if row.is_other:
            caught, gone = recaught(call, row, self.function, document, self.contexts, self.together)
            taken += caught
        callee = f"await {name}"
        if document.needs_parentheses(call):
            callee = f"({callee}"
            taken.append(document.insert(document.span(call).end, ")"))
        called = document.replace(document.span(call.func), before + callee)
        return _joined([called, *taken, *_keywords(call, row, added, document)], document), gone

    def _streamed(self, name: str, added: Mapping[str, str]) -> tuple[list[Edit], list[ast.expr]]:
        """The same of a call that is told to stream. Raises UnknownUse."""
        call, row, document = self.call, row_of_stream(self.row), self.document
        if row.streaming is None:
            raise UnknownUse
        streamed = Streamed(call, row, row.streaming, self.function, document, self.contexts, self.turned)
        caught, gone = recaught(call, row, self.function, document, self.contexts, self.together)
        callee = f"{name.removesuffix(row.method)}{row.streaming.method}"
        called = document.replace(document.span(call.func), callee)
        edits = [called, *streamed.edits(), *caught, *_keywords(call, row, added, document)]
        return _joined(edits, document), [*gone, *streamed.copying()]


def written_anew(
    use: Use, uses: Collection[Use], counterpart: Counterpart, document: Document, contexts: Contexts
) -> tuple[list[Edit], list[ast.expr]]:
    """The edits by which a use of a client is one of its counterpart in another package, and the names that they replace.

    Raises UnknownUse.
    """
    function = contexts.project.function(use.function)
    site = function.sites[use.place]
    call = document.call_at(site.span)
    if call is None or not isinstance(call.func, ast.Attribute):
        raise UnknownUse
    if use.tail in counterpart.quick:
        if not all(_is_plain(argument, {str}) for argument in call.args) or call.keywords:
            raise UnknownUse
        return [], []
    if use.tail == CLOSING:
        return [], []
    row = _row(use, counterpart, contexts)
    definition = document.function_at(function.line)
    if row is None or definition is None or not means_the_same(call, row):
        raise UnknownUse
    if is_caught_elsewhere(use.function, counterpart.asks, contexts):
        raise UnknownUse
    added = {key: value for key, value in row.added.items() if counterpart.made.get(key) != value}
    spans = [
        contexts.project.function(one.function).sites[one.place].span for one in uses if one.function == use.function
    ]
    asking = Asking(call, row, use.function, document, contexts, spans, (definition,))
    return asking.edits(f"{document.text_of(call.func.value)}.{row.method}", added)


def _row(use: Use, counterpart: Counterpart, contexts: Contexts) -> Borrower | None:
    known = contexts.project.knowledge.borrowers_of(f"{counterpart.asks}.{use.tail}")
    return next((one for one in known if one.client == counterpart.instead), None)


def differences_of(use: Use, counterpart: Counterpart, document: Document, contexts: Contexts) -> list[str]:
    """What differs where this one use of a client is made on its counterpart, one sentence each."""
    row = _row(use, counterpart, contexts)
    call = document.call_at(contexts.project.function(use.function).sites[use.place].span)
    return differences(call, row, document) if row is not None and call is not None else []


def _joined(edits: list[Edit], document: Document) -> list[Edit]:
    """The edits; a bracket that closes the call, and what is renamed behind it, are one."""
    found: dict[tuple[int, int], Edit] = {}
    rest: list[Edit] = []
    for edit in added_at_once(edits):
        if edit.replacement == ")" and edit.span.start == edit.span.end:
            found[edit.span.start] = edit
        else:
            rest.append(edit)
    for number, edit in enumerate(rest):
        if edit.span.start in found and edit.replacement.startswith("."):
            closing = found.pop(edit.span.start)
            rest[number] = document.replace(edit.span, closing.replacement + edit.replacement)
    return [*rest, *found.values()]


def title_of(call: ast.Call, row: Borrower, client: str = "") -> str:
    """What is done with the client there, as a person would say it."""
    if row.streaming is not None and told(call) is not None:
        return f"Enter `{client}{row.streaming.method}` by `async with`"
    return f"Await `{client}{row.method}`"


def means_the_same(call: ast.Call, row: Borrower) -> bool:
    """Whether the arguments mean the same there."""
    streamed = told(call) if row.streaming is not None else None
    names = [keyword.arg for keyword in call.keywords if keyword is not streamed]
    if len(call.args) != row.places or not {*names} <= row.keywords.keys():
        return False
    if any(isinstance(one, ast.Starred) for one in call.args) or not all(map(_is_text, call.args[:-1])):
        return False
    if not row.is_other:
        return True
    by_name = {keyword.arg: keyword.value for keyword in call.keywords}
    plain = _is_plain(by_name.get("params"), {str, int}) and _is_plain(by_name.get("headers"), {str})
    return plain and not ("params" in names and not _has_no_query(call.args[-1]))


def _is_plain(node: ast.expr | None, types: set[type]) -> bool:
    """A dict of values of these types as they stand, which every client sends alike."""
    return node is None or (
        isinstance(node, ast.Dict)
        and all(
            (isinstance(value, ast.Constant) and type(value.value) in types) or isinstance(value, ast.JoinedStr)
            for value in node.values
        )
    )


def _is_text(node: ast.expr) -> bool:
    """Whether it is a text as it stands, as the method of a request is."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def differences(call: ast.Call, row: Borrower, document: Document) -> list[str]:
    """What differs where this one call is made on the other client, one sentence each."""
    if row.streaming is not None and told(call) is not None:
        said = [row.said.get(keyword.arg or "", "") for keyword in call.keywords]
        return list(dict.fromkeys(filter(None, (*said, *differences_in_stream(call, row.streaming, document)))))
    parts = [keyword.arg or "" for keyword in call.keywords]
    parts += [f".{part}" for part in taken_of_answer(call, document)] if row.said else ()
    return list(dict.fromkeys(row.said[part] for part in parts if part in row.said))


def _has_no_query(url: ast.expr) -> bool:
    return isinstance(url, ast.Constant) and isinstance(url.value, str) and "?" not in url.value


def _keywords(call: ast.Call, row: Borrower, more: Mapping[str, str], document: Document) -> Iterator[Edit]:
    """Other names for arguments, other values, and what keeps the defaults. Raises UnknownUse."""
    given = [keyword for keyword in call.keywords if keyword is not told(call)]
    for keyword in given:
        new = row.keywords[keyword.arg or ""]
        if new != keyword.arg:
            start = document.span(keyword).start
            yield document.replace(Span(*start, start[0], start[1] + len(keyword.arg or "")), new)
        if (value := row.values.get(keyword.arg or "")) is not None:
            if not isinstance(keyword.value, ast.Constant):
                raise UnknownUse
            written = in_full(value.format(document.text_of(keyword.value)), document)
            yield document.replace(document.span(keyword.value), written.name)
            yield from written.edits
    taken = {row.keywords[keyword.arg or ""] for keyword in given}
    added = {key: in_full(value, document) for key, value in more.items() if key not in taken}
    if added:
        last = given[-1] if given else call.args[-1]
        texts = [f"{key}={one.name}" for key, one in added.items()]
        is_followed = told(call) is not None  # by an argument that is taken away
        behind = document.insert(document.span(last).end, "".join(f", {text}" for text in texts))
        yield behind if is_followed else document.append(last, *texts)
        yield from (edit for one in added.values() for edit in one.edits)


def in_full(text: str, document: Document) -> Imported:
    """A value as the file writes it. Raises UnknownUse where a name in it is taken."""
    dotted = text.partition("(")[0]
    if "." not in dotted or not dotted[0].isalpha():
        return Imported(text)
    imported = import_dotted(document, dotted)
    if imported is None:
        raise UnknownUse
    return Imported(imported.name + text.removeprefix(dotted), imported.edits)
