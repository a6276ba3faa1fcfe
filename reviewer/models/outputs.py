"""Answers of models: what a model returned becomes what is recorded, and again what is shown.

An output component is a row of `OUTPUTS`. The rule: nothing is recorded that is not exactly what the model
said; what is malformed, not finite or too large is a `ModelError` in one sentence, whatever the value does
when it is looked at.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from reviewer.config import ModelSpec, OutputSpec
from reviewer.errors import InputError, ModelError
from reviewer.log.media import Keep
from reviewer.models.files import check_size
from reviewer.models.images import keep_picture, read_picture
from reviewer.models.tables import split_table
from reviewer.records import Flag, JsonValue, Prediction

_MOST_CHARACTERS = 5_000_000
"""The longest answer that is recorded, as JSON; pictures are files beside it."""

_MOST_PARTS = 1_000_000
"""Values in one answer, counted so that an endless one is given up."""

_DEEPEST = 100
"""Lists and dicts inside one another; a dict that holds itself is deeper than any number."""

_PICTURE_BYTES = 20_000_000

_MOST_PROBABLE = 1 + 1e-6
"""Probabilities in single precision can add up to a little more than 1."""


class Answer(NamedTuple):
    """What a model says about one example."""

    label: str | None = None
    confidence: float | None = None
    scores: dict[str, float] | None = None
    value: float | None = None
    output: JsonValue = None
    """The outputs that are neither the first label nor the first number: the only output of the model as it
    is stored, or a dict by name."""


def read_answer(spec: ModelSpec, value: Any, keep: Keep) -> Answer:
    """Return what is recorded of what a model returned for one example; raises `ModelError`.

    With one output declared, `value` is its value. With several it is a dict by output name, or a list or
    tuple in the order declared. `keep` stores pictures.
    """
    try:
        return _read_answer(spec, value, keep)
    except ModelError:
        raise
    except Exception as error:
        # A value of somebody else's class can raise anything when it is looked at.
        raise ModelError(
            f"{spec.name} answered {type(value).__name__}, which cannot be read: {type(error).__name__}."
        ) from error


def list_outputs(spec: ModelSpec, record: Prediction | Flag) -> dict[str, JsonValue]:
    """Return the recorded answer by output name, in its stored forms; None for what was not answered."""
    label, number = _find_main(spec)
    several = record.output if isinstance(record.output, dict) else {}
    outputs: dict[str, JsonValue] = {}
    for name in spec.answers:
        if name == label:
            outputs[name] = record.scores or record.predicted_label
        elif name == number:
            outputs[name] = record.predicted_value
        else:
            outputs[name] = record.output if len(spec.answers) == 1 else several.get(name)
    return outputs


def list_further_outputs(spec: ModelSpec, record: Prediction | Flag) -> dict[str, JsonValue]:
    """Return the outputs beside the label and the value that a record has columns for, by name."""
    main = _find_main(spec)
    return {name: value for name, value in list_outputs(spec, record).items() if name not in main}


def _read_answer(spec: ModelSpec, value: Any, keep: Keep) -> Answer:
    is_only = len(spec.answers) == 1
    values = dict.fromkeys(spec.answers, value) if is_only else _split_outputs(spec, value)
    stored = {}
    for name, output in spec.answers.items():
        with _naming(f"{spec.name} answered" if is_only else f"{spec.name} answered in {name}"):
            stored[name] = _read_output(spec, name, output, values[name], keep)
    return build_answer(spec, stored)


@contextlib.contextmanager
def _naming(where: str) -> Iterator[None]:
    """Put who answered in front of what is wrong with the answer."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{where} {error}") from None
    except InputError as error:
        raise ModelError(f"{where} what {error}") from None


def _split_outputs(spec: ModelSpec, value: Any) -> dict[str, Any]:
    names = list(spec.answers)
    if isinstance(value, Mapping):
        if set(value) != set(names):
            keys = ", ".join(_show(each) for each in list(value)[:20])
            raise ModelError(f"{spec.name} answered a dict of {keys}; it needs {', '.join(names)}.")
        return dict(value)
    if not isinstance(value, (list, tuple)) or len(value) != len(names):
        raise ModelError(
            f"{spec.name} answered {_show(value)}; a dict of {', '.join(names)} is needed, or a list in this"
            " order."
        )
    return dict(zip(names, value, strict=True))


def _read_output(spec: ModelSpec, name: str, output: OutputSpec, value: Any, keep: Keep) -> JsonValue:
    """Return the stored form; of several outputs, one that is neither label nor number may be None."""
    label, number = _find_main(spec)
    if value is None and len(spec.answers) > 1 and name not in (label, number):
        return None
    stored = (
        _read_label(spec.known_labels, value) if name == label else OUTPUTS[output.component](value, keep)
    )
    if stored is None:
        raise ModelError("None; a JSON value is needed.")
    _check_length(stored)
    return stored


def _find_main(spec: ModelSpec) -> tuple[str | None, str | None]:
    """Return the first label and the first number among the outputs, which records have columns for."""
    first: dict[str, str] = {}
    for name, each in spec.answers.items():
        first.setdefault(each.component, name)
    return first.get("label"), first.get("number")


def build_answer(spec: ModelSpec, stored: Mapping[str, JsonValue]) -> Answer:
    """Return stored outputs as an answer, the inverse of `list_outputs`; some may be missing."""
    label, number = _find_main(spec)
    rest = {name: value for name, value in stored.items() if name not in (label, number)}
    output = next(iter(rest.values()), None) if len(spec.answers) == 1 else rest or None
    found = _build_label(stored.get(label)) if label else Answer()
    value = stored.get(number) if number else None
    return Answer(found.label, found.confidence, found.scores, value, output)


def _build_label(stored: JsonValue) -> Answer:
    if not isinstance(stored, dict):
        return Answer(label=stored)
    label, confidence = next(iter(stored.items()))
    return Answer(label=label, confidence=confidence, scores=stored)


# Labels and numbers


def _read_label(known: Sequence[str], value: Any) -> str | dict[str, float]:
    """Return a label, or label → probability with the most probable first.

    Taken are a label, a dict, `[{"label": …, "score": …}, …]` as text pipelines give, Gradio's
    `{"label": …, "confidences": […]}`, and bare probabilities in the order of the config's labels.
    """
    value = _unwrap(value)
    if isinstance(value, Mapping) and "confidences" in value:
        value = value["confidences"]
    if isinstance(value, Mapping):
        return _read_scores(known, dict(_check_pairs(value.items())))
    if not isinstance(value, (list, tuple)):
        return _check_label(known, value)
    if value and all(isinstance(each, Mapping) and "label" in each for each in value):
        pairs = ((each["label"], each.get("score", each.get("confidence"))) for each in value)
        return _read_scores(known, dict(_check_pairs(pairs)))
    if not known or len(value) != len(known):
        raise ModelError(f"{_show(value)}; a label, or a dict of label → probability, is needed.")
    return _read_scores(known, dict(_check_pairs(zip(known, value, strict=True))))


def _check_pairs(pairs: Iterable[tuple[Any, Any]]) -> Iterable[tuple[str, float]]:
    seen = set()
    for label, score in pairs:
        name, number = _name_label(label), _unwrap(score)
        if name in seen:
            raise ModelError(f"the label {_show(name)} twice; give each label one probability.")
        if not _is_number(number) or not 0 <= number <= _MOST_PROBABLE:
            raise ModelError(f"{_show({name: number})}; probabilities from 0 to 1 are needed.")
        seen.add(name)
        yield name, min(float(number), 1.0)


def _read_scores(known: Sequence[str], scores: dict[str, float]) -> dict[str, float]:
    if not scores:
        raise ModelError("an empty dict; give label → probability.")
    for label in scores:
        _check_label(known, label)
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))


def _check_label(known: Sequence[str], value: Any) -> str:
    label = _name_label(value)
    if known and label not in known:
        raise ModelError(f"the label {_show(label)}, which is none of its labels ({', '.join(known[:20])}).")
    return label


def _name_label(value: Any) -> str:
    value = _unwrap(value)
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if not isinstance(value, (str, int, float)) or value == "" or not is_finite:
        raise ModelError(f"the label {_show(value)}; a text is needed, or a dict of label → probability.")
    if "\0" in (label := _check_text(str(value))):
        raise ModelError(f"the label {_show(label)}; no label can hold a NUL character.")
    return label


def _read_number(value: Any, keep: Keep) -> float:
    number = _unwrap(value)
    if not _is_number(number):
        raise ModelError(f"{_show(value)}; a number is needed.")
    try:
        number = float(number)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ModelError(f"{number}; a finite number is needed.")
    return number


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _unwrap(value: Any) -> Any:
    """Return an array's values as plain Python, one that holds a single value as that value.

    NumPy arrays and scalars, pandas columns and tensors all have `tolist`.
    """
    if isinstance(value, (str, bool, int, list, tuple, dict)) and type(value).__module__ == "builtins":
        return value
    if not hasattr(value, "tolist"):
        return value
    plain = value.tolist()
    while isinstance(plain, list) and len(plain) == 1:
        plain = plain[0]
    return plain


# Texts, JSON, tables


def _read_text(value: Any, keep: Keep) -> str:
    value = _unwrap(value)
    if not isinstance(value, str):
        raise ModelError(f"{_show(value)}; a text is needed.")
    return _check_text(str(value))


def _check_text(text: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        raise ModelError(f"{len(text):,} characters; at most {_MOST_CHARACTERS:,} are recorded.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ModelError(
            f"a text with half a character at position {error.start}, which UTF-8 cannot write."
        ) from None
    return text


def _read_json(value: Any, keep: Keep) -> JsonValue:
    try:
        return _Plain().copy(value, 0)
    except _NotPlainError:
        raise ModelError(f"{_show(value)}; a JSON value is needed.") from None


class _NotPlainError(Exception):
    """A value that JSON does not hold."""


class _Plain:
    """Copies a value into plain JSON values, and gives up on one that is too large."""

    def __init__(self) -> None:
        self._parts = 0

    def copy(self, value: Any, depth: int) -> JsonValue:
        """Return the value, found `depth` containers down; raises `ModelError`, or `_NotPlainError`."""
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise ModelError(f"more than {_MOST_PARTS:,} values; fewer are needed.")
        if hasattr(value, "tolist"):
            value = value.tolist()
        if value is None or isinstance(value, (bool, str, int, float)):
            return self._copy_scalar(value)
        if depth > _DEEPEST:
            raise ModelError(f"values nested more than {_DEEPEST} deep, or holding themselves.")
        if isinstance(value, Mapping):
            return {self._copy_key(key): self.copy(each, depth + 1) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.copy(each, depth + 1) for each in value]
        raise _NotPlainError

    @staticmethod
    def _copy_scalar(value: Any) -> JsonValue:
        if isinstance(value, str):
            return _check_text(str(value))
        if isinstance(value, float) and not math.isfinite(value):
            raise _NotPlainError
        return value

    @staticmethod
    def _copy_key(key: Any) -> str:
        if not isinstance(key, str):
            raise ModelError(f"a dict with the key {_show(key)}; keys must be texts.")
        return _check_text(str(key))


def _check_length(stored: JsonValue) -> None:
    """Raise when the stored form is longer than what is recorded, or holds a number too long to write."""
    try:
        length = len(json.dumps(stored, ensure_ascii=False))
    except ValueError:
        raise ModelError("a number with thousands of digits, which cannot be recorded.") from None
    if length > _MOST_CHARACTERS:
        raise ModelError(f"{length:,} characters; at most {_MOST_CHARACTERS:,} are recorded.")


def _read_table(value: Any, keep: Keep) -> JsonValue:
    if (split := split_table(value)) is None:
        raise ModelError(f"{_show(value)}; {_TABLE_NEEDED}.")
    columns, rows = split
    names = [_read_column(each) for each in columns]
    for row in rows:
        if len(row) != len(names):
            raise ModelError(f"a row with {len(row)} cells in a table with {len(names)} columns.")
    plain = _Plain()
    try:
        return {"columns": names, "rows": [[_read_cell(plain, each) for each in row] for row in rows]}
    except _NotPlainError:
        raise ModelError("a table with a cell that is no text, number, yes or no, or date.") from None


_TABLE_NEEDED = 'a table is needed: a DataFrame, a list of dicts, or {"columns": …, "rows": …}'


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _read_column(name: Any) -> str:
    if not isinstance(name, (str, int)):
        raise ModelError(f"a table with a column {_show(name)}; its name must be a text.")
    return _check_text(str(name))


def _read_cell(plain: _Plain, cell: Any) -> JsonValue:
    # pandas' missing time is a date that does not equal itself.
    is_date = isinstance(cell, date) and cell == cell
    stored = cell.isoformat() if is_date else plain.copy(cell, 0)
    if isinstance(stored, (dict, list)):
        raise _NotPlainError
    return stored


def _read_highlights(value: Any, keep: Keep) -> JsonValue:
    pieces = _unwrap(value)
    if not _is_list(pieces) or not all(_is_list(each) and len(each) == 2 for each in pieces):
        raise ModelError(f"{_show(value)}; a list of pairs of a text and its label, or None, is needed.")
    return [[_read_text(text, keep), _read_mark(_unwrap(mark))] for text, mark in pieces]


def _read_mark(mark: Any) -> JsonValue:
    if mark is None:
        return None
    if isinstance(mark, str):
        return _check_text(str(mark))
    if _is_number(mark) and math.isfinite(mark):
        return float(mark)
    raise ModelError(f"a piece marked {_show(mark)}; a text, a finite number or None is needed.")


# Pictures and plots


def _read_picture(value: Any, keep: Keep) -> JsonValue:
    data = read_picture(_read_pixels(value) if hasattr(value, "__array__") else value)
    check_size(data, _PICTURE_BYTES)
    return keep_picture(data, keep)


def _read_pixels(value: Any) -> Any:
    """Return an array as bytes: numbers from 0 to 1, or to 255 when one is above 1, as bytes or fractions."""
    from PIL import Image

    if isinstance(value, Image.Image):
        return value
    import numpy as np

    pixels = np.asarray(value)
    if pixels.dtype.kind not in "fiu" or pixels.dtype == np.uint8 or not pixels.size:
        return pixels
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 255:
        raise ModelError("an array with values that are no pixels; 0 to 1 or 0 to 255 is needed.")
    is_share = pixels.dtype.kind == "f" and pixels.max() <= 1
    return np.rint(pixels * 255 if is_share else pixels).astype(np.uint8)


def _read_plot(value: Any, keep: Keep) -> JsonValue:
    """Return a Plotly figure as its JSON, or a Matplotlib one as a picture."""
    if hasattr(value, "savefig"):
        buffer = io.BytesIO()
        value.savefig(buffer, format="png")
        return keep_picture(buffer.getvalue(), keep)
    figure = json.loads(value.to_json()) if hasattr(value, "to_plotly_json") else value
    if not isinstance(figure, Mapping) or not _is_list(figure.get("data")):
        raise ModelError(f"{_show(value)}; a Plotly or Matplotlib figure is needed.")
    parts = {name: figure[name] for name in ("data", "layout", "frames") if name in figure}
    return {"plotly": _read_json(parts, keep)}


OUTPUTS: dict[str, Callable[[Any, Keep], JsonValue]] = {
    "label": lambda value, keep: _read_label((), value),
    "text": _read_text,
    "number": _read_number,
    "table": _read_table,
    "image": _read_picture,
    "plot": _read_plot,
    "json": _read_json,
    "highlighted_text": _read_highlights,
}
"""Output component of `reviewer.toml` → how what a model returned becomes its stored form."""

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 80


def _show(value: Any) -> str:
    """Return a value as Python writes it, cut, on one line; a class that fails to say is named."""
    return " ".join(_SHOWN.repr(value).split())[:120]
