"""Model kinds: what a model file or function answers, and what is refused without trust."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from reviewer.config import Kind, ModelSpec
from reviewer.errors import ConfigError, ModelError, UntrustedModelError
from reviewer.models.kinds import KINDS, Answer, build_batch, load_predictor

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


def test_every_kind_of_the_config_can_be_loaded() -> None:
    assert set(KINDS) == set(Kind)


# scikit-learn


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


# Python functions

MODULE = """
import numpy as np

NUMBER = 5
LONG = "x" * 1000

def answer(text):
    return eval(text)

def spell(text, count):
    return text * int(count)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a module with functions to run, which only this test can import."""
    name = f"functions_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def answer_python(module: str, text: str, task: str = "text-classification") -> Answer:
    """Return what a function answers that returns the value of the Python text."""
    spec = make_spec(task, kind="python", path=f"{module}:answer", trusted=True)
    (found,) = answer(spec, Path(), {"text": text})
    return found


def test_a_function_is_not_imported_without_trust(tmp_path: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text("raise SystemExit('was run')", encoding="utf-8")
    spec = make_spec(kind="python", path=f"{module}:answer")
    with pytest.raises(UntrustedModelError, match=rf"{module}:answer'; if you trust it, set trusted = true"):
        load_predictor(spec, Path())


def test_a_function_gets_the_inputs_by_name_one_example_at_a_time(module: str) -> None:
    spec = make_spec(
        "text-generation", kind="python", path=f"{module}:spell", trusted=True,
        inputs={"count": "number", "text": "textbox"},
    )  # fmt: skip
    found = answer(spec, Path(), {"text": "a", "count": 2.0}, {"text": "b", "count": 3.0})
    assert found == [Answer(output="aa"), Answer(output="bbb")]


@pytest.mark.parametrize(
    ("task", "text", "wanted"),
    [
        ("text-classification", "'login'", Answer(label="login")),
        ("text-classification", "np.str_('login')", Answer(label="login")),
        (
            "text-classification",
            "{'login': 0.25, 'refund': 0.75}",
            Answer(label="refund", confidence=0.75, scores={"refund": 0.75, "login": 0.25}),
        ),
        (
            "text-classification",
            "{'login': np.float32(1.0000001)}",
            Answer(label="login", confidence=1.0, scores={"login": 1.0}),
        ),
        ("tabular-regression", "2", Answer(value=2.0)),
        ("tabular-regression", "np.float32(0.5)", Answer(value=0.5)),
        ("tabular-regression", "np.array([0.5])", Answer(value=0.5)),
        ("text-generation", "'42'", Answer(output="42")),
        ("text-generation", "'nan'", Answer(output="nan")),
        ("text-generation", "''", Answer(output="")),
        ("generic", "{'a': [1, None, (2,)]}", Answer(output={"a": [1, None, [2]]})),
        ("generic", "True", Answer(output=True)),
        ("generic", "7", Answer(value=7.0)),
    ],
)
def test_what_a_function_returns_is_an_answer_of_its_task(
    module: str, task: str, text: str, wanted: Answer
) -> None:
    assert answer_python(module, text, task) == wanted


@pytest.mark.parametrize(
    ("task", "text", "sentence"),
    [
        ("text-classification", "{}", "an empty dict; give label → probability"),
        ("text-classification", "None", "the label 'None', which is none of its labels"),
        ("text-classification", "'spam'", "the label 'spam', which is none of its labels"),
        ("text-classification", "{'spam': 1.0}", "the label 'spam', which is none of its labels"),
        ("text-classification", "{'login': 3.2}", "probabilities from 0 to 1 are needed"),
        ("text-classification", "{'login': -0.1}", "probabilities from 0 to 1 are needed"),
        ("text-classification", "{'login': float('nan')}", "probabilities from 0 to 1 are needed"),
        ("tabular-regression", "'5'", "'5'; a number is needed"),
        ("tabular-regression", "True", "True; a number is needed"),
        ("tabular-regression", "float('inf')", "inf; a finite number is needed"),
        ("tabular-regression", "[1, 2]", "[1, 2]; a number is needed"),
        ("generic", "None", "None; a JSON value is needed"),
        ("generic", "object", "<class 'object'>; a JSON value is needed"),
        ("generic", "{'a': float('nan')}", "{'a': nan}; a JSON value is needed"),
        ("generic", "np.zeros(3)", "array([0., 0., 0.]); a JSON value is needed"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failure_in_a_sentence(
    module: str, task: str, text: str, sentence: str
) -> None:
    with pytest.raises(ModelError) as caught:
        answer_python(module, text, task)
    assert str(caught.value).startswith("model answered ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("", "cannot be imported"),
        ("{module}", "cannot be imported"),
        ("{module}:", "cannot be imported"),
        ("{module}:missing", "AttributeError"),
        ("no_such_module:answer", "No module named 'no_such_module'"),
        (".relative:answer", "cannot be imported"),
        ("{module}:NUMBER", "is no function"),
    ],
)
def test_a_path_to_no_function_is_a_mistake_in_the_config(module: str, path: str, sentence: str) -> None:
    spec = make_spec(kind="python", path=path.format(module=module), trusted=True)
    with pytest.raises(ConfigError, match=sentence):
        load_predictor(spec, Path())


@pytest.mark.parametrize("text", ["def answer(:", "1 / 0", "raise KeyError('x')"])
def test_a_module_that_fails_while_it_is_imported_is_named(tmp_path: Path, module: str, text: str) -> None:
    (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
    spec = make_spec(kind="python", path=f"{module}:answer", trusted=True)
    with pytest.raises(ConfigError, match=rf"'{module}:answer', which cannot be imported \(\w+Error: "):
        load_predictor(spec, Path())
