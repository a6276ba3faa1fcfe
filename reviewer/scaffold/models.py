"""What a model file says about itself: what it takes, which labels it knows, how it is loaded.

The rule: nothing in a file is run unless it is trusted; skops and ONNX files are data.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.config import Kind, ModelSpec
from reviewer.errors import InputError, ModelError, UntrustedModelError
from reviewer.models.kinds.predictor import describe_error
from reviewer.models.kinds.sklearn import load_estimator
from reviewer.records import Task

if TYPE_CHECKING:
    import onnxruntime

SMALLEST_PICTURE = 7
"""Pixels a side; fewer features than its square are columns of a table."""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model file and what could be read from it."""

    path: Path
    kind: Kind
    labels: tuple[str, ...] = ()
    """None of them for a model of numbers, or when the file does not name them."""
    is_regressor: bool = False
    takes_text: bool = False
    """One text, not a table."""
    names: tuple[str, ...] = ()
    """What it calls its columns."""
    width: int | None = None
    """How many columns it takes, when it knows."""
    picture: tuple[int, int, str] | None = None
    """Width, height and mode of the picture it takes."""
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Column → the texts that it knows there."""

    @property
    def square(self) -> int | None:
        """The side of the square picture that its columns may be the pixels of."""
        side = math.isqrt(self.width or 0)
        return side if not self.names and side >= SMALLEST_PICTURE and side * side == self.width else None


def inspect_model(path: Path, *, trusted: bool) -> FoundModel:
    """Return what a model file says about itself.

    Raises `InputError` for a file that is none, `UntrustedModelError` when loading it could run code,
    `ModelError` when it is damaged.
    """
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}.")
    if path.suffix.lower() not in _INSPECTORS:
        raise InputError(
            f"{path} ends in {path.suffix!r}; a model file is one of {', '.join(_INSPECTORS)}. For a model"
            " behind an address or in Python code write reviewer.toml by hand."
        )
    return _INSPECTORS[path.suffix.lower()](path, trusted)


# scikit-learn


def _inspect_estimator(path: Path, trusted: bool) -> FoundModel:
    from sklearn.base import is_classifier, is_regressor

    estimator = _load(path, trusted)
    if not hasattr(estimator, "predict"):
        raise InputError(f"{path} holds {type(estimator).__name__}, which predicts nothing.")
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise InputError(
            f"{path} holds {type(estimator).__name__}, which is neither a classifier nor a regressor; write"
            " reviewer.toml by hand."
        )
    return FoundModel(
        path,
        Kind.SKLEARN,
        labels=_list_labels(path, estimator),
        is_regressor=bool(is_regressor(estimator)),
        takes_text=_takes_text(estimator),
        names=tuple(map(str, getattr(estimator, "feature_names_in_", ()))),
        width=getattr(estimator, "n_features_in_", None),
        choices=dict(_find_choices(estimator)),
    )


def _load(path: Path, trusted: bool) -> Any:
    spec = ModelSpec.model_validate(
        {"name": "new", "task": Task.GENERIC, "trusted": trusted, "inputs": {"x": "textbox"}}
    )
    try:
        return load_estimator(spec, path)
    except UntrustedModelError as error:
        sentence = str(error).partition(" If you trust")[0].partition(" Save the model")[0]
        raise UntrustedModelError(f"{sentence} If you trust the file, add --trusted.") from None


def _list_labels(path: Path, estimator: Any) -> tuple[str, ...]:
    classes = getattr(estimator, "classes_", ())
    if isinstance(classes, list):
        raise InputError(
            f"{path} answers {len(classes)} things at once; write reviewer.toml by hand, with an output for"
            " each."
        )
    return tuple(str(each) for each in (classes.tolist() if hasattr(classes, "tolist") else classes))


def _takes_text(estimator: Any) -> bool:
    """Whether the first step reads texts."""
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

    while parts := getattr(estimator, "steps", None) or getattr(estimator, "transformer_list", None):
        estimator = parts[0][1]
    return isinstance(estimator, (CountVectorizer, HashingVectorizer))


def _find_choices(estimator: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield column → the texts that an encoder of the estimator was fitted on."""
    for _, step in getattr(estimator, "steps", ()):
        yield from _find_choices(step)
    for _, transformer, columns in getattr(estimator, "transformers_", ()):
        last = transformer[-1] if hasattr(transformer, "steps") else transformer
        for column, values in zip(columns, getattr(last, "categories_", ()), strict=False):
            if isinstance(column, str) and all(isinstance(each, str) and each for each in values):
                yield column, tuple(values)


# ONNX


def _inspect_onnx(path: Path, trusted: bool) -> FoundModel:
    session = _open_session(path)
    inputs = session.get_inputs()
    first, is_only = inputs[0], len(inputs) == 1
    labels = _ask_labels(session)
    takes_text = is_only and first.type == "tensor(string)" and first.shape[1:] in ([], [1])
    is_table = is_only and len(first.shape) == 2 and isinstance(first.shape[1], int) and not takes_text
    return FoundModel(
        path,
        Kind.ONNX,
        labels=labels,
        is_regressor=_is_one_number(session) and not labels,
        takes_text=takes_text,
        names=() if is_only else tuple(each.name for each in inputs),
        width=first.shape[1] if is_table else None if is_only else len(inputs),
        picture=_read_picture(first.shape) if is_only and len(first.shape) == 4 else None,
    )


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(
            f"{path} is an ONNX model, which needs onnxruntime: pip install 'flag-reviewer[onnx]'."
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime raises many kinds of errors on files that are no models.
        raise ModelError(f"{path} is no readable model file ({describe_error(error)}).") from None


def _is_one_number(session: onnxruntime.InferenceSession) -> bool:
    outputs = session.get_outputs()
    return len(outputs) == 1 and outputs[0].type in ("tensor(float)", "tensor(double)")


def _ask_labels(session: onnxruntime.InferenceSession) -> tuple[str, ...]:
    """Return the labels that the answer to an empty example names, none when it names none."""
    import numpy as np

    maps = [each.name for each in session.get_outputs() if each.type.startswith("seq(map(")]
    if not maps:
        return ()
    kinds = {"tensor(string)": object, "tensor(int64)": np.int64, "tensor(double)": np.float64}
    filled = {
        each.name: np.full(
            [size if isinstance(size, int) else 1 for size in each.shape],
            "" if each.type == "tensor(string)" else 0,
            dtype=kinds.get(each.type, np.float32),
        )
        for each in session.get_inputs()
    }
    with contextlib.suppress(Exception):  # a model may refuse the empty example; then the data name them
        return tuple(map(str, session.run(maps[:1], filled)[0][0]))
    return ()


def _read_picture(shape: list[Any]) -> tuple[int, int, str] | None:
    """Return width, height and mode, None when the file leaves one of them open."""
    channels_first = shape[1] in (1, 3)
    channels, height, width = (shape[1:]) if channels_first else (shape[3], shape[1], shape[2])
    if channels not in (1, 3) or not (isinstance(height, int) and isinstance(width, int)):
        return None
    return width, height, "L" if channels == 1 else "RGB"


_INSPECTORS: dict[str, Callable[[Path, bool], FoundModel]] = {
    ".skops": _inspect_estimator,
    ".onnx": _inspect_onnx,
    ".joblib": _inspect_estimator,
    ".pkl": _inspect_estimator,
    ".pickle": _inspect_estimator,
}
"""Ending of a model file → how it is looked into."""
