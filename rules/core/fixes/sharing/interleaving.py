"""What a function changes of what requests share, and whether others come between that and what it asks of the same.

On the event loop nothing comes between two lines that await nothing. What stands on one side of a new `await` only, other
requests find as they always did.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby, pairwise
from operator import attrgetter

import msgspec

from rules.core.contexts import Contexts, told_once
from rules.core.facts import Attribute, Call, Element, Expression, Function, Name, Subscript
from rules.core.findings import Span
from rules.core.fixes.document import Document
from rules.core.fixes.sharing.holding import Holding, holdings
from rules.core.fixes.sharing.order import order_around
from rules.core.fixes.sharing.owning import holds_new, is_shared, own_name
from rules.core.fixes.sharing.pauses import stretch_around
from rules.core.library import Role
from rules.core.syntax import walk
from rules.core.usage import reached
from rules.core.values import Object, Outside, ProjectFunction, Value, Where

_TAKING = frozenset({"clear", "pop", "popitem", "remove", "discard"})
_STATE = ("app", "state")
_ENVIRONMENT = ("os", "environ")
"""Any library may ask that, and any program that is started."""
_UNTOLD = "[]"
_MOST = 3  # a name, and what is asked of it, by which two things are told apart
_DEEPEST = 3  # local names, from one to what the first of them stands for

_Path = tuple[str, ...]
"""A name and what is asked of it, attributes and `[keys]`, as far as that is told."""
_Held = Mapping[str, Sequence[Holding]]
"""What is put into something, by the names that this goes by."""
_holder = attrgetter("holder")
_Meant = tuple[_Path, bool]
"""What a local name stands for, and whether that is only an item of it."""


class _Touch(msgspec.Struct, frozen=True):
    """A name where it stands, and what that may mean; `item` tells that it holds what lay in that only, `held` that it stands for
    something else, in which that lies.
    """

    node: ast.Name
    path: _Path
    item: bool
    held: bool = False


class _Change(msgspec.Struct, frozen=True):
    """A change of what is shared: of that itself, or of what lies `inside`. `gone` tells that it takes something away, and no more.

    `of` is what is another one in itself then: `rows` of `rows.append(...)`, `rows["a"] = ...`.
    """

    node: ast.AST
    name: str
    path: _Path
    of: _Path
    inside: bool
    gone: bool


class Changing(msgspec.Struct, frozen=True):
    """What is known to change something shared in a function: calls, and names that are given something, or in which that lies."""

    calls: frozenset[Span]
    names: frozenset[str]


def comes_between(
    span: Span, function: ProjectFunction, changing: Changing, contexts: Contexts, document: Document
) -> bool:
    """Whether others that run while a call is awaited can come between what the function changes and what else it does with the same.

    Also where that cannot be told, since a change is not found.
    """
    facts = contexts.project.function(function)
    call, definition = document.call_at(span), document.function_at(facts.line)
    if call is None or definition is None or document.function_around(call) is not definition:
        return True
    known = f"what {facts.qualname} changes at line {facts.line}"
    uses = document.told(known, lambda: _uses(_Reading(function, contexts, document, definition), changing))
    if not uses:
        return uses is None
    stretch = stretch_around(call, function, contexts, document)
    order = order_around(call, document, repeated=stretch.repeated)
    root = contexts.root_of(function)
    is_passed_on = root is not None and root.role is not Role.ENDPOINT
    inside = {*walk(call)}
    for change, all_asking in uses:
        asking = all_asking - inside if change.node is call else all_asking  # what a thread does is told elsewhere
        asking = set(filter(stretch.holds, asking))
        if change.node is call and _is_of_library(call, function, contexts, document):
            return True
        if not stretch.holds(change.node):
            continue
        is_seen = change.gone or is_passed_on or change.path[:2] == _ENVIRONMENT
        if order.is_before(change.node) and (is_seen or any(map(order.is_after, asking))):
            return True
        if order.is_after(change.node) and any(map(order.is_before, asking)):
            return True
    return False


def _is_of_library(call: ast.Call, function: ProjectFunction, contexts: Contexts, document: Document) -> bool:
    """Whether a call is one of a library, which may ask and change its object before and after it waits itself."""
    span = document.span(call)
    sites = (one for one in contexts.project.function(function).sites if one.span == span)
    called = (contexts.project.value(one.call.callee, Where(function.path, function.index, one.line)) for one in sites)
    return any(isinstance(one, Outside) for one in called)


def _uses(reading: "_Reading", changing: Changing) -> list[tuple[_Change, AbstractSet[ast.AST]]] | None:
    """What the function changes of what is shared, each with all that asks of the same; None where that cannot be told."""
    changes = [*reading.changes(changing)]
    words = {_word(one.path) for one in changes}
    if not reading.are_all(changes, changing) or _is_touched_elsewhere(words, reading.function, reading.contexts):
        return None
    touches = [*reading.touches()]
    calls = {word: {*reading.calls_with(word)} for word in words}
    return [
        (one, calls[_word(one.path)].union(touch.node for touch in touches if _is_alike(one, touch))) for one in changes
    ]


def _is_alike(change: _Change, touch: _Touch) -> bool:
    """Whether a name stands for what changes, for what that lies in, or for what lies in that."""
    if touch.held:
        return change.of[: len(touch.path)] == touch.path
    is_same = all(one == other for one, other in zip(change.path, touch.path, strict=False))
    return is_same and (change.inside or not touch.item)


def _word(path: _Path) -> str:
    """The last name of what is shared, by which other functions know it, too."""
    return [one for one in path if not one.startswith("[")][-1]


class _Reading(msgspec.Struct, frozen=True):
    """The reading of one function."""

    function: ProjectFunction
    contexts: Contexts
    document: Document
    definition: ast.FunctionDef | ast.AsyncFunctionDef
    _meant: dict[str, frozenset[_Meant]] = msgspec.field(default_factory=dict)

    @property
    def _facts(self) -> Function:
        return self.contexts.project.function(self.function)

    def are_all(self, changes: Iterable[_Change], changing: Changing) -> bool:
        """Whether nothing else changes what is shared."""
        found = {one.node for one in changes}
        calls = (one for one in walk(self.definition) if isinstance(one, ast.Call) and one not in found)
        missing = any(self.document.span(one) in changing.calls for one in calls)
        return bool(found) and not missing and changing.names <= {one.name for one in changes}

    def touches(self) -> Iterator[_Touch]:
        """Every name that stands in the function."""
        held = {name: [*some] for name, some in groupby(sorted(holdings(self.definition), key=_holder), _holder)}
        for node in walk(self.definition):
            if isinstance(node, ast.Name) and not self._is_only_fetched(node):
                parts = self._parts(node)[1]
                for path, item in (((node.id,), False), *self._stands_for(node.id)):
                    yield _Touch(node, path if item else _path((*path, *parts)), item)
                key = parts[0] if parts and _is_key(parts[0]) and parts[0] != _UNTOLD else ""
                if node.id in held and node.id in self._facts.bindings:
                    yield from (_Touch(node, path, item=False, held=True) for path in self._held_by(node, key, held))

    def _held_by(self, node: ast.Name, key: str, held: _Held, depth: int = 0) -> Iterator[_Path]:
        """What lies in what a local name stands for, under a key if one is given."""
        above = [one for one in held.get(node.id, ()) if one.line <= node.lineno] if depth < _DEEPEST else []
        for one in above:
            root, attributes = _asked_of(one.value)
            if root is None or (key and one.key and key != one.key):
                continue
            if not one.deep:
                means = self._stands_for(root.id) or {((root.id,), False)}
                yield from (_path((*path, *attributes)) for path, item in means if not item)
            if not attributes:
                yield from self._held_by(root, "", held, depth + 1)

    def _is_only_fetched(self, node: ast.Name) -> bool:
        """Whether a local name is only given something there, or a function called that gives it, or a method of the own object, which
        tells itself what it asks of that.
        """
        if isinstance(node.ctx, ast.Store):
            return node.id not in self._facts.writes
        around = self.document.parents.get(node)
        if node.id in own_name(self._facts) and isinstance(around, ast.Attribute):
            call = self.document.parents.get(around)
            return isinstance(call, ast.Call) and call.func is around and self._leads_somewhere(call)
        return isinstance(around, ast.Call) and around.func is node

    def _leads_somewhere(self, call: ast.Call) -> bool:
        """Whether a call runs a function of the project."""
        span = self.document.span(call)
        places = (place for place, site in enumerate(self._facts.sites) if site.span == span)
        return any(self.contexts.targets(self.function, place) for place in places)

    def changes(self, changing: Changing) -> Iterator[_Change]:
        """What the function changes of what is shared."""
        for node in walk(self.definition):
            if not isinstance(node, ast.Name) or self.document.function_around(node) is not self.definition:
                continue
            top, parts = self._parts(node)
            around = self.document.parents.get(top)
            if isinstance(getattr(top, "ctx", None), (ast.Store, ast.Del)) and self._is_shared(node.id, len(parts)):
                gone = isinstance(around, ast.Delete)
                yield from self._changed(top, node.id, parts, inside=any(map(_is_key, parts[:-1])), gone=gone)
            for call in self._calls_with(top):
                if self.document.span(call) in changing.calls:
                    dropped = isinstance(self.document.parents.get(call), ast.Expr)
                    gone = dropped and isinstance(call.func, ast.Attribute) and call.func.attr in _TAKING
                    yield from self._changed(call, node.id, parts, inside=any(map(_is_key, parts)), gone=gone)

    def _calls_with(self, node: ast.AST) -> Iterator[ast.Call]:
        """The calls that may change what a node stands for, or what lies in that: `setattr` is given it, it is what is called, its
        method is, or one of what such a call gives.
        """
        while (around := self.document.parents.get(node)) is not None:
            if isinstance(around, ast.Call):
                if around.func is not node and not (isinstance(around.func, ast.Name) and around.args[:1] == [node]):
                    return
                yield around
            elif not isinstance(around, ast.Attribute):
                return
            node = around

    def _changed(self, node: ast.AST, name: str, parts: _Path, *, inside: bool, gone: bool) -> Iterator[_Change]:
        value = self.contexts.project.value(Name(name), Where(self.function.path, self.function.index))
        if len(parts) == 1 and (
            isinstance(value, Outside) or (isinstance(value, Object) and isinstance(value.of, Outside))
        ):
            parts = ()  # what a library reads of its own module or object, nobody knows
        for path, item in self._stands_for(name) or {_meant(value) or ((name,), False)}:
            whole = path if item else (*path, *parts)
            of = whole if item or isinstance(node, ast.Call) else whole[:-1]
            yield _Change(node, name, _path(whole), _path(of), inside or item, gone)

    def _is_shared(self, name: str, steps: int) -> bool:
        facts = self._facts
        if name in own_name(facts):
            return steps > 0
        if f"{name}." in facts.writes and steps > 2 and not holds_new(name, self.function, self.contexts):
            return True
        return name in facts.writes and is_shared(name, facts, self.function, self.contexts)

    def _parts(self, node: ast.Name) -> tuple[ast.expr, _Path]:
        """What is asked of a name where it stands, and the node of all that; a method that is called there is no part of it."""
        top: ast.expr = node
        parts: list[str] = []
        around = self.document.parents.get(top)
        while isinstance(around, (ast.Attribute, ast.Subscript)) and around.value is top:
            call = self.document.parents.get(around)
            if isinstance(around, ast.Attribute) and isinstance(call, ast.Call) and call.func is around:
                break
            parts.append(around.attr if isinstance(around, ast.Attribute) else _key(around.slice))
            top, around = around, call
        return top, tuple(parts)

    def _stands_for(self, name: str, depth: int = 0) -> frozenset[_Meant]:
        """What a local name stands for."""
        if name not in self._meant:
            self._meant[name] = frozenset()  # a name that is given itself
            values = (binding.value for binding in self._facts.bindings.get(name, ()))
            self._meant[name] = frozenset(one for value in values for one in self._meant_by(value, depth))
        return self._meant[name]

    def _meant_by(self, value: Expression, depth: int) -> Iterator[_Meant]:
        match value:
            case Name(id=name) if depth < _DEEPEST:
                yield from self._stands_for(name, depth + 1) or {((name,), False)}
            case Attribute(of=of, name=name):
                yield from ((path if item else (*path, name), item) for path, item in self._meant_by(of, depth))
            case Subscript(of=of) | Element(of=of) | Call(callee=Attribute(of=of)):
                yield from ((path, True) for path, _ in self._meant_by(of, depth))
            case Call(callee=Name() as callee):
                yield (callee.id,), False  # what a function gives may be the same each time
            case _:
                pass

    def calls_with(self, word: str) -> Iterator[ast.AST]:
        """The calls that lead to functions which use something of that name."""
        places = {site.span: place for place, site in enumerate(self._facts.sites)}
        for node in walk(self.definition):
            place = places.get(self.document.span(node)) if isinstance(node, ast.Call) else None
            targets = self.contexts.targets(self.function, place) if place is not None else ()
            if any(word in _words(inner, self.contexts) for one in targets for inner in reached(one, self.contexts)):
                yield node


def _meant(value: Value | None) -> _Meant | None:
    """What the environment is, by whatever name it goes."""
    return (_ENVIRONMENT, False) if isinstance(value, Outside) and value.name == ".".join(_ENVIRONMENT) else None


def _path(parts: _Path) -> _Path:
    """As much of a path as tells two things apart: what follows a key that is not told may be the same, or not."""
    for place, pair in enumerate(pairwise(parts)):
        if pair == _STATE:
            parts = (".".join(_STATE), *parts[place + 2 :])
            break
    told = parts.index(_UNTOLD) if _UNTOLD in parts else len(parts)
    return parts[:told][:_MOST]


def _asked_of(value: ast.expr) -> tuple[ast.Name | None, _Path]:
    """The name that an expression begins with, and the attributes that are asked of it; no name where it is anything else."""
    parts: list[str] = []
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    return value if isinstance(value, ast.Name) else None, tuple(reversed(parts))


def _is_key(part: str) -> bool:
    return part.startswith("[")


def _key(node: ast.expr) -> str:
    return f"[{node.value}]" if isinstance(node, ast.Constant) and isinstance(node.value, str) else _UNTOLD


@told_once
def _words(function: ProjectFunction, contexts: Contexts) -> frozenset[str]:
    """The names and attributes that a function reads or writes."""
    facts = contexts.project.function(function)
    bound = (part for name in facts.bindings if "." in name for part in name.partition("[")[0].split("."))
    said = (part for site in facts.sites for part in _said_by(site.call.callee))
    return frozenset((*(one.strip(".") for one in (*facts.reads, *facts.writes)), *bound, *said))


def _said_by(callee: Expression | None) -> Iterator[str]:
    while isinstance(callee, (Attribute, Subscript)):
        if isinstance(callee, Attribute):
            yield callee.name
        callee = callee.of
    if isinstance(callee, Name):
        yield callee.id


def _is_touched_elsewhere(words: AbstractSet[str], function: ProjectFunction, contexts: Contexts) -> bool:
    """Whether what is called for the same request before or after a function may use something of these names."""
    own = {*reached(function, contexts)}
    others = {one for one in _around(function, contexts) if one not in own}
    return any(not words.isdisjoint(_words(one, contexts)) for one in others)


def _around(function: ProjectFunction, contexts: Contexts) -> Iterable[ProjectFunction]:
    for arrival in contexts.arrivals.get(function, ()):
        yield from reached(arrival.root.function, contexts)
        for dependency in contexts.needed(arrival.root):
            yield from reached(dependency, contexts)
