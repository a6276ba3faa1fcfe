"""Models in ONNX files, run by onnxruntime on the CPU.

Inputs are matched by name, where case and signs do not count (`Sepal length` is `sepal_length`), or are
columns of the one matrix that the model takes, in the order of the config. Pictures are sent as they are
read, with values from 0 to 255, unless the file's metadata say otherwise in the way ONNX defines:
`Image.NominalPixelRange` may be `Normalized_0_1` or `Normalized_1_1`, `Image.BitmapPixelFormat` may be
`Bgr8`. Four dimensions are examples, channels, height, width, or channels last, whichever fits.

A label comes as a text or whole number, as label → probability, or as a matrix with a column per label in
the order of the config. Such rows must be probabilities: raw scores (logits) are refused and never guessed
at; let the model end in Softmax. Other outputs are matched by name.

The rule: a file is only data. No library of operators is loaded from it, and onnxruntime reads no other
file outside the folder of the version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.config import ImageSpec, ModelSpec
from reviewer.errors import ModelError
from reviewer.log.media import Keep
from reviewer.models.kinds.arrays import read_labels, read_probabilities, read_rows, read_values
from reviewer.models.kinds.predictor import CALL_SIZE, Examples, Predictor, describe_error, simplify_name
from reviewer.models.outputs import Answer

if TYPE_CHECKING:
    import onnxruntime

_Filler = Callable[[Examples], Any]
"""Makes the array of one input of the file."""

_THREADS = 2
"""Threads of one call; several calls run at the same time."""

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint64)": "uint64",
    "tensor(uint32)": "uint32",
    "tensor(uint16)": "uint16",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}
"""Type of an input in the file → the array that it takes."""

_TAKEN = frozenset({"textbox", "number", "slider", "dropdown", "radio", "checkbox", "image", "sketch"})

_FRACTIONS = frozenset({"tensor(float)", "tensor(double)", "tensor(float16)"})

_RANGES = {"Normalized_0_1": (1 / 255, 0.0), "Normalized_1_1": (2 / 255, -1.0)}
"""`Image.NominalPixelRange` → factor and offset for values from 0 to 255."""

_TOLERANCE = 1e-3
"""How far probabilities in single precision may be from adding up to 1."""


def load(spec: ModelSpec, path: Path, workspace: Path) -> Predictor:
    """Return the model in the file as a predictor.

    Raises `ModelError` when onnxruntime is not installed, or the file is damaged, needs other files, or takes
    other inputs than the config declares.
    """
    session = _open_session(spec, path)
    found = session.get_inputs()
    fillers = _plan_inputs(spec, found, session.get_modelmeta().custom_metadata_map)
    names = [each.name for each in session.get_outputs()]

    def answer(examples: Examples, keep: Keep) -> list[Answer]:
        filled = {name: fill(examples) for name, fill in fillers.items()}
        return _read_outputs(spec, dict(zip(names, session.run(None, filled), strict=True)), keep)

    takes_one = any(each.shape[:1] == [1] for each in found) or _has_free_sizes(spec)
    return Predictor(answer, 1 if takes_one else CALL_SIZE)


def _open_session(spec: ModelSpec, path: Path) -> onnxruntime.InferenceSession:
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(
            f"{spec.name} is an ONNX model, which needs onnxruntime: pip install 'flag-reviewer[onnx]'."
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised as well
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime raises many kinds of errors on files that are no models.
        hint = " Save the model with its weights in the same file." if "xternal data" in str(error) else ""
        raise ModelError(f"{path} is no readable model file ({describe_error(error)}).{hint}") from error


# What goes in


def _plan_inputs(
    spec: ModelSpec, found: Sequence[onnxruntime.NodeArg], metadata: dict[str, str]
) -> dict[str, _Filler]:
    """Return how each input of the file is filled; raises `ModelError` when that cannot be."""
    for each in found:
        _check_type(spec, each)
    if len(found) == 1:
        return {found[0].name: _plan_input(spec, found[0], list(spec.inputs), metadata)}
    named = {simplify_name(each.name): each for each in found}
    if set(named) != set(spec.inputs) or len(named) != len(found):
        raise ModelError(
            f"The file of {spec.name} takes {_list_names(found)}, but the config declares the inputs"
            f" {', '.join(spec.inputs)}; give them the same names."
        )
    return {each.name: _plan_input(spec, each, [name], metadata) for name, each in named.items()}


def _check_type(spec: ModelSpec, found: onnxruntime.NodeArg) -> None:
    if found.type not in _TYPES or not found.shape:
        raise ModelError(
            f"The file of {spec.name} takes {found.type} as {found.name}, which cannot be given."
        )
    if isinstance(found.shape[0], int) and found.shape[0] != 1:
        raise ModelError(
            f"The file of {spec.name} takes {found.name} in the shape {found.shape}; the first dimension, the"
            " number of examples, must be free or 1."
        )


def _plan_input(
    spec: ModelSpec, found: onnxruntime.NodeArg, names: list[str], metadata: dict[str, str]
) -> _Filler:
    if other := [name for name in names if spec.inputs[name].component not in _TAKEN]:
        component = spec.inputs[other[0]].component
        raise ModelError(f"An ONNX model takes no input of the component {component!r} ({other[0]}).")
    picture = spec.inputs[names[0]]
    if len(names) == 1 and isinstance(picture, ImageSpec):
        scale = _plan_scale(metadata)
        _check_channels(spec, picture, found)
        return lambda examples: _fill_pictures(found, [scale(_get(each, names[0])) for each in examples])
    _check_columns(spec, found, names)
    return lambda examples: _fill_columns(found, names, examples)


def _check_channels(spec: ModelSpec, picture: ImageSpec, found: onnxruntime.NodeArg) -> None:
    channels = 1 if picture.mode == "L" else 3
    fits = {2: True, 3: channels == 1}.get(len(found.shape), len(found.shape) == 4)
    if len(found.shape) == 4:
        fits = any(not isinstance(found.shape[at], int) or found.shape[at] == channels for at in (1, 3))
    if not fits:
        raise ModelError(
            f"The file of {spec.name} takes pictures in the shape {found.shape}, but pictures of the mode"
            f" {picture.mode!r} have {channels} channels; set mode to L or RGB to fit."
        )


def _check_columns(spec: ModelSpec, found: onnxruntime.NodeArg, names: list[str]) -> None:
    columns = found.shape[1] if len(found.shape) == 2 else 1 if len(found.shape) == 1 else 0
    has_picture = any(isinstance(spec.inputs[name], ImageSpec) for name in names)
    if has_picture or (isinstance(columns, int) and columns != len(names)):
        raise ModelError(
            f"The file of {spec.name} takes {found.name} in the shape {found.shape}, but the config declares"
            f" {len(names)} inputs for it ({', '.join(names)}); numbers and texts need a column each."
        )


def _plan_scale(metadata: dict[str, str]) -> Callable[[Any], Any]:
    """Return how a picture's values become what the file's metadata say."""
    factor, offset = _RANGES.get(metadata.get("Image.NominalPixelRange", ""), (1.0, 0.0))
    is_reversed = metadata.get("Image.BitmapPixelFormat") == "Bgr8"

    def scale(pixels: Any) -> Any:
        scaled = pixels * factor + offset
        return scaled[..., ::-1] if is_reversed and scaled.ndim == 3 else scaled

    return scale


def _has_free_sizes(spec: ModelSpec) -> bool:
    """Return whether pictures can differ in size, so that no two fit into one array."""
    return any(isinstance(each, ImageSpec) and each.width is None for each in spec.inputs.values())


def _fill_pictures(found: onnxruntime.NodeArg, pictures: list[Any]) -> Any:
    import numpy as np

    array = np.stack(pictures)
    if len(found.shape) == 2:
        array = array.reshape(len(pictures), -1)
    elif len(found.shape) == 4:
        array = array[..., np.newaxis] if array.ndim == 3 else array
        is_last = found.shape[3] == array.shape[3] and found.shape[1] != array.shape[3]
        array = array if is_last else array.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(_cast(found, array))


def _fill_columns(found: onnxruntime.NodeArg, names: list[str], examples: Examples) -> Any:
    import numpy as np

    rows = [[_get(example, name, found) for name in names] for example in examples]
    if found.type == "tensor(string)" and not all(isinstance(each, str) for row in rows for each in row):
        raise ModelError(f"{found.name} takes texts, but {', '.join(names)} hold other values.")
    if found.type != "tensor(string)" and any(isinstance(each, str) for row in rows for each in row):
        raise ModelError(f"{found.name} takes numbers, but {', '.join(names)} hold texts.")
    array = np.array(rows, dtype=object if found.type == "tensor(string)" else np.float64)
    return _cast(found, array if len(found.shape) == 2 else array[:, 0])


def _get(example: dict[str, Any], name: str, found: onnxruntime.NodeArg | None = None) -> Any:
    """Return an example's value; an empty one is NaN where fractions are taken."""
    if example[name] is not None:
        return example[name]
    if found is not None and found.type in _FRACTIONS:
        return float("nan")
    raise ModelError(f"{name} is empty, and the model takes no empty value there.")


def _cast(found: onnxruntime.NodeArg, array: Any) -> Any:
    """Return the array in the type that the file takes; raises `ModelError` instead of cutting fractions."""
    import numpy as np

    dtype = np.dtype(_TYPES[found.type])
    if dtype.kind not in "iu":
        return array.astype(dtype)
    whole = np.rint(array) if array.ndim > 2 else array
    if (whole != np.rint(whole)).any() or (abs(whole) > np.iinfo(dtype).max).any():
        raise ModelError(f"{found.name} takes whole numbers up to {np.iinfo(dtype).max}; one is none.")
    return whole.astype(dtype)


def _list_names(found: Sequence[onnxruntime.NodeArg]) -> str:
    return ", ".join(each.name for each in found)


# What comes out


def _read_outputs(spec: ModelSpec, found: dict[str, Any], keep: Keep) -> list[Answer]:
    components = [each.component for each in spec.answers.values()]
    if components == ["label"]:
        return _read_label(spec, found, keep)
    if len(components) == len(found) == 1:
        (values,) = found.values()
        return read_values(spec, values, keep) if components == ["number"] else read_rows(spec, values, keep)
    named = {simplify_name(name): values for name, values in found.items()}
    if missing := [name for name in spec.answers if name not in named]:
        raise ModelError(
            f"The file of {spec.name} gives {', '.join(found)}, but the config declares the output"
            f" {missing[0]!r}; give it the same name."
        )
    chosen = [named[name] for name in spec.answers]
    if len(components) == 1:
        return read_rows(spec, chosen[0], keep)
    return read_rows(
        spec, (dict(zip(spec.answers, row, strict=True)) for row in zip(*chosen, strict=True)), keep
    )


def _read_label(spec: ModelSpec, found: dict[str, Any], keep: Keep) -> list[Answer]:
    """Return the answers from probabilities if the file gives any, else from labels alone."""
    labels = next((each for each in found.values() if _is_labels(each)), None)
    maps = next((each for each in found.values() if isinstance(each, list)), None)
    if maps:
        names = list(maps[0])
        return read_probabilities(spec, names, [[each[name] for name in names] for each in maps], keep)
    matrices = {name: each for name, each in found.items() if _is_matrix(each, len(spec.labels))}
    if len(matrices) == 1:
        matrix = next(iter(matrices.values()))
        _check_probabilities(spec, matrix, labels)
        return read_probabilities(spec, spec.labels, matrix, keep)
    if labels is None or matrices:
        raise ModelError(
            f"The file of {spec.name} gives {', '.join(found)}, in which one matrix with a column for each of"
            f" the {len(spec.labels)} labels is needed, or a label."
        )
    return read_labels(spec, labels, keep)


def _is_labels(values: Any) -> bool:
    return not isinstance(values, list) and values.dtype.kind in "OUSi"


def _is_matrix(values: Any, columns: int) -> bool:
    return not isinstance(values, list) and values.dtype.kind == "f" and values.shape[1:] == (columns,)


def _check_probabilities(spec: ModelSpec, matrix: Any, labels: Any) -> None:
    """Raise when rows are no probabilities, or the best column of a row is not that of its label."""
    import numpy as np

    if not (abs(matrix.sum(axis=1, dtype=np.float64) - 1) <= _TOLERANCE).all() or not (matrix >= 0).all():
        raise ModelError(
            f"{spec.name} answered rows that are no probabilities, such as {matrix[0].tolist()[:5]};"
            " let the model end in Softmax."
        )
    if labels is None:
        return
    for said, row in zip(labels.ravel().tolist(), matrix, strict=True):
        position = spec.labels.index(str(said)) if str(said) in spec.labels else None
        if position is None or row[position] < row.max():
            raise ModelError(
                f"{spec.name} answered the label {str(said)[:80]!r}, but its highest probability is in the"
                " column of another; list labels in the order of the model's columns."
            )
