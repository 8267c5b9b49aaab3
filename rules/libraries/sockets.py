"""Sockets and names of hosts in the standard library, and the sockets of ZeroMQ.

https://docs.python.org/3/library/socket.html and https://pyzmq.readthedocs.io/en/latest/api/zmq.html
"""

from rules.core.facts import Attribute, Call, Constant, Expression, Function, Site, last_name
from rules.core.library import Blocking, Library, origins

_NAMES = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo", "getfqdn")
_STREAM = ("connect", "connect_ex", "accept", "recv", "recv_into", "recvfrom", "recvmsg", "sendall", "sendfile")
_MESSAGES = ("recv", "recv_json", "recv_string", "recv_pyobj", "recv_multipart")
_NEVER_WAITING = frozenset({"SOCK_DGRAM", "SOCK_NONBLOCK"})


def waits_on_stream(site: Site, function: Function) -> bool:
    """Whether a socket is one that waits, by where this function made it: a stream that was not set to wait for nothing.

    To connect a datagram socket sends nothing.
    """
    callee = site.call.callee
    if not isinstance(callee, Attribute):
        return False
    made = [call for call, _ in origins(callee.of, function, site.line)]
    return bool(made) and not any(_never_waits(call) for call in made) and not _is_set_free(callee.of, function)


def _never_waits(call: Call) -> bool:
    given = (*call.arguments, *(value for _, value in call.keywords))
    return any(last_name(value) in _NEVER_WAITING for value in given)


def _is_set_free(receiver: Expression, function: Function) -> bool:
    """Whether the function calls `setblocking(False)` or `settimeout(0)` on the same socket, or may do so."""
    for site in function.sites:
        callee = site.call.callee
        if isinstance(callee, Attribute) and callee.of == receiver and callee.name in {"setblocking", "settimeout"}:
            given = site.call.arguments[0] if site.call.arguments else None
            if not (isinstance(given, Constant) and (given.value is None or given.value)):
                return True
    return False


def waits_for_message(site: Site, function: Function) -> bool:
    """Whether a ZeroMQ socket waits for a message: with `flags` it may not, nor after `poll` has told that there is one."""
    polled = any(last_name(other.call.callee) == "poll" for other in function.sites)
    return not (site.call.arguments or site.call.keywords or polled)


library = Library(
    "Sockets",
    blocking=(
        Blocking("blocking/sockets", tuple(f"socket.{name}" for name in _NAMES)),
        Blocking("blocking/sockets", ("socket.create_connection", "ssl.get_server_certificate")),
        Blocking("blocking/sockets", tuple(f"socket.socket.{name}" for name in _STREAM), when=waits_on_stream),
        Blocking("blocking/sockets", tuple(f"zmq.Socket.{name}" for name in _MESSAGES), when=waits_for_message),
    ),
    aliases={"_socket.socket": "socket.socket"},
    bases={"ssl.SSLSocket": ("socket.socket",)},
    results={
        "socket.socket": "socket.socket",
        "socket.create_connection": "socket.socket",
        "ssl.SSLContext.wrap_socket": "ssl.SSLSocket",
        "ssl.create_default_context": "ssl.SSLContext",
        "zmq.Context.instance": "zmq.Context",
        "zmq.Context.socket": "zmq.Socket",
    },
)
