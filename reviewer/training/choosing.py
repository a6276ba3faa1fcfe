"""Which rows a version is fitted on, and which it is measured on.

The rule: no version is fitted on an example of the base's test split, nor of the test and verify splits of
the corrections; and on one of the base's validation split only with the answer that a reviewer gave.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from reviewer.bundle import name_target
from reviewer.config import ModelSpec
from reviewer.datasets import Base, Row, list_needed, parse_row, read_cells
from reviewer.errors import InputError
from reviewer.folders import hash_file
from reviewer.records import SPLITS, TEST, TRAIN, VERIFY, JsonValue

HELD_OUT = (TEST, VERIFY)
"""Splits of the corrections that nothing is fitted on."""


class Export(NamedTuple):
    """A bundle as training needs it."""

    model: str
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows of base and corrections, each where it belongs."""

    base: list[Row]
    """The base's train split without what is held out or corrected."""
    corrections: list[Row]
    held_out: list[Row]
    """What the versions before and after are measured on."""
    barred: frozenset[str]
    """Example ids that no trainer may see."""
    left_out: dict[str, int]
    """Reason → rows of the base's train split and of the bundle that nothing is fitted on."""

    @property
    def rows(self) -> list[Row]:
        """What a version is fitted on."""
        return self.base + self.corrections

    @property
    def counts(self) -> dict[str, int]:
        """Rows by where they come from."""
        return {"base": len(self.base), "corrections": len(self.corrections)}


def choose_rows(spec: ModelSpec, base: Base | None, bundle: Export) -> Chosen:
    """Return the rows to fit on and to measure on, and why the others do not count.

    Without a base the held-out corrections are what is measured on. Raises `InputError` when no correction
    may be trained on.
    """
    corrections, left_out = _read_corrections(spec, bundle)
    tested = base.select(TEST) if base else []
    reasons = {row.example_id: f"in_{row.split}_split" for row in corrections if row.split in HELD_OUT}
    reasons |= {row.example_id: "in_test_split" for row in tested}
    barred = frozenset(reasons)
    chosen = _drop_rows(corrections, reasons, left_out)
    if not chosen:
        raise InputError(_explain_nothing(bundle, left_out))
    held_out = tested or [row for row in corrections if row.split in HELD_OUT]
    reasons |= {row.example_id: "corrected" for row in chosen}
    kept = _drop_rows(base.select(TRAIN) if base else [], reasons, left_out)
    return Chosen(kept, chosen, held_out, barred, dict(sorted(left_out.items())))


def list_split_files(folder: Path) -> list[Path]:
    """Return the CSV files of a bundle's splits that exist."""
    return [path for split in SPLITS if (path := folder / f"{split}.csv").is_file()]


def read_bundle_rows(spec: ModelSpec, path: Path) -> Iterator[tuple[dict[str, str], Row | None]]:
    """Yield the cells of each row of a bundle's file with what they mean.

    None stands for a row that the config of today does not take. Raises `InputError` for a damaged file.
    """
    target = name_target(spec)
    for line, cells in read_cells(path, [*list_needed(spec), target, "split"]):
        weight = _parse_weight(path, line, cells)
        try:
            row = parse_row(spec, path.parent, cells, target)
        except InputError:
            yield cells, None
        else:
            yield cells, replace(row, weight=weight, group=cells.get("duplicate_group", ""))


def _parse_weight(path: Path, line: int, cells: Mapping[str, str]) -> float:
    cell = cells.get("sample_weight") or "1"
    try:
        weight = float(cell)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise InputError(
            f"{path}, line {line}: sample_weight is {cell[:80]!r}; a number from 0 on is needed."
        )
    return weight


def _read_corrections(spec: ModelSpec, bundle: Export) -> tuple[list[Row], Counter[str]]:
    """Return the bundle's rows and count those that the config of today does not take."""
    found = [row for path in list_split_files(bundle.path) for _, row in read_bundle_rows(spec, path)]
    rows = [row for row in found if row is not None]
    return rows, Counter({"not_accepted": len(found) - len(rows)} if len(found) > len(rows) else {})


def _drop_rows(rows: Sequence[Row], reasons: Mapping[str, str], left_out: Counter[str]) -> list[Row]:
    left_out.update(reasons[row.example_id] for row in rows if row.example_id in reasons)
    return [row for row in rows if row.example_id not in reasons]


def _explain_nothing(bundle: Export, left_out: Mapping[str, int]) -> str:
    counted = ", ".join(f"{reason} {count}" for reason, count in sorted(left_out.items()))
    return (
        f"None of the {sum(left_out.values())} corrections of {bundle.model} may be trained on ({counted});"
        " review more flags, then retrain."
    )


def describe_rows(spec: ModelSpec, base: Base | None, bundle: Export, chosen: Chosen) -> dict[str, JsonValue]:
    """Return what the card of a version says about the data that it was fitted on."""
    return {
        **(describe_base(spec, base) if base else {}),
        **describe_source(spec, bundle),
        "rows": chosen.counts,
        "left_out": chosen.left_out,
    }


def describe_source(spec: ModelSpec, bundle: Export) -> dict[str, JsonValue]:
    """Return which bundle a version was fitted on, and how."""
    return {
        "bundle": bundle.name,
        "files": {path.name: hash_file(path) for path in list_split_files(bundle.path)},
        "training": spec.training.model_dump(mode="json", exclude={"timeout"}, exclude_defaults=True),
    }


def describe_base(spec: ModelSpec, base: Base) -> dict[str, JsonValue]:
    """Return what the card of a version says about the base data."""
    return {"base": {"path": spec.base, "sha256": base.sha256, "rows": len(base.rows)}}
