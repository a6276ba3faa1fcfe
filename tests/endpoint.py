"""A real web server on loopback that stands for a model behind an endpoint.

The rule: what it answers is a plain function of the test's own; it keeps what it was asked.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    """What the server was asked."""

    path: str
    headers: dict[str, str]
    payload: Any
    port: int
    """Port of the client: two requests on one connection have the same."""


@dataclass
class Reply:
    """What the server answers; parts are sent one after the other, and then the connection is closed."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    parts: Iterable[bytes] = ()


@dataclass
class Endpoint:
    """A running server."""

    url: str
    requests: list[Request]


Respond = Callable[[Request], Reply | None]
"""None breaks the connection without an answer."""


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    """Return the value as a reply of JSON."""
    return Reply(json.dumps(value).encode(), status, {"Content-Type": "application/json", **headers})


@contextlib.contextmanager
def run_endpoint(respond: Respond) -> Iterator[Endpoint]:
    """Run a server that answers every POST with what the function returns."""
    server = _Server(respond)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield Endpoint(f"http://127.0.0.1:{server.server_port}/predict", server.requests)
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.requests: list[Request] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        request = Request(self.path, dict(self.headers.items()), json.loads(data), self.client_address[1])
        self.server.requests.append(request)
        reply = self.server.respond(request)
        if reply is None:
            self.close_connection = True
        else:
            with contextlib.suppress(ConnectionError):  # a client that has seen enough leaves
                self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.parts:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        for part in reply.parts:
            self.wfile.write(part)
            self.wfile.flush()

    def log_message(self, *parts: object) -> None:
        """Say nothing."""
