"""A team's old flag folder as a reviewer brings it in: upload, confirm, import, see a flag on its card."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import choose, save_screenshot, serve_folder, watch_errors
from gradio_folders import ERAS, TEXTS, write_folder
from playwright.sync_api import Browser, Page, expect

from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.fixture
def address(tiny_folder: Path) -> Iterator[str]:
    with serve_folder(tiny_folder) as served:
        yield served


def pack_damaged(folder: Path) -> str:
    """Return an archive of a flag folder with pictures, one of them lost, and a last row that is torn."""
    flagged = write_folder(folder / "pets/flagged", ERAS["6.31"])
    shutil.rmtree(flagged / "Photo" / f"{2:020x}")
    log = flagged / "dataset1.csv"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[-120:-90])
    return shutil.make_archive(str(folder / "pets"), "zip", folder / "pets")


def open_pane(page: Page, address: str) -> None:
    page.goto(f"{address}/?tab=review")
    page.get_by_role("tab", name="Import", exact=True).click()


def read_counts(page: Page) -> list[str]:
    return page.locator("#import-report dd").all_inner_texts()


def test_an_old_flag_folder_is_confirmed_imported_and_reviewed(
    browser: Browser, address: str, tiny_folder: Path, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1200}, locale="en-GB")
    errors = watch_errors(page)
    open_pane(page, address)
    expect(page.locator("#import-report")).to_contain_text("Nothing imported yet")
    page.locator("#import-file input[type=file]").set_input_files(pack_damaged(tmp_path))
    columns = page.locator("#import-columns")
    expect(columns.get_by_label("Photo")).to_have_value("input:image")
    expect(page.locator("#import-plan")).to_contain_text("[models.pets]")

    columns.get_by_label("Size").select_option("Output: Number")
    expect(page.locator("#import-plan")).to_contain_text('size = { component = "number", label = "Size" }')
    page.locator("#import-name input, #import-name textarea").fill("cats")
    save_screenshot(page, "import-confirm", tmp_path)
    page.locator("#import-run").click()
    report = page.locator("#import-report")
    expect(report).to_contain_text("Added to reviewer.toml: cats")
    assert read_counts(page) == [str(len(TEXTS) - 1), "2", "0"]
    expect(report).to_contain_text("which is not in the folder")
    save_screenshot(page, "import-done", tmp_path)
    with page.expect_download() as download:
        report.get_by_text("All rows set aside (CSV)").click()
    assert download.value.path().read_text(encoding="utf-8").count("flagged/dataset1.csv") == 2

    expect(page.locator("#import-model input")).to_have_value("Cats")
    expect(page.locator("#import-run")).to_have_text("Import")
    page.locator("#import-run").click()
    expect(report).to_contain_text("are not imported again")
    assert read_counts(page) == ["0", "2", str(len(TEXTS) - 1)]

    page.get_by_role("tab", name="Export").click()
    choose(page, "#export-model", "Cats")
    page.get_by_role("tab", name="Import", exact=True).click()
    report.get_by_text("Review them").click()
    desk = page.locator("#desk")
    expect(desk).to_contain_text(f"{len(TEXTS) - 1} flags")
    desk.locator("[role=option]").filter(has_text="-5 degrees").click()
    expect(desk).to_contain_text("flagged/dataset1.csv")
    expect(desk.locator(".desk-note details")).to_contain_text("removed the ' that the logger had put")
    save_screenshot(page, "import-card", tmp_path)
    with Workspace(tiny_folder) as workspace:
        flags = workspace.queue(model="cats", limit=100)
        assert workspace.find_model("cats").outputs.keys() >= {"size", "prediction"}
    assert {each.predicted_label for each in flags} == {"dog"}
    assert {each.inputs["text"] for each in flags} >= {"plain text", "  padded  ", "007"}
    assert errors == []
    page.close()


def test_an_upload_that_does_harm_is_refused_in_a_sentence(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil.csv", "a,timestamp\n")
    page = browser.new_page(viewport={"width": 420, "height": 900}, locale="ru-RU", color_scheme="dark")
    errors = watch_errors(page)
    page.goto(f"{address}/?tab=review&__theme=dark")
    page.locator("#review-tabs .overflow-menu > button").first.click()
    page.get_by_role("button", name="Импорт", exact=True).click()
    page.locator("#import-file input[type=file]").set_input_files(tmp_path / "evil.zip")
    expect(page.locator(".toast-body")).to_contain_text("указывает за пределы архива")
    expect(page.locator("#import-confirm")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert errors == []
    page.close()
