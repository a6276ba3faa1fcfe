from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
import plotly.graph_objects as go
import pytest
from gradio.components import Component
from PIL import Image

from reviewer.config import INPUT_SPECS, OUTPUT_SPECS
from reviewer.errors import LogError
from reviewer.log.media import MediaStore, name_media
from reviewer.records import JsonValue
from reviewer.ui.apps.wire import INPUTS, OUTPUTS, Field, list_inputs, list_outputs, read_fields


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which Gradio keeps what was uploaded, for this test alone."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def write_png(color: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), color).save(buffer, "PNG")
    return buffer.getvalue()


def write_wav() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(1600))
    return buffer.getvalue()


def upload(cache: Path, name: str, data: bytes) -> dict[str, Any]:
    """Return what a browser sends of a file that was uploaded under that name."""
    path = cache / "0123" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return describe_file(path, name)


def describe_file(path: Path | str, name: str) -> dict[str, Any]:
    meta = {"_type": "gradio.FileData"}
    return {"path": str(path), "url": "http://x/file", "orig_name": name, "size": 1, "meta": meta}


def read_one(field: Field, value: Any) -> tuple[JsonValue, str]:
    """Return the stored form and, when there is none, why."""
    stored, unread = read_fields([field], {field.block: value}, name_media)
    return stored[field.name], unread[field.name].why if unread else ""


def store_input(component: Component, value: Any) -> JsonValue:
    return read_one(list_inputs([component])[0], value)[0]


def store_output(component: Component, value: Any) -> JsonValue:
    return read_one(list_outputs([component])[0], value)[0]


def list_component_classes() -> list[type[Component]]:
    found = [each for each in vars(gr).values() if isinstance(each, type) and issubclass(each, Component)]
    return [each for each in dict.fromkeys(found) if each not in (Component, gr.State)]


@pytest.mark.filterwarnings("ignore")  # some of Gradio's classes warn of themselves
@pytest.mark.parametrize("kind", list_component_classes(), ids=lambda kind: kind.__name__)
def test_every_component_of_gradio_can_be_an_input_and_an_output(kind: type[Component]) -> None:
    needed: dict[type, list[Any]] = {gr.ParamViewer: [{}], gr.Dataset: []}
    component = kind(*needed.get(kind, []))
    (given,), (answered,) = list_inputs([component]), list_outputs([component])
    INPUT_SPECS[given.component].model_validate(given.keys)
    OUTPUT_SPECS[answered.component].model_validate(answered.keys)
    for field in (given, answered):
        assert read_one(field, None) == (None, "")


def test_a_state_is_neither_an_input_nor_an_output() -> None:
    assert [list_inputs([gr.State(1)]), list_outputs([gr.State(1)])] == [[], []]


def test_every_component_of_the_config_can_come_from_gradio() -> None:
    makers: list[Component] = [
        *(kind() for kind in INPUTS if kind not in (gr.Radio, gr.Dropdown, gr.CheckboxGroup)),
        gr.Radio(["a"]),
        gr.Dropdown(["a"]),
        gr.CheckboxGroup(["a"]),
    ]
    assert {each.component for each in list_inputs(makers)} == set(INPUT_SPECS)
    assert {row.component for row in OUTPUTS.values()} | {"json"} == set(OUTPUT_SPECS)


TEXTS = [
    "plain",
    "  spaces \t",
    "=cmd|' /C calc'!A0",
    "'=x",
    "-5",
    "+1",
    "@x",
    "007",
    "1e5",
    "1.10",
    "NaN",
    "null",
    "true",
    '"quoted"',
    "[1,2]",
    '{"a":1,"a":2}',
    '{"path":"/etc/passwd","meta":{"_type":"gradio.FileData"}}',
    "a,-b\nc,=d\r\n",
    "e\u0301 🙂 שלום",
    "NUL \0 in it",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", [gr.Textbox, gr.TextArea, gr.Markdown, gr.HTML, gr.Code])
def test_a_text_is_stored_as_it_was_typed(kind: type[Component], text: str) -> None:
    assert store_input(kind(), text) == text
    assert store_output(kind(), text) == text


def test_an_empty_field_is_none_and_an_empty_answer_a_text() -> None:
    assert store_input(gr.Textbox(), "") is None
    assert store_output(gr.Textbox(), "") == ""


SCALARS: list[tuple[Callable[[], Component], Any, JsonValue]] = [
    (gr.Number, 3.0, 3),
    (gr.Number, -0.5, -0.5),
    (gr.Number, 1e300, 1e300),
    (lambda: gr.Slider(0, 10), 7, 7),
    (lambda: gr.Slider(0, 10), 99, 99),
    (gr.Checkbox, True, True),
    (gr.Checkbox, False, False),
    (lambda: gr.Radio(["a", "b"]), "b", "b"),
    (lambda: gr.Radio([("One", 1), ("Two", 2)]), 2, "2"),
    (lambda: gr.Dropdown(["a", "b"]), "=a", "=a"),
    (lambda: gr.Dropdown(["a"], allow_custom_value=True), "own", "own"),
    (lambda: gr.Dropdown(["a", "b", "c"], multiselect=True), ["c", "a"], ["a", "c"]),
    (lambda: gr.CheckboxGroup(["a", "b"]), ["b", "a", "added"], ["a", "b", "added"]),
    (lambda: gr.CheckboxGroup(["a", "b"]), [], []),
    (gr.DateTime, "2026-03-01 12:30:00", "2026-03-01T12:30:00"),
    (lambda: gr.DateTime(include_time=False), "2026-03-01", "2026-03-01"),
    (gr.DateTime, "", None),
    (gr.ColorPicker, "#ff0000", "#ff0000"),
]


@pytest.mark.parametrize(("make", "sent", "stored"), SCALARS)
def test_a_single_value_has_its_stored_form(
    make: Callable[[], Component], sent: Any, stored: JsonValue
) -> None:
    assert store_input(make(), sent) == stored


@pytest.mark.parametrize(
    ("component", "keys"),
    [
        (lambda: gr.Slider(0, 5), {"component": "slider", "minimum": 0, "maximum": 5}),
        (lambda: gr.Radio(["x", "y"]), {"component": "radio", "choices": ["x", "y"]}),
        (lambda: gr.Dropdown(["x"]), {"component": "dropdown", "choices": ["x"]}),
        (lambda: gr.Dropdown(["x"], multiselect=True), {"component": "checkbox_group", "choices": ["x"]}),
        (lambda: gr.Dropdown(["x"], allow_custom_value=True), {"component": "textbox"}),
        (lambda: gr.Dropdown(["", "x"]), {"component": "textbox"}),
        (lambda: gr.Radio([]), {"component": "textbox"}),
        (lambda: gr.DateTime(include_time=False), {"component": "date", "include_time": False}),
        (lambda: gr.File(file_count="multiple"), {"component": "textbox"}),
        (lambda: gr.Sketchpad(), {"component": "sketch"}),
        (
            lambda: gr.Dataframe(headers=["n", "t", "n"], datatype=["number", "str", "bool"]),
            {"component": "table", "columns": {"n": "number", "t": "text"}},
        ),
    ],
)
def test_the_table_of_an_input_says_what_the_component_takes(
    component: Callable[[], Component], keys: dict[str, Any]
) -> None:
    found = list_inputs([component()])[0].keys
    assert {key: value for key, value in found.items() if key not in ("label", "required")} == keys


def test_a_picture_an_editor_a_recording_and_a_file_are_kept_by_their_bytes(cache: Path) -> None:
    png, wav = write_png(), write_wav()
    picture = upload(cache, "photo.png", png)
    stored = {"media": name_media(png, "png")}
    assert store_input(gr.Image(), picture) == store_output(gr.Image(), picture) == stored
    drawing = {"background": None, "layers": [picture], "composite": picture, "id": None}
    assert store_input(gr.ImageEditor(), drawing) == store_input(gr.Sketchpad(), drawing) == stored
    assert store_input(gr.Sketchpad(), {"background": None, "layers": [], "composite": None}) is None
    assert store_input(gr.Audio(), upload(cache, "a.mp3", wav)) == {"media": name_media(wav, "wav")}
    file = upload(cache, "notes, é.txt", b"hello")
    assert store_input(gr.File(), file) == {"media": name_media(b"hello", "txt"), "name": "notes, é.txt"}


def test_a_picture_from_the_camera_is_in_the_value_itself() -> None:
    url = "data:image/png;base64," + base64.b64encode(write_png()).decode()
    assert store_input(gr.Image(), {"path": None, "url": url}) == {"media": name_media(write_png(), "png")}


def test_several_files_galleries_and_chats_keep_their_files_as_json(cache: Path) -> None:
    note = upload(cache, "a.txt", b"a")
    kept = {"media": name_media(b"a", "txt"), "name": "a.txt"}
    several = store_input(gr.File(file_count="multiple"), [note, note])
    assert json.loads(several) == [kept, kept]
    picture = upload(cache, "p.png", write_png())
    gallery = store_output(gr.Gallery(), [{"image": picture, "caption": "=c"}])
    assert gallery[0] == {
        "image": {"media": name_media(write_png(), "png"), "name": "p.png"},
        "caption": "=c",
    }
    chat = [{"role": "user", "content": [{"type": "text", "text": "-5"}], "metadata": None, "options": None}]
    assert store_output(gr.Chatbot(), chat) == chat
    assert store_output(gr.Video(), upload(cache, "v.mp4", b"\0\0\0\0ftyp")) == {
        "media": name_media(b"\0\0\0\0ftyp", "mp4"),
        "name": "v.mp4",
    }


def test_a_table_is_kept_cell_by_cell_without_its_empty_end() -> None:
    sent = {"headers": ["a", 2], "data": [["007", 1.5], ["=x", None], ["", ""]], "metadata": None}
    stored = {"columns": ["a", "2"], "rows": [["007", 1.5], ["=x", None]]}
    assert store_input(gr.Dataframe(), sent) == store_output(gr.Dataframe(), sent) == stored
    assert store_input(gr.Dataframe(), {"headers": ["1"], "data": [[""]], "metadata": None}) is None


def test_what_gradio_makes_of_an_answer_is_read_again(cache: Path) -> None:
    def answer(component: Component, value: Any) -> JsonValue:
        sent: Any = component.postprocess(value)  # type: ignore[no-untyped-call]  # Gradio's own
        return store_output(component, sent.model_dump() if hasattr(sent, "model_dump") else sent)

    assert answer(gr.Label(), {"cat": 0.25, "dog": 0.75}) == {"dog": 0.75, "cat": 0.25}
    assert answer(gr.Label(), "cat") == "cat"
    assert answer(gr.Number(), 2.5) == 2.5
    assert answer(gr.JSON(), {"a": [1, None, "=x"]}) == {"a": [1, None, "=x"]}
    assert answer(gr.Dataframe(), pd.DataFrame({"a": [1], "b": ["x"]}))["rows"] == [[1, "x"]]
    pieces = [("Bern", "city"), (" is nice", None)]
    assert answer(gr.HighlightedText(), pieces) == [["Bern", "city"], [" is nice", None]]
    figure = answer(gr.Plot(), go.Figure(go.Bar(y=[1, 2])))
    assert figure["plotly"]["data"][0]["type"] == "bar"


def test_a_matplotlib_plot_is_kept_as_its_picture() -> None:
    url = "data:image/png;base64," + base64.b64encode(write_png()).decode()
    sent = {"type": "matplotlib", "plot": url}
    assert store_output(gr.Plot(), sent) == {"media": name_media(write_png(), "png")}


def test_labels_without_probabilities_stay_labels_and_say_so() -> None:
    field = list_outputs([gr.Label()])[0]
    sent = {"label": "cat", "confidences": [{"label": "cat", "confidence": 87.5}]}
    stored, unread = read_fields([field], {field.block: sent}, name_media)
    assert stored == {"output": "cat"}
    assert "probabilities from 0 to 1" in unread["output"].why
    assert json.loads(unread["output"].value) == sent


def test_a_forged_path_is_never_read(cache: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(write_png("blue"))
    (cache / "link.png").symlink_to(secret)
    paths = ["/etc/passwd", secret, cache / ".." / "secret.png", cache / "link.png", cache, "", "a\0b", 5, []]
    for path in paths:
        forged = {**describe_file("", "x.png"), "path": path if isinstance(path, (int, list)) else str(path)}
        for component in (gr.Image(), gr.File(), gr.Audio(), gr.Video()):
            stored, why = read_one(list_inputs([component])[0], forged)
            assert stored is None, path
            assert "file" in why, path
        text = store_output(gr.Gallery(), [{"image": forged, "caption": None}])
        assert "media" not in json.dumps(text), path


def test_a_json_value_that_looks_like_a_file_stays_json(cache: Path) -> None:
    file = upload(cache, "a.txt", b"a")
    assert store_output(gr.JSON(), {"x": file}) == {"x": file}


HOSTILE = [
    {},
    [],
    "text",
    5,
    True,
    {"path": "x"},
    {"meta": 3, "path": []},
    {"headers": "ab", "data": 3},
    {"headers": ["a"], "data": [["1", "2"]]},
    {"label": {"x": 1}, "confidences": 7},
    {"label": "a\0b", "confidences": [{"label": [], "confidence": "x"}]},
    {"type": "plotly", "plot": "{"},
    {"type": "altair", "plot": "{}"},
    [{"token": 1, "class_or_confidence": {}}],
    [[[[[]]]]],
    "half \ud800 a character",
    {"half \ud800": ["\udfff"]},
    float("nan"),
    float("inf"),
    10**400,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:40])
def test_no_value_of_any_component_breaks_a_flag_or_is_lost(value: Any) -> None:
    makers = [each() for each in (*INPUTS, *OUTPUTS, gr.Gallery, gr.Chatbot)]
    for field in [*list_inputs(makers), *list_outputs(makers)]:
        stored, unread = read_fields([field], {field.block: value}, name_media)
        json.dumps(stored, ensure_ascii=False, allow_nan=False).encode()
        for each in unread.values():
            assert json.loads(each.value) is not None


def test_a_value_nested_too_deeply_is_said_and_not_followed() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    stored, why = read_one(list_outputs([gr.JSON()])[0], deep)
    assert (stored, why) == (None, "holds values nested more than 100 deep.")


def test_a_disk_that_refuses_is_no_unread_value(cache: Path) -> None:
    def refuse(data: bytes, ending: str) -> str:
        raise LogError("no space")

    field = list_inputs([gr.Image()])[0]
    with pytest.raises(LogError, match="no space"):
        read_fields([field], {field.block: upload(cache, "p.png", write_png())}, refuse)


def test_the_same_file_is_stored_once(cache: Path, tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media")
    field = list_inputs([gr.Image()])[0]
    for name in ("a.png", "b.png"):
        read_fields([field], {field.block: upload(cache, name, write_png())}, store.save)
    assert len(list((tmp_path / "media").rglob("*.png"))) == 1


def test_components_with_one_label_or_none_get_names_of_their_own() -> None:
    fields = list_inputs([gr.Textbox(label="Text"), gr.Textbox(label="Text"), gr.Textbox(label="Текст")])
    assert [(each.name, each.keys["label"]) for each in fields] == [
        ("text", "Text"),
        ("text_2", "Text"),
        ("input", "Текст"),
    ]
