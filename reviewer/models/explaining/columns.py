"""Which input, or which words of a text, each column stands for on its way through a scikit-learn pipeline.

The rule: a step is followed only when it is known how its columns come about; any other raises
`UnexplainedError`, and no column is ever counted for an input that it does not stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from reviewer.models.explaining.features import UnexplainedError
from reviewer.models.explaining.spans import Span, find_units


class Owner(NamedTuple):
    """What a column stands for: an input, or words of it."""

    input: str
    units: tuple[Span, ...] | None = None
    """The words or characters of a text, None for a whole value."""


class Traced(NamedTuple):
    """Examples on their way through a pipeline; the first is the one to explain."""

    batch: Any
    """A frame, a list of texts, or a matrix."""
    owners: Mapping[int, Owner]
    """Column → what it stands for; a word that is not in the first example has none."""


def start_trace(estimator: Any, names: Sequence[str], batch: Any) -> Traced:
    """Return the examples as the estimator takes them; raises `UnexplainedError` if it knows other names."""
    owners = {number: Owner(name) for number, name in enumerate(names)}
    if not hasattr(batch, "columns"):
        return Traced(batch, owners)
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is None and hasattr(estimator, "n_features_in_"):
        return Traced(batch.to_numpy(), owners)
    if fitted is not None and list(fitted) != list(names):
        raise UnexplainedError
    return Traced(batch, owners)


def trace_step(step: Any, traced: Traced) -> Traced:
    """Return the examples behind one step of a pipeline; raises `UnexplainedError` for an unknown one."""
    if step is None or isinstance(step, str):
        return _pass_through(step, traced)
    follow = _STEPS.get(type(step).__name__)
    if follow is None or not type(step).__module__.startswith("sklearn."):
        raise UnexplainedError
    return follow(step, traced)


def _pass_through(step: str | None, traced: Traced) -> Traced:
    if step not in (None, "passthrough"):
        raise UnexplainedError
    return traced


def _trace_pipeline(step: Any, traced: Traced) -> Traced:
    for _, each in step.steps:
        traced = trace_step(each, traced)
    return traced


def _trace_same_columns(step: Any, traced: Traced) -> Traced:
    """Follow a step that changes values and leaves each column where it is."""
    after = step.transform(traced.batch)
    if after.shape[1] != traced.batch.shape[1]:
        raise UnexplainedError
    return Traced(after, traced.owners)


def _trace_function(step: Any, traced: Traced) -> Traced:
    if step.func is not None:
        raise UnexplainedError
    return traced


def _trace_selection(step: Any, traced: Traced) -> Traced:
    kept = step.get_support(indices=True).tolist()
    owners = {new: traced.owners[old] for new, old in enumerate(kept) if old in traced.owners}
    return Traced(step.transform(traced.batch), owners)


def _trace_vectoriser(step: Any, traced: Traced) -> Traced:
    [owner] = traced.owners.values()
    units = find_units(step, next(iter(traced.batch)))
    owners = {
        step.vocabulary_[ngram]: Owner(owner.input, tuple(spans))
        for ngram, spans in units.items()
        if ngram in step.vocabulary_
    }
    return Traced(step.transform(traced.batch), owners)


def _trace_one_hot(step: Any, traced: Traced) -> Traced:
    dropped = step.drop_idx_ if step.drop_idx_ is not None else [None] * len(step.categories_)
    widths = [
        len(each) - (left_out is not None) for each, left_out in zip(step.categories_, dropped, strict=True)
    ]
    after = step.transform(traced.batch)
    if sum(widths) != after.shape[1]:
        raise UnexplainedError
    columns = [number for number, width in enumerate(widths) for _ in range(width)]
    return Traced(after, {new: traced.owners[old] for new, old in enumerate(columns)})


def _trace_column_transformer(step: Any, traced: Traced) -> Traced:
    owners: dict[int, Owner] = {}
    for name, each, columns in step.transformers_:
        place = step.output_indices_[name]
        if place.start != place.stop:
            part = trace_step(each, _select_columns(traced, columns))
            owners |= {place.start + number: owner for number, owner in part.owners.items()}
    return Traced(step.transform(traced.batch), owners)


def _select_columns(traced: Traced, columns: Any) -> Traced:
    """Return some columns; a single one that is named as such becomes a series, as vectorisers need it."""
    import numpy as np

    batch = traced.batch
    names = list(batch.columns) if hasattr(batch, "columns") else list(range(batch.shape[1]))
    are_names = all(isinstance(each, str) for each in np.atleast_1d(columns))
    chosen = [names.index(each) for each in np.atleast_1d(columns)] if are_names else columns
    places = np.atleast_1d(np.arange(len(names))[chosen]).tolist()
    part = batch.iloc[:, places] if hasattr(batch, "iloc") else batch[:, places]
    owners = {new: traced.owners[old] for new, old in enumerate(places) if old in traced.owners}
    is_single = isinstance(columns, (str, int))
    return Traced(part.iloc[:, 0] if is_single and hasattr(part, "iloc") else part, owners)


def _trace_union(step: Any, traced: Traced) -> Traced:
    owners: dict[int, Owner] = {}
    width = 0
    for _, each in step.transformer_list:
        if each == "drop":
            continue
        part = trace_step(each, traced)
        owners |= {width + number: owner for number, owner in part.owners.items()}
        width += part.batch.shape[1]
    return Traced(step.transform(traced.batch), owners)


_SAME_COLUMNS = (
    "Binarizer", "MaxAbsScaler", "MinMaxScaler", "Normalizer", "OrdinalEncoder", "PowerTransformer",
    "QuantileTransformer", "RobustScaler", "SimpleImputer", "StandardScaler", "TfidfTransformer",
)  # fmt: skip

_SELECTIONS = (
    "GenericUnivariateSelect", "RFE", "RFECV", "SelectFdr", "SelectFpr", "SelectFromModel", "SelectFwe",
    "SelectKBest", "SelectPercentile", "SequentialFeatureSelector", "VarianceThreshold",
)  # fmt: skip

_STEPS: dict[str, Callable[[Any, Traced], Traced]] = {
    **dict.fromkeys(_SAME_COLUMNS, _trace_same_columns),
    **dict.fromkeys(_SELECTIONS, _trace_selection),
    "ColumnTransformer": _trace_column_transformer,
    "CountVectorizer": _trace_vectoriser,
    "FeatureUnion": _trace_union,
    "FunctionTransformer": _trace_function,
    "OneHotEncoder": _trace_one_hot,
    "Pipeline": _trace_pipeline,
    "TfidfVectorizer": _trace_vectoriser,
}
"""Class of scikit-learn → how its columns come about."""
