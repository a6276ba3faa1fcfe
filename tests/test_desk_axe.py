"""The desk held against the rules of WCAG 2 A and AA, in several looks and with what opens above it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe import list_violations
from browser import save_screenshot, serve_folder
from builders import make_flag
from playwright.sync_api import Browser, expect

from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

LABELS = [f"label {at}" for at in range(30)]
CONFIG = f"""
[models.many]
task = "text-classification"
kind = "external"
labels = {LABELS}
inputs.text = "textbox"
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("axe")
    (folder / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    with Workspace.open(folder) as workspace:
        flags = workspace.add_flags([build_flag(at) for at in range(30)])
        for flag in flags:
            workspace.review(flag.flag_id, assignee="ann", comment="unclear", reviewer="ann")
        workspace.review(flags[0].flag_id, corrected_label=LABELS[3], reviewer="ann")
    with serve_folder(folder) as served:
        yield served


def build_flag(at: int) -> Any:
    return make_flag(
        model="many",
        inputs={"text": f"{at}: where is my parcel"},
        predicted_label=LABELS[at],
        scores={label: 1 / len(LABELS) for label in LABELS},
        severity=("low", "medium", "high")[at % 3],
        suggested_label=LABELS[0],
        comment="this cannot be",
        flagger="tester",
    )


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"locale": "en-US", "color_scheme": "light"},
    "dark": {"locale": "ru-RU", "color_scheme": "dark"},
    "enlarged": {"locale": "ru-RU", "color_scheme": "light", "viewport": {"width": 640, "height": 360}},
}
"""The last is what a screen of 1280 × 720 shows at 200 %."""


@pytest.mark.parametrize("look", LOOKS)
def test_the_desk_keeps_the_rules_of_accessibility(
    browser: Browser, address: str, tmp_path: Path, look: str
) -> None:
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 720}, **LOOKS[look]})
    page.goto(f"{address}/?tab=review&view=all&sort=oldest")
    expect(page.locator(".desk-history")).to_be_visible()
    found: dict[str, list[str]] = {}
    for state, keys in STATES.items():
        for key in keys:
            page.keyboard.press(key)
        expect(page.locator(".desk dialog")).to_have_count(int(state.startswith("dialog")))
        save_screenshot(page, f"desk-{look}-{state.replace(' ', '-')}", tmp_path)
        found[state] = list_violations(page, ".desk")
        if state.startswith("dialog"):
            page.keyboard.press("Escape")
            expect(page.locator(".desk dialog")).to_have_count(0)
    assert {state: broken for state, broken in found.items() if broken} == {}
    page.close()


STATES = {
    "card": (),
    "dialog of keys": ("?",),
    "dialog of labels": ("l",),
    "dialog of people": ("t",),
    "dialog of a view": ("Shift+V",),
    "selection": ("x", "Shift+J", "Shift+J"),
    "dialog of many": ("w",),
    "search": ("/",),
}
"""What is looked at → the keys that lead there from the state before."""
