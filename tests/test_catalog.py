"""Views per model: an analyst finds every input as a column of a sensible type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import append, make_flag, open_small_logs

from reviewer.config import INPUT_SPECS
from reviewer.index.catalog import build_view, name_column
from reviewer.index.store import SideIndex

HASH = "0123456789abcdef" * 4

CASES: dict[str, tuple[Any, str, Any]] = {
    "textbox": ("007", "VARCHAR", "007"),
    "number": (-7.5, "DOUBLE", -7.5),
    "slider": (3, "DOUBLE", 3.0),
    "dropdown": ("=x", "VARCHAR", "=x"),
    "radio": ("a", "VARCHAR", "a"),
    "checkbox": (True, "BOOLEAN", True),
    "checkbox_group": (["a", 'b, "c"'], "VARCHAR[]", ["a", 'b, "c"']),
    "date": ("2026-03-01", "TIMESTAMP", datetime(2026, 3, 1)),  # noqa: DTZ001  the model takes local times
    "file": ({"media": f"{HASH}.txt", "name": "a b.txt"}, "VARCHAR", "a b.txt"),
    "image": ({"media": f"{HASH}.png"}, "VARCHAR", f"{HASH}.png"),
    "sketch": ({"media": f"{HASH}.png"}, "VARCHAR", f"{HASH}.png"),
    "audio": ({"media": f"{HASH}.wav"}, "VARCHAR", f"{HASH}.wav"),
    "table": ({"columns": ["n"], "rows": [[1]]}, "JSON", '{"columns":["n"],"rows":[[1]]}'),
}
"""Component → a stored form, the type of its column, and the value there."""


@pytest.fixture
def cursor(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An index of three flags: with every input, with every input empty, and of an older config."""
    logs = open_small_logs(tmp_path)
    append(
        logs,
        make_flag(model="all", inputs={name: stored for name, (stored, _, _) in CASES.items()}),
        make_flag(model="all", inputs=dict.fromkeys(CASES)),
        make_flag(model="all", inputs=dict.fromkeys(CASES, "once a text")),
        make_flag(model="other"),
    )
    index = SideIndex(tmp_path, logs)
    with index.reading() as cursor:
        yield cursor
    index.close()


def test_the_cases_cover_every_component() -> None:
    assert set(CASES) == set(INPUT_SPECS)


@pytest.mark.parametrize("component", CASES)
def test_an_input_is_a_column_of_its_type(component: str, cursor: duckdb.DuckDBPyConnection) -> None:
    _, kind, value = CASES[component]
    cursor.execute(build_view("all", {each: each for each in CASES}))
    rows = cursor.execute(f'select "{component}", typeof("{component}") from "all"').fetchall()  # noqa: S608
    assert rows[0] == (value, kind)
    assert rows[1][0] is None
    assert len(rows) == 3


def test_a_view_holds_the_flags_of_its_model_with_every_column(cursor: duckdb.DuckDBPyConnection) -> None:
    cursor.execute(build_view("other", {"text": "textbox"}))
    rows = cursor.execute("select model, text, status, inputs from other").fetchall()
    assert rows == [("other", "where is my parcel", "open", '{"text":"where is my parcel"}')]


def test_an_input_named_like_a_column_gets_a_prefix(cursor: duckdb.DuckDBPyConnection) -> None:
    cursor.execute(build_view("all", {"status": "textbox", "select": "number"}))
    cursor.execute('select status, input_status, "select" from "all"')
    assert (name_column("status"), name_column("select")) == ('"input_status"', '"select"')


def test_a_day_and_time_is_a_time(tmp_path: Path) -> None:
    logs = open_small_logs(tmp_path)
    append(logs, make_flag(model="m", inputs={"seen": "2026-03-01T12:30:00"}))
    with SideIndex(tmp_path, logs).reading() as cursor:
        cursor.execute(build_view("m", {"seen": "date"}))
        found = cursor.execute("select hour(seen), minute(seen) from m").fetchall()
    assert found == [(12, 30)]
