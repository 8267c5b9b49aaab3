"""asyncio and AnyIO: what has to be awaited, and what is entered by `async with` only.

https://docs.python.org/3/library/asyncio-sync.html and https://anyio.readthedocs.io/en/stable/synchronization.html
"""

from rules.core.library import Library

_MANAGERS = (
    *(f"asyncio.{name}" for name in ("Lock", "Semaphore", "BoundedSemaphore", "Condition", "TaskGroup", "Timeout")),
    *(f"anyio.{name}" for name in ("Lock", "Semaphore", "CapacityLimiter", "Condition", "TaskGroup")),
)
_ACQUIRED = ("asyncio.Lock", "asyncio.Semaphore", "asyncio.BoundedSemaphore", "asyncio.Condition", "anyio.Lock")

library = Library(
    "asyncio",
    aliases={
        "asyncio.locks.Lock": "asyncio.Lock",
        "asyncio.locks.Semaphore": "asyncio.Semaphore",
        "asyncio.locks.Event": "asyncio.Event",
        "asyncio.queues.Queue": "asyncio.Queue",
        "asyncio.taskgroups.TaskGroup": "asyncio.TaskGroup",
        "asyncio.timeouts.timeout": "asyncio.timeout",
        "anyio.abc.TaskGroup": "anyio.TaskGroup",
    },
    bases=dict.fromkeys(("asyncio.PriorityQueue", "asyncio.LifoQueue"), ("asyncio.Queue",)),
    results={
        "asyncio.new_event_loop": "asyncio.AbstractEventLoop",
        "asyncio.timeout": "asyncio.Timeout",
        "asyncio.timeout_at": "asyncio.Timeout",
        "anyio.create_task_group": "anyio.TaskGroup",
    },
    schedulers={
        **{f"asyncio.AbstractEventLoop.{name}": 0 for name in ("call_soon", "call_soon_threadsafe")},
        **{f"asyncio.AbstractEventLoop.{name}": 1 for name in ("call_later", "call_at")},
    },
    coroutines=frozenset(
        {
            *(f"{name}.__aenter__" for name in _MANAGERS),
            *(f"{name}.acquire" for name in _ACQUIRED),
            *(f"asyncio.Queue.{name}" for name in ("get", "put", "join")),
            *("asyncio.Event.wait", "asyncio.Condition.wait", "asyncio.Condition.wait_for", "asyncio.Barrier.wait"),
            *("asyncio.wait", "asyncio.start_server", "anyio.Event.wait"),
        }
    ),
)
