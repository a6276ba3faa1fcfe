"""Options and labels change while a tester's page is open: the page follows, and old names still count."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import save_screenshot, serve_folder, watch_errors
from playwright.sync_api import Browser, Page, expect

from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

PATIENCE = 90_000
"""Milliseconds on a busy machine; not a measurement."""


@pytest.fixture
def folder(tiny_workspace_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_workspace_folder, tmp_path / "workspace")


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


def open_page(browser: Browser, address: str, **how: Any) -> Page:
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **how})
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    predict(page, "money back")
    return page


def predict(page: Page, text: str) -> None:
    page.locator("#input-tickets-text textarea").fill(text)
    page.locator(".predict:visible").click()
    expect(page.locator("#session .session-example", has_text=text)).to_be_visible()
    expect(page.locator(".flag-option:visible").first).to_be_visible()


def find_option(page: Page, text: str) -> Any:
    return page.locator(".flag-option:visible", has_text=text)


def change(folder: Path, change: str, part: str, **given: Any) -> None:
    with Workspace(folder) as workspace:
        workspace.change_labels("tickets", change, part=part, person="ann", **given)


def test_a_page_follows_options_and_labels_and_takes_the_names_of_before(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    page = open_page(browser, address)
    errors = watch_errors(page)
    expect(find_option(page, "Other")).to_be_visible()
    save_screenshot(page, "choices-before", tmp_path)
    change(folder, "rename", "option", name="other", added=("tone of voice",))
    change(folder, "add", "option", added=("<b>bold</b>",))
    change(folder, "rename", "label", name="login", added=("sign-in",))
    find_option(page, "Other").click()
    expect(page.locator(".flag-message .good:visible")).to_contain_text("tone of voice")
    predict(page, "cannot sign in")
    expect(find_option(page, "tone of voice")).to_be_visible()
    expect(find_option(page, "<b>bold</b>")).to_be_visible()
    assert page.locator(".flag-option b").count() == 0
    page.locator(".suggestion:visible input").click()
    page.get_by_role("option", name="sign-in").click()
    save_screenshot(page, "choices-after", tmp_path)
    find_option(page, "<b>bold</b>").click()
    expect(page.locator(".flag-message .good:visible")).to_contain_text("<b>bold</b>")
    assert errors == []
    with Workspace(folder) as workspace:
        flags = workspace.queue(sort="oldest")
    assert [each.option for each in flags] == ["tone of voice", "<b>bold</b>"]
    assert flags[1].suggested_label == "sign-in"


def test_a_number_presses_the_option_of_that_place_among_those_of_now(
    browser: Browser, address: str, folder: Path
) -> None:
    change(folder, "retire", "option", name="wrong_label")
    page = open_page(browser, address)
    expect(find_option(page, "Wrong label")).to_have_count(0)
    second = page.locator(".flag-option:visible").nth(1).inner_text()
    page.locator(".box-title:visible").first.click()
    page.keyboard.press("2")
    expect(page.locator(".flag-message .good:visible")).to_contain_text(second)


LOOKS: dict[str, tuple[dict[str, Any], str]] = {
    "russian-dark": ({"locale": "ru-RU", "color_scheme": "dark"}, "Другое"),
    "narrow-light": ({"viewport": {"width": 720, "height": 900}}, "Other"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_the_options_are_in_the_language_of_the_page(
    browser: Browser, address: str, tmp_path: Path, look: str
) -> None:
    how, word = LOOKS[look]
    page = open_page(browser, address, **how)
    expect(find_option(page, word)).to_be_visible()
    save_screenshot(page, f"choices-{look}", tmp_path)
