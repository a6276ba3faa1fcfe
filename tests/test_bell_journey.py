"""The bell in a browser: what is new comes by itself, is read by looking, and leads to its flag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe import list_violations
from browser import save_screenshot, serve_folder, watch_errors
from builders import make_flag
from people import sign_in_browser, turn_on_sign_in
from playwright.sync_api import Browser, Page, Request, expect

from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

HEARD_MS = 1_400
"""So long after the desk has heard news the bell asks for none, a little less than in bell.js."""
PATIENCE = 90_000
"""Milliseconds on a busy machine; not a measurement."""

CONFIG = """
[models.mail]
task = "text-classification"
kind = "external"
labels = ["spam", "ham"]
inputs.text = "textbox"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bell")
    (made / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    turn_on_sign_in(made)
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


def add_flag(folder: Path, flagger: str) -> str:
    with Workspace(folder) as workspace:
        made = make_flag(model="mail", predicted_label="spam", flagger=flagger, scores={"spam": 1.0})
        workspace.add_flags([made])
    return made.flag_id


def review(folder: Path, flag_id: str, **decision: Any) -> None:
    with Workspace(folder) as workspace:
        workspace.review(flag_id, reviewer="carl", **decision)


def open_page(browser: Browser, address: str, folder: Path, name: str, query: str = "") -> Page:
    page = sign_in_browser(browser, address, folder, name).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/{query}")
    page.locator("#bell").wait_for()
    return page


def test_a_tester_is_told_by_itself_and_led_to_the_fate_of_the_flag(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    flag_id = add_flag(folder, "tess")
    page = open_page(browser, address, folder, "tess")
    errors = watch_errors(page)
    bell = page.locator("#bell")
    expect(bell).to_have_accessible_name("Notifications")
    review(folder, flag_id, corrected_label="ham")
    expect(bell).to_have_accessible_name("Notifications, 1 new")
    expect(page.locator(".bell-said")).to_have_text("1 new")
    save_screenshot(page, "bell", tmp_path)
    bell.focus()
    page.keyboard.press("Enter")
    line = page.get_by_role("link", name="Your flag is resolved: corrected to ham")
    expect(line).to_be_focused()
    expect(bell).to_have_accessible_name("Notifications")
    save_screenshot(page, "bell-open", tmp_path)
    assert list_violations(page, "#bell-panel") == []
    page.keyboard.press("Escape")
    expect(page.locator("#bell-panel")).to_be_hidden()
    expect(bell).to_be_focused()
    bell.click()
    line.click()
    expect(page.locator(f"#flag-{flag_id}")).to_be_in_viewport()
    assert errors == []


def find_start(request: Request) -> float:
    """Return when the page asked, in milliseconds, once it was answered."""
    assert request.response()
    return float(request.timing["startTime"])


def find_end(request: Request) -> float:
    """Return when the page had the answer, in milliseconds."""
    return find_start(request) + float(request.timing["responseEnd"])


def test_the_desk_asks_for_both_and_a_line_leads_to_its_flag(
    browser: Browser, address: str, folder: Path
) -> None:
    flag_id = add_flag(folder, "tom")
    page = open_page(browser, address, folder, "bob", "?tab=review")
    page.locator(".desk-row").first.wait_for()
    with page.expect_response(lambda answer: "/api/news" in answer.url):
        pass
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    review(folder, flag_id, comment="@bob?", assignee="bob")
    expect(page.locator(".bell-count")).to_have_text("2")
    page.wait_for_timeout(3 * HEARD_MS)
    heard = [find_end(each) for each in asked if "/api/news" in each.url]
    counted = [find_start(each) for each in asked if "notifications/count" in each.url]
    # The bell asks by itself only when the desk is late, as on a busy machine.
    assert [at for at in counted for end in heard if 0 <= at - end < HEARD_MS] == []
    page.locator("#bell").click()
    page.get_by_role("link", name="carl mentions you in a comment").click()
    page.wait_for_url(f"**/?tab=review&view=mentions&flag={flag_id}")
    expect(page.locator(".desk-history")).to_contain_text("@bob?")


def test_a_kind_that_is_switched_off_is_listed_no_more(browser: Browser, address: str, folder: Path) -> None:
    flag_id = add_flag(folder, "tom")
    review(folder, flag_id, resolution="bad_input")
    page = open_page(browser, address, folder, "tom")
    page.locator("#bell").click()
    line = page.get_by_role("link", name="Your flag is resolved: Bad input")
    expect(line).to_be_visible()
    page.get_by_text("What to tell me").click()
    page.get_by_label("My flags that are resolved").uncheck()
    expect(line).to_be_hidden()
    page.reload()
    page.locator("#bell").click()
    expect(page.locator("#bell-panel")).to_contain_text("Nothing to tell you")
    page.get_by_text("What to tell me").click()
    page.get_by_label("My flags that are resolved").check()
    expect(line).to_be_visible()


def test_a_page_out_of_sight_asks_nothing(browser: Browser, address: str, folder: Path) -> None:
    page = open_page(browser, address, folder, "tess")
    with page.expect_request("**/api/notifications/count"):
        pass
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4_000)  # there is nothing to wait for, since nothing is to happen
    assert asked == []
    with page.expect_request("**/api/notifications/count"):
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
