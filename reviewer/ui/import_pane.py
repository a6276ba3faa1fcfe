"""The import pane: flags that Gradio wrote, uploaded, looked at, confirmed and taken over.

The rule: nobody names a file of the server here; only what was uploaded is read, and nothing of it is kept
but the flags and the rows set aside.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from reviewer.access import Role, check_role
from reviewer.config import WorkspaceSpec
from reviewer.errors import InputError, StoppedError
from reviewer.foreign import Source, open_upload, prepare_workspace, read_sources
from reviewer.ui.handlers import find_asker, needs
from reviewer.ui.import_plan import (
    BY_COLUMNS,
    NEW,
    Choice,
    build_columns,
    draft_tables,
    guess_choice,
    name_model,
    read_mapping,
)
from reviewer.ui.import_report import (
    describe_files,
    describe_plan,
    describe_problem,
    describe_report,
    describe_stopped,
)
from reviewer.ui.stops import Stops
from reviewer.ui.texts import say, say_sentence, translate
from reviewer.workspace import Workspace

_COLUMNS_START = """
import(new URL("ui/import/columns.js", document.baseURI))
  .then((columns) => columns.mount(element, props, watch, trigger));
"""


@dataclass(frozen=True, slots=True)
class ImportPane:
    """The pane's components."""

    file: gr.File
    confirm: gr.Column
    files: gr.HTML
    model: gr.Dropdown
    name: gr.Textbox
    timezone: gr.Dropdown
    columns: gr.HTML
    plan: gr.HTML
    run: gr.Button
    stop: gr.Button
    report: gr.HTML

    @property
    def confirmed(self) -> list[Any]:
        """What `_confirm` fills."""
        return [self.confirm, self.files, self.model, self.name, self.columns, self.plan, self.run]

    @property
    def chosen(self) -> list[Any]:
        """What says which file is meant and what the person chose for it."""
        return [self.file, self.model, self.name, self.columns]


def build_import() -> ImportPane:
    """Lay the pane out."""
    with gr.Row(equal_height=False, elem_classes="batch-row"):
        with gr.Column(scale=3, elem_classes="box", min_width=340):
            gr.Markdown(translate("import.title"), elem_classes="box-title")
            file = gr.File(file_types=[".zip", ".csv"], show_label=False, height=140, elem_id="import-file")
            gr.Markdown(translate("import.hint"), elem_classes="dim")
            with gr.Column(visible=False, elem_id="import-confirm") as confirm:
                files = gr.HTML(elem_id="import-files")
                with gr.Row():
                    model = gr.Dropdown([], label=translate("import.model"), elem_id="import-model")
                    name = gr.Textbox(
                        label=translate("import.name"), visible=False, max_length=60, elem_id="import-name"
                    )
                    timezone = gr.Dropdown(
                        sorted(zoneinfo.available_timezones()), value="UTC", label=translate("import.zone"),
                        info=translate("import.zone.hint"), elem_id="import-zone",
                    )  # fmt: skip
                gr.Markdown(translate("import.columns"), elem_classes="box-title")
                columns = gr.HTML({}, html_template="", js_on_load=_COLUMNS_START, elem_id="import-columns")
                plan = gr.HTML(elem_id="import-plan")
                run = gr.Button(translate("import.run"), variant="primary", elem_id="import-run")
        with gr.Column(scale=2, elem_classes="box", min_width=340):
            gr.Markdown(translate("import.report"), elem_classes="box-title")
            report = gr.HTML(elem_id="import-report", min_height=80)
            with gr.Row(elem_classes="pane-bar"):
                stop = gr.Button(
                    translate("import.stop"), variant="stop", visible=False, elem_id="import-stop"
                )
    return ImportPane(file, confirm, files, model, name, timezone, columns, plan, run, stop, report)


def wire_import(workspace: Workspace, pane: ImportPane, tab: gr.Tab) -> Any:
    """Let the pane look at files and import them; returns the event of an import, which may add models."""
    look = _wire_file(workspace, pane)

    @needs(Role.REVIEWER)
    def greet(request: gr.Request, report: str) -> str:
        return report or f'<p class="dim">{say(request, "import.empty")}</p>'

    @needs(Role.REVIEWER)
    def clear() -> str:
        return ""

    # What became of one file must not stand beside the next.
    pane.file.upload(clear, None, pane.report, api_visibility="private", show_progress="hidden")
    quiet: Any = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    tab.select(greet, pane.report, pane.report, **quiet)
    ran = _wire_run(workspace, pane)
    # What was a new model before is one of the workspace now.
    ran.success(look, pane.file, pane.confirmed, api_visibility="private", show_progress="hidden")
    return ran


def _wire_file(workspace: Workspace, pane: ImportPane) -> Callable[..., list[Any]]:
    """Wire what looks at the file without importing it; returns how it is looked at anew."""

    @needs(Role.REVIEWER)
    def look(request: gr.Request, path: str | None) -> list[Any]:
        """Return what fills `ImportPane.confirmed`."""
        if not path:
            return _hide()
        with _open(path) as sources:
            return _confirm(request, workspace.spec, sources, guess_choice(sources, workspace.spec))

    @needs(Role.REVIEWER)
    def choose(request: gr.Request, path: str | None, model: str | None, name: str) -> list[Any]:
        if not path:
            return _hide()
        with _open(path) as sources:
            choice = Choice(model or BY_COLUMNS, name.strip() or name_model(sources, workspace.spec))
            return _confirm(request, workspace.spec, sources, choice)

    @needs(Role.REVIEWER)
    def edit(request: gr.Request, path: str | None, model: str | None, name: str, shown: Any) -> list[Any]:
        """Return the plan and the button, as they are with what was changed."""
        if not path:
            return ["", gr.Button(interactive=False)]
        with _open(path, read_mapping(shown)) as sources:
            return _plan(request, workspace.spec, sources, Choice(model or BY_COLUMNS, name.strip()))

    @needs(Role.REVIEWER)
    def hide() -> list[Any]:
        return _hide()

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    looked = pane.file.change(
        look, pane.file, pane.confirmed, api_visibility="private", show_progress_on=[pane.file]
    )
    # The columns of an earlier file must not stand beside one that cannot be read.
    looked.failure(hide, None, pane.confirmed, **quiet)
    pane.model.input(choose, [pane.file, pane.model, pane.name], pane.confirmed, **quiet)
    gr.on(
        [pane.columns.input, pane.name.blur, pane.name.submit],
        edit,
        pane.chosen,
        [pane.plan, pane.run],
        trigger_mode="always_last",
        **quiet,
    )
    return look


@contextmanager
def _open(path: str, mapping: dict[str, str] | None = None) -> Iterator[list[Source]]:
    with open_upload(Path(path)) as found:
        yield read_sources(found, mapping)


def _hide() -> list[Any]:
    return [gr.Column(visible=False), "", gr.Dropdown(choices=[], value=None), "", {}, "", gr.Button()]


def _confirm(request: gr.Request, spec: WorkspaceSpec, sources: list[Source], choice: Choice) -> list[Any]:
    """Return what fills `ImportPane.confirmed`."""
    own = [(say(request, "import.model.by_columns"), BY_COLUMNS), (say(request, "import.model.new"), NEW)]
    models = [(each.shown_name, name) for name, each in spec.models.items()]
    return [
        gr.Column(visible=True),
        describe_files(request, sources),
        gr.Dropdown(choices=[*own, *models], value=choice.model),
        gr.Textbox(choice.name, visible=choice.model == NEW),
        build_columns(request, sources, spec, choice),
        *_plan(request, spec, sources, choice),
    ]


def _plan(request: gr.Request, spec: WorkspaceSpec, sources: list[Source], choice: Choice) -> list[Any]:
    """Return what would be added, or what is to be done first, and the button."""
    try:
        tables = draft_tables(request, sources, spec, choice)
    except InputError as error:
        return [describe_problem(say_sentence(request, str(error))), gr.Button(interactive=False)]
    words = say(request, "import.run.adding" if tables else "import.run")
    return [describe_plan(request, tables), gr.Button(words, interactive=True)]


def _wire_run(workspace: Workspace, pane: ImportPane) -> Any:
    stops = Stops()

    @needs(Role.REVIEWER)
    def run(
        request: gr.Request,
        path: str | None,
        model: str | None,
        name: str,
        shown: Any,
        timezone: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
        """Import the flags and return what became of them."""
        if not path:
            raise InputError(say(request, "import.no_file"))
        mapping, choice = read_mapping(shown), Choice(model or BY_COLUMNS, name.strip())
        advance = stops.start(request, progress)
        with open_upload(Path(path)) as found:
            added = _add_models(request, workspace, read_sources(found, mapping), choice)
            try:
                report = workspace.import_flags(
                    found, model=choice.wanted, mapping=mapping, timezone=timezone, progress=advance
                )
            except StoppedError:
                return describe_stopped(request)
        return describe_report(request, report, added)

    @needs(Role.REVIEWER)
    def stop(request: gr.Request) -> None:
        stops.stop(request)

    @needs(Role.REVIEWER)
    def expect(request: gr.Request) -> gr.Button:
        stops.expect(request)
        return gr.Button(visible=True)

    @needs(Role.REVIEWER)
    def hide_stop() -> gr.Button:
        return gr.Button(visible=False)

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    asked = pane.run.click(expect, None, pane.stop, queue=False, **quiet)
    ran = asked.then(
        run,
        [*pane.chosen, pane.timezone],
        pane.report,
        concurrency_limit=1,
        api_visibility="private",
        show_progress_on=[pane.report],
    )
    ran.then(hide_stop, None, pane.stop, **quiet)
    pane.stop.click(stop, None, None, api_visibility="private", queue=False)
    return ran


def _add_models(
    request: gr.Request, workspace: Workspace, sources: list[Source], choice: Choice
) -> list[str]:
    """Add the models that are missing to reviewer.toml, which only an admin may; returns their names."""
    workspace.reload()
    tables = draft_tables(request, sources, workspace.spec, choice)
    if not tables:
        return []
    check_role(find_asker(), Role.ADMIN)
    prepare_workspace(workspace.folder, sources, model=choice.wanted, is_adding=True)
    return workspace.reload()
