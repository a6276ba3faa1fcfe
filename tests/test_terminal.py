from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.terminal import FORMATS, Format, escape_text, show_progress, talk, write_rows

cells = st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | st.booleans()


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    escaped = escape_text(text)
    assert escaped.isascii() or not any(sign in escaped for sign in "\x85\x9b\u2028\u2066\u202e\ufeff")
    assert "\x1b" not in escaped
    assert len(escaped.splitlines()) <= 1


def test_texts_of_any_language_stay_as_they_are() -> None:
    for text in ("Где моя посылка?", "می‌خواهم", "👩‍💻 no\u00a0break", "漢字 — “quoted”"):
        assert escape_text(text) == text


@given(st.lists(st.lists(cells, min_size=2, max_size=2)))
def test_csv_and_json_give_every_value_back(rows: list[list[Any]]) -> None:
    assert [list(each.values()) for each in json.loads(FORMATS[Format.JSON](["a", "b"], rows))] == rows
    text = FORMATS[Format.CSV](["a", "b"], rows)
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    shown = [
        ["" if each is None else each if isinstance(each, str) else json.dumps(each) for each in row]
        for row in rows
    ]
    assert read == [["a", "b"], *shown]


@given(st.lists(st.lists(cells, min_size=2, max_size=2)))
def test_a_table_has_a_line_per_row(rows: list[list[Any]]) -> None:
    assert FORMATS[Format.TABLE](["a", "b"], rows).count("\n") == 2 + len(rows)


def test_a_table_lines_up_by_what_the_terminal_shows() -> None:
    table = FORMATS[Format.TABLE](["label", "n"], [["漢字", 1], ["e\u0301", 20], ["abc", None]])
    assert table.splitlines() == ["label  n", "─────  ──", "漢字   1", "e\u0301      20", "abc"]


def test_numbers_stand_to_the_right() -> None:
    table = FORMATS[Format.TABLE](["n", "x"], [[1, 0.5], [20, 1 / 3]])
    assert table.splitlines()[2:] == [" 1       0.5", "20  0.333333"]


def test_a_wide_column_gives_way_but_an_id_and_the_last_column_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    id_, sentence = "0" * 36, "s" * 120
    line = FORMATS[Format.TABLE](["id", "text", "why"], [[id_, "t" * 300, sentence]]).splitlines()[2]
    assert line == f"{id_}  {'t' * 35}…  {sentence}"


def test_a_value_of_megabytes_is_cut_before_it_is_measured() -> None:
    assert len(FORMATS[Format.TABLE](["a"], [["x" * 5_000_000]])) < 3000


def test_a_number_that_json_lacks_is_refused_rather_than_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_rows(["a"], [[math.nan]], Format.JSON)


def test_what_is_said_stays_one_line_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    talk("first\x07\nsecond")
    assert capsys.readouterr().err == "first\\x07\nsecond\n"


def test_progress_without_a_terminal_is_a_line_per_step(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as progress:
        progress(0, "Reading")
        progress(0.1, "Reading")
        progress(0.5, "Fitting")
    assert capsys.readouterr().err == "  0%  Reading\n 50%  Fitting\n"


def test_progress_on_a_terminal_is_one_line_that_goes() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal, contextlib.redirect_stderr(terminal):
        with show_progress() as progress:
            progress(0.5, "Fitting")
        shown = os.read(ours, 1000)
    os.close(ours)
    assert shown == b"\r\x1b[K 50%  Fitting\r\x1b[K"
