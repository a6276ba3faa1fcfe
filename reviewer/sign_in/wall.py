"""The wall before everything the server has: pages, API, Gradio's routes, media and files.

The rule: it is asked before any route and knows none of them, so that nobody can forget it.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reviewer.access import ForbiddenError, SignInNeededError, log_refusal
from reviewer.errors import ReviewerError
from reviewer.sentences import pick_language, retell
from reviewer.sign_in.addresses import is_open, link_sign_in, read_page, read_path
from reviewer.sign_in.open_pages import PAGES, OpenPages
from reviewer.sign_in.recognizing import PERSON, SignIn, find_peer, tell_unknown


class Wall:
    """Lets people through whom it knows; a browser is sent to the sign-in page, a program gets a sentence."""

    def __init__(self, app: ASGIApp, sign_in: SignIn) -> None:
        self._app = app
        self._sign_in = sign_in
        self._pages = OpenPages()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 to nobody and 403 to a forgery, else let the request through with its person."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = self._look(scope)
        await (answer or self._app)(scope, receive, _close_frames(send))

    def _look(self, scope: Scope) -> Response | None:
        """Leave the person in the scope; returns the refusal when there is none or something is wrong."""
        scope[PERSON] = None
        path = read_path(scope)
        try:
            if scope["type"] != "http":
                raise tell_unknown()
            if is_open(path):
                return None
            scope[PERSON] = self._sign_in.recognize(scope)
            if scope[PERSON] is None:
                raise tell_unknown()
            scope[PAGES] = self._pages
            if page := read_page(scope):
                self._pages.claim(page, scope[PERSON].name)
        except ReviewerError as error:
            return _refuse(scope, error)
        return None


def _refuse(scope: Scope, error: ReviewerError) -> Response:
    if isinstance(error, SignInNeededError) and _is_navigation(scope):
        # Somebody who is not signed in yet is no news.
        return RedirectResponse(link_sign_in(scope), 303, {"Cache-Control": "no-store"})
    log_refusal(find_peer(scope), f"{scope.get('method', '')} {read_path(scope)}", error)
    status = (
        401 if isinstance(error, SignInNeededError) else 403 if isinstance(error, ForbiddenError) else 507
    )
    told = retell(str(error), pick_language(Headers(scope=scope).get("accept-language")))
    body = {"error": told, "field": "", "kind": type(error).__name__}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(body, status, {**headers, "Cache-Control": "no-store"})


def _is_navigation(scope: Scope) -> bool:
    """Return whether a browser opens a page, as opposed to a page or a program that asks for data."""
    headers = Headers(scope=scope)
    is_page = "text/html" in headers.get("accept", "") and headers.get("sec-fetch-mode") in (None, "navigate")
    return scope.get("method") in ("GET", "HEAD") and is_page and "authorization" not in headers


def _close_frames(send: Send) -> Send:
    """Let no page of another site show the app in a frame, where clicks could be caught."""

    async def send_closed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("x-frame-options", "SAMEORIGIN")
        await send(message)

    return send_closed
