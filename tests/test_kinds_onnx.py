"""ONNX models: how inputs find their places, what is an answer and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from reviewer.config import ModelSpec
from reviewer.errors import ModelError
from reviewer.log.media import MediaStore
from reviewer.models.kinds import Answer, load_predictor

POINTS, RIGHT = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], ["no", "yes", "no", "yes"]
TWO = {"x": "number", "y": "number"}
CLASSIFIER = LogisticRegression().fit(POINTS, RIGHT)


def make_spec(task: str = "tabular-classification", **given: Any) -> ModelSpec:
    fields: dict[str, Any] = {"name": "model", "task": task, "kind": "onnx", "inputs": TWO}
    if task.endswith("-classification"):
        fields["labels"] = ["no", "yes"]
    return ModelSpec.model_validate(fields | given)


def answer(spec: ModelSpec, model: Any, folder: Path, *examples: dict[str, Any]) -> list[Answer]:
    path = folder / "model.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return load_predictor(spec, path)(examples, MediaStore(folder / "media").save)


def convert(figure: Any, types: Any, **options: Any) -> Any:
    return to_onnx(figure, initial_types=types, options={id(figure): options} if options else None)


def build(
    inputs: dict[str, tuple[int, Sequence[int | None]]],
    outputs: dict[str, int],
    *nodes: Any,
    constants: dict[str, Any] | None = None,
    metadata: dict[str, str] | None = None,
) -> Any:
    """Return a model of ONNX; inputs are name → type and shape, outputs name → type."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [onnx.numpy_helper.from_array(np.array(value), name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    return model


def echo(shape: Sequence[int | None], kind: int = TensorProto.FLOAT, **given: Any) -> Any:
    """Return a model that answers its input."""
    return build({"in": (kind, shape)}, {"out": kind}, helper.make_node("Identity", ["in"], ["out"]), **given)


# Labels


@pytest.mark.parametrize("zipmap", [True, False], ids=["map", "matrix"])
def test_probabilities_come_as_a_map_or_as_a_matrix(tmp_path: Path, zipmap: bool) -> None:
    model = convert(CLASSIFIER, [("X", FloatTensorType([None, 2]))], zipmap=zipmap)
    (found,) = answer(make_spec(), model, tmp_path, {"x": 1.0, "y": 0.5})
    assert found.label == "yes"
    assert found.scores is not None
    assert found.scores["yes"] == pytest.approx(CLASSIFIER.predict_proba([[1.0, 0.5]])[0][1], abs=1e-6)


def test_a_matrix_in_another_order_than_the_labels_is_noticed(tmp_path: Path) -> None:
    model = convert(CLASSIFIER, [("X", FloatTensorType([None, 2]))], zipmap=False)
    with pytest.raises(ModelError, match="list labels in the order of the model's columns"):
        answer(make_spec(labels=["yes", "no"]), model, tmp_path, {"x": 1.0, "y": 0.5})


def test_a_map_may_be_in_another_order_than_the_labels(tmp_path: Path) -> None:
    model = convert(CLASSIFIER, [("X", FloatTensorType([None, 2]))])
    (found,) = answer(make_spec(labels=["yes", "no"]), model, tmp_path, {"x": 1.0, "y": 0.5})
    assert found.label == "yes"


def test_labels_that_are_numbers_are_labels_as_text(tmp_path: Path) -> None:
    figure = LogisticRegression().fit(POINTS, [0, 1, 0, 1])
    model = convert(figure, [("X", FloatTensorType([None, 2]))])
    (found,) = answer(make_spec(labels=["0", "1"]), model, tmp_path, {"x": 1.0, "y": 0.5})
    assert found.label == "1"


def test_a_label_alone_is_an_answer(tmp_path: Path) -> None:
    spec = make_spec(inputs={"word": "textbox"})
    found = answer(spec, echo([None], TensorProto.STRING), tmp_path, {"word": "yes"}, {"word": "no"})
    assert found == [Answer(label="yes"), Answer(label="no")]
    with pytest.raises(ModelError, match="the label 'maybe', which is none of its labels"):
        answer(spec, echo([None], TensorProto.STRING), tmp_path, {"word": "maybe"})


def test_raw_scores_are_refused_and_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no probabilities, such as \[2\.5, -1\.0\]; let the model end in"):
        answer(make_spec(), echo([None, 2]), tmp_path, {"x": 2.5, "y": -1.0})


def test_an_output_that_holds_no_labels_is_said(tmp_path: Path) -> None:
    spec = make_spec(labels=["a", "b", "c"])
    with pytest.raises(ModelError, match="gives out, in which one matrix with a column for each of the 3"):
        answer(spec, echo([None, 2]), tmp_path, {"x": 0.5, "y": 0.5})


# Inputs


def test_columns_of_their_own_are_found_by_name_whatever_their_order_case_and_signs(tmp_path: Path) -> None:
    model = build(
        {"The Y": (TensorProto.FLOAT, [None, 1]), "X": (TensorProto.FLOAT, [None, 1])},
        {"value": TensorProto.FLOAT},
        helper.make_node("Sub", ["X", "The Y"], ["value"]),
    )
    spec = make_spec("tabular-regression", inputs={"x": "number"} | SLIDER)
    assert answer(spec, model, tmp_path, {"x": 5.0, "the_y": 2.0}) == [Answer(value=3.0)]


SLIDER = {"the_y": {"component": "slider", "minimum": 0, "maximum": 9}}


def test_texts_numbers_and_choices_each_have_their_type(tmp_path: Path) -> None:
    figure = make_pipeline(
        make_column_transformer((OneHotEncoder(), [0]), remainder="passthrough"), LogisticRegression()
    ).fit(np.array([["red", 0.0], ["blue", 1.0], ["red", 2.0], ["blue", 3.0]], dtype=object), RIGHT)
    types = [("colour", StringTensorType([None, 1])), ("size", FloatTensorType([None, 1]))]
    spec = make_spec(inputs={"size": "number", "colour": {"component": "radio", "choices": ["red", "blue"]}})
    (found,) = answer(spec, convert(figure, types), tmp_path, {"size": 3.0, "colour": "blue"})
    assert found.label == "yes"


def test_a_text_is_an_input_of_its_own(tmp_path: Path) -> None:
    texts = ["money back", "refund me", "cannot sign in", "login fails"]
    figure = make_pipeline(TfidfVectorizer(lowercase=False), LogisticRegression(C=10))
    figure.fit(texts, ["yes", "yes", "no", "no"])
    spec = make_spec("text-classification", inputs={"text": "textbox"})
    model = to_onnx(figure, initial_types=[("text", StringTensorType([None]))])
    found = answer(spec, model, tmp_path, {"text": "refund"}, {"text": "login"})
    assert [each.label for each in found] == ["yes", "no"]


def test_whole_numbers_are_taken_exactly_or_not_at_all(tmp_path: Path) -> None:
    spec = make_spec("tabular-regression", inputs={"x": "number"})
    model = echo([None, 1], TensorProto.INT64)
    assert answer(spec, model, tmp_path, {"x": 3.0}) == [Answer(value=3.0)]
    for odd in (2.5, 1e300):
        with pytest.raises(ModelError, match="in takes whole numbers up to"):
            answer(spec, model, tmp_path, {"x": odd})


def test_yes_and_no_are_taken_as_such(tmp_path: Path) -> None:
    spec = make_spec("generic", inputs={"x": "checkbox"})
    assert answer(spec, echo([None], TensorProto.BOOL), tmp_path, {"x": True}) == [Answer(output=True)]


def test_an_empty_number_is_nan(tmp_path: Path) -> None:
    optional = {"component": "number", "required": False}
    is_nan = build(
        {"x": (TensorProto.FLOAT, [None])},
        {"out": TensorProto.BOOL},
        helper.make_node("IsNaN", ["x"], ["out"]),
    )
    spec = make_spec("generic", inputs={"x": optional})
    assert answer(spec, is_nan, tmp_path, {"x": None}, {"x": 1.0}) == [
        Answer(output=True),
        Answer(output=False),
    ]


def test_an_empty_text_is_refused(tmp_path: Path) -> None:
    spec = make_spec("generic", inputs={"word": {"component": "textbox", "required": False}})
    with pytest.raises(ModelError, match="word is empty, and the model takes no empty value there"):
        answer(spec, echo([None], TensorProto.STRING), tmp_path, {"word": None})


@pytest.mark.parametrize(
    ("inputs", "model", "sentence"),
    [
        ({"x": "number"}, echo([None, 2]), r", 2\], but the config declares 1 inputs for it \(x\)"),
        (TWO, echo([None]), "but the config declares 2 inputs"),
        (TWO, echo([None, 2, 2]), "but the config declares 2 inputs"),
        (TWO, echo([7, 2]), "the first dimension, the number of examples, must be free or 1"),
        (TWO, echo([None, 2], TensorProto.BFLOAT16), r"takes tensor\(bfloat16\) as in, which cannot be"),
        ({"x": "date"}, echo([None, 1]), r"takes no input of the component 'date' \(x\)"),
        ({"x": "image", "y": "number"}, echo([None, 2]), "numbers and texts need a column each"),
        ({"x": "image"}, echo([None, 4, 8, 8]), "pictures of the mode 'RGB' have 3 channels"),
        ({"x": "image"}, echo([None, 8, 8]), "pictures of the mode 'RGB' have 3 channels"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_said_when_the_model_is_loaded(
    tmp_path: Path, inputs: dict[str, Any], model: Any, sentence: str
) -> None:
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=sentence):
        load_predictor(make_spec("generic", inputs=inputs), tmp_path / "model.onnx")


def test_inputs_of_other_names_are_listed_with_those_of_the_config(tmp_path: Path) -> None:
    model = build(
        {"a": (TensorProto.FLOAT, [None, 1]), "b": (TensorProto.FLOAT, [None, 1])},
        {"value": TensorProto.FLOAT},
        helper.make_node("Sub", ["a", "b"], ["value"]),
    )
    with pytest.raises(ModelError, match="takes a, b, but the config declares the inputs x, y; give them"):
        answer(make_spec("tabular-regression"), model, tmp_path, {"x": 1.0, "y": 1.0})


def test_a_text_in_the_place_of_a_number_is_a_failure(tmp_path: Path) -> None:
    spec = make_spec("generic", inputs={"x": "textbox"})
    with pytest.raises(ModelError, match="in takes numbers, but x hold texts"):
        answer(spec, echo([None, 1]), tmp_path, {"x": "5"})
    with pytest.raises(ModelError, match="in takes texts, but x hold other values"):
        answer(
            make_spec("generic", inputs={"x": "number"}),
            echo([None, 1], TensorProto.STRING),
            tmp_path,
            {"x": 5.0},
        )


# Pictures

PIXELS = np.arange(12, dtype=np.float64).reshape(2, 2, 3) * 20


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ([None, 3, 2, 2], PIXELS.transpose(2, 0, 1)),
        ([None, 2, 2, 3], PIXELS),
        ([None, None, None, None], PIXELS.transpose(2, 0, 1)),
        ([1, 3, None, None], PIXELS.transpose(2, 0, 1)),
        ([None, 12], PIXELS.ravel()),
    ],
)
def test_pictures_are_laid_out_as_the_file_declares(tmp_path: Path, shape: Any, wanted: Any) -> None:
    spec = make_spec("generic", inputs={"picture": "image"})
    found = answer(spec, echo(shape), tmp_path, {"picture": PIXELS})
    np.testing.assert_allclose(found[0].output, wanted)


@pytest.mark.parametrize("shape", [[None, 1, 2, 2], [None, 2, 2, 1], [None, 2, 2]])
def test_gray_pictures_have_one_channel_or_none(tmp_path: Path, shape: Any) -> None:
    spec = make_spec("generic", inputs={"picture": {"component": "image", "mode": "L"}})
    found = answer(spec, echo(shape), tmp_path, {"picture": PIXELS[..., 0]})
    np.testing.assert_allclose(np.ravel(found[0].output), np.ravel(PIXELS[..., 0]))


@pytest.mark.parametrize(
    ("metadata", "wanted"),
    [
        ({}, PIXELS),
        ({"Image.NominalPixelRange": "NominalRange_0_255"}, PIXELS),
        ({"Image.NominalPixelRange": "Normalized_0_1"}, PIXELS / 255),
        ({"Image.NominalPixelRange": "Normalized_1_1"}, PIXELS / 127.5 - 1),
        ({"Image.BitmapPixelFormat": "Bgr8"}, PIXELS[..., ::-1]),
    ],
)
def test_pixels_are_scaled_as_the_files_metadata_say(tmp_path: Path, metadata: Any, wanted: Any) -> None:
    spec = make_spec("generic", inputs={"picture": "image"})
    (found,) = answer(spec, echo([None, 2, 2, 3], metadata=metadata), tmp_path, {"picture": PIXELS})
    np.testing.assert_allclose(found.output, wanted, rtol=1e-6)


def test_pictures_of_any_size_go_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(echo([None, 3, None, None]).SerializeToString())
    free = make_spec("generic", inputs={"picture": "image"})
    assert load_predictor(free, tmp_path / "model.onnx").call_size == 1
    fixed = make_spec("generic", inputs={"picture": {"component": "image", "width": 2, "height": 2}})
    assert load_predictor(fixed, tmp_path / "model.onnx").call_size == 1000


def test_a_file_that_takes_one_example_at_a_time_gets_one(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(echo([1, 2]).SerializeToString())
    assert load_predictor(make_spec("generic"), tmp_path / "model.onnx").call_size == 1


# Outputs

SEVERAL = build(
    {"in": (TensorProto.FLOAT, [None, 2])},
    {"Total": TensorProto.FLOAT, "Both": TensorProto.FLOAT},
    helper.make_node("ReduceSum", ["in", "axes"], ["Total"], keepdims=1),
    helper.make_node("Identity", ["in"], ["Both"]),
    constants={"axes": [1]},
)


def test_several_outputs_are_found_by_name(tmp_path: Path) -> None:
    spec = make_spec("generic", outputs={"both": "json", "total": "number"})
    (found,) = answer(spec, SEVERAL, tmp_path, {"x": 1.0, "y": 2.0})
    assert found == Answer(value=3.0, output={"both": [1.0, 2.0]})


def test_one_of_several_outputs_is_found_by_name(tmp_path: Path) -> None:
    spec = make_spec("generic", outputs={"both": "json"})
    assert answer(spec, SEVERAL, tmp_path, {"x": 1.0, "y": 2.0}) == [Answer(output=[1.0, 2.0])]
    with pytest.raises(ModelError, match="gives Total, Both, but the config declares the output 'other'"):
        answer(make_spec("generic", outputs={"other": "json"}), SEVERAL, tmp_path, {"x": 1.0, "y": 2.0})


def test_a_picture_that_a_model_gives_is_kept(tmp_path: Path) -> None:
    spec = make_spec("generic", inputs={"picture": "image"}, outputs={"out": "image"})
    (found,) = answer(spec, echo([None, 2, 2, 3]), tmp_path, {"picture": PIXELS})
    assert MediaStore(tmp_path / "media").find(found.output["media"])


# Files


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x08\x08\x12", b"PK\x03\x04" * 100], ids=str)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx is no readable model file \(") as caught:
        answer(make_spec(), data, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_with_operators_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("RunShell", ["in"], ["out"], domain="evil.example")
    model = build({"in": (TensorProto.FLOAT, [None, 2])}, {"out": TensorProto.FLOAT}, node)
    model.opset_import.append(helper.make_opsetid("evil.example", 1))
    with pytest.raises(ModelError, match="is no readable model file"):
        answer(make_spec(), model, tmp_path)


@pytest.mark.parametrize("place", ["../secret.bin", "{folder}/secret.bin", "inside/link.bin", "gone.bin"])
def test_no_file_outside_of_the_versions_folder_is_read(tmp_path: Path, place: str) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.arange(4, dtype=np.float32).tobytes())
    folder = tmp_path / "version"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside/link.bin").symlink_to(secret)
    model = build(
        {"in": (TensorProto.FLOAT, [None, 2])},
        {"out": TensorProto.FLOAT},
        helper.make_node("MatMul", ["in", "weights"], ["out"]),
    )
    weights = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[2, 2])
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=place.format(folder=tmp_path))
    model.graph.initializer.append(weights)
    with pytest.raises(ModelError, match=r"is no readable .* Save the model with its weights in the"):
        answer(make_spec(), model, folder)


def test_without_onnxruntime_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(echo([None, 2]).SerializeToString())
    code = f"""
import sys
from pathlib import Path
sys.modules["onnxruntime"] = None
from reviewer.config import ModelSpec
from reviewer.models.kinds import load_predictor
spec = ModelSpec.model_validate({make_spec("generic").model_dump(mode="json", exclude_defaults=True)!r})
try:
    load_predictor(spec, Path({str(tmp_path / "model.onnx")!r}))
except Exception as error:
    print(type(error).__name__, error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == (
        "ModelError model is an ONNX model, which needs onnxruntime: pip install 'flag-reviewer[onnx]'."
    )
