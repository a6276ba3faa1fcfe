"""A label is renamed while another person reviews with it, in two browsers at one server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import save_screenshot, serve_folder, watch_errors
from builders import make_flag
from playwright.sync_api import Browser, Page, expect

from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

PATIENCE = 90_000
"""Milliseconds on a busy machine; not a measurement."""

CONFIG = """
[models.mail]
task = "text-classification"
kind = "external"
labels = ["spam", "ham", "eggs"]
inputs.text = "textbox"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    scores = {"spam": 0.6, "ham": 0.3, "eggs": 0.1}
    flags = [
        make_flag(model="mail", inputs={"text": f"letter {at}"}, predicted_label="spam", scores=scores)
        for at in range(8)
    ]
    with Workspace.open(tmp_path) as workspace:
        workspace.add_flags(flags)
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


def open_page(browser: Browser, address: str, **how: object) -> Page:
    given = {"viewport": {"width": 1280, "height": 720}, "locale": "en-US", **how}
    page = browser.new_page(**given)  # type: ignore[arg-type]  # the names are Playwright's
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/?tab=review")
    expect(page.locator(".desk-history")).to_be_visible()
    return page


def open_labels(page: Page, title: str = "Labels") -> None:
    page.get_by_role("tab", name=title, exact=True).click()
    expect(page.locator("#labels-pane .team-list").first).to_be_visible()


def rename(page: Page, name: str, new: str) -> None:
    page.get_by_role("button", name=f"Rename {name}", exact=True).click()
    page.keyboard.press("Control+A")
    page.keyboard.type(new)
    page.keyboard.press("Enter")
    expect(page.locator(f"#labels-pane [data-name={new}]")).to_be_visible()


def test_a_label_is_renamed_while_another_reviews_with_it(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    reader, admin = open_page(browser, address), open_page(browser, address)
    errors = [watch_errors(reader), watch_errors(admin)]
    for _ in range(3):
        reader.keyboard.press("j")
    place = reader.locator(".desk-row[aria-selected=true]")
    before = place.get_attribute("data-flag")
    open_labels(admin)
    rename(admin, "ham", "bacon")
    label = reader.locator(".desk-label", has_text="bacon")
    expect(label).to_be_visible()
    assert place.get_attribute("data-flag") == before
    save_screenshot(reader, "label-renamed", tmp_path)
    label.click()
    expect(reader.locator(f".desk-row[data-flag='{before}']")).to_have_count(0)
    expect(reader.locator(".desk-status")).not_to_contain_text("unsent")
    reader.get_by_role("button", name="Done").first.click()
    expect(reader.locator(".desk-card")).to_contain_text("bacon")
    admin.get_by_role("button", name="Undo", exact=True).click()
    expect(admin.locator("#labels-pane [data-name=ham]")).to_be_visible()
    expect(reader.locator(".desk-labels")).not_to_contain_text("bacon")
    expect(reader.locator(".desk-labels")).to_contain_text("ham")
    with Workspace(folder) as workspace:
        flag = workspace.find_flag(str(before))
        assert flag.state.corrected_label == "ham"
        assert workspace.find_history(flag.flag_id)[0].review.corrected_label == "bacon"
    assert errors == [[], []]


def test_of_two_admins_at_one_label_the_second_is_told_on_the_page(browser: Browser, address: str) -> None:
    first, second = open_page(browser, address), open_page(browser, address)
    for page in (first, second):
        open_labels(page)
    second.get_by_role("button", name="Rename ham", exact=True).click()
    rename(first, "ham", "bacon")
    second.keyboard.press("Control+A")
    second.keyboard.type("gammon")
    second.keyboard.press("Enter")
    expect(second.locator("#labels-pane .team-bad")).to_contain_text("'ham' was renamed to 'bacon'")
    expect(second.locator("#labels-pane [data-name=bacon]")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "how", "title"),
    [
        ("dark", {"color_scheme": "dark"}, "Labels"),
        ("russian", {"locale": "ru-RU"}, "Метки"),
        ("narrow", {"viewport": {"width": 400, "height": 800}}, "Labels"),
    ],
)
def test_the_pane_of_labels_fits_every_page(
    browser: Browser, address: str, tmp_path: Path, name: str, how: dict[str, object], title: str
) -> None:
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 720}, "locale": "en-US", **how})  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/?tab=review{'&__theme=dark' if name == 'dark' else ''}")
    expect(page.locator(".desk")).to_be_visible()
    tab = page.get_by_role("tab", name=title, exact=True)
    if name == "narrow":
        page.locator("#review-tabs .overflow-menu button").first.click()
        tab = page.locator("#review-tabs .overflow-dropdown button", has_text=title)
    tab.click()
    expect(page.locator("#labels-pane .team-list").first).to_be_visible()
    save_screenshot(page, f"labels-{name}", tmp_path)
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]


def test_the_audit_shows_who_renamed_what_and_that_reviews_are_whole(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_page(browser, address)
    errors = watch_errors(page)
    open_labels(page)
    rename(page, "ham", "bacon")
    page.get_by_role("tab", name="Audit", exact=True).click()
    pane = page.locator("#audit-pane")
    expect(pane.locator("tbody tr").first).to_contain_text("'ham' was renamed to 'bacon'")
    expect(pane.locator("tbody tr").first).to_contain_text("127.0.0.1")
    pane.get_by_role("button", name="Check the reviews").click()
    expect(pane.locator(".team-message")).to_contain_text("as they were")
    pane.get_by_role("combobox", name="What").select_option("export written")
    pane.get_by_role("button", name="Show", exact=True).click()
    expect(pane).to_contain_text("Nothing fits.")
    save_screenshot(page, "audit", tmp_path)
    with page.expect_download() as download:
        pane.get_by_role("link", name="Download CSV").click()
    assert download.value.path().read_text("utf-8").startswith("entry_id,noted_at,person")
    assert errors == []
