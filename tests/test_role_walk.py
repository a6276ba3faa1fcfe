"""Everything that a server with sign-in answers, asked as nobody, tester, reviewer and admin.

The tables below say what each may do. What is in none of them fails a test: a new route, handler or server
function is written down here before it can be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.routes import App
from people import PEOPLE, open_team, sign_in_client
from starlette.routing import Mount
from test_api import ROUTES

from reviewer.access import Person, Role, check_role
from reviewer.errors import InputError
from reviewer.guards import Reach
from reviewer.sign_in import SignIn
from reviewer.ui import handlers
from reviewer.ui.app import build_site
from reviewer.ui.handlers import ROLE_MARK
from reviewer.workspace import Workspace

SKETCH = """
[models.sketches]
task = "generic"
kind = "python"
path = "echo:say"
trusted = true
inputs.image = { component = "sketch", width = 8, height = 8, mode = "L" }
"""

OPEN_PAGES = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/link"),
    ("POST", "/sign-in/link"),
    ("GET", "/ui/plotly.min.js"),
}
"""What nobody in particular may ask for; it holds nothing of anybody."""

OPEN_FILES = {"/ui/plot.js", "/ui/sign_in/account.js", "/ui/sign_in/sign_in.css", "/ui/sign_in/sign_in.js"}
"""The static files that are open; all others need a tester."""

PAGES = {
    ("GET", "/"),
    ("GET", "/account"),
    ("POST", "/account/tokens"),
    ("POST", "/account/tokens/revoke"),
    ("POST", "/account/password"),
    ("POST", "/sign-out"),
    ("GET", "/docs"),
    ("GET", "/docs/oauth2-redirect"),
    ("GET", "/openapi.json"),
    ("GET", "/texts/{language}.json"),
    ("GET", "/ui/plot.html"),
}
"""Pages that every person may open; each shows what that person may see."""

MOUNTS = {"", "/static-offline-docs", "/ui"}
"""Where files, and Gradio itself, are mounted."""

GRADIO = {
    "GET": {
        "/", "/assets/{path:path}", "/config", "/favicon.ico", "/gradio_api/app_id",
        "/gradio_api/call/v2/{api_name}/{event_id}", "/gradio_api/call/{api_name}/{event_id}",
        "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}", "/gradio_api/deep_link",
        "/gradio_api/dev/reload", "/gradio_api/file/{path:path}", "/gradio_api/file={path_or_url:path}",
        "/gradio_api/heartbeat/{session_hash}", "/gradio_api/info", "/gradio_api/login_check",
        "/gradio_api/openapi.json", "/gradio_api/proxy={url_path:path}", "/gradio_api/queue/data",
        "/gradio_api/queue/status", "/gradio_api/runs", "/gradio_api/startup-events",
        "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file",
        "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
        "/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}", "/gradio_api/theme.css",
        "/gradio_api/token", "/gradio_api/upload_progress", "/gradio_api/user", "/gradio_api/vibe-code",
        "/logout", "/manifest.json", "/monitoring", "/monitoring/summary", "/monitoring/{key}",
        "/openapi.json", "/pwa_icon", "/pwa_icon/{size}", "/robots.txt", "/static/{path:path}",
        "/svelte/{path:path}", "/theme.css",
    },
    "POST": {
        "/gradio_api/api/{api_name}", "/gradio_api/call/v2/{api_name}", "/gradio_api/call/{api_name}",
        "/gradio_api/cancel", "/gradio_api/component_server", "/gradio_api/process_recording",
        "/gradio_api/queue/join", "/gradio_api/reset", "/gradio_api/run/{api_name}",
        "/gradio_api/stream/{event_id}", "/gradio_api/stream/{event_id}/close", "/gradio_api/undo-vibe-edit",
        "/gradio_api/upload", "/gradio_api/vibe-code", "/gradio_api/vibe-edit",
        "/gradio_api/vibe-starter-queries", "/login",
    },
}  # fmt: skip
"""Gradio's own routes: a tester's. They know no roles, so every handler behind them asks for its own."""

HANDLERS: dict[Role, set[str]] = {
    Role.TESTER: {
        "app.list_models", "app.open_linked", "app.refresh", "batch_pane.choose_model", "batch_pane.hide",
        "batch_pane.look", "batch_pane.refresh", "batch_pane.resume", "batch_pane.show", "batch_pane.start",
        "batch_pane.stop", "endpoints.flag", "endpoints.predict", "inputs.open_upload", "test_tab.<lambda>",
        "test_tab.choose", "test_tab.clear", "test_tab.flag", "test_tab.look_back", "test_tab.predict",
        "test_tab.reopen", "test_tab.undo",
    },
    Role.REVIEWER: {
        "export_pane.choose", "export_pane.choose_mode", "export_pane.export", "export_pane.follow",
        "export_pane.plan", "export_pane.show", "import_pane.choose", "import_pane.clear",
        "import_pane.edit", "import_pane.expect", "import_pane.greet", "import_pane.hide",
        "import_pane.hide_stop", "import_pane.look", "import_pane.run", "import_pane.stop",
        "insights_pane.draw", "job_box.stop_job", "sql_pane.clear", "sql_pane.describe",
        "sql_pane.expect", "sql_pane.run", "sql_pane.stop", "team_pane.draw", "versions_pane.check_gate",
        "versions_pane.choose", "versions_pane.compare", "versions_pane.follow", "versions_pane.retrain",
        "versions_pane.show", "versions_pane.verify",
    },
    Role.ADMIN: {"versions_pane.promote", "versions_pane.roll_back"},
}  # fmt: skip
"""Every Gradio handler by the role it needs."""

SERVER_FUNCTIONS = {("ImageEditor", "accept_blobs")}
"""Component and function: a tester's; it only takes the pieces of the own drawing."""

WHO = {"": None, "tess": Role.TESTER, "bob": Role.REVIEWER, "ann": Role.ADMIN}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_workspace_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("walk")
    config = (tiny_workspace_folder / "reviewer.toml").read_text("utf-8")
    (folder / "reviewer.toml").write_text(config + SKETCH)
    (folder / "echo.py").write_text("def say(image):\n    return 1\n")
    return folder


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace(folder, is_app=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def sign_in(folder: Path) -> Iterator[SignIn]:
    with open_team(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def site(workspace: Workspace, sign_in: SignIn) -> FastAPI:
    return build_site(workspace, Reach({"testserver"}), sign_in=sign_in)


@pytest.fixture(scope="module")
def clients(site: FastAPI, sign_in: SignIn) -> dict[str, TestClient]:
    return {name: sign_in_client(site, sign_in, name) for name in WHO}


def find_gradio(site: FastAPI) -> App:
    mounted = (getattr(each, "app", None) for each in site.routes)
    return next(each for each in mounted if isinstance(each, App))


def list_all(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield method and path of each route; HEAD stands beside GET, and a slash at the end says nothing."""
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield from list_all(router.routes, prefix + route.include_context.prefix)
        elif methods := getattr(route, "methods", None):
            yield from ((each, prefix + route.path.rstrip("/") or "/") for each in methods if each != "HEAD")


def fill(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "zzz", path)


# Routes


def test_every_route_is_in_a_table(site: FastAPI) -> None:
    assert set(list_all(site.routes)) == {*ROUTES, *OPEN_PAGES, *PAGES} - {("GET", "/")}
    assert {(method, path) for method, paths in GRADIO.items() for path in paths} == set(
        list_all(find_gradio(site).routes)
    )
    assert {each.path for each in site.routes if isinstance(each, Mount)} == MOUNTS


@pytest.mark.parametrize(
    ("method", "path"),
    sorted({*ROUTES, *PAGES, *((method, path) for method, paths in GRADIO.items() for path in paths)}),
)
def test_nobody_gets_nothing(clients: dict[str, TestClient], method: str, path: str) -> None:
    answer = clients[""].request(method, fill(path))
    assert (answer.status_code, answer.json()["kind"]) == (401, "SignInNeededError")
    assert answer.json()["error"].startswith("Sign in first;")


def test_nobody_may_open_the_pages_by_which_one_signs_in(clients: dict[str, TestClient]) -> None:
    for method, path in OPEN_PAGES:
        answer = clients[""].request(method, path)
        assert answer.status_code in ((403,) if method == "POST" or "link" in path else (200,)), path


def test_of_the_static_files_only_those_of_signing_in_are_open(clients: dict[str, TestClient]) -> None:
    static = Path(handlers.__file__).parent / "static"
    for file in static.rglob("*"):
        path = f"/ui/{file.relative_to(static).as_posix()}"
        if file.is_file():
            assert clients[""].get(path).status_code == (200 if path in OPEN_FILES else 401), path
            assert clients["tess"].get(path).status_code == 200, path


@pytest.mark.parametrize("name", [each for each in WHO if each])
@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_a_route_lets_through_those_whose_role_allows_it(
    clients: dict[str, TestClient], name: str, method: str, path: str
) -> None:
    answer = clients[name].request(
        method, fill(path), params={"model": "zzz", "sql": "select"}, json={} if method == "POST" else None
    )
    needed = ROUTES[method, path]
    if PEOPLE[name] >= needed:
        assert answer.status_code not in (401, 403, 500)
        return
    role, own = needed.name.lower(), PEOPLE[name].name.lower()
    assert answer.status_code == 403
    assert answer.json()["error"] == f"This needs the role {role}; {name} is {own}."


# Handlers


def name_handler(handler: Any) -> str:
    return f"{handler.__module__.rpartition('.')[2]}.{handler.__qualname__.rpartition('.')[2]}"


def test_every_handler_is_in_the_table_with_its_role(site: FastAPI) -> None:
    found: dict[Role, set[str]] = {role: set() for role in Role}
    for each in find_gradio(site).get_blocks().fns.values():
        if each.fn is not None:
            found[getattr(each.fn, ROLE_MARK)].add(name_handler(each.fn))
    assert found == HANDLERS


def test_every_server_function_is_in_the_table(site: FastAPI) -> None:
    blocks = find_gradio(site).get_blocks().blocks.values()
    found = {(type(each).__name__, fn.__name__) for each in blocks for fn in getattr(each, "server_fns", [])}
    assert found == SERVER_FUNCTIONS


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a handler tell that it would run now, instead of doing so."""

    def check(person: Person, role: Role) -> None:
        check_role(person, role)
        raise InputError(f"let {person.name} through")

    monkeypatch.setattr(handlers, "check_role", check)


def call_by_index(client: TestClient, handler: Any, page: str) -> str:
    """Return what the page would be told by the handler, called by its number."""
    values = [getattr(each, "value", None) for each in handler.inputs]
    body = {"fn_index": handler._id, "data": values, "session_hash": page, "event_data": {}}
    answer = client.post("/gradio_api/run/predict", json=body)
    assert answer.status_code == 500
    return str(answer.json()["error"])


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("name", [each for each in WHO if each])
def test_a_handler_called_by_its_number_asks_for_the_role(
    site: FastAPI, clients: dict[str, TestClient], name: str
) -> None:
    for each in find_gradio(site).get_blocks().fns.values():
        if each.fn is None:
            continue
        needed = getattr(each.fn, ROLE_MARK)
        told = call_by_index(clients[name], each, f"page of {name}")
        if PEOPLE[name] >= needed:
            assert told == f"let {name} through", name_handler(each.fn)
        else:
            assert f"needs the role {needed.name.lower()}; {name} is" in told, name_handler(each.fn)


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("name", [each for each in WHO if each])
def test_a_handler_called_through_the_queue_asks_for_the_role(
    site: FastAPI, sign_in: SignIn, workspace: Workspace, name: str
) -> None:
    started = build_site(workspace, Reach({"testserver"}), sign_in=sign_in)
    with sign_in_client(started, sign_in, name) as client:
        gradio = find_gradio(started)
        chosen = {name_handler(each.fn): each for each in gradio.get_blocks().fns.values() if each.fn}
        for needed, handler in ((Role.TESTER, "test_tab.clear"), (Role.REVIEWER, "sql_pane.run")):
            page = f"{name} {handler}"
            body = {"fn_index": chosen[handler]._id, "data": [None] * len(chosen[handler].inputs)}
            assert (
                client.post("/gradio_api/queue/join", json={**body, "session_hash": page}).status_code == 200
            )
            told = client.get("/gradio_api/queue/data", params={"session_hash": page}).text
            wanted = "through" if PEOPLE[name] >= needed else "This needs the role"
            assert wanted in told


@pytest.mark.parametrize("api_name", ["predict", "flag"])
def test_an_endpoint_called_by_its_name_asks_for_a_person(
    clients: dict[str, TestClient], api_name: str
) -> None:
    for path in ("run", "call", "api"):
        answer = clients[""].post(f"/gradio_api/{path}/{api_name}", json={"data": [None] * 5})
        assert answer.status_code == 401, path


def test_a_page_belongs_to_whoever_opened_it(site: FastAPI, clients: dict[str, TestClient]) -> None:
    clear = next(
        each
        for each in find_gradio(site).get_blocks().fns.values()
        if each.fn and each.fn.__name__ == "clear"
    )
    body = {"fn_index": clear._id, "data": [], "session_hash": "page of bob's"}
    assert clients["bob"].post("/gradio_api/run/predict", json=body).status_code == 200
    told = clients["tess"].post("/gradio_api/run/predict", json=body)
    assert told.json()["error"] == "This page was opened by somebody else; load it again."
    for path in ("/gradio_api/queue/data?session_hash=page of bob's", "/gradio_api/heartbeat/page of bob's"):
        assert clients["tess"].get(path).status_code == 403, path


def test_the_page_of_a_tester_holds_no_data_of_the_review_tab(clients: dict[str, TestClient]) -> None:
    components = clients["tess"].get("/config").json()["components"]
    [tab] = [each for each in components if each["props"].get("id") == "review" and each["type"] == "tabitem"]
    assert tab["props"]["visible"] is False
