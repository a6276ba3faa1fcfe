"""What a tester gets to see: the own predictions, flags, batches and files, and nothing else."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from people import serve_team, sign_in_client
from PIL import Image

from reviewer.access import Person, Role
from reviewer.batch.mapping import ColumnMap
from reviewer.batch.start import start_batch
from reviewer.errors import UnknownNameError
from reviewer.ownership import find_own_flag, keep_visible
from reviewer.records import new_id
from reviewer.sign_in import SignIn
from reviewer.workspace import Workspace


@pytest.fixture
def served(tiny_folder: Path) -> Iterator[tuple[FastAPI, SignIn]]:
    with serve_team(tiny_folder) as started:
        yield started


@pytest.fixture
def tess(served: tuple[FastAPI, SignIn]) -> TestClient:
    return sign_in_client(*served, "tess")


@pytest.fixture
def tom(served: tuple[FastAPI, SignIn]) -> TestClient:
    return sign_in_client(*served, "tom")


@pytest.fixture
def bob(served: tuple[FastAPI, SignIn]) -> TestClient:
    return sign_in_client(*served, "bob")


def post(client: TestClient, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def predict(client: TestClient, text: str = "money back") -> str:
    return str(post(client, "predict", model="tickets", inputs={"text": text})["prediction_id"])


def make_image() -> str:
    buffer = io.BytesIO()
    Image.new("L", (2, 2), 255).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def test_what_is_written_bears_the_name_of_who_signed_in(tess: TestClient, bob: TestClient) -> None:
    flag = post(tess, "flags", prediction_id=predict(tess), option="wrong_label")
    assert flag["flagger"] == "tess"
    body = {"action_id": new_id(), "flag_id": flag["flag_id"], "seq": 0, "corrected_label": "login"}
    assert post(bob, "reviews", **body)["reviewer"] == "bob"
    for name in ("flagger", "username", "reviewer"):
        forged = {"prediction_id": flag["prediction_id"], "option": "other", name: "ann"}
        assert tess.post("/api/flags", json=forged).status_code == 422, name


def test_a_tester_sees_the_own_flags_and_their_fate(
    tess: TestClient, tom: TestClient, bob: TestClient
) -> None:
    flag = post(tess, "flags", prediction_id=predict(tess), option="wrong_label", comment="mine")
    post(tom, "flags", prediction_id=predict(tom, "cannot sign in"), option="other", comment="tom's")
    body = {"action_id": new_id(), "flag_id": flag["flag_id"], "seq": 0, "corrected_label": "login"}
    post(bob, "reviews", **body)
    seen = tess.get("/api/account/flags").json()
    [own] = seen["flags"]
    assert (seen["total"], own["comment"], own["resolution"], own["corrected_label"]) == (
        1, "mine", "label_corrected", "login",
    )  # fmt: skip
    assert "bob" not in str(seen)


def test_a_tester_cannot_flag_what_was_predicted_for_another(tess: TestClient, tom: TestClient) -> None:
    prediction_id = predict(tom)
    answer = tess.post("/api/flags", json={"prediction_id": prediction_id, "option": "other"})
    assert (answer.status_code, answer.json()["error"]) == (404, f"There is no prediction '{prediction_id}'.")


def test_a_reviewer_may_flag_what_was_predicted_for_a_tester(tess: TestClient, bob: TestClient) -> None:
    assert post(bob, "flags", prediction_id=predict(tess), option="other")["flagger"] == "bob"


def test_a_tester_reads_the_own_pictures_only(tess: TestClient, tom: TestClient, bob: TestClient) -> None:
    made = post(tess, "predict", model="shades", inputs={"image": make_image()})
    name = made["inputs"]["image"]["media"]
    assert [each.get(f"/api/media/{name}").status_code for each in (tess, bob, tom)] == [200, 200, 404]
    # Naming the file in an example of one's own would make it one's own.
    answer = tom.post("/api/predict", json={"model": "shades", "inputs": {"image": {"media": name}}})
    assert answer.status_code == 404
    assert tom.get(f"/api/media/{name}").status_code == 404
    post(bob, "predict", model="shades", inputs={"image": {"media": name}})


def test_a_picture_stays_readable_when_it_is_written_to_the_log(
    served: tuple[FastAPI, SignIn], tess: TestClient, tom: TestClient, tiny_folder: Path
) -> None:
    made = post(tess, "predict", model="shades", inputs={"image": make_image()})
    name = made["inputs"]["image"]["media"]
    post(tess, "flags", prediction_id=made["prediction_id"], option="other")
    with Workspace(tiny_folder) as other:  # a process that remembers no prediction
        assert other.has_media("tess", name)
        assert not other.has_media("tom", name)


def test_a_tester_sees_the_own_batches_only(
    served: tuple[FastAPI, SignIn], tess: TestClient, tom: TestClient, bob: TestClient, tiny_folder: Path
) -> None:
    with Workspace(tiny_folder) as workspace:
        made = start_batch(
            workspace, "tickets", tiny_folder / "data/tickets.csv", ColumnMap({"text": "text"}, None),
            username="tess",
        )  # fmt: skip
    assert [len(each.get("/api/batches").json()) for each in (tess, bob, tom)] == [1, 1, 0]
    for path in ("", "/results.csv", "/rejected.csv"):
        codes = [each.get(f"/api/batches/{made.batch_id}{path}").status_code for each in (tess, bob, tom)]
        assert codes == [200, 200, 404], path
    refused = tom.get(f"/api/batches/{made.batch_id}").json()["error"]
    assert refused == tom.get("/api/batches/99").json()["error"].replace("99", made.batch_id)


def test_only_the_own_flag_can_be_taken_back_in_the_test_tab(tiny_workspace: Workspace) -> None:
    made = tiny_workspace.predict("tickets", {"text": "money back"}, username="tess")
    flag = tiny_workspace.flag(made.prediction_id, option="other", flagger="tess")
    assert find_own_flag(tiny_workspace, Person("tess", Role.TESTER), flag.flag_id) == flag
    for name, role in (("tom", Role.TESTER), ("ann", Role.ADMIN)):
        with pytest.raises(UnknownNameError):
            find_own_flag(tiny_workspace, Person(name, role), flag.flag_id)


def test_of_the_flags_of_an_example_a_tester_sees_the_own(tiny_workspace: Workspace) -> None:
    flags = []
    for name in ("tess", "tom"):
        made = tiny_workspace.predict("tickets", {"text": "money back"}, username=name)
        flags.append(tiny_workspace.flag(made.prediction_id, option="other", flagger=name))
    assert keep_visible(tiny_workspace, Person("tess", Role.TESTER), "", flags) == flags[:1]
    assert keep_visible(tiny_workspace, Person("bob", Role.REVIEWER), "", flags) == flags
