"""What a model gets right of the examples that it has never seen, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reviewer.config import ModelSpec
from reviewer.datasets import Row
from reviewer.errors import ModelError
from reviewer.log.columns import encode_json
from reviewer.models.kinds import Answer, Predictor
from reviewer.records import Task
from reviewer.training.intervals import Interval, bootstrap

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's answers to held-out examples beside the right ones, as arrays of equal length."""

    right: Numbers
    """Values, or numbers that stand for labels or texts."""
    answers: Numbers
    table: Mapping[str, Metric]

    @property
    def metrics(self) -> dict[str, float]:
        """Metric → value, always with `rows`, their number."""
        return {"rows": len(self.right), **self.score(slice(None))}

    def score(self, places: Any) -> dict[str, float]:
        """Return the metrics over the examples at these places."""
        right, answers = self.right[places], self.answers[places]
        known = {name: each for name, each in self.table.items() if each.least <= len(right)}
        return {name: each.score(right, answers) for name, each in known.items()}

    @property
    def intervals(self) -> dict[str, Interval]:
        """Metric → where 95 % of resamples of the examples have it."""
        return bootstrap(len(self.right), self.score)

    @property
    def losses(self) -> Numbers:
        """1 per wrong answer, or how far each value is off."""
        wrong, errors = self.right != self.answers, abs(self.right - self.answers)
        losses: Numbers = errors if self.has_values else wrong.astype(float)
        return losses

    @property
    def has_values(self) -> bool:
        """Whether the answers are values and not numbers that stand for labels or texts."""
        return self.table is VALUE_METRICS


@dataclass(frozen=True, slots=True)
class Metric:
    """One number for how well answers fit."""

    score: Callable[[Numbers, Numbers], float]
    """(right, answers) → the metric."""
    sign: int = 1
    """1 when more is better, -1 when less is."""
    least: int = 1
    """Examples that it needs."""


def _score_accuracy(right: Numbers, answers: Numbers) -> float:
    return float((right == answers).mean())


def _score_macro_f1(right: Numbers, answers: Numbers) -> float:
    """Return the mean F1 of the labels that are right or answered somewhere."""
    import numpy as np

    count = int(max(right.max(), answers.max())) + 1
    hits = np.bincount(right[right == answers], minlength=count)
    sums = np.bincount(right, minlength=count) + np.bincount(answers, minlength=count)
    return float((2 * hits[sums > 0] / sums[sums > 0]).mean())


def _score_mae(right: Numbers, answers: Numbers) -> float:
    return float(abs(right - answers).mean())


def _score_rmse(right: Numbers, answers: Numbers) -> float:
    return float(((right - answers) ** 2).mean() ** 0.5)


def _score_r2(right: Numbers, answers: Numbers) -> float:
    """Return the share of the variance that the answers explain; of constant values, 1 when all are right."""
    wrong, all_of_it = ((right - answers) ** 2).sum(), ((right - right.mean()) ** 2).sum()
    if all_of_it == 0:
        return float(wrong == 0)
    return float(1 - wrong / all_of_it)


LABEL_METRICS = {"accuracy": Metric(_score_accuracy), "macro_f1": Metric(_score_macro_f1)}
TEXT_METRICS = {"accuracy": Metric(_score_accuracy)}
VALUE_METRICS = {
    "mae": Metric(_score_mae, sign=-1),
    "rmse": Metric(_score_rmse, sign=-1),
    "r2": Metric(_score_r2, least=2),
}
"""Metric → how it is computed, first the one that a promotion looks at; `mae` and `rmse` have its unit."""


def measure(spec: ModelSpec, predictor: Predictor, rows: Sequence[Row]) -> dict[str, float]:
    """Return the metrics of a model on held-out rows, always with `rows`, their number.

    Classification: `accuracy`, `macro_f1`. Regression: `mae`, `rmse` in the target's unit and `r2`.
    """
    return measure_answers(spec, predictor, rows).metrics if rows else {"rows": 0}


def measure_answers(spec: ModelSpec, predictor: Predictor, rows: Sequence[Row]) -> Measured:
    """Return the model's answers to some rows beside the right ones; raises `ModelError` when it fails."""
    import numpy as np

    answers = _answer_rows(spec, predictor, rows)
    if spec.task is Task.TABULAR_REGRESSION:
        right = np.array([row.right for row in rows], float)
        return Measured(right, np.array(_list_values(answers)), VALUE_METRICS)
    numbers: dict[str, int] = {}
    coded = [
        np.array([numbers.setdefault(each, len(numbers)) for each in said])
        for said in ([_tidy(str(row.right)) for row in rows], [_say_answer(spec, each) for each in answers])
    ]
    return Measured(coded[0], coded[1], LABEL_METRICS if spec.task.is_classification else TEXT_METRICS)


def _say_answer(spec: ModelSpec, answer: Answer) -> str:
    """Return the answer as the cell of a right one has it."""
    said = answer.output if answer.label is None else spec.vocabulary.follow(answer.label)
    said = answer.value if said is None else said
    return _tidy(said if isinstance(said, str) else encode_json(said))


def _tidy(text: str) -> str:
    """Return the text with single spaces, as two texts are compared."""
    return " ".join(text.split())


def _answer_rows(spec: ModelSpec, predictor: Predictor, rows: Sequence[Row]) -> list[Answer]:
    try:
        size = predictor.call_size
        parts = (rows[start : start + size] for start in range(0, len(rows), size))
        return [each for part in parts for each in predictor([row.example for row in part])]
    except ModelError:
        raise
    except Exception as error:
        # Whatever a model raises is its failure, not the program's.
        raise ModelError(
            f"{spec.name} failed on its held-out data: {type(error).__name__}: {str(error)[:300]}"
        ) from error


def _list_values(answers: Sequence[Answer]) -> list[float]:
    values = [each.value for each in answers if each.value is not None]
    if len(values) != len(answers):
        raise ModelError(f"The model gave no number for {len(answers) - len(values)} held-out examples.")
    return values
