"""Workspaces with sign-in, and people who are signed in to them.

The rule: a session is begun as the sign-in page begins one, but without the time that a password takes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from reviewer.access import Role
from reviewer.accounts import Accounts
from reviewer.api import build_server
from reviewer.config import SignInSpec
from reviewer.guards import Reach
from reviewer.sign_in import COOKIE, SignIn, open_sign_in
from reviewer.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

PEOPLE = {
    "ann": Role.ADMIN,
    "bob": Role.REVIEWER,
    "carl": Role.REVIEWER,
    "rea": Role.REVIEWER,
    "tess": Role.TESTER,
    "tom": Role.TESTER,
}
"""Who may use a workspace of the tests."""

OWN = {"Origin": "http://testserver"}
"""What a page of the app sends along with each change."""


def turn_on_sign_in(folder: Path, lines: str = "") -> None:
    """Let the workspace ask everybody to sign in, and add `PEOPLE`; `lines` are further ones of the table."""
    config = folder / "reviewer.toml"
    config.write_text(f"{config.read_text('utf-8')}\n[sign_in]\non = true\n{lines}\n", encoding="utf-8")
    with Accounts(folder) as accounts:
        add_people(accounts)


def build_spec(**values: Any) -> SignInSpec:
    """Return the table `[sign_in]` with these keys, turned on."""
    return SignInSpec.model_validate({"on": True, **values})


def add_people(accounts: Accounts) -> None:
    """Add `PEOPLE`."""
    for name, role in PEOPLE.items():
        accounts.people.add(name, role)


@contextlib.contextmanager
def open_team(folder: Path, spec: SignInSpec | None = None) -> Iterator[SignIn]:
    """Yield how `PEOPLE` sign in to the workspace in the folder."""
    with open_sign_in(folder, spec or build_spec()) as sign_in:
        add_people(sign_in.accounts)
        yield sign_in


@contextlib.contextmanager
def serve_team(folder: Path, spec: SignInSpec | None = None) -> Iterator[tuple[FastAPI, SignIn]]:
    """Yield the server with the API of the workspace in the folder, behind the wall, and how one gets in."""
    with Workspace(folder, is_app=True) as workspace, open_team(folder, spec) as sign_in:
        yield build_server(workspace, Reach({"testserver"}), sign_in=sign_in), sign_in


def sign_in_client(server: FastAPI, sign_in: SignIn, name: str = "") -> TestClient:
    """Return a client that asks as one of `PEOPLE` asks from the app's page, or as nobody."""
    client = TestClient(server, headers=OWN, follow_redirects=False)
    if name:
        client.cookies.set(COOKIE, sign_in.accounts.sessions.start(name))
    return client


def sign_in_browser(browser: Browser, address: str, folder: Path, name: str) -> BrowserContext:
    """Return a context of the browser in which one of `PEOPLE` is signed in to the app at the address."""
    context = browser.new_context(base_url=address)
    with Accounts(folder) as accounts:
        secret = accounts.sessions.start(name)
    context.add_cookies([{"name": COOKIE, "value": secret, "url": address}])
    return context
