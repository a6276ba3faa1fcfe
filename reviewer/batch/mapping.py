"""Which column feeds which input, and which one holds the right answer.

The rule: a guess is only offered. What is used was confirmed, and no column is both an input and the truth.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from reviewer.batch.sources import Attachment, Cell, Row, Source
from reviewer.config import InputSpec, ModelSpec, TextboxSpec
from reviewer.errors import InputError, UnknownNameError
from reviewer.models.components import COMPONENTS
from reviewer.records import Task

_TRUTH_NAMES = (
    "label", "truth", "target", "y", "y_true", "class", "category", "answer", "expected", "gold",
    "ground_truth", "correct",
)  # fmt: skip
"""What the column of the right answer is called, the likeliest first."""

_TEXT_NAMES = ("text", "message", "content", "body", "sentence", "comment", "question", "prompt", "input")
_MEDIA_NAMES = ("file", "image", "audio", "path", "filename", "file_name", "img", "picture", "photo")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The columns of a file that a batch uses."""

    inputs: dict[str, str]
    """Input → column; an input without one stays empty."""
    truth: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that are read: those of the inputs, then the truth."""
        return [*self.inputs.values(), *([self.truth] if self.truth is not None else [])]


def guess_mapping(spec: ModelSpec, source: Source) -> ColumnMap:
    """Return which columns look like the model's inputs and the right answer.

    An input gets the column of its name or label, else one with a usual name, else the only one left.
    """
    free = dict.fromkeys(source.columns)
    truth = _guess_truth(spec, source)
    if truth is not None:
        free.pop(truth)
    inputs: dict[str, str] = {}
    for find in (_find_namesake, _find_usual):
        for name, each in spec.inputs.items():
            if name not in inputs and (column := find(name, each, free)) is not None:
                inputs[name] = column
                free.pop(column)
    open_inputs = [name for name in spec.inputs if name not in inputs]
    if len(open_inputs) == 1 and len(free) == 1:
        inputs[open_inputs[0]] = next(iter(free))
    return ColumnMap({name: inputs[name] for name in spec.inputs if name in inputs}, truth)


def _guess_truth(spec: ModelSpec, source: Source) -> str | None:
    if not has_truth(spec):
        return None
    own = {_fold(text) for name, each in spec.inputs.items() for text in (name, each.label) if text}
    for name in (source.truth, spec.target, *_TRUTH_NAMES):
        found = [each for each in source.columns if name is not None and _fold(each) == _fold(name)]
        if found and _fold(found[0]) not in own:
            return found[0]
    return None


def _find_namesake(name: str, spec: InputSpec, free: Iterable[str]) -> str | None:
    for wanted in (name, spec.label):
        if found := [each for each in free if wanted and _fold(each) == _fold(wanted)]:
            return found[0]
    return None


def _find_usual(name: str, spec: InputSpec, free: Iterable[str]) -> str | None:
    usual = _TEXT_NAMES if isinstance(spec, TextboxSpec) else _MEDIA_NAMES if spec.has_media else ()
    folded = {_fold(each): each for each in free}
    return next((folded[_fold(each)] for each in usual if _fold(each) in folded), None)


def _fold(name: str) -> str:
    """Return the letters and digits alone: `Churn?`, `churn` and `CHURN` are one name."""
    return re.sub(r"[\W_]+", "", name.casefold()) or name


def has_truth(spec: ModelSpec) -> bool:
    """Return whether an answer of the model can be compared with one that is right."""
    return spec.task.is_classification or spec.task is Task.TABULAR_REGRESSION


def check_mapping(spec: ModelSpec, source: Source, mapping: ColumnMap) -> None:
    """Raise `InputError` for an input without a column, and for what no batch can use."""
    for name in mapping.inputs:
        if name not in spec.inputs:
            raise UnknownNameError(f"input of {spec.name}", name, spec.inputs)
    for column in mapping.columns:
        if column not in source.columns:
            raise UnknownNameError("column", column, source.columns)
    for name, each in spec.inputs.items():
        if each.required and name not in mapping.inputs:
            raise InputError(
                f"No column is chosen for the input {name!r} of {spec.name}; the file has"
                f" {', '.join(source.columns[:20])}.",
                name,
            )
    _check_truth(spec, mapping)


def _check_truth(spec: ModelSpec, mapping: ColumnMap) -> None:
    if mapping.truth is None:
        return
    if not has_truth(spec):
        raise InputError(
            f"{spec.name} is a {spec.task} model, whose answers cannot be compared; choose no truth."
        )
    for name, column in mapping.inputs.items():
        if column == mapping.truth:
            raise InputError(
                f"The column {column!r} feeds the input {name!r}, so it cannot be the right answer as well.",
                name,
            )


class Example(NamedTuple):
    """A row as the model is asked about it."""

    values: dict[str, Any]
    """Input → value from outside."""
    truth: str | float | None
    """The right answer, None when the file does not say."""


class Examples(NamedTuple):
    """Rows as the model is asked about them, column by column."""

    rows: Sequence[Row]
    values: Sequence[dict[str, Any]]
    truths: Sequence[str | float | None]


Bad = tuple[int, str]
"""Number of a row, and why nothing came of it."""


class RowReader:
    """Makes examples of rows whose cells are those of `mapping.columns`."""

    def __init__(self, spec: ModelSpec, source: Source, mapping: ColumnMap) -> None:
        self._spec, self._truth = spec, mapping.truth
        self._labels = list(spec.known_labels)
        self._parsers = {name: _build_parser(spec.inputs[name], source) for name in mapping.inputs}
        self._empty = dict.fromkeys(name for name in spec.inputs if name not in mapping.inputs)
        self._has_texts = bool(mapping.inputs) and all(
            _takes_text(spec.inputs[each]) for each in mapping.inputs
        )

    def read(self, row: Row) -> Example:
        """Return the row's example and right answer; raises `InputError` for a cell that cannot be read."""
        if row.problem:
            raise InputError(row.problem)
        values: dict[str, Any] = dict(self._empty)
        for (name, parse), cell in zip(self._parsers.items(), row.cells, strict=False):
            values[name] = parse(cell)
        return Example(values, None if self._truth is None else self._parse_truth(row.cells[-1]))

    def read_many(self, rows: Sequence[Row]) -> tuple[Examples, list[Bad]]:
        """Return the examples that `read` makes of the rows, and the rows that it refuses.

        Columns in which nothing is wrong are read as a whole, which takes a quarter of the time.
        """
        with contextlib.suppress(InputError):
            if self._has_texts and not any(row.problem for row in rows):
                return self._read_texts(rows), []
        made: list[tuple[Row, Example]] = []
        bad: list[Bad] = []
        for row in rows:
            try:
                made.append((row, self.read(row)))
            except InputError as error:
                bad.append((row.number, str(error)))
        examples = [each for _, each in made]
        return Examples(
            [row for row, _ in made], [each.values for each in examples], [each.truth for each in examples]
        ), bad

    def _read_texts(self, rows: Sequence[Row]) -> Examples:
        """Return the examples of rows whose cells the model gets as they are; raises `InputError`."""
        cells = [row.cells for row in rows]
        _check_texts([each for row in cells for each in row])
        values: list[dict[str, Any]] = [dict(zip(self._parsers, each, strict=False)) for each in cells]
        if self._empty or any("" in each for each in cells):
            values = [
                {**self._empty, **{name: cell or None for name, cell in each.items()}} for each in values
            ]
        truths = [each[-1] for each in cells] if self._truth is not None else []
        parsed = {each: self._parse_truth(each) for each in set(truths)}
        return Examples(rows, values, [parsed[each] for each in truths] or [None] * len(rows))

    def _parse_truth(self, cell: Cell) -> str | float | None:
        return _parse_truth(self._spec, self._labels, str(self._truth), cell)


def _takes_text(spec: InputSpec) -> bool:
    """Return whether a text is handed on as it is."""
    return not spec.has_media and COMPONENTS[spec.component].parse is str


def _build_parser(spec: InputSpec, source: Source) -> Callable[[Cell], Any]:
    if spec.has_media:
        return lambda cell: _read_media(spec, source, cell)
    parse = COMPONENTS[spec.component].parse
    return lambda cell: parse(_check_text(cell)) if cell != "" else None


def _check_texts(cells: Sequence[Cell]) -> None:
    """Raise `InputError` when `_check_text` would for one of the cells."""
    texts = [each for each in cells if isinstance(each, str)]
    if len(texts) < len(cells) or "\0" in "".join(texts):
        for each in cells:
            _check_text(each)


def _check_text(cell: Cell) -> str:
    if isinstance(cell, Attachment):
        raise InputError(f"The column holds a file ({cell.name[:80]!r}), where a text is needed.")
    if "\0" in cell:
        raise InputError("The row holds a NUL character, which no CSV file can carry; remove it.")
    return cell


def _read_media(spec: InputSpec, source: Source, cell: Cell) -> Any:
    """Return a file's bytes; a text is the name of a file that came with the rows, or a data URL."""
    if isinstance(cell, str):
        if not cell or cell.startswith("data:"):
            return cell or None
        found = source.find(cell)
        if found is None:
            raise InputError(
                f"{spec.label or spec.component} is {cell[:80]!r}, and no such file came along; put the files"
                " and the CSV into one zip archive, or write data URLs."
            )
        cell = found
    data = cell.read()
    return {"data": data, "name": cell.name} if spec.component == "file" else data


def _parse_truth(spec: ModelSpec, labels: Sequence[str], column: str, cell: Cell) -> str | float | None:
    text = _check_text(cell)
    if text == "":
        return None
    if not spec.task.is_classification:
        return _parse_number(column, text)
    if labels and text not in labels:
        raise InputError(
            f"{column} is {text[:80]!r}, which is no label of {spec.name}; use {', '.join(labels[:20])}."
        )
    return spec.vocabulary.follow(text)


def _parse_number(column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{column} is {text[:80]!r}; a finite number is needed.")
    return number


def merge_mapping(guess: ColumnMap, inputs: Mapping[str, str], truth: str | None) -> ColumnMap:
    """Return the guess with the columns that a person named for some inputs, and this truth."""
    taken = set(inputs.values()) | {truth}
    kept = {name: column for name, column in guess.inputs.items() if column not in taken}
    return ColumnMap({**kept, **inputs}, truth)
