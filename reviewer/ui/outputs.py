"""How a model's answer is drawn in the test tab, one row of `OUTPUTS` per task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from reviewer.config import ModelSpec
from reviewer.records import Prediction, Task
from reviewer.ui.texts import translate


@dataclass(frozen=True, slots=True)
class OutputWidget:
    """How one task's answers are drawn."""

    draw: Callable[[ModelSpec], gr.components.Component]
    read: Callable[[Prediction], Any]
    """Prediction → value of the component."""


def _draw_label(spec: ModelSpec) -> gr.Label:
    return gr.Label(label=translate("test.answer"), num_top_classes=min(len(spec.labels), 10))


def _read_scores(prediction: Prediction) -> Any:
    if prediction.scores:
        return prediction.scores
    return {prediction.predicted_label: 1.0} if prediction.predicted_label else None


def _draw_value(spec: ModelSpec) -> gr.Number:
    label = f"{spec.target}, {spec.unit}" if spec.unit else spec.target
    return gr.Number(label=label, interactive=False, precision=None)


def _draw_text(spec: ModelSpec) -> gr.Textbox:
    return gr.Textbox(label=translate("test.answer"), interactive=False, lines=3, max_lines=20)


def _draw_json(spec: ModelSpec) -> gr.JSON:
    return gr.JSON(label=translate("test.answer"))


_LABEL = OutputWidget(_draw_label, _read_scores)

OUTPUTS: dict[Task, OutputWidget] = {
    Task.TEXT_CLASSIFICATION: _LABEL,
    Task.IMAGE_CLASSIFICATION: _LABEL,
    Task.TABULAR_CLASSIFICATION: _LABEL,
    Task.TABULAR_REGRESSION: OutputWidget(_draw_value, lambda prediction: prediction.predicted_value),
    Task.TEXT_GENERATION: OutputWidget(_draw_text, lambda prediction: prediction.output),
    Task.GENERIC: OutputWidget(_draw_json, lambda prediction: prediction.output),
}
"""Task → how its answers are drawn."""


def draw_suggestion(spec: ModelSpec) -> gr.components.Component:
    """Place the field in which a flagger may say what is right."""
    label = translate("test.suggestion")
    if spec.task.is_classification:
        return gr.Dropdown(
            [("—", ""), *((each, each) for each in spec.labels)],
            value="",
            label=label,
            elem_classes="suggestion",
        )
    if spec.task is Task.TABULAR_REGRESSION:
        return gr.Number(label=label, value=None, elem_classes="suggestion")
    return gr.Textbox(label=label, lines=1, elem_classes="suggestion")


def describe_answer(prediction: Prediction) -> str:
    """Return the answer in a few words, for lists."""
    if prediction.error:
        return "—"
    if prediction.predicted_label is not None:
        return prediction.predicted_label
    if prediction.predicted_value is not None:
        return f"{prediction.predicted_value:.6g}"
    return str(prediction.output)[:80]
