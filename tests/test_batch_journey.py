"""A batch as a tester walks it: run, leave, stop, go on, and find its mistakes in the queue."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import choose, save_screenshot, serve_folder, watch_errors
from playwright.sync_api import Browser, Page, expect

from reviewer.batch.state import Status, find_batch
from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

ROWS, BAD_ROW, MISTAKES = 10_000, 4711, 25

SLOW = """
import time

def answer(text):
    time.sleep(0.0005)
    return {"even": 0.9, "odd": 0.1} if int(text.split()[-1]) % 2 == 0 else {"even": 0.2, "odd": 0.8}
"""
CONFIG = """
[models.parity]
title = "Slow parity"
task = "text-classification"
kind = "python"
path = "parity_model:answer"
trusted = true
labels = ["even", "odd"]
inputs.text = { component = "textbox", label = "Number" }
"""


@pytest.fixture
def folder(tiny_folder: Path) -> Path:
    (tiny_folder / "parity_model.py").write_text(SLOW, encoding="utf-8")
    with (tiny_folder / "reviewer.toml").open("a", encoding="utf-8") as file:
        file.write(CONFIG)
    return tiny_folder


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


def write_numbers(path: Path) -> Path:
    """Write rows of which `MISTAKES` have another truth than the model answers, and one has no text."""
    step = ROWS // MISTAKES
    rows = [
        (f"number {number}", ("even", "odd")[number % 2 if number % step else 1 - number % 2])
        for number in range(1, ROWS + 1)
    ]
    rows[BAD_ROW - 1] = ("", "odd")
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "label"), *rows])
    return path


def open_tab(page: Page, address: str) -> None:
    page.goto(f"{address}/?tab=batch")
    expect(page.locator("#batch-file")).to_be_visible()


def test_ten_thousand_rows_are_run_stopped_and_gone_on_with(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1200}, locale="en-GB")
    errors = watch_errors(page)
    open_tab(page, address)
    expect(page.locator("#batch-state")).to_contain_text("No batch yet")
    choose(page, "#batch-model", "Slow parity")
    page.locator("#batch-file input[type=file]").set_input_files(write_numbers(tmp_path / "numbers.csv"))
    expect(page.get_by_label("Column for “Number”")).to_have_value("text")
    expect(page.locator("#batch-truth input")).to_have_value("label")
    save_screenshot(page, "batch-confirm", tmp_path)

    page.locator("#batch-run").click()
    state = page.locator("#batch-state")
    expect(state).to_contain_text(re.compile(r"Running: [1-9][\d,]* of 10,000 rows"))
    open_tab(page, address)
    expect(state).to_contain_text(re.compile(r"Running: [1-9][\d,]* of 10,000 rows"))
    save_screenshot(page, "batch-running", tmp_path)
    page.locator("#batch-stop").click()
    expect(state).to_contain_text(re.compile(r"Stopped after [1-9][\d,]* of 10,000 rows"))
    with Workspace(folder) as workspace:
        stopped = find_batch(workspace.folder, "1")
        assert stopped.status is Status.STOPPED
        assert 0 < stopped.counts.done < ROWS

    page.locator("#batch-resume").click()
    expect(state).to_contain_text("Done: 10,000 of 10,000 rows")
    expect(page.locator("#batch-rejected")).to_contain_text("4,711 Number is missing.", use_inner_text=True)
    expect(page.locator("#batch-metrics")).to_contain_text("Accuracy")
    expect(page.locator("#batch-figure .js-plotly-plot")).to_be_visible()
    save_screenshot(page, "batch-done", tmp_path)
    with page.expect_download() as download:
        page.locator("#batch-state").get_by_text("Results (CSV)").click()
    results = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(results) == 1 + ROWS - 1

    state.get_by_text("Review its flags").click()
    expect(page.locator("#desk [role=option]").first).to_contain_text("number")
    expect(page.locator("#desk")).to_contain_text("25 flags")
    save_screenshot(page, "batch-flags", tmp_path)
    with Workspace(folder) as workspace:
        flags = workspace.queue(limit=100)
        counts = workspace.count_rows()
    step = ROWS // MISTAKES
    assert sorted(int(each.comment.split()[-1].replace(",", "")) for each in flags) == list(
        range(step, ROWS + 1, step)
    )
    assert {(each.option, each.source, each.predicted_label, each.suggested_label) for each in flags} == {
        ("wrong_label", "batch", "even", "odd")
    }
    assert counts["predictions"] == ROWS - 1
    assert errors == []
    page.close()
