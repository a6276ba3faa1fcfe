"""Signing in as people do, in a real browser against the real server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import find_free_port, save_screenshot, watch_errors
from people import sign_in_browser, turn_on_sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.server, pytest.mark.browser]

PASSWORD = "correct horse battery"  # noqa: S105  of nobody


@pytest.fixture(scope="module")
def folder(tiny_workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(tiny_workspace_folder, tmp_path_factory.mktemp("team") / "workspace")


@pytest.fixture(scope="module")
def started(folder: Path) -> Iterator[tuple[str, str]]:
    """The address of a server that was never started with sign-in before, and the link that it printed."""
    port = find_free_port()
    command = [
        sys.executable, "-m", "reviewer", "serve", "--sign-in", "--workspace", str(folder),
        "--port", str(port),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        told = next(line for line in process.stderr if "chooses a password at" in line)
        turn_on_sign_in(folder)
        yield f"http://127.0.0.1:{port}", told.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def address(started: tuple[str, str]) -> str:
    return started[0]


def open_signed_in(browser: Browser, address: str, folder: Path, name: str) -> Page:
    return sign_in_browser(browser, address, folder, name).new_page()


def test_the_first_admin_comes_in_by_the_printed_link(
    browser: Browser, started: tuple[str, str], tmp_path: Path
) -> None:
    address, link = started
    page = browser.new_context(base_url=address).new_page()
    errors = watch_errors(page)
    page.goto("/?tab=batch")
    assert page.url == f"{address}/sign-in?next=%2F%3Ftab%3Dbatch"
    save_screenshot(page, "sign-in", tmp_path)
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same once more").fill(PASSWORD)
    save_screenshot(page, "choose-password", tmp_path)
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="Review").wait_for()
    page.locator("#account-link").wait_for()
    save_screenshot(page, "signed-in", tmp_path)
    name = page.locator("#account-link").inner_text().split(" ")[0]
    page.locator("#account-link").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")
    page.goto("/?tab=batch&model=tickets")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("wrong wrong wrong")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "The name or the password is wrong."
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?tab=batch&model=tickets")
    page.locator("#batch-file").wait_for()
    assert errors == []


def test_a_tester_flags_and_sees_what_became_of_it(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    page = open_signed_in(browser, address, folder, "tess")
    errors = watch_errors(page)
    page.goto("/?tab=review")
    page.locator("#account-link").wait_for()
    assert page.get_by_role("tab", name="Review").count() == 0
    page.get_by_label("text").first.fill("give my money back")
    page.keyboard.press("Enter")
    page.locator(".flag-option").first.wait_for()
    page.locator(".flag-option", has_text="Wrong label").first.click()
    page.get_by_text("Flagged as Wrong label").wait_for()
    save_screenshot(page, "tester", tmp_path)
    page.goto("/account")
    page.get_by_role("cell", name="Wrong label").wait_for()
    save_screenshot(page, "account", tmp_path)
    bob = open_signed_in(browser, address, folder, "bob")
    bob.goto("/?tab=review")
    bob.get_by_role("tab", name="Review").wait_for()
    bob.locator("#desk .desk").wait_for()
    answer = bob.request.get(f"{address}/api/queue")
    assert [each["flagger"] for each in answer.json()["flags"]] == ["tess"]
    save_screenshot(bob, "reviewer", tmp_path)
    assert errors == []
