"""The export pane: what to take along, what to know before, the export itself, and the earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from reviewer.access import Role
from reviewer.bundle import FORMATS, ExportOptions, list_formats, read_options
from reviewer.bundle.options import ALWAYS, Mode, Policy
from reviewer.config import ModelSpec
from reviewer.ui.export_report import describe_exports, describe_plan
from reviewer.ui.handlers import needs
from reviewer.ui.job_box import JobBox, build_job_box, find_job, show_job
from reviewer.ui.texts import say, translate
from reviewer.workspace import Workspace

_KINDS = ("export",)
_VERIFY_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class ExportPane:
    """The pane's components."""

    model: gr.Dropdown
    plan: gr.Button
    export: gr.Button
    planned: gr.HTML
    exports: gr.HTML
    job: JobBox
    mode: gr.Dropdown
    formats: gr.CheckboxGroup
    policy: gr.Dropdown
    personal: gr.Dropdown
    weights: gr.Dropdown
    verify_share: gr.Slider
    test_share: gr.Slider
    split_by: gr.Dropdown
    min_agreement: gr.Slider
    base: gr.Textbox
    key: gr.Dropdown

    @property
    def options(self) -> list[Any]:
        """What `_read` takes."""
        return [
            self.mode, self.formats, self.policy, self.personal, self.weights, self.verify_share,
            self.test_share, self.split_by, self.min_agreement, self.base, self.key,
        ]  # fmt: skip


def build_export(workspace: Workspace) -> ExportPane:
    """Lay the pane out and wire it."""
    models = [(spec.shown_name, name) for name, spec in workspace.spec.models.items()]
    first = next(iter(workspace.spec.models.values()))
    with gr.Row(elem_classes="pane-bar"):
        model = gr.Dropdown(models, value=models[0][1], label=translate("test.model"), elem_id="export-model")
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, elem_classes="box", min_width=320):
            fields = _build_fields(first)
            with gr.Row(elem_classes="pane-bar"):
                plan = gr.Button(translate("export.plan"), elem_id="export-plan")
                export = gr.Button(translate("export.export"), variant="primary", elem_id="export-run")
        with gr.Column(scale=3, elem_classes="box", min_width=320):
            gr.Markdown(translate("export.planned"), elem_classes="box-title")
            job = build_job_box(workspace, "export")
            planned = gr.HTML(translate("export.unplanned"), elem_id="export-planned", min_height=80)
    with gr.Column(elem_classes="box"):
        gr.Markdown(translate("export.earlier"), elem_classes="box-title")
        exports = gr.HTML(elem_id="export-list")
    pane = ExportPane(model, plan, export, planned, exports, job, *fields)
    _wire(workspace, pane)
    return pane


def _build_fields(spec: ModelSpec) -> list[Any]:
    gr.Markdown(translate("export.what"), elem_classes="box-title")
    main = [
        _choose("mode", get_args(Mode)),
        gr.CheckboxGroup(
            _list_formats(spec), value=[], label=translate("export.formats"),
            info=translate("export.formats.hint"), elem_id="export-formats",
        ),
        _choose("policy", get_args(Policy)),
        _choose("personal", ("stop", "redact", "drop", "allow")),
    ]  # fmt: skip
    with gr.Accordion(translate("export.more"), open=False):
        further: list[Any] = [
            _choose("weights", ("none", "evidence", "balanced"), "evidence"),
            _choose_share("verify_share", _VERIFY_SHARE, 0.5),
            _choose_share("test_share", 0, 0.5),
            _choose("split_by", ("hash", "time")),
            _choose_share("min_agreement", 0, 1),
            gr.Textbox(
                label=translate("export.base"), info=translate("export.base.hint"), visible=False,
                elem_id="export-base",
            ),
            gr.Dropdown(
                list(spec.inputs), value=[], multiselect=True, label=translate("export.key"),
                info=translate("export.key.hint"), visible=False, elem_id="export-key",
            ),
        ]  # fmt: skip
    return [*main, *further]


def _choose(name: str, values: tuple[str, ...], value: str | None = None) -> gr.Dropdown:
    choices = [(translate(f"export.{name}.{each}"), each) for each in values]
    return gr.Dropdown(
        choices, value=value or values[0], label=translate(f"export.{name}"), elem_id=f"export-{name}"
    )


def _choose_share(name: str, value: float, most: float) -> gr.Slider:
    return gr.Slider(
        0, most, value=value, step=0.05, label=translate(f"export.{name}"), elem_id=f"export-{name}"
    )


def _list_formats(spec: ModelSpec) -> list[Any]:
    return [(translate(key), name) for key, name in _name_formats(spec)]


def _name_formats(spec: ModelSpec) -> list[tuple[str, str]]:
    """Return (key of the text, name) of the formats that can be chosen."""
    return [(f"export.format.{name}", name) for name in list_formats(spec) if name not in ALWAYS]


def _read(
    mode: str, formats: list[str], policy: str, personal: str, weights: str, verify_share: float,
    test_share: float, split_by: str, min_agreement: float, base: str, key: list[str],
) -> ExportOptions:  # fmt: skip
    """Return the options that the fields say; raises `InputError`."""
    train = round(1 - verify_share - test_share, 6)
    return read_options(
        mode=mode,
        formats=[name for name in FORMATS if name in (*ALWAYS, *formats)],
        policy=policy,
        personal=personal,
        weights=weights,
        shares={"train": train, "test": test_share, "verify": verify_share},
        split_by=split_by,
        min_agreement=min_agreement,
        base=base.strip() if mode == "merge" else "",
        key=key if mode == "merge" else [],
    )


def _wire(workspace: Workspace, pane: ExportPane) -> None:
    @needs(Role.REVIEWER)
    def plan(request: gr.Request, model: str, *given: Any) -> str:
        return describe_plan(request, workspace.plan_export(model, _read(*given)))

    @needs(Role.REVIEWER)
    def export(request: gr.Request, model: str, *given: Any) -> list[Any]:
        return show_job(request, workspace.start_export(model, _read(*given)))

    @needs(Role.REVIEWER)
    def follow(request: gr.Request, model: str, job_id: str) -> list[Any]:
        return _follow(workspace, request, model, job_id)

    @needs(Role.REVIEWER)
    def choose(request: gr.Request, model: str) -> list[Any]:
        """Return what another model changes about the fields."""
        spec = workspace.find_model(model)
        formats = gr.CheckboxGroup(choices=[(say(request, text), name) for text, name in _name_formats(spec)])
        return [formats, gr.Dropdown(choices=list(spec.inputs), value=[]), ""]

    @needs(Role.REVIEWER)
    def choose_mode(mode: str) -> list[Any]:
        """Show the fields of a merge for a merge only."""
        is_merge = mode == "merge"
        return [gr.Textbox(visible=is_merge), gr.Dropdown(visible=is_merge)]

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    pane.mode.change(choose_mode, pane.mode, [pane.base, pane.key], **quiet)
    pane.plan.click(plan, [pane.model, *pane.options], pane.planned, api_visibility="private")
    started = pane.export.click(export, [pane.model, *pane.options], pane.job.shown, **quiet)
    followed = [*pane.job.shown, pane.exports]
    started.success(follow, [pane.model, pane.job.job_id], followed, **quiet)
    pane.job.timer.tick(follow, [pane.model, pane.job.job_id], followed, **quiet)
    pane.model.change(choose, pane.model, [pane.formats, pane.key, pane.planned], **quiet)


def _follow(workspace: Workspace, request: gr.Request, model: str, job_id: str) -> list[Any]:
    """Return the model's job and its exports."""
    job = find_job(workspace, model, job_id, _KINDS)
    return [*show_job(request, job), describe_exports(request, workspace.list_bundles(model))]


def wire_export(workspace: Workspace, pane: ExportPane, tab: gr.Tab) -> None:
    """Show what there is when the pane is opened or another model is chosen."""

    @needs(Role.REVIEWER)
    def show(request: gr.Request, model: str, job_id: str) -> list[Any]:
        return _follow(workspace, request, model, job_id)

    given = [pane.model, pane.job.job_id]
    shown = [*pane.job.shown, pane.exports]
    gr.on(
        [tab.select, pane.model.change], show, given, shown, api_visibility="private", show_progress="hidden"
    )
