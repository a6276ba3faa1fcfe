"""What is taken of an upload: the folder in an archive, or one file, and never anything outside of it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from gradio_folders import make_time

from reviewer.errors import InputError
from reviewer.foreign import archive, open_given, open_upload, read_sources

LOG = f"Text,timestamp\nhello,{make_time(0)}\n"


def pack(path: Path, files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def refuse(path: Path) -> str:
    """Return the sentence with which the upload is refused, having seen that nothing was left behind."""
    with pytest.raises(InputError) as caught, open_upload(path):
        pass
    assert str(path.parent) not in str(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which has to be empty again after each test."""
    folder = tmp_path / "aside"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture(autouse=True)
def _see_that_nothing_stays(temporary: Path) -> Iterator[None]:
    yield
    assert list(temporary.iterdir()) == []


def test_the_folder_in_an_archive_is_there_while_it_is_used(tmp_path: Path) -> None:
    path = pack(tmp_path / "shop.zip", {"flagged/log.csv": LOG, "flagged/Photo/a/b.png": b"\x89PNG"})
    with open_upload(path) as folder:
        files = {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}
        assert files == {"flagged/log.csv", "flagged/Photo/a/b.png"}
        assert (folder / "flagged/log.csv").read_text(encoding="utf-8") == LOG
        assert [each.app for each in read_sources(folder)] == ["shop"]
    assert not folder.exists()


def test_one_csv_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "dataset1.csv").write_text(LOG, encoding="utf-8")
    with open_upload(tmp_path / "dataset1.csv") as file:
        assert file.read_text(encoding="utf-8") == LOG
        assert [(each.shown, each.app) for each in read_sources(file)] == [(("dataset1.csv",), "imported")]


def test_a_file_keeps_its_time(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(zipfile.ZipInfo("log.csv", (2020, 2, 29, 12, 30, 2)), LOG)
    with open_upload(path) as folder:
        assert (folder / "log.csv").stat().st_mtime == 1582979402


def test_an_archive_inside_an_archive_stays_a_file(tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", {"log.csv": LOG}).read_bytes()
    path = pack(tmp_path / "a.zip", {"log.csv": LOG, "Upload/inner.zip": inner})
    with open_upload(path) as folder:
        assert (folder / "Upload/inner.zip").read_bytes() == inner
        assert len(read_sources(folder)) == 1


@pytest.mark.parametrize("name", ["../log.csv", "/etc/log.csv"])
def test_an_archive_that_could_do_harm_is_refused(tmp_path: Path, name: str) -> None:
    assert "points outside of the archive" in refuse(pack(tmp_path / "a.zip", {"log.csv": LOG, name: LOG}))


def test_too_many_bytes_for_the_disk_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)
    path = pack(tmp_path / "a.zip", {"log.csv": os.urandom(600), "b.bin": os.urandom(600)})
    assert "unpacks to 1,200 bytes; at most 1,000 are taken" in refuse(path)


@pytest.mark.parametrize("names", [("a", "a/log.csv"), ("x" * 300 + ".csv",), (".",)])
def test_names_that_no_folder_can_hold_are_told(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert "cannot be unpacked: " in refuse(pack(tmp_path / "a.zip", dict.fromkeys(names, LOG)))


def test_damaged_bytes_are_told(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"log.csv": os.urandom(3000)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    assert "'log.csv' cannot be read from a.zip: Bad CRC-32 for file 'log.csv'" in refuse(path)


@pytest.mark.parametrize("name", ["flags.parquet", "log"])
def test_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK no archive")
    assert refuse(tmp_path / name) == f"{name} is no zip archive and no CSV file; upload one of them."


def test_what_is_an_archive_only_by_its_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK no archive")
    assert "a.zip is no zip archive that can be read" in refuse(tmp_path / "a.zip")


@pytest.mark.parametrize("name", ["log.csv", "flags", "...zip"])
def test_an_archive_is_taken_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / name, {"log.csv": LOG})
    for opened in (open_given, open_upload):
        with opened(path) as folder:
            assert (folder / "log.csv").read_text(encoding="utf-8") == LOG


def test_a_folder_or_file_that_was_given_is_taken_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(LOG, encoding="utf-8")
    for path in (tmp_path, tmp_path / "log.csv", tmp_path / "gone"):
        with open_given(path) as found:
            assert found == path


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    assert "is no longer there; upload it again" in refuse(tmp_path / "a.zip")


def test_an_archive_without_flags_is_named_as_it_was_uploaded(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"notes.txt": "x"})
    with pytest.raises(InputError, match=r"^'a\.zip' holds no flags of Gradio"), open_upload(path) as folder:
        read_sources(folder)
