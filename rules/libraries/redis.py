"""Redis: each command waits for the server; a pipeline collects commands and waits once. https://redis.readthedocs.io/"""

from rules.core.facts import Function, Site
from rules.core.library import Blocking, Counterpart, Library, Managed

_RULE = "databases/redis"
_REDIS, _CLUSTER, _SENTINEL = "redis.Redis", "redis.RedisCluster", "redis.Sentinel"
_PIPELINE, _PUBSUB, _LOCK = "redis.client.Pipeline", "redis.client.PubSub", "redis.lock.Lock"
_SCANS = tuple(f"{_REDIS}.{name}" for name in ("scan_iter", "hscan_iter", "sscan_iter", "zscan_iter"))
_MODULES = {
    "json": "redis.commands.json.JSON",
    "ft": "redis.commands.search.Search",
    "ts": "redis.commands.timeseries.TimeSeries",
}
# Members of a client that are no command.
_NO_COMMANDS = (
    *("from_pool", "get_encoder", "get_connection_kwargs", "get_retry", "set_retry", "set_response_callback"),
    *("load_external_module", "client", "close", "register_script", "monitor", "get_cache", "determine_slot"),
    *("get_node", "get_nodes", "get_primaries", "get_replicas", "get_default_node", "set_default_node"),
    *("get_random_node", "get_redis_connection", "get_node_from_key", "keyslot", "replace_default_node"),
    *("get_random_primary_node", "get_random_primary_or_all_nodes", "get_nodes_from_slot", "get_special_nodes"),
    *("parse_response", "on_connect", "disconnect_connection_pools", "keyspace_notifications"),
    *("himport_prepare", "himport_discard", "himport_discard_all"),
    *("bf", "cf", "cms", "topk", "tdigest", "vset", "graph"),
)


_COMMANDS = (
    *(
        "get",
        "set",
        "setex",
        "setnx",
        "psetex",
        "mget",
        "mset",
        "msetnx",
        "getset",
        "getdel",
        "getex",
        "delete",
        "unlink",
    ),
    *("exists", "expire", "expireat", "pexpire", "ttl", "pttl", "persist", "incr", "incrby", "incrbyfloat", "decr"),
    *("decrby", "append", "strlen", "keys", "type", "rename", "touch", "setrange", "getrange", "setbit", "getbit"),
    *("bitcount", "hget", "hset", "hmset", "hmget", "hgetall", "hdel", "hexists", "hincrby", "hkeys", "hvals", "hlen"),
    *("hsetnx", "lpush", "rpush", "lpop", "rpop", "lrange", "llen", "lindex", "lrem", "ltrim", "lset", "linsert"),
    *("blpop", "brpop", "sadd", "srem", "smembers", "sismember", "scard", "spop", "srandmember", "sunion", "sinter"),
    *("sdiff", "zadd", "zrem", "zrange", "zrevrange", "zrangebyscore", "zscore", "zcard", "zincrby", "zrank"),
    *("zrevrank", "zcount", "zremrangebyscore", "zremrangebyrank", "publish", "ping", "echo", "time", "dbsize", "info"),
    *("flushdb", "flushall", "xadd", "xread", "xrange", "xlen", "xack", "xdel", "xtrim", "xgroup_create"),
    *("xreadgroup", "eval", "evalsha", "script_load", "pfadd", "pfcount", "scan", "hscan", "sscan", "zscan"),
)


def is_entered(site: Site, _function: Function) -> bool:
    """Whether the call is the manager of a `with`, which takes the lock."""
    return site.entered


library = Library(
    "Redis",
    blocking=(
        Blocking(_RULE, (f"{_REDIS}.*",)),
        Blocking(_RULE, _SCANS, lazy=True),
        Blocking(_RULE, (f"{_REDIS}.lock",), when=is_entered),
        Blocking(_RULE, tuple(f"{_LOCK}.{name}" for name in ("acquire", "release", "extend", "reacquire"))),
        Blocking(_RULE, (f"{_PIPELINE}.execute", f"{_PIPELINE}.watch")),
        Blocking(_RULE, tuple(f"{_PUBSUB}.{name}" for name in ("subscribe", "psubscribe", "ssubscribe", "ping"))),
        Blocking(_RULE, (f"{_PUBSUB}.listen",), lazy=True),
        Blocking(_RULE, tuple(f"{_SENTINEL}.{name}" for name in ("discover_master", "discover_slaves"))),
        Blocking(_RULE, ("redis.commands.json.JSON.*", "redis.commands.timeseries.TimeSeries.*")),
        Blocking(
            _RULE,
            tuple(
                f"redis.commands.search.Search.{name}"
                for name in ("search", "aggregate", "create_index", "dropindex", "info", "load_document")
            ),
        ),
    ),
    aliases={
        "redis.client.Redis": _REDIS,
        "redis.StrictRedis": _REDIS,
        "redis.client.StrictRedis": _REDIS,
        "redis.cluster.RedisCluster": _CLUSTER,
        "redis.sentinel.Sentinel": _SENTINEL,
        "redis.utils.from_url": "redis.from_url",
    },
    bases={_CLUSTER: (_REDIS,), "walrus.Database": (_REDIS,)},
    counterparts=(
        Counterpart(
            _REDIS,
            "redis.asyncio.Redis",
            awaited=frozenset({*_COMMANDS, "close"}),
            entered={
                "lock": Managed(),
                "pipeline": Managed(awaited=frozenset({"execute"}), quick=frozenset(_COMMANDS)),
            },
            iterated=frozenset(name.rpartition(".")[2] for name in _SCANS),
            renamed={"close": "aclose"},
            makers={"redis.from_url": "redis.asyncio.from_url", f"{_REDIS}.from_url": "redis.asyncio.Redis.from_url"},
            refused=frozenset({"connection_pool", "retry", "connection_class", "credential_provider"}),
        ),
    ),
    results={
        "redis.asyncio.from_url": "redis.asyncio.Redis",
        "redis.asyncio.Redis.from_url": "redis.asyncio.Redis",
        "redis.from_url": _REDIS,
        f"{_REDIS}.from_url": _REDIS,
        f"{_CLUSTER}.from_url": _CLUSTER,
        f"{_SENTINEL}.master_for": _REDIS,
        f"{_SENTINEL}.slave_for": _REDIS,
        f"{_REDIS}.pipeline": _PIPELINE,
        f"{_REDIS}.pubsub": _PUBSUB,
        f"{_REDIS}.lock": _LOCK,
        **{f"{_REDIS}.{name}": class_ for name, class_ in _MODULES.items()},
        f"{_PIPELINE}.*": "self",
        f"{_PIPELINE}.execute": "builtins.list",
        f"{_PIPELINE}.watch": "builtins.bool",
    },
    # https://redis.readthedocs.io/en/stable/advanced_features.html#threads-in-redis-py
    unproven=frozenset({_PIPELINE, _PUBSUB}),
    quick=frozenset({*(f"{_REDIS}.{name}" for name in _NO_COMMANDS), "redis.commands.json.JSON.pipeline"}),
)
