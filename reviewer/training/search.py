"""A search over a small grid of an estimator's parameters, cross-validated on the training rows.

The rule: examples of one group are never in two parts, and nothing that is held out is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reviewer.config import ModelSpec
from reviewer.datasets import Row
from reviewer.errors import ConfigError, InputError, ModelError, UnknownNameError
from reviewer.models.kinds.predictor import describe_error
from reviewer.records import JsonValue, Progress
from reviewer.training.fitting import SEED, build_training_set, copy_estimator, route_weights


def search_grid(
    spec: ModelSpec, estimator: Any, rows: Sequence[Row], progress: Progress
) -> tuple[Any, dict[str, JsonValue]]:
    """Return a copy of the estimator with the best values of the grid, and every candidate's scores.

    The score is macro F1 of a classifier and the negative mean absolute error of a regressor, the higher the
    better; of equal ones the first in the grid wins. Raises `ConfigError` for a parameter that the estimator
    does not have, `InputError` when there are too few groups, `ModelError` when a candidate cannot be fitted.
    """
    from sklearn.model_selection import ParameterGrid

    candidates = list(ParameterGrid(dict(spec.training.grid)))
    cut = cut_folds(spec, rows)
    scored = []
    for number, values in enumerate(candidates):
        progress(number / len(candidates), f"Trying {number + 1} of {len(candidates)}: {_tell(values)}")
        scores = _score(spec, _set_values(spec, estimator, values), rows, cut)
        scored.append({"parameters": values, "scores": scores, "mean": sum(scores) / len(scores)})
    best = max(scored, key=lambda each: each["mean"])
    record = {"folds": len(cut), "scoring": _name_scoring(spec), "chosen": best["parameters"]}
    return _set_values(spec, estimator, best["parameters"]), {**record, "candidates": scored}


def _tell(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _name_scoring(spec: ModelSpec) -> str:
    return "f1_macro" if spec.task.is_classification else "neg_mean_absolute_error"


def _set_values(spec: ModelSpec, estimator: Any, values: dict[str, Any]) -> Any:
    fresh = copy_estimator(estimator)
    known = fresh.get_params()
    if unknown := [name for name in values if name not in known]:
        error = UnknownNameError(f"parameter of {spec.name}", unknown[0], known)
        raise ConfigError(f"models.{spec.name}.training.grid: {error}")
    return fresh.set_params(**values)


def cut_folds(spec: ModelSpec, rows: Sequence[Row]) -> list[Any]:
    """Return the places of the rows for fitting and for scoring, once per fold.

    Every label is in every fold as far as that goes.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    groups = [row.group or row.example_id for row in rows]
    folds = min(spec.training.folds, len(set(groups)))
    if folds < 2:
        raise InputError(f"A search needs examples of at least two groups, but {spec.name} has {folds}.")
    cutter = StratifiedGroupKFold if spec.task.is_classification else GroupKFold
    try:
        cut = cutter(folds, shuffle=True, random_state=SEED)
        return list(cut.split(groups, [row.right for row in rows], groups))
    except ValueError as error:
        raise InputError(
            f"The {len(rows):,} examples of {spec.name} cannot be cut into {folds} parts: {error}"
        ) from error


def _score(spec: ModelSpec, estimator: Any, rows: Sequence[Row], cut: list[Any]) -> list[float]:
    from sklearn.model_selection import cross_val_score

    try:
        batch, right = build_training_set(spec, rows)
        scores = cross_val_score(
            estimator, batch, right, cv=cut, scoring=_name_scoring(spec), error_score="raise",
            params=route_weights(estimator, rows),
        )  # fmt: skip
    except Exception as error:
        # Whatever an estimator raises is its failure, not the program's.
        raise ModelError(f"Trying parameters of {spec.name} failed: {describe_error(error)}") from error
    return [float(each) for each in scores]
