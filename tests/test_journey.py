"""The whole loop as its users walk it, in a real browser against the real server."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import choose, save_screenshot, serve_folder, watch_errors
from playwright.sync_api import Browser, Page, expect

from reviewer.records import Flag
from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.fixture
def folder(demo_workspace_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(demo_workspace_folder, tmp_path / "demo")


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


def find_mistake(folder: Path) -> Flag:
    """Return a flag of a real mistake of the tickets model, with the right label as its suggestion."""
    with Workspace.open(folder) as workspace:
        return workspace.queue(model="tickets", option="wrong_label", limit=1)[0]


def predict_and_flag(page: Page, address: str, text: str, right: str) -> None:
    page.goto(address)
    choose(page, "#test-model", "Support tickets")
    message = page.get_by_role("textbox", name="Message")
    message.fill(text)
    message.press("Enter")
    expect(page.locator(".flag-option:visible").first).to_be_visible()
    choose(page, ".suggestion:visible", right)
    page.get_by_label("Comment").locator("visible=true").fill("seen by hand")
    page.locator(".box-title", has_text="Something wrong").locator("visible=true").first.click()
    page.keyboard.press("1")
    expect(page.get_by_role("status").filter(has_text="Flagged as Wrong label")).to_be_visible()


def test_the_first_prediction_of_a_new_browser_can_be_flagged_at_once(browser: Browser, address: str) -> None:
    page = browser.new_context().new_page()
    errors = watch_errors(page)
    page.goto(address, wait_until="commit")
    message = page.get_by_role("textbox", name="Message")
    message.fill("my parcel is lost")
    message.press("Enter")
    expect(page.locator(".flag-option:visible").first).to_be_visible()
    page.locator(".flag-option:visible").first.click()
    expect(page.get_by_role("status").filter(has_text="Flagged as Wrong label")).to_be_visible()
    expect(page.locator(".toast-body")).to_have_count(0)
    assert errors == []
    page.context.close()


def test_a_mistake_goes_from_flag_to_verdict(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    mistake = find_mistake(folder)
    text, right = mistake.inputs["text"], mistake.suggested_label or ""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    errors = watch_errors(page)

    predict_and_flag(page, address, text, right)
    save_screenshot(page, "test", tmp_path)
    page.get_by_role("tab", name="Review").click()
    first = page.locator("#desk [role=option]").first
    expect(first).to_contain_text("seen by hand")
    save_screenshot(page, "review", tmp_path)

    page.locator("#desk").get_by_role("listbox").focus()
    key = page.locator(".desk-card .desk-label", has_text=right).locator("kbd").first.inner_text()
    page.keyboard.press(key)
    expect(page.locator(".desk-status")).to_contain_text("saved")
    expect(first).not_to_contain_text("seen by hand")
    page.keyboard.press("u")
    expect(first).to_contain_text("seen by hand")
    page.keyboard.press(key)
    expect(page.locator(".desk-status")).to_contain_text("saved")

    page.get_by_role("tab", name="Insights").click()
    expect(page.locator("#figure-options .js-plotly-plot")).to_be_visible()
    save_screenshot(page, "insights", tmp_path)
    page.get_by_role("tab", name="SQL").click()
    page.locator("#sql-run").click()
    expect(page.locator("#sql-facts")).to_contain_text("rows")
    save_screenshot(page, "sql", tmp_path)

    page.get_by_role("tab", name="Export").click()
    choose(page, "#export-model", "Support tickets")
    page.locator("#export-plan").click()
    expect(page.locator("#export-planned")).to_contain_text("Rows written")
    page.locator("#export-run").click()
    expect(page.locator("#export-job")).to_contain_text("The export is done.")
    expect(page.locator("#export-list")).to_contain_text("All corrections")
    save_screenshot(page, "export", tmp_path)
    page.get_by_role("tab", name="Versions").click()
    choose(page, "#versions-model", "Support tickets")
    page.locator("#retrain-run").click()
    expect(page.locator("#versions-verified")).to_contain_text("Version 2")
    expect(page.locator("#versions-list")).to_contain_text("Accuracy")
    save_screenshot(page, "versions", tmp_path)

    with Workspace.open(folder) as workspace:
        flag = next(each for each in workspace.queue(view="done") if each.comment == "seen by hand")
    assert (flag.state.corrected_label, flag.state.verified_version) == (right, "2")
    assert flag.state.verification in ("fixed", "still_failing")
    page.get_by_role("tab", name="Queue").click()
    for _ in ("mine", "in review", "mentions", "second opinions", "disagreements", "done"):
        page.keyboard.press("]")
    expect(page.locator("#desk [role=option]").first).to_contain_text(
        "fixed" if flag.state.verification == "fixed" else "still failing", ignore_case=True
    )
    save_screenshot(page, "done", tmp_path)
    manifest = json.loads((folder / "exports/tickets/1/manifest.json").read_text())
    assert manifest["counts"]["written"] == 1
    assert errors == []
    page.close()


def test_a_digit_is_drawn_predicted_and_cleared(browser: Browser, address: str, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    choose(page, "#test-model", "Handwritten digits")
    for _ in range(2):  # drawing works from the start, and again after Clear
        expect(page.locator(".drawing .empty")).to_have_count(0)
        draw_stroke(page)
        page.locator(".predict:visible").click()
        expect(page.locator(".flag-option:visible").first).to_be_visible()
        save_screenshot(page, "digit", tmp_path)
        page.get_by_role("button", name="Clear", exact=True).locator("visible=true").click()
        expect(page.locator(".flag-option:visible")).to_have_count(0)
    page.locator(".predict:visible").click()
    expect(page.locator(".problem:visible")).to_contain_text("Digit is missing; draw or upload one.")
    page.close()


def draw_stroke(page: Page) -> None:
    area = page.locator(".drawing canvas").locator("visible=true").first.bounding_box()
    assert area is not None
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    page.mouse.move(x, y - 80)
    page.mouse.down()
    page.mouse.move(x + 5, y + 80, steps=12)
    page.mouse.up()


def test_a_number_key_flags_right_after_enter(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    choose(page, "#test-model", "Support tickets")
    message = page.get_by_role("textbox", name="Message")
    message.fill("where is my parcel")
    message.press("Enter")
    expect(page.locator(".flag-option:visible").first).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_role("status").filter(has_text="Flagged as Low confidence")).to_be_visible()
    expect(message).to_have_value("where is my parcel")
    message.fill("")
    message.press("Enter")
    expect(page.locator(".problem:visible")).to_contain_text("Message is missing.")
    expect(page.locator(".flag-option:visible")).to_have_count(0)
    page.locator("[data-prediction]").first.click()
    expect(page.get_by_role("status").filter(has_text="Already flagged")).to_be_visible()
    page.close()


def test_a_link_from_the_desk_opens_the_same_slice(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("tab", name="Review").click()
    page.locator("#desk").get_by_role("button", name="diabetes").first.click()
    expect(page.locator("#desk .desk-chips")).to_contain_text("diabetes")
    expect(page).to_have_url(re.compile("model=diabetes"))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("#desk .desk-chips")).to_contain_text("diabetes")
    page.close()


def test_a_link_names_the_model_of_the_test_and_the_batch_tab(browser: Browser, address: str) -> None:
    page = browser.new_page()
    errors = watch_errors(page)
    page.goto(f"{address}/?model=wine")
    expect(page.locator("#test-model input")).to_have_value("Wine cultivar")
    expect(page.locator("[id^='input-wine-']:visible").first).to_be_visible()
    expect(page.locator("#test-version input")).to_have_value("1 ●")
    page.get_by_role("tab", name="Batch").click()
    expect(page.locator("#batch-model input")).to_have_value("Wine cultivar")
    page.goto(f"{address}/?model=%3Cnobody%3E")
    expect(page.locator("#test-model input")).to_have_value("Support tickets")
    expect(page.locator(".model-panel:visible")).to_have_count(1)
    assert errors == []
    page.close()


@pytest.mark.parametrize("wait", [100, 2000])
def test_a_query_is_stopped_by_its_button(browser: Browser, address: str, wait: int) -> None:
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("tab", name="Review").click()
    page.get_by_role("tab", name="SQL").click()
    editor = page.locator("#sql-editor .cm-content")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("select sleep_ms(9000)")
    page.locator("#sql-run").click()
    page.wait_for_timeout(wait)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".toast-body", has_text="The query was stopped.")).to_be_visible()
    page.close()


def test_a_flag_that_cannot_be_written_is_said_and_the_text_stays(
    browser: Browser, address: str, folder: Path
) -> None:
    page = browser.new_page()
    page.goto(address)
    choose(page, "#test-model", "Support tickets")
    message = page.get_by_role("textbox", name="Message")
    message.fill("my parcel is late")
    message.press("Enter")
    expect(page.locator(".flag-option:visible").first).to_be_visible()
    comment = page.get_by_label("Comment").locator("visible=true")
    comment.fill("worth keeping")
    log = next((folder / "flagged").glob("flags-*.csv"))
    log.write_bytes(b"not,a,log\n" + log.read_bytes())
    page.locator(".flag-option:visible").first.click()
    expect(page.locator(".toast-body")).to_contain_text(re.compile("not the header of a flags log"))
    expect(comment).to_have_value("worth keeping")
    page.close()


def test_the_page_speaks_russian_to_a_russian_browser(browser: Browser, address: str, tmp_path: Path) -> None:
    page = browser.new_page(locale="ru-RU", viewport={"width": 1280, "height": 800})
    page.goto(address)
    expect(page.get_by_role("tab", name="Проверка", exact=True)).to_be_visible()
    predict = page.get_by_role("button", name="Предсказать").locator("visible=true").first
    predict.click()
    expect(page.locator(".problem")).to_have_text("Message: не заполнено.")
    page.get_by_role("tab", name="Разбор").click()
    expect(page.locator("#desk")).to_contain_text("Открытые")
    save_screenshot(page, "russian", tmp_path)
    page.close()
