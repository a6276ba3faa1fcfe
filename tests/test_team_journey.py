"""Three signed-in people at one queue: a blind second review to its end, and a claim that is taken over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import save_screenshot, serve_folder, watch_errors
from builders import make_flag
from people import sign_in_browser, turn_on_sign_in
from playwright.sync_api import Browser, Page, expect

from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

PATIENCE = 90_000
"""Milliseconds on a busy machine; not a measurement."""

CONFIG = """
[team]
claim_minutes = 0.1

[models.blind]
task = "text-classification"
kind = "external"
labels = ["spam", "ham", "eggs"]
inputs.text = "textbox"

[models.claims]
task = "text-classification"
kind = "external"
labels = ["spam", "ham", "eggs"]
inputs.text = "textbox"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("team")
    (made / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    scores = {"spam": 0.6, "ham": 0.3, "eggs": 0.1}
    with Workspace.open(made) as workspace:
        for model, count in (("blind", 1), ("claims", 2)):
            workspace.add_flags(
                [
                    make_flag(
                        model=model, inputs={"text": f"{model} {at}"}, predicted_label="spam", scores=scores
                    )
                    for at in range(count)
                ]
            )
    turn_on_sign_in(made)
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


class Desks:
    """A desk for each person, in a browser of their own."""

    def __init__(self, browser: Browser, address: str, folder: Path) -> None:
        self.browser, self.address, self.folder = browser, address, folder
        self.errors: list[list[str]] = []
        self.pages: list[Page] = []

    def open(self, name: str, query: str) -> Page:
        """Open the desk as one of the people, and return the page once a card is there."""
        context = sign_in_browser(self.browser, self.address, self.folder, name)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        self.errors.append(watch_errors(page))
        self.pages.append(page)
        page.goto(f"{self.address}/?tab=review&{query}")
        expect(page.locator(".desk-history")).to_be_visible()
        return page


@pytest.fixture
def desks(browser: Browser, address: str, folder: Path) -> Iterator[Desks]:
    opened = Desks(browser, address, folder)
    yield opened
    assert [each for each in opened.errors if each] == []
    for page in opened.pages:
        page.context.close()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def await_saved(page: Page) -> None:
    expect(page.locator(".desk-saving-ok")).to_be_visible()


def read_card(page: Page, flag_id: str) -> dict[str, Any]:
    """Return a flag as the server tells it to who sits at the page."""
    card: dict[str, Any] = page.request.get(f"/api/flags/{flag_id}").json()
    return card


def find_selected(page: Page) -> str:
    return page.url.partition("flag=")[2].partition("&")[0]


def test_a_second_opinion_is_given_blind_and_a_disagreement_is_settled_by_a_third_person(
    desks: Desks, tmp_path: Path
) -> None:
    bob = desks.open("bob", "model=blind")
    flag_id = bob.locator(".desk-row").first.get_attribute("data-flag") or ""
    press(bob, "q", "2")
    await_saved(bob)
    expect(bob.locator(".desk-entry", has_text="Second opinions")).to_contain_text("1")

    carl = desks.open("carl", "model=blind&view=second_review")
    expect(carl.locator(".desk-second")).to_contain_text("answer without knowing the first one")
    expect(carl.locator(".desk-card")).to_contain_text("waiting for second opinion")
    expect(carl.locator(".desk")).not_to_contain_text("bob")
    expect(carl.locator(".desk")).not_to_contain_text("Corrected")
    save_screenshot(carl, "team-blind", tmp_path)
    told = carl.request.get(f"/api/flags/{flag_id}").text()
    assert '"bob"' not in told
    assert read_card(carl, flag_id)["corrected_label"] is None

    press(bob, "]", "]", "]", "]")
    expect(bob.locator(".desk-second")).to_contain_text("Your answer waits for a second opinion")
    press(bob, "3")
    expect(bob.locator(".desk-notice")).to_contain_text("You gave the first answer")

    press(carl, "h")
    expect(carl.locator(".desk-card-head")).to_contain_text("@carl")
    press(carl, "3")
    await_saved(carl)

    ann = desks.open("ann", "model=blind&view=disagreements")
    second = ann.locator(".desk-second")
    expect(second).to_contain_text("bob: Corrected to ham")
    expect(second).to_contain_text("carl: Corrected to eggs")
    save_screenshot(ann, "team-disagreement", tmp_path)
    press(ann, "2")
    await_saved(ann)
    card = read_card(ann, flag_id)
    assert (card["status"], card["second_review"], card["corrected_label"]) == (
        "resolved",
        "adjudicated",
        "ham",
    )
    said = [
        (each["reviewer"], each["event"])
        for each in card["history"]
        if each["event"] not in ("claim", "ask_second")
    ]
    assert said == [("bob", "resolve"), ("carl", "second_review"), ("ann", "adjudicate")]


def test_a_claim_is_renewed_while_its_card_is_open_and_then_taken_over(desks: Desks, tmp_path: Path) -> None:
    bob = desks.open("bob", "model=claims")
    press(bob, "h")
    expect(bob.locator(".desk-card-head")).to_contain_text("@bob")
    bob.wait_for_url("**flag=*")
    flag_id = find_selected(bob)
    first = read_card(bob, flag_id)["claimed_until"]

    carl = desks.open("carl", f"model=claims&view=in_review&flag={flag_id}")
    expect(carl.locator(".desk-card-head")).to_contain_text("👁 bob")
    expect(carl.locator(f"[data-flag='{flag_id}']")).to_have_attribute("data-present", "bob")
    carl.wait_for_function(
        "([id, first]) => fetch(`api/flags/${id}`).then((answer) => answer.json())"
        ".then((card) => card.claimed_until > first)",
        arg=[flag_id, first],
        timeout=PATIENCE,
    )
    press(carl, "i")
    expect(carl.locator(".desk-notice")).to_contain_text("The flag is with bob")
    carl.locator(".desk-notice button", has_text="✕").click()

    bob.goto("about:blank")
    until = read_card(carl, flag_id)["claimed_until"]
    carl.wait_for_function("(until) => Date.now() > Date.parse(until) + 100", arg=until, timeout=PATIENCE)
    carl.reload()
    expect(carl.locator(".desk-card-head")).to_contain_text("@bob · over")
    save_screenshot(carl, "team-over", tmp_path)
    press(carl, "i")
    await_saved(carl)
    expect(carl.locator(".desk-history")).to_contain_text("Taken over from bob")
    card = read_card(carl, flag_id)
    assert (card["status"], card["assignee"]) == ("in_review", "carl")
