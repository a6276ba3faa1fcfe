"""The cookie by which the server knows a browser's list of predictions again after a reload.

The rule: it comes with the page itself, so that a page's first request already has it; its id is random and
long, so that nobody can guess another one's, and no script can read it. It ends with the browser.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "reviewer_session"

_ID = re.compile(r"[0-9a-f]{32}")


def read_session(cookies: Mapping[str, str]) -> str | None:
    """Return the session's id, None without a cookie of the form that the server gives."""
    chosen = str(cookies.get(COOKIE, ""))
    return chosen if _ID.fullmatch(chosen) else None


class SessionCookie:
    """Gives a browser that asks for a page its session, unless it has one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the cookie to a page's answer."""
        if not _is_new_page(scope):
            await self._app(scope, receive, send)
            return
        secure = "; Secure" if scope["scheme"] == "https" else ""
        cookie = f"{COOKIE}={secrets.token_hex(16)}; Path=/; HttpOnly; SameSite=Strict{secure}"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def _is_new_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    connection = HTTPConnection(scope)
    return "text/html" in connection.headers.get("accept", "") and read_session(connection.cookies) is None
