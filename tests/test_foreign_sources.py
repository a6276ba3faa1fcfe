"""What is found at a path before anything is imported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gradio_folders import ERAS, TEXTS, make_time, write_folder, write_log

from reviewer.errors import InputError, UnknownNameError
from reviewer.foreign.sources import read_sources

TIME = make_time(0)


def test_files_of_one_folder_with_one_header_are_one_source(tmp_path: Path) -> None:
    rows = [["t", "timestamp"], ["a", TIME]]
    folder = write_log(write_log(tmp_path / "app/flagged", rows), rows, "dataset2.csv")
    write_log(folder, [["u", "timestamp"], ["a", TIME]], "dataset3.csv")
    sources = read_sources(tmp_path)
    assert [each.shown for each in sources] == [
        ("app/flagged/dataset1.csv", "app/flagged/dataset2.csv"),
        ("app/flagged/dataset3.csv",),
    ]
    assert [each.app for each in sources] == ["app", "app"]


def test_one_file_is_shown_by_its_name(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop/flagged", ERAS["6.31"])
    assert [each.shown for each in read_sources(folder / "dataset1.csv")] == [("dataset1.csv",)]


def test_the_columns_are_described_with_what_is_a_guess(tmp_path: Path) -> None:
    write_folder(tmp_path / "shop/flagged", ERAS["6.31"])
    described = read_sources(tmp_path)[0].describe()
    assert [each["column"] for each in described if not each["is_sure"]] == ["Photo", "Size", "Group"]
    assert described[1] == {
        "file": "shop/flagged/dataset1.csv",
        "column": "Photo",
        "role": "input",
        "component": "image",
        "name": "photo",
        "is_sure": False,
    }


@pytest.mark.parametrize("era", ERAS)
def test_rows_are_read_without_the_header_and_counted_from_1(tmp_path: Path, era: str) -> None:
    source = read_sources(write_folder(tmp_path / "shop", ERAS[era]))[0]
    assert [row.number for row in source.read(0)] == list(range(1, len(TEXTS) + 1))


def test_labels_are_listed_by_how_often_they_were_answered(tmp_path: Path) -> None:
    answers = ["cat", "dog", "dog"]
    rows = [["x", json.dumps({"label": each, "confidences": None}), TIME] for each in answers]
    source = read_sources(write_log(tmp_path / "shop", [["t", "Kind", "timestamp"], *rows]))[0]
    assert source.list_labels() == ["dog", "cat"]


def test_options_and_users_are_taken_from_whole_rows_only(tmp_path: Path) -> None:
    header = ["t", "flag", "username", "timestamp"]
    rows = [header, ["a", "bad", "bob", TIME], ["a", "odd", TIME], ["a", "", "", TIME]]
    source = read_sources(write_log(tmp_path / "shop", rows))[0]
    assert [set(source.options), set(source.flaggers)] == [{"bad"}, {"bob"}]


def test_empty_files_are_said_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="are empty"):
        read_sources(write_log(tmp_path / "shop", [], "log.csv"))


def test_a_mapping_counts_for_every_file_that_has_the_column(tmp_path: Path) -> None:
    write_log(tmp_path / "one", [["t", "u", "timestamp"], ["a", "b", TIME]])
    write_log(tmp_path / "two", [["u", "timestamp"], ["a", TIME]])
    roles = [
        [each.role for each in source.columns] for source in read_sources(tmp_path, {"u": "input:number"})
    ]
    assert roles == [["input", "input", "flagged_at"], ["input", "flagged_at"]]
    with pytest.raises(UnknownNameError, match="t, u, timestamp"):
        read_sources(tmp_path, {"v": "input"})


def test_two_columns_cannot_both_be_the_time(tmp_path: Path) -> None:
    write_log(tmp_path / "one", [["t", "u", "timestamp"], ["a", "b", TIME]])
    with pytest.raises(InputError, match="two columns with the role flagged_at"):
        read_sources(tmp_path, {"u": "flagged_at"})
