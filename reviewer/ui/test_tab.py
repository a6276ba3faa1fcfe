"""The test tab: choose a model, enter an example, see the answer, flag it.

The rule: what is flagged is the server's own record of the prediction, found by its id; nothing that the
browser sends back is stored as a prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from reviewer.access import Role, find_owner
from reviewer.config import ModelSpec
from reviewer.records import Flag, Prediction, Task
from reviewer.ui.handlers import needs
from reviewer.ui.inputs import draw_inputs, list_starts, read_values, show_example
from reviewer.ui.outputs import OUTPUTS, draw_suggestion
from reviewer.ui.session_list import build_session, draw_session
from reviewer.ui.texts import say, translate
from reviewer.workspace import SessionEntry, Workspace

Row = list[Any]
"""One value or update per output component."""


@dataclass(frozen=True, slots=True)
class Current:
    """The prediction on the page and the flag just made of it, kept per browser session."""

    prediction_id: str = ""
    flag_id: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """The components of one model."""

    spec: ModelSpec
    column: gr.Column
    inputs: list[gr.components.Component]
    predict: gr.Button
    clear: gr.Button
    examples: list[gr.Button]
    answer: gr.components.Component
    facts: gr.HTML
    flagging: gr.Column
    options: dict[str, gr.Button]
    suggestion: gr.components.Component
    comment: gr.Textbox
    message: gr.HTML
    undo: gr.Button
    current: gr.State

    @property
    def shown(self) -> Row:
        """What a prediction fills, in the order of `_show_prediction`."""
        return [self.answer, self.facts, self.flagging, *self.flagged, self.suggestion, self.comment]

    @property
    def flagged(self) -> Row:
        """What a flag fills, in the order of `_show_flag`."""
        return [self.message, self.undo, self.current]


@dataclass(frozen=True, slots=True)
class ModelTab:
    """The whole tab."""

    model: gr.Dropdown
    version: gr.Dropdown
    session: gr.HTML
    panels: list[Panel]


def build_test_tab(workspace: Workspace) -> ModelTab:
    """Lay the tab out and wire what happens inside it."""
    names = list(workspace.spec.models)
    choices = [(workspace.find_model(name).shown_name, name) for name in names]
    with gr.Row(elem_classes="test-bar"):
        model = gr.Dropdown(choices, value=names[0], label=translate("test.model"), elem_id="test-model")
        version = gr.Dropdown([], label=translate("test.version"), elem_id="test-version")
    panels = [_draw_panel(workspace.find_model(name), is_shown=name == names[0]) for name in names]
    with gr.Column(elem_classes=["box", "session-box"]):
        gr.Markdown(translate("test.session"), elem_classes="box-title")
        tab = ModelTab(model, version, draw_session(), panels)
    _wire_model(workspace, tab)
    for panel in panels:
        _wire_inputs(workspace, tab, panel)
        _wire_flagging(workspace, tab, panel)
    _wire_session(workspace, tab)
    return tab


def _draw_panel(spec: ModelSpec, *, is_shown: bool) -> Panel:
    with gr.Column(visible=is_shown, elem_classes="model-panel") as column, gr.Row(equal_height=False):
        with gr.Column(elem_classes="box", min_width=340):
            inputs = draw_inputs(spec)
            with gr.Row():
                predict = gr.Button(translate("test.predict"), variant="primary", elem_classes="predict")
                clear = gr.Button(translate("test.clear"))
            examples = _draw_examples(spec)
        with gr.Column(elem_classes="box", min_width=340):
            answer = OUTPUTS[spec.task].draw(spec)
            facts = gr.HTML(elem_classes="facts")
            with gr.Column(visible=False) as flagging:
                options, suggestion, comment, message, undo = _draw_flagging(spec)
        current = gr.State(Current())
    return Panel(
        spec, column, inputs, predict, clear, examples, answer, facts, flagging, options,
        suggestion, comment, message, undo, current,
    )  # fmt: skip


def _draw_examples(spec: ModelSpec) -> list[gr.Button]:
    if not spec.examples:
        return []
    gr.Markdown(translate("test.examples"), elem_classes="dim")
    with gr.Row(elem_classes="examples"):
        return [
            gr.Button(_name_example(number, row), size="sm", elem_classes="example")
            for number, row in enumerate(spec.examples, 1)
        ]


def _name_example(number: int, row: dict[str, Any]) -> str:
    texts = [value for value in row.values() if isinstance(value, str) and " " in value]
    shown = texts[0] if texts else f"{number}"
    return shown if len(shown) <= 32 else shown[:31] + "…"


def _draw_flagging(spec: ModelSpec) -> tuple[dict[str, gr.Button], Any, gr.Textbox, gr.HTML, gr.Button]:
    gr.Markdown(translate("test.wrong"), elem_classes="box-title")
    with gr.Row(elem_classes="flag-options"):
        options = {
            str(option): gr.Button(translate(f"option.{option}"), elem_classes="flag-option", size="md")
            for option in spec.options
        }
    with gr.Row():
        suggestion = draw_suggestion(spec)
        comment = gr.Textbox(
            label=translate("test.comment"), placeholder=translate("test.comment.hint"), lines=1, max_lines=8
        )
    with gr.Row(elem_classes="flag-answer"):
        message = gr.HTML(elem_classes="flag-message")
        undo = gr.Button(translate("test.undo"), visible=False, size="sm", elem_classes="flag-undo")
    return options, suggestion, comment, message, undo


def _wire_model(workspace: Workspace, tab: ModelTab) -> None:
    names = [panel.spec.name for panel in tab.panels]

    @needs(Role.TESTER)
    def choose(name: str) -> Row:
        return [list_versions(workspace, name), *(gr.Column(visible=each == name) for each in names)]

    tab.model.change(
        choose,
        tab.model,
        [tab.version, *(panel.column for panel in tab.panels)],
        api_visibility="private",
        show_progress="hidden",
    )


def _wire_inputs(workspace: Workspace, tab: ModelTab, panel: Panel) -> None:
    spec = panel.spec

    @needs(Role.TESTER)
    def predict(request: gr.Request, version: str | None, *values: Any) -> Row:
        """Return what fills `Panel.shown`, and the session's list."""
        made = workspace.predict(
            spec.name,
            read_values(spec, values),
            version=version or None,
            session_id=str(request.session_hash),
            username=find_owner().name,
        )
        return [*_show_prediction(request, spec, made), _list_session(workspace, request)]

    @needs(Role.TESTER)
    def clear() -> Row:
        return [*starts, *_clear_prediction()]

    starts = list_starts(spec, panel.inputs)
    typed = [each.submit for each in panel.inputs if hasattr(each, "submit")]
    made = gr.on(
        [panel.predict.click, *typed],
        predict,
        [tab.version, *panel.inputs],
        [*panel.shown, tab.session],
        api_visibility="private",
    )
    # An answer to an earlier example must not stand beside an example that was refused.
    made.failure(
        needs(Role.TESTER)(_clear_prediction),
        None,
        panel.shown,
        api_visibility="private",
        show_progress="hidden",
    )
    panel.clear.click(
        clear, None, [*panel.inputs, *panel.shown], api_visibility="private", show_progress="hidden"
    )
    for row, button in zip(spec.examples, panel.examples, strict=True):
        button.click(_fill_example(workspace, spec, row), None, panel.inputs, api_visibility="private")


def _fill_example(workspace: Workspace, spec: ModelSpec, row: dict[str, Any]) -> Callable[[], Any]:
    @needs(Role.TESTER)
    def fill() -> Any:
        values = show_example(spec, row, lambda path: workspace.folder / str(path))
        return values if len(values) > 1 else values[0]

    return fill


def _wire_flagging(workspace: Workspace, tab: ModelTab, panel: Panel) -> None:
    typed = [panel.current, panel.suggestion, panel.comment]
    for option, button in panel.options.items():
        button.click(
            _flag_as(workspace, option),
            typed,
            [*panel.flagged, tab.session],
            api_visibility="private",
            show_progress="minimal",
        )

    @needs(Role.TESTER)
    def undo(request: gr.Request, current: Current) -> Row:
        """Return what fills `Panel.flagged`, and the session's list."""
        workspace.undo(current.flag_id, reviewer=find_owner().name)
        text = f'<span class="dim">{escape(say(request, "test.undone"))}</span>'
        return [
            text,
            gr.Button(visible=False),
            replace(current, flag_id=""),
            _list_session(workspace, request),
        ]

    panel.undo.click(undo, panel.current, [*panel.flagged, tab.session], api_visibility="private")


def _flag_as(workspace: Workspace, option: str) -> Callable[..., Row]:
    @needs(Role.TESTER)
    def flag(request: gr.Request, current: Current, suggestion: Any, comment: str | None) -> Row:
        """Return what fills `Panel.flagged`, and the session's list, once the flag is on the disk."""
        _find_own(workspace, request, current.prediction_id)
        made = workspace.flag(
            current.prediction_id,
            option=option,
            suggested_label=None if suggestion in (None, "") else str(suggestion),
            comment=comment or "",
            flagger=find_owner().name,
            session_id=str(request.session_hash),
        )
        return [*_show_flag(request, current, made), _list_session(workspace, request)]

    return flag


def _find_own(workspace: Workspace, request: gr.Request, prediction_id: str) -> SessionEntry:
    return workspace.find_session_entry(str(request.session_hash), prediction_id)


def _wire_session(workspace: Workspace, tab: ModelTab) -> None:
    """A row of the session's list shows its prediction again, ready to be flagged."""
    names = [panel.spec.name for panel in tab.panels]

    @needs(Role.TESTER)
    def reopen(request: gr.Request, event: gr.EventData) -> Row:
        chosen = _find_own(workspace, request, str(event.prediction_id))
        columns = [gr.Column(visible=name == chosen.prediction.model) for name in names]
        shown = [part for panel in tab.panels for part in _reopen_panel(workspace, request, panel, chosen)]
        return [chosen.prediction.model, *columns, *shown]

    outputs = [part for panel in tab.panels for part in (*panel.inputs, *panel.shown)]
    columns = [panel.column for panel in tab.panels]
    tab.session.click(reopen, None, [tab.model, *columns, *outputs], api_visibility="private")


def _reopen_panel(workspace: Workspace, request: gr.Request, panel: Panel, chosen: SessionEntry) -> Row:
    prediction, flag = chosen
    if panel.spec.name != prediction.model:
        return [gr.skip() for _ in (*panel.inputs, *panel.shown)]
    inputs = show_example(panel.spec, prediction.inputs, lambda value: _find_media(workspace, value))
    return [*inputs, *_show_prediction(request, panel.spec, prediction, flag)]


def _find_media(workspace: Workspace, value: dict[str, str]) -> Path:
    return workspace.media.find(value["media"])


def _show_prediction(request: gr.Request, spec: ModelSpec, made: Prediction, flag: Flag | None = None) -> Row:
    """Return what fills `Panel.shown`; the flag is the one the prediction has already."""
    current = Current(made.prediction_id)
    none_yet = ["", gr.Button(visible=False), current]
    return [
        OUTPUTS[spec.task].read(made),
        _describe_facts(request, made),
        gr.Column(visible=True),
        *(_show_flag(request, current, flag, "test.already") if flag else none_yet),
        None if spec.task is Task.TABULAR_REGRESSION else "",
        "",
    ]


def _clear_prediction() -> Row:
    return [None, "", gr.Column(visible=False), "", gr.Button(visible=False), Current(), None, ""]


def _describe_facts(request: gr.Request, made: Prediction) -> str:
    if made.error:
        return f'<p class="error" role="alert">{escape(made.error)}</p>'
    latency = f"{made.latency_ms or 0:.1f}"
    text = say(request, "test.facts", version=made.model_version, latency=latency)
    return f'<p class="dim">{escape(text)}</p>'


def _show_flag(request: gr.Request, current: Current, made: Flag, key: str = "") -> Row:
    """Return what fills `Panel.flagged`."""
    key = key or ("test.flagged.suggested" if made.suggested_label else "test.flagged")
    text = say(
        request,
        key,
        option=say(request, f"option.{made.option}"),
        suggested=made.suggested_label,
        name=made.flag_id[-8:],
    )
    message = f'<span class="good" role="status">✓ {escape(text)}</span>'
    return [message, gr.Button(visible=True), replace(current, flag_id=made.flag_id)]


def _list_session(workspace: Workspace, request: gr.Request) -> dict[str, Any]:
    return build_session(request, workspace.list_session(str(request.session_hash)))


def refresh_tab(workspace: Workspace, request: gr.Request, model: str) -> Row:
    """Return the session's list and the model's versions as they are now."""
    return [_list_session(workspace, request), list_versions(workspace, model)]


def list_versions(workspace: Workspace, model: str, chosen: str | None = None) -> gr.Dropdown:
    """Return the version field with the model's versions, newest first, the served one marked and chosen."""
    names = [each.name for each in workspace.list_versions(model)]
    served = workspace.find_version(model).name if names else None
    choices = [(f"{name} ●" if name == served else name, name) for name in reversed(names)]
    return gr.Dropdown(choices=choices, value=chosen or served)
