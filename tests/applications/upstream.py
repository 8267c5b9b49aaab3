"""A real web server, for applications that ask one."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class Handler(BaseHTTPRequestHandler):
    """Says what it was asked; `/status/NNN` answers with that status, `/moved` leads to `/here`, `/lines` has three, which `/packed` packs."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        path = urlsplit(self.path).path
        if path == "/moved":
            self.say(302, b"", Location="/here")
        elif path.startswith("/status/"):
            self.say(int(path.rpartition("/")[2]), json.dumps({"detail": "as asked"}).encode())
        elif path == "/lines":
            self.say(200, b"one\ntwo\nthree\n", kind="text/plain")
        elif path == "/packed":
            self.say(200, gzip.compress(b"one\ntwo\nthree\n", mtime=0), **{"Content-Encoding": "gzip"})
        else:
            self.say(200, json.dumps(self.asked()).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 -- so http.server names them

    def do_HEAD(self) -> None:
        self.say(200, b"")

    def asked(self) -> dict[str, Any]:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        named = {name.lower(): value for name, value in self.headers.items()}
        kept = {name: value for name, value in named.items() if name.startswith("x-") or name == "authorization"}
        query = parse_qsl(url.query, keep_blank_values=True)
        return {"method": self.command, "path": url.path, "query": query, "headers": kept, "body": body}

    def say(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests print enough."""


@contextmanager
def serving() -> Iterator[str]:
    """The address of the server, while it runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
