"""Media: files kept once under the hash of their bytes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.errors import InputError, LogError, UnknownNameError
from reviewer.log.media import MEDIA_TYPES, MediaStore, is_shown_inline, name_media


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(data=st.binary(max_size=200), ending=st.sampled_from(sorted(MEDIA_TYPES)))
def test_bytes_come_back_equal_under_their_hash(store: MediaStore, data: bytes, ending: str) -> None:
    name = store.save(data, ending)
    assert name == f"{hashlib.sha256(data).hexdigest()}.{ending}" == name_media(data, ending)
    assert store.read(name) == data


def test_the_same_bytes_are_stored_once(store: MediaStore, tmp_path: Path) -> None:
    first = store.save(b"image", "png")
    number = store.find(first).stat().st_ino
    assert store.save(b"image", "png") == first
    assert store.find(first).stat().st_ino == number
    assert len([each for each in tmp_path.rglob("*") if each.is_file()]) == 1


def test_threads_that_save_the_same_bytes_leave_one_whole_file(store: MediaStore, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    with ThreadPoolExecutor(8) as threads:
        names = set(threads.map(lambda _: store.save(data, "png"), range(32)))
    assert [store.read(name) for name in names] == [data]
    assert len([each for each in tmp_path.rglob("*") if each.is_file()]) == 1


@pytest.mark.parametrize("ending", ["exe", "svg", "PNG", "", "png/../x", ".png"])
def test_another_ending_is_refused_with_the_endings_that_work(store: MediaStore, ending: str) -> None:
    with pytest.raises(InputError, match=r"cannot be stored; use png, jpg, webp, gif, wav, .*, bin\."):
        store.save(b"data", ending)


def test_only_pictures_and_recordings_are_shown_in_a_page() -> None:
    shown = [ending for ending in MEDIA_TYPES if is_shown_inline(f"{'0' * 64}.{ending}")]
    assert shown == ["png", "jpg", "webp", "gif", "wav", "mp3", "flac", "ogg"]
    assert not any(map(is_shown_inline, ["", "x", "x.svg", "x.html", "x.PNG", "x.pdf"]))


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "0" * 64 + ".png",
        "0" * 64,
        "0" * 64 + ".png\n",
        "0" * 64 + ".svg",
        "A" * 64 + ".png",
        "",
        ".",
        "x\0y",
        "../" + "0" * 64 + ".png",
    ],
)
def test_a_name_that_is_no_stored_file_is_unknown(store: MediaStore, name: str) -> None:
    store.save(b"data", "png")
    with pytest.raises(UnknownNameError, match="There is no media file"):
        store.read(name)


def test_a_file_beside_the_store_cannot_be_read_through_it(store: MediaStore, tmp_path: Path) -> None:
    name = "ab" * 32 + ".png"
    (tmp_path / name).write_bytes(b"secret")
    with pytest.raises(UnknownNameError):
        store.read(f"../../{name}")


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "media").write_bytes(b"a file where the folder should be")
    with pytest.raises(LogError, match=r"could not be written .*free space or make the folder writable"):
        MediaStore(tmp_path / "media").save(b"data", "png")
