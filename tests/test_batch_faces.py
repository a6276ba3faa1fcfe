"""Batches from outside: the verb `reviewer batch` and the routes that hand out what a batch made."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reviewer.api import build_server
from reviewer.cli import main
from reviewer.guards import Reach
from reviewer.workspace import Workspace

ROWS = [("give my money back", "refund"), ("cannot sign in", "refund"), ("", "login"), ("sign in", "login")]
"""Right, wrong, no text at all, right."""

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([("message", "label"), *ROWS])
    return path


@pytest.fixture
def run(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run_it(*words: object) -> tuple[int, Any, str]:
        code = main(["batch", *map(str, words), "--workspace", str(tiny_folder), "--format", "json"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return run_it


# The verb


def test_a_file_is_run_measured_and_its_mistakes_are_flagged(run: Run, file: Path, tiny_folder: Path) -> None:
    code, (summary,), told = run("tickets", file)
    assert code == 0
    assert (summary["status"], summary["rows"], summary["done"]) == ("done", 4, 4)
    assert (summary["rejected"], summary["wrong"], summary["flagged"]) == (1, 1, 1)
    assert "text from 'message', the right answer from 'label'" in told
    with Workspace(tiny_folder) as workspace:
        (flag,) = workspace.queue()
    assert (flag.source, flag.option, flag.suggested_label) == ("batch", "wrong_label", "refund")
    assert flag.inputs == {"text": "cannot sign in"}


def test_without_truth_nothing_is_measured_or_flagged(run: Run, file: Path, tiny_folder: Path) -> None:
    code, (summary,), told = run("tickets", file, "--no-truth")
    assert (code, summary["wrong"], summary["flagged"]) == (0, 0, 0)
    assert "without right answers" in told
    with Workspace(tiny_folder) as workspace:
        assert workspace.queue() == []


def test_a_batch_that_asks_for_no_flags_makes_none(run: Run, file: Path) -> None:
    _, (summary,), _ = run("tickets", file, "--no-flags")
    assert (summary["wrong"], summary["flagged"]) == (1, 0)


def test_the_batches_are_listed(run: Run, file: Path) -> None:
    run("tickets", file)
    run("tickets", file, "--no-truth")
    code, listed, _ = run("--list")
    assert code == 0
    assert [each["batch_id"] for each in listed] == ["2", "1"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["tickets"], "Name a model and a file"),
        (["tickets", "nowhere.csv"], "There is no file 'nowhere.csv'"),
        (["tickts", "{file}"], "Did you mean 'tickets'"),
        (["tickets", "{file}", "--map", "text"], "write INPUT=COLUMN"),
        (["tickets", "{file}", "--map", "text=nothing"], "nothing"),
        (["tickets", "{file}", "--truth", "nothing"], "nothing"),
        (["--resume", "9"], "There is no batch '9'"),
        (["tickets", "{file}", "--resume", "1"], "leave MODEL and FILE out"),
    ],
)
def test_a_wrong_word_is_answered_with_what_works(
    run: Run, file: Path, words: list[str], sentence: str
) -> None:
    code, _, told = run(*(each.format(file=file) for each in words))
    assert (code, sentence in told, "Traceback" in told) == (3, True, False), told


# The routes


@pytest.fixture
def client(tiny_folder: Path) -> Iterator[TestClient]:
    with Workspace(tiny_folder, is_app=True) as workspace:
        server = build_server(workspace, Reach.of_loopback())
        with TestClient(server, base_url="http://127.0.0.1", raise_server_exceptions=False) as opened:
            yield opened


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_batch_is_listed_described_and_downloaded(run: Run, file: Path, client: TestClient) -> None:
    run("tickets", file)
    (listed,) = client.get("/api/batches").json()
    assert (listed["batch_id"], listed["status"]) == ("1", "done")
    described = client.get("/api/batches/1").json()
    assert described["metrics"]["metrics"]["accuracy"] == pytest.approx(2 / 3)
    results = read_csv(client.get("/api/batches/1/results.csv").text)
    assert [each["text"] for each in results] == [text for text, _ in ROWS if text]
    rejected = client.get("/api/batches/1/rejected.csv")
    assert rejected.headers["content-disposition"].endswith('filename="batch-1-rejected.csv"')
    assert [each["row"] for each in read_csv(rejected.text)] == ["3"]


@pytest.mark.parametrize("batch_id", ["9", "..", "%2e%2e", "1/../../reviewer.toml", "x" * 300])
def test_a_batch_that_is_none_is_not_found(client: TestClient, batch_id: str) -> None:
    for part in ("", "/results.csv", "/rejected.csv"):
        assert client.get(f"/api/batches/{batch_id}{part}").status_code == 404
