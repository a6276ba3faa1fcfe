from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio.routes import App
from starlette.requests import Request

from reviewer.access import Person, Role, is_loopback
from reviewer.errors import InputError, UnknownNameError
from reviewer.guards import Reach
from reviewer.ui import handlers
from reviewer.ui.app import build_app, build_site
from reviewer.ui.handlers import ROLE_MARK, needs
from reviewer.ui.inputs import open_upload
from reviewer.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(demo_workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = shutil.copytree(demo_workspace_folder, tmp_path_factory.mktemp("app") / "demo")
    with Workspace(folder, is_app=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def app(workspace: Workspace) -> gr.Blocks:
    return build_app(workspace)


@pytest.fixture(scope="module")
def client(workspace: Workspace) -> Iterator[TestClient]:
    with TestClient(build_site(workspace, Reach.of_loopback()), base_url="http://127.0.0.1") as opened:
        yield opened


def test_every_handler_names_the_role_it_needs(app: gr.Blocks) -> None:
    handlers = [each.fn for each in app.fns.values() if each.fn is not None]
    assert len(handlers) > 20
    assert [each for each in handlers if not isinstance(getattr(each, ROLE_MARK, None), Role)] == []


def test_no_event_that_hides_its_progress_is_looked_at_again(app: gr.Blocks) -> None:
    """Gradio's page copies the components of their progress at each step of every later event."""
    hidden = [each for each in app.fns.values() if each.show_progress == "hidden"]
    assert len(hidden) > 5
    assert [each.name for each in hidden if each.show_progress_on is None] == []
    layouts = (gr.Tabs, gr.Tab, gr.Column, gr.Row)
    drawn = [shown for each in app.fns.values() for shown in each.show_progress_on or ()]
    assert not any(isinstance(each, layouts) for each in drawn)


def test_no_component_has_server_functions_but_the_drawing_area(app: gr.Blocks) -> None:
    """They know no user. The drawing area's own one only takes the pieces of a drawing."""
    found = {
        (type(block).__name__, function.__name__)
        for block in app.blocks.values()
        for function in getattr(block, "server_fns", [])
    }
    assert found <= {("ImageEditor", "accept_blobs")}


def test_a_handler_refuses_a_person_whose_role_is_too_low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "find_owner", lambda: Person("tess", Role.TESTER))

    def tell() -> str:
        return "secret"

    guarded = needs(Role.ADMIN)(tell)
    with pytest.raises(gr.Error, match="needs the role admin; tess is tester"):
        guarded()


def test_an_error_on_the_page_is_escaped() -> None:
    def fail() -> None:
        raise InputError("<img src=x onerror=alert(1)>")

    with pytest.raises(gr.Error) as caught:
        needs(Role.TESTER)(fail)()
    assert "&lt;img" in caught.value.message


def test_an_error_on_the_page_is_in_the_language_of_the_person() -> None:
    def fail(request: gr.Request) -> None:
        raise UnknownNameError("model", "a<b>")

    asked = gr.Request(Request({"type": "http", "headers": [(b"accept-language", b"ru")]}))
    with pytest.raises(gr.Error) as caught:
        needs(Role.TESTER)(fail)(asked)
    assert caught.value.message == "Не существует: модель &#x27;a&lt;b&gt;&#x27;."


def test_an_error_for_a_program_is_said_as_it_is() -> None:
    def fail() -> None:
        raise InputError("There is no model 'a<b>'.")

    with pytest.raises(gr.Error) as caught:
        needs(Role.TESTER, is_shown=False)(fail)()
    assert caught.value.message == "There is no model 'a<b>'."


def test_a_marked_handler_keeps_its_signature() -> None:
    def handle(request: gr.Request, value: str) -> str:
        return value

    assert inspect.signature(needs(Role.TESTER)(handle)) == inspect.signature(handle)


def test_an_upload_that_is_no_image_is_named_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_text("<svg/>")
    with pytest.raises(gr.Error, match=r"^'?scan\.png is no image that can be read; use PNG"):
        open_upload(str(tmp_path / "scan.png"))


def test_the_page_and_its_own_files_are_served(client: TestClient) -> None:
    for path in ("/", "/ui/desk/desk.js", "/ui/test/keys.js", "/texts/en.json", "/texts/ru.json", "/docs"):
        assert client.get(path).status_code == 200, path


def test_the_routes_of_an_answer_are_tried_before_the_others_of_gradio(workspace: Workspace) -> None:
    site: Any = build_site(workspace, Reach.of_loopback())
    [mounted] = [each.app for each in site.routes if isinstance(getattr(each, "app", None), App)]
    [router] = [each.original_router for each in mounted.router.routes if hasattr(each, "original_router")]
    assert {each.path for each in router.routes[:2]} == {
        "/gradio_api/queue/join",
        "/gradio_api/queue/data",
    }


def test_no_page_asks_another_site_for_scripts_or_fonts(client: TestClient) -> None:
    for path in ("/", "/docs"):
        links = re.findall(r"""(?:src|href)=["'](?:https?:)?//([^/"']+)""", client.get(path).text)
        assert [host for host in links if host != "127.0.0.1"] == [], path


def test_an_unknown_language_names_the_known_ones(client: TestClient) -> None:
    answer = client.get("/texts/xx.json")
    assert (answer.status_code, answer.json()["error"]) == (404, "There is no language 'xx'. Known: en, ru.")


@pytest.mark.parametrize("path", ["/", "/api/queue", "/gradio_api/info", "/texts/en.json"])
def test_a_page_of_another_site_gets_nothing(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_another_host_name_is_refused(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_files_of_the_workspace_are_not_served_by_gradio(client: TestClient, workspace: Workspace) -> None:
    for name in ("reviewer.toml", "flagged/flags-0001.csv", "models/tickets/1/card.json"):
        answer = client.get(f"/gradio_api/file={workspace.folder / name}")
        assert answer.status_code in (403, 404), name


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("192.168.0.7", False),
        ("flags.example", False),
    ],
)
def test_only_loopback_addresses_are_this_computer(host: str, is_own: bool) -> None:
    assert is_loopback(host) is is_own
