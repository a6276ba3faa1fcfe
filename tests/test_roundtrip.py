"""What is flagged comes back equal from everywhere: the CSV log, the index, the card and the export."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import append, make_flag, open_small_logs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.access import find_owner
from reviewer.api import build_card
from reviewer.bundle import Bundle, read_options
from reviewer.config import ModelSpec
from reviewer.errors import ModelError
from reviewer.index.store import SideIndex
from reviewer.log.columns import format_line
from reviewer.log.media import MediaStore, name_media
from reviewer.models.components import check_inputs, parse_cells, write_cell
from reviewer.models.kinds import build_batch
from reviewer.models.versions import ModelVersions
from reviewer.records import Flag, hash_example
from reviewer.training import fit_estimator, read_base, retrain
from reviewer.workspace import Workspace

CONFIG = """\
[models.echo]
task = "generic"
kind = "python"
path = "echo_of_values:answer"
trusted = true

[models.echo.inputs]
text = { component = "textbox", required = false }
number = { component = "number", required = false }
group = { component = "checkbox_group", choices = ["a", "b; c", "[]"] }
table = { component = "table", columns = { name = "text", n = "number", old = "boolean" }, required = false }
note = { component = "file", required = false }
value = { component = "textbox", label = "What is answered, as JSON" }

[models.echo.outputs]
json = "json"
text = "text"
"""

MODULE = """\
import json

def answer(text, value, **others):
    return {"json": json.loads(value), "text": text or ""}
"""

TEXTS = st.text()
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: (
        st.lists(st.none() | inner, max_size=4) | st.dictionaries(TEXTS, st.none() | inner, max_size=4)
    ),
    max_leaves=10,
)
ROWS = st.lists(
    st.tuples(TEXTS.filter(bool), st.none() | NUMBERS, st.booleans()).map(list), min_size=1, max_size=3
)
EXAMPLES = st.fixed_dictionaries(
    {
        "text": st.none() | TEXTS,
        "number": st.none() | NUMBERS,
        "group": st.lists(st.sampled_from(["a", "b; c", "[]"]), unique=True),
        "table": st.none() | ROWS,
        "note": st.none() | st.fixed_dictionaries({"data": st.binary(min_size=1), "name": TEXTS}),
        "value": JSON.map(json.dumps),
    }
)  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    (tmp_path / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "echo_of_values.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with Workspace(tmp_path, is_app=True) as workspace:
        yield workspace


def flag_example(workspace: Workspace, values: dict[str, Any]) -> Flag:
    prediction = workspace.predict("echo", values)
    assert prediction.error is None
    flag = workspace.flag(prediction.prediction_id, option="wrong_value")
    workspace.review(flag.flag_id, corrected_output=json.loads(values["value"]))
    return flag


def read_csv(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def say(value: Any) -> str:
    """Return a text that also tells 1 from 1.0 and true."""
    return json.dumps(value, sort_keys=True)


@settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(examples=st.lists(EXAMPLES, min_size=1, max_size=12))
def test_what_is_flagged_comes_back_equal_from_everywhere(
    workspace: Workspace, examples: list[dict[str, Any]]
) -> None:
    flags = [flag_example(workspace, each) for each in examples]
    logged = {row["flag_id"]: row for row in read_csv(workspace.folder / "flagged/flags-0001.csv")}
    for values, flag in zip(examples, flags, strict=True):
        answered = {"json": json.loads(values["value"]), "text": values["text"] or ""}
        assert say(flag.output) == say(answered)
        assert flag.inputs["text"] == (values["text"] or None)
        assert flag.inputs["number"] == values["number"]
        assert json.loads(logged[flag.flag_id]["inputs"]) == flag.inputs
        assert say(json.loads(logged[flag.flag_id]["output"])) == say(answered)
        found = workspace.find_flag(flag.flag_id)
        assert (say(found.inputs), say(found.output)) == (say(flag.inputs), say(answered))
        card = json.loads(json.dumps(build_card(workspace, found, find_owner(), ""), allow_nan=False))
        assert say(card["output"]) == say(answered)
        assert say({name: _without_url(each) for name, each in card["inputs"].items()}) == say(flag.inputs)
    _check_export(workspace, flags)


def _without_url(value: Any) -> Any:
    return {key: each for key, each in value.items() if key != "url"} if isinstance(value, dict) else value


def _check_export(workspace: Workspace, flags: list[Flag]) -> None:
    """Read every row of the export back; flags of one example are one row there."""
    options = read_options(personal="allow", shares={"train": 1})
    bundle, spec = workspace.export("echo", options), workspace.find_model("echo")
    rows = {row["example_id"]: row for row in read_csv(bundle.path / "train.csv")}
    for flag in flags:
        row = rows[flag.example_id]
        inputs = check_inputs(spec, parse_cells(spec, row, bundle.path), name_media)
        assert say(inputs) == say(flag.inputs)
        assert hash_example(inputs) == flag.example_id
        assert say(json.loads(row["predicted"])) == say(flag.output)
        assert _is_said(row["target"], flag.output["json"])


def _is_said(cell: str, value: Any) -> bool:
    """Whether the cell is the value: a text as it is, anything else as JSON."""
    return cell == value if isinstance(value, str) else say(json.loads(cell)) == say(value)


BASE = {
    "name": "wine",
    "task": "tabular-classification",
    "labels": ["red", "white"],
    "base": "data/wine.csv",
    "inputs": {
        "note": {"component": "textbox", "required": False},
        "alcohol": "number",
        "sugar": {"component": "slider", "minimum": 0, "maximum": 9},
        "grape": {"component": "dropdown", "choices": ["007", "NA"]},
        "sort": {"component": "radio", "choices": ["a", "b"]},
        "is_dry": "checkbox",
        "notes": {"component": "checkbox_group", "choices": ["oak", "salt; pepper"]},
        "made": "date",
        "photo": {"component": "image", "width": 2, "height": 2, "mode": "L"},
        "drawing": {"component": "sketch", "width": 2, "height": 2, "required": False},
        "sound": "audio",
        "years": {"component": "table", "columns": {"year": "text", "rain": "number"}},
    },
}


def make_wine(folder: Path, number: int) -> dict[str, Any]:
    """Return one example with a value for every component, its files under the folder."""
    from PIL import Image

    picture = folder / f"media-of-{number}.png"
    Image.new("L", (2, 2), number).save(picture)
    return {
        "note": "" if number % 3 else f'"{number}",\n=x',
        "alcohol": number / 7,
        "sugar": number % 9,
        "grape": "NA" if number % 2 else "007",
        "sort": "ab"[number % 2],
        "is_dry": number % 2 == 0,
        "notes": ["salt; pepper"] if number % 2 else [],
        "made": f"2026-03-{number + 1:02}",
        "photo": picture,
        "drawing": None if number % 2 else picture,
        "sound": (8000, np.full(10, number, np.int16)),
        "years": [["007", number], ["", None]],
    }


def test_base_data_of_every_component_is_read_as_it_was_entered_and_can_be_learnt(tmp_path: Path) -> None:
    """The base is written as an export writes it, and a real model is fitted on what is read of it."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    spec, media = ModelSpec.model_validate(BASE), MediaStore(tmp_path / "store")
    examples = [check_inputs(spec, make_wine(tmp_path, number), media.save) for number in range(8)]
    labels = [spec.labels[number % 2] for number in range(8)]
    shutil.copytree(tmp_path / "store", tmp_path / "data/media")
    for path in (tmp_path / "data/media").rglob("*.*"):
        path.rename(tmp_path / "data/media" / path.name)
    lines = [
        [*map(write_cell, inputs.values()), label] for inputs, label in zip(examples, labels, strict=True)
    ]
    text = "".join(map(format_line, [[*spec.inputs, "label"], *lines]))
    (tmp_path / spec.base).write_text(text, encoding="utf-8", newline="")

    rows = read_base(tmp_path, spec).rows
    assert [row.example_id for row in rows] == [hash_example(each) for each in examples]
    assert [row.example["photo"].max() for row in rows] == list(range(8))
    estimator = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(), ["grape", "sort"]), ("passthrough", ["alcohol", "is_dry"]), remainder="drop"
        ),
        LogisticRegression(),
    )
    fitted = fit_estimator(spec, estimator, rows)
    assert fitted.predict(build_batch(spec, [row.example for row in rows])).tolist() == labels


def test_a_column_of_an_input_that_may_stay_empty_may_be_missing_in_the_base(tmp_path: Path) -> None:
    inputs = {"text": "textbox", "note": {"component": "textbox", "required": False}}
    spec = ModelSpec.model_validate({**BASE, "inputs": inputs, "base": "base.csv"})
    (tmp_path / "base.csv").write_text("text,label\nhello,red\n", encoding="utf-8")
    (row,) = read_base(tmp_path, spec).rows
    assert row.example == {"text": "hello", "note": None}


def test_a_model_that_reads_files_is_retrained_where_it_was_made(tmp_path: Path) -> None:
    spec = ModelSpec.model_validate({**BASE, "inputs": {"report": "file"}})
    bundle = Bundle("wine", "1", tmp_path, {})
    with pytest.raises(ModelError, match="wine reads the file report, which only code of yours understands"):
        retrain(tmp_path, ModelVersions(tmp_path, spec), bundle, lambda share, doing: None)


HASH = "0123456789abcdef" * 4

PREVIEWS: tuple[tuple[dict[str, Any], str | None, str | None], ...] = (
    ({"text": "plain"}, "plain", None),
    ({"text": '{"media":"x.png"} [1]'}, '{"media":"x.png"} [1]', None),
    ({"text": '["a"]', "number": -7.5}, 'text ["a"] · number -7.5', None),
    ({"image": {"media": f"{HASH}.png"}}, None, f"{HASH}.png"),
    ({"image": {"media": f"{HASH}.jpg"}, "text": "a"}, "a", f"{HASH}.jpg"),
    ({"sound": {"media": f"{HASH}.wav"}}, "♪ 01234567.wav", None),
    (
        {"sound": {"media": f"{HASH}.mp3"}, "photo": {"media": f"{HASH}.gif"}, "n": 1},
        "sound ♪ 01234567.mp3 · n 1", f"{HASH}.gif",
    ),
    ({"note": {"media": f"{HASH}.txt", "name": 'a "b" ü.txt'}}, 'a "b" ü.txt', None),
    ({"note": {"media": f"{HASH}.bin", "name": "[1].bin"}, "n": 1}, "note [1].bin · n 1", None),
    ({"group": ["a", "b; c"]}, "a, b; c", None),
    ({"group": [], "text": "x"}, "group  · text x", None),
    ({"table": {"columns": ["n", "t"], "rows": [[1, "x y"], [None, "007"]]}}, "1 x y 007", None),
    ({"other": {"a": 1}}, '{"a":1}', None),
    ({"text": None, "date": "2026-03-01"}, "2026-03-01", None),
    ({"text": None}, None, None),
)  # fmt: skip


@pytest.mark.parametrize(("inputs", "preview", "thumbnail"), PREVIEWS)
def test_a_list_shows_what_a_person_put_in(
    inputs: dict[str, Any], preview: str | None, thumbnail: str | None, tmp_path: Path
) -> None:
    logs = open_small_logs(tmp_path)
    append(logs, make_flag(inputs=inputs))
    with SideIndex(tmp_path, logs).reading() as cursor:
        row = cursor.execute("select preview, thumbnail, search_text from flags").fetchone()
    assert row is not None
    assert row[:2] == (preview, thumbnail)
    assert '"media"' not in row[2] or "text" in inputs


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=200), min_size=1, max_size=20))
def test_any_text_is_shown_as_it_was_typed(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    logs = open_small_logs(folder)
    append(logs, *(make_flag(inputs={"text": each}) for each in texts))
    with SideIndex(folder, logs).reading() as cursor:
        rows = cursor.execute("select preview from flags order by position").fetchall()
    assert [row[0] for row in rows] == texts
