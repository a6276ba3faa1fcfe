"""The batch tab: a file, which column is what, the run with its progress, and what came of it.

The rule: a batch runs in the server and not in the page; what the page shows is read from the batch's folder,
so leaving it stops nothing and coming back shows everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from reviewer.access import Role
from reviewer.batch.background import Background
from reviewer.batch.mapping import ColumnMap, has_truth
from reviewer.batch.start import MOST_FLAGS, Preview, preview_file, start_batch
from reviewer.batch.state import Batch, Status
from reviewer.config import InputSpec, Kind, ModelSpec
from reviewer.errors import InputError
from reviewer.ownership import find_visible_batch, list_visible_batches
from reviewer.ui.batch_report import (
    describe_batch,
    describe_list,
    describe_metrics,
    describe_preview,
    describe_rejected,
    draw_metrics,
)
from reviewer.ui.handlers import find_asker, needs
from reviewer.ui.test_tab import list_versions
from reviewer.ui.texts import say, translate
from reviewer.workspace import Workspace

ENDINGS = [".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".zip"]
SHOWN_BATCHES = 50
_TICK_SECONDS = 1.0
_SEE_THEME = "(...given) => [...given.slice(0, -1), document.body.classList.contains('dark')]"


@dataclass(frozen=True, slots=True)
class BatchPane:
    """The tab's components."""

    model: gr.Dropdown
    version: gr.Dropdown
    file: gr.File
    confirm: gr.Column
    preview: gr.HTML
    columns: list[gr.Dropdown]
    """One per input of the model with the most; those of the chosen model come first."""
    truth: gr.Dropdown
    has_flags: gr.Checkbox
    max_flags: gr.Number
    run: gr.Button
    chosen: gr.Dropdown
    stop: gr.Button
    resume: gr.Button
    state: gr.HTML
    rejected: gr.HTML
    metrics: gr.HTML
    figure: gr.Plot
    batches: gr.HTML
    timer: gr.Timer
    is_dark: gr.Checkbox

    @property
    def confirmed(self) -> list[Any]:
        """What `_look` fills."""
        return [self.confirm, self.preview, self.truth, *self.columns]

    @property
    def shown(self) -> list[Any]:
        """What `_show` fills."""
        return [
            self.chosen, self.stop, self.resume, self.state, self.rejected, self.metrics, self.figure,
            self.batches, self.timer,
        ]  # fmt: skip


def build_batch(workspace: Workspace) -> BatchPane:
    """Lay the tab out."""
    models = _list_models(workspace)
    most = max((len(spec.inputs) for spec in models), default=0)
    with gr.Row(elem_classes="test-bar"):
        choices = [(spec.shown_name, spec.name) for spec in models]
        model = gr.Dropdown(choices, label=translate("test.model"), elem_id="batch-model")
        version = gr.Dropdown([], label=translate("test.version"), elem_id="batch-version")
    with gr.Row(equal_height=False, elem_classes="batch-row"):
        with gr.Column(scale=2, elem_classes="box", min_width=340):
            gr.Markdown(translate("batch.file"), elem_classes="box-title")
            file = gr.File(file_types=ENDINGS, show_label=False, height=140, elem_id="batch-file")
            gr.Markdown(translate("batch.file.hint"), elem_classes="dim")
            with gr.Column(visible=False, elem_id="batch-confirm") as confirm:
                gr.Markdown(translate("batch.confirm"), elem_classes="box-title")
                preview = gr.HTML(elem_classes="batch-preview")
                columns = [gr.Dropdown([], visible=False, elem_classes="batch-column") for _ in range(most)]
                truth = gr.Dropdown(
                    [], label=translate("batch.truth"), info=translate("batch.truth.hint"),
                    elem_id="batch-truth",
                )  # fmt: skip
                has_flags = gr.Checkbox(
                    True, label=translate("batch.has_flags"), info=translate("batch.has_flags.hint"),
                    elem_id="batch-has-flags",
                )  # fmt: skip
                max_flags = gr.Number(
                    MOST_FLAGS, label=translate("batch.max_flags"), precision=0, minimum=0,
                    elem_id="batch-max-flags",
                )  # fmt: skip
                run = gr.Button(translate("batch.run"), variant="primary", elem_id="batch-run")
        with gr.Column(scale=3, elem_classes="box", min_width=340):
            chosen = gr.Dropdown([], label=translate("batch.chosen"), elem_id="batch-chosen")
            state = gr.HTML(elem_id="batch-state", min_height=60)
            with gr.Row(elem_classes="pane-bar"):
                stop = gr.Button(translate("batch.stop"), variant="stop", visible=False, elem_id="batch-stop")
                resume = gr.Button(translate("batch.resume"), visible=False, elem_id="batch-resume")
            metrics = gr.HTML(elem_id="batch-metrics")
            figure = gr.Plot(show_label=False, visible=False, elem_id="batch-figure")
            rejected = gr.HTML(elem_id="batch-rejected")
    with gr.Column(elem_classes=["box", "session-box"]):
        gr.Markdown(translate("batch.earlier"), elem_classes="box-title")
        batches = gr.HTML(elem_id="batch-list")
    return BatchPane(
        model, version, file, confirm, preview, columns, truth, has_flags, max_flags, run, chosen, stop,
        resume, state, rejected, metrics, figure, batches, gr.Timer(_TICK_SECONDS, active=False),
        gr.Checkbox(visible=False),
    )  # fmt: skip


def _list_models(workspace: Workspace) -> list[ModelSpec]:
    """Return the models that this program can run."""
    return [each for each in workspace.spec.models.values() if each.kind is not Kind.EXTERNAL]


def wire_batch(workspace: Workspace, pane: BatchPane, tab: gr.Tab, app: gr.Blocks) -> None:
    """Let the tab look at files, run batches, and show how they stand when it is opened."""
    background = Background(workspace)
    _wire_file(workspace, pane)
    _wire_run(workspace, pane, background)

    @needs(Role.TESTER)
    def refresh(request: gr.Request, model: str | None, chosen: str | None, is_dark: bool) -> list[Any]:
        return [
            list_versions(workspace, model),
            *_show(workspace, background, request, chosen, is_dark=is_dark),
        ]

    @needs(Role.TESTER)
    def choose_model(model: str | None) -> gr.Dropdown:
        return list_versions(workspace, model)

    @needs(Role.TESTER)
    def show(request: gr.Request, chosen: str | None, is_dark: bool) -> list[Any]:
        return _show(workspace, background, request, chosen, is_dark=is_dark)

    quiet = {"api_visibility": "private", "show_progress": "hidden", "js": _SEE_THEME}
    gr.on(
        [tab.select, app.load],
        refresh,
        [pane.model, pane.chosen, pane.is_dark],
        [pane.version, *pane.shown],
        **quiet,
    )
    gr.on([pane.chosen.input, pane.timer.tick], show, [pane.chosen, pane.is_dark], pane.shown, **quiet)
    pane.model.change(
        choose_model, pane.model, pane.version, api_visibility="private", show_progress="hidden"
    )


def _wire_file(workspace: Workspace, pane: BatchPane) -> None:
    @needs(Role.TESTER)
    def look(request: gr.Request, model: str | None, path: str | None) -> list[Any]:
        """Return what fills `BatchPane.confirmed`."""
        if not model or not path:
            return _hide(pane)
        spec = workspace.find_model(model)
        return _confirm(request, pane, spec, preview_file(spec, Path(path)))

    @needs(Role.TESTER)
    def hide() -> list[Any]:
        return _hide(pane)

    looked = gr.on(
        [pane.file.change, pane.model.change],
        look,
        [pane.model, pane.file],
        pane.confirmed,
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=[pane.file],
    )
    # The columns of an earlier file must not stand beside one that cannot be read.
    looked.failure(hide, None, pane.confirmed, api_visibility="private", show_progress="hidden")


def _hide(pane: BatchPane) -> list[Any]:
    hidden = gr.Dropdown(visible=False)
    return [
        gr.Column(visible=False),
        "",
        gr.Dropdown(choices=[], value=None),
        *(hidden for _ in pane.columns),
    ]


def _confirm(request: gr.Request, pane: BatchPane, spec: ModelSpec, preview: Preview) -> list[Any]:
    none = (say(request, "batch.no_column"), "")
    columns = [(each, each) for each in preview.columns]
    guess = preview.mapping
    fields = [
        gr.Dropdown(
            label=_name_field(request, name, each),
            choices=columns if each.required else [none, *columns],
            value=guess.inputs.get(name, None if each.required else ""),
            visible=True,
        )
        for name, each in spec.inputs.items()
    ]
    rest = [gr.Dropdown(visible=False) for _ in pane.columns[len(fields) :]]
    truth = gr.Dropdown(choices=[none, *columns], value=guess.truth or "", visible=has_truth(spec))
    return [gr.Column(visible=True), describe_preview(request, preview), truth, *fields, *rest]


def _name_field(request: gr.Request, name: str, spec: InputSpec) -> str:
    return say(request, "batch.column", name=spec.label or name)


def _wire_run(workspace: Workspace, pane: BatchPane, background: Background) -> None:
    @needs(Role.TESTER)
    def start(
        request: gr.Request,
        model: str | None,
        version: str | None,
        path: str | None,
        truth: str | None,
        has_flags: bool,
        max_flags: float | None,
        *columns: Any,
    ) -> list[Any]:
        """Start the batch and return what fills `BatchPane.shown`."""
        if not model or not path:
            raise InputError(say(request, "batch.no_file"))
        made = start_batch(
            workspace,
            model,
            Path(path),
            _read_columns(workspace.find_model(model), truth, columns),
            version=version or None,
            has_flags=has_flags,
            max_flags=MOST_FLAGS if max_flags is None else max(int(max_flags), 0),
            username=find_asker().name,
        )
        background.start(made.batch_id)
        return _show(workspace, background, request, made.batch_id, is_dark=False)

    @needs(Role.TESTER)
    def resume(request: gr.Request, chosen: str) -> list[Any]:
        background.start(find_visible_batch(workspace, find_asker(), chosen).batch_id)
        return _show(workspace, background, request, chosen, is_dark=False)

    @needs(Role.TESTER)
    def stop(request: gr.Request, chosen: str) -> None:
        find_visible_batch(workspace, find_asker(), chosen)
        if not background.is_running(chosen):
            raise InputError(say(request, "batch.elsewhere", name=chosen))
        background.stop(chosen)
        gr.Info(escape(say(request, "batch.stopping")), title="")

    given = [
        pane.model, pane.version, pane.file, pane.truth, pane.has_flags, pane.max_flags, *pane.columns,
    ]  # fmt: skip
    pane.run.click(start, given, pane.shown, api_visibility="private", show_progress_on=[pane.run])
    pane.resume.click(resume, pane.chosen, pane.shown, api_visibility="private", show_progress="hidden")
    pane.stop.click(stop, pane.chosen, None, api_visibility="private", queue=False)


def _read_columns(spec: ModelSpec, truth: str | None, columns: tuple[Any, ...]) -> ColumnMap:
    """Return the columns as they were confirmed, empty choices left out."""
    chosen = dict(zip(spec.inputs, columns, strict=False))
    right = truth if truth and has_truth(spec) else None
    return ColumnMap({name: column for name, column in chosen.items() if column}, right)


def _show(
    workspace: Workspace, background: Background, request: gr.Request, chosen: str | None, *, is_dark: bool
) -> list[Any]:
    """Return what fills `BatchPane.shown`: the chosen batch, else one that runs, else the newest."""
    shown = list_visible_batches(workspace, find_asker(), SHOWN_BATCHES)
    batches = [_mark_running(each, background) for each in shown]
    batch = _choose(batches, chosen)
    choices = [(f"{each.batch_id} · {each.file}", each.batch_id) for each in batches]
    field = gr.Dropdown(choices=choices, value=batch.batch_id if batch else None, visible=bool(batches))
    listed = describe_list(request, batches)
    if batch is None:
        empty = f'<p class="dim">{escape(say(request, "batch.empty"))}</p>'
        hidden = gr.Button(visible=False)
        return [field, hidden, hidden, empty, "", "", gr.Plot(visible=False), listed, gr.Timer(active=False)]
    is_running = batch.status is Status.RUNNING
    figure = None if is_running else draw_metrics(request, batch, is_dark=is_dark)
    return [
        field,
        gr.Button(visible=is_running),
        gr.Button(visible=batch.status in (Status.STOPPED, Status.FAILED)),
        describe_batch(request, workspace.find_model(batch.model), batch),
        describe_rejected(request, batch),
        "" if is_running else describe_metrics(request, batch),
        gr.Plot(figure, visible=figure is not None),
        listed,
        gr.Timer(active=is_running),
    ]


def _mark_running(batch: Batch, background: Background) -> Batch:
    """Return the batch as running from the moment its thread has started."""
    return replace(batch, status=Status.RUNNING) if background.is_running(batch.batch_id) else batch


def _choose(batches: Sequence[Batch], chosen: str | None) -> Batch | None:
    by_id = {each.batch_id: each for each in batches}
    running = (each for each in batches if each.status is Status.RUNNING)
    return by_id.get(chosen or "") or next(running, None) or next(iter(batches), None)
