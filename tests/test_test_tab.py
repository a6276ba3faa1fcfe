"""The test tab without a browser: what its components show, read back and offer."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import gradio as gr
import pytest
from builders import make_flag, make_prediction, make_wav
from pydantic import BaseModel

from reviewer.config import INPUT_SPECS, OUTPUT_SPECS, ModelSpec
from reviewer.errors import InputError
from reviewer.models.components import COMPONENTS, check_inputs, find_problems
from reviewer.models.outputs import Answer
from reviewer.records import Prediction, new_id
from reviewer.ui.app import build_app
from reviewer.ui.examples import draw_examples
from reviewer.ui.flag_box import describe_facts, describe_past, list_ruled
from reviewer.ui.inputs import INPUTS, Field, draw_inputs, list_starts, read_values, show_example
from reviewer.ui.outputs import OUTPUTS, draw_outputs, show_outputs
from reviewer.ui.panel import draw_panel, encode_shown, show_prediction
from reviewer.ui.session_list import LENGTH, add_row, build_session, find_session
from reviewer.ui.test_tab import _find_example_file, build_test_tab, refresh_tab
from reviewer.workspace import SessionEntry, Workspace

CONFIG = """\
[models.texts]
task = "text-generation"
kind = "python"
path = "echo:say"
trusted = true
concurrency = 3
inputs.text = "textbox"
"""
EXTERNAL = """\
[models.elsewhere]
task = "text-classification"
kind = "external"
inputs.text = "textbox"
"""


class Asked:
    """A request as far as the tab looks at it."""

    def __init__(self, language: str = "en", cookies: Mapping[str, str] | None = None) -> None:
        self.headers = {"accept-language": language}
        self.cookies = cookies or {}
        self.session_hash = "page"


@pytest.fixture
def request_en() -> Any:
    return Asked()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "reviewer.toml").write_text(CONFIG + EXTERNAL)
    (tmp_path / "echo.py").write_text("def say(text):\n    return text\n")
    with Workspace(tmp_path, is_app=True) as opened:
        yield opened


def make_spec(**given: Any) -> ModelSpec:
    fields: dict[str, Any] = {"name": "m", "task": "generic", "kind": "python", "path": "echo:say"}
    return ModelSpec(**{**fields, "inputs": {"text": "textbox"}, **given})


def make_png(shade: int = 0) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (12, 9), (shade, shade, shade)).save(buffer, "PNG")
    return buffer.getvalue()


CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "textbox": ({}, " ${1+1} {{x}} \\n <b>\n'=cmd "),
    "number": ({}, -7.5),
    "slider": ({"minimum": 0, "maximum": 5}, 2),
    "dropdown": ({"choices": ["red", "green"]}, "green"),
    "radio": ({"choices": ["red", "green"]}, "green"),
    "checkbox": ({}, True),
    "checkbox_group": ({"choices": ["a", "b", "c"]}, ["a", "c"]),
    "date": ({"include_time": True}, "2026-03-01T12:30:00"),
    "file": ({}, {"data": "data:text/plain;base64,aGVsbG8=", "name": "a note.txt"}),
    "image": ({}, make_png()),
    "sketch": ({}, make_png()),
    "audio": ({}, make_wav(b"\x00\x10" * 800)),
    "table": ({"columns": {"n": "number", "ok": "boolean"}}, {"columns": ["n", "ok"], "rows": [[1.5, True]]}),
}
"""Component → further keys of its table, and a value of it."""


def draw(spec: ModelSpec) -> list[Field]:
    with gr.Blocks():
        return draw_inputs(spec)


def send(field: Field, value: Any) -> Any:
    """Return what the browser sends back for a value that it was sent."""
    component: Any = field.component  # Gradio's own base class has no types
    sent = component.postprocess(value)
    return sent.model_dump() if hasattr(sent, "model_dump") else sent


def test_every_component_of_the_config_can_be_drawn() -> None:
    assert set(INPUTS) == set(INPUT_SPECS) == set(COMPONENTS) == set(CASES)
    assert set(OUTPUTS) == set(OUTPUT_SPECS)


@pytest.mark.parametrize("component", sorted(set(CASES) - {"sketch"}))
def test_an_example_shown_in_its_component_is_read_back_the_same(
    component: str, workspace: Workspace
) -> None:
    keys, value = CASES[component]
    spec = make_spec(inputs={"x": {"component": component, **keys}})
    stored = check_inputs(spec, {"x": value}, workspace.media.save)
    fields = draw(spec)
    shown = show_example(fields, stored, lambda each: workspace.media.find(each["media"]))
    read = read_values(fields, [send(fields[0], shown[0])])
    assert check_inputs(spec, read, workspace.media.save) == stored


def test_a_drawing_shown_again_is_the_same_picture(workspace: Workspace) -> None:
    spec = make_spec(inputs={"x": {"component": "sketch", "width": 4, "height": 4, "mode": "L"}})
    stored = check_inputs(spec, {"x": make_png(90)}, workspace.media.save)
    fields = draw(spec)
    shown = show_example(fields, stored, lambda each: workspace.media.find(each["media"]))
    image = read_values(fields, [send(fields[0], shown[0])])["x"]
    assert image.convert("L").getextrema() == (90, 90)


@pytest.mark.parametrize("component", sorted(CASES))
def test_a_component_starts_with_a_value_that_is_read_as_the_config_says(component: str) -> None:
    spec = make_spec(inputs={"x": {"component": component, **CASES[component][0], "required": False}})
    fields = draw(spec)
    [start] = list_starts(fields)
    read = read_values(fields, [send(fields[0], start)])["x"]
    expected = {"slider": 2.5, "checkbox": False, "checkbox_group": []}.get(component)
    assert read == expected if expected is not None else read in (None, "")


def test_a_number_that_nobody_typed_is_missing_and_not_zero() -> None:
    fields = draw(make_spec(inputs={"x": "number"}))
    assert fields[0].component.get_config()["value"] == ""


@pytest.mark.parametrize("component", ["dropdown", "radio"])
def test_a_required_choice_that_nobody_made_is_missing_and_not_the_first_one(component: str) -> None:
    spec = make_spec(inputs={"x": {"component": component, "choices": ["red", "green"]}})
    fields = draw(spec)
    assert fields[0].component.get_config()["value"] is None
    assert list_starts(fields) == [None]
    assert "is missing" in find_problems(spec, read_values(fields, [None]))["x"]


def test_rows_of_a_table_in_which_nothing_was_typed_are_left_out() -> None:
    spec = make_spec(inputs={"x": {"component": "table", "columns": ["a", "b"]}})
    sent = {"headers": ["1", "2"], "data": [["", None], ["x", ""], ["", ""]]}
    assert read_values(draw(spec), [sent]) == {"x": {"columns": ["a", "b"], "rows": [["x", ""]]}}


def test_a_label_of_the_config_is_text_in_the_date_field() -> None:
    spec = make_spec(inputs={"x": {"component": "date", "label": "${alert(1)} {{value}} `<b>`"}})
    template = draw(spec)[0].component.get_config()["html_template"]
    assert not any(each in template for each in ("${", "{{", "`", "<b>"))


STORED: dict[str, Any] = {
    "label": {"good": 0.75, "bad": 0.25},
    "text": "<b>x</b>",
    "number": 7.5,
    "table": {"columns": ["a"], "rows": [["<b>"], [1], [None]]},
    "image": {"media": f"{'0' * 64}.png"},
    "plot": {"plotly": {"data": [], "layout": {}}},
    "json": {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}},
    "highlighted_text": [["Bern", "city"], [" is nice", None]],
}


def test_every_output_component_shows_what_is_stored() -> None:
    spec = make_spec(outputs={name: name for name in OUTPUTS})
    rest = {name: stored for name, stored in STORED.items() if name not in ("label", "number")}
    answer = Answer("good", 0.75, STORED["label"], 7.5, rest)
    made = make_prediction(
        model="m",
        predicted_label=answer.label,
        scores=answer.scores,
        predicted_value=answer.value,
        output=answer.output,
    )
    with gr.Blocks():
        components: list[Any] = list(draw_outputs(spec))
    sent = [
        component.postprocess(value)
        for component, value in zip(components, show_outputs(spec, made), strict=True)
    ]
    assert all(each is not None for each in sent)
    assert STORED["image"]["media"] in sent[list(OUTPUTS).index("image")]


def test_an_answer_that_looks_like_a_file_of_gradios_is_not_opened() -> None:
    spec = make_spec(outputs={"x": "json"})
    made = make_prediction(model="m", predicted_label=None, output=[STORED["json"]])
    assert "gradio.FileData'" not in repr(show_outputs(spec, made))


def test_a_text_answer_of_a_json_output_stays_a_text() -> None:
    made = make_prediction(model="m", predicted_label=None, output='{"a": 1}')
    [shown] = show_outputs(make_spec(outputs={"x": "json"}), made)
    sent = gr.JSON().postprocess(shown)
    assert sent is not None
    assert sent.root == '{"a": 1}'


def test_a_failed_prediction_shows_the_first_line_and_no_traceback(request_en: Any) -> None:
    made = make_prediction(error='m failed: <b>\n\nTraceback (most recent call last):\n  File "x.py"')
    html = describe_facts(request_en, made)
    assert "m failed: &lt;b&gt;" in html
    assert "Traceback" not in html
    assert show_outputs(make_spec(), made) == [None]


def test_a_failed_prediction_is_told_in_russian() -> None:
    said = "m took longer than its timeout of 3 s; the call was abandoned and may still be running."
    shown = describe_facts(cast(Any, Asked("ru")), make_prediction(error=f"{said}\n\nTraceback"))
    assert "Модель m не уложилась в отведённые 3 с; её больше не ждут" in shown
    assert "Traceback" not in shown


def test_the_reasons_of_rules_are_told_in_russian() -> None:
    made = make_prediction()
    reasons = "The confidence 0.4 is below 0.5. 'a. B' is only 0.1 ahead of 'b'; 0.2 is asked for."
    flag = make_flag(prediction_id=made.prediction_id, flagger="rule:low_confidence", comment=reasons)
    (said,) = list_ruled(cast(Any, Asked("ru")), made, [flag])
    assert "Уверенность 0.4 ниже 0.5. " in said


def test_the_past_of_an_example_names_rules_and_earlier_flags(request_en: Any) -> None:
    made = make_prediction()
    ruled = make_flag(
        prediction_id=made.prediction_id, flagger="rule:low_confidence", option="other", comment="Low <1>."
    )
    html = describe_past(request_en, made, [ruled, make_flag(), make_flag()])
    assert "Flagged by a rule as Other: Low &lt;1&gt;." in html
    assert "flagged before as Wrong label · open · 2 flags in all" in html
    assert describe_past(request_en, made, []) == ""


def entry(**given: Any) -> SessionEntry:
    return SessionEntry(make_prediction(model="texts", predicted_label=None, output="said", **given), None)


def test_a_prediction_goes_to_the_list_alone_and_the_page_has_the_others(
    request_en: Any, workspace: Workspace
) -> None:
    value = add_row(request_en, workspace.spec, entry(inputs={"text": "${x}"}).prediction)
    assert [row["example"] for row in value["rows"]] == ["texts · ${x}"]
    assert value["most"] == LENGTH
    assert "most" not in build_session(request_en, workspace.spec, [], new_id())


def test_what_is_shown_is_sent_as_gradio_would_send_it(request_en: Any, tmp_path: Path) -> None:
    spec = make_spec(outputs={name: name for name in OUTPUTS})
    rest = {name: stored for name, stored in STORED.items() if name not in ("label", "number")}
    made = make_prediction(model="m", scores=STORED["label"], predicted_value=7.5, output=rest)
    with gr.Blocks() as app:
        panel = draw_panel(spec, tmp_path, [], is_shown=True)
        gr.Button().click(lambda: None, None, panel.shown)
    shown = show_prediction(request_en, panel, made)
    [event] = app.fns.values()
    sent = asyncio.run(app.postprocess_data(event, shown, None))
    dumped = [each.model_dump() if isinstance(each, BaseModel) else each for each in sent]
    assert encode_shown(panel, shown) == dumped


@pytest.mark.parametrize(
    ("cookie", "session"), [("ab" * 16, "ab" * 16), ("", "page"), ("../x", "page"), ("AB" * 16, "page")]
)
def test_a_session_is_the_cookie_or_else_the_page(cookie: str, session: str) -> None:
    request: Any = Asked(cookies={"reviewer_session": cookie})
    assert find_session(request) == session


def test_a_session_cannot_be_read_with_a_guessed_or_foreign_id(workspace: Workspace) -> None:
    made: Prediction = workspace.predict("texts", {"text": "mine"}, session_id="ab" * 16)
    assert workspace.list_session("cd" * 16) == []
    with pytest.raises(InputError):
        workspace.find_session_entry("cd" * 16, made.prediction_id)


def test_models_that_another_program_runs_are_not_offered(workspace: Workspace) -> None:
    with gr.Blocks():
        tab = build_test_tab(workspace)
    assert [panel.spec.name for panel in tab.panels] == ["texts"]


def test_a_workspace_with_nothing_to_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "reviewer.toml").write_text(EXTERNAL)
    with Workspace(tmp_path, is_app=True) as workspace:
        app = build_app(workspace)
    texts = [repr(each.value) for each in app.blocks.values() if isinstance(each, gr.Markdown)]
    assert any("test.no_models" in text for text in texts)


def test_a_version_that_is_served_by_now_is_said_and_chosen(
    workspace: Workspace, request_en: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Info", lambda sentence, **look: said.append(sentence))
    workspace.list_versions("texts")
    with gr.Blocks():
        tab = build_test_tab(workspace)
    assert refresh_tab(workspace, request_en, tab, "texts", "1")[1].value == "1"
    assert said == []
    (workspace.folder / "echo.py").write_text("def say(text):\n    return text[::-1]\n")
    versions = workspace.versions_of("texts")
    source = workspace.folder / "echo.py"
    os.utime(source, (source.stat().st_atime, source.stat().st_mtime - 60))
    assert [each.name for each in versions.read_all()] == ["1", "2"]
    assert refresh_tab(workspace, request_en, tab, "texts", "1")[1].value == "2"
    assert said == ["Version 2 is now asked."]


def test_calls_of_one_model_share_the_places_that_the_config_gives_it(workspace: Workspace) -> None:
    with gr.Blocks() as app:
        build_test_tab(workspace)
    [predict] = [each for each in app.fns.values() if each.name == "predict"]
    assert (predict.concurrency_id, predict.concurrency_limit) == ("predict-texts", 3)
    assert (predict.preprocess, predict.postprocess) == (False, False)


def test_a_model_that_takes_no_flags_has_no_place_to_flag(tmp_path: Path) -> None:
    with gr.Blocks():
        panel = draw_panel(make_spec(flagging="never"), tmp_path, [], is_shown=True)
    assert panel.flagging is None
    assert panel.flagged == []


def test_example_rows_are_text_and_leave_out_what_no_row_gives(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(make_png())
    spec = make_spec(
        inputs={"text": "textbox", "image": "image", "unused": "number"},
        examples=[{"text": "<b>${1+1}</b>", "image": "a.png"}, {"image": "missing.png"}],
    )
    with gr.Blocks():
        table = draw_examples(spec, tmp_path)
    assert table is not None
    html = str(table.value)
    assert "&lt;b&gt;${1+1}" in html
    assert "data:image/png;base64," in html
    assert "missing.png" in html
    assert "Unused" not in html
    assert html.count('<button type="button">') == 2


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "nowhere.png"])
def test_an_example_names_only_files_of_the_workspace(path: str, workspace: Workspace) -> None:
    (workspace.folder.parent / "secret.txt").write_text("x")
    with pytest.raises(InputError, match="There is no file"):
        _find_example_file(workspace)(path)
