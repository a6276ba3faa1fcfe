"""How each input component of `reviewer.toml` is drawn in the test tab, read from it and filled again.

A component is a row of `INPUTS`; checking is done below, by the workspace. The rule: components are read as
the browser sends them (`preprocess=False`), so that what a person can do on the page ends in a sentence
beside the field, never in an error of Gradio's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.components.image_editor import EditorData
from gradio.processing_utils import save_bytes_to_cache

from reviewer.access import Role
from reviewer.config import (
    AudioSpec,
    CheckboxGroupSpec,
    CheckboxSpec,
    DateSpec,
    DropdownSpec,
    FileSpec,
    ImageSpec,
    InputSpec,
    ModelSpec,
    NumberSpec,
    SliderSpec,
    TableSpec,
    TextboxSpec,
)
from reviewer.errors import InputError
from reviewer.models.components import name_input, open_image
from reviewer.records import JsonValue
from reviewer.ui.handlers import needs
from reviewer.ui.texts import translate

CANVAS = 280
"""Width and height of the drawing area, in CSS pixels."""

EMPTY_CANVAS: dict[str, Any] = {"background": None, "layers": [], "composite": None}

FindFile = Callable[[Any], Path]
"""Value of a media input in an example → its file."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a model on the page."""

    name: str
    spec: Any
    """The row of the config, an `InputSpec`."""
    component: gr.components.Component


def _read_as_sent(field: Field, value: Any) -> Any:
    return value


def _show_as_stored(field: Field, value: Any, find_file: FindFile) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class InputWidget:
    """How one kind of input is drawn, read and filled."""

    draw: Callable[..., gr.components.Component]
    """(spec, **shared keywords of all components) → component."""
    read: Callable[[Field, Any], Any] = _read_as_sent
    """(field, what the browser sent) → value for the workspace."""
    show: Callable[[Field, Any, FindFile], Any] = _show_as_stored
    """(field, value of an example, how to find its file) → value of the component."""
    start: Callable[[Any], Any] = lambda spec: None
    """Spec → value of the component before anybody touched it."""


def _draw_textbox(spec: TextboxSpec, **shared: Any) -> gr.Textbox:
    # One line makes Enter predict and Shift+Enter break the line; the box itself is drawn taller by CSS.
    shared["elem_classes"] = ["field", "tall-textbox"] if spec.lines > 1 else ["field"]
    return gr.Textbox(
        value=spec.value, placeholder=spec.placeholder, lines=1, max_lines=max(spec.lines, 12), **shared
    )


def _draw_number(spec: NumberSpec, **shared: Any) -> gr.Number:
    # The bounds are checked below, where the message names the field; Gradio's own is a passing box.
    bounds = ["…" if each is None else f"{each:g}" for each in (spec.minimum, spec.maximum)]
    hint = "" if bounds == ["…", "…"] else " – ".join(bounds)
    number = gr.Number(value=spec.value, step=spec.step or 1, placeholder=hint, **shared)
    if spec.value is None:
        # The browser would make a missing number 0, which nobody typed.
        number.value = ""
    return number


def _draw_slider(spec: SliderSpec, **shared: Any) -> gr.Slider:
    return gr.Slider(
        spec.minimum, spec.maximum, value=_start_slider(spec), step=spec.step, buttons=[], **shared
    )


def _start_slider(spec: SliderSpec) -> float:
    return (spec.minimum + spec.maximum) / 2 if spec.value is None else spec.value


def _draw_dropdown(spec: DropdownSpec, **shared: Any) -> gr.Dropdown:
    return gr.Dropdown(_list_choices(spec), value=_start_choice(spec), **shared)


def _draw_radio(spec: DropdownSpec, **shared: Any) -> gr.Radio:
    return gr.Radio(_list_choices(spec), value=_start_choice(spec), **shared)


def _list_choices(spec: DropdownSpec) -> list[tuple[str, str]]:
    """Return (shown, value) pairs; an input that may stay empty can be emptied again."""
    pairs = [(each, each) for each in spec.choices]
    return pairs if spec.required else [("—", ""), *pairs]


def _start_choice(spec: DropdownSpec) -> str | None:
    """Return the choice of the config; what nobody chose must not look like an answer."""
    return spec.value or (None if spec.required else "")


def _draw_checkbox(spec: CheckboxSpec, **shared: Any) -> gr.Checkbox:
    return gr.Checkbox(value=spec.value, **shared)


def _draw_checkbox_group(spec: CheckboxGroupSpec, **shared: Any) -> gr.CheckboxGroup:
    return gr.CheckboxGroup(list(spec.choices), value=list(spec.value), **shared)


_DATE_SCRIPT = """
const field = element.querySelector('input');
const send = () => {
  const typed = field.validity.badInput ? 'an incomplete or impossible date' : field.value;
  if (typed !== (props.value ?? '')) props.value = typed;
};
// What is no date changes nothing for the browser, so it is looked at when the field is left as well.
for (const name of ['change', 'focusout']) element.addEventListener(name, send);
watch('value', () => { field.value = props.value ?? ''; });
"""


def _draw_date(spec: DateSpec, *, label: str, info: str | None, **shared: Any) -> gr.HTML:
    """Place the browser's own date field.

    Gradio's keeps its last good value when what is typed is no date, shows no message beside it, and its
    calendar is English.
    """
    kind = "datetime-local" if spec.include_time else "date"
    time = {"low": "T00:00", "high": "T23:59"} if spec.include_time else {"low": "", "high": ""}
    low = f' min="{spec.earliest}{time["low"]}"' if spec.earliest else ""
    high = f' max="{spec.latest}{time["high"]}"' if spec.latest else ""
    help_line = f'<span class="date-info">{_escape_template(info)}</span>' if info else ""
    return gr.HTML(
        html_template=(
            f'<label><span class="date-label">{_escape_template(label)}</span>{help_line}'
            f'<input type="{kind}"{low}{high}></label>'
        ),
        js_on_load=_DATE_SCRIPT,
        apply_default_css=False,
        **{**shared, "elem_classes": ["field", "date-field"]},
    )


def _escape_template(text: str) -> str:
    """Return the text for a template, which Gradio reads as Handlebars and as a JavaScript literal."""
    return escape(text).translate({ord(each): f"&#{ord(each)};" for each in "{}$`\\"})


def _draw_file(spec: FileSpec, **shared: Any) -> gr.File:
    types = [f".{each.lstrip('.')}" for each in spec.types]
    return gr.File(file_types=types or None, file_count="single", height=130, **shared)


def _show_file(field: Field, value: Any, find_file: FindFile) -> str | None:
    return None if value is None else _copy_to_cache(field, find_file(value), value)


def _copy_to_cache(field: Field, path: Path, value: Any) -> str:
    """Return the path of the same bytes where Gradio may serve them from, under the name they came with."""
    name = value.get("name") if isinstance(value, Mapping) else None
    cache: str = field.component.GRADIO_CACHE
    return str(save_bytes_to_cache(path.read_bytes(), Path(name or path.name).name, cache))


def _read_upload(field: Field, value: Any) -> Path | None:
    """Return the uploaded file, which Gradio has confined to its own folder."""
    return Path(value["path"]) if value else None


def _draw_image(spec: ImageSpec, **shared: Any) -> gr.Image:
    return gr.Image(
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        height=260,
        buttons=[],
        **shared,
    )


def _draw_audio(spec: AudioSpec, **shared: Any) -> gr.Audio:
    return gr.Audio(type="filepath", sources=["upload", "microphone"], buttons=[], **shared)


def _draw_sketch(spec: ImageSpec, **shared: Any) -> gr.ImageEditor:
    """Place a canvas that is ready to draw on, and a button that puts a file on it."""
    canvas = gr.ImageEditor(
        type="pil",
        image_mode="RGBA",
        sources=[],
        brush=gr.Brush(default_size=18, colors=["#000000"], color_mode="fixed"),
        canvas_size=(CANVAS, CANVAS),
        transforms=[],
        layers=False,
        height=CANVAS + 140,
        **{**shared, "elem_classes": ["field", "drawing"]},
    )
    text: Any = translate("test.upload")  # the label is declared as a str, but translated like any other
    upload = gr.UploadButton(text, file_types=["image"], size="sm")
    upload.upload(open_upload, upload, canvas, api_visibility="private", show_progress="hidden")
    return canvas


@needs(Role.TESTER)
def open_upload(path: str) -> Any:
    """Return an uploaded file as the canvas shows it; one that is no image is refused by its name."""
    try:
        return _paint(Path(path))
    except InputError as error:
        raise InputError(f"{Path(path).name} {error}") from None


def _read_sketch(field: Field, value: Any) -> Any:
    """Return what is drawn on what was uploaded; None when the canvas is empty."""
    # The strokes came ahead of the event and are handed out once, so they are fetched here and not before.
    drawn = field.component.preprocess(EditorData(**value) if value else None)
    image = (drawn or {}).get("composite")
    if image is None or image.getextrema()[3] == (0, 0):
        return None
    return image


def _show_sketch(field: Field, value: Any, find_file: FindFile) -> Any:
    return EMPTY_CANVAS if value is None else _paint(find_file(value))


def _paint(path: Path) -> Any:
    """Return the file as the canvas shows it; raises `InputError` when it is no image."""
    from PIL import Image

    image = open_image(path.read_bytes()).convert("RGBA")
    scale = max(CANVAS // max(image.size), 1)
    drawn = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    return {"background": drawn, "layers": [], "composite": drawn}


_TABLE_TYPES: dict[str, Literal["str", "number", "bool"]] = {
    "text": "str",
    "number": "number",
    "boolean": "bool",
}


def _draw_table(spec: TableSpec, **shared: Any) -> gr.Dataframe:
    return gr.Dataframe(
        headers=list(spec.columns),
        datatype=[_TABLE_TYPES[each] for each in spec.columns.values()],
        type="array",
        value=_start_table(spec)["data"],
        column_count=len(spec.columns),
        interactive=True,
        max_height=320,
        buttons=[],
        **shared,
    )


def _start_table(spec: TableSpec) -> dict[str, Any]:
    """Return one row to type in; a boolean is false from the start, for else it has no box to tick."""
    row = [False if each == "boolean" else None for each in spec.columns.values()]
    return {"headers": list(spec.columns), "data": [row]}


def _read_table(field: Field, value: Any) -> JsonValue:
    """Return the rows in which something was typed or ticked; None when there is none."""
    rows = [list(row) for row in (value or {}).get("data", [])]
    rows = [row for row in rows if any(cell not in (None, "", False) for cell in row)]
    return {"columns": list(field.spec.columns), "rows": rows} if rows else None


def _show_table(field: Field, value: Any, find_file: FindFile) -> Any:
    if value is None:
        return _start_table(field.spec)
    rows = value["rows"] if isinstance(value, Mapping) else value
    return {"headers": list(field.spec.columns), "data": [list(row) for row in rows]}


def _show_date(field: Field, value: Any, find_file: FindFile) -> str:
    return value.isoformat() if isinstance(value, date) else value or ""


INPUTS: dict[str, InputWidget] = {
    "textbox": InputWidget(_draw_textbox, start=lambda spec: spec.value),
    "number": InputWidget(_draw_number, start=lambda spec: spec.value),
    "slider": InputWidget(_draw_slider, start=_start_slider),
    "dropdown": InputWidget(_draw_dropdown, start=_start_choice),
    "radio": InputWidget(_draw_radio, start=_start_choice),
    "checkbox": InputWidget(_draw_checkbox, start=lambda spec: spec.value),
    "checkbox_group": InputWidget(_draw_checkbox_group, start=lambda spec: list(spec.value)),
    "date": InputWidget(_draw_date, show=_show_date, start=lambda spec: ""),
    "file": InputWidget(_draw_file, _read_upload, _show_file),
    "image": InputWidget(_draw_image, _read_upload, _show_file),
    "sketch": InputWidget(_draw_sketch, _read_sketch, _show_sketch, lambda spec: EMPTY_CANVAS),
    "audio": InputWidget(_draw_audio, _read_upload, _show_file),
    "table": InputWidget(_draw_table, _read_table, _show_table, _start_table),
}
"""Component name in `reviewer.toml` → how it is drawn; the same names as `models.components.COMPONENTS`."""

MANY = 5
"""From so many inputs on, the small ones stand in two columns."""


def draw_inputs(spec: ModelSpec) -> list[Field]:
    """Place the model's inputs in the current layout; returns them in the order of the config."""
    layout = ["fields", "many-fields"] if len(spec.inputs) >= MANY else ["fields"]
    with gr.Column(elem_classes=layout):
        return [_draw_field(spec.name, name, each) for name, each in spec.inputs.items()]


def _draw_field(model: str, name: str, spec: InputSpec) -> Field:
    shared = {
        "label": name_input(name, spec),
        "info": spec.info or None,
        "elem_id": f"input-{model}-{name}",
        "elem_classes": ["field"],
    }
    if spec.has_media or isinstance(spec, TableSpec):
        if spec.info:
            gr.Markdown(escape(spec.info), elem_classes="dim")
        shared.pop("info")
    return Field(name, spec, INPUTS[spec.component].draw(spec, **shared))


def list_starts(fields: Sequence[Field]) -> list[Any]:
    """Return the values that the components had before anybody touched them."""
    return [INPUTS[each.spec.component].start(each.spec) for each in fields]


def read_values(fields: Sequence[Field], values: Sequence[Any]) -> dict[str, Any]:
    """Return the example that the components hold, from what the browser sent."""
    return {
        field.name: INPUTS[field.spec.component].read(field, value)
        for field, value in zip(fields, values, strict=True)
    }


def show_example(fields: Sequence[Field], row: Mapping[str, Any], find_file: FindFile) -> list[Any]:
    """Return the components' values for an example; an input that it leaves out starts anew."""
    shown = []
    for field in fields:
        widget = INPUTS[field.spec.component]
        has_value = row.get(field.name) is not None
        shown.append(
            widget.show(field, row[field.name], find_file) if has_value else widget.start(field.spec)
        )
    return shown
