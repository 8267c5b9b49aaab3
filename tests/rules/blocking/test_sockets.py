"""Host names and plain sockets."""

import pytest

from tests.rules.checking import assert_clean, assert_fixes, assert_whole_file_fixed, with_app

RULE = "blocking/sockets"

ENDPOINT = '@app.post("/{host}")\nasync def ask(host: str):\n    '
AWAITING = '@app.post("/{host}")\nasync def ask(host: str, request: Request):\n    body = await request.body()\n    '
IMPORTS = """
import asyncio
import socket
import socket as net
import ssl
from socket import AF_INET, SOCK_DGRAM, create_connection, getaddrinfo as lookup

import anyio
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
"""


@pytest.mark.parametrize(
    "body",
    [
        "return socket.gethostbyname(host)",
        "return socket.getaddrinfo(host, 80)",
        "return lookup(host, 80, type=socket.SOCK_STREAM)",
        "return net.gethostbyaddr(host)",
        "return socket.getfqdn(host)",
        "create_connection((host, 80))",
        "with socket.create_connection((host, 80)) as s:\n        print(s.fileno())",
        "s = socket.socket()\n    s.connect((host, 80))",
        "with socket.socket(AF_INET, socket.SOCK_STREAM) as s:\n        s.connect_ex((host, 80))",
        "s = socket.socket()\n    s.settimeout(3)\n    s.connect((host, 80))",
        "s = socket.socket()\n    s.settimeout(None)\n    s.recv(10)",
        "s = socket.socket()\n    s.setblocking(True)\n    s.sendall(b'')",
        "context = ssl.create_default_context()\n    s = context.wrap_socket(socket.socket())\n    s.connect((host, 443))",
        "return ssl.get_server_certificate((host, 443))",
    ],
)
def test_a_function_that_awaits_nothing_becomes_def(body: str) -> None:
    before = with_app(IMPORTS, f"{ENDPOINT}{body}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("socket.gethostbyname(host)", "await run_in_threadpool(socket.gethostbyname, host)"),
        ("x = lookup(host, 80)[0]", "x = (await run_in_threadpool(lookup, host, 80))[0]"),
        (
            "s = socket.socket()\n    s.connect((host, 80))\n    s.sendall(body)\n    return s.recv(9)",
            (
                "s = socket.socket()\n    await run_in_threadpool(s.connect, (host, 80))\n"
                "    await run_in_threadpool(s.sendall, body)\n    return await run_in_threadpool(s.recv, 9)"
            ),
        ),
    ],
)
def test_the_call_is_handed_over_where_the_function_awaits(body: str, after: str) -> None:
    assert_fixes(RULE, with_app(IMPORTS, f"{AWAITING}{body}\n"), with_app(IMPORTS, f"{AWAITING}{after}\n"))


def test_a_helper_in_another_file() -> None:
    assert_whole_file_fixed(
        with_app(IMPORTS, f"from app.ports import is_open\n\n\n{AWAITING}return is_open(host)\n"),
        files={
            "app/__init__.py": "",
            "app/ports.py": "import socket\n\n\ndef is_open(host):\n    with socket.socket() as s:\n"
            "        return s.connect_ex((host, 80)) == 0\n",
        },
    )


@pytest.mark.parametrize(
    "body",
    [
        "return socket.gethostname()",
        "return socket.inet_aton(host)",
        "s = socket.socket(AF_INET, SOCK_DGRAM)\n    s.connect((host, 80))\n    return s.getsockname()[0]",
        "s = socket.socket(AF_INET, type=socket.SOCK_DGRAM)\n    s.connect((host, 80))",
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n        s.connect((host, 80))",
        "s = socket.socket()\n    s.setblocking(False)\n    s.connect_ex((host, 80))",
        "s = socket.socket()\n    s.settimeout(0)\n    s.recv(9)",
        "s = socket.socket()\n    s.settimeout(limit)\n    s.recv(9)",
        "s = socket.socket()\n    s.bind((host, 80))\n    s.listen()",
        "s = socket.socket()\n    s.close()",
        "s = unknown()\n    s.connect((host, 80))",
        "unknown.recv(9)",
        "await unknown.connect(host)",
        "await asyncio.open_connection(host, 80)",
        "await asyncio.get_running_loop().getaddrinfo(host, 80)",
        "await anyio.getaddrinfo(host, 80)",
        "await asyncio.to_thread(socket.gethostbyname, host)",
        "await run_in_threadpool(socket.create_connection, (host, 80))",
        "socket = unknown\n    socket.gethostbyname(host)",
    ],
)
def test_left_alone(body: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, f"{ENDPOINT}{body}\n"))


@pytest.mark.parametrize(
    "source",
    [
        '@app.get("/")\ndef home():\n    socket.gethostbyname("x")\n',
        'HOST = socket.gethostbyname("x")\n',
        (
            "class Link:\n    def __init__(self):\n        self.socket = socket.socket()\n        self.socket.setblocking(False)\n\n"
            "    def read(self):\n        return self.socket.recv(9)\n\n\n"
            '@app.get("/")\nasync def home():\n    return Link().read()\n'
        ),
    ],
)
def test_what_may_not_block_is_left_alone(source: str) -> None:
    assert_clean(RULE, with_app(IMPORTS, source))
