"""How a model's answer is drawn in the test tab: one row of `OUTPUTS` per output component.

The rule: an answer is data of others, shown as text or through Gradio's own components, never as HTML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.components.plot import PlotData

from reviewer.config import LabelOutputSpec, ModelSpec, OutputSpec
from reviewer.models.outputs import list_outputs
from reviewer.records import JsonValue, Prediction, Task
from reviewer.ui.texts import translate


@dataclass(frozen=True, slots=True)
class OutputWidget:
    """How one kind of output is drawn."""

    draw: Callable[[Any, Any], gr.components.Component]
    """(spec, label) → component."""
    show: Callable[[JsonValue], Any]
    """Stored form → value of the component."""


def _draw_label(spec: LabelOutputSpec, label: Any) -> gr.Label:
    return gr.Label(label=label, num_top_classes=spec.top, elem_classes="answer")


def _show_label(stored: JsonValue) -> Any:
    return {stored: 1.0} if isinstance(stored, str) else stored


def _draw_text(spec: OutputSpec, label: Any) -> gr.Textbox:
    return gr.Textbox(label=label, interactive=False, lines=2, max_lines=20, elem_classes="answer")


def _draw_number(spec: OutputSpec, label: Any) -> gr.Number:
    number = gr.Number(label=label, interactive=False, precision=None, elem_classes="answer")
    number.value = ""  # the browser would show a missing number as 0
    return number


def _draw_table(spec: OutputSpec, label: Any) -> gr.Dataframe:
    return gr.Dataframe(
        label=label, interactive=False, datatype="str", max_height=360, buttons=[], elem_classes="answer"
    )


def _show_table(stored: JsonValue) -> Any:
    return {"headers": stored["columns"], "data": stored["rows"]}


def _draw_image(spec: OutputSpec, label: Any) -> gr.HTML:
    return gr.HTML(label=label, show_label=True, container=True, elem_classes=["answer", "answer-image"])


def _show_image(stored: JsonValue) -> str:
    """Return the picture by its address under `/api/media`, which is checked there."""
    return f'<img src="{_link_media(stored)}" alt="">'


def _link_media(stored: JsonValue) -> str:
    return escape(f"api/media/{stored['media']}")


def _draw_plot(spec: OutputSpec, label: Any) -> gr.Plot:
    return gr.Plot(label=label, elem_classes=["answer", "answer-plot"])


def _show_plot(stored: JsonValue) -> PlotData:
    if "media" in stored:
        return PlotData(type="matplotlib", plot=_link_media(stored))
    return PlotData(type="plotly", plot=json.dumps(stored["plotly"]))


def _draw_json(spec: OutputSpec, label: Any) -> gr.JSON:
    return gr.JSON(label=label, elem_classes="answer")


def _show_json(stored: JsonValue) -> Any:
    # Gradio reads a text as JSON, so a text is written as such.
    return json.dumps(stored, ensure_ascii=False) if isinstance(stored, str) else _defuse(stored)


def _defuse(stored: JsonValue) -> JsonValue:
    """Return the value with what Gradio would take for one of its files, and open, made a mere text."""
    if isinstance(stored, dict):
        return {key: _defuse(each) for key, each in stored.items()}
    if isinstance(stored, list):
        return [_defuse(each) for each in stored]
    return "gradio.FileData (text)" if stored == "gradio.FileData" else stored


def _draw_highlighted(spec: OutputSpec, label: Any) -> gr.HighlightedText:
    return gr.HighlightedText(label=label, show_legend=True, elem_classes="answer")


def _show_highlighted(stored: JsonValue) -> Any:
    return [(text, mark) for text, mark in stored]


OUTPUTS: dict[str, OutputWidget] = {
    "label": OutputWidget(_draw_label, _show_label),
    "text": OutputWidget(_draw_text, str),
    "number": OutputWidget(_draw_number, float),
    "table": OutputWidget(_draw_table, _show_table),
    "image": OutputWidget(_draw_image, _show_image),
    "plot": OutputWidget(_draw_plot, _show_plot),
    "json": OutputWidget(_draw_json, _show_json),
    "highlighted_text": OutputWidget(_draw_highlighted, _show_highlighted),
}
"""Component name in `reviewer.toml` → how it is drawn; the same names as `config.OUTPUT_SPECS`."""


def draw_outputs(spec: ModelSpec) -> list[gr.components.Component]:
    """Place what the model answers in the current layout, in the order of the config."""
    return [
        OUTPUTS[each.component].draw(each, _label(spec, name, each)) for name, each in spec.answers.items()
    ]


def _label(spec: ModelSpec, name: str, output: OutputSpec) -> Any:
    if output.label:
        return output.label
    if spec.task is Task.TABULAR_REGRESSION and output.component == "number":
        return f"{spec.target}, {spec.unit}" if spec.unit else spec.target
    return translate("test.answer") if len(spec.answers) == 1 else name.replace("_", " ").capitalize()


def show_outputs(spec: ModelSpec, made: Prediction) -> list[Any]:
    """Return the components' values for a prediction; nothing for one that failed."""
    stored = {} if made.error else list_outputs(spec, made)
    return [
        None if stored.get(name) is None else OUTPUTS[each.component].show(stored[name])
        for name, each in spec.answers.items()
    ]


def draw_suggestion(spec: ModelSpec, labels: Sequence[str]) -> gr.components.Component:
    """Place the field in which a flagger may say what is right."""
    label = translate("test.suggestion")
    if spec.task.is_classification and labels:
        return gr.Dropdown(list_suggestions(labels), value="", label=label, elem_classes="suggestion")
    if spec.task is Task.TABULAR_REGRESSION:
        number = gr.Number(label=label, value=None, elem_classes="suggestion")
        number.value = ""  # the browser would show a missing number as 0
        return number
    return gr.Textbox(label=label, lines=1, max_lines=8, elem_classes="suggestion")


def list_suggestions(labels: Sequence[str]) -> list[tuple[str, str]]:
    """Return the entries of a field that offers labels, the one for none first."""
    return [("—", ""), *((each, each) for each in labels)]


def describe_answer(prediction: Prediction) -> str:
    """Return the answer in a few words, for lists."""
    if prediction.error:
        return "—"
    if prediction.predicted_label is not None:
        return prediction.predicted_label
    if prediction.predicted_value is not None:
        return f"{prediction.predicted_value:.6g}"
    text = prediction.output if isinstance(prediction.output, str) else json.dumps(prediction.output)
    return " ".join(text[:80].split())
