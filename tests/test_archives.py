"""What is taken of a zip archive, and what refuses it: looked at as a whole before a byte of it is read."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from reviewer import archives
from reviewer.archives import is_archive, open_archive
from reviewer.errors import InputError

MOST = 1 << 30


def pack(
    path: Path, files: Iterable[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in files:
            made.writestr(name, data)
    return path


def mark(path: Path, name: str, change: int) -> Path:
    """Change the flags of the file of that name, in front of it and in the directory."""
    data = bytearray(path.read_bytes())
    first, last = data.index(name.encode()) - 30, data.rindex(name.encode()) - 46
    for start, place, at in ((b"PK\3\4", first, 6), (b"PK\1\2", last, 8)):
        assert data[place : place + 4] == start
        flags = int.from_bytes(data[place + at : place + at + 2], "little") ^ change
        data[place + at : place + at + 2] = flags.to_bytes(2, "little")
    path.write_bytes(data)
    return path


def refuse(path: Path) -> str:
    """Return the sentence that refuses the archive, which names it and not where it lies."""
    with pytest.raises(InputError) as caught, open_archive(path, MOST):
        pass
    assert path.name in str(caught.value)
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


def list_files(path: Path) -> list[str]:
    with open_archive(path, MOST) as archive:
        return list(archive.files)


# What is taken


def test_files_are_listed_by_their_paths_and_read_as_they_are(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("b/2.txt", b"two"), ("b/", b""), ("./a//1.txt", b"one" * 100_000)])
    with open_archive(path, MOST) as archive:
        assert list(archive.files) == ["b/2.txt", "a/1.txt"]
        with archive.open("a/1.txt") as file:
            assert (file.read(4), file.read()) == (b"oneo", (b"one" * 100_000)[4:])
        with archive.open("b/2.txt") as file, io.TextIOWrapper(file, encoding="utf-8") as text:
            assert text.read() == "two"


def test_an_archive_made_with_backslashes_has_folders(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("flaggedXlog.csv", b"x")])
    path.write_bytes(path.read_bytes().replace(b"flaggedXlog.csv", b"flagged\\log.csv"))
    assert list_files(path) == ["flagged/log.csv"]


def test_a_name_in_utf_8_that_does_not_say_so_is_read_as_it_was(tmp_path: Path) -> None:
    name = "flagged/in, file e\u0301.txt"
    path = pack(tmp_path / "a.zip", [(name, b"x")])
    assert list_files(mark(path, name, 0x800)) == [name]


def test_a_name_in_an_old_code_page_is_read_as_one(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("photo_X.png", b"x")])
    path.write_bytes(path.read_bytes().replace(b"photo_X.png", b"photo_\x81.png"))
    assert list_files(path) == ["photo_ü.png"]


def test_what_desktops_leave_in_archives_is_no_file_of_it(tmp_path: Path) -> None:
    names = ["log.csv", "__MACOSX/._log.csv", "a/.DS_Store", "Thumbs.db", "b/desktop.ini", "empty/"]
    path = pack(tmp_path / "a.zip", [(each, b"x" * (not each.endswith("/"))) for each in names])
    assert list_files(path) == ["log.csv"]


def test_rows_that_repeat_may_pack_well(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("log.csv", b"the same row\n" * (1 << 20))])
    assert path.stat().st_size * archives.MOST_RATIO < 13 << 20
    assert list_files(path) == ["log.csv"]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [("a.ZIP", b"", True), ("a.csv", b"PK\3\4", True), ("a.csv", b"PK\5\6", True), ("a.csv", b"PK,x", False)],
)
def test_an_archive_is_known_by_its_name_or_its_start(
    tmp_path: Path, name: str, data: bytes, expected: bool
) -> None:
    (tmp_path / name).write_bytes(data)
    assert is_archive(tmp_path / name) is expected


def test_a_file_that_cannot_be_read_is_told() -> None:
    with pytest.raises(InputError, match=r"^mem cannot be read: Input/output error\.$"):
        is_archive(Path("/proc/self/mem"))


# What is refused


@pytest.mark.parametrize(
    "name",
    [
        "../x.csv",
        "a/../../x.csv",
        "/etc/x.csv",
        "..\\x.csv",
        "a\\..\\x.csv",
        "C:/x.csv",
        "c:x.csv",
        "//x/y.csv",
    ],
)
def test_a_name_that_points_outside_refuses_the_archive(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / "a.zip", [("good.csv", b"x"), (name, b"x")])
    assert "points outside of the archive; pack the files without paths" in refuse(path)


def test_a_name_that_points_outside_once_it_is_read_as_utf_8_refuses_the_archive(tmp_path: Path) -> None:
    name = "é/../../x.csv"
    path = pack(tmp_path / "a.zip", [(name, b"x")])
    assert "points outside of the archive" in refuse(mark(path, name, 0x800))


def test_a_file_in_more_folders_than_any_program_makes_refuses_the_archive(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("a/" * 2000 + "log.csv", b"x")])
    assert "lies too deep in folders; pack the innermost ones" in refuse(path)


def test_a_link_refuses_the_archive(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("Photo/a/passwd.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "is a link; pack the file itself" in refuse(pack(tmp_path / "a.zip", [(link, b"/etc/passwd")]))


def test_an_encrypted_file_refuses_the_archive(tmp_path: Path) -> None:
    path = mark(pack(tmp_path / "a.zip", [("log.csv", b"x")]), "log.csv", 1)
    assert "is encrypted; pack it without a password" in refuse(path)


def test_a_packing_that_can_take_any_memory_refuses_the_archive(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("log.csv", b"x")], zipfile.ZIP_LZMA)
    assert "is packed in another way than by deflate" in refuse(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "bomb.zip", [(f"{number}.csv", bytes(13 << 20)) for number in range(5)])
    assert "unpacks to 68,157,440 bytes out of" in refuse(path)


def test_too_many_bytes_are_refused_whatever_their_ratio(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("log.csv", os.urandom(600)), ("b.bin", os.urandom(600))])
    with (
        pytest.raises(InputError, match=r"^a\.zip unpacks to 1,200 bytes; at most 1,000 are taken"),
        open_archive(path, 1000),
    ):
        pass


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    path = pack(tmp_path / "a.zip", [(f"{number}.txt", b"") for number in range(3)])
    assert "holds 3 files; at most 2 are taken" in refuse(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("other", ["a/log.csv", "a//log.csv", "./a/log.csv", "a\\log.csv"])
def test_two_files_of_one_name_refuse_the_archive(tmp_path: Path, other: str) -> None:
    path = pack(tmp_path / "a.zip", [("a/log.csv", b"x"), (other, b"y")])
    assert "is there twice; pack it once" in refuse(path)


@pytest.mark.parametrize("data", [b"", b"PK not really", b"PK\5\6" + bytes(10)])
def test_what_is_no_archive_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    assert "is no zip archive that can be read" in refuse(tmp_path / "a.zip")


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("é.csv", b"x")])
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xc3\xc3"))
    assert "is no zip archive that can be read" in refuse(path)


def test_damaged_bytes_are_told_when_they_are_read(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [("log.csv", os.urandom(3000))], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    with (
        pytest.raises(InputError, match=r"^'log\.csv' cannot be read from a\.zip: Bad CRC-32"),
        open_archive(path, MOST) as archive,
        archive.open("log.csv") as file,
    ):
        file.read()
