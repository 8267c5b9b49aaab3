"""A helper that makes a client for itself, handed one by the endpoints that call it."""

import ast
from collections.abc import Iterator

import msgspec

from rules.core.contexts import Contexts
from rules.core.findings import Edit
from rules.core.fixes.clients.endpoint import Given, check_endpoint, check_name, keyword
from rules.core.fixes.imports import import_dotted
from rules.core.fixes.turning import Refused
from rules.core.fixes.whole import Bench
from rules.core.usage import calls_by_hand
from rules.core.values import ProjectFunction

MOST = 5  # calls that one person can look through


class Handed(msgspec.Struct, frozen=True):
    """A call of the helper, in an endpoint that is given the client."""

    endpoint: Given
    call: ast.Call
    imports: tuple[Edit, ...]


def callers(helper: Given, dotted: str, bench: Bench) -> list[Handed]:
    """All calls of a plain function, if endpoints alone make them. Raises Refused."""
    contexts = bench.contexts
    facts = contexts.project.function(helper.function)
    if facts.owner >= 0 or facts.parent > 0 or facts.generator or facts.decorators:
        raise Refused("the client is opened in a helper that is no plain function")
    if any(root.function == helper.function for root in contexts.roots):
        raise Refused("the client is not opened in an endpoint")
    calls = calls_by_hand(helper.function, contexts) or ()
    if not 0 < len(calls) <= MOST:
        raise Refused("the helper is used in a way that cannot be followed, or by too many")
    return [_handed(helper, caller, place, dotted, bench) for caller, place in calls]


def _handed(helper: Given, caller: ProjectFunction, place: int, dotted: str, bench: Bench) -> Handed:
    check_endpoint(caller, bench)
    document, facts = bench.texts.document(caller.path), bench.contexts.project.function(caller)
    definition = document.function_at(facts.line) if document is not None else None
    call = document.call_at(facts.sites[place].span) if document is not None else None
    if document is None or call is None or not isinstance(definition, ast.AsyncFunctionDef):
        raise Refused("its text is not at hand")
    if any(one.arg in {None, helper.name} for one in call.keywords) or _is_bare_generator(call):
        raise Refused("a helper is called in a way that cannot be followed")
    written = import_dotted(document, dotted)
    if written is None:
        raise Refused("the name of the package of the client is taken")
    endpoint = Given(caller, definition, document, helper.name, written.name)
    check_name(endpoint)
    return Handed(endpoint, call, written.edits)


def _is_bare_generator(call: ast.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], ast.GeneratorExp) and not call.keywords


def handed_on(helper: Given, handed: list[Handed]) -> Iterator[Edit]:
    """The edits by which the helper takes the client, and each call gives it. Raises Refused."""
    yield keyword(helper)
    for one in handed:
        yield from one.imports
        yield _argument(one, helper.name)


def _argument(handed: Handed, name: str) -> Edit:
    document, call = handed.endpoint.document, handed.call
    given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if not given:
        line, column = document.span(call).end
        return document.insert((line, column - 1), f"{name}={name}")
    return document.append(max(given, key=lambda one: document.span(one).end), f"{name}={name}")


def is_handed_on(helper: ProjectFunction, name: str, contexts: Contexts) -> bool:
    """Whether every call of the helper gives the client."""
    calls = calls_by_hand(helper, contexts) or ()
    sites = [contexts.project.function(caller).sites[place] for caller, place in calls]
    return bool(sites) and all(name in dict(site.call.keywords) for site in sites)
