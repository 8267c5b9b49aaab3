"""A call of Requests in an endpoint, made on an asynchronous client that the lifespan of the application opens for it.

Offered where the project has such clients elsewhere, or wants them: the call, its answer and what it raises are written for the
other package as where a client is at hand (`borrowing`).
"""

import ast
from collections.abc import Mapping

from rules.core.contexts import Contexts
from rules.core.findings import Applicability, Fix, Way
from rules.core.fixes.awaits import awaitable_call
from rules.core.fixes.clients.answers import UnknownUse
from rules.core.fixes.clients.asking import Asking, differences, means_the_same, title_of
from rules.core.fixes.clients.borrowing import is_at_hand, raises_the_same
from rules.core.fixes.clients.endpoint import (
    Given,
    check_endpoint,
    check_identity,
    check_name,
    compared,
    giver,
    parameter,
    place_after,
)
from rules.core.fixes.clients.made_once import CONTRACT, COOKIES, NAME, STARTED
from rules.core.fixes.clients.startup import Keeping, Opening, application_of, keep
from rules.core.fixes.document import Document
from rules.core.fixes.imports import Imported, Wanted, added_at_once, import_dotted
from rules.core.fixes.orphans import orphan_edits
from rules.core.fixes.proof import objection_in
from rules.core.fixes.sharing.hazards import difference_between
from rules.core.fixes.turning import Refused
from rules.core.fixes.whole import Bench
from rules.core.library import Borrower
from rules.core.remarks import Remark
from rules.core.syntax import walk
from rules.core.usage import is_taken_from
from rules.core.values import ProjectFunction

GIVER = f"get_{NAME}"
PACKAGES = frozenset({"httpx", "httpx2"})


def lend(remark: Remark, bench: Bench) -> Fix | None:
    """`await http_client.get(url)` for `requests.get(url)`, where the endpoint is given the client."""
    site = remark.site
    document = bench.texts.document(remark.function.path)
    if site is None or document is None or remark.sink is None or remark.sink.site is not site:
        return None
    project = bench.contexts.project
    known = [
        one for one in project.knowledge.borrowers_of(remark.sink.name) if one.is_other and one.package in PACKAGES
    ]
    row = next((one for one in known if project.knowledge.client or project.makes(one.client)), None)
    call = awaitable_call(site, remark.function, bench.contexts, document) if row is not None else None
    if row is None or call is None:
        return None
    try:
        fix = _lent(call, row, remark.function, bench, document)
    except UnknownUse:
        bench.refusals["what is asked of the client has no counterpart"] += 1
    except (Refused, LookupError) as refusal:
        bench.refusals[str(refusal.args[0])] += 1
    else:
        bench.judges[fix] = objection
        return fix
    return None


def _lent(call: ast.Call, row: Borrower, function: ProjectFunction, bench: Bench, document: Document) -> Fix:
    contexts = bench.contexts
    endpoint = _endpoint(function, contexts)
    definition = document.function_at(contexts.project.function(endpoint).line)
    if not isinstance(definition, ast.AsyncFunctionDef):
        raise Refused("the call does not stand in an endpoint")
    if is_at_hand(row, function, contexts) and f"({GIVER})" not in document.text_of(definition):
        raise Refused("the client at hand adds something of its own")
    if not means_the_same(call, row) or not raises_the_same(row, function, contexts):
        raise UnknownUse
    check_endpoint(endpoint, bench)
    check_identity(definition)
    wanted = Wanted()
    limits = contexts.project.knowledge.lasting[row.client].limits
    opening = Opening(row.package, "AsyncClient", (), function.path, limits)
    keeping = Keeping(opening, (NAME,), contexts, bench.texts, wanted)
    name, opened = keep(keeping, application_of(endpoint, contexts))
    written = import_dotted(document, row.client)
    if written is None:
        raise Refused("the name of the package of the client is taken")
    given = Given(endpoint, definition, document, name, written.name)
    check_name(given)
    by, defined = giver(name, given, wanted)
    asked, gone = Asking(call, row, function, document, contexts).edits(f"{name}.{row.method}", row.added)
    edits = [*opened, *defined, *parameter(by, given, wanted), *written.edits, *asked]
    documents = filter(None, map(bench.texts.document, sorted({edit.path for edit in edits})))
    edits += [edit for one in documents for edit in wanted.edits(one)]
    imports = tuple(edit for edit in edits if edit.path == document.path and edit.replacement.endswith("\n"))
    edits += orphan_edits(
        document,
        [call.func, *gone],
        Imported(name, imports),
        lambda other: is_taken_from(document.path, other, contexts),
    )
    meanwhile = filter(None, [difference_between(function, contexts, document.span(call), document)])
    notes = (*meanwhile, *row.notes, *differences(call, row, document), COOKIES, STARTED, CONTRACT)
    requires = () if contexts.project.makes(row.client) else (row.package,)
    title = f"{title_of(call, row)} of a client that the lifespan opens"
    return Fix(title, Way.TWIN, tuple(sorted(added_at_once(edits))), Applicability.UNSAFE, notes, requires)


def _endpoint(function: ProjectFunction, contexts: Contexts) -> ProjectFunction:
    """The outermost function around one, which is given the client; what is defined in it can use that as well."""
    while (parent := contexts.project.function(function).parent) > 0:
        function = ProjectFunction(function.path, parent)
    return function


def objection(fix: Fix, function: ProjectFunction, contexts: Contexts, sources: Mapping[str, bytes]) -> str:
    """Why it may not be shown; empty where all but the body of the endpoint is as it was, and that blocks less."""
    endpoint = contexts.project.function(_endpoint(function, contexts))
    edited = {}
    for one in compared(fix, sources):
        if isinstance(one, str):
            return one
        for tree in (one.before, one.now):
            _empty(tree, endpoint.name)
        if ast.dump(one.before) != ast.dump(one.now):
            return "changes something else"
        edited[one.path] = one.after
    changed = Contexts(contexts.project.with_facts(edited))
    place = place_after(function, edited[function.path], contexts)
    return objection_in(function, place, contexts, changed, fix.edits)


def _empty(tree: ast.AST, name: str) -> None:
    """Take the body out of the function of that name."""
    for node in walk(tree):
        if isinstance(node, ast.AsyncFunctionDef) and node.name == name:
            node.body = []
