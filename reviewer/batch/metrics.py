"""How right a batch was: the metrics of its results, from pairs of what is right and what was predicted.

Formulas are scikit-learn's. Rows are counted, not kept: a file of any length takes the room of its labels.
"""

from __future__ import annotations

import csv
import sys
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any

from reviewer.batch.state import RESULTS, Batch

_DRAWN_POINTS = 5000
"""Residuals that are drawn; a browser has no use for more."""


def measure(batch: Batch, *, is_classification: bool) -> dict[str, Any]:
    """Return the metrics of a finished batch: `counted` rows, which were `left_out` and why, and `metrics`.

    Classification also has `classes` (precision, recall, F1 and rows of each label) and `confusion` (truth,
    predicted, rows). Regression has `points`, a sample of pairs. With nothing to count there are no metrics.
    """
    counts = batch.counts
    summary = {
        "counted": counts.scored,
        "left_out": {
            "rejected": counts.rejected,
            "failed": counts.failed,
            "without_truth": counts.answered - counts.scored,
        },
    }
    if not counts.scored:
        return summary
    pairs = _read_pairs(batch, "predicted_label" if is_classification else "predicted_value")
    return summary | (_measure_labels(pairs) if is_classification else _measure_values(pairs))


def _read_pairs(batch: Batch, column: str) -> Iterator[tuple[str, str]]:
    """Yield (truth, predicted) of every row that has both."""
    csv.field_size_limit(sys.maxsize)
    with (batch.folder / RESULTS).open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        truth, predicted = header.index("truth"), header.index(column)
        for row in reader:
            if row[truth] and row[predicted]:
                yield row[truth], row[predicted]


def _measure_labels(pairs: Iterator[tuple[str, str]]) -> dict[str, Any]:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    confusion = Counter(pairs)
    right, said, rows = zip(
        *((truth, label, count) for (truth, label), count in confusion.items()), strict=True
    )
    labels = sorted({*right, *said})
    per_label = precision_recall_fscore_support(
        right, said, labels=labels, sample_weight=rows, zero_division=0
    )
    classes = [
        {"label": label, "precision": float(p), "recall": float(r), "f1": float(f), "rows": int(n)}
        for label, p, r, f, n in zip(labels, *per_label, strict=True)
    ]
    recalls = [each["recall"] for each in classes if each["rows"]]
    return {
        "metrics": {
            "accuracy": float(accuracy_score(right, said, sample_weight=rows)),
            "balanced_accuracy": sum(recalls) / len(recalls),
            "macro_f1": sum(each["f1"] for each in classes) / len(classes),
        },
        "classes": classes,
        "confusion": [
            {"truth": truth, "predicted": label, "rows": count}
            for (truth, label), count in sorted(confusion.items())
        ],
    }


def _measure_values(pairs: Iterator[tuple[str, str]]) -> dict[str, Any]:
    import numpy as np
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    numbers = array("d")
    for pair in pairs:
        numbers.extend(map(float, pair))
    right, said = np.array(numbers).reshape(-1, 2).T
    metrics = {
        "mae": float(mean_absolute_error(right, said)),
        "rmse": float(root_mean_squared_error(right, said)),
    }
    if len(right) > 1:
        metrics["r2"] = float(r2_score(right, said))
    step = -(-len(right) // _DRAWN_POINTS)
    points = np.column_stack([right, said])[::step].tolist()
    return {"metrics": metrics, "points": [{"truth": truth, "predicted": value} for truth, value in points]}
