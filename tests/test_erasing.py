"""Erasing a person or an example: gone from the logs, on record, and the chain still vouches for the rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reviewer.audit import AuditSlice
from reviewer.cli import main
from reviewer.errors import InputError
from reviewer.records import Flag
from reviewer.workspace import Workspace


@pytest.fixture
def workspace(tiny_folder: Path) -> Iterator[Workspace]:
    with Workspace(tiny_folder, is_app=True) as opened:
        yield opened


def flag(workspace: Workspace, text: str = "refund please", flagger: str = "ana") -> Flag:
    made = workspace.predict("tickets", {"text": text}, username=flagger)
    return workspace.flag(made.prediction_id, option="other", flagger=flagger, comment="my own words")


def read_logs(workspace: Workspace) -> str:
    return "".join(path.read_text("utf-8") for path in workspace.flagged.glob("*.csv"))


def test_a_person_is_gone_and_the_decisions_stay(workspace: Workspace) -> None:
    flagged = flag(workspace)
    workspace.review(flagged.flag_id, corrected_label="login", comment="ana was here", reviewer="ana")
    other = flag(workspace, "money back", "bo")
    kept = str(workspace.chain.seal())
    found = workspace.erase(person="ana")
    assert (found.changed["flags"], found.changed["reviews"]) == (1, 2)
    logs = read_logs(workspace)
    assert ",ana," not in logs
    assert "ana was here" not in logs
    now = workspace.find_flag(flagged.flag_id)
    assert (now.flagger, now.comment, now.state.corrected_label) == ("erased", "", "login")
    assert workspace.find_flag(other.flag_id).flagger == "bo"
    checked = workspace.verify_audit(kept)
    assert (checked.problem, checked.erased) == (None, 2)


def test_an_example_is_gone_with_its_flags_reviews_and_predictions(workspace: Workspace) -> None:
    flagged, other = flag(workspace, "secret words"), flag(workspace, "money back")
    for each in (flagged, other):
        workspace.review(each.flag_id, resolution="bad_input", reviewer="bo")
    workspace.count_rows()
    workspace.erase(example_id=flagged.example_id)
    assert "secret words" not in read_logs(workspace)
    assert [each.flag_id for each in workspace.queue(view="all")] == [other.flag_id]
    workspace.review(other.flag_id, status="open")
    workspace.chain.seal()
    assert workspace.verify_audit().problem is None


def test_an_alteration_is_still_found_after_an_erasure(workspace: Workspace) -> None:
    flagged, other = flag(workspace, "secret words"), flag(workspace, "money back")
    for each in (flagged, other):
        workspace.review(each.flag_id, resolution="bad_input", reviewer="bo")
    workspace.erase(example_id=flagged.example_id)
    path = workspace.flagged / "reviews-0001.csv"
    path.write_bytes(path.read_bytes().replace(b",bo,", b",cy,"))
    assert "was altered" in str(workspace.verify_audit().problem)


def test_trying_changes_nothing_and_erasing_twice_erases_once(workspace: Workspace) -> None:
    flagged = flag(workspace)
    workspace.count_rows()
    before = read_logs(workspace)
    assert workspace.erase(example_id=flagged.example_id, is_tried=True).removed["flags"] == 1
    assert read_logs(workspace) == before
    workspace.erase(example_id=flagged.example_id)
    assert workspace.erase(example_id=flagged.example_id).is_empty
    entries, _ = workspace.read_audit(AuditSlice(action="erase"))
    assert len(entries) == 1


def test_a_writer_that_was_open_goes_on_in_the_new_file(workspace: Workspace) -> None:
    flagged = flag(workspace, "secret words")
    stop = threading.Event()
    made: list[str] = []

    def write() -> None:
        while not stop.is_set():
            made.append(flag(workspace, f"number {len(made)}").flag_id)

    writer = threading.Thread(target=write)
    writer.start()
    workspace.erase(example_id=flagged.example_id)
    stop.set()
    writer.join()
    assert {each.flag_id for each in workspace.queue(view="all", limit=10_000)} == set(made)


@pytest.mark.parametrize(
    "given", [{}, {"person": ""}, {"person": "a", "example_id": "0" * 32}, {"example_id": "x"}]
)
def test_what_cannot_be_erased_is_refused(workspace: Workspace, given: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        workspace.erase(**given)


def test_the_command_line_tries_unless_told_yes(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace(tiny_folder) as opened:
        example = flag(opened).example_id
    words = ["erase", "--example", example, "--workspace", str(tiny_folder)]
    assert main(words) == 0
    assert "--yes" in capsys.readouterr().err
    assert main([*words, "--yes"]) == 0
    with Workspace(tiny_folder) as opened:
        assert opened.queue(view="all") == []
