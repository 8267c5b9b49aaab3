"""Threads, processes, queues and futures of the standard library: what waits for another thread or process.

https://docs.python.org/3/library/concurrency.html
"""

from rules.core.facts import Attribute, Constant, Expression, Function, Site, last_name
from rules.core.library import Blocking, Library, Offload, Twin

_PRIMITIVES = ("threading", "multiprocessing")
_POOL = ("apply", "map", "starmap", "join")
_LATER = ("apply_async", "map_async", "starmap_async")
_GATHERING = frozenset({"wait", "wrap_future", "as_completed", "gather"})


def waits(site: Site, function: Function) -> bool:
    """Whether a call may wait at all: not with `block=False` or a timeout of 0, nor after a look whether it has to."""
    call = site.call
    named = dict(call.keywords)
    first = call.arguments[0] if call.arguments else None
    limits = (first, *(named.get(name) for name in ("block", "blocking", "timeout", "wait")))
    return not any(_is_nothing(limit) for limit in limits) and not _has_looked(call.callee, function)


def _is_nothing(limit: Expression | None) -> bool:
    """`False` or zero; None stands for no limit."""
    return isinstance(limit, Constant) and limit.kind in {"bool", "int", "float"} and not limit.value


def _has_looked(callee: Expression, function: Function) -> bool:
    """Whether the function asks the same object `done()`, `empty()` or `qsize()`."""
    asked = (
        site.call.callee for site in function.sites if last_name(site.call.callee) in {"done", "empty", "qsize", "full"}
    )
    return any(isinstance(ask, Attribute) and isinstance(callee, Attribute) and ask.of == callee.of for ask in asked)


def waits_for_future(site: Site, function: Function) -> bool:
    """Whether `Future.result` may wait: not where the function has waited for it in another way."""
    gathered = any(_is_gathering(other) for other in function.sites)
    return not gathered and waits(site, function)


def waits_as_it_ends(site: Site, function: Function) -> bool:
    """Whether the end of `with ThreadPoolExecutor()` is what waits: for what was submitted, of which nothing else asks."""
    called = {last_name(other.call.callee) for other in function.sites}
    asked = {*_GATHERING, "result", "exception", "map", "wait", "as_completed"}
    return site.entered and "submit" in called and called.isdisjoint(asked)


def _is_gathering(site: Site) -> bool:
    """Whether a call waits for futures, or is handed what does."""
    return any(last_name(part) in _GATHERING for part in (site.call.callee, *site.call.arguments))


def waits_for_room(site: Site, function: Function) -> bool:
    """Whether `Queue.put` may wait: a queue without a size always has room, so only where a timeout speaks of waiting."""
    limit = (*site.call.arguments[2:3], dict(site.call.keywords).get("timeout"))
    blocks = (*site.call.arguments[1:2], dict(site.call.keywords).get("block"))
    told = any(given is not None for given in limit)
    return (
        told
        and not any(_is_nothing(given) for given in (*limit, *blocks))
        and not _has_looked(site.call.callee, function)
    )


def _of_both(*names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for module in _PRIMITIVES for name in names)


library = Library(
    "Threads and processes",
    blocking=(
        Blocking(
            "blocking/waits",
            _of_both("Event.wait", "Condition.wait", "Condition.wait_for", "Barrier.wait", "Semaphore.acquire"),
            when=waits,
        ),
        Blocking("blocking/queues", ("queue.Queue.get", "queue.SimpleQueue.get"), when=waits),
        Blocking("blocking/queues", ("multiprocessing.Queue.get",), when=waits),
        Blocking("blocking/queues", ("queue.Queue.put",), when=waits_for_room),
        Blocking(
            "blocking/queues",
            ("queue.Queue.join", "multiprocessing.JoinableQueue.join", "multiprocessing.SimpleQueue.get"),
        ),
        Blocking(
            "blocking/futures",
            ("concurrent.futures.Future.result",),
            twin=Twin("asyncio.wrap_future", wraps=True),
            when=waits_for_future,
        ),
        Blocking("blocking/futures", ("concurrent.futures.Future.exception",), when=waits_for_future),
        Blocking("blocking/futures", ("concurrent.futures.wait", "concurrent.futures.Executor.shutdown"), when=waits),
        Blocking("blocking/futures", ("concurrent.futures.as_completed",), lazy=True),
        Blocking(
            "blocking/futures",
            ("concurrent.futures.ThreadPoolExecutor", "concurrent.futures.ProcessPoolExecutor"),
            opens=True,
            when=waits_as_it_ends,
        ),
        Blocking("blocking/futures", ("concurrent.futures.Executor.map",), lazy=True),
        Blocking("blocking/futures", ("threading.Thread.join", "multiprocessing.Process.join"), when=waits),
        Blocking("blocking/futures", tuple(f"multiprocessing.pool.Pool.{name}" for name in _POOL)),
        Blocking(
            "blocking/futures",
            ("multiprocessing.pool.Pool.imap", "multiprocessing.pool.Pool.imap_unordered"),
            lazy=True,
        ),
        Blocking(
            "blocking/futures",
            ("multiprocessing.pool.AsyncResult.get", "multiprocessing.pool.AsyncResult.wait"),
            when=waits_for_future,
        ),
    ),
    aliases={
        "concurrent.futures.thread.ThreadPoolExecutor": "concurrent.futures.ThreadPoolExecutor",
        "concurrent.futures.process.ProcessPoolExecutor": "concurrent.futures.ProcessPoolExecutor",
        "concurrent.futures._base.Future": "concurrent.futures.Future",
        "concurrent.futures._base.Executor": "concurrent.futures.Executor",
        "multiprocessing.Pool": "multiprocessing.pool.Pool",
        "multiprocessing.context.Process": "multiprocessing.Process",
        "multiprocessing.process.BaseProcess": "multiprocessing.Process",
        "multiprocessing.pool.MapResult": "multiprocessing.pool.AsyncResult",
        "multiprocessing.pool.ApplyResult": "multiprocessing.pool.AsyncResult",
        **{
            f"multiprocessing.queues.{name}": f"multiprocessing.{name}"
            for name in ("Queue", "JoinableQueue", "SimpleQueue")
        },
        **{
            f"multiprocessing.synchronize.{name}": f"multiprocessing.{name}"
            for name in ("Event", "Condition", "Barrier", "Semaphore", "BoundedSemaphore")
        },
    },
    bases={
        "concurrent.futures.ThreadPoolExecutor": ("concurrent.futures.Executor",),
        "concurrent.futures.ProcessPoolExecutor": ("concurrent.futures.Executor",),
        "concurrent.futures.InterpreterPoolExecutor": ("concurrent.futures.ThreadPoolExecutor",),
        "threading.Timer": ("threading.Thread",),
        "threading.BoundedSemaphore": ("threading.Semaphore",),
        "multiprocessing.BoundedSemaphore": ("multiprocessing.Semaphore",),
        "multiprocessing.JoinableQueue": ("multiprocessing.Queue",),
        "multiprocessing.pool.ThreadPool": ("multiprocessing.pool.Pool",),
        "queue.LifoQueue": ("queue.Queue",),
        "queue.PriorityQueue": ("queue.Queue",),
    },
    results={
        "concurrent.futures.Executor.submit": "concurrent.futures.Future",
        "asyncio.run_coroutine_threadsafe": "concurrent.futures.Future",
        **{f"multiprocessing.pool.Pool.{name}": "multiprocessing.pool.AsyncResult" for name in _LATER},
    },
    offloads=(Offload("concurrent.futures.Executor.submit", 0, "fn"),),
)
