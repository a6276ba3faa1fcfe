"""Answers: what a model returned is recorded exactly, comes back by name, or is a failure in one sentence."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from builders import make_flag, make_prediction
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reviewer.config import OUTPUT_SPECS, ModelSpec
from reviewer.errors import ModelError
from reviewer.log.columns import decode_record, encode_row
from reviewer.log.media import MediaStore, name_media
from reviewer.models.outputs import OUTPUTS, Answer, build_answer, list_outputs, read_answer
from reviewer.records import Flag, Prediction


def make_spec(outputs: dict[str, Any] | None = None, task: str = "generic", **given: Any) -> ModelSpec:
    fields = {"name": "model", "task": task, "kind": "python", "inputs": {"text": "textbox"}}
    return ModelSpec.model_validate({**fields, "outputs": outputs or {}, **given})


LABELS = make_spec(task="text-classification", labels=["a", "b"])


def record(answer: Answer) -> Prediction:
    return make_prediction(
        predicted_label=answer.label,
        confidence=answer.confidence,
        scores=answer.scores,
        predicted_value=answer.value,
        output=answer.output,
    )


def make_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(buffer, "PNG")
    return buffer.getvalue()


class Tensor:
    """What the arrays of every library have in common."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def tolist(self) -> Any:
        return self._values


class Drawing:
    """A figure that writes itself as a picture, as Matplotlib's do."""

    def savefig(self, target: io.BytesIO, **options: str) -> None:
        assert options == {"format": "png"}
        target.write(make_png())


PNG = {"media": name_media(make_png(), "png")}
TABLE = {"columns": ["n", "t"], "rows": [[1, "x"], [None, "007"]]}

ACCEPTED: dict[str, tuple[tuple[Any, Any], ...]] = {
    "label": (
        ("a", "a"),
        (np.str_("a"), "a"),
        (7, "7"),
        (np.int64(7), "7"),
        ({"a": 0.25, "b": 0.75}, {"b": 0.75, "a": 0.25}),
        ({1: 1, 0: 0}, {"1": 1.0, "0": 0.0}),
        ({"a": np.float32(1.0000001)}, {"a": 1.0}),
        ([{"label": "a", "score": 0.25}, {"label": "b", "score": 0.5}], {"b": 0.5, "a": 0.25}),
        ({"label": "a", "confidences": [{"label": "a", "confidence": 0.5}]}, {"a": 0.5}),
        (pd.Series({"a": 0.25, "b": 0.75}).to_dict(), {"b": 0.75, "a": 0.25}),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ),
    "text": (
        ("hello", "hello"),
        ("", ""),
        ("null", "null"),
        ("a\0b\u202e😀", "a\0b\u202e😀"),
        (np.str_("x"), "x"),
        ("x" * 4_000_000, "x" * 4_000_000),
    ),
    "number": (
        (2, 2.0),
        (-0.5, -0.5),
        (np.float32(0.5), 0.5),
        (np.array([[0.5]]), 0.5),
        (pd.Series([0.5]), 0.5),
        (Tensor(0.5), 0.5),
        (1e-320, 1e-320),
    ),
    "table": (
        (TABLE, TABLE),
        ({"headers": ["n"], "data": [[True]]}, {"columns": ["n"], "rows": [[True]]}),
        ([{"n": 1, "t": "x"}, {"t": "007"}], TABLE),
        (pd.DataFrame({"n": [1, None], "t": ["x", "007"]}), TABLE),
        (pd.DataFrame({0: [1]}), {"columns": ["0"], "rows": [[1]]}),
        (pd.DataFrame(), {"columns": [], "rows": []}),
        (
            {"columns": ["d"], "rows": [[date(2026, 3, 1)], [datetime(2026, 3, 1, tzinfo=UTC)]]},
            {"columns": ["d"], "rows": [["2026-03-01"], ["2026-03-01T00:00:00+00:00"]]},
        ),
    ),
    "image": (
        (make_png(), PNG),
        (f"data:image/png;base64,{base64.b64encode(make_png()).decode()}", PNG),
    ),
    "plot": (
        (go.Figure(go.Bar(y=[1, math.nan])), None),
        (go.Figure(go.Bar(x=["<b>x</b>"], y=[1])), None),
        ({"data": [{"type": "bar"}], "config": 1}, {"plotly": {"data": [{"type": "bar"}]}}),
        (Drawing(), PNG),
    ),
    "json": (
        ({"a": [1, None, (2,)]}, {"a": [1, None, [2]]}),
        (True, True),
        (0, 0),
        ("", ""),
        ([], []),
        (np.zeros(2), [0.0, 0.0]),
        ({"a": np.int64(7)}, {"a": 7}),
        (2**80, 2**80),
    ),
    "highlighted_text": (
        ([["Bern", "city"], (" is nice", None)], [["Bern", "city"], [" is nice", None]]),
        ([("good", 0.5), ("bad", -1)], [["good", 0.5], ["bad", -1.0]]),
        ([], []),
    ),
}

REFUSED: dict[str, tuple[tuple[Any, str], ...]] = {
    "label": (
        (None, "the label None; a text is needed, or a dict of label → probability."),
        ("", "the label ''; a text is needed"),
        (b"a", "the label b'a'; a text is needed"),
        ({}, "an empty dict; give label → probability."),
        ({"a": 1.5}, "{'a': 1.5}; probabilities from 0 to 1 are needed."),
        ({"a": -0.1}, "{'a': -0.1}; probabilities from 0 to 1 are needed."),
        ({"a": math.nan}, "{'a': nan}; probabilities from 0 to 1 are needed."),
        ({"a": "0.5"}, "{'a': '0.5'}; probabilities from 0 to 1 are needed."),
        ({"a": True}, "{'a': True}; probabilities from 0 to 1 are needed."),
        ({"1": 0.5, 1: 0.5}, "the label '1' twice; give each label one probability."),
        ({None: 1.0}, "the label None; a text is needed"),
        ([0.5, 0.5], "[0.5, 0.5]; a label, or a dict of label → probability, is needed."),
        ([{"label": "a"}], "{'a': None}; probabilities from 0 to 1 are needed."),
        ("\ud800", "a text with half a character at position 0, which UTF-8 cannot write."),
        ("a\0", "the label 'a\\x00'; no label can hold a NUL character."),
    ),
    "text": (
        (5, "5; a text is needed."),
        (None, "None; a text is needed."),
        (b"x", "b'x'; a text is needed."),
        (["x", "y"], "['x', 'y']; a text is needed."),
        ("x" * 100_000_000, "100,000,000 characters; at most 5,000,000 are recorded."),
        ("half \ud83d", "a text with half a character at position 5, which UTF-8 cannot write."),
    ),
    "number": (
        ("5", "'5'; a number is needed."),
        (None, "None; a number is needed."),
        (True, "True; a number is needed."),
        (math.nan, "nan; a finite number is needed."),
        (np.float64("-inf"), "-inf; a finite number is needed."),
        (10**400, "inf; a finite number is needed."),
        ([1, 2], "[1, 2]; a number is needed."),
        (np.zeros(2), "array([0., 0.]); a number is needed."),
        (1j, "1j; a number is needed."),
    ),
    "table": (
        (5, "5; a table is needed: a DataFrame, a list of dicts,"),
        (None, "None; a table is needed"),
        ([[1]], "[[1]]; a table is needed"),
        ([], "[]; a table is needed"),
        ({"columns": ["a"]}, "{'columns': ['a']}; a table is needed"),
        ({"columns": ["a"], "rows": ["x"]}, "{'columns': ['a'], 'rows': ['x']}; a table is needed"),
        ({"columns": ["a"], "rows": [[1, 2]]}, "a row with 2 cells in a table with 1 columns."),
        ({"columns": [None], "rows": [[1]]}, "a table with a column None; its name must be a text."),
        ({"columns": ["a"], "rows": [[[1]]]}, "a table with a cell that is no text, number, yes or no,"),
        ({"columns": ["a"], "rows": [[pd.NaT]]}, "a table with a cell that is no text, number, yes or no"),
        ({"columns": ["a"], "rows": [[math.nan]]}, "a table with a cell that is no text"),
        (pd.DataFrame({"a": [math.inf]}), "a table with a cell that is no text"),
        (pd.DataFrame(np.zeros((2, 600_000))), "more than 1,000,000 values; fewer are needed."),
    ),
    "image": (
        (None, "what is no image that can be stored (NoneType); give a data URL"),
        ("/etc/passwd", "what is no image; give a data URL (data:image/png;base64,…)."),
        (b"<svg/>", "what is no image that can be read; use PNG, JPEG, WEBP, GIF."),
        (np.full((2, 2), math.nan), "an array with values that are no pixels; 0 to 1 or 0 to 255 is needed."),
        (np.full((2, 2), 256), "an array with values that are no pixels"),
        (np.full((2, 2), -0.5), "an array with values that are no pixels"),
        (np.zeros((2, 2, 9)), "what is no image that can be stored (ndarray); give"),
        (np.zeros(0), "what is no image that can be stored (ndarray); give"),
        (np.array(["x"]), "what is no image that can be stored (ndarray); give"),
        (bytes(20_000_001), "what is 20,000,001 bytes; at most 20,000,000 are taken."),
    ),
    "plot": (
        (5, "5; a Plotly or Matplotlib figure is needed."),
        ({"data": 5}, "{'data': 5}; a Plotly or Matplotlib figure is needed."),
        ({"data": [math.nan]}, "{'data': [nan]}; a JSON value is needed."),
        (None, "None; a Plotly or Matplotlib figure is needed."),
    ),
    "json": (
        (None, "None; a JSON value is needed."),
        (math.inf, "inf; a JSON value is needed."),
        ({"a": math.nan}, "{'a': nan}; a JSON value is needed."),
        (object, "<class 'object'>; a JSON value is needed."),
        ({1, 2}, "{1, 2}; a JSON value is needed."),
        (np.array([math.nan]), "array([nan]); a JSON value is needed."),
        ({1: 2}, "a dict with the key 1; keys must be texts."),
        (10**5000, "a number with thousands of digits, which cannot be recorded."),
        (["x" * 3_000_000] * 2, "6,000,008 characters; at most 5,000,000 are recorded."),
        ([["\ud800"]], "a text with half a character at position 0"),
    ),
    "highlighted_text": (
        ("plain", "'plain'; a list of pairs of a text and its label, or None, is needed."),
        (None, "None; a list of pairs"),
        ([["a", "b", "c"]], "[['a', 'b', 'c']]; a list of pairs"),
        ([[5, None]], "5; a text is needed."),
        ([["a", True]], "a piece marked True; a text, a finite number or None is needed."),
        ([["a", math.nan]], "a piece marked nan; a text, a finite number or None is needed."),
    ),
}


def list_cases(table: dict[str, tuple[Any, ...]]) -> list[Any]:
    return [
        pytest.param(name, *each, id=f"{name}-{i}")
        for name, cases in table.items()
        for i, each in enumerate(cases)
    ]


def test_the_tables_of_values_cover_every_component() -> None:
    assert set(ACCEPTED) == set(REFUSED) == set(OUTPUTS) == set(OUTPUT_SPECS)


@pytest.mark.parametrize(("component", "value", "stored"), list_cases(ACCEPTED))
def test_an_answer_comes_back_from_the_log_under_its_name(
    component: str, value: Any, stored: Any, tmp_path: Path
) -> None:
    spec = make_spec({"only": component})
    answer = read_answer(spec, value, MediaStore(tmp_path / "media").save)
    found = list_outputs(spec, record(answer))["only"]
    if stored is not None:
        assert found == stored
        assert type(found) is type(stored)
    json.dumps(found, allow_nan=False)
    assert list_outputs(spec, copy_through_log(record(answer))) == {"only": found}


def copy_through_log(prediction: Prediction) -> Prediction:
    """Return the prediction as it is read back from the cells of its row."""
    names = list(Prediction.__dataclass_fields__)
    cells = dict(zip(names, encode_row("predictions", prediction), strict=True))
    values: dict[str, Any] = {name: cell or None for name, cell in cells.items()}
    copied: Prediction = decode_record(Prediction, values | {"predicted_at": prediction.predicted_at})
    return copied


@pytest.mark.parametrize(("component", "value", "stored"), list_cases(ACCEPTED))
def test_an_answer_comes_back_beside_others(component: str, value: Any, stored: Any) -> None:
    outputs = {"first": "label", "second": "number", "third": component, "last": "json"}
    spec = make_spec(outputs)
    given = {"first": {"x": 1.0}, "second": 2, "third": value, "last": [None]}
    answer = read_answer(spec, given, name_media)
    assert read_answer(spec, tuple(given.values()), name_media) == answer
    alone = list_outputs(
        make_spec({"only": component}), record(read_answer(make_spec({"only": component}), value, name_media))
    )
    found = list_outputs(spec, record(answer))
    assert found == {"first": {"x": 1.0}, "second": 2.0, "third": alone["only"], "last": [None]}
    assert (answer.label, answer.value, set(answer.output)) == ("x", 2.0, {"third", "last"})
    flag: Flag = make_flag(**{name: getattr(record(answer), name) for name in (
        "predicted_label", "confidence", "scores", "predicted_value", "output")})  # fmt: skip
    assert list_outputs(spec, flag) == found


@pytest.mark.parametrize(("component", "value", "sentence"), list_cases(REFUSED))
def test_a_malformed_answer_is_a_failure_in_a_sentence(component: str, value: Any, sentence: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_answer(make_spec({"only": component}), value, name_media)
    assert str(caught.value).startswith(f"model answered {sentence}")
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("component", "value", "sentence"), list_cases(REFUSED))
def test_a_malformed_answer_beside_others_is_named(component: str, value: Any, sentence: str) -> None:
    spec = make_spec({"fine": "text", "bad": component})
    if value is None and component not in ("label", "number"):
        assert list_outputs(spec, record(read_answer(spec, ["x", None], name_media)))["bad"] is None
        return
    with pytest.raises(ModelError) as caught:
        read_answer(spec, {"fine": "x", "bad": value}, name_media)
    assert str(caught.value).startswith(f"model answered in bad {sentence}")


def test_a_refused_picture_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        read_answer(make_spec({"only": "image"}), make_png()[:-40], MediaStore(tmp_path / "media").save)
    assert not list(tmp_path.iterdir())


# Labels of the config


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("b", Answer(label="b")),
        ([0.25, 0.75], Answer(label="b", confidence=0.75, scores={"b": 0.75, "a": 0.25})),
        (np.array([0.75, 0.25]), Answer(label="a", confidence=0.75, scores={"a": 0.75, "b": 0.25})),
        (Tensor([0.5, 0.5]), Answer(label="a", confidence=0.5, scores={"a": 0.5, "b": 0.5})),
        ({"b": 1}, Answer(label="b", confidence=1.0, scores={"b": 1.0})),
    ],
)
def test_a_classification_answers_with_the_most_probable_label(value: Any, wanted: Answer) -> None:
    answer = read_answer(LABELS, value, name_media)
    assert answer == wanted
    assert list(answer.scores or {}) == list(wanted.scores or {})


@pytest.mark.parametrize("value", ["c", {"a": 0.5, "c": 0.5}, 1, True, [{"label": "c", "score": 1}]])
def test_a_label_that_the_config_does_not_list_is_a_failure_that_names_those_it_does(value: Any) -> None:
    with pytest.raises(
        ModelError, match=r"^model answered the label '.*', which is none of its labels \(a, b\)"
    ):
        read_answer(LABELS, value, name_media)


@pytest.mark.parametrize("value", [[0.1, 0.2, 0.7], [1.0], []])
def test_bare_probabilities_must_be_as_many_as_there_are_labels(value: Any) -> None:
    with pytest.raises(ModelError, match="a label, or a dict of label → probability, is needed"):
        read_answer(LABELS, value, name_media)


# Several outputs


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": "x"}, "model answered a dict of 'a'; it needs a, b."),
        ({"a": "x", "b": "y", "c": "z"}, "model answered a dict of 'a', 'b', 'c'; it needs a, b."),
        ({}, "model answered a dict of ; it needs a, b."),
        (["x"], "model answered ['x']; a dict of a, b is needed, or a list in this order."),
        ("xy", "model answered 'xy'; a dict of a, b is needed, or a list in this order."),
        (None, "model answered None; a dict of a, b is needed, or a list in this order."),
    ],
)
def test_several_outputs_are_all_needed(value: Any, sentence: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_answer(make_spec({"a": "text", "b": "text"}), value, name_media)
    assert str(caught.value) == sentence


def test_a_second_label_and_number_are_recorded_with_the_rest() -> None:
    spec = make_spec({"a": "label", "b": "number", "c": "label", "d": "number"})
    answer = read_answer(spec, ["x", 1, {"y": 0.5}, 2], name_media)
    assert answer == Answer(label="x", value=1.0, output={"c": {"y": 0.5}, "d": 2.0})
    assert list_outputs(spec, record(answer)) == {"a": "x", "b": 1.0, "c": {"y": 0.5}, "d": 2.0}


def test_a_label_and_a_number_leave_no_rest() -> None:
    spec = make_spec({"a": "label", "b": "number"})
    assert read_answer(spec, ["x", 1], name_media).output is None


def test_a_record_without_an_answer_has_outputs_without_values() -> None:
    spec = make_spec({"a": "label", "b": "number", "c": "json"})
    assert list_outputs(spec, record(Answer())) == {"a": None, "b": None, "c": None}


def test_a_record_of_other_outputs_than_today_has_what_is_left_of_them() -> None:
    old = record(Answer(label="x", output={"gone": 1, "kept": [2]}))
    spec = make_spec({"label": "label", "kept": "json", "new": "json"})
    assert list_outputs(spec, old) == {"label": "x", "kept": [2], "new": None}


# Hostile values


class RaisesWhenShown:
    def __repr__(self) -> str:
        raise ValueError("no")

    __str__ = __repr__


class RaisesWhenRead(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("no")

    __iter__ = keys = items


class RaisesWhenAsked:
    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


class Endless(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        while True:
            yield 1


def make_cycle() -> dict[str, Any]:
    cycle: dict[str, Any] = {}
    cycle["columns"] = cycle["data"] = cycle["again"] = cycle
    return cycle


def make_deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


HOSTILE = [RaisesWhenShown(), RaisesWhenRead(a=1), RaisesWhenAsked(), make_cycle(), make_deep(), type, print]


@pytest.mark.parametrize("component", OUTPUTS)
@pytest.mark.parametrize("value", HOSTILE, ids=lambda each: type(each).__name__)
def test_a_hostile_answer_is_a_failure_in_a_sentence(component: str, value: Any) -> None:
    for outputs, answer in (
        ({"only": component}, value),
        ({"a": "text", "b": component}, {"a": "x", "b": value}),
    ):
        with pytest.raises(ModelError) as caught:
            read_answer(make_spec(outputs), answer, name_media)
        assert str(caught.value).startswith("model answered ")
        assert len(str(caught.value)) < 300


def test_an_endless_answer_is_given_up() -> None:
    with pytest.raises(ModelError, match="more than 1,000,000 values; fewer are needed"):
        read_answer(make_spec({"only": "json"}), Endless(), name_media)


# Properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(value=JSON.filter(lambda each: each is not None))
def test_any_json_value_is_recorded_as_it_is(value: Any) -> None:
    answer = read_answer(make_spec({"only": "json"}), value, name_media)
    assert answer.output == value
    assert copy_through_log(record(answer)).output == value


LABEL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@settings(deadline=None)
@given(scores=st.dictionaries(LABEL, st.floats(0, 1), min_size=1))
def test_any_probabilities_are_recorded_with_the_most_probable_first(scores: dict[str, float]) -> None:
    answer = read_answer(make_spec({"only": "label"}), scores, name_media)
    assert answer.scores == scores
    assert list(answer.scores.values()) == sorted(scores.values(), reverse=True)
    assert answer.confidence == max(scores.values()) == scores[str(answer.label)]
    assert list((copy_through_log(record(answer)).scores or {}).items()) == list(answer.scores.items())


# Pictures


@pytest.mark.parametrize(
    "pixels",
    [
        np.array([[0, 128, 255]], np.uint8),
        np.array([[0, 128, 255]]),
        np.array([[0.0, 128.0, 255.0]]),
        np.array([[0.0, 128 / 255, 1.0]], np.float32),
        Image.fromarray(np.array([[0, 128, 255]], np.uint8)),
    ],
    ids=["bytes", "integers", "floats", "shares", "picture"],
)
def test_pixels_are_kept_as_they_were_meant(pixels: Any, tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    answer = read_answer(make_spec({"only": "image"}), pixels, media.save)
    with Image.open(media.find(answer.output["media"])) as image:
        assert np.asarray(image).tolist() == [[0, 128, 255]]


def test_a_plotly_figure_is_drawn_again_as_it_was() -> None:
    figure = go.Figure(go.Scatter(y=np.array([1.5, 2.5])))
    stored = read_answer(make_spec({"only": "plot"}), figure, name_media).output
    assert go.Figure(json.loads(json.dumps(stored["plotly"]))) == figure


def test_outputs_that_are_missing_leave_the_others_under_their_names() -> None:
    fields = {"name": "m", "task": "generic", "kind": "external", "inputs": {"x": "textbox"}}
    spec = ModelSpec.model_validate({**fields, "outputs": {"words": "text", "more": "json"}})
    answer = build_answer(spec, {"more": [1]})
    assert answer.output == {"more": [1]}
    made = make_prediction(predicted_label=None, confidence=None, output=answer.output)
    assert list_outputs(spec, made) == {"words": None, "more": [1]}
