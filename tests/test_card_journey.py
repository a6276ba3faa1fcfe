"""The review card with every kind of input, answer and origin, in a real browser."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from browser import save_screenshot, serve_folder, watch_errors
from builders import make_flag, make_wav
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator, Page, expect

from reviewer.records import Flag, Prediction
from reviewer.workspace import Workspace

pytestmark = [pytest.mark.server, pytest.mark.browser]

CONFIG = """\
[models.everything]
task = "text-classification"
kind = "python"
trusted = true
path = "parrot:everything"
labels = ["good", "bad"]
[models.everything.inputs]
note = { component = "textbox", label = "Note" }
amount = "number"
level = { component = "slider", minimum = 0, maximum = 5, step = 0.5 }
color = { component = "dropdown", choices = ["red", "green"] }
shape = { component = "radio", choices = ["disc", "ring"] }
agreed = { component = "checkbox", label = "Agreed" }
parts = { component = "checkbox_group", choices = ["a, b", "c"] }
day = { component = "date", include_time = true }
paper = { component = "file", label = "Paper" }
photo = { component = "image", label = "Photo" }
drawing = { component = "sketch", width = 16, height = 16, mode = "L" }
speech = { component = "audio", label = "Speech" }
goods = { component = "table", columns = { item = "text", price = "number", sold = "boolean" } }
hint = { component = "textbox", label = "Hint", required = false }
more = { component = "checkbox_group", choices = ["x", "y"], required = false }
[models.everything.outputs]
verdict = "label"
second = "label"
words = "text"
share = "number"
list = "table"
picture = "image"
chart = { component = "plot", label = "Chart" }
printed = "plot"
raw = "json"
marked = "highlighted_text"

[models.writer]
task = "text-generation"
kind = "python"
trusted = true
path = "parrot:write"
inputs.text = { component = "textbox", label = "Text", max_length = 6_000_000 }

[models.reader]
task = "generic"
kind = "python"
trusted = true
path = "parrot:read"
inputs.text = "textbox"

[models.scale]
task = "tabular-regression"
kind = "python"
trusted = true
path = "parrot:weigh"
inputs.text = "textbox"
rules = [{ rule = "slow", above_ms = 100_000 }, { rule = "out_of_range", maximum = 3 }]

[models.plots]
task = "generic"
kind = "python"
trusted = true
path = "parrot:plot"
inputs.text = "textbox"
outputs.chart = "plot"

[models.elsewhere]
task = "text-classification"
kind = "external"
inputs.text = "textbox"
"""

MODULE = '''\
from PIL import Image


class Printed:
    """Saves itself as Matplotlib's figures do."""

    def savefig(self, file, format):
        Image.new("RGB", (300, 120), "teal").save(file, format)


HOSTILE = "<a href='javascript:alert(1)'>link</a><img src=x onerror='parent.document.title=1'>"
BROKEN = {"data": [{"y": [1]}], "layout": {}, "frames": 5}
PLOTS = {
    "lines": ({"type": "scatter", "y": [1, 3, 2]}, "A <b>line</b>"),
    "many": ({"type": "scattergl", "mode": "markers", "x": [1, 2, 3], "y": [1, 3, 2]}, "Many"),
    "hostile": ({"type": "bar", "x": [HOSTILE], "y": [2], "text": [HOSTILE]}, HOSTILE),
}


def plot(text):
    if text == "broken":
        return BROKEN
    trace, title = PLOTS[text]
    return {"data": [trace], "layout": {"title": {"text": title}}}


def everything(**inputs):
    scores = {"good": 0.7, "bad": 0.3}
    rows = [[row, *[f"{row}.{column}" for column in range(30)]] for row in range(3000)]
    return {
        "verdict": scores,
        "second": {"<i>calm</i>": 0.25, "loud": 0.75},
        "words": "first line\\nsecond line",
        "share": -7.5,
        "list": {"columns": ["row", *[f"column {at}" for at in range(30)]], "rows": rows},
        "picture": Image.new("L", (8, 8), 128),
        "chart": plot("lines"),
        "printed": Printed(),
        "raw": {"media": "../../x.png", "deep": [1, None, {"<b>": "</div>"}]},
        "marked": [["Bern", "city"], [" is ", None], ["nice", 0.875], [" <b>", None]],
    }


def write(text):
    if text == "fail":
        raise ValueError("<b>no</b> such word")
    return f"answer to {text[:20]}"


def read(text):
    return {"length": len(text), "words": text.split()[:3]}


def weigh(text):
    if text == "fail":
        raise ValueError("too heavy")
    return float(len(text))
'''

TEXT = "${1+1} {{x}} '=cmd <b>bold</b> \U0001f600\nשלום עולם\nend"
LONG = "word " * 1_000_000
"""Five million characters."""


def draw_ring() -> bytes:
    ring = Image.new("RGB", (60, 60), "white")
    ImageDraw.Draw(ring).ellipse((10, 10, 50, 50), outline="black", width=6)
    buffer = io.BytesIO()
    ring.save(buffer, "PNG")
    return buffer.getvalue()


EVERYTHING: dict[str, Any] = {
    "note": TEXT,
    "amount": -7.25,
    "level": 3.5,
    "color": "green",
    "shape": "ring",
    "agreed": True,
    "parts": ["a, b", "c"],
    "day": "2026-03-01T12:30:00",
    "photo": draw_ring(),
    "drawing": draw_ring(),
    "speech": make_wav(b"\x00\x10\x00\xf0" * 20_000),
    "goods": {"columns": ["item", "price", "sold"], "rows": [["pen", 1.5, True], ["", None, False]]},
    "hint": None,
    "more": [],
}

IMPORTED = {
    "file": "log.csv",
    "row": 7,
    "flagged_at": "zone unknown, read as UTC",
    "repairs": ["Text: an apostrophe was taken away"],
    "altered": {"text": "may have begun with an apostrophe"},
    "logger": None,
}


def fill(workspace: Workspace, folder: Path) -> None:
    (folder / "<b>paper №1.txt").write_text("hello")
    paper = folder / "<b>paper №1.txt"
    flag(workspace, "everything", {**EVERYTHING, "paper": paper}, comment="שלום <i>there</i>")
    for text in ("make this shorter", "make this longer", LONG, "fail"):
        flag(workspace, "writer", {"text": text}, option="other")
    for text in ("one two", "three four"):
        flag(workspace, "reader", {"text": text}, option="wrong_value")
    for text in ("fail", "heavy"):
        workspace.predict("scale", {"text": text})
    for text in ("lines", "many", "hostile", "broken"):
        flag(workspace, "plots", {"text": text}, option="wrong_value")
    elsewhere = {"model": "elsewhere", "confidence": None, "model_version": "imported"}
    workspace.add_flags(
        [
            make_flag(**elsewhere, predicted_label="spam", inputs={"text": "from before"}, source="import",
                      tags=("Mine",), origin=IMPORTED, suggested_label="ham"),
            make_flag(**elsewhere, predicted_label="ham", inputs={"text": "seen"}, source="api",
                      origin={"client_values": ["text"], "edited": {"inputs": {"text": "<b>x</b>"}}}),
        ]
    )  # fmt: skip


def flag(workspace: Workspace, model: str, inputs: dict[str, Any], **given: Any) -> Flag:
    made: Prediction = workspace.predict(model, inputs)
    return workspace.flag(made.prediction_id, **{"option": "wrong_label", **given})


@pytest.fixture(scope="module")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards")
    (folder / "reviewer.toml").write_text(CONFIG)
    (folder / "parrot.py").write_text(MODULE)
    with Workspace.open(folder) as workspace:
        fill(workspace, folder)
    return folder


@pytest.fixture(scope="module")
def address(filled_folder: Path) -> Iterator[str]:
    with serve_folder(filled_folder) as served:
        yield served


def open_cards(browser: Browser, address: str, query: str, **context: Any) -> Page:
    """Open the desk on what the query selects, and return the page once a card is there."""
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 1000}, "locale": "en-US", **context})
    page.goto(f"{address}/?tab=review&{query}")
    expect(page.locator(".desk-history")).to_be_visible()
    return page


def find_field(page: Page, label: str) -> Locator:
    return page.locator("figure", has=page.locator("figcaption", has_text=re.compile(f"^{label}$")))


def find_row(page: Page, label: str) -> Locator:
    return page.locator(".desk-table tr", has=page.locator("th", has_text=label)).locator("td")


def select(page: Page, words: str) -> None:
    page.locator(".desk-row", has_text=words).first.click()
    expect(page.locator(".desk-row[aria-selected=true]")).to_contain_text(words)
    expect(page.locator(".desk-history")).to_be_visible()


def test_every_component_of_an_example_is_shown_as_it_is_stored(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=everything")
    errors = watch_errors(page)
    expect(find_field(page, "Note").locator(".desk-say")).to_have_text(TEXT, use_inner_text=True)
    told = {
        "Amount": "-7.25", "Level": "3.5", "Color": "green", "Shape": "ring", "Agreed": "yes",
        "Day": "2026-03-01T12:30:00", "Hint": "left empty", "More": "nothing chosen",
    }  # fmt: skip
    for label, words in told.items():
        expect(find_row(page, label)).to_have_text(words)
    expect(find_row(page, "Parts").locator(".desk-choice")).to_have_text(["a, b", "c"])
    for label in ("Photo", "Drawing"):
        assert find_field(page, label).locator("img").evaluate("each => each.naturalWidth") == 60
    sound = find_field(page, "Speech").locator("audio")
    expect(sound).to_have_js_property("duration", 5)
    expect(find_field(page, "Goods").locator("tbody td")).to_have_text(["pen", "1.5", "yes", "—", "—", "no"])
    with page.expect_download() as download:
        find_field(page, "Paper").get_by_role("link").click()
    assert download.value.suggested_filename.endswith("paper №1.txt")
    assert download.value.path().read_text() == "hello"
    save_screenshot(page, "card-inputs", tmp_path)
    assert errors == []
    page.close()


def test_every_component_of_an_answer_is_shown_as_it_is_stored(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=everything")
    answers = page.get_by_role("region", name="Further outputs").first
    expect(find_field(page, "Second").locator(".desk-score")).to_have_text(["loud0.75", "<i>calm</i>0.25"])
    expect(find_field(page, "Words")).to_contain_text("first line\nsecond line", use_inner_text=True)
    table = find_field(page, "List").locator("tbody")
    assert 10 < table.locator("tr").count() < 200
    expect(table.locator("tr").last).to_contain_text("more")
    for label, width in (("Picture", 8), ("Printed", 300)):
        assert find_field(page, label).locator("img").evaluate("each => each.naturalWidth") == width
    raw = find_field(page, "Raw").locator(".desk-say").inner_text()
    assert '"media": "../../x.png"' in raw
    assert '"<b>": "</div>"' in raw
    assert "url" not in raw
    expect(find_field(page, "Marked").locator("mark")).to_have_text(["Bern city", "nice 0.875"])
    plot = find_field(page, "Chart").frame_locator("iframe")
    expect(plot.locator(".gtitle")).to_have_text("A line")
    find_field(page, "Chart").scroll_into_view_if_needed()
    save_screenshot(page, "card-outputs", tmp_path)
    expect(answers).to_be_visible()
    page.close()


def test_what_was_unfolded_and_is_playing_outlives_news_about_the_flag(
    browser: Browser, address: str
) -> None:
    page = open_cards(browser, address, "model=everything")
    sound = find_field(page, "Speech").locator("audio")
    sound.evaluate("each => { each.loop = true; each.muted = true; return each.play(); }")
    find_field(page, "List").locator(".desk-fold").click()
    frame = find_field(page, "Chart").locator("iframe")
    expect(frame.content_frame.locator(".gtitle")).to_be_attached()
    frame.evaluate("each => { each.reloads = 0; each.onload = () => (each.reloads += 1); }")
    page.keyboard.press("m")
    page.keyboard.type("sounds odd")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".desk-history")).to_contain_text("sounds odd")
    assert sound.evaluate("each => each.paused") is False
    assert find_field(page, "List").locator("tbody tr").count() > 200
    assert frame.evaluate("each => each.reloads") == 0
    page.close()


def test_a_hostile_plot_reaches_nothing_and_leads_nowhere(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=plots")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    select(page, "many")
    expect(page.frame_locator(".desk-plot").locator(".gl-container canvas").first).to_be_attached()
    select(page, "hostile")
    plot = page.frame_locator(".desk-plot")
    expect(plot.locator(".gtitle")).to_contain_text("<img src=x")
    plot.locator(".gtitle a").first.click(force=True)
    frame = page.locator(".desk-plot").element_handle().content_frame()
    assert frame is not None
    reach = """async () => [
        await fetch("../api/models").then(() => "read", () => "refused"),
        (() => { try { return parent.document.title } catch { return "refused" } })(),
        self.origin,
    ]"""
    assert frame.evaluate(reach) == ["refused", "refused", "null"]
    assert frame.url.endswith("/ui/plot.html")
    assert {url for url in asked if not url.startswith(address)} <= {"about:blank"}
    assert not any(url.endswith("/x") for url in asked)
    save_screenshot(page, "card-hostile-plot", tmp_path)
    page.close()


def test_a_figure_that_cannot_be_drawn_is_shown_as_it_is_stored(browser: Browser, address: str) -> None:
    page = open_cards(browser, address, "model=plots")
    select(page, "broken")
    answer = page.get_by_role("region", name="Answer")
    expect(answer.locator(".desk-bad")).to_contain_text("The plot cannot be drawn")
    expect(answer.locator(".desk-json")).to_contain_text('"frames": 5')
    expect(answer.locator("iframe")).to_have_count(0)
    page.close()


def test_the_plot_page_is_of_no_origin_wherever_it_is_opened(address: str) -> None:
    answer = httpx2.get(f"{address}/ui/plot.html")
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"sandbox allow-scripts", "default-src 'none'", "frame-ancestors 'self'"} <= set(policy)
    for path in ("/ui//plot.html", "/ui/desk/%2e%2e/plot.html", "/ui/plot.html%2f"):
        assert httpx2.get(f"{address}{path}").status_code == 404


def test_only_pictures_and_recordings_are_shown_the_rest_is_saved_under_its_name(address: str) -> None:
    [card] = read_flags(address, "everything")
    shown = {name: card["inputs"][name]["url"] for name in ("photo", "speech", "paper")}
    headers = {name: httpx2.get(address + url).headers for name, url in shown.items()}
    ways = {name: each["content-disposition"].partition(";")[0] for name, each in headers.items()}
    assert ways == {"photo": "inline", "speech": "inline", "paper": "attachment"}
    assert headers["paper"]["content-disposition"].endswith("%3Cb%3Epaper%20%E2%84%961.txt")
    assert {each["x-content-type-options"] for each in headers.values()} == {"nosniff"}


def test_a_page_without_an_origin_gets_the_scripts_of_plots_and_nothing_else(address: str) -> None:
    def ask(path: str, origin: str = "null", method: str = "GET") -> int:
        answer = httpx2.request(method, f"{address}{path}", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        return answer.status_code

    for path in ("/ui/plotly.min.js", "/ui/plot.js"):
        assert [ask(path), ask(path, "https://evil.example"), ask(path, method="POST")] == [200, 403, 403]
    assert [ask(path) for path in ("/ui/plot.html", "/api/models", "/")] == [403, 403, 403]


def test_a_text_of_five_million_characters_is_folded(browser: Browser, address: str) -> None:
    page = open_cards(browser, address, "model=writer")
    select(page, "word word")
    shown = page.locator(".desk-card-body .desk-say").first
    expect(shown.locator(".desk-fold")).to_contain_text("Show 4,996,000 more characters")
    shown.locator(".desk-fold").click()
    expect(shown.locator(".desk-fold")).to_contain_text("Show 4,946,000 more characters")
    assert shown.evaluate("each => each.firstChild.data + each.childNodes[1].data") == LONG[:54_000]
    page.close()


def test_a_failure_is_one_sentence_with_its_traceback_folded(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=writer")
    select(page, "fail")
    failure = page.locator(".desk-failure")
    expect(failure.locator("p")).to_contain_text("ValueError: <b>no</b> such word")
    expect(failure.locator("pre")).to_be_hidden()
    failure.locator("summary").click()
    expect(failure.locator("pre")).to_contain_text("Traceback")
    save_screenshot(page, "card-failure", tmp_path)
    page.close()


def read_flags(address: str, model: str, view: str = "all") -> list[dict[str, Any]]:
    parameters: dict[str, str | int] = {"view": view, "model": model, "limit": 100}
    rows = httpx2.get(f"{address}/api/queue", params=parameters).json()["flags"]
    return [httpx2.get(f"{address}/api/flags/{row['flag_id']}").json() for row in rows]


def await_saved(page: Page) -> None:
    expect(page.locator(".desk-saving-ok")).to_be_visible()


def test_a_generated_text_is_corrected_and_the_correction_taken_back(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=writer")
    select(page, "make this shorter")
    page.keyboard.press("v")
    field = page.get_by_label("Right output")
    expect(field).to_be_focused()
    expect(field).to_have_value("answer to make this shorter")
    page.keyboard.type("<b>short</b>\nשלום")
    select(page, "make this longer")
    expect(field).to_have_value("answer to make this longer")
    select(page, "make this shorter")
    expect(field).to_have_value("<b>short</b>\nשלום")
    page.keyboard.press("v")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".desk-said")).to_have_text("Corrected to <b>short</b> שלום")
    await_saved(page)
    page.locator(".desk-entry", has_text="Done").click()
    right = page.get_by_role("region", name="Right output")
    expect(right.locator(".desk-say")).to_have_text("<b>short</b>\nשלום", use_inner_text=True)
    expect(page.locator(".desk-history")).to_contain_text("Corrected to <b>short</b>")
    save_screenshot(page, "card-corrected", tmp_path)
    [card] = read_flags(address, "writer", "done")
    assert (card["resolution"], card["corrected_output"]) == ("label_corrected", "<b>short</b>\nשלום")
    page.keyboard.press("u")
    expect(right).to_have_count(0)
    await_saved(page)
    assert read_flags(address, "writer", "done") == []
    page.close()


def test_a_json_answer_is_corrected_and_broken_json_refused_in_a_sentence(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=reader")
    for typed, sentence in (("[1,", "“[1,” is not JSON"), ("null", "Write the right output first")):
        page.keyboard.press("v")
        page.keyboard.type(typed)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".desk-compose [role=alert]:visible")).to_contain_text(sentence)
        page.keyboard.press("Escape")
    save_screenshot(page, "card-broken-json", tmp_path)
    page.keyboard.press("v")
    page.keyboard.type('{"length": 3}')
    page.keyboard.press("Control+Enter")
    await_saved(page)
    page.keyboard.press("v")  # the next flag, whose own answer stands in the field
    page.keyboard.press("Control+Enter")
    await_saved(page)
    decided = {card["resolution"]: card["corrected_output"] for card in read_flags(address, "reader", "done")}
    assert decided == {"label_corrected": {"length": 3}, "prediction_correct": None}
    page.close()


def test_a_value_that_the_model_failed_to_give_can_be_typed(browser: Browser, address: str) -> None:
    page = open_cards(browser, address, "model=scale")
    select(page, "fail")
    page.keyboard.press("v")
    page.keyboard.type("4.5")
    page.keyboard.press("Enter")
    await_saved(page)
    assert [card["corrected_value"] for card in read_flags(address, "scale", "done")] == [4.5]
    page.close()


def test_a_rule_is_named_with_its_reason_in_the_readers_language(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=scale&text=heavy")
    row, note = page.locator(".desk-row"), page.locator(".desk-note")
    expect(row).to_contain_text("Rule: value out of range · The value 5 is")
    expect(note).to_contain_text("The value 5 is")
    page.close()
    page = open_cards(browser, address, "model=scale&text=heavy", locale="ru-RU", color_scheme="dark")
    expect(page.locator(".desk-row")).to_contain_text("Правило: значение вне пределов · Значение 5 больше")
    expect(page.locator(".desk-note")).to_contain_text("Значение 5 больше 3")
    save_screenshot(page, "card-russian", tmp_path)
    page.close()


def test_an_imported_flag_says_where_it_comes_from_and_what_was_repaired(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=elsewhere&source=import")
    expect(page.locator(".desk-chip", has_text="Source: imported")).to_be_visible()
    note = page.locator(".desk-note")
    expect(note).to_contain_text("Imported from log.csv, row 7")
    expect(note).to_contain_text("Tags: Mine")
    note.locator("summary").click()
    expect(find_row(page, "Repaired")).to_have_text("Text: an apostrophe was taken away")
    expect(find_row(page, "May differ")).to_have_text("text: may have begun with an apostrophe")
    save_screenshot(page, "card-imported", tmp_path)
    page.keyboard.press("2")
    expect(page.locator(".desk-said")).to_have_text("Prediction is right")
    page.close()


def test_a_model_that_runs_elsewhere_is_corrected_to_a_label_seen_in_its_flags(
    browser: Browser, address: str
) -> None:
    page = open_cards(browser, address, "model=elsewhere&source=api")
    note = page.locator(".desk-note")
    expect(note).to_contain_text("The browser showed other values than the app had: Text.")
    expect(note).to_contain_text("Only the browser knows these values: Text.")
    note.locator("summary").click()
    expect(find_row(page, "In the browser")).to_have_text("Text: <b>x</b>")
    page.locator(".desk-label", has_text="spam").click()
    await_saved(page)
    done = read_flags(address, "elsewhere", "done")
    assert [card["corrected_label"] for card in done if card["source"] == "api"] == ["spam"]
    page.close()


def test_a_russian_card_tells_failures_and_doubts_in_russian(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = open_cards(browser, address, "model=writer&text=fail", locale="ru-RU")
    expect(page.locator(".desk-failure p")).to_contain_text(
        "Сбой: модель writer, версия 1: ValueError: <b>no"
    )
    page.goto(f"{address}/?tab=review&view=all&model=elsewhere&source=api")
    note = page.locator(".desk-note")
    expect(note).to_contain_text("В браузере были не те значения, что у приложения: Text.")
    expect(note).to_contain_text("Эти значения известны только от браузера: Text.")
    save_screenshot(page, "card-russian", tmp_path)
    page.close()


def test_a_narrow_card_in_the_dark_is_no_wider_than_its_page(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    narrow = {"width": 420, "height": 900}
    page = open_cards(browser, address, "model=everything", viewport=narrow, color_scheme="dark")
    expect(find_field(page, "Chart").frame_locator("iframe").locator(".gtitle")).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") == 420
    save_screenshot(page, "card-narrow", tmp_path)
    page.close()
