"""Rows of CSV files as examples with their right answers: the base data and the corrections.

The rule: every cell is read exactly, and what cannot be used is named with its line.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, InputError
from reviewer.folders import hash_file
from reviewer.log.media import MediaStore, name_media
from reviewer.models.components import check_inputs, parse_cells, read_inputs
from reviewer.records import SPLITS, TEST, TRAIN, Task, hash_example

_BATCH = 1000
"""Examples per call of a model: few enough that memory stays flat and progress moves."""

_TEST_SHARE = 0.2
"""Share of the base that is held out when it has no split column."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example of a CSV file with its right answer."""

    example_id: str
    values: dict[str, Any]
    """What a tester would enter: texts, numbers, paths of files."""
    example: dict[str, Any]
    """What the model gets."""
    right: str | float
    split: str
    weight: float = 1.0
    """How much the row counts when a model is fitted."""
    group: str = ""
    """Rows with the same one are kept together; "" for the example alone."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base training data of a model."""

    path: Path
    sha256: str
    rows: list[Row]

    def select(self, split: str) -> list[Row]:
        """Return the rows of one split, in file order."""
        return [row for row in self.rows if row.split == split]


def read_base(folder: Path, spec: ModelSpec) -> Base:
    """Return the base data that the config names, checked like what a tester enters.

    Without a `split` column, a fifth of each label is held out, chosen by example id. Raises `ConfigError`
    when the config names no file or a missing one, `InputError` with the line for what cannot be used.
    """
    path = _find_base(folder, spec)
    rows = list(_read_rows(spec, path, spec.target))
    if rows and not rows[0].split:
        rows = _deal_splits(rows)
    return Base(path, hash_file(path), rows)


def hash_base(folder: Path, spec: ModelSpec) -> str:
    """Return the SHA-256 of the base data; raises `ConfigError` as `read_base` does."""
    return hash_file(_find_base(folder, spec))


def _find_base(folder: Path, spec: ModelSpec) -> Path:
    if not spec.base:
        raise ConfigError(
            f"models.{spec.name}.base is not set; name the CSV file with its training data in reviewer.toml."
        )
    path = folder / spec.base
    if not path.is_file():
        raise ConfigError(f"models.{spec.name}.base is {spec.base!r}, but there is no such file in {folder}.")
    return path


def _read_rows(spec: ModelSpec, path: Path, target: str) -> Iterator[Row]:
    for line, cells in read_cells(path, [*list_needed(spec), target]):
        try:
            row = parse_row(spec, path.parent, cells, target)
        except InputError as error:
            raise InputError(f"{path}, line {line}: {error}", error.field) from None
        # A label that was split or retired is the answer of no row any more.
        if row.right not in spec.vocabulary.ended:
            yield row


def list_needed(spec: ModelSpec) -> list[str]:
    """Return the inputs that a file must have a column for; one that may stay empty may be left out."""
    return [name for name, each in spec.inputs.items() if each.required]


def read_cells(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and column → cell of every row; every cell is a text, exactly as in the file."""
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            _check_header(path, header, columns)
            for row in reader:
                if len(row) != len(header):
                    raise InputError(
                        f"{path}, line {reader.line_num}: {len(row)} cells, but the header has {len(header)}."
                    )
                yield reader.line_num, dict(zip(header, row, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a UTF-8 CSV file: {error}.") from error


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in header]:
        raise InputError(f"{path} has no column {missing[0]!r}; its columns: {', '.join(header)}.")


def parse_row(spec: ModelSpec, folder: Path, cells: Mapping[str, str], target: str) -> Row:
    """Return a row of a CSV file in the folder, checked like what a tester enters; raises `InputError`."""
    media = LooseMedia()
    values = parse_cells(spec, cells, folder)
    inputs = check_inputs(spec, values, media.save)
    return Row(
        hash_example(inputs), values, read_inputs(spec, inputs, media),
        parse_answer(spec, target, cells[target]), parse_split(cells),
    )  # fmt: skip


class LooseMedia(MediaStore):
    """The files of one row, in memory: reading a CSV stores nothing."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def save(self, data: bytes, ending: str) -> str:
        """Keep the bytes under the name that they have everywhere."""
        name = name_media(data, ending)
        self._files[name] = data
        return name

    def read(self, name: str) -> bytes:
        """Return the bytes of that name."""
        return self._files[name]


def parse_answer(spec: ModelSpec, target: str, cell: str) -> str | float:
    """Return the right answer in a cell, a label or a number; raises `InputError`."""
    if spec.task.is_classification:
        if cell not in spec.known_labels:
            raise InputError(f"{target} is {cell[:80]!r}; use one of {', '.join(spec.labels[:20])}.")
        return spec.vocabulary.follow(cell)
    if spec.task is not Task.TABULAR_REGRESSION:
        return _check_text(target, cell)
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{target} is {cell[:80]!r}; a finite number is needed.")
    return number


def _check_text(target: str, cell: str) -> str:
    if not cell:
        raise InputError(f"{target} is empty; the right answer is needed.")
    return cell


def parse_split(cells: Mapping[str, str]) -> str:
    """Return the row's split, "" when the file has none; raises `InputError`."""
    split = cells.get("split")
    if split is None:
        return ""
    if split not in SPLITS:
        raise InputError(f"split is {split[:80]!r}; use train, validation or test.")
    return split


def _deal_splits(rows: Sequence[Row]) -> list[Row]:
    """Hold out the same share of each label; the ids are hashes, so their order is as good as random."""
    strata: dict[object, set[str]] = {}
    for row in rows:
        stratum = row.right if isinstance(row.right, str) else None
        strata.setdefault(stratum, set()).add(row.example_id)
    held: set[str] = set()
    for ids in strata.values():
        held.update(sorted(ids)[: round(len(ids) * _TEST_SHARE)])
    return [replace(row, split=TEST if row.example_id in held else TRAIN) for row in rows]


def cut(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Return the rows in batches."""
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
