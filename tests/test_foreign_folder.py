"""Which files are flag files, and that a cell never leads out of its folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gradio_folders import make_time, write_log

from reviewer.errors import InputError
from reviewer.foreign.folder import MOST_BYTES, FlagFolder, MediaFile, find_flag_files, read_media

ROWS = [["t", "flag", "timestamp"], ["a", "x", make_time(0)]]
HASH = "0" * 40


def list_names(path: Path) -> list[str]:
    """Return the flag files below the path, relative to it."""
    return [each.relative_to(path).as_posix() for each in find_flag_files(path)]


def test_logs_and_datasets_are_found_below_a_folder_in_order(tmp_path: Path) -> None:
    for name in ("dataset10.csv", "dataset9.csv", "dataset_backup.csv"):
        write_log(tmp_path / "app/.gradio/flagged", ROWS, name)
    write_log(tmp_path / "old/flagged", ROWS, "log.csv")
    write_log(tmp_path / "own", ROWS, "named.csv")
    inside = "app/.gradio/flagged"
    assert list_names(tmp_path) == [
        f"{inside}/dataset9.csv",
        f"{inside}/dataset10.csv",
        f"{inside}/dataset_backup.csv",
        "old/flagged/log.csv",
        "own/named.csv",
    ]


def test_a_csv_that_a_tester_uploaded_is_no_flag_file(tmp_path: Path) -> None:
    write_log(tmp_path, ROWS, "log.csv")
    write_log(tmp_path / "Upload" / HASH, ROWS, "log.csv")
    write_log(tmp_path, [["a", "b"], ["1", "2"]], "training.csv")
    assert list_names(tmp_path) == ["log.csv"]


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    write_log(tmp_path, ROWS)
    os.mkfifo(tmp_path / "log.csv")
    (tmp_path / "dataset2.csv").mkdir()
    assert list_names(tmp_path) == ["dataset1.csv"]


def test_a_link_to_a_file_elsewhere_is_passed_over(tmp_path: Path) -> None:
    elsewhere = write_log(tmp_path / "elsewhere", ROWS)
    folder = write_log(tmp_path / "flagged", ROWS)
    (folder / "dataset2.csv").symlink_to(elsewhere / "dataset1.csv")
    assert list_names(folder) == ["dataset1.csv"]


@pytest.mark.parametrize("name", ["nothing here", "gone/log.csv"])
def test_a_path_without_flags_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "nothing here").mkdir()
    with pytest.raises(InputError, match=name):
        find_flag_files(tmp_path / name)


def test_no_cell_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/x.png").write_bytes(b"x")
    root = tmp_path / "flagged"
    (root / "Photo" / HASH).mkdir(parents=True)
    (root / "Photo" / HASH / "link.png").symlink_to(tmp_path / "secret/x.png")
    (root / "out").symlink_to(tmp_path / "secret")
    folder = FlagFolder(root)
    for cell in (
        "/etc/passwd",
        "../secret/x.png",
        f"Photo/{HASH}/../../../secret/x.png",
        f"flagged/Photo/{HASH}/link.png",
        "out/x.png",
        f"{tmp_path}/secret/x.png",
        "Photo\0/x.png",
        "a/" * 3000,
        "/".join(["x" * 300] * 3),
        "",
    ):
        assert folder.find(cell) is None, cell


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ValueError, match="at most"):
        read_media(MediaFile(path, "big.bin"))
