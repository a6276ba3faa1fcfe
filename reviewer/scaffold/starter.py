"""A first model for data that come without one: simple on purpose, honest about how good it is.

The rule: it is fitted like every later version, on the part of the data that is not held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reviewer.config import InputSpec, ModelSpec


def describe_starter(spec: ModelSpec) -> str:
    """Return what kind of model `build_starter` makes, in a few words."""
    last = "logistic regression" if spec.task.is_classification else "ridge regression"
    components = {each.component for each in spec.inputs.values()}
    return f"{'TF-IDF and ' if 'textbox' in components else ''}{last}"


def build_starter(spec: ModelSpec) -> Any:
    """Return an unfitted pipeline for the model's inputs and task."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    last = LogisticRegression(max_iter=2000) if spec.task.is_classification else Ridge()
    if [each.component for each in spec.inputs.values()] == ["textbox"]:
        return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), last)
    return make_pipeline(_prepare_columns(spec), last)


def _prepare_columns(spec: ModelSpec) -> Any:
    """Return what scales the numbers, spreads the choices and weighs the words."""
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = _list_inputs(spec, ("number", "slider"))
    choices = _list_inputs(spec, ("dropdown", "checkbox"))
    steps: list[Any] = [(TfidfVectorizer(), name) for name in _list_inputs(spec, ("textbox",))]
    if numbers:
        steps.append((StandardScaler(), numbers))
    if choices:
        steps.append((OneHotEncoder(handle_unknown="ignore"), choices))
    return make_column_transformer(*steps)


def _list_inputs(spec: ModelSpec, components: Sequence[str]) -> list[str]:
    def fits(each: InputSpec) -> bool:
        return each.component in components

    return [name for name, each in spec.inputs.items() if fits(each)]
