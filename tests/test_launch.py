from __future__ import annotations

import base64
import contextlib
import io
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import uvicorn
from browser import find_free_port, save_screenshot, watch_errors
from fastapi import FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

import reviewer
from reviewer.errors import BusyError, ConfigError, InputError, UnknownNameError
from reviewer.ui.launch import RunningApp, parse_size
from reviewer.workspace import Workspace

OPENSSL = shutil.which("openssl") or "openssl"

# Gradio's own figures about its queue use an option that pandas is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*no_silent_downcasting")


@pytest.fixture
def start(tiny_folder: Path) -> Iterator[Callable[..., RunningApp]]:
    """Launch the app on the tiny workspace, closed at the end."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> RunningApp:
            app = reviewer.launch(tiny_folder, prevent_thread_lock=True, quiet=True, **options)
            return stack.enter_context(app)

        yield start


@contextlib.contextmanager
def serve_app(app: Any) -> Iterator[str]:
    """Serve an ASGI app in a thread and yield its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, log_level="error", timeout_graceful_shutdown=1)
    )
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive(), "the server did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def build_proxy(
    target: str, *, prefix: str = "/team", strips: bool, keeps_host: bool, tells: bool = False
) -> Starlette:
    """Return a reverse proxy that shows `target` under the prefix, in one of the ways that proxies do."""
    client = httpx.AsyncClient(timeout=60)

    async def forward(request: Request) -> StreamingResponse:
        path = request.url.path.removeprefix(prefix) if strips else request.url.path
        headers = {
            name: value for name, value in request.headers.items() if name not in ("host", "accept-encoding")
        }
        host = request.headers["host"]
        headers |= {"host": host} if keeps_host else {}
        headers |= {"x-forwarded-host": host, "x-forwarded-proto": "http"} if tells else {}
        url = f"{target}{path}" + (f"?{request.url.query}" if request.url.query else "")
        sent = client.build_request(request.method, url, headers=headers, content=await request.body())
        answer = await client.send(sent, stream=True)
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("content-length", "transfer-encoding")
        }
        return StreamingResponse(answer.aiter_raw(), answer.status_code, kept)

    methods = ["GET", "POST", "HEAD", "OPTIONS"]
    paths = (prefix, prefix + "/{path:path}")

    @contextlib.asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    return Starlette(routes=[Route(path, forward, methods=methods) for path in paths], lifespan=run)


def draw_png(size: int = 2) -> str:
    """Return a white picture as a data URL."""
    buffer = io.BytesIO()
    Image.new("L", (size, size), 255).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def list_threads() -> list[str]:
    """Return the names of the program's own threads that run."""
    return [each.name for each in threading.enumerate() if each.name.startswith("reviewer")]


# Launch


def test_an_app_answers_until_it_is_closed_and_gives_everything_back(tiny_folder: Path) -> None:
    with reviewer.launch(tiny_folder, prevent_thread_lock=True, quiet=True) as app:
        assert httpx.get(f"{app.url}/api/models").json()["models"][0]["name"] == "tickets"
        served = {each.partition(" at ")[0] for each in list_threads()}
        # A third one loads models, and has ended by now or not.
        assert served - {"reviewer loads models"} == {"reviewer", "reviewer groups flags"}
    assert list_threads() == []
    port = int(app.url.rpartition(":")[2])
    socket.create_server(("127.0.0.1", port)).close()
    Workspace.open(tiny_folder, is_app=True).close()
    app.close()


def test_an_open_workspace_stays_open_when_its_app_is_closed(tiny_workspace: Workspace) -> None:
    reviewer.launch(tiny_workspace, prevent_thread_lock=True, quiet=True).close()
    assert tiny_workspace.queue() == []


def test_two_workspaces_are_served_by_one_process(
    start: Callable[..., RunningApp], tiny_workspace_folder: Path, tmp_path: Path
) -> None:

    other = shutil.copytree(tiny_workspace_folder, tmp_path / "other")
    (other / "reviewer.toml").write_text('title = "Other"\n' + (other / "reviewer.toml").read_text())
    with reviewer.launch(other, prevent_thread_lock=True, quiet=True) as second:
        first = start()
        titles = [httpx.get(f"{each.url}/api/models").json()["title"] for each in (first, second)]
        assert titles == ["Flag reviewer", "Other"]
        made = httpx.post(
            f"{first.url}/api/predict", json={"model": "tickets", "inputs": {"text": "refund"}}
        ).json()
        body = {"prediction_id": made["prediction_id"], "option": "other"}
        assert httpx.post(f"{second.url}/api/flags", json=body).status_code == 404
        assert httpx.post(f"{first.url}/api/flags", json=body).status_code == 200


def test_the_same_workspace_is_not_served_twice(start: Callable[..., RunningApp], tiny_folder: Path) -> None:
    app = start()
    with pytest.raises(BusyError, match="Another app already serves"):
        reviewer.launch(tiny_folder, prevent_thread_lock=True, quiet=True)
    assert httpx.get(f"{app.url}/api/models").status_code == 200


def test_a_port_that_is_taken_is_named_and_another_is_found_by_itself(
    start: Callable[..., RunningApp],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BusyError, match=rf"Port {port} .* --port {port + 1}"):
            start(port=port)
    with contextlib.suppress(OSError):
        socket.create_server(("127.0.0.1", 7860))  # taken or not: another is found
    assert int(start().url.rpartition(":")[2]) >= 7860


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "0.0.0.0"}, "--without-sign-in"),  # noqa: S104  what must be refused
        ({"share": True}, "--without-sign-in"),
        ({"host": "203.0.113.7", "without_sign_in": True}, "cannot listen on 203.0.113.7"),
        ({"port": 70_000}, "from 1 to 65535"),
        ({"root_path": "team"}, "/team"),
        ({"root_path": "/team/../x"}, "/team"),
        ({"root_path": "javascript://x"}, "/team"),
        ({"theme": "softt"}, "Did you mean 'soft'"),
        ({"max_file_size": "50 apples"}, "50mb"),
        ({"ssl_keyfile": "key.pem"}, "--ssl-certfile"),
        ({"ssl_certfile": "none.pem"}, "No such file"),
    ],
)  # fmt: skip
def test_words_that_do_not_fit_end_in_a_sentence_and_take_nothing(
    options: dict[str, Any], said: str, start: Callable[..., RunningApp], tiny_folder: Path
) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        start(**options)
    Workspace.open(tiny_folder, is_app=True).close()


def test_a_folder_that_is_no_workspace_leaves_the_port_free(tmp_path: Path) -> None:
    port = find_free_port()
    with pytest.raises(ConfigError, match="is not a workspace"):
        reviewer.launch(tmp_path, port=port, prevent_thread_lock=True)
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize(("size", "found"), [("50mb", 50 << 20), ("1 KB", 1024), (7, 7), ("3gb", 3 << 30)])
def test_a_size_is_read_as_people_write_it(size: str | int, found: int) -> None:
    assert parse_size(size) == found


@pytest.mark.parametrize("size", ["", "mb", "-1mb", "0", "1.5mb", "1tb", "9" * 30, True])
def test_a_size_that_is_none_is_named(size: str | int) -> None:
    with pytest.raises(InputError, match=re.escape(repr(size))):
        parse_size(size)


def test_a_script_waits_until_it_is_interrupted_and_ends_in_order(tiny_folder: Path) -> None:
    script = f"import reviewer; reviewer.launch({str(tiny_folder)!r}); print('after')"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    address = re.search(r"http://\S+(?=;)", process.stderr.readline())
    assert address
    with httpx.stream("GET", f"{address[0]}/gradio_api/heartbeat/abc"):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
    assert (process.returncode, out) == (0, "after\n")
    assert "Traceback" not in err


def test_the_command_ends_on_sigterm_and_gives_the_index_back(tiny_folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "reviewer", "serve", "--workspace", tiny_folder],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "The app is at" in process.stderr.readline()
    process.terminate()
    process.communicate(timeout=90)
    Workspace.open(tiny_folder, is_app=True).close()


def test_the_browser_is_opened_once_the_app_answers(tiny_folder: Path, tmp_path: Path) -> None:
    note = tmp_path / "opened"
    browser = tmp_path / "browser.sh"
    browser.write_text(f'#!/bin/sh\necho "$1" > {note}.new && mv {note}.new {note}\n')
    browser.chmod(browser.stat().st_mode | stat.S_IEXEC)
    script = (
        "import reviewer, sys\n"
        f"app = reviewer.launch({str(tiny_folder)!r}, prevent_thread_lock=True, quiet=True, open=True)\n"
        "print(app.url)\napp.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env={**os.environ, "BROWSER": f"{browser} %s"},
    )  # fmt: skip
    assert note.read_text() == done.stdout


# HTTPS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, certificate


def test_an_app_with_a_certificate_speaks_https(
    start: Callable[..., RunningApp], certificate: tuple[Path, Path]
) -> None:
    key, path = certificate
    with pytest.raises(InputError, match="brings its own HTTPS"):
        start(ssl_keyfile=key, ssl_certfile=path, share=True, without_sign_in=True)
    app = start(ssl_keyfile=key, ssl_certfile=path)
    assert app.url.startswith("https://127.0.0.1:")
    context = ssl.create_default_context(cafile=str(path))
    page = httpx.get(app.url, verify=context)
    assert f'"root":"{app.url}"' in page.text.replace(" ", "")


def test_a_key_of_another_certificate_is_refused(
    start: Callable[..., RunningApp], certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    subprocess.run(
        [OPENSSL, "genrsa", "-out", tmp_path / "other.pem", "2048"], check=True, capture_output=True
    )
    with pytest.raises(InputError, match="PEM files that belong together"):
        start(ssl_keyfile=tmp_path / "other.pem", ssl_certfile=certificate[1])


# Large files


def test_a_file_larger_than_allowed_is_refused_by_every_route(start: Callable[..., RunningApp]) -> None:
    app = start(max_file_size="100kb")
    large = "data:image/png;base64," + "A" * 3_000_000
    answer = httpx.post(f"{app.url}/api/predict", json={"model": "shades", "inputs": {"image": large}})
    assert (answer.status_code, answer.json()["kind"]) == (413, "ForbiddenError")
    assert "102,400 bytes" in answer.json()["error"]
    piece = b"x" * 100_000
    answer = httpx.post(f"{app.url}/api/predict", content=(piece for _ in range(30)))
    assert answer.status_code == 413
    assert "102,400 bytes" in answer.json()["error"]
    upload = {"files": ("a.png", b"x" * 200_000)}
    assert httpx.post(f"{app.url}/gradio_api/upload", files=upload).status_code == 413
    small = {"model": "shades", "inputs": {"image": draw_png()}}
    assert httpx.post(f"{app.url}/api/predict", json=small).json()["predicted_label"] == "white"


# Themes


def test_every_named_theme_is_served_without_fonts_from_elsewhere() -> None:
    from reviewer.ui.theme import THEMES, build_look

    for name in THEMES:
        theme, css = build_look(name)
        assert theme._stylesheets == [], name
        assert "#desk" in css or name == "reviewer"
    with pytest.raises(UnknownNameError, match="glass"):
        build_look("none")


# Share


TUNNEL = """\
#!{python}
import os, pathlib, sys, time
pathlib.Path({note!r}).write_text(" ".join([str(os.getpid()), *sys.argv[1:]]))
print("start proxy success: https://abc123.share.example", flush=True)
while True:
    time.sleep(60)
"""


@pytest.fixture
def tunnel(tmp_path: Path) -> dict[str, str]:
    """Put a program in the place of Gradio's tunnel that says it has one; returns the environment for it."""
    from gradio.tunneling import BINARY_FILENAME

    program = tmp_path / "hf/gradio/frpc" / BINARY_FILENAME
    program.parent.mkdir(parents=True)
    program.write_text(TUNNEL.format(python=sys.executable, note=str(tmp_path / "asked")))
    program.chmod(0o755)
    return {**os.environ, "HF_HOME": str(tmp_path / "hf"), "GRADIO_SHARE_SERVER_ADDRESS": "127.0.0.1:7000"}


SHARE = """\
import httpx, pathlib, reviewer
app = reviewer.launch({folder!r}, prevent_thread_lock=True, quiet=True, share=True, without_sign_in=True)
shown = {{"Host": "abc123.share.example", "X-Forwarded-Proto": "https", "Origin": app.share_url}}
print(app.share_url)
print(httpx.get(app.url + "/api/models", headers=shown).status_code)
print('"root":"https://abc123.share.example"' in httpx.get(app.url, headers=shown).text.replace(" ", ""))
print(httpx.get(app.url, headers={{**shown, "Origin": "https://evil.example"}}).status_code)
print(httpx.get(app.url, headers={{"Host": "evil.example"}}).status_code)
app.close()
print(pathlib.Path("/proc", pathlib.Path({note!r}).read_text().split()[0]).exists())
"""


def test_a_share_link_is_answered_and_its_tunnel_ends_with_the_app(
    tiny_folder: Path, tunnel: dict[str, str], tmp_path: Path
) -> None:
    script = SHARE.format(folder=str(tiny_folder), note=str(tmp_path / "asked"))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=tunnel, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["https://abc123.share.example", "200", "True", "403", "400", "False"]
    assert "-i 127.0.0.1" in (tmp_path / "asked").read_text()


def test_a_share_link_without_a_network_is_said_in_a_sentence(tiny_folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reviewer", "serve", "--share", "--without-sign-in"],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
        env={**os.environ, "REVIEWER_WORKSPACE": str(tiny_folder), "HF_HOME": str(tmp_path),
             "HTTPS_PROXY": "http://127.0.0.1:9"},
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.startswith("No share link could be made (")
    assert done.stderr.count("\n") == 1


# Behind a proxy


def test_a_proxy_that_was_not_announced_is_refused_with_the_option_that_helps(
    start: Callable[..., RunningApp],
) -> None:
    app = start(root_path="/team")
    asked = httpx.get(f"{app.url}/api/models", headers={"Host": "flags.example"})
    assert (asked.status_code, "--root-path https://flags.example" in asked.json()["error"]) == (400, True)
    asked = httpx.get(f"{app.url}/api/models", headers={"X-Forwarded-Host": "evil.example"})
    assert asked.status_code == 400
    asked = httpx.get(f"{app.url}/api/models", headers={"Origin": "https://flags.example"})
    assert (asked.status_code, "--root-path https://flags.example" in asked.json()["error"]) == (403, True)


@pytest.mark.parametrize("strips", [True, False])
@pytest.mark.parametrize("host", ["flags.example", None])
def test_an_announced_address_works_however_the_proxy_asks(
    strips: bool, host: str | None, start: Callable[..., RunningApp]
) -> None:
    app = start(root_path="https://flags.example/team")
    headers = {"Origin": "https://flags.example"} | ({"Host": host} if host else {})
    prefix = "" if strips else "/team"
    page = httpx.get(f"{app.url}{prefix}/", headers=headers)
    assert '"root":"https://flags.example/team"' in page.text.replace(" ", "")
    for path in ("/ui/desk/desk.js", "/texts/ru.json", "/docs", "/api/models", "/gradio_api/info"):
        assert httpx.get(f"{app.url}{prefix}{path}", headers=headers).status_code == 200, path
    for origin in ("https://evil.example", "http://flags.example", "null"):
        assert (
            httpx.get(f"{app.url}{prefix}/api/models", headers={**headers, "Origin": origin}).status_code
            == 403
        )


def flag_a_picture(address: str) -> None:
    """Flag a picture through the API, so that the desk has one to show."""
    made = httpx.post(
        f"{address}/api/predict", json={"model": "shades", "inputs": {"image": draw_png(64)}}
    ).json()
    answer = httpx.post(
        f"{address}/api/flags", json={"prediction_id": made["prediction_id"], "option": "bad_input"}
    )
    assert answer.status_code == 200


def walk_through(page: Page, address: str, name: str, folder: Path) -> None:
    """Predict, flag and review on the page, and see that every part of it is there."""
    errors = watch_errors(page)
    missing: list[str] = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status == 404 else None)
    page.goto(address)
    message = page.get_by_role("textbox", name="text")
    message.fill("give my money back")
    message.press("Enter")
    expect(page.locator(".flag-option:visible").first).to_be_visible()
    save_screenshot(page, f"{name}-test", folder)
    page.locator(".flag-option:visible").first.click()
    expect(page.get_by_role("status").filter(has_text="Flagged")).to_be_visible()
    page.get_by_role("tab", name="Review").click()
    expect(page.locator("#desk [role=option]")).to_have_count(2)
    page.locator("#desk [role=option]").filter(has_text="white").click()
    picture = page.locator("#desk .desk-image")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.naturalWidth") == 64
    save_screenshot(page, f"{name}-review", folder)
    page.locator("#desk [role=option]").filter(has_text="give my money back").click()
    page.locator("#desk").get_by_role("listbox").focus()
    page.keyboard.press("c")
    expect(page.locator(".desk-status")).to_contain_text("saved")
    page.get_by_role("tab", name="SQL").click()
    page.locator("#sql-run").click()
    link = page.locator("#sql-facts a")
    expect(link).to_be_visible()
    assert link.evaluate("(link) => link.href").startswith(address.rstrip("/") + "/api/query.csv")
    assert [url for url in missing if "favicon" not in url] == []
    assert errors == []


@pytest.mark.server
@pytest.mark.browser
@pytest.mark.parametrize(
    ("strips", "keeps_host", "tells"), [(True, False, True), (False, True, False)], ids=["strips", "keeps"]
)
def test_everything_works_behind_a_proxy_under_a_path(
    strips: bool, keeps_host: bool, tells: bool,
    start: Callable[..., RunningApp], browser: Browser, tmp_path: Path,
) -> None:  # fmt: skip
    app = start(root_path="/team")
    proxy = build_proxy(app.url, strips=strips, keeps_host=keeps_host, tells=tells)
    with serve_app(proxy) as address:
        flag_a_picture(f"{address}/team")
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        # A proxy that cuts the path off also adds the slash at its end; we can only do that otherwise.
        slash = "/" if strips else ""
        walk_through(page, f"{address}/team{slash}", f"proxy-{'strips' if strips else 'keeps'}", tmp_path)
        page.close()


@pytest.mark.server
@pytest.mark.browser
@pytest.mark.parametrize("theme", ["soft", "monochrome", "citrus"])
def test_the_desk_follows_a_theme(
    theme: str, start: Callable[..., RunningApp], browser: Browser, tmp_path: Path
) -> None:
    app = start(theme=theme)
    flag_a_picture(app.url)
    see_theme(browser, app.url, "light", "--primary-700", tmp_path / f"theme-{theme}")
    see_theme(browser, app.url, "dark", "--primary-300", tmp_path / f"theme-{theme}")


def see_theme(browser: Browser, url: str, scheme: Literal["light", "dark"], hue: str, saved: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme, locale="en-US")
    page.goto(f"{url}/?tab=review")
    expect(page.locator("#desk [role=option]")).to_have_count(1)
    accent = "(name) => getComputedStyle(document.querySelector(name)).getPropertyValue('--accent').trim()"
    primary = "(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    assert page.evaluate(accent, "#desk") == page.evaluate(primary, hue)
    save_screenshot(page, f"{saved.name}-{scheme}", saved.parent)
    page.get_by_role("tab", name="Test", exact=True).click()
    save_screenshot(page, f"{saved.name}-{scheme}-test", saved.parent)
    page.close()


# Under somebody else's app


def build_host(folder: Path, seen: list[str]) -> FastAPI:
    """Return an app with routes, a lifespan, an exception handler and a CORS policy of its own."""

    @contextlib.asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        seen.append("started")
        yield {"own": "state"}
        seen.append("ended")

    app = FastAPI(lifespan=run)
    app.add_middleware(CORSMiddleware, allow_origins=["https://friend.example"])

    @app.exception_handler(HTTPException)
    async def explain(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"own": error.detail}, error.status_code)

    @app.get("/own")
    def own(request: Request) -> dict[str, str]:
        return {"state": request.state.own}

    @app.get("/broken")
    def fail() -> None:
        raise HTTPException(418, "broken")

    return reviewer.mount(app, folder, path="/flags")


def test_a_host_app_keeps_its_own_routes_lifespan_handlers_and_cors(tiny_folder: Path) -> None:
    seen: list[str] = []
    with serve_app(build_host(tiny_folder, seen)) as address:
        assert httpx.get(f"{address}/own").json() == {"state": "state"}
        assert httpx.get(f"{address}/broken").json() == {"own": "broken"}
        friend = httpx.get(f"{address}/own", headers={"Origin": "https://friend.example"})
        assert friend.headers["access-control-allow-origin"] == "https://friend.example"
        assert httpx.get(f"{address}/own", headers={"Origin": "https://evil.example"}).status_code == 200
        assert (
            httpx.get(f"{address}/flags/api/models", headers={"Origin": "https://evil.example"}).status_code
            == 403
        )
        assert "reviewer" not in str(httpx.get(f"{address}/openapi.json").json()["paths"])
        unknown = httpx.get(f"{address}/flags/api/flags/none")
        assert unknown.json()["kind"] == "UnknownNameError"
        assert httpx.get(f"{address}/flags").headers["location"].endswith("/flags/")
    assert seen == ["started", "ended"]
    Workspace.open(tiny_folder, is_app=True).close()


@pytest.mark.parametrize("path", ["flags", "/", "/flags/", "", "/a b"])
def test_a_path_that_cannot_be_mounted_is_named(path: str, tiny_folder: Path) -> None:
    with pytest.raises(InputError, match="use one like /flags"):
        reviewer.mount(FastAPI(), tiny_folder, path=path)


@pytest.mark.server
@pytest.mark.browser
def test_everything_works_under_a_path_of_another_app(
    tiny_folder: Path, browser: Browser, tmp_path: Path
) -> None:
    with serve_app(build_host(tiny_folder, [])) as address:
        flag_a_picture(f"{address}/flags")
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        walk_through(page, f"{address}/flags/", "mount", tmp_path)
        page.close()


# Endpoints for programs


def test_programs_are_offered_the_documented_endpoints_only(start: Callable[..., RunningApp]) -> None:
    from reviewer.ui.endpoints import ENDPOINTS

    info = httpx.get(f"{start().url}/gradio_api/info").json()
    assert sorted(info["named_endpoints"]) == sorted(f"/{name}" for name in ENDPOINTS)
    assert info["unnamed_endpoints"] == {}


def test_the_gradio_client_predicts_and_flags(start: Callable[..., RunningApp], tiny_folder: Path) -> None:
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    app = start()
    client = Client(app.url, verbose=False)
    made = client.predict("shades", {"image": draw_png()}, api_name="/predict")
    assert (made["predicted_label"], made["source"]) == ("white", "api")
    flag = client.predict(made["prediction_id"], "wrong_label", suggested_label="black", api_name="/flag")
    assert (flag["option"], flag["suggested_label"]) == ("wrong_label", "black")
    with pytest.raises(AppError, match=re.escape("There is no model 'shade<s>'.")):
        client.predict("shade<s>", {}, api_name="/predict")
    with pytest.raises(AppError, match="no image"):
        client.predict("shades", {"image": "/etc/passwd"}, api_name="/predict")
    client.close()


def ask_slow_model(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("textbox", name="text").fill("hello")
    with page.expect_response(lambda answer: "/queue/join" in answer.url):
        page.locator(".predict:visible").click()


def open_gate(path: Path) -> int:
    """Open the pipe for writing as soon as somebody reads it."""
    deadline = time.monotonic() + 90
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < deadline, "the model was not asked"
            time.sleep(0.02)


@pytest.mark.server
@pytest.mark.browser
def test_a_full_queue_is_said_on_the_page(tiny_folder: Path, browser: Browser, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    (tiny_folder / "slow_model.py").write_text(
        f"def answer(text):\n    with open({str(tmp_path / 'gate')!r}) as gate:\n        return gate.read()\n"
    )
    (tiny_folder / "reviewer.toml").write_text(
        'max_queue = 1\n[models.slow]\nkind = "python"\npath = "slow_model:answer"\ntrusted = true\n'
        'task = "text-generation"\nconcurrency = 1\ntimeout = 600\ninputs.text = "textbox"\n'
    )
    with reviewer.launch(tiny_folder, prevent_thread_lock=True, quiet=True) as app:
        pages = [browser.new_page(locale=each) for each in ("en-US", "en-US", "en-US", "ru-RU")]
        ask_slow_model(pages[0], app.url)
        # It opens once the model answers, so that no other page's question comes before it.
        gate = open_gate(tmp_path / "gate")
        ask_slow_model(pages[1], app.url)
        ask_slow_model(pages[2], app.url)
        expect(pages[2].locator(".toast-body")).to_contain_text("The app is busy")
        save_screenshot(pages[2], "queue-full", tmp_path)
        ask_slow_model(pages[3], app.url)
        expect(pages[3].locator(".toast-body")).to_contain_text("Приложение занято")
        os.close(gate)
        os.close(open_gate(tmp_path / "gate"))
        for page in pages:
            page.close()
