"""Foreign CSV files as rows: what was written is read, and what is torn costs only itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradio_folders import format_rows, make_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.foreign.dialect import Row, find_dialect, read_rows

CELL = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), max_size=20)
HEADER = ["Text", "flag", "timestamp"]
TIME = make_time(0)


def read(path: Path, text: str | bytes) -> list[Row]:
    """Return the rows of a file with this content."""
    file = path / "log.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_rows(file))


def list_texts(rows: list[Row]) -> list[str | None]:
    """Return each row's first cell, None for what is no row."""
    return [row.cells[0] if row.cells is not None else None for row in rows]


def make_row(text: str) -> str:
    return format_rows([[text, "x", TIME]])


@pytest.mark.parametrize("quote", ['"', "'"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=6))
def test_what_gradio_writes_is_read_cell_by_cell(tmp_path: Path, quote: str, rows: list[list[str]]) -> None:
    found = read(tmp_path, format_rows([HEADER, *rows], quote))
    assert [list(row.cells or ()) for row in found] == [HEADER, *rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("ab,;'\"\n\t", max_size=80))
def test_every_line_of_any_text_is_in_exactly_one_row(tmp_path: Path, text: str) -> None:
    text = "t,flag,timestamp\n" + text
    rows = read(tmp_path, text)
    assert "".join(row.raw for row in rows).replace("\n", "") == text.replace("\n", "")
    assert [row.number for row in rows] == list(range(len(rows)))


@given(data=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_rows_that_can_be_written_down(tmp_path: Path, data: bytes) -> None:
    for row in read(tmp_path, data):
        assert row.raw.encode()
        assert (row.cells is None) == bool(row.reason)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(CELL, max_size=3), torn=CELL, cut=st.integers(1, 40), after=st.lists(CELL, max_size=4))
def test_a_torn_row_never_costs_the_rows_before_it(
    tmp_path: Path, before: list[str], torn: str, cut: int, after: list[str]
) -> None:
    whole = "".join(map(make_row, before))
    text = format_rows([HEADER]) + whole + make_row(torn)[:cut] + "".join(map(make_row, after))
    found = list_texts(read(tmp_path, text))
    assert found[1 : 1 + len(before)] == before


def test_half_a_row_with_an_open_quote_leaves_the_rows_behind_it_whole(tmp_path: Path) -> None:
    good = [make_row(each) for each in ("one", "two", "three")]
    found = read(tmp_path, format_rows([HEADER]) + good[0] + '"torn\nlike this' + "".join(good))
    assert list_texts(found) == ["Text", "one", None, "two", "three"]
    assert "open quote" in found[2].reason
    assert found[2].raw == '"torn\nlike this' + good[0]


def test_an_open_quote_that_a_later_quote_closes_costs_one_row(tmp_path: Path) -> None:
    good = [make_row("one"), make_row('says "hi"'), make_row("three")]
    found = read(tmp_path, format_rows([HEADER]) + '"torn ' + "".join(good))
    assert list_texts(found) == ["Text", None, 'says "hi"', "three"]


@pytest.mark.parametrize("closing", [["two", "", ",x"], ["two", ",", ",", "x"], ["two", ",x"]])
def test_an_open_quote_that_swallows_whole_rows_and_closes_costs_no_whole_row(
    tmp_path: Path, closing: list[str]
) -> None:
    behind = make_row("one") + format_rows([[*closing, TIME]]) + make_row("three")
    found = read(tmp_path, format_rows([HEADER]) + '"torn ' + behind)
    assert list_texts(found) == ["Text", None, "two", "three"]


def test_a_text_may_hold_a_line_that_ends_like_a_row(tmp_path: Path) -> None:
    text = f"seen,{TIME}\nand more"
    assert list_texts(read(tmp_path, format_rows([HEADER, [text, "x", TIME]]))) == ["Text", text]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, encoding: str) -> None:
    rows = read(tmp_path, format_rows([HEADER, ["ünï 漢字", "x", TIME]]).encode(encoding))
    assert list_texts(rows) == ["Text", "ünï 漢字"]


def test_bytes_that_are_no_utf_8_are_no_row(tmp_path: Path) -> None:
    data = format_rows([HEADER, ["caf\xe9", "x", TIME], ["tea", "x", TIME]]).encode("latin-1")
    rows = read(tmp_path, data)
    assert list_texts(rows) == ["Text", None, "tea"]
    assert rows[1].reason == "is not UTF-8"
    assert "caf\\xe9" in rows[1].raw


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_file_that_a_spreadsheet_saved_has_its_own_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = delimiter.join(HEADER) + "\r\n" + delimiter.join(["a,b", "x", TIME]) + "\r\n"
    assert list_texts(read(tmp_path, text)) == ["Text", "a,b"]


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_other_line_ends_are_read_too(tmp_path: Path, end: str) -> None:
    text = format_rows([HEADER, ["a", "x", TIME]], lines_end=end)
    assert list_texts(read(tmp_path, text)) == ["Text", "a"]


def test_a_header_that_starts_with_an_apostrophe_is_not_quoted_with_it(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("'=x,flag,timestamp\r\n", encoding="utf-8")
    assert find_dialect(tmp_path / "log.csv").quote == '"'


def test_a_cell_may_be_longer_than_python_s_own_limit(tmp_path: Path) -> None:
    long = "x" * 200_000
    assert list_texts(read(tmp_path, format_rows([HEADER, [long, "x", TIME]]))) == ["Text", long]


def test_rows_know_the_line_they_start_at(tmp_path: Path) -> None:
    rows = read(tmp_path, format_rows([HEADER, ["two\nlines", "x", TIME], ["next", "x", TIME]]))
    assert [(row.number, row.line) for row in rows] == [(0, 1), (1, 2), (2, 4)]
