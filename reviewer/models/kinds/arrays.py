"""Answers of models that answer many examples with one array.

The rule: what is recorded is what `read_answer` makes of each row. An array in order is read at once, which
costs a few µs a row; one that is not is handed to `read_answer` row by row, so that it says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reviewer.config import ModelSpec
from reviewer.errors import ModelError
from reviewer.log.media import Keep
from reviewer.models.outputs import Answer, read_answer


def read_rows(spec: ModelSpec, values: Iterable[Any], keep: Keep) -> list[Answer]:
    """Return the answer that each value is; raises `ModelError`."""
    return [read_answer(spec, each, keep) for each in values]


def read_probabilities(spec: ModelSpec, labels: Sequence[Any], matrix: Any, keep: Keep) -> list[Answer]:
    """Return the answers of a model whose only output is a label; `matrix` is examples × labels."""
    import numpy as np

    names = [str(each) for each in labels]
    scores = np.asarray(matrix, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] != len(names):
        raise ModelError(
            f"{spec.name} answered probabilities of the shape {scores.shape}, but examples × {len(names)}"
            " labels are needed; a model with several outputs needs as many in its config."
        )
    if not _are_probabilities(spec, names, scores):
        return read_rows(spec, (_pair(names, row) for row in scores.tolist()), keep)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.array(names, dtype=object)[order]
    rows = np.take_along_axis(scores, order, axis=1)
    pairs = map(zip, ranked.tolist(), rows.tolist())
    # Without a line of Python for each row: this runs between two calls of the model.
    return list(map(Answer, ranked[:, 0].tolist(), rows[:, 0].tolist(), map(dict, pairs)))


def read_best(spec: ModelSpec, labels: Sequence[Any], matrix: Any, keep: Keep) -> list[Answer]:
    """Return the labels that `read_probabilities` answers, without confidence and scores."""
    import numpy as np

    names, scores = [str(each) for each in labels], np.asarray(matrix, dtype=np.float64)
    if not _are_probabilities(spec, names, scores):
        return read_probabilities(spec, labels, matrix, keep)
    answers = [Answer(label=name) for name in names]
    return [answers[place] for place in scores.argmax(axis=1).tolist()]


def _are_probabilities(spec: ModelSpec, names: Sequence[str], scores: Any) -> bool:
    """Return whether the scores are those of labels that the config knows, a column each."""
    is_known = len(set(names)) == len(names) and set(names) <= set(spec.known_labels)
    is_table = scores.ndim == 2 and scores.shape[1] == len(names)
    return bool(is_known and is_table and ((scores >= 0) & (scores <= 1)).all())


def _pair(names: Sequence[str], row: Sequence[float]) -> list[dict[str, Any]]:
    return [{"label": name, "score": score} for name, score in zip(names, row, strict=True)]


def read_labels(spec: ModelSpec, labels: Any, keep: Keep) -> list[Answer]:
    """Return the answers of a model whose only output is a label without probabilities."""
    import numpy as np

    values = np.asarray(labels)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1:
        return read_rows(spec, values, keep)
    answers = {each: read_answer(spec, each, keep) for each in set(values.tolist())}
    return [answers[each] for each in values.tolist()]


def read_values(spec: ModelSpec, values: Any, keep: Keep) -> list[Answer]:
    """Return the answers of a model whose only output is a number."""
    import numpy as np

    numbers = np.asarray(values)
    numbers = numbers[:, 0] if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers
    if numbers.ndim != 1 or numbers.dtype.kind not in "fiu" or not np.isfinite(numbers).all():
        return read_rows(spec, numbers, keep)
    return [Answer(value=each) for each in numbers.astype(np.float64).tolist()]
