"""The place of one's own account: who one is, what became of the own flags, tokens, password, signing out.

The rule: it shows nothing of anybody else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any, cast

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reviewer.access import SCOPES, Person, log_refusal
from reviewer.accounts import Token
from reviewer.accounts.passwords import LONGEST, SHORTEST
from reviewer.errors import ReviewerError
from reviewer.records import Flag
from reviewer.sign_in import ACCOUNT, SIGN_IN, SIGN_OUT, SignIn, find_person, read_root
from reviewer.ui.flag_box import describe_state
from reviewer.ui.markup import Html, draw_table
from reviewer.ui.sign_in.page import draw_field, draw_form, draw_hidden, draw_problem, show_page, tell
from reviewer.workspace import Workspace

SHOWN_FLAGS = 50
"""Own flags that are listed, newest first."""


def add_account_page(server: FastAPI, workspace: Workspace, sign_in: SignIn) -> None:
    """Add the page and what its forms do."""
    page = _AccountPage(workspace, sign_in)
    for method, path, answer in (
        ("GET", ACCOUNT, page.show),
        ("POST", f"{ACCOUNT}/tokens", page.make_token),
        ("POST", f"{ACCOUNT}/tokens/revoke", page.revoke_token),
        ("POST", f"{ACCOUNT}/password", page.change_password),
    ):
        server.add_api_route(path, answer, methods=[method], include_in_schema=False, response_model=None)


class _AccountPage:
    def __init__(self, workspace: Workspace, sign_in: SignIn) -> None:
        self._workspace, self._sign_in = workspace, sign_in

    async def show(self, request: Request) -> Response:
        """Show the page."""
        return await self._draw(request)

    async def make_token(self, request: Request) -> Response:
        """Show a new token, once."""
        form, person = await request.form(), find_person(request.scope)
        title, scope = str(form.get("title", "")), str(form.get("scope", ""))
        try:
            secret, _ = await run_in_threadpool(self._sign_in.accounts.make_token, person, title, scope)
        except ReviewerError as error:
            return await self._refuse(request, error)
        return await self._draw(request, secret=secret)

    async def revoke_token(self, request: Request) -> Response:
        """End a token."""
        form, person = await request.form(), find_person(request.scope)
        try:
            self._sign_in.accounts.revoke_token(person, str(form.get("token_id", "")))
        except ReviewerError as error:
            return await self._refuse(request, error)
        return RedirectResponse(read_root(request.scope) + ACCOUNT, 303)

    async def change_password(self, request: Request) -> Response:
        """Change the password, which ends all sessions."""
        form, person = await request.form(), find_person(request.scope)
        try:
            await run_in_threadpool(
                self._sign_in.accounts.change_password,
                person,
                str(form.get("old", "")),
                str(form.get("new", "")),
                request.client.host if request.client else "",
            )  # fmt: skip
        except ReviewerError as error:
            return await self._refuse(request, error)
        return RedirectResponse(read_root(request.scope) + SIGN_IN, 303)

    async def _refuse(self, request: Request, error: ReviewerError) -> Response:
        log_refusal(find_person(request.scope).name, request.url.path, error)
        return await self._draw(request, problem=str(error))

    async def _draw(self, request: Request, secret: str = "", problem: str = "") -> Response:
        person = find_person(request.scope)
        tokens = self._sign_in.accounts.tokens.list_of(person.name)
        flags = await run_in_threadpool(
            self._workspace.queue,
            sort="newest",
            limit=SHOWN_FLAGS,
            flagger=self._workspace.pseudonyms.list_names(person.name),
        )
        body = (
            draw_problem(request, problem or None)
            + _draw_person(request, person)
            + _draw_flags(request, flags, self._describe_naming(request, person))
            + _draw_tokens(request, person, tokens, secret)
            + _draw_password(request)
        )
        return show_page(
            request, tell(request, "account.title"), body, status=422 if problem else 200, is_wide=True
        )

    def _describe_naming(self, request: Request, person: Person) -> str:
        """Return what flags say about who made them, "" when that is the name."""
        pseudonyms = self._workspace.pseudonyms
        if pseudonyms.keeps_names:
            return ""
        if pseudonyms.keeps_nothing:
            return tell(request, "account.flags.unnamed")
        return tell(request, "account.flags.pseudonym", name=pseudonyms.hide(person.name))


def _draw_person(request: Request, person: Person) -> str:
    role = tell(request, f"role.{person.role.name.lower()}")
    everywhere = draw_hidden("everywhere", "1")
    root = read_root(request.scope)
    return (
        f'<p class="person"><strong>{escape(person.name)}</strong> · {role}</p>'
        f'<div class="row"><a class="button" href="{root}/">{tell(request, "account.back")}</a>'
        + draw_form(request, SIGN_OUT, "", "account.sign_out", kind="plain")
        + draw_form(request, SIGN_OUT, everywhere, "account.sign_out_everywhere", kind="plain")
        + "</div>"
    )


def _draw_flags(request: Request, flags: list[Flag], naming: str) -> str:
    heading = f"<section><h2>{tell(request, 'account.flags')}</h2>"
    heading += f'<p class="dim">{naming}</p>' if naming else ""
    if not flags:
        return f'{heading}<p class="dim">{tell(request, "account.flags.none")}</p></section>'
    head = [tell(request, f"account.flags.{each}") for each in ("when", "model", "option", "comment", "fate")]
    rows = [
        (
            Html(f'<span id="flag-{escape(each.flag_id)}">{_show_time(each.flagged_at.timestamp())}</span>'),
            each.model,
            Html(tell(request, f"option.{each.option}")),
            each.comment[:200],
            describe_state(cast(Any, request), each),
        )
        for each in flags
    ]
    return f"{heading}{draw_table([Html(each) for each in head], rows)}</section>"


def _draw_tokens(request: Request, person: Person, tokens: list[Token], secret: str) -> str:
    made = (
        f'<p class="made" role="status">{tell(request, "account.tokens.once")}'
        f'<br /><code id="token">{secret}</code></p>'
        if secret
        else ""
    )
    options = "".join(
        f'<option value="{scope}">{tell(request, f"scope.{scope}")}</option>'
        for scope, role in SCOPES.items()
        if role <= person.role
    )
    fields = (
        draw_field(request, "title", "account.tokens.title", maxlength="100", autocomplete="off")
        + f'<label for="scope">{tell(request, "account.tokens.scope")}</label>'
        + f'<select id="scope" name="scope">{options}</select>'
    )
    listed = "".join(_draw_token(request, each) for each in tokens)
    return (
        f"<section><h2>{tell(request, 'account.tokens')}</h2>"
        f'<p class="dim">{tell(request, "account.tokens.hint")}</p>{made}'
        + (f'<ul class="tokens">{listed}</ul>' if listed else "")
        + draw_form(request, f"{ACCOUNT}/tokens", fields, "account.tokens.make")
        + "</section>"
    )


def _draw_token(request: Request, token: Token) -> str:
    revoke = draw_form(
        request, f"{ACCOUNT}/tokens/revoke", draw_hidden("token_id", token.token_id), "account.tokens.revoke",
        kind="plain",
    )  # fmt: skip
    what = tell(
        request, "account.tokens.entry", title=token.title, scope=token.scope, made=_show_time(token.made_at)
    )
    return f"<li><span>{what}</span>{revoke}</li>"


def _draw_password(request: Request) -> str:
    length = {"minlength": str(SHORTEST), "maxlength": str(LONGEST), "autocomplete": "new-password"}
    fields = draw_field(
        request, "old", "account.password.old", "password", autocomplete="current-password"
    ) + draw_field(
        request, "new", "sign_in.new_password", "password",
        hint=tell(request, "sign_in.new_password.hint", least=SHORTEST), **length,
    )  # fmt: skip
    form = draw_form(request, f"{ACCOUNT}/password", fields, "account.password.change")
    return f"<section><h2>{tell(request, 'account.password')}</h2>{form}</section>"


def _show_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
