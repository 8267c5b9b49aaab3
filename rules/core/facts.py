"""What one file says of itself: small, portable, and free of its path.

Facts are read once for each git blob and kept. An expression is reduced to what name resolution and type inference ask
of it (`Expression`, None where it says nothing); a call keeps its place. Lines and columns start at 1, columns count
characters, an end is exclusive.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from rules.core.findings import Span

MOST_UNPACKED = 2_000_000
"""Bytes of packed bodies that are kept unpacked instead; a body takes some thirty times of that then."""


class Name(msgspec.Struct, frozen=True, array_like=True, tag="n", gc=False):
    """A name, looked up in the scopes around it."""

    id: str


class Attribute(msgspec.Struct, frozen=True, array_like=True, tag="a", gc=False):
    of: Expression
    name: str


class Call(msgspec.Struct, frozen=True, array_like=True, tag="c", gc=False):
    """A call; in `keywords` the key of a `**mapping` is empty."""

    callee: Expression
    arguments: tuple[Expression | None, ...] = ()
    keywords: tuple[tuple[str, Expression | None], ...] = ()


class Awaited(msgspec.Struct, frozen=True, array_like=True, tag="w", gc=False):
    of: Expression


class Entered(msgspec.Struct, frozen=True, array_like=True, tag="e", gc=False):
    """What `with` (or `async with`) binds."""

    of: Expression
    asynchronous: bool


class Element(msgspec.Struct, frozen=True, array_like=True, tag="i", gc=False):
    """What iterating (or unpacking) yields."""

    of: Expression
    asynchronous: bool = False


class Subscript(msgspec.Struct, frozen=True, array_like=True, tag="s", gc=False):
    """`of[items]`: a lookup at run time, arguments in a type."""

    of: Expression
    items: tuple[Expression | None, ...]


class Constant(msgspec.Struct, frozen=True, array_like=True, tag="k", gc=False):
    """A literal; None also stands for literals that say nothing (bytes, long text)."""

    value: str | int | float | bool | None
    kind: str


class Choice(msgspec.Struct, frozen=True, array_like=True, tag="o", gc=False):
    """One of several: `a or b`, `a if c else b`, `A | B`."""

    options: tuple[Expression, ...]


class Collection(msgspec.Struct, frozen=True, array_like=True, tag="l", gc=False):
    """A list, tuple or set display, the values of a dict display, or what a comprehension makes (`lazy`: a generator).

    `keys` are those of a dict's values, where they are texts (else empty); none where the values say nothing.
    """

    items: tuple[Expression | None, ...]
    lazy: bool = False
    keys: tuple[str, ...] = ()


class Computed(msgspec.Struct, frozen=True, array_like=True, tag="x", gc=False):
    """What an operator or a formatted text makes of these."""

    parts: tuple[Expression, ...]


class Typed(msgspec.Struct, frozen=True, array_like=True, tag="t", gc=False):
    """An object of the type that an annotation names."""

    annotation: Expression


class Import(msgspec.Struct, frozen=True, array_like=True, tag="m", gc=False):
    """`import module` (no name) or `from module import name`; `level` counts the leading dots."""

    level: int
    module: str
    name: str = ""


class Defined(msgspec.Struct, frozen=True, array_like=True, tag="f", gc=False):
    """A function or lambda of this file, by its place in `Facts.functions`."""

    index: int


class DefinedClass(msgspec.Struct, frozen=True, array_like=True, tag="d", gc=False):
    """A class of this file, by its place in `Facts.classes`."""

    index: int


Expression = (
    Name
    | Attribute
    | Call
    | Awaited
    | Entered
    | Element
    | Subscript
    | Constant
    | Choice
    | Collection
    | Computed
    | Typed
    | Import
    | Defined
    | DefinedClass
)


class Binding(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A value that a name (or attribute) is given at a line, inside the function with that index."""

    line: int
    value: Expression
    function: int = 0


class Narrowing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What `isinstance` tells of a name from one line to another: that it is of the type, or (`excluded`) that it is not."""

    name: str
    first_line: int
    last_line: int
    annotation: Expression
    excluded: bool = False


FAILURE = "!"
CANCELLED = "!cancelled"


class Site(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A call where it stands. Running through what is no call itself counts as one of its `__iter__` (or `__aiter__`).

    `statement`: the call is a whole statement, its value is dropped. `looped`: it stands in a loop or comprehension.
    `lazy`: it stands in a generator expression, so that no `await` may be put there. `guarded`: in a `try` body.
    `scripted`: under `if __name__ == "__main__"`. `entered`: it is the manager of a `with`. `iterated`: a loop runs over it.
    `suspending`: that `with` or loop is an `async` one. `use` tells what else is done with its value there and then:
    `tested` (for truth), `item`, `compared`, `computed`, `formatted`, `unpacked`, `called`, or an attribute behind a dot that is
    taken of it (`.json`); empty for anything else. `later`: it stands in a generator expression that nothing there runs through. `needs`: what has to hold of names for it
    to be reached, since it stands under a condition (see `rules.core.needs`).
    `FAILURE` among them: it stands where an exception is handled; `CANCELLED`: where a task is told to end.
    """

    call: Call
    line: int
    column: int
    end_line: int
    end_column: int
    awaited: bool = False
    statement: bool = False
    looped: bool = False
    lazy: bool = False
    guarded: bool = False
    scripted: bool = False
    entered: bool = False
    iterated: bool = False
    suspending: bool = False
    use: str = ""
    later: bool = False
    needs: tuple[str, ...] = ()

    @property
    def is_loop(self) -> bool:
        """Whether it is no call, but a loop over something."""
        return self.iterated and last_name(self.call.callee) in {"__iter__", "__aiter__"}

    @property
    def is_idle(self) -> bool:
        """Whether it runs while no request is served, or not there: in a script, as a task ends, in a lazy expression."""
        return self.scripted or self.later or CANCELLED in self.needs

    @property
    def span(self) -> Span:
        return Span(self.line, self.column, self.end_line, self.end_column)


class Manager(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a `with` enters without calling anything, from its first line to its last one."""

    of: Expression
    first_line: int
    last_line: int


class Parameter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`kind` is one of `positional`, `normal`, `star`, `keyword`, `mapping`."""

    name: str
    annotation: Expression | None
    default: Expression | None
    has_default: bool
    kind: str


class Function(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A function, method or lambda; the first of a file is the module's own body.

    `line`, `column` are those of `def` or `async def`, `first_line` that of the first decorator. `parent` is the function
    around it, `owner` the class that it is a method of (-1: none). `suspends` tells of `await`, `async for`, `async with`
    or an asynchronous comprehension in its own body, `loops` of any loop or comprehension. `managers` is what
    its `with` statements enter without calling anything, `held` those that a plain `with` holds while the body suspends, each as
    a call of its `__enter__`. `writes` are the names outside of it that it assigns to, or whose
    attributes or items it sets (with a dot behind it: what lies two steps below it), also by a local name for what another one holds, `narrowings` what it asks of types, `reads` those whose values it uses and,
    behind a dot, the attributes that it reads, `tested` those whose truth it asks for. `branches` are its `if` statements in which a
    name is given something that is given more than once: the first line below the condition, that below `else` (0: none), the last one.
    `bare` tells of a `return` without a value, `reraises` of a `raise` without one that stands in no `except` of its own.
    """

    name: str
    qualname: str
    line: int
    column: int
    first_line: int
    end_line: int
    asynchronous: bool
    generator: bool
    suspends: bool
    parent: int
    owner: int
    decorators: tuple[Expression | None, ...]
    parameters: tuple[Parameter, ...]
    returns: Expression | None
    bindings: dict[str, tuple[Binding, ...]]
    sites: tuple[Site, ...]
    results: tuple[Expression, ...]
    yields: tuple[Expression, ...]
    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    managers: tuple[Manager, ...] = ()
    loops: bool = False
    tested: tuple[str, ...] = ()
    narrowings: tuple[Narrowing, ...] = ()
    held: tuple[Site, ...] = ()
    branches: tuple[tuple[int, int, int], ...] = ()
    bare: bool = False
    reraises: bool = False

    @property
    def is_lambda(self) -> bool:
        return self.name == "<lambda>"

    @property
    def is_bound(self) -> bool:
        """Whether the first parameter is the object, or the class, that it is called on."""
        return self.owner >= 0 and not any(last_name(one) == "staticmethod" for one in self.decorators)


class Class(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A class: what its body binds, its methods by name, and what methods set on `self`."""

    name: str
    qualname: str
    line: int
    parent: int
    bases: tuple[Expression | None, ...]
    bindings: dict[str, tuple[Binding, ...]]
    methods: dict[str, int]
    attributes: dict[str, tuple[Binding, ...]]


class Outline(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What can be asked of a file without looking at its functions.

    `problem` tells a person why the file could not be read; it says nothing else then. `called` holds the last names of all
    that it calls, `decorating` of all that it decorates with, `coroutines` those of its `async def`s, `dropped` those of calls in them that are whole
    statements, `properties` those of methods that are read like attributes, `bases` the last
    names of what its classes derive from, `states` what it sets on a `.state` or on an object that is not `self`. `imports` is all that it imports anywhere, `dotted` texts that look like a name in one
    ("app.main.time"), as a mock is told. `mentions` counts how often a name (or, behind a dot, an attribute) is read other than to be called.
    `ignores` pairs a line with the names that a comment on it silences (`*`: all of them), line 0 speaks for the file.
    """

    problem: str = ""
    stars: tuple[Import, ...] = ()
    called: frozenset[str] = frozenset()
    decorating: frozenset[str] = frozenset()
    coroutines: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    imports: tuple[Import, ...] = ()
    properties: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    dotted: frozenset[str] = frozenset()
    mentions: dict[str, int] = {}
    ignores: tuple[tuple[int, tuple[str, ...]], ...] = ()

    @property
    def imported(self) -> frozenset[str]:
        """The names that it takes from other modules."""
        return frozenset(one.name for one in self.imports if one.name)


class Body(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The functions and classes of a file."""

    functions: tuple[Function, ...] = ()
    classes: tuple[Class, ...] = ()


class Facts:
    """All that one file says. Its body is packed, or unpacked while it is asked for: most never are.

    Of all facts in a process only some stay unpacked (`MOST_UNPACKED`), so what is taken from a body is compared by value.
    `weight` is the size of the packed body in bytes; of one that was just read, and may never have to be packed, a guess.
    The first of the `functions` is the module's own body; there is none where the file could not be read.
    """

    __slots__ = ("_packed", "classes", "functions", "outline", "weight")

    functions: Sequence[Function]
    classes: Sequence[Class]

    def __init__(self, outline: Outline, packed: bytes) -> None:
        self.outline = outline
        self.weight = len(packed)
        self._packed: bytes | None = packed

    @classmethod
    def of(cls, outline: Outline, body: Body, weight: int) -> Facts:
        """The facts of a file that was just read."""
        facts = cls.passing(outline, body)
        facts.weight = weight
        _unpacked.add(facts)
        return facts

    @classmethod
    def passing(cls, outline: Outline, body: Body) -> Facts:
        """The facts of a text that is looked at once: they stay unpacked as long as anybody holds them."""
        facts = cls(outline, b"")
        facts._packed, facts.functions, facts.classes = None, body.functions, body.classes
        return facts

    def __getattr__(self, name: str) -> object:
        """The functions or the classes, where the body is packed: Python asks here for what is not there."""
        if name not in {"functions", "classes"}:
            raise AttributeError(name)
        body = _bodies.decode(zlib.decompress(self.packed))
        self.functions, self.classes = body.functions, body.classes
        _unpacked.add(self)
        return getattr(body, name)

    @property
    def body(self) -> Body:
        return Body(tuple(self.functions), tuple(self.classes))

    @property
    def packed(self) -> bytes:
        if self._packed is None:
            self._packed = zlib.compress(_in_order.encode(self.body), 1)
        return self._packed

    def forget(self) -> None:
        """Keep the body packed until it is asked for again."""
        self._packed = self.packed
        del self.functions, self.classes

    def bound(self, name: str) -> tuple[Binding, ...]:
        """What the module itself binds to a name."""
        return self.functions[0].bindings.get(name, ()) if self.functions else ()

    def calls(self, name: str) -> bool:
        """Whether it calls anything by a name."""
        return name in self.outline.called

    @property
    def problem(self) -> str:
        return self.outline.problem

    def __reduce__(self) -> tuple[Callable[[bytes], Facts], tuple[bytes]]:
        """From process to process they go packed."""
        return decode_facts, (encode_facts(self),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Facts) and (self.outline, self.body) == (other.outline, other.body)

    def __hash__(self) -> int:
        return hash(self.outline.called)


class _Unpacked:
    """The facts of this process whose bodies are unpacked, the oldest first; the oldest give way."""

    def __init__(self) -> None:
        self.size = 0
        self._facts: deque[Facts] = deque()

    def add(self, facts: Facts) -> None:
        self._facts.append(facts)
        self.size += facts.weight
        while self.size > MOST_UNPACKED and len(self._facts) > 1:
            oldest = self._facts.popleft()
            self.size -= oldest.weight
            oldest.forget()


_unpacked = _Unpacked()
_encoder = msgspec.msgpack.Encoder(order="deterministic")
_in_order = (
    msgspec.msgpack.Encoder()
)  # names stay as the file binds them: facts say the same whether just read or unpacked
_bodies = msgspec.msgpack.Decoder(Body)
_stored = msgspec.msgpack.Decoder(tuple[Outline, bytes])


def encode_facts(facts: Facts) -> bytes:
    """The facts as bytes, for a store: a quarter of the size of the source."""
    return _encoder.encode((facts.outline, facts.packed))


def decode_facts(data: bytes) -> Facts:
    """Facts from the bytes that `encode_facts` made. Raises `ValueError` where they are something else."""
    try:
        outline, packed = _stored.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no facts: {error}") from error
    return Facts(outline, packed)


def names_in(expression: Expression | None) -> set[str]:
    """The names that an expression reads, those of its arguments among them."""
    match expression:
        case Name(id=name):
            return {name}
        case Attribute(of=of) | Awaited(of=of) | Entered(of=of) | Element(of=of):
            return names_in(of)
        case Call(callee=callee, arguments=arguments, keywords=keywords):
            return _all_names((callee, *arguments, *(value for _, value in keywords)))
        case Subscript(of=of, items=items):
            return _all_names((of, *items))
        case Choice(options=parts) | Collection(items=parts) | Computed(parts=parts):
            return _all_names(parts)
        case _:
            return set()


def attributes_in(expression: Expression | None) -> Iterator[Attribute]:
    """The attributes that an expression reads, those of its arguments among them."""
    match expression:
        case Name() | Constant():  # as most are
            return
        case Attribute(of=of):
            yield expression
            yield from attributes_in(of)
        case Awaited(of=of) | Entered(of=of) | Element(of=of):
            yield from attributes_in(of)
        case Call(callee=callee, arguments=arguments, keywords=keywords):
            for part in (callee, *arguments, *(value for _, value in keywords)):
                yield from attributes_in(part)
        case Subscript(of=of, items=items):
            for part in (of, *items):
                yield from attributes_in(part)
        case Choice(options=parts) | Collection(items=parts) | Computed(parts=parts):
            for part in parts:
                yield from attributes_in(part)


def _all_names(expressions: Iterable[Expression | None]) -> set[str]:
    return set().union(*map(names_in, expressions))


def last_name(expression: Expression | None) -> str:
    """`c` of `a.b.c`, empty for anything that does not end in a name."""
    if type(expression) is Attribute:  # asked all the time: `isinstance` takes six times as long with a struct
        return expression.name
    return expression.id if type(expression) is Name else ""


def class_name(base: Expression | None) -> str:
    """The last name of what a class derives from: `Base` of `models.Base[int]`."""
    return last_name(base.of if isinstance(base, Subscript) else base)


def show(expression: Expression | None) -> str:
    """The expression as a person would recognise it, parts that facts do not hold as an ellipsis."""
    match expression:
        case Name(id=text):
            return text
        case Attribute(of=of, name=name):
            return f"{show(of)}.{name}"
        case Call(callee=callee, arguments=arguments, keywords=keywords):
            shown = [show(a) for a in arguments] + [f"{key}={show(value)}" for key, value in keywords]
            return f"{show(callee)}({', '.join(shown)})"
        case Awaited(of=of):
            return f"(await {show(of)})"
        case Subscript(of=of, items=items):
            return f"{show(of)}[{', '.join(map(show, items))}]"
        case Constant(value=value, kind=kind):
            return repr(value) if value is not None or kind == "NoneType" else "…"
        case _:
            return "…"
