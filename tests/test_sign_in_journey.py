"""Signing in as people do, in a real browser against the real server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import find_free_port, save_screenshot, watch_errors
from people import sign_in_browser, turn_on_sign_in

from reviewer.accounts import Accounts
from reviewer.records import new_id
from reviewer.sign_in import COOKIE

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
        process.communicate(timeout=90)


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


NASTY = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>'


def test_no_text_of_others_runs_in_any_view(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    page = open_signed_in(browser, address, folder, "bob")
    errors = watch_errors(page)
    page.goto("/?tab=review")
    page.locator("#desk .desk").wait_for()
    asked = {"Origin": address}

    def post(path: str, **body: object) -> dict[str, Any]:
        answer = page.request.post(f"/api/{path}", data=body, headers=asked)
        assert answer.status == 200, answer.text()
        return dict(answer.json())

    made = post("predict", model="tickets", inputs={"text": NASTY})
    flag = post("flags", prediction_id=made["prediction_id"], option="other", comment=NASTY)
    post("reviews", action_id=new_id(), flag_id=flag["flag_id"], seq=0, comment=NASTY)
    post("views", name=NASTY[:100], query="view=all", is_shared=True)
    batch = tmp_path / "<img src=x onerror='window.hacked = 1'>.csv"
    batch.write_text(f'text,label\n"{NASTY.replace(chr(34), chr(34) * 2)}",refund\n', encoding="utf-8")
    page.goto("/?tab=review")
    page.locator("#desk .desk").get_by_text("window.hacked").first.wait_for()
    for name in ("Insights", "SQL", "Export", "Versions", "Import"):
        page.get_by_role("tab", name=name, exact=False).first.click()
        page.locator("#review-tabs [role=tabpanel]:visible .block:visible").first.wait_for()
    page.get_by_role("tab", name="Batch test").click()
    page.locator("#batch-file input[type=file]").set_input_files(batch)
    page.locator(".batch-preview table").wait_for()
    page.get_by_role("tab", name="Test", exact=True).click()
    page.get_by_label("text").first.fill(NASTY)
    page.keyboard.press("Enter")
    page.locator("#session").get_by_text("window.hacked").wait_for()
    page.goto("/account")
    page.get_by_text("window.hacked").first.wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
    assert errors == []


@pytest.mark.parametrize(
    ("scheme", "language", "width"), [("light", "ru", 1280), ("dark", "en", 1280), ("dark", "ru", 360)]
)
def test_the_pages_of_signing_in_fit_and_can_be_used_by_all(
    browser: Browser, address: str, folder: Path, tmp_path: Path, scheme: Any, language: str, width: int
) -> None:
    with Accounts(folder) as accounts:
        secret = accounts.sessions.start("ann")
        link = accounts.links.make("tom")
    context = browser.new_context(
        base_url=address, color_scheme=scheme, locale=language, viewport={"width": width, "height": 760}
    )
    page = context.new_page()
    paths = {"sign-in": "/sign-in", "password": f"/sign-in/link?token={link}", "account": "/account"}
    for name, path in paths.items():
        if name == "account":
            context.add_cookies([{"name": COOKIE, "value": secret, "url": address}])
        page.goto(path)
        found = Axe().run(page).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        save_screenshot(page, f"{name}-{scheme}-{language}-{width}", tmp_path)
    page.goto("/")
    page.locator("#account-link").wait_for()
    save_screenshot(page, f"app-{scheme}-{language}-{width}", tmp_path)


def test_a_page_whose_session_has_ended_says_so_and_keeps_what_was_typed(
    browser: Browser, address: str, folder: Path
) -> None:
    page = open_signed_in(browser, address, folder, "carl")
    page.goto("/")
    page.locator("#account-link").wait_for()
    page.get_by_label("text").first.fill("give my money back")
    with Accounts(folder) as accounts:
        accounts.sessions.end_all("carl")
    page.keyboard.press("Enter")
    page.get_by_text("Your session has ended. What you typed is still here.").wait_for()
    assert page.get_by_label("text").first.input_value() == "give my money back"
