"""A model's table of `reviewer.toml`, guessed from its file and from data.

The rule: what cannot be told ends in a sentence that names the option which tells it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import pstdev
from typing import Any

from reviewer.config import RESERVED_NAMES, Kind
from reviewer.errors import InputError, UnknownNameError
from reviewer.models.kinds.predictor import simplify_name
from reviewer.records import TRAIN, Task
from reviewer.scaffold.columns import (
    Draft,
    Table,
    check_count,
    choose_target,
    draft_inputs,
    name_inputs,
    parse_number,
)
from reviewer.scaffold.models import FoundModel
from reviewer.training import TEST, VALIDATION

MOST_LABELS = 1000
SPLIT = "split"
_FEWEST_NUMBERS = 20
"""Different right answers that are numbers; with fewer, they are labels."""
_EXAMPLES = 5
_LONGEST_EXAMPLE = 2000


@dataclass(frozen=True, slots=True)
class ModelDraft:
    """What the new workspace's one model will be."""

    name: str
    task: Task
    kind: Kind
    labels: tuple[str, ...]
    inputs: tuple[Draft, ...]
    target: str | None
    """Key of the right answer in the base data, None without any."""
    rows: list[dict[str, str]]
    """The base data: key → cell, with the right answer under `target`."""
    examples: list[dict[str, Any]]
    tolerance: float | None
    notes: tuple[str, ...]
    """What was guessed and left out, a sentence each."""


def draft_model(
    name: str | None, task: str | None, target: str | None, found: FoundModel | None, table: Table | None
) -> ModelDraft:
    """Return the model that the file and the table describe; raises `InputError` when that is not clear."""
    wanted = _check_task(task)
    chosen = _check_name(name, found.path if found else table.path if table else Path())
    if found is None or table is not None:
        assert table is not None  # noqa: S101  one of both is given
        return _draft_from_table(chosen, wanted, target, found, table)
    return _draft_from_file(chosen, wanted, found)


def _check_task(task: str | None) -> Task | None:
    known = [Task.TEXT_CLASSIFICATION, Task.IMAGE_CLASSIFICATION, Task.TABULAR_CLASSIFICATION,
             Task.TABULAR_REGRESSION]  # fmt: skip
    if task is not None and task not in known:
        raise UnknownNameError("task for a new workspace", task, known)
    return None if task is None else Task(task)


def _check_name(name: str | None, path: Path) -> str:
    if name is None:
        name = name_inputs([path.stem])[0]
        return f"{name}_model" if name in RESERVED_NAMES else name
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) or name in RESERVED_NAMES:
        raise InputError(f"--name is {name!r}; use small letters, digits and _, a letter first.")
    return name


# From the file alone


def _draft_from_file(name: str, task: Task | None, found: FoundModel) -> ModelDraft:
    inputs = _draft_known_inputs(found, task)
    guessed = task or _guess_task([each.component for each in inputs], is_regression=found.is_regressor)
    if guessed.is_classification and len(found.labels) < 2:
        raise InputError(
            f"{found.path} does not name its labels; add --data with examples and their right answers."
        )
    notes = [f"{found.path.name} was read as {guessed}: {_describe_inputs(inputs)}."]
    if found.square and task is None:
        notes.append(
            f"If its {found.width} columns are the pixels of a gray picture, from 0 to 255, say so with"
            " --task image-classification."
        )
    return ModelDraft(
        name, guessed, found.kind, found.labels if guessed.is_classification else (), tuple(inputs),
        None, [], [], None, tuple(notes),
    )  # fmt: skip


def _draft_known_inputs(found: FoundModel, task: Task | None) -> list[Draft]:
    if found.takes_text:
        return [Draft("text", "text", {"component": "textbox", "label": "Text"})]
    if picture := _find_picture(found, task):
        width, height, mode = picture
        keys = {"component": "image", "label": "Picture", "width": width, "height": height, "mode": mode}
        return [Draft("image", "image", keys)]
    columns = found.names or tuple(f"x{number}" for number in range(1, (found.width or 0) + 1))
    if not columns:
        raise InputError(
            f"{found.path} does not say what it takes; add --data with examples, one column per input."
        )
    check_count(len(columns), str(found.path))
    return [
        Draft(name, column, {**_describe_known(found, column), "label": column})
        for name, column in zip(name_inputs(columns), columns, strict=True)
    ]


def _describe_known(found: FoundModel, column: str) -> dict[str, Any]:
    if choices := found.choices.get(column):
        return {"component": "dropdown", "choices": list(choices)}
    return {"component": "number"}


def _find_picture(found: FoundModel, task: Task | None) -> tuple[int, int, str] | None:
    """Return what the picture is like that the model takes, None when it takes none."""
    if found.picture:
        return found.picture
    if task is not Task.IMAGE_CLASSIFICATION:
        return None
    if found.square is None:
        raise InputError(
            f"{found.path} takes {found.width or 'an unknown number of'} columns, which are not the pixels of"
            " a square gray picture; write the image input into reviewer.toml by hand."
        )
    return found.square, found.square, "L"


# From a table


def _draft_from_table(
    name: str, task: Task | None, target: str | None, found: FoundModel | None, table: Table
) -> ModelDraft:
    if found is not None and _find_picture(found, task):
        raise InputError(
            f"{found.path} takes pictures, and {table.path} has none; leave --data out, and test pictures"
            " from a zip with `reviewer batch`."
        )
    known = None if found is None else _list_known(found)
    right = choose_target(table, target, known)
    columns = _choose_columns(table, right, found)
    drafts, left_out = draft_inputs(table, columns, has_all=found is not None)
    answers = [] if right is None else [each for each in table.list_cells(right) if each]
    is_regression = _is_regression(found, task, answers)
    guessed = task or _guess_task([each.component for each in drafts], is_regression=is_regression)
    labels = _choose_labels(found, guessed, answers, table, right)
    key = None if right is None else _name_target(right, drafts)
    rows, dropped = _collect_rows(table, drafts, right, key, labels, guessed)
    if found is None and len(rows) < 10:
        raise InputError(f"{table.path} has {len(rows)} rows with a right answer; a first model needs 10.")
    read = f"{table.path.name} was read as {guessed}: {_describe_inputs(drafts)}"
    notes = [f"{read}; the right answer is in {right!r}." if right else f"{read}; it has no right answers."]
    notes += left_out + _describe_losses(table, dropped)
    return ModelDraft(
        name, guessed, found.kind if found else Kind.SKLEARN, labels, tuple(drafts), key, rows,
        _choose_examples(drafts, rows, key), _guess_tolerance(guessed, rows, key), tuple(notes),
    )  # fmt: skip


def _list_known(found: FoundModel) -> list[str] | None:
    """Return the simplified names of the columns that the model takes, None when it does not name them."""
    return [simplify_name(each) for each in found.names] or None


def _choose_columns(table: Table, right: str | None, found: FoundModel | None) -> list[str]:
    """Return the columns of the inputs, in the model's order; raises `InputError` when they do not fit."""
    free = [each for each in table.columns if each not in (right, _find_split(table))]
    if found is None:
        return free
    if found.takes_text:
        return [_find_text(table, free)]
    if found.names:
        folded = {simplify_name(each): each for each in reversed(free)}
        if missing := [each for each in found.names if simplify_name(each) not in folded]:
            raise InputError(f"{found.path} takes {missing[0]!r}, but {table.path} has no such column.")
        return [folded[simplify_name(each)] for each in found.names]
    if found.width is not None and found.width != len(free):
        raise InputError(
            f"{found.path} takes {found.width} columns, but {table.path} has {len(free)} beside the right"
            " answer; remove what the model does not take, and name the right answer with --target."
        )
    return free


def _find_split(table: Table) -> str | None:
    """Return the column that says which rows are held out, None when there is none."""
    if SPLIT in table.columns and {*table.list_cells(SPLIT)} <= {TRAIN, VALIDATION, TEST}:
        return SPLIT
    return None


def _find_text(table: Table, free: Sequence[str]) -> str:
    """Return the column with the longest cells."""
    return max(free, key=lambda each: sum(map(len, table.list_cells(each)[:1000])))


def _is_regression(found: FoundModel | None, task: Task | None, answers: Sequence[str]) -> bool:
    if task is not None or found is not None:
        return task is Task.TABULAR_REGRESSION or bool(found and found.is_regressor)
    numbers = [parse_number(each) for each in answers]
    return None not in numbers and len(set(numbers)) > _FEWEST_NUMBERS


def _guess_task(components: Sequence[str], *, is_regression: bool) -> Task:
    if is_regression:
        return Task.TABULAR_REGRESSION
    if "image" in components:
        return Task.IMAGE_CLASSIFICATION
    return Task.TEXT_CLASSIFICATION if list(components) == ["textbox"] else Task.TABULAR_CLASSIFICATION


def _choose_labels(
    found: FoundModel | None, task: Task, answers: Sequence[str], table: Table, right: str | None
) -> tuple[str, ...]:
    if not task.is_classification:
        return ()
    labels = (found.labels if found else ()) or tuple(sorted(set(answers), key=_rank_label))
    if len(labels) < 2:
        where = f"{table.path} has {len(labels)} different values in {right!r}" if right else str(table.path)
        raise InputError(
            f"{where}, and a classifier needs two labels at least; name the column of the right answer with"
            " --target."
        )
    if len(labels) > MOST_LABELS:
        raise InputError(
            f"{table.path} has {len(labels):,} different values in {right!r}, too many for labels"
            f" ({MOST_LABELS:,}); name another column with --target, or give --task tabular-regression for"
            " numbers."
        )
    return labels


def _rank_label(label: str) -> tuple[float, str]:
    """Sort numbers by size, in front of texts."""
    number = parse_number(label)
    return (math.inf if number is None else number, label)


def _name_target(right: str, drafts: Sequence[Draft]) -> str:
    return name_inputs([*(each.name for each in drafts), right])[-1]


def _collect_rows(
    table: Table,
    drafts: Sequence[Draft],
    right: str | None,
    key: str | None,
    labels: Sequence[str],
    task: Task,
) -> tuple[list[dict[str, str]], int]:
    """Return the rows as base data under the new keys, and how many cannot be used."""
    places = {each.name: table.columns.index(each.column) for each in drafts}
    needed = [each.name for each in drafts if each.keys.get("required", True)]
    if split := _find_split(table):
        places[split] = table.columns.index(split)
    rows = []
    for cells in table.rows:
        row = {name: cells[place] for name, place in places.items()}
        if right is not None and key is not None:
            answer = _read_answer(cells[table.columns.index(right)], labels, task)
            if answer is None:
                continue
            row[key] = answer
        if all(row[name] for name in needed):
            rows.append(row)
    return rows, len(table.rows) - len(rows)


def _read_answer(cell: str, labels: Sequence[str], task: Task) -> str | None:
    """Return a right answer as the model says it: `1.0` in a file is the label `1`; None for none."""
    if not task.is_classification:
        return cell if parse_number(cell) is not None else None
    if cell in labels or not cell:
        return cell or None
    number = parse_number(cell)
    return next((each for each in labels if number is not None and parse_number(each) == number), None)


def _describe_losses(table: Table, dropped: int) -> list[str]:
    lost = dropped + table.broken
    notes = [f"{lost:,} rows are left out: broken, or with an empty cell or no right answer."] if lost else []
    if table.is_cut:
        notes.append(f"Only the first {len(table.rows):,} rows were read; that is enough for a start.")
    return notes


def _describe_inputs(drafts: Sequence[Draft]) -> str:
    shown = ", ".join(f"{each.name} ({each.component})" for each in drafts[:8])
    return f"{shown} and {len(drafts) - 8} more" if len(drafts) > 8 else shown


def _guess_tolerance(task: Task, rows: Sequence[dict[str, str]], key: str | None) -> float | None:
    """Return half of how much the right answers vary, to two digits."""
    if task.is_classification or key is None or len(rows) < 2:
        return None
    spread = pstdev(float(row[key]) for row in rows) / 2
    return float(f"{spread:.2g}") or None


def _choose_examples(
    drafts: Sequence[Draft], rows: Sequence[dict[str, str]], key: str | None
) -> list[dict[str, Any]]:
    """Return a few rows with different right answers as what a tester would enter."""
    short = [row for row in rows if all(len(row[each.name]) <= _LONGEST_EXAMPLE for each in drafts)]
    by_answer: dict[str | None, dict[str, str]] = {}
    for row in short:
        by_answer.setdefault(row[key] if key else None, row)
    chosen = [*by_answer.values(), *short[:: max(len(short) // _EXAMPLES, 1)]]
    different = list({tuple(row.items()): row for row in chosen}.values())[:_EXAMPLES]
    return [_read_example(drafts, row) for row in different]


def _read_example(drafts: Sequence[Draft], row: dict[str, str]) -> dict[str, Any]:
    return {each.name: _read_cell(each, row[each.name]) for each in drafts if row[each.name]}


def _read_cell(draft: Draft, cell: str) -> Any:
    if draft.component in ("number", "slider"):
        number = float(cell)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return cell.lower() in ("true", "yes") if draft.component == "checkbox" else cell
