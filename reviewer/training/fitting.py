"""Fitting a copy of an estimator, and what it is saved as.

The rule: the same rows make the same model.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reviewer.config import ModelSpec
from reviewer.datasets import Row
from reviewer.errors import ModelError
from reviewer.models.kinds import build_batch, load_predictor
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import JsonValue
from reviewer.training.measuring import measure

SEED = 0
"""Of every estimator that leaves its own open, and of the process that somebody's own code trains in."""


def fit_estimator(spec: ModelSpec, estimator: Any, rows: Sequence[Row]) -> Any:
    """Return an unfitted copy of the estimator fitted on the rows with their weights.

    Raises `ModelError` when that fails.
    """
    try:
        batch, right = build_training_set(spec, rows)
        return copy_estimator(estimator).fit(batch, right, **route_weights(estimator, rows))
    except Exception as error:
        # Whatever an estimator raises is its failure, not the program's.
        raise ModelError(
            f"Fitting {spec.name} on {len(rows):,} examples failed:"
            f" {type(error).__name__}: {str(error)[:300]}"
        ) from error


def build_training_set(spec: ModelSpec, rows: Sequence[Row]) -> tuple[Any, list[str | float]]:
    """Return what scikit-learn is fitted on: the examples as it takes them, and the right answers."""
    return build_batch(spec, [row.example for row in rows]), [row.right for row in rows]


def copy_estimator(estimator: Any) -> Any:
    """Return an unfitted copy in which every unset `random_state` has the same seed."""
    from sklearn.base import clone

    fresh = clone(estimator)
    unset = {
        name: SEED
        for name, value in fresh.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    }
    return fresh.set_params(**unset)


def route_weights(estimator: Any, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the parameter of `fit` that hands the rows' weights to the last step.

    There is none where it takes none, or all rows weigh the same.
    """
    import numpy as np

    name, last = _find_last_step(estimator)
    if not _takes_weights(last) or len({row.weight for row in rows}) < 2:
        return {}
    return {name: np.array([row.weight for row in rows])}


def describe_weights(estimator: Any, rows: Sequence[Row]) -> dict[str, JsonValue]:
    """Return whether the rows' weights count, and if not, why."""
    _, last = _find_last_step(estimator)
    weights = [row.weight for row in rows]
    known = {"smallest": min(weights), "largest": max(weights), "sum": sum(weights)}
    if known["smallest"] == known["largest"]:
        return {"used": False, "why": "all rows weigh the same", **known}
    if not _takes_weights(last):
        return {"used": False, "why": f"{type(last).__name__} takes no sample weights", **known}
    return {"used": True, **known}


def _find_last_step(estimator: Any) -> tuple[str, Any]:
    """Return the parameter of `fit` for the weights, as a pipeline routes it, and what gets it."""
    prefix = ""
    while hasattr(estimator, "steps"):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return f"{prefix}sample_weight", estimator


def _takes_weights(estimator: Any) -> bool:
    from sklearn.utils.validation import has_fit_parameter

    return bool(has_fit_parameter(estimator, "sample_weight"))


def add_version(
    versions: ModelVersions, fitted: Any, held_out: Sequence[Row], card: Mapping[str, JsonValue]
) -> Version:
    """Save a fitted estimator as the next version, measured on `held_out` as loaded from its file.

    Raises `ModelError` when it cannot be saved, loaded or measured; no version is added then.
    """
    spec = versions.spec
    with tempfile.TemporaryDirectory() as aside:
        artifact = save_estimator(spec, fitted, Path(aside) / "model.skops")
        metrics = {"held_out": measure(spec, load_predictor(spec, artifact), held_out)}
        return versions.add(
            lambda folder: Path(shutil.copy(artifact, folder / artifact.name)),
            {**card, "seed": SEED, "metrics": {**card.get("metrics", {}), **metrics}},
        )


def save_estimator(spec: ModelSpec, fitted: Any, path: Path) -> Path:
    """Write the estimator to a skops file and return its path; raises `ModelError`."""
    import skops.io

    try:
        skops.io.dump(fitted, path)
    except Exception as error:
        # skops raises many kinds of errors on objects that it cannot write.
        raise ModelError(
            f"The retrained {spec.name} cannot be saved with skops: {type(error).__name__}: {error}"
        ) from error
    return path
