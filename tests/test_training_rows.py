"""Base data: read exactly, and what cannot be used is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tickets import HEIGHTS, TICKETS, write_base

from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, InputError
from reviewer.models.components import open_image
from reviewer.records import hash_example
from reviewer.training import read_base


def test_base_data_is_read_exactly(tmp_path: Path) -> None:
    write_base(tmp_path, TICKETS, '\ufefftext,label,split\n"a ""b"",\r\n c",login,train\nNA,refund,test\n')
    base = read_base(tmp_path, TICKETS)
    assert [(row.example, row.right, row.split) for row in base.rows] == [
        ({"text": 'a "b",\r\n c'}, "login", "train"),
        ({"text": "NA"}, "refund", "test"),
    ]
    assert base.rows[1].example_id == hash_example({"text": "NA"})


def test_a_text_longer_than_the_csv_module_takes_by_itself_is_read(tmp_path: Path) -> None:
    box = {"component": "textbox", "max_length": 1_000_000}
    spec = ModelSpec.model_validate(TICKETS.model_dump() | {"inputs": {"text": box}})
    write_base(tmp_path, spec, f"text,label\n{'x' * 200_000},login\n")
    assert len(read_base(tmp_path, spec).rows[0].example["text"]) == 200_000


def test_pictures_of_the_base_are_read_from_where_they_lie(tmp_path: Path) -> None:
    from PIL import Image

    spec = ModelSpec.model_validate(
        {
            "name": "shades",
            "task": "image-classification",
            "labels": ["dark", "light"],
            "inputs": {"image": {"component": "image", "width": 2, "height": 1, "mode": "L"}},
            "base": "data/shades.csv",
        }
    )
    write_base(tmp_path, spec, "image,label\nshades/a.png,dark\n")
    (tmp_path / "data/shades").mkdir()
    picture = Image.new("L", (2, 1), 7)
    picture.save(tmp_path / "data/shades/a.png")
    (row,) = read_base(tmp_path, spec).rows
    assert row.example["image"].tolist() == [[7.0, 7.0]]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data"]
    assert open_image((tmp_path / "data/shades/a.png").read_bytes()).size == (2, 1)


def test_without_a_split_column_a_fifth_of_each_label_is_held_out_for_good(tmp_path: Path) -> None:
    lines = [f"text {n},{'login' if n % 4 else 'refund'}" for n in range(100)]
    write_base(tmp_path, TICKETS, "text,label\n" + "\n".join(lines) + "\n")
    held = read_base(tmp_path, TICKETS).select("test")
    assert sorted(row.right for row in held) == ["login"] * 15 + ["refund"] * 5
    write_base(tmp_path, TICKETS, "text,label\n" + "\n".join(lines[::-1]) + "\n")
    assert {row.example_id for row in read_base(tmp_path, TICKETS).select("test")} == {
        row.example_id for row in held
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("text,split\na,train\n", "has no column 'label'; its columns: text, split"),
        ("", "has no column 'text'"),
        ("text,label\na,login\nb,nothing\n", r"line 3: label is 'nothing'; use one of login, refund"),
        ("text,label\n,login\n", "line 2: text is missing"),
        ("text,label,split\na,login,later\n", "line 2: split is 'later'; use train, validation or test"),
        ("text,label\na,login,extra\n", "line 2: 3 cells, but the header has 2"),
        ('text,label\n"a,login\n', "cannot be read as a UTF-8 CSV file"),
        ("text,label\nGr\udcf6\udcdfe,login\n", r"cannot be read as a UTF-8 CSV file: 'utf-8' codec"),
    ],
)
def test_base_data_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    write_base(tmp_path, TICKETS, text)
    with pytest.raises(InputError, match=words):
        read_base(tmp_path, TICKETS)


@pytest.mark.parametrize("cell", ["tall", "nan", "inf", ""])
def test_a_target_that_is_no_finite_number_is_named(tmp_path: Path, cell: str) -> None:
    write_base(tmp_path, HEIGHTS, f"age,height\n3,95\n4,{cell}\n")
    with pytest.raises(InputError, match=f"line 3: height is '{cell}'; a finite number is needed"):
        read_base(tmp_path, HEIGHTS)


def test_base_data_that_is_not_there_is_an_error_of_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.tickets\.base is 'data/tickets\.csv', but there is no"):
        read_base(tmp_path, TICKETS)
    with pytest.raises(ConfigError, match=r"models\.tickets\.base is not set"):
        read_base(tmp_path, TICKETS.model_copy(update={"base": ""}))
