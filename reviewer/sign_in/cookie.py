"""The cookie that stands for a session.

The rule: no script reads it, no other site's form sends it, and over HTTPS it never travels without it.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Scope

from reviewer.sign_in.addresses import read_root

COOKIE = "reviewer_sign_in"


def read_cookie(scope: Scope) -> str | None:
    """Return the session's id, None without a cookie."""
    return HTTPConnection(scope).cookies.get(COOKIE) or None


def set_cookie(response: Response, scope: Scope, secret: str, seconds: float) -> None:
    """Give the browser the session's id for so long."""
    response.set_cookie(
        COOKIE, secret, max_age=int(seconds), path=read_root(scope) or "/", secure=scope["scheme"] == "https",
        httponly=True, samesite="lax",
    )  # fmt: skip


def clear_cookie(response: Response, scope: Scope) -> None:
    """Let the browser forget the session's id."""
    response.delete_cookie(
        COOKIE, path=read_root(scope) or "/", secure=scope["scheme"] == "https", httponly=True, samesite="lax"
    )
