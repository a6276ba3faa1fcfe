"""Signing in at a provider of OpenID Connect that really runs, and at ones that cheat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from people import build_spec, open_team, sign_in_client
from provider import CLIENT, SECRET, Provider, serve_provider

from reviewer.access import Person, Role
from reviewer.api import build_server
from reviewer.guards import Reach
from reviewer.sign_in import COOKIE, SignIn
from reviewer.ui.sign_in import add_sign_in_pages
from reviewer.workspace import Workspace

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with serve_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.claims = {"sub": "17", "preferred_username": "zoe"}
    running.wrong, running.more, running.signing_key = {}, {}, None
    return running


@pytest.fixture
def opened(tiny_folder: Path) -> Iterator[Workspace]:
    with Workspace(tiny_folder, is_app=True) as workspace:
        yield workspace


def serve(
    workspace: Workspace, provider: Provider, monkeypatch: pytest.MonkeyPatch, **oidc: Any
) -> Iterator[tuple[TestClient, SignIn]]:
    monkeypatch.setenv("REVIEWER_OIDC_SECRET", SECRET)
    default = oidc.pop("default_role", "none")
    given = {"issuer": provider.issuer, "client_id": CLIENT, "title": "<b>us", **oidc}
    with open_team(workspace.folder, build_spec(default_role=default, oidc=given)) as sign_in:
        server = build_server(workspace, Reach({"testserver"}), sign_in=sign_in)
        add_sign_in_pages(server, workspace, sign_in)
        yield sign_in_client(server, sign_in), sign_in


@pytest.fixture
def served(
    opened: Workspace, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, SignIn]]:
    yield from serve(opened, provider, monkeypatch, default_role="tester")


@pytest.fixture
def mapped(
    opened: Workspace, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, SignIn]]:
    roles = {"team": "tester", "ml": "reviewer"}
    yield from serve(opened, provider, monkeypatch, role_claim="groups", roles=roles)


def go_there(client: TestClient, target: str = "/") -> str:
    """Return the address to which the provider sends the browser back."""
    away = client.get("/sign-in/oidc", params={"next": target})
    assert away.status_code == 303, away.text
    return httpx2.get(away.headers["location"]).headers["location"]


def come_back(client: TestClient, link: str) -> Any:
    return client.get(link.removeprefix("http://testserver"))


def test_the_sign_in_page_leads_to_the_provider(served: tuple[TestClient, SignIn]) -> None:
    page = served[0].get("/sign-in", params={"next": "/?tab=review"})
    assert 'href="/sign-in/oidc?next=%2F%3Ftab%3Dreview"' in page.text
    assert "Sign in with &lt;b&gt;us" in page.text


def test_somebody_signs_in_at_the_provider_and_lands_where_the_link_led(
    served: tuple[TestClient, SignIn],
) -> None:
    client, _ = served
    done = come_back(client, go_there(client, "/?tab=review"))
    assert (done.status_code, done.headers["location"]) == (303, "/?tab=review")
    assert client.get("/api/account").json()["name"] == "zoe"
    assert client.get("/api/account").json()["role"] == "tester"


def test_what_is_asked_holds_state_nonce_and_challenge(served: tuple[TestClient, SignIn]) -> None:
    client, _ = served
    first, second = (
        parse_qs(urlsplit(client.get("/sign-in/oidc").headers["location"]).query) for _ in range(2)
    )
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == ["http://testserver/sign-in/oidc/callback"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-app"},
        {"aud": [CLIENT, "another-app"]},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": 1_700_000_000},  # long ago, and the same in every process that collects the tests
        {"exp": None},
        {"sub": None},
        {"preferred_username": None},
        {"preferred_username": ["zoe"]},
        {"preferred_username": "a b"},
        {"preferred_username": "<script>"},
    ],
    ids=str,
)
def test_a_token_that_does_not_fit_lets_nobody_in(
    served: tuple[TestClient, SignIn], provider: Provider, wrong: dict[str, Any]
) -> None:
    client, sign_in = served
    provider.wrong = wrong
    answer = come_back(client, go_there(client))
    assert (answer.status_code, 'role="alert"' in answer.text) == (403, True)
    assert COOKIE not in client.cookies
    assert sign_in.accounts.people.find("zoe") is None


def test_a_token_that_somebody_else_signed_lets_nobody_in(
    served: tuple[TestClient, SignIn], provider: Provider
) -> None:
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "1"})
    assert come_back(served[0], go_there(served[0])).status_code == 403
    assert COOKIE not in served[0].cookies


def test_a_way_back_counts_once_and_only_in_the_browser_that_went(
    served: tuple[TestClient, SignIn],
) -> None:
    client, _ = served
    link = go_there(client)
    victim = TestClient(client.app, follow_redirects=False)
    refused = come_back(victim, link)
    assert (refused.status_code, "begin it again" in refused.text) == (403, True)
    assert come_back(client, link).status_code == 303
    client.cookies.set("reviewer_sign_in_state", parse_qs(urlsplit(link).query)["state"][0])
    assert come_back(client, link).status_code == 403
    for query in ("", "?state=&code=x", "?state=made-up&code=x", "?error=access_denied"):
        assert client.get(f"/sign-in/oidc/callback{query}").status_code == 403


def test_a_stranger_stays_out_unless_the_config_lets_strangers_in(
    opened: Workspace, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for client, sign_in in serve(opened, provider, monkeypatch):
        answer = come_back(client, go_there(client))
        assert (answer.status_code, "zoe may not use this app yet" in answer.text) == (403, True)
        sign_in.accounts.people.add("zoe", Role.REVIEWER)
        assert come_back(client, go_there(client)).status_code == 303
        assert client.get("/api/account").json()["role"] == "reviewer"


def test_nobody_takes_over_the_name_of_somebody_with_a_password(
    served: tuple[TestClient, SignIn], provider: Provider
) -> None:
    client, sign_in = served
    sign_in.accounts.people.set_password("ann", "correct horse battery")
    provider.claims["preferred_username"] = "ann"
    answer = come_back(client, go_there(client))
    assert (answer.status_code, "There is &#x27;ann&#x27; already" in answer.text) == (403, True)


def test_a_person_stays_the_same_when_the_provider_names_them_otherwise(
    served: tuple[TestClient, SignIn], provider: Provider
) -> None:
    client, _ = served
    come_back(client, go_there(client))
    provider.claims["preferred_username"] = "zoe.new"
    assert come_back(client, go_there(client)).status_code == 303
    assert client.get("/api/account").json()["name"] == "zoe"
    provider.claims |= {"sub": "18", "preferred_username": "zoe"}  # somebody else now has the old name
    assert come_back(client, go_there(client)).status_code == 403


@pytest.mark.parametrize(
    ("groups", "role"), [(["team"], "tester"), (["team", "ml"], "reviewer"), ("ml", "reviewer")]
)
def test_the_groups_of_a_person_give_the_role_at_every_sign_in(
    mapped: tuple[TestClient, SignIn], provider: Provider, groups: Any, role: str
) -> None:
    client, sign_in = mapped
    provider.claims["groups"] = groups
    assert come_back(client, go_there(client)).status_code == 303
    assert client.get("/api/account").json()["role"] == role
    provider.claims["groups"] = ["team"]
    come_back(client, go_there(client))
    assert sign_in.accounts.people.find("zoe") == Person("zoe", Role.TESTER)
    provider.claims["groups"] = []
    assert come_back(client, go_there(client)).status_code == 403


def test_what_stands_in_no_token_is_asked_for(mapped: tuple[TestClient, SignIn], provider: Provider) -> None:
    provider.more = {"groups": ["ml"]}
    client, _ = mapped
    assert come_back(client, go_there(client)).status_code == 303
    assert client.get("/api/account").json()["role"] == "reviewer"


def test_a_provider_that_does_not_answer_is_told_of(
    opened: Workspace, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for client, _ in serve(opened, provider, monkeypatch, issuer="http://127.0.0.1:1"):
        answer = client.get("/sign-in/oidc")
        assert (answer.status_code, "ConnectError" in answer.text) == (403, True)
