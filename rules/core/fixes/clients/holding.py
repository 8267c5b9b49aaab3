"""Clients that are kept under a name, and all that a project does with them.

A client may be a global, a local of one function, or an attribute that `__init__` sets. It can be exchanged for its
asynchronous counterpart only where every use of it is seen, and is a call.
"""

import ast
from collections.abc import Iterator, Sequence

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Attribute, Binding, Call, Entered, Expression, Function, Import, Name, Site, show
from rules.core.fixes.awaits import as_expression
from rules.core.fixes.clients.given import UnseenError, giver, gives, nodes_given
from rules.core.fixes.document import Document
from rules.core.fixes.texts import Texts
from rules.core.library import Counterpart
from rules.core.usage import is_told
from rules.core.values import Module, Object, Outside, ProjectClass, ProjectFunction, Where


class Held(msgspec.Struct, frozen=True):
    """A client that is made once, in the function with that index (0: the module), and kept under a name.

    `owner` is the class on whose instances it is an attribute (-1: it is a variable). `maker` is what it is made with.
    One without a name is what the function gives at once.
    """

    path: str
    function: int
    name: str
    maker: str
    owner: int = -1


class Use(msgspec.Struct, frozen=True):
    """A call on a client: where it stands, and the path behind the client ("chat.completions.create")."""

    function: ProjectFunction
    place: int
    tail: str


def held_at(function: ProjectFunction, site: Site, contexts: Contexts) -> Held | None:
    """The client that a call is made on, or on what a manager of it gave, if it is one that could be exchanged."""
    for receiver in _receivers(site.call.callee):
        held = _held(receiver, function, contexts) or held_by(receiver, function, contexts)
        if held is not None:
            return held
    return _entered_from(function, site, contexts)


def _entered_from(function: ProjectFunction, site: Site, contexts: Contexts) -> Held | None:
    """The client whose manager gave what a call is made on: `stream` of `with client.messages.stream() as stream`."""
    facts = contexts.project.function(function)
    for binding in facts.bindings.get(show(site.call.callee).partition(".")[0], ()):
        made = binding.value.of if isinstance(binding.value, Entered) else None
        receivers = _receivers(made.callee) if isinstance(made, Call) else ()
        for receiver in receivers:
            held = _held(receiver, function, contexts)
            entered = counterpart_of(held, contexts).entered if held is not None else {}
            if isinstance(made, Call) and any(show(made.callee) == f"{show(receiver)}.{tail}" for tail in entered):
                return held
    return None


def _receivers(callee: Expression) -> Iterator[Expression]:
    """What lies before each dot, the shortest last."""
    while isinstance(callee, Attribute):
        callee = callee.of
        yield callee


def _held(receiver: Expression, function: ProjectFunction, contexts: Contexts) -> Held | None:
    project = contexts.project
    facts = project.function(function)
    if isinstance(receiver, Name) and receiver.id in facts.bindings:
        return _made(facts.bindings[receiver.id], function.path, function.index, receiver.id, -1, contexts)
    if isinstance(receiver, (Name, Attribute)):
        origin = project.origin(receiver, Where(function.path, function.index))
        if origin is not None:
            bindings = project.facts[origin[0]].bound(origin[1])
            return _made(bindings, origin[0], 0, origin[1], -1, contexts)
    if isinstance(receiver, Attribute):
        owner = project.value(receiver.of, Where(function.path, function.index, facts.line))
        if isinstance(owner, Object) and isinstance(owner.of, ProjectClass):
            bindings = project.class_(owner.of).attributes.get(receiver.name, ())
            made_in = bindings[0].function if bindings else 0
            return _made(bindings, owner.of.path, made_in, receiver.name, owner.of.index, contexts)
    return None


def held_by(receiver: Expression, function: ProjectFunction, contexts: Contexts) -> Held | None:
    """The client that a function of the project gives, to its dependants or to those that call it."""
    of = giver(receiver, function, contexts)
    given = gives(of, contexts) if of is not None else None
    if of is None or given is None:
        return None
    if isinstance(given, Call):
        maker = _maker(given, Where(of.path, of.index, contexts.project.function(of).end_line), contexts)
        return Held(of.path, of.index, "", maker) if maker else None
    return _held(given, of, contexts) if isinstance(given, Name) and of != function else None


def _made(
    bindings: tuple[Binding, ...], path: str, function: int, name: str, owner: int, contexts: Contexts
) -> Held | None:
    """The client that a name is bound to, if it is bound once, to what makes one."""
    if len({binding.line for binding in bindings}) != 1:
        return None
    value = bindings[-1].value
    call = value.of if isinstance(value, Entered) else value
    if not isinstance(call, Call):
        return None
    maker = _maker(call, Where(path, bindings[-1].function, bindings[-1].line), contexts)
    return Held(path, function, name, maker, owner) if maker else None


def _maker(call: Call, where: Where, contexts: Contexts) -> str:
    """What makes a client that could be exchanged; empty for anything else."""
    callee = contexts.project.value(call.callee, where)
    maker = callee.name if isinstance(callee, Outside) else ""
    found = counterparts(maker, contexts)
    return maker if found and not {key for key, _ in call.keywords} & {*found[0].refused, ""} else ""


def counterpart_of(held: Held, contexts: Contexts) -> Counterpart:
    """The other class for the one that the client is of."""
    return counterparts(held.maker, contexts)[0]


def counterparts(maker: str, contexts: Contexts) -> list[Counterpart]:
    """The other classes for what a callable makes; those of other packages where the project has them, or wants them."""
    knowledge = contexts.project.knowledge
    if maker in knowledge.makers:
        return [knowledge.makers[maker]]
    others = knowledge.successors_of(maker)
    return [one for one in others if knowledge.client or contexts.project.makes(one.instead)]


def maker_call(held: Held, contexts: Contexts, document: Document) -> ast.Call | None:
    """The call that makes the client."""
    facts = contexts.project.facts[held.path]
    if not held.name:
        given = gives(ProjectFunction(held.path, held.function), contexts)
        sites = facts.functions[held.function].sites
        return next((document.call_at(site.span) for site in sites if site.call == given), None)
    bindings = (
        facts.classes[held.owner].attributes[held.name]
        if held.owner >= 0
        else facts.functions[held.function].bindings[held.name]
    )
    value = bindings[-1].value
    call = value.of if isinstance(value, Entered) else value
    for site in facts.functions[bindings[-1].function].sites:
        if site.call == call and site.line <= bindings[-1].line <= site.end_line:
            return document.call_at(site.span)
    return None


def uses_of(held: Held, contexts: Contexts, texts: Texts) -> tuple[Use, ...] | None:
    """Every use of the client in the project; None where one is no call, or cannot be seen."""
    try:
        return tuple(_uses_of(held, contexts, texts))
    except UnseenError:
        return None


def givers_of(held: Held, contexts: Contexts, texts: Texts) -> list[ProjectFunction]:
    """The functions that give the client to others."""
    found = [] if held.name else [ProjectFunction(held.path, held.function)]
    for path, node in _nodes_of(held, contexts, texts) if held.name else ():
        document = _text(path, texts)
        if _is_handed_back(node, document):
            found.append(ProjectFunction(path, enclosing(node, document, contexts.project.facts[path].functions)))
    return list(dict.fromkeys(found))


def _uses_of(held: Held, contexts: Contexts, texts: Texts) -> Iterator[Use]:
    project = contexts.project
    nodes = [*_nodes_of(held, contexts, texts)] if held.name else []
    nodes = [(path, node) for path, node in nodes if not _is_handed_back(node, _text(path, texts))]
    for of in givers_of(held, contexts, texts):
        if gives(of, contexts) is None or not project.decorators_are_known(of):
            raise UnseenError
        nodes += nodes_given(of, contexts, texts)
    for path, node in nodes:
        yield _use(node, project.facts[path].functions, path, _text(path, texts))


def _text(path: str, texts: Texts) -> Document:
    document = texts.document(path)
    if document is None:
        raise UnseenError
    return document


def _is_handed_back(node: ast.expr, document: Document) -> bool:
    """Whether what stands there is all that the function around it gives."""
    around = document.parents.get(node)
    return isinstance(around, (ast.Return, ast.Yield))


def _nodes_of(held: Held, contexts: Contexts, texts: Texts) -> Iterator[tuple[str, ast.expr]]:
    """Where the client stands under its name, each with the file."""
    if held.owner < 0 and held.function == 0 and is_told(held.path, held.name, contexts):
        raise UnseenError
    for path in sorted(_files_of(held, contexts)):
        for node in _mentions(held, path, _text(path, texts), contexts):
            if node is not None:
                yield path, node


def _files_of(held: Held, contexts: Contexts) -> set[str]:
    project = contexts.project
    if held.owner >= 0:
        return {held.path, *project.holding.get(held.name, ())}
    if held.function > 0:
        return {held.path}
    return {held.path, *project.importers_using(held.path, "name", held.name)}


def _mentions(held: Held, path: str, document: Document, contexts: Contexts) -> Iterator[ast.expr | None]:
    """The nodes that stand for the client in a file, other than where it is made."""
    if held.owner >= 0:
        yield from _attribute_mentions(held, path, document, contexts)
    elif path == held.path:
        yield from _own_mentions(held, document, contexts)
    else:
        yield from _imported_mentions(held, path, document, contexts)


def _own_mentions(held: Held, document: Document, contexts: Contexts) -> Iterator[ast.expr]:
    functions = contexts.project.facts[held.path].functions
    bound = [
        index
        for index, facts in enumerate(functions)
        if held.name in facts.bindings or any(p.name == held.name for p in facts.parameters)
    ]
    if bound != [held.function] and held.function == 0:
        raise UnseenError
    for node in document.uses.get(held.name, ()):
        if held.function > 0 and not _is_within(node, functions[held.function].line, document):
            continue
        if isinstance(node.ctx, ast.Load):
            yield node
        elif not _is_target(document.parents.get(node)):
            raise UnseenError


def _is_target(around: ast.AST | None) -> bool:
    return isinstance(around, (ast.Assign, ast.AnnAssign, ast.withitem))


def _is_within(node: ast.AST, line: int, document: Document) -> bool:
    inside: ast.AST | None = node
    while inside is not None:
        if isinstance(inside, (ast.FunctionDef, ast.AsyncFunctionDef)) and inside.lineno == line:
            return True
        inside = document.parents.get(inside)
    return False


def _imported_mentions(held: Held, path: str, document: Document, contexts: Contexts) -> Iterator[ast.expr]:
    module = held.path.removesuffix(".py").removesuffix("/__init__")
    names = set()
    for where, name, imported in contexts.project.imports_of(path):
        if name == "*" and contexts.project.value(imported, where) == Module(module):
            raise UnseenError
        if imported.name == held.name and _is_from(imported, path, module, contexts):
            names.add(name)
    for name in names:
        if name in document.rebound:
            raise UnseenError
        yield from document.uses.get(name, ())
    for node in document.parents:
        if isinstance(node, ast.Attribute) and node.attr == held.name:
            of = contexts.project.value(as_expression(node.value), Where(path))
            if isinstance(of, Module) and of.place == module:
                yield node


def _is_from(imported: Import, path: str, module: str, contexts: Contexts) -> bool:
    return contexts.project.modules.find(path, imported.level, imported.module) == module


def _attribute_mentions(held: Held, path: str, document: Document, contexts: Contexts) -> Iterator[ast.expr]:
    """`self.client` in the class, and `service.client` where that is known to be one of it."""
    owner = ProjectClass(held.path, held.owner)
    knows = path == held.path or path in contexts.project.importers_of(held.path)
    for node in document.parents:
        if not (isinstance(node, ast.Attribute) and node.attr == held.name):
            continue
        of = contexts.project.value(as_expression(node.value), _place(node, path, document, contexts))
        if isinstance(of, Object) and of.of == owner:
            if isinstance(node.ctx, ast.Load):
                yield node
            elif not _is_target(document.parents.get(node)):
                raise UnseenError
        elif of is None and knows:
            raise UnseenError


def _place(node: ast.AST, path: str, document: Document, contexts: Contexts) -> Where:
    """From where a name in the node is looked up."""
    index = enclosing(node, document, contexts.project.facts[path].functions)
    return Where(path, index, getattr(node, "lineno", 0))


def enclosing(node: ast.AST, document: Document, functions: Sequence[Function]) -> int:
    """The function that a node stands in, by its index; -1 in a lambda."""
    inside: ast.AST | None = document.parents.get(node)
    while inside is not None:
        if isinstance(inside, ast.Lambda):
            return -1
        if isinstance(inside, (ast.FunctionDef, ast.AsyncFunctionDef)):
            line = inside.lineno
            return next(i for i, f in enumerate(functions) if i and not f.is_lambda and f.line == line)
        inside = document.parents.get(inside)
    return 0


def _use(node: ast.expr, functions: Sequence[Function], path: str, document: Document) -> Use:
    tail: list[str] = []
    inner: ast.AST = node
    around = document.parents.get(inner)
    while isinstance(around, ast.Attribute):
        tail.append(around.attr)
        inner, around = around, document.parents.get(around)
    index = enclosing(node, document, functions)
    if not (tail and isinstance(around, ast.Call) and around.func is inner) or index < 0:
        raise UnseenError
    span = document.span(around)
    place = next((i for i, site in enumerate(functions[index].sites) if site.span == span), -1)
    if place < 0:
        raise UnseenError
    return Use(ProjectFunction(path, index), place, ".".join(tail))
