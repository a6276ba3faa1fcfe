"""The verbs `users` and `tokens`, and an app that is started for people who sign in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio_client
import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from people import turn_on_sign_in

import reviewer
from reviewer.access import Person, Role
from reviewer.accounts import Accounts
from reviewer.cli import main
from reviewer.config import load_config
from reviewer.errors import ConfigError, InputError
from reviewer.workspace import Workspace

PASSWORD = "correct horse battery"  # noqa: S105  of nobody


@pytest.fixture
def run(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a verb on the tiny workspace; returns its exit code and what it wrote, read as JSON."""

    def run(*words: str) -> tuple[int, Any]:
        code = main([*words, "--workspace", str(tiny_folder)])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run


def test_a_person_is_added_and_gets_a_link_that_works_once(
    run: Callable[..., Any], tiny_folder: Path
) -> None:
    code, made = run("users", "add", "bea", "--role", "reviewer", "--url", "https://flags.example/team/")
    assert (code, made["name"]) == (0, "bea")
    found = re.fullmatch(r"https://flags\.example/team/sign-in/link\?token=([\w-]{43})", made["link"])
    assert found is not None
    with Accounts(tiny_folder) as accounts:
        assert accounts.links.use(found[1], PASSWORD) == Person("bea", Role.REVIEWER)
    code, listed = run("users", "list")
    assert [(each["name"], each["role"], each["has_password"]) for each in listed] == [
        ("bea", "reviewer", True)
    ]


def test_roles_change_and_people_are_removed(run: Callable[..., Any], tiny_folder: Path) -> None:
    run("users", "add", "ann", "--role", "admin")
    run("users", "add", "bea")
    assert run("users", "role", "bea", "reviewer") == (0, {"name": "bea", "role": "reviewer"})
    with Workspace(tiny_folder) as workspace:
        made = workspace.predict("tickets", {"text": "money back"})
        flag = workspace.flag(made.prediction_id, option="other")
        workspace.review(flag.flag_id, act="claim", reviewer="bea")
    assert run("users", "remove", "bea") == (0, {"removed": "bea", "flags_held": 1})
    assert [each["name"] for each in run("users")[1]] == ["ann"]


def test_a_reset_ends_password_and_sessions(run: Callable[..., Any], tiny_folder: Path) -> None:
    run("users", "add", "bea")
    with Accounts(tiny_folder) as accounts:
        accounts.people.set_password("bea", PASSWORD)
        session = accounts.sessions.start("bea")
        code, made = run("users", "reset", "bea")
        assert (code, "token=" in made["link"]) == (0, True)
        assert accounts.sessions.find(session) is None
        assert accounts.people.check_password("bea", PASSWORD) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("users", "add", "a b"), "The name is 'a b'"),
        (
            ("users", "add", "bob", "--role", "chief"),
            "There is no role 'chief'. Known: tester, reviewer",
        ),
        (("users", "add", "bob", "--url", "flags.example"), "one like https://flags.example is needed"),
        (("users", "add", "ann"), "There is 'ann' already"),
        (("users", "role", "rolf", "admin"), "There is no person 'rolf'. Known: ann."),
        (("users", "remove", "ann"), "ann is the only admin"),
        (("users", "reset", "rolf"), "There is no person 'rolf'"),
        (("tokens", "add", "ci", "--user", "rolf"), "There is no person 'rolf'"),
        (("tokens", "add", "ci", "--user", "ann", "--scope", "all"), "There is no scope 'all'"),
        (("tokens", "revoke", "x"), "There is no token 'x'"),
    ],
)
def test_words_that_do_not_fit_end_with_3_and_change_nothing(
    words: tuple[str, ...], said: str, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Accounts(tiny_folder) as accounts:
        accounts.people.add("ann", Role.ADMIN)
    code = main([*words, "--workspace", str(tiny_folder)])
    out, told = capsys.readouterr()
    assert (code, out) == (3, "")
    assert said in told
    with Accounts(tiny_folder) as accounts:
        assert [(each.name, each.role) for each in accounts.people.list_all()] == [("ann", Role.ADMIN)]
        assert accounts.tokens.list_of() == []


def test_a_token_is_made_listed_without_itself_and_revoked(
    run: Callable[..., Any], tiny_folder: Path
) -> None:
    run("users", "add", "ann", "--role", "admin")
    words = ("--user", "ann", "--scope", "review", "--days", "7")
    code, made = run("tokens", "add", "nightly", *words)
    assert (code, made["user"], made["scope"]) == (0, "ann", "review")
    with Accounts(tiny_folder) as accounts:
        assert accounts.tokens.find(made["token"]) == Person("ann", Role.REVIEWER, "review")
    [listed] = run("tokens", "list", "--user", "ann")[1]
    assert (listed["token_id"], listed["title"]) == (made["token_id"], "nightly")
    assert made["token"] not in str(listed)
    assert run("tokens", "revoke", made["token_id"]) == (0, {"revoked": made["token_id"]})
    assert run("tokens") == (0, [])


# The app


@pytest.mark.server
def test_an_app_asks_for_sign_in_when_the_config_says_so(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turn_on_sign_in(tiny_folder)
    with reviewer.launch(tiny_folder, prevent_thread_lock=True) as app:
        # ann is an admin already, but nobody could sign in yet.
        told = capsys.readouterr().err
        assert re.search(rf"ann chooses a password at {app.url}/sign-in/link\?token=[\w-]+\n", told)
        assert httpx2.get(f"{app.url}/api/models").status_code == 401
    with Accounts(tiny_folder) as accounts:
        accounts.people.set_password("ann", PASSWORD)
    with reviewer.launch(tiny_folder, prevent_thread_lock=True) as app:
        assert "chooses a password" not in capsys.readouterr().err
    with reviewer.launch(tiny_folder, prevent_thread_lock=True, quiet=True, without_sign_in=True) as app:
        assert httpx2.get(f"{app.url}/api/models").status_code == 200


@pytest.mark.server
def test_with_sign_in_another_address_may_be_listened_on(tiny_folder: Path) -> None:
    anywhere = "0.0.0.0"  # noqa: S104  what is asked
    with reviewer.launch(
        tiny_folder, host=anywhere, sign_in=True, prevent_thread_lock=True, quiet=True
    ) as app:
        assert httpx2.get(f"{app.url}/api/models").status_code == 401


@pytest.mark.server
def test_a_proxy_of_this_computer_cannot_be_faked_from_outside(tiny_folder: Path) -> None:
    turn_on_sign_in(tiny_folder, 'proxy_header = "X-User"\ntrusted_proxies = ["10.0.0.2"]')
    with reviewer.launch(tiny_folder, prevent_thread_lock=True, quiet=True) as app:
        forged = {"X-User": "ann", "X-Forwarded-For": "10.0.0.2"}
        answer = httpx2.get(f"{app.url}/api/account", headers=forged)
        assert (answer.status_code, "127.0.0.1" in answer.json()["error"]) == (403, True)


def test_sign_in_cannot_be_asked_for_and_refused_at_once(tiny_folder: Path) -> None:
    with pytest.raises(InputError, match="Both --sign-in and --without-sign-in are given"):
        reviewer.launch(tiny_folder, sign_in=True, without_sign_in=True)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("onn = true", "There is no key 'onn'. Did you mean 'on'?"),
        ('proxy_header = "X-User"', "proxy_header needs trusted_proxies"),
        ('proxy_header = "X User"', "sign_in.proxy_header is 'X User'"),
        ('trusted_proxies = ["everywhere"]', "trusted_proxies"),
        ('default_role = "admin"', "default_role"),
        ("idle_hours = 0", "idle_hours"),
        ("[sign_in.oidc]", "sign_in.oidc.issuer is missing"),
        ('[sign_in.oidc]\nissuer = "http://id.example"\nclient_id = "x"', "https:// is needed"),
        (
            '[sign_in.oidc]\nissuer = "https://id.example"\nclient_id = "x"\ntitel = ""',
            "Did you mean 'title'?",
        ),
    ],
)
def test_a_mistake_in_the_table_is_named(tiny_folder: Path, lines: str, said: str) -> None:
    config = tiny_folder / "reviewer.toml"
    first = config.read_text("utf-8").count("\n") + 2
    config.write_text(f"{config.read_text('utf-8')}[sign_in]\n{lines}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(tiny_folder)
    assert said in str(caught.value)
    line = re.search(r"line (\d+): sign_in", str(caught.value))
    assert line is not None
    assert first - 1 <= int(line[1]) <= first + 3


@pytest.mark.server
def test_a_program_of_gradio_signs_in_with_a_token(tiny_folder: Path) -> None:
    turn_on_sign_in(tiny_folder)
    with Accounts(tiny_folder) as accounts:
        token, _ = accounts.tokens.make(Person("tess", Role.TESTER), "script", "test")
    with reviewer.launch(tiny_folder, prevent_thread_lock=True, quiet=True) as app:
        asking = {"Authorization": f"Bearer {token}"}
        program = gradio_client.Client(app.url, headers=asking, verbose=False)
        made = program.predict("tickets", {"text": "money back"}, api_name="/predict")
        flag = program.predict(made["prediction_id"], "wrong_label", api_name="/flag")
        assert (made["username"], flag["flagger"]) == ("tess", "tess")
        with pytest.raises(Exception, match="credentials were not provided"):
            gradio_client.Client(app.url, verbose=False)


@pytest.mark.server
def test_an_app_below_a_path_of_another_asks_for_sign_in_too(tiny_folder: Path) -> None:
    turn_on_sign_in(tiny_folder)
    with Accounts(tiny_folder) as accounts:
        accounts.people.set_password("bob", PASSWORD)
    outer = FastAPI()
    reviewer.mount(outer, tiny_folder, "/team/flags")
    own = {"Origin": "http://testserver"}
    with TestClient(outer, headers=own, follow_redirects=False) as client:
        assert client.get("/team/flags/api/models").status_code == 401
        sent = client.get("/team/flags/?tab=review", headers={"Accept": "text/html"})
        assert sent.headers["location"] == "/team/flags/sign-in?next=%2F%3Ftab%3Dreview"
        page = client.get(sent.headers["location"])
        assert 'action="/team/flags/sign-in"' in page.text
        form = {"name": "bob", "password": PASSWORD, "next": "/?tab=review"}
        done = client.post("/team/flags/sign-in", data=form)
        assert done.headers["location"] == "/team/flags/?tab=review"
        assert "Path=/team/flags;" in done.headers["set-cookie"]
        assert client.get("/team/flags/api/account").json()["name"] == "bob"
        assert client.get("/team/flags/", headers={"Accept": "text/html"}).status_code == 200
