"""The whole app as one server: both tabs laid out, what happens between them wired, beside the API.

The rule: links and scripts of the page are relative, so that the app works under any path.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import gradio as gr
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from gradio.routes import App
from starlette.routing import Mount

from reviewer.access import Role
from reviewer.api import MAX_FILE_BYTES, build_server
from reviewer.errors import UnknownNameError
from reviewer.guards import Reach
from reviewer.sign_in import SignIn
from reviewer.ui.answer_stream import AnswerStreams
from reviewer.ui.batch_pane import build_batch, wire_batch
from reviewer.ui.busy import translate_busy
from reviewer.ui.choices import list_choices
from reviewer.ui.desk import build_desk
from reviewer.ui.endpoints import add_endpoints
from reviewer.ui.export_pane import build_export, wire_export
from reviewer.ui.handlers import find_asker, needs
from reviewer.ui.import_pane import build_import, wire_import
from reviewer.ui.insights_pane import build_insights, wire_insights
from reviewer.ui.plot_page import add_plot_page
from reviewer.ui.scripted_pane import build_scripted_pane
from reviewer.ui.session_cookie import SessionCookie
from reviewer.ui.sign_in import add_sign_in_pages
from reviewer.ui.sql_pane import build_sql, wire_sql
from reviewer.ui.team_pane import build_team, wire_team
from reviewer.ui.test_tab import ModelTab, build_test_tab, refresh_tab
from reviewer.ui.texts import LANGUAGES, build_translations, load_texts, translate
from reviewer.ui.theme import build_look
from reviewer.ui.versions_pane import build_versions, wire_versions
from reviewer.workspace import Workspace

_STATIC = Path(__file__).parent / "static"
_TABS = ("test", "batch", "review")
_ANSWER_ROUTES = ("/queue/join", "/queue/data")
_HANDLERS_AT_ONCE = 8
"""Calls of one handler that run at the same time, unless it says otherwise; more wait their turn."""

_HEAD = "".join(
    f'<script type="module" src="ui/{name}.js"></script>'
    for name in ("test/keys", "test/canvas", "bell/bell")
)
_HEAD_SIGNED_IN = '<script type="module" src="ui/sign_in/account.js"></script>'


def build_app(workspace: Workspace, *, has_sign_in: bool = False) -> gr.Blocks:
    """Return the Blocks app of the workspace; with sign-in only reviewers get to see the review tab."""
    # After each event Gradio sums up the last 10,000 of them for a page that we do not show, which costs
    # 2.6 ms an answer.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    with gr.Blocks(
        title=workspace.spec.title, fill_width=True, analytics_enabled=False, delete_cache=(3600, 86400)
    ) as app:
        # First, so that no handler of the page has their names.
        add_endpoints(workspace)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(translate("tab.test"), id="test") as test:
                model_tab = build_test_tab(workspace)
            with gr.Tab(translate("tab.batch"), id="batch") as batch:
                batch_pane = build_batch(workspace)
                wire_batch(workspace, batch_pane, batch, app)
            with gr.Tab(translate("tab.review"), id="review", visible=not has_sign_in) as review:
                _build_review(workspace, app)
        _wire_tabs(workspace, app, tabs, test, model_tab, batch_pane.model, review)
    _forget_progress(app)
    app.queue(max_size=workspace.spec.max_queue, default_concurrency_limit=_HANDLERS_AT_ONCE)
    return cast(gr.Blocks, app)


def _forget_progress(app: gr.Blocks) -> None:
    """Show the progress of no event that hides it on anything.

    At each step of an event Gradio's page copies every component on which any event so far could show its
    own; a tab stands for all that is in it, which cost an answer 20 ms.
    """
    for each in app.fns.values():
        if each.show_progress == "hidden" and each.show_progress_on is None:
            each.show_progress_on = []


def _build_review(workspace: Workspace, app: gr.Blocks) -> None:
    with gr.Tabs(elem_id="review-tabs"):
        with gr.Tab(translate("tab.queue"), id="queue"):
            build_desk()
        with gr.Tab(translate("tab.insights"), id="insights") as insights_tab:
            insights = build_insights(workspace)
            wire_insights(workspace, insights, insights_tab)
        with gr.Tab(translate("tab.team"), id="team") as team_tab:
            team = build_team(workspace)
            wire_team(workspace, team, team_tab)
        with gr.Tab("SQL", id="sql") as sql_tab:
            wire_sql(workspace, build_sql(workspace), sql_tab)
        with gr.Tab(translate("tab.export"), id="export") as export_tab:
            export = build_export(workspace)
            wire_export(workspace, export, export_tab)
        with gr.Tab(translate("tab.versions"), id="versions") as versions_tab:
            versions = build_versions(workspace)
            wire_versions(workspace, versions, versions_tab)
        with gr.Tab(translate("tab.labels"), id="labels"):
            build_scripted_pane("labels")
        with gr.Tab(translate("tab.audit"), id="audit"):
            build_scripted_pane("audit")
        with gr.Tab(translate("import.tab"), id="import") as import_tab:
            imported = wire_import(workspace, build_import(), import_tab)

    _wire_models(workspace, [insights.model, team.model, export.model, versions.model], app, imported)


def _wire_models(workspace: Workspace, fields: list[gr.Dropdown], app: gr.Blocks, imported: Any) -> None:
    """Offer the models of the moment: an import may have added some since the page was laid out."""

    @needs(Role.TESTER)
    def list_models() -> list[Any]:
        # A page of a tester loads them too, hidden: it must not be told of a role that it lacks.
        if find_asker().role < Role.REVIEWER:
            return [gr.skip() for _ in fields]
        models = [(spec.shown_name, name) for name, spec in workspace.spec.models.items()]
        return [gr.Dropdown(choices=models) for _ in fields]

    for listen in (app.load, imported.success):
        listen(list_models, None, fields, api_visibility="private", show_progress="hidden")


def _wire_tabs(
    workspace: Workspace,
    app: gr.Blocks,
    tabs: gr.Tabs,
    test: gr.Tab,
    model_tab: ModelTab,
    batch_model: gr.Dropdown,
    review: gr.Tab,
) -> None:
    """Fill what can change while another tab is open, and open the tab and the model that a link names."""
    models = [panel.spec.name for panel in model_tab.panels]

    @needs(Role.TESTER)
    def refresh(request: gr.Request, model: str | None, version: str | None, seen: str | None) -> list[Any]:
        return refresh_tab(workspace, request, model_tab, model, version, seen)

    @needs(Role.TESTER)
    def open_linked(request: gr.Request) -> list[Any]:
        tab, model = (request.query_params.get(each) for each in ("tab", "model"))
        chosen = gr.Dropdown(value=model) if model in models else gr.skip()
        may_review = find_asker().role >= Role.REVIEWER
        is_open = tab in _TABS and (may_review or tab != "review")
        return [
            gr.Tabs(selected=tab) if is_open else gr.skip(), chosen, chosen, gr.Tab(visible=may_review),
        ]  # fmt: skip

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    known = [model_tab.model, model_tab.version, model_tab.seen]
    shown = [
        model_tab.session, model_tab.version, *list_choices(model_tab.panels), model_tab.seen,
    ]  # fmt: skip
    filled = [tabs, model_tab.model, batch_model, review]
    opened = app.load(open_linked, None, filled, **quiet)
    # The versions are those of the model that the link has chosen.
    opened.then(refresh, known, shown, **quiet)
    test.select(refresh, known, shown, **quiet)


def build_site(
    workspace: Workspace,
    reach: Reach,
    *,
    root_path: str = "",
    theme: str | gr.themes.Base | None = None,
    max_file_bytes: int = MAX_FILE_BYTES,
    sign_in: SignIn | None = None,
) -> FastAPI:
    """Return the server with the API, the static files and the app.

    `root_path` is the path, or the whole address, at which a proxy shows it. With `sign_in` only people whom
    it knows get to see anything.
    """
    server = build_server(
        workspace, reach, root_path=root_path, max_file_bytes=max_file_bytes, sign_in=sign_in
    )
    server.add_middleware(SessionCookie)
    server.add_middleware(AnswerStreams)
    add_plot_page(server)
    server.mount("/ui", _FreshFiles(directory=_STATIC), name="ui")
    server.add_api_route("/texts/{language}.json", _read_texts, include_in_schema=False)
    if sign_in:
        add_sign_in_pages(server, workspace, sign_in)
    _mount_app(
        server, build_app(workspace, has_sign_in=sign_in is not None), theme, max_file_bytes,
        _HEAD + (_HEAD_SIGNED_IN if sign_in else ""),
    )  # fmt: skip
    return server


def _mount_app(
    server: FastAPI, app: gr.Blocks, theme: str | gr.themes.Base | None, max_file_bytes: int, head: str
) -> None:
    look, css = build_look(theme)
    # Gradio refuses files that nobody uploaded only in an app that was launched; mounting does not count.
    app.has_launched = True
    gr.mount_gradio_app(
        server,
        app,
        path="/",
        theme=look,
        css=css,
        head=head,
        i18n=build_translations(),
        footer_links=["api"],
        run_history=False,
        show_error=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        max_file_size=max_file_bytes,
    )
    translate_busy(server)
    _try_answers_first(server)


def _try_answers_first(server: FastAPI) -> None:
    """Let the two routes of every answer be the first that the mounted app tries.

    It goes through eighty of them for each request, which cost an answer 0.6 of 11 ms.
    """
    mounted = [each.app for each in server.routes if isinstance(each, Mount) and isinstance(each.app, App)]
    for app in mounted:
        app.router.routes.sort(key=lambda each: not hasattr(each, "original_router"))
        included = app.router.routes[0]
        if router := getattr(included, "original_router", None):
            router.routes.sort(key=lambda each: not each.path.endswith(_ANSWER_ROUTES))


class _FreshFiles(StaticFiles):
    """Files that the browser asks about each time, so that an upgrade is seen at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _read_texts(language: str) -> JSONResponse:
    """Return the texts of one language, for the parts of the page that are not Gradio's."""
    if language not in LANGUAGES:
        raise UnknownNameError("language", language, LANGUAGES)
    return JSONResponse(load_texts(language), headers={"Cache-Control": "no-cache"})
