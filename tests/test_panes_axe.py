"""The panes beside the desk held against the rules of accessibility, filled and in two looks.

The rule: only what is ours is held to it; Gradio's own components are Gradio's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe import list_violations
from browser import save_screenshot, serve_folder
from playwright.sync_api import Browser, expect

from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

PATIENCE = 90_000
"""Milliseconds on a busy machine; not a measurement."""

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"locale": "en-US", "color_scheme": "light"},
    "dark": {"locale": "ru-RU", "color_scheme": "dark"},
}
PANES = {
    "labels": ("#labels-pane", ".team-row"),
    "audit": ("#audit-pane", "tbody tr"),
    "team": ("#team-people", "tbody tr"),
    "export": ("#export-list", "table, p"),
    "versions": ("#versions-list", "table"),
}
"""Pane → what of it is ours, and what is there once it is filled."""


@pytest.fixture(scope="module")
def address(tiny_workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = shutil.copytree(tiny_workspace_folder, tmp_path_factory.mktemp("axe") / "workspace")
    with Workspace(folder) as workspace:
        for text in ("money back", "cannot sign in"):
            made = workspace.predict("tickets", {"text": text}, username="ann")
            flag = workspace.flag(made.prediction_id, option="other", comment="look", flagger="ann")
            workspace.review(flag.flag_id, corrected_label="login", reviewer="bob")
        workspace.change_labels("tickets", "add", added=("spam",), color="#aa0000", key="1", person="ann")
    with serve_folder(folder) as served:
        yield served


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("pane", PANES)
def test_a_pane_keeps_the_rules_of_accessibility(
    browser: Browser, address: str, tmp_path: Path, pane: str, look: str
) -> None:
    place, filled = PANES[pane]
    page = browser.new_page(viewport={"width": 1280, "height": 800}, **LOOKS[look])
    page.goto(f"{address}/?tab=review&__theme={LOOKS[look]['color_scheme']}")
    page.locator(f"#review-tabs button[data-tab-id={pane}]").first.click(timeout=PATIENCE)
    expect(page.locator(place).locator(filled).first).to_be_visible()
    save_screenshot(page, f"{pane}-{look}", tmp_path)
    assert list_violations(page, place) == []
    page.close()
