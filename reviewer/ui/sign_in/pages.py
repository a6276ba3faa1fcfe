"""Signing in by name and password or at a provider, choosing a password by a one-time link, signing out.

The rule: nothing here tells whether a name is anybody's; a session begins only here, with a new id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewer.access import ForbiddenError, Person, log_refusal
from reviewer.accounts import TooManyTriesError
from reviewer.accounts.passwords import LONGEST, SHORTEST
from reviewer.errors import InputError, ReviewerError
from reviewer.sign_in import (
    SIGN_IN,
    SIGN_OUT,
    SignIn,
    check_same_site,
    clear_cookie,
    is_own_page,
    read_cookie,
    read_root,
    set_cookie,
)
from reviewer.ui.session_cookie import COOKIE as LIST_COOKIE
from reviewer.ui.sign_in.account import add_account_page
from reviewer.ui.sign_in.page import draw_field, draw_form, draw_hidden, draw_problem, show_page, tell
from reviewer.ui.sign_in.provider import add_provider_pages, draw_provider
from reviewer.workspace import Workspace

MOST_FORM = 100_000
"""Bytes of a form."""

Answer = Callable[[Request], Awaitable[Response]]


def add_sign_in_pages(server: FastAPI, workspace: Workspace, sign_in: SignIn) -> None:
    """Add the pages to the server."""
    pages = _Pages(sign_in, workspace.spec.title)
    routes: dict[tuple[str, str], Answer] = {
        ("GET", SIGN_IN): pages.ask,
        ("POST", SIGN_IN): pages.check,
        ("GET", f"{SIGN_IN}/link"): pages.ask_password,
        ("POST", f"{SIGN_IN}/link"): pages.choose_password,
        ("POST", SIGN_OUT): pages.sign_out,
    }
    for (method, path), answer in routes.items():
        server.add_api_route(path, answer, methods=[method], include_in_schema=False, response_model=None)
    if sign_in.provider:
        add_provider_pages(server, sign_in, sign_in.provider, pages.begin, pages.refuse)
    add_account_page(server, workspace, sign_in)


class _Pages:
    def __init__(self, sign_in: SignIn, title: str) -> None:
        self._sign_in = sign_in
        self._title = title
        # Those who guess passwords must not keep the threads that all other requests need.
        self._slow = CapacityLimiter(2)

    async def ask(self, request: Request) -> Response:
        """Show the form, or what was asked for to somebody who is signed in."""
        target = request.query_params.get("next", "/")
        if self._find_signed_in(request):
            return RedirectResponse(_link_target(request, target), 303)
        return self._show(request, target)

    async def check(self, request: Request) -> Response:
        """Begin a session for the right name and password."""
        form = await _read_form(request)
        name, target = form.get("name", "")[:200], form.get("next", "/")
        address = request.client.host if request.client else ""
        try:
            check_same_site(request.scope)
            check = self._sign_in.accounts.check_password
            person = await run_sync(check, name, form.get("password", ""), address, limiter=self._slow)
        except ForbiddenError as error:
            log_refusal(address, f"sign-in as {name}", error)
            return self._show(request, target, name, error)
        return self.begin(request, person, target)

    async def ask_password(self, request: Request) -> Response:
        """Show the form of a one-time link."""
        secret = request.query_params.get("token", "")
        try:
            person = self._sign_in.accounts.links.find(secret)
        except ForbiddenError as error:
            return self._show(request, "/", problem=error)
        return _show_password(request, person, secret)

    async def choose_password(self, request: Request) -> Response:
        """Use the link up, and begin a session."""
        form = await _read_form(request)
        secret, password = form.get("token", ""), form.get("password", "")
        links = self._sign_in.accounts.links
        try:
            check_same_site(request.scope)
            person = links.find(secret)
        except ForbiddenError as error:
            log_refusal(request.client.host if request.client else "", "one-time link", error)
            return self._show(request, "/", problem=error)
        try:
            if password != form.get("again"):
                raise InputError("The two passwords differ; type the same one twice.")
            await run_sync(links.use, secret, password, limiter=self._slow)
        except InputError as error:
            return _show_password(request, person, secret, error)
        return self.begin(request, person, "/")

    async def sign_out(self, request: Request) -> Response:
        """End this session, or all of the person's; the wall has checked where the form comes from."""
        form = await _read_form(request)
        sessions, secret = self._sign_in.accounts.sessions, read_cookie(request.scope)
        person = sessions.find(secret) if secret else None
        if person and form.get("everywhere"):
            sessions.end_all(person.name)
        elif secret:
            sessions.end(secret)
        answer = RedirectResponse(read_root(request.scope) + SIGN_IN, 303)
        clear_cookie(answer, request.scope)
        answer.delete_cookie(LIST_COOKIE)
        return answer

    def begin(self, request: Request, person: Person, target: str) -> Response:
        """Return the way to what was asked for, with a new session; the one before ends."""
        sessions = self._sign_in.accounts.sessions
        if before := read_cookie(request.scope):
            sessions.end(before)
        answer = RedirectResponse(_link_target(request, target), 303, {"Cache-Control": "no-store"})
        set_cookie(answer, request.scope, sessions.start(person.name), sessions.longest)
        return answer

    def refuse(self, request: Request, problem: InputError) -> Response:
        """Show the form with what went wrong."""
        return self._show(request, "/", problem=problem)

    def _find_signed_in(self, request: Request) -> Person | None:
        try:
            return self._sign_in.recognize(request.scope)
        except ReviewerError:
            return None

    def _show(
        self, request: Request, target: str, name: str = "", problem: InputError | None = None
    ) -> Response:
        focus: dict[str, Any] = {"password" if name else "name": {"autofocus": ""}}
        fields = (
            draw_problem(request, str(problem) if problem else None)
            + draw_hidden("next", target if is_own_page(target) else "/")
            + draw_field(
                request, "name", "sign_in.name", value=name, autocomplete="username", autocapitalize="none",
                spellcheck="false", maxlength="200", **focus.get("name", {}),
            )
            + draw_field(
                request, "password", "sign_in.password", "password", autocomplete="current-password",
                maxlength=str(LONGEST), **focus.get("password", {}),
            )
        )  # fmt: skip
        body = draw_form(request, SIGN_IN, fields, "sign_in.do")
        if self._sign_in.provider:
            body = draw_provider(request, self._sign_in.provider, target) + body
        hint = f'<p class="dim">{tell(request, "sign_in.forgotten")}</p>'
        shown = show_page(request, tell(request, "sign_in.title", title=self._title), body + hint)
        if problem:
            shown.status_code = 429 if isinstance(problem, TooManyTriesError) else 403
        if isinstance(problem, TooManyTriesError):
            shown.headers["Retry-After"] = str(problem.seconds)
        return shown


def _show_password(
    request: Request, person: Person, secret: str, problem: InputError | None = None
) -> Response:
    length = {"minlength": str(SHORTEST), "maxlength": str(LONGEST), "autocomplete": "new-password"}
    fields = (
        draw_problem(request, str(problem) if problem else None)
        + draw_hidden("token", secret)
        + draw_field(
            request, "name", "sign_in.name", value=person.name, readonly="", autocomplete="username"
        )
        + draw_field(
            request, "password", "sign_in.new_password", "password",
            hint=tell(request, "sign_in.new_password.hint", least=SHORTEST), autofocus="", **length,
        )
        + draw_field(request, "again", "sign_in.again", "password", **length)
    )  # fmt: skip
    body = draw_form(request, f"{SIGN_IN}/link", fields, "sign_in.choose")
    heading = tell(request, "sign_in.choose_title")
    return show_page(request, heading, body, status=422 if problem else 200)


async def _read_form(request: Request) -> dict[str, str]:
    """Return the texts of a form; files are none of ours, and nobody known may send much."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MOST_FORM:
        raise HTTPException(413, f"The form is larger than {MOST_FORM:,} bytes.")
    async with request.form(max_files=0, max_fields=20) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def _link_target(request: Request, target: str) -> str:
    return read_root(request.scope) + (target if is_own_page(target) else "/")
