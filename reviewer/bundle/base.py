"""The user's own base CSV beside an export: which split its examples have, what drifted, and merging into it.

The rule: the file itself is never written to; a merge is a copy of it with a column that says what changed.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reviewer.config import ModelSpec
from reviewer.datasets import LooseMedia, list_needed, parse_answer, parse_split, read_cells
from reviewer.errors import InputError, UnknownNameError
from reviewer.folders import hash_file
from reviewer.log.columns import encode_json
from reviewer.models.components import check_inputs, parse_cells
from reviewer.records import TEST, TRAIN, hash_example

MERGED, DIFF = "merged.csv", "merged_diff.csv"

HONOURED = (TRAIN, TEST)
"""Splits of the base in which its examples stay. One of its validation split is dealt anew: whoever corrects
its mistakes has used it up."""


@dataclass(slots=True)
class Base:
    """A base CSV: what a merge and the checks need of its rows."""

    path: Path
    sha256: str
    columns: list[str]
    keys: list[str] = field(default_factory=list)
    """Per row what names it, "" when it cannot be read as an example."""
    example_ids: list[str] = field(default_factory=list)
    """Per row its example, "" when it is none."""
    splits: dict[str, str] = field(default_factory=dict)
    """Example id → split, of the examples whose split is honoured."""
    problems: list[str] = field(default_factory=list)
    """Why rows cannot be read as examples, each with its line."""

    def list_trained(self) -> set[str]:
        """Return the examples that are not in the base's test split."""
        return {each for each in self.example_ids if each and self.splits.get(each) != TEST}

    def find_drift(self, spec: ModelSpec) -> Iterator[tuple[str, str, int]]:
        """Yield (kind, sentence, count) for what differs from the config of today."""
        name = self.path.name
        if count := len(self.problems):
            first = self.problems[0].removesuffix(".")
            yield "base_rows", f"Rows of {name} that do not fit the model: {count} ({first}).", count
        ids = Counter(each for each in self.example_ids if each)
        if count := ids.total() - len(ids):
            yield "base_doubles", f"Rows of {name} that repeat an example: {count}.", count
        known = {*spec.inputs, spec.target, "split"}
        if further := [each for each in self.columns if each not in known]:
            told = ", ".join(further[:10])
            sentence = f"{name} has further columns, which an export has not: {told}."
            yield "base_columns", sentence, len(further)


def find_base(folder: Path, spec: ModelSpec, named: str = "") -> Path | None:
    """Return the base CSV, None when there is none; raises `InputError` when a named one is missing."""
    path = folder / (named or spec.base)
    if path.is_file():
        inside = path.resolve().is_relative_to(folder.resolve())
        if named and not inside:
            raise InputError(f"{named} leads out of the workspace; copy the file into it.", "base")
        return path
    if named:
        raise InputError(
            f"There is no file {named} in the workspace; name the base CSV by its path there.", "base"
        )
    return None


def read_base_table(spec: ModelSpec, path: Path, key: Sequence[str] = ()) -> Base:
    """Read a base CSV; a row that is no example is a problem, not an error.

    `key` are the inputs that name a row, all when empty. Raises `InputError` when the file is no UTF-8 CSV,
    or lacks a column that the model needs.
    """
    for name in key:
        if name not in spec.inputs:
            raise UnknownNameError(f"input of {spec.name}", name, spec.inputs)
    base = _open_base(path)
    for line, cells in read_cells(path, [*list_needed(spec), spec.target]):
        try:
            _add_row(base, spec, cells, key)
        except InputError as error:
            base.keys.append("")
            base.example_ids.append("")
            base.problems.append(f"line {line}: {error}")
    return base


def _add_row(base: Base, spec: ModelSpec, cells: Mapping[str, str], key: Sequence[str]) -> None:
    values = parse_cells(spec, cells, base.path.parent)
    inputs = check_inputs(spec, values, LooseMedia().save)
    parse_answer(spec, spec.target, cells[spec.target])
    split, example_id = parse_split(cells), hash_example(inputs)
    base.keys.append(build_key(inputs, key))
    base.example_ids.append(example_id)
    if split in HONOURED and base.splits.get(example_id) != TEST:
        base.splits[example_id] = split


def _open_base(path: Path) -> Base:
    """Return the base without its rows; raises `InputError` when the header names a column twice."""
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            columns = next(csv.reader(file, strict=True), [])
        base = Base(path, hash_file(path), columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a UTF-8 CSV file: {error}.") from error
    if len(columns) == 1 and (found := re.search("[;\t|]", columns[0])):
        raise InputError(f"{path} has {found[0]!r} between its cells; save it with commas.", "base")
    if doubles := [name for name, count in Counter(columns).items() if count > 1]:
        raise InputError(f"{path} has two columns named {doubles[0]!r}; rename one of them.", "base")
    return base


def build_key(inputs: Mapping[str, Any], key: Sequence[str]) -> str:
    """Return what names an example: its inputs, or those of the key, in their stored form."""
    return encode_json([inputs[name] for name in (key or sorted(inputs))])
