"""Retraining: base data plus corrections become a version beside the one it was made from.

The rule: nothing is left of a retraining that failed or was cancelled, and no version before it is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reviewer.bundle import Bundle
from reviewer.config import FileSpec, Kind, ModelSpec
from reviewer.errors import InputError, ModelError
from reviewer.models.kinds import load_estimator
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import JsonValue, Progress, Task
from reviewer.training.choosing import describe_rows, select_rows
from reviewer.training.fitting import add_version, fit_estimator
from reviewer.training.measuring import measure
from reviewer.training.rows import TEST, read_base


@dataclass(frozen=True, slots=True)
class Retraining:
    """A new version beside the one it was made from, both measured on the base's test split."""

    version: Version
    before: dict[str, float]
    after: dict[str, float]
    counts: dict[str, int]
    """Rows it was fitted on: `base` and `corrections`."""
    left_out: dict[str, int]
    """Reason → rows of the base's train split and of the bundle that it was not fitted on."""


def retrain(folder: Path, versions: ModelVersions, bundle: Bundle, progress: Progress) -> Retraining:
    """Fit a copy of the newest version's estimator on base and corrections; it is not served by itself.

    Raises `InputError` when there is nothing new to learn from, `ConfigError` or `InputError` for unusable
    base data, `ModelError` when the model cannot be retrained here or fitting fails. Nothing is left of a
    retraining that failed or was cancelled.
    """
    spec = versions.spec
    _check_trainable(spec)
    parent = versions.find_newest()
    progress(0.0, "Reading the base data")
    base = read_base(folder, spec)
    progress(0.2, "Reading the corrections")
    rows, counts, left_out = select_rows(spec, base, bundle)
    trained_on = describe_rows(spec, base, bundle, counts, left_out)
    _check_new(parent, trained_on)
    progress(0.3, f"Fitting on {len(rows):,} examples")
    fitted = fit_estimator(spec, load_estimator(spec, parent.path), rows)
    progress(0.7, f"Measuring version {parent.name}")
    before = measure(spec, versions.load(parent), base.select(TEST))
    card = {"parent": parent.name, "trained_on": trained_on, "metrics": {"before": before}}
    progress(0.8, "Measuring the new version")
    version = add_version(versions, fitted, base.select(TEST), card)
    return Retraining(version, before, version.card["metrics"]["held_out"], counts, left_out)


def _check_trainable(spec: ModelSpec) -> None:
    if spec.kind is not Kind.SKLEARN:
        raise ModelError(
            f"{spec.name} is a {spec.kind} model, and only sklearn models are retrained here;"
            " retrain it where it was made, from its export."
        )
    if files := [name for name, each in spec.inputs.items() if isinstance(each, FileSpec)]:
        raise ModelError(
            f"{spec.name} reads the file {files[0]}, which only its own code understands; retrain it where it"
            " was made, from its export."
        )
    if not (spec.task.is_classification or spec.task is Task.TABULAR_REGRESSION):
        raise ModelError(
            f"{spec.name} is a {spec.task} model; only classification and regression are retrained here."
        )


def _check_new(parent: Version, trained_on: Mapping[str, JsonValue]) -> None:
    before = parent.card.get("trained_on") or {}
    sources = [(each.get("base"), each.get("train_csv_sha256")) for each in (before, trained_on)]
    if sources[0] == sources[1]:
        raise InputError(
            f"{parent.model} version {parent.name} was trained on exactly this data;"
            " review more flags, then retrain."
        )
