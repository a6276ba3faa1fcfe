from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from reviewer.batch import zip_source
from reviewer.batch.sources import Attachment, Cell, Row, open_source
from reviewer.errors import InputError
from reviewer.log.columns import format_line

GRID = [
    ["id", "text", "label"],
    ["007", "a, b", "x"],
    ["1e5", 'say "hi"\nthere', "None"],
    ["", " ñ 🙂 ", "=1+1"],
]
PICTURE = b"\x89PNG\r\n\x1a\n not decoded here"


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def read(path: Path, wanted: Sequence[str] | None = None) -> list[Row]:
    with open_source(path) as source:
        return list(source.read(wanted or source.columns))


def read_cells(path: Path) -> list[list[Cell]]:
    with open_source(path) as source:
        return [list(source.columns), *[list(row.cells) for row in source.read(source.columns)]]


def write_zip(path: Path, files: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_csv_is_read_as_it_is_written(tmp_path: Path, delimiter: str, encoding: str) -> None:
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in GRID]
    text = "".join(delimiter.join(row) + "\r\n" for row in quoted)
    path = write(tmp_path / "a.csv", text.encode(encoding))
    assert read_cells(path) == GRID


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), min_size=1)
)
def test_any_text_in_a_csv_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    text = "".join(map(format_line, [["a", "b"], *rows]))
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", text.encode())
    assert read_cells(path) == [["a", "b"], *rows]


def test_a_ragged_row_and_a_broken_quote_are_bad_rows_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b'text,label\ngood,x\nonly one\n"bro"ken,x\none,two,three\nlast,x\n')
    rows = read(path)
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert [row.cells for row in rows] == [("good", "x"), (), (), (), ("last", "x")]
    assert rows[1].problem == "The row has 1 cells, but the header has 2."
    assert "no CSV" in rows[2].problem


def test_a_quote_that_never_closes_is_one_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b'text,label\ngood,x\n"open,x\nswallowed,x\n')
    with open_source(path) as source:
        assert source.count() == 2
        assert "unexpected end" in list(source.read(["text"]))[1].problem


def test_a_comma_in_texts_is_no_delimiter_where_semicolons_divide(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"text;label\nHello, you; there\nOne, two, three;x\n")
    assert read_cells(path)[0] == ["text", "label"]


def test_three_thousand_columns_are_read_and_twenty_thousand_refused(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(3000)]
    path = write(tmp_path / "a.csv", (",".join(names) + "\n" + ",".join(names) + "\n").encode())
    assert [row.cells for row in read(path, ["c2999", "c0"])] == [("c2999", "c0")]
    wide = write(tmp_path / "b.csv", (",".join(f"c{number}" for number in range(20_000)) + "\n").encode())
    with pytest.raises(InputError, match="has 20,000 columns; at most 10,000"):
        read(wide)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", "must begin with a row that names its columns; it is empty"),
        ("a.csv", b"a,b,a\n1,2,3\n", "has two columns 'a'"),
        ("a.csv", b"text\ncaf\xe9\n", "a.csv is no text in UTF-8 or UTF-16"),
        ("a.csv", b"PK\x03\x04\xff\xfe\x00", "is no text in UTF-8"),
        ("a.xlsx", b"PK\x03\x04", "cannot be read as rows; use one of csv, tsv, parquet"),
        ("noending", b"a,b\n", "cannot be read as rows"),
        ("a.jsonl", b"[1, 2]\n", "has no line that is a JSON object"),
        ("a.parquet", b"PAR1 not really", "is no Parquet file"),
        ("a.zip", b"PK not really", "is no zip archive"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_it_says_is_refused_in_a_sentence(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / name, data))


def test_damage_far_into_a_file_is_found_by_counting(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"text\n" + b"fine\n" * 10_000 + b"caf\xe9\n")
    with open_source(path) as source, pytest.raises(InputError, match="no text in UTF-8"):
        source.count()


def test_a_column_without_a_name_gets_its_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b",text\n0,hello\n")
    assert read_cells(path) == [["column 1", "text"], ["0", "hello"]]


def test_an_unknown_column_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"text,label\na,b\n")
    with pytest.raises(InputError, match=r"no column 'txt'. Did you mean 'text'"):
        read(path, ["txt"])


# JSON Lines and Parquet


def test_json_lines_are_cells_and_lines_that_are_no_object_bad_rows(tmp_path: Path) -> None:
    lines = [
        '{"text": "hi", "n": 1.0, "ok": true, "tags": ["a"], "none": null}',
        "",
        "{broken",
        "[1]",
        '{"n": 7}',
    ]
    rows = read(write(tmp_path / "a.jsonl", "\n".join(lines).encode()), ["text", "n", "ok", "tags", "none"])
    assert [row.cells for row in rows] == [("hi", "1", "true", '["a"]', ""), (), (), ("", "7", "", "", "")]
    assert [bool(row.problem) for row in rows] == [False, True, True, False]


def test_deep_json_and_numbers_of_thousands_of_digits_are_bad_rows(tmp_path: Path) -> None:
    lines = ['{"a": 1}', '{"a": ' + "[" * 100_000 + "}", '{"a": ' + "9" * 5000 + "}"]
    rows = read(write(tmp_path / "a.jsonl", "\n".join(lines).encode()), ["a"])
    assert [bool(row.problem) for row in rows] == [False, True, True]


def test_parquet_gives_the_cells_a_csv_would_have(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["007", None], "n": [1.5, 2.0], "ok": [True, False], "day": pa.array([0, 1], pa.date32()),
            "image": [b"abc", b""],
        }
    )  # fmt: skip
    parquet.write_table(table, tmp_path / "a.parquet")
    rows = read(tmp_path / "a.parquet")
    assert rows[0].cells[:4] == ("007", "1.5", "true", "1970-01-01")
    assert rows[1].cells[:4] == ("", "2", "false", "1970-01-02")
    assert isinstance(rows[0].cells[4], Attachment)
    assert rows[0].cells[4].read() == b"abc"


def test_parquet_is_read_in_the_files_order_over_many_batches(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"n": list(range(3500))}), tmp_path / "a.parquet", row_group_size=700)
    rows = read(tmp_path / "a.parquet")
    assert [row.cells for row in rows] == [(str(number),) for number in range(3500)]
    assert rows[-1].number == 3500


# Zip archives


def test_pictures_in_folders_are_rows_with_their_folder_as_truth(tmp_path: Path) -> None:
    files = {"d/cat/1.png": PICTURE, "d/dog/2.jpg": b"2", "__MACOSX/d/cat/._1.png": b"", "d/.DS_Store": b""}
    path = write_zip(tmp_path / "a.zip", files)
    with open_source(path) as source:
        rows = list(source.read(["file", "folder"]))
        assert (source.count(), source.truth) == (2, "folder")
        assert [row.cells[1] for row in rows] == ["cat", "dog"]
        first = rows[0].cells[0]
        assert isinstance(first, Attachment)
        assert (first.name, first.read()) == ("d/cat/1.png", PICTURE)


def test_pictures_without_folders_have_no_truth_and_other_files_are_bad_rows(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.png": PICTURE, "README.txt": b"hi"})
    with open_source(path) as source:
        assert source.truth is None
        assert [row.problem for row in source.read(["file"])] == [
            "",
            "'README.txt' is no picture and no recording.",
        ]


def test_a_csv_in_an_archive_names_the_files_beside_it(tmp_path: Path) -> None:
    files = {"d/list.csv": b"image;label\npictures/1.png;cat\n", "d/pictures/1.png": PICTURE}
    with open_source(write_zip(tmp_path / "a.zip", files)) as source:
        assert [row.cells for row in source.read(["image", "label"])] == [("pictures/1.png", "cat")]
        found = source.find("pictures/1.png")
        assert found is not None
        assert found.read() == PICTURE
        assert source.find("../list.csv") is None
        assert source.find("/etc/passwd") is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../up.png", "points outside"),
        ("inner.zip", "is an archive inside the archive"),
        ("inner.tar.gz", "is an archive inside the archive"),
    ],
)
def test_an_archive_with_a_dangerous_name_is_refused(tmp_path: Path, name: str, message: str) -> None:
    path = write_zip(tmp_path / "a.zip", {"good.png": PICTURE, name: b"x"})
    with pytest.raises(InputError, match=message):
        read(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zip"]


def test_too_many_bytes_of_an_archive_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_source, "MOST_BYTES", 100)
    with pytest.raises(InputError, match=r"unpacks to [\d,]+ bytes; at most 100"):
        read(write_zip(tmp_path / "a.zip", {f"{number}.png": PICTURE for number in range(20)}))


def test_hidden_files_of_an_archive_are_no_rows(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.png": PICTURE, ".cache/2.png": PICTURE, "d/.3.png": PICTURE})
    with open_source(path) as source:
        assert source.count() == 1


def test_a_damaged_csv_in_an_archive_is_told(tmp_path: Path) -> None:
    rows = b"text\n" + b"fine\n" * 5000
    path = write_zip(tmp_path / "a.zip", {"a.csv": rows}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[20_000] ^= 1
    with (
        pytest.raises(InputError, match=r"'a\.csv' cannot be read from a\.zip"),
        open_source(write(path, bytes(data))) as source,
    ):
        source.count()


def test_a_damaged_picture_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.png": PICTURE, "2.png": PICTURE}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(PICTURE)] ^= 0xFF
    with open_source(write(path, bytes(data))) as source:
        first, second = [row.cells[0] for row in source.read(["file"])]
        assert isinstance(first, Attachment)
        assert isinstance(second, Attachment)
        with pytest.raises(InputError, match=r"'1.png' cannot be read from a.zip"):
            first.read()
        assert second.read() == PICTURE


@pytest.mark.parametrize("files", [{}, {"a.csv": b"x\n1\n", "b.csv": b"x\n1\n"}])
def test_an_archive_that_leaves_open_what_its_rows_are_is_refused(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    with pytest.raises(InputError, match=r"is empty|holds 2 CSV files"):
        read(write_zip(tmp_path / "a.zip", files))


def test_every_kind_gives_the_same_rows_twice(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": f"t{number}", "label": "x"} for number in range(10)]
    write(tmp_path / "a.csv", b"text,label\n" + b"".join(b"t%d,x\n" % number for number in range(10)))
    write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)).encode())
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    write_zip(tmp_path / "a.zip", {"a.csv": (tmp_path / "a.csv").read_bytes()})
    for ending in ("csv", "jsonl", "parquet", "zip"):
        with open_source(tmp_path / f"a.{ending}") as source:
            assert source.count() == 10
            first, second = list(source.read(["text", "label"])), list(source.read(["text", "label"]))
        assert first == second == [Row(number + 1, (f"t{number}", "x")) for number in range(10)]
