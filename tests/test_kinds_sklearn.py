"""Models of scikit-learn: what an estimator's file answers, and what is refused without trust."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from reviewer.config import ModelSpec
from reviewer.errors import ModelError, UntrustedModelError
from reviewer.models.kinds import Answer, build_batch, load_predictor

TEXTS, LABELS = (
    ["money back", "refund me", "cannot sign in", "login fails"],
    ["refund", "refund", "login", "login"],
)


def make_spec(task: str = "text-classification", **given: Any) -> ModelSpec:
    fields: dict[str, Any] = {"name": "model", "task": task, "inputs": {"text": "textbox"}}
    if task.endswith("-classification"):
        fields["labels"] = ["login", "refund"]
    return ModelSpec.model_validate(fields | given)


def save(estimator: Any, folder: Path) -> Path:
    path = folder / "model.skops"
    skops.io.dump(estimator, path)
    return path


def answer(spec: ModelSpec, path: Path, *examples: dict[str, Any]) -> list[Answer]:
    return load_predictor(spec, path)(examples)


def test_a_classifier_with_probabilities_answers_with_every_score(tmp_path: Path) -> None:
    path = save(make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(TEXTS, LABELS), tmp_path)
    first, second = answer(make_spec(), path, {"text": "refund"}, {"text": "login"})
    assert (first.label, second.label) == ("refund", "login")
    assert first.scores is not None
    assert list(first.scores) == ["refund", "login"]
    assert first.confidence == max(first.scores.values()) > 0.5
    assert sum(first.scores.values()) == pytest.approx(1)


def test_a_classifier_without_probabilities_answers_with_a_label_alone(tmp_path: Path) -> None:
    path = save(make_pipeline(TfidfVectorizer(), LinearSVC()).fit(TEXTS, LABELS), tmp_path)
    assert answer(make_spec(), path, {"text": "refund"}) == [Answer(label="refund")]


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC()], ids=["scores", "plain"])
def test_classes_that_are_numbers_are_labels_as_text(tmp_path: Path, estimator: Any) -> None:
    spec = make_spec("tabular-classification", inputs={"x": "number"}, labels=["0", "1"])
    path = save(estimator.fit(build_batch(spec, [{"x": -1.0}, {"x": 1.0}]), [0, 1]), tmp_path)
    assert [each.label for each in answer(spec, path, {"x": -2.0}, {"x": 2.0})] == ["0", "1"]


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC()], ids=["scores", "plain"])
def test_a_label_that_the_config_does_not_know_is_a_failure_that_names_the_known_ones(
    tmp_path: Path, estimator: Any
) -> None:
    path = save(make_pipeline(TfidfVectorizer(), estimator).fit(TEXTS, ["a", "a", "b", "b"]), tmp_path)
    with pytest.raises(
        ModelError, match=r"answered the label '[ab]', which is none of its labels \(login, refund\)"
    ):
        answer(make_spec(), path, {"text": "refund"})


@pytest.mark.parametrize("shape", ["flat", "column"])
def test_a_regression_answers_with_a_value(tmp_path: Path, shape: str) -> None:
    spec = make_spec("tabular-regression", inputs={"x": "number"})
    right = np.array([1.0, 3.0])
    batch = build_batch(spec, [{"x": 0.0}, {"x": 1.0}])
    path = save(LinearRegression().fit(batch, right if shape == "flat" else right[:, None]), tmp_path)
    (found,) = answer(spec, path, {"x": 2.0})
    assert found.value == pytest.approx(5.0)


def test_a_regression_that_answers_no_number_is_a_failure(tmp_path: Path) -> None:
    spec = make_spec("tabular-regression", inputs={"x": "number"})
    estimator = LinearRegression().fit(build_batch(spec, [{"x": 0.0}, {"x": 1.0}]), [1.0, 2.0])
    estimator.coef_[:] = np.nan
    with pytest.raises(ModelError, match="model answered nan; a finite number is needed"):
        answer(spec, save(estimator, tmp_path), {"x": 0.0})


def test_a_classifier_behind_a_regression_is_a_failure(tmp_path: Path) -> None:
    path = save(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS), tmp_path)
    with pytest.raises(ModelError, match=r"model answered .*refund.*; a number is needed"):
        answer(make_spec("tabular-regression"), path, {"text": "refund"})


def test_probabilities_that_are_none_are_a_failure(tmp_path: Path) -> None:
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    pipeline[-1].coef_[:] = np.nan
    with pytest.raises(ModelError, match=r"model answered .*nan.*; probabilities from 0 to 1 are needed"):
        answer(make_spec(), save(pipeline, tmp_path), {"text": "refund"})


def test_one_textbox_is_a_list_of_texts() -> None:
    assert build_batch(make_spec(), [{"text": "a"}, {"text": "b"}]) == ["a", "b"]


def test_one_image_is_an_array_of_examples_by_pixels() -> None:
    spec = make_spec(
        "generic", inputs={"image": {"component": "image", "width": 3, "height": 2, "mode": "L"}}
    )
    assert build_batch(spec, [{"image": np.zeros((2, 3))}] * 4).shape == (4, 6)


def test_several_inputs_are_a_frame_in_the_order_of_the_config() -> None:
    spec = make_spec("generic", inputs={"z": "number", "a": "textbox"})
    frame = build_batch(spec, [{"a": "x", "z": 1.0}, {"a": "y", "z": 2.0}])
    assert list(frame.columns) == ["z", "a"]
    assert frame["a"].tolist() == ["x", "y"]


# Files


def test_types_that_skops_does_not_know_are_refused_by_name_until_trusted(tmp_path: Path) -> None:
    path = save(make_pipeline(FunctionTransformer(os.path.normpath), LogisticRegression()), tmp_path)
    with pytest.raises(
        UntrustedModelError, match=r"posixpath\.normpath.*set trusted = true for models\.model"
    ):
        load_predictor(make_spec(), path)
    load_predictor(make_spec(trusted=True), path)


class _Malice:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("name", ["model.joblib", "model.pkl", "model"])
def test_a_pickle_is_not_run_without_trust(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(_Malice(tmp_path / "was run")))
    with pytest.raises(
        UntrustedModelError, match=r"can run any code .* Save the model with skops, or, if you trust"
    ):
        load_predictor(make_spec(), tmp_path / name)
    assert not (tmp_path / "was run").exists()


def test_a_pickle_that_is_named_like_a_skops_file_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(pickle.dumps(_Malice(tmp_path / "was run")))
    with pytest.raises(ModelError, match="is no readable model file"):
        load_predictor(make_spec(trusted=True), tmp_path / "model.skops")
    assert not (tmp_path / "was run").exists()


def test_a_trusted_joblib_file_is_loaded(tmp_path: Path) -> None:
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    joblib.dump(pipeline, tmp_path / "model.joblib")
    (found,) = answer(make_spec(trusted=True), tmp_path / "model.joblib", {"text": "refund"})
    assert found.label == "refund"


@pytest.mark.parametrize("name", ["model.skops", "model.joblib"])
@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"PK\x03\x04", None], ids=["empty", "garbage", "cut", "missing"]
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, name: str, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{name} is no readable model file \(.+\)\.$") as caught:
        load_predictor(make_spec(trusted=True), tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds dict, which is no scikit-learn model"):
        load_predictor(make_spec(), save({"a": 1}, tmp_path))


def test_a_skops_file_that_names_a_function_of_the_system_runs_nothing(tmp_path: Path) -> None:
    path = save(FunctionTransformer(os.path.normpath), tmp_path)
    with zipfile.ZipFile(path) as archive:
        schema = archive.read("schema.json").decode()
    schema = schema.replace('"posixpath"', '"os"').replace('"normpath"', '"system"')
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(UntrustedModelError, match=r"os\.system"):
        load_predictor(make_spec(), path)


# Columns and several outputs

NUMBERS = {"sepal_length_cm": "number", "age": "number"}


def make_frame(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame([[0.0, 5.0], [1.0, 5.0], [2.0, 9.0]], columns=names)


def test_columns_are_found_by_name_whatever_their_order_case_and_signs(tmp_path: Path) -> None:
    spec = make_spec("tabular-regression", inputs=NUMBERS)
    estimator = LinearRegression().fit(make_frame(["Age", "Sepal length (cm)"]), [1.0, 2.0, 3.0])
    (found,) = answer(spec, save(estimator, tmp_path), {"age": 1.0, "sepal_length_cm": 5.0})
    assert found.value == pytest.approx(2.0)


def test_an_estimator_fitted_on_an_array_gets_one_in_the_order_of_the_config(tmp_path: Path) -> None:
    spec = make_spec("tabular-regression", inputs={"z": "number", "a": "number"})
    estimator = LinearRegression().fit([[0.0, 5.0], [1.0, 5.0], [2.0, 9.0]], [1.0, 2.0, 3.0])
    (found,) = answer(spec, save(estimator, tmp_path), {"a": 5.0, "z": 1.0})
    assert found.value == pytest.approx(2.0)


def test_columns_that_the_estimator_does_not_know_are_its_failure(tmp_path: Path) -> None:
    spec = make_spec("tabular-regression", inputs=NUMBERS)
    estimator = LinearRegression().fit(make_frame(["height", "age"]), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="feature names"):
        answer(spec, save(estimator, tmp_path), {"age": 1.0, "sepal_length_cm": 5.0})


def test_an_empty_number_is_missing_and_an_empty_text_is_empty() -> None:
    optional = {"component": "number", "required": False}
    frame = build_batch(make_spec("generic", inputs={"x": optional, "y": "number"}), [{"x": None, "y": 1.0}])
    assert frame["x"].dtype == np.float64
    assert np.isnan(frame["x"][0])
    assert build_batch(make_spec(), [{"text": None}]) == [""]


def test_an_empty_picture_is_a_failure_that_names_it() -> None:
    image = {"component": "image", "width": 3, "height": 2, "required": False}
    with pytest.raises(ModelError, match="image is empty"):
        build_batch(make_spec("generic", inputs={"image": image}), [{"image": None}])


def test_dates_tables_and_recordings_are_columns_too() -> None:
    table = {"component": "table", "columns": ["a"]}
    spec = make_spec(
        "generic", inputs={"day": "date", "many": table, "picture": "image", "sound": "audio"}, kind="python"
    )
    example = {
        "day": date(2026, 3, 1),
        "many": pd.DataFrame({"a": ["x"]}),
        "picture": np.zeros((2, 2, 3)),
        "sound": (8000, np.zeros(4, dtype=np.float32)),
    }
    frame = build_batch(spec, [example, example])
    assert frame["day"].tolist() == [pd.Timestamp("2026-03-01")] * 2
    assert frame["picture"][1].shape == (2, 2, 3)
    assert frame["sound"][0][0] == 8000
    assert frame["many"][0]["a"].tolist() == ["x"]


TWO_LABELS = {"first": "label", "second": "label"}


def test_an_estimator_with_several_outputs_gives_them_in_the_order_of_the_config(tmp_path: Path) -> None:
    spec = make_spec("tabular-classification", inputs={"x": "number"}, outputs=TWO_LABELS)
    right = [["login", "red"], ["refund", "blue"], ["refund", "red"]]
    estimator = MultiOutputClassifier(LogisticRegression()).fit([[0.0], [1.0], [2.0]], right)
    (found,) = answer(spec, save(estimator, tmp_path), {"x": 0.0})
    assert found.scores is not None
    assert set(found.scores) == {"login", "refund"}
    assert set(found.output) == {"second"}
    assert set(found.output["second"]) == {"red", "blue"}


def test_several_numbers_are_a_value_and_the_rest(tmp_path: Path) -> None:
    spec = make_spec(
        "tabular-regression", inputs={"x": "number"}, outputs={"low": "number", "high": "number"}
    )
    estimator = LinearRegression().fit([[0.0], [1.0]], [[0.0, 10.0], [1.0, 11.0]])
    (found,) = answer(spec, save(estimator, tmp_path), {"x": 2.0})
    assert found.value == pytest.approx(2.0)
    assert found.output == {"high": pytest.approx(12.0)}


def test_more_or_fewer_outputs_than_the_config_declares_are_counted(tmp_path: Path) -> None:
    spec = make_spec("tabular-regression", inputs={"x": "number"}, outputs={"a": "number", "b": "number"})
    path = save(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), tmp_path)
    with pytest.raises(ModelError, match=r"answers 1 values an example, .* declares 2 outputs \(a, b\)"):
        answer(spec, path, {"x": 1.0})
    spec = make_spec("tabular-classification", inputs={"x": "number"})
    several = MultiOutputClassifier(LogisticRegression()).fit(
        [[0.0], [1.0]], [["login", "a"], ["refund", "b"]]
    )
    with pytest.raises(ModelError, match="a model with several outputs needs as many in its config"):
        answer(spec, save(several, tmp_path), {"x": 1.0})


def test_classes_that_become_one_label_as_text_are_a_failure(tmp_path: Path) -> None:
    spec = make_spec("tabular-classification", inputs={"x": "number"}, labels=["1", "2"])
    estimator = LogisticRegression().fit([[0.0], [1.0]], [1, 2])
    estimator.classes_ = np.array([1, "1"], dtype=object)
    with pytest.raises(ModelError, match="the label '1' twice"):
        answer(spec, save(estimator, tmp_path), {"x": 1.0})
