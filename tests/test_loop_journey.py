"""From a correction to a version that fixes it, as a reviewer and the tester who flagged it see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import choose, save_screenshot, serve_folder, watch_errors
from playwright.sync_api import Browser, Page, expect

from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

VOUCHERS = ("my voucher fails", "the voucher does not work", "cannot sign the voucher")
"""What the model takes for trouble with the login."""

SLOW_TRAINER = """
import time

def train(bundle, out):
    print("learning slowly", flush=True)
    while True:
        time.sleep(0.05)
"""


def correct(folder: Path, *texts: str) -> None:
    """Flag and correct these texts."""
    with Workspace.open(folder) as workspace:
        for text in texts:
            made = workspace.predict("tickets", {"text": text})
            flag = workspace.flag(made.prediction_id, option="wrong_label", flagger="tess")
            workspace.review(flag.flag_id, corrected_label="refund", reviewer="ann")


@pytest.fixture
def address(tiny_folder: Path) -> Iterator[str]:
    with serve_folder(tiny_folder) as served:
        yield served


@pytest.fixture
def slow_address(tiny_folder: Path) -> Iterator[str]:
    """A server on a workspace whose own trainer never ends."""
    (tiny_folder / "slow.py").write_text(SLOW_TRAINER, encoding="utf-8")
    config = tiny_folder / "reviewer.toml"
    text = config.read_text(encoding="utf-8").replace(
        'path = "tickets.skops"', 'path = "tickets.skops"\ntrusted = true\ntraining.train = "slow:train"'
    )
    config.write_text(text, encoding="utf-8")
    correct(tiny_folder, *VOUCHERS)
    with serve_folder(tiny_folder) as served:
        yield served


def open_page(browser: Browser, address: str, **options: Any) -> Page:
    """Return the app in a new window."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
    page.goto(address)
    return page


def open_pane(page: Page, name: str, field: str) -> None:
    """Open a pane of the review tab and choose the tickets model."""
    page.get_by_role("tab", name="Review", exact=True).click()
    page.get_by_role("tab", name=name, exact=True).click()
    choose(page, f"#{field}-model", "tickets")


def test_a_correction_becomes_fixed_in_version_2_on_the_flaggers_list(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_page(browser, address)
    errors = watch_errors(page)
    for text in VOUCHERS:
        flag_by_key(page, text)
    page.get_by_role("tab", name="Review", exact=True).click()
    desk = page.locator("#desk")
    expect(desk.locator("[role=option]")).to_have_count(3)
    desk.get_by_role("listbox").focus()
    for left in (2, 1, 0):
        refund = page.locator(".desk-card .desk-label", has_text="refund")
        page.keyboard.press(refund.locator("kbd").first.inner_text())
        expect(desk.locator("[role=option]")).to_have_count(left)
    expect(page.locator(".desk-status")).to_contain_text("saved")

    open_pane(page, "Export", "export")
    page.locator("#export-plan").click()
    planned = page.locator("#export-planned")
    expect(planned).to_contain_text("All rows of train have the label 'refund'.")
    with page.context.expect_page() as opened:
        planned.locator(".finding a").first.click()
    expect(opened.value.locator(".desk-card")).to_contain_text("voucher")
    opened.value.close()
    page.locator("#export-run").click()
    expect(page.locator("#export-job")).to_contain_text("The export is done.")
    with page.expect_download() as download:
        page.locator("#export-list").get_by_text("download").click()
    assert download.value.suggested_filename == "tickets-1.zip"
    save_screenshot(page, "export", tmp_path)

    open_pane(page, "Versions", "versions")
    page.locator("#retrain-run").click()
    expect(page.locator("#versions-job")).to_contain_text("The training is done.")
    expect(page.locator("#versions-verified")).to_contain_text("Version 2 over every reviewed flag")
    expect(page.locator("#versions-list")).to_contain_text("3 of 3")
    page.locator("#compare-run").click()
    expect(page.locator("#versions-compared")).to_contain_text("Version 2 against version 1")
    page.locator("#promote-run").click()
    expect(page.locator("#versions-list")).to_contain_text("2 ● served")
    save_screenshot(page, "versions", tmp_path)
    page.locator("#rollback-run").click()
    expect(page.locator("#versions-list")).to_contain_text("1 ● served")
    expect(page.locator("#versions-promotions")).to_contain_text("rolled back")

    page.get_by_role("tab", name="Test", exact=True).click()
    expect(page.locator(".session-list")).to_contain_text(re.compile("fixed", re.IGNORECASE))
    expect(page.locator(".session-list").locator("li").first).to_contain_text("2")
    save_screenshot(page, "fixed", tmp_path)
    assert errors == []
    page.close()


def flag_by_key(page: Page, text: str) -> None:
    """Ask the model about a text and flag its answer."""
    message = page.get_by_role("textbox", name="Text")
    message.fill(text)
    message.press("Enter")
    expect(page.locator(".session-list li").first).to_contain_text(text)
    page.locator(".box-title", has_text="Something wrong").locator("visible=true").first.click()
    page.keyboard.press("1")
    expect(page.get_by_role("status").filter(has_text="Flagged as Wrong label")).to_be_visible()


def test_a_training_is_followed_over_a_reload_and_stopped_half_way(
    browser: Browser, slow_address: str, tiny_folder: Path, tmp_path: Path
) -> None:
    page = open_page(browser, slow_address)
    open_pane(page, "Versions", "versions")
    page.locator("#retrain-run").click()
    job = page.locator("#versions-job")
    expect(job.locator("progress")).to_be_visible()
    page.reload()
    open_pane(page, "Versions", "versions")
    expect(job).to_contain_text("The training is running.")
    page.locator("#retrain-run").click()
    expect(page.locator(".toast-body")).to_contain_text("is running already")
    save_screenshot(page, "training", tmp_path)
    page.locator("#versions-stop").click()
    expect(job).to_contain_text("The training was stopped; nothing was changed.")
    expect(page.locator("#versions-stop")).to_be_hidden()
    assert [each.name for each in (tiny_folder / "models/tickets").glob("[0-9]*")] == ["1"]
    page.close()


def test_what_stops_an_export_is_said_with_a_way_on(
    browser: Browser, tiny_folder: Path, tmp_path: Path
) -> None:
    correct(tiny_folder, "cannot sign in, write to ann@example.org", *VOUCHERS)
    with serve_folder(tiny_folder) as address:
        page = open_page(browser, address, locale="ru-RU", color_scheme="dark")
        page.get_by_role("tab", name="Разбор", exact=True).click()
        page.get_by_role("tab", name="Выгрузка", exact=True).click()
        page.locator("#export-run").click()
        expect(page.locator("#export-job")).to_contain_text("личными данными: 1 (email 1)")
        choose(page, "#export-personal", "Скрыть")
        page.locator("#export-run").click()
        expect(page.locator("#export-job")).to_contain_text("Выгрузка: готово.")
        save_screenshot(page, "personal", tmp_path)
        page.close()
    rows = "".join(
        path.read_text(encoding="utf-8") for path in (tiny_folder / "exports/tickets/1").glob("*.csv")
    )
    assert "cannot sign in, write to [email]" in rows
    assert "ann@example.org" not in rows
