"""urllib of the standard library, `http.client` beneath it, and urllib3.

https://docs.python.org/3/library/urllib.request.html and https://urllib3.readthedocs.io/en/stable/reference/
"""

from rules.core.facts import Attribute, Entered, Function, Name, Site
from rules.core.library import Blocking, Library

_REQUESTS = ("request", "urlopen", "request_encode_url", "request_encode_body")
_POOLS = ("urllib3.PoolManager", "urllib3.HTTPConnectionPool")
_CONNECTION = ("connect", "request", "endheaders", "send", "getresponse")
_MADE_IN = {
    "PoolManager": "poolmanager",
    "ProxyManager": "poolmanager",
    "HTTPConnectionPool": "connectionpool",
    "HTTPSConnectionPool": "connectionpool",
    "HTTPResponse": "response",
}


def is_read_apart(site: Site, function: Function) -> bool:
    """Whether the opening of the answer is not told for its reading as well, as that of `with urlopen(...) as answer` is."""
    callee = site.call.callee
    if not (isinstance(callee, Attribute) and isinstance(callee.of, Name)):
        return False
    return not any(isinstance(binding.value, Entered) for binding in function.bindings.get(callee.of.id, ()))


library = Library(
    "urllib",
    blocking=(
        Blocking("clients/urllib", ("urllib.request.urlretrieve",)),
        Blocking("clients/urllib", ("urllib.request.urlopen", "urllib.request.OpenerDirector.open"), opens=True),
        Blocking("clients/urllib", ("urllib3.request", *(f"{pool}.{name}" for pool in _POOLS for name in _REQUESTS))),
        Blocking("clients/urllib", tuple(f"http.client.HTTPConnection.{name}" for name in _CONNECTION)),
        Blocking("clients/urllib", ("http.client.HTTPResponse.read",), when=is_read_apart),
    ),
    aliases={
        **{f"urllib3.{module}.{name}": f"urllib3.{name}" for name, module in _MADE_IN.items()},
        "urllib3.poolmanager.proxy_from_url": "urllib3.proxy_from_url",
        "urllib3.connectionpool.connection_from_url": "urllib3.connection_from_url",
    },
    bases={
        "http.client.HTTPSConnection": ("http.client.HTTPConnection",),
        "urllib3.ProxyManager": ("urllib3.PoolManager",),
        "urllib3.HTTPSConnectionPool": ("urllib3.HTTPConnectionPool",),
    },
    results={
        "urllib.request.build_opener": "urllib.request.OpenerDirector",
        "urllib.request.urlopen": "http.client.HTTPResponse",
        "urllib.request.OpenerDirector.open": "http.client.HTTPResponse",
        "http.client.HTTPConnection.getresponse": "http.client.HTTPResponse",
        "urllib3.proxy_from_url": "urllib3.ProxyManager",
        "urllib3.connection_from_url": "urllib3.HTTPConnectionPool",
        "urllib3.PoolManager.connection_from_url": "urllib3.HTTPConnectionPool",
        "urllib3.PoolManager.connection_from_host": "urllib3.HTTPConnectionPool",
    },
)
