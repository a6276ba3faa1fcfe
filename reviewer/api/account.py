"""Routes about the person who asks: who that is, what became of the own flags, tokens, the password."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from reviewer.access import SCOPES, Person
from reviewer.accounts import Accounts, Token
from reviewer.api.asking import TESTER, Root
from reviewer.api.bodies import Body
from reviewer.api.cards import build_row
from reviewer.errors import InputError
from reviewer.index.queries import Slice
from reviewer.workspace import Workspace

MOST_OWN = 500
"""The longest page of own flags."""

FATE = (
    "flag_id", "flagged_at", "model", "model_version", "option", "severity", "comment", "suggested_label",
    "predicted_label", "predicted_value", "preview", "thumbnail", "status", "resolution", "corrected_label",
    "corrected_value", "reviewed_at", "verification", "verified_version", "is_withdrawn",
)  # fmt: skip
"""What flaggers see of their flags: the outcome, not who decided or what was said on the way."""


class TokenBody(Body):
    """A token to be made, for so many days, None: until it is revoked."""

    title: str
    scope: str
    days: float | None = Field(None, gt=0)


class PasswordBody(Body):
    """The password of now and the one to come."""

    old: str = Field(max_length=10_000)
    new: str = Field(max_length=10_000)


def add_account_routes(router: APIRouter, workspace: Workspace, accounts: Accounts | None) -> None:
    """Add the routes; without accounts there is no sign-in, and they say so."""

    @router.get("/account")
    def read_account(person: Person = TESTER) -> dict[str, Any]:
        """Return who is asking, what that person may do, and what their flags say about who made them."""
        scopes = [scope for scope, role in SCOPES.items() if role <= person.role]
        answer = {"name": person.name, "role": person.role.name.lower(), "scopes": scopes}
        flagger = workspace.pseudonyms.hide(person.name)
        return {**answer, "flagger": flagger, "has_sign_in": accounts is not None}

    @router.get("/account/flags")
    def list_flags(
        root: Root,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_OWN)] = 50,
        person: Person = TESTER,
    ) -> dict[str, Any]:
        """Return one page of the own flags and what became of each, newest first."""
        page, total, _ = workspace.read_page(
            Slice(flagger=workspace.pseudonyms.list_names(person.name)), "newest", after, limit, 0, 0
        )
        rows = [build_row(each, root) for each in page.rows]
        flags = [{name: each[name] for name in FATE} for each in rows]
        return {"flags": flags, "next": page.next, "total": total}

    @router.get("/account/tokens")
    def list_tokens(person: Person = TESTER) -> list[dict[str, Any]]:
        """Return the own tokens, oldest first; the tokens themselves were shown once."""
        return [_build_token(each) for each in _demand(accounts).tokens.list_of(person.name)]

    @router.post("/account/tokens")
    def make_token(body: TokenBody, person: Person = TESTER) -> dict[str, Any]:
        """Make a token; the answer is the only place where it is shown."""
        secret, made = _demand(accounts).make_token(person, body.title, body.scope, body.days)
        return {**_build_token(made), "token": secret}

    @router.delete("/account/tokens/{token_id}")
    def revoke_token(token_id: str, person: Person = TESTER) -> dict[str, Any]:
        """End an own token at once."""
        _demand(accounts).revoke_token(person, token_id)
        return {}

    @router.post("/account/password")
    def change_password(body: PasswordBody, request: Request, person: Person = TESTER) -> dict[str, Any]:
        """Change the own password; all sessions end, also this one."""
        address = request.client.host if request.client else ""
        _demand(accounts).change_password(person, body.old, body.new, address)
        return {}


def _demand(accounts: Accounts | None) -> Accounts:
    if accounts is None:
        raise InputError("Nobody signs in here, so there are no accounts; start the app with --sign-in.")
    return accounts


def _build_token(token: Token) -> dict[str, Any]:
    times = {"made_at": _show(token.made_at), "ends_at": _show(token.ends_at)}
    return {**{name: value for name, value in asdict(token).items() if name != "name"}, **times}


def _show(at: float | None) -> str | None:
    return (
        None
        if at is None
        else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
