"""The whole app: both tabs laid out, what happens between them wired, mounted beside the API and served."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from reviewer.access import Role, is_loopback
from reviewer.api import build_server
from reviewer.errors import BusyError, UnknownNameError
from reviewer.ui.desk import build_desk
from reviewer.ui.export_pane import build_export, wire_export
from reviewer.ui.handlers import needs
from reviewer.ui.insights_pane import build_insights, wire_insights
from reviewer.ui.sql_pane import build_sql, wire_sql
from reviewer.ui.test_tab import ModelTab, build_test_tab, refresh_tab
from reviewer.ui.texts import LANGUAGES, build_translations, load_texts, translate
from reviewer.ui.theme import CSS, build_theme
from reviewer.workspace import Workspace

_STATIC = Path(__file__).parent / "static"
_HEAD = "".join(f'<script type="module" src="/ui/test/{name}.js"></script>' for name in ("keys", "canvas"))
_TABS = ("test", "review")
MAX_UPLOAD = "50mb"


def build_app(workspace: Workspace) -> gr.Blocks:
    """Return the Blocks app of the workspace."""
    with gr.Blocks(
        title=workspace.spec.title, fill_width=True, analytics_enabled=False, delete_cache=(3600, 86400)
    ) as app:
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(translate("tab.test"), id="test") as test:
                model_tab = build_test_tab(workspace)
            with gr.Tab(translate("tab.review"), id="review"):
                _build_review(workspace)
        _wire_tabs(workspace, app, tabs, test, model_tab)
    return cast(gr.Blocks, app)


def _build_review(workspace: Workspace) -> None:
    with gr.Tabs(elem_id="review-tabs"):
        with gr.Tab(translate("tab.queue"), id="queue"):
            build_desk()
        with gr.Tab(translate("tab.insights"), id="insights") as insights_tab:
            wire_insights(workspace, build_insights(workspace), insights_tab)
        with gr.Tab("SQL", id="sql") as sql_tab:
            wire_sql(workspace, build_sql(workspace), sql_tab)
        with gr.Tab(translate("tab.export"), id="export") as export_tab:
            wire_export(workspace, build_export(workspace), export_tab)


def _wire_tabs(
    workspace: Workspace, app: gr.Blocks, tabs: gr.Tabs, test: gr.Tab, model_tab: ModelTab
) -> None:
    """Fill what can change while another tab is open, and open the tab that a link names."""

    @needs(Role.TESTER)
    def refresh(request: gr.Request, model: str) -> list[Any]:
        return refresh_tab(workspace, request, model)

    @needs(Role.TESTER)
    def open_linked(request: gr.Request) -> Any:
        wanted = request.query_params.get("tab")
        return gr.Tabs(selected=wanted) if wanted in _TABS else gr.skip()

    shown = [model_tab.session, model_tab.version]
    gr.on(
        [app.load, test.select],
        refresh,
        model_tab.model,
        shown,
        api_visibility="private",
        show_progress="hidden",
    )
    app.load(open_linked, None, tabs, api_visibility="private", show_progress="hidden")


def build_site(workspace: Workspace, host: str = "127.0.0.1") -> FastAPI:
    """Return the server with the API, the static files and the app."""
    server = build_server(workspace, _list_hosts(host))
    server.mount("/ui", _FreshFiles(directory=_STATIC), name="ui")
    server.add_api_route("/texts/{language}.json", _read_texts, include_in_schema=False)
    gr.mount_gradio_app(
        server,
        build_app(workspace),
        path="/",
        theme=build_theme(),
        css=CSS.read_text(encoding="utf-8"),
        head=_HEAD,
        i18n=build_translations(),
        footer_links=[],
        run_history=False,
        show_error=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        max_file_size=MAX_UPLOAD,
    )
    return server


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


def _list_hosts(host: str) -> list[str]:
    """Return the names under which the server may be asked; any when it listens to the network."""
    return ["127.0.0.1", "localhost", "[::1]"] if is_loopback(host) else ["*"]


def serve(
    workspace: Workspace,
    host: str = "127.0.0.1",
    port: int = 7860,
    on_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the workspace until stopped; raises `BusyError` when the port is taken."""
    listener = _listen(host, port)
    address = f"http://{host}:{listener.getsockname()[1]}"
    # Pages hold a connection open for as long as they are; stopping does not wait for them.
    config = uvicorn.Config(
        build_site(workspace, host), log_level="warning", ws="none", timeout_graceful_shutdown=1
    )
    server = _Server(config, lambda: on_ready(address))
    # Models load while the page does: importing scikit-learn alone takes seconds.
    threading.Thread(target=workspace.load_models, daemon=True).start()
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_ready()


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket before anything slow starts, so that a taken port is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise BusyError(
            f"Port {port} of {host} cannot be used ({error.strerror}); stop what listens there, or choose"
            f" another with --port, for example --port {port + 1}."
        ) from None
    return listener
