"""The test tab: choose a model, enter an example, see the answer, flag it.

The rule: what is flagged is the server's own record of the prediction, found by its id; nothing that the
browser sends back is stored as a prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from reviewer.access import Role
from reviewer.config import Kind
from reviewer.errors import InputError, ModelError
from reviewer.models.components import find_oddities, find_problems
from reviewer.ownership import find_own_flag, keep_visible
from reviewer.records import Flag, Prediction, new_id
from reviewer.ui.choices import list_choices, renew_choices
from reviewer.ui.flag_box import Row, describe_flag, describe_past, describe_undone, list_ruled
from reviewer.ui.handlers import find_asker, needs
from reviewer.ui.inputs import FindFile, list_starts, read_values, show_example
from reviewer.ui.panel import Panel, draw_panel, encode_shown, show_nothing, show_prediction, show_problems
from reviewer.ui.session_list import LENGTH, add_row, build_session, draw_session, find_session
from reviewer.ui.texts import say, say_sentence, translate
from reviewer.workspace import SessionEntry, Workspace

_AFTER_PAINT = """
(current) => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done([current]))))
"""
"""Passes the input on once the browser has painted what came before."""


@dataclass(frozen=True, slots=True)
class ModelTab:
    """The whole tab."""

    model: gr.Dropdown
    version: gr.Dropdown
    session: gr.HTML
    panels: list[Panel]
    seen: gr.State
    """Which options and labels the page has."""


def build_test_tab(workspace: Workspace) -> ModelTab:
    """Lay the tab out and wire what happens inside it.

    Models that another program runs are left out: there is nothing here to ask.
    """
    specs = [each for each in workspace.spec.models.values() if each.kind is not Kind.EXTERNAL]
    names = [each.name for each in specs]
    with gr.Row(elem_classes="test-bar", visible=bool(specs)):
        model = gr.Dropdown(
            [(each.shown_name, each.name) for each in specs],
            value=names[0] if names else None,
            label=translate("test.model"),
            elem_id="test-model",
        )
        version = gr.Dropdown([], label=translate("test.version"), elem_id="test-version")
    if not specs:
        gr.Markdown(translate("test.no_models"), elem_classes=["box", "no-models"])
    panels = [
        draw_panel(each, workspace.folder, workspace.list_labels(each.name), is_shown=each.name == names[0])
        for each in specs
    ]
    with gr.Column(elem_classes=["box", "session-box"], visible=bool(specs)):
        gr.Markdown(translate("test.session"), elem_classes="box-title")
        tab = ModelTab(model, version, draw_session(), panels, gr.State(None))
    _wire_model(workspace, tab)
    for panel in panels:
        _wire_predict(workspace, tab, panel)
        _wire_inputs(workspace, panel)
        _wire_flagging(workspace, tab, panel)
    _wire_session(workspace, tab)
    return tab


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


def _wire_predict(workspace: Workspace, tab: ModelTab, panel: Panel) -> None:
    typed = [each.submit for each in panel.inputs if hasattr(each, "submit")]
    made = gr.on(
        [panel.predict.click, *typed],
        _build_predict(workspace, panel),
        [tab.version, *panel.inputs],
        [*panel.shown, panel.problems, tab.session],
        preprocess=False,
        postprocess=False,
        concurrency_limit=panel.spec.concurrency,
        concurrency_id=f"predict-{panel.spec.name}",
        api_visibility="private",
        show_progress_on=panel.answers,
    )
    # An answer to an earlier example must not stand beside an example that was refused.
    made.failure(
        needs(Role.TESTER)(lambda: show_nothing(panel)),
        None,
        panel.shown,
        api_visibility="private",
        show_progress="hidden",
    )
    # The answer does not wait for what only stands beside it.
    made.success(
        _build_look_back(workspace, tab),
        [panel.current, tab.seen],
        [panel.past, tab.session, *list_choices(tab.panels), tab.seen],
        js=_AFTER_PAINT,
        trigger_mode="multiple",
        api_visibility="private",
        show_progress="hidden",
    )
    # The model itself cannot be stopped; its answer is logged when it comes, and the page goes on.
    panel.stop.click(None, None, None, cancels=[made], api_visibility="private")


def _build_predict(workspace: Workspace, panel: Panel) -> Callable[..., Row]:
    spec = panel.spec

    @needs(Role.TESTER)
    def predict(request: gr.Request, version: Any, *sent: Any) -> Row:
        """Return what fills `Panel.shown`, the problems of the fields, and the session's list."""
        values = read_values(panel.fields, sent)
        try:
            made = workspace.predict(
                spec.name,
                values,
                version=str(version) if version else None,
                session_id=find_session(request),
                username=find_asker().name,
            )
        except InputError as error:
            problems = find_problems(spec, values) if error.field else {}
            if not problems:
                raise
            told = {name: say_sentence(request, each) for name, each in problems.items()}
            return [*encode_shown(panel, show_nothing(panel)), show_problems(panel, told), gr.skip()]
        shown = encode_shown(panel, show_prediction(request, panel, made))
        return [*shown, show_problems(panel, {}), add_row(request, workspace.spec, made)]

    return predict


def _build_look_back(workspace: Workspace, tab: ModelTab) -> Callable[..., Row]:
    @needs(Role.TESTER)
    def look_back(request: gr.Request, current: str, seen: str | None) -> Row:
        """Return what became of the example before, the session's list when a rule has flagged it now, and
        what there is to choose from when that was changed.
        """
        choices = renew_choices(workspace, request, tab.panels, seen)
        if not current:
            return [gr.skip(), gr.skip(), *choices]
        made = _find_own(workspace, request, current).prediction
        twins = _find_twins(workspace, made)
        is_flagged = _tell(request, workspace, made, twins)
        listed = _list_session(workspace, request) if is_flagged else gr.skip()
        return [describe_past(request, made, twins), listed, *choices]

    return look_back


def _tell(request: gr.Request, workspace: Workspace, made: Prediction, flags: list[Flag]) -> bool:
    """Say in passing what is odd about the example and that a rule flagged the answer; returns the latter."""
    spec = workspace.find_model(made.model)
    for sentence in find_oddities(spec, made.inputs, workspace.media).values():
        gr.Warning(escape(say_sentence(request, sentence)), title="")
    ruled = list_ruled(request, made, flags)
    for sentence in ruled if spec.flagging == "manual" else ():
        gr.Info(escape(sentence), title="")
    return bool(ruled)


def _wire_inputs(workspace: Workspace, panel: Panel) -> None:
    filled = [*panel.inputs, *panel.shown, panel.problems]

    @needs(Role.TESTER)
    def clear() -> Row:
        return [*list_starts(panel.fields), *show_nothing(panel), show_problems(panel, {})]

    @needs(Role.TESTER)
    def fill(event: gr.EventData) -> Row:
        row = panel.spec.examples[int(event.example)]
        values = show_example(panel.fields, row, _find_example_file(workspace))
        return [*values, *show_nothing(panel), show_problems(panel, {})]

    panel.clear.click(clear, None, filled, api_visibility="private", show_progress="hidden")
    if panel.examples:
        panel.examples.click(fill, None, filled, api_visibility="private", show_progress="hidden")


def _find_example_file(workspace: Workspace) -> FindFile:
    """Return how the config names a file: by its path in the workspace, which may not lead out of it."""

    def find(value: Any) -> Path:
        path = (workspace.folder / str(value)).resolve()
        if not path.is_relative_to(workspace.folder.resolve()) or not path.is_file():
            raise InputError(f"There is no file {str(value)!r} in {workspace.folder}.")
        return path

    return find


def _wire_flagging(workspace: Workspace, tab: ModelTab, panel: Panel) -> None:
    box = panel.flagging
    if box is None:
        return
    box.options.click(
        _build_flag(workspace),
        [panel.current, box.suggestion, box.comment],
        [*panel.flagged, tab.session],
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=box.message,
    )

    @needs(Role.TESTER)
    def undo(request: gr.Request, flag_id: str) -> Row:
        """Return what fills `Panel.flagged`, and the session's list."""
        person = find_asker()
        own = find_own_flag(workspace, person, flag_id, find_session(request))
        workspace.undo(own.flag_id, reviewer=person.name)
        return [describe_undone(request), "", _list_session(workspace, request)]

    box.undo.click(
        undo,
        box.flagged,
        [*panel.flagged, tab.session],
        api_visibility="private",
        show_progress_on=box.message,
    )


def _build_flag(workspace: Workspace) -> Callable[..., Row]:
    @needs(Role.TESTER)
    def flag(
        request: gr.Request, event: gr.EventData, current: str, suggestion: Any, comment: str | None
    ) -> Row:
        """Return what fills `Panel.flagged`, and the session's list, once the flag is on the disk."""
        if not current:
            raise InputError(say(request, "test.nothing"))
        made = workspace.flag(
            _find_own(workspace, request, current).prediction.prediction_id,
            option=str(event.option),
            suggested_label=None if suggestion in (None, "") else str(suggestion),
            comment=comment or "",
            flagger=find_asker().name,
            session_id=find_session(request),
        )
        return [describe_flag(request, made), made.flag_id, _list_session(workspace, request)]

    return flag


def _find_own(workspace: Workspace, request: gr.Request, prediction_id: str) -> SessionEntry:
    """Return a prediction of this session and person; anybody else's is as good as unknown."""
    found = workspace.find_session_entry(find_session(request), prediction_id)
    if not workspace.is_made_for(find_asker().name, found.prediction, find_session(request)):
        raise InputError(f"There is no prediction {prediction_id!r} in this session.")
    return found


def _find_twins(workspace: Workspace, made: Prediction) -> list[Flag]:
    """Return the flags of the same example that the person may see."""
    twins = workspace.find_twins(made.model, made.example_id)
    return keep_visible(workspace, find_asker(), made.prediction_id, twins)


def _wire_session(workspace: Workspace, tab: ModelTab) -> None:
    """A row of the session's list shows its prediction again, ready to be flagged."""
    names = [panel.spec.name for panel in tab.panels]

    @needs(Role.TESTER)
    def reopen(request: gr.Request, event: gr.EventData) -> Row:
        chosen = _find_own(workspace, request, str(event.prediction_id))
        if chosen.prediction.model not in names:
            raise InputError(say(request, "test.session.gone", model=chosen.prediction.model))
        columns = [gr.Column(visible=name == chosen.prediction.model) for name in names]
        shown = [part for panel in tab.panels for part in _reopen_panel(workspace, request, panel, chosen)]
        return [chosen.prediction.model, *columns, *shown]

    outputs = [part for panel in tab.panels for part in panel.reopened]
    columns = [panel.column for panel in tab.panels]
    tab.session.click(
        reopen,
        None,
        [tab.model, *columns, *outputs],
        api_visibility="private",
        show_progress="hidden",
    )


def _reopen_panel(workspace: Workspace, request: gr.Request, panel: Panel, chosen: SessionEntry) -> Row:
    prediction, flag = chosen
    if panel.spec.name != prediction.model:
        return [gr.skip() for _ in panel.reopened]
    inputs = show_example(panel.fields, prediction.inputs, lambda value: workspace.media.find(value["media"]))
    twins = _find_twins(workspace, prediction)
    own = flag if flag and workspace.is_flagger(find_asker().name, flag, find_session(request)) else None
    past = describe_past(request, prediction, twins)
    message = describe_flag(request, own, "test.already") if own else ""
    shown = show_prediction(request, panel, prediction, past, message)
    flagged = [own.flag_id if own else ""] if panel.flagging else []
    return [*inputs, *shown, show_problems(panel, {}), *flagged]


def _list_session(workspace: Workspace, request: gr.Request) -> dict[str, Any]:
    session_id, name, read_at = find_session(request), find_asker().name, new_id()
    entries = workspace.list_session(session_id, LENGTH)
    own = [each for each in entries if workspace.is_made_for(name, each.prediction, session_id)]
    return build_session(request, workspace.spec, own, read_at)


def refresh_tab(
    workspace: Workspace,
    request: gr.Request,
    tab: ModelTab,
    model: str | None,
    version: str | None = None,
    seen: str | None = None,
) -> Row:
    """Return the session's list, the model's versions and what there is to choose from, as they are now.

    `version` is the one that stood there; when another is served by now, a message in passing says so.
    """
    _, served = _read_versions(workspace, model)
    if version and served not in (None, version):
        gr.Info(escape(say(request, "test.version.now", version=served)), title="")
    choices = renew_choices(workspace, request, tab.panels, seen)
    return [_list_session(workspace, request), list_versions(workspace, model), *choices]


def list_versions(workspace: Workspace, model: str | None, chosen: str | None = None) -> gr.Dropdown:
    """Return the version field with the model's versions, newest first, the served one marked and chosen.

    It is empty for a model that has none yet; predicting says why.
    """
    names, served = _read_versions(workspace, model)
    choices = [(f"{name} ●" if name == served else name, name) for name in reversed(names)]
    return gr.Dropdown(choices=choices, value=chosen or served)


def _read_versions(workspace: Workspace, model: str | None) -> tuple[list[str], str | None]:
    """Return the model's versions, oldest first, and the served one; none of a model that has none yet."""
    try:
        names = [each.name for each in workspace.list_versions(model)] if model else []
    except ModelError:
        names = []
    return names, workspace.find_version(str(model)).name if names else None
