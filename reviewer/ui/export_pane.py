"""The export pane: corrected labels out, a new version in, and a verdict on every flag."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from reviewer.access import Role
from reviewer.bundle import Bundle
from reviewer.records import Verification
from reviewer.ui.handlers import needs
from reviewer.ui.stops import Stops
from reviewer.ui.test_tab import list_versions
from reviewer.ui.texts import say, translate
from reviewer.workspace import VerifySummary, Workspace


@dataclass(frozen=True, slots=True)
class ExportPane:
    """The pane's components."""

    model: gr.Dropdown
    export: gr.Button
    retrain: gr.Button
    verify: gr.Button
    cancel: gr.Button
    version: gr.Dropdown
    serve: gr.Button
    exported: gr.HTML
    trained: gr.HTML
    verified: gr.HTML


def build_export(workspace: Workspace) -> ExportPane:
    """Lay the pane out and wire it."""
    models = [(spec.shown_name, name) for name, spec in workspace.spec.models.items()]
    with gr.Row(elem_classes="pane-bar"):
        model = gr.Dropdown(models, value=models[0][1], label=translate("test.model"), elem_id="export-model")
        version = gr.Dropdown([], label=translate("test.version"), elem_id="export-version")
    with gr.Row(elem_classes="pane-bar"):
        export = gr.Button(translate("export.export"), variant="primary", elem_id="export-run")
        retrain = gr.Button(translate("export.retrain"), elem_id="retrain-run")
        verify = gr.Button(translate("export.verify"), elem_id="verify-run")
        serve = gr.Button(translate("export.serve"), elem_id="serve-run")
        cancel = gr.Button(translate("export.cancel"), variant="stop")
    with gr.Row(equal_height=False):
        boxes = []
        for name in ("exported", "trained", "verified"):
            with gr.Column(elem_classes="box", min_width=320):
                gr.Markdown(translate(f"export.{name}"), elem_classes="box-title")
                boxes.append(gr.HTML(elem_id=f"export-{name}", min_height=80))
    pane = ExportPane(model, export, retrain, verify, cancel, version, serve, *boxes)
    _wire(workspace, pane)
    return pane


def _wire(workspace: Workspace, pane: ExportPane) -> None:
    stops = Stops()

    @needs(Role.REVIEWER)
    def export(request: gr.Request, model: str) -> str:
        return describe_bundle(request, workspace.export(model))

    @needs(Role.REVIEWER)
    def retrain(request: gr.Request, model: str, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008
        """Return the export, the metrics, the verdicts and the versions, as the boxes show them."""
        advance = stops.start(request, progress)
        made = workspace.retrain(model, advance)
        summary = workspace.verify(model, made.version.name, advance)
        bundle = workspace.list_bundles(model)[-1]
        return [
            describe_bundle(request, bundle),
            _describe_metrics(request, made.version.name, made.before, made.after),
            describe_verdicts(request, summary),
            list_versions(workspace, model, made.version.name),
        ]

    @needs(Role.REVIEWER)
    def verify(request: gr.Request, model: str, version: str, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
        return describe_verdicts(request, workspace.verify(model, version, stops.start(request, progress)))

    @needs(Role.REVIEWER)
    def cancel(request: gr.Request) -> None:
        stops.stop(request)

    @needs(Role.ADMIN)
    def serve(request: gr.Request, model: str, version: str) -> gr.Dropdown:
        workspace.serve_version(model, version)
        gr.Info(escape(say(request, "export.serving", model=model, version=version)))
        return list_versions(workspace, model, version)

    shown = [pane.exported, pane.trained, pane.verified, pane.version]
    pane.export.click(export, pane.model, pane.exported, api_visibility="private")
    pane.retrain.click(retrain, pane.model, shown, api_visibility="private")
    pane.verify.click(verify, [pane.model, pane.version], pane.verified, api_visibility="private")
    pane.serve.click(serve, [pane.model, pane.version], pane.version, api_visibility="private")
    pane.cancel.click(cancel, None, None, queue=False, api_visibility="private")


def wire_export(workspace: Workspace, pane: ExportPane, tab: gr.Tab) -> None:
    """Show what there is when the pane is opened or another model is chosen."""

    @needs(Role.REVIEWER)
    def show(request: gr.Request, model: str) -> list[Any]:
        bundles = workspace.list_bundles(model)
        exported = describe_bundle(request, bundles[-1]) if bundles else _dim(request, "export.none")
        trained = describe_newest(workspace, request, model)
        return [exported, trained, _dim(request, "export.unverified"), list_versions(workspace, model)]

    shown = [pane.exported, pane.trained, pane.verified, pane.version]
    gr.on([tab.select, pane.model.change], show, pane.model, shown, api_visibility="private")


def describe_bundle(request: gr.Request, bundle: Bundle) -> str:
    """Return what an export holds and what was left out, with its download, as HTML."""
    counts = bundle.manifest["counts"]
    rows = [
        (say(request, "export.considered"), counts["considered"]),
        (say(request, "export.written"), counts["written"]),
        *((_name_reason(request, reason), count) for reason, count in counts["left_out"].items()),
    ]
    link = f"api/exports/{bundle.model}/{bundle.name}.zip"
    title = say(request, "export.bundle", name=bundle.name)
    download = say(request, "export.download")
    return f'{_table(rows)}<p><a href="{escape(link)}" download>{escape(title)}: {escape(download)}</a></p>'


def _name_reason(request: gr.Request, reason: str) -> str:
    key = f"resolution.{reason}"
    return "− " + say(request, key if _is_known(key) else f"export.reason.{reason}")


def _is_known(key: str) -> bool:
    from reviewer.ui.texts import load_texts

    return key in load_texts("en")


def describe_newest(workspace: Workspace, request: gr.Request, model: str) -> str:
    """Return the metrics of the newest version beside those of the one before it, as HTML."""
    versions = workspace.list_versions(model)
    metrics = versions[-1].card.get("metrics", {}) if versions else {}
    if "held_out" not in metrics:
        return _dim(request, "export.untrained")
    return _describe_metrics(request, versions[-1].name, metrics.get("before") or {}, metrics["held_out"])


def _describe_metrics(
    request: gr.Request, version: str, before: dict[str, float], after: dict[str, float]
) -> str:
    head = [("", say(request, "export.before"), say(request, "export.after", version=version))]
    rows = [
        (say(request, f"metric.{name}"), _show_number(before.get(name)), _show_number(value))
        for name, value in after.items()
    ]
    return _table([*head, *rows])


def _show_number(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}"


def describe_verdicts(request: gr.Request, summary: VerifySummary) -> str:
    """Return how many flags got each verdict, regressions first, as HTML."""
    counts = summary.count()
    order = [
        Verification.REGRESSED,
        Verification.STILL_FAILING,
        Verification.INCONCLUSIVE,
        Verification.FIXED,
    ]
    rows = [(say(request, f"verification.{each}"), counts.get(each, 0)) for each in order]
    title = escape(say(request, "export.verified.version", version=summary.version))
    return f'<p class="dim" role="status">{title}</p>{_table(rows)}'


def _table(rows: list[tuple[Any, ...]]) -> str:
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<table class="plain-table">{lines}</table>'


def _dim(request: gr.Request, key: str) -> str:
    return f'<p class="dim">{escape(say(request, key))}</p>'
