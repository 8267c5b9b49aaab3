"""What is known of packages that a project uses: the shape of the rows under `rules/libraries/`.

A name is dotted and public ("requests.get", "sqlalchemy.orm.Session.commit"); a method belongs to the class that defines
it. A row that ends in `.*` speaks of every member of a class that no other row names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

import msgspec

from rules.core.facts import Call, Entered, Expression, Function, Name, Site


class Weight(Enum):
    """What a blocking call does while it blocks."""

    WAIT = "waits for a network, a database, a process or the clock"
    CPU = "computes for long"
    FILE = "reads or writes local files"


def always(_site: Site, _function: Function) -> bool:
    """Every call blocks."""
    return True


def origins(receiver: Expression, function: Function, line: int) -> list[tuple[Call, bool]]:
    """The calls of the function from which a receiver comes at a line, each with whether a `with` has entered it."""
    bindings = function.bindings.get(receiver.id, ()) if isinstance(receiver, Name) else ()
    last = max((binding.line for binding in bindings if binding.line <= line), default=None)
    values = [b.value for b in bindings if last in {None, b.line}] if isinstance(receiver, Name) else [receiver]
    made = [(value.of, True) if isinstance(value, Entered) else (value, False) for value in values]
    return [(call, entered) for call, entered in made if isinstance(call, Call)]


class Twin(msgspec.Struct, frozen=True):
    """An awaitable that takes the same arguments and gives the same result.

    `name` is its dotted name; `instead` are equals of other packages, taken where the file has imported one already. One that
    `wraps` stands for a method without arguments, and is given the object instead.
    """

    name: str
    instead: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    wraps: bool = False


class Managed(msgspec.Struct, frozen=True):
    """What may be done with what a manager of `async with` gives: `iterated` are run through by `async for` (empty: itself),
    `awaited` methods are awaited, `quick` is read as it is. Of `renamed` the name is another one.
    """

    iterated: frozenset[str] = frozenset()
    awaited: frozenset[str] = frozenset()
    quick: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = msgspec.field(default_factory=dict)


class Counterpart(msgspec.Struct, frozen=True):
    """A class whose methods are awaited, for one of the same package whose methods block.

    Members are named by their whole path behind an instance ("chat.completions.create"). `awaited` block in the one and are
    awaited in the other; `streamed` are those of them that give an asynchronous iterator where `stream=True` is given; `entered`
    are managers of `async with`, each with what may be done with what it gives; `quick` are called as they are. Of `renamed`
    the name is another one. `makers` are the functions that make an instance, each with what makes the other one;
    `refused` are arguments to them that would have to be of another kind. Making a `heavy` one computes for
    long, so that it must not move to the event loop; one that is `bound` can be made there only. One that `closes` gives up its
    connections where nothing holds it any longer; any other has to be closed by those who make one for each request.

    One of another package has the methods that the borrowers of the functions of the package `asks` tell of; it is `made`
    with these arguments.
    """

    of: str
    instead: str
    awaited: frozenset[str]
    streamed: frozenset[str] = frozenset()
    entered: Mapping[str, Managed] = msgspec.field(default_factory=dict)
    iterated: frozenset[str] = frozenset()
    quick: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = msgspec.field(default_factory=dict)
    makers: Mapping[str, str] = msgspec.field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    heavy: bool = False
    bound: bool = False
    closes: bool = False
    notes: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    asks: str = ""
    made: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def package(self) -> str:
        """The package of the other class."""
        return self.instead.partition(".")[0]


class Ending(msgspec.Struct, frozen=True):
    """How a query asks the database, and the method of a result that gives the same of a statement.

    `objects` where the query is for one class, `rows` for anything else; empty where nothing does. With `one` the
    statement is limited to one row before.
    """

    objects: str
    rows: str
    one: bool = False


class Sessions(msgspec.Struct, frozen=True):
    """A class of sessions whose methods block, and the class of those whose methods are awaited, for the same database.

    What is awaited of the other class, the rows of its coroutines tell, but that what the `unlike` ones give is of another kind.
    `quick` methods are called and `attributes` read as they are, `entered` are managers of `async with`. After a method of `expiring`, objects load again what is read of them, unless
    the session was told otherwise when it was made; after one of `losing` they always do, and `refresh` is the one that loads them.
    `bridge` is the method of the other class that runs a function with a session of this one.
    `factories` make factories of either class, `engines` make what a session asks: for each the one that makes the other kind.
    What the method `query` makes is built by methods of the names in `building`, as a `select` is, and ends in one of `endings`.
    `same` pairs the drivers of the one class with those of the other that behave alike; `drivers` names for the dialect
    or driver of an address the asynchronous one that is usual, where it pays.
    """

    of: str
    instead: str
    quick: frozenset[str]
    unlike: frozenset[str]
    attributes: frozenset[str]
    entered: frozenset[str]
    expiring: frozenset[str]
    losing: frozenset[str]
    refresh: str
    bridge: str
    factories: frozenset[str]
    engines: Mapping[str, str]
    query: str
    building: frozenset[str]
    endings: Mapping[str, Ending]
    same: frozenset[tuple[str, str]]
    drivers: Mapping[str, str]


class Lasting(msgspec.Struct, frozen=True):
    """A class of clients of which requests may share one, that `async with` opens for as long as the application runs.

    The application keeps it under the `name`. It is made with `constant` arguments, which say nothing of one request; `asking`
    methods send one, and a client may be asked by several of those that are `reading`, which share no login. `own` are
    arguments of a request that may tell who asks, an empty one those of a mapping. `limits` are given to the member `Limits` of its package, so
    that as many requests may wait as when each had a client of its own.
    """

    of: str
    name: str
    constant: frozenset[str]
    asking: frozenset[str]
    reading: frozenset[str]
    own: frozenset[str] = frozenset()
    limits: str = ""
    notes: tuple[str, ...] = ()


class Streaming(msgspec.Struct, frozen=True):
    """How an answer of another package is read bit by bit, where the call is told `stream=True`.

    `async with` enters what the `method` of the client gives, which takes the verb first. `chunks` and `lines` map what is run
    through by `for` to what is run through by `async for`; lines are bytes in the one and text in the other, which the functions
    of `reading` take alike. What is `copied` to a file as it comes, by one of the functions `copying`, is run through there and written. `answer` and `awaited` are as those of a `Borrower`, of whose `exceptions` these mean the same also where
    reading raises them. `said` holds a note for each part that only some
    answers have, and for `sent` where chunks are sent on as they come.
    """

    method: str
    chunks: Mapping[str, str]
    lines: Mapping[str, str]
    reading: frozenset[str]
    copied: Mapping[str, str]
    copying: frozenset[str]
    answer: Mapping[str, str]
    awaited: Mapping[str, str]
    exceptions: frozenset[str]
    said: Mapping[str, str]


class Borrower(msgspec.Struct, frozen=True):
    """A function that makes a client for one call, and the `method` of a `client` that makes the same call.

    `keywords` are the arguments that mean the same there, each with its name there; a call with others is left alone.
    `added` are arguments that keep the defaults of the function: all of them, or where the class is of the same package
    (there is no `answer`), those that the client was made with. `values` are texts with `{}` for the value of an argument that
    has to be another one there.

    `answer` names what may be taken of the answer of another package, each with its name there; `awaited` what is awaited
    there ("json()" for a call without arguments), `negated` what is the contrary of something there ("ok" of "is_error"). What is
    `shown` means a little less there, and is taken only where a person reads it, in what is logged or raised. `exceptions` maps what the function raises to all that stands for it there,
    members of the package of the client where they hold no dot. `response` tells whether those have the answer as `.response`, as
    the old ones have. `said` holds a note for each argument, or (behind a dot) part of the answer, that only some calls have; `places` tells how
    many arguments stand before those with names, the address last; `pool` is a note on a client that holds few connections.
    `streaming` tells of calls with `stream=True`; there are none where nothing does.
    """

    name: str
    method: str
    client: str
    keywords: Mapping[str, str]
    added: Mapping[str, str]
    values: Mapping[str, str] = msgspec.field(default_factory=dict)
    answer: Mapping[str, str] = msgspec.field(default_factory=dict)
    awaited: Mapping[str, str] = msgspec.field(default_factory=dict)
    exceptions: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    response: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    negated: Mapping[str, str] = msgspec.field(default_factory=dict)
    shown: frozenset[str] = frozenset()
    said: Mapping[str, str] = msgspec.field(default_factory=dict)
    places: int = 1
    pool: str = ""
    streaming: Streaming | None = None

    @property
    def package(self) -> str:
        """The package of the client."""
        return self.client.partition(".")[0]

    @property
    def is_other(self) -> bool:
        """Whether the answer is one of another package."""
        return bool(self.answer)


class Blocking(msgspec.Struct, frozen=True):
    """Callables that block, and the rule that speaks of them; `when` tells whether one call, in its function, is to count.

    What is `lazy` blocks where its result is run through, not where it is called; what `opens` something blocks again where
    that is read, so that handing over the call alone would not do. What is `unknown` counts where something
    that it is given comes from a request, or in a loop: a file that the program names itself is one that it brings along.
    What is `either` gives something to await where it is given a client whose methods are awaited.
    What names an argument as `first` blocks in the first call on an object that was made without that argument, so it counts
    where the object is made for each request. `cost` says in a clause what comes of it, where its weight does not tell.
    """

    rule: str
    names: tuple[str, ...]
    weight: Weight = Weight.WAIT
    twin: Twin | None = None
    lazy: bool = False
    opens: bool = False
    unknown: bool = False
    either: bool = False
    first: str = ""
    cost: str = ""
    when: Callable[[Site, Function], bool] = always


class Offload(msgspec.Struct, frozen=True):
    """A callable that runs another one in a worker thread: the one at `argument` (or the keyword `keyword`)."""

    name: str
    argument: int = 0
    keyword: str = ""

    def handed(self, call: Call) -> Expression | None:
        """What a call of it hands over."""
        if len(call.arguments) > self.argument:
            return call.arguments[self.argument]
        return dict(call.keywords).get(self.keyword) if self.keyword else None


class Rows(Enum):
    """What a callable makes of the rows that a query asks for, or its result holds."""

    OF_OWNER = "a query for rows of the class that it is called on"
    OF_ARGUMENT = "a query for rows of the class that it is given first"
    KEPT = "a query, or a result, of the rows of what it is called on"
    ASKED = "a result with the rows that the query asks for which it is given first"
    ASKED_AS_TUPLES = "a result with tuples of the rows that the query asks for which it is given first"
    KEPT_OF_TUPLES = "a result of the first row in each tuple of what it is called on"
    ONE_OF_TUPLES = "the first row in one of the tuples of what it is called on"
    ONE = "one of the rows of what it is called on"
    MANY = "a list of the rows of what it is called on"
    ONE_ASKED = "one of the rows that the query asks for which it is given first"
    ONE_OF_ARGUMENT = "a row of the class that it is given first"
    ONE_OF_OWNER = "a row of the class that it is called on"


class Role(Enum):
    """As what a framework calls a function, and how a person would name that."""

    ENDPOINT = "endpoint"
    DEPENDENCY = "dependency"
    MIDDLEWARE = "middleware"
    HANDLER = "exception handler"
    WEBSOCKET = "websocket"
    BACKGROUND = "background task"
    VALIDATOR = "validator"
    SERIALIZER = "serializer"
    TOOL = "tool"
    NODE = "graph node"
    STARTUP = "startup or shutdown code"


class Registration(msgspec.Struct, frozen=True):
    """A callable that hands a function to the framework: as a decorator, or at `argument` (or under `keyword`).

    `verb` is what a route is called by ("GET"), unless the keyword `methods` names others; its path is the first argument then.
    """

    name: str
    role: Role
    argument: int | None = None
    keyword: str = ""
    verb: str = ""
    methods: str = ""


class Library(msgspec.Struct, frozen=True):
    """What is known of one package, or of one family of them.

    `results` maps a callable to the class of what it returns (`self`: the class that the method belongs to);
    `factories` maps a class whose instances are called to what that gives; `attributes` maps an attribute to its class;
    `bases` maps a class to those that it inherits from; `aliases` maps a name to the one that the rows use;
    `singletons` are objects of a module, of which `attributes` tells as of classes, and which are others for each request; `rows` tells of callables what they make of the rows of a query;
    `coroutines` are functions that return an awaitable, `quick` those that neither wait nor compute for long;
    `twins` maps a method that blocks to the one of the same object that is awaited, and gives the same; `successors` are
    counterparts of other packages;
    `callers` call the function at their first argument, or under `key=`, at once, `schedulers` the one at a place on the event loop
    as soon as it is free, `operators` the method of that name of their first argument; `wrappers` make (or, in brackets, stand for)
    a callable that calls their first argument; instances of `thread_bound` classes belong to the thread that made them, those
    of `exclusive` classes serve one thread at a time, and those of `per_thread` classes are another object in each thread. What
    a `with` enters, or what is called without an object, may belong to a thread in the same way. `current` callables
    ask for the application that is current in their thread, unless they are given an `app`, and so do the methods of what they decorate.
    What `transactional` objects change stays locked until they commit. `pooled` callables give a place in a pool that has few, and `failing` ones fail at once where none is left, each with the place and the name of the argument that
    tells their class how many there are. `process_wide` ones change what all threads of the process share, `main_thread` ones belong to its main thread.
    No two threads may run `unthreaded` callables at once, whatever these work on.
    Several threads may use one object of a `concurrent` class, or package, at once, as of all that the other rows speak of but for `unproven` ones,
    whose makers do not say so. `changing` methods change the object that they are called on for all that use it, those of `remembering` classes
    what the class was given under that name: a chain writes each question into its memory.
    """

    name: str
    blocking: tuple[Blocking, ...] = ()
    results: Mapping[str, str] = msgspec.field(default_factory=dict)
    factories: Mapping[str, str] = msgspec.field(default_factory=dict)
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict)
    singletons: frozenset[str] = frozenset()
    rows: Mapping[str, Rows] = msgspec.field(default_factory=dict)
    bases: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    aliases: Mapping[str, str] = msgspec.field(default_factory=dict)
    coroutines: frozenset[str] = frozenset()
    quick: frozenset[str] = frozenset()
    twins: Mapping[str, str] = msgspec.field(default_factory=dict)
    counterparts: tuple[Counterpart, ...] = ()
    successors: tuple[Counterpart, ...] = ()
    borrowers: tuple[Borrower, ...] = ()
    lasting: tuple[Lasting, ...] = ()
    sessions: tuple[Sessions, ...] = ()
    offloads: tuple[Offload, ...] = ()
    registrations: tuple[Registration, ...] = ()
    callers: frozenset[str] = frozenset()
    schedulers: Mapping[str, int] = msgspec.field(default_factory=dict)
    operators: Mapping[str, str] = msgspec.field(default_factory=dict)
    wrappers: frozenset[str] = frozenset()
    thread_bound: frozenset[str] = frozenset()
    exclusive: frozenset[str] = frozenset()
    per_thread: frozenset[str] = frozenset()
    current: frozenset[str] = frozenset()
    transactional: frozenset[str] = frozenset()
    pooled: frozenset[str] = frozenset()
    failing: Mapping[str, tuple[int, str]] = msgspec.field(default_factory=dict)
    process_wide: frozenset[str] = frozenset()
    main_thread: frozenset[str] = frozenset()
    unthreaded: frozenset[str] = frozenset()
    concurrent: frozenset[str] = frozenset()
    unproven: frozenset[str] = frozenset()
    changing: frozenset[str] = frozenset()
    remembering: Mapping[str, str] = msgspec.field(default_factory=dict)
