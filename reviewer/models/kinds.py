"""Model kinds: how a model file becomes a function from examples to answers.

The rule: loading never runs code from the file or the config unless the config says `trusted = true`.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.config import ImageSpec, Kind, ModelSpec, TextboxSpec
from reviewer.errors import ConfigError, ModelError, UntrustedModelError
from reviewer.records import JsonValue, Task


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says about one example."""

    label: str | None = None
    confidence: float | None = None
    scores: dict[str, float] | None = None
    value: float | None = None
    output: JsonValue = None


Examples = Sequence[dict[str, Any]]
"""What models get: per example one value per input, images as arrays."""

Predictor = Callable[[Examples], list[Answer]]


def load_predictor(spec: ModelSpec, path: Path) -> Predictor:
    """Return the function that answers examples with the model at `path`.

    Raises `UntrustedModelError` when loading would run code nobody trusted, `ModelError` when the file
    is missing or damaged.
    """
    return KINDS[spec.kind](spec, path)


def load_estimator(spec: ModelSpec, path: Path) -> Any:
    """Return the scikit-learn estimator in a skops or joblib file.

    Raises `UntrustedModelError` or `ModelError` like `load_predictor`.
    """
    try:
        return _load_skops(spec, path) if path.suffix == ".skops" else _load_joblib(spec, path)
    except ModelError:
        raise
    except Exception as error:
        # A damaged file makes skops and joblib raise almost anything.
        raise ModelError(f"{path} is no readable model file ({_first_line(error)}).") from error


def _load_skops(spec: ModelSpec, path: Path) -> Any:
    import skops.io

    unknown = skops.io.get_untrusted_types(file=path)
    if unknown and not spec.trusted:
        raise UntrustedModelError(
            f"{path} holds types that skops does not know as safe: {', '.join(unknown[:5])}."
            f" If you trust the file, set trusted = true for models.{spec.name} in reviewer.toml."
        )
    return skops.io.load(path, trusted=unknown)


def _load_joblib(spec: ModelSpec, path: Path) -> Any:
    if not spec.trusted:
        raise UntrustedModelError(
            f"Loading {path} can run any code that is in it. Save the model with skops, or, if you trust"
            f" the file, set trusted = true for models.{spec.name} in reviewer.toml."
        )
    import joblib

    return joblib.load(path)


def build_batch(spec: ModelSpec, examples: Examples) -> Any:
    """Return the examples as the model takes them.

    One textbox: a list of texts. One image: an array of examples × pixels. Anything else: a frame with
    a column per input, in the order of the config.
    """
    inputs = list(spec.inputs.items())
    if len(inputs) == 1 and isinstance(inputs[0][1], TextboxSpec):
        return [example[inputs[0][0]] for example in examples]
    if len(inputs) == 1 and isinstance(inputs[0][1], ImageSpec):
        import numpy as np

        return np.stack([np.ravel(example[inputs[0][0]]) for example in examples])
    import pandas as pd

    return pd.DataFrame({name: [example[name] for example in examples] for name, _ in inputs})


def _load_sklearn(spec: ModelSpec, path: Path) -> Predictor:
    estimator = load_estimator(spec, path)
    if not hasattr(estimator, "predict"):
        raise ModelError(f"{path} holds {type(estimator).__name__}, which is no scikit-learn model.")

    def predict(examples: Examples) -> list[Answer]:
        batch = build_batch(spec, examples)
        if spec.task.is_classification and hasattr(estimator, "predict_proba"):
            return [_answer_scores(spec, estimator.classes_, row) for row in estimator.predict_proba(batch)]
        return [_answer_plain(spec, each) for each in estimator.predict(batch)]

    return predict


def _answer_scores(spec: ModelSpec, labels: Iterable[Any], row: Iterable[Any]) -> Answer:
    """Return the answer with the highest probability; scores are ordered, most probable first."""
    pairs = [(_check_label(spec, label), float(score)) for label, score in zip(labels, row, strict=True)]
    if not all(0 <= score <= _MOST for _, score in pairs):
        raise ModelError(f"{spec.name} answered {dict(pairs)}; probabilities from 0 to 1 are needed.")
    ranked = sorted(((label, min(score, 1.0)) for label, score in pairs), key=lambda pair: -pair[1])
    return Answer(label=ranked[0][0], confidence=ranked[0][1], scores=dict(ranked))


_MOST = 1 + 1e-6
"""Probabilities in single precision can add up to a little more than 1."""


def _check_label(spec: ModelSpec, label: Any) -> str:
    if str(label) not in spec.labels:
        raise ModelError(
            f"{spec.name} answered the label {str(label)[:80]!r}, which is none of its labels"
            f" ({', '.join(spec.labels[:20])})."
        )
    return str(label)


def _answer_plain(spec: ModelSpec, value: Any) -> Answer:
    if spec.task.is_classification:
        return Answer(label=_check_label(spec, value))
    value = value.item() if getattr(value, "size", 0) == 1 else value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Answer(value=_check_value(spec, float(value)))
    if spec.task is Task.TABULAR_REGRESSION:
        raise ModelError(f"{spec.name} answered {repr(value)[:80]}; a number is needed.")
    return Answer(output=_check_output(spec, value))


def _check_value(spec: ModelSpec, number: float) -> float:
    if not math.isfinite(number):
        raise ModelError(f"{spec.name} answered {number}; a finite number is needed.")
    return number


def _check_output(spec: ModelSpec, value: Any) -> JsonValue:
    try:
        output = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        output = None
    if output is None:
        raise ModelError(f"{spec.name} answered {repr(value)[:80]}; a JSON value is needed.")
    return output


def _load_python(spec: ModelSpec, path: Path) -> Predictor:
    """Load `module:function`; the function takes the inputs as keywords and returns one answer.

    An answer is a dict of label → probability, a label, a number, or any JSON value.
    """
    if not spec.trusted:
        raise UntrustedModelError(
            f"models.{spec.name} runs the Python function {spec.path!r}; if you trust it,"
            " set trusted = true in reviewer.toml."
        )
    function = _import_function(spec)

    def predict(examples: Examples) -> list[Answer]:
        return [_answer_value(spec, function(**example)) for example in examples]

    return predict


def _import_function(spec: ModelSpec) -> Callable[..., Any]:
    module, _, name = spec.path.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:
        # A module of somebody else can raise anything while it is imported.
        raise ConfigError(
            f"models.{spec.name}.path is {spec.path!r}, which cannot be imported ({_first_line(error)});"
            " write module:function of an installed module."
        ) from error
    if not callable(function):
        raise ConfigError(f"models.{spec.name}.path is {spec.path!r}, which is no function.")
    return function  # type: ignore[no-any-return]  # getattr of a module is Any


def _answer_value(spec: ModelSpec, value: Any) -> Answer:
    if not spec.task.is_classification or not isinstance(value, dict):
        return _answer_plain(spec, value)
    if not value:
        raise ModelError(f"{spec.name} answered an empty dict; give label → probability.")
    return _answer_scores(spec, value, value.values())


KINDS: dict[Kind, Callable[[ModelSpec, Path], Predictor]] = {
    Kind.SKLEARN: _load_sklearn,
    Kind.PYTHON: _load_python,
}
"""Model kind in `reviewer.toml` → its loader."""


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
