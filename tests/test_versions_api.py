"""Trainings, verifications and promotions over HTTP, on the demo's own model."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reviewer.api import build_server
from reviewer.guards import Reach
from reviewer.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(demo_workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The demo with every mistake of the wine model corrected, and one prediction of it confirmed."""
    folder = shutil.copytree(demo_workspace_folder, tmp_path_factory.mktemp("versions") / "demo")
    with Workspace.open(folder, is_app=True) as opened:
        flags = opened.queue(model="wine", limit=100)
        for flag in flags:
            opened.review(flag.flag_id, corrected_label=flag.suggested_label, reviewer="ann")
        right = opened.predict("wine", opened.spec.models["wine"].examples[0])
        guard = opened.flag(right.prediction_id, option="low_confidence", flagger="bo")
        opened.review(guard.flag_id, resolution="prediction_correct", reviewer="ann")
        yield opened


@pytest.fixture(scope="module")
def client(workspace: Workspace) -> TestClient:
    return TestClient(build_server(workspace, Reach.of_anyone()))


def finish(client: TestClient, path: str, **body: Any) -> dict[str, Any]:
    """Begin a job and return it as it ended."""
    begun = client.post(path, json=body)
    assert begun.status_code == 200, begun.text
    job = begun.json()
    for thread in threading.enumerate():
        if thread.name == f"{job['kind']}-{job['job_id']}":
            thread.join(120)
    ended: dict[str, Any] = client.get(f"/api/jobs/{job['job_id']}").json()
    return ended


@pytest.fixture(scope="module")
def retrained(client: TestClient) -> dict[str, Any]:
    return finish(client, "/api/jobs/retrain", model="wine")


def test_a_training_makes_a_version_and_runs_it_over_the_flags(
    client: TestClient, workspace: Workspace, retrained: dict[str, Any]
) -> None:
    assert (retrained["state"], retrained["result"], retrained["share"]) == ("done", "2", 1.0)
    versions = client.get("/api/models/wine/versions").json()
    assert [(each["version"], each["is_served"]) for each in versions] == [("1", True), ("2", False)]
    verdicts = client.get("/api/models/wine/versions/2/verdicts").json()
    assert {each["verification"] for each in verdicts} <= {
        "fixed",
        "still_failing",
        "regressed",
        "inconclusive",
    }
    assert len(verdicts) == len(workspace.queue(view="done", model="wine", limit=500))
    assert "## Reviewed flags" in client.get("/api/models/wine/versions/2/card").text
    assert [each["kind"] for each in client.get("/api/jobs?model=wine").json()][-1] == "retrain"


def test_a_training_that_has_nothing_new_to_learn_says_so(
    client: TestClient, retrained: dict[str, Any]
) -> None:
    job = finish(client, "/api/jobs/retrain", model="wine")
    assert job["state"] == "failed"
    assert "was trained on exactly this data" in job["error"]
    assert job["result"] is None


def test_a_version_is_compared_promoted_and_rolled_back(
    client: TestClient, retrained: dict[str, Any]
) -> None:
    compared = client.get("/api/models/wine/compare?first=1&second=2").json()
    accuracy = compared["held_out"]["metrics"]["accuracy"]
    assert accuracy["low"] <= accuracy["difference"] <= accuracy["high"]
    gate = client.get("/api/models/wine/gate?version=2").json()
    override = None if not gate["refusals"] else "to see it"
    made = client.post("/api/models/wine/promote", json={"version": "2", "override": override})
    assert made.status_code == 200, made.text
    assert client.get("/api/models").json()["models"][2]["served"] == "2"
    back = client.post("/api/models/wine/rollback", json={"reason": "a customer called"}).json()
    assert (back["action"], back["to_version"], back["reason"]) == ("rollback", "1", "a customer called")
    assert [each["to_version"] for each in client.get("/api/models/wine/promotions").json()] == ["2", "1"]


def test_a_version_that_does_not_exist_is_named(client: TestClient) -> None:
    for method, path, body in (
        ("POST", "/api/jobs/verify", {"model": "wine", "version": "9"}),
        ("POST", "/api/models/wine/promote", {"version": "9"}),
        ("GET", "/api/models/wine/gate?version=9", None),
        ("GET", "/api/jobs/none", None),
    ):
        response = client.request(method, path, json=body)
        assert response.status_code == 404, response.text
        assert response.json()["kind"] == "UnknownNameError"


def test_an_export_runs_as_a_job(client: TestClient) -> None:
    job = finish(client, "/api/jobs/export", model="wine", options={"formats": ["csv", "jsonl"]})
    assert job["state"] == "done"
    assert client.get(f"/api/exports/wine/{job['result']}/files/load.py").status_code == 200
