"""The contract of model kinds: the same small models as files, code and endpoints answer the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
import skops.io
from endpoint import Reply, Request, as_json, run_endpoint
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression

from reviewer.config import Kind, ModelSpec
from reviewer.errors import ModelError
from reviewer.models.kinds import KINDS, Answer, find_source
from reviewer.models.versions import ModelVersions

POINTS = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
FIGURES = {
    "tabular-classification": LogisticRegression().fit(POINTS, ["no", "yes", "no", "yes"]),
    "tabular-regression": LinearRegression().fit(POINTS, [1.0, 3.0, 2.0, 4.0]),
}
EXAMPLES = [{"x": 1.0, "y": 0.0}, {"x": 0.0, "y": 1.0}, {"x": 0.25, "y": 0.5}]
RELEASE = threading.Event()
"""Ends what hangs."""


class Odd(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """An estimator that answers as its function does."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer

    def predict(self, batch: Any) -> Any:
        return self.answer()


def fail() -> None:
    raise ZeroDivisionError("nothing left")


def hang() -> None:
    RELEASE.wait()


def babble() -> list[object]:
    return [object()]


def make_spec(task: str, kind: str, **given: Any) -> ModelSpec:
    fields: dict[str, Any] = {
        "name": "model", "task": task, "kind": kind, "inputs": {"x": "number", "y": "number"},
    }  # fmt: skip
    if task == "tabular-classification":
        fields["labels"] = ["yes", "no"]
    return ModelSpec.model_validate(fields | given)


class Bench:
    """Makes models of every kind in one folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack

    def make(self, kind: str, task: str, **given: Any) -> ModelVersions:
        """Return the versions of a model that works."""
        given = getattr(self, f"_make_{kind}")(task) | given
        return ModelVersions(self.folder, make_spec(task, kind, **given))

    def break_model(self, kind: str, how: str, **given: Any) -> ModelVersions:
        """Return the versions of a regression that fails, hangs or answers nonsense."""
        given = getattr(self, f"_break_{kind}")(how) | given
        return ModelVersions(self.folder, make_spec("tabular-regression", kind, **given))

    def _make_sklearn(self, task: str) -> dict[str, Any]:
        skops.io.dump(FIGURES[task], self.folder / "model.skops")
        return {"path": "model.skops"}

    def _make_onnx(self, task: str) -> dict[str, Any]:
        self._save_onnx(to_onnx(FIGURES[task], initial_types=[("X", FloatTensorType([None, 2]))]))
        return {"path": "model.onnx"}

    def _make_python(self, task: str) -> dict[str, Any]:
        skops.io.dump(FIGURES[task], self.folder / "kept.skops")
        (self.folder / f"{self.folder.name}.py").write_text(PYTHON_MODEL, encoding="utf-8")
        return {"path": f"{self.folder.name}:Model", "trusted": True}

    def _make_http(self, task: str) -> dict[str, Any]:
        def respond(request: Request) -> Reply:
            rows = [[each["x"], each["y"]] for each in request.payload["instances"]]
            return as_json({"predictions": answer_figure(FIGURES[task], rows)})

        return self._serve(respond)

    def _break_sklearn(self, how: str) -> dict[str, Any]:
        joblib.dump(Odd({"fail": fail, "hang": hang, "babble": babble}[how]), self.folder / "model.joblib")
        return {"path": "model.joblib", "trusted": True}

    def _break_onnx(self, how: str) -> dict[str, Any]:
        self._save_onnx({"fail": make_failing, "hang": make_endless, "babble": make_nan}[how]())
        return {"path": "model.onnx"}

    def _break_python(self, how: str) -> dict[str, Any]:
        path = self.folder / f"{self.folder.name}.py"
        path.write_text(f"import test_kinds\n\ndef answer(x, y):\n    return test_kinds.{how}()\n")
        return {"path": f"{self.folder.name}:answer", "trusted": True}

    def _break_http(self, how: str) -> dict[str, Any]:
        def respond(request: Request) -> Reply:
            if how == "hang":
                hang()
            return Reply(b"<html>no</html>", 500 if how == "fail" else 200, {"Content-Type": "text/html"})

        return self._serve(respond)

    def _serve(self, respond: Callable[[Request], Reply]) -> dict[str, Any]:
        url = self._stack.enter_context(run_endpoint(respond)).url
        return {"http": {"url": url, "batch": True, "retries": 0}}

    def _save_onnx(self, model: Any) -> None:
        (self.folder / "model.onnx").write_bytes(model.SerializeToString())


PYTHON_MODEL = """
from pathlib import Path

import skops.io
from test_kinds import answer_figure


class Model:
    def __init__(self):
        self.figure = skops.io.load(Path(__file__).parent / "kept.skops")

    def predict_batch(self, examples):
        return answer_figure(self.figure, [[each["x"], each["y"]] for each in examples])
"""


def answer_figure(figure: Any, rows: Any) -> Any:
    """Return label → probability, or a number, for each row."""
    if not hasattr(figure, "predict_proba"):
        return figure.predict(rows).tolist()
    return [dict(zip(figure.classes_, row, strict=True)) for row in figure.predict_proba(rows).tolist()]


def build_onnx(*nodes: Any, initializers: Any = ()) -> Any:
    """Return a model of ONNX from `x`, examples × 2, to `value`, a number for each."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, None)],
        list(initializers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def make_failing() -> Any:
    far = onnx.numpy_helper.from_array(np.array([99], dtype=np.int64), "far")
    return build_onnx(helper.make_node("Gather", ["x", "far"], ["value"], axis=1), initializers=[far])


def make_nan() -> Any:
    return build_onnx(
        helper.make_node("Sub", ["x", "x"], ["zero"]),
        helper.make_node("Div", ["zero", "zero"], ["nan"]),
        helper.make_node("ReduceSum", ["nan", "axes"], ["value"], keepdims=0),
        initializers=[onnx.numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")],
    )


def make_endless() -> Any:
    """Return a loop that takes a second or two, far longer than the timeout of the tests."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["on"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [None, 2]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [None, 2]),
        ],
    )
    turns = onnx.numpy_helper.from_array(np.array(1_000_000, dtype=np.int64), "turns")
    return build_onnx(
        helper.make_node("Loop", ["turns", "", "x"], ["value"], body=body), initializers=[turns]
    )


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    RELEASE.clear()
    with ExitStack() as stack:
        yield Bench(tmp_path_factory.mktemp("model_of_"), stack)
        RELEASE.set()


KIND_NAMES = ["sklearn", "onnx", "python", "http"]
every_kind = pytest.mark.parametrize("kind", KIND_NAMES)


def test_every_kind_of_the_config_can_be_loaded() -> None:
    assert set(KINDS) == set(Kind)
    assert {*KIND_NAMES, "external"} == {str(each) for each in Kind}


@every_kind
def test_a_classifier_answers_with_the_same_probabilities_whatever_its_kind(bench: Bench, kind: str) -> None:
    versions = bench.make(kind, "tabular-classification")
    answers = versions.answer(versions.find(), EXAMPLES)
    wanted = FIGURES["tabular-classification"].predict_proba([[1, 0], [0, 1], [0.25, 0.5]])
    assert [each.label for each in answers] == ["yes", "no", "no"]
    for found, (no, yes) in zip(answers, wanted, strict=True):
        assert found.scores == pytest.approx({"no": no, "yes": yes}, abs=1e-6)
        assert found.scores is not None
        assert next(iter(found.scores)) == found.label
        assert found.confidence == max(found.scores.values())


@every_kind
def test_a_regression_answers_with_the_same_numbers_whatever_its_kind(bench: Bench, kind: str) -> None:
    versions = bench.make(kind, "tabular-regression")
    answers = versions.answer(versions.find(), EXAMPLES)
    assert [each.value for each in answers] == pytest.approx([3.0, 2.0, 2.0], abs=1e-5)
    assert all(each == Answer(value=each.value) for each in answers)


@every_kind
def test_many_examples_are_answered_in_order(bench: Bench, kind: str) -> None:
    versions = bench.make(kind, "tabular-regression")
    examples = [{"x": float(number), "y": 0.0} for number in range(2345)]
    answers = versions.answer(versions.find(), examples)
    wanted = [1.0 + 2 * number for number in range(2345)]
    assert [each.value for each in answers] == pytest.approx(wanted, rel=1e-4)
    assert versions.answer(versions.find(), []) == []


@every_kind
def test_a_version_is_identified_by_its_artifact(bench: Bench, kind: str) -> None:
    versions = bench.make(kind, "tabular-regression")
    version = versions.find()
    source = find_source(versions.spec, bench.folder)
    assert source is not None
    assert source.hash() == version.card["sha256"]
    assert versions.check(version) is None
    version.path.write_bytes(b"other")
    assert versions.check(version) == f"{version.path} was changed after it became version 1."


@every_kind
def test_an_example_without_its_inputs_is_a_failure_in_a_sentence(bench: Bench, kind: str) -> None:
    versions = bench.make(kind, "tabular-regression")
    with pytest.raises(ModelError, match=r"^model "):
        versions.answer(versions.find(), [{"x": 1.0}])
    assert versions.answer(versions.find(), EXAMPLES[:1])


@every_kind
def test_a_model_that_fails_is_said_in_one_line(bench: Bench, kind: str) -> None:
    versions = bench.break_model(kind, "fail")
    with pytest.raises(ModelError) as caught:
        versions.answer(versions.find(), EXAMPLES[:1])
    assert str(caught.value).startswith("model ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["sklearn", "python"])
def test_the_traceback_of_a_failing_model_is_in_the_details_from_its_own_code_on(
    bench: Bench, kind: str
) -> None:
    versions = bench.break_model(kind, "fail")
    with pytest.raises(ModelError, match="failed: ZeroDivisionError: nothing left") as caught:
        versions.answer(versions.find(), EXAMPLES[:1])
    first, second, *_ = caught.value.details.splitlines()
    assert first == "Traceback (most recent call last):"
    assert "reviewer/models/" not in second
    assert 'raise ZeroDivisionError("nothing left")' in caught.value.details


@every_kind
def test_a_model_that_hangs_is_abandoned_after_its_timeout(bench: Bench, kind: str) -> None:
    versions = bench.break_model(kind, "hang", timeout=0.1)
    with pytest.raises(ModelError, match=r"^model took longer than its timeout of 0\.1 s"):
        versions.answer(versions.find(), EXAMPLES[:1])


@pytest.mark.parametrize("kind", ["sklearn", "python"])
def test_where_a_model_hangs_is_in_the_details(bench: Bench, kind: str) -> None:
    versions = bench.break_model(kind, "hang", timeout=0.1)
    with pytest.raises(ModelError) as caught:
        versions.answer(versions.find(), EXAMPLES[:1])
    assert "in hang" in caught.value.details
    assert "RELEASE.wait()" in caught.value.details


@every_kind
def test_an_answer_that_is_none_is_a_failure_in_a_sentence(bench: Bench, kind: str) -> None:
    versions = bench.break_model(kind, "babble")
    with pytest.raises(ModelError, match=r"^model .*answered") as caught:
        versions.answer(versions.find(), EXAMPLES[:1])
    assert "\n" not in str(caught.value)


@every_kind
def test_a_model_that_failed_on_one_example_answers_the_next(bench: Bench, kind: str) -> None:
    versions = bench.make(kind, "tabular-classification")
    with pytest.raises(ModelError):
        versions.answer(versions.find(), [{}])
    assert versions.answer(versions.find(), EXAMPLES[:1])[0].label == "yes"


def test_an_external_model_says_that_it_is_run_elsewhere(tmp_path: Path) -> None:
    spec = make_spec("tabular-regression", "external")
    versions = ModelVersions(tmp_path, spec)
    assert versions.read_all() == []
    with pytest.raises(ModelError, match="model is run by another program, which logs its flags"):
        versions.find()
    with pytest.raises(ModelError, match="run by another program"):
        KINDS[Kind.EXTERNAL].load(spec, tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []
