from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from browser import save_screenshot, serve_folder, watch_errors
from builders import make_prediction
from playwright.sync_api import Browser, Page, Route, expect

from reviewer.config import (
    AuditSpec,
    DisagreementSpec,
    LowConfidenceSpec,
    OutOfRangeSpec,
    RuleSpec,
    SlowSpec,
    SmallMarginSpec,
    load_config,
)
from reviewer.config.keys import DESK_KEYS
from reviewer.index.queries import FACETS, SORTS, VIEWS
from reviewer.records import Resolution, Status, new_id
from reviewer.rules import RULES, apply_rules
from reviewer.ui.texts import load_texts

DESK = Path(__file__).parent.parent / "reviewer/ui/static/desk"
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in DESK.glob("*.js")}

PRESS_KEYS = """keys => keys.forEach(key =>
    document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true})))"""


def read_literal(source: str, name: str) -> str:
    """Return what stands between the brackets of `export const NAME = …`."""
    found = re.search(rf"export const {name} = [\[{{](.*?)[\]}}];", SOURCES[source], re.DOTALL)
    assert found, name
    return found[1]


def list_names(source: str, name: str) -> set[str]:
    return set(re.findall(r"^  (\w+):", read_literal(source, name), re.MULTILINE))


def list_words(source: str, name: str) -> list[str]:
    return re.findall(r'"([^"]+)"', read_literal(source, name))


def test_no_html_is_made_of_text() -> None:
    writes_html = re.compile("innerHTML|outerHTML|insertAdjacentHTML")
    assert [name for name, text in SOURCES.items() if writes_html.search(text)] == []


def test_every_text_the_desk_names_exists() -> None:
    known = set(load_texts("en")) | {key.rpartition(".")[0] for key in load_texts("en")}
    used = {key for text in SOURCES.values() for key in re.findall(r'"(desk\.[a-z_.]+)"', text)}
    assert len(used) > 50
    assert used - known == {"desk.css"}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_key_has_a_line_in_the_help(language: str) -> None:
    texts = load_texts(language)
    assert [action for action in DESK_KEYS if f"desk.key.{action}" not in texts] == []


def test_the_desk_does_every_action_and_its_help_lists_each_once() -> None:
    assert set(DESK_KEYS) <= list_names("actions.js", "ACTIONS")
    assert sorted(list_words("help.js", "GROUPS")) == sorted(DESK_KEYS)


RULED: dict[RuleSpec, dict[str, Any]] = {
    LowConfidenceSpec(rule="low_confidence", below=0.8): {"confidence": 0.75},
    SmallMarginSpec(rule="small_margin", below=0.5): {"scores": {"a. b": 0.55, "c": 0.45}},
    OutOfRangeSpec(rule="out_of_range", maximum=3): {"predicted_value": 7.5},
    DisagreementSpec(rule="disagreement", version="1", tolerance=None): {"predicted_label": "x"},
    SlowSpec(rule="slow", above_ms=1): {"latency_ms": 1234.5},
    SlowSpec(rule="slow", above_ms=2): {"error": "It broke."},
    AuditSpec(rule="audit", share=1): {},
}


@pytest.mark.parametrize("rule", RULED)
def test_the_desk_knows_every_reason_that_a_rule_gives(rule: RuleSpec) -> None:
    spec = load_config(Path(__file__).parent.parent).find_model("tickets")
    spec = spec.model_copy(update={"rules": (rule,), "flagging": "manual"})
    made = make_prediction(**RULED[rule])
    [finding] = apply_rules(spec, made, {rule: make_prediction()})
    pattern = "|".join(to_pattern(words) for words in list_reasons("en", rule.rule))
    assert re.fullmatch(pattern, finding.reason)


def to_pattern(words: str) -> str:
    return re.sub(r"\\{\w+\\}", ".+", re.escape(words))


def list_reasons(language: str, rule: str) -> list[str]:
    start = f"reason.{rule}."
    return [words for key, words in load_texts(language).items() if key.startswith(start)]


@pytest.mark.parametrize("rule", [*RULES, "auto"])
def test_every_rule_has_a_name_and_its_reasons_are_those_of_the_texts(rule: str) -> None:
    assert f"rule.{rule}" in load_texts("en")
    reasons = list_reasons("en", rule)
    assert reasons
    assert all(f'"{words}"' in SOURCES["origin.js"] for words in reasons)


def test_no_key_does_two_things() -> None:
    keys = [*list_words("keys.js", "DIGITS"), *(key for keys in DESK_KEYS.values() for key in keys)]
    assert [key for key, times in Counter(keys).items() if times > 1] == []


def test_every_resolution_and_status_has_a_key() -> None:
    by_other_names = {Resolution.LABEL_CORRECTED, Status.OPEN, Status.RESOLVED, Status.IN_REVIEW}
    by_other_names |= {Status.SECOND_REVIEW, Status.DISAGREEMENT}
    wanted = {*Resolution, *Status} - by_other_names
    assert {str(each) for each in wanted} <= set(DESK_KEYS)


def test_desk_and_server_know_the_same_views_orders_and_facets() -> None:
    assert list_names("filters.js", "VIEWS") == set(VIEWS)
    assert list_names("filters.js", "SORTS") == set(SORTS)
    assert list_names("filters.js", "FACETS") == set(FACETS)


@pytest.fixture(scope="module")
def address(demo_workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that the journeys share; each takes a model of its own."""
    folder = shutil.copytree(demo_workspace_folder, tmp_path_factory.mktemp("desk") / "demo")
    with serve_folder(folder) as served:
        yield served


def open_desk(browser: Browser, address: str, model: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US")
    page.goto(f"{address}/?tab=review&model={model}")
    expect(page.locator(".desk-history")).to_be_visible()
    return page


def list_open(address: str, model: str) -> list[str]:
    page = httpx2.get(f"{address}/api/queue", params={"view": "open", "model": model, "limit": 100}).json()
    return [flag["flag_id"] for flag in page["flags"]]


def read_card(address: str, flag_id: str) -> dict[str, object]:
    card: dict[str, object] = httpx2.get(f"{address}/api/flags/{flag_id}").json()
    return card


def find_selected(page: Page) -> str | None:
    return page.locator(".desk-row[aria-selected=true]").get_attribute("data-flag")


def await_saved(page: Page) -> None:
    expect(page.locator(".desk-saving-ok")).to_be_visible()


@pytest.mark.server
@pytest.mark.browser
def test_thirty_keys_in_one_moment_decide_thirty_flags_in_order(browser: Browser, address: str) -> None:
    flags = list_open(address, "digits")[:30]
    labels = [str(at % 10) for at in range(30)]
    page = open_desk(browser, address, "digits")
    page.evaluate(PRESS_KEYS, labels)
    expect(page.locator(".desk-saving-busy")).to_be_visible()
    await_saved(page)
    cards = [read_card(address, flag) for flag in flags]
    assert [card["corrected_label"] or card["predicted_label"] for card in cards] == labels
    moments = [str(card["reviewed_at"]) for card in cards]
    assert moments == sorted(moments)

    page.evaluate(PRESS_KEYS, ["u"] * 30)
    await_saved(page)
    assert set(flags) <= set(list_open(address, "digits"))
    assert find_selected(page) == flags[0]
    page.close()


@pytest.mark.server
@pytest.mark.browser
def test_decisions_wait_for_the_server_and_outlive_a_reload(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    flags = list_open(address, "tickets")[:3]
    page = open_desk(browser, address, "tickets")
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/api/reviews**", lambda route: route.abort())
    page.evaluate(PRESS_KEYS, ["a", "b", "o"])
    expect(page.locator(".desk-status")).to_contain_text("3 decisions are kept here")
    save_screenshot(page, "desk-offline", tmp_path)

    page.unroute("**/api/reviews**")
    page.reload()
    expect(page.locator(".desk-history")).to_be_visible()
    await_saved(page)
    decided = [read_card(address, flag)["resolution"] for flag in flags]
    assert decided == ["ambiguous", "bad_input", "out_of_scope"]
    assert find_selected(page) not in flags
    page.close()


@pytest.mark.server
@pytest.mark.browser
def test_a_decision_that_somebody_forestalled_is_refused_and_shown(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_desk(browser, address, "wine")
    flag = find_selected(page)
    first = {"action_id": new_id(), "flag_id": flag, "seq": 0, "resolution": "ambiguous"}
    httpx2.post(f"{address}/api/reviews", json=first).raise_for_status()
    page.keyboard.press("d")
    notice = page.locator(".desk-notice")
    expect(notice).to_contain_text("Not kept: Duplicate")
    save_screenshot(page, "desk-conflict", tmp_path)
    notice.get_by_role("button", name="Show flag").click()
    expect(page.locator(".desk-verdict")).to_contain_text("Ambiguous")
    expect(notice).to_have_count(0)
    page.close()


@pytest.mark.server
@pytest.mark.browser
def test_no_key_acts_while_somebody_types_or_another_tab_is_open(browser: Browser, address: str) -> None:
    before = list_open(address, "diabetes")
    page = open_desk(browser, address, "diabetes")
    errors = watch_errors(page)
    page.keyboard.press("m")
    page.keyboard.type("a bad copy of u, isn't it?")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("a bad copy of u, isn't it?")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Insights").click()
    expect(page.locator(".desk")).to_be_hidden()
    page.keyboard.press("a")
    page.get_by_role("tab", name="Queue").click()
    page.keyboard.press("j")
    expect(page.locator(".desk-row[aria-posinset='2']")).to_have_attribute("aria-selected", "true")
    assert list_open(address, "diabetes") == before
    assert errors == []
    page.close()


@pytest.mark.server
@pytest.mark.browser
def test_what_is_typed_for_a_field_decides_nothing_while_the_card_is_on_its_way(
    browser: Browser, address: str
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    held: list[Route] = []
    page.route("**/api/flags/*", lambda route: held.append(route))
    page.goto(f"{address}/?tab=review&model=tickets&sort=least_confident")
    expect(page.locator(".desk-row").first).to_be_visible()
    flag = find_selected(page)
    before = list_open(address, "tickets")
    page.keyboard.press("2")
    expect(page.locator(".desk-saving-busy")).to_have_text("saving 1")
    page.keyboard.press("m")
    page.keyboard.type("abc")
    for route in held:
        route.continue_()
    page.unroute("**/api/flags/*")
    expect(page.locator(".desk-said")).to_contain_text("Corrected to")
    expect(page.get_by_role("textbox", name="Comment")).to_be_focused()
    await_saved(page)
    assert set(before) - set(list_open(address, "tickets")) == {flag}
    page.close()


@pytest.mark.server
@pytest.mark.browser
def test_a_right_value_is_typed_and_a_wrong_one_explained(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "diabetes")
    flag = find_selected(page)
    page.keyboard.press("v")
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.locator(".desk-compose")).to_contain_text("“many” is not a number")
    page.keyboard.press("Control+a")
    page.keyboard.type("151,5")
    page.keyboard.press("Enter")
    expect(page.locator(".desk-said")).to_contain_text("Corrected to 151.5")
    await_saved(page)
    assert read_card(address, flag or "")["corrected_value"] == 151.5
    page.close()


@pytest.mark.server
@pytest.mark.browser
def test_filters_stand_in_the_address_beside_what_is_not_ours(browser: Browser, address: str) -> None:
    page = open_desk(browser, address, "digits")
    page.locator(".desk-views").get_by_role("button", name="Wrong label").click()
    page.get_by_label("Order").select_option("least_confident")
    expect(page).to_have_url(re.compile(r"\?tab=review&.*sort=least_confident.*option=wrong_label"))
    page.reload()
    expect(page.locator(".desk-chip")).to_have_text(["Model: digits ✕", "Flag option: Wrong label ✕"])
    expect(page.get_by_label("Order")).to_have_value("least_confident")
    page.keyboard.press("/")
    page.keyboard.type("no such words")
    expect(page.locator(".desk-queue .desk-empty")).to_contain_text("No flag matches")
    page.locator(".desk-empty").get_by_role("button", name="Clear filters").click()
    expect(page.locator(".desk-row").first).to_be_visible()
    page.close()
