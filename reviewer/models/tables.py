"""Tables as inputs: typed columns, checked cell by cell.

The rule: a cell is stored as what its column is declared to be, so that `007` stays a text in a column of
texts and is 7 in one of numbers; an empty cell is null in any.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reviewer.config import TableSpec
from reviewer.errors import InputError
from reviewer.log.media import Keep, MediaStore
from reviewer.models.scalars import WORDS, check_characters, parse_number, show
from reviewer.records import JsonValue

if TYPE_CHECKING:
    import pandas as pd

_MOST_CHARACTERS = 5_000_000

_NEEDED = 'give a DataFrame, a list of rows, or {"columns": [...], "rows": [[...], ...]}'


def check_table(spec: TableSpec, value: Any, keep: Keep) -> JsonValue:
    """Return `{"columns": …, "rows": …}` in the config's order; raises `InputError` naming row and column.

    Empty rows at the end, which a grid to fill in always has, are left out.
    """
    columns, rows = _split(list(spec.columns), value)
    order = _find_order(spec, columns)
    rows = _drop_empty_end(rows)
    if not rows:
        raise InputError("has no rows; fill in at least one.")
    if len(rows) > spec.max_rows:
        raise InputError(f"has {len(rows):,} rows; at most {spec.max_rows:,} are taken.")
    checked = [_check_row(spec, number, row, columns, order) for number, row in enumerate(rows, 1)]
    size = sum(len(cell) for row in checked for cell in row if isinstance(cell, str))
    if size > _MOST_CHARACTERS:
        raise InputError(f"holds {size:,} characters; at most {_MOST_CHARACTERS:,} are taken.")
    return {"columns": list(spec.columns), "rows": checked}


def is_empty_table(value: Any) -> bool:
    """Return whether nothing is filled in, as in a grid that nobody touched."""
    try:
        _, rows = _split([], value)
    except InputError:
        return False
    return not _drop_empty_end(rows)


def split_table(value: Any) -> tuple[list[Any], list[Any]] | None:
    """Return columns and rows of a DataFrame, a list of dicts or `{"columns": …, "rows": …}`, else None."""
    if hasattr(value, "itertuples"):
        # What pandas calls NaN is a cell that nobody filled in.
        return list(value.columns), value.astype(object).where(value.notna(), None).values.tolist()
    if hasattr(value, "columns") and hasattr(value, "rows"):  # polars
        return list(value.columns), list(value.rows())
    if isinstance(value, Mapping):
        columns, rows = value.get("columns", value.get("headers")), value.get("rows", value.get("data"))
    elif _is_list(value) and value and all(isinstance(each, Mapping) for each in value):
        columns = list(dict.fromkeys(name for each in value for name in each))
        rows = [[each.get(name) for name in columns] for each in value]
    else:
        return None
    is_whole = _is_list(columns) and _is_list(rows) and all(map(_is_list, rows))
    return (list(columns), list(rows)) if is_whole else None


def _split(columns: list[str], value: Any) -> tuple[list[Any], list[Any]]:
    """Return column names and rows; a list of lists has the given columns."""
    if (split := split_table(value)) is not None:
        return split
    if not _is_list(value) or not all(map(_is_list, value)):
        raise InputError(f"is no table ({type(value).__name__}); {_NEEDED}.")
    return columns, list(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _find_order(spec: TableSpec, columns: Sequence[Any]) -> list[int]:
    """Return where each column of the config stands in the table."""
    known = ", ".join(list(spec.columns)[:20])
    if unknown := [each for each in columns if not isinstance(each, str) or each not in spec.columns]:
        raise InputError(f"has a column {show(unknown[0])}; its columns are {known}.")
    if missing := [each for each in spec.columns if each not in columns]:
        raise InputError(f"has no column {missing[0]!r}; its columns are {known}.")
    if len(columns) != len(spec.columns):
        raise InputError(f"has a column twice; its columns are {known}.")
    return [columns.index(name) for name in spec.columns]


def _drop_empty_end(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    kept = list(rows)
    while kept and all(_is_empty(cell) for cell in kept[-1]):
        kept.pop()
    return kept


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell)


def _check_row(
    spec: TableSpec, number: int, row: Sequence[Any], columns: Sequence[Any], order: Sequence[int]
) -> list[JsonValue]:
    if len(row) != len(columns):
        raise InputError(f"has {len(row)} cells in row {number}, but {len(columns)} columns.")
    checked = []
    for (name, kind), place in zip(spec.columns.items(), order, strict=True):
        try:
            checked.append(None if _is_empty(row[place]) else _CHECKS[kind](row[place]))
        except InputError as error:
            raise InputError(f"in row {number}, column {name!r}, {error}") from None
    return checked


def _check_text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise InputError(f"is {show(cell)} ({type(cell).__name__}); a text is needed.")
    return check_characters(cell)


def _check_yes_no(cell: Any) -> bool:
    said = WORDS.get(cell.lower()) if isinstance(cell, str) else cell
    if not isinstance(said, bool):
        raise InputError(f"is {show(cell)}; true or false is needed.")
    return said


_CHECKS: dict[str, Callable[[Any], JsonValue]] = {
    "text": _check_text,
    "number": parse_number,
    "boolean": _check_yes_no,
}
"""Type of a column → how a cell of it is checked."""

_TYPES = {"text": "str", "number": "float64", "boolean": "boolean"}
"""Type of a column → pandas' type of it."""


def read_table(spec: TableSpec, stored: JsonValue, media: MediaStore) -> pd.DataFrame:
    """Return a frame of texts, floats and booleans as declared; empty cells are pandas' missing values."""
    import pandas as pd

    frame = pd.DataFrame(stored["rows"], columns=stored["columns"], dtype=object)
    return frame.astype({name: _TYPES[kind] for name, kind in spec.columns.items()})


def parse_table(cell: str) -> Any:
    """Return the table that a cell of a CSV file holds as JSON, the cell itself when it holds none."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def find_table_oddity(spec: TableSpec, stored: JsonValue, media: MediaStore) -> str:
    """Return where the first empty cell is, "" when there is none."""
    for number, row in enumerate(stored["rows"], 1):
        if None in row:
            return f"has an empty cell in row {number}, column {stored['columns'][row.index(None)]!r}."
    return ""
