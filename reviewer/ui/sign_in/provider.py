"""Signing in at a provider of OpenID Connect: the way there and the way back.

The rule: the way back counts only in the browser that went there, which a cookie of its own tells.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from html import escape
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewer.access import ForbiddenError, Person, log_refusal
from reviewer.errors import InputError
from reviewer.sign_in import SIGN_IN, Provider, SignIn, is_own_page, read_root
from reviewer.sign_in.oidc import SECONDS_AWAY
from reviewer.ui.sign_in.page import tell

STATE_COOKIE = "reviewer_sign_in_state"

Begin = Callable[[Request, Person, str], Response]
Refuse = Callable[[Request, InputError], Response]


def add_provider_pages(
    server: FastAPI, sign_in: SignIn, provider: Provider, begin: Begin, refuse: Refuse
) -> None:
    """Add the way to the provider and the way back; `begin` starts a session, `refuse` says why not."""

    async def go(request: Request) -> Response:
        """Lead to the provider, with a cookie that only this browser brings back."""
        target = request.query_params.get("next", "/")
        try:
            url, state = await run_in_threadpool(
                provider.begin, _link_back(request), target if is_own_page(target) else "/"
            )
        except ForbiddenError as error:
            return _log(request, error, refuse)
        answer = RedirectResponse(url, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        answer.set_cookie(
            STATE_COOKIE, state, max_age=int(SECONDS_AWAY), path=read_root(request.scope) + SIGN_IN,
            secure=request.url.scheme == "https", httponly=True, samesite="lax",
        )  # fmt: skip
        return answer

    async def come_back(request: Request) -> Response:
        """Begin the session of whom the provider names, or say why not."""
        state, code = (request.query_params.get(each, "") for each in ("state", "code"))
        own = request.cookies.get(STATE_COOKIE, "")
        try:
            if not hmac.compare_digest(own.encode(), state.encode()):
                raise ForbiddenError("This sign-in has ended or was used; begin it again.")
            claim = await run_in_threadpool(provider.finish, _link_back(request), state, code)
            person = await run_in_threadpool(sign_in.admit_claim, claim)
        except InputError as error:
            return _log(request, error, refuse)
        answer = begin(request, person, claim.target)
        answer.delete_cookie(STATE_COOKIE, path=read_root(request.scope) + SIGN_IN)
        return answer

    for path, way in ((f"{SIGN_IN}/oidc", go), (f"{SIGN_IN}/oidc/callback", come_back)):
        server.add_api_route(path, way, methods=["GET"], include_in_schema=False, response_model=None)


def draw_provider(request: Request, provider: Provider, target: str) -> str:
    """Return the button that leads to the provider."""
    query = urlencode({"next": target}) if is_own_page(target) else ""
    link = escape(f"{read_root(request.scope)}{SIGN_IN}/oidc?{query}")
    title = tell(request, "sign_in.with", title=provider.spec.title)
    return f'<a class="button other" href="{link}">{title}</a>'


def _link_back(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{read_root(request.scope)}{SIGN_IN}/oidc/callback"


def _log(request: Request, error: InputError, refuse: Refuse) -> Response:
    log_refusal(request.client.host if request.client else "", "sign-in at the provider", error)
    return refuse(request, error)
