from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reviewer.folders import hash_file, list_numbers, take_next_number


def make_aside(parent: Path, name: str) -> Path:
    aside = parent / name
    aside.mkdir(parents=True)
    return aside


def test_numbers_are_in_their_order_and_nothing_else_counts(tmp_path: Path) -> None:
    for name in ("10", "9", "2", "01", "²", ".new-1", "served"):
        (tmp_path / name).mkdir()
    assert list_numbers(tmp_path) == [2, 9, 10]
    assert list_numbers(tmp_path / "missing") == []


def test_a_folder_gets_the_number_after_the_last_and_is_told_it_first(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    aside = make_aside(tmp_path, ".new")
    path = take_next_number(aside, lambda name: (aside / "name").write_text(name))
    assert path == tmp_path / "8"
    assert (path / "name").read_text() == "8"
    assert not aside.exists()


def test_folders_that_are_named_at_once_each_get_their_own_number(tmp_path: Path) -> None:
    asides = [make_aside(tmp_path, f".new-{number}") for number in range(16)]
    for aside in asides:
        (aside / "whose").write_text(aside.name)
    with ThreadPoolExecutor(8) as pool:
        named = list(pool.map(take_next_number, asides))
    assert sorted(int(each.name) for each in named) == list(range(1, 17))
    assert [(each / "whose").read_text() for each in named] == [each.name for each in asides]


def test_a_folder_that_is_gone_gets_no_number(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        take_next_number(tmp_path / "gone")
    assert list_numbers(tmp_path) == []


def test_a_file_is_hashed_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00\xff" * 100_000)
    assert hash_file(tmp_path / "a") == hashlib.sha256(b"\x00\xff" * 100_000).hexdigest()
