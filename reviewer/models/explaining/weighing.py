"""What each column adds to the answer of a scikit-learn model: its weights, or the paths through its trees.

The rule: parts are shown only when they add up to the answer that the model itself gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewer.models.explaining.columns import Owner, Traced, trace_step
from reviewer.models.explaining.features import UnexplainedError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Parts(NamedTuple):
    """What the columns add to an answer."""

    method: str
    effects: list[tuple[Owner, float]]


def weigh_columns(estimator: Any, traced: Traced, label: str | None) -> Parts:
    """Return what each column of the first example adds to the score of the label, or to the value if None.

    Values count from the mean of the other examples, if there are any; words count from none. Raises
    `UnexplainedError` for a model that is neither linear nor made of trees.
    """
    steps = getattr(estimator, "steps", None)
    if steps:
        for _, step in steps[:-1]:
            traced = trace_step(step, traced)
        return weigh_columns(steps[-1][1], traced, label)
    if hasattr(estimator, "best_estimator_"):
        return weigh_columns(estimator.best_estimator_, traced, label)
    if hasattr(estimator, "calibrated_classifiers_"):
        inner = [each.estimator for each in estimator.calibrated_classifiers_]
        return _average([weigh_columns(each, traced, label) for each in inner])
    if hasattr(estimator, "coef_"):
        return Parts("weights", _multiply(estimator, traced, label))
    return Parts("tree", _walk(estimator, traced, label))


def _average(parts: Sequence[Parts]) -> Parts:
    """Return the mean of what models of the same kind say."""
    methods = {each.method for each in parts}
    if len(methods) != 1:
        raise UnexplainedError
    share = 1 / len(parts)
    return Parts(methods.pop(), [(owner, effect * share) for each in parts for owner, effect in each.effects])


def _multiply(model: Any, traced: Traced, label: str | None) -> list[tuple[Owner, float]]:
    """Return weights × values of the linear model, if that is what it answers by."""
    import numpy as np

    ask = model.predict if label is None else model.decision_function
    first, weights = traced.batch[:1], np.atleast_2d(model.coef_)
    values = _read_rows(first)[0]
    if not _is_same(weights @ values + model.intercept_, ask(first)):
        raise UnexplainedError
    effects = _choose_weights(model, weights, label) * (values - _find_middle(traced))
    shown = np.flatnonzero(effects).tolist()
    if any(column not in traced.owners for column in shown):
        raise UnexplainedError
    return [(traced.owners[column], float(effects[column])) for column in shown]


def _choose_weights(model: Any, weights: Array, label: str | None) -> Array:
    """Return the label's own weights; of two labels, the second has them and the first their opposite."""
    place = 0 if label is None else _find_class(model, label)
    is_first_of_two = label is not None and len(weights) == 1 and place == 0
    chosen: Array = -weights[0] if is_first_of_two else weights[min(place, len(weights) - 1)]
    return chosen


def _find_middle(traced: Traced) -> Array:
    """Return the mean of the other examples for columns that stand for a value, 0 for words."""
    import numpy as np

    batch = traced.batch if hasattr(traced.batch, "toarray") else np.asarray(traced.batch)
    middle = np.zeros(batch.shape[1])
    values = [column for column, owner in traced.owners.items() if owner.units is None]
    if batch.shape[0] > 1:
        middle[values] = _read_rows(batch[1:][:, values]).mean(axis=0)
    return middle


def _walk(model: Any, traced: Traced, label: str | None) -> list[tuple[Owner, float]]:
    """Return how far the splits on each column moved the answer on its way from root to leaf.

    The idea is Ando Saabas's ("Interpreting random forests", 2014): the value of a node less that of the node
    above it belongs to the column that was split on. A split on a word that is not there has no owner.
    """
    import numpy as np

    first = traced.batch[:1]
    trees, nodes = _find_paths(model, first)
    place = None if label is None else _find_class(model, label)
    moves = np.zeros(first.shape[1])
    answer = 0.0
    for tree, path in zip(trees, nodes, strict=True):
        values = _read_values(tree, path, place)
        np.add.at(moves, tree.feature[path[:-1]], np.diff(values) / len(trees))
        answer += values[-1] / len(trees)
    said = model.predict(first) if place is None else model.predict_proba(first)[:, place]
    if not _is_same(np.array([answer]), said):
        raise UnexplainedError
    return [(owner, float(moves[column])) for column, owner in traced.owners.items() if moves[column]]


def _find_paths(model: Any, example: Any) -> tuple[list[Any], list[Array]]:
    """Return the model's trees and, for each, the nodes that the example meets, the root first."""
    import numpy as np

    if hasattr(model, "tree_"):
        return [model.tree_], [np.sort(model.decision_path(example).indices)]
    if not hasattr(model, "decision_path"):
        raise UnexplainedError
    found, bounds = model.decision_path(example)
    met = np.sort(found.indices)
    # A node is always numbered after the node above it, and a tree after the one before it.
    nodes = np.split(met, np.searchsorted(met, bounds[1:-1]))
    return (
        [each.tree_ for each in model.estimators_],
        [path - start for path, start in zip(nodes, bounds[:-1], strict=True)],
    )


def _read_values(tree: Any, path: Array, place: int | None) -> Array:
    """Return the value of each node, or the share that the class has there."""
    values: Array = tree.value[path, 0]
    return values[:, 0] if place is None else values[:, place] / values.sum(axis=1)


def _find_class(model: Any, label: str) -> int:
    names = [str(each) for each in model.classes_]
    if label not in names:
        raise UnexplainedError
    return names.index(label)


def _read_rows(batch: Any) -> Array:
    import numpy as np

    rows: Array = np.asarray(batch.toarray() if hasattr(batch, "toarray") else batch, dtype=np.float64)
    return rows


def _is_same(one: Any, other: Any) -> bool:
    import numpy as np

    found, expected = np.ravel(one), np.ravel(other)
    return found.shape == expected.shape and bool(np.allclose(found, expected, rtol=1e-4, atol=1e-6))
