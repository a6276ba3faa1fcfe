"""What a model gets right of the examples that it has never seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reviewer.config import ModelSpec
from reviewer.errors import ModelError
from reviewer.models.kinds import Answer, Predictor
from reviewer.training.rows import Row, cut


def measure(spec: ModelSpec, predictor: Predictor, rows: Sequence[Row]) -> dict[str, float]:
    """Return the metrics of a model on held-out rows, always with `rows`, their number.

    Classification: `accuracy`, `macro_f1`. Regression: `mae`, `rmse` in the target's unit and `r2`.
    """
    if not rows:
        return {"rows": 0}
    answers = [each for batch in cut(rows) for each in _answer_rows(spec, predictor, batch)]
    right = [row.right for row in rows]
    score = _score_labels if spec.task.is_classification else _score_values
    return {"rows": len(rows), **score(right, answers)}


def _answer_rows(spec: ModelSpec, predictor: Predictor, rows: Sequence[Row]) -> list[Answer]:
    try:
        return predictor([row.example for row in rows])
    except ModelError:
        raise
    except Exception as error:
        # Whatever a model raises is its failure, not the program's.
        raise ModelError(
            f"{spec.name} failed on its held-out data: {type(error).__name__}: {str(error)[:300]}"
        ) from error


def _score_labels(right: Sequence[Any], answers: Sequence[Answer]) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score

    labels = [str(each.label) for each in answers]
    return {
        "accuracy": float(accuracy_score(right, labels)),
        "macro_f1": float(f1_score(right, labels, average="macro", zero_division=0)),
    }


def _score_values(right: Sequence[Any], answers: Sequence[Answer]) -> dict[str, float]:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    values = [each.value for each in answers if each.value is not None]
    if len(values) != len(answers):
        raise ModelError(f"The model gave no number for {len(answers) - len(values)} held-out examples.")
    scores = {
        "mae": float(mean_absolute_error(right, values)),
        "rmse": float(root_mean_squared_error(right, values)),
    }
    return {**scores, "r2": float(r2_score(right, values))} if len(values) > 1 else scores
