"""The insights pane: the figures of one model, in the theme of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from reviewer.access import Role
from reviewer.config import Kind, ModelSpec
from reviewer.records import Task
from reviewer.ui.handlers import needs
from reviewer.ui.texts import find_language, load_texts, translate
from reviewer.workspace import Workspace


@dataclass(frozen=True, slots=True)
class InsightsPane:
    """The pane's components."""

    model: gr.Dropdown
    is_dark: gr.Checkbox
    boxes: dict[str, gr.Column]
    plots: dict[str, gr.Plot]


def build_insights(workspace: Workspace) -> InsightsPane:
    """Lay the pane out; it is drawn when it is opened."""
    models = [(spec.shown_name, name) for name, spec in workspace.spec.models.items()]
    with gr.Row(elem_classes="pane-bar"):
        model = gr.Dropdown(
            models, value=models[0][1], label=translate("test.model"), elem_id="insights-model"
        )
    is_dark = gr.Checkbox(visible=False)
    boxes, plots = {}, {}
    with gr.Row(elem_classes="figures"):
        for name in ("options", "rate", "confidence", "confusion", "residuals"):
            with gr.Column(min_width=440, elem_classes="box", elem_id=f"figure-{name}") as boxes[name]:
                gr.Markdown(translate(f"figure.{name}.title"), elem_classes="box-title")
                plots[name] = gr.Plot(show_label=False)
    return InsightsPane(model, is_dark, boxes, plots)


def wire_insights(workspace: Workspace, pane: InsightsPane, tab: gr.Tab) -> None:
    """Draw the figures when the pane is opened or another model is chosen."""

    @needs(Role.REVIEWER)
    def draw(request: gr.Request, model: str, is_dark: bool) -> list[Any]:
        """Return which boxes are shown, then the figures, None in those that are not."""
        words = load_texts(find_language(request))
        wanted = list_figures(workspace.find_model(model))
        boxes = [gr.Column(visible=name in wanted) for name in pane.plots]
        figures = [
            _draw_figure(workspace, name, model, words, is_dark=is_dark) if name in wanted else None
            for name in pane.plots
        ]
        return [*boxes, *figures]

    gr.on(
        [tab.select, pane.model.change],
        draw,
        [pane.model, pane.is_dark],
        [*pane.boxes.values(), *pane.plots.values()],
        js="(model) => [model, document.body.classList.contains('dark')]",
        api_visibility="private",
    )


def _draw_figure(workspace: Workspace, name: str, model: str, words: dict[str, str], *, is_dark: bool) -> Any:
    from reviewer.figures import FIGURES

    return FIGURES[name](workspace.read_frame(name, model), words=words, is_dark=is_dark)


def list_figures(spec: ModelSpec) -> list[str]:
    """Return the figures that say something about the model's task and what is logged of it."""
    figures = ["options"]
    if spec.ledger == "all" and spec.kind is not Kind.EXTERNAL:
        figures.append("rate")
    if spec.task is Task.TABULAR_REGRESSION:
        figures.append("residuals")
    if spec.task.is_classification:
        figures += ["confidence", "confusion"]
    return figures
