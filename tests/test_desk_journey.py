"""The triage desk as people use it: many flags at once, labels by the thousand, history, views, links."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from browser import save_screenshot, serve_folder
from builders import make_flag
from playwright.sync_api import Browser, Locator, Page, Route, expect

from reviewer.config.keys import DESK_KEYS
from reviewer.records import new_id
from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

FEW_LABELS = [f"topic {at}" for at in range(30)]
HOSTILE = "<img src=x onerror='document.title=1'>"
LABELS = ["spam", "ham", "eggs"]
MANY_LABELS = [*(f"label {at:04}" for at in range(1_998)), f'"{HOSTILE}" 🧨', "label"]

CONFIG = f"""
[models.crowd]
task = "text-classification"
kind = "external"
labels = {json.dumps(LABELS)}
inputs.text = "textbox"

[models.pair]
task = "text-classification"
kind = "external"
labels = {json.dumps(LABELS)}
inputs.text = "textbox"

[models.many]
task = "text-classification"
kind = "external"
labels = {json.dumps(MANY_LABELS, ensure_ascii=False)}
inputs.text = "textbox"

[models.topics]
task = "text-classification"
kind = "external"
labels = {json.dumps(FEW_LABELS)}
inputs.text = "textbox"

[models.prices]
task = "tabular-regression"
kind = "external"
unit = "€"
inputs.area = "number"

[models.pictures]
task = "image-classification"
kind = "external"
labels = {json.dumps(LABELS)}
inputs.photo = {{ component = "image", label = "Photo" }}
"""

COUNTS = {"crowd": 250, "pair": 12, "many": 6, "topics": 3}


def fill(workspace: Workspace) -> None:
    """Flag so many texts of each model, each of them alone in what it says."""
    word = random.Random(5)
    for model, count in COUNTS.items():
        texts = [f"{at} " + " ".join(f"{word.random():.6f}" for _ in range(8)) for at in range(count)]
        workspace.add_flags([make_flag(model=model, **describe(text)) for text in texts])
    for area in (80, 95):
        inputs = {"area": area}
        workspace.add_flags([make_flag(model="prices", inputs=inputs, **PRICED, predicted_value=area / 2)])
    gone = {"photo": {"media": f"{'ab' * 32}.png"}}
    workspace.add_flags([make_flag(model="pictures", task="image-classification", inputs=gone, **ANSWER)])


PRICED: dict[str, Any] = {
    "task": "tabular-regression",
    "predicted_label": None,
    "confidence": None,
    "scores": None,
}
ANSWER: dict[str, Any] = {"predicted_label": "spam", "scores": {"spam": 0.6, "ham": 0.3, "eggs": 0.1}}


def describe(text: str) -> dict[str, Any]:
    return {"inputs": {"text": text}, **ANSWER}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("desk")
    (made / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    with Workspace.open(made) as workspace:
        fill(workspace)
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


def open_desk(browser: Browser, address: str, query: str, **context: Any) -> Page:
    """Open the desk in a browser of its own, and return the page once a card is there."""
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 720}, "locale": "en-US", **context})
    page.goto(f"{address}/?tab=review&{query}")
    expect(page.locator(".desk-history")).to_be_visible()
    return page


def read_queue(address: str, model: str, view: str = "open") -> list[dict[str, Any]]:
    query: dict[str, str | int] = {"view": view, "model": model, "limit": 500}
    flags: list[dict[str, Any]] = httpx2.get(f"{address}/api/queue", params=query).json()["flags"]
    return flags


def read_card(address: str, flag_id: str) -> dict[str, Any]:
    card: dict[str, Any] = httpx2.get(f"{address}/api/flags/{flag_id}").json()
    return card


def decide(address: str, flag: dict[str, Any], **decision: Any) -> None:
    body = {"action_id": new_id(), "flag_id": flag["flag_id"], "seq": flag["seq"], **decision}
    httpx2.post(f"{address}/api/reviews", json=body).raise_for_status()


def find_selected(page: Page) -> str:
    return page.locator(".desk-row[aria-selected=true]").get_attribute("data-flag") or ""


def find_checked(page: Page) -> Locator:
    return page.locator(".desk-row[aria-checked=true]")


def await_saved(page: Page) -> None:
    expect(page.locator(".desk-saving-ok")).to_be_visible()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_range_is_decided_after_a_preview_and_taken_back_in_one_step(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    before = read_queue(address, "crowd")
    page = open_desk(browser, address, "model=crowd")
    press(page, "j", "x", "Shift+J", "Shift+J", "Shift+J", "Shift+K")
    expect(page.locator(".desk-bulk")).to_contain_text("3 flags are selected")
    press(page, "w")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Won’t fix — 3 flags?")
    expect(dialog.locator(".desk-sample li")).to_have_count(3)
    save_screenshot(page, "desk-bulk", tmp_path)
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    assert len(read_queue(address, "crowd")) == len(before)
    press(page, "w")
    expect(dialog).to_be_visible()
    press(page, "Enter")
    expect(page.locator(".desk-said")).to_have_text("Won’t fix · 3 flags")
    await_saved(page)
    left = read_queue(address, "crowd")
    gone = [flag["flag_id"] for flag in before if flag not in left]
    assert gone == [flag["flag_id"] for flag in before[1:4]]
    expect(find_checked(page)).to_have_count(0)

    press(page, "u")
    expect(page.locator(".desk-total")).to_have_text(f"{len(before)} flags")
    await_saved(page)
    assert [flag["flag_id"] for flag in read_queue(address, "crowd")] == [flag["flag_id"] for flag in before]
    page.close()


def test_all_that_match_are_decided_though_most_were_never_on_the_page(
    browser: Browser, address: str
) -> None:
    page = open_desk(browser, address, "model=crowd")
    press(page, "Control+a")
    expect(page.locator(".desk-bulk")).to_contain_text("100 flags are selected")
    page.get_by_role("button", name="Select all 250 that match").click()
    expect(page.locator(".desk-bulk")).to_contain_text("All 250 flags that match")
    press(page, "2")
    expect(page.get_by_role("dialog")).to_contain_text("Corrected to ham — 250 flags?")
    press(page, "Enter")
    expect(page.locator(".desk-queue .desk-empty")).to_be_visible()
    await_saved(page)
    assert {flag["corrected_label"] for flag in read_queue(address, "crowd", "all")} == {"ham"}
    press(page, "u")
    expect(page.locator(".desk-total")).to_have_text("250 flags")
    await_saved(page)
    press(page, "y")
    expect(page.locator(".desk-queue .desk-empty")).to_be_visible()
    press(page, "u")
    expect(page.locator(".desk-total")).to_have_text("250 flags")
    await_saved(page)
    assert len(read_queue(address, "crowd")) == 250
    page.close()


def test_flags_that_somebody_decided_meanwhile_are_left_out_of_a_bulk_and_named(
    browser: Browser, address: str
) -> None:
    page = open_desk(browser, address, "model=crowd&text=24")
    flags = [flag for flag in read_queue(address, "crowd") if "24" in flag["preview"]]
    press(page, "Control+a", "a")
    expect(page.get_by_role("dialog")).to_be_visible()
    decide(address, flags[0], resolution="bad_input")
    press(page, "Enter")
    notice = page.locator(".desk-notice")
    expect(notice).to_contain_text(f"{len(flags) - 1} flags were changed")
    notice.get_by_text("1 was left out").click()
    expect(notice.get_by_role("listitem")).to_contain_text("changed by")
    assert read_card(address, flags[0]["flag_id"])["resolution"] == "bad_input"
    press(page, "u")
    expect(page.locator(".desk-total")).to_have_text(f"{len(flags) - 1} flags")
    await_saved(page)
    decide(address, read_card(address, flags[0]["flag_id"]), status="open")
    page.close()


def test_the_queue_is_walked_from_end_to_end_though_only_a_part_is_held(
    browser: Browser, address: str
) -> None:
    flags = [flag["flag_id"] for flag in read_queue(address, "crowd")]
    page = open_desk(browser, address, "model=crowd")
    press(page, "End")
    expect(page.locator(".desk-status")).to_contain_text("250 of 250")
    assert find_selected(page) == flags[-1]
    press(page, "k", "k")
    expect(page.locator(".desk-status")).to_contain_text("248 of 250")
    assert find_selected(page) == flags[-3]
    press(page, "Home")
    expect(page.locator(".desk-status")).to_contain_text("1 of 250")
    press(page, *["j"] * 130)
    expect(page.locator(".desk-status")).to_contain_text("131 of 250")
    assert find_selected(page) == flags[130]
    page.close()


def test_a_reload_far_down_opens_the_queue_where_it_was(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=crowd")
    press(page, *["j"] * 180)
    expect(page.locator(".desk-status")).to_contain_text("181 of 250")
    selected = find_selected(page)
    expect(page).to_have_url(re.compile(f"flag={selected}"))
    page.reload()
    expect(page.locator(".desk-status")).to_contain_text("181 of 250")
    expect(page.locator(f"[data-flag='{selected}']")).to_be_in_viewport(ratio=1)
    assert find_selected(page) == selected
    press(page, "k", "k")
    expect(page.locator(".desk-status")).to_contain_text("179 of 250")
    page.close()


def test_a_view_that_cannot_be_loaded_says_so_and_comes_with_the_connection(
    browser: Browser, address: str
) -> None:
    page = open_desk(browser, address, "model=pair")
    rows = page.locator(".desk-row").count()
    page.context.set_offline(True)
    press(page, "[")
    empty = page.locator(".desk-queue .desk-empty")
    expect(empty).to_contain_text("The server does not answer.")
    expect(empty).to_contain_text("The list appears here as soon as it does.")
    expect(page.locator(".desk-row")).to_have_count(0)
    press(page, "a", "2")
    expect(page.locator(".desk-status")).to_contain_text("The server does not answer.")
    page.context.set_offline(False)
    expect(page.locator(".desk-row")).to_have_count(rows)
    expect(page.get_by_role("button", name=re.compile("^All"))).to_have_attribute("aria-pressed", "true")
    page.close()


def test_what_is_half_typed_is_there_again_when_the_flag_is(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=prices")
    field = page.get_by_label("Right value")
    press(page, "v")
    page.keyboard.type("12,")
    press(page, "Escape", "j")
    expect(field).to_have_value("")
    press(page, "v")
    page.keyboard.type("7")
    press(page, "Escape", "k")
    expect(field).to_have_value("12,")
    press(page, "j")
    expect(field).to_have_value("7")
    page.close()


def test_labels_beyond_ten_have_the_capitals_that_do_nothing_else(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=topics")
    flags = read_queue(address, "topics")
    labels = read_card(address, flags[0]["flag_id"])["labels"]
    taken = [key.removeprefix("Shift+") for keys in DESK_KEYS.values() for key in keys]
    capitals = [letter for letter in string.ascii_uppercase if letter not in taken]
    shown = page.locator(".desk-further button")
    expect(shown).to_have_text(
        [f"Shift+{key}{label}" for key, label in zip(capitals, labels[10:], strict=False)]
    )
    for at, letter in enumerate(capitals):
        expect(shown.nth(at)).to_have_attribute("aria-keyshortcuts", f"Shift+{letter}")
    press(page, f"Shift+{capitals[0]}", f"Shift+{capitals[-1]}", "0")
    await_saved(page)
    right = [read_card(address, flag["flag_id"])["corrected_label"] for flag in flags]
    assert right == [labels[10], labels[9 + len(capitals)], labels[9]]
    page.close()


def test_a_preview_says_which_flags_will_be_left_out_and_why(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_desk(browser, address, "model=pair")
    page.route("**/api/news*", lambda route: route.abort())
    flags = read_queue(address, "pair")
    press(page, "x", "Shift+J", "Shift+J")
    decide(address, flags[1], resolution="bad_input")
    press(page, "d")
    dialog = page.get_by_role("dialog", name="Duplicate — 2 flags?")
    expect(dialog).to_contain_text("1 of them will be left out")
    left_out = dialog.locator(".desk-left-out").get_by_role("listitem")
    expect(left_out).to_contain_text(flags[1]["preview"])
    expect(left_out).to_contain_text("The flag was changed by")
    save_screenshot(page, "desk-left-out", tmp_path)
    press(page, "Escape")
    expect(find_checked(page)).to_have_count(3)
    decide(address, read_card(address, flags[1]["flag_id"]), status="open")
    page.close()


def test_what_one_did_oneself_to_a_selected_flag_does_not_leave_it_out(
    browser: Browser, address: str
) -> None:
    page = open_desk(browser, address, "model=pair")
    press(page, "n")
    await_saved(page)
    press(page, "Home", "x", "Shift+J", "u")
    await_saved(page)
    press(page, "d")
    dialog = page.get_by_role("dialog", name="Duplicate — 2 flags?")
    expect(dialog).to_be_visible()
    expect(dialog).not_to_contain_text("left out")
    press(page, "Escape")
    page.close()


def test_a_copied_link_is_said_to_everybody(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=pair", permissions=["clipboard-read", "clipboard-write"])
    press(page, "j", "Shift+L")
    expect(page.locator(".desk-told")).to_have_text("Link copied")
    expect(page.locator(".desk-told")).to_be_in_viewport(ratio=1)
    assert find_selected(page) in page.evaluate("navigator.clipboard.readText()")
    page.close()


def test_a_view_that_somebody_shares_appears_and_goes_by_itself(
    browser: Browser, address: str, folder: Path
) -> None:
    page = open_desk(browser, address, "model=pair")
    with Workspace(folder, is_app=False) as workspace:
        view = workspace.saved_views.save("bob", "Ours", "view=done", is_shared=True)
        shared = page.get_by_role("button", name="Ours shared")
        expect(shared).to_be_visible()
        workspace.saved_views.delete("bob", view.view_id)
        expect(shared).to_have_count(0)
    page.close()


def test_two_people_see_each_others_decisions_without_losing_their_place(
    browser: Browser, address: str
) -> None:
    first, second = (open_desk(browser, address, "model=pair") for _ in range(2))
    flags = read_queue(address, "pair")
    press(second, "j", "j")
    press(first, "a")
    gone = second.locator(f"[data-flag='{flags[0]['flag_id']}']")
    expect(gone).to_have_count(0)
    assert find_selected(second) == flags[2]["flag_id"]
    press(first, "j")
    press(first, "b")
    expect(second.locator(".desk-verdict")).to_contain_text("Bad input")
    assert find_selected(second) == flags[2]["flag_id"]
    press(second, "j")
    expect(second.locator(f"[data-flag='{flags[2]['flag_id']}']")).to_have_count(0)
    assert find_selected(second) == flags[3]["flag_id"]
    press(first, "u", "u")
    expect(second.locator(".desk-total")).to_have_text(f"{len(flags)} flags")
    first.close()
    second.close()


@pytest.mark.parametrize(("choice", "resolution"), [("Take mine", "duplicate"), ("Take theirs", "ambiguous")])
def test_a_conflict_says_who_was_first_and_lets_one_choose(
    browser: Browser, address: str, tmp_path: Path, choice: str, resolution: str
) -> None:
    page = open_desk(browser, address, "model=pair")
    page.route("**/api/news*", lambda route: route.abort())
    flag = read_card(address, find_selected(page))
    decide(address, flag, resolution="ambiguous")
    press(page, "d")
    notice = page.locator(".desk-notice")
    expect(notice).to_contain_text(re.compile("Not kept: Duplicate. Changed by .* now: Ambiguous"))
    save_screenshot(page, f"desk-conflict-{resolution}", tmp_path)
    notice.get_by_role("button", name=choice).click()
    expect(notice).to_have_count(0)
    expect(page.locator(".desk-saving-busy")).to_have_count(0)
    card = read_card(address, flag["flag_id"])
    assert card["resolution"] == resolution
    decide(address, card, status="open")
    page.close()


def test_new_flags_wait_above_the_list_until_they_are_asked_for(
    browser: Browser, address: str, folder: Path
) -> None:
    page = open_desk(browser, address, "model=pair")
    selected, top = find_selected(page), page.locator(".desk-row").first.get_attribute("data-flag")
    late = make_flag(model="pair", **describe("one that came later"))
    with Workspace(folder, is_app=False) as workspace:
        workspace.add_flags([late])
    pill = page.get_by_role("button", name="↑ 1 new")
    expect(pill).to_be_visible()
    assert page.locator(".desk-row").first.get_attribute("data-flag") == top
    pill.click()
    expect(page.locator(f"[data-flag='{late.flag_id}']")).to_be_visible()
    expect(pill).to_be_hidden()
    assert find_selected(page) == selected
    page.close()


def test_a_label_out_of_two_thousand_is_found_by_typing_and_none_of_them_is_markup(
    browser: Browser, address: str
) -> None:
    page = open_desk(browser, address, "model=many")
    flags = read_queue(address, "many")
    press(page, "l")
    picker = page.get_by_role("dialog")
    expect(picker.get_by_role("option")).to_have_count(100)
    expect(picker).to_contain_text("1,901 more")
    page.keyboard.type("LABEL")
    expect(picker.get_by_role("option").first).to_have_text("label")
    page.keyboard.type(" 1234")
    press(page, "Enter")
    expect(picker).to_have_count(0)
    press(page, "l")
    page.keyboard.type("img src")
    expect(picker.get_by_role("option")).to_have_text([f'"{HOSTILE}" 🧨'])
    press(page, "Enter", "l")
    page.keyboard.type("nothing like it")
    expect(picker).to_contain_text("None fits what was typed.")
    press(page, "Enter", "Escape")
    expect(picker).to_have_count(0)
    expect(page.locator(".desk-said")).to_have_text(f'Corrected to "{HOSTILE}" 🧨')
    await_saved(page)
    right = [read_card(address, flag["flag_id"])["corrected_label"] for flag in flags[:3]]
    assert right == ["label 1234", f'"{HOSTILE}" 🧨', None]
    assert page.title() != "1"
    page.close()


def test_a_picture_whose_file_is_gone_leaves_a_sentence_and_can_be_decided(
    browser: Browser, address: str
) -> None:
    page = open_desk(browser, address, "model=pictures")
    expect(page.locator(".desk-card")).to_contain_text("“Photo” cannot be shown: its file is missing")
    flag = find_selected(page)
    press(page, "b")
    await_saved(page)
    assert read_card(address, flag)["resolution"] == "bad_input"
    page.close()


RUSSIAN_KEYS = """keys => keys.forEach(([key, code, shiftKey = false]) => document.body.dispatchEvent(
    new KeyboardEvent("keydown", {key, code, shiftKey, bubbles: true, cancelable: true})))"""


def test_keys_are_found_where_they_stand_on_a_russian_keyboard(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=pair", locale="ru-RU")
    flags = [flag["flag_id"] for flag in read_queue(address, "pair")]
    page.evaluate(RUSSIAN_KEYS, [("о", "KeyJ"), ("О", "KeyJ", True)])
    expect(find_checked(page)).to_have_count(2)
    assert find_selected(page) == flags[2]
    page.evaluate(RUSSIAN_KEYS, [(",", "Slash", True)])
    expect(page.get_by_role("dialog", name="Клавиши")).to_be_visible()
    page.evaluate(RUSSIAN_KEYS, [("ф", "KeyA")])
    press(page, "Escape", "Escape")
    expect(find_checked(page)).to_have_count(0)
    assert [flag["flag_id"] for flag in read_queue(address, "pair")] == flags
    page.close()


def test_flags_are_claimed_assigned_and_given_back(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=pair")
    flags = read_queue(address, "pair")[:2]
    press(page, "i", "t")
    page.keyboard.type("bob")
    press(page, "Enter")
    await_saved(page)
    me = httpx2.get(f"{address}/api/desk").json()["person"]
    cards = [read_card(address, flag["flag_id"]) for flag in flags]
    assert [(card["status"], card["assignee"]) for card in cards] == [("in_review", me), ("open", "bob")]
    page.get_by_role("button", name=re.compile("^Mine")).click()
    expect(page.locator(".desk-row")).to_have_count(1)
    press(page, "Shift+I")
    expect(page.locator(".desk-queue .desk-empty")).to_be_visible()
    press(page, "u")
    expect(page.locator(".desk-row")).to_have_count(1)
    press(page, "y")
    await_saved(page)
    assert read_card(address, flags[0]["flag_id"])["assignee"] is None
    page.close()


def test_an_action_is_taken_back_from_the_history_after_saying_what_was_decided_since(
    browser: Browser, address: str
) -> None:
    page = open_desk(browser, address, "model=pair&view=all")
    flag = read_card(address, find_selected(page))
    decide(address, flag, resolution="ambiguous")
    decide(address, read_card(address, flag["flag_id"]), resolution="app_bug")
    history = page.locator(".desk-history")
    history.get_by_role("button", name=re.compile("Ambiguous")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Undo “Ambiguous”?")
    expect(dialog.get_by_role("listitem")).to_contain_text("App bug")
    press(page, "Enter")
    expect(history.locator(".desk-void", has_text="Ambiguous")).to_be_visible()
    await_saved(page)
    assert read_card(address, flag["flag_id"])["resolution"] == "app_bug"
    history.get_by_role("button", name=re.compile("App bug")).click()
    await_saved(page)
    expect(page.locator(".desk-verdict")).to_have_count(0)
    assert read_card(address, flag["flag_id"])["status"] == "open"
    page.close()


def test_a_view_is_saved_shared_and_forgotten(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=pair&sort=oldest")
    press(page, "Shift+V")
    page.keyboard.type(f"Pairs {HOSTILE}")
    page.get_by_role("dialog").get_by_label("For everybody").check()
    press(page, "Enter")
    saved = page.get_by_role("button", name=f"Pairs {HOSTILE} shared")
    expect(saved).to_have_attribute("aria-pressed", "true")
    page.goto(f"{address}/?tab=review")
    saved.click()
    expect(page.get_by_label("Order")).to_have_value("oldest")
    expect(page.locator(".desk-chip")).to_have_text("Model: pair ✕")
    page.get_by_role("button", name=f"Change the view Pairs {HOSTILE}").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Two")
    page.get_by_role("button", name=re.compile("^Save Enter|^Save$")).click()
    page.get_by_role("button", name="Change the view Two").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".desk-saved")).to_have_count(0)
    assert httpx2.get(f"{address}/api/desk").json()["views"] == []
    page.close()


def test_a_link_opens_the_same_flag_among_the_same_filters(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=crowd&sort=random")
    press(page, "j", "j", "j")
    expect(page).to_have_url(re.compile(f"seed=.*flag={find_selected(page)}"))
    other = open_desk(browser, address, page.url.partition("tab=review&")[2])
    assert find_selected(other) == find_selected(page)
    rows = [
        [row.get_attribute("data-flag") for row in each.locator(".desk-row").all()] for each in (page, other)
    ]
    assert rows[0] == rows[1]
    for each in (page, other):
        each.close()


def test_panes_keep_the_width_and_rows_the_height_that_were_chosen(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=pair")
    separator = page.get_by_role("separator", name="Width of the card")
    before = int(separator.get_attribute("aria-valuenow") or 0)
    separator.focus()
    press(page, "ArrowLeft", "ArrowLeft", "z")
    expect(separator).to_have_attribute("aria-valuenow", str(before + 32))
    expect(page.locator(".desk-row").first).to_have_css("height", "30px")
    page.reload()
    expect(separator).to_have_attribute("aria-valuenow", str(before + 32))
    expect(page.locator(".desk-row").first).to_have_css("height", "30px")
    page.close()


def test_every_action_stands_in_the_menu_and_a_press_does_it(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=pair")
    page.get_by_role("button", name="Keys", exact=True).click()
    menu = page.get_by_role("dialog", name="Keys")
    assert len(menu.locator("button.desk-keys-line").all()) == len(DESK_KEYS)
    menu.get_by_role("button", name="Last flag").click()
    expect(menu).to_have_count(0)
    expect(page.locator(".desk-row[aria-selected=true]")).to_have_attribute(
        "aria-posinset", str(len(read_queue(address, "pair")))
    )
    page.close()


def test_the_desk_asks_nothing_of_the_server_while_another_tab_is_open(
    browser: Browser, address: str
) -> None:
    page = browser.new_page(locale="en-US")
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    last = read_queue(address, "pair")[-1]["flag_id"]
    with page.expect_request(lambda request: last in request.url):  # cards are fetched ahead
        page.goto(f"{address}/?tab=review&model=pair")
    expect(page.locator(".desk-history")).to_be_visible()
    with page.expect_request("**/api/news*"):
        page.clock.run_for(2_000)
    page.get_by_role("tab", name="Insights").click()
    expect(page.locator(".desk")).to_be_hidden()
    asked.clear()
    page.clock.run_for(60_000)
    assert [each for each in asked if not each.endswith("/api/notifications/count")] == []
    with page.expect_request("**/api/news*"):
        page.get_by_role("tab", name="Queue").click()
        page.clock.run_for(1_000)
    page.close()


@pytest.mark.parametrize("size", [(1280, 720), (760, 900), (640, 360)])
def test_the_desk_is_no_wider_than_the_page_in_russian_and_in_the_dark(
    browser: Browser, address: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    page = open_desk(browser, address, "model=pair", viewport=viewport, locale="ru-RU", color_scheme="dark")
    press(page, "x", "Shift+J")
    expect(page.locator(".desk-bulk")).to_contain_text("Выбраны 2 отметки")
    save_screenshot(page, f"desk-russian-{size[0]}", tmp_path)
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    page.close()


def test_a_bulk_outlives_a_lost_connection_and_acts_once(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "model=pair")
    before = len(read_queue(address, "pair"))
    press(page, "x", "Shift+J", "o")
    lost: list[Route] = []

    def lose(route: Route) -> None:
        """The server acts, but its answer never arrives."""
        if not lost:
            lost.append(route)
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/api/bulk", lose)
    expect(page.get_by_role("dialog")).to_be_visible()
    press(page, "Enter")
    expect(page.locator(".desk-saving-bad")).to_be_visible()
    await_saved(page)
    assert len(read_queue(address, "pair")) == before - 2
    press(page, "u")
    expect(page.locator(".desk-total")).to_have_text(f"{before} flags")
    await_saved(page)
    assert len(read_queue(address, "pair")) == before
    page.close()
