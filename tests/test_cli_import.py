"""`reviewer import`: what it prints, what it says, and what it makes of a folder that is no workspace yet."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gradio_folders import ERAS, TEXTS, make_time, write_folder, write_log

from reviewer.cli import main
from reviewer.workspace import Workspace

LABEL = json.dumps({"label": "refund", "confidences": None})
FITTING = [["text", "label", "timestamp"], ["money back", LABEL, make_time(0)]]
STRANGE = [["Message", "Answer", "timestamp"], ["money back", LABEL, make_time(0)]]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the verb in a folder of its own; returns the exit code, stdout and stderr."""
    monkeypatch.delenv("REVIEWER_WORKSPACE", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*words: Any) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["import", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("era", ERAS)
def test_an_empty_folder_becomes_a_workspace_with_the_flags(run: Run, tmp_path: Path, era: str) -> None:
    code, out, err = run(write_folder(tmp_path / "shop/flagged", ERAS[era]), "--format", "json")
    assert code == 0
    assert json.loads(out) == {
        "imported": len(TEXTS), "quarantined": 0, "skipped": 0,
        "models": {"shop": len(TEXTS)}, "quarantined_rows": [],
    }  # fmt: skip
    assert "has the model shop; check the guesses" in err
    with Workspace(tmp_path / "here") as workspace:
        assert len(workspace.queue(limit=100)) == len(TEXTS)


def test_importing_again_adds_nothing(run: Run, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop/flagged", ERAS["6.31"])
    run(folder)
    code, out, err = run(folder)
    assert (code, json.loads(out)["skipped"], json.loads(out)["imported"]) == (0, len(TEXTS), 0)
    assert "has the model" not in err


def test_an_archive_is_imported_as_the_folder_in_it(run: Run, tmp_path: Path) -> None:
    folder = write_log(tmp_path / "shop/flagged", [*STRANGE, ["too", "many", "cells", "here", "x"]])
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.write(folder / "dataset1.csv", "flagged/dataset1.csv")
    code, out, _ = run(tmp_path / "shop.zip", "--dry-run")
    assert (code, len(json.loads(out)), list((tmp_path / "here").iterdir())) == (0, 3, [])
    code, out, _ = run(tmp_path / "shop.zip")
    assert (code, json.loads(out)["models"], json.loads(out)["quarantined"]) == (0, {"shop": 1}, 1)
    code, out, _ = run(folder)
    assert (json.loads(out)["imported"], json.loads(out)["skipped"]) == (0, 1)
    with Workspace(tmp_path / "here") as workspace:
        assert sum(map(len, workspace.read_quarantine())) == 1


def test_an_archive_that_could_do_harm_is_a_sentence(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("../log.csv", "t,timestamp\n")
    code, out, err = run(tmp_path / "shop.zip")
    assert (code, out) == (3, "")
    assert err.splitlines()[-1].startswith("shop.zip is not taken: '../log.csv' points outside")


def test_a_table_has_the_counts_alone(run: Run, tmp_path: Path) -> None:
    _, out, _ = run(write_folder(tmp_path / "shop/flagged", ERAS["6.31"]), "--format", "csv")
    assert out.splitlines() == ["imported,quarantined,skipped", f"{len(TEXTS)},0,0"]


def test_rows_set_aside_are_named_with_file_row_line_and_reason(run: Run, tmp_path: Path) -> None:
    folder = write_log(tmp_path / "shop", [*STRANGE, ["too", "many", "cells", "here", "x"], STRANGE[1]])
    code, out, err = run(folder)
    assert code == 0
    rows = json.loads(out)["quarantined_rows"]
    assert [(each["file"], each["row"], each["line"]) for each in rows] == [("dataset1.csv", 2, 3)]
    assert f"dataset1.csv, row 2, line 3: {rows[0]['reason']}" in err
    assert "1 quarantined; all are in flagged/quarantine." in err


def test_a_dry_run_shows_the_columns_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    code, out, _ = run(write_log(tmp_path / "shop", STRANGE), "--dry-run", "--map", "Answer=output:text")
    assert code == 0
    assert [(each["column"], each["role"], each["component"]) for each in json.loads(out)] == [
        ("Message", "input", "textbox"),
        ("Answer", "output", "text"),
        ("timestamp", "flagged_at", ""),
    ]
    assert list((tmp_path / "here").iterdir()) == []


def test_a_workspace_is_only_added_to_when_told(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    folder = write_log(tmp_path / "shop", STRANGE)
    before = (tiny_folder / "reviewer.toml").read_bytes()
    code, out, err = run(folder, "--workspace", tiny_folder)
    assert (code, out) == (3, "")
    assert "[models.shop]" in err
    assert "--add-model" in err
    assert (tiny_folder / "reviewer.toml").read_bytes() == before
    code, out, _ = run(folder, "--workspace", tiny_folder, "--add-model")
    assert (code, json.loads(out)["models"]) == (0, {"shop": 1})


def test_flags_of_a_known_model_go_to_it(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    _, out, _ = run(write_log(tmp_path / "shop", FITTING), "--workspace", tiny_folder)
    assert json.loads(out)["models"] == {"tickets": 1}


def test_a_column_can_be_mapped_to_an_input_of_a_model(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    folder = write_log(tmp_path / "shop", STRANGE)
    words = (folder, "--workspace", tiny_folder, "--model", "tickets")
    code, _, err = run(*words)
    assert code == 3
    assert '--map "Message=input::text"' in err
    code, out, _ = run(*words, "--map", "Message=input::text")
    assert (code, json.loads(out)["models"]) == (0, {"tickets": 1})


def test_times_are_read_in_the_zone_given(run: Run, tmp_path: Path) -> None:
    run(write_log(tmp_path / "shop", STRANGE), "--timezone", "Europe/Zurich")
    with Workspace(tmp_path / "here") as workspace:
        assert workspace.queue()[0].flagged_at.hour == 11


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--map", "Nope=input"), "There is no column 'Nope'"),
        (("--map", "Message"), "'Message' maps no column"),
        (("--map", "Message=inptu"), "There is no role 'inptu'. Did you mean 'input'"),
        (("--timezone", "Mars/Base"), "There is no time zone 'Mars/Base'"),
    ],
)
def test_a_mistake_is_one_sentence(run: Run, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    code, out, err = run(write_log(tmp_path / "shop", STRANGE), *words)
    assert (code, out) == (3, "")
    assert sentence in err.splitlines()[-1]


def test_a_folder_that_is_not_there_or_holds_no_flags_is_named(run: Run, tmp_path: Path) -> None:
    code, _, err = run(tmp_path / "nowhere")
    assert (code, err.startswith(f"There is no folder or file '{tmp_path}/nowhere'")) == (3, True)
    (tmp_path / "empty").mkdir()
    code, _, err = run(tmp_path / "empty")
    assert (code, "holds no flags of Gradio" in err) == (3, True)


def test_a_folder_with_other_things_is_not_made_a_workspace(run: Run, tmp_path: Path) -> None:
    (tmp_path / "here/thesis.txt").write_text("x")
    code, _, err = run(write_log(tmp_path / "shop", STRANGE))
    assert (code, "is no workspace" in err) == (3, True)
    assert [each.name for each in (tmp_path / "here").iterdir()] == ["thesis.txt"]
