"""One model's part of the test tab: its inputs, its answer, and what of it is shown when.

Pure layout and values; events are wired in `test_tab`. The rule: an answer never stands beside an example
that was refused, so each function below fills everything in `Panel.shown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from pydantic import BaseModel

from reviewer.config import ModelSpec
from reviewer.records import Prediction, new_id
from reviewer.ui.examples import draw_examples
from reviewer.ui.flag_box import FlagBox, Row, describe_facts, draw_flag_box
from reviewer.ui.inputs import Field, draw_inputs
from reviewer.ui.outputs import draw_outputs, show_outputs
from reviewer.ui.texts import translate

_PROBLEMS_START = """
import(new URL("ui/test/problems.js", document.baseURI)).then((problems) => problems.mount(props, watch));
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """The components of one model."""

    spec: ModelSpec
    column: gr.Column
    fields: list[Field]
    problems: gr.HTML
    predict: gr.Button
    stop: gr.Button
    clear: gr.Button
    examples: gr.HTML | None
    answers: list[gr.components.Component]
    facts: gr.HTML
    past: gr.HTML
    """What became of the example before; filled a moment after the answer, which does not wait for it."""
    flagging: FlagBox | None
    current: gr.Textbox
    """The id of the prediction on the page; hidden, so that an answer that comes too late does not set it."""

    @property
    def inputs(self) -> Row:
        """The input components, in the order of the config."""
        return [each.component for each in self.fields]

    @property
    def flagged(self) -> Row:
        """What a flag fills."""
        return [self.flagging.message, self.flagging.flagged] if self.flagging else []

    @property
    def shown(self) -> Row:
        """What a prediction fills."""
        box = self.flagging
        flagging = [box.suggestion, box.comment, box.message] if box else []
        return [*self.answers, self.facts, self.past, self.current, *flagging]

    @property
    def reopened(self) -> Row:
        """What an earlier prediction fills."""
        flagged = [self.flagging.flagged] if self.flagging else []
        return [*self.inputs, *self.shown, self.problems, *flagged]


def draw_panel(spec: ModelSpec, folder: Path, labels: list[str], *, is_shown: bool) -> Panel:
    """Place one model's inputs and answer side by side; `folder` is the workspace."""
    with gr.Column(visible=is_shown, elem_classes="model-panel") as column, gr.Row(equal_height=False):
        with gr.Column(elem_classes="box", min_width=340):
            fields = draw_inputs(spec)
            problems = gr.HTML({}, html_template="", js_on_load=_PROBLEMS_START)
            with gr.Row(elem_classes="predict-bar"):
                predict = gr.Button(translate("test.predict"), variant="primary", elem_classes="predict")
                stop = gr.Button(translate("test.stop"), variant="stop", elem_classes="predict-stop")
                clear = gr.Button(translate("test.clear"))
            examples = draw_examples(spec, folder)
        with gr.Column(elem_classes=["box", "answer-box"], min_width=340):
            answers = draw_outputs(spec)
            facts = gr.HTML(elem_classes="facts")
            past = gr.HTML(elem_classes="facts-past")
            flagging = draw_flag_box(spec, labels)
        current = gr.Textbox("", visible=False)
    return Panel(
        spec, column, fields, problems, predict, stop, clear, examples,
        answers, facts, past, flagging, current,
    )  # fmt: skip


def show_prediction(
    request: gr.Request, panel: Panel, made: Prediction, past: str = "", message: str = ""
) -> Row:
    """Return what fills `Panel.shown`; `message` tells of a flag that the prediction has already."""
    shown = [*show_outputs(panel.spec, made), describe_facts(request, made), past, made.prediction_id]
    return [*shown, *_start_flagging(panel, message)]


def show_nothing(panel: Panel) -> Row:
    """Return what empties `Panel.shown`."""
    return [*(None for _ in panel.answers), "", "", "", *_start_flagging(panel)]


def _start_flagging(panel: Panel, message: str = "") -> Row:
    """Return nothing typed yet, and the message."""
    if panel.flagging is None:
        return []
    return [None if isinstance(panel.flagging.suggestion, gr.Number) else "", "", message]


def encode_shown(panel: Panel, values: Row) -> Row:
    """Return the values of `Panel.shown` as the browser takes them, for an event that does not postprocess.

    Gradio would do the same for each in a thread of its own, which takes longer than the model.
    """
    return [_encode(*each) for each in zip(panel.shown, values, strict=True)]


def _encode(component: Any, value: Any) -> Any:
    sent = component.postprocess(value)
    return sent.model_dump() if isinstance(sent, BaseModel) else sent


def show_problems(panel: Panel, problems: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of `Panel.problems` that puts each sentence under its field; none takes them away.

    The id makes every value a new one, so that a mistake made twice is shown twice.
    """
    return {"id": new_id(), "model": panel.spec.name, "problems": dict(problems)}
