"""`reviewer.Client`: an app asked from Python, with a token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from people import turn_on_sign_in

import reviewer
from reviewer.access import ForbiddenError, Person, Role, SignInNeededError
from reviewer.accounts import Accounts
from reviewer.errors import BusyError, ConflictError, InputError, QueryRefusedError

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def folder(tiny_workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    for name in ("reviewer.toml", "tickets.skops", "shades.skops"):
        (folder / name).write_bytes((tiny_workspace_folder / name).read_bytes())
    turn_on_sign_in(folder)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with reviewer.launch(folder, prevent_thread_lock=True, quiet=True) as app:
        yield app.url


def make_token(folder: Path, name: str, role: Role, scope: str) -> str:
    with Accounts(folder) as accounts:
        return accounts.tokens.make(Person(name, role), "test", scope)[0]


def test_a_program_predicts_flags_reviews_and_undoes(url: str, folder: Path) -> None:
    token = make_token(folder, "bob", Role.REVIEWER, "review")
    with reviewer.Client(url + "/", token) as client:
        assert client.read_account()["name"] == "bob"
        assert [each["name"] for each in client.list_models()] == ["tickets", "shades"]
        made = client.predict("tickets", {"text": "money back"})
        flag = client.flag(made["prediction_id"], "wrong_label", comment="no")
        assert [each["flag_id"] for each in client.queue(model="tickets", view="open")] == [flag["flag_id"]]
        card = client.review(flag["flag_id"], seq=0, corrected_label="login")
        assert (card["reviewer"], card["corrected_label"]) == ("bob", "login")
        [own] = client.list_own_flags()
        assert (own["resolution"], own["comment"]) == ("label_corrected", "no")
        with pytest.raises(ConflictError, match="The flag was changed by bob"):
            client.review(flag["flag_id"], seq=0, resolution="bad_input")
        assert client.undo(card["history"][-1]["action_id"])["count"] == 1
        assert client.query("select count(*) from flags")["rows"] == [[1]]


def test_what_the_app_refuses_is_raised_here(url: str, folder: Path) -> None:
    with reviewer.Client(url, make_token(folder, "tess", Role.TESTER, "test")) as client:
        with pytest.raises(ForbiddenError, match="This needs the role reviewer"):
            client.queue()
        with pytest.raises(InputError, match="There is no model 'ticket'"):
            client.predict("ticket", {"text": "x"})
    token = make_token(folder, "bob", Role.REVIEWER, "review")
    with reviewer.Client(url, token) as client, pytest.raises(QueryRefusedError):
        client.query("drop table flags")
    for token, said in (("", "Sign in first"), ("frt_x", "The token is unknown")):
        with reviewer.Client(url, token) as client, pytest.raises(SignInNeededError, match=said):
            client.list_models()


def test_an_app_that_does_not_answer_is_told_of(url: str, folder: Path) -> None:
    with reviewer.Client("http://127.0.0.1:1") as client, pytest.raises(BusyError, match="cannot be reached"):
        client.list_models()
    with reviewer.Client(f"{url}/sign-in?") as client, pytest.raises(BusyError, match="without JSON"):
        client.list_models()
