"""The versions pane: train a new version, see what it fixes and breaks, and let it answer or go back."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from reviewer.access import Role
from reviewer.errors import InputError
from reviewer.models.versions import Version
from reviewer.training.summary import read_summary
from reviewer.ui.handlers import find_asker, needs
from reviewer.ui.job_box import JobBox, build_job_box, find_job, show_job
from reviewer.ui.markup import draw_dim
from reviewer.ui.test_tab import list_versions
from reviewer.ui.texts import say, translate
from reviewer.ui.versions_report import (
    describe_comparison,
    describe_gate,
    describe_promotions,
    describe_verified,
    describe_versions,
)
from reviewer.workspace import Workspace

_KINDS = ("retrain", "verify")


@dataclass(frozen=True, slots=True)
class VersionsPane:
    """The pane's components."""

    model: gr.Dropdown
    bundle: gr.Dropdown
    retrain: gr.Button
    version: gr.Dropdown
    verify: gr.Button
    compare: gr.Button
    gate: gr.Button
    promote: gr.Button
    roll_back: gr.Button
    reason: gr.Textbox
    listed: gr.HTML
    promotions: gr.HTML
    job: JobBox
    verified: gr.HTML
    compared: gr.HTML

    @property
    def shown(self) -> list[Any]:
        """What `_show` fills."""
        return [self.listed, self.verified, self.promotions, self.version, self.bundle]


def build_versions(workspace: Workspace) -> VersionsPane:
    """Lay the pane out."""
    models = [(spec.shown_name, name) for name, spec in workspace.spec.models.items()]
    with gr.Row(elem_classes="pane-bar"):
        model = gr.Dropdown(
            models, value=models[0][1], label=translate("test.model"), elem_id="versions-model"
        )
        bundle = gr.Dropdown(
            [], label=translate("versions.bundle"), info=translate("versions.bundle.hint"),
            elem_id="versions-bundle",
        )  # fmt: skip
        retrain = gr.Button(translate("versions.retrain"), variant="primary", elem_id="retrain-run")
    job = build_job_box(workspace, "versions")
    with gr.Column(elem_classes="box"):
        gr.Markdown(translate("versions.all"), elem_classes="box-title")
        listed = gr.HTML(elem_id="versions-list", min_height=60)
    with gr.Row(elem_classes="pane-bar"):
        version = gr.Dropdown([], label=translate("versions.chosen"), elem_id="versions-version")
        verify = gr.Button(translate("versions.verify"), elem_id="verify-run")
        compare = gr.Button(translate("versions.compare"), elem_id="compare-run")
        gate = gr.Button(translate("versions.gate"), elem_id="gate-run")
        promote = gr.Button(translate("versions.promote"), variant="primary", elem_id="promote-run")
        roll_back = gr.Button(translate("versions.roll_back"), elem_id="rollback-run")
    reason = gr.Textbox(
        label=translate("versions.reason"), info=translate("versions.reason.hint"), elem_id="versions-reason",
        elem_classes="versions-reason",
    )  # fmt: skip
    with gr.Row(equal_height=False):
        boxes = []
        for name in ("verified", "compared"):
            with gr.Column(elem_classes="box", min_width=340):
                gr.Markdown(translate(f"versions.box.{name}"), elem_classes="box-title")
                boxes.append(gr.HTML(elem_id=f"versions-{name}", min_height=60))
    with gr.Column(elem_classes="box"):
        gr.Markdown(translate("versions.promotions"), elem_classes="box-title")
        promotions = gr.HTML(elem_id="versions-promotions")
    return VersionsPane(
        model, bundle, retrain, version, verify, compare, gate, promote, roll_back, reason, listed,
        promotions, job, *boxes,
    )  # fmt: skip


def wire_versions(workspace: Workspace, pane: VersionsPane, tab: gr.Tab) -> None:
    """Let the pane act, and show what there is when it is opened or another model is chosen."""
    _wire_jobs(workspace, pane, tab)
    _wire_looks(workspace, pane)
    _wire_promotions(workspace, pane)


def _wire_jobs(workspace: Workspace, pane: VersionsPane, tab: gr.Tab) -> None:
    @needs(Role.REVIEWER)
    def retrain(request: gr.Request, model: str, bundle: str) -> list[Any]:
        return show_job(request, workspace.start_retrain(model, bundle=bundle or None))

    @needs(Role.REVIEWER)
    def verify(request: gr.Request, model: str, version: str | None) -> list[Any]:
        return show_job(request, workspace.start_verify(model, _need(request, version)))

    @needs(Role.REVIEWER)
    def follow(request: gr.Request, model: str, version: str | None, job_id: str) -> list[Any]:
        """Return the job as it is, and all else once it has ended."""
        job = find_job(workspace, model, job_id, _KINDS)
        if job and job.state == "running":
            return [*show_job(request, job), *(gr.skip() for _ in pane.shown)]
        chosen = job.result.version if job and job.result else version
        return [*show_job(request, job), *_show(workspace, request, model, chosen)]

    @needs(Role.REVIEWER)
    def show(request: gr.Request, model: str, job_id: str) -> list[Any]:
        job = find_job(workspace, model, job_id, _KINDS)
        return [*show_job(request, job), *_show(workspace, request, model, None), ""]

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    given, followed = [pane.model, pane.version, pane.job.job_id], [*pane.job.shown, *pane.shown]
    for button, start, inputs in (
        (pane.retrain, retrain, [pane.model, pane.bundle]),
        (pane.verify, verify, [pane.model, pane.version]),
    ):
        button.click(start, inputs, pane.job.shown, **quiet).success(follow, given, followed, **quiet)
    pane.job.timer.tick(follow, given, followed, **quiet)
    shown = [*followed, pane.compared]
    gr.on([tab.select, pane.model.change], show, [pane.model, pane.job.job_id], shown, **quiet)


def _need(request: gr.Request, version: str | None) -> str:
    if not version:
        raise InputError(say(request, "versions.none"))
    return version


def _show(workspace: Workspace, request: gr.Request, model: str, chosen: str | None) -> list[Any]:
    """Return what fills `VersionsPane.shown`; the newest version is chosen when none is."""
    versions = workspace.list_versions(model)
    by_name = {each.name: each for each in versions}
    newest = versions[-1].name if versions else None
    version = by_name.get(chosen or newest or "")
    served = workspace.find_version(model).name if versions else None
    bundles = [(each.name, each.name) for each in reversed(workspace.list_bundles(model))]
    return [
        describe_versions(request, versions, served),
        _describe_run(request, version),
        describe_promotions(request, workspace.list_promotions(model)),
        list_versions(workspace, model, version.name if version else None),
        gr.Dropdown(choices=[(say(request, "versions.bundle.new"), ""), *bundles], value=""),
    ]


def _describe_run(request: gr.Request, version: Version | None) -> str:
    """Return what the version's last run over the flags came to."""
    summary = read_summary(version) if version else None
    if summary is None:
        return draw_dim(say(request, "versions.unverified"))
    return describe_verified(request, summary)


def _wire_looks(workspace: Workspace, pane: VersionsPane) -> None:
    @needs(Role.REVIEWER)
    def compare(request: gr.Request, model: str, version: str | None) -> str:
        chosen = _need(request, version)
        first = _find_other(workspace, request, model, chosen)
        return describe_comparison(request, workspace.compare(model, first, chosen))

    @needs(Role.REVIEWER)
    def check_gate(request: gr.Request, model: str, version: str | None) -> str:
        chosen = _need(request, version)
        return describe_gate(request, chosen, workspace.check_gate(model, chosen))

    @needs(Role.REVIEWER)
    def choose(request: gr.Request, model: str, version: str | None) -> str:
        return _describe_run(request, workspace.find_version(model, version) if version else None)

    chosen: dict[str, Any] = {"inputs": [pane.model, pane.version], "api_visibility": "private"}
    pane.compare.click(compare, outputs=pane.compared, **chosen)
    pane.gate.click(check_gate, outputs=pane.compared, **chosen)
    pane.version.input(choose, outputs=pane.verified, show_progress="hidden", **chosen)


def _find_other(workspace: Workspace, request: gr.Request, model: str, version: str) -> str:
    """Return the version to compare with: the served one, else the one that it was made from."""
    served = workspace.find_version(model).name
    if served != version:
        return served
    if parent := workspace.find_version(model, version).card.get("parent"):
        return str(parent)
    raise InputError(say(request, "versions.alone", version=version))


def _wire_promotions(workspace: Workspace, pane: VersionsPane) -> None:
    @needs(Role.ADMIN)
    def promote(request: gr.Request, model: str, version: str | None, reason: str) -> list[Any]:
        chosen = _need(request, version)
        workspace.promote(model, chosen, who=find_asker().name, override=reason.strip() or None)
        return _tell_served(workspace, request, model, chosen)

    @needs(Role.ADMIN)
    def roll_back(request: gr.Request, model: str, reason: str) -> list[Any]:
        made = workspace.roll_back(model, who=find_asker().name, reason=reason.strip())
        return _tell_served(workspace, request, model, made.to_version)

    shown = [*pane.shown, pane.reason]
    pane.promote.click(promote, [pane.model, pane.version, pane.reason], shown, api_visibility="private")
    pane.roll_back.click(roll_back, [pane.model, pane.reason], shown, api_visibility="private")


def _tell_served(workspace: Workspace, request: gr.Request, model: str, version: str) -> list[Any]:
    gr.Info(escape(say(request, "versions.serving", model=model, version=version)), title="")
    return [*_show(workspace, request, model, version), ""]
