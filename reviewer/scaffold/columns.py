"""What the columns of a table are: which holds the right answer, and what each of the others becomes.

The rule: a guess fits every cell that was read, so that a row of the table is never refused later.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from reviewer.batch.sources import open_source
from reviewer.errors import InputError
from reviewer.models.kinds.predictor import simplify_name

MOST_CELLS = 5_000_000
"""Cells that are looked at; a table with more is cut at the end."""
MOST_CHOICES = 20
MOST_INPUTS = 100
"""Fields of a form that somebody may still fill in by hand."""
_FEW_VALUES = 5
"""A number with fewer different values says nothing about its range."""
_MOST_EMPTY = 0.2
"""Share of a column's cells; a first model takes no empty ones, so their rows are lost."""
_LONGEST_CHOICE = 60
_LARGEST_SLID = 1e6

_TARGET_NAMES = (
    "label", "labels", "target", "class", "truth", "y", "category", "answer", "expected", "gold",
    "ground_truth", "output", "outcome", "species", "price", "score",
)  # fmt: skip
"""What the column of the right answer is called, the likeliest first."""
_ID_NAMES = frozenset({"id", "index", "row", "uuid", "unnamed_0", "row_id", "number"})
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_YES_NO = (frozenset({"true", "false"}), frozenset({"yes", "no"}))


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file that can be read, every cell a text."""

    path: Path
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    broken: int
    """Rows that are none, left out."""
    is_cut: bool
    """Whether the file has more rows than were read."""

    def list_cells(self, column: str) -> list[str]:
        """Return the cells of a column, from the first row to the last."""
        place = self.columns.index(column)
        return [row[place] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Draft:
    """An input as `reviewer.toml` will declare it."""

    name: str
    column: str
    """Where it stands in the table, or what the model calls it."""
    keys: dict[str, Any]
    """Component, label, range, choices …"""

    @property
    def component(self) -> str:
        """The name of its component."""
        return str(self.keys["component"])


def read_table(path: Path) -> Table:
    """Return the rows of a CSV, Parquet or JSONL file; raises `InputError` when there are none."""
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}.")
    with open_source(path) as source:
        most = max(MOST_CELLS // len(source.columns), 1000)
        read = list(islice(source.read(source.columns), most + 1))
        rows = [tuple(map(str, row.cells)) for row in read[:most] if not row.problem]
        table = Table(path, tuple(source.columns), rows, min(len(read), most) - len(rows), len(read) > most)
    if not rows:
        raise InputError(f"{path} has no row below its header that can be read; give one with examples.")
    return table


# The right answer


def choose_target(table: Table, wanted: str | None, inputs: Sequence[str] | None = None) -> str | None:
    """Return the column of the right answer: the one wanted, else one with a usual name, else the one left.

    `inputs` are the columns that the model takes, None when they are not known; when they are, there may be
    no such column. Raises `InputError` when it cannot be told.
    """
    if wanted is not None:
        if wanted not in table.columns:
            raise InputError(
                f"{table.path} has no column {wanted!r}; its columns: {_list_some(table.columns)}."
            )
        return wanted
    free = [each for each in table.columns if inputs is None or simplify_name(each) not in inputs]
    folded = {simplify_name(each): each for each in reversed(free)}
    if found := next((folded[name] for name in _TARGET_NAMES if name in folded), None):
        return found
    if inputs is not None:
        return free[0] if len(free) == 1 else None
    raise InputError(
        f"Which column of {table.path} holds the right answer? Name it with --target; the columns:"
        f" {_list_some(free)}."
    )


def _list_some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (" …" if len(names) > 20 else "")


def parse_number(cell: str) -> float | None:
    """Return the finite number that a cell is, None for anything else."""
    if not _NUMBER.fullmatch(cell.strip()):
        return None
    number = float(cell)
    return number if math.isfinite(number) else None


# The inputs


def draft_inputs(table: Table, columns: Sequence[str], *, has_all: bool) -> tuple[list[Draft], list[str]]:
    """Return the columns as inputs, and a sentence per column that was left out.

    With `has_all` none is, since a model takes them all, and what is empty somewhere may stay empty. Raises
    `InputError` when none is left, or too many.
    """
    left_out: dict[str, str] = {}
    if not has_all:
        reasons = {each: _find_useless(table, each) for each in columns}
        left_out = {each: reason for each, reason in reasons.items() if reason}
    kept = [each for each in columns if each not in left_out]
    if not kept:
        raise InputError(
            f"{table.path} has no column that could be a model's input: besides the right answer one is"
            " needed that differs from row to row."
        )
    check_count(len(kept), str(table.path))
    names = name_inputs(kept)
    drafts = [
        Draft(name, each, {**guess_component(table.list_cells(each), may_be_empty=has_all), "label": each})
        for name, each in zip(names, kept, strict=True)
    ]
    return drafts, [f"The column {each!r} is left out: {reason}." for each, reason in left_out.items()]


def check_count(inputs: int, what: str) -> None:
    """Raise `InputError` when nobody would fill in a form with so many fields."""
    if inputs > MOST_INPUTS:
        raise InputError(
            f"{what} has {inputs:,} columns for inputs; a form that people fill in holds {MOST_INPUTS} at"
            " most. Keep the columns that matter, or write reviewer.toml by hand."
        )


def name_inputs(columns: Sequence[str]) -> list[str]:
    """Return a key for `reviewer.toml` per column, all different; what cannot be one gets a number."""
    names: list[str] = []
    for number, column in enumerate(columns, 1):
        name = simplify_name(column)[:50] or f"column_{number}"
        name = name if name[0].isalpha() else f"column_{name}"
        free, count = name, 1
        while free in names:
            count += 1
            free = f"{name}_{count}"
        names.append(free)
    return names


def _find_useless(table: Table, column: str) -> str:
    """Return why a model learns nothing from the column, "" when it may."""
    cells = table.list_cells(column)
    values = set(cells)
    if values == {""}:
        return "it is empty"
    if len(values) == 1:
        return f"it is always {cells[0][:40]!r}"
    if (empty := cells.count("")) > len(cells) * _MOST_EMPTY:
        return f"it is empty in {empty:,} of {len(cells):,} rows"
    if len(table.columns) > 2 and _count_rows(cells):
        return "it counts the rows"
    is_id = simplify_name(column) in _ID_NAMES
    if len(values) == len(cells) and len(table.columns) > 2 and (is_id or _are_codes(cells)):
        return "it is different in every row, like an id"
    if guess_component(cells)["component"] == "date":
        return "it is a date, which says little about examples of another day"
    return ""


def _count_rows(cells: Sequence[str]) -> bool:
    """Whether the cells are whole numbers that go up by one."""
    start = int(cells[0]) if re.fullmatch("[0-9]{1,9}", cells[0]) else None
    return start is not None and all(each == str(start + place) for place, each in enumerate(cells))


def _are_codes(cells: Sequence[str]) -> bool:
    """Whether every cell is one short word with a digit in it."""
    return len(cells) >= MOST_CHOICES and all(
        re.fullmatch(r"(?=.*[A-Za-z])(?=.*[0-9])[\w-]{1,64}", each) for each in cells
    )


def guess_component(cells: Sequence[str], *, may_be_empty: bool = True) -> dict[str, Any]:
    """Return the keys of the component that takes every one of the cells that is not empty."""
    filled = [each for each in cells if each]
    keys = next((keys for guess in _GUESSES if (keys := guess(filled))), None) or _describe_text(filled)
    return {**keys, "required": False} if may_be_empty and len(filled) < len(cells) else keys


def _guess_yes_no(cells: Sequence[str]) -> dict[str, Any] | None:
    values = {each.lower() for each in cells}
    return {"component": "checkbox"} if values and any(values <= pair for pair in _YES_NO) else None


def _guess_number(cells: Sequence[str]) -> dict[str, Any] | None:
    numbers = [number for each in cells if (number := parse_number(each)) is not None]
    if not numbers or len(numbers) < len(cells):
        return None
    low, high = min(numbers), max(numbers)
    if len(set(numbers)) < _FEW_VALUES or max(abs(low), abs(high)) > _LARGEST_SLID:
        return {"component": "number"}
    return {"component": "slider", **_choose_range(cells, numbers, low, high)}


def _choose_range(cells: Sequence[str], numbers: Sequence[float], low: float, high: float) -> dict[str, Any]:
    """Return round bounds a little outside the numbers, the step that all of them fit, and a usual value."""
    decimals = max(_count_decimals(each) for each in cells)
    grid = max(10.0 ** math.floor(math.log10(high - low)) / 2, 10.0**-decimals)
    minimum, maximum = math.floor(low / grid) * grid, math.ceil(high / grid) * grid
    bounds = {"minimum": minimum, "maximum": maximum, "step": 10.0**-decimals, "value": median(numbers)}
    return {name: _round(number, decimals) for name, number in bounds.items()}


def _round(number: float, decimals: int) -> float | int:
    rounded = round(number, decimals)
    return int(rounded) if rounded.is_integer() else rounded


def _count_decimals(cell: str) -> int:
    mantissa, _, exponent = cell.strip().lower().partition("e")
    return max(0, min(9, len(mantissa.partition(".")[2]) - int(exponent or 0)))


def _guess_date(cells: Sequence[str]) -> dict[str, Any] | None:
    if cells and all(_is_iso(each, date) for each in cells):
        return {"component": "date"}
    is_time = cells and all("T" in each and _is_iso(each, datetime) for each in cells)
    return {"component": "date", "include_time": True} if is_time else None


def _is_iso(cell: str, kind: type[date]) -> bool:
    try:
        return kind.fromisoformat(cell).isoformat() == cell
    except ValueError:
        return False


def _guess_choice(cells: Sequence[str]) -> dict[str, Any] | None:
    counts = Counter(cells)
    is_short = all(len(each) <= _LONGEST_CHOICE for each in counts)
    if not counts or not is_short or len(counts) > min(MOST_CHOICES, len(cells) / 2):
        return None
    return {"component": "dropdown", "choices": sorted(counts)}


def _describe_text(cells: Sequence[str]) -> dict[str, Any]:
    longest = max(map(len, cells), default=0)
    keys: dict[str, Any] = {"component": "textbox"}
    return keys if longest <= 100_000 else {**keys, "max_length": 2 * longest}


_GUESSES: tuple[Callable[[Sequence[str]], dict[str, Any] | None], ...] = (
    _guess_yes_no, _guess_number, _guess_date, _guess_choice,
)  # fmt: skip
"""Asked in this order; what none of them knows is a text."""
