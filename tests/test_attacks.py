"""Hostile SQL as it reaches the program: through the HTTP route and the command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from reviewer.api import build_server
from reviewer.cli import main
from reviewer.guards import Reach
from reviewer.workspace import Workspace

STATEMENTS = (
    "select * from read_text('{folder}/reviewer.toml')",
    "select * from read_csv('{folder}/flagged/flags-0001.csv')",
    "select * from read_blob('{folder}/flagged/.index/side.duckdb')",
    "select * from glob('{folder}/**')",
    "select content from read_text('/etc/passwd')",
    "copy (select 1) to '{folder}/flagged/flags-0001.csv' (use_tmp_file false)",
    "with x as (copy (select 1) to '{folder}/stolen.csv') select 1",
    "explain analyze copy (select 1) to '{folder}/stolen.csv'",
    "attach '{folder}/other.duckdb' as other",
    "export database '{folder}/stolen'",
    "install httpfs",
    "set enable_external_access = true",
    "pragma enable_profiling = 'json'",
    "delete from flags",
    "drop table flags",
    "create table stolen as select * from flags",
    "select 1; drop table flags",
)


def hash_files(folder: Path) -> dict[str, str]:
    """Return file → hash of all but the index, which a query may bring up to date."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".index" not in path.parts
    }


@pytest.fixture
def workspace(tiny_folder: Path) -> Iterator[Workspace]:
    with Workspace(tiny_folder, is_app=True) as opened:
        made = opened.predict("tickets", {"text": "money back"})
        opened.flag(made.prediction_id, option="other", comment="canary-5d1")
        opened.count_rows()  # has the prediction written, too
        yield opened


def test_no_hostile_statement_gets_through_the_route(workspace: Workspace) -> None:
    before = hash_files(workspace.folder)
    with TestClient(build_server(workspace, Reach({"testserver"}))) as client:
        for statement in STATEMENTS:
            answer = client.post("/api/query", json={"sql": statement.format(folder=workspace.folder)})
            assert answer.status_code == 400, statement
            assert "canary-5d1" not in answer.text, statement
            assert "root:" not in answer.text, statement
        assert hash_files(workspace.folder) == before
        assert client.post("/api/query", json={"sql": "select count(*) from flags"}).json()["rows"] == [[1]]
        assert client.get("/api/queue").json()["total"] == 1


def test_no_hostile_statement_gets_through_the_command_line(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = hash_files(workspace.folder)
    place = ["--workspace", str(workspace.folder)]
    for statement in STATEMENTS:
        code = main(["query", statement.format(folder=workspace.folder), *place])
        out, complaint = capsys.readouterr()
        assert (code, out) == (7, ""), statement
        assert "Traceback" not in complaint, statement
        assert "canary-5d1" not in complaint, statement
    assert hash_files(workspace.folder) == before
    assert main(["query", "select comment from flags", "--format", "json", *place]) == 0
    assert json.loads(capsys.readouterr().out) == [{"comment": "canary-5d1"}]
