"""Two people at one desk: at the same instant, while a connection is cut, while other programs write too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from browser import save_screenshot, serve_folder, watch_errors
from builders import UNKNOWN_ID, make_flag
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from reviewer.records import new_id
from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

PATIENCE = 90_000
"""Milliseconds on a busy machine; not a measurement."""

MODELS = {
    "share": 120,
    "clash": 6,
    "cut": 40,
    "live": 90,
    "hidden": 3,
    "hand": 4,
    "own": 6,
    "together": 6,
    "turn": 2,
}
"""Model → its flags; each test has a model of its own."""

ALIKE = ["the parcel never came", "an old password", "the parcel never came", "no", "the parcel never came"]

CONFIG = "".join(
    f"""
[models.{name}]
task = "text-classification"
kind = "external"
labels = ["spam", "ham", "eggs"]
inputs.text = "textbox"
"""
    for name in (*MODELS, "alike", "parted")
)


def build_flag(model: str, text: str) -> Any:
    scores = {"spam": 0.6, "ham": 0.3, "eggs": 0.1}
    return make_flag(model=model, inputs={"text": text}, predicted_label="spam", scores=scores)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("two")
    (made / "reviewer.toml").write_text(CONFIG, encoding="utf-8")
    with Workspace.open(made) as workspace:
        for model, count in MODELS.items():
            workspace.add_flags([build_flag(model, f"{model} number {at}") for at in range(count)])
        for model in ("alike", "parted"):
            workspace.add_flags([build_flag(model, text) for text in ALIKE])
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as served:
        yield served


def open_desk(browser: Browser, address: str, query: str) -> Page:
    """Open the desk in a browser of its own, and return the page once a card is there."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US")
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/?tab=review&{query}")
    expect(page.locator(".desk-history")).to_be_visible()
    return page


def list_open(address: str, model: str) -> list[str]:
    query: dict[str, str | int] = {"view": "open", "model": model, "limit": 500}
    flags = httpx2.get(f"{address}/api/queue", params=query).json()["flags"]
    return [flag["flag_id"] for flag in flags]


def read_card(address: str, flag_id: str) -> dict[str, Any]:
    card: dict[str, Any] = httpx2.get(f"{address}/api/flags/{flag_id}").json()
    return card


def read_decisions(folder: Path, flags: list[str]) -> list[tuple[str, str]]:
    """Return (flag, what was said) of the decisions on the flags, in the order of the log."""
    with Workspace(folder, is_app=False) as workspace, workspace.reading() as cursor:
        rows = cursor.execute(
            "select flag_id, coalesce(corrected_label, value, event) from reviews"
            " where list_contains($flags::uuid[], flag_id) order by position",
            {"flags": flags},
        ).fetchall()
    return [(str(flag_id), said) for flag_id, said in rows]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def find_selected(page: Page) -> str:
    return page.locator(".desk-row[aria-selected=true]").get_attribute("data-flag") or ""


def find_height(page: Page) -> int:
    """Return how far down the selected row stands on the page; read at once, since rows are drawn anew."""
    height: int = page.evaluate(
        "Math.round(document.querySelector('.desk-row[aria-selected=true]').getBoundingClientRect().y)"
    )
    return height


def expect_total(page: Page, flags: int) -> None:
    expect(page.locator(".desk-total")).to_have_text(f"{flags} flags")


def await_saved(page: Page) -> None:
    expect(page.locator(".desk-saving-ok")).to_be_visible()


def decide_many(page: Page, key: str) -> None:
    """Decide about what is selected, once the dialog has said what that is."""
    press(page, key)
    expect(page.get_by_role("dialog")).to_be_visible()
    press(page, "Enter")
    expect(page.locator("dialog")).to_have_count(0)


def test_one_key_chooses_all_who_complain_about_the_same_and_one_takes_it_back(
    browser: Browser, address: str, folder: Path
) -> None:
    flags = list_open(address, "alike")
    page = open_desk(browser, address, "model=alike")
    expect(page.locator(".desk-card")).to_contain_text("2 similar flags")
    press(page, "g")
    expect(page.locator(".desk-bulk")).to_contain_text("All 3 open flags of this group")
    decide_many(page, "2")
    await_saved(page)
    expect_total(page, 2)
    assert set(list_open(address, "alike")) == {flags[1], flags[3]}
    said = [(flag, "ham") for flag in (flags[4], flags[2], flags[0])]
    assert read_decisions(folder, flags) == said
    press(page, "u")
    expect_total(page, 5)
    press(page, "y")
    expect_total(page, 2)
    await_saved(page)
    decided = read_decisions(folder, flags)
    assert decided[:3] == said
    assert sorted(decided[3:6]) == sorted((flag, "revert") for flag, _ in said)
    assert sorted(decided[6:]) == sorted(said)
    page.close()


def test_a_group_shows_without_a_reload_what_was_split_off_and_came_back(
    browser: Browser, address: str
) -> None:
    page, other = (open_desk(browser, address, "model=parted") for _ in range(2))
    press(other, "j", "j")
    similar = (each.locator(".desk-similar") for each in (page, other))
    mine, theirs = similar
    for seen in (mine, theirs):
        expect(seen).to_contain_text("2 similar flags")
    press(page, "Shift+S")
    expect(mine).to_have_count(0)
    expect(theirs).to_contain_text("1 similar flag")
    press(page, "u")
    for seen in (mine, theirs):
        expect(seen).to_contain_text("2 similar flags")
    page.close()
    other.close()


def test_what_one_did_oneself_a_moment_ago_is_no_conflict_for_the_next_decision_about_many(
    browser: Browser, address: str, folder: Path
) -> None:
    flags = list_open(address, "own")
    page = open_desk(browser, address, "model=own")
    held: list[Route] = []
    page.route("**/api/reviews**", lambda route: held.append(route))
    with page.expect_request("**/api/reviews"):
        press(page, "n")
    press(page, "Home", "x", "Shift+J", "Shift+J")
    decide_many(page, "d")
    for route in held:
        route.continue_()
    await_saved(page)
    expect_total(page, 3)
    expect(page.locator(".desk-notice")).to_have_count(0)
    decided = read_decisions(folder, flags)
    assert decided[0] == (flags[0], "needs_info")
    assert sorted(decided[1:]) == sorted((flag, "duplicate") for flag in flags[:3])
    page.close()


def test_decisions_that_wait_for_an_answer_go_together_and_a_refused_one_takes_none_with_it(
    browser: Browser, address: str, folder: Path
) -> None:
    flags = list_open(address, "together")
    page = open_desk(browser, address, "model=together")
    held: list[Route] = []
    page.route("**/api/reviews", lambda route: held.append(route))
    with page.expect_request("**/api/reviews"):
        press(page, "n")
    press(page, "Home", "j", "b", "b", "b")
    expect_total(page, 3)
    body = {"action_id": new_id(), "flag_id": flags[2], "seq": 0, "resolution": "ambiguous"}
    httpx2.post(f"{address}/api/reviews", json=body).raise_for_status()
    with page.expect_response("**/api/reviews/many") as answer:
        held[0].continue_()
    await_saved(page)
    assert len(json.loads(answer.value.request.post_data or "")["reviews"]) == 3
    assert [each.get("status") for each in answer.value.json()["answers"]] == [None, 409, None]
    decided = dict(read_decisions(folder, flags))
    assert decided == {
        flags[0]: "needs_info",
        flags[1]: "bad_input",
        flags[2]: "ambiguous",
        flags[3]: "bad_input",
    }
    expect(page.locator(".desk-notice")).to_contain_text("Not kept: Bad input.")
    page.close()


def test_two_who_work_from_both_ends_take_nothing_from_each_other(
    browser: Browser, address: str, folder: Path
) -> None:
    flags = list_open(address, "share")
    first, second = (open_desk(browser, address, "model=share") for _ in range(2))
    errors = [*watch_errors(first), *watch_errors(second)]
    press(second, "End")
    expect(second.locator(".desk-status")).to_contain_text("120 of 120")
    for _ in range(30):
        press(first, "2")
        press(second, "o")
    for page in (first, second):
        await_saved(page)
        expect_total(page, 60)
    decided = read_decisions(folder, flags)
    assert [each for each in decided if each[1] == "ham"] == [(flag, "ham") for flag in flags[:30]]
    assert [each for each in decided if each[1] != "ham"] == [
        (flag, "out_of_scope") for flag in reversed(flags[-30:])
    ]
    assert find_selected(first) == flags[30]
    assert find_selected(second) == flags[-31]
    assert errors == []
    first.close()
    second.close()


@pytest.mark.parametrize(("choice", "kept"), [("Take mine", "bad_input"), ("Take theirs", "ambiguous")])
def test_of_two_decisions_at_the_same_instant_the_second_is_asked_about(
    browser: Browser, address: str, tmp_path: Path, choice: str, kept: str
) -> None:
    first, second = (open_desk(browser, address, "model=clash") for _ in range(2))
    flag = find_selected(first)
    assert find_selected(second) == flag
    held: list[Route] = []
    for page in (first, second):
        page.route("**/api/reviews**", lambda route: held.append(route))
    with first.expect_request("**/api/reviews"):
        press(first, "a")
    with second.expect_request("**/api/reviews"):
        press(second, "b")
    for page, route in zip((first, second), held, strict=True):
        with page.expect_response("**/api/reviews"):
            route.continue_()
        page.unroute("**/api/reviews**")
    notice = second.locator(".desk-notice")
    expect(notice).to_contain_text("Not kept: Bad input. Changed by")
    expect(notice).to_contain_text("Ambiguous")
    expect(first.locator(".desk-notice")).to_have_count(0)
    save_screenshot(second, f"desk-same-instant-{kept}", tmp_path)
    notice.get_by_role("button", name=choice).click()
    expect(notice).to_have_count(0)
    await_saved(second)
    first.goto(f"{address}/?tab=review&model=clash&view=all&flag={flag}")
    expect(first.locator(".desk-verdict")).to_contain_text(kept.replace("_", " ").capitalize())
    assert read_card(address, flag)["resolution"] == kept
    first.close()
    second.close()


def test_what_is_pressed_while_the_connection_is_cut_arrives_in_order_and_moves_nobody(
    browser: Browser, address: str, folder: Path, tmp_path: Path
) -> None:
    flags = list_open(address, "cut")
    cut, other = (open_desk(browser, address, "model=cut") for _ in range(2))
    errors = [*watch_errors(cut), *watch_errors(other)]
    press(other, *["j"] * 25)
    expect(other.locator(".desk-status")).to_contain_text("26 of 40")
    place, height = find_selected(other), find_height(other)

    press(cut, "2", "3")
    await_saved(cut)
    cut.context.set_offline(True)
    press(cut, "a", "2", "s", "b", "3", "u", "d", "j", "w")
    expect(cut.locator(".desk-status")).to_contain_text("5 decisions are kept here")
    save_screenshot(cut, "desk-cut", tmp_path)
    press(other, "End", "p")
    await_saved(other)
    expect_total(other, 37)
    assert set(list_open(address, "cut")) == set(flags[2:-1])
    press(other, "Home", *["j"] * (25 - 2))
    assert find_selected(other) == place
    height = find_height(other)

    cut.context.set_offline(False)
    await_saved(cut)
    expect_total(other, 32)
    assert find_selected(other) == place
    assert find_height(other) == height
    expect_total(cut, 32)
    assert read_decisions(folder, flags) == [
        (flags[0], "ham"),
        (flags[1], "eggs"),
        (flags[-1], "app_bug"),
        (flags[2], "ambiguous"),
        (flags[3], "ham"),
        (flags[5], "bad_input"),
        (flags[6], "duplicate"),
        (flags[8], "wont_fix"),
    ]
    assert errors == []
    cut.close()
    other.close()


def test_leaving_with_unsent_work_warns_and_a_reload_sends_it_in_order(
    browser: Browser, address: str, folder: Path
) -> None:
    flags = list_open(address, "cut")
    page = open_desk(browser, address, "model=cut")
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.reload()
    expect(page.locator(".desk-history")).to_be_visible()
    assert asked == []
    page.route("**/api/reviews**", lambda route: route.abort())
    press(page, "a", "b", "3", "n")
    expect(page.locator(".desk-status")).to_contain_text("4 decisions are kept here")
    page.unroute("**/api/reviews**")
    page.reload()
    assert asked == ["beforeunload"]
    await_saved(page)
    said = ["ambiguous", "bad_input", "eggs", "needs_info"]
    assert read_decisions(folder, flags) == list(zip(flags[:4], said, strict=True))
    page.close()


def test_what_other_programs_write_appears_without_moving_what_one_looks_at(
    browser: Browser, address: str, folder: Path
) -> None:
    flags = list_open(address, "live")
    page = open_desk(browser, address, "model=live")
    press(page, *["j"] * 40)
    expect(page.locator(".desk-status")).to_contain_text("41 of 90")
    place, height = find_selected(page), find_height(page)
    with Workspace(folder, is_app=False) as workspace:
        made = build_flag("live", "made by another program")
        workspace.add_flags([made])
    pill = page.get_by_role("button", name="↑ 1 new")
    expect(pill).to_be_visible()
    run_cli(folder, "review", flags[0], "--resolution", "duplicate", "--reviewer", "Ольга")
    expect(page.locator(".desk-status")).to_contain_text("40 of")
    assert (find_selected(page), find_height(page)) == (place, height)
    run_cli(folder, "review", place, "--comment", "seen <b>too</b>", "--reviewer", "Ольга")
    expect(page.locator(".desk-history")).to_contain_text(
        "Ольга: commented: “seen <b>too</b>”", timeout=PATIENCE
    )
    pill.click()
    expect(page.locator(f"[data-flag='{made.flag_id}']")).to_be_visible()
    expect(page.locator(".desk-status")).to_contain_text("41 of 90")
    page.close()


def run_cli(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "reviewer", "--workspace", str(folder), *words]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def clocked(browser: Browser, address: str) -> Iterator[Page]:
    """A desk whose time stands still unless the test moves it on."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US")
    page.clock.install()
    page.goto(f"{address}/?tab=review&model=hidden")
    expect(page.locator(".desk-history")).to_be_visible()
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    yield page
    page.close()


TURN = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
    const visibilityState = hidden ? "hidden" : "visible";
    Object.defineProperty(document, "visibilityState", { configurable: true, value: visibilityState });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


BELL = "/api/notifications/count"


def test_a_page_out_of_sight_asks_for_nothing_and_is_up_to_date_once_it_is_looked_at(
    clocked: Page, address: str
) -> None:
    flags = list_open(address, "hidden")
    asked: list[str] = []
    clocked.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    # In another pane of a page in sight the bell asks alone.
    for leave, come_back, still_asked in (
        (lambda: clocked.evaluate(TURN, True), lambda: clocked.evaluate(TURN, False), set()),
        (lambda: open_pane(clocked, "Export"), lambda: open_pane(clocked, "Queue"), {BELL}),
    ):
        for _ in range(2):  # the first one may have been on its way for long
            with clocked.expect_response("**/api/news*"):
                clocked.clock.run_for(1_000)
        leave()
        asked.clear()
        clocked.clock.run_for(120_000)
        assert {each.removeprefix(address) for each in asked} <= still_asked
        flag = flags.pop()
        decide(address, flag, resolution="duplicate")
        with clocked.expect_response("**/api/news*"):
            come_back()
            clocked.clock.run_for(1_000)
        expect(clocked.locator(f"[data-flag='{flag}']")).to_have_count(0)


def open_pane(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def decide(address: str, flag_id: str, resolution: str) -> None:
    seq = read_card(address, flag_id)["seq"]
    body = {"action_id": new_id(), "flag_id": flag_id, "seq": seq, "resolution": resolution}
    httpx2.post(f"{address}/api/reviews", json=body).raise_for_status()


SEND = """([path, body]) => fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
}).then(async (answer) => [answer.status, await answer.json()])"""


def test_requests_made_by_hand_are_refused_in_a_sentence_and_change_nothing(
    browser: Browser, address: str
) -> None:
    flag = list_open(address, "hand")[0]
    page = open_desk(browser, address, "model=hand")
    errors = watch_errors(page)
    press(page, "a", "u")
    await_saved(page)
    decision = {"action_id": new_id(), "flag_id": flag, "seq": 2, "resolution": "duplicate"}
    refused: dict[int, list[dict[str, Any]]] = {
        404: [{"flag_id": UNKNOWN_ID}, {"flag_id": "'; drop table flags"}, {"resolution": "<b>gone</b>"}],
        409: [{"seq": 0}, {"seq": 99}],
        422: [{"corrected_label": "ham"}, {"act": "steal"}, {"who": "me"}, {"flag_id": None}],
    }
    before = read_card(address, flag)
    for status, changes in refused.items():
        for change in changes:
            got, answer = page.evaluate(SEND, ["api/reviews", {**decision, **change}])
            assert (got, change) == (status, change)
            assert answer["error"].endswith(".")
    assert read_card(address, flag) == before
    assert errors == []
    page.close()


def test_news_that_come_while_another_view_is_on_its_way_choose_no_flag_in_it(
    browser: Browser, address: str
) -> None:
    newest, oldest = list_open(address, "turn")
    page = open_desk(browser, address, "model=turn")
    press(page, "i")
    await_saved(page)
    held: list[Route] = []
    page.route("**/api/queue?**view=mine**", lambda route: held.append(route))
    with page.expect_response(lambda answer: "/api/news" in answer.url and oldest in answer.text()):
        press(page, "i", "]")
    page.wait_for_timeout(200)  # for what the page makes of it
    for route in held:
        route.continue_()
    expect(page.locator(".desk-row")).to_have_count(2)
    assert find_selected(page) == newest
    page.close()


def test_a_link_to_a_flag_that_is_not_there_says_so_and_the_queue_goes_on(
    browser: Browser, address: str, folder: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US")
    page.goto(f"{address}/?tab=review&model=hand&flag={UNKNOWN_ID}")
    expect(page.locator(".desk-card")).to_contain_text(UNKNOWN_ID)
    press(page, "a", "j")
    expect(page.locator(".desk-history")).to_be_visible()
    flags = list_open(address, "hand")
    assert find_selected(page) == flags[0]
    assert len(flags) == MODELS["hand"]
    page.close()
