"""What stands before the server: under which names it answers, from which pages, and how much it reads.

The rule: a guard decides by the request's headers alone and answers with one sentence; behind the guards,
host, scheme and path are those of the address that people see, whatever a proxy made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reviewer.access import log_refusal
from reviewer.sentences import pick_language, retell

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
ANY_HOST = "*"
PLOT_SCRIPTS = ("/ui/plotly.min.js", "/ui/plot.js")
"""Asked for by the frame in which a card draws plots, which is of no origin; they hold nothing of anybody."""


@dataclass(slots=True)
class Reach:
    """The names under which the app may be asked, and the pages besides its own that may ask it."""

    hosts: set[str]
    """Host names without ports; `*` for any."""
    origins: set[str] = field(default_factory=set)
    """Addresses at which a proxy or a share link shows the app, such as `https://flags.example`."""

    @classmethod
    def of_loopback(cls) -> Self:
        """Return the reach of an app that only this computer can ask."""
        return cls(set(LOOPBACK_NAMES))

    @classmethod
    def of_anyone(cls) -> Self:
        """Return the reach of an app that answers to every name."""
        return cls({ANY_HOST})

    def add(self, address: str) -> None:
        """Let the app be asked at this address too."""
        parts = urlsplit(address)
        self.hosts.add(parts.hostname or "")
        self.origins.add(f"{parts.scheme}://{parts.netloc}")

    def has_host(self, host: str) -> bool:
        """Return whether the app answers to the value of a Host header."""
        return ANY_HOST in self.hosts or _read_name(host) in self.hosts

    def has_origin(self, origin: str, hosts: list[str]) -> bool:
        """Return whether a page of this origin is the app's own, asked for under one of these names."""
        address = _read_address(origin)
        if any(_read_address(each) == address for each in self.origins):
            return origin in self.origins  # the same host without HTTPS may be anybody
        return bool(address) and address in hosts


class Gate:
    """Refuses requests for other names, and what a page of another site sends in this person's browser."""

    def __init__(self, app: ASGIApp, reach: Reach) -> None:
        self._app = app
        self._reach = reach

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400 for another name, 403 for a page of another site, else let the request through."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts = list(_list_hosts(headers))
        origin = headers.get("origin")
        if strange := [host for host in hosts if not self._reach.has_host(host)]:
            await _refuse(400, _explain_host(strange[0]), headers)(scope, receive, send)
        elif origin and not self._reach.has_origin(origin, hosts) and not _is_plot_script(origin, scope):
            await _refuse(403, _explain_origin(origin), headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class PublicAddress:
    """Gives a request the host, scheme and path that people see, whether or not a proxy changed them.

    `root_path` is the path under which a proxy shows the app, "" for none, or a whole address like
    `https://flags.example/team`.
    """

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self._app = app
        parts = urlsplit(root_path)
        self._scheme, self._host, self._root = parts.scheme, parts.netloc, parts.path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the request and hand it on."""
        if scope["type"] in ("http", "websocket"):
            scope = self._add_root(self._set_host(dict(scope)))
        await self._app(scope, receive, send)

    def _set_host(self, scope: Scope) -> Scope:
        scope["headers"] = list(scope["headers"])
        headers = MutableHeaders(scope=scope)
        if host := self._host or _read_forwarded(headers):
            headers["host"] = host
            # Gradio builds addresses from this header and leaves out the path when it is there.
            del headers["x-forwarded-host"]
        if self._scheme:
            scope["scheme"] = self._scheme
            headers["x-forwarded-proto"] = self._scheme
        return scope

    def _add_root(self, scope: Scope) -> Scope:
        path = scope["path"]
        if self._root:
            is_inside = path == self._root or path.startswith(f"{self._root}/")
            scope["path"] = path if is_inside else self._root + path
            scope["root_path"] = self._root
        return scope


class BodyLimit:
    """Reads no more of a request's body than a file of `most` bytes needs inside JSON."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        # A data URL takes four characters for three bytes; the rest of the body is small beside it.
        self._most = most * 4 // 3 + (1 << 20)
        self._sentence = f"The request is larger than a file of {most:,} bytes may be."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 when the body says it is too large, or turns out to be."""
        if scope["type"] != "http" or scope["path"].rstrip("/").endswith("/gradio_api/upload"):
            # Gradio counts each file of an upload itself.
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most:
            await _refuse(413, self._sentence, headers)(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(413, self._sentence)
            return message

        await self._app(scope, receive_counted, send)


def _is_plot_script(origin: str, scope: Scope) -> bool:
    return origin == "null" and scope.get("method") == "GET" and scope["path"].endswith(PLOT_SCRIPTS)


def _list_hosts(headers: Headers) -> Iterator[str]:
    yield headers.get("host", "")
    if forwarded := _read_forwarded(headers):
        yield forwarded


def _read_forwarded(headers: Headers) -> str:
    """Return the host that the outermost proxy was asked for, "" when there is none."""
    return headers.get("x-forwarded-host", "").split(",")[0].strip()


def _read_address(origin: str) -> str:
    """Return the host and port of an Origin header, "" when it names none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _read_name(host: str) -> str:
    """Return the name in a Host header, without its port, "" when there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _explain_host(host: str) -> str:
    return (
        f"This app does not answer to the name {host[:200]!r}. Behind a proxy, start it with --root-path and"
        " the whole address at which people reach it, for example --root-path https://flags.example/team."
    )


def _explain_origin(origin: str) -> str:
    return (
        f"Requests from {origin[:200]} are not taken; use the app's own pages. If that is where a proxy shows"
        f" the app, start it with --root-path {origin[:200]}, and the path behind it."
    )


def _refuse(status: int, sentence: str, headers: Headers) -> JSONResponse:
    log_refusal(headers.get("origin", ""), headers.get("host", ""), sentence)
    told = retell(sentence, pick_language(headers.get("accept-language")))
    return JSONResponse({"error": told, "field": "", "kind": "ForbiddenError"}, status)
