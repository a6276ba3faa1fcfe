"""Attacks on a server with sign-in: forged requests, stolen cookies, guessed passwords, strange names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from people import OWN, build_spec, open_team, serve_team, sign_in_client
from schemathesis.checks import not_a_server_error
from test_api import ROUTES

from reviewer.access import Person, Role
from reviewer.accounts.throttle import FREE_BY_NAME
from reviewer.api import build_server
from reviewer.guards import Reach
from reviewer.records import new_id
from reviewer.sign_in import COOKIE, Peer, SignIn, is_own_page
from reviewer.ui.app import build_site
from reviewer.workspace import Workspace

PASSWORD = "correct horse battery"  # noqa: S105  of nobody
NASTY = '<img src=x onerror="alert(1)"><script>alert(2)</script>\'"&{{7*7}}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_workspace_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    for name in ("reviewer.toml", "tickets.skops", "shades.skops"):
        (folder / name).write_bytes((tiny_workspace_folder / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace(folder, is_app=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def sign_in(folder: Path) -> Iterator[SignIn]:
    with open_team(folder) as opened:
        opened.accounts.people.set_password("bob", PASSWORD)
        yield opened


@pytest.fixture(scope="module")
def site(workspace: Workspace, sign_in: SignIn) -> FastAPI:
    return build_site(workspace, Reach({"testserver"}), sign_in=sign_in)


@pytest.fixture
def nobody(site: FastAPI, sign_in: SignIn) -> TestClient:
    return sign_in_client(site, sign_in)


@pytest.fixture
def ann(site: FastAPI, sign_in: SignIn) -> TestClient:
    return sign_in_client(site, sign_in, "ann")


@pytest.fixture
def bob(site: FastAPI, sign_in: SignIn) -> TestClient:
    return sign_in_client(site, sign_in, "bob")


def enter(client: TestClient, name: str, password: str, target: str = "/") -> Any:
    return client.post("/sign-in", data={"name": name, "password": password, "next": target})


# A page of another site in the browser of somebody who is signed in

FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver:81"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(
    "path", ["/api/predict", "/api/account/tokens", "/sign-out", "/account/tokens", "/gradio_api/queue/join"]
)
def test_another_sites_page_changes_nothing(
    site: FastAPI, sign_in: SignIn, headers: dict[str, str], path: str
) -> None:
    client = TestClient(site, follow_redirects=False)
    secret = sign_in.accounts.sessions.start("bob")
    client.cookies.set(COOKIE, secret)
    answer = client.post(path, content="{}", headers={"Content-Type": "text/plain", **headers})
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert sign_in.accounts.sessions.find(secret) == Person("bob", Role.REVIEWER)
    assert sign_in.accounts.tokens.list_of("bob") == []


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_sites_page_signs_nobody_in(site: FastAPI, headers: dict[str, str]) -> None:
    client = TestClient(site, follow_redirects=False)
    answer = client.post("/sign-in", data={"name": "bob", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert COOKIE not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("site_word", ["cross-site", "same-site"])
def test_another_sites_page_reads_nothing(bob: TestClient, site_word: str) -> None:
    embedded = {"Sec-Fetch-Site": site_word, "Sec-Fetch-Mode": "no-cors"}
    assert bob.get("/api/queue", headers=embedded).status_code == 403
    followed = {"Sec-Fetch-Site": site_word, "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    assert bob.get("/?tab=review", headers={**followed, "Origin": "http://testserver"}).status_code == 200


def test_no_page_of_another_site_shows_the_app_in_a_frame(bob: TestClient) -> None:
    assert bob.get("/").headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'none'" in bob.get("/account").headers["content-security-policy"]


# Cookies


def test_the_cookie_is_for_this_app_alone(site: FastAPI) -> None:
    for scheme in ("http", "https"):
        client = TestClient(site, base_url=f"{scheme}://testserver", follow_redirects=False)
        answer = client.post(
            "/sign-in",
            data={"name": "bob", "password": PASSWORD},
            headers={"Origin": f"{scheme}://testserver"},
        )
        [cookie] = [each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE)]
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert ("Secure" in cookie) is (scheme == "https")


def test_a_session_that_somebody_planted_is_not_the_one_after_signing_in(
    nobody: TestClient, sign_in: SignIn
) -> None:
    planted = sign_in.accounts.sessions.start("tess")
    nobody.cookies.set(COOKIE, planted)
    answer = enter(nobody, "bob", PASSWORD)
    assert answer.status_code == 303
    given = re.search(rf"{COOKIE}=([^;]+)", answer.headers["set-cookie"])
    assert given is not None
    assert given[1] != planted
    assert sign_in.accounts.sessions.find(planted) is None
    assert sign_in.accounts.sessions.find(given[1]) == Person("bob", Role.REVIEWER)


@pytest.mark.parametrize("cookie", ["", "x", "x" * 5000, "../../etc/passwd", "' or 1=1 --", "%00", "é"])
def test_a_made_up_cookie_is_nobodys(nobody: TestClient, cookie: str) -> None:
    headers = {"Cookie": f"{COOKIE}={cookie}".encode()}
    assert nobody.get("/api/account", headers=headers).status_code == 401  # type: ignore[arg-type]


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(bob: TestClient, site: FastAPI) -> None:
    stolen = bob.cookies[COOKIE]
    thief = TestClient(site, headers=OWN, cookies={COOKIE: stolen})
    assert thief.get("/api/account").status_code == 200
    assert bob.post("/sign-out").status_code == 303
    assert thief.get("/api/account").status_code == 401


def test_signing_out_everywhere_ends_the_sessions_of_all_browsers(
    bob: TestClient, site: FastAPI, sign_in: SignIn
) -> None:
    others = [sign_in_client(site, sign_in, name) for name in ("bob", "tess")]
    bob.post("/sign-out", data={"everywhere": "1"})
    assert [each.get("/api/account").status_code for each in (bob, *others)] == [401, 401, 200]


def test_a_removed_person_is_shut_out_in_the_middle_of_the_work(site: FastAPI, sign_in: SignIn) -> None:
    sign_in.accounts.people.add("gone", Role.REVIEWER)
    gone = sign_in_client(site, sign_in, "gone")
    token, _ = sign_in.accounts.tokens.make(Person("gone", Role.REVIEWER), "ci", "review")
    assert gone.get("/api/queue").status_code == 200
    sign_in.accounts.people.remove("gone")
    assert gone.get("/api/queue").status_code == 401
    assert gone.get("/api/queue", headers={"Authorization": f"Bearer {token}"}).status_code == 401


# Passwords


def test_guessing_is_stopped_and_the_wait_is_told(
    nobody: TestClient, sign_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in.accounts.people.add("target", Role.TESTER)
    for _ in range(FREE_BY_NAME):
        assert enter(nobody, "target", "wrong wrong wrong").status_code == 403
    answer = enter(nobody, "TARGET", "wrong wrong wrong")
    seconds = int(answer.headers["retry-after"])
    assert (answer.status_code, 0 < seconds <= 30) == (
        429,
        True,
    )  # a busy machine takes some of them to answer
    assert f"Too many tries; the next one is possible in {seconds} second" in answer.text
    refusals = [each.getMessage() for each in caplog.records if each.name == "reviewer.access"]
    assert len(refusals) == FREE_BY_NAME + 1
    assert "'sign-in as TARGET'" in refusals[-1]


def test_what_is_typed_as_a_name_cannot_forge_a_line_of_the_log(
    nobody: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    enter(nobody, "x\nrefused nobody: all is well", "wrong wrong wrong")
    assert [each for each in caplog.records if "\n" in each.getMessage()] == []


def test_nobody_can_send_a_form_without_end(nobody: TestClient) -> None:
    answer = nobody.post("/sign-in", data={"name": "bob", "password": "x" * 200_000})
    assert (answer.status_code, "larger than 100,000 bytes" in answer.text) == (413, True)
    endless = (b"name=bob&" for _ in range(3))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert nobody.post("/sign-in", content=endless, headers=kind).status_code == 413


def test_an_unknown_name_is_answered_like_a_wrong_password(nobody: TestClient) -> None:
    known, unknown = (enter(nobody, name, "wrong wrong wrong").text for name in ("carl", "rolf"))
    assert known.replace("carl", "") == unknown.replace("rolf", "")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x", "/a//evil.example", "evil.example", "", "/\tevil", " /x", "/x" * 3000,
    ],
)  # fmt: skip
def test_nobody_is_led_to_another_site_after_signing_in(nobody: TestClient, target: str) -> None:
    answer = enter(nobody, "bob", PASSWORD, target)
    place = answer.headers["location"]
    assert place == "/" or (place == target and is_own_page(target) and "\n" not in place)


def test_a_deep_link_leads_to_its_page_after_signing_in(nobody: TestClient) -> None:
    sent = nobody.get("/?tab=review&model=tickets", headers={"Accept": "text/html"})
    assert (sent.status_code, sent.headers["location"]) == (
        303, "/sign-in?next=%2F%3Ftab%3Dreview%26model%3Dtickets",
    )  # fmt: skip
    page = nobody.get(sent.headers["location"])
    assert 'value="/?tab=review&amp;model=tickets"' in page.text
    done = enter(nobody, "bob", PASSWORD, "/?tab=review&model=tickets#flag")
    assert done.headers["location"] == "/?tab=review&model=tickets#flag"


def test_a_link_for_a_password_works_once_and_signs_in(nobody: TestClient, sign_in: SignIn) -> None:
    sign_in.accounts.people.add("newcomer", Role.TESTER)
    form = {"token": sign_in.accounts.links.make("newcomer"), "password": PASSWORD, "again": PASSWORD}
    assert "newcomer" in nobody.get("/sign-in/link", params={"token": form["token"]}).text
    assert nobody.post("/sign-in/link", data={**form, "again": "other"}).status_code == 422
    assert nobody.post("/sign-in/link", data=form).status_code == 303
    assert nobody.get("/api/account").json()["name"] == "newcomer"
    again = nobody.post("/sign-in/link", data=form)
    assert (again.status_code, "This link was used or has ended" in again.text) == (403, True)


# Headers


@pytest.mark.parametrize("address", ["10.0.0.2", "192.0.2.1"])
def test_only_a_trusted_proxy_may_name_a_person(tiny_folder: Path, address: str) -> None:
    spec = build_spec(proxy_header="X-Forwarded-User", trusted_proxies=["10.0.0.2"])
    with serve_team(tiny_folder, spec) as (server, _):
        client = TestClient(Peer(server, spec.trusted_proxies), client=(address, 5000), headers=OWN)
        answer = client.get("/api/account", headers={"X-Forwarded-User": "ann"})
        if address == "10.0.0.2":
            assert (answer.status_code, answer.json()["name"]) == (200, "ann")
            assert client.get("/api/account").status_code == 401
            return
        assert answer.status_code == 403
        assert "X-Forwarded-User is not believed from 192.0.2.1" in answer.json()["error"]
        # Saying that the request came through the proxy does not help.
        forged = {"X-Forwarded-User": "ann", "X-Forwarded-For": "10.0.0.2", "Forwarded": "for=10.0.0.2"}
        assert client.get("/api/account", headers=forged).status_code == 403


@pytest.mark.parametrize(
    ("role", "status"), [("none", 403), ("tester", 200)], ids=["refused", "let in as a tester"]
)
def test_a_stranger_whom_a_proxy_names_comes_in_as_the_config_says(
    tiny_folder: Path, role: str, status: int
) -> None:
    spec = build_spec(proxy_header="X-User", trusted_proxies=["10.0.0.0/8"], default_role=role)
    with serve_team(tiny_folder, spec) as (server, _):
        client = TestClient(server, client=("10.9.9.9", 5000), headers=OWN)
        assert client.get("/api/account", headers={"X-User": "zoe@flags.example"}).status_code == status
        assert client.get("/api/queue", headers={"X-User": "zoe@flags.example"}).status_code == 403
        assert client.get("/api/account", headers={"X-User": "a b"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-User": "ann"}, {"Remote-User": "ann"}, {"X-Remote-User": "ann"},
        {"Authorization": "Basic YW5uOng="}, {"Authorization": "Bearer "}, {"Authorization": "Bearer ann"},
        {"X-Original-URL": "/sign-in"}, {"X-Rewrite-URL": "/sign-in"}, {"X-HTTP-Method-Override": "GET"},
    ],
)  # fmt: skip
def test_no_header_lets_anybody_in(nobody: TestClient, headers: dict[str, str]) -> None:
    assert nobody.get("/api/account", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in/../api/account", "/sign-in/%2e%2e/api/account", "//api/account", "/api//account",
        "/API/account", "/api/account/", "/api/account%00", "/ui/sign_in/../../api/account",
        "/ui/sign_in/%2e%2e/app.css", "/;/api/account", "/sign-in;/api/account", "/sign-in/link/../../config",
    ],
)  # fmt: skip
def test_no_way_of_writing_an_address_goes_around_the_wall(nobody: TestClient, path: str) -> None:
    answer = nobody.get(path)
    assert answer.status_code in (400, 401, 404)
    assert "tess" not in answer.text


# Tokens


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("test", "/api/models", 200), ("test", "/api/queue", 403), ("review", "/api/queue", 200),
        ("admin", "/api/queue", 200),
    ],
)  # fmt: skip
def test_a_token_opens_what_its_scope_says(
    site: FastAPI, sign_in: SignIn, scope: str, path: str, status: int
) -> None:
    token, _ = sign_in.accounts.tokens.make(Person("ann", Role.ADMIN), "ci", scope)
    program = TestClient(site, headers={"Authorization": f"Bearer {token}"})
    assert program.get(path).status_code == status


def test_a_token_without_the_scope_cannot_promote_or_make_tokens(site: FastAPI, sign_in: SignIn) -> None:
    token, _ = sign_in.accounts.tokens.make(Person("ann", Role.ADMIN), "ci", "review")
    program = TestClient(site, headers={"Authorization": f"Bearer {token}"})
    refused = program.post("/api/models/tickets/promote", json={"version": "1"})
    sentence = "This needs the role admin; the token of ann has the scope review."
    assert (refused.status_code, refused.json()["error"]) == (403, sentence)
    made = program.post("/api/account/tokens", json={"title": "more", "scope": "review"})
    assert (made.status_code, made.json()["error"]) == (
        403, "A token cannot change an account; sign in with the browser.",
    )  # fmt: skip


def test_a_token_is_shown_once_and_can_be_revoked(ann: TestClient, site: FastAPI) -> None:
    made = ann.post("/api/account/tokens", json={"title": "ci", "scope": "test"}).json()
    program = TestClient(site, headers={"Authorization": f"Bearer {made['token']}"})
    assert program.get("/api/account").json()["name"] == "ann"
    listed = ann.get("/api/account/tokens")
    assert made["token_id"] in listed.text
    assert made["token"] not in listed.text + ann.get("/account").text
    assert ann.delete(f"/api/account/tokens/{made['token_id']}").status_code == 200
    assert program.get("/api/account").status_code == 401


# Files


@pytest.mark.parametrize(
    "name",
    [
        "../reviewer.toml", "..%2f..%2fpeople.sqlite", "%2e%2e%2fpeople.sqlite",
        "people.sqlite", "/etc/passwd", "%2fetc%2fpasswd", "..\\people.sqlite",
        "a.png/../../people.sqlite", "x%00.png", "." * 200,
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "place",
    [
        "/api/media/{}", "/api/exports/tickets/{}.zip", "/api/exports/tickets/1/files/{}", "/ui/{}",
        "/api/batches/{}/results.csv", "/gradio_api/file={}", "/texts/{}.json", "/static/{}", "/assets/{}",
        "/api/models/tickets/versions/{}/card",
    ],
)  # fmt: skip
def test_no_download_leads_out_of_its_folder(ann: TestClient, place: str, name: str) -> None:
    answer = ann.get(place.format(name))
    assert answer.status_code in (400, 403, 404, 422), answer.text[:200]
    assert b"SQLite format 3" not in answer.content
    assert "root:" not in answer.text


def test_gradio_hands_out_no_file_of_the_workspace_in_which_it_was_started(
    workspace: Workspace, sign_in: SignIn, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    started = build_site(workspace, Reach({"testserver"}), sign_in=sign_in)
    ann = sign_in_client(started, sign_in, "ann")
    for name in ("people.sqlite", "reviewer.toml", "flagged/flags-0001.csv"):
        for way in ("file=", "file/", "proxy=", "proxy=file://"):
            for path in (folder / name, name):
                answer = ann.get(f"/gradio_api/{way}{path}")
                assert answer.status_code in (400, 403, 404), f"{way}{path}"


# HTML and scripts in every text


def test_no_text_of_others_becomes_markup_on_a_page(
    site: FastAPI, sign_in: SignIn, nobody: TestClient
) -> None:
    tess, bob = (sign_in_client(site, sign_in, name) for name in ("tess", "bob"))
    made = tess.post("/api/predict", json={"model": "tickets", "inputs": {"text": NASTY}}).json()
    given = {"prediction_id": made["prediction_id"], "option": "other", "comment": NASTY}
    flag = tess.post("/api/flags", json=given).json()
    comment = {"action_id": new_id(), "flag_id": flag["flag_id"], "seq": 0, "comment": NASTY}
    assert bob.post("/api/reviews", json=comment).status_code == 200
    assert bob.post("/api/views", json={"name": NASTY, "query": NASTY}).status_code == 200
    assert tess.post("/account/tokens", data={"title": NASTY, "scope": "test"}).status_code == 200
    pages = [
        tess.get("/account"),
        tess.post("/account/tokens", data={"title": NASTY, "scope": NASTY}),
        tess.post("/account/tokens/revoke", data={"token_id": NASTY}),
        enter(nobody, NASTY, NASTY, NASTY),
        nobody.get("/sign-in", params={"next": NASTY}),
        nobody.get("/sign-in/link", params={"token": NASTY}),
        nobody.post("/sign-in/link", data={"token": NASTY, "password": NASTY, "again": NASTY}),
    ]
    for page in pages:
        assert page.headers["content-type"].startswith("text/html"), page.url
        assert "<img" not in page.text, page.url
        assert "<script>" not in page.text, page.url
        assert "script-src 'self'" in page.headers["content-security-policy"], page.url
    for path in ("/api/account/flags", "/api/account/tokens"):
        assert tess.get(path).headers["content-type"] == "application/json"


# The API along its description


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory, tiny_workspace_folder: Path) -> Iterator[FastAPI]:
    logging.getLogger("reviewer.access").setLevel(logging.ERROR)
    folder = tmp_path_factory.mktemp("described")
    for name in ("reviewer.toml", "tickets.skops", "shades.skops"):
        (folder / name).write_bytes((tiny_workspace_folder / name).read_bytes())
    with Workspace(folder, is_app=True) as workspace, open_team(folder) as sign_in:
        server = build_server(workspace, Reach({"testserver", "localhost"}), sign_in=sign_in)
        token, _ = sign_in.accounts.tokens.make(Person("ann", Role.ADMIN), "schemathesis", "admin")
        server.state.token = token
        yield server
    logging.getLogger("reviewer.access").setLevel(logging.NOTSET)


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_no_request_that_fits_the_description_makes_the_server_fail(
    described: FastAPI, method: str, path: str
) -> None:
    asking = {"Authorization": f"Bearer {described.state.token}"}
    description = schemathesis.openapi.from_asgi("/openapi.json", described, headers=asking)

    @settings(
        max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=description[path][method].as_strategy())
    def send(case: schemathesis.Case[Any]) -> None:
        answer = case.call(headers=asking)
        assert answer.status_code != 401
        case.validate_response(answer, checks=[not_a_server_error])

    send()
