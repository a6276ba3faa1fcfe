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
from reviewer.errors import ModelError
from reviewer.models.kinds import build_batch, load_predictor
from reviewer.models.versions import ModelVersions, Version
from reviewer.records import JsonValue
from reviewer.training.measuring import measure
from reviewer.training.rows import Row

_SEED = 0


def fit_estimator(spec: ModelSpec, estimator: Any, rows: Sequence[Row]) -> Any:
    """Return an unfitted copy of the estimator fitted on the rows; raises `ModelError` when that fails."""
    from sklearn.base import clone

    try:
        fresh = clone(estimator)
        _fix_seeds(fresh)
        return fresh.fit(build_batch(spec, [row.example for row in rows]), [row.right for row in rows])
    except Exception as error:
        # Whatever an estimator raises is its failure, not the program's.
        raise ModelError(
            f"Fitting {spec.name} on {len(rows):,} examples failed:"
            f" {type(error).__name__}: {str(error)[:300]}"
        ) from error


def _fix_seeds(estimator: Any) -> None:
    """Give every unset `random_state` the same seed, so that the same rows make the same model."""
    unset = {
        name: _SEED
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    }
    estimator.set_params(**unset)


def add_version(
    versions: ModelVersions, fitted: Any, held_out: Sequence[Row], card: Mapping[str, JsonValue]
) -> Version:
    """Save a fitted estimator as the next version, measured on `held_out` as loaded from its file.

    Raises `ModelError` when it cannot be saved, loaded or measured; no version is added then.
    """
    spec = versions.spec
    with tempfile.TemporaryDirectory() as aside:
        artifact = _save_estimator(spec, fitted, Path(aside) / "model.skops")
        metrics = {"held_out": measure(spec, load_predictor(spec, artifact), held_out)}
        return versions.add(
            lambda folder: Path(shutil.copy(artifact, folder / artifact.name)),
            {**card, "seed": _SEED, "metrics": {**card.get("metrics", {}), **metrics}},
        )


def _save_estimator(spec: ModelSpec, fitted: Any, path: Path) -> Path:
    import skops.io

    try:
        skops.io.dump(fitted, path)
    except Exception as error:
        # skops raises many kinds of errors on objects that it cannot write.
        raise ModelError(
            f"The retrained {spec.name} cannot be saved with skops: {type(error).__name__}: {error}"
        ) from error
    return path
