"""How each input component of `reviewer.toml` is drawn in the test tab, and read from it.

A component is a row of `INPUTS`; checking is done below, by the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from reviewer.access import Role
from reviewer.config import (
    CheckboxSpec,
    DropdownSpec,
    ImageSpec,
    InputSpec,
    ModelSpec,
    NumberSpec,
    SliderSpec,
    TextboxSpec,
)
from reviewer.errors import InputError
from reviewer.models.components import open_image
from reviewer.ui.handlers import needs
from reviewer.ui.texts import translate

CANVAS = 280
"""Width and height of the drawing area, in CSS pixels."""


EMPTY_CANVAS: dict[str, Any] = {"background": None, "layers": [], "composite": None}


def _keep(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class InputWidget:
    """How one kind of input is drawn and read."""

    draw: Callable[[Any, str], gr.components.Component]
    """(spec, label) → component."""
    read: Callable[[Any], Any] = _keep
    """Value of the component → value for the workspace."""
    show: Callable[[Any], Any] = _keep
    """Value of an example, an image as its path → value of the component."""
    empty: Any = None
    """What clears the component when it has no value to start with."""


def _draw_textbox(spec: TextboxSpec, label: str) -> gr.Textbox:
    # One line makes Enter predict and Shift+Enter break the line; the box itself is drawn taller by CSS.
    return gr.Textbox(
        label=label,
        placeholder=spec.placeholder,
        lines=1,
        max_lines=max(spec.lines, 12),
        elem_classes="tall-textbox",
    )


def _draw_number(spec: NumberSpec, label: str) -> gr.Number:
    return gr.Number(label=label, minimum=spec.minimum, maximum=spec.maximum, value=None)


def _draw_slider(spec: SliderSpec, label: str) -> gr.Slider:
    middle = (spec.minimum + spec.maximum) / 2
    return gr.Slider(
        spec.minimum,
        spec.maximum,
        value=middle if spec.value is None else spec.value,
        step=spec.step,
        label=label,
        buttons=[],
    )


def _draw_dropdown(spec: DropdownSpec, label: str) -> gr.Dropdown:
    return gr.Dropdown(list(spec.choices), value=spec.choices[0], label=label)


def _draw_radio(spec: DropdownSpec, label: str) -> gr.Radio:
    return gr.Radio(list(spec.choices), value=spec.choices[0], label=label)


def _draw_checkbox(spec: CheckboxSpec, label: str) -> gr.Checkbox:
    return gr.Checkbox(label=label, value=False)


def _draw_image(spec: ImageSpec, label: str) -> gr.ImageEditor:
    """Place a canvas that is ready to draw on, and a button that puts a file on it."""
    canvas = gr.ImageEditor(
        label=label,
        type="pil",
        image_mode="RGBA",
        sources=[],
        brush=gr.Brush(default_size=18, colors=["#000000"], color_mode="fixed"),
        canvas_size=(CANVAS, CANVAS),
        transforms=[],
        layers=False,
        height=CANVAS + 140,
        elem_classes="drawing",
    )
    text: Any = translate("test.upload")  # the label is declared as a str, but translated like any other
    upload = gr.UploadButton(text, file_types=["image"], size="sm")
    upload.upload(open_upload, upload, canvas, api_visibility="private", show_progress="hidden")
    return canvas


@needs(Role.TESTER)
def open_upload(path: str) -> Any:
    """Return an uploaded file as the canvas shows it; one that is no image is refused by its name."""
    try:
        return _show_image(Path(path))
    except InputError as error:
        raise InputError(f"{Path(path).name} {error}") from None


def _read_image(value: Any) -> Any:
    """Return what is drawn on what was uploaded; None when the canvas is empty."""
    image = (value or {}).get("composite")
    if image is None or image.getextrema()[3] == (0, 0):
        return None
    return image


def _show_image(path: Path) -> Any:
    """Return the file as the canvas shows it; raises `InputError` when it is no image."""
    from PIL import Image

    image = open_image(path.read_bytes()).convert("RGBA")
    scale = max(CANVAS // max(image.size), 1)
    drawn = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    return {"background": drawn, "layers": [], "composite": drawn}


INPUTS: dict[str, InputWidget] = {
    "textbox": InputWidget(_draw_textbox),
    "number": InputWidget(_draw_number),
    "slider": InputWidget(_draw_slider),
    "dropdown": InputWidget(_draw_dropdown),
    "radio": InputWidget(_draw_radio),
    "checkbox": InputWidget(_draw_checkbox),
    "image": InputWidget(_draw_image, _read_image, _show_image, EMPTY_CANVAS),
}
"""Component name in `reviewer.toml` → how it is drawn; the same names as `models.components.COMPONENTS`."""


def draw_inputs(spec: ModelSpec) -> list[gr.components.Component]:
    """Place the model's inputs in the current layout; returns them in the order of the config."""
    return [INPUTS[each.component].draw(each, _label(name, each)) for name, each in spec.inputs.items()]


def list_starts(spec: ModelSpec, inputs: list[gr.components.Component]) -> list[Any]:
    """Return the values that the components had before anybody touched them."""
    empties = [INPUTS[each.component].empty for each in spec.inputs.values()]
    return [empty if each.value is None else each.value for each, empty in zip(inputs, empties, strict=True)]


def read_values(spec: ModelSpec, values: tuple[Any, ...]) -> dict[str, Any]:
    """Return the example that the components hold."""
    return {
        name: INPUTS[each.component].read(value)
        for (name, each), value in zip(spec.inputs.items(), values, strict=True)
    }


def show_example(spec: ModelSpec, row: Mapping[str, Any], find_image: Callable[[Any], Path]) -> list[Any]:
    """Return the components' values for an example; `find_image` gives the file of an image's value."""
    return [
        INPUTS[each.component].show(find_image(row[name]) if isinstance(each, ImageSpec) else row.get(name))
        for name, each in spec.inputs.items()
    ]


def _label(name: str, spec: InputSpec) -> str:
    return spec.label or name.replace("_", " ").capitalize()
