"""The example rows under a model's inputs: a small table to choose from, by mouse or keyboard."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from reviewer.config import InputSpec, ModelSpec
from reviewer.errors import InputError
from reviewer.models.components import name_input, open_image
from reviewer.ui.texts import translate

THUMBNAIL = 40
"""Longest side of a picture in the table, in pixels."""

_ON_LOAD = """
element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-example]');
  if (row) trigger('click', {example: Number(row.dataset.example)});
});
"""


def draw_examples(spec: ModelSpec, folder: Path) -> gr.HTML | None:
    """Place the model's example rows; the `click` event carries the row's number as `example`.

    `folder` is the workspace, which the rows' files are relative to. None when there are no rows.
    """
    if not spec.examples:
        return None
    gr.Markdown(translate("test.examples"), elem_classes="dim")
    used = [name for name in spec.inputs if any(name in row for row in spec.examples)]
    rows = "".join(_build_row(spec, used, number, folder) for number in range(len(spec.examples)))
    heads = "".join(f"<th>{escape(name_input(name, spec.inputs[name]))}</th>" for name in used)
    head = f"<thead><tr>{heads}</tr></thead>" if len(used) > 1 else ""
    table = f"<table>{head}<tbody>{rows}</tbody></table>"
    return gr.HTML(table, js_on_load=_ON_LOAD, elem_classes="examples", apply_default_css=False)


def _build_row(spec: ModelSpec, used: list[str], number: int, folder: Path) -> str:
    row = spec.examples[number]
    first, *others = (_build_cell(spec.inputs[name], row.get(name), folder) for name in used)
    cells = "".join(f"<td>{each}</td>" for each in others)
    return f'<tr data-example="{number}"><td><button type="button">{first}</button></td>{cells}</tr>'


def _build_cell(spec: InputSpec, value: Any, folder: Path) -> str:
    if value is None:
        return "—"
    if spec.component in ("image", "sketch"):
        return _build_thumbnail(folder / str(value))
    return f"<span>{escape(_describe_value(value))}</span>"


def _describe_value(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, (list, tuple)) and not any(isinstance(each, (list, dict)) for each in value):
        return ", ".join(map(str, value)) or "—"
    if isinstance(value, (dict, list)):
        rows = value.get("rows", []) if isinstance(value, dict) else value
        return f"▤ {len(rows)}"
    return " ".join(str(value)[:200].split())


def _build_thumbnail(path: Path) -> str:
    """Return the picture as an image of its own, so that no file is served; the name of one that is none."""
    try:
        image = open_image(path.read_bytes()).convert("RGB")
    except (OSError, InputError):
        return f"<span>{escape(path.name)}</span>"
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(path.name)}">'
