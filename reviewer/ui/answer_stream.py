"""No answer is lost between two streams of a page's answers.

Gradio ends a page's stream when nothing is awaited any more. A page that asks something in that very moment
takes the ended stream for an open one, opens no other, and waits for ever. The rule: whoever asks is answered
only when no stream of the same page is ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE = 1.0
"""Seconds that a page has for leaving a stream that was ended; after them it may wait for ever, as before."""

_DATA = "/queue/data"
_JOIN = "/queue/join"
_END = b'"msg":"close_stream"'


class AnswerStreams:
    """Holds the receipt of a question back until the page knows that its last stream has ended.

    A page leaves a stream when it reads the message that ends it, so the stream is kept until then.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ending: dict[str, asyncio.Event] = {}
        """Page → set when it has left the stream that is ending."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, a stream or a question with its part of the rule."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path.endswith(_DATA):
            await self._stream(scope, receive, send)
        elif path.endswith(_JOIN):
            await self._ask(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
        left: asyncio.Event | None = None

        async def send_and_stay(message: Message) -> None:
            nonlocal left
            if _END in message.get("body", b""):
                left = self._ending[page] = asyncio.Event()
            if left and not message.get("more_body", True):
                await _await_leaving(receive)
            await send(message)

        try:
            await self._app(scope, receive, send_and_stay)
        finally:
            if left:
                left.set()
                if self._ending.get(page) is left:
                    del self._ending[page]

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        read: list[bytes] = []

        async def receive_and_keep() -> Message:
            message = await receive()
            read.append(message.get("body", b""))
            return message

        async def send_when_left(message: Message) -> None:
            if message["type"] == "http.response.start" and self._ending:
                await self._await_end(_read_page(b"".join(read)))
            await send(message)

        await self._app(scope, receive_and_keep, send_when_left)

    async def _await_end(self, page: str) -> None:
        if left := self._ending.get(page):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await left.wait()


async def _await_leaving(receive: Receive) -> None:
    """Return when the client has closed the connection, or has had its time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while (await receive())["type"] != "http.disconnect":
                pass


def _read_page(body: bytes) -> str:
    """Return which page asks; empty when the question is not one that Gradio takes."""
    try:
        return str(json.loads(body)["session_hash"])
    except (ValueError, TypeError, KeyError):
        return ""
