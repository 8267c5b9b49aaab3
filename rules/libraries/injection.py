"""Containers that make objects where they are asked for.

https://python-dependency-injector.ets-labs.org/providers/index.html and
https://python-dependency-injector.ets-labs.org/wiring.html
"""

from rules.core.library import Library

_PROVIDERS = (
    *("Factory", "Singleton", "ThreadSafeSingleton", "ThreadLocalSingleton", "ContextLocalSingleton"),
    *("Callable", "Resource"),
)

library = Library(
    "Dependency Injector",
    wrappers=frozenset(
        {
            *(f"dependency_injector.providers.{name}" for name in _PROVIDERS),
            *(f"dependency_injector.wiring.{name}" for name in ("Provide", "Closing")),
        }
    ),
)
