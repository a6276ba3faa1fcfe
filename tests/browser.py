"""A live server and a real Chromium for the journeys.

The rule: the server is the command a user starts, on a workspace of the test's own, and is stopped by its id.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

expect.set_options(timeout=90_000)  # a deadline on a busy machine, not a measurement

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 60.0


@contextlib.contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Run `reviewer serve` on the workspace and yield its address."""
    port = find_free_port()
    command = [sys.executable, "-m", "reviewer", "serve", "--workspace", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{port}"
        _await_answer(process, address)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=90)


def _await_answer(process: subprocess.Popen[str], address: str) -> None:
    """Return once the server says that it listens; it prints its address when it does."""
    assert process.stderr is not None
    for line in process.stderr:
        if address in line:
            return
    raise AssertionError(f"the server ended with {process.wait()} before it answered")


def find_free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Yield headless Chromium: the system's when there is one, else Playwright's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(CHROMIUM_FLAGS)
        )
        yield browser
        browser.close()


GRADIO_ERRORS = ("reading 'canvas'",)
"""Gradio's image editor trips over itself when it is left while still loading; nobody sees it."""


def watch_errors(page: Page) -> list[str]:
    """Return a list that fills with what goes wrong on the page."""
    errors: list[str] = []

    def note(error: object) -> None:
        if not any(known in str(error) for known in GRADIO_ERRORS):
            errors.append(str(error))

    page.on("pageerror", note)
    page.on(
        "response",
        lambda answer: errors.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None,
    )
    return errors


def save_screenshot(page: Page, name: str, folder: Path) -> None:
    """Write `NAME.png` into $REVIEWER_SCREENSHOTS, or into the test's own folder."""
    target = Path(os.environ.get("REVIEWER_SCREENSHOTS", folder))
    page.screenshot(path=target / f"{name}.png")


def choose(page: Page, field: str, text: str) -> None:
    """Choose an entry of a Gradio dropdown by its text."""
    page.locator(f"{field} input").click()
    page.get_by_role("option", name=text, exact=False).first.click()
