"""Memcached by pymemcache: each command waits for the server. https://pymemcache.readthedocs.io/"""

from rules.core.library import Blocking, Library

_CLIENT = "pymemcache.Client"
_COMMANDS = (
    *("get", "get_many", "gets", "gets_many", "set", "set_many", "add", "replace", "append", "prepend", "cas", "touch"),
    *("delete", "delete_many", "incr", "decr", "stats", "version", "flush_all", "raw_command"),
)

library = Library(
    "Memcached",
    blocking=(Blocking("databases/redis", tuple(f"{_CLIENT}.{name}" for name in _COMMANDS)),),
    aliases={
        **{f"pymemcache.client.base.{name}": f"pymemcache.{name}" for name in ("Client", "PooledClient")},
        "pymemcache.client.Client": _CLIENT,
        "pymemcache.client.hash.HashClient": "pymemcache.HashClient",
    },
    bases={"pymemcache.PooledClient": (_CLIENT,), "pymemcache.HashClient": (_CLIENT,)},
)
