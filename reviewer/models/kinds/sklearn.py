"""Models of scikit-learn, in a skops file, or in a joblib file that is trusted.

Columns are known by name, where case and signs do not count (`Sepal length` is `sepal_length`); an
estimator that was fitted on an array gets one, in the order of the config. A classifier with
`predict_proba` answers with probabilities, any other with what `predict` gives. An estimator with several
outputs gives them in the order of the config.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.config import (
    AudioSpec,
    CheckboxGroupSpec,
    DateSpec,
    FileSpec,
    ImageSpec,
    InputSpec,
    ModelSpec,
    NumberSpec,
    SliderSpec,
    TableSpec,
    TextboxSpec,
)
from reviewer.errors import ModelError, UntrustedModelError
from reviewer.log.media import Keep
from reviewer.models.kinds.arrays import read_best, read_labels, read_probabilities, read_rows, read_values
from reviewer.models.kinds.predictor import Examples, Predictor, describe_error, simplify_name
from reviewer.models.outputs import Answer

if TYPE_CHECKING:
    import pandas as pd


def load(spec: ModelSpec, path: Path, workspace: Path) -> Predictor:
    """Return the estimator in the file as a predictor; see `load_estimator`."""
    estimator = load_estimator(spec, path)
    if not hasattr(estimator, "predict"):
        raise ModelError(f"{path} holds {type(estimator).__name__}, which is no scikit-learn model.")

    def read(examples: Examples) -> Any:
        return _name_columns(estimator, build_batch(spec, examples))

    return Predictor(
        lambda examples, keep: _answer(spec, estimator, read(examples), keep),
        answer_briefly=lambda examples, keep: _answer(spec, estimator, read(examples), keep, read_best),
    )


def load_estimator(spec: ModelSpec, path: Path) -> Any:
    """Return the scikit-learn estimator in a skops or joblib file.

    Raises `UntrustedModelError` when loading would run code nobody trusted, `ModelError` when the file is
    missing or damaged.
    """
    try:
        return _load_skops(spec, path) if path.suffix == ".skops" else _load_joblib(spec, path)
    except ModelError:
        raise
    except Exception as error:
        # A damaged file makes skops and joblib raise almost anything.
        raise ModelError(f"{path} is no readable model file ({describe_error(error)}).") from error


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
    """Return the examples as scikit-learn takes them.

    One textbox: a list of texts, where an empty one is "". One image: an array of examples × pixels. Anything
    else: a frame with a column per input, in the order of the config, where what is empty is missing. Raises
    `ModelError` for an empty image.
    """
    inputs = list(spec.inputs.items())
    if len(inputs) == 1 and isinstance(inputs[0][1], TextboxSpec):
        return [example[inputs[0][0]] or "" for example in examples]
    if len(inputs) == 1 and isinstance(inputs[0][1], ImageSpec):
        return _stack_pixels(inputs[0][0], examples)
    import pandas as pd

    return pd.DataFrame({name: _build_column(each, name, examples) for name, each in inputs})


def _stack_pixels(name: str, examples: Examples) -> Any:
    import numpy as np

    if any(example[name] is None for example in examples):
        raise ModelError(f"{name} is empty, and scikit-learn takes no empty picture.")
    return np.stack([np.ravel(example[name]) for example in examples])


def _build_column(spec: InputSpec, name: str, examples: Examples) -> pd.Series[Any]:
    import pandas as pd

    values = [example[name] for example in examples]
    if isinstance(spec, (NumberSpec, SliderSpec)):
        return pd.Series(values, dtype="float64")
    if isinstance(spec, (CheckboxGroupSpec, FileSpec, ImageSpec, AudioSpec, TableSpec)):
        return pd.Series(values, dtype=object)
    return pd.to_datetime(pd.Series(values)) if isinstance(spec, DateSpec) else pd.Series(values)


def _name_columns(estimator: Any, batch: Any) -> Any:
    """Return a frame with the columns that the estimator was fitted with, or as an array if it had none."""
    if not hasattr(batch, "columns"):
        return batch
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is None:
        return batch.to_numpy() if hasattr(estimator, "n_features_in_") else batch
    names = [simplify_name(str(each)) for each in fitted]
    if list(batch.columns) == list(fitted) or sorted(names) != sorted(batch.columns):
        return batch
    return batch[names].set_axis(fitted, axis="columns")


def _answer(
    spec: ModelSpec,
    estimator: Any,
    batch: Any,
    keep: Keep,
    read_scores: Callable[[ModelSpec, Sequence[Any], Any, Keep], list[Answer]] = read_probabilities,
) -> list[Answer]:
    components = [each.component for each in spec.answers.values()]
    if len(components) > 1:
        return _answer_several(spec, estimator, batch, keep)
    if components == ["label"] and hasattr(estimator, "predict_proba"):
        return read_scores(spec, _list_labels(estimator.classes_), estimator.predict_proba(batch), keep)
    read: _Reader = _READERS.get(components[0], read_rows)
    return read(spec, estimator.predict(batch), keep)


_Reader = Callable[[ModelSpec, Any, Keep], list[Answer]]

_READERS: dict[str, _Reader] = {"label": read_labels, "number": read_values}
"""Output component → how an array of it is read at once; the others are read one by one."""


def _answer_several(spec: ModelSpec, estimator: Any, batch: Any, keep: Keep) -> list[Answer]:
    import numpy as np

    columns = list(np.atleast_2d(np.asarray(estimator.predict(batch), dtype=object).T))
    if len(columns) != len(spec.answers):
        raise ModelError(
            f"{spec.name} answers {len(columns)} values an example, but its config declares"
            f" {len(spec.answers)} outputs ({', '.join(spec.answers)})."
        )
    if hasattr(estimator, "predict_proba"):
        found = zip(spec.answers.values(), estimator.classes_, estimator.predict_proba(batch), strict=True)
        for number, (output, classes, matrix) in enumerate(found):
            if output.component == "label":
                columns[number] = [dict(zip(_list_labels(classes), row, strict=True)) for row in matrix]
    return read_rows(spec, (list(row) for row in zip(*columns, strict=True)), keep)


def _list_labels(classes: Any) -> list[Any]:
    return list(classes.tolist() if hasattr(classes, "tolist") else classes)
