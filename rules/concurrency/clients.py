"""A client that is made anew on each request.

## What it does
Finds clients that are costly to make where they are made on the event loop while a request is served: `httpx.AsyncClient`,
`AsyncOpenAI` and its kin, `create_async_engine`, `boto3.client`.

## Why is this bad?
Making the client is work for the processor, on the event loop, while every other request waits. Measured on one machine:
`httpx.AsyncClient()` takes 46 to 65 ms, of which reading the certificates is nearly all, `AsyncOpenAI()` 35 ms,
`boto3.client()` 15 ms, and one second the first time. Its connections are closed with it, so that each request also opens
new ones.

## Example
```python
import httpx
from fastapi import FastAPI

app = FastAPI()


@app.get("/rate")
async def rate() -> dict:
    async with httpx.AsyncClient() as client:
        response = await client.get("https://example.org/rate")
    return response.json()
```

## Use instead
```python
import httpx
from fastapi import FastAPI

SSL_CONTEXT = httpx.create_ssl_context()

app = FastAPI()


@app.get("/rate")
async def rate() -> dict:
    async with httpx.AsyncClient(verify=SSL_CONTEXT) as client:
        response = await client.get("https://example.org/rate")
    return response.json()
```

## Fix safety
Safe: the client stays one of its own, with its own cookies and connections, and is given the certificates that the module has
read once. Making it took 28 to 33 ms of the event loop, and 1 ms then. It is offered for clients of HTTPX whose arguments say
nothing of certificates.

Unsafe: one client for all requests. The `lifespan` of the application opens it and keeps it on `app.state`, and a dependency
gives it to the endpoint. Cookies that a server sets are sent with the requests of others from then on, and connections stay open.
It is offered for an endpoint, or a function that endpoints alone call and then hand it to, that opens a client of HTTPX, OpenAI,
Anthropic or Groq, with constant arguments or what the environment or the settings tell, and only asks it; not where it sends several requests that write, which may share a login,
where it asks in the name of a user, where tests start the application without its lifespan, or where something unknown may run as
the application starts. As many requests may wait at once as before; those of language models have a thousand connections.

For all others the way is the same, by hand. A client that is given a shared `verify=` or `transport=`, one that is kept on an
object or in a global, and one that a cached function makes are left alone.

## References
- [FastAPI: Lifespan events](https://fastapi.tiangolo.com/advanced/events/)
- [HTTPX: Clients](https://www.python-httpx.org/advanced/clients/)
- [SQLAlchemy: Engine configuration](https://docs.sqlalchemy.org/en/21/core/engines.html)
"""

from collections.abc import Iterator

from rules.core.arrivals import Arrival
from rules.core.blocking import of_root, spoken
from rules.core.calls import calls_of
from rules.core.contexts import Contexts
from rules.core.facts import Call, Constant, Expression, Function, Name, Site, last_name
from rules.core.findings import Severity
from rules.core.library import Weight
from rules.core.needs import absent, is_nothing
from rules.core.remarks import Remark, Remedy
from rules.core.rule import Rule
from rules.core.usage import given_to
from rules.core.values import Outside, ProjectFunction

rule = Rule(__name__, __doc__, Severity.WARNING)

_CERTIFICATES = "which reads all certificates each time, on the event loop"
_CONNECTIONS = "so that each request opens connections of its own"
_COSTS = {
    "httpx.AsyncClient": _CERTIFICATES,
    "httpx2.AsyncClient": _CERTIFICATES,
    **{f"openai.{name}": _CERTIFICATES for name in ("AsyncOpenAI", "AsyncAzureOpenAI")},
    "anthropic.AsyncAnthropic": _CERTIFICATES,
    "groq.AsyncGroq": _CERTIFICATES,
    "sqlalchemy.ext.asyncio.create_async_engine": _CONNECTIONS,
    "boto3.client": "which takes milliseconds of the event loop each time, and a second the first time",
    "boto3.resource": "which takes milliseconds of the event loop each time, and a second the first time",
}
_MAKERS = frozenset(_COSTS)
_SHARED = frozenset({"verify", "transport", "http_client", ""})  # what makes it cheap to make, or may
_CACHE = "cache"  # lru_cache, cached, alru_cache, cached_property
_ADVICE = (
    "Make one in the `lifespan` of the application, keep it on `app.state`, and hand it out by a dependency. "
    "For tests, override that dependency."
)


@rule.check
def clients(contexts: Contexts, path: str) -> Iterator[Remark]:
    """Every costly client that is made while a request is served, and dropped with it."""
    for place, site, name in calls_of(_MAKERS, contexts, path):
        arrival = contexts.arrival(place, contexts.arguments.needs(site, place))
        if arrival is not None and _is_made_anew(place, site, arrival, contexts):
            yield Remark(
                rule.name,
                rule.severity,
                place,
                Remedy.READ_ONCE if _COSTS[name] is _CERTIFICATES else Remedy.NONE,
                f"`{spoken(name)}` is made anew {of_root(arrival.root, contexts)}, {_COSTS[name]}.",
                site=site,
                root=arrival.root,
                way=arrival.way,
                advice=_ADVICE,
            )


def _is_made_anew(place: ProjectFunction, site: Site, arrival: Arrival, contexts: Contexts) -> bool:
    """Whether the client certainly lives no longer than the call that makes it."""
    function = contexts.project.function(place)
    given = {keyword for keyword, _ in site.call.keywords}
    if given & _SHARED or function.writes or any(_is_cached(step, contexts) for step in arrival.way):
        return False
    if contexts.runs_first(site, place, Weight.CPU) or _is_given(place, site, contexts):
        return False
    if site.entered:
        return True
    held: set[Expression] = {site.call, *(Name(name) for name in _names(site.call, function))}
    if any("." in name and b.value in held for name, bindings in function.bindings.items() for b in bindings):
        return False
    return not arrival.is_called or not _leaves(held, function)


def _is_given(place: ProjectFunction, site: Site, contexts: Contexts) -> bool:
    """Whether every caller gives a client, so that none has to be made: it is made under `if client is None`."""
    function = contexts.project.function(place)
    missing = set(absent(site.needs, "-"))
    given = {b.value.id for n in missing for b in function.bindings.get(n, ()) if isinstance(b.value, Name)} | missing
    shift = int(function.is_bound)
    for at, parameter in enumerate(function.parameters):
        calls = [call for call, _ in contexts.project.calls_of(place)] if parameter.name in given else []
        if calls and all(not is_nothing(_argument(call, parameter.name, at - shift)) for call in calls):
            return True
    return False


def _argument(call: Call, name: str, place: int) -> Expression | None:
    """What a call gives for a parameter; None as a literal where it gives nothing."""
    keywords = dict(call.keywords)
    if name in keywords or "" in keywords:
        return keywords.get(name)
    return call.arguments[place] if place < len(call.arguments) else Constant(None, "NoneType")


def _names(call: Call, function: Function) -> Iterator[str]:
    """The names that hold what a call gives."""
    for name, bindings in function.bindings.items():
        if any(binding.value == call for binding in bindings):
            yield name


def _leaves(held: set[Expression], function: Function) -> bool:
    """Whether others are given the client, and may keep it."""
    given = (argument for site in function.sites for argument in given_to(site.call))
    return any(part in held for part in (*function.results, *function.yields, *given))


def _is_cached(place: ProjectFunction, contexts: Contexts) -> bool:
    """Whether a decorator keeps what a function gives, by its name: one of the project itself may as well."""
    written = (d.callee if isinstance(d, Call) else d for d in contexts.project.function(place).decorators)
    known = (d.name.rpartition(".")[2] for d in contexts.project.decorators(place) if isinstance(d, Outside))
    return any(_CACHE in name.lower() for name in (*map(last_name, written), *known))
