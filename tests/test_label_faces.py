"""Labels changed over HTTP and from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reviewer.access import Person, Role
from reviewer.api import build_server, identify
from reviewer.cli import main
from reviewer.guards import Reach
from reviewer.records import new_id
from reviewer.workspace import Workspace


@pytest.fixture
def client(tiny_folder: Path) -> Iterator[TestClient]:
    with Workspace(tiny_folder, is_app=True) as workspace:
        server = build_server(workspace, Reach({"testserver"}))
        server.dependency_overrides[identify] = lambda: Person("ana", Role.ADMIN)
        yield TestClient(server)


def change(client: TestClient, status: int = 200, **given: Any) -> dict[str, Any]:
    body = {"change_id": new_id(), **given}
    response = client.post("/api/models/tickets/labels", json=body)
    assert response.status_code == status, response.text
    return dict(response.json())


def test_a_label_is_renamed_and_that_is_taken_back(client: TestClient) -> None:
    told = change(client, change="rename", name="login", added=["sign-in"], seq=0)
    assert [each["name"] for each in told["names"]] == ["sign-in", "refund"]
    assert (told["seq"], told["now"], told["changes"][0]["person"]) == (1, {"login": "sign-in"}, "ana")
    body = {"change_id": told["changes"][0]["change_id"]}
    back = client.post("/api/models/tickets/labels/undo", json=body).json()
    assert [each["name"] for each in back["names"]] == ["login", "refund"]
    assert [each["is_undone"] for each in back["changes"]] == [True, False]


def test_a_stale_change_is_a_conflict_told_in_the_reader_s_language(client: TestClient) -> None:
    change(client, change="rename", name="login", added=["sign-in"], seq=0)
    client.headers["accept-language"] = "ru"
    said = change(client, 409, change="rename", name="login", added=["access"], seq=0)
    assert "ana в" in said["error"]
    assert "'login' переименовано в 'sign-in'" in said["error"]


def test_a_change_of_another_model_is_not_taken_back_here(client: TestClient) -> None:
    told = change(client, change="add", added=["spam"])
    body = {"change_id": told["changes"][0]["change_id"]}
    assert client.post("/api/models/shades/labels/undo", json=body).status_code == 404


def test_a_card_offers_the_labels_of_today_with_their_looks(client: TestClient) -> None:
    made = client.post("/api/predict", json={"model": "tickets", "inputs": {"text": "refund please"}}).json()
    flag = client.post("/api/flags", json={"prediction_id": made["prediction_id"], "option": "other"}).json()
    change(client, change="rename", name="refund", added=["money back"])
    change(client, change="style", name="money back", color="#00aa00", key="9")
    card = client.get(f"/api/flags/{flag['flag_id']}").json()
    assert (card["predicted_label"], set(card["labels"])) == ("money back", {"money back", "login"})
    assert set(card["scores"]) == {"money back", "login"}
    assert card["looks"] == {"money back": {"color": "#00aa00", "key": "9"}}


def test_news_tell_that_labels_have_changed(client: TestClient) -> None:
    before = client.get("/api/news").json()
    change(client, change="add", added=["spam"])
    after = client.get("/api/news", params={"after": before["token"]}).json()
    assert before["labels"] != after["labels"]


def run(folder: Path, *words: str) -> int:
    return main(["labels", *words, "--workspace", str(folder)])


def test_the_command_line_changes_lists_and_takes_back(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tiny_folder, "add", "tickets", "spam", "--key", "9") == 0
    assert run(tiny_folder, "rename", "tickets", "login", "sign-in", "--reviewer", "ana") == 0
    assert run(tiny_folder, "merge", "tickets", "refund", "spam") == 0
    assert run(tiny_folder, "split", "tickets", "sign-in", "password", "account") == 0
    assert run(tiny_folder, "retire", "tickets", "account", "--seq", "1") == 4
    assert run(tiny_folder, "retire", "tickets", "account") == 0
    capsys.readouterr()
    assert run(tiny_folder, "list", "tickets", "--changes", "--format", "json") == 0
    changes = json.loads(capsys.readouterr().out)
    assert [each["what"] for each in changes][1:3] == [
        "'login' was renamed to 'sign-in'",
        "'spam' was merged into 'refund'",
    ]
    assert run(tiny_folder, "undo", changes[-1]["change_id"]) == 0
    assert run(tiny_folder, "style", "tickets", "account", "--color", "#123456") == 0
    capsys.readouterr()
    assert run(tiny_folder, "list", "tickets", "--format", "json") == 0
    names = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["color"]) for each in names] == [
        ("password", ""),
        ("account", "#123456"),
        ("refund", ""),
    ]
