"""Who did what, when, from where: over HTTP, on the command line, in the log."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reviewer.api import build_server
from reviewer.cli import main
from reviewer.guards import Reach
from reviewer.records import new_id
from reviewer.workspace import Workspace


@pytest.fixture
def workspace(tiny_folder: Path) -> Iterator[Workspace]:
    with Workspace(tiny_folder, is_app=True) as opened:
        yield opened


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(build_server(workspace, Reach({"testserver"})))


def list_entries(client: TestClient, **filters: Any) -> list[dict[str, Any]]:
    response = client.get("/api/audit", params=filters)
    assert response.status_code == 200, response.text
    return list(response.json()["entries"])


def flag(workspace: Workspace) -> str:
    made = workspace.predict("tickets", {"text": "refund please"})
    return workspace.flag(made.prediction_id, option="other").flag_id


def test_a_change_over_http_says_who_from_where_and_with_what(client: TestClient) -> None:
    body = {"change_id": new_id(), "change": "add", "added": ["spam"]}
    client.post("/api/models/tickets/labels", json=body, headers={"user-agent": "browser " * 40})
    (entry,) = list_entries(client)
    assert (entry["action"], entry["subject"], entry["details"]) == (
        "change_labels", "tickets", "'spam' was added",
    )  # fmt: skip
    assert entry["address"] == "testclient"
    assert entry["agent"].startswith("browser browser")
    assert len(entry["agent"]) == 120


def test_reviews_and_entries_are_one_list_in_pages(client: TestClient, workspace: Workspace) -> None:
    flag_id = flag(workspace)
    for number in range(5):
        workspace.review(flag_id, comment=f"c{number}", reviewer="bo")
        workspace.record_audit("sign_in", f"s{number}", person="ana")
    whole = list_entries(client)
    assert len(whole) == 10
    assert [each["noted_at"] for each in whole] == sorted((each["noted_at"] for each in whole), reverse=True)
    paged: list[dict[str, Any]] = []
    after = None
    while True:
        page = client.get("/api/audit", params={"limit": 3, **({"after": after} if after else {})}).json()
        paged += page["entries"]
        after = page["next"]
        if after is None:
            break
    assert paged == whole
    assert {each["action"] for each in list_entries(client, who="ana")} == {"sign_in"}
    assert len(list_entries(client, action="comment", subject=flag_id)) == 5
    assert list_entries(client, until="2020-01-01") == []
    assert client.get("/api/audit", params={"since": "yesterday"}).status_code == 422


def test_the_list_is_downloaded_as_csv(client: TestClient, workspace: Workspace) -> None:
    workspace.record_audit("sign_in", 'with "quotes",\nand more', person="ana")
    rows = list(csv.DictReader(io.StringIO(client.get("/api/audit.csv?who=ana").text)))
    assert [(row["person"], row["subject"]) for row in rows] == [("ana", 'with "quotes",\nand more')]


def test_a_download_with_a_time_that_is_none_is_refused(client: TestClient, workspace: Workspace) -> None:
    workspace.record_audit("sign_in", person="ana")
    response = client.get("/api/audit.csv", params={"since": "yesterday"})
    assert (response.status_code, response.json()["kind"]) == (422, "InputError")
    assert [each["action"] for each in list_entries(client)] == ["sign_in"]


def test_exports_and_promotions_are_on_record(workspace: Workspace) -> None:
    workspace.review(flag(workspace), corrected_label="login", reviewer="bo")
    workspace.export("tickets")
    workspace.serve_version("tickets", "1", who="ana")
    from reviewer.audit import AuditSlice

    entries, _ = workspace.read_audit(AuditSlice())
    assert {"export", "serve", "resolve"} <= {each["action"] for each in entries}


def test_analysts_cannot_ask_the_index_for_it(workspace: Workspace) -> None:
    workspace.record_audit("sign_in", "secret", person="ana")
    tables = workspace.query("select table_name from duckdb_tables()")["table_name"].tolist()
    assert not {each for each in tables if "audit" in each or "chain" in each}


def test_the_chain_is_checked_over_http(client: TestClient, workspace: Workspace) -> None:
    workspace.review(flag(workspace), comment="hello", reviewer="bo")
    head = str(workspace.chain.seal())
    told = client.get("/api/audit/verify", params={"head": head}).json()
    assert (told["sealed"], told["problem"], told["head"]) == (1, None, head)


def run(folder: Path, *words: str) -> int:
    return main(["audit", *words, "--workspace", str(folder)])


def test_the_command_line_lists_seals_and_checks(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace(tiny_folder) as opened:
        opened.review(flag(opened), comment="hello", reviewer="bo")
    assert run(tiny_folder, "head") == 0
    head = capsys.readouterr().out.strip()
    assert run(tiny_folder, "verify", "--head", head) == 0
    assert run(tiny_folder, "list", "--action", "comment", "--format", "json") == 0
    assert '"hello"' in capsys.readouterr().out
    path = tiny_folder / "flagged" / "reviews-0001.csv"
    path.write_bytes(path.read_bytes().replace(b"hello", b"jello"))
    assert run(tiny_folder) == 9
    told = capsys.readouterr()
    assert "was altered" in told.err
    assert json.loads(told.out)["problem"]


def test_a_mended_log_is_sealed_anew_on_the_command_line_and_that_is_on_record(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace(tiny_folder) as opened:
        opened.review(flag(opened), comment="hello", reviewer="bo")
        opened.chain.seal()
    path = tiny_folder / "flagged" / "reviews-0001.csv"
    path.write_bytes(path.read_bytes().replace(b"hello", b"jello"))
    assert run(tiny_folder, "restart", "a slip of the pen") == 0
    assert "was altered" in json.loads(capsys.readouterr().out)["problem"]
    assert run(tiny_folder, "verify") == 0
    assert "vouches for nothing before that: a slip of the pen" in capsys.readouterr().err
    assert run(tiny_folder, "restart", "again") == 3
    assert "nothing to begin anew" in capsys.readouterr().err
    assert run(tiny_folder, "list", "--action", "restart_chain", "--format", "json") == 0
    assert "a slip of the pen (reviews-0001.csv, line 2: the row " in capsys.readouterr().out
