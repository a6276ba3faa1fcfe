"""A copy for spreadsheets, where a cell that begins like a formula gets an apostrophe; never for training."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from reviewer.bundle.rows import AddPart, Part, Rows
from reviewer.log.columns import format_line

FILE = "spreadsheet/NOT-FOR-TRAINING.csv"

_FORMULA = tuple("=+-@\t\r")
"""What a spreadsheet takes for the start of a formula, or skips before one."""


@contextlib.contextmanager
def writing_spreadsheet(rows: Rows, folder: Path) -> Iterator[AddPart]:
    """Write the rows of all splits into one CSV with a byte order mark, as Excel wants it."""
    path = folder / FILE
    path.parent.mkdir()
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(format_line(rows.list_columns(is_typed=False)))

        def add(part: Part) -> None:
            for row in part.stream(None, is_typed=False):
                file.write(format_line(map(_guard, row.values())))

        yield add


def _guard(value: object) -> str:
    cell = "" if value is None else str(value)
    return f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", cell) is not None
