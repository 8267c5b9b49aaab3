"""The check behind every rule of blocking calls: which calls, made on the event loop, come to block it.

A remark stands in the `async def` that the remedy belongs to: at the blocking call itself, or at the call that leads from
asynchronous code into the `def` helpers that block. Code that the framework calls on the loop though it is `def` (a
middleware's helper) is treated alike.
"""

import builtins
from collections.abc import Iterator

from msgspec.structs import replace

from rules.core.arrivals import Arrival
from rules.core.contexts import Contexts
from rules.core.facts import Function, Site, last_name, show
from rules.core.findings import Severity
from rules.core.library import Role, Weight
from rules.core.remarks import Remark, Remedy
from rules.core.roots import Root
from rules.core.sinks import Sink
from rules.core.values import ProjectFunction, Where

IN_VALIDATOR = (
    "FastAPI reads requests on the event loop, also those of a `def` endpoint. Ask in the endpoint or in a `def` dependency "
    "instead, which run in a worker thread."
)
IN_SERIALIZER = (
    "FastAPI turns what an endpoint returns into text on the event loop, also for a `def` endpoint. Work the value out in the "
    "endpoint, and give it to the model."
)
IN_PROPERTY = (
    "Reading a property runs its code where it is read. Read it in a `def` helper, and call that with "
    "`await run_in_threadpool(helper, ...)` from `fastapi.concurrency`."
)
SCHEDULED = (
    "The event loop runs what it is given itself. Give it to a worker thread: `loop.run_in_executor(None, function)`, after "
    "`await asyncio.sleep(...)` where it is to be later."
)
ADVICE = {Role.VALIDATOR: IN_VALIDATOR, Role.SERIALIZER: IN_SERIALIZER}


def blocking_remarks(contexts: Contexts, path: str) -> Iterator[Remark]:
    """One remark for each call of a file on the loop that blocks, by itself or through helpers."""
    for function in contexts.on_loop(path):
        facts, first = contexts.project.function(function), contexts.loop[function]
        if not facts.asynchronous and first.is_called:
            continue
        for place, site in enumerate(facts.sites):
            reached = reached_at(contexts, function, place, site)
            if reached is not None and not is_for_no_request(site, facts, reached[1].root):
                yield _remark(contexts, function, site, *reached)
        for read, run, around in contexts.properties(function):
            deep = contexts.sink(run)
            if deep is not None:
                sink = Sink(deep.row, deep.name, deep.site, (function, *deep.through))
                remark = _remark(contexts, function, around or deep.site, sink, first)
                message = _leads(show(read), sink, first.root, contexts)
                yield replace(remark, site=around, remedy=Remedy.NONE, message=message, advice=IN_PROPERTY)


def is_for_no_request(site: Site, function: Function, root: Root) -> bool:
    """Whether a validator does it for an object of a library only: what a request holds is text, numbers, lists."""
    asked = (one for one in function.narrowings if one.first_line <= site.line <= one.last_line and not one.excluded)
    names = {last_name(one.annotation) for one in asked}
    return root.role is Role.VALIDATOR and bool(names) and not any(hasattr(builtins, name) for name in names)


def sinks_of(function: ProjectFunction, contexts: Contexts) -> Iterator[Sink]:
    """What blocks at the calls of one function, itself or through helpers."""
    for place in range(len(contexts.project.function(function).sites)):
        if (sink := sink_at(function, place, contexts)) is not None:
            yield sink


def sink_at(function: ProjectFunction, place: int, contexts: Contexts) -> Sink | None:
    """What blocks at one of its calls, told by its place among all."""
    site = contexts.project.function(function).sites[place]
    return next(_sinks_at(contexts, function, place, site), None)


def reached_at(contexts: Contexts, function: ProjectFunction, place: int, site: Site) -> tuple[Sink, Arrival] | None:
    """What blocks at a call, and the way by which that is reached."""
    for sink in _sinks_at(contexts, function, place, site):
        if (arrival := contexts.arrival(function, sink.needs)) is not None:
            return sink, arrival
    return None


def _sinks_at(contexts: Contexts, function: ProjectFunction, place: int, site: Site) -> Iterator[Sink]:
    own = contexts.blocking(site, Where(function.path, function.index, site.line))
    if own is not None and not contexts.runs_first(site, function, own[0].weight):
        yield Sink(*own, site, (function,), contexts.arguments.needs(site, function))
        return
    for target in contexts.targets(function, place):
        if not contexts.project.function(target).asynchronous:
            yield from contexts.sinks_through(function, site, target)


def _remark(contexts: Contexts, function: ProjectFunction, site: Site, sink: Sink, arrival: Arrival) -> Remark:
    root = arrival.root
    is_scheduled = contexts.is_scheduled(function, site)
    raised = sink.row.weight is Weight.FILE and contexts.is_shared(root)
    severity = Severity.WARNING if sink.row.weight is Weight.FILE and not raised else Severity.ERROR
    return Remark(
        rule=sink.row.rule,
        severity=severity,
        function=function,
        remedy=Remedy.NONE if is_scheduled else Remedy.UNBLOCK,
        message=_message(contexts, site, sink, root),
        site=site,
        root=root,
        way=arrival.way,
        sink=sink,
        raised=raised,
        advice=SCHEDULED if is_scheduled else ADVICE.get(root.role, ""),
    )


def _message(contexts: Contexts, site: Site, sink: Sink, root: Root) -> str:
    if not sink.is_direct:
        return _leads(show(site.call.callee), sink, root, contexts)
    return f"`{spoken(sink.name)}` blocks the event loop {of_root(root, contexts)}: {cost(sink)}."


def _leads(shown: str, sink: Sink, root: Root, contexts: Contexts) -> str:
    return f"`{shown}` leads to `{spoken(sink.name)}`, which blocks the event loop {of_root(root, contexts)}: {cost(sink)}."


def spoken(name: str) -> str:
    """A dotted name as people say it: `Session.commit`, `requests.get`, `open`."""
    parts = name.removeprefix("builtins.").split(".")
    first = next((place for place, part in enumerate(parts) if part[:1].isupper()), 0)
    if parts[first : first + 1] == parts[first + 1 : first + 2]:
        first += 1  # a module that is named like its class
    return ".".join(parts[first:])


def of_root(root: Root, contexts: Contexts) -> str:
    """Where the code runs, as a person would say it."""
    name = contexts.project.function(root.function).qualname
    match root.role:
        case Role.VALIDATOR:
            return f"in the validator `{name}`, which reads the requests of `{root.route}`"
        case Role.SERIALIZER:
            return f"in the serializer `{name}`, which writes the responses of `{root.route}`"
        case Role.ENDPOINT | Role.WEBSOCKET if root.route:
            return f"in `{root.route}`"
        case Role.MIDDLEWARE:
            return f"in the middleware `{name}`, which every request passes"
        case Role.DEPENDENCY:
            return f"in the dependency `{name}`{_of_routes(root, contexts)}"
        case _:
            return f"in the {root.role.value} `{name}`"


def _of_routes(root: Root, contexts: Contexts) -> str:
    """` of `GET /me` and 3 more routes`; nothing where no route is known."""
    routes = sorted(set(contexts.routes.get(root.function, ())))
    if not routes:
        return ""
    more = len(routes) - 1
    return f" of `{routes[0]}`{f' and {more} more route' + 's' * (more > 1) if more else ''}"


def cost(sink: Sink) -> str:
    if sink.row.cost:
        return sink.row.cost
    match sink.row.weight:
        case Weight.WAIT:
            return "while it waits, this worker serves no other request"
        case Weight.CPU:
            return "while it computes, this worker serves no other request"
        case Weight.FILE:
            return "how long depends on the size of the file and on the disk, and meanwhile this worker serves no other request"
