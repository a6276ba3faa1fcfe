"""Gradio's components as inputs and outputs of a model.

A component is a row of `INPUTS` and one of `OUTPUTS`, found by its class or the nearest class above it; one
without a row is kept as JSON. The rule: whatever a browser sends, it can be flagged and no word is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar

import gradio as gr
from gradio.components import Component

from reviewer.errors import InputError, ModelError, ReviewerError
from reviewer.foreign.columns import make_key
from reviewer.log.columns import encode_json
from reviewer.log.media import Keep
from reviewer.models.outputs import OUTPUTS as ANSWERS
from reviewer.records import JsonValue
from reviewer.ui.apps.uploads import (
    copy_value,
    read_anything,
    read_audio,
    read_drawing,
    read_file,
    read_image,
)
from reviewer.ui.apps.values import (
    read_bare_label,
    read_choice,
    read_choices,
    read_date,
    read_highlights,
    read_json,
    read_label,
    read_number,
    read_plot,
    read_table,
    read_text,
    read_typed_text,
    read_yes_no,
)

Read: TypeAlias = Callable[[Any, Keep], JsonValue]
"""(what the browser sends, keep) → stored form; raises `InputError` or `ModelError`."""

Keys: TypeAlias = dict[str, Any]
"""A component's table in reviewer.toml."""

Row = TypeVar("Row")


class InputRow(NamedTuple):
    """How a Gradio component is an input of a model."""

    describe: Callable[[Any], Keys]
    read: Read


class OutputRow(NamedTuple):
    """How a Gradio component is an output of a model."""

    component: str
    read: Read


@dataclass(frozen=True, slots=True)
class Field:
    """One input or output of an app."""

    name: str
    block: int
    """Gradio's number of the component."""
    keys: Keys
    read: Read

    @property
    def component(self) -> str:
        """The component's name in reviewer.toml."""
        return str(self.keys["component"])


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that has no stored form, kept so that no word is lost."""

    why: str
    value: str
    """What the browser sent, as JSON in ASCII."""


def list_inputs(components: Iterable[Component]) -> list[Field]:
    """Return the components as inputs; a `gr.State` is none, since nobody enters it."""
    return _name_fields(components, "input", _describe_input)


def list_outputs(components: Iterable[Component]) -> list[Field]:
    """Return the components as outputs; a `gr.State` is none, since nobody sees it."""
    return _name_fields(components, "output", _describe_output)


def rename_fields(fields: Sequence[Field], names: Iterable[str]) -> list[Field]:
    """Return the fields under the names that a model has for them."""
    return [replace(each, name=name) for each, name in zip(fields, names, strict=True)]


def read_fields(
    fields: Iterable[Field], values: Mapping[int, Any], keep: Keep
) -> tuple[dict[str, JsonValue], dict[str, Unread]]:
    """Return the stored form of each field's value, and what has none and why.

    What cannot be stored is None in the first; of a label whose scores are no probabilities the label stays.
    """
    stored: dict[str, JsonValue] = {}
    unread: dict[str, Unread] = {}
    for each in fields:
        value = values[each.block]
        try:
            stored[each.name] = None if value is None else _check(each.read(value, keep))
        except ReviewerError as error:
            if not isinstance(error, (InputError, ModelError)):
                raise
            stored[each.name] = read_bare_label(value) if each.component == "label" else None
            unread[each.name] = Unread(str(error), _write_out(value, keep))
    return stored, unread


def _check(stored: JsonValue) -> JsonValue:
    """Return the stored form; raises `InputError` when no log can hold it."""
    encode_json(stored)
    return stored


def _write_out(value: Any, keep: Keep) -> str:
    try:
        return json.dumps(copy_value(value, keep))
    except InputError as error:
        return json.dumps(str(error))


def _name_fields(
    components: Iterable[Component], role: str, describe: Callable[[Component], tuple[Keys, Read]]
) -> list[Field]:
    fields: list[Field] = []
    for component in components:
        if isinstance(component, gr.State):
            continue
        keys, read = describe(component)
        label = component.label if isinstance(component.label, str) else ""
        name = make_key(label, role, [each.name for each in fields])
        named = {"component": keys["component"], "label": label or name, **keys}
        fields.append(Field(name, component._id, named, read))
    return fields


def _describe_input(component: Component) -> tuple[Keys, Read]:
    row = _find_row(INPUTS, component) or _TEXT_INPUT
    # Whatever was on the page can be flagged, an empty field too.
    keys = {**row.describe(component), "required": False}
    if keys["component"] == "textbox":
        return keys, read_typed_text
    if keys["component"] == "checkbox_group":
        return keys, partial(read_choices, keys["choices"])
    return keys, row.read


def _describe_output(component: Component) -> tuple[Keys, Read]:
    row = _find_row(OUTPUTS, component) or OutputRow("json", read_anything)
    return {"component": row.component}, row.read


def _find_row(rows: Mapping[type, Row], component: Component) -> Row | None:
    if _holds_several(component):
        return None
    return next((rows[each] for each in type(component).__mro__ if each in rows), None)


def _holds_several(component: Component) -> bool:
    return getattr(component, "file_count", "single") != "single"


# What the table of an input says


def _describe_as(name: str) -> Callable[[Component], Keys]:
    return lambda component: {"component": name}


def _describe_text(component: Component) -> Keys:
    return {"component": "textbox"}


def _describe_slider(component: gr.Slider) -> Keys:
    if not component.minimum < component.maximum:
        return {"component": "number"}
    return {"component": "slider", "minimum": component.minimum, "maximum": component.maximum}


def _describe_choices(component: Any) -> Keys:
    """Return the choices; those that the config cannot list, or that anybody may add to, are texts."""
    choices = [str(value) for _, value in component.choices or ()]
    can_be_listed = choices and "" not in choices and len(set(choices)) == len(choices)
    has_several = getattr(component, "multiselect", isinstance(component, gr.CheckboxGroup))
    if not can_be_listed or getattr(component, "allow_custom_value", False):
        return _describe_text(component)
    name = "checkbox_group" if has_several else _find_choice_name(component)
    return {"component": name, "choices": choices}


def _find_choice_name(component: Component) -> str:
    return "radio" if isinstance(component, gr.Radio) else "dropdown"


def _describe_date(component: gr.DateTime) -> Keys:
    return {"component": "date", "include_time": bool(component.include_time)}


_COLUMN_TYPES = {"number": "number", "bool": "boolean"}


def _describe_table(component: gr.Dataframe) -> Keys:
    headers = list(dict.fromkeys(str(each) for each in component.headers or ())) or ["1"]
    types = component.datatype
    kinds = [types] * len(headers) if isinstance(types, str) else [*types, *["str"] * len(headers)]
    return {
        "component": "table",
        "columns": {
            header: _COLUMN_TYPES.get(kind, "text") for header, kind in zip(headers, kinds, strict=False)
        },
    }


_TEXT_INPUT = InputRow(_describe_text, read_typed_text)
_CHOICE_INPUT = InputRow(_describe_choices, read_choice)

INPUTS: dict[type, InputRow] = {
    gr.Textbox: _TEXT_INPUT,
    gr.Code: _TEXT_INPUT,
    gr.Markdown: _TEXT_INPUT,
    gr.HTML: _TEXT_INPUT,
    gr.ColorPicker: _TEXT_INPUT,
    gr.Number: InputRow(_describe_as("number"), read_number),
    gr.Slider: InputRow(_describe_slider, read_number),
    gr.Checkbox: InputRow(_describe_as("checkbox"), read_yes_no),
    gr.CheckboxGroup: _CHOICE_INPUT,
    gr.Radio: _CHOICE_INPUT,
    gr.Dropdown: _CHOICE_INPUT,
    gr.DateTime: InputRow(_describe_date, read_date),
    gr.File: InputRow(_describe_as("file"), read_file),
    gr.Video: InputRow(_describe_as("file"), read_file),
    gr.Image: InputRow(_describe_as("image"), read_image),
    gr.ImageEditor: InputRow(_describe_as("sketch"), read_drawing),
    gr.Audio: InputRow(_describe_as("audio"), read_audio),
    gr.Dataframe: InputRow(_describe_table, read_table),
}
"""Gradio class → its table as an input, and how its value is read."""

_TEXT_OUTPUT = OutputRow("text", read_text)

OUTPUTS: dict[type, OutputRow] = {
    gr.Label: OutputRow("label", read_label),
    gr.Textbox: _TEXT_OUTPUT,
    gr.Markdown: _TEXT_OUTPUT,
    gr.HTML: _TEXT_OUTPUT,
    gr.Code: _TEXT_OUTPUT,
    gr.ColorPicker: _TEXT_OUTPUT,
    gr.DateTime: _TEXT_OUTPUT,
    gr.Number: OutputRow("number", ANSWERS["number"]),
    gr.Slider: OutputRow("number", ANSWERS["number"]),
    gr.Image: OutputRow("image", read_image),
    gr.ImageEditor: OutputRow("image", read_drawing),
    gr.Dataframe: OutputRow("table", read_table),
    gr.Plot: OutputRow("plot", read_plot),
    gr.HighlightedText: OutputRow("highlighted_text", read_highlights),
    gr.JSON: OutputRow("json", read_json),
}
"""Gradio class → its component as an output, and how its value is read."""
