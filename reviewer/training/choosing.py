"""Which rows a version is fitted on.

The rule: no version is fitted on an example of the base's test split or of the verify split, and on one of
the validation split only with the answer that a reviewer gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from reviewer.analysis import TRAIN, VERIFY
from reviewer.bundle import MANIFEST, TRAIN_CSV, Bundle, name_target
from reviewer.config import ModelSpec
from reviewer.errors import InputError
from reviewer.folders import hash_file
from reviewer.records import JsonValue
from reviewer.training.rows import TEST, Base, Row, list_needed, parse_row, read_cells


def select_rows(
    spec: ModelSpec, base: Base, bundle: Bundle
) -> tuple[list[Row], dict[str, int], dict[str, int]]:
    """Return the rows to fit on, how many come from where, and why the others do not count."""
    corrections, left_out = _read_corrections(spec, bundle)
    tested = {row.example_id for row in base.select(TEST)}
    verified = {row.example_id for row in corrections if row.split == VERIFY}
    reasons = dict.fromkeys(tested, "in_test_split") | dict.fromkeys(verified, "in_verify_split")
    chosen = _drop_rows(corrections, reasons, left_out)
    if not chosen:
        raise InputError(_explain_nothing(bundle, left_out))
    reasons |= dict.fromkeys((row.example_id for row in chosen), "corrected")
    kept = _drop_rows(base.select(TRAIN), reasons, left_out)
    return kept + chosen, {"base": len(kept), "corrections": len(chosen)}, dict(sorted(left_out.items()))


def _read_corrections(spec: ModelSpec, bundle: Bundle) -> tuple[list[Row], Counter[str]]:
    """Return the bundle's rows and count those that the config of today does not take."""
    rows, target, path = [], name_target(spec), bundle.path / TRAIN_CSV
    left_out: Counter[str] = Counter()
    for _, cells in read_cells(path, [*list_needed(spec), target, "split"]):
        try:
            rows.append(parse_row(spec, path.parent, cells, target))
        except InputError:
            left_out["not_accepted"] += 1
    return rows, left_out


def _drop_rows(rows: Sequence[Row], reasons: Mapping[str, str], left_out: Counter[str]) -> list[Row]:
    left_out.update(reasons[row.example_id] for row in rows if row.example_id in reasons)
    return [row for row in rows if row.example_id not in reasons]


def _explain_nothing(bundle: Bundle, left_out: Mapping[str, int]) -> str:
    counted = ", ".join(f"{reason} {count}" for reason, count in sorted(left_out.items()))
    return (
        f"None of the {sum(left_out.values())} corrections of {bundle.model} may be trained on ({counted});"
        " review more flags, then retrain."
    )


def describe_rows(
    spec: ModelSpec, base: Base, bundle: Bundle, counts: Mapping[str, int], left_out: Mapping[str, int]
) -> dict[str, JsonValue]:
    """Return what the card of a version says about the data that it was fitted on."""
    return {
        **describe_base(spec, base),
        "bundle": bundle.name,
        "manifest_sha256": hash_file(bundle.path / MANIFEST),
        "train_csv_sha256": hash_file(bundle.path / TRAIN_CSV),
        "rows": dict(counts),
        "left_out": dict(left_out),
    }


def describe_base(spec: ModelSpec, base: Base) -> dict[str, JsonValue]:
    """Return what the card of a version says about the base data."""
    return {"base": {"path": spec.base, "sha256": base.sha256, "rows": len(base.rows)}}
